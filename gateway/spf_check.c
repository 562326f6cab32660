/* SPDX-License-Identifier: MIT */
/* Evaluating SPF: check_host() of RFC 7208 sec. 4, over a table of answers.
 *
 * Each record's first questions are asked together before any is waited for. */
#include "gateway/spf_internal.h"

struct eval {
    const struct gw_spf_question *q;
    struct gw_spf_finding *out;
};

/* The record of one domain, being evaluated. */
struct host {
    struct eval *eval;
    const char *domain;
    struct gw_spf_macros macros;
    struct gw_spf_record record;
};

enum {
    NO_MATCH = -1 /* beside the results of a term */
};

static enum gw_spf_result check_host(struct eval *e, const char *domain, bool is_first);

static enum gw_spf_result fail(struct eval *e, enum gw_spf_result result, enum gw_domain_code code,
                               const char *detail)
{
    if (e->out->code == GW_DOMAIN_SOUND) {
        e->out->code = code;
        e->out->detail = detail;
    }
    return result;
}

static enum gw_spf_result dns_fault(struct eval *e, enum gw_dns_type type, const char *name,
                                    enum gw_dns_status status)
{
    if (status == GW_DNS_PENDING)
        return GW_SPF_PENDING;
    return fail(e, GW_SPF_TEMPERROR, GW_DOMAIN_DNS,
                gw_arena_printf(e->q->arena, "%s of %s: %s", gw_dns_type_name(type), name,
                                gw_dns_status_text(status)));
}

static enum gw_spf_result count_void(struct eval *e, const char *name)
{
    if (++e->out->voids <= GW_SPF_MAX_VOID)
        return GW_SPF_NONE;
    return fail(e, GW_SPF_PERMERROR, GW_DOMAIN_VOID_LOOKUPS,
                gw_arena_printf(e->q->arena,
                                "more than %d lookups find nothing (the last: %s); receivers stop "
                                "there",
                                GW_SPF_MAX_VOID, name));
}

static enum gw_dns_type address_type(const struct eval *e)
{
    return e->q->ip != NULL && e->q->ip->v6 ? GW_DNS_AAAA : GW_DNS_A;
}

/* Is one of the addresses in @answer within @bits of ours? */
static bool has_address(const struct eval *e, const struct gw_dns_answer *answer,
                        const struct gw_spf_term *t)
{
    const struct gw_ip *ip = e->q->ip;
    for (size_t i = 0; ip != NULL && i < answer->n; i++) {
        struct gw_ip one = {.v6 = ip->v6};
        memcpy(one.octets, answer->records[i].data, answer->records[i].len);
        if (gw_ip_in(ip, &one, ip->v6 ? t->bits6 : t->bits4))
            return true;
    }
    return false;
}

/* The name that a term is about; NULL: it depends on an address that is not known. */
static const char *target_of(const struct host *h, const struct gw_spf_term *t)
{
    if (t->spec.len == 0)
        return h->domain;
    return gw_spf_expand(h->eval->q->arena, t->spec, &h->macros);
}

/* ---- mechanisms: a result, or NO_MATCH ---- */

static int check_include(const struct host *h, const struct gw_spf_term *t)
{
    struct eval *e = h->eval;
    const char *target = target_of(h, t);
    enum gw_spf_result r = target != NULL ? check_host(e, target, false) : GW_SPF_FAIL;
    switch (r) {
    case GW_SPF_PASS:
        return (int)t->result;
    case GW_SPF_FAIL:
    case GW_SPF_SOFTFAIL:
    case GW_SPF_NEUTRAL:
        return NO_MATCH;
    case GW_SPF_NONE:
        return (int)fail(e, GW_SPF_PERMERROR, GW_DOMAIN_INCLUDE,
                         gw_arena_printf(e->q->arena, "%s is named by %s and has no SPF record",
                                         target, h->domain));
    case GW_SPF_PENDING:
    case GW_SPF_TEMPERROR:
    case GW_SPF_PERMERROR:
        break;
    }
    return (int)r;
}

static int check_a(const struct host *h, const struct gw_spf_term *t)
{
    struct eval *e = h->eval;
    const char *target = target_of(h, t);
    if (target == NULL)
        return NO_MATCH;
    enum gw_dns_type type = t->kind == GW_SPF_EXISTS ? GW_DNS_A : address_type(e);
    const struct gw_dns_answer *a = gw_dns_ask(e->q->table, type, target);
    if (e->q->ip == NULL && t->kind == GW_SPF_A && gw_dns_is_void(a->status)) {
        type = GW_DNS_AAAA; /* for whom it is there is not known */
        a = gw_dns_ask(e->q->table, type, target);
    }
    if (!gw_dns_is_said(a->status))
        return (int)dns_fault(e, type, target, a->status);
    if (a->status != GW_DNS_FOUND)
        return count_void(e, target) == GW_SPF_NONE ? NO_MATCH : (int)GW_SPF_PERMERROR;
    bool matches = t->kind == GW_SPF_EXISTS ? e->q->ip != NULL : has_address(e, a, t);
    return matches ? (int)t->result : NO_MATCH;
}

static enum gw_spf_result too_many_names(struct eval *e, const char *what, const char *name)
{
    return fail(e, GW_SPF_PERMERROR, GW_DOMAIN_NAMES,
                gw_arena_printf(e->q->arena, "%s has over %d %s records; receivers stop there",
                                name, GW_SPF_MAX_NAMES, what));
}

static int check_mx(const struct host *h, const struct gw_spf_term *t)
{
    struct eval *e = h->eval;
    const char *target = target_of(h, t);
    if (target == NULL)
        return NO_MATCH;
    const struct gw_dns_answer *mx = gw_dns_ask(e->q->table, GW_DNS_MX, target);
    if (!gw_dns_is_said(mx->status))
        return (int)dns_fault(e, GW_DNS_MX, target, mx->status);
    if (mx->status != GW_DNS_FOUND)
        return count_void(e, target) == GW_SPF_NONE ? NO_MATCH : (int)GW_SPF_PERMERROR;
    if (mx->n > GW_SPF_MAX_NAMES)
        return (int)too_many_names(e, "MX", target);
    int result = NO_MATCH;
    for (size_t i = 0; e->q->ip != NULL && i < mx->n; i++) {
        const struct gw_dns_answer *a =
            gw_dns_ask(e->q->table, address_type(e), mx->records[i].data);
        if (gw_dns_is_said(a->status) && has_address(e, a, t))
            return (int)t->result;
        if (!gw_dns_is_said(a->status) && result != (int)GW_SPF_PENDING)
            result = (int)dns_fault(e, address_type(e), mx->records[i].data, a->status);
    }
    return result; /* a fault counts when none can match any more */
}

/* Does @name end in @domain, at a dot? */
static bool is_within(struct gw_slice name, struct gw_slice domain)
{
    if (name.len < domain.len)
        return false;
    size_t at = name.len - domain.len;
    return gw_slice_eq_nocase(gw_slice_of(name.data + at, domain.len), domain) &&
           (at == 0 || name.data[at - 1] == '.');
}

/* Sec. 5.5. A failure of DNS is no match. */
static int check_ptr(const struct host *h, const struct gw_spf_term *t)
{
    struct eval *e = h->eval;
    const char *target = target_of(h, t);
    e->out->uses_ptr = true;
    if (e->q->ip == NULL || target == NULL)
        return NO_MATCH;
    const char *reversed =
        gw_arena_printf(e->q->arena, "%s.%s.arpa", gw_ip_reversed(e->q->arena, e->q->ip),
                        e->q->ip->v6 ? "ip6" : "in-addr");
    const struct gw_dns_answer *names = gw_dns_ask(e->q->table, GW_DNS_PTR, reversed);
    if (gw_dns_is_void(names->status) && count_void(e, reversed) != GW_SPF_NONE)
        return (int)GW_SPF_PERMERROR;
    int result = names->status == GW_DNS_PENDING ? (int)GW_SPF_PENDING : NO_MATCH;
    const struct gw_spf_term whole = {.bits4 = 32, .bits6 = 128};
    for (size_t i = 0; i < names->n && i < GW_SPF_MAX_NAMES; i++) {
        if (!is_within(names->records[i], gw_slice_str(target)))
            continue;
        const struct gw_dns_answer *a =
            gw_dns_ask(e->q->table, address_type(e), names->records[i].data);
        if (a->status == GW_DNS_PENDING)
            result = (int)GW_SPF_PENDING;
        else if (has_address(e, a, &whole))
            return (int)t->result;
    }
    return result;
}

static int check_network(const struct host *h, const struct gw_spf_term *t)
{
    const struct gw_ip *ip = h->eval->q->ip;
    bool matches = ip != NULL && gw_ip_in(ip, &t->network, t->network.v6 ? t->bits6 : t->bits4);
    return matches ? (int)t->result : NO_MATCH;
}

static int check_all(const struct host *h, const struct gw_spf_term *t)
{
    (void)h;
    return (int)t->result;
}

static const struct {
    int (*check)(const struct host *h, const struct gw_spf_term *t); /* NULL: a modifier */
    bool asks_dns;
    enum gw_dns_type first; /* what it asks */
} kinds[] = {
    [GW_SPF_ALL] = {.check = check_all},
    [GW_SPF_INCLUDE] = {check_include, true, GW_DNS_TXT},
    [GW_SPF_A] = {check_a, true, GW_DNS_A},
    [GW_SPF_MX] = {check_mx, true, GW_DNS_MX},
    [GW_SPF_PTR] = {check_ptr, true, GW_DNS_PTR},
    [GW_SPF_IP4] = {.check = check_network},
    [GW_SPF_IP6] = {.check = check_network},
    [GW_SPF_EXISTS] = {check_a, true, GW_DNS_A},
    [GW_SPF_REDIRECT] = {NULL, true, GW_DNS_TXT},
    [GW_SPF_OTHER_MODIFIER] = {.check = NULL},
};

/* ---- records ---- */

/* Counts a term that asks DNS. False: it is one too many. */
static bool count_lookup(struct eval *e)
{
    if (++e->out->lookups <= GW_SPF_MAX_LOOKUPS)
        return true;
    (void)fail(e, GW_SPF_PERMERROR, GW_DOMAIN_LOOKUPS,
               gw_arena_printf(e->q->arena,
                               "the record needs more than %d lookups, those of what "
                               "it includes counted; receivers stop there",
                               GW_SPF_MAX_LOOKUPS));
    return false;
}

/* Asks for what the terms will need first, without looking at what comes. */
static void ask_ahead(const struct host *h)
{
    const struct eval *e = h->eval;
    unsigned n = e->out->lookups;
    for (size_t i = 0; i < h->record.n && n < GW_SPF_MAX_LOOKUPS; i++) {
        const struct gw_spf_term *t = &h->record.terms[i];
        enum gw_dns_type type = kinds[t->kind].first;
        if (t->kind == GW_SPF_ALL)
            break;
        if (!kinds[t->kind].asks_dns)
            continue;
        n++;
        const char *target = t->kind != GW_SPF_PTR ? target_of(h, t) : NULL;
        if (target != NULL)
            (void)gw_dns_ask(e->q->table, t->kind == GW_SPF_A ? address_type(e) : type, target);
    }
}

static enum gw_spf_result follow_redirect(const struct host *h)
{
    struct eval *e = h->eval;
    const struct gw_spf_term *t = h->record.redirect;
    if (!count_lookup(e))
        return GW_SPF_PERMERROR;
    const char *target = target_of(h, t);
    enum gw_spf_result r = target != NULL ? check_host(e, target, false) : GW_SPF_NEUTRAL;
    if (r != GW_SPF_NONE)
        return r;
    return fail(
        e, GW_SPF_PERMERROR, GW_DOMAIN_INCLUDE,
        gw_arena_printf(e->q->arena, "%s is named by %s and has no SPF record", target, h->domain));
}

static enum gw_spf_result evaluate(const struct host *h, bool is_first)
{
    struct eval *e = h->eval;
    ask_ahead(h);
    for (size_t i = 0; i < h->record.n; i++) {
        const struct gw_spf_term *t = &h->record.terms[i];
        if (kinds[t->kind].check == NULL)
            continue;
        if (kinds[t->kind].asks_dns && !count_lookup(e))
            return GW_SPF_PERMERROR;
        int r = kinds[t->kind].check(h, t);
        if (r == NO_MATCH)
            continue;
        if (is_first)
            e->out->matched = gw_arena_cstr(e->q->arena, t->text);
        return (enum gw_spf_result)r;
    }
    if (h->record.redirect == NULL)
        return GW_SPF_NEUTRAL;
    if (is_first)
        e->out->matched = gw_arena_cstr(e->q->arena, h->record.redirect->text);
    return follow_redirect(h);
}

/* The one record of @domain; GW_SPF_PASS with it. */
static enum gw_spf_result find_record(struct eval *e, const char *domain, struct gw_slice *out)
{
    const struct gw_dns_answer *a = gw_dns_ask(e->q->table, GW_DNS_TXT, domain);
    size_t n = 0;
    if (!gw_dns_is_said(a->status))
        return dns_fault(e, GW_DNS_TXT, domain, a->status);
    for (size_t i = 0; i < a->n; i++) {
        if (!gw_spf_is_record(a->records[i]))
            continue;
        *out = a->records[i];
        n++;
    }
    if (n <= 1)
        return n == 0 ? GW_SPF_NONE : GW_SPF_PASS;
    return fail(
        e, GW_SPF_PERMERROR, GW_DOMAIN_MULTIPLE,
        gw_arena_printf(e->q->arena, "%s has %zu SPF records; there must be one", domain, n));
}

static enum gw_spf_result check_host(struct eval *e, const char *domain, bool is_first)
{
    struct host h = {.eval = e,
                     .domain = domain,
                     .macros = {.domain = domain, .sender = e->q->domain, .ip = e->q->ip}};
    struct gw_slice text = {0};
    struct gw_err err;
    enum gw_spf_result r = find_record(e, domain, &text);
    if (r != GW_SPF_PASS)
        return r;
    if (is_first)
        e->out->record = gw_arena_cstr(e->q->arena, text);
    if (gw_spf_record_read(e->q->arena, text, &h.record, &err) != GW_OK)
        return fail(e, GW_SPF_PERMERROR, GW_DOMAIN_SYNTAX,
                    gw_arena_printf(e->q->arena, "the SPF record of %s: %s", domain, err.text));
    /* each level below costs a lookup, so there are at most GW_SPF_MAX_LOOKUPS of them */
    return evaluate(&h, is_first);
}

enum gw_spf_result gw_spf_check(const struct gw_spf_question *q, struct gw_spf_finding *out)
{
    struct eval e = {.q = q, .out = out};
    *out = (struct gw_spf_finding){.record = NULL};
    return check_host(&e, q->domain, true);
}

const char *gw_spf_result_name(enum gw_spf_result r)
{
    static const char *const names[] = {
#define NAME(name, text) [name] = (text),
        GW_SPF_RESULT_TABLE(NAME)
#undef NAME
    };
    return names[r];
}
