/* SPDX-License-Identifier: BSD-2-Clause */
/* tools/gnomond/user.h: what another user may not do is found before it is needed. Needs root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/gnomond/user.h"

#define NOBODY 65534

static char folder[] = "/tmp/gnomon-user-XXXXXX";
static char path[64];
static char said[2048];
static struct conf conf;
static struct log logger;
static struct driver_error error;
static const struct user nobody = { .uid = NOBODY, .gid = NOBODY };

static void keep_line(struct log *log, int level, const char *line, size_t len)
{
	const size_t at = strlen(said);

	(void)log;
	(void)level;
	(void)snprintf(said + at, sizeof(said) - at, "%.*s", (int)len, line);
}

static int set_up(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof(folder), "/tmp/gnomon-user-XXXXXX");
	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/file", folder);
	assert_int_equal(conf_init(&conf, true), 0);
	conf.user = "nobody";
	conf.verbose = 1;
	conf.use_syslog = 0;
	log_init(&logger, "test", &conf);
	logger.write = keep_line;
	said[0] = '\0';
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	(void)unlink(path);
	conf_finish(&conf);
	return rmdir(folder);
}

static void state_folder(void **state)
{
	(void)state;
	conf.state_file = path;
	assert_int_equal(user_check(&conf, &nobody, &logger, &error), -EACCES);
	assert_non_null(strstr(error.text, "key 'user': as nobody: state file "));
	assert_non_null(strstr(error.text, path));
	assert_int_equal(chown(folder, NOBODY, NOBODY), 0);
	assert_int_equal(user_check(&conf, &nobody, &logger, &error), 0);
	assert_string_equal(said, "");
}

/* A file stands for the device. */
static void devices(void **state)
{
	struct conf_source *source = conf_source_add(&conf, "card");
	FILE *file = fopen(path, "w");

	(void)state;
	assert_non_null(source);
	assert_non_null(file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(folder, 0755), 0);
	assert_int_equal(chmod(path, 0640), 0);
	source->type = CONF_SOURCE_PHC;
	source->device = path;
	assert_int_equal(user_check(&conf, &nobody, &logger, &error), 0);
	assert_non_null(strstr(said, "nobody may not open "));
	assert_non_null(strstr(said, path));
	said[0] = '\0';
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(user_check(&conf, &nobody, &logger, &error), 0);
	assert_string_equal(said, "");
}

static void chronyd_folder(void **state)
{
	struct conf_source *source = conf_source_add(&conf, "chronyd");

	(void)state;
	assert_non_null(source);
	source->type = CONF_SOURCE_NTP;
	source->device = path;
	assert_int_equal(user_check(&conf, &nobody, &logger, &error), 0);
	assert_non_null(strstr(said, "nobody may not write to "));
	assert_non_null(strstr(said, folder));
	said[0] = '\0';
	assert_int_equal(chown(folder, NOBODY, NOBODY), 0);
	assert_int_equal(user_check(&conf, &nobody, &logger, &error), 0);
	assert_string_equal(said, "");
}

/* Of a kept clock, which has to be opened to be set. */
static void sink(void **state)
{
	struct conf_sync *sync = conf_sync_add(&conf, "card");
	FILE *file = fopen(path, "w");

	(void)state;
	assert_non_null(sync);
	assert_non_null(file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(folder, 0755), 0);
	assert_int_equal(chmod(path, 0644), 0);
	sync->source = "kept";
	sync->sink = path;
	assert_int_equal(user_check(&conf, &nobody, &logger, &error), 0);
	assert_non_null(strstr(said, "nobody may not open and set "));
}

#define TEST(name, function) { name, function, set_up, tear_down, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("/gnomond/user/state_folder", state_folder),
		TEST("/gnomond/user/devices", devices),
		TEST("/gnomond/user/chronyd_folder", chronyd_folder),
		TEST("/gnomond/user/sink", sink),
	};

	if (geteuid() != 0) {
		printf("1..0 # SKIP only root may become another user\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
