/* SPDX-License-Identifier: MIT */
/* libcurl's multi interface on a uv loop.
 *
 * Happy path of a call: (first call: the library is loaded in a thread) → the URL's host is
 * resolved by smtp/resolver.h → addresses are checked → the transfer runs with the host pinned to
 * them → on_done → the call is freed when its handles are closed. libcurl never resolves a name:
 * its own way would stop the loop at clean-up until the answer comes. */
#include "gateway/http_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_list.h"
#include "gateway/base/gw_mem.h"
#include "gateway/http_lib.h"
#include "smtp/resolver.h"

enum {
    MAX_URL = 2048,
    PIN_SIZE = 512 /* "host:port:" and five addresses */
};

struct gw_http {
    uv_loop_t *loop;
    const struct gw_curl *curl; /* NULL: not loaded yet */
    CURLM *multi;
    uv_work_t load;
    bool loading, closing;
    struct gw_err load_error;
    uv_timer_t timer; /* libcurl's */
    struct gw_list calls;
    size_t n_calls;
    size_t n_open; /* handles, calls and work that must end before it is freed */
    void (*on_closed)(void *);
    void *closed_data;
};

/* A socket of libcurl's that we watch. */
struct http_socket {
    uv_poll_t poll;
    struct gw_http *http;
    curl_socket_t fd;
};

struct gw_http_call {
    struct gw_list link;
    struct gw_http *http;
    char *url, *ca_file, *host;
    uint16_t port;
    char **header_texts; /* NULL-terminated */
    char *body;
    size_t body_len;
    bool (*allow)(const struct sockaddr *, void *);
    void *allow_data;
    gw_http_done_cb on_done; /* NULL: called or cancelled */
    void *data;

    uv_timer_t timer; /* until the transfer runs: the deadline */
    int64_t deadline_ms;
    unsigned n_handles;
    bool ended;
    struct smtp_resolver *resolver;
    struct smtp_lookup lookup;

    CURL *easy; /* NULL: no transfer */
    struct curl_slist *headers, *pins;
    struct gw_buf response;
    char error[CURL_ERROR_SIZE];
};

static void let_go(struct gw_http *h)
{
    if (--h->n_open != 0)
        return;
    void (*on_closed)(void *) = h->on_closed;
    void *data = h->closed_data;
    gw_free(h);
    on_closed(data);
}

/* --- The end of a call --- */

static void free_call(struct gw_http_call *call)
{
    struct gw_http *h = call->http;
    for (size_t i = 0; call->header_texts != NULL && call->header_texts[i] != NULL; i++)
        gw_free_secret(&call->header_texts[i]);
    gw_free(call->header_texts);
    if (call->body != NULL)
        gw_wipe(call->body, call->body_len);
    gw_free(call->body);
    gw_free(call->url);
    gw_free(call->host);
    gw_free(call->ca_file);
    if (call->response.data != NULL)
        gw_wipe(call->response.data, call->response.cap); /* may hold a token */
    gw_buf_deinit(&call->response);
    gw_free(call);
    let_go(h);
}

static void handle_gone(void *data)
{
    struct gw_http_call *call = data;
    if (--call->n_handles == 0)
        free_call(call);
}

static void on_call_timer_closed(uv_handle_t *handle)
{
    handle_gone(handle->data);
}

static void end_transfer(struct gw_http_call *call)
{
    const struct gw_curl *curl = call->http->curl;
    if (call->easy == NULL)
        return;
    (void)curl->curl_multi_remove_handle(call->http->multi, call->easy);
    curl->curl_easy_cleanup(call->easy);
    curl->curl_slist_free_all(call->headers);
    curl->curl_slist_free_all(call->pins);
    call->easy = NULL;
}

static void end_call(struct gw_http_call *call)
{
    if (call->ended)
        return;
    call->ended = true;
    call->on_done = NULL;
    gw_list_remove(&call->link);
    call->http->n_calls--;
    end_transfer(call);
    uv_close((uv_handle_t *)&call->timer, on_call_timer_closed);
    if (call->resolver != NULL)
        smtp_resolver_close(call->resolver, handle_gone, call);
}

static void finish(struct gw_http_call *call, const struct gw_http_result *result)
{
    gw_http_done_cb on_done = call->on_done;
    void *data = call->data;
    call->on_done = NULL;
    if (on_done != NULL)
        on_done(result, data);
    end_call(call);
}

static void fail(struct gw_http_call *call, enum gw_status status, const char *detail)
{
    finish(call, &(struct gw_http_result){.status = status, .detail = detail});
}

void gw_http_cancel(struct gw_http_call *call)
{
    end_call(call);
}

/* --- The transfer --- */

static enum gw_status status_of(const struct gw_http_call *call, CURLcode rc)
{
    if (call->response.overflowed)
        return GW_TOOBIG;
    if (rc == CURLE_OK)
        return GW_OK;
    if (rc == CURLE_OPERATION_TIMEDOUT)
        return GW_TIMEOUT;
    bool tls = rc == CURLE_SSL_CONNECT_ERROR || rc == CURLE_PEER_FAILED_VERIFICATION ||
               rc == CURLE_SSL_CACERT_BADFILE;
    return tls ? GW_TLS : GW_IO;
}

static void transferred(struct gw_http_call *call, CURLcode rc)
{
    const struct gw_curl *curl = call->http->curl;
    struct gw_http_result result = {.status = status_of(call, rc)};
    if (result.status == GW_OK || result.status == GW_TOOBIG)
        (void)curl->curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &result.http_status);
    if (result.status == GW_OK) {
        curl_off_t retry_after = 0;
        (void)curl->curl_easy_getinfo(call->easy, CURLINFO_RETRY_AFTER, &retry_after);
        result.retry_after_s = (long)retry_after;
        result.body = gw_buf_view(&call->response);
    } else if (result.status == GW_TOOBIG) {
        result.detail = "the answer is too large";
    } else {
        result.detail = call->error[0] != '\0' ? call->error : curl->curl_easy_strerror(rc);
    }
    finish(call, &result);
}

static void look_for_ends(struct gw_http *h)
{
    CURLMsg *msg;
    int left;
    while (h->multi != NULL && (msg = h->curl->curl_multi_info_read(h->multi, &left)) != NULL) {
        char *call = NULL;
        CURLcode rc = msg->data.result;
        if (msg->msg != CURLMSG_DONE)
            continue;
        (void)h->curl->curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &call);
        transferred((struct gw_http_call *)(void *)call, rc);
    }
}

static void act(struct gw_http *h, curl_socket_t fd, int events)
{
    int running;
    (void)h->curl->curl_multi_socket_action(h->multi, fd, events, &running);
    look_for_ends(h);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    const struct http_socket *s = poll->data;
    int flags = status < 0 ? CURL_CSELECT_ERR : 0;
    if ((events & UV_READABLE) != 0)
        flags |= CURL_CSELECT_IN;
    if ((events & UV_WRITABLE) != 0)
        flags |= CURL_CSELECT_OUT;
    act(s->http, s->fd, flags);
}

static void on_poll_closed(uv_handle_t *handle)
{
    struct http_socket *s = handle->data;
    struct gw_http *h = s->http;
    gw_free(s);
    let_go(h);
}

static struct http_socket *watch(struct gw_http *h, curl_socket_t fd)
{
    struct http_socket *s = gw_calloc(1, sizeof(*s));
    s->http = h;
    s->fd = fd;
    CHECK(uv_poll_init_socket(h->loop, &s->poll, fd) == 0);
    s->poll.data = s;
    h->n_open++;
    (void)h->curl->curl_multi_assign(h->multi, fd, s);
    return s;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *assigned)
{
    struct gw_http *h = user;
    struct http_socket *s = assigned;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (s == NULL)
            return 0;
        (void)uv_poll_stop(&s->poll);
        (void)h->curl->curl_multi_assign(h->multi, fd, NULL);
        uv_close((uv_handle_t *)&s->poll, on_poll_closed);
        return 0;
    }
    if (s == NULL)
        s = watch(h, fd);
    int events = 0;
    if (what != CURL_POLL_OUT)
        events |= UV_READABLE;
    if (what != CURL_POLL_IN)
        events |= UV_WRITABLE;
    return uv_poll_start(&s->poll, events, on_poll);
}

static void on_multi_timer(uv_timer_t *timer)
{
    act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static int on_timeout(CURLM *multi, long timeout_ms, void *user)
{
    struct gw_http *h = user;
    (void)multi;
    if (h->closing)
        return 0;
    if (timeout_ms < 0)
        (void)uv_timer_stop(&h->timer);
    else
        (void)uv_timer_start(&h->timer, on_multi_timer, (uint64_t)timeout_ms, 0);
    return 0;
}

static size_t on_data(char *data, size_t size, size_t n, void *user)
{
    struct gw_http_call *call = user;
    return gw_buf_add(&call->response, data, size * n) == GW_OK ? size * n : 0;
}

static void start_transfer(struct gw_http_call *call, const char *pin)
{
    struct gw_http *h = call->http;
    const struct gw_curl *curl = h->curl;
    int64_t left_ms = call->deadline_ms - gw_clock_mono_ms();
    const struct gw_http_request request = {
        .url = call->url,
        .headers = (const char *const *)call->header_texts,
        .body = gw_slice_of(call->body, call->body_len),
        .ca_file = call->ca_file,
        .timeout_ms = left_ms > 1 ? (long)left_ms : 1,
    };
    (void)uv_timer_stop(&call->timer); /* libcurl's deadline takes over */
    call->easy = curl->curl_easy_init();
    CHECK(call->easy != NULL);
    gw_curl_set_request(curl, call->easy, &request, &call->headers);
    if (pin != NULL)
        call->pins = curl->curl_slist_append(NULL, pin);
    (void)curl->curl_easy_setopt(call->easy, CURLOPT_RESOLVE, call->pins);
    (void)curl->curl_easy_setopt(call->easy, CURLOPT_PRIVATE, call);
    (void)curl->curl_easy_setopt(call->easy, CURLOPT_ERRORBUFFER, call->error);
    (void)curl->curl_easy_setopt(call->easy, CURLOPT_WRITEFUNCTION, on_data);
    (void)curl->curl_easy_setopt(call->easy, CURLOPT_WRITEDATA, call);
    (void)curl->curl_multi_add_handle(h->multi, call->easy);
}

/* --- Names --- */

static bool is_allowed(const struct gw_http_call *call, const struct sockaddr_storage *address)
{
    return call->allow == NULL || call->allow((const struct sockaddr *)address, call->allow_data);
}

/* "host:port:192.0.2.1,[2001:db8::1]" of the addresses that may be used; false without one. */
static bool make_pin(const struct gw_http_call *call, const struct smtp_addresses *found,
                     char pin[PIN_SIZE])
{
    size_t at = (size_t)snprintf(pin, PIN_SIZE, "%s:%u:", call->host, (unsigned)call->port);
    bool any = false;
    for (size_t i = 0; i < found->n; i++) {
        char text[SMTP_ADDRESS_TEXT_SIZE];
        if (!is_allowed(call, &found->list[i]))
            continue;
        smtp_address_text(&found->list[i], text);
        *strrchr(text, ':') = '\0'; /* the port stands in front */
        at += (size_t)snprintf(pin + at, PIN_SIZE - at, "%s%s", any ? "," : "", text);
        any = true;
    }
    return any;
}

static void found_addresses(struct gw_http_call *call, const struct smtp_addresses *found)
{
    char pin[PIN_SIZE];
    bool is_v6_literal =
        strchr(call->host, ':') != NULL; /* needs no pin, and has no form for one */
    if (make_pin(call, found, pin))
        start_transfer(call, is_v6_literal ? NULL : pin);
    else
        fail(call, GW_DENIED, "the host has no address that may be connected to");
}

static void on_resolved(struct smtp_lookup *lookup, const struct smtp_addresses *found,
                        enum smtp_reason reason, const char *detail)
{
    struct gw_http_call *call = gw_list_entry(lookup, struct gw_http_call, lookup);
    (void)reason;
    if (found == NULL)
        fail(call, GW_DNS, detail);
    else
        found_addresses(call, found);
}

static void on_deadline(uv_timer_t *timer)
{
    struct gw_http_call *call = timer->data;
    fail(call, GW_TIMEOUT, "the host's name was not resolved in time");
}

/* The library is there. */
static void begin(struct gw_http_call *call)
{
    struct smtp_addresses found;
    if (smtp_resolver_cached(call->resolver, &found)) {
        found_addresses(call, &found);
        return;
    }
    call->lookup.on_done = on_resolved;
    smtp_resolver_lookup(call->resolver, &call->lookup);
}

/* --- The library --- */

static void load_in_thread(uv_work_t *work)
{
    struct gw_http *h = work->data;
    (void)gw_curl_load(&h->load_error);
}

static void make_multi(struct gw_http *h)
{
    h->curl = gw_curl_load(&h->load_error);
    if (h->curl == NULL)
        return;
    h->multi = h->curl->curl_multi_init();
    CHECK(h->multi != NULL);
    (void)h->curl->curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    (void)h->curl->curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
    (void)h->curl->curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
    (void)h->curl->curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
}

static void on_loaded(uv_work_t *work, int status)
{
    struct gw_http *h = work->data;
    (void)status;
    h->loading = false;
    if (!h->closing) {
        make_multi(h);
        gw_list_foreach_safe (it, &h->calls) {
            struct gw_http_call *call = gw_list_entry(it, struct gw_http_call, link);
            if (h->curl == NULL)
                fail(call, GW_UNSUPPORTED, h->load_error.text);
            else if (call->easy == NULL)
                begin(call);
        }
    }
    let_go(h);
}

/* Never from inside start: the first turn of the loop begins the call. */
static void on_start(uv_timer_t *timer)
{
    struct gw_http_call *call = timer->data;
    struct gw_http *h = call->http;
    int64_t left_ms = call->deadline_ms - gw_clock_mono_ms();
    (void)uv_timer_start(timer, on_deadline, left_ms > 0 ? (uint64_t)left_ms : 0, 0);
    if (h->curl != NULL) {
        begin(call);
    } else if (!h->loading) {
        h->loading = true;
        h->n_open++;
        CHECK(uv_queue_work(h->loop, &h->load, load_in_thread, on_loaded) == 0);
    }
}

/* --- Calls --- */

static const char *split_port(const char *text, const char *end, uint16_t *port)
{
    char *stop = NULL;
    bool starts = text[0] == ':' && text[1] >= '0' && text[1] <= '9';
    unsigned long value = starts ? strtoul(text + 1, &stop, 10) : 0;
    if (value == 0 || value > UINT16_MAX || stop != end)
        return "has a port that is not a number from 1 to 65535";
    *port = (uint16_t)value;
    return NULL;
}

/* Host and port of a URL that can be read in one way only, so that libcurl connects to what we
 * resolve and check. NULL, or what is wrong with it. */
static const char *split_url(const char *url, char *host, size_t size, uint16_t *port)
{
    bool https = strncasecmp(url, "https://", 8) == 0;
    if (!https && strncasecmp(url, "http://", 7) != 0)
        return "must start with https:// or http://";
    const char *at = url + (https ? 8 : 7);
    size_t n = strcspn(at, "/?#");
    for (size_t i = 0; url[i] != '\0'; i++)
        if (url[i] <= ' ' || url[i] == '\\' || url[i] == 0x7f || i >= MAX_URL)
            return "holds a blank, a backslash or a control character, or is too long";
    if (memchr(at, '%', n) != NULL)
        return "must not hold % in its host";
    if (memchr(at, '@', n) != NULL)
        return "must not hold a user or password";
    size_t skip = at[0] == '[' ? 1 : 0;
    const char *end = memchr(at, skip != 0 ? ']' : ':', n);
    if (end == NULL)
        end = at + n;
    size_t len = (size_t)(end - at) - skip;
    if ((skip != 0 && end == at + n) || len == 0 || len >= size || end[-1] == '.')
        return "has no host, or one that ends in a dot";
    (void)snprintf(host, size, "%.*s", (int)len, at + skip);
    const char *rest = end + skip;
    *port = https ? 443 : 80;
    return rest < at + n ? split_port(rest, at + n, port) : NULL;
}

static char **copy_headers(const char *const *headers)
{
    size_t n = 0;
    while (headers != NULL && headers[n] != NULL)
        n++;
    char **copy = gw_calloc(n + 1, sizeof(*copy));
    for (size_t i = 0; i < n; i++)
        copy[i] = gw_strdup(headers[i]);
    return copy;
}

static struct gw_http_call *new_call(struct gw_http *h, const struct gw_http_request *r)
{
    struct gw_http_call *call = gw_calloc(1, sizeof(*call));
    call->http = h;
    call->url = gw_strdup(r->url);
    call->ca_file = r->ca_file != NULL ? gw_strdup(r->ca_file) : NULL;
    call->header_texts = copy_headers(r->headers);
    call->body = r->body.data != NULL ? gw_memdup0(r->body.data, r->body.len) : NULL;
    call->body_len = r->body.len;
    call->allow = r->allow;
    call->allow_data = r->allow_data;
    call->deadline_ms = gw_clock_mono_ms() + r->timeout_ms;
    gw_buf_init(&call->response, r->max_response);
    return call;
}

enum gw_status gw_http_start(struct gw_http *h, const struct gw_http_request *request,
                             gw_http_done_cb on_done, void *data, struct gw_http_call **call_out,
                             struct gw_err *err)
{
    char host[SMTP_MAX_HOST + 2];
    uint16_t port = 0;
    struct smtp_resolver *resolver = NULL;
    PRE(request->unix_socket == NULL && request->max_response > 0);
    if (h->closing)
        return gw_err_set(err, GW_CLOSED, "shutting down");
    if (h->n_calls >= GW_HTTP_MAX_CALLS)
        return gw_err_set(err, GW_BUSY, "too many HTTP requests in hand");
    const char *why = split_url(request->url, host, sizeof(host), &port);
    if (why != NULL)
        return gw_err_set(err, GW_INVALID, "the URL %s", why);
    enum gw_status st = smtp_resolver_new(h->loop, host, port, &resolver, err);
    if (st != GW_OK)
        return st;
    struct gw_http_call *call = new_call(h, request);
    call->host = gw_strdup(host);
    call->port = port;
    call->resolver = resolver;
    call->on_done = on_done;
    call->data = data;
    CHECK(uv_timer_init(h->loop, &call->timer) == 0);
    call->timer.data = call;
    call->n_handles = 2; /* timer, resolver */
    gw_list_push_back(&h->calls, &call->link);
    h->n_calls++;
    h->n_open++;
    (void)uv_timer_start(&call->timer, on_start, 0, 0);
    *call_out = call;
    return GW_OK;
}

struct gw_http *gw_http_new(uv_loop_t *loop)
{
    struct gw_http *h = gw_calloc(1, sizeof(*h));
    h->loop = loop;
    h->load.data = h;
    gw_list_init(&h->calls);
    CHECK(uv_timer_init(loop, &h->timer) == 0);
    h->timer.data = h;
    h->n_open = 1;
    return h;
}

uv_loop_t *gw_http_loop(const struct gw_http *h)
{
    return h->loop;
}

static void on_timer_closed(uv_handle_t *handle)
{
    let_go(handle->data);
}

void gw_http_close(struct gw_http *h, void (*on_closed)(void *), void *data)
{
    PRE(!h->closing);
    h->closing = true;
    h->on_closed = on_closed;
    h->closed_data = data;
    while (!gw_list_empty(&h->calls))
        end_call(gw_list_entry(h->calls.next, struct gw_http_call, link));
    if (h->multi != NULL) { /* closes the connections it kept, and so the sockets we watch */
        (void)h->curl->curl_multi_cleanup(h->multi);
        h->multi = NULL;
    }
    uv_close((uv_handle_t *)&h->timer, on_timer_closed);
}
