/* SPDX-License-Identifier: MIT */
/* The API from the other side: the request that `mailhatch send` posts, and its answer as a table
 * for people. */
#ifndef API_CLIENT_H
#define API_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/base/gw_buf.h"
#include "gateway/base/gw_slice.h"

struct api_client_file {
    const char *filename;
    struct gw_slice content;
};

/* All borrowed; NULL or 0: not given. */
struct api_client_message {
    const char *from, *subject, *text, *html, *relay;
    const char *const *to, *const *cc, *const *bcc, *const *headers; /* headers: "Name: value" */
    size_t n_to, n_cc, n_bcc, n_headers;
    const struct api_client_file *files;
    size_t n_files;
};

/* The JSON body for POST /v1/messages: heap, NUL-terminated, gw_free. NULL when a text is not UTF-8
 * or a header has no colon. */
char *api_client_json(const struct api_client_message *m);

/* Append a table of recipients, or the problems, to @out.
 * Returns true when every recipient is `sent`. */
bool api_client_report(struct gw_slice answer, long http_status, struct gw_buf *out);

/* The answer to GET /v1/relays as a table, or what is wrong with it. True for a table. */
bool api_client_relays(struct gw_slice answer, long http_status, struct gw_buf *out);

/* Likewise, to GET /v1/webhooks, or one webhook. */
bool api_client_webhooks(struct gw_slice answer, long http_status, struct gw_buf *out);
/* The answer to POST /v1/webhooks/{name}/test. True: the webhook took the event. */
bool api_client_webhook_test(struct gw_slice answer, long http_status, struct gw_buf *out);

#endif
