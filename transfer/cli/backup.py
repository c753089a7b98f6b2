"""`transfer backup` and `transfer restore`."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from transfer.cli import restore_test
from transfer.cli.common import json_option, print_json, progress, settings_at, var_option
from transfer.cli.exit_codes import NEGATIVE
from transfer.cli.keys import ask_passphrase, put_keys_back, take_keys_copy

if TYPE_CHECKING:
    from transfer.adapters.backup_folder import BackupFolder
    from transfer.adapters.held_keys import HeldKeys
    from transfer.backups import Manifest
    from transfer.flow.backing_up import ProgressCallback
    from transfer.flow.restoring import Settled
    from transfer.identifiers import BackupId
    from transfer.settings import Settings


@click.command("backup")
@click.argument("target", type=click.Path(file_okay=False, path_type=Path))
@click.option("--days", default=35, show_default=True, type=click.IntRange(1, 3650), help="When it lapses.")
@var_option
@click.option("--nightly", is_flag=True, help="TARGET holds one folder a backup; the next is named by its day.")
@click.option("--keep", type=click.IntRange(1), help="With --nightly: destroy all but so many of the newest.")
@json_option
def backup_command(target: Path, days: int, var: Path, *, nightly: bool, keep: int | None, as_json: bool) -> None:
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

    --nightly does both by itself: it goes on with a backup that was interrupted, and once the new one is whole it
    destroys those whose day is over. The newest stays. What it did is one line, for the mail of a nightly job.

    \b
    Exit codes:
      0  the backup is whole
      1  it is whole but for objects that the store does not give as they
         were kept; they are named
      4  TARGET holds something else, or another backup into it is under way
      5  ledger, store, TARGET or the copy of the keys does not answer; try
         again

    \b
    Example:
      transfer backup /mnt/backups/2026-11-20
      transfer backup --nightly --keep 14 /mnt/backups < passphrase
    """
    from transfer import wiring
    from transfer.errors import Unavailable

    if keep is not None and not nightly:
        raise click.UsageError("--keep goes with --nightly")
    settings = settings_at(var)
    passphrase = ask_passphrase(wiring.keys(settings))
    try:
        made = _take(settings, target.absolute(), passphrase, days, nightly=nightly, keep=keep)
    except OSError as error:  # what ledger and store do is in our own words already
        raise Unavailable(
            f"the folder of the backup or of the copy of the keys cannot be written ({error.strerror})"
        ) from None
    _tell_backup(made, as_json=as_json, in_a_line=nightly)
    if made.manifest.lacking:
        raise click.exceptions.Exit(NEGATIVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """A backup, and what was done beside it."""

    manifest: "Manifest"
    folder: Path
    #: those that were destroyed because their day was over or there were too many
    destroyed: "list[BackupId]"
    #: how many keys the copy has; None without one
    keys: int | None


def _take(
    settings: "Settings",
    target: Path,
    passphrase: str | None,
    days: int,
    *,
    nightly: bool,
    keep: int | None,
) -> _Made:
    from transfer import wiring
    from transfer.adapters.backup_folder import BackupFolder
    from transfer.adapters.backup_shelf import BackupShelf
    from transfer.flow.backing_up import back_up, check_reachable, destroy_outlived

    held, vault = wiring.keys(settings), wiring.vault(settings)
    ledger = wiring.ledger(settings, wiring.origin("cli"), connections=1)
    shelf = BackupShelf(target if nightly else target.parent, ledger.keys)
    with closing(ledger), shelf.alone() if nightly else nullcontext():
        check_reachable(ledger, vault, settings.owner_database_url)
        with ledger.transaction() as tx:
            today = tx.now().date()
        folder = shelf.next(today) if nightly else BackupFolder(target, ledger.keys)
        folder.check_free()
        # First, so that a wrong passphrase is known before hours of copying; and last, for the keys made meanwhile.
        take_keys_copy(held, passphrase)
        with _bar("Copying") as told:
            manifest = back_up(folder, ledger, vault, settings.owner_database_url, days=days, told=told)
        copied = take_keys_copy(held, passphrase)
        destroyed = destroy_outlived(shelf, ledger, keep) if nightly else []
    return _Made(manifest=manifest, folder=folder.folder, destroyed=destroyed, keys=copied)


@click.command("restore")
@click.argument("source", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--check", "only_check", is_flag=True, help="Only read the backup and say whether it is whole.")
@click.option("--test", "only_test", is_flag=True, help="Restore it into a database of its own, and change nothing.")
@click.option("--replace", is_flag=True, help="Give up all that is in the ledger here.")
@click.option("--sweep", is_flag=True, help="Remove what no ledger names; the bucket must be ours alone.")
@click.option("--keys", "with_keys", is_flag=True, help="First put the keys back from TRANSFER_KEYS_COPY.")
@var_option
@json_option
def restore_command(
    source: Path,
    var: Path,
    *,
    only_check: bool,
    only_test: bool,
    replace: bool,
    sweep: bool,
    with_keys: bool,
    as_json: bool,
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

    --test tries it while everything runs: it restores the ledger into an empty database, walks every chain, and
    compares the objects that it names with those in the backup. A PostgreSQL is started for that, where ours is
    installed; else TRANSFER_TEST_DATABASE_URL names an empty database, as its owner. That it went well is a fact.

    \b
    Exit codes:
      0  restored (--check: the backup is whole; --test: it can be restored)
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

    if only_test:
        if only_check or replace or sweep or with_keys:
            raise click.UsageError("--test goes with none of the others")
        restore_test.run(source, var, as_json=as_json)
        return
    if with_keys:
        put_keys_back(Settings.load(os.environ, var))
    keys = wiring.keys(Settings.load(os.environ, var))
    folder = BackupFolder(source.absolute(), keys)
    with _bar("Checking") as told:
        manifest = restoring.check(folder, keys, told)
    if only_check:
        _tell_check(manifest, as_json=as_json)
        return
    settled = _bring_back(folder, keys, var, replace=replace, sweep=sweep)
    _tell_restore(manifest, settled, as_json=as_json)


def _bring_back(folder: "BackupFolder", keys: "HeldKeys", var: Path, *, replace: bool, sweep: bool) -> "Settled":
    from transfer import wiring
    from transfer.flow import restoring

    with _parts(var) as settings, _bar("Restoring") as told:
        return restoring.restore(
            folder,
            keys,
            wiring.vault(settings),
            settings.owner_database_url,
            wiring.origin("cli"),
            replace=replace,
            sweep=sweep,
            told=told,
        )


@contextmanager
def _bar(label: str) -> Iterator["ProgressCallback"]:
    """A bar that learns its length as it goes."""
    with progress(label) as left:
        yield lambda done, total: left(total - done)


@contextmanager
def _parts(var: Path) -> Iterator["Settings"]:
    """PostgreSQL and the store up, where they are ours, and the ledger migrated; all is stopped at the end."""
    from transfer import wiring
    from transfer.embedded.system import System
    from transfer.errors import Refused
    from transfer.ledger.migrate import migrate
    from transfer.remedies import Remedy, RemedyCode
    from transfer.settings import Settings

    given = Settings.load(os.environ, var)
    if _are_given(given):  # in a container there is nothing to start them with
        migrate(given.owner_database_url)
        wiring.vault(given).ensure_bucket()
        yield given
        return
    if System(var).is_running():
        error = Refused("this installation is at work")
        error.remedy = Remedy(RemedyCode.STOP)
        raise error
    system = System(var, sandbox=False, airflow=False, gateway=False, desk=False, dies_with_us=True)
    system.up()
    try:
        yield Settings.load(os.environ, var)
    finally:
        system.down()


def _are_given(settings: "Settings") -> bool:
    """Database and store are somebody else's, by their addresses: neither is started nor stopped here."""
    embedded = settings.names.get("TRANSFER_EMBEDDED", "").split()
    addresses = {"postgres": "TRANSFER_DATABASE_URL", "store": "TRANSFER_S3_ENDPOINT"}
    return all(name in settings.names and part not in embedded for part, name in addresses.items())


def _tell_backup(made: _Made, *, as_json: bool, in_a_line: bool) -> None:
    manifest = made.manifest
    if as_json:
        print_json(
            {
                "backup": manifest.backup,
                "folder": str(made.folder),
                "taken_at": manifest.taken_at,
                "lapses": manifest.lapses,
                "objects": len(manifest.objects),
                "bytes": manifest.size,
                "purged": len(manifest.purged),
                "lacking": manifest.lacking,
                "destroyed": made.destroyed,
                "keys": made.keys,
            }
        )
        return
    where = f" in {made.folder.name}" if in_a_line else ""
    size = f"{len(manifest.objects)} objects, {manifest.size:,} bytes"
    said = [f"Backup {manifest.backup}{where}: {size}; it lapses on {manifest.lapses}."]
    if manifest.purged:
        said.append(f"{len(manifest.purged)} objects were purged while it was taken.")
    if in_a_line:
        said.append(f"Lacking: {len(manifest.lacking)}. Destroyed: {', '.join(made.destroyed) or 'none'}.")
    else:
        said += [f"LACKING  {key}" for key in manifest.lacking]
    if made.keys is None:
        said.append("The keys are not in it. Keep a copy: TRANSFER_KEYS_COPY says where.")
    else:
        said.append(f"The copy of the keys has {made.keys}.")
    click.echo((" " if in_a_line else "\n").join(said))


def _tell_check(manifest: "Manifest", *, as_json: bool) -> None:
    if as_json:
        print_json({"backup": manifest.backup, "taken_at": manifest.taken_at, "lacking": manifest.lacking})
    else:
        click.echo(f"Whole: {manifest.backup}, taken at {manifest.taken_at:%Y-%m-%d %H:%M:%S} UTC.")


def _tell_restore(manifest: "Manifest", settled: "Settled", *, as_json: bool) -> None:
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
