/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * The page by which a host tells a guest the time: the vmclock structure (UAPI.13, and the kernel's
 * vmclock-abi.h where the two disagree), what gnomon puts on the page after it, and the arithmetic
 * of both. Pure: told the counter, never reading it. docs/BRIDGE.md describes every field.
 *
 * The page is a line: at counter value C the time is
 *
 *     T(C) = time + period * (C - counter_value), true within maxerror + maxerror_rate * |C - ...|
 *
 * Shared memory is little-endian and touched only by single loads and stores of whole words, so a
 * reader, a writer and a hostile neighbour may do so at once. Shared pages are 8-aligned.
 */
#ifndef GNOMON_VMCLOCK_H
#define GNOMON_VMCLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gnomon/time.h>
#include <gnomon/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/* -- the structure ----------------------------------------------------------------------------- */

#define GNOMON_VMCLOCK_MAGIC 0x4b4c4356u /* "VCLK" */
#define GNOMON_VMCLOCK_VERSION 1
#define GNOMON_VMCLOCK_SIZE 112  /* octets of the structure as known here */
#define GNOMON_VMCLOCK_PAGE 4096 /* of the page, and what its field size says */
/** The least a page must have for a time to be on it: up to the end of time_frac_sec. */
#define GNOMON_VMCLOCK_SIZE_MIN 0x58

enum gnomon_vmclock_counter {
	GNOMON_VMCLOCK_COUNTER_ARM_VCNT = 0,
	GNOMON_VMCLOCK_COUNTER_X86_TSC = 1,
	GNOMON_VMCLOCK_COUNTER_INVALID = 0xff, /* no clock, only the disruption signal */
};

enum gnomon_vmclock_time_type {
	GNOMON_VMCLOCK_UTC = 0,
	GNOMON_VMCLOCK_TAI = 1,
	GNOMON_VMCLOCK_MONOTONIC = 2,
	GNOMON_VMCLOCK_SMEARED = 3,       /* never right to publish */
	GNOMON_VMCLOCK_MAYBE_SMEARED = 4, /* never right to publish */
};

enum gnomon_vmclock_status {
	GNOMON_VMCLOCK_UNKNOWN = 0,
	GNOMON_VMCLOCK_INITIALIZING = 1,
	GNOMON_VMCLOCK_SYNCHRONIZED = 2,
	GNOMON_VMCLOCK_FREERUNNING = 3, /* holdover: the time is good within its bound */
	GNOMON_VMCLOCK_UNRELIABLE = 4,  /* the only one at which the kernel refuses to serve */
};

enum gnomon_vmclock_smearing {
	GNOMON_VMCLOCK_STRICT = 0,
	GNOMON_VMCLOCK_NOON_LINEAR = 1,
	GNOMON_VMCLOCK_UTC_SLS = 2,
};

/** Of the reference time, not of the reading. */
enum gnomon_vmclock_leap {
	GNOMON_VMCLOCK_LEAP_NONE = 0,
	GNOMON_VMCLOCK_LEAP_PRE_POS = 1,  /* a second will be inserted at the end of this month */
	GNOMON_VMCLOCK_LEAP_PRE_NEG = 2,  /* one will be left out */
	GNOMON_VMCLOCK_LEAP_POS = 3,      /* it is 23:59:60 */
	GNOMON_VMCLOCK_LEAP_POST_POS = 4, /* one was inserted at the end of last month */
	GNOMON_VMCLOCK_LEAP_POST_NEG = 5,
};

/* Flags, by the bits of the kernel's header; UAPI.13's text lacks TIME_MONOTONIC and moves two. */
#define GNOMON_VMCLOCK_TAI_OFFSET_VALID (UINT64_C(1) << 0)
#define GNOMON_VMCLOCK_DISRUPTION_SOON (UINT64_C(1) << 1)     /* about a day */
#define GNOMON_VMCLOCK_DISRUPTION_IMMINENT (UINT64_C(1) << 2) /* about an hour */
#define GNOMON_VMCLOCK_PERIOD_ESTERROR_VALID (UINT64_C(1) << 3)
#define GNOMON_VMCLOCK_PERIOD_MAXERROR_VALID (UINT64_C(1) << 4)
#define GNOMON_VMCLOCK_TIME_ESTERROR_VALID (UINT64_C(1) << 5)
#define GNOMON_VMCLOCK_TIME_MAXERROR_VALID (UINT64_C(1) << 6)
#define GNOMON_VMCLOCK_TIME_MONOTONIC (UINT64_C(1) << 7)
#define GNOMON_VMCLOCK_GENERATION_PRESENT (UINT64_C(1) << 8)
#define GNOMON_VMCLOCK_NOTIFICATION_PRESENT (UINT64_C(1) << 9)
/** The four that say that errors are told: a page of ours has them all. */
#define GNOMON_VMCLOCK_ERRORS_VALID                                                                \
	(GNOMON_VMCLOCK_PERIOD_ESTERROR_VALID | GNOMON_VMCLOCK_PERIOD_MAXERROR_VALID |             \
	 GNOMON_VMCLOCK_TIME_ESTERROR_VALID | GNOMON_VMCLOCK_TIME_MAXERROR_VALID)

/** The structure in host form, its fields named as the ABI names them. */
struct gnomon_vmclock {
	uint32_t magic;
	uint32_t size;      /* of the region; a field exists if it ends within it */
	uint16_t version;
	uint8_t counter_id; /* enum gnomon_vmclock_counter */
	uint8_t time_type;  /* enum gnomon_vmclock_time_type */
	uint32_t seq_count; /* odd: being written */
	uint64_t disruption_marker;
	uint64_t flags;
	uint8_t clock_status;              /* enum gnomon_vmclock_status */
	uint8_t leap_second_smearing_hint; /* enum gnomon_vmclock_smearing */
	int16_t tai_offset_sec;            /* TAI - UTC, at the reference time */
	uint8_t leap_indicator;            /* enum gnomon_vmclock_leap */
	uint8_t counter_period_shift;
	uint64_t counter_value;
	uint64_t counter_period_frac_sec; /* 2^-(64 + shift) s, as the two that follow */
	uint64_t counter_period_esterror_rate_frac_sec;
	uint64_t counter_period_maxerror_rate_frac_sec;
	uint64_t time_sec;
	uint64_t time_frac_sec; /* 2^-64 s */
	uint64_t time_esterror_nanosec;
	uint64_t time_maxerror_nanosec;
	uint64_t vm_generation_counter;
};

/** What a page of ours starts from: magic, size, version, UNRELIABLE, no counter, TAI, seq 0. */
GNOMON_EXPORT void gnomon_vmclock_init(struct gnomon_vmclock *c);

/** The octets of the structure; seq_count goes in as it is. */
GNOMON_EXPORT void gnomon_vmclock_encode(const struct gnomon_vmclock *c,
					 uint8_t octets[GNOMON_VMCLOCK_SIZE]);

/**
 * Read the structure from len octets that nobody writes to meanwhile. Fields that do not fit in the
 * page's size are zero, with their flags cleared. Returns 0; -EBADMSG: no vmclock page (magic);
 * -EPROTO: another version; -EMSGSIZE: size is less than a time needs, or more than len.
 */
GNOMON_EXPORT int gnomon_vmclock_decode(const void *octets, size_t len, struct gnomon_vmclock *c);

/** "synchronized", "freerunning", ...; "invalid" for what is none. */
GNOMON_EXPORT const char *gnomon_vmclock_status_name(unsigned int status);

/* -- the seqcount: one writer, any readers ----------------------------------------------------- */

/**
 * Publish c on a shared page: seq odd, fields, seq even. *seq is the writer's own count and the
 * only one that counts: what guests write into the page is never believed. c->seq_count is not
 * looked at. The constant fields (magic to time_type) are written as well: they heal.
 */
GNOMON_EXPORT void gnomon_vmclock_write(void *page, const struct gnomon_vmclock *c, uint32_t *seq);

/**
 * The count to go on from when a writer starts on a page that has one already, perhaps odd, left by
 * a writer that died: even, newer than what readers may have seen.
 */
GNOMON_EXPORT uint32_t gnomon_vmclock_seq_after(const void *page);

/** Start to read: the count, which is odd while the page is being written. */
GNOMON_EXPORT uint32_t gnomon_vmclock_read_begin(const void *page);

/** The fields as they are now, not yet known to belong together. Checks nothing. */
GNOMON_EXPORT void gnomon_vmclock_read_fields(const void *page, struct gnomon_vmclock *c);

/** Whether all loads (and the counter read) since read_begin returned seq were of one page. */
GNOMON_EXPORT bool gnomon_vmclock_read_ok(const void *page, uint32_t seq);

/**
 * A consistent copy of a shared page of len octets, checked as decode does. Returns 0, decode's
 * errors, or -EAGAIN: was being written at each of the tries (>= 1).
 */
GNOMON_EXPORT int gnomon_vmclock_read(const void *page, size_t len, unsigned int tries,
				      struct gnomon_vmclock *c);

/* -- instants of 2^-64 s ----------------------------------------------------------------------- */

/** sec + frac * 2^-64 seconds of a page's time scale. */
struct gnomon_fine {
	int64_t sec;
	uint64_t frac;
};

/** Exact both ways: every gnomon_time survives the journey. */
GNOMON_EXPORT struct gnomon_fine gnomon_fine_from_time(gnomon_time t);
/** Rounded down to 2^-16 ns. */
GNOMON_EXPORT gnomon_time gnomon_fine_to_time(struct gnomon_fine t);
/** a - b in ns, rounded towards minus infinity, saturating. */
GNOMON_EXPORT int64_t gnomon_fine_diff_ns(struct gnomon_fine a, struct gnomon_fine b);
/** t + ns, saturating. Rounded up to 2^-64 s. */
GNOMON_EXPORT struct gnomon_fine gnomon_fine_add_ns(struct gnomon_fine t, int64_t ns);
/** <0, 0, >0 as a is before, equal to, after b. */
GNOMON_EXPORT int gnomon_fine_cmp(struct gnomon_fine a, struct gnomon_fine b);

/* -- the period of a counter ------------------------------------------------------------------- */

/** frac * 2^-(64 + shift) seconds for one tick. Normal form: frac >= 2^63. */
struct gnomon_period {
	uint64_t frac;
	uint8_t shift;
};

/** The shortest period made here is 2^-64 s. Pages may say more: 128 and above is a period of 0. */
#define GNOMON_PERIOD_SHIFT_MAX 63

/** Of a counter of hz * 1e-6 Hz (so that kHz and fractions are exact). -ERANGE: not possible. */
GNOMON_EXPORT int gnomon_period_from_uhz(uint64_t uhz, struct gnomon_period *p);
/** From seconds per tick; exact. -ERANGE: not in (0, 1), or shorter than normal form can tell. */
GNOMON_EXPORT int gnomon_period_from_seconds(double seconds, struct gnomon_period *p);
/** Of sec + frac * 2^-64 seconds that took so many ticks; rounded to nearest. -ERANGE as above. */
GNOMON_EXPORT int gnomon_period_from_ticks(struct gnomon_fine elapsed, uint64_t ticks,
					   struct gnomon_period *p);
/** A period that is ppb longer (or shorter, if negative); -ERANGE if that is none. */
GNOMON_EXPORT int gnomon_period_scale(const struct gnomon_period *p, double ppb,
				      struct gnomon_period *scaled);
/** In seconds, to the 53 bits of a double. */
GNOMON_EXPORT double gnomon_period_seconds(const struct gnomon_period *p);
/** a is longer than b by so many ppb. */
GNOMON_EXPORT double gnomon_period_diff_ppb(const struct gnomon_period *a,
					    const struct gnomon_period *b);
/** ppb >= 0 of a period in its own unit, rounded up, saturating: an error rate for the page. */
GNOMON_EXPORT uint64_t gnomon_period_error(const struct gnomon_period *p, double ppb);

/** Time that ticks take: rounded down to 2^-64 s, saturating at INT64_MAX seconds. */
GNOMON_EXPORT struct gnomon_fine gnomon_period_elapsed(const struct gnomon_period *p,
						       uint64_t ticks);
/** Whole ticks that fit into ns >= 0; saturating. */
GNOMON_EXPORT uint64_t gnomon_period_ticks(const struct gnomon_period *p, int64_t ns);

/* -- what the page says at a counter value ----------------------------------------------------- */

/** "No bound": nobody told one, or it does not fit. */
#define GNOMON_BOUND_NONE UINT64_MAX

struct gnomon_vmclock_reading {
	struct gnomon_fine time; /* in the page's time_type */
	uint64_t esterror_ns;    /* GNOMON_BOUND_NONE: not told */
	uint64_t bound_ns;       /* maximal error, rounded up; GNOMON_BOUND_NONE: not told */
};

/**
 * Time and bound at a value of the guest's counter. Values up to 2^63 ticks either side of the
 * reference are told apart, so a counter may wrap and stored values from before the reference are
 * good; the bound grows either way. Saturates; cannot fail.
 */
GNOMON_EXPORT void gnomon_vmclock_at(const struct gnomon_vmclock *c, uint64_t counter,
				     struct gnomon_vmclock_reading *r);

/** The bound alone, as of gnomon_vmclock_at. */
GNOMON_EXPORT uint64_t gnomon_vmclock_bound(const struct gnomon_vmclock *c, uint64_t counter);

/** What the kernel's driver would compute: the difference of counters taken as unsigned. */
GNOMON_EXPORT struct gnomon_fine gnomon_vmclock_kernel_time(const struct gnomon_vmclock *c,
							    uint64_t counter);

/** Put period and reference on the page. */
GNOMON_EXPORT void gnomon_vmclock_set_line(struct gnomon_vmclock *c, uint64_t counter,
					   struct gnomon_fine time,
					   const struct gnomon_period *period);

/** The page's period. */
GNOMON_EXPORT struct gnomon_period gnomon_vmclock_period(const struct gnomon_vmclock *c);

/* -- host counter to guest counter ------------------------------------------------------------- */

/** guest = (host * ratio >> frac_bits) + offset, modulo 2^64: what the processor does under KVM. */
struct gnomon_counter_map {
	uint64_t offset;
	uint64_t ratio;       /* 1 << frac_bits: the guest's counter runs as fast as the host's */
	uint8_t frac_bits;    /* 48 on Intel, 32 on AMD; at most 63 */
	uint64_t error_ticks; /* guest may be off by so many ticks: 0 unless it was measured */
	double error_ppb;     /* and that error may grow: 0 unless the ratio was measured */
};

/** guest = host + offset. */
GNOMON_EXPORT void gnomon_counter_map_offset(struct gnomon_counter_map *map, uint64_t offset);
/** Whether it can be the map of a machine: a ratio of 2^-16 to 2^16. */
GNOMON_EXPORT bool gnomon_counter_map_valid(const struct gnomon_counter_map *map);
/** Whether guest and host see one another's counters alike through both. */
GNOMON_EXPORT bool gnomon_counter_map_equal(const struct gnomon_counter_map *a,
					    const struct gnomon_counter_map *b);
GNOMON_EXPORT uint64_t gnomon_counter_map_guest(const struct gnomon_counter_map *map,
						uint64_t host);
/** The guest counter's period, from the host's: times 2^frac_bits / ratio. -ERANGE: none. */
GNOMON_EXPORT int gnomon_counter_map_period(const struct gnomon_counter_map *map,
					    const struct gnomon_period *host,
					    struct gnomon_period *guest);

/* -- TAI, UTC and leap seconds ----------------------------------------------------------------- */

enum gnomon_vmclock_profile {
	GNOMON_VMCLOCK_PROFILE_TAI, /* kernels from 7.0, and our own readers */
	GNOMON_VMCLOCK_PROFILE_UTC, /* kernels 6.13 to 6.19: time_type UTC, TAI offset not told */
};

/** What is known of UTC around now. */
struct gnomon_utc {
	bool known;
	int16_t tai_offset; /* TAI - UTC before the change below */
	int8_t change;      /* +1: a second is inserted at midnight, -1: left out, 0: no change */
	int64_t midnight;   /* at the end of a month, in UTC seconds; may be past */
};

/**
 * UTC, counted as POSIX does, of an instant of TAI. leap: enum gnomon_vmclock_leap of the instant;
 * offset: TAI - UTC then. During 23:59:60 UTC repeats 23:59:59 and the offset is the old one plus
 * one, leap says POS. Any of the outputs may be NULL. -ENODATA: not known.
 */
GNOMON_EXPORT int gnomon_utc_from_tai(const struct gnomon_utc *utc, struct gnomon_fine tai,
				      struct gnomon_fine *t, int16_t *offset, uint8_t *leap);

/**
 * A page whose time is TAI, made into one of the profile: time_type, flags, tai_offset_sec,
 * leap_indicator and time_sec of its reference time. Returns 0, or -ENODATA: the profile is UTC,
 * and UTC is not known; nothing has changed then.
 */
GNOMON_EXPORT int gnomon_vmclock_set_profile(struct gnomon_vmclock *c,
					     enum gnomon_vmclock_profile profile,
					     const struct gnomon_utc *utc);

/**
 * What a page lets its reader know of UTC: offset and the leap second at the end of its month.
 * Offsets are TAI - UTC; one written with the sign that kernel code wants (-37) is understood.
 */
GNOMON_EXPORT void gnomon_vmclock_utc(const struct gnomon_vmclock *c, struct gnomon_utc *utc);

/** TAI, or UTC, of a reading; -ENODATA: the page does not tell enough, or is neither. */
GNOMON_EXPORT int gnomon_vmclock_tai_at(const struct gnomon_vmclock *c,
					const struct gnomon_vmclock_reading *r,
					struct gnomon_fine *tai);
GNOMON_EXPORT int gnomon_vmclock_utc_at(const struct gnomon_vmclock *c,
					const struct gnomon_vmclock_reading *r,
					struct gnomon_fine *utc, uint8_t *leap);

/* -- the page after it: quality of CLOCK_REALTIME ---------------------------------------------- */

/** Where in a guest's file: the page of gnomon, and in it the two blocks. */
#define GNOMON_PAGE_OFFSET 4096
#define GNOMON_QUALITY_OFFSET (GNOMON_PAGE_OFFSET + 0)
#define GNOMON_MAILBOX_OFFSET (GNOMON_PAGE_OFFSET + 0x800)
/** The least that a file with both pages has. */
#define GNOMON_GUEST_FILE_SIZE 8192

#define GNOMON_QUALITY_MAGIC 0x31514e47u /* "GNQ1" */
#define GNOMON_QUALITY_SIZE 96

#define GNOMON_QUALITY_OFFSET_VALID (UINT64_C(1) << 0)     /* the host compares its clocks */
#define GNOMON_QUALITY_STEERED (UINT64_C(1) << 1)          /* ... and disciplines CLOCK_REALTIME */
#define GNOMON_QUALITY_TAI_OFFSET_VALID (UINT64_C(1) << 2) /* tai_offset_sec */

/**
 * How far the host's CLOCK_REALTIME is from TAI. For readers of the hypercall clock (ptp_kvm), that
 * tells CLOCK_REALTIME against the guest's counter and nothing of its worth:
 * TAI = CLOCK_REALTIME - offset_ns, within maxerror_ns + growth_ppb * age.
 */
struct gnomon_quality {
	uint32_t seq_count;
	uint8_t clock_status;   /* enum gnomon_vmclock_status */
	uint8_t leap_indicator; /* enum gnomon_vmclock_leap */
	int16_t tai_offset_sec; /* TAI - UTC */
	uint64_t flags;
	uint64_t disruption_marker; /* another one after every step of CLOCK_REALTIME */
	int64_t realtime_ns;        /* CLOCK_REALTIME as of which all this holds */
	int64_t offset_ns;          /* CLOCK_REALTIME - TAI: about -37 s */
	uint64_t esterror_ns;
	uint64_t maxerror_ns;
	uint32_t growth_ppb;
	uint32_t valid_s; /* beyond this age nothing is claimed */
};

GNOMON_EXPORT void gnomon_quality_encode(const struct gnomon_quality *q,
					 uint8_t octets[GNOMON_QUALITY_SIZE]);
/** Publish on the shared block; seq as for gnomon_vmclock_write. */
GNOMON_EXPORT void gnomon_quality_write(void *block, const struct gnomon_quality *q, uint32_t *seq);
GNOMON_EXPORT uint32_t gnomon_quality_seq_after(const void *block);
/** Returns 0; -EBADMSG: no such block; -EMSGSIZE: len or its size too small; -EAGAIN: torn. */
GNOMON_EXPORT int gnomon_quality_read(const void *block, size_t len, unsigned int tries,
				      struct gnomon_quality *q);
/**
 * TAI and its bound where CLOCK_REALTIME is realtime_ns. Returns 0, or -ENODATA: no offset is told,
 * the status is none to rely on, or the block is too old or of the future by more than a second.
 */
GNOMON_EXPORT int gnomon_quality_tai(const struct gnomon_quality *q, int64_t realtime_ns,
				     int64_t *tai_ns, uint64_t *bound_ns);

/* -- the page after it: mailbox of the ping-pong ----------------------------------------------- */

#define GNOMON_MAILBOX_MAGIC 0x314d4e47u /* "GNM1" */
#define GNOMON_MAILBOX_SIZE 192

enum gnomon_mailbox_state {
	GNOMON_MAILBOX_IDLE = 0,
	GNOMON_MAILBOX_PLAYING = 1, /* the guest answers pings now */
	GNOMON_MAILBOX_DONE = 2,
	GNOMON_MAILBOX_FAILED = 3, /* too slow, or not believed; ask again */
};

/*
 * The guest asks (request), the host serves it: PLAYING, then pings 1, 2, 3 ..., each answered by
 * the guest's counter, then DONE or FAILED. All the host takes from here is two words and a counter
 * value, any of which may be a lie.
 */

/** Host: prepare the block. What a guest asked before is forgotten. */
GNOMON_EXPORT void gnomon_mailbox_init(void *block);
/** Host: a request not yet served (non-zero), or 0. */
GNOMON_EXPORT uint32_t gnomon_mailbox_asked(const void *block);
/** Host: tell how the request stands. */
GNOMON_EXPORT void gnomon_mailbox_tell(void *block, uint32_t request,
				       enum gnomon_mailbox_state state);
/** Host: ping number n: > 0, and none of those before it. Begin anywhere, at random say. */
GNOMON_EXPORT void gnomon_mailbox_ping(void *block, uint32_t n);
/** Host: whether ping n was answered, with which counter value. */
GNOMON_EXPORT bool gnomon_mailbox_answered(const void *block, uint32_t n, uint64_t *counter);

/** Guest: whether the host plays at all: 0, or -EBADMSG. */
GNOMON_EXPORT int gnomon_mailbox_check(const void *block, size_t len);
/** Guest: ask; returns the request's number. */
GNOMON_EXPORT uint32_t gnomon_mailbox_ask(void *block);
/** Guest: how its request stands; IDLE as long as the host has not seen it. */
GNOMON_EXPORT enum gnomon_mailbox_state gnomon_mailbox_state(const void *block, uint32_t request);
/** Guest: the number of the latest ping. */
GNOMON_EXPORT uint32_t gnomon_mailbox_pinged(const void *block);
/** Guest: answer ping n with the counter as read after the ping was seen. */
GNOMON_EXPORT void gnomon_mailbox_answer(void *block, uint32_t n, uint64_t counter);

/* -- the ping-pong: a counter map out of exchanges --------------------------------------------- */

/** Exchanges kept: the best of as many stretches of time. */
#define GNOMON_PINGPONG_KEPT 32

/**
 * Host counter before <= instant of the guest's reading <= host counter after. The shortest
 * exchanges give the offset; those far apart, the ratio. Members are private.
 */
struct gnomon_pingpong {
	struct gnomon_counter_map nominal; /* as expected, through the first exchange */
	double tolerance_ppb;
	uint64_t host_hz;
	uint64_t stretch; /* host ticks of which the best exchange is kept */
	uint64_t origin;  /* host counter of the first exchange */
	unsigned int count;
	unsigned int taken;
	unsigned int refused;
	struct gnomon_pingpong_exchange {
		int64_t at;     /* the middle, in host ticks since the origin */
		int64_t beyond; /* of the guest's counter: what nominal does not explain */
		uint64_t half;  /* beyond is right within so many guest ticks */
	} kept[GNOMON_PINGPONG_KEPT];
};

/**
 * Start anew: the guest's counter is said to run at guest_hz where the host's runs at host_hz, up
 * to 1 THz. Their ratio is right within tolerance_ppb, 0 to 1e6 (0: both are one counter, not
 * scaled). -EINVAL: other numbers.
 */
GNOMON_EXPORT int gnomon_pingpong_init(struct gnomon_pingpong *p, uint64_t host_hz,
				       uint64_t guest_hz, double tolerance_ppb);
/**
 * An exchange, later than those before it. Returns 0; -EINVAL: it took more than a second, or no
 * time of this month; -EILSEQ: it contradicts another one beyond tolerance, so somebody lies or the
 * guest's counter was changed: counted, and not used.
 */
GNOMON_EXPORT int gnomon_pingpong_add(struct gnomon_pingpong *p, uint64_t before, uint64_t guest,
				      uint64_t after);
/**
 * The map, with its error at the host counter now, including what the rate's uncertainty adds.
 * Returns 0; -ENODATA: nothing was exchanged; -EILSEQ: what was taken does not fit together, or as
 * much was refused.
 */
GNOMON_EXPORT int gnomon_pingpong_map(const struct gnomon_pingpong *p, uint64_t now,
				      struct gnomon_counter_map *map);
/**
 * How far the ratio of the counters may be from the one expected by all that was exchanged, in ppb:
 * whether a scaled counter would have shown. Infinite if nothing can be said.
 */
GNOMON_EXPORT double gnomon_pingpong_ratio_error(const struct gnomon_pingpong *p);

/* -- ACPI: the table by which the guest's own driver finds the page ---------------------------- */

/** Large enough for each of the tables. */
#define GNOMON_AML_MAX 768

/** The page in BAR 2 of an ivshmem device (way B). */
struct gnomon_aml_bar {
	uint8_t device;   /* PCI device on its bus, 0 to 31 */
	uint8_t function; /* 0 to 7 */
	bool behind_port; /* the bus is that of a root port on bus 0 */
	uint8_t port_device;
	uint8_t port_function;
};

/**
 * An SSDT that declares the clock as a child of the PCI device, as the octets of a file for QEMU's
 * -acpitable file=. *len: in, room; out, length. -EINVAL: no such device; -ENOBUFS: no room.
 */
GNOMON_EXPORT int gnomon_aml_bar(const struct gnomon_aml_bar *where, uint8_t *octets, size_t *len);

/** The same for a page at a guest physical address, of an nvdimm, say (way C). Page aligned. */
GNOMON_EXPORT int gnomon_aml_fixed(uint64_t address, uint8_t *octets, size_t *len);

#ifdef __cplusplus
}
#endif

#endif
