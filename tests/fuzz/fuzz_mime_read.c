/* SPDX-License-Identifier: MIT */
/* Fuzz target: any octets as a message. What comes out is text, and no larger than it may be. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_utf8.h"
#include "gateway/mime_read.h"

/* The name that libFuzzer calls. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text)
{
    CHECK(text != NULL && gw_utf8_valid(gw_slice_str(text)));
}

static void check_addresses(const struct gw_read_addresses *list)
{
    CHECK(list->n <= GW_MIME_READ_MAX_ADDRESSES);
    for (size_t i = 0; i < list->n; i++) {
        check_text(list->items[i].name);
        check_text(list->items[i].email);
    }
}

static void check_message(const struct gw_read_message *m, size_t size)
{
    check_text(m->subject);
    check_text(m->message_id);
    check_text(m->date);
    check_addresses(&m->from);
    check_addresses(&m->to);
    check_addresses(&m->cc);
    check_addresses(&m->reply_to);
    CHECK(m->n_headers <= GW_MIME_READ_MAX_HEADERS);
    for (size_t i = 0; i < m->n_headers; i++)
        check_text(m->headers[i].value);
    CHECK(gw_utf8_valid(m->text) && gw_utf8_valid(m->html));
    CHECK(m->text.len <= 3 * size && m->html.len <= 3 * size);
    CHECK(m->n_attachments <= GW_MIME_READ_MAX_PARTS);
    for (size_t i = 0; i < m->n_attachments; i++) {
        check_text(m->attachments[i].filename);
        check_text(m->attachments[i].content_type);
        check_text(m->attachments[i].content_id);
        CHECK(m->attachments[i].content.len <= size);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gw_slice raw = gw_slice_of((const char *)data, size);
    struct gw_arena *arena = gw_arena_new(0);
    struct gw_read_message m;
    struct gw_read_message sizes;
    gw_mime_read(arena, raw, GW_MIME_READ_BODIES | GW_MIME_READ_CONTENTS, &m);
    check_message(&m, size);
    gw_mime_read(arena, raw, 0, &sizes);
    CHECK(sizes.n_attachments == m.n_attachments);
    for (size_t i = 0; i < m.n_attachments; i++)
        CHECK(sizes.attachments[i].content.len == m.attachments[i].content.len);
    if (size <= GW_MIME_READ_SUBJECT_WITHIN)
        CHECK(strcmp(gw_mime_read_subject(arena, raw), m.subject) == 0);
    gw_arena_free(&arena);
    return 0;
}
