"""A patient takes the permission back while a receiver has as many downloads open as it may."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext

import pytest

from tests.kit.acts import Journey, a_packet, downloading, eventually, is_announced, link, token
from tests.kit.house import House
from tests.kit.load import busy_processes
from tests.kit.staff import NURSE
from transfer import facts
from transfer.flow import desk

pytestmark = [pytest.mark.servers, pytest.mark.slow]

STREAMS = 64
#: a stop is to be complete within
SECONDS = 5.0


@contextmanager
def open_downloads(journey: Journey) -> Iterator[None]:
    """All open at once, each by a receiver that has read a little and reads no more."""
    house = journey.house
    url, shown = link(house, journey.packet), token(house, "center")
    with ExitStack() as stack, ThreadPoolExecutor(STREAMS) as receivers:
        entering = threading.Lock()

        def begin(_: int) -> int:
            begun = downloading(url, shown)
            opened = begun.__enter__()
            with entering:
                stack.push(begun)
            return opened.status

        assert set(receivers.map(begin, range(STREAMS))) == {200}
        eventually(lambda: sum(one.closed_at is None for one in journey.egress("packet.tar")) == STREAMS, 30)
        yield


@pytest.mark.parametrize("busy", [0, 12], ids=["quiet", "load 12"])
def test_a_stop_is_complete_within_five_seconds_with_64_open_streams(house: House, busy: int):
    house.behave("archive", rows=512)
    house.behave("center", fetch=False)
    journey = a_packet(house, slices=24)
    house.process_until(lambda: is_announced(journey))
    with open_downloads(journey):
        with busy_processes(busy) if busy else nullcontext():
            desk.revoke(house.services, journey.permission, actor=NURSE)
        eventually(lambda: all(one.closed_at for one in journey.egress()), 10)

    (said,) = journey.facts(facts.StopCompleted, of_patient=True)
    print(f"stop complete after {said.milliseconds} ms with {STREAMS} streams, {busy} busy processes beside")  # noqa: T201
    assert said.milliseconds < SECONDS * 1000
    assert {one.outcome for one in journey.egress("packet.tar")} == {"cut"}
    assert len(journey.facts(facts.EgressClosed)) == STREAMS + 1
