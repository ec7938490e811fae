/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * A time source that is read: a PTP hardware clock that somebody else keeps, pulses of the kernel,
 * or the system clock as chronyd vouches for it. It measures the kept clock at its deadline, and
 * tells the keeper; nothing waits for anything.
 */
#ifndef GNOMOND_READER_H
#define GNOMOND_READER_H

#include "drivers/chrony.h"
#include "drivers/cross.h"
#include "drivers/error.h"

#include "tools/leap/leap.h"

#include "keeper.h"

struct reader_ops;

/** Two clocks at an instant, for what happens between two of them. */
struct reader_pair {
	bool known;
	gnomon_time other;
	gnomon_time kept;
};

struct reader {
	const struct reader_ops *ops;
	const struct conf_source *conf;
	struct log *log;
	struct keeper *keeper;
	unsigned int source;        /* index of the keeper's */
	struct gnomon_clock *clock; /* that is read, or that stamps the pulses; NULL: it is gone */
	bool same;                  /* pulses are stamped by the kept clock itself */
	struct cross cross;         /* from it to the kept clock */
	int pps;                    /* -1: none */
	uint32_t pulse;             /* the last one seen */
	bool has_pulse;
	struct chrony chrony;       /* fd -1: none */
	struct leap_table *leaps;   /* for what keeps UTC; NULL: it is not needed */
	bool told;                  /* chronyd is, of the kept clock; the owner sets it */
	unsigned int waits;         /* for chronyd's answer, so far */
	bool measured;              /* since it failed last */
	struct reader_pair before;  /* the clocks before a pulse */
	gnomon_mono next;
	unsigned int failures;      /* in a row */
};

/**
 * Open what a source of the keeper, which has its clock, reads. Returns 0, or -errno with one line
 * in *error that names the source. Everything is borrowed.
 */
int reader_open(struct reader *r, struct keeper *keeper, unsigned int source, struct log *log,
		struct driver_error *error);

/** Zeroed memory is ok. */
void reader_close(struct reader *r);

/** When reader_expire has something to do. */
gnomon_mono reader_deadline(const struct reader *r);

/** Measure, if it is time to. Failures are told, and tried again. */
void reader_expire(struct reader *r, gnomon_mono now);

#endif
