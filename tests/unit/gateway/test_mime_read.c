/* SPDX-License-Identifier: MIT */
/* The lenient MIME reader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/base/gw_buf.h"
#include "gateway/mime_read.h"

enum {
    MAX_RAW = 4 << 20
};

struct reading {
    struct gw_arena *arena;
    struct gw_read_message m;
};

static struct reading read_slice(struct gw_slice raw)
{
    struct reading r = {.arena = gw_arena_new(0)};
    /* a copy of the exact size, so that reading past the end is seen; freed, so that borrowing is
     */
    char *copy = malloc(raw.len > 0 ? raw.len : 1);
    assert_non_null(copy);
    if (raw.len > 0)
        memcpy(copy, raw.data, raw.len);
    gw_mime_read(r.arena, gw_slice_of(copy, raw.len), GW_MIME_READ_BODIES | GW_MIME_READ_CONTENTS,
                 &r.m);
    free(copy);
    return r;
}

static struct reading read_text(const char *raw)
{
    return read_slice(gw_slice_str(raw));
}

static void free_reading(struct reading *r)
{
    gw_arena_free(&r->arena);
}

static void assert_slice(struct gw_slice got, const char *want)
{
    assert_non_null(got.data);
    assert_int_equal(got.len, strlen(want));
    assert_memory_equal(got.data, want, got.len);
}

static void a_plain_message_is_read(void **state)
{
    (void)state;
    struct reading r = read_text("From: Ann <ann@example.org>\r\n"
                                 "To: bob@example.org,\r\n \"Doe, C.\" <c@example.org>\r\n"
                                 "Subject: Hello\r\n world\r\n"
                                 "Message-ID: <1@x>\r\nDate: Wed, 25 Nov 2026 12:00:00 +0000\r\n"
                                 "X-A : 1\r\nx-a: 2\r\n\r\nline 1\r\nline 2\r\n");
    assert_string_equal(r.m.subject, "Hello world");
    assert_string_equal(r.m.message_id, "<1@x>");
    assert_string_equal(r.m.date, "Wed, 25 Nov 2026 12:00:00 +0000");
    assert_int_equal(r.m.from.n, 1);
    assert_string_equal(r.m.from.items[0].name, "Ann");
    assert_string_equal(r.m.from.items[0].email, "ann@example.org");
    assert_int_equal(r.m.to.n, 2);
    assert_string_equal(r.m.to.items[0].name, "");
    assert_string_equal(r.m.to.items[1].name, "Doe, C.");
    assert_string_equal(r.m.to.items[1].email, "c@example.org");
    assert_int_equal(r.m.n_headers, 7);
    assert_string_equal(r.m.headers[5].name, "X-A");
    assert_string_equal(gw_mime_read_header(&r.m, "X-a"), "1");
    assert_null(gw_mime_read_header(&r.m, "X-B"));
    assert_slice(r.m.text, "line 1\nline 2\n");
    assert_null(r.m.html.data);
    assert_int_equal(r.m.n_attachments, 0);
    free_reading(&r);
}

static const char *const parts =
    "Content-Type: multipart/mixed; boundary=\"out\"\r\n\r\npreamble\r\n"
    "--out\r\nContent-Type: multipart/related; boundary=rel\r\n\r\n"
    "--rel\r\nContent-Type: multipart/alternative; boundary=alt\r\n\r\n"
    "--alt\r\nContent-Type: text/plain; charset=utf-8\r\n"
    "Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=\r\n=C3=9Fe =3D\r\n"
    "--alt\r\nContent-Type: TEXT/HTML; charset=ISO-8859-1\r\n\r\n<p>\xfc</p>\r\n--alt--\r\n"
    "--rel\r\nContent-Type: image/png; name=logo.png\r\nContent-ID: <logo>\r\n"
    "Content-Transfer-Encoding: base64\r\nContent-Disposition: inline\r\n\r\niVBO\r\nRw==\r\n"
    "--rel--\r\n"
    "--out  \r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: BASE64\r\n"
    "Content-Disposition: attachment; filename*0*=UTF-8''R%C3%A9; filename*1=\"su m\";\r\n"
    "\tfilename*2*=%C3%A9.pdf\r\n\r\naGk=\r\n"
    "--out\r\nContent-Disposition: attachment; filename=\"=?utf-8?B?w6QudHh0?=\"\r\n\r\nraw\r\n"
    "--out--\r\nepilogue\r\n";

static void nested_parts_come_out_flat_and_decoded(void **state)
{
    (void)state;
    struct reading r = read_text(parts);
    assert_slice(r.m.text, "Grüße =");
    assert_slice(r.m.html, "<p>ü</p>");
    assert_int_equal(r.m.n_attachments, 3);
    const struct gw_read_attachment *a = r.m.attachments;
    assert_string_equal(a[0].filename, "logo.png");
    assert_string_equal(a[0].content_id, "logo");
    assert_string_equal(a[0].disposition, "inline");
    assert_string_equal(a[0].content_type, "image/png");
    assert_slice(a[0].content, "\x89PNG");
    assert_string_equal(a[1].filename, "Résu mé.pdf");
    assert_string_equal(a[1].disposition, "attachment");
    assert_slice(a[1].content, "hi");
    assert_string_equal(a[2].filename, "ä.txt");
    assert_string_equal(a[2].content_type, "text/plain");
    assert_string_equal(a[2].content_id, "");
    assert_slice(a[2].content, "raw");
    free_reading(&r);
}

static void what_is_not_asked_for_is_only_measured(void **state)
{
    (void)state;
    struct gw_arena *arena = gw_arena_new(0);
    struct gw_read_message m;
    gw_mime_read(arena, gw_slice_str(parts), 0, &m);
    assert_null(m.text.data);
    assert_null(m.html.data);
    assert_int_equal(m.n_attachments, 3);
    assert_int_equal(m.attachments[0].content.len, 4);
    assert_int_equal(m.attachments[1].content.len, 2);
    assert_int_equal(m.attachments[2].content.len, 3);
    for (size_t i = 0; i < 3; i++)
        assert_null(m.attachments[i].content.data);
    gw_arena_free(&arena);
}

static void every_cut_of_a_message_is_read(void **state)
{
    (void)state;
    for (size_t n = 0; n <= strlen(parts); n++) {
        struct reading r = read_slice(gw_slice_of(parts, n));
        assert_non_null(r.m.subject);
        free_reading(&r);
    }
}

static void subjects_are_decoded(void **state)
{
    (void)state;
    static const struct {
        const char *field, *want;
    } cases[] = {
        {"=?UTF-8?B?SMOk?=", "Hä"},
        {"=?utf-8*en?q?a_b=5F?= c", "a b_ c"},
        {"=?utf-8?q?a?= =?utf-8?q?b?=", "ab"},
        {"=?utf-8?q?a?=\r\n =?utf-8?q?b?= c =?utf-8?q?d?=", "ab c d"},
        {"=?utf-8?B?ww==?= =?utf-8?B?qQ==?=", "é"},
        {"=?utf-8?Q?=E2=82?= =?utf-8?Q?=AC?=", "€"},
        {"=?windows-1252?Q?=80=FC?=", "€ü"},
        {"=?iso-8859-1?Q?=FC?= =?utf-8?Q?=C3=BC?=", "üü"},
        {"=?koi8-r?Q?=C1?=", "\xef\xbf\xbd"},
        {"=?utf-8?X?a?=", "=?utf-8?X?a?="},
        {"=?utf-8?Q?a", "=?utf-8?Q?a"},
        {"=?=?=?utf-8?Q?a?=", "=?=?a"},
        {"=?utf-8?Q?=ZZ=3?=", "=ZZ=3"},
        {"bad \xff byte", "bad \xef\xbf\xbd byte"},
        {"  spaces  ", "spaces"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char raw[256] = "A: b\r\nsubject:";
        strncat(raw, cases[i].field, 200);
        strncat(raw, "\r\n\r\n", 5);
        struct reading r = read_text(raw);
        assert_string_equal(r.m.subject, cases[i].want);
        assert_string_equal(gw_mime_read_subject(r.arena, gw_slice_str(raw)), cases[i].want);
        free_reading(&r);
    }
}

static void addresses_are_read_in_every_form(void **state)
{
    (void)state;
    static const struct {
        const char *field;
        size_t n;
        const char *name, *email; /* of the last */
    } cases[] = {
        {"a@x", 1, "", "a@x"},
        {"<a@x>", 1, "", "a@x"},
        {"Ann Lee <a@x>", 1, "Ann Lee", "a@x"},
        {"\"Lee, \\\"A\\\"\" <a@x>", 1, "Lee, \"A\"", "a@x"},
        {"a@x (Ann (Lee) \\))", 1, "Ann (Lee) )", "a@x"},
        {"=?utf-8?q?=C3=84nn?= <a@x>", 1, "Änn", "a@x"},
        {"\"a b\"@x", 1, "", "\"a b\"@x"},
        {"\"<b@y>, c\" <a@x>", 1, "<b@y>, c", "a@x"},
        {"Group: a@x, B <b@y>;", 2, "B", "b@y"},
        {"undisclosed-recipients:;", 0, "", ""},
        {"a@x,, ,b@y,", 2, "", "b@y"},
        {"Name <>", 1, "Name", ""},
        {"just words", 1, "", "just words"},
        {"<a@x", 1, "", "a@x"},
        {"\"open <a@x>", 1, "", "\"open <a@x>"},
        {"", 0, "", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char raw[256] = "Cc: ";
        strncat(raw, cases[i].field, 200);
        struct reading r = read_text(raw);
        assert_int_equal(r.m.cc.n, cases[i].n);
        if (r.m.cc.n > 0) {
            assert_string_equal(r.m.cc.items[r.m.cc.n - 1].name, cases[i].name);
            assert_string_equal(r.m.cc.items[r.m.cc.n - 1].email, cases[i].email);
        }
        free_reading(&r);
    }
}

static void what_is_broken_comes_out_as_it_stands(void **state)
{
    (void)state;
    struct reading r = read_text("no header at all\r\nSubject: x\r\n");
    assert_int_equal(r.m.n_headers, 0);
    assert_slice(r.m.text, "no header at all\nSubject: x\n");
    free_reading(&r);
    r = read_text("Content-Type: multipart/mixed; boundary=b\r\n\r\nno part");
    assert_int_equal(r.m.n_attachments, 1);
    assert_slice(r.m.attachments[0].content, "no part");
    free_reading(&r);
    r = read_text("Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--bc\n--b\n\ntwo");
    assert_slice(r.m.text, "one\n--bc");
    assert_slice(r.m.attachments[0].content, "two");
    free_reading(&r);
    r = read_text("Content-Transfer-Encoding: base64\r\n\r\n!aG*k=\r\nIQ==");
    assert_slice(r.m.text, "hi!");
    free_reading(&r);
    r = read_slice(GW_SLICE_LIT("Subject: a\0b\r\n\r\n\0"));
    assert_string_equal(r.m.subject, "a\xef\xbf\xbd"
                                     "b");
    free_reading(&r);
}

static void repeat(struct gw_buf *b, size_t n, const char *text)
{
    for (size_t i = 0; i < n; i++)
        assert_int_equal(gw_buf_add_str(b, text), GW_OK);
}

static void more_than_the_limits_is_left_out(void **state)
{
    (void)state;
    struct gw_buf b;
    gw_buf_init(&b, MAX_RAW);
    repeat(&b, GW_MIME_READ_MAX_HEADERS + 1, "A: b\r\n");
    repeat(&b, 1, "Content-Type: multipart/mixed; boundary=b\r\n\r\n");
    repeat(&b, GW_MIME_READ_MAX_PARTS + 1, "--b\r\nContent-Type: a/b\r\n\r\nx\r\n");
    struct reading r = read_slice(gw_buf_view(&b));
    assert_int_equal(r.m.n_headers, GW_MIME_READ_MAX_HEADERS);
    assert_int_equal(r.m.n_attachments, GW_MIME_READ_MAX_PARTS);
    free_reading(&r);
    gw_buf_reset(&b);
    repeat(&b, 1, "To: ");
    repeat(&b, GW_MIME_READ_MAX_ADDRESSES + 1, "a@b,");
    r = read_slice(gw_buf_view(&b));
    assert_int_equal(r.m.to.n, GW_MIME_READ_MAX_ADDRESSES);
    free_reading(&r);
    gw_buf_deinit(&b);
}

/* One multipart in the other, @depth of them, and a text at the bottom. */
static bool reaches_the_text(unsigned depth)
{
    struct gw_buf b;
    gw_buf_init(&b, MAX_RAW);
    for (unsigned i = 0; i < depth; i++)
        (void)gw_buf_printf(&b, "Content-Type: multipart/mixed; boundary=b%u\r\n\r\n--b%u\r\n", i,
                            i);
    repeat(&b, 1, "\r\ndeep");
    struct reading r = read_slice(gw_buf_view(&b));
    bool found = r.m.text.data != NULL;
    free_reading(&r);
    gw_buf_deinit(&b);
    return found;
}

static void nesting_ends_somewhere(void **state)
{
    (void)state;
    assert_true(reaches_the_text(GW_MIME_READ_MAX_DEPTH));
    assert_false(reaches_the_text(GW_MIME_READ_MAX_DEPTH + 1));
    assert_false(reaches_the_text(10000));
}

static void only_so_many_parameters_count(void **state)
{
    (void)state;
    for (unsigned extra = 0; extra < 2; extra++) {
        struct gw_buf b;
        gw_buf_init(&b, MAX_RAW);
        repeat(&b, 1, "Content-Disposition: attachment");
        repeat(&b, GW_MIME_READ_MAX_PARAMETERS - 1 + extra, "; a=b");
        repeat(&b, 1, "; filename=f\r\n\r\n");
        struct reading r = read_slice(gw_buf_view(&b));
        assert_string_equal(r.m.attachments[0].filename, extra == 0 ? "f" : "");
        free_reading(&r);
        gw_buf_deinit(&b);
    }
}

static void a_subject_far_down_is_not_looked_for(void **state)
{
    (void)state;
    static const char field[] = "Subject: s\r\n";
    for (size_t extra = 0; extra < 2; extra++) {
        struct gw_buf b;
        gw_buf_init(&b, MAX_RAW);
        repeat(&b, 1, "A:");
        repeat(&b, GW_MIME_READ_SUBJECT_WITHIN - strlen("A:\r\n") - strlen(field) + 3 * extra, "x");
        repeat(&b, 1, "\r\n");
        repeat(&b, 1, field);
        struct gw_arena *arena = gw_arena_new(0);
        assert_string_equal(gw_mime_read_subject(arena, gw_buf_view(&b)), extra == 0 ? "s" : "");
        gw_arena_free(&arena);
        gw_buf_deinit(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_message_is_read),
        cmocka_unit_test(nested_parts_come_out_flat_and_decoded),
        cmocka_unit_test(what_is_not_asked_for_is_only_measured),
        cmocka_unit_test(every_cut_of_a_message_is_read),
        cmocka_unit_test(subjects_are_decoded),
        cmocka_unit_test(addresses_are_read_in_every_form),
        cmocka_unit_test(what_is_broken_comes_out_as_it_stands),
        cmocka_unit_test(more_than_the_limits_is_left_out),
        cmocka_unit_test(nesting_ends_somewhere),
        cmocka_unit_test(only_so_many_parameters_count),
        cmocka_unit_test(a_subject_far_down_is_not_looked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
