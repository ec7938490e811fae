# SPDX-License-Identifier: BSD-2-Clause
"""One host, and guests that come by its page in all the ways there are."""

import json
import os
import re
import time

import bridge_follow
from bridge_lab import harness, within
from bridge_truth import Errors, RawLine, judge_look

LOOKS, LOOKS_LEAST = 2100, 2000
PERIOD_US = 4000
UTC_NS = -37 * 10**9
QEMU_PAGE = 0xfeffb000  # of QEMU's own vmclock device
MAILBOX = 4096 + 0x800  # in what is shared
GRANDMASTER = {"serverOnly": "1", "clockClass": "6", "clockAccuracy": "0x21"}
# Software stamps of a busy machine are late by 0.3 ms at times, which this servo leaves out, and
# which is no reason to tell nothing.
HOST = {"clientOnly": "1", "clock_servo": "linreg", "step_threshold": "0.01",
        "guest_max_bound": "10000000", "soft_clock_offset": "0.7", "soft_clock_frequency": "30000"}

# How a guest comes by its page: options of "gnomon vm attach", drivers, whether the stock kernel's
# own driver finds it.
WAYS = {
    "b": (["--way", "bar_acpi"], ["ptp_vmclock"], True),
    "c": (["--way", "fixed", "--memory", "512M"],
          ["libnvdimm", "nfit", "nd_btt", "nd_pmem", "ptp_vmclock"], True),
    "a": (["--way", "bar"], [], False),
    "d": (["--way", "patch"], ["ptp_vmclock"], True),
}


class Scene:
    """A grandmaster, a host, guests."""

    def __init__(self, lab):
        self.lab = lab
        self.gm_space, self.host_space = lab.namespace("gm"), lab.namespace("host")
        name = lab.cable(self.host_space, self.gm_space)
        self.interface = name
        self.gm_settings, self.truths = GRANDMASTER, []
        self.grandmaster = lab.host("gm", self.gm_space, [name], GRANDMASTER)
        self.host = lab.host("host", self.host_space, [name], HOST)
        self.guests = {}
        self.timed = ("b", "c", "a")  # the counter of d is known where KVM is

    def boot(self, ways):
        """A guest for each of these ways."""
        for way in ways:
            name, options = way, WAYS[way][0]
            if way == "d":  # its page has no room for a mailbox, and TCG no counter of KVM
                name = f"d{os.getpid()}"  # which names a file of the daemon's
                options = [*options, "--qmp", f"{self.lab.folder}/d-gnomond.qmp"]
                self.lab.files.append(f"/dev/shm/gnomon-{name}")
            else:
                options = [*options, "--counter", "pingpong"]
            self.guests[way] = self.lab.boot(way, self.host.attach(name, *options))
        if "d" in ways:
            self.let_go("d")
        for guest in self.guests.values():
            print(f"# guest {guest.name}: up after {guest.wait_up():.1f} s of its own")

    def let_go(self, way):
        """Start a guest that begins paused, once gnomond has written into its page."""
        guest = self.guests[way]
        within(20, f"the monitor of guest {way}", lambda: os.path.exists(guest.qmp_path))
        monitor = guest.qmp()
        within(20, f"a counter in the page of guest {way}", lambda: " 0x01" in monitor.ask(
            "human-monitor-command", **{"command-line": f"xp /1xb {QEMU_PAGE + 10:#x}"}))
        monitor.ask("cont")
        monitor.close()


def bound(scene):
    """The stock kernel's own driver takes the page."""
    for way, guest in scene.guests.items():
        _, drivers, binds = WAYS[way]
        guest.run(f"drivers {' '.join(drivers)}")
        told = guest.run("dmesg | grep 'vmclock.*registered'", status=None)
        print(f"# guest {way}: {told}")
        if binds and not any(re.search(r"vmclock\d: registered miscdev, PTP$", line)
                             for line in told):
            raise harness.Failure(f"way {way}: the driver did not bind: "
                                  f"{guest.run('dmesg | tail -n 20')}")
        if binds:
            name = guest.run("cat /sys/class/ptp/ptp0/clock_name")[0]
            if name != "vmclock0":
                raise harness.Failure(f"way {way}: /dev/ptp0 is {name}")


def told(scene):
    """Once the counters are known there is a time: by gnomon-guest's answers, or, where the guest
    can reach no mailbox but by /dev/mem, by the test's."""
    for way in scene.timed:
        guest = scene.guests[way]
        if way == "c":
            address = int(scene.host.status(way)["address"], 0)
            guest.run(f"bridge_guest mailbox /dev/mem {address + MAILBOX:#x} 100", 120)
        guest.start_agent()
    for way in scene.timed:
        guest = scene.guests[way]
        guest.wait_synchronized()
        guest.wait_agent("locked")


def judge(guest, looks, truths):
    """{truth's name: Errors} of looks; every one that tells a time is judged. What the kernel's
    device says is held against the page's bound, which libgnomon told a moment before."""
    line = RawLine(looks)
    found = {name: Errors() for name in truths}
    page_ns = None
    for look in looks:
        if look.kind == "raw" or look.status:
            continue
        bound_ns = (look.latest_ns - look.earliest_ns) / 2 if look.latest_ns else page_ns
        page_ns = bound_ns if look.kind == "library" else page_ns
        for name, pairs in truths.items():
            if pairs.covers(look.before - guest.offset[1]) and \
                    pairs.covers(look.after - guest.offset[0]):
                error, unsure = judge_look(look, guest.offset, pairs, line)
                adjust_ns = UTC_NS if look.kind == "realtime" else 0
                found[name].add(look.kind, error - adjust_ns, unsure, bound_ns)
    return found


def check(who, errors, least=1):
    """Say what was off; Failure if a bound did not hold, or if there were too few looks."""
    for kind in errors.rows:
        print(f"# {who}: {errors.text(kind)}")
    for kind in errors.rows:
        outside = errors.outside(kind)
        if outside:
            raise harness.Failure(f"{who}, {kind}: {len(outside)} looks outside of the bound: "
                                  f"{outside[:3]}")
        if errors.count(kind) < least:
            raise harness.Failure(f"{who}, {kind}: {errors.count(kind)} looks, not {least}")


def checked(scene):
    """gnomon-guest --check says what there is: with the kernel's driver and without."""
    for way, guest in scene.guests.items():
        text = guest.run("gnomon-guest --check", status=None)
        told = json.loads("\n".join(guest.run("gnomon-guest --check --json", status=None)))
        (scene.lab.out / f"check-{way}.txt").write_text("\n".join(text) + "\n", encoding="utf-8")
        names = [page["clock"] for page in told["pages"]]
        statuses = {page["status"] for page in told["pages"]}
        print(f"# guest {way}: {told['result']}, pages {names} {statuses}, "
              f"agent {told['agent']['state']} by {told['agent']['source']}")
        if way in scene.timed and (statuses != {"synchronized"} or told["result"] == "error" or
                                   told["agent"]["source"] not in names):
            raise harness.Failure(f"guest {way}: {told}")
        if way not in scene.timed and (statuses != {"unreliable"} or told["result"] != "error"):
            raise harness.Failure(f"guest {way}: {told}")
        if ("vmclock0" in names) != WAYS[way][2]:
            raise harness.Failure(f"guest {way}: pages {names}")


def agree(scene):
    """The kernel's device, gnomon-guest and libgnomon agree with the host and the grandmaster."""
    began = {}
    for way in scene.timed:
        kinds = ["library", "raw", "realtime"]
        if WAYS[way][2]:
            kinds += [f"{kind}=/dev/ptp0" for kind in ("precise", "extended", "gettime")]
        scene.guests[way].find_offset()
        began[way] = scene.guests[way].start_look(LOOKS, PERIOD_US, *kinds)
    looks = {way: scene.guests[way].end_look(start, 120) for way, start in began.items()}
    time.sleep(0.2)
    for way in scene.timed:
        guest = scene.guests[way]
        found = judge(guest, looks[way], {"host": scene.host.watch.pairs,
                                          "grandmaster": scene.grandmaster.watch.pairs})
        for name, errors in found.items():
            check(f"guest {way} against the {name}", errors, LOOKS_LEAST)


def run(lab, tap):
    """All scenarios."""
    scene = Scene(lab)
    took = scene.host.watch.wait_for("synchronized", 40)
    print(f"# the host's clock is in step after {took:.1f} s")
    scene.boot(WAYS)
    for guest in scene.guests.values():
        guest.find_offset()
    if tap.case("guests/binds", bound, scene) and tap.case("guests/told", told, scene):
        tap.case("guests/checked", checked, scene)
        tap.case("guests/agree", agree, scene)
        if tap.case("guests/follow", bridge_follow.follow, scene):
            tap.case("guests/relocked", bridge_follow.relocked, scene)
