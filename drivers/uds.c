/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/uds.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "drivers/socket.h"

int uds_address_set(struct uds_address *address, const char *path, struct driver_error *error)
{
	const size_t len = strlen(path);

	if (len == 0) {
		return driver_fail(error, -EINVAL, "the path of a socket is empty; name a file");
	}
	if (len > UDS_PATH_MAX) {
		return driver_fail(error, -ENAMETOOLONG,
				   "%.60s...: the path of a socket has at most %zu octets; "
				   "use a shorter one",
				   path, UDS_PATH_MAX);
	}
	*address = (struct uds_address){ .name.sun_family = AF_UNIX,
					 .len = sizeof(address->name) };
	memcpy(address->name.sun_path, path, len);
	return 0;
}

bool uds_address_equal(const struct uds_address *a, const struct uds_address *b)
{
	return a->len == b->len && memcmp(&a->name, &b->name, a->len) == 0;
}

/* Whether somebody still receives there: connecting to a file left behind is refused. */
static bool is_alive(const struct uds_address *address, int type)
{
	const int fd = socket_open(AF_UNIX, type, 0);
	int err = 0;

	if (fd < 0) {
		return true;
	}
	if (connect(fd, (const struct sockaddr *)&address->name, address->len)) {
		err = errno;
	}
	(void)close(fd);
	return err != ECONNREFUSED && err != ENOENT;
}

static int clear_path(const char *path, const struct uds_address *address, int type,
		      struct driver_error *error)
{
	struct stat st;

	if (lstat(path, &st)) {
		return 0; /* bind() will say what is wrong, if anything is */
	}
	if (!S_ISSOCK(st.st_mode)) {
		return driver_fail(error, -EEXIST,
				   "%s: is there already, and no socket; name another path", path);
	}
	if (is_alive(address, type)) {
		return driver_fail(error, -EADDRINUSE,
				   "%s: another program answers there; stop it, or name another "
				   "path",
				   path);
	}
	if (unlink(path) && errno != ENOENT) {
		const int code = -errno;

		return driver_fail(error, code, "%s: cannot remove the stale socket: %s", path,
				   driver_strerror(code));
	}
	return 0;
}

int uds_bind(struct uds *uds, int type, const char *path, struct driver_error *error)
{
	struct uds_address address;
	struct stat st;
	int err = uds_address_set(&address, path, error);

	if (!err) {
		err = clear_path(path, &address, type, error);
	}
	if (err) {
		return err;
	}
	if (bind(uds->fd, (const struct sockaddr *)&address.name, address.len)) {
		err = -errno;
		return driver_fail(error, err,
				   "%s: cannot make a socket there: %s; name a path in a folder "
				   "you may write to",
				   path, driver_strerror(err));
	}
	memcpy(uds->path, path, strlen(path) + 1);
	if (lstat(path, &st) == 0) {
		uds->device = st.st_dev;
		uds->inode = st.st_ino;
	}
	return 0;
}

static int bind_abstract(const struct uds *uds, struct driver_error *error)
{
	const struct sockaddr_un unnamed = { .sun_family = AF_UNIX };
	int err;

	/* No name at all asks the kernel for one. */
	if (bind(uds->fd, (const struct sockaddr *)&unnamed, sizeof(unnamed.sun_family))) {
		err = -errno;
		return driver_fail(error, err, "cannot name a local socket: %s",
				   driver_strerror(err));
	}
	return 0;
}

int uds_open(struct uds *uds, const char *path, struct driver_error *error)
{
	struct uds opened = { .fd = socket_open(AF_UNIX, SOCK_DGRAM, 0) };
	int err;

	if (opened.fd < 0) {
		return driver_fail(error, opened.fd, "cannot open a local socket: %s",
				   driver_strerror(opened.fd));
	}
	err = path ? uds_bind(&opened, SOCK_DGRAM, path, error) : bind_abstract(&opened, error);
	if (err) {
		(void)close(opened.fd);
		return err;
	}
	*uds = opened;
	return 0;
}

void uds_close(struct uds *uds)
{
	struct stat st;

	if (uds->fd <= 0) {
		return;
	}
	if (uds->path[0] && lstat(uds->path, &st) == 0 && st.st_dev == uds->device &&
	    st.st_ino == uds->inode) {
		(void)unlink(uds->path);
	}
	(void)close(uds->fd);
	*uds = (struct uds){ .fd = -1 };
}

int uds_send(const struct uds *uds, const void *data, size_t len, const struct uds_address *to)
{
	return sendto(uds->fd, data, len, 0, (const struct sockaddr *)&to->name, to->len) < 0 ?
		       -errno :
		       0;
}

int uds_receive(const struct uds *uds, void *data, size_t size, struct uds_address *from)
{
	struct uds_address source = { .len = sizeof(source.name) };
	ssize_t len;

	memset(&source.name, 0, sizeof(source.name));
	len = recvfrom(uds->fd, data, size, 0, (struct sockaddr *)&source.name, &source.len);
	if (len < 0) {
		return errno == EINTR || errno == EWOULDBLOCK ? -EAGAIN : -errno;
	}
	if (from) {
		*from = source;
	}
	return (int)len;
}
