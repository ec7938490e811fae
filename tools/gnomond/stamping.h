/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * How a port's time stamps are taken, by which clock, and what they are in the kept clock's time.
 *
 * The choice is made of what ethtool reports, again whenever another interface stamps.
 */
#ifndef GNOMOND_STAMPING_H
#define GNOMOND_STAMPING_H

#include "drivers/cross.h"
#include "drivers/timestamping.h"

#include "tools/config/config.h"

#include "keeper.h"

/** What a port asks for. */
struct stamping_wish {
	enum conf_time_stamping stamping;
	bool one_step; /* auto: in one step where the interface can */
	bool p2p;      /* and Pdelay_Resp too */
	bool phc;      /* auto: a PTP hardware clock may be kept */
	bool named;    /* its name is known, whatever the interface tells */
	int phc_index; /* of the clock to keep, perhaps a virtual one; -1: the interface's */
};

/** What it gets. */
struct stamping {
	enum timestamping_mode mode;
	int phc_index;              /* N of the /dev/ptpN that stamps; -1: not known, or none */
	int keep_index;             /* of the one to keep for it, which may be a virtual clock */
	struct driver_error why;    /* auto: why it is nothing better; "" */
	struct gnomon_clock *other; /* the PHC that stamps, if it is not the clock kept; NULL */
	struct cross cross;         /* from other to the clock kept */
};

/** A PTP hardware clock takes the stamps. */
bool stamping_is_hardware(const struct stamping *s);
bool stamping_is_one_step(const struct stamping *s);

/**
 * Choose by what an interface reports. Returns 0 with *s, which holds no resource yet; -EOPNOTSUPP
 * or -ENODEV with the interface and what it lacks in *error.
 */
int stamping_choose(struct stamping *s, const char *interface,
		    const struct timestamping_info *info, const struct stamping_wish *wish,
		    struct driver_error *error);

/**
 * Once it is known which clock is kept: open the one that stamps, if that is another. Returns 0 or
 * -errno with one line in *error.
 */
int stamping_connect(struct stamping *s, const char *interface, struct gnomon_clock *kept,
		     struct driver_error *error);
void stamping_finish(struct stamping *s);

/** The stamp that counts as local time of the engine; false: there is none that can be used. */
bool stamping_local(struct stamping *s, struct keeper *keeper,
		    const struct timestamping_stamps *stamps, gnomon_time *local);

#endif
