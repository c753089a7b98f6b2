"""What all our DAGs share."""

from datetime import timedelta
from typing import Any

from airflow.sdk import Param

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
    "default_args": {"retries": 3, "retry_delay": timedelta(seconds=5), "execution_timeout": timedelta(hours=6)},
    "render_template_as_native_obj": False,
}
#: at most so many tasks fetch at once, so that fetching never takes all slots
FETCH_POOL = "fetch"
