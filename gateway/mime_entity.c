/* SPDX-License-Identifier: MIT */
/* HTML character references: Latin-1, the punctuation that word processors write, and numbers.
 *
 * Spec: WHATWG HTML sec. 13.2.5.72 to 80 (with the terminating ";" required). */
#include <string.h>

#include "gateway/mime_internal.h"

enum {
    MAX_NAME = 8,
    MAX_DIGITS = 8
};

struct entity {
    char name[MAX_NAME + 1];
    uint16_t cp;
};

/* Sorted by name. */
static const struct entity entities[] = {
    {"AElig", 0xc6},    {"Aacute", 0xc1},   {"Acirc", 0xc2},    {"Agrave", 0xc0},
    {"Aring", 0xc5},    {"Atilde", 0xc3},   {"Auml", 0xc4},     {"Ccedil", 0xc7},
    {"Dagger", 0x2021}, {"ETH", 0xd0},      {"Eacute", 0xc9},   {"Ecirc", 0xca},
    {"Egrave", 0xc8},   {"Euml", 0xcb},     {"Iacute", 0xcd},   {"Icirc", 0xce},
    {"Igrave", 0xcc},   {"Iuml", 0xcf},     {"Ntilde", 0xd1},   {"OElig", 0x152},
    {"Oacute", 0xd3},   {"Ocirc", 0xd4},    {"Ograve", 0xd2},   {"Oslash", 0xd8},
    {"Otilde", 0xd5},   {"Ouml", 0xd6},     {"Prime", 0x2033},  {"Scaron", 0x160},
    {"THORN", 0xde},    {"Uacute", 0xda},   {"Ucirc", 0xdb},    {"Ugrave", 0xd9},
    {"Uuml", 0xdc},     {"Yacute", 0xdd},   {"Yuml", 0x178},    {"aacute", 0xe1},
    {"acirc", 0xe2},    {"acute", 0xb4},    {"aelig", 0xe6},    {"agrave", 0xe0},
    {"amp", 0x26},      {"apos", 0x27},     {"aring", 0xe5},    {"asymp", 0x2248},
    {"atilde", 0xe3},   {"auml", 0xe4},     {"bdquo", 0x201e},  {"brvbar", 0xa6},
    {"bull", 0x2022},   {"ccedil", 0xe7},   {"cedil", 0xb8},    {"cent", 0xa2},
    {"circ", 0x2c6},    {"copy", 0xa9},     {"curren", 0xa4},   {"dagger", 0x2020},
    {"darr", 0x2193},   {"deg", 0xb0},      {"divide", 0xf7},   {"eacute", 0xe9},
    {"ecirc", 0xea},    {"egrave", 0xe8},   {"emsp", 0x2003},   {"ensp", 0x2002},
    {"eth", 0xf0},      {"euml", 0xeb},     {"euro", 0x20ac},   {"fnof", 0x192},
    {"frac12", 0xbd},   {"frac14", 0xbc},   {"frac34", 0xbe},   {"ge", 0x2265},
    {"gt", 0x3e},       {"harr", 0x2194},   {"hearts", 0x2665}, {"hellip", 0x2026},
    {"iacute", 0xed},   {"icirc", 0xee},    {"iexcl", 0xa1},    {"igrave", 0xec},
    {"infin", 0x221e},  {"iquest", 0xbf},   {"iuml", 0xef},     {"laquo", 0xab},
    {"larr", 0x2190},   {"ldquo", 0x201c},  {"le", 0x2264},     {"lrm", 0x200e},
    {"lsaquo", 0x2039}, {"lsquo", 0x2018},  {"lt", 0x3c},       {"macr", 0xaf},
    {"mdash", 0x2014},  {"micro", 0xb5},    {"middot", 0xb7},   {"minus", 0x2212},
    {"nbsp", 0xa0},     {"ndash", 0x2013},  {"ne", 0x2260},     {"not", 0xac},
    {"ntilde", 0xf1},   {"oacute", 0xf3},   {"ocirc", 0xf4},    {"oelig", 0x153},
    {"ograve", 0xf2},   {"ordf", 0xaa},     {"ordm", 0xba},     {"oslash", 0xf8},
    {"otilde", 0xf5},   {"ouml", 0xf6},     {"para", 0xb6},     {"permil", 0x2030},
    {"plusmn", 0xb1},   {"pound", 0xa3},    {"prime", 0x2032},  {"quot", 0x22},
    {"raquo", 0xbb},    {"rarr", 0x2192},   {"rdquo", 0x201d},  {"reg", 0xae},
    {"rlm", 0x200f},    {"rsaquo", 0x203a}, {"rsquo", 0x2019},  {"sbquo", 0x201a},
    {"scaron", 0x161},  {"sect", 0xa7},     {"shy", 0xad},      {"sup1", 0xb9},
    {"sup2", 0xb2},     {"sup3", 0xb3},     {"szlig", 0xdf},    {"thinsp", 0x2009},
    {"thorn", 0xfe},    {"tilde", 0x2dc},   {"times", 0xd7},    {"trade", 0x2122},
    {"uacute", 0xfa},   {"uarr", 0x2191},   {"ucirc", 0xfb},    {"ugrave", 0xf9},
    {"uml", 0xa8},      {"uuml", 0xfc},     {"yacute", 0xfd},   {"yen", 0xa5},
    {"yuml", 0xff},     {"zwj", 0x200d},    {"zwnj", 0x200c},
};

/* What &#128; to &#159; mean: windows-1252 (WHATWG HTML sec. 13.2.5.80). */
const uint16_t gw_mime_windows_1252[32] = {
    0x20ac, 0x0081, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x008d, 0x017d, 0x008f, 0x0090, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x009d, 0x017e, 0x0178,
};

static bool find_name(const char *name, size_t len, uint32_t *cp_out)
{
    size_t low = 0;
    size_t high = sizeof(entities) / sizeof(entities[0]);
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = strncmp(entities[mid].name, name, len);
        if (order == 0 && entities[mid].name[len] != '\0')
            order = 1;
        if (order == 0) {
            *cp_out = entities[mid].cp;
            return true;
        }
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return false;
}

static unsigned digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (unsigned)(c - 'a') + 10;
    if (c >= 'A' && c <= 'F')
        return (unsigned)(c - 'A') + 10;
    return 16;
}

/* The digits between "&#" and ";". */
static bool find_number(struct gw_slice s, uint32_t *cp_out)
{
    unsigned base = 10;
    size_t i = 0;
    if (s.len != 0 && (s.data[0] == 'x' || s.data[0] == 'X')) {
        base = 16;
        i = 1;
    }
    if (i == s.len || s.len - i > MAX_DIGITS)
        return false;
    uint32_t v = 0;
    for (; i < s.len; i++) {
        unsigned d = digit_value(s.data[i]);
        if (d >= base)
            return false;
        v = v * base + d;
    }
    bool scalar = v != 0 && v <= 0x10ffff && (v < 0xd800 || v > 0xdfff);
    if (v >= 0x80 && v <= 0x9f)
        v = gw_mime_windows_1252[v - 0x80];
    *cp_out = scalar ? v : 0xfffd;
    return true;
}

size_t gw_mime_html_entity(struct gw_slice in, uint32_t *cp_out)
{
    if (in.len < 3 || in.data[0] != '&')
        return 0;
    size_t limit = in.len < MAX_NAME + 5 ? in.len : MAX_NAME + 5; /* "&#x", eight digits, ";" */
    const char *end = memchr(in.data, ';', limit);
    if (end == NULL)
        return 0;
    size_t len = (size_t)(end - in.data) - 1;
    bool found = in.data[1] == '#'
                     ? find_number(gw_slice_of(in.data + 2, len != 0 ? len - 1 : 0), cp_out)
                     : len != 0 && len <= MAX_NAME && find_name(in.data + 1, len, cp_out);
    return found ? len + 2 : 0;
}
