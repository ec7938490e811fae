/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ACPI tables by themselves: lengths, checksum, what guests look for, and what is refused. That
 * they are what a compiler makes of their source is shown by test_iasl.c.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <gnomon/vmclock.h>

#include "tests/unit/bridge/table.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct gnomon_aml_bar bars[] = {
	{ 0x10, 0, false, 0, 0 }, { 0x1f, 7, false, 0, 0 }, { 0, 0, false, 0, 0 },
	{ 0, 0, true, 1, 2 },     { 3, 1, true, 0x1c, 0 },
};
static const uint64_t addresses[] = { 0x1000, 0xfeffb000, 0x140000000, UINT64_C(0xffffffffff000) };

static void assert_sound(const struct table *t)
{
	uint8_t sum = 0;

	assert_memory_equal(t->octets, "SSDT", 4);
	assert_int_equal(t->octets[4] | t->octets[5] << 8 | t->octets[6] << 16, t->len);
	assert_int_equal(t->octets[8], 2);
	assert_memory_equal(t->octets + 10, "GNOMONGNOMVCLK", 14);
	for (size_t i = 0; i < t->len; i++) {
		sum = (uint8_t)(sum + t->octets[i]);
	}
	assert_int_equal(sum, 0);
}

static const uint8_t *found(const struct table *t, const void *what, size_t len)
{
	const uint8_t *at = memmem(t->octets, t->len, what, len);

	assert_non_null(at);
	return at;
}

static void sound(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bars); i++) {
		const struct table t = table_of_bar(&bars[i]);

		assert_sound(&t);
		/* What the kernel's driver and its match look for. */
		found(&t, "_HID\rAMZNC10C", 14);
		found(&t, "_CID\rVMCLOCK", 13);
		found(&t, "\x0c\xf4\x1a\x10\x11", 5);
	}
	for (size_t i = 0; i < COUNT(addresses); i++) {
		const struct table t = table_of_address(addresses[i]);
		const uint8_t *d;

		assert_sound(&t);
		d = found(&t, "\x8a\x2b\0\0\x0d\x03", 6);
		for (int k = 0; k < 8; k++) {
			assert_int_equal(d[14 + k], (uint8_t)(addresses[i] >> (8 * k)));
			assert_int_equal(d[22 + k], (uint8_t)((addresses[i] | 0xfff) >> (8 * k)));
		}
	}
}

/* The clock is a child of its PCI device: the scope is the device's own, by QEMU's name for it. */
static void child_of_its_device(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bars); i++) {
		const struct table t = table_of_bar(&bars[i]);
		const unsigned int devfn = bars[i].device << 3 | bars[i].function;
		char name[8];
		const uint8_t *scope, *child;

		snprintf(name, sizeof(name), "S%02X_", devfn);
		scope = found(&t, "\x10", 1);
		scope = memmem(scope, t.len - (size_t)(scope - t.octets), name, 4);
		child = found(&t, "\x5b\x82", 2);
		assert_non_null(scope);
		assert_true(scope < child);
	}
}

static void refused(void **state)
{
	static const struct gnomon_aml_bar wrong[] = {
		{ 32, 0, false, 0, 0 }, { 0, 8, false, 0, 0 }, { 0, 0, true, 32, 0 },
		{ 0, 0, true, 0, 8 },
	};
	static const uint64_t nowhere[] = { 0, 1, 0x1001, UINT64_C(1) << 52, UINT64_MAX };
	uint8_t octets[GNOMON_AML_MAX];
	size_t len = sizeof(octets);

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		assert_int_equal(gnomon_aml_bar(&wrong[i], octets, &len), -EINVAL);
	}
	for (size_t i = 0; i < COUNT(nowhere); i++) {
		assert_int_equal(gnomon_aml_fixed(nowhere[i], octets, &len), -EINVAL);
	}
	assert_int_equal(len, sizeof(octets));
}

/* Any room but enough: nothing beyond it is touched. */
static void no_room(void **state)
{
	const struct gnomon_aml_bar where = { 0x10, 0, true, 2, 0 };
	const struct table whole = table_of_bar(&where), fixed = table_of_address(0x1000);

	(void)state;
	for (size_t room = 0; room <= whole.len; room++) {
		uint8_t octets[GNOMON_AML_MAX + 1];
		size_t len = room;

		memset(octets, 0xee, sizeof(octets));
		assert_int_equal(gnomon_aml_bar(&where, octets, &len),
				 room < whole.len ? -ENOBUFS : 0);
		assert_int_equal(len, room);
		assert_int_equal(octets[room], 0xee);
		len = room < fixed.len ? room : fixed.len;
		assert_int_equal(gnomon_aml_fixed(0x1000, octets, &len),
				 room < fixed.len ? -ENOBUFS : 0);
		assert_int_equal(octets[room], 0xee);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/bridge/aml/sound", sound, NULL, NULL, NULL },
		{ "/bridge/aml/child_of_its_device", child_of_its_device, NULL, NULL, NULL },
		{ "/bridge/aml/refused", refused, NULL, NULL, NULL },
		{ "/bridge/aml/no_room", no_room, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
