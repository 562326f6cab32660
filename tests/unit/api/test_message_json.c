/* SPDX-License-Identifier: MIT */
/* JSON bodies to drafts: what is taken, and each way to be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/json_guard.h"
#include "api/message_json.h"
#include "gateway/base/gw_arena.h"

/* One decoded body. */
struct decoded {
    struct gw_arena *arena;
    struct gw_draft draft;
    struct gw_problems problems;
    enum gw_status status;
};

static struct decoded decode_bytes(const void *data, size_t len)
{
    static const struct cfg cfg = {.limits = {.recipients = 1000}};
    struct decoded d = {.arena = gw_arena_new(0)};
    gw_problems_init(&d.problems, d.arena);
    /* A copy of exactly this size, so that reading past the end is seen. */
    char *exact = malloc(len > 0 ? len : 1);
    assert_non_null(exact);
    memcpy(exact, data, len);
    d.status =
        api_message_json_decode(d.arena, gw_slice_of(exact, len), &cfg, &d.draft, &d.problems);
    free(exact);
    return d;
}

static struct decoded decode(const char *text)
{
    return decode_bytes(text, strlen(text));
}

static void done(struct decoded *d)
{
    gw_arena_free(&d->arena);
}

static bool has_problem(const struct decoded *d, const char *pointer, const char *code)
{
    for (size_t i = 0; i < d->problems.n; i++) {
        if (strcmp(d->problems.items[i].pointer, pointer) == 0 &&
            strcmp(d->problems.items[i].code, code) == 0)
            return true;
    }
    for (size_t i = 0; i < d->problems.n; i++)
        print_message("have %s %s: %s\n", d->problems.items[i].pointer, d->problems.items[i].code,
                      d->problems.items[i].detail);
    print_message("want %s %s\n", pointer, code);
    return false;
}

static void check_field(struct gw_field field, const char *text, const char *pointer)
{
    assert_non_null(field.value.data);
    assert_string_equal(field.value.data, text);
    assert_int_equal(field.value.len, strlen(text));
    assert_string_equal(field.pointer, pointer);
}

static const char everything[] =
    "{\"from\":{\"email\":\"billing@example.com\",\"name\":\"Billing\"},"
    "\"to\":[\"Ann <ann@example.org>\",{\"email\":\"bob@example.org\"}],\"cc\":\"c@x\","
    "\"bcc\":[],\"reply_to\":[\"help@example.com\"],\"subject\":\"Your invoice\","
    "\"text\":\"t\\u00e4xt\",\"html\":\"<p>h</p>\","
    "\"headers\":{\"X-Order\":\"17\",\"X-Multi\":[\"a\",\"b\"]},"
    "\"attachments\":[{\"filename\":\"i.pdf\",\"content\":\"aGVsbG8=\","
    "\"content_type\":\"application/pdf\",\"disposition\":\"attachment\","
    "\"content_id\":\"logo\"}],"
    "\"in_reply_to\":\"<r@x>\",\"references\":[\"<a@x>\",\"<b@x>\"],\"message_id\":\"<m@x>\","
    "\"list_unsubscribe\":{\"url\":\"https://u\",\"mailto\":\"u@x\",\"one_click\":true},"
    "\"tags\":[\"invoice\",{\"name\":\"category\",\"value\":\"bulk\"}],"
    "\"metadata\":{\"order_id\":\"17\"},\"scheduled_at\":\"2026-12-01T09:00:00Z\","
    "\"expires_in\":\"4h\",\"priority\":\"high\",\"envelope\":{\"from\":\"\"},"
    "\"relay\":\"ses-eu\",\"require_tls\":true,"
    "\"dsn\":{\"ret\":\"headers\",\"envid\":\"17\",\"notify\":[\"failure\",\"delay\"]},"
    "\"delivery\":{\"mode\":\"individual\",\"on_partial\":\"deliver\","
    "\"on_uncertain\":\"hold\"}}";

static void documented_addresses_texts_and_headers_arrive_with_their_pointers(void **state)
{
    (void)state;
    struct decoded d = decode(everything);
    const struct gw_draft *m = &d.draft;
    assert_int_equal(d.status, GW_OK);
    assert_true(m->has_from);
    check_field(m->from.email, "billing@example.com", "/from/email");
    check_field(m->from.name, "Billing", "/from/name");
    assert_int_equal(m->to.n, 2);
    check_field(m->to.items[0].text, "Ann <ann@example.org>", "/to/0");
    check_field(m->to.items[1].email, "bob@example.org", "/to/1/email");
    assert_null(m->to.items[1].name.value.data);
    assert_int_equal(m->cc.n, 1);
    check_field(m->cc.items[0].text, "c@x", "/cc");
    assert_int_equal(m->bcc.n, 0);
    check_field(m->reply_to.items[0].text, "help@example.com", "/reply_to/0");
    check_field(m->subject, "Your invoice", "/subject");
    check_field(m->text, "t\xc3\xa4xt", "/text");
    check_field(m->html, "<p>h</p>", "/html");
    assert_int_equal(m->n_headers, 3);
    check_field(m->headers[0].name, "X-Order", "/headers/X-Order");
    check_field(m->headers[0].value, "17", "/headers/X-Order");
    check_field(m->headers[2].name, "X-Multi", "/headers/X-Multi");
    check_field(m->headers[2].value, "b", "/headers/X-Multi/1");
    done(&d);
}

static void all_other_documented_fields_arrive_with_their_pointers(void **state)
{
    (void)state;
    struct decoded d = decode(everything);
    const struct gw_draft *m = &d.draft;
    assert_int_equal(m->n_attachments, 1);
    check_field(m->attachments[0].filename, "i.pdf", "/attachments/0/filename");
    assert_int_equal(m->attachments[0].content.len, 5);
    assert_memory_equal(m->attachments[0].content.data, "hello", 5);
    check_field(m->attachments[0].content_type, "application/pdf", "/attachments/0/content_type");
    check_field(m->attachments[0].disposition, "attachment", "/attachments/0/disposition");
    check_field(m->attachments[0].content_id, "logo", "/attachments/0/content_id");
    check_field(m->in_reply_to, "<r@x>", "/in_reply_to");
    assert_int_equal(m->n_references, 2);
    check_field(m->references[1], "<b@x>", "/references/1");
    check_field(m->message_id, "<m@x>", "/message_id");
    assert_true(m->list_unsubscribe.given && m->list_unsubscribe.one_click);
    check_field(m->list_unsubscribe.url, "https://u", "/list_unsubscribe/url");
    check_field(m->list_unsubscribe.mailto, "u@x", "/list_unsubscribe/mailto");
    assert_int_equal(m->n_tags, 2);
    check_field(m->tags[0], "invoice", "/tags/0");
    check_field(m->tags[1], "category:bulk", "/tags/1");
    check_field(m->metadata[0].name, "order_id", "/metadata/order_id");
    check_field(m->metadata[0].value, "17", "/metadata/order_id");
    check_field(m->scheduled_at, "2026-12-01T09:00:00Z", "/scheduled_at");
    check_field(m->expires_in, "4h", "/expires_in");
    assert_int_equal(m->priority, GW_PRIORITY_HIGH);
    check_field(m->envelope_from, "", "/envelope/from");
    check_field(m->relay, "ses-eu", "/relay");
    assert_true(m->require_tls);
    assert_int_equal(m->dsn.ret, GW_DSN_RET_HEADERS);
    check_field(m->dsn.envid, "17", "/dsn/envid");
    assert_int_equal(m->dsn.notify, GW_DSN_FAILURE | GW_DSN_DELAY);
    assert_int_equal(m->delivery_mode, GW_DELIVERY_INDIVIDUAL);
    assert_int_equal(m->on_uncertain, GW_UNCERTAIN_HOLD);
    done(&d);
}

static void aliases_of_other_sdks_are_understood(void **state)
{
    (void)state;
    struct decoded d = decode("{\"replyTo\":\"r@x\",\"send_at\":\"s\",\"attachments\":["
                              "{\"content\":\"\",\"type\":\"text/plain\",\"cid\":\"i\"},"
                              "{\"content\":\"\",\"contentType\":\"a/b\",\"contentId\":\"j\"}],"
                              "\"headers\":[{\"name\":\"X-A\",\"value\":\"1\"}]}");
    assert_int_equal(d.status, GW_OK);
    check_field(d.draft.reply_to.items[0].text, "r@x", "/replyTo");
    check_field(d.draft.scheduled_at, "s", "/send_at");
    check_field(d.draft.attachments[0].content_type, "text/plain", "/attachments/0/type");
    check_field(d.draft.attachments[0].content_id, "i", "/attachments/0/cid");
    assert_non_null(d.draft.attachments[0].content.data);
    assert_int_equal(d.draft.attachments[0].content.len, 0);
    check_field(d.draft.attachments[1].content_type, "a/b", "/attachments/1/contentType");
    check_field(d.draft.headers[0].name, "X-A", "/headers/0/name");
    check_field(d.draft.headers[0].value, "1", "/headers/0/value");
    done(&d);
}

static void null_counts_as_absent(void **state)
{
    (void)state;
    struct decoded d = decode("{\"from\":null,\"to\":null,\"cc\":null,\"text\":null}");
    assert_int_equal(d.status, GW_OK);
    assert_false(d.draft.has_from);
    assert_int_equal(d.draft.to.n, 0);
    assert_null(d.draft.text.value.data);
    done(&d);
}

static const struct {
    const char *body, *pointer, *code;
} wrong_shapes[] = {
    {"[]", "", "type"},
    {"\"x\"", "", "type"},
    {"7", "", "type"},
    {"{\"To\":\"a@x\",\"to\":\"b@x\"}", "/To", "unknown_field"},
    {"{\"__proto__\":{}}", "/__proto__", "unknown_field"},
    {"{\"a/b~c\":1}", "/a~1b~0c", "unknown_field"},
    {"{\"\":1}", "/", "unknown_field"},
    {"{\"to\":\"a@x\",\"to\":\"b@x\"}", "/to", "duplicate_field"},
    {"{\"to\":\"a@x\",\"\\u0074o\":\"b@x\"}", "/to", "duplicate_field"},
    {"{\"headers\":{\"X-A\":\"1\",\"X-A\":\"2\"}}", "/headers/X-A", "duplicate_field"},
    {"{\"to\":[{\"email\":\"a\"},{\"email\":\"b\",\"email\":\"c\"}]}", "/to/1/email",
     "duplicate_field"},
    {"{\"metadata\":{\"a/\":{\"x\":[0,{\"k\":1,\"k\":2}]}}}", "/metadata/a~1/x/1/k",
     "duplicate_field"},
    {"{\"reply_to\":\"a@x\",\"replyTo\":\"b@x\"}", "/replyTo", "duplicate_field"},
    {"{\"send_at\":\"a\",\"scheduledAt\":\"b\"}", "/scheduledAt", "duplicate_field"},
    {"{\"from\":true}", "/from", "type"},
    {"{\"from\":[\"a@x\"]}", "/from", "type"},
    {"{\"from\":{\"name\":\"A\"}}", "/from/email", "required"},
    {"{\"from\":{\"email\":[\"a@x\"]}}", "/from/email", "type"},
    {"{\"from\":{\"email\":\"a@x\",\"mail\":\"a@x\"}}", "/from/mail", "unknown_field"},
    {"{\"to\":true}", "/to", "type"},
    {"{\"to\":[null]}", "/to/0", "type"},
    {"{\"to\":[[\"a@x\"]]}", "/to/0", "type"},
    {"{\"subject\":-0}", "/subject", "type"},
    {"{\"subject\":{\"a\":\"b\"}}", "/subject", "type"},
    {"{\"text\":[\"a\"]}", "/text", "type"},
    {"{\"require_tls\":\"true\"}", "/require_tls", "type"},
    {"{\"require_tls\":1}", "/require_tls", "type"},
    {"{\"headers\":\"X: y\"}", "/headers", "type"},
    {"{\"headers\":{\"X-A\":1}}", "/headers/X-A", "type"},
    {"{\"headers\":{\"X-A\":null}}", "/headers/X-A", "type"},
    {"{\"headers\":{\"X-A\":[\"a\",2]}}", "/headers/X-A/1", "type"},
    {"{\"headers\":[{\"name\":\"X-A\"}]}", "/headers/0/value", "required"},
    {"{\"headers\":[{\"value\":\"1\"}]}", "/headers/0/name", "required"},
    {"{\"headers\":[\"X-A: 1\"]}", "/headers/0", "type"},
    {"{\"tags\":\"a\"}", "/tags", "type"},
    {"{\"tags\":[1]}", "/tags/0", "type"},
    {"{\"tags\":[{\"name\":\"a\"}]}", "/tags/0/value", "required"},
    {"{\"metadata\":[]}", "/metadata", "type"},
    {"{\"metadata\":{\"a\":17}}", "/metadata/a", "type"},
    {"{\"references\":[1]}", "/references/0", "type"},
    {"{\"list_unsubscribe\":\"https://x\"}", "/list_unsubscribe", "type"},
    {"{\"list_unsubscribe\":{\"one_click\":1}}", "/list_unsubscribe/one_click", "type"},
    {"{\"envelope\":{\"to\":\"a@x\"}}", "/envelope/to", "unknown_field"},
    {"{\"priority\":\"urgent\"}", "/priority", "value"},
    {"{\"priority\":1}", "/priority", "type"},
    {"{\"delivery\":{\"mode\":\"x\"}}", "/delivery/mode", "value"},
    {"{\"delivery\":{\"on_partial\":\"abort\"}}", "/delivery/on_partial", "value"},
    {"{\"delivery\":{\"on_uncertain\":\"ask\"}}", "/delivery/on_uncertain", "value"},
    {"{\"dsn\":17}", "/dsn", "type"},
    {"{\"dsn\":{\"ret\":\"some\"}}", "/dsn/ret", "value"},
    {"{\"dsn\":{\"envid\":17}}", "/dsn/envid", "type"},
    {"{\"dsn\":{\"notify\":\"delay\"}}", "/dsn/notify", "type"},
    {"{\"dsn\":{\"notify\":[\"delay\",\"often\"]}}", "/dsn/notify/1", "value"},
    {"{\"dsn\":{\"to\":1}}", "/dsn/to", "unknown_field"},
    {"{\"attachments\":{}}", "/attachments", "type"},
    {"{\"attachments\":[1]}", "/attachments/0", "type"},
    {"{\"attachments\":[{\"filename\":\"a\"}]}", "/attachments/0/content", "required"},
    {"{\"attachments\":[{\"content\":null}]}", "/attachments/0/content", "required"},
    {"{\"attachments\":[{\"content\":\"!\"}]}", "/attachments/0/content", "base64"},
    {"{\"attachments\":[{\"content\":\"====\"}]}", "/attachments/0/content", "base64"},
    {"{\"attachments\":[{\"content\":7}]}", "/attachments/0/content", "type"},
    {"{\"attachments\":[{\"content\":\"\",\"part\":\"f\"}]}", "/attachments/0/part", "unsupported"},
    {"{\"attachments\":[{\"content\":\"\",\"type\":\"a/b\",\"contentType\":\"a/b\"}]}",
     "/attachments/0/contentType", "duplicate_field"},
    {"{\"attachments\":[{\"content\":{\"type\":\"Blob\",\"data\":[1]}}]}", "/attachments/0/content",
     "value"},
    {"{\"attachments\":[{\"content\":{\"type\":\"Buffer\",\"data\":[1,256]}}]}",
     "/attachments/0/content/data/1", "value"},
    {"{\"attachments\":[{\"content\":{\"type\":\"Buffer\",\"data\":[-1]}}]}",
     "/attachments/0/content/data/0", "value"},
    {"{\"attachments\":[{\"content\":{\"type\":\"Buffer\",\"data\":\"aGk=\"}}]}",
     "/attachments/0/content/data", "type"},
    {"{\"attachments\":[{\"content\":{\"type\":\"Buffer\"}}]}", "/attachments/0/content", "value"},
};

static void what_has_the_wrong_shape_is_refused_with_a_pointer(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(wrong_shapes) / sizeof(wrong_shapes[0]); i++) {
        struct decoded d = decode(wrong_shapes[i].body);
        assert_int_equal(d.status, GW_INVALID);
        assert_true(has_problem(&d, wrong_shapes[i].pointer, wrong_shapes[i].code));
        done(&d);
    }
}

static void what_is_not_json_is_refused_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *body, *place;
    } cases[] = {
        {"", "line 1, column 1: "},
        {" \n ", "line 1, column 1: "},
        {"\xef\xbb\xbf{}", "line 1, column 1: a byte order mark"},
        {"{\"a\":1,}", "line 1, column "},
        {"{\n \"a\": 'b'}", "line 2, column "},
        {"{} x", "line 1, column "},
        {"{}{}", "line 1, column "},
        {"{/*c*/}", "line 1, column "},
        {"{\"a\":01}", "line 1, column "},
        {"{\"a\":NaN}", "line 1, column "},
        {"{\"a\":Infinity}", "line 1, column "},
        {"{\"a\":1e400}", "line 1, column "},
        {"{\"a\":99999999999999999999}", "line 1, column "},
        {"{\"a\":\"\\u0000\"}", "line 1, column "},
        {"{\"\\u0000\":1}", "line 1, column "},
        {"{\"a\":\"\\ud800\"}", "line 1, column "},
        {"{\"a\":\"\\udc00\\ud800\"}", "line 1, column "},
        {"{\"a\":\"\xc0\xaf\"}", "line 1, column "},
        {"{\"a\":\"\xed\xa0\x80\"}", "line 1, column "},
        {"{\"a\":\"\xf4\x90\x80\x80\"}", "line 1, column "},
        {"{\"a\":\"x\ny\"}", "line 1, column "},
        {"{\"a\":\"unfinished", "line 1, column "},
        {"{\"a\":\"\\", "line 1, column "},
        {"{\"a\":{\"b\":[1,2", "line 1, column "},
        {"}", "line 1, column "},
        {"{\"a\"}", "line 1, column "},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct decoded d = decode(cases[i].body);
        assert_int_equal(d.status, GW_PROTO);
        assert_int_equal(d.problems.n, 1);
        assert_non_null(strstr(d.problems.items[0].detail, cases[i].place));
        done(&d);
    }
    struct decoded d = decode_bytes("{\"a\":\"x\0y\"}", 11);
    assert_int_equal(d.status, GW_PROTO);
    done(&d);
}

static void what_cannot_be_read_to_its_end_is_not_to_be_judged(void **state)
{
    (void)state;
    static const char *const bodies[] = {"[]", "\"x\"", "{\"to\":\"a\",\"to\":\"b\"}"};
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        struct decoded d = decode(bodies[i]);
        assert_int_equal(d.status, GW_INVALID);
        assert_true(d.draft.unread);
        done(&d);
    }
}

static void all_problems_are_told_at_once_in_order(void **state)
{
    (void)state;
    struct decoded d = decode("{\"subject\":1,\"tto\":2,\"from\":{},\"dsn\":1}");
    assert_int_equal(d.status, GW_INVALID);
    assert_int_equal(d.problems.n, 4);
    assert_string_equal(d.problems.items[0].pointer, "/subject");
    assert_string_equal(d.problems.items[1].pointer, "/tto");
    assert_string_equal(d.problems.items[2].pointer, "/from/email");
    assert_string_equal(d.problems.items[3].pointer, "/dsn");
    assert_false(d.draft.unread);
    done(&d);
}

static void a_misspelt_field_is_told_its_neighbour(void **state)
{
    (void)state;
    struct decoded d = decode("{\"reply-to\":1,\"Subject\":2,\"qqqqqqqqqq\":3}");
    assert_int_equal(d.problems.n, 3);
    assert_non_null(strstr(d.problems.items[0].detail, "\"reply_to\""));
    assert_non_null(strstr(d.problems.items[1].detail, "\"subject\""));
    assert_null(strstr(d.problems.items[2].detail, "did you mean"));
    done(&d);
}

/* {"attachments":[{"content":{"type":"Buffer","data":[0,1,…]}}]} with @n octets */
static char *buffer_body(size_t n, const char *separator, size_t *len_out)
{
    size_t size = 128 + n * 8;
    char *body = malloc(size);
    assert_non_null(body);
    size_t len = (size_t)snprintf(
        body, size, "{\"attachments\":[{\"content\":{\"type\":\"Buffer\",\"data\" : [");
    for (size_t i = 0; i < n; i++)
        len += (size_t)snprintf(body + len, size - len, "%s%u", i > 0 ? separator : "",
                                (unsigned)(i % 256));
    len += (size_t)snprintf(body + len, size - len, "]},\"filename\":\"f\"}]}");
    *len_out = len;
    return body;
}

static void a_serialised_buffer_of_any_size_is_content(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 15, 16, 17, 300, 100000};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        size_t len;
        char *body = buffer_body(sizes[i], i % 2 == 0 ? "," : " ,\n ", &len);
        struct decoded d = decode_bytes(body, len);
        assert_int_equal(d.status, GW_OK);
        struct gw_slice content = d.draft.attachments[0].content;
        assert_int_equal(content.len, sizes[i]);
        for (size_t k = 0; k < content.len; k++)
            assert_int_equal((unsigned char)content.data[k], k % 256);
        check_field(d.draft.attachments[0].filename, "f", "/attachments/0/filename");
        done(&d);
        free(body);
    }
}

static void places_behind_a_taken_out_buffer_are_the_bodys(void **state)
{
    (void)state;
    char body[256] = "{\"data\":[\n1,\n2,\n3,4,5,6,7,8,9,10,11,12,13,14,15,16,\n17],\n  oops}";
    struct decoded d = decode(body);
    assert_int_equal(d.status, GW_PROTO);
    assert_non_null(strstr(d.problems.items[0].detail, "line 6, column "));
    done(&d);
}

static void long_text_under_the_key_content_is_the_same_as_parsed(void **state)
{
    (void)state;
    static const size_t sizes[] = {API_JSON_MIN_TEXT - 1, API_JSON_MIN_TEXT, API_JSON_MIN_TEXT + 1};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        char text[API_JSON_MIN_TEXT + 2];
        char body[4 * API_JSON_MIN_TEXT];
        memset(text, 'A', sizes[i]);
        text[sizes[i]] = '\0';
        (void)snprintf(
            body, sizeof(body),
            "{\"metadata\":{\"content\":\"%s\"},\"attachments\":[{\"content\":\"%s\"}],\n"
            "\"subject\":\"s\"}",
            text, text);
        struct decoded d = decode(body);
        check_field(d.draft.metadata[0].value, text, "/metadata/content");
        check_field(d.draft.subject, "s", "/subject");
        /* a length of 4n+1 is no base64 */
        assert_int_equal(d.status, sizes[i] % 4 == 1 ? GW_INVALID : GW_OK);
        done(&d);
    }
}

static void long_text_that_needs_the_parser_is_left_to_it(void **state)
{
    (void)state;
    static const struct {
        const char *tail;
        enum gw_status status;
    } cases[] = {
        {"\\n", GW_OK},           {"\n", GW_PROTO}, {"\xff", GW_PROTO},
        {"\xc3\xa4", GW_INVALID}, {"\\", GW_PROTO},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[API_JSON_MIN_TEXT + 1];
        char body[2 * API_JSON_MIN_TEXT];
        memset(text, 'A', API_JSON_MIN_TEXT);
        text[API_JSON_MIN_TEXT] = '\0';
        (void)snprintf(body, sizeof(body), "{\"attachments\":[{\"content\":\"%s%s\"}]}", text,
                       cases[i].tail);
        struct decoded d = decode(body);
        assert_int_equal(d.status, cases[i].status);
        done(&d);
    }
}

static void a_stand_in_is_no_text_and_a_forged_one_reaches_nothing_else(void **state)
{
    (void)state;
#define SIXTEEN "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]"
    static const struct {
        const char *body, *pointer;
    } cases[] = {
        {"{\"metadata\":{\"data\":" SIXTEEN "}}", "/metadata/data"},
        {"{\"headers\":{\"data\":" SIXTEEN "}}", "/headers/data"},
        {"{\"subject\":\"\\u00010\",\"metadata\":{\"data\":" SIXTEEN "}}", "/subject"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct decoded d = decode(cases[i].body);
        assert_int_equal(d.status, GW_INVALID);
        assert_true(has_problem(&d, cases[i].pointer, "type"));
        done(&d);
    }
    struct decoded d = decode("{\"subject\":\"\\u00010\",\"text\":\"\\u00017\"}");
    check_field(d.draft.subject,
                "\x01"
                "0",
                "/subject");
    done(&d);
}

static void no_prefix_of_a_message_is_taken_or_crashes(void **state)
{
    (void)state;
    static const char body[] =
        "{\"from\":{\"email\":\"a@x\",\"name\":\"\\u00fc\\ud83d\\ude00\"},\"to\":[\"b@x\"],"
        "\"data\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17],"
        "\"attachments\":[{\"content\":\"aGVsbG8=\"}],\"headers\":{\"X\":[\"1\"]}}";
    for (size_t len = 0; len < sizeof(body) - 1; len++) {
        struct decoded d = decode_bytes(body, len);
        assert_int_equal(d.status, GW_PROTO);
        done(&d);
    }
}

static void a_string_of_many_escapes_is_one_string(void **state)
{
    (void)state;
    enum {
        N = 1000000
    };
    size_t size = N * 6 + 32;
    char *body = malloc(size);
    assert_non_null(body);
    size_t len = (size_t)snprintf(body, size, "{\"text\":\"");
    for (size_t i = 0; i < N; i++)
        len += (size_t)snprintf(body + len, size - len, "\\u000a");
    len += (size_t)snprintf(body + len, size - len, "\"}");
    struct decoded d = decode_bytes(body, len);
    assert_int_equal(d.status, GW_OK);
    assert_int_equal(d.draft.text.value.len, N);
    done(&d);
    free(body);
}

static void a_25_mb_attachment_fits_the_budget(void **state)
{
    (void)state;
    const size_t n = (size_t)34 << 20;
    size_t size = n + 128;
    char *body = malloc(size);
    assert_non_null(body);
    size_t len = (size_t)snprintf(body, size, "{\"attachments\":[{\"content\":\"");
    memset(body + len, 'A', n);
    len += n;
    len += (size_t)snprintf(body + len, size - len, "\"}]}");
    struct decoded d = decode_bytes(body, len);
    assert_int_equal(d.status, GW_OK);
    assert_int_equal(d.draft.attachments[0].content.len, n / 4 * 3);
    done(&d);
    free(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documented_addresses_texts_and_headers_arrive_with_their_pointers),
        cmocka_unit_test(all_other_documented_fields_arrive_with_their_pointers),
        cmocka_unit_test(aliases_of_other_sdks_are_understood),
        cmocka_unit_test(null_counts_as_absent),
        cmocka_unit_test(what_has_the_wrong_shape_is_refused_with_a_pointer),
        cmocka_unit_test(what_is_not_json_is_refused_with_its_place),
        cmocka_unit_test(what_cannot_be_read_to_its_end_is_not_to_be_judged),
        cmocka_unit_test(all_problems_are_told_at_once_in_order),
        cmocka_unit_test(a_misspelt_field_is_told_its_neighbour),
        cmocka_unit_test(a_serialised_buffer_of_any_size_is_content),
        cmocka_unit_test(places_behind_a_taken_out_buffer_are_the_bodys),
        cmocka_unit_test(long_text_under_the_key_content_is_the_same_as_parsed),
        cmocka_unit_test(long_text_that_needs_the_parser_is_left_to_it),
        cmocka_unit_test(a_stand_in_is_no_text_and_a_forged_one_reaches_nothing_else),
        cmocka_unit_test(no_prefix_of_a_message_is_taken_or_crashes),
        cmocka_unit_test(a_string_of_many_escapes_is_one_string),
        cmocka_unit_test(a_25_mb_attachment_fits_the_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
