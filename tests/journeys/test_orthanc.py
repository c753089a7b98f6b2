"""A study from Orthanc, which hospitals run: found by QIDO-RS, fetched by WADO-RS, delivered as it was put in."""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kit.acts import Journey
from tests.kit.house import Chart, House, a_house
from tests.kit.images import images_of
from tests.kit.peers import orthanc
from tests.kit.processing import process_all
from transfer.embedded.orthanc import Orthanc
from transfer.holds import HoldAnswer
from transfer.sandbox.charts import draw_chart

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module", autouse=True)
def needs_orthanc() -> None:
    orthanc.demand()


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    folder = Path(tempfile.mkdtemp(prefix="rt-"))
    with a_house(folder / "var", orthanc=True) as house:
        yield house
    shutil.rmtree(folder, ignore_errors=True)


def a_patient(house: House, **how: Any) -> tuple[Chart, list[bytes]]:
    """A new patient, whose images are in Orthanc."""
    chart = draw_chart(**how)
    for institution in ("oncology", "pathology"):
        house.order(institution, "patients", chart)
    images = images_of(chart)
    Orthanc.of(house.settings).take_in(images)
    return chart, images


def a_case(house: House, chart: Chart) -> Journey:
    """Everything of the patient is here but the slides."""
    house.release_form(chart)
    process_all(house.services)
    case = house.referral(chart)
    house.pathology_report(chart)
    house.process_until(lambda: "approve-partial" in house.holds(case))
    return Journey(house, chart, case)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_what_was_put_into_orthanc_is_what_the_center_gets(house: House) -> None:
    chart, images = a_patient(house, slices=12)
    journey = a_case(house, chart)
    journey.say("approve-partial", HoldAnswer.APPROVE)

    house.process_until(lambda: bool(journey.at_center()) and journey.at_center()["state"] == "done")

    received = Path(journey.at_center()["folder"]) / "data" / "DICOM"
    delivered = [digest(path.read_bytes()) for path in received.rglob("I*") if path.is_file()]
    assert sorted(delivered) == sorted(digest(image) for image in images)


def test_a_patient_orthanc_does_not_know_is_not_found_there_and_nobody_elses_images_come(house: House) -> None:
    a_patient(house, slices=2)
    other = draw_chart()
    for institution in ("oncology", "pathology"):
        house.order(institution, "patients", other)
    house.release_form(other)
    process_all(house.services)
    case = house.referral(other)

    house.process_until(lambda: house.request_states(case).get("film-room") == "not-found")

    with house.services.ledger.transaction() as tx:
        assert "images" not in {record.document for record in tx.case(case).records.values()}


def test_orthancs_own_log_names_no_patient(house: House) -> None:
    chart, _ = a_patient(house, slices=2, marked="ZEBRA7")

    a_case(house, chart)

    assert "zebra7" not in (house.var / "log" / "orthanc.log").read_text().lower()
