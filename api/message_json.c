/* SPDX-License-Identifier: MIT */
/* From a JSON request body to a draft: the tables of what a message may hold. */
#include "api/message_json.h"

#include <stddef.h>

#include "api/attachment_json.h"
#include "api/json_guard.h"
#include "api/json_read.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

/* --- addresses --- */

static void read_address(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    static const struct api_json_field fields[] = {
        {"email", api_read_text, offsetof(struct gw_draft_address, email), {0}},
        {"name", api_read_text, offsetof(struct gw_draft_address, name), {0}},
    };
    struct gw_draft_address *address = target;
    if (api_read_is_string(r, value)) {
        api_read_text(r, value, pointer, &address->text);
        return;
    }
    if (!json_is_object(value)) {
        api_read_wrong_type(r, value, pointer, "a string or an object with email and name");
        return;
    }
    size_t n_before = r->problems->n + r->problems->n_dropped;
    api_read_object(r, value, pointer, fields, N_OF(fields), address);
    bool complained = r->problems->n + r->problems->n_dropped > n_before;
    if (address->email.value.data == NULL && !complained)
        gw_problems_add(r->problems, gw_arena_printf(r->arena, "%s/email", pointer),
                        GW_PROBLEM_REQUIRED, "An address needs an email.");
}

/* One address or a list of them. */
static void read_addresses(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    struct gw_draft_addresses *list = target;
    bool array = json_is_array(value);
    list->pointer = pointer;
    list->n = array ? json_array_size(value) : 1;
    list->items = GW_ARENA_ARRAY(r->arena, struct gw_draft_address, list->n);
    if (!array) {
        read_address(r, value, pointer, &list->items[0]);
        return;
    }
    for (size_t i = 0; i < list->n; i++)
        read_address(r, json_array_get(value, i), api_json_pointer_index(r->arena, pointer, i),
                     &list->items[i]);
}

static void read_from(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    struct gw_draft *draft = target;
    draft->has_from = true;
    read_address(r, value, pointer, &draft->from);
}

/* --- lists of pairs: headers, metadata, tags --- */

static const struct api_json_field pair_fields[] = {
    {"name", api_read_text, offsetof(struct gw_draft_pair, name), {0}},
    {"value", api_read_text, offsetof(struct gw_draft_pair, value), {0}},
};

/* An object {name, value}; false when one of both is missing (a problem was added). */
static bool read_pair(struct api_reader *r, json_t *value, const char *pointer,
                      struct gw_draft_pair *pair)
{
    size_t n_before = r->problems->n + r->problems->n_dropped;
    api_read_object(r, value, pointer, pair_fields, N_OF(pair_fields), pair);
    if (r->problems->n + r->problems->n_dropped > n_before)
        return false;
    if (pair->name.value.data == NULL)
        gw_problems_add(r->problems, gw_arena_printf(r->arena, "%s/name", pointer),
                        GW_PROBLEM_REQUIRED, "The name is missing.");
    if (pair->value.value.data == NULL)
        gw_problems_add(r->problems, gw_arena_printf(r->arena, "%s/value", pointer),
                        GW_PROBLEM_REQUIRED, "The value is missing.");
    return pair->name.value.data != NULL && pair->value.value.data != NULL;
}

static void add_header(struct gw_draft *draft, struct gw_field name, struct gw_field value)
{
    draft->headers[draft->n_headers++] = (struct gw_draft_header){.name = name, .value = value};
}

/* {"X-A": "1", "X-B": ["2", "3"]} */
static void read_header_object(struct api_reader *r, json_t *object, const char *pointer,
                               struct gw_draft *draft)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        const char *at = api_json_pointer_key(r->arena, pointer, gw_slice_str(key));
        struct gw_field name = {.value = gw_arena_slice(r->arena, gw_slice_str(key)),
                                .pointer = at};
        bool array = json_is_array(value);
        if (!array && !api_read_is_string(r, value)) {
            api_read_wrong_type(r, value, at, "a string or a list of strings");
            continue;
        }
        for (size_t i = 0; i < (array ? json_array_size(value) : 1); i++) {
            struct gw_field text = {0};
            if (array)
                api_read_text(r, json_array_get(value, i), api_json_pointer_index(r->arena, at, i),
                              &text);
            else
                api_read_text(r, value, at, &text);
            if (text.value.data != NULL)
                add_header(draft, name, text);
        }
    }
}

/* [{"name": "X-A", "value": "1"}] */
static void read_header_list(struct api_reader *r, json_t *list, const char *pointer,
                             struct gw_draft *draft)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct gw_draft_pair pair = {0};
        if (read_pair(r, json_array_get(list, i), api_json_pointer_index(r->arena, pointer, i),
                      &pair))
            add_header(draft, pair.name, pair.value);
    }
}

static size_t count_headers(json_t *value)
{
    size_t n = 0;
    const char *key;
    json_t *one;
    if (json_is_array(value))
        return json_array_size(value);
    json_object_foreach(value, key, one)
    {
        n += json_is_array(one) ? json_array_size(one) : 1;
    }
    return n;
}

static void read_headers(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    struct gw_draft *draft = target;
    if (!json_is_object(value) && !json_is_array(value)) {
        api_read_wrong_type(r, value, pointer, "an object or a list of {name, value}");
        return;
    }
    draft->headers = GW_ARENA_ARRAY(r->arena, struct gw_draft_header, count_headers(value));
    if (json_is_array(value))
        read_header_list(r, value, pointer, draft);
    else
        read_header_object(r, value, pointer, draft);
}

static void read_metadata(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    struct gw_draft *draft = target;
    const char *key;
    json_t *one;
    if (!json_is_object(value)) {
        api_read_wrong_type(r, value, pointer, "an object of strings");
        return;
    }
    draft->metadata = GW_ARENA_ARRAY(r->arena, struct gw_draft_pair, json_object_size(value));
    json_object_foreach(value, key, one)
    {
        const char *at = api_json_pointer_key(r->arena, pointer, gw_slice_str(key));
        struct gw_draft_pair pair = {
            .name = {.value = gw_arena_slice(r->arena, gw_slice_str(key)), .pointer = at}};
        api_read_text(r, one, at, &pair.value);
        if (pair.value.value.data != NULL)
            draft->metadata[draft->n_metadata++] = pair;
    }
}

/* A tag is a string, or {name, value} as some providers have it: then "name:value". */
static void read_tag(struct api_reader *r, json_t *value, const char *pointer, struct gw_field *tag)
{
    struct gw_draft_pair pair = {0};
    if (api_read_is_string(r, value)) {
        api_read_text(r, value, pointer, tag);
    } else if (!json_is_object(value)) {
        api_read_wrong_type(r, value, pointer, "a string or an object with name and value");
    } else if (read_pair(r, value, pointer, &pair)) {
        size_t name_len = pair.name.value.len;
        size_t len = name_len + 1 + pair.value.value.len;
        char *text = gw_arena_bytes(r->arena, len + 1);
        memcpy(text, pair.name.value.data, name_len);
        text[name_len] = ':';
        memcpy(text + name_len + 1, pair.value.value.data, pair.value.value.len + 1);
        *tag = (struct gw_field){.value = gw_slice_of(text, len), .pointer = pointer};
    }
}

static void read_tags(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    struct gw_draft *draft = target;
    if (!json_is_array(value)) {
        api_read_wrong_type(r, value, pointer, "a list");
        return;
    }
    draft->tags = GW_ARENA_ARRAY(r->arena, struct gw_field, json_array_size(value));
    for (size_t i = 0; i < json_array_size(value); i++) {
        struct gw_field tag = {0};
        read_tag(r, json_array_get(value, i), api_json_pointer_index(r->arena, pointer, i), &tag);
        if (tag.value.data != NULL)
            draft->tags[draft->n_tags++] = tag;
    }
}

/* One Message-ID or a list of them. */
static void read_references(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    struct gw_draft *draft = target;
    bool array = json_is_array(value);
    size_t n = array ? json_array_size(value) : 1;
    draft->references_pointer = pointer;
    draft->references = GW_ARENA_ARRAY(r->arena, struct gw_field, n);
    for (size_t i = 0; i < n; i++) {
        struct gw_field id = {0};
        const char *at = array ? api_json_pointer_index(r->arena, pointer, i) : pointer;
        api_read_text(r, array ? json_array_get(value, i) : value, at, &id);
        if (id.value.data != NULL)
            draft->references[draft->n_references++] = id;
    }
}

/* --- objects and choices --- */

static void read_list_unsubscribe(struct api_reader *r, json_t *value, const char *pointer,
                                  void *target)
{
    static const struct api_json_field fields[] = {
        {"url", api_read_text, offsetof(struct gw_draft, list_unsubscribe.url), {0}},
        {"mailto", api_read_text, offsetof(struct gw_draft, list_unsubscribe.mailto), {0}},
        {"one_click",
         api_read_bool,
         offsetof(struct gw_draft, list_unsubscribe.one_click),
         {"oneClick"}},
    };
    struct gw_draft *draft = target;
    draft->list_unsubscribe.given = true;
    draft->list_unsubscribe.pointer = pointer;
    api_read_object(r, value, pointer, fields, N_OF(fields), draft);
}

static void read_ret(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    static const char *const choices[] = {"full", "headers"};
    static const enum gw_dsn_ret values[] = {GW_DSN_RET_FULL, GW_DSN_RET_HEADERS};
    size_t i;
    if (api_read_choice(r, value, pointer, choices, N_OF(choices), &i))
        *(enum gw_dsn_ret *)target = values[i];
}

static void read_notify(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    static const char *const choices[] = {"never", "success", "failure", "delay"};
    struct gw_draft *draft = target;
    if (!json_is_array(value)) {
        api_read_wrong_type(r, value, pointer, "a list");
        return;
    }
    draft->dsn.notify_pointer = pointer;
    for (size_t i = 0; i < json_array_size(value); i++) {
        const char *at = api_json_pointer_index(r->arena, pointer, i);
        size_t choice;
        if (api_read_choice(r, json_array_get(value, i), at, choices, N_OF(choices), &choice))
            draft->dsn.notify |= 1U << choice; /* GW_DSN_NEVER … GW_DSN_DELAY */
    }
}

static void read_dsn(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    static const struct api_json_field fields[] = {
        {"ret", read_ret, offsetof(struct gw_draft, dsn.ret), {0}},
        {"envid", api_read_text, offsetof(struct gw_draft, dsn.envid), {0}},
        {"notify", read_notify, 0, {0}},
    };
    api_read_object(r, value, pointer, fields, N_OF(fields), target);
}

static void read_envelope(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    static const struct api_json_field fields[] = {
        {"from", api_read_text, offsetof(struct gw_draft, envelope_from), {0}},
    };
    api_read_object(r, value, pointer, fields, N_OF(fields), target);
}

static void read_priority(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    static const char *const choices[] = {"normal", "high", "low"};
    static const enum gw_priority values[] = {GW_PRIORITY_NORMAL, GW_PRIORITY_HIGH,
                                              GW_PRIORITY_LOW};
    size_t i;
    if (api_read_choice(r, value, pointer, choices, N_OF(choices), &i))
        *(enum gw_priority *)target = values[i];
}

static void read_mode(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    static const char *const choices[] = {"shared", "individual"};
    static const enum gw_delivery_mode values[] = {GW_DELIVERY_SHARED, GW_DELIVERY_INDIVIDUAL};
    size_t i;
    if (api_read_choice(r, value, pointer, choices, N_OF(choices), &i))
        *(enum gw_delivery_mode *)target = values[i];
}

static void read_on_partial(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    static const char *const choices[] = {"deliver"};
    size_t i;
    (void)target;
    (void)api_read_choice(r, value, pointer, choices, N_OF(choices), &i);
}

static void read_on_uncertain(struct api_reader *r, json_t *value, const char *pointer,
                              void *target)
{
    static const char *const choices[] = {"retry", "hold", "stop"};
    static const enum gw_on_uncertain values[] = {GW_UNCERTAIN_RETRY, GW_UNCERTAIN_HOLD,
                                                  GW_UNCERTAIN_STOP};
    size_t i;
    if (api_read_choice(r, value, pointer, choices, N_OF(choices), &i))
        *(enum gw_on_uncertain *)target = values[i];
}

static void read_delivery(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    static const struct api_json_field fields[] = {
        {"mode", read_mode, offsetof(struct gw_draft, delivery_mode), {0}},
        {"on_partial", read_on_partial, 0, {"onPartial"}},
        {"on_uncertain",
         read_on_uncertain,
         offsetof(struct gw_draft, on_uncertain),
         {"onUncertain"}},
    };
    api_read_object(r, value, pointer, fields, N_OF(fields), target);
}

/* --- the message --- */

#define FIELD(member) offsetof(struct gw_draft, member)

static const struct api_json_field message_fields[] = {
    {"from", read_from, 0, {0}},
    {"to", read_addresses, FIELD(to), {0}},
    {"cc", read_addresses, FIELD(cc), {0}},
    {"bcc", read_addresses, FIELD(bcc), {0}},
    {"reply_to", read_addresses, FIELD(reply_to), {"replyTo"}},
    {"subject", api_read_text, FIELD(subject), {0}},
    {"text", api_read_text, FIELD(text), {0}},
    {"html", api_read_text, FIELD(html), {0}},
    {"headers", read_headers, 0, {0}},
    {"attachments", api_read_attachments, 0, {0}},
    {"in_reply_to", api_read_text, FIELD(in_reply_to), {"inReplyTo"}},
    {"references", read_references, 0, {0}},
    {"message_id", api_read_text, FIELD(message_id), {"messageId"}},
    {"list_unsubscribe", read_list_unsubscribe, 0, {"listUnsubscribe"}},
    {"tags", read_tags, 0, {0}},
    {"metadata", read_metadata, 0, {0}},
    {"scheduled_at", api_read_text, FIELD(scheduled_at), {"scheduledAt", "send_at", "sendAt"}},
    {"expires_in", api_read_text, FIELD(expires_in), {"expiresIn"}},
    {"priority", read_priority, FIELD(priority), {0}},
    {"envelope", read_envelope, 0, {0}},
    {"dsn", read_dsn, 0, {0}},
    {"relay", api_read_text, FIELD(relay), {0}},
    {"require_tls", api_read_bool, FIELD(require_tls), {"requireTls", "requireTLS"}},
    {"delivery", read_delivery, 0, {0}},
};

enum gw_status api_message_json_read(struct gw_arena *arena, struct gw_slice body,
                                     const struct cfg *cfg, struct gw_draft *out,
                                     struct gw_problems *problems)
{
    struct api_guarded_json doc;
    struct gw_err err;
    json_t *root = NULL;
    const char *pointer = "";
    (void)cfg;
    *out = (struct gw_draft){0};
    enum gw_status status = api_json_guard(arena, body, &doc, &err);
    if (status == GW_OK)
        status = api_json_parse(arena, &doc, &root, &pointer, &err);
    if (status == GW_EXISTS) {
        gw_problems_add(problems, pointer, GW_PROBLEM_DUPLICATE, "%s", err.text);
        out->unread = true;
        return GW_INVALID;
    }
    if (status != GW_OK) {
        gw_problems_add(problems, "", GW_PROBLEM_VALUE, "%s", err.text);
        return GW_PROTO;
    }
    struct api_reader reader = {.arena = arena, .problems = problems, .doc = &doc};
    api_read_object(&reader, root, "", message_fields, N_OF(message_fields), out);
    out->unread = !json_is_object(root);
    json_decref(root);
    return problems->n > 0 ? GW_INVALID : GW_OK;
}

enum gw_status api_message_json_decode(struct gw_arena *arena, struct gw_slice body,
                                       const struct cfg *cfg, struct gw_draft *out,
                                       struct gw_problems *problems)
{
    enum gw_status status = api_message_json_read(arena, body, cfg, out, problems);
    for (size_t i = 0; i < out->n_attachments; i++)
        if (out->attachments[i].part.value.data != NULL)
            gw_problems_add(problems, out->attachments[i].part.pointer, GW_PROBLEM_UNSUPPORTED,
                            "Only multipart requests have parts; give the content as base64.");
    return status == GW_OK && problems->n > 0 ? GW_INVALID : status;
}
