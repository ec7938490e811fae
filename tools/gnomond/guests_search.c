/* SPDX-License-Identifier: BSD-2-Clause */
/* Whose machine a guest is: one walk over processes for all guests that look for theirs. */
#include "guests_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/timer.h"

#define MACHINES_MAX 4096

/* A machine of KVM has its memory mapped soon after it was made. */
#define YOUNG_NS (5 * (int64_t)GNOMON_NSEC_PER_SEC)

/* One that is old may have got a page since. */
#define SWEEP_NS (30 * (int64_t)GNOMON_NSEC_PER_SEC)

void guests_search_want(struct guests *g, struct guest *v, enum guest_seek among)
{
	if (v->seek < among) {
		v->seek = among;
	}
	g->host->slice = gnomon_mono_min(g->host->slice, timer_now());
}

void guests_search_forget(struct guest *v)
{
	v->seek = GUEST_SEEKS_NOTHING;
	v->walked = 0;
}

/* -- machines of KVM --------------------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
	const struct guests_machine *one = a;
	const struct guests_machine *other = b;

	if (one->pid != other->pid) {
		return one->pid < other->pid ? -1 : 1;
	}
	return one->fd < other->fd ? -1 : one->fd > other->fd;
}

static int list_machines(const struct guests_host *h, struct guests_machine *list, gnomon_mono now)
{
	static struct kvm_machine listed[MACHINES_MAX];
	int n = h->debugfs.fd < 0 ? 0
				  : kvm_debugfs_list(&h->debugfs, 0, listed, MACHINES_MAX);

	n = n > MACHINES_MAX ? MACHINES_MAX : n < 0 ? 0 : n;
	for (int i = 0; i < n; i++) {
		list[i] = (struct guests_machine){ listed[i].pid, listed[i].fd, now };
	}
	return n;
}

/* Those that were there before keep the time at which they were seen first. */
static void take_machines(struct guests_host *h, gnomon_mono now)
{
	static struct guests_machine list[MACHINES_MAX];
	const int n = list_machines(h, list, now);

	if (!h->machines) {
		h->machines = calloc(MACHINES_MAX, sizeof(*h->machines));
		if (!h->machines) {
			return;
		}
	}
	for (int i = 0; i < n; i++) {
		const struct guests_machine *was =
			bsearch(&list[i], h->machines, h->machine_count, sizeof(list[i]),
				by_number);

		list[i].since = was ? was->since : now;
	}
	qsort(list, (size_t)n, sizeof(list[0]), by_number);
	memcpy(h->machines, list, (size_t)n * sizeof(list[0]));
	h->machine_count = (size_t)n;
}

static bool is_young(const struct guests_machine *m, gnomon_mono now)
{
	return now.ns - m->since.ns < YOUNG_NS;
}

enum guest_seek guests_search_look(struct guests *g, gnomon_mono now)
{
	struct guests_host *h = g->host;

	const bool sweep = h->sweep.ns && !gnomon_mono_before(now, h->sweep);

	take_machines(h, now);
	if (sweep || !h->sweep.ns) {
		h->sweep = gnomon_mono_add(now, SWEEP_NS);
	}
	if (sweep) {
		return GUEST_SEEKS_MACHINES;
	}
	for (size_t i = 0; i < h->machine_count; i++) {
		if (is_young(&h->machines[i], now)) {
			return GUEST_SEEKS_YOUNG;
		}
	}
	return GUEST_SEEKS_NOTHING;
}

/* -- the walk ---------------------------------------------------------------------------------- */

static struct vm_wanted wanted_of(const struct guest *v)
{
	struct vm_wanted wanted = { VM_KEY_PAGE, v->conf.path, v->seek == GUEST_SEEKS_ALL };

	if (v->conf.uuid[0]) {
		wanted.key = VM_KEY_UUID;
		wanted.value = v->conf.uuid;
	} else if (v->conf.libvirt[0]) {
		wanted.key = VM_KEY_NAME;
		wanted.value = v->conf.libvirt;
	}
	return wanted;
}

/* All who look for theirs now; who does so later waits for the next walk. */
static size_t gather(struct guests *g, struct vm_wanted *wanted, enum guest_seek *most)
{
	size_t count = 0;

	for (size_t i = 0; i < g->count; i++) {
		struct guest *v = g->list[i];

		v->walked = 0;
		if (v->seek == GUEST_SEEKS_NOTHING) {
			continue;
		}
		*most = v->seek > *most ? v->seek : *most;
		wanted[count++] = wanted_of(v);
		v->walked = count;
		v->seek_first = v->seek == GUEST_SEEKS_ALL;
		v->seek = GUEST_SEEKS_NOTHING;
	}
	return count;
}

static bool begin_walk(struct guests *g)
{
	static int pids[MACHINES_MAX];
	struct guests_host *h = g->host;
	const gnomon_mono now = timer_now();
	struct vm_wanted *wanted = calloc(g->count + 1, sizeof(*wanted));
	enum guest_seek among = GUEST_SEEKS_NOTHING;
	const size_t count = wanted ? gather(g, wanted, &among) : 0;
	struct driver_error untold;
	size_t n = 0;

	if (count) {
		take_machines(h, now);
	}
	for (size_t i = 0; i < h->machine_count; i++) {
		if (among > GUEST_SEEKS_YOUNG || is_young(&h->machines[i], now)) {
			pids[n++] = h->machines[i].pid;
		}
	}
	if (count && vm_walk_begin(&h->walk, h->find, wanted, count, pids, n, &untold) != 0) {
		h->walk = NULL;
	}
	free(wanted);
	return h->walk != NULL;
}

static struct guest *guest_of(const struct guests *g, size_t index)
{
	for (size_t i = 0; i < g->count; i++) {
		if (g->list[i]->walked == index + 1) {
			return g->list[i];
		}
	}
	return NULL; /* it was detached */
}

/* That it still does not run is no news. */
static void take_answer(struct guests *g, struct guest *v, size_t index)
{
	struct driver_error why;
	struct vm_process process;
	const int r = vm_walk_take(g->host->walk, index, &process, &why);

	v->walked = 0;
	if (r == 0 && !v->process.pid) {
		v->process = process;
		v->seek = GUEST_SEEKS_NOTHING;
	} else if (r == 0) {
		vm_process_close(&process);
	} else if (v->map_source == GUEST_MAP_NONE && (v->seek_first || r != -ESRCH)) {
		v->no_map = why;
	}
	if (r == -EACCES && !g->host->told_hidden) {
		g->host->told_hidden = true;
		guests_report_trouble(g, v, why.text);
	}
}

bool guests_search_step(struct guests *g, struct guest **found)
{
	struct guests_host *h = g->host;
	size_t index;

	*found = NULL;
	if (!h->walk) {
		return begin_walk(g);
	}
	if (vm_walk_settled(h->walk, &index)) {
		*found = guest_of(g, index);
		if (*found) {
			take_answer(g, *found, index);
		}
	} else if (h->walked) {
		vm_walk_end(h->walk);
		h->walk = NULL;
		h->walked = false;
	} else {
		h->walked = vm_walk_step(h->walk);
	}
	return true;
}

void guests_search_end(struct guests_host *h)
{
	vm_walk_end(h->walk);
	free(h->machines);
	h->walk = NULL;
	h->machines = NULL;
	h->machine_count = 0;
}
