"""A "no" takes effect in the transaction in which its door stores it, and again whenever it is read. Twice is once.

From who filed a form it stops that form, or every live form that it filed for the patient. From an institution that
discloses, it stops that institution's own records. From anybody else a person is asked
(docs/decisions/0015-who-calls.md). What is doubtful pauses, and a person is asked: nothing is purged for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from transfer.errors import NeedsReview
from transfer.flow.identity import match_patient
from transfer.flow.stopping import (
    DECIDE_WITHIN,
    case_to_ask,
    end,
    file_authorization,
    live,
    permits_nothing,
    stop_own_records,
    stop_with_question,
)
from transfer.holds import HoldCode, SystemAnswer
from transfer.identifiers import ArrivalId, CaseId, InstitutionId, PatientId
from transfer.institutions import Basis, Institutions
from transfer.ledger import Tx, arrivals, cases, holds, patients, permissions, requests
from transfer.ledger.permissions import FiledPermission
from transfer.objections import Objection, ObjectionKind
from transfer.permissions import Authorization, End, FormStatus

_ENDS: Final[Mapping[ObjectionKind, End]] = {
    ObjectionKind.REVOKED: End.REVOKED,
    ObjectionKind.ENTERED_IN_ERROR: End.ENTERED_IN_ERROR,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedObjections:
    """What a message objects to. `form`: the release form that it is, where that can be read in full.

    `but`: the case whose own round reads it, and looks at its permissions afterwards.
    """

    objections: tuple[Objection, ...]
    arrival: ArrivalId
    sender: InstitutionId
    form: Authorization | None = None
    but: CaseId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Concerning:
    """One objection with whom it is about surely, whom it could mean, and whose forms carry its numbers.

    `terms`: by which its patient is found; `references`: the numbers of forms, as they are kept.
    """

    said: Objection
    terms: frozenset[bytes]
    references: frozenset[bytes]
    sure: PatientId | None
    meant: frozenset[PatientId]
    by_number: frozenset[PatientId]

    @classmethod
    def of(cls, tx: Tx, said: Objection, patient: PatientId | None) -> Self:
        """`patient`: whom it is about, where people or a rule have said so."""
        references = frozenset(found for one in said.references if (found := permissions.reference(tx, one)))
        by_number = frozenset(permissions.patients_with_reference(tx, references))
        # One's birth date does not go with another's name.
        terms = frozenset(term for who in said.patients for term in patients.terms(tx, who))
        matches = [match_patient(tx, who) for who in said.patients] if patient is None else []
        meant = frozenset(one for match in matches for one in match.patients) | ({patient} if patient else set())
        surely = {match.patient for match in matches} if patient is None else {patient}
        sure = surely.pop() if len(surely) == 1 else None
        # The number of a form, and nothing against it: the form's patient is named beside it, or nobody.
        if sure is None and len(by_number) == 1 and (meant == by_number or not terms):
            sure = min(by_number)
        return cls(said=said, terms=terms, references=references, sure=sure, meant=meant, by_number=by_number)

    @property
    def reached(self) -> frozenset[PatientId]:
        """Whose forms it may stop. A form in the place of another concerns only whom that one is about."""
        return self.by_number if self.is_replacing else self.meant | self.by_number

    @property
    def is_replacing(self) -> bool:
        return self.said.kind is ObjectionKind.REPLACES


def object_to_release(
    tx: Tx, institutions: Institutions, received: ReceivedObjections, *, patient: PatientId | None = None
) -> None:
    """Stop what a message objects to. `patient`: whom it is about, where people or a rule have said so.

    Where nothing is known that an objection could mean, a person is asked. A form in the place of another that is not
    known objects to nothing, and nobody is asked. Locks every patient concerned, in order.

    With nothing read, what its door asked stays asked: messages of a batch are read later, a poisonous one never.
    """
    if not received.objections:
        return
    found = _held(tx, received, patient)
    has_missed = False
    for each in found:
        stopped = [_stop(tx, institutions, received, each, one) for one in sorted(each.reached)]
        has_missed |= not any(stopped) and not each.is_replacing
    objecting = [each for each in found if not each.is_replacing]
    if objecting:
        terms = sorted(frozenset[bytes]().union(*(each.terms | each.references for each in objecting)))
        arrivals.mark_objection(tx, received.arrival, terms)
    if has_missed:
        holds.place(tx, received.arrival, HoldCode.OBJECTION_UNMATCHED, due=DECIDE_WITHIN)
    else:
        holds.withdraw(tx, received.arrival, HoldCode.OBJECTION_UNMATCHED, SystemAnswer.ANSWERED)


def opened_objects(
    tx: Tx, institutions: Institutions, arrival: ArrivalId, sender: InstitutionId, patient: PatientId
) -> None:
    """Stop what a "no" may mean that was found when a document of an arrival was opened. Twice is once, whatever was
    answered. Locks the patient.
    """
    said = Objection(kind=ObjectionKind.UNREADABLE, patients=(), references=())
    received = ReceivedObjections(objections=(said,), arrival=arrival, sender=sender)
    object_to_release(tx, institutions, received, patient=patient)


def _held(tx: Tx, received: ReceivedObjections, patient: PatientId | None) -> list[_Concerning]:
    """What the objections concern, with everybody locked whose forms they may stop. Who waited for a merge or a split
    looks again: a no is not lost on who is somebody else now.
    """
    held: set[PatientId] = set()
    while True:
        found = [_Concerning.of(tx, said, patient) for said in received.objections]
        reached = {one for each in found for one in each.reached}
        if reached <= held:
            return found
        for one in sorted(reached - held):
            patients.hold_epoch_exclusive(tx, one)
        held |= reached


def _stop(
    tx: Tx, institutions: Institutions, received: ReceivedObjections, each: _Concerning, patient: PatientId
) -> bool:
    """Stop what it reaches of one patient, who is locked. False: nothing of theirs that it could mean."""
    if patients.is_forgotten(tx, patient):
        return False
    said, is_sure = each.said, patient == each.sure
    known = permissions.filed(tx, patient)
    standing = live(tx, institutions, known)
    by_sender = [one for one in known if one.filed_by == received.sender and not permits_nothing(one.permission.form)]
    named = [one for one in by_sender if one.reference in each.references]
    if is_sure and said.is_written and said.kind in _ENDS and named:
        for one in named:
            end(tx, one, _ENDS[said.kind], received.arrival)
        return True
    is_meant = patient in each.meant or is_sure
    own = [one for one in by_sender if is_meant and not each.is_replacing and one in standing]
    reached = [one for one in named if one in standing] or own
    if is_sure and (reached or not standing) and _takes_full_effect(tx, institutions, received, each, patient):
        return True
    for one in reached:
        stop_with_question(tx, one, received.arrival)
    if reached or named or each.is_replacing:
        return bool(reached or named)
    return is_meant and _stop_elsewhere(tx, institutions, received, patient, standing, is_sure=is_sure)


def _takes_full_effect(
    tx: Tx, institutions: Institutions, received: ReceivedObjections, each: _Concerning, patient: PatientId
) -> bool:
    """File the form that the objection is, where it can be read in full: a revocation, one that refuses something, one
    in the place of another. What is still permitted goes on. False: it cannot, or is a draft, which takes no effect.
    """
    form = received.form
    if form is None or form.status is FormStatus.DRAFT or not each.said.is_written:
        return False
    try:
        file_authorization(tx, institutions, patient, form, received.arrival, received.sender, but=received.but)
    except NeedsReview:
        return False
    return True


def _stop_elsewhere(
    tx: Tx,
    institutions: Institutions,
    received: ReceivedObjections,
    patient: PatientId,
    standing: list[FiledPermission],
    *,
    is_sure: bool,
) -> bool:
    """The sender filed nothing that stands. False: nothing stands that it could mean."""
    sender = received.sender
    is_named = any(sender in one.permission.form.disclosers for one in standing)
    if is_named or _discloses_without_form(tx, institutions, sender, patient):
        stop_own_records(tx, patient, sender, received.arrival)
        return True
    was_asked = holds.was_asked_since(tx, HoldCode.OBJECTION_OF_ANOTHER, received.arrival, received.arrival)
    for case in case_to_ask(tx, patient) if standing and not was_asked else ():
        holds.place(tx, case, HoldCode.OBJECTION_OF_ANOTHER, received.arrival, due=DECIDE_WITHIN)
    return is_sure or bool(standing)


def _discloses_without_form(tx: Tx, institutions: Institutions, sender: InstitutionId, patient: PatientId) -> bool:
    """Whether it is a source of the patient's that releases for treatment."""
    if sender not in institutions or institutions[sender].requires is not Basis.TREATMENT:
        return False
    return any(one.institution == sender for case in cases.open_of(tx, [patient]) for one in requests.of_case(tx, case))
