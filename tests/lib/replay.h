/* SPDX-License-Identifier: MIT */
/* Runs SMTP transcripts against the session engine; the format is in docs/fault-matrix.md. */
#ifndef TESTS_LIB_REPLAY_H
#define TESTS_LIB_REPLAY_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/base/gw_slice.h"

/* How the relay's bytes reach the engine. */
enum replay_split {
    REPLAY_WHOLE, /* segments as the transcript has them */
    REPLAY_BYTES, /* one octet at a time */
    REPLAY_AT     /* every segment in two, behind octet @at */
};

struct replay_result {
    bool ok;
    bool heavy;             /* a large content: not to be run for every split */
    size_t longest_segment; /* splits at 1 to this - 1 make a difference */
    char text[512];         /* "file:12: expected …" */
};

/* Run one transcript. @name is for texts. */
void replay_run(const char *name, struct gw_slice transcript, enum replay_split split, size_t at,
                struct replay_result *out);

/* Run it whole, octet by octet, and (unless its content is large) split at every octet; false with
 * the first failure in @out. */
bool replay_run_all_splits(const char *name, struct gw_slice transcript, struct replay_result *out);

#endif
