/* SPDX-License-Identifier: BSD-2-Clause */
/* Guests whose process is looked for among many, in folders like /proc and KVM's in debugfs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/sysmacros.h>

#include <cmocka.h>

#include "drivers/timer.h"

#include "guests_rig.h"

#include "../drivers/tree.h"

#include "../drivers/processes.h"

#define PROCESSES 1000
#define GUESTS 100
#define SECOND ((int64_t)GNOMON_NSEC_PER_SEC)

static struct rig rig;
static struct vm_find find;
static struct guest *guests[GUESTS];
static gnomon_mono now;

static int setup(void **state)
{
	char name[24];

	(void)tree_setup(state);
	rig_up(&rig);
	tree_folders("kvm/");
	rig.host.debugfs.fd = open(tree_path("kvm"), O_RDONLY | O_DIRECTORY);
	assert_true(rig.host.debugfs.fd >= 0);
	find = (struct vm_find){ .proc = tree_root, .libvirt = "/nonexistent" };
	rig.host.find = &find;
	rig.g.list = guests;
	rig.g.count = GUESTS;
	for (int i = 0; i < GUESTS; i++) {
		(void)snprintf(name, sizeof(name), "g%d", i);
		guests[i] = rig_guest(&rig, name);
		guests[i]->conf.counter = CONF_COUNTER_KVM;
		guests[i]->map_source = GUEST_MAP_NONE;
		(void)snprintf(name, sizeof(name), "page%d", i);
		tree_write(name, "");
		(void)snprintf(guests[i]->conf.path, sizeof(guests[i]->conf.path), "%s",
			       tree_path(name));
	}
	now = timer_now();
	return 0;
}

static int teardown(void **state)
{
	for (int i = 0; i < GUESTS; i++) {
		guest_map_forget(guests[i]);
		free(guests[i]);
	}
	guests_search_end(&rig.host);
	(void)close(rig.host.debugfs.fd);
	rig_down(&rig);
	return tree_teardown(state);
}

static void other(int pid)
{
	char name[24];

	process(pid, "sh", 1, false);
	(void)snprintf(name, sizeof(name), "%d/maps", pid);
	tree_write(name, "7f-80 r-xp 00000000 08:01 12          /bin/sh\n");
}

/* A machine that has a guest's page mapped, and whether KVM knows it. */
static void machine(int pid, int guest, const char *offset)
{
	struct stat st;
	char text[512];
	char name[64];

	process(pid, "qemu", 1, offset != NULL);
	assert_int_equal(stat(guests[guest]->conf.path, &st), 0);
	(void)snprintf(text, sizeof(text), "7f-80 rw-s 00000000 %02x:%02x %lu      /x\n",
		       major(st.st_dev), minor(st.st_dev), (unsigned long)st.st_ino);
	(void)snprintf(name, sizeof(name), "%d/maps", pid);
	tree_write(name, text);
	if (offset) {
		(void)snprintf(name, sizeof(name), "kvm/%d-9/vcpu0/tsc-offset", pid);
		tree_write(name, offset);
	}
}

/* Rounds until there is nothing more to do now; the calls of the largest one. */
static uint64_t rounds(unsigned int *count)
{
	uint64_t most = 0;

	*count = 0;
	do {
		const uint64_t before = rig.host.walk ? vm_walk_calls(rig.host.walk) : 0;
		uint64_t after;

		(void)guests_map_expire(&rig.g, now);
		after = rig.host.walk ? vm_walk_calls(rig.host.walk) : 0;
		most = after > before && after - before > most ? after - before : most;
		now = gnomon_mono_add(now, 10000000);
		++*count;
	} while (gnomon_mono_before(rig.host.slice, GNOMON_MONO_NEVER));
	return most;
}

/* Attaching looks at nothing; all are served by one walk, in many rounds. */
static void crowd(void **state)
{
	unsigned int count;
	uint64_t most;

	(void)state;
	for (int i = 1; i <= PROCESSES; i++) {
		if (i % 100 == 0) {
			machine(i, i / 100, "5");
		} else {
			other(i);
		}
	}
	machine(PROCESSES + 1, 99, NULL);
	for (int i = 0; i < GUESTS; i++) {
		guest_map_find(&rig.g, guests[i]);
		assert_null(rig.host.walk);
		assert_string_equal(guests[i]->no_map.text, "looking for the machine's process");
	}
	most = rounds(&count);
	printf("# %u rounds, of at most %" PRIu64 " calls\n", count, most);
	assert_true(count > 1 && most < PROCESSES);
	for (int i = 0; i < GUESTS; i++) {
		const bool there = i > 0 && i <= PROCESSES / 100;

		assert_int_equal(guests[i]->map_source, there ? GUEST_MAP_KVM : GUEST_MAP_NONE);
		assert_int_equal(guests[i]->process.pid,
				 there ? i * 100 : i == 99 ? PROCESSES + 1 : 0);
		assert_int_equal(guests[i]->due, there);
	}
	assert_non_null(strstr(guests[50]->no_map.text, "no such process runs"));
	assert_non_null(strstr(guests[99]->no_map.text, "runs without KVM"));
}

/* Machines that start later, and get a page later still; and one that ends. */
static void later(void **state)
{
	unsigned int count;

	(void)state;
	other(1);
	for (int i = 0; i < GUESTS; i++) {
		guest_map_find(&rig.g, guests[i]);
	}
	(void)rounds(&count);
	assert_int_equal(guests[7]->map_source, GUEST_MAP_NONE);
	other(70);
	tree_write("kvm/70-9/vcpu0/tsc-offset", "5");
	now = gnomon_mono_add(now, SECOND);
	(void)rounds(&count);
	assert_int_equal(guests[7]->map_source, GUEST_MAP_NONE);
	machine(70, 7, "5");
	now = gnomon_mono_add(now, SECOND);
	(void)rounds(&count);
	assert_int_equal(guests[7]->map_source, GUEST_MAP_KVM);
	assert_int_equal(guests[7]->process.pid, 70);
	/* Nothing is new: nobody walks. */
	now = gnomon_mono_add(now, 6 * SECOND);
	(void)rounds(&count);
	machine(1, 8, "6");
	tree_remove("kvm/1-9");
	now = gnomon_mono_add(now, SECOND);
	(void)rounds(&count);
	assert_int_equal(guests[8]->process.pid, 0);
	/* An old machine that is given a page is found by a sweep. */
	machine(70, 9, "5");
	now = gnomon_mono_add(now, SECOND);
	(void)rounds(&count);
	assert_int_equal(guests[9]->map_source, GUEST_MAP_NONE);
	now = gnomon_mono_add(now, 31 * SECOND);
	(void)rounds(&count);
	assert_int_equal(guests[9]->map_source, GUEST_MAP_KVM);
	/* It ends. */
	tree_remove("70");
	tree_remove("kvm/70-9");
	now = gnomon_mono_add(now, SECOND);
	(void)rounds(&count);
	assert_int_equal(guests[7]->map_source, GUEST_MAP_NONE);
	assert_int_equal(guests[7]->process.pid, 0);
	assert_string_equal(guests[7]->no_map.text, "its process (70) has ended");
}

/* Who leaves in the middle of it, or is given another process by its monitor. */
static void meanwhile(void **state)
{
	struct guest *gone = guests[5];
	unsigned int count;

	(void)state;
	for (int i = 1; i <= 20; i++) {
		machine(i, i, "5");
	}
	other(30);
	tree_write("kvm/30-9/vcpu0/tsc-offset", "7");
	for (int i = 0; i < GUESTS; i++) {
		guest_map_find(&rig.g, guests[i]);
	}
	for (int i = 0; i < GUESTS + 3; i++) {
		struct guest *v;

		assert_true(guests_search_step(&rig.g, &v));
		assert_null(v);
	}
	guests[5] = guests[GUESTS - 1];
	rig.g.count = GUESTS - 1;
	guests[6]->patched = 30;
	guest_map_find(&rig.g, guests[6]);
	guest_map_forget(guests[7]); /* it was moved: what is found by this walk is void */
	while (rig.host.walk) {
		struct guest *v;

		assert_true(guests_search_step(&rig.g, &v));
	}
	assert_int_equal(guests[7]->process.pid, 0);
	(void)rounds(&count);
	assert_int_equal(gone->process.pid, 0);
	assert_int_equal(guests[5]->process.pid, 0);
	assert_int_equal(guests[6]->process.pid, 30);
	assert_int_equal((int)guests[6]->map.offset, 7);
	assert_int_equal(guests[7]->process.pid, 7);
	assert_int_equal(guests[8]->process.pid, 8);
	free(gone);
	guests[GUESTS - 1] = rig_guest(&rig, "instead");
	rig.g.count = GUESTS;
}

/* -- machines that are known ------------------------------------------------------------------- */

static int plain_setup(void **state)
{
	(void)state;
	rig_up(&rig);
	return 0;
}

static int plain_teardown(void **state)
{
	(void)state;
	rig_down(&rig);
	return 0;
}

#define MANY 200
#define VCPUS 16

/* As KVM tells of a machine's vCPUs. */
static void put_machine(int fd, long long offset)
{
	char path[96];

	for (int i = 0; i < VCPUS; i++) {
		FILE *file;

		(void)snprintf(path, sizeof(path), "%s/kvm/7-%d", rig.folder, fd);
		(void)mkdir(path, 0700);
		(void)snprintf(path, sizeof(path), "%s/kvm/7-%d/vcpu%d", rig.folder, fd, i);
		(void)mkdir(path, 0700);
		(void)snprintf(path, sizeof(path), "%s/kvm/7-%d/vcpu%d/tsc-offset", rig.folder, fd,
			       i);
		file = fopen(path, "w");
		assert_non_null(file);
		assert_true(fprintf(file, "%lld\n", offset) > 0);
		assert_int_equal(fclose(file), 0);
	}
}

/* Go on looking from a time on until it is done; how many times that took. */
static int look_around(gnomon_mono at)
{
	int times = 0;

	do {
		(void)guests_map_expire(&rig.g, at);
		at = guests_map_deadline(&rig.g);
		times++;
	} while (rig.host.due_looks);
	assert_true(at.ns == rig.host.look.ns);
	return times;
}

/* To look at all would take the loop many ms: it is done a few at a time, and within a second. */
static void many_machines(void **state)
{
	static struct guest *list[MANY];
	struct driver_error why = { "" };
	char kvm[64];

	(void)snprintf(kvm, sizeof(kvm), "%s/kvm", rig.folder);
	assert_int_equal(mkdir(kvm, 0700), 0);
	for (int i = 0; i < MANY; i++) {
		put_machine(i, -1000 - i);
		list[i] = rig_guest(&rig, "many");
		list[i]->conf.counter = CONF_COUNTER_KVM;
		list[i]->map_source = GUEST_MAP_NONE;
		list[i]->machine = (struct kvm_machine){ 7, i };
		list[i]->has_machine = true;
	}
	assert_int_equal(kvm_debugfs_open(&rig.host.debugfs, kvm, &why), 0);
	rig.g.list = list;
	rig.g.count = MANY;
	assert_true(guests_map_expire(&rig.g, (gnomon_mono){ 1000000000 }));
	assert_true(rig.host.due_looks);
	assert_in_range(guests_map_deadline(&rig.g).ns, 1001000000, 1999999999);
	assert_false(guests_map_expire(&rig.g, (gnomon_mono){ 1000000001 })); /* too early */
	(void)look_around(guests_map_deadline(&rig.g));
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(list[i]->map_source, GUEST_MAP_KVM);
		assert_true(list[i]->map.offset == (uint64_t)(-1000 - i));
		list[i]->due = false;
	}
	put_machine(MANY - 1, 5);
	assert_in_range(look_around(rig.host.look), 2, MANY);
	assert_true(list[MANY - 1]->map.offset == 5 && list[MANY - 1]->due);
	assert_false(list[0]->due);
	for (int i = 0; i < MANY; i++) {
		free(list[i]);
	}
	kvm_debugfs_close(&rig.host.debugfs);
	rig.g.count = 0;
}

#define ROW(name) { "/gnomond/guests_search/" #name, name, setup, teardown, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(crowd), ROW(later), ROW(meanwhile),
		{ "/gnomond/guests_search/many_machines", many_machines, plain_setup,
		  plain_teardown, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
