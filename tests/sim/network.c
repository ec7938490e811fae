/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages on their way. A multicast is one packet and one event: its arrivals are drawn and
 * sorted once, and walked as long as no other event comes first. That is what makes a thousand
 * nodes on one network affordable.
 */
#include "world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BIMODAL_FACTOR 20.0

/* Arrivals are sorted by their delay, digit by digit. */
#define DIGIT_BITS 11
#define DIGIT_COUNT (1u << DIGIT_BITS)
/* Below this many, insertion is faster. */
#define INSERTION_MAX 24u

/* -- members --------------------------------------------------------------------------------- */

static int add_member(struct world *w, struct network *net, uint32_t index, uint32_t node,
		      unsigned int port)
{
	struct sim_node *n = &w->nodes[node];
	struct member *members = realloc(net->members, (net->count + 1) * sizeof(*members));

	if (!members) {
		return -ENOMEM;
	}
	net->members = members;
	if (port < 1 || port > n->port_count || n->ports[port - 1].network != NETWORK_NONE) {
		snprintf(w->error, sizeof(w->error), "link %s: %s has no free port %u",
			 net->spec->name, n->name, port);
		return -EINVAL;
	}
	members[net->count] = (struct member){ .node = node, .port = (uint16_t)port };
	n->ports[port - 1].network = index;
	n->ports[port - 1].member = net->count++;
	n->ports[port - 1].carrier = true;
	return 0;
}

/* One word of spec->members: NAME or NAME.PORT. */
static int add_members(struct world *w, struct network *net, uint32_t index, char *word)
{
	char *dot = strrchr(word, '.');
	unsigned int port = 1;
	bool found = false;

	if (dot) {
		*dot = '\0';
		port = (unsigned int)strtoul(dot + 1, NULL, 10);
	}
	for (uint32_t i = 0; i < w->node_count; i++) {
		if (world_is(w, i, word)) {
			int err = add_member(w, net, index, i, port);

			if (err != 0) {
				return err;
			}
			found = true;
		}
	}
	if (!found) {
		snprintf(w->error, sizeof(w->error), "link %s: there is no node %s",
			 net->spec->name, word);
		return -EINVAL;
	}
	return 0;
}

int network_init(struct world *w, struct network *net, const struct sim_link_spec *spec,
		 uint32_t index)
{
	char *words = strdup(spec->members);
	char *rest = NULL;
	int err = words ? 0 : -ENOMEM;

	*net = (struct network){ .spec = spec, .loss = spec->loss,
				 .asymmetry_ns = spec->asymmetry_ns };
	random_init(&net->random, random_stream(w->seed, RANDOM_NETWORK, index));
	for (char *word = words ? strtok_r(words, " ", &rest) : NULL; word && err == 0;
	     word = strtok_r(NULL, " ", &rest)) {
		err = add_members(w, net, index, word);
	}
	free(words);
	return err;
}

void network_finish(struct network *net)
{
	free(net->members);
}

/* 10.x.y.z in the order of nodes; the port of the node is the UDP port. */
struct gnomon_address network_address(uint32_t node, unsigned int port)
{
	return (struct gnomon_address){
		.network_protocol = GNOMON_NETWORK_UDP_IPV4,
		.length = 4,
		.octets = { 10, (uint8_t)(node >> 16), (uint8_t)(node >> 8), (uint8_t)node },
		.udp_port = (uint16_t)port,
	};
}

uint32_t network_find(const struct network *net, const struct gnomon_address *address)
{
	uint32_t node = (uint32_t)address->octets[1] << 16 | (uint32_t)address->octets[2] << 8 |
			address->octets[3];

	for (uint32_t i = 0; i < net->count; i++) {
		if (net->members[i].node == node && net->members[i].port == address->udp_port) {
			return i;
		}
	}
	return UINT32_MAX;
}

/* -- packets --------------------------------------------------------------------------------- */

struct packet *packet_take(struct world *w, struct sim_node *n, unsigned int port)
{
	struct packet *p = w->packets;

	if (p) {
		w->packets = p->next_free;
	} else {
		p = calloc(1, sizeof(*p));
		if (!p) {
			snprintf(w->error, sizeof(w->error), "out of memory for packets");
			return NULL;
		}
		p->next_made = w->packets_made;
		w->packets_made = p;
	}
	p->network = n->ports[port - 1].network;
	p->from = n->ports[port - 1].member;
	p->next = 0;
	p->count = 0;
	p->holders = 1;
	return p;
}

void packet_release(struct world *w, struct packet *p)
{
	if (--p->holders == 0) {
		p->next_free = w->packets;
		w->packets = p;
	}
}

static double jitter_ns(struct network *net)
{
	const struct sim_link_spec *s = net->spec;
	struct random *r = &net->random;

	switch (s->jitter) {
	case SIM_JITTER_NONE:
		return 0.0;
	case SIM_JITTER_UNIFORM:
		return 2.0 * s->jitter_ns * random_uniform(r);
	case SIM_JITTER_EXPONENTIAL:
		return s->jitter_ns * random_exponential(r);
	case SIM_JITTER_GAUSSIAN:
		return s->jitter_ns * fabs(random_normal(r));
	case SIM_JITTER_GAMMA:
		return s->jitter_ns / s->jitter_shape * random_gamma(r, s->jitter_shape);
	case SIM_JITTER_BIMODAL:
		return s->jitter_ns * (random_exponential(r) +
				       (random_chance(r, s->jitter_shape) ? BIMODAL_FACTOR : 0.0));
	}
	return 0.0;
}

static void add_arrival(struct world *w, struct network *net, struct packet *p, uint32_t member)
{
	const struct sim_link_spec *s = net->spec;
	double delay_ns = s->delay_ns + jitter_ns(net);

	if (p->from == 0) {
		delay_ns += net->asymmetry_ns;
	}
	if (random_chance(&net->random, s->reorder)) {
		delay_ns += s->reorder_ns;
	}
	p->arrivals[p->count++] = (struct arrival){
		.at_ps = w->now_ps + (int64_t)(fmax(delay_ns, 0.0) * SIM_PS_PER_NS),
		.member = member,
	};
}

static void add_receiver(struct world *w, struct network *net, struct packet *p, uint32_t member)
{
	const struct member *m = &net->members[member];

	if (member == p->from || m->cut || m->deaf ||
	    random_chance(&net->random, net->loss)) {
		return;
	}
	add_arrival(w, net, p, member);
	if (random_chance(&net->random, net->spec->duplicate)) {
		add_arrival(w, net, p, member);
	}
}

static void insertion_sort(struct arrival *a, uint32_t count)
{
	for (uint32_t i = 1; i < count; i++) {
		struct arrival moving = a[i];
		uint32_t at = i;

		while (at > 0 && a[at - 1].at_ps > moving.at_ps) {
			a[at] = a[at - 1];
			at--;
		}
		a[at] = moving;
	}
}

/* One stable pass over the digit at shift of at_ps - base, from `from` to `to`. */
static void radix_pass(const struct arrival *from, struct arrival *to, uint32_t count,
		       int64_t base, unsigned int shift)
{
	uint32_t start[DIGIT_COUNT] = { 0 };
	uint32_t sum = 0;

	for (uint32_t i = 0; i < count; i++) {
		start[((uint64_t)(from[i].at_ps - base) >> shift) % DIGIT_COUNT]++;
	}
	for (uint32_t d = 0; d < DIGIT_COUNT; d++) {
		uint32_t here = start[d];

		start[d] = sum;
		sum += here;
	}
	for (uint32_t i = 0; i < count; i++) {
		to[start[((uint64_t)(from[i].at_ps - base) >> shift) % DIGIT_COUNT]++] = from[i];
	}
}

/* The second half of arrivals is scratch space. */
static void sort_arrivals(struct packet *p)
{
	struct arrival *from = p->arrivals;
	struct arrival *to = p->arrivals + p->capacity / 2;
	int64_t base = INT64_MAX;
	int64_t most = INT64_MIN;

	if (p->count <= INSERTION_MAX) {
		insertion_sort(p->arrivals, p->count);
		return;
	}
	for (uint32_t i = 0; i < p->count; i++) {
		base = from[i].at_ps < base ? from[i].at_ps : base;
		most = from[i].at_ps > most ? from[i].at_ps : most;
	}
	for (unsigned int shift = 0; shift < 63 && (most - base) >> shift != 0;
	     shift += DIGIT_BITS) {
		struct arrival *swap = from;

		radix_pass(from, to, p->count, base, shift);
		from = to;
		to = swap;
	}
	if (from != p->arrivals) {
		memcpy(p->arrivals, from, p->count * sizeof(*from));
	}
}

/* Room for two copies to everybody, twice. */
static bool reserve(struct world *w, struct packet *p, uint32_t members)
{
	uint32_t need = members * 4;
	struct arrival *arrivals;

	if (need <= p->capacity) {
		return true;
	}
	arrivals = realloc(p->arrivals, need * sizeof(*arrivals));
	if (!arrivals) {
		snprintf(w->error, sizeof(w->error), "out of memory for packets");
		return false;
	}
	p->arrivals = arrivals;
	p->capacity = need;
	return true;
}

void packet_send(struct world *w, struct packet *p, const struct gnomon_send *send)
{
	struct network *net = &w->networks[p->network];
	struct event *e;

	p->channel = send->channel;
	p->event = gnomon_msg_is_event(send->type);
	if (!net->members[p->from].cut && reserve(w, p, net->count)) {
		if (send->destination == GNOMON_TO_ADDRESS) {
			uint32_t member = network_find(net, &send->address);

			if (member != UINT32_MAX) {
				add_receiver(w, net, p, member);
			}
		} else {
			for (uint32_t i = 0; i < net->count; i++) {
				add_receiver(w, net, p, i);
			}
		}
	}
	if (p->count == 0) {
		packet_release(w, p);
		return;
	}
	sort_arrivals(p);
	e = world_event(w, EVENT_PACKET, p->arrivals[0].at_ps);
	if (!e) {
		packet_release(w, p);
		return;
	}
	e->packet = p;
}

void packet_walk(struct world *w, struct packet *p)
{
	struct network *net = &w->networks[p->network];
	struct event *e;

	while (p->next < p->count) {
		const struct arrival *a = &p->arrivals[p->next];
		const struct member *m = &net->members[a->member];

		if (a->at_ps > w->end_ps || a->at_ps > queue_next(&w->queue)) {
			break;
		}
		p->next++;
		w->now_ps = a->at_ps;
		w->deliveries++;
		if (!m->cut) {
			node_arrival(&w->nodes[m->node], m->port, p);
		}
	}
	if (p->next == p->count) {
		packet_release(w, p);
		return;
	}
	e = world_event(w, EVENT_PACKET, p->arrivals[p->next].at_ps);
	if (!e) {
		packet_release(w, p);
		return;
	}
	e->packet = p;
}
