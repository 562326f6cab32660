/* SPDX-License-Identifier: MIT */
/* Mailgun's changes of suppressions: entries are given as a form, one at a time, or as JSON, and
 * taken off one by one. Each of its lists is our list as far as the reason is that of the list. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "api/compat/mailgun.h"
#include "api/compat/suppressed.h"
#include "api/http_fields.h"
#include "api/json_guard.h"
#include "api/json_read.h"
#include "api/problem.h"
#include "api/routes.h"
#include "api/urlencoded.h"
#include "gateway/base/gw_utf8.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

enum {
    MAX_ANSWER = 4096
};

/* ---- lists ---- */

struct list {
    const char *name;
    enum gw_suppression_reason put; /* as what an address goes on it */
    unsigned reasons;
    const char *removed;
};

static const struct list lists[] = {
    {"bounces", GW_SUPPRESSION_BOUNCE, API_MAILGUN_BOUNCES, "Bounced address has been removed"},
    {"complaints", GW_SUPPRESSION_COMPLAINT, API_MAILGUN_COMPLAINTS,
     "Spam complaint has been removed"},
    {"unsubscribes", GW_SUPPRESSION_UNSUBSCRIBE, API_MAILGUN_UNSUBSCRIBES,
     "Unsubscribe event has been removed"},
};

/* The one that the route is for. */
static const struct list *list_of(const struct api_request *r)
{
    size_t i = 0;
    while (i + 1 < N_OF(lists) && strstr(r->route->pattern, lists[i].name) == NULL)
        i++;
    return &lists[i];
}

/* ---- what is given ---- */

/* One entry as it came. */
struct given {
    struct gw_field address, code, error, created_at;
};

/* A text, or a number, which is kept as its digits. */
static void read_code(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    struct gw_field *field = target;
    if (!json_is_integer(value)) {
        api_read_text(r, value, pointer, target);
        return;
    }
    const char *text = gw_arena_printf(r->arena, "%lld", (long long)json_integer_value(value));
    *field = (struct gw_field){.value = gw_slice_str(text), .pointer = pointer};
}

static void refuse_tag(struct gw_problems *problems, const char *pointer)
{
    gw_problems_add(problems, pointer, GW_PROBLEM_UNSUPPORTED,
                    "Mailhatch keeps one list for all tags; leave it out, or say *.");
}

static void read_tags(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    size_t i = 0;
    (void)target;
    while (i < json_array_size(value) && strcmp(json_string_length(json_array_get(value, i)) == 1
                                                    ? json_string_value(json_array_get(value, i))
                                                    : "",
                                                "*") == 0)
        i++;
    if (!json_is_array(value) || i < json_array_size(value))
        refuse_tag(r->problems, pointer);
}

static const struct api_json_field fields[] = {
    {"address", api_read_text, offsetof(struct given, address), {0}},
    {"code", read_code, offsetof(struct given, code), {0}},
    {"error", api_read_text, offsetof(struct given, error), {0}},
    {"created_at", api_read_text, offsetof(struct given, created_at), {0}},
    {"tags", read_tags, 0, {0}},
};

static bool is_code(struct gw_slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!isdigit((unsigned char)s.data[i]))
            return false;
    return s.len == API_MAILGUN_CODE_DIGITS;
}

/* As a field of an RFC 2822 message has it, or as ours. */
static bool read_time(struct gw_arena *arena, struct gw_slice text, int64_t *wall_ms_out)
{
    const char *rfc3339 = api_mailgun_time(arena, text);
    return gw_filter_time(rfc3339 != NULL ? rfc3339 : gw_arena_cstr(arena, text), wall_ms_out);
}

/* Code and words together are the detail of the entry. */
static void judge_detail(const struct given *g, struct gw_problems *problems,
                         struct gw_suppression *out)
{
    bool coded = g->code.value.data != NULL;
    struct gw_slice error = g->error.value.data != NULL ? g->error.value : GW_SLICE_LIT("");
    size_t max = GW_MAX_SUPPRESSION_DETAIL - (coded ? API_MAILGUN_CODE_DIGITS + 1 : 0);
    if (coded && !is_code(g->code.value))
        gw_problems_add(problems, g->code.pointer, GW_PROBLEM_VALUE, "Must be an SMTP code.");
    if (error.len > max)
        gw_problems_add(problems, g->error.pointer, GW_PROBLEM_TOO_LONG,
                        "Must have at most %zu characters.", max);
    else if (memchr(error.data, '\0', error.len) != NULL)
        gw_problems_add(problems, g->error.pointer, GW_PROBLEM_VALUE, "Must not hold a NUL.");
    else if (coded)
        out->detail = gw_arena_printf(problems->arena, "%.*s %.*s", GW_SLICE_ARG(g->code.value),
                                      GW_SLICE_ARG(error));
    else if (error.len > 0)
        out->detail = gw_arena_cstr(problems->arena, error);
}

static void judge(const struct given *g, const char *pointer, struct gw_problems *problems,
                  struct gw_suppression *out)
{
    struct gw_arena *arena = problems->arena;
    const char *at = gw_arena_printf(arena, "%s/address", pointer);
    if (g->address.value.data == NULL)
        gw_problems_add(problems, at, GW_PROBLEM_REQUIRED, "The address is missing.");
    else if (strlen(g->address.value.data) != g->address.value.len ||
             !gw_suppression_address(arena, g->address.value.data, &out->email))
        gw_problems_add(problems, at, GW_PROBLEM_ADDRESS, "Must be a bare address.");
    if (g->created_at.value.data != NULL &&
        !read_time(arena, g->created_at.value, &out->created_at_ms))
        gw_problems_add(problems, g->created_at.pointer, GW_PROBLEM_DATE,
                        "Must be a time such as Thu, 13 Oct 2030 18:02:00 +0000 (RFC 2822).");
    judge_detail(g, problems, out);
}

/* Entries of a request. */
struct entries {
    struct gw_suppression *items;
    size_t n;
};

/* ---- JSON ---- */

static void read_items(struct api_reader *r, json_t *root, struct entries *out)
{
    size_t n = json_is_array(root) ? json_array_size(root) : 1;
    if (n > GW_SUPPRESSIONS_MAX) {
        gw_problems_add(r->problems, "", GW_PROBLEM_TOO_MANY, "At most %d entries are taken.",
                        GW_SUPPRESSIONS_MAX);
        return;
    }
    out->items = GW_ARENA_ARRAY(r->arena, struct gw_suppression, n);
    for (size_t i = 0; i < n; i++) {
        struct given g = {.address = {.pointer = NULL}};
        const char *pointer = json_is_array(root) ? api_json_pointer_index(r->arena, "", i) : "";
        json_t *item = json_is_array(root) ? json_array_get(root, i) : root;
        size_t n_before = r->problems->n + r->problems->n_dropped;
        api_read_object(r, item, pointer, fields, N_OF(fields), &g);
        if (r->problems->n + r->problems->n_dropped == n_before)
            judge(&g, pointer, r->problems, &out->items[out->n++]);
    }
}

static enum gw_status read_json(struct api_request *r, struct gw_problems *problems,
                                struct entries *out)
{
    struct gw_arena *arena = problems->arena;
    struct api_guarded_json doc;
    struct gw_err err;
    json_t *root = NULL;
    const char *repeated = "";
    struct api_reader reader = {.arena = arena, .problems = problems, .doc = &doc};
    enum gw_status status = api_json_guard(arena, r->body, &doc, &err);
    if (status == GW_OK)
        status = api_json_parse(arena, &doc, &root, &repeated, &err);
    if (status == GW_OK)
        read_items(&reader, root, out);
    else
        gw_problems_add(problems, repeated, GW_PROBLEM_VALUE, "%s", err.text);
    json_decref(root);
    return status == GW_PROTO ? GW_PROTO : GW_OK;
}

/* ---- forms ---- */

static void read_part(const struct api_multipart_part *part, struct gw_problems *problems,
                      struct given *out)
{
    const char *pointer = api_json_pointer_key(problems->arena, "", part->name);
    if (!gw_utf8_valid(part->content)) {
        gw_problems_add(problems, pointer, GW_PROBLEM_ENCODING, "This is not valid UTF-8.");
        return;
    }
    if (gw_slice_is(part->name, "tag") || gw_slice_is(part->name, "tags")) {
        if (!gw_slice_is(part->content, "*"))
            refuse_tag(problems, pointer);
        return;
    }
    size_t i = 0;
    while (i < N_OF(fields) &&
           (fields[i].read == read_tags || !gw_slice_is(part->name, fields[i].name)))
        i++;
    struct gw_field *field =
        i < N_OF(fields) ? (struct gw_field *)(void *)((char *)out + fields[i].offset) : NULL;
    if (field == NULL)
        gw_problems_add(problems, pointer, GW_PROBLEM_UNKNOWN_FIELD, "There is no such parameter.");
    else if (field->value.data != NULL)
        gw_problems_add(problems, pointer, GW_PROBLEM_DUPLICATE, "Give it once.");
    else
        *field = (struct gw_field){.value = gw_arena_slice(problems->arena, part->content),
                                   .pointer = pointer};
}

static enum gw_status read_form(struct api_request *r, bool multipart, struct gw_problems *problems,
                                struct entries *out)
{
    struct gw_err err;
    struct api_multipart *form = GW_ARENA_NEW(problems->arena, struct api_multipart);
    struct given g = {.address = {.pointer = NULL}};
    enum gw_status status = (multipart ? api_multipart_split : api_urlencoded_split)(
        problems->arena, r->body, form, &err);
    if (status != GW_OK) {
        gw_problems_add(problems, "", GW_PROBLEM_VALUE, "%s", err.text);
        return GW_PROTO;
    }
    for (size_t i = 0; i < form->n; i++)
        read_part(&form->parts[i], problems, &g);
    out->items = GW_ARENA_ARRAY(problems->arena, struct gw_suppression, 1);
    if (problems->n == 0)
        judge(&g, "", problems, &out->items[out->n++]);
    return GW_OK;
}

/* GW_PROTO: it is not of its format at all. */
static enum gw_status read_entries(struct api_request *r, struct gw_problems *problems,
                                   struct entries *out)
{
    char boundary[API_MULTIPART_MAX_BOUNDARY + 1];
    struct gw_slice type = {0};
    (void)api_request_headers(r, "content-type", &type, 1);
    if (!api_content_type_is_form(type, boundary, sizeof(boundary)))
        return api_content_type_is_json(type) ? read_json(r, problems, out)
                                              : read_form(r, false, problems, out);
    if (api_multipart_begins(r->body, boundary))
        return read_form(r, true, problems, out);
    gw_problems_add(problems, "", GW_PROBLEM_VALUE,
                    "The body does not start with the boundary that Content-Type names.");
    return GW_PROTO;
}

/* ---- answers ---- */

static void answer(struct api_request *r, const char *address, const char *message)
{
    struct gw_buf body;
    gw_buf_init(&body, MAX_ANSWER);
    struct api_json j = {.out = &body};
    api_json_begin_object(&j, NULL);
    api_json_str(&j, "message", message);
    if (address != NULL)
        api_json_str(&j, "address", address);
    api_json_end_object(&j);
    api_answer_json(r, 200, &body);
}

static void answer_added(struct api_request *r, const struct gw_suppression *entries, size_t n)
{
    char message[128];
    const char *name = list_of(r)->name;
    if (n == 1)
        (void)snprintf(message, sizeof(message), "Address has been added to the %s table", name);
    else
        (void)snprintf(message, sizeof(message), "%zu addresses have been added to the %s table", n,
                       name);
    answer(r, n == 1 ? entries[0].email : NULL, message);
}

static void answer_removed(struct api_request *r, const struct gw_suppression *entries, size_t n)
{
    if (n > 0)
        answer(r, entries[0].email, list_of(r)->removed);
    else
        api_problem(r, API_NOT_FOUND, "Address not found in %s table", list_of(r)->name);
}

/* ---- the changes ---- */

static int by_email(const void *a, const void *b)
{
    const struct gw_suppression *x = a;
    const struct gw_suppression *y = b;
    return strcmp(x->email, y->email);
}

static void suppress(struct api_request *r, struct entries *all)
{
    size_t n = 0;
    qsort(all->items, all->n, sizeof(*all->items), by_email);
    for (size_t i = 0; i < all->n; i++) {
        if (n > 0 && strcmp(all->items[n - 1].email, all->items[i].email) == 0)
            continue;
        all->items[n] = all->items[i];
        all->items[n++].reason = list_of(r)->put;
    }
    api_compat_suppress_entries(r, all->items, n, answer_added);
}

static void add_entries(struct api_request *r)
{
    struct gw_problems problems;
    struct entries all = {.n = 0};
    if (r->body.len > API_MAILGUN_MAX_SUPPRESSIONS) {
        api_problem(r, API_BODY_TOO_LARGE, "The body has %zu bytes; at most %d are taken here.",
                    r->body.len, API_MAILGUN_MAX_SUPPRESSIONS);
        return;
    }
    struct gw_arena *arena = gw_arena_new(0);
    gw_problems_init(&problems, arena);
    enum gw_status status = read_entries(r, &problems, &all);
    if (status == GW_OK && problems.n == 0 && all.n == 0)
        gw_problems_add(&problems, "/address", GW_PROBLEM_REQUIRED, "An address is required.");
    if (status == GW_PROTO)
        api_problem(r, API_BAD_REQUEST, "%s", problems.items[0].detail);
    else if (problems.n > 0)
        api_problem_send(r,
                         &(struct api_problem){.code = API_VALIDATION_FAILED, .errors = &problems});
    else
        suppress(r, &all);
    gw_arena_free(&arena);
}

static void remove_entry(struct api_request *r)
{
    api_compat_unsuppress_one(r, list_of(r)->reasons, r->params[1], answer_removed);
}

static void allow(struct api_request *r)
{
    api_problem(r, API_BAD_REQUEST,
                "Mailhatch has no list of addresses that are never suppressed.");
}

#define LISTS "/compat/mailgun/v3/{domain}/"

enum {
    BODY = API_ROUTE_JSON | API_ROUTE_JSON_BODY | API_ROUTE_FORM_BODY | API_ROUTE_URLENCODED_BODY
};

const struct api_route api_mailgun_suppress_routes[] = {
    {"POST", LISTS "bounces", add_entries, CFG_SCOPE_SEND, BODY, NULL},
    {"DELETE", LISTS "bounces/{address}", remove_entry, CFG_SCOPE_SEND, API_ROUTE_JSON, NULL},
    {"POST", LISTS "complaints", add_entries, CFG_SCOPE_SEND, BODY, NULL},
    {"DELETE", LISTS "complaints/{address}", remove_entry, CFG_SCOPE_SEND, API_ROUTE_JSON, NULL},
    {"POST", LISTS "unsubscribes", add_entries, CFG_SCOPE_SEND, BODY, NULL},
    {"DELETE", LISTS "unsubscribes/{address}", remove_entry, CFG_SCOPE_SEND, API_ROUTE_JSON, NULL},
    {"POST", LISTS "whitelists", allow, CFG_SCOPE_SEND, BODY, NULL},
    {0},
};
