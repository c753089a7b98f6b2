"""A short walk, and whether the walk would find a dead end."""

import random
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.campaigns.walk.looking import look_around
from tests.campaigns.walk.moves import DeadEnd
from tests.campaigns.walk.town import Town
from tests.campaigns.walk.walking import EPISODE, walk
from tests.kit import builders as b
from tests.kit.processing import process_all
from transfer.embedded.postgres import Postgres
from transfer.ledger import Ledger

pytestmark = pytest.mark.servers


@pytest.fixture
def owner(migrated: Postgres) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(migrated.url("owner"), autocommit=True) as owner:
        yield owner


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_everything_leads_on(ledger: Ledger, owner: psycopg.Connection[Any], seed: int) -> None:
    assert walk(ledger, owner, seed, EPISODE) is None


def test_a_case_that_nothing_leads_on_is_found(ledger: Ledger, owner: psycopg.Connection[Any]) -> None:
    town = Town(ledger, owner, random.Random(1))
    case = b.refer(town.services, town.people[0].chart)
    process_all(town.services)
    look_around(town)
    owner.execute("UPDATE transfer.requests SET state = 'forbidden'")
    owner.execute("UPDATE transfer.due_runs SET state = 'done'")

    with pytest.raises(DeadEnd, match=case):
        look_around(town)
