/* SPDX-License-Identifier: MIT */
/* Takes a multipart/form-data body apart. Strict: what two readers could see differently is
 * refused.
 *
 * Spec: RFC 7578, RFC 2046 sec. 5.1; names as browsers write them (WHATWG form data: %22, %0D,
 * %0A). */
#ifndef API_MULTIPART_H
#define API_MULTIPART_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/base/gw_arena.h"
#include "gateway/base/gw_slice.h"
#include "gateway/base/gw_status.h"
#include "gateway/prepare.h"

enum {
    API_MULTIPART_MAX_BOUNDARY = 70, /* characters, RFC 2046 sec. 5.1.1 */
    API_MULTIPART_MAX_HEADER = 8192, /* octets of a part's header; ours */
    /* Files, and what else a form may be made of, 1,000 recipients one by one. */
    API_MULTIPART_MAX_PARTS = GW_MAX_ATTACHMENTS + 1100,
};

struct api_multipart_part {
    struct gw_slice name, filename, content_type; /* in the arena; data NULL when not given */
    struct gw_slice content;                      /* in the body, data never NULL */
};

struct api_multipart {
    struct api_multipart_part parts[API_MULTIPART_MAX_PARTS];
    size_t n;
};

/* The boundary is what the body's first line says: api_multipart_begins() has compared it.
 * GW_OK, or GW_PROTO with err->text. */
enum gw_status api_multipart_split(struct gw_arena *arena, struct gw_slice body,
                                   struct api_multipart *out, struct gw_err *err) GW_NODISCARD;

/* Does @body start with the line `--boundary`? */
bool api_multipart_begins(struct gw_slice body, const char *boundary);

#endif
