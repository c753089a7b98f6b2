"""Discs with images: a folder and a ZIP file of whatever files, and DICOM files as small as they can be."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import UID, ExplicitVRLittleEndian, JPEGBaseline8Bit, MediaStorageDirectoryStorage

from transfer.sandbox.charts import Chart

CT = "1.2.840.10008.5.1.4.1.1.2"
#: Secondary Capture, of which everybody may make JPEG images
CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
ROOT = "1.2.826.0.1.3680043.10.999"


def an_image(
    study: str,
    number: int,
    *,
    series: int = 1,
    name: str = "Quillfeather^Odalys",
    born: str = "19610203",
    sex: str = "F",
    patient: str = "",
    sop_class: str = CT,
    syntax: str = ExplicitVRLittleEndian,
    pixels: bytes = b"\0\0\0\0",
    description: str = "CT ABDOMEN",
) -> bytes:
    """A DICOM file of a study, by the last part of its UIDs. `pixels` as its transfer syntax has them."""
    uid = UID(f"{ROOT}.{study}.{series}.{number}")
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = UID(syntax)
    image.file_meta.MediaStorageSOPClassUID = UID(sop_class)
    image.file_meta.MediaStorageSOPInstanceUID = uid
    image.SOPClassUID, image.SOPInstanceUID = sop_class, uid
    image.PatientName, image.PatientID, image.PatientBirthDate, image.PatientSex = name, patient, born, sex
    image.StudyInstanceUID = f"{ROOT}.{study}"
    image.SeriesInstanceUID = f"{ROOT}.{study}.{series}"
    image.StudyDate, image.StudyDescription, image.AccessionNumber = "20260501", description, f"A{study}"
    image.Modality, image.SeriesDescription, image.InstanceNumber = "CT", "AXIAL", number
    image.Rows, image.Columns, image.SamplesPerPixel, image.PhotometricInterpretation = 2, 2, 1, "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 8, 8, 7, 0
    image.PixelData = pixels
    if syntax == JPEGBaseline8Bit:
        image["PixelData"].VR = "OB"
        image["PixelData"].is_undefined_length = True
    kept = io.BytesIO()
    dcmwrite(kept, image, enforce_file_format=True)
    return kept.getvalue()


def named_as(chart: Chart) -> dict[str, Any]:
    """What an image of this patient says of them."""
    patient = chart["patient"]
    return {
        "name": f"{patient['family']}^{patient['given'][0]}",
        "born": patient["birth_date"].replace("-", ""),
        "sex": patient["sex"][0].upper(),
    }


def a_directory(paths: Sequence[tuple[str, int, int, str]]) -> bytes:
    """A DICOMDIR that names these: study, series, number, path. Each study is of a patient of its own."""
    directory = Dataset()
    directory.file_meta = FileMetaDataset()
    directory.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    directory.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    directory.file_meta.MediaStorageSOPInstanceUID = UID(f"{ROOT}.9")
    directory.FileSetID = ""
    directory.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity = 0
    directory.OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity = 0
    directory.FileSetConsistencyFlag = 0
    records, children = list[Dataset](), list[int]()
    for study, series, number, path in paths:
        chain = [_record("PATIENT"), _record("STUDY"), _record("SERIES"), _record("IMAGE")]
        chain[1].StudyInstanceUID = f"{ROOT}.{study}"
        chain[2].SeriesInstanceUID = f"{ROOT}.{study}.{series}"
        chain[3].ReferencedFileID = path.split("/")
        chain[3].ReferencedSOPClassUIDInFile = CT
        chain[3].ReferencedSOPInstanceUIDInFile = f"{ROOT}.{study}.{series}.{number}"
        children.append(len(records))
        records += chain
    directory.DirectoryRecordSequence = Items(records)
    places = _places(directory)
    for first, after in zip(children, [*children[1:], None], strict=True):
        for level in range(3):
            records[first + level].OffsetOfReferencedLowerLevelDirectoryEntity = places[first + level + 1]
        records[first].OffsetOfTheNextDirectoryRecord = places[after] if after is not None else 0
    directory.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity = places[0] if places else 0
    return _written(directory)


def _record(kind: str) -> Dataset:
    record = Dataset()
    record.OffsetOfTheNextDirectoryRecord = 0
    record.RecordInUseFlag = 0xFFFF
    record.OffsetOfReferencedLowerLevelDirectoryEntity = 0
    record.DirectoryRecordType = kind
    return record


def _places(directory: Dataset) -> list[int]:
    from pydicom import dcmread

    return [one.seq_item_tell for one in dcmread(io.BytesIO(_written(directory))).DirectoryRecordSequence]


def _written(directory: Dataset) -> bytes:
    kept = io.BytesIO()
    dcmwrite(kept, directory, enforce_file_format=True)
    return kept.getvalue()


def a_folder(root: Path, files: Mapping[str, bytes]) -> Path:
    """A disc as it is mounted."""
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    return root


def a_zip(files: Mapping[str, bytes]) -> io.BytesIO:
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as packed:
        for path, content in files.items():
            packed.writestr(path, content)
    kept.seek(0)
    return kept


def in_a_circle(directory: bytes) -> bytes:
    """The same directory, whose second patient is followed by the first."""
    from pydicom import dcmread

    found = dcmread(io.BytesIO(directory))
    records = list(found.DirectoryRecordSequence)
    records[4].OffsetOfTheNextDirectoryRecord = records[0].seq_item_tell
    return _written(found)
