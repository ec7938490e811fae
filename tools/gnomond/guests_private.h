/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * What the files of guests share. Calls point one way:
 *
 *     guests -> guests_file, guests_map -> guests_search, guests_page -> guests_host
 *            -> guests_truth -> report
 */
#ifndef GNOMOND_GUESTS_PRIVATE_H
#define GNOMOND_GUESTS_PRIVATE_H

#include <gnomon/bridge.h>
#include <gnomon/vmclock.h>

#include "drivers/counter.h"
#include "drivers/kvm_debugfs.h"
#include "drivers/kvm_trace.h"
#include "drivers/page_file.h"
#include "drivers/pairing.h"
#include "drivers/proc_page.h"
#include "drivers/sink_clockbound.h"
#include "drivers/vm_find.h"
#include "drivers/vm_walk.h"

#include "guests.h"
#include "guests_truth.h"

/** Random numbers fetched at once. */
#define GUESTS_MARKERS 32

/** A machine of KVM, and when it was seen first. */
struct guests_machine {
	int pid;
	int fd;
	gnomon_mono since;
};

/** Among which processes that of a guest is looked for. */
enum guest_seek {
	GUEST_SEEKS_NOTHING,
	GUEST_SEEKS_YOUNG,    /* those that made a machine of KVM just now */
	GUEST_SEEKS_MACHINES, /* those that have one */
	GUEST_SEEKS_ALL,
};

/** What all pages are made from. */
struct guests_host {
	struct pairing *pairing;     /* of the kept clock; NULL: see trouble */
	struct driver_error trouble; /* why there is no time for anybody; "" */
	struct counter_rate rate;
	struct gnomon_line line;
	uint64_t before;             /* the counter when the frequency was about to be set */
	struct gnomon_pair pair;     /* of the last publication; its time is TAI */
	struct gnomon_host_line now; /* ... and what is claimed of it */
	struct guests_standing standing;
	bool doubted;                /* the clock is not where the line said, nobody knows why */
	int shift_s;                 /* from the kept clock's time scale to TAI */
	struct gnomon_utc utc;

	struct gnomon_clock *realtime; /* CLOCK_REALTIME, only read; NULL: it is the kept clock */
	struct pairing *realtime_pairing;
	struct gnomon_pair realtime_pair; /* of the last publication */
	struct gnomon_quality quality;
	gnomon_mono quality_at;
	double excess_ppb; /* the correction of the kept clock in progress */
	double slew_ppb;   /* of CLOCK_REALTIME, that is in the quality's growth */
	struct sink_clockbound *clockbound; /* NULL: none */

	bool has_kvm;               /* the rest was asked for: */
	struct kvm_debugfs debugfs;
	struct driver_error no_debugfs; /* why it cannot be had; "" */
	struct kvm_trace trace;
	struct guests_machine *machines; /* by number; NULL: none were looked for */
	size_t machine_count;
	gnomon_mono look;      /* at machines, and for new ones of guests that have none */
	gnomon_mono sweep;     /* ... and for all of them */
	gnomon_mono slice;     /* of what is to be looked at now; NEVER: nothing is */
	size_t looked;         /* the guest that was looked at last */
	bool due_looks;        /* there are guests with due_look */
	const struct vm_find *find; /* NULL: this system's processes */
	struct vm_walk *walk;  /* over them, for guests that look for theirs; NULL: nobody does */
	bool walked;           /* it came to its end */
	bool told_hidden;
	unsigned int looks;
	gnomon_mono trace_pause; /* until then the kernel's word is not asked for */
	uint32_t ping;
	size_t played;         /* the guest that played the ping-pong last */

	char boot_id[GUESTS_BOOT_ID_LEN];
	uint64_t markers[GUESTS_MARKERS];
	unsigned int markers_left;
	uint64_t marker; /* of the next disruption */
};

/** How a guest moves. */
enum guest_moving { GUEST_HERE, GUEST_LEAVING };

struct guest {
	struct conf_guest conf; /* its texts are below */
	char *texts;
	bool dynamic;
	struct page_file file; /* fd -1: it was lost, and cannot be made anew */
	bool orphan;           /* its name is gone, and that was said */
	struct truth_file truth;
	struct gnomon_publisher publisher;
	struct truth_slot slot;  /* what stands on the page */
	uint32_t seq;            /* of the page, and of its quality block */
	uint32_t quality_seq;
	bool coasting;           /* the line is that of an earlier run; ours is not in step yet */
	bool disrupted;          /* the next page has a new marker */
	bool due;                /* it is to be written at once, and only it */
	enum guest_moving moving;
	bool overwritten;        /* ... and somebody else wrote its page meanwhile: */
	uint64_t copied;         /* a vm_generation_counter that came with it */
	struct proc_page patch;  /* of QEMU's own device: where it is */
	pid_t patched;           /* whose; 0: not found yet */

	enum guest_map_source map_source;
	struct gnomon_counter_map map;
	struct vm_process process; /* pid 0: not known */
	bool has_machine;
	gnomon_mono found;         /* until then it is not looked for again because of an event */
	bool due_look;    /* its machine is to be read, or asked for, in a slice */
	bool seek_first;  /* it was not looked for before */
	enum guest_seek seek;
	size_t walked;    /* its index in the walk, and 1; 0: it is not in it */
	struct kvm_machine machine;
	unsigned int vcpus;
	struct gnomon_pingpong *pingpong; /* NULL: it never asked */
	bool sought;                      /* ... and whose it is was looked for */
	struct driver_error no_map;       /* why there is none; "" */

	gnomon_mono written;
	double bound_ns; /* of the page, then */
	uint64_t publications;
	uint64_t healed;
	uint64_t disruptions;
	uint64_t untold;     /* damages since the log heard of one */
	gnomon_mono told;
	struct driver_error trouble; /* why the page does not say SYNCHRONIZED; "" */
	char no_monitor[120];
	char table[CONF_PAGE_MAX]; /* path of its ACPI table; "" */
};

/* -- guests_host.c ---------------------------------------------------------------------------- */

/** What can be had is opened; the rest is trouble. -ENOMEM. */
int guests_host_open(struct guests *g, struct driver_error *error);
void guests_host_close(struct guests *g);

/** A guest's counter is to be had from KVM: open what tells it. Once only. */
void guests_host_want_kvm(struct guests *g);

/** Read clock and counter, and say what may be claimed. False: the clock cannot be understood just
 * now, and what was claimed stays. */
bool guests_host_read(struct guests *g, gnomon_mono now);

/** What is known of UTC, by what the time source says at that TAI: TAI - UTC, and whether a second
 * will be inserted (1) or left out (-1) at the end of the day. */
void guests_utc_take(struct gnomon_utc *utc, bool known, int16_t offset, int8_t announced,
		     int64_t tai_s);

/** CLOCK_REALTIME is corrected faster than its quality says: say it. True: it is another one. */
bool guests_host_outrun(struct guests *g);

/** Let clients of ClockBound know. */
void guests_host_tell(struct guests *g, gnomon_mono now);

/** 64 random bits, never the same again. */
uint64_t guests_host_marker(struct guests *g);

/** ns since host->now was read, by the counter. */
double guests_host_age(const struct guests *g);

/* -- guests_page.c ---------------------------------------------------------------------------- */

/** Open page and truth, and go on from the truth if it is of this boot. */
int guest_page_open(struct guests *g, struct guest *v, struct driver_error *error);

/** Write the page of now: truth first. */
void guest_page_publish(struct guests *g, struct guest *v, gnomon_mono now);

/** The same content once more, with that status. */
void guest_page_restate(struct guests *g, struct guest *v, enum gnomon_vmclock_status status,
			uint64_t flags);

/** The quality of now beside the page that is there. */
void guest_page_requalify(struct guests *g, struct guest *v);

void guest_page_close(struct guest *v);
/** UNRELIABLE, and away with it. */
void guest_page_remove(struct guests *g, struct guest *v);

/** Where the mailbox is; NULL: the file has no room. Between page_file_enter and leave. */
void *guest_page_mailbox(const struct guest *v);

/* -- guests_map.c ----------------------------------------------------------------------------- */

/** Find its counter: now where its process is known, else behind what else there is to do. */
void guest_map_find(struct guests *g, struct guest *v);

/**
 * Look at what has become of machines and counters, half a millisecond at a time: true if a map has
 * changed.
 */
bool guests_map_expire(struct guests *g, gnomon_mono now);
gnomon_mono guests_map_deadline(const struct guests *g);

/** The kernel says that offsets were written: true if a map has changed. */
bool guests_map_traced(struct guests *g, gnomon_mono now);

/** One guest that asks for it plays the ping-pong, for 2 ms at most. */
void guests_map_play(struct guests *g, gnomon_mono now);

/** Its counter may be another from now on: find out, or know nothing of it. */
void guest_map_renew(struct guests *g, struct guest *v, gnomon_mono now);
/** The machine ended, or moved away: what follows under its name has another counter. */
void guest_map_forget(struct guest *v);
/** What it told of its counter by the ping-pong is void. True: that was its map. */
bool guest_map_drop(struct guests *g, struct guest *v, const char *why);

/* -- guests_search.c -------------------------------------------------------------------------- */

/** Look for its process from now on, among those. */
void guests_search_want(struct guests *g, struct guest *v, enum guest_seek among);
void guests_search_forget(struct guest *v);

/** See which machines of KVM there are, and say among which it is worth to look again. */
enum guest_seek guests_search_look(struct guests *g, gnomon_mono now);

/**
 * A step of some 10 us. False: nobody looks for anything. *found: the one whose answer came, as its
 * process or its no_map; or NULL.
 */
bool guests_search_step(struct guests *g, struct guest **found);
void guests_search_end(struct guests_host *h);

/* -- guests_file.c ---------------------------------------------------------------------------- */

/** Attach what guests.conf says, by calling attach for each. */
int guests_file_load(struct guests *g, struct driver_error *error,
		     int (*attach)(struct guests *g, const struct conf_guest *conf,
				   struct driver_error *error));
/** Write beside it all dynamic guests but one that leaves, and one that comes (both may be NULL);
 * commit puts that in its place. */
int guests_file_prepare(const struct guests *g, const struct guest *but,
			const struct conf_guest *and, struct driver_error *error);
int guests_file_commit(const struct guests *g, struct driver_error *error);
void guests_file_cancel(const struct guests *g);

/** The ACPI table of a guest beside its truth; v->table. */
int guests_file_table(const struct guests *g, struct guest *v, struct driver_error *error);
void guests_file_forget(struct guest *v);

/** Make folder if it is not there: only ours to write. */
int guests_folder(const struct guests *g, struct driver_error *error);
/** Lock it. -EBUSY: another gnomond has it. Returns the descriptor. */
int guests_folder_lock(const char *folder, struct driver_error *error);

/* -- guests_report.c -------------------------------------------------------------------------- */

void guests_report_attached(struct guests *g, const struct guest *v, bool restored);
void guests_report_detached(struct guests *g, const struct guest *v);
void guests_report_status(struct guests *g, const struct guest *v);
void guests_report_move(struct guests *g, const struct guest *v, enum guest_migration what);
void guests_report_map(struct guests *g, const struct guest *v);
void guests_report_disruption(struct guests *g, const struct guest *v, const char *why,
			      double breach_ns);
void guests_report_damage(struct guests *g, const struct guest *v, const char *what);
void guests_report_trouble(struct guests *g, const struct guest *v, const char *text);

#endif
