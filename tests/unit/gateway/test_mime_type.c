/* SPDX-License-Identifier: MIT */
/* Content types as users give them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/mime.h"

static const struct {
    const char *in;
    const char *out; /* NULL: refused */
} types[] = {
    {"text/plain", "text/plain"},
    {" TEXT/Html ; Charset=UTF-8", "text/html; charset=UTF-8"},
    {"a/b; x=y; z=\"a b\"", "a/b; x=y; z=\"a b\""},
    {"a/b; x=\"\\\"\"", "a/b; x=\"\\\"\""},
    /* the file name has a field of its own */
    {"a/b; name=evil.exe", "a/b"},
    {"a/b; NAME=\"evil.exe\"; x=y", "a/b; x=y"},
    {"a/b; name*=utf-8''evil.exe", "a/b"},
    {"a/b; Name*0=evil; name*1=.exe", "a/b"},
    {"a/b; names=x", "a/b; names=x"},
    /* not two readings of one parameter */
    {"a/b; x=1; x=2", NULL},
    {"a/b; charset=utf-8; CHARSET=x", NULL},
    {"a/b; x=1; x*=utf-8''2", NULL},
    {"a/b; x*0=1", NULL},
    {"a/b; x=1; xx=2", "a/b; x=1; xx=2"},
    {"a/b; boundary=x", NULL},
    {"a/b; x=?=?utf-8?q?a?=", NULL},
    {"multipart/mixed", NULL},
    {"Message/rfc822", NULL},
    {"text", NULL},
    {"text/", NULL},
    {"/plain", NULL},
    {"a/b/c", NULL},
    {"a /b", NULL},
    {"a/b;", NULL},
    {"a/b; x", NULL},
    {"a/b; x=", NULL},
    {"a/b; x=\"", NULL},
    {"a/b; x=\"\\", NULL},
    {"a/b; x=\xc3\xa4", NULL},
    {"a/b; x=\"\r\n\"", NULL},
    {"a/b (c)", NULL},
    {"", NULL},
};

static void type_is_made_canonical_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct gw_arena *arena = gw_arena_new(0);
        struct gw_err err;
        const char *out;
        enum gw_status status =
            gw_mime_content_type_parse(arena, gw_slice_str(types[i].in), &out, &err);
        print_message("%s\n", types[i].in);
        assert_int_equal(status, types[i].out != NULL ? GW_OK : GW_INVALID);
        if (types[i].out != NULL)
            assert_string_equal(out, types[i].out);
        gw_arena_free(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(type_is_made_canonical_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
