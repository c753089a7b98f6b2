"""A referral by fax or telephone, entered field by field: it becomes an arrival as any other, and opens a case."""

import hashlib
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Final

from transfer import codec, facts
from transfer.actions import ActionCode, ActionResult
from transfer.adapters import paper
from transfer.arrivals import ArrivalKind, Door, Grant, Priority, Referral
from transfer.diagnoses import CodeSystem, Diagnosis, DiagnosisCode
from transfer.facts import Chain
from transfer.flow.desk.pages_of import PagesOf, document_of, index_as
from transfer.flow.desk.verbs import at_desk, demand, not_allowed
from transfer.flow.services import Services
from transfer.identifiers import CaseId, InstitutionId
from transfer.incoming import PagesBecame
from transfer.institutions import Institution
from transfer.ledger import arrivals, arriving
from transfer.ledger.arrivals import NewArrival
from transfer.patients import Demographics, IssuedIdentifier, PersonName
from transfer.refusals import Reason, RefusalCode
from transfer.remedies import Remedy, RemedyCode
from transfer.rights import Actor, Right
from transfer.staging import CHUNK

#: the sexes that a form may say (http://hl7.org/fhir/administrative-gender)
SEXES: Final = ("female", "male", "other", "unknown")


@dataclass(frozen=True, slots=True, kw_only=True)
class EnteredReferral:
    """What somebody read off a fax, or heard on the telephone. `number` is the patient's medical record number at the
    referring office, `reference` the office's own number for the referral. `appointment_at` is the center's time.

    Raises:
        ValueError: no name or no diagnosis, or a sex that there is not.
    """

    referring: InstitutionId
    receiver: InstitutionId
    family: str = field(repr=False)
    given: tuple[str, ...] = field(repr=False)
    birth_date: date = field(repr=False)
    diagnosis: str = field(repr=False)
    sex: str | None = None
    number: str | None = field(default=None, repr=False)
    reference: str | None = field(default=None, repr=False)
    referrer: str | None = field(default=None, repr=False)
    #: the list of the disease; None: it is not known yet
    checklist: str | None = None
    question: str | None = field(default=None, repr=False)
    sources: tuple[InstitutionId, ...] = ()
    needed_by: date | None = None
    appointment_at: datetime | None = None
    priority: Priority = Priority.ROUTINE

    def __post_init__(self) -> None:
        if not self.family or not self.given or not self.diagnosis:
            raise ValueError("a referral names its patient, and what it is for")
        if self.sex not in (None, *SEXES):
            raise ValueError("no administrative gender")


def enter_referral(
    services: Services, said: EnteredReferral, *, actor: Actor, came_on: PagesOf | None = None
) -> ActionResult:
    """Open a case for a referral that came by fax or telephone; `came_on`: its pages. The same again is the same case.

    Whose it is is found as of any referral: where two could be meant, people are asked.

    Raises:
        Unknown: no such institution, checklist or paper.
        NotAllowed: the institution may not refer, the other one receives nothing, or the pages are indexed otherwise.
    """
    demand(actor, Right.WORK_ON_CASES)
    if came_on is not None:
        demand(actor, Right.DECIDE_WHOSE)  # what is to become of what came
    sender = services.institutions[said.referring]
    if Grant.REFERRALS not in sender.grants:
        raise not_allowed(
            Reason(RefusalCode.MAY_NOT_REFER, institution=said.referring),
            Remedy(RemedyCode.GRANT_IN_FILE, institution=said.referring),
        )
    referral = _referral(services, sender, said)
    pages = None if came_on is None else document_of(services, came_on, actor=actor)
    sent = _arrival(services, referral, pages)
    with at_desk(services, actor, Right.WORK_ON_CASES) as tx:
        stored = arriving.store(tx, [sent])[0]
        case = CaseId(stored.subject or "")
        arriving.owe_for(tx, [sent], [stored])
        if not stored.is_duplicate:
            tx.append(Chain.case(case), facts.ReferralEntered(arrival=stored.arrival, institution=sent.institution))
            if came_on is not None:
                index_as(tx, came_on, PagesBecame.REFERRAL, case, stored.arrival, sent.institution)
    if stored.is_duplicate and sent.location is not None:
        services.vault.remove(sent.location.key)
    code = ActionCode.REFERRAL_STORED_BEFORE if stored.is_duplicate else ActionCode.REFERRAL_STORED
    return ActionResult(code, case=case)


def _referral(services: Services, sender: Institution, said: EnteredReferral) -> Referral:
    if services.institutions[said.receiver].receives is None:
        raise not_allowed(
            Reason(RefusalCode.RECEIVES_NOTHING, institution=said.receiver), Remedy(RemedyCode.CORRECT_FILE)
        )
    zone = services.institutions[said.receiver].zone
    issuer = sender.default_issuer or f"urn:x-institution:{sender.id}:record"
    numbers = (IssuedIdentifier(issuer, said.number),) if said.number else ()
    return Referral(
        patient=Demographics(
            names=(PersonName(said.family, said.given),),
            birth_date=said.birth_date,
            sex=said.sex,
            identifiers=numbers,
        ),
        references=(_reference(sender, said),),
        diagnoses=(Diagnosis(codes=_codes(services, said.checklist), words=said.diagnosis),),
        question=said.question,
        diagnosis=said.diagnosis,
        receiver=said.receiver,
        referring=said.referring,
        referrer=said.referrer,
        sources=said.sources,
        needed_by=said.needed_by,
        appointment_at=said.appointment_at.replace(tzinfo=zone) if said.appointment_at else None,
        priority=said.priority,
    )


def _reference(sender: Institution, said: EnteredReferral) -> IssuedIdentifier:
    """Paper names no issuer. Without a number it is known by what it says: the same again is the same referral."""
    said_itself = hashlib.sha256(codec.dump(EnteredReferral, said)).hexdigest()[:32]
    return IssuedIdentifier(f"urn:x-institution:{sender.id}:paper-referral", said.reference or said_itself)


def _codes(services: Services, checklist: str | None) -> tuple[DiagnosisCode, ...]:
    """The code by which the list is picked that somebody chose."""
    if checklist is None:
        return ()
    picking = (code.partition("|") for code in services.checklists[checklist].codes[:1])
    return tuple(DiagnosisCode(CodeSystem(system), code.replace(".", "")) for system, _, code in picking)


def _arrival(services: Services, referral: Referral, pages: bytes | None) -> NewArrival:
    body = paper.bundled_referral(referral, pages)
    said = paper.bundled_referral(referral, None)
    incoming_one = NewArrival(
        institution=referral.referring,
        door=Door.DESK,
        kind=ArrivalKind.REFERRAL,
        business=f"paper-referral|{hashlib.sha256(said).hexdigest()}",
        control=None,
        content_type=paper.PAPER_REFERRAL,
        payload=body,
        location=None,
        content_sha256=hashlib.sha256(body).digest(),
    )
    if len(body) <= arrivals.IN_ROW:
        return incoming_one
    place = services.vault.keep(body[at : at + CHUNK] for at in range(0, len(body), CHUNK))
    return replace(incoming_one, payload=None, location=place)
