"""Identifiers of C-FIND and C-GET (PS3.4 C.4): what we ask, and answers as entries in the DICOM JSON model, so that one
place understands what archives list.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from transfer.adapters.dicom import elements
from transfer.adapters.dicom.found import ArchiveEntry
from transfer.adapters.dicom.header import decoded
from transfer.errors import Unexpected, Unreadable

_CHARACTER_SET: Final = 0x00080005
_SOP_CLASS: Final = 0x00080016
_SOP_INSTANCE: Final = 0x00080018
_LEVEL: Final = 0x00080052
_MODALITIES: Final = 0x00080061
_STUDY: Final = 0x0020000D
_SERIES: Final = 0x0020000E
#: Issuer of Accession Number Sequence, and in it local and universal entity ID
_ACCESSION_ISSUER: Final = 0x00080051
_ISSUER: Final = (0x00400031, 0x00400032)

_TAGS: Final = {
    "PatientName": 0x00100010,
    "PatientID": 0x00100020,
    "IssuerOfPatientID": 0x00100021,
    "PatientBirthDate": 0x00100030,
    "StudyInstanceUID": _STUDY,
    "SeriesInstanceUID": _SERIES,
    "SOPInstanceUID": _SOP_INSTANCE,
}
_OF_STUDY: Final = (
    *(0x00080020, 0x00080030, 0x00080050, _ACCESSION_ISSUER, _MODALITIES, 0x00080201, 0x00081030, 0x00100010),
    *(0x00100020, 0x00100021, 0x00100030, 0x00100040, _STUDY),
)
_OF_SERIES: Final = (_STUDY, _SERIES)
_OF_IMAGE: Final = (_SOP_CLASS, _SOP_INSTANCE, _STUDY, _SERIES)
#: what is asked for at each level (PS3.4 C.6.2)
_RETURNED: Final = {"STUDY": _OF_STUDY, "SERIES": _OF_SERIES, "IMAGE": _OF_IMAGE}
_READ: Final = frozenset((_CHARACTER_SET, *_OF_STUDY, *_OF_SERIES, *_OF_IMAGE))


def find(level: str, keys: Mapping[str, str]) -> bytes:
    """What C-FIND asks: the keys to match, and empty those to be returned."""
    return _identifier(level, keys, returned=_RETURNED[level])


def get(level: str, keys: Mapping[str, str]) -> bytes:
    """What C-GET asks for, by unique keys alone."""
    return _identifier(level, keys, returned=())


def uids(several: Iterable[str]) -> str:
    """List of UID matching, PS3.4 C.2.2.2.2."""
    return "\\".join(several)


def entry(data: bytes) -> ArchiveEntry:
    """An answer of C-FIND. Raises `Unexpected`."""
    try:
        found = elements.read(data, _READ)
        issuer = elements.first_item(found.pop(_ACCESSION_ISSUER, b""), frozenset(_ISSUER))
    except Unreadable:
        raise Unexpected("the archive's answer is not a data set") from None
    character_set = found.pop(_CHARACTER_SET, b"")
    answer = {_key(tag): {"Value": _texts(tag, value, character_set)} for tag, value in found.items()}
    if issuer:
        stated = {_key(tag): {"Value": [decoded(value, character_set)]} for tag, value in issuer.items()}
        answer[_key(_ACCESSION_ISSUER)] = {"Value": [stated]}
    return dict(answer)


def _identifier(level: str, keys: Mapping[str, str], *, returned: Iterable[int]) -> bytes:
    values = dict.fromkeys(returned, b"")
    values |= {_TAGS[keyword]: _padded(value, uid=keyword.endswith("InstanceUID")) for keyword, value in keys.items()}
    values[_LEVEL] = _padded(level)
    if any(not value.isascii() for value in keys.values()):
        values[_CHARACTER_SET] = _padded("ISO_IR 192")
    return elements.written(values)


def _padded(text: str, *, uid: bool = False) -> bytes:
    """Text to an even length with spaces, UIDs with zero (PS3.5 6.2, 9.1)."""
    value = text.encode()
    return value if uid or len(value) % 2 == 0 else value + b" "


def _texts(tag: int, value: bytes, character_set: bytes) -> list[object]:
    text = decoded(value, character_set)
    return [part.strip() for part in text.split("\\")] if tag == _MODALITIES else [text]


def _key(tag: int) -> str:
    return f"{tag:08X}"
