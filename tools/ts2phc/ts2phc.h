/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * gnomon ts2phc, and ts2phc: PTP hardware clocks kept by pulses. Sinks time-stamp the pulse, the
 * source knows which second it is:
 *
 *     generic   the system clock knows, to half a second; the pulse comes from outside
 *     nmea      a GNSS receiver says it in RMC sentences, and gives the pulse
 *     a PHC     it gives the pulse itself, on a pin
 */
#ifndef TS2PHC_TS2PHC_H
#define TS2PHC_TS2PHC_H

#include <gnomon/servo.h>

#include "drivers/nmea.h"
#include "drivers/phc_device.h"
#include "drivers/phc_pins.h"
#include "tools/config/config.h"
#include "tools/cli/command.h"
#include "tools/leap/leap.h"
#include "tools/log/log.h"

#include "edge.h"
#include "follow.h"
#include "keep.h"

/* -- source ----------------------------------------------------------------------------------- */

enum source_kind { SOURCE_GENERIC, SOURCE_NMEA, SOURCE_PHC };

/** What the receiver said, and when. */
struct source_nmea {
	int fd; /* -1: not open */
	struct nmea parser;
	struct nmea_fix fix;
	gnomon_mono fix_at; /* NEVER: it said nothing yet */
	gnomon_mono heard;  /* anything, or when it was opened */
	gnomon_mono retry;  /* open it then */
	unsigned int refused; /* sentences, in a row */
	gnomon_mono doubt;    /* when to say what is missing, unless a valid time comes */
	bool sentence;        /* since then there was one */
	bool rmc;
};

struct source {
	enum source_kind kind;
	const struct conf *conf;
	const struct conf_port *port; /* of a PHC */
	struct log *log;
	struct leap_table leap;
	struct source_nmea nmea;
	struct phc_device device;
	struct keep keep; /* of the device, if it can be kept by other clocks (-a) */
	bool pulsing;
};

/**
 * Open and check the source of that name; nothing is changed yet. name: "generic", "nmea", or a
 * clock. Returns 0 or -errno with *error; source_close is due even then.
 */
int source_open(struct source *source, const char *name, const struct conf *conf, struct log *log,
		struct driver_error *error);

/** Start a PHC's pulse. Returns 0 or -errno with *error. */
int source_start(struct source *source, const struct edge_pulse *pulse,
		 struct driver_error *error);
void source_close(struct source *source);

/** Have its PHC kept as well; steal: though another program does. Returns 0 or -errno, *error. */
int source_keep(struct source *source, bool steal, struct driver_error *error);

/** TAI now, as far as the source knows. Returns 0 or -errno; the reason is logged. */
int source_now(struct source *source, gnomon_mono now, gnomon_time *tai);

/** A descriptor to poll for POLLIN, -1: none now. */
int source_fd(const struct source *source);
/** When source_tend has something to do if the descriptor stays quiet. */
gnomon_mono source_deadline(const struct source *source);
/** Read what came, open what was lost. */
void source_tend(struct source *source, bool readable, gnomon_mono now);

/* -- sinks ------------------------------------------------------------------------------------ */

struct sink {
	char name[IFNAMSIZ]; /* as configured */
	const struct conf_port *port;
	struct phc_device device;
	struct keep keep;
	unsigned int channel;
	bool armed;
	bool target;         /* to be kept; else only listened to */
	bool has_event;      /* of the present pulse: */
	gnomon_time at;
	unsigned int missed; /* pulses, in a row */
};

/**
 * Open and check a sink; nothing is changed yet. steal: keep the clock though another program
 * does. Returns 0 or -errno with *error; sink_close is due even then.
 */
int sink_open(struct sink *sink, const struct conf_interface *interface, const struct conf *conf,
	      bool steal, struct driver_error *error);

/** Set the pin, empty the queue, have pulses time-stamped. Returns 0 or -errno with *error. */
int sink_arm(struct sink *sink, struct driver_error *error);
void sink_close(struct sink *sink);

/** Take the pulses that wait; the last one counts. Returns 0, or -errno if the clock is gone. */
int sink_read(struct sink *sink);

/**
 * The number of the pin that is configured, by its name if it has one; -1: the clock has no pins to
 * choose from. Returns 0 or -errno with *error.
 */
int ts2phc_find_pin(const struct phc_device *device, const struct conf_port *port, int *pin,
		    struct phc_caps *caps, struct driver_error *error);

/* -- running ---------------------------------------------------------------------------------- */

struct ts2phc {
	const struct conf *conf;
	struct log *log;
	struct source source;
	struct sink *sinks;
	size_t sink_count;
	struct follow follow;
	struct edge_pulse pulse;
	gnomon_mono collect_until; /* of the present pulse; NEVER: between pulses */
	bool other_edge;           /* the present pulse is not to be used */
	bool has_time;             /* the source knew it: */
	gnomon_time source_time;
	gnomon_mono last_pulse;
	bool silent;               /* it has been said that no pulses come */
	gnomon_mono lost;          /* when the source stopped knowing the time; NEVER: it does */
};

/** Run until a signal. Returns the signal or -errno. */
int ts2phc_run(struct ts2phc *ts2phc);

/** Before the first pulse. */
void ts2phc_begin(struct ts2phc *ts2phc, gnomon_mono now);

/**
 * Take the time stamps that wait; when all sinks have theirs of a pulse, or no more can come, keep
 * the clocks by them. Returns 0 or -errno, which is logged.
 */
int ts2phc_take(struct ts2phc *ts2phc, gnomon_mono now);

/** A line about the program itself, at a level of syslog. */
void ts2phc_say(struct log *log, int level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

command_fn ts2phc_main;

#endif
