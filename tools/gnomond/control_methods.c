/* SPDX-License-Identifier: BSD-2-Clause */
#include "control_methods.h"

#include <string.h>
#include <unistd.h>

#include <gnomon/version.h>

#include "tools/config/suggest.h"

#include "daemon.h"

static control_method_fn hello;
static control_method_fn subscribe;
static control_method_fn unsubscribe;

struct method {
	const char *name;
	bool changes; /* not for everybody who can connect */
	control_method_fn *call;
};

static const struct method methods[] = {
	{ "hello", false, hello },
	{ "subscribe", false, subscribe },
	{ "unsubscribe", false, unsubscribe },
	{ "clock", false, control_clock },
	{ "vm.attach", true, control_vm_attach },
	{ "vm.detach", true, control_vm_detach },
	{ "vm.list", false, control_vm_list },
	{ "vm.status", false, control_vm_status },
};

#define METHODS (sizeof(methods) / sizeof(methods[0]))

/* -- of the connection ------------------------------------------------------------------------ */

static json_t *names_of_methods(void)
{
	json_t *names = json_array();

	for (size_t i = 0; i < METHODS; i++) {
		(void)json_array_append_new(names, json_string(methods[i].name));
	}
	return names;
}

/* Who says which version he speaks is told whether it is spoken here. */
static json_t *hello(struct daemon *d, struct control_client *client, const json_t *params,
		     struct control_error *error)
{
	static const char *const known[] = { "version", "client", NULL };
	int64_t version = CONTROL_VERSION;
	char name[64];
	json_t *result;

	(void)d;
	if (!control_params_known(params, known, error) ||
	    !control_param_text(params, "client", false, name, sizeof(name), error) ||
	    !control_param_int(params, "version", 0, INT32_MAX, &version, error)) {
		return NULL;
	}
	if (version != CONTROL_VERSION) {
		return control_fail(error, CONTROL_VERSION_BAD,
				    "version %d is not spoken here but %d; use the program of the "
				    "same release",
				    (int)version, CONTROL_VERSION);
	}
	result = json_object();
	control_put(result, "version", json_integer(CONTROL_VERSION));
	control_put(result, "program", json_string("gnomond"));
	control_put(result, "release", json_string(GNOMON_VERSION_STRING));
	control_put(result, "pid", json_integer(getpid()));
	control_put(result, "may_change", json_boolean(client->may_change));
	control_put(result, "line_max", json_integer(CONTROL_LINE_MAX));
	control_put(result, "methods", names_of_methods());
	return result;
}

/* -- events ----------------------------------------------------------------------------------- */

static const struct topic {
	const char *name;
	enum control_topic bit;
} topics[] = {
	{ "guest", CONTROL_TOPIC_GUEST },
};

#define TOPICS (sizeof(topics) / sizeof(topics[0]))

static unsigned int topic_named(const char *name)
{
	for (size_t i = 0; name && i < TOPICS; i++) {
		if (strcmp(topics[i].name, name) == 0) {
			return topics[i].bit;
		}
	}
	return 0;
}

/* The bits of {"topics":[...]}; 0: there is something wrong with it. */
static unsigned int take_topics(const json_t *params, struct control_error *error)
{
	static const char *const known[] = { "topics", NULL };
	const json_t *list = json_object_get(params, "topics");
	unsigned int bits = 0;

	if (!control_params_known(params, known, error)) {
		return 0;
	}
	for (size_t i = 0; i < json_array_size(list); i++) {
		const unsigned int bit = topic_named(json_string_value(json_array_get(list, i)));

		if (!bit) {
			(void)control_fail(error, CONTROL_PARAMS,
					   "topics: entry %zu is no topic; there are: guest",
					   i + 1);
			return 0;
		}
		bits |= bit;
	}
	if (!bits) {
		(void)control_fail(error, CONTROL_PARAMS,
				   "topics: no list of topics; write [\"guest\"]");
	}
	return bits;
}

static json_t *heard(const struct control_client *client)
{
	json_t *result = json_object();
	json_t *list = json_array();

	for (size_t i = 0; i < TOPICS; i++) {
		if (client->topics & topics[i].bit) {
			(void)json_array_append_new(list, json_string(topics[i].name));
		}
	}
	control_put(result, "topics", list);
	return result;
}

static json_t *subscribe(struct daemon *d, struct control_client *client, const json_t *params,
			 struct control_error *error)
{
	const unsigned int bits = take_topics(params, error);

	(void)d;
	client->topics |= bits;
	return bits ? heard(client) : NULL;
}

static json_t *unsubscribe(struct daemon *d, struct control_client *client, const json_t *params,
			   struct control_error *error)
{
	const unsigned int bits = take_topics(params, error);

	(void)d;
	client->topics &= ~bits;
	return bits ? heard(client) : NULL;
}

/* -- all of them ------------------------------------------------------------------------------ */

static const struct method *find(const char *name)
{
	for (size_t i = 0; i < METHODS; i++) {
		if (strcmp(methods[i].name, name) == 0) {
			return &methods[i];
		}
	}
	return NULL;
}

static json_t *no_method(const char *name, struct control_error *error)
{
	struct suggest near;

	suggest_init(&near, name, strlen(name));
	for (size_t i = 0; i < METHODS; i++) {
		suggest_name(&near, methods[i].name);
	}
	if (suggest_best(&near)) {
		return control_fail(error, CONTROL_METHOD,
				    "there is no method '%s'; did you mean %s?", name,
				    suggest_best(&near));
	}
	return control_fail(error, CONTROL_METHOD, "there is no method '%s'; hello lists them",
			    name);
}

json_t *control_methods_answer(void *context, struct control_client *client,
			       const struct control_request *request, struct control_error *error)
{
	const struct method *method = find(request->method);

	if (!method) {
		return no_method(request->method, error);
	}
	if (method->changes && !client->may_change) {
		return control_fail(error, CONTROL_DENIED,
				    "user %u may not use %s; become root or the daemon's user, or "
				    "join the group of control_socket_group",
				    (unsigned int)client->peer.uid, method->name);
	}
	return method->call(context, client, request->params, error);
}
