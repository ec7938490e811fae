/* SPDX-License-Identifier: BSD-2-Clause */
/* Carrying the plan out: files, virtual clocks, processes; and taking all of it away again. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "drivers/timer.h"
#include "timemaster.h"

#define SEC ((int64_t)GNOMON_NSEC_PER_SEC)

/* What ends so soon after the start is misconfigured, and would end again. */
#define SETTLED (2 * SEC)

/* A group is started again after this, so that it does not spin. */
#define RESTART_PAUSE SEC

/* A program that is asked what it knows answers within this. */
#define PROBE_S 3

/* Processes that do not end when told to are ended. */
#define PATIENCE (10 * SEC)

struct runner {
	struct tm_plan *plan;
	const struct say *say;
	sigset_t signals; /* that we wait for */
	sigset_t before;  /* the mask we were started with */
	gnomon_mono start;
	gnomon_mono kill_at;     /* NEVER: not ending */
	gnomon_mono *restart_at; /* of each group; NEVER: it is complete, or is ending */
	int status;
};

/* -- programs --------------------------------------------------------------------------------- */

/* It would print its version; what it does not know makes it fail before. */
bool tm_is_old(const char *ptp4l)
{
	const pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		const int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		(void)dup2(null, STDIN_FILENO);
		(void)dup2(null, STDOUT_FILENO);
		(void)dup2(null, STDERR_FILENO);
		(void)alarm(PROBE_S); /* a script may do something else altogether */
		(void)execlp(ptp4l, ptp4l, "--uds_ro_address=/", "-v", (char *)NULL);
		_exit(0); /* one that is not there is missed later */
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		return false;
	}
	return WIFEXITED(status) && WEXITSTATUS(status) != 0;
}

/* -- files ------------------------------------------------------------------------------------ */

static int say_errno(const struct say *s, const char *what, const char *path)
{
	const bool denied = errno == EACCES || errno == EPERM;

	say(s, LOG_ERR, "failed to %s %s: %s%s", what, path, strerror(errno),
	    denied && !s->drop_in ? "; run as root" : "");
	return -1;
}

static int make_rundir(const struct tm_plan *plan, const struct say *s)
{
	const struct passwd *owner = plan->user[0] ? getpwnam(plan->user) : NULL;

	if (plan->user[0] && !owner) {
		say(s, LOG_ERR, "failed to get user/group ID of %s%s", plan->user,
		    s->drop_in ? "" : "; there is no such user");
		return -1;
	}
	if (mkdir(plan->rundir, 0755)) {
		return errno == EEXIST ? 0 : say_errno(s, "create", plan->rundir);
	}
	if (owner && chown(plan->rundir, owner->pw_uid, owner->pw_gid)) {
		return say_errno(s, "change owner of", plan->rundir);
	}
	return 0;
}

static int write_file(const struct tm_file *file, const struct say *s)
{
	FILE *out;
	int err;

	say(s, LOG_DEBUG, "creating %s", file->path);
	out = fopen(file->path, "we");
	if (!out) {
		return say_errno(s, "open", file->path);
	}
	err = fputs(file->content, out) < 0;
	err |= fclose(out) != 0;
	return err ? say_errno(s, "write to", file->path) : 0;
}

static void remove_files(const struct tm_plan *plan, size_t count, const struct say *s)
{
	for (size_t i = 0; i < count; i++) {
		say(s, LOG_DEBUG, "removing %s", plan->files[i].path);
		if (unlink(plan->files[i].path) && errno != ENOENT) {
			(void)say_errno(s, "remove", plan->files[i].path);
		}
	}
}

/* -- virtual clocks --------------------------------------------------------------------------- */

static int exchange_count(int phc, int *before, int count, const struct say *s)
{
	char path[64];
	FILE *file;
	int err;

	snprintf(path, sizeof(path), "/sys/class/ptp/ptp%d/n_vclocks", phc);
	file = fopen(path, "r+e");
	if (!file) {
		return say_errno(s, "open", path);
	}
	if (before && fscanf(file, "%d", before) != 1) {
		*before = 0;
	}
	rewind(file);
	err = fprintf(file, "%d\n", count + (before ? *before : 0)) < 0;
	err |= fclose(file) != 0;
	return err ? say_errno(s, "write to", path) : 0;
}

/* Those that are there already are somebody's: ours come behind them. */
static int make_vclocks(struct tm_plan *plan, const struct say *s)
{
	const struct timespec pause = { 0, 100000000 };

	for (size_t i = 0; i < plan->vclock_count; i++) {
		struct tm_vclocks *v = &plan->vclocks[i];
		int before;

		if (exchange_count(v->phc, &before, v->wanted, s)) {
			return -1;
		}
		v->before = before;
	}
	if (plan->vclock_count > 0) {
		/* Until udev has made their device files. */
		(void)nanosleep(&pause, NULL);
	}
	return 0;
}

static void remove_vclocks(struct tm_plan *plan, const struct say *s)
{
	for (size_t i = 0; i < plan->vclock_count; i++) {
		struct tm_vclocks *v = &plan->vclocks[i];

		if (v->before >= 0) {
			(void)exchange_count(v->phc, NULL, v->before, s);
			v->before = -1;
		}
	}
}

static int compare_ints(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* The index of the PHC's virtual clock number n, in the order they were made; -1: there is none. */
static int find_vclock(int phc, int n)
{
	char path[64];
	int indices[256];
	size_t count = 0;
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/class/ptp/ptp%d", phc);
	dir = opendir(path);
	while (dir && count < 256 && (entry = readdir(dir))) {
		int used;

		if (sscanf(entry->d_name, "ptp%d%n", &indices[count], &used) == 1 &&
		    entry->d_name[used] == '\0') {
			count++;
		}
	}
	if (dir) {
		(void)closedir(dir);
	}
	qsort(indices, count, sizeof(indices[0]), compare_ints);
	return n >= 0 && (size_t)n < count ? indices[n] : -1;
}

static int before_of(const struct tm_plan *plan, int phc)
{
	for (size_t i = 0; i < plan->vclock_count; i++) {
		if (plan->vclocks[i].phc == phc) {
			return plan->vclocks[i].before;
		}
	}
	return 0;
}

/* "%PHC0-1%" of the plan becomes the index of a device that now exists. */
static int name_vclocks(struct tm_plan *plan, const struct say *s)
{
	for (size_t i = 0; i < plan->command_count; i++) {
		struct words *words = &plan->commands[i].words;

		for (size_t k = 0; k < words->count; k++) {
			int phc, n, index;

			if (sscanf(words->items[k], "%%PHC%d-%d%%", &phc, &n) != 2) {
				continue;
			}
			index = find_vclock(phc, before_of(plan, phc) + n);
			if (index < 0) {
				say(s, LOG_ERR,
				    s->drop_in ? "missing vclock %d:%d"
					       : "/dev/ptp%d: virtual clock %d is missing; the "
						 "kernel made fewer than it was asked for",
				    phc, n);
				return -1;
			}
			free(words->items[k]);
			words->items[k] = text_new("%d", index);
		}
	}
	return 0;
}

/* -- processes -------------------------------------------------------------------------------- */

static void start(struct runner *r, struct tm_command *c)
{
	char *line = NULL;
	pid_t pid = fork();

	if (pid == 0) {
		/* Whatever happens to us, they are not left behind. */
		(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
		(void)sigprocmask(SIG_SETMASK, &r->before, NULL);
		execvp(c->words.items[0], c->words.items);
		say(r->say, LOG_ERR, "failed to execute %s: %s", c->words.items[0],
		    strerror(errno));
		_exit(101);
	}
	if (pid < 0) {
		say(r->say, LOG_ERR, "fork() failed: %s", strerror(errno));
		return;
	}
	c->pid = pid;
	for (size_t i = 0; i < c->words.count; i++) {
		text_add(&line, "%s ", c->words.items[i]);
	}
	say(r->say, LOG_INFO, "process %d started: %s", (int)pid, line);
	free(line);
}

static void terminate(struct runner *r, const struct tm_command *c, int number)
{
	if (c->pid > 0) {
		say(r->say, LOG_DEBUG, "killing process %d", (int)c->pid);
		(void)kill(c->pid, number);
	}
}

static void terminate_all(struct runner *r, int number)
{
	for (size_t i = 0; i < r->plan->command_count; i++) {
		terminate(r, &r->plan->commands[i], number);
	}
}

static bool ending(const struct runner *r)
{
	return r->kill_at.ns != GNOMON_MONO_NEVER.ns;
}

static void end(struct runner *r, gnomon_mono now, int status)
{
	if (!ending(r)) {
		r->kill_at = gnomon_mono_add(now, PATIENCE);
		r->status |= status;
		terminate_all(r, SIGTERM);
	}
}

static size_t running(const struct runner *r, int group)
{
	size_t n = 0;

	for (size_t i = 0; i < r->plan->command_count; i++) {
		const struct tm_command *c = &r->plan->commands[i];

		n += c->pid > 0 && (group < 0 || c->group == group);
	}
	return n;
}

/* Collect what ended. */
static void reap(struct runner *r)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (WIFEXITED(status)) {
			say(r->say, LOG_INFO, "process %d terminated with status %d", (int)pid,
			    WEXITSTATUS(status));
		} else {
			say(r->say, LOG_INFO, "process %d terminated abnormally", (int)pid);
		}
		for (size_t i = 0; i < r->plan->command_count; i++) {
			if (r->plan->commands[i].pid == pid) {
				r->plan->commands[i].pid = 0;
			}
		}
	}
}

static void start_group(struct runner *r, int group)
{
	for (size_t i = 0; i < r->plan->command_count; i++) {
		struct tm_command *c = &r->plan->commands[i];

		if (c->group == group && c->pid <= 0) {
			start(r, c);
		}
	}
}

/* A group that lost a process is ended whole, and begun again a little later. */
static void tend_group(struct runner *r, int group, size_t size, gnomon_mono now)
{
	const size_t alive = running(r, group);

	if (alive == size) {
		return;
	}
	if (group == 0 || now.ns - r->start.ns < SETTLED || !r->plan->restart) {
		end(r, now, 1);
		return;
	}
	for (size_t i = 0; alive > 0 && i < r->plan->command_count; i++) {
		if (r->plan->commands[i].group == group) {
			terminate(r, &r->plan->commands[i], SIGTERM);
		}
	}
	if (alive > 0) {
		return;
	}
	if (r->restart_at[group].ns == GNOMON_MONO_NEVER.ns) {
		r->restart_at[group] = gnomon_mono_add(now, RESTART_PAUSE);
	} else if (!gnomon_mono_before(now, r->restart_at[group])) {
		r->restart_at[group] = GNOMON_MONO_NEVER;
		start_group(r, group);
	}
}

static void tend(struct runner *r, gnomon_mono now)
{
	for (size_t i = 0; i < r->plan->command_count && !ending(r); i++) {
		const int group = r->plan->commands[i].group;
		size_t size = 0;

		if (i > 0 && r->plan->commands[i - 1].group == group) {
			continue;
		}
		for (size_t k = i; k < r->plan->command_count; k++) {
			size += r->plan->commands[k].group == group;
		}
		tend_group(r, group, size, now);
	}
}

static gnomon_mono deadline(const struct runner *r)
{
	gnomon_mono next = r->kill_at;

	for (size_t i = 0; !ending(r) && i < r->plan->command_count; i++) {
		next = gnomon_mono_min(next, r->restart_at[r->plan->commands[i].group]);
	}
	return next;
}

/* A signal, or 0 when the deadline has come. */
static int wait_for_signal(const struct runner *r, gnomon_mono until)
{
	const gnomon_mono now = timer_now();
	const int64_t ns = gnomon_mono_before(now, until) ? until.ns - now.ns : 0;
	const struct timespec left = { ns / SEC, ns % SEC };
	int number = until.ns == GNOMON_MONO_NEVER.ns ? sigwaitinfo(&r->signals, NULL)
						      : sigtimedwait(&r->signals, NULL, &left);

	return number < 0 ? 0 : number;
}

static void supervise(struct runner *r)
{
	for (size_t i = 0; i < r->plan->command_count; i++) {
		start(r, &r->plan->commands[i]);
	}
	r->start = timer_now();
	tend(r, r->start); /* fork() may have failed */
	while (!ending(r) || running(r, -1) > 0) {
		int number = wait_for_signal(r, deadline(r));
		gnomon_mono now = timer_now();

		if (number > 0 && number != SIGCHLD && !ending(r)) {
			say(r->say, LOG_DEBUG, "exiting on signal %d", number);
			end(r, now, 0);
		}
		reap(r);
		if (!ending(r)) {
			tend(r, now);
		} else if (!gnomon_mono_before(now, r->kill_at)) {
			terminate_all(r, SIGKILL);
			r->kill_at = gnomon_mono_add(now, PATIENCE);
		}
	}
}

static int prepare(struct runner *r)
{
	r->restart_at = array_grow(NULL, r->plan->command_count, sizeof(*r->restart_at));
	for (size_t i = 0; i < r->plan->command_count; i++) {
		r->restart_at[i] = GNOMON_MONO_NEVER;
	}
	sigemptyset(&r->signals);
	sigaddset(&r->signals, SIGCHLD);
	sigaddset(&r->signals, SIGTERM);
	sigaddset(&r->signals, SIGQUIT);
	sigaddset(&r->signals, SIGINT);
	sigaddset(&r->signals, SIGHUP);
	return sigprocmask(SIG_BLOCK, &r->signals, &r->before);
}

int tm_plan_run(struct tm_plan *plan, const struct say *s)
{
	struct runner r = { .plan = plan, .say = s, .kill_at = GNOMON_MONO_NEVER };
	size_t written = 0;
	int err = make_rundir(plan, s);

	if (err || prepare(&r)) {
		free(r.restart_at);
		return 1;
	}
	while (!err && written < plan->file_count) {
		err = write_file(&plan->files[written++], s);
	}
	err = err ? err : make_vclocks(plan, s);
	err = err ? err : name_vclocks(plan, s);
	if (!err) {
		supervise(&r);
	}
	remove_vclocks(plan, s);
	remove_files(plan, written, s);
	(void)sigprocmask(SIG_SETMASK, &r.before, NULL);
	free(r.restart_at);
	return err ? 1 : r.status;
}
