# SPDX-License-Identifier: MIT
"""What the webhook of a campaign was told, and whether that is what the store says: everything that
happened at least once, and nothing else. Read by SQLite, never by our own code."""
import collections
import random

import checks
from webhook_receiver import Receiver

REFUSED_SHARE = 0.02  # of events, the first time they come
# events.type, as enum gw_event_type counts
TYPES = ("message.queued", "message.completed", "recipient.sent", "recipient.deferred", "recipient.rejected", "recipient.expired",
         "recipient.canceled", "recipient.suppressed", "recipient.uncertain", "relay.down", "relay.up", "webhook.paused", "webhook.resumed")
# The event that makes a recipient final, by its status. An uncertain one may have others behind it.
FINAL = {checks.SENT: "recipient.sent", checks.REJECTED: "recipient.rejected", checks.EXPIRED: "recipient.expired",
         checks.CANCELED: "recipient.canceled", checks.SUPPRESSED: "recipient.suppressed", checks.UNCERTAIN: "recipient.uncertain"}


class Told:
    """`bodies`: webhook-id → the bodies that were answered 200; `events`: the number of an event → what it said."""

    def __init__(self, seed):
        self._random = random.Random(seed)
        self._met = set()
        self.n_refused = 0
        self.bodies, self.events = collections.defaultdict(set), {}
        self._receiver = Receiver()
        self._receiver.answer = self._answer
        self.url = self._receiver.url

    def close(self):
        self._receiver.close()

    def _answer(self, call):
        is_new = call["id"] not in self._met
        self._met.add(call["id"])
        if is_new and self._random.random() < REFUSED_SHARE:
            self.n_refused += 1
            return 500
        data = call["document"]["data"]
        self.bodies[call["id"]].add(call["body"])
        self.events[int(data["id"])] = data
        return 200

    def knows(self, numbers):
        return numbers <= self.events.keys()


def numbers(data):
    """Of all events in the store."""
    with checks.opened(data) as db:
        return {row[0] for row in db.execute("SELECT seq FROM events")}


def _as_stored(data):
    """{number: (type, message, recipient, subject)}"""
    with checks.opened(data) as db:
        rows = db.execute("SELECT e.seq, e.type, m.id, r.email, e.subject FROM events e LEFT JOIN messages m ON m.seq = e.message"
                          " LEFT JOIN recipients r ON r.seq = e.message AND r.n = e.rcpt ORDER BY e.seq").fetchall()
    return {number: (TYPES[kind], message, email, subject) for number, kind, message, email, subject in rows}


def _as_told(event):
    subject = event.get("relay", event.get("webhook", {})).get("name")
    return event["type"], event.get("message_id"), event.get("recipient", {}).get("email"), subject


def _of_messages(data, stored):
    """Violations of each message's own history."""
    with checks.opened(data) as db:
        states = db.execute("SELECT m.id, r.email, r.status FROM messages m JOIN recipients r USING(seq)").fetchall()
    history = collections.defaultdict(list)
    for kind, message, email, _ in stored.values():
        history[message, email].append(kind)
    wrong = []
    for message in {message for message, _, _ in states}:
        whole = history[message, None]
        if whole != ["message.queued", "message.completed"]:
            wrong.append(f"{message}: {whole}")
    for message, email, status in states:
        kinds = history[message, email]
        if kinds[-1:] != [FINAL[status]]:
            wrong.append(f"{message} {email} has status {status}, and {kinds}")
        if sum(kind in FINAL.values() and kind != FINAL[checks.UNCERTAIN] for kind in kinds) > 1:
            wrong.append(f"{message} {email} is final more than once: {kinds}")
    return wrong


def _of_relays(stored):
    kinds = collections.defaultdict(list)
    for kind, _, _, subject in stored.values():
        if kind.startswith("relay."):
            kinds[subject].append(kind)
    return [f"relay {name}: {found}" for name, found in kinds.items()
            if found != (["relay.down", "relay.up"] * len(found))[:len(found)]]


def at_the_end(data, load, told):
    """Violations, when all recipients are final and the webhook has had time."""
    stored = _as_stored(data)
    wrong = [f"event {number} {what} was never told" for number, what in stored.items() if number not in told.events]
    for number, event in told.events.items():
        if stored.get(number) != _as_told(event):
            wrong.append(f"event {number} was told as {_as_told(event)}, and is {stored.get(number)}")
    wrong += [f"{ident} came with {len(bodies)} bodies" for ident, bodies in told.bodies.items() if len(bodies) > 1]
    completed = {event.get("message_id") for event in told.events.values() if event["type"] == "message.completed"}
    wrong += [f"{mail.token}: acknowledged as {mail.id}, and its end was never told" for mail in load.mails.values()
              if mail.id and mail.id not in completed]
    return wrong + _of_messages(data, stored) + _of_relays(stored)
