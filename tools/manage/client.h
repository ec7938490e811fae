/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * A management client (IEEE 1588-2019 clause 15): asks a PTP daemon of this machine by its socket,
 * or the clocks of a network, and hears what they say.
 *
 *     manage_config_default(&config, "pmc");
 *     manage_open(&client, &config, &error);
 *     manage_ask(client, &request, 500, &answer, &error);          ask, wait for the answer
 *
 * or, in a loop of one's own:
 *
 *     manage_get(client, GNOMON_MID_TIME_STATUS_NP, &sequence);
 *     poll(manage_fd(client));
 *     while ((r = manage_receive(client, &message)) != -EAGAIN)
 *             if (r == 0 && manage_is_answer(client, &message)) ...
 *
 * Fields are read and built by the table of gnomon/management.h.
 */
#ifndef MANAGE_CLIENT_H
#define MANAGE_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include <gnomon/management.h>
#include <gnomon/msg.h>

#include "drivers/error.h"
#include "drivers/link.h"

/** A message received, taken apart. */
struct manage_message {
	struct gnomon_msg msg;           /* MANAGEMENT or SIGNALING; points into octets */
	bool has_tlv;                    /* its first TLV is of management: */
	struct gnomon_management_tlv tlv;
	uint8_t octets[GNOMON_MSG_MAX + 2];
};

/** Takes a message that came while manage_ask() waited for another one. */
typedef void manage_notice_fn(void *context, const struct manage_message *message);

/** Start from manage_config_default(); strings are borrowed while opening. */
struct manage_config {
	const char *program;     /* names the client's socket */
	bool local;              /* by the socket of a daemon on this machine, else by link */
	const char *server;      /* local: path of the daemon's socket */
	const char *own;         /* local: path of ours, in the server's folder if it has no '/';
				  * NULL: "program.PID", or no file if none can be made there */
	struct link_config link; /* network: interface, addresses, ports */
	uint8_t domain;
	uint16_t sdo_id;
	uint8_t minor_version;
	uint8_t boundary_hops;   /* how often daemons may pass requests on to others */
	bool empty_get;          /* send GETs with no dataField at all */
	manage_notice_fn *notice; /* NULL: what manage_ask() did not wait for is lost */
	void *context;
};

/** Where a ptp4l of this machine listens: linuxptp's path since 4.0, or the one before if only
 * that is there. */
const char *manage_default_server(void);

/** Local, the default server, domain 0, and no boundary hop: that daemon alone is asked. */
void manage_config_default(struct manage_config *config, const char *program);

struct conf;

/** The same with the socket, domain and transportSpecific that are configured; conf is borrowed. */
void manage_config_of(struct manage_config *config, const char *program, const struct conf *conf);

struct manage_client;

/**
 * Open the socket. That no daemon answers shows only when something is sent. Returns 0 or -errno
 * with *error; nothing is left behind then.
 */
int manage_open(struct manage_client **client, const struct manage_config *config,
		struct driver_error *error);

/** Close, and remove the socket's file. NULL ok. */
void manage_close(struct manage_client *client);

/** To poll for POLLIN. */
int manage_fd(const struct manage_client *client);

/** What the client calls itself: the sourcePortIdentity of requests. */
const struct gnomon_port_identity *manage_identity(const struct manage_client *client);

/** Whom requests are meant for; NULL, and at first: all ports of all clocks. */
void manage_target(struct manage_client *client, const struct gnomon_port_identity *target);

/** What to ask. */
struct manage_request {
	enum gnomon_management_action action; /* GET, SET or COMMAND */
	uint16_t id;
	const uint8_t *data;                  /* dataField; not for GET */
	size_t len;                           /* even */
};

/**
 * Send a request. Returns 0 with its sequenceId (sequence may be NULL), or -errno of the moment
 * (-ENOENT, -ECONNREFUSED: no daemon there; -EACCES: not allowed; -EAGAIN: it is too busy).
 */
int manage_send(struct manage_client *client, const struct manage_request *request,
		uint16_t *sequence);

/** Send a GET. */
int manage_get(struct manage_client *client, uint16_t id, uint16_t *sequence);

/** Bits of SUBSCRIBE_EVENTS_NP. */
#define MANAGE_NOTIFY_PORT_STATE 0x1u
#define MANAGE_NOTIFY_TIME_SYNC 0x2u
#define MANAGE_NOTIFY_PARENT_DATA_SET 0x4u
#define MANAGE_NOTIFY_CMLDS 0x8u

/** Send a SET of SUBSCRIBE_EVENTS_NP; 0 seconds ends the subscription. */
int manage_subscribe(struct manage_client *client, uint16_t seconds, unsigned int events,
		     uint16_t *sequence);

/**
 * Take one message without waiting. Returns 0, -EAGAIN (none), -ENOMSG (something else than
 * management or signaling: try again), -EBADMSG (malformed: try again) or -errno of the socket.
 */
int manage_receive(struct manage_client *client, struct manage_message *message);

/** Whether a message answers a request of this client: then its sequenceId tells which. */
bool manage_is_answer(const struct manage_client *client, const struct manage_message *message);

/** Wait until something can be received. Returns 1, 0 (time is up) or -errno (-EINTR: a signal). */
int manage_wait(const struct manage_client *client, int timeout_ms);

/**
 * Send a request and wait for the first answer to it. Returns 0 with *answer, -ETIMEDOUT, -EPROTO
 * (the answer is an error status: answer->tlv.error), -EINTR, or -errno of sending or receiving,
 * all with one line in *error.
 */
int manage_ask(struct manage_client *client, const struct manage_request *request, int timeout_ms,
	       struct manage_message *answer, struct driver_error *error);

/** What to do about an error status that answers a request; "" if nothing is known. */
const char *manage_remedy(unsigned int error, enum gnomon_management_action action);

/** In words why a request could not be sent: for codes of manage_send(). */
int manage_send_failed(const struct manage_client *client, int code, struct driver_error *error);

#endif
