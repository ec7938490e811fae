/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages as linuxptp's pmc prints them: programs read these lines. */
#include <inttypes.h>
#include <string.h>

#include "print.h"

#define INDENT "\n\t\t"

/* linuxptp's own TLV, sent to its slave_event_monitor. */
#define TLV_SLAVE_DELAY_TIMING_DATA_NP 0x7f00
#define RX_SYNC_RECORD_LEN 34
#define DELAY_RECORD_LEN 30

/* -- management ------------------------------------------------------------------------------- */

/* Where values start: as the row says, or one after its longest label. */
static int value_column(const struct gnomon_management_row *row)
{
	size_t longest = 0;

	for (unsigned int i = 0; i < row->field_count && !row->columns; i++) {
		const struct gnomon_management_field *f = &row->fields[i];

		if (f->label && !(f->flags & GNOMON_FIELD_EXTRA) && strlen(f->label) > longest) {
			longest = strlen(f->label);
		}
	}
	return row->columns ? row->columns : (int)longest + 1;
}

/* Whether the octets hold all fields of the row; more than that is a newer version's. */
static bool is_complete(const struct gnomon_management_row *row,
			const struct gnomon_management_tlv *tlv)
{
	struct gnomon_management_reader reader;
	struct gnomon_management_value value;

	gnomon_management_reader_init(&reader, row, tlv->data, tlv->len);
	while (gnomon_management_next(&reader, &value)) {
	}
	return !reader.bad;
}

static void print_fields(FILE *out, const struct gnomon_management_row *row,
			 const struct gnomon_management_tlv *tlv)
{
	/* pmc has a blank behind these. */
	const char *end = row->id == GNOMON_MID_PORT_CORRECTIONS_NP ? " " : "";
	const int column = value_column(row);
	struct gnomon_management_reader reader;
	struct gnomon_management_value value;
	char buf[PRINT_VALUE_MAX];

	gnomon_management_reader_init(&reader, row, tlv->data, tlv->len);
	while (gnomon_management_next(&reader, &value)) {
		if (value.field->label && !(value.field->flags & GNOMON_FIELD_EXTRA)) {
			fprintf(out, INDENT "%-*s%s%s", column, value.field->label,
				print_value(&value, buf), end);
		}
	}
}

/* The columns of the table, in pmc's order. */
enum unicast_column {
	UNICAST_SELECTED,
	UNICAST_IDENTITY,
	UNICAST_ADDRESS,
	UNICAST_STATE,
	UNICAST_CLASS,
	UNICAST_ACCURACY,
	UNICAST_VARIANCE,
	UNICAST_PRIORITY1,
	UNICAST_PRIORITY2,
	UNICAST_COLUMNS
};

static const char *const unicast_labels[UNICAST_COLUMNS] = {
	"selected",      "portIdentity",            "address",   "portState", "clockClass",
	"clockAccuracy", "offsetScaledLogVariance", "priority1", "priority2",
};

static void print_unicast_row(FILE *out, char cell[UNICAST_COLUMNS][64])
{
	/* An address stands without its protocol here. */
	const char *address = strchr(cell[UNICAST_ADDRESS], ' ');

	fprintf(out, INDENT "%s %-24s %-34s %-9s %-10s %-12s %-23s %-3s %-3s",
		cell[UNICAST_SELECTED][0] == '1' ? "yes" : "no ", cell[UNICAST_IDENTITY],
		address ? address + 1 : "", cell[UNICAST_STATE], cell[UNICAST_CLASS],
		cell[UNICAST_ACCURACY], cell[UNICAST_VARIANCE], cell[UNICAST_PRIORITY1],
		cell[UNICAST_PRIORITY2]);
}

/* The only id that is printed as a table. */
static void print_unicast_table(FILE *out, const struct gnomon_management_row *row,
				const struct gnomon_management_tlv *tlv)
{
	char cell[UNICAST_COLUMNS][64] = { "" };
	struct gnomon_management_reader reader;
	struct gnomon_management_value value;
	char buf[PRINT_VALUE_MAX];

	gnomon_management_reader_init(&reader, row, tlv->data, tlv->len);
	if (gnomon_management_next(&reader, &value)) {
		fprintf(out, INDENT "actual_table_size %s", print_value(&value, buf));
	}
	fprintf(out, INDENT "BM  %-24s %-34s %-9s %s %s %s p1  p2", "identity", "address", "state",
		"clockClass", "clockQuality", "offsetScaledLogVariance");
	while (gnomon_management_next(&reader, &value)) {
		for (int i = 0; i < UNICAST_COLUMNS; i++) {
			if (value.field->label &&
			    strcmp(value.field->label, unicast_labels[i]) == 0) {
				snprintf(cell[i], sizeof(cell[i]), "%.63s",
					 print_value(&value, buf));
			}
		}
		if (value.field == &row->fields[row->field_count - 1]) {
			print_unicast_row(out, cell);
		}
	}
}

/* Type of the message's first TLV; 0 if pmc would not look into it: none, or several. */
static uint16_t only_tlv(const struct gnomon_msg *msg)
{
	struct gnomon_tlv_iter it;
	struct gnomon_tlv first;
	struct gnomon_tlv tlv = { .type = GNOMON_TLV_AUTHENTICATION };

	gnomon_tlv_iter_init(&it, msg->tlvs, msg->tlvs_len);
	if (!gnomon_tlv_next(&it, &first)) {
		return 0;
	}
	if (gnomon_tlv_next(&it, &tlv) &&
	    (tlv.type != GNOMON_TLV_AUTHENTICATION || gnomon_tlv_next(&it, &tlv))) {
		return 0;
	}
	return first.type;
}

static void print_management_tlv(FILE *out, const struct gnomon_management_tlv *tlv)
{
	const struct gnomon_management_row *row = gnomon_management_find(tlv->id);

	fputs("MANAGEMENT ", out);
	if (tlv->id == GNOMON_MID_NULL_MANAGEMENT) {
		return;
	}
	if (tlv->len == 0) {
		fputs("empty-tlv ", out);
		return;
	}
	if (!row || !is_complete(row, tlv)) {
		return;
	}
	fprintf(out, "%s ", row->name);
	if (row->id == GNOMON_MID_UNICAST_MASTER_TABLE_NP) {
		print_unicast_table(out, row, tlv);
	} else {
		print_fields(out, row, tlv);
	}
}

static void print_management(FILE *out, const struct manage_message *m)
{
	const uint8_t action = m->msg.body.management.action;
	const uint16_t type = only_tlv(&m->msg);
	char source[GNOMON_PORT_IDENTITY_STRLEN];

	if (action > GNOMON_MANAGEMENT_ACKNOWLEDGE) {
		return;
	}
	fprintf(out, "\t%s seq %u %s ", gnomon_port_identity_format(source, &m->msg.header.source),
		m->msg.header.sequence_id, gnomon_management_action_name(action));
	if (type == GNOMON_TLV_MANAGEMENT && m->has_tlv) {
		print_management_tlv(out, &m->tlv);
	} else if (type == GNOMON_TLV_MANAGEMENT_ERROR_STATUS) {
		fputs("MANAGEMENT_ERROR_STATUS ", out);
	} else if (type) {
		fputs("unknown-tlv ", out);
	}
	fputc('\n', out);
}

/* -- signaling -------------------------------------------------------------------------------- */

static uint64_t big_endian(const uint8_t *p, int octets)
{
	uint64_t v = 0;

	for (int i = 0; i < octets; i++) {
		v = v << 8 | p[i];
	}
	return v;
}

static void print_timestamp(FILE *out, const char *label, const uint8_t *p)
{
	fprintf(out, INDENT "%-26s %" PRIu64 ".%09" PRIu64, label, big_endian(p, 6),
		big_endian(p + 6, 4));
}

static void print_correction(FILE *out, const uint8_t *p)
{
	fprintf(out, INDENT "%-26s %" PRId64, "totalCorrectionField",
		(int64_t)big_endian(p, 8) >> 16);
}

/* 16.11.4.1: what a timeReceiver saw of a Sync. */
static void print_rx_sync(FILE *out, const uint8_t *p)
{
	fprintf(out, INDENT "%-26s %" PRIu64, "sequenceId", big_endian(p, 2));
	print_timestamp(out, "syncOriginTimestamp", p + 2);
	print_correction(out, p + 12);
	fprintf(out, INDENT "%-26s %" PRIu64, "scaledCumulativeRateOffset", big_endian(p + 20, 4));
	print_timestamp(out, "syncEventIngressTimestamp", p + 24);
}

static void print_delay(FILE *out, const uint8_t *p)
{
	fprintf(out, INDENT "%-26s %" PRIu64, "sequenceId", big_endian(p, 2));
	print_timestamp(out, "delayOriginTimestamp", p + 2);
	print_correction(out, p + 12);
	print_timestamp(out, "delayResponseTimestamp", p + 20);
}

/* A port's identity, and records of one kind. */
static void print_records(FILE *out, const char *name, const struct gnomon_tlv *tlv, size_t size,
			  void (*print)(FILE *out, const uint8_t *p))
{
	struct gnomon_port_identity identity;
	char text[GNOMON_PORT_IDENTITY_STRLEN];
	const size_t left = tlv->length >= 10 ? tlv->length - 10u : 0;

	if (tlv->length < 10) {
		return;
	}
	memcpy(identity.clock.id, tlv->value, 8);
	identity.port = (uint16_t)big_endian(tlv->value + 8, 2);
	fprintf(out, "%s N %zu " INDENT "sourcePortIdentity         %s", name, left / size,
		gnomon_port_identity_format(text, &identity));
	for (size_t i = 0; i < left / size; i++) {
		print(out, tlv->value + 10 + i * size);
	}
}

static void print_signaling(FILE *out, const struct gnomon_msg *msg)
{
	char source[GNOMON_PORT_IDENTITY_STRLEN];
	struct gnomon_tlv_iter it;
	struct gnomon_tlv tlv;

	fprintf(out, "\t%s seq %u SIGNALING ",
		gnomon_port_identity_format(source, &msg->header.source), msg->header.sequence_id);
	gnomon_tlv_iter_init(&it, msg->tlvs, msg->tlvs_len);
	while (gnomon_tlv_next(&it, &tlv)) {
		if (tlv.type == GNOMON_TLV_SLAVE_RX_SYNC_TIMING_DATA) {
			print_records(out, "SLAVE_RX_SYNC_TIMING_DATA", &tlv, RX_SYNC_RECORD_LEN,
				      print_rx_sync);
		} else if (tlv.type == TLV_SLAVE_DELAY_TIMING_DATA_NP) {
			print_records(out, "SLAVE_DELAY_TIMING_DATA_NP", &tlv, DELAY_RECORD_LEN,
				      print_delay);
		}
	}
	fputc('\n', out);
}

void print_text(FILE *out, const struct manage_message *m)
{
	if (m->msg.header.type == GNOMON_MSG_SIGNALING) {
		print_signaling(out, &m->msg);
	} else {
		print_management(out, m);
	}
	fflush(out);
}
