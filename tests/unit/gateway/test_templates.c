/* SPDX-License-Identifier: MIT */
/* Stored templates: each engine keeps the contract; and what is kept of them in memory. */
#include "tests/lib/store_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/prepare_template.h"
#include "gateway/template_cache.h"

/* What the last call was answered with. */
static struct {
    char text[4096]; /* name[:subject:text:html] of each */
    int64_t cursor;
    int64_t seq, created_ms, updated_ms; /* of the last */
    size_t size;
} answer;

static const char *or_none(const char *text)
{
    return text != NULL ? text : "-";
}

static void on_templates(enum gw_status status, const struct gw_template *templates, size_t n,
                         int64_t cursor, void *data)
{
    struct store_fixture *f = data;
    f->status = status;
    f->n_ends++;
    answer.cursor = cursor;
    answer.text[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        const struct gw_template *t = &templates[i];
        size_t len = strlen(answer.text);
        bool texts = t->subject != NULL || t->text != NULL || t->html != NULL;
        (void)snprintf(answer.text + len, sizeof(answer.text) - len, "%s%s", len != 0 ? " " : "",
                       t->name);
        len = strlen(answer.text);
        if (texts)
            (void)snprintf(answer.text + len, sizeof(answer.text) - len, ":%s:%s:%s",
                           or_none(t->subject), or_none(t->text), or_none(t->html));
        answer.seq = t->seq;
        answer.created_ms = t->created_at_ms;
        answer.updated_ms = t->updated_at_ms;
        answer.size = t->size_bytes;
    }
}

static const char *settle(struct store_fixture *f, enum gw_status want)
{
    f->n_expected++;
    store_test_settle(f);
    assert_int_equal(f->status, want);
    return answer.text;
}

static const char *put(struct store_fixture *f, const char *tenant, const struct gw_template *t,
                       enum gw_status want)
{
    f->store->engine->template_put(f->store, tenant, t, on_templates, f);
    return settle(f, want);
}

static const char *put_text(struct store_fixture *f, const char *tenant, const char *name,
                            const char *text)
{
    struct gw_template t = {.name = name, .text = text, .size_bytes = strlen(text)};
    return put(f, tenant, &t, GW_OK);
}

static const char *list(struct store_fixture *f, struct gw_template_query q)
{
    q.limit = q.limit != 0 ? q.limit : GW_TEMPLATES_MAX;
    f->store->engine->templates(f->store, &q, on_templates, f);
    return settle(f, GW_OK);
}

static void delete (struct store_fixture *f, const char *tenant, const char *name,
                    enum gw_status want)
{
    f->store->engine->template_delete(f->store, tenant, name, store_test_on_done, f);
    settle(f, want);
}

static void one_is_found_with_its_texts_by_its_tenant_only(void **state)
{
    struct store_fixture f;
    store_test_open(&f, state);
    struct gw_template t = {
        .name = "welcome", .subject = "Hi {{n}}", .html = "<p>", .size_bytes = 11};
    assert_string_equal(put(&f, "k1", &t, GW_OK), "welcome");
    assert_int_equal(answer.cursor, 1); /* new */
    assert_string_equal(list(&f, (struct gw_template_query){.tenant = "k1", .name = "welcome"}),
                        "welcome:Hi {{n}}:-:<p>");
    assert_int_equal(answer.size, 11);
    assert_true(answer.created_ms > 0 && answer.updated_ms == answer.created_ms);
    assert_string_equal(list(&f, (struct gw_template_query){.tenant = "k1", .name = "Welcome"}),
                        "");
    assert_string_equal(list(&f, (struct gw_template_query){.tenant = "k2", .name = "welcome"}),
                        "");
    assert_string_equal(list(&f, (struct gw_template_query){.tenant = "", .name = "welcome"}), "");
    store_test_close(&f);
}

static void they_are_listed_newest_first_page_by_page(void **state)
{
    struct store_fixture f;
    store_test_open(&f, state);
    put_text(&f, "k1", "a", "A");
    put_text(&f, "k1", "b", "B");
    put_text(&f, "k2", "x", "X");
    put_text(&f, "k1", "c", "C");
    struct gw_template_query q = {.tenant = "k1", .limit = 2};
    assert_string_equal(list(&f, q), "c b");
    q.cursor = answer.cursor;
    assert_true(q.cursor > 0);
    assert_string_equal(list(&f, q), "a");
    assert_int_equal(answer.cursor, 0);
    q.limit = 3;
    q.cursor = 0;
    assert_string_equal(list(&f, q), "c b a");
    assert_int_equal(answer.cursor, 0);
    store_test_close(&f);
}

static void one_given_again_keeps_its_place_and_one_deleted_is_gone(void **state)
{
    struct store_fixture f;
    store_test_open(&f, state);
    put_text(&f, "", "a", "one");
    int64_t seq = answer.seq;
    int64_t created = answer.created_ms;
    put_text(&f, "", "b", "B");
    put_text(&f, "", "a", "another");
    assert_int_equal(answer.cursor, 0); /* not new */
    assert_int_equal(answer.seq, seq);
    assert_int_equal(answer.created_ms, created);
    assert_true(answer.updated_ms >= created);
    assert_int_equal(answer.size, 7);
    assert_string_equal(list(&f, (struct gw_template_query){.tenant = ""}), "b a");
    assert_string_equal(list(&f, (struct gw_template_query){.tenant = "", .name = "a"}),
                        "a:-:another:-");
    delete (&f, "k", "a", GW_NOTFOUND);
    delete (&f, "", "a", GW_OK);
    delete (&f, "", "a", GW_NOTFOUND);
    assert_string_equal(list(&f, (struct gw_template_query){.tenant = ""}), "b");
    store_test_close(&f);
}

static void a_tenant_has_so_many(void **state)
{
    struct store_fixture f;
    char name[16];
    store_test_open(&f, state);
    struct gw_template t = {.name = name, .text = "x", .size_bytes = 1};
    for (int i = 0; i < GW_MAX_TEMPLATES; i++) {
        (void)snprintf(name, sizeof(name), "t%d", i);
        f.store->engine->template_put(f.store, "k", &t, on_templates, &f);
        f.n_expected++;
    }
    store_test_settle(&f);
    assert_int_equal(f.status, GW_OK);
    t.name = "more";
    put(&f, "k", &t, GW_TOOBIG);
    put(&f, "other", &t, GW_OK);
    t.name = "t7"; /* that one is there */
    put(&f, "k", &t, GW_OK);
    delete (&f, "k", "t8", GW_OK);
    t.name = "more";
    put(&f, "k", &t, GW_OK);
    store_test_close(&f);
}

static void a_tenant_has_so_many_octets(void **state)
{
    struct store_fixture f;
    char name[16];
    store_test_open(&f, state);
    char *text = malloc(GW_MAX_TEMPLATE + 1);
    assert_non_null(text);
    memset(text, 'x', GW_MAX_TEMPLATE);
    text[GW_MAX_TEMPLATE] = '\0';
    struct gw_template t = {.name = name, .text = text, .size_bytes = GW_MAX_TEMPLATE};
    for (int i = 0; i < GW_MAX_TEMPLATES_SIZE / GW_MAX_TEMPLATE; i++) {
        (void)snprintf(name, sizeof(name), "t%d", i);
        put(&f, "k", &t, GW_OK);
    }
    struct gw_template small = {.name = "small", .text = "x", .size_bytes = 1};
    put(&f, "k", &small, GW_TOOBIG);
    put(&f, "k", &t, GW_OK); /* in place of itself */
    t.name = "t0";
    t.size_bytes--;
    t.text++;
    put(&f, "k", &t, GW_OK);
    put(&f, "k", &small, GW_OK);
    assert_string_equal(list(&f, (struct gw_template_query){.tenant = "k", .limit = 1}), "small");
    free(text);
    store_test_close(&f);
}

static void they_survive_a_restart(void **state)
{
    struct store_fixture f;
    store_test_open(&f, state);
    put_text(&f, "k", "a", "{{A}} \xc3\xa4");
    store_test_reopen(&f);
    assert_string_equal(list(&f, (struct gw_template_query){.tenant = "k", .name = "a"}),
                        "a:-:{{A}} \xc3\xa4:-");
    store_test_close(&f);
}

static void names_are_of_a_few_characters(void **state)
{
    (void)state;
    char longest[GW_MAX_TEMPLATE_NAME + 2];
    memset(longest, 'n', sizeof(longest));
    assert_true(gw_template_name_valid(gw_slice_str("d-0a.B_9")));
    assert_true(gw_template_name_valid(gw_slice_of(longest, GW_MAX_TEMPLATE_NAME)));
    assert_false(gw_template_name_valid(gw_slice_of(longest, GW_MAX_TEMPLATE_NAME + 1)));
    static const char *const bad[] = {"", "a b", "a/b", "\xc3\xa4", "a\n"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(gw_template_name_valid(gw_slice_str(bad[i])));
    assert_false(gw_template_name_valid(GW_SLICE_LIT("a\0b")));
}

static void what_is_no_text_is_not_kept(void **state)
{
    (void)state;
    const struct {
        struct gw_slice text;
        const char *code;
    } rows[] = {{GW_SLICE_LIT("a\0b"), "value"}, {GW_SLICE_LIT("{{"), "template"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct gw_arena *arena = gw_arena_new(0);
        struct gw_problems problems;
        struct gw_template t;
        struct gw_template_draft draft = {.html = {.value = rows[i].text, .pointer = "/html"}};
        gw_problems_init(&problems, arena);
        assert_false(gw_template_check(&draft, arena, &problems, &t));
        assert_int_equal(problems.n, 1);
        assert_string_equal(problems.items[0].pointer, "/html");
        assert_string_equal(problems.items[0].code, rows[i].code);
        gw_arena_free(&arena);
    }
}

/* ---- what is kept in memory ---- */

static struct gw_template sized(const char *name, size_t size)
{
    static char octets[GW_TEMPLATE_CACHE_MAX / 2 + 1];
    if (octets[0] == '\0')
        memset(octets, 'x', sizeof(octets) - 1);
    return (struct gw_template){
        .name = name, .text = octets + sizeof(octets) - 1 - size, .size_bytes = size};
}

static void one_is_in_memory_once_and_found_until_it_is_dropped(void **state)
{
    (void)state;
    static struct gw_template_cache c;
    gw_template_cache_init(&c);
    assert_null(gw_template_cache_find(&c, "k", "a"));
    struct gw_template t = sized("a", 1);
    struct gw_cached_template *first = gw_template_cache_add(&c, "k", &t);
    struct gw_cached_template *second = gw_template_cache_add(&c, "k", &t);
    assert_ptr_equal(first, second);
    assert_null(gw_template_cache_find(&c, "other", "a"));
    gw_cached_template_unref(&second);
    gw_template_cache_drop(&c, "k", "a"); /* it was changed: this one serves on */
    assert_string_equal(gw_cached_template(first)->text, "x");
    assert_null(gw_template_cache_find(&c, "k", "a"));
    t.text = "new";
    second = gw_template_cache_add(&c, "k", &t);
    assert_string_equal(gw_cached_template(second)->text, "new");
    gw_cached_template_unref(&first);
    assert_null(first);
    gw_cached_template_unref(&second);
    second = gw_template_cache_find(&c, "k", "a");
    assert_string_equal(gw_cached_template(second)->text, "new");
    gw_cached_template_unref(&second);
    gw_template_cache_drop(&c, "k", "a");
    assert_null(gw_template_cache_find(&c, "k", "a"));
    gw_cached_template_unref(&first); /* NULL */
    gw_template_cache_deinit(&c);
}

enum {
    WITHOUT_TEXTS = 4096 /* more than a template takes beside its texts */
};

static bool is_there(struct gw_template_cache *c, const char *name)
{
    struct gw_cached_template *t = gw_template_cache_find(c, "", name);
    bool there = t != NULL;
    gw_cached_template_unref(&t);
    return there;
}

static void those_not_used_for_longest_make_room(void **state)
{
    (void)state;
    static struct gw_template_cache c;
    gw_template_cache_init(&c);
    struct gw_template half = sized("a", GW_TEMPLATE_CACHE_MAX / 2 - WITHOUT_TEXTS);
    struct gw_cached_template *a = gw_template_cache_add(&c, "", &half);
    half.name = "b";
    struct gw_cached_template *b = gw_template_cache_add(&c, "", &half);
    half.name = "c";
    struct gw_cached_template *in_use = gw_template_cache_add(&c, "", &half);
    gw_cached_template_unref(&a);
    gw_cached_template_unref(&b); /* both fit, and the one in use does not count */
    assert_true(is_there(&c, "b") && is_there(&c, "a"));
    struct gw_template one = sized("one", 2 * WITHOUT_TEXTS);
    struct gw_cached_template *last = gw_template_cache_add(&c, "", &one);
    gw_cached_template_unref(&last);
    assert_true(is_there(&c, "one") && is_there(&c, "a") && !is_there(&c, "b"));
    assert_true(is_there(&c, "c"));
    gw_cached_template_unref(&in_use);
    assert_true(is_there(&c, "c") && !is_there(&c, "one"));
    gw_template_cache_deinit(&c);
}

static void so_many_small_ones_take_no_more_memory(void **state)
{
    (void)state;
    static struct gw_template_cache c;
    char name[32];
    size_t n = 0;
    gw_template_cache_init(&c);
    for (int i = 0; i < GW_TEMPLATE_CACHE_MAX / 1024; i++) {
        (void)snprintf(name, sizeof(name), "t%d", i);
        struct gw_template t = sized(name, 1);
        struct gw_cached_template *one = gw_template_cache_add(&c, "", &t);
        gw_cached_template_unref(&one);
    }
    assert_true(is_there(&c, name) && !is_there(&c, "t0"));
    gw_list_foreach (it, &c.by_use)
        n++;
    assert_in_range(n, GW_TEMPLATE_CACHE_MAX / WITHOUT_TEXTS, GW_TEMPLATE_CACHE_MAX / 1024 - 1);
    gw_template_cache_deinit(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST_EACH(one_is_found_with_its_texts_by_its_tenant_only),
        STORE_TEST_EACH(they_are_listed_newest_first_page_by_page),
        STORE_TEST_EACH(one_given_again_keeps_its_place_and_one_deleted_is_gone),
        STORE_TEST_EACH(a_tenant_has_so_many),
        STORE_TEST_EACH(a_tenant_has_so_many_octets),
        cmocka_unit_test_prestate(they_survive_a_restart, &store_test_sqlite),
        cmocka_unit_test(names_are_of_a_few_characters),
        cmocka_unit_test(what_is_no_text_is_not_kept),
        cmocka_unit_test(one_is_in_memory_once_and_found_until_it_is_dropped),
        cmocka_unit_test(those_not_used_for_longest_make_room),
        cmocka_unit_test(so_many_small_ones_take_no_more_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
