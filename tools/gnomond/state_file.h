/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * What survives a restart: what was learnt of the oscillator and the network, in a file.
 *
 * The file is text, one value a line in a fixed order, with a version first and a checksum last. It
 * is replaced as a whole, so that a crash at any instant leaves the old one or the new one. Nothing
 * in it is believed that does not check out: such a file is moved aside, and the start goes on
 * without.
 */
#ifndef GNOMOND_STATE_FILE_H
#define GNOMOND_STATE_FILE_H

#include <sys/types.h>

#include <gnomon/holdover.h>

#include "drivers/error.h"

/** An instant by clocks that outlive the process. */
struct state_stamp {
	int64_t realtime_ns; /* CLOCK_REALTIME: right only as far as that is */
	int64_t boottime_ns; /* CLOCK_BOOTTIME: exact, but only for one boot */
	char boot_id[40];    /* "-": unknown */
};

/** All that is kept. Texts are printable, without white space at the ends. */
struct state {
	char clock[128];        /* which clock all this is about */
	struct state_stamp at;  /* when it was true */
	double frequency_ppb;   /* the adjustment in force */
	char grandmaster[24];   /* that was followed; "": none */
	double mean_delay_ns;   /* of the path to it; 0: unknown */
	bool learnt;            /* there is a model: */
	struct gnomon_holdover_model model;
};

/** Older than this, no state is worth anything; what has no known age is taken for as old. */
#define STATE_AGE_MAX_S (366.0 * 86400.0)

/** Now. */
void state_stamp_now(struct state_stamp *stamp);

/**
 * Seconds from then to now: exact within one boot, by CLOCK_REALTIME across boots. Negative: that
 * goes backwards, so the age is not known.
 */
double state_age(const struct state_stamp *then, const struct state_stamp *now);

/**
 * Whether a state can be kept there: the folder exists, may be written by us and not by everybody,
 * and the path is no link and nothing but a file. Returns 0 or -errno with one line in *error.
 */
int state_file_check(const char *path, struct driver_error *error);

/**
 * Keep other programs from that file as long as this process lives, by a lock of PATH.lock. Returns
 * 0, also where there can be no lock, or -EBUSY with the process that has it in *error.
 */
int state_file_lock(const char *path, struct driver_error *error);

/**
 * Read the state of the clock of that name. *age_s: how long ago it was true, 0 to STATE_AGE_MAX_S.
 * Returns 0; -ENOENT: there is no file, and no line; -EBADMSG: it is of no use (damaged, of another
 * clock or version, too old), was moved to PATH.bad, and *error says why; other -errno: it must not
 * or cannot be read, in words in *error.
 */
int state_file_load(const char *path, const char *clock, const struct state_stamp *now,
		    struct state *state, double *age_s, struct driver_error *error);

/** Replace the file, durably. It waits for the disk. Returns 0 or -errno with a line in *error. */
int state_file_store(const char *path, const struct state *state, struct driver_error *error);

/** A child process that stores, since a loop must not wait for a disk. Zeroed: none. */
struct state_writer {
	pid_t child;
};

/** Begin to store. Returns 0, -EBUSY (the one before is not done yet) or -errno. */
int state_writer_begin(struct state_writer *w, const char *path, const struct state *state);

/**
 * What became of it, without waiting: -EAGAIN (not done), 0 (done, or nothing was begun), or why it
 * failed, as -errno.
 */
int state_writer_poll(struct state_writer *w);

/** The same, and wait for it, but not longer than that many ms: a disk may hang for ever. */
int state_writer_wait(struct state_writer *w, int ms);

#endif
