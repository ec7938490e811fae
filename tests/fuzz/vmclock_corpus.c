/* SPDX-License-Identifier: BSD-2-Clause */
/* The seeds of the target vmclock: pages as hosts make them, and some that they should not. */
#include <stdio.h>
#include <string.h>

#include "corpus.h"
#include "vmclock.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define MIDNIGHT INT64_C(1483228800) /* the end of 2016, with a leap second */
#define COUNTER UINT64_C(0x123456789abc)

static const struct variant {
	const char *name;
	int64_t tai;    /* of the reference */
	uint32_t size;
	uint8_t status;
	uint8_t leap;
	enum gnomon_vmclock_profile profile;
	int8_t change;
	bool odd;
} variants[] = {
	{ "tai", MIDNIGHT + 1000000, 4096, GNOMON_VMCLOCK_SYNCHRONIZED, 0,
	  GNOMON_VMCLOCK_PROFILE_TAI, 0, false },
	{ "utc", MIDNIGHT + 1000000, 4096, GNOMON_VMCLOCK_SYNCHRONIZED, 0,
	  GNOMON_VMCLOCK_PROFILE_UTC, 0, false },
	{ "before-leap", MIDNIGHT + 35, 4096, GNOMON_VMCLOCK_FREERUNNING, 1,
	  GNOMON_VMCLOCK_PROFILE_TAI, 1, false },
	{ "in-leap", MIDNIGHT + 36, 4096, GNOMON_VMCLOCK_SYNCHRONIZED, 3,
	  GNOMON_VMCLOCK_PROFILE_TAI, 1, false },
	{ "in-leap-utc", MIDNIGHT + 36, 4096, GNOMON_VMCLOCK_SYNCHRONIZED, 3,
	  GNOMON_VMCLOCK_PROFILE_UTC, 1, false },
	{ "after-leap", MIDNIGHT + 37, 4096, GNOMON_VMCLOCK_SYNCHRONIZED, 4,
	  GNOMON_VMCLOCK_PROFILE_UTC, 1, false },
	{ "left-out", MIDNIGHT + 34, 4096, GNOMON_VMCLOCK_SYNCHRONIZED, 2,
	  GNOMON_VMCLOCK_PROFILE_TAI, -1, false },
	{ "short", MIDNIGHT, GNOMON_VMCLOCK_SIZE_MIN, GNOMON_VMCLOCK_UNRELIABLE, 0,
	  GNOMON_VMCLOCK_PROFILE_TAI, 0, false },
	{ "too-short", MIDNIGHT, GNOMON_VMCLOCK_SIZE_MIN - 1, GNOMON_VMCLOCK_UNRELIABLE, 0,
	  GNOMON_VMCLOCK_PROFILE_TAI, 0, false },
	{ "being-written", MIDNIGHT, 4096, GNOMON_VMCLOCK_INITIALIZING, 0,
	  GNOMON_VMCLOCK_PROFILE_TAI, 0, true },
};

static void put(uint8_t *p, unsigned int octets, uint64_t v)
{
	for (unsigned int i = 0; i < octets; i++) {
		p[i] = (uint8_t)(v >> (8 * i));
	}
}

static struct gnomon_vmclock page_of(const struct variant *v)
{
	const struct gnomon_utc utc = { true, 36, v->change, v->change ? MIDNIGHT : 0 };
	struct gnomon_period period;
	struct gnomon_vmclock c;

	(void)gnomon_period_from_uhz(UINT64_C(2445000000000000), &period);
	gnomon_vmclock_init(&c);
	c.size = v->size;
	c.seq_count = v->odd ? 7 : 8;
	c.counter_id = GNOMON_VMCLOCK_COUNTER_X86_TSC;
	c.disruption_marker = UINT64_C(0xfeedfacecafebeef);
	c.flags = GNOMON_VMCLOCK_ERRORS_VALID | GNOMON_VMCLOCK_TIME_MONOTONIC;
	c.clock_status = v->status;
	gnomon_vmclock_set_line(&c, COUNTER, (struct gnomon_fine){ v->tai, 12345 }, &period);
	c.time_esterror_nanosec = 40;
	c.time_maxerror_nanosec = 250;
	c.counter_period_esterror_rate_frac_sec = gnomon_period_error(&period, 1);
	c.counter_period_maxerror_rate_frac_sec = gnomon_period_error(&period, 30);
	(void)gnomon_vmclock_set_profile(&c, v->profile, &utc);
	return c;
}

static void put_quality(uint8_t *octets, const struct variant *v)
{
	const struct gnomon_quality q = {
		.seq_count = v->odd ? 3 : 4,
		.clock_status = v->status,
		.leap_indicator = v->leap,
		.tai_offset_sec = 37,
		.flags = GNOMON_QUALITY_OFFSET_VALID | GNOMON_QUALITY_STEERED,
		.disruption_marker = 99,
		.realtime_ns = (int64_t)COUNTER,
		.offset_ns = -INT64_C(37000000000),
		.esterror_ns = 100,
		.maxerror_ns = 1000,
		.growth_ppb = 50,
		.valid_s = 3600,
	};

	gnomon_quality_encode(&q, octets);
}

/* A guest that answers as it should, its counter a million ticks behind; some of them far apart. */
static size_t put_pings(uint8_t *octets)
{
	uint64_t now = COUNTER + 2000;

	for (unsigned int i = 0; i < 8; i++, octets += INPUT_PING_SIZE) {
		const uint32_t gap = i < 4 ? 3000 : 400000000;

		now += gap;
		put(octets, 4, gap);
		put(octets + 4, 4, 500);
		put(octets + 8, 8, now + 200 - 1000000);
		now += 500;
	}
	return INPUT_PINGS + 8 * INPUT_PING_SIZE;
}

static bool make(size_t i, struct corpus_seed *seed)
{
	struct gnomon_vmclock c;

	if (i >= COUNT(variants)) {
		return false;
	}
	memset(seed, 0, sizeof(*seed));
	(void)snprintf(seed->name, sizeof(seed->name), "%s", variants[i].name);
	c = page_of(&variants[i]);
	put(seed->octets + INPUT_COUNTER, 8, COUNTER + 2000);
	gnomon_vmclock_encode(&c, seed->octets + INPUT_PAGE);
	put_quality(seed->octets + INPUT_QUALITY, &variants[i]);
	put(seed->octets + INPUT_MAILBOX, 4, GNOMON_MAILBOX_MAGIC);
	put(seed->octets + INPUT_MAILBOX + 4, 4, GNOMON_MAILBOX_SIZE);
	put(seed->octets + INPUT_MAILBOX + 0x40, 4, i);
	seed->len = put_pings(seed->octets + INPUT_PINGS);
	return true;
}

int main(int argc, char **argv)
{
	return corpus_main(argc, argv, make);
}
