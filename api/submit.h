/* SPDX-License-Identifier: MIT */
/* From a request's body to a message that is accepted: what every path that sends mail shares. */
#ifndef API_SUBMIT_H
#define API_SUBMIT_H

#include "api/request.h"

/* Answers @r: the message is committed. @result is valid during the call. */
typedef void (*api_accepted_fn)(struct api_request *r, const struct gw_submission_result *result);

/* Submits the body of @r; @on_accepted answers when it was taken, a problem when not. A client that
 * leaves does not cancel. @options is copied. */
void api_submit(struct api_request *r, const struct gw_submit_options *options,
                api_accepted_fn on_accepted);
/* Answers for a submission whose status is not GW_OK. */
void api_submit_failed(struct api_request *r, const struct gw_submission_result *result);

#endif
