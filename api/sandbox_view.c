/* SPDX-License-Identifier: MIT */
/* From a caught message to its JSON object. */
#include "api/sandbox_view.h"

#include "api/json_write.h"

static void view_address(struct api_json *j, const char *key, const struct gw_read_address *a)
{
    api_json_begin_object(j, key);
    api_json_str(j, "email", a->email);
    api_json_str(j, "name", a->name);
    api_json_end_object(j);
}

static void view_addresses(struct api_json *j, const char *key,
                           const struct gw_read_addresses *list)
{
    api_json_begin_array(j, key);
    for (size_t i = 0; i < list->n; i++)
        view_address(j, NULL, &list->items[i]);
    api_json_end_array(j);
}

static void view_body(struct api_json *j, const char *key, struct gw_slice text)
{
    if (text.data == NULL)
        api_json_null(j, key);
    else
        api_json_slice(j, key, text);
}

static void view_headers(struct api_json *j, const struct gw_read_message *m)
{
    api_json_begin_array(j, "headers");
    for (size_t i = 0; i < m->n_headers; i++) {
        api_json_begin_array(j, NULL);
        api_json_str(j, NULL, m->headers[i].name);
        api_json_str(j, NULL, m->headers[i].value);
        api_json_end_array(j);
    }
    api_json_end_array(j);
}

static void view_attachments(struct api_json *j, const struct gw_read_message *m)
{
    api_json_begin_array(j, "attachments");
    for (size_t i = 0; i < m->n_attachments; i++) {
        const struct gw_read_attachment *a = &m->attachments[i];
        api_json_begin_object(j, NULL);
        api_json_str(j, "filename", a->filename);
        api_json_str(j, "content_type", a->content_type);
        api_json_str(j, "content_id", a->content_id[0] != '\0' ? a->content_id : NULL);
        api_json_num(j, "size", (int64_t)a->content.len);
        api_json_end_object(j);
    }
    api_json_end_array(j);
}

static void view(struct api_json *j, const struct gw_sandbox_parsed *p, bool bodies)
{
    const struct gw_read_message *m = &p->message;
    api_json_begin_object(j, NULL);
    api_json_str(j, "id", p->item.id);
    api_json_time(j, "received_at", p->item.received_at_ms);
    api_json_num(j, "size", (int64_t)p->item.raw.len);
    api_json_str(j, "mail_from", p->item.mail_from);
    api_json_begin_array(j, "rcpt_to");
    for (size_t i = 0; i < p->item.n_rcpts; i++)
        api_json_str(j, NULL, p->item.rcpts[i]);
    api_json_end_array(j);
    if (m->from.n > 0)
        view_address(j, "from", &m->from.items[0]);
    else
        api_json_null(j, "from");
    view_addresses(j, "to", &m->to);
    view_addresses(j, "cc", &m->cc);
    api_json_str(j, "subject", m->subject);
    if (bodies) {
        view_body(j, "text", m->text);
        view_body(j, "html", m->html);
    }
    view_headers(j, m);
    view_attachments(j, m);
    api_json_str(j, "message_id", m->message_id);
    api_json_str(j, "tls", p->item.tls);
    api_json_end_object(j);
}

void api_sandbox_view_one(const struct gw_sandbox_parsed *parsed, size_t n, struct gw_buf *out)
{
    struct api_json j = {.out = out};
    if (n > 0)
        view(&j, &parsed[0], true);
}

void api_sandbox_view_raw(const struct gw_sandbox_parsed *parsed, size_t n, struct gw_buf *out)
{
    if (n > 0)
        (void)gw_buf_add_slice(out, parsed[0].item.raw);
}

static void view_list(const struct gw_sandbox_parsed *parsed, size_t n, const char *next_cursor,
                      struct gw_buf *out)
{
    struct api_json j = {.out = out};
    api_json_begin_object(&j, NULL);
    api_json_begin_array(&j, "messages");
    for (size_t i = 0; i < n; i++)
        view(&j, &parsed[i], false);
    api_json_end_array(&j);
    api_json_str(&j, "next_cursor", next_cursor);
    api_json_end_object(&j);
}

void api_sandbox_view_page(const struct gw_sandbox_parsed *parsed, size_t n, struct gw_buf *out)
{
    view_list(parsed, n, n > 0 ? parsed[n - 1].item.id : NULL, out);
}

void api_sandbox_view_last_page(const struct gw_sandbox_parsed *parsed, size_t n,
                                struct gw_buf *out)
{
    view_list(parsed, n, NULL, out);
}
