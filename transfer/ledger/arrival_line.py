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

from transfer.ledger import VERSION_SECONDS, Ledger, Tx, arriving
from transfer.ledger.arrivals import NewArrival, Stored
from transfer.ledger.arriving import Brought

_NAME: Final = b"store_arrivals"
_PREPARE: Final = """PREPARE store_arrivals AS
    SELECT * FROM transfer.store_arrivals(
        $1::date, NULL, $2::integer, $3::text[], $4::text[], $5::text[], $6::json, $7::bytea[])"""
_FORMATS: Final = (*(pq.Format.TEXT,) * 6, pq.Format.BINARY)


class ArrivalLine:
    """One connection and one statement at a time: whoever calls waits for the answer before the next call.

    It borrows the connection for some seconds at a time, and learns the day whenever it does.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._borrowed = ExitStack()
        self._connection: psycopg.Connection[Any] | None = None
        self._watched: _Watched | None = None
        #: turns lists into arrays as PostgreSQL reads them
        self._transformer = Transformer()
        self._due_last: list[list[str]] = []
        self._due_written: bytes | None = None
        self._today = date.min
        #: whose day is begun, as far as is known since it was borrowed
        self._opened: set[str] = set()
        #: when it is borrowed anew, by `time.monotonic`
        self._until = 0.0

    async def store(self, incoming: Sequence[NewArrival]) -> list[Stored]:
        """Store all of it, owe the rounds that process it, and commit, in one trip. As `arriving.store` otherwise.

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

    async def close(self) -> None:
        """Give the connection back. Closing twice does nothing more."""
        await self._give_back()

    async def _brought(self, incoming: Sequence[NewArrival]) -> Brought:
        keys, today = self._ledger.keys, self._today
        if keys.are_near:
            return arriving.brought(keys, incoming, today)
        return await asyncio.to_thread(arriving.brought, keys, incoming, today)

    def _written(self, values: Brought) -> list[bytes | None]:
        """As the statement takes them."""
        opens = [one for one in values.institutions if one not in self._opened]
        return [
            *(self._today.isoformat().encode(), b"%d" % len(values.becomes)),
            *(self._array(opens), self._due(values.due), self._array(values.written)),
            *(values.said.encode(), self._array(values.payloads, PyFormat.BINARY)),
        ]

    def _due(self, due: list[list[str]]) -> bytes | None:
        """It is mostly the same."""
        if due != self._due_last:
            self._due_last, self._due_written = due, self._array(due)
        return self._due_written

    def _array(self, values: Sequence[object] | None, form: PyFormat = PyFormat.TEXT) -> bytes | None:
        (written,) = self._transformer.dump_sequence([values or None], [form])
        return None if written is None else bytes(written)

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
        self._leave()
        borrowed, self._borrowed, self._connection = self._borrowed, ExitStack(), None
        await asyncio.to_thread(borrowed.__exit__, type(failure) if failure else None, failure, None)

    def _leave(self) -> None:
        watched, self._watched = self._watched, None
        if watched is not None:
            watched.leave()

    async def _ask(self, values: list[bytes | None]) -> pq.abc.PGresult:
        assert self._connection is not None
        if self._watched is None or self._watched.loop is not asyncio.get_running_loop():
            self._leave()
            self._watched = _Watched(self._connection.pgconn)
        try:
            told = await self._watched.ask(values)
        except psycopg.OperationalError as failure:
            await self._give_back(failure)
            raise
        except asyncio.CancelledError:
            self._leave()
            self._connection.close()  # nobody will hear its answer
            raise
        return told


class _Watched:
    """A connection that the loop watches, for one statement at a time."""

    def __init__(self, pgconn: pq.abc.PGconn) -> None:
        self._pgconn = pgconn
        self.loop = asyncio.get_running_loop()
        #: None: no statement is under way
        self._answer: asyncio.Future[pq.abc.PGresult] | None = None
        #: its one result; a last one, of nothing, says that it is whole
        self._result: pq.abc.PGresult | None = None
        self._socket = pgconn.socket
        self.loop.add_reader(self._socket, self._read)

    async def ask(self, values: list[bytes | None]) -> pq.abc.PGresult:
        """Its result. Raises: psycopg.Error."""
        answer: asyncio.Future[pq.abc.PGresult] = self.loop.create_future()
        self._answer = answer
        self._pgconn.send_query_prepared(_NAME, values, _FORMATS)
        if self._pgconn.flush():  # more than the socket takes at once
            self.loop.add_writer(self._socket, self._flush)
        return await answer

    def leave(self) -> None:
        """At once: libpq closes the socket of a line that broke, and the next caller at a door may have its number."""
        if self._socket >= 0 and not self.loop.is_closed():
            self.loop.remove_reader(self._socket)
            self.loop.remove_writer(self._socket)
        self._socket = -1

    def _flush(self) -> None:
        try:
            if not self._pgconn.flush():
                self.loop.remove_writer(self._socket)
        except psycopg.OperationalError as failure:
            self._break(failure)

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
            self._break(failure)

    def _end(self) -> None:
        result, self._result = self._result, None
        answer, self._answer = self._answer, None
        if answer is None or answer.done():  # the server says something by itself; or nobody waits any more
            return
        if result is None:
            answer.set_exception(psycopg.OperationalError("no answer"))
        elif result.status == pq.ExecStatus.TUPLES_OK:
            answer.set_result(result)
        else:
            answer.set_exception(error_from_result(result))

    def _break(self, failure: psycopg.OperationalError) -> None:
        """Between two statements nobody has to be told: the connection is seen to be closed."""
        self.leave()
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_exception(failure)


def _before(told: pq.abc.PGresult) -> dict[int, tuple[str, str | None]]:
    """What was there before, as `Brought.stored` is told."""
    found: dict[int, tuple[str, str | None]] = {}
    for row in range(told.ntuples):
        place, arrival, subject = ((told.get_value(row, column) or b"").decode() for column in range(3))
        found[int(place)] = (arrival, subject or None)
    return found
