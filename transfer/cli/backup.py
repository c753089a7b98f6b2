"""`transfer backup` and `transfer restore`."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from transfer.cli.common import json_option, print_json, progress, settings_at, var_option
from transfer.cli.group import NEGATIVE
from transfer.cli.keys import ask_passphrase, put_keys_back, take_keys_copy

if TYPE_CHECKING:
    from transfer.backups import Manifest
    from transfer.flow.backing_up import ProgressCallback
    from transfer.settings import Settings


@click.command("backup")
@click.argument("target", type=click.Path(file_okay=False, path_type=Path))
@click.option("--days", default=35, show_default=True, type=click.IntRange(1, 3650), help="When it lapses.")
@var_option
@json_option
def backup_command(target: Path, days: int, var: Path, *, as_json: bool) -> None:
    """Take a backup into the folder TARGET while everything runs.

    It holds the ledger at one moment, and every object of the vault that the ledger names. Each object is checked
    against its SHA-256 on the way.

    All of it is sealed, and the keys are not in it. Without the keys nobody can read a backup. What is purged later is
    purged in every backup.

    Keep the keys apart: set TRANSFER_KEYS_COPY to a folder on another disk. The keys are copied there, sealed under a
    passphrase. The command asks for it, or takes it as a line from a pipe. There is one such copy, and a key that is
    destroyed is destroyed there too. Keep the passphrase on paper, with the disk.

    Each backup has a folder of its own. An interrupted backup says so, and restore refuses it. The same command again
    goes on with what is there. Destroy a backup on the day it lapses; purges name it until then.

    \b
    Exit codes:
      0  the backup is whole
      1  it is whole but for objects that the store does not give as they
         were kept; they are named
      4  TARGET holds something else
      5  ledger, store or the copy of the keys does not answer; try again

    \b
    Example:
      transfer backup /mnt/backups/2026-11-20
    """
    from transfer import wiring
    from transfer.adapters.backup_folder import BackupFolder
    from transfer.flow.backing_up import back_up

    settings = settings_at(var)
    held = wiring.keys(settings)
    passphrase = ask_passphrase(held)
    # First, so that a wrong passphrase is known before hours of copying; and last, for the keys made meanwhile.
    take_keys_copy(held, passphrase)
    ledger = wiring.ledger(settings, wiring.origin("cli"), connections=1)
    try:
        folder = BackupFolder(target.absolute(), ledger.keys)
        with _bar("Copying") as told:
            vault = wiring.vault(settings)
            made = back_up(folder, ledger, vault, settings.owner_database_url, days=days, told=told)
    finally:
        ledger.close()
    _tell_backup(made, take_keys_copy(held, passphrase), as_json=as_json)
    if made.lacking:
        raise click.exceptions.Exit(NEGATIVE)


@click.command("restore")
@click.argument("source", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--check", "only_check", is_flag=True, help="Only read the backup and say whether it is whole.")
@click.option("--replace", is_flag=True, help="Give up all that is in the ledger here.")
@click.option("--sweep", is_flag=True, help="Remove what no ledger names; the bucket must be ours alone.")
@click.option("--keys", "with_keys", is_flag=True, help="First put the keys back from TRANSFER_KEYS_COPY.")
@var_option
@json_option
def restore_command(
    source: Path, var: Path, *, only_check: bool, replace: bool, sweep: bool, with_keys: bool, as_json: bool
) -> None:
    """Bring back the backup in the folder SOURCE. Ledger and vault are then as they were when it was taken.

    Every case goes on from there at the next transfer up. Airflow's own database is not needed.

    Nothing may be at work: run transfer down first. PostgreSQL and the store are started for the time where they are
    embedded; else the settings say where they are. The whole backup is checked before anything is written, and every
    chain of the ledger before it counts. When a restore is interrupted, run it again.

    A restore undoes no purge and no revocation. A patient whose key was destroyed since stays unreadable. Permissions
    that ended since end again. A message whose day's key was destroyed since is named by institution and day, and has
    to be sent again. What else came since is not in it: ask the institutions to send it again. The restore names the
    time.

    A store that outlived its ledger may hold what came after the backup. Nobody will ever name it again. It is counted;
    --sweep removes it, at the next transfer up. Never sweep where another installation uses the same bucket, as one
    that a restore is tried on does.

    \b
    Exit codes:
      0  restored (--check: the backup is whole)
      1  no whole backup lies there: unfinished, damaged or altered; what is
         wrong is named, and nothing was changed
      4  there is a ledger here (see --replace), somebody is at work, or keys
         are missing (see --keys)
      5  ledger, store or the copy of the keys does not answer; try again

    \b
    Example:
      transfer down
      transfer restore /mnt/backups/2026-11-20
      transfer up
    """
    from transfer import wiring
    from transfer.adapters.backup_folder import BackupFolder
    from transfer.flow import restoring
    from transfer.settings import Settings

    if with_keys:
        put_keys_back(Settings.load(os.environ, var))
    keys = wiring.keys(Settings.load(os.environ, var))
    folder = BackupFolder(source.absolute(), keys)
    with _bar("Checking") as told:
        manifest = restoring.check(folder, keys, told)
    if only_check:
        _tell_check(manifest, as_json=as_json)
        return
    with _parts(var) as settings, _bar("Restoring") as told:
        settled = restoring.restore(
            folder,
            keys,
            wiring.vault(settings),
            settings.owner_database_url,
            wiring.origin("cli"),
            replace=replace,
            sweep=sweep,
            told=told,
        )
    _tell_restore(manifest, settled, as_json=as_json)


@contextmanager
def _bar(label: str) -> Iterator["ProgressCallback"]:
    """A bar that learns its length as it goes."""
    with progress(label) as left:
        yield lambda done, total: left(total - done)


@contextmanager
def _parts(var: Path) -> Iterator["Settings"]:
    """PostgreSQL and the store up, where they are ours, and the ledger migrated; all is stopped at the end."""
    from transfer.embedded.system import System
    from transfer.errors import Refused
    from transfer.remedies import Remedy, RemedyCode
    from transfer.settings import Settings

    if System(var).is_running():
        error = Refused("this installation is at work")
        error.remedy = Remedy(RemedyCode.STOP)
        raise error
    system = System(var, sandbox=False, airflow=False, gateway=False, dies_with_us=True)
    system.up()
    try:
        yield Settings.load(os.environ, var)
    finally:
        system.down()


def _tell_backup(made: "Manifest", keys: int | None, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "backup": made.backup,
                "taken_at": made.taken_at,
                "lapses": made.lapses,
                "objects": len(made.objects),
                "bytes": made.size,
                "purged": len(made.purged),
                "lacking": made.lacking,
                "keys": keys,
            }
        )
        return
    click.echo(f"Backup {made.backup}: {len(made.objects)} objects, {made.size:,} bytes; it lapses on {made.lapses}.")
    if made.purged:
        click.echo(f"{len(made.purged)} objects were purged while it was taken.")
    for key in made.lacking:
        click.echo(f"LACKING  {key}")
    if keys is None:
        click.echo("The keys are not in it. Keep a copy: TRANSFER_KEYS_COPY says where.")
    else:
        click.echo(f"The copy of the keys has {keys}.")


def _tell_check(manifest: "Manifest", *, as_json: bool) -> None:
    if as_json:
        print_json({"backup": manifest.backup, "taken_at": manifest.taken_at, "lacking": manifest.lacking})
    else:
        click.echo(f"Whole: {manifest.backup}, taken at {manifest.taken_at:%Y-%m-%d %H:%M:%S} UTC.")


def _tell_restore(manifest: "Manifest", settled: object, *, as_json: bool) -> None:
    from transfer.flow.restoring import Settled

    assert isinstance(settled, Settled)
    if as_json:
        print_json({"backup": manifest.backup, "taken_at": manifest.taken_at, "settled": settled})
        return
    click.echo(f"Restored: {manifest.backup}, as of {manifest.taken_at:%Y-%m-%d %H:%M:%S} UTC.")
    click.echo(
        f"{len(settled.forgotten)} patients purged since stay purged; {len(settled.stopped)} permissions that ended "
        f"since are ended; {settled.rounds} rounds are owed."
    )
    for one in settled.unread:
        click.echo(
            f"Ask {one.institution} to send again what it sent on {one.day}: {one.messages} messages are gone with "
            f"that day's key, {one.unmatched} of them unmatched."
        )
    if settled.stray:
        click.echo(f"{settled.stray} objects in the store were named by no ledger (see --sweep).")
    click.echo("Ask the institutions to send again what they sent after that time. Then: transfer up.")
