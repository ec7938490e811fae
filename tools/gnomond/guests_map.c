/* SPDX-License-Identifier: BSD-2-Clause */
/* How guests see the counter: by KVM's word, by their own, or as the host does. */
#include "guests_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/timer.h"

/* How often machines are looked at, and how often though the kernel would tell of a change. */
#define LOOK_NS ((int64_t)GNOMON_NSEC_PER_SEC)
#define TRACED_LOOKS 10

/* All that is looked at now: so long at a time, and then three times as long something else. To
 * read 16 vCPUs takes 50 us. */
#define SLICE_NS 400000
#define PAUSES 3

#define TRACED_MAX 64
/* A guest may set its counter all the time; it is looked at so often. */
#define TRACE_PAUSE_NS 20000000

/* Of the ping-pong: all of it, one exchange, exchanges missed before it is given up. */
#define PLAY_S 0.002
#define PING_S 0.0001
#define MISSES 8
#define EXCHANGES 256
/* What the exchanges have to come to: a map that is right within so much. */
#define ERROR_MOST_S 5e-6

/* KVM scales a counter only if it is further than this from the host's (its tsc_tolerance_ppm). */
#define UNSCALED_PPB 250e3

static bool wants_kvm(const struct guest *v)
{
	return v->conf.counter == CONF_COUNTER_KVM || v->conf.counter == CONF_COUNTER_AUTO;
}

static bool wants_pingpong(const struct guest *v)
{
	return v->conf.counter == CONF_COUNTER_PINGPONG || v->conf.counter == CONF_COUNTER_AUTO;
}

/* -- by KVM ----------------------------------------------------------------------------------- */

static bool lose_map(struct guests *g, struct guest *v)
{
	bool had = v->map_source != GUEST_MAP_NONE;

	v->map_source = GUEST_MAP_NONE;
	if (had) {
		guests_report_map(g, v);
	}
	return had;
}

void guest_map_forget(struct guest *v)
{
	if (v->process.pid) {
		vm_process_close(&v->process);
	}
	v->process = (struct vm_process){ .fd = -1 };
	v->has_machine = false;
	v->vcpus = 0;
	v->due_look = false;
	guests_search_forget(v);
}

static void forget_exchanges(struct guest *v)
{
	free(v->pingpong);
	v->pingpong = NULL;
	v->sought = false;
}

/* What KVM tells is asked for again; what the machine said itself, another one has to say anew. */
bool guest_map_drop(struct guests *g, struct guest *v, const char *why)
{
	forget_exchanges(v);
	if (v->map_source != GUEST_MAP_PINGPONG) {
		return false;
	}
	driver_fail(&v->no_map, -ENODATA, "%s: gnomon-guest has not been heard in it since", why);
	return lose_map(g, v);
}

/* True: the map is another one. */
static bool take_map(struct guests *g, struct guest *v, enum guest_map_source source,
		     const struct gnomon_counter_map *map)
{
	bool same = v->map_source == source && gnomon_counter_map_equal(&v->map, map);

	v->map_source = source;
	v->map = *map;
	v->no_map.text[0] = '\0';
	if (!same) {
		guests_report_map(g, v);
	}
	return !same;
}

/* vCPUs that are set one after the other differ for a moment: what is BUSY keeps its map. */
static bool read_machine(struct guests *g, struct guest *v)
{
	struct gnomon_counter_map map;
	int r = kvm_debugfs_read(&g->host->debugfs, &v->machine, &map, &v->vcpus, &v->no_map);

	if (r == 0) {
		return take_map(g, v, GUEST_MAP_KVM, &map);
	}
	if (r == -EBUSY && v->map_source == GUEST_MAP_KVM) {
		return false;
	}
	if (r == -ENOENT) {
		v->has_machine = false;
	}
	return v->map_source == GUEST_MAP_KVM && lose_map(g, v);
}

/* Whose pid was told. */
static pid_t told_pid(const struct guest *v)
{
	return v->conf.pid ? v->conf.pid : v->patched;
}

/* Of a process that is known, or whose number is. */
static bool find_machine(struct guests *g, struct guest *v)
{
	const struct guests_host *h = g->host;

	if (!v->process.pid && vm_find_pid(h->find, told_pid(v), &v->process, &v->no_map) != 0) {
		guest_map_forget(v);
		return false;
	}
	if (kvm_debugfs_find(&h->debugfs, v->process.pid, &v->machine, &v->no_map) != 0) {
		return false;
	}
	v->has_machine = true;
	return read_machine(g, v);
}

/* That it is not started yet is no news. */
static void begin_kvm(struct guests *g, struct guest *v)
{
	guests_host_want_kvm(g);
	if (g->host->debugfs.fd < 0) {
		v->no_map = g->host->no_debugfs;
	} else if (v->process.pid || told_pid(v)) {
		(void)find_machine(g, v);
	} else {
		driver_fail(&v->no_map, -ESRCH, "looking for the machine's process");
		guests_search_want(g, v, GUEST_SEEKS_ALL);
	}
	if (v->map_source == GUEST_MAP_NONE && v->conf.counter == CONF_COUNTER_KVM &&
	    (g->host->debugfs.fd < 0 || v->conf.pid)) {
		guests_report_trouble(g, v, v->no_map.text);
	}
}

/* What a guest told an earlier run holds as long as its machine runs: the same one. */
static bool resume_map(struct guests *g, struct guest *v)
{
	const struct truth_slot *was = &v->slot;
	struct driver_error gone;

	if (!v->coasting || was->map_source != GUEST_MAP_PINGPONG || !wants_pingpong(v) ||
	    was->pid <= 0 || vm_find_pid(g->host->find, was->pid, &v->process, &gone) != 0) {
		return false;
	}
	if (v->process.start_time != was->start_time) {
		guest_map_forget(v);
		return false;
	}
	(void)take_map(g, v, GUEST_MAP_PINGPONG, &was->publisher.map);
	return true;
}

void guest_map_find(struct guests *g, struct guest *v)
{
	struct gnomon_counter_map same;

	if (!v->process.pid) {
		v->process.fd = -1;
	}
	if (resume_map(g, v)) {
		return;
	}
	if (v->conf.counter == CONF_COUNTER_HOST) {
		gnomon_counter_map_offset(&same, 0);
		(void)take_map(g, v, GUEST_MAP_HOST, &same);
	} else if (wants_kvm(v)) {
		begin_kvm(g, v);
	} else {
		driver_fail(&v->no_map, -ENODATA, "gnomon-guest has not been heard in it");
	}
}

/* To look at all processes takes long, and machines that are reset all day are somebody else's. */
static void find_again(struct guests *g, struct guest *v, gnomon_mono now)
{
	guest_map_forget(v);
	if (gnomon_mono_before(now, v->found) && !told_pid(v) && wants_kvm(v)) {
		guests_search_want(g, v, GUEST_SEEKS_MACHINES);
		return;
	}
	v->found = gnomon_mono_add(now, LOOK_NS);
	guest_map_find(g, v);
}

void guest_map_renew(struct guests *g, struct guest *v, gnomon_mono now)
{
	(void)guest_map_drop(g, v, "it was moved, restored or reset");
	if (!v->process.pid || !vm_process_alive(g->host->find, &v->process)) {
		find_again(g, v, now);
	} else if (wants_kvm(v)) {
		(void)(v->has_machine ? read_machine(g, v) : find_machine(g, v));
	}
	if (v->map_source == GUEST_MAP_KVM && !v->has_machine) {
		driver_fail(&v->no_map, -ESRCH, v->seek ? "looking for the machine's process"
							: "its process is not to be found");
		(void)lose_map(g, v);
	}
}

/* -- looking around --------------------------------------------------------------------------- */

/* Its machine is read in a slice. */
static void want_look(struct guests *g, struct guest *v)
{
	v->due_look = true;
	g->host->due_looks = true;
	g->host->slice = (gnomon_mono){ 0 };
}

/* Gone: true. */
static bool check_process(struct guests *g, struct guest *v)
{
	if (!v->process.pid || vm_process_alive(g->host->find, &v->process)) {
		return false;
	}
	driver_fail(&v->no_map, -ESRCH, "its process (%d) has ended", v->process.pid);
	guest_map_forget(v);
	forget_exchanges(v);
	return lose_map(g, v);
}

static bool look_at(struct guests *g, struct guest *v)
{
	v->due_look = false;
	if (v->has_machine) {
		return read_machine(g, v);
	}
	return wants_kvm(v) && g->host->debugfs.fd >= 0 && find_machine(g, v);
}

static struct guest *next_look(struct guests *g)
{
	struct guests_host *h = g->host;

	for (size_t i = 0; h->due_looks && i < g->count; i++) {
		struct guest *v = g->list[++h->looked % g->count];

		if (v->due_look) {
			return v;
		}
	}
	h->due_looks = false;
	return NULL;
}

/* A bit of what there is to be looked at; false: there is nothing. */
static bool work(struct guests *g, bool *changed)
{
	struct guest *v = next_look(g);

	if (!v) {
		if (!guests_search_step(g, &v)) {
			return false;
		}
		if (!v || !v->process.pid || v->has_machine) {
			return true;
		}
	}
	if (look_at(g, v)) {
		v->due = true;
		*changed = true;
	}
	return true;
}

/* The clock must not wait for hundreds of machines. */
static bool slice(struct guests *g, gnomon_mono now)
{
	const gnomon_mono begun = timer_now();
	gnomon_mono end = begun;
	bool changed = false;
	bool more;

	while ((more = work(g, &changed)) && end.ns - begun.ns < SLICE_NS) {
		end = timer_now();
	}
	g->host->slice = more ? gnomon_mono_add(now, (1 + PAUSES) * (end.ns - begun.ns))
			      : GNOMON_MONO_NEVER;
	return changed;
}

/* Those that have no machine: their process may be there now, or may have one now. */
static void look_for_missing(struct guests *g, gnomon_mono now)
{
	const enum guest_seek among = guests_search_look(g, now);

	for (size_t i = 0; among != GUEST_SEEKS_NOTHING && i < g->count; i++) {
		struct guest *v = g->list[i];

		if (!wants_kvm(v) || v->has_machine) {
			continue;
		}
		if (v->process.pid || told_pid(v)) {
			want_look(g, v);
		} else {
			guests_search_want(g, v, among);
		}
	}
}

static bool look_around(struct guests *g, gnomon_mono now)
{
	struct guests_host *h = g->host;
	const bool read = h->trace.fd < 0 || h->looks++ % TRACED_LOOKS == 0;
	bool missing = false;
	bool changed = false;

	h->look = gnomon_mono_add(now, LOOK_NS);
	for (size_t i = 0; i < g->count; i++) {
		struct guest *v = g->list[i];

		if (check_process(g, v)) {
			v->due = true;
			changed = true;
		}
		if (read && v->has_machine) {
			want_look(g, v);
		}
		missing |= wants_kvm(v) && !v->has_machine;
	}
	if (missing && h->debugfs.fd >= 0) {
		look_for_missing(g, now);
	}
	return changed;
}

bool guests_map_expire(struct guests *g, gnomon_mono now)
{
	struct guests_host *h = g->host;
	bool changed = !gnomon_mono_before(now, h->look) && look_around(g, now);

	return (!gnomon_mono_before(now, h->slice) && slice(g, now)) || changed;
}

/* Whoever has no machine to be looked at needs no look. */
gnomon_mono guests_map_deadline(const struct guests *g)
{
	for (size_t i = 0; i < g->count; i++) {
		if (wants_kvm(g->list[i]) || g->list[i]->process.pid) {
			return gnomon_mono_min(g->host->look, g->host->slice);
		}
	}
	return g->host->slice;
}

bool guests_map_traced(struct guests *g, gnomon_mono now)
{
	struct guests_host *h = g->host;
	int pids[TRACED_MAX];
	int n = kvm_trace_read(&h->trace, pids, TRACED_MAX);
	bool changed = false;

	h->trace_pause = gnomon_mono_add(now, TRACE_PAUSE_NS);
	for (size_t i = 0; n != 0 && i < g->count; i++) {
		struct guest *v = g->list[i];
		bool meant = n < 0 || n > TRACED_MAX;

		for (int p = 0; !meant && p < n; p++) {
			meant = pids[p] == v->process.pid;
		}
		if (meant && v->has_machine && read_machine(g, v)) {
			v->due = true;
			changed = true;
		}
	}
	return changed;
}

/* -- by the guest itself ---------------------------------------------------------------------- */

static bool await_answer(const void *box, uint32_t n, uint64_t until, uint64_t *guest)
{
	while (!gnomon_mailbox_answered(box, n, guest)) {
		if ((int64_t)(counter_read() - until) >= 0) {
			return false;
		}
	}
	return true;
}

/* As many exchanges as there is time for. All that is believed is what they agree upon. */
static int exchange(struct guests *g, struct guest *v, void *box)
{
	const double hz = g->host->rate.hz;
	const uint64_t end = counter_read() + (uint64_t)(PLAY_S * hz);
	int answered = 0;
	int missed = 0;
	int r = 0;

	for (int i = 0; i < EXCHANGES && missed < MISSES && r == 0; i++) {
		const uint32_t n = ++g->host->ping ? g->host->ping : ++g->host->ping;
		uint64_t before;
		uint64_t guest;

		before = counter_read();
		gnomon_mailbox_ping(box, n);
		if (await_answer(box, n, before + (uint64_t)(PING_S * hz), &guest)) {
			r = gnomon_pingpong_add(v->pingpong, before, guest, counter_read());
			answered++;
		} else {
			missed++;
		}
		if ((int64_t)(counter_read() - end) >= 0) {
			break;
		}
	}
	return r == 0 && answered == 0 ? -ETIMEDOUT : r;
}

/* What was exchanged before still counts: a counter that drifts contradicts it. */
static int begin_exchanges(struct guests *g, struct guest *v)
{
	const uint64_t hz = (uint64_t)g->host->rate.hz;

	if (v->pingpong) {
		return 0;
	}
	v->pingpong = malloc(sizeof(*v->pingpong));
	return v->pingpong ? gnomon_pingpong_init(v->pingpong, hz, hz, 0.0) : -ENOMEM;
}

/* A map that says the same within its error stays: another one would be a disruption. */
static bool is_consistent(const struct guest *v, const struct gnomon_counter_map *map)
{
	const int64_t apart = (int64_t)(map->offset - v->map.offset);
	const uint64_t most = map->error_ticks + v->map.error_ticks;

	return v->map_source == GUEST_MAP_PINGPONG && map->ratio == v->map.ratio &&
	       map->frac_bits == v->map.frac_bits &&
	       (uint64_t)(apart < 0 ? -apart : apart) <= most &&
	       map->error_ticks * 2 >= v->map.error_ticks;
}

static int play(struct guests *g, struct guest *v, void *box, struct gnomon_counter_map *map)
{
	int r = begin_exchanges(g, v);

	r = r ? r : exchange(g, v, box);
	if (r != 0) {
		if (r != -ETIMEDOUT) {
			forget_exchanges(v);
		}
		return r;
	}
	if (gnomon_pingpong_ratio_error(v->pingpong) > UNSCALED_PPB) {
		return -EAGAIN;
	}
	r = gnomon_pingpong_map(v->pingpong, counter_read(), map);
	return r == 0 && (double)map->error_ticks > ERROR_MOST_S * g->host->rate.hz ? -ETIMEDOUT
										      : r;
}

/* The request of one guest. It may have been written by anybody who has the page. */
static void serve(struct guests *g, struct guest *v, uint32_t request)
{
	void *box = guest_page_mailbox(v);
	struct gnomon_counter_map map;
	int r = 0;

	gnomon_mailbox_tell(box, request, GNOMON_MAILBOX_PLAYING);
	if (v->map_source == GUEST_MAP_KVM) {
		gnomon_mailbox_tell(box, request, GNOMON_MAILBOX_DONE);
		return;
	}
	r = play(g, v, box, &map);
	gnomon_mailbox_tell(box, request, r ? GNOMON_MAILBOX_FAILED : GNOMON_MAILBOX_DONE);
	if (r == -EILSEQ) {
		driver_fail(&v->no_map, r, "its answers contradict each other");
		/* Or those of before: then its counter is no longer the one that was measured. */
		v->due |= v->map_source == GUEST_MAP_PINGPONG && lose_map(g, v);
	} else if (r == -EAGAIN) {
		driver_fail(&v->no_map, r, "it has not answered for long enough to show its rate");
	} else if (r != 0) {
		driver_fail(&v->no_map, r, "it did not answer in time");
	} else if (!is_consistent(v, &map) && take_map(g, v, GUEST_MAP_PINGPONG, &map)) {
		v->due = true;
	}
}

/* When it ends, what follows has another counter, and will not have said so. The guest asks as
 * often as it likes: so this is done once. */
static void follow_machine(struct guests *g, struct guest *v)
{
	struct driver_error unheard;

	if (v->map_source != GUEST_MAP_PINGPONG || v->process.pid || v->sought) {
		return;
	}
	v->sought = true;
	if (!told_pid(v)) {
		guests_search_want(g, v, GUEST_SEEKS_ALL);
	} else if (vm_find_pid(g->host->find, told_pid(v), &v->process, &unheard) != 0) {
		guest_map_forget(v);
	}
}

/* One at each publication: who asks all the time takes 2 ms of it, and others have their turn. */
void guests_map_play(struct guests *g, gnomon_mono now)
{
	struct guests_host *h = g->host;

	(void)now;
	for (size_t i = 0; i < g->count; i++) {
		struct guest *v = g->list[++h->played % g->count];
		uint32_t request;

		if (!wants_pingpong(v) || !guest_page_mailbox(v)) {
			continue;
		}
		page_file_enter(&v->file);
		request = gnomon_mailbox_asked(guest_page_mailbox(v));
		if (request) {
			serve(g, v, request);
		}
		(void)page_file_leave(&v->file);
		if (request) {
			follow_machine(g, v);
			return;
		}
	}
}
