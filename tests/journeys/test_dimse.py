"""A study from an archive that speaks DIMSE alone: found by C-FIND, fetched by C-GET, over TLS with certificates."""

import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
import yaml
from pydicom.dataset import Dataset

from tests.kit.acts import Journey
from tests.kit.house import Chart, House, a_house
from tests.kit.images import images_of
from tests.kit.marked_patients import a_marked_patient, of_charts
from tests.kit.peers.certificates import certificates
from tests.kit.peers.orthanc import DicomOrthanc, an_orthanc, put_in
from tests.kit.processing import process_all
from tests.kit.scripted_dimse import ScriptedDimse, Talk, body_of, said, scripted_dimse
from tests.kit.written import everything, search
from transfer import wiring
from transfer.holds import HoldAnswer
from transfer.identifiers import CaseId
from transfer.ledger import records
from transfer.sandbox.charts import draw_chart

pytestmark = pytest.mark.servers

PARTNERS = Path(__file__).parents[2] / "institutions"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="rt-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def orthanc(folder: Path) -> Iterator[DicomOrthanc]:
    known = certificates(folder / "certificates")
    (folder / "orthanc").mkdir()
    with an_orthanc(folder / "orthanc", known) as peer:
        yield peer


@pytest.fixture(scope="module")
def house(folder: Path, orthanc: DicomOrthanc) -> Iterator[House]:
    """An installation whose film room is asked by DIMSE; who vouches for it and what we show stands in its file."""
    shutil.copytree(PARTNERS, folder / "institutions")
    file = folder / "institutions" / "mercy-imaging.yaml"
    partner = yaml.safe_load(file.read_text())
    files = {"authority": "authority.pem", "certificate": "client.pem", "key": "client.key"}
    partner["departments"][0]["asked"] = {
        "by": "dimse",
        "host": "localhost",
        "port": orthanc.dicom_port,
        "called_ae_title": orthanc.called,
        "calling_ae_title": orthanc.calling,
        "tls": {word: str(folder / "certificates" / name) for word, name in files.items()},
    }
    file.write_text(yaml.safe_dump(partner))
    with a_house(folder / "var", TRANSFER_INSTITUTIONS=str(folder / "institutions")) as house:
        yield house


def a_patient(house: House, slices: int) -> tuple[Chart, dict[str, bytes]]:
    """A new patient, whose release form is here, and the images by UID."""
    chart = draw_chart(slices=slices)
    for institution in ("oncology", "pathology"):
        house.order(institution, "patients", chart)
    house.release_form(chart)
    process_all(house.services)
    return chart, {str(body_of(image)[0].SOPInstanceUID): image for image in images_of(chart)}


def test_a_study_comes_over_dicom_tls_and_goes_on_in_a_packet_that_verifies(house: House, orthanc: DicomOrthanc):
    chart, images = a_patient(house, slices=12)
    put_in(orthanc, list(images.values()))
    journey = Journey(house, chart, house.referral(chart))
    house.pathology_report(chart)
    house.process_until(lambda: "approve-partial" in house.holds(journey.case))
    with house.services.ledger.transaction() as tx:
        (kept,) = [kept for kept, _ in records.joined(tx, journey.case) if kept.kind == "images"]
    assert kept.is_whole
    assert house.request_states(journey.case)["film-room"] == "answered"

    journey.say("approve-partial", HoldAnswer.APPROVE)
    house.process_until(lambda: bool(journey.at_center()) and journey.at_center()["state"] == "done")

    assert not journey.at_center()["failures"]
    delivered = Path(journey.at_center()["folder"]) / "data" / "DICOM"
    files = [pydicom.dcmread(path) for path in delivered.rglob("I*") if path.is_file()]
    assert {str(one.SOPInstanceUID): one for one in files} == {
        uid: pydicom.dcmread(BytesIO(image)) for uid, image in images.items()
    }


def test_a_patient_the_archive_does_not_know_is_not_found_there(house: House, orthanc: DicomOrthanc):
    _, images = a_patient(house, slices=2)
    put_in(orthanc, list(images.values()))
    other, _ = a_patient(house, slices=2)
    case = house.referral(other)

    house.process_until(lambda: house.request_states(case).get("film-room") == "not-found")

    with house.services.ledger.transaction() as tx:
        assert "images" not in {record.document for record in tx.case(case).records.values()}


@pytest.mark.slow
def test_nothing_of_a_patient_is_in_anything_that_is_written_of_it(house: House, orthanc: DicomOrthanc, folder: Path):
    """One is fetched from Orthanc; of the others an archive speaks, in a refusal and in what is no DICOM."""
    fetched, refused, garbled = charts = [a_marked_patient(house, letters) for letters in ("DI", "DX", "DN")]
    put_in(orthanc, images_of(fetched))
    for chart in charts:
        house.release_form(chart)
    states = {}
    states["fetched"] = _processed_apart(house, house.referral(fetched))
    words = "^".join((refused["patient"]["family"], str(refused["numbers"]["mercy-imaging"]["value"])))
    with scripted_dimse() as archive, _asked_at(folder, archive.port):
        archive.finding = lambda talk, context, asked, _: talk.say(context, _refusal(talk, asked, words))
        states["refused"] = _processed_apart(house, house.referral(refused))
        archive.associating = lambda talk: (talk.read(), talk.send(words.encode() * 50))
        states["garbled"] = _processed_apart(house, house.referral(garbled))

    assert states == {"fetched": "answered", "refused": "due", "garbled": "due"}
    found = search(of_charts(charts), everything(house))
    assert found.artefacts["var/log"]
    assert not found.hits, "\n".join(found.hits)


def _processed_apart(house: House, case: CaseId) -> str:
    """By a worker of its own, whose words are kept with the others' logs."""
    with (house.var / "log" / "worker.log").open("ab") as log:
        command = [sys.executable, "-m", "tests.kit.worker", str(house.var)]
        subprocess.run(command, cwd=PARTNERS.parent, stdout=log, stderr=log, check=True, timeout=60)
    return house.request_states(case)["film-room"]


def _refusal(talk: Talk, asked: Dataset, words: str) -> Dataset:
    answer = talk.answer(asked, 0xC001)
    answer.ErrorComment = words[:60]
    return answer


@contextmanager
def _asked_at(folder: Path, port: int) -> Iterator[None]:
    """Processes that start now ask another archive, in plain text on this machine."""
    file = folder / "institutions" / "mercy-imaging.yaml"
    before = file.read_text()
    partner = yaml.safe_load(before)
    partner["departments"][0]["asked"] |= {"host": "127.0.0.1", "port": port, "tls": {}}
    file.write_text(yaml.safe_dump(partner))
    yield
    file.write_text(before)


# --- an archive in which we can look ----------------------------------------------------------------------------------


class Slow:
    """It holds one patient's study and sends an image now and then."""

    def __init__(self, archive: ScriptedDimse, chart: Chart, images: dict[str, bytes]) -> None:
        self.archive = archive
        self.begun = threading.Event()
        heads = [body_of(image)[0] for image in images.values()]
        series = {str(head.SeriesInstanceUID) for head in heads}
        keywords = ("StudyInstanceUID", "PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate")
        archive.files = list(images.values())
        archive.finds["STUDY"] = [said(**{word: heads[0].get(word, "") for word in keywords})]
        archive.finds["SERIES"] = [said(SeriesInstanceUID=uid) for uid in sorted(series)]
        archive.finds["IMAGE"] = lambda asked: [
            said(SOPInstanceUID=head.SOPInstanceUID, SOPClassUID=head.SOPClassUID)
            for head in heads
            if head.SeriesInstanceUID == asked.SeriesInstanceUID
        ]
        archive.getting = self._slowly

    def _slowly(self, talk: Talk, context: int, asked: Dataset, identifier: Dataset) -> None:
        files = [f for f in self.archive.files if body_of(f)[0].SeriesInstanceUID == identifier.SeriesInstanceUID]
        for file in files:
            talk.store(file)
            if len(files) > 2:  # not the scout
                self.begun.set()
                time.sleep(0.3)
        talk.say(context, talk.answer(asked, 0))


@pytest.fixture
def slow(house: House) -> Iterator[tuple[House, ScriptedDimse]]:
    """The same house, whose film room is another archive: in plain text on this machine."""
    with scripted_dimse() as archive:
        there = {"host": "127.0.0.1", "port": archive.port, "tls": None}
        asks = replace(house.services, ask_archive=lambda source: wiring.archive(source.model_copy(update=there)))
        yield replace(house, services=asks), archive


def test_a_revocation_stops_a_fetch_that_runs(slow: tuple[House, ScriptedDimse]):
    house, archive = slow
    chart, images = a_patient(house, slices=40)
    film_room = Slow(archive, chart, images)
    case = house.referral(chart)

    with ThreadPoolExecutor() as background:
        fetching = background.submit(process_all, house.services)
        assert film_room.begun.wait(20)
        house.revocation(chart)
        revoked = time.monotonic()
        assert archive.left.wait(5)
        assert time.monotonic() - revoked < 3
        fetching.result(30)

    house.process_until(lambda: house.request_states(case)["film-room"] == "not-permitted")
    assert archive.stores < len(images)
    with house.services.ledger.transaction() as tx:
        kept = [records.parts(tx, kept) for kept, _ in records.joined(tx, case) if kept.kind == "images"]
        held = [instance for parts in kept for part in parts if part.series for instance in part.series.instances]
        assert len(held) <= 2
