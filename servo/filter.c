/* SPDX-License-Identifier: BSD-2-Clause */
/* The delay filters by name. */
#include <string.h>

#include "servo/rows.h"

static const struct gnomon_filter_ops *const filters[] = {
	&moving_median_filter,
	&moving_average_filter,
};

const struct gnomon_filter_ops *gnomon_filter_at(unsigned int index)
{
	return index < sizeof(filters) / sizeof(filters[0]) ? filters[index] : NULL;
}

const struct gnomon_filter_ops *gnomon_filter_find(const char *name)
{
	const struct gnomon_filter_ops *ops;

	for (unsigned int i = 0; (ops = gnomon_filter_at(i)); i++) {
		if (strcmp(ops->name, name) == 0) {
			return ops;
		}
	}
	return NULL;
}
