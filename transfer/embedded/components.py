"""What there is to run, in which order, and how one knows that it is well.

Each component is a process; a *job* is one that ends when it is done; a *step* is a piece of set-up done in between.
"""

import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import urllib3

from transfer.embedded.airflow import COMPONENTS, Airflow
from transfer.embedded.airflow_health import AirflowHealth
from transfer.embedded.installation import SANDBOX, Installation
from transfer.embedded.process import inherited, spawn
from transfer.errors import Unavailable

Escalation = tuple[tuple[signal.Signals, float], ...]

#: polite, then outright
_STOP: Final[Escalation] = ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0))
#: the scheduler waits for tasks at work; one that is cut off is begun again after the next start
_STOP_SCHEDULER: Final[Escalation] = ((signal.SIGTERM, 25.0), (signal.SIGKILL, 5.0))
_STOP_POSTGRES: Final[Escalation] = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 5.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One process to keep running. `ready` and `healthy` may block for some seconds; they run in threads."""

    name: str
    needs: tuple[str, ...] = ()
    #: what it talks to: that is stopped after it, but need not be up before it
    uses: tuple[str, ...] = ()
    #: called in the main thread, so that the process ends with us
    start: Callable[[], subprocess.Popen[bytes]]
    #: it may be used now; asked until it says so
    ready: Callable[[], bool] = lambda: True
    #: it is still well; after that
    healthy: Callable[[], bool] = lambda: True
    #: seconds it may take to come up
    max_unwell_seconds: float = 60.0
    #: seconds it may be unwell before it is started anew
    silence: float = 15.0
    escalation: Escalation = _STOP
    #: ends with 0 when its work is done, and is not started again
    is_job: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupStep:
    """Set-up between components. Doing it twice does it once. It fails with an exception, and is then tried again."""

    name: str
    needs: tuple[str, ...] = ()
    run: Callable[[], None]


Unit = Component | SetupStep


def units(installation: Installation, *, sandbox: bool, airflow: bool, gateway: bool, desk: bool) -> list[Unit]:
    """Everything this installation runs, in an order in which each comes after what it needs."""
    found: list[Unit] = [*_stores(installation), *_set_up(installation)]
    if sandbox:
        found += [_institution(installation, name) for name in SANDBOX if name != "archive"]
        found.append(_orthanc(installation) if installation.with_orthanc else _institution(installation, "archive"))
    if sandbox and desk:
        found.append(_institution(installation, "openid"))
    with_airflow = airflow and installation.is_embedded("airflow") and installation.is_embedded("postgres")
    if with_airflow:
        found += _airflow(installation)
    if gateway:
        found += _doors(installation, with_airflow=with_airflow)
    if desk:
        found.append(_desk(installation))
    return found


def _stores(installation: Installation) -> list[Unit]:
    found: list[Unit] = []
    if installation.is_embedded("postgres"):
        postgres = installation.postgres

        def prepared() -> bool:
            postgres.await_ready(1.0)
            return True

        found.append(
            Component(
                name="postgres",
                start=postgres.begin,
                ready=_tried(prepared),
                healthy=postgres.answers,
                escalation=_STOP_POSTGRES,
            )
        )
    if installation.is_embedded("store"):
        store = installation.store
        found.append(Component(name="store", start=store.begin, ready=store.answers, healthy=store.answers))
    return found


def _set_up(installation: Installation) -> list[Unit]:
    def migrate() -> None:
        from transfer.ledger.migrate import migrate

        migrate(installation.settings.owner_database_url)

    def bucket() -> None:
        from transfer.adapters.vault import S3Vault

        settings = installation.settings
        S3Vault(
            endpoint=settings.s3_endpoint,
            region=settings.s3_region,
            access_key=settings.s3_access_key,
            secret_key=settings.s3_secret_key,
            bucket=settings.s3_bucket,
        ).ensure_bucket()

    return [
        SetupStep(name="ledger", needs=_if_embedded(installation, "postgres"), run=migrate),
        SetupStep(name="bucket", needs=_if_embedded(installation, "store"), run=bucket),
    ]


def _doors(installation: Installation, *, with_airflow: bool) -> list[Unit]:
    """The gateway, and the dispatcher where there is an Airflow to post to."""
    grace = float(installation.settings.grace_seconds)
    escalation = ((signal.SIGTERM, grace + 5.0), (signal.SIGKILL, 5.0))
    gateway = f"http://{installation.health_address('gateway')}"
    found: list[Unit] = [
        Component(
            name="gateway",
            needs=("ledger", "bucket"),
            start=_ours(installation, "gateway", "transfer.gateway"),
            ready=_answering(f"{gateway}/ready"),
            healthy=_answering(f"{gateway}/live"),
            escalation=escalation,
        )
    ]
    if with_airflow or not installation.is_embedded("airflow"):
        dispatcher = Component(
            name="dispatcher",
            needs=("ledger", "dags") if with_airflow else ("ledger",),
            uses=("gateway",),
            start=_ours(installation, "dispatcher", "transfer.dispatcher"),
            # Airflow or the ledger may be away: it waits for them, and starting it anew would not bring them back
            ready=_answering(f"http://{installation.health_address('dispatcher')}/live"),
            healthy=_answering(f"http://{installation.health_address('dispatcher')}/live"),
            escalation=escalation,
        )
        found.append(dispatcher)
    return found


def _desk(installation: Installation) -> Component:
    health = f"http://{installation.health_address('desk')}"
    return Component(
        name="desk",
        needs=("ledger", "bucket"),
        # it sends people there, and works without it
        uses=("sandbox-openid",),
        start=_ours(installation, "desk", "transfer.pages"),
        ready=_answering(f"{health}/ready"),
        healthy=_answering(f"{health}/live"),
        escalation=((signal.SIGTERM, float(installation.settings.grace_seconds) + 5.0), (signal.SIGKILL, 5.0)),
    )


def _institution(installation: Installation, name: str) -> Component:
    base, token = installation.sandbox_address(name)
    answers = _answering(f"{base}/_sandbox/health", token)
    arguments = (name, "--config", str(installation.sandbox_file(name)))
    return Component(
        name=f"sandbox-{name}",
        # a peer: it gets none of our settings
        start=_python(
            installation,
            f"sandbox-{name}",
            "transfer.sandbox",
            *arguments,
            settings=lambda: {"TMPDIR": str(installation.var / "tmp")},
        ),
        ready=answers,
        healthy=answers,
    )


def _orthanc(installation: Installation) -> Component:
    orthanc = installation.orthanc
    return Component(name="orthanc", start=orthanc.begin, ready=orthanc.answers, healthy=orthanc.answers)


def _airflow(installation: Installation) -> list[Unit]:
    airflow = installation.airflow
    health = AirflowHealth(airflow)
    found: list[Unit] = []
    if not airflow.is_prepared():
        found.append(
            Component(
                name="airflow-setup",
                needs=("postgres",),
                start=_airflow_process(installation, airflow, "airflow-setup", airflow.preparation()),
                max_unwell_seconds=180.0,
                is_job=True,
            )
        )
    first = ("airflow-setup",) if found else ("postgres",)
    # whatever runs tasks starts after, and stops before, what tasks use
    used_by_tasks = {"scheduler": ("ledger", "bucket")}
    for component in COMPONENTS:
        command = airflow.command(component)
        found.append(
            Component(
                name=f"airflow-{component}",
                needs=(*first, *used_by_tasks.get(component, ())),
                # a task whose end nobody takes down waits for long
                uses=("airflow-api-server",) if component == "scheduler" else (),
                start=health.noting(
                    component, _airflow_process(installation, airflow, f"airflow-{component}", command)
                ),
                ready=health.is_warm if component == "api-server" else partial(health.is_well, component),
                healthy=partial(health.is_not_unwell, component),
                max_unwell_seconds=120.0,
                silence=90.0,
                escalation=_STOP_SCHEDULER if component == "scheduler" else _STOP,
            )
        )
    found.append(
        Component(
            name="airflow-prune",
            needs=first,
            start=_airflow_process(
                installation,
                airflow,
                "airflow-prune",
                [sys.executable, "-m", "transfer.embedded.airflow_prune", "--daily"],
            ),
        )
    )
    found.append(SetupStep(name="dags", needs=("airflow-api-server", "airflow-dag-processor"), run=_parsed(airflow)))
    return found


def _airflow_process(
    installation: Installation, airflow: Airflow, name: str, command: list[str]
) -> Callable[[], subprocess.Popen[bytes]]:
    return lambda: spawn(
        command,
        log=installation.log_of(name),
        environment=airflow.environment(),
        folder=airflow.folder,
        dies_with_us=signal.SIGTERM,
    )


def _parsed(airflow: Airflow) -> Callable[[], None]:
    """Airflow knows every DAG and lets the dispatcher in, so that nothing posted after this is refused as unknown."""
    token: list[str] = []

    def run() -> None:
        expected = {path.stem for path in airflow.dags_folder.glob("[!_]*.py")}
        if expected and not token:
            if not (given := airflow.token()):
                raise Unavailable("Airflow gives the dispatcher no token")
            token.append(given)
        if expected and len(airflow.dags(token[0])) < len(expected):
            raise Unavailable("Airflow has not parsed all DAGs yet; if it stays so, one of them cannot be imported")

    return run


def _ours(installation: Installation, name: str, module: str) -> Callable[[], subprocess.Popen[bytes]]:
    """A process of ours: with all settings, and a port of its own to say how it is."""
    return _python(
        installation,
        name,
        module,
        settings=lambda: {**installation.environment(), "TRANSFER_HEALTH": installation.health_address(name)},
    )


def _python(
    installation: Installation, name: str, module: str, *arguments: str, settings: Callable[[], dict[str, str]]
) -> Callable[[], subprocess.Popen[bytes]]:
    def start() -> subprocess.Popen[bytes]:
        return spawn(
            [sys.executable, "-m", module, *arguments],
            log=installation.log_of(name),
            environment=inherited(**settings()),
            folder=installation.var,
            dies_with_us=signal.SIGTERM,
        )

    return start


def _answering(url: str, token: str | None = None) -> Callable[[], bool]:
    def ask() -> bool:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            with urllib3.PoolManager(retries=False, timeout=5.0) as http:
                return http.request("GET", url, headers=headers, redirect=False).status == 200
        except (urllib3.exceptions.HTTPError, OSError):
            return False

    return ask


def _tried(ready: Callable[[], bool]) -> Callable[[], bool]:
    def ask() -> bool:
        try:
            return ready()
        except Unavailable:
            return False

    return ask


def _if_embedded(installation: Installation, part: str) -> tuple[str, ...]:
    return (part,) if installation.is_embedded(part) else ()
