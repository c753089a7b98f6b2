"""Renewing what we claimed while we work, and noticing when we must stop.

A thread beside the work renews leases and looks whether the patient's epoch moved. The work asks the thread between
steps, and at least every MiB of a stream.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from transfer.errors import ChangedMeanwhile, TransferError
from transfer.ledger import Ledger, Tx, patients
from transfer.rounds import LEASE

#: seconds between two looks at the epoch; leases are renewed at a third of their length
LOOK_EVERY_SECONDS = 1.0
#: seconds a look may take before nobody knows what may flow. A look takes milliseconds, on a busy machine tenths of a
#: second. A stop is to be complete within five seconds, and half of them are left to write what was cut
MAX_LOOK_SECONDS = 2.0


class Watch:
    """`check` raises `ChangedMeanwhile` once anything we hold was taken from us, the patient's epoch moved, or `still`
    says that what allows the work is over: a form that expires moves no epoch. Also once nobody could look for as long
    as a claim lasts: what we hold may be another's by then.

    `cut` is called then, in the watching thread and again at each look: for bytes on their way out, which wait where
    they cannot check, and may not flow unwatched. For them a look that fails or takes over `MAX_LOOK_SECONDS` is
    enough.
    """

    def __init__(
        self,
        ledger: Ledger,
        renewals: list[Callable[[Tx], bool]],
        patient: str | None,
        epoch: int,
        cut: Callable[[], None] | None = None,
        still: Callable[[Tx], bool] | None = None,
    ) -> None:
        self._ledger = ledger
        self._cut = cut
        self._still = still
        self._renewals = renewals
        self._patient = patient
        self._epoch = epoch
        self._lost: str | None = None
        self._looked = time.monotonic()
        self._over = threading.Event()

    def check(self) -> None:
        if self._lost:
            raise ChangedMeanwhile(self._lost)

    def run(self) -> None:
        ticks = 0
        every = max(1, int(LEASE.total_seconds() / 3 / LOOK_EVERY_SECONDS))
        while not self._over.wait(LOOK_EVERY_SECONDS):
            ticks += 1
            # A renewal that failed is tried at each look: the claim may lapse before the next third is over.
            renew = ticks % every == 0 or time.monotonic() - self._looked > (every + 1) * LOOK_EVERY_SECONDS
            if not renew and not self._has_to_look():
                continue
            # In a thread of its own: one that does not come back must not keep us from saying so.
            look = threading.Thread(target=self._try_to_look, kwargs={"renew": renew}, name="look", daemon=True)
            look.start()
            look.join(MAX_LOOK_SECONDS)
            while look.is_alive() and not self._over.is_set():
                self._note_blind()
                self._cut_if_lost()
                look.join(LOOK_EVERY_SECONDS)
            self._cut_if_lost()

    def _has_to_look(self) -> bool:
        """Leases alone need no look between two renewals: it would find nothing, and open a connection to find it."""
        return bool(self._patient or self._still or self._cut)

    def _try_to_look(self, *, renew: bool) -> None:
        try:
            with self._ledger.transaction() as tx:
                self._look(tx, renew=renew)
            self._looked = time.monotonic()
        except TransferError:
            self._note_blind()
        except Exception as error:  # noqa: BLE001  a fault of ours: who can no longer look may not go on
            self._lost = f"the watch failed ({type(error).__name__})"

    def _note_blind(self) -> None:
        """The ledger does not answer. What only comes in may go on for a while: nothing is kept without the ledger."""
        if self._cut or time.monotonic() - self._looked > LEASE.total_seconds():
            self._lost = "nobody could look"

    def _cut_if_lost(self) -> None:
        if self._lost and self._cut:
            with suppress(Exception):  # it is tried again at the next look
                self._cut()

    def _look(self, tx: Tx, *, renew: bool) -> None:
        if self._patient and patients.current_epoch(tx, self._patient) != self._epoch:
            self._lost = "the patient's epoch moved"
        elif self._still and not self._still(tx):
            self._lost = "no basis is in force any more"
        if renew and not all(renewal(tx) for renewal in self._renewals):
            self._lost = "taken over"

    def stop(self) -> None:
        self._over.set()


@contextmanager
def watching(
    ledger: Ledger,
    *renewals: Callable[[Tx], bool],
    patient: str | None = None,
    epoch: int = 0,
    cut: Callable[[], None] | None = None,
    still: Callable[[Tx], bool] | None = None,
) -> Iterator[Watch]:
    """Renew what is held until the block ends."""
    watch = Watch(ledger, list(renewals), patient, epoch, cut, still)
    thread = threading.Thread(target=watch.run, name="watch", daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        watch.stop()
        thread.join(timeout=5)
