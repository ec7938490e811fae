/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * What a command line program tells its user. Called by its own name it writes results plainly to
 * the standard output and complaints to the standard error; called by linuxptp's it writes the
 * lines scripts know, "phc_ctl[123.456]: text", and to the system log.
 */
#ifndef LOG_SAY_H
#define LOG_SAY_H

#include <stdbool.h>
#include <stdio.h>

struct say {
	const char *program;
	bool drop_in;
	bool verbose;    /* to the standard output and error */
	bool use_syslog;
	int level;       /* of syslog: the most verbose said */
	const char *tag; /* put before drop-in lines; NULL: none */
};

/** As that program speaks: results and complaints; a drop-in to the system log as well. */
struct say say_as(const char *program, bool drop_in);

/** Say a line at a level of syslog. A newline at its end makes an empty line in linuxptp's form. */
void say(const struct say *s, int level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** A text as JSON has it, with its quotes; octets that are not ASCII become U+0080 to U+00FF. */
void say_json(FILE *out, const char *text);

/** The last part of a path. */
const char *say_base_name(const char *path);

/** A whole number given to option -letter, from min to max; else complain and return -1. */
int say_parse_int(const struct say *s, char letter, const char *text, int min, int max,
		  int *value);

#endif
