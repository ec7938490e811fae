# SPDX-License-Identifier: BSD-2-Clause
"""A monitor that speaks as QEMU's does, and real QEMUs from the cache of the virtual machine."""

import json
import os
import pathlib
import socket
import threading
import time

from desk import Failure, wait

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "gnomon" / "vm"
QEMU = CACHE / "qemu"
MACHINE = ["-accel", "tcg", "-nodefaults", "-display", "none", "-M", "q35", "-m", "64M"]
# Without KVM a QEMU that migrates asserts that its memory is the first there is.
MOVES = ["-accel", "tcg", "-nodefaults", "-display", "none", "-object",
         "memory-backend-ram,id=ram,size=64M", "-M", "q35,memory-backend=ram", "-m", "64M"]


class Fake:
    """QEMU's end: greets, answers, and says what a test wants."""

    def __init__(self, path, status="running", address=None):
        self.path, self.status, self.address = path, status, address
        self.commands, self.client, self.met = [], None, 0
        self.server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.server.bind(path)
        self.server.listen(1)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                client, _ = self.server.accept()
            except OSError:
                return
            self.met += 1
            self.client = client
            self.say({"QMP": {"version": {"qemu": {"major": 10}}, "capabilities": []}})
            try:
                for line in client.makefile("rb"):
                    self._answer(json.loads(line))
            except (OSError, ValueError):
                pass
            self.client = None

    def _answer(self, command):
        name = command["execute"]
        answers = {"query-status": {"status": self.status, "running": self.status == "running"},
                   "human-monitor-command":
                       f"Host virtual address for 0xfeffb000 (vmclock_page) is {self.address}\r\n"}
        self.say({"return": answers.get(name, {})})
        self.commands.append(name)

    def say(self, what):
        """A line."""
        self.client.sendall(json.dumps(what).encode() + b"\r\n")

    def event(self, name, **data):
        """An event."""
        self.say({"timestamp": {"seconds": 1, "microseconds": 2}, "event": name, "data": data})

    def drop(self):
        """Hang up on the client."""
        self.client.shutdown(socket.SHUT_RDWR)

    def close(self):
        """No more clients."""
        self.server.close()
        os.unlink(self.path)


class Monitor:
    """A client of a real QEMU's second monitor."""

    def __init__(self, path):
        wait(lambda: os.path.exists(path), 20, f"{path}: no QEMU there")
        end = time.monotonic() + 20
        while True:
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.socket.settimeout(30)
            try:
                self.socket.connect(path)
                break
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)
        self.lines = self.socket.makefile("rb")
        self.events = []
        self.lines.readline()
        self.run("qmp_capabilities")

    def run(self, command, **arguments):
        """The result of a command."""
        request = {"execute": command, "arguments": arguments}
        self.socket.sendall(json.dumps(request).encode() + b"\n")
        while True:
            answer = json.loads(self.lines.readline())
            if "event" in answer:
                self.events.append(answer["event"])
                continue
            if "error" in answer:
                raise Failure(f"QEMU: {command}: {answer['error']}")
            return answer["return"]

    def hmp(self, line):
        """A command of the monitor for people."""
        return self.run("human-monitor-command", **{"command-line": line})

    def close(self):
        """Hang up."""
        self.socket.close()


def start(d, name, *arguments, machine=None):
    """A QEMU with a monitor for us; gnomond's is among the arguments. Both are returned."""
    path = d.path(f"{name}.own")
    child = d.launch([str(QEMU), *(machine or MACHINE), "-qmp",
                      f"unix:{path},server=on,wait=off", *arguments])
    return child, Monitor(path)
