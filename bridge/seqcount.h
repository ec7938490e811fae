/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Blocks of shared memory that one side writes: their count is at octet 12, their size a multiple
 * of eight.
 */
#ifndef BRIDGE_SEQCOUNT_H
#define BRIDGE_SEQCOUNT_H

#include <stdint.h>

#define SEQCOUNT_OFFSET 12

/* The octets at 12 to 15 are not looked at: *seq rules, and becomes what readers then see. */
void seqcount_write(void *block, const uint8_t *octets, unsigned int size, uint32_t *seq);
/* Load once, consistent or not. */
void seqcount_load(const void *block, uint8_t *octets, unsigned int size);
/* 0, or -EAGAIN: it was being written at each of the tries. */
int seqcount_read(const void *block, uint8_t *octets, unsigned int size, unsigned int tries);
/* An even count that readers have not seen on this block. */
uint32_t seqcount_after(const void *block);

#endif
