/* SPDX-License-Identifier: MIT */
/* A draft that is a whole MIME message. Its addresses and ids take the way of any draft's; the
 * message is its own header, with the fields that decide who gets it written anew, and its own
 * content, made fit for any relay. */
#include <string.h>

#include "gateway/base/gw_clock.h"
#include "gateway/mime_internal.h"
#include "gateway/mime_read_internal.h"
#include "gateway/raw_internal.h"

struct gw_prepare_raw {
    struct gw_raw_message message;
    struct gw_draft draft; /* made of it */
    bool envelope_given;   /* the header's recipients are only shown: */
    struct gw_draft_addresses to, cc;
    struct gw_mime_address *to_form, *cc_form;
    struct gw_mime_address *sender; /* NULL: none */
};

static bool is_named(const struct gw_raw_field *f, const char *name)
{
    return gw_slice_eq_nocase(f->name, gw_slice_str(name));
}

/* One mailbox. False: there is none, or a problem was added. */
static bool read_one(struct gw_prepare_job *job, const struct gw_raw_field *f,
                     struct gw_draft_address *out)
{
    struct gw_draft_addresses list;
    if (gw_prepare_has_problem(job, f->pointer))
        return false;
    gw_raw_addresses(job, f, &list);
    if (gw_prepare_has_problem(job, f->pointer))
        return false;
    if (list.n != 1) {
        gw_problems_add(job->problems, f->pointer, GW_PROBLEM_ADDRESS,
                        "One address must stand here, not %zu.", list.n);
        return false;
    }
    *out = list.items[0];
    return true;
}

/* The envelope is given, or it is that of the header. */
static void choose_recipients(struct gw_prepare_job *job, struct gw_prepare_raw *raw,
                              struct gw_draft *draft)
{
    raw->envelope_given = draft->to.n + draft->cc.n + draft->bcc.n > 0;
    gw_raw_addresses(job, gw_raw_find(&raw->message, "To"), &raw->to);
    gw_raw_addresses(job, gw_raw_find(&raw->message, "Cc"), &raw->cc);
    if (raw->envelope_given) {
        raw->to_form = gw_prepare_header_form(job, &raw->to);
        raw->cc_form = gw_prepare_header_form(job, &raw->cc);
        return;
    }
    draft->to = raw->to;
    draft->cc = raw->cc;
    gw_raw_addresses(job, gw_raw_find(&raw->message, "Bcc"), &draft->bcc);
}

static void read_sender(struct gw_prepare_job *job, struct gw_prepare_raw *raw)
{
    struct gw_draft_address sender;
    const struct gw_raw_field *f = gw_raw_find(&raw->message, "Sender");
    if (f == NULL || !read_one(job, f, &sender))
        return;
    const struct gw_draft_addresses list = {.items = &sender, .n = 1, .pointer = f->pointer};
    raw->sender = gw_prepare_header_form(job, &list);
    const char *address = raw->sender->address;
    if (address != NULL && !gw_prepare_sender_allowed(job->ctx->api_key, address))
        gw_problems_add(job->problems, f->pointer, GW_PROBLEM_SENDER,
                        "This API key may not send as %s.", address);
}

struct gw_prepare_raw *gw_prepare_raw_read(struct gw_prepare_job *job)
{
    struct gw_prepare_raw *raw = GW_ARENA_NEW(job->arena, struct gw_prepare_raw);
    struct gw_draft *draft = &raw->draft;
    *draft = *job->draft;
    gw_raw_read(job, draft->raw.value, draft->raw.pointer, &raw->message);
    const struct gw_raw_field *from = gw_raw_find(&raw->message, "From");
    const struct gw_raw_field *id = gw_raw_find(&raw->message, "Message-ID");
    job->from_pointer = gw_arena_printf(job->arena, "%s/headers/From", draft->raw.pointer);
    job->to_pointer = gw_arena_printf(job->arena, "%s/headers/To", draft->raw.pointer);
    draft->has_from = from != NULL && read_one(job, from, &draft->from);
    choose_recipients(job, raw, draft);
    gw_raw_addresses(job, gw_raw_find(&raw->message, "Reply-To"), &draft->reply_to);
    read_sender(job, raw);
    if (id != NULL)
        draft->message_id =
            (struct gw_field){.value = gw_raw_value(job->arena, id), .pointer = id->pointer};
    job->draft = draft;
    return raw;
}

void gw_prepare_raw_finish(struct gw_prepare_job *job, const struct gw_prepare_raw *raw)
{
    struct gw_slice subject = gw_raw_value(job->arena, gw_raw_find(&raw->message, "Subject"));
    job->m->subject = subject.data != NULL ? gw_read_words(job->arena, subject) : "";
    if (!raw->envelope_given)
        return;
    job->mime.to = raw->to_form;
    job->mime.n_to = raw->to.n;
    job->mime.cc = raw->cc_form;
    job->mime.n_cc = raw->cc.n;
}

/* ---- building ---- */

/* Fields that are not taken over: who gets the message must not show, and this is how relays note
 * who sent it. */
static bool is_dropped(const struct gw_raw_field *f)
{
    static const char *const names[] = {"Bcc", "Resent-Bcc", "Return-Path"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (is_named(f, names[i]))
            return true;
    return f->name.len > 8 &&
           gw_slice_eq_nocase(gw_slice_of(f->name.data, 8), GW_SLICE_LIT("Content-"));
}

static void write_field(const struct gw_prepare_job *job, const struct gw_prepare_raw *raw,
                        const struct gw_raw_field *f, struct gw_arena *scratch, struct gw_buf *out)
{
    const struct gw_mime_input *m = &job->mime;
    if (is_dropped(f) || is_named(f, "MIME-Version"))
        return;
    if (is_named(f, "From"))
        gw_mime_write_addresses(out, "From", &m->from, 1);
    else if (is_named(f, "Sender"))
        gw_mime_write_addresses(out, "Sender", raw->sender, 1);
    else if (is_named(f, "To") && m->n_to > 0)
        gw_mime_write_addresses(out, "To", m->to, m->n_to);
    else if (is_named(f, "Cc"))
        gw_mime_write_addresses(out, "Cc", m->cc, m->n_cc);
    else if (is_named(f, "Reply-To"))
        gw_mime_write_addresses(out, "Reply-To", m->reply_to, m->n_reply_to);
    else if (!is_named(f, "To"))
        gw_raw_write_field(scratch, out, f->name, f->value);
}

const char *gw_prepare_raw_build(const struct gw_prepare_job *job, const struct gw_prepare_raw *raw,
                                 struct gw_arena *scratch, struct gw_buf *out)
{
    char date[GW_TIME_RFC5322_SIZE];
    for (size_t i = 0; i < raw->message.n_fields; i++)
        write_field(job, raw, &raw->message.fields[i], scratch, out);
    if (job->mime.n_to + job->mime.n_cc == 0)
        (void)gw_buf_add_str(out, "To: undisclosed-recipients:;\r\n");
    if (gw_raw_find(&raw->message, "Date") == NULL) {
        gw_time_rfc5322(job->mime.date_ms, date);
        (void)gw_buf_printf(out, "Date: %s\r\n", date);
    }
    if (gw_raw_find(&raw->message, "Message-ID") == NULL)
        (void)gw_buf_printf(out, "Message-ID: %s\r\n", job->m->message_id);
    (void)gw_buf_add_str(out, "MIME-Version: 1.0\r\n");
    return gw_raw_write_content(scratch, &raw->message, out);
}

/* Line ends may double, octets become three, and addresses are written anew. */
size_t gw_prepare_raw_max_size(const struct gw_prepare_raw *raw)
{
    return 4 * raw->draft.raw.value.len + ((size_t)1 << 20);
}

/* What most messages take: room for line ends that grow, or for base64. */
size_t gw_prepare_raw_size(const struct gw_prepare_raw *raw)
{
    struct gw_slice s = raw->draft.raw.value;
    size_t lines = 0;
    for (size_t i = 0; i < s.len; i++)
        lines += s.data[i] == '\n' && (i == 0 || s.data[i - 1] != '\r') ? 1 : 0;
    return s.len + lines + (gw_raw_is_clean(raw->message.body) ? 0 : s.len / 2) + 8192;
}
