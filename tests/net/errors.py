#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Bad input to gnomond: one line that says what, where and what to do; exit 1 for usage and
configuration, 2 for what the system refuses; nothing changed on the system.

    errors.py --gnomond PATH config     what needs no network
    errors.py --gnomond PATH system     what needs root and a namespace
"""

import argparse
import ctypes
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))
import netlab  # noqa: E402  pylint: disable=wrong-import-position

NOBODY = 65534
EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"
PYTHON_BIND = """
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 319))
print("bound", flush=True)
time.sleep(60)
"""

# Name: (configuration, arguments, exit status, words of the line). {file} is the configuration's
# path. Software time stamps and a soft clock, where a case is about something else.
CONFIG = {
    "unknown key": ("[global]\npriorty1 5\n", ["-f", "{file}", "-i", "v0"], 1,
                    ["{file}:2", "priorty1"]),
    "unknown option": (None, ["--priorty1=5", "-i", "v0"], 1, ["priorty1"]),
    "unknown letter": (None, ["-Z", "-i", "v0"], 1, ["-Z"]),
    "value out of range": ("[global]\n\npriority1 256\n", ["-f", "{file}", "-i", "v0"], 1,
                           ["{file}:3", "priority1", "256", "255"]),
    "value not a number": ("[global]\nlogSyncInterval fast\n", ["-f", "{file}", "-i", "v0"], 1,
                           ["{file}:2", "logSyncInterval", "fast"]),
    "value not in the list": (None, ["--network_transport=UDPv5", "-i", "v0"], 1,
                              ["network_transport", "UDPv5", "UDPv4"]),
    "value of a later capability": ("[global]\nclock_type P2P_TC\n", ["-f", "{file}", "-i", "v0"],
                                    1, ["{file}:2", "clock_type", "not supported yet"]),
    "option without value": (None, ["-i"], 1, ["-i"]),
    "no interface": (None, [], 1, ["interface"]),
    "duplicate interface": (None, ["-i", "v0", "-i", "v0"], 1, ["v0", "twice"]),
    "no such file": (None, ["-f", "/nonexistent/gnomon.conf", "-i", "v0"], 1,
                     ["/nonexistent/gnomon.conf"]),
    "a folder for a file": (None, ["-f", "/tmp", "-i", "v0"], 1, ["/tmp"]),
    "no section": ("priority1 5\n", ["-f", "{file}", "-i", "v0"], 1, ["{file}:1"]),
    "line without value": ("[global]\npriority1\n", ["-f", "{file}", "-i", "v0"], 1,
                           ["{file}:2", "priority1"]),
    "key without effect": (None, ["--check-config", "--fault_badpeernet_interval=8", "-i", "v0"],
                           0, ["good", "without effect: fault_badpeernet_interval"]),
    "interval no clock can keep": (None, ["--check-config", "--logSyncInterval=-11",
                                          "--logAnnounceInterval=34", "--freq_est_interval=33",
                                          "-i", "v0"],
                                   0, ["good", "2^33 s: logAnnounceInterval logSyncInterval\n"]),
    "interval out of range": (None, ["--logSyncInterval=128", "-i", "v0"], 1,
                              ["logSyncInterval", "128", "-128 to 127"]),
    "key of a later capability": (None, ["--slave_event_monitor=/run/x", "-i", "v0"], 1,
                                  ["slave_event_monitor", "not supported yet"]),
    "description with too few parts": (None, ["--productDescription=x", "-i", "v0"], 1,
                                       ["productDescription", "2 semicolons"]),
    "description too long": (None, ["--userDescription=" + 129 * "x", "-i", "v0"], 1,
                             ["userDescription", "129", "128"]),
    "example": (None, ["--check-config", "-f", str(EXAMPLES / "several-sources.conf")], 0,
                ["good, 1 port, 3 sources, 2 syncs\n"]),
    "example of one daemon": (None, ["--check-config", "-f", str(EXAMPLES / "one-daemon.conf")],
                              0, ["good, 2 ports, 0 sources, 2 syncs\n"]),
    "source without a type": ("[v0]\n[source a]\nsource_priority 1\n", ["-f", "{file}"], 1,
                              ["{file}:2", "source a", "source_type"]),
    "source that is the ports": ("[v0]\n[source a]\nsource_type ptp\nsource_interfaces v0\n",
                                 ["-f", "{file}"], 1, ["{file}:2", "source a", "v0", "domain 0"]),
    "key of a section as an option": (None, ["--source_type=ptp", "-i", "v0"], 1,
                                      ["--source_type", "[source NAME]"]),
    "sync that keeps the kept clock": ("[v0]\n[sync a]\nsync_sink kept\n", ["-f", "{file}"], 1,
                                       ["{file}:2", "sync a", "kept"]),
    "syncs in a loop": ("[v0]\n[sync a]\nsync_sink x\nsync_source y\n[sync b]\nsync_sink y\n"
                        "sync_source x\n", ["-f", "{file}"], 1, ["{file}:2", "sync a", "loop"]),
    "binary file": ("[global]\n\x01\x02\n", ["-f", "{file}", "-i", "v0"], 1, ["{file}:2"]),
}
SOFT = ["-S", "--clock=soft"]
SYSTEM = {
    "missing interface": (None, [*SOFT, "-i", "eth77"], 2, ["eth77"]),
    "missing interface with L2": (None, [*SOFT, "-2", "-i", "eth77"], 2, ["eth77"]),
    "no hardware time stamps": (None, ["-H", "-i", "v0"], 2, ["v0", "time_stamping software"]),
    "port in use": (None, [*SOFT, "-i", "v0"], 2, ["319"]),
}
UNPRIVILEGED = {
    "no permission for the ports": (None, [*SOFT, "-i", "v0"], 2, ["v0"]),
    "no permission for frames": (None, [*SOFT, "-2", "-i", "v0"], 2, ["v0"]),
    "no permission to change user": (None, [*SOFT, "-i", "v0", "--user=root", "--event_port=31900",
                                            "--general_port=32000"], 2, ["root", "CAP_SETUID"]),
}
UNREADABLE = {
    "unreadable file": ("[global]\n", ["-f", "{file}", "-i", "v0"], 1, ["{file}"]),
}


def system_clock():
    """Frequency and status of the system clock, as adjtimex(2) tells."""
    state = (ctypes.c_long * 32)()
    ctypes.CDLL(None, use_errno=True).adjtimex(state)
    return state[2], ctypes.cast(ctypes.byref(state, 5 * 8), ctypes.POINTER(ctypes.c_int))[0]


def run(args, before, folder, argv, status, words):
    """What is wrong with how gnomond takes one case."""
    path = os.path.join(folder, "gnomon.conf")
    argv = [part.replace("{file}", path) for part in argv]
    clock = system_clock()
    try:
        done = subprocess.run([*before, args.gnomond, *argv], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=10, check=False)
    except subprocess.TimeoutExpired:
        return [f"still runs after 10 s: {argv}"]
    found = []
    if done.returncode != status:
        found.append(f"exit {done.returncode}, not {status}")
    lines = (done.stderr + done.stdout).splitlines()
    if len(lines) != 1:
        found.append(f"{len(lines)} lines, not one")
    told = done.stderr if status else done.stdout
    found += [f"does not name {word!r}" for word in (w.replace("{file}", path) for w in words)
              if word not in told]
    if system_clock() != clock:
        found.append("the system clock was changed")
    print(f"   {(lines or ['(nothing)'])[0]}")
    return found + [f"it says: {line}" for line in lines] if found else []


def run_all(args, cases, before, folder):
    """Run a table of cases; the number of those that go wrong."""
    failed = 0
    for name, (text, argv, status, words) in cases.items():
        path = pathlib.Path(folder, "gnomon.conf")
        path.write_text(text or "", encoding="utf-8")
        path.chmod(0o600 if cases is UNREADABLE else 0o644)
        print(name)
        for problem in run(args, before, folder, argv, status, words):
            print(f"   FAILED: {problem}")
            failed = failed + 1
    return failed


def system(args):
    """The cases that need a namespace and root."""
    reason = netlab.why_not()
    if reason:
        print(f"skip: {reason}")
        sys.exit(77)
    with netlab.Lab() as lab:
        os.chmod(lab.folder, 0o755)
        space, other = lab.namespace("a"), lab.namespace("b")
        lab.veth(space, "v0", other, "v0")
        lab.address(space, "v0", "192.0.2.1/24")
        inside = ["ip", "netns", "exec", space]
        drop = [*inside, "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        cases = dict(SYSTEM)
        taken = {"port in use": cases.pop("port in use")}
        failed = run_all(args, cases, inside, lab.folder)
        failed += run_all(args, UNPRIVILEGED, drop, lab.folder)
        failed += run_all(args, UNREADABLE, drop, lab.folder)
        holder = lab.start(space, [sys.executable, "-c", PYTHON_BIND])
        if holder.wait_for("bound", 10) is None:
            print("FAILED: the port cannot be taken")
            return failed + 1
        return failed + run_all(args, taken, inside, lab.folder)


def main():
    """Run one group of cases."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--gnomond", required=True, type=os.path.abspath)
    parser.add_argument("group", choices=("config", "system"))
    args = parser.parse_args()
    if args.group == "system":
        failed = system(args)
    else:
        with netlab.tempfile.TemporaryDirectory(prefix="gnomon-") as folder:
            failed = run_all(args, CONFIG, [], folder)
    sys.exit(1 if failed else 0)


main()
