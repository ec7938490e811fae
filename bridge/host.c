/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * True time over the host's counter: where the kept clock is (the line), how far off it may be
 * (what is claimed of it), and how fast both get less certain when nobody looks any more.
 */
#include <math.h>

#include "bridge/line.h"

/* Of a limit that is no deviation: that of a uniform distribution. */
#define DEVIATIONS 1.7320508075688772

/* Products of two small rates, which the sums below leave out. */
#define SECOND_ORDER 1.001

/* More than a page could tell, or anybody use. */
#define BOUND_MOST_NS 1e15
#define GROWTH_MOST_PPB 1e8

/* Without what corrects the clock's last offset. */
static bool coasting_period(const struct gnomon_line_view *view, const struct gnomon_coast *coast,
			    struct gnomon_period *period)
{
	const double excess = coast->excess_ppb * 1e-9;

	return gnomon_period_scale(&view->period, -1e9 * excess / (1.0 + excess), period) == 0;
}

void gnomon_bridge_host(const struct gnomon_line *line, const struct gnomon_coast *coast,
			uint64_t now, enum gnomon_vmclock_status status, double max_bound_ns,
			struct gnomon_host_line *host)
{
	const double wander = line_wander_ppb(&line->config, GNOMON_BRIDGE_HORIZON_S);
	struct gnomon_line_view view;

	*host = (struct gnomon_host_line){
		.status = GNOMON_VMCLOCK_UNRELIABLE,
		.counter = now,
	};
	if (!coast->valid || line->doubtful || gnomon_line_at(line, now, &view) != 0 ||
	    !coasting_period(&view, coast, &host->period)) {
		return;
	}
	host->time = view.time;
	host->bound_ns = coast->bound_ns + view.phase_bound_ns;
	host->growth_ppb = SECOND_ORDER * (coast->growth_ppb + view.rate_bound_ppb + wander);
	host->esterror_ns = coast->stddev_ns + view.phase_bound_ns / DEVIATIONS;
	host->esterror_ppb = (coast->rate_error_ppb + view.rate_bound_ppb) / DEVIATIONS;
	host->valid = host->time.sec >= 0 && host->bound_ns < BOUND_MOST_NS &&
		      host->growth_ppb < GROWTH_MOST_PPB;
	if (host->valid && host->bound_ns <= max_bound_ns) {
		host->status = status;
	}
}
