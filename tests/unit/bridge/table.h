/* SPDX-License-Identifier: BSD-2-Clause */
/* ACPI tables as the bridge makes them. */
#ifndef TESTS_UNIT_BRIDGE_TABLE_H
#define TESTS_UNIT_BRIDGE_TABLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <gnomon/vmclock.h>

struct table {
	uint8_t octets[GNOMON_AML_MAX];
	size_t len;
};

static inline struct table table_of_bar(const struct gnomon_aml_bar *where)
{
	struct table t = { .len = sizeof(t.octets) };

	assert_int_equal(gnomon_aml_bar(where, t.octets, &t.len), 0);
	return t;
}

static inline struct table table_of_address(uint64_t address)
{
	struct table t = { .len = sizeof(t.octets) };

	assert_int_equal(gnomon_aml_fixed(address, t.octets, &t.len), 0);
	return t;
}

#endif
