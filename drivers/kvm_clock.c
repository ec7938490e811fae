/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/kvm_clock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/kvm.h>

/* Since Linux 5.16; older headers have neither the flags nor the members. */
#ifndef KVM_CLOCK_REALTIME
#define KVM_CLOCK_REALTIME (1 << 2)
#endif
#ifndef KVM_CLOCK_HOST_TSC
#define KVM_CLOCK_HOST_TSC (1 << 3)
#endif

#define NEEDED (KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC)

/* struct kvm_clock_data as it has been since then; it has been that long ever since. */
struct clock_data {
	uint64_t clock;
	uint32_t flags;
	uint32_t pad0;
	uint64_t realtime;
	uint64_t host_tsc;
	uint32_t pad[4];
};

#if defined(KVM_GET_CLOCK)
_Static_assert(sizeof(struct clock_data) == sizeof(struct kvm_clock_data), "ABI of KVM_GET_CLOCK");
#endif

static int request(int fd, unsigned long number, unsigned long arg)
{
	const int got = ioctl(fd, number, arg);

	return got < 0 ? -errno : got;
}

static int get_clock(int machine, struct clock_data *data)
{
	*data = (struct clock_data){ 0 };
	return ioctl(machine, KVM_GET_CLOCK, data) ? -errno : 0;
}

int kvm_clock_read(const struct kvm_clock *clock, uint64_t *counter, gnomon_time *realtime)
{
	struct clock_data data;
	int err = get_clock(clock->machine, &data);

	if (err) {
		return err;
	}
	if ((data.flags & NEEDED) != NEEDED) {
		return -EOPNOTSUPP;
	}
	*counter = data.host_tsc;
	realtime->sec = (int64_t)(data.realtime / GNOMON_NSEC_PER_SEC);
	realtime->nsec = (uint32_t)(data.realtime % GNOMON_NSEC_PER_SEC);
	realtime->frac = 0;
	return 0;
}

/* The machine's clock is one of the host's only after it has been set. */
static int make_machine(int kvm, struct kvm_clock *clock)
{
	struct clock_data zero = { 0 };
	uint64_t counter;
	gnomon_time realtime;

	clock->machine = request(kvm, KVM_CREATE_VM, 0);
	if (clock->machine < 0) {
		return clock->machine;
	}
	clock->vcpu = request(clock->machine, KVM_CREATE_VCPU, 0);
	if (clock->vcpu < 0) {
		return clock->vcpu;
	}
	if (ioctl(clock->machine, KVM_SET_CLOCK, &zero)) {
		return -errno;
	}
	return kvm_clock_read(clock, &counter, &realtime);
}

int kvm_clock_open(struct kvm_clock *clock, const char *device, struct driver_error *error)
{
	struct kvm_clock made = { -1, -1 };
	int kvm;
	int err;

	device = device ? device : "/dev/kvm";
	kvm = open(device, O_RDWR | O_CLOEXEC);
	if (kvm < 0) {
		return driver_fail(error, -errno, "%s: %s", device, driver_strerror(-errno));
	}
	err = make_machine(kvm, &made);
	(void)close(kvm);
	if (err) {
		kvm_clock_close(&made);
		if (err == -EOPNOTSUPP || err == -ENOTTY || err == -EINVAL) {
			return driver_fail(error, -EOPNOTSUPP,
					   "%s: no pairs of clock and counter: needs Linux 5.16 on "
					   "x86, and the TSC as the host's clocksource",
					   device);
		}
		return driver_fail(error, err, "%s: no machine to ask for the clock: %s", device,
				   driver_strerror(err));
	}
	*clock = made;
	return 0;
}

void kvm_clock_close(struct kvm_clock *clock)
{
	if (clock->vcpu >= 0) {
		(void)close(clock->vcpu);
	}
	if (clock->machine >= 0) {
		(void)close(clock->machine);
	}
	clock->vcpu = -1;
	clock->machine = -1;
}
