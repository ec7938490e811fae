# SPDX-License-Identifier: BSD-2-Clause
# Two grandmasters on one interface, and a timeReceiver with two instances on one: who is followed,
# and what becomes of the hardware stamps of one when the other goes.
begin domains
at leader hwstamp_ctl -i eth0 -t 0 -r 0 >/dev/null
at follower hwstamp_ctl -i eth1 -t 0 -r 0 >/dev/null
at leader phc_ctl -Q -q eth0 -- freq 50000 set 1000003
at follower phc_ctl -Q -q eth1 -- freq 7000 set 1000000
quick="--logAnnounceInterval=-1 --logSyncInterval=-3 --logMinDelayReqInterval=-3"
start leader gnomond -f /etc/leader.conf -i eth0 $quick
first_pid=$leader_pid
# Not the same log, and not the same clock: that one is kept by the first.
start leader gnomond -f /etc/leader.conf -i eth0 $quick --free_running=1 --domainNumber=24 \
	--clockIdentity=020000.0000.000024 --uds_address=/tmp/two --uds_ro_address=/tmp/two-ro
start follower gnomond -f /etc/domains.conf
sleep 20
compare both /dev/ptp0 /dev/ptp1 100
stamping follower eth1 both
kill -9 "$first_pid"
wait "$first_pid"
sleep 12
compare second /dev/ptp0 /dev/ptp1 100
stamping follower eth1 second
stop follower
stamping follower eth1 after
stop leader
