# SPDX-License-Identifier: BSD-2-Clause
# gnomond and ptp4l on hardware time stamps, in both roles.

# follow LEADER FOLLOWER [OPTION]...: programs, gnomond or ptp4l, until the second has settled; the
# first with $leader_options
leader_options=
follow()
{
	leader_program=$1 follower_program=$2
	shift 2
	disturb
	start leader "$leader_program" -f /etc/leader.conf -i eth0 -m $leader_options
	start follower "$follower_program" -f /etc/follower.conf -i eth1 -m -s "$@"
	sleep 20
	settings leader eth0 during
	settings follower eth1 during
	compare settled
}

finish()
{
	stop follower
	stop leader
	settings leader eth0 after
	settings follower eth1 after
}

# refuse SCENARIO OPTION...: gnomond must not start with them, and change nothing
refuse()
{
	begin "$1"
	shift
	at follower hwstamp_ctl -i eth1 -t 0 -r 4 >/dev/null
	at follower timeout 5 gnomond -i eth1 -2 "$@" >/tmp/out 2>&1
	tell "status: $?"
	tell_file says /tmp/out
	settings follower eth1 after
}

# transmit SCENARIO OPTION...: a timeTransmitter that nobody follows
transmit()
{
	begin "$1"
	shift
	start leader gnomond -f /etc/leader.conf -i eth0 "$@"
	sleep 8
	stop leader
}

begin ours
follow gnomond gnomond
finish

begin theirs_follows
follow gnomond ptp4l
finish

begin theirs_leads
follow ptp4l gnomond
finish

# Under its other name, whose lines and habits are those of ptp4l.
begin guise
follow ptp4l /compat/ptp4l
finish

# Stamps by one clock, brought to the time of another that is kept.
begin two_clocks
disturb
at follower phc_ctl -Q -q eth2 -- freq -9000 set 1000040
start leader gnomond -f /etc/leader.conf -i eth0
start follower gnomond -f /etc/follower.conf -i eth2 -p /dev/ptp1 -s
sleep 20
compare settled
finish
settings follower eth2 "after eth2"

# When the interface goes up, the driver sets its clock to the system's time and drops the
# frequency.
begin flap
follow gnomond gnomond --step_threshold=0.00002
at follower ip link set eth1 down
sleep 2
at follower ip link set eth1 up
sleep 20
compare again
finish

# Received messages without timestamps are lost messages, no more.
begin deaf
follow gnomond gnomond
kill -STOP "$rearm_pid"
sleep 4
kill -CONT "$rearm_pid"
sleep 8
compare again
finish

# Nor are transmitted ones.
begin mute
follow gnomond gnomond
igb_mute "$follower_registers" 400
sleep 8
compare again
finish

begin mute_leader
follow gnomond gnomond
igb_mute "$leader_registers" 400
sleep 8
compare again
finish

# One alone. Requests are rare, so that the next one is not sent meanwhile.
begin mute_once
leader_options=--logMinDelayReqInterval=0
follow gnomond gnomond
leader_options=
tell "sync at: $(uptime_s)"
igb_mute "$leader_registers" "$follower_registers"
sleep 2
tell "request at: $(uptime_s)"
igb_mute "$follower_registers"
sleep 4
compare again
finish

refuse onestep --time_stamping=onestep
refuse p2p1step --time_stamping=p2p1step --delay_mechanism=P2P
refuse legacy --time_stamping=legacy
refuse check --hwts_filter=check

# Not told how to stamp, on an interface that has everything.
begin auto
start leader gnomond -i eth0 -2
sleep 1
stop leader

# A stop while a timestamp is on its way, more urgent than the driver's worker that fetches it. Were
# stamping switched off at once, igb would wait for it for 15 s and stamp nothing for anybody else.
begin restart
for syncs in 3 6 9; do
	export STOP_AFTER_SYNC=$syncs
	start leader sh -c 'renice -n -20 -p $$ >/dev/null; exec gnomond "$@"' sh \
		-H -i eth0 -2 --external_port_configuration=1 --logSyncInterval=-4
	unset STOP_AFTER_SYNC
	wait "$leader_pid"
	tell "status of $syncs: $?"
	tell_file "leader log" /tmp/leader.log
done

transmit udp4 -4
transmit udp6 -6
