/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/log/say.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "drivers/timer.h"

#define SAY_MAX 1024

struct say say_as(const char *program, bool drop_in)
{
	return (struct say){
		.program = program,
		.drop_in = drop_in,
		.verbose = true,
		.use_syslog = drop_in,
		.level = LOG_INFO,
	};
}

/* The tag with {level} filled in, and a space behind it; as linuxptp writes it. */
static void fill_tag(char *buf, size_t cap, const char *tag, int level)
{
	const char *mark = tag ? strstr(tag, "{level}") : NULL;

	if (!tag || !tag[0]) {
		buf[0] = '\0';
	} else if (mark) {
		snprintf(buf, cap, "%.*s%d%s ", (int)(mark - tag), tag, level, mark + 7);
	} else {
		snprintf(buf, cap, "%s ", tag);
	}
}

static void say_drop_in(const struct say *s, int level, const char *text)
{
	const gnomon_mono now = timer_now();
	const long long sec = now.ns / GNOMON_NSEC_PER_SEC;
	const int ms = (int)(now.ns % GNOMON_NSEC_PER_SEC / 1000000);
	char tag[128];

	fill_tag(tag, sizeof(tag), s->tag, level);
	if (s->verbose) {
		FILE *out = level >= LOG_NOTICE ? stdout : stderr;

		fprintf(out, "%s[%lld.%03d]: %s%s\n", s->program, sec, ms, tag, text);
		fflush(out);
	}
	if (s->use_syslog) {
		syslog(level, "[%lld.%03d] %s%s", sec, ms, tag, text);
	}
}

/* Complaints say who complains: the command may be one of a pipeline. */
static void say_native(const struct say *s, int level, char *text)
{
	const size_t len = strlen(text);

	if (len > 0 && text[len - 1] == '\n') {
		text[len - 1] = '\0';
	}
	if (s->verbose && level < LOG_NOTICE) {
		fprintf(stderr, "%s: %s\n", s->program, text);
	} else if (s->verbose) {
		printf("%s\n", text);
		fflush(stdout);
	}
	if (s->use_syslog) {
		syslog(level, "%s", text);
	}
}

void say(const struct say *s, int level, const char *format, ...)
{
	char text[SAY_MAX];
	va_list args;

	if (level > s->level) {
		return;
	}
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (s->drop_in) {
		say_drop_in(s, level, text);
	} else {
		say_native(s, level, text);
	}
}

void say_json(FILE *out, const char *text)
{
	fputc('"', out);
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p == '"' || *p == '\\') {
			fprintf(out, "\\%c", *p);
		} else if (*p < ' ' || *p >= 0x7f) {
			fprintf(out, "\\u%04x", *p);
		} else {
			fputc(*p, out);
		}
	}
	fputc('"', out);
}

const char *say_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

int say_parse_int(const struct say *s, char letter, const char *text, int min, int max,
		  int *value)
{
	bool malformed;
	char *end;
	long number;

	errno = 0;
	number = strtol(text, &end, 0);
	malformed = end == text || *end;
	if (!malformed && !errno && number >= min && number <= max) {
		*value = (int)number;
		return 0;
	}
	if (!s->drop_in) {
		fprintf(stderr, "%s: option -%c: '%s' is %s; write %d to %d\n", s->program, letter,
			text, malformed ? "no whole number" : "out of range", min, max);
	} else if (malformed) {
		fprintf(stderr, "-%c: %s is a malformed value\n", letter, text);
	} else {
		fprintf(stderr, "-%c: %s is out of range. Must be in the range %d to %d\n", letter,
			text, min, max);
	}
	return -1;
}
