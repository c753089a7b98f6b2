"""What is held for one case of a patient serves the next one, where a permission covers it there, too."""

import pytest

from tests.kit import builders as b
from tests.kit.fakes import MemoryDocuments, TakingReceiver
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from transfer.flow import desk
from transfer.flow.services import Services
from transfer.identifiers import CaseId
from transfer.ledger import Ledger, records
from transfer.records import RecordKind, Relation
from transfer.requests import RequestState

pytestmark = pytest.mark.servers


@pytest.fixture
def services(ledger: Ledger) -> Services:
    return b.new_services(ledger, hand_to=lambda _: TakingReceiver())


def held(services: Services, case: CaseId) -> set[str]:
    with services.ledger.transaction() as tx:
        return set(tx.case(case).records)


def test_a_pushed_report_serves_the_next_case_though_the_first_has_ended(services: Services):
    chart = b.a_chart()
    first = b.a_case(services, chart)
    b.report_comes(services, chart)
    desk.close(services, first, "opinion-given", actor=ANN)

    third = b.a_third_opinion(services, chart)

    assert held(services, third) == held(services, first) != set()
    assert b.request_to(services, third, b.PRAIRIE).state is RequestState.ANSWERED
    (record,) = desk.dossier(services, third, actor=ANN).records
    assert (record.kind, record.line) == ("pathology-report", "pathology-report")


def test_what_no_permission_covers_there_stays(services: Services):
    chart = b.a_chart()
    first = b.a_case(services, chart)
    b.report_comes(services, chart)

    third = b.a_third_opinion(services, chart, form=False)
    before = held(services, third)
    b.sign_form(services, chart, recipients=[b.SUMMIT, b.THIRD], number="third")
    process_all(services)

    assert before == set()
    assert held(services, third) == held(services, first)


def test_what_was_withdrawn_stays(services: Services):
    chart = b.a_chart()
    first = b.a_case(services, chart)
    note = b.came_in(services, first, RecordKind.NOTE)
    with services.ledger.transaction() as tx:
        records.supersede(tx, first, note, None, Relation.WITHDRAWS)

    third = b.a_third_opinion(services, chart)

    assert held(services, third) == set()


def test_what_is_fetched_for_one_case_joins_another_that_is_open(ledger: Ledger):
    offices: list[MemoryDocuments] = [MemoryDocuments([])]
    services = b.new_services(ledger, ask_documents=lambda _: offices[-1])
    chart = b.a_chart()
    first = b.a_case(services, chart)
    third = b.a_third_opinion(services, chart)
    assert held(services, first) == held(services, third) == set()

    offices.append(MemoryDocuments([b"a note"]))
    desk.answer_request(services, b.request_to(services, first, b.LAKESIDE).id, desk.RequestAnswer.AGAIN, actor=ANN)
    process_all(services)

    assert held(services, first) == held(services, third) != set()
