/* SPDX-License-Identifier: BSD-2-Clause */
#include "bridge/calendar.h"

#include <stdbool.h>

/* The calendar repeats after 400 years. Counted from a March 1st, leap days end a year. */
#define ERA_DAYS 146097
#define CENTURY_DAYS 36524
#define FOUR_YEARS_DAYS 1461
#define YEAR_DAYS 365
#define DAY_2000_03_01 11017
#define LIMIT (INT64_MAX / 4)

/* Days from March 1st to the first of the month, the last entry to March 1st of a leap year. */
static const uint16_t month_starts[13] = { 0,   31,  61,  92,  122, 153, 184,
					   214, 245, 275, 306, 337, 366 };

static int64_t floor_divide(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* The first century of four, and the fourth year of four, are a day longer: never a fifth. */
static int64_t day_of_year(int64_t day_of_era, bool *leap)
{
	const int64_t century = least(day_of_era / CENTURY_DAYS, 3);
	const int64_t day = day_of_era - century * CENTURY_DAYS;
	const int64_t four = day / FOUR_YEARS_DAYS;
	const int64_t year = least(day % FOUR_YEARS_DAYS / YEAR_DAYS, 3);

	/* At the end of a fourth year: of any four but a century's last, or of an era. */
	*leap = year == 3 && (four < 24 || century == 3);
	return day % FOUR_YEARS_DAYS - year * YEAR_DAYS;
}

struct calendar_month calendar_month_of(int64_t utc)
{
	const int64_t inside = utc > LIMIT ? LIMIT : utc < -LIMIT ? -LIMIT : utc;
	const int64_t days = floor_divide(inside, CALENDAR_DAY) - DAY_2000_03_01;
	bool leap;
	const int64_t day = day_of_year(days - floor_divide(days, ERA_DAYS) * ERA_DAYS, &leap);
	const int64_t march = (days - day + DAY_2000_03_01) * CALENDAR_DAY;
	struct calendar_month month;
	unsigned int m = 0;

	while (m < 11 && day >= month_starts[m + 1]) {
		m++;
	}
	month.start = march + month_starts[m] * CALENDAR_DAY;
	month.end = march + (month_starts[m + 1] - (m == 11 && !leap)) * CALENDAR_DAY;
	return month;
}
