/* SPDX-License-Identifier: MIT */
/* Address lists of a message that comes as MIME. Where addresses begin and end is decided here,
 * strictly; what an address is, by the one parser that all of them pass (smtp/address.h), and the
 * header is written anew from what that one says.
 *
 * Spec: RFC 5322 sec. 3.4. */
#include <string.h>

#include "gateway/mime_read_internal.h"
#include "gateway/raw_internal.h"

/* One list being read. */
struct list {
    struct gw_prepare_job *job;
    const struct gw_raw_field *field;
    struct gw_slice in; /* unfolded */
    size_t at;
    bool in_group;
    /* of the mailbox in hand: */
    struct gw_buf plain;   /* outside <…>, quotes and escapes kept, comments as a space */
    struct gw_slice angle; /* inside <…>, data NULL: none was seen */
    bool quoted;           /* plain holds a quoted-string */
    struct gw_draft_addresses *out;
};

static bool next_is(const struct list *l, char c)
{
    return l->at < l->in.len && l->in.data[l->at] == c;
}

/* Past a quoted-string, its quotes included; false when it does not end. */
static bool pass_quoted(struct list *l)
{
    l->at++;
    while (l->at < l->in.len && l->in.data[l->at] != '"')
        l->at += l->in.data[l->at] == '\\' ? 2 : 1;
    l->at++;
    return l->at <= l->in.len;
}

static bool pass_comment(struct list *l)
{
    size_t depth = 0;
    do {
        char c = l->in.data[l->at];
        depth += c == '(' ? 1 : 0;
        depth -= c == ')' ? 1 : 0;
        if (depth > GW_RAW_MAX_COMMENT_DEPTH)
            return false;
        l->at += c == '\\' ? 2 : 1;
    } while (depth > 0 && l->at < l->in.len);
    return depth == 0;
}

/* Past <…>, into angle. */
static bool pass_angle(struct list *l)
{
    size_t from = ++l->at;
    if (l->angle.data != NULL)
        return false;
    while (l->at < l->in.len && l->in.data[l->at] != '>') {
        if (next_is(l, '"') ? !pass_quoted(l) : next_is(l, '<') || next_is(l, '('))
            return false;
        if (l->at < l->in.len && l->in.data[l->at] != '"' && l->in.data[l->at] != '>')
            l->at++;
    }
    if (l->at >= l->in.len)
        return false;
    l->angle = gw_read_trim(gw_slice_of(l->in.data + from, l->at - from));
    l->at++;
    return true;
}

/* The display name: quotes and escapes resolved, or encoded words decoded. */
static struct gw_slice name_of(struct list *l, struct gw_slice phrase)
{
    struct gw_arena *arena = l->job->arena;
    char *text = gw_arena_bytes(arena, phrase.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < phrase.len; i++) {
        if (phrase.data[i] == '"')
            continue;
        if (phrase.data[i] == '\\' && i + 1 < phrase.len)
            i++;
        text[n++] = phrase.data[i];
    }
    text[n] = '\0';
    return l->quoted ? gw_slice_of(text, n)
                     : gw_slice_str(gw_read_words(arena, gw_slice_of(text, n)));
}

/* The mailbox in hand is complete; an empty place between commas is none. */
static bool end_mailbox(struct list *l)
{
    struct gw_arena *arena = l->job->arena;
    struct gw_slice plain = gw_read_trim(gw_buf_view(&l->plain));
    bool angle = l->angle.data != NULL;
    if (!angle && plain.len == 0)
        return true;
    if (l->out->n == l->job->ctx->cfg->limits.recipients)
        return false;
    struct gw_draft_address *a = &l->out->items[l->out->n++];
    const char *pointer = l->field->pointer;
    *a = (struct gw_draft_address){
        .email = {.value = gw_arena_slice(arena, angle ? l->angle : plain), .pointer = pointer}};
    if (angle && plain.len > 0)
        a->name = (struct gw_field){.value = name_of(l, plain), .pointer = pointer};
    gw_buf_reset(&l->plain);
    l->angle = (struct gw_slice){.data = NULL};
    l->quoted = false;
    return true;
}

/* What is there at l->at; false when it may not stand there. */
static bool read_one(struct list *l)
{
    size_t from = l->at;
    switch (l->in.data[l->at]) {
    case '(':
        (void)gw_buf_add_char(&l->plain, ' ');
        return pass_comment(l);
    case '<':
        return pass_angle(l);
    case '"':
        l->quoted = true;
        if (l->angle.data != NULL || !pass_quoted(l))
            return false;
        return gw_buf_add(&l->plain, l->in.data + from, l->at - from) == GW_OK;
    case ',':
        l->at++;
        return end_mailbox(l);
    case ':': /* what was read is the name of a group */
        l->at++;
        gw_buf_reset(&l->plain);
        if (l->in_group || l->angle.data != NULL)
            return false;
        l->in_group = true;
        l->quoted = false;
        return true;
    case ';':
        l->at++;
        if (!l->in_group)
            return false;
        l->in_group = false;
        return end_mailbox(l);
    default:
        l->at++;
        bool blank = l->in.data[from] == ' ' || l->in.data[from] == '\t';
        if (l->angle.data != NULL && !blank)
            return false;
        return gw_buf_add_char(&l->plain, l->in.data[from]) == GW_OK;
    }
}

static size_t most_mailboxes(struct gw_slice in, size_t max)
{
    size_t n = 1;
    for (size_t i = 0; i < in.len; i++)
        n += in.data[i] == ',' || in.data[i] == ';' ? 1 : 0;
    return n < max ? n : max;
}

void gw_raw_addresses(struct gw_prepare_job *job, const struct gw_raw_field *f,
                      struct gw_draft_addresses *out)
{
    *out = (struct gw_draft_addresses){.pointer = f != NULL ? f->pointer : ""};
    if (f == NULL)
        return;
    struct list l = {.job = job, .field = f, .in = gw_raw_value(job->arena, f), .out = out};
    out->items = GW_ARENA_ARRAY(job->arena, struct gw_draft_address,
                                most_mailboxes(l.in, job->ctx->cfg->limits.recipients));
    gw_buf_init(&l.plain, l.in.len + 1);
    bool good = true;
    while (good && l.at < l.in.len)
        good = read_one(&l);
    good = good && !l.in_group && end_mailbox(&l);
    gw_buf_deinit(&l.plain);
    if (!good && !gw_prepare_has_problem(job, f->pointer))
        gw_problems_add(job->problems, f->pointer, GW_PROBLEM_ADDRESS,
                        "This is no list of at most %zu addresses: something is wrong near "
                        "character %zu.",
                        job->ctx->cfg->limits.recipients, l.at < l.in.len ? l.at : l.in.len);
}
