#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The fuzz driver finds planted defects, keeps the input, and repeats a run.

    selftest.py PROGRAM [steered]

PROGRAM is driver.c with selftest.c. "steered": it was built with coverage, so that it must also
get through comparisons that mutation alone would not get through in so few runs.
"""

import pathlib
import re
import subprocess
import sys
import tempfile


def run(program, folder, *args):
    """(exit status, all output) of one run whose artifacts go to folder."""
    done = subprocess.run([program, "--artifacts", folder, *args], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL,
                          check=False, errors="replace")
    return done.returncode, done.stdout


def expect(condition, what, output=""):
    """End with failure unless condition holds."""
    if not condition:
        print(f"selftest: {what}\n{output}")
        sys.exit(1)


def harmless(program, folder):
    """A target without defect within reach ends with 0, twice the same, once per file."""
    seeds = pathlib.Path(folder, "seeds")
    seeds.mkdir()
    for name in ("a", "b", "c"):
        (seeds / name).write_bytes(name.encode())
    status, output = run(program, folder, str(seeds))
    expect(status == 0 and "fuzz: 3 executions" in output, "replay of three files", output)
    found = []
    for _ in range(2):
        status, output = run(program, folder, "--runs", "50", "--seed", "7", str(seeds))
        expect(status == 0 and "fuzz: 53 executions" in output, "50 mutations", output)
        found.append(re.sub(r" in [0-9.]+ s", "", output))
    expect(found[0] == found[1], "the same seed gave another run", "".join(found))


def crashes(program, folder, octets, *args):
    """Octets that crash are kept as they were, and crash again."""
    seed = pathlib.Path(folder, "seed")
    seed.write_bytes(octets)
    kept = pathlib.Path(folder, "crash-1")
    kept.unlink(missing_ok=True)
    status, output = run(program, folder, "--seed", "1", *args, str(seed))
    expect(status not in (0, 64, 77), f"{octets!r}: exit status {status}", output)
    expect(kept.exists(), f"{octets!r}: input not kept", output)
    status, output = run(program, folder, *args[:2], str(kept))
    expect(status not in (0, 64, 77), "the kept input does not crash", output)
    return kept.read_bytes()


def bad_usage(program, folder):
    """Mistakes on the command line are said and end with 64."""
    for args in ((), ("--runs", "x", folder), ("--runs",), ("--max-size", "0", folder),
                 ("--nonsense", "1", folder), (folder + "/missing",)):
        status, output = run(program, folder, *args)
        expect(status == 64 and output.strip(), f"{args}: exit status {status}", output)


def main():
    """Run all parts in one temporary folder."""
    program, steered = sys.argv[1], sys.argv[2:] == ["steered"]
    with tempfile.TemporaryDirectory(prefix="gnomon-fuzz-") as folder:
        harmless(program, folder)
        bad_usage(program, folder)
        expect(crashes(program, folder, b"READ") == b"READ", "another input kept")
        expect(crashes(program, folder, b"FUZ") == b"FUZ", "another input kept")
        expect(crashes(program, folder, b"LOOP", "--hang", "1") == b"LOOP", "another input kept")
        if steered:
            found = crashes(program, folder, b"F...", "--hang", "5", "--runs", "2000000")
            expect(found.startswith(b"FUZ"), f"found {found!r}")
    print("ok")


main()
