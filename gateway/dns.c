/* SPDX-License-Identifier: MIT */
/* The table of questions and answers. */
#include "gateway/dns.h"

enum {
    MAX_LABEL = 63 /* RFC 1035 sec. 2.3.4 */
};

void gw_dns_table_init(struct gw_dns_table *t, struct gw_arena *arena)
{
    *t = (struct gw_dns_table){.arena = arena};
}

/* Labels of visible ASCII without backslash, which would begin an escape on its way to the wire. */
static bool is_name(const char *s)
{
    size_t label = 0;
    size_t len = 0;
    for (; s[len] != '\0'; len++) {
        if (s[len] == '.' && label == 0)
            return false;
        if (s[len] <= ' ' || s[len] >= 0x7f || s[len] == '\\')
            return false;
        label = s[len] == '.' ? 0 : label + 1;
        if (label > MAX_LABEL || len >= GW_DNS_MAX_NAME)
            return false;
    }
    return label > 0;
}

static const char *lower_case(struct gw_arena *arena, const char *name)
{
    size_t len = strlen(name);
    if (len > 0 && name[len - 1] == '.')
        len--;
    char *copy = gw_arena_cstr(arena, gw_slice_of(name, len));
    for (size_t i = 0; i < len; i++)
        if (copy[i] >= 'A' && copy[i] <= 'Z')
            copy[i] = (char)(copy[i] | 0x20);
    return copy;
}

const struct gw_dns_answer *gw_dns_ask(struct gw_dns_table *t, enum gw_dns_type type,
                                       const char *name)
{
    static const struct gw_dns_answer no_name = {.status = GW_DNS_NXDOMAIN};
    static const struct gw_dns_answer too_late = {.status = GW_DNS_TIMEOUT};
    static const struct gw_dns_answer too_many = {.status = GW_DNS_UNASKED};
    size_t len = strlen(name);
    if (len > 0 && name[len - 1] == '.')
        len--;
    for (size_t i = 0; i < t->n; i++) {
        const struct gw_dns_question *q = t->questions[i];
        if (q->type == type && gw_slice_eq_nocase(gw_slice_str(q->name), gw_slice_of(name, len)))
            return &q->answer;
    }
    const char *wanted = lower_case(t->arena, name);
    if (!is_name(wanted))
        return &no_name;
    if (t->over)
        return &too_late;
    if (t->n == GW_DNS_MAX_QUESTIONS)
        return &too_many;
    struct gw_dns_question *q = GW_ARENA_NEW(t->arena, struct gw_dns_question);
    *q = (struct gw_dns_question){.type = type, .name = wanted};
    t->questions[t->n++] = q;
    return &q->answer;
}

void gw_dns_give_up(struct gw_dns_table *t)
{
    t->over = true;
    for (size_t i = 0; i < t->n; i++)
        if (t->questions[i]->answer.status == GW_DNS_PENDING)
            t->questions[i]->answer.status = GW_DNS_TIMEOUT;
}

bool gw_dns_is_void(enum gw_dns_status status)
{
    return status == GW_DNS_NODATA || status == GW_DNS_NXDOMAIN;
}

bool gw_dns_is_said(enum gw_dns_status status)
{
    return status == GW_DNS_FOUND || gw_dns_is_void(status);
}

const char *gw_dns_status_text(enum gw_dns_status status)
{
    static const char *const texts[] = {
#define TEXT(name, text) [name] = (text),
        GW_DNS_STATUS_TABLE(TEXT)
#undef TEXT
    };
    return texts[status];
}

const char *gw_dns_type_name(enum gw_dns_type type)
{
    switch (type) {
    case GW_DNS_A:
        return "A";
    case GW_DNS_PTR:
        return "PTR";
    case GW_DNS_MX:
        return "MX";
    case GW_DNS_TXT:
        return "TXT";
    case GW_DNS_AAAA:
        return "AAAA";
    }
    return "";
}
