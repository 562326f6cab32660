/* SPDX-License-Identifier: MIT */
/* Paths and parameters of MAIL and RCPT. */
#include "smtp/sandbox_path.h"

#include "gateway/base/gw_utf8.h"
#include "smtp/sandbox_session.h"

static struct gw_slice skip(struct gw_slice s, size_t n)
{
    return gw_slice_of(s.data + n, s.len - n);
}

static struct gw_slice skip_spaces(struct gw_slice s)
{
    while (s.len != 0 && s.data[0] == ' ')
        s = skip(s, 1);
    return s;
}

/* Offset of the > that closes the path, past quoted-strings; s.len when there is none. */
static size_t find_close(struct gw_slice s)
{
    bool quoted = false;
    for (size_t i = 0; i < s.len; i++) {
        if (quoted && s.data[i] == '\\')
            i++;
        else if (s.data[i] == '"')
            quoted = !quoted;
        else if (!quoted && s.data[i] == '>')
            return i;
    }
    return s.len;
}

/* `@a,@b:` before the mailbox is passed over (RFC 5321 appendix C). */
static struct gw_slice skip_source_route(struct gw_slice s)
{
    const char *colon = s.len != 0 && s.data[0] == '@' ? memchr(s.data, ':', s.len) : NULL;
    return colon != NULL ? skip(s, (size_t)(colon - s.data) + 1) : s;
}

/* A quoted-string, or no spaces and specials. */
static bool local_part_ok(struct gw_slice local)
{
    static const char specials[] = " ()<>[]:;@\\,\"";
    if (local.len == 0 || local.len > SMTP_SANDBOX_MAX_LOCAL)
        return false;
    if (local.data[0] != '"') {
        for (size_t i = 0; i < local.len; i++)
            if (memchr(specials, local.data[i], sizeof(specials) - 1) != NULL)
                return false;
        return true;
    }
    size_t i = 1;
    while (i < local.len && local.data[i] != '"')
        i += local.data[i] == '\\' ? 2 : 1;
    return local.len >= 2 && i == local.len - 1;
}

static bool domain_char_ok(unsigned char c)
{
    return c > 0x7f || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           c == '-' || c == '.' || c == '_';
}

/* Labels that are not empty, or an address literal. */
static bool domain_ok(struct gw_slice domain)
{
    if (domain.len == 0 || domain.len > SMTP_SANDBOX_MAX_DOMAIN)
        return false;
    if (domain.data[0] == '[')
        return domain.len > 2 && domain.data[domain.len - 1] == ']' &&
               memchr(domain.data, ' ', domain.len) == NULL;
    for (size_t i = 0; i < domain.len; i++) {
        bool dot = domain.data[i] == '.';
        if (!domain_char_ok((unsigned char)domain.data[i]) ||
            (dot && (i == 0 || i == domain.len - 1 || domain.data[i - 1] == '.')))
            return false;
    }
    return true;
}

static const char *check_mailbox(struct smtp_sandbox_path *path)
{
    struct gw_slice m = path->mailbox;
    if (m.len > SMTP_SANDBOX_MAX_PATH)
        return "the address is too long";
    for (size_t i = 0; i < m.len; i++)
        path->utf8 = path->utf8 || (unsigned char)m.data[i] > 0x7f;
    if (path->utf8 && !gw_utf8_valid(m))
        return "the address is not UTF-8";
    if (m.len == 0 || gw_slice_eq_nocase(m, GW_SLICE_LIT("postmaster")))
        return NULL;
    const char *at = memrchr(m.data, '@', m.len);
    if (at == NULL)
        return "the address has no domain";
    struct gw_slice local = gw_slice_of(m.data, (size_t)(at - m.data));
    if (!local_part_ok(local) || !domain_ok(skip(m, local.len + 1)))
        return "the address is not local-part@domain";
    return NULL;
}

const char *smtp_sandbox_path_parse(struct gw_slice in, struct smtp_sandbox_path *out)
{
    *out = (struct smtp_sandbox_path){.utf8 = false};
    in = skip_spaces(in);
    if (in.len == 0 || in.data[0] != '<')
        return "the address must stand in angle brackets";
    in = skip(in, 1);
    size_t close = find_close(in);
    if (close == in.len)
        return "the address lacks its closing bracket";
    out->mailbox = skip_source_route(gw_slice_of(in.data, close));
    struct gw_slice rest = skip(in, close + 1);
    if (rest.len != 0 && rest.data[0] != ' ')
        return "a space must stand between address and parameters";
    out->params = skip_spaces(rest);
    return check_mailbox(out);
}

bool smtp_sandbox_param_next(struct gw_slice *params, struct gw_slice *key, struct gw_slice *value)
{
    *params = skip_spaces(*params);
    if (params->len == 0)
        return false;
    const char *space = memchr(params->data, ' ', params->len);
    struct gw_slice one =
        gw_slice_of(params->data, space != NULL ? (size_t)(space - params->data) : params->len);
    *params = skip(*params, one.len);
    const char *equals = memchr(one.data, '=', one.len);
    *key = gw_slice_of(one.data, equals != NULL ? (size_t)(equals - one.data) : one.len);
    *value = equals != NULL ? skip(one, key->len + 1) : gw_slice_of(NULL, 0);
    return true;
}
