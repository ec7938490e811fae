/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * gnomon nsm, and nsm: a NetSync Monitor client. It asks any server that agrees to be asked for one
 * unicast exchange, and learns how far that server's clock is from ours, and whom it follows:
 *
 *     Delay_Req + PTPMON_REQ   ->
 *                              <-  Delay_Resp + PTPMON_RESP
 *                              <-  Sync, and its Follow_Up, with the request's sequenceId
 */
#ifndef NSM_NSM_H
#define NSM_NSM_H

#include <stdio.h>

#include <gnomon/clock.h>
#include <gnomon/msg.h>

#include "drivers/error.h"
#include "tools/cli/command.h"

/** TLVs of no standard; values as deployed. */
#define NSM_TLV_REQUEST 0x21fe
#define NSM_TLV_RESPONSE 0x21ff

/** What a server says of itself: its data sets (8.2). */
struct nsm_status {
	uint8_t port_state;
	struct gnomon_address parent_address;
	struct gnomon_port_identity parent;
	uint8_t parent_stats;
	uint16_t observed_variance;
	uint32_t observed_phase_change_rate;
	uint8_t grandmaster_priority1;
	struct gnomon_clock_quality grandmaster_quality;
	uint8_t grandmaster_priority2;
	struct gnomon_clock_identity grandmaster;
	uint16_t steps_removed;
	int64_t offset_from_master; /* TimeInterval */
	int64_t mean_path_delay;    /* TimeInterval */
	int16_t utc_offset;
	uint8_t flags; /* second octet of flagField */
	uint8_t time_source;
	struct gnomon_timestamp last_sync;
};

/** An exchange under way. */
struct nsm_exchange {
	bool active;
	struct gnomon_address server;
	struct gnomon_port_identity self;
	uint16_t sequence;
	uint32_t key;           /* of the request's transmit stamp */
	bool has_request;       /* that stamp is here */
	gnomon_time request;    /* t3 */
	bool has_sync;
	bool one_step;
	gnomon_time sync_rx;    /* t2 */
	gnomon_time sync_tx;    /* t1, without what corrections add */
	int64_t sync_correction;
	bool has_follow_up;
	bool has_response;
	struct gnomon_port_identity server_port;
	gnomon_time response;   /* t4, likewise */
	int64_t response_correction;
	struct nsm_status status;
};

/** What it comes to. */
struct nsm_result {
	gnomon_span offset; /* ours minus the server's */
	gnomon_span delay;
};

/**
 * Parse the value of a PTPMON_RESP. Returns 0, or -EBADMSG if it is too short or its lengths
 * contradict each other; *status as before.
 */
int nsm_status_parse(struct nsm_status *status, const struct gnomon_tlv *tlv);

/**
 * Build the request into buf. asymmetry_ns: of the path, as delayAsymmetry has it. Returns its
 * length or -ENOBUFS.
 */
int nsm_request_build(const struct nsm_exchange *exchange, const struct gnomon_header *header,
		      int64_t asymmetry_ns, uint8_t *buf, size_t cap);

/** Take a message from source, received at rx (NULL: without a stamp). True if it belongs here. */
bool nsm_exchange_take(struct nsm_exchange *exchange, const struct gnomon_msg *msg,
		       const struct gnomon_address *source, const gnomon_time *rx);

/** True when all is there; *result is filled in then. */
bool nsm_exchange_done(const struct nsm_exchange *exchange, struct nsm_result *result);

/** As linuxptp's nsm prints it. */
void nsm_print(FILE *out, const struct nsm_status *status, const struct nsm_result *result);
void nsm_print_json(FILE *out, const char *server, const struct nsm_status *status,
		    const struct nsm_result *result);

/* -- asking ----------------------------------------------------------------------------------- */

struct conf;
struct nsm;

/** Open the sockets as configured, on the one interface. Returns 0 or -errno with *error. */
int nsm_open(struct nsm **nsm, const struct conf *conf, struct driver_error *error);
void nsm_close(struct nsm *nsm);

/** Send a request. Returns 0; -EINVAL (server is no address of the transport), -errno. */
int nsm_ask(struct nsm *nsm, const char *server);

/** True while an answer is awaited. */
bool nsm_waiting(const struct nsm *nsm);
/** Give up on it. */
void nsm_forget(struct nsm *nsm);

/**
 * Wait up to timeout_ms (-1: for ever) for the network, or for also_fd (-1: none) to be readable.
 * Returns 1 with *status and *result when an exchange is complete, 2 when also_fd is readable, 0
 * when neither came, -EINTR or -errno.
 */
int nsm_wait(struct nsm *nsm, int also_fd, int timeout_ms, struct nsm_status *status,
	     struct nsm_result *result);

command_fn nsm_main;

#endif
