/* SPDX-License-Identifier: MIT */
/* The early 413 of HTTP/2. */
#include <dlfcn.h>
#include <h2o.h>

#include "api/h2_body_limit.h"

/* As in h2o/http2_internal.h, which needs a header that Debian does not ship. */
typedef int (*parse_headers_fn)(h2o_req_t *req, void *table, const uint8_t *src, size_t len,
                                int *pseudo_headers, size_t *content_length, void *digests,
                                const char **err_desc);
__attribute__((visibility("default"))) int
h2o_hpack_parse_headers(h2o_req_t *req, void *table, const uint8_t *src, size_t len,
                        int *pseudo_headers, size_t *content_length, void *digests,
                        const char **err_desc);

static const h2o_req_t *refused; /* loop thread only; valid until the next request is parsed */

bool api_h2_body_refused(const struct st_h2o_req_t *req)
{
    return req == refused;
}

/* NOLINTNEXTLINE(readability-function-size): the library's signature */
int h2o_hpack_parse_headers(h2o_req_t *req, void *table, const uint8_t *src, size_t len,
                            int *pseudo_headers, size_t *content_length, void *digests,
                            const char **err_desc)
{
    static parse_headers_fn real;
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "h2o_hpack_parse_headers");
    refused = NULL;
    int rc = real(req, table, src, len, pseudo_headers, content_length, digests, err_desc);
    bool trailers = pseudo_headers == NULL;
    if (rc != 0 || trailers || *content_length == SIZE_MAX ||
        *content_length <= req->conn->ctx->globalconf->max_request_entity_size)
        return rc;
    refused = req;
    *err_desc = "body too large";
    return H2O_HTTP2_ERROR_INVALID_HEADER_CHAR; /* the one error that is answered, not reset */
}
