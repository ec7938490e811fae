/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Preloaded into a program under test: no clock of this machine can be set by it, each attempt is
 * written down, and there are PTP hardware clocks that only it sees.
 *
 *     CLOCK_GUARD_LOG   a file that gets a line for each attempt
 *     CLOCK_GUARD_PHC   words "PATH=NUMBER[:QUALITY]..."; paths of one number are one clock.
 *                       fixed: it cannot be adjusted; ro: not to be written by this user;
 *                       no: not to be opened at all; pulse: a pulse at each of its seconds
 *
 * These clocks read as CLOCK_MONOTONIC_RAW would, begun at TAI.
 */
#undef _FILE_OFFSET_BITS

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ptp_clock.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

#define FDS 256
#define PHC_MAJOR 250
#define TAI_OFFSET 37
#define MAX_ADJ 1000000
#define SEC 1000000000

/* What the next library has under this name. */
#define NEXT(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

/* A fake device, by its descriptor. */
static struct phc {
	bool used;
	int number;
	bool fixed;
	bool read_only;
	bool pulse;
} phcs[FDS];

/* -- what is configured ----------------------------------------------------------------------- */

static bool has_quality(const char *word, const char *quality)
{
	const size_t len = strcspn(word, " ");
	const char *at = strstr(word, quality);

	return at && (size_t)(at - word) < len;
}

/* The words behind "PATH=" for that path; NULL: it is none of ours. */
static const char *find(const char *path)
{
	const char *word = getenv("CLOCK_GUARD_PHC");
	const size_t len = strlen(path);

	while (word && *word) {
		if (strncmp(word, path, len) == 0 && word[len] == '=') {
			return word + len + 1;
		}
		word += strcspn(word, " ");
		word += strspn(word, " ");
	}
	return NULL;
}

static struct phc *phc_of(int fd)
{
	return fd >= 0 && fd < FDS && phcs[fd].used ? &phcs[fd] : NULL;
}

/* A dynamic clock's id is its descriptor, complemented, above three bits. */
static struct phc *phc_of_clock(clockid_t id)
{
	return id < 0 && (id & 7) == 3 ? phc_of(~(id >> 3)) : NULL;
}

static void __attribute__((format(printf, 1, 2))) note(const char *format, ...)
{
	const char *path = getenv("CLOCK_GUARD_LOG");
	FILE *file = path ? fopen(path, "a") : NULL;
	va_list args;

	if (file) {
		va_start(args, format);
		(void)vfprintf(file, format, args);
		va_end(args);
		(void)fputc('\n', file);
		(void)fclose(file);
	}
}

static int refuse(void)
{
	errno = EPERM;
	return -1;
}

/* -- setting clocks --------------------------------------------------------------------------- */

EXPORT int clock_adjtime(clockid_t id, struct timex *tx)
{
	const struct phc *phc = phc_of_clock(id);

	/* Nobody gets such a tick: who asks wants to know whether he might. */
	if (!phc && tx->modes == ADJ_TICK && tx->tick == 0) {
		errno = geteuid() == 0 ? EINVAL : EPERM;
		return -1;
	}
	if (tx->modes) {
		note("clock_adjtime %s %d modes %#x", phc ? "ptp" : "clock",
		     phc ? phc->number : (int)id, tx->modes);
		return refuse();
	}
	if (phc) {
		*tx = (struct timex){ .modes = 0 };
		return 0;
	}
	return NEXT(clock_adjtime)(id, tx);
}

EXPORT int adjtimex(struct timex *tx)
{
	return clock_adjtime(CLOCK_REALTIME, tx);
}

EXPORT int ntp_adjtime(struct timex *tx)
{
	return clock_adjtime(CLOCK_REALTIME, tx);
}

EXPORT int clock_settime(clockid_t id, const struct timespec *ts)
{
	note("clock_settime clock %d", (int)id);
	return refuse();
}

EXPORT int settimeofday(const struct timeval *tv, const struct timezone *tz)
{
	note("settimeofday");
	return refuse();
}

EXPORT int adjtime(const struct timeval *delta, struct timeval *old)
{
	if (delta) {
		note("adjtime");
		return refuse();
	}
	return NEXT(adjtime)(delta, old);
}

/* -- the fake devices ------------------------------------------------------------------------- */

/* Ready at each second of the clock, if it has pulses and they are asked for. */
static int fake_open(const char *word, int flags)
{
	const struct phc phc = {
		.used = true,
		.number = atoi(word),
		.fixed = has_quality(word, ":fixed"),
		.read_only = has_quality(word, ":ro"),
		.pulse = has_quality(word, ":pulse"),
	};
	int fd;

	if (has_quality(word, ":no") || (phc.read_only && (flags & O_ACCMODE) != O_RDONLY)) {
		errno = EACCES;
		return -1;
	}
	fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	if (fd >= FDS) {
		(void)NEXT(close)(fd);
		fd = -1;
		errno = EMFILE;
	}
	if (fd >= 0) {
		phcs[fd] = phc;
	}
	return fd;
}

EXPORT int open(const char *path, int flags, ...)
{
	const char *word = find(path);
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
	va_end(args);
	return word ? fake_open(word, flags) : NEXT(open)(path, flags, mode);
}

EXPORT int open64(const char *path, int flags, ...)
{
	const char *word = find(path);
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
	va_end(args);
	return word ? fake_open(word, flags) : NEXT(open)(path, flags, mode);
}

EXPORT int close(int fd)
{
	if (phc_of(fd)) {
		phcs[fd].used = false;
	}
	return NEXT(close)(fd);
}

static void fake_stat(int number, struct stat *st)
{
	*st = (struct stat){ .st_mode = S_IFCHR | 0600,
			     .st_rdev = makedev(PHC_MAJOR, (unsigned int)number) };
}

EXPORT int fstat(int fd, struct stat *st)
{
	const struct phc *phc = phc_of(fd);

	if (!phc) {
		return NEXT(fstat)(fd, st);
	}
	fake_stat(phc->number, st);
	return 0;
}

EXPORT int fstat64(int fd, struct stat64 *st)
{
	return fstat(fd, (struct stat *)(void *)st);
}

EXPORT int stat(const char *path, struct stat *st)
{
	const char *word = find(path);

	if (!word) {
		return NEXT(stat)(path, st);
	}
	fake_stat(atoi(word), st);
	return 0;
}

EXPORT int stat64(const char *path, struct stat64 *st)
{
	return stat(path, (struct stat *)(void *)st);
}

EXPORT int fcntl(int fd, int command, ...)
{
	const struct phc *phc = phc_of(fd);
	va_list args;
	void *arg;

	va_start(args, command);
	arg = va_arg(args, void *);
	va_end(args);
	if (phc && command == F_GETFL) {
		return phc->read_only ? O_RDONLY : O_RDWR;
	}
	return NEXT(fcntl)(fd, command, arg);
}

EXPORT int fcntl64(int fd, int command, ...)
{
	va_list args;
	void *arg;

	va_start(args, command);
	arg = va_arg(args, void *);
	va_end(args);
	return fcntl(fd, command, arg);
}

/* Such files share one inode, of all the machine. */
EXPORT int flock(int fd, int operation)
{
	return phc_of(fd) ? 0 : NEXT(flock)(fd, operation);
}

static int fake_gettime(struct timespec *ts)
{
	static time_t start;
	struct timespec utc;

	if (NEXT(clock_gettime)(CLOCK_MONOTONIC_RAW, ts)) {
		return -1;
	}
	if (!start) {
		(void)NEXT(clock_gettime)(CLOCK_REALTIME, &utc);
		start = utc.tv_sec - ts->tv_sec + TAI_OFFSET;
	}
	ts->tv_sec += start;
	return 0;
}

EXPORT int clock_gettime(clockid_t id, struct timespec *ts)
{
	return phc_of_clock(id) ? fake_gettime(ts) : NEXT(clock_gettime)(id, ts);
}

static int arm(const struct phc *phc, int fd, bool on)
{
	struct itimerspec its = { .it_interval = { .tv_sec = on && phc->pulse } };
	struct timespec now;

	if (on && phc->pulse && fake_gettime(&now) == 0) {
		its.it_value.tv_nsec = SEC - now.tv_nsec;
	}
	return timerfd_settime(fd, 0, &its, NULL);
}

EXPORT int ioctl(int fd, unsigned long request, ...)
{
	const struct phc *phc = phc_of(fd);
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (!phc) {
		return NEXT(ioctl)(fd, request, arg);
	}
	if (request == PTP_CLOCK_GETCAPS) {
		*(struct ptp_clock_caps *)arg = (struct ptp_clock_caps){
			.max_adj = phc->fixed ? 0 : MAX_ADJ,
			.n_ext_ts = 1,
		};
		return 0;
	}
	if (request == PTP_EXTTS_REQUEST2) {
		return arm(phc, fd, ((const struct ptp_extts_request *)arg)->flags != 0);
	}
	errno = EOPNOTSUPP;
	return -1;
}

/* The pulse has just been, at the clock's last full second. */
EXPORT ssize_t read(int fd, void *buf, size_t count)
{
	struct ptp_extts_event event = { .index = 0 };
	char expirations[8];
	struct timespec now;

	if (!phc_of(fd) || count < sizeof(event)) {
		return NEXT(read)(fd, buf, count);
	}
	if (NEXT(read)(fd, expirations, sizeof(expirations)) < 0 || fake_gettime(&now)) {
		return -1;
	}
	event.t.sec = now.tv_sec;
	memcpy(buf, &event, sizeof(event));
	return sizeof(event);
}
