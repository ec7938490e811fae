/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What one message costs the whole engine: acceptance, state, data sets, actions. Each row feeds
 * one port the same kind of traffic and counts messages in and out. Whole-process times; compare
 * rows of one run with each other, not runs of different machines.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <gnomon/engine.h>

#define MESSAGES 2000000
#define PORTS_MAX 1000

struct bench {
	struct gnomon_engine *engine;
	void *mem;
	size_t size;
	gnomon_mono now;
	uint64_t out;
	uint64_t samples;
};

static const struct gnomon_clock_identity own = { { 0, 0, 0, 0xff, 0xfe, 0, 0, 1 } };
static const struct gnomon_port_identity peer = {
	{ { 0, 0, 0, 0xff, 0xfe, 0, 0, 2 } }, 1
};

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static void drain(struct bench *b)
{
	struct gnomon_action a;

	while (gnomon_engine_next(b->engine, &a)) {
		b->out += a.type == GNOMON_ACTION_SEND;
		b->samples += a.type == GNOMON_ACTION_SAMPLE;
	}
}

static size_t memory(unsigned int ports)
{
	struct gnomon_port_config *port = calloc(ports, sizeof(*port));
	struct gnomon_engine_config config;
	size_t size;

	gnomon_engine_config_default(&config);
	for (unsigned int i = 0; i < ports; i++) {
		gnomon_port_config_default(&port[i]);
		port[i].delay_filter = gnomon_filter_find("moving_median");
	}
	config.instance_type = ports > 1 ? GNOMON_INSTANCE_BC : GNOMON_INSTANCE_OC;
	config.ports = port;
	config.port_count = ports;
	size = gnomon_engine_size(&config);
	free(port);
	return size;
}

/* The first port is what is asked for; further ones are timeTransmitters. */
static void begin(struct bench *b, bool receiver, unsigned int ports)
{
	struct gnomon_engine_config config;
	static struct gnomon_port_config port[PORTS_MAX];

	gnomon_engine_config_default(&config);
	for (unsigned int i = 0; i < ports; i++) {
		gnomon_port_config_default(&port[i]);
		port[i].delay_mechanism = receiver ? GNOMON_DELAY_NONE : GNOMON_DELAY_E2E;
		port[i].desired_state = receiver && i == 0 ? GNOMON_PORT_TIME_RECEIVER
							   : GNOMON_PORT_TIME_TRANSMITTER;
	}
	config.instance_type = ports > 1 ? GNOMON_INSTANCE_BC : GNOMON_INSTANCE_OC;
	config.external_port_configuration = true;
	config.clock_identity = own;
	config.ports = port;
	config.port_count = ports;
	memset(b, 0, sizeof(*b));
	b->size = gnomon_engine_size(&config);
	b->mem = malloc(b->size);
	if (!b->mem || gnomon_engine_init(&b->engine, b->mem, b->size, &config, b->now)) {
		fputs("bench-engine: the engine refused its configuration\n", stderr);
		exit(1);
	}
	for (unsigned int i = 0; i < ports; i++) {
		gnomon_engine_link(b->engine, (uint16_t)(i + 1), true, b->now);
		drain(b);
	}
}

static void feed(struct bench *b, struct gnomon_msg *m)
{
	gnomon_time t = gnomon_time_from_ns(b->now.ns);
	uint8_t buf[128];
	int len = gnomon_msg_encode(m, buf, sizeof(buf));
	struct gnomon_rx rx = { .size = sizeof(rx), .port = 1, .data = buf, .len = (size_t)len,
				.timestamp = &t };

	gnomon_engine_rx(b->engine, &rx, b->now);
	drain(b);
}

static struct gnomon_msg message(enum gnomon_msg_type type)
{
	struct gnomon_msg m;

	memset(&m, 0, sizeof(m));
	m.header.type = type;
	m.header.version = GNOMON_VERSION_PTP;
	m.header.source = peer;
	return m;
}

static void report(const char *what, struct bench *b, double took, uint64_t in)
{
	printf("%-34s %9.0f ns/message %11.0f messages/s  (in %" PRIu64 ", out %" PRIu64
	       ", samples %" PRIu64 ")\n",
	       what, took / (double)in * 1e9, (double)in / took, in, b->out, b->samples);
	free(b->mem);
}

/* Sync and Follow_Up into a timeReceiver: an offset sample for every pair. */
static void bench_receiver(void)
{
	struct gnomon_msg announce = message(GNOMON_MSG_ANNOUNCE);
	struct gnomon_msg sync = message(GNOMON_MSG_SYNC);
	struct gnomon_msg follow_up = message(GNOMON_MSG_FOLLOW_UP);
	struct bench b;
	double start;

	begin(&b, true, 1);
	sync.header.flags = GNOMON_FLAG_TWO_STEP;
	announce.body.announce.grandmaster_identity = peer.clock;
	feed(&b, &announce);
	start = seconds();
	for (uint32_t i = 0; i < MESSAGES / 2; i++) {
		b.now.ns += 1000;
		sync.header.sequence_id = follow_up.header.sequence_id = (uint16_t)i;
		feed(&b, &sync);
		feed(&b, &follow_up);
	}
	report("timeReceiver: Sync, Follow_Up", &b, seconds() - start, MESSAGES);
}

/* Delay_Req into a timeTransmitter: a Delay_Resp for each. */
static void bench_transmitter(void)
{
	struct gnomon_msg request = message(GNOMON_MSG_DELAY_REQ);
	struct bench b;
	double start;

	begin(&b, false, 1);
	start = seconds();
	for (uint32_t i = 0; i < MESSAGES; i++) {
		b.now.ns += 1000;
		request.header.sequence_id = (uint16_t)i;
		feed(&b, &request);
	}
	report("timeTransmitter: Delay_Req answered", &b, seconds() - start, MESSAGES);
}

/* What a timeReceiver hears of its neighbours and does not want. */
static void bench_refused(void)
{
	struct gnomon_msg request = message(GNOMON_MSG_DELAY_REQ);
	struct bench b;
	double start;

	begin(&b, true, 1);
	start = seconds();
	for (uint32_t i = 0; i < MESSAGES; i++) {
		request.header.sequence_id = (uint16_t)i;
		feed(&b, &request);
	}
	report("timeReceiver: others' Delay_Req", &b, seconds() - start, MESSAGES);
}

/* The discipline's answer to a sample, to a clock with that many ports. */
static void bench_clock_event(unsigned int ports)
{
	const uint64_t events = 100000;
	struct gnomon_clock_event event = { .size = sizeof(event),
					    .state = GNOMON_SERVO_LOCKED,
					    .rate_ratio = 1.0 };
	struct bench b;
	double start;

	begin(&b, true, ports);
	start = seconds();
	for (uint64_t i = 0; i < events; i++) {
		gnomon_engine_clock_event(b.engine, &event, b.now);
		drain(&b);
	}
	printf("clock event, %4u port%s %22.0f ns\n", ports, ports == 1 ? " " : "s",
	       (seconds() - start) / (double)events * 1e9);
	free(b.mem);
}

int main(void)
{
	size_t one = memory(1), many = memory(1001);

	puts("CPU time per message, encoding of the input included:");
	bench_receiver();
	bench_transmitter();
	bench_refused();
	bench_clock_event(1);
	bench_clock_event(32);
	bench_clock_event(PORTS_MAX);
	printf("memory: %zu octets with one port, %zu for every further port\n", one,
	       (many - one) / 1000);
	return 0;
}
