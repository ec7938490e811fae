/* SPDX-License-Identifier: BSD-2-Clause */
#include "keep.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <syslog.h>

#include "tools/discipline/discipline.h"

#include "ts2phc.h"

static int make_discipline(struct keep *keep, const struct conf *c)
{
	struct gnomon_discipline_config d;
	int err = discipline_configure(&d, c, keep->device->clock);

	err = err ? err : discipline_create(&keep->discipline, &keep->memory, &d);
	if (!err) {
		keep->frequency_ppb = d.servo_config.frequency_ppb;
		gnomon_discipline_sync_interval(keep->discipline, 1.0 / c->ts2phc_pulserate);
	}
	return err;
}

int keep_init(struct keep *keep, const struct phc_device *device, const struct conf *conf,
	      bool steal, struct driver_error *error)
{
	int err = 0;

	*keep = (struct keep)KEEP_NONE;
	keep->device = device;
	if (!conf->free_running) {
		err = steward_take(&keep->steward, device->clock, steal, error);
	}
	if (err) {
		return err;
	}
	err = make_discipline(keep, conf);
	return err ? driver_fail(error, err, "%s: cannot keep this clock: %s", device->name,
				 err == -EINVAL ? "it cannot be adjusted" : driver_strerror(err))
		   : 0;
}

void keep_finish(struct keep *keep)
{
	steward_release(&keep->steward);
	free(keep->memory);
	*keep = (struct keep)KEEP_NONE;
}

static void log_sample(struct keep *keep, struct log *log, gnomon_span offset, bool held,
		       bool free_running)
{
	const char servo[3] = { 's', (char)('0' + (int)keep->state), '\0' };

	if (!log_begin(log, LOG_SYNC)) {
		return;
	}
	if (free_running) {
		log_text(log, "%s offset %10" PRId64, keep->device->name, offset.ns);
	} else {
		/* linuxptp counts frequency as what the clock would do by itself. */
		log_text(log, "%s offset %10" PRId64 " s%d freq %+7.0f%s", keep->device->name,
			 offset.ns, (int)keep->state, -keep->frequency_ppb,
			 held ? " holdover" : "");
	}
	log_str(log, "clock", keep->device->name);
	log_str(log, "servo", servo);
	log_num(log, "offset_ns", gnomon_span_to_double(offset), 3);
	log_num(log, "frequency_ppb", keep->frequency_ppb, 3);
	log_bool(log, "holdover", held);
	log_end(log);
}

/* Step first, then the frequency. A clock that refuses is learned anew. */
static void obey(struct keep *keep, const struct gnomon_discipline_command *c, struct log *log)
{
	const struct gnomon_clock_ops *ops = keep->device->clock->ops;
	int err = 0;

	if (c->step) {
		err = ops->step(keep->device->clock, c->step_by);
	}
	if (!err && c->set_frequency) {
		err = ops->set_frequency(keep->device->clock, c->frequency_ppb);
	}
	if (err) {
		ts2phc_say(log, LOG_ERR, "%s: cannot adjust the clock: %s", keep->device->name,
			   driver_strerror(err));
		gnomon_discipline_reset(keep->discipline);
		keep->state = GNOMON_SERVO_UNLOCKED;
	}
}

void keep_sample(struct keep *keep, gnomon_time at, gnomon_time reference, bool held,
		 const struct conf *conf, struct log *log, gnomon_mono now)
{
	struct gnomon_discipline_command command;
	const struct gnomon_discipline_sample sample = {
		.offset = gnomon_time_diff(at, reference),
		.local = at,
		.weight = 1.0,
		.reference_bound_ns = -1,
	};

	if (held && keep->state != GNOMON_SERVO_LOCKED_STABLE) {
		return;
	}
	gnomon_discipline_sample(keep->discipline, &sample, now, &command);
	if (command.insane) {
		ts2phc_say(log, LOG_WARNING, "%s: runs unlike the system's clock; starting over",
			   keep->device->name);
	}
	if (held && command.state != GNOMON_SERVO_LOCKED_STABLE) {
		ts2phc_say(log, LOG_INFO, "%s lost holdover lock (offset %10" PRId64 ")",
			   keep->device->name, sample.offset.ns);
		keep->state = command.state;
		return;
	}
	keep->state = command.state;
	if (!command.ignored) {
		keep->frequency_ppb = command.frequency_ppb;
		log_sample(keep, log, sample.offset, held, conf->free_running);
	}
	obey(keep, &command, log);
}

gnomon_mono keep_deadline(const struct keep *keep)
{
	return keep->discipline ? gnomon_discipline_deadline(keep->discipline) : GNOMON_MONO_NEVER;
}

void keep_expire(struct keep *keep, struct log *log, gnomon_mono now)
{
	struct gnomon_discipline_command command;

	if (!keep->discipline || gnomon_mono_before(now, keep_deadline(keep))) {
		return;
	}
	gnomon_discipline_expire(keep->discipline, now, &command);
	obey(keep, &command, log);
}
