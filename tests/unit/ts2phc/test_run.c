/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ts2phc from the pulse to the clock, on PHCs of our own in a time of our own: this program
 * defines open(), ioctl(), clock_gettime() and clock_adjtime() in place of libc's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include <linux/ptp_clock.h>

#include "tools/ts2phc/ts2phc.h"

/* Declared by <fcntl.h>, where large file support makes one of the other. */
int open(const char *path, int flags, ...);
int open64(const char *path, int flags, ...);

#define SEC INT64_C(1000000000)
#define CLOCKS 2
#define TAI_UTC 37

/* 2026-03-01, TAI. */
#define EPOCH (INT64_C(1772323237) * SEC)

static int64_t true_ns; /* TAI */

/* -- clocks ----------------------------------------------------------------------------------- */

static struct fake {
	int fd;
	int queue[2];
	double wrong_ppb; /* of its oscillator */
	double adjust_ppb;
	double reading;   /* minus true time, at: */
	int64_t at;
	int touched;
	char order[8]; /* of what was done first: "s" a step, "f" a frequency */
	bool armed;
	bool refuses;
	int pins;
	int lacks_ext_ts; /* of the two channels */
	int pin_error;    /* of setting one */
	int extts_error;
} fakes[CLOCKS];

static int receiver[2]; /* the GNSS receiver */
static int64_t system_error_ns;

static struct fake *fake_of_fd(int fd)
{
	for (int i = 0; i < CLOCKS; i++) {
		if (fakes[i].fd == fd) {
			return &fakes[i];
		}
	}
	return NULL;
}

static struct fake *fake_of_clock(clockid_t id)
{
	return fake_of_fd((int)~((unsigned int)id >> 3 | 7u << 29));
}

/* What it reads beyond true time. */
static double error_of(struct fake *f)
{
	f->reading += (f->wrong_ppb + f->adjust_ppb) * 1e-9 * (double)(true_ns - f->at);
	f->at = true_ns;
	return f->reading;
}

static int open_fake(const char *path)
{
	for (int i = 0; i < CLOCKS; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "/dev/ptp%d", i);
		if (strcmp(path, name) == 0) {
			int fd = dup(fakes[i].queue[0]);

			/* Opened again, it is for a lock on it. */
			fakes[i].fd = fakes[i].fd < 0 ? fd : fakes[i].fd;
			return fd;
		}
	}
	if (strcmp(path, "/dev/gnss") == 0) {
		return dup(receiver[0]);
	}
	errno = ENOENT;
	return -1;
}

int open(const char *path, int flags, ...)
{
	(void)flags;
	return open_fake(path);
}

int open64(const char *path, int flags, ...)
{
	(void)flags;
	return open_fake(path);
}

static int fail_with(int error)
{
	errno = error;
	return error ? -1 : 0;
}

/* Pins are called SDP0, SDP1 ... */
static int ask_fake(struct fake *f, unsigned long request, void *data)
{
	if (request == PTP_CLOCK_GETCAPS) {
		const struct ptp_clock_caps caps = { .max_adj = 100000000,
						     .n_ext_ts = 2 - f->lacks_ext_ts,
						     .n_pins = f->pins };

		memcpy(data, &caps, sizeof(caps));
		return 0;
	}
	if (request == PTP_PIN_GETFUNC) {
		struct ptp_pin_desc *pin = data;

		(void)snprintf(pin->name, sizeof(pin->name), "SDP%u", pin->index);
		return 0;
	}
	if (request == PTP_PIN_SETFUNC) {
		return fail_with(f->pin_error);
	}
	if (request == PTP_EXTTS_REQUEST2) {
		bool on = ((struct ptp_extts_request *)data)->flags != 0;

		f->armed = on && !f->extts_error;
		return fail_with(on ? f->extts_error : 0);
	}
	return fail_with(ENOTTY);
}

int ioctl(int fd, unsigned long request, ...)
{
	struct fake *f = fake_of_fd(fd);
	va_list args;
	void *data;

	va_start(args, request);
	data = va_arg(args, void *);
	va_end(args);
	return f ? ask_fake(f, request, data) : fail_with(ENOTTY);
}

static struct timespec timespec_of(int64_t ns)
{
	return (struct timespec){ ns / SEC, ns % SEC };
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
	if (id == CLOCK_REALTIME) {
		*ts = timespec_of(true_ns - TAI_UTC * SEC + system_error_ns);
	} else if (id < 0) {
		*ts = timespec_of(true_ns + (int64_t)error_of(fake_of_clock(id)));
	} else {
		*ts = timespec_of(true_ns - EPOCH + SEC);
	}
	return 0;
}

int clock_adjtime(clockid_t id, struct timex *tx)
{
	struct fake *f = id < 0 ? fake_of_clock(id) : NULL;

	tx->tai = TAI_UTC;
	if (!f || !tx->modes) {
		tx->freq = f ? (long)(f->adjust_ppb * 65.536) : 0;
		return 0;
	}
	if (f->refuses) {
		errno = EPERM;
		return -1;
	}
	(void)error_of(f);
	if ((size_t)f->touched + 1 < sizeof(f->order)) {
		f->order[f->touched] = tx->modes & ADJ_SETOFFSET ? 's' : 'f';
	}
	f->touched++;
	if (tx->modes & ADJ_FREQUENCY) {
		f->adjust_ppb = (double)tx->freq / 65.536;
	}
	if (tx->modes & ADJ_SETOFFSET) {
		f->reading += (double)tx->time.tv_sec * 1e9 + (double)tx->time.tv_usec;
	}
	return 0;
}

int adjtimex(struct timex *tx)
{
	return clock_adjtime(CLOCK_REALTIME, tx);
}

/* -- the program ------------------------------------------------------------------------------ */

static struct {
	struct conf conf;
	struct log log;
	struct ts2phc t;
	struct sink sinks[CLOCKS];
	char lines[65536];
} run;

static void write_line(struct log *log, int level, const char *line, size_t len)
{
	size_t used = strlen(run.lines);

	(void)log;
	(void)level;
	if (used + len < sizeof(run.lines)) {
		memcpy(run.lines + used, line, len);
		run.lines[used + len] = '\0';
	}
}

static void set_key(const char *name, const char *value)
{
	const struct conf_key *key = conf_key_find(name, strlen(name));
	const struct conf_place nowhere = { NULL, 0 };

	assert_non_null(key);
	assert_int_equal(conf_value_set(key, conf_target(&run.conf, key), &run.conf, value, nowhere,
					NULL),
			 0);
}

static int set_up(void **state)
{
	(void)state;
	memset(&run, 0, sizeof(run));
	memset(fakes, 0, sizeof(fakes));
	true_ns = EPOCH;
	system_error_ns = 0;
	for (int i = 0; i < CLOCKS; i++) {
		fakes[i].fd = -1;
		fakes[i].at = EPOCH;
		if (pipe(fakes[i].queue)) {
			return -1;
		}
	}
	/* SOCK_NONBLOCK is O_NONBLOCK. */
	if (pipe2(receiver, SOCK_NONBLOCK)) {
		return -1;
	}
	return conf_init_tool(&run.conf, false);
}

static int tear_down(void **state)
{
	(void)state;
	for (size_t i = 0; i < run.t.sink_count; i++) {
		sink_close(&run.sinks[i]);
		assert_false(fakes[i].armed);
	}
	source_close(&run.t.source);
	for (int i = 0; i < CLOCKS; i++) {
		(void)close(fakes[i].queue[0]);
		(void)close(fakes[i].queue[1]);
	}
	(void)close(receiver[0]);
	(void)close(receiver[1]);
	conf_finish(&run.conf);
	return 0;
}

static gnomon_mono mono(void)
{
	return (gnomon_mono){ true_ns - EPOCH + SEC };
}

static void start(const char *source, size_t sinks, int64_t width_ns)
{
	struct driver_error error = { "" };

	set_key("use_syslog", "0");
	set_key("verbose", "1");
	for (size_t i = 0; i < sinks; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "/dev/ptp%u", (unsigned int)i);
		assert_non_null(conf_interface_add(&run.conf, name));
	}
	log_init(&run.log, "ts2phc", &run.conf);
	run.log.write = write_line;
	run.t = (struct ts2phc){ .conf = &run.conf,
				 .log = &run.log,
				 .sinks = run.sinks,
				 .sink_count = sinks,
				 .pulse = { .period_ns = SEC, .width_ns = width_ns } };
	if (source_open(&run.t.source, source, &run.conf, &run.log, &error)) {
		fail_msg("%s", error.text);
	}
	run.t.pulse.message = run.t.source.kind == SOURCE_NMEA;
	for (size_t i = 0; i < sinks; i++) {
		if (sink_open(&run.sinks[i], &run.conf.ports[i], &run.conf, true, &error) ||
		    sink_arm(&run.sinks[i], &error)) {
			fail_msg("%s", error.text);
		}
		assert_true(fakes[i].armed);
		assert_int_equal(fakes[i].touched, 0);
	}
	assert_int_equal(source_start(&run.t.source, &run.t.pulse, &error), 0);
	ts2phc_begin(&run.t, mono());
}

/* A clock stamps an edge now. */
static void edge(int i, unsigned int channel)
{
	const int64_t ns = true_ns + (int64_t)error_of(&fakes[i]);
	struct ptp_extts_event event = { .index = channel };

	event.t.sec = ns / SEC;
	event.t.nsec = (uint32_t)(ns % SEC);
	assert_int_equal(write(fakes[i].queue[1], &event, sizeof(event)), sizeof(event));
}

/* Some ms later the program wakes up. */
static void wake(int64_t after_ms)
{
	true_ns += after_ms * 1000000;
	source_tend(&run.t.source, true, mono());
	assert_int_equal(ts2phc_take(&run.t, mono()), 0);
}

static void next_second(void)
{
	true_ns += SEC - true_ns % SEC;
}

static void assert_near(int i, double limit_ns)
{
	const double error = error_of(&fakes[i]);

	if (!(fabs(error) <= limit_ns)) {
		fail_msg("clock %d is off by %.0f ns:\n%s", i, error, run.lines);
	}
}

static unsigned int count(const char *text)
{
	unsigned int n = 0;

	for (const char *p = run.lines; (p = strstr(p, text)); p++) {
		n++;
	}
	return n;
}

/* What the receiver sends around a sentence. */
struct form {
	const char *before;
	const char *star;
	const char *after;
};

static const struct form good_form = { "$", "*", "\r\n" };

static void say_body(const struct form *form, const char *body)
{
	unsigned int sum = 0;
	char text[160];

	for (const char *p = body; *p; p++) {
		sum ^= (unsigned char)*p;
	}
	(void)snprintf(text, sizeof(text), "%s%s%s%02X%s", form->before, body, form->star, sum,
		       form->after);
	assert_int_equal(write(receiver[1], text, strlen(text)), strlen(text));
}

static void say_rmc(const struct form *form, bool valid)
{
	const time_t utc = (time_t)(true_ns / SEC - TAI_UTC);
	char body[128];
	struct tm tm;

	(void)gmtime_r(&utc, &tm);
	(void)snprintf(body, sizeof(body), "GPRMC,%02d%02d%02d.00,%c,,,,,,,%02d%02d%02d,,",
		       tm.tm_hour, tm.tm_min, tm.tm_sec, valid ? 'A' : 'V', tm.tm_mday,
		       tm.tm_mon + 1, tm.tm_year - 100);
	say_body(form, body);
}

/* -- tests ------------------------------------------------------------------------------------ */

/* The system clock need only be right to half a second. */
static void follows(void **state)
{
	(void)state;
	fakes[0].reading = 3e9;
	fakes[0].wrong_ppb = 50000;
	fakes[1].reading = -7e14;
	fakes[1].wrong_ppb = -20000;
	system_error_ns = -300000000;
	start("generic", 2, SEC / 2);
	for (int i = 0; i < 60; i++) {
		next_second();
		edge(0, 0);
		edge(1, 0);
		wake(2);
	}
	assert_near(0, 50);
	assert_near(1, 50);
	assert_int_equal(count("/dev/ptp0 offset "), 60);
	assert_int_equal(count("/dev/ptp1 offset "), 60);
	assert_true(count("/dev/ptp0 offset          0 s2 freq  +50000\n") > 20);
	assert_true(count("/dev/ptp1 offset          0 s2 freq  -20000\n") > 20);
	assert_true(count(" s1 freq ") == 2 && count(" s0 freq ") == 2);
}

/* Its stamps may come late, or never: the others are kept all the same. */
static void a_dead_sink(void **state)
{
	(void)state;
	fakes[0].reading = 1e6;
	start("generic", 2, SEC / 2);
	for (int i = 0; i < 30; i++) {
		next_second();
		edge(0, 0);
		wake(2);
		assert_int_equal(count("/dev/ptp0 offset "), i);
		wake(400); /* longer than a third of the period */
		assert_int_equal(count("/dev/ptp0 offset "), i + 1);
	}
	assert_near(0, 50);
	assert_int_equal(count("/dev/ptp1: has missed the last 5 pulses"), 1);
	assert_int_equal(fakes[1].touched, 0);
}

static void both_edges(void **state)
{
	(void)state;
	set_key("ts2phc.extts_polarity", "both");
	fakes[0].reading = 2e8;
	start("generic", 1, 100000000);
	for (int i = 0; i < 30; i++) {
		next_second();
		edge(0, 0);
		wake(2);
		true_ns += 98000000;
		edge(0, 0);
		wake(2);
	}
	assert_int_equal(count("/dev/ptp0 offset "), 30);
	assert_near(0, 50);
}

static void correction_and_channel(void **state)
{
	(void)state;
	set_key("ts2phc.channel", "1");
	set_key("ts2phc.extts_correction", "-1000");
	fakes[0].reading = 1e6;
	start("generic", 1, SEC / 2);
	for (int i = 0; i < 40; i++) {
		next_second();
		edge(0, 1);
		wake(2);
		edge(0, 0); /* somebody else's */
		wake(2);
	}
	assert_int_equal(count("/dev/ptp0 offset "), 40);
	assert_true(fabs(error_of(&fakes[0]) - 1000) < 50);
}

/* A frequency that belongs to the stepped clock is not in force before it. */
static void steps_first(void **state)
{
	(void)state;
	fakes[0].reading = 3e9;
	fakes[0].wrong_ppb = 50000;
	start("generic", 1, SEC / 2);
	for (int i = 0; i < 10; i++) {
		next_second();
		edge(0, 0);
		wake(2);
	}
	assert_memory_equal(fakes[0].order, "sff", 3);
}

static void refuses(void **state)
{
	(void)state;
	fakes[0].refuses = true;
	fakes[0].reading = 1e6;
	start("generic", 1, SEC / 2);
	for (int i = 0; i < 10; i++) {
		next_second();
		edge(0, 0);
		wake(2);
	}
	assert_int_equal(fakes[0].touched, 0);
	assert_true(count("/dev/ptp0: cannot adjust the clock: Operation not permitted") >= 4);
}

/* The receiver speaks 300 ms after the pulse; when it falls silent, the second is known on. */
static void receiver_and_holdover(void **state)
{
	(void)state;
	set_key("ts2phc.nmea_serialport", "/dev/gnss");
	set_key("ts2phc.holdover", "20");
	set_key("servo_offset_threshold", "100");
	set_key("servo_num_offset_values", "5");
	fakes[0].reading = 12.6e9;
	fakes[0].wrong_ppb = 3000;
	start("nmea", 1, 100000000);
	for (int i = 0; i < 60; i++) {
		next_second();
		edge(0, 0);
		wake(2);
		true_ns += 298000000;
		say_rmc(&good_form, true);
		wake(1);
	}
	assert_near(0, 50);
	assert_true(count(" s3 freq ") > 20);
	for (int i = 0; i < 60; i++) {
		next_second();
		edge(0, 0);
		true_ns += 1000000;
		assert_int_equal(ts2phc_take(&run.t, mono()), 0);
	}
	assert_int_equal(count(" holdover\n"), 20);
	assert_true(count("nmea: rmc time stamp stale") > 0);
	assert_near(0, 50);
}

/* Both edges are stamped: the clock itself knows which one counts when the receiver is silent. */
static void holdover_on_both_edges(void **state)
{
	(void)state;
	set_key("ts2phc.nmea_serialport", "/dev/gnss");
	set_key("ts2phc.extts_polarity", "both");
	set_key("ts2phc.holdover", "100");
	set_key("servo_offset_threshold", "100");
	set_key("servo_num_offset_values", "5");
	fakes[0].reading = 12.6e9;
	start("nmea", 1, 400000000);
	for (int i = 0; i < 100; i++) {
		next_second();
		edge(0, 0);
		true_ns += 2000000;
		assert_int_equal(ts2phc_take(&run.t, mono()), 0);
		true_ns += 298000000;
		if (i < 60) {
			say_rmc(&good_form, true);
			wake(1);
		}
		true_ns += 99000000;
		edge(0, 0);
		assert_int_equal(ts2phc_take(&run.t, mono()), 0);
	}
	assert_near(0, 50);
	assert_true(count(" holdover\n") >= 30);
}

/* Whatever a receiver sends that is not right, no clock is touched. */
static void nonsense(void **state)
{
	static const struct form forms[] = {
		{ "$", "*", "0\r\n" }, { "", "*", "\r\n" },	  { "$", "", "\r\n" },
		{ "$x", "*", "\r\n" }, { "$\xff", "*", "\r\n" },
	};

	(void)state;
	set_key("ts2phc.nmea_serialport", "/dev/gnss");
	fakes[0].reading = 12.6e9;
	start("nmea", 1, 100000000);
	for (int i = 0; i < 50; i++) {
		next_second();
		edge(0, 0);
		wake(2);
		true_ns += 298000000;
		if (i % 6 == 5) {
			say_rmc(&good_form, false);
		} else {
			say_rmc(&forms[i % 6], true);
		}
		wake(1);
	}
	assert_int_equal(fakes[0].touched, 0);
	assert_int_equal(count("/dev/ptp0 offset "), 0);
	assert_true(count("nmea: checksum mismatch") + count("nmea: not a sentence") >= 1);
}

/* Each kind of nonsense by itself, for a quarter of a minute: what is said of it. */
static void every_nonsense(void **state)
{
	static const struct {
		struct form form;
		const char *body; /* NULL: a good RMC, void if form is */
		const char *said;
	} rows[] = {
		{ { "$", "*", "0\r\n" }, NULL, "nmea: not a sentence: GPRMC," },
		{ { "$x", "*", "\r\n" }, NULL, "nmea: checksum mismatch: xGPRMC," },
		{ { "$", "*", "\r\n" }, "GPRMC,250000.00,A,,,,,,,010326,,",
		  "nmea: not a sentence: GPRMC,250000.00," },
		{ { "$", "*", "\r\n" }, "GPRMC,120000.00,A,,,,,,,310226,,",
		  "nmea: not a sentence: GPRMC,120000.00,A,,,,,,,310226," },
		{ { "$", "*", "\r\n" }, "GPRMC,noon,A,,,,,,,010326,,", "nmea: not a sentence" },
		{ { "$", "*", "\r\n" }, "GPRMC", "no RMC sentence came in 10 s" },
		{ { "$", "*", "\r\n" }, "GPGGA,120000,,,,,0,,,,,,,,",
		  "no RMC sentence came in 10 s: have the receiver send them" },
		{ { "$", "*", "\r\n" }, "GPRMC,,V,,,,,,,,,,N",
		  "no valid RMC sentence came in 10 s" },
		{ { "", "", "" }, "\265b\1\7\\0", "no sentence came in 10 s" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		set_key("ts2phc.nmea_serialport", "/dev/gnss");
		fakes[0].reading = 12.6e9;
		start("nmea", 1, 100000000);
		for (int second = 0; second < 15; second++) {
			next_second();
			edge(0, 0);
			wake(2);
			true_ns += 298000000;
			if (rows[i].body) {
				say_body(&rows[i].form, rows[i].body);
			} else {
				say_rmc(&rows[i].form, true);
			}
			wake(1);
		}
		if (fakes[0].touched != 0 || count(rows[i].said) != 1) {
			fail_msg("row %zu: touched %d times:\n%s", i, fakes[0].touched,
				 run.lines);
		}
		assert_int_equal(tear_down(state), 0);
		assert_int_equal(set_up(state), 0);
	}
}

/* What a clock cannot do is said before anything is done to it. */
static void pins(void **state)
{
	static const struct {
		struct fake fake;
		const char *key;
		const char *value;
		const char *said;
	} rows[] = {
		{ { .lacks_ext_ts = 2 }, NULL, NULL,
		  "/dev/ptp0: cannot time-stamp pulses: it has no channel" },
		{ { .fd = -1 }, "ts2phc.channel", "2",
		  "/dev/ptp0: has no channel 2 for external time stamps; there are 2" },
		{ { .pins = 2 }, "ts2phc.pin_index", "2",
		  "/dev/ptp0: has no pin 2; there are 2 from 0 on" },
		{ { .pins = 2 }, "ts2phc.pin_name", "SMA1",
		  "/dev/ptp0: has no pin named SMA1; \"gnomon phc /dev/ptp0 pins\" lists them" },
		{ { .fd = -1 }, "ts2phc.pin_name", "SDP0", "/dev/ptp0: has no pin named SDP0" },
		{ { .pins = 2, .pin_error = EBUSY }, "ts2phc.pin_name", "SDP1",
		  "/dev/ptp0: cannot set pin 1 to time stamps: Device or resource busy" },
		{ { .extts_error = EOPNOTSUPP }, "ts2phc.extts_polarity", "both",
		  "/dev/ptp0: cannot time-stamp both edges on channel 0: Operation not supported; "
		  "try another ts2phc.extts_polarity" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct driver_error error = { "" };
		int fd = fakes[0].queue[0], other = fakes[0].queue[1], err;

		fakes[0] = rows[i].fake;
		fakes[0].fd = -1;
		fakes[0].queue[0] = fd;
		fakes[0].queue[1] = other;
		if (rows[i].key) {
			set_key(rows[i].key, rows[i].value);
		}
		assert_non_null(conf_interface_add(&run.conf, "/dev/ptp0"));
		err = sink_open(&run.sinks[0], &run.conf.ports[0], &run.conf, true, &error);
		err = err ? err : sink_arm(&run.sinks[0], &error);
		if (err >= 0 || strncmp(error.text, rows[i].said, strlen(rows[i].said)) != 0) {
			fail_msg("row %zu: %d, %s", i, err, error.text);
		}
		assert_int_equal(fakes[0].touched, 0);
		assert_false(fakes[0].armed);
		sink_close(&run.sinks[0]);
		assert_int_equal(tear_down(state), 0);
		assert_int_equal(set_up(state), 0);
	}
}

/* A daemon has a port on each of two clocks. The one whose port follows the network is followed by
 * the other: the one that time-stamps by the one that gives the pulse, and then the reverse. */
static void follows_the_network(void **state)
{
	struct follow *f = &run.t.follow;

	(void)state;
	fakes[0].reading = 5e8 + 100;
	fakes[0].wrong_ppb = 7000;
	fakes[1].reading = 2e6;
	start("generic", 1, SEC / 2);
	/* The pulse is of the second clock. */
	run.t.source.kind = SOURCE_PHC;
	assert_int_equal(phc_device_open(&run.t.source.device, "/dev/ptp1", NULL), 0);
	assert_int_equal(source_keep(&run.t.source, true, NULL), 0);
	*f = (struct follow){ .active = true, .port_count = 2 };
	f->ports = calloc(2, sizeof(*f->ports));
	f->ports[0] = (struct follow_port){ 0, "eth0", GNOMON_PORT_TIME_TRANSMITTER };
	f->ports[1] = (struct follow_port){ 1, "eth1", GNOMON_PORT_TIME_RECEIVER };
	assert_int_equal(follow_enlist(f, run.sinks, 1, &run.t.source, &run.log), 0);
	assert_int_equal(count("selecting /dev/ptp1 as the reference clock"), 1);
	for (int i = 0; i < 60; i++) {
		next_second();
		true_ns -= 2000000; /* where the second clock's second begins */
		edge(0, 0);
		wake(2);
	}
	assert_near(1, 2e6);
	assert_true(fabs(error_of(&fakes[0]) - 2e6) < 50);
	assert_int_equal(fakes[1].touched, 0);
	/* The roles change. */
	f->ports[0].state = GNOMON_PORT_TIME_RECEIVER;
	f->ports[1].state = GNOMON_PORT_TIME_TRANSMITTER;
	follow_decide(f, &run.log);
	assert_int_equal(count("selecting /dev/ptp0 as the reference clock"), 1);
	assert_int_equal(count("unselecting /dev/ptp0 for synchronization"), 1);
	fakes[0].touched = 0;
	fakes[0].reading = 0;
	fakes[0].wrong_ppb = 0;
	fakes[0].adjust_ppb = 0;
	for (int i = 0; i < 60; i++) {
		/* The pulse comes when the source's second begins. */
		true_ns += SEC - (true_ns + (int64_t)error_of(&fakes[1])) % SEC;
		edge(0, 0);
		wake(2);
	}
	assert_int_equal(fakes[0].touched, 0);
	assert_true(fakes[1].touched > 10);
	assert_near(1, 50);
	/* Nobody knows whom to follow. */
	f->ports[0].state = GNOMON_PORT_UNCALIBRATED;
	follow_decide(f, &run.log);
	assert_int_equal(count("reference clock not ready, waiting..."), 1);
	fakes[1].touched = 0;
	next_second();
	edge(0, 0);
	wake(2);
	assert_int_equal(fakes[0].touched + fakes[1].touched, 0);
	follow_close(f);
}

#define TEST(name, f) { "/ts2phc/run/" name, f, set_up, tear_down, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("follows", follows),
		TEST("a_dead_sink", a_dead_sink),
		TEST("both_edges", both_edges),
		TEST("correction_and_channel", correction_and_channel),
		TEST("steps_first", steps_first),
		TEST("refuses", refuses),
		TEST("receiver_and_holdover", receiver_and_holdover),
		TEST("holdover_on_both_edges", holdover_on_both_edges),
		TEST("nonsense", nonsense),
		TEST("every_nonsense", every_nonsense),
		TEST("pins", pins),
		TEST("follows_the_network", follows_the_network),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
