/* SPDX-License-Identifier: BSD-2-Clause */
#include "kinds.h"

#include <stdio.h>
#include <string.h>

/* ptp_vmclock of 6.13 to 6.19 kept UTC. */
#define VMCLOCK_TAI_SINCE 7000

static const struct guest_kind_row rows[GUEST_KIND_COUNT] = {
	[GUEST_KIND_VMCLOCK] = {
		.name = "vmclock",
		.module = "ptp_vmclock",
		.remedy = "have the host publish a page (gnomon vm attach): the driver is in Linux "
			  "6.13 and later, without it the page is read from the PCI device",
		.trusted = true,
	},
	[GUEST_KIND_KVM] = {
		.name = "ptp_kvm",
		.module = "ptp_kvm",
		.remedy = "modprobe ptp_kvm; if that says \"Operation not supported\", the host's "
			  "clock source is not its TSC",
		.trusted = true,
	},
	[GUEST_KIND_ENA] = {
		.name = "ena",
		.module = "ena",
		.remedy = "devlink dev param set pci/SLOT name enable_phc value true cmode "
			  "driverinit && devlink dev reload pci/SLOT (ena 2.10 and later: modprobe "
			  "ena phc_enable=1)",
		.trusted = true,
	},
	[GUEST_KIND_VIRTIO] = {
		.name = "virtio_rtc",
		.module = "virtio_rtc",
		.remedy = NULL,
		.trusted = true,
	},
	[GUEST_KIND_HYPERV] = {
		.name = "hyperv",
		.module = "hv_utils",
		.remedy = "modprobe hv_utils, and switch time synchronisation on among the virtual "
			  "machine's integration services",
		.trusted = true,
	},
	[GUEST_KIND_VMWARE] = {
		.name = "ptp_vmw",
		.module = "ptp_vmw",
		.remedy = "add a precision clock to the virtual machine (hardware version 17 and "
			  "later), then modprobe ptp_vmw",
		.trusted = true,
	},
	[GUEST_KIND_PHC] = {
		.name = "phc",
		.module = "",
		.remedy = NULL,
		.trusted = false,
	},
};

const struct guest_kind_row *guest_kind_row(enum guest_kind kind)
{
	return &rows[kind];
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

enum guest_kind guest_kind_of(const char *clock_name)
{
	static const struct {
		const char *begins;
		enum guest_kind kind;
	} names[] = {
		{ "vmclock", GUEST_KIND_VMCLOCK }, { "KVM virtual PTP", GUEST_KIND_KVM },
		{ "ena-ptp", GUEST_KIND_ENA },     { "Virtio PTP", GUEST_KIND_VIRTIO },
		{ "hyperv", GUEST_KIND_HYPERV },   { "ptp_vmw", GUEST_KIND_VMWARE },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (begins(clock_name, names[i].begins)) {
			return names[i].kind;
		}
	}
	return GUEST_KIND_PHC;
}

int guest_kernel_version(const char *release)
{
	int major;
	int minor;

	if (sscanf(release, "%d.%d", &major, &minor) != 2 || major < 0 || minor < 0 ||
	    minor > 999) {
		return 0;
	}
	return major * 1000 + minor;
}

/* virtio-rtc's types: 0 UTC, 1 TAI; 3 and 4 are or may be smeared, which is no time scale. */
static enum guest_scale virtio_scale(const char *clock_name)
{
	int type = -1;

	(void)sscanf(clock_name, "Virtio PTP type %d", &type);
	return type == 0 ? GUEST_SCALE_UTC : type == 1 ? GUEST_SCALE_TAI : GUEST_SCALE_UNKNOWN;
}

enum guest_scale guest_kind_scale(enum guest_kind kind, const char *clock_name, int kernel)
{
	switch (kind) {
	case GUEST_KIND_VMCLOCK:
		return kernel >= VMCLOCK_TAI_SINCE ? GUEST_SCALE_TAI : GUEST_SCALE_UTC;
	case GUEST_KIND_VIRTIO:
		return virtio_scale(clock_name);
	case GUEST_KIND_KVM:
	case GUEST_KIND_ENA:
	case GUEST_KIND_HYPERV:
	case GUEST_KIND_VMWARE:
		return GUEST_SCALE_UTC;
	case GUEST_KIND_PHC:
	case GUEST_KIND_COUNT:
		break;
	}
	return GUEST_SCALE_UNKNOWN;
}

const char *guest_scale_name(enum guest_scale scale)
{
	switch (scale) {
	case GUEST_SCALE_UTC:
		return "UTC";
	case GUEST_SCALE_TAI:
		return "TAI";
	case GUEST_SCALE_UNKNOWN:
		break;
	}
	return "unknown";
}
