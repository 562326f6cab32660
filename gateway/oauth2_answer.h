/* SPDX-License-Identifier: MIT */
/* What a token endpoint answers. Pure.
 *
 * Spec: RFC 6749 sec. 5.1 (success), 5.2 (error); RFC 8259, as far as one flat object needs it. */
#ifndef GW_OAUTH2_ANSWER_H
#define GW_OAUTH2_ANSWER_H

#include <stdint.h>

#include "gateway/base/gw_slice.h"
#include "gateway/base/gw_status.h"

enum {
    GW_OAUTH2_MAX_ANSWER = 64 << 10, /* octets; ours */
    GW_OAUTH2_MAX_TOKEN = 8 << 10,   /* octets: in base64 it must fit one AUTH line (RFC 4954) */
    GW_OAUTH2_MAX_DEPTH = 8,         /* of values that are passed over; ours */
    GW_OAUTH2_ERROR_SIZE = 64,
    GW_OAUTH2_DESCRIPTION_SIZE = 200
};

struct gw_oauth2_answer {
    char *access_token, *refresh_token;           /* NULL: not there; printable ASCII */
    int64_t expires_in_s;                         /* 0: not said */
    char error[GW_OAUTH2_ERROR_SIZE];             /* "invalid_grant", or "" */
    char description[GW_OAUTH2_DESCRIPTION_SIZE]; /* printable ASCII, one line; "" */
};

/* GW_OK: @out is filled, deinit it. GW_PROTO: not a JSON object, or a token in it that cannot be
 * one; nothing to free. */
enum gw_status gw_oauth2_answer_parse(struct gw_slice body,
                                      struct gw_oauth2_answer *out) GW_NODISCARD;
/* Wipes the tokens. */
void gw_oauth2_answer_deinit(struct gw_oauth2_answer *a);

#endif
