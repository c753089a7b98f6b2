"""The register of accountings, and the figures of a period: both folded from facts, both told by page and command."""

import csv
import io
from datetime import date, timedelta

import pytest

from tests.kit import builders as b
from tests.kit.handed_over import handed_over
from tests.kit.staff import ANN, BEN
from transfer.accounting import DelayReason
from transfer.errors import NotAllowed, Unknown
from transfer.flow import desk
from transfer.flow.services import Services
from transfer.identifiers import AccountingId, CaseId
from transfer.ledger.disclosures import Grounds
from transfer.misdirections import Misdirected, Misdirection
from transfer.periods import Period
from transfer.reports import REVIEWED, ReviewFinding
from transfer.sheets import SheetFormat

pytestmark = pytest.mark.servers

EMERGENCY = Grounds(bases=("emergency",), permissions=())


@pytest.fixture
def services(ledger) -> Services:
    return b.new_services(ledger)


def lately(services: Services, days: int = 30) -> Period:
    return desk.latest_days(services, days, actor=ANN)


def asked(services: Services, case: CaseId, days: int = 30) -> AccountingId:
    period = lately(services, days)
    done = desk.ask_accounting(services, case, period.last, period, actor=ANN)
    return AccountingId(str(done.fields["accounting"]))


def lines(content: bytes) -> list[list[str]]:
    table = list(csv.reader(io.StringIO(content.decode(), newline="")))
    return table[table.index([]) + 2 :]


def exceptions(services: Services) -> list[str]:
    return [one.says for one in desk.count_figures(services, lately(services), actor=ANN).exceptions]


def test_who_asks_twice_on_a_day_for_the_same_asked_once(services):
    case = b.a_case(services)
    period = lately(services)

    first = desk.ask_accounting(services, case, period.last, period, actor=ANN)
    again = desk.ask_accounting(services, case, period.last, period, actor=BEN)

    assert (first.changed, again.changed) == (True, False)
    (one,) = desk.list_accountings(services, actor=ANN)
    assert (one.request.case, one.request.period, one.is_free, one.is_late) == (case, period, True, False)
    assert one.request.due_on == period.last + timedelta(days=60)


def test_nobody_asks_on_a_day_that_lies_ahead_or_for_a_case_that_there_is_not(services):
    case, today = b.a_case(services), lately(services, 1)
    tomorrow = today.last + timedelta(days=1)

    with pytest.raises(NotAllowed):
        desk.ask_accounting(services, case, tomorrow, today, actor=ANN)
    with pytest.raises(NotAllowed):
        desk.ask_accounting(services, case, today.last, Period(today.last, tomorrow), actor=ANN)
    with pytest.raises(Unknown):
        desk.ask_accounting(services, CaseId("c00000000000"), today.last, today, actor=ANN)


def test_what_is_given_lists_what_is_accounted_for_and_what_went_astray(services):
    chart = b.a_chart()
    case = handed_over(services, grounds=EMERGENCY, chart=chart)
    handed_over(services, grounds=EMERGENCY)  # another patient's
    astray = Misdirection(what=Misdirected.FAX, noticed_on=lately(services).last, words="A clinic of the same name")
    desk.record_misdirection(services, case, astray, actor=ANN)
    accounting = asked(services, case)

    made = desk.give_accounting(services, accounting, SheetFormat.CSV, actor=ANN)

    told = lines(made.content)
    assert [row[4] for row in told] == ["1 images, 1 note, 1 pathology-report", "fax"]
    assert [row[0] for row in told] == ["1", "2"]
    assert "emergency" in told[0][5]
    assert chart["patient"]["family"] not in made.content.decode()
    assert "clinic" not in made.content.decode()
    (one,) = desk.list_accountings(services, actor=ANN)
    assert (one.request.given_on, one.request.rows, one.request.sha256) == (lately(services).last, 2, made.sha256)
    assert [taken.report for taken in desk.evidence(services, actor=ANN).taken] == ["accounting"]


def test_what_rests_on_an_authorization_is_not_listed(services):
    case = handed_over(services)

    made = desk.give_accounting(services, asked(services, case), SheetFormat.CSV, actor=ANN)

    assert lines(made.content) == []


def test_the_first_within_a_year_is_free_whatever_case_of_the_patient_is_named(services):
    case = b.a_case(services)
    first, second = asked(services, case, 30), asked(services, case, 29)
    free = {one.request.accounting: one.is_free for one in desk.list_accountings(services, actor=ANN)}
    (the_free,) = [name for name, is_free in free.items() if is_free]
    (the_paid,) = {first, second} - {the_free}

    with pytest.raises(NotAllowed):
        desk.give_accounting(services, the_free, SheetFormat.CSV, actor=ANN, fee=650)
    desk.give_accounting(services, the_paid, SheetFormat.CSV, actor=ANN, fee=650)

    assert {one.request.fee for one in desk.list_accountings(services, actor=ANN)} == {0, 650}


def test_a_delay_is_given_once_and_in_time_and_what_is_late_stands_out(services, hours_pass):
    case = b.a_case(services)
    accounting, other = asked(services, case), asked(services, b.a_case(services))

    first = desk.delay_accounting(services, accounting, DelayReason.VOLUME, actor=ANN)
    again = desk.delay_accounting(services, accounting, DelayReason.IDENTITY, actor=ANN)
    hours_pass(timedelta(days=61))

    assert (first.changed, again.changed) == (True, False)
    late = {one.request.accounting: one.is_late for one in desk.list_accountings(services, actor=ANN)}
    assert late == {accounting: False, other: True}
    with pytest.raises(NotAllowed):
        desk.delay_accounting(services, other, DelayReason.VOLUME, actor=ANN)
    desk.give_accounting(services, accounting, SheetFormat.XLSX, actor=ANN)
    with pytest.raises(NotAllowed):
        desk.delay_accounting(services, accounting, DelayReason.VOLUME, actor=ANN)
    with pytest.raises(Unknown):
        desk.delay_accounting(services, AccountingId.draw(), DelayReason.VOLUME, actor=ANN)
    found = desk.count_figures(services, lately(services, 90), actor=ANN).exceptions
    assert [one.about for one in found if "accounting" in one.says] == [other]


def test_figures_are_those_of_the_lists(services):
    handed_over(services)
    handed_over(services, grounds=EMERGENCY)
    case = handed_over(services)
    desk.recall(services, case, actor=ANN)
    asked(services, case)

    found = {one.says: one.count for one in desk.count_figures(services, lately(services), actor=ANN).figures}

    listed = desk.list_disclosures(services, lately(services), actor=ANN)
    assert sum(one.is_packet for one in listed) == 3
    assert found["Disclosures in all"] == len(listed)
    assert found["Disclosures on the basis of authorization"] == sum("authorization" in one.bases for one in listed)
    assert found["Disclosures on the basis of emergency"] == 1
    assert found["Disclosures accounted for"] == 1
    assert found["Disclosures that a person approved"] == 3
    assert found["Packets recalled"] == 1
    assert found["Bytes that left"] == 3 * 420_864
    assert found["Authorizations filed"] == 3
    assert found["Anchors in packets"] == 3
    assert (found["Accountings asked for"], found["Accountings given of these"]) == (1, 0)
    assert found["Questions to people"] == len(desk.list_decisions(services, lately(services), actor=ANN))


def test_what_nobody_reviewed_or_verified_is_out_of_the_ordinary_until_somebody_does(services):
    before = exceptions(services)
    period = lately(services)
    first, rest = Period(period.first, period.first), Period(period.first + timedelta(days=1), period.last)
    for report in REVIEWED:
        for days in (first, rest):
            desk.review_period(services, days, report, ReviewFinding.NOTHING, actor=ANN)
    walked = [desk.walk_chain(services.ledger, one, actor=ANN) for one in desk.chains(services.ledger, actor=ANN)]
    desk.note_walk(services, walked, actor=ANN)

    assert "Nobody verified the audit log" in before
    assert [one for one in before if "reviewed" in one] == [
        f"Not all of these days are reviewed: {report}" for report in REVIEWED
    ]
    assert exceptions(services) == []


def test_a_question_that_waits_too_long_and_what_went_astray_stand_out(services, hours_pass):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    b.report_comes(services, b.a_twin(chart))
    hold = b.the_hold(services, "whose-record")
    astray = Misdirection(what=Misdirected.FAX, noticed_on=date(2026, 1, 5), words="A clinic")
    desk.record_misdirection(services, case, astray, actor=ANN)
    hours_pass(timedelta(days=8))

    found = desk.count_figures(services, lately(services), actor=ANN).exceptions

    assert hold.id in {one.about for one in found} or hold.due_at is None
    assert "Misdirection recorded" in {one.says for one in found}


def test_the_report_is_a_file_whose_hash_is_written_down(services):
    handed_over(services)

    made = desk.figures_file(services, lately(services), SheetFormat.CSV, actor=ANN)

    assert ["figure", "Disclosures in all", "1", "the list of disclosures"] in lines(made.content)
    assert [one.sha256 for one in desk.evidence(services, actor=ANN).taken] == [made.sha256]
