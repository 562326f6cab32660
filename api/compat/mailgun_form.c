/* SPDX-License-Identifier: MIT */
/* From Mailgun's send request to a draft: the table of its parameters. */
#include <stddef.h>

#include "api/address_list.h"
#include "api/compat/mailgun.h"
#include "api/json_guard.h"
#include "api/urlencoded.h"
#include "gateway/base/gw_utf8.h"

#define N_OF(array)   (sizeof(array) / sizeof((array)[0]))
#define FIELD(member) offsetof(struct gw_draft, member)

struct form {
    bool is_mime;
    struct gw_arena *arena;
    struct gw_problems *problems;
    struct gw_draft *draft;
    struct gw_field template_values;
    struct api_multipart body;
};

/* One parameter as it came. */
struct given {
    const struct api_multipart_part *part;
    const char *pointer;
    struct gw_slice value; /* UTF-8, NUL behind; of files: nothing */
};

struct parameter {
    const char *name; /* one that ends in a colon begins the names it is for */
    void (*read)(struct form *f, const struct given *g, size_t offset);
    size_t offset;  /* in struct gw_draft */
    unsigned flags; /* IS_FILE, FOR_MIME */
};

enum {
    IS_FILE = 1,  /* its content need not be text */
    FOR_MIME = 2, /* goes with a message that is MIME already, too */
    ONLY_MIME = 4 /* goes with nothing else */
};

static void *at(struct form *f, size_t offset)
{
    return (char *)f->draft + offset;
}

static struct gw_field field_of(const struct given *g)
{
    return (struct gw_field){.value = g->value, .pointer = g->pointer};
}

/* ---- texts and addresses ---- */

static void read_text(struct form *f, const struct given *g, size_t offset)
{
    struct gw_field *field = at(f, offset);
    if (field->value.data != NULL)
        gw_problems_add(f->problems, g->pointer, GW_PROBLEM_DUPLICATE, "Give it once.");
    else
        *field = field_of(g);
}

static void read_from(struct form *f, const struct given *g, size_t offset)
{
    read_text(f, g, offset);
    f->draft->has_from = true;
}

static void read_addresses(struct form *f, const struct given *g, size_t offset)
{
    api_address_list_add(f->problems, g->value, g->pointer, at(f, offset));
}

static void read_time(struct form *f, const struct given *g, size_t offset)
{
    struct gw_field *field = at(f, offset);
    const char *time = api_mailgun_time(f->arena, g->value);
    if (time == NULL) {
        gw_problems_add(f->problems, g->pointer, GW_PROBLEM_DATE,
                        "Must be a time such as Fri, 25 Oct 2030 23:10:10 +0000 (RFC 2822).");
        return;
    }
    read_text(f, g, offset);
    field->value = gw_slice_str(time);
}

static void read_tag(struct form *f, const struct given *g, size_t offset)
{
    (void)offset;
    f->draft->tags[f->draft->n_tags++] = field_of(g);
}

/* ---- h: and v: ---- */

/* Of a name that starts with its letter and a colon. */
static struct gw_slice behind_colon(const struct given *g)
{
    return gw_slice_of(g->part->name.data + 2, g->part->name.len - 2);
}

static void read_header(struct form *f, const struct given *g, size_t offset)
{
    static const struct parameter fields[] = {
        {"Reply-To", read_addresses, FIELD(reply_to), 0},
        {"Message-Id", read_text, FIELD(message_id), 0},
    };
    struct gw_slice name = behind_colon(g);
    (void)offset;
    for (size_t i = 0; i < N_OF(fields); i++) {
        if (gw_slice_eq_nocase(name, gw_slice_str(fields[i].name))) {
            fields[i].read(f, g, fields[i].offset);
            return;
        }
    }
    f->draft->headers[f->draft->n_headers++] = (struct gw_draft_header){
        .name = {.value = name, .pointer = g->pointer}, .value = field_of(g)};
}

static void read_variable(struct form *f, const struct given *g, size_t offset)
{
    (void)offset;
    f->draft->metadata[f->draft->n_metadata++] = (struct gw_draft_pair){
        .name = {.value = behind_colon(g), .pointer = g->pointer}, .value = field_of(g)};
}

/* ---- files ---- */

static void attach(struct form *f, const struct given *g, bool is_inline)
{
    const struct api_multipart_part *part = g->part;
    struct gw_slice type = part->content_type;
    bool unknown = gw_slice_eq_nocase(type, GW_SLICE_LIT("application/octet-stream"));
    if (part->filename.data == NULL) {
        gw_problems_add(f->problems, g->pointer, GW_PROBLEM_VALUE,
                        "Must be a file: a part of multipart/form-data with a filename.");
        return;
    }
    if (!gw_utf8_valid(part->filename) || !gw_utf8_valid(type)) {
        gw_problems_add(f->problems, g->pointer, GW_PROBLEM_ENCODING, "This is not valid UTF-8.");
        return;
    }
    struct gw_draft_attachment *a = &f->draft->attachments[f->draft->n_attachments++];
    *a = (struct gw_draft_attachment){.pointer = g->pointer,
                                      .filename = {.value = part->filename, .pointer = g->pointer},
                                      .content = part->content};
    if (type.data != NULL && !unknown) /* the file's name tells more than that */
        a->content_type = (struct gw_field){.value = type, .pointer = g->pointer};
    if (is_inline)
        a->content_id = a->filename;
}

static void read_attachment(struct form *f, const struct given *g, size_t offset)
{
    (void)offset;
    attach(f, g, false);
}

/* Its name is what the HTML calls it: cid:logo.png. */
static void read_inline(struct form *f, const struct given *g, size_t offset)
{
    (void)offset;
    attach(f, g, true);
}

/* A whole message; a file or not. */
static void read_mime(struct form *f, const struct given *g, size_t offset)
{
    struct gw_field *raw = &f->draft->raw;
    (void)offset;
    if (raw->value.data != NULL)
        gw_problems_add(f->problems, g->pointer, GW_PROBLEM_DUPLICATE, "Give it once.");
    else
        *raw = (struct gw_field){.value = g->part->content, .pointer = g->pointer};
}

/* ---- switches ---- */

/* yes, no and what else Mailgun takes for them; false with a problem. */
static bool read_switch(struct form *f, const struct given *g, bool *out)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {
        {"yes", true}, {"true", true}, {"htmlonly", true}, {"no", false}, {"false", false}};
    for (size_t i = 0; i < N_OF(words); i++) {
        if (gw_slice_eq_nocase(g->value, gw_slice_str(words[i].word))) {
            *out = words[i].value;
            return true;
        }
    }
    gw_problems_add(f->problems, g->pointer, GW_PROBLEM_VALUE, "Must be yes or no.");
    return false;
}

static void read_require_tls(struct form *f, const struct given *g, size_t offset)
{
    (void)offset;
    (void)read_switch(f, g, &f->draft->require_tls);
}

static void read_testmode(struct form *f, const struct given *g, size_t offset)
{
    (void)offset;
    (void)read_switch(f, g, &f->draft->rehearse);
}

static void only(struct form *f, const struct given *g, bool wanted)
{
    bool value = wanted;
    if (read_switch(f, g, &value) && value != wanted)
        gw_problems_add(f->problems, g->pointer, GW_PROBLEM_UNSUPPORTED,
                        "Mailhatch does not do this: leave it out, or say %s.",
                        wanted ? "yes" : "no");
}

static void read_only_no(struct form *f, const struct given *g, size_t offset)
{
    (void)offset;
    only(f, g, false);
}

static void read_only_yes(struct form *f, const struct given *g, size_t offset)
{
    (void)offset;
    only(f, g, true);
}

static void read_recipient_variables(struct form *f, const struct given *g, size_t offset)
{
    (void)offset;
    if (f->draft->personal_given)
        gw_problems_add(f->problems, g->pointer, GW_PROBLEM_DUPLICATE, "Give it once.");
    else
        api_mailgun_read_variables(f->problems, field_of(g), f->draft);
}

static void read_template_values(struct form *f, const struct given *g, size_t offset)
{
    (void)offset;
    if (f->template_values.value.data != NULL)
        gw_problems_add(f->problems, g->pointer, GW_PROBLEM_DUPLICATE, "Give it once.");
    else
        f->template_values = field_of(g);
}

static void read_unsupported(struct form *f, const struct given *g, size_t offset)
{
    (void)offset;
    gw_problems_add(f->problems, g->pointer, GW_PROBLEM_UNSUPPORTED,
                    "Mailhatch does not do this; leave it out.");
}

/* ---- the form ---- */

static const struct parameter parameters[] = {
    {"from", read_from, FIELD(from.text), 0},
    {"to", read_addresses, FIELD(to), FOR_MIME},
    {"cc", read_addresses, FIELD(cc), 0},
    {"bcc", read_addresses, FIELD(bcc), 0},
    {"subject", read_text, FIELD(subject), 0},
    {"text", read_text, FIELD(text), 0},
    {"html", read_text, FIELD(html), 0},
    {"message", read_mime, 0, IS_FILE | ONLY_MIME},
    {"attachment", read_attachment, 0, IS_FILE},
    {"inline", read_inline, 0, IS_FILE},
    {"h:", read_header, 0, 0},
    {"v:", read_variable, 0, FOR_MIME},
    {"o:tag", read_tag, 0, FOR_MIME},
    {"o:deliverytime", read_time, FIELD(scheduled_at), FOR_MIME},
    {"o:deliver-within", read_text, FIELD(expires_in), FOR_MIME},
    {"o:require-tls", read_require_tls, 0, FOR_MIME},
    {"o:dkim", read_only_yes, 0, FOR_MIME},
    {"o:testmode", read_testmode, 0, FOR_MIME},
    {"o:skip-verification", read_only_no, 0, FOR_MIME},
    {"o:tracking", read_only_no, 0, FOR_MIME},
    {"o:tracking-clicks", read_only_no, 0, FOR_MIME},
    {"o:tracking-opens", read_only_no, 0, FOR_MIME},
    {"o:tracking-pixel-location-top", read_only_no, 0, FOR_MIME},
    {"o:secondary-dkim", read_unsupported, 0, FOR_MIME},
    {"o:secondary-dkim-public", read_unsupported, 0, FOR_MIME},
    {"o:deliverytime-optimize-period", read_unsupported, 0, FOR_MIME},
    {"o:time-zone-localize", read_unsupported, 0, FOR_MIME},
    {"o:sending-ip", read_unsupported, 0, FOR_MIME},
    {"o:sending-ip-pool", read_unsupported, 0, FOR_MIME},
    {"o:archive-to", read_unsupported, 0, FOR_MIME},
    {"o:suppress-headers", read_unsupported, 0, FOR_MIME},
    {"recipient-variables", read_recipient_variables, 0, 0},
    {"template", read_text, FIELD(template.name), 0},
    {"t:variables", read_template_values, 0, 0},
    {"t:text", read_only_yes, 0, 0},
    {"template", read_unsupported, 0, FOR_MIME},
    {"t:", read_unsupported, 0, FOR_MIME},
    {"amp-html", read_unsupported, 0, 0},
};

static bool is_for(const struct form *f, const struct parameter *p, struct gw_slice name)
{
    if (f->is_mime ? (p->flags & (FOR_MIME | ONLY_MIME)) == 0 : (p->flags & ONLY_MIME) != 0)
        return false;
    size_t len = strlen(p->name);
    if (p->name[len - 1] == ':')
        return name.len > len && strncasecmp(name.data, p->name, len) == 0;
    return gw_slice_is(name, p->name);
}

static void read_part(struct form *f, const struct api_multipart_part *part)
{
    struct given g = {.part = part, .pointer = api_json_pointer_key(f->arena, "", part->name)};
    const struct parameter *p = parameters;
    while (p < parameters + N_OF(parameters) && !is_for(f, p, part->name))
        p++;
    if (p == parameters + N_OF(parameters)) {
        gw_problems_add(f->problems, g.pointer, GW_PROBLEM_UNKNOWN_FIELD,
                        "There is no such parameter.");
        return;
    }
    if ((p->flags & IS_FILE) == 0) {
        if (!gw_utf8_valid(part->content)) {
            gw_problems_add(f->problems, g.pointer, GW_PROBLEM_ENCODING,
                            "This is not valid UTF-8.");
            return;
        }
        g.value = gw_arena_slice(f->arena, part->content);
    }
    p->read(f, &g, p->offset);
}

static void check_mime(struct form *f)
{
    if (f->draft->raw.value.data == NULL)
        gw_problems_add(f->problems, "/message", GW_PROBLEM_REQUIRED, "The message is missing.");
    if (f->draft->to.n == 0)
        gw_problems_add(f->problems, "/to", GW_PROBLEM_REQUIRED, "A recipient is required.");
}

/* With a stored template each recipient's own values would be for texts that are not here. */
static void fill_template(struct form *f)
{
    if (f->draft->template.name.value.data != NULL) {
        api_mailgun_fill_template(f->problems, f->template_values, f->draft);
        if (f->draft->personal_given)
            gw_problems_add(f->problems, "/recipient-variables", GW_PROBLEM_UNSUPPORTED,
                            "They do not go with a template; send each its own message.");
    } else if (f->template_values.value.data != NULL) {
        gw_problems_add(f->problems, f->template_values.pointer, GW_PROBLEM_UNSUPPORTED,
                        "Only a template takes these: name one.");
    }
}

static enum gw_status read_form(struct form *f)
{
    size_t n = f->body.n;
    f->draft->tags = GW_ARENA_ARRAY(f->arena, struct gw_field, n);
    f->draft->headers = GW_ARENA_ARRAY(f->arena, struct gw_draft_header, n);
    f->draft->metadata = GW_ARENA_ARRAY(f->arena, struct gw_draft_pair, n);
    f->draft->attachments = GW_ARENA_ARRAY(f->arena, struct gw_draft_attachment, n);
    for (size_t i = 0; i < n; i++) {
        if (gw_utf8_valid(f->body.parts[i].name))
            read_part(f, &f->body.parts[i]);
        else
            gw_problems_add(f->problems, "", GW_PROBLEM_ENCODING,
                            "The name of a part is not valid UTF-8.");
    }
    if (f->is_mime)
        check_mime(f);
    fill_template(f);
    if (f->draft->personal_given)
        api_mailgun_make_templates(f->problems, f->draft);
    return f->problems->n == 0 ? GW_OK : GW_INVALID;
}

typedef enum gw_status (*split_fn)(struct gw_arena *arena, struct gw_slice body,
                                   struct api_multipart *out, struct gw_err *err);

static enum gw_status decode(struct gw_arena *arena, struct gw_slice body, struct gw_draft *out,
                             struct gw_problems *problems, split_fn split, bool is_mime)
{
    struct gw_err err;
    struct form *f = GW_ARENA_NEW(arena, struct form);
    *out = (struct gw_draft){.borrows_body = true};
    f->arena = arena;
    f->problems = problems;
    f->draft = out;
    f->is_mime = is_mime;
    if (split(arena, body, &f->body, &err) == GW_OK)
        return read_form(f);
    gw_problems_add(problems, "", GW_PROBLEM_VALUE, "%s", err.text);
    return GW_PROTO;
}

enum gw_status api_mailgun_decode_multipart(struct gw_arena *arena, struct gw_slice body,
                                            const struct cfg *cfg, struct gw_draft *out,
                                            struct gw_problems *problems)
{
    (void)cfg;
    return decode(arena, body, out, problems, api_multipart_split, false);
}

enum gw_status api_mailgun_decode_mime(struct gw_arena *arena, struct gw_slice body,
                                       const struct cfg *cfg, struct gw_draft *out,
                                       struct gw_problems *problems)
{
    (void)cfg;
    return decode(arena, body, out, problems, api_multipart_split, true);
}

enum gw_status api_mailgun_decode_urlencoded(struct gw_arena *arena, struct gw_slice body,
                                             const struct cfg *cfg, struct gw_draft *out,
                                             struct gw_problems *problems)
{
    (void)cfg;
    return decode(arena, body, out, problems, api_urlencoded_split, false);
}
