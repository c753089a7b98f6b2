"""QIDO-RS (PS3.18 10.6): how we ask, and what of the answer we believe.

Queries are built by hand: some archives do not decode a query, so `*`, `,`, `:` and `-` stand as they are and `^` is
never sent (PEERS 1). Archives also ignore keys they do not know and then answer with everybody: what contradicts the
question is dropped here, unread.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Final
from urllib.parse import quote

from transfer.adapters.dicomweb import header
from transfer.errors import Unexpected
from transfer.institutions import Institution
from transfer.patients import Demographics, IssuedIdentifier, PersonName, fold

Entry = dict[str, object]

_STUDY_FIELDS: Final = ("00201206", "00201208", "00080061", "00081030", "00100021", "00080051", "00100040", "00080201")
#: characters that stand as they are; `~._` are never escaped by `quote`
_PLAIN: Final = "*,:-"


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyFound:
    """One study an archive says it holds, and whose it says it is. The counts may grow, or not be told."""

    study_instance_uid: str
    #: the study under FHIR's system for DICOM UIDs, and its accession number
    identifiers: tuple[IssuedIdentifier, ...]
    patient: Demographics
    #: when it began: UTC; the local midnight if only the day is told
    at: datetime | None
    date: date | None
    modalities: frozenset[str]
    description: str | None
    expected_series: int | None
    expected_instances: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesFound:
    uid: str
    modality: str | None
    expected_instances: int | None


def by_number(who: Demographics, institution: Institution) -> Iterator[tuple[IssuedIdentifier, str]]:
    """A query for each number this institution would know, under each of its spellings of the issuer.

    A number whose issuer it has no word for is not asked about: it would find whoever has that number there.
    """
    for identifier in who.identifiers:
        if re.search(r"[*?\\^]", identifier.value):  # a wildcard or a list would find others
            continue
        number = f"PatientID={_escaped(identifier.value)}"
        for spelling, issuer in institution.issuers.items():
            if issuer == identifier.issuer and not re.search(r"[*?\\^:/]", spelling):
                yield identifier, f"{number}&IssuerOfPatientID={_escaped(spelling)}"
        if identifier.issuer == institution.default_issuer:
            yield identifier, number


def by_name(who: Demographics) -> Iterator[str]:
    """Queries by family name and birth date, as written and in capitals; none without a birth date.

    What is not a plain letter stands as a wildcard: it may be written, escaped or encoded otherwise there.
    """
    if who.birth_date is None:
        return
    patterns = [re.sub(r"[^A-Za-z0-9]+", "*", name.family).strip("*") + "*" for name in who.names]
    for pattern in dict.fromkeys(each for name in patterns for each in (name.upper(), name)):
        if len(pattern.replace("*", "")) >= 2:
            yield f"PatientName={pattern}&PatientBirthDate={who.birth_date:%Y%m%d}"


def study_fields() -> str:
    return "&".join(f"includefield={tag}" for tag in _STUDY_FIELDS)


def has_number(entry: Entry, identifier: IssuedIdentifier, institution: Institution) -> bool:
    """The entry's patient has the number asked about, and the archive does not say another issuer."""
    said = _first(entry, "00100021")
    same_issuer = said is None or institution.issuer(said) == identifier.issuer
    return same_issuer and _first(entry, "00100020") == identifier.value.strip()


def has_name(entry: Entry, who: Demographics) -> bool:
    """Same birth date and one family name in common, folded."""
    families = {fold(name.family) for name in who.names}
    born = header.day(_first(entry, "00100030") or "")
    return born is not None and born == who.birth_date and any(fold(name.family) in families for name in _names(entry))


def study(entry: Entry, institution: Institution) -> StudyFound:
    uid = required_uid(entry, "0020000D")
    day, at = _begun(entry, institution)
    return StudyFound(
        study_instance_uid=uid,
        identifiers=(IssuedIdentifier("urn:dicom:uid", f"urn:oid:{uid}"), *_accession(entry, institution)),
        patient=_patient(entry, institution),
        at=at,
        date=day,
        modalities=frozenset(text for text in map(_text, _values(entry, "00080061")) if text),
        description=_first(entry, "00081030"),
        expected_series=_count(entry, "00201206"),
        expected_instances=_count(entry, "00201208"),
    )


def series(entry: Entry) -> SeriesFound:
    return SeriesFound(
        uid=required_uid(entry, "0020000E"),
        modality=_first(entry, "00080060"),
        expected_instances=_count(entry, "00201209"),
    )


def required_uid(entry: Entry, tag: str) -> str:
    """A UID without which the entry means nothing; leaving it out would make the list look whole."""
    uid = _first(entry, tag)
    if uid is None or not header.UID.fullmatch(uid):
        raise Unexpected("the archive listed something without its UID")
    return uid


def _patient(entry: Entry, institution: Institution) -> Demographics:
    number = _first(entry, "00100020")
    issuer = institution.issuer(_first(entry, "00100021"))
    return Demographics(
        names=tuple(_names(entry)),
        birth_date=header.day(_first(entry, "00100030") or ""),
        sex=header.sex(_first(entry, "00100040") or ""),
        identifiers=(IssuedIdentifier(issuer, number),) if issuer and number else (),
    )


def _names(entry: Entry) -> Iterator[PersonName]:
    for value in _values(entry, "00100010"):
        if isinstance(value, dict):
            for writing in ("Alphabetic", "Ideographic", "Phonetic"):
                yield from header.names(_text(value.get(writing)) or "")
        else:  # not the form of PS3.18 F.2.2, and met all the same
            yield from header.names(_text(value) or "")


def _accession(entry: Entry, institution: Institution) -> Iterator[IssuedIdentifier]:
    """The accession number under its stated issuer, or under the institution's word `accession`."""
    number = _first(entry, "00080050")
    if number is None:
        return
    stated = next((each for each in _values(entry, "00080051") if isinstance(each, dict)), {})
    issuer = institution.issuer(_first(stated, "00400032") or _first(stated, "00400031") or "accession")
    if issuer:
        yield IssuedIdentifier(issuer, number)


def _begun(entry: Entry, institution: Institution) -> tuple[date | None, datetime | None]:
    day = header.day(_first(entry, "00080020") or "")
    if day is None:
        return None, None
    try:
        local = datetime.combine(day, _clock(_first(entry, "00080030") or ""))
        return day, local.replace(tzinfo=_offset(entry) or institution.zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return day, None


def _clock(text: str) -> time:
    """A TM value (PS3.5 6.2): HHMMSS.FFFFFF, the end of it optional; midnight if it is none."""
    digits = re.fullmatch(r"(\d\d):?(\d\d)?:?(\d\d)?(?:\.\d{1,6})?", text)
    try:
        return time(int(digits[1]), int(digits[2] or 0), int(digits[3] or 0)) if digits else time()
    except ValueError:
        return time()


def _offset(entry: Entry) -> timezone | None:
    """Timezone Offset From UTC (0008,0201), as `-0500`."""
    said = re.fullmatch(r"([+-])(\d\d)(\d\d)", _first(entry, "00080201") or "")
    if not said:
        return None
    minutes = int(said[2]) * 60 + int(said[3])
    return timezone(timedelta(minutes=minutes if said[1] == "+" else -minutes))


def _values(entry: Entry, tag: str) -> list[object]:
    """The values of an attribute in the DICOM JSON model (PS3.18 F); none if it is absent or of another form."""
    attribute = entry.get(tag)
    values = attribute.get("Value") if isinstance(attribute, dict) else None
    return values if isinstance(values, list) else []


def _first(entry: Entry, tag: str) -> str | None:
    return next((text for text in map(_text, _values(entry, tag)) if text), None)


def _text(value: object) -> str | None:
    """What JSON can say and no text can hold, half of a surrogate pair, is a question mark."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value).encode(errors="replace").decode().strip("\0 ") or None


def _count(entry: Entry, tag: str) -> int | None:
    text = _first(entry, tag)
    return int(text) if text and re.fullmatch(r"[0-9]{1,9}", text) else None


def _escaped(text: str) -> str:
    return quote(text, safe=_PLAIN)
