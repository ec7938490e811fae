#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Gate: the pure code runs on a microcontroller and on a big-endian machine.

    cross.py arm ROOT SOURCE...       compiles for a Cortex-M4F, reports its size
    cross.py endian ROOT SOURCE...    the examples print the same here and on s390x
    cross.py --self-test arm|endian

The endian gate links the pure sources into the two examples, decodes and encodes the messages of
messages.txt, lets two clocks find each other, and compares every octet of what is printed; and it
makes the seeds of guests' pages there, which must be those of the tree. It needs a cross compiler
and qemu-user, nothing else of the foreign architecture.
"""

import concurrent.futures
import os
import pathlib
import platform
import sys
import tempfile

import common

ARM = ("arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard",
       "-mfpu=fpv4-sp-d16", "-Os", "-ffunction-sections", "-std=c11", "-Wall", "-Wextra",
       "-Wvla", "-Werror", "-Wno-unused-parameter", "-Wno-missing-field-initializers")
# No contraction: a fused multiply-add rounds once where x86-64 rounds twice.
PLAIN = ("-O1", "-std=gnu11", "-ffp-contract=off", "-fno-strict-overflow")
FOREIGN = "s390x-linux-gnu-gcc"
QEMU = "qemu-s390x-static"


def compile_all(command, root, sources, folder):
    """Compile sources in parallel; (problems, objects)."""
    def one(source):
        target = f"{folder}/{source.replace('/', '_')}.o"
        status, output = common.run(*command, f"-I{root}/include", f"-I{root}", "-c",
                                    os.path.join(root, source), "-o", target)
        return [f"{source}: {output.strip()}"] if status else [], target

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        results = list(pool.map(one, sources))
    return sum((found for found, _ in results), []), [target for _, target in results]


def arm_problems(root, sources):
    """(problems, text size) of the sources built for a Cortex-M4F."""
    common.need(ARM[0])
    with tempfile.TemporaryDirectory(prefix="gnomon-gate-") as folder:
        found, objects = compile_all(ARM, root, sources, folder)
        if found:
            return found, 0
        rows = common.run("arm-none-eabi-size", *objects)[1].splitlines()[1:]
        data = sum(int(row.split()[1]) + int(row.split()[2]) for row in rows)
        if data:
            found.append(f"{data} octets of writable data")
        return found, sum(int(row.split()[0]) for row in rows)


def objects_of(compiler, root, sources, folder):
    """The objects of sources, or fail."""
    os.makedirs(f"{folder}/{compiler}", exist_ok=True)
    found, objects = compile_all((compiler, *PLAIN), root, sources, f"{folder}/{compiler}")
    if found:
        common.finish(found)
    return objects


def link(compiler, root, program, shared, folder):
    """Link one static program with objects it shares with others; its path, or fail."""
    target = f"{folder}/{pathlib.Path(program).stem}-{compiler}"
    objects = objects_of(compiler, root, [program], folder) + shared
    status, output = common.run(compiler, "-static", *objects, "-lm", "-o", target)
    if status:
        common.finish([f"{program}: {output.strip()}"])
    return target


def endian_problems(root, sources, runs):
    """Differences between both machines; runs: (program, arguments, expected output or None)."""
    common.need(FOREIGN)
    common.need(QEMU)
    found, octets = [], 0
    with tempfile.TemporaryDirectory(prefix="gnomon-gate-") as folder:
        shared = {cc: objects_of(cc, root, sources, folder) for cc in ("cc", FOREIGN)}
        for program, arguments, expected in runs:
            native, foreign = (link(cc, root, program, shared[cc], folder) for cc in shared)
            here = common.run(native, *arguments)
            there = common.run(QEMU, foreign, *arguments)
            octets += len(here[1])
            if here[0]:
                found.append(f"{program}: exits {here[0]}:\n{here[1]}")
            if expected is not None and here[1] != expected:
                found.append(f"{program}: prints not what is expected:\n{here[1]}")
            if here != there:
                rows = zip(here[1].splitlines() + [f"exit {here[0]}"],
                           there[1].splitlines() + [f"exit {there[0]}"])
                first = next((pair for pair in rows if pair[0] != pair[1]), ("", "length"))
                found.append(f"{program}: here {first[0]!r}, on s390x {first[1]!r}")
    return found, octets


def messages(path):
    """The messages of messages.txt: hexadecimal, blanks and # comments aside."""
    found, current = [], ""
    for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines() + [""]:
        part = "".join(line.split("#")[0].split())
        if part:
            current += part
        elif current and not line.startswith("#"):
            found.append(current)
            current = ""
    return found


def check(mode, root, *sources):
    """Gate the pure sources."""
    root = os.path.abspath(root)
    if mode == "arm":
        found, text = arm_problems(root, sources)
        common.finish(found, f"Cortex-M4F: {text} octets of text in {len(sources)} files")
    if platform.machine() != "x86_64":
        print("skip: needs a little-endian x86-64 to compare with")
        sys.exit(common.SKIP)
    vectors = messages(pathlib.Path(__file__).with_name("messages.txt"))
    expected = pathlib.Path(__file__).with_name("messages.expected").read_text(encoding="utf-8")
    pages = ["--check", os.path.join(root, "tests/fuzz/corpus/vmclock")]
    found, octets = endian_problems(root, sources, [("examples/decode.c", vectors, expected),
                                                    ("examples/two_clocks.c", ["120"], None),
                                                    ("tests/fuzz/vmclock_corpus.c", pages, "")])
    common.finish(found, f"{len(vectors)} messages, 120 s of two clocks and guests' pages: "
                         f"{octets} octets printed equal")


def self_test(mode):
    """What does not travel must be seen."""
    files = {
        "ptp/wide.c": "__int128 product(long long a, long long b);\n"
                      "__int128 product(long long a, long long b) { return (__int128)a * b; }\n",
        "ptp/state.c": "int state[8];\n",
        "ptp/order.c": "#include <stdio.h>\n#include <string.h>\nint main(void) { int x = 1;"
                       "unsigned char b[4]; memcpy(b, &x, 4); printf(\"%d\\n\", b[0]); }\n",
        "ptp/fine.c": "#include <stdio.h>\nint main(void) { puts(\"1\"); return 0; }\n",
    }
    with common.Tree(files) as root:
        if mode == "arm":
            common.expect(arm_problems(root, ["ptp/wide.c"])[0], "__int128")
            common.expect(arm_problems(root, ["ptp/state.c"])[0], "32 octets of writable data")
            common.expect(arm_problems(root, ["ptp/fine.c"])[0])
        else:
            common.expect(endian_problems(root, [], [("ptp/order.c", [], None)])[0],
                          "here '1', on s390x '0'")
            common.expect(endian_problems(root, [], [("ptp/fine.c", [], "1\n")])[0])
            common.expect(endian_problems(root, [], [("ptp/fine.c", [], "2\n")])[0],
                          "not what is expected")


common.main(check, self_test)
