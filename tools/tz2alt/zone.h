/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Local time of a time zone, now and after its next discontinuity, as PTP tells it
 * (ALTERNATE_TIME_OFFSET_INDICATOR, 16.3). The C library's zone of the process is changed.
 */
#ifndef TZ2ALT_ZONE_H
#define TZ2ALT_ZONE_H

#include <stdbool.h>
#include <stdint.h>

#include <gnomon/msg.h>

#include "tools/leap/leap.h"

/** Keys a ptp4l has. */
#define ZONE_KEYS 4

/** Whether the C library knows the zone: a name of the tz database or a POSIX TZ string. */
bool zone_known(const char *name);

/** Local time minus UTC in seconds, at that second of UTC. Returns 0 or -EINVAL. */
int zone_offset(const char *name, int64_t utc, int *offset);

/**
 * The first second of UTC after from, up to from + window, at which the offset is another one than
 * the second before. False: there is none.
 */
bool zone_next(const char *name, int64_t from, int64_t window, int64_t *at);

/** The name, its part behind the slash, or what fits of it. True: it is not all of the name. */
bool zone_display_name(const char *name, char display[GNOMON_DISPLAY_NAME_MAX + 1]);

/** What is to be told at a second of UTC. */
struct zone_report {
	struct gnomon_alternate_time_offset ato; /* key and name too */
	int utc_offset;
	int tai_offset;
	bool pending;        /* there is a discontinuity: */
	int64_t next_utc;
	int next_utc_offset;
};

/**
 * Work it out. next_in_utc: linuxptp tells the time of the jump in UTC; by the standard it is of
 * the PTP timescale. Returns how sure the leap seconds are; for LEAP_UNKNOWN and LEAP_AMBIGUOUS
 * nothing else is to be had.
 */
enum leap_answer zone_report_make(struct zone_report *report, const char *name, uint8_t key,
				  int64_t utc, int64_t window, const struct leap_table *leap,
				  bool next_in_utc);

/** dataFields of ALTERNATE_TIME_OFFSET_NAME, _PROPERTIES and _ENABLE; each returns its length. */
#define ZONE_DATA_MAX 16
size_t zone_name_data(const struct zone_report *report, uint8_t data[ZONE_DATA_MAX]);
size_t zone_properties_data(const struct zone_report *report, uint8_t data[ZONE_DATA_MAX]);
size_t zone_enable_data(const struct zone_report *report, uint8_t data[ZONE_DATA_MAX]);

#endif
