/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One guest's page after the other. What is best known of the time is one line; what was promised
 * before leaves room for some lines and not for others. The page is the line nearest to the best
 * that keeps the promises, and its bound covers the rest of the way. All is chosen in doubles, and
 * then judged on the numbers of the page, as its readers will compute with them.
 */
#include <errno.h>
#include <math.h>

#include "bridge/fine.h"
#include "bridge/line.h"

/* A page that is ahead of or behind the best estimate of its own choice ends that in so many
 * seconds, with no more than so many ppb. */
#define SLEW_S 1.0
#define SLEW_MOST_PPB 50000.0

/* Farther than this from the truth nobody waits for: time goes back, and that is said. */
#define BACK_MOST_NS 50000.0

#define DEADLINE_S 0.010

/* Readers round time and error down to ns, each by less than one. */
#define READER_NS 2.0

/* A promise is kept by this much more than it must, so that who computes it differently finds it
 * kept as well. */
#define PROMISE_SPARE_NS 1.0

/* What is ahead by so much is still so when it has been rounded. */
#define AHEAD_LEAST_NS 1e-3

/* Flags that the caller decides on. */
#define FLAGS_OF_CALLER                                                                \
	(GNOMON_VMCLOCK_DISRUPTION_SOON | GNOMON_VMCLOCK_DISRUPTION_IMMINENT |         \
	 GNOMON_VMCLOCK_GENERATION_PRESENT | GNOMON_VMCLOCK_NOTIFICATION_PRESENT)

static const char *const disruption_names[] = {
	[GNOMON_DISRUPTION_NONE] = "none",
	[GNOMON_DISRUPTION_FIRST] = "first page",
	[GNOMON_DISRUPTION_COUNTER] = "counter",
	[GNOMON_DISRUPTION_STEP] = "step",
	[GNOMON_DISRUPTION_PROMISE] = "promise",
};

const char *gnomon_disruption_name(enum gnomon_disruption reason)
{
	const unsigned int count = sizeof(disruption_names) / sizeof(disruption_names[0]);

	return (unsigned int)reason < count ? disruption_names[reason] : "invalid";
}

void gnomon_publisher_init(struct gnomon_publisher *p, enum gnomon_vmclock_counter counter_id,
			   uint64_t marker)
{
	*p = (struct gnomon_publisher){ .published = false };
	gnomon_vmclock_init(&p->page);
	gnomon_counter_map_offset(&p->map, 0);
	p->page.counter_id = (uint8_t)counter_id;
	p->page.disruption_marker = marker;
}

bool gnomon_publisher_ok(const struct gnomon_publisher *p)
{
	const struct gnomon_vmclock *c = &p->page;

	return c->magic == GNOMON_VMCLOCK_MAGIC && c->version == GNOMON_VMCLOCK_VERSION &&
	       c->size == GNOMON_VMCLOCK_PAGE && c->time_type == GNOMON_VMCLOCK_TAI &&
	       c->counter_period_shift <= GNOMON_PERIOD_SHIFT_MAX &&
	       c->clock_status <= GNOMON_VMCLOCK_UNRELIABLE && gnomon_counter_map_valid(&p->map) &&
	       (!p->published || (c->counter_period_frac_sec > 0 && c->time_sec <= INT64_MAX &&
				  (c->flags & GNOMON_VMCLOCK_ERRORS_VALID) ==
					  GNOMON_VMCLOCK_ERRORS_VALID));
}

/* -- the best that is known, over the guest's counter ------------------------------------------ */

struct best {
	uint64_t now;      /* of the guest's counter */
	uint64_t deadline; /* likewise: until then readers may use the old page */
	struct gnomon_fine time;
	struct gnomon_period period;
	double bound_ns;
	double growth_ppb;
	double esterror_ns;
	double esterror_ppb;
};

/* So many seconds in ticks, and no less. */
static uint64_t ticks_in(double seconds, const struct gnomon_period *period)
{
	return (uint64_t)(seconds / gnomon_period_seconds(period)) + 1;
}

/* Which instant of a tick the guest's counter stands for, scaling does not tell. */
static int best_of(const struct gnomon_publish *next, struct best *b)
{
	const struct gnomon_host_line *host = next->host;
	const struct gnomon_counter_map *map = next->map;
	const double deadline_s = next->deadline_s > 0.0 ? next->deadline_s : DEADLINE_S;
	double tick_ns;

	if (gnomon_counter_map_period(map, &host->period, &b->period) != 0) {
		return -ERANGE;
	}
	tick_ns = gnomon_period_seconds(&b->period) * 1e9;
	b->now = gnomon_counter_map_guest(map, host->counter);
	b->deadline = b->now + ticks_in(deadline_s, &b->period);
	b->time = host->time;
	b->bound_ns = host->bound_ns + tick_ns * (1.0 + (double)map->error_ticks);
	b->growth_ppb = host->growth_ppb + map->error_ppb;
	b->esterror_ns = host->esterror_ns + tick_ns * (double)map->error_ticks;
	b->esterror_ppb = host->esterror_ppb + map->error_ppb;
	return 0;
}

/* -- what was promised before ------------------------------------------------------------------ */

/* The old page, and how the best line differs from it. */
struct promise {
	const struct gnomon_vmclock *page;
	double span_s;    /* from its reference to now */
	double late_s;    /* and to the deadline from there */
	double ahead_ns;  /* the best is ahead of it now ... */
	double faster_ppb; /* ... and runs faster */
	double first_ns;  /* its bound at its reference, */
	double now_ns;    /* now, */
	double last_ns;   /* and at the deadline; less what is spared */
};

/* As it grows, without the steps that rounding makes of it. */
static double promised_ns(const struct gnomon_vmclock *page, uint64_t counter)
{
	const double per_tick = ldexp((double)page->counter_period_maxerror_rate_frac_sec,
				      -64 - (int)page->counter_period_shift);

	return (double)page->time_maxerror_nanosec - READER_NS - PROMISE_SPARE_NS +
	       1e9 * per_tick * (double)(counter - page->counter_value);
}

static struct promise promise_of(const struct gnomon_vmclock *page, const struct best *b)
{
	const struct gnomon_period period = gnomon_vmclock_period(page);
	struct gnomon_vmclock_reading old;

	gnomon_vmclock_at(page, b->now, &old);
	return (struct promise){
		.page = page,
		.span_s = (double)(b->now - page->counter_value) * gnomon_period_seconds(&period),
		.late_s = (double)(b->deadline - b->now) * gnomon_period_seconds(&period),
		.ahead_ns = fine_diff_double(b->time, old.time),
		.faster_ppb = gnomon_period_diff_ppb(&b->period, &period),
		.first_ns = promised_ns(page, page->counter_value),
		.now_ns = promised_ns(page, b->now),
		.last_ns = promised_ns(page, b->deadline),
	};
}

/* -- the line that keeps it -------------------------------------------------------------------- */

/* A line, told by how it differs from the old page. */
struct choice {
	bool monotonic;
	double ahead_ns;
	double faster_ppb;
};

static double clamped(double value, double least, double most)
{
	value = value > most ? most : value;
	return value < least ? least : value;
}

/* How much faster than the old page a line may be that is ahead_ns of it now, if it is to be within
 * what was promised at the old reference and at the deadline. */
static void room_for_rate(const struct promise *o, double ahead_ns, double *least, double *most)
{
	const double least_first = (ahead_ns - o->first_ns) / o->span_s;
	const double most_first = (ahead_ns + o->first_ns) / o->span_s;

	*least = (-o->last_ns - ahead_ns) / o->late_s;
	*most = (o->last_ns - ahead_ns) / o->late_s;
	*least = least_first > *least ? least_first : *least;
	*most = most_first < *most ? most_first : *most;
}

/* How far a rate may be bent: as fast as is slewed, and what it is uncertain by itself. */
static double bend_most(const struct best *b)
{
	return SLEW_MOST_PPB + b->growth_ppb;
}

/*
 * How far ahead of the old page the new one is now: as the best, if that keeps the promise now, is
 * not back, and at the old reference with a rate that is bent no more than may be.
 */
static bool choose_ahead(const struct promise *o, const struct best *b, struct choice *c)
{
	const double least_first = (o->faster_ppb - bend_most(b)) * o->span_s - o->first_ns;
	const double most_first = (o->faster_ppb + bend_most(b)) * o->span_s + o->first_ns;
	const double most = most_first < o->now_ns ? most_first : o->now_ns;
	double least = least_first > -o->now_ns ? least_first : -o->now_ns;

	c->monotonic = o->ahead_ns >= -BACK_MOST_NS && most >= AHEAD_LEAST_NS;
	if (c->monotonic && least < AHEAD_LEAST_NS) {
		least = AHEAD_LEAST_NS;
	}
	c->ahead_ns = clamped(o->ahead_ns, least, most);
	return least <= most;
}

/*
 * The nearest to the best that keeps the promise and never is behind the old page from now to the
 * deadline, and goes to the best in SLEW_S. Going slower than the old page needs a start ahead of
 * it, and a start farther ahead leaves less room for going slower: never more than was taken.
 */
static bool choose(const struct promise *o, const struct best *b, struct choice *c)
{
	double correction;
	double least;
	double most;

	if (!choose_ahead(o, b, c)) {
		return false;
	}
	correction = (c->ahead_ns - o->ahead_ns) / SLEW_S;
	c->faster_ppb = o->faster_ppb - clamped(correction, -SLEW_MOST_PPB, SLEW_MOST_PPB);
	room_for_rate(o, c->ahead_ns, &least, &most);
	c->faster_ppb = clamped(c->faster_ppb, least, most);
	if (c->monotonic && c->ahead_ns + c->faster_ppb * o->late_s < AHEAD_LEAST_NS) {
		c->ahead_ns = clamped(AHEAD_LEAST_NS - c->faster_ppb * o->late_s,
				      AHEAD_LEAST_NS, o->now_ns);
		room_for_rate(o, c->ahead_ns, &least, &most);
		c->faster_ppb = clamped(c->faster_ppb, least, most);
	}
	return true;
}

/* -- the page ---------------------------------------------------------------------------------- */

static uint64_t rounded_up(double value)
{
	return (uint64_t)value + 1;
}

/* The line of that rate which is ahead_ns of the best now. */
static int draw(struct gnomon_vmclock *page, const struct best *b, double ahead_ns,
		const struct gnomon_period *period)
{
	const uint64_t margin = ticks_in(GNOMON_BRIDGE_MARGIN_S, period);
	const struct gnomon_fine back = gnomon_period_elapsed(period, margin);
	struct gnomon_fine time = fine_add_double(b->time, ahead_ns);

	time = fine_sub(time, (wide)(uint64_t)back.sec << 64 | back.frac);
	if (time.sec < 0) {
		return -ERANGE;
	}
	gnomon_vmclock_set_line(page, b->now - margin, time, period);
	return 0;
}

/*
 * How wrong the page may be, from what it says: it differs from the best by so much now, and by so
 * much more every second. The bound at the reference is that of now and what it grows from there,
 * so that it holds on either side of now.
 */
static void draw_bound(struct gnomon_vmclock *page, const struct best *b, double *residual_ns)
{
	const struct gnomon_period period = gnomon_vmclock_period(page);
	const double apart_ppb = fabs(gnomon_period_diff_ppb(&period, &b->period));
	const double margin_s = gnomon_period_seconds(&period) *
				(double)(b->now - page->counter_value);
	struct gnomon_vmclock_reading at_now;
	double residual;

	gnomon_vmclock_at(page, b->now, &at_now);
	*residual_ns = fine_diff_double(at_now.time, b->time);
	residual = fabs(*residual_ns);
	page->counter_period_maxerror_rate_frac_sec =
		gnomon_period_error(&period, b->growth_ppb + apart_ppb);
	page->counter_period_esterror_rate_frac_sec =
		gnomon_period_error(&period, b->esterror_ppb + apart_ppb);
	page->time_maxerror_nanosec = rounded_up(b->bound_ns + residual + READER_NS +
						 (b->growth_ppb + apart_ppb) * margin_s);
	page->time_esterror_nanosec = rounded_up(b->esterror_ns + residual +
						 (b->esterror_ppb + apart_ppb) * margin_s);
}

/* On the numbers of the pages: by how much a promise is broken, at the worst of three places; a
 * line cannot be worse between. */
static double breach_ns(const struct gnomon_vmclock *old, const struct gnomon_vmclock *page,
			const struct best *b)
{
	const uint64_t places[] = { old->counter_value, b->now, b->deadline };
	double worst = 0.0;

	for (unsigned int i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct gnomon_vmclock_reading before;
		struct gnomon_vmclock_reading after;
		double breach;

		gnomon_vmclock_at(old, places[i], &before);
		gnomon_vmclock_at(page, places[i], &after);
		breach = fabs(fine_diff_double(after.time, before.time)) + 1.0 -
			 (double)before.bound_ns;
		worst = breach > worst ? breach : worst;
	}
	return worst;
}

static bool never_back(const struct gnomon_vmclock *old, const struct gnomon_vmclock *page,
		       const struct best *b)
{
	return gnomon_fine_cmp(gnomon_vmclock_kernel_time(page, b->now),
			       gnomon_vmclock_kernel_time(old, b->now)) >= 0 &&
	       gnomon_fine_cmp(gnomon_vmclock_kernel_time(page, b->deadline),
			       gnomon_vmclock_kernel_time(old, b->deadline)) >= 0;
}

/* -- one publication --------------------------------------------------------------------------- */

/* A counter that was only measured is the same as long as the measurements agree. */
static bool same_counter(const struct gnomon_publisher *p, const struct gnomon_publish *next)
{
	const uint64_t was = gnomon_counter_map_guest(&p->map, next->host->counter);
	const uint64_t is = gnomon_counter_map_guest(next->map, next->host->counter);
	const uint64_t apart = was - is < is - was ? was - is : is - was;

	if (gnomon_counter_map_equal(&p->map, next->map)) {
		return true;
	}
	return apart <= p->map.error_ticks + next->map->error_ticks &&
	       p->map.error_ticks > 0 && next->map->error_ticks > 0;
}

/* A continuation that keeps what was promised; the page is untouched if there is none. */
static bool go_on(struct gnomon_vmclock *page, const struct best *b,
		  struct gnomon_publication *what)
{
	const struct promise o = promise_of(page, b);
	struct gnomon_period period = gnomon_vmclock_period(page);
	struct gnomon_vmclock out = *page;
	struct choice c;

	what->breach_ns = fabs(o.ahead_ns) - b->bound_ns - o.now_ns;
	if (what->breach_ns > 0.0 || b->now - page->counter_value > UINT64_MAX / 2) {
		return false;
	}
	if (!choose(&o, b, &c) ||
	    fabs(c.faster_ppb - o.faster_ppb) > bend_most(b) + SLEW_MOST_PPB ||
	    gnomon_period_scale(&period, c.faster_ppb, &period) != 0 ||
	    draw(&out, b, c.ahead_ns - o.ahead_ns, &period) != 0) {
		return false;
	}
	what->breach_ns = breach_ns(page, &out, b);
	if (what->breach_ns > 0.0) {
		return false;
	}
	what->monotonic = c.monotonic && never_back(page, &out, b);
	draw_bound(&out, b, &what->residual_ns);
	*page = out;
	return true;
}

static enum gnomon_disruption known_disruption(const struct gnomon_publisher *p,
					       const struct gnomon_publish *next)
{
	if (!p->published && next->host->valid && next->map) {
		return GNOMON_DISRUPTION_FIRST;
	}
	if (p->published && next->map && !same_counter(p, next)) {
		return GNOMON_DISRUPTION_COUNTER;
	}
	return next->disrupted ? GNOMON_DISRUPTION_STEP : GNOMON_DISRUPTION_NONE;
}

/* The page goes on as it is, and says that it is not to be relied on. */
static void withdraw(struct gnomon_publisher *p, struct gnomon_publication *what)
{
	p->page.clock_status = GNOMON_VMCLOCK_UNRELIABLE;
	if (what->disruption != GNOMON_DISRUPTION_NONE) {
		p->published = false;
	}
	what->monotonic = p->published;
}

static void renew(struct gnomon_publisher *p, const struct gnomon_publish *next,
		  const struct best *b, struct gnomon_publication *what)
{
	if (what->disruption == GNOMON_DISRUPTION_NONE && !go_on(&p->page, b, what)) {
		what->disruption = GNOMON_DISRUPTION_PROMISE;
		what->monotonic = false;
	}
	if (what->disruption != GNOMON_DISRUPTION_NONE) {
		if (draw(&p->page, b, 0.0, &b->period) != 0) {
			withdraw(p, what);
			return;
		}
		draw_bound(&p->page, b, &what->residual_ns);
	}
	p->published = true;
	p->map = *next->map;
	p->page.clock_status = (uint8_t)next->host->status;
}

void gnomon_publisher_next(struct gnomon_publisher *p, const struct gnomon_publish *next,
			   struct gnomon_publication *what)
{
	struct gnomon_publication did = { .disruption = known_disruption(p, next) };
	struct best b = { .now = p->page.counter_value };

	if (next->host->valid && next->map && best_of(next, &b) == 0) {
		renew(p, next, &b, &did);
	} else {
		withdraw(p, &did);
	}
	p->page.flags = (next->flags & FLAGS_OF_CALLER) |
			(p->published ? GNOMON_VMCLOCK_ERRORS_VALID : 0) |
			(did.monotonic ? GNOMON_VMCLOCK_TIME_MONOTONIC : 0);
	if (did.disruption != GNOMON_DISRUPTION_NONE) {
		p->page.disruption_marker = next->marker != p->page.disruption_marker
						    ? next->marker : ~next->marker;
	}
	if (what) {
		did.bound_ns = (double)gnomon_vmclock_bound(&p->page, b.now);
		*what = did;
	}
}
