# SPDX-License-Identifier: BSD-2-Clause
"""Two PTP domains on one interface: the judge of guest/domains.sh."""

import re

from judge import FAULT, INSANE, OFF, ON

AGREE_NS = 100  # 8 Syncs in a second, of a clock that moves by 15 ns at least between two


def after(judge, pattern):
    """The follower's lines behind the first that matches."""
    lines = judge.all("follower", "log")
    for number, line in enumerate(lines):
        if re.search(pattern, line):
            return lines[number + 1:]
    return []


def domains(judge):
    """The ports go first, the other domain takes over, and hardware stamps never cease."""
    judge.throughout("both", 0, AGREE_NS)
    judge.throughout("second", 0, AGREE_NS)
    for when, wanted in (("both", ON), ("second", ON), ("after", OFF)):
        judge.expect(f"stamping {when}: {judge.one('follower', f'stamping {when}')}",
                     wanted in (judge.one("follower", f"stamping {when}") or ""))
    judge.says("follower", r" start .*clock=/dev/ptp1 time_stamping=hardware", 1)
    judge.says("follower", r" port source=lab port=1 interface=eth1 .*time_stamping=hardware$", 1)
    judge.says("follower", r" source-switch from=none to=ports$", 1)
    judge.says("follower", r" source-switch from=ports to=lab$", 1)
    judge.says("follower", r"source=ports state=alarm why=\"no port receives time\"", 1)
    judge.says("follower", " clock-step ", 1)
    judge.never("follower", FAULT, INSANE)
    updates = [line for line in after(judge, " to=lab$") if " info sync source=lab " in line]
    offsets = [abs(float(re.search(r"offset_ns=(\S+)", line).group(1))) for line in updates]
    judge.expect(f"{len(offsets)} updates by the second, worst {max(offsets, default=0):g} ns",
                 len(offsets) > 60 and max(offsets) <= AGREE_NS)
    judge.expect("all of them locked", all(" servo=s2 " in line for line in updates))
    judge.same("follower", "status", "0")


SCENARIOS = {"domains": domains}
