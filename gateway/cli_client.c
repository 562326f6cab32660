/* SPDX-License-Identifier: MIT */
/* One request and its answer, for people. */
#include "gateway/cli_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/gw_mem.h"
#include "gateway/http_client.h"

enum {
    MAX_URL = 4096,
    MAX_AUTH = 1024,
    MAX_ANSWER = 16 << 20
};

struct cli_server cli_server_default(void)
{
    const char *url = getenv("MAILHATCH_URL");
    return (struct cli_server){.url = url != NULL ? url : "http://127.0.0.1:8080",
                               .key = getenv("MAILHATCH_API_KEY")};
}

static enum cli_reply report(const struct cli_request *request, struct gw_slice answer, long status)
{
    struct gw_buf text;
    gw_buf_init(&text, MAX_ANSWER);
    bool good = request->report(answer, status, &text);
    (void)fwrite(text.data, 1, text.len, status / 100 == 2 ? stdout : stderr);
    gw_buf_deinit(&text);
    if (status / 100 != 2)
        return CLI_REPLY_REFUSED;
    return good ? CLI_REPLY_GOOD : CLI_REPLY_MIXED;
}

static enum cli_reply ask(const struct cli_request *request, const struct gw_http_request *http)
{
    struct gw_buf answer;
    struct gw_err err;
    long status = 0;
    enum cli_reply reply = CLI_REPLY_REFUSED;
    gw_buf_init(&answer, MAX_ANSWER);
    if (gw_http_do(http, &answer, &status, &err) == GW_OK)
        reply = report(request, gw_buf_view(&answer), status);
    else
        (void)fprintf(stderr, "mailhatch: %s\n", err.text);
    gw_buf_deinit(&answer);
    return reply;
}

enum cli_reply cli_ask(const struct cli_server *server, const struct cli_request *request)
{
    bool is_unix = strncmp(server->url, "unix:", 5) == 0;
    struct gw_buf url;
    struct gw_buf auth;
    gw_buf_init(&url, MAX_URL);
    gw_buf_init(&auth, MAX_AUTH);
    (void)gw_buf_printf(&url, "%s%s", is_unix ? "http://localhost" : server->url, request->path);
    if (server->key != NULL)
        (void)gw_buf_printf(&auth, "Authorization: Bearer %s", server->key);
    const char *headers[5] = {"Content-Type: application/json",
                              "Expect:"}; /* no round trip ahead of a large body */
    size_t n = 2;
    if (request->prefer != NULL)
        headers[n++] = request->prefer;
    if (server->key != NULL)
        headers[n++] = auth.data;
    enum cli_reply reply = CLI_REPLY_REFUSED;
    if (url.overflowed || auth.overflowed)
        (void)fprintf(stderr, "mailhatch: the server's URL or the key is too long\n");
    else
        reply =
            ask(request, &(struct gw_http_request){.url = url.data,
                                                   .unix_socket = is_unix ? server->url + 5 : NULL,
                                                   .headers = headers,
                                                   .body = gw_slice_str(request->json),
                                                   .timeout_ms = request->timeout_ms});
    char *secret = gw_buf_take(&auth, NULL);
    gw_free_secret(&secret);
    gw_buf_deinit(&url);
    return reply;
}
