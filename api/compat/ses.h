/* SPDX-License-Identifier: MIT */
/* What the files of the SES facade share. */
#ifndef API_COMPAT_SES_H
#define API_COMPAT_SES_H

#include "api/problem.h"
#include "api/request.h"
#include "gateway/gateway.h"

/* Whose secret signed @r? NULL: nobody's, and why->as says it in SES's words. */
const struct cfg_api_key *api_ses_authenticate(struct api_request *r, struct api_problem *why);

/* What makes @r one request however often it comes: the invocation id that an SDK keeps across its
 * retries, else the signature. Only what was signed counts, when keys are configured. NULL: nothing
 * does. Lives as long as the request. */
const char *api_ses_idempotency_key(struct api_request *r);

/* A gw_decode_fn: the body of POST /v2/email/outbound-emails. */
enum gw_status api_ses_decode(struct gw_arena *arena, struct gw_slice body, const struct cfg *cfg,
                              struct gw_draft *out, struct gw_problems *problems);

/* The same of v1: the parameters of SendEmail and of SendRawEmail. Pointers of problems are `/` and
 * the parameter's name. */
enum gw_status api_ses_decode_email(struct gw_arena *arena, struct gw_slice body,
                                    const struct cfg *cfg, struct gw_draft *out,
                                    struct gw_problems *problems);
enum gw_status api_ses_decode_raw_email(struct gw_arena *arena, struct gw_slice body,
                                        const struct cfg *cfg, struct gw_draft *out,
                                        struct gw_problems *problems);

/* The address itself, of `Name <a@b>` too. */
struct gw_field api_ses_bare(struct gw_arena *arena, struct gw_field f);
/* `name:value`, as a tag is kept. */
struct gw_slice api_ses_join(struct gw_arena *arena, struct gw_slice name, struct gw_slice value);

#endif
