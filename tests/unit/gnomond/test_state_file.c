/* SPDX-License-Identifier: BSD-2-Clause */
/* What survives a restart: it comes back as it was or not at all, whatever happened to the file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/seed.h"
#include "tools/gnomond/state_file.h"

static char folder[] = "/tmp/gnomon-state-XXXXXX";
static char path[64];
static char bad[72];
static char temporary[72];

static const struct state_stamp now = {
	.realtime_ns = 1800000000000000000,
	.boottime_ns = 50000000000,
	.boot_id = "3f1c0a52-1111-4222-8333-123456789abc",
};

static const struct state sample = {
	.clock = "/dev/ptp0 (igb 0000:01:00.0)",
	.at = { .realtime_ns = 1799999990000000000,
		.boottime_ns = 40000000000,
		.boot_id = "3f1c0a52-1111-4222-8333-123456789abc" },
	.frequency_ppb = -12345.678901234567,
	.grandmaster = "0c42a1.fffe.6d7ca6",
	.mean_delay_ns = 1234.5,
	.learnt = true,
	.model = { .frequency_ppb = -12345.6,
		   .frequency_error_ppb = 0.1,
		   .drift_ppb_per_s = -1e-5,
		   .drift_error_ppb_per_s = 2e-5,
		   .lag_s = 8,
		   .lags = 3,
		   .wander_ppb = { 0.1, 0.2, 0.30000000000000004 },
		   .span_s = 3600,
		   .least_drift_ppb_per_s = 0.003 },
};

static int set_up(void **state)
{
	snprintf(folder, sizeof(folder), "/tmp/gnomon-state-XXXXXX");
	if (!mkdtemp(folder)) {
		return -1;
	}
	snprintf(path, sizeof(path), "%s/state", folder);
	snprintf(bad, sizeof(bad), "%s/state.bad", folder);
	snprintf(temporary, sizeof(temporary), "%s/state.tmp", folder);
	return 0;
}

static int tear_down(void **state)
{
	(void)chmod(folder, 0700);
	(void)unlink(path);
	(void)unlink(bad);
	(void)unlink(temporary);
	return rmdir(folder);
}

static int load(struct state *out, double *age, struct driver_error *error)
{
	return state_file_load(path, sample.clock, &now, out, age, error);
}

static size_t slurp(char *text, size_t cap)
{
	FILE *f = fopen(path, "r");
	size_t len = f ? fread(text, 1, cap - 1, f) : 0;

	assert_non_null(f);
	fclose(f);
	text[len] = '\0';
	return len;
}

static void spill(const char *text, size_t len)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	fclose(f);
}

/* Member by member: what pads them is nobody's. */
static void assert_same_model(const struct gnomon_holdover_model *a,
			      const struct gnomon_holdover_model *b)
{
	assert_true(a->frequency_ppb == b->frequency_ppb);
	assert_true(a->frequency_error_ppb == b->frequency_error_ppb);
	assert_true(a->drift_ppb_per_s == b->drift_ppb_per_s);
	assert_true(a->drift_error_ppb_per_s == b->drift_error_ppb_per_s);
	assert_true(a->lag_s == b->lag_s && a->lags == b->lags);
	for (unsigned int i = 0; i < GNOMON_HOLDOVER_LAGS; i++) {
		assert_true(a->wander_ppb[i] == b->wander_ppb[i]);
	}
	assert_true(a->span_s == b->span_s);
	assert_true(a->least_drift_ppb_per_s == b->least_drift_ppb_per_s);
	assert_true(a->most_drift_ppb_per_s == b->most_drift_ppb_per_s);
}

static void round_trip(void **state)
{
	struct state got;
	double age = -1;
	struct driver_error error = { "" };
	struct stat st;

	assert_int_equal(load(&got, &age, &error), -ENOENT);
	assert_string_equal(error.text, "");
	assert_int_equal(state_file_store(path, &sample, &error), 0);
	memset(&got, 0xa5, sizeof(got));
	assert_int_equal(load(&got, &age, &error), 0);
	assert_string_equal(error.text, "");
	assert_string_equal(got.clock, sample.clock);
	assert_string_equal(got.grandmaster, sample.grandmaster);
	assert_string_equal(got.at.boot_id, sample.at.boot_id);
	assert_true(got.at.realtime_ns == sample.at.realtime_ns &&
		    got.at.boottime_ns == sample.at.boottime_ns);
	assert_true(got.frequency_ppb == sample.frequency_ppb &&
		    got.mean_delay_ns == sample.mean_delay_ns && got.learnt);
	assert_same_model(&got.model, &sample.model);
	assert_true(age == 10.0);
	assert_int_equal(access(temporary, F_OK), -1);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0133, 0);
	/* Again, over the old one; and with nothing learnt. */
	got.learnt = false;
	memset(&got.model, 0, sizeof(got.model));
	got.grandmaster[0] = '\0';
	assert_int_equal(state_file_store(path, &got, &error), 0);
	assert_int_equal(load(&got, &age, &error), 0);
	assert_false(got.learnt);
	assert_string_equal(got.grandmaster, "");
}

/* The text is for people as well; a change of it is a change of the version. */
static void text(void **state)
{
	static const char begin[] = "gnomon-state 1\n"
				    "clock /dev/ptp0 (igb 0000:01:00.0)\n"
				    "realtime_ns 1799999990000000000\n"
				    "boottime_ns 40000000000\n"
				    "boot_id 3f1c0a52-1111-4222-8333-123456789abc\n"
				    "frequency_ppb -12345.678901234567\n"
				    "grandmaster 0c42a1.fffe.6d7ca6\n"
				    "mean_delay_ns 1234.5\n"
				    "learnt 1\n";
	char got[4096];
	struct driver_error error;

	assert_int_equal(state_file_store(path, &sample, &error), 0);
	(void)slurp(got, sizeof(got));
	assert_int_equal(strncmp(got, begin, strlen(begin)), 0);
	assert_non_null(strstr(got, "\nmodel.wander_ppb.2 0.30000000000000004\n"));
	assert_non_null(strstr(got, "\nchecksum "));
}

/* However short the file became, it is not believed, and named. */
static void truncated(void **state)
{
	char whole[4096];
	struct state got = { .mean_delay_ns = 7 };
	double age = 7;
	struct driver_error error;
	size_t len;

	assert_int_equal(state_file_store(path, &sample, &error), 0);
	len = slurp(whole, sizeof(whole));
	assert_true(len > 500);
	for (size_t cut = 0; cut < len; cut++) {
		spill(whole, cut);
		assert_int_equal(load(&got, &age, &error), -EBADMSG);
		assert_non_null(strstr(error.text, path));
		assert_non_null(strstr(error.text, "moved to state.bad"));
		assert_int_equal(access(path, F_OK), -1);
		assert_int_equal(access(bad, F_OK), 0);
	}
	assert_true(got.mean_delay_ns == 7 && age == 7); /* untouched */
	spill(whole, len);
	assert_int_equal(load(&got, &age, &error), 0);
}

/* A few octets changed are always seen; the checksum finds them, whatever they say. */
static void mutated(void **state)
{
	char whole[4096];
	char mutant[4096];
	struct seed seed = seed_start("mutated");
	struct state got;
	double age;
	struct driver_error error;
	size_t len;

	assert_int_equal(state_file_store(path, &sample, &error), 0);
	len = slurp(whole, sizeof(whole));
	for (int round = 0; round < 3000; round++) {
		memcpy(mutant, whole, len);
		seed_spoil(&seed, mutant, len, NULL, 4);
		spill(mutant, len);
		assert_int_equal(load(&got, &age, &error),
				 memcmp(mutant, whole, len) == 0 ? 0 : -EBADMSG);
		(void)unlink(path);
	}
}

static uint32_t crc(const char *p, size_t len)
{
	uint32_t sum = 0xffffffff;

	while (len--) {
		sum ^= (uint8_t)*p++;
		for (int i = 0; i < 8; i++) {
			sum = sum & 1 ? sum >> 1 ^ 0xedb88320u : sum >> 1;
		}
	}
	return ~sum;
}

/* With the first occurrence of that replaced, and a checksum that fits. */
static void forge(const char *from, const char *to)
{
	char whole[4096];
	char forged[4200];
	struct driver_error error;
	char *at;
	size_t len;

	assert_int_equal(state_file_store(path, &sample, &error), 0);
	(void)slurp(whole, sizeof(whole));
	*(strstr(whole, "\nchecksum ") + 1) = '\0';
	at = strstr(whole, from);
	assert_non_null(at);
	len = (size_t)snprintf(forged, sizeof(forged), "%.*s%s%s", (int)(at - whole), whole, to,
			       at + strlen(from));
	len += (size_t)snprintf(forged + len, sizeof(forged) - len, "checksum %08x\n",
				crc(forged, len));
	spill(forged, len);
}

/* What has the right checksum still has to make sense. */
static void nonsense(void **state)
{
	static const struct {
		const char *from;
		const char *to;
		const char *why;
	} cases[] = {
		{ "gnomon-state 1", "gnomon-state 2",
		  "does not begin with 'gnomon-state 1': of another version, or no state" },
		{ "gnomon-state 1\n", "", "does not begin with 'gnomon-state 1': of another "
					  "version, or no state" },
		{ "clock /dev/ptp0 (igb 0000:01:00.0)", "clock CLOCK_REALTIME",
		  "is of another clock, CLOCK_REALTIME" },
		{ "boottime_ns 40000000000", "boottime_ns -1", "line 4 is no good boottime_ns" },
		{ "boottime_ns 40000000000", "boottime_ns 4e9", "line 4 is no good boottime_ns" },
		{ "boot_id 3f1c0a52", "boot_id 3f1c0a52-and-very-much-longer",
		  "line 5 is no good boot_id" },
		{ "frequency_ppb -12345.678901234567", "frequency_ppb nan",
		  "line 6 is no good frequency_ppb" },
		{ "frequency_ppb -12345.678901234567", "frequency_ppb 1e10",
		  "line 6 is no good frequency_ppb" },
		{ "frequency_ppb -12345.678901234567", "frequency_ppb 1 ",
		  "line 6 is no good frequency_ppb" },
		{ "frequency_ppb -12345.678901234567", "frequency_ppb",
		  "line 6 is no good frequency_ppb" },
		{ "mean_delay_ns 1234.5\n", "", "line 8 is no good mean_delay_ns" },
		{ "mean_delay_ns 1234.5", "mean_delay_ns -1", "line 8 is no good mean_delay_ns" },
		{ "learnt 1", "learnt 2", "line 9 is no good learnt" },
		{ "model.lags 3", "model.lags 9", "line 15 is no good model.lags" },
		{ "model.lags 3", "model.lags 0", "has a model that no oscillator has" },
		{ "model.wander_ppb.2 0.30000000000000004", "model.wander_ppb.2 0",
		  "has a model that no oscillator has" },
		{ "model.most_drift_ppb_per_s 0\n", "model.most_drift_ppb_per_s 0\nmore 1\n",
		  "has more lines than it should" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct state got;
		double age;
		struct driver_error error = { "" };
		char want[300];

		forge(cases[i].from, cases[i].to);
		assert_int_equal(load(&got, &age, &error), -EBADMSG);
		snprintf(want, sizeof(want),
			 "state file %s: %s; not used, and moved to state.bad", path, cases[i].why);
		assert_string_equal(error.text, want);
	}
	forge("learnt 1", "learnt 1");
	assert_int_equal(load(&(struct state){ 0 }, &(double){ 0 }, NULL), 0);
}

static void oversized(void **state)
{
	static char huge[100000];
	struct state got;
	double age;
	struct driver_error error;

	memset(huge, 'x', sizeof(huge));
	spill(huge, sizeof(huge));
	assert_int_equal(load(&got, &age, &error), -EBADMSG);
	memcpy(huge, "gnomon-state 1\n", 15);
	spill(huge, sizeof(huge));
	assert_int_equal(load(&got, &age, &error), -EBADMSG);
	memset(huge, 0, sizeof(huge));
	spill(huge, sizeof(huge));
	assert_int_equal(load(&got, &age, &error), -EBADMSG);
}

/* What would not be read again is not written, and what was there stays. */
static void unwritable_values(void **state)
{
	struct state wrong = sample;
	struct state got;
	double age;
	struct driver_error error;

	assert_int_equal(state_file_store(path, &sample, &error), 0);
	wrong.frequency_ppb = NAN;
	assert_int_equal(state_file_store(path, &wrong, &error), -ERANGE);
	wrong = sample;
	wrong.model.lags = 0;
	assert_int_equal(state_file_store(path, &wrong, &error), -ERANGE);
	assert_int_equal(load(&got, &age, &error), 0);
	assert_true(got.frequency_ppb == sample.frequency_ppb);
	/* A line break in a name cannot make lines. */
	snprintf(wrong.clock, sizeof(wrong.clock), "a\nlearnt 0");
	wrong.model.lags = 3;
	assert_int_equal(state_file_store(path, &wrong, &error), 0);
	assert_int_equal(state_file_load(path, "a?learnt 0", &now, &got, &age, &error), 0);
}

static void ages(void **state)
{
	struct state_stamp other = now;
	struct state old = sample;
	struct state got;
	double age;
	struct driver_error error;

	assert_true(state_age(&sample.at, &now) == 10.0);
	/* Within a boot the wall clock may say what it likes. */
	other.realtime_ns = 0;
	assert_true(state_age(&sample.at, &other) == 10.0);
	other = now;
	memcpy(other.boot_id, "f", 1);
	other.realtime_ns = sample.at.realtime_ns + 3600000000000;
	assert_true(state_age(&sample.at, &other) == 3600.0);
	other.realtime_ns = 0; /* no clock that runs while the machine is off */
	assert_true(state_age(&sample.at, &other) < 0);
	assert_int_equal(state_file_store(path, &sample, &error), 0);
	assert_int_equal(state_file_load(path, sample.clock, &other, &got, &age, &error), 0);
	assert_true(age == STATE_AGE_MAX_S);
	/* An unknown boot is not the same as another unknown boot. */
	memcpy(other.boot_id, "-", 2);
	other.realtime_ns = now.realtime_ns;
	memcpy(old.at.boot_id, "-", 2);
	assert_true(state_age(&old.at, &other) == 10.0);
	old.at.boottime_ns = 0;
	old.at.realtime_ns = now.realtime_ns - 400ll * 86400 * 1000000000;
	assert_int_equal(state_file_store(path, &old, &error), 0);
	assert_int_equal(load(&got, &age, &error), -EBADMSG);
	assert_non_null(strstr(error.text, "is 400 days old"));
}

static void stamp(void **state)
{
	struct state_stamp a;
	struct state_stamp b;

	state_stamp_now(&a);
	state_stamp_now(&b);
	assert_string_equal(a.boot_id, b.boot_id);
	assert_null(strchr(a.boot_id, '\n'));
	assert_true(strlen(a.boot_id) >= 1);
	assert_true(b.boottime_ns >= a.boottime_ns);
	assert_true(state_age(&a, &b) >= 0 && state_age(&a, &b) < 3600);
}

/* Places where anybody could put something are refused, by every function. */
static void refuse(const char *where, int code, const char *why)
{
	struct state got;
	double age;
	struct driver_error error = { "" };

	assert_int_equal(state_file_check(where, &error), code);
	assert_non_null(strstr(error.text, why));
	memset(&error, 0, sizeof(error));
	assert_int_equal(state_file_load(where, sample.clock, &now, &got, &age, &error), code);
	assert_non_null(strstr(error.text, why));
	memset(&error, 0, sizeof(error));
	assert_int_equal(state_file_store(where, &sample, &error), code);
	assert_non_null(strstr(error.text, why));
}

static void unsafe_places(void **state)
{
	char name[80];
	struct driver_error error;

	assert_int_equal(state_file_check(path, &error), 0);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	refuse(path, -ELOOP, "is a link; name the file itself");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	refuse(path, -ELOOP, "is not a file");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	refuse(path, -ELOOP, "is not a file");
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(state_file_store(path, &sample, NULL), 0);
	assert_int_equal(chmod(path, 0666), 0);
	refuse(path, -EPERM, "others may write it; remove it");
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(chmod(folder, 0777), 0);
	refuse(path, -EPERM, "everybody may write its folder");
	assert_int_equal(chmod(folder, 01777), 0); /* nor may what is there be anybody's */
	refuse(path, -EPERM, "everybody may write its folder");
	assert_int_equal(chmod(folder, 0755), 0);
	assert_int_equal(state_file_check(path, &error), 0);
	snprintf(name, sizeof(name), "%s/no/state", folder);
	refuse(name, -ENOENT, "No such file or directory; make it");
	snprintf(name, sizeof(name), "%s/", folder);
	refuse(name, -EINVAL, "no name of a file");
	refuse("", -EINVAL, "no name of a file");
}

/* A link in place of the temporary file is not followed. */
static void planted_link(void **state)
{
	char target[80];
	struct state got;
	double age;

	snprintf(target, sizeof(target), "%s/target", folder);
	assert_int_equal(symlink(target, temporary), 0);
	assert_int_equal(state_file_store(path, &sample, NULL), 0);
	assert_int_equal(access(target, F_OK), -1);
	assert_int_equal(load(&got, &age, NULL), 0);
}

/* Run by a child: who may write nothing, or cannot. Exit codes are errnos. */
static int in_child(int (*what)(void))
{
	pid_t child = fork();
	int status = 0;

	assert_true(child >= 0);
	if (child == 0) {
		_exit(what());
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Of nobody: as root no permission is missing. */
static int store_as_nobody(void)
{
	struct driver_error error = { "" };

	if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) {
		return 99;
	}
	if (state_file_check(path, &error) != -EACCES || !strstr(error.text, "choose another")) {
		return 98;
	}
	return -state_file_store(path, &sample, NULL);
}

static int load_as_nobody(void)
{
	struct state got;
	double age;
	struct driver_error error = { "" };
	int r;

	if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) {
		return 99;
	}
	r = load(&got, &age, &error);
	return strstr(error.text, "cannot read it") ? -r : 98;
}

/* The disk is full after so many octets. */
static int store_on_little(void)
{
	const struct rlimit limit = { 100, 100 };

	if (signal(SIGXFSZ, SIG_IGN) == SIG_ERR || setrlimit(RLIMIT_FSIZE, &limit) != 0) {
		return 99;
	}
	return -state_file_store(path, &sample, NULL);
}

static int still_there(void)
{
	struct state got;
	double age;

	return load(&got, &age, NULL) == 0 && got.frequency_ppb == sample.frequency_ppb &&
	       access(temporary, F_OK) != 0;
}

static void no_permission(void **state)
{
	assert_int_equal(state_file_store(path, &sample, NULL), 0);
	assert_int_equal(chmod(folder, 0555), 0);
	assert_int_equal(in_child(store_as_nobody), EACCES);
	assert_int_equal(chmod(path, 0200), 0);
	assert_int_equal(in_child(load_as_nobody), EACCES);
	assert_int_equal(chmod(path, 0600), 0);
	assert_true(still_there());
}

static void no_room(void **state)
{
	assert_int_equal(state_file_store(path, &sample, NULL), 0);
	assert_int_equal(in_child(store_on_little), EFBIG);
	assert_true(still_there());
}

/* A file system of its own without a free block: the old file is whole, and the error is told. */
static int store_on_full_disk(void)
{
	static char block[4096];
	struct driver_error error = { "" };
	char filler[80];
	int fd;

	if ((geteuid() != 0 && unshare(CLONE_NEWUSER) != 0) || unshare(CLONE_NEWNS) != 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", folder, "tmpfs", 0, "size=64k,mode=755") != 0) {
		return 77;
	}
	if (state_file_store(path, &sample, NULL) != 0) {
		return 99;
	}
	snprintf(filler, sizeof(filler), "%s/filler", folder);
	fd = open(filler, O_WRONLY | O_CREAT, 0600);
	while (write(fd, block, sizeof(block)) > 0) {
	}
	close(fd);
	if (state_file_store(path, &sample, &error) != -ENOSPC || !still_there() ||
	    !strstr(error.text, "cannot write it: No space left on device")) {
		return 98;
	}
	(void)unlink(filler);
	return -state_file_store(path, &sample, NULL);
}

static void full_disk(void **state)
{
	int got = in_child(store_on_full_disk);

	if (got == 77) {
		print_message("# SKIP no file system of our own can be mounted here\n");
		return;
	}
	assert_int_equal(got, 0);
}

static void without_waiting(void **state)
{
	struct state_writer w = { 0 };
	struct state got;
	double age;

	assert_int_equal(state_writer_poll(&w), 0);
	assert_int_equal(state_writer_wait(&w, 10000), 0);
	assert_int_equal(state_writer_begin(&w, path, &sample), 0);
	assert_int_equal(state_writer_wait(&w, 10000), 0);
	assert_int_equal(load(&got, &age, NULL), 0);
	assert_int_equal(chmod(folder, 0777), 0);
	assert_int_equal(state_writer_begin(&w, path, &sample), 0);
	while (state_writer_poll(&w) == -EAGAIN) {
		(void)usleep(1000);
	}
	assert_int_equal(state_writer_poll(&w), 0); /* told once */
	assert_int_equal(state_writer_begin(&w, path, &sample), 0);
	assert_int_equal(state_writer_wait(&w, 10000), -EPERM);
	/* One that hangs is not joined by a second. */
	w.child = fork();
	if (w.child == 0) {
		(void)pause();
		_exit(0);
	}
	assert_int_equal(state_writer_begin(&w, path, &sample), -EBUSY);
	assert_int_equal(state_writer_wait(&w, 20), -EAGAIN);
	assert_int_equal(kill(w.child, SIGKILL), 0);
	assert_int_equal(state_writer_wait(&w, 10000), -EINTR);
	assert_int_equal(w.child, 0);
}

/* The lock ends with its process, however that ends. */
static void one_writer(void **state)
{
	struct driver_error error = { "" };
	char lock[80];
	char who[40];
	int ready[2];
	char c;
	pid_t child;

	(void)snprintf(lock, sizeof(lock), "%s.lock", path);
	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		c = state_file_lock(path, &error) == 0 ? 'y' : 'n';
		(void)!write(ready[1], &c, 1);
		(void)pause();
		_exit(0);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	assert_int_equal(c, 'y');
	assert_int_equal(state_file_lock(path, &error), -EBUSY);
	(void)snprintf(who, sizeof(who), "(process %d) writes it", (int)child);
	assert_non_null(strstr(error.text, who));
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(state_file_lock(path, &error), 0);
	assert_int_equal(unlink(lock), 0);
	(void)close(ready[0]);
	(void)close(ready[1]);
}

#define ROW(name) { "/gnomond/state_file/" #name, name, set_up, tear_down, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(round_trip),    ROW(text),	    ROW(truncated),	ROW(mutated),
		ROW(nonsense),	    ROW(oversized), ROW(unwritable_values), ROW(ages),
		ROW(stamp),	    ROW(unsafe_places), ROW(planted_link), ROW(no_permission),
		ROW(no_room),	    ROW(full_disk), ROW(without_waiting),
		ROW(one_writer),
	};

	return cmocka_run_group_tests_name("/gnomond/state_file", tests, NULL, NULL);
}
