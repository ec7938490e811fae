#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# files.sh GNOMON-SIM: what it writes has the form it promises, and bad usage is refused.
set -eu
sim=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

fail() {
	echo "files.sh: $*" >&2
	exit 1
}

# expect STATUS COMMAND...: the exit status and one line on stderr.
expect() {
	want=$1
	shift
	got=0
	"$@" >"$dir/out" 2>"$dir/err" || got=$?
	[ "$got" = "$want" ] || fail "$*: exit status $got, expected $want"
	[ "$(wc -l <"$dir/err")" = 1 ] || fail "$*: not one line: $(cat "$dir/err")"
}

"$sim" --scenario chain-5 --seed 7 --duration 300 --csv "$dir/a.csv" --svg "$dir/a.svg" \
	--json >"$dir/a.json"
"$sim" --scenario chain-5 --seed 7 --duration 300 --csv "$dir/b.csv" --svg "$dir/b.svg" \
	--json >"$dir/b.json"
cmp "$dir/a.csv" "$dir/b.csv"
cmp "$dir/a.svg" "$dir/b.svg"

# A header, and a row of nine fields per node and second.
awk -F, 'NF != 9 { exit 1 } END { exit NR != 1 + 7 * 300 }' "$dir/a.csv" || fail "CSV"
python3 - "$dir" <<'PYTHON' || fail "JSON or SVG"
import json, sys, xml.etree.ElementTree as tree
run = json.load(open(sys.argv[1] + "/a.json"))
assert [n["node"] for n in run["nodes"]] == ["gm", "bc1", "bc2", "bc3", "bc4", "bc5", "oc"]
assert 0 < run["nodes"][1]["rms_ns"] < 1e4 and run["nodes"][6]["ports"] == ["SLAVE"]
svg = tree.parse(sys.argv[1] + "/a.svg").getroot()
paths = [e for e in svg.iter("{http://www.w3.org/2000/svg}path")]
assert len(paths) == 12 and all(len(p.get("d")) > 100 for p in paths), len(paths)
PYTHON

# Another seed, another trace.
"$sim" --scenario chain-5 --seed 8 --duration 300 --csv "$dir/c.csv" >/dev/null
! cmp -s "$dir/a.csv" "$dir/c.csv" || fail "two seeds, one trace"

expect 1 "$sim" --scenario nowhere
expect 1 "$sim" --scenario oc-oc --seed x
expect 1 "$sim" --scenario oc-oc --set nonsense=1
expect 1 "$sim" --scenario oc-oc --set priority1=256
expect 1 "$sim" --svg "$dir/x.svg"
expect 2 "$sim" --scenario oc-oc --csv "$dir/missing/x.csv"
