/* SPDX-License-Identifier: MIT */
/* A relay's configuration, tried out. The words of advice are in check_advice.c. */
#include "smtp/check.h"

#include <stdio.h>
#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_mem.h"
#include "smtp/client.h"
#include "smtp/relay_config.h"
#include "smtp/reply.h"
#include "smtp/secrets.h"

static const char mask[] = "********";

struct smtp_check {
    uv_loop_t *loop;
    struct smtp_relay_config config;
    struct smtp_tls_context *tls;
    struct smtp_resolver *resolver;
    struct smtp_client_buffers *buffers;
    struct smtp_client *client;
    char *secret;
    struct smtp_secrets secrets;
    int64_t started_ms;
    bool asked; /* NOOP was said */
    struct smtp_check_result result;
    struct gw_buf partial[2]; /* the rest of a line: of ours, of the relay's */
    smtp_check_done_cb on_done;
    void *data;
};

/* --- The transcript --- */

static void add_line(struct smtp_check *c, enum smtp_check_speaker speaker, struct gw_slice text)
{
    struct smtp_check_result *r = &c->result;
    char shown[SMTP_CHECK_LINE_SIZE];
    if (r->n_lines == SMTP_CHECK_MAX_LINES) {
        r->n_dropped++;
        return;
    }
    smtp_text_escape(text, shown, sizeof(shown));
    r->lines[r->n_lines++] =
        (struct smtp_check_line){.ms = (int32_t)(gw_clock_mono_ms() - c->started_ms),
                                 .speaker = speaker,
                                 .text = gw_strdup(shown)};
}

static void note(struct smtp_check *c, const char *text)
{
    add_line(c, SMTP_CHECK_NETWORK, gw_slice_str(text));
}

/* A relay that repeats the secret does not get it into the transcript. */
static bool is_revealed(const struct smtp_check *c, struct gw_slice line)
{
    size_t len = c->secret != NULL ? strlen(c->secret) : 0;
    return (len > 0 && line.len > 0 && memmem(line.data, line.len, c->secret, len) != NULL) ||
           smtp_secrets_in(&c->secrets, line);
}

static void take_line(struct smtp_check *c, bool from_relay, bool secret, struct gw_slice line)
{
    char text[SMTP_CHECK_LINE_SIZE];
    size_t n = line.len < sizeof(text) - 1 ? line.len : sizeof(text) - 1;
    memcpy(text, line.data, n);
    text[n] = '\0';
    enum smtp_check_speaker speaker = from_relay ? SMTP_CHECK_RELAY : SMTP_CHECK_CLIENT;
    if (secret && strncmp(text, "AUTH ", 5) == 0) { /* the mechanism is none */
        size_t mech = strcspn(text + 5, " ");
        if (text[5 + mech] != '\0')
            (void)snprintf(text + 5 + mech, sizeof(text) - 5 - mech, " %s", mask);
    } else if (secret || is_revealed(c, line)) {
        (void)snprintf(text, sizeof(text), "%s", mask);
    }
    add_line(c, speaker, gw_slice_str(text));
    gw_wipe(text, sizeof(text));
}

static void on_bytes(void *data, struct gw_slice bytes, bool from_relay, bool secret)
{
    struct smtp_check *c = data;
    struct gw_buf *b = &c->partial[from_relay ? 1 : 0];
    for (size_t i = 0; i < bytes.len; i++) {
        if (bytes.data[i] != '\n') {
            (void)gw_buf_add_char(b, bytes.data[i]); /* what is too long is cut */
            continue;
        }
        struct gw_slice line = gw_buf_view(b);
        if (line.len > 0 && line.data[line.len - 1] == '\r')
            line.len--;
        take_line(c, from_relay, secret, line);
        if (b->data != NULL)
            gw_wipe(b->data, b->cap);
        gw_buf_reset(b);
    }
}

static void on_connected(void *data, const char *peer)
{
    struct smtp_check *c = data;
    char text[SMTP_CHECK_LINE_SIZE];
    (void)snprintf(c->result.address, sizeof(c->result.address), "%s", peer);
    (void)snprintf(text, sizeof(text), "connected to %s", peer);
    note(c, text);
}

static void on_tls(void *data, const struct smtp_tls *tls, bool ok)
{
    struct smtp_check *c = data;
    struct smtp_check_result *r = &c->result;
    char text[SMTP_CHECK_LINE_SIZE];
    r->has_certificate = smtp_tls_peer_certificate(tls, &r->certificate);
    if (!ok) {
        (void)snprintf(text, sizeof(text), "TLS failed: %s", smtp_tls_failure(tls)->detail);
    } else {
        r->tls_version = smtp_tls_version(tls);
        (void)snprintf(r->tls_cipher, sizeof(r->tls_cipher), "%s", smtp_tls_cipher(tls));
        (void)snprintf(text, sizeof(text), "%s, %s", r->tls_version, r->tls_cipher);
    }
    note(c, text);
    if (r->has_certificate) {
        (void)snprintf(text, sizeof(text), "certificate of %.120s, from %.120s, valid %s to %s",
                       r->certificate.names[0] != '\0' ? r->certificate.names : "no name",
                       r->certificate.issuer, r->certificate.not_before, r->certificate.not_after);
        note(c, text);
    }
}

/* --- Its course --- */

static void on_ready(struct smtp_client *client, void *data)
{
    struct smtp_check *c = data;
    const struct smtp_capabilities *caps = smtp_client_capabilities(client);
    c->result.has_capabilities = caps != NULL;
    if (caps != NULL)
        c->result.capabilities = *caps;
    if (!c->asked) {
        c->asked = true;
        smtp_client_noop(client);
        return;
    }
    c->result.ok = true;
    smtp_client_quit(client);
}

static void on_down(struct smtp_client *client, const struct smtp_client_end *end, void *data)
{
    struct smtp_check *c = data;
    struct smtp_check_result *r = &c->result;
    if (r->ok)
        return;
    const struct smtp_capabilities *caps = smtp_client_capabilities(client);
    if (caps != NULL && !r->has_capabilities) {
        r->has_capabilities = true;
        r->capabilities = *caps;
    }
    r->stage = end->stage;
    r->reason = end->reason;
    (void)snprintf(r->detail, sizeof(r->detail), "%.255s",
                   end->detail[0] != '\0' ? end->detail : end->reply.text);
    note(c, r->detail);
}

static void free_check(struct smtp_check *c)
{
    for (size_t i = 0; i < c->result.n_lines; i++)
        gw_free(c->result.lines[i].text);
    for (size_t i = 0; i < 2; i++) {
        if (c->partial[i].data != NULL)
            gw_wipe(c->partial[i].data, c->partial[i].cap);
        gw_buf_deinit(&c->partial[i]);
    }
    smtp_tls_context_free(&c->tls);
    smtp_relay_config_deinit(&c->config);
    smtp_secrets_deinit(&c->secrets);
    gw_free_secret(&c->secret);
    if (c->buffers != NULL)
        smtp_client_buffers_free(&c->buffers);
    gw_free(c);
}

static void on_resolver_closed(void *data)
{
    struct smtp_check *c = data;
    smtp_check_advise(&c->config, &c->result, c->result.advice, sizeof(c->result.advice));
    c->on_done(&c->result, c->data);
    free_check(c);
}

static void on_closed(void *data)
{
    struct smtp_check *c = data;
    c->client = NULL;
    smtp_resolver_close(c->resolver, on_resolver_closed, c);
}

/* None of them is ever called: no transaction is given, nothing is parked. */
static void on_transaction_done(struct smtp_client *client, struct smtp_transaction *txn,
                                void *data)
{
    (void)client;
    (void)txn;
    (void)data;
}

static void on_idle_timeout(struct smtp_client *client, void *data)
{
    (void)client;
    (void)data;
}

static int64_t at_most(int64_t timeout_ms)
{
    return timeout_ms < SMTP_CHECK_TIMEOUT_MS ? timeout_ms : SMTP_CHECK_TIMEOUT_MS;
}

static void shorten(struct smtp_timeouts *t)
{
    t->resolve_ms = at_most(t->resolve_ms);
    t->connect_ms = at_most(t->connect_ms);
    t->greeting_ms = at_most(t->greeting_ms);
    t->ehlo_ms = at_most(t->ehlo_ms);
    t->starttls_ms = at_most(t->starttls_ms);
    t->handshake_ms = at_most(t->handshake_ms);
    t->auth_ms = at_most(t->auth_ms);
}

static enum gw_status take_secret(struct smtp_check *c, struct smtp_session_config *session,
                                  struct gw_err *err)
{
    const struct smtp_secret_source *source = &c->config.secrets;
    struct smtp_secret secret = {.password = c->config.password};
    enum smtp_secret_status st = SMTP_SECRET_READY;
    if (source->get != NULL)
        st = source->get(source->data, &secret);
    if (st == SMTP_SECRET_PENDING)
        return gw_err_set(err, GW_BUSY, "an access token is being fetched; ask again in a moment");
    if (st == SMTP_SECRET_FAILED)
        return gw_err_set(err, GW_DENIED, "%s", secret.detail);
    const char *text = secret.token != NULL ? secret.token : secret.password;
    c->secret = text != NULL ? gw_strdup(text) : NULL;
    session->password = secret.token == NULL ? c->secret : NULL;
    session->token = secret.token != NULL ? c->secret : NULL;
    const struct smtp_sasl_credentials who = {.username = session->username,
                                              .password = session->password,
                                              .token = session->token,
                                              .host = session->host,
                                              .port = session->port};
    smtp_secrets_init(&c->secrets, &who);
    return GW_OK;
}

static void start_client(struct smtp_check *c, const struct smtp_session_config *session)
{
    static const struct smtp_client_events events = {.on_ready = on_ready,
                                                     .on_transaction_done = on_transaction_done,
                                                     .on_idle_timeout = on_idle_timeout,
                                                     .on_down = on_down,
                                                     .on_closed = on_closed};
    static const struct smtp_client_trace trace = {
        .on_connected = on_connected, .on_tls = on_tls, .on_bytes = on_bytes};
    const struct smtp_client_config config = {.loop = c->loop,
                                              .relay = c->config.name,
                                              .session = *session,
                                              .tls = c->tls,
                                              .resolver = c->resolver,
                                              .buffers = c->buffers,
                                              .tls_probe_ms = at_most(c->config.tls_probe_ms) / 2,
                                              .trace = &trace,
                                              .trace_data = c};
    c->client = smtp_client_new(&config, &events, c);
}

enum gw_status smtp_check_start(uv_loop_t *loop, const struct smtp_relay_config *config,
                                smtp_check_done_cb on_done, void *data, struct smtp_check **out,
                                struct gw_err *err)
{
    struct smtp_check *c = gw_calloc(1, sizeof(*c));
    c->loop = loop;
    smtp_relay_config_copy(config, &c->config);
    shorten(&c->config.timeouts);
    c->buffers = smtp_client_buffers_new();
    c->started_ms = gw_clock_mono_ms();
    c->on_done = on_done;
    c->data = data;
    gw_buf_init(&c->partial[0], SMTP_CHECK_LINE_SIZE);
    gw_buf_init(&c->partial[1], SMTP_MAX_REPLY_LINE); /* all of it is looked at for the secret */
    struct smtp_session_config session = smtp_relay_session_config(&c->config);
    enum gw_status st = take_secret(c, &session, err);
    if (config->tls != NULL)
        c->tls = smtp_tls_context_ref(config->tls);
    else if (st == GW_OK)
        st = smtp_relay_read_tls(&c->config, &c->tls, err);
    if (st == GW_OK)
        st = smtp_resolver_new(loop, config->host, config->port, &c->resolver, err);
    if (st != GW_OK) {
        free_check(c);
        return st;
    }
    start_client(c, &session);
    *out = c;
    return GW_OK;
}

void smtp_check_cancel(struct smtp_check *c)
{
    if (c->client != NULL) /* else it ends already */
        smtp_client_abort(c->client);
}
