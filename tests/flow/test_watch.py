"""The thread beside the work, when it is itself in trouble: who can no longer look may not go on."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Never

import pytest

from transfer.errors import ChangedMeanwhile, OutOfOrder
from transfer.facts import Origin
from transfer.flow import watch
from transfer.flow.watch import Watch, watching
from transfer.ledger import Ledger, Tx

pytestmark = pytest.mark.servers


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "LOOK_EVERY_SECONDS", 0.02)


def await_stopped(held: Watch, seconds: float = 5.0) -> str:
    """What the work is told."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            held.check()
        except ChangedMeanwhile as stopped:
            return str(stopped)
        time.sleep(0.02)
    raise AssertionError("it goes on")


def broken(*_: object) -> Never:
    raise KeyError("a fault of ours")


def not_allowed(_: object) -> bool:
    return False


@pytest.mark.parametrize(
    ("still", "why"),
    [(broken, "the watch failed (KeyError)"), (not_allowed, "no basis is in force")],
)
def test_who_cannot_look_may_not_go_on(ledger: Ledger, still: Callable[[object], bool], why: str):
    with watching(ledger, still=still) as held:
        assert await_stopped(held).startswith(why)


def test_a_cut_that_fails_is_tried_again(ledger: Ledger):
    tried: list[None] = []

    def cut() -> None:
        tried.append(None)
        if len(tried) == 1:
            raise OSError

    with watching(ledger, still=not_allowed, cut=cut) as held:
        await_stopped(held)
        until = time.monotonic() + 5
        while len(tried) < 2 and time.monotonic() < until:
            time.sleep(0.02)
    assert len(tried) >= 2


class LedgerThatStops(Ledger):
    """From `stops` on it fails, or does not come back."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger.url, ledger.keys, ledger.origin)
        self.stops = False
        self.is_silent = True
        self.over = threading.Event()

    @contextmanager
    def transaction(self, origin: Origin | None = None) -> Iterator[Tx]:
        if self.stops and self.is_silent:
            self.over.wait(30)
        if self.stops:
            raise OutOfOrder("the ledger did not answer")
        with super().transaction(origin) as tx:
            yield tx


@pytest.fixture(params=["silent", "failing"])
def stopping(ledger: Ledger, request: Any) -> Iterator[LedgerThatStops]:
    stopping = LedgerThatStops(ledger)
    stopping.is_silent = request.param == "silent"
    yield stopping
    stopping.over.set()
    stopping.close()


def test_what_is_on_its_way_out_is_cut_once_nobody_can_look(stopping: LedgerThatStops):
    cut = threading.Event()
    with watching(stopping, cut=cut.set) as held:
        time.sleep(0.3)
        held.check()
        stopping.stops = True
        assert cut.wait(4)
        assert await_stopped(held).startswith("nobody could look")


def test_a_fetch_goes_on_without_a_look_for_as_long_as_its_claim_lasts(
    stopping: LedgerThatStops, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(watch, "MAX_LOOK_SECONDS", 0.1)
    monkeypatch.setattr(watch, "LEASE", timedelta(seconds=1.5))
    with watching(stopping) as held:
        time.sleep(0.3)
        stopping.stops = True
        began = time.monotonic()
        assert await_stopped(held).startswith("nobody could look")
        assert time.monotonic() - began > 1


def test_leases_alone_ask_the_ledger_nothing_between_two_renewals(ledger: Ledger, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(watch, "LEASE", timedelta(seconds=3))
    renewed = threading.Event()
    asked: list[bool] = []
    ledger.follow(lambda _: asked.append(renewed.is_set()))

    def renew(_: Tx) -> bool:
        renewed.set()
        return True

    with watching(ledger, renew):
        assert renewed.wait(5)
    assert asked.count(False) == 1


def test_leases_that_could_not_be_renewed_in_time_are_renewed_at_the_next_look(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(watch, "LEASE", timedelta(seconds=90))
    renewed = threading.Event()

    def renew(_: Tx) -> bool:
        renewed.set()
        return True

    with watching(ledger, renew) as held:
        held._looked -= 60  # the ledger did not answer for so long
        assert renewed.wait(10)
        held.check()


def test_the_work_ends_while_a_look_hangs_and_waits_for_no_look(stopping: LedgerThatStops):
    with watching(stopping):
        stopping.stops = True
        time.sleep(0.3)
        ended = time.monotonic()
    assert time.monotonic() - ended < 3
