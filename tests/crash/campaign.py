# SPDX-License-Identifier: MIT
"""A campaign: one data directory that a server is killed on again and again, and a look at what is left."""
import collections
import contextlib
import pathlib
import random
import re
import shutil
import signal
import tempfile

import checks
import told
from load import Load
from server import Server
from sink import Sink
from waiting import until

ROUNDS = 12           # in one campaign
LOAD_S = (0.02, 0.30)  # from the first answer to the signal
REACH_DEADLINE_S = 60
QUIET_DEADLINE_S = 120

# Points that need more than load: SIGTERM, or attempts that the end before cut off.
AFTER_TERM = ("drain.",)
AFTER_INTERRUPTION = "delivery.interrupted"
PER_CONNECTION = ("smtp.greeting", "smtp.EHLO")  # passed when one is made, which is seldom
ONCE = "serve.listening"  # in the life of a process
LARGE = "store.bodies_written"  # only with bodies that are files, which are few
SOURCES = ("gateway", "api", "smtp")
# Stages of the SMTP client that a plain relay without AUTH takes it through.
SMTP_STAGES = ("greeting", "EHLO", "idle", "MAIL", "RCPT", "DATA", "body", "dot")


def failpoints():
    """Every point that the source names and this load reaches."""
    top = pathlib.Path(__file__).parents[2]
    names = {f"smtp.{stage}" for stage in SMTP_STAGES}
    for room in SOURCES:
        for file in (top / room).rglob("*.c"):
            names.update(re.findall(r'GW_FAILPOINT\("([a-z_.]+)"\)', file.read_text()))
    return sorted(names - {"delivery.expired"})


class Campaign:
    """@plan  what ends each round: a failpoint's name, or "kill", "term", "term twice", "kill in drain" """

    def __init__(self, seed, plan, binary):
        self.seed, self._plan = seed, plan
        self._random = random.Random(seed)
        self._directory = tempfile.mkdtemp(prefix="mailhatch-crash-")
        self._sink = Sink()
        self._hook = told.Told(seed)
        self._server = Server(binary, self._directory, self._sink.port, self._hook.url)
        self._load = Load(self._random, self._server)
        self._data = f"{self._directory}/data"
        self.counts = collections.Counter()
        self.wrong = []

    def run(self):
        try:
            for end in self._plan:
                self._round(end)
                if self.wrong:
                    break
            if not self.wrong:
                self._finish()
        except AssertionError as e:
            self.wrong.append(str(e))
        finally:
            if self._server.is_alive():
                self._server.kill()
            self._server.close()
            self._sink.close()
            self._hook.close()
        self.wrong += self._load.surprises
        if not self.wrong:
            shutil.rmtree(self._directory)
            return
        self.wrong.append(f"everything is kept in {self._directory}")

    def _round(self, end):
        if end == AFTER_INTERRUPTION:
            self._round("delivery.begun")
        self.counts["rounds"] += 1
        is_point = "." in end
        seldom = end.startswith(AFTER_TERM) or end in (AFTER_INTERRUPTION, ONCE, LARGE, *PER_CONNECTION)
        count = 1 if seldom else self._random.choice([1, 1, 2, 5, 17])
        began = self._server.start(f"{end}:crash:{count}" if is_point else "")
        assert began or is_point, f"does not start: {self._server.log()[-2000:]}"
        if began:
            self._load.start()
            try:
                self._end(end, is_point)
            finally:
                if self._server.is_alive():
                    self._server.kill()
                self._load.stop()
        self.wrong += [f"{end}, round {self.counts['rounds']}: {w}" for w in checks.after_death(self._data, self._load)]

    def _end(self, end, is_point):
        if is_point and not end.startswith(AFTER_TERM):
            until(f"{end} is reached", lambda: not self._server.is_alive(), REACH_DEADLINE_S)
        else:
            assert self._still_runs_after(*LOAD_S), f"it ended by itself: {self._server.log()[-2000:]}"
            if end == "kill":
                return
            self._server.signal(signal.SIGTERM)
        if end == "term twice":
            if self._still_runs_after(0, 0.05):
                self._server.signal(signal.SIGTERM)
        if end == "kill in drain":
            self._still_runs_after(0, 0.05)
            return
        code = self._server.wait()
        # a second SIGTERM may cut the drain short, which is said with 1
        expected = {-signal.SIGKILL} if is_point else {0, 1} if end == "term twice" else {0}
        assert code in expected, f"{end}: exit code {code}, not {expected}\n{self._server.log()[-2000:]}"

    def _still_runs_after(self, shortest, longest):
        return not self._server.ends_within(self._random.uniform(shortest, longest))

    def _finish(self):
        """Everything acknowledged comes to its end."""
        assert self._server.start()
        self._load.repeat_all()
        until("every recipient is final", lambda: checks.n_unfinished(self._data) == 0, QUIET_DEADLINE_S)
        happened = told.numbers(self._data)
        with contextlib.suppress(AssertionError):  # the checks below say what is missing
            until("all events are told", lambda: self._hook.knows(happened), QUIET_DEADLINE_S)
        self._server.terminate()
        self.wrong += checks.after_death(self._data, self._load)
        wrong, counts = checks.at_the_end(self._data, self._load, self._sink)
        self.wrong += wrong + told.at_the_end(self._data, self._load, self._hook)
        self.counts += counts
        self.counts["events"] = len(self._hook.events)
        self.counts["events refused"] = self._hook.n_refused
