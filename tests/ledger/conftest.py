"""How the database plans and reads is the point here, and some tests change its tables: no connection is an old one."""

from collections.abc import Iterator

import pytest

from tests.kit.clusters import Emptier
from transfer.adapters.keys import FolderKeys
from transfer.embedded.postgres import Postgres
from transfer.facts import Origin
from transfer.ledger import Ledger


@pytest.fixture
def ledger(migrated: Postgres, emptier: Emptier, keys: FolderKeys) -> Iterator[Ledger]:
    """The real ledger, empty; its connections are new."""
    emptier.empty()
    ledger = Ledger(migrated.url("app"), keys, Origin(process="test"), connections=12)
    yield ledger
    ledger.close()
