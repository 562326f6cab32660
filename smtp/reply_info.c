/* SPDX-License-Identifier: MIT */
/* A reply in the form kept for people: the enhanced status code found and split off, the text made
 * safe to print, log and embed.
 *
 * Spec: RFC 2034 sec. 4, RFC 3463 sec. 2 (enhanced status codes). */
#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_utf8.h"
#include "smtp/reply.h"

enum {
    MAX_INFO_LINES = 8,
    BYTE_ORDER_MARK = 0xFEFF
};

/* What a terminal, a log reader or a page may take for more than text. */
static bool is_unsafe(uint32_t cp)
{
    return gw_cp_is_control(cp) || gw_cp_is_line_break(cp) || gw_cp_is_bidi_override(cp) ||
           cp == BYTE_ORDER_MARK;
}

/* One character of @in as it may be shown; returns how much of @in it was. */
static size_t escape_one(struct gw_slice in, char out[GW_UTF8_MAX], size_t *len_out)
{
    static const char hex[] = "0123456789ABCDEF";
    const unsigned char first = (unsigned char)in.data[0];
    uint32_t cp = 0;
    size_t n = gw_utf8_decode(in, &cp);

    if (n != 0 && !is_unsafe(cp)) {
        memcpy(out, in.data, n);
        *len_out = n;
        return n;
    }
    out[0] = '\\';
    out[1] = 'x';
    out[2] = hex[first >> 4];
    out[3] = hex[first & 0x0F];
    *len_out = 4;
    return 1;
}

/* Append to the NUL-terminated @out of @len used octets; false when not all fits. */
static bool append_safe(struct gw_slice in, char *out, size_t size, size_t *len)
{
    while (in.len > 0) {
        char one[GW_UTF8_MAX];
        size_t n = 0;
        size_t used = escape_one(in, one, &n);
        if (*len + n >= size)
            return false;
        memcpy(out + *len, one, n);
        *len += n;
        out[*len] = '\0';
        in = gw_slice_of(in.data + used, in.len - used);
    }
    return true;
}

void smtp_text_escape(struct gw_slice in, char *out, size_t size)
{
    PRE(size > 0);
    size_t len = 0;
    out[0] = '\0';
    (void)append_safe(in, out, size, &len);
}

/* Octets of "0" or of one to three digits without leading zero at @at, or 0. */
static size_t number_len(struct gw_slice in, size_t at)
{
    size_t n = 0;
    while (n < 4 && at + n < in.len && in.data[at + n] >= '0' && in.data[at + n] <= '9')
        n++;
    return n > 3 || (n > 1 && in.data[at] == '0') ? 0 : n;
}

/* Octets of the enhanced status code that @line starts with, or 0. */
static size_t enhanced_len(struct gw_slice line, int code)
{
    int class = code / 100;
    if (class == 3 || line.len < 2 || line.data[0] != '0' + class || line.data[1] != '.')
        return 0;
    size_t subject = number_len(line, 2);
    size_t at = 2 + subject;
    if (subject == 0 || at >= line.len || line.data[at] != '.')
        return 0;
    size_t detail = number_len(line, at + 1);
    at += 1 + detail;
    return detail != 0 && (at == line.len || line.data[at] == ' ') ? at : 0;
}

/* @line without the enhanced code, if it is the one of the first line. */
static struct gw_slice without_enhanced(struct gw_slice line, const char *enhanced)
{
    size_t n = strlen(enhanced);
    if (n == 0 || line.len < n || memcmp(line.data, enhanced, n) != 0)
        return line;
    if (line.len == n)
        return gw_slice_of(line.data + n, 0);
    return line.data[n] == ' ' ? gw_slice_of(line.data + n + 1, line.len - n - 1) : line;
}

void smtp_reply_info_from(const struct smtp_reply_parser *p, struct smtp_reply_info *out)
{
    PRE(p->done);
    struct gw_slice first = smtp_reply_line(p, 0);
    size_t n = enhanced_len(first, p->code);
    size_t len = 0;

    out->code = p->code;
    CHECK(n < sizeof(out->enhanced));
    if (n != 0)
        memcpy(out->enhanced, first.data, n);
    out->enhanced[n] = '\0';
    out->text[0] = '\0';
    for (size_t i = 0; i < p->n_lines && i < MAX_INFO_LINES; i++) {
        if (i > 0) {
            if (len + 1 >= sizeof(out->text))
                return;
            out->text[len++] = '\n';
            out->text[len] = '\0';
        }
        struct gw_slice line = without_enhanced(smtp_reply_line(p, i), out->enhanced);
        if (!append_safe(line, out->text, sizeof(out->text), &len))
            return;
    }
}
