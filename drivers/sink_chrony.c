/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chrony's SOCK reference clock: datagrams of one struct in host byte order, as chrony's manual
 * gives it (chrony.conf, refclock, SOCK).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "drivers/sink.h"
#include "drivers/socket.h"

#define SOCK_MAGIC 0x534f434b

struct sock_sample {
	struct timeval tv; /* the system clock when it was measured */
	double offset;     /* s: true time minus the system clock */
	int pulse;         /* not zero: offset has no whole seconds */
	int leap;          /* 0: none, 1: insert, 2: delete */
	int padding;
	int magic;
};

struct sink_chrony {
	struct sink base;
	int fd; /* -1: not connected */
	struct sockaddr_un address;
};

static int connect_socket(struct sink_chrony *chrony)
{
	int err;

	chrony->fd = socket_open(AF_UNIX, SOCK_DGRAM, 0);
	if (chrony->fd < 0) {
		err = chrony->fd;
		chrony->fd = -1;
		return err;
	}
	if (connect(chrony->fd, (const struct sockaddr *)&chrony->address,
		    sizeof(chrony->address))) {
		err = -errno;
		(void)close(chrony->fd);
		chrony->fd = -1;
		return err;
	}
	return 0;
}

static int leap_code(int leap)
{
	return leap == 61 ? 1 : leap == 59 ? 2 : 0;
}

static int chrony_send(struct sink *sink, const struct sink_sample *sample)
{
	struct sink_chrony *chrony = (struct sink_chrony *)sink;
	const struct sock_sample datagram = {
		.tv = { .tv_sec = sample->local.sec,
			.tv_usec = (suseconds_t)(sample->local.nsec / 1000) },
		/* The reading is cut to microseconds; what is cut off belongs to the offset, which
		 * hardly changes over it. */
		.offset = gnomon_span_to_double(sample->offset) * -1e-9,
		.leap = leap_code(sample->leap),
		.magic = SOCK_MAGIC,
	};
	int err = chrony->fd < 0 ? connect_socket(chrony) : 0;

	if (err) {
		return err;
	}
	if (send(chrony->fd, &datagram, sizeof(datagram), MSG_NOSIGNAL) < 0) {
		err = -errno;
		/* A restarted chronyd has another socket at the same place. */
		(void)close(chrony->fd);
		chrony->fd = -1;
	}
	return err;
}

static void chrony_destroy(struct sink *sink)
{
	const struct sink_chrony *chrony = (struct sink_chrony *)sink;

	if (chrony && chrony->fd >= 0) {
		(void)close(chrony->fd);
	}
	free(sink);
}

static const struct sink_ops chrony_ops = {
	.kind = "chrony",
	.send = chrony_send,
	.destroy = chrony_destroy,
};

int sink_chrony_open(struct sink **sink, const char *path, bool await, struct driver_error *error)
{
	const size_t len = strlen(path);
	struct sink_chrony *chrony;
	int err;

	if (len == 0 || len >= sizeof(chrony->address.sun_path)) {
		return driver_fail(error, -EINVAL,
				   "'%.120s': not a possible path of a socket; write one of 1 to "
				   "%zu octets",
				   path, sizeof(chrony->address.sun_path) - 1);
	}
	chrony = calloc(1, sizeof(*chrony));
	if (!chrony) {
		return driver_fail(error, -ENOMEM, "%s: out of memory", path);
	}
	chrony->base.ops = &chrony_ops;
	(void)snprintf(chrony->base.name, sizeof(chrony->base.name), "%s", path);
	chrony->address.sun_family = AF_UNIX;
	memcpy(chrony->address.sun_path, path, len);
	err = connect_socket(chrony);
	chrony->base.absent = err == -ENOENT || err == -ECONNREFUSED;
	if (err && !(await && chrony->base.absent)) {
		free(chrony);
		return driver_fail(error, err, "%s: cannot reach chronyd: %s: its configuration "
				   "needs \"refclock SOCK %s\"", path, driver_strerror(err), path);
	}
	*sink = &chrony->base;
	return 0;
}
