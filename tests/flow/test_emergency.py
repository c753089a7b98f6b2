"""A named clinician says that it cannot wait: for one institution, until the end of the next day, and reviewed."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.kit import builders as b
from tests.kit.processing import process_all
from tests.kit.staff import ANN, BEN
from transfer import facts
from transfer.errors import NotAllowed
from transfer.facts import Chain
from transfer.flow import desk
from transfer.flow.services import Services
from transfer.holds import HoldAnswer, HoldCode
from transfer.ledger import Ledger
from transfer.requests import RequestState

pytestmark = pytest.mark.servers


@pytest.fixture
def services(ledger: Ledger) -> Services:
    return b.new_services(ledger)


def declare(services: Services, case, institution: str = "mercy-imaging") -> desk.ActionResult:
    return desk.declare_emergency(
        services, case, institution, clinician="Dr. Okafor", reason="spinal cord compression", actor=ANN
    )


def test_without_a_form_only_the_named_institution_is_asked(services: Services):
    case = b.a_case(services, form=False)
    declare(services, case)
    process_all(services)

    asked = b.request_to(services, case, "mercy-imaging")
    with services.ledger.transaction() as tx:
        moves = [line.fact for line in tx.lines(Chain.case(case)) if isinstance(line.fact, facts.RequestMoved)]
    assert {m.basis for m in moves if m.request == asked.id and m.state == "asking"} == {"emergency"}
    assert b.request_to(services, case, "lakeside-oncology").state is RequestState.NOT_PERMITTED


def test_it_lapses_at_the_end_of_the_next_day(services: Services, hours_pass: Callable[[timedelta], None]):
    case = b.a_case(services, form=False)
    declare(services, case)
    hours_pass(timedelta(days=2))
    process_all(services)

    assert b.request_to(services, case, "mercy-imaging").state is RequestState.NOT_PERMITTED


def declarations(services: Services, case) -> int:
    with services.ledger.transaction() as tx:
        lines = tx.lines(Chain.patient(b.patient_of(services, case)))
    return sum(isinstance(line.fact, facts.EmergencyDeclared) for line in lines)


def test_the_same_word_said_again_on_one_day_is_one_declaration(
    services: Services, hours_pass: Callable[[timedelta], None]
):
    case = b.a_case(services, form=False)
    assert declare(services, case).changed
    assert not declare(services, case).changed
    assert declarations(services, case) == 1

    hours_pass(timedelta(days=1))
    assert declare(services, case).changed
    assert declarations(services, case) == 2


def test_somebody_is_asked_to_review_it(services: Services):
    case = b.a_case(services, form=False)
    declare(services, case)
    hold = b.the_hold(services, HoldCode.REVIEW_EMERGENCY)
    desk.resolve(services, hold.id, HoldAnswer.SEEN, actor=BEN)

    assert HoldCode.REVIEW_EMERGENCY not in {one.code for one in b.open_holds(services, case)}


def test_nobody_named_is_no_emergency(services: Services):
    case = b.a_case(services, form=False)

    with pytest.raises(NotAllowed, match="clinician"):
        desk.declare_emergency(services, case, "mercy-imaging", clinician=" ", reason="x", actor=ANN)


def test_who_declared_it_and_why_is_sealed(services: Services, ledger: Ledger):
    case = b.a_case(services, form=False)
    declare(services, case)

    with ledger.transaction() as tx:
        text = b"".join(row.text for row in tx.rows("SELECT text FROM facts"))
    assert b"Okafor" not in text
    assert b"compression" not in text
