/* SPDX-License-Identifier: MIT */
/* Mailgun's parameters, in both encodings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/compat/mailgun.h"
#include "gateway/base/gw_buf.h"
#include "tests/unit/api/fake_gateway.h" /* for what the room links to */

#define PART(name, value) \
    "--b\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"
#define FILE_PART(name, file, type, value) \
    "--b\r\nContent-Disposition: form-data; name=\"" name "\"; filename=\"" file \
    "\"\r\nContent-Type: " type "\r\n\r\n" value "\r\n"

static struct gw_arena *arena;
static struct gw_draft draft;
static struct gw_problems problems;
static const struct cfg cfg;

static int set_up(void **state)
{
    (void)state;
    arena = gw_arena_new(0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    gw_arena_free(&arena);
    return 0;
}

static enum gw_status read_urlencoded(const char *body)
{
    gw_problems_init(&problems, arena);
    return api_mailgun_decode_urlencoded(arena, gw_slice_str(body), &cfg, &draft, &problems);
}

static enum gw_status read_multipart(const char *body)
{
    gw_problems_init(&problems, arena);
    return api_mailgun_decode_multipart(arena, gw_slice_str(body), &cfg, &draft, &problems);
}

static void assert_field(struct gw_field f, const char *pointer, const char *value)
{
    assert_non_null(f.value.data);
    if (!gw_slice_is(f.value, value))
        fail_msg("%.*s is not %s", GW_SLICE_ARG(f.value), value);
    assert_string_equal(f.pointer, pointer);
}

static void every_parameter_finds_its_field(void **state)
{
    (void)state;
    assert_int_equal(
        read_urlencoded(
            "from=A+%3Ca%40b.example%3E&to=c%40d.example%2Ce%40f.example&to=g@h.example&cc=i"
            "@j.example&bcc=k@l.example&subject=S&text=T&html=H&h:X-One=1&h:x-one=2&h:Reply-To="
            "r@s.example&h:message-id=%3Cx@y%3E&v:order=42&o:tag=a&o:tag=b&o:deliverytime=Fri,"
            "%2025%20Oct%202030%2023:10:10%20%2B0200&o:deliver-within=4h&o:require-tls=yes&o:"
            "dkim=yes&o:tracking=no&o:tracking-clicks=false&o:testmode=no"),
        GW_OK);
    assert_true(draft.has_from);
    assert_field(draft.from.text, "/from", "A <a@b.example>");
    assert_int_equal(draft.to.n, 3);
    assert_field(draft.to.items[1].text, "/to/1", "e@f.example");
    assert_field(draft.to.items[2].text, "/to/2", "g@h.example");
    assert_field(draft.cc.items[0].text, "/cc/0", "i@j.example");
    assert_field(draft.bcc.items[0].text, "/bcc/0", "k@l.example");
    assert_field(draft.subject, "/subject", "S");
    assert_field(draft.text, "/text", "T");
    assert_field(draft.html, "/html", "H");
    assert_int_equal(draft.n_headers, 2);
    assert_field(draft.headers[0].name, "/h:X-One", "X-One");
    assert_field(draft.headers[1].value, "/h:x-one", "2");
    assert_field(draft.reply_to.items[0].text, "/h:Reply-To/0", "r@s.example");
    assert_field(draft.message_id, "/h:message-id", "<x@y>");
    assert_int_equal(draft.n_metadata, 1);
    assert_field(draft.metadata[0].name, "/v:order", "order");
    assert_field(draft.metadata[0].value, "/v:order", "42");
    assert_int_equal(draft.n_tags, 2);
    assert_field(draft.tags[1], "/o:tag", "b");
    assert_field(draft.scheduled_at, "/o:deliverytime", "2030-10-25T23:10:10+02:00");
    assert_field(draft.expires_in, "/o:deliver-within", "4h");
    assert_true(draft.require_tls);
}

static void files_are_attached_and_inline_ones_have_their_name_as_id(void **state)
{
    (void)state;
    assert_int_equal(
        read_multipart(PART("from", "a@b.example") PART("subject", "\xC3\xBC")
                           FILE_PART("attachment", "r.txt", "text/plain", "one")
                               FILE_PART("attachment", "s.pdf", "application/octet-stream", "two")
                                   FILE_PART("inline", "logo.png", "image/png", "P") "--b--\r\n"),
        GW_OK);
    assert_field(draft.subject, "/subject", "\xC3\xBC");
    assert_int_equal(draft.n_attachments, 3);
    assert_field(draft.attachments[0].filename, "/attachment", "r.txt");
    assert_field(draft.attachments[0].content_type, "/attachment", "text/plain");
    assert_true(gw_slice_is(draft.attachments[0].content, "one"));
    assert_null(draft.attachments[0].content_id.value.data);
    assert_null(draft.attachments[1].content_type.value.data);
    assert_field(draft.attachments[2].content_id, "/inline", "logo.png");
    assert_true(draft.borrows_body);
}

static void what_cannot_be_done_is_refused_by_its_name(void **state)
{
    (void)state;
    static const struct {
        const char *body, *pointer, *code;
    } cases[] = {
        {"fro=a", "/fro", "unknown_field"},
        {"From=a", "/From", "unknown_field"},
        {"h:=a", "/h:", "unknown_field"},
        {"o:no-such=a", "/o:no-such", "unknown_field"},
        {"a/b~c=1", "/a~1b~0c", "unknown_field"},
        {"subject=a&subject=b", "/subject", "duplicate_field"},
        {"from=a&from=b", "/from", "duplicate_field"},
        {"o:deliverytime=tomorrow", "/o:deliverytime", "date"},
        {"o:deliverytime=1893456000", "/o:deliverytime", "date"},
        {"o:require-tls=1", "/o:require-tls", "value"},
        {"o:tracking=yes", "/o:tracking", "unsupported"},
        {"o:tracking-clicks=htmlonly", "/o:tracking-clicks", "unsupported"},
        {"o:testmode=perhaps", "/o:testmode", "value"},
        {"o:dkim=no", "/o:dkim", "unsupported"},
        {"o:sending-ip=1", "/o:sending-ip", "unsupported"},
        {"template=a&t:version=1", "/t:version", "unsupported"},
        {"template=a&t:text=no", "/t:text", "unsupported"},
        {"template=a&template=b", "/template", "duplicate_field"},
        {"template=a&recipient-variables=%7B%7D", "/recipient-variables", "unsupported"},
        {"t:variables=%7B%7D", "/t:variables", "unsupported"},
        {"template=a&h:X-Mailgun-Variables=%7B%7D&h:x-mailgun-variables=%7B%7D",
         "/h:x-mailgun-variables", "duplicate_field"},
        {"recipient-variables=%7B", "/recipient-variables", "value"},
        {"recipient-variables=1", "/recipient-variables", "type"},
        {"recipient-variables=%7B%22a%22:1%7D", "/recipient-variables/a", "type"},
        {"recipient-variables=%7B%7D&recipient-variables=%7B%7D", "/recipient-variables",
         "duplicate_field"},
        {"recipient-variables=%7B%7D&text=%25recipient%25", "/text", "unsupported"},
        {"recipient-variables=%7B%7D&html=%25recipient_fname%25", "/html", "unsupported"},
        {"amp-html=a", "/amp-html", "unsupported"},
        {"attachment=a", "/attachment", "value"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (read_urlencoded(cases[i].body) != GW_INVALID || problems.n != 1 ||
            strcmp(problems.items[0].pointer, cases[i].pointer) != 0 ||
            strcmp(problems.items[0].code, cases[i].code) != 0)
            fail_msg("%s: %s %s", cases[i].body, problems.items[0].pointer, problems.items[0].code);
    }
    assert_int_equal(read_multipart(PART("subject", "\xff") "--b--\r\n"), GW_INVALID);
    assert_ptr_equal(problems.items[0].code, GW_PROBLEM_ENCODING);
    assert_int_equal(read_multipart(PART("\xff", "x") "--b--\r\n"), GW_INVALID);
    assert_int_equal(read_multipart(FILE_PART("inline", "\xff", "image/png", "x") "--b--\r\n"),
                     GW_INVALID);
    assert_int_equal(read_multipart("no form"), GW_PROTO);
    assert_int_equal(read_urlencoded("a=%"), GW_PROTO);
}

static void recipient_variables_make_templates(void **state)
{
    (void)state;
    assert_int_equal(
        read_urlencoded(
            "recipient-variables=%7B%22a%40b.example%22:%7B%22first%22:%22Ann%22%7D%7D&"
            "subject=Hi %25recipient.first%25&text=%7B%7Bx%7D%7D %25recipient.a b%25 <~0&"
            "html=%25recipient.%25"),
        GW_OK);
    assert_true(draft.personal_given);
    assert_int_equal(draft.n_personal, 1);
    assert_field(draft.personal[0].email, "/recipient-variables/a@b.example", "a@b.example");
    assert_int_equal(draft.personal[0].variables.kind, GW_VALUE_OBJECT);
    assert_field(draft.subject, "/subject", "{{=<~0 0~>=}}<~0!0~>Hi <~0&first0~>");
    assert_field(draft.text, "/text", "{{=<~1 1~>=}}<~1!1~>{{x}} %recipient.a b% <~0");
    assert_field(draft.html, "/html", "{{=<~0 0~>=}}<~0!0~>%recipient.%");
}

static void times_are_those_of_rfc_2822(void **state)
{
    (void)state;
    static const struct {
        const char *text, *wanted;
    } cases[] = {
        {"Fri, 25 Oct 2030 23:10:10 +0000", "2030-10-25T23:10:10+00:00"},
        {"Fri, 25 Oct 2030 23:10:10 -0530", "2030-10-25T23:10:10-05:30"},
        {"25 oct 2030 23:10 GMT", "2030-10-25T23:10:00+00:00"},
        {" Sat,  5 Oct 2030  03:10:10 UTC", "2030-10-05T03:10:10+00:00"},
        {"Fri, 25 Oct 2030 23:10:10", NULL},
        {"Fri 25 Oct 2030 23:10:10 +0000", NULL},
        {"Fri, 25 Okt 2030 23:10:10 +0000", NULL},
        {"Fri, 25 Oct 30 23:10:10 +0000", NULL},
        {"Fri, 25 Oct 2030 23:10:10 +0060", NULL},
        {"Fri, 25 Oct 2030 23:10:10 +0000 x", NULL},
        {"Fri, 25 Oct 2030 3:10:10 +0000", NULL},
        {"2030-10-25T23:10:10Z", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *got = api_mailgun_time(arena, gw_slice_str(cases[i].text));
        if (cases[i].wanted == NULL ? got != NULL
                                    : got == NULL || strcmp(got, cases[i].wanted) != 0)
            fail_msg("%s: %s", cases[i].text, got != NULL ? got : "none");
    }
    assert_null(api_mailgun_time(arena, gw_slice_of("25 Oct 2030 23:10 GMT\0", 22)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_parameter_finds_its_field),
        cmocka_unit_test(files_are_attached_and_inline_ones_have_their_name_as_id),
        cmocka_unit_test(what_cannot_be_done_is_refused_by_its_name),
        cmocka_unit_test(recipient_variables_make_templates),
        cmocka_unit_test(times_are_those_of_rfc_2822),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
