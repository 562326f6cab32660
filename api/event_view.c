/* SPDX-License-Identifier: MIT */
/* From an event to its JSON object. */
#include "api/event_view.h"

#include <inttypes.h>
#include <stdio.h>

static void view_reply(struct api_json *j, const struct gw_event *e)
{
    if (e->command == NULL)
        return;
    api_json_begin_object(j, "smtp");
    if (e->code != 0)
        api_json_num(j, "code", e->code);
    if (e->enhanced != NULL && e->enhanced[0] != '\0')
        api_json_str(j, "enhanced", e->enhanced);
    api_json_str(j, "command", e->command);
    if (e->text != NULL && e->text[0] != '\0')
        api_json_str(j, "text", e->text);
    api_json_end_object(j);
}

static void view_recipient(struct api_json *j, const struct gw_event *e)
{
    api_json_begin_object(j, "recipient");
    api_json_str(j, "email", e->email);
    if (e->category != GW_CATEGORY_NONE)
        api_json_str(j, "category", gw_category_name(e->category));
    if (e->reason != NULL)
        api_json_str(j, "reason", e->reason);
    if (e->uncertain)
        api_json_bool(j, "uncertain", true);
    if (e->relay != NULL)
        api_json_str(j, "relay", e->relay);
    api_json_num(j, "attempts", e->attempt);
    if (e->next_attempt_ms > 0)
        api_json_time(j, "next_attempt_at", e->next_attempt_ms);
    view_reply(j, e);
    api_json_end_object(j);
}

/* A relay or a webhook. */
static void view_subject(struct api_json *j, const struct gw_event *e)
{
    bool relay = e->type == GW_EVENT_RELAY_DOWN || e->type == GW_EVENT_RELAY_UP;
    api_json_begin_object(j, relay ? "relay" : "webhook");
    api_json_str(j, "name", e->subject);
    if (e->reason != NULL)
        api_json_str(j, "reason", e->reason);
    if (e->text[0] != '\0')
        api_json_str(j, "detail", e->text);
    api_json_end_object(j);
}

void api_event_view(struct api_json *j, const char *key, const struct gw_event *e)
{
    char id[sizeof("9223372036854775807")];
    (void)snprintf(id, sizeof(id), "%" PRId64, e->seq);
    api_json_begin_object(j, key);
    api_json_str(j, "id", id);
    api_json_str(j, "type", gw_event_type_name(e->type));
    api_json_time(j, "at", e->at_ms);
    if (e->subject != NULL)
        view_subject(j, e);
    if (e->id != NULL) {
        api_json_str(j, "message_id", e->id);
        api_json_str(j, "message_status", e->message_status);
    }
    if (e->email != NULL)
        view_recipient(j, e);
    api_json_end_object(j);
}

void api_webhook_render(const struct gw_event *e, struct gw_buf *out)
{
    struct api_json j = {.out = out};
    api_json_begin_object(&j, NULL);
    api_json_str(&j, "type", gw_event_type_name(e->type));
    api_json_time(&j, "timestamp", e->at_ms);
    api_event_view(&j, "data", e);
    api_json_end_object(&j);
}
