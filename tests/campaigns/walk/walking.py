"""Episodes of a walk, each with patients of its own and an empty ledger."""

import random
import traceback
from collections import deque
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg

from tests.campaigns.walk.looking import end_all, look_around, look_at_the_lists, look_back
from tests.campaigns.walk.moves import MOVES
from tests.campaigns.walk.town import Town
from tests.kit.clusters import copied, emptied
from tests.kit.processing import process_all
from transfer.adapters.keys import FolderKeys
from transfer.facts import Origin
from transfer.ledger import Ledger
from transfer.ledger.migrate import migrate

#: steps with the same patients: cases with a long past are slow and show little that is new
EPISODE = 120
#: of the steps before a dead end, how many are told
TOLD = 40


@contextmanager
def an_installation(folder: Path) -> Iterator[tuple[Ledger, psycopg.Connection[Any]]]:
    """A ledger of its own on a PostgreSQL of its own, and its owner's connection."""
    postgres = copied(folder / "postgres")
    postgres.start()
    try:
        migrate(postgres.url("owner"))
        keys = FolderKeys(folder / "keys")
        ledger = Ledger(postgres.url("app"), keys, Origin(process="walk"), connections=4)
        with closing(ledger), psycopg.connect(postgres.url("owner"), autocommit=True) as owner:
            yield ledger, owner
    finally:
        postgres.stop()


def walk(ledger: Ledger, owner: psycopg.Connection[Any], seed: int, steps: int) -> str | None:
    """So many steps from an empty ledger on. What was found, with the last moves; None: everything leads on."""
    emptied(owner)
    dice = random.Random(seed)
    town, told = Town(ledger, owner, dice), deque[str](maxlen=TOLD)
    moves, weights = list(MOVES), list(MOVES.values())
    try:
        for step in range(steps):
            (move,) = dice.choices(moves, weights)
            if (did := move(town)) is not None:
                told.append(f"{step}: {did}")
            if dice.random() < 0.8:
                process_all(town.services)
                look_around(town)
        process_all(town.services)
        look_at_the_lists(town)
        end_all(town)
        process_all(town.services)
        look_around(town)
        look_back(town)
    except Exception:  # noqa: BLE001  whatever a step raises is a finding
        return "\n".join([*told, traceback.format_exc(limit=-6)])
    return None
