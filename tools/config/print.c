/* SPDX-License-Identifier: BSD-2-Clause */
/* The configuration as text: effective values, the table as JSON, the table as a manual page. */
#include "tools/config/config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Printed text on its way; the first failure of write is kept. */
struct out {
	conf_write write;
	void *context;
	int result;
};

static void put(struct out *o, const char *text, size_t len)
{
	if (o->result >= 0) {
		o->result = o->write(o->context, text, len);
	}
}

static void print(struct out *o, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void print(struct out *o, const char *format, ...)
{
	char text[CONF_VALUE_MAX + 128];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (len > 0) {
		put(o, text, (size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1);
	}
}

/* -- effective values ------------------------------------------------------------------------- */

/* Keys without a member have no effective value. */
static bool shown(const struct conf_key *key)
{
	return key->status == CONF_SUPPORTED || key->status == CONF_NOTED;
}

/* Keys of a scope, of which only those that differ from what they inherit stand in a section. */
static void print_differing(struct out *o, enum conf_scope scope, const void *from,
			    const void *inherited_from)
{
	char value[CONF_VALUE_MAX];
	char inherited[CONF_VALUE_MAX];

	for (size_t i = 0; i < conf_table_len; i++) {
		const struct conf_key *key = &conf_table[i];

		if (!shown(key) || key->scope != scope ||
		    (scope == CONF_GLOBAL && key->group != CONF_GROUP_SERVO)) {
			continue;
		}
		conf_value_get(key, from, value);
		conf_value_get(key, inherited_from, inherited);
		if (strcmp(value, inherited) != 0) {
			print(o, "%-27s %s\n", key->name, value);
		}
	}
}

/* All keys of a source of that type, of a sync or a guest. */
static void print_all(struct out *o, enum conf_scope scope, unsigned int types, const void *from)
{
	char value[CONF_VALUE_MAX];

	for (size_t i = 0; i < conf_table_len; i++) {
		const struct conf_key *key = &conf_table[i];

		if (key->scope == scope && (!key->types || key->types & types)) {
			print(o, "%-27s %s\n", key->name, conf_value_get(key, from, value));
		}
	}
}

static void print_guest(struct out *o, const struct conf_guest *guest)
{
	print(o, "\n[guest %s]\n", guest->name);
	print_all(o, CONF_GUEST, 0, guest);
}

int conf_print_guest(const struct conf_guest *guest, conf_write write, void *context)
{
	struct out o = { write, context, 0 };

	print_guest(&o, guest);
	return o.result < 0 ? o.result : 0;
}

static void print_sections(struct out *o, const struct conf *conf)
{
	for (size_t i = 0; i < conf->port_count; i++) {
		print(o, "\n[%s]\n", conf->ports[i].name);
		print_differing(o, CONF_PORT, &conf->ports[i].conf, &conf->defaults);
	}
	for (size_t i = 0; i < conf->source_count; i++) {
		const struct conf_source *source = &conf->sources[i];

		print(o, "\n[source %s]\n", source->name);
		print_all(o, CONF_SOURCE, 1u << source->type, source);
		if (source->type == CONF_SOURCE_PTP) {
			print_differing(o, CONF_PORT, &source->port, &conf->defaults);
		}
	}
	for (size_t i = 0; i < conf->sync_count; i++) {
		print(o, "\n[sync %s]\n", conf->syncs[i].name);
		print_all(o, CONF_SYNC, 0, &conf->syncs[i]);
		print_differing(o, CONF_GLOBAL, conf->syncs[i].servo, conf);
	}
	for (size_t i = 0; i < conf->guest_count; i++) {
		print_guest(o, &conf->guests[i]);
	}
}

int conf_print(const struct conf *conf, conf_write write, void *context)
{
	struct out o = { write, context, 0 };
	char value[CONF_VALUE_MAX];

	print(&o, "[global]\n");
	for (size_t i = 0; i < conf_table_len; i++) {
		const struct conf_key *key = &conf_table[i];
		const void *from = key->scope == CONF_PORT ? (const void *)&conf->defaults
							   : (const void *)conf;

		if (shown(key) && conf_key_is_option(key)) {
			print(&o, "%-27s %s\n", key->name, conf_value_get(key, from, value));
		}
	}
	print_sections(&o, conf);
	return o.result < 0 ? o.result : 0;
}

/* -- the table as JSON ------------------------------------------------------------------------ */

/* Names of the schema; scripts know them. */
static const char *type_name(enum conf_type type)
{
	switch (type) {
	case CONF_INT:
		return "integer";
	case CONF_DOUBLE:
		return "number";
	case CONF_ENUM:
		return "enumeration";
	case CONF_STRING:
		return "string";
	case CONF_MAC:
		return "mac-address";
	case CONF_OUI:
		return "oui";
	case CONF_IPV4:
		return "ipv4-address";
	case CONF_IPV6:
		return "ipv6-address";
	case CONF_IDENTITY:
		return "clock-identity";
	}
	return "?";
}

static const char *status_name(enum conf_status status)
{
	switch (status) {
	case CONF_SUPPORTED:
		return "supported";
	case CONF_NOTED:
		return "no-effect-yet";
	case CONF_LATER:
		return "not-supported-yet";
	case CONF_OTHER:
		return "other-program";
	}
	return "?";
}

/* The table's texts hold no control characters, so quotes and backslashes are all there is. */
static void print_json(struct out *o, const char *name, const char *text)
{
	print(o, ",\"%s\":\"", name);
	for (; *text; text++) {
		print(o, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
	}
	print(o, "\"");
}

/* What can be chosen now, and what will be. */
static void print_json_labels(struct out *o, const struct conf_key *key)
{
	char label[32];

	for (int later = 0; later <= 1; later++) {
		const char *comma = "";

		print(o, ",\"%s\":[", later ? "values_later" : "values");
		for (int i = 0; conf_label(key, i, label); i++) {
			if (conf_label_later(key, i) == later) {
				print(o, "%s\"%s\"", comma, label);
				comma = ",";
			}
		}
		print(o, "]");
	}
}

/* The types of sources that have the key. */
static void print_json_types(struct out *o, const struct conf_key *key)
{
	const char *comma = "";

	print(o, ",\"source_types\":[");
	for (int i = CONF_SOURCE_PTP; i <= CONF_SOURCE_NTP; i++) {
		if (!key->types || key->types & 1u << i) {
			print(o, "%s\"%s\"", comma, conf_source_type_name(i));
			comma = ",";
		}
	}
	print(o, "]");
}

/* One key a line, so that the output can be read and compared without a tool. */
int conf_print_schema(conf_write write, void *context)
{
	struct out o = { write, context, 0 };

	print(&o, "{\"schema\":1,\"keys\":[");
	for (size_t i = 0; i < conf_table_len; i++) {
		const struct conf_key *key = &conf_table[i];

		print(&o, "%s\n{\"name\":\"%s\"", i ? "," : "", key->name);
		if (key->alias) {
			print_json(&o, "alias", key->alias);
		}
		print_json(&o, "scope", conf_scope_name(key->scope));
		print_json(&o, "type", type_name(key->type));
		print_json(&o, "status", status_name(key->status));
		if (key->scope == CONF_SOURCE) {
			print_json_types(&o, key);
		}
		if (key->required) {
			print(&o, ",\"required\":true");
		} else {
			print_json(&o, "default", key->native ? key->native : key->text);
		}
		if (key->native) {
			print_json(&o, "default_as_ptp4l", key->text);
		}
		if (key->type == CONF_INT || key->type == CONF_DOUBLE) {
			print(&o, ",\"min\":%.17g,\"max\":%.17g", key->min, key->max);
		} else if (key->type == CONF_ENUM) {
			print_json_labels(&o, key);
		}
		if (key->unit) {
			print_json(&o, "unit", key->unit);
		}
		print_json(&o, "description", key->doc);
		print(&o, "}");
	}
	print(&o, "\n]}\n");
	return o.result < 0 ? o.result : 0;
}

/* -- the table as a manual page --------------------------------------------------------------- */

/* Text for scdoc, where '_' marks underlining; '*' stays a mark, as the table uses it. */
static void print_scdoc(struct out *o, const char *text)
{
	for (; *text; text++) {
		print(o, *text == '_' || *text == '[' || *text == '<' ? "\\%c" : "%c", *text);
	}
}

/* What a value may be, where the type alone does not say it. */
static void print_scdoc_values(struct out *o, const struct conf_key *key)
{
	char range[CONF_RANGE_MAX];
	char label[32];
	const char *comma = "";

	switch (key->type) {
	case CONF_ENUM:
		print(o, " One of ");
		for (int i = 0; conf_label(key, i, label); i++) {
			print(o, "%s*%s*%s", comma, label,
			      conf_label_later(key, i) ? " (not supported yet)" : "");
			comma = ", ";
		}
		print(o, ".");
		break;
	case CONF_INT:
	case CONF_DOUBLE:
		print(o, " Range: %s%s%s.", conf_range(key, range), key->special ? ", or " : "",
		      key->special ? key->special : "");
		break;
	case CONF_STRING:
	case CONF_MAC:
	case CONF_OUI:
	case CONF_IPV4:
	case CONF_IPV6:
	case CONF_IDENTITY:
		break;
	}
}

/* One paragraph: name, scope and unit, meaning, values, default, standing. */
static void print_scdoc_key(struct out *o, const struct conf_key *key)
{
	const char *text = key->text[0] ? key->text : "empty";
	const char *scope = conf_scope_name(key->scope);
	const char *comma = " of type ";

	print(o, "*");
	print_scdoc(o, key->name);
	print(o, "* (%s", scope);
	for (int i = CONF_SOURCE_PTP; key->types && i <= CONF_SOURCE_NTP; i++) {
		if (key->types & 1u << i) {
			print(o, "%s%s", comma, conf_source_type_name(i));
			comma = " or ";
		}
	}
	if (key->unit && !conf_is_mode(key)) {
		print(o, ", %s", key->unit);
	}
	print(o, ")");
	print(o, "\n\t");
	print_scdoc(o, key->doc);
	print_scdoc_values(o, key);
	print(o, key->required ? " Its section must have it" : " Default: ");
	print_scdoc(o, key->required ? "" : key->native ? key->native : text);
	if (key->native) {
		print(o, "; as ptp4l: ");
		print_scdoc(o, text);
	}
	print(o, ".");
	if (key->alias) {
		print(o, " Also written *");
		print_scdoc(o, key->alias);
		print(o, "*.");
	}
	if (key->status == CONF_LATER) {
		print(o, " Not supported yet: only the default is accepted.");
	} else if (key->status == CONF_NOTED) {
		print(o, " Accepted without effect.");
	}
	print(o, "\n\n");
}

int conf_print_scdoc(conf_write write, void *context)
{
	struct out o = { write, context, 0 };
	enum conf_group group = CONF_GROUP_COUNT;

	for (size_t i = 0; i < conf_table_len; i++) {
		if (conf_table[i].group != group) {
			group = conf_table[i].group;
			print(&o, "## %s\n\n", conf_group_title(group));
		}
		print_scdoc_key(&o, &conf_table[i]);
	}
	return o.result < 0 ? o.result : 0;
}
