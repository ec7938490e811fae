/* SPDX-License-Identifier: BSD-2-Clause */
/* What programs steer, by their command lines and configuration files. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/steward_private.h"

/* Longer files than anybody writes by hand are read so far. */
#define CONFIG_MAX 65536

#define NAME_LEN 64
#define VALUE_LEN 128

/* A program that runs. */
struct program {
	const struct steward_cmdline *cmdline;
	const char *valued; /* the letters of its options that take a value */
	char *config;       /* the text of its file; NULL: it has none, or not for our eyes */
};

/* -- command lines ---------------------------------------------------------------------------- */

/*
 * The value of option -letter after the one at *at (0: the first); NULL: no more. An option without
 * value gives "".
 */
static const char *next_option(const struct program *p, char letter, int *at)
{
	const struct steward_cmdline *c = p->cmdline;

	for (int i = *at + 1; i < c->count; i++) {
		const char *arg = c->args[i];

		if (arg[0] != '-' || arg[1] == '-') {
			continue;
		}
		for (const char *o = arg + 1; *o; o++) {
			const bool valued = strchr(p->valued, *o) != NULL;
			const char *value = o[1] ? o + 1 : i + 1 < c->count ? c->args[i + 1] : "";

			if (*o == letter) {
				*at = i;
				return valued ? value : "";
			}
			if (valued) {
				i += o[1] == '\0';
				break;
			}
		}
	}
	return NULL;
}

static const char *option(const struct program *p, char letter)
{
	int at = 0;

	return next_option(p, letter, &at);
}

/* Of --name=value or --name value; NULL: it is not given. */
static const char *long_option(const struct program *p, const char *name)
{
	const struct steward_cmdline *c = p->cmdline;
	const size_t len = strlen(name);

	for (int i = 1; i < c->count; i++) {
		const char *arg = c->args[i];

		if (strncmp(arg, "--", 2) != 0 || strncmp(arg + 2, name, len) != 0) {
			continue;
		}
		arg += 2 + len;
		if (*arg == '=') {
			return arg + 1;
		}
		if (*arg == '\0' && i + 1 < c->count) {
			return c->args[i + 1];
		}
	}
	return NULL;
}

/* -- configuration files ---------------------------------------------------------------------- */

/* Never a file that would make us wait, as a pipe does. */
static int open_file(const char *path)
{
	const int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

/* By the process's own folders, which may be those of a container. */
static int open_config(const char *proc, const char *pid, const char *path)
{
	char seen[4096];
	int fd = -1;

	(void)snprintf(seen, sizeof(seen), "%s/%s/%s/%s", proc, pid,
		       path[0] == '/' ? "root" : "cwd", path);
	fd = open_file(seen);
	return fd < 0 && path[0] == '/' ? open_file(path) : fd;
}

static char *read_config(const char *proc, const char *pid, const char *path)
{
	char *text = calloc(1, CONFIG_MAX + 1);
	const int fd = text ? open_config(proc, pid, path) : -1;
	size_t len = 0;
	ssize_t got = 0;

	while (fd >= 0 && len < CONFIG_MAX &&
	       (got = read(fd, text + len, CONFIG_MAX - len)) > 0) {
		len += (size_t)got;
	}
	if (fd >= 0) {
		(void)close(fd);
	}
	return text;
}

/* A place in the file; zeroed but for at: its start. */
struct place {
	const char *at;
	char section[NAME_LEN];
	char key[NAME_LEN]; /* "": the line begins the section */
	char value[VALUE_LEN];
};

/* The next line that says something. */
static bool next_line(struct place *l)
{
	char line[300];

	while (l->at && *l->at) {
		const size_t len = strcspn(l->at, "\n");

		(void)snprintf(line, sizeof(line), "%.*s", (int)(len < 299 ? len : 299), l->at);
		l->at += len + (l->at[len] == '\n');
		l->key[0] = '\0';
		if (sscanf(line, " [%63[^]]]", l->section) == 1 ||
		    (sscanf(line, " %63s %127s", l->key, l->value) == 2 && l->key[0] != '#')) {
			return true;
		}
	}
	return false;
}

static bool find_in_section(const struct program *p, const char *section, const char *name,
			    char value[VALUE_LEN])
{
	struct place l = { .at = p->config };
	bool found = false;

	while (next_line(&l)) {
		if (strcmp(l.section, section) == 0 && strcmp(l.key, name) == 0) {
			memcpy(value, l.value, VALUE_LEN);
			found = true;
		}
	}
	return found;
}

/*
 * A setting that may have two names (NULL: it has one), of a port or device (NULL: of all), as
 * linuxptp decides: by its section, the command line, the section [global].
 */
static bool setting(const struct program *p, const char *section, const char *const names[2],
		    char value[VALUE_LEN])
{
	for (int i = 0; i < 2 && names[i] && section; i++) {
		if (find_in_section(p, section, names[i], value)) {
			return true;
		}
	}
	for (int i = 0; i < 2 && names[i]; i++) {
		const char *given = long_option(p, names[i]);

		if (given) {
			(void)snprintf(value, VALUE_LEN, "%s", given);
			return true;
		}
	}
	for (int i = 0; i < 2 && names[i]; i++) {
		if (find_in_section(p, "global", names[i], value)) {
			return true;
		}
	}
	return false;
}

/* A number; otherwise if it is not set. */
static long number(const struct program *p, const char *section, const char *name,
		   const char *former, long otherwise)
{
	const char *const names[2] = { name, former };
	char value[VALUE_LEN];

	return setting(p, section, names, value) ? strtol(value, NULL, 0) : otherwise;
}

/* -- what programs steer ---------------------------------------------------------------------- */

static bool names_subject(const char *name, const struct steward_subject *s)
{
	dev_t device = 0;

	return s->system ? strcasecmp(name, "CLOCK_REALTIME") == 0
			 : steward_device_of(name, &device) && device == s->device;
}

/* Whether there is a name wanted among those of option -letter, and the sections of the file. */
static bool any_name(const struct program *p, char letter, const struct steward_subject *s,
		     bool (*wanted)(const struct program *p, const char *name,
				    const struct steward_subject *s))
{
	struct place l = { .at = p->config };
	const char *name;
	int at = 0;

	while ((name = next_option(p, letter, &at))) {
		if (wanted(p, name, s)) {
			return true;
		}
	}
	while (next_line(&l)) {
		if (!l.key[0] && strcmp(l.section, "global") != 0 && wanted(p, l.section, s)) {
			return true;
		}
	}
	return false;
}

static bool steers_always(const struct program *p, const struct steward_subject *s)
{
	return s->system;
}

/* -x: chronyd measures and leaves the clock alone. */
static bool chronyd_steers(const struct program *p, const struct steward_subject *s)
{
	return s->system && !option(p, 'x');
}

static bool stamps_in_software(const struct program *p)
{
	static const char *const names[2] = { "time_stamping", NULL };
	char value[VALUE_LEN];

	return option(p, 'S') ||
	       (!option(p, 'H') && !option(p, 'L') && setting(p, NULL, names, value) &&
		strcmp(value, "software") == 0);
}

static bool port_receives(const struct program *p, const char *name,
			  const struct steward_subject *s)
{
	return !strchr(name, '/') && strcmp(name, "unicast_master_table") != 0 &&
	       number(p, name, "serverOnly", "masterOnly", 0) != 1 &&
	       (s->system || names_subject(name, s));
}

/* Stamping in hardware it keeps the clock of the port that receives, else the system clock. A
 * clock of a class below 128 never receives (IEEE 1588-2019, figure 33). */
static bool ptp4l_steers(const struct program *p, const struct steward_subject *s)
{
	const long clock_class = number(p, NULL, "clockClass", NULL, 248);
	const char *device = option(p, 'p');

	if (stamps_in_software(p) != s->system || number(p, NULL, "free_running", NULL, 0) == 1 ||
	    (clock_class > 0 && clock_class < 128)) {
		return false;
	}
	if (device && !s->system && names_subject(device, s)) {
		return number(p, NULL, "serverOnly", "masterOnly", 0) != 1;
	}
	return any_name(p, 'i', s, port_receives);
}

/* A section that is no source, or -c. */
static bool ts2phc_keeps(const struct program *p, const char *name,
			 const struct steward_subject *s)
{
	const char *source = option(p, 's');

	return number(p, name, "ts2phc.master", NULL, 0) != 1 &&
	       !(source && strcmp(source, name) == 0) && names_subject(name, s);
}

static bool ts2phc_steers(const struct program *p, const struct steward_subject *s)
{
	return !s->system && number(p, NULL, "free_running", NULL, 0) != 1 &&
	       any_name(p, 'c', s, ts2phc_keeps);
}

/* The servos that write to another program. */
static bool hands_over(const struct program *p)
{
	static const char *const names[2] = { "clock_servo", NULL };
	const char *given = option(p, 'E');
	char value[VALUE_LEN] = "";

	if (given) {
		(void)snprintf(value, sizeof(value), "%s", given);
	} else {
		(void)setting(p, NULL, names, value);
	}
	return strcasecmp(value, "ntpshm") == 0 || strcasecmp(value, "refclock_sock") == 0;
}

/* The sinks are those of -c, or CLOCK_REALTIME; with -a, it is one if there is -r. */
static bool phc2sys_steers(const struct program *p, const struct steward_subject *s)
{
	const char *sink;
	int at = 0;

	if (hands_over(p) || number(p, NULL, "free_running", NULL, 0) == 1) {
		return false;
	}
	if (option(p, 'a')) {
		return s->system && option(p, 'r');
	}
	sink = next_option(p, 'c', &at);
	if (!sink) {
		return s->system;
	}
	for (; sink; sink = next_option(p, 'c', &at)) {
		if (names_subject(sink, s)) {
			return true;
		}
	}
	return false;
}

/* Ours in a guest: with these it looks, or hands over. */
static bool guest_steers(const struct program *p, const struct steward_subject *s)
{
	static const char *const others[] = { "--check", "--watch", "--feed" };
	const char *clock = long_option(p, "clock");

	for (int i = 1; i < p->cmdline->count; i++) {
		for (size_t k = 0; k < sizeof(others) / sizeof(others[0]); k++) {
			if (strncmp(p->cmdline->args[i], others[k], strlen(others[k])) == 0) {
				return false;
			}
		}
	}
	return s->system && !(clock && strcmp(clock, "soft") == 0);
}

static const struct {
	const char *name;
	const char *valued;
	bool linuxptp; /* its file is one of theirs */
	bool (*steers)(const struct program *p, const struct steward_subject *s);
} programs[] = {
	{ "chronyd", "fFlLuPW", false, chronyd_steers },
	{ "ntpd", "", false, steers_always },
	{ "openntpd", "", false, steers_always },
	{ "systemd-timesyncd", "", false, steers_always },
	{ "gnomon-guest", "fl", false, guest_steers },
	{ "ptp4l", "fiplt", true, ptp4l_steers },
	{ "phc2sys", "cdfsEPISFRNOLMiunzltC", true, phc2sys_steers },
	{ "ts2phc", "cfils", true, ts2phc_steers },
};

/* -- processes -------------------------------------------------------------------------------- */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

void steward_read_cmdline(const char *folder, const char *pid, struct steward_cmdline *c)
{
	char path[300];
	ssize_t len;
	int fd;

	c->count = 0;
	(void)snprintf(path, sizeof(path), "%s/%s/cmdline", folder, pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return;
	}
	len = read(fd, c->text, sizeof(c->text) - 1);
	(void)close(fd);
	if (len <= 0) {
		return;
	}
	c->text[len] = '\0';
	for (const char *p = c->text; p < c->text + len && c->count < STEWARD_ARGS_MAX;
	     p += strlen(p) + 1) {
		c->args[c->count++] = p;
	}
}

const char *steward_program_steers(const char *folder, const char *pid,
				   const struct steward_cmdline *cmdline,
				   const struct steward_subject *subject)
{
	const char *found = NULL;

	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		struct program p = { .cmdline = cmdline, .valued = programs[i].valued };
		const char *file;

		if (strcmp(base_name(cmdline->args[0]), programs[i].name) != 0) {
			continue;
		}
		file = programs[i].linuxptp ? option(&p, 'f') : NULL;
		p.config = file ? read_config(folder, pid, file) : NULL;
		found = programs[i].steers(&p, subject) ? programs[i].name : NULL;
		free(p.config);
	}
	return found;
}
