/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * microguest PAGE FOLDER VCPUS: a machine of KVM that does what standard input says, and answers
 * each line with one of JSON.
 *
 *     (at the start)      {"pid": N, "folder": "like KVM's in debugfs", "adds": false}
 *     look VCPU           {"before": N, "after": N, "counter": N, "page": "hex"}
 *     offset VCPU N       {}
 *     offsets N           {}        all of them
 *
 * PAGE is awaited. What cannot be done is {"error": "..."}, and the end. Counters before and after
 * are the host's. KVM that ignores offsets: see machine.h.
 */
#include "machine.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE 600 /* times 50 ms */

static struct machine guest;

static int fail(const char *what, int err)
{
	printf("{\"error\": \"%s: %s\"}\n", what, strerror(-err));
	return 1;
}

static int answer_look(unsigned int vcpu)
{
	struct machine_look look;
	const int err = vcpu < guest.vcpus ? machine_look(&guest, vcpu, &look) : -1;

	if (err) {
		return fail("look", err);
	}
	printf("{\"before\": %" PRIu64 ", \"after\": %" PRIu64 ", \"counter\": %" PRIu64
	       ", \"page\": \"", look.before, look.after, look.counter);
	for (int i = 0; i < MACHINE_PAGE; i++) {
		printf("%02x", look.page[i]);
	}
	printf("\"}\n");
	return 0;
}

static int answer(const char *line)
{
	unsigned int first = 0;
	unsigned int last = guest.vcpus - 1;
	int64_t offset;

	if (sscanf(line, "look %u", &first) == 1) {
		return answer_look(first);
	}
	if (sscanf(line, "offset %u %" SCNd64, &first, &offset) == 2 && first < guest.vcpus) {
		last = first;
	} else if (sscanf(line, "offsets %" SCNd64, &offset) != 1) {
		return fail(line, -1);
	}
	for (unsigned int i = first; i <= last; i++) {
		const int err = machine_set_offset(&guest, i, offset);

		if (err) {
			return fail("offset", err);
		}
	}
	printf("{}\n");
	return 0;
}

int main(int argc, char **argv)
{
	const char *what;
	char line[128];
	int status = 0;
	int err;

	if (argc != 4) {
		return 1;
	}
	for (int i = 0; access(argv[1], R_OK) && i < PATIENCE; i++) {
		(void)usleep(50000);
	}
	err = machine_create(&guest, (unsigned int)atoi(argv[3]), argv[1], argv[2], &what);
	if (err) {
		return fail(what, err);
	}
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	printf("{\"pid\": %d, \"folder\": \"%s\", \"adds\": %s}\n", (int)getpid(), guest.folder,
	       guest.adds ? "true" : "false");
	while (!status && fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		status = answer(line);
	}
	machine_destroy(&guest);
	return status;
}
