"""Prepares Airflow's database in one process: schema, roles, users, and a connection for each door of an institution.

`python -m transfer.embedded.airflow_setup FILE INSTITUTIONS`, in Airflow's environment.

Each call of Airflow's own command line costs four seconds, nearly all of it import. FILE is a JSON object with the
passwords by user name, INSTITUTIONS the folder of reviewed files. Running it again brings everything back to what is
written here and there.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from airflow.models import Connection
from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder
from airflow.utils import db
from airflow.utils.providers_configuration_loader import providers_configuration_loaded
from airflow.utils.session import create_session
from sqlalchemy import delete, or_

from transfer.airflow_provider import CENTER, SOURCE
from transfer.embedded.named_doors import NamedDoor, named_doors

#: role → (action, resource). The dispatcher may post and annotate runs, and delete nothing; the auditor reads.
ROLES = {
    "Dispatcher": {
        ("can_read", "DAGs"),
        ("can_edit", "DAGs"),
        ("can_read", "DAG Runs"),
        ("can_create", "DAG Runs"),
        ("can_edit", "DAG Runs"),
    },
    "Auditor": {
        (action, resource)
        for action in ("can_read", "menu_access")
        for resource in (
            *("DAGs", "DAG Runs", "Task Instances", "Audit Logs"),
            # what Airflow's own pages ask for besides, or they show a refusal in red; all of it holds opaque ids alone
            *("HITL Detail", "DAG Dependencies", "DAG Versions", "Plugins", "ImportError", "DAG Warnings"),
            *("Task Logs", "DAG Code", "XComs", "Assets", "Pools"),
        )
    },
}

#: user → role
USERS = {"admin": "Admin", "dispatcher": "Dispatcher", "auditor": "Auditor"}


def prepare(passwords: dict[str, str], doors: tuple[NamedDoor, ...]) -> None:
    db.initdb()
    _make_connections(doors)
    with _security() as security:
        security.appbuilder.add_permissions(update_perms=True)
        security.sync_roles()
        for role, permissions in ROLES.items():
            _ensure_role(security, role, permissions)
        for user, role in USERS.items():
            _ensure_user(security, user, role, passwords[user])


def _make_connections(doors: tuple[NamedDoor, ...]) -> None:
    """Exactly these of our types, under these names: also where a person gave one another type. They name a door, and
    hold neither address nor secret.
    """
    doors_by_name = {f"{door.institution}.{door.department or 'receives'}": door for door in doors}
    of_ours = or_(Connection.conn_type.in_((SOURCE, CENTER)), Connection.conn_id.in_(list(doors_by_name)))
    with create_session() as session:
        session.execute(delete(Connection).where(of_ours))
        for name, door in doors_by_name.items():
            named = {"institution": door.institution} | ({"department": door.department} if door.department else {})
            session.add(
                Connection(
                    conn_id=name,
                    conn_type=SOURCE if door.department else CENTER,
                    description=door.title,
                    extra=json.dumps(named),
                    # Airflow 3.3.2 takes a connection without a port for another one when it is tried:
                    # https://github.com/apache/airflow/pull/73298
                    port=0,
                )
            )


@contextmanager
def _security() -> Iterator[Any]:
    with get_application_builder() as builder:
        yield builder.sm


def _ensure_role(security: Any, name: str, permissions: set[tuple[str, str]]) -> None:
    """Exactly these permissions: Airflow's own synchronisation gives every role a few more."""
    role = security.add_role(name)
    for permission in list(role.permissions):
        if (permission.action.name, permission.resource.name) not in permissions:
            security.remove_permission_from_role(role, permission)
    held = {(p.action.name, p.resource.name) for p in role.permissions}
    for action, resource in permissions - held:
        security.add_permission_to_role(role, security.create_permission(action, resource))


def _ensure_user(security: Any, name: str, role: str, password: str) -> None:
    found = security.find_user(username=name)
    if found:
        security.reset_password(found.id, password)
        return
    made = security.add_user(name, name.title(), "(local)", f"{name}@localhost", security.find_role(role), password)
    if not made:
        raise SystemExit(f"Airflow did not take the user {name}")


if __name__ == "__main__":
    passwords_by_user = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    providers_configuration_loaded(prepare)(passwords_by_user, named_doors(Path(sys.argv[2])))
