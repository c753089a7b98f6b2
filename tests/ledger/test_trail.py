"""Whoever alters the tables beside the product is told of by the walk: each column of each line, and of the head."""

import psycopg
import pytest

from transfer import facts
from transfer.embedded.postgres import Postgres
from transfer.facts import Chain
from transfer.identifiers import CaseId
from transfer.ledger import Ledger, trail

pytestmark = pytest.mark.servers

ALTERED = [
    ("UPDATE facts SET text = convert_to(replace(convert_from(text, 'UTF8'), 'two', 'too'), 'UTF8')", "line 2 is not"),
    ("UPDATE facts SET previous = sha256(previous) WHERE sequence = 2", "line 2 is not what was written"),
    ("UPDATE facts SET hash = sha256(hash) WHERE sequence = 2", "line 2 is not what was written"),
    ("UPDATE facts SET kind = 'case-opened' WHERE sequence = 2", "line 2 is filed under another kind or time"),
    ("UPDATE facts SET at = at + interval '1 microsecond' WHERE sequence = 2", "line 2 is filed under another"),
    ("DELETE FROM facts WHERE sequence = 2", "line 2 is missing"),
    ("DELETE FROM facts WHERE sequence = 3", "line 3 is missing"),
    ("DELETE FROM facts", "all its lines are missing"),
    ("DELETE FROM chain_heads", "its head is missing"),
    ("UPDATE chain_heads SET sequence = 2", "line 3 is not the one its head names"),
    ("UPDATE chain_heads SET hash = sha256(hash)", "line 3 is not the one its head names"),
    ("UPDATE facts SET chain = '{other}' WHERE chain = '{chain}'; UPDATE chain_heads SET chain = '{other}'", "moved"),
]


def written(ledger: Ledger) -> Chain:
    chain = Chain.case(CaseId.draw())
    with ledger.transaction() as tx:
        tx.append_all(chain, [facts.NoteAdded(note=text, hmac="0" * 64) for text in ("one", "two", "three")])
    return chain


def test_what_nobody_altered_is_whole(ledger: Ledger):
    chain = written(ledger)

    with ledger.transaction() as tx:
        walked = trail.walk(tx, chain)

    assert (walked.broken, walked.lines, walked.unanchored) == (None, 3, 3)


@pytest.mark.parametrize(("statement", "told"), ALTERED)
def test_each_column_that_somebody_altered_is_told(ledger: Ledger, migrated: Postgres, statement: str, told: str):
    chain = written(ledger)
    other = Chain.case(CaseId.draw())
    with psycopg.connect(migrated.url("owner"), options="-csearch_path=transfer") as owner:
        owner.execute("ALTER TABLE facts DISABLE TRIGGER ALL")
        owner.execute(statement.format(chain=chain, other=other).encode())
        owner.execute("ALTER TABLE facts ENABLE TRIGGER ALL")

    with ledger.transaction() as tx:
        walked = trail.walk(tx, other if "{other}" in statement else chain)

    assert walked.broken
    assert told in walked.broken
