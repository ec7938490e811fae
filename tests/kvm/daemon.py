#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""gnomond with a guest of KVM, whose counter has any offset, changes under it, and ends.

    daemon.py --gnomond PATH --microguest PATH CASE

The daemon follows a grandmaster over a cable with a soft clock; the guest reads its page and its
counter (microguest.c). What the kept clock reads is asked of the daemon's control socket, and true
time of the grandmaster's: its soft clock is what the page's bound is about.
"""

import argparse
import json
import os
import pathlib
import random
import select
import signal
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "interop"))
from harness import (COMMON, Bench, Failure, expect, main, need, netlab,  # noqa: E402
                     skip, within)

VCPUS = 3
STATUS = {0: "unknown", 1: "initializing", 2: "synchronized", 3: "freerunning", 4: "unreliable"}
FIELDS = struct.Struct("<IIHBBIQQHBBhBBQQQQQQQQQ")
NAMES = ("magic size version counter_id time_type seq marker flags pad status smearing tai leap "
         "shift counter period period_est period_max sec frac est max generation").split()
# Before the daemon: the kernel's folders as its guest's KVM would have them. ip-netns-exec gave it
# a namespace for mounts and a fresh /sys.
MOUNTS = ('if [ "$1" != none ]; then mount -t debugfs none /sys/kernel/debug || exit; fi; '
          'if [ -d "$1" ]; then mount --bind "$1" /sys/kernel/debug/kvm || exit; fi; shift; '
          'exec "$@"')
NOBODY = 65534


class Page:
    """What the guest read."""

    def __init__(self, text):
        octets = bytes.fromhex(text)
        self.fields = dict(zip(NAMES, FIELDS.unpack(octets)))
        if self.fields["magic"] != 0x4b4c4356 or self.fields["seq"] & 1:
            raise Failure(f"no page: {self.fields}")
        self.status = STATUS[self.fields["status"]]
        self.marker = self.fields["marker"]

    def at(self, counter):
        """(ns, bound in ns) at a value of the guest's counter."""
        f = self.fields
        ticks = (counter - f["counter"]) % 2**64
        if ticks >= 2**63:
            raise Failure(f"the reference is {2**64 - ticks} ticks ahead of the guest")
        frac = (f["sec"] << 64) + f["frac"] + ((ticks * f["period"]) >> f["shift"])
        grown = (ticks * f["period_max"] * 10**9) >> (64 + f["shift"])
        return (frac * 10**9) >> 64, f["max"] + grown + 1


class Guest:
    """A machine of KVM; answers what it is asked."""

    def __init__(self, program, page, folder, vcpus=VCPUS):
        self.child = subprocess.Popen(  # pylint: disable=consider-using-with
            [program, page, folder, str(vcpus)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, preexec_fn=netlab.die_with_parent)
        self.offset = [0] * vcpus
        self.started = None

    def start(self):
        """Wait until it has its page, and runs."""
        self.started = self.answer(30)
        return self.started

    def answer(self, seconds=10):
        """The next line; Failure if there is none or an error."""
        if not select.select([self.child.stdout], [], [], seconds)[0]:
            raise Failure("the guest does not answer")
        answer = json.loads(self.child.stdout.readline() or '{"error": "ended"}')
        if "error" in answer:
            raise Failure(f"guest: {answer['error']}")
        return answer

    def ask(self, line):
        """Say a line."""
        self.child.stdin.write(line + "\n")
        self.child.stdin.flush()
        return self.answer()

    def set_offset(self, offset, vcpu=None):
        """Of one vCPU, or all."""
        if vcpu is None:
            self.ask(f"offsets {offset}")
            self.offset = [offset] * len(self.offset)
        else:
            self.ask(f"offset {vcpu} {offset}")
            self.offset[vcpu] = offset

    def look(self, vcpu=0):
        """What one vCPU sees: (page, its counter, the host's counter then)."""
        seen = self.ask(f"look {vcpu}")
        host = (seen["counter"] - self.offset[vcpu]) % 2**64
        if not seen["before"] <= host <= seen["after"]:
            raise Failure(f"the guest's counter has not the offset {self.offset[vcpu]}: {seen}")
        return Page(seen["page"]), seen["counter"], host

    def kill(self):
        """As if it had crashed."""
        self.child.send_signal(signal.SIGKILL)
        self.child.wait()


class Control:
    """The daemon's control socket."""

    def __init__(self, path):
        for _ in range(100):
            if os.path.exists(path):
                break
            time.sleep(0.1)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(10)
        self.socket.connect(path)
        self.file = self.socket.makefile("rw")

    def ask(self, method, **params):
        """The result; Failure if it is an error."""
        self.file.write(json.dumps({"id": 1, "method": method, "params": params}) + "\n")
        self.file.flush()
        answer = json.loads(self.file.readline())
        if "error" in answer:
            raise Failure(f"{method}: {answer['error']}")
        return answer["result"]

    def clock(self):
        """(counter, ns, half window in ns) of the kept clock, now."""
        c = self.ask("clock")
        return c["counter"], c["time_sec"] * 10**9 + c["time_nsec"], c["half_window_ns"]

    def guest(self, name="g"):
        """How the daemon sees the guest."""
        return self.ask("vm.status", name=name)


def error_at(host, ns, first, last):
    """ns against a clock at a value of the host's counter between two readings of the clock, and
    how well that is known."""
    part = (host - first[0]) / (last[0] - first[0])
    return ns - first[1] - (last[1] - first[1]) * part, max(first[2], last[2])


class Stage:
    """A grandmaster, a daemon that follows it, and a guest."""

    def __init__(self, bench, args):
        self.bench, self.args = bench, args
        self.folder = os.path.join(bench.folder, "kvm")
        self.page = os.path.join(bench.folder, "page")
        os.mkdir(self.folder)
        self.guest = Guest(args.microguest, self.page, self.folder)
        self.daemon = self.control = self.master = None

    def make_page(self):
        """A file for the guest to begin with, before there is a daemon."""
        with open(self.page, "wb") as page:
            page.truncate(8192)

    def start_daemon(self, section, settings=None, debugfs=True):
        """Grandmaster and follower; section: keys of the guest's."""
        bench = self.bench
        left, right = bench.namespace("left"), bench.namespace("right")
        name = bench.cable(left, right)
        bench.start_gnomond(left, [name], {
            "priority1": "100", "guest_dir": os.path.join(bench.folder, "master-run")}, "master")
        path = bench.config("follower", {
            **COMMON, "verbose": "0", "clientOnly": "1", "clock": "soft",
            "soft_clock_offset": "1.5", "soft_clock_frequency": "80000",
            "uds_address": os.path.join(bench.folder, "follower"),
            "uds_ro_address": os.path.join(bench.folder, "follower-ro"),
            "control_socket": os.path.join(bench.folder, "control"),
            "guest_dir": os.path.join(bench.folder, "run"), "guest_max_bound": "1e9",
            **(settings or {})}, {name: {}, "guest g": {"guest_page": self.page, **section}})
        adds = self.guest.started is None or self.guest.started["adds"]
        kvm = "none" if not debugfs else self.folder if adds else ""
        self.daemon = bench.start(right, ["sh", "-c", MOUNTS, "mounts", kvm, bench.gnomond, "-f",
                                          path], "follower")
        self.control = Control(os.path.join(bench.folder, "control"))
        self.master = Control(os.path.join(bench.folder, "master-control"))

    def await_status(self, status, seconds, vcpu=0):
        """Until the guest sees that; how long it took, in s."""
        begin = time.monotonic()
        while True:
            page = self.guest.look(vcpu)[0]
            if page.status == status:
                print(f"{status} after {time.monotonic() - begin:.2f} s")
                return time.monotonic() - begin
            if time.monotonic() - begin > seconds:
                raise Failure(f"the page is {page.status}, not {status}, after {seconds} s; "
                              f"{self.control.guest()}")
            time.sleep(0.002)

    def await_marker(self, marker, seconds):
        """Until the guest sees another one, and a time again; how long it took, in s."""
        begin = time.monotonic()
        while True:
            page = self.guest.look()[0]
            if page.marker != marker and page.status == "synchronized":
                return time.monotonic() - begin
            if time.monotonic() - begin > seconds:
                raise Failure(f"no new marker after {seconds} s; {self.control.guest()}")
            time.sleep(0.002)

    def compare(self, what, looks):
        """The guest's time against the grandmaster's clock, within the bound, and the one kept."""
        errors, kept, bounds = [], [], []
        for i in range(looks):
            first = self.control.clock(), self.master.clock()
            page, counter, host = self.guest.look(i % VCPUS)
            last = self.control.clock(), self.master.clock()
            if page.status != "synchronized":
                raise Failure(f"{what}: the page is {page.status}")
            ns, bound = page.at(counter)
            kept.append(abs(error_at(host, ns, first[0], last[0])[0]))
            error, known = error_at(host, ns, first[1], last[1])
            if abs(error) > bound + known:
                raise Failure(f"{what}: look {i}: {error:.0f} ns off, bound {bound} ns")
            errors.append(abs(error))
            bounds.append(bound)
        print(f"{what}: {looks} looks, |page - grandmaster| mean {sum(errors) / looks:.0f} ns, "
              f"max {max(errors):.0f} ns, bound {min(bounds)} to {max(bounds)} ns; "
              f"|page - kept clock| mean {sum(kept) / looks:.0f} ns, max {max(kept):.0f} ns")


def by_pid(stage):
    """Named by its pid; the offset changes under it, to what it has after a migration, say."""
    stage.make_page()
    started = stage.guest.start()
    print("the guest adds its offsets" if started["adds"] else "offsets are KVM's")
    stage.start_daemon({"guest_pid": started["pid"], "guest_counter": "kvm"})
    stage.await_status("synchronized", 40)
    stage.compare("no offset", 300)
    took = []
    for _ in range(10):
        marker = stage.guest.look()[0].marker
        stage.guest.set_offset(random.randrange(-2**62, 2**62))
        took.append(stage.await_marker(marker, 5))
        stage.compare("another offset", 20)
    print(f"page replaced after {min(took) * 1e3:.0f} to {max(took) * 1e3:.0f} ms")
    if stage.control.guest()["vcpus"] != VCPUS:
        raise Failure(f"not all vCPUs are seen: {stage.control.guest()}")


def unequal(stage):
    """One vCPU has another counter: no time for anybody, and why; all have the same one again."""
    stage.make_page()
    stage.start_daemon({"guest_pid": stage.guest.start()["pid"]})
    stage.await_status("synchronized", 40)
    marker = stage.guest.look()[0].marker
    stage.guest.set_offset(1000, VCPUS - 1)
    for vcpu in range(VCPUS):
        stage.await_status("unreliable", 5, vcpu)
    why = stage.control.guest()["trouble"]
    print(f"trouble: {why}")
    if "different counters" not in why:
        raise Failure("the daemon does not say why")
    stage.guest.set_offset(1000)
    within("s until there is a time again", stage.await_marker(marker, 5), 0, 5)
    stage.compare("equal again", 60)


def vanishes(stage):
    """Nobody named it: it is found by the page it has mapped. It ends, and another one comes."""
    stage.start_daemon({})
    stage.guest.start()
    stage.guest.set_offset(-10**12)
    stage.await_status("synchronized", 40)
    stage.compare("found by its page", 60)
    marker = stage.guest.look()[0].marker
    stage.guest.kill()
    begin = time.monotonic()
    while stage.control.guest()["status"] != "unreliable":
        if time.monotonic() - begin > 5:
            raise Failure(f"it has ended: {stage.control.guest()}")
        time.sleep(0.05)
    print(f"noticed after {time.monotonic() - begin:.1f} s: {stage.control.guest()['trouble']}")
    stage.guest = Guest(stage.args.microguest, stage.page, stage.folder)
    stage.guest.start()
    stage.guest.set_offset(4711)
    stage.await_marker(marker, 20)
    stage.compare("its successor", 60)


def unprivileged(stage):
    """gnomond gave up root, and still sees what changes in debugfs."""
    stage.make_page()
    for path in (stage.bench.folder, stage.folder):
        os.chmod(path, 0o755)
    stage.start_daemon({"guest_pid": stage.guest.start()["pid"]}, {"user": "nobody"})
    stage.await_status("synchronized", 40)
    running = pathlib.Path(f"/proc/{stage.control.ask('hello')['pid']}").stat().st_uid
    if running != NOBODY:
        raise Failure(f"gnomond runs as user {running}")
    marker = stage.guest.look()[0].marker
    stage.guest.set_offset(-10**15)
    within("s until the page was replaced", stage.await_marker(marker, 5), 0, 5)
    stage.compare("another offset", 60)


def no_debugfs(stage):
    """Nobody tells the guest's counter: no time, and what to do about it."""
    stage.make_page()
    stage.start_daemon({"guest_pid": stage.guest.start()["pid"], "guest_counter": "kvm"},
                       debugfs=False)
    begin = time.monotonic()
    while stage.control.ask("clock")["status"] != "synchronized":
        if time.monotonic() - begin > 40:
            raise Failure("the daemon does not lock")
        time.sleep(0.2)
    guest = stage.control.guest()
    print(f"{guest['status']}: {guest['trouble']}")
    if guest["status"] != "unreliable" or stage.guest.look()[0].status != "unreliable":
        raise Failure("a page without a counter has a time")
    if "/sys/kernel/debug/kvm" not in guest["trouble"] or "mount -t" not in guest["trouble"]:
        raise Failure("the daemon does not say what is missing")


CASES = {"by_pid": by_pid, "no_debugfs": no_debugfs, "unequal": unequal,
         "unprivileged": unprivileged, "vanishes": vanishes}


def probe(args):
    """Skip unless KVM runs code here and debugfs tells of it."""
    with netlab.Lab() as lab:
        page = os.path.join(lab.folder, "page")
        with open(page, "wb") as file:
            file.truncate(8192)
        guest = Guest(args.microguest, page, lab.folder, 1)
        try:
            guest.start()
            guest.ask("look 0")
        except Failure as failure:
            skip(f"no machine of KVM: {failure}")
        finally:
            guest.kill()
    if "debugfs" not in pathlib.Path("/proc/filesystems").read_text(encoding="ascii"):
        skip("the kernel has no debugfs")


def run():
    """One case."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--gnomond", required=True, type=os.path.abspath)
    parser.add_argument("--microguest", required=True, type=os.path.abspath)
    parser.add_argument("case", choices=sorted(CASES))
    args = parser.parse_args()
    need()
    if not os.path.exists("/dev/kvm"):
        skip("no /dev/kvm")
    probe(args)
    seed = int(os.environ.get("GNOMON_TEST_SEED") or time.time())
    print(f"GNOMON_TEST_SEED={seed}")
    random.seed(seed)
    with Bench(args.gnomond) as bench:
        stage = Stage(bench, args)
        try:
            CASES[args.case](stage)
        finally:
            stage.guest.kill()


if __name__ == "__main__":
    main(run)
