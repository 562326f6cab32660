/* SPDX-License-Identifier: MIT */
/* From a JSON request body to a draft: the tables of what a message may hold. */
#include "api/message_json.h"

#include <stddef.h>

#include "api/attachment_json.h"
#include "api/draft_json.h"
#include "api/json_guard.h"
#include "api/json_read.h"
#include "api/variables_json.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

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
    {"from", api_read_from, 0, {0}},
    {"to", api_read_addresses, FIELD(to), {0}},
    {"cc", api_read_addresses, FIELD(cc), {0}},
    {"bcc", api_read_addresses, FIELD(bcc), {0}},
    {"reply_to", api_read_addresses, FIELD(reply_to), {"replyTo"}},
    {"subject", api_read_text, FIELD(subject), {0}},
    {"text", api_read_text, FIELD(text), {0}},
    {"html", api_read_text, FIELD(html), {0}},
    {"headers", api_read_headers, 0, {0}},
    {"attachments", api_read_attachments, 0, {0}},
    {"template", api_read_template, 0, {0}},
    {"variables", api_read_variables, 0, {0}},
    {"recipients", api_read_personal, 0, {0}},
    {"in_reply_to", api_read_text, FIELD(in_reply_to), {"inReplyTo"}},
    {"references", read_references, 0, {0}},
    {"message_id", api_read_text, FIELD(message_id), {"messageId"}},
    {"list_unsubscribe", read_list_unsubscribe, 0, {"listUnsubscribe"}},
    {"tags", api_read_tags, 0, {0}},
    {"metadata", api_read_metadata, 0, {0}},
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
    (void)cfg;
    *out = (struct gw_draft){0};
    uint32_t seen = 0;
    const struct api_json_part whole = {.whole = body, .text = body, .pointer = ""};
    return api_message_json_part(arena, &whole, &seen, out, problems);
}

enum gw_status api_message_json_part(struct gw_arena *arena, const struct api_json_part *part,
                                     uint32_t *seen, struct gw_draft *out,
                                     struct gw_problems *problems)
{
    struct api_json_target target = {
        .fields = message_fields, .n_fields = N_OF(message_fields), .into = out, .known = *seen};
    enum gw_status status = api_read_part(arena, part, &target, problems);
    out->unread = target.unread;
    *seen = target.seen;
    return status;
}

void api_message_json_refuse_parts(const struct gw_draft *draft, struct gw_problems *problems)
{
    for (size_t i = 0; i < draft->n_attachments; i++)
        if (draft->attachments[i].part.value.data != NULL)
            gw_problems_add(problems, draft->attachments[i].part.pointer, GW_PROBLEM_UNSUPPORTED,
                            "Only multipart requests have parts; give the content as base64.");
}

enum gw_status api_message_json_decode(struct gw_arena *arena, struct gw_slice body,
                                       const struct cfg *cfg, struct gw_draft *out,
                                       struct gw_problems *problems)
{
    enum gw_status status = api_message_json_read(arena, body, cfg, out, problems);
    api_message_json_refuse_parts(out, problems);
    return status == GW_OK && problems->n > 0 ? GW_INVALID : status;
}
