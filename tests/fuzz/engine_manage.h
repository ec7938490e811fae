/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Management in the engine's fuzz target: requests out of a few octets (ENGINE_OP_MANAGE), and what
 * must hold of every message of management the engine sends.
 */
#ifndef TESTS_FUZZ_ENGINE_MANAGE_H
#define TESTS_FUZZ_ENGINE_MANAGE_H

#include <gnomon/engine.h>

#define MANAGE_OCTETS 80

/* The octets of an ENGINE_OP_MANAGE, and the engine they go to. */
struct manage_request {
	const struct gnomon_engine_config *config;
	uint8_t action;
	uint8_t row;
	uint8_t where;
	uint8_t target;
	uint8_t client;
	uint8_t count;
	uint8_t octets[MANAGE_OCTETS];
};

/* The message into data, its length, and *rx but for data and timestamp. */
size_t manage_build(const struct manage_request *r, uint8_t *data, size_t cap,
		    struct gnomon_rx *rx);

/* Answers are of clock own, by their row or naming an error; what is passed on is somebody's. */
void manage_check(const struct gnomon_clock_identity *own, uint16_t port,
		  const struct gnomon_send *send, const struct gnomon_msg *m);

#endif
