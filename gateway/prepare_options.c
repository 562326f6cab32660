/* SPDX-License-Identifier: MIT */
/* Tags, metadata, times and relay of a draft. */
#include <string.h>

#include "config/cfg_text.h"
#include "gateway/prepare_internal.h"

enum {
    MAX_DURATION_TEXT = 20,
    MIN_EXPIRES_MS = 1000
};

static const int64_t day_ms = INT64_C(86400) * 1000;

static void parse_tags(struct gw_prepare_job *job)
{
    const struct gw_draft *d = job->draft;
    if (d->n_tags > GW_MAX_TAGS) {
        gw_problems_add(job->problems, "/tags", GW_PROBLEM_TOO_MANY,
                        "At most %d tags may stand here.", GW_MAX_TAGS);
        return;
    }
    job->m->tags = GW_ARENA_ARRAY(job->arena, struct gw_slice, d->n_tags);
    for (size_t i = 0; i < d->n_tags; i++) {
        const struct gw_field *f = &d->tags[i];
        if (!gw_prepare_line(job, f, GW_MAX_TAG, 0))
            continue;
        if (f->value.len == 0)
            gw_problems_add(job->problems, f->pointer, GW_PROBLEM_VALUE, "A tag is not empty.");
        job->m->tags[job->m->n_tags++] = gw_arena_slice(job->arena, f->value);
    }
}

static bool check_metadata_value(struct gw_prepare_job *job, const struct gw_field *f)
{
    if (f->value.len > GW_MAX_METADATA_VALUE) {
        gw_problems_add(job->problems, f->pointer, GW_PROBLEM_TOO_LONG,
                        "Must be at most %d octets of UTF-8.", GW_MAX_METADATA_VALUE);
        return false;
    }
    if (f->value.len != 0 && memchr(f->value.data, '\0', f->value.len) != NULL) {
        gw_problems_add(job->problems, f->pointer, GW_PROBLEM_VALUE, "NUL must not stand here.");
        return false;
    }
    return true;
}

static void parse_metadata(struct gw_prepare_job *job)
{
    const struct gw_draft *d = job->draft;
    if (d->n_metadata > GW_MAX_METADATA) {
        gw_problems_add(job->problems, "/metadata", GW_PROBLEM_TOO_MANY,
                        "At most %d entries may stand here.", GW_MAX_METADATA);
        return;
    }
    job->m->metadata = GW_ARENA_ARRAY(job->arena, struct gw_draft_pair, d->n_metadata);
    for (size_t i = 0; i < d->n_metadata; i++) {
        const struct gw_draft_pair *p = &d->metadata[i];
        if (p->name.value.len == 0)
            gw_problems_add(job->problems, p->name.pointer, GW_PROBLEM_VALUE,
                            "A name is not empty.");
        if (!gw_prepare_line(job, &p->name, GW_MAX_METADATA_NAME, 0) ||
            !check_metadata_value(job, &p->value))
            continue;
        struct gw_draft_pair *to = &job->m->metadata[job->m->n_metadata++];
        to->name.value = gw_arena_slice(job->arena, p->name.value);
        to->value.value = gw_arena_slice(job->arena, p->value.value);
    }
}

/* A time that has passed means now: clocks differ. */
static void parse_scheduled_at(struct gw_prepare_job *job)
{
    const struct gw_field *f = &job->draft->scheduled_at;
    int64_t at = 0;
    if (!gw_is_given(f))
        return;
    if (!gw_prepare_parse_time(f->value, &at))
        gw_problems_add(job->problems, f->pointer, GW_PROBLEM_DATE,
                        "Must be a time such as 2026-12-01T09:00:00Z (RFC 3339).");
    else if (at > job->ctx->now_ms + GW_MAX_SCHEDULE_DAYS * day_ms)
        gw_problems_add(job->problems, f->pointer, GW_PROBLEM_DATE,
                        "Must be within the next %d days.", GW_MAX_SCHEDULE_DAYS);
    else if (at > job->ctx->now_ms)
        job->m->scheduled_at_ms = at;
}

static void parse_expires_in(struct gw_prepare_job *job)
{
    const struct gw_field *f = &job->draft->expires_in;
    int64_t start = job->m->scheduled_at_ms != 0 ? job->m->scheduled_at_ms : job->ctx->now_ms;
    int64_t after = job->ctx->cfg->retry.max_age_ms;
    if (gw_is_given(f)) {
        bool good = f->value.len < MAX_DURATION_TEXT &&
                    cfg_parse_duration(gw_arena_cstr(job->arena, f->value), &after);
        if (!good || after < MIN_EXPIRES_MS || after > GW_MAX_EXPIRES_DAYS * day_ms)
            gw_problems_add(job->problems, f->pointer, GW_PROBLEM_VALUE,
                            "Must be a duration such as 30m, 4h or 2d, from 1s to %dd.",
                            GW_MAX_EXPIRES_DAYS);
    }
    job->m->expires_at_ms = start + after;
}

static bool may_use_relay(const struct cfg_api_key *key, size_t relay)
{
    if (key == NULL || key->n_relays == 0)
        return true;
    for (size_t i = 0; i < key->n_relays; i++) {
        if (key->relays[i] == relay)
            return true;
    }
    return false;
}

static void parse_relay(struct gw_prepare_job *job)
{
    const struct gw_field *f = &job->draft->relay;
    const struct cfg *cfg = job->ctx->cfg;
    size_t i = 0;
    if (!gw_is_given(f))
        return;
    while (i < cfg->n_relays && !gw_slice_is(f->value, cfg->relays[i].name))
        i++;
    if (i == cfg->n_relays)
        gw_problems_add(job->problems, f->pointer, GW_PROBLEM_RELAY,
                        "There is no relay of this name.");
    else if (!may_use_relay(job->ctx->api_key, i))
        gw_problems_add(job->problems, f->pointer, GW_PROBLEM_RELAY,
                        "This API key may not use this relay.");
    else
        job->m->relay = gw_arena_strdup(job->arena, cfg->relays[i].name);
}

/* Octets of @text as xtext (RFC 3461 sec. 4), where some take three. */
static size_t xtext_len(struct gw_slice text)
{
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++)
        n += text.data[i] > ' ' && text.data[i] != '+' && text.data[i] != '=' ? 1 : 3;
    return n;
}

static bool is_printable(struct gw_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < ' ' || text.data[i] > '~')
            return false;
    }
    return true;
}

static void parse_dsn(struct gw_prepare_job *job)
{
    const struct gw_draft *d = job->draft;
    const struct gw_field *envid = &d->dsn.envid;
    job->m->dsn = (struct gw_dsn){.ret = d->dsn.ret, .notify = d->dsn.notify};
    if ((d->dsn.notify & GW_DSN_NEVER) != 0 && d->dsn.notify != GW_DSN_NEVER)
        gw_problems_add(job->problems, d->dsn.notify_pointer, GW_PROBLEM_VALUE,
                        "\"never\" stands alone.");
    if (!gw_is_given(envid))
        return;
    if (envid->value.len == 0 || !is_printable(envid->value))
        gw_problems_add(job->problems, envid->pointer, GW_PROBLEM_VALUE,
                        "Must be printable ASCII, at least one character.");
    else if (xtext_len(envid->value) > GW_MAX_ENVID)
        gw_problems_add(job->problems, envid->pointer, GW_PROBLEM_TOO_LONG,
                        "Must be at most %d octets, where space, \"+\" and \"=\" count three.",
                        GW_MAX_ENVID);
    else
        job->m->dsn.envid = gw_arena_slice(job->arena, envid->value).data;
}

void gw_prepare_options(struct gw_prepare_job *job)
{
    parse_dsn(job);
    parse_tags(job);
    parse_metadata(job);
    parse_scheduled_at(job);
    parse_expires_in(job);
    parse_relay(job);
}
