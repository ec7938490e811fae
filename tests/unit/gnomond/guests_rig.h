/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guests of a daemon that has no clock: the host's line is what the test says.
 */
#ifndef TESTS_GNOMOND_GUESTS_RIG_H
#define TESTS_GNOMOND_GUESTS_RIG_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/gnomond/guests_private.h"

struct rig {
	char folder[40]; /* with pages, truths and the rest */
	struct conf conf;
	struct log log;
	char told[4096]; /* all lines */
	struct guests g;
	struct guests_host host;
};

static struct rig *rig_of_log; /* log functions have no context */

static inline void rig_listen(struct log *log, int level, const char *line, size_t len)
{
	size_t have = strlen(rig_of_log->told);

	(void)log;
	(void)level;
	if (have + len < sizeof(rig_of_log->told)) {
		memcpy(rig_of_log->told + have, line, len);
		rig_of_log->told[have + len] = '\0';
	}
}

/* 3 GHz, at a TAI of so many seconds when the counter is 0, and in step. */
#define RIG_HZ 3e9

/* The line that goes through a time at a counter. */
static inline void rig_line(struct rig *r, uint64_t counter, double tai_s, double bound_ns)
{
	struct gnomon_host_line *line = &r->host.now;

	memset(line, 0, sizeof(*line));
	line->valid = true;
	line->status = GNOMON_VMCLOCK_SYNCHRONIZED;
	line->counter = counter;
	line->time = gnomon_fine_from_time(
		(gnomon_time){ (int64_t)tai_s, (uint32_t)((tai_s - (double)(int64_t)tai_s) * 1e9),
			       0 });
	(void)gnomon_period_from_seconds(1 / RIG_HZ, &line->period);
	line->bound_ns = bound_ns;
	line->growth_ppb = 1000;
}

static inline void rig_up(struct rig *r)
{
	memset(r, 0, sizeof(*r));
	rig_of_log = r;
	snprintf(r->folder, sizeof(r->folder), "/dev/shm/gnomon-test-XXXXXX");
	if (!mkdtemp(r->folder) || conf_init(&r->conf, true) != 0) {
		abort();
	}
	r->conf.guest_dir = r->folder;
	r->conf.use_syslog = 0;
	r->conf.verbose = 1;
	r->conf.logging_level = 7;
	log_init(&r->log, "test", &r->conf);
	r->log.write = rig_listen;
	r->g.conf = &r->conf;
	r->g.log = &r->log;
	r->g.host = &r->host;
	r->g.uid = (uid_t)-1;
	r->g.gid = (gid_t)-1;
	r->host.rate.hz = RIG_HZ;
	r->host.debugfs.fd = -1;
	r->host.trace.fd = -1;
	r->host.has_kvm = true;
	r->host.slice = GNOMON_MONO_NEVER;
	r->host.standing.status = GNOMON_VMCLOCK_SYNCHRONIZED;
	r->host.utc = (struct gnomon_utc){ .known = true, .tai_offset = 37 };
	r->host.marker = 0x1111;
	truth_boot_id(r->host.boot_id);
	rig_line(r, 3000000000u, 1000, 100);
}

static inline void rig_down(struct rig *r)
{
	char command[80];

	snprintf(command, sizeof(command), "rm -rf %s", r->folder);
	if (system(command) != 0) {
		abort();
	}
	conf_finish(&r->conf);
}

/* A guest that reads the host's own counter. */
static inline struct guest *rig_guest(struct rig *r, const char *name)
{
	struct guest *v = calloc(1, sizeof(*v));

	if (!v) {
		abort();
	}
	v->conf = r->conf.guest_defaults;
	snprintf(v->conf.name, sizeof(v->conf.name), "%s", name);
	snprintf(v->conf.path, sizeof(v->conf.path), "%s/%s", r->folder, name);
	v->conf.counter = CONF_COUNTER_HOST;
	v->process.fd = -1;
	proc_page_init(&v->patch);
	v->map_source = GUEST_MAP_HOST;
	gnomon_counter_map_offset(&v->map, 0);
	return v;
}

/* Its page as a reader gets it; 0 or the error of reading. */
static inline int rig_read(const struct guest *v, struct gnomon_vmclock *page)
{
	return gnomon_vmclock_read(v->file.map, v->file.mapped, 3, page);
}

#endif
