# SPDX-License-Identifier: BSD-2-Clause
"""Virtual machines that run in real time, and what is true of their clocks.

    with BridgeLab(programs, folder) as lab:
        guest = lab.boot("a", arguments)
        guest.wait_up()
        print(guest.run("uname -r"))

Emulated without -icount, a guest's counter is this machine's plus a constant. The constant is found
by a mailbox in memory that the programs under test know nothing of (bridge_host, bridge_guest), so
what a guest's clock says can be held against any clock of this machine.
"""

import glob
import json
import os
import pathlib
import re
import socket
import struct
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "interop"))
import bridge_truth  # noqa: E402  pylint: disable=wrong-import-position
import harness  # noqa: E402  pylint: disable=wrong-import-position
import netlab  # noqa: E402  pylint: disable=wrong-import-position

MEMORY = "/sys/bus/pci/devices/0000:00:1e.0/resource2"  # the test's own, in the guest
MEMORY_SIZE = 1 << 20
LOOKS = 4096  # where the looks begin in it
LOOK = struct.Struct("<QQQqqqqqQQ")
LOOKS_MAX = (MEMORY_SIZE - LOOKS) // LOOK.size
KINDS = {1: "precise", 2: "extended", 3: "gettime", 4: "library", 5: "realtime", 6: "raw", 7: "aux"}
OFFSET_WIDTH, OFFSET_TRIES = 800, 3  # counts
BOOT_S = 120  # far more than it takes, on a machine that does much else


def prefer(pid):
    """What runs in real time goes before what else this machine does, if that may be asked for."""
    try:
        os.setpriority(os.PRIO_PROCESS, pid, -10)
    except PermissionError:
        pass


def within(seconds, what, holds):
    """Wait until it holds; Failure if it never does."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise harness.Failure(f"not within {seconds} s: {what}")
        time.sleep(0.1)


class Look:
    """A clock of the guest's, read between two readings of its counter."""

    def __init__(self, raw):
        (kind, self.before, self.after, self.time_ns, self.raw_ns, self.earliest_ns,
         self.latest_ns, self.status, self.reader, self.marker) = LOOK.unpack(raw)
        self.kind = KINDS[kind]


class Qmp:
    """The monitor of a virtual machine."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(path)
        self.file = self.socket.makefile("rw", encoding="utf-8")
        self.events = []
        self.answer()
        self.ask("qmp_capabilities")

    def answer(self):
        """The next message that is no event."""
        for line in self.file:
            message = json.loads(line)
            if "event" not in message:
                return message
            self.events.append(message["event"])
        raise harness.Failure("the monitor hung up")

    def ask(self, command, **arguments):
        """Run a command; what it returns."""
        self.file.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.file.flush()
        message = self.answer()
        if "return" not in message:
            raise harness.Failure(f"QMP {command} {arguments}: {message}")
        return message["return"]

    def close(self):
        """Let go of the monitor: it serves one at a time."""
        self.file.close()
        self.socket.close()


class Control:
    """A client of a daemon's control socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        self.socket.connect(path)
        self.file, self.number = self.socket.makefile("rw", encoding="utf-8"), 0

    def ask(self, method, **params):
        """The result of a request; Failure if it is refused."""
        self.number += 1
        self.file.write(json.dumps({"id": self.number, "method": method, "params": params}) + "\n")
        self.file.flush()
        for line in self.file:
            message = json.loads(line)
            if message.get("id") == self.number:
                if "result" not in message:
                    raise harness.Failure(f"{method} {params}: {message.get('error')}")
                return message["result"]
        raise harness.Failure(f"{method}: the daemon hung up")

    def close(self):
        """Hang up."""
        self.file.close()
        self.socket.close()


class Watch(threading.Thread):
    """A daemon's clock beside this machine's counter, again and again."""

    def __init__(self, path, period_s=0.04):
        super().__init__(daemon=True)
        self.pairs, self.told = bridge_truth.Pairs(), []  # told: (counter, bound ns, status)
        self.path, self.period_s, self.ending = path, period_s, threading.Event()
        self.trouble = None
        self.start()

    def run(self):
        try:
            control = Control(self.path)
            while not self.ending.wait(self.period_s):
                clock = control.ask("clock")
                self.pairs.add(clock["counter"], clock["time_sec"] * 10**9 + clock["time_nsec"],
                               clock["half_window_ns"])
                self.told.append((clock["counter"], clock["bound_ns"], clock["status"]))
            control.close()
        except (OSError, ValueError, KeyError, harness.Failure) as error:
            self.trouble = error

    def wait_for(self, status, seconds):
        """Wait until the daemon says that status; how long it took."""
        began = time.monotonic()
        while not self.told or self.told[-1][2] != status:
            if time.monotonic() > began + seconds or self.trouble:
                raise harness.Failure(f"{self.path}: not {status} but {self.told[-1:]} after "
                                      f"{seconds} s; {self.trouble}")
            time.sleep(0.05)
        return time.monotonic() - began

    def close(self):
        """End it, keeping what it saw."""
        self.ending.set()
        self.join(5)


class Guest:
    """A virtual machine and the shell on its serial console."""

    def __init__(self, lab, name, arguments, machine="q35", incoming=None):
        self.lab, self.name = lab, name
        self.memory = lab.shared(f"{name}-lab", MEMORY_SIZE)
        self.qmp_path = os.path.join(lab.folder, f"{name}.qmp")
        self.output, self.changed = [], threading.Condition()
        self.offset = None  # (least, most): the guest's counter minus the host's
        # Its main memory comes first: if another comes before, a migration under TCG ends in a
        # failed assertion of QEMU's (tlb_reset_dirty_range_all).
        command = [f"{lab.cache}/qemu", "-name", name, "-object",
                   "memory-backend-ram,id=ram,size=512M", "-machine",
                   f"{machine},memory-backend=ram", "-accel", "tcg", "-cpu", "max", "-m", "512M",
                   "-smp", "1", "-nodefaults", "-display", "none", "-no-reboot",
                   "-serial", "stdio", "-kernel", f"{lab.cache}/vmlinuz",
                   "-initrd", str(lab.initrd), "-append", "console=ttyS0 quiet panic=-1 "
                   f"tsc=reliable tsc_early_khz={lab.khz}",
                   "-qmp", f"unix:{self.qmp_path},server=on,wait=off",
                   "-object", f"memory-backend-file,id=lab,mem-path={self.memory},"
                   f"size={MEMORY_SIZE},share=on",
                   "-device", "ivshmem-plain,memdev=lab,addr=0x1e,master=on", *arguments]
        if incoming:
            command += ["-incoming", incoming]
        self.log = open(lab.out / f"{name}.log", "w", encoding="utf-8")  # pylint: disable=R1732
        self.log.write(" ".join(command) + "\n")
        self.child = subprocess.Popen(  # pylint: disable=consider-using-with
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", bufsize=1, preexec_fn=netlab.die_with_parent,
            start_new_session=True)
        prefer(self.child.pid)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.child.stdout:
            line = line.rstrip("\r\n")
            self.log.write(f"{time.monotonic():.3f} {line}\n")
            self.log.flush()
            with self.changed:
                self.output.append(line)
                self.changed.notify_all()
        with self.changed:
            self.changed.notify_all()

    def _until(self, pattern, start, seconds):
        """The index of the first line from start on that matches, and the match."""
        deadline, index = time.monotonic() + seconds, start
        with self.changed:
            while True:
                for index in range(index, len(self.output)):
                    match = re.match(pattern, self.output[index])
                    if match:
                        return index, match
                index = len(self.output)
                if time.monotonic() > deadline or not self.reader.is_alive():
                    tail = "\n".join(self.output[-20:])
                    raise harness.Failure(f"guest {self.name}: no {pattern!r}:\n{tail}")
                self.changed.wait(0.2)

    def wait_up(self):
        """Wait for its shell; how long it took it, by its own clock."""
        return float(self._until(r"@ up ([\d.]+)", 0, BOOT_S)[1].group(1))

    def run(self, command, seconds=30, status=0):
        """What a command of the guest's shell prints; Failure unless it ends with that status
        (None: any)."""
        start = len(self.output)
        self.log.write(f"{time.monotonic():.3f} > {command}\n")
        self.child.stdin.write(command + "\n")
        self.child.stdin.flush()
        end, match = self._until(r"@ done (\d+)", start, seconds)
        text = self.output[start:end]
        if status is not None and int(match.group(1)) != status:
            raise harness.Failure(f"guest {self.name}: {command}: status {match.group(1)}: {text}")
        return text

    def start(self, command):
        """Begin a command of the guest's shell; await() its output."""
        start = len(self.output)
        self.child.stdin.write(command + "\n")
        self.child.stdin.flush()
        return start

    def end(self, start, seconds=60):
        """What a command begun by start() printed."""
        end, match = self._until(r"@ done (\d+)", start, seconds)
        if match.group(1) != "0":
            raise harness.Failure(f"guest {self.name}: status {match.group(1)}: "
                                  f"{self.output[start:end]}")
        return self.output[start:end]

    def find_offset(self):
        """Compare the counters of both sides; what was found before still has to be true. Both
        have to run at once for a moment, which a busy machine does not give at once."""
        for _ in range(OFFSET_TRIES):
            began = self.start(f"bridge_guest pong {MEMORY} 60")
            told = self.lab.host_tool("offset", self.memory, str(OFFSET_WIDTH))
            self.end(began)
            least, most, _ = map(int, told.split())
            if self.offset:
                least, most = max(least, self.offset[0]), min(most, self.offset[1])
            if least > most:
                raise harness.Failure(f"guest {self.name}: its counter is no constant from the "
                                      f"host's: {told} after {self.offset}")
            self.offset = (least, most)
            if most - least <= 2 * OFFSET_WIDTH:
                return
        print(f"# guest {self.name}: its counter is known to {most - least} counts only")

    def start_look(self, count, period_us, *kinds):
        """Begin count looks of each kind at the guest's clocks."""
        if count * len(kinds) > LOOKS_MAX:
            raise ValueError(f"{count} looks of {len(kinds)} kinds are more than fit")
        return self.start(f"bridge_guest look {MEMORY} {count} {period_us} {' '.join(kinds)}")

    def end_look(self, began, seconds=60):
        """The looks begun by start_look()."""
        taken = int(self.end(began, seconds)[-1])
        with open(self.memory, "rb") as memory:
            memory.seek(LOOKS)
            data = memory.read(taken * LOOK.size)
        return [Look(data[at:at + LOOK.size]) for at in range(0, len(data), LOOK.size)]

    def look(self, count, period_us, *kinds):
        """Looks at the guest's clocks, count of each kind."""
        return self.end_look(self.start_look(count, period_us, *kinds))

    def wait_synchronized(self, seconds=120):
        """Wait until a program that links libgnomon gets a time."""
        deadline, look = time.monotonic() + seconds, None
        while time.monotonic() < deadline:
            look = self.look(1, 0, "library")[0]
            if not look.status and look.reader == 0:
                return
            time.sleep(0.2)
        raise harness.Failure(f"guest {self.name}: no time but status {look.status}, "
                              f"{look.reader}: {self.run('cat /tmp/*.log', status=None)}")

    def start_agent(self):
        """Start gnomon-guest in it."""
        self.run("gnomon-guest --status /tmp/agent.json >/tmp/agent.log 2>&1 & agent=$!")

    def agent(self):
        """What gnomon-guest says of itself; {} if nothing yet."""
        text = "".join(self.run("cat /tmp/agent.json", status=None))
        return json.loads(text) if text.startswith("{") else {}

    def wait_agent(self, state, seconds=60):
        """Wait until gnomon-guest is in that state."""
        within(seconds, f"gnomon-guest in {self.name}: {state}",
               lambda: self.agent().get("state") == state)

    def qmp(self):
        """Its monitor, for a while."""
        return Qmp(self.qmp_path)

    def close(self):
        """End it."""
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()
        self.reader.join(1)
        self.log.close()


class Host:
    """A gnomond, and who looks at its clock."""

    def __init__(self, lab, name, space, interfaces, settings):
        self.lab, self.name, self.space = lab, name, space
        self.control = os.path.join(lab.folder, f"{name}.control")
        self.settings = {"log_format": "native", "control_socket": self.control,
                         "guest_dir": os.path.join(lab.folder, f"{name}.guests"), **settings}
        self.interfaces, self.process, self.watch = interfaces, None, None
        self.start()

    def start(self):
        """Start it, for the first time or again."""
        self.process = self.lab.start_gnomond(self.space, self.interfaces, self.settings, self.name)
        prefer(self.process.child.pid)
        deadline = time.monotonic() + 10
        while not os.path.exists(self.control):
            if time.monotonic() > deadline or not self.process.running():
                raise harness.Failure(f"{self.name} does not start: {self.process.lines[-5:]}")
            time.sleep(0.02)
        self.watch = Watch(self.control)

    def vm(self, *arguments):
        """What "gnomon vm" prints about this host's guests."""
        done = subprocess.run([self.lab.programs["gnomon"], "vm", *arguments, "--socket",
                               self.control], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, check=False, timeout=30)
        if done.returncode not in (0, 3 if arguments[0] == "status" else 0):
            raise harness.Failure(f"gnomon vm {' '.join(arguments)}: status {done.returncode}: "
                                  f"{done.stderr.strip()}")
        return done.stdout

    def attach(self, name, *options):
        """Attach a guest; the arguments for its QEMU, as the command tells them."""
        if "patch" not in options:
            options += "--page", self.lab.shared_path(f"{self.name}-{name}")
        return json.loads(self.vm("attach", name, "--json", *options))["qemu"]

    def status(self, name):
        """What is known of a guest."""
        return json.loads(self.vm("status", name, "--json"))


class BridgeLab(harness.Bench):
    """A Bench with guests. programs: name to path; folder: where logs and plots stay."""

    def __init__(self, programs, cache, initrd, folder):
        super().__init__(programs["gnomond"])
        self.programs, self.cache, self.initrd = programs, cache, initrd
        self.out = pathlib.Path(folder)
        self.hosts, self.guests, self.files, self.khz = [], [], [], 0

    def __enter__(self):
        for path in glob.glob("/dev/shm/gnomon-[0-9]*-*"):
            if not netlab.alive(os.path.basename(path).split("-")[1]):
                pathlib.Path(path).unlink(missing_ok=True)
        self.out.mkdir(parents=True, exist_ok=True)
        # Guests need not find it out, which goes wrong where they are kept waiting.
        self.khz = int(self.host_tool("khz"))
        return super().__enter__()

    def close(self):
        for host in self.hosts:
            host.watch.close()
        self.hosts.clear()
        for guest in self.guests:
            guest.close()
        self.guests.clear()
        super().close()
        for path in self.files:
            pathlib.Path(path).unlink(missing_ok=True)

    def shared_path(self, name):
        """Where memory to share with guests is, or will be; it is removed at the end."""
        path = f"/dev/shm/gnomon-{os.getpid()}-{name}"
        if path not in self.files:
            self.files.append(path)
        return path

    def shared(self, name, size):
        """New memory to share with guests."""
        path = self.shared_path(name)
        with open(path, "wb") as file:
            file.truncate(size)
        return path

    def host(self, name, space, interfaces, settings):
        """A daemon on a soft clock, with a control socket."""
        host = Host(self, name, space, interfaces, settings)
        self.hosts.append(host)
        return host

    def boot(self, name, arguments, **options):
        """Start a virtual machine."""
        guest = Guest(self, name, arguments, **options)
        self.guests.append(guest)
        return guest

    def host_tool(self, *arguments):
        """What bridge_host prints."""
        with subprocess.Popen([self.programs["bridge_host"], *arguments], stdout=subprocess.PIPE,
                              stdin=subprocess.DEVNULL, text=True,
                              preexec_fn=netlab.die_with_parent) as tool:
            prefer(tool.pid)
            told = tool.communicate(timeout=60)[0]
        if tool.returncode:
            raise harness.Failure(f"bridge_host {arguments}: status {tool.returncode}")
        return told.strip()
