/* SPDX-License-Identifier: BSD-2-Clause */
#include "client.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "drivers/iface.h"
#include "drivers/uds.h"
#include "tools/config/config.h"

/* controlField of management messages (table 42), which old receivers look at. */
#define CONTROL_MANAGEMENT 4

struct manage_client {
	struct link *link; /* NULL: local */
	struct uds uds;
	struct uds_address server;
	struct gnomon_port_identity identity;
	struct gnomon_port_identity target;
	uint8_t domain;
	uint16_t sdo_id;
	uint8_t minor_version;
	uint8_t boundary_hops;
	bool empty_get;
	uint16_t sequence;
	manage_notice_fn *notice;
	void *context;
	char where[UDS_PATH_MAX + 1]; /* path or interface, for messages */
};

/* -- opening ---------------------------------------------------------------------------------- */

const char *manage_default_server(void)
{
	static const char path[] = "/var/run/ptp/ptp4l";
	static const char before[] = "/var/run/ptp4l"; /* up to linuxptp 3 */

	return access(path, F_OK) && access(before, F_OK) == 0 ? before : path;
}

void manage_config_default(struct manage_config *config, const char *program)
{
	*config = (struct manage_config){
		.program = program,
		.local = true,
		.server = manage_default_server(),
		.minor_version = GNOMON_MINOR_VERSION_PTP,
	};
}

void manage_config_of(struct manage_config *config, const char *program, const struct conf *conf)
{
	static const char key[] = "uds_address";

	manage_config_default(config, program);
	/* Whoever left linuxptp's path as it is means the one where a daemon is. */
	if (strcmp(conf->uds_address, conf_key_find(key, strlen(key))->text) != 0) {
		config->server = conf->uds_address;
	}
	config->domain = (uint8_t)conf->domain_number;
	config->sdo_id = (uint16_t)(conf->defaults.transport_specific << 8);
}

/* name in the folder of the server's socket, unless it says where it is itself. */
static int own_path(char path[UDS_PATH_MAX + 1], const char *server, const char *name,
		    struct driver_error *error)
{
	const char *slash = strrchr(server, '/');
	const size_t folder = slash && !strchr(name, '/') ? (size_t)(slash - server) + 1 : 0;
	const int len = snprintf(path, UDS_PATH_MAX + 1, "%.*s%s", (int)folder, server, name);

	if (len < 0 || (size_t)len > UDS_PATH_MAX) {
		return driver_fail(error, -ENAMETOOLONG,
				   "%.60s...: the path of a socket has at most %zu octets; "
				   "use a shorter one",
				   path, UDS_PATH_MAX);
	}
	return 0;
}

/* A daemon that gave up root must be able to write to our socket. */
static int let_server_answer(const struct uds *uds, const char *server)
{
	struct stat st;

	if (lstat(server, &st) || st.st_uid == 0 || st.st_uid == geteuid()) {
		return 0;
	}
	/* Not following links: the daemon's user may have replaced its socket by one. */
	return lchown(uds->path, st.st_uid, st.st_gid) ? -errno : 0;
}

/*
 * With a file beside the server's, as linuxptp's clients have it. Where none can be made, or the
 * server could not write to it, an abstract name does as well, as long as both are in the same
 * network namespace.
 */
static int open_local(struct manage_client *c, const struct manage_config *config,
		      struct driver_error *error)
{
	char path[UDS_PATH_MAX + 1];
	char name[40];
	int err = uds_address_set(&c->server, config->server, error);

	if (err) {
		return err;
	}
	snprintf(c->where, sizeof(c->where), "%s", config->server);
	snprintf(name, sizeof(name), "%.20s.%ld", config->program, (long)getpid());
	err = own_path(path, config->server, config->own ? config->own : name, error);
	if (!err) {
		err = uds_open(&c->uds, path, error);
	}
	if (!err && let_server_answer(&c->uds, config->server) && !config->own) {
		uds_close(&c->uds);
		err = -EACCES;
	}
	return err && !config->own ? uds_open(&c->uds, NULL, error) : err;
}

/* No two clients of a machine have the same identity; linuxptp's do it this way. */
static struct gnomon_port_identity local_identity(void)
{
	const unsigned long pid = (unsigned long)getpid();
	struct gnomon_port_identity identity = { .port = (uint16_t)(pid & 0xffff) };

	identity.clock.id[6] = (uint8_t)(pid >> 24);
	identity.clock.id[7] = (uint8_t)(pid >> 16);
	return identity;
}

static int open_network(struct manage_client *c, const struct manage_config *config,
			struct driver_error *error)
{
	struct iface iface;
	int err = iface_query(config->link.interface, &iface, error);

	if (err) {
		return err;
	}
	c->identity.port = 1;
	snprintf(c->where, sizeof(c->where), "%s", iface.name);
	if (iface_clock_identity(&iface, &c->identity.clock)) {
		/* No MAC: the process must do. */
		c->identity = local_identity();
	}
	return link_open(&c->link, &config->link, error);
}

int manage_open(struct manage_client **client, const struct manage_config *config,
		struct driver_error *error)
{
	struct manage_client *c = calloc(1, sizeof(*c));
	int err;

	if (!c) {
		return driver_fail(error, -ENOMEM, "out of memory; make some free");
	}
	c->uds.fd = -1;
	c->identity = local_identity();
	c->domain = config->domain;
	c->sdo_id = config->sdo_id;
	c->minor_version = config->minor_version;
	c->boundary_hops = config->boundary_hops;
	c->empty_get = config->empty_get;
	c->notice = config->notice;
	c->context = config->context;
	manage_target(c, NULL);
	err = config->local ? open_local(c, config, error) : open_network(c, config, error);
	if (err) {
		manage_close(c);
		return err;
	}
	*client = c;
	return 0;
}

void manage_close(struct manage_client *client)
{
	if (!client) {
		return;
	}
	link_close(client->link);
	uds_close(&client->uds);
	free(client);
}

int manage_fd(const struct manage_client *client)
{
	struct pollfd fds[LINK_SOCKETS];

	if (!client->link) {
		return client->uds.fd;
	}
	link_poll_fds(client->link, fds);
	return fds[LINK_GENERAL].fd;
}

const struct gnomon_port_identity *manage_identity(const struct manage_client *client)
{
	return &client->identity;
}

void manage_target(struct manage_client *client, const struct gnomon_port_identity *target)
{
	if (target) {
		client->target = *target;
	} else {
		memset(&client->target, 0xff, sizeof(client->target));
	}
}

/* -- sending ---------------------------------------------------------------------------------- */

/* The TLV alone, into buf; returns its length or -errno. */
static int build_tlv(const struct manage_client *c, const struct manage_request *request,
		     uint8_t *buf, size_t cap)
{
	const struct gnomon_management_row *row = gnomon_management_find(request->id);
	const bool get = request->action == GNOMON_MANAGEMENT_GET;
	struct gnomon_tlv_builder builder;
	size_t len = request->len;
	uint8_t *data;

	/* The standard wants GETs to carry a dataField of meaningless octets. */
	if (get) {
		len = row && !c->empty_get ? gnomon_management_empty_length(row) : 0;
	}
	if (len > cap) {
		return -EMSGSIZE;
	}
	gnomon_tlv_builder_init(&builder, buf, cap);
	data = gnomon_management_tlv_append(&builder, request->id, (uint16_t)len);
	if (data && !get && len) {
		memcpy(data, request->data, len);
	}
	return gnomon_tlv_builder_finish(&builder);
}

static int build_message(struct manage_client *c, const struct manage_request *request,
			 uint8_t buf[GNOMON_MSG_MAX])
{
	uint8_t tlv[GNOMON_MSG_MAX];
	const int len = build_tlv(c, request, tlv, sizeof(tlv));
	const struct gnomon_msg msg = {
		.header = {
			.type = GNOMON_MSG_MANAGEMENT,
			.sdo_id = c->sdo_id,
			.version = GNOMON_VERSION_PTP,
			.minor_version = c->minor_version,
			.domain = c->domain,
			.source = c->identity,
			.sequence_id = c->sequence,
			.control = CONTROL_MANAGEMENT,
			.log_interval = GNOMON_LOG_INTERVAL_NONE,
		},
		.body.management = {
			.target = c->target,
			.starting_boundary_hops = c->boundary_hops,
			.boundary_hops = c->boundary_hops,
			.action = (uint8_t)request->action,
		},
		.tlvs = tlv,
		.tlvs_len = len > 0 ? (size_t)len : 0,
	};

	return len < 0 ? len : gnomon_msg_encode(&msg, buf, GNOMON_MSG_MAX);
}

int manage_send(struct manage_client *client, const struct manage_request *request,
		uint16_t *sequence)
{
	uint8_t buf[GNOMON_MSG_MAX];
	const uint16_t used = client->sequence;
	int len = build_message(client, request, buf);
	int err;

	if (len < 0) {
		return len;
	}
	client->sequence++;
	if (client->link) {
		const struct gnomon_send message = {
			.type = GNOMON_MSG_MANAGEMENT,
			.channel = GNOMON_CHANNEL_GENERAL,
			.destination = GNOMON_TO_PRIMARY,
			.data = buf,
			.len = (size_t)len,
		};

		err = link_send(client->link, &message, NULL);
	} else {
		err = uds_send(&client->uds, buf, (size_t)len, &client->server);
	}
	if (!err && sequence) {
		*sequence = used;
	}
	return err;
}

int manage_get(struct manage_client *client, uint16_t id, uint16_t *sequence)
{
	const struct manage_request request = { .action = GNOMON_MANAGEMENT_GET, .id = id };

	return manage_send(client, &request, sequence);
}

int manage_subscribe(struct manage_client *client, uint16_t seconds, unsigned int events,
		     uint16_t *sequence)
{
	/* duration, and a mask of 64 octets whose first bit is the lowest of the first octet. */
	uint8_t data[2 + 64] = { (uint8_t)(seconds >> 8), (uint8_t)seconds, (uint8_t)events };
	const struct manage_request request = {
		.action = GNOMON_MANAGEMENT_SET,
		.id = GNOMON_MID_SUBSCRIBE_EVENTS_NP,
		.data = data,
		.len = sizeof(data),
	};

	return manage_send(client, &request, sequence);
}

const char *manage_remedy(unsigned int error, enum gnomon_management_action action)
{
	switch (error) {
	case GNOMON_MANAGEMENT_NO_SUCH_ID:
		return "; it does not know that id, being older or another program";
	case GNOMON_MANAGEMENT_WRONG_LENGTH:
	case GNOMON_MANAGEMENT_WRONG_VALUE:
		return "; \"help\" and the id show what values there are";
	case GNOMON_MANAGEMENT_NOT_SETABLE:
		return "; it can be read only";
	case GNOMON_MANAGEMENT_NOT_SUPPORTED:
		return action == GNOMON_MANAGEMENT_GET ?
			       "; it does not have that" :
			       "; what can be set is set by its read-write socket only";
	default:
		return "";
	}
}

static bool is_socket(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

int manage_send_failed(const struct manage_client *client, int code, struct driver_error *error)
{
	if (code == -ECONNREFUSED && !is_socket(client->where)) {
		return driver_fail(error, code,
				   "%s: is no socket; name that of a PTP daemon with --uds_address",
				   client->where);
	}
	if (code == -ENOENT || code == -ECONNREFUSED) {
		return driver_fail(error, code,
				   "%s: no PTP daemon answers there; start it, or name its socket "
				   "with --uds_address",
				   client->where);
	}
	if (code == -EACCES || code == -EPERM) {
		return driver_fail(error, code,
				   "%s: %s; ask as its owner, or ask the read-only socket",
				   client->where, driver_strerror(code));
	}
	return driver_fail(error, code, "%s: cannot send: %s", client->where,
			   driver_strerror(code));
}

/* -- receiving -------------------------------------------------------------------------------- */

/*
 * Anybody on this machine may send to an abstract name; a file has permissions. The file of a
 * server may have several names, of which it has bound one.
 */
static bool is_server(const struct manage_client *c, const struct uds_address *from)
{
	const char *path = from->name.sun_path;
	struct stat asked;
	struct stat sender;

	if (from->len <= offsetof(struct sockaddr_un, sun_path) || path[0] == '\0') {
		return false;
	}
	return strcmp(path, c->server.name.sun_path) == 0 ||
	       (stat(c->server.name.sun_path, &asked) == 0 && stat(path, &sender) == 0 &&
		asked.st_dev == sender.st_dev && asked.st_ino == sender.st_ino);
}

/* What others send is taken from the queue, and no answer. */
static int receive_from_server(const struct manage_client *c, uint8_t *data, size_t size)
{
	struct uds_address from;
	int len;

	do {
		len = uds_receive(&c->uds, data, size, &from);
	} while (len >= 0 && !c->uds.path[0] && !is_server(c, &from));
	return len;
}

static int receive_octets(struct manage_client *c, uint8_t *data, size_t size)
{
	struct link_rx rx;
	int err;

	if (!c->link) {
		return receive_from_server(c, data, size);
	}
	err = link_receive(c->link, LINK_GENERAL, data, size, &rx);
	return err ? err : (int)rx.len;
}

int manage_receive(struct manage_client *client, struct manage_message *message)
{
	const int len = receive_octets(client, message->octets, sizeof(message->octets));
	struct gnomon_tlv_iter it;
	struct gnomon_tlv tlv;

	if (len < 0) {
		return len;
	}
	if (gnomon_msg_decode(&message->msg, message->octets, (size_t)len) != GNOMON_DECODE_OK) {
		return -EBADMSG;
	}
	if (message->msg.header.type != GNOMON_MSG_MANAGEMENT &&
	    message->msg.header.type != GNOMON_MSG_SIGNALING) {
		return -ENOMSG;
	}
	gnomon_tlv_iter_init(&it, message->msg.tlvs, message->msg.tlvs_len);
	message->has_tlv = message->msg.header.type == GNOMON_MSG_MANAGEMENT &&
			   gnomon_tlv_next(&it, &tlv) &&
			   gnomon_management_tlv_parse(&message->tlv, &tlv) == 0;
	return 0;
}

bool manage_is_answer(const struct manage_client *client, const struct manage_message *message)
{
	const struct gnomon_management *body = &message->msg.body.management;

	return message->has_tlv &&
	       (body->action == GNOMON_MANAGEMENT_RESPONSE ||
		body->action == GNOMON_MANAGEMENT_ACKNOWLEDGE) &&
	       gnomon_port_identity_cmp(&body->target, &client->identity) == 0;
}

int manage_wait(const struct manage_client *client, int timeout_ms)
{
	struct pollfd fd = { .fd = manage_fd(client), .events = POLLIN };
	const int n = poll(&fd, 1, timeout_ms);

	return n < 0 ? -errno : n > 0;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* The next message of ours before the deadline; others are passed on. */
static int await_answer(struct manage_client *c, uint16_t sequence, int64_t deadline,
			struct manage_message *answer)
{
	for (;;) {
		int r = manage_receive(c, answer);

		if (r == 0 && manage_is_answer(c, answer) &&
		    answer->msg.header.sequence_id == sequence) {
			return 0;
		}
		if (r == 0 && c->notice) {
			c->notice(c->context, answer);
		}
		if (r == -EAGAIN) {
			const int64_t left = deadline - now_ms();

			r = left > 0 ? manage_wait(c, (int)left) : 0;
			r = r == 0 ? -ETIMEDOUT : r;
		}
		if (r < 0 && r != -ENOMSG && r != -EBADMSG) {
			return r;
		}
	}
}

int manage_ask(struct manage_client *client, const struct manage_request *request, int timeout_ms,
	       struct manage_message *answer, struct driver_error *error)
{
	const struct gnomon_management_row *row = gnomon_management_find(request->id);
	const char *name = row ? row->name : "request";
	const int64_t deadline = now_ms() + timeout_ms;
	uint16_t sequence;
	int err = manage_send(client, request, &sequence);

	if (err) {
		return manage_send_failed(client, err, error);
	}
	err = await_answer(client, sequence, deadline, answer);
	if (err == -ETIMEDOUT) {
		return driver_fail(error, err,
				   "%s: no answer to %s within %d ms; are domainNumber and "
				   "transportSpecific its own?",
				   client->where, name, timeout_ms);
	}
	if (err) {
		return driver_fail(error, err, "%s: cannot receive: %s", client->where,
				   driver_strerror(err));
	}
	if (answer->tlv.type == GNOMON_TLV_MANAGEMENT_ERROR_STATUS) {
		return driver_fail(error, -EPROTO, "%s: %s is refused: %s%s", client->where, name,
				   gnomon_management_error_name(answer->tlv.error),
				   manage_remedy(answer->tlv.error, request->action));
	}
	return 0;
}
