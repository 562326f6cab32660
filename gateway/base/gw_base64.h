/* SPDX-License-Identifier: MIT */
/* Base64, RFC 4648 sec. 4 and 5. */
#ifndef GW_BASE64_H
#define GW_BASE64_H

#include <stddef.h>

#include "gateway/base/gw_slice.h"
#include "gateway/base/gw_status.h"

/* Bytes of the encoding of @len bytes, padding included, no line breaks, no NUL. */
size_t gw_base64_encoded_size(size_t len);
/* Writes gw_base64_encoded_size(len) bytes at @out and returns that. */
size_t gw_base64_encode(const void *data, size_t len, char *out);
/* Upper bound of the decoded size of @len characters. */
size_t gw_base64_decoded_max(size_t len);
/* Strict: standard alphabet, or URL-safe (not mixed); padding right or (URL-safe and standard
 * alike) wholly absent; no bits left over; CR, LF, space and tab between groups are passed over up
 * to one in three characters, nothing else is.
 * @out  gw_base64_decoded_max(in.len) bytes; not NUL-terminated
 * GW_OK with *len_out, or GW_INVALID with *error_at_out (may be NULL) the offset of the first bad
 * character. */
enum gw_status gw_base64_decode(struct gw_slice in, void *out, size_t *len_out,
                                size_t *error_at_out) GW_NODISCARD;

#endif
