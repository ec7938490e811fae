/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line. Letters are phc2sys's, and so are its texts where scripts may look for them. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <gnomon/servo.h>

#include "session.h"
#include "tools/cli/cli.h"
#include "tools/clocks/clocks.h"

#define LETTERS "arC:c:d:f:s:E:P:I:S:F:R:N:O:L:M:i:u:wn:xz:l:t:mqvh"
#define OPTION_FORCE CLI_OWN
#define OPTION_TIMEOUT (CLI_OWN + 1)

/* What phc2sys takes for a path of a socket. */
#define SERVER_MAX 108

struct parser {
	struct cli cli;
	struct sync_options *o;
	struct conf_error error;
};

/* An option that is short for a key. */
static const struct {
	char letter;
	const char *key;
	const char *value; /* NULL: the option's */
} keys[] = {
	{ 'E', "clock_servo", NULL },
	{ 'P', "pi_proportional_const", NULL },
	{ 'I', "pi_integral_const", NULL },
	{ 'S', "step_threshold", NULL },
	{ 'F', "first_step_threshold", NULL },
	{ 'L', "sanity_freq_limit", NULL },
	{ 'M', "ntpshm_segment", NULL },
	{ 'x', "kernel_leap", "0" },
	{ 'l', "logging_level", NULL },
	{ 't', "message_tag", NULL },
	{ 'm', "verbose", "1" },
	{ 'q', "use_syslog", "0" },
};

static const struct {
	const char *usage;
	const char *text;
} help[] = {
	{ "-s SOURCE", "the clock to follow: CLOCK_REALTIME, a device (/dev/ptp0), an interface" },
	{ "", "or clock_name of a PTP hardware clock, pps:DEVICE, extts:CHANNEL" },
	{ "-c SINK", "a clock to keep, as above or soft:NAME, or who keeps the system clock:" },
	{ "", "chrony:PATH (chronyd's refclock SOCK; sock:PATH is the same), shm:SEGMENT" },
	{ "", "(ntpd); may be repeated" },
	{ "-O SECONDS", "the sink is that much ahead of the source" },
	{ "-w", "wait for the PTP daemon to be in step, and take TAI - UTC from it" },
	{ "-a", "instead of -s and -c: follow the ports of a PTP daemon" },
	{ "-r", "with -a: keep CLOCK_REALTIME too; twice: let it be a source" },
	{ "-d DEVICE", "a PPS device; -s then says which second it was" },
	{ "-R HZ", "how often the clocks are read (1)" },
	{ "-N COUNT", "readings of which the quickest counts (5)" },
	{ "-E SERVO", NULL }, /* those there are */
	{ "-P KP, -I KI", "constants of the PI servo" },
	{ "-S SECONDS", "step if the offset is larger (never)" },
	{ "-F SECONDS", "the same at the first update only (0.00002)" },
	{ "-L PPB", "sanity_freq_limit (200000000)" },
	{ "-M SEGMENT", "of -E ntpshm (0)" },
	{ "-u COUNT", "log statistics of so many updates (0: each update)" },
	{ "-x", "leave leap seconds to the servo instead of the kernel" },
	{ "-n DOMAIN", "domain of the PTP daemon (0)" },
	{ "-z PATH", "its socket; several with -a" },
	{ "-f FILE", "read configuration from FILE" },
	{ "-l LEVEL", "log up to LEVEL: 3 errors, 7 everything" },
	{ "-t TAG", "put TAG before log lines" },
	{ "-m, -q", "log to the standard output; do not log to the system log" },
	{ "--KEY=VALUE", "any key of the configuration file" },
	{ "--timeout S", "with -w or -a: end if nothing is in step within so many seconds" },
	{ "--force", "although another program steers the sink" },
	{ "-h, --help", "print this, and exit" },
	{ "-v, --version", "print the version, and exit" },
};

static const char examples[] = "\nexamples:\n"
			       "  gnomon sync -s eth0 -c CLOCK_REALTIME -w\n"
			       "  gnomon sync -a -r\n"
			       "  gnomon sync -s CLOCK_REALTIME -c soft -O 37 -u 10\n";

/* A value of clock_servo that hands offsets over, and steers nothing. */
static bool hands_over(const char *label)
{
	return strcmp(label, "ntpshm") == 0 || strcmp(label, "refclock_sock") == 0;
}

/* "pi, linreg, ...; ntpshm and refclock_sock steer nothing". */
static const char *list_servos(char *list, size_t cap)
{
	const struct conf_key *key = conf_key_find("clock_servo", 11);
	size_t len = 0;
	char label[32];

	for (int pass = 0; pass < 2; pass++) {
		for (int i = 0; conf_label(key, i, label); i++) {
			if (pass ? hands_over(label) : gnomon_servo_find(label) != NULL) {
				len += (size_t)snprintf(list + len, cap - len, "%s%s",
							len ? ", " : "", label);
			}
		}
	}
	(void)snprintf(list + len, cap - len, " (the last two steer nothing)");
	return list;
}

static void print_options(FILE *out)
{
	char servos[160];

	for (size_t i = 0; i < sizeof(help) / sizeof(help[0]); i++) {
		fprintf(out, " %-14s %s\n", help[i].usage,
			help[i].text ? help[i].text : list_servos(servos, sizeof(servos)));
	}
}

static void print_usage(FILE *out, const char *name)
{
	fprintf(out, "\nusage: %s [options]\n\n", name);
	print_options(out);
	fputs("\n", out);
}

static void print_help(void)
{
	printf("usage: gnomon sync -s SOURCE -c SINK... [-O SECONDS | -w] [OPTION]...\n"
	       "       gnomon sync -a [-r [-r]] [OPTION]...\n\n"
	       "Keep clocks of this machine in step.\n\n");
	print_options(stdout);
	fputs(examples, stdout);
}

static int fail(const struct parser *p, bool usage)
{
	const struct sync_options *o = p->o;

	if (p->error.text[0]) {
		fprintf(stderr, "%s%s%s\n", o->drop_in ? "" : o->program, o->drop_in ? "" : ": ",
			p->error.text);
	}
	if (usage && o->drop_in) {
		print_usage(stderr, o->program);
	}
	return o->drop_in ? CLI_DROP_IN_FAILED : COMMAND_USAGE;
}

static int refuse(struct parser *p, const char *text)
{
	(void)snprintf(p->error.text, sizeof(p->error.text), "%s", text);
	return fail(p, true);
}

/* In phc2sys's words, or in ours, which say what to do. */
static int refuse_as(struct parser *p, const char *theirs, const char *ours)
{
	return refuse(p, p->o->drop_in ? theirs : ours);
}

/* -- values ----------------------------------------------------------------------------------- */

/* wanted: what should stand there, in words. */
static int malformed(struct parser *p, int letter, const char *wanted)
{
	(void)snprintf(p->error.text, sizeof(p->error.text), "-%c: %.80s is a malformed value%s%s",
		       letter, optarg, p->o->drop_in ? "" : "; write ",
		       p->o->drop_in ? "" : wanted);
	return fail(p, false);
}

static int out_of_range(struct parser *p, int letter, const char *wanted)
{
	(void)snprintf(p->error.text, sizeof(p->error.text), "-%c: %.80s is out of range%s%s",
		       letter, optarg, p->o->drop_in ? "" : "; write ",
		       p->o->drop_in ? "" : wanted);
	return fail(p, false);
}

static int take_int(struct parser *p, int letter, long long min, long long max, long long *value)
{
	char wanted[64];
	char *end;
	long long n;

	(void)snprintf(wanted, sizeof(wanted), "%lld to %lld", min, max);
	errno = 0;
	n = strtoll(optarg, &end, 0);
	if (end == optarg || *end) {
		return malformed(p, letter, wanted);
	}
	if (errno || n < min || n > max) {
		return out_of_range(p, letter, wanted);
	}
	*value = n;
	return -1;
}

static int take_rate(struct parser *p)
{
	char *end;
	double rate = strtod(optarg, &end);

	if (end == optarg || *end) {
		return malformed(p, 'R', "a number of Hz, such as 8 or 0.5");
	}
	if (!(rate >= 1e-9) || !(rate <= 1e6)) {
		return out_of_range(p, 'R', "1e-9 to 1e6");
	}
	p->o->interval_s = 1.0 / rate;
	return -1;
}

static int take_sink(struct parser *p)
{
	if (p->o->sink_count == SYNC_SINKS_MAX) {
		return refuse_as(p, "too many sink clocks",
				 "too many sinks: -c may be given 128 times; start a second "
				 "gnomon sync for the rest");
	}
	p->o->sinks[p->o->sink_count++] = optarg;
	return -1;
}

static int take_server(struct parser *p)
{
	if (strlen(optarg) >= SERVER_MAX) {
		(void)snprintf(p->error.text, sizeof(p->error.text),
			       "path %s too long, max is %d", optarg, SERVER_MAX - 1);
		return fail(p, false);
	}
	if (p->o->server_count == SYNC_DAEMONS_MAX) {
		return refuse_as(p, "too many domains",
				 "too many PTP daemons: -z and -n may be given 16 times");
	}
	p->o->servers[p->o->server_count++] = optarg;
	return -1;
}

static int take_domain(struct parser *p)
{
	long long domain;
	int r;

	if (p->o->domain_count == SYNC_DAEMONS_MAX) {
		return refuse_as(p, "too many domains",
				 "too many PTP daemons: -z and -n may be given 16 times");
	}
	r = take_int(p, 'n', 0, 255, &domain);
	if (r < 0) {
		p->o->domains[p->o->domain_count++] = (int)domain;
	}
	return r;
}

/* Natively pulses are sources like others. */
static int take_source(struct parser *p)
{
	struct sync_options *o = p->o;
	char end;

	if (!o->drop_in && strcmp(optarg, "pps:") == 0) {
		return malformed(p, 's', "pps:DEVICE, such as pps:/dev/pps0");
	}
	if (!o->drop_in && strncmp(optarg, "pps:", 4) == 0) {
		o->pps = optarg + 4;
	} else if (!o->drop_in && strncmp(optarg, "extts:", 6) == 0) {
		if (sscanf(optarg + 6, "%d%c", &o->extts_channel, &end) != 1 ||
		    o->extts_channel < 0) {
			return malformed(p, 's', "extts:CHANNEL, a number from 0 on");
		}
	} else {
		o->source = optarg;
	}
	return -1;
}

static int take_number(struct parser *p, int letter)
{
	long long n = 0;
	int r = -1;

	if (letter == 'N') {
		r = take_int(p, letter, 1, INT_MAX, &n);
		p->o->samples = r < 0 ? (int)n : 0;
	} else if (letter == 'O') {
		r = take_int(p, letter, INT_MIN, INT_MAX, &n);
		p->o->offset_s = (int)n;
		p->o->fixed_offset = true;
	} else {
		r = take_int(p, letter, 0, UINT_MAX, &n);
		p->o->summary = (unsigned int)n;
	}
	return r;
}

static int take_timeout(struct parser *p)
{
	char *end;
	long seconds;

	errno = 0;
	seconds = strtol(optarg, &end, 10);
	if (errno || end == optarg || *end || seconds < 1 || seconds > 1000000) {
		return refuse(p, "--timeout takes seconds, 1 to 1000000");
	}
	p->o->timeout_s = (int)seconds;
	return -1;
}

/* The options that are no keys. */
static int take_own(struct parser *p, int letter)
{
	struct sync_options *o = p->o;

	switch (letter) {
	case 'a':
		o->automatic = true;
		return -1;
	case 'r':
		o->system++;
		return -1;
	case 'w':
		o->wait = true;
		return -1;
	case OPTION_FORCE:
		o->force = true;
		return -1;
	case OPTION_TIMEOUT:
		return take_timeout(p);
	case 'C':
		return strcasecmp(optarg, "CLOCK_REALTIME") == 0 ?
			       -1 :
			       refuse(p, "option -C: there is CLOCK_REALTIME only");
	case 'c':
		return take_sink(p);
	case 'd':
		o->pps = optarg;
		return -1;
	case 'i':
		fprintf(stderr, "'-i' has been deprecated. please use '-s' instead.\n");
		return take_source(p);
	case 's':
		return take_source(p);
	case 'R':
		return take_rate(p);
	case 'N':
	case 'O':
	case 'u':
		return take_number(p, letter);
	case 'n':
		return take_domain(p);
	default:
		return take_server(p);
	}
}

static int take_option(void *own, int c, const char *value)
{
	struct parser *p = own;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (keys[i].letter == c) {
			return cli_key(&p->cli, keys[i].key,
				       keys[i].value ? keys[i].value : value);
		}
	}
	return take_own(p, c);
}

/* -- combinations ----------------------------------------------------------------------------- */

static int check_automatic(struct parser *p)
{
	const struct sync_options *o = p->o;

	if (o->source || o->pps || o->extts_channel >= 0 || o->wait || o->fixed_offset) {
		return refuse_as(p,
				 "autoconfiguration cannot be mixed with manual config options.",
				 "-a finds sources, roles and the UTC offset itself: leave out -s, "
				 "-d, -w and -O, or leave out -a");
	}
	for (size_t i = 0; i < o->sink_count; i++) {
		if (strncasecmp(o->sinks[i], "CLOCK_", 6) == 0) {
			return refuse_as(p,
					 "additional system clocks not supported in automatic mode",
					 "with -a the system clock is kept if -r is given: write "
					 "that instead of -c CLOCK_REALTIME");
		}
	}
	return -1;
}

/* What is for one end of a pair only, and options that would have no effect. */
static int check_names(struct parser *p)
{
	const struct sync_options *o = p->o;

	if (o->source && clocks_is_out(o->source)) {
		(void)snprintf(p->error.text, sizeof(p->error.text),
			       "-s %.80s: is only a sink: chronyd and ntpd are told time by it, "
			       "and tell none; name it with -c",
			       o->source);
		return fail(p, false);
	}
	for (size_t i = 0; i < o->sink_count; i++) {
		if (strncmp(o->sinks[i], "pps:", 4) == 0 ||
		    strncmp(o->sinks[i], "extts:", 6) == 0) {
			(void)snprintf(p->error.text, sizeof(p->error.text),
				       "-c %.80s: is only a source: pulses tell time, and take "
				       "none; name it with -s",
				       o->sinks[i]);
			return fail(p, false);
		}
	}
	if (o->system && !o->automatic) {
		return refuse(p, "-r goes with -a: name the system clock with -s or -c "
				 "CLOCK_REALTIME");
	}
	if (o->timeout_s && !o->automatic && !o->wait) {
		return refuse(p, "--timeout ends what -w or -a wait for: give one of them");
	}
	return -1;
}

static int check_manual(struct parser *p)
{
	const struct sync_options *o = p->o;

	if (o->server_count > 1) {
		return refuse_as(p, "autoconfiguration needed with multiple domains.",
				 "several PTP daemons (-z) are for -a; one is asked for the UTC "
				 "offset");
	}
	if (!o->source && !o->pps && o->extts_channel < 0) {
		return refuse_as(p, "autoconfiguration or valid source clock must be selected.",
				 "no clock to follow is given: name it with -s, or follow a PTP "
				 "daemon with -a");
	}
	if (o->sink_count == 0) {
		return refuse(p, "no clock to keep is given: name it with -c; CLOCK_REALTIME is "
				 "the system's");
	}
	if (o->pps && (o->sink_count != 1 || strcasecmp(o->sinks[0], "CLOCK_REALTIME") != 0)) {
		return refuse_as(p,
				 "cannot use a pps device unless destination is CLOCK_REALTIME",
				 "pulses of a PPS device have the system clock's time: give -c "
				 "CLOCK_REALTIME, and no other sink");
	}
	if (o->extts_channel >= 0 && (o->sink_count != 1 || o->source || o->pps)) {
		return refuse(p, "external time stamps are of one PTP hardware clock: give it with "
				 "-c, and no other source");
	}
	return -1;
}

static int check(struct parser *p)
{
	struct sync_options *o = p->o;
	int status;

	/* Natively the system clock is not steered unless somebody says so. */
	if (!o->automatic && o->sink_count == 0 && o->drop_in) {
		o->sinks[o->sink_count++] = "CLOCK_REALTIME";
	}
	status = o->drop_in ? -1 : check_names(p);
	if (status < 0) {
		status = o->automatic ? check_automatic(p) : check_manual(p);
	}
	return status;
}

static const struct option names[] = {
	{ "force", no_argument, NULL, OPTION_FORCE },
	{ "timeout", required_argument, NULL, OPTION_TIMEOUT },
	CLI_LONG_OPTIONS,
};

static const struct cli_program program = {
	.letters = ":" LETTERS,
	.drop_in_letters = LETTERS,
	.names = names,
	.configured = true,
	.drop_in_failed = CLI_DROP_IN_FAILED,
	.print_usage = print_usage,
	.print_help = print_help,
	.take = take_option,
};

int sync_options_parse(struct sync_options *o, struct conf *conf, int argc, char **argv)
{
	struct parser p = { .o = o };
	int status = CLI_GO_ON;

	cli_init(&p.cli, &program, &p, argv[0], o->drop_in);
	o->interval_s = 1.0;
	o->extts_channel = -1;
	if (conf_init_tool(conf, !o->drop_in)) {
		status = refuse(&p, "no memory; make some free");
	}
	if (o->drop_in) {
		conf->pi_proportional_const = 0.7;
		conf->pi_integral_const = 0.3;
	}
	if (status == CLI_GO_ON) {
		status = cli_parse(&p.cli, argc, argv);
	}
	if (status == CLI_GO_ON && conf_request_load(&p.cli.request, conf, &p.error)) {
		status = fail(&p, false);
	}
	if (status == CLI_GO_ON) {
		status = check(&p);
	}
	cli_finish(&p.cli);
	return status;
}
