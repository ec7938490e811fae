/* SPDX-License-Identifier: BSD-2-Clause */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include <gnomon/version.h>

#include "drivers/iface.h"
#include "pmc.h"
#include "tools/config/config.h"

/* linuxptp's -1, as the shell sees it. */
#define DROP_IN_FAILED 255

#define DROP_IN_WAIT_MS 100
#define NATIVE_WAIT_MS 1000

#define OPTION_JSON 1
#define OPTION_TIMEOUT 2

struct cli {
	struct say say;
	struct conf_request request;
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

static int complain(const struct cli *cli, const char *text, int status)
{
	say(&cli->say, LOG_ERR, "%s", text);
	return cli->say.drop_in ? DROP_IN_FAILED : status;
}

/* Of -2, -4, -6 and -u linuxptp takes the last one. */
static int choose_transport(struct cli *cli, const char *transport, const char *option)
{
	if (!cli->say.drop_in && cli->transport && strcmp(cli->transport, transport) != 0) {
		say(&cli->say, LOG_ERR,
		    "%s and %s contradict each other: ask one network, or with -u this machine; "
		    "remove one",
		    cli->option, option);
		return COMMAND_USAGE;
	}
	cli->transport = transport;
	snprintf(cli->option, sizeof(cli->option), "%s", option);
	return -1;
}

/* -- options ---------------------------------------------------------------------------------- */

static int set_key(struct cli *cli, const char *name, const char *text)
{
	struct conf_error error = { "" };

	if (conf_request_key(&cli->request, name, text, &error)) {
		return complain(cli, error.text, COMMAND_USAGE);
	}
	return -1;
}

static int set_transport(struct cli *cli, const char *transport, const char *option)
{
	int status = set_key(cli, "network_transport", transport);

	return status < 0 ? choose_transport(cli, transport, option) : status;
}

/* Hexadecimal; linuxptp ignores what is no number. */
static int set_transport_specific(struct cli *cli, const char *text)
{
	char *end;
	const unsigned long value = strtoul(text, &end, 16);

	if (end == text || *end || value > 0xf) {
		return cli->say.drop_in ? -1 :
					  complain(cli, "-t takes a hexadecimal digit, 0 to f",
						   COMMAND_USAGE);
	}
	snprintf(cli->transport_specific, sizeof(cli->transport_specific), "%lu", value);
	return set_key(cli, "transportSpecific", cli->transport_specific);
}

static int set_int(const struct cli *cli, char letter, int min, int max, int *value)
{
	if (say_parse_int(&cli->say, letter, optarg, min, max, value) == 0) {
		return -1;
	}
	return cli->say.drop_in ? DROP_IN_FAILED : COMMAND_USAGE;
}

static int set_timeout(struct cli *cli)
{
	char *end;
	const long ms = strtol(optarg, &end, 10);

	if (end == optarg || *end || ms < 1 || ms > 3600000) {
		return complain(cli, "--timeout takes milliseconds, 1 to 3600000", COMMAND_USAGE);
	}
	cli->timeout_ms = (int)ms;
	return -1;
}

static int print_and_leave(const struct cli *cli, int c)
{
	if (c == 'v') {
		printf("%s%s\n", cli->say.drop_in ? "" : "gnomon ", GNOMON_VERSION_STRING);
	} else if (cli->say.drop_in) {
		print_usage(stderr, cli->say.program);
	} else {
		print_help();
	}
	return COMMAND_GOOD;
}

/* One option: -1 to go on, else the exit status. */
static int take_option(struct cli *cli, int c, const char *name)
{
	switch (c) {
	case CONF_OPTION_KEY:
		return strcmp(name, "network_transport") == 0 ?
			       set_transport(cli, optarg, "--network_transport") :
			       set_key(cli, name, optarg);
	case '2':
		return set_transport(cli, "L2", "-2");
	case '4':
		return set_transport(cli, "UDPv4", "-4");
	case '6':
		return set_transport(cli, "UDPv6", "-6");
	case 'u':
		return choose_transport(cli, "UDS", "-u");
	case 'b':
		return set_int(cli, 'b', 0, 255, &cli->boundary_hops);
	case 'd':
		return set_key(cli, "domainNumber", optarg);
	case 'f':
		cli->request.file = optarg;
		return -1;
	case 'i':
		cli->interface = optarg;
		return -1;
	case 's':
		cli->server = optarg;
		return -1;
	case 't':
		return set_transport_specific(cli, optarg);
	case 'z':
		cli->empty_get = true;
		return -1;
	case OPTION_JSON:
		cli->json = true;
		return -1;
	case OPTION_TIMEOUT:
		return set_timeout(cli);
	case 'h':
	case 'v':
		return print_and_leave(cli, c);
	default:
		if (cli->say.drop_in) {
			print_usage(stderr, cli->say.program);
		}
		return cli->say.drop_in ? DROP_IN_FAILED : COMMAND_USAGE;
	}
}

static int parse_options(struct cli *cli, int argc, char **argv)
{
	static const struct option own[] = {
		{ "json", no_argument, NULL, OPTION_JSON },
		{ "timeout", required_argument, NULL, OPTION_TIMEOUT },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	struct option *names = conf_long_options(cli->say.drop_in ? NULL : own);
	int status = -1;
	int index = 0;
	int c;

	if (!names) {
		return complain(cli, "no memory; make some free", COMMAND_RUNTIME);
	}
	while (status < 0 &&
	       (c = getopt_long(argc, argv, "246ub:d:f:hi:s:t:vz", names, &index)) != -1) {
		status = take_option(cli, c, names[index].name);
	}
	free(names);
	return status;
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

static bool is_local(const struct cli *cli)
{
	return cli->transport ? strcmp(cli->transport, "UDS") == 0 : !cli->say.drop_in;
}

static void fill_config(struct manage_config *config, const struct cli *cli,
			const struct conf *conf)
{
	manage_config_default(config, "pmc");
	config->local = is_local(cli);
	config->domain = (uint8_t)conf->domain_number;
	config->sdo_id = (uint16_t)(conf->defaults.transport_specific << 8);
	config->minor_version = (uint8_t)conf->ptp_minor_version;
	/* Whoever asks this machine's daemon does not mean its neighbours. */
	config->boundary_hops = cli->boundary_hops >= 0		    ? (uint8_t)cli->boundary_hops :
				config->local && !cli->say.drop_in ? 0 :
								     1;
	config->empty_get = cli->empty_get;
	if (!config->local) {
		fill_link(&config->link, conf, cli->interface ? cli->interface : "eth0");
		return;
	}
	config->own = cli->interface;
	if (cli->server) {
		config->server = cli->server;
	} else if (strcmp(conf->uds_address, "/var/run/ptp/ptp4l") != 0) {
		config->server = conf->uds_address;
	}
}

/* "gnomon pmc GET PRIORITY1", without quotes: one command. Returns it, to be freed; NULL: the
 * words are commands of their own. */
static char *join_words(char **words)
{
	static const char *const verbs[] = { "GET", "SET", "CMD", "COMMAND", "TARGET", "HELP" };
	bool is_verb = false;
	size_t len = 0;
	char *line;

	for (char **w = words; *w; w++) {
		if (strpbrk(*w, " \t\n")) {
			return NULL;
		}
		len += strlen(*w) + 1;
	}
	for (size_t i = 0; words[0] && words[1] && i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		is_verb = is_verb || strcasecmp(words[0], verbs[i]) == 0;
	}
	line = is_verb ? malloc(len) : NULL;
	for (char *at = line; line && *words; words++) {
		at += sprintf(at, "%s%s", at == line ? "" : " ", *words);
	}
	return line;
}

/* An interface named without saying which network: the name would become that of a socket. */
static bool is_ambiguous(const struct cli *cli)
{
	struct driver_error error;
	struct iface iface;

	return !cli->say.drop_in && !cli->transport && cli->interface &&
	       iface_query(cli->interface, &iface, &error) == 0;
}

/* Options that do not go together: -1, or the exit status. */
static int check(const struct cli *cli)
{
	if (is_ambiguous(cli)) {
		return complain(cli, "-i names an interface: say -2, -4 or -6 too", COMMAND_USAGE);
	}
	if (!cli->say.drop_in && cli->server && !is_local(cli)) {
		say(&cli->say, LOG_ERR,
		    "-s names a socket of this machine, but %s asks a network; remove one",
		    cli->option);
		return COMMAND_USAGE;
	}
	return -1;
}

static int run(struct cli *cli, const struct conf *conf, char **words)
{
	char *joined[2] = { cli->say.drop_in ? NULL : join_words(words), NULL };
	struct pmc_session session = {
		.say = &cli->say,
		.drop_in = cli->say.drop_in,
		.json = cli->json,
		.timeout_ms = cli->timeout_ms,
	};
	struct driver_error error = { "" };
	struct manage_config config;
	int status;

	status = check(cli);
	if (status >= 0) {
		free(joined[0]);
		return status;
	}
	fill_config(&config, cli, conf);
	session.alone = config.local && config.boundary_hops == 0;
	if (manage_open(&session.client, &config, &error)) {
		status = complain(cli, error.text, COMMAND_RUNTIME);
		if (cli->say.drop_in) {
			fprintf(stderr, "failed to create pmc\n");
		}
	} else {
		status = pmc_run(&session, joined[0] ? joined : words);
		manage_close(session.client);
	}
	free(joined[0]);
	return status;
}

int pmc_main(int argc, char **argv, bool drop_in)
{
	struct cli cli = {
		.say = say_as(say_base_name(argv[0]), drop_in),
		.boundary_hops = -1,
		.timeout_ms = drop_in ? DROP_IN_WAIT_MS : NATIVE_WAIT_MS,
	};
	struct conf_error error = { "" };
	struct conf conf;
	int status = parse_options(&cli, argc, argv);

	if (status < 0 && (conf_init_tool(&conf, !drop_in) != 0 ||
			   conf_request_load(&cli.request, &conf, &error) != 0)) {
		status = complain(&cli, error.text[0] ? error.text : "no memory; make some free",
				  COMMAND_USAGE);
		conf_finish(&conf);
	} else if (status < 0) {
		status = run(&cli, &conf, argv + optind);
		conf_finish(&conf);
	}
	conf_request_finish(&cli.request);
	return status;
}
