/* SPDX-License-Identifier: MIT */
/* The message model: the status word of the whole, and copies that stand on their own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/message.h"

enum {
    MAX = 4
};

static void status_word_follows_the_recipients(void **state)
{
    (void)state;
    static const struct {
        size_t n;
        enum gw_rcpt_status s[MAX];
        const char *word;
        bool is_final;
    } cases[] = {
        {1, {GW_RCPT_QUEUED}, "queued", false},
        {2, {GW_RCPT_SCHEDULED, GW_RCPT_SCHEDULED}, "scheduled", false},
        {2, {GW_RCPT_SENT, GW_RCPT_SENT}, "sent", true},
        {2, {GW_RCPT_REJECTED, GW_RCPT_REJECTED}, "rejected", true},
        {1, {GW_RCPT_UNCERTAIN}, "uncertain", true},
        {2, {GW_RCPT_SENT, GW_RCPT_REJECTED}, "partial", true},
        {3, {GW_RCPT_EXPIRED, GW_RCPT_SENT, GW_RCPT_REJECTED}, "partial", true},
        {2, {GW_RCPT_EXPIRED, GW_RCPT_REJECTED}, "failed", true},
        {2, {GW_RCPT_CANCELED, GW_RCPT_SUPPRESSED}, "failed", true},
        {2, {GW_RCPT_SENT, GW_RCPT_DEFERRED}, "deferred", false},
        {3, {GW_RCPT_SENDING, GW_RCPT_DEFERRED, GW_RCPT_SENT}, "deferred", false},
        {3, {GW_RCPT_SENDING, GW_RCPT_DEFERRED, GW_RCPT_QUEUED}, "queued", false},
        {4,
         {GW_RCPT_SENDING, GW_RCPT_DEFERRED, GW_RCPT_QUEUED, GW_RCPT_SCHEDULED},
         "scheduled",
         false},
        {2, {GW_RCPT_REJECTED, GW_RCPT_SENDING}, "sending", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct gw_recipient rcpts[MAX] = {{.email = NULL}};
        for (size_t j = 0; j < cases[i].n; j++)
            rcpts[j].status = cases[i].s[j];
        struct gw_message m = {.rcpts = rcpts, .n_rcpts = cases[i].n};
        assert_string_equal(gw_message_status(&m), cases[i].word);
        assert_int_equal(gw_message_final(&m), cases[i].is_final);
    }
}

static void at_rest_is_what_will_not_be_tried_in_the_time_that_is_left(void **state)
{
    (void)state;
    static const int64_t until = 1000;
    static const struct {
        enum gw_rcpt_status status;
        int64_t next;
        bool rests;
    } cases[] = {
        {GW_RCPT_SENT, 0, true},           {GW_RCPT_HELD, 0, true},
        {GW_RCPT_DEFERRED, 0, true}, /* given up */
        {GW_RCPT_DEFERRED, until, false},  {GW_RCPT_DEFERRED, until + 1, true},
        {GW_RCPT_SCHEDULED, until, false}, {GW_RCPT_SCHEDULED, until + 1, true},
        {GW_RCPT_QUEUED, 0, false},        {GW_RCPT_QUEUED, until + 1, true},
        {GW_RCPT_SENDING, 0, false},       {GW_RCPT_SENDING, until + 1, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct gw_recipient rcpts[] = {
            {.status = GW_RCPT_SENT},
            {.status = cases[i].status, .next_attempt_ms = cases[i].next}};
        struct gw_message m = {.rcpts = rcpts, .n_rcpts = 2};
        if (gw_message_at_rest(&m, until) != cases[i].rests)
            fail_msg("case %zu", i);
    }
}

static void names_are_the_words_of_the_api(void **state)
{
    (void)state;
    assert_string_equal(gw_rcpt_status_name(GW_RCPT_SUPPRESSED), "suppressed");
    assert_true(gw_rcpt_status_final(GW_RCPT_SENT));
    assert_false(gw_rcpt_status_final(GW_RCPT_SENDING));
    assert_string_equal(gw_rcpt_kind_name(GW_RCPT_BCC), "bcc");
    assert_string_equal(gw_category_name(GW_CATEGORY_NONE), "");
    assert_string_equal(gw_category_name(GW_CATEGORY_OTHER), "other");
}

static struct gw_message *sample(void)
{
    struct gw_arena *arena = gw_arena_new(0);
    struct gw_message *m = GW_ARENA_NEW(arena, struct gw_message);
    *m = (struct gw_message){.arena = arena, .id = "id", .n_rcpts = 2, .n_tags = 1};
    m->tenant = gw_arena_strdup(arena, "k1");
    m->subject = gw_arena_strdup(arena, "subject");
    m->mime = gw_arena_slice(arena, GW_SLICE_LIT("From: a\r\n\r\n"));
    m->rcpts = GW_ARENA_ARRAY(arena, struct gw_recipient, 2);
    m->rcpts[0].email = gw_arena_strdup(arena, "ann@example.org");
    m->rcpts[1].email = gw_arena_strdup(arena, "bob@example.org");
    m->rcpts[1].smtp.text = gw_arena_strdup(arena, "User unknown");
    m->rcpts[1].smtp.code = 550;
    m->tags = GW_ARENA_ARRAY(arena, struct gw_slice, 1);
    m->tags[0] = gw_arena_slice(arena, GW_SLICE_LIT("invoice"));
    m->metadata = GW_ARENA_ARRAY(arena, struct gw_draft_pair, 1);
    m->n_metadata = 1;
    m->metadata[0].name.value = gw_arena_slice(arena, GW_SLICE_LIT("order"));
    m->metadata[0].value.value = gw_arena_slice(arena, GW_SLICE_LIT("17"));
    return m;
}

static void copy_outlives_its_original_and_leaves_the_body_out(void **state)
{
    (void)state;
    struct gw_message *m = sample();
    size_t mime_len = m->mime.len;
    struct gw_message *c = gw_message_copy(m);
    gw_message_free(&m);
    assert_null(m);
    gw_message_free(&m); /* NULL is fine */
    assert_string_equal(c->id, "id");
    assert_string_equal(c->tenant, "k1");
    assert_string_equal(c->subject, "subject");
    assert_null(c->relay);
    assert_null(c->mime.data);
    assert_int_equal(c->mime.len, mime_len);
    assert_string_equal(c->rcpts[0].email, "ann@example.org");
    assert_null(c->rcpts[0].smtp.text);
    assert_string_equal(c->rcpts[1].smtp.text, "User unknown");
    assert_int_equal(c->rcpts[1].smtp.code, 550);
    assert_string_equal(c->tags[0].data, "invoice");
    assert_true(gw_slice_is(c->metadata[0].name.value, "order"));
    assert_string_equal(c->metadata[0].value.value.data, "17");
    assert_null(c->metadata[0].value.pointer);
    gw_message_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_word_follows_the_recipients),
        cmocka_unit_test(names_are_the_words_of_the_api),
        cmocka_unit_test(at_rest_is_what_will_not_be_tried_in_the_time_that_is_left),
        cmocka_unit_test(copy_outlives_its_original_and_leaves_the_body_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
