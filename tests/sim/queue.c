/* SPDX-License-Identifier: BSD-2-Clause */
#include "queue.h"

#include <errno.h>
#include <stdlib.h>

#define ARITY 4u

int queue_create(struct queue *q, uint32_t capacity)
{
	*q = (struct queue){ 0 };
	return queue_grow(q, capacity);
}

void queue_destroy(struct queue *q)
{
	free(q->heap);
	free(q->position);
	*q = (struct queue){ 0 };
}

int queue_grow(struct queue *q, uint32_t capacity)
{
	struct queue_entry *heap;
	uint32_t *position;

	if (capacity <= q->capacity) {
		return 0;
	}
	heap = realloc(q->heap, capacity * sizeof(*heap));
	if (!heap) {
		return -ENOMEM;
	}
	q->heap = heap;
	position = realloc(q->position, capacity * sizeof(*position));
	if (!position) {
		return -ENOMEM;
	}
	q->position = position;
	for (uint32_t id = q->capacity; id < capacity; id++) {
		position[id] = QUEUE_IDLE;
	}
	q->capacity = capacity;
	return 0;
}

static bool before(const struct queue_entry *a, const struct queue_entry *b)
{
	return a->at_ps != b->at_ps ? a->at_ps < b->at_ps : a->order < b->order;
}

static void place(struct queue *q, uint32_t at, struct queue_entry entry)
{
	q->heap[at] = entry;
	q->position[entry.id] = at;
}

/* Let entry find its way from the hole at towards the root. */
static void sift_up(struct queue *q, uint32_t at, struct queue_entry entry)
{
	while (at > 0) {
		uint32_t parent = (at - 1) / ARITY;

		if (!before(&entry, &q->heap[parent])) {
			break;
		}
		place(q, at, q->heap[parent]);
		at = parent;
	}
	place(q, at, entry);
}

/* ... and away from it. */
static void sift_down(struct queue *q, uint32_t at, struct queue_entry entry)
{
	for (;;) {
		uint32_t child = at * ARITY + 1;
		uint32_t end = child + ARITY < q->count ? child + ARITY : q->count;
		uint32_t least = child;

		if (child >= q->count) {
			break;
		}
		while (++child < end) {
			if (before(&q->heap[child], &q->heap[least])) {
				least = child;
			}
		}
		if (!before(&q->heap[least], &entry)) {
			break;
		}
		place(q, at, q->heap[least]);
		at = least;
	}
	place(q, at, entry);
}

/* Put entry into the place at, whichever way it has to move from there. */
static void settle(struct queue *q, uint32_t at, struct queue_entry entry)
{
	if (at > 0 && before(&entry, &q->heap[(at - 1) / ARITY])) {
		sift_up(q, at, entry);
	} else {
		sift_down(q, at, entry);
	}
}

void queue_set(struct queue *q, uint32_t id, int64_t at_ps)
{
	struct queue_entry entry = { at_ps, q->order++, id };
	uint32_t at = q->position[id];

	if (at == QUEUE_IDLE) {
		sift_up(q, q->count++, entry);
	} else {
		settle(q, at, entry);
	}
}

void queue_cancel(struct queue *q, uint32_t id)
{
	uint32_t at = q->position[id];

	if (at == QUEUE_IDLE) {
		return;
	}
	q->position[id] = QUEUE_IDLE;
	q->count--;
	if (at < q->count) {
		settle(q, at, q->heap[q->count]);
	}
}

bool queue_pop(struct queue *q, uint32_t *id, int64_t *at_ps)
{
	if (q->count == 0) {
		return false;
	}
	*id = q->heap[0].id;
	*at_ps = q->heap[0].at_ps;
	queue_cancel(q, *id);
	return true;
}
