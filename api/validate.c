/* SPDX-License-Identifier: MIT */
/* POST /v1/messages/validate: everything but the sending. What is wrong is answered as it would be
 * when sending; what is right is shown as it would leave. */
#include <string.h>

#include "api/domain_view.h"
#include "api/json_write.h"
#include "api/message_body.h"
#include "api/message_mime.h"
#include "api/routes.h"
#include "api/submission_answer.h"
#include "api/submit.h"
#include "gateway/base/gw_mem.h"
#include "gateway/domain_admin.h"
#include "gateway/mime_read.h"
#include "gateway/org_domain.h"

enum {
    MAX_RELAYS = 16,               /* named per recipient; ours */
    MAX_SHOWN_MIME = 1 << 20,      /* octets of a mail that is in the answer; ours */
    DNS_WAIT_MS = 5000,            /* unless `Prefer: wait` says less; ours */
    MAX_VALIDATE_ANSWER = 16 << 20 /* 1,000 recipients and a mail of that size fit */
};

/* ---- signatures ---- */

/* The value of the tag @name of a DKIM-Signature field (RFC 6376 sec. 3.2), "" without one. */
static struct gw_slice tag_of(const char *value, const char *name)
{
    size_t len = strlen(name);
    for (const char *p = value; *p != '\0';) {
        p += strspn(p, " \t;");
        const char *end = p + strcspn(p, ";");
        if (strncmp(p, name, len) == 0 && p[len] == '=') {
            p += len + 1;
            p += strspn(p, " \t");
            return gw_slice_of(p, strcspn(p, " \t;"));
        }
        p = end;
    }
    return GW_SLICE_LIT("");
}

static void view_signatures(struct api_json *j, const struct gw_message *m, struct gw_slice content)
{
    struct gw_arena *arena = gw_arena_new(0);
    struct gw_read_message read;
    const char *end = memmem(content.data, content.len, "\r\n\r\n", 4);
    size_t header = end != NULL ? (size_t)(end - content.data) + 2 : content.len;
    gw_mime_read(arena, gw_slice_of(content.data, header), 0, &read);
    api_json_begin_array(j, "signatures");
    for (size_t i = 0; i < read.n_headers; i++) {
        if (strcasecmp(read.headers[i].name, "DKIM-Signature") != 0)
            continue;
        struct gw_slice domain = tag_of(read.headers[i].value, "d");
        api_json_begin_object(j, NULL);
        api_json_slice(j, "domain", domain);
        api_json_slice(j, "selector", tag_of(read.headers[i].value, "s"));
        api_json_slice(j, "algorithm", tag_of(read.headers[i].value, "a"));
        api_json_str(
            j, "alignment",
            gw_alignment_name(gw_domain_alignment(gw_arena_cstr(arena, domain), m->from_domain)));
        api_json_end_object(j);
    }
    api_json_end_array(j);
    gw_arena_free(&arena);
}

/* ---- the answer ---- */

static void view_recipient(struct api_json *j, struct gw_gateway *g, const struct gw_message *m,
                           const struct gw_recipient *r)
{
    const char *relays[MAX_RELAYS];
    size_t n = gw_gateway_route(g, m, r, relays, MAX_RELAYS);
    api_json_begin_object(j, NULL);
    api_json_str(j, "email", r->email);
    api_json_str(j, "kind", gw_rcpt_kind_name(r->kind));
    api_json_begin_array(j, "relays");
    for (size_t i = 0; i < n; i++)
        api_json_str(j, NULL, relays[i]);
    api_json_end_array(j);
    api_json_end_object(j);
}

struct pending {
    struct api_request *request;
    struct gw_domain_call *call; /* NULL: DNS is not asked */
    struct gw_buf body;
    struct api_json json; /* into body */
};

static void view_message(struct pending *p, const struct gw_message *m)
{
    struct api_json *j = &p->json;
    struct gw_slice content = gw_message_content(m, &m->rcpts[0]);
    api_json_str(j, "message_id", m->message_id);
    api_json_str(j, "from", m->from);
    api_json_str(j, "mail_from", m->mail_from);
    api_json_str(j, "subject", m->subject);
    api_json_num(j, "size", (int64_t)m->mime.len);
    api_json_begin_array(j, "recipients");
    for (size_t i = 0; i < m->n_rcpts; i++)
        view_recipient(j, p->request->context->gateway, m, &m->rcpts[i]);
    api_json_end_array(j);
    view_signatures(j, m, content);
    if (content.len <= MAX_SHOWN_MIME)
        api_json_slice(j, "mime", content);
    else
        api_json_null(j, "mime");
}

static void on_checked(const struct gw_domain_report *report, const struct gw_err *err, void *data)
{
    struct pending *p = data;
    (void)err;
    if (report != NULL)
        api_domain_view(&p->json, "authentication", report);
    else
        api_json_null(&p->json, "authentication");
    api_json_end_object(&p->json);
    api_answer_json(p->request, 200, &p->body);
    gw_free(p);
}

static void on_client_gone(void *data)
{
    struct pending *p = data;
    gw_domain_call_abandon(p->call);
    gw_buf_deinit(&p->body);
    gw_free(p);
}

/* Who vouches for the message. NULL: DNS is not asked. */
static struct gw_domain_call *ask_dns(struct pending *p, const struct gw_message *m)
{
    struct api_prefer prefer = api_request_prefer(p->request);
    const char *at = strrchr(m->mail_from, '@');
    struct gw_domain_request request = {.domain = m->from_domain,
                                        .mail_domain = at != NULL ? at + 1 : "",
                                        .timeout_ms = DNS_WAIT_MS};
    if (prefer.has_wait && prefer.wait_ms < request.timeout_ms)
        request.timeout_ms = prefer.wait_ms;
    if (request.timeout_ms == 0)
        return NULL;
    return gw_domain_call_start(p->request->context->gateway, &request, on_checked, p);
}

static void answer_valid(struct api_request *r, const struct gw_submission_result *result)
{
    struct pending *p = gw_calloc(1, sizeof(*p));
    p->request = r;
    p->json.out = &p->body;
    gw_buf_init(&p->body, MAX_VALIDATE_ANSWER);
    api_json_begin_object(&p->json, NULL);
    view_message(p, result->message);
    p->call = ask_dns(p, result->message);
    if (p->call != NULL)
        api_request_hold(r, on_client_gone, p);
    else
        on_checked(NULL, NULL, p);
}

static void post_validate(struct api_request *r)
{
    struct gw_submit_options options = {
        .api_key = r->api_key, .route = r->route->pattern, .only_validate = true};
    if (api_message_body(r, &options))
        api_submit(r, &options, answer_valid);
}

const struct api_route api_validate_routes[] = {
    {"POST", "/v1/messages/validate", post_validate, CFG_SCOPE_SEND,
     API_ROUTE_JSON | API_ROUTE_JSON_BODY | API_ROUTE_FORM_BODY | API_ROUTE_MIME_BODY,
     API_MESSAGE_MIME_QUERY},
    {0},
};
