"""Asking a part of the installation how it stands, wherever it runs, within seconds."""

import json
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Final

from transfer import probe
from transfer.adapters.held_keys import HeldKeys
from transfer.errors import OtherKeys, TransferError, Unavailable
from transfer.health import PROCESSES, address_of
from transfer.ledger import Ledger
from transfer.operation import PartStanding, PartState
from transfer.sealing import SITE, KeyGone
from transfer.settings import Settings
from transfer.staging import Vault

#: seconds a part may take to say how it is
SECONDS: Final = 6.0


def stands(name: str, ask: Callable[[], object], seconds: float = SECONDS) -> PartStanding:
    """Ask it, in a thread that nobody waits for longer than that. What `ask` raises is why it is away."""
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
    thread.join(seconds)
    note = said[0] if said else f"no answer in {seconds:.0f} seconds"
    return PartStanding(name=name, state=PartState.AWAY if note else PartState.UP, note=note)


def process(settings: Settings, name: str, seconds: float = SECONDS) -> PartStanding:
    """One of `PROCESSES`, asked whether it is ready."""
    address = address_of(name, settings.names)
    if not address:
        note = f"{PROCESSES[name]} does not say where it tells how it is"
        return PartStanding(name=name, state=PartState.NOT_ASKED, note=note)
    return stands(name, lambda: _ready(address), seconds)


def ask_store(vault: Vault) -> None:
    """Raises `Unavailable` where it does not answer us."""
    if not vault.answers():
        raise Unavailable("it does not answer, or does not take our key")


def ask_keys(keys: HeldKeys, ledger: Ledger | None) -> None:
    """They are there and can be read; and they are this ledger's, where one is given and it can be told.

    Raises:
        OtherKeys: no keys are here, or others, or we may not read them.
    """
    try:
        if not keys.has(SITE):
            raise OtherKeys("no keys are here: they were never begun, or their disk is not mounted")
        keys.hmac(SITE, b"ready")
    except PermissionError:
        raise OtherKeys("the keys are here, and this account may not read them") from None
    except KeyGone:
        raise OtherKeys("the site's key is here and cannot be read: it is damaged") from None
    if ledger and ledger.has_other_keys():
        raise OtherKeys("the keys here are not those of this ledger")


def beating(name: str, beat: datetime | None) -> PartStanding:
    """A component that tells when it last gave a sign of life; None: it is not healthy."""
    if beat is None:
        return PartStanding(name=name, state=PartState.AWAY, note="it gives no sign of life")
    return PartStanding(name=name, state=PartState.UP, last_beat=beat)


def _ready(address: str) -> None:
    try:
        status, body = probe.ask(f"http://{address}/ready")
    except (OSError, ValueError):
        raise Unavailable("it does not answer") from None
    if status != 200:
        raise Unavailable(f"not ready: {_names(body)}")


def _names(body: str) -> str:
    try:
        return ", ".join(str(name)[:40] for name in json.loads(body)["away"][:10])
    except (KeyError, TypeError, ValueError):
        return "it does not say why"
