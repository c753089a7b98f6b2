"""Patients and organizations as FHIR says them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from transfer.adapters.fhir.codes import NPI, as_in_r4
from transfer.adapters.fhir.times import full_date
from transfer.adapters.fhir.trees import Tree, child, children, text, texts, truth, type_of
from transfer.errors import NeedsReview
from transfer.identifiers import InstitutionId
from transfer.institutions import Institution, Institutions
from transfer.patients import Demographics, IssuedIdentifier, OtherNumber, PersonName, PostalAddress, other_number
from transfer.written_patients import read_name

#: HL7 table 0203 as R4, STU3 and HL7 v2 spell it
_TABLE_0203 = frozenset(
    {
        "http://terminology.hl7.org/CodeSystem/v2-0203",
        "http://hl7.org/fhir/v2/0203",
        "http://hl7.org/fhir/identifier-type",
        "urn:oid:2.16.840.1.113883.18.108",
    }
)


def demographics(patient: Tree, institution: Institution) -> Demographics:
    """A Patient resource."""
    numbers = children(patient, "identifier")
    said = Demographics(
        names=tuple(_names(patient)),
        birth_date=full_date(text(patient, "birthDate")),
        sex=text(patient, "gender"),
        identifiers=tuple(record_numbers(numbers, institution)),
        other_numbers=tuple(dict.fromkeys(_other_numbers(numbers, institution))),
        addresses=tuple(dict.fromkeys(_addresses(patient))),
        telephones=tuple(dict.fromkeys(_telephones(patient))),
    )
    return institution.placeholders.left_out_of(said)


def has_died(patient: Tree) -> bool:
    """Whether a Patient resource says so (https://hl7.org/fhir/R4/patient-definitions.html#Patient.deceased_x_)."""
    is_dated = text(patient, "deceasedDateTime") is not None or "_deceasedDateTime" in patient
    return truth(patient, "deceasedBoolean") is True or is_dated


def _addresses(patient: Tree) -> Iterator[PostalAddress]:
    for address in children(patient, "address"):
        street, postal_code = " ".join(texts(address, "line")), text(address, "postalCode")
        if street and postal_code:
            yield PostalAddress(street, postal_code)


def _telephones(patient: Tree) -> Iterator[str]:
    for telecom in children(patient, "telecom"):
        value = text(telecom, "value")
        if value and text(telecom, "system") in ("phone", "sms", None):
            yield value


def _names(patient: Tree) -> Iterator[PersonName]:
    """Names a person is or was called by, also in one piece (HumanName.text). A nickname or a pseudonym is neither."""
    for name in children(patient, "name"):
        if text(name, "use") in ("nickname", "anonymous"):
            continue
        if family := text(name, "family"):
            yield PersonName(family, tuple(texts(name, "given")))
        elif not texts(name, "given") and (whole := read_name(text(name, "text") or "")):
            yield whole


def issued(identifiers: Iterable[Tree], institution: Institution) -> Iterator[IssuedIdentifier]:
    """Identifiers with an issuer, each once. A bare number identifies nobody and is left out."""
    seen: set[IssuedIdentifier] = set()
    for identifier in identifiers:
        issuer, value = institution.issuer(text(identifier, "system")), text(identifier, "value")
        if value and value[:9].lower() == "urn:uuid:":
            value = value.lower()  # RFC 9562, 4: its letters are the same in either case
        if issuer and value and (found := IssuedIdentifier(issuer, value)) not in seen:
            seen.add(found)
            yield found


def record_numbers(identifiers: Iterable[Tree], institution: Institution) -> Iterator[IssuedIdentifier]:
    """Those that are medical record numbers by `Identifier.type`, each once."""
    return issued((one for one in identifiers if _is_record_number(one, institution)), institution)


def _is_record_number(identifier: Tree, institution: Institution) -> bool:
    system = text(identifier, "system")
    issuers = {system, institution.issuer(system) if system else None}
    return all(institution.is_record_number(_types(identifier), issuer) for issuer in issuers)


def _types(identifier: Tree) -> list[str]:
    """The type's codes and text. A code of another table than 0203 is the site's own word, set apart by its system."""
    said = child(identifier, "type")
    codes = [
        code if system is None or system in _TABLE_0203 else f"{system}|{code}"
        for coding in children(said, "coding")
        for code, system in [(text(coding, "code"), text(coding, "system"))]
        if code
    ]
    return [*codes, *([words] if (words := text(said, "text")) else [])]


def _other_numbers(identifiers: Iterable[Tree], institution: Institution) -> Iterator[OtherNumber]:
    for identifier in identifiers:
        if _is_record_number(identifier, institution):
            continue
        kinds = _types(identifier) or [text(identifier, "system") or ""]
        if kept := other_number(text(identifier, "value"), kinds[0]):
            yield kept


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
    known = tuple(record_numbers(numbers, institution)) if type_of(resource) in ("Patient", None) else ()
    return institution.placeholders.left_out_of(replace(said, identifiers=known))


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
        known = None
        for spelled in dict.fromkeys((system, as_in_r4(system))):
            known = known or (
                institutions.with_identifier(IssuedIdentifier(spelled, value)) if spelled and value else None
            )
        if known:
            return InstitutionId(known.id)
    raise NeedsReview("it names an institution we do not know")


def is_organization(reference: Tree, resources: Resources) -> bool:
    """Whether an organization is meant rather than, say, a diagnosis."""
    said = text(reference, "type") or type_of(resources.follow(reference))
    plain = (text(reference, "reference") or "").startswith("Organization/")
    return said == "Organization" or plain or text(reference, "identifier", "system") == NPI


def known_organizations(
    references: Iterable[Tree], resources: Resources, institutions: Institutions
) -> tuple[InstitutionId, ...]:
    """Each partner once, in order.

    Raises:
        NeedsReview: one is not known.
    """
    return tuple(dict.fromkeys(organization(each, resources, institutions) for each in references))
