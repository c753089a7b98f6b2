"""A second archive that speaks DIMSE, by others than Orthanc's: dcmtk's dcmqrscp, in plain text on this machine."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO

import pydicom
import pytest

from tests.kit.fakes import MemoryVault
from tests.kit.images import images_of
from tests.kit.peers import installed
from tests.kit.peers.running import running
from tests.kit.series import fetch, fetched, largest, missing
from transfer.adapters.dimse import DimseClient, DimsePeer
from transfer.embedded import ports
from transfer.embedded.orthanc import Orthanc
from transfer.errors import TransferError, TurnedAway
from transfer.institutions import Institution
from transfer.patients import Demographics, IssuedIdentifier, PersonName
from transfer.sandbox.charts import draw_chart

pytestmark = pytest.mark.servers

CHART = draw_chart(slices=7)
IMAGES = {str(pydicom.dcmread(BytesIO(file)).SOPInstanceUID): file for file in images_of(CHART)}
STUDY = str(CHART["imaging"]["study_uid"])
NUMBER = CHART["numbers"]["mercy-imaging"]
MERCY = Institution(id="mercy-imaging", name="M", time_zone="UTC", issuers={"MERCY": NUMBER["system"]})
INSIDE = 11112

_CONF = """
NetworkTCPPort = {inside}
MaxPDUSize = 16384
MaxAssociations = 8
HostTable BEGIN
us = (TRANSFER, localhost, 9)
HostTable END
VendorTable BEGIN
VendorTable END
AETable BEGIN
FILMROOM {folder}/store RW (100, 1024mb) us
AETable END
"""


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DimsePeer]:
    """It would listen on every address, so it runs apart, as Orthanc does and behind the same front."""
    server, index = installed.program("dcmqrscp"), installed.program("dcmqridx")
    Orthanc.check()
    folder = tmp_path_factory.mktemp("dcmqrscp")
    (folder / "store").mkdir()
    (folder / "conf").write_text(_CONF.format(inside=INSIDE, folder=folder))
    for number, image in enumerate(IMAGES.values()):
        (folder / "store" / f"{number}.dcm").write_bytes(image)
    subprocess.run([index, folder / "store", *sorted((folder / "store").glob("*.dcm"))], check=True)
    port = ports.free(["dimse"])["dimse"]
    found = DimsePeer(host="127.0.0.1", port=port, called_ae_title="FILMROOM", calling_ae_title="TRANSFER")
    front = [sys.executable, "-m", "transfer.embedded.orthanc_server", "--port", f"{port}:{INSIDE}", "--run"]
    environment = {"TCP_NODELAY": "1"}
    with running(
        [*front, server, "-c", folder / "conf"],
        folder=folder,
        answers=lambda: _answers(found),
        environment=environment,
    ):
        yield found


def _answers(peer: DimsePeer) -> bool:
    """It agrees to an association: behind the front, taking a connection proves nothing."""
    try:
        return DimseClient(peer).series("1.2.3") == []
    except TransferError:
        return False


def test_a_patients_study_is_found_by_number_and_by_name(peer: DimsePeer) -> None:
    person = CHART["patient"]
    name = PersonName(person["family"], tuple(person["given"]))
    numbered = Demographics(identifiers=(IssuedIdentifier(NUMBER["system"], NUMBER["value"]),))
    (born,) = {pydicom.dcmread(BytesIO(file)).PatientBirthDate for file in IMAGES.values()}
    named = Demographics(names=(name,), birth_date=pydicom.valuerep.DA(born))

    for who in (numbered, named):
        assert [study.study_instance_uid for study in DimseClient(peer).studies(who, MERCY)] == [STUDY]


def test_every_image_of_a_study_comes_as_it_is_kept(peer: DimsePeer) -> None:
    came = fetched(DimseClient(peer), STUDY)

    assert came.keys() == IMAGES.keys()
    for uid, file in came.items():
        assert pydicom.dcmread(BytesIO(file)) == pydicom.dcmread(BytesIO(IMAGES[uid]))


def test_the_instances_that_are_missing_are_fetched_by_their_uids(peer: DimsePeer) -> None:
    client = DimseClient(peer)
    series, instances = largest(client, STUDY)
    wanted = frozenset({*sorted(instances)[:3], "1.2.3.9"})

    came = fetch(client, STUDY, series, MemoryVault(), expected=instances | wanted, wanted=wanted)

    assert came
    assert (came.complete, missing(wanted, came)) == (False, {"1.2.3.9"})


@pytest.mark.parametrize("wrong", ["called_ae_title", "calling_ae_title"])
def test_who_names_it_or_itself_wrongly_is_turned_away(peer: DimsePeer, wrong: str) -> None:
    with pytest.raises(TurnedAway):
        DimseClient(replace(peer, **{wrong: "NOBODY"})).series(STUDY)
