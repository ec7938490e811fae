# SPDX-License-Identifier: BSD-2-Clause
# A leap second in a real kernel. ptp4l is the grandmaster, on a PHC that keeps TAI, and is told of
# the leap second by pmc, as an operator does; gnomond keeps CLOCK_REALTIME, which is nobody else's.

# announce OFFSET LEAP61 LEAP59: what the grandmaster says of UTC
announce()
{
	at leader pmc -u -b 0 "SET GRANDMASTER_SETTINGS_NP clockClass 6 clockAccuracy 0x21 \
offsetScaledLogVariance 0x4e5d currentUtcOffset $1 leap61 $2 leap59 $3 currentUtcOffsetValid 1 \
ptpTimescale 1 timeTraceable 1 frequencyTraceable 1 timeSource 0x20" >/tmp/out 2>&1
	tell "announce: $(grep -o 'RESPONSE.*' /tmp/out)"
}

# until_utc SECOND: by the clock under test
until_utc()
{
	while [ "$(date +%s)" -lt "$1" ]; do
		usleep 250000
	done
}

# leap SCENARIO MIDNIGHT KIND OPTION...: the end of a day, and what follows; KIND: 61, 59
leap()
{
	begin "$1"
	midnight=$2
	case $3 in
	61) offset=38 flags="1 0" ;;
	59) offset=36 flags="0 1" ;;
	esac
	shift 3
	kernel_clock reset
	date -u -s "@$((midnight - 25))" >/dev/null
	at leader phc_ctl -Q -q eth0 -- freq 50000 set "$((midnight - 25 + 37)).250"
	start leader ptp4l -f /etc/leader.conf -i eth0 -m
	sleep 1
	announce 37 $flags
	start follower gnomond -i eth1 -s $keeping "$@"
	until_utc $((midnight - 6))
	compare utc /dev/ptp0 CLOCK_REALTIME
	compare tai /dev/ptp0 CLOCK_TAI 150
	kernel_clock watch $((midnight + 13)) >/tmp/watch.log &
	watch_pid=$!
	until_utc $((midnight + 3))
	compare "tai between" /dev/ptp0 CLOCK_TAI 100
	announce "$offset" 0 0
	until_utc $((midnight + 13))
	wait "$watch_pid"
	tell_file kernel /tmp/watch.log
	compare "utc after" /dev/ptp0 CLOCK_REALTIME
	compare "tai after" /dev/ptp0 CLOCK_TAI 150
	stop follower
	stop leader
}

keeping="-f /etc/follower.conf -S --clock=system --tsproc_mode=filter_weight \
--pi_proportional_scale=0.7 --pi_integral_scale=0.3"

# The kernel forgets a leap second it was told of when its clock is stepped, but keeps the flag. So
# slow a servo steps seconds after the first Announce.
new_year=1798761600 # 2027-01-01
july=1814400000 # 2027-07-01
leap leap_insert "$new_year" 61
leap leap_delete "$july" 59
leap leap_insert_step "$july" 61 --pi_integral_scale=0.016
leap leap_insert_without_kernel "$july" 61 --kernel_leap=0 --step_threshold=0.1
leap leap_delete_without_kernel "$new_year" 59 --kernel_leap=0 --step_threshold=0.1

# The system clock beside the PHC that is kept, which knows no leap seconds.
keeping="-f /etc/pairs.conf"
leap leap_insert_beside "$july" 61
leap leap_delete_beside "$new_year" 59
kernel_clock reset
