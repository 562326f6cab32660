# SPDX-License-Identifier: MIT
"""What must hold of the files that a dead server left, read by SQLite itself; never by our own code."""
import collections
import contextlib
import pathlib
import shutil
import sqlite3
import tempfile

# recipients.status, as enum gw_rcpt_status counts
SENT, REJECTED, EXPIRED, CANCELED, SUPPRESSED, UNCERTAIN = 4, 5, 6, 7, 8, 9
FINAL = (SENT, REJECTED, EXPIRED, CANCELED, SUPPRESSED, UNCERTAIN)


@contextlib.contextmanager
def opened(data):
    """A connection to a copy, so that looking changes nothing: recovery of the log happens there."""
    with tempfile.TemporaryDirectory(prefix="crash-check-") as directory:
        for file in pathlib.Path(data).glob("mailhatch.db*"):
            if not file.name.endswith("-shm"):
                shutil.copy(file, directory)
        with contextlib.closing(sqlite3.connect(f"{directory}/mailhatch.db")) as db:
            yield db


def n_unfinished(data):
    """Recipients that have no final state; None when a copy of the living file cannot be read."""
    try:
        with opened(data) as db:
            marks = ",".join(map(str, FINAL))
            return db.execute(f"SELECT count(*) FROM recipients WHERE status NOT IN ({marks})").fetchone()[0]
    except sqlite3.Error:
        return None


def after_death(data, load):
    """Violations: nothing acknowledged is gone, nothing is there twice, nothing is damaged."""
    with opened(data) as db:
        wrong = [row[0] for row in db.execute("PRAGMA integrity_check") if row[0] != "ok"]
        wrong += [f"foreign key: {row}" for row in db.execute("PRAGMA foreign_key_check")]
        rows = db.execute("SELECT id, mail_from FROM messages").fetchall()
        n_rcpts = dict(db.execute("SELECT m.id, count(*) FROM messages m JOIN recipients r USING(seq) GROUP BY m.id"))
        bodies = {row[0] for row in db.execute("SELECT m.id FROM messages m WHERE EXISTS(SELECT 1 FROM recipients r"
                                               f" WHERE r.seq = m.seq AND r.status NOT IN {FINAL})")}
    by_token = collections.defaultdict(list)
    for ident, mail_from in rows:
        by_token[mail_from.split("@")[0].split(".")[1]].append(ident)
    wrong += [f"{ident} is there, unfinished, without recipients" for ident in bodies if not n_rcpts.get(ident)]
    for mail in load.mails.values():
        found = by_token.pop(mail.token, [])
        if mail.id and found != [mail.id]:
            wrong.append(f"{mail.token}: acknowledged as {mail.id}, stored as {found}")
        elif len(found) > 1:
            wrong.append(f"{mail.token}: stored {len(found)} times")
        elif mail.refused and found:
            wrong.append(f"{mail.token}: refused, but stored")
        for ident in found:
            if n_rcpts.get(ident) != len(mail.rcpts):
                wrong.append(f"{mail.token}: {n_rcpts.get(ident)} recipients, not {len(mail.rcpts)}")
    wrong += [f"{token}: nobody posted it" for token in by_token]
    return wrong


def at_the_end(data, load, sink):
    """Violations of each recipient's final state against the relay's log, and (sent, duplicates, uncertain)."""
    with opened(data) as db:
        rows = db.execute("SELECT m.mail_from, m.on_uncertain, r.email, r.status, r.uncertain, r.attempts, r.reason"
                          " FROM messages m JOIN recipients r USING(seq)").fetchall()
    wrong, counts = [], collections.Counter()
    for mail_from, _, email, status, uncertain, attempts, reason in rows:
        token = mail_from.split("@")[0].split(".")[1]
        n = sink.taken[token, email]
        where = f"{email} of {mail_from}: status {status}, uncertain {uncertain}, {reason}, taken {n} times"
        counts["recipients"] += 1
        counts["sent"] += status == SENT
        counts["uncertain"] += uncertain
        counts["duplicates"] += max(0, n - 1)
        counts["quarantined"] += reason == "quarantined"
        if status not in FINAL:
            wrong.append(f"not final: {where}")
        if status == SENT and n == 0:
            wrong.append(f"lost: {where}")
        if n > 1 and not uncertain:
            wrong.append(f"unmarked duplicate: {where}")
        if n > attempts:
            wrong.append(f"more often than attempted ({attempts}): {where}")
        if n > 0 and status != SENT and not uncertain:
            wrong.append(f"taken, but not known: {where}")
        if status == REJECTED and email not in sink.rejected:
            wrong.append(f"rejected by nobody: {where}")
        if email.startswith("no.") and status not in (REJECTED, UNCERTAIN):
            wrong.append(f"the relay refuses it: {where}")
        if not email.startswith("no.") and status not in (SENT, UNCERTAIN):
            wrong.append(f"the relay takes it: {where}")
        if status == UNCERTAIN and not uncertain:
            wrong.append(f"uncertain, but not marked: {where}")
    counts["messages"] = sum(1 for mail in load.mails.values() if mail.id)
    return wrong, counts
