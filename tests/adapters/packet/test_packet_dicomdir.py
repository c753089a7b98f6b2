"""The directory a viewer opens the images by."""

import io
import json
import shutil
import subprocess
import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydicom import Dataset, config, dcmread
from pydicom.fileset import FileSet

from tests.kit.dicomdirs import a_study
from tests.kit.fakes import MemoryVault
from tests.kit.packets import contents, made
from transfer.adapters.packet.dicomdir import Directory, dicomdir
from transfer.adapters.packet.layout import lay_out
from transfer.packet import ImagingItem, SeriesItem
from transfer.partial_dates import PartialDate
from transfer.verify import VerificationOutcome, verify

SAMPLES = Path(__file__).parents[2] / "samples" / "dicom"
pytestmark = pytest.mark.filterwarnings("ignore")


def listing(vault: MemoryVault, study: ImagingItem):
    contents_ = contents((), (study,))
    return dicomdir(contents_.packet, lay_out(contents_).studies, vault)


def test_a_viewer_finds_every_image_through_it(tmp_path):
    vault = MemoryVault()
    names = ("CT_small.dcm", "MR_small_implicit.dcm", "test-SR.dcm", "chrGreek.dcm", "JPEG2000.dcm", "rtplan.dcm")
    study = a_study(vault, *((SAMPLES / name).read_bytes() for name in names))
    packet = made(contents((), (study,)), vault)
    folder = packet.unpack(tmp_path / "packet")
    found = list(FileSet(folder / "data" / "DICOMDIR"))

    assert len(found) == len(names)
    for instance in found:
        assert instance.load().SOPInstanceUID == instance.SOPInstanceUID
    assert verify(folder, packet.jwks).outcome is VerificationOutcome.VERIFIED


def test_names_in_other_scripts_are_kept():
    vault = MemoryVault()
    study = a_study(vault, (SAMPLES / "chrGreek.dcm").read_bytes())
    directory = listing(vault, study)
    record = dcmread(io.BytesIO(directory.written)).DirectoryRecordSequence[0]

    assert not directory.unlisted
    assert str(record.PatientName) == str(dcmread(SAMPLES / "chrGreek.dcm").PatientName) == "Διονυσιος"


def test_a_file_that_cannot_be_read_is_told_and_costs_no_other():
    vault = MemoryVault()
    good = (SAMPLES / "CT_small.dcm").read_bytes()
    directory = listing(vault, a_study(vault, b"noise", good, good[:200], b""))

    assert directory.unlisted == tuple(f"data/DICOM/S0001/I0000{n}" for n in (1, 3, 4))
    records = dcmread(io.BytesIO(directory.written)).DirectoryRecordSequence
    assert sum(r.DirectoryRecordType == "IMAGE" for r in records) == 1


def test_the_manifest_names_what_the_directory_has_elsewhere_than_the_archive():
    vault = MemoryVault()
    ours = dcmread(SAMPLES / "CT_small.dcm")
    ours.StudyInstanceUID, ours.SeriesInstanceUID = "1.2.3", "1.2.3.4"
    file = io.BytesIO()
    ours.save_as(file)
    study = a_study(vault, file.getvalue(), (SAMPLES / "CT_small.dcm").read_bytes())

    packet = made(contents((), (study,)), vault)

    manifest = json.loads(packet.files["manifest.json"])
    assert manifest["otherwise_in_dicomdir"] == ["data/DICOM/S0001/I00002"]
    assert manifest["not_in_dicomdir"] == []


def test_only_the_head_of_a_large_file_is_read():
    class Counting(MemoryVault):
        fetched = 0

        def read_range(self, location, start, stop):
            self.fetched += stop - start
            return super().read_range(location, start, stop)

    vault = Counting()
    image = (SAMPLES / "CT_small.dcm").read_bytes() + bytes(5_000_000)
    listing(vault, a_study(vault, image, image))

    assert vault.fetched < 400_000


def test_the_same_images_give_the_same_directory():
    vault = MemoryVault()
    study = a_study(vault, (SAMPLES / "CT_small.dcm").read_bytes())

    assert listing(vault, study) == listing(vault, study)


def changed(name: str, **said: object) -> bytes:
    image = dcmread(SAMPLES / name)
    for keyword, value in said.items():
        setattr(image, keyword, value) if value is not None else delattr(image, keyword)
    kept = io.BytesIO()
    image.save_as(kept)
    return kept.getvalue()


def records(directory: Directory, kind: str) -> list[Dataset]:
    found = dcmread(io.BytesIO(directory.written)).DirectoryRecordSequence
    return [record for record in found if record.DirectoryRecordType == kind]


def three_series(vault: MemoryVault) -> ImagingItem:
    """Two studies' worth of heads: series of two images, of one image, and of a report."""
    files = [
        changed("CT_small.dcm", SOPInstanceUID=f"1.2.{n}", InstanceNumber=n, SeriesDescription="Axial", PatientSex="F")
        for n in (3, 1)
    ]
    files.append(changed("CT_small.dcm", SOPInstanceUID="1.2.9", SeriesInstanceUID="1.2.99", SeriesNumber=4))
    return a_study(vault, *files, (SAMPLES / "test-SR.dcm").read_bytes())


def test_it_says_what_viewers_show():
    directory = listing(vault := MemoryVault(), three_series(vault))
    patient, study, series = (records(directory, kind)[0] for kind in ("PATIENT", "STUDY", "SERIES"))

    assert (patient.PatientName, patient.PatientSex) == ("CompressedSamples^CT1", "F")
    assert "PatientBirthDate" in patient
    assert (study.StudyDescription, study.StudyDate) == ("e+1", "20040119")
    assert (study.NumberOfStudyRelatedSeries, study.NumberOfStudyRelatedInstances) == (2, 3)
    assert (series.SeriesDescription, series.NumberOfSeriesRelatedInstances) == ("Axial", 2)


def test_a_file_without_a_study_date_is_listed_under_the_day_of_the_archive():
    """The archive says 11 January, 19:01 in New York, which is another day in UTC."""
    undated = changed("CT_small.dcm", StudyDate=None)
    vault = MemoryVault()
    study = a_study(vault, undated, day=PartialDate(2013, 1, 11), at=datetime(2013, 1, 12, 0, 1, tzinfo=UTC))

    assert records(listing(vault, study), "STUDY")[0].StudyDate == "20130111"
    assert records(listing(vault, a_study(vault, undated, day=PartialDate(2013, 1))), "STUDY")[0].StudyDate == ""


def test_a_series_says_what_it_is_and_which_is_its_middle_image():
    vault = MemoryVault()
    files = [changed("CT_small.dcm", SOPInstanceUID=f"1.2.{n}", InstanceNumber=n) for n in (5, 1, 3, 2, 4)]
    study = a_study(vault, *files)
    said = listing(vault, study).series["data/DICOM/S0001"]

    assert said.middle == study.series[0].instances[2].location
    assert (said.number, said.modality) == (1, "CT")
    assert listing(vault, a_study(vault, b"noise")).series == {}
    assert (
        listing(vault, a_study(vault, (SAMPLES / "test-SR.dcm").read_bytes())).series["data/DICOM/S0001"].middle is None
    )


@pytest.mark.parametrize(
    "said",
    [
        {"PatientBirthDate": "not a day"},
        {"SeriesDescription": "x" * 5000},
        {"StudyDescription": "a\\b\\c"},
        {"InstanceNumber": "99999999999999"},
        {"PatientSex": "\xff" * 40},
    ],
)
def test_a_value_that_is_none_of_its_kind_costs_no_image(said):
    vault = MemoryVault()
    with config.disable_value_validation():
        study = a_study(vault, changed("CT_small.dcm", **said))
    directory = listing(vault, study)

    assert not directory.unlisted
    assert len(records(directory, "IMAGE")) == 1


def test_each_head_is_fetched_once():
    class Counting(MemoryVault):
        requests = 0

        def read_range(self, location, start, stop):
            self.requests += 1
            return super().read_range(location, start, stop)

    vault = Counting()
    listing(vault, a_study(vault, *[(SAMPLES / "MR_small_implicit.dcm").read_bytes()] * 5))

    assert vault.requests == 5


def test_very_many_images_cost_bytes_and_not_objects():
    """A directory of many thousand images is the size of what it lists."""
    vault = MemoryVault()
    image = (SAMPLES / "MR_small_implicit.dcm").read_bytes()
    study = a_study(vault, image)
    one = study.series[0].instances[0]
    many = replace(study, series=(SeriesItem("1.2.3.4", (one,) * 300),))
    tracemalloc.start()
    directory = listing(vault, many)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(records(directory, "IMAGE")) == 300
    assert peak < 8 * len(directory.written) + 1_000_000


@pytest.mark.parametrize("checker", [("dcmftest",), ("dcmdump", "-q"), ("dciodvfy",)])
def test_programs_of_others_find_nothing_wrong_with_it(tmp_path, checker):
    if shutil.which(checker[0]) is None:
        pytest.skip(f"{checker[0]} is not installed")
    vault = MemoryVault()
    dated = changed("CT_small.dcm", StudyTime="120000", StudyID="1")
    made(contents((), (a_study(vault, dated, dated),)), vault).unpack(tmp_path)
    done = subprocess.run([*checker, tmp_path / "data" / "DICOMDIR"], capture_output=True, text=True, check=False)

    assert done.returncode == 0
    assert "Error" not in done.stdout + done.stderr
