/* SPDX-License-Identifier: MIT */
/* Parsing of relay URLs and listen addresses (RFC 3986 as far as they need it). */
#include "config/cfg_url.h"

#include <string.h>
#include <strings.h>

#include "config/cfg_text.h"

/* "host:port", split. */
struct authority {
    char host[CFG_MAX_HOST + 1];
    bool bracketed, has_port;
    uint16_t port;
};

static bool take_prefix(struct gw_slice *s, const char *prefix)
{
    size_t n = strlen(prefix);
    if (s->len < n || strncasecmp(s->data, prefix, n) != 0)
        return false;
    *s = gw_slice_of(s->data + n, s->len - n);
    return true;
}

/* Cut @s at the first of @stops; what follows it (the stop not included) goes to *rest, whose data
 * is NULL when there was none. */
static struct gw_slice cut(struct gw_slice s, const char *stops, struct gw_slice *rest)
{
    size_t n = 0;
    while (n < s.len && strchr(stops, s.data[n]) == NULL)
        n++;
    *rest = n < s.len ? gw_slice_of(s.data + n + 1, s.len - n - 1) : gw_slice_of(NULL, 0);
    return gw_slice_of(s.data, n);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decode %XX into @out (s.len + 1 bytes); false unless the result is clean text. */
static bool percent_decode(struct gw_slice s, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] != '%') {
            out[n++] = s.data[i];
            continue;
        }
        int high = s.len - i > 2 ? hex_digit(s.data[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(s.data[i + 2]) : -1;
        if (low < 0)
            return false;
        out[n++] = (char)(high << 4 | low);
        i += 2;
    }
    out[n] = '\0';
    return cfg_is_clean(gw_slice_of(out, n));
}

static const char *split_authority(struct gw_slice s, struct authority *out)
{
    static const char bad_port[] = "the port must be a number, at most 65535";
    struct gw_slice port;
    struct gw_slice host;
    *out = (struct authority){0};
    if (s.len != 0 && s.data[0] == '[') {
        host = cut(gw_slice_of(s.data + 1, s.len - 1), "]", &port);
        out->bracketed = true;
        if (port.data == NULL || (port.len != 0 && port.data[0] != ':'))
            return "an IPv6 address is written [::1]:8080";
        port = port.len != 0 ? gw_slice_of(port.data + 1, port.len - 1) : gw_slice_of(NULL, 0);
    } else {
        host = cut(s, ":", &port);
        if (port.data != NULL && memchr(port.data, ':', port.len) != NULL)
            return "an IPv6 address is written in brackets, such as [::1]:8080";
    }
    if (host.len > CFG_MAX_HOST)
        return "the host name is over 253 characters";
    memcpy(out->host, host.data, host.len);
    out->has_port = port.data != NULL;
    if (out->has_port && !cfg_parse_port(port, &out->port))
        return bad_port;
    if (out->bracketed && (cfg_is_ipv4(out->host) || !cfg_is_ip(out->host)))
        return "what is in brackets is not an IPv6 address";
    return NULL;
}

/* Relays */

static const char *parse_userinfo(struct cfg_pool *pool, struct gw_slice s,
                                  struct cfg_relay_url *out)
{
    struct gw_slice pass;
    struct gw_slice user = cut(s, ":", &pass);
    char *username = cfg_pool_secret(pool, user.len + 1);
    char *password = cfg_pool_secret(pool, pass.len + 1);
    if (!percent_decode(user, username) || !percent_decode(pass, password))
        return "user and password: % must be followed by two hex digits that make text (write a "
               "literal % as %25)";
    if (user.len == 0)
        return "the user before \"@\" is empty";
    if (pass.data != NULL && pass.len == 0)
        return "the password before \"@\" is empty";
    out->username = username;
    out->password = pass.data != NULL ? password : NULL;
    return NULL;
}

static const char *parse_relay_query(struct gw_slice query, struct cfg_relay_url *out)
{
    static const char wrong[] =
        "after \"?\" only tls=opportunistic or tls=none is known (without it STARTTLS is required)";
    if (query.data == NULL)
        return NULL;
    if (out->tls_mode == CFG_TLS_IMPLICIT)
        return "smtps:// is TLS from the first byte and takes nothing after \"?\"";
    if (gw_slice_is(query, "tls=opportunistic"))
        out->tls_mode = CFG_TLS_OPPORTUNISTIC;
    else if (gw_slice_is(query, "tls=none"))
        out->tls_mode = CFG_TLS_NONE;
    else
        return wrong;
    return NULL;
}

static const char *parse_relay_host(struct cfg_pool *pool, struct gw_slice s,
                                    struct cfg_relay_url *out)
{
    struct authority a;
    const char *why = split_authority(s, &a);
    if (why != NULL)
        return why;
    if (a.host[0] == '\0')
        return "the host is missing; write smtp://host:587 or smtps://host:465";
    if (!cfg_is_host(a.host))
        return "not a host name: use an IP address, or letters, digits, \"-\" and single dots, at "
               "most 63 characters between dots and 253 in all (names in other scripts in their "
               "xn-- form)";
    if (a.has_port && a.port == 0)
        return "port 0 is not a relay's; leave it out for the usual one";
    char *host = cfg_pool_secret_text(pool, gw_slice_str(a.host));
    for (char *c = host; *c != '\0'; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    out->host = host;
    if (a.has_port)
        out->port = a.port;
    return NULL;
}

const char *cfg_relay_url_parse(struct cfg_pool *pool, const char *text, struct cfg_relay_url *out)
{
    struct gw_slice s = gw_slice_str(text);
    struct gw_slice rest;
    struct gw_slice query;
    *out = (struct cfg_relay_url){.port = 587};
    if (take_prefix(&s, "sandbox:")) {
        out->sandbox = true;
        return s.len == 0 ? NULL : "the built-in sandbox is written sandbox: and nothing more";
    }
    if (take_prefix(&s, "smtps://")) {
        out->tls_mode = CFG_TLS_IMPLICIT;
        out->port = 465;
    } else if (!take_prefix(&s, "smtp://")) {
        return "a relay is smtp://host:587 (STARTTLS), smtps://host:465 (TLS) or sandbox:";
    }
    struct gw_slice authority = cut(s, "/?#", &rest);
    /* An unescaped / ? or # in a password ends the host early and leaves the @ behind. */
    if (rest.data != NULL && memchr(rest.data, '@', rest.len) != NULL)
        return "user or password holds / ? or #; write / as %2F, ? as %3F, # as %23";
    struct gw_slice path = gw_slice_of(NULL, 0);
    char stop = '\0';
    if (authority.len < s.len)
        stop = s.data[authority.len];
    query = stop == '?' ? rest : gw_slice_of(NULL, 0);
    if (stop == '/')
        path = cut(rest, "?", &query);
    if (path.len != 0 || stop == '#')
        return "nothing but ?tls=… may follow the port";
    /* The last @: a user name is often an address itself. */
    const char *at = memrchr(authority.data, '@', authority.len);
    struct gw_slice host = authority;
    const char *why = NULL;
    if (at != NULL) {
        size_t n = (size_t)(at - authority.data);
        host = gw_slice_of(at + 1, authority.len - n - 1);
        why = parse_userinfo(pool, gw_slice_of(authority.data, n), out);
    }
    if (why == NULL)
        why = parse_relay_host(pool, host, out);
    return why != NULL ? why : parse_relay_query(query, out);
}

/* Listeners */

static const char *listen_unix(struct gw_arena *arena, struct gw_slice path, struct cfg_listen *out)
{
    if (path.len == 0)
        return "the path is missing; write unix:/run/mailhatch/api.sock";
    if (path.len > CFG_MAX_UNIX_PATH)
        return "the path of a Unix socket is at most 107 bytes";
    out->kind = CFG_LISTEN_UNIX;
    out->path = gw_arena_cstr(arena, path);
    out->address = gw_arena_printf(arena, "unix:%s", out->path);
    out->loopback = true;
    return NULL;
}

static const char *listen_query(struct gw_arena *arena, struct gw_slice query,
                                struct cfg_listen *out)
{
    const struct {
        const char *name;
        const char **file;
    } known[] = {
        {"cert", &out->cert_file}, {"key", &out->key_file}, {"client_ca", &out->client_ca_file}};
    while (query.data != NULL) {
        struct gw_slice value;
        struct gw_slice name = cut(cut(query, "&", &query), "=", &value);
        size_t i = 0;
        while (i < 3 && !gw_slice_is(name, known[i].name))
            i++;
        if (i == 3)
            return "after \"?\" only cert=, key= and client_ca= are known";
        if (value.len == 0 || *known[i].file != NULL)
            return "cert=, key= and client_ca= each take one file";
        char *file = gw_arena_bytes(arena, value.len + 1);
        if (!percent_decode(value, file))
            return "% in a file name must be followed by two hex digits (write a literal % as %25)";
        *known[i].file = file;
    }
    return NULL;
}

const char *cfg_listen_parse(struct gw_arena *arena, const char *text, struct cfg_listen *out)
{
    struct gw_slice s = gw_slice_str(text);
    struct gw_slice query;
    struct authority a;
    if (take_prefix(&s, "unix:"))
        return listen_unix(arena, s, out);
    bool https = take_prefix(&s, "https://");
    bool http = !https && take_prefix(&s, "http://");
    if (!http && !https && memmem(s.data, s.len, "://", 3) != NULL)
        return "an address is 127.0.0.1:8080, [::1]:8080, unix:/path or https://0.0.0.0:8443?cert=…"
               "&key=…";
    s = cut(s, "?", &query);
    if ((http || https) && s.len != 0 && s.data[s.len - 1] == '/')
        s.len--;
    if (query.data != NULL && !https)
        return "only an address that starts with https:// takes cert= and key=";
    const char *why = split_authority(s, &a);
    if (why != NULL)
        return why;
    if (!a.has_port)
        return "the port is missing; write 127.0.0.1:8080";
    if (!cfg_is_ip(a.host))
        return "the part before the port must be an IP address, such as 127.0.0.1 (this machine "
               "only) or 0.0.0.0 (every interface)";
    out->kind = CFG_LISTEN_TCP;
    out->host = gw_arena_strdup(arena, a.host);
    out->port = a.port;
    out->address = gw_arena_printf(arena, a.bracketed ? "[%s]:%u" : "%s:%u", a.host, a.port);
    out->loopback = cfg_is_loopback(a.host);
    return listen_query(arena, query, out);
}
