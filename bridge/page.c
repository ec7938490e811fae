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
	put_little(octets + PAGE_MAGIC, 4, c->magic);
	put_little(octets + PAGE_SIZE_FIELD, 4, c->size);
	put_little(octets + PAGE_VERSION, 2, c->version);
	octets[PAGE_COUNTER_ID] = c->counter_id;
	octets[PAGE_TIME_TYPE] = c->time_type;
	put_little(octets + PAGE_SEQ_COUNT, 4, c->seq_count);
	put_little(octets + PAGE_DISRUPTION_MARKER, 8, c->disruption_marker);
	put_little(octets + PAGE_FLAGS, 8, c->flags);
	octets[PAGE_CLOCK_STATUS] = c->clock_status;
	octets[PAGE_SMEARING_HINT] = c->leap_second_smearing_hint;
	put_little(octets + PAGE_TAI_OFFSET, 2, (uint16_t)c->tai_offset_sec);
	octets[PAGE_LEAP_INDICATOR] = c->leap_indicator;
	octets[PAGE_PERIOD_SHIFT] = c->counter_period_shift;
	put_little(octets + PAGE_COUNTER_VALUE, 8, c->counter_value);
	put_little(octets + PAGE_PERIOD, 8, c->counter_period_frac_sec);
	put_little(octets + PAGE_PERIOD_ESTERROR, 8, c->counter_period_esterror_rate_frac_sec);
	put_little(octets + PAGE_PERIOD_MAXERROR, 8, c->counter_period_maxerror_rate_frac_sec);
	put_little(octets + PAGE_TIME_SEC, 8, c->time_sec);
	put_little(octets + PAGE_TIME_FRAC, 8, c->time_frac_sec);
	put_little(octets + PAGE_TIME_ESTERROR, 8, c->time_esterror_nanosec);
	put_little(octets + PAGE_TIME_MAXERROR, 8, c->time_maxerror_nanosec);
	put_little(octets + PAGE_GENERATION, 8, c->vm_generation_counter);
}

void page_get(const uint8_t *octets, struct gnomon_vmclock *c)
{
	c->magic = (uint32_t)get_little(octets + PAGE_MAGIC, 4);
	c->size = (uint32_t)get_little(octets + PAGE_SIZE_FIELD, 4);
	c->version = (uint16_t)get_little(octets + PAGE_VERSION, 2);
	c->counter_id = octets[PAGE_COUNTER_ID];
	c->time_type = octets[PAGE_TIME_TYPE];
	c->seq_count = (uint32_t)get_little(octets + PAGE_SEQ_COUNT, 4);
	c->disruption_marker = get_little(octets + PAGE_DISRUPTION_MARKER, 8);
	c->flags = get_little(octets + PAGE_FLAGS, 8);
	c->clock_status = octets[PAGE_CLOCK_STATUS];
	c->leap_second_smearing_hint = octets[PAGE_SMEARING_HINT];
	c->tai_offset_sec = (int16_t)(uint16_t)get_little(octets + PAGE_TAI_OFFSET, 2);
	c->leap_indicator = octets[PAGE_LEAP_INDICATOR];
	c->counter_period_shift = octets[PAGE_PERIOD_SHIFT];
	c->counter_value = get_little(octets + PAGE_COUNTER_VALUE, 8);
	c->counter_period_frac_sec = get_little(octets + PAGE_PERIOD, 8);
	c->counter_period_esterror_rate_frac_sec = get_little(octets + PAGE_PERIOD_ESTERROR, 8);
	c->counter_period_maxerror_rate_frac_sec = get_little(octets + PAGE_PERIOD_MAXERROR, 8);
	c->time_sec = get_little(octets + PAGE_TIME_SEC, 8);
	c->time_frac_sec = get_little(octets + PAGE_TIME_FRAC, 8);
	c->time_esterror_nanosec = get_little(octets + PAGE_TIME_ESTERROR, 8);
	c->time_maxerror_nanosec = get_little(octets + PAGE_TIME_MAXERROR, 8);
	c->vm_generation_counter = get_little(octets + PAGE_GENERATION, 8);
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
