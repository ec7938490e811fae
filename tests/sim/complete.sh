#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# complete.sh GNOMON-SIM MESON.BUILD: the scenarios built in are the scenarios tested.
set -eu
built=$("$1" --list | cut -d' ' -f1 | sort)
tested=$(sed -n "/^sim_tests/,/^]/s/^  \['\([^']*\)'.*/\1/p" "$2" | sort)
if [ "$built" != "$tested" ]; then
	echo "built in:" $built >&2
	echo "tested:" $tested >&2
	exit 1
fi
echo "$built" | wc -l
