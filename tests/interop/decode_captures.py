#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Our decoder and tshark say the same of every PTP message of a capture, field by field.

    decode_captures.py PROGRAM FILE...          these captures
    decode_captures.py PROGRAM --captures ROOT  those in $GNOMON_CAPTURES or ROOT/../shared/captures
    decode_captures.py PROGRAM --seeds DIR      the messages DIR/*.bin in every encapsulation

PROGRAM is decode_captures. A message the decoder refuses must be one whose fault tshark shows.
Exit status 77 (skip) without tshark or without captures.
"""

import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

SKIP = 77
RESERVED_TYPES = (4, 5, 6, 7, 14, 15)

# Our key: tshark's field. Numbers unless named in HEX below.
HEADER = {
    "major_sdo_id": "ptp.v2.majorsdoid", "type": "ptp.v2.messagetype",
    "minor_version": "ptp.v2.minorversionptp", "version": "ptp.v2.versionptp",
    "length": "ptp.v2.messagelength", "domain": "ptp.v2.domainnumber",
    "minor_sdo_id": "ptp.v2.minorsdoid", "flags": "ptp.v2.flags",
    "type_specific": "ptp.v2.messagetypespecific", "source_clock": "ptp.v2.clockidentity",
    "source_port": "ptp.v2.sourceportid", "sequence_id": "ptp.v2.sequenceid",
    "control": "ptp.v2.controlfield", "log_interval": "ptp.v2.logmessageperiod",
}
CORRECTION = ("ptp.v2.correction.ns", "ptp.v2.correction.subns")


def stamp(prefix):
    """The two fields of a timestamp."""
    return {"seconds": prefix + ".seconds", "nanoseconds": prefix + ".nanoseconds"}


BODY = {
    0x0: stamp("ptp.v2.sdr.origintimestamp"),
    0x1: stamp("ptp.v2.sdr.origintimestamp"),
    0x2: stamp("ptp.v2.pdrq.origintimestamp"),
    0x3: {**stamp("ptp.v2.pdrs.requestreceipttimestamp"),
          "requesting_clock": "ptp.v2.pdrs.requestingportidentity",
          "requesting_port": "ptp.v2.pdrs.requestingsourceportid"},
    0x8: stamp("ptp.v2.fu.preciseorigintimestamp"),
    0x9: {**stamp("ptp.v2.dr.receivetimestamp"),
          "requesting_clock": "ptp.v2.dr.requestingsourceportidentity",
          "requesting_port": "ptp.v2.dr.requestingsourceportid"},
    0xa: {**stamp("ptp.v2.pdfu.responseorigintimestamp"),
          "requesting_clock": "ptp.v2.pdfu.requestingportidentity",
          "requesting_port": "ptp.v2.pdfu.requestingsourceportid"},
    0xb: {**stamp("ptp.v2.an.origintimestamp"),
          "utc_offset": "ptp.v2.an.origincurrentutcoffset", "priority1": "ptp.v2.an.priority1",
          "clock_class": "ptp.v2.an.grandmasterclockclass",
          "clock_accuracy": "ptp.v2.an.grandmasterclockaccuracy",
          "variance": "ptp.v2.an.grandmasterclockvariance", "priority2": "ptp.v2.an.priority2",
          "grandmaster": "ptp.v2.an.grandmasterclockidentity",
          "steps_removed": "ptp.v2.an.localstepsremoved", "time_source": "ptp.v2.timesource",
          "tlv_types": "ptp.v2.an.tlvType", "tlv_lengths": "ptp.v2.an.lengthField",
          "path": "ptp.v2.an.pathsequence",
          "alternate_key": "ptp.v2.an.atoi.keyField",
          "alternate_offset": "ptp.v2.an.atoi.currentOffset",
          "alternate_jump": "ptp.v2.an.atoi.jumpSeconds",
          "alternate_next": "ptp.v2.an.atoi.timeOfNextJump",
          "alternate_name": "ptp.v2.an.atoi.displayName"},
    0xc: {"target_clock": "ptp.v2.sig.targetportidentity",
          "target_port": "ptp.v2.sig.targetportid",
          "tlv_types": "ptp.v2.sig.tlv.tlvType", "tlv_lengths": "ptp.v2.sig.tlv.lengthField"},
    0xd: {"target_clock": "ptp.v2.mm.targetportidentity",
          "target_port": "ptp.v2.mm.targetportid",
          "starting_hops": "ptp.v2.mm.startingboundaryhops", "hops": "ptp.v2.mm.boundaryhops",
          "action": "ptp.v2.mm.action", "tlv_types": "ptp.v2.mm.tlvType",
          "tlv_lengths": "ptp.v2.mm.lengthField"},
}
HEX = ("source_clock", "requesting_clock", "grandmaster", "target_clock", "path",
       "alternate_next")
TEXT = ("alternate_name",)
# Fields of TLVs, which not every message has.
OPTIONAL = ("tlv_types", "tlv_lengths", "path", "alternate_key", "alternate_offset",
            "alternate_jump", "alternate_next", "alternate_name")


def skip(reason):
    """End as a visible skip."""
    print(f"skip: {reason}")
    sys.exit(SKIP)


def run(*args):
    """What a command prints; its failure is ours."""
    done = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, args))}: exit status {done.returncode}\n{done.stderr}")
    return done.stdout


def known_fields():
    """Every field this tshark has of those we compare."""
    wanted = set(HEADER.values()).union(CORRECTION, *(b.values() for b in BODY.values()))
    rows = (row.split("\t") for row in run("tshark", "-G", "fields").splitlines())
    return sorted(wanted.intersection(row[2] for row in rows if row[0] == "F"))


def theirs(path, fields):
    """{frame number: {field: text}} of the frames tshark takes for PTP."""
    names = ["frame.number", "frame.protocols", "_ws.malformed", *fields]
    options = [o for name in names for o in ("-e", name)]
    found = {}
    for row in run("tshark", "-n", "-r", path, "-T", "fields", "-E", "separator=/t",
                   "-E", "occurrence=a", "-E", "aggregator=,", *options).splitlines():
        values = dict(zip(names, row.split("\t")))
        if "ptp" in values["frame.protocols"].split(":"):
            found[int(values["frame.number"])] = values
    return found


def ours(program, path):
    """{frame number: {key: text}} of what the decoder found."""
    found = {}
    for row in run(program, path).splitlines():
        values = dict(pair.split("=", 1) for pair in row.split("\t"))
        found[int(values.pop("frame"))] = values
    return found


def normal(key, text):
    """A value of either side in one form: text, lower-case hex digits, or a list of numbers."""
    if key in TEXT:
        # tshark has the field twice: for the PTPText and for the text in it.
        half = len(text) // 2
        return text[:half] if text[:half] == text[half + 1:] else text
    parts = [part for part in text.split(",") if part]
    if key in HEX:
        return [part.replace(":", "").removeprefix("0x").lower().zfill(12 if key ==
                "alternate_next" else 16) for part in parts]
    return [int(part, 0) for part in parts]


def correction(shark):
    """tshark splits it into ns, rounded down but shown as unsigned, and the fraction above."""
    ns = int(shark[CORRECTION[0]])
    ns -= (1 << 64) if ns >= 1 << 63 else 0
    return ns * 65536 + round(float(shark[CORRECTION[1]]) * 65536)


def compare(mine, shark, fields):
    """(fields compared, differences) of one accepted message."""
    if "malformed" in shark["_ws.malformed"]:
        # A Management message without its TLV: tshark stops before it shows a field.
        known = int(mine["type"]) == 0xd and mine["tlv_types"] == ""
        return 0, [] if known else ["tshark finds it malformed"]
    pairs = {**HEADER, **BODY[int(mine["type"])]}
    differences, compared = [], 1
    if correction(shark) != int(mine["correction"]):
        differences.append(f"correction {mine['correction']}, tshark {correction(shark)}")
    for key, field in pairs.items():
        if field not in fields:
            continue
        if key not in OPTIONAL and int(mine["major_sdo_id"]) != 0 and not shark[field]:
            continue  # tshark has other names for the bodies of IEEE 802.1AS
        compared += 1
        if normal(key, mine.get(key, "")) != normal(key, shark[field]):
            differences.append(f"{key} {mine.get(key, '')!r}, tshark {shark[field]!r}")
    return compared, differences


def refusal_shown(mine, shark):
    """True if tshark's fields show the fault for which the decoder refused the message."""
    reason, octets = mine["refused"], int(mine["octets"])
    version = shark["ptp.v2.versionptp"]
    if reason == "SHORT":
        return octets < 34
    if reason == "VERSION":
        return version == "" or int(version, 0) != 2
    if reason == "TYPE":
        return int(shark["ptp.v2.messagetype"], 0) in RESERVED_TYPES
    if reason == "LENGTH":
        length = int(shark["ptp.v2.messagelength"])
        return length > octets or length < 64
    if reason == "TIMESTAMP":
        fields = [b["nanoseconds"] for b in BODY.values() if "nanoseconds" in b]
        return any(not 0 <= int(shark[f]) < 10**9 for f in fields if shark.get(f))
    return reason == "TLV"


def check(program, path, fields):
    """(messages, refused, fields compared, problems) of one capture."""
    mine, shark = ours(program, path), theirs(path, fields)
    problems = [f"{path}: frame {n}: only tshark sees PTP" for n in shark.keys() - mine.keys()]
    problems += [f"{path}: frame {n}: only we see PTP" for n in mine.keys() - shark.keys()]
    refused = compared = 0
    for n in sorted(mine.keys() & shark.keys()):
        if "refused" in mine[n]:
            refused += 1
            if not refusal_shown(mine[n], shark[n]):
                problems.append(f"{path}: frame {n}: refused for no visible {mine[n]['refused']}")
            continue
        count, differences = compare(mine[n], shark[n], fields)
        compared += count
        problems += [f"{path}: frame {n}: {d}" for d in differences]
    return len(mine), refused, compared, problems


def udp(message):
    """A UDP datagram to the event port, without checksum."""
    return struct.pack(">HHHH", 40000, 319, 8 + len(message), 0) + message


def encapsulations(message):
    """The message as the rest of an Ethernet frame after its addresses, in every way we read."""
    link = bytes.fromhex("88f7") + message
    datagram, annex_e = udp(message), udp(message + b"\x5a\xa5")
    ipv4 = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(datagram), 0, 0x4000, 1, 17, 0,
                       b"\x0a\0\0\1", b"\xe0\0\1\x81") + datagram
    ipv6 = struct.pack(">IHBB", 6 << 28, len(annex_e), 17, 1) + bytes(15) + b"\1" \
        + bytes.fromhex("ff0e0000000000000000000000000181") + annex_e
    yield link.ljust(48, b"\0")
    yield bytes.fromhex("81000064") + link
    yield bytes.fromhex("88a80065") + bytes.fromhex("81000064") + link
    yield (bytes.fromhex("0800") + ipv4).ljust(48, b"\0")
    yield bytes.fromhex("86dd") + ipv6


def wrap(seeds, path):
    """Write a capture of all seeds in all encapsulations; the number of its frames."""
    addresses = bytes.fromhex("011b19000000") + bytes.fromhex("020000000001")
    frames = [addresses + rest for seed in seeds for rest in encapsulations(seed.read_bytes())]
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for number, frame in enumerate(frames):
            out.write(struct.pack("<IIII", number, 0, len(frame), len(frame)) + frame)
    return len(frames)


def check_all(program, paths):
    """Compare every capture and end with the verdict."""
    fields, failed, total = known_fields(), 0, 0
    if len(fields) < 40:
        sys.exit(f"tshark has only {len(fields)} of the fields to compare")
    for path in paths:
        messages, refused, compared, problems = check(program, path, fields)
        print("\n".join(problems[:40] + [f"{path}: {messages} messages, {refused} refused, "
                                         f"{compared} fields compared, {len(problems)} problems"]))
        failed += len(problems)
        total += messages
    sys.exit(1 if failed or total == 0 else 0)


def main():
    """Find the captures, or make one."""
    program, mode = sys.argv[1], sys.argv[2]
    if shutil.which("tshark") is None:
        skip("tshark is not installed")
    if mode == "--captures":
        given = os.environ.get("GNOMON_CAPTURES")
        folder = pathlib.Path(given or os.path.join(sys.argv[3], "..", "shared", "captures"))
        paths = sorted(folder.glob("*.pcap"))
        if not paths:
            skip(f"no captures in {folder}; GNOMON_CAPTURES names the folder")
        check_all(program, [str(path) for path in paths])
    elif mode == "--seeds":
        seeds = sorted(pathlib.Path(sys.argv[3]).glob("*.bin"))
        with tempfile.TemporaryDirectory(prefix="gnomon-captures-") as folder:
            path = os.path.join(folder, "seeds.pcap")
            print(f"{len(seeds)} seeds in {wrap(seeds, path)} frames")
            check_all(program, [path])
    else:
        check_all(program, sys.argv[2:])


main()
