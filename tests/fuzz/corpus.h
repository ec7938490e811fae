/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * A program that writes the seeds of a fuzz target, one file each:
 *
 *     <target>_corpus DIR            write them
 *     <target>_corpus --check DIR    say which are missing or differ, and fail if any does
 *
 * After a change to what makes them run it on tests/fuzz/corpus/<target> and commit.
 */
#ifndef TESTS_FUZZ_CORPUS_H
#define TESTS_FUZZ_CORPUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CORPUS_SEED_MAX 600

struct corpus_seed {
	char name[64]; /* of the file, without its ending */
	uint8_t octets[CORPUS_SEED_MAX];
	size_t len;
};

/** The program: make() fills in seed number i, or returns false when there are no more. */
int corpus_main(int argc, char **argv, bool (*make)(size_t i, struct corpus_seed *seed));

#endif
