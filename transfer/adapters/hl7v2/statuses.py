"""What a message says of a report's state. A preliminary one must never pass for final, nor a void one for either.

The worst word wins: one result posted to the wrong patient withdraws the report, one preliminary section keeps the
whole preliminary. A code we do not know makes the state unknown, which answers nothing. What each code means stands in
`transfer.adapters.document_statuses`.
"""

from collections.abc import Collection
from typing import Final

from transfer.adapters.document_statuses import MEANINGS, Vocabulary, meaning, said
from transfer.adapters.hl7v2.message import Segment
from transfer.records import DocumentStatus as Status
from transfer.records import Relation, least

COMPLETIONS: Final = frozenset(MEANINGS[Vocabulary.COMPLETION_STATUS])

#: They bring no content: what they say to be authenticated is not here, and replaces nothing (v2.9 ch. 9.6).
_NOTIFICATIONS: Final = frozenset(("T01", "T03", "T05", "T07", "T09"))

#: what a document message does to an earlier document (v2.9 ch. 9.4)
_RELATIONS = {
    **dict.fromkeys(("T05", "T06"), Relation.APPENDS),
    **dict.fromkeys(("T07", "T08", "T09", "T10"), Relation.REPLACES),
}
#: ORC-1: cancelled as asked for, or without; to be cancelled
_CANCELLED: Final = frozenset({"CA", "CR", "OC"})
_REPORT_RELATIONS = {
    Status.CORRECTED: Relation.REPLACES,
    Status.AMENDED: Relation.REPLACES,
    Status.APPENDED: Relation.APPENDS,
}


def of_report(report: str | None, results: Collection[str | None]) -> Status:
    """OBR-25 and all OBX-11 of one report."""
    each = {(result or "").upper() for result in results} - {""}
    whole = {meaning(Vocabulary.RESULT_STATUS, report.upper())} if report else set()
    parts = said(Vocabulary.OBSERVATION_STATUS, each)
    if each and each <= {"D"}:
        parts.add(Status.WITHDRAWN)
    elif each and each <= {"X"}:
        parts.add(Status.CANCELLED)
    elif each and each <= {"X", "N", "O"}:
        parts.add(Status.UNKNOWN)  # there is no result in it, whatever the report says of itself
    elif "D" in each:
        parts.add(Status.CORRECTED)
    found = {status for status in whole | parts if status}
    return least(found) if found else Status.UNKNOWN


def of_order(control: str | None, status: str | None) -> Status | None:
    """ORC-1 and ORC-5 (tables 0119 and 0038): the order of a report is cancelled; None: they say nothing of it.

    One that is discontinued, or replaced, has the results that it had.
    """
    is_cancelled = (control or "").upper() in _CANCELLED or (status or "").upper() == "CA"
    return Status.CANCELLED if is_cancelled else None


def report_relation(status: Status, said: Collection[str | None] = ()) -> Relation | None:
    """A changed report replaces the earlier one of the same number; a void one withdraws it. So does a correction that
    is not final yet: by OBR-25 (`said`) what was final before is known to be wrong.
    """
    if status is Status.PRELIMINARY and "M" in {(word or "").upper() for word in said}:
        return Relation.REPLACES
    return Relation.WITHDRAWS if status.is_void else _REPORT_RELATIONS.get(status)


def trigger(header: str, event: str | None) -> str:
    """What happened to a document: MSH-9.2, or EVN-1 where that says what becomes of an earlier one, and MSH-9 but that
    one was sent. Senders set MSH-9 alike for all of theirs.
    """
    said = (event or "").upper()
    says_more = said in _RELATIONS or said == "T11"
    return said if not header or (header == "T02" and says_more and said not in _NOTIFICATIONS) else header


def of_document(
    trigger: str, completion: str | None, availability: str | None, results: Collection[str | None] = ()
) -> Status:
    """TXA-17 and TXA-19: releasable is what is authenticated and available, and of which no part (OBX-11) is
    preliminary or taken back.

    A notification says that a document is authenticated, and does not bring it: of what came, nobody knows.
    """
    available = (availability or "AV").upper()
    there = Status.CANCELLED if trigger == "T11" else meaning(Vocabulary.AVAILABILITY_STATUS, available)
    if there:
        return there
    completed = meaning(Vocabulary.COMPLETION_STATUS, (completion or "").upper())
    if completed is None or (completed.is_settled and trigger in _NOTIFICATIONS):
        return Status.UNKNOWN
    inside = of_report(None, results)
    return inside if inside.is_void or inside is Status.PRELIMINARY else completed


def document_relation(trigger: str, status: Status) -> Relation | None:
    """What it does to the document that it names, or else to what came under its own number. What is void withdraws
    what came under its own number alone: the document that it names as its parent is another one.
    """
    return _RELATIONS.get(trigger) or (Relation.WITHDRAWS if status.is_void else None)


def fields_late(txa: Segment) -> int:
    """1 where all fields from TXA-12 on stand one place too far right, as some senders write them: the required
    document number is missing, and a completion status stands where confidentiality belongs, whose codes are others.
    """
    return 1 if txa.text(12) is None and (txa.text(18) or "").upper() in COMPLETIONS else 0
