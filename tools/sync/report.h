/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Log lines of clock-to-clock synchronization; as phc2sys, that program's.
 */
#ifndef SYNC_REPORT_H
#define SYNC_REPORT_H

#include <gnomon/servo.h>
#include <gnomon/time.h>

#include "tools/log/log.h"

/** One update of a sink. */
struct sync_update {
	const char *sink;
	const char *source;
	enum gnomon_servo_state servo;
	gnomon_span offset;
	double frequency_ppb;
	int64_t delay_ns;   /* the window of the reading; < 0: there was none */
	double error_ns;    /* half of it */
	const char *method; /* of the reading; NULL: a pulse */
	double bound_ns;
};

/** A pair is configured. */
void sync_report_start(struct log *log, const char *sink, const char *source, double interval_s,
		       bool steered);

void sync_report_update(struct log *log, const struct sync_update *update);

void sync_report_summary(struct log *log, const struct gnomon_stats *offset,
			 const struct gnomon_stats *frequency, const struct gnomon_stats *delay,
			 const struct sync_update *last);

void sync_report_step(struct log *log, const char *sink, gnomon_span by);
void sync_report_sanity(struct log *log, const char *sink, bool faster);
void sync_report_leap(struct log *log, const char *sink, int leap);
void sync_report_suspended(struct log *log, const char *sink);
void sync_report_utc_offset(struct log *log, const char *sink, int seconds);

/** What could not be done to which clock, and why. */
void sync_report_failure(struct log *log, const char *clock, const char *what, int err);

/** A line of a level of syslog; text is the same in every format. */
void sync_report_note(struct log *log, int level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
