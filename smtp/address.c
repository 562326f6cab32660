/* SPDX-License-Identifier: MIT */
/* Mailbox parser: local part, display name, and the pieces put together. */
#include "smtp/address.h"

#include <string.h>

#include "gateway/base/gw_utf8.h"
#include "smtp/address_text.h"

/* RFC 5322 sec. 3.2.3 atext, and any byte of UTF-8 (RFC 6532 sec. 3.2). */
static bool is_atext(char c)
{
    unsigned char u = (unsigned char)c;
    return u >= 0x80 || (u >= 'a' && u <= 'z') || (u >= 'A' && u <= 'Z') ||
           (u >= '0' && u <= '9') || (u != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static bool is_dot_atom(struct gw_slice s)
{
    if (s.len == 0 || s.data[0] == '.' || s.data[s.len - 1] == '.')
        return false;
    for (size_t i = 0; i < s.len; i++) {
        bool dot = s.data[i] == '.';
        if (dot ? s.data[i - 1] == '.' : !is_atext(s.data[i]))
            return false;
    }
    return true;
}

/* The rule of the local part that @c breaks in a place where only atoms may stand. */
static const char *atom_fault(char c)
{
    switch (c) {
    case ' ':
        return "local part holds a space";
    case '(':
    case ')':
        return "comments are not accepted";
    case ',':
    case ';':
    case ':':
        return "only one address may stand here, and no group";
    case '<':
    case '>':
        return "angle brackets are not in place";
    case '"':
        return "quotes may only stand around the whole local part";
    default:
        return "local part holds a character that is not allowed";
    }
}

/* What must not stand in any local part, quoted or not. */
static const char *content_fault(struct gw_slice s, bool *utf8_out)
{
    *utf8_out = false;
    for (size_t i = 0; i < s.len;) {
        uint32_t cp;
        size_t n = gw_utf8_decode(gw_slice_of(s.data + i, s.len - i), &cp);
        if (n == 0)
            return "local part is not valid UTF-8";
        if (gw_cp_is_control(cp))
            return "address holds a control character";
        if (cp == '%' || cp == '!')
            return "local part holds % or !, once used to route mail";
        if (cp == '=' && i + 1 < s.len && s.data[i + 1] == '?')
            return "local part looks like an encoded-word";
        if (n > 1) {
            *utf8_out = true;
            if (smtp_cp_is_deceptive(cp))
                return "local part holds a character that is invisible or looks like punctuation";
        }
        i += n;
    }
    return NULL;
}

/* Reads the quoted-string at the start of @in (RFC 5321 sec. 4.1.2) without its quotes.
 * @used_out  bytes of it, both quotes included */
static const char *unquote(struct gw_arena *arena, struct gw_slice in, struct gw_slice *out,
                           size_t *used_out)
{
    size_t end = 1;
    while (end < in.len && in.data[end] != '"')
        end += in.data[end] == '\\' ? 2 : 1;
    if (end >= in.len)
        return "a quote is not closed";
    char *text = gw_arena_bytes(arena, end);
    size_t n = 0;
    for (size_t i = 1; i < end; i++) {
        i += in.data[i] == '\\' ? 1 : 0;
        text[n++] = in.data[i];
    }
    *out = gw_slice_of(text, n);
    *used_out = end + 1;
    return NULL;
}

/* Local part in quotes: content checked, quotes kept only where they are needed. */
static const char *quoted_local(struct gw_arena *arena, struct gw_slice content,
                                struct gw_slice *wire_out)
{
    if (content.len == 0)
        return "local part is empty";
    if (is_dot_atom(content)) {
        *wire_out = content;
        return NULL;
    }
    char *wire = gw_arena_bytes(arena, 2 * content.len + 3);
    size_t n = 0;
    wire[n++] = '"';
    for (size_t i = 0; i < content.len; i++) {
        char c = content.data[i];
        if (c == '@' || c == '<' || c == '>')
            return "local part holds @, < or > in quotes";
        if (c == '"' || c == '\\')
            wire[n++] = '\\';
        wire[n++] = c;
    }
    wire[n++] = '"';
    *wire_out = gw_slice_of(wire, n);
    return NULL;
}

static const char *plain_local(struct gw_slice local)
{
    if (local.len == 0)
        return "local part is empty";
    for (size_t i = 0; i < local.len; i++) {
        if (local.data[i] != '.' && !is_atext(local.data[i]))
            return atom_fault(local.data[i]);
    }
    return is_dot_atom(local) ? NULL : "local part has a dot at an end, or two in a row";
}

/* @local_out  wire form
 * @used_out   bytes of @in before the @ */
static const char *parse_local(struct gw_arena *arena, struct gw_slice in,
                               struct gw_slice *local_out, size_t *used_out, bool *utf8_out)
{
    struct gw_slice content;
    const char *fault;
    if (in.len != 0 && in.data[0] == '"') {
        fault = unquote(arena, in, &content, used_out);
        if (fault == NULL)
            fault = content_fault(content, utf8_out);
        if (fault == NULL)
            fault = quoted_local(arena, content, local_out);
    } else {
        const char *at = in.len != 0 ? memchr(in.data, '@', in.len) : NULL;
        content = gw_slice_of(in.data, at != NULL ? (size_t)(at - in.data) : in.len);
        *used_out = content.len;
        *local_out = content;
        if (content.len == 0 && at != NULL && memchr(at + 1, ':', in.len - 1) != NULL)
            return "a source route is not accepted";
        fault = content_fault(content, utf8_out);
        if (fault == NULL)
            fault = plain_local(content);
    }
    if (fault == NULL && local_out->len > SMTP_MAX_LOCAL_PART)
        fault = "local part is over 64 octets";
    if (fault == NULL && (*used_out == in.len || in.data[*used_out] != '@'))
        fault = *used_out == in.len ? "address has no @" : "local part goes on behind its quotes";
    return fault;
}

/* Puts what may follow a domain by mistake in words; the domain parser knows only characters. */
static const char *domain_extra_fault(struct gw_slice domain)
{
    for (size_t i = 0; i < domain.len; i++) {
        char c = domain.data[i];
        if ((unsigned char)c < 0x20 || c == 0x7f)
            return "address holds a control character";
        if (c == '@')
            return "address has more than one @";
        if (c == ' ')
            return "address goes on behind its domain";
        if (c == ':' && domain.data[0] != '[')
            return "address has a port or a route";
        if (strchr("(),;<>\"", c) != NULL)
            return atom_fault(c);
    }
    return NULL;
}

enum gw_status smtp_mailbox_parse_addr(struct gw_arena *arena, struct gw_slice in,
                                       struct smtp_mailbox *out, struct gw_err *err)
{
    *out = (struct smtp_mailbox){.address = NULL};
    if (in.len == 0)
        return gw_err_set(err, GW_INVALID, "address is empty");
    if (in.len > SMTP_MAX_ADDRESS_INPUT)
        return gw_err_set(err, GW_INVALID, "address is over 254 octets");
    struct gw_slice local;
    size_t used;
    bool utf8;
    const char *fault = parse_local(arena, in, &local, &used, &utf8);
    if (fault != NULL)
        return gw_err_set(err, GW_INVALID, "%s", fault);
    struct gw_slice rest = gw_slice_of(in.data + used + 1, in.len - used - 1);
    fault = domain_extra_fault(rest);
    if (fault != NULL)
        return gw_err_set(err, GW_INVALID, "%s", fault);
    const char *domain;
    if (smtp_domain_parse(arena, rest, &domain, err) != GW_OK) {
        out->bad_domain = true;
        return GW_INVALID;
    }
    size_t domain_len = strlen(domain);
    if (local.len + 1 + domain_len > SMTP_MAX_MAILBOX)
        return gw_err_set(err, GW_INVALID, "address is over 254 octets");
    char *address = gw_arena_bytes(arena, local.len + domain_len + 2);
    memcpy(address, local.data, local.len);
    address[local.len] = '@';
    memcpy(address + local.len + 1, domain, domain_len + 1);
    *out = (struct smtp_mailbox){
        .address = address, .domain = address + local.len + 1, .utf8_local = utf8};
    return GW_OK;
}

enum gw_status smtp_display_name_parse(struct gw_arena *arena, struct gw_slice in,
                                       const char **name_out, struct gw_err *err)
{
    *name_out = NULL;
    while (in.len != 0 && in.data[0] == ' ') {
        in.data++;
        in.len--;
    }
    while (in.len != 0 && in.data[in.len - 1] == ' ')
        in.len--;
    if (in.len == 0)
        return GW_OK;
    if (in.len > SMTP_MAX_DISPLAY_NAME)
        return gw_err_set(err, GW_INVALID, "display name is over %d octets", SMTP_MAX_DISPLAY_NAME);
    for (size_t i = 0; i < in.len;) {
        uint32_t cp;
        size_t n = gw_utf8_decode(gw_slice_of(in.data + i, in.len - i), &cp);
        if (n == 0)
            return gw_err_set(err, GW_INVALID, "display name is not valid UTF-8");
        if (gw_cp_is_control(cp) || gw_cp_is_line_break(cp))
            return gw_err_set(err, GW_INVALID, "display name holds a control character");
        if (gw_cp_is_bidi_override(cp))
            return gw_err_set(err, GW_INVALID, "display name holds a directional override");
        i += n;
    }
    *name_out = gw_arena_cstr(arena, in);
    return GW_OK;
}

/* The phrase before "<": words, quoted-strings or raw text, decoded into @name_out.
 * @used_out  where the "<" is */
static const char *parse_phrase(struct gw_arena *arena, struct gw_slice in,
                                struct gw_slice *name_out, size_t *used_out)
{
    char *name = gw_arena_bytes(arena, in.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < in.len;) {
        char c = in.data[i];
        if (c == '<') {
            *name_out = gw_slice_of(name, n);
            *used_out = i;
            return NULL;
        }
        if (c == '"') {
            struct gw_slice quoted;
            size_t used;
            const char *fault =
                unquote(arena, gw_slice_of(in.data + i, in.len - i), &quoted, &used);
            if (fault != NULL)
                return fault;
            memcpy(name + n, quoted.data, quoted.len);
            n += quoted.len;
            i += used;
            continue;
        }
        if (c != '\0' && strchr("()[]:;@\\,>", c) != NULL)
            return c == '(' || c == ')' ? "parentheses in a display name need quotes around it"
                                        : "display name needs quotes around it, or this is a list";
        name[n++] = c;
        i++;
    }
    return "angle brackets are not in place";
}

enum gw_status smtp_mailbox_parse(struct gw_arena *arena, struct gw_slice in,
                                  struct smtp_mailbox *out, struct gw_err *err)
{
    *out = (struct smtp_mailbox){.address = NULL};
    if (in.len > SMTP_MAX_ADDRESS_INPUT)
        return gw_err_set(err, GW_INVALID, "address is over 254 octets");
    while (in.len != 0 && in.data[0] == ' ') {
        in.data++;
        in.len--;
    }
    while (in.len != 0 && in.data[in.len - 1] == ' ')
        in.len--;
    if (in.len == 0 || in.data[in.len - 1] != '>')
        return smtp_mailbox_parse_addr(arena, in, out, err);
    struct gw_slice name;
    size_t open;
    const char *fault = parse_phrase(arena, in, &name, &open);
    if (fault != NULL)
        return gw_err_set(err, GW_INVALID, "%s", fault);
    const char *display;
    enum gw_status status = smtp_display_name_parse(arena, name, &display, err);
    if (status != GW_OK)
        return status;
    struct gw_slice inner = gw_slice_of(in.data + open + 1, in.len - open - 2);
    status = smtp_mailbox_parse_addr(arena, inner, out, err);
    out->name = status == GW_OK ? display : NULL;
    return status;
}
