"""A ServiceRequest with its Task as a referral (https://hl7.org/fhir/R4/servicerequest.html, HL7 BSeR)."""

from collections.abc import Collection, Iterator
from datetime import date, datetime

from transfer.adapters.fhir import procedures
from transfer.adapters.fhir.identities import (
    Resources,
    is_organization,
    issued,
    known_organizations,
    organization,
    person,
)
from transfer.adapters.fhir.referral_words import diagnoses, diagnosis, referrer
from transfer.adapters.fhir.times import instant, local_day
from transfer.adapters.fhir.trees import Tree, check, child, children, text, type_of
from transfer.arrivals import Priority, Referral, ReferralUpdate
from transfer.errors import NeedsReview
from transfer.identifiers import InstitutionId
from transfer.institutions import Institution, Institutions
from transfer.patients import Demographics, IssuedIdentifier
from transfer.referrals import ReferralStatus

_PRIORITIES = {"urgent": Priority.URGENT, "asap": Priority.ASAP, "stat": Priority.STAT}
#: what each status says of a ServiceRequest (valueset-request-status) and of its Task (valueset-task-status)
_STATUSES = {
    **dict.fromkeys(("revoked", "entered-in-error", "cancelled", "rejected", "failed"), ReferralStatus.REVOKED),
    "completed": ReferralStatus.COMPLETED,
    "on-hold": ReferralStatus.ON_HOLD,
    "draft": ReferralStatus.DRAFT,
    **dict.fromkeys(("active", "requested", "received", "accepted", "ready", "in-progress"), ReferralStatus.ACTIVE),
}
#: of two that differ, the order's and the task's, the first of these counts
_STRONGEST_FIRST = (
    ReferralStatus.REVOKED,
    ReferralStatus.COMPLETED,
    ReferralStatus.UNKNOWN,
    ReferralStatus.ON_HOLD,
    ReferralStatus.DRAFT,
    ReferralStatus.ACTIVE,
)
#: what asks nobody for anything (https://hl7.org/fhir/R4/valueset-request-intent.html)
_NOT_ASKED = frozenset({"proposal", "plan", "option"})


def read(
    order: Tree,
    task: Tree,
    entries: Collection[Tree],
    institution: Institution,
    institutions: Institutions,
) -> Referral | ReferralUpdate:
    """The referral, in our words; where it asks for nothing now, only which one it is and what became of it.

    `task` may be empty: some send only the order. `order` may be empty: a Task alone speaks of an order sent before.

    Raises:
        Unreadable: not as R4 has it.
        NeedsReview: it names not one center, or an institution we do not know.
    """
    resources = Resources.around(order or task, entries)
    references = tuple(dict.fromkeys(_references(order, task, institution)))
    patient, status = _patient(order, task, resources, institution), _status(order, task)
    if status is not ReferralStatus.ACTIVE or not order:
        # A withdrawal counts however badly the rest of it is made.
        return ReferralUpdate(patient=patient, references=references, status=status)
    for resource in (order, task) if task else (order,):
        check(resource)
    appointment, needed_by = _times(order, task, institution)
    return Referral(
        patient=patient,
        references=references,
        diagnoses=diagnoses(order, resources, institution),
        question=_question(order, task),
        diagnosis=diagnosis(order, resources, institution),
        receiver=_receiver(order, resources, institutions),
        referring=_referring(order, resources, institution, institutions),
        referrer=referrer(order, resources),
        sources=_sources(order, resources, institutions),
        needed_by=needed_by,
        appointment_at=appointment,
        priority=_PRIORITIES.get(text(order, "priority") or text(task, "priority") or "", Priority.ROUTINE),
        procedures=procedures.read(order, entries, resources, institutions),
    )


def _status(order: Tree, task: Tree) -> ReferralStatus:
    """`doNotPerform` turns an order into its opposite (ServiceRequest.doNotPerform, a modifier)."""
    said = [_STATUSES.get(text(one, "status") or "", ReferralStatus.UNKNOWN) for one in (order, task) if one]
    if order.get("doNotPerform") is True:
        said.append(ReferralStatus.REVOKED)
    if any(text(one, "intent") in _NOT_ASKED for one in (order, task) if one):
        said.append(ReferralStatus.DRAFT)
    return next((status for status in _STRONGEST_FIRST if status in said), ReferralStatus.UNKNOWN)


def _references(order: Tree, task: Tree, institution: Institution) -> Iterator[IssuedIdentifier]:
    """The numbers under which it may come again. Where it has none, the id of the ServiceRequest at its sender."""
    beside = [child(task, "groupIdentifier"), child(order, "requisition"), child(task, "focus", "identifier")]
    beside += [child(one, "identifier") for one in children(task, "basedOn")]
    numbers = [*children(task, "identifier"), *children(order, "identifier"), *beside]
    found = list(issued([number for number in numbers if number], institution))
    yield from found
    if found:
        return
    named = (text(one, "reference") for one in (child(task, "focus"), *children(task, "basedOn")))
    for said in (f"ServiceRequest/{text(order, 'id')}" if text(order, "id") else None, *named):
        kind, _, number = (said or "").rpartition("/")
        if number and kind.rpartition("/")[2] == "ServiceRequest":
            yield IssuedIdentifier(f"urn:x-institution:{institution.id}:ServiceRequest", number)


def _patient(order: Tree, task: Tree, resources: Resources, institution: Institution) -> Demographics:
    return person(child(order, "subject") or child(task, "for"), resources, institution)


def _times(order: Tree, task: Tree, institution: Institution) -> tuple[datetime | None, date | None]:
    """The appointment with its time of day, and the day the packet is needed by: without one, the appointment's."""
    said = text(order, "occurrenceDateTime") or text(order, "occurrencePeriod", "start")
    appointment = instant(said, institution.zone)
    until = local_day(text(task, "restriction", "period", "end"), institution.zone, end=True)
    return appointment, until or local_day(said, institution.zone)


def _question(order: Tree, task: Tree) -> str | None:
    """The question asked, wherever it was written: the reason's text, notes, the task's description."""
    said = [text(reason, "text") for reason in children(order, "reasonCode")]
    said += [text(note, "text") for note in (*children(order, "note"), *children(task, "note"))]
    asked = list(dict.fromkeys(words for words in said if words))
    return "\n".join(asked) or text(task, "description")


def _receiver(order: Tree, resources: Resources, institutions: Institutions) -> InstitutionId:
    receivers = known_organizations(children(order, "performer"), resources, institutions)
    if len(receivers) != 1:
        raise NeedsReview("a referral that does not name the one center asked")
    return receivers[0]


def _referring(
    order: Tree, resources: Resources, institution: Institution, institutions: Institutions
) -> InstitutionId:
    """Who asks: the organization named, else (a clinician of theirs, or nobody named) the institution that sent it."""
    requester = child(order, "requester")
    named = is_organization(requester, resources) or type_of(resources.follow(requester)) == "PractitionerRole"
    return organization(requester, resources, institutions) if named else InstitutionId(institution.id)


def _sources(order: Tree, resources: Resources, institutions: Institutions) -> tuple[InstitutionId, ...]:
    named = [each for each in children(order, "supportingInfo") if is_organization(each, resources)]
    return known_organizations(named, resources, institutions)
