/* SPDX-License-Identifier: BSD-2-Clause */
#include "explain.h"

#include <inttypes.h>
#include <stdio.h>

#define SEC ((int64_t)GNOMON_NSEC_PER_SEC)

/* What every port may take; a servo for software time stamps steps after its 16th sample. */
#define PATIENCE_NS (30 * SEC)
#define INTERVALS 30
#define ANNOUNCE_INTERVALS 12
#define ENOUGH_SYNCS 24
#define RARELY_NS (3600 * SEC)

/* What happened since the port came into its state. */
struct since {
	uint64_t rx[16];
	uint64_t tx[16];
	uint64_t drop[GNOMON_DROP_COUNT];
	uint64_t tx_timestamp_lost;
	uint64_t sync_mismatch;
	uint64_t heard; /* all messages */
};

static struct since subtract(const struct gnomon_port_counters *now,
			     const struct gnomon_port_counters *then)
{
	struct since s = {
		.tx_timestamp_lost = now->tx_timestamp_lost - then->tx_timestamp_lost,
		.sync_mismatch = now->sync_mismatch - then->sync_mismatch,
	};

	for (int i = 0; i < 16; i++) {
		s.rx[i] = now->rx[i] - then->rx[i];
		s.tx[i] = now->tx[i] - then->tx[i];
		s.heard += s.rx[i];
	}
	for (int i = 0; i < GNOMON_DROP_COUNT; i++) {
		s.drop[i] = now->drop[i] - then->drop[i];
	}
	/* What has no messageType is counted as dropped only. */
	for (int i = 0; i <= GNOMON_DROP_LENGTH; i++) {
		s.heard += s.drop[i];
	}
	return s;
}

/* -- what is dropped -------------------------------------------------------------------------- */

/* Reasons somebody can do something about, in the engine's order; the others are of single
 * messages, or told by a reason of their own. */
static const struct {
	enum gnomon_drop drop;
	const char *text;
} reasons[] = {
	{ GNOMON_DROP_VERSION, "are not of PTP version 2: update whoever sends them" },
	{ GNOMON_DROP_LENGTH, "are malformed: a capture shows who sends them" },
	{ GNOMON_DROP_SDO_ID, "have another sdoId: set transportSpecific to that of the others" },
	{ GNOMON_DROP_DOMAIN, "are of another domain: set domainNumber to it" },
	{ GNOMON_DROP_OWN, "are this clock's own that came back: look for a loop in the network, "
			   "or a clone with the same clockIdentity" },
	{ GNOMON_DROP_MECHANISM, "are of the other delay mechanism: set delay_mechanism as the "
				 "others have it, or Auto" },
	{ GNOMON_DROP_TLV, "have malformed TLVs: a capture shows who sends them" },
	{ GNOMON_DROP_ALTERNATE_MASTER, "are of an alternate timeTransmitter, which is not used" },
	{ GNOMON_DROP_NOT_PARENT, "are of another clock than the one that is followed: only one "
				  "timeTransmitter should be active on the network" },
	{ GNOMON_DROP_STEPS_REMOVED, "have come too far: see maxStepsRemoved" },
	{ GNOMON_DROP_CLOCK_CLASS, "are of a clock that is not good enough: see "
				   "clock_class_threshold" },
	{ GNOMON_DROP_PATH_TRACE, "have been here before: look for a loop in the network" },
	{ GNOMON_DROP_STALE, "are older than others of the same sender: is something replayed, or "
			     "are there two with one identity?" },
	{ GNOMON_DROP_NO_TIMESTAMP, "have no receive time stamp: the driver does not give one; "
				    "try time_stamping software" },
	{ GNOMON_DROP_CORRECTION, "have a correctionField out of range: a transparent clock on "
				  "the way is broken" },
};

/* The commonest; false: nothing of it. */
static bool dropped(const struct since *s, const char *what, char text[EXPLAIN_MAX])
{
	uint64_t most = 0;
	size_t worst = 0;

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (s->drop[reasons[i].drop] > most) {
			most = s->drop[reasons[i].drop];
			worst = i;
		}
	}
	if (most) {
		snprintf(text, EXPLAIN_MAX, "%s: %" PRIu64 " messages %s", what, most,
			 reasons[worst].text);
	}
	return most != 0;
}

/* -- LISTENING -------------------------------------------------------------------------------- */

static void explain_listening(const struct since *s, char text[EXPLAIN_MAX])
{
	static const char what[] = "no timeTransmitter was found";

	if (s->heard == 0) {
		snprintf(text, EXPLAIN_MAX,
			 "%s: nothing at all was received; is there one, of the same "
			 "network_transport? do cable, switch and firewall let PTP pass?",
			 what);
	} else if (!dropped(s, what, text)) {
		snprintf(text, EXPLAIN_MAX,
			 "%s: of %" PRIu64 " messages %" PRIu64 " were an Announce; two in a row "
			 "are needed", what, s->heard, s->rx[GNOMON_MSG_ANNOUNCE]);
	}
}

/* -- UNCALIBRATED ----------------------------------------------------------------------------- */

static bool no_sync(const struct since *s, char text[EXPLAIN_MAX])
{
	if (s->rx[GNOMON_MSG_SYNC]) {
		return false;
	}
	snprintf(text, EXPLAIN_MAX,
		 "the timeTransmitter announces itself, but no Sync comes: does a firewall or "
		 "switch drop event messages (UDP port 319)?");
	return true;
}

static bool no_stamps(const struct since *s, char text[EXPLAIN_MAX])
{
	const uint64_t sent = s->tx[GNOMON_MSG_DELAY_REQ] + s->tx[GNOMON_MSG_PDELAY_REQ];

	if (s->drop[GNOMON_DROP_NO_TIMESTAMP] * 2 > s->rx[GNOMON_MSG_SYNC]) {
		return dropped(s, "no offset can be measured", text);
	}
	if (sent == 0 || s->tx_timestamp_lost * 2 < sent) {
		return false;
	}
	snprintf(text, EXPLAIN_MAX,
		 "the delay cannot be measured: %" PRIu64 " of %" PRIu64 " requests got no "
		 "transmit time stamp; raise tx_timestamp_timeout, or try time_stamping software",
		 s->tx_timestamp_lost, sent);
	return true;
}

static bool no_follow_up(const struct since *s, char text[EXPLAIN_MAX])
{
	if (s->sync_mismatch * 2 <= s->rx[GNOMON_MSG_SYNC]) {
		return false;
	}
	snprintf(text, EXPLAIN_MAX,
		 "no offset can be measured: of %" PRIu64 " Syncs and %" PRIu64
		 " Follow_Ups %" PRIu64 " have no partner; does a firewall drop "
		 "general messages (UDP port 320)?",
		 s->rx[GNOMON_MSG_SYNC], s->rx[GNOMON_MSG_FOLLOW_UP], s->sync_mismatch);
	return true;
}

/* Answers to others, and late ones, are none. */
static bool no_delay(const struct since *s, uint64_t sent, uint64_t answers, const char *request,
		     const char *whose, char text[EXPLAIN_MAX])
{
	const uint64_t useless = s->drop[GNOMON_DROP_NOT_MINE] + s->drop[GNOMON_DROP_UNMATCHED];

	if (sent == 0 || answers > useless) {
		return false;
	}
	if (s->drop[GNOMON_DROP_MECHANISM]) {
		return dropped(s, "the delay cannot be measured", text);
	}
	snprintf(text, EXPLAIN_MAX,
		 "the delay cannot be measured: %" PRIu64 " %s, but no answer%s; %s may measure by "
		 "another delay_mechanism, or a firewall drops messages",
		 sent, request, answers ? " but to others" : "", whose);
	return true;
}

static bool no_link_delay(const struct since *s, char text[EXPLAIN_MAX])
{
	if (s->drop[GNOMON_DROP_LINK_DELAY] == 0) {
		return false;
	}
	snprintf(text, EXPLAIN_MAX,
		 "the link's delay was out of its limits %" PRIu64 " times: see "
		 "neighborPropDelayThresh and min_neighbor_prop_delay",
		 s->drop[GNOMON_DROP_LINK_DELAY]);
	return true;
}

static bool no_answer(const struct since *s, enum gnomon_delay_mechanism mechanism,
		      char text[EXPLAIN_MAX])
{
	switch (mechanism) {
	case GNOMON_DELAY_E2E:
		return no_delay(s, s->tx[GNOMON_MSG_DELAY_REQ], s->rx[GNOMON_MSG_DELAY_RESP],
				"Delay_Req", "the timeTransmitter", text);
	case GNOMON_DELAY_P2P:
		return no_link_delay(s, text) ||
		       no_delay(s, s->tx[GNOMON_MSG_PDELAY_REQ], s->rx[GNOMON_MSG_PDELAY_RESP],
				"Pdelay_Req", "the neighbour", text);
	case GNOMON_DELAY_NONE:
		break;
	}
	return false;
}

static void explain_clock(const struct explain_port *port, char text[EXPLAIN_MAX])
{
	const double offset = gnomon_span_to_double(port->offset);

	if (port->free_running) {
		snprintf(text, EXPLAIN_MAX,
			 "the clock is measured only, by free_running or a clock_servo that steers "
			 "nothing: the port stays as it is; it was %+.0f ns off",
			 offset);
	} else if (port->estimating) {
		snprintf(text, EXPLAIN_MAX,
			 "offsets are measured, and the clock's frequency is being estimated "
			 "before it is corrected: with software time stamps that takes 16 s to "
			 "30 s of Syncs, longer if many are lost; it was %+.0f ns off",
			 offset);
	} else {
		snprintf(text, EXPLAIN_MAX,
			 "offsets are measured, but the clock is not locked yet: it was %+.0f "
			 "ns off; step_threshold says when it may jump, max_frequency how fast it "
			 "may go",
			 offset);
	}
}

static void explain_uncalibrated(const struct explain_port *port, const struct since *s,
				 bool measured, char text[EXPLAIN_MAX])
{
	if (measured) {
		explain_clock(port, text);
	} else if (!no_sync(s, text) && !no_stamps(s, text) && !no_follow_up(s, text) &&
		   !no_answer(s, port->ds->delay_mechanism, text) &&
		   !dropped(s, "no offset can be measured", text)) {
		snprintf(text, EXPLAIN_MAX,
			 "no offset can be measured of %" PRIu64 " Syncs and %" PRIu64 " delay "
			 "requests; SIGUSR1 writes all counters into the log",
			 s->rx[GNOMON_MSG_SYNC],
			 s->tx[GNOMON_MSG_DELAY_REQ] + s->tx[GNOMON_MSG_PDELAY_REQ]);
	}
}

/* -- when ------------------------------------------------------------------------------------- */

static bool is_waiting(enum gnomon_port_state state)
{
	return state == GNOMON_PORT_LISTENING || state == GNOMON_PORT_UNCALIBRATED;
}

/* What is longer than a day is as good as never. */
static int64_t interval_ns(int log)
{
	return log > 16 ? SEC << 16 : log >= 0 ? SEC << log : log > -30 ? SEC >> -log : 0;
}

static int64_t longer(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* By the slowest message that the state waits for. */
static int64_t patience(const struct gnomon_port_ds *ds)
{
	const bool p2p = ds->delay_mechanism == GNOMON_DELAY_P2P;
	const int delay = p2p ? ds->log_min_pdelay_req_interval : ds->log_min_delay_req_interval;
	const int64_t slowest = longer(interval_ns(ds->log_sync_interval), interval_ns(delay));
	const int64_t announces = interval_ns(ds->log_announce_interval) * ANNOUNCE_INTERVALS;

	return ds->port_state == GNOMON_PORT_LISTENING ? longer(announces, PATIENCE_NS) :
							 longer(slowest * INTERVALS, PATIENCE_NS);
}

bool explain_wants(const struct explain *e, enum gnomon_port_state state, gnomon_mono now)
{
	return state != e->state || (is_waiting(state) && !gnomon_mono_before(now, e->next));
}

static void enter(struct explain *e, const struct explain_port *port, gnomon_mono now)
{
	const int64_t ns = patience(port->ds);

	*e = (struct explain){
		.state = port->ds->port_state,
		.next = gnomon_mono_add(now, ns),
		.patience_ns = ns,
		.offset = port->offset,
		.counters = *port->counters,
	};
}

bool explain(struct explain *e, const struct explain_port *port, gnomon_mono now,
	     char text[EXPLAIN_MAX])
{
	struct since s;
	bool measured;

	if (port->ds->port_state != e->state) {
		enter(e, port, now);
	}
	if (!is_waiting(e->state) || gnomon_mono_before(now, e->next)) {
		return false;
	}
	if (e->state == GNOMON_PORT_LISTENING && port->standby) {
		enter(e, port, now);
		return false;
	}
	s = subtract(port->counters, &e->counters);
	measured = gnomon_span_cmp(port->offset, e->offset) != 0;
	if (measured && s.rx[GNOMON_MSG_SYNC] < ENOUGH_SYNCS) {
		/* The timeTransmitter is slower than this port would be: the servo needs longer. */
		e->next = gnomon_mono_add(now, e->patience_ns);
		return false;
	}
	if (e->state == GNOMON_PORT_LISTENING) {
		explain_listening(&s, text);
	} else {
		explain_uncalibrated(port, &s, measured, text);
	}
	/* The next line tells of what happened after this one. */
	e->counters = *port->counters;
	e->offset = port->offset;
	e->patience_ns = e->patience_ns * 2 < RARELY_NS ? e->patience_ns * 2 : RARELY_NS;
	e->next = gnomon_mono_add(now, e->patience_ns);
	if (measured && port->free_running) {
		/* As it was asked for: once is enough. */
		e->next = GNOMON_MONO_NEVER;
	}
	return true;
}
