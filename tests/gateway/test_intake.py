"""One writer for all doors: acknowledged means durable, a duplicate is known, one bad message harms no other."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import psycopg
import pytest

from transfer.adapters.hl7v2.documents import HL7_V2
from transfer.arrivals import ArrivalKind, Door
from transfer.errors import OutOfOrder, Unavailable
from transfer.gateway.intake import MAX_WAITING, Intake, OnStored
from transfer.identifiers import ArrivalId, InstitutionId
from transfer.ledger import Ledger, Tx
from transfer.ledger.arrivals import NewArrival, Stored

pytestmark = pytest.mark.servers


def a_message(
    number: int, kind: ArrivalKind = ArrivalKind.ANSWER, *, words: bytes = b"", content_type: str = HL7_V2
) -> NewArrival:
    body = f"message {number}".encode() + words
    return NewArrival(
        institution=InstitutionId("prairie-pathology"),
        door=Door.MLLP,
        kind=kind,
        business=str(number),
        control=str(number),
        content_type=content_type,
        payload=body,
        location=None,
        content_sha256=hashlib.sha256(body).digest(),
    )


@pytest.fixture
def intake(ledger: Ledger):
    intake = Intake(ledger)
    yield intake
    asyncio.run(intake.close())


def count(ledger: Ledger) -> int:
    with ledger.transaction() as tx:
        return int(tx.value("SELECT count(*) FROM arrivals"))


def test_a_thousand_at_once_are_all_stored_once(intake: Intake, ledger: Ledger):
    async def send() -> list[Stored]:
        return await asyncio.gather(*(intake.store(a_message(n % 500)) for n in range(1000)))

    stored = asyncio.run(send())

    assert count(ledger) == 500
    assert sum(one.is_duplicate for one in stored) == 500
    assert len({one.arrival for one in stored}) == 500


def test_a_referral_gets_its_case_and_a_duplicate_the_same_one(intake: Intake, ledger: Ledger):
    async def send() -> list[Stored]:
        return [await intake.store(a_message(1, ArrivalKind.REFERRAL)) for _ in range(2)]

    first, again = asyncio.run(send())

    assert first.subject == again.subject
    with ledger.transaction() as tx:
        rows = tx.rows("SELECT dag_id, subject FROM due_runs")
    assert [(row.dag_id, row.subject) for row in rows] == [("open_case", first.subject)]


def test_only_what_is_new_of_a_batch_is_due(intake: Intake, ledger: Ledger):
    async def send() -> Stored:
        first = await intake.store(a_message(1, ArrivalKind.REFERRAL))
        again = intake.store(a_message(1, ArrivalKind.REFERRAL))
        await asyncio.gather(again, intake.store(a_message(2)))
        return first

    referral = asyncio.run(send())

    with ledger.transaction() as tx:
        rows = tx.rows("SELECT dag_id, subject FROM due_runs ORDER BY dag_id")
    assert [(row.dag_id, row.subject) for row in rows] == [
        ("open_case", referral.subject),
        ("receive_arrivals", "inbox"),
    ]


def broken(_tx: Tx, _stored: Stored) -> None:
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("refused", "stop"), [(a_message(0), broken), (a_message(0, content_type="no text has this: \0"), None)]
)
def test_one_whose_stop_fails_or_that_the_ledger_refuses_is_not_acknowledged_and_stops_no_other(
    intake: Intake, ledger: Ledger, refused: NewArrival, stop: OnStored | None
):
    async def send() -> list[Stored | BaseException]:
        bad = intake.store(refused, stop)
        good = [intake.store(a_message(n)) for n in range(1, 20)]
        return await asyncio.gather(bad, *good, return_exceptions=True)

    bad, *good = asyncio.run(send())

    assert isinstance(bad, Unavailable)
    assert all(isinstance(one, Stored) for one in good)
    assert count(ledger) == 19


def test_one_who_cannot_be_told_costs_no_other_its_answer(intake: Intake, ledger: Ledger):
    async def send() -> list[Stored | BaseException]:
        told: list[Stored | BaseException] = []

        def fail(_: Stored | BaseException) -> None:
            raise OutOfOrder("a fault of whoever waited")

        for number in range(6):
            intake.begin(a_message(number), fail if number == 2 else told.append)
        await intake.store(a_message(6))
        return told

    told = asyncio.run(send())

    assert len(told) == 5
    assert all(isinstance(one, Stored) for one in told)
    assert count(ledger) == 7


def test_it_goes_on_when_a_caller_is_gone(intake: Intake, ledger: Ledger):
    async def send_and_leave() -> Stored:
        task = asyncio.ensure_future(intake.store(a_message(1)))
        await asyncio.sleep(0)
        task.cancel()
        return await intake.store(a_message(2))

    assert not asyncio.run(send_and_leave()).is_duplicate
    assert count(ledger) == 2


def test_a_batch_larger_than_a_socket_takes_at_once_is_stored(intake: Intake, ledger: Ledger):
    async def send() -> list[Stored]:
        many = (intake.store(a_message(n, words=b"words " * 10_000)) for n in range(100))
        return await asyncio.wait_for(asyncio.gather(*many), 60)

    assert len(asyncio.run(send())) == 100
    assert count(ledger) == 100


def test_after_a_line_that_broke_it_stores_again(intake: Intake, ledger: Ledger, migrated: Any):
    async def send() -> list[Stored | BaseException]:
        first = await intake.store(a_message(1))
        with psycopg.connect(migrated.url("superuser"), autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'transfer_app'")
        lost = await asyncio.gather(intake.store(a_message(2)), return_exceptions=True)
        return [first, *lost, await intake.store(a_message(2))]

    first, lost, again = asyncio.run(send())

    assert isinstance(first, Stored)
    assert isinstance(lost, OutOfOrder)
    assert isinstance(again, Stored)
    assert count(ledger) == 2


def test_a_line_that_broke_between_two_messages_costs_none(intake: Intake, ledger: Ledger, migrated: Any):
    async def send() -> list[Stored]:
        first = await intake.store(a_message(1))
        with psycopg.connect(migrated.url("superuser"), autocommit=True) as other:
            (pid,) = other.execute(
                """SELECT pid FROM pg_stat_activity WHERE usename = 'transfer_app' AND query LIKE '%store_arrivals%'
                   ORDER BY state_change DESC LIMIT 1"""
            ).fetchone() or (0,)
            other.execute("SELECT pg_terminate_backend(%s)", [pid])
        while Path(f"/proc/{pid}").exists():
            await asyncio.sleep(0.01)
        for _ in range(3):  # turns of the loop, in which it sees that the line is closed
            await asyncio.sleep(0)
        return [first, await intake.store(a_message(2))]

    assert len(asyncio.run(send())) == count(ledger) == 2


def test_who_comes_when_too_much_waits_is_told_to_come_again(intake: Intake, ledger: Ledger):
    async def send() -> list[Stored | BaseException]:
        many = (intake.store(a_message(n)) for n in range(MAX_WAITING + 1))
        return await asyncio.gather(*many, return_exceptions=True)

    *_, last = told = asyncio.run(send())

    assert isinstance(last, Unavailable)
    assert last.retry_after == 5
    assert sum(isinstance(one, Stored) for one in told) == count(ledger) == MAX_WAITING


class Trips:
    """Stands for the line: a batch is back when it is let go. `seen` is what happened, in its order."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.is_back = asyncio.Event()

    async def store(self, incoming: list[NewArrival]) -> list[Stored]:
        self.seen.append(f"{len(incoming)} leave")
        await self.is_back.wait()
        self.is_back.clear()
        return [Stored(arrival=ArrivalId.draw(), is_duplicate=False, subject=None) for _ in incoming]

    async def close(self) -> None:
        """Nothing is open."""


def what_leaves(monkeypatch: pytest.MonkeyPatch, ledger: Ledger, trip_seconds: float, come: int = 8) -> list[str]:
    """Sixteen came together last time. So many come, and one more while these are on their way."""
    trips, intake = Trips(), Intake(ledger)
    monkeypatch.setattr(intake, "_line", trips)
    monkeypatch.setattr("transfer.gateway.intake.time.sleep", lambda _: trips.seen.append("nap"))

    async def send() -> None:
        intake._together, intake._trip_seconds = 16, trip_seconds
        for number in range(come):
            intake.begin(a_message(number), lambda _: trips.seen.append("told"))
        await turns()
        intake.begin(a_message(come), lambda _: trips.seen.append("told"))
        for _ in range(2):
            trips.is_back.set()
            await turns()

    async def turns() -> None:
        for _ in range(40):
            await asyncio.sleep(0)

    asyncio.run(send())
    return trips.seen


def test_two_of_those_who_came_together_are_enough_where_a_batch_is_back_before_all_are(monkeypatch, ledger):
    assert what_leaves(monkeypatch, ledger, trip_seconds=0.0001, come=2)[0] == "2 leave"
    assert what_leaves(monkeypatch, ledger, trip_seconds=0.0001, come=1)[:4] == ["nap", "nap", "nap", "1 leave"]


def test_where_a_batch_takes_longer_all_are_awaited_for_a_moment(monkeypatch, ledger):
    seen = what_leaves(monkeypatch, ledger, trip_seconds=0.1)

    assert seen[:4] == ["nap", "nap", "nap", "8 leave"]


def test_nobody_waits_for_an_answer_while_others_are_awaited(monkeypatch, ledger):
    seen = what_leaves(monkeypatch, ledger, trip_seconds=0.0001)

    after = seen[1:]
    assert after[:8] == ["told"] * 8
    assert "1 leave" in after
