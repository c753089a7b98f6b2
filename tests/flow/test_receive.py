"""What came in is processed, also when whoever had it first is dead."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.kit import builders as b
from tests.kit.doors import received
from tests.kit.fakes import MemoryVault
from tests.kit.processing import process_all
from tests.kit.staff import ANN, BEN
from transfer.adapters.hl7v2.documents import HL7_V2
from transfer.arrivals import ArrivalKind, Door
from transfer.cli.remedies import command
from transfer.errors import OutOfOrder
from transfer.flow import desk
from transfer.flow.receive import receive
from transfer.flow.services import Services
from transfer.holds import HoldAnswer
from transfer.identifiers import CaseId
from transfer.ledger import Ledger, arrivals, permissions
from transfer.rounds import LEASE
from transfer.sandbox.charts import Chart
from transfer.staging import Location

pytestmark = pytest.mark.servers


class Nothing:
    """A source that knows nobody, and needs not be asked again."""

    def find_patient(self, *_: object, **__: object) -> None:
        return None

    def studies(self, *_: object, **__: object) -> list[object]:
        return []


def ask_in_vain(_source: object) -> Any:
    return Nothing()


@pytest.fixture
def services(ledger: Ledger) -> Services:
    return b.new_services(ledger, ask_documents=ask_in_vain, ask_archive=ask_in_vain)


def a_report_is_stored(services: Services) -> str:
    report = b.report_of(b.a_chart())
    stored = b.comes(services, "prairie-pathology", ArrivalKind.ANSWER, report, "x-application/hl7-v2+er7", Door.MLLP)
    return str(stored.arrival)


def state_of(services: Services, arrival: str) -> str:
    with services.ledger.transaction() as tx:
        return str(tx.value("SELECT state FROM arrivals WHERE arrival = %s", arrival))


def test_an_arrival_whose_task_died_is_processed_when_its_lease_lapses(
    services: Services, hours_pass: Callable[[timedelta], None]
):
    arrival = a_report_is_stored(services)
    with services.ledger.transaction() as tx:
        assert arrivals.claim_next(tx, "prairie-pathology")
    process_all(services)
    assert state_of(services, arrival) == "stored"

    hours_pass(LEASE + timedelta(seconds=1))
    process_all(services)
    assert state_of(services, arrival) == "sealed"


def test_an_inbox_with_nothing_in_it_rings_nobody(services: Services):
    assert receive(services).count == 0
    assert b.owed(services) == set()


def test_one_poisonous_arrival_stops_no_other(services: Services, hours_pass: Callable[[timedelta], None]):
    first, second = a_report_is_stored(services), a_report_is_stored(services)
    for _ in range(arrivals.LEASES_LOST + 1):
        with services.ledger.transaction() as tx:
            arrivals.claim_next(tx, "prairie-pathology")
        hours_pass(LEASE + timedelta(seconds=1))
    process_all(services)

    assert (state_of(services, first), state_of(services, second)) == ("held", "sealed")
    assert [hold.code for hold in b.open_holds(services, first)] == ["arrival-poisonous"]


class StoreThatIsAway(MemoryVault):
    def keep(self, chunks: Iterable[bytes]) -> Location:
        raise OutOfOrder("the object store did not answer")


def test_an_outage_of_our_own_store_makes_no_arrival_poisonous(services: Services):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    stored = b.comes(services, b.PRAIRIE, ArrivalKind.ANSWER, b.report_of(chart), HL7_V2, Door.MLLP)
    for _ in range(arrivals.LEASES_LOST + 1):
        with pytest.raises(OutOfOrder):
            receive(replace(services, vault=StoreThatIsAway()))
    process_all(services)

    assert state_of(services, stored.arrival) == "filed"
    assert "arrival-poisonous" not in [hold.code for hold in b.open_holds(services)]
    with services.ledger.transaction() as tx:
        assert "pathology-report" in {one.document for one in tx.case(case).records.values()}


# --- what waits for a permission, and is looked at again --------------------------------------------------------------


def waits_sealed(services: Services, chart: Chart) -> tuple[CaseId, str]:
    """A case without a form, and the report that came for it and waits: case and arrival."""
    case = b.a_case(services, chart, form=False)
    arrival = b.report_comes(services, chart)
    assert state_of(services, arrival) == "sealed"
    return case, arrival


def test_what_a_task_that_died_had_in_its_hands_is_taken_in_when_its_lease_lapses(
    services: Services, hours_pass: Callable[[timedelta], None]
):
    chart = b.a_chart()
    _, arrival = waits_sealed(services, chart)
    with services.ledger.transaction() as tx:
        assert arrivals.claim_sealed(tx, arrival, forms=False)
    b.sign_form(services, chart)
    process_all(services)
    assert state_of(services, arrival) == "sealed"

    hours_pass(LEASE + timedelta(seconds=1))
    process_all(services)
    assert state_of(services, arrival) == "filed"


def test_a_referral_that_a_task_that_died_had_in_its_hands_is_opened_when_its_lease_lapses(
    services: Services, hours_pass: Callable[[timedelta], None]
):
    case = b.refer(services, b.a_chart())
    with services.ledger.transaction() as tx:
        (referral,) = arrivals.of_subject(tx, case, ArrivalKind.REFERRAL)
        assert arrivals.claim(tx, referral)
    process_all(services)

    hours_pass(LEASE + timedelta(seconds=1))
    process_all(services)
    assert b.patient_of(services, case)


def test_a_receipt_that_a_task_that_died_had_in_its_hands_is_looked_at_when_its_lease_lapses(
    services: Services, hours_pass: Callable[[timedelta], None]
):
    case = b.a_case(services)
    receipt = b.comes(services, b.SUMMIT, ArrivalKind.RECEIPT, b"{}", "application/fhir+json", subject=f"{case}-p1")
    with services.ledger.transaction() as tx:
        assert arrivals.claim(tx, receipt.arrival)
    process_all(services)
    assert state_of(services, receipt.arrival) == "stored"

    hours_pass(LEASE + timedelta(seconds=1))
    process_all(services)
    assert state_of(services, receipt.arrival) == "held"


def another_has_the_number(services: Services, chart: Chart) -> None:
    """Somebody else is referred to us under the laboratory's number of this patient."""
    numbers = {**(other := b.a_chart())["numbers"], b.PRAIRIE: chart["numbers"][b.PRAIRIE]}
    b.refer(services, {**other, "numbers": numbers})
    process_all(services)
    desk.resolve(services, b.the_hold(services, "whose-referral").id, HoldAnswer.NOT_OURS, actor=ANN)
    process_all(services)


def a_form_comes(services: Services, chart: Chart, **overrides: object) -> None:
    """It names the patient by the oncology office's number alone."""
    b.sign_form(services, {**chart, "numbers": {b.LAKESIDE: chart["numbers"][b.LAKESIDE]}}, **overrides)
    process_all(services)


def collected_by(services: Services, case: CaseId) -> list[str]:
    """The rules by which the case's records are its patient's."""
    with services.ledger.transaction() as tx:
        return [one.match_rule for one in tx.case(case).records.values()]


def test_what_was_a_patients_by_a_rule_and_may_be_anothers_now_is_shown_to_people(services: Services):
    chart = b.a_chart()
    case, arrival = waits_sealed(services, chart)
    another_has_the_number(services, chart)
    a_form_comes(services, chart)
    assert collected_by(services, case) == []
    assert state_of(services, arrival) == "held"

    hold = b.the_hold(services, "whose-record")
    for actor in (ANN, BEN):
        desk.resolve(services, hold.id, HoldAnswer.OURS, actor=actor, case=case)
    process_all(services)
    assert collected_by(services, case) == ["decided"]


def test_what_people_say_is_not_the_patients_after_all_is_unmatched_again(services: Services):
    chart = b.a_chart()
    case, arrival = waits_sealed(services, chart)
    another_has_the_number(services, chart)
    a_form_comes(services, chart)
    hold = b.the_hold(services, "whose-record")
    for actor in (ANN, BEN):
        desk.resolve(services, hold.id, HoldAnswer.NOT_OURS, actor=actor)
    a_form_comes(services, chart, number="another-form")

    assert collected_by(services, case) == []
    with services.ledger.transaction() as tx:
        row = tx.row("SELECT * FROM arrivals WHERE arrival = %s", arrival)
    assert (row.state, row.patient, row.key.partition("/")[0]) == ("sealed", None, "day")


def an_adt(chart: Chart, trigger: str, *, after: str = "") -> bytes:
    """A notice about the patient as Prairie sends it."""
    who, number = chart["patient"], chart["numbers"][b.PRAIRIE]["value"]
    born = who["birth_date"].replace("-", "")
    segments = (
        rf"MSH|^~\&|PRAIRIELIS|PRAIRIE|RECORDS|TRANSFER|20260105101500||ADT^{trigger}|A1|P|2.5.1",
        f"PID|1||{number}^^^PRAIRIE^MR||{who['family']}^{'^'.join(who['given'])}||{born}|{who['sex'][0].upper()}{after}",
    )
    return "".join(f"{segment}\r" for segment in segments).encode()


def test_a_death_is_asked_about_once_and_ends_no_form(services: Services):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    for trigger in ("A03", "A08"):
        received(services, b.PRAIRIE, an_adt(chart, trigger, after="|" * 22 + "Y"))
        process_all(services)

    (hold,) = [one for one in b.open_holds(services) if one.code == "patient-died"]
    assert hold.subject == case
    assert hold.due_at
    (answer,) = desk.hold(services, hold.id, actor=ANN).hold.answers
    assert answer.remedy
    assert command(answer.remedy) == f"transfer case close {case} --ending died"
    desk.resolve(services, hold.id, HoldAnswer.SEEN, actor=ANN)
    received(services, b.PRAIRIE, an_adt(chart, "A31", after="|" * 22 + "Y"))
    process_all(services)
    assert {one.code for one in b.open_holds(services)} == {"identity-changed", "source-found-nothing"}
    with services.ledger.transaction() as tx:
        assert [one.ended for one in permissions.filed(tx, b.patient_of(services, case))] == [None]


def test_a_death_of_nobody_we_know_is_sealed(services: Services):
    received(services, b.PRAIRIE, an_adt(b.a_chart(), "A03", after="|" * 22 + "Y"))
    process_all(services)
    assert b.open_holds(services) == []


@pytest.mark.parametrize("trigger", ["A43", "A44", "A45"])
def test_what_is_moved_from_one_to_another_is_asked_about_and_nobody_is_asked_whether_they_are_one(
    services: Services, trigger: str
):
    one, other = b.a_chart(), b.a_chart()
    b.a_case(services, one), b.a_case(services, other)
    number = other["numbers"][b.PRAIRIE]["value"]
    received(services, b.PRAIRIE, an_adt(one, trigger) + f"MRG|{number}^^^PRAIRIE^MR\r".encode())
    process_all(services)

    assert [one.code for one in b.open_holds(services) if one.code == "same-patient"] == []
    assert b.the_hold(services, "identity-changed").due_at


def test_records_that_are_taken_apart_are_asked_about_and_nobody_is_asked_whether_they_are_one(services: Services):
    one, other = b.a_chart(), b.a_chart()
    b.a_case(services, one), b.a_case(services, other)
    second = an_adt(other, "A37").split(b"\r")[1]
    received(services, b.PRAIRIE, an_adt(one, "A37") + second + b"\r")
    process_all(services)

    assert b.the_hold(services, "identity-changed").due_at
