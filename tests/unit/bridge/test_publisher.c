/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a guest is told, page after page: edges by hand, on the numbers that a reader computes.
 */
#include "world.h"

#define SECOND UINT64_C(1000000000)
#define START UINT64_C(5000000000000)

/* A host whose counter runs at 1 GHz, and its guest. */
struct rig {
	struct gnomon_host_line host;
	struct gnomon_counter_map map;
	struct gnomon_publish next;
	struct gnomon_publisher p;
	struct gnomon_publication what;
};

static void publish(struct rig *r)
{
	r->next.marker += 0x123456789abcdef;
	gnomon_publisher_next(&r->p, &r->next, &r->what);
	assert_true(gnomon_publisher_ok(&r->p));
}

/* Time goes on, by the host's own line. */
static void pass(struct rig *r, double seconds)
{
	const uint64_t ticks = (uint64_t)(seconds * 1e9);
	const struct gnomon_fine run = gnomon_period_elapsed(&r->host.period, ticks);

	r->host.counter += ticks;
	r->host.time = fine_add(r->host.time, (wide)(uint64_t)run.sec << 64 | run.frac);
}

static void shift(struct rig *r, double ns)
{
	r->host.time = fine_add_double(r->host.time, ns);
}

static int setup(void **state)
{
	static struct rig r;

	memset(&r, 0, sizeof(r));
	r.host = (struct gnomon_host_line){
		.valid = true,
		.status = GNOMON_VMCLOCK_SYNCHRONIZED,
		.counter = START,
		.time = { WORLD_EPOCH_S, 0 },
		.bound_ns = 500.0,
		.growth_ppb = 100.0,
		.esterror_ns = 50.0,
		.esterror_ppb = 10.0,
	};
	assert_int_equal(gnomon_period_from_seconds(1e-9, &r.host.period), 0);
	gnomon_counter_map_offset(&r.map, 1000);
	r.next = (struct gnomon_publish){ .host = &r.host, .map = &r.map, .marker = 1 };
	gnomon_publisher_init(&r.p, GNOMON_VMCLOCK_COUNTER_X86_TSC, 7);
	*state = &r;
	return 0;
}

/* Of the page, at the host's counter now and so many seconds later. */
static double error_after(const struct rig *r, double seconds, double *bound)
{
	struct gnomon_vmclock_reading reading;
	struct rig later = *r;

	pass(&later, seconds);
	gnomon_vmclock_at(&r->p.page, gnomon_counter_map_guest(&r->map, later.host.counter),
			  &reading);
	*bound = (double)reading.bound_ns;
	return fine_diff_double(reading.time, later.host.time);
}

static void assert_near(double is, double want, double tolerance)
{
	if (!(fabs(is - want) <= tolerance)) {
		fail_msg("%.12g is not %.12g +- %g", is, want, tolerance);
	}
}

static void before_the_first(void **state)
{
	struct rig *r = *state;

	assert_true(gnomon_publisher_ok(&r->p));
	assert_int_equal(r->p.page.clock_status, GNOMON_VMCLOCK_UNRELIABLE);
	assert_int_equal(r->p.page.disruption_marker, 7);
	assert_int_equal(r->p.page.counter_id, GNOMON_VMCLOCK_COUNTER_X86_TSC);
	r->host.valid = false;
	r->host.status = GNOMON_VMCLOCK_UNRELIABLE;
	publish(r);
	assert_int_equal(r->what.disruption, GNOMON_DISRUPTION_NONE);
	assert_int_equal(r->p.page.disruption_marker, 7);
	assert_int_equal(r->p.page.clock_status, GNOMON_VMCLOCK_UNRELIABLE);
	assert_int_equal(r->p.page.flags, 0);
	assert_false(r->p.published);
	/* A guest that was cloned meanwhile must know. */
	r->next.disrupted = true;
	publish(r);
	assert_int_equal(r->what.disruption, GNOMON_DISRUPTION_STEP);
	assert_int_not_equal(r->p.page.disruption_marker, 7);
	/* The counter is not known. */
	r->next.disrupted = false;
	r->host.valid = true;
	r->next.map = NULL;
	publish(r);
	assert_int_equal(r->what.disruption, GNOMON_DISRUPTION_NONE);
	assert_int_equal(r->p.page.clock_status, GNOMON_VMCLOCK_UNRELIABLE);
}

static void the_first(void **state)
{
	struct rig *r = *state;
	double bound;

	r->next.flags = GNOMON_VMCLOCK_DISRUPTION_SOON | GNOMON_VMCLOCK_TIME_MONOTONIC |
			GNOMON_VMCLOCK_TAI_OFFSET_VALID;
	publish(r);
	assert_int_equal(r->what.disruption, GNOMON_DISRUPTION_FIRST);
	assert_int_equal(r->p.page.disruption_marker, r->next.marker);
	assert_int_equal(r->p.page.clock_status, GNOMON_VMCLOCK_SYNCHRONIZED);
	assert_int_equal(r->p.page.flags,
			 GNOMON_VMCLOCK_ERRORS_VALID | GNOMON_VMCLOCK_DISRUPTION_SOON);
	/* The reference is 10 ms ago, of the guest's counter. */
	assert_in_range(START + 1000 - r->p.page.counter_value, 10000000, 10000010);
	assert_near(error_after(r, 0.0, &bound), 0.0, 1e-3);
	assert_near(bound, 505.0, 3.0);
	assert_near(r->what.bound_ns, bound, 0.1);
	assert_true(bound > 500.0 + 2.0);
	assert_near(error_after(r, 3600.0, &bound), 0.0, 1e-3);
	assert_near(bound, 500.0 + 360000.0, 10.0);
	assert_true(bound >= 500.0 + 360000.0 + 2.0);
	assert_in_range(r->p.page.time_esterror_nanosec, 50, 52);
	assert_near((double)r->p.page.counter_period_esterror_rate_frac_sec /
			    (double)r->p.page.counter_period_frac_sec, 10e-9, 1e-12);
	/* Nor does the kernel, which rounds down, see less. */
	assert_near(fine_diff_double(gnomon_vmclock_kernel_time(&r->p.page, START + 1000),
				     r->host.time), 0.0, 1e-3);
}

/* Readers that round all down, the time by almost a nanosecond, and what the bound has grown, are
 * safe: on a page from scratch, whose reference is 10 ms before. */
static void rounding(void **state)
{
	struct seed random = seed_start("/bridge/publisher/rounding");
	struct rig *r = *state;

	for (int i = 0; i < 20000; i++) {
		const struct gnomon_vmclock *c = &r->p.page;
		const uint64_t ticks = seed_below(&random, 2 * SECOND);
				double needed;
		double told;

		r->host.bound_ns = (double)seed_below(&random, 100000) / 97.0;
		r->host.growth_ppb = (double)seed_below(&random, 100000) / 89.0;
		r->next.disrupted = true;
		publish(r);
		needed = r->host.bound_ns + r->host.growth_ppb * (double)ticks * 1e-9 + 1.0 + 1.0;
		told = (double)c->time_maxerror_nanosec +
		       floor(ldexp((double)c->counter_period_maxerror_rate_frac_sec *
				   (double)(ticks + START + 1000 - c->counter_value) *
				   1e9, -64 - (int)c->counter_period_shift));
		assert_true(told >= needed && told < needed + 5.0 + 0.02 * r->host.growth_ppb);
	}
}

/* Nothing changes: the same line, a tighter bound, no marker, and monotonic. */
static void the_same_again(void **state)
{
	struct rig *r = *state;
	uint64_t marker;
	double bound;

	publish(r);
	marker = r->p.page.disruption_marker;
	for (int i = 0; i < 100; i++) {
		pass(r, 0.25);
		publish(r);
		assert_int_equal(r->what.disruption, GNOMON_DISRUPTION_NONE);
		assert_true(r->what.monotonic);
		assert_true(r->p.page.flags & GNOMON_VMCLOCK_TIME_MONOTONIC);
		assert_int_equal(r->p.page.disruption_marker, marker);
		assert_near(r->what.residual_ns, 0.0, 1e-2);
		assert_near(error_after(r, 0.0, &bound), 0.0, 1e-2);
		assert_near(bound, 506.0, 3.0);
	}
}

/* Behind what was published: hold on, and let the truth catch up, in a second. */
static void behind(void **state)
{
	struct rig *r = *state;
	double bound;

	publish(r);
	pass(r, 0.25);
	shift(r, -100.0);
	publish(r);
	assert_int_equal(r->what.disruption, GNOMON_DISRUPTION_NONE);
	assert_true(r->what.monotonic);
	/* And so far ahead that a late write, 10 ms later, is none that goes back. */
	assert_near(r->what.residual_ns, 101.0, 0.02);
	assert_near(error_after(r, 0.0, &bound), 101.0, 0.02);
	assert_near(bound, 500.0 + 101.0 + 2 * 2.0, 6.0);
	assert_near(error_after(r, 1.0, &bound), 1.0, 0.02);
	/* If nobody publishes any more it goes on: the bound knows. */
	assert_near(error_after(r, 3600.0, &bound), -360000.0 + 100.0, 100.0);
	assert_true(bound >= 500.0 + 360000.0 + 360000.0);
	pass(r, 0.5);
	publish(r);
	assert_near(r->what.residual_ns, 51.0, 1.0);
	assert_true(r->what.monotonic);
	for (int i = 0; i < 40; i++) {
		pass(r, 0.25);
		publish(r);
	}
	assert_near(r->what.residual_ns, 0.0, 0.1);
}

/* Ahead: at once, it is what the bound is for. */
static void ahead(void **state)
{
	struct rig *r = *state;
	double bound;

	publish(r);
	pass(r, 0.25);
	shift(r, 400.0);
	publish(r);
	assert_int_equal(r->what.disruption, GNOMON_DISRUPTION_NONE);
	assert_true(r->what.monotonic);
	assert_near(error_after(r, 0.0, &bound), 0.0, 1e-3);
	assert_near(bound, 506.0, 3.0);
}

/* Farther than promised but not beyond what may be: as far as the promise allows. */
static void beyond_the_promise(void **state)
{
	struct rig *r = *state;
	double promised;
	double bound;

	publish(r);
	pass(r, 0.25);
	(void)error_after(r, 0.0, &promised);
	shift(r, 900.0);
	publish(r);
	assert_int_equal(r->what.disruption, GNOMON_DISRUPTION_NONE);
	assert_true(r->what.monotonic);
	assert_near(r->what.residual_ns, promised - 900.0, 5.0);
	assert_near(r->what.bound_ns, 500.0 + 900.0 - promised, 15.0);
	assert_true(r->what.bound_ns >= 500.0 - r->what.residual_ns + 2.0);
	/* Catching up as fast as was promised, and at once when the new promise allows it. */
	assert_near(error_after(r, 1.0, &bound), r->what.residual_ns + 100.0, 5.0);
	pass(r, 1.0);
	publish(r);
	assert_int_equal(r->what.disruption, GNOMON_DISRUPTION_NONE);
	assert_near(r->what.residual_ns, 0.0, 1.0);
}

/* One of the two must have been wrong. */
static void a_broken_promise(void **state)
{
	struct rig *r = *state;
	double promised;

	publish(r);
	for (int i = -1; i <= 1; i += 2) {
		const uint64_t marker = r->p.page.disruption_marker;

		pass(r, 0.25);
		(void)error_after(r, 0.0, &promised);
		shift(r, i * (promised + 500.0 + 3.0));
		publish(r);
		assert_int_equal(r->what.disruption, GNOMON_DISRUPTION_PROMISE);
		assert_true(r->what.breach_ns > 0.0 && r->what.breach_ns < 10.0);
		assert_false(r->what.monotonic);
		assert_false(r->p.page.flags & GNOMON_VMCLOCK_TIME_MONOTONIC);
		assert_int_not_equal(r->p.page.disruption_marker, marker);
		assert_near(r->what.residual_ns, 0.0, 1e-3);
		assert_int_equal(r->p.page.clock_status, GNOMON_VMCLOCK_SYNCHRONIZED);
	}
}

/* A wide promise: time goes back within it, and no reader is told that it does not. */
static void far_behind(void **state)
{
	struct rig *r = *state;

	r->host.bound_ns = 200000.0;
	publish(r);
	pass(r, 0.25);
	shift(r, -49000.0);
	publish(r);
	assert_true(r->what.monotonic);
	assert_near(r->what.residual_ns, 49000.0, 500.0); /* 49 ppm until the deadline */
	pass(r, 0.25);
	shift(r, -60000.0);
	publish(r);
	assert_int_equal(r->what.disruption, GNOMON_DISRUPTION_NONE);
	assert_false(r->what.monotonic);
	assert_false(r->p.page.flags & GNOMON_VMCLOCK_TIME_MONOTONIC);
	assert_near(r->what.residual_ns, 0.0, 1e-3);
}

/* The slew is limited, and starts so far ahead that it is behind at no time until the deadline. */
static void slewing_is_limited(void **state)
{
	struct rig *r = *state;
	struct gnomon_vmclock old;
	struct gnomon_period period;

	r->host.bound_ns = 200000.0;
	r->next.deadline_s = 0.001;
	publish(r);
	old = r->p.page;
	pass(r, 0.25);
	shift(r, -49999.0);
	publish(r);
	period = gnomon_vmclock_period(&r->p.page);
	assert_near(gnomon_period_diff_ppb(&period, &r->host.period), -50000.0, 100.0);
	for (uint64_t at = 0; at <= SECOND / 1000; at += SECOND / 100000) {
		const uint64_t c = r->host.counter + 1000 + at;

		assert_true(gnomon_fine_cmp(gnomon_vmclock_kernel_time(&r->p.page, c),
					    gnomon_vmclock_kernel_time(&old, c)) >= 0);
	}
}

/* An hour nobody published, and the counter ran another way than was thought: nothing is broken. */
static void after_an_hour(void **state)
{
	struct rig *r = *state;
	struct gnomon_vmclock_reading was;
	struct gnomon_vmclock_reading is;
	struct gnomon_vmclock old;

	publish(r);
	old = r->p.page;
	pass(r, 3600.0);
	/* It became 54 ppb faster, steadily. */
	shift(r, 27.0 * 3600.0);
	assert_int_equal(gnomon_period_scale(&r->host.period, 54.0, &r->host.period), 0);
	publish(r);
	assert_int_equal(r->what.disruption, GNOMON_DISRUPTION_NONE);
	assert_true(r->what.monotonic);
	assert_near(r->what.residual_ns, 0.0, 1e-3);
	gnomon_vmclock_at(&old, old.counter_value, &was);
	gnomon_vmclock_at(&r->p.page, old.counter_value, &is);
	assert_true(fabs(fine_diff_double(is.time, was.time)) <= (double)was.bound_ns);
	/* For that the page's rate is another one than the best, once. */
	assert_true(error_after(r, 100.0, &(double){ 0.0 }) < -2000.0);
	pass(r, 0.25);
	publish(r);
	assert_near(error_after(r, 100.0, &(double){ 0.0 }), 0.0, 20.0);
}

static void withdrawn(void **state)
{
	struct rig *r = *state;
	struct gnomon_vmclock was;

	publish(r);
	was = r->p.page;
	r->host.valid = false;
	r->host.status = GNOMON_VMCLOCK_UNRELIABLE;
	pass(r, 0.25);
	publish(r);
	assert_int_equal(r->p.page.clock_status, GNOMON_VMCLOCK_UNRELIABLE);
	assert_int_equal(r->p.page.disruption_marker, was.disruption_marker);
	assert_int_equal(r->p.page.counter_value, was.counter_value);
	assert_int_equal(r->p.page.time_maxerror_nanosec, was.time_maxerror_nanosec);
	/* It is back, and nothing has happened. */
	r->host.valid = true;
	r->host.status = GNOMON_VMCLOCK_FREERUNNING;
	pass(r, 10.0);
	publish(r);
	assert_int_equal(r->what.disruption, GNOMON_DISRUPTION_NONE);
	assert_int_equal(r->p.page.clock_status, GNOMON_VMCLOCK_FREERUNNING);
	assert_int_equal(r->p.page.disruption_marker, was.disruption_marker);
	/* The counter is not known for a while. */
	r->next.map = NULL;
	publish(r);
	assert_int_equal(r->p.page.clock_status, GNOMON_VMCLOCK_UNRELIABLE);
	assert_int_equal(r->what.disruption, GNOMON_DISRUPTION_NONE);
	/* Moved while there is no time: two chapters end. */
	r->next.map = &r->map;
	r->host.valid = false;
	r->next.disrupted = true;
	publish(r);
	assert_int_equal(r->what.disruption, GNOMON_DISRUPTION_STEP);
	assert_int_not_equal(r->p.page.disruption_marker, was.disruption_marker);
	assert_false(r->p.published);
	assert_false(r->p.page.flags & GNOMON_VMCLOCK_ERRORS_VALID);
	r->next.disrupted = false;
	r->host.valid = true;
	publish(r);
	assert_int_equal(r->what.disruption, GNOMON_DISRUPTION_FIRST);
}

static void told_of_a_step(void **state)
{
	struct rig *r = *state;

	publish(r);
	pass(r, 0.25);
	r->next.disrupted = true;
	publish(r);
	assert_int_equal(r->what.disruption, GNOMON_DISRUPTION_STEP);
	assert_false(r->what.monotonic);
	assert_int_equal(r->p.page.disruption_marker, r->next.marker);
	/* Randomness that repeats is no excuse. */
	pass(r, 0.25);
	r->next.marker -= 0x123456789abcdef;
	publish(r);
	assert_int_equal(r->what.disruption, GNOMON_DISRUPTION_STEP);
	assert_int_equal(r->p.page.disruption_marker, ~r->next.marker);
}

static void another_counter(void **state)
{
	struct rig *r = *state;
	double bound;

	publish(r);
	pass(r, 0.25);
	r->map.offset += 1;
	publish(r);
	assert_int_equal(r->what.disruption, GNOMON_DISRUPTION_COUNTER);
	assert_near(error_after(r, 1.0, &bound), 0.0, 1e-3);
	pass(r, 0.25);
	r->map.ratio = UINT64_C(3) << 47;
	r->map.frac_bits = 48;
	publish(r);
	assert_int_equal(r->what.disruption, GNOMON_DISRUPTION_COUNTER);
	assert_near(error_after(r, 0.0, &bound), 0.0, 1.0);
	assert_near(error_after(r, 100.0, &bound), 0.0, 1.0);
	/* 1.5 GHz, as an offset that makes its counter wrap in a second. */
	pass(r, 0.25);
	r->map.offset -= gnomon_counter_map_guest(&r->map, r->host.counter) + SECOND;
	publish(r);
	assert_int_equal(r->what.disruption, GNOMON_DISRUPTION_COUNTER);
	for (int i = 0; i < 8; i++) {
		pass(r, 0.25);
		publish(r);
		assert_int_equal(r->what.disruption, GNOMON_DISRUPTION_NONE);
		assert_true(r->what.monotonic);
		assert_near(error_after(r, 0.0, &bound), 0.0, 1.0);
		assert_near(error_after(r, 10.0, &bound), 0.0, 1.0);
		assert_near(bound, 1506.0, 5.0);
	}
	/* Impossible ones are refused. */
	r->map.frac_bits = 64;
	publish(r);
	assert_int_equal(r->p.page.clock_status, GNOMON_VMCLOCK_UNRELIABLE);
}

/* Measured offsets differ from one time to the next; as long as they agree it is one counter. */
static void measured_counter(void **state)
{
	struct rig *r = *state;
	double bound;

	r->map.error_ticks = 50;
	r->map.error_ppb = 10.0;
	publish(r);
	assert_near(error_after(r, 0.0, &bound), 0.0, 1e-3);
	assert_near(bound, 556.0, 3.0);
	(void)error_after(r, 100.0, &bound);
	assert_near(bound, 556.0 + 11000.0, 5.0);
	pass(r, 0.25);
	r->map.offset += 60;
	r->map.error_ticks = 30;
	publish(r);
	assert_int_equal(r->what.disruption, GNOMON_DISRUPTION_NONE);
	assert_true(r->what.monotonic);
	pass(r, 0.25);
	r->map.offset += 61;
	publish(r);
	assert_int_equal(r->what.disruption, GNOMON_DISRUPTION_COUNTER);
	/* One that is known exactly is no better measurement of this one. */
	pass(r, 0.25);
	r->map.offset += 1;
	r->map.error_ticks = 0;
	publish(r);
	assert_int_equal(r->what.disruption, GNOMON_DISRUPTION_COUNTER);
}

/* A process that died: another one goes on from what it saved. */
static void restored(void **state)
{
	struct rig *r = *state;
	struct gnomon_publisher saved;

	publish(r);
	pass(r, 0.25);
	publish(r);
	saved = r->p;
	memset(&r->p, 0xa5, sizeof(r->p));
	r->p = saved;
	assert_true(gnomon_publisher_ok(&r->p));
	pass(r, 30.0);
	shift(r, -1000.0);
	publish(r);
	assert_int_equal(r->what.disruption, GNOMON_DISRUPTION_NONE);
	assert_true(r->what.monotonic);
	assert_int_equal(r->p.page.disruption_marker, saved.page.disruption_marker);
}

static void spoiled(void **state)
{
	struct rig *r = *state;
	struct gnomon_publisher good;

	publish(r);
	good = r->p;
	assert_true(gnomon_publisher_ok(&r->p));
#define SPOIL(member, value)                             \
	do {                                             \
		r->p = good;                             \
		r->p.member = value;                     \
		assert_false(gnomon_publisher_ok(&r->p)); \
	} while (0)
	SPOIL(page.magic, 0);
	SPOIL(page.version, 2);
	SPOIL(page.size, 112);
	SPOIL(page.time_type, GNOMON_VMCLOCK_UTC);
	SPOIL(page.counter_period_shift, 64);
	SPOIL(page.counter_period_frac_sec, 0);
	SPOIL(page.clock_status, 5);
	SPOIL(page.time_sec, UINT64_MAX);
	SPOIL(page.flags, 0);
	SPOIL(map.ratio, 0);
	SPOIL(map.error_ppb, (double)NAN);
}

static void impossible_times(void **state)
{
	struct rig *r = *state;

	r->host.time = (struct gnomon_fine){ 0, 0 }; /* the reference would be before 1970 */
	publish(r);
	assert_int_equal(r->p.page.clock_status, GNOMON_VMCLOCK_UNRELIABLE);
	assert_false(r->p.published);
	r->host.time.sec = INT64_C(9223372036); /* 2262 */
	publish(r);
	assert_int_equal(r->what.disruption, GNOMON_DISRUPTION_FIRST);
	pass(r, 0.25);
	publish(r);
	assert_int_equal(r->what.disruption, GNOMON_DISRUPTION_NONE);
	assert_int_equal(r->p.page.time_sec, 9223372036);
}

static void disruption_names(void **state)
{
	assert_string_equal(gnomon_disruption_name(GNOMON_DISRUPTION_NONE), "none");
	assert_string_equal(gnomon_disruption_name(GNOMON_DISRUPTION_FIRST), "first page");
	assert_string_equal(gnomon_disruption_name(GNOMON_DISRUPTION_COUNTER), "counter");
	assert_string_equal(gnomon_disruption_name(GNOMON_DISRUPTION_STEP), "step");
	assert_string_equal(gnomon_disruption_name(GNOMON_DISRUPTION_PROMISE), "promise");
	assert_string_equal(gnomon_disruption_name((enum gnomon_disruption)9), "invalid");
}

/* -- the host's part -------------------------------------------------------------------------- */

static void host_line(void **state)
{
	const struct gnomon_line_config config = {
		.size = sizeof(config),
		.counter_hz = 1e9,
		.wander_ppb_per_s = 1.0,
		.wander_limit_ppb = 100.0,
	};
	struct gnomon_coast coast = {
		.valid = true,
		.bound_ns = 300.0,
		.growth_ppb = 20.0,
		.excess_ppb = 1000.0,
		.stddev_ns = 10.0,
		.rate_error_ppb = 1.0,
	};
	struct gnomon_pair pair = { 1000, { 50, 0, 0 }, 40.0 };
	struct gnomon_host_line host;
	struct gnomon_line line;

	assert_int_equal(gnomon_line_init(&line, &config), 0);
	gnomon_bridge_host(&line, &coast, 1000, GNOMON_VMCLOCK_SYNCHRONIZED, 1e6, &host);
	assert_false(host.valid);
	assert_int_equal(host.status, GNOMON_VMCLOCK_UNRELIABLE);
	for (int i = 0; i < 1000; i++) {
		(void)gnomon_line_pair(&line, &pair, NULL);
		pair.counter += 1000000000;
		pair.time.sec++;
	}
	pair.counter -= 1000000000;
	pair.time.sec--;
	gnomon_bridge_host(&line, &coast, pair.counter, GNOMON_VMCLOCK_SYNCHRONIZED, 1e6, &host);
	assert_true(host.valid);
	assert_int_equal(host.status, GNOMON_VMCLOCK_SYNCHRONIZED);
	assert_near(host.bound_ns, 340.0, 0.1);
	/* Of the coast 20, of the wander 100 less the first 100 s, of the pairs their share. */
	assert_near(host.growth_ppb, 20.0 + 100.0 * (1.0 - 50.0 / 3600.0) + 9.0, 5.0);
	/* The correction in progress is not in the rate. */
	assert_near(gnomon_period_seconds(&host.period) * 1e9, 1.0 - 1e-6, 2e-8);
	assert_near(host.esterror_ns, 10.0 + 23.1, 0.1);
	assert_int_equal(host.time.sec, pair.time.sec);
	gnomon_bridge_host(&line, &coast, pair.counter, GNOMON_VMCLOCK_FREERUNNING, 1e6, &host);
	assert_int_equal(host.status, GNOMON_VMCLOCK_FREERUNNING);
	gnomon_bridge_host(&line, &coast, pair.counter, GNOMON_VMCLOCK_SYNCHRONIZED, 339.0,
			   &host);
	assert_true(host.valid);
	assert_int_equal(host.status, GNOMON_VMCLOCK_UNRELIABLE);
	coast.valid = false;
	gnomon_bridge_host(&line, &coast, pair.counter, GNOMON_VMCLOCK_SYNCHRONIZED, 1e6, &host);
	assert_false(host.valid);
	coast.valid = true;
	coast.bound_ns = (double)INFINITY;
	gnomon_bridge_host(&line, &coast, pair.counter, GNOMON_VMCLOCK_SYNCHRONIZED, 1e6, &host);
	assert_false(host.valid);
	coast.bound_ns = 300.0;
	/* A line that was contradicted speaks again when that is understood. */
	pair.counter += 1000000000;
	pair.time.sec += 2;
	assert_int_equal(gnomon_line_pair(&line, &pair, NULL), GNOMON_LINE_CONTRADICTED);
	gnomon_bridge_host(&line, &coast, pair.counter, GNOMON_VMCLOCK_SYNCHRONIZED, 1e6, &host);
	assert_false(host.valid);
	gnomon_line_confirm(&line);
	gnomon_bridge_host(&line, &coast, pair.counter, GNOMON_VMCLOCK_SYNCHRONIZED, 1e6, &host);
	assert_true(host.valid);
}

#define PUBLISHER(function) { "/bridge/publisher/" #function, function, setup, NULL, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		PUBLISHER(before_the_first),
		PUBLISHER(the_first),
		PUBLISHER(rounding),
		PUBLISHER(the_same_again),
		PUBLISHER(behind),
		PUBLISHER(ahead),
		PUBLISHER(beyond_the_promise),
		PUBLISHER(a_broken_promise),
		PUBLISHER(far_behind),
		PUBLISHER(slewing_is_limited),
		PUBLISHER(after_an_hour),
		PUBLISHER(withdrawn),
		PUBLISHER(told_of_a_step),
		PUBLISHER(another_counter),
		PUBLISHER(measured_counter),
		PUBLISHER(restored),
		PUBLISHER(spoiled),
		PUBLISHER(impossible_times),
		PUBLISHER(disruption_names),
		PUBLISHER(host_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
