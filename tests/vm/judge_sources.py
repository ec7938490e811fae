# SPDX-License-Identifier: BSD-2-Clause
"""gnomond after a crash, with other sources than its ports: judges of guest/sources.sh."""

import re

from judge import FAULT, FREQUENCY_PPB, INSANE

TIME = re.compile(r"gnomond\[\d+\]: ([\d.]+) ")

RESUME_S = 2.0   # from the first Announce until the servo is in lock
RESUMED_NS = 200  # from then on, at 8 messages in a second; and if the frequency is not known:
ANEW_NS = 2000


def first(judge, what, pattern):
    """When a line of a log was first seen; None if never."""
    for line in judge.all("", what):
        match = TIME.match(line)
        if match and re.search(pattern, line):
            return float(match.group(1))
    return None


def resumed(judge, what, steps, tolerance=RESUMED_NS):
    """One start after a crash."""
    heard = first(judge, what, " new-foreign-clock ")
    locked = first(judge, what, " info sync .* state=SLAVE servo=s2 ")
    known = heard is not None and locked is not None
    judge.near(f"{what}: from the first Announce to lock, s",
               round(locked - heard, 3) if known else None, RESUME_S / 2, RESUME_S / 2)
    judge.throughout(what, 0, tolerance)
    found = [line for line in judge.all("", what) if " clock-step " in line]
    judge.expect(f"{what}: {len(found)} steps", len(found) == steps)
    bad = [line for line in judge.all("", what) if re.search(f"{FAULT}|{INSANE}", line)]
    judge.expect(f"{what}: no complaints {bad[:1]}", not bad)


def told(judge, what):
    """The frequency that the state file gave back."""
    match = re.search(r"state-file file=/tmp/state/eth1 age_s=\d+ frequency_ppb=([\d.]+)",
                      "\n".join(judge.all("", what)))
    return match and match.group(1)


def resume(judge):
    """What was known of the oscillator is known again, unless the file was damaged."""
    for what, steps in (("resumed", 0), ("moved", 1)):
        resumed(judge, what, steps)
        judge.near(f"{what}: frequency of the file, ppb", told(judge, what), 50000, FREQUENCY_PPB)
    resumed(judge, "damaged", 1, ANEW_NS)
    judge.expect("a damaged file is not used", told(judge, "damaged") is None)
    judge.expect("and says so", re.search(r"state file /tmp/state/eth1: .*checksum.*eth1\.bad",
                                          "\n".join(judge.all("", "damaged"))))
    judge.expect(f"and is kept: {judge.one('', 'files')}",
                 "eth1.bad" in (judge.one("", "files") or ""))
    judge.same("leader", "status", "0")


SCENARIOS = {"resume": resume}
