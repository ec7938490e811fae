#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""One clock for a host and its guests: gnomond outside, stock kernels in virtual machines inside.

    bridge.py FOLDER [GROUP...]     FOLDER: where to build, and to keep logs and plots

The machines run in real time, beside whatever else this machine does; nothing is judged by how
long it takes. Speaks TAP, a line for each scenario. Skipped where neither the cache has a QEMU and
a kernel nor apt can get them, where no network namespaces can be made, and where this machine does
not keep time by its processor's counter.
"""

import pathlib
import subprocess
import sys
import time
import traceback

import bridge_agent
import bridge_cluster
import bridge_guests
from bridge_lab import BridgeLab, harness, netlab

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = pathlib.Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")
GROUPS = {"guests": bridge_guests, "agent": bridge_agent, "cluster": bridge_cluster}


class Tap:
    """What is said of scenarios."""

    def __init__(self):
        self.number = self.failed = 0

    def case(self, name, function, *arguments):
        """Run a scenario; whether it went well."""
        self.number += 1
        began, wrong = time.monotonic(), None
        try:
            function(*arguments)
        except harness.Failure as error:
            wrong = str(error)
        except Exception:  # pylint: disable=broad-exception-caught
            wrong = traceback.format_exc()  # the other scenarios have their turn
        print(f"# {name}: {time.monotonic() - began:.1f} s")
        if wrong:
            print("# WRONG: " + wrong.replace("\n", "\n#   "))
            self.failed += 1
        print(f"{'not ok' if wrong else 'ok'} {self.number} - /vm/bridge/{name}", flush=True)
        return not wrong


def skip(reason):
    """End, visibly skipped."""
    print(f"1..0 # SKIP {reason}")
    sys.exit(0)


def why_not():
    """Why this cannot be shown here; None if it can."""
    if not SOURCE.exists() or SOURCE.read_text(encoding="ascii").strip() != "tsc":
        return f"this machine's clock is not its processor's counter ({SOURCE})"
    return netlab.why_not()


def prepare(folder):
    """Fetch and build: cache, initial ramdisk, programs."""
    reason = why_not()
    if reason:
        skip(reason)
    folder.mkdir(parents=True, exist_ok=True)
    got = subprocess.run([HERE / "fetch"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                         check=False)
    if got.returncode == 77:
        skip(got.stderr.strip().removeprefix("skip: "))
    cache, initrd, release = got.stdout.strip(), folder / "bridge.gz", folder / "release"
    built = got if got.returncode else subprocess.run(
        [HERE / "initrd", cache, release, initrd, "bridge"], check=False, capture_output=True,
        stdin=subprocess.DEVNULL, text=True)
    if built.returncode:
        print("Bail out! cannot fetch or build:\n# " +
              f"{built.stdout}{built.stderr}".replace("\n", "\n# "))
        sys.exit(1)
    programs = {"gnomond": release / "tools/gnomond/gnomond",
                "gnomon": release / "tools/gnomon/gnomon",
                "bridge_host": release / "tests/vm/bridge_host"}
    return cache, initrd, {name: str(path) for name, path in programs.items()}


def main(arguments):
    """The exit status."""
    if not arguments or not set(arguments[1:]) <= set(GROUPS):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    folder, tap = pathlib.Path(arguments[0]).resolve(), Tap()
    cache, initrd, programs = prepare(folder)
    for name in arguments[1:] or GROUPS:
        try:
            with BridgeLab(programs, cache, initrd, folder / f"bridge-{name}") as lab:
                GROUPS[name].run(lab, tap)
        except (harness.Failure, netlab.LabError) as error:
            print(f"Bail out! {name}: " + str(error).replace("\n", "\n# "))
            return 1
    print(f"1..{tap.number}")
    return 1 if tap.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
