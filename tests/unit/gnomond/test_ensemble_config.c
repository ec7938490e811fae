/* SPDX-License-Identifier: BSD-2-Clause */
/* What a file says of its sources, in the ensemble's words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tools/gnomond/ensemble_config.h"

static void load(struct conf *conf, const char *text)
{
	struct conf_text file = { (char *)(uintptr_t)text, strlen(text), "t.conf" };
	struct conf_error error = { "" };

	assert_int_equal(conf_init(conf, true), 0);
	if (conf_parse_global(conf, &file, &error) || conf_parse_ports(conf, &file, &error) ||
	    conf_validate(conf, &error)) {
		fail_msg("%s", error.text);
	}
}

static void selection(void **state)
{
	struct gnomon_select_config want;
	struct gnomon_select_config s;
	struct conf conf;

	(void)state;
	load(&conf, "[eth0]\n");
	gnomon_select_config_default(&want);
	ensemble_config_fill_select(&s, &conf);
	assert_int_equal(s.fail_limit, want.fail_limit);
	assert_true(s.recover_s == want.recover_s && s.revert_s == want.revert_s);
	assert_true(s.settle_s == want.settle_s && s.dispute_s == want.dispute_s);
	assert_true(s.handover_ppb == want.handover_ppb);
	assert_true(s.handover_max_ns == want.handover_max_ns);
	assert_true(s.drift_ppb_per_s == want.drift_ppb_per_s);
	conf_finish(&conf);
	load(&conf, "[global]\nsource_fail_limit 4\nsource_recover 5\nsource_revert 6\n"
		    "source_settle 7\nsource_dispute 8\nsource_handover_rate 9\n"
		    "source_handover_max 10\noscillator_drift_bound 11\n[eth0]\n");
	ensemble_config_fill_select(&s, &conf);
	assert_int_equal(s.fail_limit, 4);
	assert_true(s.recover_s == 5 && s.revert_s == 6 && s.settle_s == 7 && s.dispute_s == 8);
	assert_true(s.handover_ppb == 9 && s.handover_max_ns == 10 && s.drift_ppb_per_s == 11);
	conf_finish(&conf);
}

static void holdover(void **state)
{
	struct gnomon_holdover_config h;
	struct conf conf;

	(void)state;
	load(&conf, "[eth0]\n");
	ensemble_config_fill_holdover(&h, &conf);
	assert_true(h.most_drift_ppb_per_s == 0 && h.least_drift_ppb_per_s > 0);
	conf_finish(&conf);
	/* What an oscillator is granted is never more than it can. */
	load(&conf, "[global]\nholdover_drift_max 0.0001\n[eth0]\n");
	ensemble_config_fill_holdover(&h, &conf);
	assert_true(h.most_drift_ppb_per_s == 0.0001 && h.least_drift_ppb_per_s == 0.0001);
	conf_finish(&conf);
}

/* The delay that is measured in the mechanism's intervals, of whichever port has the longest. */
static void delay_memory(void **state)
{
	static const struct {
		const char *text;
		double seconds;
	} cases[] = {
		{ "[eth0]\n", 10 },
		{ "[global]\ndelay_mechanism P2P\nlogMinPdelayReqInterval 1\n[eth0]\n", 20 },
		{ "[global]\ndelay_mechanism E2E\nlogMinPdelayReqInterval 1\n[eth0]\n", 10 },
		/* It is either, and finds out which. */
		{ "[global]\ndelay_mechanism Auto\nlogMinPdelayReqInterval 1\n[eth0]\n", 20 },
		{ "[global]\ndelay_mechanism Auto\nlogMinDelayReqInterval 2\n[eth0]\n", 40 },
		{ "[eth0]\n[eth1]\ndelay_filter_length 30\n", 30 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct gnomon_ensemble_source s;
		struct conf conf;

		load(&conf, cases[i].text);
		ensemble_config_fill_ports(&s, &conf);
		if (s.delay_memory_s != cases[i].seconds) {
			fail_msg("%s: %g s", cases[i].text, s.delay_memory_s);
		}
		conf_finish(&conf);
	}
}

#define SOURCES                                                                                    \
	"[source a]\nsource_type ptp\nsource_interfaces eth1\nsource_priority 3\n"                 \
	"source_max_bound 500\nlogSyncInterval 4\n"                                                \
	"[source b]\nsource_type phc\nsource_device /dev/ptp7\nsource_interval 2\n"                \
	"[source c]\nsource_type pps\nsource_device /dev/pps0\n"                                   \
	"[source d]\nsource_type ntp\nsource_timeout 77\n"

static void sources(void **state)
{
	static const struct {
		unsigned int priority;
		double timeout_s;
		double max_bound_ns;
		double asymmetry_ns;
	} want[] = {
		{ 3, 30, 500, 40 }, { 128, 16, 0, -1 }, { 128, 5, 0, -1 }, { 128, 77, 0, -1 },
	};
	struct gnomon_ensemble_source s;
	struct conf conf;

	(void)state;
	load(&conf, "[global]\nports_priority 9\npath_asymmetry_bound 40\n[eth0]\n" SOURCES);
	assert_int_equal(conf.source_count, 4);
	for (size_t i = 0; i < 4; i++) {
		ensemble_config_fill_source(&s, &conf.sources[i]);
		assert_int_equal(s.source.priority, want[i].priority);
		assert_true(s.source.timeout_s == want[i].timeout_s);
		assert_true(s.source.max_bound_ns == want[i].max_bound_ns);
		assert_true(s.path_asymmetry_ns == want[i].asymmetry_ns);
	}
	ensemble_config_fill_ports(&s, &conf);
	assert_int_equal(s.source.priority, 9);
	assert_true(s.source.timeout_s == 30);
	conf_finish(&conf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/gnomond/ensemble_config/selection", selection, NULL, NULL, NULL },
		{ "/gnomond/ensemble_config/holdover", holdover, NULL, NULL, NULL },
		{ "/gnomond/ensemble_config/delay_memory", delay_memory, NULL, NULL, NULL },
		{ "/gnomond/ensemble_config/sources", sources, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests_name("/gnomond/ensemble_config", tests, NULL, NULL);
}
