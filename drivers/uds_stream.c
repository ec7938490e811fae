/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/uds_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "drivers/socket.h"

/* Those who connect while one round of the loop lasts. */
#define BACKLOG 16

/* What buffers begin with. */
#define BUFFER_MIN 1024

/* Supplementary groups that are looked through; who has more is not found by the later ones. */
#define GROUPS_MAX 256

/* Receptions thrown away at once; who sends more than they hold gets no explanation. */
#define DISCARD_MAX 64

/* Binding takes microseconds. Anybody who may read the folder can hold the lock for longer. */
#define LOCK_TRIES 20
#define LOCK_WAIT_MS 5

/* -- the end that listens --------------------------------------------------------------------- */

/*
 * Two programs that start at once would both find a file left behind, and the second would remove
 * the first one's new one: only one at a time looks and binds. Where the folder cannot be locked
 * the binding will fail as well, or somebody keeps the lock who is not about to bind.
 */
static int lock_folder(const char *path)
{
	char folder[UDS_PATH_MAX + 1] = ".";
	const char *slash = strrchr(path, '/');
	const size_t len = slash ? (size_t)(slash - path) : 0;
	int fd;

	if (slash && len < sizeof(folder)) {
		memcpy(folder, len ? path : "/", len ? len : 1);
		folder[len ? len : 1] = '\0';
	}
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; fd >= 0 && i < LOCK_TRIES && flock(fd, LOCK_EX | LOCK_NB); i++) {
		(void)poll(NULL, 0, LOCK_WAIT_MS);
	}
	return fd;
}

/* Bound without rights, given away, opened, and only then listened to. */
static int bind_with_access(struct uds *uds, const char *path, mode_t mode, gid_t group,
			    struct driver_error *error)
{
	const mode_t before = umask(0777);
	int r = uds_bind(uds, SOCK_STREAM, path, error);

	(void)umask(before);
	if (r) {
		return r;
	}
	if (group != UDS_GROUP_OWN && lchown(path, (uid_t)-1, group)) {
		r = -errno;
		return driver_fail(error, r, "%s: cannot give the socket to group %u: %s; name a "
				   "group this user belongs to, or run as root",
				   path, (unsigned int)group, driver_strerror(r));
	}
	if (chmod(path, mode) || listen(uds->fd, BACKLOG)) {
		r = -errno;
		return driver_fail(error, r, "%s: cannot listen there: %s", path,
				   driver_strerror(r));
	}
	return 0;
}

int uds_listen(struct uds *uds, const char *path, mode_t mode, gid_t group,
	       struct driver_error *error)
{
	struct uds opened = { .fd = socket_open(AF_UNIX, SOCK_STREAM, 0) };
	int lock;
	int r;

	if (opened.fd < 0) {
		return driver_fail(error, opened.fd, "cannot open a local socket: %s",
				   driver_strerror(opened.fd));
	}
	lock = lock_folder(path);
	r = bind_with_access(&opened, path, mode, group, error);
	if (r) {
		uds_close(&opened);
	}
	if (lock >= 0) {
		(void)close(lock);
	}
	if (r == 0) {
		*uds = opened;
	}
	return r;
}

int uds_accept(const struct uds *uds)
{
	const int fd = accept(uds->fd, NULL, NULL);
	int r;

	if (fd < 0) {
		return errno == EINTR || errno == EWOULDBLOCK || errno == ECONNABORTED ? -EAGAIN
										       : -errno;
	}
	r = socket_set_flags(fd);
	if (r) {
		(void)close(fd);
		return r;
	}
	return fd;
}

/* -- the end that connects -------------------------------------------------------------------- */

int uds_connect(const char *path)
{
	struct uds_address address;
	int r = uds_address_set(&address, path, NULL);
	int fd;

	if (r) {
		return r;
	}
	fd = socket_open(AF_UNIX, SOCK_STREAM, 0);
	if (fd < 0) {
		return fd;
	}
	if (connect(fd, (const struct sockaddr *)&address.name, address.len)) {
		r = -errno;
		(void)close(fd);
		return r;
	}
	return fd;
}

/* -- who is there ----------------------------------------------------------------------------- */

int uds_peer_of(int fd, struct uds_peer *peer)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len)) {
		return -errno;
	}
	*peer = (struct uds_peer){ cred.pid, cred.uid, cred.gid };
	return 0;
}

bool uds_peer_has_group(int fd, gid_t group)
{
	gid_t groups[GROUPS_MAX];
	socklen_t len = sizeof(groups);
	struct uds_peer peer = { .pid = 0 };

	if (uds_peer_of(fd, &peer) == 0 && peer.gid == group) {
		return true;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len)) {
		return false;
	}
	for (size_t i = 0; i < len / sizeof(groups[0]); i++) {
		if (groups[i] == group) {
			return true;
		}
	}
	return false;
}

/* -- buffers ---------------------------------------------------------------------------------- */

static void empty(struct uds_buffer *b)
{
	free(b->data);
	*b = (struct uds_buffer){ .max = b->max };
}

/* Room for len more octets behind the end. What has gone is overwritten. */
static int reserve(struct uds_buffer *b, size_t len)
{
	const size_t used = b->end - b->start;
	size_t cap = b->cap ? b->cap : BUFFER_MIN;
	char *grown;

	if (len > b->max - used) {
		return -ENOBUFS;
	}
	if (b->start > 0) {
		memmove(b->data, b->data + b->start, used);
		b->start = 0;
		b->end = used;
	}
	while (cap < used + len) {
		cap *= 2;
	}
	if (cap == b->cap) {
		return 0;
	}
	grown = realloc(b->data, cap);
	if (!grown) {
		return -ENOMEM;
	}
	b->data = grown;
	b->cap = cap;
	return 0;
}

/* -- connections ------------------------------------------------------------------------------ */

void uds_stream_init(struct uds_stream *s, int fd, size_t in_max, size_t out_max)
{
	/* The newline is an octet as well. */
	*s = (struct uds_stream){ fd, { .max = in_max + 1 }, { .max = out_max } };
}

void uds_stream_close(struct uds_stream *s)
{
	if (s->fd < 0) {
		return;
	}
	(void)close(s->fd);
	s->fd = -1;
	empty(&s->in);
	empty(&s->out);
}

ssize_t uds_stream_fill(struct uds_stream *s)
{
	const size_t left = s->in.max - (s->in.end - s->in.start);
	ssize_t got;
	int r;

	if (left == 0) {
		return -ENOBUFS;
	}
	if (s->in.end == s->in.cap || s->in.start > 0) {
		r = reserve(&s->in, left < BUFFER_MIN ? left : BUFFER_MIN);
		if (r) {
			return r;
		}
	}
	got = s->in.cap - s->in.end < left ? (ssize_t)(s->in.cap - s->in.end) : (ssize_t)left;
	got = recv(s->fd, s->in.data + s->in.end, (size_t)got, 0);
	if (got < 0) {
		return errno == EINTR || errno == EWOULDBLOCK ? -EAGAIN : -errno;
	}
	s->in.end += (size_t)got;
	return got;
}

bool uds_stream_has_line(const struct uds_stream *s)
{
	return s->in.end > s->in.start &&
	       memchr(s->in.data + s->in.start, '\n', s->in.end - s->in.start) != NULL;
}

char *uds_stream_line(struct uds_stream *s, size_t *len)
{
	char *line;
	char *end;

	if (s->in.end == s->in.start) {
		empty(&s->in);
		return NULL;
	}
	line = s->in.data + s->in.start;
	end = memchr(line, '\n', s->in.end - s->in.start);
	if (!end) {
		return NULL;
	}
	*end = '\0';
	*len = (size_t)(end - line);
	s->in.start += *len + 1;
	return line;
}

void uds_stream_discard(struct uds_stream *s)
{
	char octets[4096];

	empty(&s->in);
	for (int i = 0; i < DISCARD_MAX && recv(s->fd, octets, sizeof(octets), 0) > 0; i++) {
	}
}

int uds_stream_put(struct uds_stream *s, const char *data, size_t len)
{
	const int r = reserve(&s->out, len);

	if (r == 0 && len > 0) {
		memcpy(s->out.data + s->out.end, data, len);
		s->out.end += len;
	}
	return r;
}

size_t uds_stream_queued(const struct uds_stream *s)
{
	return s->out.end - s->out.start;
}

int uds_stream_flush(struct uds_stream *s)
{
	ssize_t sent;

	while (s->out.start < s->out.end) {
		sent = send(s->fd, s->out.data + s->out.start, s->out.end - s->out.start,
			    MSG_NOSIGNAL);
		if (sent < 0) {
			return errno == EINTR || errno == EWOULDBLOCK ? -EAGAIN : -errno;
		}
		s->out.start += (size_t)sent;
	}
	empty(&s->out);
	return 0;
}
