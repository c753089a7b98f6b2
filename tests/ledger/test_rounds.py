"""The state machine by which a case gets attention, on real sessions that really wait for each other."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psycopg
import pytest

from transfer.embedded.postgres import Postgres
from transfer.identifiers import CaseId
from transfer.ledger import Ledger, Row, rounds
from transfer.ledger.rounds import Taken
from transfer.rounds import LEASE, ON_THEIR_WAY, Dag, Round

pytestmark = pytest.mark.servers

CASE = CaseId("c00000000000")
OPEN = Dag.OPEN_CASE


def ring(ledger: Ledger, **how: object) -> None:
    with ledger.transaction() as tx:
        rounds.owe(tx, OPEN, CASE, **how)  # type: ignore[arg-type]


def all_rounds(ledger: Ledger) -> list[tuple[int, str]]:
    with ledger.transaction() as tx:
        return [(r.round, r.state) for r in tx.rows("SELECT round, state FROM due_runs ORDER BY round")]


def post(ledger: Ledger) -> list[Round]:
    with ledger.transaction() as tx:
        owed = rounds.postable(tx)
        for one in owed:
            rounds.posted(tx, one)
        return owed


def take(ledger: Ledger, number: int = 1) -> Taken | None:
    with ledger.transaction() as tx:
        return rounds.take(tx, OPEN, CASE, number)


def finish(ledger: Ledger, taken: Taken) -> bool:
    with ledger.transaction() as tx:
        return rounds.done(tx, taken, "asked nobody")


def test_ringing_twice_owes_one_round(ledger: Ledger):
    ring(ledger)
    ring(ledger)

    assert all_rounds(ledger) == [(1, "owed")]


def test_a_ring_while_the_run_is_queued_is_the_same_round(ledger: Ledger):
    ring(ledger)
    post(ledger)
    ring(ledger)

    assert all_rounds(ledger) == [(1, "posted")]


def test_a_ring_after_the_round_was_taken_makes_the_next_one(ledger: Ledger):
    ring(ledger)
    post(ledger)
    take(ledger)
    ring(ledger)

    assert all_rounds(ledger) == [(1, "taken"), (2, "owed")]


def test_the_next_round_waits_until_the_one_before_is_done(ledger: Ledger):
    ring(ledger)
    post(ledger)
    taken = take(ledger)
    ring(ledger)
    assert post(ledger) == []

    assert taken
    assert finish(ledger, taken)
    assert [r.run_id for r in post(ledger)] == [f"{CASE}.2"]


def test_the_next_round_goes_when_the_lease_of_the_one_before_has_lapsed(
    ledger: Ledger, hours_pass: Callable[[timedelta], None]
):
    ring(ledger)
    post(ledger)
    take(ledger)
    ring(ledger)
    hours_pass(LEASE + timedelta(seconds=1))

    assert [r.number for r in post(ledger)] == [2]


def test_an_earlier_ring_is_not_held_back_by_a_later_one(ledger: Ledger):
    ring(ledger, after=timedelta(hours=1))
    assert post(ledger) == []

    ring(ledger)
    assert [r.number for r in post(ledger)] == [1]


def test_a_round_is_led_by_one_task_at_a_time(ledger: Ledger, hours_pass: Callable[[timedelta], None]):
    ring(ledger)
    post(ledger)
    first = take(ledger)
    assert take(ledger) is None

    hours_pass(LEASE + timedelta(seconds=1))
    second = take(ledger)
    assert first
    assert second
    assert second.claim > first.claim
    assert not finish(ledger, first)
    assert finish(ledger, second)


def test_a_done_round_cannot_be_taken_again(ledger: Ledger):
    ring(ledger)
    taken = take(ledger)
    assert taken
    finish(ledger, taken)

    assert take(ledger) is None


def test_a_task_that_starts_before_the_dispatcher_noted_the_post_still_takes_its_round(ledger: Ledger):
    ring(ledger)
    assert take(ledger)

    post(ledger)
    assert all_rounds(ledger) == [(1, "taken")]


def test_whoever_closes_the_last_line_says_done(ledger: Ledger):
    ring(ledger)
    taken = take(ledger)
    assert taken
    with ledger.transaction() as tx:
        rounds.open_lines(tx, taken, ["q1", "q2"])

    for line, state in (("q1", "taken"), ("q1", "taken"), ("q2", "done")):
        with ledger.transaction() as tx:
            rounds.close_line(tx, taken, line, "asked 2")
        assert all_rounds(ledger) == [(1, state)]


def test_a_round_that_came_to_nothing_is_followed_by_another_and_backs_off(ledger: Ledger):
    ring(ledger)
    (first,) = post(ledger)
    with ledger.transaction() as tx:
        assert rounds.again(tx, first, "failed")
        assert not rounds.again(tx, first, "failed")

    assert all_rounds(ledger) == [(1, "done"), (2, "owed")]
    assert post(ledger) == []


def test_what_a_ring_wrote_is_seen_by_the_round_that_takes_it(ledger: Ledger):
    """The race that strands a fact: a task takes the round while the ring's transaction is still open."""
    ring(ledger)
    post(ledger)
    read: list[int] = []
    rung, may_commit = threading.Event(), threading.Event()

    def ringer() -> None:
        with ledger.transaction() as tx:
            tx.run("INSERT INTO unmatched_counts (institution, day) VALUES ('x', '2026-01-01')")
            rounds.owe(tx, OPEN, CASE)
            rung.set()
            may_commit.wait(5)

    def taker() -> None:
        with ledger.transaction() as tx:
            rounds.take(tx, OPEN, CASE, 1)
        with ledger.transaction() as tx:
            read.append(tx.value("SELECT count(*) FROM unmatched_counts"))

    ringing, taking = threading.Thread(target=ringer), threading.Thread(target=taker)
    ringing.start()
    rung.wait(5)
    taking.start()
    wait_for_a_lock(ledger)
    may_commit.set()
    ringing.join()
    taking.join()

    assert read == [1]
    assert all_rounds(ledger) == [(1, "taken")]


def test_a_ring_that_waits_for_a_take_makes_the_next_round(ledger: Ledger):
    """The other order: the take is not committed when the ring comes."""
    ring(ledger)
    post(ledger)
    took, may_commit = threading.Event(), threading.Event()

    def taker() -> None:
        with ledger.transaction() as tx:
            rounds.take(tx, OPEN, CASE, 1)
            took.set()
            may_commit.wait(5)

    taking, ringing = threading.Thread(target=taker), threading.Thread(target=ring, args=(ledger,))
    taking.start()
    took.wait(5)
    ringing.start()
    wait_for_a_lock(ledger)
    may_commit.set()
    taking.join()
    ringing.join()

    assert all_rounds(ledger) == [(1, "taken"), (2, "owed")]


def write_and_ring(ledger: Ledger, number: int) -> None:
    with ledger.transaction() as tx:
        tx.run("INSERT INTO unmatched_counts (institution, day) VALUES (%s, '2026-01-01')", str(number))
        rounds.owe(tx, OPEN, CASE)


def process(ledger: Ledger, seen: set[int]) -> bool:
    """Take the round that waits, if one does, and read all there is. False: none waits."""
    with ledger.transaction() as tx:
        waiting = tx.row("SELECT round FROM due_runs WHERE state IN ('owed', 'posted') ORDER BY round LIMIT 1")
    if waiting is None:
        return False
    if taken := take(ledger, waiting.round):
        with ledger.transaction() as tx:
            seen.update(int(row.institution) for row in tx.rows("SELECT institution FROM unmatched_counts"))
        finish(ledger, taken)
    return True


def test_six_who_ring_take_and_finish_at_once_lose_nothing(ledger: Ledger):
    """Each writes something and rings; takers read all there is. At the end everything written was read."""
    seen: set[int] = set()
    with ThreadPoolExecutor(8) as people:
        ringing = [
            people.submit(lambda n=n: [write_and_ring(ledger, n) for n in range(n * 100, n * 100 + 15)])
            for n in range(6)
        ]
        stop = threading.Event()
        taking = [people.submit(process_until_stopped, ledger, seen, stop) for _ in range(2)]
        for one in ringing:
            one.result(60)
        stop.set()
        for one in taking:
            one.result(60)

    assert seen == {n * 100 + i for n in range(6) for i in range(15)}


def process_until_stopped(ledger: Ledger, seen: set[int], stop: threading.Event) -> None:
    while process(ledger, seen) or not stop.is_set():
        pass


# --- who is posted first ----------------------------------------------------------------------------------------------


def a_case_of(ledger: Ledger, number: int, priority: str) -> CaseId:
    case = CaseId(f"c{number:011}")
    with ledger.transaction() as tx:
        tx.run(
            """INSERT INTO cases (case_id, stage, priority, opened_at, changed_at)
               VALUES (%s, 'gathering', %s, transfer.now(), transfer.now())""",
            *(case, priority),
        )
    return case


def owe(ledger: Ledger, dag: Dag, subject: str, seconds_ago: int = 0) -> None:
    with ledger.transaction() as tx:
        rounds.owe(tx, dag, subject)
        tx.run(
            "UPDATE due_runs SET not_before = transfer.now() - %s WHERE dag_id = %s AND subject = %s",
            *(timedelta(seconds=seconds_ago), dag, subject),
        )


def test_the_most_urgent_case_is_posted_first_then_the_oldest_and_before_them_what_nobody_has_read(ledger: Ledger):
    ages = {"routine": 90, "urgent": 50, "asap": 40, "stat": 1}
    cases = {said: a_case_of(ledger, number, said) for number, said in enumerate(ages)}
    for said, age in ages.items():
        owe(ledger, OPEN, cases[said], seconds_ago=age)
    older = a_case_of(ledger, 9, "urgent")
    owe(ledger, OPEN, older, seconds_ago=60)
    unread = CaseId("c99999999999")  # a referral that nobody has read makes no row of `cases`
    owe(ledger, OPEN, unread)

    expected = [unread, cases["stat"], cases["asap"], older, cases["urgent"], cases["routine"]]
    assert [one.subject for one in post(ledger)] == expected


def test_a_packet_is_as_urgent_as_its_case(ledger: Ledger):
    routine, stat = a_case_of(ledger, 1, "routine"), a_case_of(ledger, 2, "stat")
    owe(ledger, Dag.RELEASE_PACKET, f"{routine}-p1", seconds_ago=90)
    owe(ledger, Dag.RELEASE_PACKET, f"{stat}-p1")

    assert [one.subject for one in post(ledger)] == [f"{stat}-p1", f"{routine}-p1"]


def test_a_dag_has_only_so_many_runs_on_their_way_and_a_late_urgent_case_is_among_the_next(ledger: Ledger):
    """What is queued at Airflow cannot be overtaken any more. What waits here can."""
    for number in range(ON_THEIR_WAY + 2):
        owe(ledger, OPEN, a_case_of(ledger, number, "routine"), seconds_ago=90 - number)
    first = post(ledger)
    assert len(first) == ON_THEIR_WAY
    assert post(ledger) == []

    stat = a_case_of(ledger, 99, "stat")
    owe(ledger, OPEN, stat)
    owe(ledger, Dag.HOUSEKEEPING, "inbox")
    assert [one.dag for one in post(ledger)] == [Dag.HOUSEKEEPING]  # another DAG's runs are counted for themselves

    with ledger.transaction() as tx:
        assert rounds.take(tx, OPEN, first[0].subject, first[0].number)
    assert [one.subject for one in post(ledger)] == [stat]


def test_what_it_costs_to_post_does_not_grow_with_the_cases(ledger: Ledger, migrated: Postgres):
    """It is asked five times a second."""
    with psycopg.connect(migrated.url("owner"), autocommit=True) as owner:
        owner.execute(
            """INSERT INTO transfer.cases (case_id, stage, opened_at, changed_at)
               SELECT 'c' || lpad(i::text, 11, '0'), 'gathering', now(), now() FROM generate_series(1, 2000) AS i"""
        )
        owner.execute(
            """INSERT INTO transfer.due_runs (dag_id, subject, round, state, not_before)
               SELECT 'open_case', case_id, 1, 'owed', now() + interval '1 day' FROM transfer.cases LIMIT 500"""
        )
        owner.execute("ANALYZE transfer.cases, transfer.due_runs")
    owe(ledger, OPEN, "c00000000007")

    with ledger.transaction() as tx:
        (one,) = rounds.postable(tx)
        read = tx.row(
            "SELECT seq_tup_read AS all, idx_tup_fetch AS found FROM pg_stat_xact_user_tables WHERE relname = 'cases'"
        )
    assert one.subject == "c00000000007"
    assert read.all == 0
    assert 1 <= read.found <= 3


def test_facts_can_be_added_and_never_changed(ledger: Ledger):
    for statement in ("UPDATE facts SET kind = 'x'", "DELETE FROM facts", "TRUNCATE facts", "DROP TABLE facts"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), ledger.transaction() as tx:
            tx.run(statement)


def wait_for_a_lock(ledger: Ledger) -> None:
    """Until some session waits for another."""
    for _ in range(200):
        with ledger.transaction() as tx:
            waiting: Row = tx.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        if waiting:
            return
        threading.Event().wait(0.01)
    pytest.fail("nobody waited for anybody")


def test_owing_never_reads_all_rounds(ledger: Ledger, migrated: Postgres):
    """Also where its plan was made while there was one."""
    scans = "SELECT pg_stat_get_xact_numscans('transfer.due_runs'::regclass)"
    with ledger.transaction() as tx:
        rounds.owe(tx, Dag.OPEN_CASE, CaseId.draw())
    with psycopg.connect(migrated.url("owner"), autocommit=True) as owner:
        owner.execute("ANALYZE transfer.due_runs")
    with ledger.transaction() as tx:
        before = tx.value(scans)
        for _ in range(12):
            rounds.owe(tx, Dag.OPEN_CASE, CaseId.draw())
        after = tx.value(scans)

    assert after == before
