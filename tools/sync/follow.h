/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * A PTP daemon of this machine (gnomond, ptp4l), asked and heard by its management socket: its
 * ports, their states as they change, and time properties. It never waits: whoever has a loop
 * calls sync_follow_receive when the descriptor is readable, and sync_follow_expire in time.
 */
#ifndef SYNC_FOLLOW_H
#define SYNC_FOLLOW_H

#include <net/if.h>

#include <gnomon/engine.h>
#include <gnomon/msg.h>
#include <gnomon/time.h>

#include "drivers/error.h"
#include "tools/log/log.h"

struct manage_client;

struct sync_follow_port {
	enum gnomon_port_state state;
	bool answered;      /* PORT_PROPERTIES_NP came, or an error in its place */
	bool hardware;      /* it has hardware time stamps */
	bool clock_known;   /* phc_index is final */
	int phc_index;
	char interface[IFNAMSIZ];
};

struct sync_follow_config {
	const char *program;
	bool drop_in;       /* phc2sys: says that it waits every second, and not for what */
	const char *server; /* NULL: where ptp4l listens */
	unsigned int domain;
	unsigned int transport_specific;
	bool ports;         /* ports and their clocks are wanted, too */
	bool wait;          /* somebody waits for it to be in step */
	unsigned int number; /* of the daemon, for the log */
	struct log *log;
};

struct sync_follow {
	struct sync_follow_config config;
	struct manage_client *client;
	const char *server;  /* that the client asks */
	bool found;          /* it answers */
	bool asked;          /* at least once */
	int asked_error;     /* why it could not be asked the last time; 0: it could */
	bool quiet;          /* it was found once, so nobody waits for it any more */
	gnomon_mono tell;    /* natively: when to say again what is waited for */
	int64_t tell_again_ns;
	bool ready;          /* the ports are complete */
	bool changed;        /* ports or their states: for the owner to clear */
	bool in_step;        /* a port is timeTransmitter or timeReceiver */
	bool has_properties;
	struct gnomon_clock_identity clock;
	struct sync_follow_port *ports; /* port_count of them, from number 1 on */
	unsigned int port_count;
	struct gnomon_time_properties_ds properties;
	gnomon_mono next;
	gnomon_mono heard;
	gnomon_mono complete; /* when to go on without the ports that did not answer */
	gnomon_mono renew;    /* the subscription */
};

/** Returns 0 or -errno with *error. */
int sync_follow_open(struct sync_follow *follow, const struct sync_follow_config *config,
		     gnomon_mono now, struct driver_error *error);
void sync_follow_close(struct sync_follow *follow);

int sync_follow_fd(const struct sync_follow *follow);
void sync_follow_receive(struct sync_follow *follow, gnomon_mono now);
gnomon_mono sync_follow_deadline(const struct sync_follow *follow);
void sync_follow_expire(struct sync_follow *follow, gnomon_mono now);

/** What is waited for, and what to do: "/var/run/ptp/ptp4l: there is no such socket; start ..." */
#define SYNC_FOLLOW_WAITING_MAX 240
char *sync_follow_waiting(const struct sync_follow *follow, char text[SYNC_FOLLOW_WAITING_MAX]);

/** Sure enough of UTC to tell the kernel. */
bool sync_follow_traceable(const struct sync_follow *follow);

#endif
