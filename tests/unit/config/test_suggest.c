/* SPDX-License-Identifier: BSD-2-Clause */
/* Names nearly right lead to the right ones, others to none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "tools/config/config.h"
#include "tools/config/suggest.h"

static const char *best_of(const char *name, enum suggest_where where)
{
	struct suggest s;

	suggest_init(&s, name, strlen(name));
	suggest_keys(&s, where);
	return suggest_best(&s);
}

static void slips(void **state)
{
	static const char *const rows[][2] = {
		{ "priorty1", "priority1" },
		{ "prioirty2", "priority2" },
		{ "PRIORITY1", "priority1" },
		{ "domain_number", "domainNumber" },
		{ "logSyncIntervall", "logSyncInterval" },
		{ "netwrok_transport", "network_transport" },
		{ "slaveonly", "slaveOnly" },
		{ "step_treshold", "step_threshold" },
		{ "summary", "summary_interval" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *best = best_of(rows[i][0], SUGGEST_IN_FILE);

		assert_non_null(best);
		assert_string_equal(best, rows[i][1]);
	}
}

static void strangers(void **state)
{
	static const char *const names[] = { "", "x", "no", "bogus", "verbosity_of_it_all", "=" };
	char longest[200];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_null(best_of(names[i], SUGGEST_IN_FILE));
	}
	memset(longest, 'p', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_null(best_of(longest, SUGGEST_IN_FILE));
}

/* Keys of other programs are named only where they are taken. */
static void others(void **state)
{
	assert_string_equal(best_of("ts2phc.pulserat", SUGGEST_OPTION), "ts2phc.pulserate");
	assert_null(best_of("ts2phc.pulserat", SUGGEST_DAEMON_OPTION));
	/* What belongs to a section with a name is no option at all. */
	assert_string_equal(best_of("sync_sinc", SUGGEST_IN_FILE), "sync_sink");
	assert_null(best_of("sync_sinc", SUGGEST_OPTION));
}

/* Every key with a letter left out, doubled, or swapped with the next leads to some key as near;
 * with nothing changed, to itself. */
static void every_key(void **state)
{
	for (size_t i = 0; i < conf_table_len; i++) {
		const char *name = conf_table[i].name;
		const size_t len = strlen(name);

		assert_string_equal(best_of(name, SUGGEST_IN_FILE), name);
		for (size_t at = i % 4; at + 1 < len; at += 4) {
			char slip[80];

			snprintf(slip, sizeof(slip), "%.*s%s", (int)at, name, name + at + 1);
			assert_non_null(best_of(slip, SUGGEST_IN_FILE));
			snprintf(slip, sizeof(slip), "%.*s%s", (int)at + 1, name, name + at);
			assert_non_null(best_of(slip, SUGGEST_IN_FILE));
			snprintf(slip, sizeof(slip), "%s", name);
			slip[at] = name[at + 1];
			slip[at + 1] = name[at];
			assert_non_null(best_of(slip, SUGGEST_IN_FILE));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/config/suggest/slips", slips, NULL, NULL, NULL },
		{ "/config/suggest/strangers", strangers, NULL, NULL, NULL },
		{ "/config/suggest/others", others, NULL, NULL, NULL },
		{ "/config/suggest/every_key", every_key, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests_name("config/suggest", tests, NULL, NULL);
}
