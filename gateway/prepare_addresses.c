/* SPDX-License-Identifier: MIT */
/* Addresses of a draft: parsed once, for header and envelope alike. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/prepare_internal.h"
#include "smtp/address.h"

/* Line breaks and NUL are named for what they are before the parser sees them. */
static bool is_one_line(struct gw_prepare_job *job, const struct gw_field *f)
{
    for (size_t i = 0; i < f->value.len; i++) {
        char c = f->value.data[i];
        if (c == '\r' || c == '\n' || c == '\0') {
            gw_problems_add(job->problems, f->pointer, GW_PROBLEM_INJECTION,
                            "Line breaks and NUL must not stand in an address.");
            return false;
        }
    }
    return true;
}

static bool add_address_problem(struct gw_prepare_job *job, const char *pointer,
                                const struct smtp_mailbox *m, const struct gw_err *err)
{
    gw_problems_add(job->problems, pointer, m->bad_domain ? GW_PROBLEM_DOMAIN : GW_PROBLEM_ADDRESS,
                    "This is not a mail address that can be used: %s.", err->text);
    return false;
}

static bool parse_bare(struct gw_prepare_job *job, const struct gw_field *f,
                       struct smtp_mailbox *out)
{
    struct gw_err err;
    if (!is_one_line(job, f))
        return false;
    if (smtp_mailbox_parse_addr(job->arena, f->value, out, &err) == GW_OK)
        return true;
    return add_address_problem(job, f->pointer, out, &err);
}

/* False when there is a problem, added by us or by whoever decoded the draft.
 * @pointer  of the field that holds the address */
static bool parse_address(struct gw_prepare_job *job, const struct gw_draft_address *a,
                          const char *pointer, struct smtp_mailbox *out)
{
    struct gw_err err;
    if (gw_is_given(&a->text)) {
        if (!is_one_line(job, &a->text))
            return false;
        if (smtp_mailbox_parse(job->arena, a->text.value, out, &err) == GW_OK)
            return true;
        return add_address_problem(job, a->text.pointer, out, &err);
    }
    if (!gw_is_given(&a->email))
        gw_prepare_required(job, pointer, "An address is required.");
    bool good = gw_is_given(&a->email) && parse_bare(job, &a->email, out);
    const char *name = NULL;
    if (gw_is_given(&a->name)) {
        if (!gw_prepare_line(job, &a->name, SMTP_MAX_DISPLAY_NAME, 0)) {
            good = false;
        } else if (smtp_display_name_parse(job->arena, a->name.value, &name, &err) != GW_OK) {
            gw_problems_add(job->problems, a->name.pointer, GW_PROBLEM_VALUE, "%s", err.text);
            good = false;
        }
    }
    if (good)
        out->name = name;
    return good;
}

static struct gw_mime_address header_form(struct gw_prepare_job *job, const struct smtp_mailbox *m)
{
    job->utf8_header = job->utf8_header || m->utf8_local;
    return (struct gw_mime_address){.name = m->name, .address = m->address};
}

static void parse_from(struct gw_prepare_job *job)
{
    struct smtp_mailbox m;
    if (!job->draft->has_from) {
        gw_prepare_required(job, job->from_pointer, "A sender is required.");
        return;
    }
    if (!parse_address(job, &job->draft->from, job->from_pointer, &m))
        return;
    job->mime.from = header_form(job, &m);
    job->m->from = m.address;
    job->m->from_domain = m.domain;
    if (!gw_prepare_sender_allowed(job->ctx->api_key, m.address))
        gw_problems_add(job->problems, job->from_pointer, GW_PROBLEM_SENDER,
                        "This API key may not send as %s.", m.address);
}

static void parse_envelope_from(struct gw_prepare_job *job)
{
    const struct gw_field *f = &job->draft->envelope_from;
    struct smtp_mailbox m;
    job->m->mail_from = job->m->from;
    for (const char *c = job->m->from; c != NULL && *c != '\0'; c++)
        job->m->mail_from_smtputf8 = job->m->mail_from_smtputf8 || ((unsigned char)*c & 0x80) != 0;
    if (!gw_is_given(f))
        return;
    job->m->mail_from = "";
    job->m->mail_from_smtputf8 = false;
    if (f->value.len == 0 || !parse_bare(job, f, &m))
        return;
    job->m->mail_from = m.address;
    job->m->mail_from_smtputf8 = m.utf8_local;
    if (!gw_prepare_sender_allowed(job->ctx->api_key, m.address))
        gw_problems_add(job->problems, f->pointer, GW_PROBLEM_SENDER,
                        "This API key may not send as %s.", m.address);
}

static void add_recipient(struct gw_prepare_job *job, const struct smtp_mailbox *m,
                          enum gw_rcpt_kind kind)
{
    bool later = job->m->scheduled_at_ms != 0;
    job->m->rcpts[job->m->n_rcpts++] = (struct gw_recipient){
        .email = m->address,
        .domain = m->domain,
        .kind = kind,
        .status = later ? GW_RCPT_SCHEDULED : GW_RCPT_QUEUED,
        .needs_smtputf8 = m->utf8_local,
        .smtp = {.enhanced = "", .text = ""},
        .updated_at_ms = job->ctx->now_ms,
        .next_attempt_ms = job->m->scheduled_at_ms,
        .duration_ms = -1,
    };
}

/* The header form of @list, or NULL for Bcc, which has none; every address becomes a recipient. */
static struct gw_mime_address *parse_recipients(struct gw_prepare_job *job,
                                                const struct gw_draft_addresses *list,
                                                enum gw_rcpt_kind kind)
{
    struct gw_mime_address *header = GW_ARENA_ARRAY(job->arena, struct gw_mime_address, list->n);
    for (size_t i = 0; i < list->n; i++) {
        struct smtp_mailbox m;
        if (!parse_address(job, &list->items[i], list->pointer, &m))
            continue;
        if (kind != GW_RCPT_BCC)
            header[i] = header_form(job, &m);
        add_recipient(job, &m, kind);
    }
    return kind != GW_RCPT_BCC ? header : NULL;
}

struct place {
    const char *email;
    size_t at;
};

static int compare_places(const void *a, const void *b)
{
    const struct place *x = a;
    const struct place *y = b;
    int order = strcmp(x->email, y->email);
    if (order == 0 && x->at != y->at)
        order = x->at < y->at ? -1 : 1; /* the one given first stays */
    return order;
}

/* The same address twice is one recipient, of the kind it was named as first. */
static void drop_repeated(struct gw_prepare_job *job)
{
    size_t n = job->m->n_rcpts;
    struct gw_recipient *rcpts = job->m->rcpts;
    struct place *sorted = GW_ARENA_ARRAY(job->arena, struct place, n);
    bool *repeated = GW_ARENA_ARRAY(job->arena, bool, n);
    for (size_t i = 0; i < n; i++)
        sorted[i] = (struct place){.email = rcpts[i].email, .at = i};
    qsort(sorted, n, sizeof(*sorted), compare_places);
    for (size_t i = 1; i < n; i++)
        repeated[sorted[i].at] = strcmp(sorted[i].email, sorted[i - 1].email) == 0;
    job->m->n_rcpts = 0;
    for (size_t i = 0; i < n; i++) {
        if (!repeated[i])
            rcpts[job->m->n_rcpts++] = rcpts[i];
    }
}

/* False when there are none, or too many to look at. */
static bool count_recipients(struct gw_prepare_job *job, size_t *n_out)
{
    const struct gw_draft_addresses *lists[] = {&job->draft->to, &job->draft->cc, &job->draft->bcc};
    size_t max = job->ctx->cfg->limits.recipients;
    *n_out = 0;
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        *n_out += lists[i]->n;
        if (*n_out > max) {
            gw_problems_add(job->problems, lists[i]->pointer, GW_PROBLEM_TOO_MANY,
                            "A message may have at most %zu recipients.", max);
            return false;
        }
    }
    if (*n_out == 0 && !gw_prepare_has_problem(job, "/cc") && !gw_prepare_has_problem(job, "/bcc"))
        gw_prepare_required(job, job->to_pointer, "At least one recipient is required.");
    return *n_out > 0;
}

static void parse_all_recipients(struct gw_prepare_job *job)
{
    const struct gw_draft *d = job->draft;
    size_t n;
    if (!count_recipients(job, &n))
        return;
    job->m->rcpts = GW_ARENA_ARRAY(job->arena, struct gw_recipient, n);
    job->mime.to = parse_recipients(job, &d->to, GW_RCPT_TO);
    job->mime.n_to = d->to.n;
    job->mime.cc = parse_recipients(job, &d->cc, GW_RCPT_CC);
    job->mime.n_cc = d->cc.n;
    (void)parse_recipients(job, &d->bcc, GW_RCPT_BCC);
    drop_repeated(job);
}

struct gw_mime_address *gw_prepare_header_form(struct gw_prepare_job *job,
                                               const struct gw_draft_addresses *list)
{
    struct gw_mime_address *header = GW_ARENA_ARRAY(job->arena, struct gw_mime_address, list->n);
    for (size_t i = 0; i < list->n; i++) {
        struct smtp_mailbox m;
        if (parse_address(job, &list->items[i], list->pointer, &m))
            header[i] = header_form(job, &m);
    }
    return header;
}

static void parse_reply_to(struct gw_prepare_job *job)
{
    const struct gw_draft_addresses *list = &job->draft->reply_to;
    if (list->n > GW_MAX_REPLY_TO) {
        gw_problems_add(job->problems, list->pointer, GW_PROBLEM_TOO_MANY,
                        "At most %d addresses may stand here.", GW_MAX_REPLY_TO);
        return;
    }
    job->mime.reply_to = gw_prepare_header_form(job, list);
    job->mime.n_reply_to = list->n;
}

const char *gw_prepare_name_of(const struct gw_prepare_job *job, const char *address)
{
    const struct {
        const struct gw_mime_address *items;
        size_t n;
    } lists[] = {{job->mime.to, job->mime.n_to}, {job->mime.cc, job->mime.n_cc}};
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        for (size_t j = 0; j < lists[i].n; j++)
            if (lists[i].items[j].address != NULL &&
                strcmp(lists[i].items[j].address, address) == 0)
                return lists[i].items[j].name;
    return NULL;
}

/* @want_domain  "example.com" or "*.example.com" */
static bool matches_domain(struct gw_slice want_domain, struct gw_slice domain)
{
    if (want_domain.len < 2 || memcmp(want_domain.data, "*.", 2) != 0)
        return gw_slice_eq_nocase(want_domain, domain);
    struct gw_slice suffix = gw_slice_of(want_domain.data + 1, want_domain.len - 1);
    if (domain.len <= suffix.len)
        return false;
    return gw_slice_eq_nocase(gw_slice_of(domain.data + domain.len - suffix.len, suffix.len),
                              suffix);
}

static bool matches(const char *pattern, struct gw_slice local, struct gw_slice domain)
{
    const char *at = strrchr(pattern, '@');
    if (at == NULL)
        return false;
    struct gw_slice want_local = gw_slice_of(pattern, (size_t)(at - pattern));
    if (!gw_slice_is(want_local, "*") && !gw_slice_eq_nocase(want_local, local))
        return false;
    return matches_domain(gw_slice_str(at + 1), domain);
}

bool gw_prepare_domain_allowed(const struct cfg_api_key *key, const char *domain)
{
    if (key == NULL || key->n_senders == 0)
        return true;
    for (size_t i = 0; i < key->n_senders; i++) {
        const char *at = strrchr(key->senders[i], '@');
        if (at != NULL && matches_domain(gw_slice_str(at + 1), gw_slice_str(domain)))
            return true;
    }
    return false;
}

bool gw_prepare_sender_allowed(const struct cfg_api_key *key, const char *address)
{
    if (key == NULL || key->n_senders == 0)
        return true;
    const char *at = strrchr(address, '@');
    if (at == NULL)
        return false;
    for (size_t i = 0; i < key->n_senders; i++) {
        if (matches(key->senders[i], gw_slice_of(address, (size_t)(at - address)),
                    gw_slice_str(at + 1)))
            return true;
    }
    return false;
}

void gw_prepare_addresses(struct gw_prepare_job *job)
{
    parse_from(job);
    parse_envelope_from(job);
    parse_all_recipients(job);
    parse_reply_to(job);
    for (size_t i = 0; i < job->m->n_rcpts && job->utf8_header; i++)
        job->m->rcpts[i].needs_smtputf8 = true;
}
