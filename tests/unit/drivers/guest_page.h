/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Clock pages for tests: a file with a line that is true of this machine's counter, as good as a
 * few milliseconds of measuring make it. TAI there is CLOCK_MONOTONIC_RAW plus a constant.
 */
#ifndef TESTS_UNIT_DRIVERS_GUEST_PAGE_H
#define TESTS_UNIT_DRIVERS_GUEST_PAGE_H

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <gnomon/guest.h>
#include <gnomon/vmclock.h>

#define PAGE_TAI INT64_C(1795449637)
#define PAGE_MARKER 7

struct guest_page {
	char path[64];
	uint8_t *shared; /* GNOMON_GUEST_FILE_SIZE octets of the file, writable */
	uint32_t seq;
	struct gnomon_vmclock fields;
};

#if defined(__aarch64__)
#define PAGE_COUNTER GNOMON_VMCLOCK_COUNTER_ARM_VCNT
#else
#define PAGE_COUNTER GNOMON_VMCLOCK_COUNTER_X86_TSC
#endif

static inline int64_t page_raw_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
	return (int64_t)ts.tv_sec * GNOMON_NSEC_PER_SEC + ts.tv_nsec;
}

/* The two together: of many tries the one that nobody came in between. */
static inline uint64_t page_pair(int64_t *raw)
{
	uint64_t best = UINT64_MAX, middle = 0;

	*raw = 0;
	for (int i = 0; i < 50; i++) {
		const uint64_t before = gnomon_clock_counter();
		const int64_t ns = page_raw_ns();
		const uint64_t width = gnomon_clock_counter() - before;

		if (width < best) {
			best = width;
			middle = before + width / 2;
			*raw = ns;
		}
	}
	return middle;
}

/* The counter's period, measured once. */
static inline struct gnomon_period page_period(void)
{
	static struct gnomon_period period;

	if (!period.frac) {
		const struct timespec while_measuring = { 0, 5000000 };
		int64_t first, last;
		const uint64_t begin = page_pair(&first);
		uint64_t end;

		nanosleep(&while_measuring, NULL);
		end = page_pair(&last);
		if (gnomon_period_from_ticks(
			    gnomon_fine_add_ns((struct gnomon_fine){ 0, 0 }, last - first),
			    end - begin, &period)) {
			abort();
		}
	}
	return period;
}

/* Put the page's line through now and 20 ms back: bound 10 us and 500 ppm. */
static inline void page_line(struct guest_page *p)
{
	const struct gnomon_period period = page_period();
	const struct gnomon_fine zero = { PAGE_TAI, 0 };
	int64_t raw;
	const uint64_t counter = page_pair(&raw);

	gnomon_vmclock_set_line(&p->fields, counter - gnomon_period_ticks(&period, 20000000),
				gnomon_fine_add_ns(zero, raw - 20000000), &period);
	p->fields.time_maxerror_nanosec = 10000;
	p->fields.counter_period_maxerror_rate_frac_sec = gnomon_period_error(&period, 500000);
}

static inline void page_write(struct guest_page *p)
{
	gnomon_vmclock_write(p->shared, &p->fields, &p->seq);
}

/* A good page in a file of two pages. */
static inline void page_create(struct guest_page *p)
{
	int fd;

	memset(p, 0, sizeof(*p));
	snprintf(p->path, sizeof(p->path), "/tmp/gnomon-test-page-XXXXXX");
	fd = mkstemp(p->path);
	if (fd < 0 || ftruncate(fd, GNOMON_GUEST_FILE_SIZE)) {
		abort();
	}
	p->shared = mmap(NULL, GNOMON_GUEST_FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (p->shared == MAP_FAILED) {
		abort();
	}
	gnomon_vmclock_init(&p->fields);
	p->fields.counter_id = PAGE_COUNTER;
	p->fields.clock_status = GNOMON_VMCLOCK_SYNCHRONIZED;
	p->fields.disruption_marker = PAGE_MARKER;
	p->fields.flags = GNOMON_VMCLOCK_TAI_OFFSET_VALID | GNOMON_VMCLOCK_TIME_MAXERROR_VALID |
			  GNOMON_VMCLOCK_PERIOD_MAXERROR_VALID;
	p->fields.tai_offset_sec = 37;
	page_line(p);
	page_write(p);
}

static inline void page_destroy(struct guest_page *p)
{
	munmap(p->shared, GNOMON_GUEST_FILE_SIZE);
	unlink(p->path);
}

/* What the page says TAI is, by the clock it was made from. */
static inline gnomon_time page_truth(void)
{
	const gnomon_time zero = { PAGE_TAI, 0, 0 };

	return gnomon_time_add(zero, gnomon_span_from_ns(page_raw_ns()));
}

#endif
