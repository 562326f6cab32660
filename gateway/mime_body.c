/* SPDX-License-Identifier: MIT */
/* Bodies: line ends, quoted-printable, base64, and which of them a text needs.
 *
 * Spec: RFC 2045 sec. 6.7 (quoted-printable) and 6.8 (base64), RFC 2049 sec. 3 (what survives
 * gateways). */
#include <string.h>

#include "gateway/base/gw_base64.h"
#include "gateway/mime_internal.h"

static const char from_line[] = "From ";
static const char our_boundary[] = "--=_";

const char *gw_mime_encoding_name(enum gw_mime_encoding e)
{
    static const char *const names[] = {
        [GW_MIME_7BIT] = "7bit", [GW_MIME_QP] = "quoted-printable", [GW_MIME_BASE64] = "base64"};
    return names[e];
}

/* Takes the next line off @rest, without its end. @ended_out  false for a last line that has none
 */
static struct gw_slice next_line(struct gw_slice *rest, bool *ended_out)
{
    const char *s = rest->data;
    size_t n = 0;
    while (n < rest->len && s[n] != '\n' && s[n] != '\r')
        n++;
    struct gw_slice line = gw_slice_of(s, n);
    *ended_out = n < rest->len;
    if (*ended_out) {
        size_t end = 1;
        if (s[n] == '\r' && n + 1 < rest->len && s[n + 1] == '\n')
            end = 2;
        else if (s[n] == '\r' && n + 2 < rest->len && s[n + 1] == '\r' && s[n + 2] == '\n')
            end = 3; /* what text mode twice makes of LF */
        n += end;
    }
    rest->data += n;
    rest->len -= n;
    return line;
}

static bool starts_with(struct gw_slice s, const char *prefix, size_t len)
{
    return s.len >= len && memcmp(s.data, prefix, len) == 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Printable ASCII but "=", and white space: stands for itself in quoted-printable. */
static bool is_plain(char c)
{
    return (c >= ' ' && c <= '~' && c != '=') || c == '\t';
}

enum gw_mime_encoding gw_mime_choose_encoding(struct gw_slice text)
{
    bool safe = true;
    size_t n_bytes = 0;
    size_t n_escaped = 0; /* in quoted-printable */
    size_t n_breaks = 0;
    for (struct gw_slice rest = text; rest.len != 0;) {
        bool ended;
        struct gw_slice line = next_line(&rest, &ended);
        size_t escaped = 0;
        for (size_t i = 0; i < line.len; i++) {
            escaped += is_plain(line.data[i]) ? 0 : 1;
            safe = safe && (is_plain(line.data[i]) || line.data[i] == '=');
        }
        safe = safe && line.len <= GW_MIME_BODY_LINE &&
               (line.len == 0 || (!is_blank(line.data[line.len - 1]) && line.data[0] != '.')) &&
               !starts_with(line, from_line, sizeof(from_line) - 1) &&
               !starts_with(line, our_boundary, sizeof(our_boundary) - 1);
        n_escaped += escaped;
        n_breaks += (line.len + 2 * escaped) / GW_MIME_BODY_LINE;
        n_bytes += line.len + 2;
    }
    if (safe)
        return GW_MIME_7BIT;
    size_t qp = n_bytes + 2 * n_escaped + 3 * n_breaks;
    size_t base64 = gw_base64_encoded_size(n_bytes);
    base64 += base64 / GW_MIME_BODY_LINE * 2;
    return qp <= base64 ? GW_MIME_QP : GW_MIME_BASE64;
}

static void write_7bit(struct gw_buf *out, struct gw_slice text)
{
    while (text.len != 0) {
        bool ended;
        (void)gw_buf_add_slice(out, next_line(&text, &ended));
        if (ended)
            (void)gw_buf_add(out, "\r\n", 2);
    }
}

/* Must the character at @i be escaped? It may be plain but stand where a relay would touch it:
 * first or last on its output line. */
static bool must_escape(struct gw_slice line, size_t i, size_t col)
{
    char c = line.data[i];
    if (!is_plain(c))
        return true;
    if (col == 0 && (c == '.' || c == 'F'))
        return c == '.' || starts_with(gw_slice_of(line.data + i, line.len - i), from_line,
                                       sizeof(from_line) - 1);
    return i + 1 == line.len && is_blank(c);
}

static void write_qp_line(struct gw_buf *out, struct gw_slice line)
{
    static const char hex[] = "0123456789ABCDEF";
    char enc[GW_MIME_BODY_LINE];
    size_t col = 0;
    for (size_t i = 0; i < line.len; i++) {
        bool escape = must_escape(line, i, col);
        size_t room = GW_MIME_BODY_LINE - (i + 1 < line.len ? 1 : 0);
        if (col + (escape ? 3 : 1) > room) {
            (void)gw_buf_add(out, enc, col);
            (void)gw_buf_add(out, "=\r\n", 3);
            col = 0;
            escape = must_escape(line, i, col);
        }
        if (escape) {
            unsigned char c = (unsigned char)line.data[i];
            enc[col++] = '=';
            enc[col++] = hex[c >> 4];
            enc[col++] = hex[c & 15];
        } else {
            enc[col++] = line.data[i];
        }
    }
    (void)gw_buf_add(out, enc, col);
}

static void write_qp(struct gw_buf *out, struct gw_slice text)
{
    while (text.len != 0) {
        bool ended;
        write_qp_line(out, next_line(&text, &ended));
        if (ended)
            (void)gw_buf_add(out, "\r\n", 2);
    }
}

/* Base64 of bytes that come in pieces. */
struct base64_lines {
    struct gw_buf *out;
    size_t n;
    bool continued; /* a line stands before */
    char bytes[GW_MIME_BASE64_LINE_BYTES];
};

static void base64_line(struct gw_buf *out, const char *data, size_t len, bool continued)
{
    char line[GW_MIME_BODY_LINE + 2] = "\r\n";
    size_t n = continued ? 2 : 0;
    n += gw_base64_encode(data, len, line + n);
    (void)gw_buf_add(out, line, n);
}

static void base64_feed(struct base64_lines *b, struct gw_slice s)
{
    while (s.len != 0) {
        size_t n = GW_MIME_BASE64_LINE_BYTES - b->n;
        n = n < s.len ? n : s.len;
        memcpy(b->bytes + b->n, s.data, n);
        b->n += n;
        s.data += n;
        s.len -= n;
        if (b->n == GW_MIME_BASE64_LINE_BYTES) {
            base64_line(b->out, b->bytes, b->n, b->continued);
            b->continued = true;
            b->n = 0;
        }
    }
}

static void write_base64_text(struct gw_buf *out, struct gw_slice text)
{
    struct base64_lines b = {.out = out};
    while (text.len != 0) {
        bool ended;
        base64_feed(&b, next_line(&text, &ended));
        if (ended)
            base64_feed(&b, GW_SLICE_LIT("\r\n"));
    }
    if (b.n != 0)
        base64_line(out, b.bytes, b.n, b.continued);
}

void gw_mime_write_text(struct gw_buf *out, struct gw_slice text, enum gw_mime_encoding e)
{
    switch (e) {
    case GW_MIME_7BIT:
        write_7bit(out, text);
        break;
    case GW_MIME_QP:
        write_qp(out, text);
        break;
    case GW_MIME_BASE64:
        write_base64_text(out, text);
        break;
    }
}

/* Into room that was made once: this is most of the work of a large message. */
void gw_mime_write_base64(struct gw_buf *out, struct gw_slice data)
{
    size_t size = gw_base64_encoded_size(data.len);
    char *to = gw_buf_reserve(out, size + size / GW_MIME_BODY_LINE * 2);
    if (to == NULL)
        return;
    for (size_t at = 0; at < data.len; at += GW_MIME_BASE64_LINE_BYTES) {
        size_t n = data.len - at;
        n = n < GW_MIME_BASE64_LINE_BYTES ? n : GW_MIME_BASE64_LINE_BYTES;
        if (at > 0) {
            *to++ = '\r';
            *to++ = '\n';
        }
        to += gw_base64_encode(data.data + at, n, to);
    }
    out->len = (size_t)(to - out->data);
}
