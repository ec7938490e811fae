/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>

#include "drivers/address.h"
#include "nsm.h"
#include "tools/log/say.h"

#define ROW "\n\t\t"

static const char *state_name(uint8_t state)
{
	static const char *const names[] = { "NONE",	    "INITIALIZING", "FAULTY",  "DISABLED",
					     "LISTENING",   "PRE_MASTER",   "MASTER",  "PASSIVE",
					     "UNCALIBRATED", "SLAVE",	    "GRAND_MASTER" };

	return state < sizeof(names) / sizeof(names[0]) ? names[state] : "?";
}

static int flag(const struct nsm_status *s, unsigned int bit)
{
	return s->flags & bit ? 1 : 0;
}

static double interval_ns(int64_t interval)
{
	return (double)interval / 65536.0;
}

static void print_parent(FILE *out, const struct nsm_status *s)
{
	char parent[GNOMON_PORT_IDENTITY_STRLEN];
	char grandmaster[GNOMON_CLOCK_IDENTITY_STRLEN];

	fprintf(out,
		"\tparentDataset"
		ROW "parentPortIdentity                    %s"
		ROW "parentStats                           %u"
		ROW "observedParentOffsetScaledLogVariance 0x%04x"
		ROW "observedParentClockPhaseChangeRate    0x%08" PRIx32
		ROW "grandmasterPriority1                  %u"
		ROW "gm.ClockClass                         %u"
		ROW "gm.ClockAccuracy                      0x%02x"
		ROW "gm.OffsetScaledLogVariance            0x%04x"
		ROW "grandmasterPriority2                  %u"
		ROW "grandmasterIdentity                   %s\n",
		gnomon_port_identity_format(parent, &s->parent), s->parent_stats,
		s->observed_variance, s->observed_phase_change_rate, s->grandmaster_priority1,
		s->grandmaster_quality.clock_class, s->grandmaster_quality.clock_accuracy,
		s->grandmaster_quality.offset_scaled_log_variance, s->grandmaster_priority2,
		gnomon_clock_identity_format(grandmaster, &s->grandmaster));
}

void nsm_print(FILE *out, const struct nsm_status *s, const struct nsm_result *result)
{
	char address[ADDRESS_TEXT_MAX];

	fprintf(out,
		"NSM MEASUREMENT COMPLETE"
		ROW "offset                                %" PRId64
		ROW "portState                             %s"
		ROW "parentPortAddress                     %u %s\n",
		result->offset.ns, state_name(s->port_state), s->parent_address.network_protocol,
		address_format(&s->parent_address, address));
	print_parent(out, s);
	fprintf(out,
		"\tcurrentDataset"
		ROW "stepsRemoved                          %u"
		ROW "offsetFromMaster                      %.1f"
		ROW "meanPathDelay                         %.1f\n",
		s->steps_removed, interval_ns(s->offset_from_master),
		interval_ns(s->mean_path_delay));
	fprintf(out,
		"\ttimePropertiesDataset"
		ROW "currentUtcOffset                      %d"
		ROW "leap61                                %d"
		ROW "leap59                                %d"
		ROW "currentUtcOffsetValid                 %d"
		ROW "ptpTimescale                          %d"
		ROW "timeTraceable                         %d"
		ROW "frequencyTraceable                    %d"
		ROW "timeSource                            0x%02x\n",
		s->utc_offset, flag(s, GNOMON_FLAG_LEAP61), flag(s, GNOMON_FLAG_LEAP59),
		flag(s, GNOMON_FLAG_UTC_OFFSET_VALID), flag(s, GNOMON_FLAG_PTP_TIMESCALE),
		flag(s, GNOMON_FLAG_TIME_TRACEABLE), flag(s, GNOMON_FLAG_FREQUENCY_TRACEABLE),
		s->time_source);
	fprintf(out, "\tlastSyncTimestamp    %" PRIu64 ".%09" PRIu32 "\n", s->last_sync.seconds,
		s->last_sync.nanoseconds);
	fflush(out);
}

static void print_json_parent(FILE *out, const struct nsm_status *s)
{
	char text[GNOMON_PORT_IDENTITY_STRLEN];
	char address[ADDRESS_TEXT_MAX];

	fprintf(out, ",\"parentPortAddress\":");
	say_json(out, address_format(&s->parent_address, address));
	fprintf(out, ",\"parentPortIdentity\":\"%s\"",
		gnomon_port_identity_format(text, &s->parent));
	fprintf(out,
		",\"grandmasterIdentity\":\"%s\",\"grandmasterPriority1\":%u,\"clockClass\":%u,"
		"\"clockAccuracy\":%u,\"offsetScaledLogVariance\":%u,\"grandmasterPriority2\":%u",
		gnomon_clock_identity_format(text, &s->grandmaster), s->grandmaster_priority1,
		s->grandmaster_quality.clock_class, s->grandmaster_quality.clock_accuracy,
		s->grandmaster_quality.offset_scaled_log_variance, s->grandmaster_priority2);
}

void nsm_print_json(FILE *out, const char *server, const struct nsm_status *s,
		    const struct nsm_result *result)
{
	fprintf(out, "{\"server\":");
	say_json(out, server);
	fprintf(out, ",\"offset_ns\":%.3f,\"delay_ns\":%.3f,\"portState\":\"%s\"",
		gnomon_span_to_double(result->offset), gnomon_span_to_double(result->delay),
		state_name(s->port_state));
	print_json_parent(out, s);
	fprintf(out,
		",\"stepsRemoved\":%u,\"offsetFromMaster_ns\":%.3f,\"meanPathDelay_ns\":%.3f,"
		"\"currentUtcOffset\":%d,\"leap61\":%d,\"leap59\":%d,\"currentUtcOffsetValid\":%d,"
		"\"ptpTimescale\":%d,\"timeTraceable\":%d,\"frequencyTraceable\":%d,"
		"\"timeSource\":%u}\n",
		s->steps_removed, interval_ns(s->offset_from_master),
		interval_ns(s->mean_path_delay), s->utc_offset, flag(s, GNOMON_FLAG_LEAP61),
		flag(s, GNOMON_FLAG_LEAP59), flag(s, GNOMON_FLAG_UTC_OFFSET_VALID),
		flag(s, GNOMON_FLAG_PTP_TIMESCALE), flag(s, GNOMON_FLAG_TIME_TRACEABLE),
		flag(s, GNOMON_FLAG_FREQUENCY_TRACEABLE), s->time_source);
	fflush(out);
}
