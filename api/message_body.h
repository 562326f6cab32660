/* SPDX-License-Identifier: MIT */
/* The types of bodies that a message comes in. */
#ifndef API_MESSAGE_BODY_H
#define API_MESSAGE_BODY_H

#include "api/request.h"

/* Sets how the body of @r is decoded, by its type. False: the request is answered. */
bool api_message_body(struct api_request *r, struct gw_submit_options *options);

#endif
