"""One of each peer for all the tests that talk to it: some take long to start."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.peers.certificates import Certificates, certificates
from tests.kit.peers.orthanc import DicomOrthanc, Front, an_nginx, an_orthanc
from tests.kit.peers.rgw import Rgw, a_rgw
from tests.kit.peers.versitygw import Versitygw, a_versitygw
from transfer.embedded.orthanc import Orthanc


@pytest.fixture(scope="session")
def room() -> Iterator[Path]:
    """A folder for all of them; Orthanc's temporary files want a short path."""
    folder = Path(tempfile.mkdtemp(prefix="rt-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def orthanc(room: Path, known: Certificates) -> Iterator[DicomOrthanc]:
    with an_orthanc(_folder(room, "orthanc"), known) as peer:
        yield peer


@pytest.fixture(scope="session")
def known(room: Path) -> Certificates:
    """The certificates that servers and clients know each other by."""
    return certificates(room / "certificates")


@pytest.fixture(scope="session")
def nginx(room: Path, orthanc: Orthanc, known: Certificates) -> Iterator[Front]:
    with an_nginx(_folder(room, "nginx"), orthanc, known) as front:
        yield front


@pytest.fixture(scope="session")
def versitygw(room: Path) -> Iterator[Versitygw]:
    with a_versitygw(_folder(room, "versitygw")) as peer:
        yield peer


@pytest.fixture(scope="session")
def rgw(room: Path) -> Iterator[Rgw]:
    with a_rgw(_folder(room, "rgw")) as peer:
        yield peer


def _folder(room: Path, name: str) -> Path:
    folder = room / name
    folder.mkdir()
    return folder
