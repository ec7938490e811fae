#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Gate: a pure folder needs nothing from outside but what the allow-list names, and has no
writable data.

    purity.py ALLOWED ARCHIVE    the folder's objects, as its static library
    purity.py --self-test

All objects are linked together (ld -r), so that calls inside the folder resolve; what stays
undefined is what the folder asks of the world: no clock, no socket, no allocator, no printf.
"""

import pathlib
import tempfile

import common


def allowed_symbols(path):
    """The names in an allow-list, one per line, # starts a comment."""
    lines = pathlib.Path(path).read_text(encoding="utf-8").splitlines()
    return {line.split("#")[0].strip() for line in lines} - {""}


def problems_of(archive, allowed):
    """(problems, undefined symbols) of the objects in a static library."""
    with tempfile.TemporaryDirectory(prefix="gnomon-gate-") as folder:
        linked = folder + "/pure.o"
        status, output = common.run("ld", "-r", "--whole-archive", archive, "-o", linked)
        if status:
            return [f"{archive}: ld -r: {output.strip()}"], []
        undefined = common.run("nm", "-u", linked)[1].split()[1::2]
        sections = common.run("size", "-A", "-d", linked)[1].splitlines()
        common_data = common.run("nm", linked)[1].splitlines()
    found = [f"{archive}: needs {name}, which is not in the allow-list"
             for name in sorted(set(undefined) - allowed - {"_GLOBAL_OFFSET_TABLE_"})]
    for row in sections:
        part = row.split()
        if len(part) == 3 and part[0].startswith((".data", ".bss", ".tdata", ".tbss")):
            # Const tables of pointers live in .data.rel.ro: read-only after relocation.
            if not part[0].startswith(".data.rel.ro") and int(part[1]) > 0:
                found.append(f"{archive}: {part[1]} octets of writable data in {part[0]}")
    found += [f"{archive}: writable common symbol {row.split()[2]}" for row in common_data
              if len(row.split()) == 3 and row.split()[1] == "C"]
    return found, sorted(set(undefined))


def check(allow_list, archive):
    """Gate one static library."""
    found, undefined = problems_of(archive, allowed_symbols(allow_list))
    common.finish(found, f"{len(undefined)} undefined: {' '.join(undefined)}")


def self_test():
    """Impure objects must be seen."""
    files = {
        "clock.c": "#include <time.h>\nlong f(void) { return (long)time(NULL); }\n",
        "state.c": "static int calls; int g(void) { return ++calls; }\n",
        "table.c": "static const char *const t[] = {\"a\", \"b\"};\n"
                   "const char *h(int i) { return t[i]; }\n",
        "inner.c": "const char *h(int i); const char *k(void) { return h(1); }\n",
    }
    with common.Tree(files) as root:
        def archive(name, *sources):
            objects = []
            for source in sources:
                objects.append(f"{root}/{source}.o")
                assert common.run("cc", "-fPIC", "-O1", "-c", f"{root}/{source}", "-o",
                                  objects[-1])[0] == 0
            assert common.run("ar", "rcs", f"{root}/{name}", *objects)[0] == 0
            return f"{root}/{name}"

        impure = archive("impure.a", "clock.c", "state.c")
        common.expect(problems_of(impure, {"memcpy"})[0], "needs time", "writable data")
        pure = archive("pure.a", "table.c", "inner.c")
        common.expect(problems_of(pure, {"memcpy"})[0])
        common.expect(problems_of(archive("half.a", "inner.c"), set())[0], "needs h")


common.main(check, self_test)
