#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Gate: no path of one developer's machine, no registry or mirror host, no mark of unfinished work.

    words.py ROOT
    words.py --self-test
"""

import os
import re

import common

# Written in pieces, so that this file does not trip over itself.
FORBIDDEN = {
    "a path of one machine": (
        r"(?<![\w.])/" + r"(?:work|home|Users)/\w", r"(?<![\w.])/" + r"root/\w",
        r"\." + r"library/", r"\." + r"mirror/", "bash" + "_jobs"),
    "a registry or mirror host": (
        r"deb\.debian" + r"\.org", r"security\.debian" + r"\.org", "pypi" + r"\.org",
        "npmjs" + r"\.(?:org|com)", "proxy" + r"\.golang", "crates" + r"\.io",
        "registry" + r"\.(?:\w+\.)+\w+", "artifact" + r"ory"),
    "unfinished work": (r"\bTO" + r"DO\b", r"\bFIX" + r"ME\b", r"\bX" + r"XX\b"),
    "the issue tracker": (r"\bissue #?" + r"\d+",),
}
PATTERNS = [(what, re.compile(expression, re.I if "issue" in expression else 0))
            for what, expressions in FORBIDDEN.items() for expression in expressions]


def problems_of(root):
    """Forbidden words of every text file."""
    found = []
    for name, path in common.walk(root):
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for what, pattern in PATTERNS:
            for match in pattern.finditer(text):
                line = common.line_of(text, match.start())
                found.append(f"{name}:{line}: {match.group(0)!r}: {what}")
    return found


def check(root):
    """Gate a source tree."""
    common.finish(problems_of(os.path.abspath(root)))


def self_test():
    """Each kind must be seen; words that only look alike must not."""
    files = {
        "docs/path.md": "see /wo" + "rk/main\n",
        "scripts/host.sh": "curl https://deb.debian" + ".org/\n",
        "ptp/todo.c": "/* TO" + "DO: later */\n",
        "ptp/issue.c": "/* see Issue " + "12 */\n",
        "docs/fine.md": "the network/path, homework/x, TODOS, an issue of 3 parts\n",
    }
    with common.Tree(files) as root:
        common.expect(problems_of(root), "docs/path.md:1", "scripts/host.sh:1", "ptp/todo.c:1",
                      "ptp/issue.c:1")


common.main(check, self_test)
