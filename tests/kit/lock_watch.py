"""Which locks the ledger's transactions take, in which order, and how long each is waited for."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from unittest import mock

from transfer.ledger import Tx, patients, rounds

#: the order in which they are taken (`transfer.ledger`), each kind by ascending names
ORDER = ("patient", "case", "system", "round")

Lock = tuple[str, str]
#: where a transaction keeps what it has taken
_HELD = "_locks_of_tests"


@dataclass
class LockWatch:
    """What was taken. `orders` are those of each transaction that took several."""

    waits: list[float] = field(default_factory=list)
    orders: dict[tuple[Lock, ...], int] = field(default_factory=lambda: defaultdict(int))

    @property
    def violations(self) -> list[tuple[Lock, Lock]]:
        """Pairs that were taken the wrong way round."""
        pairs = {pair for order in self.orders for pair in pairwise(order)}
        return sorted(pair for pair in pairs if _place(pair[0]) > _place(pair[1]))

    def wait_seconds(self, share: float) -> float:
        """So long this share of all locks was waited for, at the most."""
        return sorted(self.waits)[min(len(self.waits) - 1, int(share * len(self.waits)))]


def _place(lock: Lock) -> tuple[int, str]:
    return ORDER.index(lock[0]), lock[1]


@contextmanager
def watched_locks() -> Iterator[LockWatch]:
    """Watch all transactions of this process that begin and end within the block."""
    found, guard = LockWatch(), threading.Lock()

    def taking(real: Callable[..., Any], name: Callable[..., Lock | None]) -> Callable[..., Any]:
        def take(tx: Tx, *values: Any, **named: Any) -> Any:
            lock, held = name(*values), vars(tx).setdefault(_HELD, {})
            if lock is None or lock in held:
                return real(tx, *values, **named)
            held[lock] = None  # noted first: what is taken within is taken after
            began = time.perf_counter()
            result = real(tx, *values, **named)
            with guard:
                found.waits.append(time.perf_counter() - began)
            return result

        return take

    def projecting(tx: Tx) -> None:
        real_project(tx)
        with guard:
            found.orders[tuple(vars(tx).pop(_HELD, ()))] += 1

    real_project = Tx.project
    patient = lambda one: ("patient", str(one))  # noqa: E731
    with (
        mock.patch.object(patients, "hold_epoch_shared", taking(patients.hold_epoch_shared, patient)),
        mock.patch.object(patients, "hold_epoch_exclusive", taking(patients.hold_epoch_exclusive, patient)),
        mock.patch.object(Tx, "lock_case", taking(Tx.lock_case, lambda case: ("case", str(case)))),
        mock.patch.object(Tx, "append_all", taking(Tx.append_all, _of_chain)),
        mock.patch.object(rounds, "owe", taking(rounds.owe, lambda dag, subject: ("round", f"{dag}/{subject}"))),
        mock.patch.object(Tx, "project", projecting),
    ):
        yield found


def _of_chain(chain: str, _facts: Any) -> Lock | None:
    """A patient's chain is written under the patient's lock, or by who has the case's."""
    kind, _, name = chain.partition(":")
    return None if kind == "patient" else (kind, name)
