/* SPDX-License-Identifier: BSD-2-Clause */
/* drivers/address.h: text and sockaddr forms of all three kinds of address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/address.h"

static struct gnomon_address parsed(enum gnomon_network_protocol protocol, const char *text)
{
	struct gnomon_address address;

	assert_int_equal(address_parse(protocol, text, &address), 0);
	return address;
}

static void text_round_trip(void **state)
{
	static const struct {
		enum gnomon_network_protocol protocol;
		const char *text;
		uint8_t length;
	} rows[] = {
		{ GNOMON_NETWORK_UDP_IPV4, "224.0.1.129", 4 },
		{ GNOMON_NETWORK_UDP_IPV4, "255.255.255.255", 4 },
		{ GNOMON_NETWORK_UDP_IPV6, "ff0e::181", 16 },
		{ GNOMON_NETWORK_UDP_IPV6, "fe80:1234:5678:9abc:def0:1234:5678:9abc", 16 },
		{ GNOMON_NETWORK_IEEE_802_3, "01:1b:19:00:00:00", 6 },
		{ GNOMON_NETWORK_IEEE_802_3, "ff:ff:ff:ff:ff:ff", 6 },
	};
	char text[ADDRESS_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct gnomon_address a = parsed(rows[i].protocol, rows[i].text);

		assert_int_equal(a.network_protocol, rows[i].protocol);
		assert_int_equal(a.length, rows[i].length);
		assert_int_equal(a.udp_port, 0);
		assert_string_equal(address_format(&a, text), rows[i].text);
	}
}

static void other_spellings(void **state)
{
	const struct gnomon_address a = parsed(GNOMON_NETWORK_IEEE_802_3, "01-80-C2-00-00-0E");
	const struct gnomon_address b = parsed(GNOMON_NETWORK_IEEE_802_3, "1:80:c2:0:0:e");

	(void)state;
	assert_true(address_equal(&a, &b));
	assert_memory_equal(a.octets, "\x01\x80\xc2\x00\x00\x0e", 6);
}

static void bad_text(void **state)
{
	static const struct {
		enum gnomon_network_protocol protocol;
		const char *text;
	} rows[] = {
		{ GNOMON_NETWORK_UDP_IPV4, "" },
		{ GNOMON_NETWORK_UDP_IPV4, "224.0.1" },
		{ GNOMON_NETWORK_UDP_IPV4, "224.0.1.256" },
		{ GNOMON_NETWORK_UDP_IPV4, "ff0e::181" },
		{ GNOMON_NETWORK_UDP_IPV6, "224.0.1.129" },
		{ GNOMON_NETWORK_UDP_IPV6, "ff0e:::181" },
		{ GNOMON_NETWORK_UDP_IPV6, "fe80::1%eth0" },
		{ GNOMON_NETWORK_IEEE_802_3, "" },
		{ GNOMON_NETWORK_IEEE_802_3, "01:1b:19:00:00" },
		{ GNOMON_NETWORK_IEEE_802_3, "01:1b:19:00:00:00:00" },
		{ GNOMON_NETWORK_IEEE_802_3, "01:1b-19:00:00:00" },
		{ GNOMON_NETWORK_IEEE_802_3, "01:1b:19:00:00:0g" },
		{ GNOMON_NETWORK_IEEE_802_3, " 1:1b:19:00:00:00" },
		{ GNOMON_NETWORK_IEEE_802_3, "01:1b:19:00:00: 0" },
		{ GNOMON_NETWORK_IEEE_802_3, "011b19000000" },
		{ (enum gnomon_network_protocol)99, "1.2.3.4" },
	};
	struct gnomon_address a;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(&a, 0x5a, sizeof(a));
		if (address_parse(rows[i].protocol, rows[i].text, &a) != -EINVAL) {
			fail_msg("accepted \"%s\"", rows[i].text);
		}
		assert_int_equal(a.length, 0x5a); /* untouched */
	}
}

static void format_zero(void **state)
{
	const struct gnomon_address zero = { 0 };
	const struct gnomon_address odd = { .network_protocol = GNOMON_NETWORK_UDP_IPV4,
					    .length = 16 };
	char text[ADDRESS_TEXT_MAX];

	(void)state;
	assert_string_equal(address_format(&zero, text), "none");
	assert_string_equal(address_format(&odd, text), "none");
}

static void multicast(void **state)
{
	static const struct {
		enum gnomon_network_protocol protocol;
		const char *text;
		bool is;
	} rows[] = {
		{ GNOMON_NETWORK_UDP_IPV4, "224.0.1.129", true },
		{ GNOMON_NETWORK_UDP_IPV4, "239.255.255.255", true },
		{ GNOMON_NETWORK_UDP_IPV4, "240.0.0.1", false },
		{ GNOMON_NETWORK_UDP_IPV4, "10.0.0.1", false },
		{ GNOMON_NETWORK_UDP_IPV6, "ff02::6b", true },
		{ GNOMON_NETWORK_UDP_IPV6, "fe80::1", false },
		{ GNOMON_NETWORK_IEEE_802_3, "01:1b:19:00:00:00", true },
		{ GNOMON_NETWORK_IEEE_802_3, "02:1b:19:00:00:00", false },
	};
	const struct gnomon_address zero = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct gnomon_address a = parsed(rows[i].protocol, rows[i].text);

		assert_int_equal(address_is_multicast(&a), rows[i].is);
	}
	assert_false(address_is_multicast(&zero));
}

static void sockaddr_round_trip(void **state)
{
	static const struct {
		enum gnomon_network_protocol protocol;
		const char *text;
		socklen_t len;
		uint16_t port;
	} rows[] = {
		{ GNOMON_NETWORK_UDP_IPV4, "192.0.2.7", sizeof(struct sockaddr_in), 319 },
		{ GNOMON_NETWORK_UDP_IPV6, "2001:db8::7", sizeof(struct sockaddr_in6), 320 },
		{ GNOMON_NETWORK_IEEE_802_3, "01:1b:19:00:00:00", sizeof(struct sockaddr_ll), 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct gnomon_address a = parsed(rows[i].protocol, rows[i].text);
		struct gnomon_address back;
		struct sockaddr_storage storage;
		const socklen_t len = address_to_sockaddr(&a, rows[i].port, 7, &storage);

		assert_int_equal(len, rows[i].len);
		assert_int_equal(address_from_sockaddr(&storage, len, &back), 0);
		assert_true(address_equal(&a, &back));
		assert_int_equal(back.udp_port, rows[i].port);
		/* A cut name is refused, never read beyond. */
		assert_int_equal(address_from_sockaddr(&storage, 4, &back), -EAFNOSUPPORT);
		assert_int_equal(address_from_sockaddr(&storage, 0, &back), -EINVAL);
	}
}

/* Link-local addresses mean nothing without their interface, others must not be tied to one. */
static void ipv6_scope(void **state)
{
	static const struct {
		const char *text;
		uint32_t scope;
	} rows[] = {
		{ "fe80::1", 7 },   { "febf::1", 7 },  { "fec0::1", 0 }, { "ff02::6b", 7 },
		{ "ff01::181", 7 }, { "ff0e::181", 0 }, { "2001:db8::1", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct gnomon_address a = parsed(GNOMON_NETWORK_UDP_IPV6, rows[i].text);
		struct sockaddr_storage storage;
		struct sockaddr_in6 in6;

		assert_int_equal(address_to_sockaddr(&a, 319, 7, &storage), sizeof(in6));
		memcpy(&in6, &storage, sizeof(in6));
		assert_int_equal(in6.sin6_scope_id, rows[i].scope);
	}
}

static void ethernet_name(void **state)
{
	const struct gnomon_address a = parsed(GNOMON_NETWORK_IEEE_802_3, "01:1b:19:00:00:00");
	const struct gnomon_address foreign = { .network_protocol = 4, .length = 2 };
	struct sockaddr_storage storage;
	struct sockaddr_ll ll;

	(void)state;
	assert_int_equal(address_to_sockaddr(&a, 319, 7, &storage), sizeof(ll));
	memcpy(&ll, &storage, sizeof(ll));
	assert_int_equal(ll.sll_protocol, htons(0x88f7));
	assert_int_equal(ll.sll_ifindex, 7);
	assert_int_equal(ll.sll_halen, 6);
	assert_int_equal(address_to_sockaddr(&foreign, 319, 7, &storage), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/drivers/address/text_round_trip", text_round_trip },
		{ "/drivers/address/other_spellings", other_spellings },
		{ "/drivers/address/bad_text", bad_text },
		{ "/drivers/address/format_zero", format_zero },
		{ "/drivers/address/multicast", multicast },
		{ "/drivers/address/sockaddr_round_trip", sockaddr_round_trip },
		{ "/drivers/address/ipv6_scope", ipv6_scope },
		{ "/drivers/address/ethernet_name", ethernet_name },
	};

	return cmocka_run_group_tests_name("/drivers/address", tests, NULL, NULL);
}
