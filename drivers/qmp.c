/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/qmp.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

/* Longest line taken. Answers to what is asked here have a few hundred octets, and so have events;
 * a machine with many disks may say more of them. */
#define LINE_MAX_OCTETS (64u * 1024)
#define OUT_MAX 4096u

/* How long an answer may take: QEMU's monitor waits for its main loop, which may be busy. */
#define ANSWER_NS (10 * (int64_t)GNOMON_NSEC_PER_SEC)

/* The first and the longest pause before it is tried again. */
#define RETRY_MIN_NS (GNOMON_NSEC_PER_SEC / 4)
#define RETRY_MAX_NS (5 * (int64_t)GNOMON_NSEC_PER_SEC)

void qmp_init(struct qmp *q, const char *path)
{
	*q = (struct qmp){ .path = path, .stream.fd = -1, .backoff = RETRY_MIN_NS };
}

void qmp_close(struct qmp *q)
{
	uds_stream_close(&q->stream);
	q->state = QMP_DOWN;
	q->pid = 0;
}

/* -- a connection ----------------------------------------------------------------------------- */

/* It is left at the next look, which tells of it. */
static void leave(struct qmp *q, const char *why)
{
	if (!q->broken) {
		(void)snprintf(q->text, sizeof(q->text), "%s", why);
	}
	q->broken = true;
}

static void hang_up(struct qmp *q, gnomon_mono now)
{
	qmp_close(q);
	q->broken = false;
	q->migrating = false;
	q->found_migrating = false;
	q->finding = false;
	q->run = QMP_RUN_UNKNOWN;
	q->deadline = gnomon_mono_add(now, q->backoff);
	q->backoff = 2 * q->backoff < RETRY_MAX_NS ? 2 * q->backoff : RETRY_MAX_NS;
}

static void say(struct qmp *q, const char *line)
{
	int r;

	if (uds_stream_put(&q->stream, line, strlen(line))) {
		leave(q, "it does not read what it is told");
		return;
	}
	r = uds_stream_flush(&q->stream);
	if (r && r != -EAGAIN) {
		leave(q, driver_strerror(r));
	}
}

static void connect_to(struct qmp *q, gnomon_mono now)
{
	struct uds_peer peer = { 0 };
	const int fd = uds_connect(q->path);

	if (fd < 0) {
		leave(q, fd == -ENOENT || fd == -ECONNREFUSED ? "nobody listens there"
			 : fd == -EACCES ? "gnomond may not connect; let its user write to it"
			 : fd == -EAGAIN ? "it serves another client; give it to gnomond alone"
					 : driver_strerror(fd));
		return;
	}
	(void)uds_peer_of(fd, &peer);
	uds_stream_init(&q->stream, fd, LINE_MAX_OCTETS, OUT_MAX);
	q->pid = peer.pid;
	q->state = QMP_GREETING;
	q->deadline = gnomon_mono_add(now, ANSWER_NS);
}

void qmp_poll_fd(const struct qmp *q, struct pollfd *fd)
{
	*fd = (struct pollfd){ .fd = q->broken ? -1 : q->stream.fd, .events = POLLIN };
	if (uds_stream_queued(&q->stream)) {
		fd->events |= POLLOUT;
	}
}

void qmp_ready(struct qmp *q, gnomon_mono now)
{
	ssize_t got;
	int r;

	(void)now;
	if (q->stream.fd < 0 || q->broken) {
		return;
	}
	r = uds_stream_flush(&q->stream);
	if (r && r != -EAGAIN) {
		leave(q, driver_strerror(r));
		return;
	}
	got = uds_stream_fill(&q->stream);
	if (got == 0) {
		leave(q, "it hung up");
	} else if (got == -ENOBUFS) {
		leave(q, "it says more in one line than a monitor has to say");
	} else if (got < 0 && got != -EAGAIN) {
		leave(q, driver_strerror((int)got));
	}
}

gnomon_mono qmp_expire(struct qmp *q, gnomon_mono now)
{
	const bool late = !gnomon_mono_before(now, q->deadline);

	if (q->broken) {
		return now;
	}
	if (q->state == QMP_DOWN && late) {
		connect_to(q, now);
	} else if (q->state != QMP_DOWN && (q->state != QMP_READY || q->finding) && late) {
		leave(q, "it does not answer; does it serve another client?");
	}
	if (q->broken) {
		return now;
	}
	return q->state == QMP_READY && !q->finding ? GNOMON_MONO_NEVER : q->deadline;
}

/* -- what it says ----------------------------------------------------------------------------- */

static enum qmp_run run_of(const char *status)
{
	static const struct {
		const char *name;
		enum qmp_run run;
	} names[] = {
		{ "running", QMP_RUN_RUNNING },      { "inmigrate", QMP_RUN_INCOMING },
		{ "shutdown", QMP_RUN_ENDED },       { "guest-panicked", QMP_RUN_ENDED },
		{ "internal-error", QMP_RUN_ENDED },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i].name, status) == 0) {
			return names[i].run;
		}
	}
	return QMP_RUN_STOPPED;
}

static bool is_one_of(const char *text, const char *const *names)
{
	for (; *names; names++) {
		if (strcmp(text, *names) == 0) {
			return true;
		}
	}
	return false;
}

/* States of a migration whose end is not known. */
static const char *const begun[] = { "setup",	     "active", "postcopy-active", "postcopy-paused",
				     "pre-switchover", "device", "wait-unplug",	  "colo",
				     NULL };

static const char *status_in(const json_t *message, const char *member)
{
	return json_string_value(json_object_get(json_object_get(message, member), "status"));
}

static bool connected(struct qmp *q, const char *status, struct qmp_notice *notice)
{
	q->run = status ? run_of(status) : QMP_RUN_UNKNOWN;
	q->incoming = q->run == QMP_RUN_INCOMING;
	q->found_migrating = q->found_migrating && !q->incoming;
	q->state = QMP_READY;
	q->backoff = RETRY_MIN_NS;
	q->told = false;
	*notice = (struct qmp_notice){ .type = QMP_NOTICE_CONNECTED, .run = q->run };
	return true;
}

/* A step of the conversation has been answered: go on with the next. Errors of the second one only
 * mean that migrations are seen later, by the machine's stopping. */
static bool go_on(struct qmp *q, const json_t *answer, struct qmp_notice *notice, gnomon_mono now)
{
	const char *status = status_in(answer, "return");

	q->deadline = gnomon_mono_add(now, ANSWER_NS);
	if (q->state == QMP_NEGOTIATING) {
		q->state = QMP_PREPARING;
		say(q, "{\"execute\":\"migrate-set-capabilities\",\"arguments\":{\"capabilities\":"
		       "[{\"capability\":\"events\",\"state\":true}]}}\n");
		return false;
	}
	if (q->state == QMP_PREPARING) {
		q->state = QMP_ASKING_MIGRATION;
		say(q, "{\"execute\":\"query-migrate\"}\n");
		return false;
	}
	if (q->state == QMP_ASKING_MIGRATION) {
		q->found_migrating = status && is_one_of(status, begun);
		q->state = QMP_ASKING_RUN;
		say(q, "{\"execute\":\"query-status\"}\n");
		return false;
	}
	return connected(q, status, notice);
}

/* "Host virtual address for 0xfeffb000 (vmclock_page) is 0x7f0a42c00000" */
static bool take_address(struct qmp *q, const json_t *answer, struct qmp_notice *notice)
{
	const char *text = json_string_value(json_object_get(answer, "return"));
	const char *at = text ? strstr(text, " is 0x") : NULL;

	q->finding = false;
	*notice = (struct qmp_notice){ .type = QMP_NOTICE_ADDRESS, .run = q->run };
	notice->address = at ? strtoull(at + 4, NULL, 16) : 0;
	if (!notice->address) {
		(void)snprintf(notice->text, sizeof(notice->text), "gpa2hva: %.120s",
			       text ? text : "the monitor refuses it");
		notice->text[strcspn(notice->text, "\r\n")] = '\0';
	}
	return true;
}

static bool take_answer(struct qmp *q, const json_t *answer, struct qmp_notice *notice,
			gnomon_mono now)
{
	if (q->state == QMP_NEGOTIATING && !json_object_get(answer, "return")) {
		leave(q, "it does not take qmp_capabilities");
		return false;
	}
	if (q->state != QMP_READY) {
		return go_on(q, answer, notice, now);
	}
	return q->finding && take_address(q, answer, notice);
}

/* -- events ----------------------------------------------------------------------------------- */

/* The end a migration comes to has the same states, and is told of its end by RESUME. */
static bool take_migration(struct qmp *q, const char *status, struct qmp_notice *notice)
{
	static const char *const off[] = { "failed", "cancelled", NULL };

	if (q->incoming) {
		return false;
	}
	if (is_one_of(status, begun)) {
		notice->type = QMP_NOTICE_LEAVING;
		if (q->migrating) {
			return false;
		}
		q->migrating = true;
		return true;
	}
	if (is_one_of(status, off)) {
		notice->type = QMP_NOTICE_CALLED_OFF;
	} else if (strcmp(status, "completed") == 0) {
		notice->type = QMP_NOTICE_LEFT;
	} else {
		return false;
	}
	if (!q->migrating) {
		return false;
	}
	q->migrating = false;
	return true;
}

static bool take_event(struct qmp *q, const char *name, const json_t *event,
		       struct qmp_notice *notice)
{
	static const char *const anew[] = { "RESET", "WAKEUP", NULL };
	const char *status = status_in(event, "data");

	*notice = (struct qmp_notice){ .run = q->run };
	if (strcmp(name, "MIGRATION") == 0) {
		return status && take_migration(q, status, notice);
	}
	if (strcmp(name, "STOP") == 0) {
		q->run = QMP_RUN_STOPPED;
		notice->type = QMP_NOTICE_STOP;
	} else if (strcmp(name, "RESUME") == 0) {
		q->run = QMP_RUN_RUNNING;
		notice->type = QMP_NOTICE_RESUME;
		notice->arrived = q->incoming;
		q->incoming = false;
	} else if (is_one_of(name, anew)) {
		notice->type = QMP_NOTICE_RESET;
	} else {
		return false;
	}
	notice->run = q->run;
	return true;
}

/* A line, which is the greeting, an event or an answer. True if it is to be told. */
static bool take_line(struct qmp *q, const char *line, size_t len, struct qmp_notice *notice,
		      gnomon_mono now)
{
	json_t *root = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	const char *event = json_string_value(json_object_get(root, "event"));
	bool tell = false;

	if (!json_is_object(root)) {
		leave(q, "it says something that is no JSON: is it a monitor?");
	} else if (q->state == QMP_GREETING) {
		if (!json_object_get(root, "QMP")) {
			leave(q, "it does not greet as QMP does: start QEMU with -qmp");
		} else {
			q->state = QMP_NEGOTIATING;
			q->deadline = gnomon_mono_add(now, ANSWER_NS);
			say(q, "{\"execute\":\"qmp_capabilities\"}\n");
		}
	} else if (event) {
		tell = q->state == QMP_READY && take_event(q, event, root, notice);
	} else {
		tell = take_answer(q, root, notice, now);
	}
	json_decref(root);
	return tell;
}

bool qmp_next(struct qmp *q, struct qmp_notice *notice, gnomon_mono now)
{
	const char *line;
	size_t len;

	if (q->found_migrating && q->state == QMP_READY) {
		q->found_migrating = false;
		q->migrating = true;
		*notice = (struct qmp_notice){ .type = QMP_NOTICE_LEAVING, .run = q->run };
		return true;
	}
	while (!q->broken && q->stream.fd >= 0) {
		line = uds_stream_line(&q->stream, &len);
		if (!line) {
			break;
		}
		if (len > 0 && take_line(q, line, len, notice, now)) {
			return true;
		}
	}
	if (!q->broken) {
		return false;
	}
	hang_up(q, now);
	if (q->told) {
		return false;
	}
	q->told = true;
	*notice = (struct qmp_notice){ .type = QMP_NOTICE_LOST };
	(void)snprintf(notice->text, sizeof(notice->text), "%s", q->text);
	return true;
}

int qmp_find_address(struct qmp *q, uint64_t guest, gnomon_mono now)
{
	char line[160];

	if (q->state != QMP_READY || q->broken) {
		return -ENOTCONN;
	}
	if (q->finding) {
		return -EBUSY;
	}
	(void)snprintf(line, sizeof(line),
		       "{\"execute\":\"human-monitor-command\",\"arguments\":{\"command-line\":"
		       "\"gpa2hva 0x%" PRIx64 "\"}}\n",
		       guest);
	q->finding = true;
	q->deadline = gnomon_mono_add(now, ANSWER_NS);
	say(q, line);
	return 0;
}
