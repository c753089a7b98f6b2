"""Slides and blocks are held against the laboratory's reports by what their labels say."""

import pytest

from tests.kit import builders as b
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from transfer.flow import desk
from transfer.flow.services import Services
from transfer.holds import HoldAnswer
from transfer.identifiers import CaseId
from transfer.ledger import Ledger
from transfer.sandbox.charts import Chart

pytestmark = pytest.mark.servers


@pytest.fixture
def services(ledger: Ledger) -> Services:
    return b.new_services(ledger)


@pytest.fixture
def chart() -> Chart:
    return b.a_chart()


@pytest.fixture
def case(services: Services, chart: Chart) -> CaseId:
    return b.a_case(services, chart)


def asked(services: Services, case: CaseId) -> bool:
    return "labels-differ" in {hold.code for hold in b.open_holds(services, case)}


def arrives(services: Services, case: CaseId, accession: str, pieces: int = 2) -> None:
    desk.receive_material(services, case, pieces=pieces, announced=6, accession=accession, actor=ANN)


def test_labels_of_the_report_ask_nobody_however_many_pieces_came(services: Services, chart: Chart, case: CaseId):
    b.report_comes(services, chart)
    arrives(services, case, chart["pathology"]["accession"]["value"] + " A1")

    assert not asked(services, case)


def test_labels_of_another_report_are_asked_about_once(services: Services, chart: Chart, case: CaseId):
    b.report_comes(services, chart)
    arrives(services, case, "S99-1")
    assert asked(services, case)

    hold = b.the_hold(services, "labels-differ")
    desk.resolve(services, hold.id, HoldAnswer.SEEN, actor=ANN)
    desk.receive_material(services, case, pieces=1, accession="S99-1", actor=ANN, is_another_parcel=True)
    process_all(services)
    assert not asked(services, case)


def test_glass_that_comes_before_its_report_is_looked_at_when_the_report_comes(
    services: Services, chart: Chart, case: CaseId
):
    arrives(services, case, "S99-1")
    assert not asked(services, case)

    b.report_comes(services, chart)
    assert asked(services, case)
