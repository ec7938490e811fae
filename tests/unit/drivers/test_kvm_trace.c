/* SPDX-License-Identifier: BSD-2-Clause */
/* drivers/kvm_trace.h on a folder like tracefs; the threads are this program's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>

#include <cmocka.h>

#include "drivers/kvm_trace.h"
#include "tree.h"

static struct driver_error error;
static char instance[64];

/* The files that the kernel makes with an instance. */
static void make_instance(const char *pipe)
{
	char file[128];

	(void)snprintf(instance, sizeof(instance), "instances/gnomon-%d", (int)getpid());
	(void)snprintf(file, sizeof(file), "%s/events/kvm/kvm_write_tsc_offset/enable", instance);
	tree_write(file, "0");
	(void)snprintf(file, sizeof(file), "%s/buffer_size_kb", instance);
	tree_write(file, "");
	(void)snprintf(file, sizeof(file), "%s/trace_pipe", instance);
	tree_write(file, pipe);
}

static char content(const char *name)
{
	char file[128];
	FILE *f;
	int c;

	(void)snprintf(file, sizeof(file), "%s/%s", instance, name);
	f = fopen(tree_path(file), "r");
	assert_non_null(f);
	c = fgetc(f);
	(void)fclose(f);
	return (char)c;
}

static int read_text(const char *text, int *pids, size_t max)
{
	struct kvm_trace trace;
	int got;

	make_instance(text);
	assert_int_equal(kvm_trace_open(&trace, tree_root, &error), 0);
	got = kvm_trace_read(&trace, pids, max);
	kvm_trace_close(&trace);
	return got;
}

static void no_tracefs(void **state)
{
	struct kvm_trace trace;

	(void)state;
	assert_int_equal(kvm_trace_open(&trace, "/nonexistent", &error), -ENOENT);
	assert_non_null(strstr(error.text, "/nonexistent: no trace of events/kvm/"));
	assert_non_null(strstr(error.text, "once per second"));
	/* tracefs, but no such tracepoint: the instance does not stay. */
	tree_write("instances/x/y", "");
	assert_int_equal(kvm_trace_open(&trace, tree_root, &error), -ENOENT);
	(void)snprintf(instance, sizeof(instance), "instances/gnomon-%d", (int)getpid());
	assert_int_not_equal(access(tree_path(instance), F_OK), 0);
}

static void switches_it_on_and_off(void **state)
{
	struct kvm_trace trace;
	int pids[2];

	(void)state;
	make_instance("");
	assert_int_equal(kvm_trace_open(&trace, tree_root, &error), 0);
	assert_true(trace.fd >= 0);
	assert_int_equal(content("events/kvm/kvm_write_tsc_offset/enable"), '1');
	assert_int_equal(kvm_trace_read(&trace, pids, 2), 0);
	kvm_trace_close(&trace);
	assert_int_equal(content("events/kvm/kvm_write_tsc_offset/enable"), '0');
	kvm_trace_close(&trace);
}

/* What a daemon left that was killed goes; what is others' stays, and what somebody else named. */
static void removes_what_is_stale(void **state)
{
	struct kvm_trace trace;

	(void)state;
	tree_folders("instances/gnomon-2147483647/");
	tree_folders("instances/gnomon-1/");
	tree_folders("instances/gnomon-x/");
	tree_folders("instances/perf/");
	make_instance("");
	assert_int_equal(kvm_trace_open(&trace, tree_root, &error), 0);
	kvm_trace_close(&trace);
	assert_int_not_equal(access(tree_path("instances/gnomon-2147483647"), F_OK), 0);
	assert_int_equal(access(tree_path("instances/gnomon-1"), F_OK), 0);
	assert_int_equal(access(tree_path("instances/gnomon-x"), F_OK), 0);
	assert_int_equal(access(tree_path("instances/perf"), F_OK), 0);
}

#define EVENT " d..1. 35087.617063: kvm_write_tsc_offset: vcpu=0 prev=0 next=18446652845814137736\n"

/* The thread's name can be anything. */
static void names_processes(void **state)
{
	char text[1024];
	int pids[4] = { 0 };

	(void)state;
	(void)snprintf(text, sizeof(text),
		       "         b3smoke-%d   [000]" EVENT "  CPU 1/KVM [9-9]-%d   [001]" EVENT
		       " a-%d [0]" EVENT " qemu-1 [012]" EVENT,
		       (int)getpid(), (int)getpid(), (int)getpid());
	assert_int_equal(read_text(text, pids, 4), 2);
	assert_int_equal(pids[0], getpid());
	assert_int_equal(pids[1], 1);
}

/* Whoever cannot be named may be anybody. */
static void look_at_all(void **state)
{
	static const char *const texts[] = {
		" gone-2147483646 [000]" EVENT,
		"CPU:0 [LOST 12 EVENTS]\n",
		" qemu-1 [000]" EVENT " qemu-1 [000] d..1. 35087",
		" qemu [000]" EVENT,
		" [000]" EVENT,
		"-1 [000]",
	};
	int pids[2];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(read_text(texts[i], pids, 2), 3);
	}
	assert_int_equal(read_text(" qemu-1 [000]" EVENT, pids, 0), 1);
}

/* A guest that sets its counter in a loop costs a bounded look. */
static void flood(void **state)
{
	const char *line = " qemu-1 [000]" EVENT;
	const size_t lines = 1000;
	char *text = calloc(lines, strlen(line) + 1);
	struct kvm_trace trace;
	int pids[2];
	int rounds = 0;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < lines; i++) {
		memcpy(text + i * strlen(line), line, strlen(line));
	}
	make_instance(text);
	assert_int_equal(kvm_trace_open(&trace, tree_root, &error), 0);
	assert_int_equal(kvm_trace_read(&trace, pids, 2), 3);
	while (kvm_trace_read(&trace, pids, 2) != 0) {
		assert_in_range(++rounds, 1, 20);
	}
	assert_in_range(rounds, 2, 20);
	kvm_trace_close(&trace);
	free(text);
}

#define ROW(name) { "/drivers/kvm_trace/" #name, name, tree_setup, tree_teardown, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(no_tracefs),      ROW(switches_it_on_and_off), ROW(removes_what_is_stale),
		ROW(names_processes), ROW(look_at_all),		   ROW(flood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
