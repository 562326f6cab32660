/* SPDX-License-Identifier: MIT */
/* HTTP/2 requests that announce a body over the HTTP library's limit get their 413 at once.
 *
 * The library would take the body up to its limit and then reset the stream with REFUSED_STREAM,
 * which clients take for "safe to retry". It calls its header parser through the dynamic linker, so
 * our definition of that function comes first; it forwards, looks at content-length, and lets the
 * library answer an error by itself, which own_errors.c makes a 413. */
#ifndef API_H2_BODY_LIMIT_H
#define API_H2_BODY_LIMIT_H

#include <stdbool.h>

struct st_h2o_req_t;

/* Is the error that is being answered to @req ours? */
bool api_h2_body_refused(const struct st_h2o_req_t *req);

#endif
