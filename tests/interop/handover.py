#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Offsets of the system clock for the program that keeps it: clock_servo of ptp4l's name, and
timemaster, which needs it where there are software time stamps.

    handover.py --gnomond PATH [--gnomon PATH] leap|refused|shm|sock|timemaster|chronyd

The grandmaster is a soft clock 1 ms ahead of the system's. No clock of this machine is set: nothing
here has the capability to, and chronyd runs with -x.
"""

import argparse
import ctypes
import os
import pathlib
import re
import shutil
import socket
import struct
import subprocess
import time

from harness import Bench, Failure, expect, main, need, skip, within

AHEAD_S = 0.001
SOCK = struct.Struct("@qqdiiii")  # time_t, microseconds, offset, pulse, leap, padding, magic
# mode, count, true s and us, system s and us, leap, precision, samples, valid, true and system ns
SHM = struct.Struct("@iiqiqiiiiiII")
QUICK = ["--logAnnounceInterval=-2", "--logSyncInterval=-3", "--logMinDelayReqInterval=-3",
         "--summary_interval=-4"]


def start(lab, space, *argv, name=None):
    """Start a program, without the capability to set a clock of this machine."""
    return lab.start(space, ["setpriv", "--bounding-set", "-sys_time", *argv],
                     name or os.path.basename(argv[0]))


def grandmaster(lab):
    """A grandmaster beyond a cable; the namespace on this side of it."""
    ours, theirs = lab.namespace("here"), lab.namespace("there")
    lab.cable(ours, theirs)
    lab.start_gnomond(theirs, ["v1"], {"priority1": "1", "serverOnly": "1",
                                       "soft_clock_offset": str(AHEAD_S)}, "grandmaster")
    return ours


def receiver(lab, space, *options):
    """A timeReceiver by the name of ptp4l, with ptp4l's defaults."""
    ptp4l = os.path.join(lab.folder, "ptp4l")
    return start(lab, space, ptp4l, "-S", "-s", "-i", "v1", "-m", "-q", *QUICK,
                 f"--uds_address={lab.folder}/receiver", f"--uds_ro_address={lab.folder}/ro",
                 *options)


def check(seconds, offset, leap):
    """A measurement of now: true time is ahead by a millisecond, as well as software tells."""
    within("system time, s ago", time.time() - seconds, -0.1, 5)
    within("true minus system time, s", offset, AHEAD_S - 0.0008, AHEAD_S + 0.0008)
    if leap:
        raise Failure(f"leap {leap}")


def take(chrony, count):
    """So many datagrams, checked."""
    for _ in range(count):
        seconds, micros, offset, pulse, leap, _, magic = SOCK.unpack(chrony.recv(100))
        check(seconds + micros * 1e-6, offset, leap)
        if (pulse, magic) != (0, 0x534f434b):
            raise Failure(f"pulse {pulse}, magic {magic:#x}")


def listen(path):
    """chronyd's end of the socket."""
    chrony = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    chrony.bind(path)
    chrony.settimeout(20)
    return chrony


SETTINGS = ("SET GRANDMASTER_SETTINGS_NP clockClass 6 clockAccuracy 0x21 "
            "offsetScaledLogVariance 0x4e5d currentUtcOffset 37 leap61 %d leap59 %d "
            "currentUtcOffsetValid 1 ptpTimescale 1 timeTraceable 1 frequencyTraceable 1 "
            "timeSource 0x20")


def announce(lab, leap61, leap59):
    """What the grandmaster says of the end of the day, by linuxptp's pmc."""
    done = subprocess.run(["pmc", "-u", "-b", "0", "-s", os.path.join(lab.folder, "grandmaster"),
                           SETTINGS % (leap61, leap59)],
                          capture_output=True, text=True, check=False, timeout=10)
    if f"leap61                  {leap61}" not in done.stdout:
        raise Failure(f"pmc: {done}")


def case_leap(lab):
    """A leap second that is announced is in the samples; the kernel hears of it from chronyd."""
    if 86400 - time.time() % 86400 < 60:
        skip("midnight is near")
    space, path = grandmaster(lab), os.path.join(lab.folder, "chrony.sock")
    with listen(path) as chrony:
        receiver(lab, space, "--clock_servo=refclock_sock", f"--refclock_sock_address={path}",
                 "--kernel_leap=0")
        take(chrony, 1)
        for flags, code in (((1, 0), 1), ((0, 1), 2), ((0, 0), 0)):
            announce(lab, *flags)
            leap, deadline = -1, time.monotonic() + 10
            while leap != code and time.monotonic() < deadline:
                leap = SOCK.unpack(chrony.recv(100))[4]
            print(f"leap61 {flags[0]} leap59 {flags[1]}: {leap}")
            if leap != code:
                raise Failure(f"leap {leap}, expected {code}")


def case_sock(lab):
    """chronyd may come a little later, and go and come again."""
    space, path = grandmaster(lab), os.path.join(lab.folder, "chrony.sock")
    daemon = receiver(lab, space, "--clock_servo=refclock_sock",
                      f"--refclock_sock_address={path}")
    time.sleep(0.4)
    with listen(path) as chrony:
        take(chrony, 8)
    os.unlink(path)
    expect(daemon, "failed to hand over an offset", 10)
    with listen(path) as chrony:
        take(chrony, 3)
    expect(daemon, r"master offset +-?\d+ s0 freq", 5)
    if daemon.stop() != 0:
        raise Failure("the daemon did not end well")


class Segment:
    """A segment of NTP's shared memory, which nobody has."""

    def __init__(self):
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.libc.shmat.restype = ctypes.c_void_p
        self.libc.shmdt.argtypes = [ctypes.c_void_p]
        self.number = 1000 + os.getpid()
        while self.get(0) >= 0:
            self.number += 1

    def get(self, flags):
        """Its id, < 0 if there is none."""
        return self.libc.shmget(0x4e545030 + self.number, 0, flags)

    def read(self):
        """What is in it, None while nothing is."""
        address = self.libc.shmat(self.get(0), None, 0o10000)
        row = SHM.unpack(ctypes.string_at(address, SHM.size))
        self.libc.shmdt(address)
        return row if row[9] else None

    def remove(self):
        """As nobody else does."""
        if self.get(0) >= 0:
            self.libc.shmctl(self.get(0), 0, None)


def case_shm(lab):
    """Values change with count, and are void when the daemon is gone."""
    space, segment = grandmaster(lab), Segment()
    try:
        daemon = receiver(lab, space, "--clock_servo=ntpshm",
                          f"--ntpshm_segment={segment.number}")
        for _ in range(2):
            expect(daemon, r"master offset", 20, len(daemon.lines))
        first = segment.read()
        time.sleep(1)
        row = segment.read()
        print(row)
        if not first or not row or row[0] != 1 or row[1] < first[1] + 6 or row[1] % 2:
            raise Failure(f"{first} {row}")
        system = row[4] + row[11] * 1e-9
        check(system, row[2] - row[4] + (row[10] - row[11]) * 1e-9, row[6])
        within("precision, log2 s", row[7], -30, -9)
        daemon.stop()
        if segment.read():
            raise Failure("the segment is valid without the daemon")
    finally:
        segment.remove()


def case_refused(lab):
    """In one line, before anything is touched."""
    space = grandmaster(lab)
    ptp4l, gnomond = os.path.join(lab.folder, "ptp4l"), lab.gnomond
    for program, options, text in (
            (ptp4l, ["-S", "--clock_servo=refclock_sock", "--refclock_sock_address=/no/where"],
             'needs "refclock SOCK /no/where"'),
            (ptp4l, ["--clock_servo=ntpshm"], "set time_stamping software"),
            (gnomond, ["--clock_servo=ntpshm", "--clock=soft"], "not for clock soft"),
            (gnomond, ["--clock_servo=refclock_sock",
                       f"--refclock_sock_address=/{'x' * 200}"], "not a possible path")):
        done = subprocess.run(
            ["ip", "netns", "exec", space, "setpriv", "--bounding-set", "-sys_time", program,
             "-i", "v1", *options], capture_output=True, text=True, check=False, timeout=30)
        print(done.returncode, done.stderr)
        if done.returncode not in (1, 2) or text not in done.stderr or \
                len(done.stderr.splitlines()) != 1:
            raise Failure(f"{options}: {done}")


# Stands for chronyd: binds the socket its configuration names, and says what comes.
FAKE = """#!/usr/bin/env python3
import re, socket, struct, sys
text = open(sys.argv[sys.argv.index("-f") + 1], encoding="utf-8").read()
sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sock.bind(re.search(r"refclock SOCK (\\S+)", text)[1])
while True:
    row = struct.unpack("@qqdiiii", sock.recv(100))
    print("sample", row[0] + row[1] * 1e-6, row[2], row[4], flush=True)
"""


def timemaster(lab, space, chronyd, options):
    """gnomon timemaster with one domain on an interface with software time stamps."""
    path = pathlib.Path(lab.folder, "timemaster.conf")
    path.write_text(
        f"[timemaster]\nrundir {lab.folder}/run\n[ptp_domain 0]\ninterfaces v1\n"
        "phc2sys_poll -2\nntp_poll -2\ndelay 10e-6\n"
        + "".join(f"ptp4l_option {option[2:].replace('=', ' ')}\n" for option in QUICK)
        + f"[chronyd]\npath {chronyd}\noptions {options}\n[chrony.conf]\n"
          f"cmdport 0\nport 0\nbindcmdaddress {lab.folder}/run/chronyd.sock\n"
          f"pidfile {lab.folder}/chronyd.pid\nlogdir {lab.folder}\nlog refclocks\n"
          f"[ptp4l]\npath {lab.folder}/ptp4l\noptions -m\n", encoding="utf-8")
    return start(lab, space, lab.gnomon, "timemaster", "-m", "-f", str(path), name="timemaster")


def case_timemaster(lab):
    """ptp4l's offsets arrive at what stands for chronyd."""
    space, fake = grandmaster(lab), pathlib.Path(lab.folder, "fake")
    fake.write_text(FAKE, encoding="utf-8")
    fake.chmod(0o755)
    os.makedirs(os.path.join(lab.folder, "run"))
    master = timemaster(lab, space, fake, "-x")
    for _ in range(5):
        match = expect(master, r"sample (\S+) (\S+) (\S+)", 30, len(master.lines))
        check(float(match[1]), float(match[2]), int(match[3]))
    master.child.terminate()
    if master.child.wait(10):
        raise Failure("timemaster did not end well")


def case_chronyd(lab):
    """chronyd itself believes them."""
    chronyd = shutil.which("chronyd")
    if not chronyd:
        skip("needs chronyd")
    space = grandmaster(lab)
    os.makedirs(os.path.join(lab.folder, "run"))
    # Root, as what it drops to may not write here.
    master = timemaster(lab, space, chronyd, "-d -x -u root -F 0")
    expect(master, r"Selected source PTP0", 60)
    log = pathlib.Path(lab.folder, "refclocks.log")
    rows = []
    for _ in range(40):
        rows = re.findall(r"^\S+ \S+ PTP0 +\S+ +(\S) +\S+ +(\S+e\S+) ", log.read_text("utf-8"),
                          re.MULTILINE)
        if len(rows) >= 8:
            break
        time.sleep(0.5)
    print(rows or log.read_text("utf-8"))
    within("samples", len(rows), 8, 1e6)
    for leap, raw in rows[-3:]:
        # Ahead means that the system is behind it.
        within("offset, s", abs(float(raw)), AHEAD_S - 0.0008, AHEAD_S + 0.0008)
        if leap != "N":
            raise Failure(f"leap {leap}")
    master.child.terminate()
    master.child.wait(10)


CASES = {name[5:]: function for name, function in globals().items() if name.startswith("case_")}


def test():
    """One case."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--gnomond", required=True, type=os.path.abspath)
    parser.add_argument("--gnomon", type=os.path.abspath)
    parser.add_argument("case", choices=sorted(CASES))
    args = parser.parse_args()
    need("setpriv", "pmc")
    with Bench(args.gnomond) as lab:
        lab.gnomon = args.gnomon
        os.symlink(args.gnomond, os.path.join(lab.folder, "ptp4l"))
        CASES[args.case](lab)


main(test)
