/* SPDX-License-Identifier: BSD-2-Clause */
#include "vm.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli/cli.h"
#include "tools/config/suggest.h"
#include "tools/control/protocol.h"
#include "tools/control/session.h"

#include "recipe.h"
#include "show.h"

/* Beside those of every command. */
#define VM_NOT_SYNCHRONIZED 3

/* What libvirt's own shared memory has at least. */
#define LIBVIRT_SIZE (1024 * 1024)

enum {
	OPTION_SOCKET = CLI_OWN,
	OPTION_JSON,
	OPTION_QEMU,
	OPTION_XML,
	OPTION_MEMORY,
	OPTION_MAXMEM,
	OPTION_GUEST, /* this and those behind it: keys of a guest, in the order of keys[] */
};

/* Keys of [guest NAME], as parameters have them; "#": the value is a number. */
static const char *const keys[] = { "page",    "#size",	  "owner",   "mode",	"way",
				    "#slot",   "address", "profile", "counter", "#pid",
				    "uuid",    "libvirt", "qmp" };

#define KEYS (sizeof(keys) / sizeof(keys[0]))

struct request {
	struct cli cli;
	struct control_session session;
	const char *socket;
	const char *name;
	json_t *params;
	bool json;
	bool qemu;
	bool xml;
	uint64_t memory;
	uint64_t most;
};

static void print_help(void)
{
	printf("usage: gnomon vm attach NAME [OPTION]...\n"
	       "       gnomon vm recipe NAME [OPTION]...\n"
	       "       gnomon vm detach NAME\n"
	       "       gnomon vm list | status [NAME]\n\n"
	       "Tell a virtual machine the time: gnomond keeps a page that the machine reads.\n"
	       "attach makes it, and prints what QEMU or libvirt need; recipe prints it again.\n\n"
	       "  --way WAY       how the machine gets its page: bar_acpi (or B, the default),\n"
	       "                  fixed (C), bar (A), patch (D); see gnomon-vm(1)\n"
	       "  --pid PID, --uuid UUID, --libvirt DOMAIN\n"
	       "                  which process it is; else the one that has the page mapped\n"
	       "  --owner USER[:GROUP]  who runs it, and may map the page\n"
	       "  --mode MODE     of the page's file\n"
	       "  --profile SCALE tai, or utc for guests of Linux 6.13 to 6.19\n"
	       "  --counter HOW   auto, kvm, pingpong or host\n"
	       "  --page PATH     the page's file; --size OCTETS or 8K, 1M, a power of 2\n"
	       "  --slot N        of PCI bus 0, for bar_acpi and bar\n"
	       "  --memory SIZE   of the machine, as of QEMU's -m, for fixed; --maxmem SIZE\n"
	       "  --address ADDR  of the page in the machine's memory, instead\n"
	       "  --qmp PATH      QEMU's monitor, for migration, and for patch\n"
	       "  --qemu, --xml   print QEMU's arguments alone, or libvirt's elements\n"
	       "  --socket PATH   gnomond's control socket, unless " CONTROL_PATH "\n"
	       "  --json          print JSON\n"
	       "  -h, --help      print this, and exit\n"
	       "  -v, --version   print the version, and exit\n\n"
	       "Exit status: 0, 1 usage, 2 it failed, 3 status: a guest is not synchronized.\n\n"
	       "examples:\n"
	       "  gnomon vm attach web1 --owner libvirt-qemu --libvirt web1\n"
	       "  gnomon vm attach db --way C --memory 8G\n"
	       "  gnomon vm status web1\n");
}

/* -- complaints ------------------------------------------------------------------------------- */

/* What the daemon finds wrong with what was asked is usage. */
static int fail(const struct request *request, const struct control_error *error)
{
	const bool usage = strcmp(error->code, CONTROL_PARAMS) == 0;

	return cli_fail(&request->cli, usage ? COMMAND_USAGE : COMMAND_RUNTIME, "%s%s%s",
			error->message, error->remedy[0] ? "; " : "", error->remedy);
}

/* -- recipes ---------------------------------------------------------------------------------- */

static int print_json(const json_t *value)
{
	(void)json_dumpf(value, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
	(void)putchar('\n');
	return COMMAND_GOOD;
}

static void print_notes(const json_t *notes)
{
	const json_t *note;
	size_t i;

	json_array_foreach (notes, i, note) {
		printf("%s%s\n", i == 0 ? "\n" : "", json_string_value(note));
	}
}

static void print_text(const struct recipe_guest *guest, const char *shell, const char *xml,
		       const json_t *notes)
{
	printf("guest %s: %s\n", guest->name,
	       guest->way == RECIPE_PATCH ? "the page of QEMU's own vmclock device" : guest->page);
	printf("\nQEMU:\n\n  %s\n", shell);
	printf("\nlibvirt (virsh edit; <domain xmlns:qemu='http://libvirt.org/schemas/domain/qemu/"
	       "1.0'>):\n\n%s",
	       xml);
	print_notes(notes);
}

static int print_recipe_of(const struct request *request, const struct recipe_guest *guest,
			   json_t *info, json_t *arguments)
{
	char *shell = recipe_shell(arguments, request->qemu ? " " : " \\\n  ");
	char *xml = recipe_libvirt(guest, arguments);
	json_t *notes = recipe_notes(guest);
	json_t *all;

	if (request->json) {
		all = json_object();
		control_put(all, "guest", json_incref(info));
		control_put(all, "qemu", json_incref(arguments));
		control_put(all, "libvirt", control_text(xml ? xml : ""));
		control_put(all, "notes", json_incref(notes));
		(void)print_json(all);
		json_decref(all);
	} else if (request->qemu) {
		printf("%s\n", shell ? shell : "");
	} else if (request->xml) {
		printf("%s", xml ? xml : "");
	} else {
		print_text(guest, shell ? shell : "", xml ? xml : "", notes);
	}
	free(shell);
	free(xml);
	json_decref(notes);
	return COMMAND_GOOD;
}

static int print_recipe(const struct request *request, json_t *info)
{
	struct recipe_guest guest;
	struct control_error error;
	json_t *arguments = NULL;
	int status;

	if (recipe_take(&guest, info, &error)) {
		guest.memory = request->memory;
		guest.most = request->most;
		(void)recipe_address(guest.memory, &guest.most);
		arguments = recipe_qemu(&guest, &error);
	}
	status = arguments ? print_recipe_of(request, &guest, info, arguments)
			   : fail(request, &error);
	json_decref(arguments);
	return status;
}

/* -- verbs ------------------------------------------------------------------------------------ */

static json_t *call(struct request *request, const char *method, json_t *params,
		    struct control_error *error)
{
	json_t *result;

	if (control_session_open(&request->session, request->socket, "gnomon vm", error)) {
		json_decref(params);
		return NULL;
	}
	result = control_session_call(&request->session, method, params, error);
	control_session_close(&request->session);
	return result;
}

static json_t *with_name(const char *name)
{
	json_t *params = json_object();

	control_put(params, "name", control_text(name));
	return params;
}

/* Where the page goes follows from the memory there is; what is not known has to be said. */
static int complete_fixed(struct request *request)
{
	const char *way = json_string_value(json_object_get(request->params, "way"));
	char text[24];
	uint64_t address;

	if (!way || recipe_way(way) != RECIPE_FIXED ||
	    json_object_get(request->params, "address")) {
		return CLI_GO_ON;
	}
	if (!request->memory) {
		return cli_fail(&request->cli, COMMAND_USAGE,
				"--way %s: where the page is depends on the machine's memory; "
				"give --memory, or --address",
				way);
	}
	address = recipe_address(request->memory, &request->most);
	if (!address) {
		return cli_fail(&request->cli, COMMAND_USAGE,
				"--maxmem: less than 4M beyond --memory leaves no room for the "
				"page; give more");
	}
	(void)snprintf(text, sizeof(text), "0x%" PRIx64, address);
	control_put(request->params, "address", json_string(text));
	return CLI_GO_ON;
}

static int attach(struct request *request)
{
	const char *way = json_string_value(json_object_get(request->params, "way"));
	struct control_error error;
	json_t *result;
	int status = complete_fixed(request);

	if (status != CLI_GO_ON) {
		return status;
	}
	if (way && recipe_way(way) >= 0) {
		way = recipe_way_label((enum recipe_way)recipe_way(way));
		control_put(request->params, "way", json_string(way));
	}
	if (json_object_get(request->params, "libvirt") &&
	    !json_object_get(request->params, "size")) {
		control_put(request->params, "size", json_integer(LIBVIRT_SIZE));
	}
	control_put(request->params, "name", control_text(request->name));
	result = call(request, "vm.attach", json_incref(request->params), &error);
	if (!result) {
		return fail(request, &error);
	}
	status = print_recipe(request, result);
	json_decref(result);
	return status;
}

static int recipe(struct request *request)
{
	struct control_error error;
	json_t *result = call(request, "vm.status", with_name(request->name), &error);
	int status;

	if (!result) {
		return fail(request, &error);
	}
	status = print_recipe(request, result);
	json_decref(result);
	return status;
}

static int detach(struct request *request)
{
	struct control_error error;
	json_t *result = call(request, "vm.detach", with_name(request->name), &error);

	if (!result) {
		return fail(request, &error);
	}
	json_decref(result);
	return COMMAND_GOOD;
}

/* The daemon tells so many at a time. */
static json_t *list_all(struct request *request, struct control_error *error)
{
	json_t *all = json_array();
	json_int_t from = 0;

	if (control_session_open(&request->session, request->socket, "gnomon vm", error)) {
		json_decref(all);
		return NULL;
	}
	while (all && from >= 0) {
		json_t *params = json_object();
		json_t *result;
		const json_t *next;

		control_put(params, "from", json_integer(from));
		result = control_session_call(&request->session, "vm.list", params, error);
		next = json_object_get(result, "next");
		if (!result) {
			json_decref(all);
			all = NULL;
		} else {
			(void)json_array_extend(all, json_object_get(result, "guests"));
		}
		/* Upwards only, whatever it says. */
		from = json_is_integer(next) && json_integer_value(next) > from
			       ? json_integer_value(next)
			       : -1;
		json_decref(result);
	}
	control_session_close(&request->session);
	return all;
}

static int list(struct request *request)
{
	struct control_error error;
	json_t *all = list_all(request, &error);

	if (!all) {
		return fail(request, &error);
	}
	if (request->json) {
		(void)print_json(all);
	} else {
		show_list(all);
	}
	json_decref(all);
	return COMMAND_GOOD;
}

/* Of all: whether everybody is in step, and who is not. */
static int status_of_all(struct request *request)
{
	struct control_error error;
	json_t *all = list_all(request, &error);
	int status = COMMAND_GOOD;
	const json_t *guest;
	size_t i;

	if (!all) {
		return fail(request, &error);
	}
	json_array_foreach (all, i, guest) {
		status = show_is_synchronized(guest) ? status : VM_NOT_SYNCHRONIZED;
		if (!request->json) {
			printf("%s", i == 0 ? "" : "\n");
			show_guest(guest);
		}
	}
	if (request->json) {
		(void)print_json(all);
	}
	json_decref(all);
	return status;
}

static int status(struct request *request)
{
	struct control_error error;
	json_t *guest;
	int code;

	if (!request->name) {
		return status_of_all(request);
	}
	guest = call(request, "vm.status", with_name(request->name), &error);
	if (!guest) {
		return fail(request, &error);
	}
	if (request->json) {
		(void)print_json(guest);
	} else {
		show_guest(guest);
	}
	code = show_is_synchronized(guest) ? COMMAND_GOOD : VM_NOT_SYNCHRONIZED;
	json_decref(guest);
	return code;
}

static const struct verb {
	const char *name;
	enum { NAME_NONE, NAME_MAYBE, NAME_NEEDED } takes;
	bool prints_recipe;
	bool describes; /* takes the keys of a guest */
	int (*run)(struct request *request);
} verbs[] = {
	{ "attach", NAME_NEEDED, true, true, attach },
	{ "detach", NAME_NEEDED, false, false, detach },
	{ "list", NAME_NONE, false, false, list },
	{ "recipe", NAME_NEEDED, true, false, recipe },
	{ "status", NAME_MAYBE, false, false, status },
};

#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

/* -- the command line ------------------------------------------------------------------------- */

static int take_number(const struct request *request, const char *name, const char *value)
{
	const bool is_size = strcmp(name, "size") == 0;
	char *end;
	long long number = strtoll(value, &end, 0);

	if (is_size && end != value && *end) { /* 8K, 1M; without a unit it is octets */
		number = (long long)recipe_octets(value);
		end += number != 0;
	}
	if (end == value || *end || number < 0) {
		return cli_fail(&request->cli, COMMAND_USAGE,
				"--%s: '%s' is no whole number%s; correct it", name, value,
				is_size ? ", also of K or M" : "");
	}
	control_put(request->params, name, json_integer(number));
	return CLI_GO_ON;
}

static int take_memory(const struct request *request, const char *name, const char *value,
		       uint64_t *octets)
{
	*octets = recipe_octets(value);
	return *octets ? CLI_GO_ON
		       : cli_fail(&request->cli, COMMAND_USAGE,
				  "--%s: '%s' is no size of memory; write one such as 4G", name,
				  value);
}

static int take_option(void *own, int option, const char *value)
{
	struct request *request = own;

	switch (option) {
	case OPTION_SOCKET:
		request->socket = value;
		return CLI_GO_ON;
	case OPTION_JSON:
		request->json = true;
		return CLI_GO_ON;
	case OPTION_QEMU:
		request->qemu = true;
		return CLI_GO_ON;
	case OPTION_XML:
		request->xml = true;
		return CLI_GO_ON;
	case OPTION_MEMORY:
		return take_memory(request, "memory", value, &request->memory);
	case OPTION_MAXMEM:
		return take_memory(request, "maxmem", value, &request->most);
	default:
		break;
	}
	if (keys[option - OPTION_GUEST][0] == '#') {
		return take_number(request, keys[option - OPTION_GUEST] + 1, value);
	}
	control_put(request->params, keys[option - OPTION_GUEST], control_text(value));
	return CLI_GO_ON;
}

static const struct verb *find_verb(const struct request *request, const char *word)
{
	struct suggest near;

	if (!word) {
		(void)cli_fail(&request->cli, COMMAND_USAGE,
			       "what is to be done? attach, detach, list, recipe or status "
			       "(--help)");
		return NULL;
	}
	suggest_init(&near, word, strlen(word));
	for (size_t i = 0; i < VERBS; i++) {
		if (strcmp(verbs[i].name, word) == 0) {
			return &verbs[i];
		}
		suggest_name(&near, verbs[i].name);
	}
	(void)cli_fail(&request->cli, COMMAND_USAGE, "%s: not something this does; %s%s%s", word,
		       suggest_best(&near) ? "did you mean " : "--help lists it",
		       suggest_best(&near) ? suggest_best(&near) : "",
		       suggest_best(&near) ? "?" : "");
	return NULL;
}

/* What the verb does not heed was meant to matter. */
static int check_options(const struct request *request, const struct verb *verb)
{
	const char *first = json_object_iter_key(json_object_iter(request->params));

	if (first && !verb->describes) {
		return cli_fail(&request->cli, COMMAND_USAGE, "--%s: only for attach; remove it",
				first);
	}
	if ((request->qemu || request->xml || request->memory || request->most) &&
	    !verb->prints_recipe) {
		return cli_fail(&request->cli, COMMAND_USAGE, "--%s: only for attach and recipe; "
				"remove it",
				request->qemu     ? "qemu"
				: request->xml    ? "xml"
				: request->memory ? "memory"
						  : "maxmem");
	}
	if (request->json + request->qemu + request->xml > 1) {
		return cli_fail(&request->cli, COMMAND_USAGE,
				"--json, --qemu and --xml are three outputs; keep one");
	}
	if (request->most && !request->memory) {
		return cli_fail(&request->cli, COMMAND_USAGE, "--maxmem: goes with --memory; give "
				"both");
	}
	return CLI_GO_ON;
}

static int run(struct request *request, char **words)
{
	const struct verb *verb = find_verb(request, words[0]);
	int code;

	if (!verb) {
		return COMMAND_USAGE;
	}
	request->name = words[1];
	if (verb->takes == NAME_NEEDED && !request->name) {
		return cli_fail(&request->cli, COMMAND_USAGE, "%s: which guest? give its name",
				verb->name);
	}
	if (request->name && (verb->takes == NAME_NONE || words[2])) {
		return cli_fail(&request->cli, COMMAND_USAGE, "%s: one word too many; remove it",
				verb->takes == NAME_NONE ? request->name : words[2]);
	}
	code = check_options(request, verb);
	return code == CLI_GO_ON ? verb->run(request) : code;
}

int vm_main(int argc, char **argv, bool drop_in)
{
	static const struct option names[] = {
		{ "page", required_argument, NULL, OPTION_GUEST },
		{ "size", required_argument, NULL, OPTION_GUEST + 1 },
		{ "owner", required_argument, NULL, OPTION_GUEST + 2 },
		{ "mode", required_argument, NULL, OPTION_GUEST + 3 },
		{ "way", required_argument, NULL, OPTION_GUEST + 4 },
		{ "slot", required_argument, NULL, OPTION_GUEST + 5 },
		{ "address", required_argument, NULL, OPTION_GUEST + 6 },
		{ "profile", required_argument, NULL, OPTION_GUEST + 7 },
		{ "counter", required_argument, NULL, OPTION_GUEST + 8 },
		{ "pid", required_argument, NULL, OPTION_GUEST + 9 },
		{ "uuid", required_argument, NULL, OPTION_GUEST + 10 },
		{ "libvirt", required_argument, NULL, OPTION_GUEST + 11 },
		{ "qmp", required_argument, NULL, OPTION_GUEST + 12 },
		{ "memory", required_argument, NULL, OPTION_MEMORY },
		{ "maxmem", required_argument, NULL, OPTION_MAXMEM },
		{ "qemu", no_argument, NULL, OPTION_QEMU },
		{ "xml", no_argument, NULL, OPTION_XML },
		{ "socket", required_argument, NULL, OPTION_SOCKET },
		{ "json", no_argument, NULL, OPTION_JSON },
		CLI_LONG_OPTIONS,
	};
	static const struct cli_program program = {
		.letters = ":hv",
		.names = names,
		.takes_words = true,
		.print_help = print_help,
		.take = take_option,
	};
	struct request request = { .session.stream.fd = -1 };
	int code;

	cli_init(&request.cli, &program, &request, argv[0], drop_in);
	request.params = json_object();
	code = cli_parse(&request.cli, argc, argv);
	code = code == CLI_GO_ON ? run(&request, argv + optind) : code;
	json_decref(request.params);
	return code;
}
