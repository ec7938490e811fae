/* SPDX-License-Identifier: BSD-2-Clause */
#include "report.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "drivers/error.h"

static void put_update(struct log *log, const struct sync_update *u)
{
	const char servo[3] = { 's', (char)('0' + u->servo), '\0' };

	log_str(log, "sink", u->sink);
	log_str(log, "source", u->source);
	log_str(log, "servo", servo);
	log_num(log, "offset_ns", gnomon_span_to_double(u->offset), 3);
	log_num(log, "frequency_ppb", u->frequency_ppb, 3);
	if (u->method) {
		log_num(log, "error_ns", u->error_ns, 1);
		log_str(log, "method", u->method);
	}
	log_num(log, "bound_ns", u->bound_ns, 0);
}

void sync_report_start(struct log *log, const char *sink, const char *source, double interval_s,
		       bool steered)
{
	if (log_begin(log, LOG_START)) {
		log_text(log, "%s is kept by %s", sink, source);
		log_str(log, "sink", sink);
		log_str(log, "source", source);
		log_num(log, "interval_s", interval_s, 6);
		log_bool(log, "steered", steered);
		log_end(log);
	}
}

/* phc2sys has whole ns, and counts frequency as what the clock would do by itself. */
void sync_report_update(struct log *log, const struct sync_update *u)
{
	if (!log_begin(log, LOG_SYNC)) {
		return;
	}
	log_text(log, "%s %s offset %9lld s%d freq %+7.0f", u->sink, u->source,
		 (long long)u->offset.ns, (int)u->servo, 0.0 - u->frequency_ppb);
	if (u->delay_ns >= 0) {
		log_text(log, " delay %6lld", (long long)u->delay_ns);
	}
	put_update(log, u);
	log_end(log);
}

void sync_report_summary(struct log *log, const struct gnomon_stats *offset,
			 const struct gnomon_stats *frequency, const struct gnomon_stats *delay,
			 const struct sync_update *last)
{
	const double rms = gnomon_stats_rms(offset);

	if (!log_begin(log, LOG_SUMMARY)) {
		return;
	}
	log_text(log, "%s rms %4.0f max %4.0f freq %+6.0f +/- %3.0f", last->sink, rms,
		 offset->max_abs, 0.0 - frequency->mean, gnomon_stats_stddev(frequency));
	if (delay->count > 0) {
		log_text(log, " delay %5.0f +/- %3.0f", delay->mean, gnomon_stats_stddev(delay));
	}
	log_int(log, "updates", offset->count);
	log_num(log, "rms_ns", rms, 3);
	log_num(log, "max_ns", offset->max_abs, 3);
	log_num(log, "frequency_mean_ppb", frequency->mean, 3);
	log_num(log, "frequency_stddev_ppb", gnomon_stats_stddev(frequency), 3);
	if (delay->count > 0) {
		log_num(log, "delay_mean_ns", delay->mean, 3);
		log_num(log, "delay_stddev_ns", gnomon_stats_stddev(delay), 3);
	}
	put_update(log, last);
	log_end(log);
}

/* phc2sys steps without a word. */
void sync_report_step(struct log *log, const char *sink, gnomon_span by)
{
	if (log->format != CONF_LOG_PTP4L && log_begin(log, LOG_STEP)) {
		log_str(log, "sink", sink);
		log_num(log, "step_ns", gnomon_span_to_double(by), 0);
		log_end(log);
	}
}

void sync_report_sanity(struct log *log, const char *sink, bool faster)
{
	if (log_begin(log, LOG_SANITY)) {
		log_text(log, "clockcheck: clock jumped %s than expected!",
			 faster ? "forward or running faster" : "backward or running slower");
		log_str(log, "sink", sink);
		log_str(log, "clock", faster ? "faster" : "slower");
		log_end(log);
	}
}

void sync_report_leap(struct log *log, const char *sink, int leap)
{
	const char *word = leap == 61 ? "insert" : leap == 59 ? "delete" : "none";

	if ((leap || log->format != CONF_LOG_PTP4L) && log_begin(log, LOG_LEAP)) {
		log_text(log, "clock set to %s leap second at midnight (UTC)", word);
		log_str(log, "sink", sink);
		log_str(log, "leap", word);
		log_end(log);
	}
}

void sync_report_suspended(struct log *log, const char *sink)
{
	if (log_begin_at(log, LOG_NOTE, 6)) {
		log_text(log, "clock update suspended due to leap second");
		log_str(log, "sink", sink);
		log_str(log, "text", "clock update suspended due to leap second");
		log_end(log);
	}
}

void sync_report_utc_offset(struct log *log, const char *sink, int seconds)
{
	if (log->format != CONF_LOG_PTP4L && log_begin(log, LOG_UTC_OFFSET)) {
		log_str(log, "sink", sink);
		log_int(log, "utc_offset", seconds);
		log_end(log);
	}
}

/* What to do about what happens while running; NULL: nothing that would be known. */
static const char *remedy(const struct log *log, int err)
{
	switch (err) {
	case -EPERM:
	case -EACCES:
		return "run as root, or with CAP_SYS_TIME and the right to write to the device";
	case -ERANGE:
	case -EINVAL:
		return "the clock does not take that value: see max_frequency";
	case -ENODEV:
	case -ENXIO:
		return log->section ? "the device is gone: bring it back" :
				      "the device is gone: start again once it is back";
	case -ENOENT:
	case -ECONNREFUSED:
		return "nobody listens at the other end: start it; it is tried again";
	default:
		return NULL;
	}
}

void sync_report_failure(struct log *log, const char *clock, const char *what, int err)
{
	if (log_begin(log, LOG_CLOCK_ERROR)) {
		log_text(log, "failed to %s: %s", what, driver_strerror(err));
		log_str(log, "clock", clock);
		log_str(log, "action", what);
		log_str(log, "error", driver_strerror(err));
		if (remedy(log, err)) {
			log_str(log, "remedy", remedy(log, err));
		}
		log_end(log);
	}
}

void sync_report_note(struct log *log, int level, const char *format, ...)
{
	char text[320];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (log_begin_at(log, LOG_NOTE, level)) {
		log_text(log, "%s", text);
		log_str(log, "text", text);
		log_end(log);
	}
}
