"""The directory a viewer opens the images by."""

import io
import json
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.fileset import FileSet

from tests.kit.dicomdirs import a_study
from tests.kit.fakes import MemoryVault
from tests.kit.packets import contents, made
from transfer.adapters.packet.dicomdir import dicomdir
from transfer.adapters.packet.layout import lay_out
from transfer.packet import ImagingItem
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
