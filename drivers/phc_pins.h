/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * What a PHC can do besides keeping time: its capabilities, its pins, the time stamps it takes of
 * pulses on them (external time stamps) and the pulses it puts on them (periodic outputs). fd is
 * the descriptor of the character device.
 */
#ifndef DRIVERS_PHC_PINS_H
#define DRIVERS_PHC_PINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/ptp_clock.h>

#include <gnomon/time.h>

#include "drivers/error.h"

/** PTP_CLOCK_GETCAPS, in our words: kernels have added to it. */
struct phc_caps {
	int max_frequency_ppb;
	int alarms;
	int ext_ts; /* channels of external time stamps */
	int per_out; /* channels of periodic outputs */
	int pins;
	bool pps; /* calls back at every second */
	bool cross_timestamping;
	bool adjust_phase;
	int max_phase_ns; /* 0: the kernel does not say */
};

/** Returns 0 or -errno (-ENOTTY: no PTP clock). */
int phc_caps_read(int fd, struct phc_caps *caps);

/** The function of a pin: PTP_PF_NONE, PTP_PF_EXTTS, PTP_PF_PEROUT, PTP_PF_PHYSYNC. */
struct phc_pin {
	unsigned int index;
	unsigned int function;
	unsigned int channel;
	char name[64];
};

/** Read pin number index. Returns 0 or -errno. */
int phc_pin_read(int fd, unsigned int index, struct phc_pin *pin);

/** The number of the pin of that name; -ENOENT: there is none; -errno. */
int phc_pin_find(int fd, const char *name);

/** Give pin number index a function on a channel. Returns 0 or -errno. */
int phc_pin_set(int fd, unsigned int index, unsigned int function, unsigned int channel);

/** Edges to time-stamp. */
enum phc_edge {
	PHC_EDGE_RISING = PTP_RISING_EDGE,
	PHC_EDGE_FALLING = PTP_FALLING_EDGE,
	PHC_EDGE_BOTH = PTP_RISING_EDGE | PTP_FALLING_EDGE,
};

/** Take time stamps on a channel, or (edge 0) stop. Returns 0 or -errno. */
int phc_extts_set(int fd, unsigned int channel, unsigned int edge);

/**
 * Have only that channel's stamps delivered to this descriptor, where the kernel can (since 6.7);
 * others are told apart by their channel. Returns 0 or -errno.
 */
int phc_extts_only(int fd, unsigned int channel);

struct phc_event {
	unsigned int channel;
	gnomon_time at;
};

/** Read the next stamp; it waits if there is none. Returns 0, -EIO (half an event) or -errno. */
int phc_extts_read(int fd, struct phc_event *event);

/** A periodic output. */
struct phc_perout {
	unsigned int channel;
	int64_t period_ns;
	int64_t width_ns; /* 0: not said */
	bool has_phase;
	int64_t phase_ns;  /* has_phase: of the edge in its period */
	int64_t start_sec; /* else: the clock's second of the first edge */
};

/**
 * Start a periodic output; one whose width or phase the driver cannot set is tried again without
 * the width, as the width only matters to who time-stamps both edges. Returns 0 or -errno.
 */
int phc_perout_start(int fd, const struct phc_perout *out);
int phc_perout_stop(int fd, unsigned int channel);

#endif
