"""Who takes part in a walk: patients with their cases, institutions that answer as drawn, and the clock."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import psycopg

from tests.kit import builders as b
from tests.kit.fakes import MemoryDocuments
from tests.kit.studies import a_study
from transfer.errors import CutShort, NeedsReview, TransferError, TurnedAway, Unexpected, Unheard, Unreachable
from transfer.flow.services import Services
from transfer.identifiers import CaseId, PacketId
from transfer.ledger import Ledger, turns
from transfer.patients import Demographics
from transfer.sandbox.charts import Chart
from transfer.sources import Ending, IndexEntry, SeriesFound, SeriesObject, StudyFound
from transfer.staging import Vault

#: how a source or a receiver fails when it does
_FAILURES: tuple[Callable[[], TransferError], ...] = (
    lambda: Unreachable("nothing listens there"),
    lambda: Unheard("no answer", maybe_received=True),
    lambda: TurnedAway("no"),
    lambda: Unexpected("nonsense"),
    lambda: CutShort("in the middle"),
    lambda: NeedsReview("somebody else"),
)


class DrawnOffice(MemoryDocuments):
    """A records office: it has some notes, or none, or fails."""

    def __init__(self, dice: random.Random) -> None:
        super().__init__([b"a note %d" % number for number in range(dice.choice((0, 1, 1, 2)))])
        self.fails = dice.choice(_FAILURES)() if dice.random() < 0.3 else None
        self.bad = int(dice.random() < 0.1)


class DrawnArchive:
    """An archive of images: it has one study of one or two images, or none, or fails."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._fails = dice.choice(_FAILURES)() if dice.random() < 0.3 else None
        self._instances = [f"2.25.3{number}" for number in range(dice.choice((0, 1, 1, 2)))]

    def studies(self, who: Demographics, _institution: object, **_: object) -> list[StudyFound]:
        if self._fails:
            raise self._fails
        return [a_study("2.25.1", who)] if self._instances else []

    def series(self, _study: str, **_: object) -> list[SeriesFound]:
        return [SeriesFound(uid="2.25.2")]

    def instances(self, _study: str, _series: str, **_: object) -> frozenset[str]:
        return frozenset(self._instances)

    def fetch_series(self, _study: str, _series: str, *, vault: Vault, **_: object) -> SeriesObject | None:
        came = self._instances[: self._dice.choice((0, 1, 2, 2))]
        if not came:
            return None
        place = vault.keep([b"a tar of images"])
        index = tuple(IndexEntry(one, 0, 4, place.sha256) for one in came)
        return SeriesObject(
            study_instance_uid="2.25.1",
            series_instance_uid="2.25.2",
            location=place,
            index=index,
            complete=came == self._instances,
            ending=Ending.CLOSED,
            stated=(),
            labels=frozenset(),
        )


class DrawnReceiver:
    """A receiver: it takes a packet, refuses it, or is not heard."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice

    def submit(self, _bundle: bytes) -> None:
        if self._dice.random() < 0.3:
            raise self._dice.choice(_FAILURES)()

    def tell(self, bundle: bytes) -> None:
        self.submit(bundle)

    def has(self, _packet: PacketId) -> bool:
        if self._dice.random() < 0.2:
            raise self._dice.choice(_FAILURES)()
        return self._dice.random() < 0.5

    def cut(self) -> None:
        """Nothing is under way."""


@dataclass
class Person:
    """A patient, and what was said of them so far."""

    chart: Chart
    #: of each referral what it says now, by the keys of `chart["referral"]`
    referrals: list[dict[str, Any]] = field(default_factory=list)
    forms: list[str] = field(default_factory=list)
    #: so that no two messages have the same bytes by chance
    messages: int = 0


class Town:
    """One ledger with everything in it. `dice` draws all that happens: a seed plays the same again."""

    def __init__(self, ledger: Ledger, owner: psycopg.Connection[Any], dice: random.Random) -> None:
        self.dice = dice
        self.owner = owner
        self.people = [Person(b.a_chart(dice.randrange(1 << 30))) for _ in range(2)]
        self.services: Services = b.new_services(
            ledger,
            ask_documents=lambda _: DrawnOffice(dice),
            ask_archive=lambda _: DrawnArchive(dice),
            hand_to=lambda _: DrawnReceiver(dice),
        )

    def cases(self, *, closed: bool = True) -> list[CaseId]:
        """Every case, in the order in which they came: identifiers differ from run to run."""
        with self.services.ledger.transaction() as tx:
            rows = tx.rows("SELECT case_id FROM cases WHERE is_open OR %s ORDER BY opened_at, case_id", closed)
        return [CaseId(row.case_id) for row in rows]

    def a_case(self) -> CaseId | None:
        """Mostly an open one."""
        found = self.cases(closed=self.dice.random() < 0.1)
        return self.dice.choice(found) if found else None

    def time_passes(self, by: timedelta) -> None:
        """The clock goes ahead, and what the dispatcher sweeps is swept."""
        self.owner.execute("UPDATE transfer.clock SET ahead = ahead + %s", [by])
        with self.services.ledger.transaction() as tx:
            turns.sweep(tx)
