/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench-bridge [rounds]: nanoseconds of the mathematics of a publication: once per host a pair and
 * what is claimed of the clock, and per guest the next page. Writing it to memory or to a file is
 * not in here. A row is the best of several rounds, which is the one least disturbed by other work.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <gnomon/bridge.h>

#define BATCH 20000
#define HZ 2400000000u

struct bench {
	struct gnomon_line line;
	struct gnomon_pair pair;
	struct gnomon_ensemble *ensemble;
	struct gnomon_coast coast;
	struct gnomon_host_line host;
	struct gnomon_counter_map map;
	struct gnomon_publish next;
	struct gnomon_publisher publisher;
	struct gnomon_vmclock_reading reading;
	int64_t mono_ns;
	_Alignas(16) unsigned char memory[16384];
};

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static gnomon_time time_at(int64_t ns)
{
	return gnomon_time_add((gnomon_time){ 1800000000, 0, 0 }, gnomon_span_from_ns(ns));
}

/* -- what is measured ------------------------------------------------------------------------- */

/* Half a window of noise, a quarter of a second later. */
static void pair(struct bench *b)
{
	b->pair.counter += HZ / 4;
	b->pair.time = gnomon_time_add(b->pair.time, gnomon_span_from_ns(
		250000000 + (int64_t)(b->pair.counter % 101) - 50));
	b->pair.time = gnomon_time_sub_span(b->pair.time, gnomon_span_from_ns(
		(int64_t)((b->pair.counter - HZ / 4) % 101) - 50));
	if (gnomon_line_pair(&b->line, &b->pair, NULL) == GNOMON_LINE_CONTRADICTED) {
		abort();
	}
}

static void claim(struct bench *b)
{
	gnomon_ensemble_coast(b->ensemble, (gnomon_mono){ b->mono_ns }, GNOMON_BRIDGE_HORIZON_S,
			      &b->coast);
}

static void host(struct bench *b)
{
	gnomon_bridge_host(&b->line, &b->coast, b->pair.counter, GNOMON_VMCLOCK_SYNCHRONIZED, 1e9,
			   &b->host);
}

static void page(struct bench *b)
{
	gnomon_publisher_next(&b->publisher, &b->next, NULL);
	b->host.counter += HZ / 4;
	b->host.time = gnomon_fine_add_ns(b->host.time, 250000000);
}

static void reading(struct bench *b)
{
	gnomon_vmclock_at(&b->publisher.page, b->publisher.page.counter_value + 1000000,
			  &b->reading);
}

/* -- set-up ----------------------------------------------------------------------------------- */

/* An ensemble that has followed its one source for long enough to know its oscillator. */
static void follow(struct bench *b)
{
	struct gnomon_discipline_config discipline = { .size = sizeof(discipline) };
	const struct gnomon_ensemble_source source = { .source.timeout_s = 10.0 };
	const struct gnomon_ensemble_config config = {
		.size = sizeof(config), .discipline = &discipline, .sources = &source,
		.source_count = 1,
	};
	struct gnomon_discipline_command command;

	discipline.servo = gnomon_servo_find("pi");
	gnomon_servo_config_default(&discipline.servo_config);
	if (gnomon_ensemble_init(&b->ensemble, b->memory, sizeof(b->memory), &config,
				 (gnomon_mono){ 0 }) != 0) {
		abort();
	}
	for (int i = 1; i <= 400; i++) {
		const struct gnomon_discipline_sample sample = {
			.offset = gnomon_span_from_ns(i * 7919 % 61 - 30),
			.mean_delay = gnomon_span_from_ns(1000),
			.local = time_at(INT64_C(1000000000) * i),
			.weight = 1.0,
			.reference_bound_ns = 100.0,
		};

		b->mono_ns = INT64_C(1000000000) * i;
		(void)gnomon_ensemble_sample(b->ensemble, 0, &sample, (gnomon_mono){ b->mono_ns },
					     &command);
	}
}

static void prepare(struct bench *b, bool scaled)
{
	const struct gnomon_line_config config = { .size = sizeof(config), .counter_hz = HZ };

	memset(b, 0, sizeof(*b));
	follow(b);
	if (gnomon_line_init(&b->line, &config) != 0) {
		abort();
	}
	b->pair = (struct gnomon_pair){ HZ, time_at(0), 500.0 };
	for (int i = 0; i < 100; i++) {
		pair(b);
	}
	claim(b);
	host(b);
	gnomon_counter_map_offset(&b->map, 12345);
	if (scaled) {
		b->map.frac_bits = 48;
		b->map.ratio = (UINT64_C(1) << 48) / 10 * 11;
	}
	b->next = (struct gnomon_publish){ .host = &b->host, .map = &b->map, .marker = 5 };
	gnomon_publisher_init(&b->publisher, GNOMON_VMCLOCK_COUNTER_X86_TSC, 1);
	page(b);
}

static void measure(const char *name, void (*work)(struct bench *), bool scaled, int rounds)
{
	static struct bench b;
	double best = 1e18;

	for (int r = 0; r < rounds; r++) {
		double ns;

		prepare(&b, scaled);
		ns = now_ns();
		for (int i = 0; i < BATCH; i++) {
			work(&b);
		}
		ns = (now_ns() - ns) / BATCH;
		best = ns < best ? ns : best;
	}
	printf("%-44s %8.0f ns\n", name, best);
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 10;

	measure("a pair into the line", pair, false, rounds);
	measure("what is claimed of the clock, for an hour", claim, false, rounds);
	measure("the host's line", host, false, rounds);
	measure("a guest's page", page, false, rounds);
	measure("a guest's page, counter scaled", page, true, rounds);
	measure("time and bound at a counter", reading, false, rounds);
	printf("octets: line %zu, truth of a guest %zu\n", sizeof(struct gnomon_line),
	       sizeof(struct gnomon_publisher));
	return 0;
}
