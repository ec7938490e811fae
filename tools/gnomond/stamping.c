/* SPDX-License-Identifier: BSD-2-Clause */
#include "stamping.h"

#include <errno.h>
#include <linux/net_tstamp.h>
#include <string.h>

#include "drivers/clock.h"
#include "drivers/clock_find.h"

/* Readings of a cross timestamp made for a stamp: that is done for every packet. */
#define CROSS_SAMPLES 3

bool stamping_is_hardware(const struct stamping *s)
{
	switch (s->mode) {
	case TIMESTAMPING_HARDWARE:
	case TIMESTAMPING_ONESTEP:
	case TIMESTAMPING_P2P1STEP:
		return true;
	case TIMESTAMPING_SOFTWARE:
	case TIMESTAMPING_LEGACY:
		break;
	}
	return false;
}

bool stamping_is_one_step(const struct stamping *s)
{
	return s->mode == TIMESTAMPING_ONESTEP || s->mode == TIMESTAMPING_P2P1STEP;
}

/* -- the choice ------------------------------------------------------------------------------- */

/* Whether there is a clock behind hardware stamps that can be kept, or read at least. */
static int check_clock(const struct stamping *s, const char *interface,
		       const struct stamping_wish *wish, struct driver_error *error)
{
	if (s->phc_index >= 0 || wish->named) {
		return 0;
	}
	return driver_fail(error, -ENODEV,
			   "%s: has no PTP hardware clock; use software time stamps (-S), or name "
			   "a clock with -p",
			   interface);
}

/* The driver's word for it. */
static enum timestamping_mode mode_of(enum conf_time_stamping stamping)
{
	switch (stamping) {
	case CONF_STAMP_AUTO:
	case CONF_STAMP_HARDWARE:
		return TIMESTAMPING_HARDWARE;
	case CONF_STAMP_SOFTWARE:
		return TIMESTAMPING_SOFTWARE;
	case CONF_STAMP_LEGACY:
		return TIMESTAMPING_LEGACY;
	case CONF_STAMP_ONESTEP:
		return TIMESTAMPING_ONESTEP;
	case CONF_STAMP_P2P1STEP:
		return TIMESTAMPING_P2P1STEP;
	}
	return TIMESTAMPING_SOFTWARE;
}

/* One step only where the driver lists it: who must have it asks for it by name. */
static void choose_steps(struct stamping *s, const char *interface,
			 const struct timestamping_info *info, const struct stamping_wish *wish)
{
	if (!wish->one_step) {
		return;
	}
	if (wish->p2p && info->tx_types & 1u << HWTSTAMP_TX_ONESTEP_P2P) {
		s->mode = TIMESTAMPING_P2P1STEP;
	} else if (info->tx_types & 1u << HWTSTAMP_TX_ONESTEP_SYNC) {
		s->mode = TIMESTAMPING_ONESTEP;
	} else {
		driver_fail(&s->why, 0, "%s: cannot send in one step, goes on in two", interface);
	}
}

/* Hardware stamps as the system clock's, from a driver that knows nothing better. */
static bool is_legacy(const char *interface, const struct timestamping_info *info)
{
	return !(info->so_timestamping & SOF_TIMESTAMPING_RAW_HARDWARE) &&
	       timestamping_check(interface, info, TIMESTAMPING_LEGACY, NULL) == 0;
}

static int choose_best(struct stamping *s, const char *interface,
		       const struct timestamping_info *info, const struct stamping_wish *wish,
		       struct driver_error *error)
{
	int r;

	if (wish->phc) {
		r = timestamping_check(interface, info, s->mode, &s->why);
		r = r != 0 ? r : check_clock(s, interface, wish, &s->why);
	} else {
		r = driver_fail(&s->why, -EOPNOTSUPP, "%s: the clock kept is no PTP hardware clock",
				interface);
	}
	if (r == 0) {
		choose_steps(s, interface, info, wish);
		return 0;
	}
	if (is_legacy(interface, info)) {
		s->mode = TIMESTAMPING_LEGACY;
		return 0;
	}
	s->mode = TIMESTAMPING_SOFTWARE;
	return timestamping_check(interface, info, s->mode, error);
}

int stamping_choose(struct stamping *s, const char *interface,
		    const struct timestamping_info *info, const struct stamping_wish *wish,
		    struct driver_error *error)
{
	struct stamping out = {
		.mode = mode_of(wish->stamping),
		.phc_index = info->phc_index >= 0 ? info->phc_index : wish->phc_index,
		.keep_index = wish->phc_index >= 0 ? wish->phc_index : info->phc_index,
	};
	int r;

	if (wish->stamping == CONF_STAMP_AUTO) {
		r = choose_best(&out, interface, info, wish, error);
	} else {
		r = timestamping_check(interface, info, out.mode, error);
		if (r == 0 && stamping_is_hardware(&out)) {
			r = check_clock(&out, interface, wish, error);
		}
	}
	if (r == 0) {
		*s = out;
	}
	return r;
}

/* -- stamps ----------------------------------------------------------------------------------- */

void stamping_finish(struct stamping *s)
{
	if (s->other) {
		s->other->ops->destroy(s->other);
		s->other = NULL;
	}
}

/* A clock by a name that tells no number is taken for the one that stamps, as its owner says. */
int stamping_connect(struct stamping *s, const char *interface, struct gnomon_clock *kept,
		     struct driver_error *error)
{
	int index = clock_phc_index(kept);
	struct driver_error why = { "" };
	struct cross_stamp both;
	int r;

	if (!stamping_is_hardware(s) || s->phc_index < 0 || index < 0 || index == s->phc_index) {
		return 0;
	}
	r = clock_phc_open_index(&s->other, s->phc_index, &why);
	if (r != 0) {
		return driver_fail(error, r, "%s: its clock is not %s, and cannot be read: %s",
				   interface, kept->name, why.text);
	}
	cross_init(&s->cross, s->other, kept, CROSS_SAMPLES);
	r = cross_read(&s->cross, &both);
	if (r != 0 && r != -EAGAIN) {
		stamping_finish(s);
		return driver_fail(error, r, "%s: its clock cannot be compared with %s: %s",
				   interface, kept->name, driver_strerror(r));
	}
	return 0;
}

/* Which of the packet's stamps counts follows from the mode, not from what is there. The kernel
 * brought legacy stamps to its own clock. */
bool stamping_local(struct stamping *s, struct keeper *keeper,
		    const struct timestamping_stamps *stamps, gnomon_time *local)
{
	gnomon_time stamp = stamps->hardware;

	if (s->mode == TIMESTAMPING_SOFTWARE) {
		return stamps->has_software &&
		       keeper_local(keeper, GNOMON_STAMP_SYSTEM, stamps->software, local);
	}
	if (!stamps->has_hardware || (s->other && cross_carry(&s->cross, stamp, &stamp) != 0)) {
		return false;
	}
	return keeper_local(keeper,
			    stamping_is_hardware(s) ? GNOMON_STAMP_HARDWARE : GNOMON_STAMP_SYSTEM,
			    stamp, local);
}
