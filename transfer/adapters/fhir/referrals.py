"""A ServiceRequest with its Task as a referral (https://hl7.org/fhir/R4/servicerequest.html, HL7 BSeR)."""

from collections.abc import Callable, Iterable
from datetime import date, datetime

from transfer.adapters.fhir.codes import coding_of, disease_of
from transfer.adapters.fhir.identities import (
    Resources,
    first_issued,
    is_organization,
    known_organizations,
    organization,
    person,
)
from transfer.adapters.fhir.times import instant, local_day
from transfer.adapters.fhir.trees import Tree, check, child, children, codings, text, type_of
from transfer.arrivals import Priority, Referral
from transfer.errors import NeedsReview
from transfer.identifiers import InstitutionId
from transfer.institutions import Institution, Institutions
from transfer.patients import Demographics
from transfer.records import Coding

DiseaseOf = Callable[[Coding], str | None]

_PRIORITIES = {"urgent": Priority.URGENT, "asap": Priority.ASAP, "stat": Priority.STAT}
_WITHDRAWN = frozenset({"revoked", "cancelled", "entered-in-error", "rejected", "failed"})


def read(
    order: Tree,
    task: Tree,
    entries: Iterable[Tree],
    institution: Institution,
    institutions: Institutions,
    disease: DiseaseOf = disease_of,
) -> Referral:
    """The referral, in our words. `task` may be empty: some send only the order.

    Raises:
        Unreadable: not as R4 has it.
        NeedsReview: withdrawn, naming no known disease or an institution we do not know.
    """
    for resource in (order, task) if task else (order,):
        check(resource)
        if text(resource, "status") in _WITHDRAWN:
            raise NeedsReview("a referral that is withdrawn")
    resources = Resources.around(order, entries)
    appointment, needed_by = _times(order, task, institution)
    return Referral(
        patient=_patient(order, task, resources, institution),
        reference=first_issued([*children(task, "identifier"), *children(order, "identifier")], institution),
        disease=_disease(order, institution, disease),
        question=_question(order, task),
        receiver=_receiver(order, resources, institutions),
        referring=_referring(order, resources, institution, institutions),
        sources=_sources(order, resources, institutions),
        needed_by=needed_by,
        appointment_at=appointment,
        priority=_PRIORITIES.get(text(order, "priority") or text(task, "priority") or "", Priority.ROUTINE),
    )


def _patient(order: Tree, task: Tree, resources: Resources, institution: Institution) -> Demographics:
    return person(child(order, "subject") or child(task, "for"), resources, institution)


def _times(order: Tree, task: Tree, institution: Institution) -> tuple[datetime | None, date | None]:
    """The appointment with its time of day, and the day the packet is needed by: without one, the appointment's."""
    said = text(order, "occurrenceDateTime") or text(order, "occurrencePeriod", "start")
    appointment = instant(said, institution.zone)
    until = local_day(text(task, "restriction", "period", "end"), institution.zone, end=True)
    return appointment, until or local_day(said, institution.zone)


def _disease(order: Tree, institution: Institution, disease: DiseaseOf) -> str:
    for coding in codings(*children(order, "reasonCode")):
        if found := disease(coding_of(coding, institution)):
            return found
    raise NeedsReview("a referral for no disease that we have a checklist for")


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
