"""A patient of each disease, from the referral to the packet and the slides, as `make demo DISEASE=...` plays it."""

from types import SimpleNamespace

import pytest

from tests.kit.house import House
from tests.kit.processing import process_all
from transfer import demo
from transfer.case import Stage
from transfer.completeness import NeedState
from transfer.delivery import Delivery
from transfer.identifiers import CaseId
from transfer.sandbox.diseases import DISEASES

pytestmark = pytest.mark.servers


def stage_of(house: House, case: CaseId) -> Stage:
    with house.services.ledger.transaction() as tx:
        return tx.case(case).stage


#: played with every run of the tests: people name records, a code picks the list, a person picks the list
EVERY_RUN = ("breast", "leukaemia", "rare")
ALL = [pytest.param(one, marks=() if one in EVERY_RUN else pytest.mark.slow) for one in ("colorectal", *DISEASES)]


@pytest.mark.parametrize("disease", ALL)
def test_a_case_of_any_disease_comes_to_its_end(house: House, disease):
    house = house.delivering(Delivery.WHEN_ELECTRONIC_COMPLETE)
    chart = house.a_patient(disease=disease)
    told: list[str] = []
    desk = SimpleNamespace(services=house.services, tell=told.append)
    house.release_form(chart)
    process_all(house.services)
    case = house.referral(chart)
    house.pathology_report(chart)
    process_all(house.services)

    demo._choose_list(desk, case, disease)
    house.process_until(lambda: demo._name_records(desk, case) and stage_of(house, case) is Stage.DELIVERED)
    demo._receive_slides(desk, case, chart)
    process_all(house.services)

    found = house.assessment(case)
    with house.services.ledger.transaction() as tx:
        opened = tx.case(case).opened
    assert opened is not None
    assert opened.checklist == disease
    assert found.completeness.is_complete
    by_themselves = {need.line.key for need in found.completeness.needs if need.chosen or need.line.counted}
    said = {line.split(" says of ")[1].split(":")[0] for line in told if " says of " in line}
    # of a PET/CT and a CT one is enough
    spared = {need.line.key for need in found.completeness.needs if need.state is NeedState.NOT_APPLICABLE}
    required = {need.line.key for need in found.completeness.needs if need.line.is_required} - spared
    assert required <= by_themselves
    assert spared == ({"staging-ct"} if disease == "lymphoma" else set())
    assert said <= PEOPLES.get(disease, set())


#: what only a person can tell in a patient of this disease; of all others each record answers its line by itself
PEOPLES = {
    "leukaemia": {"pending-tests", "recent-note"},
    "ovary": {"family-history"},
    "pancreas": {"performance-status"},
    "rare": {"treated-at"},
    "sarcoma": {"board-question", "performance-status"},
}
