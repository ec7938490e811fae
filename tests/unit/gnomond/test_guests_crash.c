/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A daemon that is killed while it writes a page, at each single instruction of that: what readers
 * see until somebody comes, and what they see when the next daemon has put it right.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "tests/unit/gnomond/guests_rig.h"
#include "tests/unit/seed.h"

#define FILE_OCTETS 8192
/* So many of all instructions are not only looked at, but have the process killed. */
#define KILLS 20

/* Both files of a guest at one instant. */
struct state_of_files {
	uint8_t page[FILE_OCTETS];
	uint8_t truth[FILE_OCTETS];
};

struct crash {
	struct rig rig;
	struct guest *v;
	struct gnomon_vmclock old; /* of the publication before */
	struct gnomon_vmclock new; /* and of the one that is watched */
	struct state_of_files before;
	unsigned long instructions;
	unsigned long states;  /* of memory that differ */
	unsigned long odd;     /* ... in which readers wait */
};

static void take(const struct guest *v, struct state_of_files *s)
{
	memcpy(s->page, v->file.map, FILE_OCTETS);
	memcpy(s->truth, v->truth.file.map, FILE_OCTETS);
}

static void put(const struct guest *v, const struct state_of_files *s)
{
	memcpy(v->file.map, s->page, FILE_OCTETS);
	memcpy(v->truth.file.map, s->truth, FILE_OCTETS);
}

static bool same_page(const struct gnomon_vmclock *a, const struct gnomon_vmclock *b)
{
	uint8_t x[GNOMON_VMCLOCK_SIZE];
	uint8_t y[GNOMON_VMCLOCK_SIZE];
	struct gnomon_vmclock c = *a;
	struct gnomon_vmclock d = *b;

	c.seq_count = 0;
	d.seq_count = 0;
	gnomon_vmclock_encode(&c, x);
	gnomon_vmclock_encode(&d, y);
	return memcmp(x, y, sizeof(x)) == 0;
}

/* Either the whole of the old one, or the whole of the new one. */
static void check_page(const struct crash *c, bool repaired)
{
	struct gnomon_quality quality;
	struct gnomon_vmclock page;
	int r = rig_read(c->v, &page);

	if (r == -EAGAIN && !repaired) {
		return;
	}
	assert_int_equal(r, 0);
	assert_true(same_page(&page, &c->old) || same_page(&page, &c->new));
	r = gnomon_quality_read(c->v->file.map + GNOMON_QUALITY_OFFSET,
				GNOMON_PAGE_OFFSET, 3, &quality);
	assert_true(r == 0 || (r == -EAGAIN && !repaired));
	if (r == 0) {
		assert_true(quality.maxerror_ns == 111 || quality.maxerror_ns == 222);
		assert_int_equal(quality.esterror_ns, quality.maxerror_ns);
	}
}

/* The next daemon, and those that readers waited for meanwhile. */
static void check_repair(struct crash *c)
{
	struct state_of_files was;
	struct gnomon_vmclock page;
	uint32_t seq;
	const bool seen = rig_read(c->v, &page) == 0 && same_page(&page, &c->new);

	take(c->v, &was);
	seq = gnomon_vmclock_read_begin(c->v->file.map);
	c->odd += seq % 2;
	assert_int_equal(guests_repair(&c->rig.conf), 1);
	check_page(c, true);
	assert_int_equal(rig_read(c->v, &page), 0);
	assert_int_equal(page.seq_count % 2, 0);
	assert_true((int32_t)(page.seq_count - seq) > 0);
	/* What readers have seen is not taken back. */
	assert_true(!seen || same_page(&page, &c->new));
	put(c->v, &was);
}

/* What is watched. */
static void publish_second(struct crash *c)
{
	c->rig.host.quality.maxerror_ns = 222;
	c->rig.host.quality.esterror_ns = 222;
	rig_line(&c->rig, 3750000000u, 1000.25, 120);
	guest_page_publish(&c->rig.g, c->v, (gnomon_mono){ 250000000 });
}

/* A child that waits before it and after it. */
static pid_t start(struct crash *c)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) {
			_exit(77);
		}
		(void)raise(SIGSTOP);
		publish_second(c);
		(void)raise(SIGUSR1);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSTOPPED(status) ? pid : 0;
}

/* One instruction; false: it is done. */
static bool step(pid_t pid)
{
	int status;

	assert_int_equal(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSTOPPED(status));
	return WSTOPSIG(status) == SIGTRAP;
}

static void end(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

static bool unchanged(const struct guest *v, const struct state_of_files *s)
{
	return memcmp(v->file.map, s->page, FILE_OCTETS) == 0 &&
	       memcmp(v->truth.file.map, s->truth, FILE_OCTETS) == 0;
}

static int set_up(void **state)
{
	struct crash *c = calloc(1, sizeof(*c));
	struct driver_error error = { "" };

	if (!c) {
		return -1;
	}
	*state = c;
	rig_up(&c->rig);
	c->v = rig_guest(&c->rig, "one");
	if (guest_page_open(&c->rig.g, c->v, &error) != 0) {
		print_error("%s\n", error.text);
		return -1;
	}
	c->rig.host.quality.maxerror_ns = 111;
	c->rig.host.quality.esterror_ns = 111;
	guest_page_publish(&c->rig.g, c->v, (gnomon_mono){ 1 });
	(void)rig_read(c->v, &c->old);
	take(c->v, &c->before);
	return 0;
}

static int tear_down(void **state)
{
	struct crash *c = *state;

	guest_page_close(c->v);
	free(c->v);
	rig_down(&c->rig);
	free(c);
	return 0;
}

/* What the new page will be, by a child that is left alone. */
static bool learn_new(struct crash *c)
{
	pid_t pid = start(c);
	int status;

	if (pid == 0) {
		return false;
	}
	assert_int_equal(ptrace(PTRACE_CONT, pid, NULL, NULL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSTOPPED(status) && WSTOPSIG(status) == SIGUSR1);
	end(pid);
	assert_int_equal(rig_read(c->v, &c->new), 0);
	assert_false(same_page(&c->old, &c->new));
	put(c->v, &c->before);
	return true;
}

static void every_instruction(void **state)
{
	struct crash *c = *state;
	struct state_of_files last = c->before;
	pid_t pid;

	if (!learn_new(c)) {
		skip();
	}
	pid = start(c);
	while (step(pid)) {
		c->instructions++;
		if (unchanged(c->v, &last)) {
			continue;
		}
		take(c->v, &last);
		c->states++;
		check_page(c, false);
		check_repair(c);
	}
	end(pid);
	printf("# %lu instructions, %lu states of the files, %lu with an odd count\n",
	       c->instructions, c->states, c->odd);
	assert_true(c->states > 10 && c->odd >= 3);
	check_page(c, true);
	assert_int_equal(rig_read(c->v, &c->old), 0);
	assert_true(same_page(&c->old, &c->new));
}

/* Killed indeed, and the next daemon attaches the guest. */
static void kill_at(struct crash *c, unsigned long instruction)
{
	struct driver_error error = { "" };
	struct guest *next = rig_guest(&c->rig, "one");
	struct gnomon_vmclock page;
	pid_t pid = start(c);

	for (unsigned long i = 0; i < instruction && step(pid); i++) {
	}
	end(pid);
	check_page(c, false);
	assert_int_equal(guests_repair(&c->rig.conf), 1);
	check_page(c, true);
	assert_int_equal(guest_page_open(&c->rig.g, next, &error), 0);
	assert_true(next->coasting);
	assert_int_equal(rig_read(next, &page), 0);
	assert_true(same_page(&page, &c->old) || same_page(&page, &c->new));
	/* And goes on without a broken promise. */
	rig_line(&c->rig, 6000000000u, 1001, 100);
	guest_page_publish(&c->rig.g, next, (gnomon_mono){ 1000000000 });
	assert_int_equal(next->disruptions, 0);
	assert_int_equal(rig_read(next, &page), 0);
	assert_int_equal(page.clock_status, GNOMON_VMCLOCK_SYNCHRONIZED);
	assert_true(page.disruption_marker == c->old.disruption_marker);
	guest_page_close(next);
	free(next);
	put(c->v, &c->before);
}

static void killed(void **state)
{
	struct crash *c = *state;
	struct seed seed = seed_start("killed");
	unsigned long count = 0;
	pid_t pid;

	if (!learn_new(c)) {
		skip();
	}
	pid = start(c);
	while (step(pid)) {
		count++;
	}
	end(pid);
	put(c->v, &c->before);
	for (int i = 0; i < KILLS; i++) {
		kill_at(c, (unsigned long)seed_below(&seed, count));
	}
}

#define ROW(name) { "/gnomond/guests/crash/" #name, name, set_up, tear_down, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(every_instruction),
		ROW(killed),
	};

	return cmocka_run_group_tests_name("/gnomond/guests/crash", tests, NULL, NULL);
}
