# SPDX-License-Identifier: BSD-2-Clause
"""gnomond after a crash, with other sources than its ports: judges of guest/sources.sh."""

import re

from judge import FAULT, FREQUENCY_PPB, INSANE, OFFSET_NS, UTC_NS

TIME = re.compile(r"gnomond\[\d+\]: ([\d.]+) ")

RESUME_S = 2.0   # from the first Announce until the servo is in lock
RESUMED_NS = 200  # from then on, at 8 messages in a second; and if the frequency is not known:
ANEW_NS = 20000  # what the servo leaves to slewing (first_step_threshold)

PULSE_NS = 5000  # by pulses, whose interrupts take a while
READ_NS = 150    # by readings of another clock
HELD_NS = 3000   # after half a minute by nothing
SYSTEM_NS = 500


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


def switches(judge, wanted):
    """Which source was followed after which."""
    found = [match.groups() for line in judge.all("follower", "log")
             if (match := re.search(r" source-switch from=(\S+) to=(\S+)", line))]
    judge.expect(f"switches: {found}", found == wanted)


def grandmaster(judge):
    """Pulses, then the clock that told their seconds, then nothing, then that clock again."""
    switches(judge, [("none", "receiver"), ("receiver", "pulses"), ("pulses", "receiver"),
                     ("receiver", "none"), ("none", "receiver")])
    judge.throughout("pulses", 0, PULSE_NS)
    judge.throughout("device", 0, READ_NS)
    judge.throughout("nothing", 0, HELD_NS)
    judge.throughout("again", 0, READ_NS)
    for what in ("pulses", "device", "again"):
        judge.same("", f"{what} claims", "6")
    held = judge.all("", "nothing claims")
    order = [claim for before, claim in zip([None] + held, held) if claim != before]
    judge.expect(f"clockClass without a source: {held}", order == ["7", "187", "248"])
    judge.says("follower", r"source-error source=receiver .*No such device", 1)
    judge.says("follower", "holdover mode=(holdover|free) ", 1)
    judge.says("follower", "holdover mode=following ", 1)
    judge.says("follower", " clock-step ", 1)
    judge.never("follower", FAULT, INSANE)
    for who in ("follower", "last"):
        judge.same(who, "status", "0")


def failover(judge):
    """Never worse than the source that is followed, and never a step."""
    switches(judge, [("none", "ports"), ("ports", "receiver"), ("receiver", "pulses"),
                     ("pulses", "ports")])
    judge.throughout("port", 0, OFFSET_NS)
    judge.throughout("lost", 0, READ_NS)
    judge.throughout("lying", 0, PULSE_NS)
    judge.throughout("back", 0, PULSE_NS)
    judge.throughout("again", 0, OFFSET_NS)
    judge.throughout("system", UTC_NS, SYSTEM_NS)
    judge.says("follower", "source=receiver state=outvoted ")
    judge.says("follower", r" clock-step step_ns=\d+$", 1)
    judge.never("follower", INSANE, "clock-error|send-failed|link-error")
    judge.same("follower", "status", "0")


SCENARIOS = {"resume": resume, "grandmaster": grandmaster, "failover": failover}
