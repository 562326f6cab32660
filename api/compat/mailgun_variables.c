/* SPDX-License-Identifier: MIT */
/* Mailgun's recipient-variables: values for the copies of single recipients, and %recipient.name%
 * as the templates that take them. */
#include <ctype.h>

#include "api/compat/mailgun.h"
#include "api/json_guard.h"
#include "api/variables_json.h"
#include "gateway/base/gw_buf.h"

enum {
    MAX_TRIES = 1000,  /* delimiters that are looked for in a text */
    MAX_DELIMITER = 8, /* octets */
    TEMPLATE_ROOM = 64 /* octets a template is longer than its text, at most */
};

static const char variable_start[] = "%recipient.";

/* ---- values ---- */

static void read_addresses(struct api_reader *r, json_t *root, const char *pointer, void *target)
{
    struct gw_draft *d = target;
    const char *key;
    json_t *value;
    d->personal = GW_ARENA_ARRAY(r->arena, struct gw_draft_personal, json_object_size(root));
    json_object_foreach(root, key, value)
    {
        struct gw_draft_personal *p = &d->personal[d->n_personal++];
        p->pointer = api_json_pointer_key(r->arena, pointer, gw_slice_str(key));
        p->email = (struct gw_field){.value = gw_arena_slice(r->arena, gw_slice_str(key)),
                                     .pointer = p->pointer};
        if (json_is_object(value))
            p->variables = api_variables_value(r, value);
        else
            api_read_wrong_type(r, value, p->pointer, "an object");
    }
}

/* The parameter as JSON, which must be an object, to @read. */
static void read_json(struct gw_problems *problems, struct gw_field given, const char *wanted,
                      api_read_fn read, void *target)
{
    struct gw_arena *arena = problems->arena;
    struct api_guarded_json doc;
    struct gw_err err;
    json_t *root = NULL;
    const char *repeated;
    struct api_reader r = {.arena = arena, .problems = problems, .doc = &doc};
    if (api_json_guard(arena, given.value, &doc, &err) != GW_OK ||
        api_json_parse(arena, &doc, &root, &repeated, &err) != GW_OK)
        gw_problems_add(problems, given.pointer, GW_PROBLEM_VALUE, "%s", err.text);
    else if (!json_is_object(root))
        api_read_wrong_type(&r, root, given.pointer, wanted);
    else
        read(&r, root, given.pointer, target);
    json_decref(root);
}

void api_mailgun_read_variables(struct gw_problems *problems, struct gw_field given,
                                struct gw_draft *draft)
{
    draft->personal_given = true;
    read_json(problems, given, "a JSON object of addresses", read_addresses, draft);
}

/* ---- a stored template's values ---- */

/* Places of @from behind those of @into. */
static void append(struct gw_arena *arena, struct gw_value *into, const struct gw_value *from)
{
    size_t n = into->n + from->n;
    struct gw_value *items = GW_ARENA_ARRAY(arena, struct gw_value, n);
    struct gw_slice *names = GW_ARENA_ARRAY(arena, struct gw_slice, n);
    for (size_t i = 0; i < n; i++) {
        const struct gw_value *of = i < into->n ? into : from;
        size_t at = i < into->n ? i : i - into->n;
        items[i] = of->items[at];
        names[i] = of->names[at];
    }
    *into = (struct gw_value){.kind = GW_VALUE_OBJECT, .items = items, .names = names, .n = n};
}

static void read_values(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    struct gw_value one = api_variables_value(r, value);
    (void)pointer;
    append(r->arena, target, &one);
}

/* h:X-Mailgun-Variables goes to the values, not into the mail. */
static void take_header(struct gw_problems *problems, struct gw_draft *draft)
{
    size_t n = 0;
    bool taken = false; /* each further one would copy what those before it gave */
    for (size_t i = 0; i < draft->n_headers; i++) {
        const struct gw_draft_header *h = &draft->headers[i];
        if (!gw_slice_eq_nocase(h->name.value, GW_SLICE_LIT("X-Mailgun-Variables"))) {
            draft->headers[n++] = *h;
            continue;
        }
        if (taken)
            gw_problems_add(problems, h->value.pointer, GW_PROBLEM_DUPLICATE, "Give it once.");
        else
            read_json(problems, h->value, "a JSON object", read_values, &draft->variables);
        taken = true;
    }
    draft->n_headers = n;
}

void api_mailgun_fill_template(struct gw_problems *problems, struct gw_field given,
                               struct gw_draft *draft)
{
    struct gw_arena *arena = problems->arena;
    size_t n = draft->n_metadata;
    struct gw_value custom = {.kind = GW_VALUE_OBJECT, .n = n};
    struct gw_value *items = GW_ARENA_ARRAY(arena, struct gw_value, n);
    struct gw_slice *names = GW_ARENA_ARRAY(arena, struct gw_slice, n);
    draft->variables_pointer = "/t:variables";
    draft->variables = (struct gw_value){.kind = GW_VALUE_OBJECT};
    if (given.value.data != NULL)
        read_json(problems, given, "a JSON object", read_values, &draft->variables);
    take_header(problems, draft);
    for (size_t i = 0; i < n; i++) {
        names[i] = draft->metadata[i].name.value;
        items[i] = (struct gw_value){.kind = GW_VALUE_TEXT, .text = draft->metadata[i].value.value};
    }
    custom.items = items;
    custom.names = names;
    append(arena, &draft->variables, &custom);
}

/* ---- templates ---- */

static bool contains(struct gw_slice text, const char *what)
{
    return text.len > 0 && memmem(text.data, text.len, what, strlen(what)) != NULL;
}

/* Delimiters that the text does not hold, so that nothing of it is taken for a tag. */
static bool choose_delimiters(struct gw_slice text, char open[MAX_DELIMITER],
                              char close[MAX_DELIMITER])
{
    for (unsigned i = 0; i < MAX_TRIES; i++) {
        (void)snprintf(open, MAX_DELIMITER, "<~%u", i);
        (void)snprintf(close, MAX_DELIMITER, "%u~>", i);
        if (!contains(text, open) && !contains(text, close))
            return true;
    }
    return false;
}

/* The name in the %recipient.name% that @text starts with; empty when it does not. */
static struct gw_slice variable_at(struct gw_slice text)
{
    size_t skip = sizeof(variable_start) - 1;
    if (text.len < skip || memcmp(text.data, variable_start, skip) != 0)
        return gw_slice_of(NULL, 0);
    size_t end = skip;
    while (end < text.len && (isalnum((unsigned char)text.data[end]) || text.data[end] == '_' ||
                              text.data[end] == '-'))
        end++;
    bool ends = end < text.len && text.data[end] == '%';
    return gw_slice_of(text.data + skip, ends ? end - skip : 0);
}

/* The values go in as they are, as Mailgun has it. */
static void add_template(struct gw_buf *out, struct gw_slice text, const char *open,
                         const char *close)
{
    /* The comment keeps the first line from being one that holds the delimiters only, which would
     * swallow its end. */
    (void)gw_buf_printf(out, "{{=%s %s=}}%s!%s", open, close, open, close);
    for (size_t i = 0; i < text.len;) {
        struct gw_slice name = variable_at(gw_slice_of(text.data + i, text.len - i));
        if (name.len == 0) {
            (void)gw_buf_add_char(out, text.data[i++]);
            continue;
        }
        (void)gw_buf_printf(out, "%s&%.*s%s", open, GW_SLICE_ARG(name), close);
        i += sizeof(variable_start) - 1 + name.len + 1;
    }
}

static void make_template(struct gw_problems *problems, struct gw_field *field)
{
    char open[MAX_DELIMITER];
    char close[MAX_DELIMITER];
    struct gw_slice text = field->value;
    if (text.data == NULL)
        return;
    if (contains(text, "%recipient%") || contains(text, "%recipient_") ||
        !choose_delimiters(text, open, close)) {
        gw_problems_add(problems, field->pointer, GW_PROBLEM_UNSUPPORTED,
                        "Of %%recipient…%% only %%recipient.name%% of recipient-variables is "
                        "known.");
        return;
    }
    struct gw_buf out;
    gw_buf_init(&out, text.len + TEMPLATE_ROOM);
    add_template(&out, text, open, close);
    field->value = gw_arena_slice(problems->arena, gw_buf_view(&out));
    gw_buf_deinit(&out);
}

void api_mailgun_make_templates(struct gw_problems *problems, struct gw_draft *draft)
{
    make_template(problems, &draft->subject);
    make_template(problems, &draft->text);
    make_template(problems, &draft->html);
}
