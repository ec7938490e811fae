/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * How a virtual machine gets its page: the arguments QEMU needs, and what libvirt's description of
 * the machine needs instead. Made of what the daemon says of the guest; pure, but for memory.
 */
#ifndef VM_RECIPE_H
#define VM_RECIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "tools/control/protocol.h"
#include "tools/control/value.h"

/** A guest as far as its recipe goes; texts are borrowed from the daemon's answer. */
struct recipe_guest {
	const char *name;
	const char *page;
	const char *table; /* "": it needs none */
	const char *qmp;   /* "": no monitor */
	enum recipe_way {
		RECIPE_BAR_ACPI, /* B */
		RECIPE_FIXED,    /* C */
		RECIPE_BAR,      /* A */
		RECIPE_PATCH,    /* D */
	} way;
	uint64_t size;
	unsigned int slot;
	uint64_t address;
	uint64_t memory; /* octets of the machine's memory, from the command line; 0: not known */
	uint64_t most;   /* and what it may grow to; 0: no more than is needed */
};

/** Take it from a guest of the daemon's answer. False with *error if that is none. */
bool recipe_take(struct recipe_guest *guest, const json_t *info, struct control_error *error);

/** The way of a label of the configuration, or of a letter A to D; -1: neither. */
int recipe_way(const char *text);

/** Its label. */
const char *recipe_way_label(enum recipe_way way);

/** Octets of "512M", "4G", "1048576K"; without a unit mebibytes, as QEMU's -m has it. 0: none. */
uint64_t recipe_octets(const char *text);

/**
 * Where in the guest's memory the page of way C goes: at the end of the room that QEMU's q35 has
 * for memory that is plugged in, since that is filled from the beginning. memory: what the machine
 * starts with; *most: what it may grow to, 0: is set to what the page needs. 0: there is no room.
 */
uint64_t recipe_address(uint64_t memory, uint64_t *most);

/** QEMU's arguments, an array of texts. NULL with *error if there can be none. */
json_t *recipe_qemu(const struct recipe_guest *guest, struct control_error *error);

/** The same for a shell: words quoted where they need it. The caller frees it. */
char *recipe_shell(const json_t *arguments, const char *between);

/** What goes into libvirt's description of a domain. The caller frees it; NULL: no memory. */
char *recipe_libvirt(const struct recipe_guest *guest, const json_t *arguments);

/** What else has to be seen to, an array of texts. */
json_t *recipe_notes(const struct recipe_guest *guest);

#endif
