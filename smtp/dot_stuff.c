/* SPDX-License-Identifier: MIT */
/* Dot-stuffing, a line at a time. */
#include "smtp/dot_stuff.h"

#include <string.h>

#include "gateway/base/gw_check.h"

enum {
    MIN_PIECE = 16, /* more than a doubled dot or the end of data need */
    BLOCK = 64,     /* octets looked at in one go... */
    VECTOR = 16     /* ...so many at a time; every 64-bit machine has these */
};

struct smtp_dot_stuff smtp_dot_stuff_start(struct gw_slice content)
{
    return (struct smtp_dot_stuff){.content = content};
}

/* Every CR in content[from, to) is followed by LF, and an LF at to - 1 by no other than a CR
 * preceded; there is no LF before to - 1. */
static bool line_ends_are_sound(struct gw_slice content, size_t from, size_t to)
{
    const char *p = content.data;
    const char *cr = memchr(p + from, '\r', to - from);
    if (p[to - 1] == '\n' && (to < 2 || p[to - 2] != '\r'))
        return false;
    if (cr == NULL)
        return true;
    size_t at = (size_t)(cr - p);
    return at + 1 < content.len && cr[1] == '\n' && at + 2 >= to;
}

/* Copy one line, or what fits of it. */
static enum gw_status put_line(struct smtp_dot_stuff *d, struct gw_buf *out, size_t room)
{
    const char *line = d->content.data + d->at;
    size_t len = d->content.len - d->at;

    if (!d->in_line && line[0] == '.') {
        if (gw_buf_add_char(out, '.') != GW_OK)
            return GW_TOOBIG;
        room--;
    }
    if (len > room)
        len = room;
    const char *lf = memchr(line, '\n', len);
    if (lf != NULL)
        len = (size_t)(lf - line) + 1;
    if (!line_ends_are_sound(d->content, d->at, d->at + len))
        return GW_INVALID;
    d->at += len;
    d->in_line = lf == NULL;
    return gw_buf_add(out, line, len);
}

enum gw_status smtp_dot_stuff_next(struct smtp_dot_stuff *d, struct gw_buf *out, size_t max)
{
    PRE(max >= MIN_PIECE && !d->finished);
    const size_t end = out->len + max;

    while (d->at < d->content.len) {
        if (end - out->len < MIN_PIECE)
            return GW_OK;
        enum gw_status status = put_line(d, out, end - out->len);
        if (status != GW_OK)
            return status;
    }
    struct gw_slice mark = d->in_line ? GW_SLICE_LIT("\r\n.\r\n") : GW_SLICE_LIT(".\r\n");
    if (end - out->len < mark.len)
        return GW_OK;
    d->finished = true;
    return gw_buf_add_slice(out, mark);
}

/* Of the first @len octets of @p, a multiple of BLOCK with one more behind it, every CR has an LF
 * behind it, and every LF behind one of them a CR in front: each octet is looked at together with
 * its neighbour, a vector of them at a time. */
static bool blocks_are_sound(const char *p, size_t len)
{
    __attribute__((vector_size(VECTOR))) signed char bad = {0};
    const __attribute__((vector_size(VECTOR))) signed char none = {0};
    for (size_t i = 0; i < len; i += VECTOR) {
        __attribute__((vector_size(VECTOR))) signed char here;
        __attribute__((vector_size(VECTOR))) signed char next;
        memcpy(&here, p + i, VECTOR);
        memcpy(&next, p + i + 1, VECTOR);
        bad |= (here == '\r') ^ (next == '\n');
    }
    /* all bits count: NOLINTNEXTLINE(bugprone-suspicious-memory-comparison,cert-*) */
    return memcmp(&bad, &none, VECTOR) == 0;
}

size_t smtp_find_bare_line_end(struct gw_slice content, size_t from, size_t to)
{
    const char *p = content.data;
    size_t at = from;
    bool begins_sound = at == to || p[at] != '\n' || (at > 0 && p[at - 1] == '\r');
    size_t looks_at = to < content.len ? to - at : to - at > 0 ? to - at - 1 : 0;
    size_t blocks = looks_at - looks_at % BLOCK;
    if (begins_sound && blocks_are_sound(p + at, blocks))
        at += blocks;
    while (at < to) {
        const char *lf = memchr(p + at, '\n', to - at);
        size_t end = lf != NULL ? (size_t)(lf - p) : to;
        const char *cr = end > at ? memchr(p + at, '\r', end - at) : NULL;
        size_t cr_at = cr != NULL ? (size_t)(cr - p) : 0;
        if (cr != NULL && (cr_at + 1 == content.len || cr[1] != '\n'))
            return cr_at;
        if (lf != NULL && (end == 0 || p[end - 1] != '\r'))
            return end;
        at = end + 1;
    }
    return content.len;
}
