"""What 223db1f wrote of a case gives its row what a later migration adds to it."""

import json

import psycopg
import pytest

from tests.stored import then
from transfer.arrivals import Priority
from transfer.embedded.postgres import Postgres
from transfer.ledger import Ledger
from transfer.ledger.migrate import rebuild

pytestmark = pytest.mark.servers

_CASE = """INSERT INTO transfer.cases (case_id, stage, opened_at, changed_at)
    VALUES (%s, 'gathering', clock_timestamp(), clock_timestamp())"""
_FACT = """INSERT INTO transfer.facts (chain, sequence, at, kind, text, previous, hash)
    VALUES (%s, %s, clock_timestamp(), %s, %s, %s, %s)"""


def lines(said: Priority) -> list[tuple[str, int, str, bytes, bytes, bytes]]:
    """The facts of a case of then, whose referral said this."""
    found = []
    for text, previous, hash_ in then.lines():
        line = json.loads(text)
        if line["kind"] == "case-opened":
            text = text.replace(b'"priority":"routine"', f'"priority":"{said}"'.encode())
            assert json.loads(text)["body"]["priority"] == said
        found.append((line["chain"], line["sequence"], line["kind"], text, previous, hash_))
    return found


@pytest.mark.parametrize("said", Priority)
def test_an_old_case_is_as_urgent_as_its_referral_said(migrated: Postgres, ledger: Ledger, said: Priority):
    """Every case of then was routine: its referral is made to say something else here."""
    facts = lines(said)
    cases = {chain.removeprefix("case:") for chain, *_ in facts if chain.startswith("case:")}
    unread = "c00000000000"

    def fill() -> None:
        cursor = owner.cursor()
        cursor.executemany(_CASE, [[case] for case in sorted(cases | {unread})])
        cursor.executemany(_FACT, facts)

    with psycopg.connect(migrated.url("owner")) as owner:
        rebuild(owner, "0010", fill)

    with ledger.transaction() as tx:
        found = {row.case_id: row.priority for row in tx.rows("SELECT case_id, priority FROM cases")}
    assert len(cases) > 10
    assert found == dict.fromkeys(cases, said) | {unread: "routine"}
