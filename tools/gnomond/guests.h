/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Guests: virtual machines that read the kept clock's time from a page they share with us.
 *
 * Each has a file that it may write, a truth file that only we can, and a map from the host's
 * counter to its own. Pages are written every guest_interval, and at once when the clock is
 * stepped, its status changes or the map does. What a guest does to its page hurts that page
 * alone, until it is written next.
 *
 * Without guests none of this costs anything: no wakeup, and no memory but this struct.
 */
#ifndef GNOMOND_GUESTS_H
#define GNOMOND_GUESTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <gnomon/time.h>
#include <gnomon/vmclock.h>

#include "drivers/error.h"
#include "tools/config/config.h"
#include "tools/log/log.h"

#include "keeper.h"

struct guest; /* guests_private.h */
struct guests_host;

/** How the kept clock stands. */
struct guests_standing {
	enum gnomon_vmclock_status status; /* SYNCHRONIZED, FREERUNNING, UNRELIABLE */
	bool follows;              /* a source, be it in step with it or not */
	bool reference;            /* it follows nobody, and the configuration vouches for it: */
	double reference_bound_ns; /* ... so far; 0: errors are counted from it */
	double realtime_slew_ppb;  /* how fast CLOCK_REALTIME, where a pair of ours keeps it,
				    * leaves the kept clock at most; INFINITY: unknown */
};

/** Zeroed: there are none. */
struct guests {
	const struct conf *conf;
	struct log *log;
	struct keeper *keeper;
	struct guest **list;
	size_t count;
	struct guests_host *host; /* what all pages are made from; NULL while there is none */
	int lock;                 /* of guest_dir, once there is host */
	uid_t uid;                /* whose files of ours are; (uid_t)-1: root's, or who runs us */
	gid_t gid;
	gnomon_mono next;         /* publication */
	uint64_t settled;         /* the counter from which the clock obeys its last frequency */
	gnomon_mono waited;       /* since when a publication waits for that; 0: none does */
	bool changed;             /* a status has, of which the service manager is told */
};

/** How a guest's counter is known. */
enum guest_map_source {
	GUEST_MAP_NONE, /* not yet, or not any more */
	GUEST_MAP_KVM,
	GUEST_MAP_PINGPONG,
	GUEST_MAP_HOST,
};

/** What happens to a virtual machine that moves from one host to another. */
enum guest_migration {
	GUEST_MIGRATION_LEAVES, /* its memory is about to be copied, or to be replaced: the page
				 * says UNRELIABLE and DISRUPTION_IMMINENT */
	GUEST_MIGRATION_STAYS,  /* it was called off: go on */
	GUEST_MIGRATION_ARRIVED, /* it runs here now: find its counter anew, with a new marker */
	GUEST_MIGRATION_RESTORED, /* the same, and it was there before: vm_generation_counter */
};

/** A guest, told to who asks. */
struct guest_info {
	const char *name;
	const char *page;    /* path */
	const char *table;   /* path of its ACPI table; "": it needs none */
	const struct conf_guest *conf;
	bool dynamic;        /* attached while we run, not by the configuration */
	pid_t pid;           /* of its VMM; 0: not known */
	unsigned int vcpus;
	enum guest_map_source map;
	uint64_t offset;     /* guest counter = (host counter * ratio >> frac_bits) + offset */
	uint64_t ratio;
	unsigned int frac_bits;
	uint64_t map_error;  /* in ticks of the guest's counter; 0: exact */
	uint8_t status;      /* enum gnomon_vmclock_status */
	double bound_ns;     /* of the page now; INFINITY: none */
	double age_s;        /* since it was written; < 0: it never was */
	uint64_t marker;
	uint64_t publications;
	uint64_t healed;     /* times its page was found damaged */
	uint64_t disruptions; /* new markers */
	const char *trouble; /* why it does not say SYNCHRONIZED; "" */
};

/**
 * The first thing of a start, before anything that can block or fail: make all pages whole that an
 * earlier run left, from its truth files. Nothing if another gnomond has them. Of conf, which may
 * be one that was refused, it needs the folder, and whose pages are named. Returns how many were
 * written.
 */
unsigned int guests_repair(const struct conf *conf);

/**
 * Attach what the configuration says and what was attached to an earlier run. Sections that cannot
 * be attached are an error, with file and line; of those of earlier runs the log says why.
 */
int guests_open(struct guests *guests, const struct conf *conf, struct log *log,
		struct keeper *keeper, struct driver_error *error);

/** Pages say FREERUNNING from here on; files stay for the next run. */
void guests_close(struct guests *guests);

/**
 * One more. conf is copied, and has passed conf_guest_check() against those there are, whose
 * configurations guests_info() tells. Remembered over restarts. 0, -EEXIST, -ENOSPC, -errno, each
 * with *error.
 */
int guests_attach(struct guests *guests, const struct conf_guest *conf,
		  struct driver_error *error);

/** The page says UNRELIABLE, then its files go. -ENOENT; -EPERM for one of the configuration. */
int guests_detach(struct guests *guests, const char *name, struct driver_error *error);

size_t guests_count(const struct guests *guests);

/** index < guests_count(). Pointers are good until the next attach or detach. */
void guests_info(const struct guests *guests, size_t index, struct guest_info *info);

/** Its index, or SIZE_MAX. */
size_t guests_find(const struct guests *guests, const char *name);

/** The virtual machine's monitor said so. -ENOENT. */
int guests_migrate(struct guests *guests, const char *name, enum guest_migration what,
		   gnomon_mono now);

/**
 * Whether its page, which says UNRELIABLE since LEAVES, is not what we wrote: the machine does not
 * run meanwhile, so QEMU has loaded its memory. It is written again.
 */
bool guests_overwritten(struct guests *guests, const char *name);

/**
 * Of guest_way patch: its page is at that address of QEMU's process, and is written there from now
 * on. -ENOENT, or proc_page_open()'s, with *error.
 */
int guests_patch(struct guests *guests, const char *name, pid_t pid, uint64_t address,
		 gnomon_mono now, struct driver_error *error);

/** Why its monitor cannot be asked; NULL: it can. For guests_info(). */
void guests_monitor(struct guests *guests, const char *name, const char *trouble);

/** The same where it hung up: perhaps since the machine ended, and another will have its page. */
void guests_lost(struct guests *guests, const char *name, const char *trouble, gnomon_mono now);

/** When guests_expire has something to do; NEVER without guests. */
gnomon_mono guests_deadline(const struct guests *guests);
void guests_expire(struct guests *guests, gnomon_mono now);

/** How the kept clock stands from now on. */
void guests_kept(struct guests *guests, const struct guests_standing *standing);

/** A descriptor to poll for POLLIN, or -1; guests_ready when there is. */
int guests_fd(const struct guests *guests);
void guests_ready(struct guests *guests, gnomon_mono now);

/** A fresh reading of the kept clock beside the host's counter. */
struct guests_clock {
	uint64_t counter;
	gnomon_time time;      /* TAI */
	double half_window_ns; /* the reading is within this of the counter */
	double bound_ns;       /* of the kept clock; INFINITY: unknown */
	uint8_t status;        /* what a page would say */
};

/** -EOPNOTSUPP: this host's clock source is not its counter; -errno, each with *error. */
int guests_clock(struct guests *guests, struct guests_clock *clock, struct driver_error *error);

#endif
