/* SPDX-License-Identifier: MIT */
/* What the files of the Mailgun facade share. */
#ifndef API_COMPAT_MAILGUN_H
#define API_COMPAT_MAILGUN_H

#include "gateway/gateway.h"
#include "gateway/suppression.h"

/* The lists that Mailgun has, as reasons of ours (1 << enum gw_suppression_reason, or-ed). */
#define API_MAILGUN_BOUNCES      (1U << GW_SUPPRESSION_BOUNCE)
#define API_MAILGUN_COMPLAINTS   (1U << GW_SUPPRESSION_COMPLAINT)
#define API_MAILGUN_UNSUBSCRIBES (1U << GW_SUPPRESSION_UNSUBSCRIBE | 1U << GW_SUPPRESSION_MANUAL)

enum {
    API_MAILGUN_CODE_DIGITS = 3,             /* of an SMTP code */
    API_MAILGUN_MAX_SUPPRESSIONS = 256 << 10 /* octets of a request that changes a list; ours */
};

/* gw_decode_fn: the body of POST /v3/{domain}/messages, as multipart/form-data and as
 * application/x-www-form-urlencoded. Pointers of problems are `/` and the parameter's name. */
enum gw_status api_mailgun_decode_multipart(struct gw_arena *arena, struct gw_slice body,
                                            const struct cfg *cfg, struct gw_draft *out,
                                            struct gw_problems *problems);
enum gw_status api_mailgun_decode_urlencoded(struct gw_arena *arena, struct gw_slice body,
                                             const struct cfg *cfg, struct gw_draft *out,
                                             struct gw_problems *problems);

/* The same of POST /v3/{domain}/messages.mime, as multipart/form-data: a message that is MIME
 * already in the part `message`, and its recipients. */
enum gw_status api_mailgun_decode_mime(struct gw_arena *arena, struct gw_slice body,
                                       const struct cfg *cfg, struct gw_draft *out,
                                       struct gw_problems *problems);

/* Reads `recipient-variables`: {"ann@example.org": {"name": "Ann"}}. */
void api_mailgun_read_variables(struct gw_problems *problems, struct gw_field given,
                                struct gw_draft *draft);
/* Makes templates of subject, text and html, whose %recipient.name% take these values. */
void api_mailgun_make_templates(struct gw_problems *problems, struct gw_draft *draft);

/* The values of the template that the draft names: those of @given (`t:variables`, a JSON object;
 * data NULL: not given) come before those of the header X-Mailgun-Variables, and these before the
 * `v:` ones. */
void api_mailgun_fill_template(struct gw_problems *problems, struct gw_field given,
                               struct gw_draft *draft);

/* An RFC 5322 date-time (sec. 3.3; also with the zones GMT, UT and UTC) as RFC 3339 text, which
 * gw_prepare() judges: 2011-10-25T23:10:10+00:00. NULL when it is none. */
const char *api_mailgun_time(struct gw_arena *arena, struct gw_slice text);

#endif
