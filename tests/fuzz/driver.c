/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a fuzz target without libFuzzer, so that fuzzing is part of every test run whatever the
 * compiler: first every file given (directories: every file in them), then, with --runs or
 * --seconds, mutations of those. Code built with -fsanitize-coverage=trace-pc steers it: an input
 * that reaches a new edge joins the corpus in memory (and the directory named by --save).
 *
 * An input lies at the very end of readable memory: reading one octet too many is a crash also
 * without a sanitizer. The input of a crash or of a hang (--hang seconds of processor time) is
 * written to the directory named by --artifacts, to be given as argument again. The same files,
 * seed and runs give the same executions. Exit status: 0 no crash, 64 usage, else a crash.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

#define SIZE_LIMIT ((size_t)1 << 20)
#define EDGES 65536u
#define BAD_USE 64
#define CHANGES_MAX 8

struct input {
	uint8_t *data;
	size_t size;
};

struct options {
	uint64_t runs;
	double seconds;
	uint64_t seed;
	size_t max_size;
	const char *artifacts;
	const char *save;
	bool fuzz;
};

static struct {
	struct input *inputs;
	size_t count, room;
} corpus;

static uint8_t *fence; /* end of readable memory */
static volatile uint64_t executions;
static volatile size_t current_size;
static volatile int hang_seconds = 30;
static char artifact[4096];

/* -- coverage --------------------------------------------------------------------------------- */

static uint8_t edge_seen[EDGES];
static uintptr_t last_pc;
static size_t edge_count;

void __sanitizer_cov_trace_pc(void);

/* Called by instrumented code at every basic block. Addresses count from a function of the
 * program, because the loader puts it elsewhere each time. */
void __sanitizer_cov_trace_pc(void)
{
	uintptr_t pc = (uintptr_t)__builtin_return_address(0) - (uintptr_t)&LLVMFuzzerTestOneInput;
	uint32_t edge = (uint32_t)((pc * 0x9e3779b1u ^ last_pc) >> 3) % EDGES;

	last_pc = pc * 0x85ebca6bu;
	if (!edge_seen[edge]) {
		edge_seen[edge] = 1;
		edge_count++;
	}
}

/* -- running one input ------------------------------------------------------------------------ */

static void fail(const char *what, const char *name)
{
	fprintf(stderr, "fuzz: %s: %s: %s\n", name, what, strerror(errno));
	exit(BAD_USE);
}

/* Only what a signal handler may do. */
static void write_artifact(void)
{
	static const char said[] = "\nfuzz: crashing input written to ";
	int fd = open(artifact, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	size_t size = current_size;

	if (fd < 0 || write(fd, fence - size, size) != (ssize_t)size || close(fd) != 0) {
		return;
	}
	if (write(STDERR_FILENO, said, sizeof(said) - 1) < 0 ||
	    write(STDERR_FILENO, artifact, strlen(artifact)) < 0 ||
	    write(STDERR_FILENO, "\n", 1) < 0) {
		return;
	}
}

/* The default action is restored on entry: returning repeats the fault, now fatally. */
static void on_crash(int signal_number)
{
	write_artifact();
	if (signal_number != SIGABRT) {
		raise(signal_number);
	}
}

static void on_tick(int signal_number)
{
	static uint64_t seen_executions = UINT64_MAX;
	static int ticks;

	(void)signal_number;
	ticks = executions == seen_executions ? ticks + 1 : 0;
	seen_executions = executions;
	if (ticks >= hang_seconds) {
		static const char said[] = "\nfuzz: hang\n";

		if (write(STDERR_FILENO, said, sizeof(said) - 1) < 0) {
			_exit(2);
		}
		abort();
	}
}

/* Present when a sanitizer is linked in: it reports faults itself, and calls back before dying. */
__attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)(void));

static void catch_crashes(void)
{
	static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL };
	static uint8_t stack[65536];
	const stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };
	const struct itimerval second = { { 1, 0 }, { 1, 0 } };
	struct sigaction action = { .sa_flags = (int)(SA_RESETHAND | SA_ONSTACK | SA_NODEFER) };

	sigaltstack(&alternate, NULL);
	action.sa_handler = on_crash;
	sigaction(SIGABRT, &action, NULL);
	if (__sanitizer_set_death_callback) {
		__sanitizer_set_death_callback(write_artifact);
	} else {
		for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
			sigaction(faults[i], &action, NULL);
		}
	}
	action.sa_handler = on_tick;
	action.sa_flags = SA_RESTART | SA_ONSTACK;
	sigaction(SIGPROF, &action, NULL);
	setitimer(ITIMER_PROF, &second, NULL);
}

static void map_fence(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *map = mmap(NULL, SIZE_LIMIT + page, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED || mprotect(map + SIZE_LIMIT, page, PROT_NONE) != 0) {
		fail("cannot map memory", "mmap");
	}
	fence = map + SIZE_LIMIT;
}

/* True if the input reached an edge no earlier one did. */
static bool execute(const uint8_t *data, size_t size)
{
	size_t before = edge_count;

	if (size > 0) {
		memcpy(fence - size, data, size);
	}
	current_size = size;
	last_pc = 0;
	executions++;
	LLVMFuzzerTestOneInput(fence - size, size);
	return edge_count > before;
}

/* -- corpus ----------------------------------------------------------------------------------- */

static void corpus_add(const uint8_t *data, size_t size)
{
	struct input *in;

	if (corpus.count == corpus.room) {
		corpus.room = corpus.room ? 2 * corpus.room : 64;
		corpus.inputs = realloc(corpus.inputs, corpus.room * sizeof(*corpus.inputs));
		if (!corpus.inputs) {
			fail("out of memory", "corpus");
		}
	}
	in = &corpus.inputs[corpus.count++];
	in->size = size;
	in->data = malloc(size + 1);
	if (!in->data) {
		fail("out of memory", "corpus");
	}
	memcpy(in->data, data, size);
}

static void load_file(const char *path)
{
	static uint8_t data[SIZE_LIMIT];
	FILE *file = fopen(path, "rbe");
	size_t size;

	if (!file) {
		fail("cannot open", path);
	}
	size = fread(data, 1, sizeof(data), file);
	if (ferror(file)) {
		fail("cannot read", path);
	}
	fclose(file);
	corpus_add(data, size);
}

static int visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* A file, or every file of a directory in the order of their names, so that runs repeat. */
static void load(const char *path)
{
	struct dirent **entries;
	struct stat st;
	int n;

	if (stat(path, &st) != 0) {
		fail("cannot open", path);
	}
	if (!S_ISDIR(st.st_mode)) {
		load_file(path);
		return;
	}
	n = scandir(path, &entries, visible, alphasort);
	if (n < 0) {
		fail("cannot list", path);
	}
	for (int i = 0; i < n; i++) {
		char name[4096];

		snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
		load(name);
		free(entries[i]);
	}
	free(entries);
}

static void save(const char *directory, const uint8_t *data, size_t size)
{
	char name[4096];
	FILE *file;

	snprintf(name, sizeof(name), "%s/run-%012" PRIu64, directory, executions);
	file = fopen(name, "wbe");
	if (!file || fwrite(data, 1, size, file) != size || fclose(file) != 0) {
		fail("cannot write", name);
	}
}

/* -- mutation --------------------------------------------------------------------------------- */

static uint64_t random_state;

/* splitmix64 */
static uint64_t random_next(void)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static size_t random_below(size_t n)
{
	return n > 0 ? (size_t)(random_next() % n) : 0;
}

/* A random range of in, at least one octet, biased to short; in is not empty. */
static size_t random_range(const struct input *in, size_t *at)
{
	size_t longest = random_below(4) == 0 ? in->size : 16;

	*at = random_below(in->size);
	longest = longest < in->size - *at ? longest : in->size - *at;
	return 1 + random_below(longest);
}

static void flip_bit(struct input *in, size_t max)
{
	(void)max;
	in->data[random_below(in->size)] ^= (uint8_t)(1u << random_below(8));
}

static void set_octet(struct input *in, size_t max)
{
	(void)max;
	in->data[random_below(in->size)] = (uint8_t)random_next();
}

static void add_to_octet(struct input *in, size_t max)
{
	uint8_t *octet = &in->data[random_below(in->size)];

	(void)max;
	*octet = (uint8_t)(*octet + random_below(33) - 16);
}

/* A big-endian number at the edge of something: a type, the input's size, a power of two. */
static void set_number(struct input *in, size_t max)
{
	static const uint64_t edges[] = { 0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff,
					  0x7fffffff, 0x80000000, 0xffffffff, 999999999, 1000000000,
					  0x7fffffffffffffff, 0x8000000000000000, UINT64_MAX };
	const size_t width = (size_t)1 << random_below(4);
	size_t at = random_below(in->size);
	uint64_t v = edges[random_below(sizeof(edges) / sizeof(edges[0]))];

	(void)max;
	if (random_below(4) == 0) {
		v = in->size + random_below(9) - 4;
	}
	for (size_t i = 0; i < width && at + i < in->size; i++) {
		in->data[at + i] = (uint8_t)(v >> 8 * (width - 1 - i));
	}
}

static void truncate_tail(struct input *in, size_t max)
{
	(void)max;
	in->size = random_below(in->size + 1);
}

static void remove_range(struct input *in, size_t max)
{
	size_t at, n = random_range(in, &at);

	(void)max;
	memmove(in->data + at, in->data + at + n, in->size - at - n);
	in->size -= n;
}

static void repeat_range(struct input *in, size_t max)
{
	size_t at, n = random_range(in, &at);

	if (in->size + n <= max) {
		memmove(in->data + at + n, in->data + at, in->size - at);
		in->size += n;
	}
}

static void copy_range(struct input *in, size_t max)
{
	size_t at, n = random_range(in, &at), to = random_below(in->size - n + 1);

	(void)max;
	memmove(in->data + to, in->data + at, n);
}

static void append_random(struct input *in, size_t max)
{
	size_t n = 1 + random_below(32);

	for (; n > 0 && in->size < max; n--) {
		in->data[in->size++] = (uint8_t)random_next();
	}
}

/* The rest of another input of the corpus, from a random place of this one on. */
static void splice_other(struct input *in, size_t max)
{
	const struct input *other = &corpus.inputs[random_below(corpus.count)];
	size_t at = random_below(in->size + 1), from = random_below(other->size + 1);
	size_t n = other->size - from;

	n = n < max - at ? n : max - at;
	memcpy(in->data + at, other->data + from, n);
	in->size = at + n;
}

static void mutate(struct input *in, size_t max)
{
	static void (*const changes[])(struct input *, size_t) = {
		flip_bit,      set_octet,    add_to_octet, set_number,    set_number, truncate_tail,
		remove_range,  repeat_range, copy_range,   append_random, splice_other,
	};
	size_t n = 1 + random_below(CHANGES_MAX);

	for (size_t i = 0; i < n; i++) {
		if (in->size == 0) {
			append_random(in, max);
		} else {
			changes[random_below(sizeof(changes) / sizeof(changes[0]))](in, max);
		}
	}
}

/* -- the program ------------------------------------------------------------------------------ */

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static void fuzz(const struct options *o)
{
	static uint8_t data[SIZE_LIMIT];
	const double end = now() + o->seconds;

	for (uint64_t run = 0; run < o->runs; run++) {
		const struct input *from = &corpus.inputs[random_below(corpus.count)];
		struct input in = { data, from->size < o->max_size ? from->size : o->max_size };

		memcpy(data, from->data, in.size);
		mutate(&in, o->max_size);
		if (execute(in.data, in.size)) {
			corpus_add(in.data, in.size);
			if (o->save) {
				save(o->save, in.data, in.size);
			}
		}
		if (run % 64 == 0 && now() > end) {
			break;
		}
	}
}

static void usage(void)
{
	fprintf(stderr, "usage: fuzz [--runs N] [--seconds T] [--seed S] [--max-size N]\n"
			"            [--hang T] [--artifacts DIR] [--save DIR] FILE|DIR...\n");
	exit(BAD_USE);
}

static uint64_t number(const char *text)
{
	char *end;
	uint64_t v;

	errno = 0;
	v = strtoull(text ? text : "", &end, 0);
	if (!text || end == text || *end != '\0' || errno != 0) {
		usage();
	}
	return v;
}

static void set_option(struct options *o, const char *name, const char *value)
{
	if (strcmp(name, "--runs") == 0) {
		o->runs = number(value);
		o->fuzz = true;
	} else if (strcmp(name, "--seconds") == 0) {
		o->seconds = (double)number(value);
		o->fuzz = true;
	} else if (strcmp(name, "--seed") == 0) {
		o->seed = number(value);
	} else if (strcmp(name, "--hang") == 0) {
		hang_seconds = (int)(number(value) & 0xffff);
	} else if (strcmp(name, "--max-size") == 0) {
		o->max_size = number(value);
	} else if (strcmp(name, "--artifacts") == 0 && value) {
		o->artifacts = value;
	} else if (strcmp(name, "--save") == 0 && value) {
		o->save = value;
	} else {
		usage();
	}
	if (o->max_size < 1 || o->max_size > SIZE_LIMIT) {
		usage();
	}
}

int main(int argc, char **argv)
{
	struct options o = { UINT64_MAX, 1e18, (uint64_t)time(NULL), 4096, ".", NULL, false };
	double start = now();
	size_t given;
	int i = 1;

	for (; i < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
		set_option(&o, argv[i], argv[i + 1]);
	}
	if (i >= argc) {
		usage();
	}
	for (; i < argc; i++) {
		load(argv[i]);
	}
	if (corpus.count == 0) {
		errno = ENOENT;
		fail("no input", argv[argc - 1]);
	}
	printf("fuzz: seed %" PRIu64 ", %zu inputs\n", o.seed, corpus.count);
	fflush(stdout);
	snprintf(artifact, sizeof(artifact), "%s/crash-%" PRIu64, o.artifacts, o.seed);
	random_state = o.seed;
	map_fence();
	catch_crashes();
	given = corpus.count;
	for (size_t n = 0; n < given; n++) {
		execute(corpus.inputs[n].data, corpus.inputs[n].size);
	}
	if (o.fuzz) {
		fuzz(&o);
	}
	printf("fuzz: %" PRIu64 " executions in %.1f s, %zu edges, %zu inputs found\n", executions,
	       now() - start, edge_count, corpus.count - given);
	return 0;
}
