/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The NMEA parser on any octets. A fix is a possible time; written as a sentence again it gives
 * the same fix; and what one sentence says does not depend on what came before it.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "drivers/nmea.h"

#include "fuzz.h"

static enum nmea_event push(struct nmea *parser, const char *text, struct nmea_fix *fix)
{
	enum nmea_event event = NMEA_NOTHING;

	for (; *text; text++) {
		event = nmea_push(parser, *text, fix);
	}
	return event;
}

/* With a checksum of our own. */
static void check_fix(const struct nmea *parser, const struct nmea_fix *fix)
{
	const time_t seconds = (time_t)fix->utc;
	struct nmea fresh = { 0 };
	struct nmea after = *parser;
	struct nmea_fix again = { 0 }, third = { 0 };
	char body[96], text[112];
	unsigned int sum = 0;
	struct tm tm;

	if (fix->utc == 0) {
		/* Not known yet. */
		FUZZ_CHECK(fix->nsec == 0 && !fix->valid);
		return;
	}
	FUZZ_CHECK(fix->utc >= 946684800 && fix->utc < INT64_C(4102444800));
	FUZZ_CHECK(fix->nsec < 1000000000);
	FUZZ_CHECK(gmtime_r(&seconds, &tm) != NULL);
	(void)snprintf(body, sizeof(body), "GNRMC,%02d%02d%02d.%09u,%c,,,,,,,%02d%02d%02d,,",
		       tm.tm_hour, tm.tm_min, tm.tm_sec, fix->nsec, fix->valid ? 'A' : 'V',
		       tm.tm_mday, tm.tm_mon + 1, tm.tm_year - 100);
	for (const char *p = body; *p; p++) {
		sum ^= (unsigned char)*p;
	}
	(void)snprintf(text, sizeof(text), "$%s*%02x\n", body, sum);
	FUZZ_CHECK(push(&fresh, text, &again) == NMEA_RMC);
	FUZZ_CHECK(again.utc == fix->utc && again.nsec == fix->nsec && again.valid == fix->valid);
	FUZZ_CHECK(push(&after, text, &third) == NMEA_RMC);
	FUZZ_CHECK(third.utc == fix->utc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct nmea_fix untouched = { -7, 7, true };
	struct nmea parser = { 0 };
	struct nmea_fix fix;

	for (size_t i = 0; i < size; i++) {
		enum nmea_event event;

		fix = untouched;
		event = nmea_push(&parser, (char)data[i], &fix);
		FUZZ_CHECK(strlen(nmea_sentence(&parser)) <= NMEA_SENTENCE_MAX);
		if (event == NMEA_RMC) {
			check_fix(&parser, &fix);
		} else {
			FUZZ_CHECK(fix.utc == untouched.utc);
		}
	}
	return 0;
}
