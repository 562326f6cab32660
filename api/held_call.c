/* SPDX-License-Identifier: MIT */
/* Calls in hand. */
#include "api/held_call.h"

#include "api/message_record.h"
#include "api/problem.h"
#include "gateway/base/gw_mem.h"

static void on_client_gone(void *data)
{
    struct api_held_call *held = data;
    gw_call_abandon(held->call);
    gw_free(held);
}

struct api_held_call *api_held_call_new(struct api_request *r)
{
    struct api_held_call *held = gw_calloc(1, sizeof(*held));
    held->request = r;
    api_request_hold(r, on_client_gone, held);
    return held;
}

struct api_request *api_held_call_end(struct api_held_call *held)
{
    struct api_request *r = held->request;
    gw_free(held);
    return r;
}

void api_held_call_on_record(enum gw_status status, const struct gw_message *m, void *data)
{
    struct api_held_call held = *(const struct api_held_call *)data;
    struct api_request *r = api_held_call_end(data);
    switch ((int)status) {
    case GW_OK:
        held.view(r, m);
        break;
    case GW_INVALID:
        api_problem_send(r, &(struct api_problem){
                                .code = API_MESSAGE_STATE, .detail = held.too_late, .message = m});
        break;
    case GW_CONFLICT:
        api_problem(r, API_BODY_GONE, "The message cannot be sent again: its body is not kept.");
        break;
    case GW_BUSY:
        api_problem(r, API_MESSAGE_BUSY, "An attempt is in hand; ask again when it is over.");
        break;
    default:
        api_message_failed(r, status);
    }
}
