# SPDX-License-Identifier: MIT
"""Mailgun's SDKs against /compat/mailgun, and the mail that arrives."""
import base64
import datetime
import email.utils
import json
import urllib.parse
import uuid

import mailhatch
import pytest
import sdk
from mail_reading import headers
from sdk import subject_of

SEND = "/compat/mailgun/v3/example.com/messages"
BOUNCES = "/compat/mailgun/v3/example.com/bounces"
BASIC = "Basic " + base64.b64encode(f"api:{sdk.KEY}".encode()).decode()
INVALID_TO = "'to' parameter is not a valid address. please check documentation"
# the package, and the client of sdk.mjs
CURRENT, WEB, LEGACY = ("mailgun.js", "mailgun"), ("mailgun.js", "mailgun_web"), ("mailgun-js", "mailgun_js")


@pytest.fixture(scope="module")
def server():
    with mailhatch.running(env={"MAILHATCH_API_KEY": sdk.KEY}, secrets=(sdk.KEY_SECRET,)) as one:
        yield one


def mail(**changes):
    made = {"from": "Sender <sender@example.com>", "to": "ada@example.net", "subject": subject_of("plain"), "text": "Hello\n", **changes}
    return {name: value for name, value in made.items() if value is not None}


def create(server, which, data, **options):
    package, client = which
    method = ("send", data) if which == LEGACY else ("messages.create", "example.com", data)
    return sdk.call(server, "mailgun", package, *method, client=client, **options)


def post(server, data, path=SEND, authorization=BASIC):
    body = urllib.parse.urlencode(data, doseq=True).encode()
    return server.request("POST", path, body, {"Authorization": authorization, "Content-Type": "application/x-www-form-urlencoded"})


@pytest.mark.parametrize("which", [CURRENT, WEB, LEGACY])
def test_a_full_mail_arrives_as_it_was_given(server, which):
    subject, tag = subject_of("full"), uuid.uuid4().hex
    text, html = "Hello, wörld — plain.\nSecond line.\n", '<p>wörld <img src="cid:logo.png" alt="logo"></p>'
    result = create(server, which, {
        "from": '"Sender, Inc." <sender@example.com>', "to": ['"Lovelace, Ada" <ada@example.net>', "eve@example.net"],
        "cc": "Carol <carol@example.net>", "bcc": "Bob <bob@example.org>", "h:Reply-To": "Replies <replies@example.com>",
        "subject": f"{subject} ✓ résumé", "text": text, "html": html, "h:X-Smoke-Test": "sdk-compat", "o:tag": [tag, "two"],
        "v:order": "42", "o:tracking": "no",
        "attachment": [{"filename": "report.txt", "data": sdk.buffer(b"attachment body")}],
        "inline": [{"filename": "logo.png", "data": sdk.buffer(sdk.PNG)}]})
    assert result["value"]["message"] == "Queued. Thank you.", result
    got, item, raw = sdk.caught(server, subject)
    assert headers(raw, "Message-ID") == [result["value"]["id"]]
    assert got["from"] == [["Sender, Inc.", "sender@example.com"]]
    assert got["to"] == [["Lovelace, Ada", "ada@example.net"], ["", "eve@example.net"]] and got["cc"] == [["Carol", "carol@example.net"]]
    assert got["reply_to"] == [["Replies", "replies@example.com"]]
    assert item["rcpt_to"] == ["ada@example.net", "eve@example.net", "carol@example.net", "bob@example.org"]
    assert headers(raw, "Bcc") == [] and headers(raw, "X-Smoke-Test") == ["sdk-compat"]
    assert got["subject"] == f"{subject} ✓ résumé" and got["html"].strip() == html
    assert got["text"].replace("\r\n", "\n").rstrip() == text.rstrip()
    assert [(a["filename"], a["content_type"], a["content_id"], a["content"]) for a in got["attachments"]] == [
        ("logo.png", "image/png", "<logo.png>", sdk.PNG), ("report.txt", "text/plain", None, b"attachment body")]
    (listed,) = sdk.asking(server, "GET", f"/v1/messages?tag={tag}").json()["messages"]
    assert listed["id"] in [m["id"] for m in sdk.asking(server, "GET", "/v1/messages?tag=two").json()["messages"]]


@pytest.mark.parametrize("which", [CURRENT, WEB, LEGACY])
def test_a_mail_without_files_arrives_too(server, which):
    subject = subject_of("form")
    assert create(server, which, mail(subject=f"{subject} ü&=+%"))["value"]["id"]
    got, _, _ = sdk.caught(server, subject)
    assert got["subject"] == f"{subject} ü&=+%"


@pytest.mark.parametrize("which", [CURRENT, WEB, LEGACY])
def test_a_bad_recipient_is_the_sdks_own_error(server, which):
    error = create(server, which, mail(to="not-an-address"))["error"]
    assert error["status"] == 400
    if which == LEGACY:
        assert error["message"] == INVALID_TO
    else:
        assert (error["type"], error["message"], error["details"]) == ("MailgunAPIError", "Bad Request", INVALID_TO)


@pytest.mark.parametrize("which", [CURRENT, LEGACY])
def test_a_wrong_key_is_forbidden(server, which):
    error = create(server, which, mail(), key="app.wrong-wrong-wrong")["error"]
    assert error["status"] == 401 and "Forbidden" in (error.get("details"), error["message"])


@pytest.mark.parametrize("authorization", [f"Bearer {sdk.KEY}", "Basic " + base64.b64encode(f"key:{sdk.KEY}".encode()).decode(), "Basic !"])
def test_only_basic_authentication_as_api_will_do(server, authorization):
    answer = post(server, mail(), authorization=authorization)
    assert (answer.status, answer.json()) == (401, {"message": "Forbidden"})


@pytest.mark.parametrize("changes, words", [
    ({"to": None}, "'to' parameter is missing"),
    ({"to": ", ,"}, "'to' parameter is missing"),
    ({"from": None}, "'from' parameter is missing"),
    ({"from": "nobody"}, "'from' parameter is not a valid address"),
    ({"cc": "A, B <a@example.org>"}, "'cc' parameter is not a valid address"),
    ({"h:Reply-To": "nobody"}, "'h:Reply-To' parameter is not a valid address"),
    ({"subjct": "x"}, "'subjct' parameter: There is no such parameter"),
    ({"o:testmode": "perhaps"}, "'o:testmode' parameter: Must be yes or no"),
    ({"o:testmode": "yes", "to": "nobody"}, INVALID_TO),
    ({"o:tracking": "maybe"}, "'o:tracking' parameter: Must be yes or no"),
    ({"recipient-variables": "{"}, "'recipient-variables' parameter: line 1"),
    ({"recipient-variables": "{}", "text": "%recipient.name%"}, "'recipient-variables' parameter"),
    ({"h:X-A": "1\r\nX-B: 2"}, "'h:X-A' parameter: Line breaks"),
    ({"h:Subject": "x"}, "'h:Subject' parameter: "),
    ({"o:deliverytime": "tomorrow"}, "'o:deliverytime' parameter: Must be a time"),
    ({"attachment": "x"}, "'attachment' parameter: Must be a file"),
])
def test_what_cannot_be_done_is_refused_in_mailguns_words(server, changes, words):
    answer = post(server, mail(**changes))
    assert answer.status == 400 and list(answer.json()) == ["message"]
    assert answer.json()["message"].startswith(words), answer.body


@pytest.mark.parametrize("which", [CURRENT, LEGACY])
def test_recipient_variables_make_a_mail_for_each(server, which):
    subject = subject_of("batch")
    values = {"ann@example.org": {"first": "Ann", "id": 1}, "bob@example.org": {"first": "<Bob>", "id": 2}}
    result = create(server, which, mail(
        to=list(values), subject=f"{subject} %recipient.id%", text="\nHi %recipient.first%, {{this}} stays, 100%", html="<p>%recipient.first%</p>",
        **{"recipient-variables": json.dumps(values)}))
    assert result["value"]["message"] == "Queued. Thank you.", result
    for n, (email, value) in enumerate(values.items(), 1):
        got, item, _ = sdk.caught(server, f"{subject}%20{n}")
        assert item["rcpt_to"] == [email] and got["to"] == [["", email]]
        assert got["text"].strip("\r\n") == f"Hi {value['first']}, {{{{this}}}} stays, 100%"
        assert got["html"].strip() == f"<p>{value['first']}</p>"


def test_a_delivery_time_schedules(server):
    tag = uuid.uuid4().hex
    assert post(server, mail(**{"o:deliverytime": "Fri, 01 Jan 2027 10:00:00 +0100", "o:tag": tag})).status == 200
    (listed,) = sdk.asking(server, "GET", f"/v1/messages?tag={tag}").json()["messages"]
    assert (listed["status"], listed["scheduled_at"]) == ("scheduled", "2027-01-01T09:00:00.000Z")


@pytest.mark.parametrize("which", [CURRENT, WEB, LEGACY])
def test_testmode_judges_and_sends_nothing(server, which):
    tag = uuid.uuid4().hex
    sent = create(server, which, mail(**{"o:testmode": "yes", "o:tag": tag}))["value"]
    assert sent["message"] == "Queued. Thank you." and sent["id"].startswith("<")
    create(server, which, mail(**{"o:tag": tag}))
    assert len(sdk.asking(server, "GET", f"/v1/messages?tag={tag}").json()["messages"]) == 1


# messages.mime

RAW = "From: sender@example.com\r\nTo: ada@example.net\r\nSubject: {}\r\n\r\nwörld\r\n"


@pytest.mark.parametrize("which", [CURRENT, WEB])
@pytest.mark.parametrize("kind", ["text", "buffer"])
def test_mime_goes_to_those_that_the_form_names(server, which, kind):
    subject = subject_of("mime")
    raw = RAW.format(subject)
    package, client = which
    result = sdk.call(server, "mailgun", package, "messages.create", "example.com",
                      {"to": ["ada@example.net", "bob@example.org"], "message": sdk.buffer(raw.encode()) if kind == "buffer" else raw},
                      client=client)
    assert result["value"]["message"] == "Queued. Thank you.", result
    got, item, sent = sdk.caught(server, subject)
    assert item["rcpt_to"] == ["ada@example.net", "bob@example.org"] and item["mail_from"] == "sender@example.com"
    assert got["text"].strip() == "wörld" and headers(sent, "Message-ID") == [result["value"]["id"]]


@pytest.mark.parametrize("data, words", [
    ({"to": "a@example.org"}, "'message' parameter is missing"),
    ({"message": RAW.format("x")}, "'to' parameter is missing"),
    ({"to": "a@example.org", "message": "nothing"}, "'message' parameter"),
    ({"to": "a@example.org", "message": RAW.format("x"), "subject": "x"}, "'subject' parameter: There is no such parameter"),
])
def test_what_cannot_be_sent_as_mime_is_refused(server, data, words):
    boundary = uuid.uuid4().hex
    body = "".join(f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in data.items())
    answer = server.request("POST", f"{SEND}.mime", f"{body}--{boundary}--\r\n".encode(), {
        "Authorization": BASIC, "Content-Type": f"multipart/form-data; boundary={boundary}"})
    assert answer.status == 400 and answer.json()["message"].startswith(words), answer.body


# Reads

def suppress(server, email, reason, detail=None):
    entry = {"email": email, "reason": reason, **({"detail": detail} if detail else {})}
    made = server.request("POST", "/v1/suppressions", json.dumps(entry).encode(), {
        "Authorization": f"Bearer {sdk.KEY}", "Content-Type": "application/json"})
    assert made.status == 201, made.body


@pytest.mark.parametrize("which", [CURRENT, LEGACY])
def test_suppressions_are_listed_by_kind_and_walked_by_their_urls(server, which):
    names = [f"{uuid.uuid4().hex[:8]}+{n}@example.org" for n in range(3)]
    for name in names:
        suppress(server, name, "bounce", "no such user")
    suppress(server, complained := f"{uuid.uuid4().hex}@example.org", "complaint")
    suppress(server, left := f"{uuid.uuid4().hex}@example.org", "unsubscribe")
    if which == LEGACY:
        got = {kind: sdk.call(server, "mailgun", LEGACY[0], "get", f"/example.com/{kind}", client=LEGACY[1])["value"]["items"]
               for kind in ("bounces", "complaints", "unsubscribes", "whitelists")}
        assert [item["address"] for item in got["bounces"]][:3] == names[::-1] and got["whitelists"] == []
        assert got["complaints"][0]["address"] == complained and got["unsubscribes"][0]["address"] == left
        return
    first, complaints, unsubscribes = (r["value"] for r in sdk.calls(
        server, "mailgun", CURRENT[0], ("suppressions.list", "example.com", "bounces", {"limit": 2}),
        ("suppressions.list", "example.com", "complaints"), ("suppressions.list", "example.com", "unsubscribes")))
    assert [item["address"] for item in first["items"]] == names[:0:-1]
    assert (first["items"][0]["code"], first["items"][0]["error"]) == (550, "no such user")
    second = sdk.call(server, "mailgun", CURRENT[0], "suppressions.list", "example.com", "bounces",
                      {"page": first["pages"]["next"]["page"]})["value"]
    assert [item["address"] for item in second["items"]][0] == names[0]
    assert complaints["items"][0]["address"] == complained and unsubscribes["items"][0]["address"] == left
    one, other = sdk.calls(server, "mailgun", CURRENT[0], ("suppressions.get", "example.com", "bounces", names[0]),
                           ("suppressions.get", "example.com", "bounces", complained))
    assert one["value"]["address"] == names[0] and other["error"]["status"] == 404


def test_suppressions_are_added_and_removed(server):
    one, two, three = (f"{uuid.uuid4().hex[:8]}@example.org" for _ in range(3))
    at = "Thu, 13 Oct 2011 18:02:00 +0000"
    added, many, spam, left, tagged, got, wrong, gone, twice, allowed = sdk.calls(
        server, "mailgun", CURRENT[0],
        ("suppressions.create", "example.com", "bounces", {"address": one.upper(), "code": 552, "error": "full", "created_at": at}),
        ("suppressions.create", "example.com", "bounces", [{"address": two}, {"address": three}, {"address": two}]),
        ("suppressions.create", "example.com", "complaints", {"address": three}),
        ("suppressions.create", "example.com", "unsubscribes", {"address": two, "tag": "*"}),
        ("suppressions.create", "example.com", "unsubscribes", [{"address": two, "tags": ["news"]}]),
        ("suppressions.get", "example.com", "bounces", one),
        ("suppressions.destroy", "example.com", "complaints", one),
        ("suppressions.destroy", "example.com", "bounces", one), ("suppressions.destroy", "example.com", "bounces", one),
        ("suppressions.create", "example.com", "whitelists", {"address": one}))
    assert added["value"]["message"] == "Address has been added to the bounces table"
    assert many["value"]["message"] == "2 addresses have been added to the bounces table"
    assert spam["value"]["message"] == "Address has been added to the complaints table" and left["value"]["status"] == 200
    assert "one list for all tags" in tagged["error"]["details"]
    assert (got["value"]["code"], got["value"]["error"], got["value"]["created_at"]) == (552, "full", "2011-10-13T18:02:00.000Z")
    assert wrong["error"]["status"] == 404 and wrong["error"]["details"] == "Address not found in complaints table"
    assert gone["value"] == {"message": "Bounced address has been removed", "value": "", "address": one, "status": 200}
    assert twice["error"]["status"] == 404 and allowed["error"]["status"] == 400
    shown = {e["email"]: e["reason"] for e in sdk.asking(server, "GET", "/v1/suppressions").json()["suppressions"]}
    assert shown[two] == "unsubscribe" and shown[three] == "complaint" and one not in shown


@pytest.mark.parametrize("entry, words", [
    ({"code": "5" * 600}, "Must be an SMTP code."), ({"code": "55"}, "Must be an SMTP code."), ({"code": "552", "error": "x" * 496}, None),
    ({"code": "552", "error": "x" * 497}, "Must have at most 496 characters."), ({"error": "x" * 500}, None),
    ({"error": "x" * 501}, "Must have at most 500 characters."), ({"created_at": "yesterday"}, "Must be a time such as")])
def test_suppressions_are_judged(server, entry, words):
    entry["address"] = f"{uuid.uuid4().hex[:8]}@example.org"
    for answer in (post(server, entry, BOUNCES),
                   server.request("POST", BOUNCES, json.dumps([entry]).encode(), {"Authorization": BASIC, "Content-Type": "application/json"})):
        assert answer.status == (200 if words is None else 400) and (words or "added") in answer.json()["message"], answer.body


def test_a_suppression_is_not_cut_at_a_nul(server):
    answer = post(server, {"address": f"{uuid.uuid4().hex[:8]}@example.org", "error": "full\0."}, BOUNCES)
    assert answer.status == 400 and "Must not hold a NUL." in answer.json()["message"], answer.body


def test_the_old_sdk_adds_and_removes_suppressions(server):
    address = f"{uuid.uuid4().hex[:8]}@example.org"
    added, gone, bad = sdk.calls(server, "mailgun", LEGACY[0], ("post", "/example.com/unsubscribes", {"address": address, "tag": "*"}),
                                 ("delete", f"/example.com/unsubscribes/{address}"), ("post", "/example.com/bounces", {"address": "nobody"}),
                                 client=LEGACY[1])
    assert added["value"] == {"message": "Address has been added to the unsubscribes table", "address": address}
    assert gone["value"]["message"] == "Unsubscribe event has been removed" and bad["error"]["status"] == 400


def test_pages_end_with_an_empty_one_and_go_forwards_only(server):
    suppress(server, f"{uuid.uuid4().hex}@example.org", "bounce")
    url, seen = f"http://127.0.0.1:{server.port}/compat/mailgun/v3/example.com/bounces?limit=1000", 0
    for _ in range(3):
        page = server.request("GET", url.split(str(server.port))[1], headers={"Authorization": BASIC}).json()
        assert set(page["paging"]) == {"first", "last", "next", "previous"}
        url, seen = page["paging"]["next"], seen + len(page["items"])
    assert page["items"] == [] and seen > 0
    for query in ("page=previous&address=a@example.org", "page=last", "page=next", "address=a@example.org", "limit=0", "other=1"):
        answer = server.request("GET", f"/compat/mailgun/v3/example.com/bounces?{query}", headers={"Authorization": BASIC})
        assert answer.status == 400 and answer.json()["message"], query


def test_domains_are_those_that_the_key_may_send_as(tmp_path):
    senders = ["*@example.com", "a@example.com", "b@mail.example.org", "*@*.example.net"]
    config = {"listen": ["127.0.0.1:0"], "store": "memory", "api_keys": [{"name": "a", "key": sdk.KEY, "senders": senders}]}
    with mailhatch.running(config=config) as one:
        domains = sdk.call(one, "mailgun", CURRENT[0], "domains.list")["value"]
        assert [(d["name"], d["state"]) for d in domains] == [("example.com", "active"), ("mail.example.org", "active")]
        page = one.request("GET", "/compat/mailgun/v4/domains?limit=1&skip=1", headers={"Authorization": BASIC}).json()
        assert [d["name"] for d in page["items"]] == ["mail.example.org"] and page["total_count"] == 2


@pytest.mark.parametrize("which", [CURRENT, LEGACY])
def test_events_tell_what_became_of_each_recipient(server, which):
    tag = uuid.uuid4().hex
    sent = [create(server, which, mail(to=f"{n}@example.org, reject+550@example.org", **{"o:tag": tag}))["value"]["id"] for n in "abc"]
    for n in "abc":
        assert sdk.asking(server, "GET", f"/v1/sandbox/messages/wait?timeout=20&to={n}@example.org").status == 200
    if which == LEGACY:
        items = sdk.call(server, "mailgun", LEGACY[0], "get", "/example.com/events", {"tags": tag}, client=LEGACY[1])["value"]["items"]
        assert {item["message"]["headers"]["message-id"] for item in items} == {one.strip("<>") for one in sent}
        return
    first = sdk.call(server, "mailgun", CURRENT[0], "events.get", "example.com", {"tags": tag, "limit": 2})["value"]
    second = sdk.call(server, "mailgun", CURRENT[0], "events.get", "example.com", {"page": first["pages"]["next"]["page"]})["value"]
    items = first["items"] + second["items"]
    for name, message_id in zip("cba", sent[::-1]):
        of_message = [item for item in items if item["message"]["headers"]["message-id"] == message_id.strip("<>")]
        for recipient, last in ((f"{name}@example.org", {"delivered"}), ("reject+550@example.org", {"failed"})):
            history = [item for item in of_message if item["recipient"] == recipient]
            assert [item["event"] for item in history[-1:]] == ["accepted"] and {item["event"] for item in history[:-1]} <= last
    assert len({item["id"] for item in items}) == len(items) and all(item["timestamp"] > 1.7e9 for item in items)
    third = sdk.call(server, "mailgun", CURRENT[0], "events.get", "example.com", {"page": second["pages"]["next"]["page"]})["value"]
    assert third["items"] == []


@pytest.mark.parametrize("query, n", [("event=delivered", 1), ("event=failed", 0), ("recipient=a@example.org", 2), ("recipient=b@example.org", 0),
                                      ("event=accepted", 1), ("from=sender@example.com", 2), ("begin=1000000000", 2), ("end=1000000000.5", 0),
                                      ("begin=Fri,%2001%20Jan%202100%2000:00:00%20GMT&end=1000000000", 2)])
def test_events_are_chosen_by_parameters(server, query, n):
    tag = uuid.uuid4().hex
    assert post(server, mail(to="a@example.org", **{"o:tag": tag})).status == 200
    (one,) = sdk.asking(server, "GET", f"/v1/messages?tag={tag}").json()["messages"]
    waited = server.request("GET", f"/v1/messages/{one['id']}", headers={"Authorization": f"Bearer {sdk.KEY}", "Prefer": "wait=20"})
    assert waited.json()["status"] == "sent"
    answer = server.request("GET", f"/compat/mailgun/v3/example.com/events?tags={tag}&{query}", headers={"Authorization": BASIC})
    assert answer.status == 200 and len(answer.json()["items"]) == n, answer.body


def test_events_tell_each_attempt(server):
    tag = uuid.uuid4().hex
    assert post(server, mail(to="reject+550@example.org, fine@example.org", **{"o:tag": tag})).status == 200
    (one,) = sdk.asking(server, "GET", f"/v1/messages?tag={tag}").json()["messages"]
    sdk.settled(server, one["id"])
    page = server.request("GET", f"/compat/mailgun/v3/example.com/events?tags={tag}&recipient=reject%2B550@example.org", headers={"Authorization": BASIC}).json()
    failed, accepted = page["items"]
    assert (failed["event"], failed["severity"], failed["delivery-status"]["attempt-no"]) == ("failed", "permanent", 1)
    assert failed["delivery-status"]["code"] == 550 and accepted["event"] == "accepted" and accepted["timestamp"] <= failed["timestamp"]


def test_no_event_of_a_large_message_is_left_out(server):
    tag, everybody = uuid.uuid4().hex, [f"r{i}@example.org" for i in range(600)]
    assert post(server, mail(to=everybody, **{"o:tag": tag})).status == 200
    (one,) = sdk.asking(server, "GET", f"/v1/messages?tag={tag}").json()["messages"]
    sdk.settled(server, one["id"])
    page = server.request("GET", f"/compat/mailgun/v3/example.com/events?tags={tag}", headers={"Authorization": BASIC}).json()
    for event in ("accepted", "delivered"):
        assert sorted(item["recipient"] for item in page["items"] if item["event"] == event) == sorted(everybody)
    assert len({item["id"] for item in page["items"]}) == len(page["items"]) == 1200


def test_a_page_of_very_many_events_ends_early(server):
    tag, pages = uuid.uuid4().hex, []
    everybody = [f"r{i}@example.org" for i in range(1000)]
    later = email.utils.format_datetime(datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1))
    for _ in range(3):
        assert post(server, mail(to=everybody, subject="x" * 2000, **{"o:tag": tag, "o:deliverytime": later})).status == 200
    path = f"/compat/mailgun/v3/example.com/events?tags={tag}"
    while not pages or pages[-1]:
        answer = server.request("GET", path, headers={"Authorization": BASIC})
        assert answer.status == 200, answer.body[:200]
        pages.append([(item["message"]["headers"]["message-id"], item["recipient"]) for item in answer.json()["items"]])
        path = answer.json()["paging"]["next"].partition(f":{server.port}")[2]
    assert [len(page) for page in pages] == [1000, 1000, 1000, 0] and len({item for page in pages for item in page}) == 3000


@pytest.mark.parametrize("query", ["ascending=yes", "event=opened", "begin=yesterday", "recipient=nobody", "limit=301", "message-id=x"])
def test_events_that_cannot_be_listed_are_refused(server, query):
    answer = server.request("GET", f"/compat/mailgun/v3/example.com/events?{query}", headers={"Authorization": BASIC})
    assert answer.status == 400 and answer.json()["message"]
