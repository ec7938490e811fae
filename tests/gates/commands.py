#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Gate: every command of gnomon has its manual page, and gnomon(1) says of each what --help says;
the help of each has examples, which name it.

    commands.py ROOT GNOMON
    commands.py --self-test
"""

import pathlib
import re
import subprocess

import common

ROW = re.compile(r"^  (\S+) +(\S.*)$")
PAGE = "docs/gnomon-{}.1.scd.in"


def problems_of(root, text):
    """What the pages lack of the commands that --help lists."""
    rows = [match.groups() for match in map(ROW.match, text.splitlines()) if match]
    if not rows:
        return ["gnomon --help lists no commands"]
    found = []
    main = pathlib.Path(root, "docs/gnomon.1.scd.in").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\*([\w-]+)\*\n\t(.*?)(?:; .*)?$", main, re.M))
    for name, summary in rows:
        page = pathlib.Path(root, PAGE.format(name))
        if not page.is_file():
            found.append(f"{PAGE.format(name)}: the page of gnomon {name} is not there")
        elif not page.read_text(encoding="utf-8").startswith(f"gnomon-{name}(1)\n"):
            found.append(f"{PAGE.format(name)}:1: is not headed gnomon-{name}(1)")
        if listed.pop(name, None) != summary:
            found.append(f"docs/gnomon.1.scd.in: does not say of {name}: {summary}")
        if f"gnomon-{name}(1)" not in main:
            found.append(f"docs/gnomon.1.scd.in: does not lead to gnomon-{name}(1)")
    return found + [f"docs/gnomon.1.scd.in: there is no command {name}" for name in listed]


def help_problems(name, by_help, by_option):
    """What is wrong with the help of one command, asked for in both ways."""
    found = []
    if by_help != by_option:
        found.append(f"gnomon help {name} is not what gnomon {name} --help prints")
    if not re.search(rf"^examples:\n(  gnomon {name} .*\n)+\Z", by_option, re.M):
        found.append(f"gnomon {name} --help: does not end with examples of gnomon {name}")
    return found + [f"gnomon {name} --help: {len(line)} columns, over 100"
                    for line in by_option.splitlines() if len(line) > 100]


def check(root, gnomon):
    """Ask the program."""
    def ask(*args):
        return subprocess.run([gnomon, *args], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, check=True).stdout

    text = ask("--help")
    found = problems_of(root, text)
    for name, _ in [match.groups() for match in map(ROW.match, text.splitlines()) if match]:
        found += help_problems(name, ask("help", name), ask(name, "--help"))
    common.finish(found)


def self_test():
    """Every kind of problem is seen."""
    said = "usage: gnomon\n\ncommands:\n  one        the first\n  two-more   the second\n"
    main = "*one*\n\tthe first; *uno*\n*two-more*\n\tthe second\ngnomon-one(1) gnomon-two-more(1)\n"
    pages = {"docs/gnomon.1.scd.in": main, "docs/gnomon-one.1.scd.in": "gnomon-one(1)\n",
             "docs/gnomon-two-more.1.scd.in": "gnomon-two-more(1)\n"}
    with common.Tree(pages) as root:
        common.expect(problems_of(root, said))
        common.expect(problems_of(root, "nothing"), "lists no commands")
        common.expect(problems_of(root, said + "  new        a third\n"), "page of gnomon new",
                      "does not say of new", "does not lead to gnomon-new(1)")
        common.expect(problems_of(root, said.replace("the first", "another")),
                      "does not say of one: another")
        common.expect(problems_of(root, said.replace("  two-more   the second\n", "")),
                      "there is no command two-more")
    with common.Tree({**pages, "docs/gnomon-one.1.scd.in": "gnomon-two(1)\n"}) as root:
        common.expect(problems_of(root, said), "is not headed gnomon-one(1)")
    text = "usage: gnomon one\n\nexamples:\n  gnomon one\t\n  gnomon one -x\n".replace("\t", " y")
    common.expect(help_problems("one", text, text))
    common.expect(help_problems("one", "usage: gnomon\n", text), "is not what gnomon one --help")
    common.expect(help_problems("two", text, text), "does not end with examples of gnomon two")
    text = "x" * 101 + "\n" + text
    common.expect(help_problems("one", text, text), "101 columns, over 100")


common.main(check, self_test)
