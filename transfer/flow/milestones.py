"""Telling a receiving center how far a case is, besides its packets: each milestone once, by a Task.

What says something of the patient leaves only while it may be released, as a packet does.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from transfer import facts
from transfer.adapters.fhir.submission import milestone_told
from transfer.case import Case, OpenedCase
from transfer.errors import NeedsReview, Refused, Unavailable
from transfer.facts import Chain
from transfer.flow.basis import may_release
from transfer.flow.identity import hold_patient_of
from transfer.flow.packet_content import addressed, of_material, of_referral
from transfer.flow.services import Services
from transfer.flow.watch import watching
from transfer.holds import HoldCode
from transfer.identifiers import CaseId
from transfer.institutions import Receiving
from transfer.ledger import Tx, holds, materials, patients, rounds
from transfer.ledger.disclosures import Grounds
from transfer.milestones import Milestone
from transfer.packet import ContentClass
from transfer.patients import Demographics
from transfer.rounds import Dag

#: how much later a center is told that could not be reached
RETRY_AFTER = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Telling:
    """One milestone that may be told now, to whom and of whom."""

    opened: OpenedCase
    receives: Receiving
    epoch: int
    reached_at: datetime
    patient: Demographics


def tell_center(services: Services, case: CaseId) -> None:
    """Tell the case's center each milestone that was reached and that it was not told. Twice is once: the Task has a
    number of its own, and is created only where it is not there (R4 http, conditional create).

    What may not be released now is told in a later round. A center that cannot be reached is told later; where it
    refuses, a person is asked. One that takes no Task is told nothing.
    """
    with services.ledger.transaction() as tx:
        owed = untold(tx, services, case)
    for milestone in owed:
        with services.ledger.transaction() as tx:
            telling = _begin(tx, services, case, milestone)
        if telling is not None:
            _tell(services, case, milestone, telling)


def untold(tx: Tx, services: Services, case: CaseId) -> list[Milestone]:
    """What the case's center is to be told now."""
    found = tx.case(case)
    receives = services.institutions[found.opened.receiver].receives if found.opened else None
    takes_tasks = receives is not None and receives.takes_tasks
    return [milestone for milestone in Milestone if takes_tasks and _is_owed(found, milestone)]


def _begin(tx: Tx, services: Services, case: CaseId, milestone: Milestone) -> _Telling | None:
    """Write what it rests on, before the first byte; None: there is nothing to tell, or it may not be told now."""
    opened = tx.case(case).as_opened
    receives = services.institutions[opened.receiver].receives if opened else None
    if opened is None or receives is None or not receives.takes_tasks or not _is_owed(tx.case(case), milestone):
        return None
    hold_patient_of(tx, case)
    opened, who = OpenedCase.of(tx.case(case)), patients.identity(tx, opened.patient)
    said = frozenset(_said(tx, opened, milestone))
    rulings = may_release(tx, services.institutions, opened.patient, opened.receiver, said)
    tx.lock_case(case)
    found = tx.case(case)
    if rulings.why_not or who is None or not _is_owed(found, milestone):
        return None
    if found.milestones[milestone].told is None:
        grounds = Grounds.of(rulings.by_class.values())
        tx.append(
            Chain.case(case),
            facts.CenterTold(
                milestone=milestone,
                recipient=opened.receiver,
                bases=grounds.bases,
                permissions=grounds.permissions,
            ),
        )
    return _Telling(
        opened=opened,
        receives=receives,
        epoch=tx.epochs[opened.patient],
        reached_at=found.milestones[milestone].reached_at,
        patient=addressed(who.current, services.institutions, opened, said),
    )


def _is_owed(found: Case, milestone: Milestone) -> bool:
    progress = found.milestones.get(milestone)
    is_asked = any((one.code, one.about) == (HoldCode.CENTER_NOT_TOLD, milestone) for one in found.holds.values())
    return found.is_active and progress is not None and progress.outcome is None and not is_asked


def _said(tx: Tx, opened: OpenedCase, milestone: Milestone) -> Iterator[ContentClass]:
    """That the patient is referred; of glass also that it came from where it came."""
    yield of_referral(opened)
    if milestone is Milestone.MATERIAL_RECEIVED:
        yield from (
            of_material(one) for one in materials.of_case(tx, opened.id, opened.patient) if one.material.received
        )


def _tell(services: Services, case: CaseId, milestone: Milestone, telling: _Telling) -> None:
    client = services.hand_to(telling.receives)
    receiver = services.institutions[telling.opened.receiver]
    bundle = milestone_told(case, milestone, patient=telling.patient, receiver=receiver, reached_at=telling.reached_at)
    try:
        with watching(services.ledger, patient=telling.opened.patient, epoch=telling.epoch, cut=client.cut):
            client.tell(bundle)
    except Unavailable:
        with services.ledger.transaction() as tx:
            rounds.owe(tx, Dag.OPEN_CASE, case, after=RETRY_AFTER)
        return
    except (Refused, NeedsReview):
        with services.ledger.transaction() as tx:
            tx.lock_case(case)
            holds.place(tx, case, HoldCode.CENTER_NOT_TOLD, milestone)
        return
    with services.ledger.transaction() as tx:
        tx.lock_case(case)
        settle_telling(tx, case, milestone, "made")


def settle_telling(tx: Tx, case: CaseId, milestone: str, outcome: str) -> None:
    """The center knows of it: told by us (*made*) or by a person (*by-person*). Twice is once."""
    if tx.case(case).milestones[milestone].outcome is None:
        tx.append(Chain.case(case), facts.TellingSettled(milestone=milestone, outcome=outcome))
