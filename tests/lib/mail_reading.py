# SPDX-License-Identifier: MIT
"""One mail read by two independent parsers, Python's email and npm's mailparser, in the same shape:

from, to, cc, reply_to  [[name, address], …]
subject, message_id, date (UTC, to the second), text, html (None when there is none)
attachments             [{filename, content_type, disposition, content_id, content (bytes)}, …]
"""
import base64
import email
import email.policy
import json
import pathlib
import subprocess

_PARSE_MJS = pathlib.Path(__file__).parents[1] / "integration/parse_mail.mjs"


def _addresses(message, name):
    return [[a.display_name, a.addr_spec] for header in message.get_all(name, []) for a in header.addresses]


def _text(part):
    """Content as a string with \\n line ends; None when there is no such part."""
    return part and part.get_content().replace("\r\n", "\n")


def _bytes(part):
    content = part.get_content()
    if isinstance(content, bytes):
        return content
    if isinstance(content, email.message.EmailMessage):
        return content.as_bytes()
    return part.get_payload(decode=True)


def by_python(content):
    message = email.message_from_bytes(content, policy=email.policy.default)
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    bodies = [part for part in (text, html) if part is not None]
    return {
        "from": _addresses(message, "From"),
        "to": _addresses(message, "To"),
        "cc": _addresses(message, "Cc"),
        "reply_to": _addresses(message, "Reply-To"),
        "subject": str(message.get("Subject", "")),
        "message_id": str(message["Message-ID"]),
        "date": message["Date"].datetime.strftime("%Y-%m-%dT%H:%M:%S"),
        "text": _text(text),
        "html": _text(html),
        "attachments": [
            {
                "filename": part.get_filename(),
                "content_type": part.get_content_type(),
                "disposition": part.get_content_disposition(),
                "content_id": part["Content-ID"] and str(part["Content-ID"]),
                "content": _bytes(part),
            }
            for part in message.walk()
            if not part.is_multipart() and not any(part is body for body in bodies)
        ],
    }


def by_mailparser(content):
    run = subprocess.run(["node", str(_PARSE_MJS)], input=content, capture_output=True, check=True, timeout=60)
    mail = json.loads(run.stdout)
    mail["date"] = mail["date"][:19]
    for part in mail["attachments"]:
        part["content"] = base64.b64decode(part["content"])
    return mail


def headers(content, name):
    """The values of one header as Python decodes and unfolds them."""
    message = email.message_from_bytes(content, policy=email.policy.default)
    return [str(value) for value in message.get_all(name, [])]


def structure(content):
    """The tree of content types: "text/plain", or ("multipart/mixed", child, …)."""

    def tree(part):
        if part.is_multipart() and part.get_content_maintype() == "multipart":
            return (part.get_content_type(), *map(tree, part.iter_parts()))
        return part.get_content_type()

    return tree(email.message_from_bytes(content, policy=email.policy.default))
