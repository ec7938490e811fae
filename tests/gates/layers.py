#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Gate: dependencies point one way: tools -> drivers -> (bridge, servo, ptp) -> include.

    layers.py ROOT
    layers.py --self-test

Every #include of a layer must be of a folder that layer may know, or a system header it may use.
Within tools/, shared rooms know those before them, programs know shared rooms and no other program,
and the command line knows its commands.
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
    "drivers": ({"include/gnomon", "include/uapi", "bridge"}, ANY),
    "tools": ({"include/gnomon", "include/uapi", "ptp", "servo", "bridge", "drivers"}, ANY),
    "examples": ({"include/gnomon"}, ANY),
}
# Rooms of tools/ that several programs use, each of the ones before it; others are programs.
SHARED = ["config", "log", "cli", "manage", "control", "timescale", "leap", "clocks", "discipline",
          "sync"]
COMMAND_LINE = "gnomon"
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


def crosses(name, inside):
    """Whether an include leads from one room of tools/ to another that it may not know."""
    here, there = (pathlib.Path(path).parts[:2] for path in (name, inside))
    if here[0] != "tools" or there[0] != "tools" or here == there or here[1] == COMMAND_LINE:
        return False
    known = SHARED[:SHARED.index(here[1])] if here[1] in SHARED else SHARED
    return there[1] not in known


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
            elif crosses(name, inside):
                found.append(f"{where}: {inside} is of a room it may not know")
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
        "tools/x/main.c": "#include \"drivers/d.h\"\n#include \"ptp/b.h\"\n"
                          "#include \"x.h\"\n#include \"tools/sync/s.h\"\n#include \"y/y.h\"\n",
        "tools/x/x.h": "#include \"tools/log/l.h\"\n",
        "tools/y/y.h": "",
        "tools/log/l.h": "#include \"tools/config/c.h\"\n#include \"tools/sync/s.h\"\n",
        "tools/config/c.h": "#include \"tools/x/x.h\"\n",
        "tools/sync/s.h": "#include \"tools/log/l.h\"\n",
        "tools/gnomon/main.c": "#include \"tools/x/x.h\"\n#include \"tools/sync/s.h\"\n",
        "examples/e.c": "#include <gnomon/time.h>\n#include \"ptp/b.h\"\n",
        "tests/unit/t.c": "#include \"ptp/b.h\"\n",
    }
    with common.Tree(files) as root:
        common.expect(problems_of(root), "include/gnomon/time.h:2:", "ptp/a.c:3:", "ptp/b.h:2:",
                      "servo/s.h:1:", "drivers/d.c:2:", "drivers/d.h:1:", "examples/e.c:2:",
                      "tools/x/main.c:5:", "tools/log/l.h:2:", "tools/config/c.h:1:")


common.main(check, self_test)
