/* SPDX-License-Identifier: BSD-2-Clause */
/* One guest's page: made from the host's line, written, put right, and left behind. */
#include "guests_private.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

/* A page is monotonic if it is written so soon after its line was read. */
#define DEADLINE_S 0.010

/* Every so many publications the file itself is looked at. */
#define CHECKED_EVERY 16

/* How often the log hears of a guest that damages its page. */
#define TOLD_NS (60 * (int64_t)GNOMON_NSEC_PER_SEC)

/* Octets of struct vmclock_abi that readers count by; a guest that changes them is seen as well. */
#define SEQ_AT 0x0c

/* -- what is there ---------------------------------------------------------------------------- */

static size_t mapped_of(const struct conf_guest *conf)
{
	return conf->size < GNOMON_GUEST_FILE_SIZE ? GNOMON_VMCLOCK_PAGE : GNOMON_GUEST_FILE_SIZE;
}

static bool has_second_page(const struct guest *v)
{
	return v->file.mapped >= GNOMON_GUEST_FILE_SIZE;
}

void *guest_page_mailbox(const struct guest *v)
{
	return has_second_page(v) ? v->file.map + GNOMON_MAILBOX_OFFSET : NULL;
}

/* No more than a page. */
static bool is_zero(const uint8_t *at, size_t len)
{
	static const uint8_t zeros[GNOMON_VMCLOCK_PAGE];

	return memcmp(at, zeros, len) == 0;
}

/* All that is nobody's. */
static const struct gap {
	size_t from;
	size_t to;
} gaps[] = {
	{ GNOMON_VMCLOCK_SIZE, GNOMON_VMCLOCK_PAGE },
	{ GNOMON_QUALITY_OFFSET + GNOMON_QUALITY_SIZE, GNOMON_MAILBOX_OFFSET },
	{ GNOMON_MAILBOX_OFFSET + GNOMON_MAILBOX_SIZE, GNOMON_GUEST_FILE_SIZE },
};

#define GAPS (sizeof(gaps) / sizeof(gaps[0]))

/* What a guest did to its file since we wrote it; NULL: nothing. Compared, and not believed. */
static const char *find_damage(const struct guest *v)
{
	uint8_t octets[GNOMON_VMCLOCK_SIZE];
	uint8_t quality[GNOMON_QUALITY_SIZE];
	struct gnomon_vmclock shown = v->slot.shown;
	struct gnomon_quality q = v->slot.quality;

	shown.seq_count = v->seq;
	gnomon_vmclock_encode(&shown, octets);
	if (memcmp(v->file.map, octets, sizeof(octets)) != 0) {
		return memcmp(v->file.map + SEQ_AT, octets + SEQ_AT, 4) ? "seq_count" : "page";
	}
	for (size_t i = 0; i < GAPS && gaps[i].to <= v->file.mapped; i++) {
		if (!is_zero(v->file.map + gaps[i].from, gaps[i].to - gaps[i].from)) {
			return "unused part";
		}
	}
	q.seq_count = v->quality_seq;
	gnomon_quality_encode(&q, quality);
	if (has_second_page(v) &&
	    memcmp(v->file.map + GNOMON_QUALITY_OFFSET, quality, sizeof(quality)) != 0) {
		return "quality block";
	}
	return NULL;
}

static void clear_gaps(const struct guest *v)
{
	for (size_t i = 0; i < GAPS && gaps[i].to <= v->file.mapped; i++) {
		memset(v->file.map + gaps[i].from, 0, gaps[i].to - gaps[i].from);
	}
}

/* -- writing ---------------------------------------------------------------------------------- */

/* The order readers depend on is in the two writes. */
static void write_slot(struct guest *v)
{
	gnomon_vmclock_write(v->file.map, &v->slot.shown, &v->seq);
	if (has_second_page(v)) {
		gnomon_quality_write(v->file.map + GNOMON_QUALITY_OFFSET, &v->slot.quality,
				     &v->quality_seq);
	}
}

/* QEMU has loaded the machine's memory. What readers have seen of counts is gone on from. */
static void note_copied(struct guest *v)
{
	struct gnomon_vmclock c;

	gnomon_vmclock_read_fields(v->file.map, &c);
	v->overwritten = true;
	v->seq = gnomon_vmclock_seq_after(v->file.map);
	if (has_second_page(v)) {
		v->quality_seq = gnomon_quality_seq_after(v->file.map + GNOMON_QUALITY_OFFSET);
	}
	if (c.magic == GNOMON_VMCLOCK_MAGIC && (c.flags & GNOMON_VMCLOCK_GENERATION_PRESENT)) {
		v->copied = c.vm_generation_counter;
	}
}

/* Out to QEMU's own page, if that is known. */
static void put_patch(struct guest *v)
{
	uint8_t octets[GNOMON_VMCLOCK_SIZE];
	int r;

	if (v->patch.fd < 0) {
		return;
	}
	gnomon_vmclock_encode(&v->slot.shown, octets);
	r = proc_page_write(&v->patch, octets, sizeof(octets));
	if (r) {
		v->patched = 0;
		(void)snprintf(v->no_monitor, sizeof(v->no_monitor),
			       "its page cannot be written any more: %s", driver_strerror(r));
	}
}

static void note_damage(struct guests *g, struct guest *v, const char *what, gnomon_mono now)
{
	v->healed++;
	v->untold++;
	if (v->told.ns == 0 || !gnomon_mono_before(now, gnomon_mono_add(v->told, TOLD_NS))) {
		v->told = now;
		guests_report_damage(g, v, what);
		v->untold = 0;
	}
}

/* Out to the guest. checked: it is known what should be there. A file that was cut short is made
 * whole, and written again; one who goes on cutting waits for the next publication. */
static void put_out(struct guests *g, struct guest *v, const struct truth_slot *next, bool checked,
		    gnomon_mono now)
{
	const char *damage;
	int r = 0;

	page_file_enter(&v->file);
	damage = checked ? find_damage(v) : NULL;
	if (damage) {
		clear_gaps(v);
	}
	if (damage && v->moving == GUEST_LEAVING) {
		note_copied(v);
		damage = NULL;
	}
	v->slot = *next;
	truth_save(&v->truth, &v->slot);
	write_slot(v);
	r = page_file_leave(&v->file);
	if (r == -ESTALE) {
		damage = "length";
		page_file_enter(&v->file);
		write_slot(v);
		if (has_second_page(v)) {
			gnomon_mailbox_init(guest_page_mailbox(v));
		}
		r = page_file_leave(&v->file);
	}
	if (damage || r != 0) {
		note_damage(g, v, damage ? damage : "length", now);
	}
	put_patch(v);
}

/* -- publishing ------------------------------------------------------------------------------- */

static void set_trouble(struct guest *v, const char *why)
{
	(void)driver_fail(&v->trouble, 0, "%s", why);
}

/* Advice is for whom it is of use to. */
static const char *explain_standing(const struct guests *g)
{
	if (g->host->standing.follows) {
		return "the kept clock follows its source, and is not in step with it yet";
	}
	return g->conf->port_count ? "the kept clock is not in step: no source has been followed "
				     "yet (one that is the reference itself has serverOnly 1, or a "
				     "clockClass below 128)"
				   : "the kept clock is not in step: no source has been followed "
				     "yet";
}

/* Why the page says what it says, most to blame first. */
static void explain(const struct guests *g, struct guest *v, bool no_utc)
{
	const struct guests_host *h = g->host;

	if (v->slot.shown.clock_status == GNOMON_VMCLOCK_SYNCHRONIZED) {
		v->trouble.text[0] = '\0';
	} else if (v->moving == GUEST_LEAVING) {
		set_trouble(v, "it is stopped, or moves to another host");
	} else if (h->trouble.text[0]) {
		set_trouble(v, h->trouble.text);
	} else if (v->map_source == GUEST_MAP_NONE) {
		set_trouble(v, conf_guest_doubt(&v->conf) ? conf_guest_doubt(&v->conf) :
			       v->no_map.text[0] ? v->no_map.text : "its counter is not known");
	} else if (h->standing.status == GNOMON_VMCLOCK_UNRELIABLE || !h->now.valid) {
		set_trouble(v, explain_standing(g));
	} else if (no_utc) {
		set_trouble(v, "the grandmaster does not say what UTC is; set guest_profile tai, "
			       "or currentUtcOffsetValid there");
	} else if (h->now.bound_ns > g->conf->guest_max_bound_ns) {
		set_trouble(v, "the error bound is beyond guest_max_bound");
	} else {
		set_trouble(v, "no source is followed");
	}
}

/* Its time scale. What cannot be told in it is not told. */
static bool make_shown(const struct guests *g, const struct guest *v, struct gnomon_vmclock *shown)
{
	const enum gnomon_vmclock_profile profile = v->conf.profile == CONF_PROFILE_UTC
							    ? GNOMON_VMCLOCK_PROFILE_UTC
							    : GNOMON_VMCLOCK_PROFILE_TAI;
	const int r = gnomon_vmclock_set_profile(shown, profile, &g->host->utc);

	if (r != 0) {
		shown->time_type = GNOMON_VMCLOCK_UTC;
		shown->clock_status = GNOMON_VMCLOCK_UNRELIABLE;
	}
	return r == 0;
}

static void account(struct guests *g, struct guest *v, enum gnomon_vmclock_status before,
		    gnomon_mono now)
{
	v->written = now;
	v->publications++;
	if (v->slot.shown.clock_status != before) {
		g->changed = true;
		guests_report_status(g, v);
	}
}

/* A page goes on from the line of the process before us while ours is not in step: its bound
 * grows by itself, and is what it was promised to be. */
static bool goes_on(struct guests *g, struct guest *v)
{
	const uint64_t host = counter_read();
	uint64_t bound;

	if (!v->coasting || g->host->now.status != GNOMON_VMCLOCK_UNRELIABLE ||
	    v->map_source == GUEST_MAP_NONE ||
	    !gnomon_counter_map_equal(&v->map, &v->publisher.map) ||
	    g->host->trouble.text[0]) {
		return false;
	}
	bound = gnomon_vmclock_bound(&v->publisher.page, gnomon_counter_map_guest(&v->map, host));
	return (double)bound <= g->conf->guest_max_bound_ns;
}

void guest_page_restate(struct guests *g, struct guest *v, enum gnomon_vmclock_status status,
			uint64_t flags)
{
	struct truth_slot next = v->slot;

	next.shown.clock_status = (uint8_t)status;
	next.publisher.page.clock_status = (uint8_t)status;
	next.shown.flags |= flags;
	next.publisher.page.flags |= flags;
	v->publisher = next.publisher;
	if (v->file.fd >= 0) {
		put_out(g, v, &next, true, v->written);
	}
}

void guest_page_requalify(struct guests *g, struct guest *v)
{
	struct truth_slot next = v->slot;

	next.quality = g->host->quality;
	if (v->file.fd >= 0) {
		put_out(g, v, &next, true, v->written);
	}
}

static void publish_line(struct guests *g, struct guest *v, struct truth_slot *next, bool *no_utc)
{
	const bool leaves = v->moving == GUEST_LEAVING;
	struct guests_host *h = g->host;
	struct gnomon_publication what;
	const struct gnomon_publish publish = {
		.host = &h->now,
		/* Of what leaves nothing is known there. */
		.map = v->map_source == GUEST_MAP_NONE || leaves ? NULL : &v->map,
		.disrupted = v->disrupted,
		.marker = h->marker,
		.flags = GNOMON_VMCLOCK_GENERATION_PRESENT |
			 (leaves ? GNOMON_VMCLOCK_DISRUPTION_IMMINENT : 0),
		.deadline_s = DEADLINE_S,
	};

	gnomon_publisher_next(&v->publisher, &publish, &what);
	next->publisher = v->publisher;
	next->shown = v->publisher.page;
	*no_utc = !make_shown(g, v, &next->shown);
	v->bound_ns = what.bound_ns;
	v->disrupted = false;
	if (what.disruption != GNOMON_DISRUPTION_NONE) {
		v->disruptions++;
		h->marker = guests_host_marker(g);
		guests_report_disruption(g, v, gnomon_disruption_name(what.disruption),
					 what.breach_ns);
	}
}

/* -- life ------------------------------------------------------------------------------------- */

/* The file it was is the file it is. */
static bool is_same(const struct guest *v, const struct truth_head *head, const struct stat *st)
{
	return head->device == st->st_dev && head->inode == st->st_ino &&
	       strcmp(head->path, v->conf.path) == 0 &&
	       strcmp(head->name, v->conf.name) == 0;
}

static void begin_truth(struct guest *v)
{
	struct truth_head head = { .size = (uint64_t)v->conf.size };
	struct stat st;

	(void)fstat(v->file.fd, &st);
	head.device = st.st_dev;
	head.inode = st.st_ino;
	memcpy(head.name, v->conf.name, sizeof(head.name));
	memcpy(head.path, v->conf.path, sizeof(head.path));
	truth_begin(&v->truth, &head);
}

/* Nothing to go on from: valid before the guest boots, and unreliable. */
static void begin_page(struct guests *g, struct guest *v)
{
	gnomon_publisher_init(&v->publisher,
			      counter_name() && strcmp(counter_name(), "CNTVCT") == 0
				      ? GNOMON_VMCLOCK_COUNTER_ARM_VCNT
				      : GNOMON_VMCLOCK_COUNTER_X86_TSC,
			      guests_host_marker(g));
	memset(&v->slot, 0, sizeof(v->slot));
	memcpy(v->slot.boot_id, g->host->boot_id, sizeof(v->slot.boot_id));
	v->slot.publisher = v->publisher;
	v->slot.shown = v->publisher.page;
	if (v->conf.profile == CONF_PROFILE_UTC) {
		/* Drivers look at it once, when they find the page. */
		v->slot.shown.time_type = GNOMON_VMCLOCK_UTC;
		v->slot.shown.flags &= ~GNOMON_VMCLOCK_TAI_OFFSET_VALID;
	}
	v->slot.quality.clock_status = GNOMON_VMCLOCK_UNRELIABLE;
}

static bool restore(struct guests *g, struct guest *v)
{
	struct truth_head head;
	struct truth_slot slot;
	struct stat st;
	bool utc = v->conf.profile == CONF_PROFILE_UTC;

	if (!truth_head(&v->truth, &head) || fstat(v->file.fd, &st) != 0 ||
	    !is_same(v, &head, &st) ||
	    !truth_load(&v->truth, &slot) || !g->host->boot_id[0] ||
	    strcmp(slot.boot_id, g->host->boot_id) != 0 ||
	    !gnomon_publisher_ok(&slot.publisher) ||
	    utc != (slot.shown.time_type == GNOMON_VMCLOCK_UTC)) {
		return false;
	}
	v->slot = slot;
	v->publisher = slot.publisher;
	v->coasting = v->publisher.published;
	v->map = v->publisher.map;
	return true;
}

/* What a guest wrote before is not looked at, but for counts that its readers wait on. */
static int first_write(struct guests *g, struct guest *v)
{
	struct truth_slot slot = v->slot;
	int r;

	page_file_enter(&v->file);
	v->seq = gnomon_vmclock_seq_after(v->file.map);
	if (has_second_page(v)) {
		v->quality_seq = gnomon_quality_seq_after(v->file.map + GNOMON_QUALITY_OFFSET);
		gnomon_mailbox_init(guest_page_mailbox(v));
	}
	clear_gaps(v);
	r = page_file_leave(&v->file);
	if (r == 0) {
		put_out(g, v, &slot, false, v->written);
	}
	return r;
}

/* Whether an earlier run had this file for this guest. Then it may have anything in it, as guests
 * write it. */
static bool was_ours(const struct guests *g, const struct guest *v)
{
	char path[CONF_PAGE_MAX];
	struct truth_file truth;
	struct truth_head head;
	struct stat st;
	bool ours = false;

	truth_path(g->conf->guest_dir, v->conf.name, path);
	if (truth_take(&truth, path) == 0) {
		ours = truth_head(&truth, &head) && stat(v->conf.path, &st) == 0 &&
		       is_same(v, &head, &st);
		truth_close(&truth);
	}
	return ours;
}

/* Two daemons that write one page tell nobody the time. It is said and no more: whoever runs the
 * machine could lock its page as well, which must not keep us from starting. */
static void lock_page(struct guests *g, struct guest *v)
{
	struct driver_error why;

	if (flock(v->file.fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
		driver_fail(&why, -EBUSY,
			    "%s: another program has a lock on it; if that is a gnomond, give each "
			    "a guest_page of its own", v->conf.path);
		guests_report_trouble(g, v, why.text);
	}
}

int guest_page_open(struct guests *g, struct guest *v, struct driver_error *error)
{
	static const char magic[] = "VCLK";
	struct page_file_config config = {
		.path = v->conf.path,
		.size = (size_t)v->conf.size,
		.mapped = mapped_of(&v->conf),
		.mode = (mode_t)v->conf.mode,
		.begins = was_ours(g, v) ? NULL : magic,
		.begins_len = strlen(magic),
	};
	bool made;
	bool restored;
	int r;

	page_file_init(&v->file);
	page_file_init(&v->truth.file);
	r = page_file_owner(v->conf.owner, &config.uid, &config.gid, error) ? -EINVAL : 0;
	if (r == 0 && !v->conf.owner[0]) {
		config.uid = g->uid;
		config.gid = g->gid;
	}
	r = r ? r : page_file_open(&v->file, &config, &made, error);
	if (r != 0) {
		return r;
	}
	r = truth_open(&v->truth, g->conf->guest_dir, v->conf.name, g->uid, error);
	if (r != 0) {
		if (made) {
			page_file_remove(&v->file, v->conf.path);
		}
		page_file_close(&v->file);
		return r;
	}
	lock_page(g, v);
	restored = !made && restore(g, v);
	if (!restored) {
		begin_truth(v);
		begin_page(g, v);
	}
	r = first_write(g, v);
	if (r != 0) {
		driver_fail(error, r, "%s: cannot be written: %s", v->conf.path,
			    driver_strerror(r));
		guest_page_close(v);
	}
	return r;
}

void guest_page_close(struct guest *v)
{
	truth_close(&v->truth);
	page_file_close(&v->file);
}

void guest_page_remove(struct guests *g, struct guest *v)
{
	guest_page_restate(g, v, GNOMON_VMCLOCK_UNRELIABLE, 0);
	truth_remove(&v->truth, g->conf->guest_dir, v->conf.name);
	page_file_remove(&v->file, v->conf.path);
}

/* -- in turn --------------------------------------------------------------------------------- */

/* Removed by somebody. Whoever has it mapped goes on with it; if nobody does, a new one is made for
 * who comes next. */
static void replace_orphan(struct guests *g, struct guest *v)
{
	struct driver_error why = { "" };
	bool told = v->orphan;

	v->orphan = true;
	if (v->process.pid) {
		driver_fail(&why, -ENOENT,
			    "%s was removed: who starts anew will not find it; detach the guest, "
			    "and attach it again", v->conf.path);
	} else {
		guest_page_close(v);
		v->orphan = guest_page_open(g, v, &why) != 0;
	}
	if (!told) {
		guests_report_trouble(g, v, why.text[0] ? why.text
							: "its page was removed, and made anew");
	}
}

/* What the content does not show. */
static void check_file(struct guests *g, struct guest *v, gnomon_mono now)
{
	int r = v->file.fd < 0 ? -ENOENT : page_file_check(&v->file);

	if (r == -ENOENT) {
		replace_orphan(g, v);
	} else if (r != 0) {
		note_damage(g, v, "length", now);
	}
}

void guest_page_publish(struct guests *g, struct guest *v, gnomon_mono now)
{
	const enum gnomon_vmclock_status before = v->slot.shown.clock_status;
	struct truth_slot next = v->slot;
	bool no_utc = false;

	if (v->publications % CHECKED_EVERY == 0 || v->file.fd < 0) {
		check_file(g, v, now);
		next = v->slot;
	}
	if (v->file.fd < 0) {
		v->slot.shown.clock_status = GNOMON_VMCLOCK_UNRELIABLE;
		set_trouble(v, "its page was removed, and cannot be made anew");
		account(g, v, before, now);
		return;
	}
	next.quality = g->host->quality;
	next.map_source = v->map_source;
	next.pid = v->process.pid;
	next.start_time = v->process.start_time;
	if (goes_on(g, v)) {
		next.shown.clock_status = GNOMON_VMCLOCK_FREERUNNING;
		next.publisher.page.clock_status = GNOMON_VMCLOCK_FREERUNNING;
		v->publisher = next.publisher;
		v->disrupted = false; /* what is done to our clock is not yet done to its */
	} else {
		publish_line(g, v, &next, &no_utc);
		v->coasting &= g->host->now.status == GNOMON_VMCLOCK_UNRELIABLE;
	}
	put_out(g, v, &next, true, now);
	explain(g, v, no_utc);
	account(g, v, before, now);
}
