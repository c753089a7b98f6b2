"""One writer for all doors: what waits is stored in one transaction, and only then acknowledged.

A transaction costs a wait for the disk. With many senders at once their messages share it; with one, nothing waits.
"""

import asyncio
import concurrent.futures
import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from transfer import spans
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
    #: of a loop or, where a thread waits, of no loop
    stored: "asyncio.Future[Stored] | concurrent.futures.Future[Stored]"
    #: when it came here, by `time.time_ns`
    began: int = field(default_factory=time.time_ns)


def _answer(answers: Sequence[tuple[_Waiting, Stored | BaseException]]) -> None:
    """Give each to who waits, in whichever thread. A loop is woken once, however many wait on it."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Stored], Stored | BaseException]]] = {}
    for one, result in answers:
        if isinstance(one.stored, concurrent.futures.Future):
            _set(one.stored, result)
        else:
            by_loop.setdefault(one.stored.get_loop(), []).append((one.stored, result))
    for loop, theirs in by_loop.items():
        with contextlib.suppress(RuntimeError):  # it is closed: nobody listens any more
            loop.call_soon_threadsafe(_set_all, theirs)


def _trace(answers: Sequence[tuple[_Waiting, Stored]]) -> None:
    for one, stored in answers:
        new = one.incoming
        said = {"arrival": stored.arrival, "door": new.door, "institution": new.institution, "kind": new.kind}
        about = stored.subject or stored.arrival
        spans.record("store", about, one.began, key=stored.arrival, is_duplicate=stored.is_duplicate, **said)


def _set_all(answers: "Sequence[tuple[asyncio.Future[Stored], Stored | BaseException]]") -> None:
    for future, result in answers:
        _set(future, result)


def _set(future: "asyncio.Future[Stored] | concurrent.futures.Future[Stored]", result: Stored | BaseException) -> None:
    if future.done():  # who waited is gone
        return
    if isinstance(result, BaseException):
        future.set_exception(result)
    else:
        future.set_result(result)


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
        #: held while a long message is read, so that many of them cost no more memory than one
        self.one_at_a_time = asyncio.Lock()
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="intake", daemon=True)
        self._thread.start()

    async def store(self, incoming: NewArrival, on_stored: OnStored | None = None) -> Stored:
        """Return when it is durable. Storing the same thing again says which arrival it is.

        Raises:
            Unavailable: the ledger does not answer, or too much waits; nothing was stored.
        """
        stored: asyncio.Future[Stored] = asyncio.get_running_loop().create_future()
        self._put(_Waiting(incoming, on_stored, stored))
        return await stored

    def store_and_wait(self, incoming: NewArrival, on_stored: OnStored | None = None) -> Stored:
        """The same for a thread that is no event loop's."""
        stored: concurrent.futures.Future[Stored] = concurrent.futures.Future()
        self._put(_Waiting(incoming, on_stored, stored))
        return stored.result()

    def write(self, work: Callable[[Tx], None]) -> None:
        """Do something small in a transaction of its own, in the thread that calls.

        Raises:
            Unavailable: the ledger does not answer.
        """
        with self._ledger.transaction() as tx:
            work(tx)

    def _put(self, waiting: _Waiting) -> None:
        if self._queue.qsize() >= MAX_WAITING:
            raise Unavailable("too much waits to be stored", retry_after=5)
        self._queue.put(waiting)

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
            stored = self._in_one_transaction(batch)
        except Exception as error:  # noqa: BLE001  whatever it is, nobody may be acknowledged and nobody else must suffer
            if len(batch) > 1 and not isinstance(error, Unavailable):
                for one in batch:
                    self._store([one])
                return
            failure = error if isinstance(error, Unavailable) else Unavailable(f"not stored ({type(error).__name__})")
            _answer([(one, failure) for one in batch])
        else:
            answers = list(zip(batch, stored, strict=True))
            _answer(answers)
            if spans.are_on():
                _trace(answers)

    def _in_one_transaction(self, batch: list[_Waiting]) -> list[Stored]:
        """Store them. What does something by itself reads institutions, too."""
        incoming = [one.incoming for one in batch]
        if all(one.on_stored is None for one in batch):
            with self._ledger.statement() as tx:
                return arrivals.store(tx, incoming, owing=True)
        with self._ledger.transaction() as tx:
            stored = arrivals.store(tx, incoming)
            for one, result in zip(batch, stored, strict=True):
                if one.on_stored and not result.is_duplicate:
                    one.on_stored(tx, result)
            arrivals.owe_for(tx, incoming, stored)
        return stored
