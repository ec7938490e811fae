/* SPDX-License-Identifier: BSD-2-Clause */
/* Values of SETs: what print_value() writes can be read back, and a little more. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "drivers/address.h"
#include "grammar.h"

#define TOKEN_MAX 256

/* A walk over the words of a line; a word in quotes may hold blanks. */
struct words {
	const char *at;
	const char *last;     /* where the one looked at begins */
	char word[TOKEN_MAX]; /* the one looked at */
	bool ended;
};

static void next_word(struct words *w)
{
	const char *start = w->at + strspn(w->at, " \t\r\n");
	const bool quoted = *start == '"';
	size_t len;

	w->last = start;
	start += quoted;
	len = strcspn(start, quoted ? "\"" : " \t\r\n");
	w->ended = len == 0 && !quoted;
	w->at = start + len + (quoted && start[len] == '"');
	if (len >= sizeof(w->word)) {
		len = sizeof(w->word) - 1;
	}
	memcpy(w->word, start, len);
	w->word[len] = '\0';
}

/* -- one value -------------------------------------------------------------------------------- */

/* A whole number; base 16 takes a leading 0x or none, base 10 takes 0x as hexadecimal. */
static int parse_number(const char *text, int base, int64_t *number)
{
	const bool prefixed = strncasecmp(text + (*text == '-'), "0x", 2) == 0;
	const bool large = *text != '-' && base == 10 && !prefixed;
	long long parsed;
	char *end;

	errno = 0;
	parsed = large ? (long long)strtoull(text, &end, 10) :
			 strtoll(text, &end, prefixed ? 16 : base);
	if (end == text || *end || errno || isspace((unsigned char)*text)) {
		return -EINVAL;
	}
	*number = parsed;
	return 0;
}

static int parse_switch(const char *text, int64_t *number)
{
	static const char *const words[2][2] = { { "off", "false" }, { "on", "true" } };

	for (int value = 0; value < 2; value++) {
		if (strcasecmp(text, words[value][0]) == 0 ||
		    strcasecmp(text, words[value][1]) == 0) {
			*number = value;
			return 0;
		}
	}
	if (parse_number(text, 10, number)) {
		return -EINVAL;
	}
	*number = *number != 0;
	return 0;
}

static int parse_name(const struct gnomon_field_names *names, const char *text, int64_t *number)
{
	for (unsigned int i = 0; i < names->count; i++) {
		if (names->names[i] && strcasecmp(text, names->names[i]) == 0) {
			*number = i;
			return 0;
		}
	}
	return parse_number(text, 10, number);
}

/* Nanoseconds, with a fraction or without, as ns * 2^16. */
static int parse_interval(const char *text, int64_t *number)
{
	char *end;
	const double ns = strtod(text, &end);
	int64_t whole;

	if (parse_number(text, 10, &whole) == 0 && whole >= INT64_MIN / 65536 &&
	    whole <= INT64_MAX / 65536) {
		*number = whole * 65536;
		return 0;
	}
	if (end == text || *end || !(fabs(ns) < 0x1p47)) {
		return -EINVAL;
	}
	*number = (int64_t)llround(ns * 65536);
	return 0;
}

/* Seconds and nine digits. */
static int parse_timestamp(const char *text, struct gnomon_timestamp *timestamp)
{
	const char *point = strchr(text, '.');
	char digits[10] = "000000000";
	unsigned long long seconds;
	size_t len = 0;
	char *end;

	errno = 0;
	seconds = strtoull(text, &end, 10);
	if (!isdigit((unsigned char)*text) || errno || seconds >> 48 || (*end && end != point)) {
		return -EINVAL;
	}
	if (point) {
		len = strlen(point + 1);
		if (len > 9 || strspn(point + 1, "0123456789") != len) {
			return -EINVAL;
		}
		memcpy(digits, point + 1, len);
	}
	timestamp->seconds = seconds;
	timestamp->nanoseconds = (uint32_t)strtoul(digits, NULL, 10);
	return 0;
}

static int parse_octets(const char *text, uint8_t *octets, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		char digits[3] = { text[0], text[0] ? text[1] : '\0', '\0' };

		if (!isxdigit((unsigned char)digits[0]) || !isxdigit((unsigned char)digits[1])) {
			return -EINVAL;
		}
		octets[i] = (uint8_t)strtoul(digits, NULL, 16);
		text += 2;
		if (i + 1 < size && *text++ != ':') {
			return -EINVAL;
		}
	}
	return *text ? -EINVAL : 0;
}

/* A value whose octets may be those of another buffer. */
struct parsed {
	struct gnomon_management_value value;
	uint8_t octets[16];
};

static int parse_address(const char *text, struct parsed *p)
{
	for (int protocol = GNOMON_NETWORK_UDP_IPV4; protocol <= GNOMON_NETWORK_IEEE_802_3;
	     protocol++) {
		struct gnomon_address address;

		if (address_parse((enum gnomon_network_protocol)protocol, text, &address) == 0) {
			memcpy(p->octets, address.octets, sizeof(p->octets));
			p->value.number = protocol;
			p->value.octets = p->octets;
			p->value.len = address.length;
			return 0;
		}
	}
	return -EINVAL;
}

static int parse_natural(const char *text, const struct gnomon_management_field *f,
			 struct parsed *p)
{
	switch ((enum gnomon_field_type)f->type) {
	case GNOMON_FIELD_U8:
	case GNOMON_FIELD_I8:
	case GNOMON_FIELD_U16:
	case GNOMON_FIELD_I16:
	case GNOMON_FIELD_U32:
	case GNOMON_FIELD_I32:
	case GNOMON_FIELD_U48:
	case GNOMON_FIELD_I64:
	case GNOMON_FIELD_LE64:
		return parse_number(text, 10, &p->value.number);
	case GNOMON_FIELD_BITS:
		return f->width == 1 ? parse_switch(text, &p->value.number) :
				       parse_number(text, 10, &p->value.number);
	case GNOMON_FIELD_INTERVAL:
		return parse_interval(text, &p->value.number);
	case GNOMON_FIELD_TIMESTAMP:
		return parse_timestamp(text, &p->value.timestamp);
	case GNOMON_FIELD_CLOCK_IDENTITY:
		return grammar_clock_identity(text, &p->value.identity.clock);
	case GNOMON_FIELD_PORT_IDENTITY:
		return grammar_port_identity(text, &p->value.identity);
	case GNOMON_FIELD_PORT_ADDRESS:
		return parse_address(text, p);
	case GNOMON_FIELD_TEXT:
		p->value.octets = (const uint8_t *)text;
		p->value.len = (uint16_t)strlen(text);
		return 0;
	case GNOMON_FIELD_OCTETS:
		p->value.octets = p->octets;
		p->value.len = f->size;
		return f->size > sizeof(p->octets) ? -EINVAL :
						     parse_octets(text, p->octets, f->size);
	case GNOMON_FIELD_SCALED_NS:
	case GNOMON_FIELD_PHYSICAL_ADDRESS:
	case GNOMON_FIELD_RESERVED:
		break;
	}
	return -EINVAL;
}

static int parse_value(const char *text, const struct gnomon_management_field *f,
		       struct parsed *p)
{
	*p = (struct parsed){ .value.field = f };
	switch ((enum gnomon_field_format)f->format) {
	case GNOMON_FORMAT_NATURAL:
		return parse_natural(text, f, p);
	case GNOMON_FORMAT_HEX:
		return parse_number(text, 16, &p->value.number);
	case GNOMON_FORMAT_NAMES:
		return parse_name(f->names, text, &p->value.number);
	case GNOMON_FORMAT_NS:
	case GNOMON_FORMAT_NS_TENTHS:
		return parse_interval(text, &p->value.number);
	case GNOMON_FORMAT_RATE_41:
		return -EINVAL; /* nothing that can be set */
	case GNOMON_FORMAT_BOOLEAN:
	case GNOMON_FORMAT_ONE_ZERO:
	case GNOMON_FORMAT_ON_OFF:
		return parse_switch(text, &p->value.number);
	}
	return -EINVAL;
}

/* -- all of them ------------------------------------------------------------------------------ */

/* Numbers that mean something, of fields that take only some; ended by -1. */
static const struct {
	uint16_t id;
	const char *label;
	int64_t allowed[4];
	const char *words;
} choices[] = {
	{ GNOMON_MID_SYNCHRONIZATION_UNCERTAIN_NP, "uncertain", { 0, 1, 255, -1 },
	  "0 (false), 1 (true) or 255 (don't care)" },
	{ GNOMON_MID_POWER_PROFILE_SETTINGS_NP, "version", { 0, 1, 2, -1 },
	  "0 (none), 1 (2011) or 2 (2017)" },
};

static const char *not_among(uint16_t id, const struct gnomon_management_value *v)
{
	for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
		const int64_t *a = choices[i].allowed;

		if (choices[i].id != id || strcmp(choices[i].label, v->field->label) != 0) {
			continue;
		}
		while (*a >= 0 && *a != v->number) {
			a++;
		}
		return *a < 0 ? choices[i].words : NULL;
	}
	return NULL;
}

/* Fields a SET has to name a value for. */
static unsigned int count_values(const struct gnomon_management_row *row)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < row->field_count; i++) {
		const struct gnomon_management_field *f = &row->fields[i];

		n += f->label && !(f->flags & (GNOMON_FIELD_EXTRA | GNOMON_FIELD_COUNT |
					       GNOMON_FIELD_RECORD_LENGTH));
	}
	return n;
}

/* pmc's words. */
static int wrong_count(const struct gnomon_management_row *row, struct grammar_error *error)
{
	const unsigned int n = count_values(row);

	if (row->id == GNOMON_MID_SUBSCRIBE_EVENTS_NP) {
		snprintf(error->text, sizeof(error->text), "%s SET needs at least one value",
			 row->name);
	} else {
		snprintf(error->text, sizeof(error->text), "%s SET needs %u value%s", row->name, n,
			 n == 1 ? "" : "s");
	}
	return -EINVAL;
}

/* What may be left out counts as zero. */
static bool is_optional(const struct gnomon_management_field *f)
{
	return f->flags & GNOMON_FIELD_EXTRA || f->format == GNOMON_FORMAT_ON_OFF;
}

/* The value at the current word into the writer. */
static int take_value(struct words *w, struct gnomon_management_writer *writer,
		      const struct gnomon_management_field *f, struct grammar_error *error)
{
	struct parsed p;
	const char *wanted;

	if (w->ended) {
		return wrong_count(writer->row, error);
	}
	if (parse_value(w->word, f, &p) || !gnomon_management_value_valid(&p.value)) {
		snprintf(error->text, sizeof(error->text), "%s: \"%.60s\" is no value for %s",
			 writer->row->name, w->word, f->label);
		return -EINVAL;
	}
	wanted = not_among(writer->row->id, &p.value);
	if (wanted) {
		snprintf(error->text, sizeof(error->text), "%s: %s has to be %s",
			 writer->row->name, f->label, wanted);
		return -EINVAL;
	}
	gnomon_management_put(writer, &p.value);
	if (writer->bad) {
		snprintf(error->text, sizeof(error->text), "%s: %.60s is out of the range of %s",
			 writer->row->name, w->word, f->label);
		return -EINVAL;
	}
	next_word(w);
	return 0;
}

/* The values of the row's fields, each behind its label; of a single field the label may be left
 * out. */
static int take_values(struct words *w, struct gnomon_management_writer *writer,
		       struct grammar_error *error)
{
	const struct gnomon_management_field *f;
	const bool single = count_values(writer->row) == 1 && !writer->row->repeats;

	while ((f = gnomon_management_expected(writer))) {
		const bool labelled = !w->ended && strcasecmp(w->word, f->label) == 0;
		const bool in_group = writer->row->repeats &&
				      f == &writer->row->fields[writer->row->repeat_from];
		int err;

		if (in_group && w->ended) {
			return 0;
		}
		if (!labelled && is_optional(f)) {
			gnomon_management_put_number(writer, 0);
			continue;
		}
		if (!labelled && !single) {
			return wrong_count(writer->row, error);
		}
		if (labelled) {
			next_word(w);
		}
		err = take_value(w, writer, f, error);
		if (err) {
			return err;
		}
	}
	return 0;
}

int grammar_values(const char **text, struct grammar_command *command,
		   struct grammar_error *error)
{
	struct gnomon_management_writer writer;
	struct words w = { .at = *text };
	int len;
	int err;

	next_word(&w);
	gnomon_management_writer_init(&writer, command->row, command->data,
				      sizeof(command->data));
	err = take_values(&w, &writer, error);
	if (err) {
		return err;
	}
	len = gnomon_management_writer_finish(&writer);
	if (len < 0) {
		snprintf(error->text, sizeof(error->text), "%s: these values do not go together",
			 command->row->name);
		return -EINVAL;
	}
	command->len = (size_t)len;
	*text = w.last;
	return 0;
}
