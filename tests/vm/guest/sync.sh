# SPDX-License-Identifier: BSD-2-Clause
# Clocks of one machine kept by each other: gnomon sync, and phc2sys, Debian's and ours. Both NICs
# are in this machine, so a program can have both clocks by their devices.

# keep WHO PROGRAM OPTION...: in the follower's namespace, for a while
keep()
{
	who=$1
	shift
	eval "$who=$follower"
	start "$who" "$@"
	sleep 12
	eval "kill \$${who}_pid; wait \$${who}_pid"
	tell "$who status: $?"
	tell_file "$who" "/tmp/$who.log"
}

# apart: the follower's clock 7 ppm off, and two seconds ahead of the system's
apart()
{
	seconds=$(date +%s)
	at follower phc_ctl -q -Q eth1 -- freq 7000 set $((seconds + 2))
}

begin system
apart
keep theirs phc2sys -s eth1 -O 0 -m -q
judge_system theirs
apart
keep ours /compat/phc2sys -s eth1 -O 0 -m -q
judge_system ours
apart
keep native gnomon sync -s /dev/ptp1 -c CLOCK_REALTIME -O 0 -R 4
judge_system native

begin clocks
disturb
keep theirs phc2sys -s /dev/ptp0 -c eth1 -O 0 -R 8 -m -q
compare theirs
disturb
keep native gnomon sync -s /dev/ptp0 -c eth1 -R 8 --restore_frequency 0
compare settled
disturb
keep summary /compat/phc2sys -s /dev/ptp0 -c eth1 -O 3 -R 8 -u 16 -m -q
compare ahead

# A clock that somebody keeps is left to him.
begin steward
syncer=$follower
start syncer phc2sys -s CLOCK_REALTIME -c eth1 -O 0 -m -q
sleep 2
at follower timeout 5 gnomon sync -s /dev/ptp0 -c eth1 >/tmp/out 2>&1
tell "refused: $? $(cat /tmp/out)"
kill "$syncer_pid"
wait "$syncer_pid"
at follower timeout 5 gnomon sync -s eth1 -c /dev/ptp1 >/tmp/out 2>&1
tell "same: $? $(cat /tmp/out)"
at follower timeout 5 gnomon sync -s CLOCK_REALTIME -c eth7 >/tmp/out 2>&1
tell "missing: $? $(cat /tmp/out)"

# Pulses of the PHC's seconds, through a parallel port: they say nothing of which second it is.
pulsing()
{
	apart
	pps_pulse /dev/ptp1 &
	pulse_pid=$!
	sleep 2
	keep "$@"
	judge_system "$1"
	kill "$pulse_pid"
	wait "$pulse_pid"
}

begin pulses
pulsing theirs phc2sys -d /dev/pps0 -O 0 -m -q
pulsing ours /compat/phc2sys -d /dev/pps0 -O 0 -m -q
pulsing native gnomon sync -s eth1 -d /dev/pps0 -c CLOCK_REALTIME -O 0
