"""One patient by a hand in a browser, from the fax to the packet that the center accepted (`make desk-day`: twenty)."""

from pathlib import Path

import pytest

from tests.campaigns.deskday import by_folder
from tests.campaigns.deskday.by_desk import lead
from tests.campaigns.deskday.patients import patients
from tests.campaigns.deskday.town import a_town, accepted, names_in_packet, today

pytestmark = pytest.mark.servers


def test_a_case_by_fax_telephone_and_courier_takes_fewer_minutes_than_in_a_shared_folder(short_folder: Path) -> None:
    with a_town(short_folder) as (house, day, faxes):
        (patient,) = patients(1, today(house))

        (led,) = lead(day, [patient])

        assert led.case
        assert accepted(day, led.case)
        assert names_in_packet(house, led.case) == {patient.family}
        assert [to for _, to, _ in faxes.sent] == ["+1" + patient.places[0].fax.replace(" ", "")]
    assert led.effort.minutes < by_folder.lead(patient).minutes
