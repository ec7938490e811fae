/* SPDX-License-Identifier: BSD-2-Clause */
#include "guests_migrate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/qmp.h"

/* Where QEMU puts the page of its own device (x86). */
#define VMCLOCK_ADDRESS UINT64_C(0xfeffb000)

/* How often a machine that has no such page is asked for it: it may be reset into one. */
#define PATCH_RETRY_NS (5 * (int64_t)GNOMON_NSEC_PER_SEC)

/* Things acted upon for one machine in a round: one that says more waits for the next. */
#define NOTICES_MAX 8

struct monitor {
	char name[CONF_NAME_MAX];
	char path[UDS_PATH_MAX + 1];
	struct qmp qmp;
	bool patch;       /* the page is QEMU's own, to be found and written there */
	bool patched;
	bool still;       /* the page has been made to say that it is not to be relied upon */
	bool more;        /* has something to say that was not heard yet */
	gnomon_mono ask;  /* for the address again; NEVER */
};

/* -- who hears of it -------------------------------------------------------------------------- */

static void tell(struct monitors *m, const struct monitor *v, const char *what, gnomon_mono now)
{
	json_t *event;

	if (!control_is_heard(m->control, CONTROL_TOPIC_GUEST)) {
		return;
	}
	event = json_object();
	control_put(event, "event", json_string("guest"));
	control_put(event, "name", control_text(v->name));
	control_put(event, "what", json_string(what));
	control_tell(m->control, CONTROL_TOPIC_GUEST, event, now);
}

/* -- the page --------------------------------------------------------------------------------- */

/* What happens next to the machine's memory or counter nobody can foretell. */
static void hold(struct monitors *m, struct monitor *v, gnomon_mono now)
{
	v->still = true;
	(void)guests_migrate(m->guests, v->name, GUEST_MIGRATION_LEAVES, now);
}

static void ask_address(struct monitor *v, gnomon_mono now)
{
	v->ask = GNOMON_MONO_NEVER;
	if (v->patch) {
		(void)qmp_find_address(&v->qmp, VMCLOCK_ADDRESS, now);
	}
}

/* It runs here now, with a counter of which nothing is known. */
static void begin(struct monitors *m, struct monitor *v, bool restored, gnomon_mono now)
{
	v->still = false;
	(void)guests_migrate(m->guests, v->name,
			     restored ? GUEST_MIGRATION_RESTORED : GUEST_MIGRATION_ARRIVED, now);
	ask_address(v, now);
}

static void found(struct monitors *m, struct monitor *v, const struct qmp_notice *notice,
		  gnomon_mono now)
{
	struct driver_error why = { "" };
	int r = notice->address
			? guests_patch(m->guests, v->name, v->qmp.pid, notice->address, now, &why)
			: driver_fail(&why, -ENXIO, "%s: %s; start QEMU with -device vmclock",
				      v->path, notice->text);

	v->patched = r == 0;
	v->ask = r ? gnomon_mono_add(now, PATCH_RETRY_NS) : GNOMON_MONO_NEVER;
	guests_monitor(m->guests, v->name, r ? why.text : NULL);
}

/* -- what monitors say ------------------------------------------------------------------------ */

/* While nobody listened anything may have happened to a machine whose page was held. */
static void connected(struct monitors *m, struct monitor *v, enum qmp_run run, gnomon_mono now)
{
	guests_monitor(m->guests, v->name, NULL);
	if (run == QMP_RUN_INCOMING) {
		hold(m, v, now);
	} else if (run == QMP_RUN_RUNNING && v->still) {
		begin(m, v, false, now);
	} else {
		ask_address(v, now);
	}
}

static void lost(struct monitors *m, struct monitor *v, const char *why, gnomon_mono now)
{
	char text[UDS_PATH_MAX + 200];

	v->ask = GNOMON_MONO_NEVER;
	(void)snprintf(text, sizeof(text), "%s: %s", v->path, why);
	guests_lost(m->guests, v->name, text, now);
}

static void act(struct monitors *m, struct monitor *v, const struct qmp_notice *notice,
		gnomon_mono now)
{
	switch (notice->type) {
	case QMP_NOTICE_CONNECTED:
		connected(m, v, notice->run, now);
		break;
	case QMP_NOTICE_LOST:
		lost(m, v, notice->text, now);
		break;
	case QMP_NOTICE_LEAVING:
		hold(m, v, now);
		tell(m, v, "leaves", now);
		break;
	case QMP_NOTICE_LEFT:
		tell(m, v, "left", now);
		break;
	case QMP_NOTICE_CALLED_OFF:
		if (v->qmp.run == QMP_RUN_RUNNING && v->still) {
			v->still = false;
			(void)guests_migrate(m->guests, v->name, GUEST_MIGRATION_STAYS, now);
		}
		tell(m, v, "stays", now);
		break;
	case QMP_NOTICE_STOP:
		hold(m, v, now);
		tell(m, v, "stopped", now);
		break;
	case QMP_NOTICE_RESUME:
		begin(m, v, guests_overwritten(m->guests, v->name) && !notice->arrived, now);
		tell(m, v, "runs", now);
		break;
	case QMP_NOTICE_RESET:
		begin(m, v, false, now);
		tell(m, v, "reset", now);
		break;
	case QMP_NOTICE_ADDRESS:
		found(m, v, notice, now);
		break;
	}
}

static void listen_to(struct monitors *m, struct monitor *v, gnomon_mono now)
{
	struct qmp_notice notice;
	int left = NOTICES_MAX;

	while (left > 0 && qmp_next(&v->qmp, &notice, now)) {
		act(m, v, &notice, now);
		left--;
	}
	v->more = left == 0;
}

/* -- life ------------------------------------------------------------------------------------- */

int monitors_attach(struct monitors *m, const char *name, const char *path, bool patch)
{
	struct monitor **list;
	struct monitor *v;

	if (!path[0]) {
		return 0;
	}
	list = reallocarray(m->list, m->count + 1, sizeof(*list));
	m->list = list ? list : m->list;
	v = list ? calloc(1, sizeof(*v)) : NULL;
	if (!v) {
		return -ENOMEM;
	}
	(void)snprintf(v->name, sizeof(v->name), "%s", name);
	(void)snprintf(v->path, sizeof(v->path), "%s", path);
	v->patch = patch;
	v->ask = GNOMON_MONO_NEVER;
	qmp_init(&v->qmp, v->path);
	m->list[m->count++] = v;
	return 0;
}

void monitors_detach(struct monitors *m, const char *name)
{
	for (size_t i = 0; i < m->count; i++) {
		if (strcmp(m->list[i]->name, name) == 0) {
			qmp_close(&m->list[i]->qmp);
			free(m->list[i]);
			m->count--;
			memmove(&m->list[i], &m->list[i + 1],
				(m->count - i) * sizeof(m->list[0]));
			return;
		}
	}
}

int monitors_open(struct monitors *m, struct guests *guests, struct control *control)
{
	int r = 0;

	*m = (struct monitors){ .guests = guests, .control = control };
	for (size_t i = 0; r == 0 && i < guests_count(guests); i++) {
		struct guest_info info;

		guests_info(guests, i, &info);
		r = monitors_attach(m, info.name, info.conf->qmp,
				    info.conf->way == CONF_WAY_PATCH);
	}
	return r;
}

void monitors_close(struct monitors *m)
{
	while (m->count > 0) {
		m->count--;
		qmp_close(&m->list[m->count]->qmp);
		free(m->list[m->count]);
	}
	free(m->list);
	*m = (struct monitors){ .guests = NULL };
}

/* -- the loop's ------------------------------------------------------------------------------- */

void monitors_poll_fds(const struct monitors *m, struct pollfd *fds)
{
	for (size_t i = 0; i < m->count; i++) {
		qmp_poll_fd(&m->list[i]->qmp, &fds[i]);
	}
}

void monitors_ready(struct monitors *m, const struct pollfd *fds, size_t count, gnomon_mono now)
{
	for (size_t i = 0; i < count && i < m->count; i++) {
		/* What is detached meanwhile moves the others: whose descriptor it is, is told. */
		if (fds[i].revents && fds[i].fd == m->list[i]->qmp.stream.fd) {
			qmp_ready(&m->list[i]->qmp, now);
			listen_to(m, m->list[i], now);
		}
	}
}

gnomon_mono monitors_expire(struct monitors *m, gnomon_mono now)
{
	gnomon_mono next = GNOMON_MONO_NEVER;

	for (size_t i = 0; i < m->count; i++) {
		struct monitor *v = m->list[i];

		next = gnomon_mono_min(next, qmp_expire(&v->qmp, now));
		if (v->more || v->qmp.broken) {
			listen_to(m, v, now);
			next = gnomon_mono_min(next, v->more ? now : qmp_expire(&v->qmp, now));
		}
		if (!gnomon_mono_before(now, v->ask)) {
			ask_address(v, now);
		}
		next = gnomon_mono_min(next, v->ask);
	}
	return next;
}
