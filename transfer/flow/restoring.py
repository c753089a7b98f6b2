"""Bringing a backup back: objects first, then the whole ledger in one transaction.

Killed anywhere, it can be run again. What a restore must not undo stands outside the ledger, beside the keys. Keys
destroyed since the backup stay destroyed. Permissions that ended since end again.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import replace as changed
from datetime import date
from typing import Final

import psycopg

from transfer import facts
from transfer.adapters.backup_folder import BackupFolder
from transfer.arrivals import ArrivalState
from transfer.backups import BackedUpObject, Manifest, NoBackup
from transfer.errors import Refused, Unknown, Unreadable
from transfer.facts import Origin
from transfer.flow.backing_up import ProgressCallback, side_by_side
from transfer.flow.enforce import forget_again
from transfer.flow.stopping import end
from transfer.identifiers import InstitutionId
from transfer.ledger import (
    Row,
    Tx,
    arrivals,
    incoming,
    migrate,
    patients,
    permissions,
    purging,
    requests,
    rounds,
    snapshot,
    trail,
    vault_objects,
)
from transfer.permissions import End
from transfer.remedies import Remedy, RemedyCode
from transfer.sealing import SITE, KeyName, Keys
from transfer.staging import Location, Vault

_AT_WORK: Final = "somebody is at work on this ledger; stop gateways, dispatcher and Airflow first"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """Messages of an institution's day that were in the backup, and whose day's key was destroyed since.

    Nobody knows any more what became of them since. `unmatched` counts the unmatched ones, whose time is over.
    """

    institution: InstitutionId
    day: date
    messages: int
    unmatched: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What had to follow from what happened after the backup was taken, and what is owed now."""

    forgotten: tuple[str, ...]
    stopped: tuple[str, ...]
    rounds: int
    unread: tuple[Unread, ...] = ()
    #: objects in the store that neither the ledger before nor the one that was restored names
    stray: int = 0


class KeysMissing(Refused):
    """The keys are not here, and nobody destroyed them."""

    remedy = Remedy(RemedyCode.PUT_KEYS_BACK)


def check(folder: BackupFolder, keys: Keys, told: ProgressCallback) -> Manifest:
    """Read all of a backup and compare it with its manifest.

    Raises:
        NoBackup: it is not whole; the message names what is not.
        KeysMissing: what it holds cannot be read.
    """
    _stop_without(keys, {SITE})
    manifest = folder.manifest()
    _stop_without(keys, {one.under for one in manifest.objects})
    for table in manifest.tables:
        _read_through(folder.read_table(table))

    def read(one: BackedUpObject) -> None:
        if keys.has(one.under):
            _read_through(folder.read_object(one))

    for number, _ in enumerate(side_by_side(read, manifest.objects), start=1):
        told(number, len(manifest.objects))
    return manifest


def restore(
    folder: BackupFolder,
    keys: Keys,
    vault: Vault,
    owner_url: str,
    by: Origin,
    *,
    replace: bool,
    sweep: bool = False,
    told: ProgressCallback,
) -> Settled:
    """Make ledger and vault what they were when the backup was taken, and let every case go on from there.

    `check` it first: this stops at what is not whole, but may have put objects back by then. `sweep` removes what lies
    in the store and no ledger names. Without it, such objects are only counted: they may be another installation's.

    Raises:
        Refused: something was written here and `replace` is not set, or somebody is at work here.
        NoBackup: what came out is not what went in; the ledger is as it was before.
    """
    manifest = folder.manifest()
    with snapshot.owner(owner_url) as connection:
        _stop_unless_idle(connection, replace=replace)
        _announce(Tx(connection, keys, by), manifest)
    _put_objects_back(folder, manifest, keys, vault, told)
    stored = set(vault.keys())
    with snapshot.owner(owner_url) as connection:
        # Hours later, before what is there is given up, ask again behind the lock.
        _lock_out_others(connection)
        _stop_unless_idle(connection, replace=replace)
        tx = Tx(connection, keys, by)
        before = snapshot.names(tx)

        def fill() -> None:
            for table in manifest.tables:
                snapshot.take_in(connection, table.name, table.columns, folder.read_table(table))

        migrate.rebuild(connection, manifest.migration, fill)
        _walk(tx)
        settled = _settle(tx, manifest, vault)
        after = snapshot.names(tx)
        stray = stored - before - after
        vault_objects.mark_for_deletion(tx, sorted((before | stray if sweep else before) - after))
        tx.project()
    return changed(settled, stray=len(stray))


def _stop_unless_idle(connection: psycopg.Connection[Row], *, replace: bool) -> None:
    if snapshot.others_at_work(connection):
        raise Refused(_AT_WORK)
    if not replace and not snapshot.is_empty(connection):
        raise Refused("there is a ledger here already; --replace gives up all that is in it")


def _lock_out_others(connection: psycopg.Connection[Row]) -> None:
    try:
        snapshot.lock_out_others(connection)
    except psycopg.errors.LockNotAvailable:
        raise Refused(_AT_WORK) from None


def _announce(tx: Tx, manifest: Manifest) -> None:
    """Name what is about to be put back. If no ledger comes to name it, it is removed like any orphaned object.

    What the ledger here names already stays as it is.
    """
    for key in sorted({one.key for one in manifest.objects} - snapshot.names(tx)):
        vault_objects._register(tx, key)


def _put_objects_back(
    folder: BackupFolder, manifest: Manifest, keys: Keys, vault: Vault, told: ProgressCallback
) -> None:
    """All but those whose key was destroyed: they are purged."""
    _stop_without(keys, {one.under for one in manifest.objects})

    def put_back(one: BackedUpObject) -> None:
        if keys.has(one.under):
            vault.put_back(_location(one), folder.read_object(one))

    for number, _ in enumerate(side_by_side(put_back, manifest.objects), start=1):
        told(number, len(manifest.objects))


def _location(kept: BackedUpObject) -> Location:
    return Location(key=kept.key, offset=0, length=kept.size, sha256=kept.sha256)


def _stop_without(keys: Keys, names: set[KeyName]) -> None:
    if lost := sum(not keys.has(name) and not keys.was_destroyed(name) for name in names):
        raise KeysMissing(f"{lost} keys are missing that nobody destroyed")


def _walk(tx: Tx) -> None:
    for chain in trail.chains(tx):
        if broken := trail.walk(tx, chain).broken:
            raise NoBackup(broken)


def _settle(tx: Tx, manifest: Manifest, vault: Vault) -> Settled:
    """Nobody is at work, whatever the rows say; and what ended since the backup is ended."""
    arrivals.revoke_claims(tx)
    requests.revoke_claims(tx)
    owed = rounds.begin_again(tx)
    forgotten = _forget_again(tx)
    unread = _forget_days_again(tx, vault)
    for paper in incoming.without_keys(tx):
        vault_objects.mark_for_deletion(tx, incoming.forget(tx, paper))
    stopped = _stop_again(tx)
    fact = facts.Restored(
        backup=manifest.backup,
        taken=manifest.taken_at.isoformat(),
        stopped=stopped,
        forgotten=forgotten,
        unread=tuple(f"{one.institution} {one.day} {one.messages}" for one in unread),
    )
    tx.append(facts.SYSTEM, fact)
    return Settled(forgotten=forgotten, stopped=stopped, rounds=owed, unread=unread)


def _forget_again(tx: Tx) -> tuple[str, ...]:
    """Whose key was destroyed since the backup."""
    names = {patient: KeyName.patient(patient) for patient in patients.known(tx)}
    _stop_without(tx.keys, {*names.values(), *arrivals.sealed_under(tx)})
    forgotten = [patient for patient, name in names.items() if not tx.keys.has(name)]
    for patient in forgotten:
        forget_again(tx, patient)
    return tuple(forgotten)


def _forget_days_again(tx: Tx, vault: Vault) -> tuple[Unread, ...]:
    """Forget what came in a day whose key was destroyed since.

    The key goes when what is still here was sealed anew or joined to a patient. So few of these messages were unmatched
    by then. Their rows cannot be read any more. Bytes in the vault never depended on that key; where they are still
    there, they are kept.
    """
    gone: Counter[tuple[InstitutionId, date]] = Counter()
    unmatched: Counter[tuple[InstitutionId, date]] = Counter()
    for arrival, is_lapsed in arrivals.of_gone_days(tx):
        if not is_lapsed and arrival.location and _is_there(vault, arrival.location):
            arrivals.keep_today(tx, arrival)
            continue
        if arrival.state is not ArrivalState.FILED:  # what was settled need not be sent again
            gone[arrival.institution, arrival.received_at.date()] += 1
            unmatched[arrival.institution, arrival.received_at.date()] += is_lapsed
        purging.forget_arrivals(tx, [arrival.id])
    return tuple(
        Unread(institution=institution, day=day, messages=count, unmatched=unmatched[institution, day])
        for (institution, day), count in sorted(gone.items())
    )


def _is_there(vault: Vault, location: Location) -> bool:
    try:
        _read_through(vault.read(location))
    except (Unknown, Unreadable):
        return False
    return True


def _stop_again(tx: Tx) -> tuple[str, ...]:
    """End the permissions that ended since the backup, in the same way; what follows is a round's work."""
    noted = tx.keys.noted_ends()
    stopped = []
    for patient in permissions.patients_with(tx, noted):
        for one in permissions.filed(tx, patient):
            how = noted.get(one.permission.id)
            if how and _is_further(End(how), one.permission.ended) and end(tx, one, End(how)):
                stopped.append(str(one.permission.id))
    return tuple(stopped)


def _is_further(how: End, ended: End | None) -> bool:
    """Whether the note ends more than the ledger. An older note of a pause does not replace an end for good."""
    return how is not End.PAUSED or ended is None


def _read_through(pieces: Iterator[bytes]) -> None:
    for _ in pieces:
        pass
