/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * What the files of the keeper share.
 */
#ifndef GNOMOND_KEEPER_PRIVATE_H
#define GNOMOND_KEEPER_PRIVATE_H

#include "keeper.h"

/* -- keeper.c --------------------------------------------------------------------------------- */

void keeper_tell_engines(struct keeper *k, const struct gnomon_clock_event *event,
			 gnomon_mono now);

/* -- keeper_scale.c: TAI, UTC and leap seconds ------------------------------------------------ */

/** followed: as timescale_tai_due() has it. */
void keeper_apply_tai_offset(struct keeper *k, bool followed);

/** After a step: to what second, and by a second if one was missing. */
void keeper_retell_timescale(struct keeper *k);

/** The local timescale moved under the engines: to them that is a step. */
void keeper_timescale_jump(struct keeper *k, int seconds, gnomon_mono now);

/** The shift must change before the next timestamp is converted, so this is done at once. */
void keeper_take_time_properties(struct keeper *k, gnomon_mono now);

/* -- keeper_tell.c: the log ------------------------------------------------------------------- */

void keeper_reset_stats(struct keeper *k);
void keeper_report_update(struct keeper *k, const struct keeper_origin *origin,
			  const struct gnomon_sample *sample, gnomon_mono now);
void keeper_tell_changes(const struct keeper *k, const struct gnomon_select_change *change,
			 gnomon_mono now);
void keeper_tell_mode(struct keeper *k, enum gnomon_ensemble_mode mode, gnomon_mono now);
void keeper_tell_still_lost(struct keeper *k, gnomon_mono now);

#endif
