/* SPDX-License-Identifier: MIT */
/* Drafts for the tests of gw_prepare(), field by field. */
#ifndef PREPARE_HELPER_H
#define PREPARE_HELPER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/base/gw_arena.h"
#include "gateway/prepare.h"

enum {
    HELPER_MAX = 1100 /* items of each list */
};

#define HELPER_NOW INT64_C(1795437296789) /* 2026-11-23T12:34:56.789Z */

/* A draft with room in all its lists, a configuration, and the result. */
struct prepare_test {
    struct gw_draft draft;
    struct gw_draft_address to[HELPER_MAX], cc[HELPER_MAX], bcc[HELPER_MAX], reply_to[HELPER_MAX];
    struct gw_draft_header headers[HELPER_MAX];
    struct gw_draft_attachment attachments[HELPER_MAX];
    struct gw_field references[HELPER_MAX], tags[HELPER_MAX];
    struct gw_draft_pair metadata[HELPER_MAX];
    struct cfg cfg;
    struct cfg_relay relays[2]; /* "main", "backup" */
    struct cfg_api_key key;     /* "k1", not in use until ctx.api_key points to it */
    struct gw_prepare_context ctx;
    struct gw_arena *arena; /* of all this and of the message */
    struct gw_problems problems;
    struct gw_message *m;
};

/* Where a text stands in a draft. */
enum helper_place {
    AT_SUBJECT,
    AT_TEXT,
    AT_HTML,
    AT_MESSAGE_ID,
    AT_IN_REPLY_TO,
    AT_UNSUBSCRIBE_URL,
    AT_UNSUBSCRIBE_MAILTO,
    AT_RELAY,
    AT_SCHEDULED_AT,
    AT_EXPIRES_IN,
    AT_ENVELOPE_FROM,
    AT_FROM,
    AT_TO, /* the one recipient of the fresh draft */
    AT_CC,
    AT_BCC,
    AT_REPLY_TO,
    AT_HEADER, /* X-Test */
    AT_LIST_HEADER,
    AT_REFERENCES_HEADER,
    AT_HEADER_NAME,
    AT_FILE_NAME,
    AT_CONTENT_TYPE,
    AT_DISPOSITION,
    AT_CONTENT_ID,
    AT_REFERENCE,
    AT_TAG,
    AT_METADATA_NAME,
    AT_METADATA_VALUE
};

/* A draft that is fine: from, one recipient, a text. */
struct prepare_test *helper_new(void);
void helper_free(struct prepare_test *t);

struct gw_field helper_field(const char *pointer, const char *value);
void helper_add_address(struct prepare_test *t, struct gw_draft_addresses *list,
                        const char *pointer, const char *text);
void helper_add_header(struct prepare_test *t, const char *name, struct gw_slice value);
struct gw_draft_attachment *helper_add_attachment(struct prepare_test *t);
/* Puts @value there and returns the pointer that a problem with it should have. */
const char *helper_put(struct prepare_test *t, enum helper_place place, struct gw_slice value);

enum gw_status helper_run(struct prepare_test *t);
/* Is there a problem of @code at @pointer? */
bool helper_has(const struct prepare_test *t, const char *pointer, const char *code);
/* Runs; fails the test unless it is prepared without a problem. */
void helper_accepts(struct prepare_test *t);
/* Runs; fails the test unless it is refused for this one reason. */
void helper_refuses(struct prepare_test *t, const char *pointer, const char *code);
/* Does the message hold this text? */
bool helper_holds(const struct prepare_test *t, const char *text);

#endif
