"""Patients and organizations as FHIR says them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Self

from transfer.adapters.fhir.codes import NPI
from transfer.adapters.fhir.times import full_date
from transfer.adapters.fhir.trees import Tree, child, children, text, texts, type_of
from transfer.errors import NeedsReview
from transfer.identifiers import InstitutionId
from transfer.institutions import Institution, Institutions
from transfer.patients import Demographics, IssuedIdentifier, PersonName


def demographics(patient: Tree, institution: Institution) -> Demographics:
    """A Patient resource. `sex` is FHIR's administrative gender (`female`, `male`, `other`, `unknown`)."""
    return Demographics(
        names=tuple(_names(patient)),
        birth_date=full_date(text(patient, "birthDate")),
        sex=text(patient, "gender"),
        identifiers=tuple(issued(children(patient, "identifier"), institution)),
    )


def _names(patient: Tree) -> Iterator[PersonName]:
    """Names a person is or was called by; a nickname or a pseudonym is neither."""
    for name in children(patient, "name"):
        family = text(name, "family")
        if family and text(name, "use") not in ("nickname", "anonymous"):
            yield PersonName(family, tuple(texts(name, "given")))


def issued(identifiers: Iterable[Tree], institution: Institution) -> Iterator[IssuedIdentifier]:
    """Identifiers with an issuer, each once. A bare number identifies nobody and is left out."""
    seen: set[IssuedIdentifier] = set()
    for identifier in identifiers:
        issuer, value = institution.issuer(text(identifier, "system")), text(identifier, "value")
        if issuer and value and (found := IssuedIdentifier(issuer, value)) not in seen:
            seen.add(found)
            yield found


def first_issued(identifiers: Iterable[Tree], institution: Institution) -> IssuedIdentifier | None:
    return next(issued(identifiers, institution), None)


@dataclass(frozen=True, slots=True)
class Resources:
    """Where references lead: the contained resources of one resource, and the entries of its bundle."""

    by_reference: Mapping[str, Tree]
    contained: Mapping[str, Tree] = field(default_factory=dict)

    @classmethod
    def around(cls, resource: Tree, entries: Iterable[Tree] = ()) -> Self:
        """Later entries of the same address do not replace earlier ones."""
        found: dict[str, Tree] = {}
        for entry in entries:
            inner = child(entry, "resource")
            number = text(inner, "id")
            for name in (text(entry, "fullUrl"), f"{type_of(inner)}/{number}" if number else None):
                if name:
                    found.setdefault(name, inner)
        return cls(found).within(resource)

    def within(self, resource: Tree) -> Self:
        """The same seen from one resource of the bundle: what it contains comes before. Costs nothing of the bundle."""
        contained = {f"#{number}": each for each in children(resource, "contained") if (number := text(each, "id"))}
        return type(self)(self.by_reference, contained)

    def follow(self, reference: Tree) -> Tree:
        """The resource referred to; an empty tree where it is not at hand. Nothing is fetched."""
        said = text(reference, "reference") or ""
        return self.contained[said] if said in self.contained else self.by_reference.get(said, {})


def person(reference: Tree, resources: Resources, institution: Institution) -> Demographics:
    """Who is meant: the resource behind the reference, and the number beside it."""
    resource = resources.follow(reference)
    said = demographics(resource, institution) if type_of(resource) == "Patient" else Demographics()
    beside = child(reference, "identifier")
    numbers = (*children(resource, "identifier"), *((beside,) if beside else ()))
    return Demographics(
        names=said.names,
        birth_date=said.birth_date,
        sex=said.sex,
        identifiers=tuple(issued(numbers, institution)) if type_of(resource) in ("Patient", None) else (),
    )


def organization(reference: Tree, resources: Resources, institutions: Institutions) -> InstitutionId:
    """The partner meant, by the number beside the reference or in the resource behind it.

    Raises:
        NeedsReview: no partner of ours has that number, or there is none.
    """
    resource = resources.follow(reference)
    if type_of(resource) == "PractitionerRole":
        return organization(child(resource, "organization"), resources, institutions)
    for identifier in (child(reference, "identifier"), *children(resource, "identifier")):
        system, value = text(identifier, "system"), text(identifier, "value")
        known = institutions.with_identifier(IssuedIdentifier(system, value)) if system and value else None
        if known:
            return InstitutionId(known.id)
    raise NeedsReview("it names an institution we do not know")


def is_organization(reference: Tree, resources: Resources) -> bool:
    """Whether an organization is meant rather than, say, a diagnosis."""
    said = text(reference, "type") or type_of(resources.follow(reference))
    plain = (text(reference, "reference") or "").startswith("Organization/")
    return said == "Organization" or plain or text(reference, "identifier", "system") == NPI


def known_organizations(
    references: Iterable[Tree], resources: Resources, institutions: Institutions, *, lenient: bool = False
) -> tuple[InstitutionId, ...]:
    """Each partner once, in order.

    Raises:
        NeedsReview: one is not known, unless `lenient`, which leaves it out.
    """
    found: dict[InstitutionId, None] = {}
    for reference in references:
        try:
            found[organization(reference, resources, institutions)] = None
        except NeedsReview:
            if not lenient:
                raise
    return tuple(found)
