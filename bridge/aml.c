/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ACPI tables that declare the page to a guest (ACPI 6.5, chapter 20 for the octets of AML), as a
 * compiler of ASL would make them; the source is in tests/unit/bridge/test_iasl.c.
 *
 * What guests and firmware make of it decides what is in them:
 *  - the clock of a PCI device is a child of that device. Elsewhere its memory would be claimed
 *    before PCI claims the BAR, and neither then works;
 *  - QEMU's DSDT is of revision 1, so that integers have 32 bits whatever this table says: the BAR,
 *    which firmware may put above 4 GiB, is moved in two halves;
 *  - no driver of the guest's enables the device: _CRS sets memory decoding;
 *  - a slot may hold another device, or none: _STA looks at vendor and device.
 */
#include <errno.h>
#include <string.h>

#include <gnomon/vmclock.h>

#include "bridge/words.h"

#define HEADER_SIZE 36
#define LENGTH_AT 4
#define CHECKSUM_AT 9

enum opcode {
	ZERO_OP = 0x00,
	NAME_OP = 0x08,
	BYTE_PREFIX = 0x0a,
	WORD_PREFIX = 0x0b,
	DWORD_PREFIX = 0x0c,
	STRING_PREFIX = 0x0d,
	SCOPE_OP = 0x10,
	BUFFER_OP = 0x11,
	METHOD_OP = 0x14,
	EXTERNAL_OP = 0x15,
	MULTI_NAME_PREFIX = 0x2f,
	EXTENDED_PREFIX = 0x5b,
	ROOT_CHAR = 0x5c,
	STORE_OP = 0x70,
	AND_OP = 0x7b,
	OR_OP = 0x7d,
	CREATE_DWORD_FIELD_OP = 0x8a,
	EQUAL_OP = 0x93,
	IF_OP = 0xa0,
	RETURN_OP = 0xa4,
	/* Behind EXTENDED_PREFIX */
	REGION_OP = 0x80,
	FIELD_OP = 0x81,
	DEVICE_OP = 0x82,
};

#define OBJECT_DEVICE 6
#define REGION_PCI_CONFIG 2
#define FIELD_WORD_ACCESS 2
#define FIELD_DWORD_ACCESS 3
#define METHOD_SERIALIZED 8

/* QEMU's ivshmem-plain and -doorbell. */
#define IVSHMEM_ID 0x11101af4u

/* What is appended to; what does not fit is noted and asked for once, at the end. */
struct table {
	uint8_t *octets;
	size_t room;
	size_t len;
	bool full;
};

static void put(struct table *t, const void *octets, size_t n)
{
	if (n > t->room - t->len) {
		t->full = true;
		return;
	}
	memcpy(t->octets + t->len, octets, n);
	t->len += n;
}

static void put_number(struct table *t, unsigned int octets, uint64_t v)
{
	uint8_t little[8];

	put64(little, v);
	put(t, little, octets);
}

static void put_octet(struct table *t, uint8_t octet)
{
	put(t, &octet, 1);
}

static void put_extended(struct table *t, uint8_t op)
{
	put_octet(t, EXTENDED_PREFIX);
	put_octet(t, op);
}

/* A name segment: four characters. */
static void put_name(struct table *t, const char *name)
{
	put(t, name, 4);
}

static void put_named_string(struct table *t, const char *name, const char *value)
{
	put_octet(t, NAME_OP);
	put_name(t, name);
	put_octet(t, STRING_PREFIX);
	put(t, value, strlen(value) + 1);
}

static void put_dword(struct table *t, uint32_t v)
{
	put_octet(t, DWORD_PREFIX);
	put_number(t, 4, v);
}

/*
 * A package's length stands before it, includes itself, and has 6 bits in one octet or 12 in two
 * (20.2.4). It is put in once the package, begun at start, is complete.
 */
static void put_length(struct table *t, size_t start)
{
	const size_t body = t->len - start;
	const unsigned int octets = body + 1 < 64 ? 1 : 2;
	const size_t all = body + octets;
	const uint8_t one[1] = { (uint8_t)all };
	const uint8_t two[2] = { (uint8_t)(0x40 | (all & 15)), (uint8_t)(all >> 4) };

	if (octets > t->room - t->len) {
		t->full = true;
		return;
	}
	memmove(t->octets + start + octets, t->octets + start, body);
	memcpy(t->octets + start, octets == 1 ? one : two, octets);
	t->len += octets;
}

static void begin(struct table *t)
{
	/* Signature, length, revision, checksum; who made it. */
	static const uint8_t header[HEADER_SIZE + 1] =
		"SSDT" "\0\0\0\0" "\2" "\0" "GNOMON" "GNOMVCLK" "\1\0\0\0" "GNMN" "\1\0\0\0";

	put(t, header, HEADER_SIZE);
}

static int finish(struct table *t, size_t *len)
{
	uint8_t sum = 0;

	if (t->full) {
		return -ENOBUFS;
	}
	put32(t->octets + LENGTH_AT, t->len);
	for (size_t i = 0; i < t->len; i++) {
		sum += t->octets[i];
	}
	t->octets[CHECKSUM_AT] = (uint8_t)(0 - sum);
	*len = t->len;
	return 0;
}

/* -- what both tables have -------------------------------------------------------------------- */

/* Names by which the guest's driver is found: _HID by all kernels, _CID from 7.0 on. */
static void put_identity(struct table *t)
{
	put_named_string(t, "_HID", "AMZNC10C");
	put_named_string(t, "_CID", "VMCLOCK");
	put_named_string(t, "_DDN", "VMCLOCK");
}

/* ResourceTemplate of one QWordMemory, consumed, fixed, cacheable, writable (6.4.3.5.1). */
static void put_memory(struct table *t, uint64_t address)
{
	size_t start;

	put_octet(t, BUFFER_OP);
	start = t->len;
	put_octet(t, BYTE_PREFIX);
	put_octet(t, 3 + 43 + 2);
	put_octet(t, 0x8a);
	put_number(t, 2, 43);
	put_octet(t, 0);    /* memory */
	put_octet(t, 0x0d); /* consumer, minimum and maximum fixed */
	put_octet(t, 0x03); /* cacheable, writable */
	put_number(t, 8, 0);
	put_number(t, 8, address);
	put_number(t, 8, address + GNOMON_VMCLOCK_PAGE - 1);
	put_number(t, 8, 0);
	put_number(t, 8, GNOMON_VMCLOCK_PAGE);
	put_number(t, 2, 0x79); /* end tag, no checksum */
	put_length(t, start);
}

/* -- way C: an address that does not change --------------------------------------------------- */

int gnomon_aml_fixed(uint64_t address, uint8_t *octets, size_t *len)
{
	struct table t = { .octets = octets, .room = *len };
	size_t scope, device;

	if (!address || address % GNOMON_VMCLOCK_PAGE || address >> 52) {
		return -EINVAL;
	}
	begin(&t);
	put_octet(&t, SCOPE_OP);
	scope = t.len;
	put_octet(&t, ROOT_CHAR);
	put_name(&t, "_SB_");
	put_extended(&t, DEVICE_OP);
	device = t.len;
	put_name(&t, "GVCK");
	put_identity(&t);
	put_octet(&t, NAME_OP);
	put_name(&t, "_STA");
	put_octet(&t, BYTE_PREFIX);
	put_octet(&t, 0x0f);
	put_octet(&t, NAME_OP);
	put_name(&t, "_CRS");
	put_memory(&t, address);
	put_length(&t, device);
	put_length(&t, scope);
	return finish(&t, len);
}

/* -- way B: the BAR of an ivshmem device ------------------------------------------------------ */

/* QEMU names a function after its number: S80_ for device 0x10. */
static void put_function(struct table *t, unsigned int device, unsigned int function)
{
	static const char digits[16] = "0123456789ABCDEF";
	const unsigned int number = device << 3 | function;
	const char name[4] = { 'S', digits[number >> 4], digits[number & 15], '_' };

	put_name(t, name);
}

static void put_path(struct table *t, const struct gnomon_aml_bar *where)
{
	put_octet(t, ROOT_CHAR);
	put_octet(t, MULTI_NAME_PREFIX);
	put_octet(t, where->behind_port ? 4 : 3);
	put_name(t, "_SB_");
	put_name(t, "PCI0");
	if (where->behind_port) {
		put_function(t, where->port_device, where->port_function);
	}
	put_function(t, where->device, where->function);
}

/* If (0) { External () }: for who disassembles, and never run. */
static void put_external(struct table *t, const struct gnomon_aml_bar *where)
{
	size_t start;

	put_octet(t, IF_OP);
	start = t->len;
	put_octet(t, ZERO_OP);
	put_octet(t, EXTERNAL_OP);
	put_path(t, where);
	put_octet(t, OBJECT_DEVICE);
	put_octet(t, 0);
	put_length(t, start);
}

static void put_field_begin(struct table *t, uint8_t access, size_t *start)
{
	put_extended(t, FIELD_OP);
	*start = t->len;
	put_name(t, "VCFG");
	put_octet(t, access);
}

/* A field of so many bits (up to 63 or 12 bits of length, which has a package length's form). */
static void put_field(struct table *t, const char *name, unsigned int bits)
{
	if (name) {
		put_name(t, name);
	} else {
		put_octet(t, 0);
	}
	if (bits < 64) {
		put_octet(t, (uint8_t)bits);
	} else {
		put_octet(t, (uint8_t)(0x40 | (bits & 15)));
		put_octet(t, (uint8_t)(bits >> 4));
	}
}

/*
 * Vendor and device at 0, command at 4, BAR 2 and its upper half at 0x18 of the configuration
 * space. The command is written alone: with it in 32 bits, the status would be cleared.
 */
static void put_registers(struct table *t)
{
	size_t start;

	put_extended(t, REGION_OP);
	put_name(t, "VCFG");
	put_octet(t, REGION_PCI_CONFIG);
	put_octet(t, ZERO_OP);
	put_octet(t, BYTE_PREFIX);
	put_octet(t, 0x40);
	put_field_begin(t, FIELD_DWORD_ACCESS, &start);
	put_field(t, "VEID", 32);
	put_field(t, NULL, 0x14 * 8);
	put_field(t, "BARL", 32);
	put_field(t, "BARH", 32);
	put_length(t, start);
	put_field_begin(t, FIELD_WORD_ACCESS, &start);
	put_field(t, NULL, 4 * 8);
	put_field(t, "CMDR", 16);
	put_length(t, start);
}

static void put_status_method(struct table *t)
{
	size_t method, condition;

	put_octet(t, METHOD_OP);
	method = t->len;
	put_name(t, "_STA");
	put_octet(t, 0);
	put_octet(t, IF_OP);
	condition = t->len;
	put_octet(t, EQUAL_OP);
	put_name(t, "VEID");
	put_dword(t, IVSHMEM_ID);
	put_octet(t, RETURN_OP);
	put_octet(t, BYTE_PREFIX);
	put_octet(t, 0x0f);
	put_length(t, condition);
	put_octet(t, RETURN_OP);
	put_octet(t, ZERO_OP);
	put_length(t, method);
}

/* A 32-bit part of the descriptor in RBUF, by name. */
static void put_part(struct table *t, uint8_t at, const char *name)
{
	put_octet(t, CREATE_DWORD_FIELD_OP);
	put_name(t, "RBUF");
	put_octet(t, BYTE_PREFIX);
	put_octet(t, at);
	put_name(t, name);
}

static void put_store(struct table *t, const char *from, const char *to)
{
	put_octet(t, STORE_OP);
	put_name(t, from);
	put_name(t, to);
}

/* to = a OP b, where b is a constant with its prefix. */
static void put_binary(struct table *t, uint8_t op, const char *a, const uint8_t *b, size_t n,
		       const char *to)
{
	put_octet(t, op);
	put_name(t, a);
	put(t, b, n);
	put_name(t, to);
}

/* The descriptor as a constant, the address patched in: minimum at 14 and 18, maximum behind. */
static void put_resources_method(struct table *t)
{
	static const uint8_t decode[] = { BYTE_PREFIX, 0x02 };
	static const uint8_t address[] = { DWORD_PREFIX, 0xf0, 0xff, 0xff, 0xff };
	static const uint8_t page[] = { WORD_PREFIX, 0xff, 0x0f };
	size_t start;

	put_octet(t, METHOD_OP);
	start = t->len;
	put_name(t, "_CRS");
	put_octet(t, METHOD_SERIALIZED);
	put_octet(t, NAME_OP);
	put_name(t, "RBUF");
	put_memory(t, 0);
	put_part(t, 0x0e, "MINL");
	put_part(t, 0x12, "MINH");
	put_part(t, 0x16, "MAXL");
	put_part(t, 0x1a, "MAXH");
	put_binary(t, OR_OP, "CMDR", decode, sizeof(decode), "CMDR");
	put_binary(t, AND_OP, "BARL", address, sizeof(address), "MINL");
	put_store(t, "BARH", "MINH");
	put_binary(t, OR_OP, "MINL", page, sizeof(page), "MAXL");
	put_store(t, "BARH", "MAXH");
	put_octet(t, RETURN_OP);
	put_name(t, "RBUF");
	put_length(t, start);
}

int gnomon_aml_bar(const struct gnomon_aml_bar *where, uint8_t *octets, size_t *len)
{
	struct table t = { .octets = octets, .room = *len };
	size_t scope, device;

	if (where->device > 31 || where->function > 7 || where->port_device > 31 ||
	    where->port_function > 7) {
		return -EINVAL;
	}
	begin(&t);
	put_external(&t, where);
	put_octet(&t, SCOPE_OP);
	scope = t.len;
	put_path(&t, where);
	put_registers(&t);
	put_extended(&t, DEVICE_OP);
	device = t.len;
	put_name(&t, "GVCK");
	put_identity(&t);
	put_status_method(&t);
	put_resources_method(&t);
	put_length(&t, device);
	put_length(&t, scope);
	return finish(&t, len);
}
