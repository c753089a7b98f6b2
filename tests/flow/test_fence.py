"""Ending a permission at the door."""

from typing import Any

import pytest

from tests import builders as b
from tests.attention import attend_all
from transfer.flow import fence
from transfer.flow.edges import Edges
from transfer.identifiers import ArrivalId
from transfer.ledger import Ledger, patients
from transfer.permissions import End, FormStatus

pytestmark = pytest.mark.servers


@pytest.fixture
def edges(ledger: Ledger, tmp_path) -> Edges:
    return b.an_edges(ledger, tmp_path)


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
