"""Connections to the ledger: how they are made, kept, given up, and what their plans are made for."""

from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import namedtuple_row
from psycopg_pool import ConnectionPool
from psycopg_pool.pool import AddConnection, MaintenanceTask

from transfer.settings import BadSetting

LedgerConnection = psycopg.Connection[Any]

#: how long a transaction waits for a connection
WAIT_SECONDS: Final = 20
#: seconds until a database that is away is looked for again, at most
RECONNECT_SECONDS: Final = 0.5
#: how libpq notices that the line to the database swallows everything; the kernel alone takes many minutes. Settings in
#: the URL win
KEEPALIVES: Final = {
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
}
_LASTING: Final[dict[str, Any]] = {"row_factory": namedtuple_row, "options": "-csearch_path=transfer"}
#: PostgreSQL plans a statement five times for its values before it thinks of one plan for all, and the library runs it
#: five times before it keeps it. To plan costs five times what it costs to do: a process of seconds would only plan
_BRIEF: Final[dict[str, Any]] = {
    **_LASTING,
    "options": f"{_LASTING['options']} -cplan_cache_mode=force_generic_plan",
    "prepare_threshold": 1,
}
#: one of several values: `patient = {ANY_OF}`. An array as it comes is planned anew each time, for its length is known
#: (https://www.postgresql.org/docs/current/sql-prepare.html#SQL-PREPARE-NOTES)
ANY_OF: Final = "ANY(ARRAY(SELECT unnest(%s::text[])))"
#: more statements than the verbs have; the library keeps a hundred
_MOST_PLANS: Final = 1000


def bounded(url: str, wait_seconds: int) -> str:
    """The same URL, by which a line that swallows everything is given up after at most so long.

    Raises:
        BadSetting: libpq does not read it. What libpq says of it is not repeated: it may hold the password.
    """
    try:
        said = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        what = "has a part that libpq does not know"
        raise BadSetting("TRANSFER_DATABASE_URL", what, "Behind ? stand parameters of libpq, as sslmode.") from None
    bounds = {"connect_timeout": str(min(10, wait_seconds)), "tcp_user_timeout": str(min(10, wait_seconds) * 1000)}
    return make_conninfo("", **{**KEEPALIVES, **bounds, **said})


def pool(url: str, *, most: int, wait_seconds: int, is_brief: bool) -> ConnectionPool[LedgerConnection]:
    """Connections that are made when they are needed, `most` at the most.

    `is_brief`: for a process of a few seconds. It has one plan for all values of a statement from the second time on.
    So what it asks is to be of one case or one patient, and found by an index whatever the values are.
    """
    return _Pool(
        url,
        kwargs=_BRIEF if is_brief else _LASTING,
        min_size=0,
        max_size=most,
        open=False,
        configure=_remember_plans if is_brief else None,
        timeout=wait_seconds,
        connection_class=psycopg.Connection[Any],
        num_workers=1 if is_brief else 3,
    )


def _remember_plans(connection: LedgerConnection) -> None:
    connection.prepared_max = _MOST_PLANS


class _Pool(ConnectionPool[LedgerConnection]):
    """The library doubles its pauses between attempts, so they last as long again as the database was away."""

    def schedule_task(self, task: MaintenanceTask, delay: float) -> None:
        super().schedule_task(task, min(delay, RECONNECT_SECONDS) if isinstance(task, AddConnection) else delay)
