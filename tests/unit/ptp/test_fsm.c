/* SPDX-License-Identifier: BSD-2-Clause */
/* The port state machine against figures 30 and 31, written down again here as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ptp/fsm.h"
#include "ptp/random.h"

#define STATES 9
#define DOT_CAP 8192

static const struct {
	const char *abbreviation;
	enum gnomon_port_state state;
} states[STATES] = {
	{ "ini", GNOMON_PORT_INITIALIZING },
	{ "flt", GNOMON_PORT_FAULTY },
	{ "dis", GNOMON_PORT_DISABLED },
	{ "lis", GNOMON_PORT_LISTENING },
	{ "pre", GNOMON_PORT_PRE_TIME_TRANSMITTER },
	{ "ttx", GNOMON_PORT_TIME_TRANSMITTER },
	{ "pas", GNOMON_PORT_PASSIVE },
	{ "unc", GNOMON_PORT_UNCALIBRATED },
	{ "trx", GNOMON_PORT_TIME_RECEIVER },
};

/* Column by column, the events of the rows below. */
static const enum gnomon_fsm_event columns[] = {
	FSM_NONE,            FSM_POWERUP,       FSM_INITIALIZE,     FSM_DESIGNATED_ENABLED,
	FSM_DESIGNATED_DISABLED, FSM_FAULT_CLEARED, FSM_FAULT_DETECTED, FSM_INIT_COMPLETE,
	FSM_QUALIFICATION_TIMEOUT, FSM_ANNOUNCE_TIMEOUT, FSM_SYNC_FAULT, FSM_CLOCK_SELECTED,
	FSM_RS_MASTER,       FSM_RS_GRAND_MASTER, FSM_RS_SLAVE,     FSM_RS_SLAVE_NEW,
	FSM_RS_PASSIVE,
};

/* A row: the state, then the state after each event; "." where the figure has no arrow. */
static const char *const figures[FSM_ROLE_COUNT][STATES] = {
	[FSM_FULL] = {
		/*   no  pow ini ena dis clr flt ok  qto ato syf sel rsm rgm rss new rsp */
		"ini  .  ini ini  .  dis  .  flt lis  .   .   .   .   .   .   .   .   . ",
		"flt  .  ini ini  .  dis ini  .   .   .   .   .   .   .   .   .   .   . ",
		"dis  .  ini ini ini  .   .   .   .   .   .   .   .   .   .   .   .   . ",
		"lis  .  ini ini  .  dis  .  flt  .   .  ttx  .   .  pre pre unc unc pas",
		"pre  .  ini ini  .  dis  .  flt  .  ttx  .   .   .   .   .  unc unc pas",
		"ttx  .  ini ini  .  dis  .  flt  .   .   .   .   .   .   .  unc unc pas",
		"pas  .  ini ini  .  dis  .  flt  .   .  ttx  .   .  pre pre unc unc  . ",
		"unc  .  ini ini  .  dis  .  flt  .   .  ttx  .  trx pre pre  .   .  pas",
		"trx  .  ini ini  .  dis  .  flt  .   .  ttx unc  .  pre pre  .  unc pas",
	},
	[FSM_TIME_RECEIVER_ONLY] = {
		/*   no  pow ini ena dis clr flt ok  qto ato syf sel rsm rgm rss new rsp */
		"ini  .  ini ini  .  dis  .  flt lis  .   .   .   .   .   .   .   .   . ",
		"flt  .  ini ini  .  dis ini  .   .   .   .   .   .   .   .   .   .   . ",
		"dis  .  ini ini ini  .   .   .   .   .   .   .   .   .   .   .   .   . ",
		"lis  .  ini ini  .  dis  .  flt  .   .   .   .   .   .   .  unc unc  . ",
		"pre  .  ini ini  .  dis  .  flt  .   .   .   .   .   .   .   .   .   . ",
		"ttx  .  ini ini  .  dis  .  flt  .   .   .   .   .   .   .   .   .   . ",
		"pas  .  ini ini  .  dis  .  flt  .   .   .   .   .   .   .   .   .   . ",
		"unc  .  ini ini  .  dis  .  flt  .   .  lis  .  trx lis lis  .   .  lis",
		"trx  .  ini ini  .  dis  .  flt  .   .  lis unc  .  lis lis  .  unc lis",
	},
	[FSM_TIME_TRANSMITTER_ONLY] = {
		/*   no  pow ini ena dis clr flt ok  qto ato syf sel rsm rgm rss new rsp */
		"ini  .  ini ini  .  dis  .  flt lis  .   .   .   .   .   .   .   .   . ",
		"flt  .  ini ini  .  dis ini  .   .   .   .   .   .   .   .   .   .   . ",
		"dis  .  ini ini ini  .   .   .   .   .   .   .   .   .   .   .   .   . ",
		"lis  .  ini ini  .  dis  .  flt  .   .  ttx  .   .  pre pre  .   .  pas",
		"pre  .  ini ini  .  dis  .  flt  .  ttx  .   .   .   .   .   .   .  pas",
		"ttx  .  ini ini  .  dis  .  flt  .   .   .   .   .   .   .   .   .  pas",
		"pas  .  ini ini  .  dis  .  flt  .   .  ttx  .   .  pre pre  .   .   . ",
		"unc  .  ini ini  .  dis  .  flt  .   .   .   .   .   .   .   .   .   . ",
		"trx  .  ini ini  .  dis  .  flt  .   .   .   .   .   .   .   .   .   . ",
	},
};

static enum gnomon_port_state parse_state(const char *word)
{
	for (int i = 0; i < STATES; i++) {
		if (strcmp(states[i].abbreviation, word) == 0) {
			return states[i].state;
		}
	}
	fail_msg("\"%s\" is no state", word);
	return 0;
}

/* The next word of *text into word. */
static void next_word(const char **text, char word[8])
{
	int used = 0;

	assert_int_equal(sscanf(*text, "%7s%n", word, &used), 1);
	*text += used;
}

static void check_row(enum fsm_role role, const char *row)
{
	enum gnomon_port_state from;
	char word[8];

	next_word(&row, word);
	from = parse_state(word);
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
		enum gnomon_port_state want;
		enum gnomon_port_state got = fsm_next(role, from, columns[i]);

		next_word(&row, word);
		want = strcmp(word, ".") == 0 ? from : parse_state(word);
		if (got != want) {
			fail_msg("role %d: %s on %s is %s, not %s", (int)role,
				 gnomon_port_state_name(from), gnomon_fsm_event_name(columns[i]),
				 gnomon_port_state_name(got), gnomon_port_state_name(want));
		}
	}
	assert_int_equal(strspn(row, " "), strlen(row));
}

static void check_figure(enum fsm_role role)
{
	unsigned int seen = 0;

	assert_int_equal(sizeof(columns) / sizeof(columns[0]), FSM_EVENT_COUNT);
	for (int i = 0; i < FSM_EVENT_COUNT; i++) {
		seen |= 1u << columns[i];
	}
	assert_int_equal(seen, (1u << FSM_EVENT_COUNT) - 1);
	for (int i = 0; i < STATES; i++) {
		check_row(role, figures[role][i]);
	}
}

static void figure_30(void **state)
{
	check_figure(FSM_FULL);
}

static void figure_31(void **state)
{
	check_figure(FSM_TIME_RECEIVER_ONLY);
}

static void time_transmitter_only(void **state)
{
	check_figure(FSM_TIME_TRANSMITTER_ONLY);
}

/* Bits of the states that can be reached from INITIALIZING, by closure. */
static unsigned int closure(enum fsm_role role)
{
	unsigned int reached = 1u << GNOMON_PORT_INITIALIZING;
	unsigned int before;

	do {
		before = reached;
		for (int s = 0; s < STATES; s++) {
			for (int e = 0; e < FSM_EVENT_COUNT && (reached & 1u << states[s].state);
			     e++) {
				reached |= 1u << fsm_next(role, states[s].state,
							  (enum gnomon_fsm_event)e);
			}
		}
	} while (reached != before);
	return reached;
}

/* 9.2.2: what a role must never become cannot be reached by any sequence of events. */
static void roles_stay_in_role(void **state)
{
	const unsigned int common = 1u << GNOMON_PORT_INITIALIZING | 1u << GNOMON_PORT_FAULTY |
				    1u << GNOMON_PORT_DISABLED | 1u << GNOMON_PORT_LISTENING;
	const unsigned int receiver =
		1u << GNOMON_PORT_UNCALIBRATED | 1u << GNOMON_PORT_TIME_RECEIVER;
	const unsigned int transmitter = 1u << GNOMON_PORT_PRE_TIME_TRANSMITTER |
					 1u << GNOMON_PORT_TIME_TRANSMITTER |
					 1u << GNOMON_PORT_PASSIVE;

	assert_int_equal(closure(FSM_FULL), common | receiver | transmitter);
	assert_int_equal(closure(FSM_TIME_RECEIVER_ONLY), common | receiver);
	assert_int_equal(closure(FSM_TIME_TRANSMITTER_ONLY), common | transmitter);
}

/* A value outside the enums is nobody's arrow. */
static void out_of_range(void **state)
{
	assert_int_equal(fsm_next(FSM_ROLE_COUNT, GNOMON_PORT_LISTENING, FSM_POWERUP),
			 GNOMON_PORT_LISTENING);
	assert_int_equal(fsm_next(FSM_FULL, (enum gnomon_port_state)0, FSM_POWERUP), 0);
	assert_int_equal(fsm_next(FSM_FULL, (enum gnomon_port_state)10, FSM_POWERUP), 10);
	assert_int_equal(fsm_next(FSM_FULL, GNOMON_PORT_LISTENING, FSM_EVENT_COUNT),
			 GNOMON_PORT_LISTENING);
}

/* Log parsers know these words by heart. */
static void names(void **state)
{
	assert_string_equal(gnomon_port_state_name(GNOMON_PORT_INITIALIZING), "INITIALIZING");
	assert_string_equal(gnomon_port_state_name(GNOMON_PORT_FAULTY), "FAULTY");
	assert_string_equal(gnomon_port_state_name(GNOMON_PORT_DISABLED), "DISABLED");
	assert_string_equal(gnomon_port_state_name(GNOMON_PORT_LISTENING), "LISTENING");
	assert_string_equal(gnomon_port_state_name(GNOMON_PORT_PRE_TIME_TRANSMITTER),
			    "PRE_MASTER");
	assert_string_equal(gnomon_port_state_name(GNOMON_PORT_TIME_TRANSMITTER), "MASTER");
	assert_string_equal(gnomon_port_state_name(GNOMON_PORT_PASSIVE), "PASSIVE");
	assert_string_equal(gnomon_port_state_name(GNOMON_PORT_UNCALIBRATED), "UNCALIBRATED");
	assert_string_equal(gnomon_port_state_name(GNOMON_PORT_TIME_RECEIVER), "SLAVE");
	assert_string_equal(gnomon_port_state_name((enum gnomon_port_state)0), "UNKNOWN");
	assert_string_equal(gnomon_port_state_name((enum gnomon_port_state)10), "UNKNOWN");
	assert_string_equal(gnomon_fsm_event_name(FSM_NONE), "NONE");
	assert_string_equal(gnomon_fsm_event_name(FSM_POWERUP), "POWERUP");
	assert_string_equal(gnomon_fsm_event_name(FSM_INITIALIZE), "INITIALIZE");
	assert_string_equal(gnomon_fsm_event_name(FSM_DESIGNATED_ENABLED), "DESIGNATED_ENABLED");
	assert_string_equal(gnomon_fsm_event_name(FSM_DESIGNATED_DISABLED), "DESIGNATED_DISABLED");
	assert_string_equal(gnomon_fsm_event_name(FSM_FAULT_CLEARED), "FAULT_CLEARED");
	assert_string_equal(gnomon_fsm_event_name(FSM_FAULT_DETECTED), "FAULT_DETECTED");
	assert_string_equal(gnomon_fsm_event_name(FSM_INIT_COMPLETE), "INIT_COMPLETE");
	assert_string_equal(gnomon_fsm_event_name(FSM_QUALIFICATION_TIMEOUT),
			    "QUALIFICATION_TIMEOUT_EXPIRES");
	assert_string_equal(gnomon_fsm_event_name(FSM_ANNOUNCE_TIMEOUT),
			    "ANNOUNCE_RECEIPT_TIMEOUT_EXPIRES");
	assert_string_equal(gnomon_fsm_event_name(FSM_SYNC_FAULT), "SYNCHRONIZATION_FAULT");
	assert_string_equal(gnomon_fsm_event_name(FSM_CLOCK_SELECTED), "MASTER_CLOCK_SELECTED");
	assert_string_equal(gnomon_fsm_event_name(FSM_RS_MASTER), "RS_MASTER");
	assert_string_equal(gnomon_fsm_event_name(FSM_RS_GRAND_MASTER), "RS_GRAND_MASTER");
	assert_string_equal(gnomon_fsm_event_name(FSM_RS_SLAVE), "RS_SLAVE");
	assert_string_equal(gnomon_fsm_event_name(FSM_RS_SLAVE_NEW), "RS_SLAVE");
	assert_string_equal(gnomon_fsm_event_name(FSM_RS_PASSIVE), "RS_PASSIVE");
	assert_string_equal(gnomon_fsm_event_name(-1), "UNKNOWN");
	assert_string_equal(gnomon_fsm_event_name(FSM_EVENT_COUNT), "UNKNOWN");
}

/* Whatever the buffer, the length is the same and the text is its beginning, terminated. */
static void dot_truncates(void **state)
{
	char whole[DOT_CAP];
	char cut[DOT_CAP];
	size_t len = fsm_dot(FSM_FULL, whole, sizeof(whole));

	assert_in_range(len, 1, sizeof(whole) - 1);
	assert_int_equal(strlen(whole), len);
	assert_int_equal(fsm_dot(FSM_FULL, NULL, 0), len);
	for (size_t cap = 1; cap <= len + 1; cap++) {
		memset(cut, '#', sizeof(cut));
		assert_int_equal(fsm_dot(FSM_FULL, cut, cap), len);
		assert_int_equal(strlen(cut), cap - 1);
		assert_memory_equal(cut, whole, cap - 1);
		assert_int_equal(cut[cap], '#');
	}
}

/* A file of the source tree, named from its root. */
static void read_file(const char *name, char *buf, size_t cap)
{
	const char *root = getenv("GNOMON_SOURCE_ROOT");
	char path[512];
	size_t len;
	FILE *f;

	if (!root) {
		print_message("# GNOMON_SOURCE_ROOT is not set\n");
		skip();
	}
	snprintf(path, sizeof(path), "%s/%s", root, name);
	f = fopen(path, "r");
	assert_non_null(f);
	len = fread(buf, 1, cap, f);
	fclose(f);
	assert_true(len < cap);
	buf[len] = '\0';
}

static void check_golden(enum fsm_role role, const char *name)
{
	char want[DOT_CAP];
	char got[DOT_CAP];

	read_file(name, want, sizeof(want));
	fsm_dot(role, got, sizeof(got));
	assert_string_equal(got, want);
}

static void dot_golden(void **state)
{
	check_golden(FSM_FULL, "tests/golden/fsm-full.dot");
	check_golden(FSM_TIME_RECEIVER_ONLY, "tests/golden/fsm-time-receiver-only.dot");
	check_golden(FSM_TIME_TRANSMITTER_ONLY, "tests/golden/fsm-time-transmitter-only.dot");
}

/* The arrow in a line of fsm_dot() as the documentation writes it; false if there is none. */
static bool arrow_line(const char *dot, char *line, size_t cap)
{
	char from[32];
	char to[32];
	char label[256];
	char *newline;

	if (sscanf(dot, "\t%31s -> %31s [label=\"%255[^\"]", from, to, label) != 3) {
		return false;
	}
	while ((newline = strstr(label, "\\n"))) {
		memcpy(newline, ", ", 2);
	}
	snprintf(line, cap, "\n    %s --> %s: %s\n", from, to, label);
	return true;
}

static int occurrences(const char *text, const char *what)
{
	int n = 0;

	for (const char *at = strstr(text, what); at; at = strstr(at + 1, what)) {
		n++;
	}
	return n;
}

/* docs/state-machine.md draws every arrow of every role, and no other. */
static void documented(void **state)
{
	static const char *const titles[FSM_ROLE_COUNT] = {
		[FSM_FULL] = "## Full",
		[FSM_TIME_RECEIVER_ONLY] = "## timeReceiver only",
		[FSM_TIME_TRANSMITTER_ONLY] = "## timeTransmitter only",
	};
	char doc[2 * DOT_CAP];
	char dot[DOT_CAP];
	char line[512];

	read_file("docs/state-machine.md", doc, sizeof(doc));
	for (int role = 0; role < FSM_ROLE_COUNT; role++) {
		char *begin = strstr(doc, titles[role]);
		char *end = begin ? strstr(begin + 1, "\n## ") : NULL;
		int drawn = 0;

		assert_non_null(end);
		*end = '\0';
		fsm_dot((enum fsm_role)role, dot, sizeof(dot));
		for (char *at = strchr(dot, '\n'); at && at[1]; at = strchr(at + 1, '\n')) {
			if (arrow_line(at + 1, line, sizeof(line))) {
				drawn++;
				if (occurrences(begin, line) != 1) {
					fail_msg("not drawn once: %s", line);
				}
			}
		}
		assert_int_equal(occurrences(begin, " --> "), drawn);
		*end = '\n';
	}
}

/* The generator: the published stream of its algorithm, and a unit interval without its end. */
static void random_stream(void **state)
{
	struct random a;
	struct random b;
	double sum = 0;

	random_seed(&a, 1234567);
	assert_true(random_next(&a) == UINT64_C(6457827717110365317));
	assert_true(random_next(&a) == UINT64_C(3203168211198807973));
	random_seed(&a, 1);
	random_seed(&b, 1);
	for (int i = 0; i < 100000; i++) {
		double u = random_unit(&a);

		assert_true(u >= 0.0 && u < 1.0);
		assert_true(u == random_unit(&b));
		sum += u;
	}
	assert_true(sum > 49500 && sum < 50500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/ptp/fsm/figure_30", figure_30, NULL, NULL, NULL },
		{ "/ptp/fsm/figure_31", figure_31, NULL, NULL, NULL },
		{ "/ptp/fsm/time_transmitter_only", time_transmitter_only, NULL, NULL, NULL },
		{ "/ptp/fsm/roles_stay_in_role", roles_stay_in_role, NULL, NULL, NULL },
		{ "/ptp/fsm/out_of_range", out_of_range, NULL, NULL, NULL },
		{ "/ptp/fsm/names", names, NULL, NULL, NULL },
		{ "/ptp/fsm/dot/truncates", dot_truncates, NULL, NULL, NULL },
		{ "/ptp/fsm/dot/golden", dot_golden, NULL, NULL, NULL },
		{ "/ptp/fsm/documented", documented, NULL, NULL, NULL },
		{ "/ptp/random/stream", random_stream, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
