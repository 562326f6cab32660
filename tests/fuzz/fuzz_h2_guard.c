/* SPDX-License-Identifier: MIT */
/* Any bytes as HTTP/2 frames through the guard's policy, with a model of the streams that a library
 * would have: the verdict must be one that can be carried out, and no budget may be overdrawn. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "api/h2_policy.h"
#include "api/hpack_count.h"
#include "gateway/base/gw_check.h"

enum {
    FRAME_HEAD = 9,
    MAX_FRAME = 16384,
    N_STREAMS = 16
};

static const size_t body_limit = 20000;

/* libFuzzer's name for it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct model {
    struct api_h2_budget budget;
    struct {
        enum api_h2_stream standing;
        size_t body;
    } streams[N_STREAMS];
    size_t receiving;
    int64_t now_ms;
};

static void stop_receiving(struct model *m, size_t i, enum api_h2_stream standing)
{
    if (m->streams[i].standing == API_H2_STREAM_RECEIVING)
        m->receiving -= m->streams[i].body;
    m->streams[i].standing = standing;
    m->streams[i].body = 0;
}

static void take_data(struct model *m, size_t i, const struct api_h2_frame *f, size_t len)
{
    if (m->streams[i].standing != API_H2_STREAM_RECEIVING)
        return;
    m->streams[i].body += len;
    m->receiving += len;
    if ((f->flags & API_H2_END_STREAM) != 0)
        stop_receiving(m, i, API_H2_STREAM_ANSWERING);
}

/* What the library would do with a frame that passes. */
static void apply(struct model *m, size_t i, const struct api_h2_frame *f)
{
    const uint8_t *data;
    size_t len;
    if (f->type == API_H2_DATA && api_h2_data(f, &data, &len))
        take_data(m, i, f, len);
    else if (f->type == API_H2_HEADERS && f->stream_id != 0)
        stop_receiving(m, i,
                       (f->flags & API_H2_END_STREAM) != 0 ? API_H2_STREAM_ANSWERING
                                                           : API_H2_STREAM_RECEIVING);
    else if (f->type == API_H2_RST_STREAM)
        stop_receiving(m, i, API_H2_STREAM_NONE);
    else if (f->type == API_H2_PING && m->streams[i].standing == API_H2_STREAM_ANSWERING)
        m->streams[i].standing = API_H2_STREAM_CLOSING; /* an answer of ours came between */
}

static void check_budgets(const struct api_h2_budget *b, bool killed)
{
    static const double most[API_H2_N_BUDGETS] = {
        [API_H2_BUDGET_RESETS] = API_H2_RESETS,
        [API_H2_BUDGET_CONTROL] = API_H2_CONTROL_FRAMES,
        [API_H2_BUDGET_SETTINGS] = API_H2_SETTINGS_FRAMES,
        [API_H2_BUDGET_WINDOW] = API_H2_WINDOW_UPDATES,
        [API_H2_BUDGET_EMPTY_DATA] = API_H2_EMPTY_DATA,
    };
    for (size_t i = 0; i < API_H2_N_BUDGETS; i++)
        CHECK(killed || b->buckets[i].spent <= most[i]);
}

/* Judges one frame; false when the connection has ended. */
static bool step(struct model *m, const struct api_h2_frame *f)
{
    size_t i = f->stream_id % N_STREAMS;
    const struct api_h2_scene scene = {
        .stream = f->stream_id != 0 ? m->streams[i].standing : API_H2_STREAM_NONE,
        .window = f->flags,
        .body = m->streams[i].body,
        .body_limit = body_limit,
        .room = m->receiving < 2 * body_limit ? 2 * body_limit - m->receiving : 0,
        .now_ms = m->now_ms};
    struct api_h2_verdict v = api_h2_judge(&m->budget, f, &scene);
    const uint8_t *data;
    size_t len;
    check_budgets(&m->budget, v.action == API_H2_KILL);
    switch (v.action) {
    case API_H2_KILL:
        CHECK(v.reason < API_GUARD_N_REASONS);
        return false;
    case API_H2_END:
        CHECK(f->type == API_H2_DATA && scene.stream == API_H2_STREAM_RECEIVING);
        CHECK(api_h2_data(f, &data, &len) && v.keep <= len);
        CHECK(scene.body + v.keep <= body_limit + 1);
        CHECK(v.reason == API_GUARD_BODY_LIMIT || v.reason == API_GUARD_BODY_BUDGET);
        api_h2_mark_cut(&m->budget, f->stream_id, v.reason);
        stop_receiving(m, i, API_H2_STREAM_ANSWERING);
        break;
    case API_H2_DISCARD:
        CHECK(f->type == API_H2_DATA && api_h2_is_cut(&m->budget, f->stream_id, NULL));
        break;
    case API_H2_STRIP:
        CHECK(f->type == API_H2_HEADERS && api_h2_field_block(f, &data, &len));
        CHECK(api_hpack_count(data, len) <= API_MAX_HEADER_FIELDS);
        apply(m, i, f);
        break;
    case API_H2_IGNORE:
        CHECK(f->type != API_H2_DATA && f->type != API_H2_HEADERS);
        break;
    case API_H2_PASS:
    case API_H2_SETTLE:
        CHECK(f->type != API_H2_CONTINUATION && f->type < API_H2_N_TYPES);
        CHECK(f->type != API_H2_WINDOW_UPDATE || f->length != 4 || f->stream_id == 0 ||
              scene.stream != API_H2_STREAM_CLOSING);
        apply(m, i, f);
        break;
    }
    CHECK(m->receiving <= 2 * body_limit + MAX_FRAME);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct model m = {.now_ms = 1};
    while (size >= FRAME_HEAD) {
        struct api_h2_frame f = {
            .length = (uint32_t)data[0] << 16 | (uint32_t)data[1] << 8 | data[2],
            .type = data[3],
            .flags = data[4],
            .stream_id = (uint32_t)(data[5] & 0x7fU) << 24 | (uint32_t)data[6] << 16 |
                         (uint32_t)data[7] << 8 | data[8],
            .payload = data + FRAME_HEAD};
        m.now_ms += data[5] >> 7;
        if (f.length > MAX_FRAME || f.length > size - FRAME_HEAD || !step(&m, &f))
            break;
        data += FRAME_HEAD + f.length;
        size -= FRAME_HEAD + f.length;
    }
    return 0;
}
