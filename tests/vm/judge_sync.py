# SPDX-License-Identifier: BSD-2-Clause
"""Clocks kept by each other on a real driver: judges of guest/sync.sh."""

import json
import re

# A bracket around igb's register takes some µs in there, so this is what can be told of the system
# clock; two PHCs are compared by phc_compare, which is exact.
SYSTEM_NS = 3000
CLOCKS_NS = 100
PULSE_NS = 5000  # a pulse is an interrupt, which takes a while to be served

LINE = re.compile(r"^phc2sys\[[\d.]+\]: (\S+) (\S+) offset +(-?\d+) s(\d) freq +([+-]\d+) "
                  r"delay +(\d+)$")
PULSE = re.compile(r"^phc2sys\[[\d.]+\]: CLOCK_REALTIME pps offset +(-?\d+) s(\d) "
                   r"freq +([+-]\d+)$")
NATIVE = re.compile(r" info sync sink=(\S+) source=(\S+) servo=s(\d) offset_ns=(\S+) "
                    r"frequency_ppb=(\S+) error_ns=(\S+) method=(\S+) bound_ns=(\S+)$")
SUMMARY = re.compile(r"^phc2sys\[[\d.]+\]: eth1 rms +\d+ max +\d+ freq +[+-]\d+ \+/- +\d+ "
                     r"delay +\d+ \+/- +\d+$")


def matches(judge, what, pattern):
    """The lines of a program that are updates, taken apart."""
    return [found.groups() for found in map(pattern.search, judge.all("", what)) if found]


def true_system(judge, what):
    """By how much the clock and the system clock differ, in ns."""
    try:
        told = json.loads(judge.one("", f"true {what}") or "{}")
    except ValueError:
        return None
    return told.get("offset_ns", told.get("difference_ns"))


def system(judge):
    """The system clock by a PHC: the same lines from both programs, and the clock is right."""
    for who in ("theirs", "ours"):
        rows = matches(judge, who, LINE)
        judge.expect(f"{who}: {len(rows)} updates", len(rows) >= 8)
        judge.expect(f"{who}: names {[row[:2] for row in rows[:1]]}",
                     all(row[:2] == ("CLOCK_REALTIME", "phc") for row in rows))
        judge.expect(f"{who}: servo states {[row[3] for row in rows[:4]]}",
                     [row[3] for row in rows[:3]] == ["0", "1", "2"])
        for row in rows[-3:]:
            judge.near(f"{who}: offset, ns", row[2], 0, SYSTEM_NS)
        judge.near(f"{who}: true difference, ns", true_system(judge, who), 0, SYSTEM_NS)
    rows = matches(judge, "native", NATIVE)
    judge.expect(f"native: {len(rows)} updates", len(rows) >= 32)
    judge.expect(f"native: methods {({row[6] for row in rows})}",
                 {row[6] for row in rows} <= {"precise", "extended"})
    for row in rows[-3:]:
        judge.near("native: offset, ns", row[3], 0, SYSTEM_NS)
        judge.expect(f"native: bound {row[7]} ns is not below the reading's error {row[5]} ns",
                     float(row[7]) >= float(row[5]))
    judge.near("native: true difference, ns", true_system(judge, "native"), 0, SYSTEM_NS)
    for who in ("theirs", "ours", "native"):
        judge.same("", f"{who} status", "0")


def clocks(judge):
    """A PHC by another, by linuxptp and by us, and with an offset of seconds and statistics."""
    judge.same("", "theirs status", "0")
    judge.difference("theirs", 0, CLOCKS_NS)
    judge.same("", "native status", "0")
    rows = matches(judge, "native", NATIVE)
    judge.expect(f"native: {len(rows)} updates", len(rows) >= 64)
    judge.difference("settled", 0, CLOCKS_NS)
    judge.same("", "summary status", "0")
    lines = judge.all("", "summary")
    judge.expect(f"summary: {len(lines)} lines, such as {lines[-1:]}",
                 len(lines) >= 4 and all(SUMMARY.match(line) for line in lines))
    judge.difference("ahead", 3e9, CLOCKS_NS)


def steward(judge):
    """Who is in the way is named, and what is wrong said, in one line."""
    wanted = {
        "refused": r"^2 gnomon sync: /dev/ptp1: phc2sys \(pid \d+\) steers it already: ",
        "same": r"^1 gnomon sync: /dev/ptp1: source and sink are the same clock ",
        "missing": r"^2 gnomon sync: eth7: no such clock: ",
    }
    for what, pattern in wanted.items():
        judge.expect(f"{what}: {judge.all('', what)}",
                     re.search(pattern, judge.one("", what) or ""))


def pulses(judge):
    """The system clock by pulses, and by pulses and a PHC that says which second they are of."""
    for who in ("theirs", "ours"):
        rows = matches(judge, who, PULSE)
        judge.expect(f"{who}: {len(rows)} updates, servo states {[row[1] for row in rows[:4]]}",
                     len(rows) >= 8 and [row[1] for row in rows[:3]] == ["0", "1", "2"])
        difference = true_system(judge, who)
        part = difference and (difference + 5 * 10**8) % 10**9 - 5 * 10**8
        judge.near(f"{who}: true difference but for whole seconds, ns", part, 0, PULSE_NS)
        judge.same("", f"{who} status", "0")
    lines = [line for line in judge.all("", "native") if " info sync " in line]
    judge.expect(f"native: {len(lines)} updates", len(lines) >= 8)
    judge.near("native: true difference, ns", true_system(judge, "native"), 0, PULSE_NS)
    judge.same("", "native status", "0")


SCENARIOS = {
    "system": system,
    "clocks": clocks,
    "steward": steward,
    "pulses": pulses,
}
