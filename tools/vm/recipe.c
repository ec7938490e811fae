/* SPDX-License-Identifier: BSD-2-Clause */
#include "recipe.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KIB UINT64_C(1024)
#define MIB (KIB * 1024)
#define GIB (MIB * 1024)

/* libvirt's shared memory is a file here, and has whole mebibytes. */
#define SHM_FOLDER "/dev/shm/"

static const char *const ways[] = { "bar_acpi", "fixed", "bar", "patch" };
static const char letters[] = "BCAD"; /* as the documents call them */

#define WAYS (sizeof(ways) / sizeof(ways[0]))

/* -- a guest ---------------------------------------------------------------------------------- */

int recipe_way(const char *text)
{
	for (size_t i = 0; i < WAYS; i++) {
		if (strcmp(ways[i], text) == 0 || (text[0] == letters[i] && text[1] == '\0')) {
			return (int)i;
		}
	}
	return -1;
}

const char *recipe_way_label(enum recipe_way way)
{
	return ways[way];
}

static const char *text_of(const json_t *info, const char *name)
{
	const char *text = json_string_value(json_object_get(info, name));

	return text ? text : "";
}

bool recipe_take(struct recipe_guest *guest, const json_t *info, struct control_error *error)
{
	const int way = recipe_way(text_of(info, "way"));

	if (way < 0 || !text_of(info, "name")[0]) {
		(void)control_fail(error, CONTROL_FAILED,
				   "the daemon describes a guest that this program does not "
				   "understand; use that of the same release");
		return false;
	}
	*guest = (struct recipe_guest){
		.name = text_of(info, "name"),
		.page = text_of(info, "page"),
		.table = text_of(info, "table"),
		.qmp = text_of(info, "qmp"),
		.way = (enum recipe_way)way,
		.size = (uint64_t)json_integer_value(json_object_get(info, "size")),
		.slot = (unsigned int)json_integer_value(json_object_get(info, "slot")),
		.address = strtoull(text_of(info, "address"), NULL, 0),
	};
	return true;
}

/* -- memory ----------------------------------------------------------------------------------- */

uint64_t recipe_octets(const char *text)
{
	const char units[] = "KMGT";
	const char *unit;
	char *end;
	uint64_t value;
	uint64_t scale = MIB;

	if (text[0] < '0' || text[0] > '9') {
		return 0;
	}
	value = strtoull(text, &end, 10);
	unit = *end ? strchr(units, *end) : NULL;
	if (*end && (!unit || end[1])) {
		return 0;
	}
	if (unit) {
		scale = KIB;
		for (; unit > units; unit--) {
			scale *= KIB;
		}
	}
	return value > INT64_MAX / scale ? 0 : value * scale;
}

/* Of q35: with 2816 MiB or more, 2 GiB stay below the devices, and the rest begins at 4 GiB. */
#define SPLIT_FROM (2816 * MIB)
#define SPLIT_BELOW (2 * GIB)
#define ABOVE (4 * GIB)

uint64_t recipe_address(uint64_t memory, uint64_t *most)
{
	const uint64_t above = memory >= SPLIT_FROM ? memory - SPLIT_BELOW : 0;
	const uint64_t begin = (ABOVE + above + GIB - 1) / GIB * GIB;

	if (memory == 0 || memory > UINT64_C(1) << 50) {
		return 0;
	}
	if (*most == 0) {
		*most = memory + GIB;
	}
	/* The last whole 2 MiB, as processors like their pages. */
	if (*most < memory + 4 * MIB || *most > UINT64_C(1) << 51) {
		return 0;
	}
	return (begin + (*most - memory)) / (2 * MIB) * (2 * MIB) - 2 * MIB;
}

/* -- texts that grow -------------------------------------------------------------------------- */

static void add(json_t *list, const char *text)
{
	(void)json_array_append_new(list, control_text(text));
}

static void add_format(json_t *list, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void add_format(json_t *list, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	add(list, text);
}

/* -- QEMU ------------------------------------------------------------------------------------- */

/* A comma would end the path, two stand for one. */
static const char *escape(const char *path, char buf[512])
{
	size_t at = 0;

	for (; *path && at < 509; path++) {
		buf[at++] = *path;
		if (*path == ',') {
			buf[at++] = ',';
		}
	}
	buf[at] = '\0';
	return buf;
}

static void add_file(json_t *list, const struct recipe_guest *guest)
{
	char page[512];

	add(list, "-object");
	add_format(list, "memory-backend-file,id=gnomon,mem-path=%s,size=%" PRIu64 ",share=on",
		   escape(guest->page, page), guest->size);
}

static void add_bar(json_t *list, const struct recipe_guest *guest)
{
	add_file(list, guest);
	add(list, "-device");
	/* master: else a machine with it cannot be migrated. */
	add_format(list, "ivshmem-plain,memdev=gnomon,addr=0x%x,master=on", guest->slot);
}

static void add_fixed(json_t *list, const struct recipe_guest *guest)
{
	add(list, "-machine");
	add(list, "nvdimm=on");
	if (guest->memory) {
		add(list, "-m");
		/* QEMU joins it with the -m that says how much there is at first. */
		add_format(list, "slots=1,maxmem=%" PRIu64 "M", guest->most / MIB);
	}
	add_file(list, guest);
	add(list, "-device");
	add_format(list, "nvdimm,memdev=gnomon,addr=0x%" PRIx64, guest->address);
}

static void add_monitor(json_t *list, const struct recipe_guest *guest)
{
	char path[512];

	if (guest->qmp[0]) {
		add(list, "-qmp");
		add_format(list, "unix:%s,server=on,wait=off", escape(guest->qmp, path));
	}
}

static bool check(const struct recipe_guest *guest, struct control_error *error)
{
	uint64_t most = guest->most;
	const uint64_t end = recipe_address(guest->memory, &most);

	if (strchr(guest->table, ':')) {
		(void)control_fail(error, CONTROL_PARAMS,
				   "%s: QEMU takes a colon for the end of a table's path; set "
				   "guest_dir to a folder without one",
				   guest->table);
		return false;
	}
	if (guest->way == RECIPE_FIXED && guest->memory && guest->address > end) {
		(void)control_fail(error, CONTROL_PARAMS,
				   "the page is at 0x%" PRIx64 ", and such a machine has room up "
				   "to 0x%" PRIx64 "; give a larger --maxmem",
				   guest->address, end);
		return false;
	}
	return true;
}

json_t *recipe_qemu(const struct recipe_guest *guest, struct control_error *error)
{
	json_t *list = check(guest, error) ? json_array() : NULL;
	char path[512];

	if (!list) {
		return NULL;
	}
	switch (guest->way) {
	case RECIPE_BAR_ACPI:
	case RECIPE_BAR:
		add_bar(list, guest);
		break;
	case RECIPE_FIXED:
		add_fixed(list, guest);
		break;
	case RECIPE_PATCH:
		add(list, "-device");
		add(list, "vmclock");
		add(list, "-S");
		break;
	}
	if (guest->table[0]) {
		add(list, "-acpitable");
		add_format(list, "file=%s", escape(guest->table, path));
	}
	add_monitor(list, guest);
	return list;
}

/* -- a shell ---------------------------------------------------------------------------------- */

static void put_word(FILE *out, const char *word)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789_/.,=:+@%-";

	if (word[0] && word[strspn(word, plain)] == '\0') {
		fputs(word, out);
		return;
	}
	fputc('\'', out);
	for (; *word; word++) {
		if (*word == '\'') {
			fputs("'\\''", out);
		} else {
			fputc(*word, out);
		}
	}
	fputc('\'', out);
}

/* An option and its value stay together. */
char *recipe_shell(const json_t *arguments, const char *between)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	const json_t *word;
	size_t i;

	if (!out) {
		return NULL;
	}
	json_array_foreach (arguments, i, word) {
		if (i > 0) {
			fputs(json_string_value(word)[0] == '-' ? between : " ", out);
		}
		put_word(out, json_string_value(word));
	}
	return fclose(out) == 0 ? text : NULL;
}

/* -- libvirt ---------------------------------------------------------------------------------- */

static void put_escaped(FILE *out, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '\'':
			fputs("&apos;", out);
			break;
		default:
			fputc(*text, out);
			break;
		}
	}
}

/* What libvirt can do by itself: a file in its folder, of whole mebibytes. */
static const char *shmem_name(const struct recipe_guest *guest)
{
	const char *name = guest->page + strlen(SHM_FOLDER);
	const bool bar = guest->way == RECIPE_BAR_ACPI || guest->way == RECIPE_BAR;

	return bar && strncmp(guest->page, SHM_FOLDER, strlen(SHM_FOLDER)) == 0 &&
			       !strchr(name, '/') && guest->size >= MIB
		       ? name
		       : NULL;
}

static void put_shmem(FILE *out, const struct recipe_guest *guest, const char *name)
{
	fputs("<devices>\n  <shmem name='", out);
	put_escaped(out, name);
	fprintf(out,
		"' role='master'>\n"
		"    <model type='ivshmem-plain'/>\n"
		"    <size unit='M'>%" PRIu64 "</size>\n"
		"    <address type='pci' domain='0x0000' bus='0x00' slot='0x%02x' "
		"function='0x0'/>\n"
		"  </shmem>\n"
		"</devices>\n",
		guest->size / MIB, guest->slot);
}

/* Whether libvirt gives it to QEMU by itself: of shared memory the first four, -S always. */
static bool is_libvirts(const char *word, size_t index, bool shmem)
{
	return (shmem && index < 4) || strcmp(word, "-S") == 0;
}

char *recipe_libvirt(const struct recipe_guest *guest, const json_t *arguments)
{
	const char *name = shmem_name(guest);
	bool open = false;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	const json_t *word;
	size_t i;

	if (!out) {
		return NULL;
	}
	if (name) {
		put_shmem(out, guest, name);
	}
	json_array_foreach (arguments, i, word) {
		if (is_libvirts(json_string_value(word), i, name != NULL)) {
			continue;
		}
		fputs(open ? "" : "<qemu:commandline>\n", out);
		open = true;
		fputs("  <qemu:arg value='", out);
		put_escaped(out, json_string_value(word));
		fputs("'/>\n", out);
	}
	fputs(open ? "</qemu:commandline>\n" : "", out);
	return fclose(out) == 0 ? text : NULL;
}

/* -- what else -------------------------------------------------------------------------------- */

static void note_way(json_t *notes, const struct recipe_guest *guest)
{
	switch (guest->way) {
	case RECIPE_BAR_ACPI:
		add_format(notes,
			   "The device has to be on PCI bus 0, slot 0x%x: the table names it. "
			   "Linux 6.13 or later binds it by itself (ptp_vmclock): /dev/vmclock0, "
			   "and a /dev/ptpN whose clock_name is vmclock0.",
			   guest->slot);
		break;
	case RECIPE_BAR:
		add(notes, "No driver of the guest is needed: gnomon-guest and libgnomon map the "
			   "page from the device (vendor 1af4, device 1110, resource2).");
		break;
	case RECIPE_FIXED:
		add_format(notes,
			   "Memory of the machine has to be able to grow beyond 0x%" PRIx64
			   "%s; more slots are needed if memory is plugged in as well.",
			   guest->address,
			   guest->memory ? "" : " (-m slots=1,maxmem=...): --memory makes that "
					       "argument");
		break;
	case RECIPE_PATCH:
		add(notes, "It starts paused (with libvirt: virsh start --paused), because its "
			   "driver looks at the page once, early. Let it go on in a monitor of "
			   "your own (cont, virsh resume) when gnomon vm status says that the page "
			   "was written. gnomond needs the right to write the memory of QEMU's "
			   "process.");
		break;
	}
}

json_t *recipe_notes(const struct recipe_guest *guest)
{
	json_t *notes = json_array();

	note_way(notes, guest);
	if (guest->qmp[0]) {
		add(notes, "The monitor serves one client, gnomond: give the machine another one "
			   "for yourself.");
	} else {
		add(notes, "A machine that is to be migrated needs a monitor that gnomond can ask "
			   "(--qmp): a page that is copied has to say so before.");
	}
	if (guest->table[0]) {
		add_format(notes,
			   "Where AppArmor or SELinux confine QEMU, let it read %s and write %s.",
			   guest->table, guest->page);
	}
	return notes;
}
