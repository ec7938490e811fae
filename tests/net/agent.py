#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""gnomon-guest on a soft clock, by the page that a real gnomond publishes on this machine. The
system clock is not set.

    agent.py --gnomond PATH --guest PATH CASE
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import struct
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "interop"))
from harness import Bench, Failure, expect, main, need, within  # noqa: E402

LOCKED = r"UNCALIBRATED to SLAVE on MASTER_CLOCK_SELECTED"
BOUND = struct.Struct("=IIIHHqqqqqQIiB7x")  # ClockBound's segment


def start_host(bench, space, name, counter="host"):
    """A daemon on a soft clock of its own that follows the grandmaster and publishes a page."""
    page = {"guest_page": os.path.join(bench.folder, "page"), "guest_counter": counter}
    return bench.start_gnomond(space, {name: {}, "guest reader": page},
                               {"clientOnly": "1", "soft_clock_offset": "0.3",
                                "soft_clock_frequency": "40000", "guest_max_bound": "100000000",
                                "guest_dir": os.path.join(bench.folder, "run")}, "host")


def start_agent(bench, space, *options):
    """The agent, which sees no clock of this machine but the page."""
    nothing = os.path.join(bench.folder, "nothing")
    os.makedirs(nothing, exist_ok=True)
    return bench.start(space, [bench.guest, "--root", nothing, "--page",
                               os.path.join(bench.folder, "page"), *options], "guest")


def status(bench):
    """What the agent says of itself."""
    path = pathlib.Path(bench.folder, "status")
    return json.loads(path.read_text(encoding="utf-8"))


def await_status(bench, seconds, what, wanted):
    """Wait for a status of which wanted(status) is true; it is returned."""
    end, last = time.monotonic() + seconds, None
    while time.monotonic() < end:
        try:
            last = status(bench)
        except FileNotFoundError:
            last = None
        if last and wanted(last):
            return last
        time.sleep(0.2)
    raise Failure(f"not {what} after {seconds} s: {last}")


def setup(bench, counter="host"):
    """A grandmaster, a host, and its page."""
    left, right = bench.namespace("left"), bench.namespace("right")
    name = bench.cable(left, right)
    bench.start_gnomond(left, [name], {"priority1": "100", "clockClass": "6",
                                       "clockAccuracy": "0x23"}, "master")
    host = start_host(bench, right, name, counter)
    expect(host, LOCKED, 30)
    return right, name, host


def case_follows(bench):
    """In step with the host within its bound; when that dies the bound grows; when it comes back
    all is as before."""
    space, name, host = setup(bench)
    clients = os.path.join(bench.folder, "clockbound", "shm0")
    agent = start_agent(bench, space, "--clock=soft", "--soft_clock_offset=0.7",
                        "--soft_clock_frequency=-30000", f"--clockbound_file={clients}",
                        "--status", os.path.join(bench.folder, "status"))
    expect(agent, r"start clock=\"?soft\"? mode=\"?steer", 5)
    expect(agent, r"source-state .*state=\"?locked", 30)
    time.sleep(6)
    good = await_status(bench, 10, "locked", lambda s: s["state"] == "locked")
    print(good)
    within("offset from the page, ns", abs(good["offset_ns"]), 0, 5000)
    within("error of the rate, ppb", good["clocks"][0]["rate_error_ppb"], 0, 1e5)
    if good["clocks"][0]["method"] != "page" or good["disagreements"]:
        raise Failure(str(good))
    segment = BOUND.unpack(pathlib.Path(clients).read_bytes())
    if segment[:4] != (0x414D5A4E, 0x43420200, 80, 2) or segment[4] % 2 or segment[12] not in (
            1, 2):
        raise Failure(f"ClockBound: {segment}")
    within("ClockBound's bound, ns", segment[9], 1, 1e8)

    powers = pathlib.Path(f"/proc/{agent.child.pid}/status").read_text(encoding="ascii")
    if "CapEff:\t0000000000000000" not in powers or "NoNewPrivs:\t1" not in powers:
        raise Failure(f"it kept powers it does not need: {powers}")

    host.stop(signal.SIGKILL)
    before = status(bench)
    expect(agent, "does not write its page any more", 20)
    dead = await_status(bench, 5, "freerunning", lambda s: s["state"] == "freerunning")
    if not dead["bound_ns"] > before["bound_ns"] or not dead["stale"]:
        raise Failure(f"{before}, then {dead}")
    expect(start_host(bench, space, name), LOCKED, 30)
    # What it promised before holds, so there is a new marker only if it does not.
    again = await_status(bench, 40, "locked again",
                         lambda s: s["state"] == "locked" and not s["stale"])
    print(again)
    within("offset from the page, ns", abs(again["offset_ns"]), 0, 5000)
    if agent.stop() != 0:
        raise Failure("the agent did not end well")


def case_check(bench):
    """The diagnosis, as text and as JSON, while somebody watches."""
    space, _, _ = setup(bench)
    watcher = start_agent(bench, space, "--watch", "--status",
                          os.path.join(bench.folder, "status"))
    expect(watcher, r"mode=\"?watch", 5)
    await_status(bench, 20, "usable", lambda s: s["clocks"] and
                 s["clocks"][0]["state"] != "unusable")
    page = os.path.join(bench.folder, "page")
    command = [bench.guest, "--check", "--page", page, "--root",
               os.path.join(bench.folder, "nothing")]
    text = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    print(text.stdout)
    if text.returncode not in (0, 2) or not re.search(r"page of .*page\n +status +(synchronized|"
                                                      "freerunning), TAI, counter ", text.stdout):
        raise Failure(f"{text.returncode}: {text.stdout} {text.stderr}")
    found = subprocess.run([*command, "--json"], capture_output=True, text=True, check=False,
                           timeout=20)
    found = json.loads(found.stdout)
    if not found["pages"][0]["seq"] or found["agent"]["clocks"][0]["bound_ns"] is None:
        raise Failure(str(found))
    if watcher.stop() != 0:
        raise Failure("the watcher did not end well")


def copy_page(bench, ahead_ns):
    """A page that says what ours does at this moment, and then some."""
    data = bytearray(pathlib.Path(bench.folder, "page").read_bytes())
    while data[12] % 2:
        data = bytearray(pathlib.Path(bench.folder, "page").read_bytes())
    seconds, fraction = struct.unpack_from("<QQ", data, 0x48)
    at = (seconds << 64) + fraction + (ahead_ns << 64) // 10**9
    struct.pack_into("<QQ", data, 0x48, at >> 64, at & (1 << 64) - 1)
    struct.pack_into("<Q", data, 0x10, struct.unpack_from("<Q", data, 0x10)[0] ^ 1)  # the marker
    path = os.path.join(bench.folder, "other")
    pathlib.Path(path).write_bytes(data)
    return path


def case_alarm(bench):
    """Two pages that cannot both be right: a line in the log, the status, an exit status."""
    space, _, _ = setup(bench)
    path = os.path.join(bench.folder, "status")
    agent = start_agent(bench, space, "--clock=soft", "--status", path)
    await_status(bench, 30, "locked", lambda s: s["state"] == "locked")
    bound = status(bench)["bound_ns"]
    if agent.stop() != 0:
        raise Failure("the agent did not end well")
    other = copy_page(bench, int(bound * 10 + 5e6))
    agent = start_agent(bench, space, "--clock=soft", "--status", path, "--page", other)
    expect(agent, r"error clocks-disagree clock=\S+page\"? other=\S+other\"? disagree=true", 20)
    found = await_status(bench, 5, "alarmed", lambda s: s["disagreements"] == 1)
    print(found)
    done = subprocess.run([bench.guest, "--check", "--root", os.path.join(bench.folder, "nothing"),
                           "--page", os.path.join(bench.folder, "page"), "--page", other],
                          capture_output=True, text=True, check=False, timeout=20)
    if done.returncode != 3 or "which is more than both bounds together" not in done.stdout:
        raise Failure(f"{done.returncode}: {done.stdout} {done.stderr}")
    if agent.stop() != 0:
        raise Failure("the agent did not end well")


def chrony_correction(space, device):
    """What chronyd thinks the system clock has to be corrected by, s; None: it is not in step."""
    done = subprocess.run(["ip", "netns", "exec", space, "chronyc", "-n", "-c", "-h", device,
                           "tracking"], text=True, capture_output=True, check=False, timeout=30)
    fields = done.stdout.strip().split(",")
    if len(fields) != 14 or fields[2] == "0":
        return None
    return float(fields[4])


def case_chrony(bench):
    """A real chronyd is fed, and believes how far its clock is off; it sets none (-x)."""
    need("chronyd", "chronyc")
    left, right = bench.namespace("left"), bench.namespace("right")
    name = bench.cable(left, right)
    bench.start_gnomond(left, [name], {"priority1": "100", "clockClass": "6",
                                       "clockAccuracy": "0x23", "soft_clock_offset": "0.125"},
                        "master")
    expect(start_host(bench, right, name), LOCKED, 30)
    folder = pathlib.Path(bench.folder, "chrony")
    folder.mkdir(mode=0o750)
    (folder / "chrony.conf").write_text("\n".join((
        f"bindcmdaddress {folder}/chronyd.sock", f"pidfile {folder}/pid",
        f"driftfile {folder}/drift", f"refclock SOCK {folder}/gnomon.sock poll 0 filter 2")) + "\n",
        encoding="utf-8")
    bench.start(right, [shutil.which("chronyd"), "-x", "-d", "-u", "root", "-F", "0", "-f",
                        str(folder / "chrony.conf")], "chronyd")
    agent = start_agent(bench, right, "--feed", f"chrony:{folder}/gnomon.sock", "--interval",
                        "0.25", "--status", os.path.join(bench.folder, "status"))
    expect(agent, r"mode=\"?feed", 5)
    end, found = time.monotonic() + 40, None
    while found is None and time.monotonic() < end:
        time.sleep(0.5)
        found = chrony_correction(right, f"{folder}/chronyd.sock")
    if found is None:
        raise Failure("chronyd does not believe it")
    within("the system clock is slow by, s", abs(found), 0.12, 0.13)
    within("... and by the agent, s", -status(bench)["offset_ns"] * 1e-9, 0.12, 0.13)
    if agent.stop() != 0:
        raise Failure("the agent did not end well")


def case_pingpong(bench):
    """A host that cannot ask its kernel for the counter of its guest measures it by our answers."""
    space, _, _ = setup(bench, "pingpong")
    agent = start_agent(bench, space, "--clock=soft", "--status",
                        os.path.join(bench.folder, "status"))
    expect(agent, "its time is unreliable", 10)
    expect(agent, "the host has measured our counter", 60)
    print(await_status(bench, 30, "locked", lambda s: s["state"] == "locked"))
    if agent.stop() != 0:
        raise Failure("the agent did not end well")


def case_usage(bench):
    """Each is one line that says what is wrong and what to do, and nothing was touched."""
    for options, words in (
            (["--interval", "0"], "option --interval: '0': write seconds"),
            (["--bound", "ptp_kvm"], "write CLOCK=NS"),
            (["--scale", "phc=mars"], "write CLOCK=UTC or CLOCK=TAI"),
            (["--feed", "/tmp/sock"], "write chrony:PATH or shm:SEGMENT"),
            (["--feed", "shm:7", "--watch"], "choose one"),
            (["--json"], "goes with --check"),
            (["--chekc"], "did you mean --check?"),
            (["--step_threshold=-1"], "step_threshold"),
            (["word"], "not an option")):
        done = subprocess.run([bench.guest, *options], capture_output=True, text=True,
                              check=False, timeout=10)
        if done.returncode != 1 or done.stderr.count("\n") != 1 or words not in done.stderr:
            raise Failure(f"{options}: {done.returncode} {done.stdout} {done.stderr}")


CASES = {name[5:]: function for name, function in globals().items() if name.startswith("case_")}


def test():
    """One case."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--gnomond", required=True, type=os.path.abspath)
    parser.add_argument("--guest", required=True, type=os.path.abspath)
    parser.add_argument("case", choices=sorted(CASES))
    args = parser.parse_args()
    need()
    with Bench(args.gnomond) as bench:
        bench.guest = args.guest
        CASES[args.case](bench)


main(test)
