#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The control socket of a running gnomond.

    control.py --gnomond PATH --gnomon PATH CASE
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import threading
import time

import desk
from desk import Failure, expect, wait

NOBODY = 65534


def asked(d, lines):
    """All answers to lines of text."""
    client = desk.connect(d.socket)
    client.sendall(lines)
    client.shutdown(1)
    told = b""
    while True:
        got = client.recv(65536)
        if not got:
            break
        told += got
    client.close()
    return [json.loads(line) for line in told.splitlines()]


def protocol(d):
    """Good and bad requests have one answer each, in their order."""
    d.start()
    hello = d.ask("hello", version=1, client="test")
    expect(hello["version"] == 1 and hello["program"] == "gnomond" and hello["may_change"],
           f"hello: {hello}")
    expect(hello["pid"] == d.daemon.pid, f"pid: {hello}")
    for method in ("clock", "vm.attach", "vm.detach", "vm.list", "vm.status", "subscribe"):
        expect(method in hello["methods"], f"{method} is not in {hello['methods']}")
    cases = [
        (b'{"id":1,"method":"hello"}', None), (b"{", "syntax"), (b"[]", "request"),
        (b'{"id":2}', "request"), (b'{"id":[],"method":"hello"}', "request"),
        (b'{"method":"hello","params":[]}', "request"), (b'{"methods":"hello"}', "request"),
        (b'{"id":3,"method":"helo"}', "method"), (b'{"method":"hello","params":{"x":1}}', "params"),
        (b'{"method":"hello","params":{"version":99}}', "version"),
        (b'{"method":"vm.status","params":{"name":"none"}}', "absent"),
        (b'{"method":"vm.status"}', "params"), (b'{"method":"vm.list","params":{"from":-1}}',
                                                "params"),
        (b'{"method":"vm.attach","params":{"name":"a b"}}', "params"),
        (b'{"method":"vm.attach","params":{"name":"one"}}', "exists"),
        (b'{"method":"vm.attach","params":{"name":"x","way":"magic"}}', "params"),
        (b'{"method":"vm.attach","params":{"name":"x","slott":1}}', "params"),
        (b'{"method":"vm.attach","params":{"name":"x","slot":[1]}}', "params"),
        (b'{"method":"vm.attach","params":{"name":"x","size":33554432}}', "params"),
        (b'{"method":"vm.attach","params":{"name":"x","way":"patch"}}', "params"),
        (b'{"method":"vm.detach","params":{"name":"one"}}', "denied"),
        (b"[" * 4000 + b"]" * 4000, "syntax"), (b'{"method":"\xff"}', "syntax"),
        (b'{"id":"' + b"x" * 65 + b'","method":"hello"}', "request"),
        (b'{"id":"z","method":"hello"}', None),
    ]
    answers = asked(d, b"".join(line + b"\n" for line, _ in cases))
    expect(len(answers) == len(cases), f"{len(answers)} answers to {len(cases)} requests")
    for (line, code), answer in zip(cases, answers):
        got = answer.get("error", {}).get("code")
        expect(got == code, f"{line[:60]}: {answer}")
        if code:
            error = answer["error"]
            expect(error["message"] and "\n" not in error["message"] + error["remedy"],
                   f"{line[:60]}: {answer}")
    expect([a["id"] for a in answers[:1] + answers[-1:]] == [1, "z"], "ids")
    expect(d.daemon.poll() is None, "the daemon died")


def clock(d):
    """The clock's readings beside the counter lie on a line."""
    d.start()
    client = desk.Client(d.socket)
    readings = []
    for _ in range(20):
        answer = client.call("clock")
        if "error" in answer and "counter" in answer["error"]["message"]:
            print(f"SKIP: {answer['error']['message']}")
            sys.exit(77)
        readings.append(answer["result"])
        time.sleep(0.02)
    first, last = readings[0], readings[-1]

    def ns(reading):
        return (reading["time_sec"] - first["time_sec"]) * 10**9 + reading["time_nsec"]

    rate = (ns(last) - ns(first)) / (last["counter"] - first["counter"])
    for reading in readings:
        line = ns(first) + (reading["counter"] - first["counter"]) * rate
        slack = first["half_window_ns"] + last["half_window_ns"] + reading["half_window_ns"] + 200
        expect(abs(ns(reading) - line) < slack, f"{ns(reading) - line} ns off the line: {reading}")
        expect(reading["status"] == "synchronized", f"{reading}")


def guests(d):
    """Attached guests are listed, remembered, and gone when detached."""
    d.start()
    for i in range(70):
        d.ask("vm.attach", name=f"g{i}", counter="host", page=d.path(f"page-g{i}"))
    page = d.ask("vm.list")
    expect(page["count"] == 71 and len(page["guests"]) == 32 and page["next"] == 32,
           f"{page['count']} {len(page['guests'])} {page['next']}")
    names, more = {g["name"] for g in page["guests"]}, page["next"]
    while more:
        page = d.ask("vm.list", **{"from": more})
        names, more = names | {g["name"] for g in page["guests"]}, page["next"]
    expect(d.ask("vm.list", **{"from": 71})["guests"] == [], "beyond the end")
    expect(names == {"one"} | {f"g{i}" for i in range(70)}, f"{names}")
    for i in range(1, 70):
        d.ask("vm.detach", name=f"g{i}")
    before = d.ask("vm.status", name="g0")
    expect(before["dynamic"] and before["map"] == "host", f"{before}")
    d.stop(9)
    expect(os.path.exists(d.socket), "a killed daemon removed its socket")
    start_over(d)
    after = d.ask("vm.status", name="g0")
    expect(after["page"] == before["page"] and after["dynamic"], f"{after}")
    d.ask("vm.detach", name="g0")
    expect(d.ask("vm.list")["count"] == 1, "g0 is still there")
    expect(not os.path.exists(d.path("page-g0")), "its page is still there")


def start_over(d):
    """Start again where a socket was left behind, and wait for the new one."""
    with open(d.path("log"), "a", encoding="utf-8") as log:
        d.daemon = subprocess.Popen(  # pylint: disable=consider-using-with
            [d.gnomond, "-f", d.path("conf")], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def listens():
        try:
            return desk.Client(d.socket)
        except OSError:
            return False

    wait(listens, 10, "gnomond does not listen again").close()


def flood(path, stop):
    """Ask without pause, and never read."""
    request = b'{"method":"vm.list"}\n' * 100
    while not stop.is_set():
        try:
            client = desk.connect(path)
            client.settimeout(0.2)
            while not stop.is_set():
                client.sendall(request)
        except OSError:
            time.sleep(0.01)


def greedy(path, stop):
    """Ask without pause, and read."""
    while not stop.is_set():
        try:
            client = desk.Client(path)
            while not stop.is_set():
                client.call("vm.status", name="one")
        except (OSError, TypeError, ValueError):
            time.sleep(0.01)


def halves(path, stop):
    """Say half a line and nothing more, or go in the middle of an answer."""
    while not stop.is_set():
        try:
            held = [desk.connect(path) for _ in range(3)]
            for client in held:
                client.sendall(b'{"method":"vm.list","params":{')
            held[0].sendall(b"x" * 20000)
            time.sleep(0.05)
            for client in held:
                client.close()
        except OSError:
            time.sleep(0.01)


def stuck(d):
    """Clients that do not read, do not end or ask too much: the loop goes on as without them."""
    d.start()
    stop = threading.Event()
    threads = [threading.Thread(target=client, args=(d.socket, stop), daemon=True)
               for client in (flood, flood, flood, greedy, greedy, halves, halves)]
    gaps, last, count = [], time.monotonic(), 0
    seq = desk.page_of(d.path("page-one")).seq
    for thread in threads:
        thread.start()
    end = time.monotonic() + 5
    while time.monotonic() < end:
        time.sleep(0.001)
        now, page = time.monotonic(), desk.page_of(d.path("page-one"))
        if page.seq != seq:
            gaps.append(now - last)
            last, seq, count = now, page.seq, count + 1
    stop.set()
    for thread in threads:
        thread.join(15)
    # A loop that waited for any of them would wait for ever.
    expect(count > 50 and max(gaps) < 2, f"{count} publications, largest gap {max(gaps):.3f} s")
    print(f"{count} publications in 5 s of 10 ms each, largest gap {1e3 * max(gaps):.1f} ms")
    wait(lambda: len(d.ask("vm.list")["guests"]) == 1, 10, "no answer afterwards")
    expect(d.daemon.poll() is None, "the daemon died")


def places(d):
    """Several daemons: one has the socket, another says that it does without."""
    d.start()
    second = d.path("second.conf")
    text = pathlib.Path(d.path("conf")).read_text(encoding="utf-8")
    text = text.replace(d.path("run"), d.path("run2")).replace(d.path("page-one"), d.path("two"))
    pathlib.Path(second).write_text(text, encoding="utf-8")
    done = subprocess.run([d.gnomond, "-f", second], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=20, check=False)
    expect(done.returncode == 2 and "another program answers there" in done.stderr,
           f"{done.returncode}: {done.stderr}")
    expect(d.ask("hello")["pid"] == d.daemon.pid, "the first one lost its socket")
    for name, words in (("control_socket_group no-such-group", "control_socket_group"),
                        ("control_socket_mode 1777", "control_socket_mode")):
        pathlib.Path(second).write_text(text.replace("[guest", f"{name}\n[guest", 1),
                                        encoding="utf-8")
        done = subprocess.run([d.gnomond, "-f", second], stdin=subprocess.DEVNULL, timeout=20,
                              capture_output=True, text=True, check=False)
        expect(done.returncode in (1, 2) and words in done.stderr, f"{name}: {done.stderr}")
    os.mkdir(d.path("folder"))
    pathlib.Path(second).write_text(text.replace(d.socket, d.path("folder")), encoding="utf-8")
    done = subprocess.run([d.gnomond, "-f", second], stdin=subprocess.DEVNULL, timeout=20,
                          capture_output=True, text=True, check=False)
    expect(done.returncode == 2 and "no socket" in done.stderr, f"folder: {done.stderr}")


def rights(d):
    """Who only may connect asks and changes nothing."""
    if os.geteuid() != 0:
        print("SKIP: needs root")
        sys.exit(77)
    d.start({"control_socket_mode": "0666"})
    expect(os.stat(d.socket).st_mode & 0o777 == 0o666, "the mode of the socket")
    script = ("import sys; sys.path[:0] = [%r]; import os, desk\n"
              "os.setgroups([%s]); os.setgid(%d); os.setuid(%d)\n"
              "c = desk.Client(%r)\n"
              "print([c.call('hello')['result']['may_change']]\n"
              "      + [c.call(m, **p).get('error', {}).get('code') for m, p in (\n"
              "          ('vm.list', {}), ('vm.attach', {'name': 'x', 'counter': 'host'}),\n"
              "          ('vm.attach', {'name': 'y', 'page': '/dev/shm/y'}),\n"
              "          ('vm.detach', {'name': 'x'}))])\n")

    def as_nobody(groups):
        done = subprocess.run(
            [sys.executable, "-c", script % (str(pathlib.Path(__file__).parent), groups, NOBODY,
                                             NOBODY, d.socket)],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=30)
        return done.stdout.strip() or done.stderr

    told = as_nobody("")
    expect(told == "[False, None, 'denied', 'denied', 'denied']", told)
    d.stop()
    d.start({"control_socket_mode": "0660", "control_socket_group": "daemon"})
    daemon_group = os.stat(d.socket).st_gid
    told = as_nobody(str(daemon_group))
    expect(told == "[True, None, None, 'denied', None]", told)
    told = as_nobody("")
    expect("PermissionError" in told, told)


CASES = {case.__name__: case for case in (protocol, clock, guests, stuck, places, rights)}


def main():
    """Run one case."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--gnomond", required=True, type=os.path.abspath)
    parser.add_argument("case", choices=CASES)
    args = parser.parse_args()
    try:
        with desk.Desk(args.gnomond) as d:
            CASES[args.case](d)
    except Failure as failure:
        print(f"{args.case}: {failure}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
