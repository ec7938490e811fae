/* SPDX-License-Identifier: BSD-2-Clause */
/* timemaster.conf: sections of "name value" lines, some of which hold lines for other programs. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "timemaster.h"

#define FILE_MAX (1024 * 1024)

/* Where we are in it. */
struct reader {
	struct tm_config *config;
	const char *path;
	unsigned int line;
	struct driver_error *error;
	const struct section *section;
	struct tm_source *source; /* the section's, if it is one */
	struct tm_program *program; /* likewise */
};

typedef int setting_fn(struct reader *r, const char *name, const char *value);

struct section {
	const char *name;
	/** "[name parameter]" begins. */
	int (*begin)(struct reader *r, const char *parameter);
	setting_fn *setting; /* NULL: lines are kept as they are */
	size_t program;      /* its program in struct tm_config; 0: none */
};

static int __attribute__((format(printf, 2, 3))) fail(struct reader *r, const char *format, ...)
{
	char text[160];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return driver_fail(r->error, -EINVAL, "%s:%u: %s", r->path, r->line, text);
}

/* -- values ----------------------------------------------------------------------------------- */

static int bad_value(struct reader *r, const char *name, const char *value)
{
	return fail(r, "invalid value %s for %s", value, name);
}

static int take_int(struct reader *r, const char *name, const char *value, int min, int max,
		    int *result)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(value, &end, 0);
	if (errno || end == value || *end || n < min || n > max) {
		return bad_value(r, name, value);
	}
	*result = (int)n;
	return 0;
}

static int take_text(const char *value, char **result)
{
	free(*result);
	*result = text_new("%s", value);
	return 0;
}

/* -- sources ---------------------------------------------------------------------------------- */

static struct tm_source *add_source(struct reader *r)
{
	struct tm_config *c = r->config;

	c->sources = array_grow(c->sources, c->source_count, sizeof(*c->sources));
	r->source = &c->sources[c->source_count++];
	*r->source = (struct tm_source){
		.minpoll = 6, .maxpoll = 10, .ntp_poll = 2, .delay = 1e-4,
		.ntp_options = text_new("%s", ""),
	};
	return r->source;
}

static int begin_ntp(struct reader *r, const char *parameter)
{
	if (!*parameter) {
		return fail(r, "missing address for ntp_server");
	}
	add_source(r)->address = text_new("%s", parameter);
	return 0;
}

static int ntp_setting(struct reader *r, const char *name, const char *value)
{
	struct tm_source *s = r->source;

	if (strcasecmp(name, "minpoll") == 0) {
		return take_int(r, name, value, INT_MIN, INT_MAX, &s->minpoll);
	}
	if (strcasecmp(name, "maxpoll") == 0) {
		return take_int(r, name, value, INT_MIN, INT_MAX, &s->maxpoll);
	}
	if (strcasecmp(name, "iburst") == 0) {
		return take_int(r, name, value, 0, 1, &s->iburst);
	}
	if (strcasecmp(name, "ntp_options") == 0) {
		return take_text(value, &s->ntp_options);
	}
	return fail(r, "unknown ntp_server setting %s", name);
}

static int begin_ptp(struct reader *r, const char *parameter)
{
	struct tm_source *s = add_source(r);
	char *end;
	long domain = strtol(parameter, &end, 0);

	s->ptp = true;
	if (end == parameter || *end || domain < 0 || domain > 255) {
		return fail(r, "invalid ptp_domain number %s", parameter);
	}
	s->domain = (int)domain;
	return 0;
}

static int take_delay(struct reader *r, const char *name, const char *value, double *delay)
{
	char *end;
	double d = strtod(value, &end);

	if (end == value || *end || !(d >= 0 && d <= 1e9)) {
		return bad_value(r, name, value);
	}
	*delay = d;
	return 0;
}

static int take_interfaces(struct reader *r, const char *value, struct words *interfaces)
{
	words_finish(interfaces);
	words_split(interfaces, value);
	for (size_t i = 0; i < interfaces->count; i++) {
		if (strlen(interfaces->items[i]) >= IFNAMSIZ || strchr(interfaces->items[i], '/')) {
			return bad_value(r, "interfaces", interfaces->items[i]);
		}
	}
	return 0;
}

static int ptp_setting(struct reader *r, const char *name, const char *value)
{
	struct tm_source *s = r->source;

	if (strcasecmp(name, "delay") == 0) {
		return take_delay(r, name, value, &s->delay);
	}
	if (strcasecmp(name, "ntp_poll") == 0) {
		return take_int(r, name, value, -30, 30, &s->ntp_poll);
	}
	if (strcasecmp(name, "phc2sys_poll") == 0) {
		return take_int(r, name, value, -30, 30, &s->phc2sys_poll);
	}
	if (strcasecmp(name, "ptp4l_option") == 0) {
		words_add(&s->ptp4l_settings, "%s", value);
		return 0;
	}
	if (strcasecmp(name, "ntp_options") == 0) {
		return take_text(value, &s->ntp_options);
	}
	if (strcasecmp(name, "interfaces") == 0) {
		return take_interfaces(r, value, &s->interfaces);
	}
	return fail(r, "unknown ptp_domain setting %s", name);
}

/* -- programs --------------------------------------------------------------------------------- */

static int program_setting(struct reader *r, const char *name, const char *value)
{
	if (strcasecmp(name, "path") == 0) {
		return *value ? take_text(value, &r->program->path) : bad_value(r, name, value);
	}
	if (strcasecmp(name, "options") == 0) {
		words_finish(&r->program->options);
		words_split(&r->program->options, value);
		return 0;
	}
	return fail(r, "unknown program setting %s", name);
}

static int main_setting(struct reader *r, const char *name, const char *value)
{
	struct tm_config *c = r->config;

	if (strcasecmp(name, "ntp_program") == 0) {
		const bool chronyd = strcasecmp(value, "chronyd") == 0;

		if (!chronyd && strcasecmp(value, "ntpd") != 0) {
			return fail(r, "unknown ntp program %s", value);
		}
		c->ntp = chronyd ? TM_CHRONYD : TM_NTPD;
		return 0;
	}
	if (strcasecmp(name, "rundir") == 0) {
		return *value == '/' ? take_text(value, &c->rundir) : bad_value(r, name, value);
	}
	if (strcasecmp(name, "user") == 0) {
		return take_text(value, &c->user);
	}
	if (strcasecmp(name, "first_shm_segment") == 0) {
		return take_int(r, name, value, 0, INT_MAX / 2, &c->first_shm_segment);
	}
	if (strcasecmp(name, "restart_processes") == 0) {
		return take_int(r, name, value, INT_MIN, INT_MAX, &c->restart_processes);
	}
	if (strcasecmp(name, "use_vclocks") == 0) {
		return take_int(r, name, value, INT_MIN, INT_MAX, &c->use_vclocks);
	}
	return fail(r, "unknown timemaster setting %s", name);
}

/* -- sections --------------------------------------------------------------------------------- */

#define PROGRAM(member) offsetof(struct tm_config, member)
static const struct section sections[] = {
	{ "ntp_server", begin_ntp, ntp_setting, 0 },
	{ "ptp_domain", begin_ptp, ptp_setting, 0 },
	{ "timemaster", NULL, main_setting, 0 },
	{ "chronyd", NULL, program_setting, PROGRAM(chronyd) },
	{ "ntpd", NULL, program_setting, PROGRAM(ntpd) },
	{ "phc2sys", NULL, program_setting, PROGRAM(phc2sys) },
	{ "ptp4l", NULL, program_setting, PROGRAM(ptp4l) },
	{ "chrony.conf", NULL, NULL, PROGRAM(chronyd) },
	{ "ntp.conf", NULL, NULL, PROGRAM(ntpd) },
	{ "ptp4l.conf", NULL, NULL, PROGRAM(ptp4l) },
};

static int end_section(struct reader *r)
{
	if (r->source && r->source->ptp && r->source->interfaces.count == 0) {
		return fail(r, "no interfaces specified for ptp_domain %d", r->source->domain);
	}
	return 0;
}

/* "[name parameter]"; what stands behind the bracket does not count. */
static int begin_section(struct reader *r, char *line)
{
	char *parameter;
	int err = end_section(r);

	line[strcspn(line, "]")] = '\0';
	line++;
	parameter = line + strcspn(line, " \t");
	if (*parameter) {
		*parameter++ = '\0';
		parameter += strspn(parameter, " \t");
	}
	if (err) {
		return err;
	}
	r->source = NULL;
	r->section = NULL;
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
		if (strcasecmp(sections[i].name, line) == 0) {
			r->section = &sections[i];
		}
	}
	if (!r->section) {
		return fail(r, "unknown section %s", line);
	}
	if (r->section->program) {
		r->program = (struct tm_program *)(void *)((char *)r->config +
							  r->section->program);
	}
	if (!r->section->setting) {
		words_finish(&r->program->settings);
	}
	return r->section->begin ? r->section->begin(r, parameter) : 0;
}

static int take_setting(struct reader *r, char *line)
{
	char *value = line + strcspn(line, " \t");

	if (!r->section->setting) {
		/* '>' keeps "[section]" and "#" for the other program. */
		words_add(&r->program->settings, "%s", line + (*line == '>'));
		return 0;
	}
	if (*value) {
		*value++ = '\0';
		value += strspn(value, " \t");
	}
	return r->section->setting(r, line, value);
}

static int take_line(struct reader *r, char *line)
{
	size_t len;

	r->line++;
	line += strspn(line, " \t\r\f\v");
	len = strlen(line);
	while (len > 0 && isspace((unsigned char)line[len - 1])) {
		line[--len] = '\0';
	}
	if (*line == '\0' || *line == '#') {
		return 0;
	}
	if (*line == '[') {
		return begin_section(r, line);
	}
	return r->section ? take_setting(r, line) : fail(r, "settings outside section");
}

static void init(struct tm_config *c)
{
	*c = (struct tm_config){
		.ntp = TM_CHRONYD,
		.rundir = text_new("/var/run/timemaster"),
		.user = text_new("%s", ""),
		.restart_processes = 1,
		.use_vclocks = -1,
		.chronyd = { .path = text_new("chronyd") },
		.ntpd = { .path = text_new("ntpd") },
		.phc2sys = { .path = text_new("phc2sys") },
		.ptp4l = { .path = text_new("ptp4l") },
	};
	words_add(&c->chronyd.settings, "makestep 1 3");
	words_add(&c->ntpd.settings, "restrict default nomodify notrap nopeer noquery");
	words_add(&c->ntpd.settings, "restrict 127.0.0.1");
	words_add(&c->ntpd.settings, "restrict ::1");
	words_split(&c->phc2sys.options, "-l 5");
	words_split(&c->ptp4l.options, "-l 5");
}

int tm_config_parse(struct tm_config *config, char *text, const char *path,
		    struct driver_error *error)
{
	struct reader r = { .config = config, .path = path, .error = error };
	int err = 0;

	init(config);
	while (!err && text) {
		char *line = strsep(&text, "\n");

		err = take_line(&r, line);
	}
	return err ? err : end_section(&r);
}

int tm_config_read(struct tm_config *config, const char *path, struct driver_error *error)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t len;
	int err;

	if (!file) {
		err = -errno;
		init(config);
		return driver_fail(error, err, "failed to open %s: %s", path,
				   driver_strerror(err));
	}
	text = array_grow(NULL, 0, FILE_MAX + 1);
	len = fread(text, 1, FILE_MAX, file);
	(void)fclose(file);
	text[len] = '\0';
	if (len == FILE_MAX || memchr(text, '\0', len)) {
		init(config);
		err = driver_fail(error, -EINVAL, "%s: is no configuration file", path);
	} else {
		err = tm_config_parse(config, text, path, error);
	}
	free(text);
	return err;
}

static void finish_program(struct tm_program *p)
{
	free(p->path);
	words_finish(&p->options);
	words_finish(&p->settings);
}

void tm_config_finish(struct tm_config *config)
{
	for (size_t i = 0; i < config->source_count; i++) {
		struct tm_source *s = &config->sources[i];

		free(s->address);
		free(s->ntp_options);
		words_finish(&s->interfaces);
		words_finish(&s->ptp4l_settings);
	}
	free(config->sources);
	free(config->rundir);
	free(config->user);
	finish_program(&config->chronyd);
	finish_program(&config->ntpd);
	finish_program(&config->phc2sys);
	finish_program(&config->ptp4l);
	*config = (struct tm_config){ 0 };
}
