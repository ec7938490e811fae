/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench-codec [rounds]: nanoseconds per message to decode and to encode, for each message type.
 * A row is the best of several rounds, which is the one least disturbed by other work.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <gnomon/msg.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BATCH 200000

/* Makes the compiler believe that the memory behind p was read and changed. */
#define TOUCH(p) __asm__ volatile("" : : "r"(p) : "memory")

struct subject {
	const char *name;
	enum gnomon_msg_type type;
	size_t path; /* PATH_TRACE entries; 0 for no TLV at all */
	bool alternate;
};

static const struct subject subjects[] = {
	{ "Sync", GNOMON_MSG_SYNC, 0, false },
	{ "Delay_Req", GNOMON_MSG_DELAY_REQ, 0, false },
	{ "Pdelay_Req", GNOMON_MSG_PDELAY_REQ, 0, false },
	{ "Pdelay_Resp", GNOMON_MSG_PDELAY_RESP, 0, false },
	{ "Follow_Up", GNOMON_MSG_FOLLOW_UP, 0, false },
	{ "Delay_Resp", GNOMON_MSG_DELAY_RESP, 0, false },
	{ "Pdelay_Resp_Follow_Up", GNOMON_MSG_PDELAY_RESP_FOLLOW_UP, 0, false },
	{ "Announce", GNOMON_MSG_ANNOUNCE, 0, false },
	{ "Announce, PATH_TRACE of 1", GNOMON_MSG_ANNOUNCE, 1, false },
	{ "Announce, PATH_TRACE of 10 + ATOI", GNOMON_MSG_ANNOUNCE, 10, true },
	{ "Signaling, 1 TLV", GNOMON_MSG_SIGNALING, 1, false },
	{ "Management, 1 TLV", GNOMON_MSG_MANAGEMENT, 1, false },
};

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static size_t build_tlvs(const struct subject *s, uint8_t *buf, size_t cap)
{
	static const struct gnomon_alternate_time_offset ato = { 1,          -18000, 3600,
								 1800000000, 3,      "EST" };
	struct gnomon_tlv_builder b;
	uint8_t *path;

	gnomon_tlv_builder_init(&b, buf, cap);
	if (s->path > 0) {
		path = gnomon_tlv_append(&b, GNOMON_TLV_PATH_TRACE, (uint16_t)(8 * s->path));
		memset(path, 0x5a, 8 * s->path);
	}
	if (s->alternate) {
		gnomon_alternate_time_offset_append(&b, &ato);
	}
	return (size_t)gnomon_tlv_builder_finish(&b);
}

static double time_decode(const uint8_t *octets, size_t len)
{
	struct gnomon_msg msg;
	double start = now_ns();

	for (int i = 0; i < BATCH; i++) {
		TOUCH(octets);
		if (gnomon_msg_decode(&msg, octets, len) != GNOMON_DECODE_OK) {
			abort();
		}
		TOUCH(&msg);
	}
	return (now_ns() - start) / BATCH;
}

static double time_encode(const struct gnomon_msg *msg, uint8_t *out, size_t cap)
{
	double start = now_ns();

	for (int i = 0; i < BATCH; i++) {
		TOUCH(msg);
		if (gnomon_msg_encode(msg, out, cap) < 0) {
			abort();
		}
		TOUCH(out);
	}
	return (now_ns() - start) / BATCH;
}

static void bench(const struct subject *s, int rounds)
{
	struct gnomon_msg msg = { .header = { .type = s->type, .version = GNOMON_VERSION_PTP } };
	double decode = 1e9, encode = 1e9;
	uint8_t tlvs[256], octets[512];
	int len;

	msg.tlvs = tlvs;
	msg.tlvs_len = build_tlvs(s, tlvs, sizeof(tlvs));
	len = gnomon_msg_encode(&msg, octets, sizeof(octets));
	if (len < 0) {
		abort();
	}
	for (int i = 0; i < rounds; i++) {
		double d = time_decode(octets, (size_t)len);
		double e = time_encode(&msg, octets, sizeof(octets));

		decode = d < decode ? d : decode;
		encode = e < encode ? e : encode;
	}
	printf("%-34s %6d %10.1f %10.1f %12.1f %12.1f\n", s->name, len, decode, encode,
	       1e3 / decode, 1e3 / encode);
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 20;

	if (argc > 2 || rounds < 1) {
		fprintf(stderr, "usage: bench-codec [rounds]\n");
		return 1;
	}
	printf("%-34s %6s %10s %10s %12s %12s\n", "message", "octets", "decode ns", "encode ns",
	       "decode M/s", "encode M/s");
	for (size_t i = 0; i < COUNT(subjects); i++) {
		bench(&subjects[i], rounds);
	}
	return 0;
}
