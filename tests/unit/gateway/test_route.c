/* SPDX-License-Identifier: MIT */
/* Which relays a recipient's mail takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/route.h"

static const struct cfg_relay relays[] = {{.name = "a"}, {.name = "b"}, {.name = "c"}};
static const struct cfg_route_relay only_b[] = {{.relay = 1, .priority = 1, .weight = 1}};
static const struct cfg_route_relay weighted[] = {{.relay = 2, .priority = 20, .weight = 1},
                                                  {.relay = 0, .priority = 10, .weight = 3},
                                                  {.relay = 1, .priority = 10, .weight = 1}};
static const struct cfg_route routes[] = {
    {.from_domain = "example.com", .tag = "bulk", .relays = only_b, .n_relays = 1},
    {.recipient_domain = "*.example.org", .relays = only_b, .n_relays = 1},
    {.relays = weighted, .n_relays = 3},
};

static struct gw_slice tags[] = {{.data = "x", .len = 1}, {.data = "bulk", .len = 4}};

static struct gw_route_plan plan(const struct cfg *cfg, const struct cfg_api_key *key,
                                 const struct gw_message *m, const char *rcpt_domain, double draw)
{
    struct gw_recipient r = {.domain = rcpt_domain};
    struct gw_route_plan out;
    gw_route_plan(cfg, key, m, &r, draw, &out);
    return out;
}

static void without_routes_all_relays_come_in_file_order(void **state)
{
    (void)state;
    struct cfg cfg = {.relays = relays, .n_relays = 3};
    struct gw_message m = {.from_domain = "example.com"};
    struct gw_route_plan p = plan(&cfg, NULL, &m, "x.org", 0.9);
    assert_int_equal(p.n, 3);
    assert_int_equal(p.relays[0], 0);
    assert_int_equal(p.relays[2], 2);
}

static void first_matching_route_wins(void **state)
{
    (void)state;
    struct cfg cfg = {.relays = relays, .n_relays = 3, .routes = routes, .n_routes = 3};
    struct gw_message m = {.from_domain = "example.com", .tags = tags, .n_tags = 2};
    struct gw_route_plan p = plan(&cfg, NULL, &m, "x.org", 0);
    assert_int_equal(p.n, 1);
    assert_int_equal(p.relays[0], 1);
    m.n_tags = 1;
    assert_int_equal(plan(&cfg, NULL, &m, "x.org", 0).n, 3);
    assert_int_equal(plan(&cfg, NULL, &m, "mail.example.org", 0).n, 1);
    assert_int_equal(plan(&cfg, NULL, &m, "example.org", 0).n, 3);
}

static void weight_draws_among_the_lowest_priority(void **state)
{
    (void)state;
    struct cfg cfg = {.relays = relays, .n_relays = 3, .routes = routes, .n_routes = 3};
    struct gw_message m = {.from_domain = "other.example"};
    unsigned first[3] = {0};
    for (int i = 0; i < 1000; i++) {
        struct gw_route_plan p = plan(&cfg, NULL, &m, "x.org", i / 1000.0);
        assert_int_equal(p.n, 3);
        assert_int_equal(p.relays[2], 2);
        first[p.relays[0]]++;
    }
    assert_int_equal(first[0], 750);
    assert_int_equal(first[1], 250);
}

/* Numbers that fill [0, 1) evenly, always the same: no test depends on luck. */
static double even(unsigned i)
{
    double x = (double)i * 0.6180339887498949;
    return x - (double)(unsigned)x;
}

/* Whoever comes second gets the mail of a first one that is down: by weight, too. */
static void all_places_are_drawn_by_weight(void **state)
{
    (void)state;
    enum {
        N = 100000
    };
    static const struct cfg_route_relay equals[] = {{.relay = 0, .priority = 1, .weight = 5},
                                                    {.relay = 1, .priority = 1, .weight = 3},
                                                    {.relay = 2, .priority = 1, .weight = 2}};
    static const struct cfg_route route = {.relays = equals, .n_relays = 3};
    struct cfg cfg = {.relays = relays, .n_relays = 3, .routes = &route, .n_routes = 1};
    struct gw_message m = {.from_domain = "other.example"};
    unsigned first[3] = {0};
    unsigned second_after_a[3] = {0};
    for (unsigned i = 0; i < N; i++) {
        struct gw_route_plan p = plan(&cfg, NULL, &m, "x.org", even(i));
        assert_int_equal(p.n, 3);
        assert_int_equal(p.relays[0] + p.relays[1] + p.relays[2], 3); /* each of them once */
        assert_int_not_equal(p.relays[0], p.relays[1]);
        first[p.relays[0]]++;
        if (p.relays[0] == 0)
            second_after_a[p.relays[1]]++;
    }
    for (size_t i = 0; i < 3; i++)
        assert_in_range(first[i], equals[i].weight * (N / 10) - 50,
                        equals[i].weight * (N / 10) + 50);
    assert_in_range(second_after_a[1], N / 2 * 3 / 5 - 200, N / 2 * 3 / 5 + 200);
    assert_in_range(second_after_a[2], N / 2 * 2 / 5 - 200, N / 2 * 2 / 5 + 200);
}

static void priorities_come_before_weights_and_the_ends_of_the_draw_are_safe(void **state)
{
    (void)state;
    static const struct cfg_route_relay mixed[] = {{.relay = 0, .priority = 30, .weight = 1000},
                                                   {.relay = 1, .priority = 10, .weight = 1},
                                                   {.relay = 2, .priority = 20, .weight = 7}};
    static const struct cfg_route route = {.relays = mixed, .n_relays = 3};
    struct cfg cfg = {.relays = relays, .n_relays = 3, .routes = &route, .n_routes = 1};
    struct gw_message m = {.from_domain = "other.example"};
    static const double draws[] = {0, 0.5, 0.999999999999, 1 - 1e-16};
    for (size_t i = 0; i < sizeof(draws) / sizeof(draws[0]); i++) {
        struct gw_route_plan p = plan(&cfg, NULL, &m, "x.org", draws[i]);
        assert_int_equal(p.n, 3);
        assert_int_equal(p.relays[0], 1);
        assert_int_equal(p.relays[1], 2);
        assert_int_equal(p.relays[2], 0);
    }
}

static void key_s_relays_share_what_the_others_would_have_had(void **state)
{
    (void)state;
    static const size_t allowed[] = {1, 2};
    struct cfg_api_key key = {.name = "k", .id = "k", .relays = allowed, .n_relays = 2};
    struct cfg cfg = {.relays = relays, .n_relays = 3, .routes = routes, .n_routes = 3};
    struct gw_message m = {.from_domain = "other.example"};
    for (unsigned i = 0; i < 100; i++) {
        struct gw_route_plan p = plan(&cfg, &key, &m, "x.org", even(i));
        assert_int_equal(p.n, 2);
        assert_int_equal(p.relays[0], 1);
        assert_int_equal(p.relays[1], 2);
    }
}

static void route_matches_on_every_key_that_is_set(void **state)
{
    (void)state;
    static const struct cfg_route strict = {.from_domain = "*.example.com",
                                            .recipient_domain = "example.org",
                                            .tag = "bulk",
                                            .api_key = "billing",
                                            .relays = only_b,
                                            .n_relays = 1};
    struct cfg cfg = {.relays = relays, .n_relays = 3, .routes = &strict, .n_routes = 1};
    static const struct cfg_api_key billing = {.name = "billing", .id = "k_1"};
    static const struct cfg_api_key other = {.name = "other", .id = "k_2"};
    static const struct {
        const char *from, *to;
        size_t n_tags;
        const struct cfg_api_key *key;
        size_t n;
    } rows[] = {
        {"mail.example.com", "example.org", 2, &billing, 1},
        {"a.b.example.com", "example.org", 2, &billing, 1},
        {"example.com", "example.org", 2, &billing, 0},
        {"xexample.com", "example.org", 2, &billing, 0},
        {"mail.example.com", "sub.example.org", 2, &billing, 0},
        {"mail.example.com", "example.org", 1, &billing, 0},
        {"mail.example.com", "example.org", 2, &other, 0},
        {"mail.example.com", "example.org", 2, NULL, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct gw_message m = {.from_domain = rows[i].from, .tags = tags, .n_tags = rows[i].n_tags};
        if (plan(&cfg, rows[i].key, &m, rows[i].to, 0).n != rows[i].n)
            fail_msg("row %zu", i);
    }
}

static void named_relay_and_key_narrow_the_plan(void **state)
{
    (void)state;
    struct cfg cfg = {.relays = relays, .n_relays = 3};
    struct gw_message m = {.from_domain = "example.com", .relay = "c"};
    struct gw_route_plan p = plan(&cfg, NULL, &m, "x.org", 0);
    assert_int_equal(p.n, 1);
    assert_int_equal(p.relays[0], 2);
    static const size_t allowed[] = {1};
    struct cfg_api_key key = {.name = "k", .id = "k", .relays = allowed, .n_relays = 1};
    assert_int_equal(plan(&cfg, &key, &m, "x.org", 0).n, 0);
    m.relay = NULL;
    p = plan(&cfg, &key, &m, "x.org", 0);
    assert_int_equal(p.n, 1);
    assert_int_equal(p.relays[0], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_routes_all_relays_come_in_file_order),
        cmocka_unit_test(first_matching_route_wins),
        cmocka_unit_test(weight_draws_among_the_lowest_priority),
        cmocka_unit_test(all_places_are_drawn_by_weight),
        cmocka_unit_test(priorities_come_before_weights_and_the_ends_of_the_draw_are_safe),
        cmocka_unit_test(key_s_relays_share_what_the_others_would_have_had),
        cmocka_unit_test(route_matches_on_every_key_that_is_set),
        cmocka_unit_test(named_relay_and_key_narrow_the_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
