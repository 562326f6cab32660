# SPDX-License-Identifier: MIT
"""The key's suppression list through each facade: the same entries, in each provider's words."""
import time

import mailhatch
import pytest
import sdk

ADDRESSES = ["bounced@example.net", "angry@example.net", "gone@example.net", "manual@example.net"]
REASONS = ["bounce", "complaint", "unsubscribe", "manual"]


@pytest.fixture
def server():
    with mailhatch.running(env={"MAILHATCH_API_KEY": sdk.KEY}, secrets=(sdk.KEY_SECRET,)) as one:
        for email, reason in zip(ADDRESSES, REASONS):
            sdk.asking_json(one, "POST", "/v1/suppressions", {"email": email, "reason": reason, "detail": f"why {reason}"})
        yield one


def emails(server):
    return [e["email"] for e in sdk.asking(server, "GET", "/v1/suppressions").json()["suppressions"]]


def test_postmark_dumps_and_changes_it(server):
    added = {"Suppressions": [{"EmailAddress": "New@example.net"}, {"EmailAddress": "gone@example.net"}]}
    results = sdk.calls(
        server, "postmark", "postmark", ("getSuppressions", "outbound"), ("getSuppressions", "outbound", {"suppressionReason": "HardBounce"}),
        ("getSuppressions", "broadcast", {"origin": "Customer", "suppressionReason": "HardBounce"}),
        ("getSuppressions", "outbound", {"emailAddress": "Gone@Example.net"}), ("createSuppressions", "outbound", added),
        ("deleteSuppressions", "outbound", {"Suppressions": added["Suppressions"][:1]}))
    dumped, bounced, nothing, one, made, ended = (r["value"]["Suppressions"] for r in results)
    assert [(e["EmailAddress"], e["SuppressionReason"], e["Origin"]) for e in dumped] == [
        ("manual@example.net", "ManualSuppression", "Customer"), ("gone@example.net", "ManualSuppression", "Recipient"),
        ("angry@example.net", "SpamComplaint", "Recipient"), ("bounced@example.net", "HardBounce", "Recipient")]
    assert all(e["CreatedAt"].endswith("Z") for e in dumped)
    assert [[e["EmailAddress"] for e in found] for found in (bounced, nothing, one)] == [["bounced@example.net"], [], ["gone@example.net"]]
    assert [(e["EmailAddress"], e["Status"]) for e in made] == [("new@example.net", "Suppressed"), ("gone@example.net", "Suppressed")]
    assert [(e["EmailAddress"], e["Status"]) for e in ended] == [("new@example.net", "Deleted")]
    assert sorted(emails(server)) == sorted(ADDRESSES)


def test_postmarks_changes_are_judged(server):
    bad, none, many = (r["error"] for r in sdk.calls(server, "postmark", "postmark", *(
        ("createSuppressions", "outbound", {"Suppressions": s}) for s in (
            [{"EmailAddress": "nobody"}], [], [{"EmailAddress": f"a{i}@example.net"} for i in range(51)]))))
    assert [e["class"] for e in (bad, none, many)] == 3 * ["InvalidEmailRequestError"] and "At most 50" in many["message"]
    assert sorted(emails(server)) == sorted(ADDRESSES)


def test_resend_lists_and_changes_it(server):
    results = [r["value"] for r in sdk.calls(
        server, "resend", "resend", ("suppressions.list", {"limit": 3}), ("suppressions.list", {"after": "angry@example.net"}),
        ("suppressions.list", {"origin": "bounce"}), ("suppressions.get", "angry@example.net"), ("suppressions.add", {"email": "New@example.net"}),
        ("suppressions.remove", "new@example.net"), ("suppressions.batch.add", {"emails": ["x@example.net", "y@example.net", "x@example.net"]}),
        ("suppressions.batch.remove", {"emails": ["x@example.net", "y@example.net", "z@example.net"]}),
        ("suppressions.remove", "nobody@example.net"), ("suppressions.add", {"email": "nobody"}), ("suppressions.get", "other@example.net"))]
    first, rest, bounced, one, added, removed, both, gone = (r["data"] for r in results[:8])
    assert [(e["id"], e["email"], e["origin"]) for e in first["data"]] == [
        (e, e, o) for e, o in (("manual@example.net", "manual"), ("gone@example.net", "manual"), ("angry@example.net", "complaint"))]
    assert first["has_more"] is True and rest["has_more"] is False
    assert [[e["email"] for e in found["data"]] for found in (rest, bounced)] == 2 * [["bounced@example.net"]]
    assert (one["object"], one["origin"], one["source_id"]) == ("suppression", "complaint", None)
    assert added == {"object": "suppression", "id": "new@example.net"} and removed == {**added, "deleted": True}
    assert len(both["data"]) == 2 and [e["deleted"] for e in gone["data"]] == [True, True]
    assert sorted(emails(server)) == sorted(ADDRESSES)
    assert [(r["error"]["statusCode"], r["error"]["name"]) for r in results[8:]] == [
        (404, "not_found"), (422, "validation_error"), (404, "not_found")]


def test_sendgrid_reads_it(server):
    now = int(time.time())
    bounced, angry = [("bounced@example.net", "why bounce")], [("angry@example.net", "why complaint")]
    manual, gone = ("manual@example.net", "why manual"), ("gone@example.net", "why unsubscribe")
    wanted = {
        "suppression/bounces": bounced, "suppression/bounces/bounced@example.net": bounced, "suppression/spam_reports": angry,
        "suppression/spam_reports/bounced@example.net": [], "suppression/unsubscribes": [manual, gone],
        "suppression/unsubscribes?limit=1&offset=1": [gone], f"suppression/unsubscribes?start_time={now + 100}": [],
        "suppression/unsubscribes?end_time=1": [], f"suppression/unsubscribes?start_time=1&end_time={now + 100}": [manual, gone],
        "suppression/blocks": [], "suppression/invalid_emails": [], "asm/suppressions/global/gone@example.net": [gone]}
    results = sdk.calls(server, "sendgrid", "@sendgrid/mail", *(("request", {"method": "GET", "url": f"/v3/{path}"}) for path in wanted))
    for (path, entries), result in zip(wanted.items(), results):
        response, body = result["value"]
        assert response["statusCode"] == 200 and [(e["email"], e["reason"]) for e in body] == entries, path


def test_sendgrid_changes_it(server):
    def ask(method, path, body=None):
        return "request", {"method": method, "url": f"/v3/{path}", **({"body": body} if body else {})}

    added, again, bad, wrong, *gone = sdk.calls(
        server, "sendgrid", "@sendgrid/mail", ask("POST", "asm/suppressions/global", {"recipient_emails": ["New@example.net", "angry@example.net"]}),
        ask("GET", "suppression/unsubscribes"), ask("POST", "asm/suppressions/global", {"recipient_emails": ["nobody"]}),
        ask("DELETE", "suppression/spam_reports/bounced@example.net"), ask("DELETE", "suppression/bounces/bounced@example.net"),
        ask("DELETE", "asm/suppressions/global/new@example.net"), ask("DELETE", "asm/suppressions/global/manual@example.net"))
    assert added["value"][0]["statusCode"] == 201 and added["value"][1] == {"recipient_emails": ["new@example.net", "angry@example.net"]}
    assert {e["email"] for e in again["value"][1]} == {"new@example.net", "angry@example.net", "gone@example.net", "manual@example.net"}
    assert bad["error"]["body"]["errors"][0]["field"] == "recipient_emails.0" and wrong["error"]["code"] == 404
    assert [r["value"][0]["statusCode"] for r in gone] == 3 * [204]
    assert sorted(emails(server)) == ["angry@example.net", "gone@example.net"]


def test_ses_changes_it(server):
    put, bad, wrong, shown, gone, again = sdk.calls(
        server, "ses", "@aws-sdk/client-sesv2", ("PutSuppressedDestinationCommand", {"EmailAddress": "New@example.net", "Reason": "COMPLAINT"}),
        ("PutSuppressedDestinationCommand", {"EmailAddress": "nobody", "Reason": "BOUNCE"}),
        ("PutSuppressedDestinationCommand", {"EmailAddress": "a@example.net", "Reason": "WHIM"}),
        ("GetSuppressedDestinationCommand", {"EmailAddress": "new@example.net"}),
        *2 * [("DeleteSuppressedDestinationCommand", {"EmailAddress": "new@example.net"})])
    assert put["value"]["$metadata"]["httpStatusCode"] == 200 and gone["value"]["$metadata"]["httpStatusCode"] == 200
    assert [r["error"]["name"] for r in (bad, wrong, again)] == ["BadRequestException", "BadRequestException", "NotFoundException"]
    assert shown["value"]["SuppressedDestination"]["Reason"] == "COMPLAINT"
    assert sorted(emails(server)) == sorted(ADDRESSES)


@pytest.mark.parametrize("package", ["postmark", "postmark-4", "postmark-3"])
def test_postmark_says_who_is_inactive(server, package):
    letter = {"From": "a@example.com", "Subject": "x", "TextBody": "x"}
    none, some, batch = sdk.calls(
        server, "postmark", package, ("sendEmail", {**letter, "To": "bounced@example.net, gone@example.net"}),
        ("sendEmail", {**letter, "To": "ok@example.net", "Bcc": "angry@example.net"}),
        ("sendEmailBatch", [{**letter, "To": "manual@example.net"}, {**letter, "To": "fine@example.net"}]))
    assert (none["error"]["class"], none["error"]["code"], none["error"]["status"]) == ("InactiveRecipientsError", 406, 422)
    assert none["error"]["recipients"] == ["bounced@example.net", "gone@example.net"]
    assert some["value"]["ErrorCode"] == 0 and some["value"]["Message"].endswith("inactive addresses: angry@example.net.")
    assert [item["ErrorCode"] for item in batch["value"]] == [406, 0]
    assert {m["status"] for m in sdk.asking(server, "GET", "/v1/messages?recipient=gone@example.net").json()["messages"]} == {"suppressed"}


def test_what_is_on_it_is_not_sent_to(server):
    sent = server.post({"From": "a@example.com", "To": "bounced@example.net, ok@example.net", "Subject": "x", "TextBody": "x"}, "/compat/postmark/email",
                       X_Postmark_Server_Token=sdk.KEY).json()
    assert [r["status"] for r in sdk.settled(server, sent["MessageID"])["recipients"]] == ["suppressed", "sent"]
