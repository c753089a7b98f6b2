"""`transfer keys`: where the keys are, how they begin, and how they move."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from transfer.cli.common import ask_secret, json_option, print_json, progress, var_option
from transfer.cli.group import LazyGroup, ListedCommand

if TYPE_CHECKING:
    from transfer.adapters.held_keys import HeldKeys
    from transfer.settings import Settings

_PASSPHRASE = "Passphrase of the copy of the keys"  # noqa: S105  its label

keys = LazyGroup(
    name="keys",
    help="Where the keys are, how they begin, and how they move to another place.",
    listed={
        "show": ListedCommand("transfer.cli.keys:show_command", "How many keys there are, and where."),
        "public": ListedCommand("transfer.cli.public_keys:public_command", "The public keys that a center pins."),
        "begin": ListedCommand("transfer.cli.keys:begin_command", "Make the first key of a new installation."),
        "move": ListedCommand("transfer.cli.keys:move_command", "Move all keys to a folder or a key service."),
        "restore": ListedCommand("transfer.cli.keys:restore_command", "Put back what is missing, from the copy."),
        "smart": ListedCommand("transfer.cli.smart_keys:smart_command", "By which sources give us tokens (SMART)."),
        "new-copy": ListedCommand("transfer.cli.keys:new_copy_command", "The copy was destroyed: begin another."),
    },
)


@click.command("show")
@var_option
@json_option
def show_command(var: Path, *, as_json: bool) -> None:
    """How many keys there are, and where. Asks the key service, where TRANSFER_KEYS is an address.

    \b
    Exit codes:
      0  they are there
      2  a setting is wrong, or the keys of this folder were moved
      5  there are no keys, or the key service does not answer

    \b
    Example:
      transfer keys show
    """
    from transfer.adapters import key_places
    from transfer.errors import OtherKeys
    from transfer.sealing import SITE, site_mark

    settings = _settings(var)
    held = key_places.keys(settings)
    if not held.has(SITE):
        raise OtherKeys("no keys are here: they were never begun, or their disk is not mounted")
    told = {
        "where": settings.keys_url or str(settings.keys),
        "keys": len(held.names()),
        "destroyed": len(held.destroyed()),
        "copy": held.has_copy(),
        "site": site_mark(held).hex()[:16],
    }
    if as_json:
        print_json(told)
        return
    click.echo(f"{told['keys']} keys at {told['where']}, {told['destroyed']} destroyed; site {told['site']}.")
    click.echo("A copy of them is kept." if told["copy"] else "No copy of them is kept: see TRANSFER_KEYS_COPY.")


@click.command("begin")
@var_option
@json_option
def begin_command(var: Path, *, as_json: bool) -> None:
    """Make the first key of a new installation, where TRANSFER_KEYS says. Running it again changes nothing.

    Where TRANSFER_DATABASE_URL is set, the ledger is asked first: one that was begun with other keys gets no new ones.

    Needed once for a key service. A folder on this machine begins with the first start, where the ledger is new. An
    empty folder may also be a disk that is not mounted: a ledger that has other keys is not worked on.

    \b
    Exit codes:
      0  the keys begin, or did before
      2  a setting is wrong
      5  the ledger was begun with other keys, or somebody does not answer

    \b
    Example:
      transfer keys begin
    """
    from transfer import wiring
    from transfer.adapters import key_places

    settings = _settings(var)
    has_ledger = "TRANSFER_DATABASE_URL" in settings.names
    made = wiring.begin_keys(settings) if has_ledger else key_places.begin_keys(settings)
    if as_json:
        print_json({"begun": made})
        return
    click.echo("The keys begin here." if made else "There are keys already; nothing was changed.")


@click.command("move")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.option("--remove", is_flag=True, help="When all is there, destroy the keys in the folder FROM.")
@var_option
@json_option
def move_command(source: str, target: str, var: Path, *, remove: bool, as_json: bool) -> None:
    """Move all keys FROM one place TO another: a folder, or the address of a key service (https://…).

    Stop everything first, on every host. From its first key on, no key is made or destroyed at the old place. Every key
    is compared at the new one. When it was interrupted, run it again. What was destroyed at either place stays so.

    Then set TRANSFER_KEYS on every host, and start again. A purge no longer reaches what is left at the old place:
    --remove destroys it, once everything was found at the new one.

    \b
    Exit codes:
      0  all keys are at the new place
      2  a setting is wrong
      4  the keys at the new place are another installation's, or --remove was
         asked of a service
      5  a place does not answer; run it again

    \b
    Example:
      transfer keys move /srv/keys https://keys.example.org:8743
    """
    from transfer.adapters.keys import FolderKeys
    from transfer.adapters.moving_keys import move_keys
    from transfer.errors import NotAllowed

    settings = _settings(var)
    old, new = _place(source, settings), _place(target, settings)
    if remove and not isinstance(old, FolderKeys):
        raise NotAllowed("--remove is for a folder: destroy those of a service on its own host")
    with progress("Moving") as left:
        moved = move_keys(old, new, target, lambda done, total: left(total - done))
    removed = old.forget() if remove and isinstance(old, FolderKeys) else 0
    if as_json:
        print_json({"keys": moved.keys, "destroyed": moved.destroyed, "ends": moved.ends, "removed": removed})
        return
    click.echo(f"{moved.keys} keys are at {target}, and {moved.destroyed} that were destroyed are named there.")
    left_there = f"They still lie at {source}, and no purge reaches them there."
    click.echo(f"{removed} were destroyed at {source}." if remove else left_there)
    click.echo("Now set TRANSFER_KEYS on every host.")


@click.command("restore")
@var_option
@json_option
def restore_command(var: Path, *, as_json: bool) -> None:
    """Put back the keys that are missing from the folder TRANSFER_KEYS, from their copy. Asks for its passphrase.

    Run it on the host of the key service, while the service is stopped. Destroyed keys stay destroyed.

    \b
    Example:
      transfer keys restore < passphrase
    """
    count = put_keys_back(_settings(var))
    if as_json:
        print_json({"keys": count})
        return
    click.echo(f"{count} keys were put back.")


@click.command("new-copy")
@var_option
@json_option
def new_copy_command(var: Path, *, as_json: bool) -> None:
    """Say that the copy of the keys was destroyed, as with its disk. The next backup begins another.

    Until then purges and backups wait for it. A copy that is there stays as it is. With a key service, run it on the
    host of the service. Running it again changes nothing.

    \b
    Example:
      transfer keys new-copy
    """
    from transfer.adapters.keys_copy import KeysCopy

    settings = _settings(var)
    given_up = KeysCopy(_copy_folder(settings)).give_up(settings.keys)
    if as_json:
        print_json({"given_up": given_up})
        return
    click.echo("The next backup begins another copy." if given_up else "Nothing waits for a copy; nothing was changed.")


def put_keys_back(settings: "Settings") -> int:
    """Ask for the passphrase and put back what is missing. Says how many."""
    from transfer.adapters.keys_copy import KeysCopy

    return KeysCopy(_copy_folder(settings)).put_back(settings.keys, ask_secret(_PASSPHRASE))


def _copy_folder(settings: "Settings") -> Path:
    if settings.keys_url:
        raise click.UsageError("the keys are at a key service: run this on its host, where TRANSFER_KEYS is the folder")
    if settings.keys_copy is None:
        raise click.UsageError("TRANSFER_KEYS_COPY does not say where the copy of the keys is")
    return settings.keys_copy


def take_keys_copy(held: "HeldKeys", passphrase: str | None) -> int | None:
    """How many keys the copy has now; None where there is none."""
    return held.take_copy(passphrase) if passphrase is not None else None


def ask_passphrase(held: "HeldKeys") -> str | None:
    """The passphrase of the copy of the keys, where one is kept."""
    return ask_secret(_PASSPHRASE) if held.has_copy() else None


def _settings(var: Path) -> "Settings":
    from transfer.settings import Settings

    return Settings.load(os.environ, var)


def _place(said: str, settings: "Settings") -> "HeldKeys":
    from transfer.adapters import key_places
    from transfer.adapters.keys import FolderKeys

    if "://" in said:
        return key_places.key_service(settings, said.rstrip("/"))
    return FolderKeys(Path(said).absolute(), begins=False)
