/* SPDX-License-Identifier: MIT */
/* A call of the gateway in hand for a request that waits for it: whichever of the two ends first
 * unhooks the other. */
#ifndef API_HELD_CALL_H
#define API_HELD_CALL_H

#include "api/request.h"
#include "gateway/records.h"

struct api_held_call {
    struct api_request *request;
    struct gw_call *call; /* set by whoever starts it */
    /* for api_held_call_on_record(): */
    void (*view)(struct api_request *r, const struct gw_message *m); /* answers; GW_OK */
    const char
        *too_late; /* what is said when the message cannot be changed any more (GW_INVALID) */
};

/* Holds @r. The call's callback gets it as data and ends it. */
struct api_held_call *api_held_call_new(struct api_request *r);
/* The call is over: frees @held and returns its request, to be answered now. */
struct api_request *api_held_call_end(struct api_held_call *held);

/* A gw_record_cb: answers with the view, or with what went wrong. */
void api_held_call_on_record(enum gw_status status, const struct gw_message *m, void *data);

#endif
