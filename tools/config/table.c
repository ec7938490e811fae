/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The configuration vocabulary: every key of ptp4l 4.4, with its default and range, and our own.
 * Rows stand in the order of the manual page, which is made from them.
 */
#include "tools/config/config.h"

#include <float.h>
#include <limits.h>
#include <string.h>

/* An offset that compiles only if the member has the type the row says. */
#define AT(s, m, t) (offsetof(s, m) + 0 * sizeof(char[_Generic(((s *)0)->m, t: 1)]))
#define BYTES(s, m, n) (offsetof(s, m) + 0 * sizeof(char[sizeof(((s *)0)->m) == (n) ? 1 : -1]))

#define KEY(g, n) .name = n, .group = CONF_GROUP_##g
#define G_INT(m) .scope = CONF_GLOBAL, .type = CONF_INT, .offset = AT(struct conf, m, int)
#define P_INT(m) .scope = CONF_PORT, .type = CONF_INT, .offset = AT(struct conf_port, m, int)
#define G_DBL(m) .scope = CONF_GLOBAL, .type = CONF_DOUBLE, .offset = AT(struct conf, m, double)
#define P_DBL(m) .scope = CONF_PORT, .type = CONF_DOUBLE, .offset = AT(struct conf_port, m, double)
#define G_ENUM(m) .scope = CONF_GLOBAL, .type = CONF_ENUM, .offset = AT(struct conf, m, int)
#define P_ENUM(m) .scope = CONF_PORT, .type = CONF_ENUM, .offset = AT(struct conf_port, m, int)
#define G_STR(m) \
	.scope = CONF_GLOBAL, .type = CONF_STRING, .offset = AT(struct conf, m, const char *)
#define P_STR(m) \
	.scope = CONF_PORT, .type = CONF_STRING, .offset = AT(struct conf_port, m, const char *)
#define P_MAC(m) .scope = CONF_PORT, .type = CONF_MAC, .offset = BYTES(struct conf_port, m, 6)
#define P_IP4(m) .scope = CONF_PORT, .type = CONF_IPV4, .offset = BYTES(struct conf_port, m, 4)
#define P_IP6(m) .scope = CONF_PORT, .type = CONF_IPV6, .offset = BYTES(struct conf_port, m, 16)
#define SRC(m, t) .scope = CONF_SOURCE, .offset = AT(struct conf_source, m, t)
#define S_INT(m) SRC(m, int), .type = CONF_INT
#define S_DBL(m) SRC(m, double), .type = CONF_DOUBLE
#define S_STR(m) SRC(m, const char *), .type = CONF_STRING
#define S_ENUM(m) SRC(m, int), .type = CONF_ENUM
#define Y(m, t) .scope = CONF_SYNC, .offset = AT(struct conf_sync, m, t)
#define Y_INT(m) Y(m, int), .type = CONF_INT
#define Y_DBL(m) Y(m, double), .type = CONF_DOUBLE
#define Y_STR(m) Y(m, const char *), .type = CONF_STRING
#define V(m, t) .scope = CONF_GUEST, .offset = AT(struct conf_guest, m, t)
#define V_INT(m) V(m, int), .type = CONF_INT
#define V_STR(m) V(m, const char *), .type = CONF_STRING
#define V_ENUM(m) V(m, int), .type = CONF_ENUM
/* Sources that have it. */
#define OF_PTP .types = 1u << CONF_SOURCE_PTP
#define OF_DEVICE .types = 1u << CONF_SOURCE_PHC | 1u << CONF_SOURCE_PPS | 1u << CONF_SOURCE_NTP
#define OF_READ .types = 1u << CONF_SOURCE_PHC | 1u << CONF_SOURCE_NTP
#define IS(v) .text = v
#define RANGE(lo, hi) .min = (lo), .max = (hi)
#define BOOL RANGE(0, 1)
#define LOG2S RANGE(INT8_MIN, INT8_MAX), .unit = "log2 s"
#define NS RANGE(INT_MIN, INT_MAX), .unit = "ns"
#define NOTED .status = CONF_NOTED
/* Keys that have no member: nothing but their default is accepted, or they are skipped. */
#define LATER(sc, t) .status = CONF_LATER, .scope = CONF_##sc, .type = CONF_##t
/* Keys that programs beside the daemon use already. */
#define OF_OTHER .status = CONF_OTHER

const struct conf_key conf_table[] = {
	/* -- clock ---------------------------------------------------------------------------- */
	{ KEY(CLOCK, "clock_type"), G_ENUM(clock_type), IS("OC"), .labels = "OC BC -P2P_TC -E2E_TC",
	  .doc = "The kind of clock. More than one interface makes an Ordinary Clock (OC) a "
		 "Boundary Clock (BC) without asking." },
	{ KEY(CLOCK, "clock"), G_ENUM(clock), IS("ptp4l"), .native = "auto",
	  .labels = "auto ptp4l phc system soft",
	  .doc = "What is kept in time. *auto*: the PTP hardware clock that *phc_device* names, "
		 "else that of the first port with hardware time stamps, else the soft clock. "
		 "*soft*: a clock kept in memory that runs beside the system clock and changes "
		 "nothing; it needs no privilege. *system*: the system clock is steered; nothing "
		 "else may steer it. Both need ports with software time stamps. *phc*: as *auto*, "
		 "but never the soft clock. *ptp4l*: as *auto*, with the system clock for the "
		 "soft clock." },
	{ KEY(CLOCK, "soft_clock_offset"), G_DBL(soft_clock_offset), IS("0"), RANGE(-1e9, 1e9),
	  .unit = "s",
	  .doc = "How far the soft clock starts ahead of the system clock. Set it to see a clock "
		 "being brought into step." },
	{ KEY(CLOCK, "soft_clock_frequency"), G_DBL(soft_clock_frequency), IS("0"),
	  RANGE(-500000, 500000), .unit = "ppb",
	  .doc = "The frequency error the soft clock starts with." },
	{ KEY(CLOCK, "phc_device"), G_STR(phc_device), IS(""),
	  .doc = "The PTP hardware clock to keep, by its device file. Set it when the interface "
		 "does not tell its clock, or to choose among the clocks of several ports." },
	{ KEY(CLOCK, "clientOnly"), .alias = "slaveOnly", G_INT(client_only), IS("0"), BOOL,
	  .doc = "Never be a timeTransmitter; clockClass becomes 255. Set it on every machine "
		 "that only receives time." },
	{ KEY(CLOCK, "priority1"), G_INT(priority1), IS("128"), RANGE(0, 255),
	  .doc = "First thing compared when the grandmaster is elected; the lowest wins. Lower "
		 "it on the clock that should be grandmaster." },
	{ KEY(CLOCK, "priority2"), G_INT(priority2), IS("128"), RANGE(0, 255),
	  .doc = "Compared after the clock quality: orders clocks that are equally good." },
	{ KEY(CLOCK, "domainNumber"), G_INT(domain_number), IS("0"), RANGE(0, 255),
	  .doc = "The PTP domain. Messages of other domains are dropped. Change it to keep "
		 "several time scales apart on one network." },
	{ KEY(CLOCK, "clockClass"), G_INT(clock_class), IS("248"), RANGE(0, 255),
	  .doc = "clockClass announced as grandmaster. 6 says that the clock follows a primary "
		 "reference; below 128 it is never a timeReceiver." },
	{ KEY(CLOCK, "clockAccuracy"), G_INT(clock_accuracy), IS("0xfe"), RANGE(0, 255),
	  .doc = "clockAccuracy announced as grandmaster; 0xfe is unknown, 0x21 is within 100 "
		 "ns." },
	{ KEY(CLOCK, "offsetScaledLogVariance"), G_INT(offset_scaled_log_variance), IS("0xffff"),
	  RANGE(0, 65535),
	  .doc = "Stability announced as grandmaster; 0xffff is unknown." },
	{ KEY(CLOCK, "clockIdentity"), .scope = CONF_GLOBAL, .type = CONF_IDENTITY,
	  .offset = BYTES(struct conf, clock_identity, 8), IS("000000.0000.000000"),
	  .doc = "The clock's identity. All zero: made of the first interface's hardware "
		 "address. Set it where that address changes, as on virtual machines." },
	{ KEY(CLOCK, "timeSource"), G_INT(time_source), IS("0xa0"), RANGE(0x10, 0xfe),
	  .doc = "timeSource announced as grandmaster: 0x20 GNSS, 0x50 NTP, 0xa0 internal "
		 "oscillator. Informative." },
	{ KEY(CLOCK, "twoStepFlag"), G_INT(two_step_flag), IS("1"), BOOL,
	  .doc = "Send the transmit time of a Sync in a Follow_Up. 0 makes *onestep* of "
		 "*time_stamping hardware*; with *auto*, interfaces that cannot go on in two "
		 "steps, which is logged." },
	{ KEY(CLOCK, "maxStepsRemoved"), G_INT(max_steps_removed), IS("255"), RANGE(2, 255),
	  .doc = "An Announce that has passed as many boundary clocks is not used." },
	{ KEY(CLOCK, "clock_class_threshold"), G_INT(clock_class_threshold), IS("248"),
	  RANGE(6, 248),
	  .doc = "An Announce with a clockClass above this is not used. Lower it to refuse "
		 "grandmasters that lost their reference." },
	{ KEY(CLOCK, "utc_offset"), G_INT(utc_offset), IS("37"), RANGE(0, INT16_MAX), .unit = "s",
	  .doc = "TAI minus UTC as grandmaster, and until a grandmaster says better; no more than "
		 "fits an Announce." },
	{ KEY(CLOCK, "ptp_minor_version"), G_INT(ptp_minor_version), IS("1"), BOOL,
	  .doc = "minorVersionPTP of sent messages. Set 0 if a device on the way fails to time "
		 "stamp messages of version 2.1." },
	{ KEY(CLOCK, "external_port_configuration"), G_INT(external_port_configuration), IS("0"),
	  BOOL,
	  .doc = "Ports take the state *desired_state* says instead of electing a "
		 "timeTransmitter (IEEE 1588-2019 17.6)." },
	{ KEY(CLOCK, "gmCapable"), LATER(GLOBAL, INT), IS("1"), BOOL,
	  .doc = "IEEE 802.1AS: the clock may be grandmaster." },
	{ KEY(CLOCK, "dataset_comparison"), LATER(GLOBAL, ENUM), IS("ieee1588"),
	  .labels = "ieee1588 -G.8275.x",
	  .doc = "How Announces are compared: by IEEE 1588, or by the telecom profiles." },
	{ KEY(CLOCK, "G.8275.defaultDS.localPriority"), LATER(GLOBAL, INT), IS("128"),
	  RANGE(1, 255),
	  .doc = "Telecom profiles: localPriority of this clock." },
	{ KEY(CLOCK, "tc_spanning_tree"), LATER(GLOBAL, INT), IS("0"), BOOL,
	  .doc = "Transparent clocks: count themselves in stepsRemoved." },

	/* -- port roles ----------------------------------------------------------------------- */
	{ KEY(PORT, "serverOnly"), .alias = "masterOnly", P_INT(server_only), IS("0"), BOOL,
	  .doc = "The port is never a timeReceiver and drops Announces. Set it on the ports of a "
		 "boundary clock that face clients." },
	{ KEY(PORT, "BMCA"), P_ENUM(bmca), IS("ptp"), .labels = "ptp noop",
	  .doc = "*noop*: no election; the port takes the role that *serverOnly* or *clientOnly* "
		 "gives it. All ports or none." },
	{ KEY(PORT, "desired_state"), P_ENUM(desired_state), IS("MASTER"),
	  .labels = "MASTER SLAVE PASSIVE",
	  .doc = "The port's state with *external_port_configuration*." },
	{ KEY(PORT, "inhibit_announce"), P_INT(inhibit_announce), IS("0"), BOOL,
	  .doc = "Send no Announce, and do not wait for one. Used where the roles are fixed." },
	{ KEY(PORT, "inhibit_delay_req"), P_INT(inhibit_delay_req), IS("0"), BOOL,
	  .doc = "Never ask for the path delay. Used on a port that only transmits time." },
	{ KEY(PORT, "ignore_source_id"), P_INT(ignore_source_id), IS("0"), BOOL,
	  .doc = "Take Sync and Follow_Up from any sender. Needed where *inhibit_announce* "
		 "leaves the timeTransmitter unknown; anybody on the network can then set the "
		 "clock." },
	{ KEY(PORT, "transportSpecific"), P_INT(transport_specific), IS("0"), RANGE(0, 15),
	  .doc = "majorSdoId, the same for all ports: 1 for IEEE 802.1AS. Messages with another "
		 "are dropped." },
	{ KEY(PORT, "ignore_transport_specific"), P_INT(ignore_transport_specific), IS("0"), BOOL,
	  .doc = "Do not look at a received message's sdoId. Set it if old equipment fills the "
		 "field with something else." },
	{ KEY(PORT, "phc_index"), P_INT(phc_index), IS("-1"), RANGE(-1, INT_MAX),
	  .doc = "The number N of the port's /dev/ptpN; -1 asks the interface. Set it to use a "
		 "virtual clock." },
	{ KEY(PORT, "path_trace_enabled"), P_INT(path_trace_enabled), IS("0"), BOOL,
	  .doc = "Announces list the clocks they passed, so that a loop is found." },
	{ KEY(PORT, "asCapable"), LATER(PORT, ENUM), IS("auto"), .labels = "-true auto",
	  .doc = "IEEE 802.1AS: skip the checks of the neighbour." },
	{ KEY(PORT, "boundary_clock_jbod"), LATER(PORT, INT), IS("0"), BOOL, .inert = "1",
	  .doc = "Ports on different PTP hardware clocks in one boundary clock: always allowed "
		 "here, whatever is said. Their time stamps are brought to the clock that is "
		 "kept." },
	{ KEY(PORT, "G.8275.portDS.localPriority"), LATER(PORT, INT), IS("128"), RANGE(1, 255),
	  .doc = "Telecom profiles: localPriority of the port." },

	/* -- message intervals ---------------------------------------------------------------- */
	{ KEY(INTERVAL, "logAnnounceInterval"), P_INT(log_announce_interval), IS("1"), LOG2S,
	  .doc = "Interval of Announces, as a power of two, as are the others. The same on the "
		 "whole network; smaller finds a lost grandmaster sooner. Values below -10 send "
		 "1024 messages a second, values above 33 none." },
	{ KEY(INTERVAL, "logSyncInterval"), P_INT(log_sync_interval), IS("0"), LOG2S,
	  .doc = "Interval of Syncs. Smaller averages more noise away and costs packets." },
	{ KEY(INTERVAL, "logMinDelayReqInterval"), P_INT(log_min_delay_req_interval), IS("0"),
	  LOG2S,
	  .doc = "Shortest mean interval between Delay_Reqs; a timeReceiver takes it from its "
		 "timeTransmitter." },
	{ KEY(INTERVAL, "logMinPdelayReqInterval"), P_INT(log_min_pdelay_req_interval), IS("0"),
	  LOG2S,
	  .doc = "Interval between Pdelay_Reqs." },
	{ KEY(INTERVAL, "announceReceiptTimeout"), P_INT(announce_receipt_timeout), IS("3"),
	  RANGE(2, 255), .unit = "intervals",
	  .doc = "Announce intervals without an Announce after which the timeTransmitter counts "
		 "as gone. Larger rides out lossy links." },
	{ KEY(INTERVAL, "syncReceiptTimeout"), P_INT(sync_receipt_timeout), IS("0"), RANGE(0, 255),
	  .unit = "intervals",
	  .doc = "Sync intervals without a Sync after which a new election is held or, where roles "
		 "are fixed, the port is uncalibrated again; 0: never." },
	{ KEY(INTERVAL, "delay_response_timeout"), P_INT(delay_response_timeout), IS("0"),
	  RANGE(0, 255), .unit = "requests",
	  .doc = "Delay_Reqs without an answer after which the port is uncalibrated again; 0: "
		 "never." },
	{ KEY(INTERVAL, "delay_request_variability"), P_DBL(delay_request_variability), IS("1.0"),
	  RANGE(0, 1),
	  .doc = "How much Delay_Reqs are spread around their interval, which keeps many clients "
		 "from asking at once. Lower it for a steadier stream of measurements." },
	{ KEY(INTERVAL, "allowedLostResponses"), P_INT(allowed_lost_responses), IS("3"),
	  RANGE(1, 255), .unit = "responses",
	  .doc = "Pdelay_Reqs in a row without an answer after which the link delay is not known "
		 "any more." },
	{ KEY(INTERVAL, "fault_reset_interval"), P_INT(fault_reset_interval), IS("4"), LOG2S,
	  .special = "ASAP",
	  .doc = "How long a faulty port waits before it starts again; *ASAP* or -128: not at "
		 "all." },
	{ KEY(INTERVAL, "fault_badpeernet_interval"), P_INT(fault_badpeernet_interval), NOTED,
	  IS("16"), RANGE(INT_MIN, INT_MAX), .special = "ASAP", .unit = "s",
	  .doc = "How long ptp4l disables a port that several peers answered. gnomond ignores "
		 "the answers, counts them, and never disables a port for them." },
	{ KEY(INTERVAL, "operLogSyncInterval"), LATER(PORT, INT), IS("0"), LOG2S,
	  .doc = "Sync interval to ask for once the clock is stable." },
	{ KEY(INTERVAL, "operLogPdelayReqInterval"), LATER(PORT, INT), IS("0"), LOG2S,
	  .doc = "Pdelay_Req interval once the clock is stable." },
	{ KEY(INTERVAL, "msg_interval_request"), LATER(PORT, INT), IS("0"), BOOL,
	  .doc = "Ask for other intervals once the clock is stable." },

	/* -- delay ---------------------------------------------------------------------------- */
	{ KEY(DELAY, "delay_mechanism"), P_ENUM(delay_mechanism), IS("E2E"),
	  .labels = "Auto -COMMON_P2P E2E P2P NONE",
	  .doc = "How the path delay is measured: end to end with the timeTransmitter (E2E), "
		 "with the neighbour on the link (P2P), or not at all (NONE, for frequency "
		 "only). All clocks of a path use the same. *Auto* begins with E2E, and changes "
		 "to P2P for good when a neighbour asks for its delay." },
	{ KEY(DELAY, "tsproc_mode"), P_ENUM(tsproc_mode), IS("filter"),
	  .labels = "filter raw filter_weight raw_weight",
	  .doc = "Use the filtered or the latest delay, and weight the offset by how far the two "
		 "disagree. Weighting helps where packets queue; raw needs Delay_Reqs as often "
		 "as Syncs." },
	{ KEY(DELAY, "delay_filter"), P_ENUM(delay_filter), IS("moving_median"),
	  .labels = "moving_average moving_median",
	  .doc = "The filter of measured delays. The median shrugs off single late packets." },
	{ KEY(DELAY, "delay_filter_length"), P_INT(delay_filter_length), IS("10"),
	  RANGE(1, INT_MAX),
	  .unit = "samples",
	  .doc = "Delays the filter remembers. Longer is smoother and slower to see a new path." },
	{ KEY(DELAY, "delayAsymmetry"), P_INT(delay_asymmetry), IS("0"), NS,
	  .doc = "Half the difference of the two directions' delays: positive if the path "
		 "towards this port takes longer. Set it if it was measured." },
	{ KEY(DELAY, "egressLatency"), P_INT(egress_latency), IS("0"), NS,
	  .doc = "From the interface's transmit time stamp to the wire; added to it." },
	{ KEY(DELAY, "ingressLatency"), P_INT(ingress_latency), IS("0"), NS,
	  .doc = "From the wire to the interface's receive time stamp; subtracted from it." },
	{ KEY(DELAY, "neighborPropDelayThresh"), P_INT(neighbor_prop_delay_thresh), IS("20000000"),
	  RANGE(0, INT_MAX), .unit = "ns",
	  .doc = "P2P: a link delay above this is not used." },
	{ KEY(DELAY, "min_neighbor_prop_delay"), P_INT(min_neighbor_prop_delay), IS("-20000000"),
	  RANGE(INT_MIN, -1), .unit = "ns",
	  .doc = "P2P: a link delay below this is not used." },
	{ KEY(DELAY, "freq_est_interval"), P_INT(freq_est_interval), IS("1"),
	  RANGE(INT_MIN, INT_MAX), .unit = "log2 s",
	  .doc = "P2P: the time over which the neighbour's rate against this clock is measured. "
		 "Longer is less noisy." },
	{ KEY(DELAY, "initial_delay"), G_INT(initial_delay), IS("0"), RANGE(0, INT_MAX),
	  .unit = "ns",
	  .doc = "Path delay assumed until one is measured; 0: wait for it. Set it to be in step "
		 "a few seconds sooner." },
	{ KEY(DELAY, "path_asymmetry_bound"), G_DBL(path_asymmetry_bound), IS("-1"), RANGE(-1, 1e9),
	  .unit = "ns",
	  .doc = "How far the two directions of the path may differ, for the error bound that is "
		 "reported; -1: as far as the measured delay allows. Set it if the network is "
		 "known, to get a tighter bound." },
	{ KEY(DELAY, "hybrid_e2e"), LATER(PORT, INT), IS("0"), BOOL,
	  .doc = "Delay_Req and Delay_Resp by unicast, the rest by multicast." },
	{ KEY(DELAY, "interface_rate_tlv"), LATER(PORT, INT), IS("0"), BOOL,
	  .doc = "Correct for the interfaces' different speeds (G.8275.2)." },

	/* -- servo ---------------------------------------------------------------------------- */
	{ KEY(SERVO, "clock_servo"), G_ENUM(clock_servo), IS("pi"),
	  .labels = "pi linreg ntpshm nullf refclock_sock",
	  .doc = "What turns measured offsets into frequency adjustments. *pi*: a "
		 "proportional-integral controller, quick with its default constants. *linreg*: "
		 "linear regression over as many offsets as foretell the next one best; it has "
		 "no constants, averages more, and finds outliers. *nullf*: no adjustment, for a "
		 "clock that synchronous Ethernet keeps at the right rate; set *step_threshold* "
		 "to say from where on it is stepped. *ntpshm* and *refclock_sock* steer nothing: "
		 "offsets of the system clock, by software time stamps, are handed to the "
		 "program that keeps it." },
	{ KEY(SERVO, "free_running"), G_INT(free_running), IS("0"), BOOL,
	  .doc = "Measure only; never touch the clock." },
	{ KEY(SERVO, "pi_proportional_const"), G_DBL(pi_proportional_const), IS("0.0"),
	  RANGE(0, DBL_MAX),
	  .doc = "Proportional constant kp; 0: min(kp_scale x interval^kp_exponent, kp_norm_max "
		 "/ interval)." },
	{ KEY(SERVO, "pi_integral_const"), G_DBL(pi_integral_const), IS("0.0"), RANGE(0, DBL_MAX),
	  .doc = "Integral constant ki; 0: by the same formula with the ki values." },
	{ KEY(SERVO, "pi_proportional_scale"), G_DBL(pi_proportional_scale), IS("0.0"),
	  RANGE(0, DBL_MAX),
	  .doc = "kp_scale; 0: 0.7 with hardware, 0.1 with software time stamps." },
	{ KEY(SERVO, "pi_proportional_exponent"), G_DBL(pi_proportional_exponent), IS("-0.3"),
	  RANGE(-DBL_MAX, DBL_MAX), .doc = "kp_exponent." },
	{ KEY(SERVO, "pi_proportional_norm_max"), G_DBL(pi_proportional_norm_max), IS("0.7"),
	  RANGE(DBL_MIN, 1), .doc = "kp_norm_max. Larger is quicker and closer to unstable." },
	{ KEY(SERVO, "pi_integral_scale"), G_DBL(pi_integral_scale), IS("0.0"), RANGE(0, DBL_MAX),
	  .doc = "ki_scale; 0: 0.3 with hardware, 0.001 with software time stamps." },
	{ KEY(SERVO, "pi_integral_exponent"), G_DBL(pi_integral_exponent), IS("0.4"),
	  RANGE(-DBL_MAX, DBL_MAX), .doc = "ki_exponent." },
	{ KEY(SERVO, "pi_integral_norm_max"), G_DBL(pi_integral_norm_max), IS("0.3"),
	  RANGE(DBL_MIN, 2), .doc = "ki_norm_max." },
	{ KEY(SERVO, "first_step_threshold"), .alias = "pi_f_offset_const",
	  G_DBL(first_step_threshold),
	  IS("0.00002"), RANGE(0, DBL_MAX), .unit = "s",
	  .doc = "Step the clock at the first update if it is off by more; 0: never. Set 0 if "
		 "the time must not jump, and wait for it to be slewed." },
	{ KEY(SERVO, "step_threshold"), .alias = "pi_offset_const", G_DBL(step_threshold),
	  IS("0.0"),
	  RANGE(0, DBL_MAX), .unit = "s",
	  .doc = "Step the clock at any later update if it is off by more; 0: never. Set it if "
		 "being wrong for long is worse than a jump." },
	{ KEY(SERVO, "step_window"), G_INT(step_window), IS("0"), RANGE(0, INT_MAX),
	  .unit = "samples",
	  .doc = "Syncs not used after a step. Set it if the hardware delivers old time stamps "
		 "after one." },
	{ KEY(SERVO, "max_frequency"), .alias = "pi_max_frequency", G_INT(max_frequency),
	  IS("900000000"), RANGE(0, INT_MAX), .unit = "ppb",
	  .doc = "Largest frequency adjustment; 0, or more than the clock can: what the clock "
		 "can." },
	{ KEY(SERVO, "sanity_freq_limit"), G_INT(sanity_freq_limit), IS("200000000"),
	  RANGE(0, INT_MAX), .unit = "ppb",
	  .doc = "If the clock's rate differs by more from the system's monotonic clock, say so "
		 "and start the servo over; 0: do not look." },
	{ KEY(SERVO, "servo_offset_threshold"), G_INT(servo_offset_threshold), IS("0"),
	  RANGE(0, INT_MAX), .unit = "ns",
	  .doc = "The clock is stable (servo state s3) when offsets stay below this; 0: never." },
	{ KEY(SERVO, "servo_num_offset_values"), G_INT(servo_num_offset_values), IS("10"),
	  RANGE(0, INT_MAX), .unit = "samples",
	  .doc = "How many offsets in a row must be below *servo_offset_threshold*." },
	{ KEY(SERVO, "kernel_leap"), G_INT(kernel_leap), IS("1"), BOOL,
	  .doc = "With the system clock: let the kernel insert or delete an announced leap "
		 "second. 0 leaves the second to the servo." },
	{ KEY(SERVO, "restore_frequency"), G_INT(restore_frequency), IS("0"), .native = "1", BOOL,
	  .doc = "When stopping, give the clock back the frequency adjustment it had at the start. "
		 "0 keeps what was learned, so that the clock drifts less and a restart is in "
		 "step sooner." },
	{ KEY(SERVO, "oscillator_drift_bound"), G_DBL(oscillator_drift_bound), IS("0"),
	  RANGE(0, 1e6),
	  .unit = "ppb/s",
	  .doc = "How fast the oscillator's frequency may change, for the error bound that is "
		 "reported; 0: a cautious value." },
	{ KEY(SERVO, "write_phase_mode"), LATER(GLOBAL, INT), IS("0"), BOOL,
	  .doc = "Use the hardware's phase control once the clock is stable." },
	{ KEY(SERVO, "ntpshm_segment"), G_INT(ntpshm_segment), IS("0"),
	  RANGE(INT_MIN, INT_MAX),
	  .doc = "Number of the shared memory segment of *clock_servo ntpshm*, as in chrony's "
		 "*refclock SHM*, or the unit of ntpd's driver 28." },
	{ KEY(SERVO, "refclock_sock_address"), G_STR(refclock_sock_address),
	  IS("/var/run/refclock.ptp.sock"),
	  .doc = "Socket of *clock_servo refclock_sock*, as in chrony's *refclock SOCK*." },

	/* -- several sources, holdover -------------------------------------------------------- */
	{ KEY(SOURCE, "source_type"), S_ENUM(type), IS("ptp"), .labels = "ptp phc pps ntp",
	  .required = true,
	  .doc = "What the source is. *ptp*: another PTP Instance that only receives time, in a "
		 "domain of its own or on other interfaces than the ports. *phc*: a PTP hardware "
		 "clock that something else keeps. *pps*: a pulse per second of the kernel, which "
		 "says when a second begins but not which. *ntp*: the system clock as far as a "
		 "running chronyd vouches for it." },
	{ KEY(SOURCE, "source_priority"), S_INT(priority), IS("128"), RANGE(0, 255),
	  .doc = "Of the sources that are good the one with the lowest is followed; of equal ones "
		 "the ports, then the one that stands first. See *ports_priority*." },
	{ KEY(SOURCE, "source_device"), S_STR(device), IS(""), OF_DEVICE,
	  .doc = "*phc*: the clock by its device file, an interface, or its clock name. *pps*: the "
		 "device file. *ntp*: the path of chronyd's command socket, or its host and port; "
		 "*auto*, or empty: /run/chrony/chronyd.sock, else 127.0.0.1:323." },
	{ KEY(SOURCE, "source_interfaces"), S_STR(interfaces), IS(""), OF_PTP,
	  .doc = "The interfaces to receive time on, separated by white space or commas. Port keys "
		 "in the section are for all of them." },
	{ KEY(SOURCE, "source_domain"), S_INT(domain), IS("0"), RANGE(0, 255), OF_PTP,
	  .doc = "The PTP domain of the source." },
	{ KEY(SOURCE, "source_bound"), S_DBL(bound_ns), IS("0"), RANGE(0, 1e12), .unit = "ns",
	  .doc = "What you vouch for the source's own error, beside what is measured. 0: of *ptp* "
		 "what the grandmaster's clockAccuracy says, of *ntp* what chronyd says, of the "
		 "others nothing, and the clockAccuracy announced is unknown then. The error "
		 "bound of the clock is never better than this." },
	{ KEY(SOURCE, "source_max_bound"), S_DBL(max_bound_ns), IS("0"), RANGE(0, 1e12),
	  .unit = "ns",
	  .doc = "The source is not good while its error bound is wider; 0: any is good." },
	{ KEY(SOURCE, "source_timeout"), S_DBL(timeout_s), IS("0"), RANGE(0, 1e6), .unit = "s",
	  .doc = "Without a measurement for so long the source counts as gone; 0: after some "
		 "intervals of its type." },
	{ KEY(SOURCE, "source_interval"), S_DBL(interval_s), IS("1"), RANGE(0.01, 3600),
	  .unit = "s", OF_READ,
	  .doc = "How often the source is asked." },
	{ KEY(SOURCE, "source_offset"), S_INT(offset_s), IS("auto"), RANGE(INT_MIN, INT_MAX),
	  .special = "auto", .unit = "s", OF_DEVICE,
	  .doc = "How far the source is ahead of TAI: -37 for a clock that keeps UTC. *auto*: of "
		 "*phc* and *ntp* by what is known of TAI and UTC; *pps* needs none." },
	{ KEY(SOURCE, "source_class"), S_INT(clock_class), IS("248"), RANGE(0, 255),
	  .doc = "clockClass that is announced while the source is followed: 6 for a primary "
		 "reference on PTP's time scale, 13 on another. Its holdover is announced as 7 or "
		 "14, then 187 or 193; others go to 248 at once. While a class below 128 is "
		 "announced, the ports never receive time (IEEE 1588 9.3.3)." },
	{ KEY(SOURCE, "source_time_source"), S_INT(time_source), IS("auto"), RANGE(0, 0xfe),
	  .special = "auto",
	  .doc = "timeSource that is announced while the source is followed: 0x20 GNSS, 0x10 "
		 "atomic clock. *auto*: 0x40 for *ptp*, 0x50 for *ntp*, else 0x90, other." },
	{ KEY(SOURCE, "ports_priority"), G_INT(ports_priority), IS("128"), RANGE(0, 255),
	  .doc = "*source_priority* of the ports of this file, where there are other sources." },
	{ KEY(SOURCE, "source_fail_limit"), G_INT(source_fail_limit), IS("3"), RANGE(1, 1000),
	  .unit = "measurements",
	  .doc = "So many bad ones in a row drop a source. Larger rides out bursts, and follows a "
		 "bad source longer." },
	{ KEY(SOURCE, "source_recover"), G_DBL(source_recover_s), IS("30"), RANGE(0, 1e6),
	  .unit = "s",
	  .doc = "A dropped source must be good for so long to be used again; longer each time if "
		 "it is dropped often. While nothing is followed, *source_fail_limit* good "
		 "measurements do." },
	{ KEY(SOURCE, "source_revert"), G_DBL(source_revert_s), IS("300"), RANGE(0, 1e7),
	  .unit = "s",
	  .doc = "A dropped source of higher priority must be good for so long before the present "
		 "one is left for it." },
	{ KEY(SOURCE, "source_settle"), G_DBL(source_settle_s), IS("5"), RANGE(0, 3600),
	  .unit = "s",
	  .doc = "At the start, how long to wait for all sources before one is chosen." },
	{ KEY(SOURCE, "source_dispute"), G_DBL(source_dispute_s), IS("60"), RANGE(0, 1e6),
	  .unit = "s",
	  .doc = "A source that contradicts the clock, with nobody to decide, is believed after so "
		 "long." },
	{ KEY(SOURCE, "source_handover_rate"), G_DBL(source_handover_rate_ppb), IS("100"),
	  RANGE(0, 1e6), .unit = "ppb",
	  .doc = "How fast the clock moves from one source's time to the next one's. 100 takes 10 "
		 "s for 1 us." },
	{ KEY(SOURCE, "source_handover_max"), G_DBL(source_handover_max_ns), IS("1000000"),
	  RANGE(0, 1e12), .unit = "ns",
	  .doc = "Sources further apart are not handed over gently: the servo corrects it at "
		 "once." },
	{ KEY(SOURCE, "state_file"), G_STR(state_file), IS(""),
	  .doc = "A file that keeps what was learnt of the oscillator and the network, so that a "
		 "restart goes on where it stopped. Beside it, in a file of the same name and "
		 ".lock, stands a lock: two gnomonds need two files. Empty: none." },
	{ KEY(SOURCE, "holdover_drift_max"), G_DBL(holdover_drift_max), IS("0"), RANGE(0, 1e6),
	  .unit = "ppb/s",
	  .doc = "The oscillator's frequency drifts no faster, says its data sheet; 0: unknown. It "
		 "keeps the error bound in holdover from growing faster than it can." },
	{ KEY(SOURCE, "holdover_bound"), G_DBL(holdover_bound_ns), IS("1000"), RANGE(0, 1e12),
	  .unit = "ns",
	  .doc = "In holdover the clock is announced as within its specification (clockClass 7 or "
		 "14) while its error bound is within this, then as degraded (187 or 193)." },
	{ KEY(SOURCE, "degraded_bound"), G_DBL(degraded_bound_ns), IS("1000000"), RANGE(0, 1e12),
	  .unit = "ns",
	  .doc = "In holdover, beyond this error bound the clock is announced as 248 like any "
		 "other." },

	/* -- clock pairs ---------------------------------------------------------------------- */
	{ KEY(SYNC, "sync_source"), Y_STR(source), IS("kept"),
	  .doc = "The clock to follow: a device file, an interface, a clock name, CLOCK_REALTIME, "
		 "or *kept*, the clock that gnomond keeps. Or pulses, whose second the kept clock "
		 "tells: *pps:*DEVICE, stamped by the system clock, or *extts:*CHANNEL of the "
		 "sink." },
	{ KEY(SYNC, "sync_sink"), Y_STR(sink), IS("CLOCK_REALTIME"), .required = true,
	  .doc = "The clock to keep by it, named like the source, or who is told the time instead: "
		 "*chrony:*PATH, a socket of chronyd's refclock SOCK, or *shm:*N, the segment of "
		 "an NTP server. *soft:*NAME is a clock in memory, for a trial. With a source of "
		 "type *ntp* neither is told anything while no other source is followed." },
	{ KEY(SYNC, "sync_interval"), Y_DBL(interval_s), IS("1"), RANGE(0.001, 3600), .unit = "s",
	  .doc = "How often the clocks are compared and the sink is adjusted." },
	{ KEY(SYNC, "sync_samples"), Y_INT(samples), IS("5"), RANGE(1, 25),
	  .doc = "Readings for one comparison, of which the quickest counts." },
	{ KEY(SYNC, "sync_offset"), Y_INT(offset_s), IS("auto"), RANGE(INT_MIN, INT_MAX),
	  .special = "auto", .unit = "s",
	  .doc = "How far the sink is to be ahead of the source: -37 for a system clock that "
		 "follows PTP time. *auto*: by what is known of TAI and UTC." },

	/* -- guests --------------------------------------------------------------------------- */
	{ KEY(GUEST, "guest_page"), V_STR(page), IS(""),
	  .doc = "The file that the guest and gnomond share: its clock page. Empty: "
		 "/dev/shm/gnomon-NAME." },
	{ KEY(GUEST, "guest_size"), V_INT(size), IS("8192"), RANGE(4096, 1 << 30), .unit = "octets",
	  .doc = "Its size, a power of two. 4096 has the clock page alone; libvirt's shmem wants "
		 "1048576." },
	{ KEY(GUEST, "guest_owner"), V_STR(owner), IS(""),
	  .doc = "Whose file it is, *user* or *user:group*: who runs the VMM. Names of /etc/passwd "
		 "and /etc/group, or numbers: no directory service is asked. Empty: who runs "
		 "gnomond." },
	{ KEY(GUEST, "guest_mode"), V_INT(mode), IS("0600"), RANGE(0, 0777), .unit = "octal",
	  .doc = "Mode of the file. What everybody could write is refused: who writes it tells "
		 "the guest the time." },
	{ KEY(GUEST, "guest_way"), V_ENUM(way), IS("bar_acpi"),
	  .labels = "bar_acpi fixed bar patch",
	  .doc = "How the guest comes by its page. *bar_acpi*: an ivshmem device and an ACPI "
		 "table, so that a stock kernel's driver takes it. *fixed*: an nvdimm at "
		 "*guest_address* and an ACPI table. *bar*: an ivshmem device that programs of "
		 "this project read. *patch*: QEMU's own vmclock device, filled by way of "
		 "*guest_qmp*." },
	{ KEY(GUEST, "guest_slot"), V_INT(slot), IS("0x10"), RANGE(1, 31),
	  .doc = "The slot of the ivshmem device on PCI bus 0." },
	{ KEY(GUEST, "guest_address"), V_STR(address), IS(""),
	  .doc = "Where in the guest's memory a page of *guest_way fixed* is." },
	{ KEY(GUEST, "guest_profile"), V_ENUM(profile), IS("tai"), .labels = "tai utc",
	  .doc = "The time scale of the page. Linux 6.13 to 6.19 needs *utc*, later kernels and "
		 "programs of this project *tai*." },
	{ KEY(GUEST, "guest_counter"), V_ENUM(counter), IS("auto"),
	  .labels = "auto kvm pingpong host",
	  .doc = "How the guest's counter is known. *kvm*: from debugfs, for the process that "
		 "*guest_pid*, *guest_uuid* or *guest_libvirt* names, or else has the page "
		 "mapped. *pingpong*: from answers of gnomon-guest in an ivshmem device, not with "
		 "*guest_way fixed* and *patch*. *auto*: *kvm* if it can be had, else *pingpong*. "
		 "*host*: it is the host's, for readers on the host." },
	{ KEY(GUEST, "guest_pid"), V_INT(pid), IS("0"), RANGE(0, INT_MAX),
	  .doc = "The process of the virtual machine; 0: it is looked for." },
	{ KEY(GUEST, "guest_uuid"), V_STR(uuid), IS(""),
	  .doc = "The UUID on the command line of that process." },
	{ KEY(GUEST, "guest_libvirt"), V_STR(libvirt), IS(""),
	  .doc = "The name libvirt gave the virtual machine." },
	{ KEY(GUEST, "guest_qmp"), V_STR(qmp), IS(""),
	  .doc = "QEMU's monitor socket (QMP), for migration, and for *guest_way patch*." },
	{ KEY(GUEST, "guest_dir"), G_STR(guest_dir), IS("/run/gnomon"),
	  .doc = "The folder for what is known of guests: what their pages are put right from "
		 "after a crash, their ACPI tables, and those attached while gnomond runs. Only "
		 "gnomond may write it." },
	{ KEY(GUEST, "guest_interval"), G_DBL(guest_interval_s), IS("0.25"), RANGE(0.001, 60),
	  .unit = "s",
	  .doc = "How often pages are written; they are at once after a step or a change of "
		 "status." },
	{ KEY(GUEST, "guest_max_bound"), G_DBL(guest_max_bound_ns), IS("1000000"), RANGE(1, 1e12),
	  .unit = "ns",
	  .doc = "A page whose error bound is beyond this says that it is unreliable." },
	{ KEY(GUEST, "guest_realtime_slew"), G_DBL(realtime_slew_ppb), IS("500000"), RANGE(0, 1e9),
	  .unit = "ppb",
	  .doc = "How fast CLOCK_REALTIME may be slewed by whoever keeps it, where gnomond does "
		 "not: the error bound told of it (to guests with ptp_kvm, and in clockbound_file) "
		 "grows by this. chronyd slews by its maxslewrate at most: its default is 83333333 "
		 "ppb." },
	{ KEY(GUEST, "clockbound_file"), G_STR(clockbound_file), IS(""),
	  .doc = "A file in the format of ClockBound's /var/run/clockbound/shm0, for its clients "
		 "on this host. Empty: none." },

	/* -- time stamps ---------------------------------------------------------------------- */
	{ KEY(STAMP, "time_stamping"), P_ENUM(time_stamping), IS("hardware"), .native = "auto",
	  .labels = "auto hardware software legacy onestep p2p1step",
	  .doc = "Who takes time stamps; ports may differ. *auto*: *hardware* if the interface "
		 "stamps by a PTP clock that *clock* allows, *legacy* if its hardware knows the "
		 "old way only, else *software*; which, and why not *hardware*, is logged. "
		 "*software* works everywhere and is some microseconds worse: keep it to the "
		 "ports that transmit time if others have hardware. *onestep* and *p2p1step* let "
		 "the interface write the time into Sync, and into Pdelay_Resp. Stamps of another "
		 "clock than the one that is kept are brought into its time as they come." },
	{ KEY(STAMP, "tx_timestamp_timeout"), G_INT(tx_timestamp_timeout), IS("10"),
	  RANGE(1, INT_MAX),
	  .unit = "ms",
	  .doc = "A transmit time stamp that has not come by then is given up. It costs that "
		 "message, nothing else; raise it for slow hardware." },
	{ KEY(STAMP, "hwts_filter"), G_ENUM(hwts_filter), IS("normal"),
	  .labels = "normal check full",
	  .doc = "What may be changed in the interface's receive filter: *normal* what PTP "
		 "needs, *check* nothing, *full* time stamps for every packet, for other "
		 "programs." },
	{ KEY(STAMP, "check_fup_sync"), G_INT(check_fup_sync), IS("0"), BOOL,
	  .doc = "Prove by software time stamps that a Sync came before its Follow_Up." },
	{ KEY(STAMP, "assume_two_step"), G_INT(assume_two_step), IS("0"), BOOL,
	  .doc = "Take every response as two-step, for switches that forget the flag." },

	/* -- network -------------------------------------------------------------------------- */
	{ KEY(NETWORK, "network_transport"), P_ENUM(network_transport), IS("UDPv4"),
	  .labels = "L2 UDPv4 UDPv6",
	  .doc = "What carries the messages: UDP, or Ethernet frames (L2)." },
	{ KEY(NETWORK, "ptp_dst_ipv4"), P_IP4(ptp_dst_ipv4), IS("224.0.1.129"),
	  .doc = "UDPv4: the group of everything but peer delay messages." },
	{ KEY(NETWORK, "p2p_dst_ipv4"), P_IP4(p2p_dst_ipv4), IS("224.0.0.107"),
	  .doc = "UDPv4: the group of peer delay messages." },
	{ KEY(NETWORK, "ptp_dst_ipv6"), P_IP6(ptp_dst_ipv6), IS("FF0E:0:0:0:0:0:0:181"),
	  .doc = "UDPv6: the group of everything but peer delay messages; *udp6_scope* replaces "
		 "its second octet's scope." },
	{ KEY(NETWORK, "p2p_dst_ipv6"), P_IP6(p2p_dst_ipv6), IS("FF02:0:0:0:0:0:0:6B"),
	  .doc = "UDPv6: the group of peer delay messages." },
	{ KEY(NETWORK, "ptp_dst_mac"), P_MAC(ptp_dst_mac), IS("01:1B:19:00:00:00"),
	  .doc = "L2: the address of everything but peer delay messages. 01:80:C2:00:00:0E is "
		 "not forwarded by bridges." },
	{ KEY(NETWORK, "p2p_dst_mac"), P_MAC(p2p_dst_mac), IS("01:80:C2:00:00:0E"),
	  .doc = "L2: the address of peer delay messages." },
	{ KEY(NETWORK, "udp_ttl"), P_INT(udp_ttl), IS("1"), RANGE(1, 255), .unit = "hops",
	  .doc = "How many routers a multicast message may pass; 1 keeps it on the link." },
	{ KEY(NETWORK, "udp6_scope"), P_INT(udp6_scope), IS("0x0E"), RANGE(0, 15),
	  .doc = "Scope of the IPv6 group: 2 link, 5 site, 14 global." },
	{ KEY(NETWORK, "event_port"), G_INT(event_port), IS("319"), RANGE(1, 65535),
	  .doc = "UDP port of event messages. Another than 319 lets a test run without "
		 "privilege; all its clocks need the same." },
	{ KEY(NETWORK, "general_port"), G_INT(general_port), IS("320"), RANGE(1, 65535),
	  .doc = "UDP port of general messages." },
	{ KEY(NETWORK, "share_ports"), G_INT(share_ports), IS("1"), .native = "0", BOOL,
	  .doc = "Let other programs have the same UDP ports open on the interface. Set it to run "
		 "one daemon for each of several domains; 0 finds a second daemon started by "
		 "mistake." },
	{ KEY(NETWORK, "dscp_event"), G_INT(dscp_event), IS("0"), RANGE(0, 63),
	  .doc = "DSCP of UDP event messages: 46 for AES67, 48 for RAVENNA." },
	{ KEY(NETWORK, "dscp_general"), G_INT(dscp_general), IS("0"), RANGE(0, 63),
	  .doc = "DSCP of UDP general messages: 34 for AES67." },
	{ KEY(NETWORK, "socket_priority"), G_INT(socket_priority), IS("0"), RANGE(0, 15),
	  .doc = "SO_PRIORITY of L2 sockets, for queueing disciplines that sort by it." },

	/* -- log and process ------------------------------------------------------------------ */
	{ KEY(LOG, "summary_interval"), G_INT(summary_interval), IS("0"), RANGE(INT_MIN, INT_MAX),
	  .unit = "log2 s",
	  .doc = "How often offset statistics are logged. Every update is logged alone if there "
		 "is only one in the interval." },
	{ KEY(LOG, "logging_level"), G_INT(logging_level), IS("6"), RANGE(0, 7),
	  .doc = "Most verbose level logged: 3 errors, 4 warnings, 5 notices, 6 information, 7 "
		 "everything." },
	{ KEY(LOG, "log_format"), G_ENUM(log_format), IS("ptp4l"), .native = "native",
	  .labels = "native ptp4l json",
	  .doc = "How log lines look: key=value pairs, the lines of ptp4l for programs that "
		 "parse them, or one JSON object per line." },
	{ KEY(LOG, "use_syslog"), G_INT(use_syslog), IS("1"), .native = "0", BOOL,
	  .doc = "Log to the system log." },
	{ KEY(LOG, "verbose"), G_INT(verbose), IS("0"), .native = "1", BOOL,
	  .doc = "Log to the standard output." },
	{ KEY(LOG, "message_tag"), G_STR(message_tag), IS(""),
	  .doc = "Text put before every line in ptp4l format, and a field in the others; {level} "
		 "in it becomes the line's level. Set it to tell several instances apart." },
	{ KEY(LOG, "user"), G_STR(user), IS(""),
	  .doc = "The user to become once sockets and clocks are open, keeping only the "
		 "capabilities to set clocks and to open the ports again. That user must be able "
		 "to write the folder of *state_file*, or the start is refused, and should be able "
		 "to open what may go and come back: PTP devices, and the folder of chronyd's "
		 "socket; what it may not is told at the start." },

	/* -- later: unicast ------------------------------------------------------------------- */
	{ KEY(UNICAST, "unicast_listen"), LATER(PORT, INT), IS("0"), BOOL,
	  .doc = "Grant unicast service to those who ask." },
	{ KEY(UNICAST, "unicast_master_table"), LATER(PORT, INT), IS("0"), RANGE(0, INT_MAX),
	  .doc = "The table of servers to ask for unicast service." },
	{ KEY(UNICAST, "unicast_req_duration"), LATER(PORT, INT), IS("3600"), RANGE(10, INT_MAX),
	  .unit = "s", .doc = "How long unicast service is asked for." },
	{ KEY(UNICAST, "inhibit_multicast_service"), LATER(PORT, INT), IS("0"), BOOL,
	  .doc = "Never send multicast." },

	/* -- later: IEEE 802.1AS -------------------------------------------------------------- */
	{ KEY(8021AS, "follow_up_info"), LATER(PORT, INT), IS("0"), BOOL,
	  .doc = "Send the Follow_Up information TLV." },
	{ KEY(8021AS, "cmlds.client_address"), LATER(PORT, STRING), IS("/var/run/cmlds_client"),
	  .doc = "Socket of the Common Mean Link Delay Service's client." },
	{ KEY(8021AS, "cmlds.server_address"), LATER(PORT, STRING), IS("/var/run/cmlds_server"),
	  .doc = "Socket of the Common Mean Link Delay Service." },
	{ KEY(8021AS, "cmlds.domainNumber"), LATER(PORT, INT), IS("0"), RANGE(0, 255),
	  .doc = "Domain of the Common Mean Link Delay Service." },
	{ KEY(8021AS, "cmlds.majorSdoId"), LATER(PORT, INT), IS("2"), RANGE(0, 15),
	  .doc = "majorSdoId of the Common Mean Link Delay Service." },
	{ KEY(8021AS, "cmlds.port"), LATER(PORT, INT), IS("0"), RANGE(0, 65535),
	  .doc = "Port number of the Common Mean Link Delay Service; 0: this port's." },

	/* -- later: power profile ------------------------------------------------------------- */
	{ KEY(POWER, "power_profile.version"), LATER(PORT, ENUM), IS("none"),
	  .labels = "none -2011 -2017", .doc = "Version of IEEE C37.238 to follow." },
	{ KEY(POWER, "power_profile.2011.grandmasterTimeInaccuracy"), LATER(PORT, INT), IS("-1"),
	  RANGE(-1, INT_MAX), .unit = "ns", .doc = "Inaccuracy to announce as grandmaster." },
	{ KEY(POWER, "power_profile.2011.networkTimeInaccuracy"), LATER(PORT, INT), IS("-1"),
	  RANGE(-1, INT_MAX), .unit = "ns", .doc = "Inaccuracy the network adds." },
	{ KEY(POWER, "power_profile.2017.totalTimeInaccuracy"), LATER(PORT, INT), IS("-1"),
	  RANGE(-1, INT_MAX), .unit = "ns", .doc = "Inaccuracy to announce." },
	{ KEY(POWER, "power_profile.grandmasterID"), LATER(PORT, INT), IS("0"), RANGE(0, 65535),
	  .doc = "Short identity of the grandmaster." },

	/* -- later: security ------------------------------------------------------------------ */
	{ KEY(SECURITY, "sa_file"), LATER(GLOBAL, STRING), IS(""),
	  .doc = "File of security associations." },
	{ KEY(SECURITY, "spp"), LATER(PORT, INT), IS("-1"), RANGE(-1, 255),
	  .doc = "Security parameter pointer of the port; -1: none." },
	{ KEY(SECURITY, "active_key_id"), LATER(PORT, INT), IS("0"), RANGE(0, UINT32_MAX),
	  .doc = "The key messages are signed with." },
	{ KEY(SECURITY, "allow_unauth"), LATER(PORT, INT), IS("0"), RANGE(0, 2),
	  .doc = "Answers to accept without, or with wrong, authentication." },

	/* -- management ----------------------------------------------------------------------- */
	{ KEY(MANAGEMENT, "uds_address"), G_STR(uds_address), IS("/var/run/ptp/ptp4l"),
	  .doc = "The socket by which clients on this machine, such as pmc and phc2sys, ask for "
		 "everything, change settings and subscribe. While the folder of the default is "
		 "not there, /var/run/ptp4l, where linuxptp 3 looks. Without a socket at the "
		 "default place the clock runs all the same, which is logged. Empty: none." },
	{ KEY(MANAGEMENT, "uds_file_mode"), P_INT(uds_file_mode), IS("0660"), RANGE(0, 0777),
	  .unit = "mode", .doc = "Mode of that socket: who may change settings." },
	{ KEY(MANAGEMENT, "uds_ro_address"), G_STR(uds_ro_address), IS("/var/run/ptp/ptp4lro"),
	  .doc = "The socket by which clients may only ask, and not about interfaces. Its default "
		 "follows that of *uds_address*. Empty: none." },
	{ KEY(MANAGEMENT, "uds_ro_file_mode"), P_INT(uds_ro_file_mode), IS("0666"),
	  RANGE(0, 0777), .unit = "mode", .doc = "Mode of that socket." },
	{ KEY(MANAGEMENT, "control_socket"), G_STR(control_socket), IS(""),
	  .native = "/run/gnomon/control",
	  .doc = "The socket by which *gnomon* asks and tells gnomond. The default place is done "
		 "without if another gnomond has it; others need their own. Empty: none." },
	{ KEY(MANAGEMENT, "control_socket_mode"), G_INT(control_socket_mode), IS("0660"),
	  RANGE(0, 0777), .unit = "octal",
	  .doc = "Mode of that socket: who can connect may ask. Changes are for root, gnomond's "
		 "user and *control_socket_group*." },
	{ KEY(MANAGEMENT, "control_socket_group"), G_STR(control_socket_group), IS(""),
	  .doc = "Group of that socket, whose members may attach and detach guests. Empty: that of "
		 "gnomond, for connecting alone." },
	{ KEY(MANAGEMENT, "userDescription"), G_STR(user_description), IS(""),
	  .doc = "name;location of this clock, at most 128 characters." },
	{ KEY(MANAGEMENT, "productDescription"), G_STR(product_description), IS(";;"),
	  .doc = "manufacturer;model;instance, at most 64 characters." },
	{ KEY(MANAGEMENT, "revisionData"), G_STR(revision_data), IS(";;"),
	  .doc = "hardware;firmware;software revision, at most 32 characters." },
	{ KEY(MANAGEMENT, "manufacturerIdentity"), .scope = CONF_GLOBAL, .type = CONF_OUI,
	  .offset = BYTES(struct conf, manufacturer_identity, 3), IS("00:00:00"),
	  .doc = "OUI of the manufacturer." },
	{ KEY(MANAGEMENT, "profileIdentity"), P_MAC(profile_identity), IS("00:00:00:00:00:00"),
	  .doc = "Identity of the PTP profile, as management tells it. All zero: the default "
		 "profile of the delay mechanism." },
	{ KEY(MANAGEMENT, "slave_event_monitor"), LATER(GLOBAL, STRING), IS(""),
	  .doc = "Socket that receives every measurement." },
	{ KEY(MANAGEMENT, "net_sync_monitor"), LATER(PORT, INT), IS("0"), BOOL,
	  .doc = "Answer NetSync Monitor requests." },

	/* -- other programs ------------------------------------------------------------------- */
	{ KEY(OTHER, "leapfile"), OF_OTHER, G_STR(leapfile), IS(""),
	  .doc = "Of ts2phc and tz2alt: list of leap seconds." },
	{ KEY(OTHER, "ts2phc.channel"), OF_OTHER, P_INT(ts2phc_channel), IS("0"), RANGE(0, INT_MAX),
	  .doc = "Of ts2phc: channel of the time stamps." },
	{ KEY(OTHER, "ts2phc.external_pps"), OF_OTHER, G_INT(ts2phc_external_pps), IS("0"), BOOL,
	  .doc = "Of ts2phc: the pulse comes from a clock outside of ptp4l." },
	{ KEY(OTHER, "ts2phc.extts_correction"), OF_OTHER,
	  P_INT(ts2phc_extts_correction), IS("0"), NS,
	  .doc = "Of ts2phc: added to time stamps." },
	{ KEY(OTHER, "ts2phc.extts_polarity"), OF_OTHER,
	  P_ENUM(ts2phc_extts_polarity), IS("rising"),
	  .labels = "rising falling both", .doc = "Of ts2phc: the edge that counts." },
	{ KEY(OTHER, "ts2phc.holdover"), OF_OTHER,
	  P_INT(ts2phc_holdover), IS("0"), RANGE(0, INT_MAX), .unit = "s",
	  .doc = "Of ts2phc: how long to go on without time of day." },
	{ KEY(OTHER, "ts2phc.master"), OF_OTHER, P_INT(ts2phc_master), IS("0"), BOOL,
	  .doc = "Of ts2phc: this device gives the pulse." },
	{ KEY(OTHER, "ts2phc.nmea_baudrate"), OF_OTHER,
	  P_INT(ts2phc_nmea_baudrate), IS("9600"), RANGE(300, INT_MAX),
	  .doc = "Of ts2phc: speed of the serial port." },
	{ KEY(OTHER, "ts2phc.nmea_delay"), OF_OTHER, P_INT(ts2phc_nmea_delay), IS("0"), NS,
	  .doc = "Of ts2phc: delay of the NMEA sentence." },
	{ KEY(OTHER, "ts2phc.nmea_remote_host"), OF_OTHER, G_STR(ts2phc_nmea_remote_host), IS(""),
	  .doc = "Of ts2phc: host of NMEA over TCP." },
	{ KEY(OTHER, "ts2phc.nmea_remote_port"), OF_OTHER, G_STR(ts2phc_nmea_remote_port), IS(""),
	  .doc = "Of ts2phc: port of NMEA over TCP." },
	{ KEY(OTHER, "ts2phc.nmea_serialport"), OF_OTHER,
	  G_STR(ts2phc_nmea_serialport), IS("/dev/ttyS0"),
	  .doc = "Of ts2phc: the serial port." },
	{ KEY(OTHER, "ts2phc.perout_phase"), OF_OTHER,
	  P_INT(ts2phc_perout_phase), IS("-1"), RANGE(-1, 999999999),
	  .unit = "ns", .doc = "Of ts2phc: phase of the output." },
	{ KEY(OTHER, "ts2phc.pin_index"), OF_OTHER,
	  P_INT(ts2phc_pin_index), IS("0"), RANGE(0, INT_MAX),
	  .doc = "Of ts2phc: number of the pin." },
	{ KEY(OTHER, "ts2phc.pin_name"), OF_OTHER, P_STR(ts2phc_pin_name), IS(""),
	  .doc = "Of ts2phc: name of the pin." },
	{ KEY(OTHER, "ts2phc.pulserate"), OF_OTHER,
	  G_INT(ts2phc_pulserate), IS("1"), RANGE(1, 128), .unit = "Hz",
	  .doc = "Of ts2phc: pulses per second." },
	{ KEY(OTHER, "ts2phc.pulsewidth"), OF_OTHER,
	  G_INT(ts2phc_pulsewidth), IS("-1"), RANGE(-1, 999000000),
	  .unit = "ns", .doc = "Of ts2phc: length of the pulse." },
	{ KEY(OTHER, "ts2phc.tod_source"), OF_OTHER, G_STR(ts2phc_tod_source), IS("generic"),
	  .doc = "Of ts2phc: where the time of day comes from." },
};

const size_t conf_table_len = sizeof(conf_table) / sizeof(conf_table[0]);

static bool same(const char *known, const char *name, size_t len)
{
	return known && strncmp(known, name, len) == 0 && known[len] == '\0';
}

const struct conf_key *conf_key_find(const char *name, size_t len)
{
	for (size_t i = 0; i < conf_table_len; i++) {
		if (same(conf_table[i].name, name, len) || same(conf_table[i].alias, name, len)) {
			return &conf_table[i];
		}
	}
	return NULL;
}

const char *conf_group_title(enum conf_group group)
{
	static const char *const titles[CONF_GROUP_COUNT] = {
		[CONF_GROUP_CLOCK] = "Clock",
		[CONF_GROUP_PORT] = "Port roles",
		[CONF_GROUP_INTERVAL] = "Message intervals and timeouts",
		[CONF_GROUP_DELAY] = "Path delay",
		[CONF_GROUP_SERVO] = "Servo",
		[CONF_GROUP_SOURCE] = "Several sources and holdover",
		[CONF_GROUP_SYNC] = "Clock pairs",
		[CONF_GROUP_GUEST] = "Guests",
		[CONF_GROUP_STAMP] = "Time stamps",
		[CONF_GROUP_NETWORK] = "Network",
		[CONF_GROUP_LOG] = "Log and process",
		[CONF_GROUP_UNICAST] = "Unicast service",
		[CONF_GROUP_8021AS] = "IEEE 802.1AS",
		[CONF_GROUP_POWER] = "Power profile",
		[CONF_GROUP_SECURITY] = "Security",
		[CONF_GROUP_MANAGEMENT] = "Management",
		[CONF_GROUP_OTHER] = "Other programs",
	};

	return titles[group];
}

const char *conf_scope_name(enum conf_scope scope)
{
	switch (scope) {
	case CONF_GLOBAL:
		return "global";
	case CONF_PORT:
		return "port";
	case CONF_SOURCE:
		return "source";
	case CONF_SYNC:
		return "sync";
	case CONF_GUEST:
		return "guest";
	}
	return "?";
}

const char *conf_source_type_name(int type)
{
	switch ((enum conf_source_type)type) {
	case CONF_SOURCE_PTP:
		return "ptp";
	case CONF_SOURCE_PHC:
		return "phc";
	case CONF_SOURCE_PPS:
		return "pps";
	case CONF_SOURCE_NTP:
		return "ntp";
	}
	return "?";
}

bool conf_key_is_option(const struct conf_key *key)
{
	return key->scope == CONF_GLOBAL || key->scope == CONF_PORT;
}
