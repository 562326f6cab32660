# SPDX-License-Identifier: MIT
"""Whether an answer is one that api/openapi.json describes: its status, media type and every field.

Objects are taken as closed here: a field that the description does not name is a violation, though the
description leaves it open for versions to come.
"""
import copy
import json
import pathlib
import re

import jsonschema

UNROUTED = (431,)  # answered before the path is known
PAGES = ("/", "/dashboard/mail")  # for people, not described

_FILE = pathlib.Path(__file__).parents[2] / "api/openapi.json"


def _closed(schema):
    if isinstance(schema, list):
        return [_closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: _closed(value) for name, value in schema.items()}
    if isinstance(made.get("properties"), dict) and made.get("type") == "object" and "allOf" not in made:
        made.setdefault("additionalProperties", False)
    return made


class Description:
    def __init__(self, document):
        self._document = _closed(copy.deepcopy(document))
        # the most literal path first: /v1/sandbox/messages/wait is no {id}
        self._paths = sorted(document["paths"], key=lambda path: path.count("{"))
        self._resolver = jsonschema.RefResolver("", self._document)

    def _operation(self, method, path):
        for template in self._paths:
            pattern = re.sub(r"\\\{\w+\\\}", "(?:(?!%00)[^/])+", re.escape(template))  # no segment holds a NUL
            if re.fullmatch(pattern, path.split("?")[0]):
                return self._document["paths"][template].get(method.lower())
        return None

    def _schema_errors(self, schema, body):
        validator = jsonschema.Draft202012Validator(schema, resolver=self._resolver)
        return [f"{'/'.join(map(str, e.absolute_path))}: {e.message[:300]}" for e in validator.iter_errors(json.loads(body))]

    def violations(self, method, path, answer):
        """Sentences; what is not described may only be refused."""
        kind = answer.headers.get_content_type() if answer.headers["Content-Type"] else None
        operation = self._operation(method, path)
        if operation is None or answer.status in UNROUTED:
            if answer.status < 400 and path.split("?")[0] not in PAGES and method != "HEAD":
                return ["a path or method that is not described"]
            problem = self._document["components"]["schemas"]["Problem"]
            return self._schema_errors(problem, answer.body) if kind == "application/problem+json" else []
        response = next((operation["responses"][key] for key in (str(answer.status), f"{answer.status // 100}XX", "default")
                         if key in operation["responses"]), None)
        if response is None:
            return [f"status {answer.status} is not described"]
        if "$ref" in response:
            response = self._resolver.resolve(response["$ref"])[1]
        content = response.get("content")
        if not content:
            return [] if answer.body == b"" else ["a body where none is described"]
        if kind not in content:
            return [f"the media type is {kind}, not {list(content)}"]
        found = [f"no {name} header" for name, header in response.get("headers", {}).items()
                 if isinstance(header, dict) and header.get("required") and answer.headers[name] is None]
        return found + (self._schema_errors(content[kind]["schema"], answer.body) if kind.endswith("json") else [])


_description = None


def violations(method, path, answer):
    global _description
    if _description is None:
        _description = Description(json.loads(_FILE.read_text(encoding="utf-8")))
    return _description.violations(method, path, answer)
