"""What a referral says that was done to the patient: Procedures of its bundle, contained, or referred to.

https://hl7.org/fhir/R4/procedure.html
"""

from collections.abc import Iterable, Iterator
from typing import Final

from transfer.adapters.fhir.identities import Resources, is_organization, organization
from transfer.adapters.fhir.trees import Tree, child, children, codings, text, type_of
from transfer.errors import NeedsReview
from transfer.identifiers import InstitutionId
from transfer.institutions import Institutions
from transfer.partial_dates import day_said
from transfer.procedures import ListedProcedure, Procedures, gathered, kinds_of

#: nothing was done (https://hl7.org/fhir/R4/valueset-event-status.html)
_NOT_DONE: Final = frozenset({"preparation", "not-done", "entered-in-error"})
#: something was done, as far as it went
_DONE: Final = frozenset({"completed", "in-progress", "on-hold", "stopped"})
_MOST: Final = 300


def read(order: Tree, entries: Iterable[Tree], resources: Resources, institutions: Institutions) -> Procedures:
    """What was done, where and when. It was done where it says (performer, location), and never where it does not."""
    of_bundle = [one for entry in entries if type_of(one := child(entry, "resource")) == "Procedure"]
    contained = [one for one in children(order, "contained") if type_of(one) == "Procedure"]
    return gathered(
        [
            *(_listed(one, order, resources, institutions) for one in contained),
            *(_listed(one, order, resources.within(one), institutions) for one in of_bundle),
            *_not_at_hand(order, resources),
        ]
    )


def _listed(
    procedure: Tree, order: Tree, resources: Resources, institutions: Institutions
) -> ListedProcedure | str | None:
    """As it is known here; in words where a person has to tell; None where nothing was done."""
    status = text(procedure, "status")
    if status in _NOT_DONE:
        return None
    code = child(procedure, "code")
    what = text(code, "text") or next((said for one in codings(code) if (said := text(one, "display"))), "")
    kinds = kinds_of(_codes(code), what, _codes(child(procedure, "category")))
    said = text(procedure, "performedDateTime") or text(procedure, "performedPeriod", "start")
    when = day_said(said)
    where = next(_places(procedure, resources, institutions), None)
    number = next((text(one, "code") or "" for one in codings(code)), "")
    words = " ".join((f"{what} ({number})" if what and number else what or number or "a procedure").split())[:_MOST]
    if kinds and where and status in _DONE and _is_of_patient(procedure, order, resources):
        return ListedProcedure(kinds=kinds, institution=where, day=when, words=words)
    told = str(when) if when else said or text(procedure, "performedString")
    place = next((name for one in _references(procedure) if (name := text(one, "display"))), None)
    return ", ".join(one for one in (words, told, place) if one)[:_MOST]


def _codes(concept: Tree) -> list[tuple[str, str]]:
    return [(text(one, "system") or "", text(one, "code") or "") for one in codings(concept)]


def _is_of_patient(procedure: Tree, order: Tree, resources: Resources) -> bool:
    """Whether its subject is the one of the referral."""
    its, asked = child(procedure, "subject"), child(order, "subject")
    if resources.follow(its) and resources.follow(its) is resources.follow(asked):
        return True
    ours, theirs = (text(one, "reference") or child(one, "identifier") for one in (asked, its))
    return bool(ours) and ours == theirs


def _references(procedure: Tree) -> Iterator[Tree]:
    """What may say where it was done, the most certain first."""
    for performer in children(procedure, "performer"):
        yield from (child(performer, "onBehalfOf"), child(performer, "actor"))
    yield child(procedure, "location")


def _places(procedure: Tree, resources: Resources, institutions: Institutions) -> Iterator[InstitutionId]:
    for reference in _references(procedure):
        found = resources.follow(reference)
        said = child(found, "managingOrganization") if type_of(found) == "Location" else reference
        is_named = is_organization(said, resources) or type_of(found) in ("PractitionerRole", "Location")
        try:
            if is_named or child(reference, "identifier"):
                yield organization(said, resources, institutions)
        except NeedsReview:
            continue


def _not_at_hand(order: Tree, resources: Resources) -> Iterator[str]:
    """Procedures that the referral refers to and did not send: nothing is fetched, and a person is told."""
    for reference in (*children(order, "supportingInfo"), *children(order, "reasonReference")):
        said = text(reference, "reference") or ""
        is_one = text(reference, "type") == "Procedure" or said.startswith("Procedure/") or "/Procedure/" in said
        if is_one and not resources.follow(reference):
            yield (text(reference, "display") or "a procedure that did not come with the referral")[:_MOST]
