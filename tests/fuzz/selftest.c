/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A target with known defects, to test the driver: it must find its way through the nested
 * comparisons to the abort, and see one octet read too far and an endless loop.
 */
#include <string.h>

#include "fuzz.h"

static volatile unsigned int sink;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 4 && memcmp(data, "READ", 4) == 0) {
		sink += data[size];
	}
	if (size == 4 && memcmp(data, "LOOP", 4) == 0) {
		while (size > 0) {
			sink++;
		}
	}
	if (size > 2 && data[0] == 'F') {
		sink++;
		if (data[1] == 'U') {
			sink++;
			FUZZ_CHECK(data[2] != 'Z');
		}
	}
	return 0;
}
