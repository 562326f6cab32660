/* SPDX-License-Identifier: MIT */
/* Runs the cases: several relays and scripted servers at a time in one loop.
 *
 * Whatever the case: on_done comes exactly once, the relay closes and leaves nothing in the loop,
 * no message is sent twice unless it was uncertain, and where TLS is required neither AUTH nor MAIL
 * is seen in plaintext. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_log.h"
#include "gateway/base/gw_mem.h"
#include "gateway/delivery_policy.h"
#include "tests/lib/scripted_server.h"
#include "tests/matrix/matrix.h"
#include "tests/matrix/matrix_hole.h"

enum {
    AT_ONCE = 24,
    LOOK_MS = 2,
    PATIENCE_MS = 60000,  /* of one case, while 23 others run */
    GENEROUS_MS = 120000, /* timeouts that the case is not about */
    SHORTEST_MS = 400,    /* 1/1000 of the default, but so much at least: the machine may be busy */
    QUIT_MS = 50,
    BIG_LINES = 200000,
    BIG_WINDOW = 64 * 1024, /* so that little of it is on its way when the server speaks */
    LINE = 64,
    MANY_RCPTS = 300,
    LONG_ADDRESS = 200 /* octets with NUL */
};

enum phase {
    FIRST,   /* the ordinary message of MATRIX_TWICE */
    SENDING, /* waits for the server, acts, waits for on_done */
    SETTLED, /* looks until the connection is closed, where asked to */
    CLOSING,
    OVER
};

struct run {
    struct runner *runner;
    struct matrix_case *c;
    enum phase phase;
    struct test_server *server;
    struct smtp_relay *relay;
    uint16_t port;
    struct smtp_transaction txn;
    struct smtp_outcome *outcomes;
    size_t n_rcpts;
    unsigned n_done, n_sent; /* what is looked at; MATRIX_THREE_TIMES */
    struct matrix_hole hole;
    bool acted;
    unsigned n_open;  /* relays */
    unsigned n_ticks; /* looks since the server waits */
    int64_t since_ms;
};

struct runner {
    uv_loop_t loop;
    uv_timer_t timer;
    struct matrix *matrix;
    size_t next, n_running;
    struct run runs[AT_ONCE];
    char *ca_file;
    struct gw_buf big;
    const char *many_rcpts[MANY_RCPTS];
    char many_addresses[MANY_RCPTS][LONG_ADDRESS];
};

static const char content[] = "Subject: hello\r\n\r\n.dots\r\nand lines\r\n";

/* Whatever a case makes of gw_clock. */
static int64_t real_ms(void)
{
    return (int64_t)(uv_hrtime() / 1000000);
}

static void blame(struct run *r, const char *what)
{
    if (r->c->fault[0] == '\0')
        (void)snprintf(r->c->fault, sizeof(r->c->fault), "%s", what);
}

/* --- What was seen --- */

static const char *or_dash(const char *text)
{
    return text != NULL && text[0] != '\0' ? text : "-";
}

static const char *relay_state(const struct run *r)
{
    struct smtp_relay_stats stats;
    smtp_relay_stats(r->relay, &stats);
    if (stats.breaker == SMTP_BREAKER_OPEN)
        return "open";
    return stats.last_error_at_ms != 0 ? "sick" : "well";
}

static bool is_same(const struct smtp_outcome *a, const struct smtp_outcome *b)
{
    return a->final == b->final && a->accepted == b->accepted && a->uncertain == b->uncertain &&
           a->stage == b->stage && a->reason == b->reason && a->reply.code == b->reply.code;
}

static void look(struct run *r)
{
    const char *relay = relay_state(r);
    for (size_t i = MATRIX_RCPTS; i < r->n_rcpts; i++)
        if (!is_same(&r->outcomes[0], &r->outcomes[i]))
            blame(r, "the recipients differ");
    for (size_t i = 0; i < MATRIX_RCPTS; i++) {
        const struct smtp_outcome *o = &r->outcomes[i];
        if (!o->final) {
            blame(r, "a recipient has no outcome");
            continue;
        }
        struct gw_verdict v = gw_delivery_judge(o);
        const char *next = v.next_relay ? "next" : v.uncertain ? "same uncertain" : "-";
        (void)snprintf(r->c->seen[i], MATRIX_WANT, "%s %s %s %s %d %s %s",
                       gw_rcpt_status_name(v.status), or_dash(gw_category_name(v.category)),
                       o->reason == SMTP_REASON_REPLY ? "-" : smtp_reason_name(o->reason),
                       smtp_stage_name(o->stage), o->reply.code, next, relay);
    }
}

static size_t count_of(const char *text, const char *part)
{
    size_t n = 0;
    for (; (text = strstr(text, part)) != NULL; text++)
        n++;
    return n;
}

static void check_server(struct run *r)
{
    static const char *const secrets[] = {"AUTH PLAIN", "AUTH LOGIN", "MAIL FROM", "c2VjcmV0",
                                          "AGFubgBzZWNyZXQ="};
    char *log = test_server_log(r->server);
    char *plain = test_server_plain_log(r->server);
    size_t most = (r->c->flags & MATRIX_TWICE) != 0 || (r->c->flags & MATRIX_BIG) != 0 ? 2 : 1;
    /* Recipients in two transactions get the content twice, once each. */
    bool counts = r->c->n_resumed != 0 || (r->c->flags & MATRIX_OTHER_RELAY) != 0;
    if (counts && test_server_resumed(r->server) != (size_t)r->c->n_resumed)
        blame(r, "not as many TLS sessions were resumed as expected");
    if (strstr(r->c->name, "C4") != NULL || strstr(r->c->name, "M12") != NULL)
        most = 2;
    if (count_of(log, "Subject: hello") > most)
        blame(r, "the message was sent twice");
    if ((r->c->flags & MATRIX_MANY_CONNECTIONS) == 0 && test_server_accepted(r->server) > 1)
        blame(r, "a second connection");
    for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
        if ((r->c->flags & MATRIX_NO_PLAIN_SECRETS) != 0 && strstr(plain, secrets[i]) != NULL)
            blame(r, "AUTH or MAIL in plaintext");
    for (const char *p = r->outcomes[0].reply.text; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20 && *p != '\n')
            blame(r, "a control octet in the text of a reply");
    if (strstr(r->outcomes[0].detail, "AGFubgBzZWNyZXQ=") != NULL ||
        strstr(r->outcomes[0].reply.text, "AGFubgBzZWNyZXQ=") != NULL)
        blame(r, "the password in a text");
    free(log);
    free(plain);
}

/* --- One case --- */

static const char *const two_rcpts[MATRIX_RCPTS] = {"a@example.test", "b@example.test"};

static void on_done(struct smtp_transaction *txn);

static void submit(struct run *r, bool ordinary)
{
    static const struct smtp_dsn dsn = {
        .ret = SMTP_RET_HDRS, .envid = "17", .notify = SMTP_NOTIFY_FAILURE};
    unsigned flags = ordinary ? 0 : r->c->flags;
    memset(r->outcomes, 0, r->n_rcpts * sizeof(*r->outcomes));
    r->txn = (struct smtp_transaction){
        .envelope = {.mail_from = (flags & MATRIX_NULL_SENDER) != 0 ? "" : "me@example.test",
                     .rcpts = r->n_rcpts == MATRIX_RCPTS ? two_rcpts : r->runner->many_rcpts,
                     .n_rcpts = r->n_rcpts,
                     .content = gw_slice_of(content, sizeof(content) - 1),
                     .eightbit = (flags & MATRIX_EIGHTBIT) != 0,
                     .smtputf8 = (flags & MATRIX_UTF8) != 0,
                     .require_tls = (flags & MATRIX_REQUIRE_TLS) != 0,
                     .dsn = (flags & MATRIX_DSN) != 0 ? &dsn : NULL,
                     .outcomes = r->outcomes},
        .on_done = on_done,
        .data = r};
    if ((flags & MATRIX_BIG) != 0)
        r->txn.envelope.content = gw_buf_view(&r->runner->big);
    if (smtp_relay_submit(r->relay, &r->txn) != GW_OK)
        blame(r, "the relay takes no transaction");
}

static void on_done(struct smtp_transaction *txn)
{
    struct run *r = txn->data;
    if (r->phase == FIRST) {
        for (size_t i = 0; i < MATRIX_RCPTS; i++)
            if (!r->outcomes[i].accepted)
                blame(r, "the ordinary message was not taken");
        r->phase = SENDING;
        return; /* the second one goes out from the timer, when the server had its say */
    }
    if ((r->c->flags & MATRIX_THREE_TIMES) != 0 && ++r->n_sent < 3) {
        submit(r, false);
        return;
    }
    if (r->n_done++ > 0)
        blame(r, "called back twice");
    look(r);
    if (r->phase == SENDING)
        r->phase = SETTLED;
}

static void on_closed(void *data)
{
    struct run *r = data;
    if (r->n_open == 0)
        blame(r, "closed twice");
    r->n_open -= r->n_open > 0 ? 1 : 0;
}

static void close_relay(struct run *r, int64_t grace_ms)
{
    if (r->phase == SETTLED)
        r->phase = CLOSING;
    smtp_relay_close(r->relay, grace_ms, on_closed, r);
}

static struct smtp_relay_config relay_config(struct run *r)
{
    static const enum smtp_tls_mode modes[] = {SMTP_TLS_NONE, SMTP_TLS_REQUIRED, SMTP_TLS_IMPLICIT};
    const struct matrix_case *c = r->c;
    struct smtp_relay_config config = smtp_relay_config_default();
    config.name = "matrix";
    config.host = c->host != NULL ? c->host : "127.0.0.1";
    config.server_name = strstr(config.host, ".test") != NULL ? "localhost" : c->server_name;
    config.helo_name = "client.test";
    config.tls_mode =
        (c->flags & MATRIX_OPPORTUNISTIC) != 0 ? SMTP_TLS_OPPORTUNISTIC : modes[c->mode];
    config.ca_file = config.tls_mode != SMTP_TLS_NONE ? r->runner->ca_file : NULL;
    config.max_connections = 1;
    config.one_flight = (c->flags & MATRIX_NO_ONE_FLIGHT) == 0;
    config.tls_probe_ms = 0;
    if ((c->flags & (MATRIX_AUTH_LOGIN | MATRIX_AUTH_PLAIN)) != 0) {
        config.username = "ann";
        config.password = "secret";
    }
    if ((c->flags & MATRIX_AUTH_LOGIN) != 0) {
        config.mechs[0] = SMTP_AUTH_LOGIN;
        config.n_mechs = 1;
    }
    struct smtp_timeouts *t = &config.timeouts;
    *t = (struct smtp_timeouts){GENEROUS_MS, GENEROUS_MS, GENEROUS_MS, GENEROUS_MS,
                                GENEROUS_MS, GENEROUS_MS, GENEROUS_MS, GENEROUS_MS,
                                GENEROUS_MS, GENEROUS_MS, GENEROUS_MS, GENEROUS_MS,
                                GENEROUS_MS, QUIT_MS,     GENEROUS_MS, 100000000};
    if (c->timeout_at != SIZE_MAX) {
        struct smtp_timeouts standard = smtp_timeouts_default();
        int64_t ms;
        memcpy(&ms, (const char *)&standard + c->timeout_at, sizeof(ms));
        ms = ms / 1000 < SHORTEST_MS ? SHORTEST_MS : ms / 1000;
        ms = c->timeout_ms != 0 ? c->timeout_ms : ms;
        memcpy((char *)t + c->timeout_at, &ms, sizeof(ms));
    }
    return config;
}

/* A port on which nobody listens. */
static uint16_t free_port(void)
{
    const struct test_server_config config = {.scripts = {"FIN"}};
    struct test_server *s = test_server_new(&config);
    uint16_t port = test_server_port(s);
    test_server_free(s);
    return port;
}

static uint16_t start_server(struct run *r)
{
    struct test_server_config server = {.cert = r->c->cert,
                                        .max_tls_version = r->c->max_tls_version,
                                        .client_cert = r->c->client_cert,
                                        .sni_warning = r->c->sni_warning,
                                        .window = r->c->window};
    if ((r->c->flags & MATRIX_BIG) != 0)
        server.window = BIG_WINDOW;
    (void)gw_buf_add_char(&r->c->script, '\0');
    server.scripts[0] = r->c->script.data;
    if (r->c->second_script.len > 0) {
        (void)gw_buf_add_char(&r->c->second_script, '\0');
        server.scripts[1] = r->c->second_script.data;
    }
    if (r->c->no_server)
        return free_port();
    r->server = test_server_new(&server);
    return test_server_port(r->server);
}

/* False when the configuration is refused. */
static bool open_relay(struct run *r)
{
    struct smtp_relay_config config = relay_config(r);
    struct gw_err err = {.text = ""};
    config.port = r->port;
    if (smtp_relay_new(&r->runner->loop, &config, &r->relay, &err) != GW_OK)
        return false;
    r->n_open++;
    return true;
}

static void start(struct run *r)
{
    r->n_rcpts = r->c->n_rcpts != 0 ? r->c->n_rcpts : MATRIX_RCPTS;
    r->outcomes = gw_calloc(r->n_rcpts, sizeof(*r->outcomes));
    r->since_ms = real_ms();
    r->port = start_server(r);
    if (r->c->has_hole)
        matrix_hole_open(&r->hole, r->port);
    if (!open_relay(r)) {
        for (size_t i = 0; i < MATRIX_RCPTS; i++)
            (void)snprintf(r->c->seen[i], MATRIX_WANT, "refused by the configuration");
        r->n_done = 1;
        r->phase = CLOSING;
        return;
    }
    if ((r->c->flags & MATRIX_NO_DESCRIPTORS) != 0)
        matrix_descriptors_take();
    bool twice = (r->c->flags & MATRIX_TWICE) != 0;
    r->phase = twice ? FIRST : SENDING;
    r->acted = twice; /* the second message is the act */
    submit(r, twice);
    r->acted = false;
}

static void submit_second(struct run *r)
{
    if (r->c->jump_ms != 0)
        gw_clock_fake(gw_clock_wall_ms() + r->c->jump_ms, gw_clock_mono_ms() + r->c->jump_ms);
    if ((r->c->flags & MATRIX_OTHER_RELAY) != 0) {
        smtp_relay_close(r->relay, 0, on_closed, r);
        CHECK(open_relay(r));
    }
    submit(r, false);
}

static void act(struct run *r)
{
    bool twice = (r->c->flags & MATRIX_TWICE) != 0;
    bool waits = strstr(r->c->script.data, "WAIT") != NULL;
    if (r->acted || r->phase != SENDING || !(twice || waits))
        return;
    /* What the server said before has to be read first: the loop polls between two looks. */
    if (waits && (test_server_waiting(r->server) == 0 || r->n_ticks++ < 2))
        return;
    r->acted = true;
    if (twice)
        submit_second(r);
    else if (r->c->action == MATRIX_CANCEL)
        smtp_relay_cancel(r->relay, &r->txn);
    else if (r->c->action == MATRIX_SHUTDOWN)
        close_relay(r, 0);
    test_server_go(r->server);
}

/* The client is done with the connection, or nothing of interest is left to see. */
static bool is_settled(struct run *r)
{
    if ((r->c->flags & MATRIX_WAIT_CLOSED) == 0)
        return true;
    struct smtp_relay_stats stats;
    smtp_relay_stats(r->relay, &stats);
    return stats.connecting + stats.busy + stats.idle == 0;
}

static void finish(struct run *r)
{
    if (r->server != NULL)
        check_server(r);
    if (r->n_done != 1)
        blame(r, "not called back");
    bool equal = true;
    for (size_t i = 0; i < MATRIX_RCPTS; i++)
        equal = equal && strcmp(r->c->want[i], r->c->seen[i]) == 0;
    r->c->ms = real_ms() - r->since_ms;
    r->c->ok = equal && r->c->fault[0] == '\0';
    if (r->server != NULL)
        test_server_free(r->server);
    r->server = NULL;
    if (r->c->has_hole)
        matrix_hole_close(&r->hole);
    if (r->c->jump_ms != 0)
        gw_clock_fake_end();
    if ((r->c->flags & MATRIX_NO_DESCRIPTORS) != 0)
        matrix_descriptors_give_back();
    gw_free(r->outcomes);
    r->phase = OVER;
}

/* True while the case runs. */
static bool drive(struct run *r)
{
    bool late = real_ms() - r->since_ms > PATIENCE_MS;
    if (late && r->phase < CLOSING) {
        blame(r, "hung");
        r->phase = SETTLED;
    }
    act(r);
    if (r->phase == SETTLED && r->c->action == MATRIX_SHUTDOWN && r->acted)
        r->phase = CLOSING; /* it is already */
    else if (r->phase == SETTLED && (late || is_settled(r)))
        close_relay(r, 0);
    if (r->phase != CLOSING || r->n_open > 0)
        return true;
    finish(r);
    return false;
}

/* --- All of them --- */

/* What changes the whole process. */
static bool is_alone(const struct matrix_case *c)
{
    return c->jump_ms != 0 || (c->flags & MATRIX_NO_DESCRIPTORS) != 0;
}

static bool may_start(const struct runner *all)
{
    if (all->next == all->matrix->n)
        return false;
    for (size_t i = 0; i < AT_ONCE; i++)
        if (all->runs[i].c != NULL && is_alone(all->runs[i].c))
            return false;
    return all->n_running == 0 || !is_alone(&all->matrix->cases[all->next]);
}

static void on_timer(uv_timer_t *timer)
{
    struct runner *all = timer->data;
    for (size_t i = 0; i < AT_ONCE; i++) {
        struct run *r = &all->runs[i];
        if (r->c != NULL && !drive(r)) {
            r->c = NULL;
            all->n_running--;
        }
        if (r->c == NULL && may_start(all)) {
            *r = (struct run){.runner = all, .c = &all->matrix->cases[all->next++]};
            all->n_running++;
            start(r);
        }
    }
    if (all->n_running == 0)
        uv_close((uv_handle_t *)timer, NULL);
}

static void fill_big(struct gw_buf *big)
{
    char line[LINE];
    memset(line, 'x', sizeof(line));
    line[LINE - 2] = '\r';
    line[LINE - 1] = '\n';
    gw_buf_init(big, (size_t)BIG_LINES * LINE);
    for (int i = 0; i < BIG_LINES; i++)
        CHECK(gw_buf_add(big, line, sizeof(line)) == GW_OK);
}

static void fill_many(struct runner *all)
{
    for (size_t i = 0; i < MANY_RCPTS; i++) {
        char *a = all->many_addresses[i];
        memset(a, 'd', LONG_ADDRESS);
        int n = snprintf(a, LONG_ADDRESS, "r%zu@", i);
        a[n] = 'd';
        for (size_t dot = 60; dot < LONG_ADDRESS - 6; dot += 60)
            a[dot] = '.';
        memcpy(a + LONG_ADDRESS - 6, ".test", 6);
        all->many_rcpts[i] = a;
    }
}

bool matrix_run(struct matrix *m)
{
    struct runner *all = gw_calloc(1, sizeof(*all));
    all->matrix = m;
    all->ca_file = test_write_temp(test_ca_root());
    fill_big(&all->big);
    fill_many(all);
    gw_log_init(GW_LOG_ERROR, GW_LOG_FORMAT_TEXT, 2);
    CHECK(uv_loop_init(&all->loop) == 0 && uv_timer_init(&all->loop, &all->timer) == 0);
    all->timer.data = all;
    CHECK(uv_timer_start(&all->timer, on_timer, 0, LOOK_MS) == 0);
    (void)uv_run(&all->loop, UV_RUN_DEFAULT);
    matrix_dns_end();
    bool clean = uv_loop_close(&all->loop) == 0; /* no handle is left over */
    test_remove_temp(all->ca_file);
    gw_buf_deinit(&all->big);
    gw_free(all);
    return clean;
}
