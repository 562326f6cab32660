# SPDX-License-Identifier: MIT
"""Headless Chromium, spoken to over a pipe in its DevTools protocol: open a page, evaluate, look."""
import contextlib
import json
import os
import select
import shlex
import signal
import subprocess
import tempfile
import time

from waiting import DEADLINE_S, until

# Without --no-sandbox Chromium does not run as root; it shows pages of the tests' own server only.
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--remote-debugging-pipe",
         "--window-size=1280,800"]


class Page:
    def __init__(self, browser, session):
        self._browser, self._session = browser, session

    def call(self, method, **params):
        return self._browser.call(method, session=self._session, **params)

    def evaluate(self, expression):
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def shows(self, text, within="document.body"):
        """Waits until the page's text has @text."""
        until(f"the page shows {text!r}", lambda: text in (self.evaluate(f"{within} && {within}.innerText") or ""))

    def press(self, selector):
        self.evaluate(f"document.querySelector({json.dumps(selector)}).click()")

    def complaints(self):
        """What the console got: errors, violations of the policy."""
        return [e["params"]["entry"]["text"] for e in self._browser.events
                if e["method"] == "Log.entryAdded" and e.get("sessionId") == self._session
                and e["params"]["entry"]["level"] == "error"]


class Browser:
    def __init__(self, to_browser, from_browser):
        self._to, self._from = to_browser, from_browser
        self._n, self._buffer = 0, b""
        self.events = []

    def _receive(self, deadline):
        while b"\0" not in self._buffer:
            assert select.select([self._from], [], [], max(0, deadline - time.monotonic()))[0], "Chromium is silent"
            chunk = os.read(self._from, 1 << 16)
            assert chunk, "Chromium has ended"
            self._buffer += chunk
        line, self._buffer = self._buffer.split(b"\0", 1)
        return json.loads(line)

    def call(self, method, session=None, **params):
        self._n += 1
        message = {"id": self._n, "method": method, "params": params, **({"sessionId": session} if session else {})}
        os.write(self._to, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + DEADLINE_S
        while True:
            answer = self._receive(deadline)
            if answer.get("id") == self._n:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]
            self.events.append(answer)

    def _attach(self, target):
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session)
        page.call("Log.enable")
        return page

    def open(self, url):
        page = self._attach(self.call("Target.createTarget", url="about:blank")["targetId"])
        page.call("Page.enable")
        page.call("Page.navigate", url=url)
        return page

    def frame(self, url):
        """The frame with that address, which has a process of its own."""
        def find():
            targets = self.call("Target.getTargets")["targetInfos"]
            return next((t["targetId"] for t in targets if t["type"] == "iframe" and t["url"].endswith(url)), None)
        return self._attach(until(f"a frame {url}", find))


@contextlib.contextmanager
def running():
    with tempfile.TemporaryDirectory(prefix="mailhatch-browser-", ignore_cleanup_errors=True) as profile:
        browser_reads, to_browser = os.pipe()
        from_browser, browser_writes = os.pipe()
        command = shlex.join(["chromium", *FLAGS, f"--user-data-dir={profile}"])
        process = subprocess.Popen(["bash", "-c", f"exec {command} 3<&{browser_reads} 4>&{browser_writes}"],
                                   pass_fds=(browser_reads, browser_writes), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        os.close(browser_reads)
        os.close(browser_writes)
        try:
            yield Browser(to_browser, from_browser)
        finally:
            os.killpg(process.pid, signal.SIGKILL)  # it and its children, the session of its own
            process.wait()
            os.close(to_browser)
            os.close(from_browser)
