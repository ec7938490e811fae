/* SPDX-License-Identifier: BSD-2-Clause */
#include "options.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tools/clocks/clocks.h"

enum {
	OPTION_CHECK = CLI_OWN,
	OPTION_JSON,
	OPTION_WATCH,
	OPTION_FEED,
	OPTION_USE,
	OPTION_PAGE,
	OPTION_BOUND,
	OPTION_SCALE,
	OPTION_INTERVAL,
	OPTION_STATUS,
	OPTION_FORCE,
	OPTION_ROOT,
};

static const struct option names[] = {
	{ "check", no_argument, NULL, OPTION_CHECK },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "watch", no_argument, NULL, OPTION_WATCH },
	{ "feed", required_argument, NULL, OPTION_FEED },
	{ "use", required_argument, NULL, OPTION_USE },
	{ "page", required_argument, NULL, OPTION_PAGE },
	{ "bound", required_argument, NULL, OPTION_BOUND },
	{ "scale", required_argument, NULL, OPTION_SCALE },
	{ "interval", required_argument, NULL, OPTION_INTERVAL },
	{ "status", required_argument, NULL, OPTION_STATUS },
	{ "force", no_argument, NULL, OPTION_FORCE },
	{ "root", required_argument, NULL, OPTION_ROOT },
	CLI_LONG_OPTIONS
};

static void print_help(void)
{
	printf("usage: gnomon-guest [OPTION]...\n"
	       "       gnomon-guest --check [--json]\n\n"
	       "Keep the system clock of a virtual machine by the clocks its host gives it.\n\n"
	       "  --check           say what clocks there are, how good they are and what is\n"
	       "                    wrong; exit status 0 good, 2 an error, 3 clocks disagree\n"
	       "  --json            with --check: in JSON\n"
	       "  --watch           change nothing: compare, log, write what is asked for\n"
	       "  --feed OUT        have another program keep the clock: chrony:PATH (chronyd's\n"
	       "                    refclock SOCK) or shm:SEGMENT (ntpd)\n"
	       "  --use CLOCK       use this clock: a kind (vmclock, ptp_kvm, ena, hyperv,\n"
	       "                    ptp_vmw, virtio_rtc, phc), a clock_name, or a device; may be\n"
	       "                    repeated\n"
	       "  --page FILE       read this clock page, too; may be repeated\n"
	       "  --bound CLOCK=NS  vouch for a clock that does not tell its error\n"
	       "  --scale CLOCK=UTC|TAI\n"
	       "                    what a PTP hardware clock keeps, if that cannot be known\n"
	       "  --interval S      read so often (0.25; with --feed 1)\n"
	       "  --status FILE     write the status there, in JSON, once a second\n"
	       "  --force           although another program keeps the clock\n"
	       "  --root FOLDER     the machine's /sys, /dev and /proc are in there\n"
	       "  -f FILE           read configuration from FILE, see gnomon.conf(5)\n"
	       "  --KEY=VALUE       any key of the configuration file, such as clockbound_file,\n"
	       "                    first_step_threshold, step_threshold, user, clock (soft)\n"
	       "  -l LEVEL          log up to LEVEL: 3 errors, 7 everything\n"
	       "  -h, --help        print this, and exit\n"
	       "  -v, --version     print the version, and exit\n\n"
	       "examples:\n"
	       "  gnomon-guest --check\n"
	       "  gnomon-guest --clockbound_file=/var/run/clockbound/shm0\n"
	       "  gnomon-guest --feed chrony:/run/chrony/gnomon.sock --bound ptp_kvm=50000\n");
}

/* The other guise, which there is none of. */
static void print_usage(FILE *out, const char *program)
{
	(void)out;
	(void)program;
	print_help();
}

static int refuse(const struct guest_options *o, const char *option, const char *value,
		  const char *write)
{
	return cli_fail(&o->cli, COMMAND_USAGE, "option --%s: '%.80s': write %s", option, value,
			write);
}

static bool parse_number(const char *text, double min, double max, double *value)
{
	char *end;
	const double v = strtod(text, &end);

	if (end == text || *end || !(v >= min) || !(v <= max)) {
		return false;
	}
	*value = v;
	return true;
}

/* The CLOCK of CLOCK=..., and what is behind it; NULL: there is none, or too many. */
static const char *split_word(struct guest_options *o, const char *value)
{
	const char *equals = strrchr(value, '=');
	char *name = o->names[o->word_count < AGENT_NAMES_MAX ? o->word_count : 0];

	if (!equals || equals == value || o->word_count == AGENT_NAMES_MAX ||
	    (size_t)(equals - value) >= MACHINE_NAME_MAX) {
		return NULL;
	}
	(void)snprintf(name, MACHINE_NAME_MAX, "%.*s", (int)(equals - value), value);
	o->words[o->word_count] = (struct agent_word){ .clock = name, .bound_ns = INFINITY };
	return equals + 1;
}

static int take_bound(struct guest_options *o, const char *value)
{
	const char *behind = split_word(o, value);

	if (!behind || !parse_number(behind, 1, 1e12, &o->words[o->word_count].bound_ns)) {
		return refuse(o, "bound", value,
			      "CLOCK=NS, such as ptp_kvm=50000, at most 16 times");
	}
	o->word_count++;
	return CLI_GO_ON;
}

static int take_scale(struct guest_options *o, const char *value)
{
	const char *behind = split_word(o, value);

	if (behind && strcasecmp(behind, "utc") == 0) {
		o->words[o->word_count++].scale = GUEST_SCALE_UTC;
		return CLI_GO_ON;
	}
	if (behind && strcasecmp(behind, "tai") == 0) {
		o->words[o->word_count++].scale = GUEST_SCALE_TAI;
		return CLI_GO_ON;
	}
	return refuse(o, "scale", value, "CLOCK=UTC or CLOCK=TAI, at most 16 times");
}

static int take_use(struct guest_options *o, const char *value)
{
	if (o->use_count == AGENT_NAMES_MAX || !value[0]) {
		return refuse(o, "use", value, "a clock, at most 16 times");
	}
	o->use[o->use_count++] = value;
	return CLI_GO_ON;
}

static int take_page(struct guest_options *o, const char *value)
{
	if (o->page_count == AGENT_NAMES_MAX || !value[0]) {
		return refuse(o, "page", value, "a file, at most 16 times");
	}
	o->pages[o->page_count++] = value;
	return CLI_GO_ON;
}

static int take_text(struct guest_options *o, int option, const char *value)
{
	switch (option) {
	case OPTION_FEED:
		if (!clocks_is_out(value)) {
			return refuse(o, "feed", value, "chrony:PATH or shm:SEGMENT");
		}
		o->feed = value;
		return CLI_GO_ON;
	case OPTION_PAGE:
		return take_page(o, value);
	case OPTION_STATUS:
		o->status_file = value;
		return CLI_GO_ON;
	case OPTION_ROOT:
		o->root = value;
		return CLI_GO_ON;
	case OPTION_USE:
		return take_use(o, value);
	case OPTION_BOUND:
		return take_bound(o, value);
	case OPTION_SCALE:
		return take_scale(o, value);
	default:
		break;
	}
	return parse_number(value, 0.01, 64, &o->interval_s) ?
		       CLI_GO_ON :
		       refuse(o, "interval", value, "seconds, 0.01 to 64");
}

static int take(void *own, int option, const char *value)
{
	struct guest_options *o = own;

	switch (option) {
	case OPTION_CHECK:
		o->check = true;
		return CLI_GO_ON;
	case OPTION_JSON:
		o->json = true;
		return CLI_GO_ON;
	case OPTION_WATCH:
		o->watch = true;
		return CLI_GO_ON;
	case OPTION_FORCE:
		o->force = true;
		return CLI_GO_ON;
	case 'l':
		return cli_level(&o->cli, value);
	default:
		return take_text(o, option, value);
	}
}

static const struct cli_program program = {
	.letters = ":f:hl:v",
	.drop_in_letters = "f:hl:v",
	.names = names,
	.configured = true,
	.drop_in_failed = CLI_DROP_IN_FAILED,
	.print_usage = print_usage,
	.print_help = print_help,
	.take = take,
};

void guest_options_init(struct guest_options *options, const char *argv0)
{
	*options = (struct guest_options){ .root = "" };
	cli_init(&options->cli, &program, options, argv0, false);
}
