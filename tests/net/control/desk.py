# SPDX-License-Identifier: BSD-2-Clause
"""A gnomond with a control socket, and who asks it. Without a network, and without root.

    with desk.Desk(gnomond) as d:
        d.start()
        d.ask("vm.list")
"""

import argparse
import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "scripts"))
import netlab  # noqa: E402  pylint: disable=wrong-import-position

STATUS = {0: "unknown", 1: "initializing", 2: "synchronized", 3: "freerunning", 4: "unreliable"}
UNRELIABLE, SYNCHRONIZED, IMMINENT, GENERATION = 4, 2, 1 << 2, 1 << 8


class Failure(Exception):
    """What was expected is not so."""


def expect(what, text):
    """Fail unless what is true."""
    if not what:
        raise Failure(text)


def wait(test, seconds, text):
    """What test() returns once that is true; Failure after so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = test()
        if found:
            return found
        time.sleep(0.005)
    raise Failure(text() if callable(text) else text)


def connect(path):
    """A client's socket. Its name is there a moment before anybody listens."""
    end = time.monotonic() + 5
    while True:
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.settimeout(10)
        try:
            client.connect(path)
            return client
        except ConnectionRefusedError:
            client.close()
            if time.monotonic() > end:
                raise
            time.sleep(0.005)


class Client:
    """Requests and answers."""

    def __init__(self, path):
        self.socket, self.buffer = connect(path), b""

    def close(self):
        """Hang up."""
        self.socket.close()

    def line(self):
        """The next line, as an object; None at the end."""
        while b"\n" not in self.buffer:
            got = self.socket.recv(65536)
            if not got:
                return None
            self.buffer += got
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def call(self, method, **params):
        """The whole answer to a request."""
        request = {"id": 1, "method": method, "params": params}
        self.socket.sendall(json.dumps(request).encode() + b"\n")
        return self.line()


class Page:
    """The clock page in a file, or in octets."""

    def __init__(self, octets):
        (self.magic, self.size, self.version, self.counter, self.kind, self.seq, self.marker,
         self.flags) = struct.unpack_from("<IIHBBIQQ", octets, 0)
        self.status = octets[0x22]
        self.counter_value, = struct.unpack_from("<Q", octets, 0x28)
        self.generation, = struct.unpack_from("<Q", octets, 0x68)

    def __str__(self):
        return (f"{STATUS.get(self.status, self.status)} seq {self.seq} marker {self.marker:#x} "
                f"flags {self.flags:#x} generation {self.generation}")


def page_of(path):
    """The page of a file as it is between two writes."""
    while True:
        octets = pathlib.Path(path).read_bytes()[:4096]
        page = Page(octets)
        if page.seq % 2 == 0:
            return page


class Desk:
    """One daemon, its folder, and what was started beside it. files: to remove in the end."""

    def __init__(self, gnomond):
        self.gnomond, self.folder, self.daemon = gnomond, None, None
        self.children, self.files = [], []

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix=f"gnomon-{os.getpid()}-")
        os.chmod(self.folder, 0o755)
        return self

    def __exit__(self, kind, error, trace):
        self.stop()
        for child in self.children:
            if child.poll() is None:
                child.kill()
            child.wait()
        if kind is not None and kind is not SystemExit:
            log = self.path("log")
            if os.path.exists(log):
                print("--- gnomond:\n" + pathlib.Path(log).read_text(encoding="utf-8"))
        for path in filter(os.path.exists, self.files):
            os.unlink(path)
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name):
        """A file of ours."""
        return os.path.join(self.folder, name)

    @property
    def socket(self):
        """Where the daemon listens."""
        return self.path("control")

    def start(self, settings=None, name="one"):
        """Start the daemon, with a guest that is the host's own; it keeps what it shows."""
        rows = {"clock": "soft", "free_running": "1", "use_syslog": "0", "uds_address": '""',
                "uds_ro_address": '""', "control_socket": self.path("control"),
                "guest_dir": self.path("run"), "guest_interval": "0.01", **(settings or {})}
        text = "[global]\n" + "".join(f"{key} {value}\n" for key, value in rows.items())
        text += f"[guest {name}]\nguest_page {self.path('page-' + name)}\nguest_counter host\n"
        pathlib.Path(self.path("conf")).write_text(text, encoding="utf-8")
        with open(self.path("log"), "a", encoding="utf-8") as log:
            self.daemon = subprocess.Popen(  # pylint: disable=consider-using-with
                [self.gnomond, "-f", self.path("conf")], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, preexec_fn=netlab.die_with_parent)
        wait(lambda: os.path.exists(self.path("control")) or self.daemon.poll() is not None, 10,
             "gnomond does not listen")
        expect(self.daemon.poll() is None, "gnomond does not start")

    def stop(self, number=signal.SIGTERM):
        """End the daemon."""
        if self.daemon and self.daemon.poll() is None:
            self.daemon.send_signal(number)
            self.daemon.wait(10)

    def log(self):
        """What the daemon said."""
        return pathlib.Path(self.path("log")).read_text(encoding="utf-8")

    def ask(self, method, **params):
        """The result of a request; Failure if it is an error."""
        client = Client(self.socket)
        try:
            answer = client.call(method, **params)
        finally:
            client.close()
        expect(answer and "result" in answer, f"{method} {params}: {answer}")
        return answer["result"]

    def launch(self, argv, **more):
        """A program beside it, which ends with the test."""
        child = subprocess.Popen(  # pylint: disable=consider-using-with
            argv, stdin=subprocess.DEVNULL, preexec_fn=netlab.die_with_parent, **more)
        self.children.append(child)
        return child


def run_case(cases):
    """What a test of the command line is: one of cases, with a desk and gnomon. The exit status."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--gnomond", required=True, type=os.path.abspath)
    parser.add_argument("--gnomon", required=True, type=os.path.abspath)
    parser.add_argument("case", choices=cases)
    args = parser.parse_args()
    try:
        with Desk(args.gnomond) as d:
            cases[args.case](d, args.gnomon)
    except Failure as failure:
        print(f"{args.case}: {failure}")
        return 1
    return 0
