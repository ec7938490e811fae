/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * QEMU's monitor (QMP), as far as a virtual machine's clock is concerned: when the machine stops,
 * goes on, is reset or moves to another host, and where in QEMU's memory a page of the guest's is.
 *
 * Nothing here waits. A monitor that is not there, stops answering, or answers nonsense is left and
 * tried again later, ever more slowly. QEMU is not trusted: what it says is bounded and checked.
 */
#ifndef DRIVERS_QMP_H
#define DRIVERS_QMP_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include <gnomon/time.h>

#include "drivers/error.h"
#include "drivers/uds_stream.h"

/** What a machine is doing, as far as it matters. */
enum qmp_run {
	QMP_RUN_UNKNOWN,
	QMP_RUN_RUNNING,
	QMP_RUN_STOPPED,  /* paused, or being saved, or not started yet */
	QMP_RUN_INCOMING, /* waits for its memory to come from another host, or from a file */
	QMP_RUN_ENDED,
};

enum qmp_notice_type {
	QMP_NOTICE_CONNECTED, /* the monitor answers; run says what the machine does. If it is in
			       * the middle of leaving, that is told next */
	QMP_NOTICE_LOST,      /* it does not, or not any more; text says why */
	QMP_NOTICE_LEAVING,   /* a migration has begun: memory is about to be copied */
	QMP_NOTICE_LEFT,      /* it is over: the machine runs elsewhere now */
	QMP_NOTICE_CALLED_OFF, /* it failed, or somebody called it off */
	QMP_NOTICE_STOP,
	QMP_NOTICE_RESUME,
	QMP_NOTICE_RESET, /* the machine starts anew, or wakes up: counters may have been set */
	QMP_NOTICE_ADDRESS, /* what qmp_find_address() asked for; 0: there is nothing */
};

struct qmp_notice {
	enum qmp_notice_type type;
	enum qmp_run run;
	bool arrived; /* RESUME: its memory had come from elsewhere */
	uint64_t address;
	char text[160];
};

enum qmp_state {
	QMP_DOWN,
	QMP_GREETING,     /* connected; QEMU speaks first */
	QMP_NEGOTIATING,  /* the monitor is told that it is understood */
	QMP_PREPARING,    /* migrations are to be told of */
	QMP_ASKING_MIGRATION, /* is one under way? */
	QMP_ASKING_RUN,   /* what is it doing? */
	QMP_READY,
};

/** Members are private, but for pid. */
struct qmp {
	const char *path;
	struct uds_stream stream;
	enum qmp_state state;
	enum qmp_run run;
	bool incoming;        /* this is the end a migration comes to */
	bool migrating;       /* ... or the one it goes from, and it has begun */
	bool found_migrating; /* it had when we connected, which is yet to be told */
	bool finding;         /* an address was asked for */
	pid_t pid;            /* who listens there, as the kernel knows; 0: not connected */
	gnomon_mono deadline; /* to answer, or to be tried again */
	int64_t backoff;      /* ns */
	bool told;            /* that it is lost */
	bool broken;          /* to be left, for the reason in text */
	char text[160];
};

/** path is borrowed. Connects at the first qmp_expire(). */
void qmp_init(struct qmp *q, const char *path);
void qmp_close(struct qmp *q);

/** .fd is -1 while there is no connection. */
void qmp_poll_fd(const struct qmp *q, struct pollfd *fd);

/** poll() reported something: read, some of it. Then qmp_next(). */
void qmp_ready(struct qmp *q, gnomon_mono now);

/** Connect, or give up waiting. Returns when to call again. Then qmp_next(). */
gnomon_mono qmp_expire(struct qmp *q, gnomon_mono now);

/** The next thing that happened. False: nothing. */
bool qmp_next(struct qmp *q, struct qmp_notice *notice, gnomon_mono now);

/**
 * Ask where in QEMU's own memory a guest physical address is: a QMP_NOTICE_ADDRESS comes.
 * -ENOTCONN; -EBUSY: was asked already.
 */
int qmp_find_address(struct qmp *q, uint64_t guest, gnomon_mono now);

#endif
