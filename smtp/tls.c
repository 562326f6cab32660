/* SPDX-License-Identifier: MIT */
/* One TLS connection over two byte buffers. */
#include "smtp/tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_mem.h"
#include "smtp/tls_internal.h"

/* OpenSSL reports a peer's alert n as reason 1000 + n. */
#define ALERT_OF(ssl_reason) ((ssl_reason)-SSL_AD_REASON_OFFSET)

static const struct {
    int ssl_reason;
    enum smtp_reason reason;
    const char *text;
} known_errors[] = {
    {SSL_R_UNSUPPORTED_PROTOCOL, SMTP_REASON_TLS_VERSION,
     "the relay offers only TLS versions below our minimum"},
    {SSL_R_WRONG_SSL_VERSION, SMTP_REASON_TLS_VERSION, "the relay chose a TLS version not offered"},
    {SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, SMTP_REASON_TLS_VERSION,
     "the relay refuses every TLS version we allow (alert: protocol version)"},
    {SSL_R_TLSV1_ALERT_INSUFFICIENT_SECURITY, SMTP_REASON_TLS_WEAK,
     "the relay wants stronger ciphers than we offer (alert: insufficient security)"},
    {SSL_R_EE_KEY_TOO_SMALL, SMTP_REASON_TLS_WEAK, "the relay's certificate key is too small"},
    {SSL_R_CA_KEY_TOO_SMALL, SMTP_REASON_TLS_WEAK, "the key of the relay's CA is too small"},
    {SSL_R_CA_MD_TOO_WEAK, SMTP_REASON_TLS_WEAK,
     "the relay's certificate chain is signed with a weak digest (SHA-1 or MD5)"},
    {SSL_R_DH_KEY_TOO_SMALL, SMTP_REASON_TLS_WEAK, "the relay's Diffie-Hellman group is too small"},
    {SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE, SMTP_REASON_TLS_ERROR,
     "the relay found no common TLS parameters or wants a client certificate "
     "(alert: handshake failure)"},
    {SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, SMTP_REASON_TLS_ERROR,
     "the relay wants a client certificate: set tls.client_cert_file (alert: certificate "
     "required)"},
    {SSL_R_TLSV1_ALERT_UNKNOWN_CA, SMTP_REASON_TLS_ERROR,
     "the relay does not trust our client certificate (alert: unknown CA)"},
    {SSL_R_WRONG_VERSION_NUMBER, SMTP_REASON_TLS_ERROR, "the relay does not speak TLS here"},
    {SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC, SMTP_REASON_TLS_ERROR,
     "a TLS record was damaged on its way"},
    {SSL_R_NO_RENEGOTIATION, SMTP_REASON_TLS_ERROR, "the relay insists on renegotiation"},
};

static void fail(struct smtp_tls *tls, enum smtp_reason reason, const char *text)
{
    if (tls->failed)
        return;
    tls->failed = true;
    if (tls->verify_failed)
        return;
    tls->failure.reason = reason;
    (void)snprintf(tls->failure.detail, sizeof(tls->failure.detail), "%s", text);
}

static void fail_with_unknown_error(struct smtp_tls *tls, unsigned long code)
{
    char text[SMTP_DETAIL_SIZE] = "TLS failed";
    int reason = ERR_GET_REASON(code);
    if (ERR_GET_LIB(code) == ERR_LIB_SSL && reason >= SSL_AD_REASON_OFFSET)
        (void)snprintf(text, sizeof(text), "the relay sent the TLS alert: %s",
                       SSL_alert_desc_string_long(ALERT_OF(reason)));
    else if (ERR_reason_error_string(code) != NULL)
        (void)snprintf(text, sizeof(text), "TLS: %s", ERR_reason_error_string(code));
    fail(tls, SMTP_REASON_TLS_ERROR, text);
}

/* The first entry of OpenSSL's error queue is the cause, what follows is its wake. */
static void fail_from_openssl(struct smtp_tls *tls)
{
    unsigned long code = ERR_get_error();
    ERR_clear_error();
    if (!tls->handshaken)
        smtp_tls_session_drop_all(tls->context); /* one of them may be the cause */
    for (size_t i = 0; i < sizeof(known_errors) / sizeof(known_errors[0]); i++)
        if (ERR_GET_LIB(code) == ERR_LIB_SSL &&
            known_errors[i].ssl_reason == ERR_GET_REASON(code)) {
            fail(tls, known_errors[i].reason, known_errors[i].text);
            return;
        }
    fail_with_unknown_error(tls, code);
}

/* What others left behind would be taken for ours. Emptying an empty queue is not cheap. */
static void forget_errors(void)
{
    if (ERR_peek_error() != 0)
        ERR_clear_error();
}

static int bio_read(BIO *bio, char *out, size_t size, size_t *len_out)
{
    struct smtp_tls *tls = BIO_get_data(bio);
    size_t n = tls->in.len - tls->in_used;
    BIO_clear_retry_flags(bio);
    *len_out = 0;
    if (n == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    if (n > size)
        n = size;
    memcpy(out, tls->in.data + tls->in_used, n);
    tls->in_used += n;
    if (tls->in_used == tls->in.len) {
        gw_buf_reset(&tls->in);
        tls->in_used = 0;
    }
    *len_out = n;
    return 1;
}

static int bio_write(BIO *bio, const char *data, size_t len, size_t *len_out)
{
    struct smtp_tls *tls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    *len_out = 0;
    if (gw_buf_add(&tls->out, data, len) != GW_OK)
        return 0;
    *len_out = len;
    return 1;
}

static long bio_ctrl(BIO *bio, int command, long num, void *ptr)
{
    (void)bio;
    (void)num;
    (void)ptr;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

BIO_METHOD *smtp_tls_bio_method(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "smtp_tls");
    CHECK(m != NULL);
    BIO_meth_set_read_ex(m, bio_read);
    BIO_meth_set_write_ex(m, bio_write);
    BIO_meth_set_ctrl(m, bio_ctrl);
    return m;
}

/* Counts handshake messages after the handshake: each makes us work or answer (T20). */
/* NOLINTNEXTLINE(readability-function-size): OpenSSL's signature */
static void on_message(int write_p, int version, int content_type, const void *buf, size_t len,
                       SSL *ssl, void *arg)
{
    struct smtp_tls *tls = arg;
    (void)version;
    (void)buf;
    (void)len;
    (void)ssl;
    if (write_p == 0 && content_type == SSL3_RT_HANDSHAKE && tls->handshaken)
        tls->n_post_handshake++;
}

int smtp_tls_on_verify(int ok, X509_STORE_CTX *store)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct smtp_tls *tls = SSL_get_app_data(ssl);
    if (ok == 0 && !tls->verify_failed) {
        tls->verify_failed = true;
        smtp_tls_explain_certificate(tls->context, X509_STORE_CTX_get_error(store),
                                     X509_STORE_CTX_get_error_depth(store),
                                     X509_STORE_CTX_get_current_cert(store), &tls->failure);
    }
    return ok;
}

/* Keeps what was shown, for people; then the check is OpenSSL's, or the pins'. */
int smtp_tls_on_chain(X509_STORE_CTX *store, void *unused)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct smtp_tls *tls = SSL_get_app_data(ssl);
    X509 *cert = X509_STORE_CTX_get0_cert(store);
    (void)unused;
    if (cert != NULL && tls->peer == NULL && X509_up_ref(cert) == 1)
        tls->peer = cert;
    if (tls->context->n_pins == 0)
        return X509_verify_cert(store);
    if (cert != NULL && smtp_tls_is_pinned(tls->context, cert, &tls->failure))
        return 1;
    tls->verify_failed = true;
    X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_UNTRUSTED);
    return 0;
}

int smtp_tls_on_session(SSL *ssl, SSL_SESSION *session)
{
    const struct smtp_tls *tls = SSL_get_app_data(ssl);
    smtp_tls_session_keep(tls->context, session);
    return 1;
}

struct smtp_tls *smtp_tls_new(struct smtp_tls_context *context)
{
    struct smtp_tls *tls = gw_calloc(1, sizeof(*tls));
    tls->context = smtp_tls_context_ref(context);
    gw_buf_init(&tls->in, SMTP_TLS_MAX_BUFFERED);
    gw_buf_init(&tls->out, SMTP_TLS_MAX_BUFFERED);
    tls->ssl = SSL_new(context->ctx);
    BIO *bio = BIO_new(context->bio);
    CHECK(tls->ssl != NULL && bio != NULL);
    BIO_set_data(bio, tls);
    BIO_set_init(bio, 1);
    SSL_set_bio(tls->ssl, bio, bio);
    CHECK(SSL_set_app_data(tls->ssl, tls) == 1);
    SSL_set_msg_callback(tls->ssl, on_message);
    SSL_set_msg_callback_arg(tls->ssl, tls);
    if (context->server) {
        SSL_set_accept_state(tls->ssl);
        return tls;
    }
    SSL_set_connect_state(tls->ssl);
    if (context->server_name != NULL && !context->name_is_ip)
        CHECK(SSL_set_tlsext_host_name(tls->ssl, context->server_name) == 1);
    smtp_tls_session_offer(context, tls->ssl);
    return tls;
}

void smtp_tls_free(struct smtp_tls **tls)
{
    struct smtp_tls *t = *tls;
    if (t == NULL)
        return;
    /* Without this OpenSSL takes the end for unclean and marks the session not resumable. */
    if (t->handshaken && !t->failed)
        SSL_set_shutdown(t->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(t->ssl);
    X509_free(t->peer);
    smtp_tls_context_free(&t->context);
    gw_buf_deinit(&t->in);
    gw_buf_deinit(&t->out);
    gw_free(t);
    *tls = NULL;
}

/* A TLS record starts with its content type, 20 to 23 (RFC 8446 sec. 5.1). Looking ourselves gives
 * the same answer for every way the first bytes may be split. */
static void check_first_byte(struct smtp_tls *tls, unsigned char first)
{
    if (first >= '2' && first <= '5')
        fail(tls, SMTP_REASON_WRONG_TLS_MODE, "the peer speaks SMTP in plaintext here, not TLS");
    else if (first < SSL3_RT_CHANGE_CIPHER_SPEC || first > SSL3_RT_APPLICATION_DATA)
        fail(tls, SMTP_REASON_TLS_ERROR, "the peer does not speak TLS here");
}

enum smtp_tls_status smtp_tls_feed(struct smtp_tls *tls, const void *data, size_t len)
{
    if (!tls->failed && !tls->seen_first_byte && len != 0) {
        tls->seen_first_byte = true;
        check_first_byte(tls, *(const unsigned char *)data);
    }
    if (tls->failed)
        return SMTP_TLS_FAILED;
    if (tls->in_used != 0) {
        gw_buf_consume(&tls->in, tls->in_used);
        tls->in_used = 0;
    }
    if (gw_buf_add(&tls->in, data, len) == GW_OK)
        return SMTP_TLS_OK;
    fail(tls, SMTP_REASON_TLS_ERROR, "too much TLS data that was not read");
    return SMTP_TLS_FAILED;
}

/* What OpenSSL's return value @ret of a call means. */
static enum smtp_tls_status status_of(struct smtp_tls *tls, int ret)
{
    int err = SSL_get_error(tls->ssl, ret);
    if (tls->n_post_handshake > SMTP_TLS_MAX_POST_HANDSHAKE) {
        fail(tls, SMTP_REASON_TLS_ERROR, "the peer floods us with TLS handshake messages");
    } else if (err == SSL_ERROR_WANT_READ) {
        return SMTP_TLS_MORE;
    } else if (err == SSL_ERROR_ZERO_RETURN) {
        tls->ended = true;
        return SMTP_TLS_ENDED;
    } else if (tls->out.overflowed) {
        fail(tls, SMTP_REASON_LOCAL_ERROR, "the TLS output buffer is full");
    } else {
        fail_from_openssl(tls);
    }
    ERR_clear_error();
    return SMTP_TLS_FAILED;
}

enum smtp_tls_status smtp_tls_handshake(struct smtp_tls *tls)
{
    if (tls->failed)
        return SMTP_TLS_FAILED;
    if (tls->handshaken)
        return SMTP_TLS_OK;
    forget_errors();
    int ret = SSL_do_handshake(tls->ssl);
    if (ret != 1)
        return status_of(tls, ret);
    tls->handshaken = true;
    return SMTP_TLS_OK;
}

enum smtp_tls_status smtp_tls_read(struct smtp_tls *tls, void *out, size_t size, size_t *len_out)
{
    *len_out = 0;
    if (tls->failed)
        return SMTP_TLS_FAILED;
    if (tls->ended)
        return SMTP_TLS_ENDED;
    if (tls->in.len == 0 && SSL_has_pending(tls->ssl) == 0)
        return SMTP_TLS_MORE;
    forget_errors();
    if (SSL_read_ex(tls->ssl, out, size, len_out) != 1)
        return status_of(tls, 0);
    if (tls->n_post_handshake <= SMTP_TLS_MAX_POST_HANDSHAKE)
        return SMTP_TLS_OK;
    *len_out = 0;
    return status_of(tls, 0);
}

enum smtp_tls_status smtp_tls_write(struct smtp_tls *tls, const void *data, size_t len)
{
    PRE(tls->handshaken || tls->failed);
    if (tls->failed)
        return SMTP_TLS_FAILED;
    forget_errors();
    size_t written = 0;
    if (len == 0 || (SSL_write_ex(tls->ssl, data, len, &written) == 1 && written == len))
        return SMTP_TLS_OK;
    (void)status_of(tls, 0);
    fail(tls, SMTP_REASON_TLS_ERROR, "TLS took only part of what was written");
    return SMTP_TLS_FAILED;
}

void smtp_tls_close_notify(struct smtp_tls *tls)
{
    if (tls->failed || !tls->handshaken || tls->notified)
        return;
    tls->notified = true;
    ERR_clear_error();
    (void)SSL_shutdown(tls->ssl);
    ERR_clear_error();
}

size_t smtp_tls_output_size(const struct smtp_tls *tls)
{
    return tls->out.len;
}

void smtp_tls_swap_output(struct smtp_tls *tls, struct gw_buf *into)
{
    PRE(into->len == 0);
    struct gw_buf full = tls->out;
    char *spare = into->data;
    size_t spare_cap = into->cap;
    into->data = full.data;
    into->cap = full.cap;
    into->len = full.len;
    into->max = full.max;
    tls->out = (struct gw_buf){.data = spare, .cap = spare_cap, .max = full.max};
}

void smtp_tls_take_memory(struct smtp_tls *tls, struct gw_buf *from)
{
    gw_buf_move_memory(&tls->out, from);
}

const struct smtp_tls_failure *smtp_tls_failure(const struct smtp_tls *tls)
{
    return &tls->failure;
}

const char *smtp_tls_version(const struct smtp_tls *tls)
{
    return SSL_get_version(tls->ssl);
}

const char *smtp_tls_cipher(const struct smtp_tls *tls)
{
    const char *name = SSL_get_cipher_name(tls->ssl);
    return name != NULL ? name : "";
}

bool smtp_tls_resumed(const struct smtp_tls *tls)
{
    return SSL_session_reused(tls->ssl) == 1;
}
