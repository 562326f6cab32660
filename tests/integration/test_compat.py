# SPDX-License-Identifier: MIT
"""What holds for every facade: each refusal comes in the provider's own shape, whoever refuses."""
import json

import curl
import mailhatch
import pytest
import sdk

LIMIT = 64 * 1024


@pytest.fixture(scope="module")
def server():
    with mailhatch.running(env={"MAILHATCH_API_KEY": sdk.KEY}, config={
            "store": "memory", "listen": ["127.0.0.1:0"], "limits": {"body": "64KB"}}, secrets=(sdk.KEY_SECRET,)) as one:
        yield one


def is_resend(answer):
    body = answer.json()
    assert set(body) == {"statusCode", "name", "message"} and body["statusCode"] == answer.status, body
    assert body["name"] and body["message"]


def is_postmark(answer):
    body = answer.json()
    assert set(body) == {"ErrorCode", "Message"} and body["ErrorCode"] > 0 and body["Message"], body
    assert answer.status not in (400, 413), "the SDK has no class for these"


def is_sendgrid(answer):
    body = answer.json()
    assert set(body) == {"errors"} and body["errors"], body
    assert all(set(error) == {"message", "field", "help"} and error["message"] for error in body["errors"]), body


def is_ses(answer):
    body = answer.json()
    assert set(body) == {"message"} and body["message"], body
    assert answer.headers["x-amzn-errortype"].isalpha()


def is_mailgun(answer):
    body = answer.json()
    assert set(body) == {"message"} and body["message"], body


# facade, a path that sends, what gives curl the key, what an error must look like
FACADES = {
    "resend": ("/emails", ("-H", f"Authorization: Bearer {sdk.KEY}"), is_resend),
    "sendgrid": ("/v3/mail/send", ("-H", f"Authorization: Bearer {sdk.KEY}"), is_sendgrid),
    "postmark": ("/email", ("-H", f"X-Postmark-Server-Token: {sdk.KEY}"), is_postmark),
    "mailgun": ("/v3/example.com/messages", ("--user", f"api:{sdk.KEY}"), is_mailgun),
    "ses": ("/v2/email/outbound-emails", ("--aws-sigv4", "aws:amz:us-east-1:ses", "--user", f"{sdk.KEY_ID}:{sdk.KEY_SECRET}"), is_ses),
}


def refusals(path, with_key):
    """(path, curl options) of each way to be refused."""
    as_json = ("-H", "Content-Type: application/json")
    return {
        "no key": (path, (*as_json, "-d", "{}")),
        "not JSON": (path, (*as_json, *with_key, "-d", "{")),
        "no such path": ("/no/such/path", (*as_json, *with_key, "-d", "{}")),
        "wrong method": (path, (*with_key, "-X", "DELETE")),
        "unknown query": (f"{path}?a=b", (*as_json, *with_key, "-d", "{}")),
        "not acceptable": (path, (*as_json, *with_key, "-H", "Accept: text/html", "-d", "{}")),
        "other type": (path, ("-H", "Content-Type: text/plain", *with_key, "-d", "{}")),
        "compressed": (path, (*as_json, *with_key, "-H", "Content-Encoding: gzip", "-d", "{}")),
        "empty object": (path, (*as_json, *with_key, "-d", "{}")),
        "too large": (path, (*as_json, *with_key, "-H", "Expect:", "-d", "x" * (LIMIT + 1))),
        "far too large": (path, (*as_json, *with_key, "-H", "Expect:", "-d", "x" * (8 * LIMIT))),
    }


@pytest.mark.parametrize("version", ["--http1.1", "--http2-prior-knowledge"])
@pytest.mark.parametrize("what", list(refusals("", ())))
@pytest.mark.parametrize("facade", list(FACADES))
def test_every_refusal_is_in_the_providers_shape(server, facade, what, version):
    path, key, check = FACADES[facade]
    at, options = refusals(path, key)[what]
    body = None
    if "-d" in options:
        i = options.index("-d")
        options, body = options[:i] + options[i + 2:], options[i + 1].encode()
    answer = curl.request(f"http://127.0.0.1:{server.port}/compat/{facade}{at}", version, *options, body=body)
    assert 400 <= answer.status < 500, answer
    check(answer)


@pytest.mark.parametrize("facade", [name for name in FACADES if name != "ses"])
def test_a_used_up_rate_is_said_with_a_time_to_wait(serve, facade):
    path, key, check = FACADES[facade]
    server = serve(config={"store": "memory", "listen": ["127.0.0.1:0"],
                           "api_keys": [{"name": "slow", "key": sdk.KEY, "rate": "1/h"}]})
    answers = [curl.request(f"http://127.0.0.1:{server.port}/compat/{facade}{path}", "-H", "Content-Type: application/json", *key, body=b"{}")
               for _ in range(2)]
    assert answers[1].status == 429 and int(answers[1].headers["retry-after"]) > 0
    check(answers[1])


@pytest.mark.parametrize("path", ["//compat/resend/emails", "/compat/resend//emails", "//compat//resend///emails"])
def test_repeated_slashes_around_a_facades_name_do_not_matter(server, path):
    answer = curl.request(f"http://127.0.0.1:{server.port}{path}", "--path-as-is", "-H", "Content-Type: application/json",
                          "-H", f"Authorization: Bearer {sdk.KEY}",
                          body=json.dumps({"from": "a@example.com", "to": "b@example.org", "text": "x"}).encode())
    assert answer.status == 200 and answer.json()["id"], answer


def test_a_facade_that_does_not_exist_is_a_problem_of_ours(server):
    answer = server.get("/compat/nobody/emails")
    assert answer.problem()["code"] == "not_found" and answer.status == 404
