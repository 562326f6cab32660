/* SPDX-License-Identifier: MIT */
/* Whole messages: the nesting of every shape byte by byte, and what must hold for any input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/base/gw_mem.h"
#include "gateway/base/gw_random.h"
#include "gateway/mime.h"

#define HEAD   "From: Ann <ann@example.com>\r\n"
#define NOBODY "To: undisclosed-recipients:;\r\n"
#define REST \
    "Date: Mon, 23 Nov 2026 12:34:56 +0000\r\n" \
    "Message-ID: <1@example.com>\r\n"
#define TEXT_PLAIN \
    "Content-Type: text/plain; charset=utf-8\r\n" \
    "Content-Transfer-Encoding: 7bit\r\n\r\n"
#define TEXT_HTML \
    "Content-Type: text/html; charset=utf-8\r\n" \
    "Content-Transfer-Encoding: 7bit\r\n\r\n"

static struct gw_mime_input minimal(void)
{
    return (struct gw_mime_input){.from = {.name = "Ann", .address = "ann@example.com"},
                                  .message_id = "<1@example.com>",
                                  .date_ms = 1795437296789};
}

/* Builds @in; the result is NUL-terminated heap memory. */
static char *build(const struct gw_mime_input *in)
{
    struct gw_buf out;
    gw_buf_init(&out, gw_mime_max_size(in));
    size_t body_at = 0;
    assert_int_equal(gw_mime_build(in, &out, &body_at), GW_OK);
    assert_true(body_at >= 4 && memcmp(out.data + body_at - 4, "\r\n\r\n", 4) == 0);
    struct gw_err err = {.text = ""};
    if (gw_mime_check(gw_buf_view(&out), false, &err) != GW_OK)
        fail_msg("%s", err.text);
    size_t len;
    return gw_buf_take(&out, &len);
}

/* Boundaries are random: each becomes "A", "B", … in the order in which they are named. */
static void name_boundaries(char *message)
{
    const char *header = "boundary=\"";
    for (char letter = 'A';; letter++) {
        char *at = strstr(message, header);
        if (at == NULL)
            return;
        char boundary[33];
        memcpy(boundary, at + strlen(header), 32);
        boundary[32] = '\0';
        assert_memory_equal(boundary, "=_", 2);
        for (size_t i = 0; i < strlen("boundary"); i++)
            at[i] = (char)(at[i] - 'a' + 'A');
        char *found;
        while ((found = strstr(message, boundary)) != NULL) {
            *found = letter;
            memmove(found + 1, found + 32, strlen(found + 32) + 1);
        }
    }
}

static void assert_built(const struct gw_mime_input *in, const char *expected)
{
    gw_random_seed(1);
    char *message = build(in);
    gw_random_seed(0);
    name_boundaries(message);
    assert_string_equal(message, expected);
    gw_free(message);
}

static void text_alone_is_one_part(void **state)
{
    (void)state;
    struct gw_mime_input in = minimal();
    struct gw_mime_address to[] = {{.address = "bob@example.org"}};
    in.to = to;
    in.n_to = 1;
    in.subject = GW_SLICE_LIT("Hello");
    in.text = GW_SLICE_LIT("Hi\nthere");
    assert_built(&in, HEAD "To: bob@example.org\r\nSubject: Hello\r\n" REST
                           "MIME-Version: 1.0\r\n" TEXT_PLAIN "Hi\r\nthere\r\n");
}

static void html_alone_gets_a_text_alternative(void **state)
{
    (void)state;
    struct gw_mime_input in = minimal();
    in.html = GW_SLICE_LIT("<p>Hi</p>");
    assert_built(&in, HEAD NOBODY REST "MIME-Version: 1.0\r\n"
                                       "Content-Type: multipart/alternative;\r\n"
                                       " BOUNDARY=\"A\"\r\n\r\n"
                                       "--A\r\n" TEXT_PLAIN "Hi\r\n\r\n"
                                       "--A\r\n" TEXT_HTML "<p>Hi</p>\r\n"
                                       "--A--\r\n");
}

static void html_without_text_stays_alone(void **state)
{
    (void)state;
    struct gw_mime_input in = minimal();
    in.html = GW_SLICE_LIT("<img src=x>");
    assert_built(&in, HEAD NOBODY REST "MIME-Version: 1.0\r\n" TEXT_HTML "<img src=x>\r\n");
}

/* Each item makes 18 octets of 5; half a list would read as a whole one. */
static void html_whose_text_outgrows_it_stays_alone(void **state)
{
    (void)state;
    struct gw_mime_input in = minimal();
    struct gw_buf html;
    gw_buf_init(&html, 4096);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(gw_buf_add_str(&html, "<ul>"), GW_OK);
    for (size_t i = 0; i < 200; i++)
        assert_int_equal(gw_buf_add_str(&html, "<li>a"), GW_OK);
    in.html = gw_buf_view(&html);
    char *message = build(&in);
    assert_null(strstr(message, "text/plain"));
    assert_non_null(strstr(message, "Content-Type: text/html"));
    gw_free(message);
    gw_buf_deinit(&html);
}

static const struct gw_mime_part logo = {.content = {"\x01\x02", 2},
                                         .filename = "logo.png",
                                         .content_id = "logo",
                                         .inline_disposition = true};
static const struct gw_mime_part report = {.content = {"a,b", 3}, .filename = "r.csv"};

#define LOGO_PART \
    "Content-Type: image/png; name=\"logo.png\"\r\n" \
    "Content-Disposition: inline; filename=\"logo.png\"\r\n" \
    "Content-ID: <logo>\r\n" \
    "Content-Transfer-Encoding: base64\r\n\r\nAQI=\r\n"
#define REPORT_PART \
    "Content-Type: text/csv; charset=\"utf-8\"; name=\"r.csv\"\r\n" \
    "Content-Disposition: attachment; filename=\"r.csv\"\r\n" \
    "Content-Transfer-Encoding: base64\r\n\r\nYSxi\r\n"

static void all_kinds_nest_as_mixed_related_alternative(void **state)
{
    (void)state;
    struct gw_mime_input in = minimal();
    const struct gw_mime_part parts[] = {report, logo};
    in.text = GW_SLICE_LIT("Hi");
    in.html = GW_SLICE_LIT("<p>Hi</p>");
    in.parts = parts;
    in.n_parts = 2;
    assert_built(&in, HEAD NOBODY REST
                 "MIME-Version: 1.0\r\n"
                 "Content-Type: multipart/mixed; BOUNDARY=\"A\"\r\n\r\n"
                 "--A\r\n"
                 "Content-Type: multipart/related; type=\"multipart/alternative\";\r\n"
                 " BOUNDARY=\"B\"\r\n\r\n"
                 "--B\r\n"
                 "Content-Type: multipart/alternative;\r\n"
                 " BOUNDARY=\"C\"\r\n\r\n"
                 "--C\r\n" TEXT_PLAIN "Hi\r\n"
                 "--C\r\n" TEXT_HTML "<p>Hi</p>\r\n"
                 "--C--\r\n"
                 "--B\r\n" LOGO_PART "--B--\r\n"
                 "--A\r\n" REPORT_PART "--A--\r\n");
}

static void inline_part_of_html_makes_related(void **state)
{
    (void)state;
    struct gw_mime_input in = minimal();
    in.html = GW_SLICE_LIT("<img src=cid:logo>");
    in.parts = &logo;
    in.n_parts = 1;
    assert_built(&in, HEAD NOBODY REST "MIME-Version: 1.0\r\n"
                                       "Content-Type: multipart/related; type=\"text/html\";\r\n"
                                       " BOUNDARY=\"A\"\r\n\r\n"
                                       "--A\r\n" TEXT_HTML "<img src=cid:logo>\r\n"
                                       "--A\r\n" LOGO_PART "--A--\r\n");
}

static void inline_part_without_html_is_an_attachment(void **state)
{
    (void)state;
    struct gw_mime_input in = minimal();
    in.text = GW_SLICE_LIT("Hi\n");
    in.parts = &logo;
    in.n_parts = 1;
    assert_built(&in, HEAD NOBODY REST "MIME-Version: 1.0\r\n"
                                       "Content-Type: multipart/mixed; BOUNDARY=\"A\"\r\n\r\n"
                                       "--A\r\n" TEXT_PLAIN "Hi\r\n\r\n"
                                       "--A\r\n" LOGO_PART "--A--\r\n");
}

static void empty_text_is_an_empty_line(void **state)
{
    (void)state;
    struct gw_mime_input in = minimal();
    in.text = GW_SLICE_LIT("");
    in.subject = GW_SLICE_LIT("");
    assert_built(&in, HEAD NOBODY "Subject:\r\n" REST "MIME-Version: 1.0\r\n" TEXT_PLAIN "\r\n");
}

static void every_header_of_a_message_is_written(void **state)
{
    (void)state;
    struct gw_mime_input in = minimal();
    struct gw_mime_address many[] = {{.address = "b@x.com"},
                                     {.name = "C, D", .address = "c@x.com"}};
    struct gw_mime_header headers[] = {{"X-A", GW_SLICE_LIT("1")}, {"X-A", GW_SLICE_LIT("2")}};
    static const char *const references[] = {"<r1@x.com>", "<r2@x.com>"};
    in.to = in.cc = in.reply_to = many;
    in.n_to = in.n_cc = in.n_reply_to = 2;
    in.headers = headers;
    in.n_headers = 2;
    in.in_reply_to = "<r2@x.com>";
    in.references = references;
    in.n_references = 2;
    in.unsubscribe_url = "https://x.com/u";
    in.unsubscribe_mailto = "u@x.com";
    in.unsubscribe_one_click = true;
    in.text = GW_SLICE_LIT("Hi\r\n");
    assert_built(&in,
                 HEAD "To: b@x.com, \"C, D\" <c@x.com>\r\n"
                      "Cc: b@x.com, \"C, D\" <c@x.com>\r\n"
                      "Reply-To: b@x.com, \"C, D\" <c@x.com>\r\n" REST "In-Reply-To: <r2@x.com>\r\n"
                      "References: <r1@x.com> <r2@x.com>\r\n"
                      "List-Unsubscribe: <https://x.com/u>, <mailto:u@x.com>\r\n"
                      "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
                      "X-A: 1\r\nX-A: 2\r\nMIME-Version: 1.0\r\n" TEXT_PLAIN "Hi\r\n");
}

static void one_click_needs_a_url(void **state)
{
    (void)state;
    struct gw_mime_input in = minimal();
    in.text = GW_SLICE_LIT("Hi");
    in.unsubscribe_mailto = "u@x.com";
    in.unsubscribe_one_click = true;
    char *message = build(&in);
    assert_non_null(strstr(message, "List-Unsubscribe: <mailto:u@x.com>\r\n"));
    assert_null(strstr(message, "List-Unsubscribe-Post"));
    gw_free(message);
}

static void same_seed_gives_the_same_bytes(void **state)
{
    (void)state;
    struct gw_mime_input in = minimal();
    in.html = GW_SLICE_LIT("<p>Hi</p>");
    gw_random_seed(5);
    char *first = build(&in);
    gw_random_seed(5);
    char *second = build(&in);
    gw_random_seed(6);
    char *third = build(&in);
    gw_random_seed(0);
    assert_string_equal(first, second);
    assert_true(strcmp(first, third) != 0);
    gw_free(first);
    gw_free(second);
    gw_free(third);
}

static void a_thousand_recipients_stay_within_the_line(void **state)
{
    (void)state;
    static struct gw_mime_address to[1000];
    static char addresses[1000][32];
    for (size_t i = 0; i < 1000; i++) {
        (void)snprintf(addresses[i], sizeof(addresses[i]), "user%zu@example.com", i);
        to[i] = (struct gw_mime_address){.name = i % 2 == 0 ? "N\u00e4me \U0001f600" : "Name",
                                         .address = addresses[i]};
    }
    struct gw_mime_input in = minimal();
    in.to = to;
    in.n_to = 1000;
    in.text = GW_SLICE_LIT("Hi");
    char *message = build(&in);
    const char *end = strstr(message, "\r\n\r\n");
    for (const char *line = message; line < end; line = strstr(line, "\r\n") + 2)
        assert_true(strstr(line, "\r\n") - line <= 78);
    gw_free(message);
}

static void output_is_appended_and_its_maximum_holds(void **state)
{
    (void)state;
    struct gw_mime_input in = minimal();
    in.text = GW_SLICE_LIT("Hi");
    struct gw_buf out;
    gw_buf_init(&out, 10000);
    (void)gw_buf_add_str(&out, "before");
    size_t body_at;
    assert_int_equal(gw_mime_build(&in, &out, &body_at), GW_OK);
    assert_memory_equal(out.data, "beforeFrom: ", 12);
    assert_memory_equal(out.data + 6 + body_at, "Hi\r\n", 4);
    gw_buf_deinit(&out);
    gw_buf_init(&out, 100);
    assert_int_equal(gw_mime_build(&in, &out, &body_at), GW_TOOBIG);
    gw_buf_deinit(&out);
}

/* The wire oracle, apart from gw_mime_check and simpler. */
static void assert_wire(struct gw_slice m)
{
    size_t line = 0;
    for (size_t i = 0; i < m.len; i++) {
        unsigned char c = (unsigned char)m.data[i];
        assert_true(c < 0x80 && c != 0);
        if (c == '\n')
            assert_true(i > 0 && m.data[i - 1] == '\r');
        if (c == '\r')
            assert_true(i + 1 < m.len && m.data[i + 1] == '\n');
        line = c == '\n' ? 0 : line + 1;
        assert_true(line <= 998);
    }
    assert_int_equal(line, 0);
}

static struct gw_slice random_text(struct gw_buf *buf, uint32_t max_pieces, bool is_header)
{
    static const char long_word[] =
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
    static const char *const pieces[] = {
        "a",       "word ", " ",   "  ",   "=",      "?",        "=?",     "=?UTF-8?Q?=41?=",
        ".",       "From ", "\"",  "\\",   "-",      "\u00e4",   "\u65e5", "\U0001f600",
        "--=_",    "&amp;", "<p>", "<",    ">",      "<a href=", "'",      "\t",
        long_word, "\n",    "\r",  "\r\n", "\r\r\n", "\n.\n",    "\x1b",   "\f"};
    gw_buf_reset(buf);
    (void)gw_buf_add(buf, "", 0);
    size_t n = is_header ? 25 : sizeof(pieces) / sizeof(pieces[0]);
    for (uint32_t i = gw_random_below(max_pieces); i > 0; i--)
        (void)gw_buf_add_str(buf, pieces[gw_random_below((uint32_t)n)]);
    return gw_slice_of(buf->data != NULL ? buf->data : "", buf->len);
}

static void any_input_passes_the_wire_oracle(void **state)
{
    (void)state;
    struct gw_buf bufs[6];
    for (size_t i = 0; i < 6; i++)
        gw_buf_init(&bufs[i], 1 << 20);
    gw_random_seed(11);
    for (int round = 0; round < 3000; round++) {
        struct gw_mime_input in = minimal();
        in.subject = random_text(&bufs[0], 20, true);
        in.text = random_text(&bufs[1], 60, false);
        if (round % 3 != 0)
            in.html = random_text(&bufs[2], 60, false);
        if (round % 5 == 0)
            in.text.data = NULL;
        struct gw_mime_header header = {"X-Test", random_text(&bufs[3], 20, true)};
        in.headers = &header;
        in.n_headers = 1;
        (void)random_text(&bufs[4], 10, true);
        (void)gw_buf_add_char(&bufs[4], '\0');
        in.from.name = bufs[4].data;
        struct gw_mime_part part = {.content = random_text(&bufs[5], 60, false),
                                    .filename = bufs[4].data,
                                    .content_id = round % 2 == 0 ? "c" : NULL};
        in.parts = &part;
        in.n_parts = round % 4 != 0 ? 1 : 0;
        char *message = build(&in);
        assert_wire(gw_slice_str(message));
        gw_free(message);
    }
    gw_random_seed(0);
    for (size_t i = 0; i < 6; i++)
        gw_buf_deinit(&bufs[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_alone_is_one_part),
        cmocka_unit_test(html_alone_gets_a_text_alternative),
        cmocka_unit_test(html_without_text_stays_alone),
        cmocka_unit_test(html_whose_text_outgrows_it_stays_alone),
        cmocka_unit_test(all_kinds_nest_as_mixed_related_alternative),
        cmocka_unit_test(inline_part_of_html_makes_related),
        cmocka_unit_test(inline_part_without_html_is_an_attachment),
        cmocka_unit_test(empty_text_is_an_empty_line),
        cmocka_unit_test(every_header_of_a_message_is_written),
        cmocka_unit_test(one_click_needs_a_url),
        cmocka_unit_test(same_seed_gives_the_same_bytes),
        cmocka_unit_test(a_thousand_recipients_stay_within_the_line),
        cmocka_unit_test(output_is_appended_and_its_maximum_holds),
        cmocka_unit_test(any_input_passes_the_wire_oracle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
