# SPDX-License-Identifier: BSD-2-Clause
"""gnomond and ptp4l on hardware time stamps: judges of guest/hwstamp.sh.

Both clocks run from one virtual crystal. The leader's is set 50 ppm fast and three seconds ahead,
so the follower's has to find exactly that.
"""

import re

from judge import (CROSS_NS, FAULT, FOLLOWER_PPB, FREQUENCY_PPB, INSANE, LEADER_PPB, LOST, OFF,
                   OFFSET_NS, ON, WAS)


UPDATE = re.compile(r"\]: ([\d.]+) info sync ")
SYNC_S = 1 / 16


def followed(judge, leader, follower):
    """Two programs, of "gnomond", "ptp4l" and "guise", that must have found each other."""
    judge.difference("before", -3e9, 20e6)
    judge.settled()
    judge.difference("settled", 0, OFFSET_NS)
    for who, before, frequency in (("leader", OFF, LEADER_PPB), ("follower", WAS, FOLLOWER_PPB)):
        judge.same(who, "stamping before", before)
        judge.same(who, "stamping during", ON)
        judge.same(who, "status", "0")
        program = leader if who == "leader" else follower
        if program != "ptp4l":
            judge.same(who, "stamping after", before)
        if program == "gnomond":
            judge.near(f"{who} frequency after, ppb", judge.one(who, "frequency after"), frequency,
                       0.01)
    judge.near("leader frequency during, ppb", judge.one("leader", "frequency during"), LEADER_PPB,
               0.01)


def undisturbed(judge, leader, follower):
    """As above, and nothing came between."""
    followed(judge, leader, follower)
    judge.never("leader", LOST, FAULT)
    judge.never("follower", LOST, FAULT, INSANE)


def ours(judge):
    """The clock is stepped once, then only its frequency is changed."""
    undisturbed(judge, "gnomond", "gnomond")
    judge.says("follower", " clock-step ", 1)


def theirs_follows(judge):
    """gnomond leads."""
    undisturbed(judge, "gnomond", "ptp4l")


def theirs_leads(judge):
    """gnomond follows."""
    undisturbed(judge, "ptp4l", "gnomond")


def guise(judge):
    """Its follower is ptp4l in name only, and leaves the frequency as ptp4l does."""
    undisturbed(judge, "ptp4l", "guise")
    judge.near("follower frequency after, ppb", judge.one("follower", "frequency after"),
               LEADER_PPB, FREQUENCY_PPB)


def two_clocks(judge):
    """Stamps by one clock, which is left alone, and another that is kept by them."""
    judge.difference("before", -3e9, 20e6)
    judge.difference("settled", 0, CROSS_NS)
    judge.settled(tolerance=CROSS_NS)
    judge.never("leader", LOST, FAULT)
    judge.never("follower", LOST, FAULT, INSANE)
    judge.says("follower", " clock-step ", 1)
    for who in ("leader", "follower"):
        judge.same(who, "status", "0")
    judge.near("frequency after, ppb", judge.one("follower", "frequency after"), FOLLOWER_PPB, 0.01)
    judge.near("frequency after eth2, ppb", judge.one("follower", "frequency after eth2"), -9000,
               0.01)


def flap(judge):
    """A link failure, after which the clock is another time's."""
    followed(judge, "gnomond", "gnomond")
    judge.never("leader", LOST, FAULT)
    judge.never("follower", "clock-error|link-error")
    judge.difference("again", 0, OFFSET_NS)


def deaf(judge):
    """Received messages without timestamps are lost messages, no more."""
    undisturbed(judge, "gnomond", "gnomond")
    judge.difference("again", 0, OFFSET_NS)
    judge.says("follower", "rx-timestamp-missing")


def muted(who):
    """A judge of lost transmit timestamps: they cost their messages, and nobody's port state."""
    def judge_it(judge):
        followed(judge, "gnomond", "gnomond")
        judge.never("leader", FAULT)
        judge.never("follower", FAULT, INSANE)
        judge.says(who, LOST)
        judge.says("leader", "port-state .* state=MASTER", 1)
        judge.says("follower", "port-state .* state=SLAVE", 1)
        judge.difference("again", 0, OFFSET_NS)
    return judge_it


def mute_once(judge):
    """One lost timestamp of a Sync costs that Sync, one of a Delay_Req that measurement."""
    followed(judge, "gnomond", "gnomond")
    judge.never("leader", FAULT)
    judge.never("follower", FAULT, INSANE)
    for who in ("leader", "follower"):
        judge.says(who, LOST, 1)
    judge.says("leader", "port-state .* state=MASTER", 1)
    judge.says("follower", "port-state .* state=SLAVE", 1)
    judge.difference("again", 0, OFFSET_NS)
    begin, middle = (float(judge.one("", f"{what} at") or 0) for what in ("sync", "request"))
    times = [float(match.group(1)) for line in judge.all("follower", "log")
             if (match := UPDATE.search(line))]
    gaps = [(before, after - before) for before, after in zip(times, times[1:])
            if after - before > 1.5 * SYNC_S and before > begin - SYNC_S]
    judge.expect(f"Syncs that are missing: {[(at, round(gap, 4)) for at, gap in gaps]}",
                 begin and len(gaps) == 1 and gaps[0][0] < middle and gaps[0][1] < 2.5 * SYNC_S)


def refused(says):
    """A judge of a start that must fail with one line, and change nothing."""
    def judge_it(judge):
        judge.same("", "status", "2")
        judge.same("", "says", says)
        judge.same("follower", "stamping after", WAS)
    return judge_it


def auto(judge):
    """Not told how to stamp, on an interface that has everything."""
    judge.says("leader", "clock=/dev/ptp0 time_stamping=hardware")


def restart(judge):
    """A stop while a timestamp is on its way."""
    for syncs in (3, 6, 9):
        judge.same("", f"status of {syncs}", "0")
    judge.never("leader", LOST, FAULT)


def transmits(judge):
    """A timeTransmitter that nobody follows."""
    judge.same("leader", "status", "0")
    judge.never("leader", LOST, FAULT)
    judge.says("leader", "state=MASTER")


SCENARIOS = {
    "ours": ours,
    "theirs_follows": theirs_follows,
    "theirs_leads": theirs_leads,
    "guise": guise,
    "two_clocks": two_clocks,
    "flap": flap,
    "deaf": deaf,
    "mute": muted("follower"),
    "mute_leader": muted("leader"),
    "mute_once": mute_once,
    "onestep": refused("eth1: cannot do time_stamping onestep; use time_stamping hardware"),
    "p2p1step": refused("eth1: cannot do time_stamping p2p1step; use time_stamping hardware"),
    "legacy": refused("eth1: time_stamping legacy is not how it reports hardware stamps"),
    "check": refused("eth1: hardware time stamping is set to tx 0, rx filter 4"),
    "auto": auto,
    "restart": restart,
    "udp4": transmits,
    "udp6": transmits,
}
