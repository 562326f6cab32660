/* SPDX-License-Identifier: MIT */
/* What the sandbox does with a recipient: simulator addresses, and the memory of how often a
 * recipient was deferred. See docs/sandbox.md. */
#ifndef SMTP_SANDBOX_RECIPIENT_H
#define SMTP_SANDBOX_RECIPIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/gw_slice.h"
#include "smtp/outcome.h"

enum smtp_sandbox_effect {
    SMTP_SANDBOX_ACCEPT,
    SMTP_SANDBOX_REFUSE, /* code, enhanced and text to RCPT; 421 also ends the connection */
    SMTP_SANDBOX_SLOW,   /* accept, answer the final dot after delay_ms */
    SMTP_SANDBOX_HANG_UP /* accept, close the connection after the final dot */
};

struct smtp_sandbox_behaviour {
    enum smtp_sandbox_effect effect;
    int code;
    char enhanced[SMTP_ENHANCED_SIZE];
    const char *text;     /* static */
    unsigned times;       /* refuse so often per sender and recipient; 0: always */
    int64_t delay_ms;     /* SLOW */
    const char *mistaken; /* the address looks like a simulator's but is none: what is wrong,
                             static; refused with 553 5.1.3 then */
};

/* @mailbox  local@domain. Any address that is not a simulator's is accepted. */
struct smtp_sandbox_behaviour smtp_sandbox_behaviour_of(struct gw_slice mailbox);

/* How often each pair of sender and recipient was tried; of the newest SMTP_SANDBOX_MAX_TRIES
 * pairs. */
enum {
    SMTP_SANDBOX_MAX_TRIES = 1024
};
struct smtp_sandbox_tries;
struct smtp_sandbox_tries *smtp_sandbox_tries_new(void);
void smtp_sandbox_tries_free(struct smtp_sandbox_tries **tries);
void smtp_sandbox_tries_clear(struct smtp_sandbox_tries *tries);
/* Counts one more try and returns how many there were before. */
unsigned smtp_sandbox_tries_count(struct smtp_sandbox_tries *tries, const char *sender,
                                  struct gw_slice recipient);

#endif
