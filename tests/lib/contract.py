# SPDX-License-Identifier: MIT
"""Requests made from api/openapi.json: such that its schemas allow, and such that they do not.

A request is put together by a generator with a seed, so that whoever sees it fail can make it again.
"""
import base64
import dataclasses
import json
import pathlib
import random
import urllib.parse
import uuid

DOCUMENT = json.loads((pathlib.Path(__file__).parents[2] / "api/openapi.json").read_text(encoding="utf-8"))
METHODS = ("get", "post", "put", "patch", "delete")
JSON = "application/json"
FORM, URLENCODED, MIME = "multipart/form-data", "application/x-www-form-urlencoded", "message/rfc822"
BOUNDARY = "a-boundary"
# Words for what a schema says by a name or in prose only.
TEXTS = ("", "a", "Hello", "Grüße 🎉", "x" * 300, "two\nlines", "{{name}}", "<p>é</p>", "sandbox", "application/pdf", "4h", "normal")
ADDRESSES = ("ann@example.org", "Bob <bob@example.org>", "dave@bücher.example")
BY_NAME = {"email": ADDRESSES[:1], "from": ("billing@example.com",), "name": ("Billing", "X-Order"), "expires_in": ("4h",), "expiresIn": ("4h",),
           "message_id": ("<1@example.com>",), "messageId": ("<1@example.com>",), "in_reply_to": ("<1@example.com>",), "inReplyTo": ("<1@example.com>",),
           "references": ("<1@example.com>",), "content_type": ("application/pdf",), "mailto": ("u@example.com",), "disposition": ("attachment",),
           "relay": ("main",), "url": ("https://example.com/u",), "cursor": ("1",), "limit": ("1",), "domain": ("example.com",), "From": ("billing@example.com",),
           "To": ADDRESSES[:1], "EmailAddress": ADDRESSES[:1], "address": ADDRESSES[:1], "to": ADDRESSES[:1], "timeout": ("0",), "mail_from": ("example.com",)}
WRONG = (None, True, 0, -1, 1e300, "", "\r\nBcc: x@y.example", "\0", "\ud83d", "x" * 3000, [], {}, [[]], {"a": 1}, ["a", 1], "../..", "%00", "*", "99999999999999999999")


@dataclasses.dataclass
class Request:
    method: str
    template: str  # of the path
    path: str
    body: bytes  # None: there is none
    headers: dict
    valid: bool  # as far as the schemas tell

    def __str__(self):
        return f"{self.method} {self.path} {self.headers} {self.body and self.body[:2000]}"


def resolved(schema):
    while "$ref" in schema:
        node = DOCUMENT
        for step in schema["$ref"][2:].split("/"):
            node = node[step.replace("~1", "/").replace("~0", "~")]
        schema = node
    return schema


def _string(rng, schema, name):
    kind = schema.get("format")
    if kind == "date-time":
        return rng.choice(("2030-01-01T00:00:00Z", "2026-12-01T09:00:00+02:00"))
    if kind == "uuid":
        return str(uuid.UUID(int=rng.getrandbits(128), version=4))
    if kind == "uri":
        return "https://example.com/u"
    if schema.get("contentEncoding") == "base64":
        return base64.b64encode(rng.randbytes(rng.randrange(40))).decode()
    if "pattern" in schema:
        return {"^[0-9]+$": "17"}.get(schema["pattern"], f"name-{rng.randrange(100)}")
    text = rng.choice(BY_NAME[name] if name in BY_NAME else ADDRESSES if name == "address" or rng.random() < 0.2 else TEXTS)
    return (text or "a" * schema.get("minLength", 0))[:schema.get("maxLength")]


def instance(rng, schema, name="", depth=0):
    """A value that @schema allows."""
    schema = resolved(schema)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return rng.choice(schema["enum"])
    if "allOf" in schema:
        merged = {"type": "object", "properties": {}, "required": list(schema.get("required", ()))}
        for part in map(resolved, schema["allOf"]):
            merged["properties"].update(part.get("properties", {}))
            merged["required"] += part.get("required", [])
        return instance(rng, merged, name, depth)
    for choice in ("oneOf", "anyOf"):
        if choice in schema and "properties" not in schema:
            return instance(rng, rng.choice(schema[choice]), name, depth + 1)
    kind = schema.get("type", "string")
    kind = rng.choice(kind) if isinstance(kind, list) else kind
    if kind == "object":
        return _object(rng, schema, depth)
    if kind == "array":
        n = rng.randint(schema.get("minItems", 0), min(schema.get("maxItems", 3), 3))
        return [instance(rng, schema.get("items", {}), name, depth + 1) for _ in range(n)]
    if kind in ("integer", "number"):
        return rng.randint(schema.get("minimum", 0), min(schema.get("maximum", 100), schema.get("minimum", 0) + 100))
    return {"boolean": rng.random() < 0.5, "null": None}.get(kind) if kind != "string" else _string(rng, schema, name)


def _object(rng, schema, depth):
    properties, required = schema.get("properties", {}), list(schema.get("required", ()))
    for choice in ("oneOf", "anyOf"):
        if choice in schema:
            required += rng.choice(schema[choice]).get("required", [])
    optional = [name for name in properties if name not in required]
    wanted = rng.sample(optional, min(len(optional), rng.choice((0, 0, 1, 1, 2, 4)) if depth else rng.choice((0, 1, 2, 3))))
    least, most = schema.get("minProperties", 0), schema.get("maxProperties", len(properties))
    names = (required + wanted)[:most] or rng.sample(list(properties), min(least, len(properties)))
    made = {name: instance(rng, properties[name], name, depth + 1) for name in names}
    more = schema.get("additionalProperties")
    if isinstance(more, dict) and depth < 4:
        for _ in range(rng.randrange(3)):
            made[rng.choice(("X-A", "order", "ann@example.org"))] = instance(rng, more, "", depth + 1)
    return made


def _places(value, prefix=()):
    yield prefix
    if isinstance(value, (dict, list)):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from _places(value[key], (*prefix, key))


def spoiled(rng, value):
    """@value with something in it that is missing, renamed, doubled, or of another type."""
    value = json.loads(json.dumps(value))
    place = rng.choice(list(_places(value)))
    if not place:
        return rng.choice(WRONG) if rng.random() < 0.3 or not isinstance(value, dict) else {**value, "no_such_field": rng.choice(WRONG)}
    parent = value
    for key in place[:-1]:
        parent = parent[key]
    what = rng.choice(("replace", "replace", "remove", "add"))
    if what == "replace":
        parent[place[-1]] = rng.choice(WRONG)
    elif what == "remove":
        del parent[place[-1]]
    elif isinstance(parent, list):
        parent.append(rng.choice(WRONG))
    else:
        parent[rng.choice(("no_such_field", "\0", "é", ""))] = rng.choice(WRONG)
    return value


def _text(value):
    text = value if isinstance(value, str) else json.dumps(value)
    return urllib.parse.quote(text.encode("utf-8", "surrogatepass"), safe="")


def operations():
    """(method, path template, operation) of everything that is described."""
    return [(method, path, path_item[method]) for path, path_item in DOCUMENT["paths"].items() for method in METHODS if method in path_item]


def _value(rng, content):
    if "example" in content and rng.random() < 0.3:
        return content["example"]
    value, example = instance(rng, content["schema"]), content.get("example")
    if isinstance(example, dict) and isinstance(value, dict) and rng.random() < 0.6:
        value = {**example, **value}  # else what prose asks for is hardly ever there
    return value


def _pairs(value):
    """Name and text of each field of a form; a list is a field that is there several times."""
    value = value if isinstance(value, dict) else {"": value}
    return [(name, one if isinstance(one, str) else json.dumps(one)) for name in value for one in (value[name] if isinstance(value[name], list) else [value[name]])]


def _octets(text):
    return text.encode("utf-8", "surrogatepass")


def _quoted(name):
    for octet in '"\r\n':
        name = name.replace(octet, f"%{ord(octet):02X}")
    return _octets(name)


def _multipart(rng, value):
    made = b""
    for name, text in _pairs(value):
        head = b'Content-Disposition: form-data; name="' + _quoted(name) + b'"'
        if name != "message" and rng.random() < 0.2 or name in ("attachment", "inline"):
            head += b'; filename="a.txt"' + rng.choice((b"", b"\r\nContent-Type: text/plain"))
        made += b"--" + BOUNDARY.encode() + b"\r\n" + head + b"\r\n\r\n" + _octets(text) + b"\r\n"
    return made + b"--" + BOUNDARY.encode() + b"--\r\n"


def _urlencoded(rng, value):
    return "&".join(f"{_text(name)}={_text(text)}" for name, text in _pairs(value)).encode()


def _flipped(rng, data):
    """@data with some octets of it replaced, taken out or put in."""
    data = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(data) + 1)
        data[at:at + rng.randrange(3)] = rng.choice((b"", b"\0", b"\r", b"\n", b"\r\n", b"\xff", b"--", b"%", b"&", b"=", b'"', b"\r\nBcc: x@y.example"))
    return bytes(data)


_ENCODERS = {JSON: lambda rng, value: json.dumps(value).encode(), FORM: _multipart, URLENCODED: _urlencoded}


def encoded(rng, kind, value):
    """(body, Content-Type)"""
    return _ENCODERS[kind](rng, value), f"{kind}; boundary={BOUNDARY}" if kind == FORM else kind


def _body(rng, operation, valid):
    """(body, Content-Type) in one of the types that the operation takes, or None and None."""
    contents = operation.get("requestBody", {}).get("content", {})
    if not contents:
        return None, None
    kind = rng.choice(list(contents))
    if kind == MIME:
        raw = contents[kind]["example"].encode()
        return (raw if valid else _flipped(rng, raw)), kind
    value = _value(rng, contents[kind])
    in_octets = not valid and kind != JSON and rng.random() < 0.4
    body, content_type = encoded(rng, kind, value if valid or in_octets else spoiled(rng, value))
    return (_flipped(rng, body) if in_octets else body), content_type


def request(seed, method, template, operation):
    rng = random.Random(f"{seed} {method} {template}")
    valid = rng.random() < 0.5
    spoil_parameter = not valid and ("requestBody" not in operation or rng.random() < 0.3)
    path, query, headers = template, [], {}
    for parameter in map(resolved, operation.get("parameters", ())):
        if not parameter.get("required") and rng.random() < 0.6:
            continue
        value = parameter.get("example") if "example" in parameter and rng.random() < 0.5 else instance(rng, parameter["schema"], parameter["name"])
        if spoil_parameter and rng.random() < 0.5:
            value = rng.choice(WRONG)
        if parameter["in"] == "path":
            path = path.replace("{" + parameter["name"] + "}", _text(value) or "-")
        elif parameter["in"] == "query":
            query += [f"{parameter['name']}={_text(one)}" for one in (value if isinstance(value, list) else [value])]
        elif isinstance(value, str) and value.isascii() and value.isprintable():
            headers[parameter["name"]] = value
    if spoil_parameter and rng.random() < 0.3:
        query.append("no_such_parameter=1")
    body, content_type = _body(rng, operation, valid or spoil_parameter)
    if body is not None:
        headers["Content-Type"] = content_type
    return Request(method.upper(), template, path + ("?" + "&".join(query) if query else ""), body, headers, valid)
