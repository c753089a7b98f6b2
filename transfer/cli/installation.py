"""`transfer up`, `down` and `status`: the services of this installation."""

import os
import time
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from transfer.cli.common import plain, print_json
from transfer.cli.exit_codes import NEGATIVE, UNAVAILABLE
from transfer.cli.given import asked
from transfer.embedded.installation import PEOPLE
from transfer.embedded.system import ComponentState, System
from transfer.errors import Unavailable
from transfer.settings import Settings

_VAR = click.option(
    "--var",
    type=click.Path(file_okay=False, path_type=Path),
    default=lambda: Path(os.environ.get("TRANSFER_VAR") or "var"),
    show_default="TRANSFER_VAR, else ./var",
    help="The folder of this installation; all that is written lies in it.",
)

_COLOURS = {"up": "green", "done": "green", "starting": "yellow", "waiting": "yellow", "not asked": "yellow"}


@click.command()
@_VAR
@click.option("--sandbox/--no-sandbox", default=True, show_default=True, help="With the stand-in institutions.")
def up(var: Path, *, sandbox: bool) -> None:
    """Start everything and wait until it is well. What runs already is kept.

    PostgreSQL, the object store, Airflow, the doors, the desk and the stand-in institutions run in the background. They
    are watched, and started again when they end. Ctrl-C while this waits stops what was started. At the end it prints
    where the desk is and how to sign in.

    To use a database, store or Airflow of your own, set TRANSFER_DATABASE_URL and TRANSFER_OWNER_DATABASE_URL,
    TRANSFER_S3_ENDPOINT or TRANSFER_AIRFLOW_URL. The ports are TRANSFER_GATEWAY_PORT, TRANSFER_DESK_PORT,
    TRANSFER_STORE_PORT and TRANSFER_AIRFLOW_PORT. With TRANSFER_OIDC_ISSUER your identity provider signs people in.

    Ends with 0 when all is up, with 1 when something does not come up; the message names it and its log. Where the
    folder or its disk will not do it ends with 4, and nothing was started.
    """
    console, began = Console(highlight=False), time.monotonic()
    system = System(var, sandbox=sandbox)
    try:
        with console.status("starting", spinner="dots"):
            system.up(lambda line: console.print(f"[dim]{time.monotonic() - began:6.1f} s[/dim]  {line}"))
    except Unavailable as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        what = "what was started is stopped again" if system.is_ours else "what another started goes on"
        raise click.ClickException(f"interrupted; {what}") from None
    _tell_where(console, var)


@click.command()
@_VAR
def down(var: Path) -> None:
    """Stop everything that `transfer up` started, also what a crash left. Stopping twice does nothing.

    Nothing is lost: work under way goes on after the next start.
    """
    console = Console(highlight=False)
    with console.status("stopping", spinner="dots"):
        System(var).down()
    console.print("Everything is stopped.")


@click.command()
@_VAR
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def status(var: Path, *, as_json: bool) -> None:
    """How each service stands. Ends with 0 if all are well, 1 if one is not, 5 if nothing runs.

    A service that you gave by its address is asked itself, wherever it runs. So are gateway, dispatcher and desk where
    no supervisor runs: TRANSFER_GATEWAY_HEALTH, TRANSFER_DISPATCHER_HEALTH and TRANSFER_DESK_HEALTH say where. The
    ledger, the store, Airflow and the keys are asked with the settings of this place.
    """
    supervised = System(var).status()
    components = [*supervised, *asked(Settings.load(os.environ, var), with_processes=not supervised)]
    if as_json:
        names = ("name", "state", "pid", "restarts", "note")
        print_json([{name: getattr(c, name) for name in names} for c in components], indent=1)
    elif components:
        console = Console(highlight=False)
        console.print(_table(components))
        if supervised:
            console.print(f"\nEach service writes its log to {System(var).var / 'log'}/SERVICE.log", soft_wrap=True)
    else:
        click.echo("Nothing runs here; transfer up starts it.")
    well = all(component.state in ("up", "done", "not asked") for component in components)
    raise SystemExit(UNAVAILABLE if not components else 0 if well else NEGATIVE)


def _table(components: list[ComponentState]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("service", "state", "process", "restarts", ""):
        table.add_column(heading)
    for each in components:
        if each.is_process:
            colour = _COLOURS.get(each.state, "red")
            state = f"[{colour}]{each.state}[/{colour}]"
            table.add_row(each.name, state, str(each.pid or ""), str(each.restarts or ""), Text(plain(each.note)))
    return table


def how_to_sign_in(settings: Settings) -> str:
    """How people sign in at the desk of this installation."""
    if settings.oidc_issuer == settings.names.get("SANDBOX_OPENID_URL"):
        passwords = settings.var / "sandbox" / "passwords.json"
        return f"sign in as {', '.join(PEOPLE)}; passwords in {passwords}"
    return "sign in with your hospital account"


def _tell_where(console: Console, var: Path) -> None:
    settings = Settings.load(os.environ, var)
    console.print("\n[bold green]Everything is up.[/bold green]")
    if address := settings.names.get("TRANSFER_AIRFLOW_URL"):
        passwords = settings.var / "airflow" / "passwords.json"
        remark = f"  (users admin, auditor; passwords in {passwords})" if passwords.exists() else ""
        console.print(f"  Airflow  {address}{remark}", soft_wrap=True)
    console.print(f"  desk     {settings.desk_url}/desk/  ({how_to_sign_in(settings)})", soft_wrap=True)
    console.print(f"  doors    {settings.public_url}", soft_wrap=True)
    console.print(f"  logs     {settings.var / 'log'}", soft_wrap=True)
    console.print("  stop     transfer down")
