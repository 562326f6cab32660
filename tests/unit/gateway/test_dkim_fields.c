/* SPDX-License-Identifier: MIT */
/* What may be signed: canonical messages only, and which of their fields. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/base/gw_buf.h"
#include "gateway/base/gw_mem.h"
#include "gateway/dkim_fields.h"

#define MUST "From: a@b\r\nDate: x\r\nMessage-ID: <1@b>\r\n"

/* Bytes, and what the error must say (NULL: fine). */
static const struct {
    struct gw_slice message;
    const char *error;
} cases[] = {
#define CASE(text, error) \
    { \
        {(text), sizeof(text) - 1}, (error) \
    }
    CASE(MUST "\r\n", NULL),
    CASE(MUST "\r\nbody\r\n", NULL),
    CASE(MUST "Subject: a\r\n\tb\r\n c\r\n\r\nbody\r\n", NULL),
    CASE(MUST "X:\r\n\r\n", NULL),
    CASE(MUST "X-High: \303\244\r\n\r\n\303\244\r\n", NULL),
    CASE("", "no end of the header"),
    CASE("\r", "no CRLF at the end"),
    CASE("\n", "bare LF"),
    CASE("\r\n", "0 From header fields"),
    CASE(MUST, "no end of the header"),
    CASE(MUST "\r", "no CRLF at the end"),
    CASE("From: a@b\r\nDate: x\r\n\r\n", "0 Message-ID header fields"),
    CASE("Date: x\r\nMessage-ID: <1@b>\r\n\r\n", "0 From header fields"),
    CASE("From: a@b\r\nMessage-ID: <1@b>\r\n\r\n", "0 Date header fields"),
    CASE(MUST "From: a@b\r\n\r\n", "2 From header fields"),
    CASE(MUST "from: a@b\r\n\r\n", "2 From header fields"),
    CASE(MUST "DATE: x\r\n\r\n", "2 Date header fields"),
    CASE(MUST "Message-Id: x\r\n\r\n", "2 Message-ID header fields"),
    CASE(MUST "To: a\r\nTo: b\r\n\r\n", "2 To header fields"),
    CASE(MUST "Subject: a\r\nSubject: b\r\n\r\n", "2 Subject header fields"),
    CASE(MUST "Content-Type: a\r\nContent-Type: b\r\n\r\n", "2 Content-Type header fields"),
    CASE(MUST "X-A: 1\r\nX-A: 2\r\nList-Id: 1\r\nList-Id: 2\r\n\r\n", NULL),
    CASE(MUST "\r\nbody", "no CRLF at the end"),
    CASE(MUST "\r\nbody\n", "bare LF"),
    CASE(MUST "\r\nbody\r", "no CRLF at the end"),
    CASE(MUST "\r\n\n", "bare LF"),
    CASE(MUST "\r\na\nb\r\n", "bare LF"),
    CASE(MUST "\r\na\rb\r\n", "bare CR"),
    CASE(MUST "\r\na\r\r\n", "bare CR"),
    CASE(MUST "\r\n\r\r\n", "bare CR"),
    CASE(MUST "\r\na\0b\r\n", "NUL"),
    CASE(MUST "X: a\0b\r\n\r\n", "NUL"),
    CASE(MUST "X: a\nBcc: z\r\n\r\n", "bare LF"),
    CASE(MUST "X: a\rBcc: z\r\n\r\n", "bare CR"),
    CASE(MUST "X: a\013b\r\n\r\n", "control character"),
    CASE(MUST "X: a\r\n \014\r\n\r\n", "control character"),
    CASE(MUST "no colon\r\n\r\n", "malformed"),
    CASE(MUST ": empty name\r\n\r\n", "malformed"),
    CASE(MUST "Space : x\r\n\r\n", "malformed"),
    CASE(MUST "H\303\244: x\r\n\r\n", "malformed"),
    CASE(" leading: fold\r\n" MUST "\r\n", "malformed"),
#undef CASE
};

static void only_canonical_messages_pass(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct gw_dkim_fields fields;
        struct gw_err err = {0};
        enum gw_status st = gw_dkim_fields_pick(cases[i].message, &fields, &err);
        if (st != (cases[i].error != NULL ? GW_INVALID : GW_OK) ||
            (cases[i].error != NULL && strstr(err.text, cases[i].error) == NULL))
            fail_msg("case %zu: status %d, %s", i, (int)st, err.text);
    }
}

/* Every cut of a good message is judged without reading past its end. */
static void no_prefix_of_a_message_is_overread(void **state)
{
    (void)state;
    static const char whole[] = MUST "Subject: a\r\n b\r\n\r\nbody\r\n\r\n";
    for (size_t len = 0; len < sizeof(whole); len++) {
        struct gw_dkim_fields fields;
        struct gw_err err;
        char *copy = gw_malloc(len);
        memcpy(copy, whole, len);
        enum gw_status st = gw_dkim_fields_pick(gw_slice_of(copy, len), &fields, &err);
        assert_int_equal(st, len == strlen(whole) || len == strlen(whole) - 2 ||
                                     len == strlen(whole) - 8
                                 ? GW_OK
                                 : GW_INVALID);
        gw_free(copy);
    }
}

static void listed_fields_are_signed_and_no_others(void **state)
{
    (void)state;
    static const char message[] = "Received: x\r\nDKIM-Signature: v=1\r\nReturn-Path: <>\r\n"
                                  "Bcc: z\r\nX-Custom: 1\r\nSender: s\r\nLIST-ID: l\r\n"
                                  "List-: no\r\nListing: no\r\nList-;: no\r\nList-a=b: no\r\n"
                                  "Reply-To: r\r\nCc: c\r\n" MUST
                                  "In-Reply-To: i\r\nReferences: r\r\n b\r\nMIME-Version: 1.0\r\n"
                                  "Content-Type: t\r\nContent-Transfer-Encoding: 7bit\r\n"
                                  "Content-Id: no\r\nTo: t\r\nSubject: s\r\n"
                                  "List-Unsubscribe-Post: p\r\n\r\n";
    static const char *const wanted[] = {"LIST-ID: l",
                                         "Reply-To: r",
                                         "Cc: c",
                                         "From: a@b",
                                         "Date: x",
                                         "Message-ID: <1@b>",
                                         "In-Reply-To: i",
                                         "References: r\r\n b",
                                         "MIME-Version: 1.0",
                                         "Content-Type: t",
                                         "Content-Transfer-Encoding: 7bit",
                                         "To: t",
                                         "Subject: s",
                                         "List-Unsubscribe-Post: p"};
    struct gw_dkim_fields fields;
    struct gw_err err;
    assert_int_equal(gw_dkim_fields_pick(gw_slice_str(message), &fields, &err), GW_OK);
    assert_int_equal(fields.n, sizeof(wanted) / sizeof(wanted[0]));
    for (size_t i = 0; i < fields.n; i++)
        assert_true(gw_slice_is(fields.items[i], wanted[i]));
    assert_int_equal(fields.body.len, 0);
}

/* A message of MUST, @n fields `@name: 1` and a body line of @line bytes. */
static enum gw_status pick_made(size_t n, size_t name_len, size_t line_len, struct gw_err *err,
                                size_t *n_picked)
{
    struct gw_dkim_fields fields;
    struct gw_buf b;
    gw_buf_init(&b, (size_t)GW_DKIM_MAX_HEADER * 2);
    (void)gw_buf_add_str(&b, MUST);
    for (size_t i = 0; i < n; i++) {
        (void)gw_buf_add_str(&b, "List-");
        for (size_t k = 5; k < name_len; k++)
            (void)gw_buf_add_char(&b, 'n');
        (void)gw_buf_add_str(&b, ": 1\r\n");
    }
    (void)gw_buf_add_str(&b, "\r\n");
    for (size_t i = 0; i < line_len; i++)
        (void)gw_buf_add_char(&b, 'x');
    (void)gw_buf_add_str(&b, "\r\n");
    enum gw_status st = gw_dkim_fields_pick(gw_buf_view(&b), &fields, err);
    *n_picked = fields.n;
    gw_buf_deinit(&b);
    return st;
}

static void limits_hold_on_both_sides(void **state)
{
    (void)state;
    static const struct {
        size_t n, name_len, line_len, picked;
        const char *error;
    } limits[] = {
        {GW_DKIM_MAX_SIGNED - 3, 10, 1, GW_DKIM_MAX_SIGNED, NULL},
        {GW_DKIM_MAX_SIGNED - 2, 10, 1, 0, "too many header fields"},
        {1, GW_DKIM_MAX_SIGNED_NAME, 1, 4, NULL},
        {1, GW_DKIM_MAX_SIGNED_NAME + 1, 1, 3, NULL},
        {1, GW_DKIM_MAX_NAME, 1, 3, NULL},
        {1, GW_DKIM_MAX_NAME + 1, 1, 0, "malformed"},
        {0, 0, GW_DKIM_MAX_LINE, 3, NULL},
        {0, 0, GW_DKIM_MAX_LINE + 1, 0, "a line over 998 bytes"},
        {(GW_DKIM_MAX_HEADER - 39) / 37, 32, 1, 3, NULL},
        {(GW_DKIM_MAX_HEADER - 39) / 37 + 1, 32, 1, 0, "a header over 4 MB"},
    };
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        struct gw_err err = {0};
        size_t picked = 0;
        enum gw_status st =
            pick_made(limits[i].n, limits[i].name_len, limits[i].line_len, &err, &picked);
        if (limits[i].error != NULL ? st != GW_INVALID || strstr(err.text, limits[i].error) == NULL
                                    : st != GW_OK || picked != limits[i].picked)
            fail_msg("limit %zu: status %d, %zu picked, %s", i, (int)st, picked, err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_canonical_messages_pass),
        cmocka_unit_test(no_prefix_of_a_message_is_overread),
        cmocka_unit_test(listed_fields_are_signed_and_no_others),
        cmocka_unit_test(limits_hold_on_both_sides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
