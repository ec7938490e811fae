/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads capture files for tests: classic pcap of Ethernet frames, in either byte order, and finds
 * the PTP message of a frame: ethertype 88F7, or UDP over IPv4 or IPv6 on port 319 or 320, behind
 * any number of VLAN tags. Only this, so that the tests of the decoder depend on nothing else.
 */
#ifndef TESTS_INTEROP_PCAP_H
#define TESTS_INTEROP_PCAP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PCAP_FILE_HEADER 24u
#define PCAP_FRAME_HEADER 16u
#define PCAP_ETHERNET 1u

/* Octets that are looked at: a view into the file. */
struct octets {
	const uint8_t *p;
	size_t len;
};

struct capture {
	uint8_t *file;
	size_t len, at;
	bool big_endian;
};

static inline unsigned int octets_u16(const uint8_t *p)
{
	return (unsigned int)p[0] << 8 | p[1];
}

static inline uint32_t capture_u32(const struct capture *c, size_t at)
{
	const uint8_t *p = c->file + at;

	if (c->big_endian) {
		return (uint32_t)octets_u16(p) << 16 | octets_u16(p + 2);
	}
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static inline void capture_close(struct capture *c)
{
	free(c->file);
	c->file = NULL;
}

/* A text saying what is wrong with the file, or NULL. */
static inline const char *capture_open(struct capture *c, const char *path)
{
	FILE *file = fopen(path, "rbe");
	size_t room = 0, n;
	uint8_t *grown;

	memset(c, 0, sizeof(*c));
	if (!file) {
		return "cannot open";
	}
	do {
		room += 1 << 20;
		grown = realloc(c->file, room);
		if (!grown) {
			break;
		}
		c->file = grown;
		n = fread(c->file + c->len, 1, room - c->len, file);
		c->len += n;
	} while (n > 0 && c->len == room);
	fclose(file);
	c->at = PCAP_FILE_HEADER;
	if (!grown || c->len < PCAP_FILE_HEADER) {
		capture_close(c);
		return "too short for a capture";
	}
	/* a1b2c3d4, or a1b23c4d where times are in ns, first octet first on a big-endian machine */
	c->big_endian = c->file[0] == 0xa1;
	if ((capture_u32(c, 0) | 0xff00) != 0xa1b2ffd4 && capture_u32(c, 0) != 0xa1b23c4d) {
		capture_close(c);
		return "not a pcap file";
	}
	if (capture_u32(c, 20) != PCAP_ETHERNET) {
		capture_close(c);
		return "not a capture of Ethernet frames";
	}
	return NULL;
}

/* The next frame; false at the end, or where the file was cut. */
static inline bool capture_next(struct capture *c, struct octets *frame)
{
	if (c->len - c->at < PCAP_FRAME_HEADER) {
		return false;
	}
	frame->len = capture_u32(c, c->at + 8);
	frame->p = c->file + c->at + PCAP_FRAME_HEADER;
	if (frame->len > c->len - c->at - PCAP_FRAME_HEADER) {
		return false;
	}
	c->at += PCAP_FRAME_HEADER + frame->len;
	return true;
}

static inline void octets_skip(struct octets *o, size_t n)
{
	n = n < o->len ? n : o->len;
	o->p += n;
	o->len -= n;
}

static inline void octets_cut(struct octets *o, size_t len)
{
	o->len = len < o->len ? len : o->len;
}

/* From the UDP header to the message, if it is one. */
static inline bool udp_ptp(struct octets *o)
{
	unsigned int from, to;

	if (o->len < 8) {
		return false;
	}
	from = octets_u16(o->p);
	to = octets_u16(o->p + 2);
	octets_cut(o, octets_u16(o->p + 4));
	octets_skip(o, 8);
	return from == 319 || from == 320 || to == 319 || to == 320;
}

static inline bool ipv4_ptp(struct octets *o)
{
	if (o->len < 20 || o->p[0] >> 4 != 4 || o->p[9] != 17 ||
	    (octets_u16(o->p + 6) & 0x3fff) != 0) {
		return false;
	}
	octets_cut(o, octets_u16(o->p + 2));
	octets_skip(o, 4 * (o->len > 0 ? o->p[0] & 0xfu : 0));
	return udp_ptp(o);
}

static inline bool ipv6_ptp(struct octets *o)
{
	if (o->len < 40 || o->p[0] >> 4 != 6 || o->p[6] != 17) {
		return false;
	}
	octets_cut(o, 40 + octets_u16(o->p + 4));
	octets_skip(o, 40);
	return udp_ptp(o);
}

/* The PTP message of an Ethernet frame; false if it has none. */
static inline bool frame_ptp(struct octets frame, struct octets *message)
{
	unsigned int type;

	octets_skip(&frame, 12);
	do {
		if (frame.len < 4) {
			return false;
		}
		type = octets_u16(frame.p);
		octets_skip(&frame, type == 0x8100 || type == 0x88a8 ? 4 : 2);
	} while (type == 0x8100 || type == 0x88a8);
	*message = frame;
	return type == 0x88f7 || (type == 0x0800 && ipv4_ptp(message)) ||
	       (type == 0x86dd && ipv6_ptp(message));
}

#endif
