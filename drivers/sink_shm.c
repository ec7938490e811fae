/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NTP's shared memory reference clock: a System V segment with the struct below, as ntpd's manual
 * describes it (driver 28). Mode 1: the reader takes the values only if count did not change while
 * it read them.
 *
 * Nobody removes a segment, neither ntpd nor other writers: a reader that has it would go on
 * reading one that nobody finds any more. It is marked as invalid instead. Only one that was made
 * for nothing, because something else was wrong, is taken away again.
 */
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <time.h>
#include <unistd.h>

#include "drivers/sink.h"

#define SHM_KEY 0x4e545030 /* "NTP0"; the other segments follow */

/* precision is log2 of seconds; -30 is a ns. */
#define BEST_PRECISION (-30)

struct shm_time {
	int mode;
	volatile int count;
	time_t clock_sec; /* true time */
	int clock_usec;
	time_t receive_sec; /* what the system clock read then */
	int receive_usec;
	int leap; /* 0: none, 1: insert, 2: delete */
	int precision;
	int samples;
	volatile int valid;
	unsigned int clock_nsec;
	unsigned int receive_nsec;
	int unused[8];
};

struct sink_shm {
	struct sink base;
	int id;
	bool unused; /* it was not there before, and nothing was written yet */
	struct shm_time *shared;
};

/* The power of two that is not below it, without libm. */
static int precision_of(double error_ns)
{
	int precision = BEST_PRECISION;

	while (precision < 0 && ldexp(1.0, precision) < error_ns * 1e-9) {
		precision++;
	}
	return precision;
}

static int shm_send(struct sink *sink, const struct sink_sample *sample)
{
	struct sink_shm *shm = (struct sink_shm *)sink;
	struct shm_time *t = shm->shared;
	const gnomon_time truth = gnomon_time_sub_span(sample->local, sample->offset);

	shm->unused = false;
	t->valid = 0;
	t->count++;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	t->mode = 1;
	t->clock_sec = (time_t)truth.sec;
	t->clock_usec = (int)(truth.nsec / 1000);
	t->clock_nsec = truth.nsec;
	t->receive_sec = (time_t)sample->local.sec;
	t->receive_usec = (int)(sample->local.nsec / 1000);
	t->receive_nsec = sample->local.nsec;
	t->leap = sample->leap == 61 ? 1 : sample->leap == 59 ? 2 : 0;
	t->precision = precision_of(sample->error_ns);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	t->count++;
	t->valid = 1;
	return 0;
}

static void shm_destroy(struct sink *sink)
{
	const struct sink_shm *shm = (struct sink_shm *)sink;

	if (shm) {
		shm->shared->valid = 0;
		(void)shmdt(shm->shared);
		if (shm->unused) {
			(void)shmctl(shm->id, IPC_RMID, NULL);
		}
	}
	free(sink);
}

static const struct sink_ops shm_ops = {
	.kind = "shm",
	.send = shm_send,
	.destroy = shm_destroy,
};

/* Find the segment, or make it; returns its id or -1. */
static int get_segment(int segment, bool *made)
{
	const key_t key = (key_t)(SHM_KEY + (unsigned int)segment);
	int id = shmget(key, sizeof(struct shm_time), IPC_CREAT | IPC_EXCL | 0600);

	*made = id >= 0;
	return id < 0 && errno == EEXIST ? shmget(key, sizeof(struct shm_time), 0600) : id;
}

/* Programs that write such segments. */
static bool writes(pid_t pid)
{
	static const char *const names[] = { "gnomond", "gnomon", "phc2sys", "ptp4l", "ts2phc" };
	char path[40];
	char name[32] = "";
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	f = pid > 0 && pid != getpid() ? fopen(path, "re") : NULL;
	if (f) {
		(void)!fgets(name, sizeof(name), f);
		(void)fclose(f);
	}
	name[strcspn(name, "\n")] = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(name, names[i]) == 0) {
			return true;
		}
	}
	return false;
}

/* Who has it already and writes to it, as far as the kernel remembers: who made it, and who
 * attached it last. 0: nobody. */
static pid_t find_writer(int id)
{
	struct shmid_ds ds;

	if (id < 0 || shmctl(id, IPC_STAT, &ds) != 0 || ds.shm_nattch == 0) {
		return 0;
	}
	return writes(ds.shm_lpid) ? ds.shm_lpid : writes(ds.shm_cpid) ? ds.shm_cpid : 0;
}

int sink_shm_open(struct sink **sink, int segment, struct driver_error *error)
{
	struct sink_shm *shm = calloc(1, sizeof(*shm));
	pid_t writer;
	int err;

	if (!shm) {
		return driver_fail(error, -ENOMEM,
				   "NTP SHM segment %d: out of memory; make some free", segment);
	}
	shm->id = get_segment(segment, &shm->unused);
	writer = find_writer(shm->id);
	if (writer) {
		free(shm);
		return driver_fail(error, -EBUSY,
				   "NTP SHM segment %d: process %d writes to it: stop that, or "
				   "take another number",
				   segment, (int)writer);
	}
	shm->shared = shm->id < 0 ? (void *)-1 : shmat(shm->id, NULL, 0);
	if (shm->shared == (void *)-1) {
		err = -errno;
		free(shm);
		return driver_fail(error, err,
				   "NTP SHM segment %d: cannot attach it: %s; \"ipcs -m\" lists "
				   "whose it is: run as that user, or take another number",
				   segment, driver_strerror(err));
	}
	shm->base.ops = &shm_ops;
	(void)snprintf(shm->base.name, sizeof(shm->base.name), "SHM(%d)", segment);
	*sink = &shm->base;
	return 0;
}
