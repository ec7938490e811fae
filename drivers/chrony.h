/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * What a running chronyd says of the system clock: its "tracking" report, by its command protocol
 * (version 6), over its socket in the file system or UDP. Asked and answered without waiting:
 *
 *     chrony_open(&c, "auto", &error);
 *     every second or so:   chrony_ask(&c);
 *     c.fd is readable:     chrony_receive(&c, &report);
 */
#ifndef DRIVERS_CHRONY_H
#define DRIVERS_CHRONY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/error.h"
#include "drivers/uds.h"

#define CHRONY_SOCKET "/run/chrony/chronyd.sock"
#define CHRONY_PORT "323"

/** The state of the system clock when chronyd answered. */
struct chrony_report {
	bool synchronised;     /* to something else than itself */
	bool local;            /* it gives out its own time as if it were good ("local"): nobody
				* vouches for it, and it is not synchronised */
	bool refclock;         /* to a reference clock of this machine, which may be us */
	double offset_s;       /* the system clock minus NTP time */
	double bound_s;        /* |error| of that: root delay / 2 + root dispersion */
	int leap;              /* at the end of the UTC day: 61, 59 or 0 */
	unsigned int stratum;  /* 0: none */
	uint32_t reference_id; /* an IPv4 address, a hash, or four letters */
	double frequency_ppm;  /* what the system clock would gain without chronyd */
};

struct chrony {
	int fd;                /* to poll; -1: closed */
	struct uds uds;        /* fd -1: it is UDP */
	struct uds_address to; /* chronyd's, where it is not */
	uint32_t sequence;     /* of the request that is out */
	bool asked;
};

/**
 * Get ready to ask. device: chronyd's socket (a path), a host with or without a port ("127.0.0.1",
 * "[::1]:323"), or "auto": CHRONY_SOCKET, and where that cannot be used, UDP on this host. A
 * program that answers by the socket needs one of ours beside it, in chronyd's folder; UDP needs no
 * right. A chronyd that is not there yet is no error. Returns 0 or -errno with a line in *error.
 */
int chrony_open(struct chrony *c, const char *device, struct driver_error *error);

/** Zeroed: fd 0 is left alone only if nothing was opened; closed before is ok. */
void chrony_close(struct chrony *c);

/**
 * Send a request; an answer to an older one is not taken any more. Returns 0 or -errno
 * (-ECONNREFUSED, -ENOENT: no chronyd is there).
 */
int chrony_ask(struct chrony *c);

/**
 * Take the answer. Returns 0; -EAGAIN: it is not there yet; -EACCES: chronyd does not answer this
 * to us; -EPROTONOSUPPORT: another version of the protocol; -EBADMSG: nonsense; -ECONNREFUSED: no
 * chronyd is there. What is no answer to the request is skipped.
 */
int chrony_receive(struct chrony *c, struct chrony_report *report);

/* -- the messages; pure ----------------------------------------------------------------------- */

/** Octets of a request, which is as long as its answer. */
#define CHRONY_MESSAGE 104

/** A request for tracking. */
void chrony_encode(uint8_t message[CHRONY_MESSAGE], uint32_t sequence);

/** Read an answer to that request: as chrony_receive. */
int chrony_decode(const uint8_t *data, size_t len, uint32_t sequence,
		  struct chrony_report *report);

#endif
