/* SPDX-License-Identifier: BSD-2-Clause */
/* What the log hears of guests. */
#include "guests_private.h"

#include <math.h>

static void begin(struct guests *g, const struct guest *v)
{
	g->log->section = v ? v->conf.name : NULL;
}

static void end(struct guests *g)
{
	log_end(g->log);
	g->log->section = NULL;
}

static const char *map_name(enum guest_map_source source)
{
	switch (source) {
	case GUEST_MAP_NONE:
		return "none";
	case GUEST_MAP_KVM:
		return "kvm";
	case GUEST_MAP_PINGPONG:
		return "pingpong";
	case GUEST_MAP_HOST:
		return "host";
	}
	return "?";
}

void guests_report_attached(struct guests *g, const struct guest *v, bool restored)
{
	begin(g, v);
	if (log_begin(g->log, LOG_GUEST)) {
		log_text(g->log, "guest %s: page %s", v->conf.name, v->conf.path);
		log_str(g->log, "what", "attached");
		log_str(g->log, "page", v->conf.path);
		log_bool(g->log, "restored", restored);
		end(g);
	}
	g->log->section = NULL;
}

void guests_report_detached(struct guests *g, const struct guest *v)
{
	begin(g, v);
	if (log_begin(g->log, LOG_GUEST)) {
		log_text(g->log, "guest %s: detached", v->conf.name);
		log_str(g->log, "what", "detached");
		log_str(g->log, "page", v->conf.path);
		end(g);
	}
	g->log->section = NULL;
}

void guests_report_status(struct guests *g, const struct guest *v)
{
	begin(g, v);
	if (log_begin(g->log, LOG_GUEST_STATUS)) {
		const char *status = gnomon_vmclock_status_name(v->slot.shown.clock_status);

		log_text(g->log, "guest %s: %s", v->conf.name, status);
		log_str(g->log, "status", status);
		log_num(g->log, "bound_ns", v->bound_ns, 0);
		if (v->trouble.text[0]) {
			log_str(g->log, "why", v->trouble.text);
		}
		end(g);
	}
	g->log->section = NULL;
}

static const char *move_name(enum guest_migration what)
{
	switch (what) {
	case GUEST_MIGRATION_LEAVES:
		return "leaves or stops";
	case GUEST_MIGRATION_STAYS:
		return "stays";
	case GUEST_MIGRATION_ARRIVED:
		return "runs anew";
	case GUEST_MIGRATION_RESTORED:
		return "was restored";
	}
	return "?";
}

void guests_report_move(struct guests *g, const struct guest *v, enum guest_migration what)
{
	begin(g, v);
	if (log_begin(g->log, LOG_GUEST_MOVE)) {
		log_text(g->log, "guest %s: %s", v->conf.name, move_name(what));
		log_str(g->log, "what", move_name(what));
		end(g);
	}
	g->log->section = NULL;
}

void guests_report_map(struct guests *g, const struct guest *v)
{
	begin(g, v);
	if (log_begin(g->log, LOG_GUEST_COUNTER)) {
		log_text(g->log, "guest %s: counter by %s", v->conf.name, map_name(v->map_source));
		log_str(g->log, "by", map_name(v->map_source));
		if (v->map_source == GUEST_MAP_NONE) {
			log_str(g->log, "why", v->no_map.text);
		} else {
			log_int(g->log, "offset", (int64_t)v->map.offset);
			log_int(g->log, "error_ticks", (int64_t)v->map.error_ticks);
		}
		if (v->process.pid) {
			log_int(g->log, "pid", v->process.pid);
			log_int(g->log, "vcpus", v->vcpus);
		}
		end(g);
	}
	g->log->section = NULL;
}

void guests_report_disruption(struct guests *g, const struct guest *v, const char *why,
			      double breach_ns)
{
	begin(g, v);
	if (log_begin(g->log, LOG_GUEST_DISRUPTION)) {
		log_text(g->log, "guest %s: disruption: %s", v->conf.name, why);
		log_str(g->log, "why", why);
		if (breach_ns > 0) {
			log_num(g->log, "breach_ns", breach_ns, 0);
		}
		end(g);
	}
	g->log->section = NULL;
}

void guests_report_damage(struct guests *g, const struct guest *v, const char *what)
{
	begin(g, v);
	if (log_begin(g->log, LOG_GUEST_DAMAGE)) {
		log_text(g->log, "guest %s: its page was damaged, and is whole again (%s)",
			 v->conf.name, what);
		log_str(g->log, "what", what);
		log_int(g->log, "times", (int64_t)v->untold);
		log_int(g->log, "healed", (int64_t)v->healed);
		end(g);
	}
	g->log->section = NULL;
}

void guests_report_trouble(struct guests *g, const struct guest *v, const char *text)
{
	begin(g, v);
	if (log_begin(g->log, LOG_GUEST_ERROR)) {
		log_text(g->log, "%s%s%s", v ? v->conf.name : "guests", ": ", text);
		log_str(g->log, "why", text);
		end(g);
	}
	g->log->section = NULL;
}
