/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The configuration file: ptp4l's syntax.
 *
 *     # a comment is a line of its own
 *     [section]
 *     key   value to the end of the line
 *
 * and sections of our own, [source NAME], [sync NAME] and [guest NAME], which no file of ptp4l can
 * have: it takes the first word for an interface, and knows none of the keys in them.
 *
 * White space around keys, values and sections does not count; there are no continuation lines
 * and no comments behind a value. A file is read twice: [global] first, because it is the default
 * of the other sections wherever it stands, then those.
 */
#include "tools/config/config.h"
#include "tools/config/suggest.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gnomon/engine.h>

/* One read of a whole file, so that both passes see the same text. */
int conf_text_read(struct conf_text *text, const char *path, struct conf_error *error)
{
	struct conf_place nowhere = { NULL, 0 };
	char *data = NULL;
	size_t len = 0;
	ssize_t got = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		return conf_fail(error, nowhere,
				 "cannot read '%s': %s; check the path given with -f", path,
				 strerror(errno));
	}
	data = malloc(CONF_FILE_MAX + 1);
	while (data && len <= CONF_FILE_MAX &&
	       (got = read(fd, data + len, CONF_FILE_MAX + 1 - len)) > 0) {
		len += (size_t)got;
	}
	got = got < 0 ? -errno : 0;
	close(fd);
	if (!data || got < 0 || len > CONF_FILE_MAX || memchr(data, '\0', len)) {
		free(data);
		return conf_fail(error, nowhere,
				 "cannot read '%s': %s; give -f a configuration file", path,
				 !data                 ? "no memory"
				 : got < 0             ? strerror((int)-got)
				 : len > CONF_FILE_MAX ? "longer than 1 MiB"
						       : "not a text file");
	}
	data[len] = '\0';
	text->data = data;
	text->len = len;
	text->name = path;
	return 0;
}

void conf_text_finish(struct conf_text *text)
{
	free(text->data);
	text->data = NULL;
}

/* -- lines ------------------------------------------------------------------------------------ */

enum section {
	SECTION_NONE,
	SECTION_GLOBAL,
	SECTION_PORT,
	SECTION_SOURCE,
	SECTION_SYNC,
	SECTION_GUEST,
	SECTION_OTHER, /* of the daemon, in a program beside it: skipped */
};

/* A walk over the lines of a file that count. */
struct reader {
	const char *next;
	struct conf_place place;
	char line[CONF_LINE_MAX + 1]; /* trimmed */
	enum section section;
	char name[CONF_NAME_MAX]; /* of the port, source, sync, guest */
	int type;            /* of the source */
	bool tool;           /* conf->tool */
	bool native;         /* conf->native */
};

/* The next line with something on it into r->line; 1, 0 at the end, -EINVAL. */
static int next_line(struct reader *r, struct conf_error *error)
{
	while (*r->next) {
		const char *start = r->next;
		const char *end = strchrnul(start, '\n');

		r->next = *end ? end + 1 : end;
		r->place.line++;
		while (start < end && isspace((unsigned char)*start)) {
			start++;
		}
		while (end > start && isspace((unsigned char)end[-1])) {
			end--;
		}
		if (start == end || *start == '#') {
			continue;
		}
		if (end - start > CONF_LINE_MAX) {
			return conf_fail(error, r->place,
					 "the line is longer than %d octets; shorten it",
					 CONF_LINE_MAX);
		}
		memcpy(r->line, start, (size_t)(end - start));
		r->line[end - start] = '\0';
		return 1;
	}
	return 0;
}

/* The NAME of [kind NAME] for a section of that kind: "" if there is none, NULL for others. */
static const char *name_behind(const char *section, const char *kind)
{
	size_t len = strlen(kind);

	if (strncasecmp(section, kind, len) != 0 || (section[len] != ' ' && section[len] != '\t')) {
		return NULL; /* without white space it is an interface of that name */
	}
	return section + len + strspn(section + len, " \t");
}

bool conf_name_is_good(const char *name)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789_.-";

	return name[0] != '\0' && strlen(name) < CONF_NAME_MAX &&
	       name[strspn(name, allowed)] == '\0';
}

/* "[source NAME]" and the like: no interface has white space in its name. */
static int enter_named(struct reader *r, enum section section, const char *kind, const char *name,
		       struct conf_error *error)
{
	if (name[0] == '\0') {
		return conf_fail(error, r->place, "section [%s]: no name; write [%s NAME]", kind,
				 kind);
	}
	if (!conf_name_is_good(name)) {
		return conf_fail(error, r->place,
				 "section [%s %s]: a name has up to %d letters, digits, '_', '.' "
				 "and '-'; correct it",
				 kind, name, CONF_NAME_MAX - 1);
	}
	r->section = section;
	memcpy(r->name, name, strlen(name) + 1);
	return 0;
}

/* Whoever writes it hardly means an interface of that name. */
static bool lacks_name(const struct reader *r, const char *name)
{
	return r->native && !r->tool && strcasecmp(name, "guest") == 0;
}

/* A section with a name, or the name of an interface. */
static int enter_other(struct reader *r, const char *name, struct conf_error *error)
{
	const char *source = name_behind(name, "source");
	const char *sync = name_behind(name, "sync");
	const char *guest = name_behind(name, "guest");

	if (r->tool && (source || sync || guest)) {
		r->section = SECTION_OTHER;
		return 0;
	}
	if (source) {
		return enter_named(r, SECTION_SOURCE, "source", source, error);
	}
	if (sync) {
		return enter_named(r, SECTION_SYNC, "sync", sync, error);
	}
	if (guest) {
		return enter_named(r, SECTION_GUEST, "guest", guest, error);
	}
	if (lacks_name(r, name)) {
		return conf_fail(error, r->place,
				 "section [%s]: no name; write [%s NAME] (an interface of that "
				 "name goes by -i)",
				 name, name);
	}
	if (strlen(name) >= IFNAMSIZ || strpbrk(name, r->tool ? " \t" : " \t/:")) {
		return conf_fail(error, r->place,
				 "section [%s]: that cannot be the name of an interface; correct "
				 "it",
				 name);
	}
	r->section = SECTION_PORT;
	memcpy(r->name, name, strlen(name) + 1);
	return 0;
}

/* "[name]" into the section r is in. */
static int enter_section(struct reader *r, struct conf_error *error)
{
	char *name = r->line + 1;
	char *close = strchr(name, ']');

	if (!close || close[1] != '\0' || close == name) {
		return conf_fail(error, r->place,
				 "'%s' is no section; write [global] or [interface]", r->line);
	}
	*close = '\0';
	if (strcasecmp(name, "global") == 0) { /* as ptp4l takes it */
		r->section = SECTION_GLOBAL;
		return 0;
	}
	if (r->tool && (strcmp(name, "unicast_master_table") == 0 ||
			strcmp(name, "security_association") == 0)) {
		r->section = SECTION_OTHER;
		return 0;
	}
	if (strcmp(name, "unicast_master_table") == 0) {
		return conf_fail(error, r->place, "section [%s] is not supported yet; remove it",
				 name);
	}
	return enter_other(r, name, error);
}

/* Whether the key may stand in a section of that kind. */
static bool belongs(const struct conf_key *key, enum section section, int source_type)
{
	switch (section) {
	case SECTION_GLOBAL:
		return key->scope == CONF_GLOBAL || key->scope == CONF_PORT;
	case SECTION_PORT:
		return key->scope == CONF_PORT;
	case SECTION_SOURCE:
		return key->scope == CONF_PORT
			       ? source_type == CONF_SOURCE_PTP
			       : key->scope == CONF_SOURCE &&
					 (!key->types || key->types & 1u << source_type);
	case SECTION_SYNC:
		return key->scope == CONF_SYNC ||
		       (key->scope == CONF_GLOBAL && key->group == CONF_GROUP_SERVO);
	case SECTION_GUEST:
		return key->scope == CONF_GUEST;
	case SECTION_NONE:
	case SECTION_OTHER:
		break;
	}
	return false;
}

/* What a key of [global] is called in a source, NULL if nothing. */
static const char *in_source(const struct conf_key *key)
{
	static const char *const names[][2] = {
		{ "domainNumber", "source_domain" },   { "phc_device", "source_device" },
		{ "clockClass", "source_class" },      { "timeSource", "source_time_source" },
		{ "priority1", "source_priority" },    { "priority2", "source_priority" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(key->name, names[i][0]) == 0) {
			return names[i][1];
		}
	}
	return NULL;
}

/* A key where it does not belong: where it does. */
static int misplaced(const struct reader *r, const struct conf_key *key, struct conf_error *error)
{
	if (key->scope == CONF_SOURCE && r->section == SECTION_SOURCE) {
		return conf_fail(error, r->place,
				 "key '%s': not for a source of type %s; remove it", key->name,
				 conf_source_type_name(r->type));
	}
	if (key->scope != CONF_GLOBAL && key->scope != CONF_PORT) {
		return conf_fail(error, r->place,
				 "key '%s': only of a section [%s NAME]; move it to one", key->name,
				 conf_scope_name(key->scope));
	}
	if (r->section == SECTION_SOURCE && key->scope == CONF_GLOBAL && in_source(key)) {
		return conf_fail(error, r->place, "key '%s': not a key of a source; write %s",
				 key->name, in_source(key));
	}
	if (r->section == SECTION_SOURCE && key->scope == CONF_PORT) {
		return conf_fail(error, r->place,
				 "key '%s': of a port, and a source of type %s has none; remove it",
				 key->name, conf_source_type_name(r->type));
	}
	return conf_fail(error, r->place, "key '%s': not a key of a %s; move it to [%s]", r->line,
			 r->section == SECTION_SOURCE ? "source"
			 : r->section == SECTION_SYNC  ? "sync"
			 : r->section == SECTION_GUEST ? "guest"
						       : "port",
			 key->scope == CONF_GLOBAL ? "global" : "interface");
}

static int unknown_key(const struct reader *r, struct conf_error *error)
{
	struct suggest near;

	suggest_init(&near, r->line, strlen(r->line));
	suggest_keys(&near, SUGGEST_IN_FILE);
	if (suggest_best(&near)) {
		return conf_fail(error, r->place, "key '%s': unknown; did you mean %s?", r->line,
				 suggest_best(&near));
	}
	return conf_fail(error, r->place,
			 "key '%s': unknown; see gnomon.conf(5) for the keys there are", r->line);
}

/* The key and value of the line r is at. */
static int split_line(struct reader *r, const struct conf_key **key, const char **value,
		      struct conf_error *error)
{
	size_t len = strcspn(r->line, " \t");
	char *text = r->line + len;

	if (r->section == SECTION_NONE) {
		return conf_fail(error, r->place,
				 "'%s' stands before any section; put [global] above it", r->line);
	}
	if (*text == '\0') {
		return conf_fail(error, r->place, "key '%s': no value; write one behind it",
				 r->line);
	}
	*key = conf_key_find(r->line, len);
	*text++ = '\0';
	while (isspace((unsigned char)*text)) {
		text++;
	}
	if (!*key) {
		return unknown_key(r, error);
	}
	if (!belongs(*key, r->section, r->type)) {
		return misplaced(r, *key, error);
	}
	*value = text;
	return 0;
}

/*
 * What a source may say depends on its type, wherever in its section that stands: look ahead. What
 * is wrong there is found when it is read.
 */
static int find_type(struct reader *r, struct conf_error *error)
{
	static const char name[] = "source_type";
	struct reader ahead = *r;

	while (next_line(&ahead, NULL) > 0 && ahead.line[0] != '[') {
		size_t len = strcspn(ahead.line, " \t");
		const char *text = ahead.line + len + strspn(ahead.line + len, " \t");
		struct conf conf = { .tool = false };
		struct conf_source source = { .type = 0 };

		if (len != strlen(name) || strncmp(ahead.line, name, len) != 0 || !*text) {
			continue;
		}
		if (conf_value_set(conf_key_find(name, len), &source, &conf, text, ahead.place,
				   error) != 0) {
			return -EINVAL;
		}
		r->type = source.type;
		return 0;
	}
	return conf_fail(error, r->place, "section [source %s]: no source_type; write one",
			 r->name);
}

/* The next setting of the file: 1, 0 at the end, -EINVAL. Sections are entered on the way. */
static int next_setting(struct reader *r, const struct conf_key **key, const char **value,
			bool *entered, struct conf_error *error)
{
	int got;

	do {
		got = next_line(r, error);
	} while (got > 0 && r->section == SECTION_OTHER && r->line[0] != '[');
	*entered = false;
	if (got <= 0) {
		return got;
	}
	if (r->line[0] == '[') {
		*entered = true;
		got = enter_section(r, error);
		got = got == 0 && r->section == SECTION_SOURCE ? find_type(r, error) : got;
	} else {
		got = split_line(r, key, value, error);
	}
	return got < 0 ? got : 1;
}

/* At the beginning of the text, outside of any section. */
static void reader_init(struct reader *r, const struct conf_text *text, const struct conf *conf)
{
	r->tool = conf->tool;
	r->native = conf->native;
	r->next = text->data;
	r->place = (struct conf_place){ .file = text->name };
	r->section = SECTION_NONE;
	r->name[0] = '\0';
	r->type = CONF_SOURCE_PTP;
}

/* The first pass checks port sections as well, so that errors come in the order of the file. */
int conf_parse_global(struct conf *conf, const struct conf_text *text, struct conf_error *error)
{
	struct reader r;
	const struct conf_key *key;
	const char *value;
	bool entered;
	int got;

	reader_init(&r, text, conf);
	conf->file = text->name;
	while ((got = next_setting(&r, &key, &value, &entered, error)) == 1) {
		void *target = NULL; /* of a port: only checked in this pass */

		if (entered) {
			continue;
		}
		if (r.section == SECTION_GLOBAL) {
			target = conf_target(conf, key);
		}
		got = conf_value_set(key, target, conf, value, r.place, error);
		if (got < 0) {
			return got;
		}
	}
	return got;
}

/* A port section begins: find or make its port, once. */
static int begin_port(struct conf *conf, const struct reader *r, struct conf_interface **port,
		      struct conf_error *error)
{
	*port = conf_interface_add(conf, r->name);
	if (!*port) {
		return conf_fail(error, r->place, "section [%s]: no memory; make some free",
				 r->name);
	}
	if ((*port)->line) {
		return conf_fail(error, r->place,
				 "section [%s]: the interface has a section in line %u already; "
				 "join "
				 "them",
				 r->name, (*port)->line);
	}
	if (conf->port_count > CONF_PORTS_MAX) {
		return conf_fail(error, r->place, "section [%s]: more than %d ports; remove some",
				 r->name, CONF_PORTS_MAX);
	}
	(*port)->line = r->place.line;
	return 0;
}

/* A section with a name begins: it stands only once, and there are not too many. */
static int begin_named(const struct reader *r, unsigned int before, size_t count, size_t most,
		       const char *kind, struct conf_error *error)
{
	if (before) {
		return conf_fail(error, r->place,
				 "section [%s %s]: the name has a section in line %u already; "
				 "join them, or choose another name",
				 kind, r->name, before);
	}
	if (count >= most) {
		return conf_fail(error, r->place, "section [%s %s]: more than %zu; remove some",
				 kind, r->name, most);
	}
	return 0;
}

static int begin_source(struct conf *conf, const struct reader *r, struct conf_source **source,
			struct conf_error *error)
{
	const struct conf_source *before = conf_source_find(conf, r->name);
	int err = begin_named(r, before ? before->line : 0, conf->source_count, CONF_SOURCES_MAX,
			      "source", error);

	if (err != 0) {
		return err;
	}
	*source = conf_source_add(conf, r->name);
	if (!*source) {
		return conf_fail(error, r->place, "section [source %s]: no memory; make some free",
				 r->name);
	}
	(*source)->line = r->place.line;
	return 0;
}

static int begin_sync(struct conf *conf, const struct reader *r, struct conf_sync **sync,
		      struct conf_error *error)
{
	const struct conf_sync *before = conf_sync_find(conf, r->name);
	int err = begin_named(r, before ? before->line : 0, conf->sync_count, CONF_SYNCS_MAX,
			      "sync", error);

	if (err != 0) {
		return err;
	}
	*sync = conf_sync_add(conf, r->name);
	if (!*sync) {
		return conf_fail(error, r->place, "section [sync %s]: no memory; make some free",
				 r->name);
	}
	(*sync)->line = r->place.line;
	return 0;
}

static int begin_guest(struct conf *conf, const struct reader *r, struct conf_guest **guest,
		       struct conf_error *error)
{
	const struct conf_guest *before = conf_guest_find(conf, r->name);
	int err = begin_named(r, before ? before->line : 0, conf->guest_count, CONF_GUESTS_MAX,
			      "guest", error);

	if (err != 0) {
		return err;
	}
	*guest = conf_guest_add(conf, r->name);
	if (!*guest) {
		return conf_fail(error, r->place, "section [guest %s]: no memory; make some free",
				 r->name);
	}
	(*guest)->line = r->place.line;
	return 0;
}

/* What the section being read fills; those of other kinds are NULL. */
struct filled {
	struct conf_interface *port;
	struct conf_source *source;
	struct conf_sync *sync;
	struct conf_guest *guest;
};

static int begin(struct conf *conf, const struct reader *r, struct filled *filled,
		 struct conf_error *error)
{
	switch (r->section) {
	case SECTION_PORT:
		return begin_port(conf, r, &filled->port, error);
	case SECTION_SOURCE:
		return begin_source(conf, r, &filled->source, error);
	case SECTION_SYNC:
		return begin_sync(conf, r, &filled->sync, error);
	case SECTION_GUEST:
		return begin_guest(conf, r, &filled->guest, error);
	case SECTION_NONE:
	case SECTION_GLOBAL:
	case SECTION_OTHER:
		break;
	}
	return 0;
}

/* Where a key of the section is kept; NULL: it is not of this pass. */
static void *filled_by(const struct filled *filled, enum section section,
		       const struct conf_key *key)
{
	switch (section) {
	case SECTION_PORT:
		return &filled->port->conf;
	case SECTION_SOURCE:
		return key->scope == CONF_PORT ? (void *)&filled->source->port
					       : (void *)filled->source;
	case SECTION_SYNC:
		return key->scope == CONF_GLOBAL ? (void *)filled->sync->servo
						 : (void *)filled->sync;
	case SECTION_GUEST:
		return filled->guest;
	case SECTION_NONE:
	case SECTION_GLOBAL:
	case SECTION_OTHER:
		break;
	}
	return NULL;
}

/* The second pass: the defaults that sections start from are complete now. */
int conf_parse_ports(struct conf *conf, const struct conf_text *text, struct conf_error *error)
{
	struct reader r;
	const struct conf_key *key = NULL;
	const char *value = NULL;
	struct filled filled = { NULL, NULL, NULL, NULL };
	bool entered;
	int got;

	reader_init(&r, text, conf);
	while ((got = next_setting(&r, &key, &value, &entered, error)) == 1) {
		void *target;

		if (entered) {
			got = begin(conf, &r, &filled, error);
		} else {
			target = filled_by(&filled, r.section, key);
			got = target ? conf_value_set(key, target, conf, value, r.place, error) : 0;
		}
		if (got < 0) {
			return got;
		}
	}
	return got;
}

/* -- contradictions --------------------------------------------------------------------------- */

/* Legacy time stamps are the hardware's, but brought to the system clock by the kernel. */
static bool system_stamps(int time_stamping)
{
	return time_stamping == CONF_STAMP_SOFTWARE || time_stamping == CONF_STAMP_LEGACY;
}

static bool hands_over(const struct conf *conf)
{
	return conf->clock_servo == CONF_SERVO_NTPSHM ||
	       conf->clock_servo == CONF_SERVO_REFCLOCK_SOCK;
}

static const char *servo_name(const struct conf *conf, char label[32])
{
	return conf_label(conf_key_find("clock_servo", 11), conf->clock_servo, label);
}

/* What hands offsets over measures the system clock, and leaves it to its keeper. */
static int resolve_servo(struct conf *conf, struct conf_error *error)
{
	struct conf_place at = { NULL, 0 };
	char label[32];

	if (!hands_over(conf)) {
		return 0;
	}
	if (conf->clock == CONF_CLOCK_PHC || conf->clock == CONF_CLOCK_SOFT) {
		return conf_fail(error, at,
				 "key 'clock_servo': %s is for the system clock, not for clock "
				 "%s; set clock system",
				 servo_name(conf, label),
				 conf->clock == CONF_CLOCK_PHC ? "phc" : "soft");
	}
	conf->clock = CONF_CLOCK_SYSTEM;
	conf->free_running = 1;
	return 0;
}

/* What the clock and one-step transmission ask of a port's time stamps. */
static int check_stamping(struct conf *conf, struct conf_interface *port, struct conf_place at,
			  struct conf_error *error)
{
	bool phc = conf->clock != CONF_CLOCK_SOFT && conf->clock != CONF_CLOCK_SYSTEM;
	struct conf_port *p = &port->conf;
	bool system = system_stamps(p->time_stamping);
	char label[32];

	if (p->time_stamping == CONF_STAMP_P2P1STEP && p->delay_mechanism != CONF_DELAY_P2P) {
		return conf_fail(error, at,
				 "key 'time_stamping': p2p1step needs delay_mechanism P2P on %s; "
				 "set it",
				 port->name);
	}
	if (hands_over(conf) && !system && p->time_stamping != CONF_STAMP_AUTO) {
		return conf_fail(error, at,
				 "key 'clock_servo': %s needs software time stamps on %s; set "
				 "time_stamping software (-S)",
				 servo_name(conf, label), port->name);
	}
	if (!phc && !system && p->time_stamping != CONF_STAMP_AUTO) {
		return conf_fail(error, at,
				 "key 'clock': %s needs software time stamps on %s; set "
				 "time_stamping software (-S)",
				 conf->clock == CONF_CLOCK_SOFT ? "soft" : "system", port->name);
	}
	if (!conf->two_step_flag && (system || !phc)) {
		return conf_fail(error, at,
				 "key 'twoStepFlag': 0 needs hardware time stamps on %s; set it "
				 "to 1",
				 port->name);
	}
	if (!conf->two_step_flag && p->time_stamping == CONF_STAMP_HARDWARE) {
		p->time_stamping = CONF_STAMP_ONESTEP;
	}
	return 0;
}

/* Contradictions are found here and not when a port opens: then something has been touched. */
static int check_port(struct conf *conf, struct conf_interface *port, struct conf_error *error)
{
	struct conf_place at = { port->line ? conf->file : NULL, port->line };
	const struct conf_port *p = &port->conf;

	if (p->transport_specific != conf->ports[0].conf.transport_specific) {
		return conf_fail(error, at,
				 "key 'transportSpecific': %s has %d, %s has %d; give all ports "
				 "the same",
				 port->name, p->transport_specific, conf->ports[0].name,
				 conf->ports[0].conf.transport_specific);
	}
	if (p->bmca != conf->ports[0].conf.bmca) {
		return conf_fail(error, at, "key 'BMCA': %s and %s differ; give all ports the same",
				 port->name, conf->ports[0].name);
	}
	if (p->bmca == CONF_BMCA_NOOP && !p->server_only && !conf->client_only) {
		return conf_fail(error, at,
				 "key 'BMCA': %s has no role; set serverOnly or clientOnly to 1",
				 port->name);
	}
	if (p->bmca == CONF_BMCA_PTP && p->server_only && conf->client_only) {
		return conf_fail(error, at,
				 "key 'serverOnly': %s can take no role beside clientOnly 1; "
				 "remove one",
				 port->name);
	}
	return check_stamping(conf, port, at, error);
}

/* What one key for all ports asks of them together. */
static int check_clock(struct conf *conf, struct conf_error *error)
{
	struct conf_place at = { NULL, 0 };
	bool system = conf->port_count > 0; /* else a source may have a PHC, or it is none */
	bool one_step = conf->port_count > 0;

	for (size_t i = 0; i < conf->port_count; i++) {
		int stamping = conf->ports[i].conf.time_stamping;

		system = system && system_stamps(stamping);
		one_step = one_step && (stamping == CONF_STAMP_ONESTEP ||
					stamping == CONF_STAMP_P2P1STEP);
	}
	if (conf->clock == CONF_CLOCK_PHC && system && !conf->phc_device[0]) {
		return conf_fail(error, at,
				 "key 'clock': phc needs hardware time stamps; set time_stamping "
				 "hardware (-H), or phc_device");
	}
	if (one_step) {
		conf->two_step_flag = 0;
	}
	return 0;
}

/* 8.2.5: at most so many characters, in so many parts. */
static int check_description(const char *name, const char *text, unsigned int max,
			     unsigned int semicolons, struct conf_error *error)
{
	struct conf_place at = { NULL, 0 };
	unsigned int characters = 0, found = 0;

	for (const char *c = text; *c; c++) {
		characters += ((unsigned char)*c & 0xc0) != 0x80;
		found += *c == ';';
	}
	if (characters > max || strlen(text) > GNOMON_TEXT_MAX) {
		return conf_fail(error, at, "key '%s': %u characters, at most %u; shorten it",
				 name, characters, max);
	}
	if (semicolons && found != semicolons) {
		return conf_fail(error, at, "key '%s': '%s' has not %u parts; write %u semicolons",
				 name, text, semicolons + 1, semicolons);
	}
	return 0;
}

static int check_descriptions(struct conf *conf, struct conf_error *error)
{
	int r = check_description("userDescription", conf->user_description, 128, 0, error);

	r = r ? r : check_description("productDescription", conf->product_description, 64, 2,
				      error);
	return r ? r : check_description("revisionData", conf->revision_data, 32, 2, error);
}

/* Other sources may keep the clock, other clocks and guests follow it. ptp4l would not run. */
static bool runs_without_ports(const struct conf *conf)
{
	return conf->native && (conf->source_count || conf->sync_count || conf->guest_count);
}

/* Also resolves what follows from other keys: the clock type, the roles of BMCA noop, the clock of
 * a servo that steers none. */
int conf_validate(struct conf *conf, struct conf_error *error)
{
	struct conf_place at = { NULL, 0 };
	int r;

	if (conf->port_count == 0 && !runs_without_ports(conf)) {
		return conf_fail(error, at,
				 "no interface to run on; name one with -i, or in a [section] of "
				 "the file%s",
				 conf->native ? " ([source NAME] or [sync NAME] would do as well)"
					      : "");
	}
	if (conf->event_port == conf->general_port) {
		return conf_fail(error, at,
				 "key 'general_port': %d is the event port too; give them "
				 "different ports",
				 conf->general_port);
	}
	r = resolve_servo(conf, error);
	for (size_t i = 0; r == 0 && i < conf->port_count; i++) {
		r = check_port(conf, &conf->ports[i], error);
	}
	r = r != 0 ? r : check_clock(conf, error);
	r = r != 0 ? r : check_descriptions(conf, error);
	r = r != 0 ? r : conf_validate_sections(conf, error);
	conf_note_intervals(conf);
	if (r == 0 && conf->port_count > 1) {
		conf->clock_type = CONF_CLOCK_BC;
	}
	if (r == 0 && conf->port_count && conf->ports[0].conf.bmca == CONF_BMCA_NOOP) {
		conf->external_port_configuration = 1;
		for (size_t i = 0; i < conf->port_count; i++) {
			struct conf_port *p = &conf->ports[i].conf;

			p->desired_state = p->server_only ? CONF_STATE_TIME_TRANSMITTER
							  : CONF_STATE_TIME_RECEIVER;
		}
	}
	return r;
}
