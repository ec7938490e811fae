#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""linuxptp's management clients against gnomond that was started as ptp4l.

    management.py --gnomond PATH get         pmc asks for every id, of gnomond and of a ptp4l
    management.py --gnomond PATH set         what pmc sets is announced, and followed by a ptp4l
    management.py --gnomond PATH network     by UDPv4, and through boundary hops
    management.py --gnomond PATH transports  by UDPv6 and L2
    management.py --gnomond PATH subscribe   pmc subscribes and is told; phc2sys -a finds its ports
"""

import os
import re
import subprocess
import time

from harness import (Bench, COMMON, Failure, expect, main, need, netlab, parse_args)

# What pmc 3.1 and later can ask for, at least: the rest is what the pmc here lists.
IDS = """USER_DESCRIPTION DEFAULT_DATA_SET CURRENT_DATA_SET PARENT_DATA_SET TIME_PROPERTIES_DATA_SET
    PRIORITY1 PRIORITY2 DOMAIN SLAVE_ONLY CLOCK_ACCURACY TRACEABILITY_PROPERTIES
    TIMESCALE_PROPERTIES TIME_STATUS_NP GRANDMASTER_SETTINGS_NP SUBSCRIBE_EVENTS_NP
    SYNCHRONIZATION_UNCERTAIN_NP NULL_MANAGEMENT CLOCK_DESCRIPTION PORT_DATA_SET
    LOG_ANNOUNCE_INTERVAL ANNOUNCE_RECEIPT_TIMEOUT LOG_SYNC_INTERVAL VERSION_NUMBER
    DELAY_MECHANISM LOG_MIN_PDELAY_REQ_INTERVAL PORT_DATA_SET_NP PORT_PROPERTIES_NP
    PORT_STATS_NP""".split()

# What it can set, from the first to the last field, and what is refused by its values or its id.
SETS = (
    "SET PRIORITY1 200", "SET PRIORITY1 0", "SET PRIORITY2 255", "SET PRIORITY2 128",
    "SET PRIORITY1 128", "SET PRIORITY1 300", "SET PRIORITY1 12 and more", "SET PRIORITY1 128",
    "SET GRANDMASTER_SETTINGS_NP clockClass 6 clockAccuracy 0x20 "
    "offsetScaledLogVariance 0x4e5d currentUtcOffset 37 leap61 0 leap59 1 "
    "currentUtcOffsetValid 1 ptpTimescale 1 timeTraceable 1 frequencyTraceable 1 "
    "timeSource 0x10",
    "SET GRANDMASTER_SETTINGS_NP clockClass 248",
    "SET SYNCHRONIZATION_UNCERTAIN_NP 1", "SET SYNCHRONIZATION_UNCERTAIN_NP 0",
    "SET SYNCHRONIZATION_UNCERTAIN_NP 255",
    "SET SUBSCRIBE_EVENTS_NP duration 0 NOTIFY_PORT_STATE off",
    "SET PORT_DATA_SET_NP neighborPropDelayThresh 900 asCapable 1",
    "SET DOMAIN 3", "SET SLAVE_ONLY 1", "SET PORT_DATA_SET 1", "SET USER_DESCRIPTION x",
    "CMD PRIORITY1 1", "CMD INITIALIZE 1",
)

# Lines that say what is different: who and where, versions, what was measured and counted.
OWN = re.compile(r"Identity|physicalAddress|protocolAddress|versionNumber|[rt]x_|master_offset"
                 r"|ingress_time|offsetFromMaster|meanPathDelay|portState|stepsRemoved|gmPresent"
                 r"|ptpTimescale|^\t[0-9a-f]{6}\.")


class Pair:
    """gnomond by the name of ptp4l, and a ptp4l, on one cable."""

    def __init__(self, bench, ours=None, theirs=None, peer=True):
        self.bench, self.folder = bench, bench.folder
        self.space, self.peer = bench.namespace("gn"), bench.namespace("lp")
        bench.cable(self.space, self.peer)
        name = os.path.join(bench.folder, "ptp4l")
        os.symlink(bench.gnomond, name)
        self.ours = os.path.join(bench.folder, "ours")
        settings = {**COMMON, "clock": "soft", "uds_address": self.ours,
                    "uds_ro_address": self.ours + "ro", **(ours or {})}
        self.gnomond = bench.start(
            self.space, [name, "-f", bench.config("ours-conf", settings, ["v1"])], "gnomond")
        self.theirs = os.path.join(bench.folder, "theirs")
        self.ptp4l = bench.start_ptp4l(self.peer, ["v1"], {**(theirs or {})},
                                       "theirs") if peer else None

    def settle(self):
        """Wait until one leads and the other follows."""
        expect(self.gnomond, r"to (MASTER|UNCALIBRATED) on", 15)
        expect(self.ptp4l, r"to (MASTER|UNCALIBRATED) on", 15)

    def pmc(self, *commands, server=None, options=(), space=None):
        """What linuxptp's pmc prints of these commands, without its own lines."""
        where = ["-u", "-s", server or self.ours, "-i", os.path.join(self.folder, "pmc")]
        command = ["ip", "netns", "exec", space or self.space, "pmc", "-b", "0",
                   *(options or where), *commands]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              check=False, timeout=30)
        if done.returncode:
            raise Failure(f"pmc: {done.stderr}")
        return [line for line in done.stdout.splitlines() if not line.startswith("sending:")]

    def value(self, ident, label, **how):
        """One value of the answer to a GET."""
        lines = self.pmc(f"GET {ident}", **how)
        found = re.search(rf"^\t\t{re.escape(label)} +(.*)$", "\n".join(lines), re.M)
        if not found:
            raise Failure(f"{ident}: no {label} in {lines}")
        return found.group(1).strip()

    def wait_value(self, wanted, *what, **how):
        """Wait until a GET says so."""
        end = time.monotonic() + 10
        while (value := self.value(*what, **how)) != wanted:
            if time.monotonic() > end:
                raise Failure(f"{what}: {value}, not {wanted}")
            time.sleep(0.2)


def labels(lines):
    """An answer without its values."""
    return [re.sub(r"^(\t\t\S+ +)\S.*$", r"\1", line) if line.startswith("\t\t") else
            re.sub(r"^\t\S+-(\d) seq \d+", r"\t-\1", line) for line in lines]


def test_get(bench):
    """The same lines; where the values do not say who it is, the same values."""
    pair = Pair(bench)
    pair.settle()
    listed = [re.sub(r"^\t\[action\] ", "", line) for line in pair.pmc("HELP")
              if line.startswith("\t[action] ")]
    if set(IDS) - set(listed):
        raise Failure(f"pmc does not list {set(IDS) - set(listed)}")
    ids = IDS + [ident for ident in listed if ident not in IDS]
    for ident in ids:
        ours = pair.pmc(f"GET {ident}")
        theirs = pair.pmc(f"GET {ident}", server=pair.theirs)
        if labels(ours) != labels(theirs) or not ours:
            raise Failure(f"{ident}:\n{ours}\nis not laid out as\n{theirs}")
        mine = [line for line in ours if not OWN.search(line)]
        other = [line for line in theirs if not OWN.search(line)]
        if mine != other:
            raise Failure(f"{ident}:\n{mine}\nare not the values of\n{other}")
        if ident not in ("PORT_PROPERTIES_NP", "PORT_STATS_NP", "SUBSCRIBE_EVENTS_NP"):
            if pair.pmc(f"GET {ident}", server=pair.ours + "ro")[1:2] != ours[1:2]:
                raise Failure(f"{ident}: another answer by the read-only socket")
    if "ERROR_STATUS" not in pair.pmc("SET PRIORITY1 1", server=pair.ours + "ro")[0]:
        raise Failure("the read-only socket takes a SET")
    print(f"{len(ids)} ids, the same lines")
    test_get_again(pair, ids)
    test_sets(pair)


def test_get_again(pair, ids):
    """The same by requests without a dataField, as the standard's first edition has them; and
    nothing for another domain or sdoId."""
    for first in range(0, len(ids), 7):
        gets = [f"GET {ident}" for ident in ids[first:first + 7]]
        ours, theirs = (pair.pmc(*gets, options=[
            "-u", "-s", server, "-i", os.path.join(pair.folder, "pmc"), "-z"])
            for server in (pair.ours, pair.theirs))
        if labels(ours) != labels(theirs):
            raise Failure(f"{gets} -z:\n{ours}\nis not laid out as\n{theirs}")
    for wrong in (["-d", "7"], ["-t", "1"]):
        lines = pair.pmc("GET PRIORITY1", options=[
            "-u", "-s", pair.ours, "-i", os.path.join(pair.folder, "pmc"), *wrong])
        if lines:
            raise Failure(f"{wrong}: answered, {lines}")


def test_sets(pair):
    """SETs are answered by the same text, and so is what they changed."""
    gets = ["GET PRIORITY1", "GET PRIORITY2", "GET PORT_DATA_SET_NP",
            "GET SYNCHRONIZATION_UNCERTAIN_NP"]
    for command in SETS:
        ours, theirs = (pair.pmc(command, server=server) for server in (pair.ours, pair.theirs))
        if [OWN.sub("", line) for line in labels(ours)] != \
                [OWN.sub("", line) for line in labels(theirs)]:
            raise Failure(f"{command}:\n{ours}\nis not laid out as\n{theirs}")
        mine, other = ([line for line in lines if not OWN.search(line)]
                       for lines in (ours, theirs))
        if mine != other:
            raise Failure(f"{command}:\n{mine}\nare not the values of\n{other}")
        mine, other = ([line for line in pair.pmc(*gets, server=server) if not OWN.search(line)]
                       for server in (pair.ours, pair.theirs))
        if mine != other or len(mine) < len(gets):
            raise Failure(f"{command}, then {gets}: {mine}, not {other}")
    print(f"{len(SETS)} SETs, the same answers")


def test_set(bench):
    """A SET changes who leads, and what is announced."""
    pair = Pair(bench, ours={"priority1": "200"}, theirs={"priority1": "100"})
    expect(pair.gnomond, "UNCALIBRATED to SLAVE", 20)
    answer = pair.pmc("SET PRIORITY1 50")
    if "priority1 50" not in "\n".join(answer):
        raise Failure(f"SET PRIORITY1: {answer}")
    expect(pair.gnomond, "assuming the grand master role", 10)
    expect(pair.ptp4l, "MASTER to UNCALIBRATED", 10)
    pair.pmc("SET GRANDMASTER_SETTINGS_NP clockClass 7 clockAccuracy 0x21 "
             "offsetScaledLogVariance 0x4e5d currentUtcOffset 38 leap61 1 leap59 0 "
             "currentUtcOffsetValid 1 ptpTimescale 1 timeTraceable 1 frequencyTraceable 0 "
             "timeSource 0x20")
    for wanted, *what in (("38", "TIME_PROPERTIES_DATA_SET", "currentUtcOffset"),
                          ("1", "TIME_PROPERTIES_DATA_SET", "leap61"),
                          ("1", "TIME_PROPERTIES_DATA_SET", "timeTraceable"),
                          ("0x20", "TIME_PROPERTIES_DATA_SET", "timeSource"),
                          ("7", "PARENT_DATA_SET", "gm.ClockClass"),
                          ("0x4e5d", "PARENT_DATA_SET", "gm.OffsetScaledLogVariance"),
                          ("50", "PARENT_DATA_SET", "grandmasterPriority1")):
        pair.wait_value(wanted, *what, server=pair.theirs)
    pair.pmc("SET PRIORITY2 17")
    pair.wait_value("17", "PARENT_DATA_SET", "grandmasterPriority2", server=pair.theirs)
    print("ptp4l follows what was set")


def test_network(bench):
    """GETs of the network are answered, SETs refused, and hops taken in both directions."""
    pair = Pair(bench)
    pair.settle()
    options = ["-4", "-i", "v1"]
    lines = pair.pmc("GET DEFAULT_DATA_SET", options=options, space=pair.peer)
    if len(lines) < 11:
        raise Failure(f"no answer by the network: {lines}")
    lines = pair.pmc("SET PRIORITY1 1", "GET PORT_PROPERTIES_NP", options=options,
                     space=pair.peer)
    if "\n".join(lines).count("ERROR_STATUS") < 2:
        raise Failure(f"the network was not refused: {lines}")
    if pair.value("PRIORITY1", "priority1") != "128":
        raise Failure("a SET of the network was taken")
    lines = pair.pmc("GET CLOCK_ACCURACY", options=["-u", "-s", pair.ours, "-b", "1", "-i",
                                                    os.path.join(pair.folder, "pmc")])
    if sum("CLOCK_ACCURACY" in line for line in lines) != 2:
        raise Failure(f"one hop from gnomond: {lines}")
    lines = pair.pmc("GET CLOCK_ACCURACY", options=["-u", "-s", pair.theirs, "-b", "1", "-i",
                                                    os.path.join(pair.folder, "pmc")])
    if sum("CLOCK_ACCURACY" in line for line in lines) != 2:
        raise Failure(f"one hop from ptp4l: {lines}")
    print("answers of both clocks through either")


def test_transports(bench):
    """Other transports, each with a client on the cable."""
    for number, (transport, flag) in enumerate((("UDPv6", "-6"), ("L2", "-2"))):
        with Bench(bench.gnomond) as each:
            pair = Pair(each, ours={"network_transport": transport}, peer=False)
            expect(pair.gnomond, "to MASTER on", 15)
            lines = pair.pmc("GET DEFAULT_DATA_SET", options=[flag, "-i", "v1"],
                             space=pair.peer)
            if len(lines) != 11:
                raise Failure(f"{transport}: {lines}")
        print(f"{number + 1}: {transport}")


def test_subscribe(bench):
    """Notifications come while nobody asks."""
    pair = Pair(bench, ours={"priority1": "200"}, theirs={"priority1": "100"})
    expect(pair.gnomond, "INITIALIZING to LISTENING", 10)  # pmc asks once, and not again
    client = bench.start(pair.space, ["sh", "-c", "{ echo 'SET SUBSCRIBE_EVENTS_NP duration 60 "
                                      "NOTIFY_PORT_STATE on'; sleep 60; } | "
                                      f"pmc -u -s {pair.ours} -b 0 -i {bench.folder}/sub"], "pmc")
    expect(client, "NOTIFY_PORT_STATE +on", 5)
    expect(pair.gnomond, "UNCALIBRATED to SLAVE", 20)
    expect(client, "portState +UNCALIBRATED", 5)
    expect(client, "portState +SLAVE", 5)
    netlab.ip("-n", pair.space, "link", "set", "v1", "down")
    expect(client, "portState +FAULTY", 5)
    # Ports with software stamps have no clock to be kept: phc2sys says so once it knows them.
    synchronizer = bench.start(pair.space, ["setpriv", "--bounding-set", "-sys_time", "phc2sys",
                                            "-a", "-r", "-m", "-q", "-z", pair.ours], "phc2sys")
    expect(synchronizer, "no suitable ports available", 10)
    print("told of every state")


def test():
    """One of the cases above."""
    args = parse_args("case")
    need("ptp4l", "pmc", "phc2sys", "setpriv")
    with Bench(args.gnomond) as bench:
        {"get": test_get, "set": test_set, "network": test_network,
         "transports": test_transports, "subscribe": test_subscribe}[args.case](bench)


if __name__ == "__main__":
    main(test)
