/* SPDX-License-Identifier: MIT */
/* The insides of the transcript runner, shared by the replay*.c files only. */
#ifndef TESTS_LIB_REPLAY_IMPL_H
#define TESTS_LIB_REPLAY_IMPL_H

#include <stdint.h>

#include "gateway/base/gw_buf.h"
#include "smtp/session.h"
#include "tests/lib/replay.h"

enum {
    MAX_RCPTS = 2000,
    MAX_TOKEN = 256,
    MAX_RCPT_TEXT = 2048,
    MAX_BYTES = 32 << 20
};

struct replay {
    const char *name;
    size_t line_no;
    enum replay_split split;
    size_t at;
    struct replay_result *result;

    struct smtp_session_config config;
    char helo[MAX_TOKEN], host[MAX_TOKEN], user[MAX_TOKEN], pass[MAX_TOKEN], token[MAX_RCPT_TEXT];
    bool manual_written;
    struct smtp_session *session; /* from the first event on */

    char from[MAX_TOKEN * 4];
    char *rcpts[MAX_RCPTS];
    size_t n_rcpts;
    struct gw_buf content;
    bool smtputf8, eightbit, require_tls, has_dsn;
    struct smtp_dsn dsn;
    char envid[MAX_TOKEN];
    struct smtp_envelope envelope;
    struct smtp_outcome *outcomes, *seen; /* n_rcpts of each, from the last `! send` on */

    size_t body_at; /* octets of the dot-stuffed content that C> lines took */
    int64_t now;
    struct gw_buf segment, out;
    size_t out_at; /* octets of out that C: lines took */
    bool in_transaction, start_tls, end_was_checked;
    bool unfinished; /* how the last transaction was done */
    struct smtp_action last, end;
};

/* A line that the runner knows: its first character, its first word, what it does. */
struct replay_word {
    char kind;
    const char *name;
    void (*run)(struct replay *r, struct gw_slice args);
};

/* Each ends with an all-zero row. */
extern const struct replay_word replay_settings[];
extern const struct replay_word replay_events[];
extern const struct replay_word replay_expectations[];
extern const struct replay_word replay_lines[];

/* The first failure of a run stays. */
void replay_fail(struct replay *r, const char *fmt, ...) GW_PRINTF(2, 3);

/* Cut the next word and one space behind it off @rest. */
struct gw_slice replay_next_word(struct gw_slice *rest);
void replay_copy_word(struct replay *r, struct gw_slice word, char *out, size_t size);
int64_t replay_number(struct replay *r, struct gw_slice word);
/* Append @in with \r \n \\ \xNN replaced. */
void replay_add_escaped(struct replay *r, struct gw_buf *out, struct gw_slice in);

/* One event, and WRITTEN after it as long as there is output. */
void replay_step(struct replay *r, struct smtp_event ev);
void replay_step_bytes(struct replay *r, const char *data, size_t len);
/* Hand the collected S: lines over, split as the run asks. */
void replay_flush(struct replay *r);
void replay_clear_message(struct replay *r, struct gw_slice args);

#endif
