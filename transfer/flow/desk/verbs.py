"""What all verbs of the desk share."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Final, TypeVar

from transfer.case import Case
from transfer.errors import NotAllowed, TransferError, Unknown
from transfer.facts import CaseOpened
from transfer.flow.identity import hold_patient_of
from transfer.flow.services import WithLedger
from transfer.identifiers import CaseId, PatientId
from transfer.ledger import Tx, arrivals, patients, requests
from transfer.refusals import Reason, RefusalCode
from transfer.remedies import Remedy, RemedyCode
from transfer.requests import Request
from transfer.rights import Actor, Right, roles_with
from transfer.sealing import KeyGone
from transfer.sentences import sentence

Error = TypeVar("Error", bound=TransferError)

#: what one person says in the same words again within this time was sent twice
SENT_TWICE: Final = timedelta(minutes=1)


@contextmanager
def at_desk(services: WithLedger, actor: Actor, right: Right) -> Iterator[Tx]:
    """A transaction of somebody who may do this. Its facts carry who it was.

    Raises:
        NotAllowed: the actor does not have the right.
        Unknown: the patient's key was destroyed; nothing of theirs can be read or written any more.
    """
    demand(actor, right)
    try:
        by = replace(services.ledger.origin, person=actor.person, claimed=actor.is_claimed, account=actor.account)
        with services.ledger.transaction(by) as tx:
            yield tx
    except KeyGone:
        raise unknown(Reason(RefusalCode.PATIENT_IS_PURGED), Remedy(RemedyCode.VERIFY_TRAIL)) from None


def demand(actor: Actor, right: Right) -> None:
    """Raise `NotAllowed` where the actor does not have the right; the remedy names the roles that do."""
    if not actor.may(right):
        raise not_allowed(
            Reason(RefusalCode.NO_RIGHT, right=right), Remedy(RemedyCode.ASK_ROLE, roles=roles_with(right))
        )


def refused(kind: type[Error], why: Reason, remedy: Remedy | None = None) -> Error:
    """An error with the code why, and what to do instead; without a remedy the kind's own stays."""
    error = kind(sentence(why))
    error.refusal = why
    error.remedy = remedy or error.remedy
    return error


def not_allowed(why: Reason, remedy: Remedy) -> NotAllowed:
    return refused(NotAllowed, why, remedy)


def unknown(why: Reason, remedy: Remedy | None = None) -> Unknown:
    return refused(Unknown, why, remedy)


def known_case(tx: Tx, case: CaseId) -> Case:
    """The case, which may not be opened yet.

    Raises:
        Unknown: there is none.
    """
    found = tx.case(case)
    if found.opened_at is None and not arrivals.is_subject(tx, case):
        raise unknown(Reason(RefusalCode.NO_CASE, case=case), Remedy(RemedyCode.LIST_CASES))
    return found


def opened_case(tx: Tx, case: CaseId) -> tuple[Case, CaseOpened, PatientId]:
    """A case with its patient, locked so that nobody else changes it meanwhile.

    Raises:
        Unknown: there is none.
        NotAllowed: its referral has not been understood yet, so nobody is known whom it is about.
    """
    tx.lock_case(case)
    found = known_case(tx, case)
    if found.opened is None:
        raise not_allowed(Reason(RefusalCode.NOT_OPENED, case=case), Remedy(RemedyCode.SETTLE_REFERRAL, case=case))
    return found, found.opened, PatientId(found.opened.patient)


def begin_epoch(tx: Tx, case: CaseId) -> None:
    """Have every open stream of the patient ruled on anew, at once. Called before the case is locked."""
    known_case(tx, case)
    hold_patient_of(tx, case, patients.begin_epoch)


def locked_request(tx: Tx, name: str) -> Request:
    """A request as it is once its patient is held and its case locked, in this order.

    Raises:
        Unknown: there is none.
        NotAllowed: its case is closed.
    """
    request = requests.get(tx, name)
    if request is None:
        raise unknown(Reason(RefusalCode.NO_REQUEST, request=name), Remedy(RemedyCode.FIND_IN_CASE))
    hold_patient_of(tx, request.case)
    found, _, _ = opened_case(tx, request.case)
    still_open(found)
    return requests.get(tx, name) or request


def still_open(found: Case) -> None:
    """Raise `NotAllowed` where the case is closed."""
    if found.closed:
        raise not_allowed(
            Reason(RefusalCode.CASE_IS_CLOSED, case=found.id, ending=found.closed.ending),
            Remedy(RemedyCode.ENTER_REFERRAL),
        )
