# SPDX-License-Identifier: MIT
"""Messages of every shape, as requests; what a parser must find in each follows from the request itself
(expected()). SHAPES are chosen by hand, generated() makes as many more as one likes from a seed."""
import base64
import email.utils
import random

from mail_reading import a_label

PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=")
EVERY_BYTE = bytes(range(256)) * 5


def _file(content=b"%PDF-1.7\n", **fields):
    return {"content": base64.b64encode(content).decode(), **fields}


def _shape(**fields):
    return {"from": "billing@example.com", "to": ["ann@example.org"], "subject": "Your invoice", **fields}


_TEXT = "Hello Ann,\n\nplease find it below.\n"
_HTML = "<p>Hello <b>Ann</b>, <img src=\"cid:logo\"></p>\n"
_LOGO = _file(PNG, filename="logo.png", content_type="image/png", content_id="logo")
_LONG_WORD = "https://example.com/" + "a" * 3000

SHAPES = {
    "text": _shape(text=_TEXT),
    "html": _shape(html=_HTML),
    "text and html": _shape(text=_TEXT, html=_HTML),
    "text and attachment": _shape(text=_TEXT, attachments=[_file(filename="i.pdf")]),
    "html and attachment": _shape(html=_HTML, attachments=[_file(filename="i.pdf")]),
    "html and inline": _shape(html=_HTML, attachments=[_LOGO]),
    "everything": _shape(text=_TEXT, html=_HTML, attachments=[_LOGO, _file(filename="i.pdf"), _file(EVERY_BYTE)]),
    "text and inline": _shape(text=_TEXT, attachments=[_LOGO]),
    "many attachments": _shape(text=_TEXT, attachments=[_file(f"{i}".encode(), filename=f"{i}.txt") for i in range(50)]),
    "empty text": _shape(text=""),
    "empty attachment": _shape(text=_TEXT, attachments=[_file(b"", filename="empty.bin")]),
    "every byte": _shape(text=_TEXT, attachments=[_file(EVERY_BYTE, filename="bytes.bin")]),
    "large attachment": _shape(text=_TEXT, attachments=[_file(EVERY_BYTE * 800, filename="large.bin")]),
    "attached text": _shape(text=_TEXT, attachments=[
        _file("Grüße\r\n.\r\n".encode(), filename="a.txt", content_type="text/plain; charset=utf-8")]),
    "attached text with LF": _shape(text=_TEXT, attachments=[_file(b"a\n.\nb\rc\r\n", filename="a.txt")]),
    "attached html": _shape(text=_TEXT, attachments=[_file(b"<p>x</p>", filename="a.html")]),
    "no final line end": _shape(text="Hello", html="<p>Hello</p>"),
    "only line ends": _shape(text="\n\n\n"),
    "blank lines at both ends": _shape(text="\n\nHello\n\n\n"),
    "spaces at line ends": _shape(text="a \nb\t\n \n\t\nend  "),
    "CRLF": _shape(text="a\r\nb\r\n"),
    "CR": _shape(text="a\rb\r"),
    "mixed line ends": _shape(text="a\r\nb\nc\rd\r\r\ne\n\n\nf"),
    "dots": _shape(text=".\n..\n...\n.a\n.\r\n.\n"),
    "smuggling": _shape(text="a\r\n.\r\nMAIL FROM:<evil@example.com>\r\n.\n\n.\r\n\r.\r\r\n.\r"),
    "From lines": _shape(text="From me\n\nFrom you\n>From all\n"),
    "boundary look-alikes": _shape(text="--=_\n--=_0\n------=_Part\n--\n", html="<p>--=_</p>\n--=_--\n"),
    "long line": _shape(text="word " * 2000 + "\n"),
    "long word": _shape(text=_LONG_WORD + "\n"),
    "long word in html": _shape(text=_TEXT, html=f"<a href=\"{_LONG_WORD}\">x</a>"),
    "line of 998": _shape(text="x" * 998 + "\n"),
    "line of 999": _shape(text="x" * 999 + "\n"),
    "equal signs": _shape(text="a=b =3D =\n==\n=\n"),
    "umlauts": _shape(text="Grüße, Ärger\n", html="<p>Grüße</p>", subject="Grüße"),
    "chinese": _shape(text="你好，世界\n" * 30, subject="你好，世界" * 12),
    "emoji": _shape(text="🎉👩‍👩‍👧‍👦\n", subject="🎉" * 60),
    "right to left": _shape(text="שלום עולם\n", subject="שלום עולם"),
    "combining marks": _shape(text="e\u0301\n", subject="e\u0301" * 40),
    "separators": _shape(text="a\u2028b\u2029c\u0085d\n"),
    "private use": _shape(text="\ue000\U0010fffd\n"),
    "no subject": {k: v for k, v in _shape(text=_TEXT).items() if k != "subject"},
    "empty subject": _shape(text=_TEXT, subject=""),
    "long subject": _shape(text=_TEXT, subject="an invoice of some length " * 30 + "end"),
    "long subject word": _shape(text=_TEXT, subject="x" * 300),
    "subject with spaces": _shape(text=_TEXT, subject="a  b   c"),
    "subject like an encoded word": _shape(text=_TEXT, subject="=?utf-8?q?no?= =?utf-8?b?bm8=?="),
    "subject with a mix": _shape(text=_TEXT, subject="Re: Grüße =?utf-8?q?a?= (b) \"c\" é"),
    "names": _shape(text=_TEXT, **{"from": {"email": "billing@example.com", "name": "Billing, \"The\" Dept. \\ (x)"}},
                    to=["Ann Müller <ann@example.org>", {"email": "bob@example.org", "name": "Bob"},
                        "\"Carol, C.\" <carol@example.org>"], cc=["王小明 <wang@example.org>"],
                    reply_to=[{"email": "help@example.com", "name": "Help 🎉 desk"}]),
    "long names": _shape(text=_TEXT, to=[{"email": f"a{i}@example.org", "name": "Überlanger Name " * 5 + str(i)}
                                         for i in range(10)]),
    "names with addresses in them": _shape(text=_TEXT, to=[{"email": "ann@example.org", "name": "eve@example.com"},
                                                          {"email": "bob@example.org", "name": "<x@y.example>, z"}]),
    "name like an encoded word": _shape(text=_TEXT, to=[{"email": "ann@example.org", "name": "=?utf-8?q?x?="}]),
    "many recipients": _shape(text=_TEXT, to=[f"user{i}@example.org" for i in range(200)]),
    "bcc only": _shape(text=_TEXT, to=[], bcc=["hidden@example.org"]),
    "to, cc and bcc": _shape(text=_TEXT, cc=["carol@example.org"], bcc=["hidden@example.org", "dave@example.org"]),
    "quoted local part": _shape(text=_TEXT, to=["\"ann smith\"@example.org"]),
    "idn": _shape(text=_TEXT, to=["ann@bücher.example"], **{"from": "billing@müller.example"}),
    "odd local part": _shape(text=_TEXT, to=["a#$&'*+-/?=^_`{|}~b@example.org"]),
    "custom headers": _shape(text=_TEXT, headers={"X-Order": "17", "X-Multi": ["a", "b"], "X-Long": "word " * 60 + "end",
                                                  "X-Umlaut": "Grüße 🎉", "X-Word": "w" * 500,
                                                  "X-Encoded": "=?utf-8?q?no?="}),
    "header list": _shape(text=_TEXT, headers=[{"name": "X-A", "value": "1"}, {"name": "X-A", "value": "2"}]),
    "threading": _shape(text=_TEXT, in_reply_to="<a@example.com>", message_id="<own-1@example.com>",
                        references=[f"<{i}{'x' * 40}@example.com>" for i in range(20)]),
    "list-unsubscribe": _shape(text=_TEXT, list_unsubscribe={
        "url": "https://example.com/u?" + "t" * 200, "mailto": "u@example.com", "one_click": True}),
    "file names": _shape(text=_TEXT, attachments=[_file(bytes([65 + i]), filename=name) for i, name in enumerate((
        "Rechnung März.pdf", "请求.txt", "a b.txt", "quote\"d.txt", "semi;colon=.txt", "per%20cent.txt", "it's.txt",
        "🎉.png", "x" * 200 + ".bin", "ü" * 100 + ".bin", "trailing.", "(comment).txt", "a,b.txt"))]),
    "file name like an encoded word": _shape(text=_TEXT, attachments=[_file(b"x", filename="=?utf-8?q?x?=.txt")]),
    "content types": _shape(text=_TEXT, attachments=[
        _file(b"x", filename="a", content_type=kind) for kind in (
            "application/json", "text/csv; charset=utf-8; header=present", "image/svg+xml",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document")]),
    "types from names": _shape(text=_TEXT, attachments=[
        _file(b"x", filename=name) for name in ("a.pdf", "a.PNG", "a.jpeg", "a.zip", "a.unknown", "noname")]),
}

# mailparser 3.7 takes the quoted local part for a name, decodes encoded-words in file names, and puts a
# space into long words of html.
PYTHON_ONLY = ("quoted local part", "file name like an encoded word", "long word in html")

_WORDS = ("Hello", "Grüße", "你好", "🎉", "a", "=?x?=", "long" * 30, "שלום", ".", "--", "e\u0301", "From", "=", "\t", "%")
_ENDS = ("\n", "\r\n", "\n\n", " \n", "")


def _phrase(rng, most):
    return " ".join(rng.choice(_WORDS) for _ in range(rng.randint(1, most))).replace("\t", "").strip() or "x"


def _body(rng):
    return "".join(" ".join(rng.choice(_WORDS) for _ in range(rng.randint(0, 40))) + rng.choice(_ENDS)
                   for _ in range(rng.randint(0, 12)))


def _person(rng, n):
    address = f"p{n}.{rng.randint(0, 999)}@{rng.choice(('example.org', 'bücher.example', 'sub.example.net'))}"
    return {"email": address, "name": _phrase(rng, 6)} if rng.random() < 0.6 else address


def _attachment(rng, n, has_html):
    part = _file(rng.randbytes(rng.choice((0, 1, 2, 3, 57, 58, 1000, 5000))))
    if rng.random() < 0.8:
        part["filename"] = f"{_phrase(rng, 4).replace('/', '-')}{n}.{rng.choice(('pdf', 'txt', 'png', 'x'))}"
    if rng.random() < 0.4:
        part["content_type"] = rng.choice(("image/png", "text/plain; charset=utf-8", "application/x-own"))
    if has_html and rng.random() < 0.4:
        # mailparser takes an inline text for the mail's own
        part.update(content_id=f"part{n}@example.com", content_type="image/png")
    return part


def generated(count, seed):
    """{name: request}, always the same for the same seed."""
    shapes = {}
    for i in range(count):
        rng = random.Random(f"{seed}/{i}")
        fields = {"subject": _phrase(rng, 20), "to": [_person(rng, n) for n in range(rng.randint(1, 6))]}
        if rng.random() < 0.4:
            fields["cc"] = [_person(rng, 100 + n) for n in range(rng.randint(1, 4))]
        if rng.random() < 0.3:
            fields["reply_to"] = _person(rng, 200)
        kind = rng.choice(("text", "html", "both"))
        if kind != "html":
            fields["text"] = _body(rng)
        if kind != "text":
            fields["html"] = f"<p>{_body(rng)}</p>"
        fields["attachments"] = [_attachment(rng, n, kind != "text") for n in range(rng.choice((0, 0, 1, 2, 5)))]
        fields["headers"] = {f"X-Own-{n}": _phrase(rng, 30) for n in range(rng.randint(0, 3))}
        shapes[f"generated {seed}/{i}"] = _shape(**fields)
    return shapes


# What must be found.

def _pair(address):
    """[name, address] of a recipient as it was asked for."""
    if isinstance(address, dict):
        return [address.get("name", ""), a_label(address["email"])]
    name, spec = email.utils.parseaddr(address)
    return [name, a_label(spec)]


def _pairs(value):
    return [_pair(one) for one in (value if isinstance(value, list) else [value])]


def lines(text):
    """A body with \\n line ends, whatever it came with; the last line has one, too, because a mail that
    is not multipart cannot be without."""
    text = text.replace("\r\r\n", "\n").replace("\r\n", "\n").replace("\r", "\n")
    return text if text.endswith("\n") else text + "\n"


def expected(request):
    """What mail_reading must give for it, but date, message_id and a text derived from html."""
    wanted = {
        "from": _pairs(request["from"]),
        "to": _pairs(request.get("to", [])),
        "cc": _pairs(request.get("cc", [])),
        "reply_to": _pairs(request.get("reply_to", [])),
        "subject": request.get("subject", ""),
        "html": lines(request["html"]) if "html" in request else None,
        "attachments": sorted((part.get("filename", ""), f"<{part['content_id']}>" if "content_id" in part else "",
                               base64.b64decode(part["content"])) for part in request.get("attachments", [])),
    }
    if "text" in request:
        wanted["text"] = lines(request["text"])
    return wanted


def found(mail):
    """What mail_reading gave, comparable with expected()."""
    got = {name: mail[name] for name in ("from", "to", "cc", "reply_to", "subject")}
    got["text"], got["html"] = (None if body is None else lines(body) for body in (mail["text"], mail["html"]))
    got["attachments"] = sorted((p["filename"] or "", p["content_id"] or "", p["content"]) for p in mail["attachments"])
    return got
