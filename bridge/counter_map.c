/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's counter from the host's, as VMX and SVM make it: scaled, then offset. */
#include <errno.h>

#include "bridge/period.h"

/* 2^-16 to 2^16: no processor scales further, and nothing overflows within. */
#define RATIO_BITS 16

void gnomon_counter_map_offset(struct gnomon_counter_map *map, uint64_t offset)
{
	const struct gnomon_counter_map plain = { .offset = offset, .ratio = 1 };

	*map = plain;
}

bool gnomon_counter_map_valid(const struct gnomon_counter_map *map)
{
	const wide one = (wide)1 << map->frac_bits % 64;

	return map->frac_bits < 64 && (wide)map->ratio << RATIO_BITS >= one &&
	       map->ratio <= one << RATIO_BITS && map->error_ppb >= 0;
}

/* A ratio of 1 is the same, by whichever fraction it is told. */
bool gnomon_counter_map_equal(const struct gnomon_counter_map *a,
			      const struct gnomon_counter_map *b)
{
	return a->offset == b->offset && a->frac_bits < 64 && b->frac_bits < 64 &&
	       (wide)a->ratio << b->frac_bits == (wide)b->ratio << a->frac_bits;
}

uint64_t gnomon_counter_map_guest(const struct gnomon_counter_map *map, uint64_t host)
{
	return (uint64_t)wide_shift_down(wide_product(host, map->ratio), map->frac_bits) +
	       map->offset;
}

int gnomon_counter_map_period(const struct gnomon_counter_map *map,
			      const struct gnomon_period *host, struct gnomon_period *guest)
{
	if (!gnomon_counter_map_valid(map) || !host->frac) {
		return -ERANGE;
	}
	if (map->ratio == UINT64_C(1) << map->frac_bits && host->frac >> 63 &&
	    host->shift <= GNOMON_PERIOD_SHIFT_MAX) {
		*guest = *host;
		return 0;
	}
	return period_divide((wide)host->frac << map->frac_bits, host->shift, map->ratio, guest);
}
