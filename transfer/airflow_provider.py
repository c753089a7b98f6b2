"""What Airflow is told of our types of connections: their names, their fields, and the hook that tries each.

Airflow reads this in each of its processes, by the entry point `apache_airflow_provider` of `pyproject.toml`. So
nothing is imported here; the hooks are in `plugins/transfer_airflow/connections.py`.
https://airflow.apache.org/docs/apache-airflow-providers/howto/create-custom-providers.html
"""

from typing import Any, Final

#: a department that we ask; where a receiving center is handed its packets
SOURCE, CENTER = "records_transfer_source", "records_transfer_center"
#: what Airflow's page calls each
TITLES: Final = {SOURCE: "Source of records (records-transfer)", CENTER: "Receiving center (records-transfer)"}

_HIDDEN: Final = ("host", "schema", "login", "password", "port", "extra")
_INSTITUTION: Final = {
    "label": "Institution",
    "description": "Its id: the name of its file in institutions/, without .yaml. Address and credential stand there.",
    "schema": {"type": "string", "minLength": 2, "maxLength": 40, "pattern": "^[a-z][a-z0-9-]+$"},
}
_DEPARTMENT: Final = {
    "label": "Department",
    "description": "The id of one of its departments, as film-room. Left empty: each department that we ask.",
    "schema": {"type": ["string", "null"], "maxLength": 40, "pattern": "^([a-z][a-z0-9-]+)?$"},
}


def get_provider_info() -> dict[str, Any]:
    """The entry of this distribution among Airflow's providers. The same each time."""
    return {
        "package-name": "records-transfer",
        "name": "records-transfer",
        "description": "Tries the doors of institutions from Airflow's page of connections.",
        "connection-types": [
            _connection(SOURCE, "SourceHook", department=_DEPARTMENT),
            _connection(CENTER, "CenterHook"),
        ],
    }


def _connection(kind: str, hook: str, **more: dict[str, Any]) -> dict[str, Any]:
    return {
        "connection-type": kind,
        "hook-class-name": f"transfer_airflow.connections.{hook}",
        "hook-name": TITLES[kind],
        "ui-field-behaviour": {"hidden-fields": list(_HIDDEN), "relabeling": {}, "placeholders": {}},
        "conn-fields": {"institution": _INSTITUTION, **more},
    }
