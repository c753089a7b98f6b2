"""A task's hold on its round.

The first task of a run takes the round before it reads anything; the others join it. A task that finds its round done
or led by another ends green and says so: red means that our machinery is broken, never that a case waits.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowException

from transfer import logs, spans, versions
from transfer.errors import NeedsReview, NotAllowed, Refused, TransferError, Unavailable
from transfer.flow.services import Services
from transfer.flow.watch import watching
from transfer.holds import HoldCode
from transfer.ledger import holds, rounds
from transfer.ledger.rounds import Taken
from transfer.rounds import Dag
from transfer.wiring import connect, load_settings, origin

T = TypeVar("T")

#: the keys a round's conf may have; Airflow's Param lets others pass, and its audit log keeps them in clear
CONF = frozenset({"subject", "round"})


@contextmanager
def _connected() -> Iterator[tuple[Services, dict[str, Any]]]:
    logs.tame()
    spans.configure("task", versions.ours())
    context: dict[str, Any] = dict(get_current_context())
    task, run = context["ti"], context["dag_run"]
    if unknown := set(run.conf or {}) - CONF:
        raise NotAllowed(f"a round has no {len(unknown)} more keys in its conf")
    by = origin("task", dag=task.dag_id, run=task.run_id, task=task.task_id, attempt=task.try_number)
    try:
        with connect(load_settings(), by, is_brief=True) as services:
            yield services, context["params"]
    except Unavailable as error:
        # Airflow tries again a few times; then the sweep makes another round. Nothing of a cause is said.
        raise AirflowException(str(error)) from None
    except TransferError as error:
        raise AirflowException(f"{type(error).__name__}: {error}") from None
    except AirflowException:
        raise
    except Exception as error:  # noqa: BLE001 - Airflow keeps what it says, and that may quote what came from outside
        raise AirflowException(f"a mistake of ours: {logs.told(error)}") from None
    finally:
        spans.flush()


def process(dag: Dag, work: Callable[[Services, Taken], T], *, otherwise: T, first: bool = True) -> T:
    """Do a task's work on its round, renewing the lease beside it; `otherwise` where it is not ours to do."""
    with _connected() as (services, params):
        hold = rounds.take if first else rounds.join
        with services.ledger.transaction() as tx:
            taken = hold(tx, dag, params["subject"], params["round"])
        if taken is None:
            print(f"done, or taken over by another task: {params['subject']} round {params['round']}")
            return otherwise
        with watching(services.ledger, lambda tx: rounds.renew(tx, taken)):
            try:
                return work(services, taken)
            except (NeedsReview, Refused) as error:
                print(f"needs a decision: {type(error).__name__}")
                _ask_a_person(services, taken)
                return otherwise


def _ask_a_person(services: Services, taken: Taken) -> None:
    """What a verb could not decide is no broken machinery: the run ends green, and the case has a decision."""
    with services.ledger.transaction() as tx:
        holds.place(tx, taken.subject.partition("-")[0], HoldCode.MACHINERY_BROKEN, taken.dag)
        rounds.done(tx, taken, "needs a decision")
