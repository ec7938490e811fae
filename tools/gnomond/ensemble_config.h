/* SPDX-License-Identifier: BSD-2-Clause */
/** The configuration of a file in the ensemble's words. */
#ifndef GNOMOND_ENSEMBLE_CONFIG_H
#define GNOMOND_ENSEMBLE_CONFIG_H

#include <gnomon/ensemble.h>

#include "tools/config/config.h"

void ensemble_config_fill_select(struct gnomon_select_config *s, const struct conf *c);
void ensemble_config_fill_holdover(struct gnomon_holdover_config *h, const struct conf *c);

/** The ports of a file as a source: of the daemon's, or of an instance made for a source. */
void ensemble_config_fill_ports(struct gnomon_ensemble_source *s, const struct conf *c);

/** Another source, of any type. */
void ensemble_config_fill_source(struct gnomon_ensemble_source *s, const struct conf_source *c);

#endif
