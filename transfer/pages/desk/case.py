"""Everything of one request, told once: ready to send, needed, requested, received, permitted, sent, happened."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Final

from transfer.calls import Callee
from transfer.completeness import WaitCode
from transfer.contacts import as_said
from transfer.flow import desk
from transfer.flow.desk import Dossier
from transfer.flow.services import Services
from transfer.identifiers import CaseId
from transfer.materials import MaterialState
from transfer.pages.desk.words import NEEDS, OWNERS, called, words, zone_of
from transfer.pages.remedies import link
from transfer.pages.routes import Answer, Asked, Page
from transfer.requests import RequestState
from transfer.rights import Right
from transfer.sentences import SENTENCES, sentence
from transfer.sentences.trade import in_trade

#: of a department, how it is requested
HOW: Final[Mapping[str, str]] = {
    "fhir": "by their interface (FHIR)",
    "dicomweb": "from their PACS (DICOMweb)",
    "dimse": "from their PACS (DIMSE)",
    "push": "they send by themselves",
    "hand": "by telephone, fax or letter",
}
#: whom a button logs a call to; a facility has its own beside its request
_CALLEES: Final = (
    (Callee.PATIENT, "Patient"),
    (Callee.REFERRING_OFFICE, "Referring office"),
    (Callee.CENTER, "Center"),
)
#: states of a request in which nothing of it is awaited
OVER: Final = frozenset({RequestState.ANSWERED, RequestState.NO_RECORDS, RequestState.WITHDRAWN})
#: events that are shown at once; the rest is folded
SHOWN_EVENTS: Final = 12


def show(asked: Asked) -> Answer:
    case, actor = asked.id(CaseId, "case"), asked.actor
    with_notes = asked.query.get("notes") == "1" and actor.may(Right.SEE_CONTENT)
    identity = desk.may_see_identity(asked.services, case, actor=actor)
    found = desk.dossier(asked.services, case, actor=actor, identity=identity, notes=with_notes)
    return Answer(
        template="case.html",
        title=f"Request {case}",
        context={
            "found": found,
            "identity_is_open": identity,
            "story": desk.story(asked.services, case, actor=actor),
            "shown_events": SHOWN_EVENTS,
            "with_notes": with_notes,
            "may": {right.name.lower(): actor.may(right) for right in Right},
            "labels": {need.line: need.label for need in found.needs},
            "groups": _needs(found),
            "assignee": _assignee(asked, found),
            "waiting_on": _waiting_on(asked.services, found),
            "how": HOW,
            "callees": _CALLEES,
            "over": OVER,
            "telephones": _telephones(asked.services, found),
            "link": link,
            "sentence": sentence,
            "to_call_back": _to_call_back(asked.services, found),
            "owners": OWNERS,
            "findings": finding,
            "needs_words": NEEDS,
            "checklist": _checklist(asked.services, found),
            "needed_by": date.fromisoformat(found.needed_by) if found.needed_by else None,
            "words": words,
            **_surroundings(asked.services, found),
        },
    )


def _assignee(asked: Asked, found: Dossier) -> str | None:
    staff = dict(desk.list_staff(asked.services, actor=asked.actor))
    return staff.get(found.assigned_to or "", found.assigned_to)


def _checklist(services: Services, found: Dossier) -> str | None:
    """What it is called; by its id and version where no file has it any more."""
    key = (found.checklist or "").partition(" ")[0]
    return services.checklists[key].title if key in services.checklists else found.checklist


def finding(code: str) -> str:
    """Why, in words."""
    return in_trade(SENTENCES[code].staff) if code in SENTENCES else f"{words(code)}."


def _surroundings(services: Services, found: Dossier) -> dict[str, object]:
    call: Callable[[str | None], str] = lambda one: called(services, one)  # noqa: E731
    return {
        "called": call,
        "zone": services.zone,
        "there": zone_of(services, found.receiver),
        "say": in_trade,
        "department": _department(services),
    }


def _department(services: Services) -> Callable[[str, str], str]:
    def name(institution: str, department: str) -> str:
        if institution not in services.institutions:
            return f"{institution}, {department}"
        known = services.institutions[institution]
        return f"{known.name}, {known.department(department).name}"

    return name


def _needs(found: Dossier) -> tuple[tuple[str, tuple[object, ...]], ...]:
    """The lines that hold the request up first; then those that may apply, folded."""
    required = tuple(one for one in found.needs if one.is_required)
    others = tuple(one for one in found.needs if not one.is_required)
    return (("Needed", required), ("Where it applies, or exists", others))


def _to_call_back(services: Services, found: Dossier) -> frozenset[str]:
    """Facilities to which nothing goes before somebody called."""
    known = (
        services.institutions[one.institution] for one in found.requests if one.institution in services.institutions
    )
    return frozenset(one.id for one in known if one.contact and not one.contact.is_confirmed)


def _telephones(services: Services, found: Dossier) -> Mapping[str, str]:
    """By which each facility is called, where it is known. A number that nobody read back yet is not."""
    known = (
        services.institutions[one.institution] for one in found.requests if one.institution in services.institutions
    )
    return {one.id: as_said(one.contact.telephone) for one in known if one.contact and one.contact.is_confirmed}


def _waiting_on(services: Services, found: Dossier) -> Mapping[str, str]:
    """For each line, whose turn it is at each facility that still owes it."""
    waiting: dict[str, list[str]] = {}
    if found.ending:
        return {}
    for one in found.requests:
        if one.state in OVER:
            continue
        where = f"{words(OWNERS[one.owner])}: {_department(services)(one.institution, one.department)}"
        for line in one.lines:
            waiting.setdefault(line, []).append(where)
    to_ask = {one.institution for one in found.unasked if one.code is WaitCode.MATERIAL_TO_ASK}
    for material in found.materials:
        turn = "Us" if material.institution in to_ask and material.state == MaterialState.WANTED else "Facility"
        if not material.received or material.received < material.expected:
            waiting.setdefault(material.line, []).append(f"{turn}: {called(services, material.institution)}")
    return {line: "; ".join(dict.fromkeys(whom)) for line, whom in waiting.items()}


DECLARED = (Page(path="/desk/cases/{case}", right=Right.SEE_CASES, show=show),)
