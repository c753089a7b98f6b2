"""One writer for all doors: what waits is stored in one transaction, and only then acknowledged.

A transaction costs a wait for the disk. With many senders at once their messages share it; with one, nothing waits.
"""

import asyncio
import concurrent.futures
import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from transfer.errors import Unavailable
from transfer.ledger import Ledger, Tx, arrivals
from transfer.ledger.arrivals import NewArrival, Stored

#: arrivals in one transaction at the most
MAX_BATCH = 512
#: arrivals that may wait before doors are told to come again
MAX_WAITING = 4096
#: that senders who came together last time are given to come together again; one alone never waits
GATHER_SECONDS = 0.00015

#: what a door does in the transaction that stores an arrival: an objection stops the release there
OnStored = Callable[[Tx, Stored], None]


@dataclass(slots=True)
class _Waiting:
    incoming: NewArrival
    on_stored: OnStored | None
    stored: "concurrent.futures.Future[Stored]" = field(default_factory=concurrent.futures.Future, repr=False)

    def answer(self, result: Stored | BaseException) -> None:
        """Give it to who waits, in whichever thread."""
        # nobody listens any more, or its loop is closed
        with contextlib.suppress(concurrent.futures.InvalidStateError, RuntimeError):
            if isinstance(result, BaseException):
                self.stored.set_exception(result)
            else:
                self.stored.set_result(result)


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
    """The writer: a thread of its own, which stores what the doors bring."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        #: held while a long message is read or moved, so that many of them cost no more memory than one
        self.one_at_a_time = asyncio.Lock()
        self._queue: queue.Queue[_Waiting | None] = queue.Queue(MAX_WAITING)
        self._thread = threading.Thread(target=self._run, name="intake", daemon=True)
        self._thread.start()

    async def store(self, incoming: NewArrival, on_stored: OnStored | None = None) -> Stored:
        """Return when it is durable. Storing the same thing again says which arrival it is.

        Raises:
            Unavailable: the ledger does not answer, or too much waits; nothing was stored.
        """
        return await asyncio.wrap_future(self._put(incoming, on_stored))

    def store_and_wait(self, incoming: NewArrival, on_stored: OnStored | None = None) -> Stored:
        """The same for a thread that is no event loop's."""
        return self._put(incoming, on_stored).result()

    def _put(self, incoming: NewArrival, on_stored: OnStored | None) -> "concurrent.futures.Future[Stored]":
        waiting = _Waiting(incoming, on_stored)
        try:
            self._queue.put_nowait(waiting)
        except queue.Full:
            raise Unavailable("too much waits to be stored", retry_after=5) from None
        return waiting.stored

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def close(self) -> None:
        """Store what waits, and stop. Nothing may be stored after it."""
        self._queue.put(None)
        self._thread.join(timeout=30)

    def _run(self) -> None:
        several = False
        while (first := self._queue.get()) is not None:
            if several:
                time.sleep(GATHER_SECONDS)
            batch = [first]
            while len(batch) < MAX_BATCH and not self._queue.empty():
                following = self._queue.get()
                if following is None:
                    self._queue.put(None)
                    break
                batch.append(following)
            several = len(batch) > 1
            for together in _apart(batch):
                self._store(together)

    def _store(self, batch: list[_Waiting]) -> None:
        """All in one transaction. If that fails for a reason that is one message's own, each by itself."""
        try:
            with self._ledger.transaction() as tx:
                stored = arrivals.store(tx, [one.incoming for one in batch])
                for one, result in zip(batch, stored, strict=True):
                    if one.on_stored and not result.is_duplicate:
                        one.on_stored(tx, result)
                arrivals.owe_for(tx, [one.incoming for one in batch], stored)
        except Exception as error:  # noqa: BLE001  whatever it is, nobody may be acknowledged and nobody else must suffer
            if len(batch) > 1 and not isinstance(error, Unavailable):
                for one in batch:
                    self._store([one])
                return
            failure = error if isinstance(error, Unavailable) else Unavailable(f"not stored ({type(error).__name__})")
            for one in batch:
                one.answer(failure)
        else:
            for one, result in zip(batch, stored, strict=True):
                one.answer(result)
