/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * PTP ports: their sockets, their interfaces, and the time stamps of what they send.
 *
 * Messages and stamps go to the engine; what the engine wants sent comes back by port_send. The
 * keeper is asked for one thing only, what a stamp is in the engine's time.
 */
#ifndef GNOMOND_PORT_H
#define GNOMOND_PORT_H

#include <gnomon/engine.h>

#include "drivers/link.h"

#include "tools/config/config.h"

#include "explain.h"
#include "keeper.h"
#include "lookout.h"
#include "report.h"
#include "stamping.h"
#include "tx_ring.h"

/** A PTP port. */
struct port {
	struct report_port name;
	const struct conf_port *conf;
	struct link *link;       /* NULL: closed, after a failure */
	unsigned int index;      /* of the interface when the link was opened */
	char stamper[IFNAMSIZ];  /* the interface that stamps: a bond's active port */
	struct stamping stamping;
	bool up;                 /* as last told to the engine */
	bool looked;             /* port_look has been here */
	bool shared;             /* another instance has a port on the interface */
	gnomon_mono retry;       /* when to open it again; NEVER */
	enum gnomon_port_state state;
	int send_error[2];       /* told last, of general and event messages; 0: they are sent */
	bool clearing;           /* ptp4l's log only: FAULTY left, not yet told */
	struct tx_ring tx;
	struct explain explain;
};

/** All ports of an instance, and what they share. */
struct ports {
	/* Set by the owner: the engine before links are opened, the others before ports_init. */
	const struct conf *conf;
	struct log *log;
	struct keeper *keeper; /* has its clock once port_choose was asked of every port */
	struct lookout *lookout;
	const char *source; /* section of the instance; NULL: the file's own ports */
	struct gnomon_engine *engine;

	struct ports *next; /* of another instance: a ring; NULL: there is none */
	struct port *list; /* in the order of the configuration, numbered from 1 */
	size_t count;
	unsigned int tx_pending; /* timestamps awaited, of all ports */
	gnomon_mono tx_deadline; /* not later than the first of them is given up; NEVER: none */
	unsigned int unsent;     /* messages the engine is about to call lost timestamps */
	bool relayout;           /* descriptors have come or gone */
};

/** A port for each that is configured; nothing is opened. 0 or -errno with one line in *error. */
int ports_init(struct ports *ports, struct driver_error *error);
/** Close what is open, which switches time stamping back, and release everything. */
void ports_finish(struct ports *ports);

/**
 * Find the interface that stamps, and choose how; nothing is opened. Returns 0 or -errno with one
 * line in *error.
 */
int port_choose(struct ports *ports, struct port *port, struct driver_error *error);

/** Once the keeper has its clock: make the stamps it can use of the port's. Returns as above. */
int port_connect(struct ports *ports, struct port *port, struct driver_error *error);

/** Open the port's link. 0 or -errno with one line in *error. */
int port_open(struct ports *ports, struct port *port, struct driver_error *error);

/** poll() reported something on a socket of the port. */
void port_ready(struct ports *ports, struct port *port, enum link_socket which, short revents);

/** The engine wants a message sent. */
void port_send(struct ports *ports, struct port *port, const struct gnomon_send *message);

/** Give up the transmit timestamps of all ports that are overdue. */
void ports_expire(struct ports *ports, gnomon_mono now);

/** Look at the interface: up or down, gone or back, renamed, another port of a bond. */
void port_look(struct ports *ports, struct port *port, gnomon_mono now);

#endif
