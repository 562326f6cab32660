/* SPDX-License-Identifier: MIT */
/* SPF, DKIM key records and DMARC over a table of answers that is filled by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/domain_internal.h"
#include "gateway/org_domain.h"
#include "gateway/spf_internal.h"
#include "gateway/tag_list.h"

/* "name TXT text", "name A 192.0.2.1", "name MX host", "name TXT !SERVFAIL"; what is not there does
 * not exist. */
struct zone {
    const char *const *lines;
    struct gw_arena *arena;
    struct gw_dns_table table;
};

static void zone_init(struct zone *z, const char *const *lines)
{
    z->lines = lines;
    z->arena = gw_arena_new(0);
    gw_dns_table_init(&z->table, z->arena);
}

static void zone_deinit(struct zone *z)
{
    gw_arena_free(&z->arena);
}

static void answer(const struct zone *z, struct gw_dns_question *q)
{
    char begin[300];
    struct gw_ip ip;
    struct gw_slice *records = GW_ARENA_ARRAY(z->arena, struct gw_slice, GW_DNS_MAX_RECORDS);
    int n = snprintf(begin, sizeof(begin), "%s %s ", q->name, gw_dns_type_name(q->type));
    q->answer.records = records;
    q->answer.status = GW_DNS_NXDOMAIN;
    for (size_t i = 0; z->lines[i] != NULL; i++) {
        if (strncasecmp(z->lines[i], begin, (size_t)n) != 0)
            continue;
        const char *value = z->lines[i] + n;
        if (strcmp(value, "!SERVFAIL") == 0) {
            q->answer.status = GW_DNS_SERVFAIL;
            return;
        }
        q->answer.status = GW_DNS_FOUND;
        struct gw_slice record = gw_slice_str(value);
        if (q->type == GW_DNS_A || q->type == GW_DNS_AAAA) {
            assert_true(gw_ip_parse(value, &ip));
            record = gw_arena_slice(z->arena, gw_slice_of((char *)ip.octets, ip.v6 ? 16 : 4));
        }
        records[q->answer.n++] = record;
    }
}

/* Answers what is pending, one question at a time. False: nothing is. */
static bool answer_one(struct zone *z)
{
    for (size_t i = 0; i < z->table.n; i++) {
        if (z->table.questions[i]->answer.status == GW_DNS_PENDING) {
            answer(z, z->table.questions[i]);
            return true;
        }
    }
    return false;
}

static enum gw_spf_result spf(struct zone *z, const char *domain, const char *ip,
                              struct gw_spf_finding *out)
{
    struct gw_ip address;
    enum gw_spf_result r;
    if (ip != NULL)
        assert_true(gw_ip_parse(ip, &address));
    do {
        r = gw_spf_check(&(struct gw_spf_question){.table = &z->table,
                                                   .arena = z->arena,
                                                   .domain = domain,
                                                   .ip = ip != NULL ? &address : NULL},
                         out);
    } while (r == GW_SPF_PENDING && answer_one(z));
    return r;
}

/* @record of example.com, beside the zone that all share. */
static const char *const shared[] = {
    "a.example.com A 192.0.2.1",
    "a.example.com AAAA 2001:db8::1",
    "six.example.com AAAA 2001:db8::6",
    "mx.example.com MX a.example.com",
    "mx.example.com MX six.example.com",
    "half.example.com MX a.example.com",
    "half.example.com MX failing.example.com",
    "pass.example.com TXT v=spf1 +all",
    "fail.example.com TXT v=spf1 -all",
    "soft.example.com TXT v=spf1 ip4:192.0.2.9 ~all",
    "neutral.example.com TXT v=spf1 ?all",
    "empty.example.com TXT v=spf1",
    "broken.example.com TXT v=spf1 ip4:1.2.3",
    "failing.example.com TXT !SERVFAIL",
    "failing.example.com A !SERVFAIL",
    "failing.example.com MX !SERVFAIL",
    "to-a.example.com TXT v=spf1 redirect=soft.example.com",
    "1.2.0.192.in-addr.arpa PTR a.example.com",
    "1.2.0.192.in-addr.arpa PTR other.example.org",
    "9.2.0.192.in-addr.arpa PTR liar.example.com",
    "liar.example.com A 192.0.2.77",
    "ann.example.com A 127.0.0.2",
    "192.0.2.1.example.com A 127.0.0.2",
    NULL,
};

static enum gw_spf_result spf_of(const char *record, const char *ip, struct gw_spf_finding *out)
{
    const char *lines[64] = {0};
    char own[5000];
    size_t n = 0;
    struct zone z;
    (void)snprintf(own, sizeof(own), "example.com TXT %s", record);
    lines[n++] = own;
    for (size_t i = 0; shared[i] != NULL; i++)
        lines[n++] = shared[i];
    zone_init(&z, lines);
    enum gw_spf_result r = spf(&z, "example.com", ip, out);
    zone_deinit(&z);
    return r;
}

static const struct {
    const char *record, *ip;
    enum gw_spf_result wanted;
} spf_cases[] = {
    {"no SPF at all", "192.0.2.1", GW_SPF_NONE},
    {"v=spf10 -all", "192.0.2.1", GW_SPF_NONE},
    {"v=spf1", "192.0.2.1", GW_SPF_NEUTRAL},
    {"V=SPF1 -ALL", "192.0.2.1", GW_SPF_FAIL},
    {"v=spf1  ip4:192.0.2.1  -all ", "192.0.2.1", GW_SPF_PASS},
    {"v=spf1 ?ip4:192.0.2.0/24 -all", "192.0.2.200", GW_SPF_NEUTRAL},
    {"v=spf1 ip4:192.0.2.0/25 -all", "192.0.2.128", GW_SPF_FAIL},
    {"v=spf1 ip4:192.0.2.0/0 -all", "10.0.0.1", GW_SPF_PASS},
    {"v=spf1 ip6:2001:db8::/32 -all", "2001:db8:ffff::1", GW_SPF_PASS},
    {"v=spf1 ip6:2001:db8::/127 -all", "2001:db8::2", GW_SPF_FAIL},
    {"v=spf1 ip4:0.0.0.0/0 -all", "2001:db8::2", GW_SPF_FAIL},
    {"v=spf1 ip4:192.0.2.1 -all", "::ffff:192.0.2.1", GW_SPF_PASS},
    {"v=spf1 a:a.example.com -all", "192.0.2.1", GW_SPF_PASS},
    {"v=spf1 a:a.example.com -all", "192.0.2.2", GW_SPF_FAIL},
    {"v=spf1 a:a.example.com/30 -all", "192.0.2.3", GW_SPF_PASS},
    {"v=spf1 a:a.example.com//64 -all", "2001:db8::99", GW_SPF_PASS},
    {"v=spf1 a:a.example.com/8//64 -all", "192.9.9.9", GW_SPF_PASS},
    {"v=spf1 a:a.example.com/8 -all", "2001:db8::99", GW_SPF_FAIL},
    {"v=spf1 mx:mx.example.com -all", "2001:db8::6", GW_SPF_PASS},
    {"v=spf1 mx:mx.example.com/24 -all", "192.0.2.9", GW_SPF_PASS},
    {"v=spf1 a mx -all", "192.0.2.9", GW_SPF_FAIL},
    {"v=spf1 include:pass.example.com -all", "192.0.2.9", GW_SPF_PASS},
    {"v=spf1 ~include:pass.example.com -all", "192.0.2.9", GW_SPF_SOFTFAIL},
    {"v=spf1 include:fail.example.com ?all", "192.0.2.9", GW_SPF_NEUTRAL},
    {"v=spf1 include:soft.example.com -all", "192.0.2.8", GW_SPF_FAIL},
    {"v=spf1 include:neutral.example.com -all", "192.0.2.9", GW_SPF_FAIL},
    {"v=spf1 include:broken.example.com -all", "192.0.2.9", GW_SPF_PERMERROR},
    {"v=spf1 include:failing.example.com -all", "192.0.2.9", GW_SPF_TEMPERROR},
    {"v=spf1 include:nothing.example.com -all", "192.0.2.9", GW_SPF_PERMERROR},
    {"v=spf1 ip4:192.0.2.9 include:nothing.example.com -all", "192.0.2.9", GW_SPF_PASS},
    {"v=spf1 a:failing.example.com -all", "192.0.2.9", GW_SPF_TEMPERROR},
    {"v=spf1 mx:failing.example.com -all", "192.0.2.9", GW_SPF_TEMPERROR},
    {"v=spf1 mx:half.example.com -all", "192.0.2.9", GW_SPF_TEMPERROR},
    /* that the second host's address fails is known before the first host's is there */
    {"v=spf1 mx:half.example.com a:failing.example.com -all", "192.0.2.1", GW_SPF_PASS},
    {"v=spf1 redirect=soft.example.com", "192.0.2.9", GW_SPF_PASS},
    {"v=spf1 redirect=to-a.example.com", "192.0.2.8", GW_SPF_SOFTFAIL},
    {"v=spf1 redirect=nothing.example.com", "192.0.2.9", GW_SPF_PERMERROR},
    {"v=spf1 redirect=soft.example.com -all", "192.0.2.9", GW_SPF_FAIL},
    {"v=spf1 redirect=pass.example.com ip4:192.0.2.200 ~all", "192.0.2.9", GW_SPF_SOFTFAIL},
    {"v=spf1 -all ip4:192.0.2.9", "192.0.2.9", GW_SPF_FAIL},
    {"v=spf1 ptr -all", "192.0.2.1", GW_SPF_PASS},
    {"v=spf1 ptr:example.org -all", "192.0.2.1", GW_SPF_FAIL},
    {"v=spf1 ptr:ample.com -all", "192.0.2.1", GW_SPF_FAIL},
    {"v=spf1 ptr -all", "192.0.2.9", GW_SPF_FAIL},
    {"v=spf1 a:n1.example.com ptr -all", "192.0.2.200", GW_SPF_FAIL},
    {"v=spf1 a:n1.example.com a:n2.example.com ptr -all", "192.0.2.200", GW_SPF_PERMERROR},
    {"v=spf1 exists:%{i}.%{d} -all", "192.0.2.1", GW_SPF_PASS},
    {"v=spf1 exists:%{i}.%{d} -all", "192.0.2.2", GW_SPF_FAIL},
    {"v=spf1 exists:ann.%{o} -all", "2001:db8::1", GW_SPF_PASS},
    {"v=spf1 unknown=%{d}x exp=why.%{d} -all", "192.0.2.9", GW_SPF_FAIL},
    /* syntax, wherever it stands (sec. 4.6) */
    {"v=spf1 ip4:192.0.2.9 nonsense -all", "192.0.2.9", GW_SPF_PERMERROR},
    {"v=spf1 -all:x.example.com", "192.0.2.9", GW_SPF_PERMERROR},
    {"v=spf1 -all/8", "192.0.2.9", GW_SPF_PERMERROR},
    {"v=spf1 include -all", "192.0.2.9", GW_SPF_PERMERROR},
    {"v=spf1 include: -all", "192.0.2.9", GW_SPF_PERMERROR},
    {"v=spf1 include:localhost -all", "192.0.2.9", GW_SPF_PERMERROR},
    {"v=spf1 a:example.123 -all", "192.0.2.9", GW_SPF_PERMERROR},
    {"v=spf1 a: -all", "192.0.2.9", GW_SPF_PERMERROR},
    {"v=spf1 a/33 -all", "192.0.2.9", GW_SPF_PERMERROR},
    {"v=spf1 a/024 -all", "192.0.2.9", GW_SPF_PERMERROR},
    {"v=spf1 a//129 -all", "192.0.2.9", GW_SPF_PERMERROR},
    {"v=spf1 a/ -all", "192.0.2.9", GW_SPF_PERMERROR},
    {"v=spf1 ip4:192.0.2.1/33 -all", "192.0.2.9", GW_SPF_PERMERROR},
    {"v=spf1 ip4:192.0.2.1/ -all", "192.0.2.9", GW_SPF_PERMERROR},
    {"v=spf1 ip4:2001:db8::1 -all", "192.0.2.9", GW_SPF_PERMERROR},
    {"v=spf1 ip6:192.0.2.1 -all", "192.0.2.9", GW_SPF_PERMERROR},
    {"v=spf1 ip4 -all", "192.0.2.9", GW_SPF_PERMERROR},
    {"v=spf1 redirect=a.example.com redirect=a.example.com", "192.0.2.9", GW_SPF_PERMERROR},
    {"v=spf1 exp=a.example.com exp=a.example.com", "192.0.2.9", GW_SPF_PERMERROR},
    {"v=spf1 redirect= -all", "192.0.2.9", GW_SPF_PERMERROR},
    {"v=spf1 1x=y -all", "192.0.2.9", GW_SPF_PERMERROR},
    {"v=spf1 exists:%{x}.example.com -all", "192.0.2.9", GW_SPF_PERMERROR},
    {"v=spf1 exists:%{d0}.example.com -all", "192.0.2.9", GW_SPF_PERMERROR},
    {"v=spf1 exists:%{d.example.com -all", "192.0.2.9", GW_SPF_PERMERROR},
    {"v=spf1 exists:%d.example.com -all", "192.0.2.9", GW_SPF_PERMERROR},
    {"v=spf1 exists:%{t}.example.com -all", "192.0.2.9", GW_SPF_PERMERROR},
    {"v=spf1 a:ex\xc3\xa4mple.com -all", "192.0.2.9", GW_SPF_PERMERROR},
    {"v=spf1 \t-all", "192.0.2.9", GW_SPF_PERMERROR},
};

static void spf_answers_as_rfc_7208_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(spf_cases) / sizeof(spf_cases[0]); i++) {
        struct gw_spf_finding f;
        enum gw_spf_result r = spf_of(spf_cases[i].record, spf_cases[i].ip, &f);
        if (r != spf_cases[i].wanted)
            fail_msg("%s for %s: %s, not %s", spf_cases[i].record, spf_cases[i].ip,
                     gw_spf_result_name(r), gw_spf_result_name(spf_cases[i].wanted));
    }
}

static void spf_without_an_address_looks_at_everything(void **state)
{
    (void)state;
    static const struct {
        const char *record;
        enum gw_spf_result wanted;
        enum gw_domain_code code;
        unsigned lookups, voids;
    } cases[] = {
        {"v=spf1 a:a.example.com mx:mx.example.com include:soft.example.com -all", GW_SPF_FAIL,
         GW_DOMAIN_SOUND, 3, 0},
        {"v=spf1 ip4:0.0.0.0/0 ip6:::/0 ~all", GW_SPF_SOFTFAIL, GW_DOMAIN_SOUND, 0, 0},
        {"v=spf1 include:pass.example.com -all", GW_SPF_PASS, GW_DOMAIN_SOUND, 1, 0},
        {"v=spf1 exists:%{i}.nothing.example.com -all", GW_SPF_FAIL, GW_DOMAIN_SOUND, 1, 0},
        {"v=spf1 exists:nothing.example.com -all", GW_SPF_FAIL, GW_DOMAIN_SOUND, 1, 1},
        {"v=spf1 a:six.example.com -all", GW_SPF_FAIL, GW_DOMAIN_SOUND, 1, 0},
        {"v=spf1 a:n1.example.com a:n2.example.com -all", GW_SPF_FAIL, GW_DOMAIN_SOUND, 2, 2},
        {"v=spf1 a:n1.example.com a:n2.example.com mx:n3.example.com -all", GW_SPF_PERMERROR,
         GW_DOMAIN_VOID_LOOKUPS, 3, 3},
        {"v=spf1 include:example.com -all", GW_SPF_PERMERROR, GW_DOMAIN_LOOKUPS, 11, 0},
        {"v=spf1 redirect=example.com", GW_SPF_PERMERROR, GW_DOMAIN_LOOKUPS, 11, 0},
        {"v=spf1 a:a.example.com a:a.example.com a:a.example.com a:a.example.com a:a.example.com "
         "a:a.example.com a:a.example.com a:a.example.com a:a.example.com a:a.example.com -all",
         GW_SPF_FAIL, GW_DOMAIN_SOUND, 10, 0},
        {"v=spf1 a:a.example.com a:a.example.com a:a.example.com a:a.example.com a:a.example.com "
         "a:a.example.com a:a.example.com a:a.example.com a:a.example.com a:a.example.com "
         "redirect=fail.example.com",
         GW_SPF_PERMERROR, GW_DOMAIN_LOOKUPS, 11, 0},
        {"v=spf1 include:nothing.example.com -all", GW_SPF_PERMERROR, GW_DOMAIN_INCLUDE, 1, 0},
        {"v=spf1 include:failing.example.com -all", GW_SPF_TEMPERROR, GW_DOMAIN_DNS, 1, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct gw_spf_finding f;
        enum gw_spf_result r = spf_of(cases[i].record, NULL, &f);
        if (r != cases[i].wanted || f.code != cases[i].code || f.lookups != cases[i].lookups ||
            f.voids != cases[i].voids)
            fail_msg("%s: %s %s %u %u", cases[i].record, gw_spf_result_name(r),
                     gw_domain_code_name(f.code), f.lookups, f.voids);
    }
}

static void ten_names_of_an_mx_are_followed_and_no_more(void **state)
{
    (void)state;
    const char *lines[GW_SPF_MAX_NAMES + 3] = {"example.com TXT v=spf1 mx -all"};
    char mx[GW_SPF_MAX_NAMES + 1][40];
    for (size_t i = 0; i <= GW_SPF_MAX_NAMES; i++) {
        struct zone z;
        struct gw_spf_finding f;
        (void)snprintf(mx[i], sizeof(mx[i]), "example.com MX h%zu.example.com", i);
        lines[i + 1] = mx[i];
        zone_init(&z, lines);
        assert_int_equal(spf(&z, "example.com", NULL, &f),
                         i < GW_SPF_MAX_NAMES ? GW_SPF_FAIL : GW_SPF_PERMERROR);
        assert_int_equal(f.code, i < GW_SPF_MAX_NAMES ? GW_DOMAIN_SOUND : GW_DOMAIN_NAMES);
        zone_deinit(&z);
    }
}

/* RFC 7208 sec. 7.4 has these, for a sender of the same domain. */
static void macros_are_expanded(void **state)
{
    (void)state;
    struct gw_arena *arena = gw_arena_new(0);
    static const struct {
        const char *spec, *ip, *wanted;
    } cases[] = {
        {"%{o}", "192.0.2.3", "email.example.com"},
        {"%{d}", "192.0.2.3", "email.example.com"},
        {"%{d4}", "192.0.2.3", "email.example.com"},
        {"%{d3}", "192.0.2.3", "email.example.com"},
        {"%{d2}", "192.0.2.3", "example.com"},
        {"%{d1}", "192.0.2.3", "com"},
        {"%{dr}", "192.0.2.3", "com.example.email"},
        {"%{d2r}", "192.0.2.3", "example.email"},
        {"%{s}", "192.0.2.3", "postmaster@email.example.com"},
        {"%{S}", "192.0.2.3", "postmaster%40email.example.com"},
        {"%{l1r-}.x", "192.0.2.3", "postmaster.x"},
        {"%{ir}.%{v}._spf.%{d2}", "192.0.2.3", "3.2.0.192.in-addr._spf.example.com"},
        {"%{ir}.%{v}._spf.%{d2}", "2001:db8::cb01",
         "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6._spf.example.com"},
        {"%{d2}.trusted-domains.example.net", "192.0.2.3",
         "example.com.trusted-domains.example.net"},
        {"%{p}.%{h}", "192.0.2.3", "unknown.email.example.com"},
        {"%%%_%-.x.", NULL, "% %20.x"},
        {"%{i}.x", NULL, NULL},
        {"%{v}.x", NULL, NULL},
        {"%{p}.x", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct gw_ip ip;
        struct gw_spf_macros macros = {.domain = "email.example.com",
                                       .sender = "email.example.com"};
        if (cases[i].ip != NULL) {
            assert_true(gw_ip_parse(cases[i].ip, &ip));
            macros.ip = &ip;
        }
        assert_true(gw_spf_spec_valid(gw_slice_str(cases[i].spec)));
        const char *name = gw_spf_expand(arena, gw_slice_str(cases[i].spec), &macros);
        if (cases[i].wanted == NULL)
            assert_null(name);
        else
            assert_string_equal(name, cases[i].wanted);
    }
    gw_arena_free(&arena);
}

static void a_name_that_is_too_long_loses_labels_at_its_left(void **state)
{
    (void)state;
    struct gw_arena *arena = gw_arena_new(0);
    struct gw_spf_macros macros = {.domain = "a.bb.ccc", .sender = "a.bb.ccc"};
    char spec[300] = "";
    for (size_t i = 0; i < 40; i++)
        memcpy(spec + 4 * i, "%{d}", 5);
    const char *name = gw_spf_expand(arena, gw_slice_str(spec), &macros);
    assert_true(strlen(name) <= GW_DNS_MAX_NAME);
    assert_true(strlen(name) > GW_DNS_MAX_NAME - 16);
    assert_string_equal(name + strlen(name) - 8, "a.bb.ccc");
    memset(spec, 'x', 250);
    memcpy(spec + 250, ".test", 6);
    assert_true(gw_spf_spec_valid(gw_slice_str(spec)));
    memcpy(spec + 250, "x.test", 7);
    assert_false(gw_spf_spec_valid(gw_slice_str(spec)));
    gw_arena_free(&arena);
}

static void the_table_of_questions_has_an_end(void **state)
{
    (void)state;
    struct gw_arena *arena = gw_arena_new(0);
    struct gw_dns_table table;
    char name[32];
    gw_dns_table_init(&table, arena);
    for (size_t i = 0; i < GW_DNS_MAX_QUESTIONS; i++) {
        (void)snprintf(name, sizeof(name), "n%zu.example.com", i);
        assert_int_equal(gw_dns_ask(&table, GW_DNS_TXT, name)->status, GW_DNS_PENDING);
    }
    assert_int_equal(gw_dns_ask(&table, GW_DNS_TXT, "more.example.com")->status, GW_DNS_UNASKED);
    assert_int_equal(gw_dns_ask(&table, GW_DNS_TXT, "N0.EXAMPLE.COM.")->status, GW_DNS_PENDING);
    gw_dns_give_up(&table);
    assert_int_equal(gw_dns_ask(&table, GW_DNS_TXT, "n0.example.com")->status, GW_DNS_TIMEOUT);
    gw_arena_free(&arena);
}

static void what_is_no_name_is_not_asked(void **state)
{
    (void)state;
    static const char *const bad[] = {"",      ".",           "a..b",        ".a",
                                      "a b.c", "a\\046b.com", "\xc3\xa4.com"};
    struct gw_arena *arena = gw_arena_new(0);
    struct gw_dns_table table;
    char label[80] = "";
    char longest[300] = "";
    gw_dns_table_init(&table, arena);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(gw_dns_ask(&table, GW_DNS_A, bad[i])->status, GW_DNS_NXDOMAIN);
    memset(label, 'x', 64);
    assert_int_equal(gw_dns_ask(&table, GW_DNS_A, label)->status, GW_DNS_NXDOMAIN);
    assert_int_equal(gw_dns_ask(&table, GW_DNS_A, label + 1)->status, GW_DNS_PENDING);
    for (size_t i = 0; i < GW_DNS_MAX_NAME + 1; i++)
        longest[i] = i % 2 == 0 ? 'a' : '.';
    assert_int_equal(gw_dns_ask(&table, GW_DNS_A, longest + 1)->status, GW_DNS_NXDOMAIN);
    longest[GW_DNS_MAX_NAME] = 'b';
    assert_int_equal(gw_dns_ask(&table, GW_DNS_A, longest)->status, GW_DNS_NXDOMAIN);
    longest[GW_DNS_MAX_NAME] = '\0';
    assert_int_equal(gw_dns_ask(&table, GW_DNS_A, longest)->status, GW_DNS_PENDING);
    assert_int_equal(table.n, 2);
    gw_arena_free(&arena);
}

/* ---- DKIM and DMARC ---- */

static const struct gw_dkim_public rsa = {
    .domain = "example.com", .selector = "s", .type = GW_DKIM_RSA, .txt = "v=DKIM1; k=rsa; p=QUJD"};

static void key_records_are_compared_with_ours(void **state)
{
    (void)state;
    static const struct {
        const char *record; /* NULL: none */
        enum gw_verdict verdict;
        enum gw_domain_code code;
    } cases[] = {
        {"v=DKIM1; k=rsa; p=QUJD", GW_VERDICT_OK, GW_DOMAIN_SOUND},
        {"p=QUJD", GW_VERDICT_OK, GW_DOMAIN_SOUND},
        {" p = Q\tU J D ;", GW_VERDICT_OK, GW_DOMAIN_SOUND},
        {"v=DKIM1; h=sha1:sha256; s=*; n=note; x=y; t=s; p=QUJD", GW_VERDICT_OK, GW_DOMAIN_SOUND},
        {"v=DKIM1; t=y:s; p=QUJD", GW_VERDICT_WEAK, GW_DOMAIN_TESTING},
        {NULL, GW_VERDICT_MISSING, GW_DOMAIN_MISSING},
        {"!SERVFAIL", GW_VERDICT_UNKNOWN, GW_DOMAIN_DNS},
        {"v=DKIM1; p=", GW_VERDICT_WRONG, GW_DOMAIN_REVOKED},
        {"v=DKIM1; p=QUJE", GW_VERDICT_WRONG, GW_DOMAIN_OTHER_KEY},
        {"v=DKIM1; p=QUJDRA==", GW_VERDICT_WRONG, GW_DOMAIN_OTHER_KEY},
        {"v=DKIM1; p=QUJ", GW_VERDICT_WRONG, GW_DOMAIN_OTHER_KEY},
        {"v=DKIM1; k=ed25519; p=QUJD", GW_VERDICT_WRONG, GW_DOMAIN_OTHER_KEY},
        {"v=DKIM1; h=sha1; p=QUJD", GW_VERDICT_WRONG, GW_DOMAIN_NOT_ALLOWED},
        {"v=DKIM1; s=tlsrpt; p=QUJD", GW_VERDICT_WRONG, GW_DOMAIN_NOT_ALLOWED},
        {"p=QUJD; v=DKIM1", GW_VERDICT_WRONG, GW_DOMAIN_SYNTAX},
        {"v=DKIM2; p=QUJD", GW_VERDICT_WRONG, GW_DOMAIN_SYNTAX},
        {"v=DKIM1", GW_VERDICT_WRONG, GW_DOMAIN_SYNTAX},
        {"v=DKIM1; p=QUJD; p=QUJD", GW_VERDICT_WRONG, GW_DOMAIN_SYNTAX},
        {"v=DKIM1;; p=QUJD", GW_VERDICT_WRONG, GW_DOMAIN_SYNTAX},
        {"hello", GW_VERDICT_WRONG, GW_DOMAIN_SYNTAX},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char line[200] = "";
        const char *const lines[] = {line, NULL};
        struct gw_domain_record r;
        struct zone z;
        if (cases[i].record != NULL)
            (void)snprintf(line, sizeof(line), "s._domainkey.example.com TXT %s", cases[i].record);
        zone_init(&z, lines);
        assert_false(gw_domain_judge_key(&rsa, &z.table, z.arena, &r));
        assert_true(answer_one(&z));
        assert_true(gw_domain_judge_key(&rsa, &z.table, z.arena, &r));
        if (r.verdict != cases[i].verdict ||
            (r.n_problems > 0 ? r.problems[0].code : GW_DOMAIN_SOUND) != cases[i].code)
            fail_msg("%s: %s", line, gw_verdict_name(r.verdict));
        bool wants = r.verdict == GW_VERDICT_WRONG || r.verdict == GW_VERDICT_MISSING;
        assert_true(wants == (r.publish_value != NULL && strcmp(r.publish_value, rsa.txt) == 0));
        zone_deinit(&z);
    }
}

static void policies_of_dmarc_are_found_and_read(void **state)
{
    (void)state;
    static const struct {
        const char *at_sub, *at_org; /* records of _dmarc.a.example.co.uk, _dmarc.example.co.uk */
        enum gw_verdict verdict;
        enum gw_domain_code code;
        const char *policy;
        bool strict_dkim, strict_spf;
    } cases[] = {
        {"v=DMARC1; p=reject", NULL, GW_VERDICT_OK, GW_DOMAIN_SOUND, "reject", false, false},
        {"v = DMARC1 ;p=Quarantine;adkim=s;aspf=S", NULL, GW_VERDICT_OK, GW_DOMAIN_SOUND,
         "quarantine", true, true},
        {NULL, "v=DMARC1; p=reject; sp=none; adkim=r", GW_VERDICT_OK, GW_DOMAIN_SOUND, "none",
         false, false},
        {NULL, "v=DMARC1; p=reject", GW_VERDICT_OK, GW_DOMAIN_SOUND, "reject", false, false},
        {"v=DMARC1; p=none; sp=reject", NULL, GW_VERDICT_OK, GW_DOMAIN_SOUND, "none", false, false},
        {"other", "v=DMARC1; p=reject", GW_VERDICT_OK, GW_DOMAIN_SOUND, "reject", false, false},
        {"v=dmarc1; p=none", "v=DMARC1; p=reject", GW_VERDICT_OK, GW_DOMAIN_SOUND, "reject", false,
         false},
        {NULL, NULL, GW_VERDICT_MISSING, GW_DOMAIN_MISSING, NULL, false, false},
        {"!SERVFAIL", "v=DMARC1; p=reject", GW_VERDICT_UNKNOWN, GW_DOMAIN_DNS, NULL, false, false},
        {NULL, "!SERVFAIL", GW_VERDICT_UNKNOWN, GW_DOMAIN_DNS, NULL, false, false},
        {"v=DMARC1", NULL, GW_VERDICT_WRONG, GW_DOMAIN_SYNTAX, NULL, false, false},
        {"v=DMARC1; p=all; adkim=s", NULL, GW_VERDICT_WRONG, GW_DOMAIN_SYNTAX, NULL, false, false},
        {"v=DMARC1; p=all; rua=mailto:a@b.c", NULL, GW_VERDICT_WEAK, GW_DOMAIN_UNKNOWN_VALUE,
         "none", false, false},
        {"v=DMARC1; p=reject; pct=50", NULL, GW_VERDICT_WEAK, GW_DOMAIN_PARTIAL, "reject", false,
         false},
        {"v=DMARC1; p=reject; pct=100", NULL, GW_VERDICT_OK, GW_DOMAIN_SOUND, "reject", false,
         false},
        {"v=DMARC1; p=reject; pct=101", NULL, GW_VERDICT_WEAK, GW_DOMAIN_UNKNOWN_VALUE, "reject",
         false, false},
        {"v=DMARC1; p=reject; adkim=x", NULL, GW_VERDICT_WEAK, GW_DOMAIN_UNKNOWN_VALUE, "reject",
         false, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char sub[200] = "";
        char org[200] = "";
        const char *const lines[] = {sub, org, NULL};
        struct gw_domain_record r;
        struct gw_dmarc d;
        struct zone z;
        if (cases[i].at_sub != NULL)
            (void)snprintf(sub, sizeof(sub), "_dmarc.a.example.co.uk TXT %s", cases[i].at_sub);
        if (cases[i].at_org != NULL)
            (void)snprintf(org, sizeof(org), "_dmarc.example.co.uk TXT %s", cases[i].at_org);
        zone_init(&z, lines);
        while (!gw_domain_judge_dmarc("a.example.co.uk", &z.table, z.arena, &r, &d))
            assert_true(answer_one(&z));
        if (r.verdict != cases[i].verdict ||
            (r.n_problems > 0 ? r.problems[0].code : GW_DOMAIN_SOUND) != cases[i].code ||
            d.strict_dkim != cases[i].strict_dkim || d.strict_spf != cases[i].strict_spf ||
            (d.policy == NULL) != (cases[i].policy == NULL) ||
            (d.policy != NULL && strcmp(d.policy, cases[i].policy) != 0))
            fail_msg("%s / %s: %s", sub, org, gw_verdict_name(r.verdict));
        zone_deinit(&z);
    }
}

static void domains_are_aligned_by_the_public_suffix_list(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b, *wanted;
    } cases[] = {
        {"example.com", "example.com", "strict"},
        {"a.example.com", "example.com", "relaxed"},
        {"a.example.com", "b.example.com", "relaxed"},
        {"example.com", "example.org", "none"},
        {"a.co.uk", "b.co.uk", "none"},
        {"x.a.co.uk", "y.z.a.co.uk", "relaxed"},
        {"co.uk", "a.co.uk", "none"},
        {"notexample.com", "example.com", "none"},
        {"a.unknown-tld", "b.a.unknown-tld", "relaxed"},
        {"localhost", "localhost", "strict"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_string_equal(gw_alignment_name(gw_domain_alignment(cases[i].a, cases[i].b)),
                            cases[i].wanted);
}

static void lists_of_tags_have_an_end(void **state)
{
    (void)state;
    char text[400] = "";
    struct gw_tag_list tags;
    struct gw_err err;
    for (size_t i = 0; i <= GW_TAGS_MAX; i++) {
        (void)snprintf(text + strlen(text), 8, "t%zu=x;", i);
        assert_int_equal(gw_tag_list_read(gw_slice_str(text), &tags, &err),
                         i < GW_TAGS_MAX ? GW_OK : GW_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spf_answers_as_rfc_7208_says),
        cmocka_unit_test(spf_without_an_address_looks_at_everything),
        cmocka_unit_test(ten_names_of_an_mx_are_followed_and_no_more),
        cmocka_unit_test(macros_are_expanded),
        cmocka_unit_test(a_name_that_is_too_long_loses_labels_at_its_left),
        cmocka_unit_test(the_table_of_questions_has_an_end),
        cmocka_unit_test(what_is_no_name_is_not_asked),
        cmocka_unit_test(key_records_are_compared_with_ours),
        cmocka_unit_test(policies_of_dmarc_are_found_and_read),
        cmocka_unit_test(domains_are_aligned_by_the_public_suffix_list),
        cmocka_unit_test(lists_of_tags_have_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
