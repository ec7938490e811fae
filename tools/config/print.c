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

/* Only what differs from [global] stands in a port's section. */
static void print_port(struct out *o, const struct conf *conf, const struct conf_interface *port)
{
	char value[CONF_VALUE_MAX];
	char inherited[CONF_VALUE_MAX];

	print(o, "\n[%s]\n", port->name);
	for (size_t i = 0; i < conf_table_len; i++) {
		const struct conf_key *key = &conf_table[i];

		if (!shown(key) || key->scope != CONF_PORT) {
			continue;
		}
		conf_value_get(key, &port->conf, value);
		conf_value_get(key, &conf->defaults, inherited);
		if (strcmp(value, inherited) != 0) {
			print(o, "%-27s %s\n", key->name, value);
		}
	}
}

int conf_print(const struct conf *conf, conf_write write, void *context)
{
	struct out o = { write, context, 0 };
	char value[CONF_VALUE_MAX];

	print(&o, "[global]\n");
	for (size_t i = 0; i < conf_table_len; i++) {
		const struct conf_key *key = &conf_table[i];
		const void *from = conf;

		if (key->scope == CONF_PORT) {
			from = &conf->defaults;
		}
		if (shown(key)) {
			print(&o, "%-27s %s\n", key->name, conf_value_get(key, from, value));
		}
	}
	for (size_t i = 0; i < conf->port_count; i++) {
		print_port(&o, conf, &conf->ports[i]);
	}
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
		print_json(&o, "scope", key->scope == CONF_GLOBAL ? "global" : "port");
		print_json(&o, "type", type_name(key->type));
		print_json(&o, "status", status_name(key->status));
		print_json(&o, "default", key->native ? key->native : key->text);
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
	const char *scope = key->scope == CONF_GLOBAL ? "global" : "port";

	print(o, "*");
	print_scdoc(o, key->name);
	print(o, "* (%s", scope);
	if (key->unit && strcmp(key->unit, "octal") != 0) {
		print(o, ", %s", key->unit);
	}
	print(o, ")");
	print(o, "\n\t");
	print_scdoc(o, key->doc);
	print_scdoc_values(o, key);
	print(o, " Default: ");
	print_scdoc(o, key->native ? key->native : text);
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
