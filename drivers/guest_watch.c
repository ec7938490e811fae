/* SPDX-License-Identifier: BSD-2-Clause */
/* Disruptions and diagnosis: what readers of a page ask now and then. */
#include <errno.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "drivers/guest_private.h"

/* How often a page is looked at whose host does not notify. */
#define LOOK_MS 10

int gnomon_clock_page(const struct gnomon_guest_clock *clock, struct gnomon_vmclock *page)
{
	return guest_take(clock, page, NULL);
}

int gnomon_clock_quality(const struct gnomon_guest_clock *clock, struct gnomon_quality *quality)
{
	int err;

	if (clock->len < GNOMON_GUEST_FILE_SIZE) {
		return -ENOENT;
	}
	err = gnomon_quality_read((const uint8_t *)clock->page + GNOMON_QUALITY_OFFSET,
				  clock->len - GNOMON_QUALITY_OFFSET, GUEST_TRIES, quality);
	return err && err != -EAGAIN ? -ENOENT : err;
}

int gnomon_clock_marker(const struct gnomon_guest_clock *clock, uint64_t *marker)
{
	struct gnomon_vmclock page;
	const int err = guest_take(clock, &page, NULL);

	if (err) {
		return err == -EAGAIN ? err : -EPROTO;
	}
	*marker = page.disruption_marker;
	return 0;
}

bool gnomon_clock_disrupted(const struct gnomon_guest_clock *clock, uint64_t *marker)
{
	uint64_t found;

	if (gnomon_clock_marker(clock, &found)) {
		return false;
	}
	if (marker) {
		*marker = found;
	}
	return found != guest_acknowledged(clock);
}

void gnomon_clock_acknowledge(struct gnomon_guest_clock *clock, uint64_t marker)
{
	uint64_t head = __atomic_load_n(&clock->ready.head, __ATOMIC_RELAXED);

	__atomic_store_n(&clock->acknowledged, marker, __ATOMIC_RELAXED);
	/* What was made ready was so for the marker acknowledged before. */
	if (head != GUEST_BUSY) {
		__atomic_compare_exchange_n(&clock->ready.head, &head, GUEST_NONE, false,
					    __ATOMIC_RELEASE, __ATOMIC_RELAXED);
	}
}

void gnomon_clock_on_disruption(struct gnomon_guest_clock *clock, gnomon_clock_disruption_fn fn,
				void *context)
{
	clock->disruption_fn = fn;
	clock->disruption_context = context;
}

/* One that has not been told yet: tell it. */
static int look(struct gnomon_guest_clock *clock)
{
	uint64_t marker;

	if (gnomon_clock_marker(clock, &marker) || marker == clock->told) {
		return 0;
	}
	clock->told = marker;
	if (clock->disruption_fn) {
		clock->disruption_fn(clock->disruption_context, clock, marker);
	}
	return 1;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int pause_ms(int64_t ms)
{
	const struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	return nanosleep(&ts, NULL) ? -errno : 0;
}

/*
 * Until the device says that the page has changed, at most ms (-1: for ever). A kernel that knows
 * nothing of notifications says so at once, each time: then the page has not, and we look now and
 * then as if there were no device.
 */
static int wait_for_change(const struct gnomon_guest_clock *clock, int64_t ms)
{
	const uint32_t seq = gnomon_vmclock_read_begin(clock->page);
	struct pollfd p = { .fd = clock->fd, .events = POLLIN };
	uint8_t octets[GNOMON_VMCLOCK_SIZE];
	const int64_t least = ms < 0 || ms > LOOK_MS ? LOOK_MS : ms;
	int n;

	if (clock->fd < 0) {
		return pause_ms(least);
	}
	n = poll(&p, 1, ms < 0 ? -1 : (int)ms);
	if (n < 0) {
		return -errno;
	}
	/* It is the reading that makes the device quiet again. */
	if (n > 0 && pread(clock->fd, octets, sizeof(octets), 0) != (ssize_t)sizeof(octets)) {
		return pause_ms(least);
	}
	return n > 0 && seq == gnomon_vmclock_read_begin(clock->page) ? pause_ms(least) : 0;
}

int gnomon_clock_watch(struct gnomon_guest_clock *clock, int timeout_ms)
{
	const int64_t until = now_ms() + timeout_ms;

	for (;;) {
		const int64_t left = timeout_ms < 0 ? -1 : until - now_ms();
		int err;

		if (look(clock)) {
			return 1;
		}
		if (timeout_ms >= 0 && left <= 0) {
			return 0;
		}
		err = wait_for_change(clock, left);
		if (err) {
			return err;
		}
	}
}
