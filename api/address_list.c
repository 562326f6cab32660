/* SPDX-License-Identifier: MIT */
/* Cutting lists of addresses at their commas. */
#include "api/address_list.h"

/* Octets up to the comma that ends the first address, or all of them. */
static size_t first_length(struct gw_slice s)
{
    unsigned comments = 0;
    bool quoted = false;
    bool angle = false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.data[i];
        if (c == '\\' && (quoted || comments > 0)) {
            i++;
        } else if (c == '"' && comments == 0) {
            quoted = !quoted;
        } else if (c == '(' && !quoted) {
            comments++;
        } else if (c == ')' && !quoted && comments > 0) {
            comments--;
        } else if (quoted || comments > 0) {
            continue;
        } else if (c == '<' || c == '>') {
            angle = c == '<';
        } else if (c == ',' && !angle) {
            return i;
        }
    }
    return s.len;
}

/* Takes the next address that is not empty off *rest; empty at the end. What ends a line stays: the
 * address is refused for it. */
static struct gw_slice take(struct gw_slice *rest)
{
    struct gw_slice one = gw_slice_of(NULL, 0);
    while (one.len == 0 && rest->len > 0) {
        size_t len = first_length(*rest);
        size_t used = len < rest->len ? len + 1 : len;
        one = gw_slice_trim(gw_slice_of(rest->data, len), " \t");
        *rest = gw_slice_of(rest->data + used, rest->len - used);
    }
    return one;
}

/* Items there is room for in a list of @n. */
static size_t capacity(size_t n)
{
    size_t room = n > 0 ? 8 : 0;
    while (room < n)
        room *= 2;
    return room;
}

void api_address_list_add(struct gw_problems *problems, struct gw_slice text, const char *pointer,
                          struct gw_draft_addresses *list)
{
    struct gw_arena *arena = problems->arena;
    size_t n = 0;
    struct gw_slice rest = text;
    while (n <= API_ADDRESS_LIST_MAX && take(&rest).len > 0)
        n++;
    list->pointer = pointer;
    if (list->n + n > API_ADDRESS_LIST_MAX) {
        gw_problems_add(problems, pointer, GW_PROBLEM_TOO_MANY, "These are more than %d addresses.",
                        API_ADDRESS_LIST_MAX);
        return;
    }
    if (capacity(list->n + n) > capacity(list->n)) {
        struct gw_draft_address *items =
            GW_ARENA_ARRAY(arena, struct gw_draft_address, capacity(list->n + n));
        if (list->n > 0)
            memcpy(items, list->items, list->n * sizeof(*items));
        list->items = items;
    }
    rest = text;
    for (struct gw_slice one = take(&rest); one.len > 0; one = take(&rest)) {
        struct gw_field *field = &list->items[list->n].text;
        field->value = gw_arena_slice(arena, one);
        field->pointer = gw_arena_printf(arena, "%s/%zu", pointer, list->n++);
    }
}
