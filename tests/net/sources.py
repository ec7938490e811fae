#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""gnomond with several time sources: which it follows, and what becomes of its clock without.

    sources.py --gnomond PATH CASE
"""

import os
import pathlib
import re
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "interop"))
from harness import Bench, Failure, expect, main, need, netlab, parse_args, within  # noqa: E402

# Waits of a test of seconds.
WAITS = {"source_settle": "2", "source_recover": "2", "source_revert": "3", "source_dispute": "5"}
HOST = {"log_format": "native", "clientOnly": "1", "soft_clock_offset": "1.5",
        "soft_clock_frequency": "80000", **WAITS}
LAB = {"source_type": "ptp", "source_domain": "24"}


def switch(process, source, seconds, start=0):
    """Wait until that source is followed; returns the number of lines by then."""
    expect(process, rf" source-switch from=\S+ to={source}$", seconds, start)
    return len(process.lines)


def column(process, name, start):
    """Numbers of that name in the lines of updates from start on."""
    found = [re.search(rf" {name}=(-?[\d.]+)", line) for line in process.lines[start:]
             if " sync " in line or " sync-summary " in line]
    return [float(match.group(1)) for match in found if match]


def offsets_within(process, start, limit, what):
    """All offsets told from line start on are small: no step, no chase after a wrong time."""
    rows = column(process, "offset_ns", start) + column(process, "rms_ns", start)
    if not rows:
        raise Failure(f"{what}: no updates")
    within(f"{what}, worst of {len(rows)} offsets in ns", max(map(abs, rows)), 0, limit)


def masters(bench, host, wanted):
    """A cable and a grandmaster for each (name, settings). Returns {name: (interface, process)}."""
    made = {}
    for number, (name, settings) in enumerate(wanted.items(), 1):
        space = bench.namespace(name)
        interface = bench.cable(host, space, number)
        process = bench.start_gnomond(space, [interface], {"serverOnly": "1", **settings}, name)
        made[name] = (interface, process, space)
    return made


def failover(bench):
    """Two grandmasters in two domains: the first dies, and returns."""
    host = bench.namespace("host")
    gms = masters(bench, host, {"one": {}, "two": {"domainNumber": "24"}})
    lab = {**LAB, "source_interfaces": gms["two"][0]}
    receiver = bench.start_gnomond(host, {gms["one"][0]: {}, "source lab": lab},
                                   {**HOST, "ports_priority": "10"}, "host")
    start = switch(receiver, "ports", 15)
    expect(receiver, r" port-state source=lab port=1 .*state=SLAVE", 15)
    time.sleep(3)
    start = len(receiver.lines)
    gms["one"][1].stop(9)
    expect(receiver, r" source-state source=ports state=alarm why=\"no port receives time\"", 5,
           start)
    switch(receiver, "lab", 5, start)
    time.sleep(3)
    offsets_within(receiver, start, 0.3e6, "hand-over to the second")
    start = len(receiver.lines)
    bench.start_gnomond(gms["one"][2], [gms["one"][0]], {"serverOnly": "1"}, "one-again")
    switch(receiver, "ports", 20, start)
    time.sleep(3)
    offsets_within(receiver, start, 0.3e6, "and back")
    if any(" clock-step " in line for line in receiver.lines[start:]):
        raise Failure("the clock was stepped")


CASES = {case.__name__: case for case in (failover,)}


def test():
    """Run one case."""
    args = parse_args("case")
    need()
    with Bench(args.gnomond) as bench:
        CASES[args.case](bench)


main(test)
