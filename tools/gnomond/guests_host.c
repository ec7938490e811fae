/* SPDX-License-Identifier: BSD-2-Clause */
/* The line that all pages are made from: the kept clock over the host's counter. */
#include "guests_private.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "drivers/clock.h"
#include "drivers/timer.h"

/* One oscillator makes CLOCK_REALTIME, soft clocks and the counter. What is left is rounding. */
#define SAME_WANDER_PPB_PER_S 0.01
#define SAME_WANDER_PPB 1.0

/* The rate of a clock that another program keeps, by the most that the kernel lets it be set. */
#define OTHERS_WANDER_PPB_PER_S 1e5
#define OTHERS_WANDER_PPB 5e5

/* The kernel takes a new frequency of CLOCK_REALTIME at its next tick. */
#define OBEYS_S 0.02

/* How fast CLOCK_REALTIME may leave the line while nobody looks, beside the correction in progress:
 * what that changes by from one look to the next. It is said at once when it is half of this. */
#define STEERED_PPB 10000.0
#define GROWTH_MOST_PPB 1e9
#define QUALITY_VALID_S 10u
#define CLOCKBOUND_LIFE_S 60u

#define DAY 86400

/* -- what is done to the clock ---------------------------------------------------------------- */

static void before_frequency(void *context)
{
	struct guests *g = context;

	g->host->before = counter_read();
}

static void took_frequency(void *context, double before_ppb, double after_ppb)
{
	struct guests *g = context;
	struct guests_host *h = g->host;
	double obeys_s = g->keeper->clock->utc ? OBEYS_S : 0.0;

	h->excess_ppb += after_ppb - before_ppb;
	g->settled = counter_read() + (uint64_t)(obeys_s * h->rate.hz);
	gnomon_line_frequency(&h->line, h->before, g->settled, before_ppb, after_ppb);
}

/* What readers made of the time so far is void, however right the new one is. */
static void disrupt_all(struct guests *g)
{
	for (size_t i = 0; i < g->count; i++) {
		g->list[i]->disrupted = true;
	}
	g->next = (gnomon_mono){ 0 };
}

static void was_stepped(void *context, gnomon_span by, double error_ns, bool ours)
{
	struct guests *g = context;
	struct gnomon_line *line = &g->host->line;

	if (isinf(error_ns)) {
		gnomon_line_reset(line);
	} else if (ours || !g->host->doubted) {
		gnomon_line_stepped(line, by, error_ns);
	}
	gnomon_line_confirm(line);
	g->host->doubted = false;
	disrupt_all(g);
}

/* Whatever the line found, sources have said since where the clock is. */
static void was_measured(void *context)
{
	struct guests *g = context;

	gnomon_line_confirm(&g->host->line);
	g->host->doubted = false;
}

/* -- opening ---------------------------------------------------------------------------------- */

static int start_line(struct guests *g)
{
	const struct gnomon_clock *clock = g->keeper->clock;
	bool phc = strcmp(clock->ops->kind, "phc") == 0;
	bool others = g->conf->free_running;
	const struct gnomon_line_config config = {
		.size = sizeof(config),
		.counter_hz = g->host->rate.hz,
		.wander_ppb_per_s = others ? OTHERS_WANDER_PPB_PER_S
				    : phc  ? 0.0
					   : SAME_WANDER_PPB_PER_S,
		.wander_limit_ppb = others ? OTHERS_WANDER_PPB : phc ? 0.0 : SAME_WANDER_PPB,
	};

	return gnomon_line_init(&g->host->line, &config);
}

static void open_clock(struct guests *g)
{
	struct guests_host *h = g->host;
	const struct keeper_watch watch = {
		.context = g,
		.before = before_frequency,
		.frequency = took_frequency,
		.stepped = was_stepped,
		.measured = was_measured,
	};
	int r = counter_rate(&h->rate);

	if (r != 0) {
		driver_fail(&h->trouble, r, "this processor has no counter that guests can read");
		return;
	}
	if (pairing_create(&h->pairing, g->keeper->clock, NULL, &h->trouble) != 0) {
		h->pairing = NULL;
		return;
	}
	(void)start_line(g);
	(void)counter_check(NULL, &h->trouble);
	g->keeper->watch = watch;
}

/* To compare it with the line, whoever keeps it. */
static void open_realtime(struct guests *g)
{
	struct guests_host *h = g->host;
	struct driver_error unheard;

	if (!h->pairing || strcmp(g->keeper->clock->ops->kind, "system") == 0 ||
	    clock_system_open(&h->realtime, false, &unheard) != 0) {
		h->realtime = NULL;
		return;
	}
	if (pairing_create(&h->realtime_pairing, h->realtime, NULL, &unheard) != 0) {
		h->realtime_pairing = NULL;
	}
}

static void report_refused(struct guests *g, const struct pairing *pairing)
{
	if (pairing && pairing_refused(pairing)[0]) {
		guests_report_trouble(g, NULL, pairing_refused(pairing));
	}
}

static int open_sinks(struct guests *g, struct driver_error *error)
{
	return g->conf->clockbound_file[0]
		       ? sink_clockbound_open(&g->host->clockbound, g->conf->clockbound_file, error)
		       : 0;
}

int guests_host_open(struct guests *g, struct driver_error *error)
{
	struct guests_host *h = calloc(1, sizeof(*h));

	if (!h) {
		return driver_fail(error, -ENOMEM, "no memory for guests");
	}
	g->host = h;
	h->standing.status = GNOMON_VMCLOCK_UNRELIABLE;
	h->now.status = GNOMON_VMCLOCK_UNRELIABLE;
	h->look = timer_now();
	h->slice = GNOMON_MONO_NEVER;
	truth_boot_id(h->boot_id);
	h->marker = guests_host_marker(g);
	open_clock(g);
	if (h->trouble.text[0]) {
		guests_report_trouble(g, NULL, h->trouble.text);
	}
	open_realtime(g);
	report_refused(g, h->pairing);
	report_refused(g, h->realtime_pairing);
	h->debugfs.fd = -1;
	h->trace.fd = -1;
	return open_sinks(g, error);
}

void guests_host_want_kvm(struct guests *g)
{
	struct guests_host *h = g->host;
	struct driver_error why = { "" };
	int r;

	if (h->has_kvm) {
		return;
	}
	h->has_kvm = true;
	if (kvm_debugfs_open(&h->debugfs, NULL, &h->no_debugfs) != 0) {
		h->debugfs.fd = -1;
		return;
	}
	r = kvm_trace_open(&h->trace, NULL, &why);
	if (r != 0) {
		h->trace.fd = -1;
	}
	if (r != 0 && r != -ENOENT) { /* a kernel without it is no news */
		guests_report_trouble(g, NULL, why.text);
	}
}

static void close_realtime(struct guests_host *h)
{
	pairing_destroy(h->realtime_pairing);
	if (h->realtime) {
		h->realtime->ops->destroy(h->realtime);
	}
}

void guests_host_close(struct guests *g)
{
	struct guests_host *h = g->host;

	if (!h) {
		return;
	}
	g->keeper->watch = (struct keeper_watch){ NULL };
	sink_clockbound_close(h->clockbound);
	if (h->trace.fd >= 0) {
		kvm_trace_close(&h->trace);
	}
	if (h->debugfs.fd >= 0) {
		kvm_debugfs_close(&h->debugfs);
	}
	close_realtime(h);
	pairing_destroy(h->pairing);
	free(h);
	g->host = NULL;
}

uint64_t guests_host_marker(struct guests *g)
{
	struct guests_host *h = g->host;

	if (h->markers_left == 0) {
		size_t got = 0;

		while (got < sizeof(h->markers)) {
			ssize_t n = getrandom((char *)h->markers + got, sizeof(h->markers) - got,
					      0);

			got += n > 0 ? (size_t)n : 0;
		}
		h->markers_left = GUESTS_MARKERS;
	}
	return h->markers[--h->markers_left];
}

/* -- TAI and UTC ------------------------------------------------------------------------------ */

/* As everywhere, an arbitrary time scale is taken for UTC. */
static int shift_to_tai(const struct keeper *k, const struct gnomon_time_properties_ds *p)
{
	return p->flags & GNOMON_FLAG_PTP_TIMESCALE ? 0 : keeper_utc_offset(k);
}

/* A grandmaster that is not sure of UTC leaves it unknown. What follows nobody, or gives UTC
 * itself, has it by the configuration. */
static bool knows_utc(const struct guests *g, const struct gnomon_time_properties_ds *p)
{
	const unsigned int sure = GNOMON_FLAG_PTP_TIMESCALE | GNOMON_FLAG_UTC_OFFSET_VALID;

	return (p->flags & sure) == sure || !(p->flags & GNOMON_FLAG_PTP_TIMESCALE) ||
	       g->host->standing.reference;
}

/* A leap second is announced for the end of the day. After it, until the offset is the new one, it
 * stays what it was, which already tells of both; and an announcement that nobody has taken back
 * yet is of the one that was. */
void guests_utc_take(struct gnomon_utc *utc, bool known, int16_t offset, int8_t announced,
		     int64_t tai_s)
{
	const int64_t now = tai_s - offset;
	/* By the new offset the inserted second is the last one before midnight. */
	const bool just = utc->change && now >= utc->midnight - 1 && now < utc->midnight + DAY;

	if (utc->known && just && now >= utc->midnight && offset == utc->tai_offset) {
		return;
	}
	utc->known = known;
	if (utc->change && offset == utc->tai_offset + utc->change && (just || !announced)) {
		return; /* the change is past, and told as such */
	}
	utc->tai_offset = offset;
	utc->change = announced;
	utc->midnight = (now / DAY + 1) * DAY;
}

static void take_utc(struct guests *g, const struct gnomon_time_properties_ds *p, int64_t tai_s)
{
	guests_utc_take(&g->host->utc, knows_utc(g, p), (int16_t)keeper_utc_offset(g->keeper),
			p->flags & GNOMON_FLAG_LEAP61	? 1
			: p->flags & GNOMON_FLAG_LEAP59 ? -1
							: 0,
			tai_s);
}

/* -- the line --------------------------------------------------------------------------------- */

/* The clock is elsewhere than it could be. Its keeper finds out more; where it has none that would,
 * it is right whatever it shows. */
static void take_contradiction(struct guests *g, double by_ns, gnomon_mono now)
{
	struct guests_host *h = g->host;

	if (h->standing.reference) {
		gnomon_line_confirm(&h->line);
	} else {
		h->doubted = true;
		keeper_doubt(g->keeper, now);
	}
	guests_report_trouble(g, NULL,
			      fabs(by_ns) < 1e15 ? "the clock is not where it was left"
						 : "the clock is nowhere near where it was left");
	disrupt_all(g);
}

/* Into TAI. The kept clock moved to another time scale is a step of TAI. */
static void to_tai(struct guests *g, gnomon_time *time)
{
	struct guests_host *h = g->host;
	struct gnomon_time_properties_ds properties;
	int shift;

	keeper_time_properties(g->keeper, &properties);
	shift = shift_to_tai(g->keeper, &properties);
	*time = keeper_reading(g->keeper, *time);
	time->sec = gnomon_sat_add(time->sec, shift);
	if (h->line.started && shift != h->shift_s) {
		gnomon_line_stepped(
			&h->line,
			gnomon_span_from_ns((shift - h->shift_s) * (int64_t)GNOMON_NSEC_PER_SEC),
			0.0);
		disrupt_all(g);
	}
	h->shift_s = shift;
	take_utc(g, &properties, time->sec);
}

static void claim(struct guests *g, gnomon_mono now)
{
	struct guests_host *h = g->host;
	struct gnomon_coast coast = { .valid = true, .bound_ns = h->standing.reference_bound_ns };

	if (!h->standing.reference) {
		gnomon_ensemble_coast(g->keeper->ensemble, now, GNOMON_BRIDGE_HORIZON_S, &coast);
	}
	h->excess_ppb = coast.excess_ppb;
	gnomon_bridge_host(&h->line, &coast, h->pair.counter, h->standing.status,
			   g->conf->guest_max_bound_ns, &h->now);
}

/* Where the kernel does not trust the counter nobody may. */
static bool counter_is_good(struct guests *g)
{
	struct guests_host *h = g->host;
	int r;

	if (!h->pairing) {
		return false;
	}
	r = pairing_check(h->pairing);
	if (r == 0) {
		h->trouble.text[0] = '\0';
	} else if (!h->trouble.text[0]) {
		(void)counter_check(NULL, &h->trouble);
		guests_report_trouble(g, NULL, h->trouble.text);
		gnomon_line_reset(&h->line);
	}
	return r == 0;
}

/* -- CLOCK_REALTIME --------------------------------------------------------------------------- */

static bool steers_realtime(const struct guests *g)
{
	bool steers = g->keeper->clock->utc && !g->conf->free_running;

	for (size_t i = 0; i < g->conf->sync_count; i++) {
		steers |= strcmp(g->conf->syncs[i].sink, "CLOCK_REALTIME") == 0;
	}
	return steers;
}

/* How fast it leaves the line if whoever steers it does nothing any more, as is known. */
static double correction_ppb(const struct guests *g)
{
	const struct guests_host *h = g->host;
	const double pair_ppb = g->keeper->clock->utc ? 0 : h->standing.realtime_slew_ppb;

	return steers_realtime(g) && isfinite(pair_ppb)
		       ? fabs(h->excess_ppb) + pair_ppb + STEERED_PPB
		       : g->conf->realtime_slew_ppb;
}

static uint32_t growth_of(double ppb)
{
	return (uint32_t)(ppb < GROWTH_MOST_PPB ? ceil(ppb) : GROWTH_MOST_PPB);
}

bool guests_host_outrun(struct guests *g)
{
	struct guests_host *h = g->host;
	const double slew = correction_ppb(g);

	if (!(h->quality.flags & GNOMON_QUALITY_OFFSET_VALID) ||
	    slew <= h->slew_ppb + STEERED_PPB / 2) {
		return false;
	}
	h->quality.growth_ppb = growth_of(h->quality.growth_ppb + slew - h->slew_ppb);
	h->slew_ppb = slew;
	return true;
}

static int64_t ns_of(gnomon_time t)
{
	return t.sec * GNOMON_NSEC_PER_SEC + t.nsec;
}

/* The line's TAI at a counter of about now. */
static int64_t tai_at(const struct gnomon_host_line *line, uint64_t counter)
{
	const double ticks = (double)(int64_t)(counter - line->counter);
	const double ns = ticks * gnomon_period_seconds(&line->period) * 1e9;

	return ns_of(gnomon_fine_to_time(line->time)) + (int64_t)(ns < 0 ? ns - 0.5 : ns + 0.5);
}

/* What was promised of CLOCK_REALTIME does not hold any more: it was stepped. */
static bool is_broken(const struct gnomon_quality *was, const struct gnomon_quality *is,
		      gnomon_mono was_at, gnomon_mono at)
{
	const double age_s = (double)(at.ns - was_at.ns) * 1e-9;
	const double most = (double)was->maxerror_ns + was->growth_ppb * age_s;

	return !(was->flags & GNOMON_QUALITY_OFFSET_VALID) ||
	       fabs((double)(is->offset_ns - was->offset_ns)) >
		       most + (double)is->maxerror_ns;
}

static void take_quality(struct guests *g, gnomon_mono now)
{
	struct guests_host *h = g->host;
	const struct gnomon_pair *rt = &h->realtime_pair;
	const bool steered = steers_realtime(g);
	struct gnomon_quality q = {
		.clock_status = (uint8_t)h->now.status,
		.disruption_marker = h->quality.disruption_marker,
		.valid_s = QUALITY_VALID_S,
		.flags = steered ? GNOMON_QUALITY_STEERED : 0,
	};

	if (h->now.valid && rt->counter) {
		q.flags |= GNOMON_QUALITY_OFFSET_VALID;
		q.realtime_ns = ns_of(rt->time);
		q.offset_ns = q.realtime_ns - tai_at(&h->now, rt->counter);
		q.maxerror_ns = (uint64_t)(h->now.bound_ns + rt->half_window_ns) + 2;
		q.esterror_ns = (uint64_t)h->now.esterror_ns + 1;
		h->slew_ppb = correction_ppb(g);
		q.growth_ppb = growth_of(h->now.growth_ppb + h->slew_ppb);
	} else {
		q.clock_status = GNOMON_VMCLOCK_UNRELIABLE;
	}
	if (h->utc.known) {
		q.flags |= GNOMON_QUALITY_TAI_OFFSET_VALID;
		(void)gnomon_utc_from_tai(&h->utc, h->now.time, NULL, &q.tai_offset_sec,
					  &q.leap_indicator);
	}
	if (q.flags & GNOMON_QUALITY_OFFSET_VALID &&
	    is_broken(&h->quality, &q, h->quality_at, now)) {
		q.disruption_marker = guests_host_marker(g);
	}
	h->quality = q;
	h->quality_at = now;
}

/* Nothing of it is of use without a line to compare it with. */
static void read_realtime(struct guests *g, const struct gnomon_pair *kept)
{
	struct guests_host *h = g->host;

	h->realtime_pair = (struct gnomon_pair){ 0 };
	if (strcmp(g->keeper->clock->ops->kind, "system") == 0) {
		h->realtime_pair = *kept;
	} else if (h->realtime_pairing) {
		(void)pairing_read(h->realtime_pairing, &h->realtime_pair);
	}
}

/* Since the quality was found out. */
static int64_t grown_ns(const struct guests *g, gnomon_mono now)
{
	const struct guests_host *h = g->host;

	return now.ns <= h->quality_at.ns
		       ? 0
		       : (int64_t)((double)(now.ns - h->quality_at.ns) * 1e-9 *
				   h->quality.growth_ppb) +
				 1;
}

void guests_host_tell(struct guests *g, gnomon_mono now)
{
	struct guests_host *h = g->host;
	const struct gnomon_quality *q = &h->quality;
	struct sink_clockbound_state state = {
		.status = SINK_CLOCKBOUND_UNKNOWN,
		.bound_ns = INT64_MAX,
		.drift_ppb = q->growth_ppb,
		.life_s = CLOCKBOUND_LIFE_S,
		.marker = q->disruption_marker,
	};
	const uint64_t needed = GNOMON_QUALITY_OFFSET_VALID | GNOMON_QUALITY_TAI_OFFSET_VALID;
	struct timespec begun;

	if (!h->clockbound) {
		return;
	}
	begun = sink_clockbound_begin();
	if ((q->flags & needed) == needed && h->now.status != GNOMON_VMCLOCK_UNRELIABLE) {
		const int64_t off = q->offset_ns +
				    q->tai_offset_sec * (int64_t)GNOMON_NSEC_PER_SEC;

		state.status = h->now.status == GNOMON_VMCLOCK_SYNCHRONIZED
				       ? SINK_CLOCKBOUND_SYNCHRONIZED
				       : SINK_CLOCKBOUND_FREE_RUNNING;
		state.bound_ns = gnomon_sat_add(llabs(off), (int64_t)q->maxerror_ns);
		state.bound_ns = gnomon_sat_add(state.bound_ns, grown_ns(g, now));
	}
	sink_clockbound_write(h->clockbound, begun, &state);
}

/* -- reading ---------------------------------------------------------------------------------- */

double guests_host_age(const struct guests *g)
{
	const struct guests_host *h = g->host;

	return (double)(int64_t)(counter_read() - h->now.counter) / h->rate.hz * 1e9;
}

/* Around a leap second of a clock that keeps UTC nobody knows which second it shows. */
static bool is_ambiguous(const struct keeper *k, gnomon_time reading)
{
	return k->clock->utc && timescale_suspended(&k->timescale, keeper_reading(k, reading));
}

static void forget_now(struct guests_host *h)
{
	h->now = (struct gnomon_host_line){ .status = GNOMON_VMCLOCK_UNRELIABLE };
}

bool guests_host_read(struct guests *g, gnomon_mono now)
{
	struct guests_host *h = g->host;
	struct gnomon_pair pair;
	double by_ns = 0.0;

	if (!counter_is_good(g) || pairing_read(h->pairing, &pair) != 0) {
		forget_now(h);
		take_quality(g, now);
		return true;
	}
	if (is_ambiguous(g->keeper, pair.time)) {
		return false;
	}
	read_realtime(g, &pair);
	to_tai(g, &pair.time);
	h->pair = pair;
	if (gnomon_line_pair(&h->line, &pair, &by_ns) == GNOMON_LINE_CONTRADICTED) {
		take_contradiction(g, by_ns, now);
	}
	claim(g, now);
	take_quality(g, now);
	return true;
}
