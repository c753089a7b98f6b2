"""How much of everything is in the ledger now, for whoever watches it. No name, no case, no patient: counts.

Each question reads what is open or waits, by an index of that alone. So a look costs the same however many cases are
closed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from transfer.identifiers import InstitutionId
from transfer.ledger import Row, Tx
from transfer.ledger.exchanges import ExchangeCount, counts
from transfer.rounds import OVERDUE

#: what one question may take; a busy database is not asked for longer
STATEMENT = "500ms"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnattendedArrivals:
    """What one institution sent that nobody has processed yet."""

    institution: InstitutionId
    count: int
    #: UTC
    oldest: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerMeasures:
    """One look, by the ledger's clock. What is not named is 0."""

    at: datetime
    #: open ones, by stage and by who is to act; nobody: empty
    cases: Mapping[tuple[str, str], int]
    #: open ones that are not ready and are needed by the day after this one in UTC, or were before it: by receiver
    overdue: Mapping[str, int]
    arrivals: tuple[UnattendedArrivals, ...]
    #: not done, by DAG and state
    rounds: Mapping[tuple[str, str], int]
    #: those whose time has been for longer than `OVERDUE` and which nobody leads, by DAG
    rounds_overdue: Mapping[str, int]
    #: open questions to people, by code
    decisions: Mapping[str, int]
    #: letters that have not left, by state
    letters: Mapping[str, int]
    #: papers that nobody has indexed
    papers: int
    #: open streams, by receiver
    egress: Mapping[str, int]
    #: since when an institution has a department that answers nothing
    silent: Mapping[str, datetime]
    exchanges: tuple[ExchangeCount, ...]


def measure(tx: Tx) -> LedgerMeasures:
    """Look at the ledger.

    Raises:
        OutOfOrder: one question took longer than `STATEMENT`.
    """
    tx.run(f"SET LOCAL statement_timeout = '{STATEMENT}'")
    now = tx.now()
    rounds = _rounds(tx, now)
    return LedgerMeasures(
        at=now,
        cases={
            (row.stage, row.owner): row.n
            for row in tx.rows(
                "SELECT stage, coalesce(owner, '') AS owner, count(*) AS n FROM cases WHERE is_open GROUP BY 1, 2"
            )
        },
        overdue=overdue(tx),
        arrivals=tuple(
            UnattendedArrivals(institution=InstitutionId(row.institution), count=row.n, oldest=row.oldest)
            for row in tx.rows(
                """SELECT institution, count(*) AS n, min(received_at) AS oldest FROM arrivals
                   WHERE state = 'stored' GROUP BY 1 ORDER BY 1"""
            )
        ),
        rounds={(row.dag_id, row.state): row.n for row in rounds},
        rounds_overdue={
            dag: sum(row.late for row in rounds if row.dag_id == dag) for dag in {r.dag_id for r in rounds}
        },
        decisions=_counted(tx, "SELECT code, count(*) FROM holds WHERE resolved_at IS NULL GROUP BY 1"),
        letters=_counted(
            tx, "SELECT state, count(*) FROM letters WHERE state IN ('queued', 'sending', 'failed') GROUP BY 1"
        ),
        papers=tx.value("SELECT count(*) FROM incoming WHERE state = 'waiting'"),
        egress=_counted(
            tx,
            """SELECT recipient, count(*) FROM egress JOIN disclosures USING (disclosure)
               WHERE closed_at IS NULL GROUP BY 1""",
        ),
        silent=silent(tx),
        exchanges=tuple(counts(tx)),
    )


def overdue(tx: Tx) -> dict[str, int]:
    """Open cases that are not ready and are needed by tomorrow, or were before, by receiver. Days are UTC's."""
    return _counted(
        tx,
        """SELECT coalesce(receiver, ''), count(*) FROM cases
           WHERE is_open AND owner IS NOT NULL
             AND needed_by <= (SELECT (transfer.now() AT TIME ZONE 'UTC')::date + 1)
           GROUP BY 1""",
    )


def silent(tx: Tx) -> dict[str, datetime]:
    """Since when an institution has a department that was asked and answered nothing (UTC)."""
    rows = tx.rows(
        """SELECT institution, min(silent_since) AS since FROM queues WHERE silent_since IS NOT NULL AND failures > 0
           GROUP BY 1"""
    )
    return {row.institution: row.since for row in rows}


def _rounds(tx: Tx, now: datetime) -> list[Row]:
    return list(
        tx.rows(
            """SELECT dag_id, state::text AS state, count(*) AS n, count(*) FILTER (WHERE
                 greatest(not_before, posted_at, lease_until) < %s) AS late
               FROM due_runs WHERE state <> 'done' GROUP BY 1, 2""",
            now - OVERDUE,
        )
    )


def _counted(tx: Tx, query: str) -> dict[str, int]:
    return {row[0]: row[1] for row in tx.rows(query)}
