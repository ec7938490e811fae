/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages of guests and what is kept beside them: what survives whom, and what hurts whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "drivers/timer.h"

#include "tests/unit/gnomond/guests_rig.h"
#include "tests/unit/seed.h"

static struct rig rig;

static int set_up(void **state)
{
	rig_up(&rig);
	return 0;
}

static int tear_down(void **state)
{
	rig_down(&rig);
	return 0;
}

static struct guest *opened(const char *name)
{
	struct driver_error error = { "" };
	struct guest *v = rig_guest(&rig, name);

	if (guest_page_open(&rig.g, v, &error) != 0) {
		fail_msg("%s", error.text);
	}
	return v;
}

static void closed(struct guest *v)
{
	guest_page_close(v);
	free(v->pingpong);
	free(v);
}

static struct gnomon_vmclock page_of(const struct guest *v)
{
	struct gnomon_vmclock page;

	assert_int_equal(rig_read(v, &page), 0);
	return page;
}

static void publish_at(struct guest *v, double s)
{
	rig_line(&rig, (uint64_t)(s * RIG_HZ), 999 + s, 100);
	guest_page_publish(&rig.g, v, (gnomon_mono){ (int64_t)(s * 1e9) });
}

static bool told(const char *what)
{
	return strstr(rig.told, what) != NULL;
}

/* -- a page's life ---------------------------------------------------------------------------- */

/* Valid before anybody boots, and not to be relied on; then as the clock is. */
static void first_pages(void **state)
{
	struct guest *v = opened("one");
	struct gnomon_vmclock page = page_of(v);
	struct gnomon_vmclock_reading reading;

	assert_int_equal(page.clock_status, GNOMON_VMCLOCK_UNRELIABLE);
	assert_int_equal(page.time_type, GNOMON_VMCLOCK_TAI);
	publish_at(v, 1);
	page = page_of(v);
	assert_int_equal(page.clock_status, GNOMON_VMCLOCK_SYNCHRONIZED);
	assert_int_equal(page.tai_offset_sec, 37);
	gnomon_vmclock_at(&page, 3000000000u, &reading);
	assert_true(llabs(gnomon_fine_diff_ns(reading.time, (struct gnomon_fine){ 1000, 0 })) < 5);
	assert_true(reading.bound_ns >= 100 && reading.bound_ns < 200);
	assert_true(told("guest-disruption section=one why=\"first page\""));
	assert_true(told("guest-status section=one status=synchronized"));
	assert_string_equal(v->trouble.text, "");
	/* The clock is lost. */
	rig.host.standing.status = GNOMON_VMCLOCK_UNRELIABLE;
	rig.host.now.status = GNOMON_VMCLOCK_UNRELIABLE;
	guest_page_publish(&rig.g, v, (gnomon_mono){ 2 });
	assert_int_equal(page_of(v).clock_status, GNOMON_VMCLOCK_UNRELIABLE);
	assert_string_equal(v->trouble.text,
			    "the kept clock is not in step: no source has been followed yet");
	rig.host.standing.follows = true;
	guest_page_publish(&rig.g, v, (gnomon_mono){ 3 });
	assert_string_equal(v->trouble.text, "the kept clock follows its source, and is not in "
					     "step with it yet");
	closed(v);
}

static void utc_profile(void **state)
{
	struct driver_error error = { "" };
	struct guest *v = rig_guest(&rig, "utc");
	struct gnomon_vmclock page;

	v->conf.profile = CONF_PROFILE_UTC;
	assert_int_equal(guest_page_open(&rig.g, v, &error), 0);
	assert_int_equal(page_of(v).time_type, GNOMON_VMCLOCK_UTC);
	publish_at(v, 1);
	page = page_of(v);
	assert_int_equal(page.time_type, GNOMON_VMCLOCK_UTC);
	assert_false(page.flags & GNOMON_VMCLOCK_TAI_OFFSET_VALID);
	assert_int_equal(page.clock_status, GNOMON_VMCLOCK_SYNCHRONIZED);
	assert_in_range(page.time_sec, 962, 963);
	rig.host.utc.known = false;
	publish_at(v, 1.25);
	page = page_of(v);
	assert_int_equal(page.time_type, GNOMON_VMCLOCK_UTC);
	assert_int_equal(page.clock_status, GNOMON_VMCLOCK_UNRELIABLE);
	assert_non_null(strstr(v->trouble.text, "does not say what UTC is"));
	closed(v);
}

/* Every disruption has a marker that there was never before, and is one and not many. */
static void markers(void **state)
{
	struct guest *v = opened("one");
	uint64_t seen[12];
	unsigned int count = 0;

	seen[count++] = page_of(v).disruption_marker;
	for (int i = 1; i < 12; i++) {
		v->disrupted = true;
		publish_at(v, i);
		seen[count] = page_of(v).disruption_marker;
		for (unsigned int k = 0; k < count; k++) {
			assert_true(seen[k] != seen[count] && seen[k] != ~seen[count]);
		}
		publish_at(v, i + 0.25);
		assert_true(page_of(v).disruption_marker == seen[count]);
		count++;
	}
	assert_int_equal(v->disruptions, 11);
	closed(v);
}

/* Who has the page mapped learns that nobody writes it any more. */
static void detached(void **state)
{
	struct guest *v = opened("one");
	struct gnomon_vmclock page;
	struct stat st;
	void *map;

	publish_at(v, 1);
	map = mmap(NULL, 8192, PROT_READ, MAP_SHARED, v->file.fd, 0);
	assert_ptr_not_equal(map, MAP_FAILED);
	guest_page_remove(&rig.g, v);
	assert_int_equal(stat(v->conf.path, &st), -1);
	assert_int_equal(gnomon_vmclock_read(map, 8192, 3, &page), 0);
	assert_int_equal(page.clock_status, GNOMON_VMCLOCK_UNRELIABLE);
	assert_int_equal(munmap(map, 8192), 0);
	free(v);
}

/* The next process goes on from the truth, and its readers see no disruption. */
static void restored(void **state)
{
	struct guest *v = opened("one");
	struct gnomon_vmclock before;
	struct gnomon_vmclock page;

	publish_at(v, 1);
	before = page_of(v);
	guest_page_restate(&rig.g, v, GNOMON_VMCLOCK_FREERUNNING, 0);
	closed(v);
	v = opened("one");
	assert_true(v->coasting);
	page = page_of(v);
	assert_int_equal(page.clock_status, GNOMON_VMCLOCK_FREERUNNING);
	assert_true(page.disruption_marker == before.disruption_marker);
	assert_true(page.time_frac_sec == before.time_frac_sec);
	assert_true(page.seq_count > before.seq_count); /* readers have seen those before */
	/* Not in step yet: what is done to our clock does not matter. */
	rig.conf.guest_max_bound_ns = 1e12;
	rig.host.now.status = GNOMON_VMCLOCK_UNRELIABLE;
	v->disrupted = true;
	guest_page_publish(&rig.g, v, (gnomon_mono){ 5 });
	page = page_of(v);
	assert_int_equal(page.clock_status, GNOMON_VMCLOCK_FREERUNNING);
	assert_true(page.counter_value == before.counter_value);
	publish_at(v, 3);
	page = page_of(v);
	assert_int_equal(page.clock_status, GNOMON_VMCLOCK_SYNCHRONIZED);
	assert_true(page.disruption_marker == before.disruption_marker);
	assert_int_equal(v->disruptions, 0);
	/* Another clock than was promised. */
	closed(v);
	v = opened("one");
	rig_line(&rig, (uint64_t)(4 * RIG_HZ), 1003.5, 100);
	guest_page_publish(&rig.g, v, (gnomon_mono){ 6 });
	page = page_of(v);
	assert_true(page.disruption_marker != before.disruption_marker);
	assert_true(told("guest-disruption section=one why=promise"));
	closed(v);
}

/* A file that somebody put in the place of ours: the truth is not about it. */
static void replaced(void **state)
{
	struct guest *v = opened("one");
	char path[CONF_PAGE_MAX];
	uint64_t marker;
	int fd;

	publish_at(v, 1);
	marker = page_of(v).disruption_marker;
	memcpy(path, v->conf.path, sizeof(path));
	fd = open(path, O_RDONLY); /* so that its number is not given to another */
	closed(v);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(close(open(path, O_RDWR | O_CREAT | O_EXCL, 0600)), 0);
	v = opened("one");
	assert_false(v->coasting);
	assert_int_equal(page_of(v).clock_status, GNOMON_VMCLOCK_UNRELIABLE);
	assert_true(page_of(v).disruption_marker != marker);
	assert_int_equal(close(fd), 0);
	closed(v);
}

/* What is of no use is not gone on from: another boot, another counter, another time scale. */
static void not_restored(void **state)
{
	struct driver_error error = { "" };
	struct guest *v = opened("one");
	uint64_t marker;

	publish_at(v, 1);
	marker = page_of(v).disruption_marker;
	closed(v);
	strcpy(rig.host.boot_id, "another");
	v = opened("one");
	assert_false(v->coasting);
	assert_int_equal(page_of(v).clock_status, GNOMON_VMCLOCK_UNRELIABLE);
	assert_true(page_of(v).disruption_marker != marker);
	publish_at(v, 1);
	closed(v);
	v = rig_guest(&rig, "one");
	v->conf.profile = CONF_PROFILE_UTC;
	assert_int_equal(guest_page_open(&rig.g, v, &error), 0);
	assert_false(v->coasting);
	publish_at(v, 1);
	closed(v);
	/* The counter is another: the old line is worth nothing, whatever the truth says. */
	v = rig_guest(&rig, "one");
	v->conf.profile = CONF_PROFILE_UTC;
	assert_int_equal(guest_page_open(&rig.g, v, &error), 0);
	assert_true(v->coasting);
	gnomon_counter_map_offset(&v->map, 1000);
	rig.conf.guest_max_bound_ns = 1e12;
	rig.host.now.status = GNOMON_VMCLOCK_UNRELIABLE;
	guest_page_publish(&rig.g, v, (gnomon_mono){ 5 });
	assert_int_equal(page_of(v).clock_status, GNOMON_VMCLOCK_UNRELIABLE);
	/* So is one whose bound has grown beyond what is wanted. */
	v->map = v->publisher.map;
	assert_true(v->coasting);
	guest_page_publish(&rig.g, v, (gnomon_mono){ 6 });
	assert_int_equal(page_of(v).clock_status, GNOMON_VMCLOCK_FREERUNNING);
	rig.conf.guest_max_bound_ns = 1;
	guest_page_publish(&rig.g, v, (gnomon_mono){ 7 });
	assert_int_equal(page_of(v).clock_status, GNOMON_VMCLOCK_UNRELIABLE);
	closed(v);
}

/* -- guests that do what they like ------------------------------------------------------------ */

static void assert_whole(const struct guest *v)
{
	uint8_t octets[GNOMON_VMCLOCK_SIZE];
	struct gnomon_vmclock want = v->slot.shown;
	struct gnomon_quality quality;

	want.seq_count = v->seq;
	gnomon_vmclock_encode(&want, octets);
	assert_memory_equal(v->file.map, octets, sizeof(octets));
	for (size_t i = GNOMON_VMCLOCK_SIZE; i < GNOMON_VMCLOCK_PAGE; i++) {
		assert_int_equal(v->file.map[i], 0);
	}
	assert_int_equal(gnomon_quality_read(v->file.map + GNOMON_QUALITY_OFFSET, 4096, 1,
					     &quality), 0);
}

/* What CLOCK_REALTIME is worth is told without a new page. */
static void requalified(void **state)
{
	struct guest *v = opened("ptp_kvm");
	struct gnomon_vmclock page;
	struct gnomon_quality quality;
	uint64_t counter;

	publish_at(v, 1);
	assert_int_equal(rig_read(v, &page), 0);
	counter = page.counter_value;
	rig.host.quality.growth_ppb = 77777;
	guest_page_requalify(&rig.g, v);
	assert_whole(v);
	assert_int_equal(gnomon_quality_read(v->file.map + GNOMON_QUALITY_OFFSET, 4096, 1,
					     &quality), 0);
	assert_int_equal(quality.growth_ppb, 77777);
	assert_int_equal(rig_read(v, &page), 0);
	assert_true(page.counter_value == counter);
	assert_int_equal(v->healed, 0);
	closed(v);
}

static void scribbled(void **state)
{
	struct seed seed = seed_start("scribbled");
	struct guest *v = opened("bad");
	struct guest *other = opened("good");
	uint32_t seq;

	publish_at(v, 1);
	publish_at(other, 1);
	seq = v->seq;
	for (int i = 1; i <= 500; i++) {
		size_t from = (size_t)seed_below(&seed, 8000);
		const uint8_t was = v->file.map[from];

		seed_spoil(&seed, (char *)v->file.map + from, 100, NULL, 40);
		(void)was;
		publish_at(v, 1 + i * 0.25);
		publish_at(other, 1 + i * 0.25);
		assert_whole(v);
		assert_int_equal(v->seq, seq + 2 * (uint32_t)i);
	}
	assert_in_range(v->healed, 400, 500); /* the mailbox is the guest's */
	assert_int_equal(other->healed, 0);
	assert_int_equal(other->disruptions, 1);
	assert_int_equal(v->disruptions, 1);
	assert_true(told("guest-damage section=bad"));
	closed(v);
	closed(other);
}

/* However short: the file is as long as before, and what was on it comes back. */
static void cut_short(void **state)
{
	static const off_t lengths[] = { 0, 1, 100, 4095, 4096, 4097, 8191 };
	struct guest *v = opened("one");
	struct stat st;

	publish_at(v, 1);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		assert_int_equal(ftruncate(v->file.fd, lengths[i]), 0);
		for (int k = 0; k < 16; k++) {
			publish_at(v, 2 + (double)i + k * 0.01);
		}
		assert_int_equal(fstat(v->file.fd, &st), 0);
		assert_int_equal(st.st_size, 8192);
		assert_whole(v);
	}
	assert_in_range(v->healed, 7, 14);
	assert_int_equal(v->disruptions, 1);
	closed(v);
}

/* Whoever starts anew finds a page, and one who has the old one is told. */
static void removed(void **state)
{
	struct guest *v = opened("one");
	char path[CONF_PAGE_MAX];
	struct stat st;

	memcpy(path, v->conf.path, sizeof(path));
	publish_at(v, 1);
	assert_int_equal(unlink(path), 0);
	for (int i = 0; i < 32; i++) {
		publish_at(v, 2 + i * 0.25);
	}
	assert_int_equal(stat(path, &st), 0);
	assert_true(told("guest-error section=one why=\"its page was removed, and made anew\""));
	assert_int_equal(page_of(v).clock_status, GNOMON_VMCLOCK_SYNCHRONIZED);
	assert_int_equal(unlink(path), 0);
	v->process.pid = getpid();
	for (int i = 0; i < 32; i++) {
		publish_at(v, 20 + i * 0.25);
	}
	assert_int_equal(stat(path, &st), -1);
	v->process.pid = 0;
	closed(v);
}

/* A path that was meant for another. What a guest wrote into its own page keeps nobody from
 * starting again. */
static void somebody_elses(void **state)
{
	static const char text[] = "somebody needs this";
	struct driver_error error = { "" };
	struct guest *v = rig_guest(&rig, "other");
	char have[sizeof(text)];
	FILE *file = fopen(v->conf.path, "w+");

	assert_non_null(file);
	assert_int_equal(fwrite(text, sizeof(text), 1, file), 1);
	assert_int_equal(fflush(file), 0);
	assert_int_equal(guest_page_open(&rig.g, v, &error), -EEXIST);
	assert_non_null(strstr(error.text, "has something else in it; name another file"));
	rewind(file);
	assert_int_equal(fread(have, sizeof(text), 1, file), 1);
	assert_memory_equal(have, text, sizeof(text));
	assert_int_equal(fgetc(file), EOF);
	assert_int_equal(fclose(file), 0);
	free(v);

	v = opened("web");
	publish_at(v, 1);
	memset(v->file.map, 0x5a, v->file.mapped);
	closed(v);
	v = opened("web");
	publish_at(v, 2);
	assert_int_equal(page_of(v).clock_status, GNOMON_VMCLOCK_SYNCHRONIZED);
	closed(v);
}

/* Of two daemons with one page the second says so. */
static void two_daemons(void **state)
{
	struct guest *first = opened("web");
	struct guest *second;

	assert_false(told("another program has a lock on it"));
	second = opened("web");
	assert_true(told("another program has a lock on it; if that is a gnomond"));
	closed(first);
	closed(second);
}

/* -- truth and repair ------------------------------------------------------------------------- */

/* Half of a slot is no slot, whichever half. */
static void torn_truth(void **state)
{
	struct seed seed = seed_start("torn_truth");
	struct guest *v = opened("one");
	struct truth_slot slot;
	uint8_t whole[8192];

	publish_at(v, 1);
	publish_at(v, 2);
	memcpy(whole, v->truth.file.map, sizeof(whole));
	assert_true(truth_load(&v->truth, &slot));
	assert_true(slot.generation == v->truth.generation);
	for (int i = 0; i < 2000; i++) {
		const size_t newest = 1024 + 1024 * (v->truth.generation % 2);
		const size_t at = newest + (size_t)seed_below(&seed, 300);

		memcpy(v->truth.file.map, whole, sizeof(whole));
		v->truth.file.map[at] ^= (uint8_t)(1 + seed_below(&seed, 255));
		assert_true(truth_load(&v->truth, &slot));
		assert_true(slot.generation == v->truth.generation - 1);
		v->truth.file.map[1024 + 1024 * ((v->truth.generation + 1) % 2) + 8] ^= 1;
		assert_false(truth_load(&v->truth, &slot));
	}
	closed(v);
}

static void repaired(void **state)
{
	struct guest *v = opened("one");
	uint8_t *page = v->file.map;
	struct gnomon_vmclock before;
	struct gnomon_vmclock after;

	publish_at(v, 1);
	before = page_of(v);
	memset(page, 0x5b, 112); /* an odd count among it */
	assert_int_equal(guests_repair(&rig.conf), 1);
	after = page_of(v);
	assert_true(after.time_frac_sec == before.time_frac_sec);
	assert_true(after.disruption_marker == before.disruption_marker);
	assert_true((int32_t)(after.seq_count - 0x5b5b5b5b) > 0 && after.seq_count % 2 == 0);
	/* Of another boot. */
	strcpy(v->slot.boot_id, "another");
	truth_save(&v->truth, &v->slot);
	assert_int_equal(guests_repair(&rig.conf), 1);
	after = page_of(v);
	assert_int_equal(after.clock_status, GNOMON_VMCLOCK_UNRELIABLE);
	assert_true(after.disruption_marker != before.disruption_marker);
	closed(v);
}

/* What is in the folder may not make us write where we should not. */
static void not_repaired(void **state)
{
	struct guest *v = opened("one");
	char other[CONF_PAGE_MAX + 8];
	struct driver_error error = { "" };
	int lock;

	publish_at(v, 1);
	/* Another file under the same name. */
	snprintf(other, sizeof(other), "%s.old", v->conf.path);
	assert_int_equal(rename(v->conf.path, other), 0);
	close(open(v->conf.path, O_CREAT | O_RDWR, 0600));
	assert_int_equal(guests_repair(&rig.conf), 0);
	assert_int_equal(unlink(v->conf.path), 0);
	assert_int_equal(symlink(other, v->conf.path), 0);
	assert_int_equal(guests_repair(&rig.conf), 0);
	assert_int_equal(unlink(v->conf.path), 0);
	/* The same under two names. */
	assert_int_equal(link(other, v->conf.path), 0);
	assert_int_equal(guests_repair(&rig.conf), 0);
	assert_int_equal(unlink(other), 0);
	assert_int_equal(guests_repair(&rig.conf), 1);
	/* Another gnomond is at it. */
	lock = guests_folder_lock(rig.folder, &error);
	assert_true(lock >= 0);
	assert_int_equal(guests_repair(&rig.conf), 0);
	assert_int_equal(guests_folder_lock(rig.folder, &error), -EBUSY);
	assert_non_null(strstr(error.text, "another gnomond has it"));
	(void)close(lock);
	/* The truth of a user, about a page that is not his, and that nobody configured. */
	if (geteuid() == 0) {
		assert_int_equal(fchown(v->truth.file.fd, 65534, (gid_t)-1), 0);
		assert_int_equal(guests_repair(&rig.conf), 0);
		assert_int_equal(fchown(v->file.fd, 65534, (gid_t)-1), 0);
		assert_int_equal(guests_repair(&rig.conf), 1);
	}
	/* No truth, and no folder. */
	memset(v->truth.file.map, 0, 1024);
	assert_int_equal(guests_repair(&rig.conf), 0);
	rig.conf.guest_dir = "/nonexistent/folder";
	assert_int_equal(guests_repair(&rig.conf), 0);
	rig.conf.guest_dir = NULL; /* not even that was read */
	assert_int_equal(guests_repair(&rig.conf), 0);
	rig.conf.guest_dir = rig.folder;
	closed(v);
}

/* -- the ping-pong ---------------------------------------------------------------------------- */

#define OFFSET UINT64_C(123456789012345)

struct player {
	void *box;
	bool stop;
	bool lies;
};

/* A guest with a processor of its own. */
static void *answer(void *context)
{
	struct player *p = context;
	uint32_t last = 0;

	while (!__atomic_load_n(&p->stop, __ATOMIC_RELAXED)) {
		const uint32_t n = gnomon_mailbox_pinged(p->box);

		if (n != last) {
			last = n;
			gnomon_mailbox_answer(p->box, n, p->lies ? n * UINT64_C(0x9e3779b97f4a7c15)
								 : counter_read() + OFFSET);
		}
	}
	return NULL;
}

/* True if it was found within so many requests: the machine may have no processor for it now. */
static bool play(struct guest *v, bool lies, unsigned int requests)
{
	struct player player = { .box = guest_page_mailbox(v), .lies = lies };
	struct counter_rate rate;
	pthread_t thread;

	assert_int_equal(counter_rate(&rate), 0);
	rig.host.rate = rate;
	assert_int_equal(pthread_create(&thread, NULL, answer, &player), 0);
	for (unsigned int i = 0; i < requests && v->map_source == GUEST_MAP_NONE; i++) {
		(void)gnomon_mailbox_ask(player.box);
		guests_map_play(&rig.g, (gnomon_mono){ 1 });
		(void)usleep(1000);
	}
	__atomic_store_n(&player.stop, true, __ATOMIC_RELAXED);
	(void)pthread_join(thread, NULL);
	return v->map_source == GUEST_MAP_PINGPONG;
}

static struct guest *player(const char *name)
{
	struct guest *v = opened(name);

	v->conf.counter = CONF_COUNTER_PINGPONG;
	v->map_source = GUEST_MAP_NONE;
	return v;
}

static void pingpong(void **state)
{
	struct guest *v = player("one");
	int64_t off;

	if (!counter_name() || sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		closed(v);
		skip();
	}
	rig.g.list = &v;
	rig.g.count = 1;
	guests_map_play(&rig.g, (gnomon_mono){ 1 }); /* nobody asked */
	assert_int_equal(v->map_source, GUEST_MAP_NONE);
	assert_true(play(v, false, 20000));
	off = (int64_t)(v->map.offset - OFFSET);
	printf("# off by %" PRId64 " ticks, said to be within %" PRIu64 "\n", off,
	       v->map.error_ticks);
	assert_true((uint64_t)llabs(off) <= v->map.error_ticks);
	assert_true(v->due);
	assert_true(told("guest-counter section=one by=pingpong"));
	closed(v);
}

/* Lies are seen to be lies, and nobody who asks and does not answer keeps us for long. */
static void liars(void **state)
{
	struct guest *v = player("one");
	uint32_t request;

	rig.g.list = &v;
	rig.g.count = 1;
	assert_false(play(v, true, 200));
	assert_int_equal(v->map_source, GUEST_MAP_NONE);
	request = gnomon_mailbox_ask(guest_page_mailbox(v));
	guests_map_play(&rig.g, (gnomon_mono){ 1 });
	assert_int_equal(gnomon_mailbox_state(guest_page_mailbox(v), request),
			 GNOMON_MAILBOX_FAILED);
	assert_string_equal(v->no_map.text, "it did not answer in time");
	closed(v);
}

/* The word of a machine is about that machine: what has its page next is asked anew. */
static void another_machine(void **state)
{
	struct guest *v = player("one");

	rig.g.list = &v;
	rig.g.count = 1;
	v->map_source = GUEST_MAP_PINGPONG;
	assert_int_equal(guests_migrate(&rig.g, "one", GUEST_MIGRATION_ARRIVED, (gnomon_mono){ 1 }),
			 0);
	assert_int_equal(v->map_source, GUEST_MAP_NONE);
	publish_at(v, 1001);
	assert_int_equal(page_of(v).clock_status, GNOMON_VMCLOCK_UNRELIABLE);

	v->map_source = GUEST_MAP_PINGPONG;
	v->due = false;
	guests_lost(&rig.g, "one", "it hung up", (gnomon_mono){ 1 });
	assert_int_equal(v->map_source, GUEST_MAP_NONE);
	assert_true(v->due);
	assert_true(told("its monitor hung up: gnomon-guest has not been heard in it since"));

	/* Nor does KVM's word hold if it cannot be asked again. */
	v->conf.counter = CONF_COUNTER_KVM;
	v->map_source = GUEST_MAP_KVM;
	v->has_machine = true;
	assert_int_equal(guests_migrate(&rig.g, "one", GUEST_MIGRATION_ARRIVED, (gnomon_mono){ 2 }),
			 0);
	assert_int_equal(v->map_source, GUEST_MAP_NONE);
	publish_at(v, 1002);
	assert_int_equal(page_of(v).clock_status, GNOMON_VMCLOCK_UNRELIABLE);

	/* What is not of the machine's own word stays. */
	v->map_source = GUEST_MAP_HOST;
	guests_lost(&rig.g, "one", "it hung up", (gnomon_mono){ 1 });
	assert_int_equal(v->map_source, GUEST_MAP_HOST);
	closed(v);
}

/* Without a monitor: whoever has the page mapped is the machine, and ends some time. */
static void ended_machine(void **state)
{
	struct guest *v = player("one");
	struct player machine = { .box = guest_page_mailbox(v) };
	struct counter_rate rate;
	pid_t pid;

	if (!counter_name() || sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		closed(v);
		skip();
	}
	assert_int_equal(counter_rate(&rate), 0);
	rig.host.rate = rate;
	rig.g.list = &v;
	rig.g.count = 1;
	pid = fork(); /* it has the page mapped, as we have */
	if (pid == 0) {
		(void)answer(&machine);
		_exit(0);
	}
	assert_true(pid > 0);
	for (int i = 0; i < 20000 && v->map_source == GUEST_MAP_NONE; i++) {
		(void)gnomon_mailbox_ask(machine.box);
		guests_map_play(&rig.g, (gnomon_mono){ 1 });
		(void)usleep(1000);
	}
	assert_int_equal(v->map_source, GUEST_MAP_PINGPONG);
	for (int i = 0; i < 20000 && !v->process.pid; i++) {
		assert_false(guests_map_expire(&rig.g, timer_now()));
		(void)usleep(1000);
	}
	assert_int_equal(v->process.pid, pid);
	assert_false(guests_map_expire(&rig.g, timer_now()));
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(guests_map_expire(&rig.g, rig.host.look));
	guests_search_end(&rig.host);
	assert_int_equal(v->map_source, GUEST_MAP_NONE);
	assert_true(v->due);
	assert_null(v->pingpong);
	closed(v);
}

/* The generation counter comes with the machine, and a snapshot is another generation. */
static void generations(void **state)
{
	struct guest *v = opened("one");

	rig.g.list = &v;
	rig.g.count = 1;
	publish_at(v, 1);
	assert_int_equal(page_of(v).vm_generation_counter, 0);
	v->overwritten = true;
	v->copied = 7;
	assert_int_equal(guests_migrate(&rig.g, "one", GUEST_MIGRATION_ARRIVED, (gnomon_mono){ 1 }),
			 0);
	v->map_source = GUEST_MAP_HOST;
	publish_at(v, 2);
	assert_int_equal(page_of(v).vm_generation_counter, 7);
	assert_true(page_of(v).flags & GNOMON_VMCLOCK_GENERATION_PRESENT);
	v->overwritten = true;
	v->copied = 3; /* older than what is known: it never goes back */
	assert_int_equal(guests_migrate(&rig.g, "one", GUEST_MIGRATION_RESTORED,
					(gnomon_mono){ 1 }), 0);
	publish_at(v, 3);
	assert_int_equal(page_of(v).vm_generation_counter, 8);
	closed(v);
}

/* -- the rest --------------------------------------------------------------------------------- */

/* A clock whose frequency is set all the time is read all the same. */
static void settling(void **state)
{
	struct guest *v = opened("one");
	struct gnomon_clock clock = { .name = "none" };
	struct keeper keeper = { .clock = &clock };
	gnomon_mono now = { GNOMON_NSEC_PER_SEC };

	rig.g.list = &v;
	rig.g.count = 1;
	rig.g.keeper = &keeper;
	rig.conf.guest_interval_s = 0.25;
	for (int i = 0; i < 20; i++) {
		rig.g.settled = counter_read() + (uint64_t)(0.02 * RIG_HZ);
		guests_expire(&rig.g, now);
		assert_true(guests_deadline(&rig.g).ns > now.ns);
		now = gnomon_mono_add(now, 15000000);
		assert_true(i > 1 || v->publications == 0); /* it does wait */
	}
	assert_true(v->publications >= 1 && v->publications <= 3);
	closed(v);
}

#define MIDNIGHT INT64_C(1483228800) /* 2017-01-01 */

/* One leap second, and half a year later another one. */
static void leap_seconds(void **state)
{
	struct gnomon_utc utc = { .known = false };
	const int64_t next = MIDNIGHT + 181 * 86400;

	guests_utc_take(&utc, true, 36, 1, MIDNIGHT - 7200 + 36);
	assert_true(utc.known && utc.tai_offset == 36 && utc.change == 1);
	assert_int_equal(utc.midnight, MIDNIGHT);
	/* During it, and after it, with the old offset and the new one, announced or not. */
	for (int64_t s = 0; s < 3600; s += s < 5 ? 1 : 97) {
		for (int8_t announced = 0; announced <= 1; announced++) {
			for (int16_t offset = 36; offset <= 37; offset++) {
				guests_utc_take(&utc, true, offset, announced, MIDNIGHT + 36 + s);
				assert_true(utc.known && utc.tai_offset == 36 && utc.change == 1);
				assert_int_equal(utc.midnight, MIDNIGHT);
			}
		}
	}
	guests_utc_take(&utc, true, 37, 0, next - 86400);
	assert_true(utc.tai_offset + utc.change == 37);
	guests_utc_take(&utc, true, 37, 1, next - 7200 + 37);
	assert_true(utc.tai_offset == 37 && utc.change == 1);
	assert_int_equal(utc.midnight, next);
	/* Called off. */
	guests_utc_take(&utc, true, 37, 0, next - 3600 + 37);
	assert_true(utc.tai_offset == 37 && utc.change == 0);
	guests_utc_take(&utc, false, 37, 0, next);
	assert_false(utc.known);
}

#define ROW(name) { "/gnomond/guests/" #name, name, set_up, tear_down, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(first_pages), ROW(utc_profile),  ROW(restored),   ROW(not_restored),
		ROW(requalified),
		ROW(scribbled),   ROW(cut_short),    ROW(removed),    ROW(torn_truth),
		ROW(repaired),    ROW(not_repaired), ROW(pingpong),   ROW(liars),
		ROW(markers),     ROW(detached),     ROW(replaced),   ROW(generations),
		ROW(somebody_elses), ROW(two_daemons),
		ROW(another_machine), ROW(ended_machine), ROW(settling), ROW(leap_seconds),
	};

	return cmocka_run_group_tests_name("/gnomond/guests", tests, NULL, NULL);
}
