"""Holds and notes: what needs a decision, and what people wrote."""

from dataclasses import dataclass
from datetime import datetime

from transfer import facts
from transfer.facts import Chain
from transfer.identifiers import CaseId, HoldId, NoteId, PatientId
from transfer.ledger import Row, Tx
from transfer.sealing import KeyGone, KeyName


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Something only a person can decide. `code` has its sentences in `transfer.sentences`."""

    id: HoldId
    subject: str
    code: str
    about: str | None
    opened_at: datetime
    resolved_at: datetime | None
    word: str | None


def hold(tx: Tx, subject: str, code: str, about: str | None = None) -> HoldId | None:
    """Ask a person. Asking the same again while it is open asks once (None)."""
    row = tx.row(
        """INSERT INTO holds (hold, subject, code, about, opened_at) VALUES (%s, %s, %s, %s, transfer.now())
           ON CONFLICT (subject, code, coalesce(about, '')) WHERE resolved_at IS NULL DO NOTHING RETURNING hold""",
        *(HoldId.draw(), subject, code, about),
    )
    if row is None:
        return None
    if CaseId.pattern.fullmatch(subject):
        tx.append(Chain.case(CaseId(subject)), facts.HoldOpened(hold=row.hold, code=code, about=about))
    return HoldId(row.hold)


def resolve(tx: Tx, hold: str, word: str, note: str | None = None) -> Hold | None:
    """A person decided. None: there is no such open hold."""
    row = tx.row(
        """UPDATE holds SET resolved_at = transfer.now(), word = %s WHERE hold = %s AND resolved_at IS NULL
           RETURNING *""",
        *(word, hold),
    )
    if row is None:
        return None
    if CaseId.pattern.fullmatch(row.subject):
        tx.append(Chain.case(CaseId(row.subject)), facts.HoldResolved(hold=hold, word=word, note=note))
    return _hold(row)


def last_word(tx: Tx, subject: str, code: str) -> str | None:
    """A person's last answer to this question, if there is one."""
    word: str | None = tx.value(
        """SELECT word FROM holds WHERE subject = %s AND code = %s AND resolved_at IS NOT NULL
           ORDER BY resolved_at DESC LIMIT 1""",
        *(subject, code),
    )
    return word


def say(tx: Tx, hold: Hold, person: str, word: str, about: str = "") -> int:
    """Keep one person's answer to a question that several must answer alike. Returns how many gave the same one."""
    tx.run(
        """INSERT INTO hold_words (hold, person, word, about, said_at) VALUES (%s, %s, %s, %s, transfer.now())
           ON CONFLICT (hold, person) DO UPDATE SET word = excluded.word, about = excluded.about,
             said_at = excluded.said_at""",
        *(hold.id, person, word, about),
    )
    same = "SELECT count(*) FROM hold_words WHERE hold = %s AND word = %s AND about = %s"
    return int(tx.value(same, hold.id, word, about))


def said(tx: Tx, hold: str) -> list[tuple[str, str]]:
    """The answers to such a question so far: person and answer."""
    rows = tx.rows("SELECT person, word FROM hold_words WHERE hold = %s ORDER BY said_at", hold)
    return [(row.person, row.word) for row in rows]


def release(tx: Tx, subject: str, code: str, word: str, *, about: str | None = None) -> None:
    """Close holds that need no answer any more: a form came, a packet went."""
    for row in tx.rows(
        """SELECT hold FROM holds WHERE subject = %s AND code = %s AND resolved_at IS NULL
           AND (%s::text IS NULL OR about = %s)""",
        *(subject, code, about, about),
    ):
        resolve(tx, row.hold, word)


def open_holds(tx: Tx, subject: str | None = None) -> list[Hold]:
    rows = tx.rows(
        "SELECT * FROM holds WHERE resolved_at IS NULL AND (%s::text IS NULL OR subject = %s) ORDER BY opened_at",
        *(subject, subject),
    )
    return [_hold(row) for row in rows]


def get_hold(tx: Tx, hold: str) -> Hold | None:
    row = tx.row("SELECT * FROM holds WHERE hold = %s", hold)
    return _hold(row) if row else None


def note(tx: Tx, patient: PatientId, text: str) -> NoteId:
    """Keep free text sealed under the patient's key. The fact that names it holds its HMAC."""
    written = NoteId.draw()
    key = KeyName.patient(patient)
    tx.run(
        "INSERT INTO notes (note, patient, text) VALUES (%s, %s, %s)",
        *(written, patient, tx.keys.seal(key, text.encode(), about=written)),
    )
    return written


def add_note(tx: Tx, case: CaseId, patient: PatientId, text: str, *, about: str | None = None) -> NoteId:
    written = note(tx, patient, text)
    tx.append(Chain.case(case), facts.NoteAdded(note=written, hmac=digest(tx, patient, text), about=about))
    return written


def digest(tx: Tx, patient: PatientId, text: str) -> str:
    """What stands in a fact for free text."""
    return tx.keys.hmac(KeyName.patient(patient), text.encode()).hex()


def read_note(tx: Tx, note: str) -> str | None:
    """What was written; None once purged."""
    row = tx.row("SELECT * FROM notes WHERE note = %s", note)
    if row is None or row.text is None:
        return None
    try:
        return tx.keys.unseal(KeyName.patient(PatientId(row.patient)), row.text, about=note).decode()
    except KeyGone:
        return None


def _hold(row: Row) -> Hold:
    fields = row._asdict()
    return Hold(id=HoldId(fields.pop("hold")), **fields)
