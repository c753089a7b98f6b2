"""`transfer restore --test`: whether a backup can be restored, tried in a database of its own."""

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from transfer.cli.common import print_json, progress, settings_at

if TYPE_CHECKING:
    from transfer.settings import Settings


def run(source: Path, var: Path, *, as_json: bool) -> None:
    """Check the backup, restore its ledger into an empty database, look at it, and write down that it went well."""
    from transfer import wiring
    from transfer.adapters.backup_folder import BackupFolder
    from transfer.flow import restoring
    from transfer.flow.restore_tests import record_test, try_restore

    settings = settings_at(var)
    keys = wiring.keys(settings)
    folder = BackupFolder(source.absolute(), keys)
    with closing(wiring.ledger(settings, wiring.origin("cli"), connections=1)) as ledger:
        with progress("Checking") as left:
            restoring.check(folder, keys, lambda done, total: left(total - done))
        with _scratch(settings) as url:
            found = try_restore(folder, keys, url, wiring.origin("cli"))
        record_test(ledger, found)
    if as_json:
        print_json({"backup": found.manifest.backup, "chains": found.chains, "objects": found.objects})
        return
    click.echo(
        f"It can be restored: {found.manifest.backup}, as of {found.manifest.taken_at:%Y-%m-%d %H:%M:%S} UTC, "
        f"{found.objects} objects, {found.chains} chains whole. Nothing here was changed."
    )


@contextmanager
def _scratch(settings: "Settings") -> Iterator[str]:
    """The owner's URL of an empty database: the one that is set, else in a PostgreSQL of its own that ends with it."""
    if url := settings.names.get("TRANSFER_TEST_DATABASE_URL"):
        yield url
        return
    from transfer.embedded.postgres import Postgres

    with tempfile.TemporaryDirectory(prefix="rt-") as folder:
        postgres = Postgres(Path(folder) / "postgres")
        postgres.start()
        try:
            yield postgres.url("owner")
        finally:
            postgres.stop()
