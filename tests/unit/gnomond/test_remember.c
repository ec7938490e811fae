/* SPDX-License-Identifier: BSD-2-Clause */
/* What one daemon leaves to the next: through a file of this test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/gnomond/remember.h"

/* What the ensemble knows. */
static struct {
	struct gnomon_estimate estimate;
	struct gnomon_ensemble_view view;
	bool learnt;
} known;

static void tell_estimate(struct gnomon_estimate *out)
{
	*out = known.estimate;
}

static int tell_model(struct gnomon_holdover_model *out)
{
	*out = (struct gnomon_holdover_model){
		.frequency_ppb = -1500, .frequency_error_ppb = 2, .lag_s = 8, .lags = 1,
		.wander_ppb = { 1 }, .span_s = 400, .least_drift_ppb_per_s = 0.003,
	};
	return known.learnt ? 0 : -ENODATA;
}

#define gnomon_ensemble_estimate(e, now, out) tell_estimate(out)
#define gnomon_ensemble_source_view(e, source, out) (*(out) = known.view)
#define gnomon_ensemble_model(e, now, out) tell_model(out)
#include "tools/gnomond/remember.c"

const struct keeper_source *keeper_reference(const struct keeper *k)
{
	return k->reference < 0 ? NULL : &k->sources[k->reference];
}

struct fixture {
	char folder[64];
	char path[96];
	struct conf conf;
	struct log log;
	struct keeper_source sources[2];
	struct conf_source other;
	struct keeper keeper;
	struct remember remember;
	struct driver_error error;
	gnomon_mono now;
};

static struct gnomon_clock a_clock = { .name = "/dev/ptp0" };

/* A daemon that follows its ports. */
static void begin(struct fixture *f)
{
	f->keeper = (struct keeper){ .clock = &a_clock, .sources = f->sources, .source_count = 2,
				     .reference = 0, .frequency_ppb = -1234.5 };
	f->sources[0] = (struct keeper_source){ .gm = "0c42a1.fffe.6d7ca6" };
	f->sources[1] = (struct keeper_source){ .gm = "0c42a1.fffe.000001", .conf = &f->other };
	f->now = timer_now();
	f->error.text[0] = '\0';
	memset(&known, 0, sizeof(known));
	known.estimate.valid = true;
	known.estimate.state = GNOMON_SERVO_LOCKED;
	known.view.mean_delay_ns = 817.5;
}

static void set_up(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	strcpy(f->folder, "/tmp/gnomon-test-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->path, sizeof(f->path), "%s/state", f->folder);
	assert_int_equal(conf_init(&f->conf, true), 0);
	f->conf.verbose = f->conf.use_syslog = 0;
	f->conf.state_file = f->path;
	log_init(&f->log, "test", &f->conf);
	begin(f);
}

static void tear_down(struct fixture *f)
{
	char bad[112];

	snprintf(bad, sizeof(bad), "%s.bad", f->path);
	(void)unlink(f->path);
	(void)unlink(bad);
	snprintf(bad, sizeof(bad), "%s.lock", f->path);
	(void)unlink(bad);
	assert_int_equal(rmdir(f->folder), 0);
	log_finish(&f->log);
	conf_finish(&f->conf);
}

static char kept_line[LOG_LINE_MAX];

static void keep_line(struct log *log, int level, const char *line, size_t len)
{
	(void)log;
	(void)level;
	(void)snprintf(kept_line, sizeof(kept_line), "%.*s", (int)len, line);
}

static int load(struct fixture *f)
{
	return remember_load(&f->remember, &f->conf, &f->keeper, &f->log, &f->error);
}

/* The same daemon, started again. */
static void start_again(struct fixture *f)
{
	begin(f);
	assert_int_equal(load(f), 0);
}

static void nothing_configured(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	f.conf.state_file = "";
	assert_int_equal(load(&f), 0);
	assert_int_equal(remember_expire(&f.remember, f.now).ns, INT64_MAX);
	remember_finish(&f.remember, f.now);
	assert_int_equal(access(f.path, F_OK), -1);
	tear_down(&f);
}

/* A short run knows a frequency and a delay, a longer one its oscillator. */
static void restart(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	assert_int_equal(load(&f), 0);
	assert_false(f.keeper.has_start_frequency);
	assert_true(remember_delay(&f.remember) == 0);
	remember_finish(&f.remember, f.now);
	start_again(&f);
	assert_true(f.keeper.has_start_frequency);
	assert_true(f.keeper.start_frequency_ppb == -1234.5);
	assert_null(f.keeper.model);
	assert_true(remember_delay(&f.remember) == 817.5);
	known.learnt = true;
	remember_finish(&f.remember, f.now);
	start_again(&f);
	assert_false(f.keeper.has_start_frequency);
	assert_non_null(f.keeper.model);
	assert_true(f.keeper.model->frequency_ppb == -1500);
	assert_true(f.keeper.model_age_s >= 0 && f.keeper.model_age_s < 60);
	tear_down(&f);
}

/* The delay is of the ports, and of nobody else. */
static void other_source(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	assert_int_equal(load(&f), 0);
	f.keeper.reference = 1;
	remember_finish(&f.remember, f.now);
	start_again(&f);
	assert_true(remember_delay(&f.remember) == 0);
	assert_string_equal(f.remember.state.grandmaster, "0c42a1.fffe.000001");
	tear_down(&f);
}

/* Who has not learnt anything yet leaves alone what somebody else has. */
static void knows_nothing(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	assert_int_equal(load(&f), 0);
	remember_finish(&f.remember, f.now);
	for (int i = 0; i < 3; i++) {
		start_again(&f);
		assert_true(f.remember.found);
		f.keeper.frequency_ppb = 99;
		f.keeper.reference = i == 0 ? -1 : 0;
		known.estimate.valid = i != 1;
		known.estimate.state = i == 2 ? GNOMON_SERVO_UNLOCKED : GNOMON_SERVO_LOCKED;
		remember_finish(&f.remember, f.now);
	}
	start_again(&f);
	assert_true(f.remember.state.frequency_ppb == -1234.5);
	tear_down(&f);
}

/* Now and then, by a child, so that no end is too sudden. */
static void now_and_then(void **state)
{
	struct fixture f;
	gnomon_mono next;

	(void)state;
	set_up(&f);
	assert_int_equal(load(&f), 0);
	next = remember_expire(&f.remember, f.now);
	assert_true(gnomon_mono_before(f.now, next));
	assert_int_equal(access(f.path, F_OK), -1);
	next = remember_expire(&f.remember, next);
	assert_int_equal(state_writer_wait(&f.remember.writer, 10000), 0);
	assert_int_equal(access(f.path, F_OK), 0);
	f.keeper.frequency_ppb = -1300;
	(void)remember_expire(&f.remember, gnomon_mono_add(next, -1));
	(void)remember_expire(&f.remember, next);
	assert_int_equal(state_writer_wait(&f.remember.writer, 10000), 0);
	start_again(&f);
	assert_true(f.keeper.start_frequency_ppb == -1300);
	tear_down(&f);
}

/* A disk that hangs does not keep the daemon from ending; nor is it joined by a second writer. */
static void hung_disk(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	f.conf.verbose = 1;
	log_init(&f.log, "test", &f.conf);
	f.log.write = keep_line;
	assert_int_equal(load(&f), 0);
	f.remember.writer.child = fork();
	if (f.remember.writer.child == 0) {
		for (;;) {
			(void)pause();
		}
	}
	(void)alarm(60); /* instead of waiting for ever */
	remember_finish(&f.remember, f.now);
	(void)alarm(0);
	assert_non_null(strstr(kept_line, "not written within 2 s"));
	assert_int_equal(access(f.path, F_OK), -1);
	assert_int_equal(kill(f.remember.writer.child, SIGKILL), 0);
	assert_int_equal(state_writer_wait(&f.remember.writer, 10000), -EINTR);
	tear_down(&f);
}

static void damaged(void **state)
{
	struct fixture f;
	FILE *file;

	(void)state;
	set_up(&f);
	file = fopen(f.path, "w");
	assert_non_null(file);
	fputs("gnomon-state 1\nnonsense\n", file);
	fclose(file);
	assert_int_equal(chmod(f.path, 0600), 0);
	assert_int_equal(load(&f), 0);
	assert_false(f.remember.found);
	assert_false(f.keeper.has_start_frequency);
	assert_int_equal(access(f.path, F_OK), -1);
	remember_finish(&f.remember, f.now);
	assert_int_equal(access(f.path, F_OK), 0);
	tear_down(&f);
}

static void nowhere(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	f.conf.state_file = "/nowhere/at/all";
	assert_true(load(&f) < 0);
	assert_non_null(strstr(f.error.text, "/nowhere"));
	tear_down(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/gnomond/remember/nothing_configured", nothing_configured, NULL, NULL, NULL },
		{ "/gnomond/remember/restart", restart, NULL, NULL, NULL },
		{ "/gnomond/remember/other_source", other_source, NULL, NULL, NULL },
		{ "/gnomond/remember/knows_nothing", knows_nothing, NULL, NULL, NULL },
		{ "/gnomond/remember/now_and_then", now_and_then, NULL, NULL, NULL },
		{ "/gnomond/remember/hung_disk", hung_disk, NULL, NULL, NULL },
		{ "/gnomond/remember/damaged", damaged, NULL, NULL, NULL },
		{ "/gnomond/remember/nowhere", nowhere, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests_name("/gnomond/remember", tests, NULL, NULL);
}
