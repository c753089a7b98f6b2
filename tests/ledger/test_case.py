"""A case within a transaction: remembered and folded on, never answered without looking. On two real connections."""

from dataclasses import replace

import pytest

from transfer import facts
from transfer.case import fold
from transfer.facts import Chain
from transfer.identifiers import CaseId
from transfer.ledger import MOST_KNOWN, Ledger, Tx

pytestmark = pytest.mark.servers

CASE = CaseId("c00000000000")


def wait_for(tx: Tx, line: str) -> None:
    tx.append(Chain.case(CASE), facts.MaterialAwaited(material=line, institution="lab", line=line, pieces="slide"))


def awaited(tx: Tx) -> list[str]:
    """As the transaction sees the case; it is what a fold of the whole chain gives."""
    seen = tx.case(CASE)
    assert seen == fold(CASE, tx.lines(Chain.case(CASE)))
    return list(seen.material)


def committed(ledger: Ledger, line: str) -> None:
    with ledger.transaction() as others:
        wait_for(others, line)


def test_what_another_commits_before_we_lock_the_case_is_seen_after(ledger: Ledger):
    with ledger.transaction() as tx:
        assert awaited(tx) == []
        committed(ledger, "first")
        tx.lock_case(CASE)

        assert awaited(tx) == ["first"]


def test_what_another_commits_is_seen_without_any_lock(ledger: Ledger):
    committed(ledger, "first")
    with ledger.transaction() as tx:
        assert awaited(tx) == ["first"]
        committed(ledger, "second")

        assert awaited(tx) == ["first", "second"]


def test_a_line_of_ours_stands_after_one_that_another_wrote_since_we_looked(ledger: Ledger):
    with ledger.transaction() as tx:
        assert awaited(tx) == []
        committed(ledger, "first")
        wait_for(tx, "second")

        assert awaited(tx) == ["first", "second"]
        wait_for(tx, "third")
        assert awaited(tx) == ["first", "second", "third"]


def test_what_another_has_not_committed_is_not_seen(ledger: Ledger):
    committed(ledger, "first")
    with ledger.transaction() as tx, pytest.raises(LookupError), ledger.transaction() as others:
        assert awaited(tx) == ["first"]
        wait_for(others, "second")
        assert awaited(tx) == ["first"]
        raise LookupError  # rolls the other one back
    with ledger.transaction() as tx:
        assert awaited(tx) == ["first"]


def test_a_new_transaction_remembers_nothing_that_was_rolled_back(ledger: Ledger):
    with pytest.raises(LookupError), ledger.transaction() as tx:
        wait_for(tx, "first")
        assert awaited(tx) == ["first"]
        raise LookupError
    with ledger.transaction() as tx:
        assert awaited(tx) == []


def test_a_line_is_folded_once_for_all_questions(ledger: Ledger, monkeypatch: pytest.MonkeyPatch):
    for number in range(5):
        committed(ledger, f"line {number}")
    ledger._known = {}
    read = []
    monkeypatch.setattr(facts, "read", lambda *line, plain=facts.read: read.append(line) or plain(*line))
    with ledger.transaction() as tx:
        for _ in range(3):
            tx.case(CASE)
        wait_for(tx, "ours")
        tx.case(CASE)

    assert len(read) == 6


def test_the_next_transaction_reads_what_came_since_and_nothing_before(ledger: Ledger, monkeypatch: pytest.MonkeyPatch):
    for number in range(5):
        committed(ledger, f"line {number}")
    read = []
    monkeypatch.setattr(facts, "read", lambda *line, plain=facts.read: read.append(line) or plain(*line))
    with ledger.transaction() as tx:
        tx.case(CASE)

    assert len(read) == 1  # the last one, to see that it is the same chain still


def test_what_another_process_commits_between_two_transactions_is_seen(ledger: Ledger, monkeypatch: pytest.MonkeyPatch):
    committed(ledger, "first")
    known = ledger._known
    committed(ledger, "second")
    monkeypatch.setattr(ledger, "_known", known)  # as a process has it that did not write the second
    with ledger.transaction() as tx:
        assert awaited(tx) == ["first", "second"]


def test_a_chain_that_is_another_now_is_folded_anew(ledger: Ledger, monkeypatch: pytest.MonkeyPatch):
    committed(ledger, "first")
    committed(ledger, "second")
    before = ledger._known[CASE]
    other = replace(before, hash=bytes(32), case=fold(CASE, ()))
    monkeypatch.setattr(ledger, "_known", {CASE: other})
    with ledger.transaction() as tx:
        assert awaited(tx) == ["first", "second"]


def test_few_cases_are_remembered(ledger: Ledger):
    for number in range(MOST_KNOWN + 3):
        case = CaseId(f"c{number:011}")
        with ledger.transaction() as tx:
            tx.append(
                Chain.case(case), facts.MaterialAwaited(material="a", institution="lab", line="a", pieces="slide")
            )

    assert len(ledger._known) == MOST_KNOWN
