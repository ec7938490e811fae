# SPDX-License-Identifier: BSD-2-Clause
"""A leap second in a real kernel: judges of guest/leap.sh."""

import re

from judge import FAULT, INSANE, LOST

SECOND_NS = 10**9
OFFSET_NS = 10000  # of software time stamps, on a machine that does other things as well
LEAPS = {"insert": ("ins", 38, -SECOND_NS), "delete": ("del", 36, SECOND_NS)}


def jumps(judge, clock):
    """By how many ns, in order."""
    return [int(match.group(1)) for line in judge.all("", "kernel")
            if (match := re.match(rf"{clock} jumped (-?\d+) ns", line))]


def states(judge):
    """(state, flag, TAI offset) of the kernel, in order, whether synchronized or not."""
    return [(match.group(1), match.group(2), int(match.group(3)))
            for line in judge.all("", "kernel")
            if (match := re.match(r"state (\w+) flag (\w+) tai (\d+)", line))]


def kept(judge, tai):
    """The clock was right before the leap second and after it, and nobody complained."""
    judge.expect(f"announced: {judge.all('', 'announce')}", len(judge.all("", "announce")) == 2)
    judge.difference("utc", -37 * SECOND_NS, OFFSET_NS)
    judge.throughout("tai", 0, OFFSET_NS)
    judge.difference("utc after", -tai * SECOND_NS, OFFSET_NS)
    judge.throughout("tai after", 0, OFFSET_NS)
    for who in ("leader", "follower"):
        judge.same(who, "status", "0")
    judge.never("follower", LOST, FAULT, INSANE)


def by_kernel(kind):
    """A judge: the kernel makes the leap second, and TAI goes on through it."""
    flag, tai, jump = LEAPS[kind]
    wanted = [("INS", flag, 37), ("OOP", flag, tai), ("WAIT", flag, tai)] if kind == "insert" else \
        [("DEL", flag, 37), ("WAIT", flag, tai)]
    wanted += [("WAIT", "none", tai), ("OK", "none", tai)]

    def judge_it(judge):
        kept(judge, tai)
        judge.expect(f"states: {states(judge)}", states(judge) == wanted)
        judge.expect(f"jumps of UTC: {jumps(judge, 'utc')}",
                     [round(ns, -3) for ns in jumps(judge, "utc")] == [jump])
        judge.expect(f"jumps of TAI: {jumps(judge, 'tai')}", not jumps(judge, "tai"))
        judge.throughout("tai between", 0, OFFSET_NS)
        judge.says("follower", f"leap-second leap={kind}", 1)
        judge.says("follower", "leap-second leap=none", 1)
        judge.says("follower", " clock-step ", 1)
        judge.says("follower", "state=SLAVE cause=", 1)
    return judge_it


def beside(kind):
    """A judge: gnomond keeps a PHC, and the system clock by a [sync] section; the kernel makes the
    leap second, and nothing but the section's clock is touched."""
    _, tai, jump = LEAPS[kind]

    def judge_it(judge):
        kept(judge, tai)
        judge.expect(f"jumps of UTC: {jumps(judge, 'utc')}",
                     [round(ns, -3) for ns in jumps(judge, "utc")] == [jump])
        judge.expect(f"jumps of TAI: {jumps(judge, 'tai')}", not jumps(judge, "tai"))
        judge.throughout("tai between", 0, OFFSET_NS)
        for leap in (kind, "none"):
            judge.says("follower", f" leap-second section=system sink=CLOCK_REALTIME leap={leap}",
                       1)
        for clock in ("step_ns", "section=card", "section=system"):
            judge.says("follower", f" clock-step {clock}", 1)
        judge.says("follower", "state=SLAVE cause=", 1)
    return judge_it


def by_servo(kind):
    """A judge: the kernel is told nothing; the clock is stepped when the offset is announced."""
    _, tai, jump = LEAPS[kind]

    def judge_it(judge):
        kept(judge, tai)
        flags = {flag for _, flag, _ in states(judge)}
        judge.expect(f"flags: {flags}", flags == {"none"})
        judge.expect(f"jumps of UTC: {jumps(judge, 'utc')}",
                     len(jumps(judge, "utc")) == 1 and
                     abs(jumps(judge, "utc")[0] - jump) < OFFSET_NS)
        # The TAI offset waits for the step.
        judge.expect(f"jumps of TAI: {jumps(judge, 'tai')}",
                     all(abs(ns) < OFFSET_NS for ns in jumps(judge, "tai")))
        judge.difference("tai between", 0, OFFSET_NS)
        judge.says("follower", " clock-step ", 2)
        judge.never("follower", " leap-second ")
    return judge_it


SCENARIOS = {
    "leap_insert": by_kernel("insert"),
    "leap_delete": by_kernel("delete"),
    "leap_insert_step": by_kernel("insert"),
    "leap_insert_without_kernel": by_servo("insert"),
    "leap_delete_without_kernel": by_servo("delete"),
    "leap_insert_beside": beside("insert"),
    "leap_delete_beside": beside("delete"),
}
