#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""gnomond on a soft clock that follows a grandmaster, with [sync] sections beside: what programs
that keep the system clock are told of it, and a second soft clock. The system clock is not set.

    syncs.py --gnomond PATH --gnomon PATH CASE
"""

import argparse
import ctypes
import os
import pathlib
import re
import signal
import socket
import statistics
import struct
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "interop"))
from harness import (Bench, Failure, expect, main, need, netlab,  # noqa: E402
                     settled, within)

# Another one than both daemons have by default: it must be the grandmaster's that counts.
UTC_OFFSET = 38
OFF = {"soft_clock_offset": "1.5", "soft_clock_frequency": "80000", "clientOnly": "1"}
LOCKED = r"UNCALIBRATED to SLAVE on MASTER_CLOCK_SELECTED"
# Software time stamps of a busy machine; an error of the timescale would be seconds.
NEAR_S = 0.02
CHRONY = struct.Struct("@qqdiiii")  # time, microseconds, offset, pulse, leap, padding, magic
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.shmat.restype = ctypes.c_void_p


class ShmTime(ctypes.Structure):
    """NTP's shared memory reference clock."""
    _fields_ = [("mode", ctypes.c_int), ("count", ctypes.c_int), ("clock_sec", ctypes.c_long),
                ("clock_usec", ctypes.c_int), ("receive_sec", ctypes.c_long),
                ("receive_usec", ctypes.c_int), ("leap", ctypes.c_int),
                ("precision", ctypes.c_int), ("samples", ctypes.c_int), ("valid", ctypes.c_int),
                ("clock_nsec", ctypes.c_uint), ("receive_nsec", ctypes.c_uint),
                ("unused", ctypes.c_int * 8)]


class Segment:
    """A segment as ntpd reads it."""

    def __init__(self, number):
        self.number = number
        self.id = LIBC.shmget(0x4e545030 + number, ctypes.sizeof(ShmTime), 0o1600)
        at = LIBC.shmat(self.id, None, 0) if self.id >= 0 else None
        if at in (None, ctypes.c_void_p(-1).value):
            raise Failure(f"no segment {number}: {os.strerror(ctypes.get_errno())}")
        self.shared = ShmTime.from_address(at)

    def take(self, seconds):
        """(offset of the system clock in s, leap) of the next sample; None if none comes."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            t, before = self.shared, self.shared.count
            if t.valid:
                found = (t.receive_sec - t.clock_sec + (t.receive_nsec - t.clock_nsec) * 1e-9,
                         t.leap)
                if t.count == before:
                    t.valid = 0
                    return found
            time.sleep(0.02)
        return None

    def remove(self):
        """Give it back."""
        LIBC.shmctl(self.id, 0, None)


def wait_out_midnight():
    """Around the end of a day with a leap second clocks are left alone, and this test would be."""
    left = 86400 - time.time() % 86400
    if left < 90:
        time.sleep(left + 30)


class Chrony:
    """chronyd's end of a SOCK reference clock."""

    def __init__(self, path):
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        self.socket.settimeout(15)

    def take(self):
        """(offset of the system clock in s, leap) of the next sample."""
        _, _, offset, pulse, leap, _, magic = CHRONY.unpack(self.socket.recv(100))
        if (pulse, magic) != (0, 0x534f434b):
            raise Failure(f"pulse {pulse}, magic {magic:#x}")
        return -offset, leap

    def drain(self):
        """Forget what has come so far."""
        self.socket.settimeout(0)
        try:
            while True:
                self.socket.recv(100)
        except BlockingIOError:
            self.socket.settimeout(15)


def sections(chrony, segments):
    """Four pairs; the last tells what the second soft clock reads."""
    return {
        "sync socket": {"sync_sink": f"chrony:{chrony.path}", "sync_interval": "0.25"},
        "sync memory": {"sync_sink": f"shm:{segments[0]}", "sync_interval": "0.25"},
        "sync second": {"sync_sink": "soft:b", "sync_interval": "0.25"},
        "sync look": {"sync_source": "soft:b", "sync_sink": f"shm:{segments[1]}",
                      "sync_interval": "0.25"},
    }


def lock(bench, extra, settings=None, locked=LOCKED):
    """A grandmaster, and a receiver with sections, on a cable."""
    left, right = bench.namespace("left"), bench.namespace("right")
    name = bench.cable(left, right)
    master = bench.start_gnomond(left, [name], {"priority1": "100", "clockClass": "6",
                                                "utc_offset": str(UTC_OFFSET)}, "master")
    receiver = bench.start_gnomond(right, {name: {}, **extra}, {**OFF, **(settings or {})},
                                   "receiver")
    expect(receiver, locked, 20)
    return left, master, receiver


def set_leap(bench, space, leap61):
    """The grandmaster announces a leap second, or calls it off."""
    done = subprocess.run(
        ["ip", "netns", "exec", space, bench.gnomon, "pmc", "-u", "-b", "0", "-s",
         os.path.join(bench.folder, "master"),
         "SET GRANDMASTER_SETTINGS_NP clockClass 6 clockAccuracy 0x21 offsetScaledLogVariance "
         f"0x4e5d currentUtcOffset {UTC_OFFSET} leap61 {leap61} leap59 0 currentUtcOffsetValid 1 "
         "ptpTimescale 1 timeTraceable 1 frequencyTraceable 0 timeSource 0x20"],
        capture_output=True, text=True, check=False, timeout=20, stdin=subprocess.DEVNULL)
    if "leap61" not in done.stdout:
        raise Failure(f"pmc: {done.stdout} {done.stderr}")


def case_sinks(bench):
    """Two programs hear how far the system clock is off, and of the leap second; never nonsense."""
    wait_out_midnight()
    segments = [1000 + 2 * os.getpid() + i for i in (0, 1)]
    chrony = Chrony(os.path.join(bench.folder, "chrony.sock"))
    left, _, receiver = lock(bench, sections(chrony, segments))
    rows = [chrony.take() for _ in range(12)]
    shared = [Segment(number) for number in segments]
    try:
        for what, found in (("SOCK", rows), ("SHM", [shared[0].take(5) for _ in range(8)])):
            print(f"{what}: {found}")
            if None in found or {row[1] for row in found} != {0}:
                raise Failure(f"{what}: {found}")
            # Not one of them is from before the clock was set: that was 1.5 s off.
            within(f"{what}, worst offset in s", max(abs(row[0]) for row in found), 0, NEAR_S)
        for _ in range(8):  # the pair of the second clock may just be settling
            found = shared[1].take(10)
        within("second soft clock, s", abs(found[0]), 0, NEAR_S)
        set_leap(bench, left, 1)
        leap_comes(chrony, shared[0], 1)
        set_leap(bench, left, 0)
        leap_comes(chrony, shared[0], 0)
    finally:
        for segment in shared:
            segment.remove()
    if receiver.stop() != 0:
        raise Failure("the receiver did not end well")


def leap_comes(chrony, segment, leap):
    """Both hear of it within some seconds, and the offset stays what it was."""
    end = time.monotonic() + 15
    heard = [None, None]
    while heard != [leap, leap] and time.monotonic() < end:
        chrony.drain()
        rows = [chrony.take(), segment.take(5)]
        heard = [row[1] for row in rows]
        within("offset in s", max(abs(row[0]) for row in rows), 0, NEAR_S)
    if heard != [leap, leap]:
        raise Failure(f"leap {heard}, not {leap}")


UPDATE = re.compile(r"^gnomond\[[\d.]+\]: soft:b kept offset +(-?\d+) s(\d) freq")


def case_second(bench):
    """A second soft clock waits until the first is in step, is set, and stays with it; when the
    grandmaster dies, it goes on."""
    _, master, receiver = lock(bench, {"sync second": {"sync_sink": "soft:b",
                                                       "sync_interval": "0.125"}})
    expect(receiver, UPDATE.pattern, 10)
    with receiver.changed:
        lines = list(receiver.lines)
    first = next(i for i, line in enumerate(lines) if UPDATE.match(line))
    if not any(re.search(r" s2 freq", line) for line in lines[:first]):
        raise Failure("the pair did not wait for the clock to be in step")
    settled(receiver, 8)
    within("offset, ns", statistics.median(abs(row[0]) for row in updates(receiver, 16)), 0, 2e5)
    master.stop(signal.SIGKILL)
    expect(receiver, "ANNOUNCE_RECEIPT_TIMEOUT_EXPIRES", 10)
    rows = updates(receiver, 24)
    within("offset without a grandmaster, ns", statistics.median(abs(row[0]) for row in rows), 0,
           2e5)
    if {row[1] for row in rows} != {2}:
        raise Failure(f"servo states: {rows}")


def updates(process, count):
    """(offset in ns, servo state) of the next updates of the pair."""
    found, first = [], len(process.lines)
    while len(found) < count:
        expect(process, UPDATE.pattern, 5, first)
        with process.changed:
            lines, first = process.lines[first:], len(process.lines)
        found += [tuple(int(part) for part in match.groups())
                  for match in map(UPDATE.match, lines) if match]
    return found


def case_json(bench):
    """The lines of a pair name its section."""
    lock(bench, {"sync second": {"sync_sink": "soft:b"}}, {"log_format": "json"},
         r'"event":"sync","section":"second","sink":"soft:b","source":"kept","servo":"s2"')


def case_portless(bench):
    """Without ports of its own: pairs of clocks that need none, one of them with a chronyd that
    comes later, and one that follows the clock kept by a source. The default management socket is
    left alone."""
    left, right = bench.namespace("left"), bench.namespace("right")
    name = bench.cable(left, right)
    bench.start_gnomond(left, [name], {"priority1": "100"}, "master")
    path = os.path.join(bench.folder, "chrony.sock")
    alone = bench.config("alone", {"logging_level": "6"},
                         {"sync pair": {"sync_source": "soft:a", "sync_sink": "soft:b",
                                        "sync_interval": "0.125"},
                          "sync told": {"sync_source": "soft:a", "sync_sink": f"chrony:{path}",
                                        "sync_interval": "0.125"}})
    alone = bench.start(right, [bench.gnomond, "-f", alone], "alone")
    expect(alone, "no management socket: there are no ports to manage; set uds_address", 10)
    expect(alone, "sync section=pair sink=soft:b source=soft:a servo=s2", 10)
    expect(alone, f"section=told .*nobody listens at {path} yet", 1)
    within("offset told, s", abs(Chrony(path).take()[0]), 0, NEAR_S)
    expect(alone, f"section=told .*{path}: is there again", 5)
    follower = bench.start_gnomond(
        right, {"source net": {"source_type": "ptp", "source_interfaces": name},
                "sync second": {"sync_sink": "soft:b", "sync_interval": "0.125"}},
        {"soft_clock_offset": "1.5"}, "follower")
    expect(follower, r"soft:b kept offset +-?\d+ s2 freq", 30)
    settled(follower, 16)
    within("offset, ns", statistics.median(abs(row[0]) for row in updates(follower, 16)), 0, 2e5)
    asked = subprocess.run([bench.gnomon, "pmc", "-u", "-b", "0", "-s",
                            os.path.join(bench.folder, "follower"), "GET DEFAULT_DATA_SET"],
                           capture_output=True, text=True, check=False, timeout=20)
    if not re.search(r"numberPorts +0\b", asked.stdout):
        raise Failure(f"pmc: {asked.stdout} {asked.stderr}")
    for process in (alone, follower):
        if process.stop() != 0:
            raise Failure(f"{process.name} did not end well")


CASES = {name[5:]: function for name, function in globals().items() if name.startswith("case_")}


def test():
    """One case."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--gnomond", required=True, type=os.path.abspath)
    parser.add_argument("--gnomon", required=True, type=os.path.abspath)
    parser.add_argument("case", choices=sorted(CASES))
    args = parser.parse_args()
    need()
    with Bench(args.gnomond) as bench:
        bench.gnomon = args.gnomon
        CASES[args.case](bench)


main(test)
