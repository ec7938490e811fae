#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The first process of the virtual machine: two igb NICs on a cable, each with a PTP hardware clock
# and in a network namespace of its own. Runs every scenario and prints what was seen, for
# hwstamp.py to judge: lines "@ SCENARIO WHAT: VALUE".
export PATH=/bin:/sbin
/bin/busybox mkdir -p /proc /sys /dev /run /tmp /var/run
/bin/busybox --install -s /bin
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
dmesg -n 1

preloads="/lib/libigb_timinca.so /lib/libstop_after_sync.so"
scenario=boot

tell()
{
	echo "@ $scenario $*"
}

# Everything a file says, each line as WHAT.
tell_file()
{
	while IFS= read -r line; do
		tell "$1: $line"
	done <"$2"
}

for module in dca i2c-algo-bit igb; do
	insmod "/lib/modules/$module.ko" || tell "insmod failed: $module"
done

# place NAME INTERFACE: a network namespace; $NAME is the process that holds it
place()
{
	unshare -n sleep 100000 &
	eval "$1=$!"
	usleep 100000
	ip link set "$2" netns "$!"
	nsenter -t "$!" -n ip link set lo up
	nsenter -t "$!" -n ip link set "$2" up
}

# at NAME COMMAND...: in that namespace
at()
{
	eval "holder=\$$1 registers=\$${1}_registers"
	shift
	IGB_REGISTERS=$registers LD_PRELOAD=$preloads nsenter -t "$holder" -n "$@"
}

# settings NAME INTERFACE: how the NIC stamps, and the frequency of its clock
settings()
{
	at "$1" hwstamp_ctl -i "$2" >/tmp/out 2>&1
	tell "$1 stamping $3: $(tr '\n' ' ' </tmp/out)"
	at "$1" phc_ctl -q "$2" -- freq >/tmp/out 2>&1
	tell "$1 frequency $3: $(sed -n 's/.*offset is \([-0-9.]*\)ppb.*/\1/p' /tmp/out)"
}

compare()
{
	tell "difference $1: $(phc_compare /dev/ptp0 /dev/ptp1)"
}

# The two clocks as they are found by a scenario: the first 50 ppm fast and three seconds ahead.
disturb()
{
	at leader hwstamp_ctl -i eth0 -t 0 -r 0 >/dev/null
	at follower hwstamp_ctl -i eth1 -t 0 -r 4 >/dev/null
	at leader phc_ctl -Q -q eth0 -- freq 50000 set 1000003
	at follower phc_ctl -Q -q eth1 -- freq 7000 set 1000000
	settings leader eth0 before
	settings follower eth1 before
	compare before
}

# start NAME PROGRAM ARGUMENT...: into /tmp/NAME.log; $pid
start()
{
	name=$1
	shift
	eval "holder=\$$name registers=\$${name}_registers"
	IGB_REGISTERS=$registers LD_PRELOAD=$preloads \
		nsenter -t "$holder" -n "$@" >"/tmp/$name.log" 2>&1 &
	eval "${name}_pid=$!"
}

# stop NAME: as an operator does
stop()
{
	eval "pid=\$${1}_pid"
	kill "$pid"
	wait "$pid"
	tell "$1 status: $?"
	tell_file "$1 log" "/tmp/$1.log"
}

# follow LEADER FOLLOWER [OPTION]...: programs, gnomond or ptp4l, until the second has settled
follow()
{
	leader_program=$1 follower_program=$2
	shift 2
	disturb
	start leader "$leader_program" -f /etc/leader.conf -i eth0 -m
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
	scenario=$1
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
	scenario=$1
	shift
	start leader gnomond -f /etc/leader.conf -i eth0 "$@"
	sleep 8
	stop leader
}

leader_registers=$(readlink -f /sys/class/net/eth0/device/resource0)
follower_registers=$(readlink -f /sys/class/net/eth1/device/resource0)
tell "kernel: $(uname -r)"
tell "devices: $(find /sys/bus/pci/drivers/igb/ -name "*:*" | grep -c .)"
ip link set lo up

scenario=two_clocks
timeout 5 gnomond -H -i eth0 -i eth1 -2 >/tmp/out 2>&1
tell "status: $?"
tell_file says /tmp/out

igb_rearm "$leader_registers" 1 & # Delay_Req
igb_rearm "$follower_registers" 0 & # Sync
rearm_pid=$!
place leader eth0
place follower eth1
at leader ip address add 192.0.2.1/24 dev eth0
sleep 4 # until both have a link

scenario=ours
follow gnomond gnomond
finish

scenario=theirs_follows
follow gnomond ptp4l
finish

scenario=theirs_leads
follow ptp4l gnomond
finish

# Under its other name, whose lines and habits are those of ptp4l.
scenario=guise
follow ptp4l /compat/ptp4l
finish

# When the interface goes up, the driver sets its clock to the system's time and drops the
# frequency.
scenario=flap
follow gnomond gnomond --step_threshold=0.00002
at follower ip link set eth1 down
sleep 2
at follower ip link set eth1 up
sleep 20
compare again
finish

# Received messages without timestamps are lost messages, no more.
scenario=deaf
follow gnomond gnomond
kill -STOP "$rearm_pid"
sleep 4
kill -CONT "$rearm_pid"
sleep 8
compare again
finish

refuse onestep --time_stamping=onestep
refuse p2p1step --time_stamping=p2p1step --delay_mechanism=P2P
refuse legacy --time_stamping=legacy
refuse check --hwts_filter=check

# Not told how to stamp, on an interface that has everything.
scenario=auto
start leader gnomond -i eth0 -2
sleep 1
stop leader

# A stop while a timestamp is on its way, more urgent than the driver's worker that fetches it. Were
# stamping switched off at once, igb would wait for it for 15 s and stamp nothing for anybody else.
scenario=restart
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

scenario=boot
tell "end: $(cut -d ' ' -f 1 /proc/uptime)"
poweroff -f
