/* SPDX-License-Identifier: MIT */
/* An SMTP server that plays a script, one thread per connection, blocking sockets and bare OpenSSL,
 * so that it shares nothing with the code under test. Loopback, any free port.
 *
 * A script has one step per line:
 *   S: text     send text and CRLF              R: text   send text with \r \n \xNN, nothing added
 *   C: PREFIX   read a line, it must start so   TLS       take the TLS handshake
 *   SERVE n     be an ordinary server for n transactions (nothing: until QUIT or the end)
 *   BODY        read up to CRLF.CRLF            FIN       close now (also at the end of the script)
 *   RST         reset the connection            HANG      read and say nothing until the peer goes
 *   WAIT        until test_server_go()      CUT       close without TLS close_notify
 *   TLSEND      TLS close_notify, socket stays open
 *   READ n      read n octets               STALL     read and say nothing until the peer goes
 *   DRIP text   an octet of text every few ms, then its last octet again and again
 *   FLOOD n t   send t n times (as R:)      RAW text  as R:, past TLS
 *   LINES n t   send n lines t in one write EACH n m  n times: read a line, answer 250 in m octets
 *   QUIET ms    the peer must not speak, nor go, for so long
 *   KEYS n      n updates of the TLS keys   RENEG     ask for renegotiation (TLS 1.2)
 *   RECORDS n   TLS records of n octets from here on (0: as they come)
 *   PIECES n    ciphertext in pieces of n octets from here on
 * A step that fails ends the connection. */
#ifndef TEST_SCRIPTED_SERVER_H
#define TEST_SCRIPTED_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/lib/test_ca.h"

enum {
    TEST_SERVER_MAX_SCRIPTS = 8
};

/* What the server wants of the client in the handshake. */
enum test_client_cert {
    TEST_CLIENT_CERT_NONE,
    TEST_CLIENT_CERT_ASKED,
    TEST_CLIENT_CERT_REQUIRED
};

struct test_server_config {
    /* For the first, second... connection; the last one for all that follow. */
    const char *scripts[TEST_SERVER_MAX_SCRIPTS];
    struct test_cert_spec cert; /* for TLS steps */
    int max_tls_version;        /* OpenSSL's number; 0: any */
    enum test_client_cert client_cert;
    bool sni_warning; /* the name that the client asks for is answered by a warning (TLS 1.2) */
    int window;       /* octets of the sockets' buffers; 0: the system's */
};

struct test_server;

struct test_server *test_server_new(const struct test_server_config *config);
/* Ends all connections and threads. */
void test_server_free(struct test_server *s);
uint16_t test_server_port(const struct test_server *s);

/* Lets the WAIT steps pass, those to come as well. */
void test_server_go(struct test_server *s);

/* Counts so far. */
size_t test_server_accepted(struct test_server *s);
size_t test_server_closed(struct test_server *s);
size_t test_server_messages(struct test_server *s);
size_t test_server_quits(struct test_server *s);
/* Blocks until @n connections are closed on our side. */
void test_server_wait_closed(struct test_server *s, size_t n);
/* TLS handshakes that resumed a session. */
size_t test_server_resumed(struct test_server *s);
/* WAIT steps that were reached. */
size_t test_server_waiting(struct test_server *s);
/* All lines that came outside of TLS; heap, free(). */
char *test_server_plain_log(struct test_server *s);
/* All lines from clients, and bodies, in the order they came; heap, free(). */
char *test_server_log(struct test_server *s);

#endif
