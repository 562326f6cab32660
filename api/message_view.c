/* SPDX-License-Identifier: MIT */
/* From a message to its JSON object. */
#include "api/message_view.h"

#include <stdio.h>

static void view_smtp(struct api_json *j, const struct gw_smtp_result *smtp)
{
    if (smtp->command == NULL)
        return;
    api_json_begin_object(j, "smtp");
    if (smtp->code != 0)
        api_json_num(j, "code", smtp->code);
    if (smtp->enhanced != NULL && smtp->enhanced[0] != '\0')
        api_json_str(j, "enhanced", smtp->enhanced);
    api_json_str(j, "command", smtp->command);
    if (smtp->text != NULL && smtp->text[0] != '\0')
        api_json_str(j, "text", smtp->text);
    if (smtp->tls != NULL)
        api_json_str(j, "tls", smtp->tls);
    api_json_end_object(j);
}

static void view_failure(struct api_json *j, const struct gw_recipient *r)
{
    if (r->category != GW_CATEGORY_NONE) {
        api_json_str(j, "category", gw_category_name(r->category));
        api_json_bool(j, "retryable", r->retryable);
    }
    if (r->reason != NULL)
        api_json_str(j, "reason", r->reason);
    if (r->detail != NULL)
        api_json_str(j, "detail", r->detail);
}

static void view_recipient(struct api_json *j, const struct gw_recipient *r)
{
    api_json_begin_object(j, NULL);
    api_json_str(j, "email", r->email);
    api_json_str(j, "kind", gw_rcpt_kind_name(r->kind));
    api_json_str(j, "status", gw_rcpt_status_name(r->status));
    if (r->status != GW_RCPT_SENT)
        view_failure(j, r);
    if (r->uncertain)
        api_json_bool(j, "uncertain", true);
    if (r->relay != NULL)
        api_json_str(j, "relay", r->relay);
    api_json_num(j, "attempts", r->attempts);
    api_json_time(j, "updated_at", r->updated_at_ms);
    if (r->duration_ms >= 0)
        api_json_num(j, "duration_ms", r->duration_ms);
    if (r->next_attempt_ms > 0)
        api_json_time(j, "next_attempt_at", r->next_attempt_ms);
    view_smtp(j, &r->smtp);
    api_json_end_object(j);
}

static void begin_message(struct api_json *j, const char *key, const struct gw_message *m,
                          bool durable)
{
    api_json_begin_object(j, key);
    api_json_str(j, "id", m->id);
    api_json_str(j, "status", gw_message_status(m));
    api_json_str(j, "message_id", m->message_id);
    api_json_time(j, "created_at", m->created_at_ms);
    if (m->traceparent != NULL)
        api_json_str(j, "traceparent", m->traceparent);
    if (m->scheduled_at_ms > 0)
        api_json_time(j, "scheduled_at", m->scheduled_at_ms);
    api_json_num(j, "size", (int64_t)m->mime.len);
    api_json_bool(j, "durable", durable);
}

static void end_message(struct api_json *j, const struct gw_message *m, size_t n_shown)
{
    static const char *const parts[] = {"attempts", "events", "raw"};
    char link[sizeof("/v1/messages//attempts") + GW_UUID_SIZE];
    api_json_begin_array(j, "recipients");
    for (size_t i = 0; i < n_shown; i++)
        view_recipient(j, &m->rcpts[i]);
    api_json_end_array(j);
    api_json_begin_object(j, "links");
    (void)snprintf(link, sizeof(link), "/v1/messages/%s", m->id);
    api_json_str(j, "self", link);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        (void)snprintf(link, sizeof(link), "/v1/messages/%s/%s", m->id, parts[i]);
        api_json_str(j, parts[i], link);
    }
    api_json_end_object(j);
    api_json_end_object(j);
}

void api_message_view(struct api_json *j, const char *key, const struct gw_message *m, bool durable)
{
    begin_message(j, key, m, durable);
    end_message(j, m, m->n_rcpts);
}

void api_message_batch_view(struct api_json *j, const char *key, const struct gw_message *m,
                            bool durable, bool recipients)
{
    begin_message(j, key, m, durable);
    api_json_num(j, "recipient_count", (int64_t)m->n_rcpts);
    end_message(j, m, recipients ? m->n_rcpts : 0);
}

void api_message_list_view(struct api_json *j, const struct gw_message *m, bool durable)
{
    begin_message(j, NULL, m, durable);
    api_json_str(j, "from", m->from);
    api_json_str(j, "subject", m->subject);
    api_json_begin_array(j, "tags");
    for (size_t i = 0; i < m->n_tags; i++)
        api_json_slice(j, NULL, m->tags[i]);
    api_json_end_array(j);
    api_json_num(j, "recipient_count", (int64_t)m->n_rcpts);
    end_message(j, m, m->n_rcpts < API_LIST_MAX_RCPTS ? m->n_rcpts : API_LIST_MAX_RCPTS);
}
