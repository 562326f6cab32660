/* SPDX-License-Identifier: MIT */
/* Mustache, by the cases of its specification, in our own words: what each of them asks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "api/json_read.h"
#include "api/variables_json.h"
#include "gateway/mustache.h"
#include "tests/unit/api/fake_gateway.h" /* for what the room links to */

enum {
    STEPS = 100000 /* of one rendering */
};

struct spec_case {
    const char *name, *data, *template, *want;
};

/* clang-format off */
static const struct spec_case cases[] = {
    /* interpolation */
    {"no interpolation", "{}", "Hello from {Mustache}!\n", "Hello from {Mustache}!\n"},
    {"basic", "{\"subject\":\"world\"}", "Hello, {{subject}}!", "Hello, world!"},
    {"no re-interpolation", "{\"a\":\"{{b}}\",\"b\":\"x\"}", "{{{a}}}: {{b}}", "{{b}}: x"},
    {"html escaping", "{\"f\":\"& \\\" < >\"}", "{{f}}", "&amp; &quot; &lt; &gt;"},
    {"triple mustache", "{\"f\":\"& \\\" < >\"}", "{{{f}}}", "& \" < >"},
    {"ampersand", "{\"f\":\"& \\\" < >\"}", "{{&f}}", "& \" < >"},
    {"integer", "{\"mph\":85}", "{{mph}} {{{mph}}} {{&mph}}", "85 85 85"},
    {"decimal", "{\"p\":1.21}", "{{p}} {{{p}}} {{&p}}", "1.21 1.21 1.21"},
    {"null", "{\"c\":null}", "I ({{c}}) ({{{c}}}) ({{&c}})", "I () () ()"},
    {"context miss", "{}", "I ({{c}}) ({{{c}}}) ({{&c}})", "I () () ()"},
    {"dotted names", "{\"p\":{\"n\":\"Joe\"}}", "{{p.n}} {{#p}}{{n}}{{/p}} {{{p.n}}} {{&p.n}}", "Joe Joe Joe Joe"},
    {"arbitrary depth", "{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{\"n\":\"Phil\"}}}}}}", "{{a.b.c.d.e.n}}", "Phil"},
    {"broken chain", "{\"a\":{}}", "[{{a.b.c}}]", "[]"},
    {"broken chain resolution", "{\"a\":{\"b\":{}},\"c\":{\"n\":\"Jim\"}}", "[{{a.b.c.n}}]", "[]"},
    {"dotted initial resolution", "{\"a\":{\"b\":{\"c\":{\"n\":\"Phil\"}}},\"b\":{\"c\":{\"n\":\"Wrong\"}}}", "{{#a}}{{b.c.n}}{{/a}}", "Phil"},
    {"dotted context precedence", "{\"a\":{\"b\":{}},\"b\":{\"c\":\"ERROR\"}}", "{{#a}}{{b.c}}{{/a}}", ""},
    {"dotted names are never single keys", "{\"a.b\":\"c\"}", "[{{a.b}}]", "[]"},
    {"no masking", "{\"a.b\":\"c\",\"a\":{\"b\":\"d\"}}", "{{a.b}}", "d"},
    {"implicit iterator", "\"world\"", "Hello, {{.}}!", "Hello, world!"},
    {"implicit iterator escapes", "\"& \\\" < >\"", "{{.}} {{{.}}} {{&.}}", "&amp; &quot; &lt; &gt; & \" < > & \" < >"},
    {"surrounding whitespace", "{\"s\":\"---\"}", "| {{s}} {{{s}}} {{&s}} |", "| --- --- --- |"},
    {"standalone variable", "{\"s\":\"---\"}", "  {{s}}\n  {{{s}}}\n  {{&s}}\n", "  ---\n  ---\n  ---\n"},
    {"padding", "{\"s\":\"---\"}", "|{{ s }}{{{ s }}}{{& s }}|", "|---------|"},
    /* sections */
    {"truthy", "{\"b\":true}", "\"{{#b}}This.{{/b}}\"", "\"This.\""},
    {"falsey", "{\"b\":false}", "\"{{#b}}This.{{/b}}\"", "\"\""},
    {"null is falsey", "{\"n\":null}", "\"{{#n}}This.{{/n}}\"", "\"\""},
    {"context", "{\"c\":{\"n\":\"Joe\"}}", "\"{{#c}}Hi {{n}}.{{/c}}\"", "\"Hi Joe.\""},
    {"parent contexts", "{\"a\":\"foo\",\"b\":\"wrong\",\"s\":{\"b\":\"bar\"},\"c\":{\"d\":\"baz\"}}", "{{#s}}{{a}}, {{b}}, {{c.d}}{{/s}}", "foo, bar, baz"},
    {"variable test", "{\"foo\":\"bar\"}", "{{#foo}}{{.}} is {{foo}}{{/foo}}", "bar is bar"},
    {"list contexts", "{\"tops\":[{\"t\":\"A\",\"m\":[{\"n\":\"1\",\"b\":[{\"x\":\"y\"}]}]}]}", "{{#tops}}{{#m}}{{t}}{{n}}.{{#b}}{{t}}{{n}}{{x}}.{{/b}}{{/m}}{{/tops}}", "A1.A1y."},
    {"deeply nested contexts", "{\"a\":{\"one\":1},\"b\":{\"two\":2},\"c\":{\"three\":3}}", "{{#a}}\n{{one}}\n{{#b}}\n{{one}}{{two}}{{one}}\n{{#c}}\n{{one}}{{two}}{{three}}\n{{/c}}\n{{/b}}\n{{/a}}\n", "1\n121\n123\n"},
    {"list", "{\"l\":[{\"i\":1},{\"i\":2},{\"i\":3}]}", "\"{{#l}}{{i}}{{/l}}\"", "\"123\""},
    {"empty list", "{\"l\":[]}", "\"{{#l}}Yay{{/l}}\"", "\"\""},
    {"doubled", "{\"b\":true,\"t\":\"second\"}", "{{#b}}\n* first\n{{/b}}\n* {{t}}\n{{#b}}\n* third\n{{/b}}\n", "* first\n* second\n* third\n"},
    {"nested truthy", "{\"b\":true}", "| A {{#b}}B {{#b}}C{{/b}} D{{/b}} E |", "| A B C D E |"},
    {"nested falsey", "{\"b\":false}", "| A {{#b}}B {{#b}}C{{/b}} D{{/b}} E |", "| A  E |"},
    {"section context miss", "{}", "[{{#m}}Found{{/m}}]", "[]"},
    {"implicit string", "{\"l\":[\"a\",\"b\"]}", "\"{{#l}}({{.}}){{/l}}\"", "\"(a)(b)\""},
    {"implicit integer", "{\"l\":[1,2]}", "\"{{#l}}({{.}}){{/l}}\"", "\"(1)(2)\""},
    {"implicit decimal", "{\"l\":[1.1,2.2]}", "\"{{#l}}({{.}}){{/l}}\"", "\"(1.1)(2.2)\""},
    {"implicit list", "{\"l\":[[1,2],[\"a\"]]}", "\"{{#l}}({{#.}}{{.}}{{/.}}){{/l}}\"", "\"(12)(a)\""},
    {"implicit escapes", "{\"l\":[\"<\"]}", "{{#l}}{{.}}{{{.}}}{{&.}}{{/l}}", "&lt;<<"},
    {"root level list", "[{\"v\":\"a\"},{\"v\":\"b\"}]", "\"{{#.}}({{v}}){{/.}}\"", "\"(a)(b)\""},
    {"dotted section", "{\"a\":{\"b\":{\"c\":true}}}", "\"{{#a.b.c}}Here{{/a.b.c}}\"", "\"Here\""},
    {"dotted section falsey", "{\"a\":{\"b\":{\"c\":false}}}", "\"{{#a.b.c}}Here{{/a.b.c}}\"", "\"\""},
    {"dotted section broken", "{\"a\":{}}", "\"{{#a.b.c}}Here{{/a.b.c}}\"", "\"\""},
    {"section whitespace", "{\"b\":true}", " | {{#b}}\t|\t{{/b}} | \n", " | \t|\t | \n"},
    {"section inner whitespace", "{\"b\":true}", " | {{#b}} {{! c }}\n {{/b}} | \n", " |  \n  | \n"},
    {"indented inline sections", "{\"b\":true}", " {{#b}}YES{{/b}}\n {{#b}}GOOD{{/b}}\n", " YES\n GOOD\n"},
    {"standalone lines", "{\"b\":true}", "| This Is\n{{#b}}\n|\n{{/b}}\n| A Line\n", "| This Is\n|\n| A Line\n"},
    {"indented standalone lines", "{\"b\":true}", "| This Is\n  {{#b}}\n|\n  {{/b}}\n| A Line\n", "| This Is\n|\n| A Line\n"},
    {"standalone line endings", "{\"b\":true}", "|\r\n{{#b}}\r\n{{/b}}\r\n|", "|\r\n|"},
    {"standalone without previous line", "{\"b\":true}", "  {{#b}}\n#{{/b}}\n/", "#\n/"},
    {"standalone without newline", "{\"b\":true}", "#{{#b}}\n/\n  {{/b}}", "#\n/\n"},
    {"section padding", "{\"b\":true}", "|{{# b }}={{/ b }}|", "|=|"},
    /* inverted */
    {"inverted falsey", "{\"b\":false}", "\"{{^b}}x{{/b}}\"", "\"x\""},
    {"inverted truthy", "{\"b\":true}", "\"{{^b}}x{{/b}}\"", "\"\""},
    {"inverted null", "{\"n\":null}", "\"{{^n}}x{{/n}}\"", "\"x\""},
    {"inverted context", "{\"c\":{\"n\":\"Joe\"}}", "\"{{^c}}Hi {{n}}.{{/c}}\"", "\"\""},
    {"inverted list", "{\"l\":[{\"n\":1}]}", "\"{{^l}}{{n}}{{/l}}\"", "\"\""},
    {"inverted empty list", "{\"l\":[]}", "\"{{^l}}Yay{{/l}}\"", "\"Yay\""},
    {"inverted doubled", "{\"b\":false,\"t\":\"second\"}", "{{^b}}\n* first\n{{/b}}\n* {{t}}\n{{^b}}\n* third\n{{/b}}\n", "* first\n* second\n* third\n"},
    {"inverted nested", "{\"b\":false}", "| A {{^b}}B {{^b}}C{{/b}} D{{/b}} E |", "| A B C D E |"},
    {"inverted context miss", "{}", "[{{^m}}none{{/m}}]", "[none]"},
    {"inverted dotted", "{\"a\":{\"b\":{\"c\":true}}}", "\"{{^a.b.c}}x{{/a.b.c}}\"", "\"\""},
    {"inverted dotted broken", "{\"a\":{}}", "\"{{^a.b.c}}x{{/a.b.c}}\"", "\"x\""},
    {"inverted standalone", "{\"b\":false}", "| This Is\n  {{^b}}\n|\n  {{/b}}\n| A Line\n", "| This Is\n|\n| A Line\n"},
    {"inverted line endings", "{\"b\":false}", "|\r\n{{^b}}\r\n{{/b}}\r\n|", "|\r\n|"},
    {"inverted padding", "{\"b\":false}", "|{{^ b }}={{/ b }}|", "|=|"},
    /* comments */
    {"comment inline", "{}", "12345{{! x }}67890", "1234567890"},
    {"comment multiline", "{}", "12345{{!\n  a\n  b\n}}67890\n", "1234567890\n"},
    {"comment standalone", "{}", "Begin.\n{{! x }}\nEnd.\n", "Begin.\nEnd.\n"},
    {"comment indented standalone", "{}", "Begin.\n  {{! x }}\nEnd.\n", "Begin.\nEnd.\n"},
    {"comment line endings", "{}", "|\r\n{{! x }}\r\n|", "|\r\n|"},
    {"comment without previous line", "{}", "  {{! x }}\n!", "!"},
    {"comment without newline", "{}", "!\n  {{! x }}", "!\n"},
    {"comment multiline standalone", "{}", "Begin.\n{{!\nx\n}}\nEnd.\n", "Begin.\nEnd.\n"},
    {"comment indented inline", "{}", "  12 {{! 34 }}\n", "  12 \n"},
    {"comment whitespace", "{}", "12345 {{! x }} 67890", "12345  67890"},
    {"comment is no variable", "{\"! c\":1,\"!c\":2,\"c\":3}", "[{{! c }}]", "[]"},
    /* delimiters */
    {"pair", "{\"t\":\"Hey!\"}", "{{=<% %>=}}(<%t%>)", "(Hey!)"},
    {"special characters", "{\"t\":\"It worked!\"}", "({{=[ ]=}}[t])", "(It worked!)"},
    {"delimiters in sections", "{\"s\":true,\"d\":\"x\"}", "[\n{{#s}}\n  {{d}}\n  |d|\n{{/s}}\n\n{{= | | =}}\n|#s|\n  {{d}}\n  |d|\n|/s|\n]\n", "[\n  x\n  |d|\n\n  {{d}}\n  x\n]\n"},
    {"delimiters in inverted", "{\"s\":false,\"d\":\"x\"}", "[\n{{^s}}\n  {{d}}\n  |d|\n{{/s}}\n\n{{= | | =}}\n|^s|\n  {{d}}\n  |d|\n|/s|\n]\n", "[\n  x\n  |d|\n\n  {{d}}\n  x\n]\n"},
    {"delimiters surrounding whitespace", "{}", "| {{=@ @=}} |", "|  |"},
    {"delimiters outlying whitespace", "{}", " | {{=@ @=}}\n", " | \n"},
    {"delimiters standalone", "{}", "Begin.\n{{=@ @=}}\nEnd.\n", "Begin.\nEnd.\n"},
    {"delimiters indented standalone", "{}", "Begin.\n  {{=@ @=}}\nEnd.\n", "Begin.\nEnd.\n"},
    {"delimiters line endings", "{}", "|\r\n{{= @ @ =}}\r\n|", "|\r\n|"},
    {"delimiters without previous line", "{}", "  {{=@ @=}}\n=", "="},
    {"delimiters without newline", "{}", "=\n  {{=@ @=}}", "=\n"},
    {"delimiters padding", "{}", "|{{= @   @ =}}|", "||"},
};
/* clang-format on */

struct bench {
    struct gw_arena *arena;
    struct gw_problems problems;
    struct api_guarded_json doc;
    struct gw_value value;
    /* of render() */
    char text[256];
    struct gw_slice missing;
};

static void load(struct bench *b, const char *json)
{
    json_t *root = json_loads(json, JSON_DECODE_ANY, NULL);
    assert_non_null(root);
    b->arena = gw_arena_new(0);
    gw_problems_init(&b->problems, b->arena);
    b->doc = (struct api_guarded_json){.n_taken = 0};
    struct api_reader r = {.arena = b->arena, .problems = &b->problems, .doc = &b->doc};
    b->value = api_variables_value(&r, root);
    json_decref(root);
}

static enum gw_status render(struct bench *b, const char *template, unsigned flags, size_t max)
{
    struct gw_mustache *m;
    struct gw_err err;
    struct gw_buf out;
    struct gw_mustache_run run = {.values = {NULL, &b->value}, .flags = flags, .steps = STEPS};
    if (gw_mustache_compile(b->arena, gw_slice_str(template), &m, &err) != GW_OK)
        fail_msg("%s: %s", template, err.text);
    gw_buf_init(&out, max);
    enum gw_status status = gw_mustache_render(m, &run, &out);
    b->missing = run.missing;
    assert_true(out.len < sizeof(b->text));
    memcpy(b->text, out.len > 0 ? out.data : "", out.len);
    b->text[out.len] = '\0';
    gw_buf_deinit(&out);
    return status;
}

static void every_case_of_the_specification_holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bench b;
        load(&b, cases[i].data);
        assert_int_equal(render(&b, cases[i].template, GW_MUSTACHE_HTML | GW_MUSTACHE_LENIENT, 255),
                         GW_OK);
        if (strcmp(b.text, cases[i].want) != 0)
            fail_msg("%s: [%s], not [%s]", cases[i].name, b.text, cases[i].want);
        gw_arena_free(&b.arena);
    }
}

static void what_is_missing_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *template, *name;
        enum gw_status status;
    } rows[] = {
        {"{{a}}", "", GW_OK},
        {"{{x}}", "x", GW_NOTFOUND},
        {"{{a}} {{o.x}}", "o.x", GW_NOTFOUND},
        {"{{#x}}{{y}}{{/x}}{{^x}}none{{/x}}", "", GW_OK},
        {"{{#l}}{{z}}{{/l}}", "z", GW_NOTFOUND},
        {"{{l}}", "l", GW_INVALID},
        {"{{o}}", "o", GW_INVALID},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bench b;
        load(&b, "{\"a\":\"1\",\"o\":{\"a\":\"2\"},\"l\":[1]}");
        assert_int_equal(render(&b, rows[i].template, 0, 64), rows[i].status);
        if (rows[i].status != GW_OK)
            assert_true(gw_slice_is(b.missing, rows[i].name));
        gw_arena_free(&b.arena);
    }
}

static void what_is_no_template_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{{",
        "{{a",
        "{{a}",
        "{{{a}}",
        "{{#a}}",
        "{{/a}}",
        "{{#a}}{{/b}}",
        "{{}}",
        "{{ }}",
        "{{#}}",
        "{{>a}}",
        "{{<a}}{{/a}}",
        "{{$a}}{{/a}}",
        "{{=a=}}",
        "{{= =}}",
        "{{=a b c=}}",
        "{{=a =b=}}",
        "{{=<% %>=}}{{#a}}<%/a%>",
        "{{#a}}{{#b}}{{/a}}{{/b}}",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct gw_arena *arena = gw_arena_new(0);
        struct gw_mustache *m;
        struct gw_err err;
        size_t len = strlen(bad[i]);
        char *copy = malloc(len); /* of the exact size: reading past it is seen */
        assert_non_null(copy);
        memcpy(copy, bad[i], len);
        if (gw_mustache_compile(arena, gw_slice_of(copy, len), &m, &err) != GW_INVALID)
            fail_msg("%s", bad[i]);
        gw_arena_free(&arena);
        free(copy);
    }
}

static void an_error_says_where_it_is(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"{{a", "a tag does not end: \"{{a\" (line 1, column 1)"},
        {"Hi {{a}}\n\xc3\xa4\xc3\xa4 {{b}", "a tag does not end: \"{{b}\" (line 2, column 4)"},
        {"a\r\n\n  {{#l}}\n{{/m}}", "this ends no section that is open: \"m\" (line 4, column 4)"},
        {"{{x}}{{#l}}", "a section does not end: \"l\" (line 1, column 9)"},
        {"\n{{> p }}", "partials are not supported: \"p\" (line 2, column 5)"},
        {"{{ }}", "a tag has no name: \"\" (line 1, column 4)"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct gw_arena *arena = gw_arena_new(0);
        struct gw_mustache *m;
        struct gw_err err;
        assert_int_equal(gw_mustache_compile(arena, gw_slice_str(rows[i].text), &m, &err),
                         GW_INVALID);
        assert_string_equal(err.text, rows[i].want);
        gw_arena_free(&arena);
    }
}

static void a_long_tag_is_cut_between_characters(void **state)
{
    (void)state;
    char text[128] = "{{a"; /* so that the cut would be in the midst of one */
    for (size_t i = 3; i + 2 < sizeof(text); i += 2)
        memcpy(text + i, "\xc3\xa4", 3);
    struct gw_arena *arena = gw_arena_new(0);
    struct gw_mustache *m;
    struct gw_err err;
    assert_int_equal(gw_mustache_compile(arena, gw_slice_str(text), &m, &err), GW_INVALID);
    const char *end = strstr(err.text, "\" (line 1, column 1)");
    assert_non_null(end);
    assert_int_equal((unsigned char)end[-1], 0xa4);
    gw_arena_free(&arena);
}

static void repeat(struct gw_buf *b, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_int_equal(gw_buf_add_str(b, text), GW_OK);
}

static enum gw_status compiled(struct gw_buf *b)
{
    struct gw_arena *arena = gw_arena_new(0);
    struct gw_mustache *m;
    struct gw_err err;
    enum gw_status status = gw_mustache_compile(arena, gw_buf_view(b), &m, &err);
    gw_arena_free(&arena);
    gw_buf_reset(b);
    return status;
}

static void templates_are_limited(void **state)
{
    (void)state;
    struct gw_buf b;
    gw_buf_init(&b, 1 << 20);
    repeat(&b, "{{a}}", GW_MUSTACHE_MAX_TAGS);
    assert_int_equal(compiled(&b), GW_OK);
    repeat(&b, "{{a}}", GW_MUSTACHE_MAX_TAGS + 1);
    assert_int_equal(compiled(&b), GW_INVALID);
    repeat(&b, "{{#a}}", GW_MUSTACHE_MAX_DEPTH);
    repeat(&b, "{{/a}}", GW_MUSTACHE_MAX_DEPTH);
    assert_int_equal(compiled(&b), GW_OK);
    repeat(&b, "{{#a}}", GW_MUSTACHE_MAX_DEPTH + 1);
    repeat(&b, "{{/a}}", GW_MUSTACHE_MAX_DEPTH + 1);
    assert_int_equal(compiled(&b), GW_INVALID);
    gw_buf_deinit(&b);
}

/* Nested lists would repeat for ever, and so would looking for names. */
static void rendering_is_limited(void **state)
{
    (void)state;
    struct bench b;
    load(&b, "{\"l\":[1,2,3,4,5,6,7,8,9,10]}");
    const char *four = "{{#l}}{{#l}}{{#l}}{{#l}}{{/l}}{{/l}}{{/l}}{{/l}}";
    const char *six = "{{#l}}{{#l}}{{#l}}{{#l}}{{#l}}{{#l}}{{/l}}{{/l}}{{/l}}{{/l}}{{/l}}{{/l}}";
    assert_int_equal(render(&b, four, 0, 16), GW_OK);
    assert_int_equal(render(&b, six, 0, 16), GW_TOOBIG);
    assert_int_equal(render(&b, "{{#l}}x{{/l}}", 0, 10), GW_OK);
    assert_int_equal(render(&b, "{{#l}}x{{/l}}", 0, 9), GW_TOOBIG);
    gw_arena_free(&b.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_of_the_specification_holds),
        cmocka_unit_test(what_is_missing_is_named),
        cmocka_unit_test(what_is_no_template_is_refused),
        cmocka_unit_test(an_error_says_where_it_is),
        cmocka_unit_test(a_long_tag_is_cut_between_characters),
        cmocka_unit_test(templates_are_limited),
        cmocka_unit_test(rendering_is_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
