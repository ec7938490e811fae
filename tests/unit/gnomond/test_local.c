/* SPDX-License-Identifier: BSD-2-Clause */
/* The daemon's management sockets: where they are, who may what, and clients that come and go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gnomon/management.h>

#include "drivers/clock.h"

#include "tools/gnomond/local.h"

#define NOW ((gnomon_mono){ INT64_C(1000000000) })

struct fixture {
	char folder[64];
	char rw[96];
	char ro[96];
	struct conf conf;
	struct keeper keeper;
	struct gnomon_engine *engine;
	void *memory;
	struct local local;
};

static void build_engine(struct fixture *f)
{
	struct gnomon_port_config port;
	struct gnomon_engine_config config;
	size_t size;

	gnomon_port_config_default(&port);
	gnomon_engine_config_default(&config);
	config.ports = &port;
	config.port_count = 1;
	size = gnomon_engine_size(&config);
	f->memory = malloc(size);
	assert_non_null(f->memory);
	assert_int_equal(gnomon_engine_init(&f->engine, f->memory, size, &config, NOW), 0);
}

static int start(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct clock_soft_config soft = { .tai_offset = 37 };

	assert_non_null(f);
	snprintf(f->folder, sizeof(f->folder), "/tmp/gnomon-local-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->rw, sizeof(f->rw), "%s/rw", f->folder);
	snprintf(f->ro, sizeof(f->ro), "%s/ro", f->folder);
	assert_int_equal(conf_init(&f->conf, true), 0);
	f->conf.uds_address = f->rw;
	f->conf.uds_ro_address = f->ro;
	assert_int_equal(clock_soft_create(&f->keeper.clock, &soft), 0);
	build_engine(f);
	local_init(&f->local, f->engine, &f->keeper);
	*state = f;
	return 0;
}

static int stop(void **state)
{
	struct fixture *f = *state;

	local_close(&f->local);
	f->keeper.clock->ops->destroy(f->keeper.clock);
	conf_finish(&f->conf);
	assert_int_equal(rmdir(f->folder), 0);
	free(f->memory);
	free(f);
	return 0;
}

static void open_both(struct fixture *f)
{
	struct driver_error error = { "" };

	assert_int_equal(local_open(&f->local, &f->conf, &error), 0);
	assert_string_equal(f->local.missing.text, "");
}

/* What the engine sends, to clients. */
static void drain(struct fixture *f)
{
	struct gnomon_action action;

	while (gnomon_engine_next(f->engine, &action)) {
		if (action.type == GNOMON_ACTION_SEND && action.port == 0) {
			local_send(&f->local, &action.u.send);
		}
	}
}

/* A request of a client, and the id or error of the answer; -1: none came. */
static int ask(struct fixture *f, const struct uds *client, enum local_socket which,
	       enum gnomon_management_action action, uint16_t id, const void *data, uint16_t len)
{
	struct gnomon_msg m = { .header = { .type = GNOMON_MSG_MANAGEMENT, .version = 2 } };
	struct gnomon_management_tlv answer;
	struct gnomon_tlv_builder b;
	struct uds_address to;
	struct gnomon_tlv tlv;
	uint8_t tlvs[128], octets[512], *where;
	int n;

	memset(&m.body.management.target, 0xff, sizeof(m.body.management.target));
	m.header.source.port = (uint16_t)client->fd;
	m.body.management.action = (uint8_t)action;
	gnomon_tlv_builder_init(&b, tlvs, sizeof(tlvs));
	where = gnomon_management_tlv_append(&b, id, len);
	assert_non_null(where);
	memcpy(where, data, len);
	m.tlvs = tlvs;
	m.tlvs_len = b.len;
	n = gnomon_msg_encode(&m, octets, sizeof(octets));
	assert_true(n > 0);
	assert_int_equal(uds_address_set(&to, which == LOCAL_READ_WRITE ? f->rw : f->ro, NULL), 0);
	assert_int_equal(uds_send(client, octets, (size_t)n, &to), 0);
	local_ready(&f->local, which, NOW);
	drain(f);
	n = uds_receive(client, octets, sizeof(octets), NULL);
	if (n < 0) {
		return -1;
	}
	assert_int_equal(gnomon_msg_decode(&m, octets, (size_t)n), GNOMON_DECODE_OK);
	assert_true(gnomon_tlv_find(m.tlvs, m.tlvs_len, GNOMON_TLV_MANAGEMENT, &tlv) ||
		    gnomon_tlv_find(m.tlvs, m.tlvs_len, GNOMON_TLV_MANAGEMENT_ERROR_STATUS, &tlv));
	assert_int_equal(gnomon_management_tlv_parse(&answer, &tlv), 0);
	return answer.error ? answer.error : answer.id;
}

static void modes(void **state)
{
	struct fixture *f = *state;
	mode_t before = umask(0777);
	struct stat st;

	f->conf.defaults.uds_file_mode = 0640;
	open_both(f);
	assert_int_equal(umask(before), 0777);
	assert_int_equal(stat(f->rw, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_int_equal(stat(f->ro, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0666);
	local_close(&f->local);
	assert_int_equal(access(f->rw, F_OK), -1);
	assert_int_equal(access(f->ro, F_OK), -1);
}

static void places(void **state)
{
	struct fixture *f = *state;
	struct driver_error error = { "" };
	struct pollfd fds[LOCAL_SOCKETS];

	/* one that was configured must be had, and nothing is left open otherwise */
	f->conf.uds_address = "/nowhere/at/all";
	assert_true(local_open(&f->local, &f->conf, &error) < 0);
	assert_non_null(strstr(error.text, "/nowhere/at/all"));
	local_close(&f->local);
	assert_int_equal(access(f->ro, F_OK), -1);
	/* none at all */
	local_init(&f->local, f->engine, &f->keeper);
	f->conf.uds_address = f->conf.uds_ro_address = "";
	open_both(f);
	local_poll_fds(&f->local, fds);
	assert_int_equal(fds[0].fd, -1);
	assert_int_equal(fds[1].fd, -1);
}

/* The default places are for a daemon with ports, which is what clients look for there. */
static void portless(void **state)
{
	struct fixture *f = *state;
	struct driver_error error = { "" };

	f->conf.uds_address = "/var/run/ptp/ptp4l";
	assert_int_equal(local_open(&f->local, &f->conf, &error), 0);
	assert_int_equal(f->local.servers[LOCAL_READ_WRITE].uds.fd, -1);
	assert_true(f->local.servers[LOCAL_READ_ONLY].uds.fd >= 0);
	assert_string_equal(f->local.missing.text,
			    "there are no ports to manage; set uds_address for one");
}

static void rights(void **state)
{
	struct fixture *f = *state;
	struct uds client;

	open_both(f);
	assert_int_equal(uds_open(&client, NULL, NULL), 0);
	for (int which = 0; which < LOCAL_SOCKETS; which++) {
		bool may = which == LOCAL_READ_WRITE;

		assert_int_equal(ask(f, &client, (enum local_socket)which, GNOMON_MANAGEMENT_GET,
				     0x2000, "", 0),
				 0x2000);
		assert_int_equal(ask(f, &client, (enum local_socket)which, GNOMON_MANAGEMENT_SET,
				     0x2005, "\1\0", 2),
				 may ? 0x2005 : GNOMON_MANAGEMENT_NOT_SUPPORTED);
		assert_int_equal(ask(f, &client, (enum local_socket)which, GNOMON_MANAGEMENT_GET,
				     0x200f, "", 0),
				 0x200f);
	}
	uds_close(&client);
}

/* A client that went away is forgotten by the engine too. */
static void gone(void **state)
{
	static const uint8_t subscription[66] = { 0, 100, 1 };
	struct fixture *f = *state;
	struct uds client;
	int in_use = 0;

	open_both(f);
	assert_int_equal(uds_open(&client, NULL, NULL), 0);
	assert_int_equal(ask(f, &client, LOCAL_READ_WRITE, GNOMON_MANAGEMENT_SET, 0xc003,
			     subscription, sizeof(subscription)),
			 0xc003);
	uds_close(&client);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(gnomon_engine_link(f->engine, 1, i % 2 == 0, NOW), 0);
		drain(f);
	}
	for (int i = 0; i < LOCAL_CLIENTS; i++) {
		in_use += f->local.servers[LOCAL_READ_WRITE].clients[i].name != 0;
	}
	assert_int_equal(in_use, 0);
}

/* Of more clients than there are places the latest are known, and names are never used again. */
static void crowd(void **state)
{
	enum { CROWD = LOCAL_CLIENTS + 5 };
	struct fixture *f = *state;
	struct uds clients[CROWD];
	bool first_is_known = false;

	open_both(f);
	for (int i = 0; i < CROWD; i++) {
		assert_int_equal(uds_open(&clients[i], NULL, NULL), 0);
		assert_int_equal(ask(f, &clients[i], LOCAL_READ_ONLY, GNOMON_MANAGEMENT_GET,
				     0x2000, "", 0),
				 0x2000);
		/* the first stays, because it keeps asking */
		assert_int_equal(ask(f, &clients[0], LOCAL_READ_ONLY, GNOMON_MANAGEMENT_GET,
				     0x2000, "", 0),
				 0x2000);
	}
	assert_int_equal(f->local.names, CROWD);
	for (int i = 0; i < LOCAL_CLIENTS; i++) {
		first_is_known |= f->local.servers[LOCAL_READ_ONLY].clients[i].name == 1;
	}
	assert_true(first_is_known);
	for (int i = 0; i < CROWD; i++) {
		uds_close(&clients[i]);
	}
}

static void nameless(void **state)
{
	struct fixture *f = *state;
	struct uds_address to;
	struct uds client = { .fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) };

	open_both(f);
	assert_true(client.fd >= 0);
	assert_int_equal(uds_address_set(&to, f->rw, NULL), 0);
	assert_int_equal(uds_send(&client, "x", 1, &to), 0);
	local_ready(&f->local, LOCAL_READ_WRITE, NOW);
	local_ready(&f->local, LOCAL_READ_WRITE, NOW); /* nothing there */
	assert_int_equal(f->local.names, 0);
	close(client.fd);
}

int main(void)
{
#define TEST(name, f) { "/gnomond/local/" name, f, start, stop, NULL }
	const struct CMUnitTest tests[] = {
		TEST("modes", modes), TEST("places", places), TEST("rights", rights),
		TEST("gone", gone),   TEST("crowd", crowd),   TEST("nameless", nameless),
		TEST("portless", portless),
	};

	return cmocka_run_group_tests_name("/gnomond/local", tests, NULL, NULL);
}
