/* SPDX-License-Identifier: BSD-2-Clause */
/* What the host's CLOCK_REALTIME is worth, for readers of a clock that tells it and no more. */
#include <errno.h>

#include <gnomon/vmclock.h>

#include "bridge/seqcount.h"
#include "bridge/words.h"

enum quality_offset {
	QUALITY_MAGIC = 0x00,
	QUALITY_SIZE_FIELD = 0x04,
	QUALITY_CLOCK_STATUS = 0x08,
	QUALITY_LEAP_INDICATOR = 0x09,
	QUALITY_TAI_OFFSET = 0x0a,
	QUALITY_FLAGS = 0x10,
	QUALITY_MARKER = 0x18,
	QUALITY_REALTIME = 0x20,
	QUALITY_OFFSET = 0x28,
	QUALITY_ESTERROR = 0x30,
	QUALITY_MAXERROR = 0x38,
	QUALITY_GROWTH = 0x40,
	QUALITY_VALID = 0x44,
};

void gnomon_quality_encode(const struct gnomon_quality *q, uint8_t octets[GNOMON_QUALITY_SIZE])
{
	memset(octets, 0, GNOMON_QUALITY_SIZE);
	put32(octets + QUALITY_MAGIC, GNOMON_QUALITY_MAGIC);
	put32(octets + QUALITY_SIZE_FIELD, GNOMON_QUALITY_SIZE);
	octets[QUALITY_CLOCK_STATUS] = q->clock_status;
	octets[QUALITY_LEAP_INDICATOR] = q->leap_indicator;
	put16(octets + QUALITY_TAI_OFFSET, (uint16_t)q->tai_offset_sec);
	put32(octets + SEQCOUNT_OFFSET, q->seq_count);
	put64(octets + QUALITY_FLAGS, q->flags);
	put64(octets + QUALITY_MARKER, q->disruption_marker);
	put64(octets + QUALITY_REALTIME, (uint64_t)q->realtime_ns);
	put64(octets + QUALITY_OFFSET, (uint64_t)q->offset_ns);
	put64(octets + QUALITY_ESTERROR, q->esterror_ns);
	put64(octets + QUALITY_MAXERROR, q->maxerror_ns);
	put32(octets + QUALITY_GROWTH, q->growth_ppb);
	put32(octets + QUALITY_VALID, q->valid_s);
}

static void get(const uint8_t *octets, struct gnomon_quality *q)
{
	q->clock_status = octets[QUALITY_CLOCK_STATUS];
	q->leap_indicator = octets[QUALITY_LEAP_INDICATOR];
	q->tai_offset_sec = (int16_t)get16(octets + QUALITY_TAI_OFFSET);
	q->seq_count = get32(octets + SEQCOUNT_OFFSET);
	q->flags = get64(octets + QUALITY_FLAGS);
	q->disruption_marker = get64(octets + QUALITY_MARKER);
	q->realtime_ns = (int64_t)get64(octets + QUALITY_REALTIME);
	q->offset_ns = (int64_t)get64(octets + QUALITY_OFFSET);
	q->esterror_ns = get64(octets + QUALITY_ESTERROR);
	q->maxerror_ns = get64(octets + QUALITY_MAXERROR);
	q->growth_ppb = get32(octets + QUALITY_GROWTH);
	q->valid_s = get32(octets + QUALITY_VALID);
}

void gnomon_quality_write(void *block, const struct gnomon_quality *q, uint32_t *seq)
{
	uint8_t octets[GNOMON_QUALITY_SIZE];

	gnomon_quality_encode(q, octets);
	seqcount_write(block, octets, sizeof(octets), seq);
}

uint32_t gnomon_quality_seq_after(const void *block)
{
	return seqcount_after(block);
}

/* A later version may be longer; what is known here keeps its place. */
int gnomon_quality_read(const void *block, size_t len, unsigned int tries,
			struct gnomon_quality *q)
{
	uint8_t octets[GNOMON_QUALITY_SIZE];
	uint32_t size;
	int err;

	if (len < sizeof(octets)) {
		return -EMSGSIZE;
	}
	err = seqcount_read(block, octets, sizeof(octets), tries);
	if (err) {
		return err;
	}
	if (get32(octets + QUALITY_MAGIC) != GNOMON_QUALITY_MAGIC) {
		return -EBADMSG;
	}
	size = get32(octets + QUALITY_SIZE_FIELD);
	if (size < GNOMON_QUALITY_SIZE || size > len) {
		return -EMSGSIZE;
	}
	get(octets, q);
	return 0;
}

/* Whether anything is claimed of a CLOCK_REALTIME that has gone age_ns since. */
static bool claims(const struct gnomon_quality *q, int64_t age_ns)
{
	return (q->flags & GNOMON_QUALITY_OFFSET_VALID) &&
	       (q->clock_status == GNOMON_VMCLOCK_SYNCHRONIZED ||
		q->clock_status == GNOMON_VMCLOCK_FREERUNNING) &&
	       age_ns >= -(int64_t)GNOMON_NSEC_PER_SEC &&
	       age_ns / GNOMON_NSEC_PER_SEC < (int64_t)q->valid_s;
}

int gnomon_quality_tai(const struct gnomon_quality *q, int64_t realtime_ns, int64_t *tai_ns,
		       uint64_t *bound_ns)
{
	const uint64_t second = GNOMON_NSEC_PER_SEC;
	uint64_t elapsed, more;
	int64_t age, tai;

	if (__builtin_sub_overflow(realtime_ns, q->realtime_ns, &age) || !claims(q, age) ||
	    __builtin_sub_overflow(realtime_ns, q->offset_ns, &tai)) {
		return -ENODATA;
	}
	elapsed = age < 0 ? 0 - (uint64_t)age : (uint64_t)age;
	/* The seconds fit in 34 bits and the rest in 30: neither product overflows. */
	more = elapsed / second * q->growth_ppb + elapsed % second * q->growth_ppb / second + 1;
	*tai_ns = tai;
	*bound_ns = q->maxerror_ns > GNOMON_BOUND_NONE - more ? GNOMON_BOUND_NONE
							      : q->maxerror_ns + more;
	return 0;
}
