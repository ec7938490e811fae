#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Gate: the agent of guests can be linked statically, and then runs where there is nothing else.

    static.py ARCHIVE...
    static.py --self-test

The first archive is linked as a whole. The program has to start in an empty folder that it takes
for the whole system, and says how large it is.
"""

import os
import re
import subprocess
import tempfile

import common


def link(archives, program):
    """Link archives into a static program; what the linker complains of."""
    command = [common.need("cc"), "-static", "-s", "-Wl,--gc-sections", "-o", program,
               "-Wl,--whole-archive", archives[0], "-Wl,--no-whole-archive",
               "-Wl,--start-group", *archives[1:], "-Wl,--end-group", "-lm"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = [line for line in done.stderr.splitlines() if "warning" in line or "undefined" in line]
    return found if done.returncode == 0 else found or done.stderr.splitlines()


def problems_of(archives):
    """What is wrong with the program made of archives, and its size."""
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "program")
        found = link(archives, program)
        if not os.path.exists(program):
            return found or ["not linked"], 0
        headers = common.run(common.need("readelf"), "-lW", program)[1]
        if re.search(r"\bINTERP\b|\bDYNAMIC\b", headers):
            found.append("the program is not static")
        code, text = common.run(program, "--version")[:2]
        if code or not text.startswith("gnomon "):
            found.append(f"--version: {code}: {text}")
        if os.geteuid() == 0:
            empty = os.path.join(folder, "empty")
            os.makedirs(os.path.join(empty, "dev"))
            os.link(program, os.path.join(empty, "program"))
            done = subprocess.run(["/program", "--version"], capture_output=True, text=True,
                                  check=False, preexec_fn=lambda: os.chroot(empty), cwd=empty)
            if done.returncode:
                found.append(f"in an empty root: {done.returncode}: {done.stderr}")
        return found, os.path.getsize(program)


def check(*archives):
    """Gate the program."""
    found, size = problems_of(archives)
    common.finish(found, f"{size} octets, static and stripped")


def self_test():
    """A program that needs what there is no archive of must be seen, and one that is good not."""
    files = {
        "bad.c": "int gone(void); int main(void) { return gone(); }\n",
        "good.c": "#include <stdio.h>\nint main(void) { puts(\"gnomon 1\"); return 0; }\n",
        "wrong.c": "int main(void) { return 3; }\n",
    }
    with common.Tree(files) as root:
        for name in ("bad", "good", "wrong"):
            common.run(common.need("cc"), "-c", "-o", f"{root}/{name}.o", f"{root}/{name}.c")
            common.run(common.need("ar"), "rcs", f"{root}/{name}.a", f"{root}/{name}.o")
        common.expect(problems_of([f"{root}/good.a", f"{root}/good.a"])[0])
        common.expect(problems_of([f"{root}/bad.a", f"{root}/bad.a"])[0], "gone")
        common.expect(problems_of([f"{root}/wrong.a", f"{root}/wrong.a"])[0], "--version: 3",
                      *(["empty root: 3"] if os.geteuid() == 0 else []))


common.main(check, self_test)
