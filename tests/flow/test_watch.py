"""The thread beside the work, when it is itself in trouble: who can no longer look may not go on."""

import time
from collections.abc import Callable
from typing import Never

import pytest

from transfer.errors import Fenced
from transfer.flow import watch
from transfer.flow.watch import Watch, watching
from transfer.ledger import Ledger

pytestmark = pytest.mark.servers


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "LOOK", 0.02)


def await_fenced(held: Watch, seconds: float = 5.0) -> str:
    """What the work is told."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            held.check()
        except Fenced as fenced:
            return str(fenced)
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
        assert await_fenced(held).startswith(why)


def test_a_cut_that_fails_is_tried_again(ledger: Ledger):
    tried: list[None] = []

    def cut() -> None:
        tried.append(None)
        if len(tried) == 1:
            raise OSError

    with watching(ledger, still=not_allowed, cut=cut) as held:
        await_fenced(held)
        until = time.monotonic() + 5
        while len(tried) < 2 and time.monotonic() < until:
            time.sleep(0.02)
    assert len(tried) >= 2
