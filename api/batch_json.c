/* SPDX-License-Identifier: MIT */
/* The messages of a batch. */
#include "api/batch_json.h"

#include <string.h>

#include "api/json_guard.h"
#include "api/json_split.h"
#include "api/message_json.h"

enum {
    MAX_MEMBERS = 16 /* that are looked at; two are known */
};

/* What the items share. */
struct batch {
    struct gw_slice body;
    struct gw_slice defaults; /* len 0: none */
};

static enum gw_status not_json(struct gw_problems *problems, const struct gw_err *err)
{
    gw_problems_add(problems, "", GW_PROBLEM_VALUE, "%s", err->text);
    return GW_PROTO;
}

/* ---- the whole ---- */

/* The value of the member @key, data NULL when it is not there or null; a second one is a problem.
 */
static struct gw_slice take_member(const struct api_json_member *members, size_t n, const char *key,
                                   struct gw_problems *problems)
{
    struct gw_slice found = {.data = NULL};
    for (size_t i = 0; i < n; i++) {
        if (strcmp(members[i].key, key) != 0)
            continue;
        if (found.data != NULL)
            gw_problems_add(problems, gw_arena_printf(problems->arena, "/%s", key),
                            GW_PROBLEM_DUPLICATE, "The field is given more than once.");
        found = members[i].value;
    }
    return gw_slice_is(found, "null") ? (struct gw_slice){.data = NULL} : found;
}

static void refuse_unknown(struct gw_arena *arena, const struct api_json_member *members, size_t n,
                           struct gw_problems *problems)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(members[i].key, "defaults") != 0 && strcmp(members[i].key, "messages") != 0)
            gw_problems_add(problems, api_json_pointer_key(arena, "", gw_slice_str(members[i].key)),
                            GW_PROBLEM_UNKNOWN_FIELD,
                            "There is no such field; a batch has \"defaults\" and \"messages\".");
}

static enum gw_status split_messages(struct gw_arena *arena, struct gw_slice body,
                                     struct gw_slice messages, struct gw_batch_items *out,
                                     struct gw_problems *problems)
{
    struct gw_err err;
    if (messages.data == NULL) {
        gw_problems_add(problems, "/messages", GW_PROBLEM_REQUIRED, "The messages are missing.");
        return GW_INVALID;
    }
    struct gw_slice *items = GW_ARENA_ARRAY(arena, struct gw_slice, GW_BATCH_MAX_ITEMS);
    enum gw_status status =
        api_json_split_array(body, messages, items, GW_BATCH_MAX_ITEMS, &out->n, &err);
    out->items = items;
    if (status == GW_PROTO)
        return not_json(problems, &err);
    if (status == GW_INVALID)
        gw_problems_add(problems, "/messages", GW_PROBLEM_TYPE, "Must be a list.");
    else if (out->n == 0)
        gw_problems_add(problems, "/messages", GW_PROBLEM_REQUIRED,
                        "At least one message is required.");
    else if (out->n > GW_BATCH_MAX_ITEMS)
        gw_problems_add(problems, "/messages", GW_PROBLEM_TOO_MANY,
                        "A batch may have at most %d messages.", GW_BATCH_MAX_ITEMS);
    return GW_OK;
}

/* Their shape; what they say is judged with each message. */
static enum gw_status check_defaults(const struct batch *b, size_t n, struct gw_problems *problems)
{
    struct gw_draft draft = {0};
    uint32_t fields = 0;
    if (b->defaults.len > API_BATCH_MAX_REPEATED / n) {
        gw_problems_add(problems, "/defaults", GW_PROBLEM_TOO_LARGE,
                        "The defaults' octets times the number of messages may be at most %d.",
                        API_BATCH_MAX_REPEATED);
        return GW_INVALID;
    }
    struct gw_arena *scratch = gw_arena_new(0);
    const struct api_json_part part = {b->body, b->defaults, "/defaults"};
    enum gw_status status = api_message_json_part(scratch, &part, &fields, &draft, problems);
    if (status != GW_PROTO)
        api_message_json_refuse_parts(&draft, problems);
    gw_arena_free(&scratch);
    return status;
}

enum gw_status api_batch_json_split(struct gw_arena *arena, struct gw_slice body,
                                    const struct cfg *cfg, struct gw_batch_items *out,
                                    struct gw_problems *problems)
{
    struct gw_err err;
    struct api_json_member members[MAX_MEMBERS];
    size_t n_members;
    (void)cfg;
    enum gw_status status =
        api_json_split_object(arena, body, members, MAX_MEMBERS, &n_members, &err);
    if (status == GW_PROTO)
        return not_json(problems, &err);
    if (status == GW_INVALID) {
        gw_problems_add(problems, "", GW_PROBLEM_TYPE, "Must be an object.");
        return GW_INVALID;
    }
    size_t n = n_members < MAX_MEMBERS ? n_members : MAX_MEMBERS;
    struct batch *b = GW_ARENA_NEW(arena, struct batch);
    b->body = body;
    refuse_unknown(arena, members, n, problems);
    b->defaults = take_member(members, n, "defaults", problems);
    status =
        split_messages(arena, body, take_member(members, n, "messages", problems), out, problems);
    if (status != GW_PROTO && b->defaults.data != NULL)
        status =
            check_defaults(b, out->n > 0 ? out->n : 1, problems) == GW_PROTO ? GW_PROTO : status;
    out->shared = b->defaults;
    out->data = b;
    return status == GW_OK && problems->n > 0 ? GW_INVALID : status;
}

/* ---- one message ---- */

enum gw_status api_batch_json_decode(struct gw_arena *arena, const struct gw_batch_items *items,
                                     size_t index, const struct cfg *cfg, struct gw_draft *out,
                                     struct gw_problems *problems)
{
    const struct batch *b = items->data;
    uint32_t fields = 0;
    (void)cfg;
    *out = (struct gw_draft){0};
    problems->base = gw_arena_printf(arena, "/messages/%zu", index);
    const struct api_json_part own = {b->body, items->items[index], ""};
    const struct api_json_part defaults = {b->body, b->defaults, "#/defaults"};
    enum gw_status status = api_message_json_part(arena, &own, &fields, out, problems);
    if (status == GW_PROTO || out->unread)
        return status;
    if (b->defaults.data != NULL)
        (void)api_message_json_part(arena, &defaults, &fields, out, problems);
    api_message_json_refuse_parts(out, problems);
    return problems->n > 0 ? GW_INVALID : GW_OK;
}
