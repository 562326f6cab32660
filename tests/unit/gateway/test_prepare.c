/* SPDX-License-Identifier: MIT */
/* From draft to message: what the message then says, who may send, and how problems add up. */
#include "tests/lib/prepare_helper.h"

#include <stdio.h>

#include "gateway/mime.h"
#include "gateway/prepare_internal.h"

/* A draft with something in every field. */
static struct prepare_test *full(void)
{
    struct prepare_test *t = helper_new();
    t->ctx.api_key = &t->key;
    (void)helper_put(t, AT_SUBJECT, GW_SLICE_LIT("H\u00e9llo"));
    (void)helper_put(t, AT_TAG, GW_SLICE_LIT("invoice"));
    (void)helper_put(t, AT_METADATA_VALUE, GW_SLICE_LIT("17"));
    (void)helper_put(t, AT_RELAY, GW_SLICE_LIT("backup"));
    (void)helper_put(t, AT_ENVELOPE_FROM, GW_SLICE_LIT("bounce@Example.com"));
    (void)helper_put(t, AT_CC, GW_SLICE_LIT("Cc <carol@example.net>"));
    (void)helper_put(t, AT_BCC, GW_SLICE_LIT("dave@example.net"));
    t->draft.require_tls = true;
    t->draft.dsn.ret = GW_DSN_RET_FULL;
    t->draft.dsn.notify = GW_DSN_DELAY;
    t->draft.dsn.envid = (struct gw_field){gw_slice_str("a b"), "/dsn/envid"};
    t->draft.priority = GW_PRIORITY_HIGH;
    t->draft.delivery_mode = GW_DELIVERY_INDIVIDUAL;
    t->draft.on_uncertain = GW_UNCERTAIN_HOLD;
    return t;
}

static bool takes_dsn(unsigned notify, const char *envid)
{
    struct prepare_test *t = full();
    t->draft.dsn.notify = notify;
    t->draft.dsn.notify_pointer = "/dsn/notify";
    t->draft.dsn.envid = (struct gw_field){gw_slice_str(envid), "/dsn/envid"};
    bool taken = gw_prepare(&t->ctx, &t->draft, t->arena, &t->m, &t->problems) == GW_OK;
    helper_free(t);
    return taken;
}

static void what_dsn_asks_for_is_checked(void **state)
{
    (void)state;
    char envid[102];
    memset(envid, 'e', sizeof(envid));
    envid[100] = '\0';
    assert_true(takes_dsn(GW_DSN_NEVER, envid)); /* GW_MAX_ENVID */
    envid[100] = 'e';
    envid[101] = '\0';
    assert_false(takes_dsn(0, envid));
    envid[98] = '+'; /* one octet that is three */
    envid[99] = '\0';
    assert_false(takes_dsn(0, envid));
    assert_false(takes_dsn(GW_DSN_NEVER | GW_DSN_DELAY, "e"));
    assert_false(takes_dsn(0, ""));
    assert_false(takes_dsn(0, "a\r\nb"));
    assert_false(takes_dsn(0, "\xc3\xa4"));
}

static void a_message_has_what_the_draft_says(void **state)
{
    (void)state;
    struct prepare_test *t = full();
    helper_accepts(t);
    const struct gw_message *m = t->m;
    assert_ptr_equal(m->arena, t->arena);
    assert_int_equal(strlen(m->id), GW_UUID_SIZE - 1);
    assert_string_equal(m->tenant, "k1");
    assert_string_equal(m->from, "ann@example.com");
    assert_string_equal(m->from_domain, "example.com");
    assert_string_equal(m->mail_from, "bounce@example.com");
    assert_string_equal(m->subject, "H\u00e9llo");
    char expected[80];
    (void)snprintf(expected, sizeof(expected), "<%s@example.com>", m->id);
    assert_string_equal(m->message_id, expected);
    assert_true(helper_holds(t, expected));
    assert_int_equal(m->n_tags, 1);
    assert_string_equal(m->tags[0].data, "invoice");
    assert_int_equal(m->n_metadata, 1);
    assert_string_equal(m->metadata[0].value.value.data, "17");
    assert_string_equal(m->relay, "backup");
    assert_true(m->require_tls);
    assert_int_equal(m->dsn.ret, GW_DSN_RET_FULL);
    assert_int_equal(m->dsn.notify, GW_DSN_DELAY);
    assert_string_equal(m->dsn.envid, "a b");
    assert_int_equal(m->priority, GW_PRIORITY_HIGH);
    assert_int_equal(m->delivery_mode, GW_DELIVERY_INDIVIDUAL);
    assert_int_equal(m->on_uncertain, GW_UNCERTAIN_HOLD);
    assert_int_equal(m->created_at_ms, HELPER_NOW);
    assert_int_equal(m->expires_at_ms, HELPER_NOW + t->cfg.retry.max_age_ms);
    assert_int_equal(m->scheduled_at_ms, 0);
    assert_int_equal(m->n_rcpts, 3);
    assert_string_equal(m->rcpts[1].email, "carol@example.net");
    assert_string_equal(m->rcpts[1].domain, "example.net");
    assert_int_equal(m->rcpts[1].kind, GW_RCPT_CC);
    assert_int_equal(m->rcpts[2].kind, GW_RCPT_BCC);
    assert_int_equal(m->rcpts[0].status, GW_RCPT_QUEUED);
    assert_int_equal(m->rcpts[0].duration_ms, -1);
    assert_true(helper_holds(t, "\r\nCc: Cc <carol@example.net>\r\n"));
    assert_false(helper_holds(t, "dave"));
    assert_false(helper_holds(t, "bounce"));
    assert_int_equal(gw_mime_check(m->mime, false, NULL), GW_OK);
    helper_free(t);
}

static void the_same_recipient_twice_is_one(void **state)
{
    (void)state;
    struct prepare_test *t = helper_new();
    helper_add_address(t, &t->draft.to, "/to", "Bob <bob@EXAMPLE.org>");
    helper_add_address(t, &t->draft.to, "/to", "Bob@example.org");
    helper_add_address(t, &t->draft.to, "/to", "\"bob\"@example.org");
    helper_add_address(t, &t->draft.cc, "/cc", "bob@example.org");
    helper_add_address(t, &t->draft.cc, "/cc", "al@example.org");
    helper_add_address(t, &t->draft.bcc, "/bcc", "al@example.org");
    helper_add_address(t, &t->draft.bcc, "/bcc", "zed@ex\u00e4mple.org");
    helper_add_address(t, &t->draft.bcc, "/bcc", "zed@xn--exmple-cua.org");
    helper_accepts(t);
    static const char *const emails[] = {"bob@example.org", "Bob@example.org", "al@example.org",
                                         "zed@xn--exmple-cua.org"};
    static const enum gw_rcpt_kind kinds[] = {GW_RCPT_TO, GW_RCPT_TO, GW_RCPT_CC, GW_RCPT_BCC};
    assert_int_equal(t->m->n_rcpts, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(t->m->rcpts[i].email, emails[i]);
        assert_int_equal(t->m->rcpts[i].kind, kinds[i]);
    }
    assert_true(helper_holds(t, "To: bob@example.org, Bob <bob@example.org>, Bob@example.org,"));
    helper_free(t);
}

static void a_recipient_of_any_kind_is_enough(void **state)
{
    (void)state;
    struct prepare_test *t = helper_new();
    t->draft.to.n = 0;
    helper_refuses(t, "/to", "required");
    helper_free(t);
    t = helper_new();
    t->draft.to.n = 0;
    (void)helper_put(t, AT_BCC, GW_SLICE_LIT("dave@example.net"));
    helper_accepts(t);
    assert_true(helper_holds(t, "\r\nTo: undisclosed-recipients:;\r\n"));
    helper_free(t);
    t = helper_new();
    t->draft.to.n = 0;
    (void)helper_put(t, AT_CC, GW_SLICE_LIT("carol@example.net"));
    helper_accepts(t);
    assert_false(helper_holds(t, "\r\nTo:"));
    helper_free(t);
}

static void objects_give_name_and_address_apart(void **state)
{
    (void)state;
    struct prepare_test *t = helper_new();
    t->draft.from = (struct gw_draft_address){
        .email = helper_field("/from/email", "ann@example.com"),
        .name = helper_field("/from/name", "Ann <ceo@example.org>, =?x?q?y?=")};
    helper_accepts(t);
    assert_true(helper_holds(t, "From: =?UTF-8?"));
    assert_false(helper_holds(t, "ceo@"));
    helper_free(t);
    t = helper_new();
    t->draft.from =
        (struct gw_draft_address){.email = helper_field("/from/email", "Ann <ann@example.com>"),
                                  .name = helper_field("/from/name", "Ann\r\nBcc: x@x.com")};
    assert_int_equal(helper_run(t), GW_INVALID);
    assert_true(helper_has(t, "/from/email", "address_syntax"));
    assert_true(helper_has(t, "/from/name", "header_injection"));
    assert_int_equal(t->problems.n, 2);
    helper_free(t);
}

static void missing_fields_are_named_once(void **state)
{
    (void)state;
    struct prepare_test *t = helper_new();
    t->draft.has_from = false;
    t->draft.to.n = 0;
    t->draft.text.value.data = NULL;
    assert_int_equal(helper_run(t), GW_INVALID);
    assert_true(helper_has(t, "/from", "required"));
    assert_true(helper_has(t, "/to", "required"));
    assert_true(helper_has(t, "", "required"));
    assert_int_equal(t->problems.n, 3);
    helper_free(t);
    /* the decoder has said already what is wrong with them */
    t = helper_new();
    t->draft.has_from = false;
    t->draft.to.n = 0;
    t->draft.text.value.data = NULL;
    gw_problems_add(&t->problems, "/from", GW_PROBLEM_TYPE, "x");
    gw_problems_add(&t->problems, "/to/0", GW_PROBLEM_TYPE, "x");
    gw_problems_add(&t->problems, "/html", GW_PROBLEM_TYPE, "x");
    assert_int_equal(helper_run(t), GW_INVALID);
    assert_int_equal(t->problems.n, 3);
    helper_free(t);
}

static void every_problem_is_reported_at_once(void **state)
{
    (void)state;
    struct prepare_test *t = helper_new();
    (void)helper_put(t, AT_FROM, GW_SLICE_LIT("nobody"));
    (void)helper_put(t, AT_SUBJECT, GW_SLICE_LIT("a\nb"));
    helper_add_header(t, "Bcc", GW_SLICE_LIT("z@z.com"));
    (void)helper_put(t, AT_FILE_NAME, GW_SLICE_LIT("../x"));
    (void)helper_put(t, AT_TAG, GW_SLICE_LIT(""));
    (void)helper_put(t, AT_SCHEDULED_AT, GW_SLICE_LIT("soon"));
    assert_int_equal(helper_run(t), GW_INVALID);
    assert_int_equal(t->problems.n, 6);
    helper_free(t);
}

static void an_attachment_without_content_is_refused(void **state)
{
    (void)state;
    struct prepare_test *t = helper_new();
    helper_add_attachment(t)->content.data = NULL;
    helper_refuses(t, "/attachments/0", "required");
    helper_free(t);
}

static void two_parts_of_one_content_id_are_refused(void **state)
{
    (void)state;
    struct prepare_test *t = helper_new();
    helper_add_attachment(t)->content_id = helper_field("/attachments/0/content_id", "a");
    helper_add_attachment(t)->content_id = helper_field("/attachments/1/content_id", "<a>");
    helper_refuses(t, "/attachments/1/content_id", "duplicate_field");
    helper_free(t);
}

static void a_header_stands_beside_no_field_that_writes_it(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum helper_place where;
        const char *value;
    } cases[] = {{"References", AT_REFERENCE, "<a@b>"},
                 {"in-reply-to", AT_IN_REPLY_TO, "<a@b>"},
                 {"List-Unsubscribe", AT_UNSUBSCRIBE_URL, "https://x.com"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct prepare_test *t = helper_new();
        helper_add_header(t, cases[i].name, GW_SLICE_LIT("<x@y>"));
        helper_accepts(t);
        helper_free(t);
        t = helper_new();
        helper_add_header(t, cases[i].name, GW_SLICE_LIT("<x@y>"));
        helper_add_header(t, cases[i].name, GW_SLICE_LIT("<x@y>"));
        const char *pointer = gw_arena_printf(t->arena, "/headers/%s", cases[i].name);
        helper_refuses(t, pointer, "duplicate_field");
        helper_free(t);
        t = helper_new();
        (void)helper_put(t, cases[i].where, gw_slice_str(cases[i].value));
        helper_add_header(t, cases[i].name, GW_SLICE_LIT("<x@y>"));
        pointer = gw_arena_printf(t->arena, "/headers/%s", cases[i].name);
        helper_refuses(t, pointer, "duplicate_field");
        helper_free(t);
    }
}

static void one_click_needs_a_url(void **state)
{
    (void)state;
    struct prepare_test *t = helper_new();
    (void)helper_put(t, AT_UNSUBSCRIBE_MAILTO, GW_SLICE_LIT("u@x.com"));
    t->draft.list_unsubscribe.one_click = true;
    helper_refuses(t, "/list_unsubscribe", "required");
    helper_free(t);
    t = helper_new();
    (void)helper_put(t, AT_UNSUBSCRIBE_URL, GW_SLICE_LIT("https://x.com/u"));
    t->draft.list_unsubscribe.one_click = true;
    helper_accepts(t);
    assert_true(helper_holds(t, "\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"));
    helper_free(t);
    t = helper_new();
    t->draft.list_unsubscribe.given = true;
    t->draft.list_unsubscribe.pointer = "/list_unsubscribe";
    helper_refuses(t, "/list_unsubscribe", "required");
    helper_free(t);
}

static void a_key_sends_only_as_its_senders(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *address;
        bool allowed;
    } cases[] = {
        {"ann@example.com", "ann@example.com", true},
        {"ann@example.com", "Ann@example.com", true},
        {"ann@example.com", "bob@example.com", false},
        {"*@example.com", "bob@example.com", true},
        {"*@example.com", "bob@mail.example.com", false},
        {"*@example.com", "bob@notexample.com", false},
        {"*@example.com", "bob@example.com.evil.org", false},
        {"*@example.com", "\"bob@example.com\"@evil.org", false},
        {"*@*.example.com", "bob@mail.example.com", true},
        {"*@*.example.com", "bob@a.b.example.com", true},
        {"*@*.example.com", "bob@example.com", false},
        {"*@*.example.com", "bob@xexample.com", false},
        {"*@*.example.com", "bob@mail.example.com.evil.org", false},
        {"example.com", "bob@example.com", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct cfg_api_key key = {.senders = &cases[i].pattern, .n_senders = 1};
        assert_int_equal(gw_prepare_sender_allowed(&key, cases[i].address), cases[i].allowed);
    }
    const struct cfg_api_key any = {.n_senders = 0};
    assert_true(gw_prepare_sender_allowed(&any, "x@y.com"));
    assert_true(gw_prepare_sender_allowed(NULL, "x@y.com"));
}

static void sender_policy_covers_from_and_envelope(void **state)
{
    (void)state;
    static const char *const senders[] = {"*@example.com"};
    struct prepare_test *t = helper_new();
    t->key.senders = senders;
    t->key.n_senders = 1;
    t->ctx.api_key = &t->key;
    (void)helper_put(t, AT_FROM, GW_SLICE_LIT("a@other.com"));
    (void)helper_put(t, AT_ENVELOPE_FROM, GW_SLICE_LIT("a@third.com"));
    assert_int_equal(helper_run(t), GW_INVALID);
    assert_true(helper_has(t, "/from", "sender_not_allowed"));
    assert_true(helper_has(t, "/x", "sender_not_allowed"));
    assert_int_equal(t->problems.n, 2);
    helper_free(t);
    t = helper_new();
    t->key.senders = senders;
    t->key.n_senders = 1;
    t->ctx.api_key = &t->key;
    (void)helper_put(t, AT_FROM, GW_SLICE_LIT("A@EXAMPLE.COM"));
    (void)helper_put(t, AT_ENVELOPE_FROM, GW_SLICE_LIT(""));
    helper_accepts(t);
    assert_string_equal(t->m->mail_from, "");
    helper_free(t);
}

static void a_key_uses_only_its_relays(void **state)
{
    (void)state;
    static const size_t relays[] = {0};
    struct prepare_test *t = helper_new();
    t->key.relays = relays;
    t->key.n_relays = 1;
    t->ctx.api_key = &t->key;
    helper_refuses(t, helper_put(t, AT_RELAY, GW_SLICE_LIT("backup")), "relay");
    helper_free(t);
    t = helper_new();
    t->key.relays = relays;
    t->key.n_relays = 1;
    t->ctx.api_key = &t->key;
    (void)helper_put(t, AT_RELAY, GW_SLICE_LIT("main"));
    helper_accepts(t);
    helper_free(t);
}

static void scheduling_moves_first_attempt_and_expiry(void **state)
{
    (void)state;
    struct prepare_test *t = helper_new();
    (void)helper_put(t, AT_SCHEDULED_AT, GW_SLICE_LIT("2026-11-24T12:34:56.789Z"));
    (void)helper_put(t, AT_EXPIRES_IN, GW_SLICE_LIT("4h"));
    helper_accepts(t);
    int64_t at = HELPER_NOW + INT64_C(86400000);
    assert_int_equal(t->m->scheduled_at_ms, at);
    assert_int_equal(t->m->rcpts[0].status, GW_RCPT_SCHEDULED);
    assert_int_equal(t->m->rcpts[0].next_attempt_ms, at);
    assert_int_equal(t->m->expires_at_ms, at + INT64_C(4) * 3600 * 1000);
    helper_free(t);
    t = helper_new();
    (void)helper_put(t, AT_SCHEDULED_AT, GW_SLICE_LIT("2026-11-23T12:34:56.789Z")); /* now */
    helper_accepts(t);
    assert_int_equal(t->m->scheduled_at_ms, 0);
    assert_int_equal(t->m->rcpts[0].status, GW_RCPT_QUEUED);
    helper_free(t);
    t = helper_new();
    (void)helper_put(t, AT_SCHEDULED_AT,
                     GW_SLICE_LIT("2027-11-24T12:34:56.789Z")); /* 366 days on */
    helper_accepts(t);
    helper_free(t);
    t = helper_new();
    helper_refuses(t, helper_put(t, AT_SCHEDULED_AT, GW_SLICE_LIT("2027-11-24T12:34:56.790Z")),
                   "date");
    helper_free(t);
}

static void times_are_those_of_rfc_3339(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms; /* -1: refused */
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2000-02-29T12:00:00Z", INT64_C(951825600000)},
        {"2026-11-23T12:34:56.789Z", HELPER_NOW},
        {"2026-11-23t12:34:56.789012345z", HELPER_NOW},
        {"2026-11-23 12:34:56.7Z", HELPER_NOW - 89},
        {"2026-11-23T14:34:56.789+02:00", HELPER_NOW},
        {"2026-11-23T07:04:56.789-05:30", HELPER_NOW},
        {"2016-12-31T23:59:60Z", INT64_C(1483228800000)},
        {"2026-11-23T12:34:56.Z", -1},
        {"2026-11-23T12:34:56+0200", -1},
        {"2026-11-23T12:34Z", -1},
        {"2026-11-31T12:34:56Z", -1},
        {"2026-02-29T12:34:56Z", -1},
        {"2100-02-29T12:34:56Z", -1},
        {"2026-13-01T12:34:56Z", -1},
        {"2026-00-01T12:34:56Z", -1},
        {"2026-01-00T12:34:56Z", -1},
        {"2026-01-01T24:00:00Z", -1},
        {"2026-01-01T00:60:00Z", -1},
        {"2026-01-01T00:00:61Z", -1},
        {"1969-12-31T23:59:59Z", -1},
        {"10000-01-01T00:00:00Z", -1},
        {"2026-01-01T00:00:00Z ", -1},
        {"2026-01-01T00:00:00+24:00", -1},
        {"", -1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t ms = -1;
        bool good = gw_prepare_parse_time(gw_slice_str(cases[i].text), &ms);
        if (good != (cases[i].ms != -1) || (good && ms != cases[i].ms))
            fail_msg("%s: %lld", cases[i].text, (long long)ms);
    }
}

static void smtputf8_is_asked_for_where_it_is_needed(void **state)
{
    (void)state;
    struct prepare_test *t = helper_new();
    helper_add_address(t, &t->draft.bcc, "/bcc", "j\u00f6rg@example.org");
    helper_accepts(t);
    assert_false(t->m->rcpts[0].needs_smtputf8);
    assert_true(t->m->rcpts[1].needs_smtputf8);
    assert_int_equal(gw_mime_check(t->m->mime, false, NULL), GW_OK);
    helper_free(t);
    /* in the header it makes the whole message need it */
    t = helper_new();
    helper_add_address(t, &t->draft.reply_to, "/reply_to", "j\u00f6rg@example.org");
    helper_accepts(t);
    assert_true(t->m->rcpts[0].needs_smtputf8);
    assert_int_equal(gw_mime_check(t->m->mime, false, NULL), GW_INVALID);
    assert_int_equal(gw_mime_check(t->m->mime, true, NULL), GW_OK);
    helper_free(t);
    t = helper_new();
    (void)helper_put(t, AT_FROM, GW_SLICE_LIT("j\u00f6rg@example.org"));
    (void)helper_put(t, AT_ENVELOPE_FROM, GW_SLICE_LIT("ann@example.org"));
    helper_accepts(t);
    assert_false(t->m->mail_from_smtputf8);
    assert_true(t->m->rcpts[0].needs_smtputf8);
    helper_free(t);
}

static void required_signing_without_a_key_is_refused(void **state)
{
    (void)state;
    struct prepare_test *t = helper_new();
    t->cfg.dkim.sign = CFG_DKIM_REQUIRED;
    helper_refuses(t, "/from", "dkim_unavailable");
    helper_free(t);
}

static void nothing_of_the_draft_is_kept_by_reference(void **state)
{
    (void)state;
    struct prepare_test *t = helper_new();
    static char subject[] = "subject";
    static char tag[] = "tag";
    static char relay[] = "backup";
    static char body[] = "the body";
    (void)helper_put(t, AT_SUBJECT, gw_slice_str(subject));
    (void)helper_put(t, AT_TAG, gw_slice_str(tag));
    (void)helper_put(t, AT_RELAY, gw_slice_str(relay));
    (void)helper_put(t, AT_TEXT, gw_slice_str(body));
    struct gw_arena *arena = gw_arena_new(0);
    assert_int_equal(gw_prepare(&t->ctx, &t->draft, arena, &t->m, &t->problems), GW_OK);
    struct gw_message *m = t->m;
    memset(subject, '#', sizeof(subject) - 1);
    memset(tag, '#', sizeof(tag) - 1);
    memset(relay, '#', sizeof(relay) - 1);
    memset(body, '#', sizeof(body) - 1);
    helper_free(t);
    assert_string_equal(m->subject, "subject");
    assert_string_equal(m->tags[0].data, "tag");
    assert_string_equal(m->relay, "backup");
    assert_string_equal(m->rcpts[0].email, "bob@example.org");
    assert_null(memchr(m->mime.data, '#', m->mime.len));
    gw_message_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_has_what_the_draft_says),
        cmocka_unit_test(what_dsn_asks_for_is_checked),
        cmocka_unit_test(the_same_recipient_twice_is_one),
        cmocka_unit_test(a_recipient_of_any_kind_is_enough),
        cmocka_unit_test(objects_give_name_and_address_apart),
        cmocka_unit_test(missing_fields_are_named_once),
        cmocka_unit_test(every_problem_is_reported_at_once),
        cmocka_unit_test(an_attachment_without_content_is_refused),
        cmocka_unit_test(two_parts_of_one_content_id_are_refused),
        cmocka_unit_test(a_header_stands_beside_no_field_that_writes_it),
        cmocka_unit_test(one_click_needs_a_url),
        cmocka_unit_test(a_key_sends_only_as_its_senders),
        cmocka_unit_test(sender_policy_covers_from_and_envelope),
        cmocka_unit_test(a_key_uses_only_its_relays),
        cmocka_unit_test(scheduling_moves_first_attempt_and_expiry),
        cmocka_unit_test(times_are_those_of_rfc_3339),
        cmocka_unit_test(smtputf8_is_asked_for_where_it_is_needed),
        cmocka_unit_test(required_signing_without_a_key_is_refused),
        cmocka_unit_test(nothing_of_the_draft_is_kept_by_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
