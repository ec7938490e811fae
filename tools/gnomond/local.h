/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Sockets of this machine for management: one that may change things, one that may only ask.
 *
 * The engine knows a client by a name of a few octets, never by its address. Names are not used
 * twice, so one that a client left behind in the engine can only come to nothing.
 */
#ifndef GNOMOND_LOCAL_H
#define GNOMOND_LOCAL_H

#include <poll.h>

#include <gnomon/engine.h>

#include "drivers/uds.h"

#include "keeper.h"

enum local_socket {
	LOCAL_READ_WRITE,
	LOCAL_READ_ONLY,
	LOCAL_SOCKETS /* how many there are */
};

/** Clients of a socket that can be answered; of more, the one not heard of for longest is lost. */
#define LOCAL_CLIENTS 32

struct local_client {
	uint32_t name; /* 0: free */
	uint64_t used; /* counts uses of the socket */
	struct uds_address address;
};

struct local_server {
	struct uds uds; /* .fd -1: closed */
	uint64_t uses;
	struct local_client clients[LOCAL_CLIENTS];
};

struct local {
	struct gnomon_engine *engine;
	struct keeper *keeper;
	uint32_t names; /* given to clients so far */
	struct driver_error missing; /* why a socket is done without; "": none is */
	struct local_server servers[LOCAL_SOCKETS];
};

/** Nothing open. */
void local_init(struct local *l, struct gnomon_engine *engine, struct keeper *keeper);

/**
 * Open the sockets where the configuration says. One that cannot be opened at the default place is
 * done without, as l->missing then says, because a clock is of use without it; without ports the
 * default place is left to others. At a place that was configured it is an error: -errno with one
 * line in *error.
 */
int local_open(struct local *l, const struct conf *conf, struct driver_error *error);

/** Close, and remove the files. Works on one that was only zeroed, too. */
void local_close(struct local *l);

/** Fill fds[LOCAL_SOCKETS]. */
void local_poll_fds(const struct local *l, struct pollfd fds[LOCAL_SOCKETS]);

/** poll() reported something on a socket: take one message. */
void local_ready(struct local *l, enum local_socket which, gnomon_mono now);

/** The engine wants a message sent to a client. */
void local_send(struct local *l, const struct gnomon_send *message);

#endif
