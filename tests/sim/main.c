/* SPDX-License-Identifier: BSD-2-Clause */
/* gnomon-sim: runs the built-in scenarios and shows what came of them. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"
#include "reference.h"
#include "report.h"

#define EXIT_USAGE 1
#define EXIT_RUNTIME 2
#define EXIT_UNEXPECTED 3

enum option_id {
	OPTION_LIST = 256,
	OPTION_SCENARIO,
	OPTION_ALL,
	OPTION_SEED,
	OPTION_SEEDS,
	OPTION_DURATION,
	OPTION_SET,
	OPTION_CSV,
	OPTION_SVG,
	OPTION_JSON,
	OPTION_REPEAT,
	OPTION_QUIET,
	OPTION_REFERENCE,
	OPTION_BENCH,
	OPTION_OPTIONS,
	OPTION_HELP,
};

enum task {
	TASK_NONE,
	TASK_LIST,
	TASK_RUN,
	TASK_ALL,
	TASK_REFERENCE,
	TASK_BENCH,
	TASK_OPTIONS,
	TASK_HELP,
};

struct arguments {
	enum task task;
	const struct sim_scenario *scenario;
	uint64_t seed;
	uint64_t seeds;
	double duration_s;
	const char *set;
	const char *csv;
	const char *svg;
	bool json;
	bool repeat;
	bool quiet;
};

static const struct option options[] = {
	{ "list", no_argument, NULL, OPTION_LIST },
	{ "scenario", required_argument, NULL, OPTION_SCENARIO },
	{ "all", no_argument, NULL, OPTION_ALL },
	{ "seed", required_argument, NULL, OPTION_SEED },
	{ "seeds", required_argument, NULL, OPTION_SEEDS },
	{ "duration", required_argument, NULL, OPTION_DURATION },
	{ "set", required_argument, NULL, OPTION_SET },
	{ "csv", required_argument, NULL, OPTION_CSV },
	{ "svg", required_argument, NULL, OPTION_SVG },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "repeat", no_argument, NULL, OPTION_REPEAT },
	{ "quiet", no_argument, NULL, OPTION_QUIET },
	{ "reference", no_argument, NULL, OPTION_REFERENCE },
	{ "bench", no_argument, NULL, OPTION_BENCH },
	{ "options", no_argument, NULL, OPTION_OPTIONS },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

static void help(FILE *out)
{
	fputs("usage: gnomon-sim --scenario NAME [option ...]\n"
	      "       gnomon-sim --all | --reference | --bench | --list | --options\n"
	      "\n"
	      "Run PTP engines and servos on simulated clocks and networks, in virtual time.\n"
	      "\n"
	      "  --list           the scenarios\n"
	      "  --scenario NAME  run one of them; see what became of every clock\n"
	      "  --all            run all of them; one line each\n"
	      "  --seed N         the first seed (1)\n"
	      "  --seeds N        run this many seeds, counting up (1)\n"
	      "  --duration S     simulate this long instead; expectations are not judged\n"
	      "  --set OPTIONS    \"option=value ...\" for every node, after its own; ditto\n"
	      "  --csv FILE       write the trace (with --scenario; of the last seed)\n"
	      "  --svg FILE       draw the time errors (ditto)\n"
	      "  --json           results as JSON: one object, or a list with --seeds\n"
	      "  --repeat         run everything twice; the traces must be identical\n"
	      "  --quiet          only what failed\n"
	      "  --reference      measure the table of reference points and judge it\n"
	      "  --bench          simulated seconds per second, messages, memory\n"
	      "  --options        what --set understands\n"
	      "  --help           this text\n"
	      "\n"
	      "Exit status: 0, 1 for bad usage, 2 if something could not be done, 3 if a run did\n"
	      "not come to what its scenario expects.\n", out);
}

/* -- one run --------------------------------------------------------------------------------- */

struct run {
	const struct arguments *arguments;
	struct judge judge;
	FILE *csv;
};

static void on_tick(void *context, const struct world *w, size_t tick)
{
	struct run *r = context;

	judge_tick(&r->judge, w, tick);
	if (r->csv) {
		trace_csv_tick(r->csv, w, tick);
	}
}

static double wall_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

/* The hash of another run of the same seed. */
static int repeated_hash(const struct sim_scenario *s, const struct world_options *o,
			 uint64_t *hash)
{
	struct world_options plain = *o;
	char why[160];
	struct world *w;
	int err;

	plain.observer = (struct world_observer){ NULL, NULL };
	w = world_create(s, &plain, why, sizeof(why));
	if (!w) {
		return -EINVAL;
	}
	err = world_run(w);
	*hash = w->hash;
	world_destroy(w);
	return err;
}

static int write_file(const char *path, const struct world *w,
		      int (*write)(FILE *out, const struct world *w))
{
	FILE *out = fopen(path, "w");
	int err;

	if (!out) {
		fprintf(stderr, "gnomon-sim: %s: %s\n", path, strerror(errno));
		return EXIT_RUNTIME;
	}
	err = write(out, w);
	if (fclose(out) != 0 || err != 0) {
		fprintf(stderr, "gnomon-sim: %s: could not be written\n", path);
		return EXIT_RUNTIME;
	}
	return 0;
}

static void print_run(const struct arguments *a, const struct world *w, const struct judge *j,
		      size_t failed, double wall_s)
{
	double simulated_s = (double)w->end_ps / (double)SIM_PS_PER_S;

	if (a->json) {
		report_json(stdout, w, j, wall_s);
		return;
	}
	if (a->task == TASK_ALL || a->quiet) {
		if (!a->quiet || failed > 0) {
			printf("%-24s seed %-4" PRIu64 " %s  %10.0f x real time\n",
			       w->scenario->name, w->seed, failed > 0 ? "FAIL" : "ok  ",
			       simulated_s / wall_s);
		}
		report_verdicts(stdout, j, false);
		return;
	}
	printf("%s: %s\nseed %" PRIu64 ", %g s simulated in %.3f s: %.0f x real time; trace "
	       "%016" PRIx64 "\n\n", w->scenario->name, w->scenario->summary, w->seed, simulated_s,
	       wall_s, simulated_s / wall_s, w->hash);
	report_table(stdout, w);
	if (j->count > 0) {
		fputc('\n', stdout);
		report_verdicts(stdout, j, true);
	}
}

/* What is to be said and written of a world that has run. */
static int conclude(struct run *r, struct world *w, const struct world_options *o, double wall_s)
{
	const struct arguments *a = r->arguments;
	bool last = w->seed == a->seed + a->seeds - 1;
	size_t failed = judge_finish(&r->judge, w);
	uint64_t hash = w->hash;
	int status = failed > 0 ? EXIT_UNEXPECTED : 0;

	print_run(a, w, &r->judge, failed, wall_s);
	if (a->repeat && (repeated_hash(w->scenario, o, &hash) != 0 || hash != w->hash)) {
		fprintf(stderr, "gnomon-sim: %s, seed %" PRIu64 ": two runs, two traces\n",
			w->scenario->name, w->seed);
		status = EXIT_UNEXPECTED;
	}
	if (a->svg && last && write_file(a->svg, w, report_svg) != 0) {
		status = EXIT_RUNTIME;
	}
	return status;
}

static int run_world(struct run *r, const struct sim_scenario *s, uint64_t seed)
{
	const struct arguments *a = r->arguments;
	struct world_options o = {
		.seed = seed,
		.duration_s = a->duration_s,
		.set = a->set,
		.keep_bounds = r->csv != NULL,
		.observer = { on_tick, r },
	};
	char why[160];
	struct world *w = world_create(s, &o, why, sizeof(why));
	double began = wall_seconds();
	int status = EXIT_RUNTIME;

	if (!w) {
		fprintf(stderr, "gnomon-sim: %s: %s\n", s->name, why);
		return EXIT_RUNTIME;
	}
	if (judge_create(&r->judge, w) == 0 && world_run(w) == 0) {
		status = conclude(r, w, &o, wall_seconds() - began);
	} else {
		fprintf(stderr, "gnomon-sim: %s: %s\n", s->name, w->error);
	}
	judge_destroy(&r->judge);
	world_destroy(w);
	return status;
}

static int run_seeds(struct run *r, const struct sim_scenario *s, FILE *csv)
{
	const struct arguments *a = r->arguments;
	int worst = 0;

	for (uint64_t i = 0; i < a->seeds; i++) {
		int status;

		if (a->json && a->seeds > 1) {
			fputs(i > 0 ? ",\n" : "[", stdout);
		}
		r->csv = i + 1 == a->seeds ? csv : NULL;
		status = run_world(r, s, a->seed + i);
		worst = status > worst ? status : worst;
	}
	if (a->json) {
		fputs(a->seeds > 1 ? "]\n" : "\n", stdout);
	}
	return worst;
}

/* A changed duration or configuration is not what a scenario expects anything of. */
static int run_scenario(const struct arguments *a, const struct sim_scenario *s)
{
	struct sim_scenario changed = *s;
	struct run r = { .arguments = a };
	FILE *csv = NULL;
	int worst;

	if (a->duration_s > 0.0 || a->set) {
		changed.expect = NULL;
	}
	if (a->csv && !(csv = fopen(a->csv, "w"))) {
		fprintf(stderr, "gnomon-sim: %s: %s\n", a->csv, strerror(errno));
		return EXIT_RUNTIME;
	}
	if (csv) {
		trace_csv_begin(csv);
	}
	worst = run_seeds(&r, &changed, csv);
	if (csv && fclose(csv) != 0) {
		fprintf(stderr, "gnomon-sim: %s: %s\n", a->csv, strerror(errno));
		return EXIT_RUNTIME;
	}
	return worst;
}

static int run_all(const struct arguments *a)
{
	const struct sim_scenario *s;
	int worst = 0;

	for (unsigned int i = 0; (s = sim_scenario_at(i)); i++) {
		int status = run_scenario(a, s);

		worst = status > worst ? status : worst;
	}
	return worst;
}

static void list(FILE *out)
{
	const struct sim_scenario *s;

	for (unsigned int i = 0; (s = sim_scenario_at(i)); i++) {
		fprintf(out, "%-24s %s (%g s)\n", s->name, s->summary, s->duration_s);
	}
}

/* -- command line ---------------------------------------------------------------------------- */

static int usage(const char *format, const char *what)
{
	fputs("gnomon-sim: ", stderr);
	fprintf(stderr, "%s %s; see gnomon-sim --help\n", format, what);
	return EXIT_USAGE;
}

static bool parse_count(const char *text, uint64_t least, uint64_t most, uint64_t *value)
{
	char *end;
	unsigned long long v;

	errno = 0;
	v = strtoull(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || text[0] == '-' || v < least || v > most) {
		return false;
	}
	*value = v;
	return true;
}

static bool parse_seconds(const char *text, double *value)
{
	char *end;
	double v = strtod(text, &end);

	if (end == text || *end != '\0' || !(v > 0.0)) {
		return false;
	}
	*value = v;
	return true;
}

static int check_set(const char *text)
{
	struct settings settings;
	char why[120];

	settings_default(&settings);
	if (settings_apply(&settings, text, why, sizeof(why)) != 0) {
		return usage("--set:", why);
	}
	return 0;
}

static int take_option(struct arguments *a, int id, const char *value)
{
	switch ((enum option_id)id) {
	case OPTION_LIST:
		a->task = TASK_LIST;
		return 0;
	case OPTION_SCENARIO:
		a->task = TASK_RUN;
		a->scenario = sim_scenario_find(value);
		return a->scenario ? 0 : usage("no scenario (--list shows them) is called", value);
	case OPTION_ALL:
		a->task = TASK_ALL;
		return 0;
	case OPTION_SEED:
		return parse_count(value, 0, UINT32_MAX, &a->seed) ? 0 : usage("bad seed", value);
	case OPTION_SEEDS:
		return parse_count(value, 1, 100000, &a->seeds) ?
			0 : usage("bad number of seeds", value);
	case OPTION_DURATION:
		return parse_seconds(value, &a->duration_s) ? 0 : usage("bad duration", value);
	case OPTION_SET:
		a->set = value;
		return check_set(value);
	case OPTION_CSV:
		a->csv = value;
		return 0;
	case OPTION_SVG:
		a->svg = value;
		return 0;
	case OPTION_JSON:
		a->json = true;
		return 0;
	case OPTION_REPEAT:
		a->repeat = true;
		return 0;
	case OPTION_QUIET:
		a->quiet = true;
		return 0;
	case OPTION_REFERENCE:
		a->task = TASK_REFERENCE;
		return 0;
	case OPTION_BENCH:
		a->task = TASK_BENCH;
		return 0;
	case OPTION_OPTIONS:
		a->task = TASK_OPTIONS;
		return 0;
	case OPTION_HELP:
		a->task = TASK_HELP;
		return 0;
	}
	return usage("unknown option", value ? value : "");
}

static int run_task(const struct arguments *a)
{
	switch (a->task) {
	case TASK_NONE:
		help(stderr);
		return EXIT_USAGE;
	case TASK_LIST:
		list(stdout);
		return 0;
	case TASK_RUN:
		return run_scenario(a, a->scenario);
	case TASK_ALL:
		return run_all(a);
	case TASK_REFERENCE:
		return reference_run(stdout, a->seed, a->seeds > 1 ? (unsigned int)a->seeds : 0) ?
			EXIT_UNEXPECTED : 0;
	case TASK_BENCH:
		return bench_run(stdout) != 0 ? EXIT_RUNTIME : 0;
	case TASK_OPTIONS:
		settings_help(stdout);
		return 0;
	case TASK_HELP:
		help(stdout);
		return 0;
	}
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	struct arguments a = { .seed = 1, .seeds = 1 };
	int id;

	while ((id = getopt_long(argc, argv, "", options, NULL)) != -1) {
		int status = id == '?' ? EXIT_USAGE : take_option(&a, id, optarg);

		if (status != 0) {
			return status;
		}
	}
	if (optind < argc) {
		return usage("unexpected argument", argv[optind]);
	}
	if (a.task != TASK_RUN && (a.csv || a.svg)) {
		return usage("needs --scenario:", a.csv ? "--csv" : "--svg");
	}
	return run_task(&a);
}
