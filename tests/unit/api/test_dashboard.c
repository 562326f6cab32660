/* SPDX-License-Identifier: MIT */
/* The embedded files: the page's policy, and an OpenAPI document that says what the code does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "api/dashboard.h"
#include "api/problem.h"
#include "api/routes.h"
#include "tests/unit/api/fake_gateway.h" /* for what the room links to */

extern const unsigned char api_dashboard_html[];
extern const size_t api_dashboard_html_size;
extern const unsigned char api_mail_html[];
extern const size_t api_mail_html_size;
extern const unsigned char api_openapi_json[];
extern const size_t api_openapi_json_size;

static json_t *openapi(void)
{
    json_error_t error;
    json_t *root = json_loadb((const char *)api_openapi_json, api_openapi_json_size,
                              JSON_REJECT_DUPLICATES, &error);
    assert_non_null(root);
    return root;
}

/* The `enum` of the property at schema/properties/@property (of items, when @of_items is set). */
static json_t *enum_of(json_t *properties, const char *property)
{
    json_t *list = json_object_get(json_object_get(properties, property), "enum");
    assert_true(json_is_array(list));
    return list;
}

static bool lists(json_t *list, const char *text)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (strcmp(json_string_value(json_array_get(list, i)), text) == 0)
            return true;
    }
    return false;
}

static json_t *schema_properties(json_t *root, const char *schema)
{
    json_t *schemas = json_object_get(json_object_get(root, "components"), "schemas");
    return json_object_get(json_object_get(schemas, schema), "properties");
}

static void the_policy_names_the_pages_own_style_and_script(void **state)
{
    (void)state;
    char policy[API_MAX_CSP];
    struct gw_slice page = gw_slice_of((const char *)api_dashboard_html, api_dashboard_html_size);
    api_dashboard_policy(page, policy);
    assert_non_null(strstr(policy, "default-src 'none'; style-src 'sha256-"));
    assert_non_null(strstr(policy, "='; script-src 'sha256-"));
    api_dashboard_policy(GW_SLICE_LIT("<style></style><script>alert(1)</script>"), policy);
    assert_non_null(strstr(policy, "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"));
    assert_non_null(strstr(policy, "'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='"));
    api_dashboard_policy(GW_SLICE_LIT("<style></style><script>"), policy);
    assert_string_equal(policy, "");
}

static void a_mail_is_framed_without_scripts_of_its_own(void **state)
{
    (void)state;
    char policy[API_MAX_CSP];
    struct gw_slice page = gw_slice_of((const char *)api_mail_html, api_mail_html_size);
    api_dashboard_mail_policy(page, policy);
    assert_non_null(
        strstr(policy, "sandbox allow-scripts; default-src 'none'; script-src 'sha256-"));
    assert_null(strstr(policy, "allow-same-origin"));
    assert_non_null(strstr(policy, "frame-ancestors 'self'"));
    api_dashboard_mail_policy(GW_SLICE_LIT("<script>"), policy);
    assert_string_equal(policy, "");
}

static void the_page_takes_nothing_from_elsewhere_and_writes_no_markup(void **state)
{
    (void)state;
    static const char *const banned[] = {
        "http://",        "https://", "innerHTML", "outerHTML", "insertAdjacentHTML",
        "document.write", "eval(",    " style=",   " onclick=", "src="};
    for (size_t i = 0; i < sizeof(banned) / sizeof(banned[0]); i++) {
        if (memmem(api_dashboard_html, api_dashboard_html_size, banned[i], strlen(banned[i])))
            fail_msg("%s", banned[i]);
    }
}

static void openapi_lists_every_code_and_no_other(void **state)
{
    (void)state;
    json_t *root = openapi();
    json_t *problem = schema_properties(root, "Problem");
    json_t *codes = enum_of(problem, "code");
    assert_int_equal(json_array_size(codes), API_N_CODES);
    for (enum api_code code = 0; code < API_N_CODES; code++) {
        if (!lists(codes, api_code_name(code)))
            fail_msg("%s", api_code_name(code));
    }
    json_t *error = json_object_get(json_object_get(problem, "errors"), "items");
    json_t *field_codes = enum_of(json_object_get(error, "properties"), "code");
    static const char *const all[] = {
#define FIELD_CODE(name, text) text,
        GW_PROBLEM_TABLE(FIELD_CODE)
#undef FIELD_CODE
    };
    assert_int_equal(json_array_size(field_codes), sizeof(all) / sizeof(all[0]));
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (!lists(field_codes, all[i]))
            fail_msg("%s", all[i]);
    }
    json_decref(root);
}

static void openapi_lists_every_status_and_category(void **state)
{
    (void)state;
    json_t *root = openapi();
    json_t *recipient = schema_properties(root, "Recipient");
    json_t *statuses = enum_of(recipient, "status");
    /* GW_RCPT_UNCERTAIN and GW_RCPT_HELD share a word */
    assert_int_equal(json_array_size(statuses), GW_N_RCPT_STATUS - 1);
    for (enum gw_rcpt_status s = 0; s < GW_N_RCPT_STATUS; s++)
        assert_true(lists(statuses, gw_rcpt_status_name(s)));
    json_t *categories = enum_of(recipient, "category");
    for (enum gw_category c = GW_CATEGORY_RECIPIENT; c <= GW_CATEGORY_OTHER; c++)
        assert_true(lists(categories, gw_category_name(c)));
    json_decref(root);
}

static void openapi_describes_every_route(void **state)
{
    (void)state;
    static const struct api_route *const tables[] = {api_messages_routes,
                                                     api_sandbox_routes,
                                                     api_relays_routes,
                                                     api_health_routes,
                                                     api_metrics_routes,
                                                     api_admin_routes,
                                                     api_dashboard_routes,
                                                     api_resend_routes,
                                                     api_resend_records_routes,
                                                     api_resend_suppressed_routes,
                                                     api_postmark_routes,
                                                     api_postmark_records_routes,
                                                     api_postmark_suppressed_routes,
                                                     api_sendgrid_routes,
                                                     api_sendgrid_sends_routes,
                                                     api_sendgrid_suppressed_routes};
    json_t *root = openapi();
    json_t *paths = json_object_get(root, "paths");
    for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
        for (const struct api_route *r = tables[t]; r->method != NULL; r++) {
            json_t *path = json_object_get(paths, r->pattern);
            bool page = strcmp(r->pattern, "/") == 0 ||
                        strcmp(r->pattern, "/dashboard/mail") == 0; /* for people */
            char method[8] = "";
            for (size_t i = 0; r->method[i] != 0 && i + 1 < sizeof(method); i++)
                method[i] = (char)(r->method[i] | 0x20);
            if (!page && json_object_get(path, method) == NULL)
                fail_msg("%s %s", r->method, r->pattern);
        }
    }
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_policy_names_the_pages_own_style_and_script),
        cmocka_unit_test(a_mail_is_framed_without_scripts_of_its_own),
        cmocka_unit_test(the_page_takes_nothing_from_elsewhere_and_writes_no_markup),
        cmocka_unit_test(openapi_lists_every_code_and_no_other),
        cmocka_unit_test(openapi_lists_every_status_and_category),
        cmocka_unit_test(openapi_describes_every_route),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
