/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Log lines. An event is built field by field and written as one line, in one of three formats:
 *
 *     if (log_begin(log, LOG_PORT_STATE)) {
 *             log_text(log, "port %u: link %s", port, word);   ptp4l's line
 *             log_int(log, "port", port);                      fields of the others
 *             log_str(log, "link", word);
 *             log_end(log);
 *     }
 *
 * What the level or the rate limit leaves out costs one comparison.
 */
#ifndef LOG_LOG_H
#define LOG_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include <gnomon/time.h>

#include "tools/config/config.h"

/** Whose doing an event is. */
enum log_class {
	LOG_CLASS_LOCAL,  /* ours, or this machine's */
	LOG_CLASS_REMOTE, /* another clock's, which could make us write without end: limited */
};

/** Kinds of lines. The names stand in one table, and scripts know them: never rename one. */
enum log_event {
	LOG_START,
	LOG_STOP,
	LOG_CLOCK,
	LOG_PORT,
	LOG_PORT_STATE,
	LOG_PORT_WAITING,
	LOG_LINK,
	LOG_BEST,
	LOG_LOCAL,
	LOG_GRANDMASTER,
	LOG_FOREIGN,
	LOG_SYNC,
	LOG_SUMMARY,
	LOG_SOURCE,
	LOG_SOURCE_ERROR,
	LOG_SWITCH,
	LOG_ANNOUNCE,
	LOG_HOLDOVER,
	LOG_STATE_FILE,
	LOG_STEP,
	LOG_STEPPED,
	LOG_SANITY,
	LOG_UTC_OFFSET,
	LOG_LEAP,
	LOG_TIMESCALE,
	LOG_SYNC_TIMEOUT,
	LOG_DELAY_TIMEOUT,
	LOG_DELAY_UNANSWERED,
	LOG_DELAY_INTERVAL,
	LOG_SYNC_INTERVAL,
	LOG_TX_LOST,
	LOG_RX_MISSING,
	LOG_PEER_DETECTED,
	LOG_MULTIPLE_RESPONDERS,
	LOG_PEER_DELAY,
	LOG_DUPLICATE_IDENTITY,
	LOG_LOOP,
	LOG_SEND_FAILED,
	LOG_FAULT_WAIT,
	LOG_CLOCK_ERROR,
	LOG_LINK_ERROR,
	LOG_NOTE,
	LOG_GUEST,
	LOG_GUEST_STATUS,
	LOG_GUEST_COUNTER,
	LOG_GUEST_MOVE,
	LOG_GUEST_DISRUPTION,
	LOG_GUEST_DAMAGE,
	LOG_GUEST_ERROR,
	LOG_COUNTERS,
	LOG_LOST,
	LOG_DISRUPTION,
	LOG_DISAGREE,
	LOG_EVENT_COUNT
};

/** Longest line; a field that does not fit is left out, a text is cut. */
#define LOG_LINE_MAX 768

/** A REMOTE event may come as a burst of so many, and as many per port, then one a second. */
#define LOG_BURST 8

struct log_bucket {
	int64_t refilled_ns;
	unsigned int tokens;
	unsigned int suppressed;
};

struct log;

/** Takes a finished line, with its newline. */
typedef void log_write_fn(struct log *log, int level, const char *line, size_t len);

struct log {
	const char *program;
	long pid;
	int format; /* enum conf_log_format */
	int level;  /* of syslog: the most verbose written */
	bool verbose;
	bool use_syslog;
	const char *tag;
	const char *section; /* of the configuration, that lines are about; NULL: none */
	unsigned int burst;
	gnomon_mono (*now)(void);
	log_write_fn *write;  /* the standard output; tests give their own */
	unsigned int lost;    /* lines for which the standard output had no room */
	bool torn;            /* the last one got there in part */
	struct log_bucket buckets[LOG_EVENT_COUNT];
	enum log_event event; /* of the line being built, and so on: */
	int line_level;
	size_t len;
	size_t body;  /* where the system log's part begins */
	size_t field; /* where the last field begins */
	bool cut;     /* the last field did not fit */
	char line[LOG_LINE_MAX];
};

/** Take format, level and destinations from the configuration; conf outlives log. */
void log_init(struct log *log, const char *program, const struct conf *conf);
void log_finish(struct log *log);

/** "port-state", ... */
const char *log_event_name(enum log_event event);

/** Begin a line; false: it is not wanted. */
bool log_begin(struct log *log, enum log_event event);
/** Begin a line at another level than the event's own. */
bool log_begin_at(struct log *log, enum log_event event, int level);

/** What ptp4l says of it. */
void log_text(struct log *log, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Fields of the native and the JSON format. */
void log_str(struct log *log, const char *key, const char *value);
void log_int(struct log *log, const char *key, int64_t value);
/** With that many decimals; infinite and undefined numbers are written as null. */
void log_num(struct log *log, const char *key, double value, int decimals);
void log_bool(struct log *log, const char *key, bool value);

/** Write the line. */
void log_end(struct log *log);

#endif
