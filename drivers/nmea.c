/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/nmea.h"

#include <string.h>

/* -- the time in an RMC ----------------------------------------------------------------------- */

/* Field number n of the sentence, counted from its name; NULL: there are not so many. */
static const char *field(const char *sentence, unsigned int n)
{
	while (n > 0 && sentence) {
		sentence = strchr(sentence, ',');
		sentence = sentence ? sentence + 1 : NULL;
		n--;
	}
	return sentence;
}

/* Two digits; -1: they are none. */
static int two_digits(const char *p)
{
	if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9') {
		return -1;
	}
	return (p[0] - '0') * 10 + (p[1] - '0');
}

/* "hhmmss" or "hhmmss.fff" up to a comma, as seconds of the day. */
static bool parse_time(const char *p, int64_t *seconds, uint32_t *nsec)
{
	uint32_t weight = 100000000;
	uint32_t ns = 0;
	int h, m, s;

	if (strnlen(p, 6) < 6) {
		return false;
	}
	h = two_digits(p);
	m = two_digits(p + 2);
	s = two_digits(p + 4);
	if (h < 0 || h > 23 || m < 0 || m > 59 || s < 0 || s > 60) {
		return false;
	}
	p += 6;
	if (*p == '.') {
		for (p++; *p >= '0' && *p <= '9'; p++) {
			ns += weight * (uint32_t)(*p - '0');
			weight /= 10;
		}
	}
	if (*p != ',') {
		return false;
	}
	/* Time since 1970 has no place for an inserted second. */
	*seconds = h * 3600 + m * 60 + (s == 60 ? 59 : s);
	*nsec = ns;
	return true;
}

static int days_of_month(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return days[month - 1] + (month == 2 && year % 4 == 0);
}

/* "ddmmyy" up to a comma or the end, as days since 1970. The years are 2000 to 2099. */
static bool parse_date(const char *p, int64_t *days)
{
	int d, m, y;
	int64_t n;

	if (strnlen(p, 6) < 6 || (p[6] != ',' && p[6] != '\0')) {
		return false;
	}
	d = two_digits(p);
	m = two_digits(p + 2);
	y = two_digits(p + 4);
	if (y < 0 || m < 1 || m > 12 || d < 1 || d > days_of_month(2000 + y, m)) {
		return false;
	}
	n = 10957 + 365 * y + (y + 3) / 4; /* 1 January 2000 is day 10957 */
	for (int i = 1; i < m; i++) {
		n += days_of_month(2000 + y, i);
	}
	*days = n + d - 1;
	return true;
}

static bool is_rmc(const char *sentence)
{
	return strlen(sentence) >= 6 && memcmp(sentence + 2, "RMC,", 4) == 0;
}

static bool is_empty(const char *field)
{
	return *field == ',' || *field == '\0';
}

/* A receiver that has not seen a satellite yet leaves out what it does not know. */
static bool parse_rmc(const char *sentence, struct nmea_fix *fix)
{
	const char *time = field(sentence, 1);
	const char *status = field(sentence, 2);
	const char *date = field(sentence, 9);
	int64_t seconds = 0, days = 0;
	uint32_t nsec = 0;
	bool valid;

	if (!date || (status[0] != 'A' && status[0] != 'V') || status[1] != ',') {
		return false;
	}
	valid = status[0] == 'A';
	if ((!parse_time(time, &seconds, &nsec) && (valid || !is_empty(time))) ||
	    (!parse_date(date, &days) && (valid || !is_empty(date)))) {
		return false;
	}
	*fix = (struct nmea_fix){ .valid = valid };
	if (!is_empty(time) && !is_empty(date)) {
		fix->utc = days * 86400 + seconds;
		fix->nsec = nsec;
	}
	return true;
}

/* -- sentences -------------------------------------------------------------------------------- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	if (c >= 'A' && c <= 'F') {
		return c - 'A' + 10;
	}
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void begin(struct nmea *parser)
{
	parser->state = NMEA_BODY;
	parser->checksum = 0;
	parser->len = 0;
	parser->sentence[0] = '\0';
}

static enum nmea_event give_up(struct nmea *parser)
{
	parser->state = NMEA_IDLE;
	return NMEA_NONSENSE;
}

static enum nmea_event take_body(struct nmea *parser, char c)
{
	if (c == '*') {
		parser->state = NMEA_CHECKSUM_HIGH;
		return NMEA_NOTHING;
	}
	if (c < ' ' || c > '~' || parser->len == NMEA_SENTENCE_MAX) {
		return give_up(parser);
	}
	parser->checksum ^= (uint8_t)c;
	parser->sentence[parser->len++] = c;
	parser->sentence[parser->len] = '\0';
	return NMEA_NOTHING;
}

static enum nmea_event take_checksum(struct nmea *parser, char c)
{
	const int digit = hex_digit(c);

	if (digit < 0) {
		return give_up(parser);
	}
	if (parser->state == NMEA_CHECKSUM_HIGH) {
		parser->claimed = (uint8_t)(digit << 4);
		parser->state = NMEA_CHECKSUM_LOW;
	} else {
		parser->claimed |= (uint8_t)digit;
		parser->state = NMEA_END;
	}
	return NMEA_NOTHING;
}

/* The line ends: now the sentence is whole. */
static enum nmea_event finish(struct nmea *parser, struct nmea_fix *fix)
{
	parser->state = NMEA_IDLE;
	if (parser->claimed != parser->checksum) {
		return NMEA_CHECKSUM;
	}
	if (!is_rmc(parser->sentence)) {
		return NMEA_OTHER;
	}
	return parse_rmc(parser->sentence, fix) ? NMEA_RMC : NMEA_NONSENSE;
}

enum nmea_event nmea_push(struct nmea *parser, char c, struct nmea_fix *fix)
{
	if (c == '$') {
		enum nmea_event broken =
			parser->state == NMEA_IDLE ? NMEA_NOTHING : NMEA_NONSENSE;

		begin(parser);
		return broken;
	}
	switch (parser->state) {
	case NMEA_IDLE:
		return NMEA_NOTHING;
	case NMEA_BODY:
		return take_body(parser, c);
	case NMEA_CHECKSUM_HIGH:
	case NMEA_CHECKSUM_LOW:
		return take_checksum(parser, c);
	case NMEA_END:
		break;
	}
	return c == '\r' || c == '\n' ? finish(parser, fix) : give_up(parser);
}

const char *nmea_sentence(const struct nmea *parser)
{
	return parser->sentence;
}
