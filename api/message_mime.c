/* SPDX-License-Identifier: MIT */
/* A message that is MIME already. */
#include "api/message_mime.h"

#include "api/query.h"
#include "api/request.h"
#include "gateway/base/gw_utf8.h"

/* The lists that parameters fill; made for as many as the query can hold. */
struct query {
    struct gw_arena *arena;
    struct gw_problems *problems;
    struct gw_draft *draft;
};

static size_t most_parameters(struct gw_slice query)
{
    size_t n = 1;
    for (size_t i = 0; i < query.len; i++)
        n += query.data[i] == '&' ? 1 : 0;
    return n;
}

static struct gw_field field_of(struct query *q, const char *name, size_t index, bool list,
                                struct gw_slice value)
{
    const char *pointer = list ? gw_arena_printf(q->arena, "/query/%s/%zu", name, index)
                               : gw_arena_printf(q->arena, "/query/%s", name);
    if (!gw_utf8_valid(value))
        gw_problems_add(q->problems, pointer, GW_PROBLEM_ENCODING, "This is not valid UTF-8.");
    return (struct gw_field){.value = gw_arena_slice(q->arena, value), .pointer = pointer};
}

static void take(struct query *q, struct gw_slice name, struct gw_slice value)
{
    struct gw_draft *d = q->draft;
    const struct {
        const char *name;
        struct gw_field *field;
    } single[] = {{"from", &d->envelope_from},
                  {"scheduled_at", &d->scheduled_at},
                  {"expires_in", &d->expires_in},
                  {"relay", &d->relay}};
    for (size_t i = 0; i < sizeof(single) / sizeof(single[0]); i++)
        if (gw_slice_is(name, single[i].name))
            *single[i].field = field_of(q, single[i].name, 0, false, value);
    if (gw_slice_is(name, "to")) {
        struct gw_field email = field_of(q, "to", d->to.n, true, value);
        d->to.items[d->to.n++] = (struct gw_draft_address){.email = email};
    } else if (gw_slice_is(name, "tag")) {
        d->tags[d->n_tags] = field_of(q, "tag", d->n_tags, true, value);
        d->n_tags++;
    }
}

enum gw_status api_message_mime_decode(struct gw_arena *arena, struct gw_slice body,
                                       struct gw_slice query, const struct cfg *cfg,
                                       struct gw_draft *out, struct gw_problems *problems)
{
    char value[API_MAX_QUERY_VALUE + 1];
    struct gw_slice name;
    size_t len;
    size_t most = most_parameters(query);
    struct query q = {.arena = arena, .problems = problems, .draft = out};
    (void)cfg;
    *out = (struct gw_draft){.borrows_body = true,
                             .raw = {.value = body, .pointer = ""},
                             .to = {.pointer = "/query/to"}};
    out->to.items = GW_ARENA_ARRAY(arena, struct gw_draft_address, most);
    out->tags = GW_ARENA_ARRAY(arena, struct gw_field, most);
    while (api_query_next(&query, &name, value, sizeof(value), &len))
        take(&q, name, gw_slice_of(value, len));
    return problems->n > 0 ? GW_INVALID : GW_OK;
}
