#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""gnomond on the igb driver's hardware timestamps and PTP hardware clocks, in a virtual machine.

    hwstamp.py FOLDER       FOLDER: where to build, and to keep the log of the serial console
    hwstamp.py --judge LOG  judge a log again

Boots once; guest.sh runs the scenarios in there, this judges what it says. Both clocks run from
one virtual crystal. The first is set 50 ppm fast and three seconds ahead, so the second has to
find exactly that. Skipped where neither the cache has a QEMU and a kernel nor apt can get them.
"""

import pathlib
import re
import subprocess
import sys

SKIP = 77
HERE = pathlib.Path(__file__).resolve().parent
BOOT_LIMIT_S = 400

LEADER_PPB, FOLLOWER_PPB = 50000.0, 7000.0
OFF, WAS, ON = "tx_type 0 rx_filter 0", "tx_type 0 rx_filter 4", "tx_type 1 rx_filter 12"

# TIMINCA counts 2^-23 of the frequency: between two Syncs the clock moves by 7.5 ns at least.
OFFSET_NS = 10
DELAY_NS = 10
FREQUENCY_PPB = 400
SETTLED = 80  # updates, of 16 per second

NATIVE = re.compile(r" info sync .*servo=s(\d) offset_ns=(\S+) frequency_ppb=(\S+) "
                    r"mean_delay_ns=(\S+)")
PTP4L = re.compile(r"master offset\s+(-?\d+) s(\d) freq\s+([+-]?\d+) path delay\s+(-?\d+)")
LINE = re.compile(r"@ (\w+) (leader |follower )?([\w ]+): ?(.*)")


class Log:
    """What the guest said, by scenario, program and subject."""

    def __init__(self, text):
        self.said = {}
        for line in text.splitlines():
            match = LINE.match(line.strip())
            if match:
                scenario, who, what, value = match.groups()
                key = (scenario, (who or "").strip(), what)
                self.said.setdefault(key, []).append(value.strip())

    def all(self, scenario, who, what):
        """Every value, in order."""
        return self.said.get((scenario, who, what), [])

    def one(self, scenario, who, what):
        """The only value; None if there is none or more."""
        values = self.all(scenario, who, what)
        return values[0] if len(values) == 1 else None

    def updates(self, scenario):
        """(servo state, offset ns, frequency ppb that the clock was given, delay ns) in order."""
        found = []
        for line in self.all(scenario, "follower", "log"):
            native, ptp4l = NATIVE.search(line), PTP4L.search(line)
            if native:
                found.append(tuple(float(part) for part in native.groups()))
            elif ptp4l:
                offset, state, frequency, delay = (float(part) for part in ptp4l.groups())
                found.append((state, offset, -frequency, delay))
        return found


class Judge:
    """Compares, says so, and remembers what was wrong."""

    def __init__(self, log):
        self.log, self.wrong = log, 0

    def expect(self, what, holds):
        """Note one thing."""
        print(f"{'ok' if holds else 'WRONG'}: {what}")
        self.wrong += not holds

    def same(self, scenario, who, what, wanted):
        """A value must be a text, or begin so, after a name or not."""
        value = self.log.one(scenario, who, what)
        name = " ".join(part for part in (scenario, who, what) if part)
        self.expect(f"{name}: {value}",
                    value is not None and re.search(rf"(^|: ){re.escape(wanted)}(\b|$)", value))

    def near(self, name, value, wanted, tolerance):
        """A number must be close to another."""
        text = f"{name}: {value} (expected {wanted:g} +- {tolerance:g})"
        self.expect(text, value is not None and abs(float(value) - wanted) <= tolerance)

    def difference(self, scenario, what, wanted, tolerance):
        """Of the two clocks, as phc_compare reads them."""
        text = self.log.one(scenario, "", f"difference {what}") or ""
        match = re.search(r"second minus first: (-?\d+) ns", text)
        self.near(f"{scenario} true difference {what}, ns", match and match.group(1), wanted,
                  tolerance)

    def never(self, scenario, who, *patterns):
        """No line of a log may match."""
        lines = self.log.all(scenario, who, "log")
        for pattern in patterns:
            bad = [line for line in lines if re.search(pattern, line)]
            self.expect(f"{scenario} {who}: {len(bad)} of {len(lines)} lines with {pattern!r}"
                        f"{': ' + bad[0] if bad else ''}", lines and not bad)

    def settled(self, scenario):
        """The last updates: in lock, at the offset, delay and frequency that are true."""
        updates = self.log.updates(scenario)
        last = updates[-SETTLED:]
        locked = len(updates) > SETTLED and all(row[0] == 2 for row in last)
        self.expect(f"{scenario}: {len(updates)} updates, the last {len(last)} in lock: {locked}",
                    locked)
        if not last:
            return
        worst = max(abs(row[1]) for row in last)
        self.near(f"{scenario}: largest offset, ns", worst, 0, OFFSET_NS)
        worst = max((abs(row[3]) for row in last))
        self.near(f"{scenario}: largest delay, ns", worst, 0, DELAY_NS)
        mean = sum(row[2] for row in last) / len(last)
        self.near(f"{scenario}: mean frequency, ppb", round(mean), LEADER_PPB, FREQUENCY_PPB)


def followed(judge, scenario, leader, follower):
    """Two programs, of "gnomond", "ptp4l" and "guise", that must have found each other."""
    judge.difference(scenario, "before", -3e9, 20e6)
    judge.settled(scenario)
    judge.difference(scenario, "settled", 0, OFFSET_NS)
    for who, before, frequency in (("leader", OFF, LEADER_PPB), ("follower", WAS, FOLLOWER_PPB)):
        judge.same(scenario, who, "stamping before", before)
        judge.same(scenario, who, "stamping during", ON)
        judge.same(scenario, who, "status", "0")
        program = leader if who == "leader" else follower
        if program != "ptp4l":
            judge.same(scenario, who, "stamping after", before)
        if program == "gnomond":
            judge.near(f"{scenario} {who} frequency after, ppb",
                       judge.log.one(scenario, who, "frequency after"), frequency, 0.01)
    judge.near(f"{scenario} leader frequency during, ppb",
               judge.log.one(scenario, "leader", "frequency during"), LEADER_PPB, 0.01)


def judge_log(text):
    """All scenarios; the number of things wrong."""
    log = Log(text)
    judge = Judge(log)
    lost = "tx-timestamp-lost|timed out while polling"
    fault = "FAULTY|clock-error|send-failed|link-error"
    judge.same("boot", "", "devices", "2")
    judge.expect(f"the guest came to its end, at {log.one('boot', '', 'end')} s",
                 log.one("boot", "", "end") is not None)
    for scenario, leader, follower in (
            ("ours", "gnomond", "gnomond"), ("theirs_follows", "gnomond", "ptp4l"),
            ("theirs_leads", "ptp4l", "gnomond"), ("guise", "ptp4l", "guise"),
            ("flap", "gnomond", "gnomond"), ("deaf", "gnomond", "gnomond")):
        followed(judge, scenario, leader, follower)
        judge.never(scenario, "leader", lost, fault)
        if scenario != "flap":
            judge.never(scenario, "follower", lost, fault, "clock-insane|clockcheck")
    # Its follower is ptp4l in name only, and leaves the frequency as ptp4l does.
    judge.near("guise follower frequency after, ppb",
               log.one("guise", "follower", "frequency after"), LEADER_PPB, FREQUENCY_PPB)
    judge.difference("flap", "again", 0, OFFSET_NS)
    judge.never("flap", "follower", "clock-error|link-error")
    judge.difference("deaf", "again", 0, OFFSET_NS)
    missing = [line for line in log.all("deaf", "follower", "log")
               if "rx-timestamp-missing" in line]
    judge.expect(f"deaf: {len(missing)} lines say rx-timestamp-missing", missing)
    for scenario, says in (
            ("two_clocks", "eth1: its clock is ptp1 and not ptp0: ports on different clocks"),
            ("onestep", "eth1: cannot do time_stamping onestep; use time_stamping hardware"),
            ("p2p1step", "eth1: cannot do time_stamping p2p1step; use time_stamping hardware"),
            ("legacy", "eth1: time_stamping legacy is not how it reports hardware stamps"),
            ("check", "eth1: hardware time stamping is set to tx 0, rx filter 4")):
        judge.same(scenario, "", "status", "2")
        judge.same(scenario, "", "says", says)
        if scenario != "two_clocks":
            judge.same(scenario, "follower", "stamping after", WAS)
    chosen = [line for line in log.all("auto", "leader", "log")
              if "clock=/dev/ptp0 time_stamping=hardware" in line]
    judge.expect(f"auto chooses hardware: {chosen}", chosen)
    for syncs in (3, 6, 9):
        judge.same("restart", "", f"status of {syncs}", "0")
    judge.never("restart", "leader", lost, fault)
    for scenario in ("udp4", "udp6"):
        judge.same(scenario, "leader", "status", "0")
        judge.never(scenario, "leader", lost, fault)
        grand = [line for line in log.all(scenario, "leader", "log") if "state=MASTER" in line]
        judge.expect(f"{scenario} leader leads: {grand}", grand)
    return judge.wrong


def boot(folder):
    """Fetch, build, boot; the console's text."""
    folder.mkdir(parents=True, exist_ok=True)
    got = subprocess.run([HERE / "fetch"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         text=True, check=False)
    if got.returncode:
        sys.exit(got.returncode)
    cache, initrd = got.stdout.strip(), folder / "initrd.gz"
    built = subprocess.run([HERE / "initrd", cache, folder / "release", initrd], check=False,
                           stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if built.returncode:
        sys.exit(f"cannot build the initial ramdisk:\n{built.stdout}{built.stderr}")
    console = folder / "console.log"
    with open(console, "wb") as stream:
        ran = subprocess.run([HERE / "run", cache, initrd, str(BOOT_LIMIT_S)], check=False,
                             stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT)
    if ran.returncode:
        print(f"QEMU ended with status {ran.returncode} (124: it had to be stopped)")
    return console


def main(arguments):
    """The exit status."""
    if len(arguments) == 2 and arguments[0] == "--judge":
        console = pathlib.Path(arguments[1])
    elif len(arguments) == 1:
        console = boot(pathlib.Path(arguments[0]).resolve())
    else:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    text = console.read_text(encoding="utf-8", errors="replace")
    wrong = judge_log(text)
    if wrong:
        print(f"--- the end of {console}:")
        print("\n".join(text.splitlines()[-40:]))
        print(f"FAILED: {wrong} things are not as they should be")
    return 1 if wrong else 0


sys.exit(main(sys.argv[1:]))
