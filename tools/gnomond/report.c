/* SPDX-License-Identifier: BSD-2-Clause */
#include "report.h"

#include <stdio.h>
#include <string.h>

#include "drivers/error.h"

/* The same two fields in every event of a port. */
static void put_port(struct log *log, struct report_port port)
{
	if (port.source) {
		log_str(log, "source", port.source);
	}
	if (port.number) {
		log_int(log, "port", port.number);
		log_str(log, "interface", port.interface);
	}
}

/* How ptp4l's line about a port begins; it has ports of one instance only. */
static void text_port(struct log *log, struct report_port port)
{
	if (port.source) {
		log_text(log, "source %s ", port.source);
	}
	log_text(log, "port %u: ", port.number);
}

/* The value of an enumerated key, under the key's name. */
static void put_label(struct log *log, const char *key, int value)
{
	char label[32];

	log_str(log, key, conf_label(conf_key_find(key, strlen(key)), value, label));
}

void report_start(struct log *log, const struct conf *conf, const char *clock, int phc_index,
		  const char *stamping, const struct gnomon_clock_identity *identity)
{
	char id[GNOMON_CLOCK_IDENTITY_STRLEN];

	/* ptp4l says nothing but which PTP hardware clock it took. */
	if (log->format == CONF_LOG_PTP4L && phc_index < 0) {
		return;
	}
	if (log_begin_at(log, LOG_START, 6)) {
		log_text(log, "selected /dev/ptp%d as PTP clock", phc_index);
		log_str(log, "version", GNOMON_VERSION_STRING);
		log_str(log, "identity", gnomon_clock_identity_format(id, identity));
		put_label(log, "clock_type", conf->clock_type);
		log_str(log, "clock", clock);
		log_str(log, "time_stamping", stamping);
		log_int(log, "domain", conf->domain_number);
		log_int(log, "ports", (int64_t)conf->port_count);
		log_end(log);
	}
}

/* ptp4l stops without a word. */
void report_stop(struct log *log, const char *reason)
{
	if (log->format != CONF_LOG_PTP4L && log_begin(log, LOG_STOP)) {
		log_str(log, "reason", reason);
		log_end(log);
	}
}

/* ptp4l says nothing of its ports before they change state, and does not choose their stamps. */
void report_port(struct log *log, struct report_port port, const char *stamping, const char *why,
		 const struct conf_port *c)
{
	if ((log->format != CONF_LOG_PTP4L || why[0]) && log_begin(log, LOG_PORT)) {
		text_port(log, port);
		log_text(log, "%s time stamps: %s", stamping, why);
		put_port(log, port);
		put_label(log, "network_transport", c->network_transport);
		put_label(log, "delay_mechanism", c->delay_mechanism);
		log_str(log, "time_stamping", stamping);
		if (why[0]) {
			log_str(log, "why", why);
		}
		log_end(log);
	}
}

/* The only fault there is here is ptp4l's unspecified one. */
void report_state(struct log *log, struct report_port port,
		  const struct gnomon_state_change *change)
{
	const char *from = gnomon_port_state_name(change->from);
	const char *to = gnomon_port_state_name(change->to);
	const char *cause = gnomon_fsm_event_name(change->cause);

	if (log_begin(log, LOG_PORT_STATE)) {
		text_port(log, port);
		log_text(log, "%s to %s on %s%s", from, to, cause,
			 strcmp(cause, "FAULT_DETECTED") ? "" : " (FT_UNSPECIFIED)");
		put_port(log, port);
		log_str(log, "from", from);
		log_str(log, "state", to);
		log_str(log, "cause", cause);
		log_end(log);
	}
}

void report_started(struct log *log)
{
	if (log->format == CONF_LOG_PTP4L && log_begin(log, LOG_PORT_STATE)) {
		log_text(log, "port 0: INITIALIZING to LISTENING on INIT_COMPLETE");
		log_end(log);
	}
}

/* -- events of the engine --------------------------------------------------------------------- */

/* The best clock changed; ptp4l has two lines for it, others one. */
static void report_best(struct log *log, struct report_port port,
			const struct gnomon_clock_identity *identity, bool local)
{
	char id[GNOMON_CLOCK_IDENTITY_STRLEN];

	if (log_begin(log, local ? LOG_LOCAL : LOG_BEST)) {
		gnomon_clock_identity_format(id, identity);
		if (port.source) {
			log_text(log, "source %s ", port.source);
		}
		if (local) {
			log_text(log, "selected local clock %s as best master", id);
		} else {
			log_text(log, "selected best master clock %s", id);
		}
		put_port(log, (struct report_port){ 0, "", port.source });
		log_str(log, "gm", id);
		log_bool(log, "local", local);
		log_end(log);
	}
}

/* ptp4l says it once for every port. */
static void report_grandmaster(struct log *log, unsigned int port_count)
{
	unsigned int lines = log->format == CONF_LOG_PTP4L ? port_count : 1;

	for (unsigned int i = 1; i <= lines; i++) {
		if (log_begin(log, LOG_GRANDMASTER)) {
			log_text(log, "port %u: assuming the grand master role", i);
			log_end(log);
		}
	}
}

/* An event with the identity of another port. */
static void report_identity(struct log *log, enum log_event event, struct report_port port,
			    const char *text, const struct gnomon_port_identity *identity)
{
	char id[GNOMON_PORT_IDENTITY_STRLEN];

	if (log_begin(log, event)) {
		gnomon_port_identity_format(id, identity);
		text_port(log, port);
		log_text(log, "%s %s", text, id);
		put_port(log, port);
		log_str(log, "identity", id);
		log_end(log);
	}
}

/* ptp4l's names of messages are in capitals. */
static const char *capitals(enum gnomon_msg_type type, char buf[32])
{
	const char *name = gnomon_msg_type_name(type);
	size_t i;

	for (i = 0; name[i] && i < 31; i++) {
		buf[i] = (char)(name[i] >= 'a' && name[i] <= 'z' ? name[i] - 'a' + 'A' : name[i]);
	}
	buf[i] = '\0';
	return buf;
}

/* A message whose time stamp is missing, by its name. */
static void report_stamp(struct log *log, enum log_event event, struct report_port port,
			 int64_t type)
{
	enum gnomon_msg_type message = (enum gnomon_msg_type)type;
	char name[32];

	if (log_begin(log, event)) {
		if (event == LOG_TX_LOST) {
			log_text(log, "timed out while polling for tx timestamp");
		} else {
			text_port(log, port);
			log_text(log, "received %s without timestamp", capitals(message, name));
		}
		put_port(log, port);
		log_str(log, "message", gnomon_msg_type_name(message));
		log_end(log);
	}
}

/* An event with a number, or with nothing. text is a format of the number for ptp4l's line. */
static void report_value(struct log *log, enum log_event event, struct report_port port,
			 const char *text, const char *key, int64_t value)
{
	if (log_begin(log, event)) {
		text_port(log, port);
		log_text(log, "%s", text);
		if (strchr(text, '^')) {
			log_text(log, "%lld", (long long)value);
		}
		put_port(log, port);
		if (key) {
			log_int(log, key, value);
		}
		log_end(log);
	}
}

/* ptp4l keeps silent about it, and so does its guise. */
static void report_unanswered(struct log *log, struct report_port port, int64_t requests)
{
	if (log->format != CONF_LOG_PTP4L && log_begin(log, LOG_DELAY_UNANSWERED)) {
		put_port(log, port);
		log_int(log, "requests", requests);
		log_str(log, "text", "nobody answers; is delay_mechanism the peer's?");
		log_end(log);
	}
}

static void report_peer_delay(struct log *log, struct report_port port, bool valid)
{
	if (log_begin(log, LOG_PEER_DELAY)) {
		text_port(log, port);
		log_text(log, "%s asCapable", valid ? "setting" : "resetting");
		put_port(log, port);
		log_bool(log, "valid", valid);
		log_end(log);
	}
}

void report_event(struct log *log, struct report_port port,
		  const struct gnomon_engine_event_data *event, unsigned int port_count)
{
	switch (event->what) {
	case GNOMON_EVENT_BEST_SELECTED:
	case GNOMON_EVENT_LOCAL_SELECTED:
		report_best(log, port, &event->identity.clock,
			    event->what == GNOMON_EVENT_LOCAL_SELECTED);
		break;
	case GNOMON_EVENT_GRANDMASTER_ROLE:
		report_grandmaster(log, port_count);
		break;
	case GNOMON_EVENT_FOREIGN_NEW:
		report_identity(log, LOG_FOREIGN, port, "new foreign master", &event->identity);
		break;
	case GNOMON_EVENT_DUPLICATE_IDENTITY:
		report_identity(log, LOG_DUPLICATE_IDENTITY, port, "duplicate clock identity",
				&event->identity);
		break;
	case GNOMON_EVENT_LOOP:
		report_identity(log, LOG_LOOP, port, "path trace loop from", &event->identity);
		break;
	case GNOMON_EVENT_SYNC_TIMEOUT:
		report_value(log, LOG_SYNC_TIMEOUT, port, "rx sync timeout", NULL, 0);
		break;
	case GNOMON_EVENT_DELAY_TIMEOUT:
		report_value(log, LOG_DELAY_TIMEOUT, port, "delay response timeout", "requests",
			     event->value);
		break;
	case GNOMON_EVENT_DELAY_UNANSWERED:
		report_unanswered(log, port, event->value);
		break;
	case GNOMON_EVENT_DELAY_INTERVAL:
		report_value(log, LOG_DELAY_INTERVAL, port, "minimum delay request interval 2^",
			     "log_interval", event->value);
		break;
	case GNOMON_EVENT_SYNC_INTERVAL:
		if (log->format != CONF_LOG_PTP4L) {
			report_value(log, LOG_SYNC_INTERVAL, port, "", "log_interval",
				     event->value);
		}
		break;
	case GNOMON_EVENT_TX_TIMESTAMP_LOST:
		report_stamp(log, LOG_TX_LOST, port, event->value);
		break;
	case GNOMON_EVENT_RX_TIMESTAMP_MISSING:
		report_stamp(log, LOG_RX_MISSING, port, event->value);
		break;
	case GNOMON_EVENT_MULTIPLE_RESPONDERS:
		report_value(log, LOG_MULTIPLE_RESPONDERS, port, "multiple peer responses", NULL,
			     0);
		break;
	case GNOMON_EVENT_PEER_DETECTED:
		report_value(log, LOG_PEER_DETECTED, port, "peer detected, switch to P2P", NULL, 0);
		break;
	case GNOMON_EVENT_PEER_DELAY_VALID:
		report_peer_delay(log, port, event->value != 0);
		break;
	case GNOMON_EVENT_COUNT:
		break;
	}
}

/* -- events of this machine ------------------------------------------------------------------- */

void report_link(struct log *log, struct report_port port, bool up)
{
	const char *word = up ? "up" : "down";

	if (log_begin(log, LOG_LINK)) {
		text_port(log, port);
		log_text(log, "link %s", word);
		put_port(log, port);
		log_str(log, "link", word);
		log_end(log);
	}
}

void report_port_error(struct log *log, enum log_event event, struct report_port port,
		       const char *text)
{
	if (log_begin(log, event)) {
		text_port(log, port);
		log_text(log, "%s", text);
		put_port(log, port);
		log_str(log, "error", text);
		log_end(log);
	}
}

void report_waiting(struct log *log, struct report_port port, const char *text)
{
	if (log->format == CONF_LOG_PTP4L || !log_begin(log, LOG_PORT_WAITING)) {
		return;
	}
	put_port(log, port);
	log_str(log, "reason", text);
	log_end(log);
}

void report_clock_error(struct log *log, const char *what, int code)
{
	if (log_begin(log, LOG_CLOCK_ERROR)) {
		log_text(log, "failed to %s: %s", what, driver_strerror(code));
		log_str(log, "failed", what);
		log_str(log, "error", driver_strerror(code));
		log_end(log);
	}
}

static void put_note(struct log *log, int level, const char *text)
{
	if (log_begin_at(log, LOG_NOTE, level)) {
		log_text(log, "%s", text);
		log_str(log, "text", text);
		log_end(log);
	}
}

void report_note(struct log *log, const char *text)
{
	put_note(log, 6, text);
}

void report_trouble(struct log *log, const char *text)
{
	put_note(log, 4, text);
}

static uint64_t sum(const uint64_t counters[16])
{
	uint64_t total = 0;

	for (int i = 0; i < 16; i++) {
		total += counters[i];
	}
	return total;
}

static void put_count(struct log *log, const char *prefix, const char *name, uint64_t value)
{
	char key[64];

	if (value) {
		snprintf(key, sizeof(key), "%s%s", prefix, name);
		log_int(log, key, (int64_t)value);
	}
}

/* ptp4l has no such line. */
void report_counters(struct log *log, struct report_port port,
		     const struct gnomon_port_counters *c)
{
	if (log->format == CONF_LOG_PTP4L || !log_begin(log, LOG_COUNTERS)) {
		return;
	}
	put_port(log, port);
	log_int(log, "rx", (int64_t)sum(c->rx));
	log_int(log, "tx", (int64_t)sum(c->tx));
	for (int i = 0; i < GNOMON_DROP_COUNT; i++) {
		put_count(log, "drop_", gnomon_drop_name((enum gnomon_drop)i), c->drop[i]);
	}
	put_count(log, "", "tx_timestamp_lost", c->tx_timestamp_lost);
	put_count(log, "", "tx_timestamp_late", c->tx_timestamp_late);
	put_count(log, "", "announce_timeout", c->announce_timeout);
	put_count(log, "", "sync_timeout", c->sync_timeout);
	put_count(log, "", "delay_timeout", c->delay_timeout);
	put_count(log, "", "pdelay_lost_response", c->pdelay_lost_response);
	put_count(log, "", "pdelay_multiple_responders", c->pdelay_multiple_responders);
	put_count(log, "", "foreign_evicted", c->foreign_evicted);
	put_count(log, "", "sync_mismatch", c->sync_mismatch);
	put_count(log, "", "action_overflow", c->action_overflow);
	log_end(log);
}

/* -- the clock -------------------------------------------------------------------------------- */

/* What a monitor wants to know, in one line, whatever else the line has. */
static void put_sync(struct log *log, const struct report_sync *sync)
{
	char servo[3] = { 's', (char)('0' + sync->servo), '\0' };

	put_port(log, sync->port);
	if (sync->port.number) {
		log_str(log, "state", gnomon_port_state_name(sync->state));
	}
	log_str(log, "servo", servo);
	log_num(log, "offset_ns", sync->offset_ns, 3);
	log_num(log, "frequency_ppb", sync->frequency_ppb, 3);
	log_num(log, "mean_delay_ns", sync->mean_delay_ns, 3);
	log_num(log, "bound_ns", sync->bound_ns, 0);
	if (sync->port.number) {
		log_str(log, "gm", sync->gm);
		log_int(log, "steps_removed", sync->steps_removed);
	}
}

static long long rounded_down(double value)
{
	long long whole = (long long)value;

	return (double)whole > value ? whole - 1 : whole;
}

void report_sync(struct log *log, const struct report_sync *sync)
{
	if (log_begin(log, LOG_SYNC)) {
		/* ptp4l rounds down, and counts frequency as what the clock would do by itself. */
		log_text(log, "master offset %10lld s%d freq %+7.0f path delay %9lld",
			 rounded_down(sync->offset_ns), (int)sync->servo, -sync->frequency_ppb,
			 rounded_down(sync->mean_delay_ns));
		put_sync(log, sync);
		log_end(log);
	}
}

void report_summary(struct log *log, const struct report_stats *stats,
		    const struct report_sync *last)
{
	const struct gnomon_stats *freq = &stats->frequency;
	const struct gnomon_stats *delay = &stats->delay;
	double rms = gnomon_stats_rms(&stats->offset);

	if (log_begin(log, LOG_SUMMARY)) {
		log_text(log, "rms %4.0f max %4.0f freq %+6.0f +/- %3.0f delay %5.0f +/- %3.0f",
			 rms, stats->offset.max_abs, -freq->mean, gnomon_stats_stddev(freq),
			 delay->mean, gnomon_stats_stddev(delay));
		log_int(log, "updates", stats->offset.count);
		log_num(log, "rms_ns", rms, 3);
		log_num(log, "max_ns", stats->offset.max_abs, 3);
		log_num(log, "frequency_mean_ppb", freq->mean, 3);
		log_num(log, "frequency_stddev_ppb", gnomon_stats_stddev(freq), 3);
		log_num(log, "delay_mean_ns", delay->mean, 3);
		log_num(log, "delay_stddev_ns", gnomon_stats_stddev(delay), 3);
		put_sync(log, last);
		log_end(log);
	}
}

/* Good news, bad news, and what may come of a source yet. */
static int source_level(enum gnomon_source_state state)
{
	switch (state) {
	case GNOMON_SOURCE_SILENT:
	case GNOMON_SOURCE_ALARM:
	case GNOMON_SOURCE_WIDE:
	case GNOMON_SOURCE_OUTVOTED:
	case GNOMON_SOURCE_DISPUTED:
		return 4;
	case GNOMON_SOURCE_SELECTED:
		return 5;
	case GNOMON_SOURCE_UNKNOWN:
	case GNOMON_SOURCE_WAITING:
	case GNOMON_SOURCE_GOOD:
		break;
	}
	return 6;
}

void report_source(struct log *log, const struct report_source *source)
{
	const char *state = gnomon_source_state_name(source->state);

	if (log_begin_at(log, LOG_SOURCE, source_level(source->state))) {
		log_text(log, "source %s: %s%s%s", source->name, state, source->why[0] ? ": " : "",
			 source->why);
		log_str(log, "source", source->name);
		log_str(log, "state", state);
		if (source->why[0]) {
			log_str(log, "why", source->why);
		}
		if (source->measured) {
			log_num(log, "offset_ns", source->offset_ns, 0);
			log_num(log, "bound_ns", source->bound_ns, 0);
		}
		log_end(log);
	}
}

void report_source_error(struct log *log, const char *name, const char *text)
{
	if (log_begin(log, LOG_SOURCE_ERROR)) {
		log_text(log, "source %s: %s", name, text);
		log_str(log, "source", name);
		log_str(log, "text", text);
		log_end(log);
	}
}

void report_source_again(struct log *log, const char *name)
{
	if (log_begin_at(log, LOG_SOURCE_ERROR, 5)) {
		log_text(log, "source %s: is there again", name);
		log_str(log, "source", name);
		log_str(log, "text", "is there again");
		log_end(log);
	}
}

void report_switch(struct log *log, const char *before, const char *now)
{
	if (log_begin(log, LOG_SWITCH)) {
		log_text(log, "following %s%s", now[0] ? "source " : "no source", now);
		log_str(log, "from", before[0] ? before : "none");
		log_str(log, "to", now[0] ? now : "none");
		log_end(log);
	}
}

/* An enumeration of the standard, as it prints them. */
static void log_code(struct log *log, const char *key, unsigned int code)
{
	char text[8];

	snprintf(text, sizeof(text), "0x%02x", code);
	log_str(log, key, text);
}

void report_announce(struct log *log, const struct report_claim *before,
		     const struct report_claim *now, const char *why, const char *source,
		     double bound_ns)
{
	if (log->format != CONF_LOG_PTP4L && log_begin(log, LOG_ANNOUNCE)) {
		log_int(log, "clockClass_from", before->clock_class);
		log_int(log, "clockClass", now->clock_class);
		log_code(log, "clockAccuracy_from", before->clock_accuracy);
		log_code(log, "clockAccuracy", now->clock_accuracy);
		log_code(log, "timeSource_from", before->time_source);
		log_code(log, "timeSource", now->time_source);
		log_str(log, "why", why);
		if (source[0]) {
			log_str(log, "source", source);
		}
		log_num(log, "bound_ns", bound_ns, 0);
		log_end(log);
	}
}

void report_state_file(struct log *log, const char *path, double age_s, double frequency_ppb,
		       bool learnt)
{
	if (log_begin(log, LOG_STATE_FILE)) {
		log_text(log, "state file %s of %.0f s ago", path, age_s);
		log_str(log, "file", path);
		log_num(log, "age_s", age_s, 0);
		log_num(log, "frequency_ppb", frequency_ppb, 3);
		log_bool(log, "learnt", learnt);
		log_end(log);
	}
}

/* ptp4l has no holdover and says nothing. */
void report_holdover(struct log *log, const struct report_holdover *h)
{
	bool lost = h->mode == GNOMON_ENSEMBLE_HOLDOVER || h->mode == GNOMON_ENSEMBLE_FREE;

	if (log->format != CONF_LOG_PTP4L && log_begin_at(log, LOG_HOLDOVER, lost ? 4 : 5)) {
		log_str(log, "mode", gnomon_ensemble_mode_name(h->mode));
		log_num(log, "frequency_ppb", h->frequency_ppb, 3);
		log_num(log, "frequency_error_ppb", h->frequency_error_ppb, 3);
		log_num(log, "bound_ns", h->bound_ns, 0);
		if (!lost || h->lasted_s > 0) {
			log_num(log, "lasted_s", h->lasted_s, 0);
		}
		log_end(log);
	}
}

void report_step(struct log *log, gnomon_span by)
{
	/* ptp4l steps without a word. */
	if (log->format != CONF_LOG_PTP4L && log_begin(log, LOG_STEP)) {
		log_num(log, "step_ns", gnomon_span_to_double(by), 0);
		log_end(log);
	}
}

void report_stepped(struct log *log, double by_ns, double error_ns)
{
	if (log_begin(log, LOG_STEPPED)) {
		log_text(log, "clock was stepped by others by %.0f ns", by_ns);
		log_str(log, "why", "others");
		log_num(log, "step_ns", by_ns, 0);
		log_num(log, "error_ns", error_ns, 0);
		log_end(log);
	}
}

void report_slept(struct log *log, double slept_s)
{
	if (log_begin(log, LOG_STEPPED)) {
		log_text(log, "the machine was suspended for %.3f s: the clock's time is unknown",
			 slept_s);
		log_str(log, "why", "suspended");
		log_num(log, "slept_s", slept_s, 3);
		log_end(log);
	}
}

void report_sanity(struct log *log, bool faster)
{
	if (log_begin(log, LOG_SANITY)) {
		log_text(log, "clockcheck: clock jumped %s than expected!",
			 faster ? "forward or running faster" : "backward or running slower");
		log_str(log, "clock", faster ? "faster" : "slower");
		log_end(log);
	}
}

void report_utc_offset(struct log *log, int seconds, bool valid)
{
	if (log_begin(log, LOG_UTC_OFFSET)) {
		log_text(log, "updating UTC offset to %d", seconds);
		log_int(log, "utc_offset", seconds);
		log_bool(log, "valid", valid);
		log_end(log);
	}
}

void report_leap(struct log *log, int leap)
{
	const char *word = leap == 61 ? "insert" : leap == 59 ? "delete" : "none";

	/* ptp4l does not tell when the flag goes. */
	if ((leap || log->format != CONF_LOG_PTP4L) && log_begin(log, LOG_LEAP)) {
		log_text(log, "clock set to %s leap second at midnight (UTC)", word);
		log_str(log, "leap", word);
		log_end(log);
	}
}

void report_timescale(struct log *log, bool ptp, const char *source)
{
	/* ptp4l warns of the unusual case only. */
	if ((!ptp || log->format != CONF_LOG_PTP4L) &&
	    log_begin_at(log, LOG_TIMESCALE, ptp ? 6 : 4)) {
		log_text(log, "foreign master not using PTP timescale");
		if (source) {
			log_str(log, "source", source);
		}
		log_str(log, "timescale", ptp ? "ptp" : "arbitrary");
		log_end(log);
	}
}
