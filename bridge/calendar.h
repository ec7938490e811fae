/* SPDX-License-Identifier: BSD-2-Clause */
/* Months of UTC, at whose ends leap seconds are. */
#ifndef BRIDGE_CALENDAR_H
#define BRIDGE_CALENDAR_H

#include <stdint.h>

#define CALENDAR_DAY INT64_C(86400)

/* The midnights at which the month of an instant starts and ends, all in UTC seconds since 1970. */
struct calendar_month {
	int64_t start;
	int64_t end;
};

/* For any instant; years beyond the range of dates (some 10^10) are cut off. */
struct calendar_month calendar_month_of(int64_t utc);

#endif
