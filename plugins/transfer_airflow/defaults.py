"""What all our DAGs share."""

import os
from datetime import timedelta
from typing import Any

from airflow.sdk import Param, XComArg

#: Retries are few and short: they are for a task whose process died. What a source or a person must do first is written
#: down by the task, which then ends.
A_ROUND: dict[str, Any] = {
    "schedule": None,
    "catchup": False,
    "max_active_runs": 16,
    "params": {
        "subject": Param(type="string", pattern=r"^(inbox|c[0-9a-hjkmnp-tv-z]{11}(-p[1-9][0-9]{0,3})?)$"),
        "round": Param(type="integer", minimum=1),
    },
    "default_args": {
        "retries": 3,
        "retry_delay": timedelta(seconds=5),
        "execution_timeout": timedelta(hours=6),
        "priority_weight": 10,
        "weight_rule": "absolute",
    },
    "render_template_as_native_obj": False,
}
#: a case's round is open as long as something is fetched for it. How much that may be at once, each institution's file
#: says (`transfer.turns`): Airflow's own limit must not be a smaller one
FETCHING_ROUNDS: dict[str, Any] = {**A_ROUND, "max_active_runs": 1000, "max_active_tasks": 64}
#: of the tasks that wait for a slot those that fetch come last. Workers of Celery that listen to the queue of this name
#: do nothing else (docs/operations.md)
A_FETCH: dict[str, Any] = {"priority_weight": 1, "queue": os.environ.get("TRANSFER_FETCH_QUEUE") or "default"}


def takes_nothing(result: XComArg) -> XComArg:
    """Its task has no arguments. Airflow writes down those of each, by a request before its work, also where there are
    none. `result` is what calling the task gave, and is returned.
    """
    for operator, _ in result.iter_references():
        operator.template_fields = ()
    return result
