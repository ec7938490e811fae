/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reference table. One chain of three boundary clocks and an ordinary clock gives a clock
 * that is direct, and one behind 1, 2 and 3 boundary clocks. References are linuxptp's, PI servo
 * with default constants, measured under the same noise in another simulator (clknetsim): true
 * time error after lock, median of ten seeds or more.
 */
#include "reference.h"

#include <stdlib.h>
#include <string.h>

#include "metrics.h"
#include "plot.h"
#include "world.h"

#define SEEDS_DEFAULT 16u
#define DURATION_S 2000.0
#define SETTLED_S 100.0
#define HOPS 4u
#define TOLERANCE 0.15

struct row {
	const char *name;
	const char *set;
	double jitter_ns;
	double walk_ppb;
	double rms_ns[HOPS]; /* the references; 0: none */
	double limit_ns;     /* the direct clock stays within this ... */
	double limit_s;      /* ... from then on; 0: not judged */
};

static const struct row rows[] = {
	{ "jitter 10 ns", "", 10, 1, { 10.4 }, 200, 0 },
	{ "jitter 100 ns", "", 100, 1, { 100, 146, 210, 270 }, 2000, 26 },
	{ "jitter 1 \u00b5s", "", 1000, 1, { 990 }, 20000, 0 },
	{ "jitter 10 \u00b5s", "", 10000, 1, { 9430 }, 200000, 0 },
	{ "jitter 10 ns, P2P", "delay_mechanism=P2P", 10, 1, { 9.95 }, 200, 0 },
	{ "wander 1e-4", "", 100, 1e5, { 150e3 }, 2e6, 0 },
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static const char *const hop_names[HOPS] = { "bc1", "bc2", "bc3", "oc" };

/* Everything a scenario of one row points to. */
struct chain {
	struct sim_node_spec nodes[4];
	struct sim_link_spec links[5];
	struct sim_scenario scenario;
	char gm_set[80];
};

static void build_chain(struct chain *c, const struct row *row)
{
	static const char *const members[] = { "gm bc1", "bc1.2 bc2", "bc2.2 bc3", "bc3.2 oc" };
	struct oscillator_spec crystal = { .frequency_ppb = 1e5, .random_walk_ppb = row->walk_ppb };

	memset(c, 0, sizeof(*c));
	snprintf(c->gm_set, sizeof(c->gm_set), "priority1=100 %s", row->set);
	c->nodes[0] = (struct sim_node_spec){ "gm", .set = c->gm_set, .reference = true };
	c->nodes[1] = (struct sim_node_spec){ "bc", .count = 3, .ports = 2, .set = row->set,
					      .oscillator = crystal, .offset_s = 0.1 };
	c->nodes[2] = (struct sim_node_spec){ "oc", .set = row->set, .oscillator = crystal,
					      .offset_s = 0.1 };
	for (unsigned int i = 0; i < HOPS; i++) {
		c->links[i] = (struct sim_link_spec){
			members[i], members[i], 100.0, SIM_JITTER_EXPONENTIAL, row->jitter_ns
		};
	}
	c->scenario = (struct sim_scenario){ row->name, "reference", .duration_s = DURATION_S,
					     .nodes = c->nodes, .links = c->links };
}

/* What one seed gives: rms by hop, and when the direct clock came to stay. */
static int run_seed(const struct row *row, uint64_t seed, double rms_ns[HOPS], double *settled_s)
{
	struct world_options options = { .seed = seed };
	struct chain chain;
	char why[160];
	struct world *w;
	int err;

	build_chain(&chain, row);
	w = world_create(&chain.scenario, &options, why, sizeof(why));
	if (!w) {
		fprintf(stderr, "gnomon-sim: %s: %s\n", row->name, why);
		return -1;
	}
	err = world_run(w);
	for (unsigned int hop = 0; hop < HOPS; hop++) {
		const struct sim_node *n = world_find(w, hop_names[hop]);
		size_t begin = world_tick_at(w, SETTLED_S);
		struct te_stats stats;

		te_stats(n->te + begin, w->ticks - begin, &stats);
		rms_ns[hop] = stats.rms;
		if (hop == 0) {
			size_t inside = te_settled(n->te, w->ticks, row->limit_ns);

			*settled_s = world_tick_time(w, inside);
		}
	}
	world_destroy(w);
	return err;
}

static bool near(double value, double reference)
{
	return fabs(value / reference - 1.0) <= TOLERANCE;
}

/* "97.9 ns [87.1 ns .. 114 ns] 0.98" and whether it is near its reference. */
static bool put_cell(FILE *out, double *values, unsigned int seeds, double reference)
{
	char text[3][40];
	double median = quantile(values, seeds, 0.5); /* sorts */
	bool good = reference == 0.0 || near(median, reference);

	fprintf(out, " %s [%s .. %s]", plot_format_ns(text[0], sizeof(text[0]), median),
		plot_format_ns(text[1], sizeof(text[1]), values[0]),
		plot_format_ns(text[2], sizeof(text[2]), values[seeds - 1]));
	if (reference != 0.0) {
		fprintf(out, "%s %.2f", good ? "" : " MISS", median / reference);
	}
	fputs(" |", out);
	return good;
}

/* Returns how many cells miss. memory: HOPS + 1 times seeds. */
static unsigned int run_row(FILE *out, const struct row *row, uint64_t first_seed,
			    unsigned int seeds, double *memory)
{
	double *settled = memory + HOPS * seeds;
	unsigned int missed = 0;
	double median;
	bool late;

	for (unsigned int i = 0; i < seeds; i++) {
		double rms_ns[HOPS];

		if (run_seed(row, first_seed + i, rms_ns, &settled[i]) != 0) {
			return 1;
		}
		for (unsigned int hop = 0; hop < HOPS; hop++) {
			memory[hop * seeds + i] = rms_ns[hop];
		}
	}
	fprintf(out, "| %s |", row->name);
	for (unsigned int hop = 0; hop < HOPS; hop++) {
		missed += !put_cell(out, memory + hop * seeds, seeds, row->rms_ns[hop]);
	}
	median = quantile(settled, seeds, 0.5); /* sorts */
	late = row->limit_s > 0.0 && settled[seeds - 1] > row->limit_s;
	fprintf(out, " %.1f s [%.1f s .. %.1f s]%s |\n", median, settled[0], settled[seeds - 1],
		late ? " MISS" : "");
	return missed + late;
}

unsigned int reference_run(FILE *out, uint64_t first_seed, unsigned int seeds)
{
	unsigned int missed = 0;
	double *memory;

	seeds = seeds > 0 ? seeds : SEEDS_DEFAULT;
	memory = calloc((HOPS + 1) * (size_t)seeds, sizeof(*memory));
	if (!memory) {
		return ROWS;
	}
	fprintf(out, "RMS time error, median [least .. most] of %u seeds, and its ratio to the "
		"reference\n\n| noise | direct | behind 1 BC | behind 2 BCs | behind 3 BCs | "
		"direct clock settled |\n|---|---|---|---|---|---|\n", seeds);
	for (size_t i = 0; i < ROWS; i++) {
		missed += run_row(out, &rows[i], first_seed, seeds, memory);
	}
	free(memory);
	return missed;
}
