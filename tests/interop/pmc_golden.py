#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What pmc prints of given octets: a daemon that answers every GET with the octets of a file.

    pmc_golden.py [--pmc PROGRAM] GOLDEN            compare what PROGRAM prints with the file
    pmc_golden.py --gnomon PATH GOLDEN              the same of gnomon, called pmc
    pmc_golden.py --write [--pmc PROGRAM] GOLDEN    let PROGRAM write the texts anew

The file has blocks "== ID OCTETS" with the text below, each line ended by "|" because blanks at
the end of lines count. PROGRAM is linuxptp's pmc, 3.1.1 or later, or ours. Ids it does not know are
left out, and of linuxptp 3 the lines that 4 has changed.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading

SKIP = 77
IDENTITY = bytes.fromhex("0c42a1fffe6d7ca60001")
# Lines that linuxptp 4 prints in another way than 3: fields it has added, octets 3 takes wrongly.
CHANGED = re.compile(r"^\t\t(duration|NOTIFY_\w+|versionNumber|slaveOnly|lastGmPhaseChange) .*\n",
                     re.M)
MESSAGE = re.compile(r"^\t\S+ seq (\d+) ", re.M)


def read_golden(path):
    """The blocks of the file: [id, octets, text]."""
    blocks = []
    for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines():
        if line.startswith("== "):
            name, octets = line[3:].split()
            blocks.append([name, bytes.fromhex(octets.replace("-", "")), ""])
        elif blocks:
            blocks[-1][2] += line[:-1] + "\n"
    return blocks


def write_golden(path, blocks):
    """The reverse."""
    with open(path, "w", encoding="utf-8") as file:
        for name, octets, text in blocks:
            file.write(f"== {name} {octets.hex() or '-'}\n")
            file.writelines(line + "|\n" for line in text.splitlines())


def answer(request, sequence, octets):
    """A RESPONSE to a request, with those octets as its dataField."""
    header = bytearray(request[:34])
    struct.pack_into(">H", header, 2, 34 + 14 + 6 + len(octets))
    header[20:30] = IDENTITY
    struct.pack_into(">H", header, 30, sequence)
    body = request[20:30] + bytes([1, 1, 2, 0])
    return bytes(header) + body + struct.pack(">HH", 1, 2 + len(octets)) + request[52:54] + octets


def serve(server, blocks, name):
    """Answer one GET of that id by all its blocks."""
    request, client = server.recvfrom(2048)
    for number, block in enumerate(blocks):
        if block[0] == name:
            server.sendto(answer(request, number, block[1]), client)


def ask(pmc, blocks, name):
    """What pmc prints of an id: {number of block: text}."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "server")
        server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        server.bind(path)
        server.settimeout(10)
        thread = threading.Thread(target=serve, args=(server, blocks, name), daemon=True)
        thread.start()
        done = run(pmc, "-u", "-s", path, "-i", os.path.join(folder, "client"), f"GET {name}")
        thread.join()
        server.close()
    print(done.stderr, end="")
    text = re.sub(r"^sending: .*\n", "", done.stdout, flags=re.M)
    starts = [match.start() for match in MESSAGE.finditer(text)] + [len(text)]
    parts = [text[start:end] for start, end in zip(starts, starts[1:])]
    return {int(MESSAGE.match(part).group(1)): part for part in parts}


def run(pmc, *args):
    """Run pmc to its end."""
    return subprocess.run([pmc, *args], timeout=60, check=False, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True)


def known(pmc):
    """The ids pmc knows, and its major version."""
    version = int(re.match(r"v?(\d+)", run(pmc, "-v").stdout).group(1))
    with tempfile.TemporaryDirectory() as folder:
        helped = run(pmc, "-u", "-i", os.path.join(folder, "client"), "-s",
                     os.path.join(folder, "server"), "help").stdout
    return set(re.findall(r"^\t\[action\] (\S+)$", helped, re.M)), version


def comparable(text, version):
    """What is the same in that version of pmc and the latest."""
    return CHANGED.sub("", text) if version == 3 else text


def main():
    """Compare or write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pmc", default="pmc")
    parser.add_argument("--gnomon", type=os.path.abspath)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("golden")
    args = parser.parse_args()
    if shutil.which(args.pmc) is None:
        print(f"skip: needs {args.pmc}")
        sys.exit(SKIP)
    with tempfile.TemporaryDirectory() as folder:
        if args.gnomon:
            args.pmc = os.path.join(folder, "pmc")
            os.symlink(args.gnomon, args.pmc)
        sys.exit(judge(args))


def judge(args):
    """Let the program print; the exit status."""
    blocks = read_golden(args.golden)
    ids, version = known(args.pmc)
    names = [name for name in dict.fromkeys(block[0] for block in blocks) if name in ids]
    texts = {}
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for found in pool.map(lambda name: ask(args.pmc, blocks, name), names):
            texts.update(found)
    wrong = 0
    for number, block in enumerate(blocks):
        if block[0] not in names:
            continue
        if args.write:
            block[2] = texts[number]
        elif comparable(texts.get(number, ""), version) != comparable(block[2], version):
            wrong += 1
            print(f"{block[0]} {block[1].hex()}: golden:\n{block[2]}{args.pmc}:\n"
                  f"{texts.get(number)}")
    if args.write:
        write_golden(args.golden, blocks)
    print(f"{len(texts)} texts of {len(names)} ids, {wrong} wrong")
    return wrong > 0 or not texts


main()
