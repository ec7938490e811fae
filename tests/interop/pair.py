#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""One gnomond and one ptp4l on a cable.

    pair.py --gnomond PATH UDPv4|UDPv6|L2 E2E|P2P transmitter|receiver    the role is gnomond's

As timeReceiver, gnomond starts 1.5 s and 80 ppm off and must follow ptp4l, whose every Follow_Up
must be seen to arrive after its Sync. As timeTransmitter it is a quarter of a second ahead, which
ptp4l, without the right to set the clock, must measure.
"""

from harness import (Bench, Failure, SELECTED, expect, main, need, parse_args, settled,
                     within)

MILLISECOND = 1e6
SENT = {
    ("transmitter", "E2E"): ("Announce", "Sync", "Follow_Up", "Delay_Resp"),
    ("transmitter", "P2P"): ("Announce", "Sync", "Follow_Up", "Pdelay_Req", "Pdelay_Resp",
                             "Pdelay_Resp_Follow_Up"),
    ("receiver", "E2E"): ("Delay_Req",),
    ("receiver", "P2P"): ("Pdelay_Req", "Pdelay_Resp", "Pdelay_Resp_Follow_Up"),
}


def receiver(gnomond, ptp4l):
    """gnomond follows ptp4l."""
    expect(ptp4l, r"LISTENING to MASTER|assuming the grand master role", 10)
    expect(gnomond, SELECTED, 10)
    expect(gnomond, r"UNCALIBRATED to SLAVE on MASTER_CLOCK_SELECTED", 10)
    settled(gnomond, 16)
    offset, frequency, delay = settled(gnomond)
    within("offset ns", offset, -0.1 * MILLISECOND, 0.1 * MILLISECOND)
    # ptp4l prints what the clock would do by itself. The system clock, which the peer reads, may
    # be steered by some tens of ppm against the raw oscillator that the soft clock is made of.
    within("frequency ppb", frequency, 80e3 - 50e3, 80e3 + 50e3)
    within("delay ns", delay, -0.05 * MILLISECOND, MILLISECOND)


def transmitter(gnomond, ptp4l):
    """ptp4l measures how far gnomond's clock is from the system's."""
    expect(gnomond, r"LISTENING to MASTER on ANNOUNCE_RECEIPT_TIMEOUT_EXPIRES", 10)
    expect(ptp4l, SELECTED, 10)
    expect(ptp4l, r"UNCALIBRATED to SLAVE on MASTER_CLOCK_SELECTED", 10)
    offset, _, delay = settled(ptp4l)
    within("offset ns", offset, -251 * MILLISECOND, -249 * MILLISECOND)
    within("delay ns", delay, -0.05 * MILLISECOND, MILLISECOND)


def test():
    """Run one pair."""
    args = parse_args("transport", "mechanism", "role")
    need("ptp4l", "setpriv", "dumpcap", "tshark")
    shared = {"network_transport": args.transport, "delay_mechanism": args.mechanism}
    better, worse = {"priority1": "100"}, {"slaveOnly": "1"}
    with Bench(args.gnomond) as bench:
        ours, theirs = bench.namespace("ours"), bench.namespace("theirs")
        name = bench.cable(ours, theirs)
        bench.capture(ours, name)
        if args.role == "receiver":
            soft = {"soft_clock_offset": "1.5", "soft_clock_frequency": "80000"}
            checked = {"check_fup_sync": "1", "assume_two_step": "1"}
            mine, its, run = {**worse, **soft, **checked}, better, receiver
        else:
            mine, its, run = {**better, "soft_clock_offset": "0.25"}, worse, transmitter
        gnomond = bench.start_gnomond(ours, [name], {**shared, **mine})
        ptp4l = bench.start_ptp4l(theirs, [name], {**shared, **its})
        run(gnomond, ptp4l)
        looked_at = bench.verdict(*SENT[args.role, args.mechanism])
        print(f"tshark finds {looked_at} messages of gnomond well-formed")
        if gnomond.stop() != 0:
            raise Failure(f"gnomond ends with {gnomond.child.returncode} on SIGTERM")


main(test)
