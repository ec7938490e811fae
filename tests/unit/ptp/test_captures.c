/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Real captures of other implementations' messages, read from the directory GNOMON_CAPTURES or
 * ../shared/captures beside the source tree; skipped where there is none. Every message must be
 * accepted, encode to its own octets again, and say what is known of it.
 */
#include <limits.h>
#include <sys/stat.h>

#include "tests/interop/pcap.h"
#include "tests/unit/ptp/vectors.h"

static char folder[PATH_MAX / 2];

static void find_folder(void)
{
	const char *given = getenv("GNOMON_CAPTURES"), *root = getenv("GNOMON_SOURCE_ROOT");

	if (given) {
		snprintf(folder, sizeof(folder), "%s", given);
	} else if (root) {
		snprintf(folder, sizeof(folder), "%s/../shared/captures", root);
	}
}

static void open_capture(struct capture *c, const char *name)
{
	char path[PATH_MAX];
	const char *wrong;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	wrong = capture_open(c, path);
	if (wrong) {
		fail_msg("%s: %s", path, wrong);
	}
}

struct expected {
	const char *name;
	size_t frames;
	size_t of_type[16];
};

/* frames of each type: Sync, Delay_Req, Pdelay_Req, Pdelay_Resp, 4 reserved, Follow_Up ... */
static struct expected smallest = { "ptp.pcap", 5, { 1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 0, 1, 0, 0 } };
static struct expected corrections = {
	"ptp_corrections.pcap", 3, { 1, 1, 0, 0, 0, 0, 0, 0, 0, 1 },
};
static struct expected ethernet = {
	"ptp_ethernet.pcap", 205, { 70, 15, 0, 0, 0, 0, 0, 0, 70, 15, 0, 35 },
};
static struct expected management_pairs = {
	"ptp_management.pcap", 10, { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10 },
};
static struct expected version_2_1 = {
	"ptp_v2_1.pcap", 38, { 11, 0, 11, 0, 0, 0, 0, 0, 11, 0, 0, 5 },
};

static void check_message(struct octets m, struct gnomon_msg *msg)
{
	uint8_t octets[GNOMON_MSG_MAX], again[GNOMON_MSG_MAX];
	int len;

	assert_int_equal(decode(msg, m.p, m.len), GNOMON_DECODE_OK);
	len = gnomon_msg_encode(msg, again, sizeof(again));
	assert_int_equal(len, msg->header.length);
	memcpy(octets, m.p, (size_t)len);
	if (msg->header.type == GNOMON_MSG_ANNOUNCE) {
		octets[46] = 0; /* reserved, and one of these devices sends what it likes */
	}
	assert_memory_equal(again, octets, (size_t)len);
}

static void accepted_and_the_same(void **state)
{
	const struct expected *e = *state;
	size_t frames = 0, of_type[16] = { 0 };
	struct octets frame = { NULL, 0 };
	struct octets message = { NULL, 0 };
	struct capture c;

	open_capture(&c, e->name);
	while (capture_next(&c, &frame)) {
		struct gnomon_msg msg;

		frames++;
		assert_true(frame_ptp(frame, &message));
		check_message(message, &msg);
		of_type[msg.header.type]++;
	}
	capture_close(&c);
	assert_int_equal(frames, e->frames);
	for (size_t i = 0; i < COUNT(of_type); i++) {
		assert_int_equal(of_type[i], e->of_type[i]);
	}
}

/* The message of the n-th frame of a capture, from 1; its TLVs end at the fence. */
static void message_of(const char *name, int n, struct gnomon_msg *msg)
{
	struct octets frame = { NULL, 0 };
	struct octets message = { NULL, 0 };
	struct capture c;

	open_capture(&c, name);
	for (; n > 0; n--) {
		assert_true(capture_next(&c, &frame));
	}
	assert_true(frame_ptp(frame, &message));
	assert_int_equal(decode(msg, message.p, message.len), GNOMON_DECODE_OK);
	capture_close(&c);
}

static void corrections_are_kept(void **state)
{
	static const uint8_t filler_ff_ff[8] = { 0xe8, 0xc5, 0x7a, 0xff, 0xff, 0x01, 0x31, 0x3f };
	struct gnomon_msg sync, resp, req;

	(void)state;
	message_of("ptp_corrections.pcap", 1, &req);
	message_of("ptp_corrections.pcap", 2, &resp);
	message_of("ptp_corrections.pcap", 3, &sync);
	assert_int_equal(sync.header.domain, 44);
	assert_int_equal(sync.header.flags, GNOMON_FLAG_UNICAST);
	assert_int_equal(sync.header.correction, INT64_C(105045) * 65536);
	assert_int_equal(resp.header.correction, INT64_C(36035) * 65536);
	assert_memory_equal(sync.header.source.clock.id, filler_ff_ff, 8);
	assert_true(sync.timestamp.seconds > 0);
	assert_int_equal(resp.header.sequence_id, req.header.sequence_id);
	assert_int_equal(gnomon_port_identity_cmp(&resp.requesting, &req.header.source), 0);
}

static void padding_is_ignored(void **state)
{
	struct gnomon_msg sync, announce;

	(void)state;
	message_of("ptp_ethernet.pcap", 1, &sync);
	message_of("ptp_ethernet.pcap", 3, &announce);
	assert_int_equal(sync.header.length, 44);
	assert_int_equal(sync.tlvs_len, 0);
	assert_int_equal(sync.header.source.port, 274);
	assert_int_equal(announce.header.type, GNOMON_MSG_ANNOUNCE);
	assert_int_equal(announce.tlvs_len, 0);
}

static void version_2_1_fields(void **state)
{
	struct gnomon_msg announce;
	char text[GNOMON_PORT_IDENTITY_STRLEN];

	(void)state;
	message_of("ptp_v2_1.pcap", 4, &announce);
	assert_int_equal(announce.header.minor_version, 1);
	assert_int_equal(announce.header.control, 0);
	assert_int_equal(announce.header.flags, GNOMON_FLAG_PTP_TIMESCALE);
	assert_int_equal(announce.body.announce.current_utc_offset, 37);
	assert_int_equal(announce.body.announce.grandmaster_quality.clock_class, 248);
	assert_int_equal(announce.body.announce.time_source, 0xa0);
	assert_string_equal(gnomon_port_identity_format(text, &announce.header.source),
			    "38f3ab.fffe.96ec12-1");
}

/* GET with a dataField as long as the answer's. */
static void management_carries_data(void **state)
{
	struct gnomon_msg get, response;
	struct gnomon_tlv tlv;

	(void)state;
	message_of("ptp_management.pcap", 1, &get);
	assert_int_equal(get.body.management.action, 0);
	assert_true(gnomon_tlv_find(get.tlvs, get.tlvs_len, GNOMON_TLV_MANAGEMENT, &tlv));
	assert_int_equal(tlv.length, 20);
	message_of("ptp_management.pcap", 10, &response);
	assert_int_equal(response.body.management.action, 2);
	assert_true(gnomon_tlv_find(response.tlvs, response.tlvs_len, GNOMON_TLV_MANAGEMENT, &tlv));
	assert_int_equal(tlv.length, 50);
}

/* True if all captures are there, else the plan of a skipped test is said. */
static bool captures_are_there(void)
{
	static const struct expected *const all[] = {
		&smallest, &corrections, &ethernet, &management_pairs, &version_2_1,
	};

	find_folder();
	for (size_t i = 0; i < COUNT(all); i++) {
		char path[PATH_MAX];
		struct stat st;

		snprintf(path, sizeof(path), "%s/%s", folder, all[i]->name);
		if (stat(path, &st) != 0) {
			printf("1..0 # SKIP no %s; GNOMON_CAPTURES names the folder\n", path);
			return false;
		}
	}
	return true;
}

#define WHOLE(name, e) { "/ptp/captures/same/" name, accepted_and_the_same, NULL, NULL, e }

int main(void)
{
	const struct CMUnitTest tests[] = {
		WHOLE("ptp", &smallest),
		WHOLE("corrections", &corrections),
		WHOLE("ethernet", &ethernet),
		WHOLE("management", &management_pairs),
		WHOLE("v2_1", &version_2_1),
		{ "/ptp/captures/corrections_are_kept", corrections_are_kept },
		{ "/ptp/captures/padding_is_ignored", padding_is_ignored },
		{ "/ptp/captures/version_2_1_fields", version_2_1_fields },
		{ "/ptp/captures/management_carries_data", management_carries_data },
	};

	if (!captures_are_there()) {
		return 0;
	}
	return cmocka_run_group_tests_name("/ptp/captures", tests, fence_setup, NULL);
}
