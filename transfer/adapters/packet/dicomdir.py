"""DICOMDIR: the directory by which a DICOM viewer opens the packet's images (PS3.10 section 8, PS3.3 annex F).

Written from the head of each file, read by ranges: no image is read to list it. The files are as they were received; a
directory record repeats what they say, in UTF-8 (ISO_IR 192).
"""

import io
import uuid
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, BinaryIO, Final, cast

from pydicom import Dataset, Sequence, dcmread, dcmwrite
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag, Tag
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, MediaStorageDirectoryStorage

from transfer.adapters.dicom.part10 import IMPLEMENTATION, NAMESPACE
from transfer.adapters.packet.layout import PlacedStudy
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
_PATIENT: Final = {"PatientName": "", "PatientID": ""}
_STUDY: Final = {
    "StudyDate": "",
    "StudyTime": "",
    "StudyDescription": "",
    "StudyInstanceUID": None,
    "StudyID": "",
    "AccessionNumber": "",
}
_SERIES: Final = {"Modality": "OT", "SeriesInstanceUID": None, "SeriesNumber": 0}
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


@dataclass(slots=True)
class _Node:
    """A record and the ones below it."""

    record: Dataset
    below: "dict[str, _Node]" = field(default_factory=dict)


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
class Directory:
    """The DICOMDIR's bytes, and where it is not what the manifest says.

    * `unlisted`: paths it could not list because their head cannot be read; they are in the packet all the same
    * `otherwise`: paths it lists under another study or series, by the file's own word, than the archive did
    """

    written: bytes
    unlisted: tuple[str, ...]
    otherwise: tuple[str, ...]


def dicomdir(packet: PacketId, studies: tuple[PlacedStudy, ...], vault: Vault) -> Directory:
    """The directory of all images. The same packet always gives the same bytes."""
    root, unlisted, otherwise = _Node(Dataset()), [], []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path, location, filed in _files(studies):
            head = _head(vault, location)
            if head is None or not _list(root, path, head):
                unlisted.append(path)
            elif filed != (str(head.StudyInstanceUID), str(head.SeriesInstanceUID)):
                otherwise.append(path)
        return Directory(written=_written(packet, root), unlisted=tuple(unlisted), otherwise=tuple(otherwise))


def _files(studies: tuple[PlacedStudy, ...]) -> Iterator[tuple[str, Location, tuple[str, str]]]:
    """Path, place, and the study and series that the archive listed it under."""
    for study in studies:
        for series in study.series:
            filed = (study.item.study_instance_uid, series.item.series_instance_uid)
            yield from ((path, instance.location, filed) for path, instance in series.instances)


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
    file.seek(132)
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


def _list(root: _Node, path: str, head: FileDataset) -> bool:
    """Put the file under its patient, study and series; False where it does not say which."""
    try:
        kind = _record_type(str(head.SOPClassUID))
        patient = _below(root, str(head.get("PatientID", "")), "PATIENT", head, _PATIENT)
        study = _below(patient, str(head.StudyInstanceUID), "STUDY", head, _STUDY)
        series = _below(study, str(head.SeriesInstanceUID), "SERIES", head, _SERIES)
        leaf = _record(kind, head, dict.fromkeys(_LEAF))
        leaf.ReferencedFileID = path.removeprefix("data/").split("/")
        leaf.ReferencedSOPClassUIDInFile = head.SOPClassUID
        leaf.ReferencedSOPInstanceUIDInFile = head.SOPInstanceUID
        leaf.ReferencedTransferSyntaxUIDInFile = head.file_meta.TransferSyntaxUID
        if "InstanceNumber" not in leaf:
            leaf.InstanceNumber = len(series.below) + 1
        _encoded(leaf)
    except Exception:  # noqa: BLE001  # as above: a value that cannot be written costs its own record only
        return False
    series.below[path] = _Node(leaf)
    return True


def _record_type(sop_class: str) -> str:
    by_root = (kind for root, kind in _RECORD_TYPE_BY_ROOT.items() if sop_class.startswith(root))
    return _RECORD_TYPES.get(sop_class) or next(by_root, "IMAGE")


def _below(node: _Node, key: str, kind: str, head: Dataset, keys: dict[str, Any]) -> _Node:
    if key not in node.below:
        record = _record(kind, head, keys)
        _encoded(record)
        node.below[key] = _Node(record)
    return node.below[key]


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


def _encoded(record: Dataset) -> None:
    """Raises whatever pydicom raises where a value cannot be written."""
    record.is_little_endian, record.is_implicit_VR = True, False
    dcmwrite(io.BytesIO(), _copy(record), implicit_vr=False, little_endian=True, enforce_file_format=False)


def _copy(record: Dataset) -> Dataset:
    copy = Dataset()
    copy.update(record)
    return copy


def _written(packet: PacketId, root: _Node) -> bytes:
    records = list(_in_order(root))
    directory = _directory(packet, [node.record for node in records])
    first = _bytes(directory)
    places = [item.seq_item_tell for item in dcmread(io.BytesIO(first)).DirectoryRecordSequence]
    _chain(directory, root, {id(node): at for node, at in zip(records, places, strict=True)})
    return _bytes(directory)


def _in_order(node: _Node) -> Iterator[_Node]:
    for below in node.below.values():
        yield below
        yield from _in_order(below)


def _chain(directory: Dataset, root: _Node, places: dict[int, int]) -> None:
    """Write into each record where its neighbour and its children are: bytes from the start of the file."""
    top = [places[id(node)] for node in root.below.values()]
    if top:
        directory.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity = top[0]
        directory.OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity = top[-1]
    for node in (root, *_in_order(root)):
        below = list(node.below.values())
        if below and node is not root:
            node.record.OffsetOfReferencedLowerLevelDirectoryEntity = places[id(below[0])]
        for one, next_ in pairwise(below):
            one.record.OffsetOfTheNextDirectoryRecord = places[id(next_)]


def _directory(packet: PacketId, records: list[Dataset]) -> Dataset:
    directory = Dataset()
    directory.file_meta = FileMetaDataset()
    directory.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    directory.file_meta.MediaStorageSOPInstanceUID = UID(f"2.25.{uuid.uuid5(NAMESPACE, packet).int}")
    directory.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    directory.file_meta.ImplementationClassUID = UID(IMPLEMENTATION)
    directory.FileSetID = ""
    directory.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity = 0
    directory.OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity = 0
    directory.FileSetConsistencyFlag = 0
    directory.DirectoryRecordSequence = Sequence(records)
    return directory


def _bytes(directory: Dataset) -> bytes:
    kept = io.BytesIO()
    dcmwrite(kept, directory, enforce_file_format=True)
    return kept.getvalue()
