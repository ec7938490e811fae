/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * What the daemon has to say, each kind of event as one function: its fields, and the line ptp4l
 * writes for it. Interfaces are named as they are configured.
 */
#ifndef GNOMOND_REPORT_H
#define GNOMOND_REPORT_H

#include <gnomon/engine.h>
#include <gnomon/ensemble.h>
#include <gnomon/servo.h>

#include "tools/log/log.h"

/** Which port an event is about. number 0: the clock. */
struct report_port {
	unsigned int number;
	const char *interface;
	const char *source; /* section of the file it belongs to; NULL: the file's own ports */
};

/** Running, and with what. clock: its device or name; stamping: the ports' mode, by name. */
void report_start(struct log *log, const struct conf *conf, const char *clock, int phc_index,
		  const char *stamping, const struct gnomon_clock_identity *identity);
void report_stop(struct log *log, const char *reason);

/**
 * A port exists, or stamps in another way from now on: transport, delay mechanism and time stamps,
 * by their names in a file. why: what keeps it from better stamps; "" if nothing does.
 */
void report_port(struct log *log, struct report_port port, const char *stamping, const char *why,
		 const struct conf_port *c);

void report_state(struct log *log, struct report_port port,
		  const struct gnomon_state_change *change);

/** All ports have been started. ptp4l only, whose port 0 takes management messages. */
void report_started(struct log *log);

/** An event of the engine. local: this clock's identity; port_count: ports there are. */
void report_event(struct log *log, struct report_port port,
		  const struct gnomon_engine_event_data *event, unsigned int port_count);

void report_link(struct log *log, struct report_port port, bool up);

/** Something of a port or a clock failed; text says what and what to do. */
void report_port_error(struct log *log, enum log_event event, struct report_port port,
		       const char *text);
void report_clock_error(struct log *log, const char *what, int code);

/** A port that gets nowhere; text says why and what to do. Natively only. */
void report_waiting(struct log *log, struct report_port port, const char *text);

/** Something the user should know once. */
void report_note(struct log *log, const char *text);
/** The same of something that should be mended. */
void report_trouble(struct log *log, const char *text);
/** Messages in and out, and every other counter that is not zero: why messages were not used. */
void report_counters(struct log *log, struct report_port port,
		     const struct gnomon_port_counters *counters);

/** One update of the clock, and what it stands in. Without a port, of a source that is read. */
struct report_sync {
	struct report_port port;
	enum gnomon_port_state state;
	enum gnomon_servo_state servo;
	double offset_ns;     /* this clock minus its timeTransmitter */
	double frequency_ppb; /* adjustment in force */
	double mean_delay_ns;
	double bound_ns;
	const char *gm;
	unsigned int steps_removed;
};

/** Statistics of the updates since the last line. */
struct report_stats {
	struct gnomon_stats offset;
	struct gnomon_stats frequency;
	struct gnomon_stats delay;
};

void report_sync(struct log *log, const struct report_sync *sync);

/** last: the update that completes the statistics. */
void report_summary(struct log *log, const struct report_stats *stats,
		    const struct report_sync *last);

/** How a time source stands. */
struct report_source {
	const char *name;
	enum gnomon_source_state state;
	char why[96];     /* "" if the state says it all */
	bool measured;    /* the rest is known */
	double offset_ns; /* this clock minus the source */
	double bound_ns;
};

void report_source(struct log *log, const struct report_source *source);

/** What the source is read from failed. */
void report_source_error(struct log *log, const char *name, const char *text);

/** It has answered again. */
void report_source_again(struct log *log, const char *name);

/** Another source is followed. "": none was, or is. */
void report_switch(struct log *log, const char *before, const char *now);

/** What other clocks are told of this one. */
struct report_claim {
	uint8_t clock_class;
	uint8_t clock_accuracy;
	uint8_t time_source;
};

/** They are told something else. why: how the clock stands; source: by whom, "" nobody. Natively
 * only. */
void report_announce(struct log *log, const struct report_claim *before,
		     const struct report_claim *now, const char *why, const char *source,
		     double bound_ns);

/** What an earlier run left: an adjustment, and perhaps all that is known of the oscillator. */
void report_state_file(struct log *log, const char *path, double age_s, double frequency_ppb,
		       bool learnt);

/** No source is followed, still none is, or one is again. */
struct report_holdover {
	enum gnomon_ensemble_mode mode;
	double frequency_ppb; /* in force */
	double frequency_error_ppb;
	double bound_ns;
	double lasted_s;      /* until now */
};

void report_holdover(struct log *log, const struct report_holdover *holdover);

void report_step(struct log *log, gnomon_span by);
/** Somebody else did that; or the machine was suspended, and nobody knows what the clock shows. */
void report_stepped(struct log *log, double by_ns, double error_ns);
void report_slept(struct log *log, double slept_s);
/** faster: which way the clock ran off. */
void report_sanity(struct log *log, bool faster);
void report_utc_offset(struct log *log, int seconds, bool valid);
/** leap: 61, 59 or 0. */
void report_leap(struct log *log, int leap);
/** ptp: the timeTransmitter's time is TAI; else nobody knows what it is, and it is taken as UTC.
 * source: which of several it is; NULL: the only one. */
void report_timescale(struct log *log, bool ptp, const char *source);

#endif
