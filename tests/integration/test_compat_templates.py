# SPDX-License-Identifier: MIT
"""Templates as the providers' SDKs send them: the names of ours, filled in with their values."""
import json

import mailhatch
import pytest
import sdk
from sdk import subject_of

BEARER = {"Authorization": f"Bearer {sdk.KEY}"}
GREETING = {"text": "Dear {{name}}{{#items}}\n* {{.}}{{/items}}", "html": "<p>Dear {{name}}</p>"}
VALUES = {"name": "<Ann>", "items": ["tea", "cups"]}


@pytest.fixture(scope="module")
def server():
    with mailhatch.running(env={"MAILHATCH_API_KEY": sdk.KEY}, secrets=(sdk.KEY_SECRET,)) as one:
        yield one


@pytest.fixture
def keep(server):
    """Keeps a greeting with a subject of its own; the subject."""
    def put(name, **changes):
        subject = subject_of(name)
        sdk.asking_json(server, "PUT", f"/v1/templates/{name}", {"subject": f"{subject} {{{{name}}}}", **GREETING, **changes})
        return subject
    return put


def check(server, subject, name="<Ann>", subject_says=None, to="ann@example.org"):
    """The mail is the greeting, filled in."""
    _, item, _ = sdk.caught(server, f"{subject}&to={to}")
    assert item["subject"] == (subject_says or f"{subject} {name}")
    assert item["text"].split() == ["Dear", name, "*", "tea", "*", "cups"]
    assert item["html"].strip() == f"<p>Dear {name}</p>".replace("<Ann>", "&lt;Ann&gt;")
    return item


def value(result):
    assert "value" in result, result
    return result["value"]


# ---- Postmark ----

@pytest.mark.parametrize("package", ["postmark", "postmark-4", "postmark-3"])
def test_postmark_sends_a_template(server, keep, package):
    alias, number = keep(f"pm-{package}"), keep("4711")
    model = {"From": "a@example.com", "To": "ann@example.org", "TemplateModel": VALUES}
    sent = value(sdk.call(server, "postmark", package, "sendEmailWithTemplate", {**model, "TemplateAlias": f"pm-{package}", "Tag": "t"}))
    assert sent["ErrorCode"] == 0 and sent["MessageID"]
    check(server, alias)
    assert value(sdk.call(server, "postmark", package, "sendEmailWithTemplate", {**model, "TemplateId": 4711}))["ErrorCode"] == 0
    check(server, number)


@pytest.mark.parametrize("package", ["postmark", "postmark-4", "postmark-3"])
def test_postmark_sends_many(server, keep, package):
    subject = keep("pm-many")
    common = {"From": "a@example.com", "TemplateAlias": "pm-many"}
    results = value(sdk.call(server, "postmark", package, "sendEmailBatchWithTemplates", [
        {**common, "To": "ann@example.org", "TemplateModel": VALUES}, {**common, "To": "bob@example.org", "TemplateModel": {}},
        {**common, "To": "bob@example.org", "TemplateAlias": "nowhere", "TemplateModel": {}}]))
    assert [r["ErrorCode"] for r in results] == [0, 1109, 1101]
    assert results[1]["Message"] == "The Template data is missing: TemplateModel.name: The subject of the template pm-many needs this variable."
    check(server, subject)


def test_postmark_refuses_in_its_own_classes(server, keep):
    keep("pm-bad")
    common = {"From": "a@example.com", "To": "ann@example.org"}
    for fields, code, words in (({"TemplateAlias": "nowhere", "TemplateModel": {}}, 1101, "The 'TemplateAlias' is not valid or was not found"),
                                ({"TemplateId": 0, "TemplateModel": {}}, 1101, "The 'TemplateId' is not valid"),
                                ({"TemplateAlias": "pm-bad", "TemplateModel": {}}, 1109, "TemplateModel.name"),
                                ({"TemplateAlias": "pm-bad"}, 1109, "TemplateModel.name"),
                                ({"TemplateModel": VALUES}, 300, "A TemplateId or a TemplateAlias is required"),
                                ({"TemplateAlias": "pm-bad", "TemplateId": 1, "TemplateModel": VALUES}, 300, "named already"),
                                ({"TemplateAlias": "pm-bad", "TemplateModel": VALUES, "Subject": "x"}, 403, "Subject")):
        error = sdk.call(server, "postmark", "postmark", "sendEmailWithTemplate", {**common, **fields})["error"]
        kind = "InvalidEmailRequestError" if code == 300 else "ApiInputError"
        assert (error["class"], error["status"], error["code"]) == (kind, 422, code), error
        assert words in error["message"], error
    token = {"X_Postmark_Server_Token": sdk.KEY}
    for body, code in ([], 403), ({"Message": []}, 403), ({"Messages": []}, 300), ({"Messages": [], "x": 1}, 403), ({"Messages": {}}, 403), (b"{", 402):
        answer = server.post(body, "/compat/postmark/email/batchWithTemplates", **token)
        assert (answer.status, answer.json()["ErrorCode"]) == (422, code), answer.body
    answer = server.post({**common, "TemplateAlias": "pm-bad", "TemplateModel": VALUES}, "/compat/postmark/email", **token)
    assert answer.json()["ErrorCode"] == 403


# ---- SendGrid ----

@pytest.mark.parametrize("package", ["@sendgrid/mail", "sendgrid-mail-7"])
def test_sendgrid_sends_a_dynamic_template(server, keep, package):
    subject = keep("d-0123456789abcdef")
    (response, _) = value(sdk.call(server, "sendgrid", package, "send", {
        "from": "a@example.com", "subject": "the template's comes first", "templateId": "d-0123456789abcdef",
        "personalizations": [{"to": "ann@example.org", "dynamicTemplateData": VALUES},
                             {"to": "bob@example.org", "dynamicTemplateData": {**VALUES, "name": "Bob"}}]}))
    assert response["statusCode"] == 202
    check(server, subject, "Bob", to="bob@example.org")
    check(server, subject, to="ann@example.org")


def test_sendgrid_takes_the_subject_of_the_request_where_the_template_has_none(server, keep):
    keep("d-plain", subject=None)
    subject = subject_of("own")
    value(sdk.call(server, "sendgrid", "@sendgrid/mail", "send", {"from": "a@example.com", "to": "ann@example.org", "subject": subject, "templateId": "d-plain",
                                                                  "dynamicTemplateData": VALUES}))
    check(server, subject, subject_says=subject)


def test_sendgrid_refuses_with_the_field(server, keep):
    keep("d-bad")
    personal = {"to": [{"email": "ann@example.org"}]}
    content = [{"type": "text/plain", "value": "{{x}}"}]
    for changes, field, words in (
            ({"template_id": "d-nowhere"}, "template_id", "no template of this name"),
            ({"template_id": "d-bad"}, "personalizations.0.dynamic_template_data.name", "needs this variable"),
            ({"template_id": 7}, "template_id", "Must be a string"),
            ({"template_id": "d-bad", "content": content, "personalizations": [{**personal, "dynamic_template_data": VALUES}]}, "content.0.value", "give one of both"),
            ({"content": content, "personalizations": [{**personal, "dynamic_template_data": {"x": 1}}]}, "personalizations.0.dynamic_template_data", "template_id"),
            ({"template_id": "d-bad", "personalizations": [{**personal, "substitutions": {"a": "b"}}]}, "personalizations.0.substitutions", "instead")):
        answer = server.post({"from": {"email": "a@example.com"}, "subject": "s", "personalizations": [personal], **changes}, "/compat/sendgrid/v3/mail/send", **BEARER)
        errors = {e["field"]: e["message"] for e in answer.json()["errors"]}
        assert answer.status == 400 and words in errors[field], answer.body
    result = sdk.call(server, "sendgrid", "@sendgrid/mail", "send", {"from": "a@example.com", "to": "ann@example.org", "templateId": "d-nowhere"})
    assert (result["error"]["class"], result["error"]["code"]) == ("ResponseError", 400)


# ---- Resend ----

def test_resend_sends_a_template(server, keep):
    subject = keep("resend-greeting")
    sent = value(sdk.call(server, "resend", "resend", "emails.send", {"from": "a@example.com", "to": "ann@example.org",
                                                                    "template": {"id": "resend-greeting", "variables": VALUES}}))
    assert sent["error"] is None and sent["data"]["id"]
    check(server, subject)
    own = subject_of("own")
    sent = value(sdk.call(server, "resend", "resend", "emails.send", {"from": "a@example.com", "to": "ann@example.org", "subject": own,
                                                                    "template": {"id": "resend-greeting", "variables": VALUES}}))
    check(server, own, subject_says=own)


@pytest.mark.parametrize("changes,words", [
    ({"template": {"id": "nowhere"}}, "template.id: There is no template of this name."),
    ({"template": {"id": "resend-bad", "variables": {}}}, "template.variables.name: The subject of the template resend-bad needs this variable."),
    ({"template": {"id": "resend-bad"}}, "template.variables.name: The subject of the template resend-bad needs this variable."),
    ({"template": {"id": "resend-bad", "variables": VALUES}, "text": "x"}, "text: The template brings the text; give one of both."),
    ({"template": {"variables": {}}}, "Missing `template.id` field."),
])
def test_resend_refuses_in_its_own_words(server, keep, changes, words):
    keep("resend-bad")
    result = value(sdk.call(server, "resend", "resend", "emails.send", {"from": "a@example.com", "to": "ann@example.org", **changes}))
    assert result["data"] is None and result["error"]["message"] == words, result


# ---- Mailgun ----

@pytest.mark.parametrize("client,package", [("mailgun", "mailgun.js"), ("mailgun_web", "mailgun.js"), ("mailgun_js", "mailgun-js")])
@pytest.mark.parametrize("where", ["t:variables", "h:X-Mailgun-Variables"])
def test_mailgun_sends_a_template(server, keep, client, package, where):
    keep("mg-greeting", subject=None)
    subject = subject_of("mailgun")
    message = {"from": "a@example.com", "to": "ann@example.org", "subject": f"{subject} {{{{no}}}}", "template": "mg-greeting", where: json.dumps(VALUES),
               "v:no": "17", "v:name": "the last"}
    method, arguments = ("send", [message]) if client == "mailgun_js" else ("messages.create", ["example.com", message])
    assert value(sdk.call(server, "mailgun", package, method, *arguments, client=client))["message"] == "Queued. Thank you."
    item = check(server, subject, subject_says=f"{subject} 17")
    assert not [name for name, _ in item["headers"] if "mailgun" in name.lower()]


@pytest.mark.parametrize("fields,words", [
    ({"template": "nowhere"}, "'template' parameter: There is no template of this name."),
    ({"template": "mg-bad"}, "'t:variables' parameter: t:variables.name: The text of the template mg-bad needs this variable."),
    ({"template": "mg-bad", "t:variables": "{"}, "'t:variables' parameter: line 1"),
    ({"template": "mg-bad", "t:variables": "[]"}, "'t:variables' parameter: Must be a JSON object"),
    ({"template": "mg-bad", "h:X-Mailgun-Variables": "7"}, "'h:X-Mailgun-Variables' parameter: Must be a JSON object"),
    ({"template": "mg-bad", "t:version": "2"}, "'t:version' parameter: Mailhatch does not do this"),
    ({"template": "mg-bad", "t:text": "no"}, "'t:text' parameter: Mailhatch does not do this"),
    ({"template": "mg-bad", "t:variables": json.dumps(VALUES), "text": "x"}, "'text' parameter: The template brings the text"),
    ({"template": "mg-bad", "t:variables": json.dumps(VALUES), "recipient-variables": "{}"}, "'recipient-variables' parameter: They do not go"),
    ({"t:variables": "{}", "text": "x"}, "'t:variables' parameter: Only a template takes these"),
])
def test_mailgun_refuses_in_its_own_words(server, keep, fields, words):
    keep("mg-bad")
    result = sdk.call(server, "mailgun", "mailgun.js", "messages.create", "example.com",
                      {"from": "a@example.com", "to": "ann@example.org", "subject": "s", **fields}, client="mailgun")
    error = result["error"]
    assert (error["type"], error["status"]) == ("MailgunAPIError", 400) and error["details"].startswith(words), error


def test_without_a_template_mailguns_variables_stay_a_header(server):
    subject = subject_of("header")
    value(sdk.call(server, "mailgun", "mailgun.js", "messages.create", "example.com",
                   {"from": "a@example.com", "to": "ann@example.org", "subject": subject, "text": "{{x}}", "h:X-Mailgun-Variables": '{"x": 1}'}, client="mailgun"))
    _, item, _ = sdk.caught(server, subject)
    assert item["text"].strip() == "{{x}}" and ["X-Mailgun-Variables", '{"x": 1}'] in item["headers"]
