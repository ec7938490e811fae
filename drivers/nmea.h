/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Time of day from a GNSS receiver: the RMC sentence of NMEA 0183, out of a stream of octets.
 *
 *     $GPRMC,225446.00,A,4916.45,N,12311.12,W,000.5,054.7,191194,020.3,E*68
 *
 * Pure: no input of its own, no allocation. The stream is hostile: a sentence counts only if it is
 * whole, of printable characters, with the right checksum and a possible time and date.
 */
#ifndef DRIVERS_NMEA_H
#define DRIVERS_NMEA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Characters between '$' and '*'. The standard has 79; some receivers send more. */
#define NMEA_SENTENCE_MAX 255

struct nmea_fix {
	int64_t utc;   /* seconds since 1970; a leap second counts as the second before it */
	uint32_t nsec;
	bool valid;    /* status A: the receiver vouches for it; else the time may be 0 */
};

/** What a character completed. */
enum nmea_event {
	NMEA_NOTHING,
	NMEA_OTHER,    /* a good sentence that is no RMC */
	NMEA_RMC,
	NMEA_CHECKSUM, /* a sentence whose checksum is not right */
	NMEA_NONSENSE, /* an RMC that cannot be, or a broken sentence */
};

enum nmea_state {
	NMEA_IDLE,
	NMEA_BODY,
	NMEA_CHECKSUM_HIGH,
	NMEA_CHECKSUM_LOW,
	NMEA_END,
};

/** A parser between two characters. Zeroed: before the first. */
struct nmea {
	enum nmea_state state;
	uint8_t checksum; /* of the characters so far */
	uint8_t claimed;
	size_t len;
	char sentence[NMEA_SENTENCE_MAX + 1];
};

/** Take a character. *fix is written for NMEA_RMC alone. */
enum nmea_event nmea_push(struct nmea *parser, char c, struct nmea_fix *fix);

/** The sentence an event is about, without '$' and checksum; until the next character. */
const char *nmea_sentence(const struct nmea *parser);

#endif
