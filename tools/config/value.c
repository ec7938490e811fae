/* SPDX-License-Identifier: BSD-2-Clause */
/* Values of configuration keys: text to member and back, by the key's type. */
#include "tools/config/config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gnomon/engine.h>

/* A string kept for the configuration's lifetime. */
struct conf_string {
	struct conf_string *next;
	char text[];
};

/* A value in between: checked, not stored yet. */
union value {
	int64_t i;
	double d;
	uint8_t bytes[16];
};

int conf_fail(struct conf_error *error, struct conf_place place, const char *format, ...)
{
	va_list args;
	int len = 0;

	if (!error) {
		return -EINVAL;
	}
	if (place.file && place.line) {
		len = snprintf(error->text, sizeof(error->text), "%s:%u: ", place.file, place.line);
	} else if (place.file) {
		len = snprintf(error->text, sizeof(error->text), "%s: ", place.file);
	}
	if (len < 0 || (size_t)len >= sizeof(error->text)) {
		len = 0;
	}
	va_start(args, format);
	(void)vsnprintf(error->text + len, sizeof(error->text) - (size_t)len, format, args);
	va_end(args);
	return -EINVAL;
}

/* What a message about a value begins with: the key, or the option as the user knows it. */
#define SUBJECT_MAX 80

static const char *subject(const struct conf_key *key, struct conf_place place,
			   char buf[SUBJECT_MAX])
{
	if (place.option) {
		snprintf(buf, SUBJECT_MAX, "option %s", place.option);
	} else {
		snprintf(buf, SUBJECT_MAX, "key '%s'", key->name);
	}
	return buf;
}

#define SUBJECT(key, place) subject(key, place, (char[SUBJECT_MAX]){ "" })

/* -- labels ----------------------------------------------------------------------------------- */

/* The index-th word of an enumeration's labels; its length in *len, NULL past the end. */
static const char *label_at(const char *labels, int index, size_t *len)
{
	const char *p = labels;

	for (int i = 0;; i++) {
		*len = strcspn(p, " ");
		if (i == index) {
			return *len ? p : NULL;
		}
		if (p[*len] == '\0') {
			return NULL;
		}
		p += *len + 1;
	}
}

bool conf_label_later(const struct conf_key *key, int index)
{
	size_t len;
	const char *label = label_at(key->labels, index, &len);

	return label && label[0] == '-';
}

char *conf_label(const struct conf_key *key, int index, char buf[32])
{
	size_t len;
	const char *label = label_at(key->labels, index, &len);

	if (!label) {
		return NULL;
	}
	if (label[0] == '-') {
		label++;
		len--;
	}
	snprintf(buf, 32, "%.*s", (int)len, label);
	return buf;
}

/* The choices of a key that can be chosen now, for an error message: "a, b or c". */
static void list_labels(const struct conf_key *key, char *buf, size_t cap)
{
	char label[32];
	char next[32];
	size_t len = 0;
	int n = 0;

	buf[0] = '\0';
	for (int i = 0; conf_label(key, i, label); i++) {
		int more = i + 1;

		if (conf_label_later(key, i)) {
			continue;
		}
		while (conf_label_later(key, more)) {
			more++;
		}
		len += (size_t)snprintf(buf + len, cap - len, "%s%s",
					!n++                          ? ""
					: conf_label(key, more, next) ? ", "
								      : " or ",
					label);
	}
}

bool conf_is_mode(const struct conf_key *key)
{
	return key->unit && (strcmp(key->unit, "octal") == 0 || strcmp(key->unit, "mode") == 0);
}

char *conf_range(const struct conf_key *key, char buf[CONF_RANGE_MAX])
{
	if (key->min == -DBL_MAX) {
		snprintf(buf, CONF_RANGE_MAX, "any number");
	} else if (conf_is_mode(key)) {
		snprintf(buf, CONF_RANGE_MAX, "0 to 0%o", (unsigned int)key->max);
	} else if (key->max == DBL_MAX) {
		snprintf(buf, CONF_RANGE_MAX, "%.10g or more", key->min);
	} else if (key->min == DBL_MIN) {
		snprintf(buf, CONF_RANGE_MAX, "more than 0, up to %.10g", key->max);
	} else {
		snprintf(buf, CONF_RANGE_MAX, "%.10g to %.10g", key->min, key->max);
	}
	return buf;
}

/* -- text to value ---------------------------------------------------------------------------- */

/* Any base strtoll knows, as ptp4l reads numbers: 0x10 is 16, 010 is 8. Modes that ptp4l does not
 * have are octal as everywhere else, since 440 is no 0670 to anybody. */
static int parse_int(const struct conf_key *key, const char *text, union value *v,
		     struct conf_place place, struct conf_error *error)
{
	char range[CONF_RANGE_MAX];
	char *end;

	if (key->special && strcasecmp(text, key->special) == 0) {
		v->i = (int64_t)key->min;
		return 0;
	}
	errno = 0;
	v->i = strtoll(text, &end, key->unit && strcmp(key->unit, "octal") == 0 ? 8 : 0);
	if (end == text || *end != '\0') {
		return conf_fail(error, place,
				 "%s: '%s' is not a whole number; write one%s%s%s%s",
				 SUBJECT(key, place), text, conf_is_mode(key) ? " from " : "",
				 conf_is_mode(key) ? conf_range(key, range) : "",
				 key->special ? " or " : "", key->special ? key->special : "");
	}
	if (errno == ERANGE || (double)v->i < key->min || (double)v->i > key->max) {
		return conf_fail(error, place, "%s: %s is out of range; write %s",
				 SUBJECT(key, place), text, conf_range(key, range));
	}
	return 0;
}

/* The whole text must be the number; NaN is in no range. */
static int parse_double(const struct conf_key *key, const char *text, union value *v,
			struct conf_place place, struct conf_error *error)
{
	char range[CONF_RANGE_MAX];
	char *end;

	v->d = strtod(text, &end);
	if (end == text || *end != '\0') {
		return conf_fail(error, place, "%s: '%s' is not a number; write one",
				 SUBJECT(key, place), text);
	}
	if (isnan(v->d) || v->d < key->min || v->d > key->max) {
		return conf_fail(error, place, "%s: %s is out of range; write %s",
				 SUBJECT(key, place), text, conf_range(key, range));
	}
	return 0;
}

/* Case does not matter, as to ptp4l. */
static int parse_enum(const struct conf_key *key, const char *text, union value *v,
		      struct conf_place place, struct conf_error *error)
{
	char label[32];
	char all[160];

	for (int i = 0; conf_label(key, i, label); i++) {
		if (strcasecmp(label, text) != 0) {
			continue;
		}
		v->i = i;
		return 0;
	}
	list_labels(key, all, sizeof(all));
	return conf_fail(error, place, "%s: '%s' is not one of its values; write %s",
			 SUBJECT(key, place), text, all);
}

/* 0 to 15, -1 for what is no digit. isxdigit() would look at the locale. */
static int hex_digit(char c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	if (c >= 'a' && c <= 'f') {
		return c - 'a' + 10;
	}
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/*
 * Hexadecimal octets by a picture: 'x' stands for an octet, anything else for itself. In a picture
 * with colons an octet may have one digit, as ptp4l takes them.
 */
static bool parse_octets(const char *picture, const char *text, uint8_t *bytes)
{
	bool two_digits = !strchr(picture, ':');

	for (; *picture; picture++) {
		int high;
		int low;

		if (*picture != 'x') {
			if (*text++ != *picture) {
				return false;
			}
			continue;
		}
		high = hex_digit(*text);
		if (high < 0) {
			return false;
		}
		text++;
		low = hex_digit(*text);
		if (low < 0 && two_digits) {
			return false;
		}
		text += low >= 0;
		*bytes++ = (uint8_t)(low < 0 ? high : high * 16 + low);
	}
	return *text == '\0';
}

/* How the octets of an address type are written, and an example for messages. */
static const char *octet_picture(enum conf_type type)
{
	if (type == CONF_MAC) {
		return "x:x:x:x:x:x";
	}
	return type == CONF_OUI ? "x:x:x" : "xxx.xx.xxx";
}

/* Addresses are binary from here on; nobody parses them a second time. */
static int parse_address(const struct conf_key *key, const char *text, union value *v,
			 struct conf_place place, struct conf_error *error)
{
	const char *want;
	bool good;

	if (key->type == CONF_IPV4) {
		good = inet_pton(AF_INET, text, v->bytes) == 1;
		want = "an IPv4 address, like 224.0.1.129";
	} else if (key->type == CONF_IPV6) {
		good = inet_pton(AF_INET6, text, v->bytes) == 1;
		want = "an IPv6 address, like FF0E::181";
	} else {
		good = parse_octets(octet_picture(key->type), text, v->bytes);
		want = key->type == CONF_MAC   ? "six octets, like 01:1B:19:00:00:00"
		       : key->type == CONF_OUI ? "three octets, like 00:00:00"
					       : "a clock identity, like 0c42a1.fffe.6d7ca6";
	}
	if (!good) {
		return conf_fail(error, place, "%s: '%s' is malformed; write %s",
				 SUBJECT(key, place), text, want);
	}
	return 0;
}

/* Longest string value; what is longer is a mistake. */
#define STRING_MAX 511

static int parse_string(const struct conf_key *key, const char *text, struct conf_place place,
			struct conf_error *error)
{
	if (strlen(text) > STRING_MAX) {
		return conf_fail(error, place,
				 "%s: the value is longer than %d octets; shorten it",
				 SUBJECT(key, place), STRING_MAX);
	}
	for (const char *p = text; *p; p++) {
		if ((unsigned char)*p < ' ' || *p == 0x7f) {
			return conf_fail(error, place,
					 "%s: the value has a control character; remove it",
					 SUBJECT(key, place));
		}
	}
	return 0;
}

static int parse_value(const struct conf_key *key, const char *text, union value *v,
		       struct conf_place place, struct conf_error *error)
{
	switch (key->type) {
	case CONF_INT:
		return parse_int(key, text, v, place, error);
	case CONF_DOUBLE:
		return parse_double(key, text, v, place, error);
	case CONF_ENUM:
		return parse_enum(key, text, v, place, error);
	case CONF_STRING:
		return parse_string(key, text, place, error);
	case CONF_MAC:
	case CONF_OUI:
	case CONF_IPV4:
	case CONF_IPV6:
	case CONF_IDENTITY:
		return parse_address(key, text, v, place, error);
	}
	return -EINVAL;
}

/* -- storing ---------------------------------------------------------------------------------- */

/* Octets of the member of an address type; 0 for the other types. */
static size_t octets_of(enum conf_type type)
{
	switch (type) {
	case CONF_MAC:
		return 6;
	case CONF_OUI:
		return 3;
	case CONF_IPV4:
		return 4;
	case CONF_IPV6:
		return 16;
	case CONF_IDENTITY:
		return 8;
	case CONF_INT:
	case CONF_DOUBLE:
	case CONF_ENUM:
	case CONF_STRING:
		break;
	}
	return 0;
}

/* A copy of text that lives as long as *owner; NULL: no memory. */
static const char *keep_string(struct conf *owner, const char *text)
{
	size_t len = strlen(text);
	struct conf_string *s;

	if (len == 0) {
		return "";
	}
	s = malloc(sizeof(*s) + len + 1);
	if (!s) {
		return NULL;
	}
	memcpy(s->text, text, len + 1);
	s->next = owner->strings;
	owner->strings = s;
	return s->text;
}

/* Nothing can be wrong with the value any more but memory. */
static int store(const struct conf_key *key, void *target, struct conf *owner, const char *text,
		 const union value *v)
{
	void *member = (char *)target + key->offset;

	switch (key->type) {
	case CONF_INT:
	case CONF_ENUM:
		*(int *)member = (int)v->i;
		return 0;
	case CONF_DOUBLE:
		*(double *)member = v->d;
		return 0;
	case CONF_STRING:
		text = keep_string(owner, strcmp(text, "\"\"") == 0 ? "" : text);
		if (!text) {
			return -ENOMEM;
		}
		*(const char **)member = text;
		return 0;
	case CONF_MAC:
	case CONF_OUI:
	case CONF_IPV4:
	case CONF_IPV6:
	case CONF_IDENTITY:
		memcpy(member, v->bytes, octets_of(key->type));
		return 0;
	}
	return -EINVAL;
}

/* True if the value is the key's default, however it is written. */
static bool is_default(const struct conf_key *key, const char *text, const union value *v)
{
	struct conf_place nowhere = { NULL, 0 };
	union value def = { 0 };

	if (key->type == CONF_STRING) {
		return strcmp(text, key->text) == 0 ||
		       (key->text[0] == '\0' && strcmp(text, "\"\"") == 0);
	}
	if (parse_value(key, key->text, &def, nowhere, NULL) != 0) {
		return false;
	}
	if (key->type == CONF_DOUBLE) {
		return def.d == v->d;
	}
	return octets_of(key->type) ? memcmp(def.bytes, v->bytes, octets_of(key->type)) == 0
				    : def.i == v->i;
}

/* Add a name to a list, once; a name that does not fit is left out. */
static void note(char *list, size_t size, const char *name)
{
	size_t len = strlen(list);

	if (!strstr(list, name) && len + strlen(name) + 2 < size) {
		snprintf(list + len, size - len, "%s%s", len ? " " : "", name);
	}
}

/* Intervals of ports are those in log2 s; a special word stands for an end that is meant. */
static void note_intervals(struct conf *conf, const struct conf_port *port)
{
	for (size_t i = 0; i < conf_table_len; i++) {
		const struct conf_key *key = &conf_table[i];
		int log;

		if (key->scope != CONF_PORT || key->status != CONF_SUPPORTED || key->special ||
		    !key->unit || strcmp(key->unit, "log2 s") != 0) {
			continue;
		}
		log = *(const int *)(const void *)((const char *)port + key->offset);
		if (log < GNOMON_LOG_INTERVAL_FLOOR || log > GNOMON_LOG_INTERVAL_CEILING) {
			note(conf->beyond, sizeof(conf->beyond), key->name);
		}
	}
}

void conf_note_intervals(struct conf *conf)
{
	for (size_t i = 0; i < conf->port_count; i++) {
		note_intervals(conf, &conf->ports[i].conf);
	}
	for (size_t i = 0; i < conf->source_count; i++) {
		if (conf->sources[i].type == CONF_SOURCE_PTP) {
			note_intervals(conf, &conf->sources[i].port);
		}
	}
}

/* A value the daemon does not support yet, or a key of which it supports the default only. */
static int check_later(const struct conf_key *key, const char *text, const union value *v,
		       struct conf_place place, struct conf_error *error)
{
	char label[32];
	char all[160];

	if (key->type == CONF_ENUM && conf_label_later(key, (int)v->i)) {
		list_labels(key, all, sizeof(all));
		return conf_fail(error, place, "%s: %s is not supported yet; write %s",
				 SUBJECT(key, place), conf_label(key, (int)v->i, label), all);
	}
	if (key->status != CONF_LATER || is_default(key, text, v) ||
	    (key->inert && strcmp(text, key->inert) == 0)) {
		return 0;
	}
	return conf_fail(error, place, "%s is not supported yet; remove it, or write %s",
			 SUBJECT(key, place), key->text[0] ? key->text : "\"\"");
}

/* Whether the key has a member that this program uses. */
static bool is_stored(const struct conf_key *key, const struct conf *owner)
{
	switch (key->status) {
	case CONF_SUPPORTED:
	case CONF_NOTED:
		return true;
	case CONF_LATER:
		return owner->tool && key->offset > 0;
	case CONF_OTHER:
		return owner->tool;
	}
	return false;
}

/* The order matters: a wrong value is reported as such even where the key is not used. */
int conf_value_set(const struct conf_key *key, void *target, struct conf *owner, const char *text,
		   struct conf_place place, struct conf_error *error)
{
	union value v = { 0 };
	int r = parse_value(key, text, &v, place, error);

	if (r != 0) {
		return r;
	}
	if (!owner->tool) {
		r = check_later(key, text, &v, place, error);
	}
	if (r != 0 || !target || !is_stored(key, owner)) {
		return r;
	}
	if (key->status == CONF_NOTED && !is_default(key, text, &v)) {
		note(owner->noted, sizeof(owner->noted), key->name);
	}
	r = store(key, target, owner, text, &v);
	if (r != 0) {
		return conf_fail(error, place, "%s: no memory; make some free",
				 SUBJECT(key, place));
	}
	return 0;
}

/* -- value to text ---------------------------------------------------------------------------- */

/* The shortest form that reads back as the same number. */
static void format_double(double d, char buf[CONF_VALUE_MAX])
{
	for (int precision = 6; precision <= 17; precision++) {
		snprintf(buf, CONF_VALUE_MAX, "%.*g", precision, d);
		if (strtod(buf, NULL) == d) {
			return;
		}
	}
}

/* The reverse of parse_octets, always with two digits. */
static void format_octets(const char *picture, const uint8_t *bytes, char buf[CONF_VALUE_MAX])
{
	static const char digits[] = "0123456789abcdef";

	for (; *picture; picture++) {
		if (*picture == 'x') {
			*buf++ = digits[*bytes >> 4];
			*buf++ = digits[*bytes++ & 15];
		} else {
			*buf++ = *picture;
		}
	}
	*buf = '\0';
}

/* Exact, so that what is printed reads back as the same configuration. */
char *conf_value_get(const struct conf_key *key, const void *target, char buf[CONF_VALUE_MAX])
{
	const void *member = (const char *)target + key->offset;
	const char *s;

	if (key->status == CONF_LATER || key->status == CONF_OTHER) {
		snprintf(buf, CONF_VALUE_MAX, "%s", key->text);
		return buf;
	}
	switch (key->type) {
	case CONF_INT:
		if (key->special && *(const int *)member == (int)key->min) {
			snprintf(buf, CONF_VALUE_MAX, "%s", key->special);
			break;
		}
		snprintf(buf, CONF_VALUE_MAX,
			 conf_is_mode(key) ? "0%o" : "%d",
			 *(const int *)member);
		break;
	case CONF_ENUM:
		(void)conf_label(key, *(const int *)member, buf);
		break;
	case CONF_DOUBLE:
		format_double(*(const double *)member, buf);
		break;
	case CONF_STRING:
		s = *(const char *const *)member;
		snprintf(buf, CONF_VALUE_MAX, "%s", s[0] ? s : "\"\"");
		break;
	case CONF_IPV4:
		(void)inet_ntop(AF_INET, member, buf, CONF_VALUE_MAX);
		break;
	case CONF_IPV6:
		(void)inet_ntop(AF_INET6, member, buf, CONF_VALUE_MAX);
		break;
	case CONF_MAC:
	case CONF_OUI:
	case CONF_IDENTITY:
		format_octets(octet_picture(key->type), member, buf);
		break;
	}
	return buf;
}

void *conf_target(struct conf *conf, const struct conf_key *key)
{
	switch (key->scope) {
	case CONF_PORT:
		return &conf->defaults;
	case CONF_SOURCE:
		return &conf->source_defaults;
	case CONF_SYNC:
		return &conf->sync_defaults;
	case CONF_GUEST:
		return &conf->guest_defaults;
	case CONF_GLOBAL:
		break;
	}
	return conf;
}

/* -- life ------------------------------------------------------------------------------------- */

/* The defaults go through the same parser as everything else: there is no second copy of them. */
static int init(struct conf *conf, bool native, bool tool)
{
	struct conf_place nowhere = { NULL, 0 };

	memset(conf, 0, sizeof(*conf));
	conf->native = native;
	conf->tool = tool;
	for (size_t i = 0; i < conf_table_len; i++) {
		const struct conf_key *key = &conf_table[i];
		const char *text = native && key->native ? key->native : key->text;
		int r = conf_value_set(key, conf_target(conf, key), conf, text, nowhere, NULL);

		if (r != 0) {
			conf_finish(conf);
			return r;
		}
	}
	return 0;
}

int conf_init(struct conf *conf, bool native)
{
	return init(conf, native, false);
}

int conf_init_tool(struct conf *conf, bool native)
{
	return init(conf, native, true);
}

void conf_finish(struct conf *conf)
{
	while (conf->strings) {
		struct conf_string *next = conf->strings->next;

		free(conf->strings);
		conf->strings = next;
	}
	for (size_t i = 0; i < conf->source_count; i++) {
		if (conf->sources[i].instance) {
			free(conf->sources[i].instance->ports);
		}
		free(conf->sources[i].instance);
	}
	for (size_t i = 0; i < conf->sync_count; i++) {
		free(conf->syncs[i].servo);
	}
	free(conf->sources);
	free(conf->syncs);
	free(conf->guests);
	free(conf->ports);
	conf->sources = NULL;
	conf->source_count = 0;
	conf->syncs = NULL;
	conf->sync_count = 0;
	conf->guests = NULL;
	conf->guest_count = 0;
	conf->ports = NULL;
	conf->port_count = 0;
}

const struct conf_port *conf_first_port(const struct conf *conf)
{
	return conf->port_count ? &conf->ports[0].conf : &conf->defaults;
}

struct conf_interface *conf_interface_find(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->port_count; i++) {
		if (strcmp(conf->ports[i].name, name) == 0) {
			return &conf->ports[i];
		}
	}
	return NULL;
}

/* Ports are few and made once, so an array that grows by one is good enough. */
struct conf_interface *conf_interface_add(struct conf *conf, const char *name)
{
	struct conf_interface *port = conf_interface_find(conf, name);

	if (port) {
		return port;
	}
	port = reallocarray(conf->ports, conf->port_count + 1, sizeof(*port));
	if (!port) {
		return NULL;
	}
	conf->ports = port;
	port = &conf->ports[conf->port_count++];
	memset(port, 0, sizeof(*port));
	snprintf(port->name, sizeof(port->name), "%s", name);
	port->conf = conf->defaults;
	return port;
}
