/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Errors of the drivers, in words. A function that can fail for a reason the user has to know
 * takes a struct driver_error and leaves one line in it: which interface or path, what failed and
 * what to do. Printing it is the caller's business; drivers never log.
 */
#ifndef DRIVERS_ERROR_H
#define DRIVERS_ERROR_H

struct driver_error {
	char text[320]; /* one line without newline; empty: no error */
};

/**
 * Write the formatted line to *error (NULL ok; cut to fit, control characters made '?') and return
 * code, so that "return driver_fail(error, -ENODEV, ...)" is the whole error path.
 */
int driver_fail(struct driver_error *error, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** The text of -errno code, such as "No such device". */
const char *driver_strerror(int code);

#endif
