"""The numbers that a center's house gave a patient or a specimen: notes of the case, in one form of words."""

from typing import Final

from transfer import facts
from transfer.facts import Chain
from transfer.identifiers import CaseId
from transfer.institutions import Institution
from transfer.ledger import Tx, center_accounts, notes

#: what the notes are about, as their facts say it
NUMBER: Final = "center-number"


def as_note(kind: str, center: Institution, number: str) -> str:
    """How a number stands in a note: `kind` names it in words."""
    return f"{kind}{_between(center)}{number}"


def numbers_given(tx: Tx, case: CaseId, center: Institution) -> tuple[str, ...]:
    """Those that people of this center gave for a case, in their order."""
    theirs = center_accounts.of_institution(tx, center.id)
    found = []
    for line in tx.lines(Chain.case(case)):
        if isinstance(line.fact, facts.NoteAdded) and line.fact.about == NUMBER and line.by.person in theirs:
            text = notes.read(tx, line.fact.note)
            number = text.partition(_between(center))[2] if text else ""
            found += [number] if number else []
    return tuple(dict.fromkeys(found))


def _between(center: Institution) -> str:
    return f" at {center.name}: "
