#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Gate: a daemon on every host loads no library but those listed for it.

    needed.py PROGRAM LIBRARY...    LIBRARY: libc, libmnl ...
    needed.py --self-test

A library costs resident memory even if one function of it is called: libm's is half a MiB. Its
functions that are no instructions and not in libc (pow, floor, lround, ...) have replacements:
servo/power.h, drivers/clock_private.h.
"""

import common


def problems_of(program, allowed):
    """Problems of one program."""
    found = []
    for line in common.run(common.need("readelf"), "-d", program)[1].splitlines():
        if "(NEEDED)" in line:
            library = line.split("[")[1].split("]")[0]
            if library.split(".so")[0] not in allowed | {"ld-linux", "ld-linux-x86-64"}:
                found.append(f"{program}: loads {library}, which is not in the list")
    return found


def check(program, *allowed):
    """Gate one program."""
    common.finish(problems_of(program, set(allowed)), f"allowed: {' '.join(allowed)}")


def self_test():
    """A program that calls what only libm has must be seen."""
    files = {
        "power.c": "#include <math.h>\n"
                   "int main(int c, char **v) { (void)v; return (int)pow(c, 0.3); }\n",
        "plain.c": "int main(void) { return 0; }\n",
    }
    with common.Tree(files) as root:
        for name in ("power", "plain"):
            status, output = common.run("cc", f"{root}/{name}.c", "-Wl,--as-needed", "-lm", "-o",
                                        f"{root}/{name}")
            assert status == 0, output
        common.expect(problems_of(f"{root}/power", {"libc"}), "loads libm.so")
        common.expect(problems_of(f"{root}/power", {"libc", "libm"}))
        common.expect(problems_of(f"{root}/plain", {"libc"}))


common.main(check, self_test)
