/* SPDX-License-Identifier: MIT */
/* What submissions are answered with, on their own or as items of a batch. */
#ifndef API_SUBMISSION_ANSWER_H
#define API_SUBMISSION_ANSWER_H

#include "api/http_fields.h"
#include "api/problem.h"
#include "api/request.h"
#include "gateway/gateway.h"

enum {
    API_SUBMISSION_DETAIL = 512 /* size of the room for a text */
};

/* The problem that a failed submission is.
 * @malformed  what GW_PROTO is
 * @text       room for the detail */
struct api_problem api_submission_problem(const struct gw_submission_result *result,
                                          enum api_code malformed,
                                          char text[API_SUBMISSION_DETAIL]);

/* What a stored one is answered with. False: with its message and *status_out; true: with the
 * problem *problem_out, which holds it. */
bool api_submission_stored(const struct api_request *r, const struct gw_submission_result *result,
                           const struct api_prefer *prefer, unsigned *status_out,
                           struct api_problem *problem_out);

/* Ties the request to the message: what follows in the log carries the message's id. */
void api_submission_log(const struct api_request *r, const struct gw_submission_result *result);

/* The request's Prefer headers. */
struct api_prefer api_request_prefer(const struct api_request *r);
/* Says which of them were honoured. */
void api_set_preference_applied(struct api_request *r, const struct api_prefer *prefer);

#endif
