"""Turns at a department: who waits holds nothing and is called, who is silent holds up nobody else."""

import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

from tests.kit import builders as b
from tests.kit import processing
from tests.kit.fakes import MemoryDocuments
from tests.kit.first_steps import first_step, referred
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from transfer.arrivals import Priority
from transfer.asking import Asking
from transfer.errors import Unreachable
from transfer.flow import desk
from transfer.flow.receive import receive
from transfer.flow.request import request
from transfer.flow.services import Services
from transfer.identifiers import CaseId, DepartmentId, RequestId
from transfer.institutions import Institutions
from transfer.ledger import Ledger, Tx, holds, requests, rounds, turns
from transfer.patients import Demographics
from transfer.requests import RequestState
from transfer.rounds import LEASE, Dag
from transfer.sentences import sentence
from transfer.sources import DocumentSource
from transfer.turns import FIRST_REST, RESTS_AFTER, HeldTurn, Queue, Terms, TurnState, turn_wait, whose_turn

pytestmark = pytest.mark.servers

OFFICE = (b.LAKESIDE, DepartmentId("records-office"))
ONE_AT_ONCE = Asking(at_once=1)


class Office(MemoryDocuments):
    """A records office with one note of everybody. It counts who asks at the same time."""

    def __init__(self) -> None:
        super().__init__([b"a note"])
        self.times_asked = 0
        self.most_at_once = 0
        self._inside = 0
        self._lock = threading.Lock()
        self.happens: Callable[[], object] = lambda: None

    def ask(self, _source: object) -> DocumentSource:
        return self

    def find_patient(self, who: Demographics, *more: Any, **how: Any) -> Any:
        with self._lock:
            self.times_asked += 1
            self._inside += 1
            self.most_at_once = max(self.most_at_once, self._inside)
        try:
            self.happens()
            return super().find_patient(who, *more, **how)
        finally:
            with self._lock:
                self._inside -= 1


@pytest.fixture
def office() -> Office:
    return Office()


def services_with(ledger: Ledger, office: Office, asking: Asking) -> Services:
    known = b.new_services(ledger).institutions
    changed = Institutions(
        one.model_copy(update={"asking": asking}) if one.id == b.LAKESIDE else one for one in known.values()
    )
    return b.new_services(ledger, ask_documents=office.ask, institutions=changed)


@pytest.fixture
def services(ledger: Ledger, office: Office) -> Services:
    return services_with(ledger, office, ONE_AT_ONCE)


def states(services: Services, *cases: CaseId) -> list[RequestState]:
    return [b.request_to(services, case, b.LAKESIDE).state for case in cases]


def owed(services: Services) -> set[str]:
    return {subject for dag, subject in b.owed(services) if dag == Dag.OPEN_CASE}


def sweep(services: Services) -> None:
    with services.ledger.transaction() as tx:
        turns.sweep(tx)


def test_who_waits_holds_no_task_and_is_called_when_a_turn_is_given_back(services: Services):
    first, second = referred(services), referred(services)
    taken, handed = first_step(services, first)
    _, nothing = first_step(services, second)

    assert (len(handed), nothing) == (1, [])
    assert owed(services) == {first}  # the round that is taken

    request(services, taken, handed[0])
    assert owed(services) == {second}
    process_all(services)
    assert states(services, first, second) == [RequestState.ANSWERED] * 2


def test_a_stat_case_overtakes_twenty(services: Services, office: Office):
    blocking = referred(services)
    taken, (name,) = first_step(services, blocking)
    routine = [referred(services) for _ in range(20)]
    process_all(services)
    stat = referred(services, priority="stat")
    process_all(services)
    assert office.times_asked == 0

    request(services, taken, name)
    processing.process_once(services)
    assert office.times_asked == 2
    assert states(services, stat) == [RequestState.ANSWERED]
    process_all(services)
    assert set(states(services, *routine)) == {RequestState.ANSWERED}


def test_a_source_that_takes_long_holds_up_nothing_else_of_its_case(services: Services, office: Office):
    """Its round goes on; the next one hands out what is called meanwhile."""
    other = referred(services)
    taken, (name,) = first_step(services, other)
    chart = b.a_chart()
    b.sign_form(services, chart)
    receive(services)
    case = b.refer(services, chart)
    _, handed = first_step(services, case)
    with services.ledger.transaction() as tx:
        assert [requests.get(tx, one).institution for one in handed] == [b.MERCY]  # type: ignore[union-attr]

    request(services, taken, name)
    _, more = first_step(services, case)
    assert [b.request_to(services, case, b.LAKESIDE).id] == more


def test_what_one_round_handed_out_no_other_hands_out(services: Services):
    case = referred(services)
    _, handed = first_step(services, case)
    with services.ledger.transaction() as tx:
        rounds.owe(tx, Dag.OPEN_CASE, case)

    assert len(handed) == 1
    assert first_step(services, case)[1] == []


class Killed(BaseException):
    """As if the process had ended."""


def kill() -> None:
    raise Killed


def test_the_turn_of_a_process_that_died_frees_itself_and_nobody_is_forgotten(
    services: Services, office: Office, hours_pass: Callable[[timedelta], None]
):
    first, second = referred(services), referred(services)
    taken, (name,) = first_step(services, first)
    first_step(services, second)
    office.happens = kill
    with pytest.raises(Killed):
        request(services, taken, name)
    office.happens = lambda: None
    sweep(services)
    assert owed(services) == {first}

    hours_pass(LEASE + timedelta(seconds=1))
    sweep(services)
    assert second in owed(services)
    process_all(services)
    assert states(services, second) == [RequestState.ANSWERED]


def test_who_was_called_and_does_not_come_lets_the_next_go_first(
    services: Services, hours_pass: Callable[[timedelta], None]
):
    """Its run hangs. That must not keep the others out of its turn for ever."""
    first, second, third = (referred(services) for _ in range(3))
    taken, (name,) = first_step(services, first)
    first_step(services, second)
    first_step(services, third)
    request(services, taken, name)
    assert owed(services) == {second}

    hours_pass(LEASE + timedelta(seconds=1))
    sweep(services)
    assert owed(services) == {second, third}
    assert len(first_step(services, third)[1]) == 1


def test_a_task_that_comes_when_its_turn_has_lapsed_asks_only_if_one_is_free(
    services: Services, office: Office, hours_pass: Callable[[timedelta], None]
):
    first, second = referred(services), referred(services)
    late, (name,) = first_step(services, first)
    first_step(services, second)
    hours_pass(LEASE + timedelta(seconds=1))
    sweep(services)
    taken, (other,) = first_step(services, second)
    office.happens = lambda: request(services, late, name)
    with services.ledger.transaction() as tx:
        rounds.join(tx, Dag.OPEN_CASE, second, 1)
    request(services, taken, other)

    assert (office.times_asked, office.most_at_once) == (1, 1)
    office.happens = lambda: None
    process_all(services)
    assert states(services, first, second) == [RequestState.ANSWERED] * 2


# --- who does not answer ----------------------------------------------------------------------------------------------


def test_a_dead_department_rests_while_the_others_wait_and_is_asked_by_one(
    services: Services, office: Office, hours_pass: Callable[[timedelta], None]
):
    office.fails = Unreachable("no answer")
    cases = [referred(services) for _ in range(6)]
    process_all(services)
    assert office.times_asked == RESTS_AFTER

    hours_pass(FIRST_REST + timedelta(seconds=1))
    sweep(services)
    process_all(services)
    assert office.times_asked == RESTS_AFTER + 1

    office.fails = None
    hours_pass(timedelta(hours=1))
    sweep(services)
    process_all(services)
    assert set(states(services, *cases)) == {RequestState.ANSWERED}


def test_a_person_is_asked_after_a_day_of_silence_though_others_found_it_out(
    services: Services, office: Office, hours_pass: Callable[[timedelta], None]
):
    office.fails = Unreachable("no answer")
    cases = [referred(services) for _ in range(12)]
    process_all(services)
    for _ in range(24):
        hours_pass(timedelta(hours=2))
        sweep(services)
        process_all(services)
    assert set(states(services, *cases)) == {RequestState.SILENT}
    with services.ledger.transaction() as tx:
        for case in cases:
            assert [one.code for one in holds.open_holds(tx, case)] == ["source-does-not-answer"]


def test_a_person_who_says_ask_again_ends_the_rest(services: Services, office: Office):
    office.fails = Unreachable("no answer")
    cases = [referred(services) for _ in range(5)]
    process_all(services)
    office.fails = None
    desk.answer_request(services, b.request_to(services, cases[4], b.LAKESIDE).id, desk.RequestAnswer.AGAIN, actor=ANN)
    process_all(services)

    assert RequestState.ANSWERED in states(services, *cases)


# --- quiet hours ------------------------------------------------------------------------------------------------------


def test_in_quiet_hours_nothing_is_asked_and_after_them_it_is(
    ledger: Ledger, office: Office, hours_pass: Callable[[timedelta], None]
):
    with ledger.transaction() as tx:
        zone = b.new_services(ledger).institutions[b.LAKESIDE].zone
        now = tx.now().astimezone(zone)
    hour = timedelta(hours=1)
    hours = {"from": f"{now - hour:%H:%M}", "to": f"{now + hour:%H:%M}"}
    services = services_with(ledger, office, Asking.model_validate({"quiet_hours": [hours]}))
    routine, stat = referred(services), referred(services, priority="stat")
    process_all(services)
    sweep(services)
    process_all(services)
    assert states(services, routine, stat) == [RequestState.DUE, RequestState.ANSWERED]

    hours_pass(hour + timedelta(minutes=1))
    sweep(services)
    process_all(services)
    assert states(services, routine) == [RequestState.ANSWERED]


# --- many at once -----------------------------------------------------------------------------------------------------


@pytest.fixture
def deadlocks(migrated: Any) -> Iterator[Callable[[], int]]:
    def count() -> int:
        with psycopg.connect(migrated.url("superuser")) as looking:
            row = looking.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = 'transfer'").fetchone()
        return int(row[0]) if row else 0

    yield count


@pytest.mark.parametrize("at_once", [1, 3])
def test_eight_workers_never_ask_more_at_once_than_the_file_says_and_leave_nobody_out(
    ledger: Ledger, office: Office, deadlocks: Callable[[], int], at_once: int
):
    services = services_with(ledger, office, Asking(at_once=at_once))
    cases = [referred(services) for _ in range(16)]
    before = deadlocks()
    office.happens = lambda: threading.Event().wait(0.02)
    with ThreadPoolExecutor(8) as workers:
        for worker in [workers.submit(_work, services, cases) for _ in range(8)]:
            worker.result(120)

    assert set(states(services, *cases)) == {RequestState.ANSWERED}
    assert office.most_at_once <= at_once
    assert office.times_asked == len(cases)
    with ledger.transaction() as tx:
        assert tx.value("SELECT count(*) FROM turns") == 0
    assert deadlocks() == before


def _work(services: Services, cases: list[CaseId]) -> None:
    """As a worker does: take what is owed, until every case has its answer."""
    while _answered(services) < len(cases):
        with services.ledger.transaction() as tx:
            owed = rounds.postable(tx)
            for one in owed:
                rounds.posted(tx, one)
        for one in owed:
            processing.run(services, one)


def _answered(services: Services) -> int:
    with services.ledger.transaction() as tx:
        return int(tx.value("SELECT count(*) FROM requests WHERE institution = %s AND state = 'answered'", b.LAKESIDE))


# --- what is read -----------------------------------------------------------------------------------------------------


def a_line(migrated: Any, count: int, draw: random.Random, *, did_not_come: float) -> None:
    """So many requests wait at the office, of every priority and age; some had a turn and did not come."""
    cases, waiting, lapsed = [], [], []
    for number in range(count):
        case, name = CaseId.draw(), RequestId.draw()
        priority = draw.choices(list(Priority), [8, 2, 1, 1])[0]
        needed_by = draw.choice([None, date(2027, 1, draw.randint(1, 28))])
        since = timedelta(minutes=draw.randint(-2, 400) if number else 300)
        cases.append([case, priority, needed_by])
        waiting.append(
            [name, case, *OFFICE, draw.choice(["due", "due", "partly", "answered"]), since, priority, needed_by]
        )
        if draw.random() < did_not_come:
            lapsed.append([name, *OFFICE, priority, timedelta(minutes=draw.randint(1, 9))])
    with psycopg.connect(migrated.url("owner")) as owner, owner.cursor() as cursor:
        cursor.executemany(
            """INSERT INTO transfer.cases (case_id, stage, opened_at, changed_at, priority, needed_by)
               VALUES (%s, 'gathering', now(), now(), %s, %s)""",
            cases,
        )
        cursor.executemany(
            """INSERT INTO transfer.requests
                 (request, case_id, institution, department, lines, state, not_before, priority, needed_by)
               VALUES (%s, %s, %s, %s, '{}', %s, transfer.now() - %s, %s, %s)""",
            waiting,
        )
        cursor.executemany(
            """INSERT INTO transfer.turns (request, institution, department, state, priority, until)
               VALUES (%s, %s, %s, 'lapsed', %s, transfer.now() - %s)""",
            lapsed,
        )


@pytest.mark.parametrize("seed", range(12))
def test_whom_the_first_of_the_line_give_a_turn_the_whole_line_gives_it(ledger: Ledger, migrated: Any, seed: int):
    draw = random.Random(seed)
    a_line(migrated, 60, draw, did_not_come=0.2)
    for _ in range(20):
        at_once = draw.randint(1, 8)
        asking = Asking(at_once=at_once, kept_for_stat=draw.randint(0, at_once - 1))
        terms = Terms(asking=asking, zone=ZoneInfo("UTC"))
        held = [
            HeldTurn(request=RequestId.draw(), priority=draw.choice(list(Priority)), state=TurnState.ASKING)
            for _ in range(draw.randint(0, at_once))
        ]
        queue = Queue(given=draw.randint(0, 7))
        with ledger.transaction() as tx:
            turns.lock(tx, *OFFICE)
            now = tx.now()
            line = turns.waiting(tx, *OFFICE)
            first = turns.next_waiting(tx, *OFFICE, at_once - len(held) + 1)
            called = whose_turn(line, held, queue, terms, now)
            assert whose_turn(first, held, queue, terms, now) == called
            assert (len(called) < len(line)) == (len(called) < len(first))


def test_who_waits_is_told_how_many_wait_before(ledger: Ledger, migrated: Any):
    a_line(migrated, 40, random.Random(7), did_not_come=0)
    with ledger.transaction() as tx:
        line = turns.waiting(tx, *OFFICE)

        assert [turns.before(tx, *OFFICE, one) for one in line] == list(range(len(line)))


def test_who_has_a_hundred_before_it_is_told_that_there_may_be_more(ledger: Ledger, migrated: Any):
    a_line(migrated, 200, random.Random(7), did_not_come=0)
    terms = Terms(asking=Asking(), zone=ZoneInfo("UTC"))
    with ledger.transaction() as tx:
        now, line = tx.now(), turns.waiting(tx, *OFFICE)
        counted = [turns.before(tx, *OFFICE, line[place]) for place in (99, 100, 120)]
        waits = [turn_wait(Priority.ROUTINE, one, Queue(), terms, now, department="Records") for one in counted]

    assert counted == [99, 100, 100]
    assert [sentence(one) for one in waits] == [
        "waits for its turn at Records: 99 before it",
        *["waits for its turn at Records: 100 or more before it"] * 2,
    ]


@pytest.mark.usefixtures("new_connections")
def test_a_sweep_reads_who_is_late_and_not_who_has_time(ledger: Ledger, migrated: Any):
    a_line(migrated, 400, random.Random(3), did_not_come=0)
    with psycopg.connect(migrated.url("owner"), autocommit=True) as owner:
        owner.execute(
            """UPDATE transfer.requests SET state = 'expected', due_at = transfer.now() + interval '1 day'
               WHERE request NOT IN (SELECT request FROM transfer.requests ORDER BY request LIMIT 3)"""
        )
        owner.execute(
            """UPDATE transfer.requests SET state = 'expected', due_at = transfer.now() - interval '1 day'
               WHERE due_at IS NULL"""
        )
        owner.execute("VACUUM (ANALYZE) transfer.requests, transfer.cases")
    with ledger.transaction() as tx:
        tx.run("SET LOCAL enable_seqscan = off")  # of so few rows the planner reads the whole table
        before = rows_read(tx)
        requests.sweep(tx)
        read = rows_read(tx) - before
        owed = tx.value("SELECT count(*) FROM due_runs WHERE dag_id = %s AND state = 'owed'", Dag.OPEN_CASE)

    assert owed == 3
    assert read < 50, "three that are late"


def rows_read(tx: Tx) -> int:
    found = tx.value(
        """SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables
           WHERE relname IN ('requests', 'cases')"""
    )
    return int(found)


@pytest.mark.usefixtures("new_connections")
def test_a_turn_costs_the_same_however_many_wait(ledger: Ledger, migrated: Any):
    a_line(migrated, 3000, random.Random(1), did_not_come=0.01)
    with psycopg.connect(migrated.url("owner"), autocommit=True) as owner:
        owner.execute("ANALYZE transfer.requests, transfer.cases, transfer.turns")
    with ledger.transaction() as tx:
        turns.lock(tx, *OFFICE)
        before = rows_read(tx)
        assert turns.next_waiting(tx, *OFFICE, 3)
        read = rows_read(tx) - before
        whole = len(turns.waiting(tx, *OFFICE))

    assert whole > 2000
    assert read < 200, "the first of each order, and whose turn lapsed within minutes"
