/* SPDX-License-Identifier: MIT */
/* The MIME reader's transfer decoding, lenient: gw_base64_decode() is the strict one.
 *
 * Spec: RFC 2045 sec. 6. */
#include <stdint.h>

#include "gateway/mime_read_internal.h"

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

size_t gw_read_base64(struct gw_slice in, char *out)
{
    size_t n = 0;
    uint32_t bits = 0;
    unsigned n_bits = 0;
    for (size_t i = 0; i < in.len; i++) {
        int value = base64_value(in.data[i]);
        if (in.data[i] == '=')
            n_bits = 0; /* the end of a run: some senders put several behind each other */
        if (value < 0)
            continue;
        bits = bits << 6 | (uint32_t)value;
        n_bits += 6;
        if (n_bits >= 8) {
            n_bits -= 8;
            if (out != NULL)
                out[n] = (char)(unsigned char)(bits >> n_bits);
            n++;
        }
    }
    return n;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Length of the soft line break at @i: `=`, white space, end of line. 0: none is there. */
static size_t soft_break(struct gw_slice in, size_t i)
{
    size_t end = i + 1;
    while (end < in.len && (in.data[end] == ' ' || in.data[end] == '\t'))
        end++;
    if (end < in.len && in.data[end] == '\r')
        end++;
    if (end < in.len && in.data[end] == '\n')
        return end + 1 - i;
    return end == in.len ? end - i : 0;
}

/* The byte that `=XY` at @i stands for, or -1. */
static int escaped_byte(struct gw_slice in, size_t i)
{
    if (in.len - i < 3)
        return -1;
    int high = hex_value(in.data[i + 1]);
    int low = hex_value(in.data[i + 2]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

size_t gw_read_quoted_printable(struct gw_slice in, bool word, char *out)
{
    size_t n = 0;
    size_t i = 0;
    while (i < in.len) {
        char c = in.data[i];
        size_t took = 1;
        bool keep = true;
        if (c == '=') {
            int byte = escaped_byte(in, i);
            size_t line_break = byte < 0 ? soft_break(in, i) : 0;
            keep = line_break == 0;
            took = byte >= 0 ? 3 : keep ? 1 : line_break;
            c = byte >= 0 ? (char)(unsigned char)byte : c;
        } else if (c == '_' && word) {
            c = ' ';
        }
        if (keep && out != NULL)
            out[n] = c;
        n += keep;
        i += took;
    }
    return n;
}

enum encoding {
    AS_IT_IS,
    BASE64,
    QUOTED_PRINTABLE
};

static enum encoding encoding_of(struct gw_slice value)
{
    struct gw_slice name = gw_read_trim(value);
    if (gw_slice_eq_nocase(name, GW_SLICE_LIT("base64")))
        return BASE64;
    return gw_slice_eq_nocase(name, GW_SLICE_LIT("quoted-printable")) ? QUOTED_PRINTABLE : AS_IT_IS;
}

static size_t decode(struct gw_slice body, enum encoding encoding, char *out)
{
    return encoding == BASE64 ? gw_read_base64(body, out)
                              : gw_read_quoted_printable(body, false, out);
}

struct gw_slice gw_read_transfer(struct gw_arena *arena, struct gw_slice body,
                                 struct gw_slice encoding)
{
    enum encoding e = encoding_of(encoding);
    if (e == AS_IT_IS)
        return gw_arena_slice(arena, body);
    char *out = gw_arena_bytes(arena, body.len + 1);
    size_t n = decode(body, e, out);
    out[n] = '\0';
    return gw_slice_of(out, n);
}

struct gw_slice gw_read_transfer_size(struct gw_slice body, struct gw_slice encoding)
{
    enum encoding e = encoding_of(encoding);
    return gw_slice_of(NULL, e == AS_IT_IS ? body.len : decode(body, e, NULL));
}
