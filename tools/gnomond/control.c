/* SPDX-License-Identifier: BSD-2-Clause */
#include "control.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/timer.h"

#include "user.h"

/* Who connect while one round lasts. */
#define ACCEPT_MAX 4

/* Digits of fractions that are no more than were put in. */
#define AS_LINE (JSON_COMPACT | JSON_REAL_PRECISION(15))

/* How long nobody is let in when descriptors have run out. */
#define DEAF_NS GNOMON_NSEC_PER_SEC

void control_init(struct control *c, control_answer_fn *answer, void *context)
{
	memset(c, 0, sizeof(*c));
	c->uds.fd = -1;
	c->group = UDS_GROUP_OWN;
	c->answer = answer;
	c->context = context;
	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		c->clients[i].stream.fd = -1;
	}
}

/* -- opening ---------------------------------------------------------------------------------- */

static int find_group(struct control *c, const char *name, struct driver_error *error)
{
	gid_t gid = UDS_GROUP_OWN;
	const int r = name[0] ? user_find_group(name, &gid, error) : 0;

	if (r == 0) {
		c->group = gid;
	}
	return r;
}

/* Where objects of JSON begin to be looked up is not to be foreseen, and no file is read for it. */
static void seed_json(void)
{
	size_t seed = 0;

	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) == (ssize_t)sizeof(seed)) {
		json_object_seed(seed);
	}
}

int control_open(struct control *c, const struct conf *conf, struct driver_error *error)
{
	const char *path = conf->control_socket;
	const bool is_default = strcmp(path, CONTROL_PATH) == 0;
	int r;

	if (!path[0]) {
		return 0;
	}
	r = find_group(c, conf->control_socket_group, error);
	if (r) {
		return r;
	}
	seed_json();
	/* A service's umask would keep out the group. */
	if (is_default && mkdir(CONTROL_FOLDER, 0755) == 0) {
		(void)chmod(CONTROL_FOLDER, 0755);
	}
	r = uds_listen(&c->uds, path, (mode_t)conf->control_socket_mode, c->group,
		       is_default ? &c->missing : error);
	if (r) {
		c->uds.fd = -1;
	}
	return is_default ? 0 : r;
}

void control_close(struct control *c)
{
	for (size_t i = 0; i < CONTROL_CLIENTS && c->answer; i++) {
		uds_stream_close(&c->clients[i].stream);
	}
	uds_close(&c->uds);
}

/* -- sending ---------------------------------------------------------------------------------- */

static void drop(struct control *c, struct control_client *client)
{
	c->dropped++;
	uds_stream_close(&client->stream);
}

static void flush(struct control_client *client, gnomon_mono now)
{
	const size_t before = uds_stream_queued(&client->stream);
	const int r = uds_stream_flush(&client->stream);

	if (r != 0 && r != -EAGAIN) {
		uds_stream_close(&client->stream); /* it has gone */
		return;
	}
	if (uds_stream_queued(&client->stream) < before || before == 0) {
		client->moved = now;
	}
}

static int put_octets(const char *octets, size_t len, void *context)
{
	return uds_stream_put(context, octets, len);
}

/* A line is queued as a whole: a client for which there is no room is dropped. */
static void send_line(struct control *c, struct control_client *client, const json_t *line,
		      gnomon_mono now)
{
	if (uds_stream_queued(&client->stream) == 0) {
		client->moved = now;
	}
	if (json_dump_callback(line, put_octets, &client->stream, AS_LINE) ||
	    uds_stream_put(&client->stream, "\n", 1)) {
		drop(c, client);
		return;
	}
	flush(client, now);
}

static void send_error(struct control *c, struct control_client *client, json_t *id,
		       const struct control_error *error, gnomon_mono now)
{
	json_t *line = control_answer_error(id, error);

	send_line(c, client, line, now);
	json_decref(line);
}

bool control_is_heard(const struct control *c, enum control_topic topic)
{
	for (size_t i = 0; c->uds.fd >= 0 && i < CONTROL_CLIENTS; i++) {
		if (c->clients[i].stream.fd >= 0 && (c->clients[i].topics & topic)) {
			return true;
		}
	}
	return false;
}

void control_tell(struct control *c, enum control_topic topic, json_t *event, gnomon_mono now)
{
	for (size_t i = 0; c->uds.fd >= 0 && i < CONTROL_CLIENTS; i++) {
		if (c->clients[i].stream.fd >= 0 && (c->clients[i].topics & topic)) {
			send_line(c, &c->clients[i], event, now);
		}
	}
	json_decref(event);
}

/* -- who comes -------------------------------------------------------------------------------- */

/* Root, who runs the daemon, and the group it was given to. Who else can connect may only ask. */
static bool may_change(const struct control *c, int fd, const struct uds_peer *peer)
{
	return peer->uid == 0 || peer->uid == geteuid() ||
	       (c->group != UDS_GROUP_OWN && uds_peer_has_group(fd, c->group));
}

/* A free place, or that of whoever said nothing for longest and hears no events. */
static struct control_client *find_place(struct control *c, gnomon_mono now)
{
	struct control_client *idle = NULL;

	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		struct control_client *client = &c->clients[i];

		if (client->stream.fd < 0) {
			return client;
		}
		if (!client->topics && (!idle || gnomon_mono_before(client->heard, idle->heard))) {
			idle = client;
		}
	}
	if (!idle || gnomon_mono_before(now, gnomon_mono_add(idle->heard, CONTROL_IDLE_NS))) {
		return NULL;
	}
	uds_stream_close(&idle->stream);
	return idle;
}

static void refuse(struct control *c, int fd, gnomon_mono now)
{
	struct control_client guest = { .peer = { 0 } };
	struct control_error error;

	(void)control_fail(&error, CONTROL_BUSY,
			   "%d clients are connected already; end one of them", CONTROL_CLIENTS);
	uds_stream_init(&guest.stream, fd, 0, CONTROL_LINE_MAX);
	send_error(c, &guest, json_null(), &error, now);
	uds_stream_close(&guest.stream);
}

static void let_in(struct control *c, int fd, gnomon_mono now)
{
	struct control_client *place = find_place(c, now);
	struct uds_peer peer;

	if (uds_peer_of(fd, &peer)) {
		(void)close(fd);
	} else if (!place) {
		refuse(c, fd, now);
	} else {
		*place = (struct control_client){ .peer = peer, .heard = now, .moved = now };
		place->may_change = may_change(c, fd, &peer);
		uds_stream_init(&place->stream, fd, CONTROL_LINE_MAX, CONTROL_OUT_MAX);
	}
}

static void accept_some(struct control *c, gnomon_mono now)
{
	for (int i = 0; i < ACCEPT_MAX; i++) {
		const int fd = uds_accept(&c->uds);

		if (fd == -EAGAIN) {
			return;
		}
		if (fd < 0) {
			/* poll() would report them again at once. */
			c->deaf = gnomon_mono_add(now, DEAF_NS);
			return;
		}
		let_in(c, fd, now);
	}
}

/* -- what they say ---------------------------------------------------------------------------- */

static void answer(struct control *c, struct control_client *client, const char *line, size_t len,
		   gnomon_mono now)
{
	struct control_error error = { .code = CONTROL_FAILED };
	struct control_request request;
	json_t *result = NULL;
	json_t *reply;

	if (control_request_parse(&request, line, len, &error) == 0) {
		result = c->answer(c->context, client, &request, &error);
	}
	reply = result ? control_answer_result(request.id, result)
		       : control_answer_error(request.id, &error);
	control_request_finish(&request);
	send_line(c, client, reply, now);
	json_decref(reply);
}

/* A line that fits no buffer: where the next one would begin is not known any more. */
static void refuse_line(struct control *c, struct control_client *client, gnomon_mono now)
{
	struct control_error error;

	(void)control_fail(&error, CONTROL_SYNTAX,
			   "a line of more than %d octets; shorten it, and connect again",
			   CONTROL_LINE_MAX);
	client->leaving = true;
	uds_stream_discard(&client->stream);
	send_error(c, client, json_null(), &error, now);
}

static bool has_work(const struct control_client *client)
{
	return client->stream.fd >= 0 && uds_stream_queued(&client->stream) < CONTROL_OUT_HIGH &&
	       uds_stream_has_line(&client->stream);
}

static void receive(struct control *c, struct control_client *client, gnomon_mono now)
{
	const ssize_t got = uds_stream_fill(&client->stream);

	if (got > 0) {
		client->heard = now;
	} else if (got == 0) {
		client->leaving = true;
	} else if (got == -ENOBUFS && !uds_stream_has_line(&client->stream)) {
		refuse_line(c, client, now);
	} else if (got != -EAGAIN && got != -ENOBUFS) {
		uds_stream_close(&client->stream);
	}
}

/* The next whose turn it is; NULL: nobody has said anything. */
static struct control_client *next_client(struct control *c)
{
	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		struct control_client *client = &c->clients[c->next];

		c->next = (c->next + 1) % CONTROL_CLIENTS;
		if (has_work(client)) {
			return client;
		}
	}
	return NULL;
}

/* One line of each in turn, so that who asks much does not keep who asks little waiting. */
static void serve(struct control *c)
{
	struct control_client *client = next_client(c);
	gnomon_mono now = timer_now();
	const gnomon_mono end = gnomon_mono_add(now, CONTROL_BUDGET_NS);

	while (client) {
		size_t len;
		const char *line = uds_stream_line(&client->stream, &len);

		if (line && len > 0) {
			answer(c, client, line, len, now);
		}
		now = timer_now();
		/* Whoever is next then is first the next time. */
		client = gnomon_mono_before(now, end) ? next_client(c) : NULL;
	}
}

/* -- the loop's ------------------------------------------------------------------------------- */

void control_poll_fds(const struct control *c, gnomon_mono now, struct pollfd fds[CONTROL_FDS])
{
	const bool hears = !gnomon_mono_before(now, c->deaf);

	fds[0] = (struct pollfd){ .fd = hears ? c->uds.fd : -1, .events = POLLIN };
	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		const struct control_client *client = &c->clients[i];
		const size_t queued = uds_stream_queued(&client->stream);
		const bool reads = !client->leaving && queued < CONTROL_OUT_HIGH &&
				   !uds_stream_has_line(&client->stream);

		fds[1 + i] = (struct pollfd){ .fd = client->stream.fd };
		fds[1 + i].events = (short)((reads ? POLLIN : 0) | (queued ? POLLOUT : 0));
	}
}

void control_ready(struct control *c, const struct pollfd fds[CONTROL_FDS], gnomon_mono now)
{
	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		struct control_client *client = &c->clients[i];
		const short events = fds[1 + i].revents;

		if (events & POLLOUT) {
			flush(client, now);
		}
		if (client->stream.fd >= 0 && (events & POLLIN)) {
			receive(c, client, now);
		} else if (client->stream.fd >= 0 && (events & (POLLHUP | POLLERR | POLLNVAL))) {
			uds_stream_close(&client->stream);
		}
	}
	if (fds[0].revents) {
		accept_some(c, now);
	}
}

/* When a client has to be looked at again; NEVER. It may be gone then. */
static gnomon_mono look_after(struct control *c, struct control_client *client, gnomon_mono now)
{
	const gnomon_mono end = gnomon_mono_add(client->moved, CONTROL_STUCK_NS);

	if (client->stream.fd < 0) {
		return GNOMON_MONO_NEVER;
	}
	if (uds_stream_queued(&client->stream) > 0) {
		if (gnomon_mono_before(now, end)) {
			return end;
		}
		drop(c, client);
	} else if (client->leaving && !uds_stream_has_line(&client->stream)) {
		uds_stream_close(&client->stream);
	}
	return GNOMON_MONO_NEVER;
}

gnomon_mono control_expire(struct control *c, gnomon_mono now)
{
	gnomon_mono next = GNOMON_MONO_NEVER;

	if (c->uds.fd < 0) {
		return next;
	}
	serve(c);
	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		next = gnomon_mono_min(next, look_after(c, &c->clients[i], now));
		if (has_work(&c->clients[i])) {
			next = now;
		}
	}
	return gnomon_mono_before(now, c->deaf) ? gnomon_mono_min(next, c->deaf) : next;
}
