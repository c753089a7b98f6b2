"""The way of arrivals into the ledger from an event loop. The loop itself sends the statement, and the database's
answer wakes it: no thread stands between.

It drives libpq, by which psycopg makes the connection: psycopg's own asynchronous connection takes three times the
processor for a statement (docs/decisions/0005-one-writer.md).
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import date
from typing import Any, Final

import psycopg
from psycopg import pq
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result

from transfer.ledger import VERSION_SECONDS, Ledger, Tx, arrivals
from transfer.ledger.arrivals import Brought, NewArrival, Stored

_NAME: Final = b"store_arrivals"
_PREPARE: Final = """PREPARE store_arrivals AS
    SELECT * FROM transfer.store_arrivals(
        $1::date, NULL, $2::integer, $3::text[], $4::text[], $5::text[], $6::json, $7::bytea[])"""
_FORMATS: Final = (*(pq.Format.TEXT,) * 6, pq.Format.BINARY)
_LISTS: Final = (PyFormat.TEXT, PyFormat.TEXT, PyFormat.TEXT, PyFormat.BINARY)


class ArrivalLine:
    """One connection and one statement at a time: whoever calls waits for the answer before the next call.

    It borrows the connection for some seconds at a time, and learns the day whenever it does.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._borrowed = ExitStack()
        self._connection: psycopg.Connection[Any] | None = None
        #: turns lists into arrays as PostgreSQL reads them
        self._transformer = Transformer()
        self._today = date.min
        #: whose day is begun, as far as is known since it was borrowed
        self._opened: set[str] = set()
        #: when it is borrowed anew, by `time.monotonic`
        self._until = 0.0

    async def store(self, incoming: Sequence[NewArrival]) -> list[Stored]:
        """Store all of it, owe the rounds that process it, and commit, in one trip. As `arrivals.store` otherwise.

        Raises:
            Unavailable: the ledger or the keys do not answer. As `Ledger.transaction`.
            psycopg.Error: the ledger refuses what is stored; nothing is.
        """
        if not incoming:
            return []
        while True:
            if self._connection is None or self._connection.closed or time.monotonic() >= self._until:
                await self._borrow()
            values = await self._brought(incoming)
            told = await self._ask(self._written(values))
            stored = values.stored(_before(told))
            if stored is not None:
                self._opened.update(values.institutions)
                return stored
            await self._give_back()

    def close(self) -> None:
        """Give the connection back. Closing twice does nothing more."""
        self._connection = None
        self._borrowed.close()

    async def _brought(self, incoming: Sequence[NewArrival]) -> Brought:
        keys, today = self._ledger.keys, self._today
        if keys.are_near:
            return arrivals.brought(keys, incoming, today)
        return await asyncio.to_thread(arrivals.brought, keys, incoming, today)

    def _written(self, values: Brought) -> list[bytes | None]:
        """As the statement takes them."""
        opens = [one for one in values.institutions if one not in self._opened]
        lists = self._transformer.dump_sequence(
            [opens or None, values.due, values.written or None, values.payloads], _LISTS
        )
        arrays = [None if one is None else bytes(one) for one in lists]
        said = values.said.encode()
        return [self._today.isoformat().encode(), b"%d" % len(values.becomes), *arrays[:3], said, arrays[3]]

    # --- the connection -----------------------------------------------------------------------------------------------

    async def _borrow(self) -> None:
        await self._give_back()
        await asyncio.to_thread(self._connect)

    def _connect(self) -> None:
        with ExitStack() as borrowing:
            connection = borrowing.enter_context(self._ledger.autocommitting())
            self._until = time.monotonic() + VERSION_SECONDS
            self._opened = set()
            self._today = Tx(connection, self._ledger.keys, self._ledger.origin).now().date()
            if not connection.execute("SELECT 1 FROM pg_prepared_statements WHERE name = 'store_arrivals'").fetchone():
                connection.execute(_PREPARE)
            self._borrowed, self._connection = borrowing.pop_all(), connection

    async def _give_back(self, failure: psycopg.OperationalError | None = None) -> None:
        """Raises: as `Ledger.transaction` says it, where something failed."""
        borrowed, self._borrowed, self._connection = self._borrowed, ExitStack(), None
        await asyncio.to_thread(borrowed.__exit__, type(failure) if failure else None, failure, None)

    async def _ask(self, values: list[bytes | None]) -> pq.abc.PGresult:
        assert self._connection is not None
        asked = _Asked(self._connection.pgconn)
        try:
            told = await asked.store(values)
        except psycopg.OperationalError as failure:
            await self._give_back(failure)
            raise
        except asyncio.CancelledError:
            self._connection.close()  # nobody will hear its answer
            raise
        return told


class _Asked:
    """One statement under way."""

    def __init__(self, pgconn: pq.abc.PGconn) -> None:
        self._pgconn = pgconn
        self._loop = asyncio.get_running_loop()
        self._answer: asyncio.Future[pq.abc.PGresult] = self._loop.create_future()
        #: its one result; a last one, of nothing, says that it is whole
        self._result: pq.abc.PGresult | None = None
        self._socket = pgconn.socket

    async def store(self, values: list[bytes | None]) -> pq.abc.PGresult:
        """Its result. Raises: psycopg.Error."""
        self._loop.add_reader(self._socket, self._read)
        try:
            self._pgconn.send_query_prepared(_NAME, values, _FORMATS)
            if self._pgconn.flush():  # more than the socket takes at once
                self._loop.add_writer(self._socket, self._flush)
            return await self._answer
        finally:
            self._leave()

    def _flush(self) -> None:
        try:
            if not self._pgconn.flush():
                self._loop.remove_writer(self._socket)
        except psycopg.OperationalError as failure:
            self._fail(failure)

    def _read(self) -> None:
        try:
            self._pgconn.consume_input()
            while not self._pgconn.is_busy():
                told = self._pgconn.get_result()
                if told is None:
                    self._end()
                    return
                self._result = told
        except psycopg.OperationalError as failure:
            self._fail(failure)

    def _end(self) -> None:
        result = self._result
        if result is None or result.status != pq.ExecStatus.TUPLES_OK:
            self._fail(error_from_result(result) if result else psycopg.OperationalError("no answer"))
        elif not self._answer.done():
            self._answer.set_result(result)

    def _fail(self, failure: psycopg.Error) -> None:
        self._leave()
        if not self._answer.done():
            self._answer.set_exception(failure)

    def _leave(self) -> None:
        """At once: libpq closes the socket of a line that broke, and the next caller at a door may have its number."""
        if self._socket >= 0:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._socket = -1


def _before(told: pq.abc.PGresult) -> dict[int, tuple[str, str | None]]:
    """What was there before, as `Brought.stored` is told."""
    found: dict[int, tuple[str, str | None]] = {}
    for row in range(told.ntuples):
        place, arrival, subject = ((told.get_value(row, column) or b"").decode() for column in range(3))
        found[int(place)] = (arrival, subject or None)
    return found
