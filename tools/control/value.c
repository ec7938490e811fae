/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/control/value.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

json_t *control_fail(struct control_error *error, const char *code, const char *format, ...)
{
	char text[sizeof(error->message)];
	char *remedy = NULL;
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	/* Part of it may come from outside: one line stays one line. */
	for (char *c = text; *c; c++) {
		if (iscntrl((unsigned char)*c)) {
			*c = '?';
		}
	}
	for (char *p = strstr(text, "; "); p; p = strstr(p + 1, "; ")) {
		remedy = p;
	}
	error->code = code;
	error->remedy[0] = '\0';
	if (remedy) {
		*remedy = '\0';
		(void)snprintf(error->remedy, sizeof(error->remedy), "%s", remedy + 2);
	}
	(void)snprintf(error->message, sizeof(error->message), "%s", text);
	return NULL;
}

json_t *control_text(const char *text)
{
	json_t *value = json_string(text);
	char *copy = value ? NULL : strdup(text);

	for (char *p = copy; p && *p; p++) {
		if ((unsigned char)*p >= 0x80) {
			*p = '?';
		}
	}
	if (copy) {
		value = json_string(copy);
		free(copy);
	}
	return value;
}

json_t *control_number(double value, int digits)
{
	static const double tens[] = { 1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9 };
	const double scale = tens[digits < 0 ? 0 : digits > 9 ? 9 : digits];
	const double large = 9e15; /* beyond it a double has no fraction left to cut */
	double cut = value;

	if (!isfinite(value)) {
		return json_null();
	}
	if (fabs(value) * scale < large) {
		cut = (double)(int64_t)(value * scale + (value < 0 ? -0.5 : 0.5)) / scale;
	}
	if (fabs(cut) < large && cut == (double)(int64_t)cut) {
		return json_integer((json_int_t)cut);
	}
	return json_real(cut);
}

json_t *control_bits(uint64_t bits)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "0x%016" PRIx64, bits);
	return json_string(text);
}

void control_put(json_t *object, const char *name, json_t *value)
{
	(void)json_object_set_new(object, name, value ? value : json_null());
}
