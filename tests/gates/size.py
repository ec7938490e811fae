#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Gate: no function over 80 lines, no file over 900, no line over 100 columns.

    size.py ROOT
    size.py --self-test

Reports the median and the 95th percentile of function length, which should stay at or below 15
and 50. Tables are data, not functions, and have no limit but the file's.
"""

import os
import statistics

import common

FUNCTION_MAX = 80
FILE_MAX = 900
COLUMNS_MAX = 100
# Prose breaks where it likes: a table row or a link of a document has no better place to end.
FREE_WIDTH = (".md", ".scd", ".scd.in", ".csv", ".json", ".svg", "LICENSE")


def functions(root, names):
    """(path, name, first line, last line) of every C function."""
    if not names:
        return []
    status, output = common.run(common.need("ctags"), "--languages=C,C++", "--kinds-C=f",
                                "--kinds-C++=f", "--fields=+ne", "-o", "-", *names, cwd=root)
    assert status == 0, output
    found = []
    for row in output.splitlines():
        if row.startswith(("!", "ctags:")):
            continue
        name, path, *rest = row.split("\t")
        field = dict(part.split(":", 1) for part in rest if part.startswith(("line:", "end:")))
        if "end" in field:
            found.append((path, name, int(field["line"]), int(field["end"])))
    return found


def file_problems(name, path):
    """Problems of one file's length and width."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        return []
    found = []
    if common.kind(name, path) != "other" and len(lines) > FILE_MAX:
        found.append(f"{name}:{len(lines)}: file over {FILE_MAX} lines")
    if name.endswith(FREE_WIDTH):
        return found
    for number, line in enumerate(lines, 1):
        width = len(line.expandtabs(8))
        if width > COLUMNS_MAX:
            found.append(f"{name}:{number}: {width} columns, over {COLUMNS_MAX}")
    return found


def problems_of(root):
    """(problems, lengths of all functions) of a tree."""
    found, c_files = [], []
    for name, path in common.walk(root):
        found += file_problems(name, path)
        if path.suffix in (".c", ".h"):
            c_files.append(name)
    lengths = []
    for path, name, first, last in functions(root, c_files):
        lengths.append(last - first + 1)
        if lengths[-1] > FUNCTION_MAX:
            found.append(f"{path}:{first}: {name}() has {lengths[-1]} lines, over {FUNCTION_MAX}")
    return found, sorted(lengths)


def check(root):
    """Gate a source tree."""
    found, lengths = problems_of(os.path.abspath(root))
    summary = "no functions"
    if lengths:
        p95 = lengths[min(len(lengths) - 1, int(len(lengths) * 0.95))]
        summary = (f"{len(lengths)} functions: median {statistics.median(lengths):g}, "
                   f"p95 {p95}, longest {lengths[-1]} lines")
    common.finish(found, summary)


def self_test():
    """A long function, a long file and a wide line must be seen, a long table not."""
    files = {
        "ptp/long.c": "int f(int x)\n{\n" + "\tx++;\n" * 80 + "\treturn x;\n}\n",
        "ptp/table.c": "static const int t[] = {\n" + "\t1,\n" * 200 + "};\nint g(void)\n{\n"
                       "\treturn t[0];\n}\n",
        "servo/file.c": "int a;\n" * 901,
        "scripts/wide.sh": "#!/bin/sh\n\t\t" + "x" * 85 + "\n",
        "scripts/fits.sh": "#!/bin/sh\n\t\t" + "x" * 84 + "\n",
    }
    with common.Tree(files) as root:
        common.expect(problems_of(root)[0], "ptp/long.c:1: f() has 84", "servo/file.c:901",
                      "scripts/wide.sh:2: 101 columns")


common.main(check, self_test)
