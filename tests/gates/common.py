# SPDX-License-Identifier: BSD-2-Clause
"""What the gates share: walking the sources, stripping comments, running and self-testing.

A gate is a function that returns a list of problems, each "path:line: what". It passes when the
list is empty. Its self test plants violations in a temporary tree and fails if one goes unseen.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SKIP = 77

# Folders with sources. include/uapi holds verbatim kernel headers, with their own style.
FOLDERS = (".ci", "bench", "bridge", "dist", "docs", "drivers", "examples", "include", "ptp",
           "scripts", "servo", "tests", "tools")
NOT_OURS = ("include/uapi/",)
# Machine-made reference data is compared byte for byte, not styled.
DATA = ("tests/golden/", "tests/fuzz/corpus/")


def walk(root):
    """Every source file below root as (relative path, Path), sorted."""
    root = pathlib.Path(root)
    found = [p for p in root.iterdir() if p.is_file()]
    for folder in FOLDERS:
        found += [p for p in (root / folder).rglob("*") if p.is_file() and not p.is_symlink()]
    for path in sorted(found):
        name = path.relative_to(root).as_posix()
        if name.startswith(NOT_OURS + DATA) or "__pycache__" in name:
            continue
        if path.name == ".git" or path.suffix in (".orig", ".rej", ".swp"):
            continue
        yield name, path


def kind(name, path):
    """The language of a file: c, python, shell, meson, other; by suffix, else by its #! line."""
    suffix = path.suffix
    if suffix in (".c", ".h"):
        return "c"
    if suffix == ".py":
        return "python"
    if suffix == ".sh":
        return "shell"
    if path.name in ("meson.build", "meson_options.txt"):
        return "meson"
    if suffix == "":
        with open(path, "rb") as stream:
            first = stream.readline(80)
        if first.startswith(b"#!"):
            return "python" if b"python" in first else "shell"
    return "other"


def code_only(text):
    """C text with comments and literals blanked; line numbers and columns stay."""
    def blank(match):
        found = match.group(0)
        if found[0] in "\"'":
            return found[0] + re.sub(r"[^\n]", " ", found[1:-1]) + found[-1]
        return re.sub(r"[^\n\t]", " ", found)
    pattern = r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
    return re.sub(pattern, blank, text, flags=re.S)


def line_of(text, position):
    """The line number of a position in text."""
    return text.count("\n", 0, position) + 1


def run(*args, **kwargs):
    """Run a command, return (exit status, output with errors)."""
    done = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          stdin=subprocess.DEVNULL, check=False, **kwargs)
    return done.returncode, done.stdout


def need(tool):
    """The path of a tool, or end as a visible skip."""
    path = shutil.which(tool)
    if path is None:
        print(f"skip: {tool} is not installed")
        sys.exit(SKIP)
    return path


def finish(problems, summary=""):
    """Print the verdict and exit with it."""
    for problem in problems:
        print(problem)
    if summary:
        print(summary)
    print(f"{len(problems)} problem(s)" if problems else "ok")
    sys.exit(1 if problems else 0)


class Tree:
    """A temporary tree for self tests: Tree({"a/b.c": "text"})."""

    def __init__(self, files):
        self.files = files

    def __enter__(self):
        self.root = tempfile.mkdtemp(prefix="gnomon-gate-")
        for name, text in self.files.items():
            path = pathlib.Path(self.root, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return self.root

    def __exit__(self, *exc):
        shutil.rmtree(self.root)


def expect(problems, *wanted):
    """A self test's step: each wanted text is in a problem of its own, and nothing else is."""
    left = list(problems)
    for text in wanted:
        hit = next((p for p in left if text in p), None)
        if hit is None:
            print(f"self test: no problem with {text!r} among {problems}")
            sys.exit(1)
        left.remove(hit)
    if left:
        print(f"self test: unexpected {left}")
        sys.exit(1)


def main(check, self_test):
    """Run check(arguments), or the self test when asked for it."""
    if sys.argv[1:2] == ["--self-test"]:
        self_test(*sys.argv[2:])
        print("self test: every planted violation was found")
        sys.exit(0)
    os.environ["LC_ALL"] = "C.UTF-8"
    check(*sys.argv[1:])
