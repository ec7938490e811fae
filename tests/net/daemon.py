#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""gnomond with gnomond on a cable, and what happens to a daemon in its life.

    daemon.py --gnomond PATH CASE
"""

import ctypes
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "interop"))
from harness import (Bench, Failure, expect, main, need, netlab,  # noqa: E402
                     parse_args, settled, within)

OFF = {"soft_clock_offset": "1.5", "soft_clock_frequency": "80000", "clientOnly": "1"}
LOCKED = r"UNCALIBRATED to SLAVE on MASTER_CLOCK_SELECTED"
NOBODY = 65534


def two(bench):
    """Two namespaces and the cable between them."""
    left, right = bench.namespace("left"), bench.namespace("right")
    return left, right, bench.cable(left, right)


def lock(bench, settings=None):
    """A grandmaster and a locked receiver, with their namespaces."""
    left, right, name = two(bench)
    master = bench.start_gnomond(left, [name], {"priority1": "100", **(settings or {})}, "master")
    receiver = bench.start_gnomond(right, [name], {**OFF, **(settings or {})}, "receiver")
    expect(receiver, LOCKED, 15)
    settled(receiver, 16)
    return left, right, master, receiver


def system_clock():
    """Frequency and status of the system clock."""
    state = (ctypes.c_long * 32)()
    ctypes.CDLL(None, use_errno=True).adjtimex(state)
    return state[2], ctypes.c_int.from_buffer(state, 40).value


def follows(bench):
    """A receiver follows, the system clock is left alone, SIGTERM and SIGINT end it well."""
    before = system_clock()
    _, _, master, receiver = lock(bench)
    offset, frequency, delay = settled(receiver)
    within("offset ns", offset, -0.1e6, 0.1e6)
    within("frequency ppb", frequency, 70e3, 90e3)  # both clocks are made of one oscillator
    within("delay ns", delay, -0.05e6, 1e6)
    statuses = (receiver.stop(signal.SIGTERM), master.stop(signal.SIGINT))
    if statuses != (0, 0):
        raise Failure(f"exit statuses {statuses}")
    if system_clock() != before:
        raise Failure(f"the system clock was {before}, is {system_clock()}")


def linreg(bench):
    """The other servo: locks, and finds the frequency."""
    receiver = lock(bench, {"clock_servo": "linreg"})[3]
    offset, frequency, _ = settled(receiver)
    within("offset ns", offset, -0.1e6, 0.1e6)
    within("frequency ppb", frequency, 70e3, 90e3)


def nullf(bench):
    """A clock that is right but for its time is stepped once, and its frequency stays as it is."""
    left, right, name = two(bench)
    bench.start_gnomond(left, [name], {"priority1": "100"}, "master")
    receiver = bench.start_gnomond(right, [name], {
        "clock_servo": "nullf", "soft_clock_offset": "1.5", "clientOnly": "1",
        "step_threshold": "0.005"}, "receiver")
    expect(receiver, LOCKED, 15)
    offset, frequency, _ = settled(receiver)
    within("offset ns", offset, -5e6, 5e6)
    within("frequency ppb", frequency, 0, 0)


def link(bench):
    """A cable pulled and plugged in again costs nothing but the time between."""
    _, right, _, receiver = lock(bench)
    mark = len(receiver.lines)
    netlab.ip("-n", right, "link", "set", "v1", "down")
    expect(receiver, r"port 1.*: (link down|SLAVE to )", 5, mark)
    mark = len(receiver.lines)
    netlab.ip("-n", right, "link", "set", "v1", "up")
    expect(receiver, LOCKED, 15, mark)
    settled(receiver, 16)
    within("offset ns", settled(receiver)[0], -0.1e6, 0.1e6)


def killed(bench):
    """A grandmaster that dies and comes back is followed again."""
    left, _, master, receiver = lock(bench)
    mark = len(receiver.lines)
    master.stop(signal.SIGKILL)
    expect(receiver, r"SLAVE to LISTENING on ANNOUNCE_RECEIPT_TIMEOUT_EXPIRES", 5, mark)
    mark = len(receiver.lines)
    bench.start_gnomond(left, ["v1"], {"priority1": "100"}, "master-again")
    expect(receiver, LOCKED, 15, mark)
    settled(receiver, 16)


def unprivileged(bench):
    """Soft clocks and high ports need no privilege at all."""
    shutil.chown(bench.folder, NOBODY)
    os.chmod(bench.folder, 0o755)
    left, right, name = two(bench)
    processes = []
    for space, settings in ((left, {"priority1": "100"}), (right, OFF)):
        path = bench.config(space, {
            "time_stamping": "software", "clock": "soft", "log_format": "ptp4l", "verbose": "1",
            "logAnnounceInterval": "-2", "logSyncInterval": "-3", "logMinDelayReqInterval": "-3",
            "summary_interval": "-4", "pi_proportional_scale": "0.7", "pi_integral_scale": "0.3",
            "event_port": "20319", "general_port": "20320", **settings}, [name])
        os.chmod(path, 0o644)
        processes.append(bench.start(space, [
            "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
            "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs", bench.gnomond, "-f", path],
            space))
    expect(processes[1], LOCKED, 15)
    settled(processes[1], 16)


def notify(bench):
    """The service manager hears when it is ready, that it is alive, and that it stops."""
    left, _, name = two(bench)
    path = os.path.join(bench.folder, "notify")
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(path)
    manager.settimeout(5)
    config = bench.config("notify", {"clock": "soft", "time_stamping": "software"}, [name])
    process = bench.start(left, ["env", f"NOTIFY_SOCKET={path}", "WATCHDOG_USEC=400000",
                                 bench.gnomond, "-f", config])
    heard = ""
    while not ("READY=1" in heard and heard.count("WATCHDOG=1") >= 3):
        heard += manager.recv(4096).decode() + "\n"
    process.child.send_signal(signal.SIGTERM)
    while "STOPPING=1" not in heard:
        heard += manager.recv(4096).decode() + "\n"
    if process.stop() != 0:
        raise Failure(f"exit {process.child.returncode}")
    manager.close()


def formats(bench):
    """Every line of the JSON format is an object with the same head; native lines are pairs."""
    left, right, name = two(bench)
    fast = {"logAnnounceInterval": "-2", "logSyncInterval": "-3", "time_stamping": "software",
            "clock": "soft"}
    settings = {"json": {**fast, "priority1": "100", "log_format": "json"},
                "native": {**fast, "clientOnly": "1"}}
    processes = {}
    for space, form in ((left, "json"), (right, "native")):
        path = bench.config(form, settings[form], [name])
        processes[form] = bench.start(space, [bench.gnomond, "-f", path], form)
    expect(processes["native"], r" port-state .*state=UNCALIBRATED", 15)
    processes["native"].child.send_signal(signal.SIGUSR1)
    expect(processes["native"], r" counters port=1 .*rx=[1-9]", 5)
    for process in processes.values():
        process.stop()
    rows = [json.loads(line) for line in processes["json"].lines]
    for row in rows:
        if not {"time", "program", "pid", "level", "event"} <= set(row):
            raise Failure(f"lacks a head: {row}")
    if {"start", "port", "port-state", "stop"} - {row["event"] for row in rows}:
        raise Failure(f"events: {[row['event'] for row in rows]}")
    pair = r'[a-z0-9_-]+=("(\\.|[^"\\])*"|[^ "]*)'
    for line in processes["native"].lines:
        if not re.fullmatch(rf"gnomond\[\d+\]: \d+\.\d{{3}} \w+ [a-z-]+( {pair})*", line):
            raise Failure(f"not a native line: {line}")


def unsent(bench):
    """What cannot be sent is told once for as long as it lasts, and lost with no other word."""
    left, _, name = two(bench)
    path = bench.config("unsent", {
        "clock": "soft", "serverOnly": "1", "network_transport": "UDPv6",
        "logAnnounceInterval": "-1", "logSyncInterval": "-2"}, [name])
    process = bench.start(left, [bench.gnomond, "-f", path], "unsent")
    expect(process, r"state=MASTER", 15)
    disable = ["ip", "netns", "exec", left, "sysctl", "-qw"]
    subprocess.run([*disable, f"net.ipv6.conf.{name}.disable_ipv6=1"], check=True)
    expect(process, r"error send-failed .*Network is unreachable", 5)
    time.sleep(3)
    process.stop()
    text = "\n".join(process.lines)
    if text.count("Network is unreachable") > 2 or "tx-timestamp-lost" in text:
        raise Failure(f"said too often:\n{text}")
    if not re.search(r" counters .*tx_timestamp_lost=[1-9]", text):
        raise Failure(f"not counted:\n{text}")


def stamps(bench):
    """Ports stamp as each can, and say so; what a port asks for by name it must get."""
    left, right, name = two(bench)
    other = bench.cable(left, right, 2)
    path = bench.config("stamps", {"time_stamping": "auto", "clock": "soft"},
                        {name: {}, other: {"time_stamping": "software"}})
    process = bench.start(left, [bench.gnomond, "-f", path], "stamps")
    expect(process, r" start .*clock=soft time_stamping=software ", 5)
    expect(process, rf" port port=1 interface={name} .*time_stamping=software why=", 5)
    expect(process, rf" port port=2 interface={other} .*time_stamping=software$", 5)
    process.stop()
    path = bench.config("refused", {}, {name: {}, other: {"time_stamping": "hardware"}})
    process = bench.start(left, [bench.gnomond, "-f", path], "refused")
    expect(process, rf"gnomond: {other}: no hardware time stamping of sent packets", 5)


def loopback(bench):
    """An interface without an address of its own will do; the clock gets an identity."""
    space = bench.namespace("lonely")
    netlab.ip("-n", space, "link", "set", "lo", "up")
    identities = set()
    for number in range(2):
        path = bench.config(f"lo{number}", {"clock": "soft"}, ["lo"])
        process = bench.start(space, [bench.gnomond, "-f", path], f"lo{number}")
        line = expect(process, r" start .*identity=([0-9a-f.]+)", 5)
        expect(process, r" note text=\"lo has no hardware address", 5)
        identities.add(line.group(1))
        if process.stop() != 0:
            raise Failure("did not stop well")
    if len(identities) != 2 or not all(int(i[:2], 16) & 3 == 2 for i in identities):
        raise Failure(f"identities {identities}")


CASES = {case.__name__: case for case in (follows, linreg, nullf, link, killed, unprivileged,
                                          notify, formats, unsent, stamps, loopback)}


def test():
    """Run one case."""
    args = parse_args("case")
    need("setpriv")
    with Bench(args.gnomond) as bench:
        CASES[args.case](bench)


main(test)
