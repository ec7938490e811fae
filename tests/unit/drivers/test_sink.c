/* SPDX-License-Identifier: BSD-2-Clause */
/* drivers/sink.h against readers of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "drivers/sink.h"

static const struct sink_sample sample = {
	.local = { 1700000000, 123456789, 0 },
	.offset = { -2500, 0 },
	.error_ns = 300,
	.leap = 61,
};

/* As chrony.conf(5) has it. */
struct chrony_sample {
	struct timeval tv;
	double offset;
	int pulse;
	int leap;
	int pad;
	int magic;
};

static struct sockaddr_un address;

static int listen_there(void)
{
	const int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	assert_true(fd >= 0);
	(void)unlink(address.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void assert_received(int fd)
{
	struct chrony_sample got = { 0 };

	assert_int_equal(recv(fd, &got, sizeof(got), MSG_DONTWAIT), sizeof(got));
	assert_int_equal(got.tv.tv_sec, 1700000000);
	assert_int_equal(got.tv.tv_usec, 123456);
	assert_true(fabs(got.offset - 2.5e-6) < 1e-12);
	assert_int_equal(got.pulse, 0);
	assert_int_equal(got.leap, 1);
	assert_int_equal(got.magic, 0x534f434b);
}

static void chrony(void **state)
{
	struct driver_error error = { "" };
	struct sink *sink = NULL;
	int fd;

	(void)state;
	address.sun_family = AF_UNIX;
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/gnomon-sock-%d",
		       (int)getpid());
	assert_int_equal(sink_chrony_open(&sink, address.sun_path, false, &error), -ENOENT);
	assert_non_null(strstr(error.text, "refclock SOCK"));
	assert_null(sink);
	/* One that may come is waited for. */
	assert_int_equal(sink_chrony_open(&sink, address.sun_path, true, &error), 0);
	assert_true(sink->absent);
	assert_int_equal(sink->ops->send(sink, &sample), -ENOENT);
	fd = listen_there();
	assert_int_equal(sink->ops->send(sink, &sample), 0);
	assert_received(fd);
	sink->ops->destroy(sink);
	assert_int_equal(sink_chrony_open(&sink, address.sun_path, false, &error), 0);
	assert_false(sink->absent);
	assert_string_equal(sink->ops->kind, "chrony");
	assert_int_equal(sink->ops->send(sink, &sample), 0);
	assert_received(fd);
	/* chronyd is restarted. */
	close(fd);
	assert_int_equal(sink->ops->send(sink, &sample), -ECONNREFUSED);
	assert_int_equal(sink->ops->send(sink, &sample), -ECONNREFUSED);
	fd = listen_there();
	assert_int_equal(sink->ops->send(sink, &sample), 0);
	assert_received(fd);
	sink->ops->destroy(sink);
	close(fd);
	assert_int_equal(unlink(address.sun_path), 0);
}

/* As ntpd's refclock_shm has it. */
struct ntp_shm {
	int mode;
	int count;
	time_t clock_sec;
	int clock_usec;
	time_t receive_sec;
	int receive_usec;
	int leap;
	int precision;
	int nsamples;
	int valid;
	unsigned int clock_nsec;
	unsigned int receive_nsec;
	int dummy[8];
};

static void shm(void **state)
{
	/* Nobody else's segment. */
	const int segment = 0x10000 + (int)getpid();
	struct driver_error error;
	struct ntp_shm *t;
	struct sink *sink;
	int id;

	(void)state;
	/* One that was never written to is taken away again. */
	assert_int_equal(sink_shm_open(&sink, segment, &error), 0);
	assert_true(shmget((key_t)(0x4e545030 + segment), 0, 0) >= 0);
	sink->ops->destroy(sink);
	assert_int_equal(shmget((key_t)(0x4e545030 + segment), 0, 0), -1);
	assert_int_equal(sink_shm_open(&sink, segment, &error), 0);
	id = shmget((key_t)(0x4e545030 + segment), sizeof(*t), 0);
	assert_true(id >= 0);
	t = shmat(id, NULL, 0);
	assert_ptr_not_equal(t, (void *)-1);
	assert_int_equal(t->valid, 0);
	assert_int_equal(sink->ops->send(sink, &sample), 0);
	assert_int_equal(t->mode, 1);
	assert_int_equal(t->count, 2);
	assert_int_equal(t->valid, 1);
	assert_int_equal(t->receive_sec, 1700000000);
	assert_int_equal(t->receive_nsec, 123456789);
	assert_int_equal(t->receive_usec, 123456);
	assert_int_equal(t->clock_sec, 1700000000);
	assert_int_equal(t->clock_nsec, 123459289);
	assert_int_equal(t->clock_usec, 123459);
	assert_int_equal(t->leap, 1);
	assert_int_equal(t->precision, -21); /* 2^-22 s are 238 ns */
	assert_int_equal(sink->ops->send(sink, &sample), 0);
	assert_int_equal(t->count, 4);
	sink->ops->destroy(sink);
	assert_int_equal(t->valid, 0);
	/* It stays, for readers have it, and the next writer takes it up. */
	assert_int_equal(sink_shm_open(&sink, segment, &error), 0);
	assert_int_equal(shmget((key_t)(0x4e545030 + segment), sizeof(*t), 0), id);
	assert_int_equal(sink->ops->send(sink, &sample), 0);
	assert_int_equal(t->valid, 1);
	assert_int_equal(t->count, 6);
	sink->ops->destroy(sink);
	/* A segment of another size is something else's. */
	assert_int_equal(shmdt(t), 0);
	assert_int_equal(shmctl(id, IPC_RMID, NULL), 0);
	id = shmget((key_t)(0x4e545030 + segment), 8, IPC_CREAT | 0600);
	assert_true(id >= 0);
	assert_int_equal(sink_shm_open(&sink, segment, &error), -EINVAL);
	assert_non_null(strstr(error.text, "cannot attach"));
	assert_int_equal(shmctl(id, IPC_RMID, NULL), 0);
}

/* A segment has one writer. One that is read by others is none the worse. */
static void shm_twice(void **state)
{
	const int segment = 0x20000 + (int)getpid();
	const int id = shmget((key_t)(0x4e545030 + segment), sizeof(struct ntp_shm),
			      IPC_CREAT | 0600);
	struct driver_error error = { "" };
	struct sink *sink;
	int ready[2];
	pid_t child;
	char c;

	(void)state;
	assert_true(id >= 0);
	assert_int_equal(pipe(ready), 0);
	for (int i = 0; i < 2; i++) {
		child = fork();
		if (child == 0) {
			(void)prctl(PR_SET_NAME, i ? "phc2sys" : "chronyd");
			c = shmat(id, NULL, 0) == (void *)-1 ? 'n' : 'y';
			(void)!write(ready[1], &c, 1);
			(void)pause();
			_exit(0);
		}
		assert_int_equal(read(ready[0], &c, 1), 1);
		assert_int_equal(c, 'y');
		assert_int_equal(sink_shm_open(&sink, segment, &error), i ? -EBUSY : 0);
		if (i) {
			assert_non_null(strstr(error.text, "writes to it: stop that"));
		} else {
			sink->ops->destroy(sink);
		}
		assert_int_equal(kill(child, SIGKILL), 0);
		assert_int_equal(waitpid(child, NULL, 0), child);
	}
	assert_int_equal(sink_shm_open(&sink, segment, &error), 0);
	sink->ops->destroy(sink);
	assert_int_equal(shmctl(id, IPC_RMID, NULL), 0);
	(void)close(ready[0]);
	(void)close(ready[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "/drivers/sink/chrony", chrony, NULL, NULL, NULL },
		{ "/drivers/sink/shm", shm, NULL, NULL, NULL },
		{ "/drivers/sink/shm_twice", shm_twice, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
