/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/error.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int driver_fail(struct driver_error *error, int code, const char *format, ...)
{
	va_list args;

	if (!error) {
		return code;
	}
	va_start(args, format);
	(void)vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	/* Names come from files and users: one line stays one line. */
	for (char *c = error->text; *c; c++) {
		if (iscntrl((unsigned char)*c)) {
			*c = '?';
		}
	}
	return code;
}

const char *driver_strerror(int code)
{
	const char *text = strerrordesc_np(code < 0 ? -code : code);

	return text ? text : "unknown error";
}
