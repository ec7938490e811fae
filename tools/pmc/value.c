/* SPDX-License-Identifier: BSD-2-Clause */
/* One field's value as linuxptp's pmc prints it. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

#include "print.h"

/* Two octets or more are joined by ':'. */
static void format_octets(const uint8_t *octets, size_t len, char *buf, size_t cap)
{
	size_t at = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < len && at + 4 < cap; i++) {
		at += (size_t)snprintf(buf + at, cap - at, "%s%02x", i ? ":" : "", octets[i]);
	}
}

/* What a daemon says goes to a terminal, and anybody may have configured the daemon. */
static void format_text(const uint8_t *text, size_t len, char *buf, size_t cap)
{
	size_t at = 0;

	for (; at < len && at + 1 < cap; at++) {
		buf[at] = (char)(text[at] < 0x20 || text[at] == 0x7f ? '?' : text[at]);
	}
	buf[at] = '\0';
}

static void format_address(const struct gnomon_management_value *v, char *buf, size_t cap)
{
	const bool ipv4 = v->number == GNOMON_NETWORK_UDP_IPV4 && v->len == 4;
	const bool ipv6 = v->number == GNOMON_NETWORK_UDP_IPV6 && v->len == 16;

	if (!ipv4 && !ipv6) {
		format_octets(v->octets, v->len, buf, cap);
	} else if (!inet_ntop(ipv4 ? AF_INET : AF_INET6, v->octets, buf, (socklen_t)cap)) {
		buf[0] = '\0';
	}
}

/* i96: two octets, eight, and the fraction. */
static void format_scaled_ns(const uint8_t *o, char *buf, size_t cap)
{
	uint64_t ns = 0;

	for (int i = 2; i < 10; i++) {
		ns = ns << 8 | o[i];
	}
	snprintf(buf, cap, "0x%02x%02x'%016" PRIx64 ".%02x%02x", o[0], o[1], ns, o[10], o[11]);
}

/* By its type alone. */
static void format_natural(const struct gnomon_management_value *v, char *buf, size_t cap)
{
	char protocol[8];

	switch ((enum gnomon_field_type)v->field->type) {
	case GNOMON_FIELD_U8:
	case GNOMON_FIELD_I8:
	case GNOMON_FIELD_U16:
	case GNOMON_FIELD_I16:
	case GNOMON_FIELD_U32:
	case GNOMON_FIELD_I32:
	case GNOMON_FIELD_U48:
	case GNOMON_FIELD_I64:
	case GNOMON_FIELD_BITS:
	case GNOMON_FIELD_INTERVAL:
		snprintf(buf, cap, "%" PRId64, v->number);
		break;
	case GNOMON_FIELD_LE64:
		snprintf(buf, cap, "%" PRIu64, (uint64_t)v->number);
		break;
	case GNOMON_FIELD_RESERVED:
		buf[0] = '\0';
		break;
	case GNOMON_FIELD_TIMESTAMP:
		snprintf(buf, cap, "%" PRIu64 ".%09" PRIu32, v->timestamp.seconds,
			 v->timestamp.nanoseconds);
		break;
	case GNOMON_FIELD_SCALED_NS:
		format_scaled_ns(v->octets, buf, cap);
		break;
	case GNOMON_FIELD_CLOCK_IDENTITY:
		gnomon_clock_identity_format(buf, &v->identity.clock);
		break;
	case GNOMON_FIELD_PORT_IDENTITY:
		gnomon_port_identity_format(buf, &v->identity);
		break;
	case GNOMON_FIELD_PORT_ADDRESS:
		snprintf(protocol, sizeof(protocol), "%u ", (unsigned int)v->number & 0xffff);
		memcpy(buf, protocol, strlen(protocol) + 1);
		format_address(v, buf + strlen(protocol), cap - strlen(protocol));
		break;
	case GNOMON_FIELD_PHYSICAL_ADDRESS:
	case GNOMON_FIELD_OCTETS:
		format_octets(v->octets, v->len, buf, cap);
		break;
	case GNOMON_FIELD_TEXT:
		format_text(v->octets, v->len, buf, cap);
		break;
	}
}

static const char *name_of(const struct gnomon_field_names *names, int64_t number)
{
	const char *name = number >= 0 && number < (int64_t)names->count ? names->names[number] :
									   NULL;

	return name ? name : names->other;
}

/* The octets of the field's type: negative numbers have no digits beyond them. */
static uint64_t hex_digits(const struct gnomon_management_value *v)
{
	return v->field->type == GNOMON_FIELD_I32 ? (uint32_t)v->number : (uint64_t)v->number;
}

char *print_value(const struct gnomon_management_value *v, char buf[PRINT_VALUE_MAX])
{
	const struct gnomon_management_field *f = v->field;

	switch ((enum gnomon_field_format)f->format) {
	case GNOMON_FORMAT_NATURAL:
		format_natural(v, buf, PRINT_VALUE_MAX);
		break;
	case GNOMON_FORMAT_HEX:
		snprintf(buf, PRINT_VALUE_MAX, "0x%0*" PRIx64, f->width, hex_digits(v));
		break;
	case GNOMON_FORMAT_NAMES:
		snprintf(buf, PRINT_VALUE_MAX, "%s", name_of(f->names, v->number));
		break;
	case GNOMON_FORMAT_NS:
		snprintf(buf, PRINT_VALUE_MAX, "%" PRId64, v->number >> 16);
		break;
	case GNOMON_FORMAT_NS_TENTHS:
		snprintf(buf, PRINT_VALUE_MAX, "%.1f", (double)v->number / 65536);
		break;
	case GNOMON_FORMAT_RATE_41:
		snprintf(buf, PRINT_VALUE_MAX, "%+.9f", (double)v->number / 0x1p41);
		break;
	case GNOMON_FORMAT_BOOLEAN:
		snprintf(buf, PRINT_VALUE_MAX, "%s", v->number ? "true" : "false");
		break;
	case GNOMON_FORMAT_ONE_ZERO:
		snprintf(buf, PRINT_VALUE_MAX, "%s", v->number ? "1" : "0");
		break;
	case GNOMON_FORMAT_ON_OFF:
		snprintf(buf, PRINT_VALUE_MAX, "%s", v->number ? "on" : "off");
		break;
	}
	return buf;
}
