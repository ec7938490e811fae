#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Our pmc and linuxptp's, asking the same ptp4l.

    pmc.py --gnomon PATH uds|UDPv4|UDPv6|L2    every id, and SETs, text for text
    pmc.py --gnomon PATH native                exit status, errors, JSON
    pmc.py --gnomon PATH crowd                 more commands than a socket holds
    pmc.py --gnomon PATH --gnomond PATH gnomond    both kinds of pmc, and gnomond by its own name
"""

import argparse
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

from harness import Bench, Failure, expect, main, need

TRANSPORTS = {"uds": ["-u"], "UDPv4": ["-4"], "UDPv6": ["-6"], "L2": ["-2"]}
# Counters go on counting; linuxptp 4 has added events to subscribe to.
VOLATILE = re.compile(r"^(\t\t[rt]x_\w+ +)\d+$", re.M)
CHANGED = re.compile(r"^\t\t(duration|NOTIFY_\w+) .*\n", re.M)
ANSWER = re.compile(r"^\t\S.*\n(?:\t\t.*\n)*", re.M)


class Pmc:
    """A pmc in a namespace."""

    def __init__(self, space, argv, environment=None):
        self.space, self.argv, self.environment = space, argv, environment

    def run(self, *args, text=None, seconds=60):
        """Run to the end; its exit status, standard output and error."""
        done = subprocess.run(["ip", "netns", "exec", self.space, *self.argv, *args], input=text,
                              stdin=None if text is not None else subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=seconds, check=False,
                              env=self.environment)
        return done.returncode, done.stdout, done.stderr


def normal(text):
    """What was sent, and what was answered in the order of requests: pmc sends all at once."""
    text = CHANGED.sub("", VOLATILE.sub(r"\1N", text))
    answers = sorted(ANSWER.findall(text), key=lambda a: int(re.search(r" seq (\d+)", a)[1]))
    return re.sub(ANSWER, "", text), answers


def same(ours, theirs, *args, **more):
    """Failure unless both print the same; how many answers they got."""
    mine, its = ours.run(*args, **more), theirs.run(*args, **more)
    if (mine[0], normal(mine[1]), mine[2]) != (its[0], normal(its[1]), its[2]):
        raise Failure(f"{args}:\nours: {mine[0]}\n{mine[1]}{mine[2]}\n"
                      f"theirs: {its[0]}\n{its[1]}{its[2]}")
    return len(normal(its[1])[1])


class Setup:
    """A ptp4l, which is timeTransmitter, and both kinds of pmc beside it, or on its cable."""

    def __init__(self, bench, args):
        self.bench = bench
        self.here, self.there = bench.namespace("here"), bench.namespace("there")
        name = bench.cable(self.here, self.there)
        bin_folder = os.path.join(bench.folder, "bin")
        os.mkdir(bin_folder)
        os.symlink(args.gnomon, os.path.join(bin_folder, "pmc"))
        self.native = Pmc(self.here, [args.gnomon, "pmc"])
        self.ours = Pmc(self.here, [os.path.join(bin_folder, "pmc")])
        self.theirs = Pmc(self.here, ["pmc"])
        self.socket = os.path.join(bench.folder, "ptp4l")
        self.interface = name
        transport = args.case if args.case in TRANSPORTS and args.case != "uds" else "UDPv4"
        # linuxptp's pmc goes on as long as anything comes more often than every 100 ms.
        self.ptp4l = bench.start_ptp4l(self.there, [name], {
            "network_transport": transport, "logAnnounceInterval": "-2", "logSyncInterval": "0"})
        expect(self.ptp4l, r"assuming the grand master role", 20)

    def ids(self):
        """The ids that pmc lists."""
        text = self.theirs.run("-u", "-s", self.socket, "help")[1]
        return re.findall(r"^\t\[action\] (\S+)$", text, re.M)


def texts(setup, options):
    """All ids, then what is set, refused and misunderstood."""
    ids = setup.ids()
    answered = 0
    # A few at a time: linuxptp's pmc stalls when more answers come than its socket holds.
    for start in range(0, len(ids), 8):
        answered += same(setup.ours, setup.theirs, *options,
                         *(f"GET {name}" for name in ids[start:start + 8]))
    print(f"{len(ids)} ids, {answered} answers are the same")
    if answered < len(ids):
        raise Failure(f"{len(ids)} ids, but only {answered} answers")
    for name in ids:
        same(setup.ours, setup.theirs, *options, "-z", f"get {name.lower()}")


SETTINGS = ("SET GRANDMASTER_SETTINGS_NP clockClass 7 clockAccuracy 0x21 "
            "offsetScaledLogVariance 0x4e5d currentUtcOffset 37 leap61 0 leap59 1 "
            "currentUtcOffsetValid 1 ptpTimescale 1 timeTraceable 1 frequencyTraceable 0 "
            "timeSource 0x20")


def case_uds(setup):
    """Over the local socket, where SETs are allowed."""
    options = ["-u", "-s", setup.socket]
    texts(setup, options)
    count = same(setup.ours, setup.theirs, *options, "SET PRIORITY1 77", "GET PRIORITY1")
    count += same(setup.ours, setup.theirs, *options, SETTINGS)
    count += same(setup.ours, setup.theirs, *options, "GET GRANDMASTER_SETTINGS_NP",
                  "GET TIME_PROPERTIES_DATA_SET", "GET DEFAULT_DATA_SET")
    count += same(setup.ours, setup.theirs, *options,
                  "SET PORT_DATA_SET_NP neighborPropDelayThresh 900 asCapable 1")
    if count != 7:
        raise Failure(f"{count} answers to SETs and GETs, not 7")
    identity = re.search(r"clockIdentity +(\S+)",
                         setup.ours.run(*options, "GET DEFAULT_DATA_SET")[1])[1]
    for target, answers in ((f"{identity}-1", 1), (f"{identity}-2", 1), ("*", 1),
                            ("0c42a1.fffe.6d7ca6-1", 0)):
        if same(setup.ours, setup.theirs, *options, f"TARGET {target}",
                "GET PORT_DATA_SET") != answers:
            raise Failure(f"TARGET {target}: not {answers} answers")
    for words in ("GET", "FOO BAR", "GET FOO", "GET PORT", "get prio", "g priority1",
                  "SET PRIORITY1", "SET GRANDMASTER_SETTINGS_NP clockClass 248",
                  "CMD PRIORITY1 1", "TARGET foo", "TARGET 1234", "t *", "TAR *",
                  # What stands behind a command is not looked at, and of ids there is no help.
                  "GET PRIORITY1 nonsense", "GET PRIORITY1 GET PRIORITY2", "TARGET * x",
                  "SET PRIORITY1 100 200", SETTINGS + " and more", "help me", "HELP PRIORITY1"):
        same(setup.ours, setup.theirs, *options, words)
        same(setup.ours, setup.theirs, *options, text=words + "\n")
    # linuxptp's does the first line only if several come at once.
    out = setup.ours.run(*options, text="\nGET PRIORITY1\n\nget clock_acc\nget slave")[1]
    if len(normal(out)[1]) != 3:
        raise Failure(f"several lines: {out}")
    for wrong in (["-d", "3"], ["-t", "1"], ["-t", "zz"], ["-b", "0"], ["-4", "-2", "-u"]):
        same(setup.ours, setup.theirs, *options, *wrong, "GET PRIORITY1")
    same(setup.ours, setup.theirs, "-u", "-s", setup.socket + "x", "help me")


def case_network(setup, transport):
    """By multicast, where SETs are refused."""
    options = [*TRANSPORTS[transport], "-i", setup.interface]
    texts(setup, options)
    if same(setup.ours, setup.theirs, *options, "GET PRIORITY1", "SET PRIORITY1 77") != 2:
        raise Failure("no answer to GET or SET")
    done = setup.native.run(*options, "SET", "PRIORITY1", "77")
    if done[0] != 2 or "NOT_SUPPORTED" not in done[2]:
        raise Failure(f"SET by network: {done}")


# -- native ---------------------------------------------------------------------------------------


def check(done, status, out="", err=""):
    """Failure unless it ended with that status, and said that."""
    if done[0] != status or not re.search(out, done[1]) or not re.search(err, done[2]):
        raise Failure(f"expected {status}, {out!r}, {err!r}: {done}")
    if status == 0 and done[2]:
        raise Failure(f"complains, but succeeds: {done}")
    if status and len(done[2].splitlines()) != 1:
        raise Failure(f"not one line: {done}")


CHANGING = re.compile(r"^(rx|tx)_|Time$|offset|ingress|Delay|NumberOf|^total")


def as_text(value):
    """A value of JSON as the text has it, but for the base and the digits of numbers."""
    if isinstance(value, dict):
        return " ".join(as_text(part) for part in value.values())
    if isinstance(value, bool):
        return str(int(value))
    return str(value)


def plain(text):
    """0x20, +1.50, true and on as a number; anything else as it is."""
    text = {"true": "1", "false": "0", "on": "1", "off": "0"}.get(text, text)
    try:
        return float(int(text, 16)) if text.startswith("0x") else float(text)
    except ValueError:
        return text


def check_same_values(name, text, answers):
    """What the text says of a field, JSON says of it, in the same order; it may say more. Tables
    are laid out in their own ways."""
    fields = re.findall(r"^\t\t(\S+) *(.*?) *$", text, re.M)
    data = [field for answer in answers for field in answer.get("data", {}).items()]
    table = any(key == "entries" for key, _ in data)
    others = iter(data)
    for key, value in fields:
        other = next((other for name_, other in others if name_ == key), None)
        if other is None and table:
            return
        if other is None:
            raise Failure(f"{name}: no {key} in JSON: {data}")
        if not CHANGING.search(key) and plain(value) != plain(as_text(other)):
            raise Failure(f"{name}: {key} {value}, JSON: {other}")


def check_json(setup, options):
    """Every answer is one valid object that names its id, and says what the text says."""
    for name in setup.ids():
        status, out, err = setup.native.run(*options, "--json", f"GET {name}")
        if status:
            raise Failure(f"{name}: {status}, {err}")
        for line in out.splitlines():
            answer = json.loads(line)
            if answer["id"] != name or answer["action"] != "RESPONSE":
                raise Failure(f"{name}: {line}")
            if name != "NULL_MANAGEMENT" and not answer["data"]:
                raise Failure(f"{name}: without data: {line}")
        check_same_values(name, setup.native.run(*options, f"GET {name}")[1],
                          [json.loads(line) for line in out.splitlines()])
    data = json.loads(setup.native.run(*options, "--json", "GET DEFAULT_DATA_SET")[1])["data"]
    if data["priority1"] != 128 or data["twoStepFlag"] is not True or data["domainNumber"] != 0:
        raise Failure(f"JSON: {data}")


def case_native(setup):
    """What it is like by its own name."""
    run, options = setup.native.run, ["-s", setup.socket]
    check(run(*options, "GET", "PRIORITY1"), 0, r"^sending: GET PRIORITY1\n\t\S+ seq 0 RESPONSE "
          r"MANAGEMENT PRIORITY1 \n\t\tpriority1 128\n$")
    check(run(*options, "GET PRIORITY1", "GET PORT_DATA_SET"), 0, r"(?s)priority1 128.*portState")
    check(run(*options, text="SET PRIORITY1 100\nGET PRIORITY1"), 0, "(?s)1 100.*1 100")
    check(run(*options, "SET PRIORITY1 128"), 0)
    check_json(setup, options)
    # Nothing is done of commands of which one is wrong.
    check(run(*options, "SET PRIORITY1 99", "GET FOO"), 1, "^$", 'no management id "FOO"')
    check(run(*options, "SET PRIORITY1 99", "SET PRIORITY1 300"), 1, "^$", "range of priority1")
    check(run(*options, "SET PRIORITY1 99", "GET PRIORITY1 nonsense"), 1, "^$",
          'PRIORITY1: "nonsense" behind it is too much; leave it out')
    check(run(*options, "SET PRIORITY1 99 GET PRIORITY1"), 1, "^$", "each in quotes")
    check(run(*options, "SET", "PRIORITY1", "99", "GET", "PRIORITY1"), 1, "^$", "each in quotes")
    check(run(*options, "TARGET * *"), 1, "^$", "too much")
    check(run(*options, text="SET PRIORITY1 99 x\n"), 1, "^$", "too much")
    check(run(*options, "GET PRIORITY1"), 0, "priority1 128")
    check(run(*options, "GET PORT_D"), 1, "^$", "id PORT_D is too ambiguous; .*PORT_DATA_SET_NP")
    check(run(*options, "SET PRIORITY1"), 1, "^$", 'needs 1 value; "help PRIORITY1"')
    check(run("-2", "-4", "GET PRIORITY1"), 1, "^$", "-2 and -4 contradict each other")
    check(run("-u", "--network_transport=L2", "GET PRIORITY1"), 1, "^$", "contradict")
    check(run("-4", "--network_transport", "UDPv4", *options, "GET PRIORITY1"), 1, "^$",
          "-s names a socket of this machine, but --network_transport asks a network")
    check(run(*options, "SET PORT_STATS_NP 1"), 1, "^$", "only allows GET")
    check(run(*options, "--domainNumber=999", "GET PRIORITY1"), 1, "^$", "domainNumber")
    check(run(*options, "-t", "zz", "GET PRIORITY1"), 1, "^$", "hexadecimal digit; write 0 to f")
    check(run(*options, "--jsn", "GET PRIORITY1"), 1, "^$", "did you mean --json?")
    check(run(*options, "-x", "GET PRIORITY1"), 1, "^$", "option -x: unknown; --help lists them")
    check(run(*options, "-b"), 1, "^$", "option -b: no value")
    check(run("GET", "PRIORITY1", *options), 1, "^$", "options stand before the first command")
    check(run("GET PRIORITY1", *options), 1, "^$", '"-s".*options stand before the first')
    check(run(*options, "-b", "x", "GET PRIORITY1"), 1, "^$",
          "option -b: 'x' is no whole number; write 0 to 255")
    check(run(*options, "--timeout", "0", "GET PRIORITY1"), 1, "^$", "--timeout")
    check(run("-f", "/nonexistent", "GET PRIORITY1"), 1, "^$", "/nonexistent")
    check(run("-s", "x" * 200, "GET PRIORITY1"), 2, "^$", "at most 107 octets")
    check(run(*options, "SET DOMAIN 3"), 2, "MANAGEMENT_ERROR_STATUS",
          "SET DOMAIN: .*-0 refuses: NOT_SUPPORTED; what can be set is set by its read-write")
    check(run(*options, "-d", "3", "--timeout", "100", "GET PRIORITY1"), 2, "sending",
          "GET PRIORITY1: no answer within 100 ms")
    check(run("-s", setup.socket + "x", "GET PRIORITY1"), 2, "",
          "ptp4lx: no PTP daemon answers there")
    check(run("-s", "/etc/passwd", "GET PRIORITY1"), 2, "", "/etc/passwd: is no socket")
    # Values may be negative, and have blanks that the shell has taken the quotes of.
    check(run(*options, "SET", "LOG_SYNC_INTERVAL", "-3"), 2, "ERROR_STATUS", "NOT_SUPPORTED")
    check(run(*options, "SET", "USER_DESCRIPTION", "a b"), 2, "ERROR_STATUS", "NOT_SUPPORTED")
    check(run(*options, "-i", setup.interface, "GET PRIORITY1"), 1, "^$", "-2, -4 or -6")
    check(run("-2", "-i", "nowhere", "GET PRIORITY1"), 2, "^$", "nowhere")
    check(run(*options, "-i", "/nonexistent/socket", "GET PRIORITY1"), 2, "^$",
          "/nonexistent/socket")
    case_nobody(setup)
    case_killed(setup)


def case_nobody(setup):
    """Without the right to make a file beside the daemon's socket."""
    os.chmod(setup.socket, 0o666)
    os.chmod(setup.bench.folder, 0o755)
    program = setup.native.argv[0]
    copy = os.path.join(setup.bench.folder, "gnomon")
    pathlib.Path(copy).write_bytes(pathlib.Path(program).read_bytes())
    os.chmod(copy, 0o755)
    nobody = Pmc(setup.here, ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
                              copy, "pmc"])
    # Abstract names are those of a network namespace: that of the daemon.
    nobody.space = setup.there
    check(nobody.run("-s", setup.socket, "GET PRIORITY1"), 0, "priority1 128")
    os.chmod(setup.socket, 0o600)
    check(nobody.run("-s", setup.socket, "GET PRIORITY1"), 2, "", "Permission denied; ask as its")


def case_killed(setup):
    """No file is left behind by one that is interrupted."""
    process = setup.bench.start(setup.here, [*setup.native.argv, "-s", setup.socket, "-i",
                                             "killed", "-d", "3", "--timeout", "60000",
                                             "GET PRIORITY1"])
    expect(process, "sending", 10)
    path = os.path.join(setup.bench.folder, "killed")
    if not os.path.exists(path):
        raise Failure(f"no {path}")
    status = process.stop(signal.SIGINT, 10)
    if status != 2 or os.path.exists(path):
        raise Failure(f"interrupted: ends with {status}, {path} is there: {os.path.exists(path)}")


def case_crowd(setup):
    """More commands, and more answers, than sockets hold; and a daemon that never reads."""
    for pmc in (setup.native, setup.ours):
        status, out, err = pmc.run("-u", "-s", setup.socket, *["GET PORT_DATA_SET"] * 300)
        if status or err or len(normal(out)[1]) != 300:
            raise Failure(f"{status}, {len(normal(out)[1])} answers, {err}")
    path = os.path.join(setup.bench.folder, "deaf")
    deaf = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    deaf.bind(path)
    start = time.monotonic()
    status, _, err = setup.native.run("-s", path, "--timeout", "50", *["GET PRIORITY1"] * 20)
    if status != 2 or len(err.splitlines()) != 20 or "no answer within 50 ms" not in err:
        raise Failure(f"deaf daemon: {status}, {err}")
    print(f"300 commands twice; 20 in vain in {time.monotonic() - start:.1f} s")
    deaf.close()


EVERY_ID = re.compile(r"^\t\[action\] (\S+)$", re.M)


def case_gnomond(bench, args):
    """gnomond answers both, and every id it can be asked for."""
    space, peer = bench.namespace("gnomond"), bench.namespace("peer")
    cable = bench.cable(space, peer)
    path = os.path.join(bench.folder, "gnomond")
    daemon = bench.start_gnomond(space, [cable], {
        "uds_address": path, "uds_ro_address": path + "ro",
        # pmc of linuxptp 3 takes both numbers of the version for one.
        "ptp_minor_version": "0"})
    expect(daemon, r"LISTENING to MASTER", 15)
    os.symlink(args.gnomon, os.path.join(bench.folder, "pmc"))
    ours, theirs = Pmc(space, [os.path.join(bench.folder, "pmc")]), Pmc(space, ["pmc"])
    native, options = Pmc(space, [args.gnomon, "pmc"]), ["-u", "-s", path]
    ids = EVERY_ID.findall(theirs.run(*options, "help")[1])
    count = sum(same(ours, theirs, *options, f"GET {name}") for name in ids)
    count += same(ours, theirs, *options, "SET PRIORITY1 77", "GET PRIORITY1")
    count += same(ours, theirs, *options, SETTINGS, "GET TIME_PROPERTIES_DATA_SET")
    if count < len(ids) + 4:
        raise Failure(f"{count} answers for {len(ids)} ids and 4 commands")
    check(native.run("-s", path + "ro", "GET PRIORITY1"), 0, "priority1 77")
    check(native.run("-s", path + "ro", "SET PRIORITY1 78"), 2, "", "refuses: .*; what can")
    answered = 0
    for name in EVERY_ID.findall(native.run("-s", path, "help")[1]):
        status, out, err = native.run("-s", path, "--json", f"GET {name}")
        answers = [json.loads(line) for line in out.splitlines()]
        if status == 0 and answers and all("malformed" not in answer for answer in answers):
            answered += 1
        elif "refuses: NOT_SUPPORTED" not in err and "only allows" not in err:
            raise Failure(f"{name}: {status}, {out}, {err}")
    print(f"{count} answers are the same; {answered} ids are answered")
    if answered < len(ids):
        raise Failure(f"only {answered} ids are answered")
    case_neighbour(bench, peer, cable, native)


def case_neighbour(bench, peer, interface, native):
    """Who asks a daemon of this machine asks nobody else, unless it says so."""
    neighbour = bench.start_ptp4l(peer, [interface], {})
    expect(neighbour, r"LISTENING to (MASTER|UNCALIBRATED)", 20)
    options = ["-s", os.path.join(bench.folder, "gnomond"), "--timeout", "5000"]
    check(native.run(*options, "GET MASTER_ONLY"), 0, "masterOnly 0\n$")
    status, out, err = native.run(*options, "-b", "1", "GET PRIORITY1")
    if status or err or len(ANSWER.findall(out)) != 2:
        raise Failure(f"one hop on: {status}, {out}, {err}")
    # linuxptp 3 does not know it.
    check(native.run(*options, "-b", "1", "GET MASTER_ONLY"), 2, "masterOnly 0\n", "refuses: ")


def test():
    """Run one case."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--gnomon", required=True, type=os.path.abspath)
    parser.add_argument("case", choices=[*TRANSPORTS, "native", "crowd", "gnomond"])
    parser.add_argument("--gnomond", type=os.path.abspath)
    args = parser.parse_args()
    need("ptp4l", "pmc", "setpriv")
    harness_args = {"uds": case_uds, "native": case_native, "crowd": case_crowd}
    with Bench(args.gnomond) as bench:
        if args.case == "gnomond":
            case_gnomond(bench, args)
            return
        setup = Setup(bench, args)
        if args.case in harness_args:
            harness_args[args.case](setup)
        else:
            case_network(setup, args.case)


if __name__ == "__main__":
    main(test)
