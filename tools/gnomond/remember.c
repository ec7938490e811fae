/* SPDX-License-Identifier: BSD-2-Clause */
#include "remember.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "drivers/timer.h"

#define WRITE_NS (30 * (int64_t)GNOMON_NSEC_PER_SEC)

/* The first time, once a clock may have locked. */
#define FIRST_NS (5 * (int64_t)GNOMON_NSEC_PER_SEC)

/* The one before may still be on its way to the disk. */
#define RETRY_NS ((int64_t)GNOMON_NSEC_PER_SEC)

/* At the end a disk is given so long, and not more. */
#define FINISH_MS 2000

/* A frequency without a model is worth something for so long. */
#define FREQUENCY_AGE_S 3600.0

/* And so is the delay of a path: networks are rebuilt. */
#define DELAY_AGE_S 86400.0

/* -- reading ---------------------------------------------------------------------------------- */

/* The adjustment, at least: it may be all that a short run has learnt. */
static void give_back(struct remember *r)
{
	struct keeper *k = r->keeper;

	if (r->state.learnt) {
		k->model = &r->state.model;
		k->model_age_s = r->age_s;
	} else if (r->age_s < FREQUENCY_AGE_S) {
		k->start_frequency_ppb = r->state.frequency_ppb;
		k->has_start_frequency = true;
	}
	report_state_file(r->log, r->path, r->age_s, r->state.frequency_ppb, r->state.learnt);
}

int remember_load(struct remember *r, const struct conf *conf, struct keeper *keeper,
		  struct log *log, struct driver_error *error)
{
	struct driver_error why = { "" };
	struct state_stamp now;
	int err;

	memset(r, 0, sizeof(*r));
	if (!conf->state_file[0]) {
		return 0;
	}
	err = state_file_check(conf->state_file, error);
	err = err ? err : state_file_lock(conf->state_file, error);
	if (err) {
		return err;
	}
	state_stamp_now(&now);
	err = state_file_load(conf->state_file, keeper->clock->name, &now, &r->state, &r->age_s,
			      &why);
	if (err && err != -ENOENT && err != -EBADMSG) {
		return driver_fail(error, err, "%s", why.text);
	}
	r->path = conf->state_file;
	r->log = log;
	r->keeper = keeper;
	r->next = gnomon_mono_add(timer_now(), FIRST_NS);
	r->found = err == 0;
	if (err == -EBADMSG) {
		report_trouble(log, why.text);
	} else if (r->found) {
		give_back(r);
	}
	return 0;
}

double remember_delay(const struct remember *r)
{
	return r->found && r->age_s < DELAY_AGE_S ? r->state.mean_delay_ns : 0.0;
}

/* -- writing ---------------------------------------------------------------------------------- */

/* The delay is of the ports of the file, which are the ones that get it back. */
static void fill_source(const struct keeper *k, struct state *state)
{
	const struct keeper_source *source = keeper_reference(k);
	struct gnomon_ensemble_view view;

	snprintf(state->grandmaster, sizeof(state->grandmaster), "%s", source->gm);
	if (!source->conf) {
		gnomon_ensemble_source_view(k->ensemble, (unsigned int)(source - k->sources),
					    &view);
		state->mean_delay_ns = view.mean_delay_ns > 0 ? view.mean_delay_ns : 0.0;
	}
}

/* False: there is nothing worth it, and what is there may be worth more. */
static bool fill(struct remember *r, gnomon_mono now)
{
	const struct keeper *k = r->keeper;
	struct gnomon_estimate estimate;
	struct state *state = &r->state;

	gnomon_ensemble_estimate(k->ensemble, now, &estimate);
	if (!keeper_reference(k) || !estimate.valid || estimate.state == GNOMON_SERVO_UNLOCKED) {
		return false;
	}
	*state = (struct state){ .frequency_ppb = k->frequency_ppb };
	snprintf(state->clock, sizeof(state->clock), "%s", k->clock->name);
	state_stamp_now(&state->at);
	fill_source(k, state);
	state->learnt = gnomon_ensemble_model(k->ensemble, now, &state->model) == 0;
	return true;
}

/* Once for as long as it lasts. */
static void tell(struct remember *r, int err)
{
	char text[200];

	if (err && err != -EAGAIN && err != r->told) {
		snprintf(text, sizeof(text), "state_file %s: cannot be written: %s", r->path,
			 driver_strerror(err));
		report_trouble(r->log, text);
	}
	if (err != -EAGAIN) {
		r->told = err;
	}
}

/* Whoever stops the daemon waits as well. */
static void tell_left(const struct remember *r)
{
	char text[200];

	snprintf(text, sizeof(text), "state_file %.120s: not written within %d s; process %ld is "
		 "left to it", r->path, FINISH_MS / 1000, (long)r->writer.child);
	report_trouble(r->log, text);
}

/* A disk may take its time, which the loop has not: a child waits for it. */
gnomon_mono remember_expire(struct remember *r, gnomon_mono now)
{
	if (!r->path) {
		return GNOMON_MONO_NEVER;
	}
	if (!gnomon_mono_before(now, r->next)) {
		tell(r, state_writer_poll(&r->writer));
		r->next = gnomon_mono_add(now, WRITE_NS);
		if (fill(r, now) && state_writer_begin(&r->writer, r->path, &r->state) == -EBUSY) {
			r->next = gnomon_mono_add(now, RETRY_NS);
		}
	}
	return r->next;
}

void remember_finish(struct remember *r, gnomon_mono now)
{
	int err;

	if (!r->path) {
		return;
	}
	err = state_writer_wait(&r->writer, FINISH_MS);
	if (err != -EAGAIN && fill(r, now)) {
		err = state_writer_begin(&r->writer, r->path, &r->state);
		err = err ? err : state_writer_wait(&r->writer, FINISH_MS);
	}
	if (err == -EAGAIN) {
		tell_left(r);
	}
	tell(r, err);
}
