/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chronyd's answers on any octets. What is taken is a possible report; what is not leaves the
 * report alone; and an answer to another request is never taken.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/chrony.h"

#include "fuzz.h"

#define SEQUENCE 0x01020304u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct chrony_report untouched = { .offset_s = 7, .leap = 7 };
	struct chrony_report report = untouched;
	/* Of its own, so that a reader beyond its end is seen. */
	uint8_t *copy = calloc(1, size ? size : 1);
	int r;

	FUZZ_CHECK(copy != NULL);
	if (size) {
		memcpy(copy, data, size);
	}
	r = chrony_decode(copy, size, SEQUENCE, &report);
	if (r == 0) {
		FUZZ_CHECK(size >= CHRONY_MESSAGE);
		FUZZ_CHECK(isfinite(report.offset_s) && isfinite(report.frequency_ppm));
		FUZZ_CHECK(report.bound_s >= 0 && report.bound_s <= 1e10);
		FUZZ_CHECK(report.leap == 0 || report.leap == 61 || report.leap == 59);
		FUZZ_CHECK(report.stratum <= 16);
		FUZZ_CHECK(!(report.local && report.synchronised));
	} else {
		FUZZ_CHECK(r == -EAGAIN || r == -EACCES || r == -EPROTONOSUPPORT || r == -EBADMSG);
		FUZZ_CHECK(memcmp(&report, &untouched, sizeof(report)) == 0);
	}
	FUZZ_CHECK(chrony_decode(copy, size, SEQUENCE + 1, &report) == -EAGAIN || r == -EAGAIN);
	free(copy);
	return 0;
}
