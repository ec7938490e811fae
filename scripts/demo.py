#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Three clocks on this machine: a grandmaster, a boundary clock, an ordinary clock.

Each runs in a network namespace of its own, connected by virtual cables, and keeps a clock of its
own in memory; the system clock is not touched. The boundary clock starts 1.5 s and 80 ppm fast,
the ordinary clock as much slow. Ctrl-C ends everything and leaves nothing behind.
"""

import signal

# Until there is anything to clean up, Ctrl-C ends this without a word.
signal.signal(signal.SIGINT, signal.SIG_DFL)

# pylint: disable=wrong-import-position
import argparse
import collections
import json
import math
import os
import shutil
import sys
import threading
import time

import netlab
# pylint: enable=wrong-import-position

LOCKED_NS = 20e3     # software time stamps scatter by some microseconds
LOCKED_SAMPLES = 16
COLUMNS = 48         # of the chart
COLUMN_SAMPLES = 5   # one column: half a minute is 240 samples
REDRAW = 0.2         # s
BLOCKS = " ▁▂▃▄▅▆▇█"

SHARED = {
    "time_stamping": "software",
    "clock": "soft",
    "log_format": "json",
    "logAnnounceInterval": "-1",
    "logSyncInterval": "-3",
    "logMinDelayReqInterval": "-3",
    "summary_interval": "-4",
    # As quick as with hardware time stamps: virtual cables are not that noisy.
    "pi_proportional_scale": "0.7",
    "pi_integral_scale": "0.3",
    # The boundary clock jumps once it finds the grandmaster; who follows it must jump as well.
    "step_threshold": "0.001",
}
NODES = (
    ("gm", "grandmaster", ("v1",), {"priority1": "100"}),
    ("bc", "boundary clock", ("v1", "v2"), {"priority1": "110", "soft_clock_offset": "1.5",
                                            "soft_clock_frequency": "80000"}),
    ("oc", "ordinary clock", ("v2",), {"clientOnly": "1", "soft_clock_offset": "-1.5",
                                       "soft_clock_frequency": "-80000"}),
)


def duration_text(ns):
    """A signed time of any size in four digits: "+1.500 s", "-23.4 us"."""
    if ns is None or not math.isfinite(ns):
        return "-"
    for unit, scale in (("s", 1e9), ("ms", 1e6), ("us", 1e3)):
        if abs(ns) >= scale:
            value = ns / scale
            return f"{value:+.{3 - len(str(int(abs(value))))}f} {unit}"
    return f"{ns:+.0f} ns"


def span_text(ns):
    """A duration without its sign."""
    return duration_text(ns).lstrip("+")


class Node:
    """What one daemon says of itself."""

    def __init__(self, name, title):
        self.name, self.title = name, title
        self.states, self.servo, self.locked_at = {}, None, None
        self.offset = self.frequency = self.delay = self.bound = None
        self.recent = collections.deque(maxlen=LOCKED_SAMPLES)
        self.count, self.columns = 0, collections.deque(maxlen=COLUMNS)

    def take(self, row, now):
        """Take a log record; returns a line worth telling, or None."""
        event = row.get("event")
        if event == "port-state":
            self.states[row["port"]] = row["state"]
            return f"port {row['port']}: {row['state']}"
        if event == "sync":
            self.sample(row, now)
            return None
        if event == "clock-step":
            return f"stepped by {duration_text(row['step_ns'])}"
        if event == "best-clock":
            return "is the best clock" if row["local"] else f"follows {row['gm']}"
        return None

    def sample(self, row, now):
        """A measured offset."""
        self.offset, self.frequency = row["offset_ns"], row["frequency_ppb"]
        self.delay, self.bound = row["mean_delay_ns"], row["bound_ns"]
        self.servo = row["servo"]  # s0 gathers, s1 steps, s2 and s3 are locked
        self.recent.append(abs(self.offset))
        if self.count % COLUMN_SAMPLES == 0:
            self.columns.append(0.0)
        self.columns[-1] = max(self.columns[-1], abs(self.offset))
        self.count += 1
        if (self.locked_at is None and self.servo in ("s2", "s3")
                and len(self.recent) == LOCKED_SAMPLES and max(self.recent) < LOCKED_NS):
            self.locked_at = now


class View:
    """Draws the nodes: in place on a terminal, as plain lines elsewhere."""

    def __init__(self, nodes, tty):
        self.nodes, self.tty, self.start = nodes, tty, time.monotonic()
        self.news = collections.deque(maxlen=5)
        self.drawn, self.lock, self.last_plain = 0, threading.Lock(), 0.0
        self.size, self.writable = None, True

    def now(self):
        """Seconds since the start."""
        return time.monotonic() - self.start

    def on_line(self, process, line):
        """A line from a daemon."""
        with self.lock:
            try:
                told = self.nodes[process.name].take(json.loads(line), self.now())
            except ValueError:
                told = line
            if told:
                self.tell(f"{self.now():6.1f} s  {process.name}  {told}")

    def write(self, text):
        """Write, until nobody can read any more: a closed pipe, a full disk."""
        try:
            if self.writable:
                sys.stdout.write(text)
                sys.stdout.flush()
        except OSError:
            self.writable = False
            # What is left in the buffer would fail once more at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def tell(self, line):
        """Something happened."""
        self.news.append(line)
        if not self.tty:
            self.write(line + "\n")

    @staticmethod
    def chart(node):
        """|offset| over time on a logarithmic scale from 100 ns to 10 s, newest right."""
        bars = ""
        for value in node.columns:
            level = (math.log10(max(value, 1.0)) - 2) / 8 * (len(BLOCKS) - 1)
            bars += BLOCKS[min(len(BLOCKS) - 1, max(1, round(level)))]
        return bars.rjust(COLUMNS)

    def rows(self):
        """The picture, 80 columns wide."""
        out = [f" gnomon: three clocks, software time stamps, UDPv4, E2E {self.now():19.1f} s", "",
               "   grandmaster ---- boundary clock ---- ordinary clock", "",
               " clock          ports                  offset    frequency     delay     bound"]
        for node in self.nodes.values():
            ports = " ".join(state for _, state in sorted(node.states.items()))
            row = f" {node.title:14} {ports[:19]:19}"
            if node.offset is not None:
                row += (f" {duration_text(node.offset):>9} {node.frequency / 1e3:+8.3f} ppm"
                        f" {span_text(node.delay):>9} {span_text(node.bound):>9}")
            out.append(row.rstrip())
        out += ["", " |offset|, 10 s at the top to 100 ns, the last half minute"]
        for node in list(self.nodes.values())[1:]:
            state = "" if node.locked_at is None else f"locked at {node.locked_at:.1f} s"
            out.append(f"   {node.name} {self.chart(node)}  {state or node.servo or 'waiting'}")
        return out + [""] + [f" {line[:78]}" for line in self.news] + \
            [""] * (self.news.maxlen - len(self.news)) + [" Ctrl-C ends."]

    def draw(self):
        """Draw in place, or one plain line per clock and second."""
        with self.lock:
            if self.tty:
                width, height = size = shutil.get_terminal_size()
                up = f"\x1b[{self.drawn}A" if self.drawn else ""
                if self.size not in (None, size):
                    up = "\x1b[H\x1b[J"  # nobody knows where the old picture went
                self.size = size
                rows = [row[:width - 1] + "\x1b[K" for row in self.rows()[:height - 1]]
                self.write(up + "\n".join(rows) + "\n")
                self.drawn = len(rows)
            elif self.now() - self.last_plain >= 1.0:
                self.last_plain = self.now()
                for node in self.nodes.values():
                    if node.offset is not None:
                        self.write(f"{self.now():6.1f} s  {node.name}  {node.servo}"
                                   f" offset {duration_text(node.offset):>9}"
                                   f" frequency {node.frequency / 1e3:+8.3f} ppm"
                                   f" delay {span_text(node.delay):>8}"
                                   f" bound {span_text(node.bound):>8}\n")


def build(lab, gnomond, view):
    """Lay the cables and start the daemons."""
    spaces = {name: lab.namespace(name) for name, *_ in NODES}
    lab.veth(spaces["gm"], "v1", spaces["bc"], "v1")
    lab.veth(spaces["bc"], "v2", spaces["oc"], "v2")
    for name, interface, host in (("gm", "v1", 1), ("bc", "v1", 2), ("bc", "v2", 17),
                                  ("oc", "v2", 18)):
        lab.address(spaces[name], interface, f"192.0.2.{host}/28")
    for name, _, interfaces, settings in NODES:
        path = os.path.join(lab.folder, f"{name}.conf")
        with open(path, "w", encoding="utf-8") as stream:
            stream.write("[global]\n")
            stream.writelines(f"{k} {v}\n" for k, v in {**SHARED, **settings}.items())
            stream.writelines(f"[{interface}]\n" for interface in interfaces)
        lab.start(spaces[name], [gnomond, "-f", path], name, view.on_line)


def watch(lab, view, seconds):
    """Draw until the time is over; a daemon that ends by itself ends the demo."""
    while seconds is None or view.now() < seconds:
        time.sleep(REDRAW)
        view.draw()
        if not view.writable:
            raise netlab.LabError("cannot write the output any more")
        for process in lab.processes:
            if not process.running():
                print("\n".join(process.lines[-5:]), file=sys.stderr)
                raise netlab.LabError(f"{process.name} ended with {process.child.returncode}")


def run(args, view):
    """Build the network, show it, take it down."""
    reason = netlab.why_not()
    if reason:
        raise netlab.LabError(f"cannot build a network here: {reason}")
    with netlab.Lab() as lab:
        build(lab, os.path.abspath(args.gnomond), view)
        watch(lab, view, args.duration if args.duration is not None or view.tty else 30.0)


def seconds(text):
    """A duration: more than nothing, and less than for ever."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1e9:
        raise argparse.ArgumentTypeError(f"{text} is no duration; write seconds, more than 0")
    return value


def main():
    """Run the demo; exit 0 if both followers were locked."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--gnomond", default="gnomond", help="the daemon to run")
    parser.add_argument("--duration", type=seconds, metavar="SECONDS",
                        help="end after so long (default: on a terminal never, else 30)")
    parser.add_argument("--check", action="store_true", help="check the options only")
    args = parser.parse_args()
    if args.check:
        return 0
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")
    tty = sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    view = View({name: Node(name, title) for name, title, *_ in NODES}, tty)
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        run(args, view)
    except netlab.LabError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        pass
    followers = list(view.nodes.values())[1:]
    for node in followers:
        view.write(f"{node.title}: " + ("not locked" if node.locked_at is None else
                                        f"locked after {node.locked_at:.1f} s") + "\n")
    return 0 if all(node.locked_at is not None for node in followers) else 1


if __name__ == "__main__":
    sys.exit(main())
