/* SPDX-License-Identifier: BSD-2-Clause */
/* gnomon-guest(8): the agent inside a virtual machine. */
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "agent.h"
#include "check.h"
#include "drivers/clock_find.h"
#include "drivers/sd_notify.h"
#include "drivers/standard.h"
#include "drivers/steward.h"
#include "drivers/timer.h"
#include "options.h"
#include "pingpong.h"
#include "privileges.h"
#include "report.h"
#include "tools/cli/stop.h"
#include "tools/clocks/clocks.h"

#define STEER_INTERVAL_S 0.25
#define FEED_INTERVAL_S 1.0

/* --check compares so often before it judges: more than the patience of a comparison. */
#define CHECK_TURNS 8
#define CHECK_INTERVAL_S 0.05

/* The service manager, and the status file, are told so often. */
#define TELL_NS ((int64_t)GNOMON_NSEC_PER_SEC)

struct guest {
	const struct guest_options *options;
	const struct conf *conf;
	struct log log;
	struct gnomon_clock *kept;
	struct steward steward;
	struct agent_config config;
	struct agent agent;
	struct pingpong pingpong;
	gnomon_mono told;
	char line[REPORT_LINE_MAX];
	bool ready;
	int status_err;
};

static void note(struct guest *g, int level, const char *text)
{
	if (log_begin_at(&g->log, LOG_NOTE, level)) {
		log_text(&g->log, "%s", text);
		log_str(&g->log, "text", text);
		log_end(&g->log);
	}
}

/* -- opening ---------------------------------------------------------------------------------- */

static int open_kept(struct guest *g, bool adjust, struct driver_error *error)
{
	const struct clock_find_options find = {
		.adjust = adjust,
		.soft = {
			.tai_offset = g->conf->utc_offset,
			.initial_offset =
				gnomon_span_from_double(g->conf->soft_clock_offset * 1e9),
			.oscillator_ppb = g->conf->soft_clock_frequency,
		},
	};
	const bool soft = g->conf->clock == CONF_CLOCK_SOFT;

	return clock_find(&g->kept, soft ? "soft" : "CLOCK_REALTIME", &find, error);
}

static enum agent_mode mode_of(const struct guest_options *o)
{
	return o->check || o->watch ? AGENT_WATCH : o->feed ? AGENT_FEED : AGENT_STEER;
}

static void configure(struct guest *g)
{
	const struct guest_options *o = g->options;
	struct agent_config *c = &g->config;

	c->conf = g->conf;
	c->log = &g->log;
	c->mode = mode_of(o);
	c->interval_s = o->check      ? CHECK_INTERVAL_S :
			o->interval_s ? o->interval_s :
			o->feed       ? FEED_INTERVAL_S :
					STEER_INTERVAL_S;
	memcpy(c->use, o->use, sizeof(c->use));
	c->use_count = o->use_count;
	memcpy(c->pages, o->pages, sizeof(c->pages));
	c->page_count = o->page_count;
	memcpy(c->words, o->words, sizeof(c->words));
	c->word_count = o->word_count;
	c->root = o->root;
	c->open_phc = clock_phc_open;
	source_clocks_system(&c->clocks, g->kept);
}

/* Of what the host and this machine share, the first that has a mailbox. */
static void open_mailbox(struct guest *g)
{
	const struct machine *m = &g->agent.machine;

	for (size_t i = 0; i < g->options->page_count && !g->pingpong.map; i++) {
		(void)pingpong_open(&g->pingpong, g->options->pages[i], NULL);
	}
	for (size_t i = 0; i < m->clock_count && !g->pingpong.map; i++) {
		if (m->clocks[i].page[0] && m->clocks[i].page_kind == GNOMON_CLOCK_BAR) {
			(void)pingpong_open(&g->pingpong, m->clocks[i].page, NULL);
		}
	}
}

static int open_outputs(struct guest *g, struct driver_error *error)
{
	struct agent_config *c = &g->config;
	int err = 0;

	if (c->mode == AGENT_FEED) {
		err = clocks_open_out(&c->out, g->options->feed, true, error);
	}
	if (!err && !g->options->check && g->conf->clockbound_file[0]) {
		err = sink_clockbound_open(&c->bound, g->conf->clockbound_file, error);
	}
	return err;
}

static int open_all(struct guest *g, struct driver_error *error)
{
	const bool steers = mode_of(g->options) == AGENT_STEER;
	int err = open_kept(g, steers, error);

	if (err) {
		return err;
	}
	configure(g);
	if (steers) {
		err = steward_take(&g->steward, g->kept, g->options->force, error);
	}
	err = err ? err : open_outputs(g, error);
	err = err ? err : agent_open(&g->agent, &g->config, error);
	if (!err && !g->options->check) {
		open_mailbox(g);
		err = privileges_drop(g->conf->user, steers && g->kept->utc, error);
	}
	return err;
}

static void close_all(struct guest *g)
{
	pingpong_close(&g->pingpong);
	if (g->agent.config.conf) {
		agent_close(&g->agent);
	}
	if (g->config.out) {
		g->config.out->ops->destroy(g->config.out);
	}
	sink_clockbound_close(g->config.bound);
	steward_release(&g->steward);
	if (g->kept) {
		g->kept->ops->destroy(g->kept);
	}
}

/* -- the loop --------------------------------------------------------------------------------- */

static void write_status(struct guest *g)
{
	int err;

	if (!g->options->status_file) {
		return;
	}
	err = report_file(&g->agent, g->options->status_file);
	if (err != g->status_err && err) {
		char text[320];

		(void)snprintf(text, sizeof(text), "%.200s: cannot write the status: %s",
			       g->options->status_file, driver_strerror(err));
		note(g, LOG_WARNING, text);
	}
	g->status_err = err;
}

/* Ready when the loop turns: whether the clock is in step is in the status. */
static void tell(struct guest *g, gnomon_mono now)
{
	char line[REPORT_LINE_MAX];
	char message[REPORT_LINE_MAX + 32];

	if (gnomon_mono_before(now, g->told) && g->ready) {
		return;
	}
	g->told = gnomon_mono_add(now, TELL_NS);
	report_line(&g->agent, line);
	if (!g->ready || strcmp(line, g->line) != 0) {
		memcpy(g->line, line, sizeof(line));
		(void)snprintf(message, sizeof(message), "%sSTATUS=%s", g->ready ? "" : "READY=1\n",
			       line);
		(void)sd_notify_env(message);
		g->ready = true;
	}
	(void)sd_notify_env("WATCHDOG=1");
	write_status(g);
}

/* Whether the host's page tells no time: its host may need our answers. */
static bool needs_answers(const struct agent *a)
{
	for (size_t i = 0; i < a->count; i++) {
		if (a->sources[i].page && a->readings[i].state == SOURCE_UNUSABLE) {
			return true;
		}
	}
	return false;
}

static void play(struct guest *g, gnomon_mono now)
{
	const enum pingpong_result before = g->pingpong.last;
	const bool needed = needs_answers(&g->agent);
	const enum pingpong_result result = pingpong_expire(&g->pingpong, now, needed);

	/* One that failed where the host tells the time all the same is no news. */
	if (result != PINGPONG_IDLE && result != before && (result != PINGPONG_FAILED || needed)) {
		note(g, LOG_INFO,
		     result == PINGPONG_DONE   ? "the host has measured our counter" :
		     result == PINGPONG_FAILED ? "the host could not measure our counter yet" :
						 "the host knows our counter already");
	}
}

/* Until the next turn, or until the host says that its page has changed. */
static void rest(struct guest *g, struct timer *timer, bool *fired)
{
	struct gnomon_guest_clock *page = agent_page(&g->agent);
	struct pollfd fds[2] = {
		{ .fd = timer->fd, .events = POLLIN },
		{ .fd = page ? gnomon_clock_fd(page) : -1, .events = POLLIN },
	};
	int n;

	timer_arm(timer, agent_deadline(&g->agent), *fired);
	n = poll(fds, 2, timer_poll_timeout(timer, timer_now()));
	*fired = n > 0 && fds[0].revents;
	if (n > 0 && fds[1].revents) {
		(void)gnomon_clock_watch(page, 0);
		/* An update of the page is no news, a disruption is. */
		if (gnomon_clock_disrupted(page, NULL)) {
			uint64_t marker;

			if (gnomon_clock_marker(page, &marker) == 0) {
				gnomon_clock_acknowledge(page, marker);
			}
			g->agent.next = timer_now();
		}
	}
}

static void run_loop(struct guest *g)
{
	struct timer timer;
	bool fired = false;

	timer_init(&timer);
	while (!stop_signal()) {
		gnomon_mono now = timer_now();

		if (!gnomon_mono_before(now, agent_deadline(&g->agent))) {
			agent_turn(&g->agent, now);
			play(g, now);
			tell(g, now);
		}
		rest(g, &timer, &fired);
	}
	timer_finish(&timer);
}

static void announce(struct guest *g)
{
	static const char *const modes[] = { "steer", "feed", "watch" };
	struct driver_error why;

	if (log_begin(&g->log, LOG_START)) {
		log_text(&g->log, "%s: %s", g->kept->name, modes[g->config.mode]);
		log_str(&g->log, "clock", g->kept->name);
		log_str(&g->log, "mode", modes[g->config.mode]);
		log_int(&g->log, "clocks", (int64_t)g->agent.count);
		log_end(&g->log);
	}
	if (g->config.mode == AGENT_STEER && steward_unlocked(&g->steward, g->kept, &why)) {
		note(g, LOG_WARNING, why.text);
	}
}

/* -- the check -------------------------------------------------------------------------------- */

static int run_check(struct guest *g)
{
	static struct check check;
	char proc[512];

	for (int i = 0; i < CHECK_TURNS && !stop_signal(); i++) {
		g->agent.next_others = (gnomon_mono){ 0 };
		agent_turn(&g->agent, timer_now());
		(void)usleep((useconds_t)(CHECK_INTERVAL_S * 1e6));
	}
	(void)snprintf(proc, sizeof(proc), "%.490s/proc", g->options->root);
	check_gather(&check, &g->agent, proc);
	check_judge(&check);
	if (g->options->json) {
		check_print_json(stdout, &check);
	} else {
		check_print(stdout, &check);
	}
	return check_status(&check);
}

static int run(void *own, const struct conf *conf, char **words)
{
	static struct guest g;
	struct driver_error error = { "" };
	struct guest_options *o = own;
	int status = COMMAND_GOOD;

	(void)words;
	if (o->feed && o->watch) {
		return cli_fail(&o->cli, COMMAND_USAGE,
				"options --feed and --watch: the one hands offsets over, the other "
				"changes nothing; choose one");
	}
	if (o->json && !o->check) {
		return cli_fail(&o->cli, COMMAND_USAGE, "option --json: goes with --check; for a "
				"status in JSON there is --status FILE");
	}
	g = (struct guest){ .options = o, .conf = conf, .steward = { .fd = -1 } };
	if (o->root[0] && access(o->root, X_OK) != 0) {
		return cli_fail(&o->cli, COMMAND_USAGE, "option --root: %.200s: %s; name a folder "
				"that has sys, dev and proc", o->root, driver_strerror(-errno));
	}
	log_init(&g.log, "gnomon-guest", conf);
	if (o->check) {
		g.log.level = -1;
	}
	stop_catch();
	if (open_all(&g, &error) != 0) {
		status = cli_fail(&o->cli, COMMAND_RUNTIME, "%s", error.text);
	} else if (o->check) {
		status = run_check(&g);
	} else {
		announce(&g);
		run_loop(&g);
		(void)sd_notify_env("STOPPING=1");
		if (log_begin(&g.log, LOG_STOP)) {
			log_text(&g.log, "stopped by signal %d", stop_signal());
			log_int(&g.log, "signal", stop_signal());
			log_end(&g.log);
		}
	}
	close_all(&g);
	log_finish(&g.log);
	return status;
}

int main(int argc, char **argv)
{
	static struct guest_options options;
	int status;

	standard_streams_keep();
	guest_options_init(&options, argv[0]);
	status = cli_run(&options.cli, argc, argv, run);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "gnomon-guest: cannot write all of the output: make room, or "
				"write it elsewhere\n");
		return status == COMMAND_GOOD ? COMMAND_RUNTIME : status;
	}
	return status;
}
