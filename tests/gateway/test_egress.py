"""The watcher of open streams when it is itself in trouble: whoever cannot look lets nothing flow."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from tests.kit.builders import a_chart, open_holds, sign_form
from tests.kit.open_streams import Giving, Line
from tests.kit.processing import process_all
from tests.kit.staff import NURSE
from transfer import facts
from transfer.adapters.keys import FolderKeys
from transfer.disclosures import EgressOutcome
from transfer.errors import Unavailable
from transfer.flow import desk, stopping
from transfer.flow.assess import settle_needs
from transfer.flow.stopping import await_stop_complete
from transfer.gateway import egress
from transfer.gateway.egress import Outgoing, TooManyDownloads
from transfer.gateway.streams import Stream
from transfer.identifiers import PacketId, RecordId
from transfer.ledger import Tx, permissions, records
from transfer.permissions import End
from transfer.records import Relation

pytestmark = pytest.mark.servers

#: a look that hangs is found out in two seconds and a half; the rest is a busy machine's
SOON = 4.0

Eventually = Callable[..., None]


def looks() -> int:
    return sum(thread.name == "look" for thread in threading.enumerate())


def writes() -> int:
    return sum(thread.name == "write" for thread in threading.enumerate())


def test_a_look_that_hangs_cuts_every_stream_and_until_it_is_back_nothing_is_opened(
    giving: Giving, eventually: Eventually
):
    packet = giving.a_packet()
    stream, receiver = giving.give(packet), giving.receiver(packet)
    with giving.watched():
        with giving.hanging():
            eventually(lambda: stream.is_cut, SOON)
            with pytest.raises(Unavailable, match="watched"):
                giving.outgoing.open(packet, receiver, Line(), "packet.tar")
            time.sleep(1.2)  # in which two more would have begun
            assert looks() == 1
        eventually(lambda: _is_given_again(giving, packet))


def _is_given_again(giving: Giving, packet: PacketId) -> bool:
    with suppress(Unavailable):
        return not giving.give(packet).is_cut
    return False


def test_the_watcher_stops_while_a_look_hangs(giving: Giving, eventually: Eventually):
    stream = giving.give(giving.a_packet())
    with giving.hanging():
        with giving.watched():
            eventually(lambda: stream.is_cut, SOON)
        assert looks() == 1


def test_the_watcher_looks_while_all_threads_of_the_process_are_busy(giving: Giving, eventually: Eventually):
    packet = giving.a_packet()
    stream = giving.give(packet)
    with giving.watched(busy=True):
        permission = giving.revoke(packet)
        eventually(lambda: stream.is_cut, SOON)
        # Nor is the end of what was cut written by one of them.
        assert await_stop_complete(giving.services.ledger, giving.patient(packet), permission, seconds=SOON)


def test_the_watcher_looks_while_all_connections_of_the_process_are_busy(giving: Giving, eventually: Eventually):
    packet = giving.a_packet()
    stream = giving.give(packet)
    ledger = giving.services.ledger
    with giving.watched(), ThreadPoolExecutor(12) as busy:
        giving.revoke(packet)
        over = threading.Event()

        def wait() -> None:
            with ledger.transaction():
                over.wait(20)

        for _ in range(12):
            busy.submit(wait)
        began = time.monotonic()
        eventually(lambda: stream.is_cut, SOON)
        over.set()
    assert time.monotonic() - began < SOON


def test_a_stop_that_cannot_be_written_yet_does_not_stop_the_looking(giving: Giving, eventually: Eventually):
    first, second = giving.a_packet(), giving.a_packet()
    giving.revoke(first)
    stream = giving.give(second)
    with giving.holding_patient(first), giving.watched():
        time.sleep(1)
        assert writes() == 1, "nobody waits to write the first stop"
        giving.revoke(second)
        eventually(lambda: stream.is_cut, SOON)
        assert writes() == 1


def test_a_patient_whose_permission_is_being_changed_for_long_costs_nobody_else_a_download(
    giving: Giving, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(egress, "RULE_AGAIN_SECONDS", 0.0)
    first, second = giving.a_packet(), giving.a_packet()
    theirs, other = giving.give(first), giving.give(second)
    with giving.watched(), giving.holding_patient(first):
        eventually(lambda: theirs.is_cut, SOON)
        time.sleep(1)
        assert not other.is_cut


def rulings_of(monkeypatch: pytest.MonkeyPatch, slow: PacketId | None = None) -> list[tuple[PacketId, int]]:
    """Notes each ruling: of which packet, and for how many streams. One of `slow` takes longer than it may."""
    made: list[tuple[PacketId, int]] = []
    real = Outgoing._rule_on

    def rule_on(self: Outgoing, packet: PacketId, recipient: Any, streams: Any) -> Any:
        made.append((packet, len(streams)))
        if packet == slow:
            time.sleep(egress.MAX_RULING_SECONDS + 1.5)
        return real(self, packet, recipient, streams)

    monkeypatch.setattr(Outgoing, "_rule_on", rule_on)
    return made


def test_a_packet_is_ruled_on_again_and_again_once_for_all_its_streams(
    giving: Giving, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
):
    """What a ruling rests on may end without moving the epoch."""
    monkeypatch.setattr(egress, "RULE_AGAIN_SECONDS", 0.0)
    packet = giving.a_packet()
    streams = [giving.give(packet) for _ in range(8)]
    made = rulings_of(monkeypatch)

    with giving.watched():
        eventually(lambda: len(made) >= 3)

    assert {count for _, count in made} == {8}
    assert not any(stream.is_cut for stream in streams)


def test_a_slow_ruling_cuts_its_own_streams_and_nobody_elses(
    giving: Giving, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(egress, "RULE_AGAIN_SECONDS", 0.0)
    first, second = giving.a_packet(), giving.a_packet()
    theirs, other = giving.give(first), giving.give(second)
    made = rulings_of(monkeypatch, slow=first)
    with giving.watched():
        giving.revoke(first)
        eventually(lambda: theirs.is_cut, SOON)
        before = sum(packet == second for packet, _ in made)
        eventually(lambda: sum(packet == second for packet, _ in made) > before + 2)
    assert not other.is_cut


class Counted:
    """How often the ledger was asked and something unsealed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.statements = self.unsealed = 0
        for name in ("rows", "row", "run"):
            self._count(monkeypatch, Tx, name, "statements")
        self._count(monkeypatch, FolderKeys, "unseal", "unsealed")

    def _count(self, monkeypatch: pytest.MonkeyPatch, of: type, name: str, what: str) -> None:
        real = getattr(of, name)

        def counting(*arguments: Any, **named: Any) -> Any:
            setattr(self, what, getattr(self, what) + 1)
            return real(*arguments, **named)

        monkeypatch.setattr(of, name, counting)


_A_THOUSAND = """
    INSERT INTO transfer.records (record, patient, institution, kind, status, origin, is_whole, about, kept_at)
      SELECT 'copy' || n, patient, institution, kind, status, sha256(n::text::bytea), is_whole, about, kept_at
      FROM (SELECT * FROM transfer.records WHERE patient = %s LIMIT 1), generate_series(1, 1000) AS n;
"""


def test_a_look_and_a_ruling_cost_the_same_whatever_the_number_of_records(
    giving: Giving, monkeypatch: pytest.MonkeyPatch
):
    packet = giving.a_packet()
    streams = [giving.give(packet) for _ in range(3)]
    counted = Counted(monkeypatch)

    def cost() -> tuple[int, int]:
        counted.statements = counted.unsealed = 0
        giving.outgoing._look()
        ruled = giving.outgoing._rule_on(packet, giving.receiver(packet), [stream.egress for stream in streams])
        assert ruled
        assert not ruled.why_not
        return counted.statements, counted.unsealed

    few = cost()
    with psycopg.connect(giving.owner) as owner:
        owner.execute(_A_THOUSAND, [giving.patient(packet)])
        owner.execute(
            "INSERT INTO transfer.packet_records SELECT %s, record FROM transfer.records WHERE record LIKE 'copy%%'",
            [packet],
        )

    assert cost() == few
    assert few[1] <= 3, "the form is read for the ruling and for its end, and what the packet says"


def test_a_receiver_has_so_many_downloads_at_once(giving: Giving):
    packet = giving.a_packet()
    receiver = giving.receiver(packet)
    receives = giving.services.institutions[receiver].receives
    assert receives
    streams = [giving.give(packet) for _ in range(receives.downloads_at_once)]

    with pytest.raises(TooManyDownloads):
        giving.give(packet)
    giving.outgoing.close(streams[0], EgressOutcome.SENT)
    assert giving.give(packet)


# --- links ------------------------------------------------------------------------------------------------------------


def say_declined(giving: Giving, packet: PacketId) -> None:
    with giving.services.ledger.transaction() as tx:
        fact = facts.ReceiptRecorded(packet=packet, status="declined", arrival="a", reasons=())
        tx.append(facts.Chain.case(packet.case), fact)


def say_closed(giving: Giving, packet: PacketId) -> None:
    desk.close(giving.services, packet.case, "opinion-given", actor=NURSE)


def say_recalled(giving: Giving, packet: PacketId) -> None:
    desk.recall(giving.services, packet.case, actor=NURSE)


@pytest.mark.parametrize("end", [say_declined, say_closed, say_recalled])
def test_a_link_dies_with_what_ends_it_and_nobody_is_asked(
    giving: Giving, eventually: Eventually, monkeypatch: pytest.MonkeyPatch, end: Callable[[Giving, PacketId], None]
):
    monkeypatch.setattr(egress, "RULE_AGAIN_SECONDS", 1.0)
    packet = giving.a_packet()
    stream, receiver = giving.give(packet), giving.receiver(packet)
    with giving.watched():
        end(giving, packet)
        eventually(lambda: stream.is_cut, SOON)

    assert giving.outgoing.open(packet, receiver, Line(), "packet.tar") is None
    assert "release-not-permitted" not in {hold.code for hold in open_holds(giving.services, packet.case)}


def test_streams_of_a_packet_are_cut_when_something_in_it_is_withdrawn_without_waiting_for_the_next_ruling(
    giving: Giving, eventually: Eventually
):
    packet = giving.a_packet()
    stream, receiver = giving.give(packet), giving.receiver(packet)
    with giving.watched():
        with giving.services.ledger.transaction() as tx:
            held = tx.case(packet.case).packets[packet].assembled
            assert held
            records.supersede(tx, packet.case, RecordId(held.records[0]), None, Relation.WITHDRAWS)
            settle_needs(tx, giving.services, packet.case)
        eventually(lambda: stream.is_cut, SOON)

    assert giving.outgoing.open(packet, receiver, Line(), "packet.tar") is None
    assert "delivered-void" in {hold.code for hold in open_holds(giving.services, packet.case)}


def test_a_link_lives_so_many_days_as_its_receivers_file_says(giving: Giving, hours_pass: Callable[[timedelta], None]):
    packet = giving.a_packet()
    receiver = giving.receiver(packet)
    receives = giving.services.institutions[receiver].receives
    assert receives
    assert receives.link_days == 30
    giving.outgoing.close(giving.give(packet), EgressOutcome.SENT)
    hours_pass(timedelta(days=29, hours=23))
    giving.outgoing.close(giving.give(packet), EgressOutcome.SENT)
    hours_pass(timedelta(days=30, hours=1))

    assert giving.outgoing.open(packet, receiver, Line(), "packet.tar") is None
    (shown,) = desk.dossier(giving.services, packet.case, actor=NURSE).packets
    assert "their days are over" in (shown.links_ended or "")


def test_what_a_stream_rests_on_is_written_anew_when_it_goes_on_under_another_form(
    giving: Giving, eventually: Eventually
):
    chart = a_chart()
    packet = giving.a_packet(chart)
    stream = giving.give(packet)
    with giving.watched():
        sign_form(giving.services, chart, number={"system": "urn:oid:2.16.840.1.113883.19.5.7", "value": "B"})
        process_all(giving.services)
        with giving.services.ledger.transaction() as tx:
            first, second = permissions.filed(tx, giving.patient(packet))
            stopping.end(tx, first, End.REVOKED)
        eventually(lambda: relied_on(giving, stream) == [(first.permission.id,), (second.permission.id,)])
    assert not stream.is_cut


def relied_on(giving: Giving, stream: Stream) -> list[tuple[str, ...]]:
    with giving.services.ledger.transaction() as tx:
        lines = tx.lines(facts.Chain.case(stream.egress.packet.case))
    told = [line.fact for line in lines if isinstance(line.fact, facts.EgressPermitted)]
    return [fact.permissions for fact in told if fact.egress == stream.egress.id]


def test_staff_may_look_after_a_stop_and_receivers_may_not(giving: Giving):
    """Until the purge: somebody must be able to see what was stopped, and what left before."""
    packet = giving.a_packet()
    permission = giving.revoke(packet)
    assert await_stop_complete(giving.services.ledger, giving.patient(packet), permission, seconds=SOON)

    assert giving.outgoing.open(packet, giving.receiver(packet), Line(), "packet.tar") is None
    seen = desk.dossier(giving.services, packet.case, actor=NURSE, identity=True, notes=True)
    assert seen.identity
    assert [note.text for note in seen.notes if note.by == "question"]
