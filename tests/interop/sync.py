#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""gnomon sync and our phc2sys on soft clocks, against Debian's ptp4l and phc2sys.

    sync.py --gnomon PATH soft|servos|follow|waits|lines|refused|handover

No clock of this machine is set: sinks are soft clocks, and nothing here has the capability to.
"""

import os
import re
import socket
import struct
import subprocess

from harness import ALONE, Failure, dissect, expect, main_of_cases, within

UPDATE = re.compile(r" info sync sink=(\S+) source=(\S+) servo=s(\d) offset_ns=(\S+) "
                    r"frequency_ppb=(\S+) error_ns=(\S+) method=(\S+) bound_ns=(\S+)$")
PHC2SYS = re.compile(r"^phc2sys\[\d+\.\d{3}\]: soft sys offset +-?\d+ s\d freq +[+-]\d+ "
                     r"delay +\d+$")
SUMMARY = re.compile(r"^phc2sys\[\d+\.\d{3}\]: soft rms +\d+ max +\d+ freq +[+-]\d+ \+/- +\d+ "
                     r"delay +\d+ \+/- +\d+$")


def start(lab, space, *argv):
    """Start a program, without the capability to set a clock of this machine."""
    return lab.start(space, ["setpriv", "--bounding-set", "-sys_time", *argv],
                     os.path.basename(argv[0]))


def run(lab, space, *argv):
    """(all it says, exit status) of a program that ends by itself."""
    done = subprocess.run(["ip", "netns", "exec", space, "setpriv", "--bounding-set", "-sys_time",
                           *argv], capture_output=True, text=True, check=False, timeout=30,
                          stdin=subprocess.DEVNULL, cwd=lab.folder)
    return (done.stdout + done.stderr).strip(), done.returncode


def ptp4l(lab, space):
    """A PTP daemon that becomes timeTransmitter, and its socket."""
    path = os.path.join(lab.folder, "ptp4l.socket")
    process = start(lab, space, "ptp4l", "-i", "v0", "-S", "--free_running=1", "-m", "-q",
                    f"--uds_address={path}", "--logAnnounceInterval=-2")
    return process, path


def updates(process, count, seconds):
    """The next updates that gnomon sync logs."""
    found = []
    first = len(process.lines)
    while len(found) < count:
        expect(process, UPDATE.pattern, seconds, first)
        with process.changed:
            lines, first = process.lines[first:], len(process.lines)
        found += [match.groups() for match in map(UPDATE.search, lines) if match]
    return found


def case_soft(lab, space):
    """A soft clock by another one, that starts 1.5 s and 80 ppm off; two at once."""
    sync = start(lab, space, lab.gnomon, "sync", "-s", "soft:a", "-c", "soft:b", "-c", "soft:c",
                 "-R", "8", "--soft_clock_offset=1.5", "--soft_clock_frequency=80000")
    expect(sync, r"notice start sink=soft:b source=soft:a", 5)
    expect(sync, r"notice clock-step sink=soft:c step_ns=-15\d{8}$", 5)
    expect(sync, r" info sync sink=soft:b .*servo=s2", 5)
    updates(sync, 24, 5)
    for sink, _, servo, offset, frequency, error, method, bound in updates(sync, 8, 5):
        print(f"{sink}: {offset} ns, {frequency} ppb, error {error} ns, bound {bound} ns")
        if servo != "2" or method != "plain" or float(error) > float(bound):
            raise Failure(f"{sink}: s{servo}, {method}, {error} > {bound}")
        # A busy machine may be late for anything; the bound says so.
        if abs(float(offset)) > float(bound) + float(error):
            raise Failure(f"{sink}: {offset} is beyond {bound}")
    if sync.stop() != 0:
        raise Failure("gnomon sync did not end well")


def case_servos(lab, space):
    """The other servos, by phc2sys's letter: one learns the frequency, one leaves it alone."""
    for servo, frequency in (("linreg", -80000), ("nullf", 0)):
        options = ["-s", "soft:a", "-c", "soft:b", "-R", "8", "-E", servo, "-S", "0.001",
                   "--soft_clock_offset=1.5"]
        if servo == "linreg":
            options.append("--soft_clock_frequency=80000")
        sync = start(lab, space, lab.gnomon, "sync", *options)
        expect(sync, r"notice clock-step sink=soft:b step_ns=-1[45]\d{8}$", 5)
        expect(sync, r" info sync sink=soft:b .*servo=s2", 5)
        updates(sync, 16, 5)
        row = updates(sync, 8, 5)[-1]
        print(servo, row)
        within("frequency, ppb", float(row[4]), frequency - 10000 * (servo == "linreg"),
               frequency + 10000 * (servo == "linreg"))
        within("offset, ns", abs(float(row[3])), 0, float(row[7]) + float(row[5]))
        sync.stop()


def case_follow(lab, space):
    """-w: the timescale comes from ptp4l, which may be there later; lost, it is not missed. What
    it is asked is not passed on to the network."""
    lab.capture(space, "v9")
    sync = start(lab, space, lab.gnomon, "sync", "-s", "CLOCK_REALTIME", "-c", "soft", "-w", "-R",
                 "4", "-z", os.path.join(lab.folder, "ptp4l.socket"))
    expect(sync, r"waiting for a PTP daemon: \S+/ptp4l.socket: there is no such socket; start", 5)
    daemon, _ = ptp4l(lab, space)
    expect(daemon, "assuming the grand master role", 10)
    expect(sync, r"notice start sink=soft source=CLOCK_REALTIME", 10)
    # The soft clock began at TAI; with software time stamps ptp4l's timescale is the system's.
    match = expect(sync, r"clock-step sink=soft step_ns=(\S+)", 5)
    within("step, s", float(match.group(1)) * 1e-9, -37.01, -36.99)
    before = run(lab, space, lab.gnomon, "pmc", "-s", os.path.join(lab.folder, "ptp4l.socket"),
                 "-b", "1", "GET PRIORITY2")
    updates(sync, 8, 5)
    daemon.stop()
    capture, path = lab.captures[0]
    capture.stop(2)
    asked = sum(row["ptp.v2.messagetype"] == "0x0d" for row in dissect(path))
    if asked != 1:
        raise Failure(f"{asked} management messages on the network, not pmc's alone: {before}")
    rows = updates(sync, 12, 5)
    within("offset, ns", abs(float(rows[-1][3])), 0, float(rows[-1][7]) + float(rows[-1][5]))


WAITING = r"warning note text=\"waiting for a PTP daemon: "


def case_waits(lab, space):
    """Who waits says for what, once and then rarely; --timeout is the end of it."""
    path = os.path.join(lab.folder, "ptp4l.socket")
    pair = ["-s", "CLOCK_REALTIME", "-c", "soft", "-w"]
    for options in (pair, ["-a"]):
        said, status = run(lab, space, lab.gnomon, "sync", *options, "-z", path, "--timeout", "3")
        print(f"{options}: {status} {said}")
        lines = said.splitlines()
        if status != 2 or len(lines) != 2 or not re.search(WAITING, lines[0]) or \
                f"in step within 3 s: {path}: there is no such socket" not in lines[1]:
            raise Failure(f"no socket: {status} {said}")
    # phc2sys waits, too, and says so in its own way: every second.
    phc2sys = os.path.join(lab.drop_ins, "phc2sys")
    program = start(lab, space, phc2sys, *pair, "-m", "-q", "-z", path)
    for _ in range(3):
        expect(program, r"^phc2sys\[[\d.]+\]: Waiting for ptp4l...$", 5, len(program.lines))
    program.stop()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(path)
        said, status = run(lab, space, lab.gnomon, "sync", *pair, "-z", path, "--timeout", "2")
        if status != 2 or "no answer; is its domainNumber 0 (-n)" not in said:
            raise Failure(f"deaf daemon: {status} {said}")
    said, status = run(lab, space, lab.gnomon, "sync", *pair, "-z", path, "--timeout", "2")
    if status != 2 or "nobody listens there any more" not in said:
        raise Failure(f"dead daemon: {status} {said}")
    os.unlink(path)
    # A daemon that only ever listens.
    daemon = start(lab, space, "ptp4l", "-i", "v0", "-S", "-s", "--free_running=1", "-m", "-q",
                   f"--uds_address={path}")
    expect(daemon, "to LISTENING", 10)
    said, status = run(lab, space, lab.gnomon, "sync", *pair, "-z", path, "--timeout", "4")
    if status != 2 or said.count("waiting") != 1 or \
            "none of its ports is in step yet: port 1 is LISTENING" not in said:
        raise Failure(f"not in step: {status} {said}")
    said, status = run(lab, space, lab.gnomon, "sync", "-a", "-z", path)
    if status != 2 or f"{path}: no suitable ports available: none of 1 has hardware" not in said:
        raise Failure(f"software time stamps: {status} {said}")


def case_lines(lab, space):
    """phc2sys's lines, single and summarised, and what -a says of software time stamps."""
    phc2sys = os.path.join(lab.drop_ins, "phc2sys")
    options = ["-s", "CLOCK_REALTIME", "-c", "soft", "-O", "37", "-m", "-q", "-R", "8"]
    single = start(lab, space, phc2sys, *options)
    many = start(lab, space, phc2sys, *options, "-u", "8", "-t", "[tag:{level}]")
    for _ in range(2):
        expect(single, PHC2SYS.pattern, 5, len(single.lines))
    expect(many, r"^phc2sys\[\d+\.\d{3}\]: \[tag:6\] soft rms ", 5)
    bad = [line for line in single.lines if not PHC2SYS.match(line)] + \
          [line for line in many.lines if not SUMMARY.match(line.replace(" [tag:6]", ""))]
    if bad:
        raise Failure(f"lines: {bad}")
    if single.stop() != 0:
        raise Failure("phc2sys did not end well")
    daemon, path = ptp4l(lab, space)
    expect(daemon, "assuming the grand master role", 10)
    said = [run(lab, space, program, "-a", "-z", path, "-m", "-q")
            for program in ("phc2sys", phc2sys)]
    said = [(re.sub(r"\[[\d.]+\]", "[T]", text), status) for text, status in said]
    print(said)
    if said[0] != said[1]:
        raise Failure(f"-a: {said}")


def case_refused(lab, space):
    """What cannot be is refused in one line."""
    rows = [
        ([], 1, "name it with -s, or follow a PTP daemon with -a"),
        (["-s", "soft", "-c", "soft"], 1, "source and sink are the same clock"),
        (["-s", "soft", "-c", "soft:a", "-c", "soft:a"], 1, "give it once"),
        (["-s", "CLOCK_REALTIME", "-c", "CLOCK_REALTIME"], None, "CLOCK_REALTIME"),
        (["-s", "/dev/ptp4096", "-c", "CLOCK_REALTIME"], 2, "/dev/ptp4096: no such clock"),
        (["-s", "/dev/null", "-c", "CLOCK_REALTIME"], 2, "is no PTP clock device"),
        (["-s", "v0", "-c", "CLOCK_REALTIME"], 2, "has no PTP hardware clock"),
        (["-s", "soft", "-O", "0", "-c", "CLOCK_REALTIME"], 2,
         "no permission to set the system clock"),
        (["-s", "nosuch0", "-c", "CLOCK_REALTIME"], 2, "no such clock"),
        (["-d", "/dev/pps99", "-c", "CLOCK_REALTIME"], 2, "/dev/pps99: cannot open"),
        (["-s", "pps:/dev/null", "-c", "CLOCK_REALTIME"], 2, "is no PPS device"),
        (["-s", "pps:/dev/null", "-c", "soft"], 1, "give -c CLOCK_REALTIME"),
        (["-s", "extts:0", "-c", "soft"], 1, "only PTP hardware clocks"),
        (["-s", "soft", "-c", "sock:/nowhere/at/all"], 2, "refclock SOCK"),
        (["-s", "soft", "-c", "shm:x"], 1, "shm:SEGMENT"),
        (["-s", "soft", "-c", "shm:9999999999"], 1, "shm:SEGMENT"),
        (["-s", "soft", "-c", "chrony:"], 1, "chrony:PATH"),
        (["-s", "pps:", "-c", "soft"], 1, "pps:DEVICE"),
        (["-s", "", "-c", "soft"], 2, "'': no such clock: give "),
        (["-s", "soft", "-R", "0"], 1, "-R: 0 is out of range; write 1e-9 to 1e6"),
        (["-s", "soft", "-N", "many"], 1, "-N: many is a malformed value; write 1 to "),
        (["-s", "extts:x", "-c", "soft"], 1, "write extts:CHANNEL"),
        (["-s", "sock:/x", "-c", "soft"], 1, "-s sock:/x: is only a sink"),
        (["-s", "chrony:/x", "-c", "soft"], 1, "-s chrony:/x: is only a sink"),
        (["-s", "shm:0", "-c", "soft"], 1, "name it with -c"),
        (["-s", "soft", "-c", "pps:/dev/pps0"], 1, "-c pps:/dev/pps0: is only a source"),
        (["-s", "soft", "-c", "extts:0"], 1, "name it with -s"),
        (["-s", "soft", "-c", "soft:b", "-r"], 1, "-r goes with -a"),
        (["-s", "soft", "-c", "soft:b", "--timeout", "5"], 1, "-w or -a"),
        (["-a", "--timeout", "0"], 1, "--timeout takes seconds, 1 to 1000000"),
        (["-s", "soft", "-E", "best"], 1, "option -E: 'best'"),
        (["-s", "soft", "-f", "/none"], 1, "/none"),
        (["-a", "-s", "soft"], 1, "leave out -s, -d, -w and -O, or leave out -a"),
        (["-a", "-c", "CLOCK_REALTIME"], 1, "if -r is given"),
        (["-s", "CLOCK_REALTIME", "-c", "soft", "-z", "/none"], 2, "how far TAI is from UTC"),
        (["-z", "/a", "-z", "/b", "-s", "soft"], 1, "several PTP daemons (-z) are for -a"),
        (["-s", "soft:a"], 1, "no clock to keep"),
        (["soft"], 1, "not an option"),
        (["--priority9=1"], 1, "option --priority9: unknown; did you mean --priority1?"),
        (["--bogus"], 1, "option --bogus: unknown; --help lists them"),
        (["-s"], 1, "option -s: no value"),
    ]
    for options, status, text in rows:
        said, got = run(lab, space, *ALONE, lab.gnomon, "sync", *options)
        print(f"{options}: {got} {said}")
        last = said.splitlines()[-1:]
        if (status is not None and got != status) or got == 0 or not last or \
                text not in last[0] or "--" not in "".join(options) and \
                len([line for line in said.splitlines() if " notice " not in line]) != 1:
            raise Failure(f"gnomon sync {options}: {got} {said}")
    said, got = run(lab, space, *ALONE, os.path.join(lab.drop_ins, "phc2sys"), "-s", "nosuch0",
                    "-O", "0")
    if got != 255:
        raise Failure(f"phc2sys: {got} {said}")


def case_handover(lab, space):
    """Offsets of the system clock for chronyd's SOCK; the system clock is not touched."""
    path = os.path.join(lab.folder, "chrony.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as chrony:
        chrony.bind(path)
        chrony.settimeout(10)
        sync = start(lab, space, lab.gnomon, "sync", "-s", "soft", "-c", f"sock:{path}", "-O",
                     "-37", "-R", "8")
        form = struct.Struct("@qqdiiii")  # time_t, microseconds, offset, pulse, leap, pad, magic
        for _ in range(3):
            seconds, micros, offset, pulse, leap, _, magic = form.unpack(chrony.recv(100))
            print(f"{seconds}.{micros:06} {offset * 1e6:.3f} us")
            within("offset, s", abs(offset), 0, 0.01)
            if (pulse, leap, magic) != (0, 0, 0x534f434b):
                raise Failure(f"pulse {pulse}, leap {leap}, magic {magic:#x}")
    expect(sync, r"info sync sink=sock:\S+ source=soft servo=s0", 5)
    # chronyd is gone: that is said, and no end.
    expect(sync, r"error clock-error .*action=\"hand over an offset\"", 5)
    if not sync.running():
        raise Failure("gnomon sync ended with chronyd")


main_of_cases(globals(), ["phc2sys"], "ptp4l", "phc2sys", "dumpcap", "tshark")
