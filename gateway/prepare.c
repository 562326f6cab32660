/* SPDX-License-Identifier: MIT */
/* From draft to message: the order of the steps, building, signing, the last check. */
#include "gateway/prepare.h"

#include <stdio.h>
#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_log.h"
#include "gateway/base/gw_mem.h"
#include "gateway/base/gw_utf8.h"
#include "gateway/prepare_internal.h"

enum {
    MAX_SIGNATURES = 64 * 1024 /* bytes of DKIM-Signature fields */
};

bool gw_prepare_has_problem(const struct gw_prepare_job *job, const char *pointer)
{
    return gw_problems_has(job->problems, pointer);
}

void gw_prepare_required(struct gw_prepare_job *job, const char *pointer, const char *detail)
{
    if (!gw_prepare_has_problem(job, pointer))
        gw_problems_add(job->problems, pointer, GW_PROBLEM_REQUIRED, "%s", detail);
}

bool gw_prepare_line(struct gw_prepare_job *job, const struct gw_field *f, size_t max,
                     unsigned allowed)
{
    struct gw_slice s = f->value;
    const char *code = NULL;
    const char *detail = NULL;
    if (s.len > max) {
        gw_problems_add(job->problems, f->pointer, GW_PROBLEM_TOO_LONG,
                        "Must be at most %zu octets of UTF-8.", max);
        return false;
    }
    for (size_t i = 0; i < s.len && code == NULL;) {
        uint32_t cp = 0;
        size_t n = gw_utf8_decode(gw_slice_of(s.data + i, s.len - i), &cp);
        if (n == 0) {
            code = GW_PROBLEM_ENCODING;
            detail = "This is not valid UTF-8.";
        } else if (cp == 0 || gw_cp_is_line_break(cp)) {
            code = GW_PROBLEM_INJECTION;
            detail = "Line breaks and NUL must not stand here.";
        } else if (gw_cp_is_control(cp) && (cp != '\t' || (allowed & GW_LINE_TAB) == 0)) {
            code = GW_PROBLEM_VALUE;
            detail = "Control characters must not stand here.";
        } else if (gw_cp_is_bidi_override(cp) && (allowed & GW_LINE_BIDI) == 0) {
            code = GW_PROBLEM_VALUE;
            detail = "Directional overrides must not stand here.";
        }
        i += n;
    }
    if (code != NULL)
        gw_problems_add(job->problems, f->pointer, code, "%s", detail);
    return code == NULL;
}

static void check_dkim(struct gw_prepare_job *job)
{
    const struct gw_prepare_context *ctx = job->ctx;
    if (job->m->from == NULL || ctx->cfg->dkim.sign != CFG_DKIM_REQUIRED)
        return;
    if (ctx->dkim == NULL || !gw_dkim_has_key(ctx->dkim, job->m->from_domain))
        gw_problems_add(job->problems, job->from_pointer, GW_PROBLEM_DKIM,
                        "Messages must be signed, and there is no DKIM key for the domain %s.",
                        job->m->from_domain);
}

static enum gw_status failed(const struct gw_prepare_job *job, const char *event,
                             enum gw_status status, const char *reason)
{
    PRE(job->m != NULL);
    gw_log(GW_LOG_ERROR, event, GW_LOG_STR("id", job->m->id),
           GW_LOG_STR("from_domain", job->m->from_domain), GW_LOG_STR("reason", reason));
    return status;
}

/* Puts the signatures before the message in @out. Moving it costs no memory, and it may be most of
 * what a request holds. */
static enum gw_status sign(struct gw_prepare_job *job, struct gw_buf *out)
{
    struct gw_err err = {.status = GW_OK};
    struct gw_buf signatures;
    size_t len = out->len;
    if (job->ctx->dkim == NULL)
        return GW_OK;
    gw_buf_init(&signatures, MAX_SIGNATURES);
    enum gw_status status = gw_dkim_sign(job->ctx->dkim, job->m->from_domain, gw_buf_view(out),
                                         &signatures, NULL, &err);
    if (status == GW_OK && signatures.len != 0) {
        CHECK(gw_buf_add(out, signatures.data, signatures.len) == GW_OK);
        memmove(out->data + signatures.len, out->data, len);
        memcpy(out->data, signatures.data, signatures.len);
    }
    gw_buf_deinit(&signatures);
    return status == GW_OK ? GW_OK : failed(job, "dkim_sign_failed", GW_CRYPTO, err.text);
}

/* Moves the bytes of @out to the message. */
static void keep(struct gw_prepare_job *job, struct gw_buf *out)
{
    size_t len = 0;
    char *mime = gw_buf_take(out, &len);
    mime = gw_realloc(mime, len + 1); /* the room was for the worst case */
    gw_arena_adopt(job->arena, mime, len + 1);
    job->m->mime = gw_slice_of(mime, len);
}

/* Builds, signs and checks the message in @out, which is made here. */
static enum gw_status write_mime(struct gw_prepare_job *job, struct gw_buf *out)
{
    struct gw_err err = {.status = GW_OK};
    size_t max_size = gw_mime_max_size(&job->mime);
    gw_buf_init(out, max_size + MAX_SIGNATURES);
    (void)gw_buf_reserve(out, max_size);
    enum gw_status status = gw_mime_build(&job->mime, out, NULL);
    if (status != GW_OK || out->len > max_size)
        return failed(job, "mime_build_failed", GW_INTERNAL, "over the computed size");
    status = sign(job, out);
    if (status == GW_OK && gw_mime_check(gw_buf_view(out), job->utf8_header, &err) != GW_OK)
        status = failed(job, "wire_check_failed", GW_INTERNAL, err.text);
    return status;
}

static enum gw_status build(struct gw_prepare_job *job)
{
    struct gw_buf out;
    enum gw_status status = write_mime(job, &out);
    if (status == GW_OK)
        keep(job, &out);
    gw_buf_deinit(&out);
    return status;
}

/* Likewise of a draft that is a MIME message: what is wrong there is the caller's. */
static enum gw_status build_raw(struct gw_prepare_job *job, const struct gw_prepare_raw *raw)
{
    struct gw_err err = {.status = GW_OK};
    struct gw_buf out;
    struct gw_arena *scratch = gw_arena_new(0);
    gw_buf_init(&out, gw_prepare_raw_max_size(raw) + MAX_SIGNATURES);
    (void)gw_buf_reserve(&out, gw_prepare_raw_size(raw));
    const char *fault = gw_prepare_raw_build(job, raw, scratch, &out);
    gw_arena_free(&scratch);
    if (fault == NULL && out.overflowed)
        fault = "it grows too much when it is made fit for mail relays";
    if (fault == NULL && gw_mime_check(gw_buf_view(&out), job->utf8_header, &err) != GW_OK)
        fault = err.text;
    if (fault != NULL)
        gw_problems_add(job->problems, job->draft->raw.pointer, GW_PROBLEM_VALUE,
                        "The message cannot be sent: %s.", fault);
    enum gw_status status = fault == NULL ? sign(job, &out) : GW_INVALID;
    if (status == GW_OK)
        keep(job, &out);
    gw_buf_deinit(&out);
    return status;
}

/* One copy in @text: the templates rendered, and for @rcpt alone when it is personal. */
static enum gw_status build_copy(struct gw_prepare_job *job, struct gw_prepare_copies *copies,
                                 size_t rcpt, struct gw_arena *scratch, struct gw_buf *text)
{
    struct gw_draft draft;
    struct gw_prepare_job copy = *job;
    struct gw_message m = *job->m; /* what the steps set is the template's */
    const struct gw_mime_address to = {
        .address = m.rcpts[rcpt].email,
        .name = job->draft->personal_given ? gw_prepare_name_of(job, m.rcpts[rcpt].email) : NULL};
    if (!gw_prepare_copies_render(job, copies, rcpt, scratch, &draft))
        return GW_INVALID;
    copy.draft = &draft;
    copy.arena = scratch;
    copy.m = &m;
    gw_prepare_headers(&copy);
    gw_prepare_parts(&copy);
    if (job->problems->n > 0)
        return GW_INVALID;
    if (!job->draft->personal_given) /* else it is as the template has it, of all of them */
        job->m->subject = gw_arena_strdup(job->arena, m.subject);
    if (job->draft->personal_given) {
        copy.mime.to = &to;
        copy.mime.n_to = 1;
        copy.mime.n_cc = 0;
    }
    return write_mime(&copy, text);
}

/* All copies, one after the other. */
static enum gw_status build_copies(struct gw_prepare_job *job, struct gw_prepare_copies *copies)
{
    bool personal = job->draft->personal_given;
    enum gw_status status = GW_OK;
    struct gw_buf out;
    gw_buf_init(&out, GW_MAX_RENDERED);
    for (size_t i = 0; i < (personal ? job->m->n_rcpts : 1) && status != GW_CRYPTO &&
                       status != GW_INTERNAL && !out.overflowed;
         i++) {
        struct gw_arena *scratch = gw_arena_new(0);
        struct gw_buf text = {.data = NULL};
        enum gw_status made = build_copy(job, copies, i, scratch, &text);
        status = made != GW_OK ? made : status;
        if (status == GW_OK && personal) {
            job->m->rcpts[i].copy_at = out.len;
            job->m->rcpts[i].copy_len = text.len;
        }
        if (status == GW_OK)
            (void)gw_buf_add(&out, text.data, text.len);
        gw_buf_deinit(&text);
        gw_arena_free(&scratch);
    }
    if (out.overflowed) {
        const char *values = job->draft->variables_pointer;
        gw_problems_add(job->problems,
                        personal         ? "/recipients"
                        : values != NULL ? values
                                         : "/variables",
                        GW_PROBLEM_TOO_LARGE, "All copies together may have at most %d octets.",
                        GW_MAX_RENDERED);
        status = GW_INVALID;
    }
    if (status == GW_OK)
        keep(job, &out);
    gw_buf_deinit(&out);
    return status;
}

/* The steps for what a header says, content aside. */
static void prepare_fields(struct gw_prepare_job *job, struct gw_prepare_raw **raw_out)
{
    struct gw_prepare_raw *raw = NULL;
    if (job->draft->raw.value.data != NULL)
        raw = gw_prepare_raw_read(job);
    gw_prepare_options(job); /* the recipients' first state depends on the times */
    gw_prepare_addresses(job);
    if (raw != NULL) {
        gw_prepare_raw_finish(job, raw);
        gw_prepare_ids(job);
    } else {
        gw_prepare_headers(job);
        gw_prepare_ids(job);
        gw_prepare_unsubscribe(job);
        gw_prepare_parts(job);
    }
    check_dkim(job);
    *raw_out = raw;
}

enum gw_status gw_prepare(const struct gw_prepare_context *ctx, const struct gw_draft *draft,
                          struct gw_arena *arena, struct gw_message **out,
                          struct gw_problems *problems)
{
    struct gw_message *m = GW_ARENA_NEW(arena, struct gw_message);
    struct gw_prepare_job job = {.ctx = ctx,
                                 .draft = draft,
                                 .arena = arena,
                                 .problems = problems,
                                 .m = m,
                                 .from_pointer = "/from",
                                 .to_pointer = "/to"};
    *out = NULL;
    m->arena = arena;
    gw_uuid_v7(ctx->now_ms, m->id);
    m->tenant = ctx->api_key != NULL ? gw_arena_strdup(arena, ctx->api_key->id) : "";
    if (ctx->traceparent != NULL && ctx->traceparent[0] != '\0')
        m->traceparent = gw_arena_strdup(arena, ctx->traceparent);
    m->created_at_ms = ctx->now_ms;
    m->require_tls = draft->require_tls;
    m->priority = draft->priority;
    m->delivery_mode = draft->delivery_mode;
    m->on_uncertain = draft->on_uncertain;
    job.mime.date_ms = ctx->now_ms;

    struct gw_prepare_raw *raw;
    struct gw_prepare_copies *copies = NULL;
    prepare_fields(&job, &raw);
    if (raw == NULL && gw_prepare_is_rendered(draft))
        copies = gw_prepare_copies_read(&job);
    if (problems->n > 0)
        return GW_INVALID;
    enum gw_status status = raw != NULL      ? build_raw(&job, raw)
                            : copies != NULL ? build_copies(&job, copies)
                                             : build(&job);
    if (status == GW_OK)
        *out = m;
    return status;
}
