/* SPDX-License-Identifier: BSD-2-Clause */
#include "local.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where linuxptp looks since 4.0, and before: the folder of the first need not be there. */
#define FOLDER "/var/run/ptp"
#define DEFAULT_RW FOLDER "/ptp4l"
#define DEFAULT_RO FOLDER "/ptp4lro"
#define OLD_RW "/var/run/ptp4l"
#define OLD_RO "/var/run/ptp4lro"

void local_init(struct local *l, struct gnomon_engine *engine, struct keeper *keeper)
{
	memset(l, 0, sizeof(*l));
	l->engine = engine;
	l->keeper = keeper;
	for (int i = 0; i < LOCAL_SOCKETS; i++) {
		l->servers[i].uds.fd = -1;
	}
}

/* -- opening ---------------------------------------------------------------------------------- */

/* A socket file has its mode from the first moment on. */
static int open_with_mode(struct uds *uds, const char *path, int mode, struct driver_error *error)
{
	mode_t before = umask((mode_t)(0777 & ~mode));
	int r = uds_open(uds, path, error);

	(void)umask(before);
	return r;
}

/* alone: without ports. The default places are left to a daemon that has some. */
static int open_server(struct local *l, enum local_socket which, const char *path, int mode,
		       bool alone, struct driver_error *error)
{
	const char *standard = which == LOCAL_READ_WRITE ? DEFAULT_RW : DEFAULT_RO;
	const char *old = which == LOCAL_READ_WRITE ? OLD_RW : OLD_RO;
	bool is_default = strcmp(path, standard) == 0 || strcmp(path, old) == 0;
	struct local_server *s = &l->servers[which];
	int r;

	if (!path[0]) {
		return 0;
	}
	if (is_default && alone) {
		return driver_fail(&l->missing, 0, "there are no ports to manage; set %s for one",
				   which == LOCAL_READ_WRITE ? "uds_address" : "uds_ro_address");
	}
	if (strcmp(path, standard) == 0 && access(FOLDER, F_OK) != 0) {
		path = old;
	}
	r = open_with_mode(&s->uds, path, mode, is_default ? &l->missing : error);
	if (r != 0) {
		s->uds.fd = -1;
	}
	return is_default ? 0 : r;
}

int local_open(struct local *l, const struct conf *conf, struct driver_error *error)
{
	bool alone = conf->port_count == 0;
	int r = open_server(l, LOCAL_READ_ONLY, conf->uds_ro_address,
			    conf->defaults.uds_ro_file_mode, alone, error);

	if (r == 0) {
		r = open_server(l, LOCAL_READ_WRITE, conf->uds_address,
				conf->defaults.uds_file_mode, alone, error);
	}
	return r;
}

void local_close(struct local *l)
{
	for (int i = 0; i < LOCAL_SOCKETS; i++) {
		uds_close(&l->servers[i].uds);
	}
}

void local_poll_fds(const struct local *l, struct pollfd fds[LOCAL_SOCKETS])
{
	for (int i = 0; i < LOCAL_SOCKETS; i++) {
		fds[i] = (struct pollfd){ .fd = l->servers[i].uds.fd, .events = POLLIN };
	}
}

/* -- clients ---------------------------------------------------------------------------------- */

/* The engine's address of a client: which socket, and its name. */
static void name_address(struct gnomon_address *address, enum local_socket which, uint32_t name)
{
	memset(address, 0, sizeof(*address));
	address->network_protocol = GNOMON_NETWORK_LOCAL;
	address->length = 5;
	address->octets[0] = (uint8_t)which;
	memcpy(&address->octets[1], &name, sizeof(name));
}

static void forget(struct local *l, enum local_socket which, struct local_client *client)
{
	struct gnomon_address address;

	name_address(&address, which, client->name);
	gnomon_engine_forget_client(l->engine, &address);
	client->name = 0;
}

/* The client of an address, a new one if it is not known. */
static struct local_client *client_of(struct local *l, enum local_socket which,
				      const struct uds_address *address)
{
	struct local_server *s = &l->servers[which];
	struct local_client *oldest = &s->clients[0];

	for (int i = 0; i < LOCAL_CLIENTS; i++) {
		struct local_client *c = &s->clients[i];

		if (c->name && uds_address_equal(&c->address, address)) {
			return c;
		}
		if (!c->name || (oldest->name && c->used < oldest->used)) {
			oldest = c;
		}
	}
	if (oldest->name) {
		forget(l, which, oldest);
	}
	oldest->name = ++l->names ? l->names : ++l->names;
	oldest->address = *address;
	return oldest;
}

static struct local_client *client_named(struct local_server *s, uint32_t name)
{
	for (int i = 0; i < LOCAL_CLIENTS; i++) {
		if (s->clients[i].name == name) {
			return &s->clients[i];
		}
	}
	return NULL;
}

/* -- messages --------------------------------------------------------------------------------- */

void local_ready(struct local *l, enum local_socket which, gnomon_mono now)
{
	static const enum gnomon_channel channels[LOCAL_SOCKETS] = {
		[LOCAL_READ_WRITE] = GNOMON_CHANNEL_LOCAL,
		[LOCAL_READ_ONLY] = GNOMON_CHANNEL_LOCAL_READ_ONLY,
	};
	struct local_server *s = &l->servers[which];
	struct gnomon_rx rx = { .size = sizeof(rx), .channel = channels[which] };
	uint8_t data[GNOMON_MSG_MAX];
	struct uds_address from;
	struct local_client *client;
	gnomon_time time;
	int len = uds_receive(&s->uds, data, sizeof(data), &from);

	/* Who has no name cannot be answered. */
	if (len <= 0 || from.len <= sizeof(from.name.sun_family)) {
		return;
	}
	client = client_of(l, which, &from);
	client->used = ++s->uses;
	name_address(&rx.source, which, client->name);
	rx.data = data;
	rx.len = (size_t)len;
	if (keeper_time(l->keeper, &time)) {
		rx.timestamp = &time;
	}
	(void)gnomon_engine_rx(l->engine, &rx, now);
}

/* A client that reads too slowly misses messages; one that is gone is forgotten. */
void local_send(struct local *l, const struct gnomon_send *message)
{
	enum local_socket which = (enum local_socket)message->address.octets[0];
	struct local_client *client;
	uint32_t name;
	int r;

	if (message->address.network_protocol != GNOMON_NETWORK_LOCAL || which >= LOCAL_SOCKETS) {
		return;
	}
	memcpy(&name, &message->address.octets[1], sizeof(name));
	client = name ? client_named(&l->servers[which], name) : NULL;
	if (!client) {
		return;
	}
	r = uds_send(&l->servers[which].uds, message->data, message->len, &client->address);
	client->used = ++l->servers[which].uses;
	if (r == -ECONNREFUSED || r == -ENOENT || r == -ENOTSOCK) {
		forget(l, which, client);
	}
}
