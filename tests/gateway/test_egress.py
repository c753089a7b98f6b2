"""The watcher of open streams when it is itself in trouble: whoever cannot look lets nothing flow."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from tests.kit.builders import new_services
from tests.kit.open_streams import Giving, Line
from transfer.errors import Unavailable
from transfer.flow.stopping import await_stop_complete
from transfer.gateway import egress
from transfer.gateway.egress import Outgoing
from transfer.identifiers import PacketId
from transfer.ledger import Ledger

pytestmark = pytest.mark.servers

#: a look that hangs is found out in two seconds and a half; the rest is a busy machine's
SOON = 4.0

Eventually = Callable[..., None]


@pytest.fixture
def giving(ledger: Ledger, migrated: Any) -> Iterator[Giving]:
    giving = Giving(new_services(ledger), migrated.url("owner"))
    yield giving
    giving.outgoing.shut()


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
    monkeypatch.setattr(egress, "RULE_AGAIN_EVERY_LOOKS", 1)
    first, second = giving.a_packet(), giving.a_packet()
    theirs, other = giving.give(first), giving.give(second)
    with giving.watched(), giving.holding_patient(first):
        eventually(lambda: theirs.is_cut, SOON)
        time.sleep(1)
        assert not other.is_cut


def test_every_stream_is_ruled_on_anew_though_not_all_at_once(giving: Giving, monkeypatch: pytest.MonkeyPatch):
    """What a ruling rests on may end without moving the epoch, and many rulings take longer than a look may."""
    packet = giving.a_packet()
    ruled: list[str] = []
    monkeypatch.setattr(Outgoing, "_may_go_on", lambda _self, stream: ruled.append(stream.egress.id) or True)
    given = [giving.give(packet).egress.id for _ in range(egress.RULE_AGAIN_EVERY_LOOKS)]

    for at in range(egress.RULE_AGAIN_EVERY_LOOKS):
        assert giving.outgoing._look(at) == []
        assert len(ruled) == at + 1

    assert sorted(ruled) == sorted(given)
