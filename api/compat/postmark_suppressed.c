/* SPDX-License-Identifier: MIT */
/* Postmark's suppressions. A key has one list; whatever stream is asked for has it. */
#include <string.h>

#include "api/compat/records.h"
#include "api/compat/suppressed.h"
#include "api/json_read.h"
#include "api/problem.h"
#include "api/routes.h"

enum {
    MAX_ENTRIES = 50, /* of one request; Postmark's */
    MAX_ANSWER = 64 * 1024
};

/* ---- dump ---- */

static const struct {
    enum gw_suppression_reason reason;
    const char *shown, *origin;
} reasons[] = {
    {GW_SUPPRESSION_MANUAL, "ManualSuppression", "Customer"},
    {GW_SUPPRESSION_BOUNCE, "HardBounce", "Recipient"},
    {GW_SUPPRESSION_COMPLAINT, "SpamComplaint", "Recipient"},
    {GW_SUPPRESSION_UNSUBSCRIBE, "ManualSuppression", "Recipient"},
};

static void begin(struct api_json *j)
{
    api_json_begin_object(j, NULL);
    api_json_begin_array(j, "Suppressions");
}

static void end(struct api_json *j, const struct api_compat_listed *listed)
{
    (void)listed;
    api_json_end_array(j);
    api_json_end_object(j);
}

static void view(struct api_json *j, const struct gw_suppression *e)
{
    api_json_begin_object(j, NULL);
    api_json_str(j, "EmailAddress", e->email);
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (reasons[i].reason == e->reason) {
            api_json_str(j, "SuppressionReason", reasons[i].shown);
            api_json_str(j, "Origin", reasons[i].origin);
        }
    }
    api_json_time(j, "CreatedAt", e->created_at_ms);
    api_json_end_object(j);
}

/* Entries that match what is asked for in @name; false: nothing does, the request is answered. */
static bool filter(struct api_request *r, const char *name, bool by_origin, unsigned *mask)
{
    const char *word = api_request_query(r, name);
    unsigned found = 0;
    if (word == NULL)
        return true;
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (strcmp(by_origin ? reasons[i].origin : reasons[i].shown, word) == 0)
            found |= 1U << reasons[i].reason;
    if (found == 0) {
        api_problem(r, API_UNKNOWN_PARAMETER, "%s is not one that entries have.", name);
        return false;
    }
    *mask &= found;
    return true;
}

static void dump(struct api_request *r)
{
    unsigned mask = (1U << GW_N_SUPPRESSION_REASONS) - 1;
    int64_t count;
    int64_t offset;
    if (!filter(r, "suppressionReason", false, &mask) || !filter(r, "origin", true, &mask) ||
        !api_compat_number(r, "count", 1, API_COMPAT_MAX_SUPPRESSED, API_COMPAT_MAX_SUPPRESSED,
                           &count) ||
        !api_compat_number(r, "offset", 0, API_COMPAT_MAX_SUPPRESSED, 0, &offset))
        return;
    const struct api_compat_suppressed what = {
        .reasons = mask != 0 ? mask : 1U << GW_N_SUPPRESSION_REASONS,
        .email = api_request_query(r, "emailAddress"),
        .offset = (size_t)offset,
        .take = (size_t)count,
        .begin = begin,
        .item = view,
        .end = end};
    api_compat_list_suppressed(r, &what);
}

/* ---- changes ---- */

struct addresses {
    struct gw_field items[MAX_ENTRIES];
    size_t n;
};

static void read_entries(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    static const struct api_json_field fields[] = {{"EmailAddress", api_read_text, 0, {0}}};
    struct addresses *list = target;
    if (!json_is_array(value)) {
        api_read_wrong_type(r, value, pointer, "a list");
        return;
    }
    if (json_array_size(value) > MAX_ENTRIES) {
        gw_problems_add(r->problems, pointer, GW_PROBLEM_TOO_MANY, "At most %d are taken.",
                        MAX_ENTRIES);
        return;
    }
    for (size_t i = 0; i < json_array_size(value); i++) {
        const char *at = api_json_pointer_index(r->arena, pointer, i);
        api_read_object(r, json_array_get(value, i), at, fields, 1, &list->items[list->n]);
        list->items[list->n].pointer = at;
        list->n++;
    }
}

static void answer_entries(struct api_request *r, const struct gw_suppression *entries, size_t n,
                           const char *status)
{
    struct gw_buf body;
    gw_buf_init(&body, MAX_ANSWER);
    struct api_json j = {.out = &body};
    begin(&j);
    for (size_t i = 0; i < n; i++) {
        api_json_begin_object(&j, NULL);
        api_json_str(&j, "EmailAddress", entries[i].email);
        api_json_str(&j, "Status", status);
        api_json_null(&j, "Message");
        api_json_end_object(&j);
    }
    end(&j, false);
    api_answer_json(r, 200, &body);
}

static void answer_suppressed(struct api_request *r, const struct gw_suppression *entries, size_t n)
{
    answer_entries(r, entries, n, "Suppressed");
}

static void answer_deleted(struct api_request *r, const struct gw_suppression *entries, size_t n)
{
    answer_entries(r, entries, n, "Deleted");
}

static void change(struct api_request *r, api_compat_change_fn make, api_compat_entries_fn shown)
{
    static const struct api_json_field fields[] = {{"Suppressions", read_entries, 0, {0}}};
    struct gw_arena *arena = gw_arena_new(0);
    struct addresses *given = GW_ARENA_NEW(arena, struct addresses);
    const struct api_compat_addresses in = {arena,        fields,    given,
                                            given->items, &given->n, "/Suppressions"};
    api_compat_change_suppressed(r, &in, make, shown);
    gw_arena_free(&arena);
}

static void create(struct api_request *r)
{
    change(r, api_compat_suppress, answer_suppressed);
}

static void delete (struct api_request *r)
{
    change(r, api_compat_unsuppress, answer_deleted);
}

#define STREAM "/compat/postmark/message-streams/{stream}/suppressions"

const struct api_route api_postmark_suppressed_routes[] = {
    {"GET", STREAM "/dump", dump, CFG_SCOPE_READ, API_ROUTE_JSON,
     "suppressionReason origin emailAddress count offset"},
    {"POST", STREAM, create, CFG_SCOPE_SEND, API_ROUTE_JSON | API_ROUTE_JSON_BODY, NULL},
    {"POST", STREAM "/delete", delete, CFG_SCOPE_SEND, API_ROUTE_JSON | API_ROUTE_JSON_BODY, NULL},
    {0},
};
