# SPDX-License-Identifier: BSD-2-Clause
"""linuxptp's smaller programs and ours on a real driver: judges of guest/tools.sh."""

import json
import re

NUMBER = re.compile(r"(clock time is |CLOCK_REALTIME is )(-?[\d.]+)(ns)?( or [^|]*)?")
SAME_NS = 50e6  # of two programs that are asked one after the other


def both(judge, what, tolerance=None):
    """What both programs said, equal but for a time that is told; how far those are apart."""
    theirs, ours = judge.one("", f"theirs {what}") or "", judge.one("", f"ours {what}") or ""
    plain = [NUMBER.sub(r"\1N", text) for text in (theirs, ours)]
    judge.expect(f"{what}: {ours}{'' if plain[0] == plain[1] else f' (linuxptp: {theirs})'}",
                 ours and plain[0] == plain[1])
    if tolerance is not None:
        times = [[float(match[1]) for match in NUMBER.findall(text)] for text in (theirs, ours)]
        near = len(times[0]) == len(times[1]) == 1 and abs(times[0][0] - times[1][0]) < tolerance
        judge.expect(f"{what}: {times}", near)


def rows(judge, what):
    """JSON objects that were printed."""
    try:
        return [json.loads(line) for line in judge.all("", what)]
    except ValueError:
        return []


def phc_ctl(judge):
    """Every command, and that it did what it says."""
    theirs = judge.one("", "theirs caps") or ""
    ours = judge.one("", "ours caps") or ""
    # 3.1.1 does not know of phase adjustment.
    told = re.sub(r"  \S+(?: \S+)? adjust phase support\|", "", ours)
    judge.expect(f"caps: {ours}", "external time stamp channels" in ours and told == theirs)
    for what in ("frequency", "step", "device"):
        both(judge, what)
    judge.expect(f"range: {judge.one('', 'ours range')}",
                 "failed to adjust the clock: Numerical result out of range" in
                 (judge.one("", "ours range") or ""))
    both(judge, "get", 0.05)
    both(judge, "wait", 0.05)
    judge.expect("the time that was set", "clock time is 2000000.0" in
                 (judge.one("", "ours get") or ""))
    judge.expect("5 % fast for a second", re.search(r"clock time is 3000001\.0[4-9]",
                                                    judge.one("", "ours wait") or ""))
    both(judge, "cmp", SAME_NS)
    judge.same("", "status", "0")
    told = rows(judge, "json")
    judge.expect(f"JSON: {told}", len(told) == 1 and told[0]["clock"] == "/dev/ptp1" and
                 told[0]["max_frequency_ppb"] == 999999881)


def hwstamp_ctl(judge):
    """Every setting, and what becomes of it."""
    for what in ("now", "on", "all", "reserved", "transmit"):
        both(judge, what)
    judge.expect("a setting took", "new settings:|tx_type 1|rx_filter 12" in
                 (judge.one("", "ours on") or ""))
    judge.same("", "status", "0")
    told = rows(judge, "json")
    judge.expect(f"JSON: {told}", len(told) == 1 and told[0]["tx_type"] == "on" and
                 told[0]["rx_filter"] == "ptpv2-event" and
                 "ptpv2-event" in told[0]["rx_filters"])


def ts2phc(judge):
    """A clock that cannot do it is refused in one line, and left alone."""
    unable = "/dev/ptp1: cannot time-stamp pulses: it has no channel for external time stamps; " \
             "give another clock"
    wanted = [unable,
              "/dev/ptp2: has no channel 0 for periodic output; there are 0",
              "/dev/ptp1: has no channel 0 for periodic output; there are 0",
              unable]
    for what, name, status in (("native", "gnomon ts2phc", 2), ("compat", "ts2phc", 255)):
        # Before its lines linuxptp's has the time.
        said = [re.sub(r"ts2phc\[\d+\.\d{3}\]: ", "ts2phc: ", line)
                for line in judge.all("", what)]
        judge.expect(f"{what}: {said}",
                     said == [f"{status} {name}: {text}" for text in wanted])
    judge.near("frequency after, ppb", judge.one("follower", "frequency after"), 4321, 0.01)


def nsm(judge):
    """The offset of two PHCs that nobody keeps, measured by one exchange."""
    judge.same("", "status", "0")
    told = rows(judge, "json")
    judge.expect(f"JSON: {told}", len(told) == 1 and told[0]["portState"] == "MASTER")
    true = judge.true_difference("asked")
    if told and true is not None:
        judge.near("offset, ns", told[0]["offset_ns"], true, 1000)
        judge.near("delay, ns", told[0]["delay_ns"], 0, 1000)
    judge.same("follower", "stamping after", "tx_type 0 rx_filter 0")


SCENARIOS = {"phc_ctl": phc_ctl, "hwstamp_ctl": hwstamp_ctl, "ts2phc": ts2phc, "nsm": nsm}
