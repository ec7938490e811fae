/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "drivers/iface.h"
#include "pmc.h"
#include "tools/cli/cli.h"

#define DROP_IN_WAIT_MS 100
#define NATIVE_WAIT_MS 1000

#define OPTION_JSON CLI_OWN
#define OPTION_TIMEOUT (CLI_OWN + 1)

struct asker {
	struct cli cli;
	const char *transport; /* a value of network_transport, "UDS", or NULL: not said */
	char option[24];       /* that said it */
	const char *interface; /* or the path of our socket */
	const char *server;
	char transport_specific[16];
	int boundary_hops;     /* -1: not said */
	int timeout_ms;
	bool empty_get;
	bool json;
};

static void print_usage(FILE *out, const char *program)
{
	fprintf(out,
		"\nusage: %s [options] [commands]\n\n"
		" Network Transport\n\n"
		" -2        IEEE 802.3\n"
		" -4        UDP IPV4 (default)\n"
		" -6        UDP IPV6\n"
		" -u        UDS local\n\n"
		" Other Options\n\n"
		" -b [num]  boundary hops, default 1\n"
		" -d [num]  domain number, default 0\n"
		" -f [file] read configuration from 'file'\n"
		" -h        prints this message and exits\n"
		" -i [dev]  interface device to use, default 'eth0'\n"
		"           for network and 'pmc.$pid' for UDS.\n"
		" -s [path] server address for UDS, default '/var/run/ptp/ptp4l'.\n"
		" -t [hex]  transport specific field, default 0x0\n"
		" -v        prints the software version and exits\n"
		" -z        send zero length TLV values with the GET actions\n\n",
		program);
}

static void print_help(void)
{
	printf("usage: gnomon pmc [OPTION]... [COMMAND]...\n\n"
	       "Ask PTP clocks for their data sets, or set them. Without commands, lines of the\n"
	       "standard input are commands.\n\n"
	       "  GET ID, SET ID VALUE..., CMD ID, TARGET IDENTITY, HELP, HELP ID\n\n"
	       "  -u              ask the daemon of this machine (default)\n"
	       "  -s PATH         its socket (%s)\n"
	       "  -2, -4, -6      ask a network: Ethernet, UDP over IPv4 or IPv6\n"
	       "  -i INTERFACE    the network's interface; with -u the path of our own socket\n"
	       "  -d DOMAIN       domainNumber (0)\n"
	       "  -t HEX          majorSdoId (0)\n"
	       "  -b HOPS         boundary clocks to pass: 0 (for -u) asks that clock alone; of a\n"
	       "                  network (1)\n"
	       "  -z              send GETs without a dataField\n"
	       "  --timeout MS    wait so long for each answer (%d)\n"
	       "  --json          print a JSON object per answer\n"
	       "  -f FILE         read configuration from FILE, see gnomon.conf(5)\n"
	       "  --KEY=VALUE     any key of the configuration file\n"
	       "  -h, --help      print this, and exit\n"
	       "  -v, --version   print the version, and exit\n\n"
	       "examples:\n"
	       "  gnomon pmc GET TIME_STATUS_NP\n"
	       "  gnomon pmc --json \"GET PORT_DATA_SET\" \"GET PORT_STATS_NP\"\n"
	       "  gnomon pmc -2 -i eth0 GET DEFAULT_DATA_SET\n",
	       manage_default_server(), NATIVE_WAIT_MS);
}

/* Of -2, -4, -6 and -u linuxptp takes the last one. */
static int choose_transport(struct asker *a, const char *transport, const char *option)
{
	if (!a->cli.say.drop_in && a->transport && strcmp(a->transport, transport) != 0) {
		return cli_fail(&a->cli, COMMAND_USAGE,
				"%s and %s contradict each other: ask one network, or with -u this "
				"machine; remove one",
				a->option, option);
	}
	a->transport = transport;
	snprintf(a->option, sizeof(a->option), "%s", option);
	return CLI_GO_ON;
}

/* -- options ---------------------------------------------------------------------------------- */

static int set_transport(struct asker *a, const char *transport, const char *option)
{
	int status = cli_key(&a->cli, "network_transport", transport);

	return status == CLI_GO_ON ? choose_transport(a, transport, option) : status;
}

/* Hexadecimal; linuxptp ignores what is no number. */
static int set_transport_specific(struct asker *a, const char *text)
{
	char *end;
	const unsigned long value = strtoul(text, &end, 16);

	if (end == text || *end || value > 0xf) {
		return a->cli.say.drop_in ? CLI_GO_ON :
					    cli_fail(&a->cli, COMMAND_USAGE,
						     "-t %.40s: not a hexadecimal digit; write 0 "
						     "to f",
						     text);
	}
	snprintf(a->transport_specific, sizeof(a->transport_specific), "%lu", value);
	return cli_key(&a->cli, "transportSpecific", a->transport_specific);
}

static int set_timeout(struct asker *a, const char *text)
{
	char *end;
	const long ms = strtol(text, &end, 10);

	if (end == text || *end || ms < 1 || ms > 3600000) {
		return cli_fail(&a->cli, COMMAND_USAGE,
				"--timeout %.40s: not a time to wait; write milliseconds, 1 to "
				"3600000",
				text);
	}
	a->timeout_ms = (int)ms;
	return CLI_GO_ON;
}

static int take_option(void *own, int option, const char *value)
{
	struct asker *a = own;

	switch (option) {
	case '2':
		return set_transport(a, "L2", "-2");
	case '4':
		return set_transport(a, "UDPv4", "-4");
	case '6':
		return set_transport(a, "UDPv6", "-6");
	case 'u':
		return choose_transport(a, "UDS", "-u");
	case 'b':
		return cli_int(&a->cli, 'b', value, 0, 255, &a->boundary_hops);
	case 'd':
		return cli_key(&a->cli, "domainNumber", value);
	case 'i':
		a->interface = value;
		return CLI_GO_ON;
	case 's':
		a->server = value;
		return CLI_GO_ON;
	case 't':
		return set_transport_specific(a, value);
	case 'z':
		a->empty_get = true;
		return CLI_GO_ON;
	case OPTION_TIMEOUT:
		return set_timeout(a, value);
	default:
		a->json = true;
		return CLI_GO_ON;
	}
}

/* As good as -2, -4 and -6. */
static int take_key(void *own, const char *key, const char *value)
{
	return strcmp(key, "network_transport") == 0 ?
		       choose_transport(own, value, "--network_transport") :
		       CLI_GO_ON;
}

/* -- the client ------------------------------------------------------------------------------- */

static void fill_link(struct link_config *link, const struct conf *conf, const char *interface)
{
	static const enum gnomon_network_protocol protocols[] = {
		[CONF_NET_L2] = GNOMON_NETWORK_IEEE_802_3,
		[CONF_NET_UDPV4] = GNOMON_NETWORK_UDP_IPV4,
		[CONF_NET_UDPV6] = GNOMON_NETWORK_UDP_IPV6,
	};
	const struct conf_interface *section = conf_interface_find(conf, interface);
	const struct conf_port *port = section ? &section->conf : &conf->defaults;

	link_config_default(link, protocols[port->network_transport]);
	link->interface = interface;
	/* A daemon of this machine has the ports open already. */
	link->share_ports = true;
	link->event_port = (uint16_t)conf->event_port;
	link->general_port = (uint16_t)conf->general_port;
	link->udp_ttl = (uint8_t)port->udp_ttl;
	link->udp6_scope = (uint8_t)port->udp6_scope;
	switch ((enum conf_transport)port->network_transport) {
	case CONF_NET_L2:
		memcpy(link->primary.octets, port->ptp_dst_mac, sizeof(port->ptp_dst_mac));
		break;
	case CONF_NET_UDPV4:
		memcpy(link->primary.octets, port->ptp_dst_ipv4, sizeof(port->ptp_dst_ipv4));
		break;
	case CONF_NET_UDPV6:
		memcpy(link->primary.octets, port->ptp_dst_ipv6, sizeof(port->ptp_dst_ipv6));
		break;
	}
}

static bool is_local(const struct asker *a)
{
	return a->transport ? strcmp(a->transport, "UDS") == 0 : !a->cli.say.drop_in;
}

static void fill_config(struct manage_config *config, const struct asker *a,
			const struct conf *conf)
{
	manage_config_default(config, "pmc");
	config->local = is_local(a);
	config->domain = (uint8_t)conf->domain_number;
	config->sdo_id = (uint16_t)(conf->defaults.transport_specific << 8);
	config->minor_version = (uint8_t)conf->ptp_minor_version;
	/* Whoever asks this machine's daemon does not mean its neighbours. */
	config->boundary_hops = a->boundary_hops >= 0		    ? (uint8_t)a->boundary_hops :
				config->local && !a->cli.say.drop_in ? 0 :
								     1;
	config->empty_get = a->empty_get;
	if (!config->local) {
		fill_link(&config->link, conf, a->interface ? a->interface : "eth0");
		return;
	}
	config->own = a->interface;
	if (a->server) {
		config->server = a->server;
	} else if (strcmp(conf->uds_address, "/var/run/ptp/ptp4l") != 0) {
		config->server = conf->uds_address;
	}
}

/* A verb alone is no command: what stands behind it belongs to it. */
static bool is_verb(const char *word)
{
	static const char *const verbs[] = { "GET", "SET", "CMD", "COMMAND", "TARGET", "HELP" };

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcasecmp(word, verbs[i]) == 0) {
			return true;
		}
	}
	return false;
}

/* "gnomon pmc GET PRIORITY1", without quotes: one command. Returns it, to be freed; NULL: the
 * words are commands of their own. A word with blanks is one value. */
static char *join_words(char **words)
{
	size_t len = 0;
	char *line;

	if (!words[0] || !words[1] || !is_verb(words[0])) {
		return NULL;
	}
	for (char **w = words; *w; w++) {
		len += strlen(*w) + 3;
	}
	line = malloc(len);
	for (char *at = line; line && *words; words++) {
		const bool one = **words == '\0' || strpbrk(*words, " \t\n");
		const char *quote = one && !strchr(*words, '"') ? "\"" : "";

		at += sprintf(at, "%s%s%s%s", at == line ? "" : " ", quote, *words, quote);
	}
	return line;
}

/* An interface named without saying which network: the name would become that of a socket. */
static bool is_ambiguous(const struct asker *a)
{
	struct driver_error error;
	struct iface iface;

	return !a->cli.say.drop_in && !a->transport && a->interface &&
	       iface_query(a->interface, &iface, &error) == 0;
}

/* Options that do not go together. */
static int check(const struct asker *a)
{
	if (is_ambiguous(a)) {
		return cli_fail(&a->cli, COMMAND_USAGE,
				"-i %s: an interface, but no network to ask by it; say -2, -4 or "
				"-6 too",
				a->interface);
	}
	if (!a->cli.say.drop_in && a->server && !is_local(a)) {
		return cli_fail(&a->cli, COMMAND_USAGE,
				"-s names a socket of this machine, but %s asks a network; remove "
				"one",
				a->option);
	}
	return CLI_GO_ON;
}

static int ask(const struct asker *a, const struct conf *conf, char **words)
{
	struct pmc_session session = {
		.say = &a->cli.say,
		.drop_in = a->cli.say.drop_in,
		.json = a->json,
		.timeout_ms = a->timeout_ms,
	};
	struct driver_error error = { "" };
	struct manage_config config;
	int status;

	fill_config(&config, a, conf);
	session.alone = config.local && config.boundary_hops == 0;
	if (manage_open(&session.client, &config, &error)) {
		status = cli_fail(&a->cli, COMMAND_RUNTIME, "%s", error.text);
		if (a->cli.say.drop_in) {
			fprintf(stderr, "failed to create pmc\n");
		}
		return status;
	}
	status = pmc_run(&session, words);
	manage_close(session.client);
	return status;
}

static int run(void *own, const struct conf *conf, char **words)
{
	const struct asker *a = own;
	char *joined[2] = { a->cli.say.drop_in ? NULL : join_words(words), NULL };
	int status = check(a);

	if (status == CLI_GO_ON) {
		status = ask(a, conf, joined[0] ? joined : words);
	}
	free(joined[0]);
	return status;
}

int pmc_main(int argc, char **argv, bool drop_in)
{
	static const struct option names[] = {
		{ "json", no_argument, NULL, OPTION_JSON },
		{ "timeout", required_argument, NULL, OPTION_TIMEOUT },
		CLI_LONG_OPTIONS,
	};
	static const struct cli_program program = {
		.letters = "+:246ub:d:f:hi:s:t:vz",
		.drop_in_letters = "246ub:d:f:hi:s:t:vz",
		.names = names,
		.configured = true,
		.takes_words = true,
		.drop_in_failed = CLI_DROP_IN_FAILED,
		.print_usage = print_usage,
		.print_help = print_help,
		.take = take_option,
		.take_key = take_key,
	};
	struct asker a = {
		.boundary_hops = -1,
		.timeout_ms = drop_in ? DROP_IN_WAIT_MS : NATIVE_WAIT_MS,
	};

	cli_init(&a.cli, &program, &a, argv[0], drop_in);
	return cli_run(&a.cli, argc, argv, run);
}
