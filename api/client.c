/* SPDX-License-Identifier: MIT */
/* Requests and answers of `mailhatch send`. */
#include "api/client.h"

#include <jansson.h>
#include <string.h>

#include "gateway/base/gw_base64.h"
#include "gateway/base/gw_mem.h"

enum {
    MAX_CELL = 200,
    MAX_REQUEST = 200 << 20
};

static bool set_text(json_t *o, const char *key, const char *value)
{
    return value == NULL || json_object_set_new(o, key, json_string(value)) == 0;
}

static bool set_list(json_t *o, const char *key, const char *const *items, size_t n)
{
    if (n == 0)
        return true;
    json_t *list = json_array();
    bool ok = true;
    for (size_t i = 0; i < n; i++)
        ok = ok && json_array_append_new(list, json_string(items[i])) == 0;
    return json_object_set_new(o, key, list) == 0 && ok;
}

static bool set_headers(json_t *o, const struct api_client_message *m)
{
    if (m->n_headers == 0)
        return true;
    json_t *list = json_array();
    bool ok = true;
    for (size_t i = 0; i < m->n_headers && ok; i++) {
        const char *colon = strchr(m->headers[i], ':');
        if (colon == NULL) {
            ok = false;
            break;
        }
        const char *value = colon + 1 + strspn(colon + 1, " \t");
        json_t *header = json_object();
        ok = json_object_set_new(header, "name",
                                 json_stringn(m->headers[i], (size_t)(colon - m->headers[i]))) ==
                 0 &&
             set_text(header, "value", value) && json_array_append_new(list, header) == 0;
    }
    return json_object_set_new(o, "headers", list) == 0 && ok;
}

static bool set_files(json_t *o, const struct api_client_message *m)
{
    if (m->n_files == 0)
        return true;
    json_t *list = json_array();
    bool ok = true;
    for (size_t i = 0; i < m->n_files; i++) {
        struct gw_slice content = m->files[i].content;
        char *text = gw_malloc(gw_base64_encoded_size(content.len));
        size_t len = gw_base64_encode(content.data, content.len, text);
        json_t *file = json_object();
        ok = ok && set_text(file, "filename", m->files[i].filename) &&
             json_object_set_new(file, "content", json_stringn(text, len)) == 0 &&
             json_array_append_new(list, file) == 0;
        gw_free(text);
    }
    return json_object_set_new(o, "attachments", list) == 0 && ok;
}

static int add_dumped(const char *data, size_t len, void *out)
{
    return gw_buf_add(out, data, len) == GW_OK ? 0 : -1;
}

char *api_client_json(const struct api_client_message *m)
{
    json_t *o = json_object();
    bool ok = set_text(o, "from", m->from) && set_list(o, "to", m->to, m->n_to) &&
              set_list(o, "cc", m->cc, m->n_cc) && set_list(o, "bcc", m->bcc, m->n_bcc) &&
              set_text(o, "subject", m->subject) && set_text(o, "text", m->text) &&
              set_text(o, "html", m->html) && set_text(o, "relay", m->relay) && set_headers(o, m) &&
              set_files(o, m);
    struct gw_buf out;
    gw_buf_init(&out, MAX_REQUEST);
    ok = ok && json_dump_callback(o, add_dumped, &out, JSON_COMPACT) == 0;
    json_decref(o);
    char *text = ok ? gw_buf_take(&out, NULL) : NULL;
    gw_buf_deinit(&out);
    return text;
}

/* A cell of a table on a terminal: control characters never reach it. */
static void add_cell(struct gw_buf *out, const char *s, int width)
{
    char cell[MAX_CELL];
    size_t n = 0;
    for (; s != NULL && *s != '\0' && n < sizeof(cell) - 1; s++)
        cell[n++] = (unsigned char)*s < 0x20 || *s == 0x7f ? ' ' : *s;
    cell[n] = '\0';
    (void)gw_buf_printf(out, "%-*s ", width, cell);
}

static const char *text_of(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

static void add_recipient(struct gw_buf *out, const json_t *r)
{
    const json_t *smtp = json_object_get(r, "smtp");
    json_int_t code = json_integer_value(json_object_get(smtp, "code"));
    const char *said = text_of(r, "detail") != NULL ? text_of(r, "detail") : text_of(smtp, "text");
    add_cell(out, text_of(r, "email"), 32);
    add_cell(out, text_of(r, "status"), 9);
    if (code != 0)
        (void)gw_buf_printf(out, "%3lld ", (long long)code);
    else
        add_cell(out, text_of(r, "reason"), 3);
    add_cell(out, text_of(smtp, "enhanced"), 6);
    add_cell(out, said, 1);
    (void)gw_buf_add_char(out, '\n');
}

static bool report_message(struct gw_buf *out, const json_t *m)
{
    const json_t *recipients = json_object_get(m, "recipients");
    bool all_sent = json_array_size(recipients) != 0;
    (void)gw_buf_printf(out, "%s  ", text_of(m, "id") != NULL ? text_of(m, "id") : "?");
    add_cell(out, text_of(m, "status"), 1);
    (void)gw_buf_add_char(out, '\n');
    size_t i;
    const json_t *r;
    json_array_foreach(recipients, i, r)
    {
        const char *status = text_of(r, "status");
        all_sent = all_sent && status != NULL && strcmp(status, "sent") == 0;
        add_recipient(out, r);
    }
    return all_sent;
}

static void report_problem(struct gw_buf *out, const json_t *p, long http_status)
{
    (void)gw_buf_printf(out, "%ld ", http_status);
    add_cell(out, text_of(p, "code"), 1);
    add_cell(out, text_of(p, "detail"), 1);
    (void)gw_buf_add_char(out, '\n');
    size_t i;
    const json_t *e;
    json_array_foreach(json_object_get(p, "errors"), i, e)
    {
        add_cell(out, text_of(e, "pointer"), 24);
        add_cell(out, text_of(e, "code"), 18);
        add_cell(out, text_of(e, "detail"), 1);
        (void)gw_buf_add_char(out, '\n');
    }
}

bool api_client_report(struct gw_slice answer, long http_status, struct gw_buf *out)
{
    json_t *o = json_loadb(answer.data != NULL ? answer.data : "", answer.len, 0, NULL);
    bool all_sent = false;
    if (!json_is_object(o)) {
        (void)gw_buf_printf(out, "the server answered %ld with something that is not JSON\n",
                            http_status);
    } else if (http_status / 100 == 2) {
        all_sent = report_message(out, o);
    } else {
        report_problem(out, o, http_status);
        const json_t *m = json_object_get(o, "message");
        if (m != NULL)
            (void)report_message(out, m);
    }
    json_decref(o);
    return all_sent;
}
