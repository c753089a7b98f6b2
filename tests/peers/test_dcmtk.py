"""The directory we write for a packet's images, read by dcmtk, and against the one dcmtk would write."""

import re
import subprocess
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.fileset import FileSet

from tests.kit.dicomdirs import a_study
from tests.kit.fakes import MemoryVault
from tests.kit.images import images_of
from tests.kit.packets import contents, made
from tests.kit.peers import installed
from transfer.sandbox.charts import draw_chart

SAMPLES = Path(__file__).parents[1] / "samples" / "dicom"
pytestmark = [pytest.mark.servers, pytest.mark.filterwarnings("ignore")]
#: each of another kind, and of another patient; some say neither a number of the patient nor a day
NAMES = ("CT_small.dcm", "MR_small_implicit.dcm", "test-SR.dcm", "JPEG2000.dcm", "rtplan.dcm", "chrGreek.dcm")
#: what dcmmkdir says of files that lack what it wants to know, or are compressed: it is the files' own
_THE_FILES_OWN = re.compile(r"inventing |missing, using alternative|LittleEndianExplicit expected but")


@pytest.fixture(scope="module", params=["a-study", "odd-files"])
def disc(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A packet's `data` folder, as it lies on a disc."""
    vault = MemoryVault()
    if request.param == "a-study":
        files = images_of(draw_chart(slices=4))
    else:
        files = [(SAMPLES / name).read_bytes() for name in NAMES]
    packet = made(contents((), (a_study(vault, *files),)), vault)
    return packet.unpack(tmp_path_factory.mktemp("disc")) / "data"


def listed(disc: Path) -> list[Path]:
    return [Path(each.path).relative_to(disc) for each in FileSet(disc / "DICOMDIR")]


#: every transfer syntax, and made up what a file does not say
_ANYTHING = ("--general-purpose", "--invent", "--no-xfer-check")


def dcmtk(program: str, *words: str | Path, folder: Path) -> str:
    """What it says, on both outputs; it must end well and complain of nothing."""
    command = [str(installed.program(program)), *map(str, words)]
    said = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", check=False)
    assert said.returncode == 0, said.stderr
    complaints = [line for line in said.stderr.splitlines() if line[:3] in ("E: ", "W: ")]
    assert not [line for line in complaints if not _THE_FILES_OWN.search(line)]
    return said.stdout + said.stderr


def test_dcmdump_reads_it_whole(disc: Path) -> None:
    text = dcmtk("dcmdump", "+L", "DICOMDIR", folder=disc)

    assert "MediaStorageDirectoryStorage" in text or "1.2.840.10008.1.3.10" in text
    ids = re.findall(r"\(0004,1500\) CS \[(.*?)\s*\]", text)
    assert len(ids) == len(listed(disc))
    assert all((disc / Path(*each.split("\\"))).is_file() for each in ids)


def test_every_file_it_lists_is_one_that_dcmftest_knows_as_dicom(disc: Path) -> None:
    files = listed(disc)

    assert dcmtk("dcmftest", *files, folder=disc).count("yes: ") == len(files)


def test_dcmmkdir_would_list_the_same_files_with_the_same_kinds(disc: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "DICOMDIR"

    dcmtk("dcmmkdir", *_ANYTHING, "--output-file", theirs, *listed(disc), folder=disc)

    assert leaves(theirs) == leaves(disc / "DICOMDIR")


def test_dcmmkdir_can_add_to_it(disc: Path) -> None:
    """It reads, understands and writes again what we wrote: offsets, links and all."""
    before, were = leaves(disc / "DICOMDIR"), (disc / "DICOMDIR").read_bytes()
    try:
        dcmtk("dcmmkdir", *_ANYTHING, "--update", listed(disc)[0], folder=disc)

        assert leaves(disc / "DICOMDIR") == before
    finally:
        (disc / "DICOMDIR").write_bytes(were)


def leaves(directory: Path) -> set[tuple[str, tuple[str, ...], str]]:
    """Kind, file and SOP Instance UID of each record that names a file."""
    records = dcmread(directory).DirectoryRecordSequence
    return {
        (record.DirectoryRecordType, tuple(record.ReferencedFileID), record.ReferencedSOPInstanceUIDInFile)
        for record in records
        if "ReferencedFileID" in record
    }
