# SPDX-License-Identifier: BSD-2-Clause
"""Clocks beside the one gnomond keeps, on a real driver: judge of guest/pairs.sh."""

import re

from judge_sync import CLOCKS_NS, SYSTEM_NS

UPDATE = re.compile(r" info sync section=(\S+) sink=(\S+) source=kept servo=s(\d) offset_ns=(\S+)")
TAI_NS = -37 * 10**9


def pairs(judge):
    """One daemon keeps three clocks: a card's by PTP, and by that another card's and the system's.
    None of the two follows before there is something to follow."""
    log = judge.all("follower", "log")
    for section, sink in (("card", "eth2"), ("system", "CLOCK_REALTIME")):
        rows = [found.groups() for found in map(UPDATE.search, log)
                if found and found.group(1) == section]
        judge.expect(f"{section}: {len(rows)} updates of {({row[1] for row in rows})}",
                     len(rows) >= 64 and {row[1] for row in rows} == {sink})
        judge.expect(f"{section}: the last in lock",
                     all(row[2] == "2" for row in rows[-8:]))
        judge.says("follower", rf" clock-step section={section} ", 1)
        judge.says("follower", f' note section={section} text="waits until the clock that')
    states = [index for index, line in enumerate(log) if "state=SLAVE" in line]
    first = [index for index, line in enumerate(log) if UPDATE.search(line)]
    judge.expect(f"the pairs begin at line {first[:1]}, the port is SLAVE at {states[:1]}",
                 bool(states and first) and states[0] < first[0])
    judge.difference("followed", 0, CLOCKS_NS)
    judge.difference("card", 0, CLOCKS_NS)
    judge.difference("system", TAI_NS, SYSTEM_NS)
    judge.difference("card alone", 0, CLOCKS_NS)
    judge.difference("system alone", TAI_NS, SYSTEM_NS)
    judge.never("follower", "clock-error", "clock-insane")
    judge.same("follower", "status", "0")


SCENARIOS = {
    "pairs": pairs,
}
