/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is simulated and what must come of it. A scenario is a const table; lists end with an
 * entry whose first member is zero. Members left out are zero and mean "none" or the default.
 */
#ifndef SIM_SCENARIO_H
#define SIM_SCENARIO_H

#include <stdbool.h>

#include <gnomon/engine.h>

#include "oscillator.h"

/* Timestamps: what the network interface does to a reading of its clock. */
struct stamp_spec {
	double granularity_ns; /* of the counter; 0: exact to 2^-16 ns */
	double noise_ns;       /* standard deviation, white */
	double ingress_ns;     /* received messages are stamped so much too late ... */
	double egress_ns;      /* ... and sent ones so much too early */
	double tx_delay_ns;    /* until a transmit timestamp is delivered; 0: 20 us */
	double rx_delay_ns;    /* from arrival to the engine seeing a message */
	double tx_lost;        /* probability that it is reported lost (after 10 ms) */
	double tx_silent;      /* probability that nothing is ever reported */
	double tx_late;        /* probability of tx_late_ns instead of tx_delay_ns */
	double tx_late_ns;
	double rx_lost;        /* probability that an event message comes without */
};

struct sim_node_spec {
	const char *name;
	unsigned int count;    /* so many of them, named name1, name2 ...; 0: one, named name */
	unsigned int ports;    /* 0 or 1: ordinary clock; more: boundary clock, unless ... */
	bool apart;            /* ... each port is a PTP Instance of its own, the first in
				* domainNumber, the next in the next: sources of one clock, the
				* first port's the preferred one */
	bool remembers;        /* its state file outlives its power: what it knows of its
				* oscillator */
	const char *set;       /* see settings.h */
	const char *same_identity; /* of that node: a duplicate */
	double start_s;        /* powered on at this instant ... */
	double spread_s;       /* ... plus a random part of this */
	double offset_s;       /* of its clock at true time 0 */
	double mono_ppb;       /* rate error of its monotonic clock; 0: random within 20 ppm */
	struct oscillator_spec oscillator;
	struct stamp_spec stamps;
	bool reference;        /* knows the true time by other means: never disciplined */
	double reference_bound_ns; /* how well it does */
};

enum sim_jitter {
	SIM_JITTER_NONE,
	SIM_JITTER_UNIFORM,     /* 0 .. 2 * jitter_ns */
	SIM_JITTER_EXPONENTIAL, /* mean jitter_ns */
	SIM_JITTER_GAUSSIAN,    /* |N(0, jitter_ns)| */
	SIM_JITTER_GAMMA,       /* mean jitter_ns, shape jitter_shape */
	SIM_JITTER_BIMODAL,     /* exponential, and with probability jitter_shape 20 means more */
};

/*
 * A network: everything its members multicast reaches all others; two members make a link. The
 * delay of every message to every receiver is drawn anew, so messages may overtake each other.
 */
struct sim_link_spec {
	const char *name;
	const char *members;   /* "gm bc.1": node and port, port 1 if left out; all of a group */
	double delay_ns;
	enum sim_jitter jitter;
	double jitter_ns;
	double jitter_shape;
	double asymmetry_ns;   /* added to what the first member sends */
	double loss;           /* probability, per receiver */
	double duplicate;      /* probability of a second copy, with a delay of its own */
	double reorder;        /* probability of being held back ... */
	double reorder_ns;     /* ... by this */
};

enum sim_verb {
	SIM_END,
	SIM_LINK_DOWN,     /* what: link; everybody's carrier is gone */
	SIM_LINK_UP,
	SIM_CUT,           /* what: link, node: of it; its messages are lost, the carrier stays */
	SIM_DEAF,          /* ... what is sent to it is lost */
	SIM_MEND,          /* ends both */
	SIM_PORT_DOWN,     /* what: node, port: its carrier */
	SIM_PORT_UP,
	SIM_POWER_OFF,     /* what: node */
	SIM_POWER_ON,      /* fresh engines and ensemble; the clock ran on undisciplined */
	SIM_STEP_CLOCK,    /* what: node; value: s */
	SIM_CLOCK_CLASS,   /* what: node; value */
	SIM_LEAP,          /* what: node; value: 61, 59, or 0 when over: adds it to the offset */
	SIM_DISABLE,       /* what: node, port: portEnable */
	SIM_ENABLE,
	SIM_DESIRED_STATE, /* what: node, port; value: enum gnomon_port_state */
	SIM_LOSS,          /* what: link; value: its probability from now on */
	SIM_ASYMMETRY,     /* what: link; value: ns from now on */
};

/* Something that happens. */
struct sim_step {
	enum sim_verb verb;
	double at_s;
	const char *what;
	const char *node;
	unsigned int port; /* 0: 1 */
	double value;
	const char *label; /* for the plot */
};

enum sim_expectation {
	SIM_EXPECT_END,
	SIM_EXPECT_MAX_TE,   /* |time error| in ns within [low, high] from at_s to to_s */
	SIM_EXPECT_RMS_TE,
	SIM_EXPECT_MEAN_TE,  /* signed */
	SIM_EXPECT_RATE,     /* largest change of the time error within a second, ns */
	SIM_EXPECT_STATE,    /* of the port at at_s: low is enum gnomon_port_state */
	SIM_EXPECT_STATES,   /* nodes of the group whose port is in state value: low..high many */
	SIM_EXPECT_SERVO,    /* low is enum gnomon_servo_state */
	SIM_EXPECT_GM,       /* grandmaster of the node at at_s is node `of` */
	SIM_EXPECT_STEPS_REMOVED,
	SIM_EXPECT_STEPS,    /* of its clock, up to at_s */
	SIM_EXPECT_COUNTER,  /* of the port at the end; counter: its name */
	SIM_EXPECT_SAMPLES,  /* offset measurements up to at_s */
	SIM_EXPECT_DELAY,    /* last mean delay, ns */
	SIM_EXPECT_UTC,      /* seconds of ticks in at_s..to_s with a wrong UTC label: low..high */
	SIM_EXPECT_UTC_OFFSET, /* currentUtcOffset at at_s */
	SIM_EXPECT_FLAGS,    /* time properties flags `value` at at_s: equal to low */
	SIM_EXPECT_BOUND,    /* share of ticks in at_s..to_s with |time error| within the bound */
	SIM_EXPECT_BOUND_NS, /* mean published bound in at_s..to_s */
	SIM_EXPECT_GROWTH,   /* at at_s: bound per frequency error claimed, after value s alone */
	SIM_EXPECT_EVENTS,   /* engine events of kind value up to at_s */
	SIM_EXPECT_FREQUENCY, /* adjustment in force, ppb */
	SIM_EXPECT_SOURCE,    /* number of the port whose instance is followed at at_s; 0: none */
	SIM_EXPECT_SOURCE_STATE, /* of the port's instance: low is enum gnomon_source_state */
	SIM_EXPECT_MODE,      /* low is enum gnomon_ensemble_mode */
	SIM_EXPECT_SWITCHES,  /* between sources, up to at_s */
};

struct sim_expect {
	enum sim_expectation kind;
	const char *node;     /* a group: holds for each of its members */
	unsigned int port;    /* 0: 1 */
	double at_s;
	double to_s;          /* 0: the end */
	double low;
	double high;
	double value;
	const char *of;       /* GM: that node; time errors: relative to that node's clock */
	const char *counter;
};

struct sim_scenario {
	const char *name;
	const char *summary;
	double duration_s;
	double settle_s;      /* statistics and the plot's second panel start here */
	double tick_s;        /* time error is sampled so often; 0: 1 s */
	int64_t start_utc_s;  /* UTC at true time 0; 0: 2030-01-01T12:00:00 */
	double limit_ns;      /* drawn in the plot; 0: none */
	const struct sim_node_spec *nodes;
	const struct sim_link_spec *links;
	const struct sim_step *timeline;
	const struct sim_expect *expect;
};

/* For lists in scenario tables. */
#define NODES(...) (const struct sim_node_spec[]){ __VA_ARGS__, { .name = NULL } }
#define LINKS(...) (const struct sim_link_spec[]){ __VA_ARGS__, { .name = NULL } }
#define TIMELINE(...) (const struct sim_step[]){ __VA_ARGS__, { .verb = SIM_END } }
#define EXPECT(...) (const struct sim_expect[]){ __VA_ARGS__, { .kind = SIM_EXPECT_END } }

#define SIM_UTC_OFFSET 37
#define SIM_START_UTC_S INT64_C(1893499200)

/* The built-in scenarios by number and by name; NULL past the end, or if there is none. */
const struct sim_scenario *sim_scenario_at(unsigned int index);
const struct sim_scenario *sim_scenario_find(const char *name);

#endif
