"""What a transaction holds is asked for once: ends of chains, rows of a case, what people are asked about it."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.kit.clusters import Emptier
from transfer import facts
from transfer.adapters.keys import FolderKeys
from transfer.embedded.postgres import Postgres
from transfer.facts import Chain, Origin
from transfer.holds import HoldCode, SystemAnswer
from transfer.identifiers import CaseId, PatientId
from transfer.ledger import Ledger, Tx, holds, trail

pytestmark = pytest.mark.servers

Asked = Callable[[str], int]
CASE = CaseId("c00000000000")


def wait_for(tx: Tx, line: str) -> None:
    tx.append(Chain.case(CASE), facts.MaterialAwaited(material=line, institution="lab", line=line, pieces="slide"))


def committed(ledger: Ledger, line: str) -> None:
    with ledger.transaction() as others:
        wait_for(others, line)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """How many statements with these words were sent since the test began."""
    sent = []
    execute = psycopg.Connection.execute

    def noted(connection: psycopg.Connection[Any], query: Any, *values: Any, **how: Any) -> Any:
        sent.append(str(query))
        return execute(connection, query, *values, **how)

    monkeypatch.setattr(psycopg.Connection, "execute", noted)
    return lambda words: sum(words in one for one in sent)


def test_the_end_of_a_chain_is_read_once(ledger: Ledger, asked: Asked):
    with ledger.transaction() as tx:
        tx.lock_case(CASE)
        for line in ("first", "second", "third"):
            wait_for(tx, line)
    with ledger.transaction() as tx:
        walked = trail.walk(tx, Chain.case(CASE))

    assert asked("lock_chain") == 1
    assert (walked.lines, walked.broken) == (3, None)


def test_a_line_is_of_the_time_that_was_read_last(ledger: Ledger):
    with ledger.transaction() as tx:
        tx.lock_case(CASE)
        wait_for(tx, "first")
        ruled_at = tx.now()
        wait_for(tx, "second")
        first, second = tx.lines(Chain.case(CASE))

    assert first.at < second.at == ruled_at


def test_a_case_that_nobody_added_to_is_not_read_again_once_it_is_locked(ledger: Ledger, asked: Asked):
    committed(ledger, "first")
    before = asked("FROM facts")
    with ledger.transaction() as tx:
        tx.lock_case(CASE)
        assert list(tx.case(CASE).material) == ["first"]

    assert asked("FROM facts") == before


def test_one_that_another_added_to_is_read_once_it_is_locked(ledger: Ledger, monkeypatch: pytest.MonkeyPatch):
    committed(ledger, "first")
    known = ledger._known
    committed(ledger, "second")
    monkeypatch.setattr(ledger, "_known", known)
    with ledger.transaction() as tx:
        tx.lock_case(CASE)
        assert list(tx.case(CASE).material) == ["first", "second"]


def test_rows_of_a_case_that_is_held_are_read_once_until_something_changes(ledger: Ledger, asked: Asked):
    with ledger.transaction() as tx:
        assert not holds.open_holds(tx, CASE)
        assert not holds.open_holds(tx, CASE)
        assert asked("FROM holds") == 2  # nobody keeps others from asking meanwhile
        tx.lock_case(CASE)
        assert not holds.open_holds(tx, CASE)
        assert not holds.open_holds(tx, CASE)
        assert asked("FROM holds") == 3
        holds.place(tx, CASE, HoldCode.NOTHING_TO_SEND)

        assert [hold.code for hold in holds.open_holds(tx, CASE)] == [HoldCode.NOTHING_TO_SEND]


def test_questions_about_what_is_in_no_case_are_read_each_time(ledger: Ledger, asked: Asked):
    with ledger.transaction() as tx:
        assert not holds.open_holds(tx, "a00000000000")
        assert not holds.open_holds(tx, "a00000000000")

    assert asked("FROM holds") == 2


def test_to_withdraw_what_nobody_was_asked_asks_nothing(ledger: Ledger, asked: Asked):
    with ledger.transaction() as tx:
        tx.lock_case(CASE)
        holds.place(tx, CASE, HoldCode.SOURCE_REFUSES, "r1")
        holds.withdraw(tx, CASE, HoldCode.NOTHING_TO_SEND, SystemAnswer.ANSWERED)
        holds.withdraw(tx, CASE, HoldCode.SOURCE_REFUSES, SystemAnswer.ANSWERED, about="r2")
        assert asked("FROM holds") == 0
        holds.withdraw(tx, CASE, HoldCode.SOURCE_REFUSES, SystemAnswer.ANSWERED, about="r1")

        assert not holds.open_holds(tx, CASE)
        assert not tx.case(CASE).holds


def test_a_brief_process_plans_a_statement_once(migrated: Postgres, emptier: Emptier, keys: FolderKeys):
    emptier.empty()
    ledger = Ledger(migrated.url("app"), keys, Origin(process="test"), is_brief=True)
    try:
        with ledger.transaction() as tx:
            for number in range(4):
                tx.lines(Chain.case(CASE), after=number)
            plans = tx.row(
                """SELECT sum(generic_plans) AS generic, sum(custom_plans) AS custom FROM pg_prepared_statements
                   WHERE statement LIKE '%%FROM facts%%'"""
            )
    finally:
        ledger.close()

    assert plans is not None
    assert (plans.generic, plans.custom) == (3, 0)


def test_what_is_wrong_with_what_went_together_is_raised_at_the_end(ledger: Ledger):
    with pytest.raises(psycopg.errors.DivisionByZero), ledger.transaction() as tx:
        wait_for(tx, "first")
        with tx.at_once():
            tx.send("SELECT 1 / 0")
            tx.send("SELECT 1")
    with ledger.transaction() as tx:
        assert not tx.lines(Chain.case(CASE))


def test_a_patient_who_is_added_to_is_read_anew(ledger: Ledger):
    patient = PatientId.draw()
    chain = Chain.patient(patient)
    with ledger.transaction() as tx:
        tx.epochs[patient] = 1
        tx.append(chain, facts.PatientKnown(arrival="a1"))
        assert len(trail.whole_lines(tx, patient) or ()) == 1
        tx.append(chain, facts.LegalHoldPlaced())

        assert len(trail.whole_lines(tx, patient) or ()) == 2
