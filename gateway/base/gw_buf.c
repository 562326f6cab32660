/* SPDX-License-Identifier: MIT */
/* Growable buffer with a mandatory maximum. */
#include "gateway/base/gw_buf.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_mem.h"

enum {
    FIRST_CAP = 256
};

void gw_buf_init(struct gw_buf *b, size_t max_size)
{
    PRE(max_size > 0 && max_size < SIZE_MAX / 4);
    *b = (struct gw_buf){.max = max_size};
}

void gw_buf_deinit(struct gw_buf *b)
{
    gw_free(b->data);
    *b = (struct gw_buf){.max = b->max};
}

void gw_buf_reset(struct gw_buf *b)
{
    b->len = 0;
    b->overflowed = false;
}

char *gw_buf_reserve(struct gw_buf *b, size_t len)
{
    PRE(b->max != 0);
    if (len > b->max - b->len) {
        b->overflowed = true;
        return NULL;
    }
    size_t need = b->len + len + 1; /* room for the NUL of gw_buf_take */
    if (need > b->cap) {
        size_t cap = b->cap != 0 ? b->cap : FIRST_CAP;
        while (cap < need)
            cap *= 2;
        if (cap > b->max + 1)
            cap = b->max + 1;
        b->data = gw_realloc(b->data, cap);
        b->cap = cap;
    }
    return b->data + b->len;
}

enum gw_status gw_buf_add(struct gw_buf *b, const void *data, size_t len)
{
    char *to = gw_buf_reserve(b, len);
    if (to == NULL)
        return GW_TOOBIG;
    if (len != 0)
        memcpy(to, data, len);
    b->len += len;
    return GW_OK;
}

enum gw_status gw_buf_add_str(struct gw_buf *b, const char *s)
{
    return gw_buf_add(b, s, strlen(s));
}

enum gw_status gw_buf_add_slice(struct gw_buf *b, struct gw_slice s)
{
    return gw_buf_add(b, s.data, s.len);
}

enum gw_status gw_buf_add_char(struct gw_buf *b, char c)
{
    return gw_buf_add(b, &c, 1);
}

enum gw_status gw_buf_printf(struct gw_buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    CHECK(n >= 0);
    char *to = gw_buf_reserve(b, (size_t)n);
    if (to == NULL)
        return GW_TOOBIG;
    va_start(ap, fmt);
    (void)vsnprintf(to, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->len += (size_t)n;
    return GW_OK;
}

void gw_buf_consume(struct gw_buf *b, size_t n)
{
    PRE(n <= b->len);
    b->len -= n;
    if (b->len != 0 && n != 0)
        memmove(b->data, b->data + n, b->len);
}

void gw_buf_move_memory(struct gw_buf *to, struct gw_buf *from)
{
    PRE(from->len == 0);
    if (to->data != NULL)
        return;
    to->data = from->data;
    to->cap = from->cap;
    from->data = NULL;
    from->cap = 0;
}

struct gw_slice gw_buf_view(const struct gw_buf *b)
{
    return gw_slice_of(b->data, b->len);
}

char *gw_buf_take(struct gw_buf *b, size_t *len_out)
{
    char *data = gw_buf_reserve(b, 0);
    CHECK(data != NULL);
    b->data[b->len] = '\0';
    data = b->data;
    if (len_out != NULL)
        *len_out = b->len;
    *b = (struct gw_buf){.max = b->max};
    return data;
}
