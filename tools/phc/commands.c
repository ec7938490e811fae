/* SPDX-License-Identifier: BSD-2-Clause */
/* What gnomon phc does to a clock. The texts are phc_ctl's, which scripts look for. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include <linux/ptp_clock.h>

#include "drivers/clock.h"
#include "drivers/cross.h"
#include "drivers/phc_pins.h"
#include "drivers/privilege.h"
#include "phc.h"

/* Of a comparison; the one with the shortest window counts. */
#define CMP_READINGS 9

/* What phc_ctl says of it, and what could not be done. */
static int fail(struct phc_run *run, int err, const char *drop_in, const char *what)
{
	struct driver_error error;

	if (run->cli.say.drop_in) {
		(void)driver_fail(&error, err, "%s: %s", drop_in, driver_strerror(err));
	} else if ((err == -EPERM || err == -EACCES) && run->device.fd >= 0) {
		(void)driver_fail(&error, err,
				  "%s: no permission to %s: run as root or as a user who may write "
				  "to the device",
				  run->device.name, what);
	} else {
		(void)privilege_fail(&error, err, PRIVILEGE_SYS_TIME, run->device.name, what);
	}
	say(&run->cli.say, LOG_ERR, "%s", error.text);
	return err;
}

/* The head of a line of JSON; false: text is wanted. */
static bool begin_json(struct phc_run *run, const char *command)
{
	if (run->json) {
		printf("{\"clock\":");
		say_json(stdout, run->device.name);
		printf(",\"command\":\"%s\"", command);
	}
	return run->json;
}

static void end_json(void)
{
	printf("}\n");
	fflush(stdout);
}

/* -- time ------------------------------------------------------------------------------------- */

static void say_time(struct phc_run *run, const char *command, const char *what,
		     struct timespec ts)
{
	char date[64] = "?\n";

	if (begin_json(run, command)) {
		printf(",\"seconds\":%lld,\"nanoseconds\":%ld", (long long)ts.tv_sec, ts.tv_nsec);
		end_json();
		return;
	}
	(void)ctime_r(&ts.tv_sec, date);
	say(&run->cli.say, LOG_NOTICE, "%s %lld.%09ld or %s", what, (long long)ts.tv_sec,
	    ts.tv_nsec, date);
}

static int do_set(struct phc_run *run, const struct phc_argument *argument)
{
	struct timespec ts = { argument->ns / GNOMON_NSEC_PER_SEC,
			       argument->ns % GNOMON_NSEC_PER_SEC };
	int err;

	if (!argument->given) {
		(void)clock_gettime(CLOCK_REALTIME, &ts);
	}
	err = phc_device_set(&run->device, &ts);
	if (err) {
		return fail(run, err, "set: failed to set clock time", "set it");
	}
	say_time(run, "set", "set clock time to", ts);
	return 0;
}

static int do_get(struct phc_run *run, const struct phc_argument *argument)
{
	struct timespec ts;
	int err = phc_device_get(&run->device, &ts);

	(void)argument;
	if (err) {
		return fail(run, err, "get: failed to get clock time", "read it");
	}
	say_time(run, "get", "clock time is", ts);
	return 0;
}

/* A command that was given a number and has done with it. */
static void say_done(struct phc_run *run, const char *command, const char *unit, double value,
		     const char *text)
{
	if (begin_json(run, command)) {
		printf(",\"%s\":%.9f", unit, value);
		end_json();
	} else {
		say(&run->cli.say, LOG_NOTICE, "%s", text);
	}
}

static int do_adj(struct phc_run *run, const struct phc_argument *argument)
{
	char text[96];
	int err = phc_device_step(&run->device, argument->ns);

	if (err) {
		return fail(run, err, "failed to step clock", "step it");
	}
	snprintf(text, sizeof(text), "adjusted clock by %f seconds", argument->value);
	say_done(run, "adj", "seconds", argument->value, text);
	return 0;
}

static int do_phase(struct phc_run *run, const struct phc_argument *argument)
{
	char text[96];
	int err = phc_device_set_phase(&run->device, argument->ns);

	if (err) {
		return fail(run, err, "failed to set the clock offset",
			    "give its phase control an offset");
	}
	snprintf(text, sizeof(text), "offset of %f seconds provided to PHC phase control",
		 argument->value);
	say_done(run, "phase", "seconds", argument->value, text);
	return 0;
}

static int do_freq(struct phc_run *run, const struct phc_argument *argument)
{
	double ppb = argument->value;
	char text[96];
	int err = argument->given ? phc_device_set_frequency(&run->device, ppb)
				  : phc_device_frequency(&run->device, &ppb);

	if (err == -ERANGE && run->device.clock && !run->cli.say.drop_in) {
		say(&run->cli.say, LOG_ERR,
		    "%s: its frequency can be adjusted by +-%.0f ppb; write less",
		    run->device.name, run->device.clock->max_frequency_ppb);
		return err;
	}
	if (err) {
		return argument->given
			       ? fail(run, err, "failed to adjust the clock",
				      "adjust its frequency")
			       : fail(run, err, "failed to read out the clock frequency adjustment",
				      "read its frequency");
	}
	snprintf(text, sizeof(text), "%s %fppb",
		 argument->given ? "adjusted clock frequency offset to" :
				   "clock frequency offset is",
		 ppb);
	say_done(run, "freq", "ppb", ppb, text);
	return 0;
}

static int do_wait(struct phc_run *run, const struct phc_argument *argument)
{
	struct timespec left = { argument->ns / GNOMON_NSEC_PER_SEC,
				 argument->ns % GNOMON_NSEC_PER_SEC };
	char text[96];

	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR) {
	}
	snprintf(text, sizeof(text), "process slept for %f seconds\n", argument->value);
	say_done(run, "wait", "seconds", argument->value, text);
	return 0;
}

/* -- comparing -------------------------------------------------------------------------------- */

/* Of clocks of the system, which no driver reads together. */
static int compare_plain(clockid_t id, struct cross_stamp *best)
{
	best->half_window_ns = INT64_MAX;
	best->method = CROSS_PLAIN;
	for (int i = 0; i < CMP_READINGS; i++) {
		struct timespec before, at, after;
		int64_t half;

		if (clock_gettime(CLOCK_REALTIME, &before) || clock_gettime(id, &at) ||
		    clock_gettime(CLOCK_REALTIME, &after)) {
			return -errno;
		}
		half = ((after.tv_sec - before.tv_sec) * GNOMON_NSEC_PER_SEC + after.tv_nsec -
			before.tv_nsec) / 2;
		if (half >= 0 && half < best->half_window_ns) {
			best->half_window_ns = half;
			best->a = clock_time_from_timespec(at);
			best->b = gnomon_time_add(clock_time_from_timespec(before),
						  gnomon_span_from_ns(half));
		}
	}
	return best->half_window_ns == INT64_MAX ? -EAGAIN : 0;
}

static int do_cmp(struct phc_run *run, const struct phc_argument *argument)
{
	struct cross_device cross;
	struct cross_stamp stamp;
	int64_t offset;
	int err;

	(void)argument;
	if (run->device.fd >= 0) {
		cross_device_init(&cross, run->device.id, CLOCK_REALTIME, CMP_READINGS);
		err = cross_device_read(&cross, &stamp);
	} else {
		err = compare_plain(run->device.id, &stamp);
	}
	if (err) {
		return fail(run, err, "cmp: failed to compare clocks",
			    "compare it with CLOCK_REALTIME");
	}
	offset = gnomon_time_diff(stamp.b, stamp.a).ns;
	if (begin_json(run, "cmp")) {
		printf(",\"offset_ns\":%" PRId64 ",\"error_ns\":%" PRId64 ",\"method\":\"%s\"",
		       offset, stamp.half_window_ns, cross_method_name(stamp.method));
		end_json();
	} else if (run->cli.say.drop_in) {
		say(&run->cli.say, LOG_NOTICE, "offset from CLOCK_REALTIME is %s%" PRId64 "ns\n",
		    stamp.method == CROSS_PLAIN ? "approximately " : "", offset);
	} else {
		say(&run->cli.say, LOG_NOTICE,
		    "offset from CLOCK_REALTIME is %" PRId64 "ns, within %" PRId64 "ns (%s)",
		    offset, stamp.half_window_ns, cross_method_name(stamp.method));
	}
	return 0;
}

/* -- capabilities ----------------------------------------------------------------------------- */

/* Only a PHC has them; to be asked of another clock is no error for phc_ctl. */
static bool is_phc(struct phc_run *run, const char *command)
{
	if (run->device.fd >= 0) {
		return true;
	}
	if (run->cli.say.drop_in) {
		say(&run->cli.say, LOG_WARNING, "%s: %s is not a PHC device.", command,
		    run->device.name);
	} else {
		say(&run->cli.say, LOG_ERR,
		    "%s: is no PTP hardware clock, and has no %s; give a device (/dev/ptp0) or an "
		    "interface",
		    run->device.name, command);
	}
	return false;
}

static void caps_json(const struct phc_caps *caps)
{
	printf(",\"max_frequency_ppb\":%d,\"alarms\":%d,\"external_timestamps\":%d,"
	       "\"periodic_outputs\":%d,\"pins\":%d,\"pps\":%s,\"cross_timestamping\":%s,"
	       "\"adjust_phase\":%s,\"max_phase_ns\":%d",
	       caps->max_frequency_ppb, caps->alarms, caps->ext_ts, caps->per_out, caps->pins,
	       caps->pps ? "true" : "false", caps->cross_timestamping ? "true" : "false",
	       caps->adjust_phase ? "true" : "false", caps->max_phase_ns);
	end_json();
}

static int do_caps(struct phc_run *run, const struct phc_argument *argument)
{
	static const char *const has[] = { "doesn't have", "has" };
	struct phc_caps caps;
	int err;

	(void)argument;
	if (!is_phc(run, "caps")) {
		return run->cli.say.drop_in ? 0 : -ENOTTY;
	}
	err = phc_caps_read(run->device.fd, &caps);
	if (err) {
		return fail(run, err, "caps: get capabilities failed",
			    "read what it can do");
	}
	if (begin_json(run, "caps")) {
		caps_json(&caps);
		return 0;
	}
	say(&run->cli.say, LOG_NOTICE,
	    "%scapabilities:\n"
	    "  %d maximum frequency adjustment (ppb)\n"
	    "  %d programable alarms\n"
	    "  %d external time stamp channels\n"
	    "  %d programmable periodic signals\n"
	    "  %d configurable input/output pins\n"
	    "  %s pulse per second support\n"
	    "  %s cross timestamping support\n"
	    "  %s adjust phase support\n",
	    run->cli.say.drop_in ? "\n" : "", caps.max_frequency_ppb, caps.alarms, caps.ext_ts,
	    caps.per_out, caps.pins, has[caps.pps], has[caps.cross_timestamping],
	    has[caps.adjust_phase]);
	if (caps.max_phase_ns) {
		say(&run->cli.say, LOG_NOTICE, "  %d maximum offset adjustment (ns)\n",
		    caps.max_phase_ns);
	}
	return 0;
}

static const char *function_name(unsigned int function)
{
	switch (function) {
	case PTP_PF_EXTTS:
		return "external timestamping";
	case PTP_PF_PEROUT:
		return "periodic output";
	case PTP_PF_PHYSYNC:
		return "physical synchronization";
	default:
		return NULL;
	}
}

static int say_pin(struct phc_run *run, const struct phc_pin *pin)
{
	const char *function = function_name(pin->function);

	if (!function && pin->function != PTP_PF_NONE) {
		say(&run->cli.say, LOG_ERR, "pins: unknown function %u", pin->function);
		return -EPROTO;
	}
	if (begin_json(run, "pins")) {
		printf(",\"pin\":%u,\"name\":", pin->index);
		say_json(stdout, pin->name);
		printf(",\"function\":\"%s\",\"channel\":%u", function ? function : "none",
		       pin->channel);
		end_json();
	} else if (function) {
		say(&run->cli.say, LOG_NOTICE, " pin %u [%s] %s on channel %u\n", pin->index,
		    pin->name, function, pin->channel);
	} else {
		say(&run->cli.say, LOG_NOTICE, " pin %u [%s] not configured\n", pin->index,
		    pin->name);
	}
	return 0;
}

static int do_pins(struct phc_run *run, const struct phc_argument *argument)
{
	struct phc_caps caps;
	int err;

	(void)argument;
	if (!is_phc(run, "pins")) {
		return run->cli.say.drop_in ? 0 : -ENOTTY;
	}
	err = phc_caps_read(run->device.fd, &caps);
	if (err) {
		return fail(run, err, "pins: get capabilities failed",
			    "read what it can do");
	}
	if (caps.pins == 0) {
		say(&run->cli.say, LOG_WARNING, "pins: device has no configurable pins");
		return 0;
	}
	if (!run->json) {
		say(&run->cli.say, LOG_NOTICE, "%sdevice has %d configurable input/output pins:\n",
		    run->cli.say.drop_in ? "\n" : "", caps.pins);
	}
	for (int i = 0; !err && i < caps.pins; i++) {
		struct phc_pin pin;

		err = phc_pin_read(run->device.fd, (unsigned int)i, &pin);
		err = err ? fail(run, err, "pins: PTP_PIN_GETFUNC failed", "read its pins")
			  : say_pin(run, &pin);
	}
	return err;
}

#define S PHC_SECONDS_MAX
const struct phc_command phc_commands[] = {
	{ "set", PHC_OPTIONAL, 0, S, "seconds", NULL, do_set },
	{ "get", PHC_NOTHING, 0, 0, NULL, NULL, do_get },
	{ "adj", PHC_REQUIRED, -S, S, "seconds", "adj: missing required time argument", do_adj },
	{ "freq", PHC_OPTIONAL, -1e9, 1e9, "ppb", NULL, do_freq },
	{ "phase", PHC_REQUIRED, -S, S, "seconds", "phase: missing required time argument",
	  do_phase },
	{ "cmp", PHC_NOTHING, 0, 0, NULL, NULL, do_cmp },
	{ "caps", PHC_NOTHING, 0, 0, NULL, NULL, do_caps },
	{ "pins", PHC_NOTHING, 0, 0, NULL, NULL, do_pins },
	{ "wait", PHC_REQUIRED, 0, S, "seconds", "wait: requires sleep duration argument\n",
	  do_wait },
	{ NULL, PHC_NOTHING, 0, 0, NULL, NULL, NULL },
};
