/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * drivers/timestamping.h without an interface: control data of every shape, well-formed or not,
 * what is possible with which capabilities, and the socket flags.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <time.h>

#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/timestamping.h"
#include "tests/unit/seed.h"

#define PACKET_TX_STAMP 16 /* PACKET_TX_TIMESTAMP */

/* Control data under construction. */
struct control {
	struct msghdr msg;
	char octets[512] __attribute__((aligned(__alignof__(struct cmsghdr))));
};

static void start(struct control *c)
{
	memset(c, 0, sizeof(*c));
	c->msg.msg_control = c->octets;
}

static void put(struct control *c, int level, int type, const void *data, size_t len)
{
	const struct cmsghdr head = { .cmsg_len = CMSG_LEN(len), .cmsg_level = level,
				      .cmsg_type = type };

	assert_true(c->msg.msg_controllen + CMSG_SPACE(len) <= sizeof(c->octets));
	memcpy(c->octets + c->msg.msg_controllen, &head, sizeof(head));
	memcpy(c->octets + c->msg.msg_controllen + CMSG_LEN(0), data, len);
	c->msg.msg_controllen += CMSG_SPACE(len);
}

static void put_stamps(struct control *c, struct timespec software, struct timespec legacy,
		       struct timespec hardware)
{
	const struct timespec ts[3] = { software, legacy, hardware };

	put(c, SOL_SOCKET, SCM_TIMESTAMPING, ts, sizeof(ts));
}

static void put_key(struct control *c, int level, int type, uint32_t key)
{
	const struct sock_extended_err err = {
		.ee_errno = ENOMSG, .ee_origin = SO_EE_ORIGIN_TIMESTAMPING, .ee_data = key,
	};

	put(c, level, type, &err, sizeof(err));
}

static const struct timespec none = { 0, 0 };

static void software(void **state)
{
	struct timestamping_control parsed;
	struct control c;

	(void)state;
	start(&c);
	put_stamps(&c, (struct timespec){ 1700000000, 123456789 }, none, none);
	timestamping_parse(&c.msg, &parsed);
	assert_true(parsed.stamps.has_software);
	assert_false(parsed.stamps.has_hardware);
	assert_false(parsed.has_key);
	assert_int_equal(parsed.stamps.software.sec, 1700000000);
	assert_int_equal(parsed.stamps.software.nsec, 123456789);
	assert_int_equal(parsed.stamps.software.frac, 0);
}

static void hardware_and_software(void **state)
{
	struct timestamping_control parsed;
	struct control c;

	(void)state;
	start(&c);
	put_stamps(&c, (struct timespec){ 10, 1 }, none, (struct timespec){ 20, 999999999 });
	timestamping_parse(&c.msg, &parsed);
	assert_true(parsed.stamps.has_software);
	assert_true(parsed.stamps.has_hardware);
	assert_int_equal(parsed.stamps.software.sec, 10);
	assert_int_equal(parsed.stamps.hardware.sec, 20);
	assert_int_equal(parsed.stamps.hardware.nsec, 999999999);
}

static void legacy(void **state)
{
	struct timestamping_control parsed;
	struct control c;

	(void)state;
	start(&c);
	put_stamps(&c, none, (struct timespec){ 30, 5 }, none);
	timestamping_parse(&c.msg, &parsed);
	assert_true(parsed.stamps.has_hardware);
	assert_int_equal(parsed.stamps.hardware.sec, 30);
}

static void keys_of_all_families(void **state)
{
	static const int kinds[][2] = {
		{ SOL_IP, IP_RECVERR }, { SOL_IPV6, IPV6_RECVERR }, { SOL_PACKET, PACKET_TX_STAMP },
	};

	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		struct timestamping_control parsed;
		struct control c;

		/* In both orders, as kernels differ. */
		start(&c);
		put_stamps(&c, (struct timespec){ 1, 2 }, none, none);
		put_key(&c, kinds[i][0], kinds[i][1], 0xfffffff0u + i);
		timestamping_parse(&c.msg, &parsed);
		assert_true(parsed.has_key && parsed.stamps.has_software);
		assert_int_equal(parsed.key, 0xfffffff0u + i);
		start(&c);
		put_key(&c, kinds[i][0], kinds[i][1], i);
		put_stamps(&c, (struct timespec){ 1, 2 }, none, none);
		timestamping_parse(&c.msg, &parsed);
		assert_true(parsed.has_key && parsed.stamps.has_software);
		assert_int_equal(parsed.key, i);
	}
}

/* An ICMP error on the queue is not a timestamp. */
static void foreign_errors(void **state)
{
	const struct sock_extended_err icmp = { .ee_errno = ECONNREFUSED,
						.ee_origin = SO_EE_ORIGIN_ICMP, .ee_data = 7 };
	const int ttl = 64;
	struct timestamping_control parsed;
	struct control c;

	(void)state;
	start(&c);
	put(&c, SOL_IP, IP_RECVERR, &icmp, sizeof(icmp));
	put(&c, SOL_IP, IP_TTL, &ttl, sizeof(ttl));
	timestamping_parse(&c.msg, &parsed);
	assert_false(parsed.has_key);
	assert_false(parsed.stamps.has_software || parsed.stamps.has_hardware);
}

static void missing_or_cut(void **state)
{
	const struct timespec two[2] = { { 1, 1 }, { 2, 2 } };
	const uint32_t few = 1;
	struct timestamping_control parsed;
	struct control c;

	(void)state;
	memset(&c, 0, sizeof(c)); /* no buffer at all */
	memset(&parsed, 0xff, sizeof(parsed));
	timestamping_parse(&c.msg, &parsed);
	assert_false(parsed.has_key || parsed.stamps.has_software || parsed.stamps.has_hardware);
	start(&c);
	put(&c, SOL_SOCKET, SCM_TIMESTAMPING, two, sizeof(two));
	put(&c, SOL_IP, IP_RECVERR, &few, sizeof(few));
	timestamping_parse(&c.msg, &parsed);
	assert_false(parsed.has_key || parsed.stamps.has_software || parsed.stamps.has_hardware);
}

static void impossible_stamps(void **state)
{
	struct timestamping_control parsed;
	struct control c;

	(void)state;
	start(&c);
	put_stamps(&c, (struct timespec){ 5, 1000000000 }, none, (struct timespec){ 5, -1 });
	timestamping_parse(&c.msg, &parsed);
	assert_false(parsed.stamps.has_software || parsed.stamps.has_hardware);
}

/* Whatever lies there, nothing is read outside of it (run under a sanitizer to see). */
static void random_octets(void **state)
{
	struct seed seed = seed_start("/drivers/timestamping/random_octets");

	(void)state;
	for (int i = 0; i < 20000; i++) {
		const size_t len = seed_below(&seed, 200);
		struct timestamping_control parsed;
		struct msghdr msg = { .msg_control = malloc(len + 1), .msg_controllen = len };

		assert_non_null(msg.msg_control);
		seed_fill(&seed, msg.msg_control, len);
		if (len >= sizeof(struct cmsghdr)) {
			const struct cmsghdr head = {
				.cmsg_len = seed_below(&seed, 100),
				.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_TIMESTAMPING,
			};

			memcpy(msg.msg_control, &head, sizeof(head));
		}
		timestamping_parse(&msg, &parsed);
		if (parsed.stamps.has_software) {
			assert_true(parsed.stamps.software.nsec < GNOMON_NSEC_PER_SEC);
		}
		free(msg.msg_control);
	}
}

static const struct timestamping_info only_software = {
	.so_timestamping = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE |
			   SOF_TIMESTAMPING_SOFTWARE,
	.phc_index = -1,
};

static const struct timestamping_info two_step_nic = {
	.so_timestamping = SOF_TIMESTAMPING_TX_HARDWARE | SOF_TIMESTAMPING_RX_HARDWARE |
			   SOF_TIMESTAMPING_RAW_HARDWARE,
	.tx_types = 1 << HWTSTAMP_TX_OFF | 1 << HWTSTAMP_TX_ON,
	.rx_filters = 1 << HWTSTAMP_FILTER_NONE | 1 << HWTSTAMP_FILTER_ALL,
	.phc_index = 0,
};

static void check_says_what_is_missing(void **state)
{
	static const struct {
		const struct timestamping_info *info;
		enum timestamping_mode mode;
		int result;
		const char *word;
	} rows[] = {
		{ &only_software, TIMESTAMPING_SOFTWARE, 0, NULL },
		{ &only_software, TIMESTAMPING_HARDWARE, -EOPNOTSUPP, "time_stamping software" },
		{ &only_software, TIMESTAMPING_ONESTEP, -EOPNOTSUPP, "no hardware" },
		{ &two_step_nic, TIMESTAMPING_HARDWARE, 0, NULL },
		{ &two_step_nic, TIMESTAMPING_SOFTWARE, -EOPNOTSUPP, "no software" },
		{ &two_step_nic, TIMESTAMPING_LEGACY, -EOPNOTSUPP, "use time_stamping hardware" },
		{ &two_step_nic, TIMESTAMPING_ONESTEP, -EOPNOTSUPP, "cannot do" },
		{ &two_step_nic, TIMESTAMPING_P2P1STEP, -EOPNOTSUPP, "p2p1step" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct driver_error error = { "" };

		assert_int_equal(timestamping_check("eth7", rows[i].info, rows[i].mode, &error),
				 rows[i].result);
		if (rows[i].word) {
			assert_ptr_equal(strstr(error.text, "eth7: "), error.text);
			if (!strstr(error.text, rows[i].word)) {
				fail_msg("\"%s\" lacks \"%s\"", error.text, rows[i].word);
			}
		}
	}
}

static void one_step_nic(void **state)
{
	struct timestamping_info info = two_step_nic;

	(void)state;
	info.tx_types |= 1 << HWTSTAMP_TX_ONESTEP_SYNC;
	assert_int_equal(timestamping_check("e", &info, TIMESTAMPING_ONESTEP, NULL), 0);
	assert_int_equal(timestamping_check("e", &info, TIMESTAMPING_P2P1STEP, NULL), -EOPNOTSUPP);
	info.tx_types |= 1 << HWTSTAMP_TX_ONESTEP_P2P;
	assert_int_equal(timestamping_check("e", &info, TIMESTAMPING_P2P1STEP, NULL), 0);
}

static void flags(void **state)
{
	const unsigned int both = SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_OPT_TSONLY;
	unsigned int f = timestamping_event_flags(TIMESTAMPING_SOFTWARE, false);

	(void)state;
	assert_int_equal(f & both, both);
	assert_true(f & SOF_TIMESTAMPING_TX_SOFTWARE);
	assert_false(f & (SOF_TIMESTAMPING_TX_HARDWARE | SOF_TIMESTAMPING_RX_HARDWARE));
	f = timestamping_event_flags(TIMESTAMPING_HARDWARE, false);
	assert_int_equal(f & both, both);
	assert_true(f & SOF_TIMESTAMPING_RAW_HARDWARE);
	assert_false(f & (SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE));
	f = timestamping_event_flags(TIMESTAMPING_HARDWARE, true);
	assert_true(f & SOF_TIMESTAMPING_RX_SOFTWARE);
	assert_false(f & SOF_TIMESTAMPING_TX_SOFTWARE);
}

static void modes(void **state)
{
	(void)state;
	assert_string_equal(timestamping_mode_name(TIMESTAMPING_P2P1STEP), "p2p1step");
	assert_int_equal(timestamping_mode_source(TIMESTAMPING_SOFTWARE), GNOMON_STAMP_SYSTEM);
	assert_int_equal(timestamping_mode_source(TIMESTAMPING_LEGACY), GNOMON_STAMP_HARDWARE);
}

static void restore_of_nothing(void **state)
{
	struct timestamping_saved saved = { 0 };

	(void)state;
	assert_int_equal(timestamping_restore(&saved), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/drivers/timestamping/parse/software", software },
		{ "/drivers/timestamping/parse/hardware_and_software", hardware_and_software },
		{ "/drivers/timestamping/parse/legacy", legacy },
		{ "/drivers/timestamping/parse/keys_of_all_families", keys_of_all_families },
		{ "/drivers/timestamping/parse/foreign_errors", foreign_errors },
		{ "/drivers/timestamping/parse/missing_or_cut", missing_or_cut },
		{ "/drivers/timestamping/parse/impossible_stamps", impossible_stamps },
		{ "/drivers/timestamping/parse/random_octets", random_octets },
		{ "/drivers/timestamping/check/says_what_is_missing", check_says_what_is_missing },
		{ "/drivers/timestamping/check/one_step_nic", one_step_nic },
		{ "/drivers/timestamping/flags", flags },
		{ "/drivers/timestamping/modes", modes },
		{ "/drivers/timestamping/restore_of_nothing", restore_of_nothing },
	};

	return cmocka_run_group_tests_name("/drivers/timestamping", tests, NULL, NULL);
}
