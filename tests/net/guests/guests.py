#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Pages of guests, written by the real daemon and read as guests read them. CLOCK_REALTIME is what
is published, so that everybody can tell the truth; it is not set.

    guests.py --gnomond PATH --user PATH CASE
"""

import argparse
import json
import os
import pathlib
import random
import re
import signal
import struct
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "interop"))
from harness import Bench, Failure, expect, main, need, skip, within  # noqa: E402

UTC_OFFSET = 37
KILLS = 1000
AIMED = 4  # one of so many is of a daemon that is just writing the page
STEPS = 40  # instructions of that, about
# The clock is CLOCK_REALTIME as it is: its keeper is somebody else, and vouches for 1 us.
REFERENCE = {"clock": "system", "free_running": "1", "clockAccuracy": "0x23",
             "log_format": "native"}
CLOCKSOURCE = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
LOCKED = r"port-state .* state=SLAVE"


class World:
    """A folder with everything of one daemon, and who uses its pages."""

    def __init__(self, bench, user, killer):
        self.bench, self.user, self.killer = bench, user, killer
        self.folder = os.path.join(bench.folder, "guests")
        self.shm = f"/dev/shm/gn-test-{os.getpid()}"
        self.users = []
        os.mkdir(self.shm)

    def page(self, name):
        """Where the page of a guest is."""
        return f"{self.shm}/{name}"

    def guest(self, name, **keys):
        """A section [guest NAME] of a host's own counter."""
        return {f"guest {name}": {"guest_page": self.page(name), "guest_counter": "host", **keys}}

    def settings(self, **keys):
        """Settings of a daemon with guests."""
        return {"guest_dir": self.folder, "guest_interval": "0.05", **keys}

    def once(self, name):
        """What is on the page."""
        done = subprocess.run([self.user, "once", self.page(name)], capture_output=True,
                              text=True, check=True)
        return json.loads(done.stdout)

    def count(self, name):
        """The page's seq_count."""
        with open(self.page(name), "rb") as page:
            return struct.unpack_from("<I", page.read(16), 12)[0]

    def until(self, name, status, seconds=15):
        """Wait for a status; the page."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            page = self.once(name)
            if page.get("status") == status:
                return page
            time.sleep(0.02)
        raise Failure(f"{name}: no {status} in {seconds} s: {page}")

    def start(self, *args):
        """Start a user of pages."""
        command = [self.user, *map(str, args)]
        self.users.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        return self.users[-1]

    def watch(self, name):
        """Start to read a page."""
        return self.start("watch", self.page(name), UTC_OFFSET)

    def remove(self):
        """Take the pages away, and who is still using them."""
        for user in self.users:
            user.kill()
            user.wait()
        subprocess.run(["rm", "-rf", self.shm], check=True)


def end(user):
    """Stop a user of pages; what it found."""
    user.send_signal(signal.SIGTERM)
    told = user.communicate(timeout=30)[0]
    if user.returncode:
        raise Failure(f"user of a page: exit {user.returncode}")
    return json.loads(told)


def honest(what, found, least=1000):
    """Failure unless a reader was told the truth, often."""
    print(f"{what}: {found}")
    if found["outside"]:
        raise Failure(f"{what}: {found['outside']} readings outside of their bound, "
                      f"by up to {found['worst_ns']} ns")
    if found["damaged"]:
        raise Failure(f"{what}: {found['damaged']} torn readings")
    if found["good"] < least:
        raise Failure(f"{what}: only {found['good']} good readings")


def lifecycle(bench, world):
    """Unreliable, in step, lost, in step again, stopped and started: the page says so."""
    left, right = bench.namespace("left"), bench.namespace("right")
    name = bench.cable(left, right)
    settings = world.settings(log_format="native", clientOnly="1")
    interfaces = {name: {}, **world.guest("one"), **world.guest("utc", guest_profile="utc")}
    receiver = bench.start_gnomond(right, interfaces, settings, "receiver")
    expect(receiver, r"guest section=one what=attached .*restored=false", 10)
    for guest in ("one", "utc"):
        page = world.once(guest)
        if page["status"] != "unreliable":
            raise Failure(f"before anybody is heard: {page}")
    if (world.once("one")["time_type"], world.once("utc")["time_type"]) != (1, 0):
        raise Failure("time scales of the profiles")
    master = bench.start_gnomond(left, [name], {**REFERENCE, "priority1": "100",
                                                "clockClass": "6"}, "master")
    expect(receiver, LOCKED, 15)
    first = world.until("one", "synchronized")
    world.until("utc", "synchronized")
    reader = world.watch("one")
    time.sleep(3)
    honest("in step", end(reader))
    reader = world.watch("one")
    master.stop(signal.SIGTERM)
    world.until("one", "freerunning")
    time.sleep(1)
    master = bench.start_gnomond(left, [name], {**REFERENCE, "priority1": "100",
                                                "clockClass": "6"}, "master again")
    world.until("one", "synchronized")
    honest("lost and found", end(reader))
    reader = world.watch("one")
    receiver.stop(signal.SIGTERM)
    if world.once("one")["status"] != "freerunning":
        raise Failure(f"stopped in order: {world.once('one')}")
    receiver = bench.start_gnomond(right, interfaces, settings, "receiver again")
    expect(receiver, r"guest section=one what=attached .*restored=true", 10)
    time.sleep(0.3)
    if world.once("one")["status"] != "freerunning":
        raise Failure(f"started, and not in step yet: {world.once('one')}")
    world.until("one", "synchronized", 20)
    time.sleep(1)
    found = end(reader)
    honest("stopped and started", found)
    if found["unreliable"]:
        raise Failure("an orderly restart took the time away")
    print(f"marker {first['marker']} -> {world.once('one')['marker']}")


def reference(bench, world, guests, name="gnomond", **settings):
    """A configuration without ports: pages of CLOCK_REALTIME."""
    return bench.config(name, {**world.settings(**settings), **REFERENCE, "uds_address": '""',
                               "uds_ro_address": '""', "control_socket": '""', "verbose": "1",
                               "use_syslog": "0", "time_stamping": "software"}, guests)


def killed(bench, world):
    """Killed a thousand times at random instants, while somebody reads as fast as possible."""
    path = reference(bench, world, world.guest("one"), guest_interval="0.001")
    seed = int(os.environ.get("GNOMON_TEST_SEED", time.time_ns() % 2**32))
    draw = random.Random(seed)
    print(f"killed: GNOMON_TEST_SEED={seed}")
    command = [bench.gnomond, "-f", path]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as daemon:
        world_until_file(world, "one")
        world.until("one", "synchronized")
        daemon.kill()
    reader = world.watch("one")
    odd = 0
    aimed = 0
    for i in range(KILLS):
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as daemon:
            time.sleep(draw.uniform(0.0, 0.04))
            if daemon.poll() is not None:
                raise Failure(f"the daemon ended by itself: {daemon.returncode}")
            if aimed is not None and i % AIMED == 0:
                aimed = kill_within(world, daemon, "one", draw.randrange(STEPS), aimed)
                if aimed == 0 and i >= 2 * AIMED:
                    aimed = None  # they can be set, and nothing comes of it
            daemon.kill()
        odd += world.count("one") % 2
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as daemon:
        world.until("one", "synchronized")
        time.sleep(0.5)
        found = end(reader)
        daemon.terminate()
    honest(f"killed {KILLS} times, {odd} times within a publication", found)
    if aimed is None:
        print("SKIP: none of them aimed: no watchpoints of the processor here")
    elif odd < KILLS // AIMED // 2:
        raise Failure(f"{aimed} kills were aimed at a publication, {odd} hit one")
    if found["good"] < KILLS * 100:
        raise Failure("readers were kept away")
    within("longest time without a reading, s", found["longest_gap_ns"] * 1e-9, 0, 5)


def kill_within(world, daemon, name, steps, aimed):
    """Kill it while it writes the page. How many were so far; None: that cannot be done here."""
    done = subprocess.run([world.killer, str(daemon.pid), world.page(name), str(steps)],
                          stdout=subprocess.PIPE, text=True, check=False)
    return None if done.returncode == 77 else aimed + (done.stdout == "within\n")


def world_until_file(world, name):
    """Wait for a page to be there."""
    for _ in range(500):
        if os.path.exists(world.page(name)):
            return
        time.sleep(0.01)
    raise Failure(f"no page {name}")


def count(daemon, pattern):
    """Lines of a daemon's log that match."""
    return sum(1 for line in daemon.lines if re.search(pattern, line))


def hostile(bench, world):
    """One guest writes nonsense over its file, and cuts it short; the others do not see it."""
    guests = {**world.guest("bad"), **world.guest("good"), **world.guest("far")}
    path = reference(bench, world, guests)
    space = bench.namespace("host")
    daemon = bench.start(space, [bench.gnomond, "-f", path], "gnomond")
    for name in ("bad", "good", "far"):
        world_until_file(world, name)
        world.until(name, "synchronized")
    calm = world.watch("good")
    time.sleep(2)
    calm = end(calm)
    honest("before", calm)
    for cut in ((), ("cut",)):
        readers = [world.watch("good"), world.watch("far")]
        bad = world.start("scribble", world.page("bad"), *cut)
        time.sleep(3)
        wrote = end(bad)
        for reader in readers:
            found = end(reader)
            honest(f"beside {wrote['writes']} writes {cut}", found)
            if found["markers"] > 1:
                raise Failure(f"disruptions of a guest that did nothing: {found}")
            if found["most_bound_ns"] > 3 * calm["most_bound_ns"]:
                raise Failure(f"bounds of a guest that did nothing: {found}, were {calm}")
        page = world.until("bad", "synchronized", 5)
        give_up = time.monotonic() + 10  # its length is looked at now and then
        while os.path.getsize(world.page("bad")) < 8192:
            if time.monotonic() > give_up:
                raise Failure("the file was not made whole")
            time.sleep(0.05)
        reader = world.watch("bad")
        time.sleep(0.5)
        honest(f"healed, {page}", end(reader), 100)
        octets = pathlib.Path(world.page("bad")).read_bytes()
        if any(octets[112:4096]) or any(octets[4096 + 96:4096 + 0x800]):
            raise Failure("what is nobody's was not cleared")
    expect(daemon, r"guest-damage section=bad ", 1)
    if count(daemon, r"guest-damage section=(good|far)"):
        raise Failure("damage of guests that did nothing")
    # Said at once, and then once in a while; counted all the time.
    within("lines about it", count(daemon, r"guest-damage section=bad"), 1, 3)
    if daemon.child.poll() is not None:
        raise Failure("the daemon is gone")
    daemon.stop(signal.SIGTERM)


def quality(bench, world):
    """What is said of CLOCK_REALTIME, in a guest's page and to clients of ClockBound, by a soft
    clock that started from it."""
    segment = os.path.join(bench.folder, "clockbound", "shm0")
    settings = {**world.settings(clockbound_file=segment), "clock": "soft", "clockClass": "6",
                "clockAccuracy": "0x25", "log_format": "native"}
    space = bench.namespace("host")
    daemon = bench.start_gnomond(space, {"lo": {"serverOnly": "1"}, **world.guest("one")},
                                 settings)
    world_until_file(world, "one")
    page = world.until("one", "synchronized")
    time.sleep(0.5)
    page = world.once("one")
    print(page)
    if page["quality"] != "synchronized" or page["quality_flags"] != 1 | 4:
        raise Failure(f"quality block: {page}")
    # They started together; the system clock may be slewed meanwhile, and 10 us is the accuracy.
    within("CLOCK_REALTIME - TAI, ns", page["offset_ns"] + UTC_OFFSET * 1e9, -1e6, 1e6)
    within("error of that, ns", page["maxerror_ns"], 10000, 1000000)
    within("age of it, s", time.time() - page["realtime_ns"] * 1e-9, -1, 5)
    octets = pathlib.Path(segment).read_bytes()
    (size, version, generation, as_of, _, void, _, bound, _, drift, status) = struct.unpack_from(
        "=8xIHHqqqqqQII", octets)
    now = time.clock_gettime(time.CLOCK_MONOTONIC)
    print(f"shm0: {(size, version, generation, as_of, void, bound, drift, status)}, now {now}")
    if (size, version, status) != (80, 2, 1) or generation % 2 or not generation:
        raise Failure("ClockBound's segment")
    within("bound for ClockBound, ns", bound, 10000, 2000000)
    within("as of, s ago", now - as_of, -1, 10)
    within("void after, s from now", void - now, 1, 3600)
    daemon.stop(signal.SIGTERM)


def becomes(bench, world):
    """As another user: its files are that user's, and the next daemon goes on from them."""
    user = "nobody"
    os.chmod(bench.folder, 0o755)
    os.chmod(world.shm, 0o777 | 0o1000)
    guests = {**world.guest("one"), **world.guest("kvm", guest_counter="kvm")}
    path = reference(bench, world, guests, user=user)
    restored = "false"
    for _ in range(2):
        space = bench.namespace(f"u{len(bench.processes)}")
        daemon = bench.start(space, [bench.gnomond, "-f", path], "gnomond")
        expect(daemon, r"key 'user': nobody may not see what others' processes have mapped: say "
                       r"which machine guest kvm is", 10)
        expect(daemon, rf"guest section=one what=attached .*restored={restored}", 10)
        world.until("one", "synchronized")
        for file in (world.page("one"), f"{world.folder}/one.truth"):
            if os.stat(file).st_uid != 65534:
                raise Failure(f"{file} is not {user}'s")
        os.unlink(world.page("one"))
        world_until_file(world, "one")
        world.until("one", "synchronized")
        daemon.child.kill()
        daemon.child.wait()
        restored = "true"


def pingpong(bench, world):
    """A guest tells its counter itself; when it has another one, the old page ends."""
    path = reference(bench, world, world.guest("one", guest_counter="pingpong"))
    space = bench.namespace("host")
    daemon = bench.start(space, [bench.gnomond, "-f", path], "gnomond")
    world_until_file(world, "one")
    world.until("one", "unreliable")
    markers = []
    for ticks in (2**64 - 10**12, 77 * 10**9):
        guest = world.start("answer", world.page("one"), UTC_OFFSET, ticks)
        if markers:
            world.until("one", "unreliable", 60)
        markers.append(world.until("one", "synchronized", 60)["marker"])
        time.sleep(3)
        found = end(guest)
        honest(f"counter ahead by {ticks}", found)
        within("games that were believed", found["done"], 1, 1000)
    if markers[0] == markers[1]:
        raise Failure("another counter, and the same marker")
    expect(daemon, r"section=one by=pingpong offset=(76999999|77000000)\d{3} ", 1)
    if daemon.child.poll() is not None:
        raise Failure("the daemon is gone")
    daemon.stop(signal.SIGTERM)


def refuse(command, status, *words):
    """Failure unless the command ends with that status and one line with the words."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    told = done.stderr.strip()
    print(told)
    if done.returncode != status or any(word not in told for word in words) or "\n" in told:
        raise Failure(f"exit {done.returncode} instead of {status}, words {words}: {told}")


def full(bench, world):
    """No room: one line, and nothing is left behind."""
    tiny = os.path.join(bench.folder, "tiny")
    os.mkdir(tiny)
    path = reference(bench, world, {"guest one": {"guest_page": f"{tiny}/one",
                                                  "guest_counter": "host"}})
    script = (f'mount -t tmpfs -o size=8k tmpfs {tiny} && head -c 4096 /dev/zero >{tiny}/other && '
              f'"$@"; status=$?; ls {tiny} >{bench.folder}/left; exit $status')
    inside = ["unshare", "--mount", "sh", "-c", script, "sh"]
    refuse([*inside, bench.gnomond, "-f", path], 2, f"{path}:", "guest one:", f"{tiny}/one",
           "No space left", "make the file system larger")
    left = pathlib.Path(f"{bench.folder}/left").read_text(encoding="utf-8").split()
    if left != ["other"]:
        raise Failure(f"left behind: {left}")


def trouble(bench, world, script, guest, pattern):
    """A page that must not be relied on, and why."""
    path = reference(bench, world, guest)
    command = [bench.gnomond, "-f", path]
    if script:
        command = ["unshare", "--mount", "sh", "-c", f'{script} && exec "$@"', "sh", *command]
    space = bench.namespace(f"t{len(bench.processes)}")
    daemon = bench.start(space, command, "gnomond")
    expect(daemon, pattern, 10)
    time.sleep(0.3)
    page = world.once("one")
    if page["status"] != "unreliable":
        raise Failure(f"{pattern}: {page}")
    daemon.stop(signal.SIGTERM)


def refused(bench, world):
    """Bad input, each with a clear line; where time cannot be trusted the page says so."""
    gnomond = bench.gnomond

    def with_guest(name="one", **keys):
        return [gnomond, "-f", reference(bench, world, world.guest(name, **keys))]

    refuse(with_guest(guest_owner="nobody-of-that-name"), 1, "guest one:", "there is no user")
    refuse(with_guest(guest_page=f"{world.shm}/none/one"), 2, "guest one:", "No such file")
    refuse(with_guest(guest_page="/dev/null"), 1, "guest one:", "/dev/null: is no file")
    refuse(with_guest(guest_size="12288"), 1, ":", "power of two")
    os.symlink("/etc/passwd", world.page("link"))
    refuse(with_guest("link"), 2, "guest link:", "is a symbolic link")
    pathlib.Path(world.page("text")).write_text("somebody needs this", "ascii")
    refuse(with_guest("text"), 2, "guest text:", "has something else in it")
    assert pathlib.Path(world.page("text")).read_text("ascii") == "somebody needs this"
    pathlib.Path(world.page("his")).write_bytes(bytes(8192))
    os.chown(world.page("his"), 65534, 65534)
    refuse(with_guest("his"), 2, "guest his:", "belongs to user 65534")
    pathlib.Path(world.page("two")).write_bytes(bytes(8192))
    os.link(world.page("two"), world.page("names"))
    refuse(with_guest("two"), 2, "guest two:", "has 2 names")
    both = {**world.guest("one"), **world.guest("other", guest_page=world.page("one"))}
    refuse([gnomond, "-f", reference(bench, world, both)], 1, "guest other:", "already")
    open_folder = os.path.join(bench.folder, "open")
    os.mkdir(open_folder)
    os.chmod(open_folder, 0o777)
    refuse([gnomond, "-f", reference(bench, world, world.guest("one"), guest_dir=open_folder)], 2,
           "guest_dir", "others may write it")
    if os.path.exists(CLOCKSOURCE):
        fake = os.path.join(bench.folder, "clocksource")
        pathlib.Path(fake).write_text("hpet\n", encoding="utf-8")
        trouble(bench, world, f"mount --bind {fake} {CLOCKSOURCE}", world.guest("one"),
                r"guest-status section=one status=unreliable .*why=.*hpet|guest-error .*hpet")
    trouble(bench, world, "umount -l /sys/kernel/debug 2>/dev/null; true",
            world.guest("one", guest_counter="kvm"), r"guest-error section=one .*debugfs")
    trouble(bench, world, "", world.guest("one", guest_counter="kvm", guest_pid="999999999"),
            r"guest-error section=one .*999999999|guest-error section=one .*debugfs")
    path = reference(bench, world, world.guest("one"))
    space = bench.namespace("last")
    daemon = bench.start(space, [gnomond, "-f", path], "gnomond")
    world_until_file(world, "one")
    world.until("one", "synchronized")
    refuse([gnomond, "-f", path], 2, "another gnomond has it")
    if world.once("one")["status"] != "synchronized":
        raise Failure("a second daemon took the page away")
    daemon.stop(signal.SIGTERM)


def run():
    """Run the case."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--gnomond", required=True, type=os.path.abspath)
    parser.add_argument("--user", required=True, type=os.path.abspath)
    parser.add_argument("--killer", required=True, type=os.path.abspath)
    parser.add_argument("case", choices=("lifecycle", "killed", "hostile", "quality", "becomes",
                                         "pingpong", "full", "refused"))
    args = parser.parse_args()
    need("unshare")
    if pathlib.Path(CLOCKSOURCE).read_text(encoding="ascii").strip() not in (
            "tsc", "arch_sys_counter"):
        skip("this machine does not keep time by a counter that guests can read")
    with Bench(args.gnomond) as bench:
        world = World(bench, args.user, args.killer)
        try:
            globals()[args.case](bench, world)
        finally:
            world.remove()


if __name__ == "__main__":
    main(run)
