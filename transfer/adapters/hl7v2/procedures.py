"""What a REF says that was done to the patient: PR1, with what stands in its group (HL7 v2.5.1, 6.5.4 and 11.3.1)."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from transfer.adapters.hl7v2.message import FieldPart, Message, Segment
from transfer.adapters.hl7v2.values import NPI, coding_system, codings
from transfer.identifiers import InstitutionId
from transfer.institutions import Institution, Institutions
from transfer.partial_dates import day_said
from transfer.patients import IssuedIdentifier
from transfer.procedures import ListedProcedure, Procedures, gathered, kinds_of

#: what may stand in the group of a PR1 (REF_I12, PROCEDURE and its AUTHORIZATION_CONTACT)
_OF_GROUP: Final = frozenset({"AUT", "CTD", "NTE"})
#: PR1-20, table 0206
_DELETED: Final = "D"
_MOST: Final = 300


def read(message: Message, institution: Institution, institutions: Institutions) -> Procedures:
    """Every PR1 that is not deleted. Where it was done stands with its treating unit (PR1-23), with who did it (PR1-11
    and 12), or with the contact of its group (CTD).
    """
    return gathered(_listed(group, institution, institutions) for group in _groups(message))


def _groups(message: Message) -> Iterator[list[Segment]]:
    """Each PR1 with the segments of its group."""
    group: list[Segment] = []
    for segment in message.segments_in_order:
        if group and segment.name not in _OF_GROUP:
            yield group
            group = []
        if segment.name == "PR1":
            group = [segment]
        elif group:
            group.append(segment)
    if group:
        yield group


def _listed(group: list[Segment], institution: Institution, institutions: Institutions) -> ListedProcedure | str | None:
    """As it is known here; in words where a person has to tell what or where; None where it is deleted."""
    pr1 = group[0]
    if (pr1.text(20) or "").upper() == _DELETED:
        return None
    said = codings(pr1.part(3), institution)
    if said and not pr1.text(3, 3):
        said[0] = replace(said[0], system=coding_system(pr1.text(2), institution))
    what = pr1.text(3, 2) or pr1.text(4) or pr1.text(3, 5) or ""
    number = pr1.text(3) or ""
    words = " ".join((f"{what} ({number})" if what and number else what or number or "a procedure").split())[:_MOST]
    kinds = kinds_of([(one.system, one.code) for one in said], what)
    where, when = next(_places(group, institutions), None), day_said(pr1.text(5))
    if kinds and where:
        return ListedProcedure(kinds=kinds, institution=where, day=when, words=words)
    told = str(when) if when else pr1.text(5)
    return ", ".join(one for one in (words, told, next(_named(group), None)) if one)[:_MOST]


def _places(group: list[Segment], institutions: Institutions) -> Iterator[InstitutionId]:
    for number in _numbers(group):
        if known := institutions.with_identifier(number):
            yield InstitutionId(known.id)


def _numbers(group: list[Segment]) -> Iterator[IssuedIdentifier]:
    for part, component in _facilities(group):
        value, kind = part.text(component, 2), (part.text(component, 3) or "").upper()
        if value and kind == "NPI":
            yield IssuedIdentifier(NPI, value)
        elif value and kind == "ISO":
            yield IssuedIdentifier("urn:ietf:rfc:3986", f"urn:oid:{value}")
    for ctd in group[1:]:
        for part in ctd.repetitions(7) if ctd.name == "CTD" else ():
            if (value := part.text(1)) and part.text(2) == "NPI":
                yield IssuedIdentifier(NPI, value)


def _facilities(group: list[Segment]) -> Iterator[tuple[FieldPart, int]]:
    """Fields and the component of each that names a facility (HD): PL-4, XCN-14."""
    pr1 = group[0]
    yield pr1.part(23), 4
    for field in (11, 12):
        for part in pr1.repetitions(field):
            yield part, 14
    for ctd in group[1:]:
        if ctd.name == "CTD":
            yield ctd.part(4), 4


def _named(group: list[Segment]) -> Iterator[str]:
    """The facility as people there call it."""
    for part, component in _facilities(group):
        if name := part.text(component):
            yield name
