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

from transfer.identifiers import ArrivalId
from transfer.ledger import VERSION_SECONDS, Ledger, Tx, arrivals
from transfer.ledger.arrivals import NewArrival, Stored

_NAME: Final = b"store_arrivals"
_PREPARE: Final = """PREPARE store_arrivals AS
    SELECT * FROM transfer.store_arrivals($1::date, NULL, $2::json, $3::bytea[])"""
_FORMATS: Final = (pq.Format.TEXT, pq.Format.TEXT, pq.Format.BINARY)


class ArrivalLine:
    """One connection and one statement at a time: whoever calls waits for the answer before the next call.

    It borrows the connection for some seconds at a time, and learns the day whenever it does.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._borrowed = ExitStack()
        self._connection: psycopg.Connection[Any] | None = None
        #: turns payloads into an array as PostgreSQL reads it
        self._written = Transformer()
        self._today = date.min
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
            told = await self._ask(await self._values(incoming))
            if told.ntuples:
                return [_stored(told, row) for row in range(told.ntuples)]
            await self._give_back()  # that day is over

    def close(self) -> None:
        """Give the connection back. Closing twice does nothing more."""
        self._connection = None
        self._borrowed.close()

    async def _values(self, incoming: Sequence[NewArrival]) -> list[bytes | None]:
        keys, today = self._ledger.keys, self._today
        if keys.are_near:
            said, payloads = arrivals.brought(keys, incoming, today, owing=True)
        else:
            said, payloads = await asyncio.to_thread(arrivals.brought, keys, incoming, today, owing=True)
        (sealed,) = self._written.dump_sequence([payloads], [PyFormat.BINARY])
        return [today.isoformat().encode(), said.encode(), None if sealed is None else bytes(sealed)]

    # --- the connection -----------------------------------------------------------------------------------------------

    async def _borrow(self) -> None:
        await self._give_back()
        await asyncio.to_thread(self._connect)

    def _connect(self) -> None:
        with ExitStack() as borrowing:
            connection = borrowing.enter_context(self._ledger.autocommitting())
            self._until = time.monotonic() + VERSION_SECONDS
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


def _stored(told: pq.abc.PGresult, row: int) -> Stored:
    arrival, is_duplicate, subject = (told.get_value(row, column) for column in range(3))
    assert arrival is not None
    return Stored(
        arrival=ArrivalId(arrival.decode()),
        is_duplicate=is_duplicate == b"t",
        subject=subject.decode() if subject is not None else None,
    )
