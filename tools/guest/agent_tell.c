/* SPDX-License-Identifier: BSD-2-Clause */
/* What the agent says of the kept clock, to all who can be told. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent.h"
#include "drivers/clock.h"
#include "drivers/error.h"

/* ClockBound's clients are told to forget us after so long. */
#define LIFE_S 1000

/* How fast a clock that nobody follows any more may go astray, beside what is known. */
#define LOST_PPB 50000

#define VMCLOCK_DEVICE "/dev/vmclock0"
#define SEC_PER_DAY 86400

static bool has_reading(const struct agent *a)
{
	return a->chosen != SIZE_MAX && a->readings[a->chosen].state != SOURCE_UNUSABLE;
}

/* -- the kernel ------------------------------------------------------------------------------- */

static double likely_error(const struct agent *a, const struct source_reading *r)
{
	const double told = isfinite(r->esterror_ns) ? r->esterror_ns : r->bound_ns;

	return fabs(a->offset_ns) + r->half_ns + told;
}

static void log_unbounded(struct agent *a)
{
	struct log *log = a->config.log;

	if (!a->unbounded && log_begin_at(log, LOG_SOURCE_ERROR, 4)) {
		log_text(log, "%s: nobody vouches for it", agent_source_name(a));
		log_str(log, "clock", agent_source_name(a));
		log_str(log, "reason",
			"nobody says how wrong it may be, so the kernel is not told that its clock "
			"is synchronised; if you know, say so with --bound");
		log_end(log);
	}
	a->unbounded = true;
}

static void tell_offset(struct agent *a, const struct source_reading *r)
{
	struct gnomon_clock *kept = a->config.clocks.kept;

	const int offset = r->tai_offset ? r->tai_offset : r->tai_used;

	if (kept->ops->set_tai_offset && offset && offset != a->tai_told &&
	    kept->ops->set_tai_offset(kept, offset) == 0) {
		a->tai_told = offset;
	}
}

/* The kernel takes the flag for the end of the day that it is, the host says it of the month. */
static void tell_leap(struct agent *a, const struct source_reading *r)
{
	struct gnomon_clock *kept = a->config.clocks.kept;
	const bool today = source_month_end(r->kept.sec) - r->kept.sec <= SEC_PER_DAY;
	const int leap = today ? r->leap : 0;
	struct log *log = a->config.log;

	if (!a->config.conf->kernel_leap || !kept->ops->set_leap || !kept->utc ||
	    leap == a->leap_told || kept->ops->set_leap(kept, leap) != 0) {
		return;
	}
	a->leap_told = leap;
	if (log_begin(log, LOG_LEAP)) {
		log_text(log, "leap second: %d", leap);
		log_int(log, "leap", leap);
		log_end(log);
	}
}

/* At each turn, since the kernel raises its maximal error by 500 us each second. */
static void tell_kernel(struct agent *a)
{
	struct gnomon_clock *kept = a->config.clocks.kept;
	const struct source_reading *r;

	if (a->config.mode != AGENT_STEER || !has_reading(a)) {
		return;
	}
	r = &a->readings[a->chosen];
	if (r->in_leap) {
		return;
	}
	tell_offset(a, r);
	tell_leap(a, r);
	if (!isfinite(a->bound_ns)) {
		log_unbounded(a);
		(void)clock_system_set_synchronized(kept, false, 0);
		return;
	}
	a->unbounded = false;
	(void)clock_system_set_errors(kept, true, (int64_t)a->bound_ns,
				      (int64_t)likely_error(a, r));
}

/* -- ClockBound's clients --------------------------------------------------------------------- */

/* Clients that are told of a marker open the device themselves, and fail if they may not. */
static bool clients_see_marker(const struct agent *a)
{
	struct stat st;

	return a->chosen != SIZE_MAX &&
	       strcmp(a->sources[a->chosen].what.page, VMCLOCK_DEVICE) == 0 &&
	       stat(VMCLOCK_DEVICE, &st) == 0 && st.st_mode & S_IROTH;
}

static enum sink_clockbound_status bound_status(const struct agent *a)
{
	switch (a->state) {
	case AGENT_LOCKED:
	case AGENT_SETTLING:
		return SINK_CLOCKBOUND_SYNCHRONIZED;
	case AGENT_FREERUNNING:
		return SINK_CLOCKBOUND_FREE_RUNNING;
	case AGENT_LOST:
		return a->disrupted[a->chosen] ? SINK_CLOCKBOUND_DISRUPTED :
						 SINK_CLOCKBOUND_FREE_RUNNING;
	case AGENT_WAITING:
		break;
	}
	return SINK_CLOCKBOUND_UNKNOWN;
}

static uint32_t ppb_of(double ppb)
{
	return ppb < 999999999 ? (uint32_t)ppb + 1 : 999999999;
}

/* While there is no reading the last one counts, whose bound grows from when it was: so nothing is
 * written that would make it younger, unless the machine was disrupted. */
static void tell_clients(struct agent *a)
{
	const struct sink_clockbound_state state = {
		.status = bound_status(a),
		.bound_ns = isfinite(a->bound_ns) && a->bound_ns < 1e18 ? (int64_t)a->bound_ns + 1 :
									  INT64_MAX,
		.drift_ppb = ppb_of(a->growth_ppb),
		.life_s = LIFE_S,
		.marker = a->chosen == SIZE_MAX ? 0 : a->markers[a->chosen],
		.has_marker = clients_see_marker(a),
	};

	if (a->config.bound && (has_reading(a) || state.status == SINK_CLOCKBOUND_DISRUPTED ||
				a->state == AGENT_WAITING)) {
		sink_clockbound_write(a->config.bound, a->begun, &state);
	}
}

/* -- who keeps the clock ---------------------------------------------------------------------- */

static void log_unsent(struct agent *a, int err)
{
	struct log *log = a->config.log;

	if ((err != 0) != a->unsent && log_begin_at(log, LOG_SEND_FAILED, err ? 4 : 5)) {
		log_text(log, "%s: %s", a->config.out->name,
			 err ? driver_strerror(err) : "takes measurements again");
		log_str(log, "sink", a->config.out->name);
		log_str(log, "reason", err ? driver_strerror(err) : "takes measurements again");
		log_end(log);
	}
	a->unsent = err != 0;
}

static void feed(struct agent *a)
{
	const struct source_reading *r;
	struct sink_sample sample;

	if (a->config.mode != AGENT_FEED || !has_reading(a)) {
		return;
	}
	r = &a->readings[a->chosen];
	if (r->in_leap) {
		return;
	}
	sample = (struct sink_sample){
		.local = r->kept,
		.offset = r->offset,
		.error_ns = r->half_ns + (isfinite(r->bound_ns) ? r->bound_ns : 0),
		.leap = source_month_end(r->kept.sec) - r->kept.sec <= SEC_PER_DAY ? r->leap : 0,
	};
	log_unsent(a, a->config.out->ops->send(a->config.out, &sample));
}

void agent_tell(struct agent *agent)
{
	tell_clients(agent);
	tell_kernel(agent);
	feed(agent);
}

void agent_tell_end(struct agent *agent)
{
	struct sink_clockbound_state state = {
		.status = SINK_CLOCKBOUND_FREE_RUNNING,
		.drift_ppb = LOST_PPB,
		.life_s = LIFE_S,
		.marker = agent->chosen == SIZE_MAX ? 0 : agent->markers[agent->chosen],
		.has_marker = clients_see_marker(agent),
	};

	if (agent->config.bound && isfinite(agent->bound_ns) && agent->bound_ns < 1e18 &&
	    has_reading(agent)) {
		state.bound_ns = (int64_t)(agent->bound_ns +
					   agent->config.interval_s * 2 * agent->growth_ppb) + 1;
		sink_clockbound_write(agent->config.bound, sink_clockbound_begin(), &state);
	}
}
