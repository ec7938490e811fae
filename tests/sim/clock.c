/* SPDX-License-Identifier: BSD-2-Clause */
#include "clock.h"

#include <errno.h>

#define SECONDS_PER_DAY 86400

static struct sim_clock *self(struct gnomon_clock *clock)
{
	return (struct sim_clock *)clock;
}

gnomon_time sim_clock_reading(struct sim_clock *c, int64_t at_ps)
{
	struct phase error = oscillator_error(&c->oscillator, at_ps);
	double sub_ns = error.fraction + (double)(at_ps % SIM_PS_PER_NS) * (1.0 / SIM_PS_PER_NS);
	int64_t ns = at_ps / SIM_PS_PER_NS + error.ns;
	int64_t sec;

	if (sub_ns >= 1.0) {
		sub_ns -= 1.0;
		ns++;
	}
	sec = ns / GNOMON_NSEC_PER_SEC;
	ns -= sec * GNOMON_NSEC_PER_SEC;
	if (ns < 0) {
		ns += GNOMON_NSEC_PER_SEC;
		sec--;
	}
	return (gnomon_time){ c->epoch_s + sec, (uint32_t)ns, (uint16_t)(sub_ns * 65536.0) };
}

double sim_clock_error_ns(struct sim_clock *c, int64_t at_ps)
{
	return phase_to_double(oscillator_error(&c->oscillator, at_ps));
}

static int sim_read(struct gnomon_clock *clock, gnomon_time *now)
{
	struct sim_clock *c = self(clock);

	*now = sim_clock_reading(c, *c->now_ps);
	return 0;
}

static int sim_set_frequency(struct gnomon_clock *clock, double ppb)
{
	struct sim_clock *c = self(clock);

	if (!(fabs(ppb) <= c->base.max_frequency_ppb)) {
		return -ERANGE;
	}
	c->adjustment_ppb = ppb;
	oscillator_adjust(&c->oscillator, *c->now_ps, ppb * 1e-9);
	return 0;
}

static int sim_get_frequency(struct gnomon_clock *clock, double *ppb)
{
	*ppb = self(clock)->adjustment_ppb;
	return 0;
}

static int sim_step(struct gnomon_clock *clock, gnomon_span by)
{
	struct sim_clock *c = self(clock);
	struct phase phase = { by.ns, (double)by.frac * (1.0 / 65536.0) };

	oscillator_step(&c->oscillator, *c->now_ps, phase);
	c->steps++;
	return 0;
}

int64_t leap_second_tai(int64_t tai_s, int tai_offset, int leap)
{
	int64_t day = (tai_s - tai_offset) / SECONDS_PER_DAY + 1;

	return day * SECONDS_PER_DAY + tai_offset - (leap == 59);
}

struct utc_label utc_from_tai(int64_t tai_s, int tai_offset, int leap, int64_t leap_tai_s)
{
	struct utc_label utc = { tai_s - tai_offset, false };

	if (leap == 61 && tai_s >= leap_tai_s) {
		utc.leap = tai_s == leap_tai_s;
		utc.sec--;
	} else if (leap == 59 && tai_s >= leap_tai_s) {
		utc.sec++;
	}
	return utc;
}

struct utc_label sim_clock_utc(struct sim_clock *c, int64_t at_ps)
{
	return utc_from_tai(sim_clock_reading(c, at_ps).sec, c->tai_offset, c->leap, c->leap_tai_s);
}

/* Like a kernel: the flag arms the next midnight; taking it away before then disarms it. */
static int sim_set_leap(struct gnomon_clock *clock, int leap)
{
	struct sim_clock *c = self(clock);

	if (leap != 61 && leap != 59 && leap != 0) {
		return -EINVAL;
	}
	if (leap != c->leap) {
		int64_t tai_s = sim_clock_reading(c, *c->now_ps).sec;
		bool over = c->leap != 0 && tai_s >= c->leap_tai_s;

		if (over) {
			c->tai_offset += c->leap == 61 ? 1 : -1;
		}
		c->leap = leap;
		c->leap_tai_s = leap_second_tai(tai_s, c->tai_offset, leap);
	}
	return 0;
}

static int sim_set_tai_offset(struct gnomon_clock *clock, int seconds)
{
	struct sim_clock *c = self(clock);
	int64_t tai_s = sim_clock_reading(c, *c->now_ps).sec;

	if (c->leap != 0 && tai_s >= c->leap_tai_s) {
		c->leap = 0; /* the new offset includes the leap second that happened */
	}
	c->tai_offset = seconds;
	return 0;
}

/* The simulated network interface stamps with this clock; there is no other. */
static int sim_from_stamp(struct gnomon_clock *clock, enum gnomon_stamp_source source,
			  gnomon_time stamp, gnomon_time *local)
{
	if (source != GNOMON_STAMP_HARDWARE) {
		return -EOPNOTSUPP;
	}
	*local = stamp;
	return 0;
}

/* Nothing to undo and nothing allocated: its owner embeds it. */
static void sim_destroy(struct gnomon_clock *clock)
{
}

static const struct gnomon_clock_ops sim_clock_ops = {
	.kind = "sim",
	.read = sim_read,
	.set_frequency = sim_set_frequency,
	.get_frequency = sim_get_frequency,
	.step = sim_step,
	.set_leap = sim_set_leap,
	.set_tai_offset = sim_set_tai_offset,
	.from_stamp = sim_from_stamp,
	.destroy = sim_destroy,
};

void sim_clock_init(struct sim_clock *c, const struct oscillator_spec *spec, struct phase error,
		    uint64_t stream, const int64_t *now_ps, int64_t epoch_s)
{
	*c = (struct sim_clock){
		.base = { .ops = &sim_clock_ops, .name = "sim",
			  .max_frequency_ppb = SIM_CLOCK_MAX_PPB },
		.now_ps = now_ps,
		.epoch_s = epoch_s,
	};
	oscillator_init(&c->oscillator, spec, error, stream);
}
