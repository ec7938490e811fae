#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What we read of a chronyd is what its own chronyc reads.

    chrony.py ASK unsynchronised|local|synchronised|denied|restart

ASK is the program of chrony_ask.c. Every chronyd runs with -x, in a network namespace of ours, and
sets no clock.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

from harness import SKIP, Failure, need, netlab


AHEAD_S = 0.125
# Fields of a report that are the same until the next update; its own time is of the moment.
UPDATED = ("id", "stratum", "reference", "last", "frequency", "delay")
LOCAL = "7F7F0101"


def start(lab, space, name, *rows):
    """A chronyd; its socket is in a folder of its own, as in Debian."""
    folder = pathlib.Path(lab.folder, name)
    folder.mkdir(mode=0o750, exist_ok=True)
    config = folder / "chrony.conf"
    config.write_text("\n".join((f"bindcmdaddress {folder}/chronyd.sock",
                                 f"pidfile {folder}/pid", f"driftfile {folder}/drift",
                                 *rows)) + "\n", encoding="utf-8")
    process = lab.start(space, [shutil.which("chronyd"), "-x", "-d", "-u", "root", "-F", "0",
                                "-f", str(config)], name)
    for _ in range(100):
        if (folder / "chronyd.sock").exists():
            return process, str(folder / "chronyd.sock")
        time.sleep(0.05)
    raise Failure(f"{name} does not start: {process.lines}")


def ask(space, program, device, times=1):
    """What our program says: a list of dicts, or of texts that tell of errors."""
    done = subprocess.run(["ip", "netns", "exec", space, program, device, str(times)], text=True,
                          capture_output=True, check=False, timeout=60)
    if done.stderr:
        raise Failure(done.stderr)
    return [dict(field.split("=") for field in line.split()) if "=" in line else line
            for line in done.stdout.splitlines()]


def tracking(space, device):
    """What chronyc says, by the names of our fields."""
    done = subprocess.run(["ip", "netns", "exec", space, "chronyc", "-n", "-c", "-h", device,
                           "tracking"], text=True, capture_output=True, check=False, timeout=30)
    fields = done.stdout.strip().split(",")
    if len(fields) != 14:
        raise Failure(f"chronyc: {done.stdout}{done.stderr}")
    return {"id": fields[0], "stratum": fields[2],
            "reference": None if fields[0] == LOCAL else fields[3],
            "correction": float(fields[4]), "last": fields[5], "frequency": float(fields[7]),
            "delay": float(fields[10]), "dispersion": float(fields[11]), "leap": fields[13]}


def side(space, device):
    """1 if chronyc tells people that the system clock is slow, -1 if it is fast."""
    done = subprocess.run(["ip", "netns", "exec", space, "chronyc", "-n", "-h", device, "tracking"],
                          text=True, capture_output=True, check=False, timeout=30)
    match = re.search(r"System time +: ([0-9.]+) seconds (slow|fast) of NTP time", done.stdout)
    if not match:
        raise Failure(done.stdout + done.stderr)
    if abs(float(match[1]) - AHEAD_S) > 0.01:
        raise Failure(match[0])
    return 1 if match[2] == "slow" else -1


def differences(ours, theirs):
    """What of an answer is not as chronyc says. Offsets decay and bounds grow by the moment."""
    rows = [(name, ours[name], theirs[name], ours[name] == theirs[name])
            for name in ("id", "stratum")]
    for name, want, limit in (("offset", -theirs["correction"], 1e-4),
                              ("frequency", theirs["frequency"], 1e-3),
                              ("bound", theirs["delay"] / 2 + theirs["dispersion"], 1e-3)):
        rows.append((name, ours[name], want, abs(float(ours[name]) - want) <= limit))
    return [f"{name}: {got}, chronyc says {want}" for name, got, want, same in rows if not same]


def compare(space, program, name, device):
    """What we read between two of chronyc's reports that are of the same update is as they say. A
    chronyd that still learns may update in between: then once more."""
    deadline = time.monotonic() + 30
    while True:
        before = tracking(space, device)
        ours = ask(space, program, name)[0]
        after = tracking(space, device)
        if all(before[field] == after[field] for field in UPDATED):
            break
        if time.monotonic() > deadline:
            raise Failure(f"chronyd updates all the time: {before} {after}")
    print(ours, after)
    wrong = differences(ours, after)
    if wrong:
        raise Failure("; ".join(wrong))
    return ours


def expect(got, **want):
    """Fields of one answer."""
    if not isinstance(got, dict):
        raise Failure(got)
    for name, value in want.items():
        if got[name] != value:
            raise Failure(f"{name} is {got[name]}, not {value}")


def case_unsynchronised(lab, program):
    """It knows no time, and says so."""
    space = lab.namespace("a")
    _, device = start(lab, space, "chronyd")
    got = compare(space, program, device, device)
    expect(got, synchronised="0", local="0", stratum="0", leap="0")
    if [name for name in os.listdir(os.path.dirname(device)) if name.startswith("gnomon.")]:
        raise Failure("a socket of ours is left")


def case_local(lab, program):
    """It gives out its own time: nobody vouches for that. By UDP, too."""
    space = lab.namespace("a")
    _, device = start(lab, space, "chronyd", "local stratum 8")
    for name in (device, "127.0.0.1", "[::1]:323", "localhost:323"):
        got = compare(space, program, name, device)
        expect(got, synchronised="0", local="1", stratum="8", id=LOCAL)


def case_synchronised(lab, program):
    """It follows another, and vouches for that."""
    server, client = lab.namespace("a"), lab.namespace("b")
    lab.veth(server, "v0", client, "v0")
    lab.address(server, "v0", "192.0.2.1/24")
    lab.address(client, "v0", "192.0.2.2/24")
    start(lab, server, "server", "local stratum 5", "allow 192.0.2.0/24")
    process, device = start(lab, client, "client",
                            f"server 192.0.2.1 iburst minpoll -2 maxpoll 0 offset {AHEAD_S}")
    if not process.wait_for("Selected source", 30):
        raise Failure(process.lines)
    deadline, got = time.monotonic() + 60, None
    while not got or float(got["bound"]) > 0.02:
        if time.monotonic() > deadline:
            raise Failure(f"the bound does not become small: {got}")
        got = ask(client, program, device, 2)[1]
        expect(got, synchronised="1", local="0", stratum="6", id="C0000201")
    # It was told that the server is so much ahead.
    if abs(float(got["offset"]) + AHEAD_S * side(client, device)) > 0.01:
        raise Failure(f"{got}, where chronyc says {side(client, device)}")
    compare(client, program, device, device)
    compare(client, program, "127.0.0.1", device)


def case_denied(lab, program):
    """Where it is not, where it does not answer, and where we may not go."""
    space = lab.namespace("a")
    start(lab, space, "chronyd", "cmdport 0")
    for device, want in (("127.0.0.1:323", r"error ECONNREFUSED"),
                         (f"{lab.folder}/chronyd/other.sock", r"error ENOENT"),
                         (f"{lab.folder}/nowhere/chronyd.sock", r"refused .*/nowhere/gnomon\.")):
        got = ask(space, program, device)[0]
        if not isinstance(got, str) or not re.match(want, got):
            raise Failure(f"{device}: {got}")


def case_restart(lab, program):
    """It goes and comes again, and what is asked goes on being answered."""
    space = lab.namespace("a")
    process, device = start(lab, space, "chronyd")
    asking = lab.start(space, [program, device, "60"], "ask")
    if not asking.wait_for("synchronised=0", 10):
        raise Failure(asking.lines)
    process.stop()
    count = len(asking.lines)
    if not asking.wait_for(r"error (ENOENT|ECONNREFUSED)", 10, count):
        raise Failure(asking.lines)
    start(lab, space, "chronyd", "local stratum 7")
    if not asking.wait_for("local=1 .*stratum=7", 10, count):
        raise Failure(asking.lines)


CASES = {name[5:]: case for name, case in globals().items() if name.startswith("case_")}


def main():
    """One case."""
    program, case = os.path.abspath(sys.argv[1]), CASES[sys.argv[2]]
    need("chronyd", "chronyc")
    try:
        with netlab.Lab() as lab:
            try:
                case(lab, program)
            except Failure:
                for process in lab.processes:
                    print(f"--- {process.name}:", *process.lines[-20:], sep="\n")
                raise
    except netlab.LabError as error:
        print(f"skip: {error}")
        return SKIP
    except Failure as failure:
        print(f"failed: {failure}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
