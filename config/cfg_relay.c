/* SPDX-License-Identifier: MIT */
/* The section "relays". */
#include <stdio.h>
#include <string.h>

#include "config/cfg_schema.h"
#include "config/cfg_text.h"
#include "config/cfg_url.h"
#include "gateway/base/gw_saslprep.h"

#define MS_OF_S(s)  ((s)*INT64_C(1000))
#define AT(member)  offsetof(struct cfg_relay, member)
#define MAX_TIMEOUT MS_OF_S(3600)

static const char *keep(struct cfg_loader *l, const char *text)
{
    return text != NULL ? gw_arena_strdup(l->out->arena, text) : NULL;
}

static void read_url(struct cfg_loader *l, const struct cfg_field *f, const struct cfg_node *node,
                     void *base)
{
    struct cfg_relay *relay = base;
    struct cfg_relay_url url;
    (void)f;
    const char *text = cfg_scalar(l, node, "a URL such as smtp://host:587");
    if (text == NULL)
        return;
    const char *why = cfg_relay_url_parse(&l->pool, text, &url);
    if (why != NULL) {
        if (node->line != 0)
            cfg_problem(l, node, "\"%s\": %s", node->key, why);
        else
            cfg_problem(l, node, "%s", why);
        return;
    }
    relay->sandbox = url.sandbox;
    relay->host = keep(l, url.host);
    relay->port = url.port;
    relay->tls_mode = url.tls_mode;
    relay->username = keep(l, url.username);
    relay->password = url.password != NULL ? cfg_keep_text(l, url.password, CFG_SECRET) : NULL;
}

static void print_url(struct cfg_printer *p, const struct cfg_field *f, const void *base)
{
    static const char *const query[] = {[CFG_TLS_STARTTLS] = "",
                                        [CFG_TLS_IMPLICIT] = "",
                                        [CFG_TLS_OPPORTUNISTIC] = "?tls=opportunistic",
                                        [CFG_TLS_NONE] = "?tls=none"};
    const struct cfg_relay *relay = base;
    char text[CFG_MAX_HOST + 64] = "sandbox:";
    if (!relay->sandbox) {
        bool v6 = strchr(relay->host, ':') != NULL;
        (void)snprintf(text, sizeof(text), "%s://%s%s%s:%u%s",
                       relay->tls_mode == CFG_TLS_IMPLICIT ? "smtps" : "smtp", v6 ? "[" : "",
                       relay->host, v6 ? "]" : "", relay->port, query[relay->tls_mode]);
    }
    cfg_print_string(p, f->name, text);
}

static const struct cfg_type url_type = {read_url, print_url};

static const struct cfg_word mechanisms[] = {
    {"plain", CFG_AUTH_PLAIN, false},
    {"login", CFG_AUTH_LOGIN, false},
    {"cram-md5", CFG_AUTH_CRAM_MD5, false},
    {"scram-sha-256", CFG_AUTH_SCRAM_SHA_256, false},
    {"xoauth2", CFG_AUTH_XOAUTH2, false},
    {"oauthbearer", CFG_AUTH_OAUTHBEARER, false},
    {NULL, 0, false},
};

static void read_auth(struct cfg_loader *l, const struct cfg_field *f, const struct cfg_node *node,
                      void *base)
{
    struct cfg_relay *relay = base;
    if (node->kind == CFG_NODE_MAP) {
        cfg_problem(l, node,
                    "\"auth\" is a list of mechanisms; \"oauth2\" is a key of its own beside it");
        return;
    }
    if (!cfg_list_check(l, f, node))
        return;
    size_t n = 0;
    for (const struct cfg_node *item = node->first; item != NULL; item = item->next) {
        const struct cfg_word *word = cfg_word_read(l, item, mechanisms, 0);
        if (word == NULL)
            continue;
        bool again = false;
        for (size_t i = 0; i < n; i++)
            again = again || (int)relay->auth[i] == word->value;
        if (again)
            cfg_problem(l, item, "\"%s\" is there twice", word->name);
        else
            relay->auth[n++] = (enum cfg_auth_mech)word->value;
    }
    relay->n_auth = n;
}

static void print_auth(struct cfg_printer *p, const struct cfg_field *f, const void *base)
{
    const struct cfg_relay *relay = base;
    cfg_print_key(p, f->name);
    for (size_t i = 0; i < relay->n_auth; i++)
        (void)gw_buf_printf(p->out, "%s%s", i == 0 ? " [" : ", ",
                            cfg_word_name(mechanisms, (int)relay->auth[i]));
    (void)gw_buf_add_str(p->out, "]\n");
}

static const struct cfg_type auth_type = {read_auth, print_auth};

static const struct cfg_word verify_words[] = {{"full", CFG_VERIFY_FULL, false},
                                               {"ca", CFG_VERIFY_CA, false},
                                               {"none", CFG_VERIFY_NONE, false},
                                               {NULL, 0, false}};
static const struct cfg_word version_words[] = {
    {"1.2", 0x0303, false}, {"1.3", 0x0304, false}, {NULL, 0, false}};

static const char pem[] = "the path of a PEM file";
static const char host[] =
    "a host name (letters, digits and \"-\", single dots, at most 253 characters)";

static const struct cfg_field tls_fields[] = {
    {.name = "verify", .type = &cfg_type_enum, .offset = AT(verify), .words = verify_words},
    {.name = "ca_file",
     .type = &cfg_type_string,
     .offset = AT(ca_file),
     .check = cfg_is_file_path,
     .want = pem},
    {.name = "pins",
     .type = &cfg_type_strings,
     .offset = AT(pins),
     .count_offset = AT(n_pins),
     .max = CFG_MAX_PINS,
     .check = cfg_is_pin,
     .want = "sha256/ and the base64 of a SHA-256, as `mailhatch relay check` prints it"},
    {.name = "server_name",
     .type = &cfg_type_string,
     .offset = AT(server_name),
     .flags = CFG_LOWER,
     .check = cfg_is_host_name,
     .want = host},
    {.name = "min_version",
     .type = &cfg_type_enum,
     .offset = AT(min_tls_version),
     .words = version_words},
    {.name = "client_cert_file",
     .type = &cfg_type_string,
     .offset = AT(client_cert_file),
     .check = cfg_is_file_path,
     .want = pem},
    {.name = "client_key_file",
     .type = &cfg_type_string,
     .offset = AT(client_key_file),
     .check = cfg_is_file_path,
     .want = pem},
};
static const struct cfg_section tls_section = {.what = "tls", CFG_FIELDS(tls_fields)};

static const struct cfg_field pool_fields[] = {
    {.name = "connections",
     .type = &cfg_type_count,
     .offset = AT(pool_connections),
     .min = 1,
     .max = 1000},
    {.name = "messages_per_connection",
     .type = &cfg_type_count,
     .offset = AT(pool_messages_per_connection),
     .min = 1,
     .max = 1000000},
    {.name = "idle",
     .type = &cfg_type_duration,
     .offset = AT(pool_idle_ms),
     .min = 0,
     .max = MS_OF_S(86400)},
    {.name = "age",
     .type = &cfg_type_duration,
     .offset = AT(pool_age_ms),
     .min = 1,
     .max = MS_OF_S(86400)},
};
static const struct cfg_section pool_section = {.what = "pool", CFG_FIELDS(pool_fields)};

static const struct cfg_field per_domain_fields[] = {
    {.name = "connections",
     .type = &cfg_type_count,
     .offset = AT(domain_connections),
     .min = 1,
     .max = 1000},
    {.name = "rate", .type = &cfg_type_rate, .offset = AT(domain_rate_per_s)},
};
static const struct cfg_section per_domain_section = {.what = "per_domain",
                                                      CFG_FIELDS(per_domain_fields)};

#define TIMEOUT(step) \
    { \
        .name = #step, .type = &cfg_type_duration, \
        .offset = offsetof(struct cfg_timeouts, step##_ms), .min = 10, .max = MAX_TIMEOUT \
    }
static const struct cfg_field timeout_fields[] = {
    TIMEOUT(resolve),   TIMEOUT(connect), TIMEOUT(greeting), TIMEOUT(ehlo), TIMEOUT(starttls),
    TIMEOUT(handshake), TIMEOUT(auth),    TIMEOUT(mail),     TIMEOUT(rcpt), TIMEOUT(data),
    TIMEOUT(body),      TIMEOUT(dot),     TIMEOUT(rset),     TIMEOUT(quit),
};
static const struct cfg_section timeouts_section = {.what = "timeouts", CFG_FIELDS(timeout_fields)};

static const struct cfg_word one_flight_words[] = {
    {"auto", CFG_ONE_FLIGHT_AUTO, false}, {"off", CFG_ONE_FLIGHT_OFF, false}, {NULL, 0, false}};

static const struct cfg_field fields[] = {
    {.name = "url", .type = &url_type, .flags = CFG_REQUIRED | CFG_SECRET},
    {.name = "username", .type = &cfg_type_once, .offset = AT(username), .want = "a user name"},
    {.name = "password",
     .type = &cfg_type_once,
     .offset = AT(password),
     .file_offset = AT(password_file),
     .flags = CFG_SECRET,
     .want = "a password"},
    {.name = "auth", .type = &auth_type, .min = 1, .max = CFG_N_AUTH_MECHS},
    {.name = "oauth2", .type = &cfg_type_map, .offset = AT(oauth2), .section = &cfg_oauth2_section},
    {.name = "one_flight",
     .type = &cfg_type_enum,
     .offset = AT(one_flight),
     .words = one_flight_words},
    {.name = "helo_name",
     .type = &cfg_type_string,
     .offset = AT(helo_name),
     .check = cfg_is_helo,
     .want = "a host name, or an IP address as [192.0.2.1] or [IPv6:2001:db8::1]"},
    {.name = "tls", .type = &cfg_type_map, .section = &tls_section},
    {.name = "pool", .type = &cfg_type_map, .section = &pool_section},
    {.name = "rate", .type = &cfg_type_rate, .offset = AT(rate_per_s)},
    {.name = "burst", .type = &cfg_type_count, .offset = AT(burst), .min = 1, .max = 100000},
    {.name = "per_domain", .type = &cfg_type_map, .section = &per_domain_section},
    {.name = "timeouts",
     .type = &cfg_type_map,
     .offset = AT(timeouts),
     .section = &timeouts_section},
};

static void check_tls(struct cfg_loader *l, const struct cfg_node *node, const struct cfg_relay *r)
{
    if ((r->client_cert_file == NULL) != (r->client_key_file == NULL))
        cfg_problem_key(l, node, "client_cert_file and client_key_file come together");
    if (r->tls_mode != CFG_TLS_NONE)
        return;
    if (r->n_pins > 0 || r->ca_file != NULL || r->server_name != NULL ||
        r->client_cert_file != NULL)
        cfg_problem_key(l, node,
                        "?tls=none and the keys of \"tls\" contradict each other; leave "
                        "one of them out");
    if (r->username != NULL && !cfg_is_loopback(r->host))
        cfg_problem_key(l, node,
                        "?tls=none would send the password of this relay over the network in clear "
                        "text; leave ?tls=none out, or the password, or use a relay on 127.0.0.1");
}

static bool is_bearer(enum cfg_auth_mech mech)
{
    return mech == CFG_AUTH_XOAUTH2 || mech == CFG_AUTH_OAUTHBEARER;
}

static void check_oauth2(struct cfg_loader *l, const struct cfg_node *node, struct cfg_relay *r,
                         bool has_password)
{
    bool given = cfg_oauth2_given(&r->oauth2);
    if (given && cfg_node_value(node, "auth") == NULL) {
        r->auth[0] = CFG_AUTH_XOAUTH2;
        r->auth[1] = CFG_AUTH_OAUTHBEARER;
        r->n_auth = 2;
    }
    for (size_t i = 0; i < r->n_auth; i++)
        if (is_bearer(r->auth[i]) != given) {
            cfg_problem_key(l, node,
                            given ? "with oauth2 only xoauth2 and oauthbearer can be in auth"
                                  : "xoauth2 and oauthbearer need oauth2 beside auth");
            break;
        }
    if (!given)
        return;
    cfg_oauth2_check(l, node, &r->oauth2);
    if (has_password)
        cfg_problem_key(l, node, "a relay has a password or oauth2, not both");
    if (r->username == NULL)
        cfg_problem_key(l, node, "oauth2 needs the username: the mailbox that sends");
}

/* What PLAIN and SCRAM send is prepared; @what names it in the text. */
static void check_prepared(struct cfg_loader *l, const struct cfg_node *node, const char *what,
                           const char *text)
{
    const char *why = text != NULL ? gw_saslprep_problem(text) : NULL;
    const struct cfg_node *value = cfg_node_value(node, what);
    if (why != NULL && value != NULL)
        cfg_problem(l, value, "the %s %s", what, why);
    else if (why != NULL) /* from the URL or a file */
        cfg_problem_key(l, node, "the %s %s", what, why);
}

static void check_saslprep(struct cfg_loader *l, const struct cfg_node *node,
                           const struct cfg_relay *r)
{
    bool prepares = false;
    for (size_t i = 0; i < r->n_auth; i++)
        prepares = prepares || r->auth[i] == CFG_AUTH_PLAIN || r->auth[i] == CFG_AUTH_SCRAM_SHA_256;
    if (!prepares || r->password == NULL)
        return;
    check_prepared(l, node, "username", r->username);
    check_prepared(l, node, "password", r->password);
}

static void check_credentials(struct cfg_loader *l, const struct cfg_node *node,
                              struct cfg_relay *r)
{
    /* Not when one of them is there but wrong: that is a problem already. */
    bool has_user = r->username != NULL || cfg_node_value(node, "username") != NULL;
    bool has_password = r->password != NULL || cfg_node_value(node, "password") != NULL ||
                        cfg_node_value(node, "password_file") != NULL;
    bool has_oauth2 = cfg_node_value(node, "oauth2") != NULL;
    if (r->sandbox && (has_user || has_password || has_oauth2))
        cfg_problem_key(l, node,
                        "sandbox: takes no username and no password; the section \"sandbox\" may "
                        "have them");
    if (r->sandbox || r->host == NULL)
        return;
    if (has_user != has_password && !has_oauth2)
        cfg_problem_key(l, node, "%s is missing; username and password come together",
                        has_user ? "the password" : "the username");
    check_oauth2(l, node, r, has_password);
    check_saslprep(l, node, r);
}

static void finish(struct cfg_loader *l, const struct cfg_node *node, void *item)
{
    struct cfg_relay *r = item;
    if (r->burst > 0 && r->rate_per_s <= 0 && cfg_node_value(node, "rate") == NULL)
        cfg_problem_key(l, node, "burst does nothing without rate; add a rate or leave burst out");
    check_credentials(l, node, r);
    if (!r->sandbox && r->host != NULL)
        check_tls(l, node, r);
}

static const struct cfg_relay defaults = {
    .min_tls_version = 0x0303,
    .auth = {CFG_AUTH_PLAIN, CFG_AUTH_LOGIN},
    .n_auth = 2,
    .pool_connections = 8,
    .pool_messages_per_connection = 100,
    .pool_idle_ms = MS_OF_S(60),
    .pool_age_ms = MS_OF_S(600),
    /* RFC 5321 sec. 4.5.3.2 and more where it does not say. */
    .timeouts = {.resolve_ms = MS_OF_S(30),
                 .connect_ms = MS_OF_S(30),
                 .greeting_ms = MS_OF_S(300),
                 .ehlo_ms = MS_OF_S(300),
                 .starttls_ms = MS_OF_S(60),
                 .handshake_ms = MS_OF_S(60),
                 .auth_ms = MS_OF_S(120),
                 .mail_ms = MS_OF_S(300),
                 .rcpt_ms = MS_OF_S(300),
                 .data_ms = MS_OF_S(120),
                 .body_ms = MS_OF_S(180),
                 .dot_ms = MS_OF_S(600),
                 .rset_ms = MS_OF_S(20),
                 .quit_ms = MS_OF_S(5)},
};

const struct cfg_section cfg_relay_section = {.what = "a relay",
                                              CFG_FIELDS(fields),
                                              .shorthand = "url",
                                              .size = sizeof(struct cfg_relay),
                                              .defaults = &defaults,
                                              .name_offset = AT(name),
                                              .finish = finish};

bool cfg_relay_find(struct cfg_loader *l, const struct cfg_node *node, size_t *index_out)
{
    const char *text = cfg_scalar(l, node, "the name of a relay");
    if (text == NULL)
        return false;
    const struct cfg_relay *relays = l->cfg->relays;
    const char *names[CFG_MAX_KEYS];
    size_t n = l->cfg->n_relays;
    for (size_t i = 0; i < n; i++) {
        names[i] = relays[i].name;
        if (strcmp(text, names[i]) == 0) {
            *index_out = i;
            return true;
        }
    }
    if (n == 0) /* reported where the relays are */
        return false;
    const char *near = cfg_nearest(text, names, n);
    if (near != NULL)
        cfg_problem(l, node, "there is no relay \"%s\"; did you mean \"%s\"?", text, near);
    else
        cfg_problem(l, node, "there is no relay of this name under \"relays\"");
    return false;
}
