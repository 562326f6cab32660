/* SPDX-License-Identifier: MIT */
/* Every field of a draft on both sides of its rules and limits, and what attackers put there. */
#include "tests/lib/prepare_helper.h"

#include "gateway/mime.h"

/* A slice of a literal, for static tables. */
#define LIT(s) \
    { \
        (s), sizeof(s) - 1 \
    }

struct field_case {
    enum helper_place where;
    struct gw_slice value;
    const char *code; /* NULL: accepted */
    const char *wire; /* a text that the message then holds, or NULL */
};

static const struct field_case field_cases[] = {
    /* headers: what ends a line somewhere is refused, the rest comes out encoded */
    {AT_SUBJECT, LIT("x\r\nBcc: z@z.com"), "header_injection", NULL},
    {AT_SUBJECT, LIT("x\nBcc: z@z.com"), "header_injection", NULL},
    {AT_SUBJECT, LIT("x\rBcc: z@z.com"), "header_injection", NULL},
    {AT_SUBJECT, LIT("x\n"), "header_injection", NULL},
    {AT_SUBJECT, LIT("x\0y"), "header_injection", NULL},
    {AT_SUBJECT, LIT("x\xc2\x85y"), "header_injection", NULL},
    {AT_SUBJECT, LIT("x\u2028y"), "header_injection", NULL},
    {AT_SUBJECT, LIT("x\u2029y"), "header_injection", NULL},
    {AT_SUBJECT, LIT("x\x0by"), "header_injection", NULL},
    {AT_SUBJECT, LIT("x\x7fy"), "value", NULL},
    {AT_SUBJECT, LIT("x\x1b[31m"), "value", NULL},
    {AT_SUBJECT, LIT("x\xed\xa0\x80"), "encoding", NULL},
    {AT_SUBJECT, LIT("x\xff"), "encoding", NULL},
    {AT_SUBJECT, LIT(""), NULL, "\r\nSubject:\r\n"},
    {AT_SUBJECT, LIT("Hello"), NULL, "\r\nSubject: Hello\r\n"},
    {AT_SUBJECT, LIT("\t\t"), NULL, "\r\nSubject: =?UTF-8?B?CQk=?=\r\n"},
    {AT_SUBJECT, LIT("=?UTF-8?Q?=0A?=Bcc:"), NULL,
     "\r\nSubject: =?UTF-8?B?PT9VVEYtOD9RPz0wQT89QmNjOg==?=\r\n"},
    {AT_SUBJECT, LIT("\u560d\u560a"), NULL, "\r\nSubject: =?UTF-8?B?5ZiN5ZiK?=\r\n"},
    {AT_HEADER, LIT("x\r\nBcc: z@z.com"), "header_injection", NULL},
    {AT_HEADER, LIT("x\nBcc: z@z.com"), "header_injection", NULL},
    {AT_HEADER, LIT("x\r"), "header_injection", NULL},
    {AT_HEADER, LIT("x\0"), "header_injection", NULL},
    {AT_HEADER, LIT("x\u2028"), "header_injection", NULL},
    {AT_HEADER, LIT("\x07"), "value", NULL},
    {AT_HEADER, LIT("   "), NULL, "\r\nX-Test: =?UTF-8?Q?___?=\r\n"},
    {AT_HEADER, LIT(""), NULL, "\r\nX-Test:\r\n"},
    {AT_HEADER, LIT("a b"), NULL, "\r\nX-Test: a b\r\n"},
    {AT_LIST_HEADER, LIT("Some list <a.b.com>"), NULL, "\r\nList-Id: Some list <a.b.com>\r\n"},
    {AT_LIST_HEADER, LIT("(x)\r\n"), "header_injection", NULL},
    {AT_LIST_HEADER, LIT("L\u00efst <a.b.com>"), "value", NULL},
    {AT_LIST_HEADER, LIT("=?utf-8?q?x?= <a.b.com>"), "value", NULL},
    {AT_LIST_HEADER, LIT("a\tb"), "value", NULL},
    {AT_HEADER_NAME, LIT("X-A"), NULL, "\r\nX-A: x\r\n"},
    {AT_HEADER_NAME, LIT(""), "header_name", NULL},
    {AT_HEADER_NAME, LIT("X A"), "header_name", NULL},
    {AT_HEADER_NAME, LIT("X:Y"), "header_name", NULL},
    {AT_HEADER_NAME, LIT("X\r\n"), "header_injection", NULL},
    {AT_HEADER_NAME, LIT("X\n Y"), "header_injection", NULL},
    {AT_HEADER_NAME, LIT("X\0Y"), "header_injection", NULL},
    {AT_HEADER_NAME, LIT("\u017fubject"), "header_name", NULL},
    {AT_HEADER_NAME, LIT("Bcc"), "header_managed", NULL},
    {AT_HEADER_NAME, LIT("bCC"), "header_managed", NULL},
    {AT_HEADER_NAME, LIT("From"), "header_managed", NULL},
    {AT_HEADER_NAME, LIT("To"), "header_managed", NULL},
    {AT_HEADER_NAME, LIT("Cc"), "header_managed", NULL},
    {AT_HEADER_NAME, LIT("Reply-To"), "header_managed", NULL},
    {AT_HEADER_NAME, LIT("Subject"), "header_managed", NULL},
    {AT_HEADER_NAME, LIT("Date"), "header_managed", NULL},
    {AT_HEADER_NAME, LIT("Message-Id"), "header_managed", NULL},
    {AT_HEADER_NAME, LIT("Sender"), "header_managed", NULL},
    {AT_HEADER_NAME, LIT("MIME-Version"), "header_managed", NULL},
    {AT_HEADER_NAME, LIT("content-type"), "header_managed", NULL},
    {AT_HEADER_NAME, LIT("Content-Anything"), "header_managed", NULL},
    {AT_HEADER_NAME, LIT("DKIM-Signature"), "header_managed", NULL},
    {AT_HEADER_NAME, LIT("Return-Path"), "header_managed", NULL},
    {AT_HEADER_NAME, LIT("Received"), "header_managed", NULL},
    {AT_HEADER_NAME, LIT("Resent-Bcc"), "header_managed", NULL},
    {AT_HEADER_NAME, LIT("ARC-Seal"), "header_managed", NULL},
    {AT_HEADER_NAME, LIT("Authentication-Results"), "header_managed", NULL},
    /* bodies: any line form is fine, NUL is not */
    {AT_TEXT, LIT("a\0b"), "value", NULL},
    {AT_TEXT, LIT("a\xff"), "encoding", NULL},
    {AT_TEXT, LIT(""), NULL, "7bit\r\n\r\n\r\n"},
    {AT_TEXT, LIT("a\n.\n"), NULL, "\r\na\r\n=2E\r\n"},
    {AT_TEXT, LIT("a\r.\r"), NULL, "\r\na\r\n=2E\r\n"},
    {AT_TEXT, LIT("a\n.\r\n"), NULL, "\r\na\r\n=2E\r\n"},
    {AT_TEXT, LIT("a\r\n.\n"), NULL, "\r\na\r\n=2E\r\n"},
    {AT_TEXT, LIT("a\r\n.\rb"), NULL, "\r\na\r\n=2E\r\nb\r\n"},
    {AT_TEXT, LIT("a\r\r\nb"), NULL, "\r\n\r\na\r\nb\r\n"},
    {AT_TEXT, LIT("..\x1b"), NULL, "\r\n=2E.=1B\r\n"},
    {AT_HTML, LIT("<p>\0"), "value", NULL},
    {AT_HTML, LIT("<p>\xc0\xaf"), "encoding", NULL},
    /* attachments */
    {AT_FILE_NAME, LIT("i.pdf"), NULL, "filename=\"i.pdf\""},
    {AT_FILE_NAME, LIT("a\"; filename=\"b.exe"), NULL,
     "filename*=UTF-8''a%22%3B%20filename%3D%22b.exe"},
    {AT_FILE_NAME, LIT("a\r\nContent-Type: text/html"), "header_injection", NULL},
    {AT_FILE_NAME, LIT("../../x"), "value", NULL},
    {AT_FILE_NAME, LIT("C:\\x"), "value", NULL},
    {AT_FILE_NAME, LIT("a\xed\xa0\x80;x"), "encoding", NULL},
    {AT_FILE_NAME, LIT("a\tb"), "value", NULL},
    {AT_FILE_NAME, LIT("=?utf-8?b?YQ==?="), NULL,
     "filename*=UTF-8''%3D%3Futf-8%3Fb%3FYQ%3D%3D%3F%3D"},
    {AT_FILE_NAME, LIT("%0d%0a"), NULL, "filename=\"%0d%0a\""},
    {AT_FILE_NAME, LIT(""), NULL, "Content-Disposition: attachment\r\n"},
    {AT_FILE_NAME, LIT("."), "value", NULL},
    {AT_FILE_NAME, LIT(".."), "value", NULL},
    {AT_FILE_NAME, LIT("a\0b"), "header_injection", NULL},
    {AT_FILE_NAME, LIT("exe.\u202e\u202cgpj"), "value", NULL},
    {AT_FILE_NAME, LIT("r\u00e9sum\u00e9.pdf"), NULL, "filename*=UTF-8''r%C3%A9sum%C3%A9.pdf"},
    {AT_CONTENT_TYPE, LIT("application/PDF"), NULL, "Content-Type: application/pdf\r\n"},
    {AT_CONTENT_TYPE, LIT("text/csv; charset=\"ascii\""), NULL,
     "Content-Type: text/csv; charset=\"ascii\"\r\n"},
    {AT_CONTENT_TYPE, LIT("text/html; boundary=x"), "content_type", NULL},
    {AT_CONTENT_TYPE, LIT("text/html\r\nX:"), "header_injection", NULL},
    {AT_CONTENT_TYPE, LIT("multipart/mixed"), "content_type", NULL},
    {AT_CONTENT_TYPE, LIT("message/rfc822"), "content_type", NULL},
    {AT_CONTENT_TYPE, LIT("text"), "content_type", NULL},
    {AT_CONTENT_TYPE, LIT("a/b; charset=\""), "content_type", NULL},
    {AT_CONTENT_TYPE, LIT("a/b; x=\"=?utf-8?q?x?=\""), "content_type", NULL},
    {AT_CONTENT_TYPE, LIT("a/b; x=\"\\"), "content_type", NULL},
    {AT_CONTENT_TYPE, LIT("a/b,c/d"), "content_type", NULL},
    {AT_CONTENT_TYPE, LIT("a/\u00e4"), "content_type", NULL},
    {AT_DISPOSITION, LIT("inline"), NULL, "Content-Disposition: inline\r\n"},
    {AT_DISPOSITION, LIT("Attachment"), NULL, "Content-Disposition: attachment\r\n"},
    {AT_DISPOSITION, LIT("form-data"), "value", NULL},
    {AT_CONTENT_ID, LIT("logo"), NULL, "Content-ID: <logo>\r\n"},
    {AT_CONTENT_ID, LIT("<x@y>"), NULL, "Content-ID: <x@y>\r\n"},
    {AT_CONTENT_ID, LIT("x>\r\n"), "header_injection", NULL},
    {AT_CONTENT_ID, LIT("x>y"), "value", NULL},
    {AT_CONTENT_ID, LIT("a b"), "value", NULL},
    {AT_CONTENT_ID, LIT("\u00e4"), "value", NULL},
    /* ids */
    {AT_MESSAGE_ID, LIT("<a.b@c.d>"), NULL, "\r\nMessage-ID: <a.b@c.d>\r\n"},
    {AT_MESSAGE_ID, LIT("<a@[127.0.0.1]>"), NULL, "\r\nMessage-ID: <a@[127.0.0.1]>\r\n"},
    {AT_MESSAGE_ID, LIT("<a\r\n>"), "header_injection", NULL},
    {AT_MESSAGE_ID, LIT("a@b"), "value", NULL},
    {AT_MESSAGE_ID, LIT("<a>"), "value", NULL},
    {AT_MESSAGE_ID, LIT("<a@b> <c@d>"), "value", NULL},
    {AT_MESSAGE_ID, LIT("<a@b@c>"), "value", NULL},
    {AT_MESSAGE_ID, LIT("<a..b@c>"), "value", NULL},
    {AT_MESSAGE_ID, LIT("<@c>"), "value", NULL},
    {AT_MESSAGE_ID, LIT("<a@>"), "value", NULL},
    {AT_MESSAGE_ID, LIT("<\u00e4@b>"), "value", NULL},
    {AT_MESSAGE_ID, LIT(""), "value", NULL},
    {AT_IN_REPLY_TO, LIT("<odd..id>"), NULL, "\r\nIn-Reply-To: <odd..id>\r\n"},
    {AT_IN_REPLY_TO, LIT("odd"), "value", NULL},
    {AT_IN_REPLY_TO, LIT("<a@b>\r\nX: y"), "header_injection", NULL},
    {AT_IN_REPLY_TO, LIT("<=?utf-8?q?x?=@b>"), "value", NULL},
    {AT_REFERENCE, LIT("<a@b>"), NULL, "\r\nReferences: <a@b>\r\n"},
    {AT_REFERENCE, LIT("<a@b> <c@d>"), "value", NULL},
    {AT_REFERENCES_HEADER, LIT("<a@b>   <c@d>\t<e@f>"), NULL,
     "\r\nReferences: <a@b> <c@d> <e@f>\r\n"},
    {AT_REFERENCES_HEADER, LIT("<a@b> oops"), "value", NULL},
    {AT_UNSUBSCRIBE_URL, LIT("https://x.com/u?a=1&b=%20"), NULL,
     "\r\nList-Unsubscribe: <https://x.com/u?a=1&b=%20>\r\n"},
    {AT_UNSUBSCRIBE_URL, LIT("https://x>\r\nX:"), "header_injection", NULL},
    {AT_UNSUBSCRIBE_URL, LIT("https://x>"), "url", NULL},
    {AT_UNSUBSCRIBE_URL, LIT("https://x y"), "url", NULL},
    {AT_UNSUBSCRIBE_URL, LIT("https://\u00e4.com"), "url", NULL},
    {AT_UNSUBSCRIBE_URL, LIT("https://user@x.com"), "url", NULL},
    {AT_UNSUBSCRIBE_URL, LIT("https://"), "url", NULL},
    {AT_UNSUBSCRIBE_URL, LIT("https:///x"), "url", NULL},
    {AT_UNSUBSCRIBE_URL, LIT("http://x.com"), "url", NULL},
    {AT_UNSUBSCRIBE_URL, LIT("javascript:x"), "url", NULL},
    {AT_UNSUBSCRIBE_MAILTO, LIT("u+1@x.com"), NULL, "\r\nList-Unsubscribe: <mailto:u+1@x.com>\r\n"},
    {AT_UNSUBSCRIBE_MAILTO, LIT("mailto:u&=@x.com?subject=bye"), NULL,
     "\r\nList-Unsubscribe: <mailto:u%26%3D@x.com?subject=bye>\r\n"},
    {AT_UNSUBSCRIBE_MAILTO, LIT("u@x.com?subject=a b"), "url", NULL},
    {AT_UNSUBSCRIBE_MAILTO, LIT("u@x.com,v@x.com"), "address_syntax", NULL},
    {AT_UNSUBSCRIBE_MAILTO, LIT("u@x"), "domain_syntax", NULL},
    {AT_UNSUBSCRIBE_MAILTO, LIT("\u00e4@x.com"), "address_syntax", NULL},
    /* the rest */
    {AT_TAG, LIT("invoice"), NULL, NULL},
    {AT_TAG, LIT(""), "value", NULL},
    {AT_TAG, LIT("a\nb"), "header_injection", NULL},
    {AT_TAG, LIT("a\tb"), "value", NULL},
    {AT_METADATA_NAME, LIT("order"), NULL, NULL},
    {AT_METADATA_NAME, LIT(""), "value", NULL},
    {AT_METADATA_VALUE, LIT("any\ntext \u00e4"), NULL, NULL},
    {AT_METADATA_VALUE, LIT("\0"), "value", NULL},
    {AT_RELAY, LIT("backup"), NULL, NULL},
    {AT_RELAY, LIT("nowhere"), "relay", NULL},
    {AT_RELAY, LIT(""), "relay", NULL},
    {AT_EXPIRES_IN, LIT("1s"), NULL, NULL},
    {AT_EXPIRES_IN, LIT("999ms"), "value", NULL},
    {AT_EXPIRES_IN, LIT("30d"), NULL, NULL},
    {AT_EXPIRES_IN, LIT("31d"), "value", NULL},
    {AT_EXPIRES_IN, LIT("-1h"), "value", NULL},
    {AT_EXPIRES_IN, LIT("4"), "value", NULL},
    {AT_EXPIRES_IN, LIT("99999999999999999999d"), "value", NULL},
    {AT_SCHEDULED_AT, LIT("2026-12-01T09:00:00Z"), NULL, NULL},
    {AT_SCHEDULED_AT, LIT("2020-01-01T00:00:00Z"), NULL, NULL},
    {AT_SCHEDULED_AT, LIT("2028-01-01T00:00:00Z"), "date", NULL},
    {AT_SCHEDULED_AT, LIT("tomorrow"), "date", NULL},
    {AT_SCHEDULED_AT, LIT("2026-12-01"), "date", NULL},
    {AT_SCHEDULED_AT, LIT("2026-12-01T09:00:00"), "date", NULL},
    {AT_ENVELOPE_FROM, LIT("bounce+17@example.com"), NULL, NULL},
    {AT_ENVELOPE_FROM, LIT(""), NULL, NULL},
    {AT_ENVELOPE_FROM, LIT("<>"), "address_syntax", NULL},
    {AT_ENVELOPE_FROM, LIT("Name <a@b.com>"), "address_syntax", NULL},
    {AT_ENVELOPE_FROM, LIT("a@b.com> SIZE=1"), "address_syntax", NULL},
    {AT_ENVELOPE_FROM, LIT("a@b.com\r\nRCPT TO:<z@z.com>"), "header_injection", NULL},
};

static void fields_are_refused_or_come_out_on_the_wire(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(field_cases) / sizeof(field_cases[0]); i++) {
        const struct field_case *c = &field_cases[i];
        struct prepare_test *t = helper_new();
        const char *pointer = helper_put(t, c->where, c->value);
        enum gw_status status = helper_run(t);
        if (c->code != NULL && (status != GW_INVALID || !helper_has(t, pointer, c->code)))
            fail_msg("row %zu \"%s\": %s expected, got %s %s", i, c->value.data, c->code,
                     t->problems.n != 0 ? t->problems.items[0].pointer : "nothing",
                     t->problems.n != 0 ? t->problems.items[0].code : "");
        if (c->code == NULL && status != GW_OK)
            fail_msg("row %zu \"%s\": refused, %s", i, c->value.data, t->problems.items[0].detail);
        if (c->wire != NULL && !helper_holds(t, c->wire))
            fail_msg("row %zu \"%s\": not in\n%.*s", i, c->wire, GW_SLICE_ARG(t->m->mime));
        helper_free(t);
    }
}

static void bad_addresses_are_refused_wherever_they_stand(void **state)
{
    (void)state;
    static const struct {
        struct gw_slice value;
        const char *code;
    } cases[] = {
        {LIT("a@good.com,victim@evil.com"), "address_syntax"},
        {LIT("\"user@attacker.com\"@legit.com"), "address_syntax"},
        {LIT("=?utf-8?q?x=40evil.com=3e=00?=foo@good.com"), "address_syntax"},
        {LIT("u@x.com\r\nBcc: z@z.com"), "header_injection"},
        {LIT("\"x\r\nBcc: z@z.com\" <u@x.com>"), "header_injection"},
        {LIT("u@x\0.evil.com"), "header_injection"},
        {LIT("u@-x.com"), "domain_syntax"},
        {LIT("u@xn--a.com"), "domain_syntax"},
        {LIT("u@[127.0.0.1]"), "domain_syntax"},
        {LIT(""), "address_syntax"},
        {LIT("<>"), "address_syntax"},
        {LIT("Group: a@b.com;"), "address_syntax"},
    };
    static const enum helper_place places[] = {AT_FROM, AT_TO, AT_CC, AT_BCC, AT_REPLY_TO};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t j = 0; j < sizeof(places) / sizeof(places[0]); j++) {
            struct prepare_test *t = helper_new();
            helper_refuses(t, helper_put(t, places[j], cases[i].value), cases[i].code);
            helper_free(t);
        }
    }
}

struct limit_case {
    enum helper_place where;
    size_t max;
    const char *prefix, *suffix;
};

static void lengths_have_exact_limits(void **state)
{
    (void)state;
    static const struct limit_case cases[] = {
        {AT_SUBJECT, GW_MAX_SUBJECT, "", ""},
        {AT_HEADER, GW_MAX_HEADER_VALUE, "", ""},
        {AT_FILE_NAME, GW_MAX_FILENAME, "", ""},
        {AT_CONTENT_TYPE, GW_MIME_MAX_CONTENT_TYPE, "a/b; c=", ""},
        {AT_CONTENT_ID, GW_MAX_CONTENT_ID, "", ""},
        {AT_MESSAGE_ID, GW_MAX_MESSAGE_ID, "<a@", ">"},
        {AT_IN_REPLY_TO, GW_MAX_MESSAGE_ID, "<a@", ">"},
        {AT_REFERENCE, GW_MAX_MESSAGE_ID, "<a@", ">"},
        {AT_UNSUBSCRIBE_URL, GW_MAX_UNSUBSCRIBE, "https://x.com/", ""},
        {AT_UNSUBSCRIBE_MAILTO, GW_MAX_UNSUBSCRIBE, "u@x.com?subject=", ""},
        {AT_TAG, GW_MAX_TAG, "", ""},
        {AT_METADATA_NAME, GW_MAX_METADATA_NAME, "", ""},
        {AT_METADATA_VALUE, GW_MAX_METADATA_VALUE, "", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t over = 0; over <= 1; over++) {
            struct prepare_test *t = helper_new();
            char *text = gw_arena_bytes(t->arena, GW_MAX_HEADER_VALUE + 10);
            size_t len = cases[i].max + over;
            size_t prefix = strlen(cases[i].prefix);
            size_t suffix = strlen(cases[i].suffix);
            memset(text, 'x', len);
            for (size_t j = 0; j < prefix; j++)
                text[j] = cases[i].prefix[j];
            for (size_t j = 0; j < suffix; j++)
                text[len - suffix + j] = cases[i].suffix[j];
            const char *pointer = helper_put(t, cases[i].where, gw_slice_of(text, len));
            if (over != 0)
                helper_refuses(t, pointer, "too_long");
            else
                helper_accepts(t);
            helper_free(t);
        }
    }
}

static void put_many(struct prepare_test *t, enum helper_place place, const char *value, size_t n)
{
    for (size_t i = 0; i < n; i++)
        (void)helper_put(t, place, gw_slice_str(value));
}

static void numbers_have_exact_limits(void **state)
{
    (void)state;
    static const struct {
        enum helper_place place;
        size_t max;
        const char *value, *pointer;
    } cases[] = {
        {AT_HEADER, GW_MAX_HEADERS, "x", "/headers"},
        {AT_FILE_NAME, GW_MAX_ATTACHMENTS, "x", "/attachments"},
        {AT_TAG, GW_MAX_TAGS, "x", "/tags"},
        {AT_METADATA_NAME, GW_MAX_METADATA, "x", "/metadata"},
        {AT_REFERENCE, GW_MAX_REFERENCES, "<a@b>", "/references"},
        {AT_REPLY_TO, GW_MAX_REPLY_TO, "u@x.com", "/reply_to"},
        {AT_BCC, 999, "u@x.com", "/bcc"}, /* and one To */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct prepare_test *t = helper_new();
        put_many(t, cases[i].place, cases[i].value, cases[i].max);
        helper_accepts(t);
        helper_free(t);
        t = helper_new();
        put_many(t, cases[i].place, cases[i].value, cases[i].max + 1);
        helper_refuses(t, cases[i].pointer, "too_many");
        helper_free(t);
    }
}

static void all_headers_together_have_a_limit(void **state)
{
    (void)state;
    for (size_t over = 0; over <= 1; over++) {
        struct prepare_test *t = helper_new();
        char *text = gw_arena_bytes(t->arena, 8192);
        memset(text, 'x', 8192);
        for (size_t i = 0; i < 4; i++)
            helper_add_header(t, "X-Test", gw_slice_of(text, 8192 - 6 + (i == 0 ? over : 0)));
        if (over != 0)
            helper_refuses(t, "/headers", "too_large");
        else
            helper_accepts(t);
        helper_free(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_refused_or_come_out_on_the_wire),
        cmocka_unit_test(bad_addresses_are_refused_wherever_they_stand),
        cmocka_unit_test(lengths_have_exact_limits),
        cmocka_unit_test(numbers_have_exact_limits),
        cmocka_unit_test(all_headers_together_have_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
