/* SPDX-License-Identifier: MIT */
/* Table of code points that must not stand in an address. */
#include "smtp/address_text.h"

#include <stddef.h>

struct range {
    uint32_t first, last;
};

/* Sorted. */
static const struct range deceptive[] = {
    {0x0000, 0x001f},    /* C0 */
    {0x007f, 0x00a0},    /* DEL, C1, no-break space */
    {0x00ad, 0x00ad},    /* soft hyphen */
    {0x034f, 0x034f},    /* combining grapheme joiner */
    {0x061c, 0x061c},    /* Arabic letter mark */
    {0x115f, 0x1160},    /* Hangul fillers */
    {0x1680, 0x1680},    /* Ogham space mark */
    {0x17b4, 0x17b5},    /* Khmer inherent vowels */
    {0x180b, 0x180f},    /* Mongolian variation selectors */
    {0x2000, 0x200f},    /* spaces, zero width, directional marks */
    {0x2024, 0x2026},    /* dot leaders */
    {0x2028, 0x202f},    /* line and paragraph separator, directional overrides */
    {0x205f, 0x206f},    /* medium space, invisible operators, isolates */
    {0x2488, 0x249b},    /* digits with full stop */
    {0x3000, 0x3002},    /* ideographic space, comma, full stop */
    {0x3164, 0x3164},    /* Hangul filler */
    {0xd800, 0xf8ff},    /* surrogates, private use */
    {0xfdd0, 0xfdef},    /* noncharacters */
    {0xfe00, 0xfe0f},    /* variation selectors */
    {0xfe10, 0xfe19},    /* vertical forms of punctuation */
    {0xfe30, 0xfe6f},    /* compatibility and small forms of punctuation */
    {0xfeff, 0xfeff},    /* byte order mark */
    {0xff00, 0xff0f},    /* full-width ! to / */
    {0xff1a, 0xff20},    /* full-width : to @ */
    {0xff3b, 0xff40},    /* full-width [ to ` */
    {0xff5b, 0xff65},    /* full-width { to ~, half-width punctuation */
    {0xffa0, 0xffa0},    /* half-width Hangul filler */
    {0xffe0, 0xffff},    /* full-width signs, specials, noncharacters */
    {0x1bca0, 0x1bca3},  /* shorthand format controls */
    {0x1d173, 0x1d17a},  /* musical format controls */
    {0x1f100, 0x1f10a},  /* digits with full stop and comma */
    {0xe0000, 0x10ffff}, /* tags, variation selectors, private use */
};

bool smtp_cp_is_deceptive(uint32_t cp)
{
    size_t low = 0;
    size_t high = sizeof(deceptive) / sizeof(deceptive[0]);
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (cp > deceptive[mid].last)
            low = mid + 1;
        else
            high = mid;
    }
    return low < sizeof(deceptive) / sizeof(deceptive[0]) && cp >= deceptive[low].first;
}
