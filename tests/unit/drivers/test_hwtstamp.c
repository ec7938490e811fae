/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * drivers/timestamping.h against a NIC of our own behind ioctl(), which this program defines in
 * place of libc's: what is set, in which order filters are tried, and that what was set before
 * comes back. Virtual interfaces have no hardware stamping to show this on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include <net/if.h>

#include <linux/net_tstamp.h>
#include <linux/sockios.h>

#include <cmocka.h>

#include "drivers/timestamping.h"

#define BIT(n) (1u << (n))

/* The NIC. */
static struct {
	struct hwtstamp_config now;
	unsigned int filters;  /* rx filters it takes */
	unsigned int types;    /* tx types it takes */
	int widens_to;         /* rx filter it answers with, -1: the one asked for */
	int set_error;         /* of every SIOCSHWTSTAMP */
	int get_error;         /* of every SIOCGHWTSTAMP */
	bool wants_bonded;     /* a bond: refuses without the flag */
	int sets;
	char name[IFNAMSIZ];
} nic;

static int answer(int error)
{
	errno = error;
	return error ? -1 : 0;
}

static int set(struct hwtstamp_config *config)
{
	nic.sets++;
	if (nic.set_error) {
		return nic.set_error;
	}
	if (nic.wants_bonded && !(config->flags & HWTSTAMP_FLAG_BONDED_PHC_INDEX)) {
		return EOPNOTSUPP;
	}
	if (!(nic.filters & BIT(config->rx_filter)) || !(nic.types & BIT(config->tx_type))) {
		return ERANGE;
	}
	if (nic.widens_to >= 0 && config->rx_filter != HWTSTAMP_FILTER_NONE) {
		config->rx_filter = nic.widens_to;
	}
	nic.now = *config;
	return 0;
}

int ioctl(int fd, unsigned long request, ...)
{
	struct ifreq *ifreq;
	va_list args;

	va_start(args, request);
	ifreq = va_arg(args, struct ifreq *);
	va_end(args);
	(void)fd;
	memcpy(nic.name, ifreq->ifr_name, sizeof(nic.name));
	if (request == SIOCSHWTSTAMP) {
		return answer(set((struct hwtstamp_config *)(void *)ifreq->ifr_data));
	}
	if (request == SIOCGHWTSTAMP) {
		if (nic.get_error == 0) {
			memcpy(ifreq->ifr_data, &nic.now, sizeof(nic.now));
		}
		return answer(nic.get_error);
	}
	return answer(EINVAL);
}

static int reset(void **state)
{
	(void)state;
	memset(&nic, 0, sizeof(nic));
	nic.types = BIT(HWTSTAMP_TX_OFF) | BIT(HWTSTAMP_TX_ON);
	nic.filters = BIT(HWTSTAMP_FILTER_NONE) | BIT(HWTSTAMP_FILTER_PTP_V2_EVENT);
	nic.widens_to = -1;
	return 0;
}

static int enable(enum timestamping_mode mode, enum gnomon_network_protocol transport,
		  struct timestamping_saved *saved, struct driver_error *error)
{
	return timestamping_enable("eth7", mode, TIMESTAMPING_FILTER_NORMAL, transport, saved,
				   error);
}

static void enables_and_restores(void **state)
{
	struct timestamping_saved saved;

	(void)state;
	assert_int_equal(enable(TIMESTAMPING_HARDWARE, GNOMON_NETWORK_UDP_IPV4, &saved, NULL), 0);
	assert_string_equal(nic.name, "eth7");
	assert_int_equal(nic.now.tx_type, HWTSTAMP_TX_ON);
	assert_int_equal(nic.now.rx_filter, HWTSTAMP_FILTER_PTP_V2_EVENT);
	assert_int_equal(timestamping_restore(&saved), 0);
	assert_int_equal(nic.now.tx_type, HWTSTAMP_TX_OFF);
	assert_int_equal(nic.now.rx_filter, HWTSTAMP_FILTER_NONE);
	/* Once. */
	nic.sets = 0;
	assert_int_equal(timestamping_restore(&saved), 0);
	assert_int_equal(nic.sets, 0);
}

static void restores_what_somebody_else_had(void **state)
{
	struct timestamping_saved saved;

	(void)state;
	nic.filters |= BIT(HWTSTAMP_FILTER_ALL);
	nic.now.tx_type = HWTSTAMP_TX_ON;
	nic.now.rx_filter = HWTSTAMP_FILTER_ALL;
	assert_int_equal(enable(TIMESTAMPING_HARDWARE, GNOMON_NETWORK_UDP_IPV4, &saved, NULL), 0);
	assert_int_equal(nic.now.rx_filter, HWTSTAMP_FILTER_PTP_V2_EVENT);
	assert_int_equal(timestamping_restore(&saved), 0);
	assert_int_equal(nic.now.tx_type, HWTSTAMP_TX_ON);
	assert_int_equal(nic.now.rx_filter, HWTSTAMP_FILTER_ALL);
}

static void falls_back_on_filters(void **state)
{
	static const struct {
		enum gnomon_network_protocol transport;
		unsigned int offers;
		int gets;
	} rows[] = {
		{ GNOMON_NETWORK_UDP_IPV4, BIT(HWTSTAMP_FILTER_PTP_V2_L4_EVENT) |
			BIT(HWTSTAMP_FILTER_ALL), HWTSTAMP_FILTER_PTP_V2_L4_EVENT },
		{ GNOMON_NETWORK_UDP_IPV6, BIT(HWTSTAMP_FILTER_PTP_V2_L4_EVENT),
		  HWTSTAMP_FILTER_PTP_V2_L4_EVENT },
		{ GNOMON_NETWORK_IEEE_802_3, BIT(HWTSTAMP_FILTER_PTP_V2_L2_EVENT),
		  HWTSTAMP_FILTER_PTP_V2_L2_EVENT },
		{ GNOMON_NETWORK_IEEE_802_3, BIT(HWTSTAMP_FILTER_PTP_V2_L4_EVENT) |
			BIT(HWTSTAMP_FILTER_ALL), HWTSTAMP_FILTER_ALL },
		{ GNOMON_NETWORK_IEEE_802_3, BIT(HWTSTAMP_FILTER_PTP_V2_L4_EVENT), -ERANGE },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct timestamping_saved saved = { 0 };
		struct driver_error error = { "" };
		int got;

		(void)reset(state);
		nic.filters = BIT(HWTSTAMP_FILTER_NONE) | rows[i].offers;
		got = enable(TIMESTAMPING_HARDWARE, rows[i].transport, &saved, &error);
		if (rows[i].gets < 0) {
			assert_int_equal(got, rows[i].gets);
			assert_non_null(strstr(error.text, "eth7: "));
			assert_false(saved.changed);
			/* As it was. */
			assert_int_equal(nic.now.tx_type, HWTSTAMP_TX_OFF);
			assert_int_equal(nic.now.rx_filter, HWTSTAMP_FILTER_NONE);
		} else {
			assert_int_equal(got, 0);
			assert_int_equal(nic.now.rx_filter, rows[i].gets);
		}
	}
}

/* Drivers may do more than asked; one that does something else is not taken at its word. */
static void answers_with_another_filter(void **state)
{
	struct timestamping_saved saved = { 0 };

	(void)state;
	nic.widens_to = HWTSTAMP_FILTER_ALL;
	assert_int_equal(enable(TIMESTAMPING_HARDWARE, GNOMON_NETWORK_UDP_IPV4, &saved, NULL), 0);
	assert_int_equal(nic.sets, 1);
	(void)reset(state);
	nic.widens_to = HWTSTAMP_FILTER_PTP_V1_L4_EVENT;
	assert_int_equal(enable(TIMESTAMPING_HARDWARE, GNOMON_NETWORK_UDP_IPV4, &saved, NULL),
			 -ERANGE);
	assert_int_equal(nic.now.rx_filter, HWTSTAMP_FILTER_NONE);
}

static void full_stamps_everything(void **state)
{
	struct timestamping_saved saved;

	(void)state;
	nic.filters |= BIT(HWTSTAMP_FILTER_ALL);
	assert_int_equal(timestamping_enable("eth7", TIMESTAMPING_HARDWARE,
					     TIMESTAMPING_FILTER_FULL, GNOMON_NETWORK_UDP_IPV4,
					     &saved, NULL), 0);
	assert_int_equal(nic.now.rx_filter, HWTSTAMP_FILTER_ALL);
	assert_int_equal(nic.sets, 1);
}

static void check_changes_nothing(void **state)
{
	struct timestamping_saved saved;
	struct driver_error error = { "" };

	(void)state;
	assert_int_equal(timestamping_enable("eth7", TIMESTAMPING_HARDWARE,
					     TIMESTAMPING_FILTER_CHECK, GNOMON_NETWORK_UDP_IPV4,
					     &saved, &error), -EBUSY);
	assert_non_null(strstr(error.text, "hwts_filter normal"));
	nic.now.tx_type = HWTSTAMP_TX_ON;
	nic.now.rx_filter = HWTSTAMP_FILTER_PTP_V2_L4_EVENT;
	assert_int_equal(timestamping_enable("eth7", TIMESTAMPING_HARDWARE,
					     TIMESTAMPING_FILTER_CHECK, GNOMON_NETWORK_UDP_IPV4,
					     &saved, &error), 0);
	assert_int_equal(timestamping_enable("eth7", TIMESTAMPING_HARDWARE,
					     TIMESTAMPING_FILTER_CHECK, GNOMON_NETWORK_IEEE_802_3,
					     &saved, &error), -EBUSY);
	assert_int_equal(timestamping_enable("eth7", TIMESTAMPING_ONESTEP,
					     TIMESTAMPING_FILTER_CHECK, GNOMON_NETWORK_UDP_IPV4,
					     &saved, &error), -EBUSY);
	assert_int_equal(timestamping_restore(&saved), 0);
	assert_int_equal(nic.sets, 0);
}

static void one_step(void **state)
{
	struct timestamping_saved saved;

	(void)state;
	assert_int_equal(enable(TIMESTAMPING_ONESTEP, GNOMON_NETWORK_UDP_IPV4, &saved, NULL),
			 -ERANGE);
	nic.types |= BIT(HWTSTAMP_TX_ONESTEP_SYNC) | BIT(HWTSTAMP_TX_ONESTEP_P2P);
	assert_int_equal(enable(TIMESTAMPING_ONESTEP, GNOMON_NETWORK_UDP_IPV4, &saved, NULL), 0);
	assert_int_equal(nic.now.tx_type, HWTSTAMP_TX_ONESTEP_SYNC);
	assert_int_equal(enable(TIMESTAMPING_P2P1STEP, GNOMON_NETWORK_UDP_IPV4, &saved, NULL), 0);
	assert_int_equal(nic.now.tx_type, HWTSTAMP_TX_ONESTEP_P2P);
}

static void software_asks_nothing(void **state)
{
	struct timestamping_saved saved = { .changed = true };

	(void)state;
	assert_int_equal(enable(TIMESTAMPING_SOFTWARE, GNOMON_NETWORK_UDP_IPV4, &saved, NULL), 0);
	assert_false(saved.changed);
	assert_int_equal(nic.name[0], '\0');
}

static void says_why_not(void **state)
{
	static const struct {
		int error;
		int result;
		const char *what;
	} rows[] = {
		{ EPERM, -EPERM, "CAP_NET_ADMIN" },
		{ EOPNOTSUPP, -EOPNOTSUPP, "use time_stamping software" },
		{ ENODEV, -ENODEV, "No such device" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct timestamping_saved saved = { 0 };
		struct driver_error error = { "" };

		(void)reset(state);
		nic.set_error = rows[i].error;
		assert_int_equal(enable(TIMESTAMPING_HARDWARE, GNOMON_NETWORK_UDP_IPV4, &saved,
					&error), rows[i].result);
		assert_ptr_equal(strstr(error.text, "eth7: "), error.text);
		if (!strstr(error.text, rows[i].what)) {
			fail_msg("\"%s\" lacks \"%s\"", error.text, rows[i].what);
		}
		assert_false(saved.changed);
	}
}

/* A driver that cannot be asked is put back to what the kernel starts with. */
static void cannot_be_asked(void **state)
{
	struct timestamping_saved saved;

	(void)state;
	nic.get_error = EOPNOTSUPP;
	assert_int_equal(enable(TIMESTAMPING_HARDWARE, GNOMON_NETWORK_UDP_IPV4, &saved, NULL), 0);
	assert_int_equal(nic.now.tx_type, HWTSTAMP_TX_ON);
	assert_int_equal(timestamping_restore(&saved), 0);
	assert_int_equal(nic.now.tx_type, HWTSTAMP_TX_OFF);
	assert_int_equal(nic.now.rx_filter, HWTSTAMP_FILTER_NONE);
}

static void bond(void **state)
{
	struct timestamping_saved saved;

	(void)state;
	nic.wants_bonded = true;
	assert_int_equal(enable(TIMESTAMPING_HARDWARE, GNOMON_NETWORK_UDP_IPV4, &saved, NULL), 0);
	assert_int_equal(nic.now.flags, HWTSTAMP_FLAG_BONDED_PHC_INDEX);
	assert_int_equal(timestamping_restore(&saved), 0);
	assert_int_equal(nic.now.tx_type, HWTSTAMP_TX_OFF);
}

static void interface_vanished(void **state)
{
	struct timestamping_saved saved;

	(void)state;
	assert_int_equal(enable(TIMESTAMPING_HARDWARE, GNOMON_NETWORK_UDP_IPV4, &saved, NULL), 0);
	nic.set_error = ENODEV;
	assert_int_equal(timestamping_restore(&saved), 0);
}

#define ROW(name, function) { name, function, reset, NULL, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW("/drivers/hwtstamp/enables_and_restores", enables_and_restores),
		ROW("/drivers/hwtstamp/restores_what_somebody_else_had",
		    restores_what_somebody_else_had),
		ROW("/drivers/hwtstamp/falls_back_on_filters", falls_back_on_filters),
		ROW("/drivers/hwtstamp/answers_with_another_filter", answers_with_another_filter),
		ROW("/drivers/hwtstamp/full_stamps_everything", full_stamps_everything),
		ROW("/drivers/hwtstamp/check_changes_nothing", check_changes_nothing),
		ROW("/drivers/hwtstamp/one_step", one_step),
		ROW("/drivers/hwtstamp/software_asks_nothing", software_asks_nothing),
		ROW("/drivers/hwtstamp/says_why_not", says_why_not),
		ROW("/drivers/hwtstamp/cannot_be_asked", cannot_be_asked),
		ROW("/drivers/hwtstamp/bond", bond),
		ROW("/drivers/hwtstamp/interface_vanished", interface_vanished),
	};

	return cmocka_run_group_tests_name("/drivers/hwtstamp", tests, NULL, NULL);
}
