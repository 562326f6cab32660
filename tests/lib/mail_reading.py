# SPDX-License-Identifier: MIT
"""One mail read by two independent parsers, Python's email and npm's mailparser, in the same shape:

from, to, cc, reply_to  [[name, address], …]
subject, message_id, date (UTC, to the second), text, html (None when there is none)
attachments             [{filename, content_type, disposition, content_id, content (bytes)}, …]
"""
import base64
import email
import email.header
import email.policy
import email.utils
import json
import pathlib
import subprocess

_PARSE_MJS = pathlib.Path(__file__).parents[1] / "integration/parse_mail.mjs"


def _addresses(content, name):
    """By Python's older parser: the newer one keeps the space between two encoded-words of a name."""
    raw = email.message_from_bytes(content).get_all(name, [])
    return [[str(email.header.make_header(email.header.decode_header(shown))), address]
            for shown, address in email.utils.getaddresses(raw) if address]


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
        "from": _addresses(content, "From"),
        "to": _addresses(content, "To"),
        "cc": _addresses(content, "Cc"),
        "reply_to": _addresses(content, "Reply-To"),
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


def a_label(address):
    local, _, domain = address.rpartition("@")
    return f"{local}@{domain.encode('idna').decode()}"


def all_by_mailparser(contents):
    """Many mails by one run of the parser."""
    request = json.dumps([base64.b64encode(content).decode() for content in contents])
    run = subprocess.run(["node", str(_PARSE_MJS)], input=request.encode(), capture_output=True, check=True, timeout=60)
    mails = json.loads(run.stdout)
    for mail in mails:
        mail["date"] = mail["date"][:19]
        for name in ("from", "to", "cc", "reply_to"):  # it decodes A-labels, and lists the names of groups
            mail[name] = [[shown, a_label(address)] for shown, address in mail[name] if address]
        for part in mail["attachments"]:
            part["content"] = base64.b64decode(part["content"])
    return mails


def by_mailparser(content):
    return all_by_mailparser([content])[0]


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
