/* SPDX-License-Identifier: MIT */
/* Drafts for the tests of gw_prepare(). */
#include "tests/lib/prepare_helper.h"

struct gw_field helper_field(const char *pointer, const char *value)
{
    return (struct gw_field){.value = gw_slice_str(value), .pointer = pointer};
}

static const char *at_index(struct prepare_test *t, const char *list, size_t i)
{
    return gw_arena_printf(t->arena, "%s/%zu", list, i);
}

void helper_add_address(struct prepare_test *t, struct gw_draft_addresses *list,
                        const char *pointer, const char *text)
{
    list->pointer = pointer;
    list->items[list->n] =
        (struct gw_draft_address){.text = helper_field(at_index(t, pointer, list->n), text)};
    list->n++;
}

void helper_add_header(struct prepare_test *t, const char *name, struct gw_slice value)
{
    const char *pointer = gw_arena_printf(t->arena, "/headers/%s", name);
    t->headers[t->draft.n_headers++] = (struct gw_draft_header){
        .name = helper_field(pointer, name), .value = {.value = value, .pointer = pointer}};
}

struct gw_draft_attachment *helper_add_attachment(struct prepare_test *t)
{
    struct gw_draft_attachment *a = &t->attachments[t->draft.n_attachments];
    *a =
        (struct gw_draft_attachment){.pointer = at_index(t, "/attachments", t->draft.n_attachments),
                                     .content = GW_SLICE_LIT("content")};
    t->draft.n_attachments++;
    return a;
}

struct prepare_test *helper_new(void)
{
    struct gw_arena *arena = gw_arena_new(0);
    struct prepare_test *t = GW_ARENA_NEW(arena, struct prepare_test);
    t->arena = arena;
    t->draft.to.items = t->to;
    t->draft.cc.items = t->cc;
    t->draft.bcc.items = t->bcc;
    t->draft.reply_to.items = t->reply_to;
    t->draft.headers = t->headers;
    t->draft.attachments = t->attachments;
    t->draft.references = t->references;
    t->draft.references_pointer = "/references";
    t->draft.tags = t->tags;
    t->draft.metadata = t->metadata;
    t->draft.has_from = true;
    t->draft.from.text = helper_field("/from", "Ann <ann@example.com>");
    helper_add_address(t, &t->draft.to, "/to", "bob@example.org");
    t->draft.text = helper_field("/text", "Hello\n");
    t->relays[0].name = "main";
    t->relays[1].name = "backup";
    t->cfg.relays = t->relays;
    t->cfg.n_relays = 2;
    t->cfg.limits.recipients = 1000;
    t->cfg.retry.max_age_ms = INT64_C(5) * 86400 * 1000;
    t->key.id = "k1";
    t->ctx = (struct gw_prepare_context){.cfg = &t->cfg, .now_ms = HELPER_NOW};
    gw_problems_init(&t->problems, arena);
    return t;
}

void helper_free(struct prepare_test *t)
{
    struct gw_arena *arena = t->arena;
    gw_arena_free(&arena);
}

/* Fields of the draft itself. */
static const size_t plain_fields[] = {
    [AT_SUBJECT] = offsetof(struct gw_draft, subject),
    [AT_TEXT] = offsetof(struct gw_draft, text),
    [AT_HTML] = offsetof(struct gw_draft, html),
    [AT_MESSAGE_ID] = offsetof(struct gw_draft, message_id),
    [AT_IN_REPLY_TO] = offsetof(struct gw_draft, in_reply_to),
    [AT_UNSUBSCRIBE_URL] = offsetof(struct gw_draft, list_unsubscribe.url),
    [AT_UNSUBSCRIBE_MAILTO] = offsetof(struct gw_draft, list_unsubscribe.mailto),
    [AT_RELAY] = offsetof(struct gw_draft, relay),
    [AT_SCHEDULED_AT] = offsetof(struct gw_draft, scheduled_at),
    [AT_EXPIRES_IN] = offsetof(struct gw_draft, expires_in),
    [AT_ENVELOPE_FROM] = offsetof(struct gw_draft, envelope_from),
    [AT_FROM] = offsetof(struct gw_draft, from.text),
};

static struct gw_field *put_address(struct prepare_test *t, struct gw_draft_addresses *list,
                                    const char *pointer)
{
    helper_add_address(t, list, pointer, "");
    return &list->items[list->n - 1].text;
}

static struct gw_field *put_header(struct prepare_test *t, const char *name)
{
    helper_add_header(t, name, GW_SLICE_LIT("x"));
    return &t->headers[t->draft.n_headers - 1].value;
}

static struct gw_field *put_metadata(struct prepare_test *t, bool name)
{
    struct gw_draft_pair *pair = &t->metadata[t->draft.n_metadata++];
    pair->name = helper_field("/metadata/x", "x");
    pair->value = helper_field("/metadata/x", "x");
    return name ? &pair->name : &pair->value;
}

static struct gw_field *place_of(struct prepare_test *t, enum helper_place place)
{
    struct gw_draft *d = &t->draft;
    switch ((int)place) {
    case AT_TO:
        return &d->to.items[0].text;
    case AT_CC:
        return put_address(t, &d->cc, "/cc");
    case AT_BCC:
        return put_address(t, &d->bcc, "/bcc");
    case AT_REPLY_TO:
        return put_address(t, &d->reply_to, "/reply_to");
    case AT_HEADER:
        return put_header(t, "X-Test");
    case AT_LIST_HEADER:
        return put_header(t, "List-Id");
    case AT_REFERENCES_HEADER:
        return put_header(t, "references");
    case AT_HEADER_NAME:
        (void)put_header(t, "X-Test");
        return &t->headers[d->n_headers - 1].name;
    case AT_FILE_NAME:
        return &helper_add_attachment(t)->filename;
    case AT_CONTENT_TYPE:
        return &helper_add_attachment(t)->content_type;
    case AT_DISPOSITION:
        return &helper_add_attachment(t)->disposition;
    case AT_CONTENT_ID:
        return &helper_add_attachment(t)->content_id;
    case AT_REFERENCE:
        return &d->references[d->n_references++];
    case AT_TAG:
        return &d->tags[d->n_tags++];
    case AT_METADATA_NAME:
    case AT_METADATA_VALUE:
        return put_metadata(t, place == AT_METADATA_NAME);
    default:
        return (struct gw_field *)(void *)((char *)d + plain_fields[place]);
    }
}

const char *helper_put(struct prepare_test *t, enum helper_place place, struct gw_slice value)
{
    *place_of(t, place) = (struct gw_field){.value = value, .pointer = "/x"};
    if (place == AT_UNSUBSCRIBE_URL || place == AT_UNSUBSCRIBE_MAILTO) {
        t->draft.list_unsubscribe.given = true;
        t->draft.list_unsubscribe.pointer = "/list_unsubscribe";
    }
    return "/x";
}

enum gw_status helper_run(struct prepare_test *t)
{
    return gw_prepare(&t->ctx, &t->draft, t->arena, &t->m, &t->problems);
}

bool helper_has(const struct prepare_test *t, const char *pointer, const char *code)
{
    for (size_t i = 0; i < t->problems.n; i++) {
        if (strcmp(t->problems.items[i].pointer, pointer) == 0 &&
            strcmp(t->problems.items[i].code, code) == 0)
            return true;
    }
    return false;
}

void helper_accepts(struct prepare_test *t)
{
    if (helper_run(t) != GW_OK)
        fail_msg("refused: %s %s %s", t->problems.n != 0 ? t->problems.items[0].pointer : "",
                 t->problems.n != 0 ? t->problems.items[0].code : "",
                 t->problems.n != 0 ? t->problems.items[0].detail : "");
    assert_non_null(t->m);
    assert_int_equal(t->problems.n, 0);
}

void helper_refuses(struct prepare_test *t, const char *pointer, const char *code)
{
    assert_int_equal(helper_run(t), GW_INVALID);
    assert_null(t->m);
    if (!helper_has(t, pointer, code) || t->problems.n != 1)
        fail_msg("%s %s expected, %zu problems, the first: %s %s", pointer, code, t->problems.n,
                 t->problems.n != 0 ? t->problems.items[0].pointer : "",
                 t->problems.n != 0 ? t->problems.items[0].code : "");
}

bool helper_holds(const struct prepare_test *t, const char *text)
{
    return memmem(t->m->mime.data, t->m->mime.len, text, strlen(text)) != NULL;
}
