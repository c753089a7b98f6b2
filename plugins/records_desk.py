"""An entry of Airflow's menu that leads to the desk: what a case or a run wrote, in sentences.

Every process of Airflow and every task loads this file. So it imports nothing of ours, and opens nothing. A tab on a
run would show the desk in a frame, and no page of the desk allows that (W3C Content Security Policy Level 3,
`frame-ancestors`).
"""

import os

from airflow.plugins_manager import AirflowPlugin

#: as `transfer.settings` has it: what the desk's address begins with
_DESK = (os.environ.get("TRANSFER_DESK_URL") or "").rstrip("/")


class RecordsDesk(AirflowPlugin):  # type: ignore[misc]  # Airflow is not read by the type checker
    """A link alone: it opens beside Airflow, where the desk asks who somebody is."""

    name = "records_desk"
    external_views = [{"name": "Audit at the desk", "href": f"{_DESK}/audit/", "destination": "nav"}] if _DESK else []
