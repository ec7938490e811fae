#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Add up test results: count.py BROKEN JUNIT...

BROKEN is the number of steps that gave no results at all; each counts as a failure. Prints what
failed and what was skipped, then "N passed, N failed, N skipped"; exits 1 if anything failed.
"""

import json
import os
import re
import sys
import xml.etree.ElementTree


def cases(path):
    """(name, verdict) of every test, and of every subtest of a test that speaks TAP."""
    with open(path, encoding="utf-8", errors="replace") as stream:
        # meson copies what tests print, control characters included, which XML cannot hold.
        text = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", "?", stream.read())
    try:
        results = xml.etree.ElementTree.fromstring(text.encode())
    except xml.etree.ElementTree.ParseError as error:
        yield f"results are not readable: {error}", "failed"
        return
    for case in results.iter("testcase"):
        name = f"{case.get('classname') or ''} {case.get('name')}".strip()
        if case.find("failure") is not None or case.find("error") is not None:
            yield name, "failed"
        elif case.find("skipped") is not None:
            yield name, "skipped"
        else:
            yield name, "passed"


def aborted(path, failed):
    """Tests that died between two subtests: nothing in their results says so, but meson's log."""
    log = path.replace(".junit.xml", ".json")
    if not os.path.exists(log):
        return
    with open(log, encoding="utf-8", errors="replace") as stream:
        for line in stream:
            test = json.loads(line)
            bad = test["result"] in ("FAIL", "ERROR", "TIMEOUT", "INTERRUPT", "UNEXPECTEDPASS")
            if bad and not any(test["name"] in name for name in failed):
                yield test["name"]


def main(broken, *paths):
    """Print the verdict of all results; the exit status."""
    count = {"passed": 0, "failed": int(broken), "skipped": 0}
    for path in paths:
        found = list(cases(path))
        failed = [name for name, verdict in found if verdict == "failed"]
        found += [(name, "failed") for name in aborted(path, failed)]
        for name, verdict in found:
            count[verdict] += 1
            if verdict != "passed":
                print(f"{verdict}: {path.split('/')[1]}: {name}")
    print(", ".join(f"{number} {verdict}" for verdict, number in count.items()))
    return 1 if count["failed"] or not count["passed"] else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
