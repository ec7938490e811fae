/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Folders with files in them, such as a kernel shows in /proc and /sys, below a folder of the
 * test's own. Include it after cmocka.h.
 */
#ifndef TESTS_UNIT_DRIVERS_TREE_H
#define TESTS_UNIT_DRIVERS_TREE_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char tree_root[64];

static inline int tree_setup(void **state)
{
	(void)state;
	(void)snprintf(tree_root, sizeof(tree_root), "/tmp/gnomon-tree-XXXXXX");
	assert_non_null(mkdtemp(tree_root));
	return 0;
}

static int tree_remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static inline void tree_remove(const char *name)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", tree_root, name);
	assert_int_equal(nftw(path, tree_remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static inline int tree_teardown(void **state)
{
	(void)state;
	tree_remove("");
	return 0;
}

static inline const char *tree_path(const char *name)
{
	static char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", tree_root, name);
	return path;
}

/* Make the folders on the way to name. */
static inline void tree_folders(const char *name)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", tree_root, name);
	for (char *slash = path + strlen(tree_root) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		(void)mkdir(path, 0700);
		*slash = '/';
	}
}

static inline void tree_write_octets(const char *name, const char *text, size_t length)
{
	FILE *file;

	tree_folders(name);
	file = fopen(tree_path(name), "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

static inline void tree_write(const char *name, const char *text)
{
	tree_write_octets(name, text, strlen(text));
}

#endif
