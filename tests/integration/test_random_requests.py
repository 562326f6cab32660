# SPDX-License-Identifier: MIT
"""Requests put together at random from good and hostile pieces: each is refused with 4xx and a pointer per
problem, or sent whole, to exactly the recipients it names, and past the wire oracle. Never 5xx."""
import concurrent.futures
import copy
import json
import random

import pytest

REQUESTS_PER_SEED = 250
AT_ONCE = 8

HOSTILE = ["", " ", "\r\n", "a\r\nBcc: z@z.example", "\0", "\u2028", "\u202e", "🎉", "é" * 500, "=?utf-8?q?=0a?=", "<>", "<a@b.example>",
           "a@b.example", "a@b@c.example", '"', "\\", "x" * 3000, "../x", "text/plain", "multipart/mixed", "https://x.example/", "eA==",
           "%00", "{{7*7}}", "<script>", ".\r\n.", "u@bücher.example", "ü@x.example", "a b@x.example", '"a b"@x.example', "-1", "2030-01-01T00:00:00Z",
           "1h", "normal", "inline", None, True, False, 0, -1, 1e300, 2**53, [], {}, [[]], [None], {"email": "e@f.example"},
           {"name": "x", "value": "y"}, {"email": "c@d.example", "name": "\n"}, {"type": "Buffer", "data": [1, 2, 3]}, ["g@h.example", "g@H.example"]]


def _good(rng):
    """A message of which every field is as it should be."""
    people = ["ann@example.org", "Bob <bob@example.org>", {"email": "carol@example.org", "name": "Çarol"}, "dave@bücher.example"]
    return {
        "from": rng.choice(["billing@example.com", "Billing <billing@example.com>"]),
        "to": rng.sample(people, rng.randint(1, 4)), "cc": rng.sample(people, rng.randint(0, 2)), "bcc": rng.sample(people, rng.randint(0, 2)),
        "reply_to": rng.choice(people), "subject": rng.choice(["Hello", "Grüße", "🎉" * 40]), "text": "a\n.\nb", "html": "<p>é</p>",
        "headers": {"X-A": "1", "X-B": ["2", "é"]}, "attachments": [
            {"filename": "a.pdf", "content": "eA==", "content_type": "application/pdf"}, {"content": "eA==", "content_id": "logo"}],
        "in_reply_to": "<1@ids.example>", "references": ["<2@ids.example>", "<3@ids.example>"],
        "list_unsubscribe": {"url": "https://example.com/u", "mailto": "u@example.com", "one_click": True},
        "tags": ["invoice"], "metadata": {"order": "17"}, "priority": "high", "envelope": {"from": "bounce@example.com"},
        "delivery": {"mode": "shared", "on_partial": "deliver"},
    }


def _paths(value, prefix=()):
    yield prefix
    if isinstance(value, dict):
        for key in value:
            yield from _paths(value[key], (*prefix, key))
    elif isinstance(value, list):
        for i in range(len(value)):
            yield from _paths(value[i], (*prefix, i))


def _hostile(rng):
    """Its addresses are new each time: one that is in Bcc and in a header would look like a leak."""
    value = copy.deepcopy(rng.choice(HOSTILE))
    return value.replace("a@b.", f"a{rng.randrange(10**9)}@b.") if isinstance(value, str) else value


def _mutate(rng, message):
    """Replace, remove, rename or add something somewhere."""
    path = rng.choice([p for p in _paths(message) if p])
    parent = message
    for key in path[:-1]:
        parent = parent[key]
    what = rng.choice(["replace", "replace", "replace", "remove", "rename", "add"])
    if what == "replace":
        parent[path[-1]] = _hostile(rng)
    elif what == "remove":
        del parent[path[-1]]
    elif isinstance(parent, list):
        parent.append(_hostile(rng))
    elif what == "rename":
        parent[str(_hostile(rng))[:50]] = parent.pop(path[-1])
    else:
        parent[str(_hostile(rng))[:50]] = _hostile(rng)


def requests(seed):
    for i in range(REQUESTS_PER_SEED):
        rng = random.Random(f"{seed}/{i}")
        message = _good(rng)
        for field in rng.sample(list(message), rng.randint(0, 12)):
            if field not in ("from", "to"):
                del message[field]
        for _ in range(rng.choice((0, 1, 1, 2, 3))):
            _mutate(rng, message)
        yield message


def check(mailer, request):
    answer = mailer.server.post(json.dumps(request).encode(), Prefer="wait=30")
    said = f"{answer.status} {answer.body[:600]!r} to {json.dumps(request)[:3000]}"
    assert answer.status in (200, 202, 400, 422), said
    if answer.status == 422:
        assert answer.pointers(), said
    if answer.status in (400, 422):
        return 0
    message = answer.json()
    assert {r["status"] for r in message["recipients"]} <= {"sent", "rejected", "scheduled"}, said
    assert all(r["status"] != "rejected" or r["reason"] == "smtputf8_unsupported" for r in message["recipients"]), said
    return 1


@pytest.mark.parametrize("seed", range(4))
def test_random_request_is_refused_or_sent_whole(mailer, seed):
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        n_taken = sum(pool.map(lambda request: check(mailer, request), requests(seed)))
    assert REQUESTS_PER_SEED / 5 < n_taken < REQUESTS_PER_SEED, "the mixture tests only one side"
    assert mailer.peer.violations == []
