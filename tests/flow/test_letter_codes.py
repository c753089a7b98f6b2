"""The desk gives codes to people outside: kept as no one could read them, each for one thing, and ended."""

from datetime import timedelta

import pytest

from tests.kit import builders as b
from tests.kit.staff import ANN
from transfer import facts
from transfer.errors import NotAllowed, Unknown
from transfer.facts import Chain
from transfer.flow import desk
from transfer.flow.services import Services
from transfer.ledger import Ledger, letter_codes
from transfer.letter_codes import CodeHolder
from transfer.refusals import RefusalCode
from transfer.requests import RequestState

pytestmark = pytest.mark.servers


@pytest.fixture
def services(ledger: Ledger) -> Services:
    return b.new_services(ledger)


def found(services: Services, code: str):
    with services.ledger.transaction() as tx:
        return letter_codes.find(tx, code)


def a_code(services: Services, case=None) -> str:
    given = desk.give_own_code(services, case or b.a_case(services), CodeHolder.PATIENT, actor=ANN)
    return str(given.fields["code"])


def test_a_departments_code_is_for_its_request_alone(services):
    case = b.a_case(services)
    request = b.request_to(services, case, b.PRAIRIE)

    code = str(desk.give_reply_code(services, request.id, actor=ANN).fields["code"])

    known = found(services, code.lower().replace("-", " "))
    assert (known.holder, known.case, known.request) == (CodeHolder.SOURCE, case, request.id)
    with services.ledger.transaction() as tx:
        given = [one.fact for one in tx.lines(Chain.case(case)) if isinstance(one.fact, facts.LetterCodeGiven)]
        kept = tx.rows("SELECT * FROM letter_codes")
    assert [one.request for one in given] == [request.id]
    assert code not in str(given) + str(kept)
    assert code.replace("-", "") not in str(kept)


def test_a_reminder_carries_the_same_code_while_half_of_its_time_is_left(services, hours_pass):
    case = b.a_case(services)
    request = b.request_to(services, case, b.PRAIRIE)

    def code() -> str:
        return str(desk.give_reply_code(services, request.id, actor=ANN).fields["code"])

    first = code()
    hours_pass(timedelta(days=14))
    assert code() == first
    hours_pass(timedelta(days=2))
    second = code()
    assert second != first
    assert found(services, first)
    assert found(services, second)


def test_a_code_ended_is_not_given_again(services):
    case = b.a_case(services)
    code = a_code(services, case)

    desk.end_codes(services, case, CodeHolder.PATIENT, actor=ANN)

    assert a_code(services, case) != code


def test_a_code_ends_by_itself(services, hours_pass):
    code = a_code(services)

    hours_pass(timedelta(days=90, minutes=-5))
    assert found(services, code)
    hours_pass(timedelta(minutes=10))
    assert found(services, code) is None


def test_codes_of_a_letter_that_went_astray_are_ended(services):
    case = b.a_case(services)
    code, others = a_code(services, case), a_code(services)

    ended = desk.end_codes(services, case, CodeHolder.PATIENT, actor=ANN)

    assert ended.fields["count"] == 1
    assert found(services, code) is None
    assert found(services, others)
    assert desk.end_codes(services, case, CodeHolder.PATIENT, actor=ANN).fields["count"] == 0


def test_no_code_is_given_for_what_nothing_is_awaited_of(services):
    case = b.a_case(services)
    request = b.request_to(services, case, b.PRAIRIE)
    b.put(services, request, RequestState.NO_RECORDS)

    with pytest.raises(NotAllowed) as refused:
        desk.give_reply_code(services, request.id, actor=ANN)

    assert refused.value.refusal.code is RefusalCode.NOTHING_AWAITED
    with pytest.raises(Unknown):
        desk.give_reply_code(services, "q0123456789abcde", actor=ANN)
    with pytest.raises(NotAllowed):
        desk.give_own_code(services, case, CodeHolder.SOURCE, actor=ANN)
