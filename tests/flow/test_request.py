"""What came of asking: silence is told from a failure of our own, and an answer from one that a permission cut off."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.kit import builders as b
from tests.kit.fakes import MemoryDocuments
from tests.kit.processing import process_all, process_once
from tests.kit.staff import ANN
from tests.kit.studies import a_study
from transfer.errors import OutOfOrder, Unreachable
from transfer.flow import desk
from transfer.flow.receive import receive
from transfer.flow.services import Services
from transfer.institutions import Institution, Institutions
from transfer.ledger import Ledger, permissions, records, rounds
from transfer.patients import Demographics
from transfer.records import RecordKind
from transfer.requests import FIRST_PAUSE, GIVE_UP_AFTER, MAX_PAUSE, RequestState
from transfer.rounds import RunState
from transfer.sources import Bad, DocumentSource, Found, PatientFound, SeriesFound, StudyFound

pytestmark = pytest.mark.servers


class Office:
    """A records office that fails in one way, and then in another."""

    fails: BaseException = OutOfOrder("the object store did not answer")

    def ask(self, _source: object) -> Any:
        raise self.fails


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.fixture
def services(ledger: Ledger, office: Office) -> Services:
    return b.new_services(ledger, ask_documents=office.ask)


def asked_again(services: Services, hours_pass: Callable[[timedelta], None], times: int) -> None:
    for _ in range(times):
        hours_pass(MAX_PAUSE + timedelta(minutes=1))
        process_all(services)


def about(services: Services, request: str) -> list[str]:
    return [hold.code for hold in b.open_holds(services) if hold.about == request]


def test_an_outage_of_our_own_store_is_never_taken_for_a_source_that_is_silent(
    services: Services, office: Office, hours_pass: Callable[[timedelta], None]
):
    case = b.a_case(services)
    asked_again(services, hours_pass, GIVE_UP_AFTER + 2)
    request = b.request_to(services, case, b.LAKESIDE)

    assert request.state is RequestState.DUE
    assert about(services, request.id) == []

    office.fails = Unreachable("the office did not answer")
    asked_again(services, hours_pass, GIVE_UP_AFTER - 1)
    assert b.request_to(services, case, b.LAKESIDE).state is RequestState.DUE
    asked_again(services, hours_pass, 1)
    assert b.request_to(services, case, b.LAKESIDE).state is RequestState.SILENT
    assert about(services, request.id) == ["source-does-not-answer"]


class Killed(BaseException):
    """As if the process had ended: nothing is tidied up that an `except Exception` would."""


def test_who_died_asking_says_nothing_of_the_source(
    services: Services, office: Office, hours_pass: Callable[[timedelta], None]
):
    chart = b.a_chart()
    b.sign_form(services, chart)
    case = b.refer(services, chart)
    office.fails = Killed()
    for _ in range(GIVE_UP_AFTER + 2):
        with pytest.raises(Killed):
            process_all(services)
        hours_pass(MAX_PAUSE + timedelta(minutes=1))
        with services.ledger.transaction() as tx:
            for one in rounds.unfinished(tx):
                rounds.again(tx, one, RunState.FAILED)
        hours_pass(timedelta(minutes=11))
    office.fails = Unreachable("the office did not answer")
    asked_again(services, hours_pass, 1)

    request = b.request_to(services, case, b.LAKESIDE)
    with services.ledger.transaction() as tx:
        assert request.state is RequestState.DUE
        assert request.not_before
        assert request.not_before - tx.now() <= FIRST_PAUSE


# --- a permission that ends in the middle -----------------------------------------------------------------------------


def nothing_happens() -> None:
    """Between two documents, most of the time."""


class Charts(MemoryDocuments):
    """A records office that holds three notes, and lets something happen, once, when it has given so many."""

    def __init__(self) -> None:
        super().__init__([f"document {number}".encode() for number in range(3)])
        self.given = 1
        self.happens: Callable[[], object] = nothing_happens
        self.times_asked = 0

    def ask(self, _source: object) -> DocumentSource:
        return self

    def find_patient(self, who: Demographics, institution: Institution, **how: Any) -> PatientFound | None:
        self.times_asked += 1
        return super().find_patient(who, institution, **how)

    def documents(self, *asked: Any, **how: Any) -> Iterator[Found | Bad]:
        for number, found in enumerate(super().documents(*asked, **how)):
            if number == self.given:
                happens, self.happens = self.happens, nothing_happens
                happens()
            yield found


@pytest.fixture
def charts() -> Charts:
    return Charts()


@pytest.fixture
def asking(ledger: Ledger, charts: Charts) -> Services:
    return b.new_services(ledger, ask_documents=charts.ask)


def collected(services: Services, case) -> int:
    with services.ledger.transaction() as tx:
        return len(tx.case(case).records)


def the_form(services: Services, case) -> str:
    (permission,) = desk.dossier(services, case, actor=ANN).permissions
    return permission.permission


def test_a_fetch_that_a_pause_interrupts_is_made_whole_when_the_permission_goes_on(asking: Services, charts: Charts):
    chart = b.a_chart()
    b.sign_form(asking, chart)
    case = b.refer(asking, chart)
    charts.happens = lambda: desk.pause(asking, the_form(asking, case), actor=ANN)
    process_all(asking)
    assert collected(asking, case) == 1
    assert b.request_to(asking, case, b.LAKESIDE).state is RequestState.NOT_PERMITTED

    desk.resume(asking, the_form(asking, case), actor=ANN)
    process_all(asking)

    assert collected(asking, case) == 3
    assert b.request_to(asking, case, b.LAKESIDE).state is RequestState.ANSWERED


def test_a_fetch_during_which_the_form_expires_is_made_whole_under_a_new_one(
    asking: Services, charts: Charts, hours_pass: Callable[[timedelta], None]
):
    chart = b.a_chart()
    b.sign_form(asking, chart)
    case = b.refer(asking, chart)
    charts.happens = lambda: hours_pass(timedelta(days=200))
    process_all(asking)
    assert collected(asking, case) == 1
    assert b.request_to(asking, case, b.LAKESIDE).state is RequestState.NOT_PERMITTED

    b.sign_form(asking, chart, expires_on="2036-01-01")
    process_all(asking)

    assert collected(asking, case) == 3


def test_a_fetch_during_which_a_wider_form_comes_is_made_again_under_that_form(asking: Services, charts: Charts):
    charts.kinds = [RecordKind.LABORATORY, RecordKind.NOTE]
    chart = b.a_chart()
    b.sign_form(asking, chart, codes=["11506-3"])
    case = b.refer(asking, chart)

    def it_comes() -> None:
        b.sign_form(asking, chart)
        receive(asking)

    charts.happens = it_comes
    process_all(asking)

    assert collected(asking, case) == 2
    assert b.request_to(asking, case, b.LAKESIDE).state is RequestState.ANSWERED


def test_what_no_form_covers_is_left_there_and_the_office_is_asked_once(asking: Services, charts: Charts):
    charts.kinds = [RecordKind.NOTE, RecordKind.LABORATORY, RecordKind.NOTE]
    chart = b.a_chart()
    b.sign_form(asking, chart, codes=["11506-3"])
    case = b.refer(asking, chart)
    process_all(asking)

    assert collected(asking, case) == 2
    assert b.request_to(asking, case, b.LAKESIDE).state is RequestState.ANSWERED
    assert charts.times_asked == 1


def test_what_a_purge_took_is_fetched_again_when_a_form_that_covers_it_comes(asking: Services, charts: Charts):
    charts.kinds = [RecordKind.NOTE, RecordKind.LABORATORY]
    chart = b.a_chart()
    b.sign_form(asking, chart, number="for-notes", codes=["11506-3"])
    b.sign_form(asking, chart, number="for-all-records")
    case = b.refer(asking, chart)
    process_all(asking)
    assert collected(asking, case) == 2
    with asking.ledger.transaction() as tx:
        filed = permissions.filed(tx, b.patient_of(asking, case))
    desk.revoke(asking, filed[-1].permission.id, actor=ANN)
    process_all(asking)
    b.two_say_purge(asking, b.the_hold(asking, "confirm-purge").id)
    process_all(asking)
    with asking.ledger.transaction() as tx:
        assert len(records.joined(tx, case)) == 1

    b.sign_form(asking, chart, number="for-all-records-again")
    process_all(asking)

    with asking.ledger.transaction() as tx:
        assert len(records.joined(tx, case)) == 2
    assert charts.times_asked == 2


def test_what_was_left_there_is_fetched_when_a_form_that_covers_it_comes(asking: Services, charts: Charts):
    charts.kinds = [RecordKind.NOTE, RecordKind.LABORATORY, RecordKind.NOTE]
    chart = b.a_chart()
    b.sign_form(asking, chart, codes=["11506-3"])
    case = b.refer(asking, chart)
    process_all(asking)
    b.sign_form(asking, chart, number="for-all-records")
    process_all(asking)

    assert collected(asking, case) == 3
    assert charts.times_asked == 2


def test_what_still_no_form_covers_is_asked_for_once_more_with_each_new_form(asking: Services, charts: Charts):
    charts.kinds = [RecordKind.NOTE, RecordKind.LABORATORY]
    chart = b.a_chart()
    b.sign_form(asking, chart, codes=["11506-3"])
    case = b.refer(asking, chart)
    process_all(asking)
    b.sign_form(asking, chart, number="for-notes-again", codes=["11506-3"])
    process_all(asking)
    b.report_comes(asking, chart)
    process_all(asking)

    assert b.request_to(asking, case, b.LAKESIDE).state is RequestState.ANSWERED
    assert charts.times_asked == 2


# --- an archive's department that holds reports, too ------------------------------------------------------------------


class Archive:
    """It has one study of one image of whoever is asked for."""

    times_asked = 0

    def ask(self, _source: object) -> Any:
        return self

    def studies(self, who: Demographics, _institution: object, **_: object) -> list[StudyFound]:
        self.times_asked += 1
        return [a_study("2.25.1", who)]

    def series(self, _study: str, **_: object) -> list[SeriesFound]:
        return [SeriesFound(uid="2.25.2")]

    def instances(self, _study: str, _series: str, **_: object) -> frozenset[str]:
        return frozenset({"2.25.3"})


def with_department_holding(services: Services, institution: str, *kinds: RecordKind) -> Services:
    """The same, where this institution's only department holds these kinds."""
    theirs = services.institutions[institution]
    (department,) = theirs.departments
    changed = theirs.model_copy(update={"departments": (department.model_copy(update={"holds": kinds}),)})
    others = [one for one in services.institutions.values() if one.id != institution]
    return replace(services, institutions=Institutions([changed, *others]))


def test_an_archive_is_not_asked_under_a_form_for_the_reports_its_department_also_holds(ledger: Ledger):
    archive = Archive()
    services = b.new_services(ledger, ask_archive=archive.ask)
    services = with_department_holding(services, b.MERCY, RecordKind.IMAGES, RecordKind.IMAGING_REPORT)
    chart = b.a_chart()
    b.sign_form(services, chart, codes=["18748-4"])
    case = b.refer(services, chart)

    rounds_processed = sum(process_once(services) for _ in range(20))

    assert rounds_processed < 10
    assert b.request_to(services, case, b.MERCY).state is RequestState.NOT_PERMITTED
    assert archive.times_asked == 0
