"""A named clinician says that it cannot wait: for one institution, until the end of the next day, and reviewed."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests import builders as b
from tests.attention import attend_all
from tests.staff import ANN, BEN
from transfer import facts
from transfer.errors import NotAllowed
from transfer.facts import Chain
from transfer.flow import desk
from transfer.flow.edges import Edges
from transfer.holds import HoldCode, Word
from transfer.ledger import Ledger
from transfer.record_requests import RequestState

pytestmark = pytest.mark.servers


@pytest.fixture
def edges(ledger: Ledger) -> Edges:
    return b.an_edges(ledger)


def declare(edges: Edges, case, institution: str = "mercy-imaging") -> desk.ActionResult:
    return desk.declare_emergency(
        edges, case, institution, clinician="Dr. Okafor", reason="spinal cord compression", actor=ANN
    )


def test_without_a_form_only_the_named_institution_is_asked(edges: Edges):
    case = b.a_case(edges, form=False)
    declare(edges, case)
    attend_all(edges)

    asked = b.request_to(edges, case, "mercy-imaging")
    with edges.ledger.transaction() as tx:
        moves = [line.fact for line in tx.lines(Chain.case(case)) if isinstance(line.fact, facts.RequestMoved)]
    assert {m.basis for m in moves if m.request == asked.id and m.state == "asking"} == {"emergency"}
    assert b.request_to(edges, case, "lakeside-oncology").state is RequestState.NOT_PERMITTED


def test_it_lapses_at_the_end_of_the_next_day(edges: Edges, hours_pass: Callable[[timedelta], None]):
    case = b.a_case(edges, form=False)
    declare(edges, case)
    hours_pass(timedelta(days=2))
    attend_all(edges)

    assert b.request_to(edges, case, "mercy-imaging").state is RequestState.NOT_PERMITTED


def declarations(edges: Edges, case) -> int:
    with edges.ledger.transaction() as tx:
        lines = tx.lines(Chain.patient(b.patient_of(edges, case)))
    return sum(isinstance(line.fact, facts.EmergencyDeclared) for line in lines)


def test_the_same_word_said_again_on_one_day_is_one_declaration(edges: Edges, hours_pass: Callable[[timedelta], None]):
    case = b.a_case(edges, form=False)
    assert declare(edges, case).changed
    assert not declare(edges, case).changed
    assert declarations(edges, case) == 1

    hours_pass(timedelta(days=1))
    assert declare(edges, case).changed
    assert declarations(edges, case) == 2


def test_somebody_is_asked_to_review_it(edges: Edges):
    case = b.a_case(edges, form=False)
    declare(edges, case)
    hold = b.the_hold(edges, HoldCode.REVIEW_EMERGENCY)
    desk.resolve(edges, hold.id, Word.SEEN, actor=BEN)

    assert HoldCode.REVIEW_EMERGENCY not in {one.code for one in b.open_holds(edges, case)}


def test_nobody_named_is_no_emergency(edges: Edges):
    case = b.a_case(edges, form=False)

    with pytest.raises(NotAllowed, match="clinician"):
        desk.declare_emergency(edges, case, "mercy-imaging", clinician=" ", reason="x", actor=ANN)


def test_who_declared_it_and_why_is_sealed(edges: Edges, ledger: Ledger):
    case = b.a_case(edges, form=False)
    declare(edges, case)

    with ledger.transaction() as tx:
        text = b"".join(row.text for row in tx.rows("SELECT text FROM facts"))
    assert b"Okafor" not in text
    assert b"compression" not in text
