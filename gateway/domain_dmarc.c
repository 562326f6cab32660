/* SPDX-License-Identifier: MIT */
/* DMARC policies. */
#include "gateway/domain_internal.h"
#include "gateway/org_domain.h"
#include "gateway/tag_list.h"

static const char advice[] = "v=DMARC1; p=none";
static const char *const policies[] = {"none", "quarantine", "reject"};

enum {
    N_POLICIES = sizeof(policies) / sizeof(policies[0]),
    WHOLE = 100 /* per cent */
};

/* Does it begin as a DMARC record must (sec. 6.4)? */
static bool is_dmarc(struct gw_slice text)
{
    struct gw_slice rest = gw_slice_trim(text, " \t");
    if (rest.len == 0 || rest.data != text.data || rest.data[0] != 'v')
        return false;
    const char *end = memchr(rest.data, ';', rest.len);
    rest.len = end != NULL ? (size_t)(end - rest.data) : rest.len;
    rest = gw_slice_trim(gw_slice_of(rest.data + 1, rest.len - 1), " \t");
    return rest.len > 0 && rest.data[0] == '=' &&
           gw_slice_is(gw_slice_trim(gw_slice_of(rest.data + 1, rest.len - 1), " \t"), "DMARC1");
}

static const char *policy_of(const struct gw_slice *value)
{
    for (size_t i = 0; value != NULL && i < N_POLICIES; i++)
        if (gw_slice_eq_nocase(*value, gw_slice_str(policies[i])))
            return policies[i];
    return NULL;
}

/* "r" or "s"; anything else counts as "r". */
static bool is_strict(const struct gw_tag_list *tags, const char *name, struct gw_arena *arena,
                      struct gw_domain_record *out)
{
    const struct gw_slice *value = gw_tag_find(tags, name);
    if (value == NULL || gw_slice_eq_nocase(*value, GW_SLICE_LIT("r")))
        return false;
    if (gw_slice_eq_nocase(*value, GW_SLICE_LIT("s")))
        return true;
    gw_domain_problem(out, GW_DOMAIN_UNKNOWN_VALUE,
                      gw_arena_printf(arena, "%s= is neither r nor s", name));
    return false;
}

static void judge_pct(const struct gw_tag_list *tags, struct gw_arena *arena,
                      struct gw_domain_record *out)
{
    const struct gw_slice *pct = gw_tag_find(tags, "pct");
    unsigned value = 0;
    if (pct == NULL)
        return;
    bool is_number = pct->len > 0 && pct->len <= 3;
    for (size_t i = 0; i < pct->len && is_number; i++) {
        is_number = pct->data[i] >= '0' && pct->data[i] <= '9';
        value = value * 10 + (unsigned)(pct->data[i] - '0');
    }
    if (!is_number || value > WHOLE)
        gw_domain_problem(out, GW_DOMAIN_UNKNOWN_VALUE, "pct= is no number up to 100");
    else if (value < WHOLE)
        gw_domain_problem(
            out, GW_DOMAIN_PARTIAL,
            gw_arena_printf(arena, "pct=%u: the policy counts for a part of the mail only", value));
}

/* @is_parent  the record is the one of the domain above, so that sp= counts */
static void judge_tags(const struct gw_tag_list *tags, bool is_parent, struct gw_arena *arena,
                       struct gw_domain_record *out, struct gw_dmarc *policy_out)
{
    const struct gw_slice *p = gw_tag_find(tags, "p");
    const struct gw_slice *sp = gw_tag_find(tags, "sp");
    if (sp != NULL && policy_of(sp) == NULL)
        gw_domain_problem(out, GW_DOMAIN_UNKNOWN_VALUE,
                          "sp= is none of none, quarantine and reject");
    if (policy_of(p) == NULL && gw_tag_find(tags, "rua") != NULL)
        gw_domain_problem(
            out, GW_DOMAIN_UNKNOWN_VALUE,
            /* sec. 6.6.3 */ "p= is none of none, quarantine and reject; none is taken");
    else if (policy_of(p) == NULL)
        gw_domain_problem(out, GW_DOMAIN_SYNTAX,
                          "p= must be none, quarantine or reject; receivers ignore the record");
    judge_pct(tags, arena, out);
    policy_out->strict_spf = is_strict(tags, "aspf", arena, out);
    policy_out->strict_dkim = is_strict(tags, "adkim", arena, out);
    policy_out->policy = is_parent && policy_of(sp) != NULL ? policy_of(sp)
                         : policy_of(p) != NULL             ? policy_of(p)
                                                            : policies[0];
    if (out->verdict == GW_VERDICT_WRONG)
        *policy_out = (struct gw_dmarc){.policy = NULL};
}

/* Looks at _dmarc.@domain. */
static enum gw_dns_status find_at(const char *domain, struct gw_dns_table *table,
                                  struct gw_arena *arena, struct gw_domain_record *out,
                                  struct gw_slice *last_out, size_t *n_out)
{
    out->name = gw_arena_printf(arena, "_dmarc.%s", domain);
    const struct gw_dns_answer *a = gw_dns_ask(table, GW_DNS_TXT, out->name);
    for (size_t i = 0; i < a->n; i++) {
        if (!is_dmarc(a->records[i]))
            continue;
        *last_out = a->records[i];
        (*n_out)++;
    }
    return a->status;
}

static void judge_record(struct gw_slice text, bool is_parent, struct gw_arena *arena,
                         struct gw_domain_record *out, struct gw_dmarc *policy_out)
{
    struct gw_tag_list tags;
    struct gw_err err;
    out->value = gw_arena_cstr(arena, text);
    if (gw_tag_list_read(text, &tags, &err) != GW_OK)
        gw_domain_problem(out, GW_DOMAIN_SYNTAX, gw_arena_strdup(arena, err.text));
    else
        judge_tags(&tags, is_parent, arena, out, policy_out);
}

bool gw_domain_judge_dmarc(const char *domain, struct gw_dns_table *table, struct gw_arena *arena,
                           struct gw_domain_record *out, struct gw_dmarc *policy_out)
{
    const char *org = gw_org_domain(domain);
    struct gw_slice text = {0};
    size_t n = 0;
    bool is_parent = false;
    *policy_out = (struct gw_dmarc){.policy = NULL};
    *out = (struct gw_domain_record){.name = NULL};
    enum gw_dns_status status = find_at(domain, table, arena, out, &text, &n);
    if (gw_dns_is_said(status) && n == 0 && strcmp(domain, org) != 0) {
        is_parent = true;
        status = find_at(org, table, arena, out, &text, &n);
    }
    if (status == GW_DNS_PENDING)
        return false;
    if (!gw_dns_is_said(status))
        gw_domain_problem(out, GW_DOMAIN_DNS,
                          gw_arena_printf(arena, "%s: %s", out->name, gw_dns_status_text(status)));
    else if (n == 0)
        gw_domain_problem(out, GW_DOMAIN_MISSING, "there is no policy");
    else if (n > 1)
        gw_domain_problem(
            out, GW_DOMAIN_MULTIPLE,
            gw_arena_printf(arena, "there are %zu DMARC records; receivers ignore them all", n));
    else
        judge_record(text, is_parent, arena, out, policy_out);
    if (out->verdict == GW_VERDICT_MISSING || out->verdict == GW_VERDICT_WRONG) {
        out->publish_name = out->name;
        out->publish_value = advice;
    }
    return true;
}
