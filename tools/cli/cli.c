/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include <gnomon/version.h>

#include "tools/config/suggest.h"

#define LINE_CAP 512

void cli_init(struct cli *cli, const struct cli_program *program, void *own, const char *argv0,
	      bool drop_in)
{
	*cli = (struct cli){
		.program = program,
		.own = own,
		.say = say_as(say_base_name(argv0), drop_in),
	};
}

void cli_finish(struct cli *cli)
{
	conf_request_finish(&cli->request);
}

/* -- complaints ------------------------------------------------------------------------------- */

int cli_status(const struct cli *cli, int status)
{
	return status != COMMAND_GOOD && cli->say.drop_in ? cli->program->drop_in_failed : status;
}

int cli_fail(const struct cli *cli, int status, const char *format, ...)
{
	char text[LINE_CAP];
	struct say voice = cli->say;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	/* Why it does not run is no matter of logging, but to linuxptp. */
	if (!voice.drop_in && voice.level < LOG_ERR) {
		voice.level = LOG_ERR;
	}
	say(&voice, LOG_ERR, "%s", text);
	return cli_status(cli, status);
}

int cli_bad_usage(const struct cli *cli)
{
	if (cli->say.drop_in) {
		cli->program->print_usage(stderr, cli->say.program);
	}
	return cli_status(cli, COMMAND_USAGE);
}

/* Unknown, or the beginning of several. */
static int refuse_name(const struct cli *cli, const struct option *names, const char *word,
		       int len)
{
	const char *best;
	struct suggest near;

	suggest_init(&near, word, (size_t)len);
	for (const struct option *o = names; o->name; o++) {
		suggest_name(&near, o->name);
	}
	best = suggest_best(&near);
	return cli_fail(cli, COMMAND_USAGE, "option --%.*s: unknown; %s%s%s", len, word,
			best ? "did you mean --" : "--help lists them", best ? best : "",
			best ? "?" : "");
}

/* What getopt_long() leaves behind: optopt is a letter, the value of a long option, or 0 for a
 * long one it does not know. The drop-in's complaint it has made itself. */
static int refuse_option(const struct cli *cli, const struct option *names, bool no_value,
			 const char *word)
{
	const int len = (int)strcspn(word, "=");

	if (cli->say.drop_in) {
		return cli_bad_usage(cli);
	}
	if (optopt == 0) {
		return refuse_name(cli, names, word + 2, len - 2);
	}
	if (optopt < CONF_OPTION_KEY) {
		return cli_fail(cli, COMMAND_USAGE, "option -%c: %s", optopt,
				no_value ? "no value; write one behind it"
					 : "unknown; --help lists them");
	}
	return cli_fail(cli, COMMAND_USAGE, "option %.*s: %s; write %.*s%s", len, word,
			no_value ? "no value" : "takes no value", len, word,
			no_value ? "=VALUE" : " alone");
}

/* -- options ---------------------------------------------------------------------------------- */

int cli_int(const struct cli *cli, char letter, const char *text, int min, int max, int *value)
{
	return say_parse_int(&cli->say, letter, text, min, max, value)
		       ? cli_status(cli, COMMAND_USAGE)
		       : CLI_GO_ON;
}

int cli_key(struct cli *cli, const char *key, const char *text)
{
	struct conf_error error = { "" };

	return conf_request_key(&cli->request, key, text, &error)
		       ? cli_fail(cli, COMMAND_USAGE, "%s", error.text)
		       : CLI_GO_ON;
}

int cli_level(struct cli *cli, const char *text)
{
	int status = cli_int(cli, 'l', text, LOG_EMERG, LOG_DEBUG, &cli->say.level);

	return status == CLI_GO_ON && cli->program->configured
		       ? cli_key(cli, "logging_level", text)
		       : status;
}

int cli_section(struct cli *cli, const char *name)
{
	struct conf_error error = { "" };

	return conf_request_section(&cli->request, name, &error)
		       ? cli_fail(cli, COMMAND_USAGE, "%s", error.text)
		       : CLI_GO_ON;
}

static int print_version(const struct cli *cli)
{
	printf("%s%s\n", cli->say.drop_in ? "" : "gnomon ", GNOMON_VERSION_STRING);
	return COMMAND_GOOD;
}

static int print_help(const struct cli *cli)
{
	if (cli->say.drop_in) {
		cli->program->print_usage(stderr, cli->say.program);
	} else {
		cli->program->print_help();
	}
	return COMMAND_GOOD;
}

static int take_key(struct cli *cli, const char *name)
{
	const struct cli_program *p = cli->program;
	const int status = p->take_key ? p->take_key(cli->own, name, optarg) : CLI_GO_ON;

	return status == CLI_GO_ON ? cli_key(cli, name, optarg) : status;
}

/* names[index]: the long option. word: what getopt_long() has looked at. */
static int take_option(struct cli *cli, int c, const struct option *names, int index,
		       const char *word)
{
	switch (c) {
	case 'h':
	case CLI_HELP:
		return print_help(cli);
	case 'v':
	case CLI_VERSION:
		return print_version(cli);
	case '?':
	case ':':
		return refuse_option(cli, names, c == ':', word);
	case CONF_OPTION_KEY:
		cli->request.letter = 0;
		return take_key(cli, names[index].name);
	case 'f':
		if (cli->program->configured) {
			cli->request.file = optarg;
			return CLI_GO_ON;
		}
		break;
	default:
		break;
	}
	cli->request.letter = (char)(c < CONF_OPTION_KEY ? c : 0);
	return cli->program->take(cli->own, c, optarg);
}

/* Without long options linuxptp's programs use getopt(), which says it otherwise. */
static int next_option(const struct cli *cli, int argc, char **argv, const struct option *names,
		       int *index)
{
	const struct cli_program *p = cli->program;

	if (!cli->say.drop_in) {
		return getopt_long(argc, argv, p->letters, names, index);
	}
	return names ? getopt_long(argc, argv, p->drop_in_letters, names, index)
		     : getopt(argc, argv, p->drop_in_letters);
}

static int take_options(struct cli *cli, int argc, char **argv, const struct option *names)
{
	int status = CLI_GO_ON;
	int index = 0;
	int c;

	while (status == CLI_GO_ON && (c = next_option(cli, argc, argv, names, &index)) != -1) {
		status = take_option(cli, c, names, index, argv[optind - 1]);
	}
	if (status == CLI_GO_ON && optind < argc && !cli->say.drop_in &&
	    !cli->program->takes_words) {
		status = cli_fail(cli, COMMAND_USAGE,
				  "argument '%s': not an option; --help lists them", argv[optind]);
	}
	return status == CLI_GO_ON ? CLI_GO_ON : cli_status(cli, status);
}

int cli_parse(struct cli *cli, int argc, char **argv)
{
	const struct option *names = cli->say.drop_in ? NULL : cli->program->names;
	struct option *all;
	int status;

	if (!cli->program->configured) {
		return take_options(cli, argc, argv, names);
	}
	all = conf_long_options(names);
	if (!all) {
		return cli_fail(cli, COMMAND_RUNTIME, "no memory; make some free");
	}
	status = take_options(cli, argc, argv, all);
	free(all);
	return status;
}

/* -- the whole of it -------------------------------------------------------------------------- */

static int load_and_run(struct cli *cli, char **words, cli_run_fn *run)
{
	struct conf_error error = { "" };
	struct conf conf;
	int status;

	if (conf_init_tool(&conf, !cli->say.drop_in) != 0 ||
	    conf_request_load(&cli->request, &conf, &error) != 0) {
		status = cli_fail(cli, COMMAND_USAGE, "%s",
				  error.text[0] ? error.text : "no memory; make some free");
	} else {
		cli->say.level = conf.logging_level;
		cli->say.tag = conf.message_tag;
		status = cli_status(cli, run(cli->own, &conf, words));
	}
	conf_finish(&conf);
	return status;
}

int cli_run(struct cli *cli, int argc, char **argv, cli_run_fn *run)
{
	int status = cli_parse(cli, argc, argv);

	if (status == CLI_GO_ON) {
		status = load_and_run(cli, argv + optind, run);
	}
	cli_finish(cli);
	return status;
}
