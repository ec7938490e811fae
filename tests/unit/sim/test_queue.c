/* SPDX-License-Identifier: BSD-2-Clause */
/* The event queue against a model that searches all events for the first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/sim/queue.h"
#include "tests/sim/random.h"

#define IDS 60
#define OPERATIONS 100000

struct model {
	int64_t at_ps[IDS];
	uint64_t order[IDS];
	uint64_t next_order;
};

static bool model_first(const struct model *m, uint32_t *id)
{
	bool found = false;

	for (uint32_t i = 0; i < IDS; i++) {
		if (m->at_ps[i] == QUEUE_NEVER) {
			continue;
		}
		if (!found || m->at_ps[i] < m->at_ps[*id] ||
		    (m->at_ps[i] == m->at_ps[*id] && m->order[i] < m->order[*id])) {
			*id = i;
			found = true;
		}
	}
	return found;
}

static void check_pop(struct queue *q, struct model *m)
{
	uint32_t expected = 0;
	uint32_t id = IDS;
	int64_t at_ps = 0;
	bool any = model_first(m, &expected);

	assert_int_equal(queue_next(q), any ? m->at_ps[expected] : QUEUE_NEVER);
	assert_int_equal(queue_pop(q, &id, &at_ps), any);
	if (any) {
		assert_int_equal(id, expected);
		assert_int_equal(at_ps, m->at_ps[expected]);
		m->at_ps[expected] = QUEUE_NEVER;
	}
}

static void model(void **state)
{
	struct random r;
	struct queue q;
	struct model m = { .next_order = 0 };

	random_init(&r, 11);
	assert_int_equal(queue_create(&q, IDS), 0);
	for (uint32_t i = 0; i < IDS; i++) {
		m.at_ps[i] = QUEUE_NEVER;
	}
	for (int i = 0; i < OPERATIONS; i++) {
		uint32_t id = (uint32_t)(random_next(&r) % IDS);
		uint64_t what = random_next(&r) % 8;

		if (what < 5) {
			/* Few instants, so that many events share one. */
			m.at_ps[id] = (int64_t)(random_next(&r) % 40);
			m.order[id] = m.next_order++;
			queue_set(&q, id, m.at_ps[id]);
		} else if (what < 6) {
			m.at_ps[id] = QUEUE_NEVER;
			queue_cancel(&q, id);
		} else {
			check_pop(&q, &m);
		}
	}
	for (int i = 0; i <= IDS; i++) {
		check_pop(&q, &m);
	}
	queue_destroy(&q);
}

static void grows(void **state)
{
	struct queue q;
	uint32_t id;
	int64_t at_ps;

	assert_int_equal(queue_create(&q, 2), 0);
	queue_set(&q, 1, 5);
	assert_int_equal(queue_grow(&q, 1000), 0);
	assert_int_equal(queue_grow(&q, 10), 0);
	queue_set(&q, 999, 4);
	assert_true(queue_pop(&q, &id, &at_ps));
	assert_int_equal(id, 999);
	assert_true(queue_pop(&q, &id, &at_ps));
	assert_int_equal(id, 1);
	assert_false(queue_pop(&q, &id, &at_ps));
	queue_destroy(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/sim/queue/model", model, NULL, NULL, NULL },
		{ "/sim/queue/grows", grows, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
