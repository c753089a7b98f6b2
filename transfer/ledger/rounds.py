"""Rounds in PostgreSQL: owe, post, take, renew, done. The rules are in `transfer.rounds`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from transfer.arrivals import Priority
from transfer.identifiers import CaseId, Subject
from transfer.ledger import Row, Tx
from transfer.rounds import LEASE, ON_THEIR_WAY, Dag, Round, RoundState, back_off

_MOST_URGENT_FIRST = sorted(Priority, key=lambda priority: priority.rank)

#: a dispatcher that has rounds in its hands has posted them by then, or is gone
POSTING = timedelta(seconds=5)
#: what a run's tasks say in its first seconds is noted only where it is their last word
UNTOLD = timedelta(seconds=5)
#: a number larger than the rounds any subject has between two backups
_FAR_ABOVE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A round that we have taken. A claim older than the row's loses."""

    dag: Dag
    subject: Subject
    number: int
    claim: int


def owe(tx: Tx, dag: Dag, subject: str, *, after: timedelta = timedelta(0), attempts: int = 0) -> None:
    """Make sure that a round of this DAG for this subject starts, not before `after` from now.

    Call it last in the transaction that wrote what the round is to find. Owing it twice owes it once; the earlier time
    wins. A round already taken has read its facts, so this then owes the next one.
    """
    # A new round's number follows those that are there, so two callers must go one by one. It must be DO UPDATE: DO
    # NOTHING takes no lock, and a task could take the round and read before we commit.
    tx.row("SELECT transfer.owe(%s, %s, %s, %s)", dag, Subject(subject), after, attempts)


def is_under_way(tx: Tx, dag: Dag, subject: str) -> bool:
    """Whether a round of this DAG for this subject is owed, posted or taken."""
    return bool(tx.rows("SELECT 1 FROM due_runs WHERE dag_id = %s AND subject = %s AND state <> 'done'", dag, subject))


def postable(tx: Tx, limit: int = 50) -> list[Round]:
    """Rounds to post now: owed, due, and the round before is done, has no live lease, or has handed out its requests.

    Those of the most urgent cases come first, then the oldest. Before them comes what nobody has read: it may be
    urgent. Of each DAG at most `ON_THEIR_WAY` are posted and not taken: what waits waits here, in this order, and not
    in Airflow.
    """
    # A subquery reads the time once. A volatile function is called for every row, and then no index helps.
    # Each round due looks for its own case. Joined, they made the database read all cases, five times a second.
    rows = tx.rows(
        f"""SELECT o.* FROM (
             SELECT due.*, row_number() OVER (
               PARTITION BY due.dag_id ORDER BY array_position(%s, due.priority) NULLS FIRST, due.not_before) AS place
             FROM (
               SELECT d.*, (SELECT priority FROM cases WHERE case_id = split_part(d.subject, '-', 1)) AS priority
               FROM due_runs AS d
               WHERE d.state = 'owed' AND d.not_before <= (SELECT transfer.now()) AND NOT EXISTS (
                 SELECT 1 FROM due_runs AS b WHERE b.dag_id = d.dag_id AND b.subject = d.subject AND b.round < d.round
                 AND (b.state = 'posted'
                   OR b.state = 'taken' AND NOT b.is_handed_out AND b.lease_until > (SELECT transfer.now())))
             ) AS due) AS o
           WHERE place <= %s - (SELECT count(*) FROM due_runs AS p WHERE p.dag_id = o.dag_id AND p.state = 'posted')
           ORDER BY array_position(%s, o.priority) NULLS FIRST, o.not_before LIMIT {limit:d}""",  # noqa: S608  ours
        *(_MOST_URGENT_FIRST, ON_THEIR_WAY, _MOST_URGENT_FIRST),
    )
    return [_round(row) for row in rows]


def claim(tx: Tx, owed: Sequence[Round]) -> list[Round]:
    """Those of them that no other dispatcher has in its hands. They are ours to post, for `POSTING`.

    Then they are due again: one that dies with them leaves them to another.
    """
    in_one_order = sorted(owed, key=_key)  # two that claim at once do not wait for each other crosswise
    claimed = tx.each(
        """UPDATE due_runs SET not_before = transfer.now() + %(posting)s
           WHERE dag_id = %(dag)s AND subject = %(subject)s AND round = %(number)s AND state = 'owed'
             AND not_before <= transfer.now() RETURNING 1""",
        [{"posting": POSTING, "dag": one.dag, "subject": one.subject, "number": one.number} for one in in_one_order],
    )
    ours = {_key(one) for one, row in zip(in_one_order, claimed, strict=True) if row}
    return [one for one in owed if _key(one) in ours]


def posted(tx: Tx, round_: Round) -> None:
    """Airflow has the run: it answered 200 or 409. A round the task took meanwhile stays taken."""
    tx.run(
        """UPDATE due_runs SET state = 'posted', posted_at = transfer.now()
           WHERE dag_id = %s AND subject = %s AND round = %s AND state = 'owed'""",
        *_key(round_),
    )


def postpone(tx: Tx, round_: Round, delay: timedelta) -> None:
    """Airflow did not take it: try again later."""
    tx.run(
        """UPDATE due_runs SET not_before = transfer.now() + %s
           WHERE dag_id = %s AND subject = %s AND round = %s AND state = 'owed'""",
        *(delay, *_key(round_)),
    )


def take(tx: Tx, dag: Dag, subject: str, number: int) -> Taken | None:
    """Take the round, before reading anything it is about. None: it is done, or a living task leads it.

    A task that is tried again takes its round anew under a higher claim once the old lease has lapsed.
    """
    row = tx.row(
        """UPDATE due_runs SET state = 'taken', claim = claim + 1, lease_until = transfer.now() + %s
           WHERE dag_id = %s AND subject = %s AND round = %s AND state <> 'done'
             AND (state <> 'taken' OR lease_until <= transfer.now()) RETURNING claim""",
        *(LEASE, dag, subject, number),
    )
    return Taken(dag=dag, subject=Subject(subject), number=number, claim=row.claim) if row else None


def join(tx: Tx, dag: Dag, subject: str, number: int) -> Taken | None:
    """Work on a round another task of the same run took. None: it is done or was never taken."""
    row = tx.row(
        """UPDATE due_runs SET lease_until = greatest(lease_until, transfer.now() + %s)
           WHERE dag_id = %s AND subject = %s AND round = %s AND state = 'taken' RETURNING claim""",
        *(LEASE, dag, subject, number),
    )
    return Taken(dag=dag, subject=Subject(subject), number=number, claim=row.claim) if row else None


def renew(tx: Tx, taken: Taken) -> bool:
    """Hold the lease for another `LEASE`. False: another took the round over, or it is done."""
    return bool(
        tx.run(
            """UPDATE due_runs SET lease_until = transfer.now() + %s
               WHERE dag_id = %s AND subject = %s AND round = %s AND state = 'taken' AND claim = %s""",
            *(LEASE, *_key(taken), taken.claim),
        )
    )


def is_ours(tx: Tx, taken: Taken) -> bool:
    """Whether it is still ours. It stays so, locked, until this transaction ends."""
    row = tx.row(
        """SELECT 1 FROM due_runs WHERE dag_id = %s AND subject = %s AND round = %s AND state = 'taken' AND claim = %s
           FOR UPDATE""",
        *(*_key(taken), taken.claim),
    )
    return row is not None


def open_lines(tx: Tx, taken: Taken, lines: Sequence[str]) -> None:
    """The round is done when each of these is closed. Opening a line again opens it once.

    From now on the next round may be posted: each line's task holds a claim of its own, and may take long.
    """
    tx.run("UPDATE due_runs SET is_handed_out = true WHERE dag_id = %s AND subject = %s AND round = %s", *_key(taken))
    for line in lines:
        tx.run(
            """INSERT INTO round_lines (dag_id, subject, round, line) VALUES (%s, %s, %s, %s)
               ON CONFLICT (dag_id, subject, round, line) DO UPDATE SET is_open = true""",
            *(*_key(taken), line),
        )


def close_line(tx: Tx, taken: Taken, line: str, sentence: str) -> None:
    """Close one line. Whoever closes the last one says *done*."""
    tx.row("SELECT 1 FROM due_runs WHERE dag_id = %s AND subject = %s AND round = %s FOR UPDATE", *_key(taken))
    tx.run(
        "UPDATE round_lines SET is_open = false WHERE dag_id = %s AND subject = %s AND round = %s AND line = %s",
        *(*_key(taken), line),
    )
    still = "SELECT 1 FROM round_lines WHERE dag_id = %s AND subject = %s AND round = %s AND is_open"
    if tx.row(still, *_key(taken)):
        leave_sentence(tx, taken, sentence)
    else:
        done(tx, taken, sentence)


def done(tx: Tx, taken: Taken, sentence: str) -> bool:
    """The round's work is finished. False: it was taken over; nothing is changed."""
    return bool(
        tx.run(
            """UPDATE due_runs SET state = 'done', outcome = 'worked', attempts = 0, lease_until = NULL, sentence = %s
               WHERE dag_id = %s AND subject = %s AND round = %s AND state = 'taken' AND claim = %s""",
            *(sentence, *_key(taken), taken.claim),
        )
    )


def leave_sentence(tx: Tx, taken: Taken, sentence: str) -> None:
    """Leave the note that the dispatcher puts on the run. Our identifiers, counts and names of institutions only."""
    tx.run(
        "UPDATE due_runs SET sentence = %s WHERE dag_id = %s AND subject = %s AND round = %s",
        *(sentence, *_key(taken)),
    )


def unfinished(tx: Tx) -> list[Round]:
    """Rounds that were posted, are not done and have no live lease. The sweep looks at them."""
    rows = tx.rows(
        """SELECT * FROM due_runs WHERE state = 'posted' OR state = 'taken' AND lease_until <= transfer.now()
           ORDER BY posted_at NULLS FIRST LIMIT 200"""
    )
    return [_round(row) for row in rows]


def again(tx: Tx, round_: Round, outcome: str) -> bool:
    """End a failed round and owe the next, later than the last time. False: it moved meanwhile."""
    if not _end(tx, round_, outcome):
        return False
    owe(tx, round_.dag, round_.subject, after=back_off(round_.attempts + 1), attempts=round_.attempts + 1)
    return True


def give_up(tx: Tx, round_: Round, outcome: str) -> bool:
    """End a round that failed too often. A person is asked, and the next round owed starts the count anew."""
    return _end(tx, round_, outcome)


def begin_again(tx: Tx) -> int:
    """After a restore: owe again what was owed, posted or at work. Returns how many.

    Airflow may remember runs of rounds that this ledger no longer knows. So new rounds get far higher numbers.
    """
    open_ = tx.rows(
        """UPDATE due_runs SET state = 'done', outcome = 'restored', lease_until = NULL WHERE state <> 'done'
           RETURNING dag_id, subject"""
    )
    tx.run(
        """INSERT INTO due_runs (dag_id, subject, round, state, not_before, outcome)
           SELECT dag_id, subject, max(round) + %s, 'done', transfer.now(), 'restored' FROM due_runs GROUP BY 1, 2""",
        _FAR_ABOVE,
    )
    owed = sorted({(row.dag_id, row.subject) for row in open_})
    for dag, subject in owed:
        owe(tx, Dag(dag), subject)
    return len(owed)


def _end(tx: Tx, round_: Round, outcome: str) -> bool:
    return bool(
        tx.run(
            """UPDATE due_runs SET state = 'done', outcome = %s, lease_until = NULL
               WHERE dag_id = %s AND subject = %s AND round = %s AND claim = %s
                 AND (state = 'posted' OR state = 'taken' AND lease_until <= transfer.now())""",
            *(outcome, *_key(round_), round_.claim),
        )
    )


def unnoted(tx: Tx, limit: int = 50) -> list[tuple[Round, str]]:
    """Rounds whose run does not carry their sentence yet. What is at work is told once it takes long: most say their
    last sentence soon after.
    """
    rows = tx.rows(
        """SELECT * FROM due_runs WHERE is_behind AND state <> 'owed' AND (
             state = 'done' OR coalesce(posted_at, not_before) <= (SELECT transfer.now()) - %s::interval)
           ORDER BY posted_at LIMIT %s""",
        *(UNTOLD, limit),
    )
    return [(_round(row), row.sentence) for row in rows]


def of_case(tx: Tx, case: CaseId) -> list[tuple[Round, str | None]]:
    """All rounds of a case and of its packets with their sentences, as they were posted; those only owed come last."""
    rows = tx.rows(
        """SELECT * FROM due_runs WHERE subject COLLATE "C" = ANY(ARRAY(
             SELECT %s UNION ALL SELECT packet FROM packets WHERE case_id = %s))
           ORDER BY posted_at NULLS LAST, not_before""",
        *(case, case),
    )
    return [(_round(row), row.sentence) for row in rows]


def noted(tx: Tx, round_: Round, sentence: str) -> None:
    tx.run("UPDATE due_runs SET noted = %s WHERE dag_id = %s AND subject = %s AND round = %s", sentence, *_key(round_))


def _key(round_: Round | Taken) -> tuple[str, str, int]:
    return round_.dag, round_.subject, round_.number


def _round(row: Row) -> Round:
    lease: datetime | None = row.lease_until
    return Round(
        dag=Dag(row.dag_id),
        subject=Subject(row.subject),
        number=row.round,
        state=RoundState(row.state),
        posted_at=row.posted_at,
        lease_until=lease,
        claim=row.claim,
        attempts=row.attempts,
    )
