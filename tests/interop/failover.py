#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Two grandmasters on a switch, one fails and comes back.

    failover.py --gnomond PATH receiver       two ptp4l, gnomond follows
    failover.py --gnomond PATH transmitter    gnomond is the better one, ptp4l follows
"""

import signal

from harness import (Bench, OURS, THEIRS, expect, main, need, netlab, parse_args, settled,
                     within)

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


def identity(mac, number):
    """The clockIdentity made of an interface's address."""
    part = (mac % number).replace(":", "")
    return f"{part[:6]}.fffe.{part[6:]}"


def follow(process, clock, seconds, start=0):
    """Wait until a receiver selects that clock and is locked to it again."""
    expect(process, rf"selected best master clock {clock}", seconds, start)
    expect(process, r"UNCALIBRATED to SLAVE", 15, start)


def fail_and_return(bench, receiver, best, restart, sent):
    """Kill the best grandmaster, see the receiver change over, restart it, see it change back."""
    first = identity(OURS if best.name == "gnomond" else THEIRS, 1)
    second = identity(THEIRS, 2)
    follow(receiver, first, 15)
    settled(receiver, 16)
    mark = len(receiver.lines)
    best.stop(signal.SIGKILL)
    follow(receiver, second, 10, mark)
    settled(receiver, 16)
    mark = len(receiver.lines)
    restart()
    follow(receiver, first, 15, mark)
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
