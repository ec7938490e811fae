/* SPDX-License-Identifier: BSD-2-Clause */
#include "discipline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct gnomon_servo_ops *servo_of(const struct conf *conf)
{
	static const char name[] = "clock_servo";
	char label[32];

	return gnomon_servo_find(
		conf_label(conf_key_find(name, strlen(name)), conf->clock_servo, label));
}

/* The servo starts from the frequency the clock has: a restart need not learn it again. A clock
 * that cannot say its frequency is at 0 as far as anybody knows. */
static void configure_servo(struct gnomon_servo_config *s, const struct conf *c,
			    struct gnomon_clock *clock)
{
	const double max = c->max_frequency;

	gnomon_servo_config_default(s);
	(void)clock->ops->get_frequency(clock, &s->frequency_ppb);
	s->max_frequency_ppb =
		max > 0 && max < clock->max_frequency_ppb ? max : clock->max_frequency_ppb;
	s->first_step_threshold = c->first_step_threshold;
	s->step_threshold = c->step_threshold;
	s->pi_proportional_const = c->pi_proportional_const;
	s->pi_integral_const = c->pi_integral_const;
	s->pi_proportional_scale = c->pi_proportional_scale;
	s->pi_proportional_exponent = c->pi_proportional_exponent;
	s->pi_proportional_norm_max = c->pi_proportional_norm_max;
	s->pi_integral_scale = c->pi_integral_scale;
	s->pi_integral_exponent = c->pi_integral_exponent;
	s->pi_integral_norm_max = c->pi_integral_norm_max;
	s->offset_threshold_ns = c->servo_offset_threshold;
	s->num_offset_values = (unsigned int)c->servo_num_offset_values;
}

int discipline_configure(struct gnomon_discipline_config *config, const struct conf *conf,
			 struct gnomon_clock *clock)
{
	*config = (struct gnomon_discipline_config){
		.size = sizeof(*config),
		.servo = servo_of(conf),
		.free_running = conf->free_running,
		.step_window = (unsigned int)conf->step_window,
		.sanity_freq_limit_ppb = conf->sanity_freq_limit,
		.path_asymmetry_ns = conf->path_asymmetry_bound,
		.drift_ppb_per_s = conf->oscillator_drift_bound,
	};
	configure_servo(&config->servo_config, conf, clock);
	return config->servo ? 0 : -ENOENT;
}

int discipline_create(struct gnomon_discipline **discipline, void **memory,
		      const struct gnomon_discipline_config *config)
{
	const size_t size = gnomon_discipline_size(config);
	void *mem;
	int err;

	if (size == 0) {
		return -EINVAL;
	}
	mem = malloc(size);
	if (!mem) {
		return -ENOMEM;
	}
	err = gnomon_discipline_init(discipline, mem, size, config);
	if (err) {
		free(mem);
		return err;
	}
	*memory = mem;
	return 0;
}
