"""What came in is attended to, also when whoever had it first is dead."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests import builders as b
from tests.attention import attend_all
from tests.fakes import MemoryVault
from tests.staff import ANN, BEN
from transfer.adapters.hl7v2.documents import HL7_V2
from transfer.arrivals import ArrivalKind, Door
from transfer.errors import OutOfOrder
from transfer.flow import desk
from transfer.flow.edges import Edges
from transfer.flow.receive import receive
from transfer.holds import Word
from transfer.identifiers import CaseId
from transfer.ledger import Ledger, arrivals
from transfer.rounds import LEASE
from transfer.sandbox.charts import Chart
from transfer.staging import Location

pytestmark = pytest.mark.servers


class Nothing:
    """A source that knows nobody, and needs not be asked again."""

    def find_patient(self, *_: object, **__: object) -> None:
        return None

    def studies(self, *_: object) -> list[object]:
        return []


def ask_in_vain(_source: object) -> Any:
    return Nothing()


@pytest.fixture
def edges(ledger: Ledger) -> Edges:
    return b.an_edges(ledger, ask_documents=ask_in_vain, ask_archive=ask_in_vain)


def a_report_is_stored(edges: Edges) -> str:
    report = b.report_of(b.a_chart())
    stored = b.comes(edges, "prairie-pathology", ArrivalKind.ANSWER, report, "x-application/hl7-v2+er7", Door.MLLP)
    return str(stored.arrival)


def state_of(edges: Edges, arrival: str) -> str:
    with edges.ledger.transaction() as tx:
        return str(tx.value("SELECT state FROM arrivals WHERE arrival = %s", arrival))


def test_an_arrival_whose_task_died_is_attended_to_when_its_lease_lapses(
    edges: Edges, hours_pass: Callable[[timedelta], None]
):
    arrival = a_report_is_stored(edges)
    with edges.ledger.transaction() as tx:
        assert arrivals.claim_next(tx, "prairie-pathology")
    attend_all(edges)
    assert state_of(edges, arrival) == "stored"

    hours_pass(LEASE + timedelta(seconds=1))
    attend_all(edges)
    assert state_of(edges, arrival) == "sealed"


def test_an_inbox_with_nothing_in_it_rings_nobody(edges: Edges):
    assert receive(edges).count == 0
    assert b.owed(edges) == set()


def test_one_poisonous_arrival_stops_no_other(edges: Edges, hours_pass: Callable[[timedelta], None]):
    first, second = a_report_is_stored(edges), a_report_is_stored(edges)
    for _ in range(arrivals.LEASES_LOST + 1):
        with edges.ledger.transaction() as tx:
            arrivals.claim_next(tx, "prairie-pathology")
        hours_pass(LEASE + timedelta(seconds=1))
    attend_all(edges)

    assert (state_of(edges, first), state_of(edges, second)) == ("held", "sealed")
    assert [hold.code for hold in b.open_holds(edges, first)] == ["arrival-poisonous"]


class StoreThatIsAway(MemoryVault):
    def keep(self, chunks: Iterable[bytes]) -> Location:
        raise OutOfOrder("the object store did not answer")


def test_an_outage_of_our_own_store_makes_no_arrival_poisonous(edges: Edges):
    chart = b.a_chart()
    case = b.a_case(edges, chart)
    stored = b.comes(edges, b.PRAIRIE, ArrivalKind.ANSWER, b.report_of(chart), HL7_V2, Door.MLLP)
    for _ in range(arrivals.LEASES_LOST + 1):
        with pytest.raises(OutOfOrder):
            receive(replace(edges, vault=StoreThatIsAway()))
    attend_all(edges)

    assert state_of(edges, stored.arrival) == "filed"
    assert "arrival-poisonous" not in [hold.code for hold in b.open_holds(edges)]
    with edges.ledger.transaction() as tx:
        assert "pathology-report" in {one.document for one in tx.case(case).records.values()}


# --- what waits for a permission, and is looked at again --------------------------------------------------------------


def waits_sealed(edges: Edges, chart: Chart) -> tuple[CaseId, str]:
    """A case without a form, and the report that came for it and waits: case and arrival."""
    case = b.a_case(edges, chart, form=False)
    arrival = b.report_comes(edges, chart)
    assert state_of(edges, arrival) == "sealed"
    return case, arrival


def test_what_a_task_that_died_had_in_its_hands_is_taken_in_when_its_lease_lapses(
    edges: Edges, hours_pass: Callable[[timedelta], None]
):
    chart = b.a_chart()
    _, arrival = waits_sealed(edges, chart)
    with edges.ledger.transaction() as tx:
        assert arrivals.claim_sealed(tx, arrival, forms=False)
    b.sign_form(edges, chart)
    attend_all(edges)
    assert state_of(edges, arrival) == "sealed"

    hours_pass(LEASE + timedelta(seconds=1))
    attend_all(edges)
    assert state_of(edges, arrival) == "filed"


def test_a_referral_that_a_task_that_died_had_in_its_hands_is_opened_when_its_lease_lapses(
    edges: Edges, hours_pass: Callable[[timedelta], None]
):
    case = b.refer(edges, b.a_chart())
    with edges.ledger.transaction() as tx:
        (referral,) = arrivals.of_subject(tx, case, ArrivalKind.REFERRAL)
        assert arrivals.claim(tx, referral)
    attend_all(edges)

    hours_pass(LEASE + timedelta(seconds=1))
    attend_all(edges)
    assert b.patient_of(edges, case)


def test_a_receipt_that_a_task_that_died_had_in_its_hands_is_looked_at_when_its_lease_lapses(
    edges: Edges, hours_pass: Callable[[timedelta], None]
):
    case = b.a_case(edges)
    receipt = b.comes(edges, b.SUMMIT, ArrivalKind.RECEIPT, b"{}", "application/fhir+json", subject=f"{case}-p1")
    with edges.ledger.transaction() as tx:
        assert arrivals.claim(tx, receipt.arrival)
    attend_all(edges)
    assert state_of(edges, receipt.arrival) == "stored"

    hours_pass(LEASE + timedelta(seconds=1))
    attend_all(edges)
    assert state_of(edges, receipt.arrival) == "held"


def another_has_the_number(edges: Edges, chart: Chart) -> None:
    """Somebody else is referred to us under the laboratory's number of this patient."""
    numbers = {**(other := b.a_chart())["numbers"], b.PRAIRIE: chart["numbers"][b.PRAIRIE]}
    b.refer(edges, {**other, "numbers": numbers})
    attend_all(edges)
    desk.resolve(edges, b.the_hold(edges, "whose-referral").id, Word.NOT_OURS, actor=ANN)
    attend_all(edges)


def a_form_comes(edges: Edges, chart: Chart, **overrides: object) -> None:
    """It names the patient by the oncology office's number alone."""
    b.sign_form(edges, {**chart, "numbers": {b.LAKESIDE: chart["numbers"][b.LAKESIDE]}}, **overrides)
    attend_all(edges)


def collected_by(edges: Edges, case: CaseId) -> list[str]:
    """The rules by which the case's records are its patient's."""
    with edges.ledger.transaction() as tx:
        return [one.tier for one in tx.case(case).records.values()]


def test_what_was_a_patients_by_a_rule_and_may_be_anothers_now_is_shown_to_people(edges: Edges):
    chart = b.a_chart()
    case, arrival = waits_sealed(edges, chart)
    another_has_the_number(edges, chart)
    a_form_comes(edges, chart)
    assert collected_by(edges, case) == []
    assert state_of(edges, arrival) == "held"

    hold = b.the_hold(edges, "whose-record")
    for actor in (ANN, BEN):
        desk.resolve(edges, hold.id, Word.OURS, actor=actor, case=case)
    attend_all(edges)
    assert collected_by(edges, case) == ["decided"]


def test_what_people_say_is_not_the_patients_after_all_is_a_strangers_again(edges: Edges):
    chart = b.a_chart()
    case, arrival = waits_sealed(edges, chart)
    another_has_the_number(edges, chart)
    a_form_comes(edges, chart)
    hold = b.the_hold(edges, "whose-record")
    for actor in (ANN, BEN):
        desk.resolve(edges, hold.id, Word.NOT_OURS, actor=actor)
    a_form_comes(edges, chart, number="another-form")

    assert collected_by(edges, case) == []
    with edges.ledger.transaction() as tx:
        row = tx.row("SELECT * FROM arrivals WHERE arrival = %s", arrival)
    assert (row.state, row.patient, row.key.partition("/")[0]) == ("sealed", None, "day")
