/* SPDX-License-Identifier: BSD-2-Clause */
#include "words.h"

#include <string.h>

/* In the order in which they are listed. */
static const struct sim_scenario *const groups[] = {
	sim_pair_scenarios,
	sim_clock_scenarios,
	sim_network_scenarios,
	sim_trouble_scenarios,
	sim_servo_scenarios,
	sim_sources_scenarios,
};

const struct sim_scenario *sim_scenario_at(unsigned int index)
{
	for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
		for (const struct sim_scenario *s = groups[g]; s->name; s++) {
			if (index-- == 0) {
				return s;
			}
		}
	}
	return NULL;
}

const struct sim_scenario *sim_scenario_find(const char *name)
{
	const struct sim_scenario *s;

	for (unsigned int i = 0; (s = sim_scenario_at(i)); i++) {
		if (strcmp(s->name, name) == 0) {
			return s;
		}
	}
	return NULL;
}
