/* SPDX-License-Identifier: MIT */
/* The section "sandbox". */
#include "config/cfg_schema.h"

#define AT(member) offsetof(struct cfg_sandbox, member)

enum {
    MAX_PORT = 65535
};

static const struct cfg_word tls_words[] = {{"none", CFG_TLS_NONE, false},
                                            {"starttls", CFG_TLS_STARTTLS, false},
                                            {"implicit", CFG_TLS_IMPLICIT, false},
                                            {NULL, 0, false}};
static const struct cfg_word extension_words[] = {{"pipelining", CFG_SANDBOX_PIPELINING, false},
                                                  {"chunking", CFG_SANDBOX_CHUNKING, false},
                                                  {NULL, 0, false}};

static const struct cfg_field fields[] = {
    {.name = "port", .type = &cfg_type_count, .offset = AT(port), .min = 0, .max = MAX_PORT},
    {.name = "tls", .type = &cfg_type_enum, .offset = AT(tls), .words = tls_words},
    {.name = "extensions",
     .type = &cfg_type_flags,
     .offset = AT(extensions),
     .min = 0,
     .max = 2,
     .words = extension_words},
    {.name = "username", .type = &cfg_type_string, .offset = AT(username), .want = "a user name"},
    {.name = "password",
     .type = &cfg_type_string,
     .offset = AT(password),
     .flags = CFG_SECRET,
     .want = "a password"},
};

static void finish(struct cfg_loader *l, const struct cfg_node *node, void *item)
{
    (void)item;
    /* Not when one of them is there but wrong: that is a problem already. */
    bool has_user = cfg_node_value(node, "username") != NULL;
    bool has_password =
        cfg_node_value(node, "password") != NULL || cfg_node_value(node, "password_file") != NULL;
    if (has_user != has_password)
        cfg_problem_key(l, node, "%s is missing; username and password come together",
                        has_user ? "the password" : "the username");
}

const struct cfg_section cfg_sandbox_section = {
    .what = "sandbox", CFG_FIELDS(fields), .shorthand = "tls", .finish = finish};
