/* SPDX-License-Identifier: BSD-2-Clause */
#include "corpus.h"

#include <stdio.h>
#include <string.h>

static int write_seed(const char *path, const struct corpus_seed *seed)
{
	FILE *file = fopen(path, "wbe");

	if (!file || fwrite(seed->octets, 1, seed->len, file) != seed->len || fclose(file) != 0) {
		perror(path);
		return 1;
	}
	return 0;
}

static int check_seed(const char *path, const struct corpus_seed *seed)
{
	FILE *file = fopen(path, "rbe");
	uint8_t found[CORPUS_SEED_MAX + 1];
	size_t n;

	if (!file) {
		perror(path);
		return 1;
	}
	n = fread(found, 1, sizeof(found), file);
	fclose(file);
	if (n != seed->len || memcmp(found, seed->octets, n) != 0) {
		fprintf(stderr, "%s: not what this program writes\n", path);
		return 1;
	}
	return 0;
}

int corpus_main(int argc, char **argv, bool (*make)(size_t i, struct corpus_seed *seed))
{
	bool check = argc == 3 && strcmp(argv[1], "--check") == 0;
	struct corpus_seed seed;
	int failed = 0;

	if (argc != 2 + check) {
		fprintf(stderr, "usage: %s [--check] DIR\n", argv[0]);
		return 1;
	}
	for (size_t i = 0; make(i, &seed); i++) {
		char path[4096];

		snprintf(path, sizeof(path), "%s/%s.bin", argv[argc - 1], seed.name);
		failed |= (check ? check_seed : write_seed)(path, &seed);
	}
	return failed;
}
