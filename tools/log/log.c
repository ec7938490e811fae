/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/log/log.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include "drivers/timer.h"

static const struct {
	const char *name;
	int level;
	enum log_class class;
} events[LOG_EVENT_COUNT] = {
	[LOG_START] = { "start", LOG_NOTICE, LOG_CLASS_LOCAL },
	[LOG_STOP] = { "stop", LOG_NOTICE, LOG_CLASS_LOCAL },
	[LOG_CLOCK] = { "clock", LOG_INFO, LOG_CLASS_LOCAL },
	[LOG_PORT] = { "port", LOG_INFO, LOG_CLASS_LOCAL },
	[LOG_PORT_STATE] = { "port-state", LOG_NOTICE, LOG_CLASS_REMOTE },
	[LOG_PORT_WAITING] = { "port-waiting", LOG_WARNING, LOG_CLASS_LOCAL },
	[LOG_LINK] = { "link", LOG_NOTICE, LOG_CLASS_LOCAL },
	[LOG_BEST] = { "best-clock", LOG_NOTICE, LOG_CLASS_REMOTE },
	[LOG_LOCAL] = { "best-clock", LOG_NOTICE, LOG_CLASS_REMOTE },
	[LOG_GRANDMASTER] = { "grandmaster", LOG_NOTICE, LOG_CLASS_REMOTE },
	[LOG_FOREIGN] = { "new-foreign-clock", LOG_NOTICE, LOG_CLASS_REMOTE },
	[LOG_SYNC] = { "sync", LOG_INFO, LOG_CLASS_LOCAL },
	[LOG_SUMMARY] = { "sync-summary", LOG_INFO, LOG_CLASS_LOCAL },
	[LOG_SOURCE] = { "source-state", LOG_NOTICE, LOG_CLASS_REMOTE },
	[LOG_SOURCE_ERROR] = { "source-error", LOG_WARNING, LOG_CLASS_LOCAL },
	[LOG_SWITCH] = { "source-switch", LOG_NOTICE, LOG_CLASS_REMOTE },
	[LOG_ANNOUNCE] = { "announce", LOG_NOTICE, LOG_CLASS_REMOTE },
	[LOG_HOLDOVER] = { "holdover", LOG_NOTICE, LOG_CLASS_LOCAL },
	[LOG_STATE_FILE] = { "state-file", LOG_INFO, LOG_CLASS_LOCAL },
	[LOG_STEP] = { "clock-step", LOG_NOTICE, LOG_CLASS_LOCAL },
	[LOG_STEPPED] = { "clock-stepped", LOG_WARNING, LOG_CLASS_LOCAL },
	[LOG_SANITY] = { "clock-insane", LOG_WARNING, LOG_CLASS_REMOTE },
	[LOG_UTC_OFFSET] = { "utc-offset", LOG_INFO, LOG_CLASS_REMOTE },
	[LOG_LEAP] = { "leap-second", LOG_NOTICE, LOG_CLASS_REMOTE },
	[LOG_TIMESCALE] = { "timescale", LOG_WARNING, LOG_CLASS_REMOTE },
	[LOG_SYNC_TIMEOUT] = { "sync-timeout", LOG_WARNING, LOG_CLASS_REMOTE },
	[LOG_DELAY_TIMEOUT] = { "delay-timeout", LOG_WARNING, LOG_CLASS_REMOTE },
	[LOG_DELAY_UNANSWERED] = { "delay-unanswered", LOG_WARNING, LOG_CLASS_REMOTE },
	[LOG_DELAY_INTERVAL] = { "delay-interval", LOG_NOTICE, LOG_CLASS_REMOTE },
	[LOG_SYNC_INTERVAL] = { "sync-interval", LOG_INFO, LOG_CLASS_REMOTE },
	[LOG_TX_LOST] = { "tx-timestamp-lost", LOG_ERR, LOG_CLASS_REMOTE },
	[LOG_RX_MISSING] = { "rx-timestamp-missing", LOG_ERR, LOG_CLASS_REMOTE },
	[LOG_PEER_DETECTED] = { "peer-detected", LOG_INFO, LOG_CLASS_REMOTE },
	[LOG_MULTIPLE_RESPONDERS] = { "multiple-responders", LOG_WARNING, LOG_CLASS_REMOTE },
	[LOG_PEER_DELAY] = { "peer-delay", LOG_DEBUG, LOG_CLASS_REMOTE },
	[LOG_DUPLICATE_IDENTITY] = { "duplicate-identity", LOG_WARNING, LOG_CLASS_REMOTE },
	[LOG_LOOP] = { "path-trace-loop", LOG_WARNING, LOG_CLASS_REMOTE },
	[LOG_SEND_FAILED] = { "send-failed", LOG_ERR, LOG_CLASS_REMOTE },
	[LOG_FAULT_WAIT] = { "fault-wait", LOG_DEBUG, LOG_CLASS_REMOTE },
	[LOG_CLOCK_ERROR] = { "clock-error", LOG_ERR, LOG_CLASS_REMOTE },
	[LOG_LINK_ERROR] = { "link-error", LOG_ERR, LOG_CLASS_REMOTE },
	[LOG_NOTE] = { "note", LOG_INFO, LOG_CLASS_LOCAL },
	[LOG_GUEST] = { "guest", LOG_NOTICE, LOG_CLASS_LOCAL },
	[LOG_GUEST_STATUS] = { "guest-status", LOG_NOTICE, LOG_CLASS_REMOTE },
	[LOG_GUEST_COUNTER] = { "guest-counter", LOG_NOTICE, LOG_CLASS_REMOTE },
	[LOG_GUEST_MOVE] = { "guest-move", LOG_NOTICE, LOG_CLASS_REMOTE },
	[LOG_GUEST_DISRUPTION] = { "guest-disruption", LOG_NOTICE, LOG_CLASS_REMOTE },
	[LOG_GUEST_DAMAGE] = { "guest-damage", LOG_WARNING, LOG_CLASS_REMOTE },
	[LOG_GUEST_ERROR] = { "guest-error", LOG_WARNING, LOG_CLASS_LOCAL },
	[LOG_COUNTERS] = { "counters", LOG_INFO, LOG_CLASS_LOCAL },
	[LOG_LOST] = { "lines-lost", LOG_WARNING, LOG_CLASS_LOCAL },
	[LOG_DISRUPTION] = { "disruption", LOG_WARNING, LOG_CLASS_LOCAL },
	[LOG_DISAGREE] = { "clocks-disagree", LOG_ERR, LOG_CLASS_LOCAL },
};

/* The names of syslog's levels. */
static const char *level_name(int level)
{
	static const char *const names[] = { "emergency", "alert",  "critical", "error",
					     "warning",   "notice", "info",     "debug" };

	return names[level & 7];
}

const char *log_event_name(enum log_event event)
{
	return events[event].name;
}

/*
 * Whether a line would be taken at once. A pipe that is writable takes a page, and a line is
 * shorter. The descriptor is not made non-blocking: others may share it, and would be surprised.
 */
static bool is_writable(void)
{
	struct pollfd out = { .fd = STDOUT_FILENO, .events = POLLOUT };

	return poll(&out, 1, 0) != 0; /* what is broken does not block */
}

/* A socket's free room may be less than a line, but there is a way to ask. */
static ssize_t write_now(const char *text, size_t len)
{
	const ssize_t n = send(STDOUT_FILENO, text, len, MSG_DONTWAIT);

	return n < 0 && errno == ENOTSOCK ? write(STDOUT_FILENO, text, len) : n;
}

/* To the standard output, without stdio's buffers and without waiting: who reads it may hang. */
static void write_stdout(struct log *log, int level, const char *line, size_t len)
{
	bool begun = false;

	if (log->torn && is_writable() && write_now("\n", 1) == 1) {
		log->torn = false;
	}
	while (len > 0) {
		const bool room = !log->torn && is_writable();
		const ssize_t n = room ? write_now(line, len) : 0;

		if (n <= 0) {
			/* What is closed or full for good has no reader to tell. */
			log->lost += !room || errno == EAGAIN;
			log->torn |= begun;
			return;
		}
		begun = true;
		line += n;
		len -= (size_t)n;
	}
}

void log_init(struct log *log, const char *program, const struct conf *conf)
{
	memset(log, 0, sizeof(*log));
	log->program = program;
	log->pid = (long)getpid();
	log->format = conf->log_format;
	log->level = conf->logging_level;
	log->verbose = conf->verbose;
	log->use_syslog = conf->use_syslog;
	log->tag = conf->message_tag;
	log->now = timer_now;
	log->write = write_stdout;
	log->burst = LOG_BURST * (unsigned int)(conf->port_count + 1);
	for (int i = 0; i < LOG_EVENT_COUNT; i++) {
		log->buckets[i].tokens = log->burst;
	}
	if (log->use_syslog) {
		openlog(program, log->format == CONF_LOG_PTP4L ? 0 : LOG_PID, LOG_DAEMON);
	}
}

void log_finish(struct log *log)
{
	if (log->use_syslog) {
		closelog();
	}
}

/* -- building --------------------------------------------------------------------------------- */

/* Room kept for the end of the line: a brace, a newline, a NUL. */
#define TAIL 3

static void __attribute__((format(printf, 2, 0)))
vappend(struct log *log, const char *format, va_list args)
{
	size_t room = LOG_LINE_MAX - TAIL - log->len;
	int n = vsnprintf(log->line + log->len, room + 1, format, args);

	if (n > 0) {
		log->cut |= (size_t)n > room;
		log->len += (size_t)n < room ? (size_t)n : room;
	}
}

static void append(struct log *log, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void append(struct log *log, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vappend(log, format, args);
	va_end(args);
}

static void append_char(struct log *log, char c)
{
	if (log->len < LOG_LINE_MAX - TAIL) {
		log->line[log->len++] = c;
	} else {
		log->cut = true;
	}
}

/* message_tag, with {level} as ptp4l fills it in. */
static void append_tag(struct log *log, int level)
{
	for (const char *p = log->tag; *p; p++) {
		if (strncmp(p, "{level}", 7) == 0) {
			append_char(log, (char)('0' + level));
			p += 6;
		} else {
			append_char(log, *p);
		}
	}
}

/* Octets of the character at p, which is not ASCII; 0: it is not UTF-8 (RFC 3629). */
static size_t utf8_length(const unsigned char *p)
{
	size_t len = *p >= 0xf0 ? 4 : *p >= 0xe0 ? 3 : 2;
	uint32_t code = *p & (0x7fu >> len);

	if (*p < 0xc2 || *p > 0xf4) {
		return 0;
	}
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80) {
			return 0;
		}
		code = code << 6 | (p[i] & 0x3fu);
	}
	if ((len == 3 && code < 0x800) || (len == 4 && (code < 0x10000 || code > 0x10ffff)) ||
	    (code >= 0xd800 && code <= 0xdfff)) {
		return 0;
	}
	return len;
}

/* A text in quotes, safe for JSON and for people: interface names may hold any octets. */
static void append_quoted(struct log *log, const char *value)
{
	append_char(log, '"');
	for (const unsigned char *p = (const unsigned char *)value; *p; p++) {
		if (*p == '"' || *p == '\\') {
			append_char(log, '\\');
			append_char(log, (char)*p);
		} else if (*p < ' ' || *p == 0x7f) {
			append(log, "\\u%04x", *p);
		} else if (*p < 0x80) {
			append_char(log, (char)*p);
		} else {
			size_t len = utf8_length(p);

			append(log, "%.*s", len ? (int)len : 6, len ? (const char *)p : "\\ufffd");
			p += len ? len - 1 : 0;
		}
	}
	append_char(log, '"');
}

/* One token a second, up to a burst. False: no token is left. */
static bool take_token(struct log_bucket *b, unsigned int burst, int64_t now_ns)
{
	int64_t seconds = (now_ns - b->refilled_ns) / GNOMON_NSEC_PER_SEC;

	if (seconds > 0) {
		b->tokens = seconds < burst ? b->tokens + (unsigned int)seconds : burst;
		b->tokens = b->tokens < burst ? b->tokens : burst;
		b->refilled_ns = now_ns;
	}
	if (b->tokens == 0) {
		b->suppressed++;
		return false;
	}
	b->tokens--;
	return true;
}

/* Program, time and level, and the name of the event where the format has it. */
static void begin_prefix(struct log *log, int level, gnomon_mono now)
{
	long long sec = now.ns / GNOMON_NSEC_PER_SEC;
	int ms = (int)(now.ns % GNOMON_NSEC_PER_SEC / 1000000);

	switch ((enum conf_log_format)log->format) {
	case CONF_LOG_NATIVE:
		append(log, "%s[%ld]: %lld.%03d %s ", log->program, log->pid, sec, ms,
		       level_name(level));
		log->body = log->len;
		append(log, "%s", events[log->event].name);
		break;
	case CONF_LOG_JSON:
		append(log, "{\"time\":%lld.%03d,\"program\":\"%s\",\"pid\":%ld,\"level\":\"%s\",",
		       sec, ms, log->program, log->pid, level_name(level));
		append(log, "\"event\":\"%s\"", events[log->event].name);
		break;
	case CONF_LOG_PTP4L:
		append(log, "%s", log->program);
		log->body = log->len;
		append(log, "[%lld.%03d]: ", sec, ms);
		if (log->tag[0]) {
			append_tag(log, level);
			append_char(log, ' ');
		}
		break;
	}
}

/* Before the first line there is room for again. */
static void tell_lost(struct log *log)
{
	const unsigned int lost = log->lost;

	log->lost = 0;
	if (log_begin(log, LOG_LOST)) {
		log_text(log, "%u lines lost: nobody read the standard output", lost);
		log_int(log, "lines", lost);
		log_end(log);
	}
	log->lost = log->lost ? lost : 0;
}

/* What nobody will read is not built; what is left out by the limit is counted. */
bool log_begin_at(struct log *log, enum log_event event, int level)
{
	struct log_bucket *b = &log->buckets[event];
	gnomon_mono now;
	unsigned int suppressed;

	if (level > log->level || (!log->verbose && !log->use_syslog)) {
		return false;
	}
	if (log->lost && is_writable()) {
		tell_lost(log);
	}
	now = log->now();
	if (events[event].class == LOG_CLASS_REMOTE && !take_token(b, log->burst, now.ns)) {
		return false;
	}
	suppressed = b->suppressed;
	b->suppressed = 0;
	log->event = event;
	log->len = 0;
	log->body = 0;
	log->line_level = level;
	begin_prefix(log, level, now);
	if (log->tag[0]) {
		log_str(log, "tag", log->tag);
	}
	if (log->section) {
		log_str(log, "section", log->section);
	}
	if (suppressed) {
		log_int(log, "suppressed", suppressed);
	}
	return true;
}

bool log_begin(struct log *log, enum log_event event)
{
	return log_begin_at(log, event, events[event].level);
}

void log_text(struct log *log, const char *format, ...)
{
	va_list args;

	if (log->format == CONF_LOG_PTP4L) {
		va_start(args, format);
		vappend(log, format, args);
		va_end(args);
	}
}

/* A field's name; false if the format has no fields. */
static bool begin_field(struct log *log, const char *key)
{
	log->field = log->len;
	log->cut = false;
	switch ((enum conf_log_format)log->format) {
	case CONF_LOG_NATIVE:
		append(log, " %s=", key);
		return true;
	case CONF_LOG_JSON:
		append(log, ",\"%s\":", key);
		return true;
	case CONF_LOG_PTP4L:
		break;
	}
	return false;
}

/* Half a field would be worse than none. */
static void end_field(struct log *log)
{
	if (log->cut) {
		log->len = log->field;
	}
}

void log_str(struct log *log, const char *key, const char *value)
{
	if (!begin_field(log, key)) {
		return;
	}
	if (log->format == CONF_LOG_JSON || value[0] == '\0' || strpbrk(value, " \"\\=\n\t")) {
		append_quoted(log, value);
	} else {
		append(log, "%s", value);
	}
	end_field(log);
}

void log_int(struct log *log, const char *key, int64_t value)
{
	if (begin_field(log, key)) {
		append(log, "%lld", (long long)value);
		end_field(log);
	}
}

void log_num(struct log *log, const char *key, double value, int decimals)
{
	if (!begin_field(log, key)) {
		return;
	}
	if (isfinite(value)) {
		append(log, "%.*f", decimals, value);
	} else {
		append(log, "null");
	}
	end_field(log);
}

void log_bool(struct log *log, const char *key, bool value)
{
	if (begin_field(log, key)) {
		append(log, "%s", value ? "true" : "false");
		end_field(log);
	}
}

/* The system log has the program and the time; ptp4l repeats the time, without the colon. */
static void send_syslog(const struct log *log)
{
	const char *body = log->line + log->body;
	int time = log->format == CONF_LOG_PTP4L ? (int)strcspn(body, ":") : 0;

	syslog(log->line_level, "%.*s%s", time, body, body + time + (time > 0));
}

void log_end(struct log *log)
{
	if (log->format == CONF_LOG_JSON) {
		log->line[log->len++] = '}';
	}
	log->line[log->len] = '\0';
	if (log->use_syslog) {
		send_syslog(log);
	}
	log->line[log->len++] = '\n';
	if (log->verbose) {
		log->write(log, log->line_level, log->line, log->len);
	}
}
