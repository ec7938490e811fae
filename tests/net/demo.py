#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The demo locks both clocks, and whatever ends it, nothing stays behind.

    demo.py --gnomond PATH
"""

import argparse
import glob
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "scripts"
sys.path.insert(0, str(SCRIPTS))
import netlab  # noqa: E402  pylint: disable=wrong-import-position

LOCK_SECONDS = 20
FAILED = []


def fail(text):
    """Note a failure."""
    print(f"FAILED: {text}")
    FAILED.append(text)


def start(gnomond, *options, stderr=subprocess.STDOUT):
    """Start the demo with its output to a pipe."""
    return subprocess.Popen(  # pylint: disable=consider-using-with
        [sys.executable, str(SCRIPTS / "demo.py"), "--gnomond", gnomond, *options],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, text=True)


def daemons(pid):
    """Processes that run with a configuration file of the demo of that process id."""
    found = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            command = pathlib.Path(path).read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if f"/gnomon-{pid}-" in command:
            found.append(command)
    return found


def leftovers(pid):
    """What a demo of that process id left behind: namespaces, folders, processes."""
    spaces = [row for row in netlab.ip("netns", "list").splitlines()
              if row.startswith(f"{netlab.PREFIX}{pid}-")]
    folders = glob.glob(os.path.join(tempfile.gettempdir(), f"gnomon-{pid}-*"))
    return spaces + folders + daemons(pid)


def wait_until_running(pid):
    """Wait until all three daemons are there."""
    deadline = time.monotonic() + 10
    while len(daemons(pid)) < 3 and time.monotonic() < deadline:
        time.sleep(0.1)


def locks(gnomond):
    """It locks, says so, exits 0."""
    demo = start(gnomond, "--duration", str(LOCK_SECONDS))
    output = demo.communicate(timeout=LOCK_SECONDS + 20)[0]
    if demo.returncode != 0 or output.count("locked after") != 2:
        fail(f"exit {demo.returncode}:\n{output}")
    else:
        print("".join(output.splitlines(keepends=True)[-2:]), end="")
    if leftovers(demo.pid):
        fail(f"after the end: {leftovers(demo.pid)}")


def interrupted(gnomond, number):
    """A signal ends it cleanly."""
    demo = start(gnomond)
    wait_until_running(demo.pid)
    demo.send_signal(number)
    output = demo.communicate(timeout=20)[0]
    if "Traceback" in output:
        fail(f"after signal {number}:\n{output}")
    if leftovers(demo.pid):
        fail(f"after signal {number}: {leftovers(demo.pid)}")


def killed(gnomond):
    """Killed, its daemons end with it, and the next one sweeps its namespaces."""
    demo = start(gnomond)
    wait_until_running(demo.pid)
    demo.kill()
    demo.communicate(timeout=20)
    time.sleep(0.5)
    if daemons(demo.pid):
        fail(f"after SIGKILL: {daemons(demo.pid)}")
    netlab.sweep()
    if leftovers(demo.pid):
        fail(f"after SIGKILL and a sweep: {leftovers(demo.pid)}")


def unread(gnomond):
    """Nobody reads any more, as behind head(1): a line, and the end."""
    demo = start(gnomond, stderr=subprocess.PIPE)
    demo.stdout.readline()
    demo.stdout.close()
    errors = demo.stderr.read()
    if demo.wait(20) != 2 or len(errors.splitlines()) != 1:
        fail(f"unread: exit {demo.returncode}:\n{errors}")
    if leftovers(demo.pid):
        fail(f"unread: {leftovers(demo.pid)}")


def refused(gnomond):
    """What is no duration is refused before anything is built."""
    for text in ("-4", "0", "nan", "inf", "soon", ""):
        demo = start(gnomond, f"--duration={text}")
        output = demo.communicate(timeout=20)[0]
        last = (output.splitlines() or [""])[-1]
        if demo.returncode != 2 or "write seconds, more than 0" not in last:
            fail(f"--duration={text}: exit {demo.returncode}:\n{output}")
        # The script says so before it builds, as soon as that.
        done = subprocess.run([str(SCRIPTS / "demo"), f"--duration={text}"], timeout=20,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              check=False)
        if done.returncode != 2 or done.stdout or "more than 0" not in done.stderr:
            fail(f"scripts/demo --duration={text}: exit {done.returncode}:\n{done.stderr}")
        if leftovers(demo.pid):
            fail(f"--duration={text}: {leftovers(demo.pid)}")


def broken():
    """A daemon that does not run is said, in a line, and cleaned up after."""
    demo = start("/bin/false", "--duration", "5")
    output = demo.communicate(timeout=20)[0]
    if demo.returncode != 2 or "ended with 1" not in output:
        fail(f"with a daemon that fails: exit {demo.returncode}:\n{output}")
    if leftovers(demo.pid):
        fail(f"with a daemon that fails: {leftovers(demo.pid)}")


def main():
    """Run all of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--gnomond", required=True, type=os.path.abspath)
    gnomond = parser.parse_args().gnomond
    reason = netlab.why_not()
    if reason:
        print(f"skip: {reason}")
        sys.exit(77)
    refused(gnomond)
    interrupted(gnomond, signal.SIGINT)
    interrupted(gnomond, signal.SIGTERM)
    interrupted(gnomond, signal.SIGQUIT)
    unread(gnomond)
    killed(gnomond)
    broken()
    locks(gnomond)
    sys.exit(1 if FAILED else 0)


main()
