"""The directory we write for a packet's images, read by dcmtk, and against the one dcmtk would write."""

import re
import subprocess
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.fileset import FileSet

from tests.adapters.packet.test_packet_dicomdir import a_study
from tests.fakes import MemoryVault
from tests.packets import contents, made
from tests.peers import installed

SAMPLES = Path(__file__).parents[1] / "samples" / "dicom"
pytestmark = [pytest.mark.servers, pytest.mark.filterwarnings("ignore")]
#: of one patient and study as far as a directory goes; each of another kind
NAMES = ("CT_small.dcm", "MR_small_implicit.dcm", "test-SR.dcm", "JPEG2000.dcm", "rtplan.dcm", "chrGreek.dcm")


@pytest.fixture(scope="module")
def disc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A packet's `data` folder, as it lies on a disc."""
    vault = MemoryVault()
    study = a_study(vault, *((SAMPLES / name).read_bytes() for name in NAMES))
    packet = made(contents((), (study,)), vault)
    return packet.unpack(tmp_path_factory.mktemp("disc")) / "data"


def dcmtk(program: str, *words: str | Path, folder: Path) -> str:
    """What it says, on both outputs; it must end well and complain of nothing."""
    command = [str(installed.program(program)), *map(str, words)]
    said = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", check=False)
    assert said.returncode == 0, said.stderr
    assert not re.search(r"^[EW]: ", said.stderr, re.MULTILINE), said.stderr
    return said.stdout + said.stderr


def record_types(text: str) -> list[str]:
    return re.findall(r"DirectoryRecordType\s*$|\(0004,1430\) CS \[(.*?)\s*\]", text)


def test_dcmdump_reads_it_whole(disc: Path) -> None:
    text = dcmtk("dcmdump", "+L", "DICOMDIR", folder=disc)

    assert "MediaStorageDirectoryStorage" in text or "1.2.840.10008.1.3.10" in text
    ids = re.findall(r"\(0004,1500\) CS \[(.*?)\s*\]", text)
    assert len(ids) == len(NAMES)
    assert all((disc / Path(*each.split("\\"))).is_file() for each in ids)


def test_every_file_it_lists_is_one_that_dcmftest_knows_as_dicom(disc: Path) -> None:
    files = [Path(each.path).relative_to(disc) for each in FileSet(disc / "DICOMDIR")]

    said = dcmtk("dcmftest", *files, folder=disc)

    assert said.count("yes: ") == len(NAMES)


def test_dcmmkdir_would_list_the_same_files_with_the_same_kinds(disc: Path, tmp_path: Path) -> None:
    files = [Path(each.path).relative_to(disc) for each in FileSet(disc / "DICOMDIR")]
    theirs = tmp_path / "DICOMDIR"

    dcmtk("dcmmkdir", "--general-purpose", "--invent", "--output-file", theirs, *files, folder=disc)

    assert leaves(theirs) == leaves(disc / "DICOMDIR")


def test_dcmmkdir_can_add_to_it(disc: Path) -> None:
    """It reads, understands and writes again what we wrote: offsets, links and all."""
    first = next(Path(each.path).relative_to(disc) for each in FileSet(disc / "DICOMDIR"))
    before = (disc / "DICOMDIR").read_bytes()
    try:
        dcmtk("dcmmkdir", "--general-purpose", "--invent", "--update", first, folder=disc)

        assert len(leaves(disc / "DICOMDIR")) == len(NAMES)
    finally:
        (disc / "DICOMDIR").write_bytes(before)


def leaves(directory: Path) -> set[tuple[str, tuple[str, ...], str]]:
    """Kind, file and SOP Instance UID of each record that names a file."""
    records = dcmread(directory).DirectoryRecordSequence
    return {
        (record.DirectoryRecordType, tuple(record.ReferencedFileID), record.ReferencedSOPInstanceUIDInFile)
        for record in records
        if "ReferencedFileID" in record
    }
