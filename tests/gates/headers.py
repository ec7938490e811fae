#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Gate: a public header compiles on its own, and after itself, in the language given.

    headers.py LANGUAGE INCLUDE_DIR HEADER    LANGUAGE: c11 c++11
    headers.py --list INCLUDE_DIR HEADER...   the build installs every header there is
    headers.py --self-test
"""

import pathlib
import subprocess

import common

LANGUAGES = {
    "c11": ("cc", "-xc", "-std=c11", "-Wstrict-prototypes"),
    "c++11": ("c++", "-xc++", "-std=c++11"),
}


def problems_of(language, include, header):
    """Problems of one header, as a path below include."""
    compiler, *flags = LANGUAGES[language]
    text = f"#include <{header}>\n#include <{header}>\nint main() {{ return 0; }}\n"
    if language == "c11":
        text = text.replace("main()", "main(void)")
    done = subprocess.run([common.need(compiler), *flags, "-Wall", "-Wextra", "-Wpedantic",
                           "-Wundef", "-Werror", "-fsyntax-only", f"-I{include}", "-"],
                          input=text, text=True, capture_output=True, check=False)
    return [f"{header} as {language}:\n{done.stderr}"] if done.returncode else []


def missing(include, listed):
    """Headers that exist but are not listed."""
    there = {p.relative_to(include).as_posix() for p in pathlib.Path(include, "gnomon").glob("*.h")}
    known = {pathlib.Path(p).resolve().relative_to(pathlib.Path(include).resolve()).as_posix()
             for p in listed}
    return [f"{include}/{name} is not in include/meson.build" for name in sorted(there - known)]


def check(language, include, *headers):
    """Gate one header, or the list of them."""
    if language == "--list":
        common.finish(missing(include, headers))
    header = pathlib.Path(headers[0]).resolve().relative_to(pathlib.Path(include).resolve())
    common.finish(problems_of(language, include, header.as_posix()))


def self_test():
    """Headers that lean on others, or are not C++, must be seen."""
    files = {
        "gnomon/good.h": "#ifndef G_H\n#define G_H\n#include <stdint.h>\n"
                         "uint8_t good(void);\n#endif\n",
        "gnomon/leans.h": "#ifndef L_H\n#define L_H\nuint8_t leans(void);\n#endif\n",
        "gnomon/twice.h": "struct twice { int a; };\n",
        "gnomon/c_only.h": "#ifndef C_H\n#define C_H\nint f(int class);\n#endif\n",
    }
    with common.Tree(files) as root:
        common.expect(problems_of("c11", root, "gnomon/good.h"))
        common.expect(problems_of("c++11", root, "gnomon/good.h"))
        common.expect(problems_of("c11", root, "gnomon/leans.h"), "uint8_t")
        common.expect(problems_of("c11", root, "gnomon/twice.h"), "redefinition")
        common.expect(problems_of("c11", root, "gnomon/c_only.h"))
        common.expect(problems_of("c++11", root, "gnomon/c_only.h"), "class")
        common.expect(missing(root, [f"{root}/gnomon/{n}.h" for n in ("good", "leans", "twice")]),
                      "c_only.h")


common.main(check, self_test)
