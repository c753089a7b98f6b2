"""Ending a permission at the door."""

from typing import Any

import pytest

from tests import builders as b
from tests.attention import attend_all
from tests.staff import ANN
from transfer.adapters.fhir.consents import REPLACES
from transfer.flow import desk, fence
from transfer.flow.collecting import may_collect
from transfer.flow.edges import Edges
from transfer.identifiers import ArrivalId, CaseId
from transfer.ledger import Ledger, patients
from transfer.permissions import End, FormStatus
from transfer.records import RecordKind
from transfer.sandbox.oncology import letters
from transfer.sentences import sentence

pytestmark = pytest.mark.servers


@pytest.fixture
def edges(ledger: Ledger) -> Edges:
    return b.an_edges(ledger)


def ends(edges: Edges, case: Any) -> list[End | None]:
    with edges.ledger.transaction() as tx:
        return [one.permission.ended for one in patients.filed(tx, b.patient_of(edges, case))]


@pytest.mark.parametrize("versions", [1, 2, 3])
def test_a_form_put_right_under_its_own_number_is_revoked_in_every_version(edges: Edges, versions: int):
    chart = b.a_chart()
    case = b.a_case(edges, chart)
    for version in range(1, versions):
        b.sign_form(edges, chart, expires_on=f"203{version}-01-01")
        attend_all(edges)
    assert ends(edges, case).count(None) == 1

    with edges.ledger.transaction() as tx:
        said = tx.row("SELECT reference, institution FROM permissions JOIN arrivals USING (arrival) LIMIT 1")
        assert fence.end_by_reference(tx, said.reference, said.institution, FormStatus.REVOKED, ArrivalId.draw())

    assert set(ends(edges, case)) == {End.REVOKED}


def is_permitted(edges: Edges, case: CaseId, kind: RecordKind) -> bool:
    with edges.ledger.transaction() as tx:
        return may_collect(tx, edges, case, b.LAKESIDE, kind, frozenset()).is_permitted


def of_another_number(chart: Any) -> dict[str, Any]:
    """What a form says that takes the place of the patient's first by naming it."""
    statements = letters.release_form(chart, {})["extension"]
    older = {"url": REPLACES, "valueIdentifier": chart["form"]["number"]}
    return {"number": "F-18", "resource": {"extension": [*statements, older]}}


@pytest.mark.parametrize("number", ["its own", "another"])
def test_a_paused_form_that_was_put_right_meanwhile_does_not_come_back(edges: Edges, number: str):
    chart = b.a_chart()
    case = b.a_case(edges, chart)
    with edges.ledger.transaction() as tx:
        (wide,) = [one.permission.id for one in patients.filed(tx, b.patient_of(edges, case))]
    desk.pause(edges, wide, actor=ANN)
    said = of_another_number(chart) if number == "another" else {}
    b.sign_form(edges, chart, codes=["11488-4"], **said)
    attend_all(edges)
    # What was said by telephone holds until a person lets it go on.
    assert ends(edges, case) == [End.PAUSED, None]
    assert not is_permitted(edges, case, RecordKind.NOTE)

    did = desk.resume(edges, wide, actor=ANN)
    attend_all(edges)

    assert ends(edges, case) == [End.REPLACED, None]
    assert did.changed
    assert "replaced" in sentence(did)
    assert is_permitted(edges, case, RecordKind.NOTE)
    assert not is_permitted(edges, case, RecordKind.LABORATORY)
