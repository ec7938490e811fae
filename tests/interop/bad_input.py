#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Bad input to the programs that keep clocks: one clear line, the right exit status, and no clock
touched. The programs run with clock_guard, which keeps them from setting any clock, notes each
attempt, and shows them PTP hardware clocks that nobody else sees.

    bad_input.py --guard LIBRARY --gnomon PATH --gnomond PATH guard|sync|phc2sys|gnomond|...
"""

import argparse
import datetime
import os
import pathlib
import pty
import subprocess
import sys
import threading
import time
import zlib

from harness import ALONE, Bench, Failure, main, need

NOBODY = 65534
PHCS = {
    "/dev/ptp90": "90", "/dev/ptp91": "91", "/dev/ptp92": "92",
    "/dev/good-clock": "90",   # another name of the first
    "/dev/ptp95": "95:fixed", "/dev/ptp96": "96:ro", "/dev/ptp97": "97:no",
    "/dev/ptp98": "98:pulse",
}
ONE, SAME, TWO, THREE = "/dev/ptp90", "/dev/good-clock", "/dev/ptp91", "/dev/ptp92"
FIXED, READ_ONLY, CLOSED, PULSE = "/dev/ptp95", "/dev/ptp96", "/dev/ptp97", "/dev/ptp98"
NONE = "/dev/ptp99"

# Name: (options, words of the line, exit status of gnomon sync). phc2sys says -1.
SYNC = {
    "source missing": (["-s", NONE, "-c", ONE], [NONE, "no such clock", "ls /dev/ptp*"], 2),
    "sink missing": (["-s", ONE, "-c", NONE], [NONE, "no such clock", "ls /dev/ptp*"], 2),
    "no such name": (["-s", "ptp-nowhere", "-c", ONE], ["ptp-nowhere", "clock_name"], 2),
    "interface without a clock": (["-s", ONE, "-c", "v0"], ["v0", "no PTP hardware clock"], 2),
    "source closed to us": (["-s", CLOSED, "-c", ONE], [CLOSED, "no permission", "root"], 2),
    "sink closed to us": (["-s", ONE, "-c", CLOSED], [CLOSED, "no permission", "root"], 2),
    "sink not to be written": (["-s", ONE, "-c", READ_ONLY],
                               [READ_ONLY, "no permission to adjust", "root"], 2),
    "sink without adjust": (["-s", ONE, "-c", FIXED],
                            [FIXED, "cannot be adjusted", "as a source only"], 2),
    "source is sink": (["-s", ONE, "-c", ONE], [ONE, "same clock", "give two"], 1),
    "source is sink by another name": (["-s", ONE, "-c", SAME], [SAME, ONE, "give two"], 1),
    "a sink twice": (["-s", TWO, "-c", ONE, "-c", SAME], [SAME, ONE, "give it once"], 1),
    "a good and a bad sink": (["-s", ONE, "-c", TWO, "-c", FIXED], [FIXED, "cannot be adj"], 2),
    "the system clock by itself": (["-s", "CLOCK_REALTIME", "-c", "CLOCK_REALTIME"],
                                   ["CLOCK_REALTIME"], None),
}
NATIVE = {
    "steered and handed over": (["-s", ONE, "-c", "CLOCK_REALTIME", "-c", "shm:4711", "--force"],
                                ["shm:4711", "CLOCK_REALTIME", "give one"], 1),
    "nobody at the socket": (["-s", ONE, "-O", "-37", "-c", "sock:/run/nobody"],
                             ["/run/nobody", "refclock SOCK"], 2),
    "handed to itself": (["-s", "CLOCK_REALTIME", "-c", "sock:/run/nobody"], ["/run/nobody"], 2),
    "UTC by nobody": (["-s", ONE, "-c", "CLOCK_REALTIME", "--force", "-z", "/nowhere"],
                      ["TAI is from UTC", "-O"], 2),
}

# What stands in [sync ...] and [source ...] sections: the sections, words, status. {file} is the
# configuration's path; the kept clock is ONE.
GNOMOND = {
    "sink missing": ("[sync a]\nsync_sink /dev/ptp99\n",
                     ["{file}:9: sync a: /dev/ptp99: no such clock", "ls /dev/ptp*"], 2),
    "source missing": ("[sync a]\nsync_sink /dev/ptp91\nsync_source /dev/ptp99\n",
                       ["{file}:9: sync a: /dev/ptp99: no such clock"], 2),
    "no sink": ("[sync a]\nsync_interval 1\n", ["{file}:9: sync a:", "sync_sink"], 1),
    "no such interface": ("[sync a]\nsync_sink eth77\n", ["{file}:9: sync a: eth77:"], 2),
    "sink closed to us": ("[sync a]\nsync_sink /dev/ptp97\n",
                          ["{file}:9: sync a: /dev/ptp97: no permission", "root"], 2),
    "sink not to be written": ("[sync a]\nsync_sink /dev/ptp96\n",
                               ["{file}:9: sync a: /dev/ptp96: no permission to adjust"], 2),
    "sink without adjust": ("[sync a]\nsync_sink /dev/ptp95\n",
                            ["{file}:9: sync a: /dev/ptp95: the clock cannot be adjusted"], 2),
    "sink is the kept clock": ("[sync a]\nsync_source /dev/ptp91\nsync_sink /dev/ptp90\n",
                               ["{file}:9: sync a:", "keeps"], 1),
    "sink is the kept clock by another name":
        ("[sync a]\nsync_source /dev/ptp91\nsync_sink /dev/good-clock\n",
         ["{file}:9: sync a: /dev/good-clock: is the clock that gnomond keeps", "/dev/ptp90"], 1),
    "sink is called kept": ("[sync a]\nsync_sink kept\n", ["{file}:9: sync a:", "keeps"], 1),
    "source is sink": ("[sync a]\nsync_source /dev/ptp91\nsync_sink /dev/ptp91\n",
                       ["{file}:9: sync a:", "/dev/ptp91"], 1),
    "two keepers": ("[sync a]\nsync_sink /dev/ptp91\n[sync b]\nsync_source /dev/ptp92\n"
                    "sync_sink /dev/ptp91\n", ["sync a", "sync b", "/dev/ptp91", "remove one"], 1),
    "a loop of two": ("[sync a]\nsync_source /dev/ptp91\nsync_sink /dev/ptp92\n"
                      "[sync b]\nsync_source /dev/ptp92\nsync_sink /dev/ptp91\n",
                      ["{file}:", "sync a", "/dev/ptp91", "loop"], 1),
    "a loop that names hide":
        ("[sync a]\nsync_source /dev/other-clock\nsync_sink /dev/ptp92\n"
         "[sync b]\nsync_source /dev/ptp92\nsync_sink soft:x\n"
         "[sync c]\nsync_source soft:x\nsync_sink /dev/ptp91\n",
         ["{file}:15: sync c: /dev/ptp91: would be kept by itself", "sync c, sync a, sync b",
          "remove one"], 1),
    "a loop by way of a source":
        ("[source s]\nsource_type phc\nsource_device /dev/other-clock\n"
         "[sync a]\nsync_sink /dev/ptp91\n",
         ["{file}:12: sync a: /dev/other-clock: would be kept by itself", "source s"], 1),
    "a source that is the kept clock":
        ("[source s]\nsource_type phc\nsource_device /dev/good-clock\n",
         ["{file}:9: source s: /dev/good-clock is the clock that is kept", "another"], 1),
    "a source that is missing":
        ("[source s]\nsource_type phc\nsource_device /dev/ptp99\n",
         ["{file}:9: source s:", "/dev/ptp99: no such clock"], 2),
    "the system clock by way of chronyd":
        ("[source n]\nsource_type ntp\n[sync a]\nsync_sink CLOCK_REALTIME\n",
         ["{file}:11: sync a: ", "source n", "remove one"], 1),
    "steered and handed over":
        ("[sync a]\nsync_sink CLOCK_REALTIME\n[sync b]\nsync_sink shm:4711\n",
         ["sync b", "sync a", "CLOCK_REALTIME", "remove one"], 1),
    "no place for a socket": ("[sync a]\nsync_sink chrony:\n",
                              ["{file}:9: sync a: chrony:: write", "refclock SOCK"], 1),
    "no segment": ("[sync a]\nsync_sink shm:first\n", ["{file}:9: sync a: shm:first"], 1),
    "pulses for a PHC": ("[sync a]\nsync_source pps:/dev/pps0\nsync_sink /dev/ptp91\n",
                         ["{file}:9: sync a: pps:/dev/pps0", "CLOCK_REALTIME"], 1),
    "a key of another section": ("[sync a]\nsource_type phc\n", ["{file}:10", "source_type"], 1),
}
PHCS["/dev/other-clock"] = "91"
UNPRIVILEGED = {
    "the system clock": ("[sync a]\nsync_sink CLOCK_REALTIME\n",
                         ["{file}:9: sync a: ", "no permission to set the system clock"], 2),
    "somebody else's clock": ("[sync a]\nsync_sink /dev/ptp96\n",
                              ["{file}:9: sync a: /dev/ptp96: no permission to adjust"], 2),
}
HEAD = """[global]
phc_device /dev/ptp90
clock {clock}
time_stamping software
event_port 20319
general_port 20320
uds_address {folder}/gnomond
uds_ro_address {folder}/gnomond-ro
"""


class Guarded:
    """Programs that run with the guard, in a namespace."""

    def __init__(self, lab, args):
        self.lab, self.args, self.phcs = lab, args, PHCS
        self.space = lab.namespace("guard")
        lab.veth(self.space, "v0", self.space, "v9")
        lab.address(self.space, "v0", "192.0.2.1/24")
        os.chmod(lab.folder, 0o755)
        self.log = pathlib.Path(lab.folder, "touched")
        # The guard is enough; without the capability nothing could go wrong even so.
        self.before = ["ip", "netns", "exec", self.space, "setpriv", "--bounding-set", "-sys_time"]
        self.drop = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]

    def argv(self, *argv, unprivileged=False, log=None):
        """The command line of a program that runs guarded."""
        fakes = " ".join(f"{path}={word}" for path, word in self.phcs.items())
        log = log or self.log
        log.write_text("", encoding="utf-8")
        log.chmod(0o666)
        return [*(self.drop if unprivileged else []), "env", f"LD_PRELOAD={self.args.guard}",
                f"CLOCK_GUARD_LOG={log}", f"CLOCK_GUARD_PHC={fakes}", *argv]

    def refused(self, argv, status, words, unprivileged=False, lines=1, world=None):
        """What is wrong with how a program takes what it should refuse. It is alone in its world:
        programs of other tests have the same clocks, and some are called phc2sys."""
        try:
            done = subprocess.run([*self.before, *(world or ALONE),
                                   *self.argv(*argv, unprivileged=unprivileged)],
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  timeout=20, check=False, cwd=self.lab.folder)
        except subprocess.TimeoutExpired:
            return ["still runs after 20 s"]
        said = (done.stdout + done.stderr).splitlines()
        print(f"   {done.returncode} {said}")
        found = [f"does not say {word!r}: {said}" for word in words
                 if not any(word in line for line in said)]
        if status is not None and done.returncode != status or done.returncode == 0:
            found.append(f"exit {done.returncode}, not {status}")
        if len(said) != lines:
            found.append(f"{len(said)} lines: {said}")
        return found + self.touched()

    def start(self, *argv, log=None, world=()):
        """Start a program that goes on."""
        return self.lab.start(self.space, [*self.before[4:], *world, *self.argv(*argv, log=log)],
                              os.path.basename(argv[0]))

    def touched(self):
        """What clocks it tried to set."""
        return [f"touches a clock: {line}"
                for line in self.log.read_text(encoding="utf-8").splitlines()]


def run_all(cases, one):
    """Run all; Failure if any goes wrong."""
    failed = 0
    for name, row in cases.items():
        print(name)
        for problem in one(*row):
            print(f"   FAILED: {problem}")
            failed += 1
    if failed:
        raise Failure(f"{failed} problems")


def case_guard(guarded):
    """The guard sees an attempt, or the other cases would show nothing."""
    for sink in (TWO, "CLOCK_REALTIME"):
        process = guarded.start(
            guarded.args.gnomon, "sync", "-s", ONE, "-c", sink, "-O", "-5", "-R", "8", "--force")
        expression = "failed|Operation not permitted"
        if process.wait_for(expression, 10) is None:
            raise Failure(f"{sink}: nothing was tried: {process.lines}")
        process.stop()
        if not guarded.touched():
            raise Failure(f"{sink}: the guard saw nothing: {process.lines}")
        print(sink, guarded.touched()[0])
    config = pathlib.Path(guarded.lab.folder, "gnomon.conf")
    config.write_text(HEAD.format(folder=guarded.lab.folder, clock="phc") + PAIRS,
                      encoding="utf-8")
    process = guarded.start(guarded.args.gnomond, "-f", str(config), "-i", "v0", "--serverOnly=1")
    for section in ("pair", "pulses", "second"):
        found = process.wait_for(rf" sync section={section} .*offset_ns=(\S+)", 10)
        if found is None:
            raise Failure(f"no line of {section}: {process.lines}")
        print(found.group(0))
    time.sleep(2)
    process.stop()
    for number in (91, 98):
        if not any(f"ptp {number} " in line for line in guarded.touched()):
            raise Failure(f"ptp{number} is not kept: {guarded.touched()} {process.lines}")


# A pair; pulses, as external time stamps of the sink; and a pair that only looks.
PAIRS = f"""
[sync pair]
sync_sink {TWO}
sync_offset 1
[sync pulses]
sync_source extts:0
sync_sink {PULSE}
[sync second]
sync_source CLOCK_REALTIME
sync_sink {THREE}
free_running 1
"""


def case_sync(guarded):
    """gnomon sync."""
    def one(options, words, status):
        return guarded.refused([guarded.args.gnomon, "sync", *options], status, words)
    run_all({**SYNC, **NATIVE}, one)


def case_phc2sys(guarded):
    """phc2sys: its own words where linuxptp has some, and its exit status. Its clocks have names
    that no other test knows: there, it would be seen to steer one of theirs."""
    phc2sys = os.path.join(guarded.lab.folder, "phc2sys")
    os.symlink(guarded.args.gnomon, phc2sys)

    def renamed(texts):
        return [text.replace("/dev/", "/dev/phc2sys-") for text in texts]

    def one(options, words, _status):
        return guarded.refused([phc2sys, "-O", "0", "-q", *renamed(options)], 255,
                               renamed(words[:1]))
    guarded.phcs = dict(zip(renamed(PHCS), PHCS.values()))
    run_all(SYNC, one)


def gnomond(guarded, text, words, status, clock="phc", unprivileged=False):
    """gnomond with sections."""
    path = pathlib.Path(guarded.lab.folder, "gnomon.conf")
    path.write_text(HEAD.format(folder=guarded.lab.folder, clock=clock) + text, encoding="utf-8")
    path.chmod(0o644)
    return guarded.refused([guarded.args.gnomond, "-f", str(path), "-i", "v0"], status,
                           [word.format(file=path) for word in words], unprivileged)


def case_gnomond(guarded):
    """[sync] and [source] sections."""
    run_all(GNOMOND, lambda *row: gnomond(guarded, *row))


def case_unprivileged(guarded):
    """Without root: gnomond on a soft clock, and gnomon sync."""
    run_all(UNPRIVILEGED, lambda *row: gnomond(guarded, *row, clock="soft", unprivileged=True))
    run_all({"sync": (["-s", ONE, "-O", "-37", "-c", "CLOCK_REALTIME"],
                      ["no permission to set the system clock", "CAP_SYS_TIME"], 2)},
            lambda options, words, status: guarded.refused(
                [guarded.args.gnomon, "sync", *options], status, words, True))


def sentence(body):
    """An NMEA 0183 sentence."""
    checksum = 0
    for char in body:
        checksum ^= ord(char)
    return f"${body}*{checksum:02X}\r\n".encode()


def rmc(moment, status="A"):
    """What a receiver says of a second."""
    return sentence(f"GPRMC,{moment:%H%M%S}.00,{status},4717.11437,N,00833.91522,E,0.004,77.52,"
                    f"{moment:%d%m%y},,,A")


def wrong_checksum(moment):
    """One digit is another."""
    good = rmc(moment)
    return good[:-4] + (b"0" if good[-4:-3] != b"0" else b"1") + good[-3:]


# Name: (what the receiver sends each second, words of a line; None: the clock is to be kept)
NMEA = {
    "a good receiver": (rmc, None),
    "noise": (lambda moment: os.urandom(200).replace(b"$", b"#"), ["no sentence", "baudrate"]),
    "another protocol": (lambda moment: b"+CREG: 0,1\r\nOK\r\n" * 10, ["no sentence", "baudrate"]),
    "checksums that are wrong": (wrong_checksum, ["checksum mismatch"]),
    "a day that is none": (
        lambda moment: sentence("GPRMC,120000.00,A,4717.1,N,00833.9,E,0.0,77.5,991399,,,A"),
        ["not a sentence"]),
    "a receiver without RMC": (lambda moment: sentence("GPGSV,1,1,00"),
                               ["no RMC sentence", "have the receiver send them"]),
    "a receiver that does not know": (lambda moment: rmc(moment, "V"),
                                      ["no valid RMC sentence", "satellites"]),
}
# A list that holds for years, as those built in do not.
LEAP_SECONDS = "#@ 4600000000\n3692217600 37\n"


def receiver(send, stop):
    """A terminal with a GNSS receiver behind it; its path."""
    ours, theirs = pty.openpty()

    def talk():
        while not stop.wait(1 - time.time() % 1 + 0.05):
            os.write(ours, send(datetime.datetime.now(datetime.timezone.utc)))
    threading.Thread(target=talk, daemon=True).start()
    return os.ttyname(theirs)


class Receiver:
    """ts2phc with a GNSS receiver that says the same thing every second."""

    def __init__(self, guarded, number, send, leaps):
        self.stop = threading.Event()
        self.port = receiver(send, self.stop)
        self.log = pathlib.Path(guarded.lab.folder, f"touched-{number}")
        self.process = guarded.start(
            guarded.args.gnomon, "ts2phc", "-s", "nmea", "-c", PULSE, "-m", "--force",
            f"--ts2phc.nmea_serialport={self.port}", f"--leapfile={leaps}", log=self.log)

    def says(self, words):
        """True if a line has all words."""
        with self.process.changed:
            return any(all(word in line for word in words) for line in self.process.lines)

    def verdict(self, words):
        """What is wrong; words None: nothing, if the clock was touched."""
        self.stop.set()
        self.process.stop()
        touched = self.log.read_text(encoding="utf-8").splitlines()
        print(f"   {[line for line in self.process.lines if words and words[0] in line][:1]}")
        if words is None:
            return [] if touched else [f"the clock is not kept: {self.process.lines}"]
        found = [f"touches a clock: {line}" for line in touched]
        if not self.says(words):
            found.append(f"says nothing of {words}: {self.process.lines}")
        return found


def case_nmea(guarded):
    """ts2phc with a receiver that talks nonsense says so, and leaves the clock as it is."""
    leaps = os.path.join(guarded.lab.folder, "leap-seconds.list")
    pathlib.Path(leaps).write_text(LEAP_SECONDS, encoding="utf-8")
    started = {name: (Receiver(guarded, number, send, leaps), words)
               for number, (name, (send, words)) in enumerate(NMEA.items())}
    end = time.monotonic() + 40
    while time.monotonic() < end and not all(
            one.log.read_text(encoding="utf-8") if words is None else one.says(words)
            for one, words in started.values()):
        time.sleep(0.2)
    time.sleep(2)
    run_all(started, lambda one, words: one.verdict(words))


def fold(text):
    """A state file that checks out, but for what its lines say."""
    return text + f"checksum {zlib.crc32(text.encode()):08x}\n"


# Name: (what the file holds, words of the line)
STATES = {
    "empty": ("", ["not used", "moved to"]),
    "another file": ("root:x:0:0:root:/root:/bin/bash\n" * 20, ["another version, or no state"]),
    "binary": ("\x00\x01\x02\xff" * 100, ["not used", "moved to"]),
    "without its end": ("gnomon-state 1\nclock /dev/ptp90\nfrequency 1", ["not used", "moved to"]),
    "a checksum that is wrong": ("gnomon-state 1\nclock /dev/ptp90\nchecksum 00000000\n",
                                 ["its checksum is wrong", "moved to"]),
    "lines that are missing": (fold("gnomon-state 1\nclock /dev/ptp90\n"),
                               ["line", "is no good", "moved to"]),
    "endless": ("gnomon-state 1\n" + "x" * 2000000, ["not used", "moved to"]),
}


def case_state(guarded):
    """gnomond with a state file that is damaged says so, moves it aside and starts without it; one
    that cannot be kept there is refused. No clock is touched until there is time to follow."""
    path = pathlib.Path(guarded.lab.folder, "state")
    aside = pathlib.Path(guarded.lab.folder, "state.bad")
    config = pathlib.Path(guarded.lab.folder, "gnomon.conf")

    def one(text, words):
        path.write_text(text, encoding="latin-1")
        path.chmod(0o600)
        aside.unlink(missing_ok=True)
        config.write_text(HEAD.format(folder=guarded.lab.folder, clock="phc") +
                          f"clientOnly 1\nstate_file {path}\n", encoding="utf-8")
        process = guarded.start(guarded.args.gnomond, "-f", str(config), "-i", "v0")
        told = process.wait_for(r"state file .*" + ".*".join(words), 10)
        listening = process.wait_for("state=LISTENING", 10)
        time.sleep(0.5)
        status = process.stop()
        print(f"   {[line for line in process.lines if 'state file' in line]}")
        found = guarded.touched()
        if not told or not listening or status:
            found.append(f"exit {status}: {process.lines}")
        if path.exists() or not aside.exists() or aside.read_text(encoding="latin-1") != text:
            found.append(f"it was not moved aside: {os.listdir(guarded.lab.folder)}")
        return found

    def refused(name, words):
        return gnomond(guarded, f"state_file {name}\n", words, 2)
    run_all(STATES, one)
    path.symlink_to("/etc/passwd")
    os.mkdir(f"{path}.d")
    run_all({"a link": (path, [f"state file {path}: is a link"]),
             "a folder": (f"{path}.d", [f"state file {path}.d: is not a file"]),
             "no folder": ("/nowhere/state", ["state file /nowhere/state: its folder", "make it"]),
             "everybody's folder": ("/tmp/gnomon-state", ["everybody may write its folder"])},
            refused)


STEWARD = """mount -t proc proc /proc
mount -t tmpfs tmpfs /run
(exec -a chronyd sleep 30) &
sleep 0.3
exec "$@"
"""


def case_steward(guarded):
    """Nobody steers a clock that another program steers; it is named. The other program is one by
    its name only; both are in a world of their own, where nobody else is met."""
    world = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", "-c", STEWARD, "-"]
    config = pathlib.Path(guarded.lab.folder, "gnomon.conf")

    def one(argv, words):
        return guarded.refused(argv, 2, words, world=world)

    def daemon(settings, words):
        config.write_text(HEAD.format(folder=guarded.lab.folder, clock="soft") + settings,
                          encoding="utf-8")
        return guarded.refused([guarded.args.gnomond, "-f", str(config), "-i", "v0"], 2,
                               [word.format(file=config) for word in words], world=world)
    words = ["CLOCK_REALTIME: chronyd (pid ", "steers it already"]
    run_all({"gnomon sync": ([guarded.args.gnomon, "sync", "-s", ONE, "-c", "CLOCK_REALTIME",
                              "-O", "-37"], words)}, one)
    run_all({"gnomond, beside": ("[sync a]\nsync_sink CLOCK_REALTIME\n",
                                 ["{file}:9: sync a: " + words[0], words[1]]),
             "gnomond, its own": ("clock system\n", words)}, daemon)
    daemon("[sync a]\nsync_sink CLOCK_REALTIME\n", words)
    process = guarded.start(guarded.args.gnomond, "-f", str(config), "-i", "v0", "--serverOnly=1",
                            "--force", world=world)
    if process.wait_for(" sync section=a sink=CLOCK_REALTIME", 10) is None:
        raise Failure(f"--force: {process.lines}")
    process.stop()


def test():
    """One case."""
    parser = argparse.ArgumentParser()
    for name in ("guard", "gnomon", "gnomond"):
        parser.add_argument(f"--{name}", required=True, type=os.path.abspath)
    parser.add_argument("case", choices=sorted(CASES))
    args = parser.parse_args()
    need("setpriv")
    with Bench(args.gnomond) as lab:
        CASES[args.case](Guarded(lab, args))
    sys.stdout.flush()


CASES = {name[5:]: function for name, function in globals().items() if name.startswith("case_")}
main(test)
