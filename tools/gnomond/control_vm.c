/* SPDX-License-Identifier: BSD-2-Clause */
/* What can be asked and told of virtual machines, and the clock they are told of. */
#include "control_methods.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/config/suggest.h"

#include "daemon.h"

/* A parameter has the name of its key, without this. */
#define KEY_PREFIX "guest_"

/* -- a guest, told ---------------------------------------------------------------------------- */

static const char *map_name(enum guest_map_source map)
{
	switch (map) {
	case GUEST_MAP_NONE:
		break;
	case GUEST_MAP_KVM:
		return "kvm";
	case GUEST_MAP_PINGPONG:
		return "pingpong";
	case GUEST_MAP_HOST:
		return "host";
	}
	return "none";
}

static void put_map(json_t *out, const struct guest_info *info)
{
	char text[24];

	control_put(out, "map", json_string(map_name(info->map)));
	if (info->map == GUEST_MAP_NONE) {
		return;
	}
	(void)snprintf(text, sizeof(text), "%" PRId64, (int64_t)info->offset);
	control_put(out, "offset", json_string(text));
	if (info->ratio && info->ratio != UINT64_C(1) << (info->frac_bits & 63)) {
		control_put(out, "ratio", control_bits(info->ratio));
		control_put(out, "frac_bits", json_integer(info->frac_bits));
	}
	control_put(out, "map_error_ticks", json_integer((json_int_t)info->map_error));
}

/* Those of a guest's keys that are told as a file of the configuration has them. */
static const char *const told[] = { "way", "profile", "counter", "address", "qmp" };

#define TOLD (sizeof(told) / sizeof(told[0]))

/* Looked up once: the table is long, and guests are many. */
static const struct conf_key *told_key(size_t index)
{
	static const struct conf_key *keys[TOLD];
	char full[CONTROL_METHOD_MAX];

	if (!keys[index]) {
		(void)snprintf(full, sizeof(full), KEY_PREFIX "%s", told[index]);
		keys[index] = conf_key_find(full, strlen(full));
	}
	return keys[index];
}

static void put_keys(json_t *out, const struct conf_guest *conf)
{
	char value[CONF_VALUE_MAX];

	for (size_t i = 0; i < TOLD; i++) {
		const char *text = conf_value_get(told_key(i), conf, value);

		/* A file cannot have nothing behind a key. */
		control_put(out, told[i], control_text(strcmp(text, "\"\"") == 0 ? "" : text));
	}
}

static json_t *tell(const struct guest_info *info)
{
	json_t *out = json_object();

	control_put(out, "name", control_text(info->name));
	control_put(out, "status", json_string(gnomon_vmclock_status_name(info->status)));
	control_put(out, "trouble", control_text(info->trouble));
	control_put(out, "bound_ns", control_number(info->bound_ns, 1));
	control_put(out, "age_s", info->age_s < 0 ? json_null() : control_number(info->age_s, 3));
	control_put(out, "page", control_text(info->page));
	control_put(out, "table", control_text(info->table));
	put_keys(out, info->conf);
	control_put(out, "size", json_integer(info->conf->size));
	control_put(out, "slot", json_integer(info->conf->slot));
	control_put(out, "dynamic", json_boolean(info->dynamic));
	control_put(out, "pid", info->pid ? json_integer(info->pid) : json_null());
	control_put(out, "vcpus", json_integer(info->vcpus));
	put_map(out, info);
	control_put(out, "marker", control_bits(info->marker));
	control_put(out, "publications", json_integer((json_int_t)info->publications));
	control_put(out, "healed", json_integer((json_int_t)info->healed));
	control_put(out, "disruptions", json_integer((json_int_t)info->disruptions));
	return out;
}

static json_t *tell_index(struct daemon *d, size_t index)
{
	struct guest_info info;

	guests_info(&d->guests, index, &info);
	return tell(&info);
}

/* -- which one -------------------------------------------------------------------------------- */

static json_t *no_guest(struct daemon *d, const char *name, struct control_error *error)
{
	struct guest_info info;
	struct suggest near;

	suggest_init(&near, name, strlen(name));
	for (size_t i = 0; i < guests_count(&d->guests); i++) {
		guests_info(&d->guests, i, &info);
		suggest_name(&near, info.name);
	}
	if (suggest_best(&near)) {
		return control_fail(error, CONTROL_ABSENT,
				    "there is no guest '%s'; did you mean %s?", name,
				    suggest_best(&near));
	}
	return control_fail(error, CONTROL_ABSENT, "there is no guest '%s'; vm list shows them",
			    name);
}

static bool take_name(const json_t *params, char name[CONF_NAME_MAX], struct control_error *error)
{
	static const char *const known[] = { "name", NULL };

	return control_params_known(params, known, error) &&
	       control_param_text(params, "name", true, name, CONF_NAME_MAX, error);
}

json_t *control_vm_status(struct daemon *d, struct control_client *client, const json_t *params,
			  struct control_error *error)
{
	char name[CONF_NAME_MAX];
	size_t index;

	(void)client;
	if (!take_name(params, name, error)) {
		return NULL;
	}
	index = guests_find(&d->guests, name);
	return index == SIZE_MAX ? no_guest(d, name, error) : tell_index(d, index);
}

json_t *control_vm_list(struct daemon *d, struct control_client *client, const json_t *params,
			struct control_error *error)
{
	static const char *const known[] = { "from", NULL };
	const size_t count = guests_count(&d->guests);
	json_t *list;
	json_t *out;
	int64_t from = 0;
	size_t end;

	(void)client;
	if (!control_params_known(params, known, error) ||
	    !control_param_int(params, "from", 0, INT32_MAX, &from, error)) {
		return NULL;
	}
	end = (size_t)from + CONTROL_PAGE < count ? (size_t)from + CONTROL_PAGE : count;
	out = json_object();
	list = json_array();
	for (size_t i = (size_t)from; i < end; i++) {
		(void)json_array_append_new(list, tell_index(d, i));
	}
	control_put(out, "count", json_integer((json_int_t)count));
	control_put(out, "next", end < count ? json_integer((json_int_t)end) : json_null());
	control_put(out, "guests", list);
	return out;
}

/* -- attach ----------------------------------------------------------------------------------- */

/* With these one could have files made anywhere, and any socket connected to, by the daemon. */
static bool is_for_trusted(const char *name)
{
	return strcmp(name, "page") == 0 || strcmp(name, "qmp") == 0;
}

static bool is_trusted(const struct control_client *client)
{
	return client->peer.uid == 0 || client->peer.uid == geteuid();
}

/* The key of a parameter; NULL with *error. */
static const struct conf_key *key_of(const char *name, struct control_error *error)
{
	char full[CONTROL_METHOD_MAX];
	const struct conf_key *key;
	struct suggest near;

	(void)snprintf(full, sizeof(full), KEY_PREFIX "%s", name);
	key = conf_key_find(full, strlen(full));
	if (key && key->scope == CONF_GUEST) {
		return key;
	}
	suggest_init(&near, full, strlen(full));
	for (size_t i = 0; i < conf_table_len; i++) {
		if (conf_table[i].scope == CONF_GUEST) {
			suggest_name(&near, conf_table[i].name);
		}
	}
	(void)control_fail(error, CONTROL_PARAMS, "%.40s: there is no such member; %s%s%s", name,
			   suggest_best(&near) ? "did you mean " : "remove it",
			   suggest_best(&near) ? suggest_best(&near) + strlen(KEY_PREFIX) : "",
			   suggest_best(&near) ? "?" : "");
	return NULL;
}

static bool set(struct conf *conf, struct conf_guest *guest, const char *name, const json_t *value,
		struct control_error *error)
{
	const struct conf_place nowhere = { NULL, 0, NULL };
	const struct conf_key *key = key_of(name, error);
	struct conf_error what = { "" };
	char number[24];
	const char *text = json_string_value(value);

	if (!key) {
		return false;
	}
	if (json_is_integer(value)) {
		(void)snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT,
			       json_integer_value(value));
		text = number;
	}
	if (!text) {
		(void)control_fail(error, CONTROL_PARAMS,
				   "%s: neither a text nor a whole number; correct it", name);
		return false;
	}
	if (conf_value_set(key, guest, conf, text, nowhere, &what)) {
		(void)control_fail(error, CONTROL_PARAMS, "%s", what.text);
		return false;
	}
	return true;
}

/* What was asked for, with what [global] says of the rest. */
static bool fill(struct conf *conf, struct conf_guest *guest, const struct control_client *client,
		 const json_t *params, struct control_error *error)
{
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)params, name, value) {
		if (is_for_trusted(name) && !is_trusted(client)) {
			(void)control_fail(error, CONTROL_DENIED,
					   "%s: only for root and the daemon's user; leave it out, "
					   "or write a [guest] section",
					   name);
			return false;
		}
		if (strcmp(name, "name") != 0 && !set(conf, guest, name, value, error)) {
			return false;
		}
	}
	return true;
}

/* Making a file takes as long as it is large, and the clock waits. Readers need two pages. */
#define SIZE_MOST (16 * 1024 * 1024)

/* Against all there are; single keys are looked at even if there are none. */
static bool check(struct daemon *d, struct conf_guest *guest, struct control_error *error)
{
	const struct conf_place nowhere = { NULL, 0, NULL };
	struct conf_error what = { "" };
	struct guest_info info;
	int r = conf_guest_check(guest, NULL, 0, nowhere, &what);

	if (guest->size > SIZE_MOST) {
		(void)control_fail(error, CONTROL_PARAMS,
				   "size: more than %d is not made while the clock runs; write a "
				   "[guest] section, or a smaller one",
				   SIZE_MOST);
		return false;
	}
	for (size_t i = 0; r == 0 && i < guests_count(&d->guests); i++) {
		guests_info(&d->guests, i, &info);
		r = conf_guest_check(guest, info.conf, 1, nowhere, &what);
	}
	if (r) {
		(void)control_fail(error, CONTROL_PARAMS, "%s", what.text);
	}
	return r == 0;
}

static json_t *attach(struct daemon *d, const struct conf_guest *guest, struct control_error *error)
{
	struct driver_error what = { "" };
	const int r = guests_attach(&d->guests, guest, &what);

	if (r) {
		return control_fail(error, r == -EEXIST ? CONTROL_EXISTS : CONTROL_FAILED, "%s",
				    what.text);
	}
	if (monitors_attach(&d->monitors, guest->name, guest->qmp, guest->way == CONF_WAY_PATCH)) {
		(void)guests_detach(&d->guests, guest->name, NULL);
		return control_fail(error, CONTROL_FAILED, "guest %s: no memory; make some free",
				    guest->name);
	}
	return tell_index(d, guests_find(&d->guests, guest->name));
}

json_t *control_vm_attach(struct daemon *d, struct control_client *client, const json_t *params,
			  struct control_error *error)
{
	struct conf conf;
	struct conf_guest *guest;
	char name[CONF_NAME_MAX];
	json_t *result = NULL;

	if (!control_param_text(params, "name", true, name, sizeof(name), error)) {
		return NULL;
	}
	if (!conf_name_is_good(name)) {
		return control_fail(error, CONTROL_PARAMS,
				    "name: has up to %d letters, digits, '_', '.' and '-'; "
				    "correct it",
				    CONF_NAME_MAX - 1);
	}
	if (guests_find(&d->guests, name) != SIZE_MAX) {
		return control_fail(error, CONTROL_EXISTS,
				    "guest %s is there already; detach it first", name);
	}
	if (conf_init(&conf, true) == 0) {
		conf.guest_defaults = d->conf->guest_defaults; /* its texts are not freed with us */
		guest = conf_guest_add(&conf, name);
		if (guest && fill(&conf, guest, client, params, error) && check(d, guest, error)) {
			result = attach(d, guest, error);
		}
	}
	conf_finish(&conf);
	return result;
}

json_t *control_vm_detach(struct daemon *d, struct control_client *client, const json_t *params,
			  struct control_error *error)
{
	struct driver_error what = { "" };
	char name[CONF_NAME_MAX];
	int r;

	(void)client;
	if (!take_name(params, name, error)) {
		return NULL;
	}
	if (guests_find(&d->guests, name) == SIZE_MAX) {
		return no_guest(d, name, error);
	}
	r = guests_detach(&d->guests, name, &what);
	if (r == 0) {
		monitors_detach(&d->monitors, name);
	}
	if (r) {
		return control_fail(error, r == -EPERM ? CONTROL_DENIED : CONTROL_FAILED, "%s",
				    what.text);
	}
	return json_object();
}

/* -- the clock -------------------------------------------------------------------------------- */

json_t *control_clock(struct daemon *d, struct control_client *client, const json_t *params,
		      struct control_error *error)
{
	static const char *const known[] = { NULL };
	struct driver_error what = { "" };
	struct guests_clock clock;
	json_t *out;

	(void)client;
	if (!control_params_known(params, known, error)) {
		return NULL;
	}
	if (guests_clock(&d->guests, &clock, &what)) {
		return control_fail(error, CONTROL_FAILED, "%s", what.text);
	}
	out = json_object();
	control_put(out, "counter", json_integer((json_int_t)clock.counter));
	control_put(out, "time_sec", json_integer(clock.time.sec));
	control_put(out, "time_nsec", json_integer(clock.time.nsec));
	control_put(out, "half_window_ns", control_number(clock.half_window_ns, 1));
	control_put(out, "bound_ns", control_number(clock.bound_ns, 1));
	control_put(out, "status", json_string(gnomon_vmclock_status_name(clock.status)));
	return out;
}
