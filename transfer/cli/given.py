"""Services that are given by their address: nobody here starts or stops them, so they themselves are asked."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from transfer import probe
from transfer.embedded.system import ComponentState
from transfer.errors import TransferError, Unavailable

if TYPE_CHECKING:
    from transfer.settings import Settings

#: seconds a service may take to say how it is
_SECONDS: Final = 6.0

#: what can be embedded → the setting that says where somebody else's is
_ADDRESSES: Final = {
    "postgres": "TRANSFER_DATABASE_URL",
    "store": "TRANSFER_S3_ENDPOINT",
    "airflow": "TRANSFER_AIRFLOW_URL",
}
#: processes of ours → the setting that says where they tell how they are
_HEALTH: Final = {
    "gateway": "TRANSFER_GATEWAY_HEALTH",
    "dispatcher": "TRANSFER_DISPATCHER_HEALTH",
    "desk": "TRANSFER_DESK_HEALTH",
}


def asked(settings: "Settings", *, with_processes: bool) -> list[ComponentState]:
    """How each service stands that is given by its address; with the ledger also the keys, wherever they are.
    `with_processes`: gateway, dispatcher and desk, too.
    """
    embedded = settings.names.get("TRANSFER_EMBEDDED", "").split()
    given = [part for part, name in _ADDRESSES.items() if part not in embedded and name in settings.names]
    asks = {"postgres": _ledger, "store": _store, "airflow": _airflow}
    found = [_stands(part, lambda ask=asks[part]: ask(settings)) for part in given]  # type: ignore[misc]
    if settings.keys_url or "postgres" in given:
        found.append(_stands("keys", lambda: _keys(settings)))
    if with_processes and given:
        found += [_process(settings, name, setting) for name, setting in _HEALTH.items()]
    return found


def _process(settings: "Settings", name: str, setting: str) -> ComponentState:
    address = settings.names.get(setting)
    if not address:
        return _state(name, "not asked", f"{setting} does not say where it tells how it is")
    return _stands(name, lambda: _ready(address))


def _stands(name: str, ask: Callable[[], None]) -> ComponentState:
    """Ask it, in a thread that nobody waits for longer than is bearable."""
    said: list[str] = []

    def run() -> None:
        try:
            ask()
            said.append("")
        except TransferError as error:
            said.append(str(error))
        except Exception as error:  # noqa: BLE001 - its text may quote an address with its password
            said.append(f"cannot be asked ({type(error).__name__})")

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(_SECONDS)
    note = said[0] if said else f"no answer in {_SECONDS:.0f} seconds"
    return _state(name, "away" if note else "up", note)


def _state(name: str, state: str, note: str) -> ComponentState:
    return ComponentState(name=name, state=state, pid=None, restarts=0, note=note, is_process=True)


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

    if not wiring.vault(settings).answers():
        raise Unavailable("it does not answer, or does not take our key")


def _keys(settings: "Settings") -> None:
    """They are there, and this ledger's, as far as it can be asked."""
    from contextlib import closing

    from transfer import wiring
    from transfer.errors import OtherKeys
    from transfer.sealing import SITE

    if not wiring.keys(settings).has(SITE):
        raise OtherKeys("no keys are here: they were never begun, or their disk is not mounted")
    if "TRANSFER_DATABASE_URL" in settings.names:
        with closing(wiring.ledger(settings, wiring.origin("cli"), connections=1, wait_seconds=2)) as ledger:
            if ledger.has_other_keys():
                raise OtherKeys("the keys here are not those of this ledger")


def _airflow(settings: "Settings") -> None:
    from transfer.adapters.airflow_api import AirflowApi

    if not AirflowApi(settings.airflow_url, "", "").answers():
        raise Unavailable("it does not answer, or does not reach its database")


def _ready(address: str) -> None:
    try:
        status, body = probe.ask(f"http://{address}/ready")
    except (OSError, ValueError):
        raise Unavailable("it does not answer") from None
    if status != 200:
        raise Unavailable(f"not ready: {_names(body)}")


def _names(body: str) -> str:
    import json

    try:
        return ", ".join(str(name)[:40] for name in json.loads(body)["away"][:10])
    except (KeyError, TypeError, ValueError):
        return "it does not say why"
