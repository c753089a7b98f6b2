"""What was written in a time, over all chains: by kind, for those who ask about a period and not about a case."""

import re
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

from transfer import facts
from transfer.facts import Chain, Fact, LedgerLine
from transfer.identifiers import CaseId
from transfer.ledger import Row, Tx

#: a subject of ours with the number of its round, no larger than its column holds
_RUN: Final = re.compile(r"[a-z0-9-]{1,40}\.[1-9][0-9]{0,8}")
#: how long after its posting a run may still write
_RUN_TAKES: Final = timedelta(days=7)


def between(tx: Tx, kinds: Collection[type[Fact]], begin: datetime, end: datetime) -> list[LedgerLine]:
    """Every fact of these kinds from `begin` on and before `end` (UTC), in order."""
    rows = tx.rows(
        """SELECT text, previous, hash FROM facts WHERE kind = ANY(%s) AND at >= %s AND at < %s
           ORDER BY at, chain, sequence""",
        *(facts.stored_kinds(*kinds), begin, end),
    )
    return _lines(rows)


def counted(tx: Tx, kinds: Collection[type[Fact]], begin: datetime, end: datetime) -> tuple[int, datetime | None]:
    """How many there are of those, and when the last one was written (UTC). No fact is read, an index tells."""
    row = tx.row(
        "SELECT count(*) AS n, max(at) AS last FROM facts WHERE kind = ANY(%s) AND at >= %s AND at < %s",
        *(facts.stored_kinds(*kinds), begin, end),
    )
    assert row is not None  # counts have a row
    return row.n, row.last


def of_cases(tx: Tx, cases: Collection[CaseId], kinds: Collection[type[Fact]]) -> dict[CaseId, list[LedgerLine]]:
    """The facts of these kinds in the chain of each case, in order."""
    rows = tx.rows(
        "SELECT text, previous, hash FROM facts WHERE chain = ANY(%s) AND kind = ANY(%s) ORDER BY chain, sequence",
        *([Chain.case(case) for case in cases], facts.stored_kinds(*kinds)),
    )
    found: dict[CaseId, list[LedgerLine]] = {case: [] for case in cases}
    for line in _lines(rows):
        found[case_of(line)].append(line)
    return found


def by_run(tx: Tx, run: str) -> list[LedgerLine] | None:
    """Every fact that a run wrote, in order; None: no round of ours was posted as this run.

    Tasks of a run may be tried again for days: facts from its posting on are looked through for a week.
    """
    if not _RUN.fullmatch(run):
        return None
    subject, _, number = run.rpartition(".")
    begin = tx.value("SELECT min(posted_at) FROM due_runs WHERE subject = %s AND round = %s", subject, int(number))
    if begin is None:
        return None
    rows = tx.rows(
        """SELECT text, previous, hash FROM facts WHERE kind = ANY(%s) AND at >= %s AND at < %s
             AND position(%s IN text) > 0 ORDER BY at, chain, sequence""",
        *(facts.stored_kinds(*Fact.kinds.values()), begin, begin + _RUN_TAKES, f'"run":"{run}"'.encode()),
    )
    return [line for line in _lines(rows) if line.by.run == run]


def case_of(line: LedgerLine) -> CaseId:
    """The case in whose chain a line stands."""
    return CaseId(line.chain.removeprefix("case:"))


def _lines(rows: Sequence[Row]) -> list[LedgerLine]:
    return [facts.read(row.text, row.previous, row.hash) for row in rows]
