# SPDX-License-Identifier: BSD-2-Clause
# linuxptp's smaller programs and ours on a real driver: what both say, and what ours do.

# pair WHAT PROGRAM OPTION...: Debian's, then ours, from the same state
pair()
{
	what=$1 program=$2
	shift 2
	for whose in theirs ours; do
		at follower hwstamp_ctl -i eth1 -t 0 -r 4 >/dev/null
		at follower phc_ctl -q -Q eth1 -- freq 0 set 1000000
		folder=/bin
		[ $whose = theirs ] || folder=/compat
		at follower "$folder/$program" "$@" >/tmp/out 2>&1
		tell "$whose $what: $? $(sed 's/\[[0-9.]*\]/[T]/' /tmp/out | tr '\n' '|')"
	done
}

begin phc_ctl
pair caps phc_ctl -q eth1
pair frequency phc_ctl -q eth1 -- freq 1234.5 freq
pair range phc_ctl -q eth1 -- freq 999999999
pair step phc_ctl -q eth1 -- adj -0.5
pair device phc_ctl -q /dev/ptp1 -- freq
pair get phc_ctl -q eth1 -- set 2000000.25 adj -0.25 get
pair cmp phc_ctl -q eth1 -- cmp
pair wait phc_ctl -q eth1 -- freq 50000000 set 3000000 wait 1 get
at follower gnomon phc --json eth1 caps >/tmp/out 2>&1
tell "status: $?"
tell_file json /tmp/out

begin hwstamp_ctl
pair now hwstamp_ctl -i eth1
pair on hwstamp_ctl -i eth1 -t 1 -r 12
pair all hwstamp_ctl -i eth1 -t 1 -r 1
pair reserved hwstamp_ctl -i eth1 -r 2
pair transmit hwstamp_ctl -i eth1 -t 1
at follower gnomon hwstamp --json -t on -r ptpv2-event eth1 >/tmp/out 2>&1
tell "status: $?"
tell_file json /tmp/out
at follower hwstamp_ctl -i eth1 -t 0 -r 0 >/dev/null

# QEMU's NIC time-stamps no pulses, and says so: nothing of its clocks is touched.
begin ts2phc
at follower phc_ctl -q -Q eth1 -- freq 4321
for options in "-c eth1 -s generic" "-c eth1 -s eth2" "-c eth1 -s eth1" \
	"-c eth1 -c eth2 -s nmea"; do
	at follower timeout 5 gnomon ts2phc $options >/tmp/out 2>&1
	tell "native: $? $(cat /tmp/out)"
	at follower timeout 5 /compat/ts2phc -m -q $options >/tmp/out 2>&1
	tell "compat: $? $(cat /tmp/out)"
done
settings follower eth1 after

begin nsm
at leader phc_ctl -q -Q eth0 -- freq 0 set 2000.5
at follower phc_ctl -q -Q eth1 -- freq 0 set 2000
start leader ptp4l -f /etc/leader.conf -i eth0 -m --net_sync_monitor 1 --hybrid_e2e 1
sleep 6
address=$(at leader ip link show eth0 | sed -n 's,.*link/ether \([0-9a-f:]*\).*,\1,p')
at follower gnomon nsm --json -t 1000 -f /etc/follower.conf -i eth1 "$address" >/tmp/out 2>&1
tell "status: $?"
tell_file json /tmp/out
compare asked
stamping follower eth1 after
stop leader
