/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench.h"

#include <errno.h>
#include <time.h>

#include "world.h"

struct bench {
	const char *scenario;
	double duration_s;
};

static const struct bench benches[] = {
	{ "oc-oc", 200000.0 },
	{ "oc-oc-p2p", 100000.0 },
	{ "chain-5", 20000.0 },
	{ "lan-1000", 30.0 },
};

static double cpu_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static int run_bench(FILE *out, const struct bench *b)
{
	struct sim_scenario s = *sim_scenario_find(b->scenario);
	struct world_options options = { .seed = 1, .duration_s = b->duration_s };
	size_t engines;
	size_t rest;
	uint64_t ports = 0;
	char why[160];
	struct world *w;
	double took;
	int err;

	s.expect = NULL;
	s.timeline = NULL;
	w = world_create(&s, &options, why, sizeof(why));
	if (!w) {
		fprintf(stderr, "gnomon-sim: %s: %s\n", b->scenario, why);
		return -EINVAL;
	}
	took = cpu_seconds();
	err = world_run(w);
	took = cpu_seconds() - took;
	for (uint32_t i = 0; i < w->node_count; i++) {
		ports += w->nodes[i].port_count;
	}
	world_memory(w, &engines, &rest);
	fprintf(out, "%-12s %6u %10.0f %12.1f %12.0f %12.0f %12zu %12zu\n", b->scenario,
		w->node_count, b->duration_s, took / b->duration_s * 1e6, b->duration_s / took,
		(double)w->deliveries / took, engines / ports, rest / w->node_count);
	world_destroy(w);
	return err;
}

int bench_run(FILE *out)
{
	fprintf(out, "%-12s %6s %10s %12s %12s %12s %12s %12s\n", "scenario", "nodes",
		"simulated", "CPU \u00b5s/s", "x real time", "messages/s", "engine B", "other B");
	fprintf(out, "%-12s %6s %10s %12s %12s %12s %12s %12s\n", "", "", "s", "", "",
		"delivered", "per port", "per node");
	for (size_t i = 0; i < sizeof(benches) / sizeof(benches[0]); i++) {
		int err = run_bench(out, &benches[i]);

		if (err != 0) {
			return err;
		}
	}
	return 0;
}
