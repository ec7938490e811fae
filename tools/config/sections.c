/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sections [source NAME] and [sync NAME]: their life, and what they contradict. Clocks are told
 * apart by the names they are given here; who opens them sees whether two names are one clock.
 */
#include "tools/config/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The chronyd of this machine, wherever it listens: see drivers/chrony.h. */
#define CHRONYD "auto"

/* What stands between the interfaces of a list. */
#define SEPARATORS " \t,"

/* -- life ------------------------------------------------------------------------------------- */

struct conf_source *conf_source_find(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->source_count; i++) {
		if (strcmp(conf->sources[i].name, name) == 0) {
			return &conf->sources[i];
		}
	}
	return NULL;
}

struct conf_sync *conf_sync_find(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->sync_count; i++) {
		if (strcmp(conf->syncs[i].name, name) == 0) {
			return &conf->syncs[i];
		}
	}
	return NULL;
}

/* Whatever the ports do, a source only receives. */
struct conf_source *conf_source_add(struct conf *conf, const char *name)
{
	struct conf_source *source =
		reallocarray(conf->sources, conf->source_count + 1, sizeof(*source));

	if (!source) {
		return NULL;
	}
	conf->sources = source;
	source = &conf->sources[conf->source_count++];
	*source = conf->source_defaults;
	snprintf(source->name, sizeof(source->name), "%s", name);
	source->port = conf->defaults;
	source->port.server_only = 0;
	return source;
}

/* A configuration that borrows all of *conf but what stands in sections. */
static struct conf *borrow(const struct conf *conf)
{
	struct conf *copy = malloc(sizeof(*copy));

	if (!copy) {
		return NULL;
	}
	*copy = *conf;
	copy->strings = NULL;
	copy->ports = NULL;
	copy->port_count = 0;
	copy->sources = NULL;
	copy->source_count = 0;
	copy->syncs = NULL;
	copy->sync_count = 0;
	copy->guests = NULL;
	copy->guest_count = 0;
	copy->beyond[0] = '\0';
	copy->noted[0] = '\0';
	return copy;
}

struct conf_sync *conf_sync_add(struct conf *conf, const char *name)
{
	struct conf_sync *sync = reallocarray(conf->syncs, conf->sync_count + 1, sizeof(*sync));
	struct conf *servo;

	if (!sync) {
		return NULL;
	}
	conf->syncs = sync;
	servo = borrow(conf);
	if (!servo) {
		return NULL;
	}
	sync = &conf->syncs[conf->sync_count++];
	*sync = conf->sync_defaults;
	snprintf(sync->name, sizeof(sync->name), "%s", name);
	sync->sink = ""; /* none was named yet */
	sync->servo = servo;
	return sync;
}

/* -- sources ---------------------------------------------------------------------------------- */

/* The next word of a list of interfaces into name, past it *list: 1, 0 at the end, -1: no name. */
static int next_interface(const char **list, char name[IFNAMSIZ])
{
	const char *word = *list + strspn(*list, SEPARATORS);
	size_t len = strcspn(word, SEPARATORS);

	*list = word + len;
	if (len == 0) {
		return 0;
	}
	if (len >= IFNAMSIZ || memchr(word, '/', len) || memchr(word, ':', len)) {
		return -1;
	}
	memcpy(name, word, len);
	name[len] = '\0';
	return 1;
}

/* The ports of a source of type ptp, in its instance. */
static int add_ports(const struct conf_source *source, struct conf_place at,
		     struct conf_error *error)
{
	struct conf *in = source->instance;
	const char *list = source->interfaces;
	char name[IFNAMSIZ];
	int got;

	while ((got = next_interface(&list, name)) > 0) {
		struct conf_interface *port;

		if (conf_interface_find(in, name)) {
			return conf_fail(error, at,
					 "source %s: key 'source_interfaces' names %s twice; "
					 "remove one",
					 source->name, name);
		}
		port = conf_interface_add(in, name);
		if (!port) {
			return conf_fail(error, at, "source %s: no memory; make some free",
					 source->name);
		}
		port->line = source->line;
	}
	if (got < 0) {
		return conf_fail(error, at,
				 "source %s: key 'source_interfaces': '%s' has what cannot be the "
				 "name of an interface; correct it",
				 source->name, source->interfaces);
	}
	if (in->port_count == 0) {
		return conf_fail(error, at,
				 "source %s: no interface to receive on; write source_interfaces",
				 source->name);
	}
	return 0;
}

/* The configuration of the instance: a timeReceiver nobody asks and nobody manages. */
static int build_instance(struct conf *conf, struct conf_source *source, struct conf_place at,
			  struct conf_error *error)
{
	struct conf *in = source->instance;
	int r;

	if (source->port.server_only) {
		return conf_fail(error, at,
				 "source %s: key 'serverOnly': a source only receives time; "
				 "remove it",
				 source->name);
	}
	if (in) { /* asked again: build it anew */
		free(in->ports);
		free(in);
	}
	source->instance = in = borrow(conf);
	if (!in) {
		return conf_fail(error, at, "source %s: no memory; make some free", source->name);
	}
	in->defaults = source->port;
	in->clock_type = CONF_CLOCK_OC;
	in->client_only = 1;
	in->external_port_configuration = 0;
	in->domain_number = source->domain;
	in->uds_address = "";
	in->uds_ro_address = "";
	r = add_ports(source, at, error);
	return r != 0 ? r : conf_validate(in, error);
}

/* An interface, a transport and majorSdoId that both use; NULL: none. */
static const char *common_interface(const struct conf *a, const struct conf *b)
{
	for (size_t i = 0; i < a->port_count; i++) {
		const struct conf_interface *p = &a->ports[i];
		const struct conf_interface *q = conf_interface_find(b, p->name);

		if (q && p->conf.network_transport == q->conf.network_transport &&
		    p->conf.transport_specific == q->conf.transport_specific) {
			return p->name;
		}
	}
	return NULL;
}

/* Two instances on one interface need different domains, and open its UDP ports together. */
static int check_overlap(struct conf *one, const char *whose, const struct conf_source *source,
			 struct conf_place at, struct conf_error *error)
{
	const char *shared = common_interface(one, source->instance);

	if (!shared) {
		return 0;
	}
	if (one->domain_number == source->domain) {
		return conf_fail(error, at,
				 "source %s: %s has domain %d on %s already; give the source "
				 "another source_domain or interface",
				 source->name, whose, source->domain, shared);
	}
	one->share_ports = 1;
	source->instance->share_ports = 1;
	return 0;
}

/* Against the ports and the sources before it. */
static int check_overlaps(struct conf *conf, size_t index, struct conf_place at,
			  struct conf_error *error)
{
	struct conf_source *source = &conf->sources[index];
	char whose[CONF_NAME_MAX + 16];
	int r = check_overlap(conf, "the port", source, at, error);

	for (size_t i = 0; r == 0 && i < index; i++) {
		snprintf(whose, sizeof(whose), "source %s", conf->sources[i].name);
		if (conf->sources[i].instance) {
			r = check_overlap(conf->sources[i].instance, whose, source, at, error);
		}
	}
	return r;
}

static bool is_soft(const char *clock)
{
	return strcmp(clock, "soft") == 0 || strncmp(clock, "soft:", 5) == 0;
}

static int check_device(struct conf *conf, size_t index, struct conf_place at,
			struct conf_error *error)
{
	struct conf_source *source = &conf->sources[index];

	if (source->type == CONF_SOURCE_NTP && !source->device[0]) {
		source->device = CHRONYD;
	}
	if (!source->device[0]) {
		return conf_fail(error, at, "source %s: no device to read; write source_device",
				 source->name);
	}
	if (source->type == CONF_SOURCE_PHC && is_soft(source->device)) {
		return conf_fail(error, at,
				 "source %s: %s is a clock in memory, and nobody has told it the "
				 "time; name a device",
				 source->name, source->device);
	}
	if (source->type == CONF_SOURCE_PHC && strcmp(source->device, conf->phc_device) == 0) {
		return conf_fail(error, at,
				 "source %s: %s is the clock that is kept (phc_device), and no "
				 "source for itself; name another",
				 source->name, source->device);
	}
	for (size_t i = 0; i < index; i++) {
		if (strcmp(conf->sources[i].device, source->device) == 0) {
			return conf_fail(error, at,
					 "source %s: source %s reads %s already; remove one of "
					 "them",
					 source->name, conf->sources[i].name, source->device);
		}
	}
	return 0;
}

static int check_source(struct conf *conf, size_t index, struct conf_error *error)
{
	struct conf_source *source = &conf->sources[index];
	struct conf_place at = { .file = conf->file, .line = source->line };
	int r;

	switch ((enum conf_source_type)source->type) {
	case CONF_SOURCE_PTP:
		r = build_instance(conf, source, at, error);
		return r != 0 ? r : check_overlaps(conf, index, at, error);
	case CONF_SOURCE_PHC:
	case CONF_SOURCE_PPS:
	case CONF_SOURCE_NTP:
		break;
	}
	return check_device(conf, index, at, error);
}

/* -- syncs ------------------------------------------------------------------------------------ */

/* Sinks that are no clocks: they can be told the time, but not asked for it. */
static bool is_outlet(const char *name)
{
	return strncmp(name, "chrony:", 7) == 0 || strncmp(name, "sock:", 5) == 0 ||
	       strncmp(name, "shm:", 4) == 0;
}

/* The sync that has that clock for a sink, NULL if none has. */
static const struct conf_sync *kept_by(const struct conf *conf, const char *clock)
{
	for (size_t i = 0; i < conf->sync_count; i++) {
		if (strcmp(conf->syncs[i].sink, clock) == 0) {
			return &conf->syncs[i];
		}
	}
	return NULL;
}

/* How the configuration says that this is the clock gnomond keeps; NULL: it does not. */
static const char *kept_as(const struct conf *conf, const char *name)
{
	if (strcmp(name, CONF_KEPT) == 0) {
		return "kept";
	}
	if (conf->phc_device[0] && strcmp(name, conf->phc_device) == 0) {
		return "phc_device";
	}
	return conf->clock == CONF_CLOCK_SYSTEM && strcmp(name, "CLOCK_REALTIME") == 0
		       ? "clock system"
		       : NULL;
}

static int check_sink(const struct conf *conf, const struct conf_sync *sync, struct conf_place at,
		      struct conf_error *error)
{
	const struct conf_sync *other = kept_by(conf, sync->sink);

	if (!sync->sink[0]) {
		return conf_fail(error, at, "sync %s: no clock to keep; write sync_sink",
				 sync->name);
	}
	if (kept_as(conf, sync->sink)) {
		return conf_fail(error, at,
				 "sync %s: the sink is the clock that gnomond keeps already (%s); "
				 "name another",
				 sync->name, kept_as(conf, sync->sink));
	}
	if (other != sync) {
		return conf_fail(error, at, "sync %s: sync %s keeps %s already; remove one of them",
				 sync->name, other->name, sync->sink);
	}
	for (size_t i = 0; i < conf->source_count; i++) {
		const struct conf_source *source = &conf->sources[i];

		if (source->type == CONF_SOURCE_PHC && strcmp(source->device, sync->sink) == 0) {
			return conf_fail(error, at,
					 "sync %s: source %s reads %s, which would follow itself; "
					 "remove one of them",
					 sync->name, source->name, sync->sink);
		}
	}
	return 0;
}

/* Every sink has one source, so there is one way up. */
static int check_loop(const struct conf *conf, const struct conf_sync *sync, struct conf_place at,
		      struct conf_error *error)
{
	const struct conf_sync *above = kept_by(conf, sync->source);

	for (size_t n = 0; above && n < conf->sync_count; n++) {
		if (above == sync) {
			return conf_fail(error, at,
					 "sync %s: %s would follow itself by way of %s; break the "
					 "loop",
					 sync->name, sync->sink, sync->source);
		}
		above = kept_by(conf, above->source);
	}
	return 0;
}

/* Whether the kept clock ever has a time that is worth following. */
static bool is_kept_by_something(const struct conf *conf)
{
	return conf->port_count || conf->source_count || conf->free_running ||
	       conf->clock_class < CONF_BEST_RECEIVER_CLASS;
}

static int check_sync(const struct conf *conf, const struct conf_sync *sync,
		      struct conf_error *error)
{
	struct conf_place at = { .file = conf->file, .line = sync->line };
	int r = check_sink(conf, sync, at, error);

	if (r != 0) {
		return r;
	}
	if (!sync->source[0] || is_outlet(sync->source)) {
		return conf_fail(error, at,
				 "sync %s: '%s' is no clock to follow; name one with sync_source",
				 sync->name, sync->source);
	}
	if (strcmp(sync->source, sync->sink) == 0) {
		return conf_fail(error, at, "sync %s: source and sink are both %s; name two clocks",
				 sync->name, sync->sink);
	}
	if (strcmp(sync->source, CONF_KEPT) == 0 && !is_kept_by_something(conf)) {
		return conf_fail(error, at,
				 "sync %s: without ports and sources nothing keeps the clock it "
				 "would follow; name another with sync_source",
				 sync->name);
	}
	return check_loop(conf, sync, at, error);
}

int conf_validate_sections(struct conf *conf, struct conf_error *error)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < conf->source_count; i++) {
		r = check_source(conf, i, error);
	}
	for (size_t i = 0; r == 0 && i < conf->sync_count; i++) {
		r = check_sync(conf, &conf->syncs[i], error);
	}
	if (r == 0 && conf->guest_count && !is_kept_by_something(conf)) {
		const struct conf_guest *guest = &conf->guests[0];
		struct conf_place at = { .file = conf->file, .line = guest->line };

		r = conf_fail(error, at,
			      "guest %s: without ports and sources nothing keeps the clock it "
			      "would be told; write one, or free_running 1 if another program "
			      "keeps it",
			      guest->name);
	}
	return r ? r : conf_validate_guests(conf, error);
}
