/* SPDX-License-Identifier: MIT */
/* Streams of events.
 *
 * Happy path: request → where does the list end? → headers, position → page → sent → page … → news
 * → page. A tick once a second sends heartbeats and ends what is old or stuck.
 * Failure: the store's ends the stream, and the client asks again with Last-Event-ID. */
#include "api/event_streams.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "api/event_view.h"
#include "api/message_record.h"
#include "api/problem.h"
#include "api/routes.h"
#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_mem.h"
#include "gateway/events.h"
#include "gateway/metrics.h"

enum {
    MAX_CHUNK = 8 << 20, /* a page of the longest replies, escaped */
    TICK_MS = 1000
};

struct api_event_streams {
    struct api_context *context;
    struct gw_event_listener listener;
    struct gw_list all; /* of struct stream */
    size_t n;
    uv_timer_t tick, round;
};

struct stream {
    struct gw_list link;
    struct api_event_streams *owner;
    struct api_request *request;
    struct gw_call *call;        /* to the store, or NULL */
    struct gw_arena *arena;      /* texts of query */
    struct gw_event_query query; /* after: our position */
    int64_t resume;              /* where the client was, -1: it is new */
    int64_t told;                /* the position that the client knows */
    int64_t opened_ms, asked_ms, sent_ms;
    bool started, news, more, aborted;
};

static void ask(struct stream *s);
static void on_round(uv_timer_t *timer);

/* ---- the end ---- */

static void free_stream(struct stream *s, enum api_stream_end why)
{
    static const char *const names[] = {
#define API_STREAM_END_NAME(name, text) [name] = (text),
        API_STREAM_END_TABLE(API_STREAM_END_NAME)
#undef API_STREAM_END_NAME
    };
    gw_metric_add(GW_METRIC_EVENT_STREAM_ENDS, 1, GW_LABELS(names[why]));
    gw_metric_set(GW_METRIC_EVENT_STREAMS, (int64_t)--s->owner->n, NULL);
    if (s->call != NULL)
        gw_call_abandon(s->call);
    gw_list_remove(&s->link);
    gw_arena_free(&s->arena);
    gw_free(s);
}

/* What was sent last has not left for as long as any connection may stall. */
static bool is_stuck(const struct stream *s, int64_t now_ms)
{
    return now_ms - s->sent_ms >= s->owner->context->cfg->limits.stall_window_ms;
}

static void on_client_gone(void *data)
{
    struct stream *s = data;
    /* the sweeper may have been first */
    bool slow = s->started && api_stream_busy(s->request) && is_stuck(s, gw_clock_mono_ms());
    free_stream(s, slow ? API_STREAM_SLOW : API_STREAM_CLIENT);
}

static void end(struct stream *s, enum api_stream_end why)
{
    struct api_request *r = s->request;
    bool started = s->started;
    free_stream(s, why);
    if (started)
        api_stream_end(r);
    else
        api_problem(r, API_DRAINING, "The server is shutting down; ask again in a moment.");
}

void api_event_streams_end(struct api_event_streams *streams, enum api_stream_end why)
{
    gw_list_foreach_safe (it, &streams->all) {
        struct stream *s = gw_list_entry(it, struct stream, link);
        if (s->started || why == API_STREAM_DRAIN)
            end(s, why);
    }
}

/* ---- pages ---- */

static void write_event(struct gw_buf *out, const struct gw_event *e)
{
    (void)gw_buf_printf(out, "id: %" PRId64 "\nevent: %s\ndata: ", e->seq,
                        gw_event_type_name(e->type));
    struct api_json j = {.out = out};
    api_event_view(&j, NULL, e);
    (void)gw_buf_add_str(out, "\n\n");
}

/* An id without data moves the client's position, and nothing else. */
static void write_position(struct gw_buf *out, struct stream *s)
{
    if (s->told != s->query.after)
        (void)gw_buf_printf(out, "id: %" PRId64 "\n", s->query.after);
    s->told = s->query.after;
    (void)gw_buf_add_str(out, ":\n\n");
}

static void send_chunk(struct stream *s, struct gw_buf *chunk)
{
    s->sent_ms = gw_clock_mono_ms();
    api_stream_send(s->request, chunk);
}

/* Ask for what there is, unless something is under way or the last look was just now. */
static void pump(struct stream *s)
{
    struct api_event_streams *all = s->owner;
    if (s->call != NULL || !s->started || api_stream_busy(s->request) || (!s->more && !s->news))
        return;
    if (s->more || gw_clock_mono_ms() - s->asked_ms >= API_EVENT_ROUND_MS)
        ask(s);
    else if (!uv_is_active((uv_handle_t *)&all->round))
        (void)uv_timer_start(&all->round, on_round, API_EVENT_ROUND_MS, 0);
}

static void on_ready(void *data)
{
    pump(data);
}

static void on_page(enum gw_status status, const struct gw_event *events, size_t n, int64_t next,
                    bool more, void *data)
{
    struct stream *s = data;
    struct gw_buf chunk;
    s->call = NULL;
    if (status != GW_OK) {
        end(s, API_STREAM_STORE);
        return;
    }
    s->query.after = next;
    s->more = more;
    gw_buf_init(&chunk, MAX_CHUNK);
    for (size_t i = 0; i < n; i++)
        write_event(&chunk, &events[i]);
    if (chunk.overflowed) {
        gw_buf_deinit(&chunk);
        end(s, API_STREAM_STORE);
    } else if (n > 0) {
        s->told = events[n - 1].seq;
        send_chunk(s, &chunk);
    } else {
        pump(s);
    }
}

static void ask(struct stream *s)
{
    s->news = false;
    s->asked_ms = gw_clock_mono_ms();
    s->call = gw_events_after(s->owner->context->gateway, &s->query, on_page, s);
}

/* ---- the beginning ---- */

static void on_end_known(enum gw_status status, const struct gw_event *events, size_t n,
                         int64_t last, bool more, void *data)
{
    struct stream *s = data;
    struct api_request *r = s->request;
    struct gw_buf chunk;
    (void)events;
    (void)n;
    (void)more;
    s->call = NULL;
    if (status != GW_OK) {
        free_stream(s, API_STREAM_STORE);
        api_message_failed(r, status);
        return;
    }
    /* a position that this list never reached is from another one: everything here is new */
    s->query.after = s->resume < 0 ? last : s->resume <= last ? s->resume : 0;
    s->more = s->query.after != last;
    s->started = true;
    api_set_header(r, "cache-control", "no-store");
    api_set_header(r, "x-accel-buffering", "no");
    api_stream_start(r, "text/event-stream", on_ready, s);
    gw_buf_init(&chunk, MAX_CHUNK);
    (void)gw_buf_printf(&chunk, "retry: %d\n", API_EVENT_RETRY_MS);
    write_position(&chunk, s);
    send_chunk(s, &chunk);
}

/* Of "a,b.*"; false: the request is answered. */
static bool read_types(struct api_request *r, unsigned *types)
{
    const char *at = api_request_query(r, "type");
    *types = 0;
    while (at != NULL) {
        size_t len = strcspn(at, ",");
        unsigned like = gw_event_types_like(gw_slice_of(at, len));
        if (like == 0) {
            api_problem(r, API_UNKNOWN_PARAMETER,
                        "type must be events such as recipient.sent or recipient.*, with commas "
                        "between them.");
            return false;
        }
        *types |= like;
        at = at[len] == ',' ? at + len + 1 : NULL;
    }
    return true;
}

/* From the header, or the parameter, which is for those who cannot set a header. */
static bool read_resume(struct api_request *r, int64_t *out)
{
    struct gw_slice value;
    const char *text = api_request_query(r, "last_event_id");
    if (api_request_headers(r, "last-event-id", &value, 1) == 1 && value.len > 0)
        text = api_request_strdup(r, value);
    *out = -1;
    if (text == NULL)
        return true;
    char *end;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0) {
        *out = v;
        return true;
    }
    api_problem(r, API_UNKNOWN_PARAMETER, "Last-Event-ID must be the id of an event.");
    return false;
}

static bool read_query(struct api_request *r, struct gw_event_query *q, int64_t *resume)
{
    q->tenant = api_request_tenant(r);
    q->id = api_request_query(r, "message");
    q->tag = api_request_query(r, "tag");
    q->operations = r->api_key != NULL && (r->api_key->scopes & CFG_SCOPE_ADMIN) != 0;
    q->max = API_EVENT_PAGE;
    if (q->id != NULL && !api_message_id_valid(q->id)) {
        api_problem(r, API_UNKNOWN_PARAMETER, "message must be the id of a message.");
        return false;
    }
    return read_types(r, &q->types) && read_resume(r, resume);
}

static bool has_room(struct api_request *r)
{
    const struct api_event_streams *all = r->context->event_streams;
    size_t n_of_key = 0;
    gw_list_foreach (it, &all->all) {
        const struct stream *s = gw_list_entry(it, struct stream, link);
        n_of_key += strcmp(s->query.tenant, api_request_tenant(r)) == 0;
    }
    bool key_full = r->api_key != NULL && n_of_key >= API_MAX_EVENT_STREAMS_PER_KEY;
    if (all->n < API_MAX_EVENT_STREAMS && !key_full &&
        api_stream_siblings(r) < API_MAX_EVENT_STREAMS_PER_CONNECTION)
        return true;
    api_problem(r, API_OVERLOADED, "Too many event streams are open; ask again in a moment.");
    return false;
}

static void get_events(struct api_request *r)
{
    struct api_event_streams *all = r->context->event_streams;
    struct gw_event_query q = {.after = 0};
    int64_t resume;
    if (!read_query(r, &q, &resume))
        return;
    if (gw_slice_is(r->method, "HEAD")) {
        api_answer_static(r, 200, "text/event-stream", GW_SLICE_LIT(""));
        return;
    }
    if (!has_room(r))
        return;
    struct stream *s = gw_calloc(1, sizeof(*s));
    s->owner = all;
    s->request = r;
    s->resume = resume;
    s->arena = gw_arena_new(0);
    s->query = gw_event_query_copy(s->arena, &q);
    s->told = -1;
    s->opened_ms = gw_clock_mono_ms();
    gw_list_push_back(&all->all, &s->link);
    gw_metric_set(GW_METRIC_EVENT_STREAMS, (int64_t)++all->n, NULL);
    api_request_hold(r, on_client_gone, s);
    q.after = GW_EVENTS_LATEST;
    s->call = gw_events_after(r->context->gateway, &q, on_end_known, s);
}

const struct api_route api_event_routes[] = {
    {"GET", "/v1/events", get_events, CFG_SCOPE_READ, 0, "type message tag last_event_id"},
    {0},
};

/* ---- what happens to all of them ---- */

static void on_news(void *data)
{
    struct api_event_streams *all = data;
    gw_list_foreach (it, &all->all) {
        struct stream *s = gw_list_entry(it, struct stream, link);
        s->news = true;
        pump(s);
    }
}

static void on_round(uv_timer_t *timer)
{
    struct api_event_streams *all = timer->data;
    gw_list_foreach (it, &all->all)
        pump(gw_list_entry(it, struct stream, link));
}

static void look_after(struct stream *s, int64_t now_ms)
{
    const struct cfg_limits *limits = &s->owner->context->cfg->limits;
    int64_t silent_ms = now_ms - s->sent_ms;
    struct gw_buf chunk;
    if (!s->started || s->aborted)
        return;
    if (api_stream_busy(s->request)) {
        s->aborted = is_stuck(s, now_ms);
        if (s->aborted)
            api_stream_abort(s->request);
    } else if (api_stream_left(s->request)) {
        end(s, API_STREAM_CLIENT);
    } else if (now_ms - s->opened_ms >= limits->connection_age_ms) {
        end(s, API_STREAM_AGE);
    } else if (silent_ms >= API_EVENT_HEARTBEAT_MS) {
        gw_buf_init(&chunk, MAX_CHUNK);
        write_position(&chunk, s);
        send_chunk(s, &chunk);
    }
}

static void on_tick(uv_timer_t *timer)
{
    struct api_event_streams *all = timer->data;
    int64_t now = gw_clock_mono_ms();
    gw_list_foreach_safe (it, &all->all)
        look_after(gw_list_entry(it, struct stream, link), now);
}

struct api_event_streams *api_event_streams_new(uv_loop_t *loop, struct api_context *context)
{
    struct api_event_streams *all = gw_calloc(1, sizeof(*all));
    all->context = context;
    gw_list_init(&all->all);
    all->listener = (struct gw_event_listener){.on_news = on_news, .data = all};
    gw_events_listen(context->gateway, &all->listener);
    all->tick.data = all;
    all->round.data = all;
    CHECK(uv_timer_init(loop, &all->tick) == 0 && uv_timer_init(loop, &all->round) == 0);
    CHECK(uv_timer_start(&all->tick, on_tick, TICK_MS, TICK_MS) == 0);
    uv_unref((uv_handle_t *)&all->tick);
    uv_unref((uv_handle_t *)&all->round);
    return all;
}
