#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""gnomond as a Boundary Clock between two ptp4l.

    boundary.py --gnomond PATH UDPv4|UDPv6|L2 E2E|P2P

The boundary clock starts 1.5 s and 80 ppm off. The ptp4l behind it must name the first one as
grandmaster and, once the boundary clock follows, find itself in time with it through gnomond: all
ptp4l read the same system clock, so what the last one measures is the boundary clock's error.
"""

from harness import (Bench, Failure, SELECTED, expect, main, need, parse_args, settled, within)


def test():
    """Build the chain and measure at its end."""
    args = parse_args("transport", "mechanism")
    need("ptp4l", "setpriv", "dumpcap", "tshark")
    shared = {"network_transport": args.transport, "delay_mechanism": args.mechanism}
    with Bench(args.gnomond) as bench:
        first, middle, last = (bench.namespace(name) for name in ("gm", "bc", "oc"))
        up, down = bench.cable(middle, first, 1), bench.cable(middle, last, 2)
        bench.capture(middle, up)
        bench.capture(middle, down)
        grandmaster = bench.start_ptp4l(first, [up], {**shared, "priority1": "100"}, "ptp4l-gm")
        gnomond = bench.start_gnomond(middle, [up, down], {
            **shared, "priority1": "110", "soft_clock_offset": "1.5",
            "soft_clock_frequency": "80000"})
        receiver = bench.start_ptp4l(last, [down], {**shared, "slaveOnly": "1"}, "ptp4l-oc")

        expect(grandmaster, "assuming the grand master role", 10)
        expect(gnomond, r"port 1.*UNCALIBRATED to SLAVE on MASTER_CLOCK_SELECTED", 15)
        expect(gnomond, r"port 2.* to MASTER", 10)
        root = expect(grandmaster, r"selected local clock (\S+) as best master", 1).group(1)
        seen = expect(gnomond, SELECTED, 5).group(1)
        if seen != root:
            raise Failure(f"gnomond follows {seen}, the grandmaster is {root}")
        settled(gnomond, 16)

        expect(receiver, r"UNCALIBRATED to SLAVE on MASTER_CLOCK_SELECTED", 15)
        settled(receiver, 16)
        offset, _, delay = settled(receiver)
        within("offset behind the boundary clock ns", offset, -0.2e6, 0.2e6)
        within("delay ns", delay, -0.05e6, 1e6)
        sent = ["Announce", "Sync", "Follow_Up"]
        sent += ["Delay_Req", "Delay_Resp"] if args.mechanism == "E2E" else [
            "Pdelay_Req", "Pdelay_Resp", "Pdelay_Resp_Follow_Up"]
        print(f"tshark finds {bench.verdict(*sent)} messages of gnomond well-formed")


main(test)
