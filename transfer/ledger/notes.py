"""Notes: free text that people wrote, sealed under the patient's key."""

from transfer import facts
from transfer.facts import Chain
from transfer.identifiers import CaseId, NoteId, PatientId
from transfer.ledger import Tx
from transfer.sealing import KeyGone, KeyName


def write(tx: Tx, patient: PatientId, text: str) -> NoteId:
    """Keep free text sealed under the patient's key. The fact that names it holds its HMAC."""
    written = NoteId.draw()
    key = KeyName.patient(patient)
    tx.run(
        "INSERT INTO notes (note, patient, text) VALUES (%s, %s, %s)",
        *(written, patient, tx.keys.seal(key, text.encode(), about=written)),
    )
    return written


def add_to_case(tx: Tx, case: CaseId, patient: PatientId, text: str, *, about: str | None = None) -> NoteId:
    written = write(tx, patient, text)
    tx.append(Chain.case(case), facts.NoteAdded(note=written, hmac=digest(tx, patient, text), about=about))
    return written


def digest(tx: Tx, patient: PatientId, text: str) -> str:
    """What stands in a fact for free text."""
    return tx.keys.hmac(KeyName.patient(patient), text.encode()).hex()


def of_referral(tx: Tx, case: CaseId, about: str) -> str | None:
    """What the referral says of this (`Referral.words`), as it said it last. What people here wrote on the case stays
    here.
    """
    said = [
        line.fact.note
        for line in tx.lines(Chain.case(case))
        if isinstance(line.fact, facts.NoteAdded) and line.fact.about == about
    ]
    return read(tx, said[-1]) if said else None


def read(tx: Tx, note: str) -> str | None:
    """What was written; None once purged."""
    row = tx.row("SELECT * FROM notes WHERE note = %s", note)
    if row is None or row.text is None:
        return None
    try:
        return tx.keys.unseal(KeyName.patient(PatientId(row.patient)), row.text, about=note).decode()
    except KeyGone:
        return None
