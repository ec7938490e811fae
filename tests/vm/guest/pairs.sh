# SPDX-License-Identifier: BSD-2-Clause
# Other clocks beside the one gnomond keeps, in one daemon: the clock of another card, and the
# system clock, which keeps UTC. They start anywhere, and go on when the grandmaster is gone.

begin pairs
disturb
at follower phc_ctl -Q -q eth2 -- freq -9000 set 999000
today=$(date +%s)
date -u -s "@86400" >/dev/null
start leader gnomond -f /etc/leader.conf -i eth0
start follower gnomond -f /etc/pairs.conf -i eth1 -s
sleep 25
compare followed
compare card /dev/ptp1 /dev/ptp2
compare system /dev/ptp1 CLOCK_REALTIME
compare kernel /dev/ptp1 CLOCK_TAI
stop leader
sleep 8
compare "card alone" /dev/ptp1 /dev/ptp2
compare "system alone" /dev/ptp1 CLOCK_REALTIME
stop follower
date -u -s "@$today" >/dev/null # others have their own idea of now
