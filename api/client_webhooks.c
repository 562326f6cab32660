/* SPDX-License-Identifier: MIT */
/* Answers about webhooks as tables for people. */
#include "api/client.h"
#include "api/client_answer.h"

static void add_heading(struct gw_buf *out)
{
    (void)gw_buf_printf(out, "%-20s %-8s %9s %7s %7s %7s  %s\n", "name", "state", "delivered",
                        "failed", "dropped", "retries", "url");
}

static void add_webhook(struct gw_buf *out, const json_t *w)
{
    const json_t *error = json_object_get(w, "last_error");
    (void)gw_buf_printf(out, "%-20s %-8s %9ld %7ld %7ld %7ld  %s%s\n", api_client_text(w, "name"),
                        api_client_text(w, "state"), api_client_number(w, "delivered"),
                        api_client_number(w, "failed"), api_client_number(w, "dropped"),
                        api_client_number(w, "retries"), api_client_text(w, "url"),
                        json_is_true(json_object_get(w, "replaying")) ? "  (replaying)" : "");
    if (!json_is_object(error))
        return;
    (void)gw_buf_printf(out, "    %s: ", api_client_text(error, "at"));
    api_client_add_text(out, error, "detail");
    (void)gw_buf_add_char(out, '\n');
}

bool api_client_webhooks(struct gw_slice answer, long http_status, struct gw_buf *out)
{
    json_t *root = api_client_parse(answer);
    const json_t *webhooks = json_object_get(root, "webhooks");
    bool ok = http_status / 100 == 2 && json_is_object(root);
    if (ok)
        add_heading(out);
    else
        api_client_add_problem(out, root, http_status);
    if (ok && webhooks == NULL)
        add_webhook(out, root);
    for (size_t i = 0; ok && i < json_array_size(webhooks); i++)
        add_webhook(out, json_array_get(webhooks, i));
    json_decref(root);
    return ok;
}

bool api_client_webhook_test(struct gw_slice answer, long http_status, struct gw_buf *out)
{
    json_t *root = api_client_parse(answer);
    bool ok = http_status == 200 && json_is_true(json_object_get(root, "ok"));
    if (http_status != 200) {
        api_client_add_problem(out, root, http_status);
    } else {
        (void)gw_buf_printf(out, "%s, %ld ms", ok ? "OK" : "FAILED",
                            api_client_number(root, "duration_ms"));
        if (json_is_integer(json_object_get(root, "http_status")))
            (void)gw_buf_printf(out, ", HTTP %ld", api_client_number(root, "http_status"));
        if (!ok) {
            (void)gw_buf_add_str(out, ": ");
            api_client_add_text(out, root, "detail");
        }
        (void)gw_buf_add_char(out, '\n');
    }
    json_decref(root);
    return ok;
}
