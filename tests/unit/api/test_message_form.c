/* SPDX-License-Identifier: MIT */
/* Messages as multipart/form-data. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/http_fields.h"
#include "api/message_form.h"
#include "api/multipart.h"
#include "gateway/base/gw_buf.h"
#include "tests/unit/api/fake_gateway.h" /* for what the room links to */

#define MESSAGE "--b\r\nContent-Disposition: form-data; name=\"message\"\r\n\r\n"
#define FILE_1  "--b\r\nContent-Disposition: form-data; name=\"file1\"; filename=\"a.pdf\"\r\n"

struct reading {
    struct gw_arena *arena;
    char *body;
    struct gw_draft draft;
    struct gw_problems problems;
    enum gw_status status;
};

static struct reading decode(struct gw_slice body)
{
    static const struct cfg cfg;
    struct reading r = {.arena = gw_arena_new(0), .body = malloc(body.len > 0 ? body.len : 1)};
    assert_non_null(r.body);
    if (body.len > 0)
        memcpy(r.body, body.data, body.len); /* of the exact size: reading past it is seen */
    gw_problems_init(&r.problems, r.arena);
    r.status = api_message_form_decode(r.arena, gw_slice_of(r.body, body.len), &cfg, &r.draft,
                                       &r.problems);
    assert_true((r.status == GW_OK) == (r.problems.n == 0));
    return r;
}

static void free_reading(struct reading *r)
{
    gw_arena_free(&r->arena);
    free(r->body);
}

static void assert_text(struct gw_slice got, const char *want)
{
    assert_non_null(got.data);
    assert_int_equal(got.len, strlen(want));
    assert_memory_equal(got.data, want, got.len);
}

static void files_become_attachments(void **state)
{
    (void)state;
    struct reading r = decode(gw_slice_str(
        MESSAGE
        "{\"subject\":\"s\",\"attachments\":[{\"part\":\"logo\",\"content_id\":\"l\"},"
        "{\"filename\":\"x\",\"content\":\"aGk=\"}]}\r\n" FILE_1
        "Content-Type: application/pdf\r\n\r\n%PDF\r\n--b-\r\n--bb\r\n"
        "--b\r\nContent-Disposition: form-data; name=logo; filename=l.png\r\n"
        "Content-Type: application/octet-stream\r\n\r\n\r\n"
        "--b  \r\ncontent-disposition: FORM-DATA; NAME=\"e\"; filename=\"\"\r\n\r\n--b--\r\nmore"));
    assert_int_equal(r.status, GW_OK);
    assert_true(r.draft.borrows_body);
    assert_text(r.draft.subject.value, "s");
    assert_int_equal(r.draft.n_attachments, 4);
    const struct gw_draft_attachment *a = r.draft.attachments;
    assert_text(a[0].filename.value, "l.png");
    assert_null(a[0].content_type.value.data);
    assert_text(a[0].content_id.value, "l");
    assert_text(a[0].content, "");
    assert_text(a[1].content, "hi");
    assert_text(a[2].content, "%PDF\r\n--b-\r\n--bb");
    assert_text(a[2].filename.value, "a.pdf");
    assert_string_equal(a[2].filename.pointer, "/attachments/2/filename");
    assert_text(a[2].content_type.value, "application/pdf");
    assert_text(a[3].content, "");
    free_reading(&r);
}

static void file_names_are_read_as_clients_write_them(void **state)
{
    (void)state;
    static const struct {
        const char *parameter, *want;
    } cases[] = {
        {"filename=\"a;b=c.txt\"", "a;b=c.txt"},
        {"filename=\"a\\\"b.txt\"", "a\"b.txt"},
        {"filename=\"a%22b%0Ac%41.txt\"", "a\"b\nc%41.txt"},
        {"filename=\"C:\\dir\\a.txt\"", "C:\\dir\\a.txt"},
        {"filename=\"\xc3\xbc.txt\"", "\xc3\xbc.txt"},
        {"filename=plain.txt", "plain.txt"},
        {"filename=\"a.txt\"; filename*=UTF-8''%C3%BC.txt", "\xc3\xbc.txt"},
        {"filename*=utf-8''b.txt; x=y", "b.txt"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct gw_buf b;
        gw_buf_init(&b, 4096);
        assert_int_equal(gw_buf_printf(&b,
                                       MESSAGE "{}\r\n--b\r\nContent-Disposition: form-data; "
                                               "name=f; %s\r\n\r\nx\r\n--b--",
                                       cases[i].parameter),
                         GW_OK);
        struct reading r = decode(gw_buf_view(&b));
        assert_int_equal(r.status, GW_OK);
        assert_text(r.draft.attachments[0].filename.value, cases[i].want);
        free_reading(&r);
        gw_buf_deinit(&b);
    }
}

static void what_is_no_form_is_refused_as_a_whole(void **state)
{
    (void)state;
    static const struct {
        const char *body, *detail;
    } cases[] = {
        {"", "start with its boundary"},
        {"b\r\n", "start with its boundary"},
        {"--b", "start with its boundary"},
        {"\r\n" MESSAGE "{}\r\n--b--", "start with its boundary"},
        {MESSAGE "{}", "end with its boundary"},
        {MESSAGE "{}\r\n--b", "end with its boundary"},
        {MESSAGE "{}\r\n--bc--", "end with its boundary"},
        {MESSAGE "{}\n--b--", "end with its boundary"},
        {"--b\r\n\r\n{}\r\n--b--", "no Content-Disposition"},
        {"--b\r\nContent-Disposition: form-data\r\n\r\n{}\r\n--b--", "name="},
        {"--b\r\nContent-Disposition: attachment; name=message\r\n\r\n{}\r\n--b--", "form-data"},
        {"--b\r\nContent-Disposition: form-data; name=\"message\r\n\r\n{}\r\n--b--", "name="},
        {"--b\r\nContent-Disposition: form-data; name=a; name=message\r\n\r\n{}\r\n--b--", "name="},
        {MESSAGE "{}\r\n" FILE_1 "Content-Transfer-Encoding: base64\r\n\r\nx\r\n--b--", "bytes as"},
        {MESSAGE "{}\r\n" FILE_1 " folded\r\n\r\nx\r\n--b--", "no field"},
        {MESSAGE "{}\r\n" FILE_1 "Content-Type: a/b\r\nContent-Type: a/c\r\n\r\nx\r\n--b--", "two"},
        {MESSAGE "{}\r\n" MESSAGE "{}\r\n--b--", "two parts named"},
        {FILE_1 "\r\nx\r\n--b--", "no part named"},
        {MESSAGE "{\r\n--b--", "line 1, column"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct reading r = decode(gw_slice_str(cases[i].body));
        if (r.status != GW_PROTO || strstr(r.problems.items[0].detail, cases[i].detail) == NULL)
            fail_msg("%s: %d", cases[i].body, (int)r.status);
        free_reading(&r);
    }
}

static void problems_point_at_the_attachment(void **state)
{
    (void)state;
    static const struct {
        const char *body, *pointer, *code;
    } cases[] = {
        {MESSAGE "{\"attachments\":[{\"part\":\"no\"}]}\r\n--b--", "/attachments/0/part", "value"},
        {MESSAGE "{\"attachments\":[{\"part\":\"message\"}]}\r\n--b--", "/attachments/0/part",
         "value"},
        {MESSAGE "{\"attachments\":[{\"part\":\"file1\"}]}\r\n" FILE_1 "\r\nx\r\n" FILE_1
                 "\r\nx\r\n--b--",
         "/attachments/0/part", "duplicate_field"},
        {MESSAGE "{\"attachments\":[{\"part\":\"file1\",\"content\":\"aGk=\"}]}\r\n" FILE_1
                 "\r\nx\r\n--b--",
         "/attachments/0/part", "value"},
        {MESSAGE "{}\r\n--b\r\nContent-Disposition: form-data; name=subject\r\n\r\nx\r\n--b--",
         "/attachments/0", "unknown_field"},
        {MESSAGE
         "{}\r\n--b\r\nContent-Disposition: form-data; name=f; filename=\"\xff\"\r\n\r\nx\r\n"
         "--b--",
         "/attachments/0/filename", "encoding"},
        {MESSAGE "{\"nope\":1}\r\n" FILE_1 "\r\nx\r\n--b--", "/nope", "unknown_field"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct reading r = decode(gw_slice_str(cases[i].body));
        assert_int_equal(r.status, GW_INVALID);
        assert_string_equal(r.problems.items[0].pointer, cases[i].pointer);
        assert_string_equal(r.problems.items[0].code, cases[i].code);
        free_reading(&r);
    }
}

static void every_cut_of_a_form_is_refused(void **state)
{
    (void)state;
    static const char whole[] = MESSAGE "{}\r\n" FILE_1 "\r\nx\r\n--b--";
    for (size_t n = 0; n < sizeof(whole); n++) {
        struct reading r = decode(gw_slice_of(whole, n));
        assert_int_equal(r.status, n < sizeof(whole) - 1 ? GW_PROTO : GW_OK);
        free_reading(&r);
    }
}

static void parts_and_their_headers_are_limited(void **state)
{
    (void)state;
    for (size_t extra = 0; extra < 2; extra++) {
        struct gw_buf b;
        gw_buf_init(&b, 1 << 20);
        assert_int_equal(gw_buf_add_str(&b, MESSAGE "{}\r\n"), GW_OK);
        for (size_t i = 0; i < API_MULTIPART_MAX_PARTS - 1 + extra; i++)
            assert_int_equal(gw_buf_add_str(&b, FILE_1 "\r\nx\r\n"), GW_OK);
        assert_int_equal(gw_buf_add_str(&b, "--b--"), GW_OK);
        struct reading r = decode(gw_buf_view(&b));
        assert_int_equal(r.status, extra == 0 ? GW_OK : GW_PROTO);
        free_reading(&r);
        gw_buf_reset(&b);
        assert_int_equal(gw_buf_add_str(&b, MESSAGE "{}\r\n" FILE_1 "X: "), GW_OK);
        size_t used = strlen(FILE_1) - strlen("--b\r\n") + strlen("X: \r\n\r\n");
        for (size_t i = 0; i < API_MULTIPART_MAX_HEADER - used + extra; i++)
            assert_int_equal(gw_buf_add_char(&b, 'x'), GW_OK);
        assert_int_equal(gw_buf_add_str(&b, "\r\n\r\nx\r\n--b--"), GW_OK);
        r = decode(gw_buf_view(&b));
        assert_int_equal(r.status, extra == 0 ? GW_OK : GW_PROTO);
        free_reading(&r);
        gw_buf_deinit(&b);
    }
}

static void content_types_of_forms_are_known(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        bool form;
        const char *boundary;
    } cases[] = {
        {"multipart/form-data; boundary=b", true, "b"},
        {"Multipart/Form-Data;boundary=\"a b\" ; charset=utf-8", true, "a b"},
        {"multipart/form-data; boundary=0123456789012345678901234567890123456789012345678901234567"
         "890123456789x",
         true, ""},
        {"multipart/form-data", false, NULL},
        {"multipart/mixed; boundary=b", false, NULL},
        {"multipart/form-data; boundary=b; boundary=c", false, NULL},
        {"application/json", false, NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char boundary[API_MULTIPART_MAX_BOUNDARY + 1] = "";
        assert_int_equal(
            api_content_type_is_form(gw_slice_str(cases[i].value), boundary, sizeof(boundary)),
            cases[i].form);
        if (cases[i].form)
            assert_string_equal(boundary, cases[i].boundary);
    }
    assert_true(api_multipart_begins(GW_SLICE_LIT("--b\r\n"), "b"));
    assert_true(api_multipart_begins(GW_SLICE_LIT("--b \t\r\n"), "b"));
    assert_false(api_multipart_begins(GW_SLICE_LIT("--bc\r\n"), "b"));
    assert_false(api_multipart_begins(GW_SLICE_LIT("--\r\n"), ""));
    assert_false(api_multipart_begins(GW_SLICE_LIT("--"), "b"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_become_attachments),
        cmocka_unit_test(file_names_are_read_as_clients_write_them),
        cmocka_unit_test(what_is_no_form_is_refused_as_a_whole),
        cmocka_unit_test(problems_point_at_the_attachment),
        cmocka_unit_test(every_cut_of_a_form_is_refused),
        cmocka_unit_test(parts_and_their_headers_are_limited),
        cmocka_unit_test(content_types_of_forms_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
