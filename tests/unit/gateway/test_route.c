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
        cmocka_unit_test(named_relay_and_key_narrow_the_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
