# SPDX-License-Identifier: BSD-2-Clause
"""gnomon-guest in a guest whose kernel's clock is its own to set: from far off, through what
happens to hosts, to its end."""

import json
import re
import time

from bridge_guests import Scene, check, judge
from bridge_lab import harness, within

LOOKS = 600
PERIOD_US = 5000
FAR_S, FAR_PPM = 3, 80
JUMP_S = 2.25
BUSY_S = 120  # for what takes a second where nothing else runs


def looks(scene, guest, count=LOOKS):
    """The guest's system clock, against the host's."""
    began = guest.start_look(count, PERIOD_US, "realtime", "raw", "library")
    found = guest.end_look(began, 60)
    time.sleep(0.2)
    errors = judge(guest, found, {"host": scene.host.watch.pairs})["host"]
    return errors


def realtime(scene, guest):
    """The system clock stays within what the agent claims of it."""
    claims = [guest.agent()["bound_ns"]]
    errors = looks(scene, guest)
    claims.append(guest.agent()["bound_ns"])
    check(f"guest {guest.name}", errors, LOOKS)
    outside = [row for row in errors.rows["realtime"] if abs(row[0]) - row[1] > max(claims)]
    if outside:
        raise harness.Failure(f"CLOCK_REALTIME: {len(outside)} looks are not within {claims} ns: "
                              f"{outside[:3]}")


def from_far(scene, guest):
    """Set wrong in time and frequency before the agent starts: one step, and in step at once."""
    guest.run(f"adjtimex -f {FAR_PPM * 65536} >/dev/null; date -s @$(( $(date +%s) + {FAR_S} ))")
    guest.start_agent()
    try:
        guest.wait_agent("locked", BUSY_S)
    finally:
        print("# " + "\n# ".join(guest.run("cat /tmp/agent.log")))
        print(f"# {scene.host.status('a')}")
    told = guest.agent()
    print(f"# {told}")
    if told["steps"] != 1:
        raise harness.Failure(f"{told['steps']} steps")
    time.sleep(3)
    realtime(scene, guest)


def checks(_, guest):
    """The diagnosis of a guest that is well."""
    told = json.loads("\n".join(guest.run("gnomon-guest --check --json")))
    print(f"# {told}")
    if told["result"] == "error" or not told["realtime"]["synchronized"]:
        raise harness.Failure(str(told["findings"]))
    if told["realtime"]["max_error_ns"] > 10**8:
        raise harness.Failure(str(told["realtime"]))
    for line in guest.run("gnomon-guest --check"):
        print(f"# {line}")


def start_elsewhere(scene):
    """Grandmaster and host come back, and it is two seconds later by their clocks."""
    for daemon in (scene.host, scene.grandmaster):
        daemon.watch.close()
        daemon.process.stop()
    scene.grandmaster.settings["soft_clock_offset"] = str(JUMP_S)
    scene.grandmaster.start()
    scene.host.start()
    scene.host.watch.wait_for("synchronized", BUSY_S)


def relock(scene, guest):
    """The host's time jumps: a new marker, a step, in step."""
    before = guest.agent()
    start_elsewhere(scene)
    within(BUSY_S, "a disruption seen by the agent",
           lambda: guest.agent().get("disruptions", 0) > before["disruptions"])
    guest.wait_agent("locked", BUSY_S)
    told = guest.agent()
    print(f"# {told}")
    if told["steps"] != before["steps"] + 1:
        raise harness.Failure(f"{told['steps'] - before['steps']} steps")
    time.sleep(3)
    realtime(scene, guest)


def host_dies(scene, guest):
    """The host's daemon is killed: the page's line goes on, its bound grows, and it is said."""
    before = guest.agent()
    scene.host.process.stop(9)
    guest.wait_agent("freerunning", BUSY_S)
    told = guest.agent()
    print(f"# {told}")
    if not told["stale"] or told["bound_ns"] <= before["bound_ns"]:
        raise harness.Failure(f"{before} {told}")


def ends(_, guest):
    """Ended, it leaves the right frequency behind."""
    needed = guest.agent()["needed_ppb"]
    guest.run("kill $agent; wait $agent")
    text = " ".join(guest.run("adjtimex"))
    left = int(re.search(r"freq\.adjust: +(-?\d+) ", text).group(1)) / 65.536
    print(f"# needed {needed} ppb, left {left:.3f} ppb")
    if abs(left - needed) > 1:
        raise harness.Failure(f"{left} ppb left, {needed} needed")


def run(lab, tap):
    """All scenarios."""
    scene = Scene(lab)
    took = scene.host.watch.wait_for("synchronized", 40)
    print(f"# the host's clock is in step after {took:.1f} s")
    scene.boot(["a"])
    guest = scene.guests["a"]
    guest.find_offset()
    tap.case("agent/from_far", from_far, scene, guest)
    tap.case("agent/checks", checks, scene, guest)
    tap.case("agent/relock", relock, scene, guest)
    tap.case("agent/host_dies", host_dies, scene, guest)
    tap.case("agent/ends", ends, scene, guest)
