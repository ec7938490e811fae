/* SPDX-License-Identifier: BSD-2-Clause */
#include "settings.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_MAX 48

enum setting_kind {
	SETTING_BOOL,
	SETTING_NOT,  /* a bool with the opposite sense */
	SETTING_I8,
	SETTING_U8,
	SETTING_U16,
	SETTING_UINT,
	SETTING_I64,
	SETTING_DOUBLE,
	SETTING_SPAN, /* ns */
	SETTING_CHOICE,
	SETTING_FILTER,
	SETTING_SERVO,
};

enum setting_scope {
	SCOPE_ENGINE,
	SCOPE_PORT,
	SCOPE_DISCIPLINE,
};

struct choice {
	const char *name;
	int value;
};

struct setting {
	const char *name;
	enum setting_scope scope;
	enum setting_kind kind;
	size_t offset;
	const struct choice *choices; /* SETTING_CHOICE; ends with a NULL name */
};

static const struct choice mechanisms[] = {
	{ "E2E", GNOMON_DELAY_E2E },
	{ "P2P", GNOMON_DELAY_P2P },
	{ "NONE", GNOMON_DELAY_NONE },
	{ NULL, 0 },
};

static const struct choice tsproc_modes[] = {
	{ "filter", GNOMON_TSPROC_FILTER },
	{ "raw", GNOMON_TSPROC_RAW },
	{ "filter_weight", GNOMON_TSPROC_FILTER_WEIGHT },
	{ "raw_weight", GNOMON_TSPROC_RAW_WEIGHT },
	{ NULL, 0 },
};

static const struct choice roles[] = {
	{ "master", GNOMON_PORT_TIME_TRANSMITTER },
	{ "slave", GNOMON_PORT_TIME_RECEIVER },
	{ "passive", GNOMON_PORT_PASSIVE },
	{ NULL, 0 },
};

#define ENGINE(name, kind, member) \
	{ name, SCOPE_ENGINE, kind, offsetof(struct gnomon_engine_config, member), NULL }
#define PORT(name, kind, member) \
	{ name, SCOPE_PORT, kind, offsetof(struct gnomon_port_config, member), NULL }
#define CHOICE(name, member, choices) \
	{ name, SCOPE_PORT, SETTING_CHOICE, offsetof(struct gnomon_port_config, member), choices }
#define DISCIPLINE(name, kind, member) \
	{ name, SCOPE_DISCIPLINE, kind, offsetof(struct gnomon_discipline_config, member), NULL }
#define SERVO(name, kind, member) \
	DISCIPLINE(name, kind, servo_config.member)

/* Sorted by name. */
static const struct setting settings_table[] = {
	PORT("allowedLostResponses", SETTING_U8, allowed_lost_responses),
	PORT("announceReceiptTimeout", SETTING_U8, announce_receipt_timeout),
	ENGINE("clientOnly", SETTING_BOOL, time_receiver_only),
	ENGINE("clockAccuracy", SETTING_U8, clock_quality.clock_accuracy),
	ENGINE("clockClass", SETTING_U8, clock_quality.clock_class),
	ENGINE("clock_class_threshold", SETTING_U8, clock_class_threshold),
	DISCIPLINE("clock_servo", SETTING_SERVO, servo),
	PORT("delayAsymmetry", SETTING_SPAN, delay_asymmetry),
	PORT("delay_filter", SETTING_FILTER, delay_filter),
	PORT("delay_filter_length", SETTING_UINT, delay_filter_length),
	CHOICE("delay_mechanism", delay_mechanism, mechanisms),
	PORT("delay_request_variability", SETTING_DOUBLE, delay_request_variability),
	PORT("delay_response_timeout", SETTING_U8, delay_response_timeout),
	CHOICE("desiredState", desired_state, roles),
	ENGINE("domainNumber", SETTING_U8, domain),
	DISCIPLINE("drift_ppb_per_s", SETTING_DOUBLE, drift_ppb_per_s),
	PORT("egressLatency", SETTING_SPAN, egress_latency),
	ENGINE("externalPortConfiguration", SETTING_BOOL, external_port_configuration),
	SERVO("first_step_threshold", SETTING_DOUBLE, first_step_threshold),
	DISCIPLINE("free_running", SETTING_BOOL, free_running),
	PORT("freq_est_interval", SETTING_I8, freq_est_interval),
	PORT("ignore_source_id", SETTING_BOOL, ignore_source_id),
	PORT("ingressLatency", SETTING_SPAN, ingress_latency),
	PORT("inhibit_announce", SETTING_BOOL, inhibit_announce),
	PORT("inhibit_delay_req", SETTING_BOOL, inhibit_delay_req),
	ENGINE("initial_delay", SETTING_SPAN, initial_delay),
	PORT("logAnnounceInterval", SETTING_I8, log_announce_interval),
	PORT("logMinDelayReqInterval", SETTING_I8, log_min_delay_req_interval),
	PORT("logMinPdelayReqInterval", SETTING_I8, log_min_pdelay_req_interval),
	PORT("logSyncInterval", SETTING_I8, log_sync_interval),
	ENGINE("maxStepsRemoved", SETTING_U8, max_steps_removed),
	SERVO("max_frequency", SETTING_DOUBLE, max_frequency_ppb),
	PORT("min_neighbor_prop_delay", SETTING_SPAN, neighbor_prop_delay_min),
	PORT("neighborPropDelayThresh", SETTING_SPAN, neighbor_prop_delay_max),
	ENGINE("offsetScaledLogVariance", SETTING_U16, clock_quality.offset_scaled_log_variance),
	PORT("onestep_pdelay", SETTING_BOOL, one_step_pdelay),
	DISCIPLINE("path_asymmetry_ns", SETTING_DOUBLE, path_asymmetry_ns),
	PORT("path_trace_enabled", SETTING_BOOL, path_trace_enabled),
	SERVO("pi_integral_const", SETTING_DOUBLE, pi_integral_const),
	SERVO("pi_proportional_const", SETTING_DOUBLE, pi_proportional_const),
	ENGINE("priority1", SETTING_U8, priority1),
	ENGINE("priority2", SETTING_U8, priority2),
	DISCIPLINE("sanity_freq_limit", SETTING_DOUBLE, sanity_freq_limit_ppb),
	PORT("serverOnly", SETTING_BOOL, time_transmitter_only),
	SERVO("servo_num_offset_values", SETTING_UINT, num_offset_values),
	SERVO("servo_offset_threshold", SETTING_I64, offset_threshold_ns),
	SERVO("software_timestamps", SETTING_BOOL, software_timestamps),
	SERVO("step_threshold", SETTING_DOUBLE, step_threshold),
	DISCIPLINE("step_window", SETTING_UINT, step_window),
	PORT("syncReceiptTimeout", SETTING_U8, sync_receipt_timeout),
	CHOICE("tsproc_mode", tsproc_mode, tsproc_modes),
	PORT("twoStepFlag", SETTING_NOT, one_step_sync),
	ENGINE("utc_offset", SETTING_U16, time_properties.current_utc_offset),
};

#define SETTING_COUNT (sizeof(settings_table) / sizeof(settings_table[0]))

static const char *const kind_names[] = {
	[SETTING_BOOL] = "0 or 1",       [SETTING_NOT] = "0 or 1",
	[SETTING_I8] = "integer",        [SETTING_U8] = "integer",
	[SETTING_U16] = "integer",       [SETTING_UINT] = "integer",
	[SETTING_I64] = "integer",       [SETTING_DOUBLE] = "number",
	[SETTING_SPAN] = "nanoseconds",  [SETTING_CHOICE] = "one of",
	[SETTING_FILTER] = "delay filter", [SETTING_SERVO] = "servo",
};

void settings_default(struct settings *s)
{
	memset(s, 0, sizeof(*s));
	gnomon_engine_config_default(&s->engine);
	for (unsigned int i = 0; i < SIM_PORTS_MAX; i++) {
		gnomon_port_config_default(&s->ports[i]);
		s->ports[i].delay_filter = gnomon_filter_find("moving_median");
	}
	s->discipline.size = sizeof(s->discipline);
	s->discipline.servo = gnomon_servo_find("pi");
	gnomon_servo_config_default(&s->discipline.servo_config);
	s->discipline.sanity_freq_limit_ppb = 200000000.0;
	s->discipline.path_asymmetry_ns = -1.0;
}

static const struct setting *find(const char *name)
{
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		if (strcmp(settings_table[i].name, name) == 0) {
			return &settings_table[i];
		}
	}
	return NULL;
}

/* An integer within [low, high]. */
static int parse_integer(const char *text, double low, double high, int64_t *value)
{
	char *end;
	long long v;

	errno = 0;
	v = strtoll(text, &end, 0);
	if (errno != 0 || end == text || *end != '\0' || (double)v < low || (double)v > high) {
		return -EINVAL;
	}
	*value = v;
	return 0;
}

static int parse_double(const char *text, double *value)
{
	char *end;
	double v = strtod(text, &end);

	if (end == text || *end != '\0' || !isfinite(v)) {
		return -EINVAL;
	}
	*value = v;
	return 0;
}

static int set_integer(enum setting_kind kind, void *member, const char *text)
{
	static const struct {
		double low;
		double high;
	} range[] = {
		[SETTING_BOOL] = { 0, 1 },       [SETTING_NOT] = { 0, 1 },
		[SETTING_I8] = { -128, 127 },    [SETTING_U8] = { 0, 255 },
		[SETTING_U16] = { 0, 65535 },    [SETTING_UINT] = { 0, 1e9 },
		[SETTING_I64] = { -9e18, 9e18 },
	};
	int64_t v;
	int err = parse_integer(text, range[kind].low, range[kind].high, &v);

	if (err != 0) {
		return err;
	}
	if (kind == SETTING_BOOL || kind == SETTING_NOT) {
		*(bool *)member = (v != 0) == (kind == SETTING_BOOL);
	} else if (kind == SETTING_I8) {
		*(int8_t *)member = (int8_t)v;
	} else if (kind == SETTING_U8) {
		*(uint8_t *)member = (uint8_t)v;
	} else if (kind == SETTING_U16) {
		*(uint16_t *)member = (uint16_t)v;
	} else if (kind == SETTING_UINT) {
		*(unsigned int *)member = (unsigned int)v;
	} else {
		*(int64_t *)member = v;
	}
	return 0;
}

static int set_choice(const struct choice *choices, void *member, const char *text)
{
	for (; choices->name; choices++) {
		if (strcmp(choices->name, text) == 0) {
			*(int *)member = choices->value;
			return 0;
		}
	}
	return -EINVAL;
}

static int set_value(const struct setting *setting, void *member, const char *text)
{
	double number;

	switch (setting->kind) {
	case SETTING_BOOL:
	case SETTING_NOT:
	case SETTING_I8:
	case SETTING_U8:
	case SETTING_U16:
	case SETTING_UINT:
	case SETTING_I64:
		return set_integer(setting->kind, member, text);
	case SETTING_DOUBLE:
		return parse_double(text, member);
	case SETTING_SPAN:
		if (parse_double(text, &number) != 0) {
			return -EINVAL;
		}
		*(gnomon_span *)member = gnomon_span_from_double(number);
		return 0;
	case SETTING_CHOICE:
		return set_choice(setting->choices, member, text);
	case SETTING_FILTER:
		*(const struct gnomon_filter_ops **)member = gnomon_filter_find(text);
		return gnomon_filter_find(text) ? 0 : -EINVAL;
	case SETTING_SERVO:
		*(const struct gnomon_servo_ops **)member = gnomon_servo_find(text);
		return gnomon_servo_find(text) ? 0 : -EINVAL;
	}
	return -EINVAL;
}

/* port: 1..SIM_PORTS_MAX, or 0 for all. */
static int set(struct settings *s, const struct setting *setting, unsigned int port,
	       const char *text)
{
	switch (setting->scope) {
	case SCOPE_ENGINE:
		return set_value(setting, (char *)&s->engine + setting->offset, text);
	case SCOPE_DISCIPLINE:
		return set_value(setting, (char *)&s->discipline + setting->offset, text);
	case SCOPE_PORT:
		break;
	}
	for (unsigned int i = 0; i < SIM_PORTS_MAX; i++) {
		if (port == 0 || port == i + 1) {
			int err = set_value(setting, (char *)&s->ports[i] + setting->offset, text);

			if (err != 0) {
				return err;
			}
		}
	}
	return 0;
}

static int apply_token(struct settings *s, char *token, char *why, size_t cap)
{
	char *equals = strchr(token, '=');
	char *colon = strchr(token, ':');
	const struct setting *setting;
	int64_t port = 0;
	char *name = token;

	if (!equals) {
		snprintf(why, cap, "\"%s\" is not of the form option=value", token);
		return -EINVAL;
	}
	*equals = '\0';
	if (colon && colon < equals) {
		*colon = '\0';
		name = colon + 1;
		if (parse_integer(token, 1, SIM_PORTS_MAX, &port) != 0) {
			snprintf(why, cap, "\"%s\" is no port: 1 to %d", token, SIM_PORTS_MAX);
			return -EINVAL;
		}
	}
	setting = find(name);
	if (!setting) {
		snprintf(why, cap, "unknown option \"%s\"", name);
		return -EINVAL;
	}
	if (port != 0 && setting->scope != SCOPE_PORT) {
		snprintf(why, cap, "\"%s\" is not an option of a port", name);
		return -EINVAL;
	}
	if (set(s, setting, (unsigned int)port, equals + 1) != 0) {
		snprintf(why, cap, "\"%s\" is no value for %s (%s)", equals + 1, name,
			 kind_names[setting->kind]);
		return -EINVAL;
	}
	return 0;
}

int settings_apply(struct settings *s, const char *text, char *why, size_t cap)
{
	while (text && *text != '\0') {
		size_t len = strcspn(text, " \t\n");
		char token[VALUE_MAX + 64];

		if (len >= sizeof(token)) {
			snprintf(why, cap, "an option of more than %zu characters",
				 sizeof(token) - 1);
			return -EINVAL;
		}
		memcpy(token, text, len);
		token[len] = '\0';
		if (len > 0 && apply_token(s, token, why, cap) != 0) {
			return -EINVAL;
		}
		text += len;
		text += strspn(text, " \t\n");
	}
	return 0;
}

void settings_help(FILE *out)
{
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		const struct setting *setting = &settings_table[i];

		fprintf(out, "  %-27s %s", setting->name, kind_names[setting->kind]);
		for (const struct choice *c = setting->choices; c && c->name; c++) {
			fprintf(out, " %s", c->name);
		}
		fputc('\n', out);
	}
}
