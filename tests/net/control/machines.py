#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Machines that stop, move, are restored and reset, and what their pages say: with a monitor that
is none, and with QEMU as it is.

    machines.py --gnomond PATH --gnomon PATH CASE
"""

import json
import os
import pathlib
import shlex
import struct
import subprocess
import sys
import time

import desk
import qmp
from desk import GENERATION, IMMINENT, SYNCHRONIZED, UNRELIABLE, expect, wait


def attach(d, name, **params):
    """A guest with a monitor. Its counter is the host's, so that the page has a time."""
    params = {"counter": "host", "page": d.path(f"page-{name}"), "qmp": d.path(f"{name}.qmp"),
              **params}
    d.ask("vm.attach", name=name, **params)
    return params["page"]


def says(path, status, flags=0):
    """Wait until the page says so; returns it."""
    def look():
        page = desk.page_of(path)
        return page if page.status == status and page.flags & flags == flags else None

    return wait(look, 10, lambda: f"{path}: {desk.page_of(path)}, not {desk.STATUS[status]}")


def good(d, name):
    """Wait until the monitor is asked and the page is good; returns it."""
    wait(lambda: d.ask("vm.status", name=name)["trouble"] == "", 20,
         lambda: f"{d.ask('vm.status', name=name)}")
    return says(d.path(f"page-{name}"), SYNCHRONIZED)


def renewed(path, before):
    """Wait until the page has another marker and is good; returns it."""
    def look():
        page = desk.page_of(path)
        return page if page.status == SYNCHRONIZED and page.marker != before.marker else None

    return wait(look, 10, lambda: f"{path}: {desk.page_of(path)}; before {before}")


def stays(path, status, seconds=0.3):
    """Fail if the page says anything else for a while."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        page = desk.page_of(path)
        expect(page.status == status, f"{path}: {page}")
        time.sleep(0.01)


# -- a monitor that is none ------------------------------------------------------------------------

def events(d, _gnomon):
    """What each event does to the page, and who hears of it."""
    d.start()
    fake = qmp.Fake(d.path("a.qmp"))
    page = attach(d, "a")
    wait(lambda: "query-status" in fake.commands, 10, "nobody asks the monitor")
    ear = desk.Client(d.socket)
    ear.call("subscribe", topics=["guest"])
    first = says(page, SYNCHRONIZED, GENERATION)
    fake.event("MIGRATION", status="setup")
    said = says(page, UNRELIABLE, IMMINENT)
    expect(said.marker == first.marker, "a marker changed that nobody needs to")
    stays(page, UNRELIABLE)
    expect(d.ask("vm.status", name="a")["status"] == "unreliable", "status")
    fake.event("MIGRATION", status="cancelled")
    back = says(page, SYNCHRONIZED)
    expect(not back.flags & IMMINENT and back.marker == first.marker, f"called off: {back}")
    fake.event("STOP")
    says(page, UNRELIABLE, IMMINENT)
    fake.event("RESUME")
    second = renewed(page, back)
    expect(second.generation == first.generation, f"no snapshot: {second}")
    fake.event("RESET", guest=True)
    third = renewed(page, second)
    # The machine stands still, so whoever writes has loaded its memory.
    fake.event("STOP")
    says(page, UNRELIABLE, IMMINENT)
    with open(page, "r+b") as file:
        file.seek(0x10)
        file.write(struct.pack("<Q", first.marker))
    fake.event("RESUME")
    fourth = renewed(page, third)
    expect(fourth.generation == third.generation + 1, f"restored: {fourth}")
    markers = [x.marker for x in (first, second, third, fourth)]
    expect(len(set(markers)) == 4, f"markers repeat: {markers}")
    heard = [ear.line()["what"] for _ in range(7)]
    expect(heard == ["leaves", "stays", "stopped", "runs", "reset", "stopped", "runs"], f"{heard}")
    expect("healed" not in d.log(), "what QEMU does is not the guest's fault")


def incoming(d, _gnomon):
    """At the other end the page waits, whatever is copied over it, and begins with RESUME."""
    d.start()
    fake = qmp.Fake(d.path("a.qmp"), status="inmigrate")
    page = attach(d, "a")
    before = says(page, UNRELIABLE, IMMINENT)
    stays(page, UNRELIABLE)
    copied = bytearray(pathlib.Path(page).read_bytes()[:112])
    copied[0x22] = SYNCHRONIZED
    struct.pack_into("<I", copied, 0x0c, 4001)
    struct.pack_into("<Q", copied, 0x10, 0x1234)
    struct.pack_into("<Q", copied, 0x68, 7)
    with open(page, "r+b") as file:
        file.write(copied)
    fake.event("MIGRATION", status="active")
    says(page, UNRELIABLE, IMMINENT)
    fake.event("RESUME")
    after = renewed(page, before)
    expect(after.marker != 0x1234, "the marker of another host")
    expect(after.seq > 4001, f"a count that readers have seen: {after}")
    # It is the same machine: how often it was restored goes with it.
    expect(after.generation == 7, f"generation {after.generation}")


def lost(d, _gnomon):
    """A monitor that goes is looked for, and what happened meanwhile is taken for the worst."""
    d.start()
    page = attach(d, "a")
    wait(lambda: "nobody listens" in d.ask("vm.status", name="a")["trouble"], 10, "no trouble")
    fake = qmp.Fake(d.path("a.qmp"))
    wait(lambda: d.ask("vm.status", name="a")["trouble"] == "", 10, "trouble")
    first = says(page, SYNCHRONIZED)
    fake.event("STOP")
    says(page, UNRELIABLE)
    fake.drop()
    wait(lambda: fake.met > 1, 10, "it is not asked again")
    second = renewed(page, first)
    fake.say(["not", "an", "object"])
    wait(lambda: fake.met > 2, 10, "it is not asked again")
    expect(says(page, SYNCHRONIZED).marker == second.marker, "a marker that nobody needs")
    d.ask("vm.detach", name="a")
    wait(lambda: fake.client is None, 10, "it is still asked")
    met = fake.met
    time.sleep(0.6)
    expect(fake.met == met, "a detached guest's monitor is asked")


# -- QEMU ------------------------------------------------------------------------------------------

def need_qemu():
    """Skip where the virtual machine was never fetched."""
    if not qmp.QEMU.exists():
        print(f"SKIP: {qmp.QEMU} is not there; tests/vm/fetch fetches it")
        sys.exit(77)


def vm(d, gnomon, *words):
    """gnomon vm: what it printed."""
    done = subprocess.run([gnomon, "vm", *words, "--socket", d.socket], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False, timeout=30)
    expect(done.returncode == 0, f"gnomon vm {words}: {done.returncode}: {done.stderr}")
    return done.stdout


def recipe(d, gnomon, name, *options):
    """QEMU's arguments for a new guest."""
    vm(d, gnomon, "attach", name, "--counter", "host", "--page", d.path(f"page-{name}"), *options)
    memory = [o for i, o in enumerate(options)
              if "--memory" in options[max(0, i - 1):i + 1] or
              "--maxmem" in options[max(0, i - 1):i + 1]]
    return shlex.split(vm(d, gnomon, "recipe", name, "--qemu", *memory))


def recipes(d, gnomon):
    """QEMU takes what is printed, for all ways and sizes of memory."""
    need_qemu()
    d.start()
    cases = (("b", "64M", ()), ("c", "512M", ("--way", "C", "--memory", "512M")),
             ("c3", "3G", ("--way", "C", "--memory", "3G", "--maxmem", "8G")),
             ("c4", "64M", ("--way", "C", "--address", "0x180000000", "--memory", "64M",
                            "--maxmem", "4G")),
             ("a", "64M", ("--way", "A", "--size", "1048576", "--slot", "7")))
    for name, memory, options in cases:
        arguments = recipe(d, gnomon, name, *options)
        base = qmp.MACHINE[:-1] + [memory]
        child, monitor = qmp.start(d, name, *arguments, "-S", machine=base)
        text = monitor.hmp("info qtree") + monitor.hmp("info mtree")
        expect("ivshmem-plain" in text or "nvdimm" in text, f"{name}: no device: {text[:500]}")
        if "c" in name:
            dimms = monitor.run("query-memory-devices")
            expect(len(dimms) == 1 and dimms[0]["type"] == "nvdimm", f"{name}: {dimms}")
            at = int(json.loads(status_json(d, gnomon, name))["address"], 0)
            expect(dimms[0]["data"]["addr"] == at, f"{name}: {dimms} {at}")
        monitor.run("quit")
        child.wait(20)
        print(f"{name}: {' '.join(arguments)}")


def status_json(d, gnomon, name):
    """gnomon vm status --json, whatever its exit status."""
    return subprocess.run([gnomon, "vm", "status", name, "--json", "--socket", d.socket],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                          timeout=30).stdout


def physical(monitor, address, length=112):
    """Guest memory as the machine's owner sees it."""
    octets = b""
    for line in monitor.hmp(f"xp /{length}xb {address:#x}").splitlines():
        octets += bytes(int(word, 0) for word in line.split(":", 1)[1].split())
    return octets


def patch(d, gnomon):
    """QEMU's own device: found by its monitor, written in its memory, before it runs."""
    need_qemu()
    if os.geteuid() != 0:
        print("SKIP: needs root")
        sys.exit(77)
    d.start()
    # Its own file has no place to be named.
    name = f"d{os.getpid()}"
    d.files.append(f"/dev/shm/gnomon-{name}")
    vm(d, gnomon, "attach", name, "--way", "D", "--qmp", d.path("d.qmp"))
    arguments = shlex.split(vm(d, gnomon, "recipe", name, "--qemu"))
    expect("-S" in arguments and "vmclock" in arguments, f"{arguments}")
    _, monitor = qmp.start(d, "d", *arguments)

    def written():
        page = desk.Page(physical(monitor, 0xfeffb000))
        return page if page.counter == 1 and page.kind == 1 else None

    # Of TCG the counter is not known: the page says so, and is QEMU's no more.
    page = wait(written, 20, lambda: f"{desk.Page(physical(monitor, 0xfeffb000))}: "
                                     f"{json.loads(status_json(d, gnomon, name))}")
    expect(page.magic == 0x4b4c4356 and page.status == UNRELIABLE, f"{page}")
    info = json.loads(status_json(d, gnomon, name))
    expect(info["status"] == "unreliable" and str(page.marker) and
           int(info["marker"], 0) == page.marker, f"{page}: {info}")
    monitor.run("cont")
    second = wait(lambda: (lambda p: p if p.marker != page.marker else None)(
        desk.Page(physical(monitor, 0xfeffb000))), 10, "the same marker after RESUME")
    expect(second.seq % 2 == 0 and second.seq > page.seq, f"{page} -> {second}")
    monitor.run("quit")
    wait(lambda: json.loads(status_json(d, gnomon, name))["trouble"], 10, "no trouble without QEMU")


def migrate(d, gnomon):
    """One QEMU to another: the page says UNRELIABLE before it is copied, and begins anew there."""
    need_qemu()
    d.start()
    sides = {}
    for name in ("src", "dst"):
        arguments = recipe(d, gnomon, name, "--qmp", d.path(f"{name}.qmp"))
        more = ["-incoming", "defer"] if name == "dst" else []
        sides[name] = qmp.start(d, name, *arguments, *more, machine=qmp.MOVES)
    source, target = sides["src"][1], sides["dst"][1]
    first = good(d, "src")
    waits = says(d.path("page-dst"), UNRELIABLE, IMMINENT)
    # The target's gnomond is asleep: what stands on the page then is what was copied.
    target.run("migrate-incoming", uri=f"unix:{d.path('pipe')}")
    source.run("migrate", uri=f"unix:{d.path('pipe')}")
    said = says(d.path("page-src"), UNRELIABLE, IMMINENT)
    expect(said.marker == first.marker, f"{first} -> {said}")
    wait(lambda: source.run("query-migrate").get("status") == "completed", 60,
         lambda: f"{source.run('query-migrate')}")
    wait(lambda: target.run("query-status")["status"] == "running", 20, "it does not run there")
    after = renewed(d.path("page-dst"), waits)
    expect(after.marker not in (first.marker, waits.marker), f"{after}")
    stays(d.path("page-src"), UNRELIABLE)
    expect("healed" not in d.log(), "what QEMU copies is not the guest's fault")
    print(f"source {first} -> {said}; target {waits} -> {after}")


def copied(d, gnomon):
    """What the other host's guest would see until its gnomond acts: nobody acts there."""
    need_qemu()
    d.start()
    arguments = recipe(d, gnomon, "src", "--qmp", d.path("src.qmp"))
    _, source = qmp.start(d, "src", *arguments, machine=qmp.MOVES)
    good(d, "src")
    other = d.path("page-other")
    pathlib.Path(other).write_bytes(b"\0" * 8192)
    swapped = [a.replace(d.path("page-src"), other) for a in arguments
               if "src.qmp" not in a and a != "-qmp"]
    _, target = qmp.start(d, "other", *swapped, "-incoming", f"unix:{d.path('pipe')}", "-S",
                          machine=qmp.MOVES)
    # Slow enough for a busy machine: the page is the last of the memory to be copied.
    source.run("migrate-set-parameters", **{"max-bandwidth": 131072})
    source.run("migrate", uri=f"unix:{d.path('pipe')}")
    wait(lambda: source.run("query-migrate").get("status") == "completed", 60, "no migration")
    page = desk.page_of(other)
    expect(page.magic == 0x4b4c4356, f"nothing was copied: {page}")
    expect(page.status == UNRELIABLE and page.flags & IMMINENT, f"what was copied: {page}")
    target.close()
    print(f"copied: {page}")


def snapshot(d, gnomon):
    """savevm, loadvm: a new marker, and vm_generation_counter."""
    need_qemu()
    d.start()
    disk = d.path("disk.qcow2")
    make_qcow2(disk)
    arguments = recipe(d, gnomon, "s", "--qmp", d.path("s.qmp"))
    _, monitor = qmp.start(d, "s", *arguments, "-drive", f"file={disk},if=none,id=d0",
                           machine=qmp.MOVES)
    path = d.path("page-s")
    first = good(d, "s")
    text = monitor.hmp("savevm one")
    if text.strip():
        print(f"SKIP: this QEMU cannot save: {text.strip()}")
        sys.exit(77)
    second = renewed(path, first)
    expect(second.generation == first.generation, f"saved: {first} -> {second}")
    text = monitor.hmp("loadvm one")
    expect(not text.strip(), f"loadvm: {text}")
    third = renewed(path, second)
    expect(third.generation == second.generation + 1, f"restored: {second} -> {third}")
    monitor.run("system_reset")
    fourth = renewed(path, third)
    expect(fourth.generation == third.generation, f"reset: {fourth}")


def make_qcow2(path):
    """An empty image of 16 MiB, version 2, without qemu-img: header, L1, refcounts."""
    cluster = 65536
    header = struct.pack(">4sIQIIQIIQQIIQ", b"QFI\xfb", 2, 0, 0, 16, 16 << 20, 0, 1, 3 * cluster,
                         cluster, 1, 0, 0)
    table = struct.pack(">Q", 2 * cluster)
    counts = struct.pack(">HHHH", 1, 1, 1, 1)
    with open(path, "wb") as file:
        for part in (header, table, counts, b""):
            file.write(part.ljust(cluster, b"\0"))


CASES = {case.__name__: case for case in (events, incoming, lost, recipes, patch, migrate, copied,
                                          snapshot)}


if __name__ == "__main__":
    sys.exit(desk.run_case(CASES))
