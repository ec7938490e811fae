/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* Ethertype of PTP over IEEE 802.3, annex E. */
#define ETHERTYPE_PTP 0x88f7

static int parse_mac(const char *text, uint8_t octets[6])
{
	unsigned int v[6];
	char colon[5];
	int end = 0;

	if (sscanf(text, "%2x%c%2x%c%2x%c%2x%c%2x%c%2x%n", &v[0], &colon[0], &v[1], &colon[1],
		   &v[2], &colon[2], &v[3], &colon[3], &v[4], &colon[4], &v[5], &end) != 11 ||
	    text[end] != '\0' || strspn(text, "0123456789abcdefABCDEF:-") != strlen(text)) {
		return -EINVAL;
	}
	for (size_t i = 0; i < sizeof(colon); i++) {
		if (colon[i] != colon[0] || (colon[i] != ':' && colon[i] != '-')) {
			return -EINVAL;
		}
	}
	for (size_t i = 0; i < 6; i++) {
		octets[i] = (uint8_t)v[i];
	}
	return 0;
}

int address_parse(enum gnomon_network_protocol protocol, const char *text,
		  struct gnomon_address *address)
{
	struct gnomon_address a = { .network_protocol = (uint16_t)protocol };
	int ok = 0;

	switch (protocol) {
	case GNOMON_NETWORK_UDP_IPV4:
		a.length = 4;
		ok = inet_pton(AF_INET, text, a.octets) == 1;
		break;
	case GNOMON_NETWORK_UDP_IPV6:
		a.length = 16;
		ok = inet_pton(AF_INET6, text, a.octets) == 1;
		break;
	case GNOMON_NETWORK_IEEE_802_3:
		a.length = 6;
		ok = parse_mac(text, a.octets) == 0;
		break;
	}
	if (!ok) {
		return -EINVAL;
	}
	*address = a;
	return 0;
}

const char *address_format(const struct gnomon_address *address, char text[ADDRESS_TEXT_MAX])
{
	const uint8_t *o = address->octets;

	if (address->network_protocol == GNOMON_NETWORK_UDP_IPV4 && address->length == 4) {
		(void)inet_ntop(AF_INET, o, text, ADDRESS_TEXT_MAX);
	} else if (address->network_protocol == GNOMON_NETWORK_UDP_IPV6 && address->length == 16) {
		(void)inet_ntop(AF_INET6, o, text, ADDRESS_TEXT_MAX);
	} else if (address->network_protocol == GNOMON_NETWORK_IEEE_802_3 &&
		   address->length == 6) {
		(void)snprintf(text, ADDRESS_TEXT_MAX, "%02x:%02x:%02x:%02x:%02x:%02x", o[0], o[1],
			       o[2], o[3], o[4], o[5]);
	} else {
		(void)snprintf(text, ADDRESS_TEXT_MAX, "none");
	}
	return text;
}

bool address_is_multicast(const struct gnomon_address *address)
{
	switch ((enum gnomon_network_protocol)address->network_protocol) {
	case GNOMON_NETWORK_UDP_IPV4:
		return (address->octets[0] & 0xf0) == 0xe0;
	case GNOMON_NETWORK_UDP_IPV6:
		return address->octets[0] == 0xff;
	case GNOMON_NETWORK_IEEE_802_3:
		return address->octets[0] & 1;
	}
	return false;
}

bool address_equal(const struct gnomon_address *a, const struct gnomon_address *b)
{
	return a->network_protocol == b->network_protocol && a->length == b->length &&
	       a->length <= sizeof(a->octets) && memcmp(a->octets, b->octets, a->length) == 0;
}

static bool is_link_local(const uint8_t octets[16])
{
	return (octets[0] == 0xfe && (octets[1] & 0xc0) == 0x80) ||
	       (octets[0] == 0xff && (octets[1] & 0x0f) <= 2);
}

socklen_t address_to_sockaddr(const struct gnomon_address *address, uint16_t udp_port,
			      unsigned int ifindex, struct sockaddr_storage *out)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(udp_port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(udp_port) };
	struct sockaddr_ll ll = { .sll_family = AF_PACKET, .sll_protocol = htons(ETHERTYPE_PTP),
				  .sll_ifindex = (int)ifindex, .sll_halen = 6 };

	switch ((enum gnomon_network_protocol)address->network_protocol) {
	case GNOMON_NETWORK_UDP_IPV4:
		memcpy(&in.sin_addr, address->octets, 4);
		memcpy(out, &in, sizeof(in));
		return sizeof(in);
	case GNOMON_NETWORK_UDP_IPV6:
		memcpy(&in6.sin6_addr, address->octets, 16);
		if (is_link_local(address->octets)) {
			in6.sin6_scope_id = ifindex;
		}
		memcpy(out, &in6, sizeof(in6));
		return sizeof(in6);
	case GNOMON_NETWORK_IEEE_802_3:
		memcpy(ll.sll_addr, address->octets, 6);
		memcpy(out, &ll, sizeof(ll));
		return sizeof(ll);
	}
	return 0;
}

int address_from_sockaddr(const struct sockaddr_storage *in, socklen_t len,
			  struct gnomon_address *address)
{
	struct gnomon_address a = { 0 };
	struct sockaddr_in sin;
	struct sockaddr_in6 sin6;
	struct sockaddr_ll ll;

	if (len >= sizeof(sin) && in->ss_family == AF_INET) {
		memcpy(&sin, in, sizeof(sin));
		a.network_protocol = GNOMON_NETWORK_UDP_IPV4;
		a.length = 4;
		memcpy(a.octets, &sin.sin_addr, 4);
		a.udp_port = ntohs(sin.sin_port);
	} else if (len >= sizeof(sin6) && in->ss_family == AF_INET6) {
		memcpy(&sin6, in, sizeof(sin6));
		a.network_protocol = GNOMON_NETWORK_UDP_IPV6;
		a.length = 16;
		memcpy(a.octets, &sin6.sin6_addr, 16);
		a.udp_port = ntohs(sin6.sin6_port);
	} else if (len >= offsetof(struct sockaddr_ll, sll_addr) + 6 &&
		   in->ss_family == AF_PACKET) {
		memcpy(&ll, in, sizeof(ll));
		a.network_protocol = GNOMON_NETWORK_IEEE_802_3;
		a.length = 6;
		memcpy(a.octets, ll.sll_addr, 6);
	} else {
		return len < sizeof(sa_family_t) ? -EINVAL : -EAFNOSUPPORT;
	}
	*address = a;
	return 0;
}
