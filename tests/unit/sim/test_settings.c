/* SPDX-License-Identifier: BSD-2-Clause */
/* The text that configures a simulated node. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "tests/sim/settings.h"

static void values(void **state)
{
	struct settings s;
	char why[120] = "";

	settings_default(&s);
	assert_int_equal(s.ports[0].delay_mechanism, GNOMON_DELAY_E2E);
	assert_string_equal(s.ports[0].delay_filter->name, "moving_median");
	assert_int_equal(settings_apply(&s, " delay_mechanism=P2P  logSyncInterval=-3\tpriority1=7 "
					"twoStepFlag=0 step_threshold=0.5 clockAccuracy=0x21 "
					"delayAsymmetry=-1.5 delay_filter=moving_average",
					why, sizeof(why)), 0);
	assert_int_equal(s.ports[7].delay_mechanism, GNOMON_DELAY_P2P);
	assert_int_equal(s.ports[0].log_sync_interval, -3);
	assert_int_equal(s.engine.priority1, 7);
	assert_true(s.ports[0].one_step_sync);
	assert_true(s.discipline.servo_config.step_threshold == 0.5);
	assert_int_equal(s.engine.clock_quality.clock_accuracy, 0x21);
	assert_int_equal(s.ports[3].delay_asymmetry.ns, -2);
	assert_int_equal(s.ports[3].delay_asymmetry.frac, 0x8000);
	assert_string_equal(s.ports[0].delay_filter->name, "moving_average");
	assert_int_equal(settings_apply(&s, NULL, why, sizeof(why)), 0);
}

static void one_port(void **state)
{
	struct settings s;
	char why[120] = "";

	settings_default(&s);
	assert_int_equal(settings_apply(&s, "2:serverOnly=1", why, sizeof(why)), 0);
	assert_false(s.ports[0].time_transmitter_only);
	assert_true(s.ports[1].time_transmitter_only);
	assert_false(s.ports[2].time_transmitter_only);
}

static void refusals(void **state)
{
	static const char *const bad[] = {
		"nonsense=1", "priority1", "priority1=256", "priority1=-1", "priority1=", "=1",
		"priority1=1x", "logSyncInterval=128", "twoStepFlag=2", "delay_mechanism=X",
		"delay_filter=none", "clock_servo=none", "step_threshold=nan", "0:serverOnly=1",
		"9:serverOnly=1", "1:priority1=1", "x:serverOnly=1",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct settings s;
		char why[120] = "";

		settings_default(&s);
		assert_int_equal(settings_apply(&s, bad[i], why, sizeof(why)), -EINVAL);
		assert_true(strlen(why) > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/sim/settings/values", values, NULL, NULL, NULL },
		{ "/sim/settings/one_port", one_port, NULL, NULL, NULL },
		{ "/sim/settings/refusals", refusals, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
