/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Build-time program: copies a manual page template to the standard output and puts the tables the
 * daemon uses where it says @KEYS@ and @OPTIONS@, each alone on its line.
 */
#include <stdio.h>
#include <string.h>

#include "tools/config/config.h"

#include "options.h"

static int write_file(void *context, const char *text, size_t len)
{
	return fwrite(text, 1, len, context) == len ? 0 : -1;
}

int main(int argc, char **argv)
{
	char line[1024];
	FILE *in = argc == 2 ? fopen(argv[1], "r") : NULL;
	int r = 0;

	if (!in) {
		fprintf(stderr, "usage: gen_man TEMPLATE\n");
		return 1;
	}
	while (r == 0 && fgets(line, sizeof(line), in)) {
		if (strcmp(line, "@KEYS@\n") == 0) {
			r = conf_print_scdoc(write_file, stdout);
		} else if (strcmp(line, "@OPTIONS@\n") == 0) {
			r = options_print_scdoc(write_file, stdout);
		} else if (fputs(line, stdout) < 0) {
			r = -1;
		}
	}
	fclose(in);
	return r == 0 && fflush(stdout) == 0 ? 0 : 1;
}
