"""Exchanges, counted in transactions of their own: a count that is lost holds up no work."""

from contextlib import suppress
from dataclasses import dataclass

from transfer.errors import TransferError
from transfer.exchanges import BOUNDS, FAILURES, OURS, REMEMBERED, ExchangeKind, ExchangeOutcome
from transfer.ledger import Ledger, Tx

_COUNT = """INSERT INTO exchanges AS e (kind, institution, outcome, times, seconds, within)
    VALUES (%(kind)s, %(institution)s, %(outcome)s, 1, %(seconds)s, %(within)s)
    ON CONFLICT (kind, institution, outcome) DO UPDATE SET
      times = e.times + 1, seconds = e.seconds + excluded.seconds,
      within = (SELECT array_agg(was + new ORDER BY nth)
                FROM unnest(e.within, excluded.within) WITH ORDINALITY AS t (was, new, nth))
    RETURNING times"""
_REMEMBER = """INSERT INTO last_exchanges AS e (kind, institution, failed)
    VALUES (%(kind)s, %(institution)s, ARRAY[%(failed)s])
    ON CONFLICT (kind, institution) DO UPDATE SET failed = (excluded.failed || e.failed)[1:%(most)s]
    RETURNING kind"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeCount:
    """How many exchanges went so, and how long they took together. `within`: see `BOUNDS`."""

    kind: ExchangeKind
    institution: str
    outcome: ExchangeOutcome
    times: int
    seconds: float
    within: tuple[int, ...]


def count(ledger: Ledger, kind: ExchangeKind, institution: str, outcome: ExchangeOutcome, seconds: float) -> None:
    """Count one exchange that has ended. Where the ledger does not answer it is not counted, and nothing is raised."""
    values: dict[str, object] = {"kind": kind, "institution": institution, "outcome": outcome, "seconds": seconds}
    values |= {"within": [int(seconds <= bound) for bound in BOUNDS]}
    values |= {"failed": outcome in FAILURES, "most": REMEMBERED}
    with suppress(TransferError), ledger.transaction() as tx:
        tx.rows_by_name(_COUNT, values)
        if outcome not in OURS:
            tx.rows_by_name(_REMEMBER, values)


def last_failures(tx: Tx) -> dict[tuple[str, str], list[bool]]:
    """Of the last exchanges of each kind with each side, which failed, the newest first."""
    rows = tx.rows("SELECT * FROM last_exchanges")
    return {(row.kind, row.institution): row.failed for row in rows}


def counts(tx: Tx) -> list[ExchangeCount]:
    """All counts since the ledger began."""
    rows = tx.rows("SELECT * FROM exchanges ORDER BY kind, institution, outcome")
    return [
        ExchangeCount(
            kind=ExchangeKind(row.kind),
            institution=row.institution,
            outcome=ExchangeOutcome(row.outcome),
            times=row.times,
            seconds=row.seconds,
            within=tuple(row.within),
        )
        for row in rows
    ]
