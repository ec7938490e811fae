#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The manual page of the guest clock: its example compiles, its prototypes are those of the header,
and it names every status.

    manual.py ROOT
"""

import pathlib
import re
import subprocess
import sys


def squeezed(text):
    """Text with all blanks alike."""
    return re.sub(r"\s+", " ", text).replace("( ", "(")


root = pathlib.Path(sys.argv[1])
manual = (root / "docs/gnomon_clock.3.scd.in").read_text(encoding="utf-8")
header = (root / "include/gnomon/guest.h").read_text(encoding="utf-8")
synopsis, example = re.findall(r"^```\n(.*?)^```", manual, re.S | re.M)

done = subprocess.run(["cc", "-xc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
                       f"-I{root}/include", "-"], input=example.replace("\\\\", "\\"), text=True,
                      capture_output=True, check=False)
assert done.returncode == 0, done.stderr

declared = re.sub(r"/\*.*?\*/", "", header, flags=re.S)
declared = set(re.findall(r"(?:GNOMON_EXPORT|static inline) (\w[^;{]*?\))", squeezed(declared)))
declared = {d for d in declared if "gnomon_clock_" in d}
described = {squeezed(p).rstrip(";").strip()
             for p in re.findall(r"^(?:int|void|bool|const|enum|uint64_t).*?;", synopsis,
                                 re.S | re.M)}
assert declared == described, declared ^ described

for status in re.findall(r"\[GNOMON_CLOCK_\w+\] = \"(\w+)\"",
                         (root / "bridge/guest.c").read_text(encoding="utf-8")):
    assert re.search(rf"^\*{status}\*$", manual, re.M), f"status {status} is not described"
print(f"{len(described)} functions, and an example that compiles")
