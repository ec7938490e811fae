/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * The time on a machine whose host publishes it: in a guest, the vmclock page of the kernel's
 * driver or of a PCI device; on the host itself, a page file. Every reading comes with its bound.
 *
 *     struct gnomon_guest_clock *clock;
 *     gnomon_time earliest, latest;
 *     enum gnomon_clock_status status;
 *
 *     if (gnomon_clock_open(&clock, NULL) == 0 &&
 *         gnomon_clock_now(clock, &earliest, &latest, &status) == 0) {
 *             ... the true time is within [earliest, latest]
 *     }
 *
 * What reads the time (now, now_utc, now_mono, read, at, counter, marker, disrupted, acknowledge,
 * page, quality) makes no system call, takes no lock, does not allocate, and comes back within
 * about a millisecond whatever the writer does: any number of threads and signal handlers may call
 * it on one clock. Opening, closing, on_disruption, watch are for one thread at a time.
 *
 * A page file lies in the hands of who may write it: a file that is made shorter under its readers
 * kills them (SIGBUS). Devices cannot be made shorter.
 */
#ifndef GNOMON_GUEST_H
#define GNOMON_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include <gnomon/time.h>
#include <gnomon/version.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gnomon_guest_clock;
struct gnomon_vmclock; /* <gnomon/vmclock.h> */
struct gnomon_quality; /* <gnomon/vmclock.h> */

enum gnomon_clock_status {
	/* With these there is a time, and its bound holds. */
	GNOMON_CLOCK_SYNCHRONIZED,
	GNOMON_CLOCK_FREERUNNING, /* the host lost its source: the bound grows */
	GNOMON_CLOCK_DISRUPTED,   /* a good time, not comparable to those before: see disrupted */
	/* With these there is none. */
	GNOMON_CLOCK_UNRELIABLE,   /* the host says so: it does not know the time */
	GNOMON_CLOCK_INITIALIZING, /* the host has not said anything yet */
	GNOMON_CLOCK_BUSY,      /* the page was being written all the while: try again */
	GNOMON_CLOCK_BEFORE,    /* the counter is before the page's: another machine's, or reset */
	GNOMON_CLOCK_STALE,     /* the page, or the counter value, is older than bounds hold */
	GNOMON_CLOCK_COUNTER,   /* the page is about a counter that this processor does not have */
	GNOMON_CLOCK_TIMESCALE, /* the page does not tell enough to know this time scale */
	GNOMON_CLOCK_UNBOUNDED, /* the page tells a time and no maximal error */
	GNOMON_CLOCK_DAMAGED,   /* what is there is no vmclock page (any more) */
};

/** Whether there is a time. */
static inline bool gnomon_clock_usable(enum gnomon_clock_status status)
{
	return status <= GNOMON_CLOCK_DISRUPTED;
}

/** "synchronized", "unreliable", ...; "invalid" for what is no status. */
GNOMON_EXPORT const char *gnomon_clock_status_name(enum gnomon_clock_status status);

/** A page older than this has no bound that anybody vouches for. */
#define GNOMON_CLOCK_HORIZON_S 3600

/**
 * An instant of UTC: sec counts as POSIX does, 86400 to each day. During an inserted second sec is
 * that of the second before it, and leap is set: 23:59:60.5 is 23:59:59.5 with leap. So instants
 * are in order by (sec, leap, nsec).
 */
typedef struct gnomon_utc_time {
	int64_t sec;
	uint32_t nsec;
	bool leap;
} gnomon_utc_time;

/** <0, 0, >0 as a is before, equal to, after b. */
static inline int gnomon_utc_time_cmp(gnomon_utc_time a, gnomon_utc_time b)
{
	if (a.sec != b.sec) {
		return a.sec < b.sec ? -1 : 1;
	}
	if (a.leap != b.leap) {
		return a.leap ? 1 : -1;
	}
	return a.nsec == b.nsec ? 0 : a.nsec < b.nsec ? -1 : 1;
}

/* -- opening ------------------------------------------------------------------------------ */

enum gnomon_clock_kind {
	GNOMON_CLOCK_DEVICE, /* /dev/vmclockN of the kernel's driver */
	GNOMON_CLOCK_BAR,    /* memory of an ivshmem PCI device, with no driver in between */
	GNOMON_CLOCK_FILE,   /* a page file */
};

/**
 * Open the page at path: a device, a PCI device's resource2, a page file. NULL looks for one: each
 * /dev/vmclockN, then each ivshmem device; the first page about a counter that this processor has
 * is taken, else the first page of all, whose status will tell. Returns 0; -ENODEV: none found;
 * -EACCES, -EPERM: found one, and was not allowed to read it; -EBADMSG: no vmclock page; -EPROTO:
 * one of another version; -EMSGSIZE: too small; otherwise as open(2), mmap(2).
 */
GNOMON_EXPORT int gnomon_clock_open(struct gnomon_guest_clock **clock, const char *path);
/** NULL is fine. No other thread may be reading. */
GNOMON_EXPORT void gnomon_clock_close(struct gnomon_guest_clock *clock);
GNOMON_EXPORT const char *gnomon_clock_path(const struct gnomon_guest_clock *clock);
GNOMON_EXPORT enum gnomon_clock_kind gnomon_clock_kind(const struct gnomon_guest_clock *clock);

/* -- the time ----------------------------------------------------------------------------- */

/*
 * All of these return 0 if there is a time, else -ENODATA (UNRELIABLE, INITIALIZING, TIMESCALE,
 * UNBOUNDED), -EAGAIN (BUSY), -ERANGE (BEFORE, STALE), -EOPNOTSUPP (COUNTER) or -EPROTO (DAMAGED).
 * The status is told either way (NULL: not wanted); other outputs are untouched on failure.
 */

/**
 * TAI now, counted from 1970-01-01T00:00:00 TAI: PTP's time scale. The true time of some instant
 * during the call is within [earliest, latest].
 */
GNOMON_EXPORT int gnomon_clock_now(const struct gnomon_guest_clock *clock, gnomon_time *earliest,
				   gnomon_time *latest, enum gnomon_clock_status *status);

/** The same in UTC, leap seconds and all; rounded outwards to nanoseconds. */
GNOMON_EXPORT int gnomon_clock_now_utc(const struct gnomon_guest_clock *clock,
				       gnomon_utc_time *earliest, gnomon_utc_time *latest,
				       enum gnomon_clock_status *status);

/**
 * A time for durations and deadlines, like CLOCK_MONOTONIC: ns since it was first asked for, at the
 * rate of TAI. It never goes back, not from one thread to another either: a value less than one
 * given before is replaced by that one, which happens when the host corrects its line backwards (a
 * few ns; never where the page promises TIME_MONOTONIC). After a disruption it goes on from the
 * last value given, so steps of the host's clock do not show. After 64 disruptions of one clock
 * object steps forward show, and it stands still for steps backwards.
 */
GNOMON_EXPORT int gnomon_clock_now_mono(struct gnomon_guest_clock *clock, gnomon_mono *now,
					enum gnomon_clock_status *status);

struct gnomon_clock_reading {
	enum gnomon_clock_status status;
	bool has_tai; /* at least one of the two, where there is a time */
	bool has_utc;
	gnomon_time tai;      /* the best estimate */
	gnomon_utc_time utc;  /* the same; rounded down to ns */
	int16_t tai_offset;   /* TAI - UTC, where both are known */
	uint8_t leap;         /* enum gnomon_vmclock_leap at this instant, where UTC is known */
	uint64_t bound_ns;    /* the true time is within +- of the estimate */
	uint64_t esterror_ns; /* what the error probably is; UINT64_MAX: not told */
	uint64_t counter;     /* the processor's counter that this is the time of */
	uint64_t marker;      /* the page's disruption marker: readings compare if it is equal */
};

/** Estimate and error, in TAI and UTC, together with the counter: a complete reading. */
GNOMON_EXPORT int gnomon_clock_read(const struct gnomon_guest_clock *clock,
				    struct gnomon_clock_reading *reading);

/**
 * The same of a counter value stored before, or of one to come: up to GNOMON_CLOCK_HORIZON_S
 * either side of the page's reference. The bound grows with the distance. A value from before a
 * disruption has no meaning after it: whoever stores counters for long stores the marker with them,
 * and compares it to the one of this reading.
 */
GNOMON_EXPORT int gnomon_clock_at(const struct gnomon_guest_clock *clock, uint64_t counter,
				  struct gnomon_clock_reading *reading);

/** [earliest, latest] of a reading that has TAI. */
GNOMON_EXPORT void gnomon_clock_interval(const struct gnomon_clock_reading *reading,
					 gnomon_time *earliest, gnomon_time *latest);

/**
 * The processor's counter (x86: TSC; ARM: CNTVCT), read after all loads before it in the program.
 * 0 on processors that no page can be about.
 */
GNOMON_EXPORT uint64_t gnomon_clock_counter(void);

/* -- disruptions: migration, a restored snapshot, a step of the host's clock -------------- */

/** The page's disruption marker: 0, or -EAGAIN, -EPROTO. */
GNOMON_EXPORT int gnomon_clock_marker(const struct gnomon_guest_clock *clock, uint64_t *marker);

/**
 * Whether the marker is another than the one acknowledged (at first: the one found at opening). As
 * long as it is, readings that are good have the status DISRUPTED. marker may be NULL. A page that
 * cannot be read now counts as not disrupted: the next reading's status tells.
 */
GNOMON_EXPORT bool gnomon_clock_disrupted(const struct gnomon_guest_clock *clock,
					  uint64_t *marker);

/** The program has dealt with the disruption that this marker stands for. */
GNOMON_EXPORT void gnomon_clock_acknowledge(struct gnomon_guest_clock *clock, uint64_t marker);

typedef void (*gnomon_clock_disruption_fn)(void *context, struct gnomon_guest_clock *clock,
					   uint64_t marker);

/** Have fn called, by watch, once for each disruption. It may acknowledge. NULL: no more. */
GNOMON_EXPORT void gnomon_clock_on_disruption(struct gnomon_guest_clock *clock,
					      gnomon_clock_disruption_fn fn, void *context);

/**
 * Wait for a disruption that watch has not told yet, at most timeout_ms (0: only look; -1: for
 * ever), and call the function. Sleeps; where the host notifies, until it does, else it looks
 * every 10 ms. Returns 1: there was one; 0: none; -EINTR: a signal came.
 */
GNOMON_EXPORT int gnomon_clock_watch(struct gnomon_guest_clock *clock, int timeout_ms);

/**
 * For a loop of one's own: a descriptor that poll(2) calls readable when the page has changed; then
 * call watch with 0. -1: the host does not notify, so call watch now and then.
 */
GNOMON_EXPORT int gnomon_clock_fd(const struct gnomon_guest_clock *clock);

/* -- for diagnosis ------------------------------------------------------------------------ */

/** All fields of the page, of one moment: 0, -EAGAIN, or as opening: -EBADMSG, -EPROTO ... */
GNOMON_EXPORT int gnomon_clock_page(const struct gnomon_guest_clock *clock,
				    struct gnomon_vmclock *page);
/**
 * The same, and what it is worth at a counter value (as gnomon_clock_at has it), by one look: so
 * *reading is about *page. 0 whatever reading->status is; errors as of gnomon_clock_page.
 */
GNOMON_EXPORT int gnomon_clock_page_at(const struct gnomon_guest_clock *clock, uint64_t counter,
				       struct gnomon_vmclock *page,
				       struct gnomon_clock_reading *reading);
/** What the host says of its CLOCK_REALTIME (for ptp_kvm): 0, -ENOENT: nothing; -EAGAIN. */
GNOMON_EXPORT int gnomon_clock_quality(const struct gnomon_guest_clock *clock,
				       struct gnomon_quality *quality);

#ifdef __cplusplus
}
#endif

#endif
