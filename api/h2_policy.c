/* SPDX-License-Identifier: MIT */
/* The policy on HTTP/2 frames: one function per frame type that needs one, and what each costs. */
#include "api/h2_policy.h"

#include "api/hpack_count.h"

enum {
    PRIORITY_FIELDS = 5, /* octets: dependency and weight */
    WINDOW_UPDATE_SIZE = 4
};

static const struct {
    unsigned burst, refill_ms;
    enum api_guard_reason reason;
} budgets[API_H2_N_BUDGETS] = {
    [API_H2_BUDGET_RESETS] = {API_H2_RESETS, API_H2_RESETS_REFILL_MS, API_GUARD_RESETS},
    [API_H2_BUDGET_CONTROL] = {API_H2_CONTROL_FRAMES, API_H2_CONTROL_REFILL_MS,
                               API_GUARD_CONTROL_FRAMES},
    [API_H2_BUDGET_SETTINGS] = {API_H2_SETTINGS_FRAMES, API_H2_SETTINGS_REFILL_MS,
                                API_GUARD_SETTINGS},
    [API_H2_BUDGET_WINDOW] = {API_H2_WINDOW_UPDATES, API_H2_WINDOW_REFILL_MS,
                              API_GUARD_WINDOW_UPDATES},
    [API_H2_BUDGET_EMPTY_DATA] = {API_H2_EMPTY_DATA, API_H2_EMPTY_DATA_REFILL_MS,
                                  API_GUARD_EMPTY_DATA},
};

static struct api_h2_verdict counted(enum api_h2_action action, enum api_guard_reason reason)
{
    return (struct api_h2_verdict){.action = action, .reason = reason};
}

static struct api_h2_verdict quietly(enum api_h2_action action)
{
    return counted(action, API_GUARD_N_REASONS);
}

static struct api_h2_verdict kill_for(enum api_guard_reason reason)
{
    return counted(API_H2_KILL, reason);
}

/* @verdict, or the end of the connection when that kind of frame is used up. */
static struct api_h2_verdict spend(struct api_h2_budget *b, enum api_h2_budget_kind kind,
                                   int64_t now_ms, struct api_h2_verdict verdict)
{
    double refilled = (double)(now_ms - b->buckets[kind].at_ms) / budgets[kind].refill_ms;
    double spent = b->buckets[kind].spent;
    spent = refilled < spent ? spent - refilled : 0;
    b->buckets[kind].at_ms = now_ms;
    b->buckets[kind].spent = spent + 1;
    return spent + 1 > budgets[kind].burst ? kill_for(budgets[kind].reason) : verdict;
}

void api_h2_mark_cut(struct api_h2_budget *b, uint32_t stream_id, enum api_guard_reason reason)
{
    b->cut[b->n_cut % API_H2_MAX_CUT].stream_id = stream_id;
    b->cut[b->n_cut % API_H2_MAX_CUT].reason = reason;
    b->n_cut++;
}

bool api_h2_is_cut(const struct api_h2_budget *b, uint32_t stream_id,
                   enum api_guard_reason *reason_out)
{
    for (unsigned i = 0; i < API_H2_MAX_CUT && i < b->n_cut; i++) {
        if (b->cut[i].stream_id != stream_id)
            continue;
        if (reason_out != NULL)
            *reason_out = b->cut[i].reason;
        return true;
    }
    return false;
}

/* Takes padding off; false when there is more of it than payload. */
static bool unpad(const struct api_h2_frame *f, const uint8_t **data, size_t *len)
{
    *data = f->payload;
    *len = f->length;
    if ((f->flags & API_H2_PADDED) == 0)
        return true;
    if (f->length == 0 || f->length < 1U + f->payload[0])
        return false;
    *data = f->payload + 1;
    *len = f->length - 1U - f->payload[0];
    return true;
}

bool api_h2_data(const struct api_h2_frame *f, const uint8_t **data_out, size_t *len_out)
{
    return f->stream_id != 0 && unpad(f, data_out, len_out);
}

bool api_h2_field_block(const struct api_h2_frame *f, const uint8_t **block_out, size_t *len_out)
{
    if (f->stream_id == 0 || !unpad(f, block_out, len_out))
        return false;
    if ((f->flags & API_H2_HAS_PRIORITY) == 0)
        return true;
    if (*len_out < PRIORITY_FIELDS)
        return false;
    *block_out += PRIORITY_FIELDS;
    *len_out -= PRIORITY_FIELDS;
    return true;
}

static uint32_t read_31(const uint8_t *p)
{
    return ((uint32_t)(p[0] & 0x7fU) << 24) | ((uint32_t)p[1] << 16) | ((uint32_t)p[2] << 8) | p[3];
}

/* Bodies are cut where they go over a limit, and the request is answered: 413 or 503. */
static struct api_h2_verdict judge_data(struct api_h2_budget *b, const struct api_h2_frame *f,
                                        const struct api_h2_scene *s)
{
    const uint8_t *data;
    size_t len;
    if (!api_h2_data(f, &data, &len))
        return quietly(API_H2_PASS);
    if (s->stream != API_H2_STREAM_RECEIVING) {
        if (api_h2_is_cut(b, f->stream_id, NULL))
            return quietly(API_H2_DISCARD);
        return spend(b, API_H2_BUDGET_RESETS, s->now_ms,
                     quietly(API_H2_PASS)); /* makes the library reset */
    }
    if (s->body + len > s->body_limit) {
        struct api_h2_verdict end = counted(API_H2_END, API_GUARD_BODY_LIMIT);
        end.keep = s->body_limit + 1 - s->body; /* one too many tells the request's handler */
        return end;
    }
    if (len > s->room)
        return counted(API_H2_END, API_GUARD_BODY_BUDGET);
    if (len == 0 && (f->flags & API_H2_END_STREAM) == 0)
        return spend(b, API_H2_BUDGET_EMPTY_DATA, s->now_ms, quietly(API_H2_PASS));
    return quietly(API_H2_PASS);
}

/* A block is whole in its frame, so it is bounded by the frame size that we announce; what its
 * fields refer to is bounded by their number. Priorities are ignored (RFC 9113 sec. 5.3.2): the
 * scheduler stays a flat list. */
static struct api_h2_verdict judge_headers(struct api_h2_budget *b, const struct api_h2_frame *f,
                                           const struct api_h2_scene *s)
{
    const uint8_t *block;
    size_t len;
    (void)b;
    if (s->stream == API_H2_STREAM_NONE && s->all_streams >= API_H2_STREAMS &&
        s->streams >= API_H2_FEW_STREAMS)
        return kill_for(API_GUARD_STREAMS);
    if ((f->flags & API_H2_END_HEADERS) == 0)
        return kill_for(API_GUARD_CONTINUATION);
    if (!api_h2_field_block(f, &block, &len))
        return quietly(API_H2_PASS);
    long fields = api_hpack_count(block, len);
    if (fields < 0)
        return kill_for(API_GUARD_HEADER_CODING);
    if (fields > API_MAX_HEADER_FIELDS)
        return kill_for(API_GUARD_HEADER_FIELDS);
    bool on_itself =
        (f->flags & API_H2_HAS_PRIORITY) != 0 && read_31(block - PRIORITY_FIELDS) == f->stream_id;
    if ((f->flags & API_H2_HAS_PRIORITY) == 0 || on_itself)
        return quietly(API_H2_PASS);
    return quietly(API_H2_STRIP);
}

static struct api_h2_verdict judge_priority(struct api_h2_budget *b, const struct api_h2_frame *f,
                                            const struct api_h2_scene *s)
{
    bool sound =
        f->stream_id != 0 && f->length == PRIORITY_FIELDS && read_31(f->payload) != f->stream_id;
    struct api_h2_verdict verdict = quietly(sound ? API_H2_IGNORE : API_H2_PASS);
    return spend(b, API_H2_BUDGET_CONTROL, s->now_ms, verdict);
}

static struct api_h2_verdict judge_rst_stream(struct api_h2_budget *b, const struct api_h2_frame *f,
                                              const struct api_h2_scene *s)
{
    (void)f;
    return spend(b, API_H2_BUDGET_RESETS, s->now_ms, quietly(API_H2_PASS));
}

/* A larger initial window meets the same assertion as WINDOW_UPDATE. */
static struct api_h2_verdict judge_settings(struct api_h2_budget *b, const struct api_h2_frame *f,
                                            const struct api_h2_scene *s)
{
    if ((f->flags & API_H2_ACK) != 0)
        return spend(b, API_H2_BUDGET_CONTROL, s->now_ms, quietly(API_H2_PASS));
    return spend(b, API_H2_BUDGET_SETTINGS, s->now_ms, quietly(API_H2_SETTLE));
}

static struct api_h2_verdict judge_control(struct api_h2_budget *b, const struct api_h2_frame *f,
                                           const struct api_h2_scene *s)
{
    (void)f;
    return spend(b, API_H2_BUDGET_CONTROL, s->now_ms, quietly(API_H2_PASS));
}

static struct api_h2_verdict judge_window_update(struct api_h2_budget *b,
                                                 const struct api_h2_frame *f,
                                                 const struct api_h2_scene *s)
{
    if (f->length != WINDOW_UPDATE_SIZE || f->stream_id == 0)
        return spend(b, API_H2_BUDGET_WINDOW, s->now_ms, quietly(API_H2_PASS));
    /* The library asserts that a stream is not waiting for its last write. */
    if (s->stream == API_H2_STREAM_CLOSING)
        return spend(b, API_H2_BUDGET_WINDOW, s->now_ms,
                     counted(API_H2_IGNORE, API_GUARD_CLOSING_WINDOW));
    uint32_t increment = read_31(f->payload);
    bool resets = s->stream != API_H2_STREAM_NONE &&
                  (increment == 0 || s->window + (int64_t)increment > INT32_MAX);
    return spend(b, resets ? API_H2_BUDGET_RESETS : API_H2_BUDGET_WINDOW, s->now_ms,
                 quietly(API_H2_PASS));
}

static struct api_h2_verdict judge_continuation(struct api_h2_budget *b,
                                                const struct api_h2_frame *f,
                                                const struct api_h2_scene *s)
{
    (void)b;
    (void)f;
    (void)s;
    return kill_for(API_GUARD_CONTINUATION);
}

struct api_h2_verdict api_h2_judge(struct api_h2_budget *b, const struct api_h2_frame *f,
                                   const struct api_h2_scene *scene)
{
    static struct api_h2_verdict (*const judges[API_H2_N_TYPES])(
        struct api_h2_budget *, const struct api_h2_frame *, const struct api_h2_scene *) = {
        [API_H2_DATA] = judge_data,
        [API_H2_HEADERS] = judge_headers,
        [API_H2_PRIORITY] = judge_priority,
        [API_H2_RST_STREAM] = judge_rst_stream,
        [API_H2_SETTINGS] = judge_settings,
        [API_H2_PUSH_PROMISE] = judge_control,
        [API_H2_PING] = judge_control,
        [API_H2_GOAWAY] = judge_control,
        [API_H2_WINDOW_UPDATE] = judge_window_update,
        [API_H2_CONTINUATION] = judge_continuation,
    };
    if (f->type < API_H2_N_TYPES)
        return judges[f->type](b, f, scene);
    /* RFC 9113 sec. 5.5: ignored. The library would write a line to stderr for each. */
    return spend(b, API_H2_BUDGET_CONTROL, scene->now_ms, quietly(API_H2_IGNORE));
}
