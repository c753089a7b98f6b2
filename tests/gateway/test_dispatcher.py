"""The dispatcher against answers of Airflow's API, over a real socket: no row blocks another, nothing is posted twice.

Airflow itself is in tests/journeys/test_airflow.py.
"""

import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from http.server import ThreadingHTTPServer

import pytest

from tests.kit.loggers import our_messages
from tests.kit.scripted_airflow import AirflowHandler, ScriptedAirflow
from transfer.adapters.airflow_api import AirflowApi
from transfer.dispatcher import SETTLING, Dispatcher
from transfer.errors import TurnedAway, Unreachable
from transfer.identifiers import CaseId
from transfer.ledger import Ledger, holds, rounds, vault_objects
from transfer.ledger.waking import Waking
from transfer.rounds import ATTEMPTS, ON_THEIR_WAY, Dag

pytestmark = pytest.mark.servers

ONE, TWO = CaseId("c00000000001"), CaseId("c00000000002")


@pytest.fixture
def airflow() -> Iterator[ScriptedAirflow]:
    server = ScriptedAirflow()
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def dispatcher(ledger: Ledger, airflow: ScriptedAirflow) -> Dispatcher:
    return Dispatcher(ledger, AirflowApi(airflow.url, "dispatcher", "secret"))


def ring(ledger: Ledger, *subjects: str) -> None:
    with ledger.transaction() as tx:
        for subject in subjects:
            rounds.owe(tx, Dag.OPEN_CASE, subject)


def hurry(dispatcher: Dispatcher, ledger: Ledger) -> None:
    """What was postponed is due at once, what is posted is looked at."""
    with ledger.transaction() as tx:
        tx.run("UPDATE due_runs SET not_before = transfer.now() WHERE state = 'owed'")
    dispatcher.post()


def later(ledger: Ledger) -> None:
    """What was posted is so long ago that it is looked for, and what its tasks said is noted."""
    with ledger.transaction() as tx:
        tx.run("UPDATE due_runs SET posted_at = posted_at - %s", SETTLING)


def test_an_owed_round_becomes_a_run_whose_id_begins_with_the_case(dispatcher, ledger, airflow):
    ring(ledger, ONE)
    dispatcher.step()
    dispatcher.step()

    assert airflow.states() == {f"{ONE}.1": "queued"}
    assert airflow.runs["open_case", f"{ONE}.1"]["conf"] == {"subject": ONE, "round": 1}


def test_what_lapsed_becomes_a_run_of_housekeeping(dispatcher, ledger, airflow):
    dispatcher.step()
    with ledger.transaction() as tx:
        assert tx.value("SELECT count(*) FROM due_runs") == 0
        vault_objects.mark_for_deletion(tx, ["an object that a purge left"])

    dispatcher.housekeeping()
    dispatcher.housekeeping()
    dispatcher.post()

    assert set(airflow.runs) == {("housekeeping", "inbox.1")}


def test_a_post_whose_answer_was_lost_is_made_again_and_is_one_run(dispatcher, ledger, airflow):
    ring(ledger, ONE)
    airflow.runs["open_case", f"{ONE}.1"] = {"dag_run_id": f"{ONE}.1", "state": "queued", "note": None}
    dispatcher.post()

    with ledger.transaction() as tx:
        assert tx.value("SELECT state FROM due_runs") == "posted"


@pytest.mark.parametrize("status", [400, 404, 500, 503, 418])
def test_a_round_airflow_does_not_take_holds_up_no_other(dispatcher, ledger, airflow, status):
    airflow.refuse[ONE] = status
    ring(ledger, ONE, TWO)
    dispatcher.post()
    assert airflow.states() == {f"{TWO}.1": "queued"}

    airflow.refuse.clear()
    hurry(dispatcher, ledger)
    assert airflow.states() == {f"{ONE}.1": "queued", f"{TWO}.1": "queued"}


def test_a_token_no_longer_taken_is_renewed(dispatcher, ledger, airflow):
    ring(ledger, ONE)
    dispatcher.post()
    airflow.tokens = set()
    ring(ledger, TWO)
    dispatcher.post()

    assert airflow.logins == 2
    assert f"{TWO}.1" in airflow.states()


@pytest.mark.parametrize("end", ["success", "failed", None])
def test_a_run_that_ended_without_done_is_followed_by_another(dispatcher, ledger, airflow, end):
    ring(ledger, ONE)
    dispatcher.post()
    if end:
        airflow.runs["open_case", f"{ONE}.1"]["state"] = end
    else:
        airflow.runs.clear()
    later(ledger)
    dispatcher.sweep()
    hurry(dispatcher, ledger)

    assert airflow.states()[f"{ONE}.2"] == "queued"


def test_a_queued_run_is_waited_for(dispatcher, ledger, airflow):
    ring(ledger, ONE)
    dispatcher.post()
    later(ledger)
    dispatcher.sweep()
    hurry(dispatcher, ledger)

    assert airflow.states() == {f"{ONE}.1": "queued"}


def test_a_run_that_was_just_posted_is_not_looked_for(dispatcher, ledger, airflow):
    ring(ledger, ONE)
    dispatcher.post()
    airflow.runs.clear()
    dispatcher.sweep()
    hurry(dispatcher, ledger)

    assert airflow.states() == {}


def test_runs_say_when_they_were_posted_so_that_none_is_passed_over(dispatcher, ledger, airflow):
    for subject in (TWO, ONE):
        ring(ledger, subject)
        dispatcher.post()

    assert sorted(airflow.runs.values(), key=lambda run: datetime.fromisoformat(run["logical_date"])) == [
        airflow.runs["open_case", f"{TWO}.1"],
        airflow.runs["open_case", f"{ONE}.1"],
    ]


def test_a_run_that_takes_too_long_is_said_once_and_not_at_every_look(dispatcher, ledger, airflow, caplog):
    ring(ledger, ONE, TWO)
    dispatcher.post()
    airflow.runs["open_case", f"{TWO}.1"]["state"] = "running"
    with ledger.transaction() as tx:
        tx.run("UPDATE due_runs SET posted_at = posted_at - interval '6 minutes'")
    for _ in range(3):
        dispatcher.sweep()

    assert sorted(our_messages(caplog)) == [
        f"open_case {ONE}.1 is queued for too long (is the DAG paused?)",
        f"open_case {TWO}.1 is running for too long (do its tasks wait for a slot?)",
    ]


def test_after_several_that_came_to_nothing_a_person_is_asked(dispatcher, ledger, airflow):
    ring(ledger, ONE)
    for _ in range(ATTEMPTS + 2):
        hurry(dispatcher, ledger)
        for run in airflow.runs.values():
            run["state"] = "failed"
        later(ledger)
        dispatcher.sweep()

    assert len(airflow.runs) == ATTEMPTS
    with ledger.transaction() as tx:
        assert [hold.code for hold in holds.open_holds(tx, ONE)] == ["machinery-broken"]


def test_the_sentence_a_task_left_stands_on_its_run(dispatcher, ledger, airflow):
    ring(ledger, ONE)
    dispatcher.post()
    with ledger.transaction() as tx:
        taken = rounds.take(tx, Dag.OPEN_CASE, ONE, 1)
        rounds.done(tx, taken, "asked 3, waiting for 1: release form")
    dispatcher.note()

    assert airflow.runs["open_case", f"{ONE}.1"]["note"] == "asked 3, waiting for 1: release form"


def test_what_is_not_the_last_word_is_noted_once_the_run_takes_long(dispatcher, ledger, airflow):
    ring(ledger, ONE)
    dispatcher.post()
    with ledger.transaction() as tx:
        rounds.leave_sentence(tx, rounds.take(tx, Dag.OPEN_CASE, ONE, 1), "asks 3")
    dispatcher.note()
    assert airflow.runs["open_case", f"{ONE}.1"]["note"] is None

    later(ledger)
    dispatcher.note()
    assert airflow.runs["open_case", f"{ONE}.1"]["note"] == "asks 3"


def test_what_is_owed_wakes_who_posts_it_and_what_is_owed_already_or_later_does_not(ledger):
    with closing(Waking(ledger)) as waking:
        assert not waking.wait(0)  # now it listens
        ring(ledger, ONE)
        assert waking.wait(10)
        ring(ledger, ONE)
        with ledger.transaction() as tx:
            rounds.owe(tx, Dag.OPEN_CASE, TWO, after=timedelta(seconds=5))
        assert not waking.wait(0.5)
        ring(ledger, TWO)
        assert waking.wait(10)


def test_who_waits_for_a_round_and_loses_its_connection_passes_the_time_and_hears_again(ledger):
    passed: list[float] = []
    with closing(Waking(ledger, passed.append)) as waking:
        waking.wait(0)
        with ledger.transaction() as tx:
            tx.rows("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE left(query, 6) = 'LISTEN'")
        assert not waking.wait(5)
        assert len(passed) == 1
        assert not waking.wait(0)
        ring(ledger, ONE)
        assert waking.wait(10)


def test_two_dispatchers_share_the_work_and_say_nothing_of_each_other(ledger, airflow, caplog):
    """Each asks Airflow for what the other does not have in its hands."""
    subjects = [f"c{number:011}" for number in range(ON_THEIR_WAY)]
    ring(ledger, *subjects)
    two = [Dispatcher(ledger, AirflowApi(airflow.url, "dispatcher", "secret")) for _ in range(2)]
    together = threading.Barrier(2)

    def work(one: Dispatcher) -> None:
        together.wait()
        for _ in range(4):
            one.step()

    threads = [threading.Thread(target=work, args=[one]) for one in two]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert airflow.posts == Counter(f"{subject}.1" for subject in subjects)
    assert our_messages(caplog) == []


def test_what_a_dead_dispatcher_had_in_its_hands_is_posted_by_another(dispatcher, ledger, airflow):
    ring(ledger, ONE, TWO)
    with ledger.transaction() as tx:
        assert len(rounds.claim(tx, rounds.postable(tx))) == 2
    dispatcher.post()
    assert airflow.states() == {}

    with ledger.transaction() as tx:
        tx.run("UPDATE due_runs SET not_before = not_before - %s", rounds.POSTING)
    dispatcher.post()
    assert set(airflow.states()) == {f"{ONE}.1", f"{TWO}.1"}


def test_a_note_that_another_puts_at_the_same_moment_is_no_error_and_is_put_again(dispatcher, ledger, airflow, caplog):
    ring(ledger, ONE)
    dispatcher.post()
    with ledger.transaction() as tx:
        rounds.done(tx, rounds.take(tx, Dag.OPEN_CASE, ONE, 1), "asked 3")
    airflow.refuse_notes = [409]
    dispatcher.note()
    assert airflow.runs["open_case", f"{ONE}.1"]["note"] is None
    dispatcher.note()

    assert airflow.runs["open_case", f"{ONE}.1"]["note"] == "asked 3"
    assert our_messages(caplog) == []


def test_one_that_is_asked_to_stop_asks_airflow_nothing_more(ledger, airflow):
    ring(ledger, ONE, TWO)
    stopping = Dispatcher(ledger, AirflowApi(airflow.url, "dispatcher", "secret"), lambda: bool(airflow.posts))
    stopping.step()

    assert len(airflow.posts) == 1


@pytest.mark.parametrize("is_healthy", [True, False])
def test_airflow_answers_where_it_reaches_its_database(airflow, is_healthy):
    airflow.is_healthy = is_healthy

    assert AirflowApi(airflow.url, "x", "y").answers() is is_healthy
    assert not AirflowApi("http://127.0.0.1:1", "x", "y").answers()


def test_an_airflow_that_takes_connections_and_says_nothing_is_away_within_seconds():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        assert not AirflowApi(f"http://127.0.0.1:{silent.getsockname()[1]}", "x", "y").answers()

    assert time.monotonic() - began < 10


def test_a_wrong_password_is_said_and_not_hammered(ledger):
    class Closed(AirflowHandler):
        def do_POST(self) -> None:  # noqa: N802  as http.server calls it
            self._body()
            self._answer(401, {})

    server = ThreadingHTTPServer(("127.0.0.1", 0), Closed)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        with pytest.raises(TurnedAway):
            AirflowApi(f"http://127.0.0.1:{server.server_address[1]}", "x", "y").run_state(Dag.OPEN_CASE, "r")
    finally:
        server.shutdown()
        server.server_close()


def test_no_airflow_at_all_is_unreachable_and_nothing_is_lost(ledger, airflow):
    dispatcher = Dispatcher(ledger, AirflowApi("http://127.0.0.1:1", "x", "y"))
    ring(ledger, ONE)
    dispatcher.post()
    with pytest.raises(Unreachable):
        AirflowApi("http://127.0.0.1:1", "x", "y").run_state(Dag.OPEN_CASE, "r")

    with ledger.transaction() as tx:
        assert tx.value("SELECT state FROM due_runs") == "owed"
