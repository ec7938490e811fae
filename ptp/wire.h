/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Big-endian cursors over octets (5.3.1: most significant octet first). Errors are sticky: read or
 * write all fields, then look at bad once. A reader that ran out gives zeros, a writer that ran
 * out writes nothing more. Every access is by octet, so neither alignment nor the byte order of
 * the machine matters; compilers turn these into one load and one byte swap.
 */
#ifndef PTP_WIRE_H
#define PTP_WIRE_H

#include <string.h>

#include <gnomon/msg.h>

struct wire_reader {
	const uint8_t *p;
	size_t left;
	bool bad;
};

struct wire_writer {
	uint8_t *p;
	size_t left;
	bool bad;
};

static inline struct wire_reader wire_reader_init(const uint8_t *buf, size_t len)
{
	struct wire_reader r = { buf, len, false };

	return r;
}

static inline struct wire_writer wire_writer_init(uint8_t *buf, size_t cap)
{
	struct wire_writer w = { buf, cap, false };

	return w;
}

/* -- fixed positions: the caller has checked that the octets exist ---------------------------- */

static inline uint16_t wire_load_u16(const uint8_t *p)
{
	return (uint16_t)((unsigned int)p[0] << 8 | p[1]);
}

static inline uint32_t wire_load_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void wire_store_u16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void wire_store_u32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

/* -- reading ---------------------------------------------------------------------------------- */

/* The next n octets, or NULL when there are fewer; from then on the reader is bad. */
static inline const uint8_t *wire_take(struct wire_reader *r, size_t n)
{
	const uint8_t *p = r->p;

	if (r->bad || n > r->left) {
		r->bad = true;
		return NULL;
	}
	r->p += n;
	r->left -= n;
	return p;
}

static inline void wire_get_bytes(struct wire_reader *r, void *to, size_t n)
{
	const uint8_t *p = wire_take(r, n);

	if (p) {
		memcpy(to, p, n);
	} else {
		memset(to, 0, n);
	}
}

static inline uint8_t wire_get_u8(struct wire_reader *r)
{
	const uint8_t *p = wire_take(r, 1);

	return p ? p[0] : 0;
}

static inline uint16_t wire_get_u16(struct wire_reader *r)
{
	const uint8_t *p = wire_take(r, 2);

	return p ? wire_load_u16(p) : 0;
}

static inline uint32_t wire_get_u32(struct wire_reader *r)
{
	const uint8_t *p = wire_take(r, 4);

	return p ? wire_load_u32(p) : 0;
}

static inline uint64_t wire_get_u48(struct wire_reader *r)
{
	const uint8_t *p = wire_take(r, 6);

	return p ? (uint64_t)wire_load_u16(p) << 32 | wire_load_u32(p + 2) : 0;
}

static inline uint64_t wire_get_u64(struct wire_reader *r)
{
	const uint8_t *p = wire_take(r, 8);

	return p ? (uint64_t)wire_load_u32(p) << 32 | wire_load_u32(p + 4) : 0;
}

static inline void wire_get_timestamp(struct wire_reader *r, struct gnomon_timestamp *ts)
{
	ts->seconds = wire_get_u48(r);
	ts->nanoseconds = wire_get_u32(r);
}

static inline void wire_get_clock_identity(struct wire_reader *r, struct gnomon_clock_identity *id)
{
	wire_get_bytes(r, id->id, sizeof(id->id));
}

static inline void wire_get_port_identity(struct wire_reader *r, struct gnomon_port_identity *id)
{
	wire_get_clock_identity(r, &id->clock);
	id->port = wire_get_u16(r);
}

static inline void wire_get_clock_quality(struct wire_reader *r, struct gnomon_clock_quality *q)
{
	q->clock_class = wire_get_u8(r);
	q->clock_accuracy = wire_get_u8(r);
	q->offset_scaled_log_variance = wire_get_u16(r);
}

/* -- writing ---------------------------------------------------------------------------------- */

/* Where the next n octets go, or NULL when there is no room; from then on the writer is bad. */
static inline uint8_t *wire_give(struct wire_writer *w, size_t n)
{
	uint8_t *p = w->p;

	if (w->bad || n > w->left) {
		w->bad = true;
		return NULL;
	}
	w->p += n;
	w->left -= n;
	return p;
}

static inline void wire_put_bytes(struct wire_writer *w, const void *from, size_t n)
{
	uint8_t *p = wire_give(w, n);

	if (p && n > 0) {
		memcpy(p, from, n);
	}
}

static inline void wire_put_zeros(struct wire_writer *w, size_t n)
{
	uint8_t *p = wire_give(w, n);

	if (p && n > 0) {
		memset(p, 0, n);
	}
}

static inline void wire_put_u8(struct wire_writer *w, uint8_t v)
{
	uint8_t *p = wire_give(w, 1);

	if (p) {
		p[0] = v;
	}
}

static inline void wire_put_u16(struct wire_writer *w, uint16_t v)
{
	uint8_t *p = wire_give(w, 2);

	if (p) {
		wire_store_u16(p, v);
	}
}

static inline void wire_put_u32(struct wire_writer *w, uint32_t v)
{
	uint8_t *p = wire_give(w, 4);

	if (p) {
		wire_store_u32(p, v);
	}
}

static inline void wire_put_u48(struct wire_writer *w, uint64_t v)
{
	uint8_t *p = wire_give(w, 6);

	if (p) {
		wire_store_u16(p, (uint16_t)(v >> 32));
		wire_store_u32(p + 2, (uint32_t)v);
	}
}

static inline void wire_put_u64(struct wire_writer *w, uint64_t v)
{
	uint8_t *p = wire_give(w, 8);

	if (p) {
		wire_store_u32(p, (uint32_t)(v >> 32));
		wire_store_u32(p + 4, (uint32_t)v);
	}
}

static inline void wire_put_timestamp(struct wire_writer *w, const struct gnomon_timestamp *ts)
{
	wire_put_u48(w, ts->seconds);
	wire_put_u32(w, ts->nanoseconds);
}

static inline void wire_put_clock_identity(struct wire_writer *w,
					   const struct gnomon_clock_identity *id)
{
	wire_put_bytes(w, id->id, sizeof(id->id));
}

static inline void wire_put_port_identity(struct wire_writer *w,
					  const struct gnomon_port_identity *id)
{
	wire_put_clock_identity(w, &id->clock);
	wire_put_u16(w, id->port);
}

static inline void wire_put_clock_quality(struct wire_writer *w,
					  const struct gnomon_clock_quality *q)
{
	wire_put_u8(w, q->clock_class);
	wire_put_u8(w, q->clock_accuracy);
	wire_put_u16(w, q->offset_scaled_log_variance);
}

#endif
