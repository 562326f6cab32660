/* SPDX-License-Identifier: MIT */
/* The sandbox relay: a real SMTP server on the caller's loop that keeps what it receives in memory,
 * bounded, for development and test assertions. Listens on loopback only.
 *
 * Simulator recipients: a local part of the form `<behaviour>@…`, see docs/sandbox.md:
 *   reject+550@  reject+550-5.1.1@   RCPT answered with that code (any 5yz, optional enhanced code)
 *   defer+451@   defer+451-4.2.1@    RCPT answered with that code (any 4yz)
 *   defer+451x2@                     twice per sender+recipient, then accepted
 *   slow+2s@     slow+500ms@         the final dot is answered after that time (at most 60 s);
 *                                    the longest of the transaction counts
 *   drop-after-dot@                  connection closed without reply after the dot; nothing kept
 *   busy+421@                        421 to RCPT and close
 * A message is kept when its acceptance is sent, not before.
 *
 * Spec: RFC 5321, 3207, 4954, 2920, 1870, 3030. */
#ifndef SMTP_SANDBOX_H
#define SMTP_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "gateway/base/gw_slice.h"
#include "gateway/base/gw_status.h"

enum {
    SMTP_SANDBOX_IDLE_MS = 5 * 60 * 1000, /* RFC 5321 sec. 4.5.3.2.7 */
    SMTP_SANDBOX_MAX_SLOW_MS = 60 * 1000  /* of slow+…@; ours */
};

/* Strings are copied by smtp_sandbox_new(). */
struct smtp_sandbox_config {
    const char *address;             /* loopback IP literal; default 127.0.0.1 */
    uint16_t port;                   /* 0: any free port */
    bool starttls;                   /* advertise it, with a throw-away certificate made at start */
    bool implicit_tls;               /* TLS from the first byte; starttls does not matter then */
    bool chunking;                   /* advertise CHUNKING and take BDAT */
    bool pipelining;                 /* advertise it; default true */
    const char *username, *password; /* NULL: AUTH not offered. Offered only inside TLS when there
                                        is TLS; mail is taken without it too */
    size_t max_messages;             /* oldest dropped first; default 1,000 */
    size_t max_total_bytes;          /* likewise; default 64 MiB. Messages that are just being
                                        received have as much again, over it they get 452 */
    size_t max_message_size;         /* SIZE; default 50 MiB, at most max_total_bytes */
    size_t max_connections;          /* default 256; more get 421 */
    int64_t idle_ms;                 /* silence after which a client gets 421; default
                                        SMTP_SANDBOX_IDLE_MS */
};
struct smtp_sandbox_config smtp_sandbox_config_default(void);

/* One received message. Immutable. */
struct smtp_sandbox_message {
    char id[37];            /* UUIDv7 */
    int64_t received_at_ms; /* wall */
    const char *mail_from;
    const char *const *rcpts;
    size_t n_rcpts;
    struct gw_slice content; /* as after un-stuffing, CRLF kept */
    const char *tls;         /* "TLSv1.3" or NULL */
    bool authenticated;
};

struct smtp_sandbox;

/* Listening on return; GW_IO when the port is taken, GW_TLS when no certificate can be made. */
enum gw_status smtp_sandbox_new(uv_loop_t *loop, const struct smtp_sandbox_config *config,
                                struct smtp_sandbox **out, struct gw_err *err) GW_NODISCARD;
uint16_t smtp_sandbox_port(const struct smtp_sandbox *s);
/* Ends all connections; @on_closed when no handle is left, the sandbox is freed then. */
void smtp_sandbox_close(struct smtp_sandbox *s, void (*on_closed)(void *data), void *data);

/* PEM of the throw-away certificate (it signs itself), for a relay's ca_file. NULL without TLS. */
const char *smtp_sandbox_certificate(const struct smtp_sandbox *s);

/* Newest first. @i counts from 0; NULL past the end. Borrowed until the loop runs again. */
const struct smtp_sandbox_message *smtp_sandbox_at(const struct smtp_sandbox *s, size_t i);
const struct smtp_sandbox_message *smtp_sandbox_find(const struct smtp_sandbox *s, const char *id);
/* Keeps @m alive, also when it is deleted: until the unref, which may come after the sandbox is
 * gone. Both on the loop thread; the message itself may be read by another thread meanwhile. */
const struct smtp_sandbox_message *smtp_sandbox_message_ref(const struct smtp_sandbox_message *m);
void smtp_sandbox_message_unref(const struct smtp_sandbox_message *m);
size_t smtp_sandbox_count(const struct smtp_sandbox *s);
/* True if there was one. */
bool smtp_sandbox_delete(struct smtp_sandbox *s, const char *id);
/* Forgets all messages, and how often defer+…xN@ recipients were tried. */
void smtp_sandbox_clear(struct smtp_sandbox *s);

/* Called from the loop after each kept message; one listener, set to NULL to remove. */
typedef void (*smtp_sandbox_message_cb)(const struct smtp_sandbox_message *m, void *data);
void smtp_sandbox_on_message(struct smtp_sandbox *s, smtp_sandbox_message_cb cb, void *data);

#endif
