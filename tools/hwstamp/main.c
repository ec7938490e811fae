/* SPDX-License-Identifier: BSD-2-Clause */
#include "hwstamp.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/net_tstamp.h>

#include "drivers/privilege.h"
#include "drivers/timestamping.h"
#include "tools/cli/cli.h"

#define OPTION_JSON CLI_OWN

/* The last filter hwstamp_ctl knows; natively the kernel's others are taken as well. */
#define DROP_IN_FILTER_MAX HWTSTAMP_FILTER_PTP_V2_DELAY_REQ

/* As ethtool -T calls them. */
static const char *const tx_names[] = { "off", "on", "onestep-sync", "onestep-p2p" };
static const char *const rx_names[] = {
	"none",
	"all",
	"some",
	"ptpv1-l4-event",
	"ptpv1-l4-sync",
	"ptpv1-l4-delay-req",
	"ptpv2-l4-event",
	"ptpv2-l4-sync",
	"ptpv2-l4-delay-req",
	"ptpv2-l2-event",
	"ptpv2-l2-sync",
	"ptpv2-l2-delay-req",
	"ptpv2-event",
	"ptpv2-sync",
	"ptpv2-delay-req",
	"ntp-all",
};

#define COUNT(names) ((int)(sizeof(names) / sizeof((names)[0])))

struct request {
	struct cli cli;
	const char *interface;
	bool json;
	bool bad; /* what hwstamp_ctl was asked for it cannot do */
	int tx_type;   /* -1: leave it */
	int rx_filter; /* -1: leave it */
};

static void print_usage(FILE *out, const char *program)
{
	fprintf(out,
		"\nusage: %s [options]\n\n"
		" -h           prints this message and exits\n"
		" -i [device]  interface device to use, for example 'eth0'\n"
		" -r [0..14]   select receive time stamping:\n"
		"\t\t 0 time stamp no incoming packet at all\n"
		"\t\t 1 time stamp any incoming packet\n"
		"\t\t 2 (reserved value)\n"
		"\t\t 3 PTP v1, UDP, any kind of event packet\n"
		"\t\t 4 PTP v1, UDP, Sync packet\n"
		"\t\t 5 PTP v1, UDP, Delay_req packet\n"
		"\t\t 6 PTP v2, UDP, any kind of event packet\n"
		"\t\t 7 PTP v2, UDP, Sync packet\n"
		"\t\t 8 PTP v2, UDP, Delay_req packet\n"
		"\t\t 9 802.AS1, Ethernet, any kind of event packet\n"
		"\t\t10 802.AS1, Ethernet, Sync packet\n"
		"\t\t11 802.AS1, Ethernet, Delay_req packet\n"
		"\t\t12 PTP v2/802.AS1, any layer, any kind of event packet\n"
		"\t\t13 PTP v2/802.AS1, any layer, Sync packet\n"
		"\t\t14 PTP v2/802.AS1, any layer, Delay_req packet\n"
		" -t [0|1]     disable or enable transmit time stamping\n"
		" -v           prints the software version and exits\n\n",
		program);
}

static void print_help(void)
{
	printf("usage: gnomon hwstamp [OPTION]... INTERFACE\n\n"
	       "Print what the interface's hardware time stamping is set to and what it can do,\n"
	       "or set it. It is one setting for all programs that use the interface.\n\n"
	       "  -t TYPE         transmit time stamps:");
	for (int i = 0; i < COUNT(tx_names); i++) {
		printf(" %s", tx_names[i]);
	}
	printf("\n  -r FILTER       receive time stamps of:");
	for (int i = 0; i < COUNT(rx_names); i++) {
		printf("%s%s", i % 3 == 0 ? "\n                    " : " ", rx_names[i]);
	}
	printf("\n  -i INTERFACE    the interface\n"
	       "  --json          print a JSON object\n"
	       "  -h, --help      print this, and exit\n"
	       "  -v, --version   print the version, and exit\n\n"
	       "examples:\n"
	       "  gnomon hwstamp eth0\n"
	       "  gnomon hwstamp -t on -r ptpv2-event eth0\n");
}

/* -- hwstamp_ctl ------------------------------------------------------------------------------ */

static void print_settings(const char *which, const struct timestamping_setting *setting)
{
	printf("%s settings:\ntx_type %d\nrx_filter %d\n", which, setting->tx_type,
	       setting->rx_filter);
}

/* Its exit status is errno of what it did last. */
static int run_drop_in(const struct request *request)
{
	struct timestamping_setting setting = { 0, 0 };
	int err = timestamping_get(request->interface, &setting);

	if (err == -EOPNOTSUPP || err == -ENOTTY) {
		fprintf(stderr,
			"%s does not have support for non-destructive SIOCGHWTSTAMP.\n",
			err == -ENOTTY ? "Kernel" : "Device driver");
	} else if (err) {
		fprintf(stderr, "SIOCGHWTSTAMP failed: %s\n", driver_strerror(err));
	} else {
		print_settings("current", &setting);
	}
	if (request->tx_type < 0 && request->rx_filter < 0) {
		return -err;
	}
	setting.tx_type = request->tx_type < 0 ? setting.tx_type : request->tx_type;
	setting.rx_filter = request->rx_filter < 0 ? setting.rx_filter : request->rx_filter;
	err = timestamping_set(request->interface, &setting);
	if (err) {
		fprintf(stderr, "SIOCSHWTSTAMP failed: %s\n%s", driver_strerror(err),
			err == -ERANGE ? "The requested time stamping mode is not supported by "
					 "the hardware.\n"
				       : "");
		return -err;
	}
	print_settings("new", &setting);
	return 0;
}

/* -- natively --------------------------------------------------------------------------------- */

static void print_name(const char *const *names, int count, int value, bool json)
{
	const char *quote = json ? "\"" : "";

	if (value >= 0 && value < count) {
		printf("%s%s%s", quote, names[value], quote);
	} else {
		printf("%s%d%s", quote, value, quote);
	}
}

static void print_names(const char *const *names, int count, uint32_t set, bool json)
{
	const char *between = "";

	for (int i = 0; i < count; i++) {
		if (set & 1u << i) {
			printf("%s", between);
			print_name(names, count, i, json);
			between = json ? "," : " ";
		}
	}
	if (!json && !*between) {
		printf("nothing");
	}
}

static void print_json(const struct request *request, const struct timestamping_info *info,
		       const struct timestamping_setting *setting)
{
	printf("{\"interface\":");
	say_json(stdout, request->interface);
	printf(",\"phc\":%d,\"tx_types\":[", info->phc_index);
	print_names(tx_names, COUNT(tx_names), info->tx_types, true);
	printf("],\"rx_filters\":[");
	print_names(rx_names, COUNT(rx_names), info->rx_filters, true);
	printf("]");
	if (setting) {
		printf(",\"tx_type\":");
		print_name(tx_names, COUNT(tx_names), setting->tx_type, true);
		printf(",\"rx_filter\":");
		print_name(rx_names, COUNT(rx_names), setting->rx_filter, true);
	}
	printf("}\n");
}

/* setting: NULL if the driver cannot say. */
static void print_result(const struct request *request, const struct timestamping_info *info,
			 const struct timestamping_setting *setting)
{
	if (request->json) {
		print_json(request, info, setting);
		return;
	}
	printf("transmit time stamps: ");
	if (setting) {
		print_name(tx_names, COUNT(tx_names), setting->tx_type, false);
	} else {
		printf("not known");
	}
	printf(" (can: ");
	print_names(tx_names, COUNT(tx_names), info->tx_types, false);
	printf(")\nreceive time stamps: ");
	if (setting) {
		print_name(rx_names, COUNT(rx_names), setting->rx_filter, false);
	} else {
		printf("not known");
	}
	printf(" (can: ");
	print_names(rx_names, COUNT(rx_names), info->rx_filters, false);
	printf(")\nclock: ");
	printf(info->phc_index < 0 ? "none\n" : "/dev/ptp%d\n", info->phc_index);
}

static int fail_to_set(const struct request *request, int err)
{
	struct driver_error error;

	if (err == -EOPNOTSUPP || err == -ENOTTY || err == -EINVAL) {
		(void)driver_fail(&error, err,
				  "%s: no hardware time stamping to be set; give an interface that "
				  "has it (\"ethtool -T\")",
				  request->interface);
	} else if (err == -ERANGE) {
		(void)driver_fail(&error, err,
				  "%s: the hardware cannot do that; without options this command "
				  "lists what it can",
				  request->interface);
	} else {
		(void)privilege_fail(&error, err, PRIVILEGE_NET_ADMIN, request->interface,
				     "set hardware time stamping");
	}
	return cli_fail(&request->cli, COMMAND_RUNTIME, "%s", error.text);
}

/* Before anything is changed: an interface that is there, and can do it. */
static int run_native(const struct request *request)
{
	struct timestamping_setting setting = { 0, 0 };
	struct timestamping_info info;
	struct driver_error error = { "" };
	int err = timestamping_query(request->interface, &info, &error);

	if (err) {
		return cli_fail(&request->cli, COMMAND_RUNTIME, "%s", error.text);
	}
	err = timestamping_get(request->interface, &setting);
	if (request->tx_type < 0 && request->rx_filter < 0) {
		print_result(request, &info, err ? NULL : &setting);
		return COMMAND_GOOD;
	}
	if (err && info.tx_types == 0) {
		return fail_to_set(request, -EOPNOTSUPP);
	}
	/* What is not known cannot be left as it is. */
	if (err && (request->tx_type < 0 || request->rx_filter < 0)) {
		(void)driver_fail(&error, err,
				  "%s: does not say what its time stamping is set to (%s); give "
				  "both -t and -r",
				  request->interface, driver_strerror(err));
		return cli_fail(&request->cli, COMMAND_RUNTIME, "%s", error.text);
	}
	setting.tx_type = request->tx_type < 0 ? setting.tx_type : request->tx_type;
	setting.rx_filter = request->rx_filter < 0 ? setting.rx_filter : request->rx_filter;
	err = timestamping_set(request->interface, &setting);
	if (err) {
		return fail_to_set(request, err);
	}
	print_result(request, &info, &setting);
	return COMMAND_GOOD;
}

/* -- options ---------------------------------------------------------------------------------- */

/* A name or a number of the list; -1: neither. */
static int find_name(const char *const *names, int count, const char *text)
{
	char *end;
	long n;

	for (int i = 0; i < count; i++) {
		if (strcmp(names[i], text) == 0) {
			return i;
		}
	}
	n = strtol(text, &end, 10);
	return end == text || *end || n < 0 || n >= count ? -1 : (int)n;
}

/* Numbers alone, and what is none counts as 0. */
static int drop_in_number(const char *text, int max)
{
	const long n = strtol(text, NULL, 10);

	return n < 0 || n > max ? -1 : (int)n;
}

static int take_choice(struct request *request, int letter, const char *text)
{
	int *choice = letter == 't' ? &request->tx_type : &request->rx_filter;

	if (request->cli.say.drop_in) {
		*choice = drop_in_number(text, letter == 't' ? HWTSTAMP_TX_ON :
							       DROP_IN_FILTER_MAX);
		request->bad = request->bad || *choice < 0;
		return CLI_GO_ON;
	}
	*choice = letter == 't' ? find_name(tx_names, COUNT(tx_names), text)
				: find_name(rx_names, COUNT(rx_names), text);
	return *choice >= 0 ? CLI_GO_ON
			    : cli_fail(&request->cli, COMMAND_USAGE,
				       "-%c: there is no \"%s\"; --help lists what there is",
				       letter, text);
}

static int take_option(void *own, int option, const char *value)
{
	struct request *request = own;

	switch (option) {
	case 'i':
		request->interface = value;
		return CLI_GO_ON;
	case 'r':
	case 't':
		return take_choice(request, option, value);
	default:
		request->json = true;
		return CLI_GO_ON;
	}
}

/* Natively the interface may be a word. */
static int run(struct request *request, char **words)
{
	const bool drop_in = request->cli.say.drop_in;

	if (!drop_in && !request->interface && *words) {
		request->interface = *words++;
	}
	if (drop_in && (request->bad || !request->interface)) {
		return cli_bad_usage(&request->cli);
	}
	if (!request->interface || (!drop_in && *words)) {
		return cli_fail(&request->cli, COMMAND_USAGE, "give one interface (--help)");
	}
	return drop_in ? run_drop_in(request) : run_native(request);
}

int hwstamp_main(int argc, char **argv, bool drop_in)
{
	static const struct option names[] = { { "json", no_argument, NULL, OPTION_JSON },
					       CLI_LONG_OPTIONS };
	static const struct cli_program program = {
		.letters = ":hi:r:t:v",
		.drop_in_letters = "hi:r:t:v",
		.names = names,
		.takes_words = true,
		.drop_in_failed = CLI_DROP_IN_FAILED,
		.print_usage = print_usage,
		.print_help = print_help,
		.take = take_option,
	};
	struct request request = { .tx_type = -1, .rx_filter = -1 };
	int status;

	cli_init(&request.cli, &program, &request, argv[0], drop_in);
	status = cli_parse(&request.cli, argc, argv);
	return status == CLI_GO_ON ? run(&request, argv + optind) : status;
}
