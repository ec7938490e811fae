# SPDX-License-Identifier: BSD-2-Clause
"""A bond over two NICs with clocks of their own: judges of guest/bond.sh.

The clock that is kept is that of eth1, where the scenarios begin. Stamps of eth2, by another clock,
are brought to its time, so its true difference from the leader's clock tells of every hand-over.
"""

import re

from judge import CROSS_NS, FAULT, FOLLOWER_PPB, INSANE, OFFSET_NS, ON, UTC_NS, WAS

STAGES = {"first": "eth1", "chosen": "eth2", "failed": "eth1", "healed": "eth1"}
GAP_S = 1.0          # without samples, of 16 in a second; a failure is seen within 0.1 s
LEARNING_S = 14.0    # from the first sample
SOFTWARE_NS = 10000  # of software time stamps, on a machine that does other things as well

UPDATE = re.compile(r"\]: ([\d.]+) info sync .* offset_ns=(\S+) .*mean_delay_ns=(\S+)")


def updates(judge):
    """(time s, offset ns, delay ns) of all samples, in order."""
    found = (UPDATE.search(line) for line in judge.all("follower", "log"))
    return [tuple(float(part) for part in match.groups()) for match in found if match]


def handed_over(judge, stages, hardware):
    """Who sends and stamps at each stage; nobody stamps in hardware who need not."""
    for stage, active in stages.items():
        judge.same("", f"active {stage}", active)
        for port in ("eth1", "eth2"):
            judge.same("follower", f"stamping {stage} {port}",
                       ON if hardware and port == active else WAS)
    for who in ("leader", "follower"):
        judge.same(who, "status", "0")
        judge.never(who, FAULT)
    rows = updates(judge)
    gaps = [after[0] - before[0] for before, after in zip(rows, rows[1:])]
    judge.near("longest time without a sample, s", round(max(gaps, default=1e9), 3), 0, GAP_S)


def unnoticed(judge):
    """To the servo nothing happened."""
    judge.never("follower", INSANE)
    judge.says("follower", " clock-step ", 1)
    judge.says("follower", "state=SLAVE cause=", 1)


def hardware(judge):
    """From one PTP hardware clock to another and back."""
    handed_over(judge, STAGES, True)
    unnoticed(judge)
    for stage in STAGES:
        judge.throughout(stage, 0, CROSS_NS)
    rows = updates(judge)
    late = [row for row in rows if row[0] > rows[0][0] + LEARNING_S]
    judge.near("largest offset, ns", max((abs(row[1]) for row in late), default=None), 0, CROSS_NS)
    judge.near("largest delay, ns", max((abs(row[2]) for row in late), default=None), 0, CROSS_NS)
    for port, frequency in (("eth1", FOLLOWER_PPB), ("eth2", -9000.0)):
        judge.same("follower", f"stamping after {port}", WAS)
        judge.near(f"frequency after {port}, ppb",
                   judge.one("follower", f"frequency after {port}"), frequency, 0.01)


def software(judge):
    """The kernel's stamps, on a clock that is no NIC's."""
    handed_over(judge, STAGES, False)
    unnoticed(judge)
    for stage in STAGES:
        judge.throughout(stage, UTC_NS, SOFTWARE_NS)


def kept(judge):
    """The kept clock's own port fails. Its driver sets the clock's time anew: that is a step."""
    handed_over(judge, {"first": "eth1", "failed": "eth2"}, True)
    judge.throughout("first", 0, OFFSET_NS)
    judge.throughout("failed", 0, CROSS_NS)
    judge.says("follower", r" clock-step step_ns=-\d{19}$", 1)
    judge.settled(tolerance=CROSS_NS)


SCENARIOS = {"bond_hardware": hardware, "bond_software": software, "bond_kept": kept}
