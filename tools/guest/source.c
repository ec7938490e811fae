/* SPDX-License-Identifier: BSD-2-Clause */
#include "source.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "drivers/clock.h"

#define SEC_PER_DAY 86400

/* Brackets of which the shortest counts. */
#define PAGE_TRIES 7
#define PHC_TRIES 5

/* A rate is one for so long: the relation of raw clock and counter for ever, but for what the host
 * of another hypervisor does to it; of a host's clock until it is steered. */
#define PAGE_WINDOW_S 64
#define PHC_WINDOW_S 32

/* By how much a rate may change between readings without the clock having been set. */
#define PAGE_JUMP_PPB 100
#define PHC_JUMP_PPB 20000

/* Of a rate that is measured, but may be steered meanwhile. */
#define PHC_RATE_DOUBT_PPB 200

/* Of a page that does not tell the error of its rate. */
#define PAGE_RATE_DOUBT_PPB 1000

/* Around a leap second kernels and hosts are a second apart for a moment. */
#define LEAP_MARGIN_S 2

/* -- the machine's clocks --------------------------------------------------------------------- */

static int read_raw(void *context, gnomon_time *now)
{
	struct timespec ts;

	(void)context;
	if (clock_gettime(CLOCK_MONOTONIC_RAW, &ts) != 0) {
		return -errno;
	}
	*now = clock_time_from_timespec(ts);
	return 0;
}

static uint64_t read_counter(void *context)
{
	(void)context;
	return gnomon_clock_counter();
}

void source_clocks_system(struct source_clocks *clocks, struct gnomon_clock *kept)
{
	*clocks = (struct source_clocks){
		.kept = kept,
		.raw = read_raw,
		.counter = read_counter,
	};
}

/* -- opening ---------------------------------------------------------------------------------- */

static void open_page(struct source *s)
{
	int err = gnomon_clock_open(&s->page, s->what.page);

	if (err == -EACCES || err == -EPERM) {
		(void)snprintf(s->why, sizeof(s->why), "%.80s: no permission to read it",
			       s->what.page);
	} else if (err == -EBADMSG || err == -EMSGSIZE) {
		(void)snprintf(s->why, sizeof(s->why), "%.80s: no clock page in it",
			       s->what.page);
	} else if (err) {
		(void)snprintf(s->why, sizeof(s->why), "%.80s: %.60s", s->what.page,
			       driver_strerror(err));
	}
}

int source_open(struct source *source, const struct machine_clock *what,
		const struct source_clocks *clocks, source_open_phc_fn *open_phc,
		struct driver_error *error)
{
	struct driver_error phc_error = { "" };
	int err = 0;

	*source = (struct source){
		.clocks = clocks,
		.what = *what,
		.scale = what->scale,
		.vouched_ns = INFINITY,
	};
	if (what->page[0]) {
		open_page(source);
	}
	if (!source->page && what->device[0]) {
		err = open_phc(&source->phc, what->device, &phc_error);
	}
	if (err) {
		(void)snprintf(source->why, sizeof(source->why), "%.159s", phc_error.text);
	}
	if (!source->page && !source->phc) {
		return driver_fail(error, -ENODEV, "%s: %s", what->name, source->why);
	}
	slope_init(&source->slope, source->page ? PAGE_WINDOW_S : PHC_WINDOW_S);
	if (source->phc) {
		cross_init(&source->cross, source->phc, clocks->kept, PHC_TRIES);
	}
	return 0;
}

void source_close(struct source *source)
{
	gnomon_clock_close(source->page);
	source->page = NULL;
	if (source->phc) {
		source->phc->ops->destroy(source->phc);
	}
	source->phc = NULL;
}

void source_forget(struct source *source)
{
	slope_reset(&source->slope);
	source->has_gain = source->has_gain && source->steady;
}

static int unusable(struct source *s, struct source_reading *r, int code, const char *why)
{
	r->state = SOURCE_UNUSABLE;
	(void)snprintf(s->why, sizeof(s->why), "%s", why);
	return code;
}

/* -- time scales ------------------------------------------------------------------------------ */

int64_t source_month_end(int64_t utc)
{
	const time_t t = (time_t)utc;
	struct tm tm;

	if (!gmtime_r(&t, &tm)) {
		return INT64_MAX;
	}
	tm = (struct tm){ .tm_year = tm.tm_year, .tm_mon = tm.tm_mon + 1, .tm_mday = 1 };
	return timegm(&tm);
}

/* A leap second is near if one ends this month and that is now, or one ended the last. */
static void look_for_leap(struct source_reading *r, int64_t utc, bool after)
{
	const int64_t left = source_month_end(utc) - utc;

	r->in_leap = (r->leap && left <= LEAP_MARGIN_S) ||
		     (after && source_month_end(utc - LEAP_MARGIN_S) <= utc);
}

/* Bring the host's time to the kept clock's scale: TAI or UTC, by what is known of their
 * difference. Returns 0 or -ENODATA. */
static int to_scale(const struct source *s, struct source_reading *r, enum guest_scale have,
		    gnomon_time *t)
{
	const enum guest_scale want = s->clocks->kept->utc ? GUEST_SCALE_UTC : GUEST_SCALE_TAI;
	const int offset = r->tai_offset ? r->tai_offset : s->tai_offset;

	if (have == want) {
		return 0;
	}
	if (have == GUEST_SCALE_UNKNOWN || !offset) {
		return -ENODATA;
	}
	r->tai_used = offset;
	t->sec += want == GUEST_SCALE_TAI ? offset : -offset;
	return 0;
}

/* -- pages ------------------------------------------------------------------------------------ */

/* Counter, kept clock, counter, raw clock, counter. */
struct look {
	uint64_t counter[3];
	gnomon_time kept;
	gnomon_time raw;
};

static int look_once(const struct source_clocks *c, struct look *l)
{
	int err;

	l->counter[0] = c->counter(c->context);
	err = c->kept->ops->read(c->kept, &l->kept);
	l->counter[1] = c->counter(c->context);
	err = err ? err : c->raw(c->context, &l->raw);
	l->counter[2] = c->counter(c->context);
	return err;
}

static int look_best(const struct source_clocks *c, struct look *best)
{
	uint64_t least = UINT64_MAX;
	struct look l = { { 0 } };

	*best = l;
	for (int i = 0; i < PAGE_TRIES; i++) {
		int err = look_once(c, &l);

		if (err) {
			return err;
		}
		if (l.counter[2] - l.counter[0] < least) {
			least = l.counter[2] - l.counter[0];
			*best = l;
		}
	}
	return 0;
}

static uint64_t middle(uint64_t a, uint64_t b)
{
	return a + (b - a) / 2;
}

/* Half of what lies between, and the nanosecond that readings are cut to. */
static double half_window(uint64_t from, uint64_t to, double period_ns)
{
	return (double)(to - from) / 2 * period_ns + 1;
}

/* The counter, as a clock of the rate the page had at first, gains on the raw clock what that rate
 * is wrong for the kernel's: a constant. What the page says now is put on top. */
static void learn_rate(struct source *s, const struct gnomon_vmclock *page, const struct look *l,
		       double period_ns, struct source_reading *r)
{
	const struct gnomon_period now = gnomon_vmclock_period(page);
	const uint64_t counter = middle(l->counter[1], l->counter[2]);
	const gnomon_time zero = { 0, 0, 0 };
	gnomon_time elapsed;
	double ppb;
	double error;

	/* A counter that was set back would be half of eternity ahead. */
	if (!s->sloping || (int64_t)(counter - s->counter) < 0) {
		s->period = s->sloping ? s->period : now;
		s->counter = counter;
		s->sloping = true;
	}
	elapsed = gnomon_fine_to_time(gnomon_period_elapsed(&s->period, counter - s->counter));
	(void)slope_add(&s->slope, l->raw,
			gnomon_span_sub(gnomon_time_diff(elapsed, zero),
					gnomon_time_diff(l->raw, zero)),
			half_window(l->counter[1], l->counter[2], period_ns), PAGE_JUMP_PPB);
	if (slope_read(&s->slope, &ppb, &error) &&
	    (!s->has_gain || !s->steady || error < s->gain_error_ppb ||
	     fabs(ppb - s->gain_ppb) > error + s->gain_error_ppb)) {
		s->has_gain = true;
		s->gain_ppb = ppb;
		s->gain_error_ppb = error;
	}
	if (s->has_gain) {
		r->rate_ppb = s->gain_ppb + gnomon_period_diff_ppb(&now, &s->period) *
						    (1 + s->gain_ppb * 1e-9);
		r->rate_error_ppb = s->gain_error_ppb + r->growth_ppb;
	}
}

static double page_growth(const struct gnomon_vmclock *page)
{
	return page->flags & GNOMON_VMCLOCK_PERIOD_MAXERROR_VALID &&
			       page->counter_period_frac_sec ?
		       (double)page->counter_period_maxerror_rate_frac_sec /
			       (double)page->counter_period_frac_sec * 1e9 :
		       PAGE_RATE_DOUBT_PPB;
}

static void take_page_facts(const struct gnomon_vmclock *page, struct source_reading *r)
{
	struct gnomon_utc utc;

	gnomon_vmclock_utc(page, &utc);
	r->tai_offset = utc.known ? utc.tai_offset : 0;
	r->leap = page->leap_indicator == GNOMON_VMCLOCK_LEAP_PRE_POS ? 61 :
		  page->leap_indicator == GNOMON_VMCLOCK_LEAP_PRE_NEG ? 59 :
									0;
	r->has_marker = true;
	r->marker = page->disruption_marker;
	r->growth_ppb = page_growth(page);
}

static const char *status_text(enum gnomon_clock_status status)
{
	switch (status) {
	case GNOMON_CLOCK_UNRELIABLE:
		return "the host says that its time is unreliable: it is not synchronised, or does "
		       "not know this machine's counter";
	case GNOMON_CLOCK_INITIALIZING:
		return "the host has not said any time yet";
	case GNOMON_CLOCK_BUSY:
		return "the page is being written all the while: its writer died, or this machine "
		       "damages it";
	case GNOMON_CLOCK_BEFORE:
		return "the page is about a later value of the counter: another machine's";
	case GNOMON_CLOCK_STALE:
		return "the host has not written the page for an hour: is gnomond running there?";
	case GNOMON_CLOCK_COUNTER:
		return "the host fills no time into its page, only the sign of disruptions";
	case GNOMON_CLOCK_TIMESCALE:
		return "the page does not tell enough to know UTC and TAI";
	case GNOMON_CLOCK_DAMAGED:
		return "there is no clock page any more";
	case GNOMON_CLOCK_UNBOUNDED:
		return "the page tells no error bound: vouch for one with --bound";
	case GNOMON_CLOCK_SYNCHRONIZED:
	case GNOMON_CLOCK_FREERUNNING:
	case GNOMON_CLOCK_DISRUPTED:
		break;
	}
	return "";
}

/* The page's line at a counter, in the kept clock's scale. */
static int page_time(struct source *s, const struct gnomon_vmclock *page, uint64_t counter,
		     struct source_reading *r, gnomon_time *t)
{
	struct gnomon_vmclock_reading at;
	struct gnomon_fine fine;
	uint8_t leap = GNOMON_VMCLOCK_LEAP_NONE;
	int err;

	gnomon_vmclock_at(page, counter, &at);
	r->bound_ns = at.bound_ns == GNOMON_BOUND_NONE ? s->vouched_ns : (double)at.bound_ns;
	r->esterror_ns = at.esterror_ns == GNOMON_BOUND_NONE ? INFINITY : (double)at.esterror_ns;
	if (gnomon_vmclock_utc_at(page, &at, &fine, &leap) == 0) {
		look_for_leap(r, fine.sec,
			      leap != GNOMON_VMCLOCK_LEAP_NONE &&
				      leap != GNOMON_VMCLOCK_LEAP_PRE_POS &&
				      leap != GNOMON_VMCLOCK_LEAP_PRE_NEG);
		if (s->clocks->kept->utc) {
			*t = gnomon_fine_to_time(fine);
			return 0;
		}
	}
	if (!s->clocks->kept->utc && gnomon_vmclock_tai_at(page, &at, &fine) == 0) {
		*t = gnomon_fine_to_time(fine);
		return 0;
	}
	*t = gnomon_fine_to_time(at.time);
	err = page->time_type == GNOMON_VMCLOCK_TAI ? to_scale(s, r, GUEST_SCALE_TAI, t) :
	      page->time_type == GNOMON_VMCLOCK_UTC ? to_scale(s, r, GUEST_SCALE_UTC, t) :
						      -ENODATA;
	return err;
}

/* Whether there is a time at all, told by the reader that knows all reasons. */
static int check_page(struct source *s, enum gnomon_clock_status status, struct source_reading *r)
{
	r->state = status == GNOMON_CLOCK_FREERUNNING ? SOURCE_FREERUNNING : SOURCE_GOOD;
	if (gnomon_clock_usable(status) || status == GNOMON_CLOCK_TIMESCALE ||
	    (status == GNOMON_CLOCK_UNBOUNDED && isfinite(s->vouched_ns))) {
		return 0;
	}
	return unusable(s, r, -ENODATA, status_text(status));
}

static int read_page(struct source *s, struct source_reading *r)
{
	struct gnomon_clock_reading worth;
	struct gnomon_vmclock page;
	struct gnomon_period period;
	uint64_t counter;
	gnomon_time host;
	struct look l;
	double period_ns;
	int err = look_best(s->clocks, &l);

	if (err) {
		return unusable(s, r, err, "the system's clocks cannot be read");
	}
	counter = middle(l.counter[0], l.counter[1]);
	err = gnomon_clock_page_at(s->page, counter, &page, &worth);
	if (!err) {
		take_page_facts(&page, r);
		err = check_page(s, worth.status, r);
	} else {
		err = unusable(s, r, err, status_text(err == -EAGAIN ? GNOMON_CLOCK_BUSY :
							       GNOMON_CLOCK_DAMAGED));
	}
	if (err) {
		return err;
	}
	if (page_time(s, &page, counter, r, &host) != 0) {
		return unusable(s, r, -ENODATA, status_text(GNOMON_CLOCK_TIMESCALE));
	}
	period = gnomon_vmclock_period(&page);
	period_ns = gnomon_period_seconds(&period) * 1e9;
	r->kept = l.kept;
	r->offset = gnomon_time_diff(l.kept, host);
	r->half_ns = half_window(l.counter[0], l.counter[1], period_ns);
	r->raw = gnomon_time_sub_span(
		l.raw, gnomon_span_from_double(
			       (double)(middle(l.counter[1], l.counter[2]) - counter) *
			       period_ns));
	r->age_s = (double)(int64_t)(counter - page.counter_value) * period_ns * 1e-9;
	learn_rate(s, &page, &l, period_ns, r);
	(void)snprintf(r->method, sizeof(r->method), "page");
	return 0;
}

/* -- PHCs ------------------------------------------------------------------------------------- */

/* The raw clock when the kept one read kept, by a look at both just after. */
static int raw_at(const struct source_clocks *c, gnomon_time kept, gnomon_time *raw, double *half)
{
	double least = INFINITY;

	for (int i = 0; i < PHC_TRIES; i++) {
		gnomon_time before;
		gnomon_time after;
		gnomon_time now;
		double window;
		int err = c->kept->ops->read(c->kept, &before);

		err = err ? err : c->raw(c->context, &now);
		err = err ? err : c->kept->ops->read(c->kept, &after);
		if (err) {
			return err;
		}
		window = gnomon_span_to_double(gnomon_time_diff(after, before));
		if (window >= 0 && window < least) {
			const gnomon_time mid = gnomon_time_add(
				before, gnomon_span_half(gnomon_time_diff(after, before)));

			least = window;
			*raw = gnomon_time_sub_span(now, gnomon_time_diff(mid, kept));
		}
	}
	*half = least / 2 + 1;
	return isfinite(least) ? 0 : -EAGAIN;
}

/* What ena's driver says of its clock, ns. */
static double told_error(const struct source *s)
{
	FILE *f = s->what.error_file[0] ? fopen(s->what.error_file, "re") : NULL;
	unsigned long long ns = 0;
	bool ok = f && fscanf(f, "%llu", &ns) == 1;

	if (f) {
		(void)fclose(f);
	}
	return ok ? (double)ns : s->vouched_ns;
}

/* The host says beside the hypercall what its CLOCK_REALTIME is worth. */
static int apply_quality(struct source *s, gnomon_time *host, struct source_reading *r)
{
	struct gnomon_quality q;
	int64_t tai_ns;
	uint64_t bound;
	int err = gnomon_clock_quality(s->quality, &q);

	if (err) {
		return err;
	}
	err = gnomon_quality_tai(&q, host->sec * GNOMON_NSEC_PER_SEC + host->nsec, &tai_ns,
				 &bound);
	if (err) {
		return err;
	}
	r->state = q.clock_status == GNOMON_VMCLOCK_FREERUNNING ? SOURCE_FREERUNNING : SOURCE_GOOD;
	r->tai_offset = q.flags & GNOMON_QUALITY_TAI_OFFSET_VALID ? q.tai_offset_sec : 0;
	r->bound_ns = (double)bound;
	r->growth_ppb = q.growth_ppb;
	r->has_marker = true;
	r->marker = q.disruption_marker;
	r->leap = q.leap_indicator == GNOMON_VMCLOCK_LEAP_PRE_POS ? 61 :
		  q.leap_indicator == GNOMON_VMCLOCK_LEAP_PRE_NEG ? 59 :
								    0;
	*host = gnomon_time_from_ns(tai_ns);
	return to_scale(s, r, GUEST_SCALE_TAI, host);
}

static int phc_time(struct source *s, struct source_reading *r, gnomon_time *host)
{
	if (s->quality && apply_quality(s, host, r) == 0) {
		return 0;
	}
	r->bound_ns = told_error(s);
	return to_scale(s, r, s->scale, host);
}

static int read_phc(struct source *s, struct source_reading *r)
{
	struct cross_stamp stamp;
	gnomon_time host;
	double raw_half = 0;
	double error;
	int err = cross_read(&s->cross, &stamp);

	if (err) {
		return unusable(s, r, err, driver_strerror(err));
	}
	r->kept = stamp.b;
	host = stamp.a;
	err = raw_at(s->clocks, stamp.b, &r->raw, &raw_half);
	if (err) {
		return unusable(s, r, err, "the system's clocks cannot be read");
	}
	r->state = SOURCE_GOOD;
	r->half_ns = (double)stamp.half_window_ns + 1;
	if (phc_time(s, r, &host) != 0) {
		return unusable(s, r, -ENODATA,
				"not known whether it keeps UTC or TAI, or how far those are "
				"apart: say so with --scale");
	}
	r->offset = gnomon_time_diff(stamp.b, host);
	look_for_leap(r, s->clocks->kept->utc ? host.sec : host.sec - r->tai_offset, r->leap);
	(void)slope_add(&s->slope, r->raw, gnomon_time_diff(stamp.a, r->raw),
			r->half_ns + raw_half, PHC_JUMP_PPB);
	if (slope_read(&s->slope, &r->rate_ppb, &error)) {
		r->rate_error_ppb = error + PHC_RATE_DOUBT_PPB + r->growth_ppb;
	}
	(void)snprintf(r->method, sizeof(r->method), "%s", cross_method_name(stamp.method));
	return 0;
}

int source_read(struct source *source, struct source_reading *reading)
{
	struct source_reading r = {
		.state = SOURCE_UNUSABLE,
		.bound_ns = INFINITY,
		.esterror_ns = INFINITY,
		.rate_error_ppb = INFINITY,
		.age_s = -1,
	};
	int err = source->page ? read_page(source, &r) : read_phc(source, &r);

	if (!err) {
		source->why[0] = '\0';
	}
	*reading = r;
	return err;
}
