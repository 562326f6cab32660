/* SPDX-License-Identifier: MIT */
/* The answer of GET /v1/relays as a table for people. */
#include "api/client.h"
#include "api/client_answer.h"

static void add_relay(struct gw_buf *out, const json_t *relay)
{
    const json_t *pool = json_object_get(relay, "pool");
    const json_t *error = json_object_get(relay, "last_error");
    (void)gw_buf_printf(out, "%-20s %-9s %-10s %4ld %4ld %7ld  %s\n",
                        api_client_text(relay, "name"), api_client_text(relay, "state"),
                        api_client_text(json_object_get(relay, "breaker"), "state"),
                        api_client_number(pool, "busy"), api_client_number(pool, "idle"),
                        api_client_number(pool, "waiting"), api_client_text(relay, "url"));
    if (!json_is_object(error))
        return;
    (void)gw_buf_printf(out, "    %s at %s: ", api_client_text(error, "reason"),
                        api_client_text(error, "stage"));
    api_client_add_text(out, error, "detail");
    (void)gw_buf_add_char(out, '\n');
}

bool api_client_relays(struct gw_slice answer, long http_status, struct gw_buf *out)
{
    json_t *root = api_client_parse(answer);
    const json_t *relays = json_object_get(root, "relays");
    bool ok = http_status == 200 && json_is_array(relays);
    if (ok) {
        (void)gw_buf_printf(out, "%-20s %-9s %-10s %4s %4s %7s  %s\n", "name", "state", "breaker",
                            "busy", "idle", "waiting", "url");
        for (size_t i = 0; i < json_array_size(relays); i++)
            add_relay(out, json_array_get(relays, i));
    } else {
        api_client_add_problem(out, root, http_status);
    }
    json_decref(root);
    return ok;
}
