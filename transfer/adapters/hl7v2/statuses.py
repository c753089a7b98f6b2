"""What a message says of a report's state. A preliminary one must never pass for final, nor a withdrawn one for either.

The worst word wins: one result posted to the wrong patient withdraws the report, one preliminary section keeps the
whole preliminary. A code we do not know makes the state unknown, which answers nothing.
"""

from collections.abc import Collection

from transfer.adapters.hl7v2.message import Segment
from transfer.records import DocumentStatus as Status
from transfer.records import Relation

#: OBR-25, table 0123. O, I, S, N: no result yet. X, Y, Z: there is none.
_REPORT = {
    "F": Status.FINAL,
    "C": Status.CORRECTED,
    "P": Status.PRELIMINARY,
    "A": Status.PRELIMINARY,  # some results, not all
    "M": Status.PRELIMINARY,  # corrected, not final
    "R": Status.PRELIMINARY,  # not verified
}
#: OBX-11, table 0085. Those absent from here say nothing about the report: F, U, V (final), X, O, N.
_RESULT = {
    "W": Status.WITHDRAWN,  # posted to the wrong patient
    "P": Status.PRELIMINARY,
    "R": Status.PRELIMINARY,
    "S": Status.PRELIMINARY,
    "I": Status.PRELIMINARY,
    "C": Status.CORRECTED,
    "A": Status.AMENDED,
    "B": Status.APPENDED,
}
_FINAL_RESULTS = frozenset("FUVCABD")
_NEUTRAL_RESULTS = frozenset("XON")

#: TXA-17, table 0271: authenticated, legally authenticated
_AUTHENTICATED = ("AU", "LA")
_IN_PREPARATION = ("DI", "DO", "IP", "IN", "PA")
COMPLETIONS = frozenset((*_AUTHENTICATED, *_IN_PREPARATION))

#: what a document message does to an earlier document (v2.9 ch. 9.4)
_RELATIONS = {
    **dict.fromkeys(("T05", "T06"), Relation.APPENDS),
    **dict.fromkeys(("T07", "T08", "T09", "T10"), Relation.REPLACES),
    "T11": Relation.WITHDRAWS,
}
_REPORT_RELATIONS = {
    Status.CORRECTED: Relation.REPLACES,
    Status.AMENDED: Relation.REPLACES,
    Status.APPENDED: Relation.APPENDS,
    Status.WITHDRAWN: Relation.WITHDRAWS,
}


def of_report(report: str | None, results: Collection[str | None]) -> Status:
    """OBR-25 and all OBX-11 of one report."""
    said = {(result or "").upper() for result in results} - {""}
    if "W" in said or (said and said <= {"D"}):  # all deleted: nothing of it stands
        return Status.WITHDRAWN
    whole = _REPORT.get(report.upper(), Status.UNKNOWN) if report else None
    parts = {_RESULT[result] for result in said if result in _RESULT}
    if Status.PRELIMINARY in parts or whole is Status.PRELIMINARY:
        return Status.PRELIMINARY
    if whole is Status.UNKNOWN or not said <= _FINAL_RESULTS | _NEUTRAL_RESULTS:
        return Status.UNKNOWN
    if whole is None and not said & _FINAL_RESULTS:
        return Status.UNKNOWN
    return _changed(whole, parts | ({Status.CORRECTED} if "D" in said else set()))


def _changed(whole: Status | None, parts: set[Status]) -> Status:
    for change in (Status.CORRECTED, Status.AMENDED, Status.APPENDED):
        if change in parts or whole is change:
            return change
    return Status.FINAL


def report_relation(status: Status) -> Relation | None:
    """A changed report replaces the earlier one of the same number."""
    return _REPORT_RELATIONS.get(status)


def of_document(trigger: str, completion: str | None, availability: str | None) -> Status:
    """TXA-17 and TXA-19: releasable is what is authenticated and available. An obsolete document (OB) has been
    replaced, by which one this message does not say.
    """
    available = (availability or "AV").upper()
    if trigger == "T11" or available == "CA":
        return Status.WITHDRAWN
    completed = (completion or "").upper()
    if completed in _IN_PREPARATION or available == "UN":
        return Status.PRELIMINARY
    return Status.FINAL if completed in _AUTHENTICATED and available == "AV" else Status.UNKNOWN


def document_relation(trigger: str, availability: str | None) -> Relation | None:
    if (availability or "").upper() == "CA":
        return Relation.WITHDRAWS
    return _RELATIONS.get(trigger)


def fields_late(txa: Segment) -> int:
    """1 where all fields from TXA-12 on stand one place too far right, as some senders write them: the required
    document number is missing, and a completion status stands where confidentiality belongs, whose codes are others.
    """
    return 1 if txa.text(12) is None and (txa.text(18) or "").upper() in COMPLETIONS else 0
