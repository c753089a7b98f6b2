"""Studies and series as an archive lists them: entries in the DICOM JSON model (PS3.18 F), turned into our words.

Archives also ignore keys they do not know and then answer with everybody: `has_number` and `has_name` tell what
contradicts the question.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Final

from transfer.adapters.dicom import header
from transfer.errors import Unexpected
from transfer.institutions import Institution
from transfer.patients import Demographics, IssuedIdentifier, PersonName, fold
from transfer.sources import SeriesFound, StudyFound

ArchiveEntry = dict[str, object]

#: what is asked for of a study beside what every archive gives by itself (PS3.18 10.6.3, PS3.4 C.6.2)
STUDY_FIELDS: Final = ("00080061", "00081030", "00100021", "00080051", "00100040", "00080201")


def has_number(entry: ArchiveEntry, identifier: IssuedIdentifier, institution: Institution) -> bool:
    """The entry's patient has the number asked about, and the archive does not say another issuer."""
    said = first_text(entry, "00100021")
    same_issuer = said is None or institution.issuer(said) == identifier.issuer
    return same_issuer and first_text(entry, "00100020") == identifier.value.strip()


def has_name(entry: ArchiveEntry, who: Demographics) -> bool:
    """Same birth date and one family name in common, folded."""
    families = {fold(name.family) for name in who.names}
    born = header.day(first_text(entry, "00100030") or "")
    return born is not None and born == who.birth_date and any(fold(name.family) in families for name in _names(entry))


def study_found(entry: ArchiveEntry, institution: Institution) -> StudyFound:
    uid = required_uid(entry, "0020000D")
    day, at = _begun(entry, institution)
    return StudyFound(
        study_instance_uid=uid,
        identifiers=(IssuedIdentifier("urn:dicom:uid", f"urn:oid:{uid}"), *_accession(entry, institution)),
        patient=_patient(entry, institution),
        at=at,
        date=day,
        modalities=frozenset(text for text in map(_text, _values(entry, "00080061")) if text),
        description=first_text(entry, "00081030"),
    )


def series_found(entry: ArchiveEntry) -> SeriesFound:
    return SeriesFound(uid=required_uid(entry, "0020000E"))


def required_uid(entry: ArchiveEntry, tag: str) -> str:
    """A UID without which the entry means nothing; leaving it out would make the list look whole.

    Raises:
        Unexpected: it is not there, or is none.
    """
    uid = first_text(entry, tag)
    if uid is None or not header.UID.fullmatch(uid):
        raise Unexpected("the archive listed something without its UID")
    return uid


def _patient(entry: ArchiveEntry, institution: Institution) -> Demographics:
    number = first_text(entry, "00100020")
    issuer = institution.issuer(first_text(entry, "00100021"))
    said = Demographics(
        names=tuple(_names(entry)),
        birth_date=header.day(first_text(entry, "00100030") or ""),
        sex=header.sex(first_text(entry, "00100040") or ""),
        identifiers=(IssuedIdentifier(issuer, number),) if issuer and number else (),
    )
    return institution.placeholders.left_out_of(said)


def _names(entry: ArchiveEntry) -> Iterator[PersonName]:
    for value in _values(entry, "00100010"):
        if isinstance(value, dict):
            for writing in ("Alphabetic", "Ideographic", "Phonetic"):
                yield from header.names(_text(value.get(writing)) or "")
        else:  # not the form of PS3.18 F.2.2, and met all the same
            yield from header.names(_text(value) or "")


def _accession(entry: ArchiveEntry, institution: Institution) -> Iterator[IssuedIdentifier]:
    """The accession number under its stated issuer, or under the institution's word `accession`."""
    number = first_text(entry, "00080050")
    if number is None:
        return
    stated = next((each for each in _values(entry, "00080051") if isinstance(each, dict)), {})
    issuer = institution.issuer(first_text(stated, "00400032") or first_text(stated, "00400031") or "accession")
    if issuer:
        yield IssuedIdentifier(issuer, number)


def _begun(entry: ArchiveEntry, institution: Institution) -> tuple[date | None, datetime | None]:
    day = header.day(first_text(entry, "00080020") or "")
    if day is None:
        return None, None
    try:
        local = datetime.combine(day, _clock(first_text(entry, "00080030") or ""))
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


def _offset(entry: ArchiveEntry) -> timezone | None:
    """Timezone Offset From UTC (0008,0201), as `-0500`."""
    said = re.fullmatch(r"([+-])(\d\d)(\d\d)", first_text(entry, "00080201") or "")
    if not said:
        return None
    minutes = int(said[2]) * 60 + int(said[3])
    return timezone(timedelta(minutes=minutes if said[1] == "+" else -minutes))


def _values(entry: ArchiveEntry, tag: str) -> list[object]:
    """The values of an attribute in the DICOM JSON model (PS3.18 F); none if it is absent or of another form."""
    attribute = entry.get(tag)
    values = attribute.get("Value") if isinstance(attribute, dict) else None
    return values if isinstance(values, list) else []


def first_text(entry: ArchiveEntry, tag: str) -> str | None:
    """The first value of an attribute that is not empty, as text."""
    return next((text for text in map(_text, _values(entry, tag)) if text), None)


def _text(value: object) -> str | None:
    """What JSON can say and no text can hold, half of a surrogate pair, is a question mark."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value).encode(errors="replace").decode().strip("\0 ") or None
