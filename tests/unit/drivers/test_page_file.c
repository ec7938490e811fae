/* SPDX-License-Identifier: BSD-2-Clause */
/* Files that are shared with others: which are taken, and what becomes of us when they are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drivers/page_file.h"

static char folder[40];
static char path[64];
static char other[64];

static int set_up(void **state)
{
	snprintf(folder, sizeof(folder), "/dev/shm/gnomon-test-XXXXXX");
	if (!mkdtemp(folder)) {
		return -1;
	}
	snprintf(path, sizeof(path), "%s/page", folder);
	snprintf(other, sizeof(other), "%s/other", folder);
	return 0;
}

static int tear_down(void **state)
{
	(void)unlink(path);
	(void)unlink(other);
	return rmdir(folder);
}

static struct page_file_config config(void)
{
	return (struct page_file_config){
		.path = path,
		.size = 8192,
		.mapped = 8192,
		.uid = (uid_t)-1,
		.gid = (gid_t)-1,
		.mode = 0640,
	};
}

static void made(void **state)
{
	const struct page_file_config c = config();
	struct driver_error error = { "" };
	struct page_file file;
	struct stat st;
	bool is_new = false;

	assert_int_equal(page_file_open(&file, &c, &is_new, &error), 0);
	assert_true(is_new);
	assert_int_equal(fstat(file.fd, &st), 0);
	assert_int_equal(st.st_size, 8192);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_true(st.st_blocks * 512 >= 8192); /* its memory is there already */
	file.map[8191] = 7;
	assert_int_equal(page_file_check(&file), 0);
	page_file_close(&file);
	assert_int_equal(file.fd, -1);
	page_file_close(&file);
	/* Again: as it was left. */
	assert_int_equal(page_file_open(&file, &c, &is_new, &error), 0);
	assert_false(is_new);
	assert_int_equal(file.map[8191], 7);
	page_file_remove(&file, path);
	assert_int_equal(access(path, F_OK), -1);
}

static void assert_refused(int code, const char *words)
{
	const struct page_file_config c = config();
	struct driver_error error = { "" };
	struct page_file file = { .fd = 12345 };
	bool is_new;

	assert_int_equal(page_file_open(&file, &c, &is_new, &error), code);
	assert_int_equal(file.fd, 12345); /* untouched */
	if (!strstr(error.text, words) || !strstr(error.text, path)) {
		fail_msg("'%s' without '%s'", error.text, words);
	}
}

/* What somebody may have laid in the way. */
static void refused(void **state)
{
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_refused(-ELOOP, "is a symbolic link");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_refused(-EISDIR, "cannot be opened");
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_refused(-EINVAL, "is no file");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(close(open(path, O_CREAT | O_WRONLY, 0600)), 0);
	assert_int_equal(link(path, other), 0);
	assert_refused(-EMLINK, "has 2 names");
	assert_int_equal(unlink(other), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(path, 65534, 65534), 0);
		assert_refused(-EPERM, "belongs to user 65534");
	}
}

static void write_text(const char *text, off_t at)
{
	int fd = open(path, O_CREAT | O_WRONLY, 0644);

	assert_int_equal(pwrite(fd, text, strlen(text), at), strlen(text));
	assert_int_equal(close(fd), 0);
}

/* A path that was meant for another: the file is neither written over, nor made longer, nor given
 * another mode. */
static void somebody_elses(void **state)
{
	struct page_file_config c = config();
	struct driver_error error = { "" };
	struct page_file file;
	struct stat st;
	bool is_new;

	c.begins = "VCLK";
	c.begins_len = 4;
	write_text("root:x:0:0:root:/root:/bin/sh\n", 0);
	assert_int_equal(page_file_open(&file, &c, &is_new, &error), -EEXIST);
	assert_non_null(strstr(error.text, "has something else in it"));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 30);
	assert_int_equal(st.st_mode & 0777, 0644);
	assert_int_equal(truncate(path, 0), 0);
	write_text("later", 8192 - 5); /* as in an image of a disk */
	assert_int_equal(page_file_open(&file, &c, &is_new, &error), -EEXIST);
	/* Ours, empty, of zeros; and whatever it is where that does not matter. */
	write_text("VCLK", 0);
	assert_int_equal(page_file_open(&file, &c, &is_new, &error), 0);
	page_file_close(&file);
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(page_file_open(&file, &c, &is_new, &error), 0);
	page_file_close(&file);
	assert_int_equal(page_file_open(&file, &c, &is_new, &error), 0); /* zeros now */
	page_file_close(&file);
	write_text("xyz", 0);
	c.begins = NULL;
	assert_int_equal(page_file_open(&file, &c, &is_new, &error), 0);
	page_file_close(&file);
}

/* Whoever it is to belong to may have made it, as a VMM does that starts first. */
static void given(void **state)
{
	struct page_file_config c = config();
	struct driver_error error = { "" };
	struct page_file file;
	struct stat st;
	bool is_new;

	if (geteuid() == 0) {
		assert_int_equal(close(open(path, O_CREAT | O_WRONLY, 0600)), 0);
		assert_int_equal(chown(path, 65534, 0), 0);
		c.uid = 65534;
		c.gid = 65533;
		assert_int_equal(page_file_open(&file, &c, &is_new, &error), 0);
		assert_int_equal(fstat(file.fd, &st), 0);
		assert_int_equal(st.st_uid, 65534);
		assert_int_equal(st.st_gid, 65533);
		assert_int_equal(st.st_size, 8192);
		page_file_close(&file);
	}
}

/* Between the look and the taking somebody puts another file in its place: it stays as it is. */
static void another_file(void **state)
{
	struct page_file file;
	struct stat looked;
	struct stat st;

	assert_int_equal(close(open(path, O_RDWR | O_CREAT | O_EXCL, 0600)), 0);
	assert_int_equal(stat(path, &looked), 0);
	assert_int_equal(rename(path, other), 0); /* kept: its number is not given again */
	assert_int_equal(close(open(path, O_RDWR | O_CREAT | O_EXCL, 0600)), 0);
	assert_int_equal(page_file_take(&file, path, 8192, &looked), -EINVAL);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 0);
	assert_int_equal(page_file_take(&file, other, 8192, &looked), 0);
	page_file_close(&file);
	assert_int_equal(page_file_take(&file, path, 8192, NULL), 0);
	page_file_close(&file);
}

static void owners(void **state)
{
	const struct passwd *root = getpwuid(0);
	struct driver_error error = { "" };
	char both[128];
	uid_t uid = 1;
	gid_t gid = 1;

	assert_int_equal(page_file_owner("", &uid, &gid, &error), 0);
	assert_true(uid == (uid_t)-1 && gid == (gid_t)-1);
	assert_int_equal(page_file_owner("no-such-user-here", &uid, &gid, &error), -ENOENT);
	assert_non_null(strstr(error.text, "no user 'no-such-user-here' in /etc/passwd; "));
	assert_int_equal(page_file_owner("4123456:4123457", &uid, &gid, &error), 0);
	assert_true(uid == 4123456 && gid == 4123457);
	assert_int_equal(page_file_owner("4123456", &uid, &gid, &error), 0);
	assert_true(uid == 4123456 && gid == (gid_t)-1);
	assert_int_equal(page_file_owner("4294967295", &uid, &gid, &error), -ENOENT);
	assert_int_equal(page_file_owner("12x", &uid, &gid, &error), -ENOENT);
	assert_true(uid == 4123456 && gid == (gid_t)-1);
	if (root) {
		assert_int_equal(page_file_owner(root->pw_name, &uid, &gid, &error), 0);
		assert_true(uid == 0 && gid == root->pw_gid);
		assert_int_equal(page_file_owner("0", &uid, &gid, &error), 0);
		assert_true(uid == 0 && gid == root->pw_gid);
		snprintf(both, sizeof(both), "%s:no-such-group-here", root->pw_name);
		assert_int_equal(page_file_owner(both, &uid, &gid, &error), -ENOENT);
		assert_non_null(strstr(error.text,
				       "no group 'no-such-group-here' in /etc/group; "));
	}
}

/* Touched as a guest's page is, while it is cut away under us. */
static void cut(void **state)
{
	const struct page_file_config c = config();
	struct driver_error error = { "" };
	struct page_file file;
	bool is_new;

	assert_int_equal(page_file_open(&file, &c, &is_new, &error), 0);
	for (int i = 0; i < 3; i++) {
		page_file_enter(&file);
		memset(file.map, 0x55, 8192);
		assert_int_equal(ftruncate(file.fd, i * 2000), 0);
		file.map[5000]++;
		file.map[8191]++;
		assert_int_equal(page_file_leave(&file), -ESTALE);
		page_file_enter(&file);
		assert_int_equal(file.map[8191], 0);
		file.map[8191] = 3;
		assert_int_equal(page_file_leave(&file), 0);
	}
	/* Cut where nobody looks. */
	assert_int_equal(ftruncate(file.fd, 5000), 0);
	assert_int_equal(page_file_check(&file), -ESTALE);
	assert_int_equal(page_file_check(&file), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(page_file_check(&file), -ENOENT);
	/* Another of that name is not ours to remove. */
	assert_int_equal(close(open(path, O_CREAT | O_WRONLY, 0600)), 0);
	page_file_remove(&file, path);
	assert_int_equal(access(path, F_OK), 0);
}

/* Cut where there is no room any more to make it whole: nobody is hurt, and it is tried again. */
static void no_room(void **state)
{
	const struct page_file_config c = config();
	const struct rlimit little = { 4096, RLIM_INFINITY };
	const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	struct driver_error error = { "" };
	struct page_file file;
	bool is_new;

	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(page_file_open(&file, &c, &is_new, &error), 0);
	assert_int_equal(ftruncate(file.fd, 0), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
	for (int i = 0; i < 3; i++) {
		page_file_enter(&file);
		file.map[8000] = 5;
		assert_int_equal(page_file_leave(&file), -EFBIG);
	}
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
	page_file_enter(&file);
	assert_int_equal(page_file_leave(&file), -ESTALE);
	page_file_enter(&file);
	assert_int_equal(file.map[8000], 0);
	assert_int_equal(page_file_leave(&file), 0);
	page_file_close(&file);
}

/* A SIGBUS that has nothing to do with it is as deadly as ever. */
static void other_faults(void **state)
{
	const struct page_file_config c = config();
	struct driver_error error = { "" };
	struct page_file file;
	bool is_new;
	pid_t child;
	int status;

	assert_int_equal(page_file_open(&file, &c, &is_new, &error), 0);
	child = fork();
	if (child == 0) {
		volatile uint8_t *mine = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED,
					      file.fd, 0);

		(void)ftruncate(file.fd, 0);
		page_file_enter(&file);
		mine[0] = 1;
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
	page_file_close(&file);
}

#define ROW(name) { "/drivers/page_file/" #name, name, set_up, tear_down, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(made), ROW(refused), ROW(somebody_elses), ROW(given), ROW(another_file),
		ROW(owners), ROW(cut),
		ROW(no_room), ROW(other_faults),
	};

	return cmocka_run_group_tests_name("/drivers/page_file", tests, NULL, NULL);
}
