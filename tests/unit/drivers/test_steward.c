/* SPDX-License-Identifier: BSD-2-Clause */
/* drivers/steward.h on processes of our own making: a folder like /proc. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "drivers/clock.h"
#include "drivers/steward.h"
#include "drivers/steward_private.h"
#include "drivers/timestamping.h"

/* eth0 has the clock in question, eth1 another one. */
static bool fake_device_of(const char *name, dev_t *device)
{
	struct stat st;

	if (strcmp(name, "eth0") == 0 || strcmp(name, "eth1") == 0) {
		name = name[3] == '0' ? "/dev/null" : "/dev/zero";
	}
	if (!strchr(name, '/') || stat(name, &st) != 0) {
		return false;
	}
	*device = st.st_rdev;
	return true;
}

#define steward_device_of fake_device_of
#include "drivers/steward_process.c"
#undef steward_device_of

static char folder[] = "/tmp/gnomon-steward-XXXXXX";
static char kind_phc[] = "phc";

/* The system clock, without the right to set it. */
static struct gnomon_clock *system_clock;

static int setup(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(clock_system_open(&system_clock, false, NULL), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	system_clock->ops->destroy(system_clock);
	return rmdir(folder);
}

/* The file F, beside the process's folder; NULL: take it away. */
static void write_config(const char *text)
{
	char path[80];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/F", folder);
	if (!text) {
		assert_int_equal(unlink(path), 0);
		return;
	}
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* Whether a process with that command line, its words apart by blanks, is seen as steward. */
static bool steers(const struct gnomon_clock *clock, const char *command)
{
	struct steward_process process = { 0 };
	char dir[64];
	char path[80];
	char link[80];
	char text[200];
	FILE *file;
	int err;

	(void)snprintf(dir, sizeof(dir), "%s/4711", folder);
	(void)snprintf(path, sizeof(path), "%s/cmdline", dir);
	assert_int_equal(mkdir(dir, 0700), 0);
	(void)snprintf(link, sizeof(link), "%s/cwd", dir);
	assert_int_equal(symlink(folder, link), 0);
	file = fopen(path, "w");
	assert_non_null(file);
	(void)snprintf(text, sizeof(text), "%s", command);
	for (char *p = text; *p; p++) {
		*p = (char)(*p == ' ' ? '\0' : *p);
	}
	assert_int_equal(fwrite(text, strlen(command) + 1, 1, file), 1);
	assert_int_equal(fclose(file), 0);
	err = steward_find(folder, clock, &process);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(unlink(link), 0);
	assert_int_equal(rmdir(dir), 0);
	if (err == 0) {
		assert_int_equal(process.pid, 4711);
		assert_non_null(strstr(command, process.name));
	} else {
		assert_int_equal(err, -ESRCH);
	}
	return err == 0;
}

static void system_clock_stewards(void **state)
{
	static const struct {
		const char *command;
		bool steers;
	} rows[] = {
		{ "/usr/sbin/chronyd", true },
		{ "/usr/sbin/chronyd -F 1 -n", true },
		{ "chronyd -x", false },
		{ "chronyd -dx", false },
		{ "chronyd -f /etc/x -F -1", true },
		{ "/usr/sbin/ntpd -p /run/ntpd.pid", true },
		{ "/lib/systemd/systemd-timesyncd", true },
		{ "vi chronyd", false },
		{ "/usr/sbin/ptp4l -i eth0", false },
		{ "/usr/sbin/ptp4l -i eth0 -mS", true },
		{ "/usr/sbin/ptp4l -i Smart0", false },
		{ "/usr/sbin/ptp4l --time_stamping software -i eth0", true },
		{ "/usr/sbin/ptp4l --time_stamping=software --free_running=1", false },
		{ "gnomon-guest", true },
		{ "/usr/sbin/gnomon-guest --clockbound_file=/run/x --status /run/y", true },
		{ "gnomon-guest --check --json", false },
		{ "gnomon-guest --watch", false },
		{ "gnomon-guest --feed shm:0", false },
		{ "gnomon-guest --clock=soft", false },
		{ "phc2sys -s eth0 -w", true },
		{ "phc2sys -s /dev/ptp0 -c CLOCK_REALTIME -O -37", true },
		{ "phc2sys -s CLOCK_REALTIME -c /dev/ptp0 -O 37", false },
		{ "phc2sys -s CLOCK_REALTIME -c/dev/ptp0 -cclock_realtime", true },
		{ "phc2sys -a", false },
		{ "phc2sys -ar", true },
		{ "phc2sys -a -r -m", true },
		{ "phc2sys -s eth0 -w -E ntpshm", false },
		{ "phc2sys -s eth0 -w --free_running 1", false },
		{ "phc2sys -s eth0 -w --free_running 0", true },
		{ "", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (steers(system_clock, rows[i].command) != rows[i].steers) {
			fail_msg("%s", rows[i].command);
		}
	}
}

/* Linuxptp's programs: eth0 and /dev/null have the clock in question. */
static const struct {
	const char *command;
	const char *config; /* in the file F, if it is named */
	bool phc;
	bool system;
} linuxptp_rows[] = {
	{ "ptp4l -i eth0", "", true, false },
	{ "ptp4l -ieth0 -m", "", true, false },
	{ "ptp4l -i eth1", "", false, false },
	{ "ptp4l -i eth1 -i eth0", "", true, false },
	{ "ptp4l -S -i eth0", "", false, true },
	{ "ptp4l -i eth0 -s", "", true, false },
	{ "ptp4l -i eth0 --masterOnly 1", "", false, false },
	{ "ptp4l -i eth0 --serverOnly=1", "", false, false },
	{ "ptp4l -i eth0 --serverOnly=0", "", true, false },
	{ "ptp4l -i eth0 --clockClass 6", "", false, false },
	{ "ptp4l -i eth0 --clockClass 255", "", true, false },
	{ "ptp4l -i eth0 --free_running 1", "", false, false },
	{ "ptp4l -i lo -p /dev/null", "", true, false },
	{ "ptp4l -f F", "[global]\ndomainNumber 24\n\n[eth0]\n", true, false },
	{ "ptp4l -f F", "[global]\n[eth1]\n", false, false },
	{ "ptp4l -f F", "[eth0]\nmasterOnly 1\n", false, false },
	{ "ptp4l -f F", "[global]\nserverOnly\t1\n[eth0]\n", false, false },
	{ "ptp4l -f F", "[global]\nserverOnly 1\n[eth0]\nserverOnly 0\n", true, false },
	{ "ptp4l -f F", "[global]\n# serverOnly 1\n#masterOnly 1\n[eth0]", true, false },
	{ "ptp4l -f F", "[eth0]\nmasterOnly 1\n[eth1]\n", false, false },
	{ "ptp4l -f F --free_running=0", "[global]\nfree_running 1\n[eth0]\n", true, false },
	{ "ptp4l -f F", "[global]\nfree_running 1\n[eth0]\n", false, false },
	{ "ptp4l -f F -i eth0", "[global]\nclockClass 7\n", false, false },
	{ "ptp4l -f F", "[global]\ntime_stamping software\n[eth0]\n", false, true },
	{ "ptp4l -H -f F", "[global]\ntime_stamping software\n[eth0]\n", true, false },
	{ "ptp4l -f /nosuch -i eth0", "", true, false },
	{ "ts2phc -c eth0 -s nmea", "", true, false },
	{ "ts2phc -c /dev/null -s /dev/zero", "", true, false },
	{ "ts2phc -c /dev/zero -s /dev/null", "", false, false },
	{ "ts2phc -c eth0 --free_running=1", "", false, false },
	{ "ts2phc -f F -s generic", "[global]\n[eth0]\nts2phc.pin_index 0\n", true, false },
	{ "ts2phc -f F", "[eth0]\nts2phc.master 1\n[eth1]\n", false, false },
	{ "ts2phc -f F -s eth0", "[eth0]\n[eth1]\n", false, false },
	{ "ts2phc -f F -s eth1", "[eth0]\n[eth1]\n", true, false },
	{ "phc2sys -c eth0 -s eth1", "", true, false },
	{ "phc2sys -f F -s eth0", "[global]\nclock_servo ntpshm\n", false, false },
	{ "phc2sys -f F -s eth0 -E pi", "[global]\nclock_servo ntpshm\n", false, true },
	{ "phc2sys -f F -c eth0", "[global]\nfree_running 1\n", false, false },
};

/* A clock that is a PHC by its kind, of a device there is everywhere: descriptors have ids. */
static void phc_stewards(void **state)
{
	struct gnomon_clock_ops ops = { .kind = kind_phc };
	struct {
		struct gnomon_clock base;
		clockid_t id;
	} phc = { .base = { .ops = &ops, .name = "/dev/null" } };
	FILE *device = fopen("/dev/null", "r");

	(void)state;
	assert_non_null(device);
	phc.id = (clockid_t)((~(unsigned int)fileno(device) << 3) | 3u);
	assert_true(steers(&phc.base, "phc2sys -s CLOCK_REALTIME -c /dev/null"));
	assert_true(steers(&phc.base, "phc2sys -s eth0 -c /dev/zero -c /dev/null"));
	assert_false(steers(&phc.base, "phc2sys -s CLOCK_REALTIME -c /dev/zero"));
	assert_false(steers(&phc.base, "phc2sys -s /dev/null"));
	assert_false(steers(&phc.base, "phc2sys -s eth0 -c nosuch0"));
	assert_false(steers(&phc.base, "chronyd"));
	for (size_t i = 0; i < sizeof(linuxptp_rows) / sizeof(linuxptp_rows[0]); i++) {
		write_config(linuxptp_rows[i].config);
		if (steers(&phc.base, linuxptp_rows[i].command) != linuxptp_rows[i].phc) {
			fail_msg("%s: %s", linuxptp_rows[i].command, linuxptp_rows[i].config);
		}
		if (steers(system_clock, linuxptp_rows[i].command) != linuxptp_rows[i].system) {
			fail_msg("%s: %s", linuxptp_rows[i].command, linuxptp_rows[i].config);
		}
	}
	write_config(NULL);
	assert_int_equal(fclose(device), 0);
}

/* A process that has locked that file, and keeps it until the pipe at *end is closed. */
static pid_t lock_elsewhere(const char *path, int *end)
{
	char done = 'n';
	int up[2];
	int down[2];
	pid_t child;

	assert_int_equal(pipe(up), 0);
	assert_int_equal(pipe(down), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		int fd = open(path, O_RDONLY);

		done = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 ? 'y' : 'n';
		(void)close(down[1]);
		_exit(write(up[1], &done, 1) != 1 || read(down[0], &done, 1) != 0);
	}
	(void)close(up[1]);
	(void)close(down[0]);
	assert_int_equal(read(up[0], &done, 1), 1);
	(void)close(up[0]);
	assert_int_equal(done, 'y');
	*end = down[1];
	return child;
}

/* Two of us: the second is refused and told whose the clock is, or may insist. */
static void claimed_once(void **state)
{
	struct gnomon_clock_ops ops = { .kind = kind_phc };
	char path[64];
	struct gnomon_clock phc = { .ops = &ops, .name = path };
	struct steward steward = { .fd = -1 };
	struct steward second = { .fd = -1 };
	struct driver_error error = { "" };
	char want[32];
	pid_t child;
	int end;
	int fd;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/ptp0", folder);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	(void)close(fd);
	child = lock_elsewhere(path, &end);
	assert_int_equal(steward_claim(&steward, &phc, &error), -EBUSY);
	assert_int_equal(steward.fd, -1);
	(void)snprintf(want, sizeof(want), "(pid %d) steers it already", (int)child);
	assert_non_null(strstr(error.text, want));
	assert_non_null(strstr(error.text, path));
	(void)close(end);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(steward_claim(&steward, &phc, &error), 0);
	assert_true(steward.fd >= 0);
	assert_int_equal(steward_claim(&second, &phc, &error), 0); /* it is this process */
	steward_release(&steward);
	assert_int_equal(unlink(path), 0);
}

/* Where no lock can be had that is told, and no reason to stay. */
static void no_lock(void **state)
{
	struct gnomon_clock_ops ops = { .kind = kind_phc };
	struct gnomon_clock phc = { .ops = &ops, .name = "/nosuch/ptp0" };
	struct steward steward = { .fd = -1 };
	struct driver_error why = { "" };

	(void)state;
	assert_int_equal(steward_claim(&steward, &phc, &why), 0);
	assert_int_equal(steward.fd, -1);
	assert_true(steward_unlocked(&steward, &phc, &why));
	assert_non_null(strstr(why.text, "/nosuch/ptp0: cannot be locked"));
	phc.name = "/dev/null";
	assert_int_equal(steward_claim(&steward, &phc, &why), 0);
	assert_false(steward_unlocked(&steward, &phc, &why));
	steward_release(&steward);
}

/* Ourselves do not count, and a soft clock is nobody else's. */
static void not_a_steward(void **state)
{
	struct gnomon_clock *soft;
	const struct clock_soft_config config = { 0 };

	(void)state;
	assert_int_equal(clock_soft_create(&soft, &config), 0);
	assert_false(steers(soft, "chronyd"));
	soft->ops->destroy(soft);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/drivers/steward/system_clock", system_clock_stewards, NULL, NULL, NULL },
		{ "/drivers/steward/phc", phc_stewards, NULL, NULL, NULL },
		{ "/drivers/steward/claimed_once", claimed_once, NULL, NULL, NULL },
		{ "/drivers/steward/no_lock", no_lock, NULL, NULL, NULL },
		{ "/drivers/steward/not_a_steward", not_a_steward, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
