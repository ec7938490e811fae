#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""CPU time and memory of gnomond beside linuxptp's ptp4l, in one run.

Two pairs of daemons run at the same time over veth with software timestamps, one pair of each
program: a timeTransmitter and a timeReceiver (ptp4l's only measures, so that it leaves the system
clock alone; gnomond's keeps a soft clock). Everything they print is read. Whole-process figures
from /proc; compare the columns of one run. Resident sets differ by 100 KiB from start to start, so
daemons can be started several times; then every figure is the median.

    daemon.py GNOMOND [--seconds N] [--starts N] [--rates 0,-7] [--ptp4l PATH] [--json FILE]
"""

import argparse
import json
import os
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "scripts"))
import netlab  # pylint: disable=wrong-import-position

SETTLE = 12  # seconds until roles are taken and clocks locked
MEASURED = ("cpu_s_per_min", "rss_kib", "anonymous_kib", "lines")


def cpu(pid):
    """CPU seconds a process has used."""
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
        return int(file.read().split()[0]) * 1e-9


def memory(pid):
    """Resident set in KiB: all of it, and the part that is not shared with files."""
    rows = {}
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        for line in file:
            name, _, value = line.partition(":")
            rows[name] = value.split()
    return int(rows["VmRSS"][0]), int(rows["RssAnon"][0])


def command(program, kind, role, rate):
    """The command line of one daemon."""
    argv = [program, "-i", "v0", "-S", "-m", "-q", f"--logSyncInterval={rate}",
            f"--logMinDelayReqInterval={rate}", "--logAnnounceInterval=0"]
    if role == "timeReceiver":
        argv.append("-s")
    else:
        argv.append("--priority1=10")
    if kind == "gnomond":
        argv.append("--clock=soft")
    elif role == "timeReceiver":
        argv.append("--free_running=1")
    return argv


def measure(programs, rate, seconds):
    """One row for each program and role at one rate, of one start."""
    with netlab.Lab() as lab:
        return measure_in(lab, programs, rate, seconds)


def measure_in(lab, programs, rate, seconds):
    """The same, in namespaces that are there until the end."""
    running = []
    for kind, program in programs.items():
        tag = f"{kind[0]}{-rate}"
        one, two = lab.namespace(tag + "t"), lab.namespace(tag + "r")
        lab.veth(one, "v0", two, "v0")
        lab.address(one, "v0", "10.77.0.1/24")
        lab.address(two, "v0", "10.77.0.2/24")
        for space, role in ((one, "timeTransmitter"), (two, "timeReceiver")):
            process = lab.start(space, command(program, kind, role, rate), name=f"{kind}-{role}")
            running.append((kind, role, process))
    time.sleep(SETTLE)
    before = [cpu(process.child.pid) for _, _, process in running]
    lines = [len(process.lines) for _, _, process in running]
    time.sleep(seconds)
    rows = []
    for (kind, role, process), was, printed in zip(running, before, lines):
        if not process.running():
            sys.exit(f"bench: {process.name} ended:\n" + "\n".join(process.lines[-5:]))
        used = cpu(process.child.pid) - was
        total, anonymous = memory(process.child.pid)
        rows.append({"program": kind, "role": role, "syncs_per_s": 2 ** -rate,
                     "cpu_s_per_min": used / seconds * 60, "rss_kib": total,
                     "anonymous_kib": anonymous, "lines": len(process.lines) - printed})
        process.stop()
    return rows


def medians(starts):
    """The row of medians of each place in several starts' rows."""
    return [{name: statistics.median(row[name] for row in same) if name in MEASURED else value
             for name, value in same[0].items()} for same in zip(*starts)]


def show(rows):
    """The table, each gnomond beside the ptp4l of its role and rate."""
    print(f"{'role':16} {'Sync/s':>6}  {'CPU s/min':>21}  {'ratio':>6}  {'RSS KiB':>13}  "
          f"{'ratio':>6}  {'not shared':>11}")
    print(f"{'':16} {'':6}  {'gnomond':>10} {'ptp4l':>10}  {'':6}  {'gnomond':>7} {'ptp4l':>5}")
    other = {(r["role"], r["syncs_per_s"]): r for r in rows if r["program"] == "ptp4l"}
    for row in rows:
        peer = other[row["role"], row["syncs_per_s"]]
        if row is peer:
            continue
        print(f"{row['role']:16} {row['syncs_per_s']:6g}  {row['cpu_s_per_min']:10.4f} "
              f"{peer['cpu_s_per_min']:10.4f}  {row['cpu_s_per_min'] / peer['cpu_s_per_min']:6.2f}"
              f"  {row['rss_kib']:7.0f} {peer['rss_kib']:5.0f}  "
              f"{row['rss_kib'] / peer['rss_kib']:6.2f}  {row['anonymous_kib']:5.0f} "
              f"{peer['anonymous_kib']:5.0f}")


def main():
    """The program."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("gnomond")
    parser.add_argument("--ptp4l", default="/usr/sbin/ptp4l")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--starts", type=int, default=1, help="starts of each, default 1")
    parser.add_argument("--rates", default="0,-7", help="logSyncIntervals, default 0,-7")
    parser.add_argument("--json", help="write the rows to this file")
    options = parser.parse_args()
    reason = netlab.why_not()
    if reason:
        sys.exit(f"bench: {reason}")
    programs = {"gnomond": os.path.abspath(options.gnomond), "ptp4l": options.ptp4l}
    rows = []
    for rate in (int(text) for text in options.rates.split(",")):
        rows += medians([measure(programs, rate, options.seconds)
                         for _ in range(options.starts)])
    show(rows)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(rows, file, indent=1)


if __name__ == "__main__":
    main()
