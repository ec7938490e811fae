#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""gnomon vm at a terminal and in scripts: what it prints, its exit status, and wrong input.

    cli.py --gnomond PATH --gnomon PATH CASE
"""

import json
import os
import re
import subprocess
import sys

import desk
from desk import expect, wait

ATTACHED = """\
guest web1: FOLDER/page-web1

QEMU:

  -object memory-backend-file,id=gnomon,mem-path=FOLDER/page-web1,size=8192,share=on \\
  -device ivshmem-plain,memdev=gnomon,addr=0x10,master=on \\
  -acpitable file=FOLDER/run/web1.aml

libvirt (virsh edit; <domain xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>):

<qemu:commandline>
  <qemu:arg value='-object'/>
  <qemu:arg value='memory-backend-file,id=gnomon,mem-path=FOLDER/page-web1,size=8192,share=on'/>
  <qemu:arg value='-device'/>
  <qemu:arg value='ivshmem-plain,memdev=gnomon,addr=0x10,master=on'/>
  <qemu:arg value='-acpitable'/>
  <qemu:arg value='file=FOLDER/run/web1.aml'/>
</qemu:commandline>

The device has to be on PCI bus 0, slot 0x10: the table names it. Linux 6.13 or later binds it by \
itself (ptp_vmclock): /dev/vmclock0, and a /dev/ptpN whose clock_name is vmclock0.
A machine that is to be migrated needs a monitor that gnomond can ask (--qmp): a page that is \
copied has to say so before.
Where AppArmor or SELinux confine QEMU, let it read FOLDER/run/web1.aml and write FOLDER/page-web1.
"""

STATUS = r"""guest         web1 \(attached\)
status        synchronized
bound         [\d.]+ [mun]?s
page          FOLDER/page-web1, written \d+\.\d\d s ago, \d+ times
way           bar_acpi, tai
counter       host, offset 0
process       -
marker        0x[0-9a-f]{16}, disruptions 1
"""

LIST = r"""NAME  STATUS        BOUND +AGE +COUNTER  PID  PAGE
one   synchronized  [\d.]+ [mun]?s +\d+\.\d\d s  host     -    FOLDER/page-one
web1  synchronized  [\d.]+ [mun]?s +\d+\.\d\d s  host     -    FOLDER/page-web1
"""


class Shell:
    """Runs gnomon vm, and knows where the daemon listens."""

    def __init__(self, d, gnomon):
        self.d, self.gnomon = d, gnomon

    def run(self, *words, socket=True):
        """Exit status, output and complaint."""
        place = ["--socket", self.d.socket] if socket else []
        done = subprocess.run([self.gnomon, "vm", *place, *words], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False, timeout=30)
        return done.returncode, done.stdout.replace(self.d.folder, "FOLDER"), done.stderr

    def expect(self, status, *words, **more):
        """The output, which is all there is if the status is 0 or 3."""
        got, out, err = self.run(*words, **more)
        expect(got == status, f"gnomon vm {words}: exit {got}, not {status}: {out}{err}")
        expect(not err, f"gnomon vm {words}: {err}")
        return out

    def refused(self, status, *words, **more):
        """The complaint: one line."""
        got, out, err = self.run(*words, **more)
        expect(got == status, f"gnomon vm {words}: exit {got}, not {status}: {out}{err}")
        expect(not out and err.count("\n") == 1 and err.startswith("gnomon vm: "),
               f"gnomon vm {words}: {out}{err}")
        return err


def prints(d, gnomon):
    """Texts, tables and JSON."""
    d.start()
    sh = Shell(d, gnomon)
    out = sh.expect(0, "attach", "web1", "--counter", "host", "--page", d.path("page-web1"))
    expect(out == ATTACHED, f"attach prints:\n{out}")
    expect(sh.expect(0, "recipe", "web1") == out, "recipe is not what attach printed")
    line = sh.expect(0, "recipe", "web1", "--qemu")
    expect(line.count("\n") == 1 and line.startswith("-object "), line)
    expect(sh.expect(0, "recipe", "web1", "--xml") in out, "--xml is not in the text")
    wait(lambda: sh.run("status", "web1")[0] == 0, 10, "never synchronized")
    out = sh.expect(0, "status", "web1")
    expect(re.fullmatch(STATUS, out), f"status prints:\n{out}")
    out = sh.expect(0, "list")
    expect(re.fullmatch(LIST, out), f"list prints:\n{out}")
    whole = json.loads(sh.expect(0, "recipe", "web1", "--json"))
    expect(" ".join(whole["qemu"]) + "\n" == line and whole["guest"]["name"] == "web1"
           and whole["libvirt"] and len(whole["notes"]) == 3, f"{whole}")
    guest = json.loads(sh.expect(0, "status", "web1", "--json"))
    expect(guest["status"] == "synchronized" and guest["bound_ns"] > 0, f"{guest}")
    names = [g["name"] for g in json.loads(sh.expect(0, "list", "--json"))]
    expect(names == ["one", "web1"], f"{names}")
    expect(sh.expect(0, "status").count("\n\nguest ") == 1, "status of both")
    # Of libvirt's own size, for libvirt's own device.
    shared = f"/dev/shm/gnomon-test-{os.getpid()}"
    d.files.append(shared)
    out = sh.expect(0, "attach", "lv", "--libvirt", "no-such-domain", "--page", shared, "--xml")
    expect("<shmem name=" in out and "<size unit='M'>1</size>" in out, out)
    # It is none of a running machine: the page says so, and so does the exit status.
    out = sh.expect(3, "status", "lv")
    expect(re.search(r"^status        unreliable: \S", out, re.M), out)
    expect(sh.expect(3, "status").count("guest   ") == 3, "status of all")
    sh.expect(0, "detach", "lv")
    sh.expect(0, "detach", "web1")
    expect(json.loads(sh.expect(0, "list", "--json"))[0]["name"] == "one", "list")
    sh.expect(0, "--help", socket=False)


def refuses(d, gnomon):
    """Wrong input: one line that names the thing and the remedy, and nothing was made."""
    sh = Shell(d, gnomon)
    err = sh.refused(2, "list")
    expect("no gnomond listens there; start it, or name its control_socket with --socket" in err,
           err)
    d.start()
    before = sorted(os.listdir(d.folder) + os.listdir(d.path("run")))
    usage = (
        ([], "attach, detach, list, recipe or status"), (["atach", "x"], "did you mean attach"),
        (["attach"], "which guest"), (["detach"], "which guest"), (["list", "x"], "too many"),
        (["attach", "x", "y"], "y: one word too many"),
        (["attach", "x", "--wy", "B"], "did you mean --way"),
        (["attach", "x", "--way"], "no value"),
        (["attach", "x", "--way", "E"], "bar_acpi, fixed, bar or patch"),
        (["attach", "x", "--size", "8191"], "power of two"),
        (["attach", "x", "--size", "many"], "--size: 'many'"),
        (["attach", "x", "--slot", "32"], "1 to 31"), (["attach", "x", "--pid", "-1"], "--pid"),
        (["attach", "x", "--uuid", "1"], "no UUID"),
        (["attach", "x", "--page", "page"], "from the root on"),
        (["attach", "x", "--page", "/dev/shm/a,b"], "comma"),
        (["attach", "x", "--page", d.path("page-one")], "guest one has the page"),
        (["attach", "x", "--mode", "0666"], "everybody"),
        (["attach", "x", "--way", "C"], "give --memory, or --address"),
        (["attach", "x", "--way", "C", "--memory", "much"], "'much'"),
        (["attach", "x", "--way", "C", "--memory", "1G", "--maxmem", "1G"], "leaves no room"),
        (["attach", "x", "--way", "C", "--address", "5"], "no address of a page"),
        (["attach", "x", "--maxmem", "1G"], "goes with --memory"),
        (["attach", "x", "--way", "D"], "guest_qmp"),
        (["attach", "x", "--way", "B", "--address", "0x1000"], "only guest_way fixed"),
        (["attach", "x", "--pid", "1", "--uuid", "1" * 8 + "-1111" * 3 + "-" + "1" * 12],
         "keep one"),
        (["attach", "x", "--profile", "gps"], "tai or utc"),
        (["attach", "x", "--qemu", "--json"], "keep one"), (["attach", "a b"], "letters"),
        (["attach", "x" * 32], "name: "), (["list", "--way", "B"], "only for attach"),
        (["status", "--qemu"], "only for attach and recipe"),
    )
    for words, text in usage:
        err = sh.refused(1, *words)
        expect(text in err, f"{words}: {err}")
    refused = (
        (["status", "onee"], "did you mean one?"), (["detach", "x"], "no guest 'x'"),
        (["recipe", "x"], "no guest 'x'"), (["attach", "one"], "detach it first"),
        (["detach", "one"], "configuration"),
        (["attach", "x", "--owner", "nobody-at-all"], "nobody-at-all"),
        (["attach", "x", "--page", "/nonexistent/page"], "/nonexistent"),
    )
    for words, text in refused:
        err = sh.refused(2, *words)
        expect(text in err, f"{words}: {err}")
    expect("not a command" not in sh.refused(2, "list", "--socket", "/etc/passwd", socket=False),
           "a file for a socket")
    expect("too long" in sh.refused(2, "list", "--socket", "/" + "x" * 200, socket=False), "long")
    after = sorted(os.listdir(d.folder) + os.listdir(d.path("run")))
    expect(before == after, f"something was made: {set(after) - set(before)}")


CASES = {case.__name__: case for case in (prints, refuses)}


if __name__ == "__main__":
    sys.exit(desk.run_case(CASES))
