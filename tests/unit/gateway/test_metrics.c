/* SPDX-License-Identifier: MIT */
/* The registry of metrics and its page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <uv.h>

#include "gateway/metrics.h"

static char page[GW_METRICS_MAX_TEXT];

static const char *render(void)
{
    struct gw_buf b;
    gw_buf_init(&b, sizeof(page) - 1);
    gw_metrics_render(&b);
    assert_false(b.overflowed);
    memcpy(page, b.data, b.len);
    page[b.len] = '\0';
    gw_buf_deinit(&b);
    return page;
}

static void assert_line(const char *line)
{
    char framed[512];
    (void)snprintf(framed, sizeof(framed), "\n%s\n", line);
    if (strstr(render(), framed) == NULL)
        fail_msg("no line: %s", line);
}

static size_t n_lines_with(const char *part)
{
    size_t n = 0;
    for (const char *p = render(); (p = strstr(p, part)) != NULL; p++)
        n++;
    return n;
}

static int reset(void **state)
{
    (void)state;
    gw_metrics_reset();
    return 0;
}

static void every_family_is_there_before_its_first_value(void **state)
{
    (void)state;
    static const char *const names[] = {
#define NAME_OF(id, kind, unit, name, labels, help) "# TYPE mailhatch_" name " ",
        GW_METRIC_TABLE(NAME_OF)
#undef NAME_OF
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_int_equal(n_lines_with(names[i]), 1);
}

static void counters_add_up_per_combination_of_labels(void **state)
{
    (void)state;
    gw_metric_add(GW_METRIC_HTTP_REQUESTS, 1, GW_LABELS("/livez", "200"));
    gw_metric_add(GW_METRIC_HTTP_REQUESTS, 2, GW_LABELS("/livez", "200"));
    gw_metric_add(GW_METRIC_HTTP_REQUESTS, 5, GW_LABELS("/livez", "503"));
    assert_line("mailhatch_http_requests_total{route=\"/livez\",code=\"200\"} 3");
    assert_line("mailhatch_http_requests_total{route=\"/livez\",code=\"503\"} 5");
    assert_int_equal(gw_metric_value(GW_METRIC_HTTP_REQUESTS, GW_LABELS("/livez", "200")), 3);
    assert_int_equal(gw_metric_value(GW_METRIC_HTTP_REQUESTS, GW_LABELS("/x", "200")), 0);
}

static void a_label_left_out_is_empty(void **state)
{
    (void)state;
    gw_metric_add(GW_METRIC_RECIPIENTS, 1, GW_LABELS("expired", NULL, "other"));
    assert_line("mailhatch_recipients_total{status=\"expired\",relay=\"\",category=\"other\"} 1");
}

static void gauges_disappear_when_cleared_and_come_back_when_set(void **state)
{
    (void)state;
    gw_metric_set(GW_METRIC_RELAY_UP, 1, GW_LABELS("a"));
    gw_metric_set(GW_METRIC_RELAY_UP, 0, GW_LABELS("b"));
    assert_line("mailhatch_relay_up{relay=\"a\"} 1");
    assert_line("mailhatch_relay_up{relay=\"b\"} 0");
    gw_metric_clear(GW_METRIC_RELAY_UP);
    assert_int_equal(n_lines_with("\nmailhatch_relay_up{"), 0);
    gw_metric_set(GW_METRIC_RELAY_UP, 1, GW_LABELS("b"));
    assert_line("mailhatch_relay_up{relay=\"b\"} 1");
    assert_int_equal(n_lines_with("\nmailhatch_relay_up{"), 1);
}

static void times_are_shown_in_seconds_with_cumulative_buckets(void **state)
{
    (void)state;
    gw_metric_observe(GW_METRIC_DKIM_SIGN, 100, GW_LABELS("rsa-sha256"));
    gw_metric_observe(GW_METRIC_DKIM_SIGN, 101, GW_LABELS("rsa-sha256"));
    gw_metric_observe(GW_METRIC_DKIM_SIGN, 400000000, GW_LABELS("rsa-sha256"));
    assert_line("mailhatch_dkim_sign_seconds_bucket{alg=\"rsa-sha256\",le=\"0.000100\"} 1");
    assert_line("mailhatch_dkim_sign_seconds_bucket{alg=\"rsa-sha256\",le=\"0.000250\"} 2");
    assert_line("mailhatch_dkim_sign_seconds_bucket{alg=\"rsa-sha256\",le=\"300.000000\"} 2");
    assert_line("mailhatch_dkim_sign_seconds_bucket{alg=\"rsa-sha256\",le=\"+Inf\"} 3");
    assert_line("mailhatch_dkim_sign_seconds_sum{alg=\"rsa-sha256\"} 400.000201");
    assert_line("mailhatch_dkim_sign_seconds_count{alg=\"rsa-sha256\"} 3");
}

static void sizes_have_plain_buckets_and_no_labels(void **state)
{
    (void)state;
    gw_metric_observe(GW_METRIC_STORE_BATCH, 3, NULL);
    assert_line("mailhatch_store_batch_size_bucket{le=\"2\"} 0");
    assert_line("mailhatch_store_batch_size_bucket{le=\"4\"} 1");
    assert_line("mailhatch_store_batch_size_sum 3");
    assert_line("mailhatch_store_batch_size_count 1");
}

static void what_did_not_happen_is_not_observed(void **state)
{
    (void)state;
    gw_metric_observe(GW_METRIC_SMTP_PHASE, -1000, GW_LABELS("a", "AUTH"));
    assert_int_equal(n_lines_with("\nmailhatch_smtp_phase_duration_seconds_"), 0);
    gw_metric_observe(GW_METRIC_SMTP_PHASE, 0, GW_LABELS("a", "AUTH"));
    assert_line("mailhatch_smtp_phase_duration_seconds_count{relay=\"a\",phase=\"AUTH\"} 1");
}

static void label_values_are_escaped_and_cut(void **state)
{
    (void)state;
    char longer[GW_METRIC_MAX_LABEL_VALUE + 2];
    char line[256];
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    gw_metric_set(GW_METRIC_BUILD_INFO, 1, GW_LABELS("a\"b\\c\nd"));
    assert_line("mailhatch_build_info{version=\"a\\\"b\\\\c\\nd\"} 1");
    gw_metric_set(GW_METRIC_RELAY_UP, 1, GW_LABELS(longer));
    gw_metric_set(GW_METRIC_RELAY_UP, 0, GW_LABELS(longer));
    longer[GW_METRIC_MAX_LABEL_VALUE] = '\0';
    (void)snprintf(line, sizeof(line), "mailhatch_relay_up{relay=\"%s\"} 0", longer);
    assert_line(line);
}

static void a_family_stops_growing_at_its_limit(void **state)
{
    (void)state;
    char name[32];
    for (int i = 0; i < GW_METRIC_MAX_SERIES + 100; i++) {
        (void)snprintf(name, sizeof(name), "r%d", i);
        gw_metric_add(GW_METRIC_SMTP_OPENED, 1, GW_LABELS(name));
    }
    (void)snprintf(name, sizeof(name), "r%d", GW_METRIC_MAX_SERIES - 1);
    assert_int_equal(gw_metric_value(GW_METRIC_SMTP_OPENED, GW_LABELS(name)), 1);
    assert_int_equal(gw_metric_value(GW_METRIC_SMTP_OPENED, GW_LABELS("other")), 100);
    assert_int_equal(n_lines_with("\nmailhatch_smtp_connections_opened_total{"),
                     GW_METRIC_MAX_SERIES + 1);
}

enum {
    N_THREADS = 4,
    N_ROUNDS = 2000,
    N_NAMES = 50
};

static void count_a_lot(void *arg)
{
    (void)arg;
    char name[16];
    for (int i = 0; i < N_ROUNDS; i++) {
        (void)snprintf(name, sizeof(name), "h%d", i % N_NAMES);
        gw_metric_add(GW_METRIC_H2_GUARD, 1, GW_LABELS(name));
        gw_metric_observe(GW_METRIC_PREPARE, i, NULL);
    }
}

static void threads_lose_nothing(void **state)
{
    (void)state;
    uv_thread_t threads[N_THREADS];
    for (int i = 0; i < N_THREADS; i++)
        assert_int_equal(uv_thread_create(&threads[i], count_a_lot, NULL), 0);
    for (int i = 0; i < N_THREADS; i++)
        assert_int_equal(uv_thread_join(&threads[i]), 0);
    assert_int_equal(gw_metric_value(GW_METRIC_PREPARE, NULL), N_THREADS * N_ROUNDS);
    assert_int_equal(gw_metric_value(GW_METRIC_H2_GUARD, GW_LABELS("h7")),
                     N_THREADS * N_ROUNDS / N_NAMES);
    assert_int_equal(n_lines_with("\nmailhatch_h2_guard_total{"), N_NAMES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_family_is_there_before_its_first_value, reset),
        cmocka_unit_test_setup(counters_add_up_per_combination_of_labels, reset),
        cmocka_unit_test_setup(a_label_left_out_is_empty, reset),
        cmocka_unit_test_setup(gauges_disappear_when_cleared_and_come_back_when_set, reset),
        cmocka_unit_test_setup(times_are_shown_in_seconds_with_cumulative_buckets, reset),
        cmocka_unit_test_setup(sizes_have_plain_buckets_and_no_labels, reset),
        cmocka_unit_test_setup(what_did_not_happen_is_not_observed, reset),
        cmocka_unit_test_setup(label_values_are_escaped_and_cut, reset),
        cmocka_unit_test_setup(a_family_stops_growing_at_its_limit, reset),
        cmocka_unit_test_setup(threads_lose_nothing, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
