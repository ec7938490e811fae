#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""gnomond on a real kernel with PTP hardware clocks, in a virtual machine.

    vm.py FOLDER [GROUP...]     FOLDER: where to build, and to keep the log of the serial console
    vm.py --judge LOG           judge a log again

Boots once; guest/GROUP.sh runs the scenarios in there, judge_GROUP.py judges what it says. Speaks
TAP, a line for each scenario. Skipped where neither the cache has a QEMU and a kernel nor apt can
get them.
"""

import pathlib
import re
import subprocess
import sys
import time

import judge_bond
import judge_domains
import judge_hwstamp
import judge_leap
import judge_pairs
import judge_roles
import judge_sources
import judge_sync
import judge_tools
from judge import Judge, Log

HERE = pathlib.Path(__file__).resolve().parent
BOOT_LIMIT_S = 800


def boot_judge(judge):
    """The machine itself, from its first line to its last."""
    judge.same("", "devices", "5")
    judge.expect(f"no module failed: {judge.all('', 'insmod failed')}",
                 not judge.all("", "insmod failed"))
    judge.expect("the guest came to its end", judge.log.all("end", "", "began"))


GROUPS = {
    "boot": {"boot": boot_judge},
    "bond": judge_bond.SCENARIOS,
    "domains": judge_domains.SCENARIOS,
    "hwstamp": judge_hwstamp.SCENARIOS,
    "roles": judge_roles.SCENARIOS,
    "sources": judge_sources.SCENARIOS,
    "sync": judge_sync.SCENARIOS,
    "pairs": judge_pairs.SCENARIOS,
    "tools": judge_tools.SCENARIOS,
    "leap": judge_leap.SCENARIOS,  # last: it sets the date
}


class Clock:
    """When which scenario began: by the guest's clock, and by ours if we were there."""

    def __init__(self):
        self.began = []  # (scenario, guest's, ours)

    def line(self, text, ours=None):
        """One line of the console."""
        match = re.match(r"@ (\w+) began: ([\d.]+)", text)
        if match:
            self.began.append((match.group(1), float(match.group(2)), ours))

    def took(self, scenario):
        """What to say of a scenario's time."""
        for this, following in zip(self.began, self.began[1:]):
            if this[0] == scenario:
                text = f"{following[1] - this[1]:.0f} s of the guest's"
                return text if this[2] is None else f"{following[2] - this[2]:.1f} s, {text}"
        return "it did not end"


def scenarios(groups):
    """(name, judge function) of all of some groups."""
    return [row for group in groups for row in GROUPS[group].items()]


def judge_log(text, clock, groups):
    """Say all in TAP; the number of scenarios that are not as they should be."""
    log, failed = Log(text), 0
    rows = scenarios(groups)
    print(f"1..{len(rows)}")
    for number, (name, function) in enumerate(rows, 1):
        judge = Judge(log, name)
        print(f"# {name}: {clock.took(name)}")
        function(judge)
        print(f"{'not ok' if judge.wrong else 'ok'} {number} - /vm/{name}")
        failed += judge.wrong > 0
    return failed


def skip(reason):
    """End, visibly skipped."""
    print(f"1..0 # SKIP {reason}")
    sys.exit(0)


def fail(reason):
    """End without a result."""
    print("Bail out! " + reason.replace("\n", "\n# "))
    sys.exit(1)


def prepare(folder):
    """Fetch and build; the cache and the initial ramdisk."""
    folder.mkdir(parents=True, exist_ok=True)
    got = subprocess.run([HERE / "fetch"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                         check=False)
    if got.returncode == 77:
        skip(got.stderr.strip().removeprefix("skip: "))
    if got.returncode:
        fail(f"cannot fetch kernel and QEMU:\n{got.stderr}")
    cache, initrd = got.stdout.strip(), folder / "initrd.gz"
    built = subprocess.run([HERE / "initrd", cache, folder / "release", initrd], check=False,
                           stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if built.returncode:
        fail(f"cannot build the initial ramdisk:\n{built.stdout}{built.stderr}")
    return cache, initrd


def boot(folder, groups):
    """Run the machine to its end; the console's text, and when what began."""
    cache, initrd = prepare(folder)
    clock, began = Clock(), time.monotonic()
    command = [HERE / "run", cache, initrd, str(BOOT_LIMIT_S), ",".join(groups)]
    with open(folder / "console.log", "w", encoding="utf-8") as copy, \
            subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True, errors="replace") as guest:
        for line in guest.stdout:
            clock.line(line, time.monotonic() - began)
            copy.write(line)
    if guest.returncode:
        print(f"# QEMU ended with status {guest.returncode} (124: it had to be stopped)")
    print(f"# the machine ran for {time.monotonic() - began:.1f} s")
    return (folder / "console.log").read_text(encoding="utf-8"), clock


def main(arguments):
    """The exit status."""
    if not arguments or arguments[0] == "--judge" and len(arguments) != 2 or \
            arguments[0] != "--judge" and not set(arguments[1:]) <= set(GROUPS):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    if arguments[0] == "--judge":
        text = pathlib.Path(arguments[1]).read_text(encoding="utf-8", errors="replace")
        clock = Clock()
        for line in text.splitlines():
            clock.line(line)
        groups = [name for name, rows in GROUPS.items()
                  if any(began[0] in rows for began in clock.began)]
    else:
        groups = ["boot"] + (arguments[1:] or list(GROUPS)[1:])
        text, clock = boot(pathlib.Path(arguments[0]).resolve(), groups[1:])
    failed = judge_log(text, clock, groups)
    if failed:
        print("# the end of the console's log:")
        print("\n".join(f"# {line}" for line in text.splitlines()[-40:]))
    return 1 if failed else 0


sys.exit(main(sys.argv[1:]))
