/* SPDX-License-Identifier: MIT */
/* What a message costs the loop: a relay object with 64 transactions at a time over TLS, nothing
 * else in the process. To be run against bench_smtp_sink --tls implicit.
 *
 *   bench_relay PORT CA_FILE N [CONNECTIONS]
 *
 * Prints `cpu_us=… wall_us=… reused=…`: CPU of the loop's thread and time per message, after a
 * warm-up that opens the connections. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_log.h"
#include "gateway/base/gw_mem.h"
#include "smtp/relay.h"

enum {
    AT_ONCE = 64,
    CONNECTIONS = 64,
    CONTENT_SIZE = 2560, /* of a message of 2 KB with header and signature */
    LINE = 76,
    WARM_UP = 20 * AT_ONCE,
    MAX_NUMBER = 100000000
};

struct mail {
    struct smtp_transaction txn;
    struct smtp_outcome outcome;
};

static struct {
    uv_loop_t loop;
    struct smtp_relay *relay;
    struct mail mails[AT_ONCE];
    char content[CONTENT_SIZE];
    size_t n_started, n_done, n_wanted;
} bench;

static double seconds(clockid_t clock)
{
    struct timespec t;
    CHECK(clock_gettime(clock, &t) == 0); /* NOLINT: this is what is measured */
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void on_done(struct smtp_transaction *txn);

static void start(struct mail *m)
{
    static const char *const rcpts[] = {"ann@example.net"};
    m->outcome = (struct smtp_outcome){.final = false};
    m->txn = (struct smtp_transaction){
        .envelope = {.mail_from = "bounces@example.com",
                     .rcpts = rcpts,
                     .n_rcpts = 1,
                     .content = gw_slice_of(bench.content, sizeof(bench.content)),
                     .outcomes = &m->outcome},
        .on_done = on_done,
        .data = m};
    bench.n_started++;
    CHECK(smtp_relay_submit(bench.relay, &m->txn) == GW_OK);
}

static void on_done(struct smtp_transaction *txn)
{
    struct mail *m = txn->data;
    if (!m->outcome.accepted) {
        (void)fprintf(stderr, "bench_relay: %s\n", m->outcome.detail);
        exit(1);
    }
    bench.n_done++;
    if (bench.n_started < bench.n_wanted)
        start(m);
    else if (bench.n_done == bench.n_wanted)
        uv_stop(&bench.loop);
}

static void send_all(size_t n)
{
    bench.n_started = 0;
    bench.n_done = 0;
    bench.n_wanted = n;
    for (size_t i = 0; i < AT_ONCE && i < n; i++)
        start(&bench.mails[i]);
    (void)uv_run(&bench.loop, UV_RUN_DEFAULT);
}

static void fill(void)
{
    memset(bench.content, 'x', sizeof(bench.content));
    for (size_t end = LINE; end <= sizeof(bench.content); end += LINE)
        memcpy(bench.content + end - 2, "\r\n", 2);
    memcpy(bench.content + sizeof(bench.content) - 2, "\r\n", 2);
}

static void on_closed(void *data)
{
    (void)data;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        (void)fprintf(stderr, "usage: bench_relay PORT CA_FILE N [CONNECTIONS]\n");
        return 2;
    }
    struct gw_err err = {.text = ""};
    struct smtp_relay_stats stats;
    struct smtp_relay_config config = smtp_relay_config_default();
    long n = strtol(argv[3], NULL, 10);
    (void)signal(SIGPIPE, SIG_IGN);
    CHECK(n > 0 && n < MAX_NUMBER && uv_loop_init(&bench.loop) == 0);
    gw_log_init(GW_LOG_ERROR, GW_LOG_FORMAT_TEXT, 2);
    config.name = "bench";
    config.host = "localhost";
    config.port = (uint16_t)strtol(argv[1], NULL, 10);
    config.ca_file = argv[2];
    config.tls_mode = SMTP_TLS_IMPLICIT;
    config.max_connections = argc > 4 ? (size_t)strtol(argv[4], NULL, 10) : CONNECTIONS;
    config.max_messages_per_connection = MAX_NUMBER;
    fill();
    if (smtp_relay_new(&bench.loop, &config, &bench.relay, &err) != GW_OK) {
        (void)fprintf(stderr, "bench_relay: %s\n", err.text);
        return 1;
    }
    send_all(WARM_UP);
    double cpu = seconds(CLOCK_THREAD_CPUTIME_ID);
    double wall = seconds(CLOCK_MONOTONIC);
    send_all((size_t)n);
    cpu = seconds(CLOCK_THREAD_CPUTIME_ID) - cpu;
    wall = seconds(CLOCK_MONOTONIC) - wall;
    smtp_relay_stats(bench.relay, &stats);
    (void)printf("cpu_us=%.2f wall_us=%.2f reused=%llu opened=%llu\n", cpu / (double)n * 1e6,
                 wall / (double)n * 1e6, (unsigned long long)stats.reused,
                 (unsigned long long)stats.opened);
    smtp_relay_close(bench.relay, 0, on_closed, NULL);
    (void)uv_run(&bench.loop, UV_RUN_DEFAULT);
    CHECK(uv_loop_close(&bench.loop) == 0);
    return 0;
}
