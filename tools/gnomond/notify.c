/* SPDX-License-Identifier: BSD-2-Clause */
#include "notify.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "drivers/sd_notify.h"

/* Ports named in the status line; more would not be read. */
#define STATUS_PORTS 8

/* Without NOTIFY_SOCKET everything here does nothing. */
void notify_init(struct notify *n, gnomon_mono now)
{
	const char *usec = getenv("WATCHDOG_USEC");
	const char *pid = getenv("WATCHDOG_PID");

	n->listening = getenv("NOTIFY_SOCKET") != NULL;
	n->interval_ns = 0;
	n->next = GNOMON_MONO_NEVER;
	if (n->listening && usec && (!pid || strtol(pid, NULL, 10) == (long)getpid())) {
		/* Twice in the time allowed, as sd_watchdog_enabled(3) asks. */
		n->interval_ns = strtoll(usec, NULL, 10) * 1000 / 2;
	}
	if (n->interval_ns > 0) {
		n->next = now;
	}
}

/* How many of the guests can rely on their page. */
static int send_guests(const struct daemon *d, char *text, size_t size)
{
	const size_t count = guests_count(&d->guests);
	size_t good = 0;

	for (size_t i = 0; i < count; i++) {
		struct guest_info info;

		guests_info(&d->guests, i, &info);
		good += info.status == GNOMON_VMCLOCK_SYNCHRONIZED ||
			info.status == GNOMON_VMCLOCK_FREERUNNING;
	}
	return count ? snprintf(text, size, "%zu of %zu guests served, ", good, count) : 0;
}

/* The status line behind prefix, one field for each of the first ports. */
static void send_status(const struct daemon *d, const char *prefix)
{
	const struct ports *ports = &d->instances[0].ports;
	char text[448];
	int len = snprintf(text, sizeof(text), "%s", prefix);

	for (size_t i = 0; i < ports->count && i < STATUS_PORTS; i++) {
		len += snprintf(text + len, sizeof(text) - (size_t)len, "%s %s, ",
				ports->list[i].name.interface,
				gnomon_port_state_name(ports->list[i].state));
	}
	if (d->keeper.lost.ns) {
		len += snprintf(text + len, sizeof(text) - (size_t)len, "in holdover, ");
	} else if (d->keeper.source_count > 1) {
		len += snprintf(text + len, sizeof(text) - (size_t)len, "following %s, ",
				d->keeper.selected < 0
					? "no source"
					: d->keeper.sources[d->keeper.selected].name);
	}
	len += send_guests(d, text + len, sizeof(text) - (size_t)len);
	snprintf(text + len, sizeof(text) - (size_t)len, "grandmaster %s, servo s%d",
		 keeper_grandmaster(&d->keeper), (int)d->keeper.state);
	(void)sd_notify_env(text);
}

void notify_ready(struct notify *n, const struct daemon *d)
{
	if (n->listening) {
		send_status(d, "READY=1\nSTATUS=");
	}
}

void notify_status(struct notify *n, const struct daemon *d)
{
	if (n->listening) {
		send_status(d, "STATUS=");
	}
}

void notify_alive(struct notify *n, gnomon_mono now)
{
	if (!gnomon_mono_before(now, n->next)) {
		n->next = gnomon_mono_add(now, n->interval_ns);
		(void)sd_notify_env("WATCHDOG=1");
	}
}

void notify_stopping(struct notify *n)
{
	if (n->listening) {
		(void)sd_notify_env("STOPPING=1");
	}
}
