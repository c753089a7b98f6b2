"""`transfer keys smart`: the keys by which FHIR servers give us tokens (SMART Backend Services)."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from transfer.cli.common import json_option, print_json, print_table, var_option

if TYPE_CHECKING:
    from transfer.adapters.smart import SmartKeys


@click.command("smart")
@click.option("--new", "algorithm", type=click.Choice(["ES384", "RS384"]), help="Make another key of this kind.")
@click.option("--retire", metavar="KID", help="Remove a key.")
@json_option
@var_option
def smart_command(algorithm: str | None, retire: str | None, var: Path, *, as_json: bool) -> None:
    """The keys by which FHIR servers give us tokens: which are published, and which one signs. With --json: the JWK
    set, for a server that looks up no address.

    They are published at the doors, `/.well-known/jwks.json`. To change keys, make a new one; it signs by itself once
    it was published for a day. Then retire the old one. The keys lie in the folder TRANSFER_SMART_KEYS, 0600; workers
    and gateway read it.

    \b
    Example:
      transfer keys smart --new ES384
    """
    from transfer import wiring
    from transfer.settings import Settings

    keys = wiring.smart_keys(Settings.load(os.environ, var))
    now = datetime.now(UTC)
    if algorithm:
        keys.make(algorithm, now)
    if retire:
        keys.retire(retire)
    if as_json:
        print_json(keys.jwks())
    else:
        _tell(keys, now)


def _tell(keys: "SmartKeys", now: datetime) -> None:
    from transfer.adapters.smart.keys import PUBLISHED

    found = keys.all()
    if not found:
        click.echo("There is none: --new makes one.")
        return
    signing = keys.signing(now).kid
    rows = [
        (
            one.kid,
            one.algorithm,
            f"{one.begun_at:%Y-%m-%d %H:%MZ}",
            "signs"
            if one.kid == signing
            else f"signs from {one.begun_at + PUBLISHED:%Y-%m-%d %H:%MZ}"
            if one.begun_at + PUBLISHED > now
            else "can be retired",
        )
        for one in found
    ]
    print_table(("kid", "", "made", ""), rows)
