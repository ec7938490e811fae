/* SPDX-License-Identifier: BSD-2-Clause */
#include "state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Raise it with any change of the rows below. */
#define VERSION "gnomon-state 1"
#define WAIT_POLL_MS 5
#define FILE_MAX 4096
#define CHECKSUM "checksum "

/* -- the file as a table ---------------------------------------------------------------------- */

enum row_type { ROW_TEXT, ROW_INT64, ROW_DOUBLE, ROW_UINT, ROW_BOOL };

struct row {
	const char *name;
	enum row_type type;
	size_t offset;
	double min; /* numbers: inclusive; ROW_TEXT: max is the size */
	double max;
};

#define AT(m) offsetof(struct state, m)
#define TEXT(n, m) { n, ROW_TEXT, AT(m), 0, sizeof(((struct state *)0)->m) }
#define INT64(n, m) { n, ROW_INT64, AT(m), 0, 9.2e18 }
#define DOUBLE(n, m, lo, hi) { n, ROW_DOUBLE, AT(m), lo, hi }
#define MODEL(m, lo, hi) DOUBLE("model." #m, model.m, lo, hi)
#define WANDER(i) DOUBLE("model.wander_ppb." #i, model.wander_ppb[i], 0, 1e9)

/* Rows speak of every member; what more they have to do with each other is not told here. */
static const struct row rows[] = {
	TEXT("clock", clock),
	INT64("realtime_ns", at.realtime_ns),
	INT64("boottime_ns", at.boottime_ns),
	TEXT("boot_id", at.boot_id),
	DOUBLE("frequency_ppb", frequency_ppb, -1e9, 1e9),
	TEXT("grandmaster", grandmaster),
	DOUBLE("mean_delay_ns", mean_delay_ns, 0, 1e12),
	{ "learnt", ROW_BOOL, AT(learnt), 0, 1 },
	MODEL(frequency_ppb, -1e9, 1e9),
	MODEL(frequency_error_ppb, 0, 1e9),
	MODEL(drift_ppb_per_s, -1e6, 1e6),
	MODEL(drift_error_ppb_per_s, 0, 1e6),
	MODEL(lag_s, 0, 1e9),
	{ "model.lags", ROW_UINT, AT(model.lags), 0, GNOMON_HOLDOVER_LAGS },
	WANDER(0), WANDER(1), WANDER(2), WANDER(3), WANDER(4), WANDER(5), WANDER(6), WANDER(7),
	MODEL(span_s, 0, 1e12),
	MODEL(least_drift_ppb_per_s, 0, 1e6),
	MODEL(most_drift_ppb_per_s, 0, 1e6),
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

_Static_assert(GNOMON_HOLDOVER_LAGS == 8, "a row for every lag");
_Static_assert(sizeof(struct gnomon_holdover_model) == 17 * sizeof(double),
	       "a row for every member of the model, and another VERSION");

/* The checksum of Ethernet and zip, bit by bit: a file has a kilobyte. */
static uint32_t crc32(const char *text, size_t len)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < len; i++) {
		crc ^= (unsigned char)text[i];
		for (int bit = 0; bit < 8; bit++) {
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
		}
	}
	return ~crc;
}

/* -- writing ---------------------------------------------------------------------------------- */

struct out {
	char text[FILE_MAX];
	size_t len;
};

static void put(struct out *o, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* All rows together are far shorter than FILE_MAX. */
static void put(struct out *o, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(o->text + o->len, sizeof(o->text) - o->len, format, args);
	va_end(args);
	o->len += (size_t)len;
}

/* Control characters would break the lines. */
static void put_text(struct out *o, const char *name, const char *text)
{
	put(o, "%s ", name);
	for (; *text; text++) {
		put(o, "%c", (unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text);
	}
	put(o, "\n");
}

static void put_row(struct out *o, const struct row *row, const struct state *state)
{
	const void *member = (const char *)state + row->offset;

	switch (row->type) {
	case ROW_TEXT:
		put_text(o, row->name, member);
		break;
	case ROW_INT64:
		put(o, "%s %" PRId64 "\n", row->name, *(const int64_t *)member);
		break;
	case ROW_DOUBLE:
		put(o, "%s %.17g\n", row->name, *(const double *)member);
		break;
	case ROW_UINT:
		put(o, "%s %u\n", row->name, *(const unsigned int *)member);
		break;
	case ROW_BOOL:
		put(o, "%s %d\n", row->name, *(const bool *)member);
		break;
	}
}

static void compose(struct out *o, const struct state *state)
{
	o->len = 0;
	put(o, "%s\n", VERSION);
	for (size_t i = 0; i < ROWS; i++) {
		put_row(o, &rows[i], state);
	}
	put(o, CHECKSUM "%08" PRIx32 "\n", crc32(o->text, o->len));
}

/* -- reading ---------------------------------------------------------------------------------- */

/* Numbers that the rest of the program can live with. */
static bool take_number(const struct row *row, void *member, const char *text)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end != '\0' || !(value >= row->min && value <= row->max)) {
		return false;
	}
	errno = 0;
	switch (row->type) {
	case ROW_INT64:
		*(int64_t *)member = strtoll(text, &end, 10);
		break;
	case ROW_DOUBLE:
		*(double *)member = value;
		break;
	case ROW_UINT:
		*(unsigned int *)member = (unsigned int)strtoul(text, &end, 10);
		break;
	case ROW_BOOL:
		*(bool *)member = strtoul(text, &end, 10) == 1;
		break;
	case ROW_TEXT:
		return false;
	}
	return *end == '\0' && errno == 0;
}

static bool take_row(const struct row *row, struct state *state, const char *text)
{
	void *member = (char *)state + row->offset;

	if (row->type != ROW_TEXT) {
		return take_number(row, member, text);
	}
	if (strlen(text) >= (size_t)row->max) {
		return false;
	}
	memcpy(member, text, strlen(text) + 1);
	return true;
}

/* The end of the line at p becomes a NUL; NULL if it has none. */
static char *cut_line(char *p)
{
	char *end = strchr(p, '\n');

	if (end) {
		*end++ = '\0';
	}
	return end;
}

/* The text as a state; why not, in *error. text is written to. */
static int parse_rows(char *text, struct state *state, struct driver_error *error)
{
	char *line = text;

	for (size_t i = 0; i < ROWS; i++) {
		size_t len = strlen(rows[i].name);
		char *next = cut_line(line);

		if (!next || strncmp(line, rows[i].name, len) != 0 || line[len] != ' ' ||
		    !take_row(&rows[i], state, line + len + 1)) {
			return driver_fail(error, -EBADMSG, "line %zu is no good %s", i + 2,
					   rows[i].name);
		}
		line = next;
	}
	if (*line) {
		return driver_fail(error, -EBADMSG, "has more lines than it should");
	}
	return 0;
}

/* The checksum says that we wrote it, as it is; that it makes sense is checked all the same. */
static int parse(char *text, size_t len, struct state *state, struct driver_error *error)
{
	const size_t tail = strlen(CHECKSUM) + 8 + 1;
	const char *last = text + len - (len < tail ? len : tail);
	char want[32];
	char *line = text;

	if (strncmp(text, VERSION "\n", strlen(VERSION "\n")) != 0) {
		return driver_fail(error, -EBADMSG,
				   "does not begin with '%s': of another version, or no state",
				   VERSION);
	}
	snprintf(want, sizeof(want), CHECKSUM "%08" PRIx32 "\n",
		 crc32(text, (size_t)(last - text)));
	if (memchr(text, '\0', len) || strcmp(last, want) != 0) {
		return driver_fail(error, -EBADMSG, "is damaged: its checksum is wrong");
	}
	text[last - text] = '\0';
	line = cut_line(line);
	if (parse_rows(line, state, error) != 0) {
		return -EBADMSG;
	}
	if (state->learnt && !gnomon_holdover_model_ok(&state->model)) {
		return driver_fail(error, -EBADMSG, "has a model that no oscillator has");
	}
	return 0;
}

/* -- age -------------------------------------------------------------------------------------- */

static int64_t clock_ns(clockid_t id)
{
	struct timespec ts = { 0, 0 };

	(void)clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

void state_stamp_now(struct state_stamp *stamp)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t got = -1;

	*stamp = (struct state_stamp){ .realtime_ns = clock_ns(CLOCK_REALTIME),
				       .boottime_ns = clock_ns(CLOCK_BOOTTIME) };
	if (fd >= 0) {
		got = read(fd, stamp->boot_id, sizeof(stamp->boot_id) - 1);
		close(fd);
	}
	stamp->boot_id[got > 0 ? got : 0] = '\0';
	stamp->boot_id[strcspn(stamp->boot_id, "\n")] = '\0';
	if (!stamp->boot_id[0]) {
		memcpy(stamp->boot_id, "-", 2);
	}
}

double state_age(const struct state_stamp *then, const struct state_stamp *now)
{
	if (strcmp(then->boot_id, now->boot_id) == 0 && strcmp(now->boot_id, "-") != 0) {
		return (double)(now->boottime_ns - then->boottime_ns) / 1e9;
	}
	return (double)(now->realtime_ns - then->realtime_ns) / 1e9;
}

/* -- the file and its folder ------------------------------------------------------------------ */

/* A path in two: its folder, opened, and its name. */
struct place {
	int folder;
	uid_t folder_owner;
	char name[256];
	char beside[264]; /* NAME.tmp or NAME.bad */
};

/* Who can write the folder can put any file there, or a link to one. */
static int check_folder(struct place *place, const char *path, struct driver_error *error)
{
	struct stat st;

	if (fstat(place->folder, &st) != 0) {
		return driver_fail(error, -errno, "state file %s: %s", path, strerror(errno));
	}
	place->folder_owner = st.st_uid;
	if (st.st_mode & S_IWOTH) {
		return driver_fail(error, -EPERM,
				   "state file %s: everybody may write its folder; choose another, "
				   "or take that right away",
				   path);
	}
	return 0;
}

static int open_place(struct place *place, const char *path, const char *suffix,
		      struct driver_error *error)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	char folder[512];
	int r;

	snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path) + 1 : 1,
		 slash ? path : ".");
	if (!name[0] || strlen(name) + 4 >= sizeof(place->name) || strlen(path) >= sizeof(folder)) {
		return driver_fail(error, -EINVAL,
				   "state file '%s': no name of a file; correct state_file", path);
	}
	snprintf(place->name, sizeof(place->name), "%s", name);
	snprintf(place->beside, sizeof(place->beside), "%s%s", name, suffix);
	place->folder = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (place->folder < 0) {
		r = -errno;
		return driver_fail(error, r, "state file %s: its folder: %s; make it", path,
				   strerror(-r));
	}
	r = check_folder(place, path, error);
	if (r != 0) {
		close(place->folder);
	}
	return r;
}

/* What stands at the path: a file that nobody else could have written, or nothing. */
static int check_file(const struct place *place, const char *path, struct driver_error *error)
{
	struct stat st;

	if (fstatat(place->folder, place->name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
		return errno == ENOENT ? -ENOENT
				       : driver_fail(error, -errno, "state file %s: %s", path,
						     strerror(errno));
	}
	if (!S_ISREG(st.st_mode)) {
		return driver_fail(error, -ELOOP,
				   "state file %s: is %s; name the file itself", path,
				   S_ISLNK(st.st_mode) ? "a link" : "not a file");
	}
	if ((st.st_mode & S_IWOTH) ||
	    (st.st_uid != geteuid() && st.st_uid != 0 && st.st_uid != place->folder_owner)) {
		return driver_fail(error, -EPERM,
				   "state file %s: others may write it; remove it", path);
	}
	return 0;
}

int state_file_check(const char *path, struct driver_error *error)
{
	struct place place;
	int r = open_place(&place, path, "", error);

	if (r != 0) {
		return r;
	}
	r = check_file(&place, path, error);
	r = r == -ENOENT ? 0 : r;
	if (r == 0 && faccessat(place.folder, ".", W_OK | X_OK, AT_EACCESS) != 0) {
		r = driver_fail(error, -errno, "state file %s: its folder: %s; choose another",
				path, strerror(errno));
	}
	close(place.folder);
	return r;
}

/* Of the process, so that a child that still writes does not keep the next one of us out. The
 * descriptor stays open: closing any of that file would end the lock. */
int state_file_lock(const char *path, struct driver_error *error)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	struct place place;
	int r = open_place(&place, path, ".lock", error);
	int fd;

	if (r != 0) {
		return r;
	}
	fd = openat(place.folder, place.beside, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
	close(place.folder);
	if (fd < 0 || fcntl(fd, F_SETLK, &lock) == 0 || (errno != EAGAIN && errno != EACCES)) {
		return 0;
	}
	(void)fcntl(fd, F_GETLK, &lock);
	close(fd);
	return driver_fail(error, -EBUSY,
			   "state file %s: gnomond (process %d) writes it: stop that, or give each "
			   "a state_file of its own",
			   path, lock.l_type == F_UNLCK ? 0 : (int)lock.l_pid);
}

/* The whole file, NUL terminated. A file that is too long is not read to its end. */
static int read_text(const struct place *place, char text[FILE_MAX + 1], size_t *len)
{
	int fd = openat(place->folder, place->name,
			O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	ssize_t got = 0;

	if (fd < 0) {
		return -errno;
	}
	*len = 0;
	while (*len < FILE_MAX && (got = read(fd, text + *len, FILE_MAX - *len)) > 0) {
		*len += (size_t)got;
	}
	got = got < 0 ? -errno : 0;
	close(fd);
	text[*len] = '\0';
	return (int)got;
}

/* What was read, judged: of this clock, and young enough. */
static int judge(const struct state *state, const char *clock, const struct state_stamp *now,
		 double *age_s, struct driver_error *error)
{
	double age = state_age(&state->at, now);

	if (strcmp(state->clock, clock) != 0) {
		return driver_fail(error, -EBADMSG, "is of another clock, %.60s", state->clock);
	}
	if (age > STATE_AGE_MAX_S) {
		return driver_fail(error, -EBADMSG, "is %.0f days old", age / 86400.0);
	}
	*age_s = age >= 0.0 ? age : STATE_AGE_MAX_S;
	return 0;
}

/* Keep it for who wants to see, out of the way of the next one. */
static int set_aside(const struct place *place, const char *path, const char *why,
		     struct driver_error *error)
{
	if (renameat(place->folder, place->name, place->folder, place->beside) != 0) {
		return driver_fail(error, -EBADMSG,
				   "state file %s: %s; not used, nor moved aside: %s", path, why,
				   strerror(errno));
	}
	return driver_fail(error, -EBADMSG, "state file %s: %s; not used, and moved to %s", path,
			   why, place->beside);
}

int state_file_load(const char *path, const char *clock, const struct state_stamp *now,
		    struct state *state, double *age_s, struct driver_error *error)
{
	char text[FILE_MAX + 1];
	struct driver_error why = { "" };
	struct state found = { .learnt = false };
	double age = 0.0;
	struct place place;
	size_t len = 0;
	int r = open_place(&place, path, ".bad", error);

	if (r != 0) {
		return r;
	}
	r = check_file(&place, path, error);
	if (r == 0) {
		r = read_text(&place, text, &len);
		if (r != 0 && r != -ENOENT) {
			(void)driver_fail(error, r, "state file %s: cannot read it: %s", path,
					  strerror(-r));
		}
	}
	if (r == 0) {
		r = parse(text, len, &found, &why);
		r = r != 0 ? r : judge(&found, clock, now, &age, &why);
		if (r != 0) {
			(void)set_aside(&place, path, why.text, error);
		}
	}
	close(place.folder);
	if (r == 0) {
		*state = found;
		*age_s = age;
	}
	return r;
}

static int write_all(int fd, const struct out *o)
{
	size_t done = 0;

	while (done < o->len) {
		ssize_t got = write(fd, o->text + done, o->len - done);

		if (got < 0 && errno != EINTR) {
			return -errno;
		}
		done += got > 0 ? (size_t)got : 0;
	}
	return fsync(fd) == 0 ? 0 : -errno;
}

/* Written beside, made durable, and put in place at once; then that is made durable. */
static int replace(const struct place *place, const struct out *o)
{
	int folder;
	int fd;
	int r;

	(void)unlinkat(place->folder, place->beside, 0); /* what a crash left */
	fd = openat(place->folder, place->beside,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0) {
		return -errno;
	}
	r = write_all(fd, o);
	r = close(fd) == 0 || r != 0 ? r : -errno;
	if (r == 0 && renameat(place->folder, place->beside, place->folder, place->name) != 0) {
		r = -errno;
	}
	if (r != 0) {
		(void)unlinkat(place->folder, place->beside, 0);
		return r;
	}
	folder = openat(place->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder >= 0) { /* without the right to read the folder the name is durable later */
		r = fsync(folder) == 0 || errno == EINVAL ? 0 : -errno;
		close(folder);
	}
	return r;
}

int state_file_store(const char *path, const struct state *state, struct driver_error *error)
{
	struct state again = { .learnt = false }; /* what would not be read is not written */
	struct place place;
	struct out check;
	struct out o;
	int r = open_place(&place, path, ".tmp", error);

	if (r != 0) {
		return r;
	}
	r = check_file(&place, path, error);
	if (r == 0 || r == -ENOENT) {
		compose(&o, state);
		check = o;
		r = parse(check.text, check.len, &again, NULL) == 0 ? replace(&place, &o) : -ERANGE;
		if (r != 0) {
			(void)driver_fail(error, r, "state file %s: cannot write it: %s", path,
					  strerror(-r));
		}
	}
	close(place.folder);
	return r;
}

/* -- without waiting -------------------------------------------------------------------------- */

int state_writer_begin(struct state_writer *w, const char *path, const struct state *state)
{
	pid_t child;

	if (state_writer_poll(w) == -EAGAIN) {
		return -EBUSY;
	}
	child = fork();
	if (child < 0) {
		return -errno;
	}
	if (child == 0) {
		/* Ports and locks must not outlive the parent because of a slow disk. */
		(void)close_range(0, ~0u, 0);
		/* An errno fits an exit code. */
		_exit(-state_file_store(path, state, NULL));
	}
	w->child = child;
	return 0;
}

/* What became of the child, without waiting. */
static int reap(struct state_writer *w)
{
	int status = 0;
	pid_t got;

	if (w->child == 0) {
		return 0;
	}
	do {
		got = waitpid(w->child, &status, WNOHANG);
	} while (got < 0 && errno == EINTR);
	if (got == 0) {
		return -EAGAIN;
	}
	w->child = 0;
	if (got < 0) {
		return -errno;
	}
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
}

int state_writer_poll(struct state_writer *w)
{
	return reap(w);
}

int state_writer_wait(struct state_writer *w, int ms)
{
	const struct timespec pause = { .tv_nsec = WAIT_POLL_MS * 1000000 };
	int r = reap(w);

	for (; r == -EAGAIN && ms > 0; ms -= WAIT_POLL_MS) {
		(void)nanosleep(&pause, NULL);
		r = reap(w);
	}
	return r;
}
