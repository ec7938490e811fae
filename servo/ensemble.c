/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ensemble: every source has an estimator that watches the clock against it, whether it is
 * followed or not; the discipline works with that of the followed one. So a hand-over changes what
 * is claimed in an instant and what the clock does hardly at all. The rules are in docs/SERVO.md.
 */
#include <errno.h>
#include <math.h>
#include <stddef.h>

#include "servo/ensemble.h"

#define HOLDOVER_INTERVAL_S 10.0

/* The oscillator is learnt from so many memories of the delay filter after the clock has locked. */
#define LEARN_MEMORIES 3.0

/* Before the sources are compared each must have told the clock's rate against it. */
#define SAMPLES_FIRST 2

/* A source is not silent before so many of its intervals, of which the longest is never. */
#define SILENT_INTERVALS 4.0
#define SILENT_MAX_S 1e9

/* A restored model is on trial until so many samples of the noise are known. Until then an offset
 * farther from the expected one than so many path delays, and so many ns, contradicts it. */
#define TRIAL_DELAYS 20.0
#define TRIAL_NS 1000.0

/* -- life ------------------------------------------------------------------------------------- */

static size_t discipline_offset(unsigned int count)
{
	size_t align = _Alignof(max_align_t);
	size_t size = sizeof(struct gnomon_ensemble) + count * sizeof(struct source);

	return (size + align - 1) / align * align;
}

static bool in_range(double value, double most)
{
	return value >= 0.0 && value <= most; /* false for NaN */
}

static bool config_ok(const struct gnomon_ensemble_config *c)
{
	if (c->size != sizeof(*c) || !c->discipline || !c->sources || c->source_count < 1 ||
	    c->source_count > GNOMON_SELECT_SOURCES || !in_range(c->holdover_interval_s, 1e6)) {
		return false;
	}
	for (unsigned int i = 0; i < c->source_count; i++) {
		if (!(fabs(c->sources[i].path_asymmetry_ns) <= 1e18) ||
		    !in_range(c->sources[i].delay_memory_s, 1e9)) {
			return false;
		}
	}
	return !c->model || (gnomon_holdover_model_ok(c->model) && in_range(c->model_age_s, 1e12));
}

size_t gnomon_ensemble_size(const struct gnomon_ensemble_config *config)
{
	size_t rest = config_ok(config) ? gnomon_discipline_size(config->discipline) : 0;

	return rest > 0 ? discipline_offset(config->source_count) + rest : 0;
}

/* Where there is one source there is nothing to wait for and nobody to ask. */
static int init_select(struct gnomon_ensemble *e, const struct gnomon_ensemble_config *c)
{
	struct gnomon_select_config select;
	int err;

	gnomon_select_config_default(&select);
	if (c->select) {
		select = *c->select;
	}
	if (c->source_count == 1) {
		select.fail_limit = 1;
		select.recover_s = 0.0;
		select.settle_s = 0.0;
	}
	err = gnomon_select_init(&e->select, &select);
	for (unsigned int i = 0; err >= 0 && i < c->source_count; i++) {
		err = gnomon_select_add(&e->select, &c->sources[i].source);
	}
	return err < 0 ? err : 0;
}

static void init_sources(struct gnomon_ensemble *e, const struct gnomon_ensemble_config *c)
{
	struct gnomon_discipline_config d = *c->discipline;

	for (unsigned int i = 0; i < c->source_count; i++) {
		e->sources[i] = (struct source){
			.timeout_s = c->sources[i].source.timeout_s,
			.interval_s = 1.0,
			.compared = c->source_count > 1 || c->sources[i].source.max_bound_ns > 0.0,
			.doubt = { .bound_ns = 1.0 },
		};
		d.path_asymmetry_ns = c->sources[i].path_asymmetry_ns;
		d.delay_memory_s = c->sources[i].delay_memory_s;
		estimator_init(&e->sources[i].estimator, &d);
	}
	e->lost = e->sources[0].estimator;
	e->untaught = e->lost;
}

static void restore_model(struct gnomon_ensemble *e, const struct gnomon_ensemble_config *c)
{
	if (!c->model || !discipline_can_start(e->discipline)) {
		return;
	}
	e->model = *c->model;
	gnomon_holdover_model_age(&e->model, c->model_age_s);
	e->restored = true;
	e->trial = true;
	e->start = true;
}

int gnomon_ensemble_init(struct gnomon_ensemble **e, void *mem, size_t len,
			 const struct gnomon_ensemble_config *config, gnomon_mono now)
{
	size_t need = gnomon_ensemble_size(config);
	struct gnomon_ensemble *self = mem;
	size_t offset;
	int err;

	if (need == 0) {
		return -EINVAL;
	}
	if (len < need) {
		return -ENOBUFS;
	}
	*self = (struct gnomon_ensemble){
		.count = config->source_count,
		.interval_s = config->holdover_interval_s > 0.0 ? config->holdover_interval_s
								: HOLDOVER_INTERVAL_S,
		.followed = -1,
		.carried = now,
		.model_at = now,
		.next = GNOMON_MONO_NEVER,
	};
	offset = discipline_offset(self->count);
	err = gnomon_discipline_init(&self->discipline, (char *)mem + offset, len - offset,
				     config->discipline);
	err = err ? err : init_select(self, config);
	err = err ? err : gnomon_holdover_init(&self->holdover, config->holdover, now);
	if (err) {
		return err;
	}
	init_sources(self, config);
	restore_model(self, config);
	discipline_use(self->discipline, &self->lost);
	*e = self;
	return 0;
}

/* -- what is commanded ------------------------------------------------------------------------ */

/* The estimator that the discipline works with, and tells of its commands. */
static struct estimator *current(struct gnomon_ensemble *e)
{
	return e->followed >= 0 ? &e->sources[e->followed].estimator : &e->lost;
}

/* The discipline has decided: everybody else learns of it. *command is all of this event so far. */
static void spread(struct gnomon_ensemble *e, const struct gnomon_discipline_command *decided,
		   gnomon_mono now, struct gnomon_discipline_command *command)
{
	struct gnomon_discipline_command all = *decided;

	for (unsigned int i = 0; i < e->count; i++) {
		struct estimator *other = &e->sources[i].estimator;

		if (other != current(e)) {
			estimator_command(other, decided, now);
			estimator_tell_ratio(other, decided->rate_ratio);
		}
	}
	estimator_command(&e->untaught, decided, now);
	estimator_tell_ratio(&e->untaught, decided->rate_ratio);
	if (decided->step) {
		gnomon_select_moved(&e->select, gnomon_span_to_double(decided->step_by), 0.0);
	}
	if (command->set_frequency && !all.set_frequency) {
		all.set_frequency = true;
		all.frequency_ppb = command->frequency_ppb;
	}
	if (command->step) {
		all.step = true;
		all.step_by = command->step_by;
	}
	all.insane = all.insane || command->insane;
	*command = all;
}

static void nothing(const struct gnomon_ensemble *e, struct gnomon_discipline_command *command)
{
	discipline_nothing(e->discipline, command);
}

/* -- what is known of the oscillator ---------------------------------------------------------- */

/* The rate error of an oscillator that needs this adjustment. */
static double natural_ppb(double needed_ppb)
{
	return (1.0 / (1.0 + needed_ppb * 1e-9) - 1.0) * 1e9;
}

/* What a model that was made then says of it at now. */
static void model_rate(const struct gnomon_holdover_model *model, gnomon_mono then,
		       gnomon_mono now, double *e_ppb, double *error_ppb)
{
	double elapsed_s = ensemble_seconds(now, then);

	elapsed_s = elapsed_s > 0.0 ? elapsed_s : 0.0;
	*e_ppb = natural_ppb(gnomon_holdover_frequency(model, elapsed_s));
	*error_ppb = gnomon_holdover_frequency_error(model, elapsed_s);
}

/* Learnt in this run if that is enough, else restored. As it is worth at now. */
static int known_model(const struct gnomon_ensemble *e, gnomon_mono now,
		       struct gnomon_holdover_model *model)
{
	const struct gnomon_holdover *h = &e->holdover;
	double age_s = h->filling ? ensemble_seconds(now, h->bin_from)
				  : ensemble_seconds(now, h->at) + h->width_s;

	if (e->mode == GNOMON_ENSEMBLE_HOLDOVER || gnomon_holdover_model(h, model) != 0) {
		if (e->mode != GNOMON_ENSEMBLE_HOLDOVER && !e->restored) {
			return -ENODATA;
		}
		*model = e->model;
		age_s = ensemble_seconds(now, e->model_at);
	}
	gnomon_holdover_model_age(model, age_s > 0.0 ? age_s : 0.0);
	return 0;
}

int gnomon_ensemble_model(const struct gnomon_ensemble *e, gnomon_mono now,
			  struct gnomon_holdover_model *model)
{
	return known_model(e, now, model);
}

/* The frequency of the model, NAN if there is none. */
static double model_frequency(const struct gnomon_ensemble *e, gnomon_mono now)
{
	struct gnomon_holdover_model model;

	return known_model(e, now, &model) == 0 ? model.frequency_ppb : (double)NAN;
}

/* What was measured while the clock's rate was wrong is worth nothing: it is in the delays for as
 * long as their filter remembers it, and after that offsets move that the clock does not make. */
static bool worth_learning(struct gnomon_ensemble *e, enum gnomon_servo_state state,
			   gnomon_mono now)
{
	const struct estimator *estimator = current(e);
	bool locked = state == GNOMON_SERVO_LOCKED || state == GNOMON_SERVO_LOCKED_STABLE;

	if (locked && !e->locked) {
		e->locked_at = now;
	}
	e->locked = locked;
	return locked && estimator_experienced(estimator) &&
	       ensemble_seconds(now, e->locked_at) > LEARN_MEMORIES * estimator->delay_memory_s;
}

/* After every sample and command. The oscillator is learnt against one source at a time. */
static void learn(struct gnomon_ensemble *e, gnomon_mono now)
{
	struct gnomon_estimate estimate;

	if (e->mode != GNOMON_ENSEMBLE_FOLLOWING) {
		return;
	}
	gnomon_discipline_estimate(e->discipline, now, &estimate);
	if (worth_learning(e, estimate.state, now)) {
		gnomon_holdover_learn(&e->holdover, &estimate, now);
	} else {
		gnomon_holdover_gap(&e->holdover);
	}
}

/* -- the clock's motion ----------------------------------------------------------------------- */

/* The best there is: of the followed source, or of the one that knows best. */
static void natural_rate(const struct gnomon_ensemble *e, gnomon_mono now, double *e_ppb,
			 double *error_ppb)
{
	double rate;
	double error;

	*e_ppb = 0.0;
	*error_ppb = ESTIMATOR_UNKNOWN_PPB;
	for (unsigned int i = 0; i < e->count; i++) {
		if (estimator_natural(&e->sources[i].estimator, now, &rate, &error) &&
		    error < *error_ppb) {
			*e_ppb = rate;
			*error_ppb = error;
		}
	}
}

/* Everything that was reported is brought up to now. */
static void carry(struct gnomon_ensemble *e, gnomon_mono now)
{
	double seconds = ensemble_seconds(now, e->carried);
	struct gnomon_discipline_command command;
	double rate;
	double error;

	if (e->count == 1 || !(seconds > 0.0)) {
		return;
	}
	e->carried = now;
	nothing(e, &command);
	natural_rate(e, now, &rate, &error);
	if (error < ESTIMATOR_UNKNOWN_PPB) {
		rate += command.frequency_ppb + rate * command.frequency_ppb * 1e-9;
	}
	gnomon_select_moved(&e->select, rate * seconds, error * seconds);
}

/* -- who is followed -------------------------------------------------------------------------- */

/* Alone, a source is not held against the clock: nobody could tell who is right. The clock is the
 * witness of what it was, so what the sources hold it to be now does not count. */
static void tell_own_bound(struct gnomon_ensemble *e, gnomon_mono now)
{
	struct gnomon_estimate own;

	if (e->count > 1) {
		if (e->mode == GNOMON_ENSEMBLE_FOLLOWING) {
			gnomon_discipline_estimate(e->discipline, now, &own);
			ensemble_doubt(e, now, &own);
		} else {
			gnomon_ensemble_estimate(e, now, &own);
		}
		gnomon_select_own_bound(&e->select, own.valid ? own.bound_ns : 0.0, now);
	}
}

static void follow(struct gnomon_ensemble *e, int source)
{
	e->followed = source;
	e->mode = GNOMON_ENSEMBLE_FOLLOWING;
	e->next = GNOMON_MONO_NEVER;
	if (e->trial) {
		/* By the other source's path and asymmetry, and nothing else. */
		e->untaught.path_asymmetry_ns = current(e)->path_asymmetry_ns;
		e->untaught.delay_memory_s = current(e)->delay_memory_s;
		estimator_reset(&e->untaught);
	}
	discipline_use(e->discipline, current(e));
	gnomon_discipline_sync_interval(e->discipline, e->sources[source].interval_s);
	gnomon_holdover_gap(&e->holdover);
}

/* The frequency that the oscillator is expected to need by now. */
static void hold_over(struct gnomon_ensemble *e, gnomon_mono now,
		      struct gnomon_discipline_command *command)
{
	double elapsed_s = ensemble_seconds(now, e->model_at);
	struct gnomon_discipline_command decided;

	discipline_start(e->discipline, gnomon_holdover_frequency(&e->model, elapsed_s), now,
			 &decided);
	spread(e, &decided, now, command);
	e->next = gnomon_mono_add(now, (int64_t)(e->interval_s * 1e9));
}

static void lose(struct gnomon_ensemble *e, gnomon_mono now,
		 struct gnomon_discipline_command *command)
{
	struct gnomon_discipline_command decided;
	struct gnomon_holdover_model model;
	struct gnomon_estimate estimate;
	int err = known_model(e, now, &model);

	gnomon_ensemble_estimate(e, now, &estimate);
	/* What is on trial does not speak for the clock once nobody can contradict it. */
	e->lost = e->trial ? e->untaught : *current(e);
	e->followed = -1;
	discipline_use(e->discipline, &e->lost);
	gnomon_holdover_gap(&e->holdover);
	if (!estimate.valid) {
		e->mode = GNOMON_ENSEMBLE_NONE;
		return;
	}
	e->lost_bound_ns = estimate.bound_ns;
	e->lost_offset_ns = estimate.offset_ns;
	if (err == 0 && !e->trial && discipline_can_start(e->discipline)) {
		e->mode = GNOMON_ENSEMBLE_HOLDOVER;
		e->model = model;
		e->model_at = now;
		hold_over(e, now, command);
		return;
	}
	e->mode = GNOMON_ENSEMBLE_FREE;
	gnomon_discipline_coast(e->discipline, now, &decided);
	spread(e, &decided, now, command);
}

/* Do what the selection has decided. */
static void settle(struct gnomon_ensemble *e, gnomon_mono now,
		   struct gnomon_discipline_command *command)
{
	int selected = gnomon_select_selected(&e->select);

	if (selected == e->followed) {
		return;
	}
	if (selected >= 0) {
		follow(e, selected);
	} else {
		lose(e, now, command);
	}
}

/* -- a restored model on trial ---------------------------------------------------------------- */

/* The clock was somebody else's, or the file was: what was believed of it is not true. */
static void forget_model(struct gnomon_ensemble *e)
{
	e->restored = false;
	e->trial = false;
	for (unsigned int i = 0; i < e->count; i++) {
		estimator_reset(&e->sources[i].estimator);
	}
	discipline_restart(e->discipline);
}

/* Is the clock where it must be if the model is true? */
static bool contradicts(const struct gnomon_ensemble *e, const struct source *s,
			const struct gnomon_discipline_sample *sample, gnomon_mono now)
{
	double allowed = TRIAL_NS + TRIAL_DELAYS * fabs(gnomon_span_to_double(sample->mean_delay));
	struct gnomon_estimate expected;

	estimator_read(&s->estimator, now, &expected);
	if (!expected.valid) {
		return false;
	}
	allowed += 2.0 * e->model.frequency_error_ppb * ensemble_seconds(now, s->estimator.at);
	return fabs(gnomon_span_to_double(sample->offset) - expected.offset_ns) > allowed;
}

/* With experience the frequency itself is known. */
static void end_trial(struct gnomon_ensemble *e, const struct source *s, gnomon_mono now,
		      struct gnomon_discipline_command *command)
{
	struct gnomon_discipline_command decided;
	double believed;
	double belief_error;
	double rate;
	double error;

	if (!estimator_experienced(&s->estimator)) {
		return;
	}
	e->trial = false;
	model_rate(&e->model, e->model_at, now, &believed, &belief_error);
	(void)estimator_natural(&s->estimator, now, &rate, &error);
	if (fabs(rate - believed) > belief_error + error) {
		e->restored = false;
		discipline_start(e->discipline, estimator_needed_ppb(&s->estimator), now, &decided);
		spread(e, &decided, now, command);
	}
}

/* -- samples ---------------------------------------------------------------------------------- */

/* Give the restored frequency to the clock before anything else. */
static void start(struct gnomon_ensemble *e, gnomon_mono now,
		  struct gnomon_discipline_command *command)
{
	if (e->start) {
		e->start = false;
		e->started = true;
		hold_over(e, now, command);
		e->next = GNOMON_MONO_NEVER;
	}
}

/* A source that was silent is met anew, with what is known of the oscillator if nothing else tells:
 * the gap says nothing of its noise. */
static void meet(struct gnomon_ensemble *e, struct source *s, gnomon_mono now)
{
	double rate = 0.0;
	double error = ESTIMATOR_UNKNOWN_PPB;

	if (s->measured && ensemble_seconds(now, s->at) <= s->timeout_s) {
		return;
	}
	if (e->mode == GNOMON_ENSEMBLE_HOLDOVER ||
	    (e->mode == GNOMON_ENSEMBLE_NONE && e->restored)) {
		model_rate(&e->model, e->model_at, now, &rate, &error);
	} else if (e->mode == GNOMON_ENSEMBLE_FREE) {
		(void)estimator_natural(&e->lost, now, &rate, &error);
	}
	estimator_reset(&s->estimator);
	estimator_know(&s->estimator, rate, error);
}

/* What this sample says of its source; nothing while too little is known of the clock's rate. */
static void report(struct gnomon_ensemble *e, unsigned int index,
		   const struct gnomon_discipline_sample *sample, gnomon_mono now)
{
	struct source *s = &e->sources[index];
	const struct gnomon_source_report r = {
		.usable = true,
		.offset_ns = gnomon_span_to_double(sample->offset),
		.bound_ns = s->doubt.bound_ns,
	};
	double rate;
	double error;

	if (e->count > 1 && s->estimator.track.samples < SAMPLES_FIRST &&
	    !estimator_natural(&s->estimator, now, &rate, &error)) {
		gnomon_select_alive(&e->select, index, now);
	} else {
		gnomon_select_report(&e->select, index, &r, now);
	}
}

/* A weight outside (0..1] is a caller's mistake. */
static double trusted(double weight)
{
	return weight > 1e-3 && weight <= 1.0 ? weight : weight > 1.0 ? 1.0 : 1e-3;
}

/* Of a source that is not followed. One that is, but said something bad, is not learnt from: what
 * the clock claims rests on it. */
static void watch(struct gnomon_ensemble *e, unsigned int index,
		  const struct gnomon_discipline_sample *sample, gnomon_mono now,
		  struct gnomon_discipline_command *command)
{
	struct estimator *estimator = &e->sources[index].estimator;

	if ((int)index != e->followed) {
		estimator_sample(estimator, sample, trusted(sample->weight), now);
	}
	if (e->mode == GNOMON_ENSEMBLE_NONE) {
		/* Delays are measured better if the clock's rate is told, whoever knows it. */
		command->rate_ratio = estimator_rate_ratio(estimator);
	}
	estimator_tell_ratio(estimator, command->rate_ratio);
	command->ignored = true;
}

static void use(struct gnomon_ensemble *e, const struct gnomon_discipline_sample *sample,
		gnomon_mono now, struct gnomon_discipline_command *command)
{
	struct gnomon_discipline_command decided;
	struct source *s = &e->sources[e->followed];
	double correction_ns = gnomon_select_correction(&e->select, now);

	if (e->trial && contradicts(e, s, sample, now)) {
		forget_model(e);
	}
	if (e->trial) {
		e->untaught.interval_s = s->interval_s;
		estimator_sample(&e->untaught, sample, trusted(sample->weight), now);
	}
	discipline_sample(e->discipline, sample, gnomon_span_from_double(correction_ns), now,
			  &decided);
	if (decided.insane) {
		for (unsigned int i = 0; i < e->count; i++) {
			if ((int)i != e->followed) {
				estimator_reset(&e->sources[i].estimator);
			}
		}
		estimator_reset(&e->untaught);
		gnomon_select_forget(&e->select);
		gnomon_holdover_gap(&e->holdover);
	}
	spread(e, &decided, now, command);
	if (e->trial) {
		end_trial(e, s, now, command);
	}
}

static struct gnomon_discipline_sample sane(const struct gnomon_discipline_sample *sample)
{
	struct gnomon_discipline_sample s = *sample;

	if (!in_range(s.reference_bound_ns, 1e18)) {
		s.reference_bound_ns = -1.0;
	}
	return s;
}

bool gnomon_ensemble_sample(struct gnomon_ensemble *e, unsigned int source,
			    const struct gnomon_discipline_sample *sample, gnomon_mono now,
			    struct gnomon_discipline_command *command)
{
	struct gnomon_discipline_sample s = sane(sample);
	struct source *from;
	bool used;

	nothing(e, command);
	command->ignored = true;
	if (source >= e->count) {
		return false;
	}
	from = &e->sources[source];
	carry(e, now);
	start(e, now, command);
	meet(e, from, now);
	if (from->compared) {
		estimator_doubt(&from->estimator, &s, &from->doubt);
	}
	tell_own_bound(e, now);
	report(e, source, &s, now);
	from->measured = true;
	from->at = now;
	from->last = s;
	settle(e, now, command);
	used = gnomon_select_uses(&e->select, source);
	if (used) {
		use(e, &s, now, command);
	} else {
		watch(e, source, &s, now, command);
	}
	learn(e, now);
	return used;
}

/* -- without samples -------------------------------------------------------------------------- */

void gnomon_ensemble_alarm(struct gnomon_ensemble *e, unsigned int source, gnomon_mono now,
			   struct gnomon_discipline_command *command)
{
	const struct gnomon_source_report alarm = { .usable = false };

	nothing(e, command);
	if (source >= e->count) {
		return;
	}
	carry(e, now);
	tell_own_bound(e, now);
	/* It is no measurement that may have gone wrong: no need to say it again. */
	for (unsigned int i = 0; i < e->select.config.fail_limit; i++) {
		gnomon_select_report(&e->select, source, &alarm, now);
		if (gnomon_select_state(&e->select, source) == GNOMON_SOURCE_ALARM) {
			break;
		}
	}
	settle(e, now, command);
}

void gnomon_ensemble_suspend(struct gnomon_ensemble *e, unsigned int source, gnomon_mono now,
			     struct gnomon_discipline_command *command)
{
	struct gnomon_discipline_command decided;

	nothing(e, command);
	command->ignored = true;
	if (source >= e->count) {
		return;
	}
	carry(e, now);
	gnomon_select_alive(&e->select, source, now);
	if (e->mode == GNOMON_ENSEMBLE_FOLLOWING) {
		discipline_coast(e->discipline, model_frequency(e, now), now, &decided);
		spread(e, &decided, now, command);
		command->ignored = true;
		learn(e, now);
	}
}

/* Who sends rarely is not silent in between. */
static void be_patient(struct gnomon_ensemble *e, unsigned int source, double timeout_s)
{
	double most = timeout_s < SILENT_MAX_S ? timeout_s : SILENT_MAX_S;

	if (most > e->sources[source].timeout_s) {
		e->sources[source].timeout_s = most;
		gnomon_select_patience(&e->select, source, most);
	}
}

void gnomon_ensemble_sync_interval(struct gnomon_ensemble *e, unsigned int source,
				   double seconds)
{
	if (source >= e->count || !(seconds > 0.0)) {
		return;
	}
	e->sources[source].interval_s = seconds;
	e->sources[source].estimator.interval_s = seconds;
	be_patient(e, source, SILENT_INTERVALS * seconds);
	if (e->count == 1 || (int)source == e->followed) {
		gnomon_discipline_sync_interval(e->discipline, seconds);
	}
}

/* The discipline waits for samples of the followed source only. */
static gnomon_mono overdue(const struct gnomon_ensemble *e)
{
	return e->mode == GNOMON_ENSEMBLE_FOLLOWING ? gnomon_discipline_deadline(e->discipline)
						    : GNOMON_MONO_NEVER;
}

gnomon_mono gnomon_ensemble_deadline(const struct gnomon_ensemble *e)
{
	gnomon_mono first = gnomon_mono_min(gnomon_select_deadline(&e->select), overdue(e));

	return gnomon_mono_min(first, e->start && !e->started ? e->model_at : e->next);
}

static bool due(gnomon_mono deadline, gnomon_mono now)
{
	return deadline.ns != GNOMON_MONO_NEVER.ns && !gnomon_mono_before(now, deadline);
}

void gnomon_ensemble_expire(struct gnomon_ensemble *e, gnomon_mono now,
			    struct gnomon_discipline_command *command)
{
	struct gnomon_discipline_command decided;

	nothing(e, command);
	start(e, now, command);
	if (due(gnomon_select_deadline(&e->select), now)) {
		carry(e, now);
		tell_own_bound(e, now);
		gnomon_select_expire(&e->select, now);
		settle(e, now, command);
	}
	if (due(overdue(e), now)) {
		discipline_coast(e->discipline, model_frequency(e, now), now, &decided);
		spread(e, &decided, now, command);
		learn(e, now);
	}
	if (due(e->next, now)) {
		carry(e, now);
		hold_over(e, now, command);
	}
}

void gnomon_ensemble_stepped(struct gnomon_ensemble *e, gnomon_span by, gnomon_mono now,
			     struct gnomon_discipline_command *command)
{
	double by_ns = gnomon_span_to_double(by);
	struct gnomon_discipline_command decided;

	nothing(e, command);
	carry(e, now);
	for (unsigned int i = 0; i < e->count; i++) {
		estimator_step(&e->sources[i].estimator, by);
	}
	estimator_step(&e->lost, by);
	estimator_step(&e->untaught, by);
	e->lost_offset_ns += by_ns;
	e->lost_bound_ns += fabs(by_ns);
	gnomon_select_moved(&e->select, by_ns, 0.0);
	gnomon_holdover_gap(&e->holdover);
	discipline_stepped(e->discipline, by, now, &decided);
	spread(e, &decided, now, command);
	if (e->mode == GNOMON_ENSEMBLE_HOLDOVER) {
		hold_over(e, now, command);
	}
	e->start = e->mode == GNOMON_ENSEMBLE_NONE && e->restored;
}

void gnomon_ensemble_reset(struct gnomon_ensemble *e, gnomon_mono now)
{
	carry(e, now);
	for (unsigned int i = 0; i < e->count; i++) {
		estimator_reset(&e->sources[i].estimator);
		e->sources[i].measured = false;
	}
	estimator_reset(&e->lost);
	estimator_reset(&e->untaught);
	gnomon_discipline_reset(e->discipline);
	gnomon_select_forget(&e->select);
	gnomon_holdover_gap(&e->holdover);
	if (e->followed < 0) {
		e->mode = GNOMON_ENSEMBLE_NONE;
		e->next = GNOMON_MONO_NEVER;
	}
	e->start = e->mode == GNOMON_ENSEMBLE_NONE && e->restored;
}
