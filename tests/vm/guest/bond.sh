# SPDX-License-Identifier: BSD-2-Clause
# A bond in active-backup mode over two NICs, each with a clock of its own: who stamps changes while
# gnomond runs, as an operator's choice and by a link that fails.

# Both below must be down to be bonded. This view of /sys is the follower's namespace's.
mkdir /follower
at follower mount -t sysfs none /follower
bond=/follower/class/net/bond0/bonding
at follower ip link set eth1 down
at follower ip link set eth2 down
at follower ip link add bond0 type bond
echo active-backup >$bond/mode
echo 100 >$bond/miimon
echo +eth1 >$bond/slaves
echo +eth2 >$bond/slaves
at follower ip link set bond0 up
sleep 4 # until both have a link

# who WHEN: the active port, and how each port stamps
who()
{
	tell "active $1: $(cat $bond/active_slave)"
	stamping follower eth1 "$1 eth1"
	stamping follower eth2 "$1 eth2"
	compare "$1"
}

# fail_over SCENARIO OPTION...: from eth1 to eth2 by choice, back by failure of eth2
fail_over()
{
	begin "$1"
	shift
	echo eth1 >$bond/active_slave
	disturb
	at follower hwstamp_ctl -i eth2 -t 0 -r 4 >/dev/null
	at follower phc_ctl -Q -q eth2 -- freq -9000 set 1000040
	start leader gnomond -f /etc/leader.conf -i eth0
	start follower gnomond -f /etc/follower.conf -i bond0 -s "$@"
	sleep 18
	who first
	echo eth2 >$bond/active_slave
	sleep 8
	who chosen
	at follower ip link set eth2 down
	sleep 8
	who failed
	at follower ip link set eth2 up
	sleep 3
	who healed
	stop follower
	stop leader
	settings follower eth1 "after eth1"
	settings follower eth2 "after eth2"
}

fail_over bond_hardware
fail_over bond_software -S --pi_proportional_scale=0.7 --pi_integral_scale=0.3

# The kept clock's own port fails, and with it, as its driver has it, that clock's time.
begin bond_kept
echo eth1 >$bond/active_slave
disturb
start leader gnomond -f /etc/leader.conf -i eth0
start follower gnomond -f /etc/follower.conf -i bond0 -s --step_threshold=0.00002
sleep 10
who first
at follower ip link set eth1 down
sleep 20
who failed
stop follower
stop leader
at follower ip link set eth1 up

at follower ip link set bond0 down
echo -eth1 >$bond/slaves
echo -eth2 >$bond/slaves
at follower ip link delete bond0
at follower ip link set eth1 up
at follower ip link set eth2 up
sleep 4
