/* SPDX-License-Identifier: MIT */
/* Judging a domain from what DNS says. */
#include "gateway/base/gw_check.h"
#include "gateway/domain_internal.h"
#include "gateway/org_domain.h"

void gw_domain_problem(struct gw_domain_record *r, enum gw_domain_code code, const char *detail)
{
    enum gw_verdict verdict = gw_domain_code_verdict(code);
    if (verdict > r->verdict)
        r->verdict = verdict;
    if (gw_fails_check(r->n_problems < GW_DOMAIN_MAX_PROBLEMS))
        return;
    r->problems[r->n_problems].code = code;
    r->problems[r->n_problems++].detail = detail;
}

static bool can_be_used(enum gw_verdict v)
{
    return v == GW_VERDICT_OK || v == GW_VERDICT_WEAK;
}

/* ---- SPF ---- */

/* Of whoever no mechanism names: all of the record is looked at. */
static bool judge_spf_record(const struct gw_spf_question *q, struct gw_domain_report *out)
{
    struct gw_domain_record *r = &out->spf;
    struct gw_spf_finding f;
    *r = (struct gw_domain_record){.name = q->domain};
    out->spf_others = gw_spf_check(q, &f);
    out->spf_lookups = f.lookups;
    out->spf_voids = f.voids;
    r->value = f.record;
    if (f.code != GW_DOMAIN_SOUND)
        gw_domain_problem(r, f.code, f.detail);
    else if (out->spf_others == GW_SPF_NONE)
        gw_domain_problem(r, GW_DOMAIN_MISSING, "there is no SPF record");
    else if (out->spf_others == GW_SPF_PASS)
        gw_domain_problem(r, GW_DOMAIN_PASSES_ALL, "everybody may send; end it with -all or ~all");
    else if (out->spf_others == GW_SPF_NEUTRAL)
        gw_domain_problem(r, GW_DOMAIN_NO_END,
                          "it says nothing about who is not named; end it with -all or ~all");
    if (f.uses_ptr)
        gw_domain_problem(r, GW_DOMAIN_PTR,
                          "\"ptr\" is slow and unreliable, and many receivers do not follow it");
    return out->spf_others != GW_SPF_PENDING;
}

/* Of the address that was given. False: pending. */
static bool judge_ip(struct gw_spf_question q, const char *ip, struct gw_domain_report *out)
{
    struct gw_ip address;
    struct gw_spf_finding f;
    out->ip = ip;
    if (ip == NULL)
        return true;
    CHECK(gw_ip_parse(ip, &address));
    q.ip = &address;
    out->ip_result = gw_spf_check(&q, &f);
    out->ip_matched = f.matched;
    if (out->ip_result == GW_SPF_FAIL || out->ip_result == GW_SPF_SOFTFAIL ||
        out->ip_result == GW_SPF_NEUTRAL)
        gw_domain_problem(&out->spf, GW_DOMAIN_IP,
                          gw_arena_printf(q.arena, "mail from %s gets %s", ip,
                                          gw_spf_result_name(out->ip_result)));
    else if ((out->ip_result == GW_SPF_TEMPERROR || out->ip_result == GW_SPF_PERMERROR) &&
             can_be_used(out->spf.verdict)) /* for this one only */
        gw_domain_problem(&out->spf, f.code,
                          gw_arena_printf(q.arena, "mail from %s gets %s: %s", ip,
                                          gw_spf_result_name(out->ip_result), f.detail));
    return out->ip_result != GW_SPF_PENDING;
}

static bool judge_spf(const struct gw_domain_subject *s, struct gw_dns_table *table,
                      struct gw_arena *arena, struct gw_domain_report *out)
{
    struct gw_spf_question q = {.table = table, .arena = arena, .domain = s->mail_domain};
    out->has_spf = s->mail_domain[0] != '\0';
    if (!out->has_spf)
        return true;
    bool record = judge_spf_record(&q, out);
    bool ip = judge_ip(q, s->ip, out);
    if (out->spf.verdict == GW_VERDICT_MISSING || out->spf.verdict == GW_VERDICT_WRONG) {
        out->spf.publish_name = s->mail_domain;
        out->spf.publish_value = s->spf_advice;
    }
    return record && ip;
}

/* ---- DKIM ---- */

static enum gw_verdict verdict_of_keys(const struct gw_domain_report *report)
{
    enum gw_verdict worst = report->n_keys > 0 ? GW_VERDICT_OK : GW_VERDICT_MISSING;
    bool any = false;
    for (size_t i = 0; i < report->n_keys; i++) {
        enum gw_verdict v = report->keys[i].record.verdict;
        any = any || can_be_used(v);
        worst = v > worst ? v : worst;
    }
    return any && !can_be_used(worst) ? GW_VERDICT_WEAK : worst;
}

static bool judge_dkim(const struct gw_domain_subject *s, struct gw_dns_table *table,
                       struct gw_arena *arena, struct gw_domain_report *out)
{
    bool done = true;
    out->n_keys = s->n_keys;
    for (size_t i = 0; i < s->n_keys; i++) {
        out->keys[i].key = &s->keys[i];
        done = gw_domain_judge_key(&s->keys[i], table, arena, &out->keys[i].record) && done;
    }
    out->dkim = verdict_of_keys(out);
    return done;
}

/* ---- all of it ---- */

static struct gw_domain_identifier identifier(const char *domain, const char *from, bool strict)
{
    struct gw_domain_identifier i = {.domain = domain, .strict = strict};
    enum gw_alignment a = domain != NULL ? gw_domain_alignment(domain, from) : GW_ALIGNED_NOT;
    i.aligned = a == GW_ALIGNED_STRICT || (a == GW_ALIGNED_RELAXED && !strict);
    return i;
}

bool gw_domain_judge(const struct gw_domain_subject *s, struct gw_dns_table *table,
                     struct gw_arena *arena, struct gw_domain_report *out)
{
    struct gw_dmarc dmarc;
    *out = (struct gw_domain_report){.domain = s->domain, .org_domain = gw_org_domain(s->domain)};
    bool spf = judge_spf(s, table, arena, out);
    bool dkim = judge_dkim(s, table, arena, out);
    bool policy = gw_domain_judge_dmarc(s->domain, table, arena, &out->dmarc, &dmarc);
    if (!spf || !dkim || !policy)
        return false;
    out->policy = dmarc.policy;
    out->by_spf = identifier(out->has_spf ? s->mail_domain : NULL, s->domain, dmarc.strict_spf);
    out->by_dkim =
        identifier(s->n_keys > 0 ? s->keys[0].domain : NULL, s->domain, dmarc.strict_dkim);
    bool spf_good = can_be_used(out->spf.verdict);
    bool dkim_good = can_be_used(out->dkim);
    out->ok = spf_good && dkim_good && can_be_used(out->dmarc.verdict) &&
              (out->by_spf.aligned || out->by_dkim.aligned);
    out->n_questions = table->n;
    return true;
}
