/* SPDX-License-Identifier: BSD-2-Clause */
/* Sections [guest NAME]: their life, and what they contradict. */
#include "tools/config/config.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Who may write a page tells the guest the time. */
#define MODE_OTHERS_WRITE 0002

/* -- life ------------------------------------------------------------------------------------- */

struct conf_guest *conf_guest_find(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->guest_count; i++) {
		if (strcmp(conf->guests[i].name, name) == 0) {
			return &conf->guests[i];
		}
	}
	return NULL;
}

struct conf_guest *conf_guest_add(struct conf *conf, const char *name)
{
	struct conf_guest *guest =
		reallocarray(conf->guests, conf->guest_count + 1, sizeof(*guest));

	if (!guest) {
		return NULL;
	}
	conf->guests = guest;
	guest = &conf->guests[conf->guest_count++];
	*guest = conf->guest_defaults;
	snprintf(guest->name, sizeof(guest->name), "%s", name);
	return guest;
}

/* -- single keys ------------------------------------------------------------------------------ */

/* The path of the page into guest->path. */
static int check_page(struct conf_guest *guest, struct conf_place at, struct conf_error *error)
{
	size_t len = strlen(guest->page);

	if (len == 0) {
		snprintf(guest->path, sizeof(guest->path), "/dev/shm/gnomon-%s", guest->name);
		return 0;
	}
	if (guest->page[0] != '/' || guest->page[len - 1] == '/') {
		return conf_fail(error, at,
				 "guest %s: key 'guest_page': '%s' is no path of a file from the "
				 "root on; write one such as /dev/shm/gnomon-%s",
				 guest->name, guest->page, guest->name);
	}
	if (len >= sizeof(guest->path)) {
		return conf_fail(error, at,
				 "guest %s: key 'guest_page': longer than %d octets; shorten it",
				 guest->name, CONF_PAGE_MAX - 1);
	}
	for (const char *c = guest->page; *c; c++) {
		/* A comma ends the path on a command line of QEMU. */
		if (iscntrl((unsigned char)*c) || isspace((unsigned char)*c) || *c == ',') {
			return conf_fail(error, at,
					 "guest %s: key 'guest_page': '%s' has white space or a "
					 "comma, which QEMU's command line cannot take; name "
					 "another",
					 guest->name, guest->page);
		}
	}
	memcpy(guest->path, guest->page, len + 1);
	return 0;
}

static int check_size(const struct conf_guest *guest, struct conf_place at,
		      struct conf_error *error)
{
	if (guest->size & (guest->size - 1)) {
		return conf_fail(error, at,
				 "guest %s: key 'guest_size': %d is no power of two, and a BAR's "
				 "size is; write 8192",
				 guest->name, guest->size);
	}
	if (guest->size < 2 * CONF_PAGE_OCTETS && guest->counter == CONF_COUNTER_PINGPONG) {
		return conf_fail(error, at,
				 "guest %s: key 'guest_size': %d has no room for the answers of "
				 "guest_counter pingpong; write 8192",
				 guest->name, guest->size);
	}
	return 0;
}

static int check_rights(const struct conf_guest *guest, struct conf_place at,
			struct conf_error *error)
{
	const char *colon = strchr(guest->owner, ':');

	if (guest->mode & MODE_OTHERS_WRITE) {
		return conf_fail(error, at,
				 "guest %s: key 'guest_mode': with %04o everybody could tell the "
				 "guest the time; write 0600 or 0660",
				 guest->name, (unsigned int)guest->mode);
	}
	if (strlen(guest->owner) >= CONF_OWNER_MAX || guest->owner[0] == ':' ||
	    (colon && (colon[1] == '\0' || strchr(colon + 1, ':')))) {
		return conf_fail(error, at,
				 "guest %s: key 'guest_owner': '%s' is no owner; write USER or "
				 "USER:GROUP",
				 guest->name, guest->owner);
	}
	return 0;
}

/* 8-4-4-4-12 hexadecimal digits. */
static bool is_uuid(const char *text)
{
	static const char picture[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	for (size_t i = 0; i < sizeof(picture); i++) {
		bool fits = picture[i] == 'x' ? isxdigit((unsigned char)text[i]) != 0
					      : text[i] == picture[i];

		if (!fits) {
			return false;
		}
	}
	return true;
}

/* One of pid, uuid and libvirt says which process it is. */
static int check_process(const struct conf_guest *guest, struct conf_place at,
			 struct conf_error *error)
{
	int named = (guest->pid != 0) + (guest->uuid[0] != '\0') + (guest->libvirt[0] != '\0');

	if (guest->uuid[0] && !is_uuid(guest->uuid)) {
		return conf_fail(error, at,
				 "guest %s: key 'guest_uuid': '%s' is no UUID; write "
				 "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx",
				 guest->name, guest->uuid);
	}
	if (named > 1) {
		return conf_fail(error, at,
				 "guest %s: guest_pid, guest_uuid and guest_libvirt all say which "
				 "process it is; keep one",
				 guest->name);
	}
	if (named && guest->counter == CONF_COUNTER_HOST) {
		return conf_fail(error, at,
				 "guest %s: with guest_counter host it is no virtual machine; "
				 "remove guest_pid, guest_uuid and guest_libvirt",
				 guest->name);
	}
	return 0;
}

/* -- the way ---------------------------------------------------------------------------------- */

/* The address of a fixed page into guest->gpa. */
static int check_address(struct conf_guest *guest, struct conf_place at, struct conf_error *error)
{
	bool fixed = guest->way == CONF_WAY_FIXED;
	unsigned long long address;
	char *end;

	guest->gpa = 0;
	if (!guest->address[0] && !fixed) {
		return 0;
	}
	if (!fixed) {
		return conf_fail(error, at,
				 "guest %s: key 'guest_address': only guest_way fixed has one; "
				 "remove it",
				 guest->name);
	}
	errno = 0;
	address = strtoull(guest->address, &end, 0);
	if (!isdigit((unsigned char)guest->address[0]) || *end || errno || address == 0 ||
	    address % CONF_PAGE_OCTETS || address > UINT64_MAX - (uint64_t)guest->size) {
		return conf_fail(error, at,
				 "guest %s: key 'guest_address': '%s' is no address of a page; "
				 "write one such as 0x140000000",
				 guest->name, guest->address);
	}
	guest->gpa = address;
	return 0;
}

static int check_way(struct conf_guest *guest, struct conf_place at, struct conf_error *error)
{
	if (guest->way == CONF_WAY_PATCH && !guest->qmp[0]) {
		return conf_fail(error, at,
				 "guest %s: key 'guest_way': patch needs QEMU's monitor; write "
				 "guest_qmp",
				 guest->name);
	}
	if (guest->way == CONF_WAY_PATCH && (guest->page[0] ||
					     guest->counter == CONF_COUNTER_PINGPONG ||
					     guest->counter == CONF_COUNTER_HOST)) {
		return conf_fail(error, at,
				 "guest %s: key 'guest_way': patch fills a page of QEMU's own, "
				 "known by guest_counter kvm; remove %s",
				 guest->name, guest->page[0] ? "guest_page" : "guest_counter");
	}
	if (guest->qmp[0] && guest->qmp[0] != '/') {
		return conf_fail(error, at,
				 "guest %s: key 'guest_qmp': '%s' is no path of a socket from the "
				 "root on; write one",
				 guest->name, guest->qmp);
	}
	return check_address(guest, at, error);
}

/* Programs of the guest's own may reach it, by /dev/mem. */
const char *conf_guest_doubt(const struct conf_guest *guest)
{
	return guest->way == CONF_WAY_FIXED && guest->counter == CONF_COUNTER_PINGPONG
		       ? "guest_counter pingpong is played in the memory of an ivshmem device: "
			 "gnomon-guest finds none with guest_way fixed; use guest_counter kvm, or "
			 "guest_way bar_acpi"
		       : NULL;
}

/* Two guests that are told apart by name only would write over each other. */
static int check_unique(const struct conf_guest *guest, const struct conf_guest *others,
			size_t count, struct conf_place at, struct conf_error *error)
{
	for (size_t i = 0; i < count; i++) {
		const struct conf_guest *other = &others[i];

		if (other == guest || strcmp(other->name, guest->name) == 0) {
			continue;
		}
		if (strcmp(other->path, guest->path) == 0) {
			return conf_fail(error, at,
					 "guest %s: guest %s has the page %s already; give each "
					 "its own guest_page",
					 guest->name, other->name, guest->path);
		}
		if (guest->qmp[0] && strcmp(other->qmp, guest->qmp) == 0) {
			return conf_fail(error, at,
					 "guest %s: guest %s has the monitor %s already; give each "
					 "its own guest_qmp",
					 guest->name, other->name, guest->qmp);
		}
	}
	return 0;
}

int conf_guest_check(struct conf_guest *guest, const struct conf_guest *others, size_t count,
		     struct conf_place at, struct conf_error *error)
{
	int r = check_page(guest, at, error);

	r = r ? r : check_size(guest, at, error);
	r = r ? r : check_rights(guest, at, error);
	r = r ? r : check_process(guest, at, error);
	r = r ? r : check_way(guest, at, error);
	return r ? r : check_unique(guest, others, count, at, error);
}

static int check_paths(const struct conf *conf, struct conf_error *error)
{
	struct conf_place nowhere = { NULL, 0 };

	if (conf->guest_dir[0] != '/' || strlen(conf->guest_dir) >= CONF_PAGE_MAX / 2) {
		return conf_fail(error, nowhere,
				 "key 'guest_dir': '%s' is no path of a folder from the root on, "
				 "of up to %d octets; write one",
				 conf->guest_dir, CONF_PAGE_MAX / 2 - 1);
	}
	if (conf->clockbound_file[0] && conf->clockbound_file[0] != '/') {
		return conf_fail(error, nowhere,
				 "key 'clockbound_file': '%s' is no path of a file from the root "
				 "on; write one such as /var/run/clockbound/shm0",
				 conf->clockbound_file);
	}
	return 0;
}

/* Each against those before it, so that the later of two is refused. */
int conf_validate_guests(struct conf *conf, struct conf_error *error)
{
	int r = check_paths(conf, error);

	for (size_t i = 0; r == 0 && i < conf->guest_count; i++) {
		struct conf_guest *guest = &conf->guests[i];
		struct conf_place at = { .file = conf->file, .line = guest->line };

		r = conf_guest_check(guest, conf->guests, i, at, error);
	}
	return r;
}
