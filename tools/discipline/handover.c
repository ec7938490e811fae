/* SPDX-License-Identifier: BSD-2-Clause */
#include "handover.h"

#include <errno.h>
#include <poll.h>

/* How long to wait for chronyd's socket. */
#define ATTEMPTS 11
#define PAUSE_MS 100

bool handover_is_wanted(const struct conf *conf)
{
	return conf->clock_servo == CONF_SERVO_NTPSHM ||
	       conf->clock_servo == CONF_SERVO_REFCLOCK_SOCK;
}

static int open_socket(struct sink **out, const char *path, struct driver_error *error)
{
	int err = -ENOENT;

	for (int i = 0; i < ATTEMPTS && (err == -ENOENT || err == -ECONNREFUSED); i++) {
		if (i > 0) {
			(void)poll(NULL, 0, PAUSE_MS);
		}
		err = sink_chrony_open(out, path, false, error);
	}
	return err;
}

int handover_open(struct sink **out, const struct conf *conf, struct driver_error *error)
{
	if (conf->clock_servo == CONF_SERVO_NTPSHM) {
		return sink_shm_open(out, conf->ntpshm_segment, error);
	}
	return open_socket(out, conf->refclock_sock_address, error);
}

int handover_send(struct handover *handover, const struct sink_sample *sample)
{
	int err = handover->out->ops->send(handover->out, sample);

	if (!err) {
		handover->failures = 0;
		return 0;
	}
	handover->failures++;
	return (handover->failures & (handover->failures - 1)) == 0 ? err : 0;
}

void handover_close(struct handover *handover)
{
	if (handover->out) {
		handover->out->ops->destroy(handover->out);
		handover->out = NULL;
	}
}
