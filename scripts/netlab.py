# SPDX-License-Identifier: BSD-2-Clause
"""A small network of this machine's own: namespaces, veth pairs, bridges, the processes in them.

    with Lab() as lab:
        a, b = lab.namespace("a"), lab.namespace("b")
        lab.veth(a, "v0", b, "v0")
        process = lab.start(a, ["ptp4l", "-i", "v0", ...])

Leaving the block, in whatever way, ends the processes, deletes the namespaces and the temporary
directory. A process that is killed before it can clean up takes its children along, and its
namespaces are swept by whoever opens a Lab next.
"""

import ctypes
import glob
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

PREFIX = "gn-"
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)


class LabError(Exception):
    """The network cannot be built here."""


def ip(*args):
    """Run ip(8); its output, LabError if it fails."""
    done = subprocess.run(("ip", *args), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          check=False)
    if done.returncode:
        raise LabError(f"ip {' '.join(args)}: {done.stderr.strip()}")
    return done.stdout


def die_with_parent():
    """In a child before exec: a signal when the parent dies, however it dies."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def alive(pid):
    """True if there is a process of that id."""
    return os.path.exists(f"/proc/{pid}")


def delete_namespace(name):
    """Delete a namespace if it is there: being made, it may have been interrupted."""
    if os.path.exists(f"/run/netns/{name}"):
        ip("netns", "del", name)


def sweep():
    """Delete namespaces and temporary folders whose maker is gone."""
    for folder in glob.glob(os.path.join(tempfile.gettempdir(), "gnomon-[0-9]*-*")):
        if not alive(os.path.basename(folder).split("-")[1]):
            shutil.rmtree(folder, ignore_errors=True)
    for row in ip("netns", "list").splitlines():
        match = re.match(rf"({PREFIX}(\d+)-\S+)", row)
        if match and not alive(match.group(2)):
            try:
                ip("netns", "del", match.group(1))
            except LabError:
                pass  # somebody else swept it first


def why_not():
    """Why no network can be built here, None if it can."""
    if os.geteuid() != 0:
        return "needs root"
    if shutil.which("ip") is None:
        return "needs ip(8) of iproute2"
    name = f"{PREFIX}{os.getpid()}-probe"
    try:
        ip("netns", "add", name)
        ip("link", "add", "v0", "netns", name, "type", "veth", "peer", "name", "v1", "netns", name)
        ip("netns", "exec", name, "true")
    except LabError as error:
        return str(error)
    finally:
        delete_namespace(name)
    return None


class Process:
    """A program running in a namespace; its output is collected line by line."""

    def __init__(self, argv, name, path, on_line):
        self.name, self.lines, self.on_line = name, [], on_line
        self.log = open(path, "w", encoding="utf-8")  # pylint: disable=consider-using-with
        self.child = subprocess.Popen(  # pylint: disable=consider-using-with
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", preexec_fn=die_with_parent, start_new_session=True)
        self.changed = threading.Condition()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.child.stdout:
            line = line.rstrip("\n")
            self.log.write(f"{time.monotonic():.3f} {line}\n")
            self.log.flush()
            with self.changed:
                self.lines.append(line)
                self.changed.notify_all()
            if self.on_line:
                self.on_line(self, line)
        with self.changed:
            self.changed.notify_all()

    def wait_for(self, pattern, seconds, start=0):
        """The first match of a pattern in a line from index start on; None after seconds."""
        expression, deadline, index = re.compile(pattern), time.monotonic() + seconds, start
        with self.changed:
            while True:
                for line in self.lines[index:]:
                    match = expression.search(line)
                    if match:
                        return match
                index = len(self.lines)
                left = deadline - time.monotonic()
                if left <= 0 or (self.child.poll() is not None and not self.reader.is_alive()):
                    return None
                self.changed.wait(min(left, 0.2))

    def running(self):
        """True until the program ends."""
        return self.child.poll() is None

    def stop(self, number=signal.SIGTERM, seconds=3):
        """End the program, by force after some seconds; its exit status."""
        if self.running():
            self.child.send_signal(number)
        try:
            status = self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.child.kill()
            status = self.child.wait()
        self.reader.join(1)
        self.log.close()
        return status


class Lab:
    """Everything that was set up, to be taken down again."""

    def __init__(self):
        self.spaces, self.processes, self.folder = [], [], None
        self.previous = {}

    def __enter__(self):
        # A polite end must run the cleanup as well.
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            self.previous[number] = signal.signal(number, self._on_signal)
        sweep()
        self.folder = tempfile.mkdtemp(prefix=f"gnomon-{os.getpid()}-")
        return self

    def __exit__(self, *exc):
        for number in (*self.previous, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        self.close()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for number, handler in self.previous.items():
            signal.signal(number, handler)

    @staticmethod
    def _on_signal(number, _frame):
        sys.exit(128 + number)

    def close(self):
        """Take everything down. May be called twice."""
        for process in self.processes:
            if process.running():
                process.child.send_signal(signal.SIGTERM)
        for process in self.processes:
            process.stop()
        self.processes.clear()
        for space in self.spaces:
            try:
                delete_namespace(space)
            except LabError as error:
                print(error, file=sys.stderr)
        self.spaces.clear()
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def namespace(self, name):
        """A new network namespace with its loopback up; returns its full name."""
        full = f"{PREFIX}{os.getpid()}-{name}"
        self.spaces.append(full)
        ip("netns", "add", full)
        ip("-n", full, "link", "set", "lo", "up")
        return full

    def veth(self, space_a, if_a, space_b, if_b):
        """A cable between two namespaces, both ends up."""
        ip("link", "add", if_a, "netns", space_a, "type", "veth", "peer", "name", if_b, "netns",
           space_b)
        for space, name in ((space_a, if_a), (space_b, if_b)):
            # Without duplicate address detection the IPv6 address is usable at once.
            subprocess.run(["ip", "netns", "exec", space, "sh", "-c",
                            f"echo 0 > /proc/sys/net/ipv6/conf/{name}/accept_dad"],
                           stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
            ip("-n", space, "link", "set", name, "up")

    def address(self, space, interface, address):
        """Give an interface an address with its prefix length."""
        ip("-n", space, "addr", "add", address, "dev", interface)

    def bridge(self, space, name, *interfaces):
        """A switch out of interfaces of one namespace. It forwards PTP like any multicast."""
        ip("-n", space, "link", "add", name, "type", "bridge", "mcast_snooping", "0")
        for interface in interfaces:
            ip("-n", space, "link", "set", interface, "master", name)
        ip("-n", space, "link", "set", name, "up")

    def start(self, space, argv, name=None, on_line=None):
        """Start a program in a namespace; on_line(process, line) runs for each line it prints."""
        name = name or os.path.basename(argv[0])
        path = os.path.join(self.folder, f"{len(self.processes)}-{name}.log")
        process = Process(["ip", "netns", "exec", space, *argv], name, path, on_line)
        self.processes.append(process)
        return process
