"""The ledger: PostgreSQL, plain SQL, one module per noun.

Everything happens in a `Tx`, one transaction. Locks are taken in one order, or two transactions wait for each other:
patients ascending → cases ascending → the system's chain → queues of departments → rounds ascending, last. No lock is
held over a network call.

    with ledger.transaction() as tx:
        ...find, decide...
        tx.append(Chain.case(case), facts.RequestMoved(...))
"""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import psycopg
from psycopg.types.json import Jsonb
from psycopg_pool import PoolTimeout

from transfer import facts
from transfer.case import Case, fold, fold_on
from transfer.errors import OtherKeys, OutOfOrder
from transfer.facts import Chain, Fact, LedgerLine, Origin
from transfer.identifiers import CaseId
from transfer.ledger import case_rows, site_mark
from transfer.ledger.connections import WAIT_SECONDS, bounded, pool
from transfer.ledger.migrate import check_version
from transfer.requests import AWAITED
from transfer.sealing import Keys
from transfer.waits import CaseWait, dump

Row = Any  # a named tuple of the query's own columns

#: how long a process may not notice that the ledger was migrated beneath it; `deploy/upgrade.py` stops it before
VERSION_SECONDS = 5.0
#: a process keeps so many cases folded from one transaction to the next
MOST_KNOWN = 16
_CLOCK = "SELECT transfer.now()"


@dataclass(frozen=True, slots=True)
class Known:
    """A case after a committed line of its chain: its number, and its hash, which stands for all lines before it."""

    last: int
    case: Case
    hash: bytes


class Tx:
    """One transaction. An exception rolls all of it back."""

    def __init__(
        self,
        connection: psycopg.Connection[Row],
        keys: Keys,
        origin: Origin,
        known: Mapping[CaseId, "Known"] = MappingProxyType({}),
    ) -> None:
        self._connection = connection
        #: cases as transactions before this one left them
        self._known = known
        self._touched: set[CaseId] = set()
        #: cases as they were folded last, each with its last line
        self._folded: dict[CaseId, tuple[int, Case]] = {}
        #: the hashes of those lines
        self._ends: dict[CaseId, bytes] = {}
        #: chains whose end this transaction holds: nobody else adds to them
        self._held: set[Chain] = set()
        #: of those, the numbers and hashes of their last lines, as far as it read them
        self._heads: dict[Chain, tuple[int, bytes]] = {}
        #: the clock as it read it last, and not before it held a chain
        self._at = datetime.min.replace(tzinfo=UTC)
        #: statements of it that may have changed something, but for facts
        self._changes = 0
        #: what it read of cases and patients that it holds, each as of so many changes
        self._read: dict[tuple[str, ...], tuple[int, Sequence[Row]]] = {}
        #: cases that were folded while their chain was held, with all that this transaction added since
        self._current: set[CaseId] = set()
        #: how touched cases stand in lists, each as of a line and its patient's epoch
        self._told: dict[CaseId, tuple[int, CaseWait]] = {}
        #: patients whose epoch this transaction holds still, each with the epoch
        self.epochs: dict[str, int] = {}
        #: what rulings rest on, by patient: it stands while the epoch is held and this transaction changes none of it
        self.grounds: dict[str, object] = {}
        self.keys = keys
        self.origin = origin

    def rows(self, query: str, *values: object) -> Sequence[Row]:
        return self._ask(query, values).fetchall()

    def rows_by_name(self, query: str, values: Mapping[str, object]) -> Sequence[Row]:
        """The rows of a statement whose values have names; values that it does not name are left out."""
        return self._ask(query, values).fetchall()

    def held_rows(self, holder: str, query: str, *values: object) -> Sequence[Row]:
        """The same of what nobody changes without the lock of this case, or but in a new epoch of this patient.

        While this transaction holds that and changes nothing itself, it answers as before. All else is read each time.
        """
        if Chain(f"case:{holder}") not in self._held and holder not in self.epochs:
            return self.rows(query, *values)
        question = (query, *map(str, values))
        known = self._read.get(question)
        if known is None or known[0] != self._changes:
            known = self._read[question] = self._changes, self.rows(query, *values)
        return known[1]

    def read_ahead(self, questions: Sequence[tuple[str, str]]) -> datetime:
        """Ask all that `held_rows` is asked next, each with its one value, and then the clock: in one trip. Returns the
        clock. The caller holds what they are of.
        """
        with self._connection.pipeline():
            asked = [self._connection.execute(query, [value]) for query, value in questions]
            clock = self._connection.execute(_CLOCK)
            for question, cursor in zip(questions, asked, strict=True):
                self._read[question] = self._changes, cursor.fetchall()
            (self._at,) = clock.fetchone() or (self._at,)
        return self._at

    def first(self, query: str) -> Any:
        """The only column of the only row of what a transaction asks first: it goes with its begin, in one trip."""
        with self._connection.pipeline():
            row = self._connection.execute(query).fetchone()
        return row[0] if row else None

    def at_once(self) -> AbstractContextManager[object]:
        """What is `send` in the block goes together. What is wrong with it is raised at the end of the block."""
        return self._connection.pipeline()

    def send(self, query: str, *values: object) -> None:
        """Run a statement, and do not wait for its answer within `at_once`."""
        self._changes += 1
        self._connection.execute(query, values)

    def row(self, query: str, *values: object) -> Row | None:
        return self._ask(query, values).fetchone()

    def _ask(self, query: str, values: Sequence[object] | Mapping[str, object]) -> psycopg.Cursor[Row]:
        if not query.startswith("SELECT"):
            self._changes += 1
        return self._connection.execute(query, values)

    def each(self, query: str, values: Sequence[Mapping[str, object]]) -> list[Row | None]:
        """Run a statement once for each of the values, in their order, and return the first row of each.

        They are sent together, so that all of them cost one wait for the database.
        """
        if not values:
            return []
        self._changes += 1
        found: list[Row | None] = []
        with self._connection.cursor() as cursor:
            cursor.executemany(query, values, returning=True)
            while True:
                found.append(cursor.fetchone())
                if not cursor.nextset():
                    return found

    def value(self, query: str, *values: object) -> Any:
        """The first column of the only row, None where there is no row."""
        row = self.row(query, *values)
        return row[0] if row else None

    def run(self, query: str, *values: object) -> int:
        """How many rows the statement changed."""
        self._changes += 1
        return self._connection.execute(query, values).rowcount

    def now(self) -> datetime:
        """The clock of all rules: `transfer.now()`, UTC, at the moment of the call, not of the transaction's start."""
        self._at = self.value(_CLOCK)
        return self._at

    def lock_case(self, case: CaseId) -> None:
        """Lock the case: others who write to it wait until this transaction ends."""
        if Chain.case(case) not in self._held:
            self._hold(Chain.case(case))

    def lock_free_cases(self, cases: Sequence[CaseId]) -> list[CaseId]:
        """Lock those of the cases that nobody else has locked, and wait for none."""
        rows = self.rows(
            "SELECT chain FROM chain_heads WHERE chain = ANY(%s) ORDER BY chain FOR UPDATE SKIP LOCKED",
            [Chain.case(case) for case in cases],
        )
        self._held.update(Chain(row.chain) for row in rows)
        return [case for case in cases if Chain.case(case) in self._held]

    def tell(self, case: CaseId, wait: CaseWait) -> None:
        """Keep whose turn the case is and why, as of its last line. The caller holds the case's lock."""
        self.case(case)
        self._told[case] = self._folded[case][0], wait
        self._touched.add(case)

    def touch(self, case: CaseId) -> None:
        """The row of the case is written anew when the transaction ends, also where nothing is added to its chain."""
        self._touched.add(case)

    def _hold(self, chain: Chain) -> None:
        """Lock a chain's end, and read it and the clock."""
        end = self.row("SELECT * FROM lock_chain(%s)", chain)
        assert end is not None  # it makes the row where there is none
        self._held.add(chain)
        self._heads[chain] = end.sequence, end.hash
        self._at = end.at

    def append(self, chain: Chain, fact: Fact) -> LedgerLine:
        """Add a line to a chain. The row of its case is written anew when the transaction ends."""
        return self.append_all(chain, [fact])[0]

    def append_all(self, chain: Chain, facts_: Sequence[Fact]) -> list[LedgerLine]:
        """Add lines to a chain, in this order and of one time: the clock as this transaction read it last, for a ruling
        or when it locked the chain. The head is read once in a transaction, and written once however many they are.
        """
        if not facts_:
            return []
        if chain not in self._heads:
            self._hold(chain)
        last, previous = self._heads[chain]
        lines: list[LedgerLine] = []
        for sequence, fact in enumerate(facts_, start=last + 1):
            lines.append(facts.write(chain, sequence, self._at, self.origin, fact, previous))
            previous = lines[-1].hash
        added = zip(*((x.sequence, x.at, x.fact.kind, x.text, x.previous, x.hash) for x in lines), strict=True)
        self._connection.execute(
            """WITH added AS (
                 INSERT INTO facts (chain, sequence, at, kind, text, previous, hash)
                 SELECT %s, a.* FROM unnest(
                   %s::bigint[], %s::timestamptz[], %s::text[], %s::bytea[], %s::bytea[], %s::bytea[]) AS a)
               UPDATE chain_heads SET sequence = %s, hash = %s WHERE chain = %s""",
            (chain, *map(list, added), lines[-1].sequence, lines[-1].hash, chain),
        )
        self._heads[chain] = lines[-1].sequence, lines[-1].hash
        if chain.startswith("case:"):
            self._touch(CaseId(chain.removeprefix("case:")), lines)
        elif chain.startswith("patient:"):
            self.grounds.clear()
            self._changes += 1
        return lines

    def _touch(self, case: CaseId, lines: list[LedgerLine]) -> None:
        self._touched.add(case)
        if case in self._current:
            self._folded[case] = lines[-1].sequence, fold_on(self._folded[case][1], lines)
            self._ends[case] = lines[-1].hash

    def lines(self, chain: Chain, *, after: int = 0) -> list[LedgerLine]:
        """A chain from its first line on, or from the one after this number."""
        rows = self.rows(
            "SELECT text, previous, hash FROM facts WHERE chain = %s AND sequence > %s ORDER BY sequence", chain, after
        )
        return [facts.read(row.text, row.previous, row.hash) for row in rows]

    def case(self, case: CaseId) -> Case:
        """The case after all lines that are committed, and those of this transaction.

        Lines are only ever added at a chain's end. So each question reads and folds what came since the last one. It
        answers without looking only once the lock is held: before, another transaction may have committed meanwhile.
        """
        if case in self._current:
            return self._folded[case][1]
        last, folded = self._folded.get(case) or (0, fold(case, ()))
        new: list[LedgerLine] = []
        if not last and (before := self._known.get(case)):
            if self._heads.get(Chain.case(case)) == (before.last, before.hash):  # nothing came since
                last, folded, self._ends[case] = before.last, before.case, before.hash
            else:
                new = self.lines(Chain.case(case), after=before.last - 1)
                if new and new[0].hash == before.hash:
                    folded, new = fold_on(before.case, new[1:]), new[-1:]
                else:  # another ledger was put in its place, or this transaction sees an earlier state
                    new = self.lines(Chain.case(case))
                    folded = fold_on(folded, new)
        elif self._heads.get(Chain.case(case)) != (last, self._ends.get(case)):
            new = self.lines(Chain.case(case), after=last)
            folded = fold_on(folded, new)
        if new:
            last, self._ends[case] = new[-1].sequence, new[-1].hash
        self._folded[case] = last, folded
        if Chain.case(case) in self._held:
            self._current.add(case)
        return folded

    def case_if_held(self, case: CaseId) -> Case | None:
        """The same where this transaction holds the case; None: it would have to look, and to look again later."""
        return self.case(case) if Chain.case(case) in self._held else None

    def known(self) -> dict[CaseId, "Known"]:
        """The cases that it folded. They hold for others once it is committed."""
        return {
            case: Known(*self._folded[case], hash=self._ends[case]) for case in self._folded if self._folded[case][0]
        }

    def project(self) -> None:
        """Write the row by which each touched case is listed and searched."""
        for case in sorted(self._touched):
            folded = self.case(case)
            opened = folded.opened
            self.run(
                case_rows.LISTED,
                case,
                opened and opened.patient,
                opened and opened.receiver,
                opened and opened.referring,
                opened and opened.checklist,
                folded.stage,
                opened and opened.needed_by,
                opened and opened.appointment_at,
                opened and opened.priority,
                folded.assigned_to,
                folded.look_again_on,
                folded.is_open,
                folded.opened_at,
                folded.changed_at,
                self._folded[case][0],
                *(folded.look_again_on, case, sorted(AWAITED), case, case, self._folded[case][0]),
            )
            self._write_told(case, folded)
        self._touched.clear()
        self._told.clear()

    def _write_told(self, case: CaseId, folded: Case) -> None:
        if case not in self._told:
            return
        line, wait = self._told[case]
        self.run(
            case_rows.TOLD,
            *(wait.owner, Jsonb(dump(wait.why)), list(wait.lacking), line, wait.owner, folded.changed_at, case),
        )


class Ledger:
    """The way to the ledger for one process. Connections are made when first needed."""

    def __init__(
        self,
        url: str,
        keys: Keys,
        origin: Origin,
        *,
        connections: int = 4,
        wait_seconds: int = WAIT_SECONDS,
        is_brief: bool = False,
    ) -> None:
        """`wait_seconds`: how long a transaction waits for a connection; a line that swallows everything is given up
        after at most so long, too. `is_brief`: it is for a process of a few seconds, see `pool`.
        """
        self.url = bounded(url, wait_seconds)
        self.keys = keys
        self.origin = origin
        self._follow: list[Callable[[Tx], None]] = []
        self._check_version_at = 0.0
        #: cases as the last transactions left them. It is never changed, only replaced: threads share it
        self._known: Mapping[CaseId, Known] = {}
        #: these keys are known to be the ledger's
        self._keys_fit = False
        self._pool = pool(self.url, most=connections, wait_seconds=wait_seconds, is_brief=is_brief)

    @contextmanager
    def transaction(self, origin: Origin | None = None) -> Iterator[Tx]:
        """Commit at the end, roll back on any error.

        Raises:
            OtherVersion: the ledger has another version than we have. It is asked every few seconds.
            OtherKeys: our keys are not those of this ledger. While they are away it cannot be told; then work goes on.
            OutOfOrder: the database cannot be reached, or gave up on a deadlock. Nothing was written, unless it ended
                between its commit and its answer: look before you write again, and take back nothing it may name.
        """
        with self._connected() as connection:
            tx = Tx(connection, self.keys, origin or self.origin, known=self._known)
            for see in self._follow:
                see(tx)
            yield tx
            tx.project()
        if recent := tx.known():  # it goes last: what was not used for longest is forgotten first
            before = [(case, known) for case, known in self._known.items() if case not in recent]
            self._known = dict([*before, *recent.items()][-MOST_KNOWN:])

    @contextmanager
    def statement(self) -> Iterator[Tx]:
        """For a statement that is a transaction by itself: it is sent, committed and answered in one trip.

        Whatever else is run commits by itself, too. Nobody who follows is called: what reads institutions takes a
        `transaction`. Raises as that.
        """
        with self.autocommitting() as connection:
            yield Tx(connection, self.keys, self.origin)

    @contextmanager
    def autocommitting(self) -> Iterator[psycopg.Connection[Row]]:
        """A connection of the pool on which each statement commits by itself. Raises as `transaction`."""
        with self._connected() as connection:
            connection.set_autocommit(True)
            try:
                yield connection
            finally:
                if not connection.closed:
                    connection.set_autocommit(False)

    @contextmanager
    def _connected(self) -> Iterator[psycopg.Connection[Row]]:
        self._pool.open()
        used: psycopg.Connection[Row] | None = None
        try:
            with self._pool.connection() as connection:
                used = connection
                if time.monotonic() >= self._check_version_at:
                    check_version(connection)
                    self._keys_fit = self._keys_fit or site_mark.check(connection, self.keys)
                    connection.commit()
                    self._check_version_at = time.monotonic() + VERSION_SECONDS
                yield connection
        except (psycopg.OperationalError, PoolTimeout) as error:
            if used and used.closed:
                self._pool.check()  # the other connections broke with it: test them all now
            raise OutOfOrder(f"the ledger did not answer ({type(error).__name__})") from None

    def follow(self, see: Callable[[Tx], None]) -> None:
        """Have this called at the begin of each `transaction` from now on. It reads alone, and takes no lock."""
        self._follow.append(see)

    def begin_keys(self) -> bool:
        """Draw the site's key for a ledger that is new, and mark the ledger with it. Others who do so wait.

        False: there was a site key. Only the mark is set then, if none is.

        Raises:
            OtherKeys: the ledger is not new, and its keys are not here.
            OtherVersion, OutOfOrder: as `transaction`.
        """
        self._pool.open()
        try:
            with self._pool.connection() as connection:
                check_version(connection)
                return site_mark.begin(connection, self.keys)
        except (psycopg.OperationalError, PoolTimeout) as error:
            raise OutOfOrder(f"the ledger did not answer ({type(error).__name__})") from None

    def has_other_keys(self) -> bool:
        """Whether our keys are known not to be this ledger's. Where it cannot be told now, they are not."""
        try:
            with self.transaction():
                return False
        except OtherKeys:
            return True
        except OutOfOrder:
            return False

    def close(self) -> None:
        self._pool.close()


def lock_number(text: str) -> int:
    """The number of an advisory lock for a name: the first 63 bits of its SHA-256."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 1
