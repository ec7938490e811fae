/* SPDX-License-Identifier: BSD-2-Clause */
#include "follow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "drivers/timestamping.h"
#include "tools/cli/stop.h"
#include "ts2phc.h"

/* A daemon may be started after us. */
static bool is_absent(int err)
{
	return err == -ETIMEDOUT || err == -ENOENT || err == -ECONNREFUSED || err == -EAGAIN;
}

static int phc_of(const char *interface)
{
	struct timestamping_info info;

	return timestamping_query(interface, &info, NULL) ? -1 : info.phc_index;
}

/* Which clock an interface has does not change; the states do. */
static int learn_ports(struct follow *f)
{
	const struct agent_port *ports = agent_ports(f->agent, &f->port_count);

	f->ports = calloc(f->port_count + 1, sizeof(*f->ports));
	for (size_t i = 0; f->ports && i < f->port_count; i++) {
		f->ports[i] = (struct follow_port){ phc_of(ports[i].interface), ports[i].interface,
						    ports[i].state };
	}
	return f->ports ? 0 : -ENOMEM;
}

int follow_open(struct follow *follow, const struct conf *conf, struct log *log,
		struct driver_error *error)
{
	const struct timespec second = { 1, 0 };
	bool waits = false;
	int err;

	follow->active = true;
	follow->external = conf->ts2phc_external_pps;
	follow->reference = -1;
	while (is_absent(err = agent_open(&follow->agent, conf, error)) && !stop_signal()) {
		if (log->format == CONF_LOG_PTP4L) {
			ts2phc_say(log, LOG_NOTICE, "Waiting for ptp4l...");
		} else if (!waits) {
			ts2phc_say(log, LOG_NOTICE, "%s; waiting for it", error->text);
		}
		waits = true;
		(void)nanosleep(&second, NULL);
	}
	if (!err && learn_ports(follow)) {
		err = driver_fail(error, -ENOMEM, "no memory; make some free");
	}
	return err;
}

void follow_close(struct follow *follow)
{
	agent_close(follow->agent);
	free(follow->ports);
	free(follow->roles);
	free(follow->members);
	*follow = (struct follow){ .active = false };
}

/* -- who plays which role --------------------------------------------------------------------- */

/* The role of a clock, made if there is none yet. */
static int role_of(struct follow *f, int phc, const char *name)
{
	for (size_t i = 0; i < f->count; i++) {
		if (phc >= 0 && f->members[i].phc == phc) {
			return (int)i;
		}
	}
	f->members[f->count] = (struct member){ .phc = phc };
	f->roles[f->count] = (struct role){ .name = name };
	return (int)f->count++;
}

int follow_enlist(struct follow *f, struct sink *sinks, size_t sink_count, struct source *source,
		  struct log *log)
{
	int i;

	f->roles = calloc(f->port_count + sink_count + 1, sizeof(*f->roles));
	f->members = calloc(f->port_count + sink_count + 1, sizeof(*f->members));
	if (!f->roles || !f->members) {
		return -ENOMEM;
	}
	/* Ports first: the first of them is followed if no other can be. */
	for (size_t k = 0; k < f->port_count; k++) {
		(void)role_of(f, f->ports[k].phc, f->ports[k].name);
	}
	if (source->kind == SOURCE_PHC) {
		i = role_of(f, source->device.index, source->device.name);
		f->members[i].source = source;
		f->roles[i].name = source->device.name;
	}
	for (size_t k = 0; k < sink_count; k++) {
		i = role_of(f, sinks[k].device.index, sinks[k].device.name);
		f->members[i].sink = &sinks[k];
		f->roles[i].name = sinks[k].device.name;
		f->roles[i].target = true;
	}
	follow_decide(f, log);
	return 0;
}

/* -- deciding --------------------------------------------------------------------------------- */

static void learn_states(struct follow *f)
{
	for (size_t i = 0; i < f->count; i++) {
		f->roles[i].state = 0;
	}
	for (size_t k = 0; k < f->port_count; k++) {
		for (size_t i = 0; i < f->count; i++) {
			if (f->ports[k].phc >= 0 && f->members[i].phc == f->ports[k].phc) {
				f->roles[i].state = role_foremost(f->roles[i].state,
								  f->ports[k].state);
			}
		}
	}
}

static void say_choice(const struct follow *f, enum role_choice choice, struct log *log)
{
	const char *text = role_choice_text(choice);
	const char *mark = strstr(text, "%s");

	if (mark && f->reference >= 0) {
		ts2phc_say(log, LOG_INFO, "%.*s%s%s", (int)(mark - text), text,
			   f->roles[f->reference].name, mark + 2);
	} else {
		ts2phc_say(log, LOG_INFO, "%s", text);
	}
}

void follow_decide(struct follow *f, struct log *log)
{
	enum role_choice choice;

	ts2phc_say(log, LOG_INFO, "reconfiguring after port state change");
	learn_states(f);
	choice = role_choose(f->roles, f->count, f->external, &f->reference);
	for (size_t i = 0; i < f->count; i++) {
		struct sink *sink = f->members[i].sink;

		if (sink && sink->target != f->roles[i].target) {
			sink->target = f->roles[i].target;
			ts2phc_say(log, LOG_INFO, "%s %s for synchronization",
				   sink->target ? "selecting" : "unselecting", f->roles[i].name);
		}
	}
	say_choice(f, choice, log);
}

void follow_tend(struct follow *f, struct log *log, gnomon_mono now)
{
	const struct agent_port *ports;
	size_t count;

	if (f->agent && agent_tend(f->agent, now)) {
		ports = agent_ports(f->agent, &count);
		for (size_t i = 0; i < count; i++) {
			f->ports[i].state = ports[i].state;
		}
		follow_decide(f, log);
	}
}
