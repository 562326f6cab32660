/* SPDX-License-Identifier: MIT */
/* UTF-8 decoding and validation. */
#include "gateway/base/gw_utf8.h"

#include <string.h>

/* Bytes of the sequence that starts with @lead, and the bounds of its second byte (RFC 3629
 * sec. 4); everything else that could be malformed follows from these. */
static size_t sequence(unsigned char lead, unsigned char *low_out, unsigned char *high_out)
{
    *low_out = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    *high_out = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (lead >= 0xc2 && lead <= 0xdf)
        return 2;
    if (lead >= 0xe0 && lead <= 0xef)
        return 3;
    return lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
}

size_t gw_utf8_decode(struct gw_slice in, uint32_t *cp_out)
{
    if (in.len == 0)
        return 0;
    const unsigned char *s = (const unsigned char *)in.data;
    if (s[0] < 0x80) {
        *cp_out = s[0];
        return 1;
    }
    unsigned char low;
    unsigned char high;
    size_t n = sequence(s[0], &low, &high);
    if (n == 0 || in.len < n || s[1] < low || s[1] > high)
        return 0;
    uint32_t cp = s[0] & (0x7fU >> n);
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        cp = cp << 6 | (s[i] & 0x3fU);
    }
    *cp_out = cp;
    return n;
}

size_t gw_utf8_encode(uint32_t cp, char out[GW_UTF8_MAX])
{
    if (cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
        cp = 0xfffd;
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    size_t n = cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (cp & 0x3f));
        cp >>= 6;
    }
    out[0] = (char)((0xf00U >> n & 0xff) | cp);
    return n;
}

bool gw_utf8_valid(struct gw_slice s)
{
    size_t i = 0;
    while (i < s.len) {
        uint64_t eight;
        if (s.len - i >= sizeof(eight)) { /* most text is ASCII: eight at a time */
            memcpy(&eight, s.data + i, sizeof(eight));
            if ((eight & 0x8080808080808080U) == 0) {
                i += sizeof(eight);
                continue;
            }
        }
        uint32_t cp;
        size_t n = gw_utf8_decode(gw_slice_of(s.data + i, s.len - i), &cp);
        if (n == 0)
            return false;
        i += n;
    }
    return true;
}
