# SPDX-License-Identifier: BSD-2-Clause
# Ports that change their roles, clocks that follow them, and who asks about it: programs of
# linuxptp and ours, each with the other's.

# ask NAME WHAT PROGRAM OPTION...: a management client, in that namespace
ask()
{
	at_name=$1 what=$2
	shift 2
	at "$at_name" timeout 5 "$@" >/tmp/out 2>&1
	tell "status of $what: $?"
	tell_file "$what" /tmp/out
}

# turn SCENARIO LEADER FOLLOWER PHC2SYS PMC: a port receives, transmits as nobody else does, and
# receives again; the clocks of its machine follow it.
turn()
{
	begin "$1"
	leader_program=$2 follower_program=$3 phc2sys=$4 pmc=$5
	disturb
	start leader "$leader_program" -f /etc/leader.conf -i eth0 -m
	start follower "$follower_program" -f /etc/follower.conf -i eth1 -m
	syncer=$follower
	start syncer "$phc2sys" -a -r -r -m -q
	sleep 20
	judge_system received
	ask follower local "$pmc" -u -b 0 "GET DEFAULT_DATA_SET" "GET CURRENT_DATA_SET" \
		"GET PORT_DATA_SET" "SET PRIORITY2 77"
	ask leader wire "$pmc" -2 -i eth0 "GET PARENT_DATA_SET" "GET TIME_STATUS_NP" \
		"SET PRIORITY2 1"
	stop leader
	sleep 12
	judge_system transmitted
	start leader "$leader_program" -f /etc/leader.conf -i eth0 -m
	sleep 12
	judge_system "received again"
	compare "again"
	kill "$syncer_pid"
	wait "$syncer_pid"
	tell "syncer status: $?"
	tell_file syncer /tmp/syncer.log
	stop follower
	stop leader
}

turn automatic gnomond ptp4l /compat/phc2sys /compat/pmc
turn theirs_automatic ptp4l /compat/ptp4l phc2sys pmc

# boundary SCENARIO FOLLOWER LAST OPTION...: through a machine whose ports have a clock each
boundary()
{
	begin "$1"
	follower_program=$2 last_program=$3
	shift 3
	disturb
	at follower phc_ctl -Q -q eth3 -- freq -9000 set 1000040
	at last phc_ctl -Q -q eth4 -- freq 3000 set 1000080
	start leader gnomond -f /etc/leader.conf -i eth0
	start follower "$follower_program" -f /etc/follower.conf -i eth1 -i eth3 -m "$@"
	start last "$last_program" -f /etc/follower.conf -i eth4 -m -s
}

finish_boundary()
{
	compare kept
	compare other /dev/ptp0 /dev/ptp3
	compare last /dev/ptp0 /dev/ptp4
	stop last
	stop follower
	stop leader
}

boundary boundary gnomond ptp4l
sleep 25
finish_boundary

# As ptp4l does it: a clock per port, and phc2sys to keep the others by the one that receives.
boundary jbod /compat/ptp4l gnomond --boundary_clock_jbod=1
syncer=$follower
start syncer phc2sys -a -S 0.001 -R 8 -m -q
sleep 35
finish_boundary
kill "$syncer_pid"
wait "$syncer_pid"
tell "syncer status: $?"
tell_file syncer /tmp/syncer.log
