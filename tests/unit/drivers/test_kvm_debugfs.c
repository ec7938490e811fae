/* SPDX-License-Identifier: BSD-2-Clause */
/* drivers/kvm_debugfs.h on folders like KVM's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>

#include <cmocka.h>

#include "drivers/kvm_debugfs.h"
#include "tree.h"

static struct kvm_debugfs debugfs;
static struct driver_error error;

static int setup(void **state)
{
	memset(&error, 0, sizeof(error));
	return tree_setup(state) || kvm_debugfs_open(&debugfs, tree_root, NULL);
}

static int teardown(void **state)
{
	kvm_debugfs_close(&debugfs);
	return tree_teardown(state);
}

static void vcpu(const char *machine, int index, const char *offset, const char *ratio,
		 const char *bits)
{
	char file[96];

	(void)snprintf(file, sizeof(file), "%s/vcpu%d/tsc-offset", machine, index);
	tree_write(file, offset);
	if (ratio) {
		(void)snprintf(file, sizeof(file), "%s/vcpu%d/tsc-scaling-ratio", machine, index);
		tree_write(file, ratio);
	}
	if (bits) {
		(void)snprintf(file, sizeof(file), "%s/vcpu%d/tsc-scaling-ratio-frac-bits",
			       machine, index);
		tree_write(file, bits);
	}
}

static int read_machine(struct gnomon_counter_map *map, unsigned int *vcpus)
{
	const struct kvm_machine machine = { 4711, 12 };

	return kvm_debugfs_read(&debugfs, &machine, map, vcpus, &error);
}

static void not_there(void **state)
{
	struct kvm_debugfs none;

	(void)state;
	assert_int_equal(kvm_debugfs_open(&none, "/nonexistent/kvm", &error), -ENOENT);
	assert_non_null(strstr(error.text, "/nonexistent/kvm: "));
	assert_non_null(strstr(error.text, "mount -t debugfs"));
	tree_write("file", "");
	assert_int_equal(kvm_debugfs_open(&none, tree_path("file"), &error), -ENOTDIR);
}

static void lists_machines(void **state)
{
	struct kvm_machine machines[4];

	(void)state;
	assert_int_equal(kvm_debugfs_list(&debugfs, 0, machines, 4), 0);
	tree_write("exits", "12\n");
	tree_write("4711-12/exits", "1\n");
	tree_write("4711-13/exits", "1\n");
	tree_write("47-3/exits", "1\n");
	tree_write("4711-x/exits", "1\n");
	tree_write("4711/exits", "1\n");
	tree_write("-4711-1/exits", "1\n");
	tree_write("99999999999-1/exits", "1\n");
	assert_int_equal(kvm_debugfs_list(&debugfs, 0, machines, 4), 3);
	assert_int_equal(kvm_debugfs_list(&debugfs, 0, machines, 1), 3);
	assert_int_equal(kvm_debugfs_list(&debugfs, 4711, machines, 4), 2);
	assert_int_equal(machines[0].pid, 4711);
	assert_int_equal(machines[0].fd + machines[1].fd, 25);
	assert_int_equal(kvm_debugfs_list(&debugfs, 471, machines, 4), 0);
}

/* A machine without a vCPU is one that a program only tried out. */
static void finds_the_machine(void **state)
{
	struct kvm_machine machine = { 0, 0 };

	(void)state;
	assert_int_equal(kvm_debugfs_find(&debugfs, 4711, &machine, &error), -ENOENT);
	assert_non_null(strstr(error.text, "process 4711"));
	tree_write("4711-11/exits", "1\n");
	assert_int_equal(kvm_debugfs_find(&debugfs, 4711, &machine, &error), -ENOENT);
	vcpu("4711-12", 0, "0\n", NULL, NULL);
	vcpu("4712-12", 0, "0\n", NULL, NULL);
	assert_int_equal(kvm_debugfs_find(&debugfs, 4711, &machine, &error), 0);
	assert_int_equal(machine.pid, 4711);
	assert_int_equal(machine.fd, 12);
	vcpu("4711-13", 0, "0\n", NULL, NULL);
	assert_int_equal(kvm_debugfs_find(&debugfs, 4711, &machine, &error), -ENOTUNIQ);
}

static void without_scaling(void **state)
{
	struct gnomon_counter_map map;
	unsigned int vcpus = 0;

	(void)state;
	vcpu("4711-12", 0, "-91227895413880\n", NULL, NULL);
	vcpu("4711-12", 1, "-91227895413880\n", NULL, NULL);
	/* Numbered with a gap. */
	vcpu("4711-12", 16, "-91227895413880\n", NULL, NULL);
	assert_int_equal(read_machine(&map, &vcpus), 0);
	assert_int_equal(vcpus, 3);
	assert_true(map.offset == (uint64_t)-91227895413880);
	assert_true(map.ratio == 1);
	assert_int_equal(map.frac_bits, 0);
	assert_true(map.error_ticks == 0);
	/* An unsigned one is the same 64 bits. */
	vcpu("4711-12", 1, "18446652845814137736", NULL, NULL);
	assert_int_equal(read_machine(&map, NULL), 0);
}

static void with_scaling(void **state)
{
	struct gnomon_counter_map map;

	(void)state;
	vcpu("4711-12", 0, "5\n", "281474976710656\n", "48\n");
	vcpu("4711-12", 1, "5\n", "281474976710656\n", "48\n");
	assert_int_equal(read_machine(&map, NULL), 0);
	assert_true(map.ratio == 1ull << 48);
	assert_int_equal(map.frac_bits, 48);
	vcpu("4711-12", 0, "5\n", "3435973836\n", "32\n");
	vcpu("4711-12", 1, "5\n", "3435973836\n", "32\n");
	assert_int_equal(read_machine(&map, NULL), 0);
	assert_true(map.ratio == 3435973836u);
	assert_int_equal(map.frac_bits, 32);
}

static void unequal(void **state)
{
	struct gnomon_counter_map map = { .offset = 99 };

	(void)state;
	vcpu("4711-12", 0, "5\n", "4294967296\n", "32\n");
	vcpu("4711-12", 1, "5\n", "4294967296\n", "32\n");
	vcpu("4711-12", 2, "-6\n", "4294967296\n", "32\n");
	assert_int_equal(read_machine(&map, NULL), -EXDEV);
	assert_non_null(strstr(error.text, "4711-12: vCPUs have different counters (offsets "));
	assert_non_null(strstr(error.text, "-6"));
	assert_true(map.offset == 99);
	vcpu("4711-12", 2, "5\n", "4294967297\n", "32\n");
	assert_int_equal(read_machine(&map, NULL), -EXDEV);
	assert_non_null(strstr(error.text, "ratios"));
	vcpu("4711-12", 2, "5\n", "4294967296\n", "31\n");
	assert_int_equal(read_machine(&map, NULL), -EXDEV);
	/* One of them cannot scale, the others can. */
	tree_remove("4711-12/vcpu2");
	vcpu("4711-12", 2, "5\n", NULL, NULL);
	assert_int_equal(read_machine(&map, NULL), -EXDEV);
}

static void does_not_tell(void **state)
{
	struct gnomon_counter_map map;

	(void)state;
	assert_int_equal(read_machine(&map, NULL), -ENOENT);
	assert_non_null(strstr(error.text, "4711-12: the machine is gone"));
	tree_write("4711-12/exits", "1\n");
	assert_int_equal(read_machine(&map, NULL), -ENOENT);
	/* arm64 has the folder of a vCPU, and nothing of a counter in it. */
	tree_write("4711-12/vcpu0/pid", "1\n");
	assert_int_equal(read_machine(&map, NULL), -ENODATA);
	assert_non_null(strstr(error.text, "pingpong"));
	vcpu("4711-12", 0, "5\n", NULL, NULL);
	assert_int_equal(read_machine(&map, NULL), 0);
	tree_write("4711-12/vcpu1/pid", "1\n");
	assert_int_equal(read_machine(&map, NULL), -ENODATA);
}

/* What is no number is not taken for one. */
static void nonsense(void **state)
{
	static const char *const offsets[] = { "", "\n", "x", "5x", "5 6", "--5", "1e3",
					       "99999999999999999999999" };
	static const char *const scaling[][2] = {
		{ "0", "32" }, { "4294967296", "64" }, { "x", "32" }, { "4294967296", "-1" },
		{ "4294967296", NULL },
	};
	struct gnomon_counter_map map = { .offset = 99 };

	(void)state;
	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		vcpu("4711-12", 0, offsets[i], NULL, NULL);
		assert_true(read_machine(&map, NULL) < 0);
		assert_true(error.text[0] != '\0');
	}
	for (size_t i = 0; i < sizeof(scaling) / sizeof(scaling[0]); i++) {
		tree_remove("4711-12");
		vcpu("4711-12", 0, "1", scaling[i][0], scaling[i][1]);
		assert_true(read_machine(&map, NULL) < 0);
	}
	assert_true(map.offset == 99);
}

#define ROW(name) { "/drivers/kvm_debugfs/" #name, name, setup, teardown, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(not_there),	     ROW(lists_machines), ROW(finds_the_machine),
		ROW(without_scaling), ROW(with_scaling),   ROW(unequal),
		ROW(does_not_tell),   ROW(nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
