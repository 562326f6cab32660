/* SPDX-License-Identifier: MIT */
/* From the parameters of SES v1's SendEmail and SendRawEmail to a draft. Lists come as
 * `Destination.ToAddresses.member.1`, one parameter for each entry, in their order. */
#include <ctype.h>
#include <stddef.h>

#include "api/compat/ses.h"
#include "api/json_guard.h"
#include "api/urlencoded.h"
#include "gateway/base/gw_base64.h"

#define N_OF(array)   (sizeof(array) / sizeof((array)[0]))
#define FIELD(member) offsetof(struct gw_draft, member)
#define MEMBER        ".member."

/* One of Tags.member.N.Name and .Value, or both. */
struct tag {
    struct gw_slice number; /* N */
    struct gw_field name, value;
};

struct form {
    struct gw_arena *arena;
    struct gw_problems *problems;
    struct gw_draft *draft;
    unsigned action; /* EMAIL or RAW */
    struct tag *tags;
    size_t n_tags;
    struct api_multipart body;
};

/* One parameter as it came. */
struct given {
    struct gw_slice member; /* of a list: what is behind `.member.` */
    struct gw_field field;  /* UTF-8, NUL behind */
};

enum {
    EMAIL = 1,
    RAW = 2,
    BOTH = EMAIL | RAW,
    MAX_NUMBER = 4 /* digits of an entry's number */
};

struct parameter {
    const char *name;
    bool is_list;
    unsigned actions;
    void (*read)(struct form *f, const struct given *g, size_t offset);
    size_t offset; /* in struct gw_draft */
};

static void unknown(struct form *f, const struct given *g)
{
    gw_problems_add(f->problems, g->field.pointer, GW_PROBLEM_UNKNOWN_FIELD,
                    "There is no such parameter.");
}

static bool is_number(struct gw_slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!isdigit((unsigned char)s.data[i]))
            return false;
    return s.len > 0 && s.len <= MAX_NUMBER;
}

/* ---- parameters ---- */

static void read_nothing(struct form *f, const struct given *g, size_t offset)
{
    (void)f;
    (void)g;
    (void)offset;
}

static void read_unsupported(struct form *f, const struct given *g, size_t offset)
{
    (void)offset;
    gw_problems_add(f->problems, g->field.pointer, GW_PROBLEM_UNSUPPORTED,
                    "Mailhatch does not do this; leave it out.");
}

static void read_text(struct form *f, const struct given *g, size_t offset)
{
    struct gw_field *field = (struct gw_field *)(void *)((char *)f->draft + offset);
    if (field->value.data != NULL)
        gw_problems_add(f->problems, g->field.pointer, GW_PROBLEM_DUPLICATE, "Give it once.");
    else
        *field = g->field;
}

static void read_source(struct form *f, const struct given *g, size_t offset)
{
    read_text(f, g, offset);
    f->draft->has_from = true;
}

static void read_address(struct form *f, const struct given *g, size_t offset)
{
    struct gw_draft_addresses *list =
        (struct gw_draft_addresses *)(void *)((char *)f->draft + offset);
    if (!is_number(g->member)) {
        unknown(f, g);
        return;
    }
    if (list->items == NULL) {
        list->items = GW_ARENA_ARRAY(f->arena, struct gw_draft_address, f->body.n);
        list->pointer = g->field.pointer;
    }
    list->items[list->n++] = (struct gw_draft_address){.text = g->field};
}

static void read_raw(struct form *f, const struct given *g, size_t offset)
{
    struct gw_field *raw = &f->draft->raw;
    struct gw_slice text = g->field.value;
    char *bytes = gw_arena_bytes(f->arena, gw_base64_decoded_max(text.len) + 1);
    size_t len = 0;
    size_t bad_at = 0;
    (void)offset;
    if (raw->value.data != NULL)
        gw_problems_add(f->problems, g->field.pointer, GW_PROBLEM_DUPLICATE, "Give it once.");
    else if (gw_base64_decode(text, bytes, &len, &bad_at) != GW_OK)
        gw_problems_add(f->problems, g->field.pointer, GW_PROBLEM_BASE64,
                        "This is not base64: character %zu does not belong there.", bad_at + 1);
    else
        *raw = (struct gw_field){.value = gw_slice_of(bytes, len), .pointer = g->field.pointer};
}

static struct tag *tag_of(struct form *f, struct gw_slice number)
{
    for (size_t i = 0; i < f->n_tags; i++)
        if (gw_slice_eq(f->tags[i].number, number))
            return &f->tags[i];
    f->tags[f->n_tags].number = number;
    return &f->tags[f->n_tags++];
}

static void read_tag(struct form *f, const struct given *g, size_t offset)
{
    const char *dot = memchr(g->member.data, '.', g->member.len);
    size_t len = dot != NULL ? (size_t)(dot - g->member.data) : g->member.len;
    struct gw_slice number = gw_slice_of(g->member.data, len);
    bool is_name = dot != NULL && strcmp(dot, ".Name") == 0;
    (void)offset;
    if (!is_number(number) || (!is_name && (dot == NULL || strcmp(dot, ".Value") != 0))) {
        unknown(f, g);
        return;
    }
    struct tag *tag = tag_of(f, number);
    *(is_name ? &tag->name : &tag->value) = g->field;
}

/* A tag, as v2 makes one of it too. */
static void read_configuration_set(struct form *f, const struct given *g, size_t offset)
{
    struct gw_draft *draft = f->draft;
    (void)offset;
    draft->tags[draft->n_tags++] = (struct gw_field){
        .value = api_ses_join(f->arena, GW_SLICE_LIT("ses:configuration-set"), g->field.value),
        .pointer = g->field.pointer};
}

static const struct parameter parameters[] = {
    {"Action", false, BOTH, read_nothing, 0},
    {"Version", false, BOTH, read_nothing, 0},
    {"Source", false, EMAIL, read_source, FIELD(from.text)},
    {"Source", false, RAW, read_text, FIELD(envelope_from)},
    {"Destination.ToAddresses", true, EMAIL, read_address, FIELD(to)},
    {"Destination.CcAddresses", true, EMAIL, read_address, FIELD(cc)},
    {"Destination.BccAddresses", true, EMAIL, read_address, FIELD(bcc)},
    {"Destinations", true, RAW, read_address, FIELD(to)},
    {"ReplyToAddresses", true, EMAIL, read_address, FIELD(reply_to)},
    {"ReturnPath", false, EMAIL, read_text, FIELD(envelope_from)},
    {"Message.Subject.Data", false, EMAIL, read_text, FIELD(subject)},
    {"Message.Body.Text.Data", false, EMAIL, read_text, FIELD(text)},
    {"Message.Body.Html.Data", false, EMAIL, read_text, FIELD(html)},
    /* what SES would send in: mail from here is UTF-8 */
    {"Message.Subject.Charset", false, EMAIL, read_nothing, 0},
    {"Message.Body.Text.Charset", false, EMAIL, read_nothing, 0},
    {"Message.Body.Html.Charset", false, EMAIL, read_nothing, 0},
    {"RawMessage.Data", false, RAW, read_raw, 0},
    {"Tags", true, BOTH, read_tag, 0},
    {"ConfigurationSetName", false, BOTH, read_configuration_set, 0},
    {"SourceArn", false, BOTH, read_unsupported, 0},
    {"FromArn", false, RAW, read_unsupported, 0},
    {"ReturnPathArn", false, BOTH, read_unsupported, 0},
};

/* ---- the form ---- */

static bool is_for(const struct form *f, const struct parameter *p, const struct gw_slice name,
                   struct given *g)
{
    size_t len = strlen(p->name);
    if ((p->actions & f->action) == 0 || name.len < len || memcmp(name.data, p->name, len) != 0)
        return false;
    struct gw_slice rest = gw_slice_of(name.data + len, name.len - len);
    if (!p->is_list || rest.len == 0)
        return rest.len == 0;
    len = sizeof(MEMBER) - 1;
    if (rest.len <= len || memcmp(rest.data, MEMBER, len) != 0)
        return false;
    g->member = gw_slice_of(rest.data + len, rest.len - len);
    return true;
}

static void read_part(struct form *f, const struct api_multipart_part *part)
{
    struct given g = {.field = {.value = part->content,
                                .pointer = api_json_pointer_key(f->arena, "", part->name)}};
    for (size_t i = 0; i < N_OF(parameters); i++) {
        const struct parameter *p = &parameters[i];
        if (!is_for(f, p, part->name, &g))
            continue;
        bool empty_list = p->is_list && g.member.len == 0;
        if (!empty_list)
            p->read(f, &g, p->offset);
        else if (part->content.len > 0)
            unknown(f, &g);
        return;
    }
    unknown(f, &g);
}

static void settle_tags(struct form *f)
{
    struct gw_draft *draft = f->draft;
    for (size_t i = 0; i < f->n_tags; i++) {
        const struct tag *tag = &f->tags[i];
        bool whole = tag->name.value.data != NULL && tag->value.value.data != NULL;
        const char *pointer = tag->name.value.data != NULL ? tag->name.pointer : tag->value.pointer;
        if (!whole) {
            gw_problems_add(f->problems, pointer, GW_PROBLEM_REQUIRED,
                            "A tag has a Name and a Value.");
            continue;
        }
        draft->tags[draft->n_tags++] = (struct gw_field){
            .value = api_ses_join(f->arena, tag->name.value, tag->value.value), .pointer = pointer};
    }
}

/* Of a whole message, what stands beside it is the envelope. */
static void settle_raw(struct form *f)
{
    struct gw_draft *draft = f->draft;
    if (draft->envelope_from.value.data != NULL)
        draft->envelope_from = api_ses_bare(f->arena, draft->envelope_from);
    if (draft->raw.value.data == NULL && !gw_problems_has(f->problems, "/RawMessage.Data"))
        gw_problems_add(f->problems, "/RawMessage.Data", GW_PROBLEM_REQUIRED,
                        "The message is missing.");
}

static enum gw_status decode(struct gw_arena *arena, struct gw_slice body, unsigned action,
                             struct gw_draft *out, struct gw_problems *problems)
{
    struct gw_err err;
    struct form *f = GW_ARENA_NEW(arena, struct form);
    *out = (struct gw_draft){0};
    f->arena = arena;
    f->problems = problems;
    f->draft = out;
    f->action = action;
    if (api_urlencoded_split(arena, body, &f->body, &err) != GW_OK) {
        gw_problems_add(problems, "", GW_PROBLEM_VALUE, "%s", err.text);
        return GW_PROTO;
    }
    f->tags = GW_ARENA_ARRAY(arena, struct tag, f->body.n);
    out->tags = GW_ARENA_ARRAY(arena, struct gw_field, f->body.n);
    for (size_t i = 0; i < f->body.n; i++)
        read_part(f, &f->body.parts[i]);
    settle_tags(f);
    if (action == RAW)
        settle_raw(f);
    return problems->n > 0 ? GW_INVALID : GW_OK;
}

enum gw_status api_ses_decode_email(struct gw_arena *arena, struct gw_slice body,
                                    const struct cfg *cfg, struct gw_draft *out,
                                    struct gw_problems *problems)
{
    (void)cfg;
    return decode(arena, body, EMAIL, out, problems);
}

enum gw_status api_ses_decode_raw_email(struct gw_arena *arena, struct gw_slice body,
                                        const struct cfg *cfg, struct gw_draft *out,
                                        struct gw_problems *problems)
{
    (void)cfg;
    return decode(arena, body, RAW, out, problems);
}
