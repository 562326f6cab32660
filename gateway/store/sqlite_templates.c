/* SPDX-License-Identifier: MIT */
/* Templates as rows. The order of binds and columns follows gateway/store/sqlite_schema.c. */
#include "gateway/store/sqlite_templates.h"

#include "gateway/base/gw_clock.h"
#include "gateway/store/sqlite_bind.h"

static struct gw_template read_row(struct gw_arena *arena, sqlite3_stmt *s, bool with_texts)
{
    struct gw_template t = {
        .seq = sqlite3_column_int64(s, 0),
        .name = sqlite_text(arena, s, 1),
        .size_bytes = (size_t)sqlite3_column_int64(s, 2),
        .created_at_ms = sqlite3_column_int64(s, 3),
        .updated_at_ms = sqlite3_column_int64(s, 4),
    };
    if (with_texts) {
        t.subject = sqlite_text(arena, s, 5);
        t.text = sqlite_text(arena, s, 6);
        t.html = sqlite_text(arena, s, 7);
    }
    return t;
}

/* page->n says whether there is one. */
static int find(struct sqlite_db *d, const char *tenant, const char *name, bool with_texts,
                struct gw_arena *arena, struct sqlite_templates_page *page)
{
    struct sqlite_binder b = sqlite_bind_start(d, STMT_FIND_TEMPLATE);
    sqlite_bind_text(&b, tenant);
    sqlite_bind_text(&b, name);
    int rc = sqlite3_step(b.s);
    page->n = rc == SQLITE_ROW ? 1 : 0;
    if (page->n != 0)
        page->found[0] = read_row(arena, b.s, with_texts);
    (void)sqlite3_reset(b.s);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* Whether the tenant has room for @t in place of @old (NULL: there is none). */
static int check_room(struct sqlite_db *d, const char *tenant, const struct gw_template *old,
                      const struct gw_template *t, bool *fits_out)
{
    struct sqlite_binder b = sqlite_bind_start(d, STMT_SUM_TEMPLATES);
    sqlite_bind_text(&b, tenant);
    int rc = sqlite3_step(b.s);
    int64_t n = sqlite3_column_int64(b.s, 0) + (old == NULL ? 1 : 0);
    int64_t size = sqlite3_column_int64(b.s, 1) + (int64_t)t->size_bytes -
                   (old != NULL ? (int64_t)old->size_bytes : 0);
    *fits_out = n <= GW_MAX_TEMPLATES && size <= GW_MAX_TEMPLATES_SIZE;
    (void)sqlite3_reset(b.s);
    return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

static int put(struct sqlite_db *d, const char *tenant, const struct gw_template *t)
{
    struct sqlite_binder b = sqlite_bind_start(d, STMT_PUT_TEMPLATE);
    sqlite_bind_text(&b, tenant);
    sqlite_bind_text(&b, t->name);
    sqlite_bind_int(&b, (int64_t)t->size_bytes);
    sqlite_bind_int(&b, gw_clock_wall_ms());
    sqlite_bind_text(&b, t->subject);
    sqlite_bind_text(&b, t->text);
    sqlite_bind_text(&b, t->html);
    int rc = sqlite_db_run(d, STMT_PUT_TEMPLATE);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int sqlite_put_template(struct sqlite_db *d, const char *tenant, const struct gw_template *t,
                        struct gw_arena *arena, struct sqlite_templates_page *page, bool *fits_out)
{
    int rc = find(d, tenant, t->name, false, arena, page);
    page->cursor = page->n == 0;
    *fits_out = false;
    if (rc == SQLITE_OK)
        rc = check_room(d, tenant, page->n != 0 ? &page->found[0] : NULL, t, fits_out);
    if (rc == SQLITE_OK && *fits_out)
        rc = put(d, tenant, t);
    return rc == SQLITE_OK && *fits_out ? find(d, tenant, t->name, false, arena, page) : rc;
}

int sqlite_delete_template(struct sqlite_db *d, const char *tenant, const char *name)
{
    struct sqlite_binder b = sqlite_bind_start(d, STMT_DELETE_TEMPLATE);
    sqlite_bind_text(&b, tenant);
    sqlite_bind_text(&b, name);
    int rc = sqlite_db_run(d, STMT_DELETE_TEMPLATE);
    if (rc != SQLITE_DONE)
        return rc;
    return sqlite3_changes(d->db) > 0 ? SQLITE_OK : SQLITE_NOTFOUND;
}

int sqlite_list_templates(struct sqlite_db *d, const struct gw_template_query *q,
                          struct gw_arena *arena, struct sqlite_templates_page *page)
{
    page->n = 0;
    page->cursor = 0;
    if (q->name != NULL)
        return find(d, q->tenant, q->name, true, arena, page);
    struct sqlite_binder b = sqlite_bind_start(d, STMT_LIST_TEMPLATES);
    sqlite_bind_text(&b, q->tenant);
    sqlite_bind_int(&b, q->cursor != 0 ? q->cursor : INT64_MAX);
    int rc;
    while ((rc = sqlite3_step(b.s)) == SQLITE_ROW) {
        if (page->n == q->limit) {
            page->cursor = page->found[page->n - 1].seq;
            rc = SQLITE_DONE;
            break;
        }
        page->found[page->n++] = read_row(arena, b.s, false);
    }
    (void)sqlite3_reset(b.s);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}
