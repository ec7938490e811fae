#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The drop-ins for linuxptp's smaller programs, against Debian's own, text for text.

    tools.py --gnomon PATH examples|help|phc_ctl|hwstamp_ctl|ts2phc|tz2alt|nsm|timemaster|native

Both programs are called the same way in the same network namespace, without the capability to set
a clock of this machine; what they print and how they end must be equal, but for time stamps and
the differences named here. docs/DROP-INS.md says why they differ.
"""

import json
import os
import pathlib
import re
import shlex
import socket
import struct
import subprocess
import threading

from harness import ALONE, Failure, expect, main_of_cases

TIMESTAMP = re.compile(r"\[\d+\.\d{3}\]")
NUMBERS = re.compile(r"(clock time is |approximately |offset {32})\S+( or .*)?")


def run(lab, space, argv, text=None):
    """(stdout, stderr, exit status) of a program in a namespace, with moments made equal."""
    done = subprocess.run(
        ["ip", "netns", "exec", space, "setpriv", "--bounding-set", "-sys_time", *argv],
        input=text or "", capture_output=True, text=True, check=False, timeout=30, cwd=lab.folder)
    return (plain(done.stdout), plain(done.stderr), done.returncode)


def plain(text):
    """A text without what differs from one moment to the next."""
    return NUMBERS.sub(r"\1N", TIMESTAMP.sub("[T]", text))


def both(lab, space, program, *options, text=None):
    """What Debian's program and ours make of the same options."""
    theirs = run(lab, space, [program, *options], text)
    ours = run(lab, space, [os.path.join(lab.drop_ins, program), *options], text)
    return theirs, ours


def same(lab, space, program, *options, text=None):
    """Failure unless both make the same of the options; what it is."""
    theirs, ours = both(lab, space, program, *options, text=text)
    if theirs != ours:
        raise Failure(f"{program} {options}:\n--- linuxptp {theirs}\n--- ours {ours}")
    print(f"same: {program} {' '.join(options)}")
    return ours


def words(text):
    """The lines of a help text, whatever their spacing."""
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


# What our help says beyond 3.1.1's, because linuxptp 4.4 does, and what it no longer says.
HELP_MORE = {
    "phc_ctl": {"phase <seconds> pass offset to PHC phase control",
                "pins display device configurable pins"},
    "ts2phc": {"-c [dev|name] PHC time sink (like /dev/ptp0 or eth0)"},
}
HELP_MAY = {"ts2phc": {"-a turn on autoconfiguration"}}
HELP_LESS = {"ts2phc": {"-c [dev|name] phc slave clock (like /dev/ptp0 or eth0)"}}


def case_help(lab, space):
    """Help, version, and options there are not."""
    for program in ("phc_ctl", "hwstamp_ctl", "ts2phc", "nsm", "timemaster"):
        theirs, ours = both(lab, space, program, "-h")
        less, more = set(words(theirs[1])), set(words(ours[1])) - HELP_MAY.get(program, set())
        if more - less != HELP_MORE.get(program, set()) or \
                less - more != HELP_LESS.get(program, set()):
            raise Failure(f"{program} -h: {more ^ less}")
        version = run(lab, space, [os.path.join(lab.drop_ins, program), "-v"])
        if not re.fullmatch(r"[0-9.]+\n", version[0]) or version[2]:
            raise Failure(f"{program} -v: {version}")
        theirs, ours = both(lab, space, program, "-X")
        if theirs[2] != ours[2] or not re.search(r"invalid option -- 'X'\n\nusage: ", ours[1]):
            raise Failure(f"{program} -X: {theirs} {ours}")
    same(lab, space, "hwstamp_ctl", "-h")
    same(lab, space, "nsm", "-h")
    same(lab, space, "timemaster", "-h")


def case_phc_ctl(lab, space):
    """What can be done without a PHC."""
    clock = "CLOCK_REALTIME"
    same(lab, space, "phc_ctl", "lo")
    same(lab, space, "phc_ctl", clock, "get")
    # 3.1.1 tells the frequency on the standard error, 4.4 as every other result.
    theirs, ours = both(lab, space, "phc_ctl", clock, "freq")
    if theirs[1] != ours[0] or theirs[2] != ours[2]:
        raise Failure(f"phc_ctl freq: {theirs} {ours}")
    same(lab, space, "phc_ctl", "-q", clock, "get", "foo", "get")
    same(lab, space, "phc_ctl", "-Q", clock, "get")
    same(lab, space, "phc_ctl", "-l", "4", clock, "get")
    same(lab, space, "phc_ctl", "-l", "9", clock, "get")
    same(lab, space, "phc_ctl", "-l", "x", clock, "get")
    same(lab, space, "phc_ctl", clock, "wait", "0.01", "get")
    for bad in (["freq", "abc"], ["adj"], ["adj", "get"], ["wait"], ["wait", "-1"],
                ["set", "x"], ["freq", "1e10"]):
        theirs, ours = both(lab, space, "phc_ctl", "--", clock, *bad)
        first = theirs[1].splitlines()[0], ours[1].splitlines()[0]
        if first[0] != first[1] or theirs[2] != ours[2] or "usage: phc_ctl" not in ours[1]:
            raise Failure(f"phc_ctl {bad}: {first} {theirs[2]} {ours[2]}")
    # Before it gives up linuxptp also says which question it asked.
    theirs, ours = both(lab, space, "phc_ctl", "nonsense", "get")
    if theirs[1].splitlines()[-1:] != ours[1].splitlines() or theirs[2] != ours[2]:
        raise Failure(f"phc_ctl nonsense: {theirs} {ours}")
    # Ours looks at no descriptor that is not one.
    theirs, ours = both(lab, space, "phc_ctl", clock, "cmp")
    if theirs[0] != ours[0] or ours[1]:
        raise Failure(f"phc_ctl cmp: {theirs} {ours}")


def case_hwstamp_ctl(lab, space):
    """On a veth, on the loopback, on nothing."""
    for interface in ("v0", "lo", "none"):
        same(lab, space, "hwstamp_ctl", "-i", interface)
        for more in (("-r", "1"), ("-t", "1"), ("-t", "1", "-r", "14"), ("-t", "x"), ("-r", "99"),
                     ("-t", "2"), ("-r", "-1")):
            same(lab, space, "hwstamp_ctl", "-i", interface, *more)
    same(lab, space, "hwstamp_ctl")


def case_ts2phc(lab, space):
    """What goes wrong before there is a PHC: the same ends, in our words."""
    for options, text in (
            (["-c", "v0", "-s", "generic"], "v0: the interface has no PTP hardware clock"),
            (["-c", "none"], "none: no such clock"),
            (["-s", "nmea"], "no PPS sinks specified"),
            (["-f", "/nonexistent"], "cannot read '/nonexistent'"),
            (["-s", "a", "-s", "b"], "too many PPS sources"),
            (["-c", "v0", "--ts2phc.pulserate", "1000"], "out of range"),
            (["-c", "v0", "--ts2phc.nonsense", "1"], "unrecognized option"),
            (["-c", "v0", "--leapfile", "/nonexistent", "-s", "nmea"], "leap seconds")):
        theirs, ours = both(lab, space, "ts2phc", "-m", "-q", *options)
        if theirs[2] != ours[2] or text not in ours[1]:
            raise Failure(f"ts2phc {options}: {theirs} {ours}")


NSM_BLOCK = """NSM MEASUREMENT COMPLETE
		offset                                N
		portState                             """


def case_nsm(lab, space):
    """Against Debian's ptp4l, over each transport it answers on."""
    other = lab.namespace("server")
    lab.veth(space, "v1", other, "v1")
    lab.address(space, "v1", "192.0.2.1/28")
    lab.address(other, "v1", "192.0.2.2/28")
    mac = pathlib.Path(lab.folder, "mac")
    with open(mac, "w", encoding="utf-8") as out:
        subprocess.run(["ip", "netns", "exec", other, "cat", "/sys/class/net/v1/address"],
                       stdout=out, check=True)
    for transport, server in (("UDPv4", "192.0.2.2"), ("L2", mac.read_text().strip())):
        # As it starts it listens; long enough for all that is asked of it here.
        ptp4l = lab.start_ptp4l(other, ["v1"],
                                {"network_transport": transport, "net_sync_monitor": "1",
                                 "hybrid_e2e": "1", "free_running": "1", "masterOnly": "1",
                                 "logAnnounceInterval": "-3"}, f"ptp4l-{transport}")
        expect(ptp4l, "assuming the grand master role", 10)
        options = ["-i", "v1", "--time_stamping=software", f"--network_transport={transport}"]
        asked = same(lab, space, "nsm", *options, f"NSM {server}", "nonsense")
        if not asked[0].startswith(NSM_BLOCK):
            raise Failure(f"nsm: no measurement: {asked}")
        same(lab, space, "nsm", *options, f"n {server}")
        same(lab, space, "nsm", *options, "NSM x")
        same(lab, space, "nsm", *options, text=f"NSM {server}\n")
        check_native_nsm(lab, space, options, server)
        ptp4l.stop()
    same(lab, space, "nsm")


def check_native_nsm(lab, space, options, server):
    """One JSON object for who answers; status 2 for who does not."""
    silent = "192.0.2.9" if "." in server else "02:00:00:00:00:09"
    out, err, status = run(lab, space, [lab.gnomon, "nsm", "--json", "-t", "300", *options,
                                        server, silent])
    rows = [json.loads(line) for line in out.splitlines()]
    if status != 2 or len(rows) != 1 or f"{silent}: no answer" not in err:
        raise Failure(f"gnomon nsm: {out} {err} {status}")
    if rows[0]["server"] != server or abs(rows[0]["offset_ns"]) > 1e9 or \
            rows[0]["delay_ns"] <= 0:
        raise Failure(f"gnomon nsm: {rows}")


TIMEMASTER = """[ntp_server ntp.example]
minpoll 4
iburst 1
ntp_options key 12
[ptp_domain 0]
interfaces v0 lo
delay 10e-6
ntp_poll 3
phc2sys_poll -1
ptp4l_option logSyncInterval -3
ntp_options offset 1e-6
[ptp_domain 3]
interfaces v0
[timemaster]
ntp_program {program}
rundir /tmp/none
[chrony.conf]
include /etc/chrony.conf
>#raw
[ntpd]
path /usr/sbin/ntpd
options -u ntp:ntp -g
[ptp4l.conf]
logging_level 5
"""


def as_newer(text):
    """What timemaster 3.1.1 prints, as 4.4 does."""
    text = text.replace("slaveOnly 1", "clientOnly 1")
    text = re.sub(r"(uds_address (\S+)/ptp4l\.(\d+)\.socket\n)",
                  r"\1uds_ro_address \2/ptp4lro.\3.socket\n", text)
    text = text.replace("\ncommands:", "\nvirtual clocks:\n\n\ncommands:")
    text = re.sub(r"refclock SHM (\d+) poll (\d+) dpoll (-?\d+) ",
                  lambda m: f"refclock SOCK /tmp/none/chrony.SOCK{m[1]} poll {m[2]} "
                            f"filter {1 << (int(m[2]) - int(m[3]))} ", text)
    if "chrony" in text:
        text = re.sub(r"clock_servo ntpshm\nntpshm_segment (\d+)",
                      r"clock_servo refclock_sock\nrefclock_sock_address "
                      r"/tmp/none/chrony.SOCK\1", text)
    return text


def case_timemaster(lab, space):
    """The files and commands it would make, of each kind and of Debian's own file."""
    path, newer = (pathlib.Path(lab.folder, name) for name in ("timemaster.conf", "newer"))
    newer.write_text("#!/bin/sh\n", encoding="utf-8")
    newer.chmod(0o755)
    for program in ("chronyd", "ntpd"):
        # For Debian's ptp4l, which is of linuxptp 3, and for one that knows what 4 knows.
        path.write_text(TIMEMASTER.format(program=program), encoding="utf-8")
        same(lab, space, "timemaster", "-n", "-q", "-f", str(path))
        path.write_text(TIMEMASTER.format(program=program) + f"[ptp4l]\npath {newer}\n",
                        encoding="utf-8")
        theirs, ours = both(lab, space, "timemaster", "-n", "-q", "-f", str(path))
        if as_newer(theirs[1]) != ours[1] or ours[2] or "refid PTP2" not in ours[1]:
            raise Failure(f"timemaster:\n{as_newer(theirs[1])}\n---\n{ours[1]}")
    if os.path.exists("/etc/linuxptp/timemaster.conf"):
        same(lab, space, "timemaster", "-n", "-q", "-f", "/etc/linuxptp/timemaster.conf")
    same(lab, space, "timemaster", "-f", "/nonexistent")
    same(lab, space, "timemaster")
    supervised(lab, space)


def supervised(lab, space):
    """Processes are started, started again, and ended; nothing is left behind."""
    rundir, log = os.path.join(lab.folder, "run"), pathlib.Path(lab.folder, "started")
    fake = pathlib.Path(lab.folder, "fake")
    fake.write_text(f"#!/bin/sh\n[ \"$2\" = -v ] && exit\necho $$ $* >>{log}\n"
                    "exec sleep 600\n", encoding="utf-8")
    fake.chmod(0o755)
    path = pathlib.Path(lab.folder, "supervised.conf")
    path.write_text(f"[timemaster]\nrundir {rundir}\n[ptp_domain 0]\ninterfaces v0\n"
                    f"[chronyd]\npath {fake}\n[ptp4l]\npath {fake}\noptions one\n",
                    encoding="utf-8")
    master = lab.start(space, [lab.gnomon, "timemaster", "-l", "7", "-f", str(path)], "timemaster")
    pid = expect(master, r"process (\d+) started: \S+/fake one -f", 10)[1]
    if sorted(os.listdir(rundir)) != ["chrony.conf", "ptp4l.0.conf"]:
        raise Failure(f"files: {os.listdir(rundir)}")
    # What ends within the first seconds is taken to be misconfigured.
    subprocess.run(["sleep", "2.2"], check=True)
    os.kill(int(pid), 9)
    expect(master, f"process {pid} terminated abnormally", 10)
    again = expect(master, r"process (\d+) started: \S+/fake one -f", 10, len(master.lines) - 1)[1]
    master.child.terminate()
    if master.child.wait(10) or os.listdir(rundir) or os.path.exists(f"/proc/{again}"):
        raise Failure(f"left behind: {master.lines} {os.listdir(rundir)}")
    # A program that is not there is found before anything is made.
    path.write_text(f"[timemaster]\nrundir {rundir}/x\n[chronyd]\npath /nonexistent\n",
                    encoding="utf-8")
    done = run(lab, space, [lab.gnomon, "timemaster", "-f", str(path)])
    if done[2] != 1 or "/nonexistent" not in done[1] or os.path.exists(f"{rundir}/x"):
        raise Failure(f"timemaster: {done}")


NATIVE = (
    (["phc"], 1, "no clock"),
    (["phc", "none"], 2, "none: no such clock"),
    (["phc", "v0"], 2, "v0: the interface has no PTP hardware clock"),
    (["phc", "/dev/null"], 2, "is no PTP clock device"),
    (["phc", "-X"], 1, "option -X: unknown; --help lists them"),
    (["phc", "--fly"], 1, "option --fly: unknown"),
    (["phc", "-l"], 1, "option -l: no value"),
    (["phc", "CLOCK_REALTIME", "adj"], 1, "adj: no value; write how many seconds"),
    (["phc", "CLOCK_REALTIME", "freq", "1e10"], 1, "freq: '1e10' is out of range; write "),
    (["phc", "CLOCK_REALTIME", "get", "fly"], 1, 'no command "fly"; --help lists them'),
    (["phc", "CLOCK_REALTIME", "gte"], 1, 'no command "gte"; did you mean get?'),
    (["phc", "CLOCK_REALTIME", "-Q", "get"], 1, "'-Q': options stand before the clock"),
    (["phc", "get", "CLOCK_REALTIME"], 1, "get: is a command; the clock stands before it"),
    (["phc", ""], 2, "'': no such clock: give "),
    (["phc", "CLOCK_REALTIME", "adj", "x"], 1, "adj: 'x' is no number; write "),
    (["phc", "CLOCK_REALTIME", "adj", "-0.000000001"], 2,
     "CLOCK_REALTIME: no permission to step it: run as root"),
    (["phc", "CLOCK_REALTIME", "caps"], 2, "is no PTP hardware clock"),
    (["hwstamp"], 1, "give one interface"),
    (["hwstamp", "none"], 2, "none: no such network interface"),
    (["hwstamp", "-t", "on", "v0"], 2, "no hardware time stamping"),
    (["hwstamp", "-r", "few", "v0"], 1, 'there is no "few"'),
    (["ts2phc"], 1, "no clock to keep; name each with -c"),
    (["ts2phc", "-s", "a", "-s", "b"], 1, "too many PPS sources: a and b"),
    (["ts2phc", "-l", "2", "-c", "none"], 2, "none: no such clock"),
    (["ts2phc", "-c", "CLOCK_REALTIME"], 2, "cannot time-stamp pulses"),
    (["ts2phc", "-c", "v0", "--clock_servo=ntpshm"], 1, "offsets of the system clock"),
    (["ts2phc", "-s", "nmea", "--ts2phc.nmea_baudrate=31337", "-c", "v0"], 1, "31337"),
    (["nsm"], 1, "no server"),
    (["nsm", "192.0.2.1"], 1, "0 interfaces to ask from; name one, with -i"),
    (["nsm", "-t", "soon", "192.0.2.1"], 1, "option -t: 'soon' is no whole number; write 1 to"),
    (["nsm", "--network_transport"], 1, "option --network_transport: no value; write"),
    (["nsm", "--json=1"], 1, "option --json: takes no value"),
    (["nsm", "-i", "v0", "nowhere"], 1, "nowhere"),
    (["nsm", "-i", "none", "192.0.2.1"], 2, "none: no such network interface"),
    (["timemaster"], 1, "no configuration file specified; give one with -f"),
    (["timemaster", "-f", "/nonexistent"], 1, "check the path given with -f"),
    (["timemaster", "-f", "/etc/passwd"], 1, "/etc/passwd:1: settings outside section; correct"),
    (["timemaster", "-l", "x"], 1, "option -l: 'x' is no whole number"),
    (["timemaster", "word"], 1, "argument 'word': not an option"),
)


def case_native(lab, space):
    """Errors by our own names: one line, on the standard error, 1 for usage and 2 for the rest."""
    for options, status, text in NATIVE:
        out, err, got = run(lab, space, [lab.gnomon, *options])
        if got != status or text not in err or len(err.splitlines()) != 1 or out or \
                not err.startswith(f"gnomon {options[0]}: "):
            raise Failure(f"gnomon {options}: {got} {out} {err}")
    for words in ([], ["help"], ["--version"], ["phc", "CLOCK_REALTIME", "get"],
                  ["hwstamp", "v0"], ["pmc", "help"], ["sync", "--help"]):
        out, err, got = run(lab, space, ["sh", "-c", 'exec "$@" >/dev/full', "sh", lab.gnomon,
                                         *words])
        if got != 2 or "cannot write all of the output" not in err:
            raise Failure(f"gnomon {words}, on a full disk: {got} {out} {err}")
    # No socket gets the number of the standard input, to be taken for commands.
    out, err, got = run(lab, space, ["sh", "-c", 'exec timeout 10 "$0" pmc <&-', lab.gnomon])
    if got or out or err:
        raise Failure(f"gnomon pmc without a standard input: {got} {out} {err}")
    out, err, got = run(lab, space, [lab.gnomon, "phc", "--json", "CLOCK_REALTIME", "get", "freq",
                                     "cmp"])
    rows = [json.loads(line) for line in out.splitlines()]
    if got or [row["command"] for row in rows] != ["get", "freq", "cmp"] or rows[0]["seconds"] < 1:
        raise Failure(f"gnomon phc --json: {out} {err}")
    out, err, got = run(lab, space, [lab.gnomon, "hwstamp", "--json", "v0"])
    if got or json.loads(out)["phc"] != -1:
        raise Failure(f"gnomon hwstamp --json: {out} {err}")


class Daemon(threading.Thread):
    """A PTP daemon's management socket: takes what is set, or refuses it."""

    def __init__(self, path, refuses=False):
        super().__init__(daemon=True)
        self.path, self.refuses, self.told = path, refuses, []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        self.start()

    def run(self):
        while True:
            try:
                message, peer = self.socket.recvfrom(1500)
            except OSError:
                return
            action, (length, number) = message[46] & 15, struct.unpack("!HH", message[50:54])
            data = message[54:52 + length]
            self.told.append((action, number, data))
            head = bytearray(message[:48])
            head[20:30], head[34:44] = b"\1\2\3\4\5\6\7\x08\0\0", message[20:30]
            head[46] = 2
            tlv = struct.pack("!HHH", 1, len(data) + 2, number) + data
            if self.refuses:
                tlv = struct.pack("!HHHHI", 2, 8, 5, number, 0)
            head[2:4] = struct.pack("!H", len(head) + len(tlv))
            self.socket.sendto(bytes(head) + tlv, peer)

    def close(self):
        """No daemon is there any more."""
        self.socket.close()
        os.unlink(self.path)


ZONE = "XST-1XDT,M3.5.0,M10.5.0/3"


def case_tz2alt(lab, space):
    """What a daemon is told; linuxptp 3.1.1 has no such program."""
    path, leaps = os.path.join(lab.folder, "daemon"), pathlib.Path(lab.folder, "leap.list")
    leaps.write_text("#@ 9000000000\n3692217600 37\n", encoding="utf-8")
    options = [f"--uds_address={path}", f"--leapfile={leaps}", "-k", "3", "-w", "31536000"]
    daemon = Daemon(path)
    done = run(lab, space, [lab.gnomon, "tz2alt", "--once", "-z", ZONE, *options])
    daemon.close()
    if done[2] or [row[:2] for row in daemon.told] != [(1, 0x201f), (1, 0x2021), (1, 0x201e)]:
        raise Failure(f"tz2alt: {done} {daemon.told}")
    name, properties, enable = (row[2] for row in daemon.told)
    key, offset, jump, high, low = struct.unpack("!BiiHIx", properties)
    when = high << 32 | low
    if name != b"\3\0013\0" or enable != b"\3\1" or key != 3 or offset not in (3563, 7163) or \
            jump != (3600 if offset == 3563 else -3600) or (when - 37) % 3600:
        raise Failure(f"tz2alt: {daemon.told}")
    daemon = Daemon(path, refuses=True)
    done = run(lab, space, [lab.gnomon, "tz2alt", "--once", "-z", ZONE, *options])
    daemon.close()
    if done[2] != 2 or len(daemon.told) != 1 or len(done[1].splitlines()) != 1:
        raise Failure(f"tz2alt refused: {done} {daemon.told}")
    for more, status in ((["-z", ZONE], 2), (["-z", "Middle/Earth"], 1), ([], 1),
                         (["-z", ZONE, "-k", "4"], 1), (["-z", ZONE, "--leapfile=/none"], 2)):
        done = run(lab, space, [lab.gnomon, "tz2alt", "--once", *options, *more])
        if done[2] != status or len(done[1].splitlines()) != 1:
            raise Failure(f"tz2alt {more}: {done}")
    compat = run(lab, space, [os.path.join(lab.drop_ins, "tz2alt"), *options])
    if compat[2] != 255 or "tz2alt[T]: failed to update PTP service" not in compat[1] or \
            "tz2alt[T]: next discontinuity" not in compat[0]:
        raise Failure(f"tz2alt: {compat}")


PAGES = sorted(pathlib.Path(__file__).resolve().parents[2].glob("docs/gnomon-*.1.scd.in"))


def blocks(page):
    """The blocks among a manual page's examples."""
    text = page.read_text(encoding="utf-8").partition("\n# EXAMPLES\n")[2].partition("\n# ")[0]
    return re.findall(r"^```\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def example(lab, space, argv):
    """What is wrong with an example; what goes on is ended. There is no hardware to be changed, no
    daemon, and no capability to set the system clock."""
    try:
        done = subprocess.run(
            ["ip", "netns", "exec", space, "setpriv", "--bounding-set", "-sys_time", *ALONE,
             lab.gnomon, *argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=3, check=False, cwd=lab.folder)
    except subprocess.TimeoutExpired:
        print(f"{argv}: runs")
        return []
    print(f"{argv}: {done.returncode} {done.stdout}")
    # Lacking hardware or a daemon is 2; 1 would be a command line or a file that makes no sense.
    return [f"{argv}: {done.returncode} {done.stdout}"] if done.returncode not in (0, 2) else []


def case_examples(lab, space):
    """The manual pages' examples are understood."""
    subprocess.run(["ip", "-n", space, "link", "add", "eth0", "type", "veth", "peer", "name",
                    "eth1"], check=True)
    subprocess.run(["ip", "-n", space, "link", "set", "eth0", "up"], check=True)
    wrong, count = [], 0
    for page in PAGES:
        lines = []
        for block in blocks(page):
            if block.startswith("["):
                pathlib.Path(lab.folder, "example.conf").write_text(block, encoding="utf-8")
            else:
                # One that would start chronyd is there with -n, too.
                lines += [line for line in block.splitlines()
                          if not line.startswith("gnomon timemaster -f")]
        if not lines:
            wrong.append(f"{page.name}: no examples")
        count += len(lines)
        for line in lines:
            line = re.sub(r"/etc/\S+\.conf", f"{lab.folder}/example.conf", line)
            first, *argv = shlex.split(line)
            wrong += [f"{page.name}: {line}"] if first != "gnomon" else example(lab, space, argv)
    print(f"{count} examples on {len(PAGES)} pages")
    if wrong:
        raise Failure("; ".join(wrong))


main_of_cases(globals(), ["phc_ctl", "hwstamp_ctl", "ts2phc", "tz2alt", "nsm", "timemaster"],
              "phc_ctl", "hwstamp_ctl", "ts2phc", "nsm", "timemaster", "ptp4l")
