"""What was written in a time, over all chains: by kind, for those who ask about a period and not about a case."""

from collections.abc import Collection, Sequence
from datetime import datetime

from transfer import facts
from transfer.facts import Chain, Fact, LedgerLine
from transfer.identifiers import CaseId
from transfer.ledger import Row, Tx


def between(tx: Tx, kinds: Collection[type[Fact]], begin: datetime, end: datetime) -> list[LedgerLine]:
    """Every fact of these kinds from `begin` on and before `end` (UTC), in order."""
    rows = tx.rows(
        """SELECT text, previous, hash FROM facts WHERE kind = ANY(%s) AND at >= %s AND at < %s
           ORDER BY at, chain, sequence""",
        *(facts.stored_kinds(*kinds), begin, end),
    )
    return _lines(rows)


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


def case_of(line: LedgerLine) -> CaseId:
    """The case in whose chain a line stands."""
    return CaseId(line.chain.removeprefix("case:"))


def _lines(rows: Sequence[Row]) -> list[LedgerLine]:
    return [facts.read(row.text, row.previous, row.hash) for row in rows]
