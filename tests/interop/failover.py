#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Two grandmasters on a switch, one fails and comes back.

    failover.py --gnomond PATH receiver       two ptp4l, gnomond follows
    failover.py --gnomond PATH transmitter    gnomond is the better one, ptp4l follows
"""

import signal

from harness import (Bench, Failure, OURS, SELECTED, THEIRS, expect, main, need, netlab,
                     parse_args, settled, within)

STATIONS = ("one", "two", "three")


def switch(bench, ours):
    """Three stations on a bridge; ours: which of them runs gnomond. Returns their namespaces."""
    hub = bench.namespace("hub")
    spaces = []
    for number, name in enumerate(STATIONS, 1):
        space = bench.namespace(name)
        bench.veth(space, "v0", hub, f"p{number}")
        mac = OURS if name == ours else THEIRS
        netlab.ip("-n", space, "link", "set", "v0", "address", mac % number)
        bench.address(space, "v0", f"192.0.2.{number}/24")
        spaces.append(space)
    bench.bridge(hub, "br0", *(f"p{number}" for number in range(1, 4)))
    return spaces


def follow(process, seconds, start=0):
    """The identity a receiver selects next."""
    return expect(process, SELECTED, seconds, start).group(1)


def follow_again(process, other, seconds, start):
    """Wait until a receiver selects another clock than before."""
    while True:
        match = expect(process, SELECTED, seconds, start)
        if match.group(1) == other:
            return
        with process.changed:
            start = 1 + next(i for i, line in enumerate(process.lines)
                             if i >= start and match.group(0) in line)


def fail_and_return(bench, receiver, best, restart, sent):
    """Kill the best grandmaster, see the receiver change over, restart it, see it change back."""
    first = follow(receiver, 10)
    expect(receiver, r"UNCALIBRATED to SLAVE", 15)
    settled(receiver, 16)
    mark = len(receiver.lines)
    best.stop(signal.SIGKILL)
    expect(receiver, r"SLAVE to |selected best master", 5, mark)
    second = follow(receiver, 10, mark)
    if second == first:
        raise Failure(f"still follows {first}, which is gone")
    expect(receiver, r"UNCALIBRATED to SLAVE", 15, mark)
    mark = len(receiver.lines)
    restart()
    follow_again(receiver, first, 10, mark)
    expect(receiver, r"UNCALIBRATED to SLAVE", 15, mark)
    settled(receiver, 16)
    offset, _, _ = settled(receiver)
    print(f"tshark finds {bench.verdict(*sent)} messages of gnomond well-formed")
    return offset


def test():
    """Both roles on the same switch."""
    args = parse_args("role")
    need("ptp4l", "setpriv", "dumpcap", "tshark")
    with Bench(args.gnomond) as bench:
        if args.role == "receiver":
            one, two, three = switch(bench, "three")
            sent = ("Delay_Req",)
            bench.capture(three, "v0")

            def better():
                return bench.start_ptp4l(one, ["v0"], {"priority1": "90"}, "ptp4l-best")

            best = better()
            bench.start_ptp4l(two, ["v0"], {"priority1": "100"}, "ptp4l-second")
            receiver = bench.start_gnomond(three, ["v0"], {
                "slaveOnly": "1", "soft_clock_offset": "-1.5", "soft_clock_frequency": "-80000"})
        else:
            one, two, three = switch(bench, "one")
            sent = ("Announce", "Sync", "Follow_Up", "Delay_Resp")
            bench.capture(one, "v0")

            def better():
                return bench.start_gnomond(one, ["v0"], {"priority1": "90"})

            best = better()
            bench.start_ptp4l(two, ["v0"], {"priority1": "100"}, "ptp4l-second")
            receiver = bench.start_ptp4l(three, ["v0"], {"slaveOnly": "1"}, "ptp4l-oc")
        offset = fail_and_return(bench, receiver, best, better, sent)
        within("offset after all of it ns", offset, -0.2e6, 0.2e6)


main(test)
