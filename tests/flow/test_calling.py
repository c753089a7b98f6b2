"""A telephone call is logged once, sealed, and moves what was promised. What happened is told in sentences."""

import json
from datetime import date, timedelta

import pytest

from tests.kit import builders as b
from tests.kit.staff import ANN, BEN, somebody
from transfer import facts
from transfer.calls import Call, Callee, CallOutcome
from transfer.errors import NotAllowed, Unknown
from transfer.facts import Chain
from transfer.flow import desk
from transfer.flow.services import Services
from transfer.identifiers import RequestId
from transfer.ledger import Ledger
from transfer.permissions import End
from transfer.requests import RequestState
from transfer.rights import Right
from transfer.source_answers import SaidBy

pytestmark = pytest.mark.servers

SAID = SaidBy(person="Ms. Okonkwo", reference="R-77", words="It is on the cart.")


@pytest.fixture
def services(ledger: Ledger) -> Services:
    return b.new_services(ledger)


def calls(services: Services, case) -> list[facts.CallLogged]:
    with services.ledger.transaction() as tx:
        return [one.fact for one in tx.lines(Chain.case(case)) if isinstance(one.fact, facts.CallLogged)]


def to_facility(services: Services, case, **other) -> Call:
    request = b.request_to(services, case, b.PRAIRIE)
    return Call(**{"callee": Callee.FACILITY, "outcome": CallOutcome.VOICEMAIL, "request": request.id, **other})


class TestLogging:
    def test_a_call_is_logged_with_whom_and_what_is_next(self, services):
        case = b.a_case(services)

        did = desk.log_call(services, case, Call(callee=Callee.CENTER, outcome=CallOutcome.NO_ANSWER), actor=ANN)

        (fact,) = calls(services, case)
        assert fact.institution == b.SUMMIT
        assert fact.next_action == did.fields["next_action"] != ""

    def test_the_same_sent_twice_is_one_call_and_tomorrows_is_another(self, services, hours_pass):
        case = b.a_case(services)
        call = to_facility(services, case)

        assert desk.log_call(services, case, call, actor=ANN).changed
        assert not desk.log_call(services, case, call, actor=ANN).changed
        assert desk.log_call(services, case, call, actor=BEN).changed
        hours_pass(timedelta(hours=1))
        assert desk.log_call(services, case, call, actor=ANN).changed

    def test_a_promise_moves_the_request_to_the_day_it_names(self, services):
        case = b.a_case(services)
        day = date.today() + timedelta(days=5)  # noqa: DTZ011  a day at the facility, whichever

        desk.log_call(
            services, case, to_facility(services, case, outcome=CallOutcome.PROMISED, promised_by=day), actor=ANN
        )

        request = b.request_to(services, case, b.PRAIRIE)
        assert request.state is RequestState.READY_ON
        assert request.due_at is not None

    def test_a_promise_about_what_nobody_may_ask_is_logged_and_moves_nothing(self, services):
        case = b.a_case(services, form=False)
        request = b.request_to(services, case, b.PRAIRIE)
        b.put(services, request, *([] if request.state is RequestState.NOT_PERMITTED else [RequestState.NOT_PERMITTED]))
        day = date.today() + timedelta(days=5)  # noqa: DTZ011

        desk.log_call(
            services, case, to_facility(services, case, outcome=CallOutcome.PROMISED, promised_by=day), actor=ANN
        )

        assert len(calls(services, case)) == 1
        assert b.request_to(services, case, b.PRAIRIE).state is RequestState.NOT_PERMITTED

    def test_whom_they_spoke_to_and_what_was_said_stand_in_no_fact(self, services):
        case = b.a_case(services)

        desk.log_call(services, case, to_facility(services, case, outcome=CallOutcome.SPOKE, by=SAID), actor=ANN)

        with services.ledger.transaction() as tx:
            text = b"".join(line.text for line in tx.lines(Chain.case(case))).decode()
        for secret in (SAID.person, SAID.reference, SAID.words):
            assert secret not in text

    def test_they_are_shown_to_who_may_see_them(self, services):
        case = b.a_case(services)
        desk.log_call(services, case, to_facility(services, case, outcome=CallOutcome.SPOKE, by=SAID), actor=ANN)

        (plain,) = desk.dossier(services, case, actor=ANN).calls
        (whole,) = desk.dossier(services, case, actor=ANN, identity=True, notes=True).calls

        assert (plain.spoke_to, plain.reference, plain.words) == (None, None, None)
        assert SaidBy(person=whole.spoke_to, reference=whole.reference, words=whole.words) == SAID

    def test_a_request_of_another_case_is_unknown(self, services):
        case, other = b.a_case(services), b.a_case(services)

        with pytest.raises(Unknown):
            desk.log_call(services, case, to_facility(services, other), actor=ANN)
        with pytest.raises(Unknown):
            stray = Call(callee=Callee.FACILITY, outcome=CallOutcome.SPOKE, request=RequestId.draw())
            desk.log_call(services, case, stray, actor=ANN)

    def test_before_the_referral_is_understood_a_call_has_no_words(self, services):
        case = b.refer(services, b.a_chart())
        call = Call(callee=Callee.REFERRING_OFFICE, outcome=CallOutcome.SPOKE)

        assert desk.log_call(services, case, call, actor=ANN).changed
        with pytest.raises(NotAllowed):
            desk.log_call(services, case, Call(callee=Callee.PATIENT, outcome=CallOutcome.SPOKE, by=SAID), actor=ANN)

    def test_who_does_not_work_on_cases_logs_nothing(self, services):
        case = b.a_case(services)

        with pytest.raises(NotAllowed):
            desk.log_call(
                services,
                case,
                Call(callee=Callee.PATIENT, outcome=CallOutcome.SPOKE),
                actor=somebody("reader", without=frozenset({Right.WORK_ON_CASES})),
            )


class TestStory:
    def test_it_tells_what_people_did_apart_from_machinery(self, services):
        case = b.a_case_without_slides(services)
        desk.approve(services, case, actor=ANN)

        told = desk.story(services, case, actor=ANN)

        by_people = [one.says for one in told if one.by == ANN.person]
        assert by_people[-1].startswith("Approved, without ")
        assert by_people[-1] != "Approved, without slides.", "a line is called by its label, and not by its key"
        assert told == tuple(sorted(told, key=lambda one: one.at, reverse=True))
        assert any(one.says.startswith("Second-opinion request opened, from Lakeside") for one in told)

    def test_it_names_institutions_and_departments_and_never_the_patient(self, services):
        chart = b.a_chart()
        case = b.a_case_without_slides(services, chart)

        told = json.dumps([one.says for one in desk.story(services, case, actor=ANN)])

        assert "Prairie Pathology" in told
        assert chart["patient"]["family"] not in told
        assert b.PRAIRIE not in told

    def test_it_tells_what_became_of_the_patients_authorization(self, services):
        case = b.a_case(services)
        desk.stop_everything(services, case, End.PAUSED, actor=ANN)

        says = [one.says for one in desk.story(services, case, actor=ANN)]

        assert any("paused" in one for one in says)
