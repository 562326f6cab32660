/* SPDX-License-Identifier: MIT */
/* UTF-8, and the few Unicode properties that decide what may stand in a header.
 *
 * Spec: RFC 3629; Unicode 15 (properties of the code points named here do not change). */
#ifndef GW_UTF8_H
#define GW_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/gw_slice.h"

enum {
    GW_UTF8_MAX = 4 /* bytes of one code point */
};

/* Decode the code point at @in.data. Returns its bytes (1 to 4), or 0 when @in is empty or starts
 * with something that is not UTF-8: a lone continuation byte, an overlong form, a surrogate, more
 * than U+10FFFF, a cut sequence. */
size_t gw_utf8_decode(struct gw_slice in, uint32_t *cp_out);
/* Writes 1 to 4 bytes and returns how many; @cp is a scalar value (U+FFFD is written otherwise). */
size_t gw_utf8_encode(uint32_t cp, char out[GW_UTF8_MAX]);
bool gw_utf8_valid(struct gw_slice s);

/* C0, DEL and C1. */
static inline bool gw_cp_is_control(uint32_t cp)
{
    return cp < 0x20 || (cp >= 0x7f && cp <= 0x9f);
}

/* What some reader takes for the end of a line: LF, VT, FF, CR, NEL, U+2028, U+2029. */
static inline bool gw_cp_is_line_break(uint32_t cp)
{
    return (cp >= 0x0a && cp <= 0x0d) || cp == 0x85 || cp == 0x2028 || cp == 0x2029;
}

/* Directional embeddings, overrides and isolates: they make text read other than it is written. */
static inline bool gw_cp_is_bidi_override(uint32_t cp)
{
    return (cp >= 0x202a && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069);
}

#endif
