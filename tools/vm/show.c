/* SPDX-License-Identifier: BSD-2-Clause */
#include "show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define CELL 40

static const char *text_of(const json_t *guest, const char *name)
{
	const char *text = json_string_value(json_object_get(guest, name));

	return text && text[0] ? text : "-";
}

static long long whole_of(const json_t *guest, const char *name)
{
	return (long long)json_integer_value(json_object_get(guest, name));
}

bool show_is_synchronized(const json_t *guest)
{
	return strcmp(text_of(guest, "status"), "synchronized") == 0;
}

/* -- numbers with units ----------------------------------------------------------------------- */

/* Nanoseconds in a unit that leaves few digits. */
static const char *span(const json_t *value, char buf[CELL])
{
	static const struct {
		double size;
		const char *unit;
	} units[] = { { 1e9, "s" }, { 1e6, "ms" }, { 1e3, "us" } };
	const double ns = json_number_value(value);

	if (!json_is_number(value)) {
		return "unknown";
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (ns >= units[i].size) {
			(void)snprintf(buf, CELL, "%.4g %s", ns / units[i].size, units[i].unit);
			return buf;
		}
	}
	(void)snprintf(buf, CELL, "%.0f ns", ns);
	return buf;
}

static const char *age(const json_t *guest, char buf[CELL])
{
	const json_t *value = json_object_get(guest, "age_s");

	if (!json_is_number(value)) {
		return "never";
	}
	(void)snprintf(buf, CELL, "%.2f s", json_number_value(value));
	return buf;
}

static const char *number(const json_t *guest, const char *name, char buf[CELL])
{
	if (!json_is_integer(json_object_get(guest, name))) {
		return "-";
	}
	(void)snprintf(buf, CELL, "%lld", whole_of(guest, name));
	return buf;
}

/* -- a table ---------------------------------------------------------------------------------- */

#define COLUMNS 7

/* The last one is not padded. */
static void print_row(const char *const cells[COLUMNS], const size_t widths[COLUMNS])
{
	for (size_t i = 0; i < COLUMNS; i++) {
		printf("%-*s%s", i + 1 < COLUMNS ? (int)widths[i] : 0, cells[i],
		       i + 1 < COLUMNS ? "  " : "\n");
	}
}

struct cells {
	char bound[CELL];
	char age[CELL];
	char pid[CELL];
};

static void fill(const json_t *guest, struct cells *room, const char *cells[COLUMNS])
{
	cells[0] = text_of(guest, "name");
	cells[1] = text_of(guest, "status");
	cells[2] = span(json_object_get(guest, "bound_ns"), room->bound);
	cells[3] = age(guest, room->age);
	cells[4] = text_of(guest, "map");
	cells[5] = number(guest, "pid", room->pid);
	cells[6] = text_of(guest, "page");
}

void show_list(const json_t *guests)
{
	const char *cells[COLUMNS] = { "NAME", "STATUS", "BOUND", "AGE", "COUNTER", "PID", "PAGE" };
	size_t widths[COLUMNS];
	struct cells room;
	const json_t *guest;
	size_t i;

	for (size_t c = 0; c < COLUMNS; c++) {
		widths[c] = strlen(cells[c]);
	}
	json_array_foreach (guests, i, guest) {
		const char *row[COLUMNS];

		fill(guest, &room, row);
		for (size_t c = 0; c < COLUMNS; c++) {
			widths[c] = strlen(row[c]) > widths[c] ? strlen(row[c]) : widths[c];
		}
	}
	print_row(cells, widths);
	json_array_foreach (guests, i, guest) {
		fill(guest, &room, cells);
		print_row(cells, widths);
	}
}

/* -- one guest -------------------------------------------------------------------------------- */

static void print_counter(const json_t *guest)
{
	const char *map = text_of(guest, "map");

	printf("counter       %s", strcmp(map, "none") == 0 ? "not known" : map);
	if (json_is_string(json_object_get(guest, "offset"))) {
		printf(", offset %s", text_of(guest, "offset"));
	}
	if (json_is_string(json_object_get(guest, "ratio"))) {
		printf(", ratio %s >> %lld", text_of(guest, "ratio"),
		       whole_of(guest, "frac_bits"));
	}
	if (whole_of(guest, "map_error_ticks")) {
		printf(", within %lld ticks", whole_of(guest, "map_error_ticks"));
	}
	printf("\n");
}

static void print_process(const json_t *guest)
{
	char buf[CELL];

	printf("process       %s", number(guest, "pid", buf));
	if (whole_of(guest, "vcpus")) {
		printf(", %lld vCPU%s", whole_of(guest, "vcpus"),
		       whole_of(guest, "vcpus") == 1 ? "" : "s");
	}
	printf("\n");
}

void show_guest(const json_t *guest)
{
	const bool dynamic = json_is_true(json_object_get(guest, "dynamic"));
	char buf[CELL];

	printf("guest         %s (%s)\n", text_of(guest, "name"),
	       dynamic ? "attached" : "of the configuration");
	printf("status        %s", text_of(guest, "status"));
	printf(text_of(guest, "trouble")[0] == '-' ? "\n" : ": %s\n", text_of(guest, "trouble"));
	printf("bound         %s\n", span(json_object_get(guest, "bound_ns"), buf));
	printf("page          %s, written %s ago, %lld times\n", text_of(guest, "page"),
	       age(guest, buf), whole_of(guest, "publications"));
	printf("way           %s, %s\n", text_of(guest, "way"), text_of(guest, "profile"));
	print_counter(guest);
	print_process(guest);
	printf("marker        %s, disruptions %lld\n", text_of(guest, "marker"),
	       whole_of(guest, "disruptions"));
	if (whole_of(guest, "healed")) {
		printf("damage        healed %lld times: the guest writes to its page\n",
		       whole_of(guest, "healed"));
	}
	if (text_of(guest, "qmp")[0] != '-') {
		printf("monitor       %s\n", text_of(guest, "qmp"));
	}
}
