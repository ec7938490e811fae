#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Gate: dependencies point one way: tools -> drivers -> (bridge, servo, ptp) -> include.

    layers.py ROOT
    layers.py --self-test

Every #include of a layer must be of a folder that layer may know, or a system header it may use.
"""

import os
import pathlib
import re

import common

STANDARD_C = {"assert.h", "errno.h", "float.h", "inttypes.h", "limits.h", "math.h", "stdalign.h",
              "stdarg.h", "stdbool.h", "stddef.h", "stdint.h", "string.h"}
CONTRACT_C = {"stdbool.h", "stddef.h", "stdint.h"}
ANY = None

# Folder: (folders of ours it may include besides itself, system headers it may include).
LAYERS = {
    "include/gnomon": (set(), CONTRACT_C),
    "ptp": ({"include/gnomon"}, STANDARD_C),
    "servo": ({"include/gnomon"}, STANDARD_C),
    "bridge": ({"include/gnomon"}, STANDARD_C),
    "drivers": ({"include/gnomon", "include/uapi"}, ANY),
    "tools": ({"include/gnomon", "include/uapi", "ptp", "servo", "bridge", "drivers"}, ANY),
    "examples": ({"include/gnomon"}, ANY),
}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.M)


def layer_of(name):
    """The layer a file of ours belongs to; None for tests and the like."""
    return next((layer for layer in LAYERS if name.startswith(layer + "/")), None)


def resolve(root, name, quoted, target):
    """Where an include leads, relative to root; None if out of the tree."""
    bases = [pathlib.Path(name).parent, pathlib.Path(), pathlib.Path("tools")] if quoted else []
    bases += [pathlib.Path("include"), pathlib.Path("include/uapi")]
    for base in bases:
        path = os.path.normpath(os.path.join(root, base, target))
        if os.path.isfile(path):
            return os.path.relpath(path, root)
    return None


def problems_of(root):
    """Includes that point the wrong way."""
    found = []
    for name, path in common.walk(root):
        layer = layer_of(name)
        if layer is None or path.suffix not in (".c", ".h"):
            continue
        folders, system = LAYERS[layer]
        text = path.read_text(encoding="utf-8")
        for match in INCLUDE.finditer(text):
            quoted, target = match.group(1) == '"', match.group(2)
            where = f"{name}:{common.line_of(text, match.start(1))}: {layer}/ includes {target}"
            inside = resolve(root, name, quoted, target)
            if inside is None:
                if quoted:
                    found.append(where + ", which is nowhere in the tree")
                elif system is not ANY and target not in system:
                    found.append(where + ", which a pure layer may not")
            elif not any(inside.startswith(ok + "/") for ok in folders | {layer}):
                found.append(f"{where}: {inside} is not below it")
    return found


def check(root):
    """Gate a source tree."""
    common.finish(problems_of(os.path.abspath(root)))


def self_test():
    """Arrows the wrong way must be seen."""
    files = {
        "include/gnomon/time.h": "#include <stdint.h>\n#include <time.h>\n",
        "ptp/a.c": "#include <gnomon/time.h>\n#include \"b.h\"\n#include \"servo/s.h\"\n",
        "ptp/b.h": "#include <string.h>\n# include <sys/socket.h>\n",
        "servo/s.h": "#include \"../ptp/b.h\"\n",
        "drivers/d.c": "#include <sys/socket.h>\n#include \"ptp/b.h\"\n",
        "drivers/d.h": "#include \"gone.h\"\n",
        "tools/x/main.c": "#include \"drivers/d.h\"\n#include \"ptp/b.h\"\n",
        "examples/e.c": "#include <gnomon/time.h>\n#include \"ptp/b.h\"\n",
        "tests/unit/t.c": "#include \"ptp/b.h\"\n",
    }
    with common.Tree(files) as root:
        common.expect(problems_of(root), "include/gnomon/time.h:2:", "ptp/a.c:3:", "ptp/b.h:2:",
                      "servo/s.h:1:", "drivers/d.c:2:", "drivers/d.h:1:", "examples/e.c:2:")


common.main(check, self_test)
