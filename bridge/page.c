/* SPDX-License-Identifier: BSD-2-Clause */
/* The vmclock structure in octets. */
#include <errno.h>

#include <gnomon/vmclock.h>

#include "bridge/page.h"
#include "bridge/words.h"

void gnomon_vmclock_init(struct gnomon_vmclock *c)
{
	memset(c, 0, sizeof(*c));
	c->magic = GNOMON_VMCLOCK_MAGIC;
	c->size = GNOMON_VMCLOCK_PAGE;
	c->version = GNOMON_VMCLOCK_VERSION;
	c->counter_id = GNOMON_VMCLOCK_COUNTER_INVALID;
	c->time_type = GNOMON_VMCLOCK_TAI;
	c->clock_status = GNOMON_VMCLOCK_UNRELIABLE;
}

void gnomon_vmclock_encode(const struct gnomon_vmclock *c, uint8_t octets[GNOMON_VMCLOCK_SIZE])
{
	memset(octets, 0, GNOMON_VMCLOCK_SIZE);
	put32(octets + PAGE_MAGIC, c->magic);
	put32(octets + PAGE_SIZE_FIELD, c->size);
	put16(octets + PAGE_VERSION, c->version);
	octets[PAGE_COUNTER_ID] = c->counter_id;
	octets[PAGE_TIME_TYPE] = c->time_type;
	put32(octets + PAGE_SEQ_COUNT, c->seq_count);
	put64(octets + PAGE_DISRUPTION_MARKER, c->disruption_marker);
	put64(octets + PAGE_FLAGS, c->flags);
	octets[PAGE_CLOCK_STATUS] = c->clock_status;
	octets[PAGE_SMEARING_HINT] = c->leap_second_smearing_hint;
	put16(octets + PAGE_TAI_OFFSET, (uint16_t)c->tai_offset_sec);
	octets[PAGE_LEAP_INDICATOR] = c->leap_indicator;
	octets[PAGE_PERIOD_SHIFT] = c->counter_period_shift;
	put64(octets + PAGE_COUNTER_VALUE, c->counter_value);
	put64(octets + PAGE_PERIOD, c->counter_period_frac_sec);
	put64(octets + PAGE_PERIOD_ESTERROR, c->counter_period_esterror_rate_frac_sec);
	put64(octets + PAGE_PERIOD_MAXERROR, c->counter_period_maxerror_rate_frac_sec);
	put64(octets + PAGE_TIME_SEC, c->time_sec);
	put64(octets + PAGE_TIME_FRAC, c->time_frac_sec);
	put64(octets + PAGE_TIME_ESTERROR, c->time_esterror_nanosec);
	put64(octets + PAGE_TIME_MAXERROR, c->time_maxerror_nanosec);
	put64(octets + PAGE_GENERATION, c->vm_generation_counter);
}

void page_get(const uint8_t *octets, struct gnomon_vmclock *c)
{
	c->magic = get32(octets + PAGE_MAGIC);
	c->size = get32(octets + PAGE_SIZE_FIELD);
	c->version = get16(octets + PAGE_VERSION);
	c->counter_id = octets[PAGE_COUNTER_ID];
	c->time_type = octets[PAGE_TIME_TYPE];
	c->seq_count = get32(octets + PAGE_SEQ_COUNT);
	c->disruption_marker = get64(octets + PAGE_DISRUPTION_MARKER);
	c->flags = get64(octets + PAGE_FLAGS);
	c->clock_status = octets[PAGE_CLOCK_STATUS];
	c->leap_second_smearing_hint = octets[PAGE_SMEARING_HINT];
	c->tai_offset_sec = (int16_t)get16(octets + PAGE_TAI_OFFSET);
	c->leap_indicator = octets[PAGE_LEAP_INDICATOR];
	c->counter_period_shift = octets[PAGE_PERIOD_SHIFT];
	c->counter_value = get64(octets + PAGE_COUNTER_VALUE);
	c->counter_period_frac_sec = get64(octets + PAGE_PERIOD);
	c->counter_period_esterror_rate_frac_sec = get64(octets + PAGE_PERIOD_ESTERROR);
	c->counter_period_maxerror_rate_frac_sec = get64(octets + PAGE_PERIOD_MAXERROR);
	c->time_sec = get64(octets + PAGE_TIME_SEC);
	c->time_frac_sec = get64(octets + PAGE_TIME_FRAC);
	c->time_esterror_nanosec = get64(octets + PAGE_TIME_ESTERROR);
	c->time_maxerror_nanosec = get64(octets + PAGE_TIME_MAXERROR);
	c->vm_generation_counter = get64(octets + PAGE_GENERATION);
}

/* The last three fields may be missing one by one; each has a flag that says it is there. */
static void take_away_missing(struct gnomon_vmclock *c)
{
	if (c->size < PAGE_GENERATION + 8) {
		c->vm_generation_counter = 0;
		c->flags &= ~GNOMON_VMCLOCK_GENERATION_PRESENT;
	}
	if (c->size < PAGE_TIME_MAXERROR + 8) {
		c->time_maxerror_nanosec = 0;
		c->flags &= ~GNOMON_VMCLOCK_TIME_MAXERROR_VALID;
	}
	if (c->size < PAGE_TIME_ESTERROR + 8) {
		c->time_esterror_nanosec = 0;
		c->flags &= ~GNOMON_VMCLOCK_TIME_ESTERROR_VALID;
	}
}

int page_accept(struct gnomon_vmclock *c, size_t len)
{
	if (c->magic != GNOMON_VMCLOCK_MAGIC) {
		return -EBADMSG;
	}
	if (c->version != GNOMON_VMCLOCK_VERSION) {
		return -EPROTO;
	}
	if (c->size < GNOMON_VMCLOCK_SIZE_MIN || c->size > len) {
		return -EMSGSIZE;
	}
	take_away_missing(c);
	return 0;
}

int gnomon_vmclock_decode(const void *octets, size_t len, struct gnomon_vmclock *c)
{
	uint8_t whole[GNOMON_VMCLOCK_SIZE] = { 0 };
	struct gnomon_vmclock found;
	int err;

	memcpy(whole, octets, len < sizeof(whole) ? len : sizeof(whole));
	page_get(whole, &found);
	err = page_accept(&found, len);
	if (!err) {
		*c = found;
	}
	return err;
}

static const char *const status_names[] = {
	[GNOMON_VMCLOCK_UNKNOWN] = "unknown",
	[GNOMON_VMCLOCK_INITIALIZING] = "initializing",
	[GNOMON_VMCLOCK_SYNCHRONIZED] = "synchronized",
	[GNOMON_VMCLOCK_FREERUNNING] = "freerunning",
	[GNOMON_VMCLOCK_UNRELIABLE] = "unreliable",
};

const char *gnomon_vmclock_status_name(unsigned int status)
{
	return status < sizeof(status_names) / sizeof(status_names[0]) ? status_names[status]
								       : "invalid";
}
