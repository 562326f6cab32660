/* SPDX-License-Identifier: MIT */
/* The section "listen". */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "config/cfg_schema.h"
#include "config/cfg_text.h"
#include "config/cfg_url.h"

enum {
    DEFAULT_MODE = 0660
};

static void read_address(struct cfg_loader *l, const struct cfg_field *f,
                         const struct cfg_node *node, void *base)
{
    (void)f;
    const char *text = cfg_scalar(l, node, "an address such as 127.0.0.1:8080 or unix:/path");
    if (text == NULL)
        return;
    const char *why = cfg_listen_parse(l->out->arena, text, base);
    if (why != NULL)
        cfg_problem(l, node, "\"%s\": %s", node->shown, why);
}

static void print_address(struct cfg_printer *p, const struct cfg_field *f, const void *base)
{
    const struct cfg_listen *listen = base;
    cfg_print_string(p, f->name, listen->address);
}

static const struct cfg_type address_type = {read_address, print_address};

static void read_mode(struct cfg_loader *l, const struct cfg_field *f, const struct cfg_node *node,
                      void *base)
{
    static const char want[] = "a file mode of up to four octal digits, such as 0660";
    const char *text = cfg_scalar(l, node, want);
    struct cfg_listen *listen = base;
    (void)f;
    if (text == NULL)
        return;
    size_t n = strspn(text, "01234567");
    uint32_t mode = 0;
    for (size_t i = 0; i < n && n <= 4; i++)
        mode = mode << 3 | (uint32_t)(text[i] - '0');
    if (n == 0 || n > 4 || text[n] != '\0' || mode > 0777)
        cfg_problem_value(l, node, false, want);
    else
        listen->mode = mode;
}

static void print_mode(struct cfg_printer *p, const struct cfg_field *f, const void *base)
{
    const struct cfg_listen *listen = base;
    char text[CFG_UNIT_SIZE];
    if (listen->kind != CFG_LISTEN_UNIX)
        return;
    (void)snprintf(text, sizeof(text), "\"%04o\"", listen->mode);
    cfg_print_plain(p, f->name, text);
}

static const struct cfg_type mode_type = {read_mode, print_mode};

static const struct cfg_field tls_fields[] = {
    {.name = "cert_file",
     .type = &cfg_type_once,
     .offset = offsetof(struct cfg_listen, cert_file),
     .check = cfg_is_file_path,
     .want = "the path of a PEM file"},
    {.name = "key_file",
     .type = &cfg_type_once,
     .offset = offsetof(struct cfg_listen, key_file),
     .check = cfg_is_file_path,
     .want = "the path of a PEM file"},
    {.name = "client_ca_file",
     .type = &cfg_type_once,
     .offset = offsetof(struct cfg_listen, client_ca_file),
     .check = cfg_is_file_path,
     .want = "the path of a PEM file"},
};
static const struct cfg_section tls_section = {.what = "tls", CFG_FIELDS(tls_fields)};

static const struct cfg_field fields[] = {
    {.name = "address", .type = &address_type, .flags = CFG_REQUIRED},
    {.name = "mode", .type = &mode_type},
    {.name = "tls", .type = &cfg_type_map, .section = &tls_section},
};

static void finish(struct cfg_loader *l, const struct cfg_node *node, void *item)
{
    const struct cfg_listen *listen = item;
    const struct cfg_node *address =
        node->kind == CFG_NODE_SCALAR ? node : cfg_node_value(node, "address");
    bool tls = listen->cert_file != NULL || listen->key_file != NULL;
    if (listen->address == NULL || address == NULL || address->kind != CFG_NODE_SCALAR)
        return;
    if ((listen->cert_file == NULL) != (listen->key_file == NULL))
        cfg_problem(l, node, "TLS needs both a certificate (cert_file) and its key (key_file)");
    else if (!tls && (listen->client_ca_file != NULL || cfg_node_value(node, "tls") != NULL))
        cfg_problem(l, node, "\"tls\" needs cert_file and key_file");
    else if (!tls && strncasecmp(address->text, "https:", 6) == 0)
        cfg_problem(l, node,
                    "https:// needs a certificate and its key: ?cert=FILE&key=FILE, or "
                    "tls: {cert_file: FILE, key_file: FILE}");
    else if (tls && strncasecmp(address->text, "http:", 5) == 0)
        cfg_problem(l, node, "http:// and a certificate contradict each other; write https://");
    if (listen->kind == CFG_LISTEN_UNIX && tls)
        cfg_problem(l, node, "TLS is for TCP addresses; a Unix socket goes without");
    if (listen->kind != CFG_LISTEN_UNIX && cfg_node_value(node, "mode") != NULL)
        cfg_problem(l, cfg_node_value(node, "mode"), "\"mode\" is for Unix sockets only");
}

static const struct cfg_listen defaults = {.mode = DEFAULT_MODE};

const struct cfg_section cfg_listen_section = {.what = "a listener",
                                               CFG_FIELDS(fields),
                                               .shorthand = "address",
                                               .size = sizeof(struct cfg_listen),
                                               .defaults = &defaults,
                                               .finish = finish};
