/* SPDX-License-Identifier: MIT */
/* What the sandbox relay caught, and waits for it; over a real socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/sandbox.h"
#include "tests/lib/line_client.h"
#include "tests/lib/loop_util.h"

struct answer {
    struct fixture *fixture;
    bool called;
    char id[64]; /* "" for NULL */
    struct gw_sandbox_wait *cancel;
    bool clear;
};

struct fixture {
    uv_loop_t loop;
    struct gw_workers *workers;
    struct gw_sandbox *sandbox;
    size_t n_progress;
    struct line_client client;
    struct answer answers[4];
    bool closed;
};

static void on_closed(void *data)
{
    *(bool *)data = true;
}

static void on_progress(void *data)
{
    ((struct fixture *)data)->n_progress++;
}

static struct fixture *begin(void)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    for (size_t i = 0; i < 4; i++)
        f->answers[i].fixture = f;
    assert_int_equal(uv_loop_init(&f->loop), 0);
    assert_int_equal(gw_workers_new(&f->loop, 1, 2, &f->workers, NULL), GW_OK);
    static const struct cfg_sandbox plain = {.tls = CFG_TLS_NONE};
    struct gw_sandbox_env env = {.loop = &f->loop,
                                 .workers = f->workers,
                                 .cfg = &plain,
                                 .on_progress = on_progress,
                                 .data = f};
    assert_int_equal(gw_sandbox_new(&env, &f->sandbox, NULL), GW_OK);
    line_client_connect(&f->client, &f->loop, gw_sandbox_port(f->sandbox));
    line_client_expect(&f->client, "220 ");
    line_client_ask(&f->client, "EHLO client.example\r\n", "\r\n250 ");
    return f;
}

static void end(struct fixture *f)
{
    line_client_close(&f->client);
    if (f->sandbox != NULL)
        gw_sandbox_close(f->sandbox, on_closed, &f->closed);
    test_loop_until(&f->loop, &f->closed);
    f->closed = false;
    gw_workers_close(f->workers, on_closed, &f->closed);
    test_loop_until(&f->loop, &f->closed);
    test_loop_end(&f->loop);
    free(f);
}

static void send_mail(struct fixture *f, const char *rcpt, const char *subject)
{
    char text[1024];
    (void)snprintf(text, sizeof(text),
                   "MAIL FROM:<a@example.com>\r\nRCPT TO:<%s>\r\nDATA\r\nSubject: %s\r\n\r\nhi\r\n"
                   ".\r\n",
                   rcpt, subject);
    line_client_ask(&f->client, text, "kept as ");
}

static void on_item(const struct gw_sandbox_item *item, void *data)
{
    struct answer *a = data;
    assert_false(a->called);
    a->called = true;
    (void)snprintf(a->id, sizeof(a->id), "%s", item != NULL ? item->id : "");
    if (a->cancel != NULL)
        gw_sandbox_wait_cancel(a->cancel);
    if (a->clear)
        gw_sandbox_clear(a->fixture->sandbox);
}

static struct gw_sandbox_wait *wait_for(struct fixture *f, size_t i, const char *to,
                                        const char *subject, int64_t timeout_ms)
{
    struct gw_sandbox_wait *w =
        gw_sandbox_wait(f->sandbox, to, subject, timeout_ms, on_item, &f->answers[i]);
    assert_non_null(w);
    assert_false(f->answers[i].called);
    return w;
}

static void items_are_found_listed_and_deleted(void **state)
{
    (void)state;
    struct fixture *f = begin();
    struct gw_sandbox_item item;
    struct gw_sandbox_item same;
    send_mail(f, "one@x", "1");
    send_mail(f, "two@x", "2");
    assert_int_equal(gw_sandbox_count(f->sandbox), 2);
    assert_true(gw_sandbox_at(f->sandbox, 0, &item));
    assert_string_equal(item.rcpts[0], "two@x");
    assert_string_equal(item.mail_from, "a@example.com");
    assert_int_equal(item.n_rcpts, 1);
    assert_null(item.tls);
    assert_true(item.received_at_ms > 1000000);
    assert_memory_equal(item.raw.data, "Subject: 2\r\n\r\nhi\r\n", item.raw.len);
    assert_true(gw_sandbox_find(f->sandbox, item.id, &same));
    assert_ptr_equal(item.id, same.id);
    char id[64];
    (void)snprintf(id, sizeof(id), "%s", item.id);
    assert_true(gw_sandbox_delete(f->sandbox, id));
    assert_false(gw_sandbox_delete(f->sandbox, id));
    assert_false(gw_sandbox_find(f->sandbox, id, &same));
    assert_false(gw_sandbox_at(f->sandbox, 1, &item));
    gw_sandbox_clear(f->sandbox);
    assert_int_equal(gw_sandbox_count(f->sandbox), 0);
    end(f);
}

static void a_wait_finds_the_newest_that_is_there(void **state)
{
    (void)state;
    struct fixture *f = begin();
    send_mail(f, "ann@x", "first");
    send_mail(f, "ann@x", "second");
    struct gw_sandbox_item newest;
    struct gw_sandbox_item older;
    assert_true(gw_sandbox_at(f->sandbox, 0, &newest));
    assert_true(gw_sandbox_at(f->sandbox, 1, &older));
    wait_for(f, 0, NULL, NULL, 20000);
    wait_for(f, 1, "ANN@X", "irs", 20000);
    test_loop_until(&f->loop, &f->answers[0].called);
    test_loop_until(&f->loop, &f->answers[1].called);
    assert_string_equal(f->answers[0].id, newest.id);
    assert_string_equal(f->answers[1].id, older.id);
    end(f);
}

static void a_wait_ends_with_the_message_that_matches(void **state)
{
    (void)state;
    struct fixture *f = begin();
    wait_for(f, 0, "ann@x", "=", 20000);
    wait_for(f, 1, "ann@x", "Ü", 20000);
    send_mail(f, "bob@x", "Ü");
    send_mail(f, "ann@x", "other");
    assert_false(f->answers[1].called);
    send_mail(f, "ann@x", "=?utf-8?Q?=C3=9Cber?=");
    assert_true(f->answers[1].called);
    assert_false(f->answers[0].called); /* the subject is compared decoded */
    struct gw_sandbox_item newest;
    assert_true(gw_sandbox_at(f->sandbox, 0, &newest));
    assert_string_equal(f->answers[1].id, newest.id);
    end(f);
}

static void a_wait_ends_without_a_message_when_its_time_is_up(void **state)
{
    (void)state;
    struct fixture *f = begin();
    send_mail(f, "bob@x", "1");
    wait_for(f, 0, "ann@x", NULL, 0);
    wait_for(f, 1, "ann@x", NULL, 5);
    test_loop_until(&f->loop, &f->answers[0].called);
    test_loop_until(&f->loop, &f->answers[1].called);
    assert_string_equal(f->answers[0].id, "");
    assert_string_equal(f->answers[1].id, "");
    end(f);
}

static void a_callback_may_cancel_and_delete(void **state)
{
    (void)state;
    struct fixture *f = begin();
    wait_for(f, 0, NULL, NULL, 20000);
    f->answers[0].cancel = wait_for(f, 1, NULL, NULL, 20000);
    f->answers[0].clear = true;
    wait_for(f, 2, NULL, NULL, 20000);
    send_mail(f, "ann@x", "1");
    assert_true(f->answers[0].called);
    assert_string_not_equal(f->answers[0].id, "");
    assert_false(f->answers[1].called);
    assert_false(f->answers[2].called); /* nothing is left for it */
    send_mail(f, "ann@x", "2");
    assert_true(f->answers[2].called);
    assert_false(f->answers[1].called);
    end(f);
}

static void closing_ends_waits(void **state)
{
    (void)state;
    struct fixture *f = begin();
    wait_for(f, 0, NULL, NULL, 20000);
    gw_sandbox_close(f->sandbox, on_closed, &f->closed);
    f->sandbox = NULL;
    test_loop_until(&f->loop, &f->closed);
    assert_true(f->answers[0].called);
    assert_string_equal(f->answers[0].id, "");
    end(f);
}

static void ignore(const struct gw_sandbox_item *item, void *data)
{
    (void)item;
    (void)data;
}

static void only_so_many_may_wait(void **state)
{
    (void)state;
    struct fixture *f = begin();
    struct gw_sandbox_wait *w = NULL;
    for (int i = 0; i < GW_SANDBOX_MAX_WAITS; i++) {
        w = gw_sandbox_wait(f->sandbox, NULL, NULL, 20000, ignore, NULL);
        assert_non_null(w);
    }
    assert_null(gw_sandbox_wait(f->sandbox, NULL, NULL, 20000, ignore, NULL));
    gw_sandbox_wait_cancel(w);
    assert_non_null(gw_sandbox_wait(f->sandbox, NULL, NULL, 20000, ignore, NULL));
    end(f);
}

/* ---- readings ---- */

static void render_subjects(const struct gw_sandbox_parsed *parsed, size_t n, struct gw_buf *out)
{
    for (size_t i = 0; i < n; i++)
        (void)gw_buf_printf(out, "%s:%s:%.*s;", parsed[i].item.rcpts[0], parsed[i].message.subject,
                            GW_SLICE_ARG(parsed[i].message.text));
}

struct reading {
    bool called;
    char text[256];
};

static void on_reading(struct gw_buf *rendered, void *data)
{
    struct reading *r = data;
    r->called = true;
    (void)snprintf(r->text, sizeof(r->text), "%.*s", GW_SLICE_ARG(gw_buf_view(rendered)));
}

static bool all_read(void *data)
{
    return ((struct fixture *)data)->n_progress == 2;
}

static void messages_are_read_in_the_pool_even_when_deleted_meanwhile(void **state)
{
    (void)state;
    struct fixture *f = begin();
    struct gw_sandbox_item items[2];
    struct reading reading = {.called = false};
    struct reading abandoned = {.called = false};
    send_mail(f, "one@x", "=?utf-8?Q?=C3=A4?=");
    send_mail(f, "two@x", "2");
    assert_true(gw_sandbox_at(f->sandbox, 0, &items[0]));
    assert_true(gw_sandbox_at(f->sandbox, 1, &items[1]));
    const char *ids[] = {items[0].id, "gone", items[1].id};
    const struct gw_sandbox_query query = {
        .ids = ids, .n = 3, .what = GW_MIME_READ_BODIES, .render = render_subjects};
    assert_non_null(gw_sandbox_read(f->sandbox, &query, on_reading, &reading));
    struct gw_sandbox_reading *second = gw_sandbox_read(f->sandbox, &query, on_reading, &abandoned);
    assert_non_null(second);
    assert_null(gw_sandbox_read(f->sandbox, &query, on_reading, &abandoned));
    gw_sandbox_clear(f->sandbox);
    gw_sandbox_reading_abandon(second);
    assert_false(reading.called);
    test_loop_until_true(&f->loop, all_read, f);
    assert_string_equal(reading.text, "two@x:2:hi\n;one@x:ä:hi\n;");
    assert_false(abandoned.called);
    end(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_are_found_listed_and_deleted),
        cmocka_unit_test(a_wait_finds_the_newest_that_is_there),
        cmocka_unit_test(a_wait_ends_with_the_message_that_matches),
        cmocka_unit_test(a_wait_ends_without_a_message_when_its_time_is_up),
        cmocka_unit_test(a_callback_may_cancel_and_delete),
        cmocka_unit_test(closing_ends_waits),
        cmocka_unit_test(only_so_many_may_wait),
        cmocka_unit_test(messages_are_read_in_the_pool_even_when_deleted_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
