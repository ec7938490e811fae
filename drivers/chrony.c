/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/chrony.h"

#include <errno.h>
#include <math.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/socket.h"

/* -- the messages ----------------------------------------------------------------------------- */

#define PROTOCOL 6
#define TYPE_REQUEST 1
#define TYPE_REPLY 2
#define COMMAND_TRACKING 33
#define REPLY_TRACKING 5

enum status { STATUS_SUCCESS = 0, STATUS_UNAUTHORISED = 2, STATUS_BAD_VERSION = 18 };

/* Octets of a reply before what it replies, as far as all versions agree on it. */
#define HEADER 28

/* Where things stand in a reply, all big-endian. */
enum {
	AT_VERSION = 0,
	AT_TYPE = 1,
	AT_COMMAND = 4,
	AT_REPLY = 6,
	AT_STATUS = 8,
	AT_SEQUENCE = 16,
	AT_REFERENCE_ID = 28,
	AT_FAMILY = 48,
	AT_STRATUM = 52,
	AT_LEAP = 54,
	AT_CORRECTION = 68,
	AT_FREQUENCY = 80,
	AT_ROOT_DELAY = 92,
	AT_ROOT_DISPERSION = 96,
};

/* Its address as a reference clock of itself: 127.127.1.1. */
#define REFERENCE_LOCAL 0x7f7f0101u

/* Of the address of who is no NTP server. */
#define FAMILY_NONE 0

/* leap_status: 1 and 2 announce, 3 says that there is no time. */
enum { LEAP_INSERT = 1, LEAP_DELETE = 2, LEAP_UNSYNCHRONISED = 3 };

/* No clock is off by more than that and still has a meaning: 300 years. */
#define OFFSET_MAX 1e10
#define STRATUM_MAX 16

static uint32_t get16(const uint8_t *data, size_t at)
{
	return (uint32_t)data[at] << 8 | data[at + 1];
}

static uint32_t get32(const uint8_t *data, size_t at)
{
	return get16(data, at) << 16 | get16(data, at + 2);
}

/* Their floating point: 7 bits of exponent, 25 of coefficient, both in two's complement. */
static double get_float(const uint8_t *data, size_t at)
{
	uint32_t bits = get32(data, at);
	int exponent = (int)(bits >> 25);
	int32_t coefficient = (int32_t)(bits & 0x1ffffff);

	exponent -= exponent >= 64 ? 128 : 0;
	coefficient -= coefficient >= 1 << 24 ? 1 << 25 : 0;
	return ldexp(coefficient, exponent - 25);
}

void chrony_encode(uint8_t message[CHRONY_MESSAGE], uint32_t sequence)
{
	memset(message, 0, CHRONY_MESSAGE);
	message[0] = PROTOCOL;
	message[1] = TYPE_REQUEST;
	message[5] = COMMAND_TRACKING;
	for (int i = 0; i < 4; i++) {
		message[8 + i] = (uint8_t)(sequence >> (24 - 8 * i));
	}
}

/* Whose answer it is, and whether it is one. */
static int check_header(const uint8_t *data, size_t len, uint32_t sequence)
{
	if (len < HEADER || data[AT_TYPE] != TYPE_REPLY ||
	    get16(data, AT_COMMAND) != COMMAND_TRACKING ||
	    get32(data, AT_SEQUENCE) != sequence) {
		return -EAGAIN;
	}
	if (data[AT_VERSION] != PROTOCOL || get16(data, AT_STATUS) == STATUS_BAD_VERSION) {
		return -EPROTONOSUPPORT;
	}
	if (get16(data, AT_STATUS) == STATUS_UNAUTHORISED) {
		return -EACCES;
	}
	return get16(data, AT_STATUS) == STATUS_SUCCESS &&
			       get16(data, AT_REPLY) == REPLY_TRACKING && len >= CHRONY_MESSAGE
		       ? 0
		       : -EBADMSG;
}

int chrony_decode(const uint8_t *data, size_t len, uint32_t sequence,
		  struct chrony_report *report)
{
	struct chrony_report r = { .synchronised = false };
	uint32_t leap;
	double dispersion;
	int err = check_header(data, len, sequence);

	if (err) {
		return err;
	}
	leap = get16(data, AT_LEAP);
	dispersion = get_float(data, AT_ROOT_DISPERSION);
	r.reference_id = get32(data, AT_REFERENCE_ID);
	r.stratum = get16(data, AT_STRATUM);
	r.leap = leap == LEAP_INSERT ? 61 : leap == LEAP_DELETE ? 59 : 0;
	r.local = leap != LEAP_UNSYNCHRONISED && r.reference_id == REFERENCE_LOCAL;
	r.synchronised = leap != LEAP_UNSYNCHRONISED && !r.local;
	r.refclock = r.synchronised && get16(data, AT_FAMILY) == FAMILY_NONE;
	/* What is still to be added to the clock. */
	r.offset_s = 0.0 - get_float(data, AT_CORRECTION);
	r.frequency_ppm = get_float(data, AT_FREQUENCY);
	/* A measured delay can come out below zero; it is no less uncertain for that. */
	r.bound_s = fabs(get_float(data, AT_ROOT_DELAY)) / 2 + dispersion;
	if (leap > LEAP_UNSYNCHRONISED || r.stratum > STRATUM_MAX || dispersion < 0 ||
	    r.bound_s > OFFSET_MAX || fabs(r.offset_s) > OFFSET_MAX) {
		return -EBADMSG;
	}
	*report = r;
	return 0;
}

/* -- sockets ---------------------------------------------------------------------------------- */

/* A name for a socket of ours in the folder of chronyd's. */
static int own_path(char *path, size_t cap, const char *device)
{
	static unsigned int count;
	const char *slash = strrchr(device, '/');
	int len = snprintf(path, cap, "%.*s/gnomon.%ld.%u.sock", (int)(slash - device), device,
			   (long)getpid(), count++);

	return len > 0 && (size_t)len < cap ? 0 : -ENAMETOOLONG;
}

/* chronyd answers to the name its client is bound to, and may be another user: all may write. */
static int open_socket(struct chrony *c, const char *device, struct driver_error *error)
{
	char path[UDS_PATH_MAX + 1];
	mode_t mask;
	int err = uds_address_set(&c->to, device, error);

	if (err) {
		return err;
	}
	err = own_path(path, sizeof(path), device);
	if (err) {
		return driver_fail(error, err, "%s: the path is too long for one beside it",
				   device);
	}
	mask = umask(0);
	err = uds_open(&c->uds, path, error);
	(void)umask(mask);
	if (err) {
		return err;
	}
	c->fd = c->uds.fd;
	return 0;
}

/* "host", "host:port", "[host]:port", "::1": name and port apart. */
static int split_host(const char *device, char host[256], char port[16])
{
	const char *end = device[0] == '[' ? strchr(device, ']') : strchr(device, ':');
	const char *colon = end;
	size_t len;

	if (device[0] == '[' && !end) {
		return -EINVAL;
	}
	if (device[0] == '[') {
		device++;
		colon = end[1] ? end + 1 : NULL;
		if (colon && *colon != ':') {
			return -EINVAL;
		}
	} else if (end && strchr(end + 1, ':')) {
		end = colon = NULL; /* an IPv6 address */
	}
	len = end ? (size_t)(end - device) : strlen(device);
	if (len == 0 || len >= 256 || (colon && (!colon[1] || strlen(colon + 1) >= 16))) {
		return -EINVAL;
	}
	memcpy(host, device, len);
	host[len] = '\0';
	snprintf(port, 16, "%s", colon ? colon + 1 : CHRONY_PORT);
	return 0;
}

/* The first of the addresses that a socket can be made for. */
static int connect_first(const struct addrinfo *list)
{
	int err = -EADDRNOTAVAIL;

	for (const struct addrinfo *a = list; a; a = a->ai_next) {
		int fd = socket_open(a->ai_family, SOCK_DGRAM, 0);

		if (fd < 0) {
			err = fd;
			continue;
		}
		if (connect(fd, a->ai_addr, a->ai_addrlen) == 0) {
			return fd;
		}
		err = -errno;
		(void)close(fd);
	}
	return err;
}

static int open_udp(struct chrony *c, const char *device, struct driver_error *error)
{
	const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM,
					.ai_flags = AI_NUMERICSERV };
	struct addrinfo *list = NULL;
	char host[256], port[16];
	int err;

	if (split_host(device, host, port)) {
		return driver_fail(error, -EINVAL,
				   "'%s': no host of a chronyd; write a path, host or host:port",
				   device);
	}
	err = getaddrinfo(host, port, &hints, &list);
	if (err) {
		return driver_fail(error, -ENXIO, "%s: chronyd's host: %s", device,
				   gai_strerror(err));
	}
	err = connect_first(list);
	freeaddrinfo(list);
	if (err < 0) {
		return driver_fail(error, err, "%s: cannot talk to chronyd there: %s", device,
				   driver_strerror(err));
	}
	c->fd = err;
	return 0;
}

int chrony_open(struct chrony *c, const char *device, struct driver_error *error)
{
	struct chrony opened = { .fd = -1, .uds = { .fd = -1 } };
	int err;

	if (strcmp(device, "auto") == 0) {
		err = open_socket(&opened, CHRONY_SOCKET, NULL);
		err = err ? open_udp(&opened, "127.0.0.1", error) : 0;
	} else if (device[0] == '/') {
		err = open_socket(&opened, device, error);
	} else {
		err = open_udp(&opened, device, error);
	}
	if (!err) {
		*c = opened;
	}
	return err;
}

void chrony_close(struct chrony *c)
{
	if (c->fd <= 0) {
		return;
	}
	if (c->uds.fd > 0) {
		uds_close(&c->uds);
	} else {
		(void)close(c->fd);
	}
	c->fd = -1;
}

/* chronyd's folder goes and comes with it, and takes what is in it along. */
static int revive(struct chrony *c)
{
	struct chrony again = { .fd = -1, .uds = { .fd = -1 } };
	struct stat st;
	int err;

	if (lstat(c->uds.path, &st) == 0 && st.st_ino == c->uds.inode &&
	    st.st_dev == c->uds.device) {
		return 0;
	}
	err = open_socket(&again, c->to.name.sun_path, NULL);
	if (err) {
		return err;
	}
	chrony_close(c);
	*c = again;
	return 0;
}

/* A number nobody can know: who does not see the request cannot answer it. */
static uint32_t unknown(uint32_t last)
{
	uint32_t sequence;

	return getrandom(&sequence, sizeof(sequence), GRND_NONBLOCK) == sizeof(sequence)
		       ? sequence
		       : last + 1;
}

int chrony_ask(struct chrony *c)
{
	uint8_t message[CHRONY_MESSAGE];
	int err = c->uds.fd > 0 ? revive(c) : 0;

	if (err) {
		return err;
	}
	c->sequence = unknown(c->sequence);
	c->asked = true;
	chrony_encode(message, c->sequence);
	if (c->uds.fd > 0) {
		return uds_send(&c->uds, message, sizeof(message), &c->to);
	}
	return send(c->fd, message, sizeof(message), MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* So many datagrams are looked at in one go: what is no answer is not to keep the caller. */
#define DRAIN 16

int chrony_receive(struct chrony *c, struct chrony_report *report)
{
	uint8_t data[512];

	for (int i = 0; i < DRAIN; i++) {
		ssize_t len = recv(c->fd, data, sizeof(data), 0);
		int err;

		if (len < 0) {
			return errno == EINTR || errno == EWOULDBLOCK ? -EAGAIN : -errno;
		}
		err = c->asked ? chrony_decode(data, (size_t)len, c->sequence, report) : -EAGAIN;
		if (err != -EAGAIN) {
			c->asked = false;
			return err;
		}
	}
	return -EAGAIN;
}
