/* SPDX-License-Identifier: BSD-2-Clause */
/* Command lines in both guises: what is printed where, and how they end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "tools/cli/cli.h"
#include "tools/cli/stop.h"

#define OPTION_FAST CLI_OWN
#define WORDS_MAX 12

/* What the program was told. */
struct told {
	struct cli cli;
	int number;
	bool fast;
	bool ran;
	int priority;
	int level;
	size_t ports;
	char word[16];
};

static void print_usage(FILE *out, const char *program)
{
	fprintf(out, "usage: %s\n", program);
}

static void print_help(void)
{
	printf("the help\n");
}

static int take(void *own, int option, const char *value)
{
	struct told *t = own;

	switch (option) {
	case 'n':
		return cli_int(&t->cli, 'n', value, 1, 9, &t->number);
	case 'i':
		return cli_section(&t->cli, value);
	case 'l':
		return cli_level(&t->cli, value);
	case 'p':
		return cli_key(&t->cli, "priority1", value);
	case 'x':
		return cli_fail(&t->cli, COMMAND_RUNTIME, "x %s", "marks it");
	default:
		t->fast = true;
		return CLI_GO_ON;
	}
}

static int run(void *own, const struct conf *conf, char **words)
{
	struct told *t = own;

	t->ran = true;
	t->priority = conf->priority1;
	t->ports = conf->port_count;
	t->level = t->cli.say.level;
	snprintf(t->word, sizeof(t->word), "%s", *words ? *words : "");
	return t->priority == 13 ? COMMAND_RUNTIME : COMMAND_GOOD;
}

static const struct option names[] = { { "fast", no_argument, NULL, OPTION_FAST },
				       CLI_LONG_OPTIONS };

static const struct cli_program configured = {
	.letters = ":f:hi:l:n:p:vx",
	.drop_in_letters = "f:hi:l:n:v",
	.names = names,
	.configured = true,
	.takes_words = true,
	.drop_in_failed = CLI_DROP_IN_FAILED,
	.print_usage = print_usage,
	.print_help = print_help,
	.take = take,
};

static const struct cli_program plain = {
	.letters = "+:hn:v",
	.drop_in_letters = "hn:v",
	.names = names,
	.drop_in_failed = 7,
	.print_usage = print_usage,
	.print_help = print_help,
	.take = take,
};

/* -- calling it ------------------------------------------------------------------------------- */

/* One of the standard streams, turned into a file for a while. */
struct stream {
	int fd;
	int kept;
	FILE *file;
};

static void divert(struct stream *s, int fd)
{
	(void)fflush(NULL);
	s->fd = fd;
	s->kept = dup(fd);
	s->file = tmpfile();
	assert_non_null(s->file);
	assert_return_code(dup2(fileno(s->file), fd), 0);
}

static void restore(struct stream *s, char *text, size_t cap)
{
	(void)fflush(NULL);
	assert_return_code(dup2(s->kept, s->fd), 0);
	(void)close(s->kept);
	rewind(s->file);
	text[fread(text, 1, cap - 1, s->file)] = '\0';
	(void)fclose(s->file);
}

struct outcome {
	struct told told;
	int status;
	char out[256];
	char err[256];
};

/* line: the words, with one space between them. */
static void call(struct outcome *o, const struct cli_program *program, bool drop_in,
		 const char *line)
{
	char name[] = "/usr/bin/prog";
	char *argv[WORDS_MAX + 2] = { name };
	char *copy = strdup(line);
	struct stream out, err;
	char *rest = copy;
	int argc = 1;

	assert_non_null(copy);
	while (rest && *rest) {
		argv[argc++] = strsep(&rest, " ");
		assert_true(argc <= WORDS_MAX);
	}
	*o = (struct outcome){ .status = 0 };
	cli_init(&o->told.cli, program, &o->told, argv[0], drop_in);
	o->told.cli.say.use_syslog = false;
	optind = 0; /* glibc's: start over */
	opterr = 1;
	divert(&out, STDOUT_FILENO);
	divert(&err, STDERR_FILENO);
	o->status = program->configured ? cli_run(&o->told.cli, argc, argv, run)
					: cli_parse(&o->told.cli, argc, argv);
	restore(&err, o->err, sizeof(o->err));
	restore(&out, o->out, sizeof(o->out));
	free(copy);
}

/* -- natively --------------------------------------------------------------------------------- */

static void runs(void **state)
{
	struct outcome o;

	(void)state;
	call(&o, &configured, false, "-n 0x3 --fast --priority1 7 -i eth0 -l 7 word");
	assert_int_equal(o.status, COMMAND_GOOD);
	assert_true(o.told.ran && o.told.fast);
	assert_int_equal(o.told.number, 3);
	assert_int_equal(o.told.priority, 7);
	assert_int_equal(o.told.level, LOG_DEBUG);
	assert_int_equal(o.told.ports, 1);
	assert_string_equal(o.told.word, "word");
	assert_string_equal(o.err, "");
	call(&o, &configured, false, "--priority1=13");
	assert_int_equal(o.status, COMMAND_RUNTIME);
	call(&o, &configured, true, "--priority1=13");
	assert_int_equal(o.status, 255);
	call(&o, &plain, false, "--fast -n 9");
	assert_int_equal(o.status, CLI_GO_ON);
	assert_int_equal(o.told.number, 9);
}

static void helps(void **state)
{
	static const char *const help[] = { "-h", "--help", "--hel" };
	static const char *const version[] = { "-v", "--version" };
	struct outcome o;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		call(&o, i == 0 ? &plain : &configured, false, help[i]);
		assert_int_equal(o.status, COMMAND_GOOD);
		assert_string_equal(o.out, "the help\n");
	}
	for (size_t i = 0; i < 2; i++) {
		call(&o, &configured, false, version[i]);
		assert_int_equal(o.status, COMMAND_GOOD);
		assert_ptr_equal(strstr(o.out, "gnomon "), o.out);
		assert_false(o.told.ran);
	}
}

/* One line: what it is about, and what to do. */
static void refuses(void **state)
{
	static const struct {
		const char *line;
		const char *err;
	} rows[] = {
		{ "-X", "prog: option -X: unknown; --help lists them\n" },
		{ "--fast -X", "prog: option -X: unknown; --help lists them\n" },
		{ "-hX --nothing", "" },
		{ "-n", "prog: option -n: no value; write one behind it\n" },
		{ "-n x", "prog: option -n: 'x' is no whole number; write 1 to 9\n" },
		{ "-n 10", "prog: option -n: '10' is out of range; write 1 to 9\n" },
		{ "-n 99999999999999999999", "prog: option -n: '99999999999999999999' is out of "
					     "range; write 1 to 9\n" },
		{ "--xyzzy=5", "prog: option --xyzzy: unknown; --help lists them\n" },
		{ "--fats", "prog: option --fats: unknown; did you mean --fast?\n" },
		{ "--priorty1=5", "prog: option --priorty1: unknown; did you mean --priority1?\n" },
		{ "--ver", "prog: option --ver: unknown; did you mean --version?\n" },
		{ "--fast=5", "prog: option --fast: takes no value; write --fast alone\n" },
		{ "--priority1",
		  "prog: option --priority1: no value; write --priority1=VALUE\n" },
		{ "--priority1 256",
		  "prog: option --priority1: 256 is out of range; write 0 to 255\n" },
		{ "-p 256", "prog: option -p: 256 is out of range; write 0 to 255\n" },
		{ "-p 3 --priority1 x",
		  "prog: option --priority1: 'x' is not a whole number; write one\n" },
		{ "-f /nonexistent", "prog: cannot read '/nonexistent': No such file or directory; "
				     "check the path given with -f\n" },
		{ "-l 2 -f /nonexistent",
		  "prog: cannot read '/nonexistent': No such file or directory; check the path "
		  "given with -f\n" },
	};
	struct outcome o;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		call(&o, &configured, false, rows[i].line);
		assert_string_equal(o.err, rows[i].err);
		assert_int_equal(o.status, rows[i].err[0] ? COMMAND_USAGE : COMMAND_GOOD);
		assert_false(o.told.ran);
	}
	call(&o, &configured, false, "-x");
	assert_string_equal(o.err, "prog: x marks it\n");
	assert_int_equal(o.status, COMMAND_RUNTIME);
	call(&o, &plain, false, "-n 1 word");
	assert_string_equal(o.err, "prog: argument 'word': not an option; --help lists them\n");
	assert_int_equal(o.status, COMMAND_USAGE);
}

/* -- as linuxptp's ---------------------------------------------------------------------------- */

/* Long options are keys, or nothing getopt() knows; its complaints are kept. */
static void as_drop_in(void **state)
{
	static const struct {
		const struct cli_program *program;
		const char *line;
		const char *err;
		int status;
	} rows[] = {
		{ &configured, "-h", "usage: prog\n", 0 },
		{ &configured, "-X", "/usr/bin/prog: invalid option -- 'X'\nusage: prog\n", 255 },
		{ &configured, "--fast",
		  "/usr/bin/prog: unrecognized option '--fast'\nusage: prog\n", 255 },
		{ &configured, "-n x", "-n: x is a malformed value\n", 255 },
		{ &configured, "-n 10", "-n: 10 is out of range. Must be in the range 1 to 9\n",
		  255 },
		{ &plain, "--help", "/usr/bin/prog: invalid option -- '-'\nusage: prog\n", 7 },
		{ &plain, "-n",
		  "/usr/bin/prog: option requires an argument -- 'n'\nusage: prog\n", 7 },
		{ &plain, "-n 1 word", "", CLI_GO_ON },
	};
	struct outcome o;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		call(&o, rows[i].program, true, rows[i].line);
		assert_string_equal(o.err, rows[i].err);
		assert_int_equal(o.status, rows[i].status);
	}
	call(&o, &configured, true, "-f /nonexistent");
	assert_non_null(strstr(o.err, "]: cannot read '/nonexistent'"));
	assert_int_equal(o.status, 255);
	call(&o, &configured, true, "-v");
	assert_true(o.out[0] >= '0' && o.out[0] <= '9');
}

static void stops(void **state)
{
	static const int numbers[] = { SIGTERM, SIGINT, SIGQUIT, SIGHUP };

	(void)state;
	stop_catch();
	assert_int_equal(stop_signal(), 0);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		assert_int_equal(raise(numbers[i]), 0);
		assert_int_equal(stop_signal(), numbers[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/cli/runs", runs, NULL, NULL, NULL },
		{ "/cli/helps", helps, NULL, NULL, NULL },
		{ "/cli/refuses", refuses, NULL, NULL, NULL },
		{ "/cli/as_drop_in", as_drop_in, NULL, NULL, NULL },
		{ "/cli/stops", stops, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
