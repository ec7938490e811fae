/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/timer.h"
#include "tools/manage/client.h"

#include "roles.h"

#define SEC ((int64_t)GNOMON_NSEC_PER_SEC)

/* linuxptp's agents ask for three minutes, and again every minute. */
#define SUBSCRIBE_S 180
#define RENEW (60 * SEC)

#define ANSWER_MS 1000
#define PORTS_MAX 1024

/* PORT_PROPERTIES_NP's timestamping: software stamps have no clock of their own. */
#define STAMPING_SOFTWARE 0

struct agent {
	struct manage_client *client;
	struct agent_port *ports;
	size_t count;
	gnomon_mono renew;
};

static int ask(struct manage_client *client, uint16_t id, struct manage_message *answer,
	       struct driver_error *error)
{
	const struct manage_request request = { .action = GNOMON_MANAGEMENT_GET, .id = id };

	return manage_ask(client, &request, ANSWER_MS, answer, error);
}

/* DEFAULT_DATA_SET: flags, reserved, numberPorts. */
static int ask_count(struct manage_client *client, unsigned int *count,
		     struct gnomon_clock_identity *clock, struct driver_error *error)
{
	struct manage_message answer;
	int err = ask(client, GNOMON_MID_DEFAULT_DATA_SET, &answer, error);

	if (err) {
		return err;
	}
	if (answer.tlv.len < 4) {
		return driver_fail(error, -EBADMSG, "the PTP daemon's answer makes no sense");
	}
	*count = (unsigned int)answer.tlv.data[2] << 8 | answer.tlv.data[3];
	*clock = answer.msg.header.source.clock;
	return *count <= PORTS_MAX ? 0
				   : driver_fail(error, -EBADMSG, "the PTP daemon has %u ports",
						 *count);
}

/* PORT_PROPERTIES_NP: portIdentity, portState, timestamping, interface. False: of no use. */
static bool take_properties(const struct gnomon_management_tlv *tlv, struct agent_port *port)
{
	size_t len;

	if (tlv->len < 13 || tlv->data[11] == STAMPING_SOFTWARE) {
		return false;
	}
	len = tlv->data[12];
	if (len == 0 || len >= IFNAMSIZ || len > tlv->len - 13) {
		return false;
	}
	memset(port, 0, sizeof(*port));
	port->number = (unsigned int)tlv->data[8] << 8 | tlv->data[9];
	port->state = role_state(tlv->data[10]);
	memcpy(port->interface, tlv->data + 13, len);
	return true;
}

/* A port that is not there answers with an error, and is not missed. */
static int ask_ports(struct agent *a, struct driver_error *error)
{
	struct gnomon_port_identity target = { .port = 0 };
	unsigned int count = 0;
	int err = ask_count(a->client, &count, &target.clock, error);

	if (err) {
		return err;
	}
	a->ports = calloc(count + 1, sizeof(*a->ports));
	if (!a->ports) {
		return driver_fail(error, -ENOMEM, "no memory; make some free");
	}
	for (unsigned int i = 1; i <= count; i++) {
		struct manage_message answer;

		target.port = (uint16_t)i;
		manage_target(a->client, &target);
		err = ask(a->client, GNOMON_MID_PORT_PROPERTIES_NP, &answer, error);
		if (err && err != -EPROTO) {
			return err;
		}
		if (!err && take_properties(&answer.tlv, &a->ports[a->count])) {
			a->count++;
		}
	}
	manage_target(a->client, NULL);
	return a->count > 0 ? 0 : driver_fail(error, -ENODEV, "no suitable ports available");
}

static void subscribe(struct agent *a, gnomon_mono now)
{
	(void)manage_subscribe(a->client, SUBSCRIBE_S, MANAGE_NOTIFY_PORT_STATE, NULL);
	/* What happened to a daemon that was started anew it does not tell. */
	(void)manage_get(a->client, GNOMON_MID_PORT_DATA_SET, NULL);
	a->renew = gnomon_mono_add(now, RENEW);
}

int agent_open(struct agent **out, const struct conf *conf, struct driver_error *error)
{
	struct agent *a = calloc(1, sizeof(*a));
	struct manage_config config;
	int err;

	if (!a) {
		return driver_fail(error, -ENOMEM, "no memory; make some free");
	}
	manage_config_of(&config, "ts2phc", conf);
	err = manage_open(&a->client, &config, error);
	if (!err) {
		err = ask_ports(a, error);
	}
	if (err) {
		agent_close(a);
		return err;
	}
	subscribe(a, timer_now());
	*out = a;
	return 0;
}

void agent_close(struct agent *agent)
{
	if (agent) {
		manage_close(agent->client);
		free(agent->ports);
		free(agent);
	}
}

const struct agent_port *agent_ports(const struct agent *agent, size_t *count)
{
	*count = agent->count;
	return agent->ports;
}

int agent_fd(const struct agent *agent)
{
	return manage_fd(agent->client);
}

gnomon_mono agent_deadline(const struct agent *agent)
{
	return agent->renew;
}

/* PORT_DATA_SET: portIdentity, portState. */
static bool take_state(struct agent *a, const struct manage_message *m)
{
	if (!m->has_tlv || m->tlv.type != GNOMON_TLV_MANAGEMENT ||
	    m->tlv.id != GNOMON_MID_PORT_DATA_SET || m->tlv.len < 11) {
		return false;
	}
	for (size_t i = 0; i < a->count; i++) {
		const unsigned int number = (unsigned int)m->tlv.data[8] << 8 | m->tlv.data[9];
		const int state = role_state(m->tlv.data[10]);

		if (a->ports[i].number == number && a->ports[i].state != state) {
			a->ports[i].state = state;
			return true;
		}
	}
	return false;
}

bool agent_tend(struct agent *agent, gnomon_mono now)
{
	struct manage_message message;
	bool changed = false;
	int r;

	while ((r = manage_receive(agent->client, &message)) == 0 || r == -ENOMSG ||
	       r == -EBADMSG) {
		changed |= r == 0 && take_state(agent, &message);
	}
	if (!gnomon_mono_before(now, agent->renew)) {
		subscribe(agent, now);
	}
	return changed;
}
