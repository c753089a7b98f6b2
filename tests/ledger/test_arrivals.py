"""A batch of the doors is stored at once, and each of it as if it had come alone."""

import hashlib
from datetime import UTC, datetime, time, timedelta

import pytest

from transfer.arrivals import ArrivalKind, Door
from transfer.identifiers import InstitutionId
from transfer.ledger import Ledger, arrivals, arriving
from transfer.ledger.arrivals import NewArrival, Stored
from transfer.sealing import KeyName
from transfer.staging import Location

pytestmark = pytest.mark.servers

LAB = InstitutionId("commhosp-lab")


def a_message(text: str, *, control: str | None = None, institution: InstitutionId = LAB) -> NewArrival:
    digest = hashlib.sha256(text.encode())
    return NewArrival(
        institution=institution,
        door=Door.MLLP,
        kind=ArrivalKind.ANSWER,
        business=f"{control}|{digest.hexdigest()}",
        control=control,
        content_type="x-application/hl7-v2+er7",
        payload=text.encode(),
        location=None,
        content_sha256=digest.digest(),
    )


def stored(ledger: Ledger, *batch: NewArrival) -> list[Stored]:
    """As the doors store it."""
    with ledger.statement() as tx:
        return arriving.store(tx, batch)


def test_each_is_told_its_own_arrival_and_keeps_its_own_bytes(ledger: Ledger):
    batch = [a_message(f"message {n}") for n in range(20)]

    kept = stored(ledger, *batch)

    assert len({one.arrival for one in kept}) == 20
    with ledger.transaction() as tx:
        for sent, one in zip(batch, kept, strict=True):
            held = arrivals.get(tx, one.arrival)
            assert held
            assert arrivals.payload(tx, held) == sent.payload


def test_they_are_processed_in_the_order_they_came(ledger: Ledger):
    kept = stored(ledger, *[a_message(f"message {n}") for n in range(20)])
    later = stored(ledger, *[a_message(f"later {n}") for n in range(5)])

    processed = []
    with ledger.transaction() as tx:
        while arrival := arrivals.claim_next(tx, LAB):
            processed.append(arrival.id)
            arrivals.settle(tx, arrival, "filed", "processed")

    assert processed == [one.arrival for one in (*kept, *later)]


def test_what_was_received_before_midnight_is_sealed_under_the_key_of_the_day_it_is_stored(ledger: Ledger):
    with ledger.transaction() as tx:
        last_second = datetime.combine(tx.now().date(), time(), UTC) - timedelta(microseconds=1)
        kept = arriving.store(tx, [a_message("a"), a_message("b")], received_at=last_second)
        first, second = (arrivals.get(tx, one.arrival) for one in kept)
        assert first
        assert second
        assert second.received_at - first.received_at == timedelta(microseconds=1)
        assert first.received_at == last_second
        assert {first.key, second.key} == {KeyName.day(LAB, tx.now().date())}
        assert (arrivals.payload(tx, first), arrivals.payload(tx, second)) == (b"a", b"b")


def test_the_same_twice_in_one_batch_is_one_arrival_and_the_second_is_told_so(ledger: Ledger):
    first, other, second = stored(ledger, a_message("a"), a_message("b"), a_message("a"))

    assert [first.is_duplicate, other.is_duplicate, second.is_duplicate] == [False, False, True]
    assert second.arrival == first.arrival


def test_what_an_earlier_batch_brought_is_a_duplicate(ledger: Ledger):
    (first,) = stored(ledger, a_message("a"))

    new, again = stored(ledger, a_message("b"), a_message("a"))

    assert (new.is_duplicate, again.is_duplicate) == (False, True)
    assert again.arrival == first.arrival


def test_a_control_id_with_other_bytes_is_a_conflict_also_within_one_batch(ledger: Ledger):
    kept = stored(
        ledger,
        a_message("a", control="1"),
        a_message("b", control="1"),
        a_message("c", control="2"),
        a_message("d", control="1", institution=InstitutionId("another-lab")),
    )

    with ledger.transaction() as tx:
        held = [arrivals.get(tx, one.arrival) for one in kept]
    assert [one and one.conflicts for one in held] == [False, True, False, False]


def test_an_object_that_an_arrival_names_is_no_longer_one_being_written(ledger: Ledger):
    place = Location(key="v1", offset=0, length=3, sha256="0" * 64)
    large = NewArrival(
        institution=LAB,
        door=Door.MLLP,
        kind=ArrivalKind.ANSWER,
        business="large",
        control=None,
        content_type="x-application/hl7-v2+er7",
        payload=None,
        location=place,
        content_sha256=bytes(32),
    )
    with ledger.transaction() as tx:
        tx.run("INSERT INTO vault_uploads (key, at) VALUES ('v1', transfer.now()), ('v2', transfer.now())")

    stored(ledger, a_message("small"), large)

    with ledger.transaction() as tx:
        assert [row.key for row in tx.rows("SELECT key FROM vault_uploads")] == ["v2"]


def test_an_empty_batch_stores_nothing(ledger: Ledger):
    assert stored(ledger) == []


def test_however_many_are_there_none_is_looked_for_among_all(ledger: Ledger):
    """Plans are kept from when the table was empty: what read all of it then would go on to."""
    scans = "SELECT pg_stat_get_xact_numscans('transfer.arrivals'::regclass)"
    with ledger.transaction() as tx:
        before = tx.value(scans)
        for n in range(8):
            arriving.store(tx, [a_message(f"message {n} {m}", control=f"{n}{m}") for m in range(4)])
        again = arriving.store(tx, [a_message("message 0 0", control="00")])
        after = tx.value(scans)

    assert [one.is_duplicate for one in again] == [True]
    assert after == before
