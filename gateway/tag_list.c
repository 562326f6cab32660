/* SPDX-License-Identifier: MIT */
/* Reading lists of tags. */
#include "gateway/tag_list.h"

static const char blanks[] = " \t\r\n";

enum {
    SHOWN = 40 /* octets of a bad tag that a problem repeats */
};

static struct gw_slice shown(struct gw_slice s)
{
    return gw_slice_of(s.data, s.len < SHOWN ? s.len : SHOWN);
}

const struct gw_slice *gw_tag_find(const struct gw_tag_list *list, const char *name)
{
    for (size_t i = 0; i < list->n; i++)
        if (gw_slice_is(list->names[i], name))
            return &list->values[i];
    return NULL;
}

/* ALPHA *(ALPHA / DIGIT / "_") */
static bool is_tag_name(struct gw_slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.data[i];
        bool alpha = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        if (!alpha && (i == 0 || !((c >= '0' && c <= '9') || c == '_')))
            return false;
    }
    return s.len > 0;
}

static enum gw_status add_tag(struct gw_tag_list *list, struct gw_slice tag, struct gw_err *err)
{
    const char *equals = memchr(tag.data, '=', tag.len);
    struct gw_slice name =
        gw_slice_of(tag.data, equals != NULL ? (size_t)(equals - tag.data) : tag.len);
    name = gw_slice_trim(name, blanks);
    if (equals == NULL || !is_tag_name(name))
        return gw_err_set(err, GW_INVALID, "\"%.*s\" is not of the form name=value",
                          GW_SLICE_ARG(shown(tag)));
    for (size_t i = 0; i < list->n; i++)
        if (gw_slice_eq(list->names[i], name))
            return gw_err_set(err, GW_INVALID, "the tag \"%.*s\" is there twice",
                              GW_SLICE_ARG(shown(name)));
    if (list->n == GW_TAGS_MAX)
        return gw_err_set(err, GW_INVALID, "there are over %d tags", GW_TAGS_MAX);
    list->names[list->n] = name;
    list->values[list->n++] =
        gw_slice_trim(gw_slice_of(equals + 1, (size_t)(tag.data + tag.len - equals - 1)), blanks);
    return GW_OK;
}

enum gw_status gw_tag_list_read(struct gw_slice text, struct gw_tag_list *out, struct gw_err *err)
{
    enum gw_status st = GW_OK;
    out->n = 0;
    while (text.len > 0 && st == GW_OK) {
        const char *end = memchr(text.data, ';', text.len);
        struct gw_slice tag =
            gw_slice_of(text.data, end != NULL ? (size_t)(end - text.data) : text.len);
        text = end != NULL ? gw_slice_of(end + 1, text.len - tag.len - 1) : gw_slice_of(NULL, 0);
        tag = gw_slice_trim(tag, blanks);
        if (tag.len > 0 || text.len > 0) /* nothing behind the last semicolon */
            st = tag.len > 0
                     ? add_tag(out, tag, err)
                     : gw_err_set(err, GW_INVALID, "there is nothing between two semicolons");
    }
    return st;
}
