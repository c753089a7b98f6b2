"""What follows when a permission ended: what is forgotten, what is spared, and that the case goes on."""

from collections.abc import Iterable
from typing import Any

import pytest

from tests import builders as b
from tests.attention import attend_all
from transfer import facts
from transfer.facts import Chain
from transfer.flow import desk
from transfer.flow.edges import Edges
from transfer.holds import Word
from transfer.identifiers import CaseId
from transfer.ledger import Ledger, patients
from transfer.records import RecordKind
from transfer.sandbox.charts import Chart

pytestmark = pytest.mark.servers

EVERYTHING = (RecordKind.NOTE, RecordKind.PATHOLOGY_REPORT, RecordKind.IMAGES)


class Center:
    """A receiver that takes what it is handed and never says a word about it."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []

    def submit(self, bundle: bytes) -> None:
        self.taken.append(bundle)

    def has(self, _packet: str) -> bool:
        return bool(self.taken)

    def cut(self) -> None:
        """It is never slow."""


@pytest.fixture
def center() -> Center:
    return Center()


@pytest.fixture
def edges(ledger: Ledger, tmp_path: Any, center: Center) -> Edges:
    return b.an_edges(ledger, tmp_path, hand_to=lambda _: center)


def come_in(edges: Edges, case: CaseId, kinds: Iterable[RecordKind] = EVERYTHING) -> None:
    for kind in kinds:
        b.came_in(edges, case, kind)


def a_case(edges: Edges) -> tuple[Chart, CaseId]:
    chart = b.a_chart()
    return chart, b.a_case(edges, chart)


def first_form(edges: Edges, case: CaseId) -> str:
    with edges.ledger.transaction() as tx:
        return patients.filed(tx, b.patient_of(edges, case))[0].permission.id


def revoked_and_purged(edges: Edges, case: CaseId) -> None:
    """The first form is taken back, and a person confirms that what came under it is destroyed."""
    desk.revoke(edges, first_form(edges, case), person="ann")
    attend_all(edges)
    desk.resolve(edges, b.the_hold(edges, "confirm-purge").id, Word.PURGE, person="ann")
    attend_all(edges)


def purges(edges: Edges, case: CaseId) -> list[facts.RecordsPurged]:
    with edges.ledger.transaction() as tx:
        lines = tx.lines(Chain.patient(b.patient_of(edges, case)))
    return [line.fact for line in lines if isinstance(line.fact, facts.RecordsPurged)]


@pytest.mark.parametrize("is_handed_over", [True, False])
def test_a_packet_that_was_purged_before_its_receipt_does_not_keep_the_next_one_back(
    edges: Edges, center: Center, is_handed_over: bool
):
    chart, case = a_case(edges)
    come_in(edges, case)
    desk.approve(edges, case, person="ann", without=["slides"])
    if is_handed_over:
        attend_all(edges)
    # Otherwise it is owed and not put together when the form is taken back.
    b.sign_form(edges, chart, number="second", disclosers=[b.LAKESIDE])
    revoked_and_purged(edges, case)
    assert not purges(edges, case)[0].key_destroyed
    before = len(center.taken)

    b.sign_form(edges, chart, number="third")
    attend_all(edges)
    come_in(edges, case, [RecordKind.PATHOLOGY_REPORT, RecordKind.IMAGES])
    desk.approve(edges, case, person="ann", without=["slides"])
    attend_all(edges)

    with edges.ledger.transaction() as tx:
        newest = tx.case(case).newest_packet
    assert newest
    assert newest.planned.packet.endswith("-p2")
    assert newest.assembled
    assert len(newest.assembled.records) == len(EVERYTHING)
    assert newest.outcome == "made"
    assert len(center.taken) == before + 1
