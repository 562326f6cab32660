/* SPDX-License-Identifier: MIT */
/* One connection to a relay and all that was said on it: connect, TLS, EHLO, AUTH, NOOP, QUIT. For
 * operators who want to know why a relay does not work.
 *
 * Happy path: start → on_done once, from the loop, with the transcript.
 * Failure: on_done as well; the transcript ends where it went wrong, and advice says what to
 * change. Passwords and tokens are masked, also where the relay repeats them. Loop thread only. */
#ifndef SMTP_CHECK_H
#define SMTP_CHECK_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "smtp/relay.h"
#include "smtp/resolver.h"

enum {
    SMTP_CHECK_MAX_LINES = 200,    /* of the transcript; ours */
    SMTP_CHECK_LINE_SIZE = 512,    /* of a line, the rest is cut; ours */
    SMTP_CHECK_TIMEOUT_MS = 15000, /* of each step, at most; ours */
    SMTP_CHECK_ADVICE_SIZE = 320
};

enum smtp_check_speaker {
    SMTP_CHECK_NETWORK, /* what happened to the connection */
    SMTP_CHECK_CLIENT,
    SMTP_CHECK_RELAY
};

struct smtp_check_line {
    int32_t ms; /* since the start */
    enum smtp_check_speaker speaker;
    char *text; /* printable */
};

struct smtp_check_result {
    bool ok;
    /* not ok: where and why, as in struct smtp_client_end */
    enum smtp_stage stage;
    enum smtp_reason reason;
    char detail[SMTP_DETAIL_SIZE];
    char advice[SMTP_CHECK_ADVICE_SIZE];  /* what would work, or help if mail is refused; "" */
    char address[SMTP_ADDRESS_TEXT_SIZE]; /* "" before TCP came up */
    const char *tls_version;              /* static; NULL: plaintext */
    char tls_cipher[64];
    bool has_certificate;
    struct smtp_tls_certificate certificate;
    bool has_capabilities;
    struct smtp_capabilities capabilities;
    struct smtp_check_line lines[SMTP_CHECK_MAX_LINES];
    size_t n_lines;
    size_t n_dropped; /* lines beyond that */
};

struct smtp_check;
/* @result  valid during the call; the check and all its handles are gone after it */
typedef void (*smtp_check_done_cb)(const struct smtp_check_result *result, void *data);

/* @config  strings are copied; a secret that is not ready ends the check at once; files are read
 *          now unless tls is there
 * Errors as smtp_relay_new(); on_done does not come then. */
enum gw_status smtp_check_start(uv_loop_t *loop, const struct smtp_relay_config *config,
                                smtp_check_done_cb on_done, void *data, struct smtp_check **out,
                                struct gw_err *err) GW_NODISCARD;
/* on_done comes soon, with SMTP_REASON_SHUTDOWN unless the check was over. */
void smtp_check_cancel(struct smtp_check *c);

/* What to do about a failure, in words; "" when the detail says it all. Pure. */
void smtp_check_advise(const struct smtp_relay_config *c, const struct smtp_check_result *r,
                       char *out, size_t size);
/* "STARTTLS, SIZE 1000, AUTH PLAIN LOGIN" */
void smtp_check_capabilities_text(const struct smtp_capabilities *c, char *out, size_t size);

#endif
