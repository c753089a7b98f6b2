"""A sender's connection is closed by nobody while somebody else waits on it: libpq would crash the process."""

import threading
from typing import Any

import pytest

from transfer.ledger import Ledger, disclosures
from transfer.ledger.disclosures import Sender

pytestmark = pytest.mark.servers


class Slow:
    """A connection on which a look takes its time."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self.is_looked = threading.Event()
        self.may_end = threading.Event()
        self.was_closed_under_a_look = False
        self.is_closed = False
        self._looks = 0

    def execute(self, query: str) -> None:
        self._looks += 1
        self.is_looked.set()
        self.may_end.wait(10)
        self._real.execute(query)
        self._looks -= 1

    def close(self) -> None:
        self.was_closed_under_a_look |= self._looks > 0
        self.is_closed = True
        self._real.close()


@pytest.fixture
def slow(ledger: Ledger) -> tuple[Sender, Slow, threading.Thread]:
    sender = Sender(ledger)
    connection = Slow(sender._connection)
    sender._connection = connection  # type: ignore[assignment]
    look = threading.Thread(target=sender.is_alive, daemon=True)
    look.start()
    assert connection.is_looked.wait(5)
    return sender, connection, look


def test_a_sender_that_ends_waits_for_a_look(slow: tuple[Sender, Slow, threading.Thread]) -> None:
    sender, connection, look = slow
    threading.Timer(0.2, connection.may_end.set).start()

    sender.__exit__(None, None, None)

    look.join(5)
    assert (connection.was_closed_under_a_look, connection.is_closed) == (False, True)


def test_a_look_that_hangs_keeps_nobody_from_ending(
    slow: tuple[Sender, Slow, threading.Thread], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disclosures, "CLOSE_WAIT_SECONDS", 0.1)
    sender, connection, look = slow

    sender.__exit__(None, None, None)

    assert not connection.is_closed
    connection.may_end.set()
    look.join(5)
    connection.close()
