"""Release forms on paper of a marked patient, right and wrong; then nothing of the patient is in what was written."""

from pathlib import Path

import pytest

from tests.campaigns.leak import paths
from tests.kit.house import House
from tests.kit.marked_patients import a_marked_patient, of_charts
from tests.kit.processing import process_all
from tests.kit.written import everything, search

pytestmark = pytest.mark.servers


def test_nothing_of_a_patient_is_in_what_paper_forms_leave_behind(house: House, tmp_path: Path) -> None:
    chart = a_marked_patient(house, "PF")
    case = house.referral(chart)
    process_all(house.services)

    paths.paper_forms(house, chart, case, tmp_path)
    process_all(house.services)

    assert "form-unclear" in _asked(house)
    assert search(of_charts([chart]), everything(house)).hits == []


def _asked(house: House) -> set[str]:
    with house.services.ledger.transaction() as tx:
        return {row.code for row in tx.rows("SELECT code FROM holds")}
