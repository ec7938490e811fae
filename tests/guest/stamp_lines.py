#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The logger of examples/: its lines carry UTC and a bound, in order, or say why not.

    stamp_lines.py WITH_PAGE STAMP_LINES
"""

import datetime
import re
import subprocess
import sys

STAMPED = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{9})Z \+-(\d+\.\d{9}) (.*)")


def run(*command, text=""):
    """Exit status, output, errors."""
    done = subprocess.run(command, input=text, text=True, capture_output=True, check=False)
    return done.returncode, done.stdout, done.stderr


def check_stamps(with_page, program):
    """Many lines: each whole, in order of time, within what the test's page promises."""
    lines = [f"line {number}, with a tail" for number in range(2000)] + ["", "\ttabs and é"]
    status, out, err = run(with_page, program, "@", text="".join(f"{x}\n" for x in lines))
    if status == 77:
        print("skip: no counter that a page can be about")
        sys.exit(77)
    assert status == 0 and not err, (status, err)
    found = [STAMPED.fullmatch(line) for line in out.splitlines()]
    assert all(found), next(x for x, m in zip(out.splitlines(), found) if not m)
    assert [match.group(4) for match in found] == lines
    instants = [(datetime.datetime.fromisoformat(m.group(1)).timestamp(), int(m.group(2)))
                for m in found]
    # A page's next line may start a little behind: by less than both bounds.
    ns = [int(sec) * 10 ** 9 + frac for sec, frac in instants]
    bounds = [float(m.group(3)) for m in found]
    assert all(0 < bound < 0.01 for bound in bounds), max(bounds)
    for before, after, bound in zip(ns, ns[1:], bounds):
        assert after > before - 2e9 * bound, (before, after)
    assert ns[-1] > ns[0]
    print(f"{len(lines)} lines, {ns[-1] - ns[0]} ns, bounds up to {max(bounds)} s")


def check_failures(program):
    """No page, not a page, bad usage: one line each."""
    for arguments, wanted, text in ((["/nonexistent/page"], 2, "/nonexistent/page: No such file"),
                                    (["/etc/passwd"], 2, "/etc/passwd: "),
                                    (["a", "b"], 1, "usage: ")):
        status, out, err = run(program, *arguments)
        assert status == wanted and not out and text in err and err.count("\n") == 1, (status, err)


check_stamps(sys.argv[1], sys.argv[2])
check_failures(sys.argv[2])
