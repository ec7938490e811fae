#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Gate: what a machine can say about style.

    style.py ROOT
    style.py --self-test

All text: UTF-8, newline at the end of the file, no trailing blanks, no carriage return, no
invisible character. Markdown: links within the tree lead somewhere. Code: an SPDX line first. C:
tabs, braces on every block, no typedef of an enum, no // comment, goto forward only.
"""

import os
import re
import unicodedata

import common

SPDX = {
    "c": "/* SPDX-License-Identifier: BSD-2-Clause */",
    "python": "# SPDX-License-Identifier: BSD-2-Clause",
    "shell": "# SPDX-License-Identifier: BSD-2-Clause",
    "meson": "# SPDX-License-Identifier: BSD-2-Clause",
}
# Categories of characters nobody sees: control, format (zero width, bidi), odd blanks.
INVISIBLE = ("Cc", "Cf", "Co", "Cn", "Zl", "Zp")
BINARY = (".png", ".pcap", ".gz", ".bin")
CONTROLLED = re.compile(r"\b(if|for|while|switch|else|do)\b")


def text_problems(name, text):
    """Problems any text can have."""
    found = []
    if text and not text.endswith("\n"):
        found.append(f"{name}:{text.count(chr(10)) + 1}: no newline at the end of the file")
    if text.endswith("\n\n"):
        found.append(f"{name}:{text.count(chr(10))}: blank line at the end of the file")
    for number, line in enumerate(text.split("\n"), 1):
        if line != line.rstrip():
            found.append(f"{name}:{number}: trailing blank")
        for char in set(line) - {"\t"}:
            odd_blank = unicodedata.category(char) == "Zs" and char != " "
            if odd_blank or unicodedata.category(char) in INVISIBLE:
                found.append(f"{name}:{number}: invisible character U+{ord(char):04X}")
    return found


def spdx_problems(name, language, text):
    """The licence stands on line 1, or 2 after #!."""
    lines = text.split("\n")
    first = lines[1] if lines[0].startswith("#!") and len(lines) > 1 else lines[0]
    if first != SPDX[language]:
        return [f"{name}:1: not \"{SPDX[language]}\""]
    return []


def closing(code, position):
    """The position after the parenthesis that matches the one at position; -1 if there is none."""
    depth = 0
    for index in range(position, len(code)):
        if code[index] == "(":
            depth += 1
        elif code[index] == ")":
            depth -= 1
            if depth == 0:
                return index + 1
    return -1


def brace_problems(name, code):
    """A block of if, else, for, while, do or switch without braces."""
    found = []
    code = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: re.sub(r"[^\n]", " ", m.group(0)),
                  code, flags=re.M)
    for match in CONTROLLED.finditer(code):
        word, after = match.group(1), match.end()
        if word not in ("else", "do"):
            paren = re.compile(r"\s*\(").match(code, after)
            if paren is None:
                continue
            after = closing(code, paren.end() - 1)
        rest = code[after:].lstrip()
        ends_do = word == "while" and rest.startswith(";")
        if ends_do and not code[:match.start()].rstrip().endswith("}"):
            ends_do = False
        if rest.startswith("{") or ends_do or (word == "else" and re.match(r"if\b", rest)):
            continue
        found.append(f"{name}:{common.line_of(code, match.start())}: {word} without braces")
    return found


def goto_problems(name, code):
    """A goto whose label stands above it in the same function."""
    found = []
    for body in re.finditer(r"^\{\n.*?^\}", code, flags=re.S | re.M):
        text = body.group(0)
        for jump in re.finditer(r"\bgoto\s+(\w+)\s*;", text):
            label = re.search(rf"^\s*{jump.group(1)}:", text, flags=re.M)
            if label and label.start() < jump.start():
                line = common.line_of(code, body.start() + jump.start())
                found.append(f"{name}:{line}: goto {jump.group(1)} jumps backwards")
    return found


def link_problems(root, name, text):
    """Links of a document to files that are not there."""
    found = []
    for match in re.finditer(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        target = match.group(1)
        place = os.path.join(root, os.path.dirname(name), target)
        if "://" not in target and not os.path.exists(place):
            line = common.line_of(text, match.start())
            found.append(f"{name}:{line}: link to {target}, which does not exist")
    return found


def c_problems(name, text):
    """Problems of C text."""
    code = common.code_only(text)
    found = brace_problems(name, code) + goto_problems(name, code)
    for number, line in enumerate(code.split("\n"), 1):
        if re.match(r"\t* {8}", line) and line.strip():
            found.append(f"{name}:{number}: indented with blanks, not tabs")
        if re.match(r"\s*typedef\s+enum\b", line):
            found.append(f"{name}:{number}: typedef of an enum")
    blanked = re.sub(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"', lambda m: re.sub(r"[^\n]", " ", m.group(0)),
                     text, flags=re.S)
    for number, line in enumerate(blanked.split("\n"), 1):
        if "//" in line:
            found.append(f"{name}:{number}: // comment")
    return found


def problems_of(root):
    """Problems of every file of a tree."""
    found = []
    for name, path in common.walk(root):
        if path.suffix in BINARY:
            continue
        try:
            text = path.read_bytes().decode("utf-8")
        except UnicodeDecodeError:
            found.append(f"{name}:1: not UTF-8")
            continue
        found += text_problems(name, text)
        language = common.kind(name, path)
        if language != "other":
            found += spdx_problems(name, language, text)
        if path.suffix == ".md":
            found += link_problems(root, name, text)
        if language == "c":
            found += c_problems(name, text)
    return found


def check(root):
    """Gate a source tree."""
    common.finish(problems_of(os.path.abspath(root)))


HEAD = SPDX["c"] + "\n"
BAD = {
    "ptp/spdx.c": ("int a;\n", ["ptp/spdx.c:1: not"]),
    "ptp/eof.c": (HEAD + "int a;", ["ptp/eof.c:2: no newline"]),
    "ptp/blank.c": (HEAD + "int a; \n", ["ptp/blank.c:2: trailing"]),
    "ptp/hidden.c": (HEAD + "int a; /* \u202e */\n", ["ptp/hidden.c:2: invisible"]),
    "docs/link.md": ("[a](link.md) [b](gone.md#x) [c](https://x.org/y)\n",
                     ["docs/link.md:1: link to gone.md"]),
    "docs/nbsp.md": ("a\u00a0b\n", ["docs/nbsp.md:1: invisible character U+00A0"]),
    "ptp/space.c": (HEAD + "void f(void)\n{\n        g();\n}\n", ["ptp/space.c:4: indented"]),
    "ptp/enum.h": (HEAD + "typedef enum { A } a;\n", ["ptp/enum.h:2: typedef"]),
    "ptp/cxx.c": (HEAD + "int a; // no\n", ["ptp/cxx.c:2: //"]),
    "ptp/if.c": (HEAD + "void f(void)\n{\n\tif (g(\"(\"))\n\t\th();\n}\n", ["if.c:4: if without"]),
    "ptp/else.c": (HEAD + "void f(int a)\n{\n\tif (a) {\n\t} else\n\t\th();\n}\n",
                   ["else.c:5: else without"]),
    "ptp/loop.c": (HEAD + "void f(int a)\n{\n\twhile (a--);\n}\n", ["loop.c:4: while without"]),
    "ptp/goto.c": (HEAD + "void f(void)\n{\nagain:\n\tgoto again;\n}\n", ["goto.c:5: goto again"]),
    "scripts/tool": ("#!/bin/sh\necho\n", ["scripts/tool:1: not"]),
}
GOOD = HEAD + """/* if (this) is prose; "quote */
#define LOOP(x) for (;;)
enum a { A };
int f(int a)
{
\tif (a) {
\t\tg("if (x) y; // no");
\t} else if (a > 1) {
\t\tgoto out;
\t}
\tdo {
\t\ta--;
\t} while (a);
\tfor (int i = 0;
\t     i < a; i++) {
\t\tcontinue;
\t}
out:
\treturn a ? '"' : 0;
}
"""


def self_test():
    """Each planted violation must be seen, and nothing in good code."""
    files = {name: text for name, (text, _) in BAD.items()}
    wanted = [text for _, texts in BAD.values() for text in texts]
    with common.Tree(files) as root:
        common.expect(problems_of(root), *wanted)
    with common.Tree({"ptp/good.c": GOOD, "scripts/ok": "#!/bin/sh\n" + SPDX["shell"] + "\n"}) as r:
        common.expect(problems_of(r))


common.main(check, self_test)
