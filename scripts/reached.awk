# SPDX-License-Identifier: BSD-2-Clause
# Line coverage by file of ptp/, servo/ and parsers among the drivers, from the output of gcov -n.
/^File/ {
	file = $2
	gsub(/\047/, "", file)
}
/^Lines executed/ && file ~ /\/(ptp|servo|drivers)\/[a-z0-9_]*\.c$/ {
	split($0, part, /[:% ]+/)
	hit = part[3] * $NF / 100
	lines += $NF
	reached += hit
	name = file
	sub(/^.*\/(ptp|servo|drivers)\//, "", name)
	printf "  %6.1f %% of %4d  %s\n", part[3], $NF, name
	file = ""
}
END {
	if (lines) {
		printf "  %6.1f %% of %4d  together\n", reached / lines * 100, lines
	}
}
