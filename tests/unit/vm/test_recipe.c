/* SPDX-License-Identifier: BSD-2-Clause */
/* What QEMU and libvirt are told, for each way, and for paths that nobody should have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/vm/recipe.h"

static const struct recipe_guest web1 = {
	.name = "web1",
	.page = "/dev/shm/gnomon-web1",
	.table = "/run/gnomon/web1.aml",
	.qmp = "",
	.way = RECIPE_BAR_ACPI,
	.size = 8192,
	.slot = 16,
};

/* QEMU's arguments in one line. */
static void expect_qemu(const struct recipe_guest *guest, const char *expected)
{
	struct control_error error = { "", "", "" };
	json_t *arguments = recipe_qemu(guest, &error);
	char *text;

	assert_non_null(arguments);
	text = recipe_shell(arguments, " ");
	assert_string_equal(text, expected);
	free(text);
	json_decref(arguments);
}

static void expect_libvirt(const struct recipe_guest *guest, const char *expected)
{
	struct control_error error = { "", "", "" };
	json_t *arguments = recipe_qemu(guest, &error);
	char *text;

	assert_non_null(arguments);
	text = recipe_libvirt(guest, arguments);
	assert_string_equal(text, expected);
	free(text);
	json_decref(arguments);
}

static void test_ways(void **state)
{
	struct recipe_guest g = web1;

	(void)state;
	expect_qemu(&g, "-object memory-backend-file,id=gnomon,mem-path=/dev/shm/gnomon-web1,"
			"size=8192,share=on "
			"-device ivshmem-plain,memdev=gnomon,addr=0x10,master=on "
			"-acpitable file=/run/gnomon/web1.aml");
	g.way = RECIPE_BAR;
	g.table = "";
	g.slot = 5;
	g.qmp = "/run/web1.qmp";
	expect_qemu(&g, "-object memory-backend-file,id=gnomon,mem-path=/dev/shm/gnomon-web1,"
			"size=8192,share=on "
			"-device ivshmem-plain,memdev=gnomon,addr=0x5,master=on "
			"-qmp unix:/run/web1.qmp,server=on,wait=off");
	g.way = RECIPE_PATCH;
	expect_qemu(&g, "-device vmclock -S -qmp unix:/run/web1.qmp,server=on,wait=off");
	g.way = RECIPE_FIXED;
	g.table = "/run/gnomon/web1.aml";
	g.qmp = "";
	g.address = 0x13fe00000;
	expect_qemu(&g, "-machine nvdimm=on "
			"-object memory-backend-file,id=gnomon,mem-path=/dev/shm/gnomon-web1,"
			"size=8192,share=on "
			"-device nvdimm,memdev=gnomon,addr=0x13fe00000 "
			"-acpitable file=/run/gnomon/web1.aml");
	g.memory = UINT64_C(512) << 20;
	g.most = UINT64_C(1536) << 20;
	expect_qemu(&g, "-machine nvdimm=on -m slots=1,maxmem=1536M "
			"-object memory-backend-file,id=gnomon,mem-path=/dev/shm/gnomon-web1,"
			"size=8192,share=on "
			"-device nvdimm,memdev=gnomon,addr=0x13fe00000 "
			"-acpitable file=/run/gnomon/web1.aml");
}

static void test_libvirt(void **state)
{
	struct recipe_guest g = web1;

	(void)state;
	expect_libvirt(&g, "<qemu:commandline>\n"
			   "  <qemu:arg value='-object'/>\n"
			   "  <qemu:arg value='memory-backend-file,id=gnomon,"
			   "mem-path=/dev/shm/gnomon-web1,size=8192,share=on'/>\n"
			   "  <qemu:arg value='-device'/>\n"
			   "  <qemu:arg value='ivshmem-plain,memdev=gnomon,addr=0x10,master=on'/>\n"
			   "  <qemu:arg value='-acpitable'/>\n"
			   "  <qemu:arg value='file=/run/gnomon/web1.aml'/>\n"
			   "</qemu:commandline>\n");
	/* Of its own size libvirt makes the device, the table is still QEMU's. */
	g.size = 2 << 20;
	expect_libvirt(&g, "<devices>\n"
			   "  <shmem name='gnomon-web1' role='master'>\n"
			   "    <model type='ivshmem-plain'/>\n"
			   "    <size unit='M'>2</size>\n"
			   "    <address type='pci' domain='0x0000' bus='0x00' slot='0x10' "
			   "function='0x0'/>\n"
			   "  </shmem>\n"
			   "</devices>\n"
			   "<qemu:commandline>\n"
			   "  <qemu:arg value='-acpitable'/>\n"
			   "  <qemu:arg value='file=/run/gnomon/web1.aml'/>\n"
			   "</qemu:commandline>\n");
	g.way = RECIPE_BAR;
	g.table = "";
	expect_libvirt(&g, "<devices>\n"
			   "  <shmem name='gnomon-web1' role='master'>\n"
			   "    <model type='ivshmem-plain'/>\n"
			   "    <size unit='M'>2</size>\n"
			   "    <address type='pci' domain='0x0000' bus='0x00' slot='0x10' "
			   "function='0x0'/>\n"
			   "  </shmem>\n"
			   "</devices>\n");
	/* Paused is libvirt's to say. */
	g.way = RECIPE_PATCH;
	expect_libvirt(&g, "<qemu:commandline>\n"
			   "  <qemu:arg value='-device'/>\n"
			   "  <qemu:arg value='vmclock'/>\n"
			   "</qemu:commandline>\n");
}

static void test_quoting(void **state)
{
	struct recipe_guest g = web1;
	struct control_error error = { "", "", "" };

	(void)state;
	g.page = "/dev/shm/it's <a> & \"b\"$x";
	g.table = "/run/a,b/web1.aml";
	expect_qemu(&g, "-object 'memory-backend-file,id=gnomon,mem-path=/dev/shm/it'\\''s <a> & "
			"\"b\"$x,size=8192,share=on' "
			"-device ivshmem-plain,memdev=gnomon,addr=0x10,master=on "
			"-acpitable file=/run/a,,b/web1.aml");
	g.table = "";
	g.way = RECIPE_BAR;
	g.size = 1 << 20;
	expect_libvirt(&g, "<devices>\n"
			   "  <shmem name='it&apos;s &lt;a&gt; &amp; \"b\"$x' role='master'>\n"
			   "    <model type='ivshmem-plain'/>\n"
			   "    <size unit='M'>1</size>\n"
			   "    <address type='pci' domain='0x0000' bus='0x00' slot='0x10' "
			   "function='0x0'/>\n"
			   "  </shmem>\n"
			   "</devices>\n");
	g.table = "/run/a:b/web1.aml";
	assert_null(recipe_qemu(&g, &error));
	assert_non_null(strstr(error.message, "a colon"));
	assert_string_equal(error.code, CONTROL_PARAMS);
}

static void test_memory(void **state)
{
	static const struct {
		const char *text;
		uint64_t octets;
	} sizes[] = {
		{ "512", UINT64_C(512) << 20 }, { "512M", UINT64_C(512) << 20 },
		{ "4G", UINT64_C(4) << 30 },    { "1048576K", UINT64_C(1) << 30 },
		{ "2T", UINT64_C(2) << 40 },    { "0", 0 },
		{ "", 0 },			{ "4Gi", 0 },
		{ "-1", 0 },			{ "x", 0 },
		{ "4 G", 0 },			{ "99999999999T", 0 },
	};
	uint64_t most;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		assert_true(recipe_octets(sizes[i].text) == sizes[i].octets);
	}
	/* 512 MiB lie below 4 GiB: the room begins there, and the page is in its last 2 MiB. */
	most = 0;
	assert_true(recipe_address(UINT64_C(512) << 20, &most) == 0x13fe00000);
	assert_true(most == UINT64_C(1536) << 20);
	/* 2815 MiB still do; of 2816 all but 2 GiB lie above. */
	most = 0;
	assert_true(recipe_address(UINT64_C(2815) << 20, &most) == 0x13fe00000);
	most = 0;
	assert_true(recipe_address(UINT64_C(2816) << 20, &most) == 0x17fe00000);
	most = 0;
	assert_true(recipe_address(UINT64_C(8) << 30, &most) ==
		    (UINT64_C(11) << 30) - (2 << 20));
	most = UINT64_C(64) << 30;
	assert_true(recipe_address(UINT64_C(8) << 30, &most) ==
		    (UINT64_C(66) << 30) - (2 << 20));
	/* No room. */
	most = UINT64_C(8) << 30;
	assert_true(recipe_address(UINT64_C(8) << 30, &most) == 0);
	most = UINT64_C(4) << 30;
	assert_true(recipe_address(UINT64_C(8) << 30, &most) == 0);
}

static void test_take(void **state)
{
	struct control_error error = { "", "", "" };
	struct recipe_guest g;
	json_t *info = json_pack("{s:s,s:s,s:s,s:s,s:i,s:i,s:s}", "name", "a", "way", "fixed",
				 "page", "/dev/shm/a", "table", "/run/gnomon/a.aml", "size", 4096,
				 "slot", 16, "address", "0x140000000");
	struct control_error other;

	(void)state;
	assert_true(recipe_take(&g, info, &error));
	assert_string_equal(g.name, "a");
	assert_string_equal(g.qmp, "");
	assert_int_equal(g.way, RECIPE_FIXED);
	assert_true(g.address == 0x140000000);
	assert_int_equal(g.size, 4096);
	/* Beyond what such a machine can have. */
	g.memory = UINT64_C(512) << 20;
	g.most = UINT64_C(1024) << 20;
	assert_null(recipe_qemu(&g, &other));
	assert_non_null(strstr(other.message, "0x140000000"));
	json_decref(info);
	info = json_pack("{s:s,s:s}", "name", "a", "way", "magic");
	assert_false(recipe_take(&g, info, &error));
	json_decref(info);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(recipe_way(recipe_way_label((enum recipe_way)i)), i);
	}
	assert_int_equal(recipe_way("A"), RECIPE_BAR);
	assert_int_equal(recipe_way("B"), RECIPE_BAR_ACPI);
	assert_int_equal(recipe_way("C"), RECIPE_FIXED);
	assert_int_equal(recipe_way("D"), RECIPE_PATCH);
	assert_int_equal(recipe_way("E"), -1);
	assert_int_equal(recipe_way(""), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/vm/recipe/ways", test_ways, NULL, NULL, NULL },
		{ "/vm/recipe/libvirt", test_libvirt, NULL, NULL, NULL },
		{ "/vm/recipe/quoting", test_quoting, NULL, NULL, NULL },
		{ "/vm/recipe/memory", test_memory, NULL, NULL, NULL },
		{ "/vm/recipe/take", test_take, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
