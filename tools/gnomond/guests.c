/* SPDX-License-Identifier: BSD-2-Clause */
/* Guests come and go; their pages are written in turn. */
#include "guests.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "drivers/timer.h"

#include "guests_private.h"
#include "user.h"

/* After so many ns since the line was read, it is read again for the rest of the pages. */
#define LINE_AGE_NS 5e6

/* A clock that is given another frequency all the time is read between two changes. */
#define SETTLE_MOST_NS 50000000

/* -- one guest -------------------------------------------------------------------------------- */

/* A copy whose texts are ours. */
static int copy_conf(struct guest *v, const struct conf_guest *conf)
{
	const char **texts[] = { &v->conf.page, &v->conf.owner,   &v->conf.address,
				 &v->conf.uuid, &v->conf.libvirt, &v->conf.qmp };
	const size_t count = sizeof(texts) / sizeof(texts[0]);
	size_t len = 0;
	char *at;

	v->conf = *conf;
	for (size_t i = 0; i < count; i++) {
		len += strlen(*texts[i]) + 1;
	}
	v->texts = at = malloc(len);
	if (!at) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++) {
		len = strlen(*texts[i]) + 1;
		memcpy(at, *texts[i], len);
		*texts[i] = at;
		at += len;
	}
	return 0;
}

static void free_guest(struct guest *v)
{
	guest_map_forget(v);
	proc_page_close(&v->patch);
	free(v->pingpong);
	free(v->texts);
	free(v);
}

static int open_guest(struct guests *g, struct guest *v, struct driver_error *error)
{
	int r = guest_page_open(g, v, error);

	if (r != 0) {
		return r;
	}
	r = guests_file_table(g, v, error);
	if (r != 0) {
		guest_page_remove(g, v);
	}
	return r;
}

/* -- all of them ------------------------------------------------------------------------------ */

/* Each guest takes three descriptors. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* What is needed for the first guest, and not before. */
static int make_host(struct guests *g, struct driver_error *error)
{
	int r;

	if (g->host) {
		return 0;
	}
	r = guests_folder(g, error);
	if (r != 0) {
		return r;
	}
	g->lock = guests_folder_lock(g->conf->guest_dir, error);
	if (g->lock < 0) {
		return g->lock;
	}
	r = guests_host_open(g, error);
	if (r != 0) {
		(void)close(g->lock);
		guests_host_close(g);
		return r;
	}
	raise_limit();
	return 0;
}

static void report_doubt(struct guests *g, const struct guest *v)
{
	const char *doubt = conf_guest_doubt(&v->conf);
	struct driver_error text;

	if (doubt && !v->dynamic && g->conf->file) {
		driver_fail(&text, 0, "%s:%u: %s", g->conf->file, v->conf.line, doubt);
		guests_report_trouble(g, v, text.text);
	} else if (doubt) {
		guests_report_trouble(g, v, doubt);
	}
}

static int already(const struct conf_guest *conf, struct driver_error *error)
{
	return driver_fail(error, -EEXIST, "guest %s: is attached already; choose another name, "
			   "or detach it first", conf->name);
}

static int add(struct guests *g, const struct conf_guest *conf, bool dynamic,
	       struct driver_error *error)
{
	struct guest **list;
	struct guest *v;
	int r = make_host(g, error);

	if (r != 0) {
		return r;
	}
	if (guests_find(g, conf->name) != SIZE_MAX) {
		return already(conf, error);
	}
	list = reallocarray(g->list, g->count + 1, sizeof(*list));
	g->list = list ? list : g->list;
	v = list ? calloc(1, sizeof(*v)) : NULL;
	if (!v || copy_conf(v, conf) != 0) {
		free(v);
		return driver_fail(error, -ENOMEM, "guest %s: no memory", conf->name);
	}
	v->dynamic = dynamic;
	proc_page_init(&v->patch);
	r = open_guest(g, v, error);
	if (r != 0) {
		free_guest(v);
		return r;
	}
	g->list[g->count++] = v;
	g->next = (gnomon_mono){ 0 };
	guest_map_find(g, v);
	guests_report_attached(g, v, v->coasting);
	report_doubt(g, v);
	return 0;
}

static int attach_remembered(struct guests *g, const struct conf_guest *conf,
			     struct driver_error *error)
{
	return add(g, conf, true, error);
}

static void remove_at(struct guests *g, size_t index)
{
	struct guest *v = g->list[index];

	guests_report_detached(g, v);
	guests_file_forget(v);
	guest_page_remove(g, v);
	free_guest(v);
	g->count--;
	memmove(&g->list[index], &g->list[index + 1], (g->count - index) * sizeof(*g->list));
	g->changed = true;
}

/* What cannot be remembered is refused while nothing has happened yet. */
static int attach_new(struct guests *g, const struct conf_guest *conf, struct driver_error *error)
{
	int r = make_host(g, error);

	r = r ? r : guests_file_prepare(g, NULL, conf, error);
	if (r != 0) {
		return r;
	}
	r = add(g, conf, true, error);
	if (r != 0) {
		guests_file_cancel(g);
		return r;
	}
	r = guests_file_commit(g, error);
	if (r != 0) {
		remove_at(g, g->count - 1);
	}
	return r;
}

int guests_attach(struct guests *g, const struct conf_guest *conf, struct driver_error *error)
{
	struct driver_error why = { "" };
	int r;

	if (guests_find(g, conf->name) != SIZE_MAX) {
		r = already(conf, &why);
	} else if (g->count >= CONF_GUESTS_MAX) {
		r = driver_fail(&why, -ENOSPC, "there are %zu already", g->count);
	} else {
		r = attach_new(g, conf, &why);
	}
	return r ? driver_fail(error, r, "%s", why.text) : 0;
}

int guests_detach(struct guests *g, const char *name, struct driver_error *error)
{
	size_t index = guests_find(g, name);
	int r;

	if (index == SIZE_MAX) {
		return driver_fail(error, -ENOENT, "there is no guest %s", name);
	}
	if (!g->list[index]->dynamic) {
		return driver_fail(error, -EPERM,
				   "guest %s: is of the configuration; remove its section, and "
				   "start gnomond anew",
				   name);
	}
	r = guests_file_prepare(g, g->list[index], NULL, error);
	r = r ? r : guests_file_commit(g, error);
	if (r != 0) {
		return r; /* it would be back after the next start */
	}
	remove_at(g, index);
	return 0;
}

/* -- life ------------------------------------------------------------------------------------- */

static int attach_configured(struct guests *g, struct driver_error *error)
{
	const struct conf *conf = g->conf;
	int r = 0;

	for (size_t i = 0; r == 0 && i < conf->guest_count; i++) {
		struct driver_error what = { "" };

		r = add(g, &conf->guests[i], false, &what);
		if (r != 0) {
			driver_fail(error, r, "%s:%u: guest %s: %s",
				    conf->file ? conf->file : "command line", conf->guests[i].line,
				    conf->guests[i].name, what.text);
		}
	}
	return r;
}

/* Who may attach guests later, and may not open then what it takes, opens it now. */
static bool wants_host(const struct guests *g)
{
	return g->conf->clockbound_file[0] || (g->conf->user[0] && g->conf->control_socket[0]);
}

static int find_user(struct guests *g, struct driver_error *error)
{
	struct user user;
	int r = 0;

	g->uid = (uid_t)-1;
	g->gid = (gid_t)-1;
	if (g->conf->user[0] && geteuid() == 0) {
		r = user_find(g->conf->user, &user, error);
	}
	if (g->conf->user[0] && geteuid() == 0 && r == 0) {
		g->uid = user.uid;
		g->gid = user.gid;
	}
	return r;
}

int guests_open(struct guests *g, const struct conf *conf, struct log *log, struct keeper *keeper,
		struct driver_error *error)
{
	int r;

	*g = (struct guests){ .conf = conf, .log = log, .keeper = keeper };
	r = find_user(g, error);
	/* That guests may come later is no reason not to run: who attaches one hears why. */
	if (r == 0 && wants_host(g)) {
		r = make_host(g, error);
		r = conf->clockbound_file[0] ? r : 0;
	}
	if (r == 0 && g->uid != (uid_t)-1 && g->host) {
		guests_host_want_kvm(g); /* as long as we may */
	}
	r = r ? r : attach_configured(g, error);
	return r ? r : guests_file_load(g, error, attach_remembered);
}

/* The lines stay true, and their bounds grow: whoever starts us again goes on from them. */
void guests_close(struct guests *g)
{
	for (size_t i = 0; i < g->count; i++) {
		struct guest *v = g->list[i];

		if (v->slot.shown.clock_status == GNOMON_VMCLOCK_SYNCHRONIZED) {
			guest_page_restate(g, v, GNOMON_VMCLOCK_FREERUNNING, 0);
		}
		guest_page_close(v);
		free_guest(v);
	}
	free(g->list);
	if (g->host) {
		guests_search_end(g->host);
		guests_host_close(g);
		(void)close(g->lock);
	}
	memset(g, 0, sizeof(*g));
}

/* -- who asks --------------------------------------------------------------------------------- */

size_t guests_count(const struct guests *g)
{
	return g->count;
}

size_t guests_find(const struct guests *g, const char *name)
{
	for (size_t i = 0; i < g->count; i++) {
		if (strcmp(g->list[i]->conf.name, name) == 0) {
			return i;
		}
	}
	return SIZE_MAX;
}

/* The bound that a reader gets who reads now. */
static double bound_now(const struct guest *v)
{
	const uint64_t counter = gnomon_counter_map_guest(&v->publisher.map, counter_read());
	const uint64_t bound = v->publisher.published &&
				       v->slot.shown.clock_status != GNOMON_VMCLOCK_UNRELIABLE
				       ? gnomon_vmclock_bound(&v->slot.shown, counter)
				       : GNOMON_BOUND_NONE;

	return bound == GNOMON_BOUND_NONE ? (double)INFINITY : (double)bound;
}

/* What is on our page is not on QEMU's. */
static bool is_unpatched(const struct guest *v)
{
	return v->conf.way == CONF_WAY_PATCH && v->patch.fd < 0;
}

void guests_info(const struct guests *g, size_t index, struct guest_info *info)
{
	const struct guest *v = g->list[index];

	*info = (struct guest_info){
		.name = v->conf.name,
		.page = v->conf.path,
		.table = v->table,
		.conf = &v->conf,
		.dynamic = v->dynamic,
		.pid = v->process.pid,
		.vcpus = v->vcpus,
		.map = v->map_source,
		.offset = v->map.offset,
		.ratio = v->map.ratio,
		.frac_bits = v->map.frac_bits,
		.map_error = v->map.error_ticks,
		.status = is_unpatched(v) ? GNOMON_VMCLOCK_UNRELIABLE : v->slot.shown.clock_status,
		.bound_ns = bound_now(v),
		.age_s = v->publications ? (double)(timer_now().ns - v->written.ns) * 1e-9 : -1.0,
		.marker = v->slot.shown.disruption_marker,
		.publications = v->publications,
		.healed = v->healed,
		.disruptions = v->disruptions,
		.trouble = v->trouble.text[0]  ? v->trouble.text
			   : v->no_monitor[0]  ? v->no_monitor
			   : is_unpatched(v)   ? "QEMU was not asked yet where its page is"
			   : v->publications   ? ""
			   : v->map_source == GUEST_MAP_NONE ? v->no_map.text
					       : "",
	};
}

void guests_monitor(struct guests *g, const char *name, const char *trouble)
{
	size_t index = guests_find(g, name);

	if (index != SIZE_MAX) {
		(void)snprintf(g->list[index]->no_monitor, sizeof(g->list[index]->no_monitor),
			       "%s", trouble ? trouble : "");
	}
}

void guests_lost(struct guests *g, const char *name, const char *trouble, gnomon_mono now)
{
	size_t index = guests_find(g, name);

	guests_monitor(g, name, trouble);
	if (index != SIZE_MAX && guest_map_drop(g, g->list[index], "its monitor hung up")) {
		g->list[index]->due = true;
		g->next = gnomon_mono_min(g->next, now);
	}
}

int guests_clock(struct guests *g, struct guests_clock *clock, struct driver_error *error)
{
	const gnomon_mono now = timer_now();
	int r = make_host(g, error);

	if (r != 0) {
		return r;
	}
	if (!guests_host_read(g, now)) {
		return driver_fail(error, -EAGAIN, "around a leap second nobody knows which "
				   "second the clock shows; ask again");
	}
	if (!g->host->pairing || g->host->trouble.text[0] || !g->host->line.started) {
		return driver_fail(error, -EOPNOTSUPP, "%s",
				   g->host->trouble.text[0] ? g->host->trouble.text
							    : "the clock cannot be read");
	}
	*clock = (struct guests_clock){
		.counter = g->host->pair.counter,
		.time = g->host->pair.time,
		.half_window_ns = g->host->pair.half_window_ns,
		.bound_ns = g->host->standing.reference ? g->host->standing.reference_bound_ns
							: keeper_bound(g->keeper, now),
		.status = (uint8_t)g->host->now.status,
	};
	return 0;
}

/* -- the loop --------------------------------------------------------------------------------- */

static void arrive(struct guests *g, struct guest *v, bool restored, gnomon_mono now)
{
	uint64_t *generation = &v->publisher.page.vm_generation_counter;

	if (v->overwritten && v->copied > *generation) {
		*generation = v->copied;
	}
	*generation += restored;
	v->moving = GUEST_HERE;
	v->overwritten = false;
	v->coasting = false;
	v->disrupted = true;
	guest_map_renew(g, v, now);
}

int guests_migrate(struct guests *g, const char *name, enum guest_migration what, gnomon_mono now)
{
	size_t index = guests_find(g, name);
	struct guest *v;

	if (index == SIZE_MAX) {
		return -ENOENT;
	}
	v = g->list[index];
	guests_report_move(g, v, what);
	switch (what) {
	case GUEST_MIGRATION_LEAVES:
		v->moving = GUEST_LEAVING;
		v->coasting = false;
		guest_page_restate(g, v, GNOMON_VMCLOCK_UNRELIABLE,
				   GNOMON_VMCLOCK_DISRUPTION_IMMINENT);
		break;
	case GUEST_MIGRATION_STAYS:
		v->moving = GUEST_HERE;
		v->overwritten = false;
		break;
	case GUEST_MIGRATION_ARRIVED:
	case GUEST_MIGRATION_RESTORED:
		arrive(g, v, what == GUEST_MIGRATION_RESTORED, now);
		break;
	}
	v->due = true;
	g->next = gnomon_mono_min(g->next, now);
	return 0;
}

bool guests_overwritten(struct guests *g, const char *name)
{
	const size_t index = guests_find(g, name);
	struct guest *v = index == SIZE_MAX ? NULL : g->list[index];

	if (!v || v->moving != GUEST_LEAVING) {
		return false;
	}
	v->overwritten |= v->patch.fd >= 0 && !proc_page_is_ours(&v->patch);
	guest_page_restate(g, v, GNOMON_VMCLOCK_UNRELIABLE, GNOMON_VMCLOCK_DISRUPTION_IMMINENT);
	return v->overwritten;
}

int guests_patch(struct guests *g, const char *name, pid_t pid, uint64_t address, gnomon_mono now,
		 struct driver_error *error)
{
	const size_t index = guests_find(g, name);
	struct guest *v = index == SIZE_MAX ? NULL : g->list[index];
	int r = v ? proc_page_open(&v->patch, v->process.pid ? v->process.pid : pid, address, error)
		  : -ENOENT;

	if (r != 0) {
		return r;
	}
	if (v->patched != pid) {
		v->patched = pid;
		v->disrupted = true;
		guest_map_find(g, v);
	}
	v->due = true;
	g->next = gnomon_mono_min(g->next, now);
	return 0;
}

void guests_kept(struct guests *g, const struct guests_standing *standing)
{
	struct guests_host *h = g->host;

	if (h && h->standing.status != standing->status) {
		g->next = (gnomon_mono){ 0 };
	}
	if (h) {
		h->standing = *standing;
	}
}

static bool is_active(const struct guests *g)
{
	return g->host && (g->count || g->host->clockbound);
}

gnomon_mono guests_deadline(const struct guests *g)
{
	gnomon_mono next;

	if (!is_active(g)) {
		return GNOMON_MONO_NEVER;
	}
	next = gnomon_mono_min(g->next, guests_map_deadline(g));
	return g->host->trace_pause.ns ? gnomon_mono_min(next, g->host->trace_pause) : next;
}

int guests_fd(const struct guests *g)
{
	return is_active(g) && g->host->trace_pause.ns == 0 ? g->host->trace.fd : -1;
}

void guests_ready(struct guests *g, gnomon_mono now)
{
	(void)guests_map_traced(g, now);
}

/* What was said of CLOCK_REALTIME must hold until the next publication, which may have to wait. */
static void correct_quality(struct guests *g, gnomon_mono now)
{
	if (!guests_host_outrun(g)) {
		return;
	}
	for (size_t i = 0; i < g->count; i++) {
		guest_page_requalify(g, g->list[i]);
	}
	guests_host_tell(g, now);
}

/* All, or those that have a reason of their own. The line must not get old meanwhile. */
static void publish(struct guests *g, bool all, gnomon_mono now)
{
	bool fresh = guests_host_read(g, now);

	for (size_t i = 0; i < g->count; i++) {
		struct guest *v = g->list[i];

		if (!(all && fresh) && !v->due) {
			continue;
		}
		if (fresh && guests_host_age(g) > LINE_AGE_NS) {
			now = timer_now();
			fresh = guests_host_read(g, now);
		}
		v->due = false;
		guest_page_publish(g, v, now);
	}
	if (fresh) {
		guests_host_tell(g, now);
	}
}

static bool any_due(const struct guests *g)
{
	for (size_t i = 0; i < g->count; i++) {
		if (g->list[i]->due) {
			return true;
		}
	}
	return false;
}

/* The clock is about to take another frequency: a reading has more to say then. */
static bool is_settling(struct guests *g, gnomon_mono now)
{
	const double left_s = (double)(int64_t)(g->settled - counter_read()) / g->host->rate.hz;
	const bool waits = g->waited.ns != 0;

	if (left_s <= 0.0 ||
	    (waits && now.ns - g->waited.ns > SETTLE_MOST_NS)) {
		g->waited = (gnomon_mono){ 0 };
		return false;
	}
	g->waited = waits ? g->waited : now;
	g->next = gnomon_mono_add(now, (int64_t)(left_s * 1e9) + 1);
	return true;
}

void guests_expire(struct guests *g, gnomon_mono now)
{
	const int64_t interval_ns = (int64_t)(g->conf->guest_interval_s * GNOMON_NSEC_PER_SEC);
	bool all;

	if (!is_active(g)) {
		return;
	}
	if (!gnomon_mono_before(now, g->host->trace_pause)) {
		g->host->trace_pause = (gnomon_mono){ 0 };
	}
	correct_quality(g, now);
	(void)guests_map_expire(g, now);
	all = !gnomon_mono_before(now, g->next);
	if (all) {
		guests_map_play(g, now);
	}
	if (!all && !any_due(g)) {
		return;
	}
	if (is_settling(g, now)) {
		return;
	}
	publish(g, all, timer_now());
	if (all) {
		g->next = gnomon_mono_add(now, interval_ns);
	}
}
