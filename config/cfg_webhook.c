/* SPDX-License-Identifier: MIT */
/* The section of a webhook. */
#include <stdio.h>
#include <string.h>

#include "config/cfg_schema.h"
#include "config/cfg_text.h"
#include "gateway/base/gw_base64.h"
#include "gateway/base/gw_mem.h"

#define MS_OF_S(s)    ((s)*INT64_C(1000))
#define MS_OF_DAYS(d) ((d)*INT64_C(86400000))

/* "whsec_" announces base64; else every text is a key. */
static bool is_webhook_secret(const char *s)
{
    static const char prefix[] = "whsec_";
    unsigned char key[CFG_MAX_TEXT];
    size_t len = strlen(s);
    if (strncmp(s, prefix, sizeof(prefix) - 1) == 0) {
        struct gw_slice text = gw_slice_of(s + sizeof(prefix) - 1, len - (sizeof(prefix) - 1));
        if (gw_base64_decoded_max(text.len) > sizeof(key) ||
            gw_base64_decode(text, key, &len, NULL) != GW_OK)
            return false;
        gw_wipe(key, len);
    }
    return len >= CFG_MIN_WEBHOOK_SECRET;
}

static bool is_webhook_url(const char *s)
{
    static const char plain[] = "http://";
    char https[CFG_MAX_TEXT + 2];
    if (strncmp(s, plain, sizeof(plain) - 1) != 0)
        return cfg_is_https_url(s);
    (void)snprintf(https, sizeof(https), "https://%s", s + sizeof(plain) - 1);
    return cfg_is_https_url(https);
}

/* Port of a URL that is_webhook_url() accepts. */
static bool has_usual_port(const char *url)
{
    const char *host = strstr(url, "://") + 3;
    const char *end = host[0] == '[' ? strchr(host, ']') : host;
    const char *colon = end + strcspn(end, ":/?");
    return *colon != ':' || strncmp(colon, ":443/", 5) == 0 || strcmp(colon, ":443") == 0 ||
           strncmp(colon, ":8443/", 6) == 0 || strcmp(colon, ":8443") == 0;
}

static void finish_webhook(struct cfg_loader *l, const struct cfg_node *node, void *item)
{
    const struct cfg_webhook *w = item;
    if (w->url == NULL || w->allow_private)
        return;
    if (strncmp(w->url, "https://", 8) != 0)
        cfg_problem(l, node, "\"url\" must begin with https://, unless \"allow_private\" is true");
    else if (!has_usual_port(w->url))
        cfg_problem(l, node,
                    "\"url\" must have port 443 or 8443, unless \"allow_private\" is true");
}

static const struct cfg_word bool_words[] = {
    {"false", 0, false}, {"true", 1, false}, {NULL, 0, false}};

/* A bool, which is smaller than an enumeration. */
static void read_bool(struct cfg_loader *l, const struct cfg_field *f, const struct cfg_node *node,
                      void *base)
{
    const struct cfg_word *word = cfg_word_read(l, node, bool_words, 0);
    bool value = word != NULL && word->value != 0;
    cfg_put(base, f->offset, &value, sizeof(value));
}

static void print_bool(struct cfg_printer *p, const struct cfg_field *f, const void *base)
{
    bool value;
    memcpy(&value, (const char *)base + f->offset, sizeof(value));
    cfg_print_plain(p, f->name, cfg_word_name(bool_words, value));
}

static const struct cfg_type bool_type = {read_bool, print_bool};

static const struct cfg_field webhook_fields[] = {
    {.name = "name",
     .type = &cfg_type_string,
     .offset = offsetof(struct cfg_webhook, name),
     .flags = CFG_REQUIRED,
     .check = cfg_is_name,
     .want = "a name of 1 to 64 letters, digits, \".\", \"_\" and \"-\""},
    {.name = "url",
     .type = &cfg_type_string,
     .offset = offsetof(struct cfg_webhook, url),
     .flags = CFG_REQUIRED,
     .check = is_webhook_url,
     .want = "a URL such as https://host/path, without user, password "
             "and fragment"},
    {.name = "secret",
     .type = &cfg_type_string,
     .offset = offsetof(struct cfg_webhook, secret),
     .flags = CFG_REQUIRED | CFG_SECRET,
     .check = is_webhook_secret,
     .want = "a secret of at least 8 characters, or whsec_ and the base64 of as many octets"},
    {.name = "events",
     .type = &cfg_type_strings,
     .offset = offsetof(struct cfg_webhook, events),
     .count_offset = offsetof(struct cfg_webhook, n_events),
     .min = 1,
     .max = 32,
     .check = cfg_is_event_pattern,
     .want = "an event such as recipient.sent, recipient.* or *"},
    {.name = "api_key",
     .type = &cfg_type_api_key,
     .offset = offsetof(struct cfg_webhook, api_key),
     .check = cfg_is_name,
     .want = "the name of an API key"},
    {.name = "allow_private",
     .type = &bool_type,
     .offset = offsetof(struct cfg_webhook, allow_private)},
    {.name = "ca_file",
     .type = &cfg_type_string,
     .offset = offsetof(struct cfg_webhook, ca_file),
     .check = cfg_is_file_path,
     .want = "the path of a PEM file"},
    {.name = "pause_after",
     .type = &cfg_type_duration,
     .offset = offsetof(struct cfg_webhook, pause_after_ms),
     .min = MS_OF_S(1),
     .max = CFG_MAX_DURATION},
};
static const struct cfg_webhook webhook_defaults = {.pause_after_ms = MS_OF_DAYS(3)};
const struct cfg_section cfg_webhook_section = {.what = "a webhook",
                                                CFG_FIELDS(webhook_fields),
                                                .size = sizeof(struct cfg_webhook),
                                                .defaults = &webhook_defaults,
                                                .unique = {"name"},
                                                .finish = finish_webhook};
