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

# claims WHAT: what the last machine is told of its grandmaster
claims()
{
	at last pmc -u -b 0 "GET PARENT_DATA_SET" >/tmp/out 2>&1
	tell "$1 claims: $(sed -n 's/^.*gm\.ClockClass *\([0-9]*\).*/\1/p' /tmp/out)"
}

# A grandmaster's clock is kept by pulses, which need somebody who knows which second it is; by that
# clock alone; by nothing, when its device is pulled out; and by it again.
begin grandmaster
at leader phc_ctl -Q -q eth0 -- freq 50000 set 1000003
at follower phc_ctl -Q -q eth2 -- freq 9000 set 1000005
at follower phc_ctl -Q -q eth3 -- freq 7000 set 1000000.2
at last phc_ctl -Q -q eth4 -- freq 3000 set 1000080
receiver=$leader
start receiver gnomon sync -s /dev/ptp0 -c /dev/ptp2 -R 8 --restore_frequency 0
pps_pulse /dev/ptp0 &
pulse_pid=$!
sleep 6
start follower gnomond -f /etc/grandmaster.conf
start last /compat/ptp4l -f /etc/follower.conf -i eth4 -m -s
sleep 40
claims pulses
compare pulses /dev/ptp0 /dev/ptp3 100
kill "$pulse_pid"
wait "$pulse_pid"
sleep 40
claims device
compare device /dev/ptp0 /dev/ptp3 100
bus=$(basename "$(readlink -f /sys/class/ptp/ptp2/device)")
echo "$bus" >/sys/bus/pci/drivers/igb/unbind
for look in 1 2 3 4 5 6 7 8 9 10 11 12 13 14; do
	sleep 2
	claims nothing
done
compare nothing /dev/ptp0 /dev/ptp3 100
wait "$receiver_pid"
echo "$bus" >/sys/bus/pci/drivers/igb/bind
sleep 2
tell "back: $(ls "/sys/bus/pci/devices/$bus/ptp")"
ip link set "$(ls "/sys/bus/pci/devices/$bus/net")" name eth2
ip link set eth2 netns "$follower"
at follower ip link set eth2 up
start receiver gnomon sync -s /dev/ptp0 -c /dev/ptp2 -R 8 --restore_frequency 0
sleep 20
claims again
compare again /dev/ptp0 /dev/ptp3 100
stop follower
stop last
stop receiver

# Of a port, a clock and pulses the port fails first; then the clock lies by 100 us; then the port
# is back. All the while the system clock is kept by the one that is kept by these.
begin failover
today=$(date +%s)
disturb
at follower phc_ctl -Q -q eth2 -- freq 9000 set 1000005
start receiver gnomon sync -s /dev/ptp0 -c /dev/ptp2 -R 8 --restore_frequency 0
pps_pulse /dev/ptp0 &
pulse_pid=$!
start leader gnomond -f /etc/leader.conf -i eth0
sleep 6
start follower gnomond -f /etc/sources.conf -s
sleep 25
compare port /dev/ptp0 /dev/ptp1 100
phc_compare /dev/ptp0 /dev/ptp1 1200 >/tmp/lost.log &
looking_pid=$!
stop leader
wait "$looking_pid"
tell "difference lost: $(cat /tmp/lost.log)"
phc_compare /dev/ptp0 /dev/ptp1 1200 >/tmp/lying.log &
looking_pid=$!
kill "$receiver_pid"
wait "$receiver_pid"
at follower phc_ctl -Q -q eth2 -- adj 0.0001
wait "$looking_pid"
tell "difference lying: $(cat /tmp/lying.log)"
phc_compare /dev/ptp0 /dev/ptp1 2000 >/tmp/back.log &
looking_pid=$!
start leader gnomond -f /etc/leader.conf -i eth0
wait "$looking_pid"
tell "difference back: $(cat /tmp/back.log)"
sleep 10
compare again /dev/ptp0 /dev/ptp1 100
compare system /dev/ptp0 CLOCK_REALTIME 100
stop follower
stop leader
kernel_clock reset
date -u -s "@$today" >/dev/null
kill "$pulse_pid"
wait "$pulse_pid"
