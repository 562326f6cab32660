/* SPDX-License-Identifier: MIT */
/* A growable byte buffer that cannot grow by accident: it has a maximum from birth. */
#ifndef GW_BUF_H
#define GW_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "gateway/base/gw_slice.h"
#include "gateway/base/gw_status.h"

struct gw_buf {
    char *data; /* heap; NULL until the first byte */
    size_t len, cap, max;
    bool overflowed; /* an append was refused; sticky until reset */
};

/* @max_size  largest len ever; an append over it changes nothing but `overflowed` */
void gw_buf_init(struct gw_buf *b, size_t max_size);
void gw_buf_deinit(struct gw_buf *b);
/* Empty it, keep the memory. */
void gw_buf_reset(struct gw_buf *b);

/* GW_OK or GW_TOOBIG. Callers that append many times may ignore the results and look at
 * `overflowed` once at the end. */
enum gw_status gw_buf_add(struct gw_buf *b, const void *data, size_t len);
enum gw_status gw_buf_add_str(struct gw_buf *b, const char *s);
enum gw_status gw_buf_add_slice(struct gw_buf *b, struct gw_slice s);
enum gw_status gw_buf_add_char(struct gw_buf *b, char c);
enum gw_status gw_buf_printf(struct gw_buf *b, const char *fmt, ...) GW_PRINTF(2, 3);
/* Room for @len more bytes at data + len, or NULL when over the maximum; the caller adds to len
 * what it wrote. */
char *gw_buf_reserve(struct gw_buf *b, size_t len);
/* Drop the first @n bytes (n ≤ len). */
void gw_buf_consume(struct gw_buf *b, size_t n);
/* Let @to, which then is empty, go on in the memory of @from, which is empty too, unless it has
 * some of its own. For memory that many use one after the other: it stays in the processor's
 * caches. */
void gw_buf_move_memory(struct gw_buf *to, struct gw_buf *from);
/* Borrowed view, valid until the next change. */
struct gw_slice gw_buf_view(const struct gw_buf *b);
/* Moves the bytes out (NUL-terminated heap memory, gw_free) and leaves the buffer empty. */
char *gw_buf_take(struct gw_buf *b, size_t *len_out);

#endif
