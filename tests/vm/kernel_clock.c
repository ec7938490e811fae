/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the kernel makes of its own clock around a leap second.
 *
 *     kernel_clock watch UTC     until that second of CLOCK_REALTIME: every change of the NTP state
 *                                machine, and every jump of CLOCK_REALTIME or CLOCK_TAI
 *     kernel_clock reset         no leap second, no TAI offset, no frequency
 *
 * Jumps are seen against CLOCK_MONOTONIC, which runs at the same rate and never jumps.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>

#define NSEC_PER_SEC INT64_C(1000000000)
#define PERIOD_NS 5000000
#define JUMP_NS 1000

struct view {
	int state; /* TIME_OK .. */
	int leap;  /* STA_INS, STA_DEL or neither */
	int tai;
};

static int64_t read_clock(clockid_t id)
{
	struct timespec ts = { 0, 0 };

	(void)clock_gettime(id, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

static struct view look(void)
{
	struct timex tx = { .modes = 0 };
	const int state = adjtimex(&tx);

	return (struct view){ state, tx.status & (STA_INS | STA_DEL), tx.tai };
}

static const char *state_name(int state)
{
	static const char *const names[] = { "OK", "INS", "DEL", "OOP", "WAIT", "ERROR" };

	return state >= TIME_OK && state <= TIME_ERROR ? names[state] : "unknown";
}

static void tell(const struct view *v, int64_t utc)
{
	(void)printf("state %s flag %s tai %d at %" PRId64 ".%03" PRId64 "\n",
		     state_name(v->state),
		     v->leap == STA_INS   ? "ins"
		     : v->leap == STA_DEL ? "del"
		     : v->leap            ? "both"
					  : "none",
		     v->tai, utc / NSEC_PER_SEC, utc % NSEC_PER_SEC / 1000000);
}

/* Held between two readings of CLOCK_MONOTONIC; the narrowest of a few counts. */
static int64_t ahead_of_monotonic(clockid_t id)
{
	int64_t narrowest = INT64_MAX;
	int64_t ahead = 0;

	for (int i = 0; i < 3; i++) {
		const int64_t before = read_clock(CLOCK_MONOTONIC);
		const int64_t value = read_clock(id);
		const int64_t after = read_clock(CLOCK_MONOTONIC);

		if (after - before < narrowest) {
			narrowest = after - before;
			ahead = value - before - (after - before) / 2;
		}
	}
	return ahead;
}

static void look_for_jump(const char *name, clockid_t id, int64_t *ahead)
{
	const int64_t now = ahead_of_monotonic(id);
	const int64_t jump = now - *ahead;

	if (jump > JUMP_NS || jump < -JUMP_NS) {
		const int64_t utc = read_clock(CLOCK_REALTIME);

		(void)printf("%s jumped %" PRId64 " ns, to utc %" PRId64 ".%03" PRId64 "\n", name,
			     jump, utc / NSEC_PER_SEC, utc % NSEC_PER_SEC / 1000000);
	}
	*ahead = now;
}

static void watch(int64_t until)
{
	const struct timespec period = { 0, PERIOD_NS };
	int64_t utc_ahead = ahead_of_monotonic(CLOCK_REALTIME);
	int64_t tai_ahead = ahead_of_monotonic(CLOCK_TAI);
	struct view last = { -1, 0, 0 };
	int64_t utc;

	do {
		const struct view now = look();

		utc = read_clock(CLOCK_REALTIME);
		if (now.state != last.state || now.leap != last.leap || now.tai != last.tai) {
			tell(&now, utc);
		}
		last = now;
		look_for_jump("utc", CLOCK_REALTIME, &utc_ahead);
		look_for_jump("tai", CLOCK_TAI, &tai_ahead);
		(void)fflush(stdout);
		(void)nanosleep(&period, NULL);
	} while (utc < until * NSEC_PER_SEC);
}

static bool adjust(unsigned int modes)
{
	struct timex tx = { .modes = modes };

	return adjtimex(&tx) >= 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "watch") == 0) {
		watch(strtoll(argv[2], NULL, 10));
		return 0;
	}
	if (argc != 2 || strcmp(argv[1], "reset") != 0) {
		(void)fprintf(stderr, "usage: kernel_clock watch UTC | reset\n");
		return 1;
	}
	if (!adjust(ADJ_STATUS) || !adjust(ADJ_TAI) || !adjust(ADJ_FREQUENCY)) {
		(void)fprintf(stderr, "kernel_clock: adjtimex: %s\n", strerror(errno));
		return 2;
	}
	return 0;
}
