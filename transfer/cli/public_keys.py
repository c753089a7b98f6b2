"""`transfer keys public`: what a receiving center pins, so that it knows our packets."""

import os
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from transfer.cli.common import json_option, print_json, var_option

if TYPE_CHECKING:
    from transfer.settings import Settings


@click.command("public")
@click.option("--pem", is_flag=True, help="As PEM (SubjectPublicKeyInfo), for other programs.")
@click.option("--jwks", "as_jwks", is_flag=True, help="As a JWK set (RFC 7517), which transfer verify takes.")
@var_option
@json_option
def public_command(var: Path, *, pem: bool, as_jwks: bool, as_json: bool) -> None:
    """The public keys by which packets of this installation are signed: thumbprint, algorithm, and since when.

    Give a center the JWK set by a way that it trusts, and read the thumbprint to it over the telephone. transfer verify
    prints the same thumbprint (RFC 7638). There is one key, which is made at first use and stays. No secret is printed.

    \b
    Exit codes:
      0  printed
      2  a setting is wrong
      5  the keys do not answer

    \b
    Example:
      transfer keys public
      transfer keys public --jwks > our-keys.json
    """
    from transfer import wiring
    from transfer.adapters.packet.signature import KEY_BITS, jwks
    from transfer.errors import OtherKeys
    from transfer.sealing import SITE
    from transfer.settings import Settings

    if pem + as_jwks + as_json > 1:
        raise click.UsageError("--pem, --jwks and --json: one of them")
    settings = Settings.load(os.environ, var)
    held = wiring.keys(settings)
    if not held.has(SITE):
        raise OtherKeys("no keys are here: they were never begun, or their disk is not mounted")
    signer = wiring.signer(held)
    if as_jwks:
        print_json(jwks([signer]))
        return
    if pem:
        click.echo(signer.public_pem(), nl=False)
        return
    public, since = signer.public_jwk(), _signs_since(settings)
    told = {"kid": public["kid"], "alg": public["alg"], "bits": KEY_BITS, "since": since, "jwk": public}
    if as_json:
        print_json([told])
        return
    used = f"signs packets since {since:%Y-%m-%d}" if since else "has signed no packet that is known here"
    click.echo(f"{public['kid']}  {public['alg']}, RSA {KEY_BITS} bits, {used}")


def _signs_since(settings: "Settings") -> datetime | None:
    """When the first packet was signed; None: none was, or the ledger is not asked or does not answer."""
    from transfer import wiring
    from transfer.errors import Unavailable
    from transfer.ledger import packets

    if "TRANSFER_DATABASE_URL" not in settings.names:
        return None
    try:
        with closing(wiring.ledger(settings, wiring.origin("cli"), connections=1, wait_seconds=3)) as ledger:
            with ledger.transaction() as tx:
                return packets.first_assembled(tx)
    except Unavailable:
        return None
