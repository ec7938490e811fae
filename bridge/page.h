/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the fields of the vmclock structure are: offsets of the kernel's header. */
#ifndef BRIDGE_PAGE_H
#define BRIDGE_PAGE_H

enum page_offset {
	PAGE_MAGIC = 0x00,
	PAGE_SIZE_FIELD = 0x04,
	PAGE_VERSION = 0x08,
	PAGE_COUNTER_ID = 0x0a,
	PAGE_TIME_TYPE = 0x0b,
	PAGE_SEQ_COUNT = 0x0c,
	PAGE_DISRUPTION_MARKER = 0x10,
	PAGE_FLAGS = 0x18,
	PAGE_CLOCK_STATUS = 0x22,
	PAGE_SMEARING_HINT = 0x23,
	PAGE_TAI_OFFSET = 0x24,
	PAGE_LEAP_INDICATOR = 0x26,
	PAGE_PERIOD_SHIFT = 0x27,
	PAGE_COUNTER_VALUE = 0x28,
	PAGE_PERIOD = 0x30,
	PAGE_PERIOD_ESTERROR = 0x38,
	PAGE_PERIOD_MAXERROR = 0x40,
	PAGE_TIME_SEC = 0x48,
	PAGE_TIME_FRAC = 0x50,
	PAGE_TIME_ESTERROR = 0x58,
	PAGE_TIME_MAXERROR = 0x60,
	PAGE_GENERATION = 0x68,
};

struct gnomon_vmclock;

/* The fields, whatever they say. */
void page_get(const uint8_t *octets, struct gnomon_vmclock *c);
/* Fields that were read, checked as decode does. Takes away what the page does not have. */
int page_accept(struct gnomon_vmclock *c, size_t len);

#endif
