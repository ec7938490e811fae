/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Values of JSON that cannot fail half-way: whatever a text's octets are, whatever a number is, and
 * if memory runs out, what comes out is a value or null.
 */
#ifndef CONTROL_VALUE_H
#define CONTROL_VALUE_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

/** An error as an answer has it. message and remedy are lines without a newline. */
struct control_error {
	const char *code; /* one of protocol.h's */
	char message[320];
	char remedy[320]; /* "": nothing is known that would help */
};

/** Fill *error; what stands behind the last "; " is the remedy. Returns NULL, as a result. */
json_t *control_fail(struct control_error *error, const char *code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** A text; octets that are no UTF-8 become '?'. */
json_t *control_text(const char *text);

/** A number, whole if it is; null if it is not finite. digits: behind the point, at most 9. */
json_t *control_number(double value, int digits);

/** 64 bits as a text of hexadecimal digits, since readers of JSON may have 53. */
json_t *control_bits(uint64_t bits);

/** Put a value into an object; value is taken over. */
void control_put(json_t *object, const char *name, json_t *value);

#endif
