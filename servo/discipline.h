/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * What an ensemble may do with its discipline beyond the public functions.
 */
#ifndef SERVO_DISCIPLINE_H
#define SERVO_DISCIPLINE_H

#include "servo/estimator.h"

/** Estimate with this one from now on, NULL: with its own. It has been told of every command. */
void discipline_use(struct gnomon_discipline *d, struct estimator *estimator);

/** As gnomon_discipline_sample, but the servo sees the offset less correction. */
void discipline_sample(struct gnomon_discipline *d, const struct gnomon_discipline_sample *sample,
		       gnomon_span correction, gnomon_mono now,
		       struct gnomon_discipline_command *command);

/** As gnomon_discipline_coast, on the frequency that a model has of the oscillator as far as recent
 * experience allows; NAN: there is none. */
void discipline_coast(struct gnomon_discipline *d, double model_ppb, gnomon_mono now,
		      struct gnomon_discipline_command *command);

/** Can its servo be told what its oscillator needs? */
bool discipline_can_start(const struct gnomon_discipline *d);

/** This is what the oscillator needs: give it to the clock, and let the servo start from it. */
void discipline_start(struct gnomon_discipline *d, double frequency_ppb, gnomon_mono now,
		      struct gnomon_discipline_command *command);

/** Nothing of the offset holds any more, but the frequency does: as if just started. */
void discipline_restart(struct gnomon_discipline *d);

/** Somebody else stepped the clock; its estimator has been told. */
void discipline_stepped(struct gnomon_discipline *d, gnomon_span by, gnomon_mono now,
			struct gnomon_discipline_command *command);

/** What a command is before anything is to be done. */
void discipline_nothing(const struct gnomon_discipline *d,
			struct gnomon_discipline_command *command);

#endif
