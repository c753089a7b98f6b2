"""Testing that a backup can be restored: into a database made for that, beside the ledger, which stays as it is."""

from dataclasses import dataclass

from transfer import facts
from transfer.adapters.backup_folder import BackupFolder
from transfer.backups import Manifest, NoBackup
from transfer.errors import Refused
from transfer.facts import Origin
from transfer.ledger import Ledger, Tx, migrate, snapshot, trail
from transfer.sealing import Keys


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreTest:
    """A restore that was tried, and what of it was found whole."""

    manifest: Manifest
    chains: int
    objects: int


def try_restore(folder: BackupFolder, keys: Keys, scratch_url: str, by: Origin) -> RestoreTest:
    """Restore the ledger of a backup into the empty database at `scratch_url`, its owner's URL, and look at it.

    Each chain is walked, and each object that this ledger names has to be in the backup; `restoring.check` reads their
    bytes, and is called before. All is rolled back: the database is empty again, and may be used for the next test.

    Raises:
        Refused: the database is not empty.
        NoBackup: what came out is not whole; the message names the first thing.
    """
    manifest = folder.manifest()
    migrate.migrate(scratch_url)
    with snapshot.owner(scratch_url) as connection:
        if not snapshot.is_empty(connection):
            raise Refused("the database for the test holds a ledger; it has to be empty")
        tx = Tx(connection, keys, by)

        def fill() -> None:
            for table in manifest.tables:
                snapshot.take_in(connection, table.name, table.columns, folder.read_table(table))

        migrate.rebuild(connection, manifest.migration, fill)
        chains = trail.chains(tx)
        for chain in chains:
            if broken := trail.walk(tx, chain).broken:
                raise NoBackup(broken)
        named = {one.location.key for one in snapshot.objects(tx)}
        connection.rollback()
    held = {one.key for one in manifest.objects}
    if gone := named - held - set(manifest.purged) - set(manifest.lacking):
        raise NoBackup(f"{len(gone)} objects that its ledger names are not in it")
    return RestoreTest(manifest=manifest, chains=len(chains), objects=len(held))


def record_test(ledger: Ledger, found: RestoreTest) -> None:
    """Write down that a restore was tried and went well: `transfer doctor` asks when it was the last time.

    Raises:
        OutOfOrder: the ledger does not answer.
    """
    fact = facts.RestoreTested(
        backup=found.manifest.backup,
        taken=found.manifest.taken_at.isoformat(),
        objects=found.objects,
        chains=found.chains,
    )
    with ledger.transaction() as tx:
        tx.append(facts.SYSTEM, fact)
