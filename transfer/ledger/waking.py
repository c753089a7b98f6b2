"""Waiting for a round to be owed: `transfer.owe` says so when it is committed, and whoever waits here hears it.

https://www.postgresql.org/docs/current/sql-notify.html
"""

import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any, Final

import psycopg

from transfer.errors import TransferError
from transfer.ledger import Ledger

#: the channel's name stands in `transfer.owe`, too
_LISTEN: Final = "LISTEN transfer_rounds"


class Waking:
    """It keeps a connection of the ledger's pool from the first wait on. One thread waits at a time."""

    def __init__(self, ledger: Ledger, otherwise: Callable[[float], object] = time.sleep) -> None:
        """`otherwise` passes the time where the ledger does not answer."""
        self._ledger = ledger
        self._otherwise = otherwise
        self._borrowed = ExitStack()
        self._connection: psycopg.Connection[Any] | None = None

    def wait(self, seconds: float) -> bool:
        """Wait until a round was owed since the last wait, `seconds` at the most. Whether one was.

        It is a hint, and nothing may rest on it: what was owed before it listened, or while the ledger was away, is
        not told. Raises nothing: then it waits for so long.
        """
        until = time.monotonic() + seconds
        try:
            if self._connection is None:
                self._connection = self._borrowed.enter_context(self._ledger.autocommitting())
                self._connection.execute(_LISTEN)
            return any(self._connection.notifies(timeout=max(0.0, until - time.monotonic()), stop_after=1))
        except (psycopg.Error, TransferError):
            self.close()
            self._otherwise(max(0.0, until - time.monotonic()))
            return False

    def close(self) -> None:
        """Give the connection up. Closing twice does nothing more; a later wait makes another."""
        if self._connection is not None:
            with suppress(psycopg.Error):  # whoever borrows it next is not to be told
                self._connection.execute("UNLISTEN *")
        self._connection = None
        borrowed, self._borrowed = self._borrowed, ExitStack()
        borrowed.close()
