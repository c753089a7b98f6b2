"""Every column of the ledger is read somewhere: what is only written is told by its fact already."""

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg
import pytest

from transfer.embedded.postgres import Postgres

pytestmark = pytest.mark.servers

FOLDER = Path(__file__).parents[2] / "transfer" / "ledger"
SOURCES = [path.read_text() for path in sorted(FOLDER.glob("*.py"))]
#: what of a statement writes: the columns of an INSERT, and one that an UPDATE sets to a value
WRITES = re.compile(
    r"INSERT INTO \S+(?: AS \w+)?\s*\([^)]*\)|\b\w+ = (?:%s|NULL|true|false|transfer\.now\(\))(?=[,\s])"
)
ALL = re.compile(r"\b(?:SELECT|RETURNING) (?:\w+\.)?\*|, \w+\.\*")
#: only the database reads them
CHECKED = {("site_mark", "is_only"), ("alert_watch", "is_only")}


def statements(sources: list[str]) -> Iterator[str]:
    """Each text of the ledger's modules, with those of the module's own that it is put together of."""
    for tree in map(ast.parse, sources):
        pieces = {
            node.target.id: ast.unparse(node.value)
            for node in tree.body
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value
        } | {
            node.targets[0].id: ast.unparse(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str)):
                text = ast.unparse(node)
                yield "\n".join([text, *(said for name, said in pieces.items() if f"{{{name}}}" in text)])


def unread(columns: list[tuple[str, str]], sources: list[str], others: Sequence[str] = ()) -> set[tuple[str, str]]:
    """Columns that no statement about their table reads, by name or all together (`row.column`)."""
    whole, found = "\n".join(sources), set()
    said = [*statements(sources), *others]
    for table, column in columns:
        about = [WRITES.sub(" ", one) if "INSERT" in one or "UPDATE" in one else one for one in said if table in one]
        is_named = any(re.search(rf"\b{column}\b", one) for one in about)
        is_given = any(ALL.search(one) for one in about) and re.search(rf"\b\w+\.{column}\b", whole)
        if not (is_named or is_given):
            found.add((table, column))
    return found


def test_every_column_is_read(migrated: Postgres):
    with psycopg.connect(migrated.url("owner")) as owner:
        columns = owner.execute(
            """SELECT c.relname, a.attname FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
               WHERE c.relnamespace = 'transfer'::regnamespace AND c.relkind = 'r' AND a.attnum > 0
               AND NOT a.attisdropped"""
        ).fetchall()
        inside = owner.execute(
            """SELECT prosrc FROM pg_proc WHERE pronamespace = 'transfer'::regnamespace
               UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'transfer'
               UNION ALL SELECT adrelid::regclass || ' ' || pg_get_expr(adbin, adrelid) FROM pg_attrdef"""
        ).fetchall()

    assert len(columns) > 400
    assert unread(columns, SOURCES, [row[0] for row in inside]) - CHECKED == set()


def test_what_nobody_reads_is_found():
    sources = [
        'tx.run("INSERT INTO doors (door, seen_at) VALUES (%s, %s)")',
        'tx.rows("SELECT * FROM doors")\nrow.door',
    ]

    assert unread([("doors", "door"), ("doors", "seen_at")], sources) == {("doors", "seen_at")}
    assert unread([("doors", "seen_at")], [*sources, 'tx.rows("SELECT seen_at FROM doors")']) == set()
    assert unread([("doors", "seen_at")], ['tx.run("UPDATE doors SET seen_at = %s WHERE door = %s")']) == {
        ("doors", "seen_at")
    }
