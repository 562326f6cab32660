# SPDX-License-Identifier: MIT
"""Signs requests as AWS's SDKs do (Signature Version 4, Authorization header)."""
import datetime
import hashlib
import hmac
import urllib.parse


def now(offset_s=0):
    return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=offset_s)


def _canonical_path(path):
    return urllib.parse.quote(path, safe="/-_.~")


def _canonical_query(query):
    pairs = [pair.partition("=")[::2] for pair in query.split("&") if pair]
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def headers(method, target, host, body, key_id, secret, at=None, region="eu-west-1", service="ses", extra=(), unsigned=()):
    """All headers of a request, by lower-case name. target: path and query as on the wire. extra: further pairs;
    unsigned: names of these that are not signed."""
    time = (at or now()).strftime("%Y%m%dT%H%M%SZ")
    path, _, query = target.partition("?")
    all_of_them = {"host": host, "x-amz-date": time, **dict(extra)}
    if body:
        all_of_them.setdefault("content-type", "application/json")
    names = sorted(name for name in all_of_them if name not in unsigned)
    canonical = "\n".join([method, _canonical_path(path), _canonical_query(query),
                           *(f"{name}:{all_of_them[name]}" for name in names), "", ";".join(names),
                           hashlib.sha256(body).hexdigest()])
    scope = f"{time[:8]}/{region}/{service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{time}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{secret}".encode()
    for word in (*scope.split("/"), text):
        key = hmac.digest(key, word.encode(), "sha256")
    all_of_them["authorization"] = (f"AWS4-HMAC-SHA256 Credential={key_id}/{scope}, SignedHeaders={';'.join(names)}, "
                                    f"Signature={key.hex()}")
    return all_of_them
