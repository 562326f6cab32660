/* SPDX-License-Identifier: MIT */
/* What the files of the scripted server share. */
#ifndef TEST_SCRIPTED_SERVER_IMPL_H
#define TEST_SCRIPTED_SERVER_IMPL_H

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdbool.h>

#include "gateway/base/gw_buf.h"
#include "tests/lib/scripted_server.h"

enum {
    TEST_SERVER_MAX_CONNECTIONS = 256,
    TEST_SERVER_LINE_SIZE = 4096
};

struct test_server_conn {
    struct test_server *server;
    pthread_t thread;
    int fd;
    SSL *ssl;
    const char *script;
    char in[TEST_SERVER_LINE_SIZE];
    size_t in_len;
    size_t record; /* octets per TLS record; 0: as they come */
    size_t piece;  /* octets per send() of ciphertext; 0: as they come */
    bool reset, cut, fin;
};

struct test_server {
    struct test_server_config config;
    struct test_cert cert;
    SSL_CTX *ctx;
    int fd;
    uint16_t port;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct test_server_conn *conns[TEST_SERVER_MAX_CONNECTIONS];
    size_t n_accepted, n_closed, n_messages, n_quits, n_waiting, n_resumed;
    bool go, stopping;
    struct gw_buf log, plain_log;
};

/* scripted_steps.c */
/* Until the script is over or a step fails. */
void test_server_play(struct test_server_conn *c);
/* Into the logs. */
void test_server_note(struct test_server_conn *c, const char *data, size_t len);

/* scripted_tls.c */
/* The names that a certificate has when a test asks for none. */
extern const char test_server_names[];
/* Steps: TLS, TLSEND, KEYS n, RENEG. False ends the connection. */
bool test_server_start_tls(struct test_server_conn *c, const char *args);
bool test_server_end_tls(struct test_server_conn *c, const char *args);
bool test_server_update_keys(struct test_server_conn *c, const char *args);
bool test_server_renegotiate(struct test_server_conn *c, const char *args);

#endif
