/* SPDX-License-Identifier: MIT */
/* Base64 by table, three bytes at a time; the bulk of it by vectors where the processor has them.
 */
#include "gateway/base/gw_base64.h"

#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/gw_base64_internal.h"

static const char alphabet[65] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

enum {
    BAD = 255,
    SPACE = 254,
    PAD = 253
};

size_t gw_base64_encoded_size(size_t len)
{
    return (len + 2) / 3 * 4;
}

size_t gw_base64_encode(const void *data, size_t len, char *out)
{
    const unsigned char *in = data;
    size_t i = gw_base64_has_avx2() ? gw_base64_encode_avx2(data, len, out) : 0;
    char *to = out + i / 3 * 4;
    for (; len - i >= 3; i += 3) {
        uint32_t v = (uint32_t)in[i] << 16 | (uint32_t)in[i + 1] << 8 | in[i + 2];
        *to++ = alphabet[v >> 18];
        *to++ = alphabet[v >> 12 & 63];
        *to++ = alphabet[v >> 6 & 63];
        *to++ = alphabet[v & 63];
    }
    if (i < len) {
        bool two = len - i == 2;
        uint32_t v = (uint32_t)in[i] << 16 | (two ? (uint32_t)in[i + 1] << 8 : 0);
        *to++ = alphabet[v >> 18];
        *to++ = alphabet[v >> 12 & 63];
        *to++ = (char)(two ? alphabet[v >> 6 & 63] : '=');
        *to++ = '=';
    }
    return (size_t)(to - out);
}

size_t gw_base64_decoded_max(size_t len)
{
    return (len / 4 + 1) * 3;
}

static unsigned value_of(unsigned char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26U;
    if (c >= '0' && c <= '9')
        return c - '0' + 52U;
    switch (c) {
    case '+':
    case '-':
        return 62;
    case '/':
    case '_':
        return 63;
    case '=':
        return PAD;
    case '\r':
    case '\n':
    case ' ':
    case '\t':
        return SPACE;
    default:
        return BAD;
    }
}

static const unsigned char *decode_table(void)
{
    static _Thread_local unsigned char table[256];
    static _Thread_local bool ready;
    if (!ready) {
        for (unsigned c = 0; c < 256; c++)
            table[c] = (unsigned char)value_of((unsigned char)c);
        ready = true;
    }
    return table;
}

struct decoder {
    uint32_t bits;
    unsigned n_bits_chars, n_pad;
    size_t n_spaces;
    bool standard, urlsafe;
};

/* One character outside the fast path; false when it is not allowed here. */
static bool feed(struct decoder *d, unsigned char c, unsigned v, unsigned char **to)
{
    if (v == SPACE)
        return ++d->n_spaces != 0;
    if (v == PAD)
        return d->n_bits_chars >= 2 && d->n_bits_chars + ++d->n_pad <= 4;
    if (v == BAD || d->n_pad != 0)
        return false;
    d->standard = d->standard || c == '+' || c == '/';
    d->urlsafe = d->urlsafe || c == '-' || c == '_';
    if (d->standard && d->urlsafe)
        return false;
    d->bits = d->bits << 6 | v;
    if (++d->n_bits_chars == 4) {
        *(*to)++ = (unsigned char)(d->bits >> 16);
        *(*to)++ = (unsigned char)(d->bits >> 8);
        *(*to)++ = (unsigned char)d->bits;
        d->bits = 0;
        d->n_bits_chars = 0;
    }
    return true;
}

/* The last, partial group; false when padding is wrong or bits are left over. */
static bool finish(const struct decoder *d, unsigned char **to)
{
    unsigned n = d->n_bits_chars;
    if (n == 0)
        return d->n_pad == 0;
    if (n == 1 || (d->n_pad != 0 && n + d->n_pad != 4))
        return false;
    if ((d->bits & (n == 2 ? 0xfU : 0x3U)) != 0)
        return false;
    uint32_t bits = d->bits << (n == 2 ? 12 : 6);
    *(*to)++ = (unsigned char)(bits >> 16);
    if (n == 3)
        *(*to)++ = (unsigned char)(bits >> 8);
    return true;
}

/* Between two groups; the URL-safe alphabet is the slow path's. */
static bool may_be_fast(const struct decoder *d)
{
    return d->n_bits_chars == 0 && d->n_pad == 0 && !d->urlsafe;
}

static size_t fast(struct decoder *d, struct gw_slice in, char *to)
{
    bool special = false;
    size_t n = gw_base64_decode_avx2(in.data, in.len, to, &special);
    d->standard = d->standard || special;
    return n;
}

enum gw_status gw_base64_decode(struct gw_slice in, void *out, size_t *len_out,
                                size_t *error_at_out)
{
    const unsigned char *table = decode_table();
    const unsigned char *src = (const unsigned char *)in.data;
    unsigned char *to = out;
    struct decoder d = {.bits = 0};
    bool vectors = gw_base64_has_avx2();
    size_t i = 0;
    while (i < in.len) {
        if (vectors && may_be_fast(&d)) {
            size_t n = fast(&d, gw_slice_of(in.data + i, in.len - i), (char *)to);
            i += n;
            to += n / 4 * 3;
        }
        if (d.n_bits_chars == 0 && d.n_pad == 0 && in.len - i >= 4) {
            unsigned a = table[src[i]];
            unsigned b = table[src[i + 1]];
            unsigned c = table[src[i + 2]];
            unsigned e = table[src[i + 3]];
            /* 62 and 63 take the slow path, which knows the two alphabets apart */
            if (a < 62 && b < 62 && c < 62 && e < 62) {
                uint32_t v = a << 18 | b << 12 | c << 6 | e;
                *to++ = (unsigned char)(v >> 16);
                *to++ = (unsigned char)(v >> 8);
                *to++ = (unsigned char)v;
                i += 4;
                continue;
            }
        }
        if (!feed(&d, src[i], table[src[i]], &to))
            goto bad;
        i++;
    }
    if (!finish(&d, &to) || d.n_spaces > in.len / 3 + 2)
        goto bad;
    *len_out = (size_t)(to - (unsigned char *)out);
    return GW_OK;
bad:
    if (error_at_out != NULL)
        *error_at_out = i;
    return GW_INVALID;
}
