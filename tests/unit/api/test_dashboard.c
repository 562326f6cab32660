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

/* For people, not described. */
static bool is_page(const struct api_route *r)
{
    return strcmp(r->pattern, "/") == 0 || strcmp(r->pattern, "/dashboard/mail") == 0;
}

/* How many parameters of the query are described; each must be one of @query, as it is written
 * there without the `*` of those that repeat. */
static size_t described_parameters(json_t *operation, const char *query, const char *pattern)
{
    size_t n = 0;
    size_t i;
    json_t *parameter;
    json_array_foreach(json_object_get(operation, "parameters"), i, parameter)
    {
        const char *name = json_string_value(json_object_get(parameter, "name"));
        const char *in = json_string_value(json_object_get(parameter, "in"));
        if (in == NULL || strcmp(in, "query") != 0)
            continue;
        const char *at = query;
        size_t len = strlen(name);
        while (at != NULL && *at != '\0') {
            if (strncmp(at, name, len) == 0 && strchr(" *", at[len]) != NULL)
                break;
            at = strchr(at, ' ');
            at = at != NULL ? at + 1 : NULL;
        }
        if (at == NULL || *at == '\0')
            fail_msg("%s: the parameter %s is described, but not known", pattern, name);
        n++;
    }
    return n;
}

static size_t count_words(const char *s)
{
    size_t n = s != NULL && *s != '\0' ? 1 : 0;
    for (; s != NULL && *s != '\0'; s++)
        n += *s == ' ';
    return n;
}

/* Every route with its parameters is described, and no other. */
static void openapi_describes_the_routes_and_no_others(void **state)
{
    (void)state;
    json_t *root = openapi();
    json_t *paths = json_object_get(root, "paths");
    size_t n_routes = 0;
    size_t n_described = 0;
    for (size_t t = 0; t < api_n_route_tables; t++) {
        for (const struct api_route *r = api_route_tables[t]; r->method != NULL; r++) {
            char method[8] = "";
            for (size_t i = 0; r->method[i] != 0 && i + 1 < sizeof(method); i++)
                method[i] = (char)(r->method[i] | 0x20);
            json_t *operation = json_object_get(json_object_get(paths, r->pattern), method);
            if (is_page(r))
                continue;
            if (operation == NULL)
                fail_msg("%s %s", r->method, r->pattern);
            n_routes++;
            if (described_parameters(operation, r->query, r->pattern) != count_words(r->query))
                fail_msg("%s %s takes more parameters: %s", r->method, r->pattern, r->query);
            bool is_open = json_array_size(json_object_get(operation, "security")) == 0 &&
                           json_object_get(operation, "security") != NULL;
            if (is_open != (r->scopes == 0))
                fail_msg("%s %s: does it need a key?", r->method, r->pattern);
        }
    }
    const char *pattern;
    json_t *path;
    json_object_foreach(paths, pattern, path) n_described += json_object_size(path);
    assert_int_equal(n_described, n_routes);
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
        cmocka_unit_test(openapi_describes_the_routes_and_no_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
