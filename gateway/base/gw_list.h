/* SPDX-License-Identifier: MIT */
/* Intrusive doubly linked list. A node that is in no list points at itself or is zeroed. */
#ifndef GW_LIST_H
#define GW_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct gw_list {
    struct gw_list *next, *prev;
};

static inline void gw_list_init(struct gw_list *l)
{
    l->next = l;
    l->prev = l;
}

static inline bool gw_list_empty(const struct gw_list *l)
{
    return l->next == l || l->next == NULL;
}

static inline void gw_list_push_back(struct gw_list *head, struct gw_list *node)
{
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}

static inline void gw_list_push_front(struct gw_list *head, struct gw_list *node)
{
    gw_list_push_back(head->next, node);
}

/* Idempotent. */
static inline void gw_list_remove(struct gw_list *node)
{
    if (node->next == NULL)
        return;
    node->prev->next = node->next;
    node->next->prev = node->prev;
    node->next = NULL;
    node->prev = NULL;
}

/* All of @from goes to the end of @head. */
static inline void gw_list_splice(struct gw_list *head, struct gw_list *from)
{
    while (!gw_list_empty(from)) {
        struct gw_list *node = from->next;
        gw_list_remove(node);
        gw_list_push_back(head, node);
    }
}

#define gw_list_entry(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

/* The current node may be removed inside gw_list_foreach_safe, no other. */
/* NOLINTBEGIN(bugprone-macro-parentheses): @it is the name of the loop's variable */
#define gw_list_foreach(it, head) \
    for (struct gw_list *it = (head)->next; it != (head); it = it->next)
#define gw_list_foreach_safe(it, head) \
    for (struct gw_list *it = (head)->next, *it##_next = it->next; it != (head); \
         it = it##_next, it##_next = it->next)
/* NOLINTEND(bugprone-macro-parentheses) */

#endif
