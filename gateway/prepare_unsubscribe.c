/* SPDX-License-Identifier: MIT */
/* List-Unsubscribe.
 *
 * Spec: RFC 2369 sec. 3.2, RFC 8058 (one-click), RFC 3986 (characters of a URL), RFC 6068 (mailto).
 */
#include <string.h>

#include "gateway/prepare_internal.h"
#include "smtp/address.h"

static const char scheme_https[] = "https://";
static const char scheme_mailto[] = "mailto:";

static bool starts_with(struct gw_slice s, const char *prefix, size_t len)
{
    return s.len >= len && strncasecmp(s.data, prefix, len) == 0;
}

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Only characters of RFC 3986, and nothing that a reader of headers would decode. */
static bool is_url_text(struct gw_slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.data[i];
        if (!is_alnum(c) && (c == '\0' || strchr("-._~:/?#[]@!$&'()*+,;=%", c) == NULL))
            return false;
        if (c == '=' && i + 1 < s.len && s.data[i + 1] == '?')
            return false;
    }
    return true;
}

static bool has_plain_host(struct gw_slice authority_on)
{
    size_t n = 0;
    while (n < authority_on.len && strchr("/?#", authority_on.data[n]) == NULL)
        n++;
    return n != 0 && authority_on.data[0] != ':' && memchr(authority_on.data, '@', n) == NULL;
}

static void parse_url(struct gw_prepare_job *job, const struct gw_field *f)
{
    size_t scheme = sizeof(scheme_https) - 1;
    if (!gw_prepare_line(job, f, GW_MAX_UNSUBSCRIBE, 0))
        return;
    if (!starts_with(f->value, scheme_https, scheme) || !is_url_text(f->value) ||
        !has_plain_host(gw_slice_of(f->value.data + scheme, f->value.len - scheme))) {
        gw_problems_add(job->problems, f->pointer, GW_PROBLEM_URL,
                        "Must be an https:// URL with a host, without user name, spaces or "
                        "non-ASCII characters, and without \"=?\".");
        return;
    }
    job->mime.unsubscribe_url = gw_arena_cstr(job->arena, f->value);
}

/* `local@domain` as a mailto URL has it (RFC 6068 sec. 2). */
static void add_percent_encoded(struct gw_buf *out, const char *address)
{
    for (; *address != '\0'; address++) {
        if (is_alnum(*address) || strchr("-._~!$'*+@", *address) != NULL)
            (void)gw_buf_add_char(out, *address);
        else
            (void)gw_buf_printf(out, "%%%02X", (unsigned)(unsigned char)*address);
    }
}

static void parse_mailto(struct gw_prepare_job *job, const struct gw_field *f)
{
    struct gw_slice s = f->value;
    struct gw_err err;
    struct smtp_mailbox m;
    if (!gw_prepare_line(job, f, GW_MAX_UNSUBSCRIBE, 0))
        return;
    if (starts_with(s, scheme_mailto, sizeof(scheme_mailto) - 1)) {
        s.data += sizeof(scheme_mailto) - 1;
        s.len -= sizeof(scheme_mailto) - 1;
    }
    const char *mark = s.len != 0 ? memchr(s.data, '?', s.len) : NULL;
    size_t len = mark != NULL ? (size_t)(mark - s.data) : s.len;
    struct gw_slice query = gw_slice_of(s.data + len, s.len - len);
    enum gw_status status = smtp_mailbox_parse_addr(job->arena, gw_slice_of(s.data, len), &m, &err);
    if (status != GW_OK || m.utf8_local) {
        gw_problems_add(job->problems, f->pointer,
                        m.bad_domain ? GW_PROBLEM_DOMAIN : GW_PROBLEM_ADDRESS,
                        "This is not a mail address that can be used: %s.",
                        status != GW_OK ? err.text : "local part is not ASCII");
        return;
    }
    if (!is_url_text(query)) {
        gw_problems_add(job->problems, f->pointer, GW_PROBLEM_URL,
                        "What follows the address must be percent-encoded.");
        return;
    }
    struct gw_buf out;
    gw_buf_init(&out, sizeof("%XX") * (GW_MAX_UNSUBSCRIBE + SMTP_MAX_MAILBOX));
    add_percent_encoded(&out, m.address);
    (void)gw_buf_add_slice(&out, query);
    job->mime.unsubscribe_mailto = gw_arena_cstr(job->arena, gw_buf_view(&out));
    gw_buf_deinit(&out);
}

void gw_prepare_unsubscribe(struct gw_prepare_job *job)
{
    const struct gw_draft *d = job->draft;
    if (!d->list_unsubscribe.given)
        return;
    bool url = gw_is_given(&d->list_unsubscribe.url);
    bool mailto = gw_is_given(&d->list_unsubscribe.mailto);
    if (url)
        parse_url(job, &d->list_unsubscribe.url);
    if (mailto)
        parse_mailto(job, &d->list_unsubscribe.mailto);
    if (!url && (d->list_unsubscribe.one_click || !mailto))
        gw_prepare_required(job, d->list_unsubscribe.pointer,
                            d->list_unsubscribe.one_click ? "One-click needs a url (RFC 8058)."
                                                          : "A url or a mailto is required.");
    job->mime.unsubscribe_one_click = d->list_unsubscribe.one_click;
}
