/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Keeps the clock: samples of all its sources in, commands of the ensemble out to the clock, and
 * what the clock did back to the engines.
 */
#ifndef GNOMOND_KEEPER_H
#define GNOMOND_KEEPER_H

#include <gnomon/clock.h>
#include <gnomon/engine.h>
#include <gnomon/ensemble.h>
#include <gnomon/servo.h>

#include "tools/config/config.h"
#include "tools/discipline/handover.h"
#include "tools/timescale/timescale.h"

#include "report.h"
#include "witness.h"

/** A time source. The i-th of the keeper is the i-th of its ensemble. */
struct keeper_source {
	/* Set by the owner before keeper_init. */
	const char *name;               /* for the log */
	const struct conf_source *conf; /* its section; NULL: the ports of the file */
	struct gnomon_engine *engine;   /* of its PTP Instance; NULL: it is none */

	double interval_s;         /* between samples */
	double reference_bound_ns; /* of a PTP grandmaster, by its clockAccuracy; < 0: unknown */
	char gm[GNOMON_CLOCK_IDENTITY_STRLEN];
	bool unbounded;            /* nobody said of its last sample how wrong it is itself */
	unsigned int steps_removed;
	int ptp_timescale;         /* of the grandmaster: 1, 0 (arbitrary); -1: it is us */
	char alarm[96];            /* why it is not to be used; "" */
};

/** Who has to know what is done to the clock, as it is done. Functions may be NULL. */
struct keeper_watch {
	void *context;
	void (*before)(void *context); /* its frequency is about to be set */
	void (*frequency)(void *context, double before_ppb, double after_ppb); /* and was */
	/** It was stepped within error_ns; INFINITY: nobody knows by how much. ours: by us, now. */
	void (*stepped)(void *context, gnomon_span by, double error_ns, bool ours);
	void (*measured)(void *context); /* by a source, and that was believed */
};

struct keeper {
	/* Set by the owner before keeper_init. */
	const struct conf *conf;
	struct log *log;
	struct gnomon_engine *engine; /* with the ports of the file */
	struct gnomon_clock *clock;   /* the keeper's from then on */
	struct handover handover; /* to who keeps it instead; zeroed: nobody; the keeper's too */
	struct keeper_source *sources; /* of malloc(), the keeper's too */
	unsigned int source_count;
	unsigned int listed; /* and the ports of the file, if they are none */
	const struct gnomon_holdover_model *model; /* of an earlier run; NULL: there is none */
	double model_age_s;
	bool has_start_frequency; /* likewise, but no more than this: */
	double start_frequency_ppb;

	struct gnomon_ensemble *ensemble;
	void *memory; /* of the ensemble */
	int selected;              /* source that is followed, -1: none */
	int reference;             /* ... or was last */
	bool changed;              /* who is followed has; the reader clears it */
	struct keeper_watch watch; /* zeroed: nobody */
	struct witness witness;    /* of steps by others */
	gnomon_mono look;          /* when it looks next */
	bool doubted;              /* ... which is to be at once */
	struct timescale timescale;
	enum gnomon_servo_state state;
	double frequency_ppb;      /* in force, or needed when free running */
	gnomon_time last_local;    /* of the last sample used: tells where an insane clock went */
	gnomon_mono last_mono;
	gnomon_mono kernel_told;   /* when the kernel was told that it is synchronized */
	gnomon_mono lost;          /* since when no source is followed */
	int64_t lost_ns;           /* how long then, when it is told again */
	double summary_s;          /* of statistics lines */
	struct report_stats stats;
};

/**
 * Build the ensemble for the clock. software_stamps: what the servo has to expect. Returns 0,
 * -EINVAL, -ENOMEM; keeper_finish is due even then.
 */
int keeper_init(struct keeper *k, bool software_stamps);

/** Nothing can go wrong any more: the clock goes on as it is known to need it. */
void keeper_start(struct keeper *k);

/** Give the clock back as it was found, as far as that is configured, and release everything. */
void keeper_finish(struct keeper *k);

/** A stamp as local time of the engines; false: the clock cannot use it. */
bool keeper_local(struct keeper *k, enum gnomon_stamp_source source, gnomon_time stamp,
		  gnomon_time *local);

/** A reading of the clock as local time of the engines. */
gnomon_time keeper_reading(const struct keeper *k, gnomon_time reading);

/** The error bound of the clock; infinite while nothing is known of it. */
double keeper_bound(const struct keeper *k, gnomon_mono now);

/** TAI - UTC, in seconds, as far as it is known. */
int keeper_utc_offset(const struct keeper *k);

/** Where a sample comes from. */
struct keeper_origin {
	unsigned int source; /* of the keeper's */
	struct report_port port;
	enum gnomon_port_state state;
	double reference_bound_ns; /* of the source, as it says; < 0: by its configuration */
};

void keeper_sample(struct keeper *k, const struct keeper_origin *origin,
		   const struct gnomon_sample *sample, gnomon_mono now);

/** A source is not to be used until it has samples again. */
void keeper_alarm(struct keeper *k, unsigned int source, const char *why, gnomon_mono now);

/** Log how the sources stand, if there are several. */
void keeper_tell_sources(const struct keeper *k, gnomon_mono now);

/** Somebody saw the clock where it should not be: look at once whether it was stepped. */
void keeper_doubt(struct keeper *k, gnomon_mono now);

/** When keeper_expire has something to do. */
gnomon_mono keeper_deadline(const struct keeper *k);

/** Do what is due when samples fail to come; nothing before the deadline. */
void keeper_expire(struct keeper *k, gnomon_mono now);

void keeper_sync_interval(struct keeper *k, unsigned int source, int log_interval);

/** Management asks that the engines' time be this. */
void keeper_set_time(struct keeper *k, gnomon_time time, gnomon_mono now);

/** The engines' time; false: the clock cannot be read. */
bool keeper_time(struct keeper *k, gnomon_time *time);

/** changed: 1 << GNOMON_DATASET_... of an engine. */
void keeper_datasets(struct keeper *k, const struct gnomon_engine *engine, unsigned int changed,
		     gnomon_mono now);

/** Those of who is followed, or our own. */
void keeper_time_properties(const struct keeper *k, struct gnomon_time_properties_ds *properties);

/** The source that is followed, or was last; NULL: none ever was. */
const struct keeper_source *keeper_reference(const struct keeper *k);

/** The grandmaster of the source that is followed, or of the ports of the file. */
const char *keeper_grandmaster(const struct keeper *k);

#endif
