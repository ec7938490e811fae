/* SPDX-License-Identifier: BSD-2-Clause */
/* The folder of guests: whose it is, who was attached to earlier runs, and ACPI tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "tests/unit/gnomond/guests_rig.h"

static struct rig rig;

static int set_up(void **state)
{
	rig_up(&rig);
	return 0;
}

static int tear_down(void **state)
{
	rig_down(&rig);
	return 0;
}

static bool told(const char *what)
{
	return strstr(rig.told, what) != NULL;
}

/* Whose it is and what others may do there are two faults with two remedies. */
static void folders(void **state)
{
	struct driver_error error = { "" };

	assert_int_equal(guests_folder(&rig.g, &error), 0);
	assert_int_equal(chmod(rig.folder, 0775), 0);
	assert_int_equal(guests_folder(&rig.g, &error), -EPERM);
	assert_non_null(strstr(error.text, "others may write it; make it 0755"));
	assert_int_equal(chmod(rig.folder, 0755), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(rig.folder, 65534, 0), 0);
		assert_int_equal(guests_folder(&rig.g, &error), -EPERM);
		assert_non_null(strstr(error.text, "belongs to user 65534"));
		rig.g.uid = 65534; /* with key user it may */
		assert_int_equal(guests_folder(&rig.g, &error), 0);
	}
}

/* -- guests of earlier runs ------------------------------------------------------------------- */

static unsigned int attached;

static int attach(struct guests *g, const struct conf_guest *conf, struct driver_error *error)
{
	attached++;
	if (strcmp(conf->name, "two") == 0) {
		return driver_fail(error, -ENOSPC, "guest two: no room");
	}
	assert_string_equal(conf->name, "one");
	assert_string_equal(conf->owner, "root:root");
	assert_int_equal(conf->mode, 0640);
	assert_int_equal(conf->way, CONF_WAY_FIXED);
	assert_true(conf->gpa == 0x140000000);
	return 0;
}

static bool file_has(const char *path, const char *what)
{
	char text[4096] = "";
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	assert_int_equal(fclose(file), 0);
	return strstr(text, what) != NULL;
}

static void stored(const struct guest *but, const struct conf_guest *and)
{
	assert_int_equal(guests_file_prepare(&rig.g, but, and, NULL), 0);
	assert_int_equal(guests_file_commit(&rig.g, NULL), 0);
}

static void remembered(void **state)
{
	struct guest *guests[] = { rig_guest(&rig, "one"), rig_guest(&rig, "two"),
				   rig_guest(&rig, "configured") };
	struct driver_error error = { "" };
	char kept[80];

	snprintf(kept, sizeof(kept), "%s/guests.conf.bad", rig.folder);
	guests[0]->conf.page = guests[0]->conf.path;
	guests[0]->conf.owner = "root:root";
	guests[0]->conf.mode = 0640;
	guests[0]->conf.way = CONF_WAY_FIXED;
	guests[0]->conf.address = "0x140000000";
	guests[0]->dynamic = true;
	guests[1]->dynamic = true;
	rig.g.list = guests;
	rig.g.count = 3;
	assert_int_equal(guests_file_load(&rig.g, &error, attach), 0);
	assert_int_equal(attached, 0); /* there is no such file */
	stored(NULL, NULL);
	rig.g.count = 0;
	assert_int_equal(access(kept, F_OK), -1);
	assert_int_equal(guests_file_load(&rig.g, &error, attach), 0);
	assert_int_equal(attached, 2);
	assert_true(told("guest-error why=\"guest two: no room\""));
	/* The next guest is stored without it, but it is not lost. */
	assert_true(told("guests.conf.bad has it all the same"));
	stored(NULL, NULL);
	assert_true(file_has(kept, "[guest two]"));
	for (int i = 0; i < 3; i++) {
		free(guests[i]);
	}
}

/* Who comes is written before, and who leaves is left out before: what cannot be remembered does
 * not happen. */
static void refused(void **state)
{
	struct guest *guests[] = { rig_guest(&rig, "one"), rig_guest(&rig, "two") };
	struct guest *third = rig_guest(&rig, "three");
	struct driver_error error = { "" };
	char path[80];
	char beside[96];

	snprintf(path, sizeof(path), "%s/guests.conf", rig.folder);
	snprintf(beside, sizeof(beside), "%s.new", path);
	guests[0]->dynamic = guests[1]->dynamic = true;
	rig.g.list = malloc(sizeof(guests));
	assert_non_null(rig.g.list);
	memcpy(rig.g.list, guests, sizeof(guests));
	rig.g.count = 1;
	stored(NULL, &guests[1]->conf);
	assert_true(file_has(path, "[guest one]") && file_has(path, "[guest two]"));
	rig.g.count = 2;
	stored(guests[0], NULL);
	assert_true(!file_has(path, "[guest one]") && file_has(path, "[guest two]"));
	assert_int_equal(mkdir(beside, 0755), 0);
	assert_int_equal(guests_detach(&rig.g, "two", &error), -EISDIR);
	assert_non_null(strstr(error.text, "guests.conf.new: cannot be written, and nothing was"));
	assert_int_equal(guests_count(&rig.g), 2);
	assert_int_equal(guests_attach(&rig.g, &third->conf, &error), -EISDIR);
	assert_int_equal(guests_count(&rig.g), 2);
	assert_int_equal(access(third->conf.path, F_OK), -1); /* no page was made */
	assert_true(file_has(path, "[guest two]"));
	assert_int_equal(rmdir(beside), 0);
	third->conf.mode = 0;
	third->conf.owner = "no-such-user-here";
	assert_int_not_equal(guests_attach(&rig.g, &third->conf, &error), 0);
	assert_int_equal(access(beside, F_OK), -1); /* what was prepared is away again */
	assert_true(!file_has(path, "[guest three]"));
	free(third);
	free(rig.g.list);
	free(guests[0]);
	free(guests[1]);
}

/* A file that makes no sense is said to, and is no reason not to start. */
static void forgotten(void **state)
{
	char path[80];
	struct driver_error error = { "" };
	FILE *file;

	attached = 0;
	snprintf(path, sizeof(path), "%s/guests.conf", rig.folder);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs("[guest one]\nguest_way E\n", file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(guests_file_load(&rig.g, &error, attach), 0);
	assert_int_equal(attached, 0);
	assert_true(told("guests.conf:2: key 'guest_way': 'E' is not one of its values"));
}

static void tables(void **state)
{
	struct guest *v = rig_guest(&rig, "one");
	struct driver_error error = { "" };
	uint8_t octets[GNOMON_AML_MAX];
	char path[CONF_PAGE_MAX];
	struct stat st;
	FILE *file;

	assert_int_equal(guests_file_table(&rig.g, v, &error), 0);
	snprintf(path, sizeof(path), "%s/one.aml", rig.folder);
	assert_string_equal(v->table, path);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_true(fread(octets, 1, sizeof(octets), file) > 100);
	assert_memory_equal(octets, "SSDT", 4);
	assert_int_equal(fstat(fileno(file), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0644); /* QEMU reads it */
	assert_int_equal(fclose(file), 0);
	guests_file_forget(v);
	assert_int_equal(stat(path, &st), -1);
	v->table[0] = '\0';
	v->conf.way = CONF_WAY_BAR;
	assert_int_equal(guests_file_table(&rig.g, v, &error), 0);
	assert_string_equal(v->table, "");
	free(v);
}

#define ROW(name) { "/gnomond/guests/file/" #name, name, set_up, tear_down, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(folders), ROW(remembered), ROW(refused), ROW(forgotten), ROW(tables),
	};

	return cmocka_run_group_tests_name("/gnomond/guests/file", tests, NULL, NULL);
}
