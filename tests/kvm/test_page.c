/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest of KVM reads our page and its own counter: is that the host's time, within the bound that
 * the page tells? With any offset, and when it changes. The host's side is here what the daemon
 * does with bridge/ and drivers/, and the kept clock a soft one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <gnomon/bridge.h>

#include "../unit/seed.h"
#include "drivers/clock.h"
#include "drivers/counter.h"
#include "drivers/kvm_debugfs.h"
#include "drivers/kvm_trace.h"
#include "drivers/pairing.h"
#include "machine.h"

#define VCPUS 3
#define FILE_SIZE 8192
#define LOOKS 300

/* What is claimed of the kept clock; it is the truth here, so all the rest is the page's own. */
#define CLAIM_NS 5.0

static struct {
	char folder[64];
	char file[96];
	void *page;
	uint32_t seq;
	struct gnomon_clock *clock;
	struct pairing *pairing;
	struct gnomon_line line;
	struct gnomon_publisher publisher;
	struct gnomon_publication last;
	struct kvm_debugfs debugfs;
	struct kvm_machine known;
} host;

static struct machine guest;
static int64_t offsets[VCPUS];
static struct seed seed;

/* -- the host ---------------------------------------------------------------------------------- */

/* Read the guest's counter, pair the clock, publish. Returns what reading the counter did. */
static int publish(bool disrupted)
{
	const struct gnomon_coast coast = { .valid = true, .bound_ns = CLAIM_NS };
	struct gnomon_counter_map map;
	struct gnomon_host_line line;
	struct gnomon_pair pair;
	const int err = kvm_debugfs_read(&host.debugfs, &host.known, &map, NULL, NULL);
	const struct gnomon_publish next = {
		.host = &line,
		.map = err ? NULL : &map,
		.disrupted = disrupted,
		.marker = seed_next(&seed),
	};

	assert_int_equal(pairing_read(host.pairing, &pair), 0);
	assert_int_not_equal(gnomon_line_pair(&host.line, &pair, NULL), GNOMON_LINE_CONTRADICTED);
	gnomon_bridge_host(&host.line, &coast, counter_read(), GNOMON_VMCLOCK_SYNCHRONIZED, 1e6,
			   &line);
	gnomon_publisher_next(&host.publisher, &next, &host.last);
	gnomon_vmclock_write(host.page, &host.publisher.page, &host.seq);
	return err;
}

static void start_host(void)
{
	const struct clock_soft_config soft = {
		.tai_offset = 37,
		.initial_offset = { 123456789, 0 },
		.oscillator_ppb = -37000,
	};
	const struct gnomon_line_config config = { .size = sizeof(config) };
	struct gnomon_line_config with_rate = config;
	struct counter_rate rate;
	int fd;

	fd = open(host.file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, FILE_SIZE), 0);
	host.page = mmap(NULL, FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(host.page != MAP_FAILED);
	assert_int_equal(close(fd), 0);
	host.seq = 0;
	assert_int_equal(clock_soft_create(&host.clock, &soft), 0);
	assert_int_equal(pairing_create(&host.pairing, host.clock, NULL, NULL), 0);
	assert_int_equal(counter_rate(&rate), 0);
	with_rate.counter_hz = rate.hz;
	assert_int_equal(gnomon_line_init(&host.line, &with_rate), 0);
	gnomon_publisher_init(&host.publisher, GNOMON_VMCLOCK_COUNTER_X86_TSC, seed_next(&seed));
}

static int setup(void **state)
{
	const char *what;
	struct driver_error error;

	(void)state;
	(void)snprintf(host.folder, sizeof(host.folder), "/tmp/gnomon-kvm-XXXXXX");
	assert_non_null(mkdtemp(host.folder));
	(void)snprintf(host.file, sizeof(host.file), "%s/page", host.folder);
	start_host();
	assert_int_equal(machine_create(&guest, VCPUS, host.file, host.folder, &what), 0);
	memset(offsets, 0, sizeof(offsets));
	assert_int_equal(kvm_debugfs_open(&host.debugfs, guest.folder, &error), 0);
	assert_int_equal(kvm_debugfs_find(&host.debugfs, getpid(), &host.known, &error), 0);
	/* The rate is known after some time. */
	for (int i = 0; i < 20; i++) {
		assert_int_equal(publish(false), 0);
		assert_int_equal(usleep(10000), 0);
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	machine_destroy(&guest);
	kvm_debugfs_close(&host.debugfs);
	pairing_destroy(host.pairing);
	host.clock->ops->destroy(host.clock);
	(void)munmap(host.page, FILE_SIZE);
	(void)unlink(host.file);
	return rmdir(host.folder);
}

/* -- the guest --------------------------------------------------------------------------------- */

static void set_offset(unsigned int vcpu, int64_t offset)
{
	offsets[vcpu] = offset;
	assert_int_equal(machine_set_offset(&guest, vcpu, offset), 0);
}

static void set_offsets(int64_t offset)
{
	for (unsigned int i = 0; i < VCPUS; i++) {
		set_offset(i, offset);
	}
}

static struct gnomon_vmclock look(unsigned int vcpu, struct machine_look *seen)
{
	struct gnomon_vmclock page;

	assert_int_equal(machine_look(&guest, vcpu, seen), 0);
	/* The whole page is longer than what the guest copies. */
	assert_int_equal(gnomon_vmclock_decode(seen->page, MACHINE_PAGE, &page), -EMSGSIZE);
	gnomon_vmclock_read_fields(seen->page, &page);
	assert_int_equal(page.magic, GNOMON_VMCLOCK_MAGIC);
	assert_int_equal(page.seq_count & 1, 0);
	return page;
}

/* The raw clock within a bracket of the counter. */
struct bracket {
	uint64_t before;
	uint64_t after;
	int64_t raw;
};

static struct bracket bracket_raw(void)
{
	struct bracket best = { .after = UINT64_MAX };

	for (int i = 0; i < 5; i++) {
		struct bracket b;
		struct timespec ts;

		b.before = counter_read();
		assert_int_equal(clock_gettime(CLOCK_MONOTONIC_RAW, &ts), 0);
		b.after = counter_read();
		b.raw = (int64_t)ts.tv_sec * GNOMON_NSEC_PER_SEC + ts.tv_nsec;
		best = b.after - b.before < best.after - best.before ? b : best;
	}
	return best;
}

static double middle(const struct bracket *b, uint64_t from)
{
	return ((double)(int64_t)(b->before - from) + (double)(int64_t)(b->after - from)) / 2;
}

/* Errors seen, in ns. */
struct errors {
	double sum;
	double worst;
	double bound;  /* the largest */
	double spread; /* of the truth: the largest half window */
	int count;
};

/* What the soft clock read when the host's counter was h, between two brackets: by its raw clock,
 * without anything of the line or the pairs. */
static double truth_error(const struct gnomon_vmclock_reading *page, uint64_t h,
			  const struct bracket *a, const struct bracket *b, double *half)
{
	const double ticks = middle(b, a->before) - middle(a, a->before);
	const double ns = (double)(b->raw - a->raw);
	const double since = (double)(int64_t)(h - a->before) - middle(a, a->before);
	const double raw = since / ticks * ns;
	const uint64_t widest = a->after - a->before > b->after - b->before ?
					a->after - a->before :
					b->after - b->before;
	gnomon_time soft;

	*half = (double)widest / 2 * ns / ticks + 1;
	assert_int_equal(clock_soft_at(host.clock,
				       gnomon_time_from_ns(a->raw + (int64_t)floor(raw)), &soft),
			 0);
	/* half a ns: the raw clock is truncated */
	return (double)gnomon_fine_diff_ns(page->time, gnomon_fine_from_time(soft)) -
	       (raw - floor(raw)) - 0.5;
}

/* One look, compared. */
static uint64_t check_look(unsigned int vcpu, struct errors *errors)
{
	const struct bracket a = bracket_raw();
	struct machine_look seen;
	const struct gnomon_vmclock page = look(vcpu, &seen);
	const struct bracket b = bracket_raw();
	const uint64_t h = seen.counter - (uint64_t)offsets[vcpu];
	struct gnomon_vmclock_reading reading;
	double error;
	double half;

	assert_int_equal(page.clock_status, GNOMON_VMCLOCK_SYNCHRONIZED);
	assert_int_equal(page.counter_id, GNOMON_VMCLOCK_COUNTER_X86_TSC);
	/* The offset is what the test believes it is. */
	assert_true(h - seen.before <= seen.after - seen.before);
	gnomon_vmclock_at(&page, seen.counter, &reading);
	error = truth_error(&reading, h, &a, &b, &half);
	if (!(fabs(error) <= (double)reading.bound_ns + half)) {
		print_message("# error %.0f ns, bound %.0f, truth known to %.0f\n", error,
			      (double)reading.bound_ns, half);
	}
	assert_true(fabs(error) <= (double)reading.bound_ns + half);
	errors->sum += fabs(error);
	errors->worst = fmax(errors->worst, fabs(error));
	errors->bound = fmax(errors->bound, (double)reading.bound_ns);
	errors->spread = fmax(errors->spread, half);
	errors->count++;
	/* As the guest's kernel computes it: the reference is never ahead. */
	assert_true((int64_t)(seen.counter - page.counter_value) > 0);
	return page.disruption_marker;
}

static void tell(const char *what, const struct errors *e)
{
	print_message("# %s: %d looks, error mean %.0f ns, worst %.0f ns, bound up to %.0f ns, "
		      "truth known to %.0f ns\n", what, e->count, e->sum / e->count, e->worst,
		      e->bound, e->spread);
}

/* -- tests ------------------------------------------------------------------------------------- */

static void host_time(void **state)
{
	struct errors errors = { 0 };
	const uint64_t marker = host.publisher.page.disruption_marker;

	(void)state;
	for (int i = 0; i < LOOKS; i++) {
		if (i % 10 == 0) {
			assert_int_equal(publish(false), 0);
		}
		assert_true(check_look((unsigned int)i % VCPUS, &errors) == marker);
	}
	tell("no offset", &errors);
	/* Left alone for a while, the bound grows and holds. */
	assert_int_equal(usleep(300000), 0);
	(void)check_look(0, &errors);
}

/* Small counters, large ones, and such as are about to wrap. */
static void any_offset(void **state)
{
	struct errors errors = { 0 };

	(void)state;
	for (int i = 0; i < 40; i++) {
		const uint64_t now = counter_read();
		const int64_t offset = i == 0 ? -(int64_t)(now - (now >> 3)) :
				       i == 1 ? -(int64_t)now - 50000000 :
				       i == 2 ? -(int64_t)now + INT64_MAX :
				       i == 3 ? 1 :
						(int64_t)seed_next(&seed);
		uint64_t marker = host.publisher.page.disruption_marker;

		set_offsets(offset);
		assert_int_equal(publish(false), 0);
		assert_int_equal(host.last.disruption, GNOMON_DISRUPTION_COUNTER);
		for (unsigned int v = 0; v < VCPUS; v++) {
			assert_true(check_look(v, &errors) != marker);
		}
		marker = host.publisher.page.disruption_marker;
		assert_int_equal(publish(false), 0);
		assert_int_equal(host.last.disruption, GNOMON_DISRUPTION_NONE);
		assert_true(check_look(0, &errors) == marker);
	}
	tell("any offset", &errors);
}

/* It changes under the guest: what it reads before the page is replaced is wrong, and known to be
 * so afterwards by the marker. The tracepoint says whose it was. */
static void changes_under_it(void **state)
{
	struct errors errors = { 0 };
	struct kvm_trace trace = { .fd = -1, .proc = -1 };
	const bool traced = kvm_trace_open(&trace, NULL, NULL) == 0;
	uint64_t marker = host.publisher.page.disruption_marker;
	int pids[4];

	(void)state;
	print_message("# %s\n", traced ? "traced" : "no tracefs: not traced");
	for (int i = 0; i < 10; i++) {
		struct gnomon_vmclock_reading wrong;
		struct machine_look seen;
		struct gnomon_vmclock page;
		gnomon_time now;

		/* Further back each time, by some 10 s. */
		set_offsets(-(int64_t)seed_below(&seed, 1ull << 33) - (i + 1) * (1ll << 35));
		page = look(0, &seen);
		gnomon_vmclock_at(&page, seen.counter, &wrong);
		assert_int_equal(host.clock->ops->read(host.clock, &now), 0);
		assert_true(llabs(wrong.time.sec - now.sec) > 2);
		assert_true(page.disruption_marker == marker);
		if (traced) {
			struct pollfd ready = { .fd = trace.fd, .events = POLLIN };

			assert_int_equal(poll(&ready, 1, 5000), 1);
			assert_int_equal(kvm_trace_read(&trace, pids, 4), 1);
			assert_int_equal(pids[0], getpid());
		}
		assert_int_equal(publish(false), 0);
		assert_true(check_look(1, &errors) != marker);
		marker = host.publisher.page.disruption_marker;
	}
	kvm_trace_close(&trace);
	tell("changed", &errors);
}

/* vCPUs that do not agree: no page is true for both, so it says nothing. */
static void unequal(void **state)
{
	struct errors errors = { 0 };
	struct driver_error error;
	struct gnomon_counter_map map;
	struct machine_look seen;
	uint64_t marker;

	(void)state;
	set_offset(VCPUS - 1, 1000);
	assert_int_equal(kvm_debugfs_read(&host.debugfs, &host.known, &map, NULL, &error),
			 -EXDEV);
	assert_non_null(strstr(error.text, "1000"));
	assert_int_equal(publish(false), -EXDEV);
	for (unsigned int v = 0; v < VCPUS; v++) {
		assert_int_equal(look(v, &seen).clock_status, GNOMON_VMCLOCK_UNRELIABLE);
	}
	marker = host.publisher.page.disruption_marker;
	set_offsets(1000);
	assert_int_equal(publish(false), 0);
	for (unsigned int v = 0; v < VCPUS; v++) {
		assert_true(check_look(v, &errors) != marker);
	}
}

/* The kept clock is stepped. */
static void stepped(void **state)
{
	const gnomon_span by = gnomon_span_from_ns(-1234567);
	struct errors errors = { 0 };
	uint64_t marker;

	(void)state;
	set_offsets(-77777777777);
	assert_int_equal(publish(false), 0);
	marker = check_look(0, &errors);
	assert_int_equal(host.clock->ops->step(host.clock, by), 0);
	gnomon_line_stepped(&host.line, by, 0);
	assert_int_equal(publish(true), 0);
	assert_true(check_look(0, &errors) != marker);
}

/* KVM's own folder, opened by root and read by nobody. */
static void after_root(void **state)
{
	struct gnomon_counter_map map = { .offset = 1 };
	struct kvm_debugfs debugfs;
	pid_t pid;
	int status;

	(void)state;
	assert_int_equal(kvm_debugfs_open(&debugfs, NULL, NULL), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		_exit(setgid(65534) || setuid(65534) ||
		      kvm_debugfs_read(&debugfs, &host.known, &map, NULL, NULL) ||
		      open(KVM_DEBUGFS, O_RDONLY) >= 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	kvm_debugfs_close(&debugfs);
}

static void vanishes(void **state)
{
	struct gnomon_vmclock page;
	struct driver_error error;

	(void)state;
	machine_destroy(&guest);
	assert_int_equal(publish(false), -ENOENT);
	gnomon_vmclock_read_fields(host.page, &page);
	assert_int_equal(page.clock_status, GNOMON_VMCLOCK_UNRELIABLE);
	assert_int_equal(kvm_debugfs_find(&host.debugfs, getpid(), &host.known, &error), -ENOENT);
}

/* -- where it can run -------------------------------------------------------------------------- */

/* debugfs, and tracefs with it, if need be for us alone. */
static const char *have_debugfs(void)
{
	if (access("/sys/kernel/debug/kvm", R_OK) == 0) {
		return NULL;
	}
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", "/sys/kernel/debug", "debugfs", 0, NULL)) {
		return "debugfs is not mounted and cannot be";
	}
	return access("/sys/kernel/debug/kvm", R_OK) ? "no KVM in debugfs" : NULL;
}

static const char *why_not(void)
{
	char folder[] = "/tmp/gnomon-kvm-XXXXXX";
	char file[64];
	const char *what;
	const char *why = have_debugfs();
	int fd;

	if (why) {
		return why;
	}
	if (counter_check(NULL, NULL)) {
		return "this host's clocksource is not its counter";
	}
	if (!mkdtemp(folder)) {
		return "no /tmp";
	}
	(void)snprintf(file, sizeof(file), "%s/page", folder);
	fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, FILE_SIZE) ||
	    machine_create(&guest, 1, file, folder, &what)) {
		why = "KVM makes no machine here";
	} else {
		struct machine_look seen;

		why = machine_look(&guest, 0, &seen) ? "KVM runs no code in real mode here" : NULL;
		printf("# %s\n", guest.adds ? "this KVM ignores offsets: the guest adds them" :
					      "offsets are KVM's");
		machine_destroy(&guest);
	}
	(void)close(fd);
	(void)unlink(file);
	(void)rmdir(folder);
	return why;
}

#define ROW(name) { "/kvm/page/" #name, name, setup, teardown, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(host_time), ROW(any_offset), ROW(changes_under_it), ROW(unequal), ROW(stepped),
		ROW(after_root), ROW(vanishes),
	};
	const char *why;

	seed = seed_start("kvm/page");
	why = why_not();
	if (why) {
		printf("1..0 # SKIP %s\n", why);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
