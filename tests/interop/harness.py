# SPDX-License-Identifier: BSD-2-Clause
"""What the tests against linuxptp share: configuration files, peers, captures and their verdict."""

import argparse
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))
import netlab  # noqa: E402  pylint: disable=wrong-import-position

SKIP = 77
OURS = "02:67:6e:00:00:%02x"   # interfaces of gnomond, so that a capture tells who sent what
THEIRS = "02:70:74:00:00:%02x"

# Short intervals, and a servo quick enough for a test of seconds.
COMMON = {
    "time_stamping": "software",
    "logAnnounceInterval": "-2",
    "logSyncInterval": "-3",
    "logMinDelayReqInterval": "-3",
    "logMinPdelayReqInterval": "-3",
    "pi_proportional_scale": "0.7",
    "pi_integral_scale": "0.3",
    "summary_interval": "-4",
    "use_syslog": "0",
    "verbose": "1",
}
# Before a program that looks for others that steer its clock: a world where it meets none, neither
# in /proc nor by the lock of the system clock. From outside it is seen as before.
ALONE = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c",
         'mount -t proc proc /proc && mount -t tmpfs tmpfs /run && exec "$@"', "alone"]
SELECTED = r"selected best master clock (\S+)"
OFFSET = re.compile(r"master offset\s+(-?\d+) s(\d) freq\s+([+-]?\d+) path delay\s+(-?\d+)")


def skip(reason):
    """End as a visible skip."""
    print(f"skip: {reason}")
    sys.exit(SKIP)


def need(*tools):
    """Skip unless networks can be built and the tools are there."""
    reason = netlab.why_not()
    if reason:
        skip(reason)
    for tool in tools:
        if shutil.which(tool) is None:
            skip(f"needs {tool}")


def parse_args(*names):
    """--gnomond PATH and positional arguments."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--gnomond", required=True, type=os.path.abspath)
    for name in names:
        parser.add_argument(name)
    return parser.parse_args()


class Failure(Exception):
    """What was expected did not come."""


class Bench(netlab.Lab):
    """A Lab that knows both programs, captures, and says what the programs said if a test fails."""

    def __init__(self, gnomond):
        super().__init__()
        self.gnomond, self.captures = gnomond, []

    def __exit__(self, kind, error, trace):
        if kind is not None and kind is not SystemExit:
            for process in self.processes:
                print(f"--- {process.name}, pid {process.child.pid}, {process.child.poll()}:")
                told = [line for line in process.lines if "Operation not permitted" not in line]
                print("\n".join(told[-30:]))
            sys.stdout.flush()
        super().__exit__(kind, error, trace)

    def config(self, name, settings, interfaces):
        """Write a configuration file; interfaces: names, or a dict of their settings."""
        rows = ["[global]"] + [f"{key} {value}" for key, value in settings.items()]
        for interface in interfaces:
            rows.append(f"[{interface}]")
            if isinstance(interfaces, dict):
                rows += [f"{key} {value}" for key, value in interfaces[interface].items()]
        path = os.path.join(self.folder, f"{name}.conf")
        pathlib.Path(path).write_text("\n".join(rows) + "\n", encoding="utf-8")
        return path

    def start_gnomond(self, space, interfaces, settings, name="gnomond"):
        """Start the daemon under test on a soft clock, with ptp4l's log lines."""
        extra = {"uds_address": os.path.join(self.folder, name),
                 "uds_ro_address": os.path.join(self.folder, f"{name}-ro"),
                 "control_socket": os.path.join(self.folder, f"{name}-control"),
                 "clock": "soft", "log_format": "ptp4l"}
        path = self.config(name, {**COMMON, **extra, **settings}, interfaces)
        return self.start(space, [self.gnomond, "-f", path], name)

    def start_ptp4l(self, space, interfaces, settings, name="ptp4l"):
        """Start the peer, without the capability to set this machine's clock."""
        # Its clock does not obey, which its own check of the clock would object to.
        extra = {"uds_address": os.path.join(self.folder, name), "sanity_freq_limit": "0"}
        path = self.config(name, {**COMMON, **extra, **settings}, interfaces)
        return self.start(space, ["setpriv", "--bounding-set", "-sys_time", "ptp4l", "-f", path],
                          name)

    def cable(self, ours, theirs, number=1):
        """A cable from gnomond's namespace to a peer's: v1 to v1, with addresses."""
        name = f"v{number}"
        self.veth(ours, name, theirs, name)
        for space, mac, host in ((ours, OURS, 1), (theirs, THEIRS, 2)):
            netlab.ip("-n", space, "link", "set", name, "address", mac % number)
            self.address(space, name, f"192.0.2.{16 * number + host}/28")
        return name

    def capture(self, space, interface):
        """Record everything an interface sends and receives."""
        path = os.path.join(self.folder, f"{space}-{interface}.pcapng")
        process = self.start(space, ["dumpcap", "-q", "-i", interface, "-w", path], "dumpcap")
        if not process.wait_for("File: ", 10):
            raise Failure(f"dumpcap does not start: {process.lines}")
        self.captures.append((process, path))

    def verdict(self, *expected):
        """Stop the captures; Failure if tshark objects to anything gnomond sent, or if a message
        type expected of gnomond is not there. Returns the number of messages looked at."""
        seen, bad = {}, []
        for process, path in self.captures:
            process.stop(2)
            for row in dissect(path):
                if row["eth.src"].startswith(OURS[:8]):
                    seen[row["ptp.v2.messagetype"]] = seen.get(row["ptp.v2.messagetype"], 0) + 1
                    if row["_ws.malformed"] or severe(row["_ws.expert.severity"]):
                        bad.append(row)
        if bad:
            raise Failure(f"tshark objects to {len(bad)} messages of ours, first: {bad[0]}")
        missing = [name for name in expected if seen.get(TYPES[name], 0) < 2]
        if missing:
            raise Failure(f"gnomond sent fewer than 2 of {missing}; sent: {seen}")
        return sum(seen.values())


FIELDS = ("frame.number", "eth.src", "ptp.v2.messagetype", "ptp.v2.sequenceid", "_ws.malformed",
          "_ws.expert.severity", "_ws.expert.message")
TYPES = {"Sync": "0x00", "Delay_Req": "0x01", "Pdelay_Req": "0x02", "Pdelay_Resp": "0x03",
         "Follow_Up": "0x08", "Delay_Resp": "0x09", "Pdelay_Resp_Follow_Up": "0x0a",
         "Announce": "0x0b"}
WARN = 0x600000  # PI_WARN; PI_ERROR is above it


def severe(text):
    """True if an expert item is a warning or an error."""
    return any(int(part, 0) >= WARN for part in text.split(",") if part)


def dissect(path):
    """What tshark says of each PTP message of a capture: one dict of FIELDS per message."""
    command = ["tshark", "-n", "-r", path, "-Y", "ptp", "-T", "fields", "-E", "separator=\t"]
    for field in FIELDS:
        command += ["-e", field]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          check=False)
    if done.returncode:
        raise Failure(f"tshark: {done.stderr}")
    for line in done.stdout.splitlines():
        yield dict(zip(FIELDS, line.split("\t") + [""] * len(FIELDS)))


def expect(process, pattern, seconds, start=0):
    """Wait for a line; Failure if it does not come."""
    match = process.wait_for(pattern, seconds, start)
    if match is None:
        raise Failure(f"{process.name}: no line with {pattern!r} within {seconds} s")
    return match


def samples(process, count, seconds, start=0):
    """The next so many (offset ns, servo state, frequency ppb, delay ns) logged from line start
    on, wherever the log is now."""
    found = []
    while len(found) < count:
        expect(process, OFFSET.pattern, seconds, start)
        with process.changed:
            lines, start = process.lines[start:], len(process.lines)
        found += [tuple(int(part) for part in match.groups())
                  for match in map(OFFSET.search, lines) if match]
    return found


def settled(process, count=24, seconds=5):
    """Medians of offset, frequency and delay over the samples from now on."""
    rows = samples(process, count, seconds, len(process.lines))
    states = {row[1] for row in rows}
    if states != {2}:
        raise Failure(f"{process.name}: servo states {states}, not locked: {rows}")
    return tuple(statistics.median(row[column] for row in rows) for column in (0, 2, 3))


def within(what, value, low, high):
    """Failure unless low <= value <= high."""
    print(f"{what}: {value:g} (expected {low:g} to {high:g})")
    if not low <= value <= high:
        raise Failure(f"{what} is {value:g}, not within {low:g} to {high:g}")


def main_of_cases(names, drop_ins, *needed):
    """Run the one case_... of names that the command line asks for, in a namespace with an
    interface; lab.drop_ins has gnomon under the names of those linuxptp programs."""
    cases = {name[5:]: case for name, case in names.items() if name.startswith("case_")}
    parser = argparse.ArgumentParser()
    parser.add_argument("--gnomon", required=True, type=os.path.abspath)
    parser.add_argument("case", choices=sorted(cases))
    args = parser.parse_args()

    def test():
        need("setpriv", *needed)
        with Bench(None) as lab:
            lab.gnomon = args.gnomon
            lab.drop_ins = os.path.join(lab.folder, "bin")
            os.mkdir(lab.drop_ins)
            for name in drop_ins:
                os.symlink(args.gnomon, os.path.join(lab.drop_ins, name))
            space = lab.namespace("tools")
            lab.veth(space, "v0", space, "v9")
            cases[args.case](lab, space)

    main(test)


def main(test):
    """Run a test; its Failure is the exit status."""
    try:
        test()
    except (Failure, netlab.LabError) as failure:
        print(f"FAILED: {failure}")
        sys.exit(1)
    print("ok")
