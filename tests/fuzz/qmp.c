/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What QEMU's monitor says, after the first octet, which is how far the conversation is. Notices
 * follow each other as things do in the world: it is lost once, and what has left had been leaving.
 */
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "drivers/qmp.h"
#include "drivers/socket.h"

#include "fuzz.h"

#define IN_MAX 8192
#define OUT_MAX 4096

struct seen {
	bool leaving;
	bool lost;
	unsigned int count;
};

static void check(const struct qmp *q, const struct qmp_notice *notice, struct seen *seen)
{
	FUZZ_CHECK(!seen->lost);
	FUZZ_CHECK(memchr(notice->text, '\0', sizeof(notice->text)) != NULL);
	FUZZ_CHECK(!strpbrk(notice->text, "\r\n"));
	switch (notice->type) {
	case QMP_NOTICE_CONNECTED:
		FUZZ_CHECK(q->state == QMP_READY);
		break;
	case QMP_NOTICE_LOST:
		FUZZ_CHECK(q->state == QMP_DOWN && q->stream.fd < 0 && notice->text[0]);
		seen->lost = true;
		break;
	case QMP_NOTICE_LEAVING:
		FUZZ_CHECK(!seen->leaving);
		seen->leaving = true;
		break;
	case QMP_NOTICE_LEFT:
	case QMP_NOTICE_CALLED_OFF:
		FUZZ_CHECK(seen->leaving);
		seen->leaving = false;
		break;
	case QMP_NOTICE_RESUME:
		FUZZ_CHECK(notice->run == QMP_RUN_RUNNING);
		break;
	case QMP_NOTICE_STOP:
		FUZZ_CHECK(notice->run == QMP_RUN_STOPPED);
		break;
	case QMP_NOTICE_ADDRESS:
		FUZZ_CHECK(notice->address || notice->text[0]);
		FUZZ_CHECK(!q->finding);
		break;
	case QMP_NOTICE_RESET:
		break;
	}
	seen->count++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const gnomon_mono now = { 1000 };
	struct seen seen = { false, false, 0 };
	struct qmp_notice notice;
	struct qmp q;
	int ends[2];

	if (size < 1 || size > IN_MAX) {
		return 0;
	}
	FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	FUZZ_CHECK(socket_set_flags(ends[0]) == 0);
	qmp_init(&q, "/nowhere");
	uds_stream_init(&q.stream, ends[0], IN_MAX, OUT_MAX);
	q.state = (enum qmp_state)(QMP_GREETING + data[0] % 6);
	q.deadline = gnomon_mono_add(now, 1);
	q.incoming = data[0] & 0x40;
	if (q.state == QMP_READY && (data[0] & 0x80)) {
		FUZZ_CHECK(qmp_find_address(&q, 0x1000, now) == 0);
	}
	FUZZ_CHECK(write(ends[1], data + 1, size - 1) == (ssize_t)size - 1);
	(void)shutdown(ends[1], SHUT_WR);
	while (q.stream.fd >= 0) {
		qmp_ready(&q, now);
		while (qmp_next(&q, &notice, now)) {
			check(&q, &notice, &seen);
		}
	}
	FUZZ_CHECK(seen.lost && seen.count <= size);
	qmp_close(&q);
	(void)close(ends[1]);
	return 0;
}
