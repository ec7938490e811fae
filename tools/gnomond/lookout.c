/* SPDX-License-Identifier: BSD-2-Clause */
#include "lookout.h"

#include <stdlib.h>
#include <string.h>

#include "drivers/iface.h"

/* VLAN over bond over port is three; more is a loop. */
#define DEPTH_MAX 4

static struct netlink_event *find_index(const struct lookout *l, unsigned int index)
{
	for (size_t i = 0; i < l->count; i++) {
		if (l->known[i].index == index) {
			return &l->known[i];
		}
	}
	return NULL;
}

/* Keep one event. Without memory an interface is simply not known. */
static void keep(struct lookout *l, const struct netlink_event *event)
{
	struct netlink_event *e = find_index(l, event->index);

	if (event->removed) {
		if (e) {
			*e = l->known[--l->count];
		}
		return;
	}
	if (!e) {
		e = reallocarray(l->known, l->count + 1, sizeof(*e));
		if (!e) {
			return;
		}
		l->known = e;
		e = &l->known[l->count++];
	}
	*e = *event;
}

void lookout_init(struct lookout *l)
{
	memset(l, 0, sizeof(*l));
	if (netlink_open(&l->netlink, NULL) == 0) {
		(void)lookout_update(l);
	}
}

void lookout_finish(struct lookout *l)
{
	netlink_close(l->netlink);
	free(l->known);
	memset(l, 0, sizeof(*l));
}

int lookout_fd(const struct lookout *l)
{
	return l->netlink ? netlink_fd(l->netlink) : -1;
}

/* Every event there is, so that the port is looked at once and not for each. */
bool lookout_update(struct lookout *l)
{
	struct netlink_event event;
	bool changed = false;
	int got = 0;

	while (l->netlink && (got = netlink_next(l->netlink, &event)) == 1) {
		keep(l, &event);
		changed = true;
	}
	if (got < 0) {
		/* Netlink broke: go on by asking. */
		netlink_close(l->netlink);
		l->netlink = NULL;
		l->count = 0;
	}
	return changed;
}

/* By name only when the port has no link; then its index is what counts. */
unsigned int lookout_index(const struct lookout *l, const char *name)
{
	struct iface iface;

	if (!l->netlink) {
		return iface_query(name, &iface, NULL) == 0 ? iface.index : 0;
	}
	for (size_t i = 0; i < l->count; i++) {
		if (strcmp(l->known[i].name, name) == 0) {
			return l->known[i].index;
		}
	}
	return 0;
}

bool lookout_exists(const struct lookout *l, unsigned int index, const char *name)
{
	return l->netlink ? find_index(l, index) != NULL : lookout_index(l, name) == index;
}

bool lookout_is_up(const struct lookout *l, unsigned int index, const char *name)
{
	const struct netlink_event *e;

	if (!l->netlink) {
		return iface_is_up(name) == 1;
	}
	e = find_index(l, index);
	return e && e->up;
}

/*
 * The device under a VLAN. Both ends of a veth pair have a lower device too, the other end, whose
 * index may even be of another namespace; only a VLAN shares its address with it.
 */
static const struct netlink_event *vlan_base(const struct lookout *l,
					     const struct netlink_event *vlan)
{
	const struct netlink_event *lower = find_index(l, vlan->lower);

	if (!lower || lower == vlan || memcmp(lower->mac, vlan->mac, sizeof(vlan->mac)) != 0) {
		return NULL;
	}
	return lower;
}

void lookout_stamping(const struct lookout *l, unsigned int index, const char *name,
		      char stamping[IFNAMSIZ])
{
	const struct netlink_event *e = find_index(l, index);

	memset(stamping, 0, IFNAMSIZ);
	for (int depth = 0; e && depth < DEPTH_MAX; depth++) {
		const struct netlink_event *next = NULL;

		if (e->is_bond && e->active_port == 0) {
			return;
		}
		if (e->is_bond) {
			next = find_index(l, e->active_port);
		} else if (e->lower) {
			next = vlan_base(l, e);
		}
		if (!next) {
			break;
		}
		e = next;
	}
	name = e ? e->name : name;
	memcpy(stamping, name, strnlen(name, IFNAMSIZ - 1));
}
