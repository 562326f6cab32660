/* SPDX-License-Identifier: MIT */
/* DKIM key records against our keys. */
#include "gateway/base/gw_base64.h"
#include "gateway/base/gw_mem.h"
#include "gateway/domain_internal.h"
#include "gateway/tag_list.h"

/* Is @word in the list that colons make of @list? */
static bool lists(struct gw_slice list, const char *word)
{
    while (list.len > 0) {
        const char *colon = memchr(list.data, ':', list.len);
        size_t len = colon != NULL ? (size_t)(colon - list.data) : list.len;
        if (gw_slice_is(gw_slice_trim(gw_slice_of(list.data, len), " \t\r\n"), word))
            return true;
        list = colon != NULL ? gw_slice_of(colon + 1, list.len - len - 1) : gw_slice_of(NULL, 0);
    }
    return false;
}

/* @base64 with blanks anywhere, against the octets of the key. */
static bool is_our_key(struct gw_slice base64, const char *ours)
{
    struct gw_slice mine = gw_slice_str(strstr(ours, "p=") + 2);
    size_t i = 0;
    for (size_t k = 0; k < base64.len; k++) {
        if (memchr(" \t\r\n", base64.data[k], 4) != NULL)
            continue;
        if (i == mine.len || base64.data[k] != mine.data[i])
            return false;
        i++;
    }
    return i == mine.len;
}

static const struct gw_slice *first_tag(const struct gw_tag_list *tags, const char *name)
{
    return tags->n > 0 && gw_slice_is(tags->names[0], name) ? &tags->values[0] : NULL;
}

static void judge_tags(const struct gw_dkim_public *key, const struct gw_tag_list *tags,
                       struct gw_arena *arena, struct gw_domain_record *out)
{
    const char *type = key->type == GW_DKIM_RSA ? "rsa" : "ed25519";
    const struct gw_slice *v = gw_tag_find(tags, "v");
    const struct gw_slice *k = gw_tag_find(tags, "k");
    const struct gw_slice *p = gw_tag_find(tags, "p");
    const struct gw_slice *h = gw_tag_find(tags, "h");
    const struct gw_slice *s = gw_tag_find(tags, "s");
    const struct gw_slice *t = gw_tag_find(tags, "t");
    if (v != NULL && (v != first_tag(tags, "v") || !gw_slice_is(*v, "DKIM1")))
        gw_domain_problem(out, GW_DOMAIN_SYNTAX, "v= must come first and be DKIM1");
    if (p == NULL)
        gw_domain_problem(out, GW_DOMAIN_SYNTAX, "p=, the key, is missing");
    else if (p->len == 0)
        gw_domain_problem(out, GW_DOMAIN_REVOKED, "p= is empty: the key is revoked");
    else if (!gw_slice_is(k != NULL ? *k : GW_SLICE_LIT("rsa"), type))
        gw_domain_problem(out, GW_DOMAIN_OTHER_KEY,
                          gw_arena_printf(arena, "k= is not %s, as our key is", type));
    else if (!is_our_key(*p, key->txt))
        gw_domain_problem(out, GW_DOMAIN_OTHER_KEY,
                          "p= is another key than the one that signs here");
    if (h != NULL && !lists(*h, "sha256"))
        gw_domain_problem(out, GW_DOMAIN_NOT_ALLOWED, "h= does not allow sha256");
    if (s != NULL && !lists(*s, "email") && !lists(*s, "*"))
        gw_domain_problem(out, GW_DOMAIN_NOT_ALLOWED, "s= does not allow email");
    if (t != NULL && lists(*t, "y"))
        gw_domain_problem(out, GW_DOMAIN_TESTING,
                          "t=y tells receivers to treat signatures as if there were none");
}

bool gw_domain_judge_key(const struct gw_dkim_public *key, struct gw_dns_table *table,
                         struct gw_arena *arena, struct gw_domain_record *out)
{
    struct gw_tag_list tags;
    struct gw_err err;
    *out = (struct gw_domain_record){
        .name = gw_arena_printf(arena, "%s._domainkey.%s", key->selector, key->domain)};
    const struct gw_dns_answer *a = gw_dns_ask(table, GW_DNS_TXT, out->name);
    if (a->status == GW_DNS_PENDING)
        return false;
    if (!gw_dns_is_said(a->status))
        gw_domain_problem(out, GW_DOMAIN_DNS, gw_dns_status_text(a->status));
    else if (a->n == 0)
        gw_domain_problem(out, GW_DOMAIN_MISSING, "there is no key record");
    if (a->n > 0)
        out->value = gw_arena_cstr(arena, a->records[0]);
    if (a->n > 1)
        gw_domain_problem(
            out, GW_DOMAIN_MULTIPLE,
            gw_arena_printf(
                arena, "there are %zu TXT records; which one a receiver takes is chance", a->n));
    else if (a->n == 1 && gw_tag_list_read(a->records[0], &tags, &err) != GW_OK)
        gw_domain_problem(out, GW_DOMAIN_SYNTAX, gw_arena_strdup(arena, err.text));
    else if (a->n == 1)
        judge_tags(key, &tags, arena, out);
    if (out->verdict == GW_VERDICT_MISSING || out->verdict == GW_VERDICT_WRONG) {
        out->publish_name = out->name;
        out->publish_value = key->txt;
    }
    return true;
}
