"""Rejection notes as an archive writes them (IHE Imaging Object Change Management), and an archive that holds them."""

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

from tests.kit.builders import MERCY
from tests.kit.scripted_archive import SAMPLE, uid
from tests.kit.studies import a_study
from transfer.adapters.dicom.fetching import store
from transfer.adapters.dicom.limits import DicomLimits
from transfer.adapters.dicom.rejections import KEY_OBJECTS
from transfer.adapters.dicom.series import Arriving, Bytes, Gathering
from transfer.institutions import Institution
from transfer.patients import Demographics
from transfer.sandbox.charts import Chart
from transfer.sources import SeriesFound, SeriesObject, StudyFound
from transfer.staging import Vault


def of_patient(chart: Chart) -> dict[str, str]:
    """What Mercy's archive says of the chart's patient in each image."""
    who, number = chart["patient"], chart["numbers"][MERCY]["value"]
    return {
        "PatientName": f"{who['family']}^{'^'.join(who['given'])}",
        "PatientID": number,
        "IssuerOfPatientID": "MERCY",
        "PatientBirthDate": who["birth_date"].replace("-", ""),
        "PatientSex": who["sex"][0].upper(),
    }


def an_image(number: int, chart: Chart, study: str, series: str, **more: object) -> bytes:
    """With all of its pixels: it is opened before it counts."""
    dataset = pydicom.dcmread(SAMPLE)
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study, series
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid(number)
    for keyword, value in {**of_patient(chart), **more}.items():
        setattr(dataset, keyword, value)
    file = BytesIO()
    dataset.save_as(file)
    return file.getvalue()


def a_note(own: str, rejected: Iterable[str], *, title: str, study: str, series: str, **patient: object) -> bytes:
    """A Key Object Selection of this title that names these images."""
    images = Dataset()
    images.ReferencedSOPSequence = Sequence([_reference(uid) for uid in rejected])
    images.SeriesInstanceUID = f"{study}.1"
    evidence = Dataset()
    evidence.StudyInstanceUID, evidence.ReferencedSeriesSequence = study, Sequence([images])
    concept = Dataset()
    concept.CodeValue, concept.CodingSchemeDesignator, concept.CodeMeaning = title, "DCM", "a title"
    note = Dataset()
    note.SOPClassUID, note.SOPInstanceUID = KEY_OBJECTS, own
    note.StudyInstanceUID, note.SeriesInstanceUID, note.Modality = study, series, "KO"
    note.ConceptNameCodeSequence = Sequence([concept])
    note.CurrentRequestedProcedureEvidenceSequence = Sequence([evidence])
    for keyword, value in patient.items():
        setattr(note, keyword, value)
    note.file_meta = FileMetaDataset()
    note.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    note.file_meta.MediaStorageSOPClassUID, note.file_meta.MediaStorageSOPInstanceUID = KEY_OBJECTS, own
    file = BytesIO()
    pydicom.dcmwrite(file, note, enforce_file_format=True)
    return file.getvalue()


def _reference(uid: str) -> Dataset:
    one = Dataset()
    one.ReferencedSOPClassUID, one.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.4", uid
    return one


@dataclass
class HeldStudy:
    """An archive that holds one study of whoever is asked for: DICOM files by series and SOP Instance UID."""

    study: str
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    #: sent after the others of their series
    again: list[bytes] = field(default_factory=list)

    def ask(self, _source: object) -> Any:
        return self

    def studies(self, who: Demographics, _institution: object, **_: object) -> list[StudyFound]:
        return [a_study(self.study, who)]

    def series(self, _study: str, **_: object) -> list[SeriesFound]:
        return [SeriesFound(uid=uid) for uid in self.files]

    def instances(self, _study: str, series: str, **_: object) -> frozenset[str]:
        return frozenset(self.files[series])

    def fetch_series(
        self,
        study: str,
        series: str,
        *,
        expected: frozenset[str],
        wanted: frozenset[str] | None = None,
        institution: Institution,
        vault: Vault,
        **_: object,
    ) -> SeriesObject | None:
        gathering = Gathering(study, series, expected, wanted, most=1 << 30)
        sent = [*self.files[series].values(), *self.again]
        return store(gathering, _taken(gathering, sent), vault, institution=institution)


def _taken(gathering: Gathering, files: Iterable[bytes]) -> Generator[Bytes, None, None]:
    for file in files:
        arriving = Arriving(DicomLimits())
        arriving.add(memoryview(file))
        yield from _pieces(gathering, arriving)


def _pieces(gathering: Gathering, arriving: Arriving) -> Iterator[Bytes]:
    yield from gathering.take(arriving)
