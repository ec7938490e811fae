/* SPDX-License-Identifier: BSD-2-Clause */
/* gnomon/guest.h on page files, and on trees of files that look like /dev and /sys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drivers/guest_find.h"
#include "drivers/guest_open.h"
#include "drivers/guest_private.h"
#include "tests/unit/drivers/guest_page.h"

#define HOUR_NS INT64_C(3600000000000)

static struct guest_page page;
static struct gnomon_guest_clock *handle;

static int setup(void **state)
{
	page_create(&page);
	return gnomon_clock_open(&handle, page.path);
}

static int teardown(void **state)
{
	gnomon_clock_close(handle);
	page_destroy(&page);
	return 0;
}

/* The page with one member changed, written. */
#define WRITE(member, value)                                                                       \
	do {                                                                                       \
		page.fields.member = (value);                                                      \
		page_write(&page);                                                                 \
	} while (0)

static bool counted(void)
{
#if defined(__x86_64__) || defined(__aarch64__)
	return true;
#else
	return false;
#endif
}

/* -- opening ------------------------------------------------------------------------------ */

/* What opening a file of these octets says. */
static int open_octets(const void *octets, size_t len)
{
	char path[] = "/tmp/gnomon-test-guest-XXXXXX";
	struct gnomon_guest_clock *c = NULL;
	const int fd = mkstemp(path);
	int err;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, octets, len), len);
	close(fd);
	err = gnomon_clock_open(&c, path);
	gnomon_clock_close(c);
	unlink(path);
	return err;
}

static void open_refuses(void **state)
{
	static uint8_t octets[4096];
	struct gnomon_guest_clock *c = (void *)octets; /* never looked at */
	struct gnomon_vmclock fields = page.fields;

	assert_int_equal(gnomon_clock_open(&c, "/nonexistent/page"), -ENOENT);
	assert_int_equal(gnomon_clock_open(&c, "/tmp"), -EISDIR);
	assert_int_equal(gnomon_clock_open(&c, "/dev/null"), -ENODEV);
	assert_ptr_equal(c, octets);
	assert_int_equal(open_octets(octets, sizeof(octets)), -EBADMSG);
	gnomon_vmclock_encode(&fields, octets);
	assert_int_equal(open_octets(octets, sizeof(octets)), 0);
	assert_int_equal(open_octets(octets, GNOMON_VMCLOCK_SIZE - 1), -EMSGSIZE);
	/* The page says that it is larger than the file. */
	assert_int_equal(open_octets(octets, GNOMON_VMCLOCK_SIZE), -EMSGSIZE);
	fields.version = 2;
	gnomon_vmclock_encode(&fields, octets);
	assert_int_equal(open_octets(octets, sizeof(octets)), -EPROTO);
	fields.version = 1;
	fields.size = 8;
	gnomon_vmclock_encode(&fields, octets);
	assert_int_equal(open_octets(octets, sizeof(octets)), -EMSGSIZE);
}

static void open_fifo(void **state)
{
	char folder[] = "/tmp/gnomon-test-guest-XXXXXX", path[64];
	struct gnomon_guest_clock *c;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/fifo", folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(gnomon_clock_open(&c, path), -EBADMSG);
	unlink(path);
	rmdir(folder);
}

static void open_tells(void **state)
{
	assert_string_equal(gnomon_clock_path(handle), page.path);
	assert_int_equal(gnomon_clock_kind(handle), GNOMON_CLOCK_FILE);
	assert_int_equal(gnomon_clock_fd(handle), -1);
	gnomon_clock_close(NULL);
}

/* A page whose writer died while it wrote opens, and says so. */
static void open_torn(void **state)
{
	struct gnomon_guest_clock *c;
	enum gnomon_clock_status status;
	gnomon_time t;

	page.shared[0x0c] |= 1;
	assert_int_equal(gnomon_clock_open(&c, page.path), 0);
	assert_int_equal(gnomon_clock_now(c, &t, &t, &status), -EAGAIN);
	assert_int_equal(status, GNOMON_CLOCK_BUSY);
	page_write(&page);
	assert_int_equal(gnomon_clock_now(c, &t, &t, &status), counted() ? 0 : -EOPNOTSUPP);
	gnomon_clock_close(c);
}

/* -- finding ------------------------------------------------------------------------------ */

static char root[64];
static char dev[96], pci[96];

static void put(const char *folder, const char *name, const void *data, size_t len)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	close(fd);
}

static void put_page(const char *folder, const char *name, uint8_t counter_id)
{
	uint8_t octets[4096] = { 0 };
	struct gnomon_vmclock fields = page.fields;

	fields.counter_id = counter_id;
	gnomon_vmclock_encode(&fields, octets);
	put(folder, name, octets, sizeof(octets));
}

/* A PCI device with those ids; its memory is empty if no counter is told. */
static void put_device(const char *name, const char *vendor, const char *device, int counter_id)
{
	static const uint8_t empty[4096];
	char folder[160];

	snprintf(folder, sizeof(folder), "%s/%s", pci, name);
	assert_int_equal(mkdir(folder, 0755), 0);
	put(folder, "vendor", vendor, strlen(vendor));
	put(folder, "device", device, strlen(device));
	if (counter_id < 0) {
		put(folder, "resource2", empty, sizeof(empty));
	} else {
		put_page(folder, "resource2", (uint8_t)counter_id);
	}
}

static int tree_setup(void **state)
{
	setup(state);
	strcpy(root, "/tmp/gnomon-test-roots-XXXXXX");
	if (!mkdtemp(root)) {
		return -1;
	}
	snprintf(dev, sizeof(dev), "%s/dev", root);
	snprintf(pci, sizeof(pci), "%s/pci", root);
	return mkdir(dev, 0755) || mkdir(pci, 0755) ? -1 : 0;
}

static int tree_teardown(void **state)
{
	char command[128];

	teardown(state);
	snprintf(command, sizeof(command), "rm -r %s", root);
	return system(command);
}

static const struct guest_roots roots = { dev, pci };

static void find_nothing(void **state)
{
	const struct guest_roots nowhere = { "/nonexistent/dev", "/nonexistent/pci" };
	struct gnomon_guest_clock *c;
	struct guest_place places[4];

	put(dev, "vmclock", "", 0);
	put(dev, "vmclock0x", "", 0);
	put(dev, "vmclock12345678901", "", 0);
	put(dev, "ptp0", "", 0);
	put_device("0000:00:02.0", "0x1af4\n", "0x1000\n", PAGE_COUNTER);
	put_device("0000:00:03.0", "0x8086\n", "0x1110\n", PAGE_COUNTER);
	assert_int_equal(guest_find(&roots, places, 4), 0);
	assert_int_equal(guest_find(&nowhere, places, 4), 0);
	assert_int_equal(guest_open_found(&c, &roots), -ENODEV);
}

static void find_order(void **state)
{
	static const char *const wanted[] = { "dev/vmclock2", "dev/vmclock10",
					      "pci/0000:00:0a.0/resource2",
					      "pci/0000:00:10.0/resource2" };
	struct guest_place places[8];

	put_device("0000:00:10.0", "0x1af4\n", "0x1110\n", -1);
	put_device("0000:00:0a.0", "0x1af4\n", "0x1110\n", -1);
	put(dev, "vmclock10", "", 0);
	put(dev, "vmclock2", "", 0);
	assert_int_equal(guest_find(&roots, places, 8), 4);
	for (size_t i = 0; i < 4; i++) {
		assert_string_equal(places[i].path + strlen(root) + 1, wanted[i]);
		assert_int_equal(places[i].kind, i < 2 ? GNOMON_CLOCK_DEVICE : GNOMON_CLOCK_BAR);
	}
	assert_int_equal(guest_find(&roots, places, 3), 3);
}

static void find_best(void **state)
{
	struct gnomon_guest_clock *c;

	/* No page; a page about no counter; at last one that fits. */
	put_device("0000:00:04.0", "0x1af4\n", "0x1110\n", -1);
	assert_int_equal(guest_open_found(&c, &roots), -ENODEV);
	put_page(dev, "vmclock0", GNOMON_VMCLOCK_COUNTER_INVALID);
	assert_int_equal(guest_open_found(&c, &roots), 0);
	assert_non_null(strstr(gnomon_clock_path(c), "/vmclock0"));
	gnomon_clock_close(c);
	put_device("0000:00:05.0", "0x1af4\n", "0x1110\n", PAGE_COUNTER);
	put_device("0000:00:06.0", "0x1af4\n", "0x1110\n", PAGE_COUNTER);
	assert_int_equal(guest_open_found(&c, &roots), 0);
	assert_non_null(strstr(gnomon_clock_path(c), "/0000:00:05.0/resource2"));
	assert_int_equal(gnomon_clock_kind(c), GNOMON_CLOCK_BAR);
	gnomon_clock_close(c);
}

/* Somebody who may not read says so, as long as there is nothing else. */
static void find_forbidden(void **state)
{
	char path[128];
	int status;
	const pid_t child = fork();

	if (child == 0) {
		struct gnomon_guest_clock *c;

		put_page(dev, "vmclock0", PAGE_COUNTER);
		snprintf(path, sizeof(path), "%s/vmclock0", dev);
		if (chmod(path, 0) || chmod(root, 0755) || (geteuid() == 0 && setuid(65534))) {
			_exit(2);
		}
		_exit(guest_open_found(&c, &roots) == -EACCES ? 0 : 1);
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* -- the time ----------------------------------------------------------------------------- */

static void now_is_true(void **state)
{
	for (int i = 0; i < 20000; i++) {
		const gnomon_time before = page_truth();
		gnomon_time earliest, latest, after;
		enum gnomon_clock_status status;

		assert_int_equal(gnomon_clock_now(handle, &earliest, &latest, &status), 0);
		after = page_truth();
		assert_int_equal(status, GNOMON_CLOCK_SYNCHRONIZED);
		assert_true(gnomon_time_cmp(earliest, after) < 0);
		assert_true(gnomon_time_cmp(before, latest) < 0);
		assert_true(gnomon_time_cmp(earliest, latest) < 0);
		if (i % 500 == 0) {
			page_line(&page);
			page_write(&page);
		}
	}
	assert_int_equal(gnomon_clock_now(handle, &(gnomon_time){ 0, 0, 0 },
					  &(gnomon_time){ 0, 0, 0 }, NULL),
			 0);
}

static void now_utc(void **state)
{
	const uint8_t types[] = { GNOMON_VMCLOCK_TAI, GNOMON_VMCLOCK_UTC };

	for (size_t i = 0; i < 2; i++) {
		gnomon_utc_time earliest, latest;
		enum gnomon_clock_status status;
		gnomon_time before, after;

		page_line(&page);
		page.fields.time_sec -= i * 37;
		WRITE(time_type, types[i]);
		before = page_truth();
		assert_int_equal(gnomon_clock_now_utc(handle, &earliest, &latest, &status), 0);
		after = page_truth();
		assert_in_range(latest.sec + 37, before.sec, after.sec + 1);
		assert_true(gnomon_utc_time_cmp(earliest, latest) < 0);
		assert_false(earliest.leap || latest.leap);
		assert_true(earliest.nsec < GNOMON_NSEC_PER_SEC);
		assert_true(latest.nsec < GNOMON_NSEC_PER_SEC);
	}
}

/* Each status, on a page changed for it, by each of the functions. */
static void expect(enum gnomon_clock_status wanted, int error)
{
	gnomon_time earliest = { 1, 2, 3 }, latest = { 4, 5, 6 };
	gnomon_utc_time first = { 1, 2, false }, last = { 3, 4, false };
	struct gnomon_clock_reading r = { .bound_ns = 99 };
	enum gnomon_clock_status status = GNOMON_CLOCK_TIMESCALE;

	assert_int_equal(gnomon_clock_now(handle, &earliest, &latest, &status), error);
	assert_int_equal(status, wanted);
	assert_int_equal(gnomon_clock_now_utc(handle, &first, &last, &status), error);
	assert_int_equal(status, wanted);
	assert_int_equal(gnomon_clock_read(handle, &r), error);
	assert_int_equal(r.status, wanted);
	if (error) {
		assert_int_equal(earliest.sec, 1);
		assert_int_equal(latest.frac, 6);
		assert_int_equal(first.nsec, 2);
		assert_int_equal(last.nsec, 4);
		assert_int_equal(r.bound_ns, 99);
	}
}

static void status_good(void **state)
{
	expect(GNOMON_CLOCK_SYNCHRONIZED, 0);
	WRITE(clock_status, GNOMON_VMCLOCK_FREERUNNING);
	expect(GNOMON_CLOCK_FREERUNNING, 0);
	WRITE(disruption_marker, 99);
	expect(GNOMON_CLOCK_DISRUPTED, 0);
	gnomon_clock_acknowledge(handle, 99);
	expect(GNOMON_CLOCK_FREERUNNING, 0);
	WRITE(clock_status, GNOMON_VMCLOCK_SYNCHRONIZED);
	expect(GNOMON_CLOCK_SYNCHRONIZED, 0);
}

static void status_bad(void **state)
{
	const struct gnomon_vmclock good = page.fields;

	WRITE(clock_status, GNOMON_VMCLOCK_UNRELIABLE);
	expect(GNOMON_CLOCK_UNRELIABLE, -ENODATA);
	WRITE(clock_status, GNOMON_VMCLOCK_INITIALIZING);
	expect(GNOMON_CLOCK_INITIALIZING, -ENODATA);
	page.fields = good;
	WRITE(counter_value, good.counter_value + (UINT64_C(1) << 50));
	expect(GNOMON_CLOCK_BEFORE, -ERANGE);
	WRITE(counter_value, good.counter_value - (UINT64_C(1) << 50));
	expect(GNOMON_CLOCK_STALE, -ERANGE);
	page.fields = good;
	WRITE(counter_id, GNOMON_VMCLOCK_COUNTER_INVALID);
	expect(GNOMON_CLOCK_COUNTER, -EOPNOTSUPP);
	page.fields = good;
	WRITE(flags, GNOMON_VMCLOCK_TAI_OFFSET_VALID);
	expect(GNOMON_CLOCK_UNBOUNDED, -ENODATA);
	page.fields = good;
	WRITE(time_type, GNOMON_VMCLOCK_MAYBE_SMEARED);
	expect(GNOMON_CLOCK_TIMESCALE, -ENODATA);
	page.fields = good;
	page_write(&page);
	expect(GNOMON_CLOCK_SYNCHRONIZED, 0);
}

/* What somebody does to the page who does not know what it is. */
static void status_damaged(void **state)
{
	memset(page.shared, 0, GNOMON_GUEST_FILE_SIZE);
	expect(GNOMON_CLOCK_DAMAGED, -EPROTO);
	memset(page.shared, 0xff, GNOMON_GUEST_FILE_SIZE);
	expect(GNOMON_CLOCK_BUSY, -EAGAIN);
	page.shared[0x0c] = 0xfe;
	expect(GNOMON_CLOCK_DAMAGED, -EPROTO);
	page_write(&page);
	expect(GNOMON_CLOCK_SYNCHRONIZED, 0);
}

static void status_busy(void **state)
{
	uint64_t marker;
	struct gnomon_vmclock fields;
	gnomon_mono mono = { 5 };

	page.shared[0x0c] |= 1;
	expect(GNOMON_CLOCK_BUSY, -EAGAIN);
	assert_int_equal(gnomon_clock_marker(handle, &marker), -EAGAIN);
	assert_int_equal(gnomon_clock_page(handle, &fields), -EAGAIN);
	assert_int_equal(gnomon_clock_now_mono(handle, &mono, NULL), -EAGAIN);
	assert_int_equal(mono.ns, 5);
	assert_false(gnomon_clock_disrupted(handle, NULL));
	assert_int_equal(gnomon_clock_watch(handle, 0), 0);
}

/* One scale only: the other functions say so. */
static void status_of_scales(void **state)
{
	gnomon_utc_time first, last;
	gnomon_time earliest, latest;
	enum gnomon_clock_status status;

	page.fields.flags &= ~GNOMON_VMCLOCK_TAI_OFFSET_VALID;
	page_write(&page);
	assert_int_equal(gnomon_clock_now(handle, &earliest, &latest, &status), 0);
	assert_int_equal(gnomon_clock_now_utc(handle, &first, &last, &status), -ENODATA);
	assert_int_equal(status, GNOMON_CLOCK_TIMESCALE);
	WRITE(time_type, GNOMON_VMCLOCK_UTC);
	assert_int_equal(gnomon_clock_now(handle, &earliest, &latest, &status), -ENODATA);
	assert_int_equal(status, GNOMON_CLOCK_TIMESCALE);
	assert_int_equal(gnomon_clock_now_utc(handle, &first, &last, &status), 0);
}

static void stored_counters(void **state)
{
	const struct gnomon_period period = page_period();
	const uint64_t now = gnomon_clock_counter();
	const int64_t ages[] = { 0, 1000, 1000000000, -1000000000, HOUR_NS / 2, -HOUR_NS / 2 };
	struct gnomon_clock_reading base, r;

	assert_int_equal(gnomon_clock_at(handle, now, &base), 0);
	assert_int_equal(base.counter, now);
	assert_int_equal(base.marker, PAGE_MARKER);
	for (size_t i = 0; i < sizeof(ages) / sizeof(ages[0]); i++) {
		const uint64_t size = (uint64_t)(ages[i] < 0 ? -ages[i] : ages[i]);
		const uint64_t ticks = gnomon_period_ticks(&period, (int64_t)size);
		const uint64_t counter = ages[i] < 0 ? now + ticks : now - ticks;

		assert_int_equal(gnomon_clock_at(handle, counter, &r), 0);
		assert_in_range(gnomon_time_diff(base.tai, r.tai).ns - ages[i] + 10, 0, 20);
		/* 500 ppm, from 20 ms and a little before now */
		assert_in_range(r.bound_ns, size < 1000000 ? 10000 : size / 2000 - 10000,
				size / 2000 + 100000);
	}
	r.bound_ns = 77;
	assert_int_equal(gnomon_clock_at(handle, now - (UINT64_C(1) << 50), &r), -ERANGE);
	assert_int_equal(r.status, GNOMON_CLOCK_STALE);
	assert_int_equal(r.bound_ns, 77);
	assert_int_equal(gnomon_clock_at(handle, now + (UINT64_C(1) << 50), &r), -ERANGE);
}

/* -- monotonic ---------------------------------------------------------------------------- */

static int64_t mono(void)
{
	gnomon_mono m;
	enum gnomon_clock_status status;

	assert_int_equal(gnomon_clock_now_mono(handle, &m, &status), 0);
	return m.ns;
}

static void mono_counts(void **state)
{
	const int64_t raw = page_raw_ns(), first = mono();
	const struct timespec moment = { 0, 20000000 };
	int64_t elapsed, true_elapsed;

	assert_int_equal(first, 0);
	nanosleep(&moment, NULL);
	elapsed = mono() - first;
	true_elapsed = page_raw_ns() - raw;
	assert_in_range(elapsed, 20000000 - 20000, true_elapsed + 20000 + true_elapsed / 1000);
}

/* Steps come with a marker, and nothing of them is seen. */
static void mono_steps(void **state)
{
	const int64_t steps[] = { 3600, -7200, 86400, -1700000000, 3000000000 };
	int64_t before = mono();

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		int64_t after;

		page_line(&page);
		page.fields.time_sec = (uint64_t)((int64_t)page.fields.time_sec + steps[i]);
		WRITE(disruption_marker, 100 + i);
		after = mono();
		assert_in_range(after - before, 0, 5000000000);
		(void)usleep(2000);
		assert_in_range(mono() - after, 1900000, 5000000000); /* and it goes on */
		before = after;
	}
}

/* A line corrected backwards, with no marker: it waits until time has caught up. */
static void mono_holds(void **state)
{
	const int64_t before = mono();

	page.fields.time_sec -= 5;
	page_write(&page);
	assert_in_range(mono() - before, 0, 0);
	page.fields.time_sec += 5;
	page_write(&page);
	assert_true(mono() > before);
}

/* Of more disruptions than it remembers it still never goes back. */
static void mono_many(void **state)
{
	int64_t before = mono();

	for (uint64_t i = 0; i < 200; i++) {
		int64_t after;

		page.fields.time_sec += i % 2 ? 50 : (uint64_t)-50;
		WRITE(disruption_marker, i % 3 == 0 ? 0 : i);
		after = mono();
		assert_true(after >= before);
		before = after;
	}
}

/* A time without a bound, or of no known scale, still serves for durations. */
static void mono_without_bound(void **state)
{
	WRITE(flags, 0);
	WRITE(time_type, GNOMON_VMCLOCK_MONOTONIC);
	assert_true(mono() >= 0);
}

/* -- disruptions -------------------------------------------------------------------------- */

struct told {
	unsigned int times;
	uint64_t marker;
};

static void tell(void *context, struct gnomon_guest_clock *clock, uint64_t marker)
{
	struct told *told = context;

	told->times++;
	told->marker = marker;
	gnomon_clock_acknowledge(clock, marker);
}

static void disruption(void **state)
{
	struct told told = { 0, 0 };
	uint64_t marker = 0;

	gnomon_clock_on_disruption(handle, tell, &told);
	assert_false(gnomon_clock_disrupted(handle, &marker));
	assert_int_equal(marker, PAGE_MARKER);
	assert_int_equal(gnomon_clock_watch(handle, 0), 0);
	WRITE(disruption_marker, UINT64_MAX);
	assert_true(gnomon_clock_disrupted(handle, &marker));
	assert_true(marker == UINT64_MAX);
	assert_int_equal(gnomon_clock_watch(handle, 0), 1);
	assert_int_equal(told.times, 1);
	assert_true(told.marker == UINT64_MAX);
	assert_false(gnomon_clock_disrupted(handle, NULL));
	assert_int_equal(gnomon_clock_watch(handle, 25), 0);
	gnomon_clock_on_disruption(handle, NULL, NULL);
	WRITE(disruption_marker, 5);
	assert_int_equal(gnomon_clock_watch(handle, 0), 1);
	assert_int_equal(gnomon_clock_watch(handle, 0), 0);
	assert_int_equal(told.times, 1);
	assert_true(gnomon_clock_disrupted(handle, NULL));
}

/* Waiting, while another process disrupts. */
static void disruption_awaited(void **state)
{
	struct told told = { 0, 0 };
	const pid_t child = fork();
	int status;

	if (child == 0) {
		const struct timespec moment = { 0, 30000000 };

		nanosleep(&moment, NULL);
		WRITE(disruption_marker, 4711);
		_exit(0);
	}
	gnomon_clock_on_disruption(handle, tell, &told);
	assert_int_equal(gnomon_clock_watch(handle, -1), 1);
	assert_int_equal(told.marker, 4711);
	assert_int_equal(waitpid(child, &status, 0), child);
}

/* A descriptor that is always readable, as one of a kernel that knows no notifications. */
static void disruption_by_device(void **state)
{
	const int64_t begin = page_raw_ns();
	struct told told = { 0, 0 };
	pid_t child;
	int status;

	handle->fd = open(page.path, O_RDONLY);
	assert_true(handle->fd >= 0);
	assert_int_equal(gnomon_clock_fd(handle), handle->fd);
	gnomon_clock_on_disruption(handle, tell, &told);
	assert_int_equal(gnomon_clock_watch(handle, 30), 0);
	assert_true(page_raw_ns() - begin >= 29000000);
	child = fork();
	if (child == 0) {
		const struct timespec moment = { 0, 20000000 };

		nanosleep(&moment, NULL);
		WRITE(clock_status, GNOMON_VMCLOCK_FREERUNNING); /* no disruption yet */
		nanosleep(&moment, NULL);
		WRITE(disruption_marker, 12);
		_exit(0);
	}
	assert_int_equal(gnomon_clock_watch(handle, -1), 1);
	assert_int_equal(told.marker, 12);
	assert_int_equal(waitpid(child, &status, 0), child);
}

/* Signals end the waiting. */
static void on_alarm(int number)
{
}

static void disruption_interrupted(void **state)
{
	const struct sigaction action = { .sa_handler = on_alarm };
	const struct itimerval soon = { { 0, 20000 }, { 0, 20000 } };
	const struct itimerval never = { { 0, 0 }, { 0, 0 } };
	struct sigaction old;

	sigaction(SIGALRM, &action, &old);
	setitimer(ITIMER_REAL, &soon, NULL);
	assert_int_equal(gnomon_clock_watch(handle, -1), -EINTR);
	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &old, NULL);
}

/* -- diagnosis ---------------------------------------------------------------------------- */

static void page_details(void **state)
{
	struct gnomon_vmclock fields;

	assert_int_equal(gnomon_clock_page(handle, &fields), 0);
	assert_int_equal(fields.disruption_marker, PAGE_MARKER);
	assert_int_equal(fields.tai_offset_sec, 37);
	assert_int_equal(fields.seq_count, page.seq);
	assert_true(fields.counter_value == page.fields.counter_value);
}

static void quality(void **state)
{
	struct gnomon_quality found, q = { .maxerror_ns = 12 };
	uint32_t seq = 0;

	assert_int_equal(gnomon_clock_quality(handle, &found), -ENOENT);
	gnomon_quality_write(page.shared + GNOMON_QUALITY_OFFSET, &q, &seq);
	assert_int_equal(gnomon_clock_quality(handle, &found), 0);
	assert_int_equal(found.maxerror_ns, 12);
}

#define TEST(name, function) { name, function, setup, teardown, NULL }
#define TREE_TEST(name, function) { name, function, tree_setup, tree_teardown, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("/drivers/guest/open/refuses", open_refuses),
		TEST("/drivers/guest/open/fifo", open_fifo),
		TEST("/drivers/guest/open/tells", open_tells),
		TEST("/drivers/guest/open/torn", open_torn),
		TREE_TEST("/drivers/guest/find/nothing", find_nothing),
		TREE_TEST("/drivers/guest/find/order", find_order),
		TREE_TEST("/drivers/guest/find/best", find_best),
		TREE_TEST("/drivers/guest/find/forbidden", find_forbidden),
		TEST("/drivers/guest/now/is_true", now_is_true),
		TEST("/drivers/guest/now/utc", now_utc),
		TEST("/drivers/guest/status/good", status_good),
		TEST("/drivers/guest/status/bad", status_bad),
		TEST("/drivers/guest/status/damaged", status_damaged),
		TEST("/drivers/guest/status/busy", status_busy),
		TEST("/drivers/guest/status/scales", status_of_scales),
		TEST("/drivers/guest/stored", stored_counters),
		TEST("/drivers/guest/mono/counts", mono_counts),
		TEST("/drivers/guest/mono/steps", mono_steps),
		TEST("/drivers/guest/mono/holds", mono_holds),
		TEST("/drivers/guest/mono/many", mono_many),
		TEST("/drivers/guest/mono/without_bound", mono_without_bound),
		TEST("/drivers/guest/disruption/tells", disruption),
		TEST("/drivers/guest/disruption/awaited", disruption_awaited),
		TEST("/drivers/guest/disruption/by_device", disruption_by_device),
		TEST("/drivers/guest/disruption/interrupted", disruption_interrupted),
		TEST("/drivers/guest/page", page_details),
		TEST("/drivers/guest/quality", quality),
	};

	if (!counted()) {
		printf("1..0 # SKIP no counter that a page can be about\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
