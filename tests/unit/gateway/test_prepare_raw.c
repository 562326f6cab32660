/* SPDX-License-Identifier: MIT */
/* Drafts that are MIME messages. */
#include <stdlib.h>

#include "gateway/mime.h"
#include "tests/lib/prepare_helper.h"

static const char tree[] =
    "From: Billing <billing@example.com>\r\n"
    "To: g: ann@example.org, \"O, Bob\" <bob@example.org>;, (c (d)) x@y.example\r\n"
    "Bcc: secret@example.org\r\n"
    "Subject: =?utf-8?q?gr=C3=BC?=\r\n folded\r\n"
    "Sender: =?utf-8?b?w7w=?= <s@example.com>\r\n"
    "Content-Type: multipart/mixed; boundary=\"b c\"\r\n\r\n"
    "pre\r\n--b c\r\nContent-Type: text/plain; name*0*=utf-8''%c3%bc; name*1=x\r\n"
    "Content-Transfer-Encoding: quoted-printable\r\n\r\na=\xc3\xbc=\r\n"
    "--b c\r\nContent-Type: message/rfc822\r\n\r\nSubject: \xc3\xbc\r\n\r\n\xc3\xbc\r\n"
    "--b c\nContent-Type: multipart/alternative; boundary=d\n\n--d\n\n\xff\n--d--\n"
    "--b c--\r\nepilogue \xc3\xbc";

/* A copy of the exact size: reading past it is seen. */
static enum gw_status prepare(struct prepare_test *t, const char *text, size_t len, char **copy)
{
    *copy = malloc(len > 0 ? len : 1);
    assert_non_null(*copy);
    memcpy(*copy, text, len);
    t->draft = (struct gw_draft){.raw = {.value = gw_slice_of(*copy, len), .pointer = "/raw"}};
    return gw_prepare(&t->ctx, &t->draft, t->arena, &t->m, &t->problems);
}

static void every_beginning_of_a_message_is_sent_whole_or_refused(void **state)
{
    (void)state;
    size_t n_sent = 0;
    for (size_t n = 0; n < sizeof(tree); n++) {
        struct prepare_test *t = helper_new();
        struct gw_err err;
        char *copy;
        enum gw_status status = prepare(t, tree, n, &copy);
        if (status == GW_OK) {
            n_sent++;
            assert_int_equal(gw_mime_check(t->m->mime, false, &err), GW_OK);
            if (t->m->n_rcpts > 3)
                assert_null(memmem(t->m->mime.data, t->m->mime.len, "secret", 6));
        } else {
            assert_int_equal(status, GW_INVALID);
            assert_true(t->problems.n > 0);
            assert_memory_equal(t->problems.items[0].pointer, "/raw", 4);
        }
        helper_free(t);
        free(copy);
    }
    assert_true(n_sent > sizeof(tree) / 2);
}

static void the_tree_is_encoded_leaf_by_leaf(void **state)
{
    (void)state;
    static const char *const pieces[] = {
        "From: Billing <billing@example.com>\r\n",
        "To: ann@example.org, \"O, Bob\" <bob@example.org>, x@y.example\r\n",
        "Subject: =?utf-8?q?gr=C3=BC?=\r\n folded\r\n",
        "\r\nSender: =?UTF-8?B?w7w=?= <s@example.com>\r\n",
        "boundary=\"b c\"\r\n\r\n--b c\r\n",
        "name*0*=utf-8''%c3%bc; name*1=x\r\nContent-Transfer-Encoding: ",
        "Subject: =?UTF-8?B?w7w=?=\r\n",
        "\r\n--d--\r\n--b c--\r\n",
    };
    struct prepare_test *t = helper_new();
    char *copy;
    assert_int_equal(prepare(t, tree, sizeof(tree) - 1, &copy), GW_OK);
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
        if (memmem(t->m->mime.data, t->m->mime.len, pieces[i], strlen(pieces[i])) == NULL)
            fail_msg("%s is not in %.*s", pieces[i], (int)t->m->mime.len, t->m->mime.data);
    assert_null(memmem(t->m->mime.data, t->m->mime.len, "pre\r\n", 5));
    assert_int_equal(t->m->n_rcpts, 4);
    assert_int_equal(t->m->rcpts[3].kind, GW_RCPT_BCC);
    assert_string_equal(t->m->subject, "gr\xc3\xbc folded");
    helper_free(t);
    free(copy);
}

static void an_envelope_that_is_given_is_the_envelope(void **state)
{
    (void)state;
    struct prepare_test *t = helper_new();
    struct gw_draft_address to = {.email = helper_field("/to/0", "u@example.net")};
    static const char text[] = "From: a@example.com\nTo: ann@example.org\nBcc: x@y.example\n\nx";
    t->draft = (struct gw_draft){.raw = {.value = gw_slice_str(text), .pointer = ""},
                                 .bcc = {.items = &to, .n = 1, .pointer = "/bcc"}};
    assert_int_equal(gw_prepare(&t->ctx, &t->draft, t->arena, &t->m, &t->problems), GW_OK);
    assert_int_equal(t->m->n_rcpts, 1);
    assert_string_equal(t->m->rcpts[0].email, "u@example.net");
    assert_int_equal(t->m->rcpts[0].kind, GW_RCPT_BCC);
    assert_non_null(memmem(t->m->mime.data, t->m->mime.len, "To: ann@example.org\r\n", 21));
    assert_null(memmem(t->m->mime.data, t->m->mime.len, "y.example", 9));
    helper_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_beginning_of_a_message_is_sent_whole_or_refused),
        cmocka_unit_test(the_tree_is_encoded_leaf_by_leaf),
        cmocka_unit_test(an_envelope_that_is_given_is_the_envelope),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
