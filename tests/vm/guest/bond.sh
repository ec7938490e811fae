# SPDX-License-Identifier: BSD-2-Clause
# A bond in active-backup mode over two NICs, each with a clock of its own: who stamps changes while
# gnomond runs, as an operator's choice and by a link that fails.

# bond KEY VALUE: set it
bond()
{
	echo "$2" | at follower tee "/sys/class/net/bond0/bonding/$1" >/dev/null
}

# Both below must be down to be bonded.
at follower ip link set eth1 down
at follower ip link set eth2 down
at follower ip link add bond0 type bond
bond mode active-backup
bond miimon 100
bond slaves +eth1
bond slaves +eth2
at follower ip link set bond0 up
sleep 4 # until both have a link

# who WHEN [CLOCK]: the active port, how each port stamps, and the clock that is kept
who()
{
	tell "active $1: $(at follower cat /sys/class/net/bond0/bonding/active_slave)"
	stamping follower eth1 "$1 eth1"
	stamping follower eth2 "$1 eth2"
	compare "$1" /dev/ptp0 "${2:-/dev/ptp1}" 100
}

# fail_over SCENARIO CLOCK OPTION...: from eth1 to eth2 by choice, back by failure of eth2
fail_over()
{
	begin "$1"
	kept=$2
	shift 2
	bond active_slave eth1
	disturb
	at follower hwstamp_ctl -i eth2 -t 0 -r 4 >/dev/null
	at follower phc_ctl -Q -q eth2 -- freq -9000 set 1000040
	start leader gnomond -f /etc/leader.conf -i eth0
	start follower gnomond -f /etc/follower.conf -i bond0 -s "$@"
	sleep 18
	who first "$kept"
	bond active_slave eth2
	sleep 8
	who chosen "$kept"
	at follower ip link set eth2 down
	sleep 8
	who failed "$kept"
	at follower ip link set eth2 up
	sleep 3
	who healed "$kept"
	stop follower
	stop leader
	settings follower eth1 "after eth1"
	settings follower eth2 "after eth2"
}

fail_over bond_hardware /dev/ptp1
today=$(date +%s)
fail_over bond_software CLOCK_REALTIME -S --clock=system --tsproc_mode=filter_weight \
	--pi_proportional_scale=0.7 --pi_integral_scale=0.3
kernel_clock reset
date -u -s "@$today" >/dev/null

# The kept clock's own port fails, and with it, as its driver has it, that clock's time.
begin bond_kept
bond active_slave eth1
disturb
start leader gnomond -f /etc/leader.conf -i eth0
start follower gnomond -f /etc/follower.conf -i bond0 -s --step_threshold=0.00002
sleep 18
who first
at follower ip link set eth1 down
sleep 20
who failed
stop follower
stop leader
at follower ip link set eth1 up

at follower ip link set bond0 down
bond slaves -eth1
bond slaves -eth2
at follower ip link delete bond0
at follower ip link set eth1 up
at follower ip link set eth2 up
sleep 4
