"""Apache Airflow 3 as its four components, configured by environment alone, on loopback alone.

What is set here and why was measured (docs/decisions): the scheduler's and the workers' waits make most of what a task
costs; few workers are warm sooner than many; the heartbeat limits decide how soon a killed worker's task runs again.
"""

import json
import secrets
import sys
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

import urllib3
from cryptography.fernet import Fernet

from transfer.embedded import private
from transfer.embedded.named_doors import named_doors
from transfer.embedded.process import CHECKOUT, inherited

COMPONENTS: Final = ("api-server", "scheduler", "dag-processor", "triggerer")

#: slots of work beside those that fetch, and those at the most: each takes memory, and is slow at its first task
SLOTS: Final = 4
MAX_FETCHES: Final = 28

#: never given to Airflow: its tasks use the ledger as the role that may only add
_WITHHELD = ("TRANSFER_OWNER_DATABASE_URL",)

#: components that would open a log server on every interface; the API server reads the files itself
_COMMANDS = {
    "api-server": ["api-server"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """What the API server says of a component. It calls one that died healthy for half a minute more."""

    is_healthy: bool
    #: its last heartbeat; None of the API server itself, and of one that never ran
    at: datetime | None


class Airflow:
    """One Airflow in `folder`. `database_url` is the libpq URL of a database that is its own."""

    def __init__(
        self,
        folder: Path,
        *,
        port: int,
        database_url: str,
        settings: Mapping[str, str],
        dags: Path = CHECKOUT / "dags",
        institutions: Path = CHECKOUT / "institutions",
        fetches: int = 0,
    ) -> None:
        """`fetches`: how many requests to institutions may be in flight at once, each of which holds a slot."""
        self.folder = folder.absolute()
        self.port = port
        self.dags_folder = dags
        self._institutions = institutions
        self._slots = SLOTS + min(fetches, MAX_FETCHES)
        self._database_url = database_url
        self._settings = {name: value for name, value in settings.items() if name not in _WITHHELD}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def password(self, user: str) -> str:
        """Password of `admin`, `dispatcher` or `auditor`."""
        return self._passwords()[user]

    def command(self, component: str) -> list[str]:
        """What to run for one of `COMPONENTS`."""
        return [sys.executable, "-m", "airflow", *_COMMANDS[component]]

    def is_prepared(self) -> bool:
        """Its database has this version's schema, roles and users."""
        mark = self.folder / "prepared.json"
        return mark.exists() and mark.read_text(encoding="utf-8") == self._fingerprint()

    def preparation(self) -> list[str]:
        """What to run, in our environment, to prepare it; call `prepared` when that ended well."""
        self._passwords()
        files = (str(self.folder / "passwords.json"), str(self._institutions))
        return [sys.executable, "-m", "transfer.embedded.airflow_setup", *files]

    def prepared(self) -> None:
        private.write(self.folder / "prepared.json", self._fingerprint())

    def health(self) -> dict[str, "Beat"]:
        """Component → how it is, for all four; nothing at all while the API server does not answer."""
        try:
            answer = urllib3.request("GET", f"{self.url}/api/v2/monitor/health", retries=False, timeout=5.0)
            said = answer.json()
        except (urllib3.exceptions.HTTPError, ValueError):
            return {}
        names = {"api-server": "metadatabase", **{c: c.replace("-", "_") for c in COMPONENTS[1:]}}
        return {c: _beat(said.get(name, {}), name) for c, name in names.items()}

    def warm_up(self) -> bool:
        """Have the API server build what tasks talk to; without this its first task request stalls it for seconds, and
        everybody who asks it meanwhile with it.
        """
        try:
            answer = urllib3.request("GET", f"{self.url}/execution/health", retries=False, timeout=60.0)
        except urllib3.exceptions.HTTPError:
            return False
        return answer.status == 200

    def token(self, user: str = "dispatcher") -> str | None:
        """A bearer token for the REST API, or None if it is not given now."""
        body = {"username": user, "password": self.password(user)}
        try:
            answer = urllib3.request("POST", f"{self.url}/auth/token", json=body, retries=False, timeout=10.0)
            return str(answer.json()["access_token"]) if answer.status == 201 else None
        except (urllib3.exceptions.HTTPError, ValueError, KeyError):
            return None

    def dags(self, token: str) -> set[str]:
        """Ids of the DAGs that it has parsed."""
        headers = {"Authorization": f"Bearer {token}"}
        try:
            answer = urllib3.request(
                "GET", f"{self.url}/api/v2/dags?limit=100", headers=headers, retries=False, timeout=10.0
            )
            return {str(dag["dag_id"]) for dag in answer.json()["dags"]} if answer.status == 200 else set()
        except (urllib3.exceptions.HTTPError, ValueError, KeyError):
            return set()

    def environment(self) -> dict[str, str]:
        """The whole environment of every component. It holds secrets: only we can read a process's environment."""
        configured = {
            f"AIRFLOW__{section}__{name}".upper(): value
            for section, values in self._configuration().items()
            for name, value in values.items()
        }
        paths = f"{CHECKOUT}:{CHECKOUT / 'deploy' / 'airflow_config'}"
        return inherited(**self._settings, **configured, AIRFLOW_HOME=str(self.folder), PYTHONPATH=paths)

    def _configuration(self) -> dict[str, dict[str, str]]:
        keys = self._keys()
        return {
            "core": {
                "load_examples": "False",
                "dags_are_paused_at_creation": "False",
                "dags_folder": str(self.dags_folder),
                "plugins_folder": str(CHECKOUT / "plugins"),
                "auth_manager": "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager",
                "executor": "LocalExecutor",
                "parallelism": str(self._slots),
                "fernet_key": keys["fernet"],
                # the default asks the name service, which a machine without network keeps waiting
                "hostname_callable": "socket.gethostname",
                # whoever may make connections may try them: its administrator (docs/connecting-an-institution.md)
                "test_connection": "Enabled",
            },
            "database": {
                "sql_alchemy_conn": _sqlalchemy(self._database_url, "psycopg2"),
                "sql_alchemy_conn_async": _sqlalchemy(self._database_url, "asyncpg"),
            },
            "api": {
                "host": "127.0.0.1",
                "port": str(self.port),
                "base_url": self.url,
                "secret_key": keys["secret"],
            },
            "api_auth": {"jwt_secret": keys["jwt"]},
            # roles are made by our own set-up; done again at each start, every role would gain a permission
            "fab": {"update_fab_perms": "False"},
            "logging": {
                # a query string may one day hold a value; who asked what is in the audit log
                "namespace_levels": "http.access=WARNING",
                "file_task_handler_new_folder_permissions": "0o700",
                "file_task_handler_new_file_permissions": "0o600",
                "colored_console_log": "False",
            },
            "scheduler": {
                # rounds wake every DAG and none has a schedule: five statements of each idle look are spared
                "use_job_schedule": "False",
                "scheduler_idle_sleep_time": "0.15",
                "task_instance_heartbeat_timeout": "30",
                "task_instance_heartbeat_timeout_detection_interval": "5",
                # a scheduler whose heart has not beaten for so long is dead, and its tasks are begun anew
                "scheduler_health_check_threshold": "15",
                "orphaned_tasks_check_interval": "10",
            },
            "workers": {"min_heartbeat_interval": "1"},
            # each look at an unchanged file is a process; a file that was written is looked at within a second or two
            "dag_processor": {"refresh_interval": "30", "min_file_process_interval": "300"},
        }

    def _keys(self) -> dict[str, str]:
        private.folder(self.folder)
        return private.kept(
            self.folder / "keys.json",
            lambda: {
                "fernet": Fernet.generate_key().decode(),
                "secret": secrets.token_hex(32),
                "jwt": secrets.token_hex(32),
            },
        )

    def _passwords(self) -> dict[str, str]:
        private.folder(self.folder)
        return private.kept(
            self.folder / "passwords.json",
            lambda: {user: secrets.token_urlsafe(24) for user in ("admin", "dispatcher", "auditor")},
        )

    def _fingerprint(self) -> str:
        """What the preparation depends on: it is done again when one of these changes."""
        return json.dumps(
            {
                "airflow": metadata.version("apache-airflow"),
                "fab": metadata.version("apache-airflow-providers-fab"),
                "database": urlsplit(self._database_url)._replace(netloc="").geturl(),
                "setup": (Path(__file__).parent / "airflow_setup.py").read_text(encoding="utf-8"),
                "doors": [astuple(door) for door in named_doors(self._institutions)],
            }
        )


def _beat(said: Mapping[str, str | None], name: str) -> Beat:
    at = said.get(f"latest_{name}_heartbeat")
    return Beat(is_healthy=said.get("status") == "healthy", at=datetime.fromisoformat(at) if at else None)


def _sqlalchemy(url: str, driver: str) -> str:
    """The same database in SQLAlchemy's form: `postgresql+driver://user:password@host/name?host=...`."""
    parts = urlsplit(url)
    return parts._replace(scheme=f"postgresql+{driver}", query=quote(parts.query, safe="=&/%")).geturl()
