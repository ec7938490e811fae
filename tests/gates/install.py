#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Gate: what is installed is complete: a stranger builds the examples with pkg-config, against
the shared and the static library, and finds the programs and pages the README names.

    install.py BUILD_DIR EXAMPLE[,STATUS[,ARGUMENT]]...    STATUS: what it exits with, else 0
    install.py --self-test
"""

import os
import pathlib
import shlex
import tempfile

import common

WANTED = ("sbin/gnomond", "share/man/man8/gnomond.8", "share/man/man5/gnomon.conf.5",
          "lib/systemd/system/gnomond@.service", "share/gnomon/gnomond-guests.conf",
          "sbin/gnomon-guest", "share/man/man8/gnomon-guest.8",
          "lib/systemd/system/gnomon-guest.service", "include/gnomon/engine.h",
          "include/gnomon/guest.h", "share/doc/gnomon/BRIDGE.md", "share/doc/gnomon/CONTROL.md",
          "share/doc/gnomon/examples/commit_wait.c")


def only(root, pattern):
    """The one path below root that matches; None if there is none."""
    found = sorted(pathlib.Path(root).rglob(pattern))
    return found[0] if found else None


def build_example(root, example, static):
    """Build and run an example against what is installed below root; problems."""
    config = only(root, "libgnomon.pc")
    if config is None:
        return ["libgnomon.pc is not installed"]
    env = {**os.environ, "PKG_CONFIG_SYSROOT_DIR": str(root), "PKG_CONFIG_PATH": str(config.parent)}
    status, flags = common.run("pkg-config", "--cflags", "--libs", "libgnomon",
                               *(["--static"] if static else []), env=env)
    if status:
        return [f"pkg-config: {flags.strip()}"]
    example, wanted, *arguments = (example + ("" if "," in example else ",0")).split(",")
    target = f"{root}/example"
    status, output = common.run("cc", "-std=c11", *(["-static"] if static else []), example,
                                *shlex.split(flags), "-o", target)
    if status:
        return [f"{example}: {output.strip()}"]
    library = only(root, "libgnomon.so.*")
    env["LD_LIBRARY_PATH"] = str(library.parent) if library else ""
    status, output = common.run(target, *arguments, env=env)
    return [f"{example}: exit {status}: {output[-300:]}"] if status != int(wanted) else []


def problems_of(root, *examples):
    """What is wrong with an installation below root."""
    names = {path.relative_to(root).as_posix() for path in pathlib.Path(root).rglob("*")}
    found = [f"{wanted} is not installed" for wanted in WANTED
             if not any(name.endswith(wanted) for name in names)]
    found += [f"{name} is installed, which is not for others" for name in sorted(names)
              if name.endswith((".a", ".so")) and "libgnomon." not in name]
    for example in examples:
        for static in (False, True):
            found += build_example(root, example, static)
    return found


def check(build, *examples):
    """Install into a temporary folder and look."""
    with tempfile.TemporaryDirectory(prefix="gnomon-gate-") as root:
        status, output = common.run(common.need("meson"), "install", "-C", build, "--no-rebuild",
                                    "--quiet", "--destdir", root)
        if status:
            common.finish([f"meson install: {output}"])
        common.finish(problems_of(root, *examples))


def self_test():
    """An installation that lacks things must be seen."""
    files = {
        "usr/sbin/gnomond": "",
        "usr/lib/libgnomon-internal.a": "",
        "usr/lib/pkgconfig/libgnomon.pc": "prefix=/usr\nName: x\nDescription: x\nVersion: 1\n"
                                          "Libs: -L${prefix}/lib -lgnomon\n",
        "example.c": "int main(void) { return 0; }\n",
    }
    with common.Tree(files) as root:
        common.expect(problems_of(root, f"{root}/example.c"), "gnomond.8 is not", "gnomon.conf.5",
                      "gnomond@.service", "gnomond-guests.conf", "sbin/gnomon-guest",
                      "gnomon-guest.8", "gnomon-guest.service", "engine.h is not",
                      "guest.h is not", "BRIDGE.md is not", "CONTROL.md is not",
                      "commit_wait.c is not", "libgnomon-internal.a", "example.c",
                      "example.c")
        pathlib.Path(root, "usr/lib/libgnomon.a").write_bytes(b"!<arch>\n")
        common.expect([x for x in problems_of(root, f"{root}/example.c,0") if "exit" in x])
        pathlib.Path(root, "example.c").write_text("int main(void) { return 3; }\n",
                                                   encoding="utf-8")
        common.expect([x for x in problems_of(root, f"{root}/example.c,3") if "exit" in x])
        common.expect([x for x in problems_of(root, f"{root}/example.c,2") if "exit" in x],
                      "exit 3", "exit 3")


common.main(check, self_test)
