# SPDX-License-Identifier: MIT
"""GET /v1/domains/{domain}/check and `mailhatch domain check`, against a real name server and against bad ones."""
import contextlib
import hashlib
import json
import socket
import struct

import dkim_checks
import mailhatch
import name_server
import pytest

LONG = "v=spf1 " + " ".join(f"ip4:198.51.100.{n}" for n in range(200)) + " -all"  # 3.6 KB: TCP, and in 15 strings
SECRET = "s3cret-s3cret-s3cret"


def zones(keys):
    """@keys: {name: TXT record} of our DKIM keys."""
    r1 = keys["r1._domainkey.good.example"]
    e1 = keys["e1._domainkey.good.example"]
    other = keys["r1._domainkey.bad.example"]
    txt = name_server.strings
    return {
        "good.example": f"""
@ TXT "other text"
@ TXT "v=spf1 include:_spf.good.example a:mail.good.example mx -all"
@ MX 10 mail
mail A 192.0.2.10
mail AAAA 2001:db8::10
_spf TXT "v=spf1 ip4:192.0.2.0/28 ip6:2001:db8:1::/48 ~all"
_dmarc TXT {txt("v=DMARC1; p=reject; sp=quarantine; adkim=s; rua=mailto:d@good.example")}
r1._domainkey TXT {txt(r1)}
e1._domainkey TXT {txt(e1, 20)}
*.deep TXT "v=spf1 redirect=_spf.good.example"
""",
        "bad.example": f"""
@ TXT "v=spf1 +all"
r1._domainkey TXT {txt(r1)}
e1._domainkey TXT "v=DKIM1; k=ed25519; p="
_dmarc TXT "v=DMARC1; p=reject"
_dmarc TXT "v=DMARC1; p=none"
two TXT "v=spf1 -all"
two TXT "v=spf1 ~all"
typo TXT "v=spf1 ipv4:192.0.2.1 -all"
long TXT {txt(LONG)}
open TXT "v=spf1 ip4:192.0.2.1"
loop TXT "v=spf1 include:loop.bad.example -all"
voids TXT "v=spf1 a:n1.bad.example a:n2.bad.example a:n3.bad.example -all"
two-voids TXT "v=spf1 a:n1.bad.example mx:n2.bad.example -all"
asks TXT "v=spf1 exists:%{{i}}.broken.example -all"
lost TXT "v=spf1 include:nothing.bad.example -all"
ten TXT "v=spf1 {' '.join(f'a:a{n}.bad.example' for n in range(10))} -all"
eleven TXT "v=spf1 {' '.join(f'a:a{n}.bad.example' for n in range(10))} include:two-voids.bad.example -all"
""" + "".join(f"a{n} A 192.0.2.{n}\n" for n in range(10)) + f"""
names TXT "v=spf1 mx -all"
{''.join(f'names MX {n} a{n % 10}.bad.example.{chr(10)}' for n in range(10))}
names MX 11 b.bad.example.
{''.join(f'crowd TXT "{n}"{chr(10)}' for n in range(63))}
crowd TXT "v=spf1 -all"
{''.join(f'throng TXT "{n}"{chr(10)}' for n in range(64))}
throng TXT "v=spf1 -all"
{''.join(f'herd A 198.51.100.{n}{chr(10)}' for n in range(64))}
to-herd TXT "v=spf1 a:herd.bad.example -all"
{''.join(f'horde A 198.51.100.{n}{chr(10)}' for n in range(65))}
to-horde TXT "v=spf1 a:horde.bad.example -all"
ptr TXT "v=spf1 ptr -all"
macro TXT "v=spf1 exists:%{{ir}}.%{{v}}._spf.%{{d2}} -all"
1.2.0.192.in-addr._spf A 127.0.0.2
alias CNAME www.good.example.
round CNAME around
around CNAME round
servfail TXT "v=spf1 include:broken.example -all"
""",
        "2.0.192.in-addr.arpa": "7 PTR host.ptr.bad.example.\n",
        "host.ptr.bad.example": "@ A 192.0.2.7\n",
    }


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """({domain: [configured keys]}, {name: TXT record})"""
    configured, records = {}, {}
    for domain in ("good.example", "bad.example"):
        for selector, kind in (("r1", "rsa"), ("e1", "ed25519")):
            file, record = dkim_checks.keygen(tmp_path_factory.mktemp("keys"), selector, kind, domain)
            records.update(record)
            configured.setdefault(domain, []).append({"selector": selector, "key_file": file})
    return configured, records


def config(keys, port, **more):
    return {"store": "memory", "relays": {"main": "smtp://mail.relay.example:587", "near": "smtp://192.168.1.1", "far": "smtp://[2001:4860::1]:25"},
            "dkim": {"domains": [{"domain": domain, "keys": one} for domain, one in keys[0].items()]},
            "dns": {"servers": [f"127.0.0.1:{port}"]}, **more}


@pytest.fixture(scope="module")
def port(keys):
    with name_server.running(zones(keys[1]), ["broken.example"]) as port:
        yield port


@pytest.fixture(scope="module")
def server(keys, port):
    with mailhatch.running(config=config(keys, port)) as running:
        yield running


def check(server, domain, **query):
    path = f"/v1/domains/{domain}/check" + "".join(f"{'&' if i else '?'}{name}={value}" for i, (name, value) in enumerate(query.items()))
    answer = server.get(path)
    assert answer.status == 200, answer.body
    return answer.json()


def codes(record):
    return [problem["code"] for problem in record["problems"]]


def test_a_domain_that_is_in_place(server, keys):
    report = check(server, "Good.Example")
    assert report["ok"] is True and report["domain"] == report["organizational_domain"] == "good.example"
    spf = report["spf"]
    assert (spf["verdict"], spf["problems"], spf["publish"], spf["ip"]) == ("ok", [], None, None)
    assert spf["record"].startswith("v=spf1 include:") and (spf["lookups"], spf["void_lookups"], spf["others"]) == (3, 0, "fail")
    assert (report["dkim"]["verdict"], report["dkim"]["domain"]) == ("ok", "good.example")
    assert [(k["selector"], k["verdict"], k["algorithm"], k["record"]) for k in report["dkim"]["keys"]] == [
        ("r1", "ok", "rsa-sha256", keys[1]["r1._domainkey.good.example"]),
        ("e1", "ok", "ed25519-sha256", keys[1]["e1._domainkey.good.example"])]
    assert (report["dmarc"]["verdict"], report["dmarc"]["policy"], report["dmarc"]["name"]) == ("ok", "reject", "_dmarc.good.example")
    assert report["alignment"] == {"spf": {"domain": "good.example", "mode": "relaxed", "aligned": True},
                                   "dkim": {"domain": "good.example", "mode": "strict", "aligned": True}}


def test_a_domain_where_everything_is_wrong(server, keys):
    report = check(server, "bad.example")
    assert report["ok"] is False
    assert (report["spf"]["verdict"], codes(report["spf"])) == ("wrong", ["passes_everybody"])
    # our own networks are nothing that receivers could make use of
    assert report["spf"]["publish"] == {"name": "bad.example", "type": "TXT", "value": "v=spf1 a:mail.relay.example ip6:2001:4860::1 ~all"}
    rsa, ed = report["dkim"]["keys"]
    assert report["dkim"]["verdict"] == "wrong" and (codes(rsa), codes(ed)) == (["other_key"], ["revoked"])
    assert rsa["publish"] == {"name": "r1._domainkey.bad.example", "type": "TXT", "value": keys[1]["r1._domainkey.bad.example"]}
    assert ed["publish"]["value"] == keys[1]["e1._domainkey.bad.example"]
    assert (codes(report["dmarc"]), report["dmarc"]["policy"]) == (["multiple"], None)
    assert report["dmarc"]["publish"] == {"name": "_dmarc.bad.example", "type": "TXT", "value": "v=DMARC1; p=none"}


def test_a_domain_that_does_not_exist(server):
    report = check(server, "none.bad.example")
    assert report["spf"]["verdict"] == "missing" and codes(report["spf"]) == ["missing"] and report["spf"]["record"] is None
    assert check(server, "x.nothing.example")["spf"]["verdict"] == "unknown"  # refused: the server knows no such zone
    assert "refused" in check(server, "x.nothing.example")["spf"]["problems"][0]["detail"]


def test_a_subdomain_is_held_to_the_policy_above_it(server):
    report = check(server, "a.b.good.example")
    assert (report["dmarc"]["name"], report["dmarc"]["policy"]) == ("_dmarc.good.example", "quarantine")
    assert report["organizational_domain"] == "good.example"
    assert report["alignment"]["dkim"] == {"domain": "good.example", "mode": "strict", "aligned": False}
    assert report["ok"] is False


def test_the_envelope_may_have_another_domain(server):
    report = check(server, "good.example", mail_from="x.deep.good.example")
    assert report["spf"]["name"] == "x.deep.good.example" and report["spf"]["lookups"] == 1
    assert report["alignment"]["spf"] == {"domain": "x.deep.good.example", "mode": "relaxed", "aligned": True}
    assert check(server, "good.example", mail_from="two.bad.example")["alignment"]["spf"]["aligned"] is False


@pytest.mark.parametrize("ip, result, matched", [
    ("192.0.2.15", "pass", "include:_spf.good.example"), ("192.0.2.16", "fail", "-all"), ("2001:db8:1::5", "pass", "include:_spf.good.example"),
    ("2001:db8::10", "pass", "a:mail.good.example"), ("::ffff:192.0.2.10", "pass", "include:_spf.good.example"), ("2001:db8:2::", "fail", "-all"),
])
def test_an_address_is_put_to_spf(server, ip, result, matched):
    spf = check(server, "good.example", ip=ip)["spf"]
    assert spf["ip"] == {"address": ip, "result": result, "matched": matched}
    assert codes(spf) == ([] if result == "pass" else ["ip_not_allowed"])


@pytest.mark.parametrize("name, verdict, found, lookups", [
    ("two", "wrong", ["multiple"], 0), ("typo", "wrong", ["syntax"], 0), ("open", "weak", ["no_all"], 0), ("loop", "wrong", ["too_many_lookups"], 11),
    ("voids", "wrong", ["too_many_void_lookups"], 3), ("two-voids", "ok", [], 2), ("lost", "wrong", ["include_missing"], 1), ("ten", "ok", [], 10),
    ("eleven", "wrong", ["too_many_lookups"], 11), ("names", "wrong", ["too_many_names"], 1), ("ptr", "weak", ["uses_ptr"], 1),
    ("macro", "ok", [], 1), ("servfail", "unknown", ["dns_failed"], 1), ("long", "ok", [], 0),
    ("crowd", "ok", [], 0), ("throng", "unknown", ["dns_failed"], 0), ("to-herd", "ok", [], 1), ("to-horde", "unknown", ["dns_failed"], 1),
])
def test_what_may_be_wrong_with_spf(server, name, verdict, found, lookups):
    spf = check(server, f"{name}.bad.example")["spf"]
    assert (spf["verdict"], codes(spf), spf["lookups"]) == (verdict, found, lookups), spf


def test_a_record_of_many_strings_comes_by_tcp(server):
    assert check(server, "long.bad.example")["spf"]["record"] == LONG
    assert check(server, "long.bad.example", ip="198.51.100.199")["spf"]["ip"]["matched"] == "ip4:198.51.100.199"


@pytest.mark.parametrize("name, ip, result", [
    ("macro", "192.0.2.1", "pass"), ("macro", "192.0.2.2", "fail"), ("ptr", "192.0.2.7", "pass"), ("ptr", "192.0.2.8", "fail"), ("ten", "192.0.2.9", "pass"),
])
def test_terms_that_depend_on_the_address(server, name, ip, result):
    assert check(server, f"{name}.bad.example", ip=ip)["spf"]["ip"]["result"] == result


@pytest.mark.parametrize("name, ip, result, verdict, code", [
    ("ten", "2001:db8::1", "permerror", "wrong", "too_many_void_lookups"), ("asks", "192.0.2.1", "temperror", "unknown", "dns_failed"),
])
def test_what_fails_for_an_address_only_is_told(server, name, ip, result, verdict, code):
    assert check(server, f"{name}.bad.example")["spf"]["verdict"] == "ok"
    spf = check(server, f"{name}.bad.example", ip=ip)["spf"]
    assert (spf["ip"]["result"], spf["verdict"], codes(spf)) == (result, verdict, [code])
    assert spf["problems"][0]["detail"].startswith(f"mail from {ip} gets {result}: ")


def test_aliases_are_followed_and_circles_end(server):
    assert check(server, "alias.bad.example")["spf"]["verdict"] == "missing"
    assert check(server, "round.bad.example")["spf"]["verdict"] in ("missing", "unknown")


def test_a_server_that_fails_is_told_from_one_without_the_name(server):
    report = check(server, "broken.example")
    assert "SERVFAIL" in report["spf"]["problems"][0]["detail"] and report["spf"]["publish"] is None
    assert (report["spf"]["verdict"], report["dmarc"]["verdict"]) == ("unknown", "unknown")


@pytest.mark.parametrize("path, pointer, code", [
    ("/v1/domains/a..b/check", "/path/domain", "domain_syntax"), ("/v1/domains/192.0.2.1/check", "/path/domain", "domain_syntax"),
    ("/v1/domains/a%0ab.example/check", "/path/domain", "domain_syntax"), ("/v1/domains/" + "a." * 130 + "example/check", "/path/domain", "domain_syntax"),
    ("/v1/domains/good.example/check?ip=192.0.2", "/query/ip", "value"), ("/v1/domains/good.example/check?mail_from=a@b", "/query/mail_from", "domain_syntax"),
])
def test_what_is_no_domain_is_refused(server, path, pointer, code):
    answer = server.get(path)
    assert (answer.status, answer.pointers()) == (422, {pointer: code})


def test_an_international_domain_is_taken(server):
    assert check(server, "b%C3%BCcher.good.example")["domain"] == "xn--bcher-kva.good.example"


def test_without_a_server_that_answers_the_verdict_is_unknown(keys):
    with name_server.silent() as port, mailhatch.running(config=config(keys, port)) as server:
        report = check(server, "good.example")
    assert {report["spf"]["verdict"], report["dkim"]["verdict"], report["dmarc"]["verdict"]} == {"unknown"}
    assert "no answer in time" in report["spf"]["problems"][0]["detail"]


@pytest.mark.parametrize("reply", [
    lambda q: q[:2] + b"\x81\x80" + q[4:6] + b"\xff\xff" + q[8:] + b"\xc0\x0c\x00\x10" * 20,  # counts that lie
    lambda q: q[:2] + b"\x81\x80" + q[4:6] + b"\0\1\0\0\0\0" + b"\xc0\x0c" * 3,  # a name that points at itself
    lambda q: q[:2] + b"\x81\x80" + q[4:6] + b"\0\1\0\0\0\0" + q[12:q.index(b"\0", 12) + 5] + b"\xc0\x0c\0\x10\0\1\0\0\0\1\0\5\xffabcd",  # a string that is too short
    lambda q: b"\0\0" + q[2:],
    lambda q: b"",
], ids=["counts", "circle", "string", "id", "empty"])
def test_answers_that_are_none(keys, reply):
    with name_server.answering(reply) as port, mailhatch.running(config=config(keys, port)) as server:
        assert check(server, "good.example")["spf"]["verdict"] == "unknown"


def test_an_abandoned_check_and_a_drain_end_at_once(keys):
    with name_server.silent() as port, mailhatch.running(config=config(keys, port)) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as s:
            s.sendall(b"GET /v1/domains/good.example/check HTTP/1.1\r\nHost: x\r\n\r\n")
        connection = server.connection()
        connection.request("GET", "/v1/domains/good.example/check")
        server.get("/livez")  # the request before is in hand
    with contextlib.closing(connection):
        assert json.loads(connection.getresponse().read())["spf"]["verdict"] == "unknown"


def test_too_many_checks_at_a_time_are_refused(keys):
    with name_server.silent() as port, mailhatch.running(config=config(keys, port)) as server:
        connections = [server.connection() for _ in range(17)]
        for connection in connections:
            connection.request("GET", "/v1/domains/good.example/check")
        statuses = sorted(connection.getresponse().status for connection in connections)
        assert statuses == [200] * 16 + [503]


def test_validate_says_it_of_the_message(server):
    def authentication(message, **headers):
        answer = server.post(message, "/v1/messages/validate", **headers)
        assert answer.status == 200, answer.body
        return answer.json()["authentication"]

    letter = mailhatch.letter(**{"from": "a@Good.example"})
    assert authentication(letter) == check(server, "good.example")
    assert authentication({**letter, "envelope": {"from": "b@two.bad.example"}})["alignment"]["spf"] == {
        "domain": "two.bad.example", "mode": "relaxed", "aligned": False}
    null = authentication({**letter, "envelope": {"from": ""}})
    assert null["spf"] is None and null["alignment"]["spf"]["domain"] is None and null["ok"] is True
    assert authentication(letter, Prefer="wait=0") is None


def test_validate_does_not_wait_long_for_dns(keys):
    with name_server.silent() as port, mailhatch.running(config=config(keys, port)) as server:
        report = server.post(mailhatch.letter(), "/v1/messages/validate", Prefer="wait=1").json()["authentication"]
        assert report["dmarc"]["verdict"] == "unknown" and report["ok"] is False


def test_a_key_sees_the_domains_it_may_send_from(keys, port):
    def key(name, **rest):
        return {"name": name, "id": f"k_{name}", "hash": "sha256:" + hashlib.sha256(SECRET.encode()).hexdigest(), **rest}

    api_keys = [key("one", senders=["*@good.example", "a@*.deep.good.example"], scopes=["read"]), key("send", scopes=["send"]),
                key("admin", senders=["x@y.example"], scopes=["admin"]), key("any", scopes=["read"])]
    with mailhatch.running(config=config(keys, port, api_keys=api_keys), secrets=[SECRET]) as server:
        def status(name, domain):
            return server.get(f"/v1/domains/{domain}/check", Authorization=f"Bearer k_{name}.{SECRET}").status

        assert [status("one", d) for d in ("good.example", "x.deep.good.example", "bad.example")] == [200, 200, 403]
        assert [status(name, "bad.example") for name in ("send", "admin", "any")] == [403, 200, 200]
        assert server.get("/v1/domains/good.example/check").status == 401


def cli(tmp_path, config, *args):
    file = tmp_path / "mailhatch.yaml"
    file.write_text(json.dumps(config))
    run = mailhatch.cli("domain", "check", *args, "--config", str(file), cwd=tmp_path)
    return run.returncode, run.stdout.decode(), run.stderr.decode()


def test_the_command_line_says_the_same(keys, port, tmp_path):
    code, out, err = cli(tmp_path, config(keys, port), "good.example", "--ip", "192.0.2.16")
    assert (code, err) == (1, "") and "mail from 192.0.2.16 gets fail by -all" in out
    code, out, _ = cli(tmp_path, config(keys, port), "good.example")
    assert code == 0 and out.endswith("\nOK\n") and "r1._domainkey.good.example" in out
    code, out, _ = cli(tmp_path, config(keys, port), "bad.example")
    records = {name: "".join(part.split('"')[1::2]) for name, part in (line.split(". IN TXT ") for line in out.split("\n") if " IN TXT " in line)}
    assert code == 1 and records == {"bad.example": "v=spf1 a:mail.relay.example ip6:2001:4860::1 ~all", "_dmarc.bad.example": "v=DMARC1; p=none",
                                     "r1._domainkey.bad.example": keys[1]["r1._domainkey.bad.example"],
                                     "e1._domainkey.bad.example": keys[1]["e1._domainkey.bad.example"]}
    assert cli(tmp_path, config(keys, port), "a..b")[0] == 2
    assert cli(tmp_path, config(keys, port, nonsense=1), "good.example")[0] == 3


def test_what_dns_says_does_not_reach_the_terminal_raw(keys, tmp_path):
    def reply(question):
        text = b"v=spf1 \x1b[2J\r\n -all"
        return (question[:2] + b"\x81\x80" + question[4:6] + b"\0\1\0\0\0\0" + question[12:question.index(b"\0", 12) + 5] + b"\xc0\x0c"
                + struct.pack("!HHIH", 16, 1, 60, len(text) + 1) + bytes([len(text)]) + text)

    with name_server.answering(reply) as port:
        code, out, _ = cli(tmp_path, config(keys, port), "good.example")
    assert code == 1 and "\x1b" not in out and "v=spf1 ?[2J??" in out
