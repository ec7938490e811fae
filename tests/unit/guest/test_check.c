/* SPDX-License-Identifier: BSD-2-Clause */
/* What gnomon-guest finds in a machine, and what --check makes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tools/cli/command.h"
#include "tools/guest/check.h"
#include "tools/guest/report.h"
#include "world.h"

/* -- kinds and machines ----------------------------------------------------------------------- */

static void kinds(void **state)
{
	static const struct {
		const char *clock_name;
		int kernel;
		enum guest_kind kind;
		enum guest_scale scale;
	} rows[] = {
		{ "vmclock0", 6013, GUEST_KIND_VMCLOCK, GUEST_SCALE_UTC },
		{ "vmclock1", 6019, GUEST_KIND_VMCLOCK, GUEST_SCALE_UTC },
		{ "vmclock0", 7000, GUEST_KIND_VMCLOCK, GUEST_SCALE_TAI },
		{ "KVM virtual PTP", 7003, GUEST_KIND_KVM, GUEST_SCALE_UTC },
		{ "ena-ptp-05", 6012, GUEST_KIND_ENA, GUEST_SCALE_UTC },
		{ "hyperv", 4019, GUEST_KIND_HYPERV, GUEST_SCALE_UTC },
		{ "ptp_vmw", 5010, GUEST_KIND_VMWARE, GUEST_SCALE_UTC },
		{ "Virtio PTP type 0/variant 0", 7003, GUEST_KIND_VIRTIO, GUEST_SCALE_UTC },
		{ "Virtio PTP type 1/variant 0", 7003, GUEST_KIND_VIRTIO, GUEST_SCALE_TAI },
		{ "Virtio PTP type 4/variant 0", 7003, GUEST_KIND_VIRTIO, GUEST_SCALE_UNKNOWN },
		{ "mlx5_ptp", 7003, GUEST_KIND_PHC, GUEST_SCALE_UNKNOWN },
		{ "", 7003, GUEST_KIND_PHC, GUEST_SCALE_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const enum guest_kind kind = guest_kind_of(rows[i].clock_name);

		assert_int_equal(kind, rows[i].kind);
		assert_int_equal(guest_kind_scale(kind, rows[i].clock_name, rows[i].kernel),
				 rows[i].scale);
	}
	assert_int_equal(guest_kernel_version("6.12.9-amd64"), 6012);
	assert_int_equal(guest_kernel_version("7.0.0"), 7000);
	assert_int_equal(guest_kernel_version("4.19"), 4019);
	assert_int_equal(guest_kernel_version("none"), 0);
}

static void machines(void **state)
{
	const struct machine_clock *c;
	struct machine m;
	struct world w;

	(void)state;
	world_init(&w);
	world_file(&w, "/sys/class/ptp/ptp0/clock_name", "hyperv\n");
	world_file(&w, "/sys/class/ptp/ptp1/clock_name", "vmclock0\n");
	world_file(&w, "/sys/class/ptp/ptp7/clock_name", "ena-ptp-05\n");
	world_file(&w, "/sys/class/ptp/ptp7/device/phc_error_bound", "12345\n");
	world_file(&w, "/sys/class/ptp/pps0/clock_name", "no clock\n");
	world_file(&w, "/dev/vmclock0", "");
	world_file(&w, "/sys/bus/pci/devices/0000:00:10.0/vendor", "0x1af4\n");
	world_file(&w, "/sys/bus/pci/devices/0000:00:10.0/device", "0x1110\n");
	world_file(&w, "/sys/bus/pci/devices/0000:00:10.0/resource2", "");
	world_file(&w, "/sys/class/dmi/id/sys_vendor", "QEMU\n");
	machine_look(&m, w.folder);
	assert_int_equal(m.kernel, 7003);
	assert_string_equal(m.clocksource, "tsc");
	assert_string_equal(m.clocksources, "tsc kvm-clock acpi_pm");
	assert_int_equal(m.hypervisor, MACHINE_KVM);
	assert_false(m.vmclock_acpi);
	assert_true(m.ivshmem);
	assert_int_equal(m.clock_count, 4);
	c = machine_find(&m, "vmclock0");
	assert_non_null(c);
	assert_int_equal(c->phc, 1);
	assert_non_null(strstr(c->page, "/dev/vmclock0"));
	assert_int_equal(c->page_kind, GNOMON_CLOCK_DEVICE);
	assert_ptr_equal(machine_find(&m, "/dev/ptp1"), c);
	assert_ptr_equal(machine_find(&m, "vmclock"), c);
	c = machine_find(&m, "0000:00:10.0");
	assert_non_null(c);
	assert_int_equal(c->page_kind, GNOMON_CLOCK_BAR);
	c = machine_find(&m, "ena");
	assert_non_null(strstr(c->error_file, "ptp7/device/phc_error_bound"));
	assert_null(machine_find(&m, "ptp_vmw"));
	assert_true(machine_lacks(&m, GUEST_KIND_KVM));
	world_file(&w, "/sys/devices/system/clocksource/clocksource0/available_clocksource",
		   "tsc acpi_pm\n");
	world_file(&w, "/sys/class/dmi/id/sys_vendor", "Somebody\n");
	world_file(&w, "/proc/cpuinfo", "processor : 0\nflags\t: fpu tsc hypervisor lahf_lm\n");
	machine_look(&m, w.folder);
	assert_int_equal(m.hypervisor, MACHINE_OTHER);
	world_file(&w, "/proc/cpuinfo", "processor : 0\nflags\t: fpu tsc lahf_lm\n");
	machine_look(&m, w.folder);
	assert_int_equal(m.hypervisor, MACHINE_NONE);
	assert_false(machine_lacks(&m, GUEST_KIND_VMCLOCK));
	assert_false(machine_lacks(&m, GUEST_KIND_VMWARE));
	world_finish(&w);
}

/* -- the trap of UTC and TAI ------------------------------------------------------------------ */

static void scale_trap(void **state)
{
	static const struct {
		uint8_t type;
		bool valid;
		int16_t offset;
		bool old_wrong; /* 6.13 to 6.19 */
		bool new_wrong; /* from 7.0 on */
	} rows[] = {
		{ GNOMON_VMCLOCK_TAI, true, 37, true, false },
		{ GNOMON_VMCLOCK_TAI, true, -37, false, false },
		{ GNOMON_VMCLOCK_TAI, false, 0, true, false },
		{ GNOMON_VMCLOCK_UTC, true, 37, false, true },
		{ GNOMON_VMCLOCK_UTC, true, -37, false, false },
		{ GNOMON_VMCLOCK_UTC, false, 0, false, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gnomon_vmclock page;

		gnomon_vmclock_init(&page);
		page.counter_id = GNOMON_VMCLOCK_COUNTER_X86_TSC;
		page.time_type = rows[i].type;
		page.tai_offset_sec = rows[i].offset;
		page.flags = rows[i].valid ? GNOMON_VMCLOCK_TAI_OFFSET_VALID : 0;
		assert_int_equal(check_scale_trap(&page, 6013) != NULL, rows[i].old_wrong);
		assert_int_equal(check_scale_trap(&page, 6019) != NULL, rows[i].old_wrong);
		assert_int_equal(check_scale_trap(&page, 7000) != NULL, rows[i].new_wrong);
		assert_null(check_scale_trap(&page, 6012));
		page.counter_id = GNOMON_VMCLOCK_COUNTER_INVALID;
		assert_null(check_scale_trap(&page, 6013));
		assert_null(check_scale_trap(&page, 7000));
	}
}

/* -- the whole check -------------------------------------------------------------------------- */

struct rig {
	struct world w;
	struct conf conf;
	struct log log;
	struct agent_config config;
	struct agent agent;
	struct check check;
	char *text;
	size_t size;
};

static void swallow(struct log *log, int level, const char *line, size_t len)
{
	(void)log;
	(void)level;
	(void)line;
	(void)len;
}

static void begin(struct rig *r)
{
	memset(r, 0, sizeof(*r));
	world_init(&r->w);
	assert_int_equal(conf_init_tool(&r->conf, true), 0);
	log_init(&r->log, "test", &r->conf);
	r->log.write = swallow;
	r->config = (struct agent_config){
		.conf = &r->conf,
		.log = &r->log,
		.mode = AGENT_WATCH,
		.interval_s = 0.05,
		.pages = { r->w.page_path },
		.page_count = 1,
		.root = r->w.folder,
		.open_phc = world_open_phc,
		.clocks = { &r->w.kept, world_raw, world_counter, &r->w },
	};
}

/* Look, judge, and print; as text or as JSON. */
static void look(struct rig *r, bool json)
{
	struct driver_error error = { "" };
	char proc[96];
	FILE *out;

	assert_int_equal(agent_open(&r->agent, &r->config, &error), 0);
	for (int i = 0; i < 8; i++) {
		world_pass(&r->w, 1e9);
		world_publish(&r->w);
		agent_turn(&r->agent, (gnomon_mono){ i * 2000000000LL + 1 });
	}
	(void)snprintf(proc, sizeof(proc), "%s/proc", r->w.folder);
	check_gather(&r->check, &r->agent, proc);
	r->check.has_kernel = true; /* not that of the machine the test runs on */
	r->check.kernel = (struct clock_system_kernel){
		.synchronized = true,
		.max_error_ns = 1000000,
		.likely_error_ns = 1000,
		.tai_offset = 37,
	};
	r->check.has_steward = false;
	check_judge(&r->check);
	out = open_memstream(&r->text, &r->size);
	if (json) {
		check_print_json(out, &r->check);
	} else {
		check_print(out, &r->check);
	}
	fclose(out);
}

static void end(struct rig *r)
{
	free(r->text);
	agent_close(&r->agent);
	conf_finish(&r->conf);
	world_finish(&r->w);
}

static bool finds(const struct rig *r, enum check_level level, const char *text)
{
	for (size_t i = 0; i < r->check.finding_count; i++) {
		if (r->check.findings[i].level == level &&
		    strstr(r->check.findings[i].what, text)) {
			return true;
		}
	}
	return false;
}

static void healthy(void **state)
{
	struct rig r;

	(void)state;
	begin(&r);
	r.w.mult_ppb = 0;
	look(&r, false);
	assert_int_equal(check_status(&r.check), COMMAND_GOOD);
	assert_non_null(strstr(r.text, ": good\n"));
	assert_non_null(strstr(r.text, "page, the best; bound"));
	assert_non_null(strstr(r.text, "synchronized, TAI, counter TSC of 2445.1230"));
	assert_non_null(strstr(r.text, "marker          0000000000001111"));
	assert_true(finds(&r, CHECK_NOTE, "there is no ptp_kvm clock"));
	end(&r);
}

/* The kernel promises a millisecond and is off by ten: that is an error, and so is a clock that
 * contradicts another, with a status of its own. */
static void broken_promise(void **state)
{
	struct rig r;

	(void)state;
	begin(&r);
	r.w.kept_ns += 10e6;
	look(&r, false);
	assert_int_equal(check_status(&r.check), COMMAND_RUNTIME);
	assert_true(finds(&r, CHECK_ERROR, "the kernel promises programs"));
	end(&r);

	begin(&r);
	world_file(&r.w, "/sys/class/ptp/ptp0/clock_name", "KVM virtual PTP\n");
	r.config.words[0] = (struct agent_word){ "ptp_kvm", 1000, GUEST_SCALE_UNKNOWN };
	r.config.word_count = 1;
	r.w.phc_error_ns = 90000;
	look(&r, false);
	assert_int_equal(check_status(&r.check), CHECK_DISAGREE);
	assert_true(finds(&r, CHECK_ERROR, "apart, which is more than both bounds"));
	assert_true(finds(&r, CHECK_NOTE, "precise readings need kvm-clock"));
	end(&r);
}

static void no_clock(void **state)
{
	struct rig r;

	(void)state;
	begin(&r);
	r.config.page_count = 0;
	world_file(&r.w, "/sys/bus/acpi/devices/AMZNC10C:00/status", "15\n");
	look(&r, false);
	assert_int_equal(check_status(&r.check), COMMAND_RUNTIME);
	assert_true(finds(&r, CHECK_ERROR, "no clock of the host to be followed"));
	assert_true(finds(&r, CHECK_WARNING, "no driver has bound"));
	end(&r);

	begin(&r);
	r.w.vm.clock_status = GNOMON_VMCLOCK_UNRELIABLE;
	look(&r, false);
	assert_int_equal(check_status(&r.check), COMMAND_RUNTIME);
	assert_true(finds(&r, CHECK_WARNING, "the host says that its time is unreliable"));
	end(&r);

	/* What stock hypervisors publish: a marker and no time. */
	begin(&r);
	r.w.vm.counter_id = GNOMON_VMCLOCK_COUNTER_INVALID;
	look(&r, false);
	assert_true(finds(&r, CHECK_WARNING, "fills no time into its page"));
	end(&r);
}

/* A page that was asked for by name, and cannot be had. */
static void no_page(void **state)
{
	struct rig r;

	(void)state;
	begin(&r);
	r.config.pages[1] = "/nonexistent/page";
	r.config.page_count = 2;
	look(&r, false);
	assert_int_equal(check_status(&r.check), COMMAND_GOOD); /* there is a better one */
	assert_true(finds(&r, CHECK_WARNING, "/nonexistent/page: not read: "));
	assert_non_null(strstr(r.text, "No such file"));
	end(&r);
}

/* It parses, with everything in it that the text has. */
static void json(void **state)
{
	static const char *const keys[] = { "\"result\":\"", "\"machine\":{", "\"realtime\":{",
					    "\"pages\":[{",  "\"findings\":[", "\"clocks\":[{",
					    "\"marker\":\"0000000000001111\"",
					    "\"counter_hz\":2445123", "\"bound_ns\":" };
	struct rig r;
	char command[160];
	FILE *python;

	(void)state;
	begin(&r);
	world_file(&r.w, "/sys/class/dmi/id/sys_vendor", "a \"quoted\" \\ vendor\n");
	look(&r, true);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		assert_non_null(strstr(r.text, keys[i]));
	}
	(void)snprintf(command, sizeof(command),
		       "python3 -c 'import json,sys; json.load(sys.stdin)'");
	python = popen(command, "w");
	fputs(r.text, python);
	assert_int_equal(pclose(python), 0);
	end(&r);
}

static void months(void **state)
{
	(void)state;
	assert_int_equal(source_month_end(0), 31 * 86400);
	assert_int_equal(source_month_end(31 * 86400 - 1), 31 * 86400);
	assert_int_equal(source_month_end(31 * 86400), (31 + 28) * 86400);
	assert_int_equal(source_month_end(1483228799), 1483228800); /* the end of 2016 */
	assert_int_equal(source_month_end(1483228800), 1483228800 + 31 * 86400);
}

static void amounts(void **state)
{
	char text[24];

	(void)state;
	assert_string_equal(report_ns(840, text), "840 ns");
	assert_string_equal(report_ns(-12345, text), "-12.3 us");
	assert_string_equal(report_ns(1234567, text), "1235 us");
	assert_string_equal(report_ns(37e9, text), "37.0 s");
	assert_string_equal(report_ns(INFINITY, text), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/guest/kinds", kinds, NULL, NULL, NULL },
		{ "/guest/machines", machines, NULL, NULL, NULL },
		{ "/guest/check/scale_trap", scale_trap, NULL, NULL, NULL },
		{ "/guest/check/healthy", healthy, NULL, NULL, NULL },
		{ "/guest/check/broken_promise", broken_promise, NULL, NULL, NULL },
		{ "/guest/check/no_clock", no_clock, NULL, NULL, NULL },
		{ "/guest/check/no_page", no_page, NULL, NULL, NULL },
		{ "/guest/check/json", json, NULL, NULL, NULL },
		{ "/guest/months", months, NULL, NULL, NULL },
		{ "/guest/amounts", amounts, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
