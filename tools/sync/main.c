/* SPDX-License-Identifier: BSD-2-Clause */
/* gnomon sync, and phc2sys. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "drivers/clock.h"
#include "drivers/timer.h"
#include "report.h"
#include "session.h"
#include "sync.h"

/* linuxptp's programs return -1. */
#define DROP_IN_FAILED 255

/* How long a daemon may take to say how far TAI is from UTC. */
#define ANSWER_NS (1500 * (int64_t)1000000)

/* A pair of one clock that keeps UTC and one that does not. */
static bool needs_utc(const struct sync *s)
{
	for (size_t i = 0; i < s->sink_count; i++) {
		if (s->source && s->source->utc != s->sinks[i].clock->utc) {
			return !s->options->fixed_offset;
		}
	}
	return false;
}

/* No daemon: what the kernel was told of TAI - UTC will do, if it was. */
static int use_kernel_offset(struct sync *s, struct driver_error *error)
{
	struct gnomon_time_properties_ds *properties = &s->follows[0].properties;
	int seconds;

	if (s->options->drop_in || clock_system_tai_offset(&seconds)) {
		return driver_fail(error, -ETIMEDOUT,
				   s->options->drop_in ?
					   "failed to get UTC offset" :
					   "no PTP daemon says how far TAI is from UTC, and the "
					   "kernel does not know: wait for one with -w, or give "
					   "sink minus source with -O (-37 if a PTP hardware clock "
					   "is the source)");
	}
	properties->current_utc_offset = (int16_t)seconds;
	properties->flags = GNOMON_FLAG_PTP_TIMESCALE;
	s->follows[0].has_properties = true;
	sync_report_note(&s->log, 5, "no PTP daemon answers; TAI - UTC is %d s by the kernel",
			 seconds);
	return 0;
}

static gnomon_mono give_up(const struct sync_options *o, gnomon_mono now)
{
	return o->timeout_s ?
		       gnomon_mono_add(now, o->timeout_s * (int64_t)GNOMON_NSEC_PER_SEC) :
		       GNOMON_MONO_NEVER;
}

static int too_late(const struct sync *s, struct driver_error *error)
{
	char text[SYNC_FOLLOW_WAITING_MAX];
	size_t i = 0;

	while (i + 1 < s->follow_count && s->follows[i].in_step) {
		i++;
	}
	return driver_fail(error, -ETIMEDOUT, "no PTP daemon in step within %d s: %s",
			   s->options->timeout_s, sync_follow_waiting(&s->follows[i], text));
}

/* Everything -s and -c ask for. */
static int start_manual(struct sync *s, struct driver_error *error)
{
	const struct sync_options *o = s->options;
	const bool utc = needs_utc(s);
	const gnomon_mono now = timer_now();
	int err = 0;

	if (utc || o->wait) {
		err = sync_follow_all(s, now, error);
		if (err) {
			return err;
		}
		err = sync_wait(s, o->wait ? give_up(o, now) : gnomon_mono_add(now, ANSWER_NS));
		if (err == -ETIMEDOUT) {
			err = o->wait ? too_late(s, error) : use_kernel_offset(s, error);
		}
	}
	err = err ? err : sync_pair_all(s, timer_now(), error);
	if (!err) {
		sync_tell_properties(s);
	}
	return err;
}

static int start(struct sync *s, struct driver_error *error)
{
	int err;

	if (s->options->automatic) {
		return sync_follow_all(s, timer_now(), error);
	}
	err = sync_open(s, error);
	return err ? err : start_manual(s, error);
}

/* phc2sys begins without a word. */
static void announce(struct sync *s)
{
	if (s->options->drop_in) {
		return;
	}
	for (size_t i = 0; i < s->sink_count && !s->options->automatic; i++) {
		sync_report_start(&s->log, s->sinks[i].name, s->sinks[i].pair.config.source_name,
				  s->options->interval_s,
				  !s->sinks[i].out && !s->conf->free_running);
	}
}

static int fail(struct sync *s, const char *text, int status)
{
	if (s->options->drop_in) {
		sync_report_note(&s->log, 3, "%s", text);
		fprintf(stderr, "%s\n", text);
		return DROP_IN_FAILED;
	}
	fprintf(stderr, "%s: %s\n", s->options->program, text);
	return status;
}

static int run(const struct sync_options *o, const struct conf *conf)
{
	static struct sync s;
	struct driver_error error = { "" };
	int status = COMMAND_GOOD;
	int err;

	s = (struct sync){ .options = o, .conf = conf, .pps_fd = -1 };
	s.give_up = o->automatic ? give_up(o, timer_now()) : GNOMON_MONO_NEVER;
	log_init(&s.log, o->program, conf);
	sync_catch_signals();
	err = start(&s, &error);
	if (err && err != -EINTR) {
		status = fail(&s, error.text, err == -EINVAL ? COMMAND_USAGE : COMMAND_RUNTIME);
	} else if (!err) {
		announce(&s);
		err = sync_run(&s);
		if (err == -ETIMEDOUT) {
			(void)too_late(&s, &error);
			status = fail(&s, error.text, COMMAND_RUNTIME);
		} else if (err < 0) {
			status = o->drop_in ? DROP_IN_FAILED : COMMAND_RUNTIME;
		}
	}
	sync_close(&s);
	log_finish(&s.log);
	return status;
}

int sync_main(int argc, char **argv, bool drop_in)
{
	const char *slash = strrchr(argv[0], '/');
	struct sync_options options = {
		.program = slash ? slash + 1 : argv[0],
		.drop_in = drop_in,
	};
	struct conf conf;
	int status = sync_options_parse(&options, &conf, argc, argv);

	if (status < 0) {
		status = run(&options, &conf);
	}
	conf_finish(&conf);
	return status;
}
