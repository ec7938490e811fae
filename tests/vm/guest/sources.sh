# SPDX-License-Identifier: BSD-2-Clause
# gnomond after it was killed, with other sources than its ports, and with none left.

# Eight messages of each kind in a second.
quick="--logAnnounceInterval=-3 --logSyncInterval=-3 --logMinDelayReqInterval=-3"

# again WHAT: killed like by a crash a while ago, and started anew
begin_follower()
{
	start follower gnomond -f /etc/follower.conf -i eth1 -s $quick --state_file=/tmp/state/eth1
}

crash()
{
	kill -9 "$follower_pid"
	wait "$follower_pid"
	sleep 3
}

again()
{
	begin_follower
	sleep 3
	compare "$1" /dev/ptp0 /dev/ptp1 100
	crash
	tell_file "$1" /tmp/follower.log
}

# The driver forgets the frequency, then the time as well; then somebody damages the file.
begin resume
mkdir /tmp/state
disturb
start leader gnomond -f /etc/leader.conf -i eth0 $quick
begin_follower
sleep 37
crash
at follower phc_ctl -Q -q eth1 -- freq 0
again resumed
at follower phc_ctl -Q -q eth1 -- freq 0 adj 1.5
again moved
sed -i 's/^mean_delay_ns .*/mean_delay_ns 5000/' /tmp/state/eth1
at follower phc_ctl -Q -q eth1 -- freq 0
again damaged
tell "files: $(ls /tmp/state | tr '\n' ' ')"
stop leader
