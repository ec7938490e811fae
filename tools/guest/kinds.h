/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * What clocks a virtual machine can have from its host, one row per kind: how the kernel calls
 * them, what time they keep, and what is missing where there is none. Pure.
 */
#ifndef GUEST_KINDS_H
#define GUEST_KINDS_H

#include <stdbool.h>

enum guest_kind {
	GUEST_KIND_VMCLOCK, /* a page with rate, bound and disruption marker */
	GUEST_KIND_KVM,     /* the host's CLOCK_REALTIME, by hypercall */
	GUEST_KIND_ENA,     /* Amazon's network card */
	GUEST_KIND_VIRTIO,  /* virtio-rtc */
	GUEST_KIND_HYPERV,  /* Hyper-V's time synchronisation */
	GUEST_KIND_VMWARE,  /* VMware's precision clock */
	GUEST_KIND_PHC,     /* any other: a network card passed through */
	GUEST_KIND_COUNT
};

enum guest_scale {
	GUEST_SCALE_UNKNOWN,
	GUEST_SCALE_UTC,
	GUEST_SCALE_TAI,
};

struct guest_kind_row {
	const char *name;    /* "ptp_kvm": for --use, --bound, and people */
	const char *module;  /* of the kernel */
	const char *remedy;  /* where there should be one and is none; NULL: nothing to do */
	bool trusted;        /* it is the host's time: used without being named */
};

const struct guest_kind_row *guest_kind_row(enum guest_kind kind);

/** By the clock_name of a PHC. */
enum guest_kind guest_kind_of(const char *clock_name);

/** Linux's version: major * 1000 + minor, 0 if release is none. */
int guest_kernel_version(const char *release);

/** The time that /dev/ptpN keeps, on that kernel. */
enum guest_scale guest_kind_scale(enum guest_kind kind, const char *clock_name, int kernel);

/** "UTC", "TAI", "unknown". */
const char *guest_scale_name(enum guest_scale scale);

#endif
