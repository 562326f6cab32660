/* SPDX-License-Identifier: MIT */
/* Reading SPF records.
 *
 * Spec: RFC 7208 sec. 4.5, 4.6, 5, 6, 12. */
#include <arpa/inet.h>

#include "gateway/spf_internal.h"

enum {
    BITS4 = 32,
    BITS6 = 128,
    SHOWN = 64 /* octets of a bad term that a problem repeats */
};

static const char version[] = "v=spf1";

enum argument {
    NO_ARGUMENT,
    WANTS_SPEC,
    MAY_HAVE_SPEC,
    MAY_HAVE_SPEC_AND_PREFIX,
    WANTS_NETWORK
};

static const struct {
    const char *name;
    enum gw_spf_kind kind;
    enum argument argument;
} mechanisms[] = {
    {"all", GW_SPF_ALL, NO_ARGUMENT},          {"include", GW_SPF_INCLUDE, WANTS_SPEC},
    {"a", GW_SPF_A, MAY_HAVE_SPEC_AND_PREFIX}, {"mx", GW_SPF_MX, MAY_HAVE_SPEC_AND_PREFIX},
    {"ptr", GW_SPF_PTR, MAY_HAVE_SPEC},        {"ip4", GW_SPF_IP4, WANTS_NETWORK},
    {"ip6", GW_SPF_IP6, WANTS_NETWORK},        {"exists", GW_SPF_EXISTS, WANTS_SPEC}};

bool gw_ip_parse(const char *text, struct gw_ip *out)
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    *out = (struct gw_ip){.v6 = false};
    if (inet_pton(AF_INET, text, out->octets) == 1)
        return true;
    out->v6 = inet_pton(AF_INET6, text, out->octets) == 1;
    if (out->v6 && memcmp(out->octets, mapped, sizeof(mapped)) == 0) {
        memmove(out->octets, out->octets + sizeof(mapped), 4);
        out->v6 = false;
        return true;
    }
    return out->v6;
}

bool gw_spf_is_record(struct gw_slice text)
{
    size_t n = sizeof(version) - 1;
    return text.len >= n && strncasecmp(text.data, version, n) == 0 &&
           (text.len == n || text.data[n] == ' ');
}

static struct gw_slice from(struct gw_slice s, size_t offset)
{
    return gw_slice_of(s.data + offset, s.len - offset);
}

/* Takes "/N" off the end of @s; true when there is none. False: N is no prefix of @max bits. */
static bool take_prefix(struct gw_slice *s, unsigned max, unsigned *bits)
{
    size_t n = 0;
    unsigned value = 0;
    while (n < s->len && n <= 3 && s->data[s->len - 1 - n] >= '0' && s->data[s->len - 1 - n] <= '9')
        n++;
    if (n >= s->len || s->data[s->len - 1 - n] != '/')
        return true;
    for (size_t i = s->len - n; i < s->len; i++)
        value = value * 10 + (unsigned)(s->data[i] - '0');
    if (n == 0 || n > 3 || value > max || (n > 1 && s->data[s->len - n] == '0'))
        return false;
    *bits = value;
    s->len -= n + 1;
    return true;
}

/* dual-cidr-length: "/N4", "//N6" or "/N4//N6" at the end of @s. */
static bool take_prefixes(struct gw_slice *s, struct gw_spf_term *t)
{
    struct gw_slice without = *s;
    if (!take_prefix(&without, BITS6, &t->bits6))
        return false;
    if (without.len < s->len && without.len > 0 && without.data[without.len - 1] == '/') {
        *s = gw_slice_of(without.data, without.len - 1);
    } else {
        t->bits6 = BITS6;
    }
    return take_prefix(s, BITS4, &t->bits4);
}

static bool read_network(struct gw_slice s, struct gw_spf_term *t)
{
    char text[INET6_ADDRSTRLEN];
    bool v6 = t->kind == GW_SPF_IP6;
    if (!take_prefix(&s, v6 ? BITS6 : BITS4, v6 ? &t->bits6 : &t->bits4) || s.len == 0 ||
        s.len >= sizeof(text))
        return false;
    memcpy(text, s.data, s.len);
    text[s.len] = '\0';
    t->network.v6 = v6;
    return inet_pton(v6 ? AF_INET6 : AF_INET, text, t->network.octets) == 1;
}

/* @rest  what follows the name: empty, ":…" or "/…" */
static bool read_argument(enum argument argument, struct gw_slice rest, struct gw_spf_term *t)
{
    bool has_spec = rest.len > 0 && rest.data[0] == ':';
    t->bits4 = BITS4;
    t->bits6 = BITS6;
    switch (argument) {
    case NO_ARGUMENT:
        return rest.len == 0;
    case WANTS_NETWORK:
        return has_spec && read_network(from(rest, 1), t);
    case MAY_HAVE_SPEC_AND_PREFIX:
        if (!take_prefixes(&rest, t))
            return false;
        has_spec = rest.len > 0 && rest.data[0] == ':';
        break;
    case WANTS_SPEC:
    case MAY_HAVE_SPEC:
        break;
    }
    if (rest.len == 0)
        return argument != WANTS_SPEC;
    t->spec = from(rest, 1);
    return has_spec && gw_spf_spec_valid(t->spec);
}

static enum gw_spf_result qualifier(struct gw_slice *s)
{
    static const char letters[] = "+-~?";
    static const enum gw_spf_result results[] = {GW_SPF_PASS, GW_SPF_FAIL, GW_SPF_SOFTFAIL,
                                                 GW_SPF_NEUTRAL};
    const char *found = memchr(letters, s->data[0], sizeof(letters) - 1);
    if (found == NULL)
        return GW_SPF_PASS;
    *s = from(*s, 1);
    return results[found - letters];
}

static bool read_mechanism(struct gw_slice s, struct gw_spf_term *t)
{
    t->result = qualifier(&s);
    size_t n = 0;
    while (n < s.len && s.data[n] != ':' && s.data[n] != '/')
        n++;
    for (size_t i = 0; i < sizeof(mechanisms) / sizeof(mechanisms[0]); i++) {
        if (!gw_slice_eq_nocase(gw_slice_of(s.data, n), gw_slice_str(mechanisms[i].name)))
            continue;
        t->kind = mechanisms[i].kind;
        return read_argument(mechanisms[i].argument, from(s, n), t);
    }
    return false;
}

static bool is_modifier_name(struct gw_slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.data[i];
        bool alpha = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        bool other = (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
        if (!alpha && (i == 0 || !other))
            return false;
    }
    return s.len > 0;
}

/* The "=" of a modifier, or NULL: a mechanism, which has ":" or "/" first. */
static const char *equals_of(struct gw_slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] == ':' || s.data[i] == '/')
            return NULL;
        if (s.data[i] == '=')
            return s.data + i;
    }
    return NULL;
}

static bool read_term(struct gw_spf_term *t)
{
    struct gw_slice s = t->text;
    const char *equals = equals_of(s);
    for (size_t i = 0; i < s.len; i++)
        if (s.data[i] <= ' ' || s.data[i] >= 0x7f)
            return false;
    if (equals == NULL)
        return read_mechanism(s, t);
    struct gw_slice name = gw_slice_of(s.data, (size_t)(equals - s.data));
    t->spec = from(s, name.len + 1);
    t->kind = GW_SPF_OTHER_MODIFIER;
    if (gw_slice_eq_nocase(name, GW_SLICE_LIT("redirect")))
        t->kind = GW_SPF_REDIRECT;
    bool wants_spec = t->kind == GW_SPF_REDIRECT || gw_slice_eq_nocase(name, GW_SLICE_LIT("exp"));
    return is_modifier_name(name) && (!wants_spec || gw_spf_spec_valid(t->spec));
}

static bool is_exp(const struct gw_spf_term *t)
{
    return t->kind == GW_SPF_OTHER_MODIFIER && strncasecmp(t->text.data, "exp=", 4) == 0;
}

/* What is known once all terms are. */
static enum gw_status look_over(struct gw_spf_record *r, struct gw_err *err)
{
    size_t n_exp = 0;
    for (size_t i = 0; i < r->n; i++) {
        const struct gw_spf_term *t = &r->terms[i];
        if (t->kind == GW_SPF_REDIRECT && r->redirect != NULL)
            return gw_err_set(err, GW_INVALID, "\"redirect\" is there twice");
        if (t->kind == GW_SPF_REDIRECT)
            r->redirect = t;
        if (is_exp(t) && n_exp++ > 0)
            return gw_err_set(err, GW_INVALID, "\"exp\" is there twice");
    }
    return GW_OK;
}

enum gw_status gw_spf_record_read(struct gw_arena *arena, struct gw_slice text,
                                  struct gw_spf_record *out, struct gw_err *err)
{
    *out = (struct gw_spf_record){.terms =
                                      GW_ARENA_ARRAY(arena, struct gw_spf_term, text.len / 2 + 1)};
    text = from(text, sizeof(version) - 1);
    while (text.len > 0) {
        const char *space = memchr(text.data, ' ', text.len);
        size_t len = space != NULL ? (size_t)(space - text.data) : text.len;
        struct gw_spf_term *t = &out->terms[out->n];
        t->text = gw_slice_of(text.data, len);
        text = from(text, space != NULL ? len + 1 : len);
        if (len == 0)
            continue;
        out->n++;
        if (!read_term(t))
            return gw_err_set(err, GW_INVALID, "\"%.*s\" is no mechanism or modifier of SPF",
                              (int)(len < SHOWN ? len : SHOWN), t->text.data);
    }
    return look_over(out, err);
}
