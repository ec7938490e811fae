# SPDX-License-Identifier: BSD-2-Clause
"""What guests see while their host's clock is left alone, slewed and stepped.

The grandmasters' clocks are the truth. Each of them is one line that nobody steers; when one is
replaced by another that is off from it, time itself has been changed, and for a while a bound may
be about the old one, or about both. So all looks, in their order, have to fit the grandmasters in
theirs: what no longer fits one has to fit a later one, and so does everything from there on.
"""

import threading
import time

from bridge_lab import harness, netlab, within
from bridge_truth import Errors, RawLine, judge_look

CHUNK, PERIOD_US = 400, 10000
SYNCHRONIZED, FREERUNNING = 0, 1
SLEW_S, STEP_S = 0.0002, 0.25
NEAR_NS = 20000  # a clock that follows again, by software stamps


class Sampler(threading.Thread):
    """Looks at a guest's clocks, until it is stopped."""

    def __init__(self, guest, *kinds):
        super().__init__(daemon=True)
        self.guest, self.kinds, self.looks = guest, kinds, []
        self.ending, self.trouble = threading.Event(), None
        self.start()

    def run(self):
        try:
            while not self.ending.is_set():
                self.looks += self.guest.look(CHUNK, PERIOD_US, *self.kinds)
        except harness.Failure as error:
            self.trouble = error

    def finish(self):
        """All looks there are."""
        self.ending.set()
        self.join(60)
        if self.trouble:
            raise self.trouble
        return self.looks


def apart(one, other):
    """How far two daemons' clocks are from each other now, ns."""
    counter = min(one.watch.pairs.counters[-1], other.watch.pairs.counters[-1])
    return abs(one.watch.pairs.at(counter)[0] - other.watch.pairs.at(counter)[0])


def follows(scene):
    """Whether the host's clock is the grandmaster's, and its daemon knows."""
    _, bound_ns, status = scene.host.watch.told[-1]
    return apart(scene.host, scene.grandmaster) < NEAR_NS and status == "synchronized" and \
        bound_ns < NEAR_NS


def replace(scene, offset_s):
    """Another grandmaster, whose clock is that far from the first one's."""
    scene.grandmaster.process.stop(9)
    scene.grandmaster.watch.close()
    number = len(scene.lab.hosts)
    scene.grandmaster = scene.lab.host(f"gm{number}", scene.gm_space, [scene.interface], {
        **scene.gm_settings, "soft_clock_offset": str(offset_s)})
    scene.truths.append(scene.grandmaster.watch.pairs)
    began = time.monotonic()
    within(10, "a second reading", lambda: len(scene.grandmaster.watch.pairs.counters) > 1)
    within(60, f"the host follows a grandmaster that is {offset_s} s off", lambda: follows(scene))
    print(f"# a grandmaster {offset_s} s off is followed within {NEAR_NS / 1000:.0f} µs after "
          f"{time.monotonic() - began:.1f} s")


def happen(scene):
    """All that happens to the host's clock."""
    time.sleep(2)
    netlab.ip("-n", scene.gm_space, "link", "set", scene.interface, "down")
    print(f"# freerunning {scene.host.watch.wait_for('freerunning', 20):.1f} s after the link went")
    time.sleep(5)
    netlab.ip("-n", scene.gm_space, "link", "set", scene.interface, "up")
    print(f"# synchronized {scene.host.watch.wait_for('synchronized', 40):.1f} s after it came")
    time.sleep(3)
    replace(scene, SLEW_S)
    time.sleep(1)
    replace(scene, STEP_S)
    time.sleep(3)


def judge_all(guest, looks, truths, line):
    """({number of the grandmaster: Errors}, {marker: numbers}); Failure if a look fits none."""
    current, bound_ns, marker = 0, None, 0
    found, markers = {}, {}
    for look in sorted(looks, key=lambda look: look.before):
        if look.kind == "library":
            bound_ns = None if look.status else (look.latest_ns - look.earliest_ns) / 2
            marker = look.marker
        if look.kind == "raw" or look.status or bound_ns is None:
            continue
        for number in range(current, len(truths)):
            error, unsure = judge_look(look, guest.offset, truths[number], line)
            if abs(error) - unsure <= bound_ns:
                break
        else:
            raise harness.Failure(f"guest {guest.name}, {look.kind}, marker {marker:016x}: "
                                  f"{error:.0f} ns off, known to {unsure:.0f} ns, bound "
                                  f"{bound_ns:.0f} ns; by then grandmaster {current}")
        current = number
        found.setdefault(number, Errors()).add(look.kind, error, unsure, bound_ns)
        markers.setdefault(marker, set()).add(number)
    return found, markers


def timeline(looks):
    """Each status that the library told, in order, with the seconds it lasted and its bounds."""
    rows = []
    for look in looks:
        if look.kind != "library":
            continue
        bound_ns = (look.latest_ns - look.earliest_ns) / 2 if not look.status else None
        if not rows or rows[-1][0] != look.reader:
            rows.append([look.reader, look.before, look.before, []])
        rows[-1][2] = look.before
        rows[-1][3] += [bound_ns] if bound_ns is not None else []
    return rows


def tell_timeline(guest, looks, per_s):
    """Say it, and check that there was what has to be: holdover, with a bound that grew."""
    names = {0: "synchronized", 1: "freerunning", 2: "disrupted", 3: "unreliable"}
    rows = timeline(looks)
    for status, first, last, bounds in rows:
        told = f", bound {bounds[0]:.0f} to {bounds[-1]:.0f} ns" if bounds else ""
        print(f"# guest {guest.name}: {(last - first) / per_s:.2f} s "
              f"{names.get(status, status)}{told}")
    seen = {status for status, *_ in rows}
    if not {SYNCHRONIZED, FREERUNNING} <= seen:
        raise harness.Failure(f"guest {guest.name}: saw {sorted(seen)}, not 0 and 1")
    longest = max((row for row in rows if row[0] == FREERUNNING), key=lambda row: row[2] - row[1])
    if longest[3][-1] <= min(longest[3]):
        raise harness.Failure(f"guest {guest.name}: the bound did not grow in holdover")


def check_guest(scene, guest, looks):
    """One guest's part of all that happened."""
    line = RawLine(looks)
    tell_timeline(guest, looks, scene.truths[0].per_ns() * 1e9)
    found, markers = judge_all(guest, looks, scene.truths, line)
    for number, errors in found.items():
        for kind in errors.rows:
            print(f"# guest {guest.name}, grandmaster {number}: {errors.text(kind)}")
    print(f"# guest {guest.name}: grandmasters by marker: {list(markers.values())}")
    last = len(scene.truths) - 1
    if last not in found or len(markers) < 2:
        raise harness.Failure(f"guest {guest.name}: after a step there is the same marker, or the "
                              f"same time: {markers}")


def follow(scene):
    """Holdover, a slew, a step: the guests' view and status follow, and the bound holds."""
    scene.truths = [scene.grandmaster.watch.pairs]
    samplers = {}
    for way in ("b", "c", "a"):
        kinds = ["library", "raw"] + (["precise=/dev/ptp0"] if way != "a" else [])
        samplers[way] = Sampler(scene.guests[way], *kinds)
    try:
        happen(scene)
    finally:
        looks = {way: sampler.finish() for way, sampler in samplers.items()}
    time.sleep(0.2)
    for way, rows in looks.items():
        check_guest(scene, scene.guests[way], rows)


def relocked(scene):
    """gnomon-guest keeps CLOCK_REALTIME by the new time: it began anew with each marker."""
    for guest in scene.guests.values():
        if guest.name == "d":
            continue
        guest.wait_agent("locked")
        agent, looks = guest.agent(), guest.look(200, 2000, "realtime")
        time.sleep(0.2)
        errors = Errors()
        for look in looks:
            error, unsure = judge_look(look, guest.offset, scene.truths[-1])
            errors.add("realtime", error + 37 * 10**9, unsure, agent["bound_ns"])
        print(f"# guest {guest.name}: disruptions {agent['disruptions']}, steps {agent['steps']}; "
              f"{errors.text('realtime')}")
        if agent["disruptions"] < 1:
            raise harness.Failure(f"guest {guest.name}: gnomon-guest saw no disruption: {agent}")
        if errors.outside("realtime"):
            raise harness.Failure(f"guest {guest.name}: CLOCK_REALTIME is off by more than "
                                  f"gnomon-guest says: {errors.outside('realtime')[:3]}")
