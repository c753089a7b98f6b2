"""Services that are given by their address: nobody here starts or stops them, so they themselves are asked."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from transfer.embedded.system import ComponentState
from transfer.errors import Unavailable

if TYPE_CHECKING:
    from transfer.operation import PartStanding
    from transfer.settings import Settings

#: seconds a service may take to say how it is
_SECONDS: Final = 6.0

#: what can be embedded → the setting that says where somebody else's is
_ADDRESSES: Final = {
    "postgres": "TRANSFER_DATABASE_URL",
    "store": "TRANSFER_S3_ENDPOINT",
    "airflow": "TRANSFER_AIRFLOW_URL",
}


def asked(settings: "Settings", *, with_processes: bool) -> list[ComponentState]:
    """How each service stands that is given by its address; with the ledger also the keys, wherever they are.
    `with_processes`: gateway, dispatcher and desk, too.
    """
    from transfer.flow.asking_parts import process
    from transfer.health import PROCESSES

    embedded = settings.names.get("TRANSFER_EMBEDDED", "").split()
    given = [part for part, name in _ADDRESSES.items() if part not in embedded and name in settings.names]
    asks = {"postgres": _ledger, "store": _store, "airflow": _airflow}
    found = [_stands(part, lambda ask=asks[part]: ask(settings)) for part in given]  # type: ignore[misc]
    if settings.keys_url or "postgres" in given:
        found.append(_stands("keys", lambda: _keys(settings)))
    if with_processes and given:
        found += [_state(process(settings, name, _SECONDS)) for name in PROCESSES]
    return found


def _stands(name: str, ask: Callable[[], object]) -> ComponentState:
    from transfer.flow.asking_parts import stands

    return _state(stands(name, ask, _SECONDS))


def _state(part: "PartStanding") -> ComponentState:
    return ComponentState(name=part.name, state=part.state, pid=None, restarts=0, note=part.note, is_process=True)


def _ledger(settings: "Settings") -> None:
    from contextlib import closing, suppress

    from transfer import wiring
    from transfer.errors import OtherKeys

    with (
        closing(wiring.ledger(settings, wiring.origin("cli"), connections=1)) as ledger,
        suppress(OtherKeys),  # it answers; the keys have a line of their own
        ledger.transaction() as tx,
    ):
        tx.now()


def _store(settings: "Settings") -> None:
    from transfer import wiring
    from transfer.flow.asking_parts import ask_store

    ask_store(wiring.vault(settings))


def _keys(settings: "Settings") -> None:
    from contextlib import closing

    from transfer import wiring
    from transfer.flow.asking_parts import ask_keys

    keys = wiring.keys(settings)
    if "TRANSFER_DATABASE_URL" not in settings.names:
        ask_keys(keys, None)
        return
    with closing(wiring.ledger(settings, wiring.origin("cli"), connections=1, wait_seconds=2)) as ledger:
        ask_keys(keys, ledger)


def _airflow(settings: "Settings") -> None:
    from transfer.adapters.airflow_api import AirflowApi

    if not AirflowApi(settings.airflow_url, "", "").answers():
        raise Unavailable("it does not answer, or does not reach its database")
