# SPDX-License-Identifier: MIT
"""The dashboard in a real browser: what was sent shows up, and a mail's markup can do nothing."""
import browser as browser_module
import pytest
from mailhatch import letter

HTML = """<html><head><style>h1 { color: rgb(1, 2, 3) }</style></head><body><h1>Hello Ann</h1>
<script>document.body.append("EVIL SCRIPT"); document.title = "EVIL"</script>
<img src="/x.png" onerror="document.body.append('EVIL HANDLER')"><img src="https://192.0.2.1/pixel.png">
<a id="out" href="https://192.0.2.1/">away</a></body></html>"""


@pytest.fixture(scope="module")
def browser():
    with browser_module.running() as b:
        yield b


def test_a_sent_mail_shows_up(serve, browser):
    server = serve()
    page = browser.open(f"http://127.0.0.1:{server.port}/")
    page.shows("Nothing caught yet")
    page.shows("ready", "document.getElementById('ready')")
    server.send(letter(subject="Grüße 17", text="Plain words"))
    page.shows("Grüße 17", "document.getElementById('list')")
    page.shows("Plain words", "document.getElementById('detail')")
    page.press("#clear")
    page.shows("Nothing caught yet")
    assert page.complaints() == []


def test_markup_of_a_mail_is_shown_and_harmless(serve, browser):
    server = serve()
    server.send(letter(subject="<b>Bold</b>", text=None, html=HTML))
    page = browser.open(f"http://127.0.0.1:{server.port}/")
    page.shows("<b>Bold</b>", "document.getElementById('list')")
    frame = browser.frame("/dashboard/mail")
    frame.shows("Hello Ann")
    assert frame.evaluate("getComputedStyle(document.querySelector('h1')).color") == "rgb(1, 2, 3)"
    assert "EVIL" not in frame.evaluate("document.body.innerText")
    assert page.evaluate("document.title") == "Mailhatch"
    assert frame.evaluate("origin") == "null"
    assert frame.evaluate("fetch('/v1/sandbox/messages').then(() => 'got in', () => 'kept out')") == "kept out"
    frame.press("#out")
    page.shows("<b>Bold</b>", "document.getElementById('detail')")
    assert page.evaluate("location.pathname") == "/"


def test_a_test_mail_is_sent_from_the_page(serve, browser):
    server = serve()
    page = browser.open(f"http://127.0.0.1:{server.port}/")
    page.shows("Nothing caught yet")
    page.press("#compose")
    page.evaluate("document.getElementById('send-to').value = 'ann@example.org, reject+550-5.1.1@example.org'")
    page.press("#send-go")
    page.shows("550 5.1.1", "document.getElementById('send-result')")
    page.shows("sent", "document.getElementById('send-result')")
    page.evaluate("document.getElementById('send-to').value = 'nobody'")
    page.press("#send-go")
    page.shows("/to/0", "document.getElementById('send-result')")


def test_messages_are_listed_with_the_state_of_each_recipient(serve, browser):
    server = serve()
    server.send(letter(subject="Order 17", to=["ann@example.org", "reject+550-5.1.1@example.org"]))
    assert server.post(letter(subject="Later", to=["defer+451@example.org"])).status == 202
    page = browser.open(f"http://127.0.0.1:{server.port}/#messages")
    page.shows("partial", "document.getElementById('list')")
    page.shows("451 4.3.0", "document.getElementById('detail')")
    page.evaluate("[...document.querySelectorAll('#detail button')].find((b) => b.textContent === 'Cancel').click()")
    page.shows("canceled", "document.getElementById('detail')")
    page.press("#list li:last-child button")
    page.shows("550 5.1.1", "document.getElementById('detail')")
    page.shows("250 2.0.0", "document.getElementById('detail')")
    assert page.complaints() == []


def test_relays_are_listed(serve, browser):
    server = serve()
    page = browser.open(f"http://127.0.0.1:{server.port}/#relays")
    page.shows("sandbox", "document.getElementById('list')")
    page.shows("sandbox:", "document.getElementById('detail')")


def test_a_key_is_asked_for_and_forgotten_with_the_page(serve, browser):
    key = "tester.0123456789abcdef0123456789abcdef"
    server = serve(env={"MAILHATCH_API_KEY": key})
    server.send(letter(subject="Behind a key"), Authorization=f"Bearer {key}")
    page = browser.open(f"http://127.0.0.1:{server.port}/")
    page.shows("wants an API key")
    assert "Behind a key" not in page.evaluate("document.body.innerText")
    page.evaluate(f"document.getElementById('key').value = '{key}'")
    page.press("#key-form button")
    page.shows("Behind a key", "document.getElementById('list')")
    assert page.evaluate("document.getElementById('ask').hidden")
    assert page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])") == '[{},{},""]'
    page.call("Page.reload")
    page.shows("wants an API key")
