#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The configuration files of Debian's linuxptp package, unchanged.

    configs.py --gnomond PATH

Started as ptp4l, gnomond takes each file, or refuses it in one line that names the file, the line
and the key on that line it does not support yet. Those that ask for nothing special it must take.
"""

import pathlib
import re
import subprocess
import tempfile

from harness import Failure, main, parse_args, skip

PLACES = ("/etc/linuxptp/ptp4l.conf", "/usr/share/doc/linuxptp/configs/*.cfg")
MUST_LOAD = ("ptp4l.conf", "default.cfg")


def check(ptp4l, path):
    """The verdict on one file, in words; Failure if it is a bad one."""
    done = subprocess.run([ptp4l, "--check-config", "-f", str(path), "-i", "eth0"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return "taken"
    lines = done.stderr.splitlines()
    if done.returncode != 1 or len(lines) != 1:
        raise Failure(f"{path}: exit {done.returncode}, {lines}")
    match = re.search(re.escape(str(path)) + r":(\d+): ", lines[0])
    if not match or "not supported yet" not in lines[0]:
        raise Failure(f"{path}: names no place, or not why: {lines[0]}")
    row = path.read_text(encoding="utf-8").splitlines()[int(match.group(1)) - 1].strip("[] \t")
    if row.split()[0] not in lines[0]:
        raise Failure(f"{path}: the line says {row!r}, the refusal {lines[0]!r}")
    return f"refused: {row.split()[0]}"


def test():
    """Every file, under the name ptp4l."""
    args = parse_args()
    files = [path for place in PLACES for path in sorted(pathlib.Path("/").glob(place[1:]))]
    if not files:
        skip("linuxptp's configuration files are not installed")
    verdicts = {}
    with tempfile.TemporaryDirectory(prefix="gnomon-") as folder:
        ptp4l = pathlib.Path(folder, "ptp4l")
        ptp4l.symlink_to(args.gnomond)
        for path in files:
            verdicts[path.name] = check(str(ptp4l), path)
            print(f"{path}: {verdicts[path.name]}")
    wrong = [name for name in MUST_LOAD if verdicts.get(name, "taken") != "taken"]
    if wrong:
        raise Failure(f"{wrong} must load unchanged")


main(test)
