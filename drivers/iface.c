/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/iface.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "drivers/address.h"
#include "drivers/socket.h"

static int set_name(struct ifreq *request, const char *name)
{
	size_t len = strlen(name);

	memset(request, 0, sizeof(*request));
	if (len == 0 || len >= sizeof(request->ifr_name) || strpbrk(name, "/ ")) {
		return -EINVAL;
	}
	memcpy(request->ifr_name, name, len);
	return 0;
}

static int ask(int fd, unsigned long number, struct ifreq *request)
{
	return ioctl(fd, number, request) ? -errno : 0;
}

static int query(int fd, const char *name, struct iface *iface)
{
	struct iface out = { 0 };
	struct ifreq request;
	int err = set_name(&request, name);

	if (!err) {
		memcpy(out.name, request.ifr_name, sizeof(out.name));
		err = ask(fd, SIOCGIFINDEX, &request);
	}
	if (err) {
		return err;
	}
	out.index = (unsigned int)request.ifr_ifindex;
	err = ask(fd, SIOCGIFFLAGS, &request);
	if (err) {
		return err;
	}
	out.flags = (unsigned short)request.ifr_flags;
	/* Without a hardware address the interface is still good for UDP. */
	if (ask(fd, SIOCGIFHWADDR, &request) == 0) {
		/* ARPHRD_NETROM is 0, what simulators leave there: an EUI-48 all the same. */
		out.ethernet = request.ifr_hwaddr.sa_family == ARPHRD_ETHER ||
			       request.ifr_hwaddr.sa_family == ARPHRD_NETROM;
		memcpy(out.mac, request.ifr_hwaddr.sa_data, sizeof(out.mac));
	}
	*iface = out;
	return 0;
}

int iface_query(const char *name, struct iface *iface, struct driver_error *error)
{
	struct ifreq request;
	int fd;
	int err;

	if (set_name(&request, name)) {
		return driver_fail(error, -EINVAL,
				   "%s: not a network interface name (1 to %d characters, no '/')",
				   name[0] ? name : "''", IFNAMSIZ - 1);
	}
	fd = socket_control();
	if (fd < 0) {
		return driver_fail(error, fd, "%s: cannot open a socket: %s", name,
				   driver_strerror(fd));
	}
	err = query(fd, name, iface);
	(void)close(fd);
	if (err == -ENODEV || err == -EINVAL) {
		return driver_fail(error, -ENODEV,
				   "%s: no such network interface (\"ip link\" lists them)", name);
	}
	if (err) {
		return driver_fail(error, err, "%s: cannot query the interface: %s", name,
				   driver_strerror(err));
	}
	return 0;
}

/* Carrier by ethtool: 1, 0 or -errno. */
static int carrier(int fd, const char *name)
{
	struct ethtool_value value = { .cmd = ETHTOOL_GLINK };
	struct ifreq request;
	int err = set_name(&request, name);

	if (err) {
		return err;
	}
	request.ifr_data = (char *)&value;
	err = ask(fd, SIOCETHTOOL, &request);
	return err ? err : value.data != 0;
}

int iface_is_up(const char *name)
{
	struct ifreq request;
	int fd = socket_control();
	bool up;
	int err;

	if (fd < 0) {
		return fd;
	}
	err = set_name(&request, name);
	if (!err) {
		err = ask(fd, SIOCGIFFLAGS, &request);
	}
	/* The kernel says IFF_RUNNING. A simulator may know only IFF_UP; it is told by refusing
	 * ethtool's question as one it has never heard of. */
	up = !err && request.ifr_flags & IFF_UP &&
	     (request.ifr_flags & IFF_RUNNING || carrier(fd, name) == -EINVAL);
	(void)close(fd);
	return err ? err : up;
}

int iface_ipv4(const char *name, struct gnomon_address *address)
{
	struct sockaddr_storage storage = { 0 };
	struct ifreq request;
	int fd;
	int err = set_name(&request, name);

	if (err) {
		return err;
	}
	fd = socket_control();
	if (fd < 0) {
		return fd;
	}
	request.ifr_addr.sa_family = AF_INET;
	err = ask(fd, SIOCGIFADDR, &request);
	(void)close(fd);
	if (err) {
		return err;
	}
	memcpy(&storage, &request.ifr_addr, sizeof(request.ifr_addr));
	return address_from_sockaddr(&storage, sizeof(struct sockaddr_in), address);
}

int iface_ipv6(const char *name, struct gnomon_address *address)
{
	struct gnomon_address found = { 0 };
	struct ifaddrs *list;
	int err = -EADDRNOTAVAIL;

	if (getifaddrs(&list)) {
		return -errno;
	}
	for (const struct ifaddrs *i = list; i; i = i->ifa_next) {
		struct sockaddr_storage storage = { 0 };
		struct sockaddr_in6 in6;

		if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET6 ||
		    strcmp(i->ifa_name, name) != 0) {
			continue;
		}
		memcpy(&in6, i->ifa_addr, sizeof(in6));
		memcpy(&storage, &in6, sizeof(in6));
		if (err || IN6_IS_ADDR_LINKLOCAL(&in6.sin6_addr)) {
			err = address_from_sockaddr(&storage, sizeof(in6), &found);
		}
	}
	freeifaddrs(list);
	if (!err) {
		*address = found;
	}
	return err;
}

int iface_clock_identity(const struct iface *iface, struct gnomon_clock_identity *identity)
{
	static const uint8_t zero[6];
	const uint8_t *mac = iface->mac;

	if (!iface->ethernet || memcmp(mac, zero, sizeof(zero)) == 0) {
		return -EOPNOTSUPP;
	}
	*identity = (struct gnomon_clock_identity){ { mac[0], mac[1], mac[2], 0xff, 0xfe, mac[3],
						      mac[4], mac[5] } };
	return 0;
}

/* The two low bits of the first octet: not a group's, and nobody's assigned number. */
int iface_random_identity(struct gnomon_clock_identity *identity)
{
	struct gnomon_clock_identity out;

	if (getrandom(out.id, sizeof(out.id), 0) != (ssize_t)sizeof(out.id)) {
		return -EIO;
	}
	out.id[0] = (uint8_t)((out.id[0] & ~3u) | 2u);
	*identity = out;
	return 0;
}
