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
/* To read 16 vCPUs takes 50 us. So long at a time, and when the rest is gone on with. */
#define LOOK_AT_ONCE_NS 500000
#define LOOK_ON_NS 5000000

/* A machine of KVM has its memory mapped soon after it was made. */
#define SEARCH_NS (5 * (int64_t)GNOMON_NSEC_PER_SEC)
/* To look at all processes takes ms. So long at a time, and the rest later. */
#define SEARCH_AT_ONCE_NS 5000000

#define MACHINES_MAX 4096
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

static int find_process(struct guest *v)
{
	if (v->conf.pid) {
		return vm_find_pid(NULL, v->conf.pid, &v->process, &v->no_map);
	}
	if (v->conf.uuid[0]) {
		return vm_find_uuid(NULL, v->conf.uuid, &v->process, &v->no_map);
	}
	if (v->conf.libvirt[0]) {
		return vm_find_name(NULL, v->conf.libvirt, &v->process, &v->no_map);
	}
	if (v->patched) {
		return vm_find_pid(NULL, v->patched, &v->process, &v->no_map);
	}
	return vm_find_page(NULL, v->conf.path, &v->process, &v->no_map);
}

static bool find_machine(struct guests *g, struct guest *v)
{
	struct guests_host *h = g->host;

	guests_host_want_kvm(g);
	if (h->debugfs.fd < 0) {
		v->no_map = h->no_debugfs;
		return false;
	}
	if (!v->process.pid && find_process(v) != 0) {
		guest_map_forget(v);
		return false;
	}
	if (kvm_debugfs_find(&h->debugfs, v->process.pid, &v->machine, &v->no_map) != 0) {
		return false;
	}
	v->has_machine = true;
	return read_machine(g, v);
}

/* What a guest told an earlier run holds as long as its machine runs: the same one. */
static bool resume_map(struct guests *g, struct guest *v)
{
	const struct truth_slot *was = &v->slot;
	struct driver_error gone;

	if (!v->coasting || was->map_source != GUEST_MAP_PINGPONG || !wants_pingpong(v) ||
	    was->pid <= 0 || vm_find_pid(NULL, was->pid, &v->process, &gone) != 0) {
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

	v->process.fd = -1;
	if (resume_map(g, v)) {
		return;
	}
	if (v->conf.counter == CONF_COUNTER_HOST) {
		gnomon_counter_map_offset(&same, 0);
		(void)take_map(g, v, GUEST_MAP_HOST, &same);
	} else if (wants_kvm(v)) {
		(void)find_machine(g, v);
		/* That it is not started yet is no news. */
		if (v->map_source == GUEST_MAP_NONE && v->conf.counter == CONF_COUNTER_KVM &&
		    (g->host->debugfs.fd < 0 || v->conf.pid)) {
			guests_report_trouble(g, v, v->no_map.text);
		}
	} else {
		driver_fail(&v->no_map, -ENODATA, "gnomon-guest has not been heard in it");
	}
}

/* To look at all processes takes ms, and machines that are reset all day are somebody else's. */
static void find_again(struct guests *g, struct guest *v, gnomon_mono now)
{
	guest_map_forget(v);
	if (gnomon_mono_before(now, v->found)) {
		g->host->machines = 0; /* the next look is a search */
		return;
	}
	v->found = gnomon_mono_add(now, LOOK_NS);
	guest_map_find(g, v);
}

void guest_map_renew(struct guests *g, struct guest *v, gnomon_mono now)
{
	(void)guest_map_drop(g, v, "it was moved, restored or reset");
	if (!v->process.pid || !vm_process_alive(NULL, &v->process)) {
		find_again(g, v, now);
	} else if (wants_kvm(v)) {
		(void)(v->has_machine ? read_machine(g, v) : find_machine(g, v));
	}
	if (v->map_source == GUEST_MAP_KVM && !v->has_machine) {
		driver_fail(&v->no_map, -ESRCH, "its process is not to be found");
		(void)lose_map(g, v);
	}
}

/* -- looking around --------------------------------------------------------------------------- */

/* A number that is another one when another machine is there. */
static uint64_t digest_machines(const struct guests_host *h)
{
	static struct kvm_machine machines[MACHINES_MAX];
	int n = kvm_debugfs_list(&h->debugfs, 0, machines, MACHINES_MAX);
	uint64_t digest = 0;

	for (int i = 0; i < n && i < MACHINES_MAX; i++) {
		uint64_t one = (uint64_t)machines[i].pid << 32 | (uint32_t)machines[i].fd;

		one = (one ^ one >> 31) * UINT64_C(0x9e3779b97f4a7c15);
		digest += one ^ one >> 27;
	}
	return digest;
}

static bool check_machine(struct guests *g, struct guest *v, bool read)
{
	if (v->process.pid && !vm_process_alive(NULL, &v->process)) {
		driver_fail(&v->no_map, -ESRCH, "its process (%d) has ended", v->process.pid);
		guest_map_forget(v);
		forget_exchanges(v);
		return lose_map(g, v);
	}
	return read && v->has_machine && read_machine(g, v);
}

/* One after the other, and not all at once. */
static bool search(struct guests *g, gnomon_mono now)
{
	struct guests_host *h = g->host;
	bool changed = false;

	for (size_t i = 0; i < g->count; i++) {
		struct guest *v = g->list[++h->searched % g->count];

		if (wants_kvm(v) && !v->has_machine && find_machine(g, v)) {
			v->due = true;
			changed = true;
		}
		if (timer_now().ns - now.ns > SEARCH_AT_ONCE_NS) {
			break;
		}
	}
	return changed;
}

/* The clock must not wait for hundreds of machines. A look that was not finished goes on in the
 * next one, so that it is everybody's turn. */
static bool look_on(struct guests *g, gnomon_mono now)
{
	struct guests_host *h = g->host;
	const bool read = h->trace.fd < 0 || h->looks % TRACED_LOOKS == 1;
	const gnomon_mono begun = timer_now();
	bool changed = false;

	while (h->to_look > 0 && g->count > 0 &&
	       timer_now().ns - begun.ns <= LOOK_AT_ONCE_NS) {
		struct guest *v = g->list[h->looked++ % g->count];

		h->to_look--;
		if (check_machine(g, v, read)) {
			v->due = true;
			changed = true;
		}
	}
	h->look_on = gnomon_mono_add(now, LOOK_ON_NS);
	return changed;
}

static bool is_missing_any(const struct guests *g)
{
	for (size_t i = 0; i < g->count; i++) {
		if (wants_kvm(g->list[i]) && !g->list[i]->has_machine) {
			return true;
		}
	}
	return false;
}

bool guests_map_expire(struct guests *g, gnomon_mono now)
{
	struct guests_host *h = g->host;
	const bool begins = !gnomon_mono_before(now, h->look);
	bool changed = false;
	uint64_t digest;

	if (begins) {
		h->look = gnomon_mono_add(now, LOOK_NS);
		h->to_look = g->count;
		h->looks++;
	}
	if (begins || (h->to_look && !gnomon_mono_before(now, h->look_on))) {
		changed = look_on(g, now);
	}
	if (!begins || h->debugfs.fd < 0 || !is_missing_any(g)) {
		return changed;
	}
	digest = digest_machines(h);
	if (digest != h->machines) {
		h->machines = digest;
		h->searching = gnomon_mono_add(now, SEARCH_NS);
	}
	return (gnomon_mono_before(now, h->searching) && search(g, now)) || changed;
}

/* Whoever has no machine to be looked at needs no look. */
gnomon_mono guests_map_deadline(const struct guests *g)
{
	for (size_t i = 0; i < g->count; i++) {
		if (wants_kvm(g->list[i]) || g->list[i]->process.pid) {
			return g->host->to_look ? gnomon_mono_min(g->host->look,
								  g->host->look_on)
						: g->host->look;
		}
	}
	return GNOMON_MONO_NEVER;
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

/* When it ends, what follows has another counter, and will not have said so. To look at all
 * processes takes ms, and the guest asks as often as it likes: so this is done once. */
static void follow_machine(struct guest *v)
{
	struct driver_error unheard;

	if (v->map_source != GUEST_MAP_PINGPONG || v->process.pid || v->sought) {
		return;
	}
	v->sought = true;
	if (vm_find_page(NULL, v->conf.path, &v->process, &unheard) != 0) {
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
			follow_machine(v);
			return;
		}
	}
}
