"""One writer for all doors: what waits is stored in one transaction, and only then acknowledged.

A transaction costs a wait for the disk. With many senders at once their messages share it; with one, nothing waits.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import anyio.from_thread

from transfer import spans
from transfer.errors import Unavailable
from transfer.ledger import Ledger, Tx, arriving
from transfer.ledger.arrival_line import ArrivalLine
from transfer.ledger.arrivals import NewArrival, Stored

#: arrivals in one transaction at the most
MAX_BATCH = 512
#: arrivals that may wait before doors are told to come again
MAX_WAITING = 4096
#: what senders who came together last time are given to come together again; one alone never waits
_NAPS, _NAP_SECONDS = 3, 0.00005
#: who are enough for a batch where batches are back soon
_COMPANY = 2
#: of the loop, until what a socket has brought waits here
_TURNS = 2
#: of a door and a sender, from the answer to a message until the next one waits here
_RETURN_SECONDS = 0.0001
#: seconds in which what waits at the end is stored
_CLOSE_SECONDS = 30

#: what a door does in the transaction that stores an arrival: an objection stops the release there
OnStored = Callable[[Tx, Stored], None]
#: who brought it is told what became of it, once
OnAnswer = Callable[[Stored | BaseException], None]

log = logging.getLogger("transfer.gateway.intake")


@dataclass(slots=True)
class _Waiting:
    incoming: NewArrival
    on_stored: OnStored | None
    on_answer: OnAnswer
    #: when it came here, by `time.time_ns`
    began: int = field(default_factory=time.time_ns)


def _answer(answers: Sequence[tuple[_Waiting, Stored | BaseException]]) -> None:
    for one, result in answers:
        try:
            one.on_answer(result)
        except Exception as error:  # noqa: BLE001  the others' answers do not wait for whoever has a fault
            log.error("whoever waited could not be answered: %s", type(error).__name__)


def _trace(answers: Sequence[tuple[_Waiting, Stored]]) -> None:
    for one, stored in answers:
        new = one.incoming
        said = {"arrival": stored.arrival, "door": new.door, "institution": new.institution, "kind": new.kind}
        about = stored.subject or stored.arrival
        spans.record("store", about, one.began, key=stored.arrival, is_duplicate=stored.is_duplicate, **said)


def _apart(batch: list[_Waiting]) -> Iterator[list[_Waiting]]:
    """In their order, each that does something by itself: it locks patients in an order of its own."""
    plain: list[_Waiting] = []
    for one in batch:
        if one.on_stored is None:
            plain.append(one)
            continue
        if plain:
            yield plain
        yield [one]
        plain = []
    if plain:
        yield plain


class Intake:
    """The writer. It works in the event loop of the doors, and only while something waits."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._line = ArrivalLine(ledger)
        #: held while a long message is read, so that many of them cost no more memory than one
        self.one_at_a_time = asyncio.Lock()
        self._waiting: deque[_Waiting] = deque()
        #: how many came together last time
        self._together = 1
        #: how long the last batch was on its way
        self._trip_seconds = 0.0
        self._writing: asyncio.Task[None] | None = None

    async def store(self, incoming: NewArrival, on_stored: OnStored | None = None) -> Stored:
        """Return when it is durable. Storing the same thing again says which arrival it is.

        Raises:
            Unavailable: the ledger does not answer, or too much waits; nothing was stored.
        """
        answer: asyncio.Future[Stored] = asyncio.get_running_loop().create_future()

        def tell(result: Stored | BaseException) -> None:
            if answer.done():  # who waited is gone
                return
            if isinstance(result, BaseException):
                answer.set_exception(result)
            else:
                answer.set_result(result)

        self.begin(incoming, tell, on_stored)
        return await answer

    def begin(self, incoming: NewArrival, on_answer: OnAnswer, on_stored: OnStored | None = None) -> None:
        """As `store`, for whom a task and a future of its own cost too much. The writer itself calls `on_answer` with
        what came of it; that must be quick. For the doors' event loop.

        Raises:
            Unavailable: too much waits; `on_answer` is not called.
        """
        if len(self._waiting) >= MAX_WAITING:
            raise Unavailable("too much waits to be stored", retry_after=5)
        self._waiting.append(_Waiting(incoming, on_stored, on_answer))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.get_running_loop().create_task(self._write())

    def store_and_wait(self, incoming: NewArrival, on_stored: OnStored | None = None) -> Stored:
        """The same for a thread to which the doors' event loop has given work."""
        return anyio.from_thread.run(self.store, incoming, on_stored)

    def write(self, work: Callable[[Tx], None]) -> None:
        """Do something small in a transaction of its own, in the thread that calls.

        Raises:
            Unavailable: the ledger does not answer.
        """
        with self._ledger.transaction() as tx:
            work(tx)

    async def close(self) -> None:
        """Store what waits, and stop. Nothing may be stored after it."""
        if self._writing is not None and not self._writing.done():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._writing, _CLOSE_SECONDS)
        await self._line.close()

    async def _write(self) -> None:
        """Whoever comes while a batch is on its way is of the next one."""
        while self._waiting:
            await self._gather()
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), MAX_BATCH))]
            began = time.monotonic()
            for together in _apart(batch):
                await self._store(together)
            self._trip_seconds = time.monotonic() - began
            self._together = len(batch) + len(self._waiting)

    async def _gather(self) -> None:
        """Wait until those are here again that were here last time: a batch costs the database ten times what one more
        message in it does. Without a processor for a moment the loop gives others theirs, who are about to send.

        Where a batch is back sooner than all of them, half are awaited, and no more than two: the others come while
        these are on their way.
        """
        awaited = min(self._together, MAX_BATCH)
        if self._trip_seconds < awaited * _RETURN_SECONDS:
            awaited = min((awaited + 1) // 2, _COMPANY)
        for nap in range(_NAPS + 1):
            if len(self._waiting) >= awaited:
                return
            if nap:  # not before the last batch is answered
                time.sleep(_NAP_SECONDS)  # the loop's own timers count milliseconds
            for _ in range(_TURNS):
                await asyncio.sleep(0)

    async def _store(self, batch: list[_Waiting]) -> None:
        """All in one transaction. If that fails for a reason that is one message's own, each by itself."""
        try:
            stored = await self._in_one_transaction(batch)
        except Exception as error:  # noqa: BLE001  whatever it is, nobody may be acknowledged and nobody else must suffer
            if len(batch) > 1 and not isinstance(error, Unavailable):
                for one in batch:
                    await self._store([one])
                return
            failure = error if isinstance(error, Unavailable) else Unavailable(f"not stored ({type(error).__name__})")
            _answer([(one, failure) for one in batch])
        else:
            answers = list(zip(batch, stored, strict=True))
            if self._waiting:  # they leave first
                asyncio.get_running_loop().call_soon(_answer, answers)
            else:
                _answer(answers)
            if spans.are_on():
                _trace(answers)

    async def _in_one_transaction(self, batch: list[_Waiting]) -> list[Stored]:
        first = batch[0]
        if first.on_stored is None:
            return await self._line.store([one.incoming for one in batch])
        return [await asyncio.to_thread(self._with_what_it_does, first.incoming, first.on_stored)]

    def _with_what_it_does(self, incoming: NewArrival, on_stored: OnStored) -> Stored:
        """It reads institutions, too."""
        with self._ledger.transaction() as tx:
            (stored,) = arriving.store(tx, [incoming])
            if not stored.is_duplicate:
                on_stored(tx, stored)
            arriving.owe_for(tx, [incoming], [stored])
        return stored
