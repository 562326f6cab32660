/* SPDX-License-Identifier: MIT */
/* Writing reports on domains. */
#include "api/domain_view.h"

static void add_publish(struct api_json *j, const struct gw_domain_record *r)
{
    if (r->publish_name == NULL) {
        api_json_null(j, "publish");
        return;
    }
    api_json_begin_object(j, "publish");
    api_json_str(j, "name", r->publish_name);
    api_json_str(j, "type", "TXT");
    api_json_str(j, "value", r->publish_value);
    api_json_end_object(j);
}

/* What every record has; the object stays open. */
static void begin_record(struct api_json *j, const char *key, const struct gw_domain_record *r)
{
    api_json_begin_object(j, key);
    api_json_str(j, "verdict", gw_verdict_name(r->verdict));
    api_json_str(j, "name", r->name);
    api_json_str(j, "record", r->value);
    api_json_begin_array(j, "problems");
    for (size_t i = 0; i < r->n_problems; i++) {
        api_json_begin_object(j, NULL);
        api_json_str(j, "code", gw_domain_code_name(r->problems[i].code));
        api_json_str(j, "detail", r->problems[i].detail);
        api_json_end_object(j);
    }
    api_json_end_array(j);
    add_publish(j, r);
}

static void add_spf(struct api_json *j, const struct gw_domain_report *report)
{
    if (!report->has_spf) {
        api_json_null(j, "spf");
        return;
    }
    begin_record(j, "spf", &report->spf);
    api_json_num(j, "lookups", report->spf_lookups);
    api_json_num(j, "void_lookups", report->spf_voids);
    api_json_str(j, "others", gw_spf_result_name(report->spf_others));
    if (report->ip != NULL) {
        api_json_begin_object(j, "ip");
        api_json_str(j, "address", report->ip);
        api_json_str(j, "result", gw_spf_result_name(report->ip_result));
        api_json_str(j, "matched", report->ip_matched);
        api_json_end_object(j);
    } else {
        api_json_null(j, "ip");
    }
    api_json_end_object(j);
}

static void add_dkim(struct api_json *j, const struct gw_domain_report *report)
{
    api_json_begin_object(j, "dkim");
    api_json_str(j, "verdict", gw_verdict_name(report->dkim));
    api_json_str(j, "domain", report->n_keys > 0 ? report->keys[0].key->domain : NULL);
    api_json_begin_array(j, "keys");
    for (size_t i = 0; i < report->n_keys; i++) {
        const struct gw_domain_dkim *d = &report->keys[i];
        begin_record(j, NULL, &d->record);
        api_json_str(j, "selector", d->key->selector);
        api_json_str(j, "algorithm", d->key->type == GW_DKIM_RSA ? "rsa-sha256" : "ed25519-sha256");
        api_json_end_object(j);
    }
    api_json_end_array(j);
    api_json_end_object(j);
}

static void add_identifier(struct api_json *j, const char *key,
                           const struct gw_domain_identifier *identifier)
{
    api_json_begin_object(j, key);
    api_json_str(j, "domain", identifier->domain);
    api_json_str(j, "mode", identifier->strict ? "strict" : "relaxed");
    api_json_bool(j, "aligned", identifier->aligned);
    api_json_end_object(j);
}

void api_domain_view(struct api_json *j, const char *key, const struct gw_domain_report *report)
{
    api_json_begin_object(j, key);
    api_json_str(j, "domain", report->domain);
    api_json_str(j, "organizational_domain", report->org_domain);
    api_json_bool(j, "ok", report->ok);
    add_spf(j, report);
    add_dkim(j, report);
    begin_record(j, "dmarc", &report->dmarc);
    api_json_str(j, "policy", report->policy);
    api_json_end_object(j);
    api_json_begin_object(j, "alignment");
    add_identifier(j, "spf", &report->by_spf);
    add_identifier(j, "dkim", &report->by_dkim);
    api_json_end_object(j);
    api_json_num(j, "dns_questions", (int64_t)report->n_questions);
    api_json_end_object(j);
}
