/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands one after the other: sent, answered, printed. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "drivers/timer.h"
#include "grammar.h"
#include "pmc.h"
#include "print.h"

/* How long linuxptp's pmc waits for more answers; we do so where more than one may come. */
#define QUIET_MS 100
/* How long to leave a daemon alone that has too many requests waiting. */
#define BUSY_MS 2
#define AWAKE_MS 500

#define LINE_MAX 1024

/* The request that is waited for. */
struct request {
	struct grammar_command command;
	uint16_t sequence;
	int64_t deadline_ms;
	unsigned int answers;
};

struct session {
	const struct pmc_session *of;
	struct gnomon_port_identity target;
	struct request request;
	bool waiting;        /* for the first answer to it */
	bool listen;         /* more than one may answer: stay a while at the end */
	int64_t last_ms;     /* when something was heard or sent */
	int status;
	char **commands;     /* left of the arguments; NULL: the standard input is read */
	char input[LINE_MAX];
	size_t len;          /* of input */
	bool input_ended;
};

static volatile sig_atomic_t caught;

static void catch(int number)
{
	caught = number;
}

static void catch_signals(void)
{
	struct sigaction action = { .sa_handler = catch };

	sigemptyset(&action.sa_mask);
	(void)sigaction(SIGTERM, &action, NULL);
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGQUIT, &action, NULL);
	(void)sigaction(SIGHUP, &action, NULL);
}

static int64_t now_ms(void)
{
	return timer_now().ns / 1000000;
}

static void note_failure(struct session *s, int status)
{
	if (!s->of->drop_in && s->status == COMMAND_GOOD) {
		s->status = status;
	}
}

static bool is_any_clock(const struct gnomon_port_identity *target)
{
	static const struct gnomon_clock_identity all = {
		{ 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }
	};

	return gnomon_clock_identity_cmp(&target->clock, &all) == 0;
}

/* Whether who answers is who was asked; a clock may answer for its ports. */
static bool is_asked(const struct session *s, const struct gnomon_port_identity *source)
{
	return is_any_clock(&s->target) ||
	       gnomon_clock_identity_cmp(&s->target.clock, &source->clock) == 0;
}

/* -- what is heard ---------------------------------------------------------------------------- */

static void judge_answer(struct session *s, const struct manage_message *m)
{
	const struct grammar_command *c = &s->request.command;
	char source[GNOMON_PORT_IDENTITY_STRLEN];

	if (!manage_is_answer(s->of->client, m) ||
	    m->msg.header.sequence_id != s->request.sequence || !c->row ||
	    m->tlv.id != c->row->id || !is_asked(s, &m->msg.header.source)) {
		return;
	}
	s->waiting = false;
	s->request.answers++;
	if (m->tlv.type == GNOMON_TLV_MANAGEMENT_ERROR_STATUS && !s->of->drop_in) {
		say(s->of->say, LOG_ERR, "%s %s: %s refuses: %s%s",
		    gnomon_management_action_name(c->action), c->row->name,
		    gnomon_port_identity_format(source, &m->msg.header.source),
		    gnomon_management_error_name(m->tlv.error),
		    manage_remedy(m->tlv.error, c->action));
		note_failure(s, COMMAND_RUNTIME);
	}
}

/* Everything that is there now. Returns 0, or -errno of the socket. */
static int hear(struct session *s)
{
	struct manage_message m;
	int r;

	while ((r = manage_receive(s->of->client, &m)) != -EAGAIN) {
		if (r == -EBADMSG && s->of->drop_in) {
			say(s->of->say, LOG_ERR, "bad message");
		}
		if (r == 0) {
			s->last_ms = now_ms();
			(s->of->json ? print_json : print_text)(stdout, &m);
			judge_answer(s, &m);
		} else if (r != -EBADMSG && r != -ENOMSG && r != -ECONNREFUSED) {
			say(s->of->say, LOG_ERR, "cannot receive: %s", driver_strerror(r));
			note_failure(s, COMMAND_RUNTIME);
			return r;
		}
	}
	return 0;
}

/* Wait for the network, and the standard input if wanted. Returns what is readable. */
static void wait_for(const struct session *s, bool also_input, int timeout_ms)
{
	struct pollfd fds[2] = {
		{ .fd = manage_fd(s->of->client), .events = POLLIN },
		{ .fd = also_input ? STDIN_FILENO : -1, .events = POLLIN },
	};

	(void)poll(fds, 2, timeout_ms);
}

/* -- what is said ----------------------------------------------------------------------------- */

static const char *word_of(uint8_t access, uint8_t bit, const char *word)
{
	return access & bit ? word : "";
}

static void help_id(const struct gnomon_management_row *row)
{
	const uint8_t a = row->access;

	printf("\n\t%s%s%s%s\n", row->name, word_of(a, GNOMON_MANAGEMENT_MAY_GET, " GET"),
	       word_of(a, GNOMON_MANAGEMENT_MAY_SET, " SET"),
	       word_of(a, GNOMON_MANAGEMENT_MAY_COMMAND, " CMD"));
	for (unsigned int i = 0; i < row->field_count; i++) {
		const struct gnomon_management_field *f = &row->fields[i];

		if (f->label && f->ranged) {
			printf("\t\t%s %lld to %lld\n", f->label, (long long)f->min,
			       (long long)f->max);
		} else if (f->label) {
			printf("\t\t%s%s\n", f->label,
			       f->format == GNOMON_FORMAT_HEX ? " (hexadecimal)" : "");
		}
	}
	printf("\n");
}

/* Ids of the clock, then those of ports. */
static void help(const struct gnomon_management_row *row)
{
	unsigned int count;
	const struct gnomon_management_row *rows = gnomon_management_rows(&count);

	if (row) {
		help_id(row);
		return;
	}
	printf("\n");
	for (int port = 0; port < 2; port++) {
		for (unsigned int i = 0; i < count; i++) {
			if (rows[i].port_scope == (port == 1)) {
				printf("\t[action] %s\n", rows[i].name);
			}
		}
	}
	printf("\n\tThe [action] can be GET, SET, CMD, or COMMAND\n"
	       "\tCommands are case insensitive and may be abbreviated.\n\n"
	       "\tTARGET [portIdentity]\n"
	       "\tTARGET *\n\n");
}

/* Whether several clocks or ports may answer. */
static bool may_be_many(const struct session *s)
{
	return (!s->of->alone && is_any_clock(&s->target)) ||
	       (s->request.command.row->port_scope && s->target.port == 0xffff);
}

static void send_request(struct session *s)
{
	const struct grammar_command *c = &s->request.command;
	const struct manage_request request = { c->action, c->row->id, c->data, c->len };
	const int64_t deadline = now_ms() + s->of->timeout_ms;
	struct driver_error error;
	int err;

	while ((err = manage_send(s->of->client, &request, &s->request.sequence)) == -EAGAIN &&
	       now_ms() < deadline && !caught) {
		/* It answers those before, and may be waiting for us to take its answers. */
		if (hear(s)) {
			break;
		}
		wait_for(s, false, BUSY_MS);
	}
	s->last_ms = now_ms();
	if (err) {
		(void)manage_send_failed(s->of->client, err, &error);
		say(s->of->say, LOG_ERR, "%s", error.text);
		note_failure(s, COMMAND_RUNTIME);
		return;
	}
	s->request.answers = 0;
	s->request.deadline_ms = s->last_ms + s->of->timeout_ms;
	s->waiting = true;
	s->listen = s->listen || may_be_many(s);
}

static void say_fault(const struct pmc_session *session, const struct grammar_error *error)
{
	say(session->say, LOG_ERR, "%s%s%s", error->text, error->remedy[0] ? "; " : "",
	    error->remedy);
}

/* What stands behind a command linuxptp's pmc does not see; of ids it gives no help. */
static int parse_as(const struct pmc_session *session, const char *line, struct grammar_command *c,
		    struct grammar_error *error)
{
	const int fault = grammar_parse(line, c, error);

	if (!session->drop_in) {
		return fault;
	}
	if (c->kind == GRAMMAR_HELP && c->word[0]) {
		return GRAMMAR_BAD_COMMAND;
	}
	return fault == GRAMMAR_SURPLUS ? 0 : fault;
}

/* linuxptp's pmc complains on either stream; so do we by its name. */
static void complain(struct session *s, const char *line, enum grammar_fault fault,
		     const struct grammar_error *error)
{
	note_failure(s, COMMAND_USAGE);
	if (!s->of->drop_in) {
		say_fault(s->of, error);
		return;
	}
	switch (fault) {
	case GRAMMAR_BAD_COMMAND:
	case GRAMMAR_SURPLUS:
		fprintf(stderr, "bad command: %s\n", line);
		break;
	case GRAMMAR_AMBIGUOUS:
		printf("%s\n", error->text);
		break;
	case GRAMMAR_NOT_ALLOWED:
	case GRAMMAR_BAD_VALUES:
		fprintf(stderr, "%s\n", error->text);
		break;
	}
}

static void do_command(struct session *s, const char *line)
{
	struct grammar_command *c = &s->request.command;
	struct grammar_error error;
	const int fault = parse_as(s->of, line, c, &error);
	const bool sends = fault == 0 || fault == GRAMMAR_NOT_ALLOWED ||
			   fault == GRAMMAR_BAD_VALUES;

	if (sends && c->kind == GRAMMAR_REQUEST && !s->of->json && (s->of->drop_in || !fault)) {
		printf("sending: %s %s\n", gnomon_management_action_name(c->action),
		       c->row->name);
	}
	fflush(stdout);
	if (fault) {
		complain(s, line, (enum grammar_fault)fault, &error);
	} else if (c->kind == GRAMMAR_REQUEST) {
		send_request(s);
	} else if (c->kind == GRAMMAR_TARGET) {
		s->target = c->target;
		manage_target(s->of->client, &c->target);
	} else {
		help(c->row);
	}
	fflush(stdout);
}

/* -- where commands come from ----------------------------------------------------------------- */

/* The next line of the input, if a whole one is there, or the last one without its newline. */
static bool next_line(struct session *s, char line[LINE_MAX + 1])
{
	char *end = memchr(s->input, '\n', s->len);
	size_t len = end ? (size_t)(end - s->input) : s->len;
	size_t used = end ? len + 1 : len;

	if (!end && s->len < sizeof(s->input) && !(s->input_ended && s->len)) {
		return false;
	}
	memcpy(line, s->input, len);
	line[len] = '\0';
	line[strcspn(line, "\r")] = '\0';
	s->len -= used;
	memmove(s->input, s->input + used, s->len);
	return true;
}

/* Only what is there: never waits. */
static void read_input(struct session *s)
{
	struct pollfd fd = { .fd = STDIN_FILENO, .events = POLLIN };
	ssize_t n;

	if (s->len == sizeof(s->input) || poll(&fd, 1, 0) <= 0) {
		return;
	}
	n = read(STDIN_FILENO, s->input + s->len, sizeof(s->input) - s->len);
	if (n > 0) {
		s->len += (size_t)n;
	} else if (n == 0 || errno != EINTR) {
		s->input_ended = true;
	}
}

enum progress {
	PROGRESS_DONE,  /* a command was done */
	PROGRESS_LATER, /* there is none yet */
	PROGRESS_END,   /* there will be none */
};

static enum progress advance(struct session *s)
{
	char line[LINE_MAX + 1];

	if (s->commands) {
		if (!*s->commands) {
			return PROGRESS_END;
		}
		do_command(s, *s->commands++);
		return PROGRESS_DONE;
	}
	read_input(s);
	if (next_line(s, line)) {
		if (line[0]) {
			do_command(s, line);
		}
		return PROGRESS_DONE;
	}
	return s->input_ended ? PROGRESS_END : PROGRESS_LATER;
}

static void give_up(struct session *s)
{
	const struct grammar_command *c = &s->request.command;

	s->waiting = false;
	if (!s->of->drop_in) {
		say(s->of->say, LOG_ERR,
		    "%s %s: no answer within %d ms; are domain (-d), majorSdoId (-t)%s right? "
		    "--timeout waits longer",
		    gnomon_management_action_name(c->action), c->row->name, s->of->timeout_ms,
		    s->of->alone ? "" : " and TARGET");
		note_failure(s, COMMAND_RUNTIME);
	}
}

/* How long to wait; never very long, as a signal may have come just before. */
static int patience(const struct session *s, bool more)
{
	const int64_t now = now_ms();
	int64_t until = s->last_ms + QUIET_MS;

	if (s->waiting) {
		until = s->request.deadline_ms;
	} else if (more) {
		until = now + AWAKE_MS;
	}
	until = until < now + AWAKE_MS ? until : now + AWAKE_MS;
	return until > now ? (int)(until - now) : 0;
}

/*
 * One request at a time, which keeps its answers below it; linuxptp sends all at once. At the end
 * more answers are awaited where several may come.
 */
static void run(struct session *s)
{
	enum progress progress = PROGRESS_DONE;

	while (!caught && hear(s) == 0) {
		if (s->waiting && now_ms() >= s->request.deadline_ms) {
			give_up(s);
		}
		if (!s->waiting && progress != PROGRESS_END) {
			progress = advance(s);
			if (progress != PROGRESS_LATER) {
				continue;
			}
		} else if (!s->waiting && (!s->listen || now_ms() >= s->last_ms + QUIET_MS)) {
			return;
		}
		wait_for(s, progress == PROGRESS_LATER, patience(s, progress != PROGRESS_END));
	}
}

/* Natively: is all of it good, before any of it is sent? */
static int check(const struct pmc_session *session, char **commands)
{
	struct grammar_command command;
	struct grammar_error error;

	for (; *commands; commands++) {
		if (parse_as(session, *commands, &command, &error)) {
			say_fault(session, &error);
			return COMMAND_USAGE;
		}
	}
	return COMMAND_GOOD;
}

int pmc_run(const struct pmc_session *session, char **commands)
{
	struct session s = {
		.of = session,
		.listen = session->drop_in,
		.status = COMMAND_GOOD,
		.commands = *commands ? commands : NULL,
	};

	memset(&s.target, 0xff, sizeof(s.target));
	if (!session->drop_in && check(session, commands)) {
		return COMMAND_USAGE;
	}
	if (!s.commands && !session->drop_in && isatty(STDIN_FILENO)) {
		fprintf(stderr, "commands, please; \"help\" lists them, Ctrl-D ends\n");
	}
	catch_signals();
	run(&s);
	if (caught && s.waiting) {
		note_failure(&s, COMMAND_RUNTIME);
	}
	return s.status;
}
