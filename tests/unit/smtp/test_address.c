/* SPDX-License-Identifier: MIT */
/* Mail addresses: what is refused, and the one wire form of what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/base/gw_arena.h"
#include "gateway/base/gw_buf.h"
#include "gateway/base/gw_random.h"
#include "gateway/base/gw_utf8.h"
#include "smtp/address.h"

#define L10 "aaaaaaaaaa"
#define L60 L10 L10 L10 L10 L10 L10

/* A slice of a literal, for static tables. */
#define LIT(s) \
    { \
        (s), sizeof(s) - 1 \
    }

struct addr_case {
    struct gw_slice in;
    const char *wire;  /* NULL: refused */
    const char *error; /* part of the text when refused */
};
#define OK(in, wire) \
    { \
        LIT(in), (wire), NULL \
    }
#define REFUSED(in, error) \
    { \
        LIT(in), NULL, (error) \
    }

static const struct addr_case bare[] = {
    OK("ann@example.org", "ann@example.org"),
    OK("Ann.O'Neil+tag=1@Example.ORG", "Ann.O'Neil+tag=1@example.org"),
    OK("a@localhost", "a@localhost"),
    OK("#$&'*+-/?=^_`{|}~@x.com", "#$&'*+-/?=^_`{|}~@x.com"),
    OK(L60 "aaaa@x.com", L60 "aaaa@x.com"),
    REFUSED(L60 "aaaaa@x.com", "64 octets"),
    OK("\"ann\"@x.com", "ann@x.com"),
    OK("\"a\\nn\"@x.com", "ann@x.com"),
    OK("\"john doe\"@x.com", "\"john doe\"@x.com"),
    OK("\"a,b\"@x.com", "\"a,b\"@x.com"),
    OK("\"a..b\"@x.com", "\"a..b\"@x.com"),
    OK("\"a\\\"b\"@x.com", "\"a\\\"b\"@x.com"),
    OK("\"a\\\\\"@x.com", "\"a\\\\\"@x.com"),
    OK("\"\\ a\"@x.com", "\" a\"@x.com"),
    REFUSED("\"a\"b@x.com", "behind its quotes"),
    REFUSED("a\"b\"@x.com", "quotes"),
    REFUSED("\"\"@x.com", "empty"),
    REFUSED("\"a@x.com", "not closed"),
    REFUSED("\"a\\\"@x.com", "not closed"),
    REFUSED("\"a\\", "not closed"),
    REFUSED("\"", "not closed"),
    REFUSED("\"a\"", "no @"),
    /* hidden second addresses */
    REFUSED("\"evil@attacker.com more\"@legit.com", "in quotes"),
    REFUSED("\"user@attacker.com\"@legit.com", "in quotes"),
    REFUSED("\"a>b\"@legit.com", "in quotes"),
    REFUSED("\"a\"@evil.com\"@good.com", "quotes"),
    REFUSED("a@evil.com@good.com", "more than one @"),
    REFUSED("a@good.com,victim@evil.com", "one address"),
    REFUSED("a@good.com,evil.com", "one address"),
    REFUSED("a@good.com;b@evil.com", "one address"),
    REFUSED("a,b@evil.com", "one address"),
    REFUSED("<aaa@bbb.com>ccc@ddd.com", "angle"),
    REFUSED("<aaa@bbb.com>", "angle"),
    REFUSED("u@x.com>", "angle"),
    REFUSED("user@good.com(x)evil.com", "comments"),
    REFUSED("user@(x)good.com", "comments"),
    REFUSED("user(x)@good.com", "comments"),
    REFUSED("user@good.com (c", "behind its domain"),
    REFUSED("Group:a@b.com,c@d.com;", "one address"),
    REFUSED("@a,@b:u@x.com", "source route"),
    REFUSED("@a.com:u@x.com", "source route"),
    REFUSED("u%evil@x.com", "% or !"),
    REFUSED("u!evil@x.com", "% or !"),
    REFUSED("\"u%evil\"@x.com", "% or !"),
    REFUSED("\"u!e vil\"@x.com", "% or !"),
    REFUSED("=?utf-8?q?=41=42?=@x.com", "encoded-word"),
    REFUSED("=?utf-8?q?x=40evil.com=3e=00?=foo@good.com", "encoded-word"),
    REFUSED("\"=?utf-8?q?=41?=\"@good.com", "encoded-word"),
    REFUSED("\"a\"=?x@good.com", "behind its quotes"),
    /* controls and injected commands */
    REFUSED("", "empty"),
    REFUSED("\"\r\n RCPT TO:<z@z>\"@x.com", "control"),
    REFUSED("u@x.com>\r\nRCPT TO:<z@z.com", "angle"),
    REFUSED("u@x.com\r\n", "control"),
    REFUSED("u@x.com\n", "control"),
    REFUSED("u\r\n@x.com", "control"),
    REFUSED("u@x.com> SIZE=1 ORCPT=rfc822;z", "angle"),
    REFUSED("u@x\0.evil", "control"),
    REFUSED("u\0@x.com", "control"),
    REFUSED("u\x7f@x.com", "control"),
    REFUSED("u\t@x.com", "control"),
    REFUSED(" u@x.com", "space"),
    REFUSED("u @x.com", "space"),
    REFUSED("u@x.com ", "behind its domain"),
    REFUSED("u@ x.com", "behind its domain"),
    REFUSED("u[x]@x.com", "not allowed"),
    REFUSED("u\\@x.com", "not allowed"),
    REFUSED("\"u\x01\"@x.com", "control"),
    /* dots */
    REFUSED(".u@x.com", "dot"),
    REFUSED("u.@x.com", "dot"),
    REFUSED("u..v@x.com", "dot"),
    REFUSED("u@x..com", "empty label"),
    REFUSED("u@.com", "empty label"),
    REFUSED("u@x.com.", "empty label"),
    REFUSED("u@.", "empty label"),
    /* domains */
    REFUSED("u", "no @"),
    REFUSED("@x.com", "empty"),
    REFUSED("@", "empty"),
    REFUSED("u@", "domain is empty"),
    REFUSED("u@com", "no dot"),
    REFUSED("u@-x.com", "starts with a hyphen"),
    REFUSED("u@x-.com", "ends with a hyphen"),
    REFUSED("u@ab--x.com", "third and fourth"),
    REFUSED("u@x_y.com", "not a letter"),
    REFUSED("u@x/y.com", "not a letter"),
    REFUSED("u@[127.0.0.1]", "literal"),
    REFUSED("u@[IPv6:::1]", "literal"),
    REFUSED("u@[127.0.0.1]:25", "literal"),
    REFUSED("u@127.0.0.1", "IP address"),
    REFUSED("u@x.1", "IP address"),
    OK("u@1.x", "u@1.x"),
    REFUSED("u@x.com:25", "port"),
    OK("u@" L60 "aaa.com", "u@" L60 "aaa.com"),
    REFUSED("u@" L60 "aaaa.com", "63 octets"),
    /* IDN */
    OK("u@ex\u00e4mple.com", "u@xn--exmple-cua.com"),
    OK("u@EX\u00c4MPLE.com", "u@xn--exmple-cua.com"),
    OK("u@exa\u0308mple.com", "u@xn--exmple-cua.com"),
    OK("u@XN--EXMPLE-CUA.com", "u@xn--exmple-cua.com"),
    OK("u@stra\u00dfe.de", "u@xn--strae-oqa.de"),
    OK("u@strasse.de", "u@strasse.de"),
    OK("u@\u0430pple.com", "u@xn--pple-43d.com"), /* Cyrillic a: shown for what it is */
    OK("u@\u4f8b\u3048.jp", "u@xn--r8jz45g.jp"),
    REFUSED("u@xn--.com", "domain"),
    REFUSED("u@xn--a.com", "internationalized"),
    REFUSED("u@xn--\u00e4.com", "internationalized"),
    REFUSED("u@xn--n3h.com", "internationalized"), /* U+2603, a snowman */
    REFUSED("u@xn--stra\u00dfe.de", "internationalized"),
    REFUSED("u@\u05d0a.com", "internationalized"),  /* right-to-left and left-to-right in a label */
    REFUSED("u@legit\u3002com", "punctuation"),     /* U+3002 */
    REFUSED("u@legit\u2024com.de", "punctuation"),  /* U+2024 */
    REFUSED("u@legit\uff0ecom", "punctuation"),     /* U+FF0E */
    REFUSED("u@x\u2488com.de", "punctuation"),      /* U+2488 "1." */
    REFUSED("u@le\u00adgit.com", "invisible"),      /* U+00AD */
    REFUSED("u@x\u202e\u202cy.com", "invisible"),   /* U+202E */
    REFUSED("u@x\u200dy.com", "internationalized"), /* ZWJ out of context */
    REFUSED("u@x\u2100y.com", "domain"),            /* U+2100 maps to a/c */
    REFUSED("u@\U0001f4a9.la\xff", "UTF-8"),
    REFUSED("u@x\xc0\xae"
            "com.de",
            "UTF-8"),
    REFUSED("u\uff20x.com", "punctuation"), /* U+FF20 */
    REFUSED("u@v\uff20x.com", "punctuation"),
    /* UTF-8 local parts */
    OK("j\u00f6rg@x.com", "j\u00f6rg@x.com"),
    OK("\"j\u00f6rg\"@x.com", "j\u00f6rg@x.com"),
    OK("\u560d\u560a@x.com", "\u560d\u560a@x.com"), /* U+560D U+560A */
    OK("\u010d\u010a@x.com", "\u010d\u010a@x.com"), /* U+010D U+010A */
    REFUSED("a\u202e\u202cb@x.com", "invisible"),
    REFUSED("a\u200db@x.com", "invisible"),
    REFUSED("a\u00adb@x.com", "invisible"),
    REFUSED("a\xc2\x85"
            "b@x.com",
            "control"),
    REFUSED("a\u2028b@x.com", "invisible"),
    REFUSED("a\xed\xa0\x80"
            "b@x.com",
            "UTF-8"),
    REFUSED("a\xff@x.com", "UTF-8"),
    REFUSED("a\xc3", "UTF-8"),
};

static void bare_addresses_are_refused_or_take_their_wire_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bare) / sizeof(bare[0]); i++) {
        struct gw_arena *arena = gw_arena_new(0);
        struct smtp_mailbox m;
        struct gw_err err = {.status = GW_OK};
        enum gw_status status = smtp_mailbox_parse_addr(arena, bare[i].in, &m, &err);
        if (bare[i].wire != NULL) {
            if (status != GW_OK)
                fail_msg("%s: %s", bare[i].in.data, err.text);
            assert_string_equal(m.address, bare[i].wire);
            assert_string_equal(m.domain, strrchr(bare[i].wire, '@') + 1);
            assert_null(m.name);
        } else {
            if (status != GW_INVALID || strstr(err.text, bare[i].error) == NULL)
                fail_msg("%s: got \"%s\" %s", bare[i].in.data, err.text,
                         m.address != NULL ? m.address : "");
            assert_null(m.address);
        }
        gw_arena_free(&arena);
    }
}

static const struct {
    struct gw_slice in;
    const char *name, *wire;
} mailboxes[] = {
    {LIT("a@b.com"), NULL, "a@b.com"},
    {LIT("  a@b.com "), NULL, "a@b.com"},
    {LIT("<a@b.com>"), NULL, "a@b.com"},
    {LIT("Ann <a@b.com>"), "Ann", "a@b.com"},
    {LIT("Ann<a@b.com>"), "Ann", "a@b.com"},
    {LIT("Dr. Ann B. C <a@b.com> "), "Dr. Ann B. C", "a@b.com"},
    {LIT("\"Sender, Inc.\" <a@b.com>"), "Sender, Inc.", "a@b.com"},
    {LIT("\"a \\\"b\\\" \\\\\" <a@b.com>"), "a \"b\" \\", "a@b.com"},
    {LIT("\"evil@x.com\" <a@b.com>"), "evil@x.com", "a@b.com"},
    {LIT("\"<evil@x.com>\" <a@b.com>"), "<evil@x.com>", "a@b.com"},
    {LIT("\"\" <a@b.com>"), NULL, "a@b.com"},
    {LIT("J\u00f6rg \U0001f600 <a@b.com>"), "J\u00f6rg \U0001f600", "a@b.com"},
    {LIT("=?utf-8?q?=41?= <a@b.com>"), "=?utf-8?q?=41?=", "a@b.com"},
    {LIT("Ann <\"a b\"@b.com>"), "Ann", "\"a b\"@b.com"},
    /* refused */
    {LIT(""), NULL, NULL},
    {LIT("<>"), NULL, NULL},
    {LIT(">"), NULL, NULL},
    {LIT("<"), NULL, NULL},
    {LIT("Ann"), NULL, NULL},
    {LIT("Name <<u@x.com>>"), NULL, NULL},
    {LIT("Name <u@x.com"), NULL, NULL},
    {LIT("Name u@x.com>"), NULL, NULL},
    {LIT("Name <u@x.com> more"), NULL, NULL},
    {LIT("Name < u@x.com>"), NULL, NULL},
    {LIT("a@b.com, c@d.com"), NULL, NULL},
    {LIT("A <a@b.com>, B <c@d.com>"), NULL, NULL},
    {LIT("Sender, Inc. <a@b.com>"), NULL, NULL},
    {LIT("evil@x.com <a@b.com>"), NULL, NULL},
    {LIT("<e@x.com> <a@b.com>"), NULL, NULL},
    {LIT("Group: A <a@b.com>"), NULL, NULL},
    {LIT("Ann (work) <a@b.com>"), NULL, NULL},
    {LIT("\"Ann <a@b.com>"), NULL, NULL},
    {LIT("Ann\r\n <a@b.com>"), NULL, NULL},
    {LIT("\"Ann\r\nBcc: z@z.com\" <a@b.com>"), NULL, NULL},
    {LIT("Ann\u2028 <a@b.com>"), NULL, NULL},
    {LIT("Ann\u202e\u202c <a@b.com>"), NULL, NULL},
    {LIT("Ann\xed\xa0\x80 <a@b.com>"), NULL, NULL},
};

static void mailboxes_give_name_and_address_or_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(mailboxes) / sizeof(mailboxes[0]); i++) {
        struct gw_arena *arena = gw_arena_new(0);
        struct smtp_mailbox m;
        struct gw_err err = {.status = GW_OK};
        enum gw_status status = smtp_mailbox_parse(arena, mailboxes[i].in, &m, &err);
        if ((status == GW_OK) != (mailboxes[i].wire != NULL))
            fail_msg("%s: %s", mailboxes[i].in.data, err.text);
        if (mailboxes[i].wire != NULL) {
            assert_string_equal(m.address, mailboxes[i].wire);
            if (mailboxes[i].name != NULL)
                assert_string_equal(m.name, mailboxes[i].name);
            else
                assert_null(m.name);
        } else {
            assert_true(err.text[0] != '\0');
        }
        gw_arena_free(&arena);
    }
}

static enum gw_status parse(struct gw_arena *arena, const char *in, struct smtp_mailbox *m)
{
    return smtp_mailbox_parse_addr(arena, gw_slice_str(in), m, NULL);
}

static void fills(char *to, size_t n, char c)
{
    memset(to, c, n);
    to[n] = '\0';
}

static void domain_limit_is_253_octets_and_mailbox_limit_254(void **state)
{
    (void)state;
    struct gw_arena *arena = gw_arena_new(0);
    char label[64];
    fills(label, 63, 'a');
    const char *out;
    char domain[400];
    (void)snprintf(domain, sizeof(domain), "%s.%s.%s.%.61s", label, label, label, label);
    assert_int_equal(strlen(domain), SMTP_MAX_DOMAIN);
    assert_int_equal(smtp_domain_parse(arena, gw_slice_str(domain), &out, NULL), GW_OK);
    (void)snprintf(domain, sizeof(domain), "%s.%s.%s.%.62s", label, label, label, label);
    assert_int_equal(smtp_domain_parse(arena, gw_slice_str(domain), &out, NULL), GW_INVALID);
    char address[500];
    struct smtp_mailbox m;
    (void)snprintf(address, sizeof(address), "%.10s@%s.%s.%s.%.51s", label, label, label, label,
                   label);
    assert_int_equal(strlen(address), SMTP_MAX_MAILBOX);
    assert_int_equal(parse(arena, address, &m), GW_OK);
    (void)snprintf(address, sizeof(address), "%.11s@%s.%s.%s.%.51s", label, label, label, label,
                   label);
    assert_int_equal(parse(arena, address, &m), GW_INVALID);
    gw_arena_free(&arena);
}

static void a_label_of_64_octets_is_refused(void **state)
{
    (void)state;
    struct gw_arena *arena = gw_arena_new(0);
    char domain[400] = "";
    size_t n = 0;
    for (int i = 0; i < 59; i++)
        domain[n++] = 'a';
    (void)snprintf(domain + n, sizeof(domain) - n, "\u00e4.de");
    const char *out;
    struct gw_err err;
    assert_int_equal(smtp_domain_parse(arena, gw_slice_str(domain), &out, &err), GW_INVALID);
    (void)snprintf(domain + 50, sizeof(domain) - 50, "\u00e4.de");
    assert_int_equal(smtp_domain_parse(arena, gw_slice_str(domain), &out, &err), GW_OK);
    gw_arena_free(&arena);
}

static void smtputf8_is_needed_only_for_a_local_part(void **state)
{
    (void)state;
    struct gw_arena *arena = gw_arena_new(0);
    struct smtp_mailbox m;
    assert_int_equal(parse(arena, "u@ex\u00e4mple.com", &m), GW_OK);
    assert_false(m.utf8_local);
    assert_int_equal(parse(arena, "\u00e4@example.com", &m), GW_OK);
    assert_true(m.utf8_local);
    gw_arena_free(&arena);
}

static void a_fault_says_whether_it_is_the_domain(void **state)
{
    (void)state;
    struct gw_arena *arena = gw_arena_new(0);
    struct smtp_mailbox m;
    assert_int_equal(parse(arena, "u@-x.com", &m), GW_INVALID);
    assert_true(m.bad_domain);
    assert_int_equal(parse(arena, "u..v@x.com", &m), GW_INVALID);
    assert_false(m.bad_domain);
    gw_arena_free(&arena);
}

static void display_name_limit_is_512_octets(void **state)
{
    (void)state;
    struct gw_arena *arena = gw_arena_new(0);
    char name[SMTP_MAX_DISPLAY_NAME + 2];
    const char *out;
    fills(name, SMTP_MAX_DISPLAY_NAME, 'n');
    assert_int_equal(smtp_display_name_parse(arena, gw_slice_str(name), &out, NULL), GW_OK);
    assert_string_equal(out, name);
    fills(name, SMTP_MAX_DISPLAY_NAME + 1, 'n');
    assert_int_equal(smtp_display_name_parse(arena, gw_slice_str(name), &out, NULL), GW_INVALID);
    assert_int_equal(smtp_display_name_parse(arena, GW_SLICE_LIT("  "), &out, NULL), GW_OK);
    assert_null(out);
    assert_int_equal(smtp_display_name_parse(arena, GW_SLICE_LIT(" a  b "), &out, NULL), GW_OK);
    assert_string_equal(out, "a  b");
    gw_arena_free(&arena);
}

static void hostile_input_costs_little_memory(void **state)
{
    (void)state;
    struct gw_arena *arena = gw_arena_new(0);
    static char in[3001 * 12];
    for (size_t i = 0; i < 6000; i++) /* groups nested 3,000 deep */
        in[i] = i % 2 == 0 ? 'G' : ':';
    struct smtp_mailbox m;
    struct gw_err err;
    assert_int_equal(smtp_mailbox_parse(arena, gw_slice_of(in, 6000), &m, &err), GW_INVALID);
    assert_int_equal(smtp_mailbox_parse(arena, gw_slice_of(in, 2000), &m, &err), GW_INVALID);
    fills(in, 2000, '"'); /* a thousand empty quoted-strings */
    assert_int_equal(smtp_mailbox_parse(arena, gw_slice_str(in), &m, &err), GW_INVALID);
    (void)snprintf(in + 1900, 20, "<a@b.com>");
    assert_int_equal(smtp_mailbox_parse(arena, gw_slice_str(in), &m, &err), GW_OK);
    assert_true(gw_arena_size(arena) < 65536);
    gw_arena_free(&arena);
}

/* What must be true of every accepted address, whatever it was parsed from. */
static void assert_wire_form(struct gw_arena *arena, const struct smtp_mailbox *m)
{
    assert_non_null(m->address);
    size_t len = strlen(m->address);
    assert_true(len <= SMTP_MAX_MAILBOX);
    bool eight_bit = false;
    for (size_t i = 0; i < len; i++) {
        assert_true((unsigned char)m->address[i] >= 0x20 && m->address[i] != 0x7f);
        assert_null(strchr("<>%!", m->address[i]));
        eight_bit = eight_bit || (unsigned char)m->address[i] >= 0x80;
    }
    assert_true(gw_utf8_valid(gw_slice_str(m->address)));
    assert_int_equal(eight_bit, m->utf8_local);
    assert_ptr_equal(strchr(m->address, '@'), m->domain - 1);
    assert_ptr_equal(strrchr(m->address, '@'), m->domain - 1);
    struct smtp_mailbox again;
    assert_int_equal(parse(arena, m->address, &again), GW_OK);
    assert_string_equal(again.address, m->address);
    if (m->name != NULL) {
        const char *name;
        assert_int_equal(smtp_display_name_parse(arena, gw_slice_str(m->name), &name, NULL), GW_OK);
        assert_string_equal(name, m->name);
    }
}

static void whatever_is_accepted_parses_to_itself(void **state)
{
    (void)state;
    static const char *const bits[] = {
        "a",  "b.c", "@",    "@",      ".",      "com",  "x.com",
        "\"", "\"",  "\\",   " ",      "<",      ">",    "(",
        ",",  ":",   ";",    "%",      "=?",     "?=",   "\r",
        "\n", "-",   "xn--", "\u00e4", "\u3002", "\xff", "\u202e\u202c",
        "1",  "_",   "[",    "]",
    };
    gw_random_seed(7);
    size_t n_ok = 0;
    for (int round = 0; round < 30000; round++) {
        struct gw_arena *arena = gw_arena_new(0);
        struct gw_buf in;
        gw_buf_init(&in, 200);
        for (uint32_t n = 1 + gw_random_below(7); n > 0; n--)
            (void)gw_buf_add_str(&in, bits[gw_random_below(sizeof(bits) / sizeof(bits[0]))]);
        if (gw_random_below(2) == 0)
            (void)gw_buf_add_str(&in, "@x.com");
        struct smtp_mailbox m;
        if (smtp_mailbox_parse(arena, gw_buf_view(&in), &m, NULL) == GW_OK) {
            assert_wire_form(arena, &m);
            n_ok++;
        }
        gw_buf_deinit(&in);
        gw_arena_free(&arena);
    }
    gw_random_seed(0);
    assert_true(n_ok > 1000);
}

static void every_prefix_of_an_address_ends_well(void **state)
{
    (void)state;
    static const char in[] = "\"J. \\\"D\\\"\" <\"a b\"@ex\u00e4mple.xn--p1ai>";
    for (size_t len = 0; len <= sizeof(in) - 1; len++) {
        struct gw_arena *arena = gw_arena_new(0);
        char *exact = gw_arena_bytes(arena, len != 0 ? len : 1);
        memcpy(exact, in, len);
        struct smtp_mailbox m;
        enum gw_status status = smtp_mailbox_parse(arena, gw_slice_of(exact, len), &m, NULL);
        assert_int_equal(status, len == sizeof(in) - 1 ? GW_OK : GW_INVALID);
        gw_arena_free(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bare_addresses_are_refused_or_take_their_wire_form),
        cmocka_unit_test(mailboxes_give_name_and_address_or_are_refused),
        cmocka_unit_test(domain_limit_is_253_octets_and_mailbox_limit_254),
        cmocka_unit_test(a_label_of_64_octets_is_refused),
        cmocka_unit_test(smtputf8_is_needed_only_for_a_local_part),
        cmocka_unit_test(a_fault_says_whether_it_is_the_domain),
        cmocka_unit_test(display_name_limit_is_512_octets),
        cmocka_unit_test(hostile_input_costs_little_memory),
        cmocka_unit_test(whatever_is_accepted_parses_to_itself),
        cmocka_unit_test(every_prefix_of_an_address_ends_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
