# SPDX-License-Identifier: BSD-2-Clause
"""Ports that change their roles, clocks that follow them, who asks: judges of guest/roles.sh."""

import re

from judge import CROSS_NS, FAULT, INSANE, LOST, OFFSET_NS, UTC_NS
from judge_sync import LINE, SYSTEM_NS, matches, true_system

KEPT_NS = 50  # the system clock, kept once a second on a bracket of some 100 ns
TURNED_NS = 200  # the other way, a few seconds after the roles turned

RECEIVER, TRANSMITTER = "525400.fffe.000002", "525400.fffe.000001"


def answer(judge, what, name, wanted):
    """A management client must have been given a data set with these values."""
    lines, found = judge.all("", what), {}
    starts = [at for at, line in enumerate(lines)
              if re.match(rf"{RECEIVER}-\d seq \d+ RESPONSE MANAGEMENT {name}\b", line)]
    for line in lines[starts[0] + 1:] if starts else []:
        if "RESPONSE" in line or "sending" in line:
            break
        key, _, value = line.partition(" ")
        found[key] = value.strip()
    told = {key: found.get(key) for key in wanted}
    judge.expect(f"{what}: {name} {told}", told == wanted)
    return found


def answers(judge):
    """Management, over a local socket, which may set things, and over the wire, which may not."""
    for what in ("local", "wire"):
        judge.same("", f"status of {what}", "0")
    answer(judge, "local", "DEFAULT_DATA_SET",
           {"numberPorts": "1", "priority1": "128", "clockIdentity": RECEIVER})
    current = answer(judge, "local", "CURRENT_DATA_SET", {"stepsRemoved": "1"})
    judge.near("offsetFromMaster, ns", current.get("offsetFromMaster"), 0, OFFSET_NS)
    judge.near("meanPathDelay, ns", current.get("meanPathDelay"), 0, OFFSET_NS)
    answer(judge, "local", "PORT_DATA_SET",
           {"portState": "SLAVE", "logSyncInterval": "-4", "delayMechanism": "1"})
    answer(judge, "local", "PRIORITY2", {"priority2": "77"})
    answer(judge, "wire", "PARENT_DATA_SET",
           {"parentPortIdentity": f"{TRANSMITTER}-1", "grandmasterPriority1": "100",
            "grandmasterIdentity": TRANSMITTER})
    status = answer(judge, "wire", "TIME_STATUS_NP",
                    {"gmPresent": "true", "gmIdentity": TRANSMITTER})
    judge.near("master_offset, ns", status.get("master_offset"), 0, OFFSET_NS)
    refused = [line for line in judge.all("", "wire") if "MANAGEMENT_ERROR_STATUS" in line]
    judge.expect(f"a SET over the wire: {refused}", len(refused) == 1)


def turned(says, transmitted_ns):
    """A judge of a port that receives, transmits and receives: both clocks are right each time."""
    def judge_it(judge):
        for when, tolerance in (("received", KEPT_NS), ("transmitted", transmitted_ns),
                                ("received again", KEPT_NS)):
            judge.near(f"true difference as it {when}, ns", true_system(judge, when), UTC_NS,
                       tolerance)
        judge.difference("again", 0, OFFSET_NS)
        answers(judge)
        judge.same("", "syncer status", "0")
        text = "\n".join(judge.all("", "syncer"))
        for pattern in says:
            judge.expect(f"says {pattern!r}", re.search(pattern, text, re.M))
        ways = [row[:2] for row in matches(judge, "syncer", LINE)]
        turns = [way for before, way in zip([None] + ways, ways) if way != before]
        judge.expect(f"turns: {turns}", turns[-3:] == [("CLOCK_REALTIME", "phc"), ("eth1", "sys"),
                                                       ("CLOCK_REALTIME", "phc")])
        judge.never("leader", LOST, FAULT)
        judge.never("follower", LOST, FAULT)
    return judge_it


OURS = (r"reconfiguring after port state change$", r"selecting eth1 as domain source clock$",
        r"selecting system clock for synchronization$", r"selecting eth1 for synchronization$",
        r"port \w{6}\.\w{4}\.\w{6}-1 changed state$", r"selecting system clock as source clock$")
THEIRS = (r"reconfiguring after port state change$", r"selecting eth1 as the master clock$",
          r"selecting CLOCK_REALTIME for synchronization$", r"selecting eth1 for synchronization$",
          r"port \w{6}\.\w{4}\.\w{6}-1 changed state$",
          r"selecting CLOCK_REALTIME as the master clock$")


def through(judge):
    """Two steps from the grandmaster, by two clocks and a port that has another than is kept."""
    judge.difference("kept", 0, OFFSET_NS)
    judge.difference("last", 0, CROSS_NS)
    for who in ("leader", "follower", "last"):
        judge.same(who, "status", "0")
        judge.never(who, LOST, FAULT)
    judge.never("last", INSANE)


def jbod(judge):
    """And the other port's clock is kept as well, by phc2sys."""
    through(judge)
    judge.difference("other", 0, CROSS_NS)
    judge.same("", "syncer status", "0")
    rows = matches(judge, "syncer", LINE)
    judge.expect(f"the last of {len(rows)} updates: {rows[-1:]}",
                 rows and rows[-1][:2] == ("eth3", "phc") and rows[-1][3] == "2")


SCENARIOS = {
    "automatic": turned(OURS, TURNED_NS),
    "theirs_automatic": turned(THEIRS, SYSTEM_NS),  # it starts with an old frequency
    "boundary": through,
    "jbod": jbod,
}
