/* SPDX-License-Identifier: MIT */
/* Addresses of one relay host, found without stopping the loop and without libuv's shared threads.
 *
 * Happy path: smtp_resolver_cached() → (nothing fresh) smtp_resolver_lookup() → getaddrinfo in a
 * thread of our own → on_done from the loop, to everyone who asked meanwhile.
 * Failure: a temporary one (server failure, no answer) falls back on the last good addresses for
 * SMTP_RESOLVER_KEEP_MS; "no such name" does not. A lookup that hangs holds one thread, never more:
 * the next question joins it. The caller sets the deadline, SMTP_RESOLVER_STALE_MS where there is
 * an answer to fall back on: cancel, then smtp_resolver_last_good().
 *
 * Loop thread only. Spec: RFC 8305 sec. 4 (order of addresses), RFC 8767 (stale answers). */
#ifndef SMTP_RESOLVER_H
#define SMTP_RESOLVER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>

#include "gateway/base/gw_list.h"
#include "gateway/base/gw_status.h"
#include "smtp/outcome.h"

enum {
    SMTP_MAX_ADDRESSES = 5,                 /* tried per host; ours (SMTP matrix R3) */
    SMTP_MAX_HOST = 253,                    /* octets of a host name (RFC 1035 sec. 2.3.4) */
    SMTP_RESOLVER_FRESH_MS = 30 * 1000,     /* an answer serves this long; ours */
    SMTP_RESOLVER_KEEP_MS = 60 * 60 * 1000, /* the last good one helps out this long; ours */
    SMTP_RESOLVER_STALE_MS = 1800,          /* then it does so; RFC 8767 sec. 5 */
    SMTP_RESOLVER_MAX_THREADS = 32          /* of the process, for all hosts; ours */
};

struct smtp_addresses {
    struct sockaddr_storage list[SMTP_MAX_ADDRESSES]; /* families alternate; port filled in */
    size_t n;
};

/* "192.0.2.1:587", "[2001:db8::1]:587" */
enum {
    SMTP_ADDRESS_TEXT_SIZE = INET6_ADDRSTRLEN + sizeof("[]:65535")
};
void smtp_address_text(const struct sockaddr_storage *address, char out[SMTP_ADDRESS_TEXT_SIZE]);

struct smtp_lookup;
/* @found   NULL on failure; else borrowed for the call
 * @reason  SMTP_REASON_RELAY_DNS or SMTP_REASON_LOCAL_FD on failure
 * @detail  words on failure */
typedef void (*smtp_lookup_cb)(struct smtp_lookup *lookup, const struct smtp_addresses *found,
                               enum smtp_reason reason, const char *detail);
/* One question; lives in whoever asks. */
struct smtp_lookup {
    smtp_lookup_cb on_done; /* once, from the loop; never after cancel */
    struct gw_list link;    /* the resolver's */
};

struct smtp_resolver;

/* GW_OK when @host is an IP literal (IPv6 without brackets) or letters, digits, hyphens and
 * underscores in labels of 1 to 63 octets; GW_INVALID with text otherwise. */
enum gw_status smtp_host_check(const char *host, struct gw_err *err) GW_NODISCARD;

/* @host is copied. GW_INVALID as smtp_host_check(). */
enum gw_status smtp_resolver_new(uv_loop_t *loop, const char *host, uint16_t port,
                                 struct smtp_resolver **out, struct gw_err *err) GW_NODISCARD;
/* No on_done comes any more. @on_closed once, when the handle is gone; a thread that still runs is
 * left to end by itself. */
void smtp_resolver_close(struct smtp_resolver *r, void (*on_closed)(void *data), void *data);

/* True when @out could be filled at once: an IP literal, or an answer younger than
 * SMTP_RESOLVER_FRESH_MS. */
bool smtp_resolver_cached(const struct smtp_resolver *r, struct smtp_addresses *out);
/* True when there is an answer younger than SMTP_RESOLVER_KEEP_MS. */
bool smtp_resolver_last_good(const struct smtp_resolver *r, struct smtp_addresses *out);

void smtp_resolver_lookup(struct smtp_resolver *r, struct smtp_lookup *lookup);
/* Idempotent. */
void smtp_resolver_cancel(struct smtp_lookup *lookup);

#endif
