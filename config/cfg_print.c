/* SPDX-License-Identifier: MIT */
/* A configuration as YAML: the schema's tables read backwards. */
#include "config/cfg_schema.h"

const char cfg_mask[] = "********";

void cfg_print_key(struct cfg_printer *p, const char *name)
{
    unsigned indent = p->dash ? p->indent - 2 : p->indent;
    (void)gw_buf_printf(p->out, "%*s%s%s:", (int)indent, "", p->dash ? "- " : "", name);
    p->dash = false;
}

void cfg_print_quoted(struct cfg_printer *p, const char *s)
{
    (void)gw_buf_add_char(p->out, '"');
    for (; *s != '\0'; s++) {
        if (*s == '"' || *s == '\\')
            (void)gw_buf_add_char(p->out, '\\');
        else if (*s == '$')
            (void)gw_buf_add_char(p->out, '$');
        (void)gw_buf_add_char(p->out, *s);
    }
    (void)gw_buf_add_char(p->out, '"');
}

void cfg_print_string(struct cfg_printer *p, const char *name, const char *value)
{
    cfg_print_key(p, name);
    (void)gw_buf_add_char(p->out, ' ');
    cfg_print_quoted(p, value);
    (void)gw_buf_add_char(p->out, '\n');
}

void cfg_print_plain(struct cfg_printer *p, const char *name, const char *value)
{
    cfg_print_key(p, name);
    (void)gw_buf_printf(p->out, " %s\n", value);
}

void cfg_print_nothing(struct cfg_printer *p, const struct cfg_field *f, const void *base)
{
    (void)p;
    (void)f;
    (void)base;
}

void cfg_section_print(struct cfg_printer *p, const struct cfg_section *s, const void *base)
{
    for (size_t i = 0; i < s->n_fields; i++)
        s->fields[i].type->print(p, &s->fields[i], base);
}

enum gw_status cfg_print(const struct cfg *c, struct gw_buf *out)
{
    struct cfg_printer p = {.out = out, .cfg = c};
    cfg_section_print(&p, &cfg_root_section, c);
    return out->overflowed ? GW_TOOBIG : GW_OK;
}
