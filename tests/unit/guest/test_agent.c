/* SPDX-License-Identifier: BSD-2-Clause */
/* tools/guest/agent.h in a machine of our own: what it does to its clock and says of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

#include "world.h"

#define NS_PER_S 1000000000LL

struct rig {
	struct world w;
	struct conf conf;
	struct log log;
	struct agent_config config;
	struct agent agent;
	gnomon_mono now;
	bool host;  /* it publishes, every 0.25 s */
	bool check; /* what is claimed, before and after each turn */
};

static void swallow(struct log *log, int level, const char *line, size_t len)
{
	(void)log;
	(void)level;
	if (getenv("GNOMON_TEST_LOG")) {
		fprintf(stderr, "# %.*s", (int)len, line);
	}
}

static void begin(struct rig *r, enum agent_mode mode)
{
	memset(r, 0, sizeof(*r));
	world_init(&r->w);
	assert_int_equal(conf_init_tool(&r->conf, true), 0);
	log_init(&r->log, "test", &r->conf);
	r->log.write = swallow;
	r->config = (struct agent_config){
		.conf = &r->conf,
		.log = &r->log,
		.mode = mode,
		.interval_s = 0.25,
		.pages = { r->w.page_path },
		.page_count = 1,
		.root = r->w.folder,
		.open_phc = world_open_phc,
		.clocks = {
			.kept = &r->w.kept,
			.raw = world_raw,
			.counter = world_counter,
			.context = &r->w,
		},
	};
	r->host = true;
	r->check = true;
	r->now = (gnomon_mono){ 5 * NS_PER_S };
}

static void start(struct rig *r)
{
	struct driver_error error = { "" };

	assert_int_equal(agent_open(&r->agent, &r->config, &error), 0);
}

static void end(struct rig *r)
{
	agent_close(&r->agent);
	conf_finish(&r->conf);
	world_finish(&r->w);
}

/* What was claimed of the kept clock still holds, with what it may have grown since. */
static void check_claim(struct rig *r, double since_s)
{
	const struct agent *a = &r->agent;

	if (r->check && isfinite(a->bound_ns) && a->turns > 0) {
		assert_true(fabs(world_error(&r->w)) <=
			    a->bound_ns + a->growth_ppb * since_s + 5);
	}
}

static void turn(struct rig *r)
{
	const double before_ns = r->w.t_ns;

	world_pass(&r->w, 0.25e9);
	r->now = gnomon_mono_add(r->now, 250000000);
	if (r->host) {
		world_publish(&r->w);
	}
	check_claim(r, (r->w.t_ns - before_ns) * 1e-9);
	agent_turn(&r->agent, r->now);
	check_claim(r, 0.00001);
}

static void turns(struct rig *r, int count)
{
	for (int i = 0; i < count; i++) {
		turn(r);
	}
}

/* -- steering --------------------------------------------------------------------------------- */

/* 3 ms and 40 ppm off: one step, then the rate by the page and the kernel's constant. */
static void steers(void **state)
{
	struct rig r;

	(void)state;
	begin(&r, AGENT_STEER);
	r.w.kept_ns += 3e6;
	r.w.page_error_ns = 300;
	r.w.page_rate_ppb = 10;
	start(&r);
	assert_string_equal(agent_source_name(&r.agent), "none");
	turns(&r, 20);
	assert_int_equal(r.w.steps, 1);
	assert_true(fabs(world_error(&r.w) - 300) < 60);
	turns(&r, 400);
	assert_int_equal(r.w.steps, 1);
	assert_int_equal(r.agent.state, AGENT_LOCKED);
	assert_true(fabs(world_error(&r.w) - 300) < 30);
	assert_true(fabs(r.w.frequency_ppb - 40001.6) < 20);
	assert_true(r.agent.bound_ns < 700);
	assert_int_equal(r.w.tai_told, WORLD_TAI);
	assert_string_equal(r.agent.readings[0].method, "page");
	end(&r);
	/* What stays is the right frequency. */
	assert_true(fabs(r.w.frequency_ppb - 40001.6) < 15);
}

/* Another host: marker, phase and period are new ones. The first reading puts all of it right. */
/* The marker that comes with the first time is no news: there was nothing before it. */
static void first_marker(void **state)
{
	struct rig r;

	(void)state;
	begin(&r, AGENT_STEER);
	r.w.vm.clock_status = GNOMON_VMCLOCK_UNRELIABLE;
	start(&r);
	r.check = false;
	turns(&r, 10);
	assert_int_equal(r.agent.state, AGENT_WAITING);
	r.w.vm.clock_status = GNOMON_VMCLOCK_SYNCHRONIZED;
	r.w.vm.disruption_marker = 0x3333;
	turns(&r, 10);
	assert_int_not_equal(r.agent.state, AGENT_WAITING);
	assert_int_equal(r.agent.disruptions, 0);
	r.w.vm.disruption_marker = 0x4444;
	turns(&r, 10);
	assert_int_equal(r.agent.disruptions, 1);
	end(&r);
}

static void disruption(void **state)
{
	struct rig r;

	(void)state;
	begin(&r, AGENT_STEER);
	start(&r);
	turns(&r, 200);
	assert_int_equal(r.w.steps, 0);
	/* 80 ppm and half an hour of the counter: the raw clock does not know of either. */
	r.w.mult_ppb += 80000;
	r.w.hz *= 1 + 80e-6;
	r.w.counter0 = 7e15;
	r.w.kept_ns -= 2e9;
	r.w.vm.disruption_marker = 0x2222;
	r.check = false;
	turn(&r);
	r.check = true;
	assert_int_equal(r.w.steps, 1);
	assert_true(fabs(world_error(&r.w)) < 100);
	assert_true(fabs(r.w.frequency_ppb + 40000) < 200);
	assert_int_equal(r.agent.disruptions, 1);
	assert_int_equal(r.agent.state, AGENT_LOCKED);
	turns(&r, 100);
	assert_int_equal(r.w.steps, 1);
	assert_true(fabs(world_error(&r.w)) < 50);
	end(&r);
}

/* Nobody writes the page any more: its line is still the best there is, and its bound grows. */
static void host_dies(void **state)
{
	struct rig r;
	double before;

	(void)state;
	begin(&r, AGENT_STEER);
	start(&r);
	turns(&r, 100);
	before = r.agent.bound_ns;
	r.host = false;
	r.w.page_rate_ppb = 0;
	turns(&r, 30);
	assert_int_equal(r.agent.state, AGENT_LOCKED);
	turns(&r, 400);
	assert_true(r.agent.stale);
	assert_int_equal(r.agent.state, AGENT_FREERUNNING);
	assert_true(r.agent.bound_ns > before + 1500);
	r.host = true;
	turns(&r, 2);
	assert_false(r.agent.stale);
	assert_int_equal(r.agent.state, AGENT_LOCKED);
	end(&r);
}

/* The host says that it does not know: the clock goes on at the right frequency, without what was
 * being taken out of its phase. */
static void host_gives_up(void **state)
{
	struct rig r;

	(void)state;
	begin(&r, AGENT_STEER);
	start(&r);
	turns(&r, 100);
	r.w.page_error_ns = 15000;
	turn(&r);
	assert_true(fabs(r.w.frequency_ppb - r.agent.ff.needed_ppb) > 10000);
	r.w.vm.clock_status = GNOMON_VMCLOCK_UNRELIABLE;
	turn(&r);
	assert_int_equal(r.agent.state, AGENT_LOST);
	assert_true(fabs(r.w.frequency_ppb - r.agent.ff.needed_ppb) < 1);
	assert_true(fabs(r.w.frequency_ppb - 40001.6) < 100);
	r.w.vm.clock_status = GNOMON_VMCLOCK_FREERUNNING;
	r.check = false;
	turns(&r, 20);
	assert_int_equal(r.agent.state, AGENT_FREERUNNING);
	assert_int_equal(r.w.steps, 0);
	end(&r);
}

/* Scales: pages of UTC, and of TAI that do not tell UTC, for which there is a list. */
static void scales(void **state)
{
	struct rig r;

	(void)state;
	for (int i = 0; i < 3; i++) {
		begin(&r, AGENT_STEER);
		r.w.vm.flags &= ~GNOMON_VMCLOCK_TAI_OFFSET_VALID;
		r.w.vm.tai_offset_sec = 0;
		r.w.vm.time_type = i == 0 ? GNOMON_VMCLOCK_UTC : GNOMON_VMCLOCK_TAI;
		if (i == 2) {
			/* The sign that kernel code wants. */
			r.w.vm.flags |= GNOMON_VMCLOCK_TAI_OFFSET_VALID;
			r.w.vm.tai_offset_sec = -WORLD_TAI;
		}
		world_publish(&r.w);
		start(&r);
		turns(&r, 40);
		assert_int_equal(r.agent.state, AGENT_LOCKED);
		assert_true(fabs(world_error(&r.w)) < 100);
		assert_int_equal(r.w.tai_told, i == 0 ? 0 : WORLD_TAI);
		end(&r);
	}
}

/* Somebody else sets the frequency: it is seen, and set right. */
static void meddling(void **state)
{
	struct rig r;

	(void)state;
	begin(&r, AGENT_STEER);
	start(&r);
	turns(&r, 100);
	r.w.frequency_ppb += 30000;
	r.check = false;
	turn(&r);
	assert_true(r.agent.meddled);
	turns(&r, 30);
	assert_false(r.agent.meddled);
	assert_true(fabs(world_error(&r.w)) < 100);
	end(&r);
}

/* The machine was paused, or its clock was set: what is far off is stepped at once, without any
 * sign of a disruption; what is near is slewed. */
static void set_by_others(void **state)
{
	struct rig r;

	(void)state;
	begin(&r, AGENT_STEER);
	start(&r);
	turns(&r, 100);
	r.check = false;
	r.w.kept_ns += 3600e9;
	turn(&r);
	assert_int_equal(r.w.steps, 1);
	assert_true(fabs(world_error(&r.w)) < 1000);
	r.w.kept_ns -= 50e3;
	turns(&r, 12);
	assert_int_equal(r.w.steps, 1);
	assert_true(fabs(world_error(&r.w)) < 500);
	assert_true(r.agent.disruptions == 0);
	end(&r);
}

/* A leap second: the kernel is told on its day, and around it nothing is followed. */
static void leap_second(void **state)
{
	struct rig r;
	int64_t midnight;
	double before;

	(void)state;
	begin(&r, AGENT_STEER);
	r.w.vm.leap_indicator = GNOMON_VMCLOCK_LEAP_PRE_POS;
	start(&r);
	turns(&r, 8);
	midnight = source_month_end(WORLD_EPOCH) - WORLD_EPOCH;
	assert_true(midnight > 86400);
	assert_int_equal(r.w.leap_told, 0);
	world_pass(&r.w, (double)(midnight - 3600) * 1e9 - r.w.t_ns);
	r.check = false;
	turns(&r, 40);
	assert_int_equal(r.w.leap_told, 61);
	world_pass(&r.w, (double)midnight * 1e9 - r.w.t_ns - 1.5e9);
	turns(&r, 1);
	assert_true(r.agent.readings[0].in_leap);
	before = r.w.frequency_ppb;
	r.w.kept_ns += 1e9; /* as if the two had not done it at once */
	turns(&r, 3);
	assert_true(r.w.frequency_ppb == before);
	/* After it the page says that it was. */
	r.w.vm.leap_indicator = GNOMON_VMCLOCK_LEAP_POST_POS;
	r.w.vm.tai_offset_sec++;
	world_pass(&r.w, (double)(midnight + 1) * 1e9 - r.w.t_ns + 1.0e9);
	turns(&r, 1);
	assert_true(r.agent.readings[0].in_leap);
	world_pass(&r.w, 5e9);
	turns(&r, 1);
	assert_false(r.agent.readings[0].in_leap);
	end(&r);
}

/* -- several clocks --------------------------------------------------------------------------- */

static void add_kvm(struct rig *r, double bound_ns)
{
	world_file(&r->w, "/sys/class/ptp/ptp0/clock_name", "KVM virtual PTP\n");
	r->config.words[0] = (struct agent_word){ "ptp_kvm", bound_ns, GUEST_SCALE_UNKNOWN };
	r->config.word_count = 1;
}

/* The better clock is followed; if it fails the other one is, without a step; and back. */
static void second_best(void **state)
{
	struct rig r;

	(void)state;
	begin(&r, AGENT_STEER);
	add_kvm(&r, 20000);
	r.w.phc_error_ns = 10000;
	start(&r);
	assert_int_equal(r.agent.count, 2);
	turns(&r, 60);
	assert_string_equal(agent_source_name(&r.agent), r.w.page_path);
	assert_true(fabs(world_error(&r.w)) < 60);
	r.w.vm.clock_status = GNOMON_VMCLOCK_UNRELIABLE;
	turns(&r, 5);
	assert_string_equal(agent_source_name(&r.agent), "KVM virtual PTP");
	assert_string_equal(r.agent.readings[r.agent.chosen].method, "plain");
	turns(&r, 200);
	assert_true(fabs(world_error(&r.w) - 10000) < 1500);
	assert_int_equal(r.agent.state, AGENT_LOCKED);
	assert_int_equal(r.w.steps, 0);
	r.w.vm.clock_status = GNOMON_VMCLOCK_SYNCHRONIZED;
	turns(&r, 20); /* not for a moment's sake */
	assert_string_equal(agent_source_name(&r.agent), "KVM virtual PTP");
	turns(&r, 80);
	assert_string_equal(agent_source_name(&r.agent), r.w.page_path);
	assert_true(fabs(world_error(&r.w)) < 60);
	assert_int_equal(r.w.steps, 0);
	assert_int_equal(agree_total(&r.agent.agree), 0);
	end(&r);
}

/* Beyond what both vouch for: an alarm, after a few comparisons, until it is over. */
static void disagreement(void **state)
{
	struct rig r;

	(void)state;
	begin(&r, AGENT_STEER);
	add_kvm(&r, 3000);
	start(&r);
	turns(&r, 40);
	assert_int_equal(agree_total(&r.agent.agree), 0);
	r.w.phc_error_ns = 6000;
	turns(&r, 4);
	assert_int_equal(agree_total(&r.agent.agree), 0);
	turns(&r, 16);
	assert_int_equal(agree_total(&r.agent.agree), 1);
	assert_string_equal(agent_source_name(&r.agent), r.w.page_path);
	r.w.phc_error_ns = 0;
	turns(&r, 30);
	assert_int_equal(agree_total(&r.agent.agree), 0);
	end(&r);
}

/* A clock nobody vouches for is followed if there is no other, and no bound is claimed. */
static void unbounded(void **state)
{
	struct rig r;

	(void)state;
	begin(&r, AGENT_STEER);
	add_kvm(&r, INFINITY);
	r.config.page_count = 0;
	r.w.phc_error_ns = 5e6;
	r.w.kept_ns += 1e12;
	start(&r);
	turns(&r, 100);
	assert_string_equal(agent_source_name(&r.agent), "KVM virtual PTP");
	assert_true(isinf(r.agent.bound_ns));
	assert_int_equal(r.w.steps, 1);
	assert_true(fabs(world_error(&r.w) - 5e6) < 1000);
	end(&r);
}

/* The host says beside the hypercall what its CLOCK_REALTIME is worth. */
static void quality(void **state)
{
	struct gnomon_quality q = {
		.clock_status = GNOMON_VMCLOCK_SYNCHRONIZED,
		.tai_offset_sec = WORLD_TAI,
		.flags = GNOMON_QUALITY_OFFSET_VALID | GNOMON_QUALITY_TAI_OFFSET_VALID,
		.disruption_marker = 5,
		.offset_ns = -WORLD_TAI * NS_PER_S + 250000, /* CLOCK_REALTIME is ahead */
		.maxerror_ns = 2000,
		.growth_ppb = 100,
		.valid_s = 100,
	};
	uint32_t seq = 0;
	struct rig r;

	(void)state;
	begin(&r, AGENT_STEER);
	add_kvm(&r, INFINITY);
	r.w.vm.clock_status = GNOMON_VMCLOCK_UNRELIABLE;
	world_publish(&r.w);
	q.realtime_ns = WORLD_EPOCH * NS_PER_S + (int64_t)r.w.t_ns;
	gnomon_quality_write(r.w.page + GNOMON_QUALITY_OFFSET, &q, &seq);
	r.w.phc_error_ns = 250000;
	start(&r);
	turns(&r, 100);
	assert_string_equal(agent_source_name(&r.agent), "KVM virtual PTP");
	assert_true(fabs(world_error(&r.w)) < 1500);
	assert_true(r.agent.bound_ns > 2000 && r.agent.bound_ns < 10000);
	assert_int_equal(r.w.tai_told, WORLD_TAI);
	end(&r);
}

/* A clock that comes late, as when its driver is loaded late, is found. */
static void late_clock(void **state)
{
	struct rig r;

	(void)state;
	begin(&r, AGENT_STEER);
	r.config.page_count = 0;
	start(&r);
	turns(&r, 10);
	assert_int_equal(r.agent.state, AGENT_WAITING);
	assert_int_equal(r.agent.count, 0);
	assert_true(r.w.frequency_ppb == 0);
	world_file(&r.w, "/sys/class/ptp/ptp3/clock_name", "hyperv\n");
	turns(&r, 60);
	assert_int_equal(r.agent.count, 1);
	assert_string_equal(agent_source_name(&r.agent), "hyperv");
	end(&r);
}

/* -- other ways ------------------------------------------------------------------------------- */

/* What chronyd gets is how far its clock is off; the clock is left alone. */
static void feeds(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct driver_error error = { "" };
	struct {
		struct timeval tv;
		double offset;
		int rest[4];
	} got;
	struct rig r;
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	(void)state;
	begin(&r, AGENT_FEED);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/sock", r.w.folder);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(sink_chrony_open(&r.config.out, address.sun_path, true, &error), 0);
	r.w.kept_ns += 1234567;
	r.w.mult_ppb = 0;
	start(&r);
	turns(&r, 3);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(recv(fd, &got, sizeof(got), MSG_DONTWAIT), sizeof(got));
		assert_true(fabs(got.offset + 1234567e-9) < 100e-9);
	}
	assert_int_equal(recv(fd, &got, sizeof(got), MSG_DONTWAIT), -1);
	assert_true(r.w.frequency_ppb == 0 && r.w.steps == 0 && r.w.tai_told == 0);
	assert_true(r.agent.bound_ns >= 1234567);
	end(&r);
	r.config.out->ops->destroy(r.config.out);
	close(fd);
}

static void watches(void **state)
{
	struct rig r;

	(void)state;
	begin(&r, AGENT_WATCH);
	r.w.kept_ns += 7e6;
	start(&r);
	turns(&r, 30);
	assert_true(fabs(r.agent.offset_ns - world_error(&r.w)) < 100);
	assert_true(r.w.frequency_ppb == 0 && r.w.steps == 0 && r.w.tai_told == 0);
	end(&r);
	assert_true(r.w.frequency_ppb == 0);
}

/* What ClockBound's clients read is what is true. */
static void clients(void **state)
{
	struct driver_error error = { "" };
	const uint8_t *map;
	char path[128];
	int64_t bound;
	int64_t as_of;
	int32_t status;
	struct rig r;
	int fd;

	(void)state;
	begin(&r, AGENT_STEER);
	(void)snprintf(path, sizeof(path), "%s/clockbound/shm0", r.w.folder);
	assert_int_equal(sink_clockbound_open(&r.config.bound, path, &error), 0);
	start(&r);
	turns(&r, 40);
	fd = open(path, O_RDONLY);
	map = mmap(NULL, 80, PROT_READ, MAP_SHARED, fd, 0);
	assert_true(map != MAP_FAILED);
	memcpy(&bound, map + 48, 8);
	memcpy(&status, map + 68, 4);
	assert_int_equal(status, 1);
	assert_true(fabs(world_error(&r.w)) <= (double)bound && bound < 1000);
	assert_memory_equal(map + 56, &r.w.vm.disruption_marker, 8);

	/* Nothing new is claimed while nothing is known ... */
	memcpy(&as_of, map + 24, 8);
	r.w.vm.clock_status = GNOMON_VMCLOCK_UNRELIABLE;
	turns(&r, 4);
	assert_memory_equal(map + 24, &as_of, 8);
	/* ... and after a disruption nothing at all. */
	r.w.vm.disruption_marker++;
	turns(&r, 4);
	memcpy(&status, map + 68, 4);
	assert_int_equal(status, 3);
	r.w.vm.clock_status = GNOMON_VMCLOCK_SYNCHRONIZED;
	turns(&r, 4);
	memcpy(&status, map + 68, 4);
	assert_int_equal(status, 1);
	munmap((void *)(uintptr_t)map, 80);
	close(fd);
	end(&r);
	sink_clockbound_close(r.config.bound);
}

#define GOOD_MARKER 0x1111
#define BAD_MARKER 0x2222

struct changeable {
	struct world *w;
	int stop;
};

/* A page that is good, and unreliable with another marker, and good. */
static void *change_mind(void *context)
{
	struct changeable *c = context;
	struct gnomon_vmclock bad = c->w->vm;

	bad.clock_status = GNOMON_VMCLOCK_UNRELIABLE;
	bad.disruption_marker = BAD_MARKER;
	while (!__atomic_load_n(&c->stop, __ATOMIC_RELAXED)) {
		gnomon_vmclock_write(c->w->page, &bad, &c->w->seq);
		for (int i = 0; i < 50; i++) {
			__atomic_signal_fence(__ATOMIC_SEQ_CST);
		}
		gnomon_vmclock_write(c->w->page, &c->w->vm, &c->w->seq);
	}
	return NULL;
}

/* What a page says and what it is worth are of one moment. */
static void one_look(void **state)
{
	static struct rig r;
	struct changeable c = { &r.w, 0 };
	struct source_reading reading;
	pthread_t thread;

	(void)state;
	begin(&r, AGENT_WATCH);
	start(&r);
	turn(&r);
	assert_int_equal(r.agent.count, 1);
	assert_int_equal(pthread_create(&thread, NULL, change_mind, &c), 0);
	for (int i = 0; i < 600000; i++) {
		if (source_read(&r.agent.sources[0], &reading) == 0) {
			assert_int_equal(reading.marker, GOOD_MARKER);
		} else if (reading.has_marker) {
			assert_int_equal(reading.marker, BAD_MARKER);
		}
	}
	__atomic_store_n(&c.stop, 1, __ATOMIC_RELAXED);
	assert_int_equal(pthread_join(thread, NULL), 0);
	end(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/guest/agent/one_look", one_look, NULL, NULL, NULL },
		{ "/guest/agent/steers", steers, NULL, NULL, NULL },
		{ "/guest/agent/disruption", disruption, NULL, NULL, NULL },
		{ "/guest/agent/first_marker", first_marker, NULL, NULL, NULL },
		{ "/guest/agent/host_dies", host_dies, NULL, NULL, NULL },
		{ "/guest/agent/host_gives_up", host_gives_up, NULL, NULL, NULL },
		{ "/guest/agent/scales", scales, NULL, NULL, NULL },
		{ "/guest/agent/meddling", meddling, NULL, NULL, NULL },
		{ "/guest/agent/set_by_others", set_by_others, NULL, NULL, NULL },
		{ "/guest/agent/leap_second", leap_second, NULL, NULL, NULL },
		{ "/guest/agent/second_best", second_best, NULL, NULL, NULL },
		{ "/guest/agent/disagreement", disagreement, NULL, NULL, NULL },
		{ "/guest/agent/unbounded", unbounded, NULL, NULL, NULL },
		{ "/guest/agent/quality", quality, NULL, NULL, NULL },
		{ "/guest/agent/late_clock", late_clock, NULL, NULL, NULL },
		{ "/guest/agent/feeds", feeds, NULL, NULL, NULL },
		{ "/guest/agent/watches", watches, NULL, NULL, NULL },
		{ "/guest/agent/clients", clients, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests_name("agent", tests, NULL, NULL);
}
