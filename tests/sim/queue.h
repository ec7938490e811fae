/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The event queue: an indexed 4-ary heap of numbered events. Events at one instant leave in the
 * order they were (re)armed, so runs repeat. Setting an event that is already queued moves it.
 */
#ifndef SIM_QUEUE_H
#define SIM_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

struct queue_entry {
	int64_t at_ps;
	uint64_t order;
	uint32_t id;
};

struct queue {
	struct queue_entry *heap;
	uint32_t *position; /* by id; QUEUE_IDLE when not queued */
	uint32_t count;
	uint32_t capacity; /* ids */
	uint64_t order;
};

#define QUEUE_IDLE UINT32_MAX
#define QUEUE_NEVER INT64_MAX

/* Room for ids 0..capacity-1. 0 or -ENOMEM. */
int queue_create(struct queue *q, uint32_t capacity);
void queue_destroy(struct queue *q);
/* Make room for more ids. 0 or -ENOMEM, the queue unharmed. */
int queue_grow(struct queue *q, uint32_t capacity);

void queue_set(struct queue *q, uint32_t id, int64_t at_ps);
void queue_cancel(struct queue *q, uint32_t id);
bool queue_pop(struct queue *q, uint32_t *id, int64_t *at_ps);

/* The instant of the next event, QUEUE_NEVER if there is none. */
static inline int64_t queue_next(const struct queue *q)
{
	return q->count > 0 ? q->heap[0].at_ps : QUEUE_NEVER;
}

#endif
