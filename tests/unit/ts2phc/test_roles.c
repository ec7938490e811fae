/* SPDX-License-Identifier: BSD-2-Clause */
/* Which clock is followed: tools/ts2phc/roles.h, for all states of up to three clocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tools/ts2phc/roles.h"

#define RECEIVER GNOMON_PORT_TIME_RECEIVER
#define TRANSMITTER GNOMON_PORT_TIME_TRANSMITTER
#define CALIBRATING GNOMON_PORT_UNCALIBRATED

static enum role_choice choose(int a, int b, int c, bool external, int *reference,
			       bool targets[3])
{
	struct role roles[3] = { { "a", a, true }, { "b", b, true }, { "c", c, true } };
	enum role_choice choice = role_choose(roles, 3, external, reference);

	for (int i = 0; i < 3; i++) {
		targets[i] = roles[i].target;
	}
	return choice;
}

static void known_cases(void **state)
{
	bool t[3];
	int r;

	(void)state;
	assert_int_equal(choose(TRANSMITTER, RECEIVER, TRANSMITTER, false, &r, t), ROLE_CHOSEN);
	assert_int_equal(r, 1);
	assert_true(t[0] && !t[1] && t[2]);
	assert_int_equal(choose(TRANSMITTER, CALIBRATING, TRANSMITTER, false, &r, t),
			 ROLE_NOT_READY);
	assert_int_equal(r, -1);
	assert_int_equal(choose(RECEIVER, CALIBRATING, 0, false, &r, t), ROLE_SEVERAL);
	assert_int_equal(choose(0, TRANSMITTER, TRANSMITTER, false, &r, t), ROLE_DEFAULT);
	assert_int_equal(r, 1);
	assert_true(t[0] && !t[1] && t[2]);
	assert_int_equal(choose(0, 0, 0, false, &r, t), ROLE_NOTHING);
	assert_int_equal(choose(RECEIVER, TRANSMITTER, 0, true, &r, t), ROLE_EXTERNAL);
	assert_true(!t[0] && t[1] && t[2]);
}

/* A clock that follows the network is never kept by a clock outside; the one that is followed is
 * never kept; and there is one exactly where it says so. */
static void all_cases(void **state)
{
	(void)state;
	for (int n = 0; n < 2000; n++) {
		const int s[3] = { n % 10, n / 10 % 10, n / 100 % 10 };
		const bool external = n >= 1000;
		enum role_choice choice;
		bool t[3];
		int r;

		choice = choose(s[0], s[1], s[2], external, &r, t);
		assert_int_equal(r >= 0, choice == ROLE_CHOSEN || choice == ROLE_DEFAULT);
		assert_int_equal(choice == ROLE_EXTERNAL, external);
		assert_true(r < 3 && (r < 0 || !t[r]));
		assert_true(r < 0 || s[r] != 0);
		for (int i = 0; i < 3; i++) {
			if (s[i] == RECEIVER && choice == ROLE_CHOSEN) {
				assert_int_equal(i, r);
			}
			assert_false(external && t[i] && s[i] >= CALIBRATING);
			/* A clock without a port is kept as it was. */
			assert_true(s[i] != 0 || t[i]);
		}
	}
}

static void states(void **state)
{
	(void)state;
	assert_int_equal(role_state(9), RECEIVER);
	assert_int_equal(role_state(10), TRANSMITTER);
	assert_int_equal(role_state(0), 0);
	assert_int_equal(role_state(11), 0);
	assert_int_equal(role_foremost(TRANSMITTER, RECEIVER), RECEIVER);
	for (int i = 0; i <= ROLE_NOTHING; i++) {
		assert_true(strlen(role_choice_text((enum role_choice)i)) > 10);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/ts2phc/roles/known_cases", known_cases, NULL, NULL, NULL },
		{ "/ts2phc/roles/all_cases", all_cases, NULL, NULL, NULL },
		{ "/ts2phc/roles/states", states, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
