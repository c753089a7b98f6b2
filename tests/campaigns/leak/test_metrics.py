"""A marked patient goes through a case; then nothing of them is in what anybody may scrape."""

import pytest

from tests.kit.acts import eventually
from tests.kit.house import House
from tests.kit.marked_patients import STEM, Sought, a_marked_patient, of_charts
from tests.kit.written import Artefact, metrics, search
from transfer.case import Stage
from transfer.delivery import Delivery
from transfer.metrics import DOOR_ANSWERS, exposed

pytestmark = pytest.mark.servers


def test_nothing_of_a_patient_is_in_a_metric_or_a_label(house: House) -> None:
    house = house.delivering(Delivery.AS_IT_COMES)
    chart = a_marked_patient(house, "MT")
    house.release_form(chart)
    house.pathology_report(chart)
    case = house.referral(chart)

    def is_delivered() -> bool:
        with house.services.ledger.transaction() as tx:
            return tx.case(case).stage is Stage.DELIVERED

    house.process_until(is_delivered)

    def doors_counted() -> bool:
        (gateway,) = [one for one in metrics(house) if one.name == "gateway"]
        said = b"".join(gateway.content).decode()
        return all(f'transfer_door_answers_total{{code="{code}"' in said for code in ("200", "201", "A"))

    eventually(doors_counted)
    sought = of_charts([chart]) | Sought.values({case, chart["pathology"]["accession"]["value"]})
    found = search(sought, metrics(house))

    assert found.hits == []
    assert found.artefacts == {"metrics": 2}
    assert b'transfer_exchange_seconds_count{institution="summit-cancer-center",kind="convey",outcome="answered"' in (
        b"".join(b"".join(one.content) for one in metrics(house))
    )


def test_what_a_label_says_of_a_patient_would_be_found() -> None:
    DOOR_ANSWERS.labels("pages", f"{STEM}PLANTED").inc()
    try:
        assert search(Sought.of([STEM]), [Artefact("metrics", "here", [exposed()])]).hits
    finally:
        DOOR_ANSWERS.remove("pages", f"{STEM}PLANTED")
