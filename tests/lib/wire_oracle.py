# SPDX-License-Identifier: MIT
"""What must hold for every message on the wire, whatever was asked for.

check() gives the violations as sentences; the relay fixtures call it for each message they get and
fail the test that sent it.
"""
import email
import email.errors
import email.policy
import email.utils
import re

MAX_LINE = 998
MAX_FOLDABLE = 78
ONCE = ("from", "date", "message-id", "mime-version")
AT_MOST_ONCE = ("to", "cc", "reply-to", "subject", "sender", "in-reply-to", "references", "content-type",
                "content-transfer-encoding", "list-unsubscribe", "list-unsubscribe-post")
NEVER = ("bcc", "resent-bcc", "return-path")

_FIELD = re.compile(rb"([!-9;-~]+):[ \t]?(.*)", re.S)


def header_fields(content):
    """The header block as [(name, value with its folds)]; a line that is no header gives (None, line)."""
    block = content.split(b"\r\n\r\n", 1)[0]
    fields = []
    for line in block.split(b"\r\n"):
        if line[:1] in (b" ", b"\t") and fields:
            name, value = fields[-1]
            fields[-1] = (name, value + b"\r\n" + line)
            continue
        match = _FIELD.fullmatch(line)
        fields.append((match[1].decode(), match[2]) if match else (None, line))
    return fields


def _bytes(content, utf8_header):
    if re.search(rb"\r(?!\n)|(?<!\r)\n", content):
        yield "a CR or LF that is not CRLF"
    seven_bit = content.partition(b"\r\n\r\n")[2] if utf8_header else content
    if eight_bit := re.search(rb"[\x80-\xff]", seven_bit):
        yield f"an 8-bit byte at {eight_bit.start()}"
    if control := re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", content):
        yield f"the control byte {control[0]!r} at {control.start()}"
    if not content.endswith(b"\r\n"):
        yield "the last line has no CRLF"
    for line in content.split(b"\r\n"):
        if len(line) > MAX_LINE:
            yield f"a line of {len(line)} characters: {line[:60]!r}…"


def _foldable(line):
    """True when there is white space to fold at, with text on both sides."""
    text = re.sub(rb"^[!-9;-~]+:[ \t]*|^[ \t]+", b"", line)
    return re.search(rb"[^ \t][ \t]+[^ \t]", text) is not None


def _headers(content):
    if b"\r\n\r\n" not in content:
        yield "no empty line between header and body"
    for line in content.split(b"\r\n\r\n", 1)[0].split(b"\r\n"):
        if len(line) > MAX_FOLDABLE and _foldable(line):
            yield f"a foldable header line of {len(line)} characters: {line!r}"
        if line and not line.strip():
            yield "a header line of white space only"
    fields = header_fields(content)
    names = [name.lower() if name else None for name, _ in fields]
    for _, line in (f for f in fields if f[0] is None):
        yield f"a header line that is none: {line!r}"
    for name in ONCE:
        if names.count(name) != 1:
            yield f"{names.count(name)} {name} headers"
    for name in AT_MOST_ONCE:
        if names.count(name) > 1:
            yield f"{names.count(name)} {name} headers"
    for name in NEVER:
        if name in names:
            yield f"a {name} header"


def _parse(content):
    """From a string, so that UTF-8 in a header is read as such."""
    return email.message_from_string(content.decode("utf-8", "replace"), policy=email.policy.default)


def _mime(content, utf8_header):
    message = _parse(content)
    for part in message.walk():
        for defect in part.defects:
            yield f"MIME defect in {part.get_content_type()}: {defect!r}"
        for name, value in part.items():
            for defect in getattr(value, "defects", ()):
                if utf8_header and isinstance(defect, email.errors.NonASCIILocalPartDefect):
                    continue  # allowed by RFC 6532
                yield f"defect in {name}: {defect!r}"
    if (version := message.get("MIME-Version")) and str(version) != "1.0":
        yield f"MIME-Version is {version}"
    if message["Message-ID"] and not re.fullmatch(r"<[^<>@\s]+@[^<>@\s]+>", str(message["Message-ID"])):
        yield f"Message-ID is {message['Message-ID']}"
    if message["Date"] and email.utils.parsedate_to_datetime(str(message["Date"])).utcoffset() is None:
        yield f"Date is {message['Date']}"


def visible_recipients(content):
    """The addresses that To and Cc show."""
    message = _parse(content)
    shown = []
    for name in ("To", "Cc"):
        for header in message.get_all(name, []):
            shown += [address.addr_spec for address in header.addresses]
    return shown


def _recipients(content, rcpts):
    """Everybody whom To and Cc show is in the envelope; whom they do not show (Bcc) is shown nowhere."""
    envelope = {address.lower() for address in rcpts}
    shown = {address.lower() for address in visible_recipients(content)}
    for address in sorted(shown - envelope):
        yield f"{address} is in the header but not in the envelope {sorted(envelope)}"
    # The sender may be in Bcc, too; From and its like show that one rightly.
    block = b"\n".join(name.encode() + b":" + value for name, value in header_fields(content)
                       if name and name.lower() not in ("from", "sender", "reply-to")).lower()
    for address in sorted(envelope - shown):
        if re.search(rb"(?<![\w.+-])" + re.escape(address.encode()) + rb"(?![\w.-])", block):
            yield f"{address} is a Bcc recipient and in the header"


def check(content, rcpts=None, utf8_header=False):
    """All violations of @content, the bytes between DATA and the final dot after un-stuffing.

    @rcpts        the recipients asked for at the relay, whatever it said; None: not compared
    @utf8_header  SMTPUTF8 was agreed on, so the header may hold UTF-8 (RFC 6532)
    """
    violations = [*_bytes(content, utf8_header), *_headers(content)]
    if not violations:
        violations = [*_mime(content, utf8_header), *(_recipients(content, rcpts) if rcpts is not None else ())]
    return violations
