"""The few elements of a DICOM file that say what it is and whose, read from its first bytes (PS3.5, PS3.10).

A reader of its own because it runs on every image that comes: bounded in bytes and depth, decoding no pixels,
allocating nothing a sender can choose. It stops behind (0040,3001), where the source may say that what it has is
confidential. Names are decoded by pydicom, which knows the character sets.
"""

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Final

from transfer.adapters.dicom.elements import MoreNeeded, Walk
from transfer.errors import Unreadable
from transfer.institutions import Institution
from transfer.patients import Demographics, IssuedIdentifier, PersonName
from transfer.security_labels import SENSITIVITY, read_label

#: beyond it an image whose header goes on is not read: sequences of references before the patient are this long at most
MOST_HEADER: Final = 1 << 20

#: bytes of one value about a patient: PS3.5 6.2 allows a tenth of it
_MAX_LENGTH: Final = 4 << 10
#: terms of a Specific Character Set; there are some twenty
_MOST_TERMS: Final = 8

UID: Final = re.compile(r"[0-9](?:[0-9.]{0,62}[0-9])?")  # PS3.5 9.1, components not looked at

_TRANSFER_SYNTAX: Final = 0x00020010
_CHARACTER_SET: Final = 0x00080005
_SOP_CLASS: Final = 0x00080016
_SOP_INSTANCE: Final = 0x00080018
_NAME: Final = 0x00100010
_NUMBER: Final = 0x00100020
_ISSUER: Final = 0x00100021
_BORN: Final = 0x00100030
_SEX: Final = 0x00100040
_STUDY: Final = 0x0020000D
_SERIES: Final = 0x0020000E
#: Confidentiality Code; Confidentiality Constraint on Patient Data Description (PS3.6, table 6-1)
_CONFIDENTIALITY: Final = frozenset((0x00401008, 0x00403001))
#: Medical Alerts, Patient Comments, Special Needs, Patient State, Visit Comments: words on the patient, where a source
#: that has no better place says what must not go
_WORDS: Final = frozenset((0x00102000, 0x00104000, 0x00380050, 0x00380500, 0x00384000))
#: what among them is a person's to read: that something must not go, or the name of a special category
_TELLING: Final = re.compile(
    rb"\b(confidential|sealed|sensitive(?! to)|do not|don't|not to be|no release|no disclosure|opt(ed)?.?out"
    rb"|restricted(?! m)|42 ?c\.?f\.?r|hiv|aids|psychi\w+|psychotherapy|substance|alcohol\w*|drug (ab)?use|sexual(ly)?"
    rb"|abuse)\b",
    re.IGNORECASE,
)
_ANYTHING: Final = re.compile(rb".", re.DOTALL)
_WANTED: Final = frozenset(
    (_TRANSFER_SYNTAX, _CHARACTER_SET, _SOP_CLASS, _SOP_INSTANCE, _NAME, _NUMBER, _ISSUER, _BORN, _SEX, _STUDY, _SERIES)
)
_PATIENT: Final = (_CHARACTER_SET, _NAME, _NUMBER, _ISSUER, _BORN, _SEX)

_UTF_8: Final = "ISO_IR 192"
#: sets of Latin letters (PS3.3 C.12.1.1.2), in which no name has the bytes of UTF-8
_LATIN: Final = re.compile(r"(?:ISO(?:_IR| 2022 IR) (?:6|100|101|109|110|148|203))?")
#: ISO 2022: another character set begins
_ESCAPE: Final = b"\x1b"

_DEFLATED: Final = b"1.2.840.10008.1.2.1.99"
_BIG_ENDIAN: Final = b"1.2.840.10008.1.2.2"


@dataclass(frozen=True, slots=True)
class Stated:
    """What a file says of its patient, still as bytes: equal for all images of a series, so decoded once."""

    character_set: bytes
    name: bytes
    number: bytes
    issuer: bytes
    born: bytes
    sex: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class DicomHeader:
    """What one instance is, by its own word. UIDs are checked; the study's and the series' may be absent."""

    sop_instance_uid: str
    study_instance_uid: str | None
    series_instance_uid: str | None
    patient: Stated
    sop_class_uid: str | None = None
    #: what it says of its confidentiality, also among its words on its patient, as bytes; a mark behind the first MB is
    #: not seen
    confidentiality: frozenset[bytes] = frozenset()


def checked_uid(text: str) -> str:
    """Raises `ValueError` where it is none: it is about to stand in a question of ours."""
    if not UID.fullmatch(text):
        raise ValueError("not a DICOM UID")
    return text


def read_header(head: bytes, *, is_all: bool) -> DicomHeader | None:
    """The header from the first bytes of a file; None if it goes on behind them and they are not all.

    Raises:
        Unreadable: not a DICOM file, broken, without a SOP Instance UID, or its header is longer than we read.
    """
    try:
        found = _elements(head, is_all=is_all)
    except MoreNeeded:
        if is_all or len(head) >= MOST_HEADER:
            raise Unreadable("a DICOM header that does not end where it should") from None
        return None
    uid = _uid(found.get(_SOP_INSTANCE))
    if uid is None:
        raise Unreadable("a DICOM file without a SOP Instance UID")
    if any(len(found.get(tag, b"")) > _MAX_LENGTH for tag in _PATIENT):
        raise Unreadable("a DICOM header that says more of its patient than there is to say")
    return DicomHeader(
        sop_instance_uid=uid,
        study_instance_uid=_uid(found.get(_STUDY)),
        series_instance_uid=_uid(found.get(_SERIES)),
        sop_class_uid=_uid(found.get(_SOP_CLASS)),
        patient=Stated(*(found.get(tag, b"") for tag in _PATIENT)),
        confidentiality=_said(found, _CONFIDENTIALITY) | _said(found, _WORDS, telling=_TELLING),
    )


def _said(found: dict[int, bytes], tags: frozenset[int], telling: re.Pattern[bytes] = _ANYTHING) -> frozenset[bytes]:
    """What elements say, as long as we keep it; they are looked through whole."""
    said = (found.get(tag, b"").strip(b"\0 ") for tag in tags)
    return frozenset(each[:_MAX_LENGTH] for each in said if telling.search(each))


def labels(header: DicomHeader, table: Mapping[str, str]) -> frozenset[str]:
    """The security labels of a file. DICOM has no codes for them: the institution's `table` says what a text means."""
    said = [decoded(each, header.patient.character_set) for each in header.confidentiality]
    return frozenset[str]().union(
        *(read_label(None, text if text in SENSITIVITY | {"R", "V"} else None, text, table) for text in said)
    )


def demographics(stated: Stated, institution: Institution) -> Demographics:
    """What a file says of its patient, in our words. What cannot be decoded is absent."""
    number = _text(stated.number)
    issuer = institution.issuer(_text(stated.issuer) or None)
    said = Demographics(
        names=names(decoded(stated.name, stated.character_set)),
        birth_date=day(_text(stated.born)),
        sex=sex(_text(stated.sex)),
        identifiers=(IssuedIdentifier(issuer, number),) if issuer and number else (),
    )
    return institution.placeholders.left_out_of(said)


def names(text: str) -> tuple[PersonName, ...]:
    """A PN value (PS3.5 6.2.1): up to three writings of one name, each family^given^middle^prefix^suffix."""
    found = []
    for writing in text.split("=")[:3]:
        parts = writing.split("^") if "^" in writing else writing.split(",", 1)  # `Doe, Jane`, as some type it
        family, given, middle, *_ = (*(part.strip() for part in parts), "", "", "")
        if family or given:
            found.append(PersonName(family, tuple(f"{given} {middle}".split())))
    return tuple(found)


def day(text: str) -> date | None:
    """A DA value, also in the form of ACR-NEMA with points (PS3.5 6.2); None if it is none."""
    digits = text.replace(".", "").strip()
    try:
        return datetime.strptime(digits, "%Y%m%d").date() if len(digits) == 8 else None  # noqa: DTZ007 - a date
    except ValueError:
        return None


def sex(text: str) -> str | None:
    """Patient's Sex (0010,0040) in the words of FHIR's administrative gender."""
    return {"M": "male", "F": "female", "O": "other"}.get(text.strip().upper())


def _elements(head: bytes, *, is_all: bool) -> dict[int, bytes]:
    if len(head) < 132:
        raise MoreNeeded
    if head[128:132] != b"DICM":
        raise Unreadable("not a DICOM file")
    found: dict[int, bytes] = {}
    at = Walk(head, explicit=True, order="<").collect(132, found, _WANTED, last=0x0002FFFF)
    syntax = found.get(_TRANSFER_SYNTAX, b"").rstrip(b"\0 ")
    if syntax == _DEFLATED:
        head, at = _inflated(head[at:]), 0
    # By its look, not by its name: files called explicit that are not are met, and everybody reads them.
    explicit = bool(re.fullmatch(rb"[A-Z]{2}", head[at + 4 : at + 6]))
    walk = Walk(head, explicit=explicit, order=">" if syntax == _BIG_ENDIAN else "<")
    end = walk.collect(at, found, _WANTED | _WORDS, last=_SERIES)
    if end == len(head) and not is_all:
        raise MoreNeeded
    _collect_confidentiality(walk, end, found, is_all=is_all or len(head) >= MOST_HEADER)
    return found


def _collect_confidentiality(walk: Walk, at: int, found: dict[int, bytes], *, is_all: bool) -> None:
    """What comes before may be long or broken; whose the file is, is known all the same."""
    try:
        walk.collect(at, found, _CONFIDENTIALITY | _WORDS, last=max(_CONFIDENTIALITY))
    except MoreNeeded:
        if not is_all:
            raise
    except Unreadable:
        pass


def _inflated(deflated: bytes) -> bytes:
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(deflated, MOST_HEADER)
    except zlib.error:
        raise Unreadable("a deflated DICOM file that cannot be inflated") from None


def _uid(value: bytes | None) -> str | None:
    text = _text(value or b"")
    return text if UID.fullmatch(text) else None


def _text(value: bytes) -> str:
    return value.decode("ascii", errors="replace").strip("\0 ")


def _as_it_is(value: bytes, terms: list[str]) -> str | None:
    """Text whose bytes show that they are not in the set that is said: UTF-8 under the name of a Latin set or of none,
    Windows-1252 under that of UTF-8. None: they may be.
    """
    try:
        found = value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("cp1252", errors="replace") if terms == [_UTF_8] else None
    is_latin = all(_LATIN.fullmatch(term) for term in terms)
    return found if is_latin else None


@lru_cache(maxsize=64)
def decoded(value: bytes, character_set: bytes) -> str:
    """Text in its Specific Character Set (0008,0005). What cannot be decoded is a question mark.

    Some decoders take a time that grows with the square of what they are given: what is too long is read as ASCII.
    """
    if len(value) > _MAX_LENGTH or (value.isascii() and _ESCAPE not in value):
        return _text(value)  # ASCII is itself in each of them until an escape (PS3.5 6.1.2); pydicom loads for 0.2 s

    import warnings

    from pydicom.charset import convert_encodings, decode_bytes
    from pydicom.valuerep import PN_DELIMS

    terms = [term.strip() for term in _text(character_set[:_MAX_LENGTH]).split("\\")][:_MOST_TERMS]
    if _ESCAPE not in value and (found := _as_it_is(value, terms or [""])) is not None:
        return found.strip("\0 ")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about character sets that are not what they say; decoding goes on
        try:
            encodings = convert_encodings(terms or [""])
            text = "=".join(decode_bytes(group, encodings, PN_DELIMS) for group in value.split(b"="))
        except (LookupError, ValueError):
            text = value.decode("ascii", errors="replace")
    return text.strip("\0 ")
