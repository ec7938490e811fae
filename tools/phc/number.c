/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <gnomon/time.h>

#include "phc.h"

/* Digits, perhaps a point and more digits; -1: it is written in another way. */
static int64_t exact_ns(const char *text)
{
	int64_t ns = 0;
	int fraction = -1; /* digits behind the point; -1: before it */

	if (*text == '\0' || strlen(text) > 40) {
		return -1;
	}
	for (; *text; text++) {
		if (*text == '.' && fraction < 0) {
			fraction = 0;
			continue;
		}
		if (*text < '0' || *text > '9') {
			return -1;
		}
		if (fraction >= 9) {
			continue;
		}
		if (ns > (INT64_MAX - 9) / 10) {
			return -1;
		}
		ns = ns * 10 + (*text - '0');
		fraction += fraction >= 0;
	}
	for (int i = fraction < 0 ? 0 : fraction; i < 9; i++) {
		if (ns > INT64_MAX / 10) {
			return -1;
		}
		ns *= 10;
	}
	return ns;
}

/* Truncated, as phc_ctl does with what it read as a double. */
static int64_t ns_of(const char *text, double seconds)
{
	const bool minus = *text == '-';
	const int64_t ns = exact_ns(text + (minus || *text == '+'));
	double whole;
	double part;

	if (ns >= 0) {
		return minus ? -ns : ns;
	}
	part = modf(seconds, &whole);
	return (int64_t)whole * GNOMON_NSEC_PER_SEC + (int64_t)(part * GNOMON_NSEC_PER_SEC);
}

enum phc_number phc_number_parse(const char *text, double min, double max,
				 struct phc_argument *argument)
{
	char *end;
	double value;

	errno = 0;
	value = strtod(text, &end);
	if (end == text || *end) {
		return PHC_NUMBER_MALFORMED;
	}
	/* The first also refuses what is not a number. */
	if (!(value >= min && value <= max) || (errno == ERANGE && fabs(value) > 1)) {
		return PHC_NUMBER_OUT_OF_RANGE;
	}
	argument->given = true;
	argument->value = value;
	argument->ns = fabs(value) <= PHC_SECONDS_MAX ? ns_of(text, value) : 0;
	return PHC_NUMBER_GOOD;
}
