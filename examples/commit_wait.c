/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * commit_wait [PAGE|- [COMMITS]]: transactions in the order of their timestamps, on machines that
 * know the time within a bound.
 *
 * A transaction takes the latest time it can be as its timestamp, and tells nobody that it is
 * committed before that time has passed for certain, everywhere. So whatever starts after it, on
 * any machine, gets a greater timestamp, though no message told it of the first one. The wait is
 * about twice the bound: a good clock is a fast database.
 *
 * Here two replicas, which share nothing but a baton, commit in turns. Each tells the other only
 * "done", and their timestamps come out in order.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <gnomon/guest.h>

#define REPLICAS 2

struct replica {
	pthread_t thread;
	struct gnomon_guest_clock *clock;
	int number;
	int64_t waited_ns; /* all its waiting for commits */
};

static struct replica replicas[REPLICAS];
static atomic_int turn; /* the number of the commit that may start */
static gnomon_time *history; /* each transaction's timestamp, for the auditor */
static int commits = 100;

static void sleep_ns(int64_t ns)
{
	const struct timespec ts = { ns / GNOMON_NSEC_PER_SEC, ns % GNOMON_NSEC_PER_SEC };

	nanosleep(&ts, NULL);
}

/* Until that time has passed for certain. Returns 0, or why nobody knows whether it has. */
static int wait_past(struct replica *r, gnomon_time t)
{
	gnomon_time earliest, latest;
	int64_t left;
	int err;

	for (;;) {
		err = gnomon_clock_now(r->clock, &earliest, &latest, NULL);
		if (err == -EAGAIN) {
			continue;
		}
		if (err || gnomon_time_cmp(earliest, t) > 0) {
			return err;
		}
		left = gnomon_time_diff(t, earliest).ns + 1;
		r->waited_ns += left;
		sleep_ns(left);
	}
}

/*
 * Commit what is written. -ECANCELED: the machine was moved or the clock stepped in between, and
 * the timestamp chosen before may be anything now: choose anew.
 */
static int commit(struct replica *r, gnomon_time *at)
{
	gnomon_time earliest, latest;
	enum gnomon_clock_status status;
	uint64_t marker;
	int err;

	do {
		err = gnomon_clock_now(r->clock, &earliest, &latest, &status);
	} while (err == -EAGAIN);
	if (err) {
		fprintf(stderr, "commit_wait: %s: no time: %s\n", gnomon_clock_path(r->clock),
			gnomon_clock_status_name(status));
		return err;
	}
	err = wait_past(r, latest);
	if (!err && gnomon_clock_disrupted(r->clock, &marker)) {
		gnomon_clock_acknowledge(r->clock, marker);
		return -ECANCELED;
	}
	*at = latest;
	return err;
}

static void *run(void *context)
{
	struct replica *r = context;

	for (int i = r->number; i < commits; i += REPLICAS) {
		int err;

		while (atomic_load(&turn) != i) {
			sleep_ns(1000);
		}
		do {
			err = commit(r, &history[i]);
		} while (err == -ECANCELED);
		if (err) {
			exit(2);
		}
		/* This is all that the other learns. */
		atomic_store(&turn, i + 1);
	}
	return NULL;
}

/* What the promise was: who starts after a commit was told has a greater timestamp. */
static int audit(void)
{
	int wrong = 0;

	for (int i = 1; i < commits; i++) {
		if (gnomon_time_cmp(history[i - 1], history[i]) >= 0) {
			printf("transaction %d is not after transaction %d\n", i, i - 1);
			wrong = 1;
		}
	}
	return wrong;
}

int main(int argc, char **argv)
{
	const char *page = argc > 1 && strcmp(argv[1], "-") != 0 ? argv[1] : NULL;
	int64_t waited = 0;

	commits = argc > 2 ? atoi(argv[2]) : commits;
	if (argc > 3 || commits < 1) {
		fprintf(stderr, "usage: commit_wait [PAGE|- [COMMITS]]\n");
		return 1;
	}
	history = calloc((size_t)commits, sizeof(*history));
	for (int i = 0; i < REPLICAS; i++) {
		const int err = gnomon_clock_open(&replicas[i].clock, page);

		if (err || !history) {
			fprintf(stderr, "commit_wait: %s: %s\n", page ? page : "no clock page",
				strerror(err ? -err : ENOMEM));
			return 2;
		}
		replicas[i].number = i;
	}
	for (int i = 0; i < REPLICAS; i++) {
		if (pthread_create(&replicas[i].thread, NULL, run, &replicas[i])) {
			return 2;
		}
	}
	for (int i = 0; i < REPLICAS; i++) {
		pthread_join(replicas[i].thread, NULL);
		gnomon_clock_close(replicas[i].clock);
		waited += replicas[i].waited_ns;
	}
	printf("%d transactions, each waited %.3f us\n", commits,
	       (double)waited / commits / 1000.0);
	return audit();
}
