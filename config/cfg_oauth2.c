/* SPDX-License-Identifier: MIT */
/* The key "oauth2" of a relay. */
#include <stdio.h>
#include <string.h>

#include "config/cfg_schema.h"
#include "config/cfg_text.h"

#define AT(member) offsetof(struct cfg_oauth2, member)

/* Secrets travel to it: https, or plain http on this machine. */
static bool is_token_url(const char *s)
{
    char https[CFG_MAX_TEXT + sizeof("https://")];
    char host[CFG_MAX_HOST + 1];
    if (strncmp(s, "http://", 7) != 0)
        return cfg_is_https_url(s);
    (void)snprintf(https, sizeof(https), "https://%s", s + 7);
    const char *at = s[7] == '[' ? s + 8 : s + 7;
    size_t n = strcspn(at, s[7] == '[' ? "]" : ":/?");
    if (!cfg_is_https_url(https) || n > CFG_MAX_HOST)
        return false;
    (void)snprintf(host, sizeof(host), "%.*s", (int)n, at);
    return cfg_is_loopback(host);
}

static const struct cfg_field fields[] = {
    {.name = "token_url",
     .type = &cfg_type_string,
     .offset = AT(token_url),
     .check = is_token_url,
     .want = "an https:// URL (http:// only on this machine)"},
    {.name = "client_id", .type = &cfg_type_string, .offset = AT(client_id), .want = "a client id"},
    {.name = "client_secret",
     .type = &cfg_type_string,
     .offset = AT(client_secret),
     .file_offset = AT(client_secret_file),
     .flags = CFG_SECRET,
     .want = "a client secret"},
    {.name = "scope", .type = &cfg_type_string, .offset = AT(scope), .want = "a scope"},
    {.name = "refresh_token",
     .type = &cfg_type_string,
     .offset = AT(refresh_token),
     .file_offset = AT(refresh_token_file),
     .flags = CFG_SECRET,
     .want = "a refresh token"},
    {.name = "access_token",
     .type = &cfg_type_string,
     .offset = AT(access_token),
     .file_offset = AT(access_token_file),
     .flags = CFG_SECRET,
     .want = "an access token"},
    {.name = "ca_file",
     .type = &cfg_type_string,
     .offset = AT(ca_file),
     .check = cfg_is_file_path,
     .want = "the path of a PEM file"},
};
const struct cfg_section cfg_oauth2_section = {.what = "oauth2", CFG_FIELDS(fields)};

bool cfg_oauth2_given(const struct cfg_oauth2 *o)
{
    return o->token_url != NULL || o->access_token != NULL || o->client_id != NULL ||
           o->refresh_token != NULL || o->client_secret != NULL;
}

void cfg_oauth2_check(struct cfg_loader *l, const struct cfg_node *node, const struct cfg_oauth2 *o)
{
    if (o->access_token != NULL) {
        if (o->token_url != NULL || o->client_id != NULL || o->refresh_token != NULL)
            cfg_problem_key(l, node,
                            "oauth2: access_token is a token as it stands; leave out token_url, "
                            "client_id and refresh_token, or access_token");
        return;
    }
    const struct cfg_node *map = cfg_node_value(node, "oauth2");
    if (map != NULL && cfg_node_value(map, "token_url") != NULL && o->token_url == NULL)
        return; /* a problem already */
    if (o->token_url == NULL || o->client_id == NULL)
        cfg_problem_key(l, node, "oauth2 needs token_url and client_id, or an access_token");
    else if (o->refresh_token == NULL && o->client_secret == NULL)
        cfg_problem_key(l, node,
                        "oauth2 needs a refresh_token (on behalf of a user) or a client_secret (on "
                        "behalf of the application)");
}
