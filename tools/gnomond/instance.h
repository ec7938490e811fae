/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * The daemon's parts: an engine, its ports' links, the clock and its discipline.
 *
 *     wire -> port -> engine -> actions: SEND    -> port -> wire
 *                                        SAMPLE  -> keeper -> discipline -> clock -> engine
 *                                        DATASET -> keeper (UTC offset, leap second)
 *                                        STATE, EVENT -> report
 *
 * instance_create checks everything before it changes anything.
 */
#ifndef GNOMOND_INSTANCE_H
#define GNOMOND_INSTANCE_H

#include <gnomon/clock.h>
#include <gnomon/engine.h>
#include <gnomon/servo.h>

#include "drivers/link.h"
#include "drivers/timestamping.h"

#include "tools/config/config.h"

#include "lookout.h"
#include "report.h"
#include "timescale.h"
#include "tx_ring.h"

struct instance;

/** A PTP port. */
struct port {
	struct report_port name;
	const struct conf_port *conf;
	struct link *link;         /* NULL: closed, after a failure */
	unsigned int index;        /* of the interface when the link was opened */
	char stamping[IFNAMSIZ];   /* the interface that stamps: a bond's active port */
	bool up;                   /* as last told to the engine */
	bool looked;               /* port_look has been here */
	gnomon_mono retry;         /* when to open it again; NEVER */
	enum gnomon_port_state state;
	bool clearing;             /* ptp4l's log only: FAULTY left, not yet told */
	struct tx_ring tx;
};

/** Keeps the clock: samples in, commands to the clock out. */
struct keeper {
	struct gnomon_clock *clock;
	struct gnomon_discipline *discipline;
	struct timescale timescale;
	enum gnomon_servo_state state;
	double frequency_ppb;          /* in force, or needed when free running */
	bool free_running;
	struct gnomon_sample last;     /* for the direction of an insane clock */
	gnomon_mono last_mono;
	gnomon_mono kernel_told;       /* when the kernel was told that it is synchronized */
	double summary_s;              /* of statistics lines */
	double sync_interval_s;
	struct report_stats stats;
	char gm[GNOMON_CLOCK_IDENTITY_STRLEN];
	unsigned int steps_removed;
	int ptp_timescale;             /* of the grandmaster: 1, 0 (arbitrary); -1: it is us */
};

struct instance {
	const struct conf *conf;
	struct log *log;
	struct gnomon_engine *engine;
	struct keeper keeper;
	enum timestamping_mode mode;
	struct driver_error why_software; /* time_stamping auto: why it could not be hardware */
	enum gnomon_stamp_source source; /* of the stamps the clock understands */
	int phc_index;                   /* -1: none */
	struct gnomon_clock_identity identity;
	struct port *ports;
	size_t port_count;
	struct lookout lookout;
	unsigned int tx_pending; /* timestamps awaited, of all ports */
	gnomon_mono tx_deadline; /* not later than the first of them is given up; NEVER: none */
	bool relayout;           /* descriptors have come or gone */
	bool status_changed;     /* a state has, that the service manager is told of */
	void *engine_memory;
	void *discipline_memory;
};

/** The clock to keep, with auto resolved. */
enum conf_clock instance_clock(const struct instance *in);

/* -- life: instance.c ------------------------------------------------------------------------- */

/**
 * Check, then open everything. Returns 0, or -errno with one line in *error and nothing changed.
 * conf and log must outlive it.
 */
int instance_create(struct instance *in, const struct conf *conf, struct log *log,
		    struct driver_error *error);

/** Put back what was changed and release everything. */
void instance_destroy(struct instance *in);

/* -- ports: port.c ---------------------------------------------------------------------------- */

/** Check that the stamping interface can do what in->mode wants; *phc_index: its clock, or -1. */
int port_check_stamping(struct instance *in, struct port *port, int *phc_index,
			struct driver_error *error);

/** Check that stamping interface and its clock can serve the port. 0 or one line in *error. */
int port_check(struct instance *in, struct port *port, struct driver_error *error);

/** Open the port's link. 0 or -errno with one line in *error. */
int port_open(struct instance *in, struct port *port, struct driver_error *error);
void port_close(struct port *port);

/** poll() reported something on a socket of the port. */
void port_ready(struct instance *in, struct port *port, enum link_socket which, short revents);

/** The engine wants a message sent. */
void port_send(struct instance *in, struct port *port, const struct gnomon_send *message);

/** Give up the transmit timestamps of all ports that are overdue. */
void port_expire_all(struct instance *in, gnomon_mono now);

/** Look at the interface: up or down, gone or back, renamed, another port of a bond. */
void port_look(struct instance *in, struct port *port, gnomon_mono now);

/** The port's sockets failed: close it, and open it again after fault_reset_interval. */
void port_fault(struct instance *in, struct port *port, const char *text, gnomon_mono now);

/* -- the clock: keeper.c ---------------------------------------------------------------------- */

/** Build the discipline for the clock. 0, -EINVAL, -ENOMEM. */
int keeper_init(struct instance *in);

/** A kernel or hardware stamp as local time of the engine; false: it can't be used. */
bool keeper_local(struct instance *in, const struct timestamping_stamps *stamps,
		  gnomon_time *local);

void keeper_sample(struct instance *in, struct port *port, const struct gnomon_sample *sample,
		   gnomon_mono now);
/** Do what is due when samples fail to come; nothing before the discipline's deadline. */
void keeper_expire(struct instance *in, gnomon_mono now);
void keeper_sync_interval(struct instance *in, int log_interval);
void keeper_datasets(struct instance *in, unsigned int changed, gnomon_mono now);

/* -- actions.c -------------------------------------------------------------------------------- */

/** Carry out what the engine wants, until it wants nothing. */
void actions_drain(struct instance *in);

#endif
