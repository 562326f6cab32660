/* SPDX-License-Identifier: MIT */
/* Parsers of the request header fields that the API acts on. Nothing here allocates.
 *
 * Spec: RFC 9110 sec. 5.6 (tokens, quoted strings), 8.3 (Content-Type), 12.5.1 (Accept);
 * RFC 7240 (Prefer). */
#ifndef API_HTTP_FIELDS_H
#define API_HTTP_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/gw_slice.h"

enum {
    API_MAX_WAIT_S = 60 /* longest `Prefer: wait=N`; larger values are cut to it */
};

/* `application/json`, alone or with charset=utf-8; other parameters are ignored. */
bool api_content_type_is_json(struct gw_slice value);
/* Is it application/x-www-form-urlencoded, whatever its parameters? */
bool api_content_type_is_urlencoded(struct gw_slice value);
/* Is it message/rfc822, whatever its parameters? */
bool api_content_type_is_mime(struct gw_slice value);
/* Is it multipart/form-data with a boundary? That goes to @out, "" when it is over @size - 1
 * octets. */
bool api_content_type_is_form(struct gw_slice value, char *out, size_t size);

/* Does one of the @n Accept headers allow a JSON answer? No header allows all; the most specific
 * matching range decides, q=0 excludes. */
bool api_accepts_json(const struct gw_slice *values, size_t n);

struct api_prefer {
    bool has_wait, strict;
    int64_t wait_ms;
};
/* Reads `wait` and `handling=strict` from @n Prefer headers. The first instance of a preference
 * counts; unknown or malformed ones are ignored, as the RFC asks. */
void api_prefer_parse(const struct gw_slice *values, size_t n, struct api_prefer *out);
/* Value for Preference-Applied ("wait=5, handling=strict"), empty when nothing was applied. */
void api_prefer_applied(const struct api_prefer *p, char *out, size_t size);

#endif
