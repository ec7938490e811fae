/* SPDX-License-Identifier: BSD-2-Clause */
/* The ACPI tables are octet for octet what iasl makes of the sources below. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <gnomon/vmclock.h>

#include "tests/unit/bridge/table.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define CREATOR_AT 28 /* iasl signs with its own name and version */
#define CHECKSUM_AT 9

#define ASL_BLOCK "DefinitionBlock (\"\", \"SSDT\", 2, \"GNOMON\", \"GNOMVCLK\", 1) {"
#define ASL_IDENTITY                                                                               \
	"Device (GVCK) {"                                                                          \
	"	Name (_HID, \"AMZNC10C\")"                                                         \
	"	Name (_CID, \"VMCLOCK\")"                                                          \
	"	Name (_DDN, \"VMCLOCK\")"
#define ASL_MEMORY(first, last)                                                                    \
	"ResourceTemplate () {"                                                                    \
	"	QWordMemory (ResourceConsumer, PosDecode, MinFixed, MaxFixed, Cacheable,"          \
	"		ReadWrite, 0, " first ", " last ", 0, 0x1000)"                             \
	"}"

static const char asl_bar[] =
	ASL_BLOCK
	"External (%s, DeviceObj)"
	"Scope (%s) {"
	"	OperationRegion (VCFG, PCI_Config, Zero, 0x40)"
	"	Field (VCFG, DWordAcc, NoLock, Preserve) {"
	"		VEID, 32, Offset (0x18), BARL, 32, BARH, 32 }"
	"	Field (VCFG, WordAcc, NoLock, Preserve) { Offset (0x04), CMDR, 16 }"
	ASL_IDENTITY
	"		Method (_STA, 0, NotSerialized) {"
	"			If (LEqual (VEID, 0x11101AF4)) { Return (0x0F) }"
	"			Return (Zero)"
	"		}"
	"		Method (_CRS, 0, Serialized) {"
	"			Name (RBUF, " ASL_MEMORY("0", "0xFFF") ")"
	"			CreateDWordField (RBUF, 0x0E, MINL)"
	"			CreateDWordField (RBUF, 0x12, MINH)"
	"			CreateDWordField (RBUF, 0x16, MAXL)"
	"			CreateDWordField (RBUF, 0x1A, MAXH)"
	"			Or (CMDR, 0x02, CMDR)"
	"			And (BARL, 0xFFFFFFF0, MINL)"
	"			Store (BARH, MINH)"
	"			Or (MINL, 0x0FFF, MAXL)"
	"			Store (BARH, MAXH)"
	"			Return (RBUF)"
	"		}"
	"	}"
	"} }";

static const char asl_fixed[] =
	ASL_BLOCK
	"Scope (\\_SB) {"
	ASL_IDENTITY
	"		Name (_STA, 0x0F)"
	"		Name (_CRS, " ASL_MEMORY("0x%llX", "0x%llX") ")"
	"	}"
	"} }";

/* Compile source in a folder of its own; t becomes what came out. */
static void compile(const char *source, struct table *t)
{
	char folder[] = "/tmp/gnomon-aml-XXXXXX";
	char path[64], command[256];
	FILE *f;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/t.asl", folder);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(source, f) >= 0);
	assert_int_equal(fclose(f), 0);
	snprintf(command, sizeof(command),
		 "cd %s && iasl -p t t.asl >log 2>&1 || { cat log; false; }", folder);
	assert_int_equal(system(command), 0);
	snprintf(path, sizeof(path), "%s/t.aml", folder);
	f = fopen(path, "r");
	assert_non_null(f);
	t->len = fread(t->octets, 1, sizeof(t->octets), f);
	fclose(f);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	assert_int_equal(system(command), 0);
}

static void assert_like_iasl(const char *source, const struct table *ours)
{
	struct table theirs, mine = *ours;

	compile(source, &theirs);
	assert_int_equal(mine.len, theirs.len);
	memcpy(mine.octets + CREATOR_AT, theirs.octets + CREATOR_AT, 8);
	mine.octets[CHECKSUM_AT] = theirs.octets[CHECKSUM_AT];
	assert_memory_equal(mine.octets, theirs.octets, theirs.len);
}

static const struct {
	struct gnomon_aml_bar where;
	const char *path;
} bars[] = {
	{ { 0x10, 0, false, 0, 0 }, "\\_SB.PCI0.S80" },
	{ { 0x1f, 7, false, 0, 0 }, "\\_SB.PCI0.SFF" },
	{ { 0, 0, false, 0, 0 }, "\\_SB.PCI0.S00" },
	{ { 0, 0, true, 1, 2 }, "\\_SB.PCI0.S0A.S00" },
	{ { 3, 1, true, 0x1c, 0 }, "\\_SB.PCI0.SE0.S19" },
};
static const uint64_t addresses[] = { 0x1000, 0xfeffb000, 0x140000000, UINT64_C(0xffffffffff000) };

static void bar_like_iasl(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bars); i++) {
		const struct table t = table_of_bar(&bars[i].where);
		char source[4096];

		snprintf(source, sizeof(source), asl_bar, bars[i].path, bars[i].path);
		assert_like_iasl(source, &t);
	}
}

static void fixed_like_iasl(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(addresses); i++) {
		const unsigned long long first = addresses[i];
		const struct table t = table_of_address(first);
		char source[4096];

		snprintf(source, sizeof(source), asl_fixed, first, first + 0xfff);
		assert_like_iasl(source, &t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/bridge/iasl/bar", bar_like_iasl, NULL, NULL, NULL },
		{ "/bridge/iasl/fixed", fixed_like_iasl, NULL, NULL, NULL },
	};

	if (system("iasl -v >/dev/null 2>&1")) {
		printf("1..0 # SKIP iasl (acpica-tools) is not installed\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
