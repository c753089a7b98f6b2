"""Rounds: how the work on a subject is owed, posted as a run, taken and done.

An event only says "look"; the ledger is the truth. Whoever writes a fact that gives a DAG something to do *owes a
round* in the same transaction. At most one round per DAG and subject is then waiting. The dispatcher posts it as the
run `<subject>.<round>`. The run's first task *takes* it before it reads anything. A round owed after that is the next
one, so no fact is missed. Whoever closes the last open line says *done*.

The rules here are pure. `transfer.ledger.rounds` keeps rounds in PostgreSQL; `transfer.dispatcher` posts them
and sweeps.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from transfer.identifiers import Subject


class Dag(StrEnum):
    """The verbs, one DAG file each."""

    OPEN_CASE = "open_case"
    RECEIVE_ARRIVALS = "receive_arrivals"
    RELEASE_PACKET = "release_packet"
    SETTLE_DELIVERY = "settle_delivery"
    ENFORCE_PERMISSIONS = "enforce_permissions"
    HOUSEKEEPING = "housekeeping"


class RoundState(StrEnum):
    OWED = "owed"
    POSTED = "posted"
    TAKEN = "taken"
    DONE = "done"


class RunState(StrEnum):
    """What Airflow says of a run; `ABSENT` where it knows no such run."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    ABSENT = "absent"


class SweepAction(StrEnum):
    """What the sweep decides about a round that is not done."""

    WAIT = "wait"
    ALARM = "alarm"
    AGAIN = "again"
    HOLD = "hold"


#: a task renews its lease every third of this while it works
LEASE = timedelta(seconds=30)
#: a run that is queued or idle for longer is shown to the staff (a paused DAG keeps its queue)
OVERDUE = timedelta(minutes=5)
#: rounds of a DAG that are posted and not taken, at the most: Airflow knows no case's priority
ON_THEIR_WAY = 16
#: rounds in a row that ended without *done* before a person is asked
ATTEMPTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One round as the ledger has it. Times are UTC."""

    dag: Dag
    subject: Subject
    number: int
    state: RoundState
    posted_at: datetime | None
    lease_until: datetime | None
    claim: int
    attempts: int

    @property
    def run_id(self) -> str:
        """Airflow's id of its run. Nothing parses it: the subject travels in `conf` as well."""
        return f"{self.subject}.{self.number}"

    def is_led(self, now: datetime) -> bool:
        """A task holds a live lease on it."""
        return self.state is RoundState.TAKEN and self.lease_until is not None and self.lease_until > now


def judge(round_: Round, run: RunState, now: datetime) -> SweepAction:
    """What to do about a round that was posted or taken and is not done.

    A run that ended without *done* was killed, failed, or marked by hand. It gets another round; after `ATTEMPTS`
    rounds a person is asked. A queued or running one is waited for.
    """
    if round_.is_led(now):
        return SweepAction.WAIT
    if run in (RunState.QUEUED, RunState.RUNNING):
        since = max(filter(None, (round_.posted_at, round_.lease_until)), default=now)
        return SweepAction.ALARM if now - since > OVERDUE else SweepAction.WAIT
    return SweepAction.HOLD if round_.attempts + 1 >= ATTEMPTS else SweepAction.AGAIN


def back_off(attempts: int) -> timedelta:
    """How long the next round waits after `attempts` failed ones: 2, 4, 8 … seconds, at most 10 minutes."""
    return timedelta(seconds=min(2 ** max(attempts, 1), 600))
