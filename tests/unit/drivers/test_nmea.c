/* SPDX-License-Identifier: BSD-2-Clause */
/* drivers/nmea.h: sentences that count, and all the ways in which others do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "drivers/nmea.h"

/* Push a text; the last event that was one, and its fix. */
static enum nmea_event push(struct nmea *parser, const char *text, struct nmea_fix *fix)
{
	enum nmea_event last = NMEA_NOTHING;

	for (; *text; text++) {
		enum nmea_event event = nmea_push(parser, *text, fix);

		last = event == NMEA_NOTHING ? last : event;
	}
	return last;
}

/* A body with its checksum around it. */
static void wrap(char out[400], const char *body)
{
	unsigned int sum = 0;

	for (const char *p = body; *p; p++) {
		sum ^= (unsigned char)*p;
	}
	snprintf(out, 400, "$%s*%02X\r\n", body, sum);
}

static enum nmea_event push_body(const char *body, struct nmea_fix *fix)
{
	struct nmea parser = { 0 };
	char text[400];

	wrap(text, body);
	return push(&parser, text, fix);
}

static void known_sentences(void **state)
{
	struct nmea parser = { 0 };
	struct nmea_fix fix = { 0 };

	(void)state;
	/* The example everybody has, which is of 1994; its year is taken for 2094. */
	assert_int_equal(push(&parser,
			      "$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6a"
			      "\r\n",
			      &fix),
			 NMEA_RMC);
	assert_int_equal(fix.utc, INT64_C(3920186119));
	assert_int_equal(fix.nsec, 0);
	assert_true(fix.valid);
	/* A fraction, another constellation, no fix. */
	assert_int_equal(push_body("GNRMC,235959.125,V,,,,,,,281126,,,N", &fix), NMEA_RMC);
	assert_int_equal(fix.utc, 1795910399);
	assert_int_equal(fix.nsec, 125000000);
	assert_false(fix.valid);
}

/* An inserted second is 23:59:59 once more: POSIX time has no other place for it. */
static void leap_second(void **state)
{
	struct nmea_fix fix = { 0 };

	(void)state;
	assert_int_equal(push_body("GPRMC,235960,A,,,,,,,311216,,,A", &fix), NMEA_RMC);
	assert_int_equal(fix.utc, 1483228799);
	assert_int_equal(push_body("GPRMC,235961,A,,,,,,,311216,,,A", &fix), NMEA_NONSENSE);
}

/* Every day of the century agrees with the C library. */
static void every_date(void **state)
{
	struct nmea_fix fix = { 0 };
	char body[100];

	(void)state;
	for (int64_t t = 946684800; t < INT64_C(4102444800); t += 86400) {
		const time_t seconds = (time_t)t + 86399;
		struct tm tm;

		(void)gmtime_r(&seconds, &tm);
		(void)snprintf(body, sizeof(body), "GPRMC,%02d%02d%02d.00,A,,,,,,,%02d%02d%02d,,",
			       tm.tm_hour, tm.tm_min, tm.tm_sec, tm.tm_mday, tm.tm_mon + 1,
			       tm.tm_year - 100);
		assert_int_equal(push_body(body, &fix), NMEA_RMC);
		assert_int_equal(fix.utc, t + 86399);
	}
}

/* What receivers say before they have seen a satellite. */
static void cold_start(void **state)
{
	static const char *const bodies[] = {
		"GPRMC,,V,,,,,,,,,,N",
		"GNRMC,120000.00,V,,,,,,,,,,N",
		"GPRMC,,V,,,,,,,010124,,",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct nmea_fix fix = { 7, 8, true };

		assert_int_equal(push_body(bodies[i], &fix), NMEA_RMC);
		assert_false(fix.valid);
		assert_int_equal(fix.utc, 0);
		assert_int_equal(fix.nsec, 0);
	}
}

static void nonsense(void **state)
{
	static const char *const bodies[] = {
		"GPRMC,240000,A,,,,,,,010124,,",	 /* hour */
		"GPRMC,006000,A,,,,,,,010124,,",	 /* minute */
		"GPRMC,12000,A,,,,,,,010124,,",		 /* short */
		"GPRMC,120000x,A,,,,,,,010124,,",	 /* not a comma */
		"GPRMC,1200-1,A,,,,,,,010124,,",	 /* not a digit */
		"GPRMC,120000,A,,,,,,,300224,,",	 /* 30 February */
		"GPRMC,120000,A,,,,,,,290223,,",	 /* no leap year */
		"GPRMC,120000,A,,,,,,,000124,,",	 /* day 0 */
		"GPRMC,120000,A,,,,,,,011324,,",	 /* month 13 */
		"GPRMC,120000,A,,,,,,,010024,,",	 /* month 0 */
		"GPRMC,120000,A,,,,,,,0101240,,",	 /* long */
		"GPRMC,120000,A,,,,,,,0101,,",		 /* short */
		"GPRMC,120000,B,,,,,,,010124,,",	 /* status */
		"GPRMC,120000,AA,,,,,,,010124,,",	 /* status */
		"GPRMC,120000,,,,,,,,010124,,",		 /* no status */
		"GPRMC,,A,,,,,,,010124,,",		 /* no time, and yet valid */
		"GPRMC,120000,A,,,,,,,,,",		 /* no date, and yet valid */
		"GPRMC,12000,V,,,,,,,010124,,",		 /* short, not empty */
		"GPRMC,120000,V,,,,,,,300224,,",	 /* no such date, not empty */
		"GPRMC,120000,A,,,,,",			 /* no date */
		"GPRMC,",
	};
	const struct nmea_fix untouched = { 7, 8, true };

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct nmea_fix fix = untouched;

		if (push_body(bodies[i], &fix) != NMEA_NONSENSE) {
			fail_msg("taken: %s", bodies[i]);
		}
		assert_int_equal(fix.utc, untouched.utc);
	}
}

static void checksums(void **state)
{
	struct nmea parser = { 0 };
	struct nmea_fix fix = { 0 };
	char text[400];

	(void)state;
	wrap(text, "GPRMC,120000,A,,,,,,,010124,,");
	/* Any one bit of the body wrong. */
	for (size_t i = 1; text[i] != '*'; i++) {
		char wrong[400];

		memcpy(wrong, text, sizeof(wrong));
		wrong[i] ^= 1;
		if (wrong[i] == '*' || wrong[i] == '$') {
			continue;
		}
		assert_int_equal(push(&parser, wrong, &fix), NMEA_CHECKSUM);
	}
	assert_int_equal(push(&parser, "$GPRMC,120000*G0\r\n", &fix), NMEA_NONSENSE);
	assert_int_equal(push(&parser, "$GPRMC,120000*00x\r\n", &fix), NMEA_NONSENSE);
	assert_int_equal(push(&parser, "$GPRMC,120000\r\n", &fix), NMEA_NONSENSE);
	assert_int_equal(push(&parser, text, &fix), NMEA_RMC);
}

/* A sentence cut by the next one, or by noise, is lost; the next one is not. */
static void finds_its_place_again(void **state)
{
	struct nmea parser = { 0 };
	struct nmea_fix fix = { 0 };
	char text[400], cut[400];

	(void)state;
	wrap(text, "GPRMC,120000,A,,,,,,,010124,,");
	for (size_t i = 1; i < strlen(text) - 1; i++) {
		snprintf(cut, sizeof(cut), "%.*s", (int)i, text);
		(void)push(&parser, cut, &fix);
		assert_int_equal(push(&parser, text, &fix), NMEA_RMC);
	}
	assert_int_equal(push(&parser, "\x01\xff 120000,A*", &fix), NMEA_NOTHING);
	assert_int_equal(push(&parser, text, &fix), NMEA_RMC);
}

static void too_long(void **state)
{
	struct nmea parser = { 0 };
	struct nmea_fix fix = { 0 };
	char body[NMEA_SENTENCE_MAX + 2];
	char text[400];

	(void)state;
	memset(body, 'x', sizeof(body));
	memcpy(body, "GPTXT,", 6);
	body[NMEA_SENTENCE_MAX] = '\0';
	assert_int_equal(push_body(body, &fix), NMEA_OTHER);
	body[NMEA_SENTENCE_MAX] = 'x';
	body[NMEA_SENTENCE_MAX + 1] = '\0';
	wrap(text, body);
	assert_int_equal(push(&parser, text, &fix), NMEA_NONSENSE);
	assert_true(strlen(nmea_sentence(&parser)) <= NMEA_SENTENCE_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/drivers/nmea/known_sentences", known_sentences, NULL, NULL, NULL },
		{ "/drivers/nmea/leap_second", leap_second, NULL, NULL, NULL },
		{ "/drivers/nmea/every_date", every_date, NULL, NULL, NULL },
		{ "/drivers/nmea/cold_start", cold_start, NULL, NULL, NULL },
		{ "/drivers/nmea/nonsense", nonsense, NULL, NULL, NULL },
		{ "/drivers/nmea/checksums", checksums, NULL, NULL, NULL },
		{ "/drivers/nmea/finds_its_place_again", finds_its_place_again, NULL, NULL, NULL },
		{ "/drivers/nmea/too_long", too_long, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
