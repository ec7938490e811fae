/* SPDX-License-Identifier: BSD-2-Clause */
/* timemaster.conf, and the files and processes that come of it, for interfaces of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/net_tstamp.h>

#include "tools/timemaster/timemaster.h"

#define HARDWARE                                                                                   \
	(SOF_TIMESTAMPING_TX_HARDWARE | SOF_TIMESTAMPING_RX_HARDWARE |                             \
	 SOF_TIMESTAMPING_RAW_HARDWARE)
#define SOFTWARE                                                                                   \
	(SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE)

/* hwN has its own PHC N; hwNb shares it; sw has none; rx cannot stamp what it sends. */
static int query(const char *interface, struct timestamping_info *info,
		 struct driver_error *error)
{
	*info = (struct timestamping_info){ .so_timestamping = SOFTWARE, .phc_index = -1 };
	if (strncmp(interface, "hw", 2) == 0) {
		info->so_timestamping |= HARDWARE;
		info->phc_index = interface[2] - '0';
	} else if (strcmp(interface, "rx") == 0) {
		info->so_timestamping = SOF_TIMESTAMPING_RX_SOFTWARE;
	} else if (strcmp(interface, "sw") != 0) {
		return driver_fail(error, -ENODEV, "%s: gone", interface);
	}
	return 0;
}

static char printed[65536];

/* The plan of a text, printed; or the error. */
static int plan_for(const char *text, bool old)
{
	struct driver_error error = { "" };
	struct tm_config config;
	struct tm_plan p = { 0 };
	char *copy = strdup(text);
	int err = tm_config_parse(&config, copy, "tm.conf", &error);

	if (!err) {
		err = tm_plan_make(&p, &config, old, query, &error);
	}
	if (err) {
		snprintf(printed, sizeof(printed), "%s", error.text);
	} else {
		FILE *out = fmemopen(printed, sizeof(printed), "w");

		tm_plan_print(&p, out);
		assert_int_equal(fclose(out), 0);
	}
	tm_config_finish(&config);
	tm_plan_finish(&p);
	free(copy);
	return err;
}

static int plan(const char *text)
{
	return plan_for(text, false);
}

static void assert_has(const char *text)
{
	if (!strstr(printed, text)) {
		fail_msg("no \"%s\" in:\n%s", text, printed);
	}
}

static void defaults(void **state)
{
	(void)state;
	assert_int_equal(plan(""), 0);
	assert_string_equal(printed,
			    "/var/run/timemaster/chrony.conf:\n\nmakestep 1 3\n\n"
			    "virtual clocks:\n\n\ncommands:\n\n"
			    "[0] chronyd -n -f /var/run/timemaster/chrony.conf \n");
	assert_int_equal(plan("[timemaster]\nntp_program ntpd\n"), 0);
	assert_has("/var/run/timemaster/ntp.conf:\n\n"
		   "restrict default nomodify notrap nopeer noquery\nrestrict 127.0.0.1\n"
		   "restrict ::1\n");
	assert_has("[0] ntpd -n -c /var/run/timemaster/ntp.conf \n");
}

/* Two ports of one PHC are one ptp4l; a PHC that is taken is not shared by another domain. */
static void hardware(void **state)
{
	(void)state;
	assert_int_equal(plan("[timemaster]\nuse_vclocks 0\nrundir /r\nuser ptp\n"
			      "[ptp_domain 0]\ninterfaces hw0 hw1 hw0b\nphc2sys_poll -2\n"
			      "ntp_poll 1\ndelay 10e-6\nntp_options trust\n"
			      "[ptp_domain 5]\ninterfaces hw0\n"),
			 0);
	assert_has("refclock SOCK /r/chrony.SOCK0 poll 1 filter 8 refid PTP0 precision 1.0e-9 "
		   "delay 1.0e-05 trust\n");
	assert_has("/r/ptp4l.0.conf:\n\n[global]\nclientOnly 1\ndomainNumber 0\n"
		   "uds_address /r/ptp4l.0.socket\nuds_ro_address /r/ptp4lro.0.socket\n"
		   "message_tag [0:hw0+hw0b]\nuser ptp\n");
	assert_has("[1] ptp4l -l 5 -f /r/ptp4l.0.conf -H -i hw0 -i hw0b \n"
		   "[1] phc2sys -l 5 -a -r -R 4.00 -z /r/ptp4l.0.socket -t [0:hw0+hw0b] -n 0 -E "
		   "refclock_sock --refclock_sock_address /r/chrony.SOCK0 \n"
		   "[2] ptp4l -l 5 -f /r/ptp4l.1.conf -H -i hw1 \n");
	assert_has("message_tag [5:hw0]\nuser ptp\nclock_servo refclock_sock\n");
	assert_has("[3] ptp4l -l 5 -f /r/ptp4l.2.conf -S -i hw0 \n");
}

static void virtual_clocks(void **state)
{
	(void)state;
	assert_int_equal(plan("[timemaster]\nuse_vclocks 1\n[ptp_domain 0]\ninterfaces hw0 hw1\n"
			      "[ptp_domain 5]\ninterfaces hw0\n"),
			 0);
	assert_has("virtual clocks:\n\nPHC0: 2\nPHC1: 1\n");
	assert_has("-H --phc_index %PHC0-0% -i hw0 \n");
	assert_has("-H --phc_index %PHC1-0% -i hw1 \n");
	assert_has("-H --phc_index %PHC0-1% -i hw0 \n");
}

static void ntpd(void **state)
{
	(void)state;
	assert_int_equal(plan("[timemaster]\nntp_program NTPD\nfirst_shm_segment 7\nuse_vclocks 0\n"
			      "rundir /r\n[ntp_server a.b]\niburst 1\nminpoll 3\nmaxpoll 4\n"
			      "[ptp_domain 1]\ninterfaces hw3 sw\nphc2sys_poll 9\n"),
			 0);
	assert_has("server a.b minpoll 3 maxpoll 4 iburst \n"
		   "server 127.127.28.7 minpoll 2 maxpoll 2 mode 1 \n"
		   "fudge 127.127.28.7 refid PTP0\n");
	assert_has("-R 0.001953 ");
	assert_has("-E ntpshm -M 7 \n");
	assert_has("clock_servo ntpshm\nntpshm_segment 8\n");
}

/* linuxptp 3: shared memory, no second socket, no virtual clocks. */
static void linuxptp_3(void **state)
{
	(void)state;
	assert_int_equal(plan_for("[timemaster]\nfirst_shm_segment 5\nrundir /r\nuse_vclocks 1\n"
				  "user ptp\n[ptp_domain 1]\ninterfaces hw3 sw\n",
				  true),
			 0);
	assert_has("refclock SHM 5 poll 2 dpoll 0 refid PTP5 precision 1.0e-9 delay 1.0e-04 \n");
	assert_has("/r/ptp4l.5.conf:\n\n[global]\nslaveOnly 1\ndomainNumber 1\n"
		   "uds_address /r/ptp4l.5.socket\nmessage_tag [1:hw3]\n\n");
	assert_has("message_tag [1:sw]\nclock_servo ntpshm\nntpshm_segment 6\n\ncommands:");
	assert_has("[1] ptp4l -l 5 -f /r/ptp4l.5.conf -H -i hw3 \n");
	assert_has(" -E ntpshm -M 5 \n");
}

/* Lines for other programs come through as they are; '>' keeps what looks like ours. */
static void raw_lines(void **state)
{
	(void)state;
	assert_int_equal(plan("[chrony.conf]\n# not this\n  allow  10.0.0.0/8  \n>#but this\n"
			      "[ptp4l.conf]\nlogging_level 7\n>[eth0]\n"
			      "[ptp4l]\npath /x/ptp4l\noptions  -m  -q\n"
			      "[ptp_domain 1]\ninterfaces sw\nptp4l_option priority1 7\n"),
			 0);
	assert_has("chrony.conf:\n\nallow  10.0.0.0/8\n#but this\nrefclock");
	assert_has("[global]\nlogging_level 7\n[eth0]\n\n[global]\npriority1 7\nclientOnly 1\n");
	assert_has("[1] /x/ptp4l -m -q -f ");
}

static void refusals(void **state)
{
	static const char *const rows[][2] = {
		{ "x\n", "tm.conf:1: settings outside section" },
		{ "[nothing]\n", "tm.conf:1: unknown section nothing" },
		{ "\n[ntp_server]\n", "tm.conf:2: missing address for ntp_server" },
		{ "[ntp_server a]\nx 1\n", "tm.conf:2: unknown ntp_server setting x" },
		{ "[ntp_server a]\niburst 2\n", "tm.conf:2: invalid value 2 for iburst" },
		{ "[ptp_domain]\n", "tm.conf:1: invalid ptp_domain number " },
		{ "[ptp_domain 256]\n", "tm.conf:1: invalid ptp_domain number 256" },
		{ "[ptp_domain 0]\n", "no interfaces specified for ptp_domain 0" },
		{ "[ptp_domain 0]\n[ntpd]\n", "no interfaces specified for ptp_domain 0" },
		{ "[ptp_domain 0]\ninterfaces a/b\n", "tm.conf:2: invalid value a/b for interf" },
		{ "[ptp_domain 0]\ndelay nan\n", "tm.conf:2: invalid value nan for delay" },
		{ "[ptp_domain 0]\nntp_poll 31\n", "tm.conf:2: invalid value 31 for ntp_poll" },
		{ "[timemaster]\nrundir\n", "tm.conf:2: invalid value  for rundir" },
		{ "[ptp4l]\npath\n", "tm.conf:2: invalid value  for path" },
		{ "[ptp_domain 0]\ninterfaces rx\n", "time stamping not supported on rx" },
		{ "[ptp_domain 0]\ninterfaces none\n", "none: gone" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (plan(rows[i][0]) == 0) {
			fail_msg("taken: %s", rows[i][0]);
		}
		assert_has(rows[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/timemaster/plan/defaults", defaults, NULL, NULL, NULL },
		{ "/timemaster/plan/hardware", hardware, NULL, NULL, NULL },
		{ "/timemaster/plan/virtual_clocks", virtual_clocks, NULL, NULL, NULL },
		{ "/timemaster/plan/ntpd", ntpd, NULL, NULL, NULL },
		{ "/timemaster/plan/linuxptp_3", linuxptp_3, NULL, NULL, NULL },
		{ "/timemaster/plan/raw_lines", raw_lines, NULL, NULL, NULL },
		{ "/timemaster/plan/refusals", refusals, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
