#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""gnomond with several time sources: which it follows, and what becomes of its clock without.

    sources.py --gnomond PATH CASE
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "interop"))
from harness import Bench, Failure, expect, main, need, netlab, parse_args, within  # noqa: E402

# Waits of a test of seconds.
WAITS = {"source_settle": "2", "source_recover": "2", "source_revert": "3", "source_dispute": "5"}
HOST = {"log_format": "native", "clientOnly": "1", "soft_clock_offset": "1.5",
        "soft_clock_frequency": "80000", **WAITS}
LAB = {"source_type": "ptp", "source_domain": "24"}


def switch(process, source, seconds, start=0):
    """Wait until that source is followed; returns the number of lines by then."""
    expect(process, rf" source-switch from=\S+ to={source}$", seconds, start)
    return len(process.lines)


def column(process, name, start):
    """Numbers of that name in the lines of updates from start on."""
    found = [re.search(rf" {name}=(-?[\d.]+)", line) for line in process.lines[start:]
             if " sync " in line or " sync-summary " in line]
    return [float(match.group(1)) for match in found if match]


def offsets_within(process, start, limit, what):
    """All offsets told from line start on are small: no step, no chase after a wrong time."""
    rows = column(process, "offset_ns", start) + column(process, "rms_ns", start)
    if not rows:
        raise Failure(f"{what}: no updates")
    within(f"{what}, worst of {len(rows)} offsets in ns", max(map(abs, rows)), 0, limit)


def masters(bench, host, wanted):
    """A cable and a grandmaster for each (name, settings). Returns {name: (interface, process)}."""
    made = {}
    for number, (name, settings) in enumerate(wanted.items(), 1):
        space = bench.namespace(name)
        interface = bench.cable(host, space, number)
        process = bench.start_gnomond(space, [interface], {"serverOnly": "1", **settings}, name)
        made[name] = (interface, process, space)
    return made


def failover(bench):
    """Two grandmasters in two domains: the first dies, and returns."""
    host = bench.namespace("host")
    gms = masters(bench, host, {"one": {}, "two": {"domainNumber": "24"}})
    lab = {**LAB, "source_interfaces": gms["two"][0]}
    receiver = bench.start_gnomond(host, {gms["one"][0]: {}, "source lab": lab},
                                   {**HOST, "ports_priority": "10"}, "host")
    start = switch(receiver, "ports", 15)
    expect(receiver, r" port-state source=lab port=1 .*state=SLAVE", 15)
    time.sleep(3)
    start = len(receiver.lines)
    gms["one"][1].stop(9)
    expect(receiver, r" source-state source=ports state=alarm why=\"no port receives time\"", 5,
           start)
    switch(receiver, "lab", 5, start)
    time.sleep(3)
    offsets_within(receiver, start, 0.3e6, "hand-over to the second")
    start = len(receiver.lines)
    bench.start_gnomond(gms["one"][2], [gms["one"][0]], {"serverOnly": "1"}, "one-again")
    switch(receiver, "ports", 20, start)
    time.sleep(3)
    offsets_within(receiver, start, 0.3e6, "and back")
    if any(" clock-step" in line for line in receiver.lines[start:]):
        raise Failure("the clock was stepped")


def liar(bench):
    """The source with the highest priority lies by a millisecond, stops, and does it again."""
    host = bench.namespace("host")
    gms = masters(bench, host, {"one": {}, "two": {"domainNumber": "24"},
                                "liar": {"domainNumber": "25", "soft_clock_offset": "0.001"}})
    sources = {gms["one"][0]: {}, "source lab": {**LAB, "source_interfaces": gms["two"][0]},
               "source liar": {**LAB, "source_interfaces": gms["liar"][0], "source_domain": "25",
                               "source_priority": "1"}}
    receiver = bench.start_gnomond(host, sources, {**HOST, "ports_priority": "10"}, "host")
    expect(receiver, r" source-state source=liar state=outvoted why=\"-?\d+ ns from 2 others\"", 20)
    switch(receiver, "ports", 20)
    time.sleep(2)
    start = len(receiver.lines)
    time.sleep(2)
    offsets_within(receiver, start, 0.3e6, "beside a liar")
    gms["liar"][1].stop(9)
    domain = {"serverOnly": "1", "domainNumber": "25"}
    honest = bench.start_gnomond(gms["liar"][2], [gms["liar"][0]], domain, "honest")
    start = switch(receiver, "liar", 30, start)
    time.sleep(2)
    offsets_within(receiver, start, 0.3e6, "and behind it")
    honest.stop(9)
    switch(receiver, "ports", 10, start)
    start = len(receiver.lines)
    bench.start_gnomond(gms["liar"][2], [gms["liar"][0]],
                        {**domain, "soft_clock_offset": "-0.001"}, "again")
    expect(receiver, r" source-state source=liar state=outvoted", 20, start)
    time.sleep(4)
    offsets_within(receiver, start, 0.3e6, "beside it once more")
    if any(" source-switch " in line for line in receiver.lines[start:]):
        raise Failure("it was believed")


def shared(bench):
    """Two domains on one interface, which both instances have their sockets on."""
    host, peer = bench.namespace("host"), bench.namespace("peer")
    name = bench.cable(host, peer)
    lab = {**LAB, "source_interfaces": name}
    for transport in ("UDPv4", "L2"):
        both = {"serverOnly": "1", "share_ports": "1", "network_transport": transport}
        one = bench.start_gnomond(peer, [name], both, f"one-{transport}")
        two = bench.start_gnomond(peer, [name], {
            **both, "domainNumber": "24", "clockIdentity": "020000.0000.000024"},
            f"two-{transport}")
        receiver = bench.start_gnomond(host, {name: {}, "source lab": lab}, {
            **HOST, "ports_priority": "10", "network_transport": transport}, f"host-{transport}")
        start = switch(receiver, "ports", 15)
        expect(receiver, r" port-state source=lab port=1 .*state=SLAVE", 15)
        one.stop(9)
        switch(receiver, "lab", 10, start)
        receiver.stop()
        two.stop()


def lost(bench):
    """Of one source alone there is no choice, but holdover."""
    host = bench.namespace("host")
    gms = masters(bench, host, {"one": {}})
    receiver = bench.start_gnomond(host, [gms["one"][0]], HOST, "host")
    expect(receiver, r"state=SLAVE", 15)
    time.sleep(2)
    start = len(receiver.lines)
    gms["one"][1].stop(9)
    expect(receiver, r" warning holdover mode=(free|holdover) frequency_ppb=-[78]\d{4}\.", 5, start)
    bench.start_gnomond(gms["one"][2], [gms["one"][0]], {"serverOnly": "1"}, "one-again")
    expect(receiver, r" notice holdover mode=following .*lasted_s=\d+", 15, start)
    if any(" source-" in line for line in receiver.lines):
        raise Failure("a choice was spoken of")


def settings_of(space, path):
    """What a daemon announces of itself as grandmaster, by linuxptp's own pmc."""
    done = subprocess.run(["ip", "netns", "exec", space, "pmc", "-u", "-b", "0", "-s", path,
                           "-i", f"{path}-pmc", "GET GRANDMASTER_SETTINGS_NP"], text=True,
                          capture_output=True, check=False, timeout=30)
    return dict(re.findall(r"^\s+(\w+)\s+(\S+)$", done.stdout, re.M))


def announces(space, path, seconds, **want):
    """Wait until a daemon announces that."""
    deadline, got = time.monotonic() + seconds, {}
    while any(got.get(name) != value for name, value in want.items()):
        if time.monotonic() > deadline:
            raise Failure(f"announces {got}, not {want}")
        time.sleep(0.2)
        got = settings_of(space, path)
    return got


def chronyd(bench, space, name, *rows):
    """A chronyd that sets no clock; its socket is in a folder of its own."""
    folder = pathlib.Path(bench.folder, name)
    folder.mkdir(mode=0o750)
    config = folder / "chrony.conf"
    config.write_text("\n".join((f"bindcmdaddress {folder}/chronyd.sock", f"pidfile {folder}/pid",
                                 f"driftfile {folder}/drift", *rows)) + "\n", encoding="utf-8")
    process = bench.start(space, [shutil.which("chronyd"), "-x", "-d", "-u", "root", "-F", "0",
                                  "-f", str(config)], name)
    return process, str(folder / "chronyd.sock")


def ntp(bench):
    """A grandmaster by NTP: what it announces with chronyd, and without."""
    need("chronyd", "pmc")
    server, host = bench.namespace("server"), bench.namespace("host")
    name = bench.cable(server, host)
    chronyd(bench, server, "server", "local stratum 5", "allow 192.0.2.0/24")
    client, device = chronyd(bench, host, "client",
                             "server 192.0.2.17 iburst minpoll -2 maxpoll -2")
    source = {"source_type": "ntp", "source_device": device, "source_class": "6",
              "source_interval": "0.25"}
    gm = bench.start_gnomond(host, {name: {}, "source ntp": source}, {
        **HOST, "clientOnly": "0", "serverOnly": "1", "holdover_bound": "1e9"}, "host")
    path = os.path.join(bench.folder, "host")
    got = announces(host, path, 5, clockClass="248", clockAccuracy="0xfe")
    expect(gm, r" sync source=ntp servo=s2 offset_ns=", 40)
    got = announces(host, path, 5, clockClass="6", timeSource="0x50", timeTraceable="1")
    if not 0x21 <= int(got["clockAccuracy"], 16) <= 0x2d:
        raise Failure(f"clockAccuracy {got}")
    start = len(gm.lines)
    time.sleep(2)
    offsets_within(gm, start, 5e6, "by NTP")
    client.stop()
    expect(gm, r" source-error source=ntp text=\"cannot read ", 10, start)
    expect(gm, r" warning holdover mode=(free|holdover)", 10, start)
    announces(host, path, 5, clockClass="7", timeSource="0xa0")


def device_missing(bench):
    """What cannot be read is refused at the start, naming source and device."""
    host, peer = bench.namespace("host"), bench.namespace("peer")
    name = bench.cable(host, peer)
    for kind, device, text in (
            ("phc", "/dev/ptp97", r"source gone: /dev/ptp97: .*"),
            ("pps", "/dev/pps97", r"source gone: /dev/pps97: .*")):
        process = bench.start_gnomond(host, {name: {}, "source gone": {
            "source_type": kind, "source_device": device}}, HOST, kind)
        expect(process, text, 5)
        if process.stop() != 2:
            raise Failure(f"exit {process.child.returncode}")


def killed(bench):
    """What a killed daemon knew, the next one knows."""
    host = bench.namespace("host")
    gms = masters(bench, host, {"one": {}})
    state = os.path.join(bench.folder, "state")
    settings = {**HOST, "state_file": state}
    receiver = bench.start_gnomond(host, [gms["one"][0]], settings, "host")
    expect(receiver, r"state=SLAVE", 15)
    deadline = time.monotonic() + 30
    while not os.path.exists(state):
        if time.monotonic() > deadline:
            raise Failure("no state is written")
        time.sleep(0.1)
    receiver.stop(9)
    again = bench.start_gnomond(host, [gms["one"][0]], settings, "again")
    begun = float(expect(again, r"(\d+\.\d+) info start ", 5).group(1))
    expect(again, r" state-file .*age_s=\d+ frequency_ppb=-[78]\d{4}\.", 5)
    locked = expect(again, r"(\d+\.\d+) notice port-state .*state=SLAVE", 15)
    within("seconds from start to locked", float(locked.group(1)) - begun, 0, 6)
    updates = [line for line in again.lines if " sync " in line]
    if not re.search(r" mean_delay_ns=[1-9]", updates[0]):
        raise Failure(f"the first update waited for a delay: {updates[0]}")
    frequency = float(re.search(r"frequency_ppb=(\S+)", updates[0]).group(1))
    within("frequency of the first update", frequency, -99e3, -60e3)
    if again.stop() != 0:
        raise Failure("did not stop well")


def corrupt(bench):
    """A state file that is none is put aside, and done without."""
    host, peer = bench.namespace("host"), bench.namespace("peer")
    name = bench.cable(host, peer)
    state = pathlib.Path(bench.folder, "state")
    state.write_bytes(b"gnomon-state 1\n\xff\x00nonsense")
    state.chmod(0o600)
    process = bench.start_gnomond(host, [name], {**HOST, "state_file": str(state)}, "host")
    expect(process, rf" warning note text=\"state file {state}: .*moved to state.bad", 5)
    expect(process, r" port-state ", 5)
    if state.exists() or not pathlib.Path(f"{state}.bad").exists():
        raise Failure("it was not put aside")
    process.stop()
    refused = bench.start_gnomond(host, [name], {**HOST, "state_file": "/nowhere/state"}, "refused")
    expect(refused, r"/nowhere", 5)
    if refused.stop() != 2:
        raise Failure(f"exit {refused.child.returncode}")


def steward(bench):
    """A clock that somebody else steers is left to him, whom the refusal names."""
    host = bench.namespace("host")
    path = bench.config("steward", {"clock": "system"}, ["lo"])
    # In a process namespace of their own, where they meet nobody else. The lock of the system clock
    # is there, too.
    process = bench.start(host, [
        "unshare", "--pid", "--fork", "--mount-proc", "bash", "-c",
        "mount -t tmpfs tmpfs /run; "
        f"(exec -a ntpd sleep 30) & sleep 0.2; {bench.gnomond} -f {path} --free_running=0; "
        "echo exit $?; kill %1"], "steward")
    expect(process, r"CLOCK_REALTIME: ntpd \(pid \d+\) steers it already", 5)
    expect(process, r"exit 2", 5)


CASES = {case.__name__: case for case in (failover, liar, shared, lost, ntp, device_missing, killed,
                                          corrupt, steward)}


def test():
    """Run one case."""
    args = parse_args("case")
    need()
    with Bench(args.gnomond) as bench:
        CASES[args.case](bench)


main(test)
