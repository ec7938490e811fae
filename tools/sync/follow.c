/* SPDX-License-Identifier: BSD-2-Clause */
#include "follow.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/timestamping.h"
#include "report.h"
#include "tools/manage/client.h"

#define SEC ((int64_t)GNOMON_NSEC_PER_SEC)

/* A daemon that does not answer is asked every second; one that does, often enough to learn of a
 * leap second's new offset, and of port states in case a notification was lost. */
#define SEARCH (1 * SEC)
#define POLL (4 * SEC)
#define LOST (10 * SEC)

/* How soon it is said for the second time what is waited for, and how often at least. */
#define TELL_AGAIN (60 * SEC)
#define RARELY (3600 * SEC)

/* As long as linuxptp's agents subscribe. */
#define SUBSCRIBE_S 180
#define RENEW (60 * SEC)

#define PORTS_MAX 1024

/* PORT_PROPERTIES_NP's timestamping. */
#define STAMPING_SOFTWARE 0

/* -- asking ----------------------------------------------------------------------------------- */

static void ask_port(struct sync_follow *f, unsigned int number, uint16_t id)
{
	const struct gnomon_port_identity target = { f->clock, (uint16_t)number };

	manage_target(f->client, &target);
	(void)manage_get(f->client, id, NULL);
	manage_target(f->client, NULL);
}

static void subscribe(struct sync_follow *f, gnomon_mono now)
{
	(void)manage_subscribe(f->client, SUBSCRIBE_S, MANAGE_NOTIFY_PORT_STATE, NULL);
	f->renew = gnomon_mono_add(now, RENEW);
}

/* Ports and their clocks; the answers come one by one. */
static void ask_ports(struct sync_follow *f, gnomon_mono now)
{
	f->complete = gnomon_mono_add(now, SEARCH);
	for (unsigned int i = 1; i <= f->port_count; i++) {
		ask_port(f, i, GNOMON_MID_PORT_PROPERTIES_NP);
	}
}

static void lose(struct sync_follow *f)
{
	if (f->config.ports && f->config.drop_in) {
		sync_report_note(f->config.log, 3, "Lost connection to ptp4l #%u",
				 f->config.number);
	} else if (f->config.ports) {
		sync_report_note(f->config.log, 3, "%s: the PTP daemon is gone; waiting for it",
				 f->server);
		f->quiet = false;
		f->tell_again_ns = 0;
	}
	f->changed = f->ready;
	f->found = false;
	f->ready = false;
	f->in_step = false;
	f->has_properties = false;
}

static void poll_daemon(struct sync_follow *f, gnomon_mono now)
{
	int err;

	f->next = gnomon_mono_add(now, POLL);
	if (f->config.ports && !gnomon_mono_before(now, f->renew)) {
		subscribe(f, now);
	}
	err = manage_get(f->client, GNOMON_MID_DEFAULT_DATA_SET, NULL);
	(void)manage_get(f->client, GNOMON_MID_TIME_PROPERTIES_DATA_SET, NULL);
	(void)manage_get(f->client, GNOMON_MID_PORT_DATA_SET, NULL);
	f->asked_error = err;
	if (err == -ENOENT || err == -ECONNREFUSED) {
		lose(f);
	}
	if (!f->in_step) {
		f->next = gnomon_mono_add(now, SEARCH);
	}
}

/* linuxptp's text comes every second; ours now, and then ever more rarely. */
static void tell_waiting(struct sync_follow *f, gnomon_mono now)
{
	char text[SYNC_FOLLOW_WAITING_MAX];

	if (!f->asked || f->quiet) {
		f->asked = true;
	} else if (f->config.drop_in) {
		sync_report_note(f->config.log, 5, "Waiting for ptp4l...");
	} else if (!f->tell_again_ns || !gnomon_mono_before(now, f->tell)) {
		f->tell_again_ns = !f->tell_again_ns	   ? TELL_AGAIN :
				   f->tell_again_ns * 2 < RARELY ? f->tell_again_ns * 2 :
								   RARELY;
		f->tell = gnomon_mono_add(now, f->tell_again_ns);
		sync_report_note(f->config.log, 4, "waiting for a PTP daemon: %s",
				 sync_follow_waiting(f, text));
	}
}

static int open_client(struct sync_follow *f, struct driver_error *error)
{
	const struct sync_follow_config *config = &f->config;
	struct manage_client *client;
	struct manage_config manage;
	int err;

	manage_config_default(&manage, config->program);
	if (config->server) {
		manage.server = config->server;
	}
	manage.domain = (uint8_t)config->domain;
	manage.sdo_id = (uint16_t)(config->transport_specific << 8);
	err = manage_open(&client, &manage, error);
	if (!err) {
		manage_close(f->client);
		f->client = client;
		f->server = manage.server;
	}
	return err;
}

static void search(struct sync_follow *f, gnomon_mono now)
{
	tell_waiting(f, now);
	/* linuxptp moved its socket; which of the two it is shows when the daemon is there. */
	if (!f->config.server && strcmp(f->server, manage_default_server()) != 0) {
		(void)open_client(f, NULL);
	}
	f->next = gnomon_mono_add(now, SEARCH);
	f->asked_error = manage_get(f->client, GNOMON_MID_DEFAULT_DATA_SET, NULL);
}

/* Ports that said nothing in time are left out. */
static void complete(struct sync_follow *f)
{
	f->complete = GNOMON_MONO_NEVER;
	f->changed = !f->ready || f->changed;
	f->ready = true;
}

void sync_follow_expire(struct sync_follow *f, gnomon_mono now)
{
	if (f->found && !f->ready && !gnomon_mono_before(now, f->complete)) {
		complete(f);
	}
	if (gnomon_mono_before(now, f->next)) {
		return;
	}
	if (f->found && now.ns - f->heard.ns > LOST) {
		lose(f);
	}
	if (f->found) {
		if ((f->config.wait || !f->config.drop_in) && !f->in_step) {
			tell_waiting(f, now);
		}
		poll_daemon(f, now);
	} else {
		search(f, now);
	}
}

gnomon_mono sync_follow_deadline(const struct sync_follow *f)
{
	return f->found && !f->ready ? gnomon_mono_min(f->next, f->complete) : f->next;
}

/* -- hearing ---------------------------------------------------------------------------------- */

static uint16_t get16(const uint8_t *octets)
{
	return (uint16_t)(octets[0] << 8 | octets[1]);
}

/* DEFAULT_DATA_SET: flags, reserved, numberPorts, ... */
static void take_default(struct sync_follow *f, const struct manage_message *m, gnomon_mono now)
{
	struct sync_follow_port *ports;
	unsigned int count;

	if (m->tlv.len < 4) {
		return;
	}
	count = get16(m->tlv.data + 2);
	if ((f->found && count == f->port_count) || count == 0 || count > PORTS_MAX) {
		return;
	}
	ports = calloc(count, sizeof(*ports));
	if (!ports) {
		return;
	}
	free(f->ports);
	f->ports = ports;
	f->port_count = count;
	f->clock = m->msg.header.source.clock;
	f->found = true;
	f->ready = !f->config.ports;
	f->asked = true;
	/* Natively it is said as well why there is nothing to follow yet. */
	f->quiet |= !f->config.wait && (f->config.drop_in || !f->config.ports);
	f->complete = GNOMON_MONO_NEVER;
	if (f->config.ports) {
		subscribe(f, now);
		ask_ports(f, now);
	}
	poll_daemon(f, now);
}

/* TIME_PROPERTIES_DATA_SET: currentUtcOffset, flags, timeSource. */
static void take_properties(struct sync_follow *f, const struct manage_message *m)
{
	if (m->tlv.len >= 4) {
		f->properties = (struct gnomon_time_properties_ds){
			.current_utc_offset = (int16_t)get16(m->tlv.data),
			.flags = m->tlv.data[2],
			.time_source = m->tlv.data[3],
		};
		f->has_properties = true;
	}
}

/* A portIdentity at the start of the data. NULL: not a port of this clock. */
static struct sync_follow_port *port_of(struct sync_follow *f, const struct manage_message *m)
{
	unsigned int number;

	if (m->tlv.len < 11 || memcmp(m->tlv.data, &f->clock, sizeof(f->clock)) != 0) {
		return NULL;
	}
	number = get16(m->tlv.data + 8);
	return number >= 1 && number <= f->port_count ? &f->ports[number - 1] : NULL;
}

static unsigned int number_of(const struct sync_follow *f, const struct sync_follow_port *port)
{
	return (unsigned int)(port - f->ports) + 1;
}

static void find_in_step(struct sync_follow *f)
{
	f->in_step = false;
	for (unsigned int i = 0; i < f->port_count; i++) {
		f->in_step |= f->ports[i].state == GNOMON_PORT_TIME_TRANSMITTER ||
			      f->ports[i].state == GNOMON_PORT_TIME_RECEIVER;
	}
}

static void take_state(struct sync_follow *f, struct sync_follow_port *port, unsigned int state,
		       bool tell)
{
	const struct gnomon_port_identity id = { f->clock, (uint16_t)number_of(f, port) };
	char text[GNOMON_PORT_IDENTITY_STRLEN];

	if (state == (unsigned int)port->state) {
		return;
	}
	port->state = (enum gnomon_port_state)state;
	find_in_step(f);
	if (!tell || !f->ready || !f->config.ports || !port->hardware) {
		return;
	}
	sync_report_note(f->config.log, 6, "port %s changed state",
			 gnomon_port_identity_format(text, &id));
	f->changed = true;
	/* UTC offsets change with grandmasters, clocks with a bond's active interface. */
	(void)manage_get(f->client, GNOMON_MID_TIME_PROPERTIES_DATA_SET, NULL);
	ask_port(f, number_of(f, port), GNOMON_MID_PORT_PROPERTIES_NP);
}

static bool all_known(const struct sync_follow *f)
{
	for (unsigned int i = 0; i < f->port_count; i++) {
		if (!f->ports[i].answered || (f->ports[i].hardware && !f->ports[i].clock_known)) {
			return false;
		}
	}
	return true;
}

static void set_clock(struct sync_follow *f, struct sync_follow_port *port, int index)
{
	f->changed |= f->ready && index != port->phc_index;
	port->phc_index = index;
	port->clock_known = true;
}

/* PORT_PROPERTIES_NP: portIdentity, portState, timestamping, interface as text. */
static void take_port_properties(struct sync_follow *f, const struct manage_message *m)
{
	struct sync_follow_port *port = port_of(f, m);
	size_t len;

	if (!port || m->tlv.len < 13) {
		return;
	}
	len = m->tlv.data[12];
	if (len == 0 || len >= sizeof(port->interface) || m->tlv.len < 13 + len) {
		return;
	}
	memcpy(port->interface, m->tlv.data + 13, len);
	port->interface[len] = '\0';
	port->hardware = m->tlv.data[11] != STAMPING_SOFTWARE;
	port->answered = true;
	take_state(f, port, m->tlv.data[10], false);
	if (port->hardware) {
		ask_port(f, number_of(f, port), GNOMON_MID_PORT_HWCLOCK_NP);
	}
}

/* PORT_HWCLOCK_NP: portIdentity, phc_index, flags. */
static void take_port_clock(struct sync_follow *f, const struct manage_message *m)
{
	struct sync_follow_port *port = port_of(f, m);

	if (port && m->tlv.len >= 14) {
		set_clock(f, port,
			  (int)((uint32_t)get16(m->tlv.data + 10) << 16 |
				get16(m->tlv.data + 12)));
	}
}

/* linuxptp before 4.0 cannot say which clock it is; the interface can. */
static void ask_interfaces(struct sync_follow *f)
{
	for (unsigned int i = 0; i < f->port_count; i++) {
		struct sync_follow_port *port = &f->ports[i];
		struct timestamping_info info;

		if (port->hardware && !port->clock_known) {
			set_clock(f, port,
				  timestamping_query(port->interface, &info, NULL) ?
					  -1 :
					  info.phc_index);
		}
	}
}

static void take_error(struct sync_follow *f, const struct manage_message *m)
{
	const unsigned int number = m->msg.header.source.port;

	if (m->tlv.id == GNOMON_MID_PORT_HWCLOCK_NP) {
		ask_interfaces(f);
	} else if (m->tlv.id == GNOMON_MID_PORT_PROPERTIES_NP && number >= 1 &&
		   number <= f->port_count) {
		f->ports[number - 1].answered = true;
	}
}

static void take(struct sync_follow *f, const struct manage_message *m, gnomon_mono now)
{
	struct sync_follow_port *port;

	if (f->found && memcmp(&m->msg.header.source.clock, &f->clock, sizeof(f->clock)) != 0) {
		return;
	}
	f->heard = now;
	if (m->tlv.type == GNOMON_TLV_MANAGEMENT_ERROR_STATUS) {
		take_error(f, m);
	} else if (m->tlv.id == GNOMON_MID_DEFAULT_DATA_SET) {
		take_default(f, m, now);
	} else if (m->tlv.id == GNOMON_MID_TIME_PROPERTIES_DATA_SET) {
		take_properties(f, m);
	} else if (m->tlv.id == GNOMON_MID_PORT_DATA_SET) {
		port = port_of(f, m);
		if (port) {
			take_state(f, port, m->tlv.data[10], true);
		}
	} else if (m->tlv.id == GNOMON_MID_PORT_PROPERTIES_NP) {
		take_port_properties(f, m);
	} else if (m->tlv.id == GNOMON_MID_PORT_HWCLOCK_NP) {
		take_port_clock(f, m);
	}
	if (f->found && !f->ready && all_known(f)) {
		complete(f);
	}
}

void sync_follow_receive(struct sync_follow *f, gnomon_mono now)
{
	struct manage_message message;
	int err;

	while ((err = manage_receive(f->client, &message)) == 0 || err == -ENOMSG ||
	       err == -EBADMSG) {
		if (err == 0 && message.has_tlv) {
			take(f, &message, now);
		}
	}
}

/* -- life ------------------------------------------------------------------------------------- */

int sync_follow_open(struct sync_follow *f, const struct sync_follow_config *config,
		     gnomon_mono now, struct driver_error *error)
{
	*f = (struct sync_follow){
		.config = *config,
		.next = now,
		.quiet = !config->wait && !config->ports,
	};
	return open_client(f, error);
}

void sync_follow_close(struct sync_follow *f)
{
	if (f->client && f->found && f->config.ports) {
		(void)manage_subscribe(f->client, 0, 0, NULL);
	}
	manage_close(f->client);
	free(f->ports);
	memset(f, 0, sizeof(*f));
}

int sync_follow_fd(const struct sync_follow *f)
{
	return manage_fd(f->client);
}

/* "port 1 is LISTENING, port 2 is FAULTY" */
static void list_states(const struct sync_follow *f, char *text, size_t cap)
{
	size_t len = 0;

	for (unsigned int i = 0; i < f->port_count && i < 3; i++) {
		len += (size_t)snprintf(text + len, cap - len, "%sport %u is %s", i ? ", " : "",
					i + 1,
					f->ports[i].state ?
						gnomon_port_state_name(f->ports[i].state) :
						"unknown");
	}
	(void)snprintf(text + len, cap - len, "%s", f->port_count > 3 ? ", ..." : "");
}

char *sync_follow_waiting(const struct sync_follow *f, char text[SYNC_FOLLOW_WAITING_MAX])
{
	char states[120];
	const size_t cap = SYNC_FOLLOW_WAITING_MAX;

	if (f->found) {
		list_states(f, states, sizeof(states));
		(void)snprintf(text, cap, "%.70s: none of its ports is in step yet: %s", f->server,
			       states);
	} else if (f->asked_error == -ENOENT || f->asked_error == -ECONNREFUSED) {
		(void)snprintf(text, cap,
			       "%.70s: %s; start gnomond or ptp4l, or name its socket with -z",
			       f->server,
			       f->asked_error == -ENOENT ? "there is no such socket" :
							   "nobody listens there any more");
	} else if (f->asked_error) {
		(void)snprintf(text, cap, "%.70s: %s; run as the daemon's user, or name another "
			       "socket with -z", f->server, driver_strerror(f->asked_error));
	} else {
		(void)snprintf(text, cap, "%.70s: no answer; is its domainNumber %u (-n), and its "
			       "transportSpecific %u?", f->server, f->config.domain,
			       f->config.transport_specific);
	}
	return text;
}

bool sync_follow_traceable(const struct sync_follow *f)
{
	const unsigned int sure = GNOMON_FLAG_UTC_OFFSET_VALID | GNOMON_FLAG_TIME_TRACEABLE;

	return f->has_properties && (f->properties.flags & sure) == sure;
}
