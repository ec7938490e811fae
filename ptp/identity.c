/* SPDX-License-Identifier: BSD-2-Clause */
/* Order and text form of clockIdentity and portIdentity (7.5.2). */
#include "wire.h"

int gnomon_clock_identity_cmp(const struct gnomon_clock_identity *a,
			      const struct gnomon_clock_identity *b)
{
	return memcmp(a->id, b->id, sizeof(a->id));
}

int gnomon_port_identity_cmp(const struct gnomon_port_identity *a,
			     const struct gnomon_port_identity *b)
{
	int order = gnomon_clock_identity_cmp(&a->clock, &b->clock);

	return order != 0 ? order : (int)a->port - (int)b->port;
}

/* n octets as lower-case hexadecimal; returns where the text ended. */
static char *put_hex(char *to, const uint8_t *from, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		*to++ = digits[from[i] >> 4];
		*to++ = digits[from[i] & 0xf];
	}
	return to;
}

/* The three groups without NUL; returns where the text ended. */
static char *put_identity(char *to, const struct gnomon_clock_identity *id)
{
	to = put_hex(to, id->id, 3);
	*to++ = '.';
	to = put_hex(to, id->id + 3, 2);
	*to++ = '.';
	return put_hex(to, id->id + 5, 3);
}

char *gnomon_clock_identity_format(char buf[GNOMON_CLOCK_IDENTITY_STRLEN],
				   const struct gnomon_clock_identity *id)
{
	*put_identity(buf, id) = '\0';
	return buf;
}

char *gnomon_port_identity_format(char buf[GNOMON_PORT_IDENTITY_STRLEN],
				  const struct gnomon_port_identity *id)
{
	char *to = put_identity(buf, &id->clock);
	unsigned int unit = 1;

	*to++ = '-';
	while (id->port / unit >= 10) {
		unit *= 10;
	}
	for (; unit > 0; unit /= 10) {
		*to++ = (char)('0' + id->port / unit % 10);
	}
	*to = '\0';
	return buf;
}
