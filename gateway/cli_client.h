/* SPDX-License-Identifier: MIT */
/* A running server, as the commands reach it. */
#ifndef GW_CLI_CLIENT_H
#define GW_CLI_CLIENT_H

#include <stdbool.h>

#include "gateway/base/gw_buf.h"
#include "gateway/base/gw_slice.h"

struct cli_server {
    const char *url; /* http://, https:// or unix:/path */
    const char *key; /* id.secret, or NULL */
};
/* As $MAILHATCH_URL and $MAILHATCH_API_KEY say. */
struct cli_server cli_server_default(void);

struct cli_request {
    const char *path;   /* "/v1/messages" */
    const char *prefer; /* "Prefer: …", or NULL */
    const char *json;   /* POST; NULL: GET */
    long timeout_ms;
    /* Writes what people are to read of an answer. False: the answer is not a success. */
    bool (*report)(struct gw_slice answer, long status, struct gw_buf *out);
};
enum cli_reply {
    CLI_REPLY_GOOD,   /* 2xx, and the report says so */
    CLI_REPLY_MIXED,  /* 2xx, but the report does not */
    CLI_REPLY_REFUSED /* no answer, or another one; stderr says why */
};
/* Asks and prints the report, blocking. */
enum cli_reply cli_ask(const struct cli_server *server, const struct cli_request *request);

#endif
