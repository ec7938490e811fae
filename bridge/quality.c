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
	put_little(octets + QUALITY_MAGIC, 4, GNOMON_QUALITY_MAGIC);
	put_little(octets + QUALITY_SIZE_FIELD, 4, GNOMON_QUALITY_SIZE);
	octets[QUALITY_CLOCK_STATUS] = q->clock_status;
	octets[QUALITY_LEAP_INDICATOR] = q->leap_indicator;
	put_little(octets + QUALITY_TAI_OFFSET, 2, (uint16_t)q->tai_offset_sec);
	put_little(octets + SEQCOUNT_OFFSET, 4, q->seq_count);
	put_little(octets + QUALITY_FLAGS, 8, q->flags);
	put_little(octets + QUALITY_MARKER, 8, q->disruption_marker);
	put_little(octets + QUALITY_REALTIME, 8, (uint64_t)q->realtime_ns);
	put_little(octets + QUALITY_OFFSET, 8, (uint64_t)q->offset_ns);
	put_little(octets + QUALITY_ESTERROR, 8, q->esterror_ns);
	put_little(octets + QUALITY_MAXERROR, 8, q->maxerror_ns);
	put_little(octets + QUALITY_GROWTH, 4, q->growth_ppb);
	put_little(octets + QUALITY_VALID, 4, q->valid_s);
}

static void get(const uint8_t *octets, struct gnomon_quality *q)
{
	q->clock_status = octets[QUALITY_CLOCK_STATUS];
	q->leap_indicator = octets[QUALITY_LEAP_INDICATOR];
	q->tai_offset_sec = (int16_t)(uint16_t)get_little(octets + QUALITY_TAI_OFFSET, 2);
	q->seq_count = (uint32_t)get_little(octets + SEQCOUNT_OFFSET, 4);
	q->flags = get_little(octets + QUALITY_FLAGS, 8);
	q->disruption_marker = get_little(octets + QUALITY_MARKER, 8);
	q->realtime_ns = (int64_t)get_little(octets + QUALITY_REALTIME, 8);
	q->offset_ns = (int64_t)get_little(octets + QUALITY_OFFSET, 8);
	q->esterror_ns = get_little(octets + QUALITY_ESTERROR, 8);
	q->maxerror_ns = get_little(octets + QUALITY_MAXERROR, 8);
	q->growth_ppb = (uint32_t)get_little(octets + QUALITY_GROWTH, 4);
	q->valid_s = (uint32_t)get_little(octets + QUALITY_VALID, 4);
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
	uint64_t size;
	int err;

	if (len < sizeof(octets)) {
		return -EMSGSIZE;
	}
	err = seqcount_read(block, octets, sizeof(octets), tries);
	if (err) {
		return err;
	}
	if (get_little(octets + QUALITY_MAGIC, 4) != GNOMON_QUALITY_MAGIC) {
		return -EBADMSG;
	}
	size = get_little(octets + QUALITY_SIZE_FIELD, 4);
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
