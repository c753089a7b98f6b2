"""The directory of a disc: DICOMDIR (PS3.10 section 8, PS3.3 annex F). It says which images ought to be there."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from transfer.errors import Unreadable

#: the name that it has, also with the version that ISO 9660 lets a name end with
NAMES: Final = frozenset({"DICOMDIR", "DICOMDIR;1", "DICOMDIR.", "DICOMDIR.;1"})
#: bytes that are read
LARGEST: Final = 32 << 20
#: its records
_MOST: Final = 200_000
_DEEPEST: Final = 8


@dataclass(frozen=True, slots=True)
class NamedImage:
    """An image that a directory names: by its UIDs, and by its path from where the directory lies."""

    study: str
    series: str
    instance: str
    path: str


def named_in(body: bytes) -> list[NamedImage]:
    """The images that a directory names.

    Raises:
        Unreadable: it is none, or it does not lead through its own records.
    """
    import pydicom

    try:
        found = pydicom.dcmread(io.BytesIO(body))
        records = {record.seq_item_tell: record for record in found.DirectoryRecordSequence}
        first = int(found.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity)
        if len(records) > _MOST or (records and first not in records):
            raise Unreadable("a DICOMDIR that leads nowhere")
        return list(_leaves(records, first, {}, set(), _DEEPEST))
    except Unreadable:
        raise
    except Exception:  # noqa: BLE001  # pydicom fails on hostile bytes in many ways
        raise Unreadable("a DICOMDIR that cannot be read") from None


def _leaves(
    records: dict[int, Any], at: int, above: dict[str, str], seen: set[int], depth: int
) -> Iterator[NamedImage]:
    while at:
        if at in seen or at not in records or not depth:
            raise Unreadable("a DICOMDIR whose records lead in a circle, or nowhere")
        seen.add(at)
        record = records[at]
        uids = {**above, **_uids(record)}
        if "ReferencedFileID" in record:
            if "study" in uids and "series" in uids and (uid := record.get("ReferencedSOPInstanceUIDInFile")):
                yield NamedImage(uids["study"], uids["series"], str(uid), _path(record.ReferencedFileID))
        elif below := int(record.get("OffsetOfReferencedLowerLevelDirectoryEntity") or 0):
            yield from _leaves(records, below, uids, seen, depth - 1)
        at = int(record.get("OffsetOfTheNextDirectoryRecord") or 0)


def _uids(record: Any) -> dict[str, str]:
    found = {"study": record.get("StudyInstanceUID"), "series": record.get("SeriesInstanceUID")}
    return {level: str(uid) for level, uid in found.items() if uid}


def _path(parts: Any) -> str:
    """File IDs are components (PS3.10 8.2): one value, or several."""
    return "/".join([parts] if isinstance(parts, str) else [str(one) for one in parts])
