/* SPDX-License-Identifier: MIT */
/* The answer of GET /v1/relays as a table for people. */
#include <jansson.h>
#include <string.h>

#include "api/client.h"

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

static long number_of(const json_t *object, const char *key)
{
    return (long)json_integer_value(json_object_get(object, key));
}

static void add_relay(struct gw_buf *out, const json_t *relay)
{
    const json_t *pool = json_object_get(relay, "pool");
    const json_t *error = json_object_get(relay, "last_error");
    (void)gw_buf_printf(out, "%-20s %-9s %-10s %4ld %4ld %7ld  %s\n", text_of(relay, "name"),
                        text_of(relay, "state"),
                        text_of(json_object_get(relay, "breaker"), "state"),
                        number_of(pool, "busy"), number_of(pool, "idle"),
                        number_of(pool, "waiting"), text_of(relay, "url"));
    if (json_is_object(error))
        (void)gw_buf_printf(out, "    %s at %s: %s\n", text_of(error, "reason"),
                            text_of(error, "stage"), text_of(error, "detail"));
}

bool api_client_relays(struct gw_slice answer, long http_status, struct gw_buf *out)
{
    json_t *root = json_loadb(answer.data != NULL ? answer.data : "", answer.len, 0, NULL);
    const json_t *relays = json_object_get(root, "relays");
    bool ok = http_status == 200 && json_is_array(relays);
    if (ok) {
        (void)gw_buf_printf(out, "%-20s %-9s %-10s %4s %4s %7s  %s\n", "name", "state", "breaker",
                            "busy", "idle", "waiting", "url");
        for (size_t i = 0; i < json_array_size(relays); i++)
            add_relay(out, json_array_get(relays, i));
    } else {
        const char *detail = text_of(root, "detail");
        (void)gw_buf_printf(out, "mailhatch: HTTP %ld%s%s\n", http_status,
                            detail[0] != '\0' ? ": " : "", detail);
    }
    json_decref(root);
    return ok;
}
