/* SPDX-License-Identifier: BSD-2-Clause */
/* Processes in a folder like /proc. Include it after tree.h. */
#ifndef TESTS_UNIT_DRIVERS_PROCESSES_H
#define TESTS_UNIT_DRIVERS_PROCESSES_H

/* A process: its arguments separated by '|'. */
static inline void process(int pid, const char *arguments, unsigned int start_time, bool kvm)
{
	char text[512];
	char file[64];
	size_t length = strlen(arguments);

	memcpy(text, arguments, length + 1);
	for (char *c = text; *c; c++) {
		*c = *c == '|' ? '\0' : *c;
	}
	(void)snprintf(file, sizeof(file), "%d/cmdline", pid);
	tree_write_octets(file, text, length + 1);
	/* The name has everything in it that a reader could trip over. */
	(void)snprintf(text, sizeof(text),
		       "%d (a) S 9 (b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 %u 20\n",
		       pid, start_time);
	(void)snprintf(file, sizeof(file), "%d/stat", pid);
	tree_write(file, text);
	(void)snprintf(file, sizeof(file), "%d/fd/3", pid);
	tree_folders(file);
	(void)unlink(tree_path(file));
	assert_int_equal(symlink(kvm ? "anon_inode:kvm-vm" : "/dev/null", tree_path(file)), 0);
}

#endif
