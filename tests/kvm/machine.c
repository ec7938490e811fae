/* SPDX-License-Identifier: BSD-2-Clause */
#include "machine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/kvm.h>

#include "drivers/counter.h"

/* Guest physical addresses. */
#define RAM_SIZE 0x3000
#define CODE 0x1000
#define COPY 0x2000    /* of the page */
#define COUNTER 0x2080
#define ADDED 0x2100   /* the guest's own offset, of 8 octets per vCPU */
#define PAGE 0x3000
#define PAGE_SIZE 4096

/*
 * Real mode. seq, without the lowest bit; the page; the counter; seq again. CR0 serialises (the
 * emulator of KVM knows no LFENCE). bx: where this vCPU's offset is.
 */
extern const uint8_t machine_code[];
extern const uint8_t machine_code_end[];
__asm__(".pushsection .rodata\n"
	".globl machine_code, machine_code_end\n"
	"machine_code:\n"
	".code16\n"
	"1:	movl	0x300c, %eax\n"
	"	andl	$~1, %eax\n"
	"	movl	%eax, %ebp\n"
	"	cld\n"
	"	movw	$0x3000, %si\n"
	"	movw	$0x2000, %di\n"
	"	movw	$28, %cx\n"
	"	rep	movsl\n"
	"	movl	%cr0, %eax\n"
	"	movl	%eax, %cr0\n"
	"	rdtsc\n"
	"	addl	(%bx), %eax\n"
	"	adcl	4(%bx), %edx\n"
	"	movl	%eax, 0x2080\n"
	"	movl	%edx, 0x2084\n"
	"	movl	%cr0, %eax\n"
	"	movl	%eax, %cr0\n"
	"	cmpl	%ebp, 0x300c\n"
	"	jne	1b\n"
	"	hlt\n"
	".code64\n"
	"machine_code_end:\n"
	".popsection\n");

/* -- files like KVM's -------------------------------------------------------------------------- */

static void name_file(const struct machine *m, unsigned int vcpu, const char *file, char *path,
		      size_t size)
{
	(void)snprintf(path, size, "%s/%d-%d/vcpu%u%s", m->folder, (int)getpid(), m->vm, vcpu,
		       file);
}

/* Replaced as a whole, so that no reader sees half of it. */
static int tell_offset(const struct machine *m, unsigned int vcpu, int64_t offset)
{
	char path[256];
	char made[256];
	FILE *file;

	name_file(m, vcpu, "/tsc-offset", path, sizeof(path));
	name_file(m, vcpu, "/.new", made, sizeof(made));
	file = fopen(made, "we");
	if (!file) {
		return -errno;
	}
	(void)fprintf(file, "%lld\n", (long long)offset);
	return fclose(file) || rename(made, path) ? -errno : 0;
}

static int tell(struct machine *m)
{
	char path[256];
	int err = 0;

	(void)snprintf(path, sizeof(path), "%s/%d-%d", m->folder, (int)getpid(), m->vm);
	if (mkdir(path, 0755)) {
		return -errno;
	}
	m->told = true;
	for (unsigned int i = 0; !err && i < m->vcpus; i++) {
		name_file(m, i, "", path, sizeof(path));
		err = mkdir(path, 0755) ? -errno : tell_offset(m, i, 0);
	}
	return err;
}

static void untell(const struct machine *m)
{
	char path[256];

	for (unsigned int i = 0; m->told && i < m->vcpus; i++) {
		name_file(m, i, "/tsc-offset", path, sizeof(path));
		(void)unlink(path);
		name_file(m, i, "", path, sizeof(path));
		(void)rmdir(path);
	}
	(void)snprintf(path, sizeof(path), "%s/%d-%d", m->folder, (int)getpid(), m->vm);
	(void)rmdir(path);
}

/* -- offsets ----------------------------------------------------------------------------------- */

static int attribute(const struct machine *m, unsigned int vcpu, unsigned long request,
		     int64_t *offset)
{
	struct kvm_device_attr attr = {
		.group = KVM_VCPU_TSC_CTRL,
		.attr = KVM_VCPU_TSC_OFFSET,
		.addr = (uint64_t)(uintptr_t)offset,
	};

	return ioctl(m->vcpu[vcpu].fd, request, &attr) ? -errno : 0;
}

/* Offsets are believed if they can be seen. */
static bool ignores_offsets(const struct machine *m)
{
	int64_t offset = -4711;
	int64_t back = 0;
	int64_t zero = 0;

	if (attribute(m, 0, KVM_SET_DEVICE_ATTR, &offset) ||
	    attribute(m, 0, KVM_GET_DEVICE_ATTR, &back)) {
		return true;
	}
	(void)attribute(m, 0, KVM_SET_DEVICE_ATTR, &zero);
	return back != offset;
}

int machine_set_offset(struct machine *m, unsigned int vcpu, int64_t offset)
{
	if (!m->adds) {
		return attribute(m, vcpu, KVM_SET_DEVICE_ATTR, &offset);
	}
	memcpy(m->ram + ADDED + 8 * vcpu, &offset, sizeof(offset));
	/* KVM reports that it was set, even where that has no effect. */
	return tell_offset(m, vcpu, offset) ? -EIO :
	       attribute(m, vcpu, KVM_SET_DEVICE_ATTR, &offset);
}

/* -- life -------------------------------------------------------------------------------------- */

static int add_memory(const struct machine *m, unsigned int slot, uint64_t at, uint64_t size,
		      void *memory, unsigned int flags)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.flags = flags,
		.guest_phys_addr = at,
		.memory_size = size,
		.userspace_addr = (uint64_t)(uintptr_t)memory,
	};

	return ioctl(m->vm, KVM_SET_USER_MEMORY_REGION, &region) ? -errno : 0;
}

static int map_memory(struct machine *m, const char *file)
{
	const int fd = open(file, O_RDONLY | O_CLOEXEC);
	int err;

	if (fd < 0) {
		return -errno;
	}
	m->page = mmap(NULL, PAGE_SIZE, PROT_READ, MAP_SHARED, fd, 0);
	(void)close(fd);
	m->ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (m->page == MAP_FAILED || m->ram == MAP_FAILED) {
		return -ENOMEM;
	}
	memcpy(m->ram + CODE, machine_code, (size_t)(machine_code_end - machine_code));
	err = add_memory(m, 0, 0, RAM_SIZE, m->ram, 0);
	return err ? err : add_memory(m, 1, PAGE, PAGE_SIZE, m->page, KVM_MEM_READONLY);
}

static int add_vcpu(struct machine *m, unsigned int index, int run_size)
{
	struct kvm_sregs sregs;
	const int fd = ioctl(m->vm, KVM_CREATE_VCPU, (unsigned long)index);

	m->vcpu[index].fd = fd;
	if (fd < 0) {
		return -errno;
	}
	m->vcpus++;
	m->vcpu[index].run = mmap(NULL, (size_t)run_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
				  0);
	if (m->vcpu[index].run == MAP_FAILED || ioctl(fd, KVM_GET_SREGS, &sregs)) {
		return -errno;
	}
	sregs.cs.base = CODE;
	sregs.cs.selector = CODE >> 4;
	sregs.ds.base = 0;
	sregs.ds.selector = 0;
	sregs.es.base = 0;
	sregs.es.selector = 0;
	if (ioctl(fd, KVM_SET_SREGS, &sregs)) {
		return -errno;
	}
	/* The second and later ones of a machine wait to be started, else. */
	return ioctl(fd, KVM_SET_MP_STATE,
		     &(struct kvm_mp_state){ KVM_MP_STATE_RUNNABLE }) && index ? -errno : 0;
}

static int make(struct machine *m, unsigned int vcpus, const char *file, const char **what)
{
	const int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int run_size;
	int err;

	*what = "/dev/kvm";
	if (kvm < 0) {
		return -errno;
	}
	*what = "a machine";
	m->vm = ioctl(kvm, KVM_CREATE_VM, 0);
	run_size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	err = m->vm < 0 || run_size < 0 ? -errno : 0;
	(void)close(kvm);
	if (!err) {
		*what = "its memory";
		err = map_memory(m, file);
	}
	for (unsigned int i = 0; !err && i < vcpus; i++) {
		*what = "a vCPU";
		err = add_vcpu(m, i, run_size);
	}
	return err;
}

int machine_create(struct machine *m, unsigned int vcpus, const char *file, const char *folder,
		   const char **what)
{
	int err;

	*m = (struct machine){ .vm = -1, .page = MAP_FAILED, .ram = MAP_FAILED };
	err = make(m, vcpus, file, what);
	if (!err) {
		m->adds = ignores_offsets(m);
		(void)snprintf(m->folder, sizeof(m->folder), "%s",
			       m->adds ? folder : "/sys/kernel/debug/kvm");
	}
	if (!err && m->adds) {
		*what = folder;
		err = tell(m);
	}
	for (unsigned int i = 0; !err && i < vcpus; i++) {
		*what = "an offset";
		err = machine_set_offset(m, i, 0);
	}
	if (err) {
		machine_destroy(m);
	}
	return err;
}

int machine_look(struct machine *m, unsigned int vcpu, struct machine_look *look)
{
	struct kvm_regs regs = { .rflags = 2, .rbx = ADDED + 8 * vcpu };
	int got;

	if (ioctl(m->vcpu[vcpu].fd, KVM_SET_REGS, &regs)) {
		return -errno;
	}
	look->before = counter_read();
	do {
		got = ioctl(m->vcpu[vcpu].fd, KVM_RUN, 0);
	} while (got && errno == EINTR);
	look->after = counter_read();
	if (got) {
		return -errno;
	}
	if (m->vcpu[vcpu].run->exit_reason != KVM_EXIT_HLT) {
		return -EIO;
	}
	memcpy(&look->counter, m->ram + COUNTER, sizeof(look->counter));
	memcpy(look->page, m->ram + COPY, sizeof(look->page));
	return 0;
}

void machine_destroy(struct machine *m)
{
	untell(m);
	for (unsigned int i = 0; i < m->vcpus; i++) {
		(void)close(m->vcpu[i].fd);
	}
	if (m->vm >= 0) {
		(void)close(m->vm);
	}
	if (m->page != MAP_FAILED) {
		(void)munmap(m->page, PAGE_SIZE);
	}
	if (m->ram != MAP_FAILED) {
		(void)munmap(m->ram, RAM_SIZE);
	}
	*m = (struct machine){ .vm = -1, .page = MAP_FAILED, .ram = MAP_FAILED };
}
