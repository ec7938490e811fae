#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Gate: the shared library exports exactly what the public headers declare, and what the golden
list says: a symbol that appears or goes is a decision about the binary interface.

    symbols.py LIBRARY GOLDEN HEADER...
    symbols.py --write LIBRARY GOLDEN HEADER...    renew the golden list
    symbols.py --self-test
"""

import pathlib
import re

import common

DECLARATION = re.compile(r"\bGNOMON_EXPORT\b([^;{]*?)\b(gnomon_\w+)\s*(?:\(|\[|;)", re.S)


def declared_in(headers):
    """Names marked GNOMON_EXPORT in the headers."""
    names = set()
    for header in headers:
        text = common.code_only(pathlib.Path(header).read_text(encoding="utf-8"))
        text = re.sub(r"^\s*#.*?(?<!\\)$", "", text, flags=re.M | re.S)
        names |= {match.group(2) for match in DECLARATION.finditer(text)}
    return names


def exported_by(library):
    """Dynamic symbols the library defines; the version node itself is not one."""
    status, output = common.run("nm", "-D", "--defined-only", library)
    assert status == 0, output
    rows = [row.split() for row in output.splitlines()]
    return {row[2].split("@")[0] for row in rows if len(row) == 3 and row[1] != "A"}


def problems_of(exported, declared, golden):
    """Differences between the three sets."""
    found = [f"{n}: exported but declared in no public header" for n in exported - declared]
    found += [f"{n}: declared in a public header but not exported" for n in declared - exported]
    found += [f"{n}: exported but not in the golden list" for n in exported - golden]
    found += [f"{n}: in the golden list but not exported" for n in golden - exported]
    return sorted(found)


def golden_of(path):
    """Names in the golden list."""
    text = pathlib.Path(path).read_text(encoding="utf-8")
    return {line for line in text.splitlines() if line and not line.startswith("#")}


def check(*args):
    """Gate the library, or write the golden list anew."""
    write = args[0] == "--write"
    library, golden, *headers = args[1:] if write else args
    exported, declared = exported_by(library), declared_in(headers)
    if write:
        text = "# SPDX-License-Identifier: BSD-2-Clause\n" + "".join(
            f"{name}\n" for name in sorted(exported))
        pathlib.Path(golden).write_text(text, encoding="utf-8")
    common.finish(problems_of(exported, declared, golden_of(golden)), f"{len(exported)} exported")


def self_test():
    """A leaked, a forgotten and an undeclared symbol must be seen."""
    files = {
        "x.h": "#define GNOMON_EXPORT __attribute__((visibility(\"default\")))\n"
               "GNOMON_EXPORT int gnomon_a(int x);\n"
               "GNOMON_EXPORT const struct gnomon_s *gnomon_b(\n\tvoid);\n"
               "/* GNOMON_EXPORT int gnomon_comment(void); */\n",
        "x.c": "#include \"x.h\"\nint gnomon_a(int x) { return x; }\n"
               "GNOMON_EXPORT int gnomon_leak(void);\nint gnomon_leak(void) { return 1; }\n",
    }
    with common.Tree(files) as root:
        library = f"{root}/x.so"
        assert common.run("cc", "-shared", "-fPIC", "-fvisibility=hidden", f"{root}/x.c", "-o",
                          library)[0] == 0
        exported, declared = exported_by(library), declared_in([f"{root}/x.h"])
        common.expect(problems_of(exported, declared, {"gnomon_a", "gnomon_gone"}),
                      "gnomon_leak: exported but declared", "gnomon_b: declared",
                      "gnomon_leak: exported but not in the golden", "gnomon_gone: in the golden")
        common.expect(problems_of({"gnomon_a", "gnomon_b"}, declared, {"gnomon_a", "gnomon_b"}))


common.main(check, self_test)
