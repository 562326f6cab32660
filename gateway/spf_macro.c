/* SPDX-License-Identifier: MIT */
/* Macros of SPF.
 *
 * Spec: RFC 7208 sec. 7. */
#include "gateway/address_rules.h"
#include "gateway/base/gw_buf.h"
#include "gateway/spf_internal.h"

enum {
    MAX_PARTS = 128,         /* of an expanded macro: labels of a name, nibbles of an address */
    MAX_SPEC = 255,          /* octets of a domain-spec; ours: names have 253 */
    MAX_EXPANDED = 64 * 1024 /* octets before the cut; no domain-spec makes more */
};

/* One "%{…}". */
struct macro {
    char letter; /* lower case */
    bool escape, reverse;
    unsigned keep; /* parts from the right; 0: all */
    struct gw_slice delimiters;
};

static const char delimiters[] = ".-+,/_=";

/* The length of the macro that begins @s ("%…"), 0 when it is none. *out: letter 0 for "%%", "%_"
 * and "%-". */
static size_t read_macro(struct gw_slice s, struct macro *out)
{
    *out = (struct macro){.letter = '\0'};
    if (s.len >= 2 && (s.data[1] == '%' || s.data[1] == '_' || s.data[1] == '-'))
        return 2;
    if (s.len < 4 || s.data[1] != '{' || s.data[2] == '\0' ||
        strchr("slodiphvSLODIPHV", s.data[2]) == NULL)
        return 0;
    size_t i = 3;
    out->escape = (s.data[2] & 0x20) == 0;
    out->letter = (char)(s.data[2] | 0x20);
    bool has_digits = false;
    for (; i < s.len && s.data[i] >= '0' && s.data[i] <= '9'; i++) {
        has_digits = true;
        if (out->keep <= MAX_PARTS)
            out->keep = out->keep * 10 + (unsigned)(s.data[i] - '0');
    }
    if (has_digits && out->keep == 0)
        return 0;
    out->reverse = i < s.len && (s.data[i] | 0x20) == 'r';
    i += out->reverse;
    size_t begin = i;
    while (i < s.len && s.data[i] != '\0' && strchr(delimiters, s.data[i]) != NULL)
        i++;
    out->delimiters = i > begin ? gw_slice_of(s.data + begin, i - begin) : GW_SLICE_LIT(".");
    return i < s.len && s.data[i] == '}' ? i + 1 : 0;
}

/* RFC 7208 sec. 7.1: with a letter in it, or a hyphen that is not at its end. */
static bool is_toplabel(struct gw_slice s)
{
    bool not_numeric = false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.data[i];
        bool alpha = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        if (!alpha && c != '-' && !(c >= '0' && c <= '9'))
            return false;
        not_numeric = not_numeric || alpha || c == '-';
    }
    return s.len > 0 && not_numeric && s.data[0] != '-' && s.data[s.len - 1] != '-';
}

bool gw_spf_spec_valid(struct gw_slice spec)
{
    struct macro m;
    size_t end_of_macro = 0;
    if (spec.len > MAX_SPEC)
        return false;
    for (size_t i = 0; i < spec.len;) {
        if (spec.data[i] != '%') {
            i++;
            continue;
        }
        size_t n = read_macro(gw_slice_of(spec.data + i, spec.len - i), &m);
        if (n == 0)
            return false;
        i += n;
        end_of_macro = i;
    }
    if (spec.len > 0 && end_of_macro == spec.len)
        return true;
    if (spec.len > 0 && spec.data[spec.len - 1] == '.')
        spec.len--;
    size_t label = spec.len;
    while (label > end_of_macro && spec.data[label - 1] != '.')
        label--;
    return label > 0 && spec.data[label - 1] == '.' &&
           is_toplabel(gw_slice_of(spec.data + label, spec.len - label));
}

static const char *address_text(struct gw_arena *arena, const struct gw_ip *ip)
{
    static const char hex[] = "0123456789abcdef";
    if (!ip->v6)
        return gw_arena_printf(arena, "%u.%u.%u.%u", ip->octets[0], ip->octets[1], ip->octets[2],
                               ip->octets[3]);
    char *text = gw_arena_bytes(arena, 4 * sizeof(ip->octets));
    for (size_t i = 0; i < sizeof(ip->octets); i++) {
        text[4 * i] = hex[ip->octets[i] >> 4];
        text[4 * i + 1] = '.';
        text[4 * i + 2] = hex[ip->octets[i] & 15];
        text[4 * i + 3] = '.';
    }
    text[4 * sizeof(ip->octets) - 1] = '\0';
    return text;
}

/* NULL: it depends on an address, and there is none. */
static const char *value_of(struct gw_arena *arena, char letter, const struct gw_spf_macros *macros)
{
    switch (letter) {
    case 's':
        return gw_arena_printf(arena, "postmaster@%s", macros->sender);
    case 'l':
        return "postmaster";
    case 'd':
        return macros->domain;
    case 'i':
        return macros->ip != NULL ? address_text(arena, macros->ip) : NULL;
    case 'v':
        return macros->ip == NULL ? NULL : macros->ip->v6 ? "ip6" : "in-addr";
    case 'p':
        return macros->ip != NULL ? "unknown" : NULL; /* sec. 7.3 */
    default:
        return macros->sender; /* o; and h, as nobody says HELO here */
    }
}

static void add_part(struct gw_buf *out, struct gw_slice part, bool escape)
{
    for (size_t i = 0; i < part.len; i++) {
        char c = part.data[i];
        bool plain = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
                     memchr("-._~", c, 4) != NULL;
        if (escape && !plain)
            (void)gw_buf_printf(out, "%%%02X", (unsigned char)c);
        else
            (void)gw_buf_add_char(out, c);
    }
}

static void add_macro(struct gw_buf *out, const struct macro *m, const char *value)
{
    struct gw_slice parts[MAX_PARTS];
    size_t n = 0;
    for (const char *p = value; n < MAX_PARTS; n++) {
        size_t len = 0;
        while (p[len] != '\0' && memchr(m->delimiters.data, p[len], m->delimiters.len) == NULL)
            len++;
        parts[n] = gw_slice_of(p, len);
        p += len;
        if (*p++ == '\0') {
            n++;
            break;
        }
    }
    size_t first = m->keep != 0 && m->keep < n ? n - m->keep : 0;
    for (size_t i = first; i < n; i++) {
        if (i > first)
            (void)gw_buf_add_char(out, '.');
        /* reversed first, then the right-most: sec. 7.3 */
        add_part(out, parts[m->reverse ? n - 1 - i : i], m->escape);
    }
}

static bool add_expanded(struct gw_arena *arena, struct gw_buf *out, struct gw_slice spec,
                         const struct gw_spf_macros *macros)
{
    for (size_t i = 0; i < spec.len;) {
        struct macro m;
        if (spec.data[i] != '%') {
            (void)gw_buf_add_char(out, spec.data[i++]);
            continue;
        }
        size_t n = read_macro(gw_slice_of(spec.data + i, spec.len - i), &m);
        if (m.letter == '\0') {
            char second = spec.data[i + 1];
            (void)gw_buf_add_str(out, second == '%' ? "%" : second == '_' ? " " : "%20");
        } else {
            const char *value = value_of(arena, m.letter, macros);
            if (value == NULL)
                return false;
            add_macro(out, &m, value);
        }
        i += n;
    }
    return true;
}

const char *gw_spf_expand(struct gw_arena *arena, struct gw_slice spec,
                          const struct gw_spf_macros *macros)
{
    struct gw_buf name;
    const char *expanded = NULL;
    gw_buf_init(&name, MAX_EXPANDED);
    if (add_expanded(arena, &name, spec, macros)) {
        struct gw_slice rest = gw_buf_view(&name);
        if (rest.len > 0 && rest.data[rest.len - 1] == '.')
            rest.len--;
        while (rest.len > GW_DNS_MAX_NAME) {
            const char *dot = memchr(rest.data, '.', rest.len);
            if (dot == NULL)
                break;
            rest = gw_slice_of(dot + 1, rest.len - (size_t)(dot + 1 - rest.data));
        }
        expanded = gw_arena_cstr(arena, rest);
    }
    gw_buf_deinit(&name);
    return expanded;
}

const char *gw_ip_reversed(struct gw_arena *arena, const struct gw_ip *ip)
{
    struct gw_spf_macros macros = {.domain = "", .sender = "", .ip = ip};
    return gw_spf_expand(arena, GW_SLICE_LIT("%{ir}"), &macros);
}

bool gw_ip_in(const struct gw_ip *ip, const struct gw_ip *network, unsigned bits)
{
    return ip->v6 == network->v6 && gw_address_begins_same(ip->octets, network->octets, bits);
}
