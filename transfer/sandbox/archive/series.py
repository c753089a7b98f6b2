"""A patient's CT study, made on the fly: every slice of the same bytes each time it is asked for, none of them kept.

A file is written once per series as a pattern, from one published CT image; what differs from slice to slice has a
fixed width in it and is put in by replacement. The pixels are the pattern's, turned by some rows.
"""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib import resources
from typing import Any

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

from transfer.sandbox.charts import Chart
from transfer.sandbox.directory import MERCY, Entry

CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
#: for images of any other modality
SECONDARY_CAPTURE_STORAGE = "1.2.840.10008.5.1.4.1.1.7"
#: InstanceNumber (0020,0013) IS of six characters, and a slice's position, as they stand in the pattern
_NUMBER, _Z = b"\x20\x00\x13\x00IS\x06\x00999983", b"-98765.431"
_PRIVATE_GROUPS = (0x0009, 0x0011, 0x0019, 0x0021, 0x0023, 0x0025, 0x0027, 0x0029, 0x0043)
_SIDE = 128


@dataclass(frozen=True)
class Series:
    """`instances` slices of `rows` by `rows` pixels of two bytes."""

    uid: str
    number: int
    description: str
    instances: int
    rows: int
    chart_text: str
    modality: str = "CT"

    @property
    def sop_class(self) -> str:
        return CT_IMAGE_STORAGE if self.modality == "CT" else SECONDARY_CAPTURE_STORAGE

    def instance_uid(self, number: int) -> str:
        """SOP instance UIDs of one series have one length, which the pattern rests on."""
        return f"{self.uid}.{10_000 + number}"

    def instance(self, number: int) -> list[bytes | memoryview]:
        """Slice `number` (from 1) as a DICOM file in a few pieces; the same bytes each time."""
        header = (
            self._pattern.replace(self.instance_uid(0).encode(), self.instance_uid(number).encode())
            .replace(_NUMBER, _NUMBER[:-6] + f"{number:<6}".encode())
            .replace(_Z, f"{-75.0 - 5.0 * number:<10.3f}".encode())
        )
        pixels = memoryview(_pixels(self.rows))
        turned = (number * 7 % self.rows) * self.rows * 2
        return [header, pixels[turned:], pixels[:turned]]

    def dataset(self, number: int) -> Dataset:
        """Slice `number` without its pixels."""
        whole = b"".join(bytes(piece) for piece in self.instance(number))
        return pydicom.dcmread(io.BytesIO(whole), stop_before_pixels=True)

    @cached_property
    def _pattern(self) -> bytes:
        chart: Chart = json.loads(self.chart_text)
        written = io.BytesIO()
        image = _identified(_sample(), chart, self)
        pydicom.dcmwrite(written, image, enforce_file_format=True)
        whole = written.getvalue()
        return whole[: len(whole) - len(_pixels(self.rows))]


@dataclass(frozen=True, slots=True)
class Study:
    uid: str
    chart: Chart
    series: tuple[Series, ...]


def study(chart: Chart, *, slices: int | None, rows: int) -> Study:
    """The chart's study; `slices` overrides the length of its longest series."""
    text = json.dumps(chart, sort_keys=True)
    held = chart["imaging"]["series"]
    longest = max(held, key=lambda series: int(series["instances"]))["uid"]
    series = tuple(
        _series(text, n, slices if slices and said["uid"] == longest else said["instances"], rows)
        for n, said in enumerate(held)
    )
    return Study(chart["imaging"]["study_uid"], chart, series)


@lru_cache(maxsize=256)
def _series(text: str, position: int, instances: int, rows: int) -> Series:
    said = json.loads(text)["imaging"]["series"][position]
    return Series(said["uid"], said["number"], said["description"], int(instances), rows, text, said["modality"])


def _identified(image: Dataset, chart: Chart, series: Series) -> Dataset:
    """The published image as the patient's own: whose it is, what it belongs to, and its size."""
    imaging = chart["imaging"]
    for tag in [e.tag for e in image if e.tag.group in _PRIVATE_GROUPS or e.tag.is_private]:
        del image[tag]
    _of_patient(image, chart)
    day = imaging["date"].replace("-", "")
    image.StudyDate = image.SeriesDate = image.AcquisitionDate = image.ContentDate = image.InstanceCreationDate = day
    image.StudyInstanceUID, image.StudyID = imaging["study_uid"], imaging["study_id"]
    image.StudyDescription = imaging["description"]
    image.AccessionNumber = imaging["accession"]["value"]
    image.IssuerOfAccessionNumberSequence = Sequence([_issuer("MERCYRIS", MERCY, "2")])
    image.SeriesInstanceUID, image.SeriesNumber = series.uid, series.number
    image.SeriesDescription = series.description
    image.FrameOfReferenceUID = imaging["frame_uid"]
    image.SOPInstanceUID = series.instance_uid(0)
    image.Modality = series.modality
    if series.modality != "CT":
        image.ConversionType = "DI"
    image.Rows = image.Columns = series.rows
    image.InstitutionName = MERCY.name
    image.ReferringPhysicianName = "^".join(reversed(chart["people"]["oncologist"].split(" ", 1)))
    image.PixelData = _pixels(series.rows)
    image.InstanceNumber, image.SliceLocation = _NUMBER[-6:].decode(), _Z.decode()
    x, y, _ = image.ImagePositionPatient
    image.ImagePositionPatient = [str(x), str(y), _Z.decode()]
    image.file_meta = FileMetaDataset()
    image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID = series.sop_class
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return image


def _of_patient(image: Dataset, chart: Chart) -> None:
    who = chart["patient"]
    image.SpecificCharacterSet = "ISO_IR 192"
    image.PatientName = f"{who['family']}^{'^'.join(who['given'])}"
    image.PatientID = chart["numbers"][MERCY.id]["value"]
    image.IssuerOfPatientID = MERCY.namespace
    image.IssuerOfPatientIDQualifiersSequence = Sequence([_issuer(None, MERCY, "1")])
    image.PatientBirthDate = who["birth_date"].replace("-", "")
    image.PatientSex = who["sex"][0].upper()
    for keyword in (
        "OtherPatientIDsSequence",
        "PatientAge",
        "PatientWeight",
        "ImageComments",
        "DataSetTrailingPadding",
    ):
        if keyword in image:
            delattr(image, keyword)


def _issuer(namespace: str | None, entry: Entry, kind: str) -> Dataset:
    item = Dataset()
    if namespace:
        item.LocalNamespaceEntityID = namespace
    item.UniversalEntityID, item.UniversalEntityIDType = f"{entry.oid}.{kind}", "ISO"
    return item


def _sample() -> Dataset:
    path = resources.files("transfer.sandbox").joinpath("data/CT_small.dcm")
    return pydicom.dcmread(io.BytesIO(path.read_bytes()))


@lru_cache(maxsize=4)
def _pixels(rows: int) -> bytes:
    """The published image's pixels, each repeated to make `rows` by `rows`."""
    small: bytes = _sample().PixelData
    times, odd = divmod(rows, _SIDE)
    if odd or times < 1:
        raise ValueError(f"rows is a multiple of {_SIDE}")
    return b"".join(line for row in _rows(small) for line in [_widened(row, times)] * times)


def _rows(pixels: bytes) -> Iterator[bytes]:
    width = _SIDE * 2
    return (pixels[start : start + width] for start in range(0, len(pixels), width))


def _widened(row: bytes, times: int) -> bytes:
    return b"".join(row[n : n + 2] * times for n in range(0, len(row), 2))


def as_json(dataset: Dataset) -> dict[str, Any]:
    """The DICOM JSON model (PS3.18 F)."""
    described: dict[str, Any] = dataset.to_json_dict(suppress_invalid_tags=True)
    return described
