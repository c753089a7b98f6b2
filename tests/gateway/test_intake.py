"""One writer for all doors: acknowledged means durable, a duplicate is known, one bad message harms no other."""

import asyncio
import hashlib

import pytest

from transfer.arrivals import ArrivalKind, Door
from transfer.errors import Unavailable
from transfer.gateway.intake import Intake
from transfer.identifiers import InstitutionId
from transfer.ledger import Ledger, Tx
from transfer.ledger.arrivals import NewArrival, Stored

pytestmark = pytest.mark.servers


def a_message(number: int, kind: ArrivalKind = ArrivalKind.ANSWER) -> NewArrival:
    body = f"message {number}".encode()
    return NewArrival(
        institution=InstitutionId("prairie-pathology"),
        door=Door.MLLP,
        kind=kind,
        business=str(number),
        control=str(number),
        content_type="x-application/hl7-v2+er7",
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


def test_a_message_whose_stop_fails_is_not_acknowledged_and_stops_no_other(intake: Intake, ledger: Ledger):
    def broken(_tx: Tx, _stored: Stored) -> None:
        raise ZeroDivisionError

    async def send() -> list[Stored | BaseException]:
        bad = intake.store(a_message(0), broken)
        good = [intake.store(a_message(n)) for n in range(1, 20)]
        return await asyncio.gather(bad, *good, return_exceptions=True)

    bad, *good = asyncio.run(send())

    assert isinstance(bad, Unavailable)
    assert all(isinstance(one, Stored) for one in good)
    assert count(ledger) == 19


def test_it_goes_on_when_a_caller_is_gone(intake: Intake, ledger: Ledger):
    async def send_and_leave() -> Stored:
        task = asyncio.ensure_future(intake.store(a_message(1)))
        await asyncio.sleep(0)
        task.cancel()
        return await intake.store(a_message(2))

    assert not asyncio.run(send_and_leave()).is_duplicate
    assert count(ledger) == 2
