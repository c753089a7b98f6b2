"""HL7 data types in our words: times, numbers with their issuers, names, codes (v2.9 ch. 2A)."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

from transfer.adapters.hl7v2.message import FieldPart, Segment
from transfer.institutions import Institution
from transfer.patients import Demographics, IssuedIdentifier, OtherNumber, PersonName, PostalAddress, other_number
from transfer.records import Coding

NPI = "http://hl7.org/fhir/sid/us-npi"

_OID = re.compile(r"[0-2](\.(0|[1-9]\d*))+")
_DTM = re.compile(r"(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)?(\d\d)?(?:\.\d+)?)?([+-]\d{4})?")

#: coding system abbreviations (table 0396) → the URIs FHIR uses for them
_SYSTEMS = {
    "LN": "http://loinc.org",
    "SCT": "http://snomed.info/sct",
    "SNM": "http://snomed.info/sct",
    "I10": "http://hl7.org/fhir/sid/icd-10-cm",
    "I10C": "http://hl7.org/fhir/sid/icd-10-cm",
    "I10CM": "http://hl7.org/fhir/sid/icd-10-cm",
    "I9": "http://hl7.org/fhir/sid/icd-9-cm",
    "I9C": "http://hl7.org/fhir/sid/icd-9-cm",
    "I10P": "http://hl7.org/fhir/sid/icd-10-pcs",
    "ICD10PCS": "http://hl7.org/fhir/sid/icd-10-pcs",
    "C4": "http://www.ama-assn.org/go/cpt",
    "CPT": "http://www.ama-assn.org/go/cpt",
    "DCM": "http://dicom.nema.org/resources/ontology/DCM",
}
#: CX-5 of numbers that are the institution's own where no issuer is said
_OWN_NUMBERS = frozenset({None, "MR", "MRN", "PI", "PT", "PN", "ANON"})

#: XPN-7 (table 0200) of another person's name, or of none that tells who it is: father, partner, business, nickname,
#: pseudonym, masked, unavailable, bad, not to be used
_NO_NAMES = frozenset({"F", "P", "K", "N", "S", "MSK", "NAV", "BAD", "NOUSE"})

#: table 0001 in FHIR's words, so that both languages compare
_SEX = {"F": "female", "M": "male", "O": "other", "A": "other", "U": "unknown"}


def moment(text: str | None, zone: ZoneInfo) -> datetime | None:
    """A time (TS, DTM) in UTC; one without an offset is the institution's, a date alone its midnight there.

    None where it is absent, malformed or less precise than a day.
    """
    said = _DTM.fullmatch(text.strip()) if text else None
    if said is None:
        return None
    year, month, day, hour, minute, second, offset = said.groups()
    try:
        local = datetime.combine(
            date(int(year), int(month), int(day)),
            time(int(hour or 0), int(minute or 0), min(int(second or 0), 59)),  # 60 is a leap second
            tzinfo=_offset(offset) if offset else zone,
        )
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _offset(text: str) -> timezone:
    apart = timedelta(hours=int(text[1:3]), minutes=int(text[3:5]))
    return timezone(-apart if text[0] == "-" else apart)


def day(text: str | None) -> date | None:
    """The date part of a time, in whatever zone it was said."""
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:8])) if text and text[:8].isdecimal() else None
    except ValueError:
        return None


def issuer(institution: Institution, namespace: str | None, universal: str | None, kind: str | None) -> str | None:
    """The URI of an assigning authority (HD): as the institution's file spells it, else its OID or UUID, else its name
    within the institution.
    """
    for said in (namespace, universal):
        if said and said in institution.issuers:
            return institution.issuers[said]
    if universal and (kind or "").upper() == "UUID":
        return institution.issuer(f"urn:uuid:{universal.lower()}")
    if universal and _OID.fullmatch(universal):
        return institution.issuer(f"urn:oid:{universal}")
    return institution.issuer(namespace or universal) if namespace or universal else None


def person_number(part: FieldPart, institution: Institution) -> IssuedIdentifier | None:
    """A patient's medical record number (CX). None where nobody can be told to have issued it, or it is a number of
    another type (CX-5, table 0203): it identifies nobody.
    """
    value, kind = part.text(1), part.text(5)
    by = issuer(institution, part.text(4), part.text(4, 2), part.text(4, 3))
    if by is None and (kind is None or kind.upper() in _OWN_NUMBERS):
        by = institution.issuer(None)
    if not value or not by or not institution.is_record_number([kind] if kind else [], by):
        return None
    return IssuedIdentifier(by, value)


def _other_number(part: FieldPart, institution: Institution) -> OtherNumber | None:
    value, kind = part.text(1), part.text(5)
    by = issuer(institution, part.text(4), part.text(4, 2), part.text(4, 3))
    return other_number(value, kind) if kind and value and not institution.is_record_number([kind], by) else None


def document_number(part: FieldPart, institution: Institution, role: str) -> IssuedIdentifier | None:
    """A document's or order's number (EI). One without a namespace belongs to the institution's numbers of that role:
    `filler`, `placer`, `document`; the institution's `issuers` may name their URI.
    """
    value, universal = part.text(1), part.text(3)
    if value is None:  # a universal id alone (v2.9 ch. 2A.3.20), as in TXA-12 `^^1000`
        value, universal = universal, None
    by = issuer(institution, part.text(2), universal, part.text(4)) or institution.issuer(role)
    return IssuedIdentifier(by, value) if value and by else None


def accession_number(part: FieldPart, institution: Institution) -> IssuedIdentifier | None:
    """SPM-30 (CX)."""
    value = part.text(1)
    by = issuer(institution, part.text(4), part.text(4, 2), part.text(4, 3)) or institution.issuer("accession")
    return IssuedIdentifier(by, value) if value and by else None


def names(segment: Segment, *fields: int) -> tuple[PersonName, ...]:
    """All names in these fields (XPN), in order, each once. Those without a family name identify nobody, nor do
    nicknames and the names of father or partner.
    """
    said = (_name(part) for field in fields for part in segment.repetitions(field))
    return tuple(dict.fromkeys(name for name in said if name is not None))


def _name(part: FieldPart) -> PersonName | None:
    family = part.text(1) if (part.text(7) or "").upper() not in _NO_NAMES else None
    given = [part.text(2), *(part.text(3) or "").split()]
    return PersonName(family, tuple(name for name in given if name)) if family else None


def demographics(pid: Segment | None, institution: Institution) -> Demographics:
    """What PID says: the numbers of PID-3 by their types, names now, before and otherwise (PID-5, PID-9), birth date,
    sex, address and telephones (PID-11, 13, 14), the last of the social security number (PID-19).
    """
    if pid is None:
        return Demographics()
    numbers = [person_number(part, institution) for part in pid.repetitions(3)]
    others = [_other_number(part, institution) for part in pid.repetitions(3)]
    others.append(other_number(pid.text(19), "SS"))
    telephones = (part.text(1) or part.text(12) for field in (13, 14) for part in pid.repetitions(field))
    said = Demographics(
        names=names(pid, 5, 9),
        birth_date=day(pid.text(7)),
        sex=_SEX.get((pid.text(8) or "").upper()),
        identifiers=tuple(dict.fromkeys(number for number in numbers if number is not None)),
        other_numbers=tuple(dict.fromkeys(number for number in others if number is not None)),
        addresses=tuple(dict.fromkeys(_addresses(pid))),
        telephones=tuple(dict.fromkeys(telephone for telephone in telephones if telephone)),
    )
    return institution.placeholders.left_out_of(said)


def _addresses(pid: Segment) -> Iterator[PostalAddress]:
    for part in pid.repetitions(11):
        street, postal_code = part.text(1), part.text(5)
        if street and postal_code:
            yield PostalAddress(street, postal_code)


def codings(part: FieldPart, institution: Institution) -> list[Coding]:
    """The codes of a coded element (CE, CWE): first and alternate, the standard's names for systems as URIs."""
    said = (coding(part, component, institution) for component in (1, 4))
    return [one for one in said if one]


def coding(part: FieldPart, component: int, institution: Institution) -> Coding | None:
    """The code that begins at this component: code, text, system."""
    code = part.text(component)
    system = coding_system(part.text(component + 2), institution)
    return Coding(system, code, part.text(component + 1)) if code else None


def coding_system(said: str | None, institution: Institution) -> str:
    """The URI of a code system by its abbreviation (table 0396); one that is not known is the institution's own."""
    if said and re.fullmatch(r"HL7\d{4}", said):
        return f"http://terminology.hl7.org/CodeSystem/v2-{said[3:]}"
    return _SYSTEMS.get(said or "", f"urn:x-institution:{institution.id}:{said or 'local'}")


def abbreviations(system: str, institution: Institution) -> tuple[str, ...]:
    """How a message may name a code system of this URI; the other way round than `coding_system`."""
    own = f"urn:x-institution:{institution.id}:"
    if system.startswith(own):
        said = system.removeprefix(own)
        return (said, "") if said == "local" else (said,)
    table = re.fullmatch(r"http://terminology\.hl7\.org/CodeSystem/v2-(\d{4})", system)
    return (f"HL7{table[1]}",) if table else tuple(said for said, uri in _SYSTEMS.items() if uri == system)


def local_key(part: FieldPart, component: int) -> str:
    """As a code stands in the institution's own table: `LOCAL|PATH1`."""
    return f"{part.text(component + 2) or ''}|{part.text(component) or ''}"
