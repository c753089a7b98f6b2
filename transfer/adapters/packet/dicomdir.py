"""DICOMDIR: the directory by which a DICOM viewer opens the packet's images (PS3.10 section 8, PS3.3 annex F).

Written from the head of each file, read by ranges: no image is read to list it. The files are as they were received; a
directory record repeats what they say, in UTF-8 (ISO_IR 192).
"""

import io
import struct
import uuid
import warnings
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, BinaryIO, Final, cast

from pydicom import DataElement, Dataset, dcmread, dcmwrite
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag, Tag
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, MediaStorageDirectoryStorage

from transfer.adapters.dicom.part10 import IMPLEMENTATION, NAMESPACE
from transfer.adapters.packet.layout import PlacedSeries, PlacedStudy, one_line
from transfer.identifiers import PacketId
from transfer.staging import Location, Vault

#: bytes of one file that are read for its directory record, and in what steps
_HEAD: Final = 8 << 20
_STEP: Final = 64 << 10

# PS3.3 table F.4-1: what is not an image, by SOP class (PS3.4 table B.5-1)
_RECORD_TYPES: Final = {
    "1.2.840.10008.5.1.4.1.1.481.2": "RT DOSE",
    "1.2.840.10008.5.1.4.1.1.481.3": "RT STRUCTURE SET",
    "1.2.840.10008.5.1.4.1.1.481.5": "RT PLAN",
    "1.2.840.10008.5.1.4.1.1.481.8": "RT PLAN",
    "1.2.840.10008.5.1.4.1.1.66": "RAW DATA",
    "1.2.840.10008.5.1.4.1.1.66.1": "REGISTRATION",
    "1.2.840.10008.5.1.4.1.1.66.3": "REGISTRATION",
    "1.2.840.10008.5.1.4.1.1.66.2": "FIDUCIAL",
    "1.2.840.10008.5.1.4.1.1.104.1": "ENCAP DOC",
    "1.2.840.10008.5.1.4.1.1.104.2": "ENCAP DOC",
    "1.2.840.10008.5.1.4.1.1.88.59": "KEY OBJECT DOC",
    "1.2.840.10008.5.1.4.1.1.4.2": "SPECTROSCOPY",
    "1.2.840.10008.5.1.4.1.1.67": "VALUE MAP",
}
_RECORD_TYPE_BY_ROOT: Final = {
    "1.2.840.10008.5.1.4.1.1.88.": "SR DOCUMENT",
    "1.2.840.10008.5.1.4.1.1.11.": "PRESENTATION",
    "1.2.840.10008.5.1.4.1.1.9.": "WAVEFORM",
}

# PS3.3 annex F.5: keys of each level, and what stands where the file says nothing (type 1 must say something)
_PATIENT: Final = {"PatientName": "", "PatientID": "", "PatientBirthDate": "", "PatientSex": ""}
_STUDY: Final = {
    "StudyDate": "",
    "StudyTime": "",
    "StudyDescription": "",
    "StudyInstanceUID": None,
    "StudyID": "",
    "AccessionNumber": "",
}
_SERIES: Final = {
    "SeriesDate": None,
    "Modality": "OT",
    "SeriesDescription": None,
    "BodyPartExamined": None,
    "SeriesInstanceUID": None,
    "SeriesNumber": 0,
}
#: keys of the leaves
_LEAF: Final = (
    "InstanceNumber",
    "ContentDate",
    "ContentTime",
    "DoseSummationType",
    "StructureSetLabel",
    "StructureSetDate",
    "StructureSetTime",
    "RTPlanLabel",
    "RTPlanDate",
    "RTPlanTime",
    "ContentLabel",
    "ContentDescription",
    "ContentCreatorName",
    "PresentationCreationDate",
    "PresentationCreationTime",
    "CompletionFlag",
    "VerificationFlag",
    "ConceptNameCodeSequence",
    "DocumentTitle",
    "MIMETypeOfEncapsulatedDocument",
    "Rows",
    "Columns",
    "ImageType",
)
_READ: Final = [*_PATIENT, *_STUDY, *_SERIES, *_LEAF, "SOPClassUID", "SOPInstanceUID", "SpecificCharacterSet"]
_TAGS: Final = tuple(Tag(name) for name in _READ)


#: bytes before the first item of a sequence, and before what is in an item (PS3.5 7.1.2, 7.5)
_SEQUENCE_HEAD, _ITEM_HEAD = 12, 8
#: where in a record the offsets of its neighbour and of its first child stand: (0004,1400) and (0004,1420) begin it
_NEXT_AT, _CHILD_AT = 8, 30


@dataclass(slots=True)
class _Node:
    """A record and the ones below it. Of a leaf, of which there may be very many, only the bytes are kept."""

    record: Dataset
    below: "dict[str, _Node | bytes]" = field(default_factory=dict)


class _Head(io.RawIOBase):
    """The beginning of a file in the vault, fetched as it is read; seeking past what is not wanted costs nothing."""

    #: pydicom asks every buffered reader for one
    name = ""

    def __init__(self, vault: Vault, location: Location) -> None:
        super().__init__()
        self._vault, self._location = vault, location
        self._at, self._fetched = 0, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._location.length}[whence]
        self._at = max(base + offset, 0)
        return self._at

    def readinto(self, buffer: Any, /) -> int:
        stop = min(self._at + len(buffer), self._location.length)
        if stop <= self._at:
            return 0
        self._fetched += stop - self._at
        if self._fetched > _HEAD:
            raise EOFError("the head of a DICOM file is beyond all measure")
        piece = b"".join(self._vault.read_range(self._location, self._at, stop))
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesSaid:
    """What the files of a series say of it: the first that can be read, and which is its middle image."""

    number: int | None
    description: str | None
    modality: str | None
    #: by Instance Number (0020,0013); None: it holds no image
    middle: Location | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """The DICOMDIR's bytes, and where it is not what the manifest says.

    * `unlisted`: paths it could not list because their head cannot be read; they are in the packet all the same
    * `otherwise`: paths it lists under another study or series, by the file's own word, than the archive did
    * `series`: by folder, what those say that could be read
    """

    written: bytes
    unlisted: tuple[str, ...]
    otherwise: tuple[str, ...]
    series: Mapping[str, SeriesSaid]


def dicomdir(packet: PacketId, studies: tuple[PlacedStudy, ...], vault: Vault) -> Directory:
    """The directory of all images. The same packet always gives the same bytes."""
    root, said = _Node(Dataset()), {}
    unlisted: list[str] = []
    otherwise: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for study in studies:
            for series in study.series:
                heads = _heads(root, study, series, vault, unlisted, otherwise)
                if (found := _said(heads)) is not None:
                    said[series.folder] = found
        written = _written(packet, root)
    return Directory(written=written, unlisted=tuple(unlisted), otherwise=tuple(otherwise), series=said)


def _heads(
    root: _Node,
    study: PlacedStudy,
    series: PlacedSeries,
    vault: Vault,
    unlisted: list[str],
    otherwise: list[str],
) -> Iterator[tuple[FileDataset, Location]]:
    """Each file of a series that could be listed."""
    filed = (study.item.study_instance_uid, series.item.series_instance_uid)
    for path, instance in series.instances:
        head = _head(vault, instance.location)
        if head is None or not _list(root, path, head, study):
            unlisted.append(path)
            continue
        if filed != (str(head.StudyInstanceUID), str(head.SeriesInstanceUID)):
            otherwise.append(path)
        yield head, instance.location


def _said(heads: Iterator[tuple[FileDataset, Location]]) -> SeriesSaid | None:
    first: FileDataset | None = None
    images: list[tuple[float, int, Location]] = []
    for order, (head, location) in enumerate(heads):
        first = first or head
        if _record_type(str(head.SOPClassUID)) == "IMAGE":
            number = _number(head, "InstanceNumber")
            images.append((float("inf") if number is None else number, order, location))
    if first is None:
        return None
    images.sort(key=lambda image: image[:2])
    return SeriesSaid(
        number=_number(first, "SeriesNumber"),
        description=_text(first, "SeriesDescription"),
        modality=_text(first, "Modality"),
        middle=images[len(images) // 2][2] if images else None,
    )


def _number(head: Dataset, name: str) -> int | None:
    """As much of an integer string (IS) as it is one."""
    try:
        return int(str(head.get(name)))
    except ValueError:
        return None


def _text(head: Dataset, name: str) -> str | None:
    return one_line(str(head.get(name) or "")) or None


def _head(vault: Vault, location: Location) -> FileDataset | None:
    file = io.BufferedReader(_Head(vault, location), _STEP)
    try:
        head = _inflated(cast(BinaryIO, file)) or dcmread(file, stop_before_pixels=True, specific_tags=list(_TAGS))
        head.decode()
    except Exception:  # noqa: BLE001  # pydicom fails on hostile bytes in many ways; each means: not listable
        return None
    return head


def _inflated(file: BinaryIO) -> FileDataset | None:
    """The head of a deflated file (PS3.5 A.5), inflated no further than a head goes: pydicom would inflate all of it,
    however much that is. None, and the file at its beginning, where it is not deflated.
    """
    file.read(132)  # and no seek: what was fetched from the beginning is read again from memory
    meta = FileMetaDataset(read_dataset(file, False, True, stop_when=_is_behind_meta))  # noqa: FBT003  pydicom's own
    if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
        file.seek(0)
        return None
    inflated = io.BytesIO(zlib.decompressobj(-zlib.MAX_WBITS).decompress(file.read(_HEAD), _HEAD))
    head = read_dataset(inflated, False, True, stop_when=_is_pixels, specific_tags=list(_TAGS))  # noqa: FBT003  as above
    return FileDataset(inflated, head, file_meta=meta, is_implicit_VR=False)


def _is_behind_meta(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return bool(tag.group != 2)


def _is_pixels(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return bool(tag >= 0x7FE00008)  # Float Pixel Data, Double Float Pixel Data, Pixel Data


def _list(root: _Node, path: str, head: FileDataset, filed: PlacedStudy) -> bool:
    """Put the file under its patient, study and series; False where it does not say which."""
    try:
        kind = _record_type(str(head.SOPClassUID))
        patient = _below(root, str(head.get("PatientID", "")), "PATIENT", head, _PATIENT)
        study = _below(patient, str(head.StudyInstanceUID), "STUDY", head, _STUDY | _day_of(filed))
        series = _below(study, str(head.SeriesInstanceUID), "SERIES", head, _SERIES)
        leaf = _record(kind, head, dict.fromkeys(_LEAF))
        leaf.ReferencedFileID = path.removeprefix("data/").split("/")
        leaf.ReferencedSOPClassUIDInFile = head.SOPClassUID
        leaf.ReferencedSOPInstanceUIDInFile = head.SOPInstanceUID
        leaf.ReferencedTransferSyntaxUIDInFile = head.file_meta.TransferSyntaxUID
        if "InstanceNumber" not in leaf:
            leaf.InstanceNumber = len(series.below) + 1
        series.below[path] = _encoded(leaf)
    except Exception:  # noqa: BLE001  # as above: what cannot be written costs its own record only
        return False
    return True


def _day_of(filed: PlacedStudy) -> dict[str, Any]:
    """The study's day as the archive lists it, for files that say none."""
    day = filed.item.day
    return {"StudyDate": f"{day.first:%Y%m%d}"} if day and day.day else {}


def _record_type(sop_class: str) -> str:
    by_root = (kind for root, kind in _RECORD_TYPE_BY_ROOT.items() if sop_class.startswith(root))
    return _RECORD_TYPES.get(sop_class) or next(by_root, "IMAGE")


def _below(node: _Node, key: str, kind: str, head: Dataset, keys: dict[str, Any]) -> _Node:
    if key not in node.below:
        record = _record(kind, head, keys)
        _encoded(record)
        node.below[key] = _Node(record)
    there = node.below[key]
    assert isinstance(there, _Node)  # leaves stand below series alone
    return there


def _record(kind: str, head: Dataset, keys: dict[str, Any]) -> Dataset:
    record = Dataset()
    record.OffsetOfTheNextDirectoryRecord = 0
    record.RecordInUseFlag = 0xFFFF
    record.OffsetOfReferencedLowerLevelDirectoryEntity = 0
    record.DirectoryRecordType = kind
    record.SpecificCharacterSet = "ISO_IR 192"
    for name, otherwise in keys.items():
        said = head.get(name)
        if said is not None and said != "":
            setattr(record, name, said)
        elif otherwise is not None:
            setattr(record, name, otherwise)
    return record


def _encoded(record: Dataset) -> bytes:
    """The record without the values that cannot be written. Raises whatever pydicom raises where none can."""
    try:
        return _bytes(record)
    except Exception:  # noqa: BLE001  # as above
        for element in list(record):
            if not _is_writable(element):
                del record[element.tag]
        return _bytes(record)


def _is_writable(element: DataElement) -> bool:
    alone = Dataset()
    alone.add(element)
    try:
        _bytes(alone)
    except Exception:  # noqa: BLE001  # as above
        return False
    return True


def _bytes(record: Dataset) -> bytes:
    kept, copy = io.BytesIO(), Dataset()
    copy.update(record)
    dcmwrite(kept, copy, implicit_vr=False, little_endian=True, enforce_file_format=False)
    return kept.getvalue()


def _written(packet: PacketId, root: _Node) -> bytes:
    """The file: its head, then the records in order, each knowing where its neighbour and its children begin."""
    for patient in _nodes(root):
        for study in _nodes(patient):
            _count(study)
    records = list(_in_order(root))
    head = len(_directory_head(packet, 0, 0)) + _SEQUENCE_HEAD
    places = list(accumulate((len(record) + _ITEM_HEAD for _, record in records), initial=head))
    _chain(records, places)
    top = [place for (depth, _), place in zip(records, places, strict=False) if depth == 0]
    items = b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(record)) + record for _, record in records)
    sequence = struct.pack("<HH2sHI", 0x0004, 0x1220, b"SQ", 0, len(items))
    return _directory_head(packet, top[0] if top else 0, top[-1] if top else 0) + sequence + items


def _nodes(node: _Node) -> list[_Node]:
    return [one for one in node.below.values() if isinstance(one, _Node)]


def _count(study: _Node) -> None:
    """How many series and instances of the study are here (PS3.3 C.3.4)."""
    every = _nodes(study)
    study.record.NumberOfStudyRelatedSeries = len(every)
    study.record.NumberOfStudyRelatedInstances = sum(len(series.below) for series in every)
    for series in every:
        series.record.NumberOfSeriesRelatedInstances = len(series.below)


def _in_order(node: _Node, depth: int = 0) -> Iterator[tuple[int, bytearray]]:
    """Every record with how deep it stands, a record before the ones below it."""
    for below in node.below.values():
        yield depth, bytearray(below if isinstance(below, bytes) else _encoded(below.record))
        if isinstance(below, _Node):
            yield from _in_order(below, depth + 1)


def _chain(records: Sequence[tuple[int, bytearray]], places: Sequence[int]) -> None:
    """Write into each record where its neighbour and its first child begin: bytes from the start of the file."""
    latest: dict[int, int] = {}
    for number, (depth, _) in enumerate(records):
        if number and records[number - 1][0] < depth:
            struct.pack_into("<I", records[number - 1][1], _CHILD_AT, places[number])
            latest.pop(depth, None)
        if depth in latest:
            struct.pack_into("<I", records[latest[depth]][1], _NEXT_AT, places[number])
        latest[depth] = number


def _directory_head(packet: PacketId, first: int, last: int) -> bytes:
    directory = Dataset()
    directory.file_meta = FileMetaDataset()
    directory.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    directory.file_meta.MediaStorageSOPInstanceUID = UID(f"2.25.{uuid.uuid5(NAMESPACE, packet).int}")
    directory.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    directory.file_meta.ImplementationClassUID = UID(IMPLEMENTATION)
    directory.FileSetID = ""
    directory.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity = first
    directory.OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity = last
    directory.FileSetConsistencyFlag = 0
    kept = io.BytesIO()
    dcmwrite(kept, directory, enforce_file_format=True)
    return kept.getvalue()
