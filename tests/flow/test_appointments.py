"""An appointment at the receiver moves the day; one that is cancelled or elsewhere is a person's."""

from datetime import date, datetime, timedelta, timezone

import pytest

from tests.kit import builders as b
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from transfer.adapters.hl7v2.documents import HL7_V2
from transfer.arrivals import ArrivalKind, Door
from transfer.errors import NotAllowed, Unknown
from transfer.flow import desk
from transfer.flow.services import Services
from transfer.holds import HoldCode
from transfer.identifiers import CaseId
from transfer.ledger import Ledger
from transfer.sandbox.charts import Chart

pytestmark = pytest.mark.servers


@pytest.fixture
def services(ledger: Ledger) -> Services:
    return b.new_services(ledger)


def a_siu(
    chart: Chart,
    trigger: str = "S12",
    at: str = "202703041000",
    place: str = "",
    status: str = "",
    number: str = "A1",
) -> bytes:
    who, ours = chart["patient"], chart["numbers"][b.LAKESIDE]
    issuer = ours["system"].removeprefix("urn:oid:")
    born, sex = who["birth_date"].replace("-", ""), who["sex"][0].upper()
    lines = [
        rf"MSH|^~\&|SCHED|X|TRANSFER|X|20260105101500||SIU^{trigger}^SIU_S12|{at}{trigger}{place}{number}|P|2.5.1",
        f"SCH|{number}|||||R||||^^^{at}|^^^{at}" + "|" * 14 + status,
        f"PID|1||{ours['value']}^^^&{issuer}&ISO^MR||{who['family']}^{'^'.join(who['given'])}||{born}|{sex}",
    ]
    if place:
        lines.append(f"AIL|1||{place}")
    return "".join(f"{line}\r" for line in lines).encode()


def comes(services: Services, by: str, body: bytes) -> None:
    b.comes(services, by, ArrivalKind.NOTICE, body, HL7_V2, Door.MLLP)
    process_all(services)


def times(services: Services, case: CaseId) -> tuple[str | None, str | None]:
    now = desk.dossier(services, case, actor=ANN)
    return now.appointment_at, now.needed_by


@pytest.mark.parametrize("year", [1, 9999])
def test_a_time_that_is_none_in_utc_is_refused(services: Services, year: int):
    case = b.a_case(services)
    offset = timezone(timedelta(hours=14 if year == 1 else -12))
    at = datetime(year, 1 if year == 1 else 12, 1 if year == 1 else 31, 23 if year > 1 else 0, tzinfo=offset)

    with pytest.raises(NotAllowed) as refused:
        desk.change(services, case, appointment_at=at, actor=ANN)

    assert refused.value.refusal is not None
    assert refused.value.refusal.code == "no-such-time"


@pytest.mark.parametrize("trigger", ["S12", "S13", "S14"])
def test_one_at_the_receiver_moves_the_day(services: Services, trigger: str):
    chart = b.a_chart()
    case = b.a_case(services, chart)

    comes(services, b.SUMMIT, a_siu(chart, trigger))

    assert times(services, case) == ("2027-03-04T17:00:00+00:00", "2027-03-04")
    assert b.codes_asked(services, case) == set()


def test_whoever_refers_may_say_that_it_is_at_the_receiver(services: Services):
    chart = b.a_chart()
    case = b.a_case(services, chart)

    comes(services, b.LAKESIDE, a_siu(chart, place="ROOM 4^^^Summit Cancer Center"))

    assert times(services, case)[1] == "2027-03-04"


@pytest.mark.parametrize(("trigger", "status"), [("S15", ""), ("S26", ""), ("S14", "Cancelled")])
def test_a_cancelled_one_is_no_appointment_and_a_person_is_asked(services: Services, trigger: str, status: str):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    before = times(services, case)

    comes(services, b.SUMMIT, a_siu(chart, trigger, status=status))

    assert times(services, case) == (None, before[1])
    assert b.codes_asked(services, case) == {HoldCode.APPOINTMENT_CANCELLED}
    comes(services, b.SUMMIT, a_siu(chart, "S12"))
    assert b.codes_asked(services, case) == set()


@pytest.mark.parametrize("place", ["", "ROOM 4^^^Some Clinic"])
def test_one_that_is_not_surely_there_changes_nothing_and_a_person_is_asked(services: Services, place: str):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    before = times(services, case)

    comes(services, b.LAKESIDE, a_siu(chart, place=place))

    assert times(services, case) == before
    assert b.codes_asked(services, case) == {HoldCode.APPOINTMENT_ELSEWHERE}


def test_one_that_came_before_the_referral_waits_for_it(services: Services):
    chart = b.a_chart()
    comes(services, b.SUMMIT, a_siu(chart))

    case = b.a_case(services, chart)

    assert times(services, case)[1] == "2027-03-04"


def test_one_of_nobody_in_particular_is_read_by_a_person(services: Services):
    comes(services, b.SUMMIT, a_siu(b.a_chart(), "S99"))

    assert [hold.code for hold in b.open_holds(services)] == [HoldCode.ARRIVAL_UNREADABLE]


def standing(services: Services, case: CaseId) -> dict[str, str]:
    """Days of the appointments that are not cancelled, by their keys."""
    found = desk.dossier(services, case, actor=ANN).appointments
    return {one.key: str(one.first_day) for one in found if not one.is_cancelled}


def test_a_second_one_stands_beside_the_first_and_the_earliest_decides(services: Services):
    chart = b.a_chart()
    case = b.a_case(services, chart)

    comes(services, b.SUMMIT, a_siu(chart, at="202703041000"))
    comes(services, b.SUMMIT, a_siu(chart, at="202703180900", number="B2"))

    assert standing(services, case) == {"referral": "2027-03-04", "appointment-2": "2027-03-18"}
    assert times(services, case)[1] == "2027-03-04"
    comes(services, b.SUMMIT, a_siu(chart, "S13", at="202703020900", number="B2"))
    assert times(services, case) == ("2027-03-02T16:00:00+00:00", "2027-03-02")


def test_each_is_cancelled_by_itself_and_a_person_is_asked_once_none_is_left(services: Services):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    comes(services, b.SUMMIT, a_siu(chart, at="202703041000"))
    comes(services, b.SUMMIT, a_siu(chart, at="202703180900", number="B2"))

    comes(services, b.SUMMIT, a_siu(chart, "S15", at="202703041000"))

    assert standing(services, case) == {"appointment-2": "2027-03-18"}
    assert times(services, case)[1] == "2027-03-18"
    assert b.codes_asked(services, case) == set()
    comes(services, b.SUMMIT, a_siu(chart, "S15", at="202703180900", number="B2"))
    assert (times(services, case), b.codes_asked(services, case)) == (
        (None, "2027-03-18"),
        {HoldCode.APPOINTMENT_CANCELLED},
    )


def test_one_that_nobody_knows_is_not_cancelled_by_guess(services: Services):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    comes(services, b.SUMMIT, a_siu(chart))

    comes(services, b.SUMMIT, a_siu(chart, "S15", number="ZZ"))

    assert times(services, case)[1] == "2027-03-04"
    assert b.codes_asked(services, case) == {HoldCode.APPOINTMENT_CANCELLED}


def test_people_add_move_and_cancel_each_in_the_receivers_time(services: Services):
    case = b.a_case(services)
    before = times(services, case)
    soon, later = datetime(2026, 12, 3, 9, 30), datetime(2099, 12, 3, 9, 30)  # noqa: DTZ001  the receiver's own

    assert desk.set_appointment(services, case, later, actor=ANN).fields["appointment"] == "appointment-2"
    assert times(services, case) == before
    assert not desk.set_appointment(services, case, later, actor=ANN).changed
    assert desk.set_appointment(services, case, soon, actor=ANN, appointment="appointment-2").changed
    assert times(services, case) == ("2026-12-03T16:30:00+00:00", "2026-12-03")

    assert desk.cancel_appointment(services, case, "appointment-2", actor=ANN).changed
    assert not desk.cancel_appointment(services, case, "appointment-2", actor=ANN).changed
    assert times(services, case)[0] == before[0]
    with pytest.raises(Unknown):
        desk.cancel_appointment(services, case, "appointment-9", actor=ANN)


def test_what_people_said_of_the_day_stands_while_the_same_one_decides(services: Services):
    case = b.a_case(services)
    desk.change(services, case, actor=ANN, needed_by=date(2026, 12, 1))

    desk.set_appointment(services, case, datetime(2099, 12, 3, 9, 30), actor=ANN)  # noqa: DTZ001

    assert times(services, case)[1] == "2026-12-01"
