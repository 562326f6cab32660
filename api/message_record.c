/* SPDX-License-Identifier: MIT */
/* Ids and answers of /v1/messages/{id}. */
#include "api/message_record.h"

#include "api/json_write.h"
#include "api/message_view.h"
#include "api/problem.h"

bool api_message_id_valid(const char *s)
{
    static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    if (strlen(s) != sizeof(shape) - 1)
        return false;
    for (size_t i = 0; s[i] != '\0'; i++) {
        bool hex = strchr("0123456789abcdefABCDEF", s[i]) != NULL;
        if (shape[i] == '-' ? s[i] != '-' : !hex)
            return false;
    }
    return true;
}

bool api_message_id_check(struct api_request *r)
{
    if (api_message_id_valid(r->param))
        return true;
    api_message_not_found(r);
    return false;
}

void api_message_not_found(struct api_request *r)
{
    api_problem(r, API_NOT_FOUND, "There is no message with this id.");
}

void api_message_answer_view(struct api_request *r, unsigned status, const struct gw_message *m)
{
    struct gw_buf body;
    gw_buf_init(&body, API_MAX_MESSAGE_ANSWER);
    struct api_json j = {.out = &body};
    api_message_view(&j, NULL, m, gw_gateway_durable(r->context->gateway));
    api_answer_json(r, status, &body);
}

void api_message_failed(struct api_request *r, enum gw_status status)
{
    if (status == GW_NOTFOUND)
        api_message_not_found(r);
    else if (status == GW_CLOSED)
        api_problem(r, API_DRAINING, "The server is shutting down; ask again in a moment.");
    else if (status == GW_FULL)
        api_problem(r, API_STORAGE_FULL, "The disk of the message store has no room.");
    else if (status == GW_BUSY)
        api_problem(r, API_UNAVAILABLE, "The store cannot answer now; ask again in a moment.");
    else
        api_problem(r, API_INTERNAL, "The store failed: %s.", gw_status_text(status));
}
